//! A tab's session: when it opens, what it holds, when it goes back, and what dies with it.

use super::{
    Category, Ended, Failure, Link, MessageKind, Phase, Run, Running, badly, ending, holders,
    keeping, pump, say, secrets,
};
use crate::{
    base::{ids::*, stamp::Stamp, transaction::Transaction},
    sql::read::lex::BackslashRule,
    update::{
        clock,
        connection::{Connections, reconnecting},
        cx::Cx,
        query::{
            Dialog, Outcome,
            history::History,
            messages,
            page::{Page, Pages},
            read_only,
            session::{Effect, Ending, Msg},
        },
    },
};

use serde::Serialize;

/// A tab's session.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub enum Session {
    /// None: the next run takes one out of the pool.
    #[default]
    Closed,
    /// The pool was asked for one.
    Opening {
        id: SessionId,
        connection: ConnectionId,
        since: Stamp,
        /// What a backslash in a plain string will be to it.
        backslash: BackslashRule,
    },
    /// It stands.
    Live(Live),
    /// It broke.
    Lost(LostSession),
}

/// A session that stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Live {
    pub id: SessionId,
    pub connection: ConnectionId,
    /// The server process that serves it.
    pub backend_pid: i32,
    /// What a backslash in a plain string is to it.
    pub backslash: BackslashRule,
    /// The transaction status, in the server's own word.
    pub transaction: Transaction,
    /// Since when there is a transaction.
    pub transaction_since: Option<Stamp>,
    /// Whether something ran that may have left something in it, since the server was asked last.
    pub unsure: bool,
    /// What it holds, in the server's own word.
    pub holds: Vec<String>,
    /// Whether something ran that may have taken a sequence's value, which `currval` and `lastval` tell in this session.
    pub used_sequences: bool,
    /// Whether it is kept for that alone, since its tab was used last.
    pub kept: Option<Stamp>,
    /// What its transaction did so far, by command tag, each with its count.
    pub done: Vec<(String, u32)>,
    /// Whether a statement of its transaction may have changed the schema.
    pub changed_schema: bool,
    /// Whether it must not go back to the pool.
    pub spoiled: bool,
    /// Whether its link broke under a statement: what is known of it follows.
    pub broken: bool,
    /// Whether the server is being asked what it holds.
    pub asking: bool,
    /// The timer after which it is looked at.
    pub idle: Option<Request>,
}

/// A session that broke.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LostSession {
    pub failure: Failure,
    /// What went with it, in words; empty where it held nothing, and may be replaced in silence.
    pub died: Vec<String>,
}

impl Live {
    /// Whether it can take a statement now.
    pub fn is_free(&self) -> bool {
        !self.asking && !self.broken
    }

    /// Keeps in mind that a statement of the open transaction completed.
    pub(super) fn note_done(&mut self, tag: &str) {
        const KEPT_MAX: usize = 50;
        let reads =
            ["BEGIN", "START", "SELECT", "SHOW", "EXPLAIN", "SET", "SAVEPOINT", "RELEASE", "FETCH"];
        if matches!(tag, "DISCARD ALL" | "DISCARD SEQUENCES") {
            self.used_sequences = false;
        }
        let word = tag.split(' ').next().unwrap_or_default();
        if self.transaction == Transaction::Idle {
            self.done.clear();
        } else if reads.contains(&word) {
            // What only reads is not lost.
        } else if let Some((_, count)) = self.done.iter_mut().find(|(done, _)| done == tag) {
            *count += 1;
        } else if self.done.len() < KEPT_MAX {
            self.done.push((tag.to_owned(), 1));
        }
    }

    /// That a transaction is open, and what goes with it.
    pub fn open_transaction(&self) -> Option<String> {
        const NAMED_MAX: usize = 6;
        let words = match self.transaction {
            Transaction::Idle => return None,
            Transaction::Active => "a transaction is open",
            Transaction::Failed => {
                return Some(
                    "a transaction is open that has failed and can only be rolled back".into(),
                );
            }
        };
        let named = self.done.iter().take(NAMED_MAX).map(|(tag, count)| match count {
            1 => tag.clone(),
            count => format!("{tag} ({count} times)"),
        });
        let mut named: Vec<String> = named.collect();
        if self.done.len() > NAMED_MAX {
            named.push("…".into());
        }
        Some(match named.is_empty() {
            true => words.to_owned(),
            false => format!("{words}: {}", named.join(", ")),
        })
    }

    /// Why it does not go back to the pool although nothing runs in it, in a few words.
    pub fn kept_for(&self) -> Option<String> {
        match self.holds.as_slice() {
            [] => self.kept.map(|_| "kept for currval and lastval".to_owned()),
            [first] => Some(format!("holds {first}")),
            [first, more @ ..] => Some(format!("holds {first} and {} more", more.len())),
        }
    }

    /// How it may be let go.
    fn ending(&self) -> Ending {
        let holds = self.unsure
            || self.spoiled
            || !self.holds.is_empty()
            || self.transaction != Transaction::Idle;
        if holds { Ending::Close } else { Ending::Return }
    }
}

/// Takes in what the runner reports of sessions.
pub fn update_session(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    cx: &mut Cx,
    msg: Msg,
) {
    match secrets::of_session(pages, msg) {
        Msg::Opened { session, backend_pid } => {
            opened(pages, connections, history, cx, session, backend_pid)
        }
        Msg::OpenFailed { session, failure } => {
            open_failed(pages, connections, cx, session, failure)
        }
        Msg::Ended { session } => keeping::came_back(pages, connections, history, cx, session),
        Msg::HeldAnswered { session, held } => {
            held_answered(pages, connections, history, cx, session, held)
        }
        Msg::Lost { session, failure } => lost(pages, connections, history, cx, session, failure),
        Msg::Noticed { session, query, notice } => {
            let now = cx.now;
            if let Some(tab) = tab_of(pages, session) {
                let kind = if notice.severity == "WARNING" {
                    MessageKind::Warning
                } else {
                    MessageKind::Notice
                };
                say(tab, now, kind, messages::text_of(&notice), query);
            }
        }
        Msg::BackslashReported { session, backslash } => {
            if let Some(tab) = tab_of(pages, session) {
                backslash_reported(tab, backslash);
            }
        }
        Msg::Notified { session, channel, payload, backend_pid } => {
            let now = cx.now;
            if let Some(tab) = tab_of(pages, session) {
                let text = format!("NOTIFY {channel} from process {backend_pid}: {payload}");
                say(tab, now, MessageKind::Notification, text, None);
            }
        }
        Msg::TerminateAnswered { result, .. } => {
            if let Err(failure) = result {
                cx.notify(format!("The session was not terminated: {}", failure.message));
            }
        }
    }
}

pub(super) fn tab_of(pages: &mut Pages, session: SessionId) -> Option<&mut Page> {
    pages.open.iter_mut().find(|tab| match &tab.session {
        Session::Opening { id, .. } => *id == session,
        Session::Live(live) => live.id == session,
        Session::Closed | Session::Lost(_) => false,
    })
}

/// From now on the tab's text is cut as its session reads it.
fn backslash_reported(tab: &mut Page, reported: BackslashRule) {
    match &mut tab.session {
        Session::Opening { backslash, .. } => *backslash = reported,
        Session::Live(live) => {
            live.backslash = reported;
            tab.editor.read_under(reported);
        }
        Session::Closed | Session::Lost(_) => {}
    }
}

fn opened(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    cx: &mut Cx,
    session: SessionId,
    backend_pid: i32,
) {
    let Some(tab) = tab_of(pages, session) else {
        // Its tab is gone: it must not stay out of the pool.
        cx.ask(Effect::End { session, ending: Ending::Return });
        return;
    };
    let Session::Opening { connection, backslash, .. } = tab.session else {
        return;
    };
    let id = tab.id;
    tab.editor.read_under(backslash);
    tab.session = Session::Live(Live {
        id: session,
        connection,
        backend_pid,
        backslash,
        transaction: Transaction::Idle,
        transaction_since: None,
        unsure: false,
        holds: vec![],
        used_sequences: false,
        kept: None,
        done: vec![],
        changed_schema: false,
        spoiled: false,
        broken: false,
        asking: false,
        idle: None,
    });
    if matches!(tab.run, Run::Idle) {
        start_idle_timer(pages, cx, id);
    }
    pump(pages, connections, history, cx, id);
}

fn open_failed(
    pages: &mut Pages,
    connections: &mut Connections,
    cx: &mut Cx,
    session: SessionId,
    failure: Failure,
) {
    let now = cx.now;
    let Some(tab) = tab_of(pages, session) else {
        return;
    };
    let Session::Opening { connection, .. } = tab.session else {
        return;
    };
    let id = tab.id;
    tab.session = Session::Closed;
    if failure.is("53300") && keeping::make_room_at_server(pages, connections, cx, connection) {
        // What goes back to the pool is asked for when it is there.
        return;
    }
    let holds_nothing = holds_nothing(pages, connection);
    if reconnecting::waits_for(connections, connection, &failure, holds_nothing) {
        // Nothing of the run has been sent: it waits for the connection.
        return reconnecting::begin(connections, cx, connection, failure);
    }
    let failure = match failure.category {
        Category::PoolTimeout => holders::explain(pages, connections, cx, connection, failure),
        _ => failure,
    };
    if let Some(tab) = pages.get_mut(id) {
        fail_waiting(tab, now, &failure);
    }
}

/// A session that was asked for is not waited for any more.
pub(super) fn abandon_opening(tab: &mut Page, cx: &mut Cx) {
    let Session::Opening { id, .. } = tab.session else {
        return;
    };
    tab.session = Session::Closed;
    cx.ask(Effect::Abandon { session: id });
}

/// A connection could not be opened: what waited for it in any tab fails with the reason.
pub fn connection_failed(
    pages: &mut Pages,
    cx: &mut Cx,
    connection: ConnectionId,
    failure: Failure,
) {
    let now = cx.now;
    for tab in pages.open.iter_mut().filter(|tab| tab.connection == Some(connection)) {
        fail_waiting(tab, now, &failure);
    }
}

/// A connection is open for the first time: what waits for it goes on, and how things ended before is past.
pub fn connection_opened(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    cx: &mut Cx,
    connection: ConnectionId,
) {
    for page in pages.open.iter_mut().filter(|page| page.connection == Some(connection)) {
        page.ended = Some(Ended::Well);
    }
    super::pump_all(pages, connections, history, cx);
}

/// An attempt to connect failed. What waits for the connection may wait on.
pub fn attempt_failed(pages: &mut Pages, connection: ConnectionId, failure: &Failure) {
    for page in pages.open.iter_mut().filter(|page| page.connection == Some(connection)) {
        page.ended = Some(badly(failure));
    }
}

/// A connection was lost and does not come back: what waits for it fails, and its sessions end.
pub fn connection_lost(
    pages: &mut Pages,
    history: &mut History,
    cx: &mut Cx,
    connection: ConnectionId,
    failure: Failure,
) {
    let reason = failure.message.clone();
    connection_failed(pages, cx, connection, failure);
    let sessions: Vec<TabId> = pages
        .open
        .iter()
        .filter(|page| page.connection == Some(connection))
        .filter(|page| matches!(page.session, Session::Live(_) | Session::Opening { .. }))
        .map(|page| page.id)
        .collect();
    for tab in sessions {
        end(pages, history, cx, tab, &reason);
    }
}

/// Whether nothing that a session on this connection held is gone: then it may be opened again unasked.
pub fn holds_nothing(pages: &Pages, connection: ConnectionId) -> bool {
    let holds_nothing = |session: &Session| match session {
        Session::Lost(lost) => lost.died.is_empty(),
        Session::Closed | Session::Opening { .. } | Session::Live(_) => true,
    };
    let mut on_it = pages.open.iter().filter(|page| page.connection == Some(connection));
    on_it.all(|page| holds_nothing(&page.session))
}

/// What waits in a tab fails with the reason; where nothing waits, nothing failed.
pub(super) fn fail_waiting(tab: &mut Page, now: Stamp, failure: &Failure) {
    if !matches!(tab.run, Run::Waiting { .. }) {
        return;
    }
    tab.run = Run::Idle;
    tab.queued = None;
    tab.ended = Some(badly(failure));
    say(tab, now, MessageKind::Error, messages::text_of(failure), None);
}

fn held_answered(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    cx: &mut Cx,
    session: SessionId,
    held: Result<Vec<String>, Failure>,
) {
    let Some(tab) = tab_of(pages, session) else {
        return;
    };
    let id = tab.id;
    let idle = matches!(tab.run, Run::Idle);
    let Session::Live(live) = &mut tab.session else {
        return;
    };
    if !std::mem::take(&mut live.asking) {
        // An older answer knows nothing of what ran since.
        return;
    }
    match held {
        Ok(holds) => {
            live.unsure = false;
            live.holds = holds;
        }
        Err(_) => live.spoiled = true,
    }
    if idle && tab.queued.is_none() && live.ending() == Ending::Return {
        return keeping::settle(pages, connections, cx, id);
    }
    pump(pages, connections, history, cx, id)
}

/// The link of a session broke: what it held is gone, and the tab says so.
fn lost(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    cx: &mut Cx,
    session: SessionId,
    failure: Failure,
) {
    let now = cx.now;
    let Some(tab) = tab_of(pages, session) else {
        return;
    };
    let id = tab.id;
    let (died, gone, idle) = match &tab.session {
        Session::Live(live) => (what_dies(live), what_goes(live), live.idle),
        Session::Opening { .. } => {
            // It never stood: what waited for it is not tried again and again.
            tab.session = Session::Closed;
            fail_waiting(tab, now, &failure);
            return;
        }
        Session::Closed | Session::Lost(_) => return,
    };
    if let Some(timer) = idle {
        cx.ask(clock::Effect::Stop { timer });
    }
    if let Run::Running(running) = &tab.run {
        // The statement's own end comes first; where it did not, it ends here.
        let (query, elapsed_us) = (running.query, now.us_since(running.sent));
        ending::lost(pages, history, cx, query, failure.clone(), elapsed_us);
    }
    let Some(tab) = pages.get_mut(id) else {
        return;
    };
    let what =
        if gone.is_empty() { String::new() } else { format!(" With it went {}.", gone.join(", ")) };
    say(
        tab,
        now,
        MessageKind::Session,
        format!("The session was lost: {}.{what}", failure.message.trim_end_matches('.')),
        None,
    );
    tab.session = Session::Lost(LostSession { failure, died });
    tab.read_only.block = None;
    pump(pages, connections, history, cx, id);
}

fn what_dies(live: &Live) -> Vec<String> {
    let mut died = Vec::new();
    if live.transaction != Transaction::Idle {
        died.push("its open transaction".to_owned());
    }
    died.extend(live.holds.iter().cloned());
    if live.unsure && live.holds.is_empty() {
        died.push("settings, temporary tables, prepared statements, LISTENs or locks that it may have had".to_owned());
    }
    died
}

/// What dies, and what another session may take the place of unasked.
fn what_goes(live: &Live) -> Vec<String> {
    let mut gone = what_dies(live);
    if live.used_sequences {
        gone.push(keeping::VALUES.to_owned());
    }
    gone
}

/// Begins to wait for the session to idle long enough to go back.
pub(super) fn start_idle_timer(pages: &mut Pages, cx: &mut Cx, id: TabId) {
    let timer = cx.request();
    let Some(tab) = pages.get_mut(id) else {
        return;
    };
    let Session::Live(live) = &mut tab.session else {
        return;
    };
    if live.transaction != Transaction::Idle || live.spoiled || tab.queued.is_some() {
        return;
    }
    live.kept = None;
    let stale = live.idle.replace(timer);
    if let Some(timer) = stale {
        cx.ask(clock::Effect::Stop { timer });
    }
    cx.ask(clock::Effect::Start { timer, after_ms: super::SESSION_IDLE_MS });
}

/// The session is wanted: it does not go back now.
pub(super) fn stop_idle_timer(pages: &mut Pages, cx: &mut Cx, id: TabId) {
    let Some(Session::Live(live)) = pages.get_mut(id).map(|tab| &mut tab.session) else {
        return;
    };
    live.kept = None;
    if let Some(timer) = live.idle.take() {
        cx.ask(clock::Effect::Stop { timer });
    }
}

/// The session idled: it goes back, or the server is asked what it holds.
pub(super) fn idle_timer_fired(
    pages: &mut Pages,
    connections: &mut Connections,
    cx: &mut Cx,
    timer: Request,
) {
    let found = pages
        .open
        .iter_mut()
        .find(|tab| matches!(&tab.session, Session::Live(live) if live.idle == Some(timer)));
    let Some(tab) = found else { return };
    let id = tab.id;
    let idle = matches!(tab.run, Run::Idle);
    let Session::Live(live) = &mut tab.session else {
        return;
    };
    live.idle = None;
    if !idle
        || live.transaction != Transaction::Idle
        || live.spoiled
        || !live.holds.is_empty() && !live.unsure
    {
        return;
    }
    if live.unsure {
        live.asking = true;
        cx.ask(Effect::AskHeld { session: live.id });
        return;
    }
    keeping::settle(pages, connections, cx, id)
}

/// Lets a tab's session go: cancelled if it runs something, closed if it holds anything.
pub fn end(pages: &mut Pages, history: &mut History, cx: &mut Cx, id: TabId, reason: &str) {
    let now = cx.now;
    let Some(tab) = pages.get_mut(id) else {
        return;
    };
    tab.read_only.block = None;
    // One that comes all the same is returned: no tab waits for it any more.
    abandon_opening(tab, cx);
    if let Session::Live(live) = std::mem::take(&mut tab.session) {
        let mut ending = live.ending();
        if let Run::Running(running) = &tab.run {
            let Running { query, phase, .. } = running;
            ending = Ending::Close;
            if let Phase::Paused { timer, .. } = phase {
                cx.ask(clock::Effect::Stop { timer: *timer });
            }
            cx.ask(super::Effect::Cancel {
                query: *query,
                session: live.id,
                ahead: running.script.ahead.queries.clone().into(),
            });
        }
        cx.ask_all(live.idle.map(|timer| clock::Effect::Stop { timer }.into()));
        cx.ask(Effect::End { session: live.id, ending });
    }
    let failure = Failure::new(Category::Cancelled, reason);
    fail_waiting(tab, now, &failure);
    ending::abandoned(pages, history, cx, id, &failure);
}

/// A tab goes to another connection: its session on the old one ends.
pub fn leave_connection(
    pages: &mut Pages,
    history: &mut History,
    cx: &mut Cx,
    tab: TabId,
    to: ConnectionId,
) {
    match pages.get_mut(tab) {
        Some(found) if found.connection != Some(to) => {
            found.read_only = read_only::Kept::default();
            end(pages, history, cx, tab, "The tab went to another connection.")
        }
        _ => {}
    }
}

/// A connection is being closed: every session on it ends.
pub fn connection_closed(
    pages: &mut Pages,
    history: &mut History,
    cx: &mut Cx,
    connection: ConnectionId,
) {
    let on_it: Vec<TabId> = pages
        .open
        .iter()
        .filter(|tab| tab.connection == Some(connection))
        .map(|tab| tab.id)
        .collect();
    for tab in on_it {
        end(pages, history, cx, tab, "The connection was closed.")
    }
}

/// Opens the tab's connection again, or forgets a lost session so that the next run takes a new one.
pub fn reconnect(pages: &mut Pages, connections: &Connections, cx: &mut Cx) {
    let now = cx.now;
    let Some(tab) = pages.active_mut() else {
        return;
    };
    let Some(connection) = tab.connection else {
        cx.leave(Outcome::ChooseConnection);
        return;
    };
    let lost = matches!(tab.session, Session::Lost(_));
    if lost {
        tab.session = Session::Closed;
        tab.ended = Some(Ended::Well);
        let text = "The next run begins a new session.".into();
        say(tab, now, MessageKind::Session, text, None);
    }
    match connections.get(&connection).map(|known| &known.link) {
        Some(Link::Open { .. }) if lost => {}
        Some(Link::Open { .. }) => reopen(pages, cx, connection),
        Some(Link::Closed | Link::Failed { .. } | Link::Closing) => {
            cx.leave(Outcome::NeedsConnection(connection));
        }
        Some(Link::Reconnecting(reconnecting)) if !reconnecting.is_trying() => {
            cx.leave(Outcome::NeedsConnection(connection));
        }
        Some(Link::Opening { .. } | Link::AskingKeychain { .. } | Link::Reconnecting(_)) => {
            cx.notify("It is still connecting.");
        }
        None => cx.leave(Outcome::ChooseConnection),
    }
}

/// An open connection is closed and opened again, with what its configuration says now, where nothing is lost by it.
fn reopen(pages: &Pages, cx: &mut Cx, connection: ConnectionId) {
    let reasons = pages.would_lose_on(connection);
    if reasons.is_empty() {
        cx.leave(Outcome::Reopen(connection));
        return;
    }
    let text =
        format!("It was not reconnected, because something would be lost: {}.", reasons.join("; "));
    cx.notify(text);
}

/// Asks before the server process of a tab's session is ended.
pub fn ask_to_terminate(pages: &mut Pages, cx: &mut Cx, tab: TabId) {
    let live = pages.get_mut(tab).is_some_and(|tab| matches!(tab.session, Session::Live(_)));
    if !live {
        cx.notify("This tab has no session that could be terminated.");
        return;
    }
    cx.leave(Outcome::Show(Dialog::Terminate { tab }));
}

/// The user confirmed it: ends the server process of a tab's session.
pub fn terminate(pages: &mut Pages, cx: &mut Cx, tab: TabId) {
    if let Some(Session::Live(live)) = pages.get_mut(tab).map(|tab| &tab.session) {
        cx.ask(Effect::Terminate { session: live.id });
    }
}
