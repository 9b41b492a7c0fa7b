//! A query page: a text, what runs of it, and what came of that. Each has a connection and a session of its own.

use super::{
    editor::Editor,
    messages::Messages,
    read_only,
    run::{self, Run, Script, Session},
};
use crate::{
    base::{ids::*, text::Buffer, transaction::Transaction},
    failure::Failure,
    sql::safety::mask::Values,
    update::results::{Results, Shown},
};

use serde::{Deserialize, Serialize};

/// The query pages of all tabs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pages {
    /// In no order: the tabs have one.
    pub open: Vec<Page>,
    /// The tab on screen. While it holds a page of another kind, no query page is active.
    pub active: TabId,
    /// The number of the next untitled page.
    next_number: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page {
    pub id: TabId,
    /// Its number, for its title while it has no other.
    pub number: u32,
    /// What the user called it; empty for untitled ones.
    pub title: String,
    /// The connection that it uses.
    pub connection: Option<ConnectionId>,
    pub editor: Editor,
    pub session: Session,
    /// What it keeps for a read-only connection, whose sessions keep nothing.
    pub read_only: read_only::Kept,
    pub run: Run,
    /// What runs next, once the session is free.
    pub queued: Option<Script>,
    pub results: Results,
    pub messages: Messages,
    /// How the last connect or statement ended.
    pub ended: Option<Ended>,
    /// Whether it connects to the sandbox once that runs.
    pub waits_for_sandbox: bool,
    /// The secrets in what was run here, which what comes back may repeat. They are in no recording and no dump.
    #[serde(skip)]
    pub secrets: Values,
}

/// How the last thing on a page ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ended {
    Well,
    /// It failed, or was cancelled.
    Badly {
        /// With all that is known of it.
        failure: Box<Failure>,
    },
}

impl Page {
    /// Why the last connect or statement ended badly, if it did.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.ended {
            Some(Ended::Badly { failure }) => Some(failure),
            Some(Ended::Well) | None => None,
        }
    }

    /// An empty page.
    pub fn new(id: TabId, number: u32, buffer: Buffer) -> Self {
        Self {
            id,
            number,
            title: String::new(),
            connection: None,
            editor: Editor::new(buffer),
            session: Session::Closed,
            read_only: read_only::Kept::default(),
            run: Run::Idle,
            queued: None,
            results: Results::default(),
            messages: Messages::default(),
            ended: None,
            waits_for_sandbox: false,
            secrets: Values::default(),
        }
    }

    /// What its tab is called: its name, its file, the comment that it begins with, or a number.
    pub fn label(&self) -> String {
        if !self.title.is_empty() {
            return self.title.clone();
        }
        if let Some(file) = &self.editor.file {
            return file.path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
        }
        let first = self.editor.buffer.text().line(0);
        match first.trim().strip_prefix("--").map(str::trim) {
            Some(comment) if !comment.is_empty() => comment.chars().take(40).collect(),
            _ => format!("untitled {}", self.number),
        }
    }

    /// The transaction status of its session.
    pub fn transaction(&self) -> Option<Transaction> {
        match &self.session {
            Session::Live(live) => Some(live.transaction),
            Session::Closed | Session::Opening { .. } | Session::Lost(_) => None,
        }
    }

    /// What would be lost with its session, in words: a reason to ask before it is closed.
    pub fn would_lose(&self) -> Vec<String> {
        let mut reasons = self.would_lose_session();
        if self.editor.is_unsaved() {
            reasons.push("its file has unsaved changes".to_owned());
        }
        reasons
    }

    /// What would be lost with its session alone: the text is kept whatever happens.
    pub fn would_lose_session(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if let Run::Running(running) = &self.run
            && !matches!(running.phase, run::Phase::Paused { .. })
        {
            reasons.push("a statement is running".to_owned());
        }
        if let Session::Live(live) = &self.session {
            reasons.extend(live.open_transaction());
        }
        reasons
    }

    /// Whether something is under way in it.
    pub fn is_busy(&self) -> bool {
        let running = match &self.run {
            Run::Idle => false,
            // One that stands at an error waits for the user.
            Run::Waiting { script, .. } => !script.asks,
            Run::Running(running) => !matches!(running.phase, run::Phase::Paused { .. }),
        };
        running
            || self.queued.is_some()
            || matches!(self.session, Session::Opening { .. }) && !matches!(self.run, Run::Idle)
    }

    /// Whether its results area has anything to be in: results, messages, a connect that failed.
    pub fn has_results(&self) -> bool {
        !self.results.is_blank()
            || !self.messages.is_empty()
            || !matches!(self.run, Run::Idle)
            || self.ended.is_some()
    }

    /// Whether anything was done in it.
    pub fn is_used(&self) -> bool {
        !self.editor.buffer.text().is_empty()
            || self.editor.file.is_some()
            || self.connection.is_some()
            || self.waits_for_sandbox
            || !matches!(self.run, Run::Idle)
    }
}

impl Pages {
    /// What the rows of all results cost in memory.
    pub fn held_bytes(&self) -> u64 {
        self.open.iter().map(|tab| tab.results.heap_bytes()).sum()
    }

    /// What would be lost in the tabs of a connection with their sessions, in words.
    pub fn would_lose_on(&self, connection: ConnectionId) -> Vec<String> {
        self.open
            .iter()
            .filter(|tab| tab.connection == Some(connection))
            .flat_map(|tab| {
                let label = tab.label();
                tab.would_lose_session().into_iter().map(move |reason| format!("{label}: {reason}"))
            })
            .collect()
    }

    /// One empty page, for the first tab.
    pub fn new(active: TabId) -> Self {
        let mut pages = Self { active, open: vec![], next_number: 1 };
        pages.add(active, None);
        pages
    }

    /// Adds an empty one for a tab.
    pub fn add(&mut self, tab: TabId, connection: Option<ConnectionId>) -> &mut Page {
        let number = self.take_number();
        let page = Page { connection, ..Page::new(tab, number, Buffer::default()) };
        self.open.push_mut(page)
    }

    /// Takes the page out of a tab that is closed.
    pub fn remove(&mut self, tab: TabId) -> Option<Page> {
        let place = self.open.iter().position(|page| page.id == tab)?;
        Some(self.open.remove(place))
    }

    /// Where the Messages pane is shown, its messages are seen.
    pub fn see_messages(&mut self) {
        let shows = |page: &&mut Page| page.results.shown == Shown::Messages;
        self.open.iter_mut().filter(shows).for_each(|page| page.messages.seen());
    }

    /// The sandbox is a connection now: the pages that wait for it get it, but the one on screen is left as it is.
    /// Answers with all that waited.
    pub fn sandbox_started(&mut self, connection: ConnectionId) -> Vec<TabId> {
        let mut waited = vec![];
        for page in &mut self.open {
            if std::mem::take(&mut page.waits_for_sandbox) {
                waited.push(page.id);
                if page.id != self.active {
                    page.connection.get_or_insert(connection);
                }
            }
        }
        waited
    }

    /// The sandbox did not start: the pages that wait for it say so.
    pub fn sandbox_failed(&mut self, failure: &Failure) {
        for page in &mut self.open {
            if std::mem::take(&mut page.waits_for_sandbox) {
                page.ended = Some(Ended::Badly { failure: Box::new(failure.clone()) });
            }
        }
    }

    /// Counts untitled pages from 1 again.
    pub fn renumber(&mut self) {
        self.next_number = 1;
    }

    /// Gives a page the next number.
    pub fn number_anew(&mut self, tab: TabId) {
        let number = self.take_number();
        if let Some(page) = self.get_mut(tab) {
            page.number = number;
        }
    }

    /// The page on screen.
    pub fn active(&self) -> Option<&Page> {
        self.open.iter().find(|tab| tab.id == self.active)
    }

    /// The same, to change it.
    pub fn active_mut(&mut self) -> Option<&mut Page> {
        self.get_mut(self.active)
    }

    /// The query page of a tab, if it has one.
    pub fn get(&self, id: TabId) -> Option<&Page> {
        self.open.iter().find(|tab| tab.id == id)
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, id: TabId) -> Option<&mut Page> {
        self.open.iter_mut().find(|tab| tab.id == id)
    }

    fn take_number(&mut self) -> u32 {
        let number = self.next_number;
        self.next_number = self.next_number.saturating_add(1);
        number
    }
}
