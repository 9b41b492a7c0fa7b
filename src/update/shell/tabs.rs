//! Tabs: each has a text, a connection, a session, results and messages of its own.

use super::{
    dialog::{self, Confirm, Dialog},
    leaving,
};
use crate::{
    base::{ids::*, text::Buffer, transaction::Transaction},
    failure::Failure,
    model::{Area, Model},
    sql::safety::mask::Values,
    update::{
        connection::{self, Connection, Connections},
        cx::Cx,
        files,
        keeping::{self, SavedTab, TabPlace},
        query::{
            editor::{self, Editor, FileLink},
            messages::Messages,
            read_only,
            run::{self, Run, Script, Session},
        },
        results::Results,
    },
};

use serde::{Deserialize, Serialize};

/// So many closed tabs can be reopened.
const CLOSED_LIMIT: usize = 20;

/// The tabs of the window. There is always one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tabs {
    /// The open ones, from the left.
    pub open: Vec<Tab>,
    /// The one on screen.
    pub active: TabId,
    /// Closed ones, the last one at the end.
    pub closed: Vec<SavedTab>,
    /// The number of the next untitled tab.
    pub next_number: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tab {
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

/// How the last thing in a tab ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ended {
    Well,
    /// It failed, or was cancelled.
    Badly {
        /// With all that is known of it.
        failure: Box<Failure>,
    },
}

/// What the window reports of tabs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// A tab was clicked.
    Chosen { tab: TabId },
    /// A tab's close mark was clicked.
    CloseRequested { tab: TabId },
}

impl Tab {
    /// Why the last connect or statement ended badly, if it did.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.ended {
            Some(Ended::Badly { failure }) => Some(failure),
            Some(Ended::Well) | None => None,
        }
    }

    /// An empty tab.
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

    /// What the tab is called: its name, its file, the comment that it begins with, or a number.
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

    /// Whether anything was done in it.
    fn is_used(&self) -> bool {
        !self.editor.buffer.text().is_empty()
            || self.editor.file.is_some()
            || self.connection.is_some()
            || self.waits_for_sandbox
            || !matches!(self.run, Run::Idle)
    }

    /// A connection that was made for another run of the program is not known in this one.
    fn forget_unknown(&mut self, connections: &Connections) {
        self.connection = self.connection.filter(|id| connections.contains_key(id));
    }

    fn place(&self, active: TabId) -> TabPlace {
        TabPlace {
            id: self.id,
            active: self.id == active,
            title: self.title.clone(),
            path: self.editor.file.as_ref().map(|file| file.path.clone()),
            form: self.editor.file.as_ref().map(|file| file.form).unwrap_or_default(),
            unsaved: self.editor.is_unsaved(),
            connection: self.connection,
            cursor: self.editor.buffer.head(),
        }
    }

    fn saved(&self, place: u32, active: TabId) -> SavedTab {
        let TabPlace { id, active, title, path, form, unsaved, connection, cursor } =
            self.place(active);
        let text = self.editor.buffer.text().clone();
        let revision = self.editor.buffer.revision();
        SavedTab {
            id,
            place,
            active,
            title,
            path,
            form,
            unsaved,
            connection,
            text,
            revision,
            cursor,
        }
    }

    fn restored(saved: SavedTab, number: u32) -> Self {
        let SavedTab { id, title, path, form, unsaved, connection, text, revision, cursor, .. } =
            saved;
        let mut tab = Self::new(id, number, Buffer::restored(text, revision, cursor));
        tab.title = title;
        tab.connection = connection;
        tab.editor.file = path.map(|path| FileLink { path, stamp: None, changed: false, form });
        if unsaved {
            tab.editor.saved_revision = revision.wrapping_sub(1);
        }
        tab
    }
}

impl Tabs {
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

    /// One empty tab.
    pub fn new(ids: &mut Ids) -> Self {
        let tab = Tab::new(TabId::next(ids), 1, Buffer::default());
        Self { active: tab.id, open: vec![tab], closed: vec![], next_number: 2 }
    }

    /// The tab on screen.
    pub fn active(&self) -> Option<&Tab> {
        self.open.iter().find(|tab| tab.id == self.active)
    }

    /// The tab on screen.
    pub fn active_mut(&mut self) -> Option<&mut Tab> {
        self.get_mut(self.active)
    }

    /// A tab, if it is open.
    pub fn get(&self, id: TabId) -> Option<&Tab> {
        self.open.iter().find(|tab| tab.id == id)
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, id: TabId) -> Option<&mut Tab> {
        self.open.iter_mut().find(|tab| tab.id == id)
    }

    fn take_number(&mut self) -> u32 {
        let number = self.next_number;
        self.next_number = self.next_number.saturating_add(1);
        number
    }

    /// Where the active tab stands.
    pub fn active_place(&self) -> usize {
        self.open.iter().position(|tab| tab.id == self.active).unwrap_or(0)
    }
}

/// Takes in what the window reports of tabs.
pub fn update(model: &mut Model, msg: Msg) {
    match msg {
        Msg::Chosen { tab } => choose(model, tab),
        Msg::CloseRequested { tab } => close(model, tab),
    }
}

/// Opens an empty tab beside the others, on the same connection.
pub fn open_new(model: &mut Model) {
    let connection = model.tabs.active().and_then(|tab| tab.connection);
    open_on(model, connection)
}

fn open_on(model: &mut Model, connection: Option<ConnectionId>) {
    let number = model.tabs.take_number();
    let id = TabId::next(&mut model.cx.ids);
    let mut tab = Tab::new(id, number, Buffer::default());
    tab.connection = connection;
    model.tabs.open.push(tab);
    model.tabs.active = id;
    model.focus(Area::Editor);
    keep(&mut model.tabs, &mut model.cx, id);
    save_layout(&model.tabs, &mut model.cx);
}

/// Puts a tab on screen.
pub fn choose(model: &mut Model, tab: TabId) {
    if model.tabs.get_mut(tab).is_none() {
        return;
    }
    model.tabs.active = tab;
    model.focus(Area::Editor);
    check_file(&mut model.tabs, &mut model.cx);
    save_layout(&model.tabs, &mut model.cx);
}

/// Makes the active tab use a connection, and opens it where it is not open.
pub fn connect(model: &mut Model, id: ConnectionId) {
    make_room(model, id);
    let active = model.tabs.active;
    run::leave_connection(&mut model.tabs, &mut model.history, &mut model.cx, active, id);
    let open_already = model.connections.get(&id).is_some_and(Connection::is_open);
    if let Some(tab) = model.tabs.active_mut() {
        tab.connection = Some(id);
        tab.waits_for_sandbox = false;
        if open_already {
            tab.ended = Some(Ended::Well);
        }
    }
    model.focus(Area::Editor);
    connection::open(&mut model.connections, &model.defaults, &mut model.dialog, &mut model.cx, id);
}

/// A tab whose session would lose something stays where it is: the other connection gets a tab of its own.
fn make_room(model: &mut Model, id: ConnectionId) {
    let stays = model.tabs.active().is_some_and(|tab| {
        tab.connection.is_some_and(|known| known != id) && !tab.would_lose_session().is_empty()
    });
    if !stays {
        return;
    }
    model.cx.notify("The other tab keeps its session, because something is open in it.");
    open_new(model)
}

/// Goes to the next or the previous tab, around the ends.
pub fn step(model: &mut Model, forward: bool) {
    let count = model.tabs.open.len().max(1);
    let place = model.tabs.active_place();
    let next = if forward { (place + 1) % count } else { (place + count - 1) % count };
    if let Some(tab) = model.tabs.open.get(next).map(|tab| tab.id) {
        choose(model, tab);
    }
}

/// Closes a tab, asking first where something would be lost.
pub fn close(model: &mut Model, tab: TabId) {
    let Some(found) = model.tabs.get_mut(tab) else {
        return;
    };
    let reasons = found.would_lose();
    if reasons.is_empty() {
        return close_now(model, tab);
    }
    if leaving::ask(model, leaving::Place::Tab(tab), &reasons) {
        return;
    }
    dialog::show(
        &mut model.tabs,
        &mut model.connections,
        &mut model.history,
        &mut model.dialog,
        &mut model.cx,
        Dialog::Confirm(Confirm::CloseTab { tab, reasons }),
    )
}

/// Closes a tab: its session ends, its text can be reopened.
pub fn close_now(model: &mut Model, tab: TabId) {
    let Some(place) = model.tabs.open.iter().position(|open| open.id == tab) else {
        return;
    };
    run::end(&mut model.tabs, &mut model.history, &mut model.cx, tab, "The tab was closed.");
    let mut closed = model.tabs.open.remove(place);
    run::drop_rows(closed.results.drop_all(), &mut model.cx);
    let request = model.cx.request();
    model.cx.ask(keeping::Effect::CloseTab { request, tab, at_us: model.cx.now.unix_us });
    if !closed.editor.buffer.text().is_empty() {
        model.tabs.closed.push(closed.saved(place as u32, tab));
        let past = model.tabs.closed.len().saturating_sub(CLOSED_LIMIT);
        model.tabs.closed.drain(..past);
    }
    if model.tabs.open.is_empty() {
        open_on(model, closed.connection);
        return;
    }
    let last = model.tabs.open.len() - 1;
    if model.tabs.active == tab
        && let Some(neighbour) = model.tabs.open.get(place.min(last)).map(|tab| tab.id)
    {
        model.tabs.active = neighbour;
        if !model.welcome.shown {
            model.focus(Area::Editor);
        }
        check_file(&mut model.tabs, &mut model.cx);
    }
    save_layout(&model.tabs, &mut model.cx);
}

/// Opens the tab that was closed last.
pub fn reopen(model: &mut Model) {
    let Some(saved) = model.tabs.closed.pop() else {
        model.cx.notify("There is no closed tab to reopen.");
        return;
    };
    let number = model.tabs.take_number();
    let place = (saved.place as usize).min(model.tabs.open.len());
    let mut tab = Tab::restored(saved, number);
    tab.forget_unknown(&model.connections);
    let id = tab.id;
    model.tabs.open.insert(place, tab);
    model.tabs.active = id;
    model.focus(Area::Editor);
    keep(&mut model.tabs, &mut model.cx, id);
    check_file(&mut model.tabs, &mut model.cx);
    save_layout(&model.tabs, &mut model.cx);
}

/// Brings back the tabs of the last time. What was done before they came is kept, in tabs of its own.
pub fn restore(
    tabs: &mut Tabs,
    connections: &Connections,
    cx: &mut Cx,
    saved: Vec<SavedTab>,
    closed: Vec<SavedTab>,
) {
    tabs.closed = closed;
    tabs.closed.retain(|tab| !tab.text.is_empty());
    tabs.closed.reverse();
    if saved.is_empty() {
        return keep_all(tabs, cx);
    }
    let active = tabs.active;
    let mut early = std::mem::take(&mut tabs.open);
    early.retain(Tab::is_used);
    tabs.next_number = 1;
    for saved in saved {
        if saved.active {
            tabs.active = saved.id;
        }
        let number = tabs.take_number();
        let mut tab = Tab::restored(saved, number);
        tab.forget_unknown(connections);
        tabs.open.push(tab);
    }

    let used: Vec<TabId> = early.iter().map(|tab| tab.id).collect();
    for mut tab in early {
        tab.number = tabs.take_number();
        if tab.id == active {
            tabs.active = active;
        }
        tabs.open.push(tab);
    }
    if tabs.active().is_none()
        && let Some(first) = tabs.open.first()
    {
        tabs.active = first.id;
    }
    for tab in &used {
        keep(tabs, cx, *tab);
    }
    if !used.is_empty() {
        save_layout(tabs, cx);
    }
    check_file(tabs, cx);
}

/// Keeps every open tab whole.
pub fn keep_all(tabs: &mut Tabs, cx: &mut Cx) {
    let all: Vec<TabId> = tabs.open.iter().map(|tab| tab.id).collect();
    for tab in all {
        keep(tabs, cx, tab)
    }
}

/// Keeps the closed tabs as closed ones, the oldest first.
pub fn keep_closed(tabs: &Tabs, cx: &mut Cx) {
    let (now_us, count) = (cx.now.unix_us, tabs.closed.len() as i64);
    for (number, tab) in (0..).zip(tabs.closed.clone()) {
        let id = tab.id;
        let request = cx.request();
        let tab = Box::new(tab);
        cx.ask(keeping::Effect::SaveTab { request, tab });
        let request = cx.request();
        let at_us = now_us.saturating_sub(count - number);
        cx.ask(keeping::Effect::CloseTab { request, tab: id, at_us });
    }
}

/// Keeps the tabs in which something was typed since they were kept whole.
pub fn keep_written(tabs: &mut Tabs, cx: &mut Cx) {
    keep_journaled(tabs, cx, 1)
}

/// Keeps the tabs whose journal may have a gap, because a write failed.
pub fn keep_doubtful(tabs: &mut Tabs, cx: &mut Cx) {
    keep_journaled(tabs, cx, editor::JOURNAL_LIMIT)
}

fn keep_journaled(tabs: &mut Tabs, cx: &mut Cx, at_least: u32) {
    let written: Vec<TabId> =
        tabs.open.iter().filter(|tab| tab.editor.journaled >= at_least).map(|tab| tab.id).collect();
    for tab in written {
        keep(tabs, cx, tab)
    }
}

/// Keeps a tab whole.
pub fn keep(tabs: &mut Tabs, cx: &mut Cx, tab: TabId) {
    let request = cx.request();
    let active = tabs.active;
    let place = tabs.open.iter().position(|open| open.id == tab).unwrap_or(0);
    let Some(found) = tabs.get_mut(tab) else {
        return;
    };
    found.editor.journaled = 0;
    let tab = Box::new(found.saved(place as u32, active));
    cx.ask(keeping::Effect::SaveTab { request, tab });
}

/// Keeps places, titles and cursors.
pub fn save_layout(tabs: &Tabs, cx: &mut Cx) {
    let request = cx.request();
    let active = tabs.active;
    let places = tabs.open.iter().map(|tab| tab.place(active)).collect();
    cx.ask(keeping::Effect::SaveLayout { request, tabs: places });
}

/// Shows a file that was read: in the tab that has it, in the one that is empty, or in a new one.
pub fn show_file(model: &mut Model, path: String, read: files::Read) {
    let has_it = |tab: &&Tab| tab.editor.file.as_ref().is_some_and(|file| file.path == path);
    if let Some(open) = model.tabs.open.iter().find(has_it).map(|tab| tab.id) {
        return choose(model, open);
    }
    let is_empty = |tab: &Tab| tab.editor.buffer.text().is_empty() && tab.editor.file.is_none();
    if !model.tabs.active().is_some_and(is_empty) {
        open_new(model);
    }
    model.focus(Area::Editor);
    let active = model.tabs.active;
    editor::load(&mut model.tabs, &mut model.cx, active, path, read);
}

/// Looks whether another program changed the active tab's file.
pub fn check_file(tabs: &mut Tabs, cx: &mut Cx) {
    let Some(id) = tabs.active().filter(|tab| tab.editor.file.is_some()).map(|tab| tab.id) else {
        return;
    };
    let request = cx.request();
    let Some(editor) = tabs.get_mut(id).map(|tab| &mut tab.editor) else {
        return;
    };
    let Some(file) = &editor.file else {
        return;
    };
    editor.checking = Some(request);
    // A restored tab does not know what its file was: any stamp is another than this one.
    let unknown = files::FileStamp { modified_us: 0, length: 0, digest: 0 };
    let known = file.stamp.unwrap_or(unknown);
    let path = file.path.clone();
    cx.ask(files::Effect::Check { request, path, known });
}

#[cfg(test)]
mod tests;
