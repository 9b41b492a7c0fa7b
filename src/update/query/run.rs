//! A tab's session and what runs in it: from the key to the server's own word on how it ended.
//!
//! Everything that may take a next step ends in [`pump`], which looks at the run, the session and the
//! connection and takes the one step that is due. The session takes no new statement until the one
//! before has ended; what the query itself answers decides what is shown.

use super::{
    Dialog, Effect, Msg, Outcome,
    editor::Mark,
    history,
    messages::{self, Kind as MessageKind},
    read_only::{self, Prepared},
    session,
};
use crate::{
    base::{ids::*, stamp::Stamp, transaction::Transaction},
    failure::{Category, Failure},
    rows::{Chunk, Column, Rows},
    settings::{OnError, Settings},
    sql::{
        read::lex::{self, BackslashRule},
        safety::guard::Passage,
    },
    update::{
        clock,
        connection::{self, Connection, Connections, Link},
        cx::Cx,
        query::{
            history::History,
            page::{Ended, Page, Pages},
        },
        results::{self, ResultSet, ResultState},
    },
};
use ending::QueryEnd;

use std::{ops::Range, sync::Arc};

use serde::Serialize;

mod encoding;
mod ending;
pub mod holders;
pub mod keeping;
mod naming;
mod question;
pub mod script;
pub mod secrets;
mod sessions;

pub use keeping::{attend, make_room};
pub use naming::{advise, complete_errors, name_types};
pub use question::{Answer, answer_error, question, still_asks};
pub use script::{Part, Planned, Problem, Script};

pub use sessions::{
    Live, LostSession, Session, ask_to_terminate, attempt_failed, connection_closed,
    connection_failed, connection_lost, connection_opened, end, holds_nothing, leave_connection,
    reconnect, terminate, update_session,
};

/// Rows that may be on their way and not yet taken: four chunks.
const CREDIT_ROWS: u64 = 4 * 4096;
/// A paused stream holds a snapshot on the server: it is closed after this long.
pub const PAUSE_LIMIT_MS: u64 = 5 * 60 * 1000;
/// A session that holds nothing goes back to its pool after this long.
pub const SESSION_IDLE_MS: u64 = 5_000;

/// After so many statements in one go that were refused before they were sent a script ends.
const REFUSALS_PER_TURN: usize = 1_000;

/// What a tab is doing with its session.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub enum Run {
    /// Nothing.
    #[default]
    Idle,
    /// A script waits for the connection or the session.
    Waiting { script: Script, since: Stamp },
    /// A statement is with the server.
    Running(Running),
}

/// A statement that is with the server.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Running {
    pub script: Script,
    /// The statement itself.
    pub planned: Planned,
    pub query: QueryId,
    /// What it is to a read-only connection; none on others.
    pub passage: Option<Passage>,
    /// When it was sent.
    pub sent: Stamp,
    /// Whether the whole run is a plain query outside a transaction, which may pause.
    pub may_pause: bool,
    /// Rows granted to the reader so far.
    pub granted: u64,
    /// It pauses at this row; none where everything shall be fetched.
    pub window_end: Option<u64>,
    /// It pauses past so many bytes.
    pub window_bytes: u64,
    /// Whether the rest is read and thrown away.
    pub discarding: bool,
    /// What it is at.
    pub phase: Phase,
}

/// What a statement that is with the server is at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Phase {
    /// It runs, and its rows are read.
    Running,
    /// Its rows are not read on: the window is full.
    Paused {
        since: Stamp,
        /// The timer that closes the stream.
        timer: Request,
    },
    /// The server was asked to cancel it.
    Cancelling {
        since: Stamp,
        /// Whether the user asked, or a paused stream had to make room.
        asked: bool,
    },
}

impl Running {
    /// The statement itself.
    pub fn planned(&self) -> &Planned {
        &self.planned
    }
}

/// Runs the statement under the cursor, the selection, or everything. What follows on an error is what the settings
/// say, if this run has no choice of its own.
pub fn request(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    cx: &mut Cx,
    part: Part,
    on_error: Option<OnError>,
) {
    let on_error = on_error.unwrap_or(cx.settings.on_error);
    let Some(tab) = pages.active_mut() else {
        return;
    };
    let id = tab.id;
    match Script::of_tab(tab, part, on_error) {
        Ok(script) => request_script(pages, connections, history, cx, id, script),
        Err(problem) => {
            refuse(pages, cx, &problem);
        }
    }
}

/// Says why nothing was run. A text that can't be run has failed; where there is none, nothing has.
fn refuse(pages: &mut Pages, cx: &mut Cx, problem: &Problem) {
    let now = cx.now;
    let text = match problem {
        Problem::Nothing => "There is no statement here to run.".to_owned(),
        Problem::OnlyPsql { note } => note.clone(),
        Problem::Refused { range, reason } => {
            let Some(tab) = pages.active_mut() else {
                return;
            };
            refused(tab, now, range.clone(), reason, false)
        }
    };
    cx.notify(text);
}

/// What is not run is marked, and the tab's last end is that it was not.
fn refused(tab: &mut Page, now: Stamp, range: Range<usize>, reason: &str, sent: bool) -> String {
    let line = tab.editor.buffer.text().line_of(range.start) + 1;
    let text = script::refusal(reason, line, sent);
    tab.editor.mark = Some(Mark {
        start: range.start,
        end: range.end,
        message: text.clone(),
        revision: tab.editor.buffer.revision(),
    });
    tab.ended = Some(badly(&Failure::new(Category::Query, text.as_str())));
    say(tab, now, MessageKind::Error, text.clone(), None);
    text
}

/// Runs a statement that the user did not write: `begin`, `commit`, `rollback`.
pub fn request_text(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    cx: &mut Cx,
    sql: &str,
) {
    if let Some(tab) = pages.active().map(|tab| tab.id) {
        request_text_in(pages, connections, history, cx, tab, sql)
    }
}

/// The same in any tab.
pub fn request_text_in(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    cx: &mut Cx,
    tab: TabId,
    sql: &str,
) {
    let script = Script::new(vec![Planned::of_text(sql)], OnError::Stop);
    request_script(pages, connections, history, cx, tab, script)
}

fn request_script(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    cx: &mut Cx,
    id: TabId,
    script: Script,
) {
    let Some(tab) = pages.get_mut(id) else {
        return;
    };
    let known = tab.connection.is_some_and(|id| connections.contains_key(&id));
    if !known {
        cx.notify("Choose where to connect, then run again.");
        cx.leave(Outcome::ChooseConnection);
        return;
    }
    cx.leave(Outcome::Requested);
    let Some(tab) = pages.get_mut(id) else {
        return;
    };
    if matches!(&tab.session, Session::Lost(lost) if !lost.died.is_empty()) {
        cx.notify("The session was lost. Reconnect first: its transaction and settings are gone.");
        return;
    }

    match &tab.run {
        Run::Idle => tab.queued = Some(script),
        Run::Waiting { script, .. } => {
            let text = if script.asks {
                "The script stands at an error: say first whether it goes on."
            } else {
                "This tab still waits for its connection."
            };
            cx.notify(text);
            return;
        }
        Run::Running(Running { phase: Phase::Running, .. }) => {
            cx.notify("A statement is still running. Cancel it first.");
            return;
        }
        Run::Running(Running { phase: Phase::Cancelling { .. }, .. }) => tab.queued = Some(script),
        Run::Running(Running { phase: Phase::Paused { .. }, .. }) => {
            tab.queued = Some(script);
            stop(pages, cx, id, false);
        }
    }
    pump(pages, connections, history, cx, id);
}

/// Takes the step that is due in every tab.
pub fn pump_all(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    cx: &mut Cx,
) {
    let all: Vec<TabId> = pages.open.iter().map(|tab| tab.id).collect();
    for tab in all {
        pump(pages, connections, history, cx, tab)
    }
}

/// Takes the step that is due in a tab: begin a queued script, open what it needs, send its next statement.
pub fn pump(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    cx: &mut Cx,
    id: TabId,
) {
    let now = cx.now;
    let Some(tab) = pages.get_mut(id) else {
        return;
    };
    if matches!(tab.run, Run::Idle) {
        let Some(mut script) = tab.queued.take() else {
            return;
        };
        if let Some(note) = script.note.take() {
            say(tab, now, MessageKind::Session, note, None);
        }
        let gone = tab.results.begin();
        tab.editor.mark = None;
        tab.run = Run::Waiting { script, since: now };
        drop_rows(gone, cx);
        pump_waiting(pages, connections, history, cx, id);
        return;
    }
    pump_waiting(pages, connections, history, cx, id)
}

/// Takes the step that is due where a script waits.
fn pump_waiting(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    cx: &mut Cx,
    id: TabId,
) {
    let now = cx.now;
    let Some(tab) = pages.get_mut(id) else {
        return;
    };
    let (Run::Waiting { script, .. }, Some(connection)) = (&tab.run, tab.connection) else {
        return;
    };
    if script.asks {
        // It goes on when the user says so.
        return;
    }
    let link = connections.get(&connection).map(|known| &known.link);
    match link {
        Some(Link::Open { .. }) => {}
        Some(Link::Closed | Link::Failed { .. }) => {
            cx.leave(Outcome::NeedsConnection(connection));
            return;
        }
        Some(Link::Closing) => {
            // It was closed for another reason; this run wants it again.
            cx.leave(Outcome::NeedsConnection(connection));
            return;
        }
        // It goes on when the connection is open; until then nothing of it has been sent.
        Some(Link::Opening { .. } | Link::AskingKeychain { .. } | Link::Reconnecting(_)) => {
            return;
        }
        None => {
            let failure =
                Failure::new(Category::Connection, "The connection is not known any more.");
            sessions::fail_waiting(tab, now, &failure);
            return;
        }
    }
    match &mut tab.session {
        Session::Live(live) if live.is_free() => send(pages, connections, history, cx, id),
        Session::Live(_) | Session::Opening { .. } => {}
        Session::Lost(lost) if !lost.died.is_empty() => {
            // What it held is gone, and a new session in silence would hide that.
            let failure = lost.failure.clone();
            sessions::fail_waiting(tab, now, &failure);
        }
        Session::Closed | Session::Lost(_) => {
            let session = SessionId::next(&mut cx.ids);
            tab.session = Session::Opening {
                id: session,
                connection,
                since: now,
                backslash: BackslashRule::Ordinary,
            };
            cx.ask(session::Effect::Open { session, connection });
        }
    }
}

/// Sends the script's next statement through the free session. One that is refused here is not sent, and the script
/// may go on behind it.
fn send(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    cx: &mut Cx,
    id: TabId,
) {
    for _ in 0..REFUSALS_PER_TURN {
        send_next(pages, connections, history, cx, id, None);
        let is_due = pages.get_mut(id).is_some_and(|tab| match &tab.run {
            Run::Waiting { script, .. } => !script.asks,
            Run::Idle => tab.queued.is_some(),
            Run::Running(_) => false,
        });
        if !is_due {
            return;
        }
        if let Some(tab) = pages.get_mut(id)
            && matches!(tab.run, Run::Idle)
        {
            pump(pages, connections, history, cx, id);
            return;
        }
    }
    if let Some(Run::Waiting { script, .. }) = pages.get_mut(id).map(|tab| &tab.run) {
        let script = script.clone();
        ending::run_ended(pages, cx, id, script, None);
    }
}

/// A statement that the session was given before.
struct Given {
    query: QueryId,
    /// As the one before it: a cancel is for all of a run.
    phase: Phase,
}

/// The script that waits in a tab for the session that it has.
fn take_waiting(tab: &mut Page) -> Option<Script> {
    if let (Run::Waiting { .. }, Session::Live(_)) = (&tab.run, &tab.session)
        && let Run::Waiting { script, .. } = std::mem::take(&mut tab.run)
    {
        return Some(script);
    }
    None
}

fn send_next(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    cx: &mut Cx,
    id: TabId,
    given: Option<Given>,
) {
    let given_query = given.as_ref().map(|given| given.query);
    let query = given_query.unwrap_or_else(|| QueryId::next(&mut cx.ids));
    let held = pages.held_bytes();
    sessions::stop_idle_timer(pages, cx, id);
    let read_only = pages.get(id).is_some_and(|tab| is_read_only(connections, tab));
    let Some(tab) = pages.get_mut(id) else {
        return;
    };
    let Some(mut script) = take_waiting(tab) else {
        return;
    };
    let Session::Live(live) = &tab.session else {
        return;
    };
    let (planned, is_read) = match script.take_next(live.backslash) {
        Ok(Some(next)) => next,
        other => return ending::not_sent(pages, cx, id, script, other.err()),
    };
    let (session, alone) = (live.id, script.statements.len() == 1);
    let may_pause = alone && live.transaction == Transaction::Idle && planned.kind.may_pause;
    // What the run before holds goes as soon as this one has something to show.
    let full = held.saturating_sub(tab.results.previous_bytes()) >= cx.settings.memory_bytes();
    let granted_rows = CREDIT_ROWS * u64::from(!full || given.is_some());
    let discarding = full && !may_pause;
    let (window_end, window_bytes) = window(&script, &cx.settings);
    let transaction = live.transaction;
    let prepared = match given {
        Some(_) => Ok(None),
        None => prepare(tab, is_read, &planned, live, read_only),
    };
    let (sql, data) = (planned.sql.clone(), planned.copy_data.clone());
    let running = Running {
        query,
        passage: passage_of(&prepared),
        sent: cx.now,
        may_pause,
        granted: granted_rows,
        window_end,
        window_bytes,
        discarding,
        phase: given.map_or(Phase::Running, |given| given.phase),
        planned,
        script,
    };
    begin(tab, running, cx.now);
    let sent = prepared.map(|prepared| {
        if given_query.is_none() {
            cx.ask(order(query, session, (sql.clone(), data.clone()), prepared, granted_rows));
        }
        if discarding {
            cx.ask(Effect::DiscardRows { query });
        }
    });
    let sent_text = history::Sent { query, text: &sql, data: data.as_deref() };
    history::began(pages, connections, history, cx, id, sent_text);
    if let Err(failure) = sent {
        let end = QueryEnd { query, transaction, elapsed_us: 0 };
        ending::ended_badly(pages, connections, history, cx, end, *failure);
    } else if !full && !read_only {
        give_ahead(pages, cx, id);
    }
}

/// A statement runs in a tab from now on, and has a result.
fn begin(tab: &mut Page, running: Running, now: Stamp) {
    let (query, planned) = (running.query, &running.planned);
    tab.results.push(ResultSet::new(query, planned.statement(), planned.start, now));
    if let Phase::Cancelling { .. } = running.phase
        && let Some(result) = tab.results.current_mut(query)
    {
        result.state = ResultState::Cancelling;
    }
    secrets::learn(tab, planned);
    tab.run = Run::Running(running);
}

/// Gives the session the next statements of a long script while one runs, which saves it the wait for the loop between
/// one and the next.
fn give_ahead(pages: &mut Pages, cx: &mut Cx, id: TabId) {
    let Some(tab) = pages.get_mut(id) else {
        return;
    };
    let (Run::Running(running), Session::Live(live)) = (&mut tab.run, &tab.session) else {
        return;
    };
    if running.phase != Phase::Running {
        return;
    }
    let given = running.script.give_ahead(live.backslash, &mut cx.ids);
    let order = |(query, sql)| Effect::Run {
        query,
        session: live.id,
        sql,
        copy_data: None,
        granted_rows: CREDIT_ROWS,
        follows: Some(live.backslash),
    };
    cx.ask_all(given.into_iter().map(order).map(Into::into));
}

/// A connection that is read-only from now on is told so at once: what its sessions were given ahead is taken back, and
/// sent sealed. Called after each message.
pub fn take_back_writes(pages: &mut Pages, connections: &Connections, cx: &mut Cx) {
    let gives_ahead = |tab: &&Page| match &tab.run {
        Run::Running(running) => running.script.ahead.is_given(),
        _ => false,
    };
    let giving = pages.open.iter().filter(gives_ahead);
    let sealed = giving.filter(|tab| is_read_only(connections, tab));
    let sealed: Vec<TabId> = sealed.map(|tab| tab.id).collect();
    for id in sealed {
        if let Some(tab) = pages.get_mut(id)
            && let (Run::Running(running), Session::Live(live)) = (&mut tab.run, &tab.session)
        {
            running.script.ahead.take_back();
            cx.ask(Effect::TakeBack { session: live.id });
        }
    }
}

/// How a read-only connection runs a statement; why not, where it is not sent on whichever connection.
fn prepare(
    tab: &Page,
    is_read: bool,
    planned: &Planned,
    live: &Live,
    read_only: bool,
) -> Result<Option<Prepared>, Box<Failure>> {
    if !is_read {
        cut_as_read(tab, planned, live.backslash)?;
    }
    read_only
        .then(|| read_only::prepare(&tab.read_only, live.transaction, &planned.sql))
        .transpose()
}

/// Whether the session reads a statement as it was cut. Where `standard_conforming_strings` is another than it was
/// then, a string may end elsewhere, and what was taken for a statement may be part of one.
fn cut_as_read(
    tab: &Page,
    planned: &Planned,
    backslash: BackslashRule,
) -> Result<(), Box<Failure>> {
    let depends = lex::depends_on_backslashes(&planned.sql)
        || planned.start.is_some() && lex::depends_on_backslashes(&tab.editor.buffer.string());
    if !depends {
        return Ok(());
    }
    let state = match backslash {
        BackslashRule::Ordinary => "on",
        BackslashRule::Escapes => "off",
    };
    let message = format!(
        "standard_conforming_strings is {state} in this session, so that a string with a backslash may end in another \
         place than where the text was cut. The statement was not sent."
    );
    Err(Box::new(
        Failure::new(Category::Query, message)
            .with_next_step("Look at the statement that is marked now, and run again."),
    ))
}

/// Where a script's result pauses: after so many rows, and past so many bytes.
fn window(script: &Script, settings: &Settings) -> (Option<u64>, u64) {
    if script.fetches_all {
        (None, u64::MAX)
    } else {
        (Some(settings.window_rows.into()), settings.window_bytes())
    }
}

/// What a statement is to a read-only connection.
fn passage_of(prepared: &Result<Option<Prepared>, Box<Failure>>) -> Option<Passage> {
    let prepared = prepared.as_ref().ok()?.as_ref();
    prepared.map(|prepared| prepared.passage.clone())
}

/// The effect that runs a statement, as a read-only connection or any other does it.
fn order(
    query: QueryId,
    session: SessionId,
    (sql, copy_data): (Arc<str>, Option<Arc<str>>),
    prepared: Option<Prepared>,
    granted_rows: u64,
) -> Effect {
    match prepared {
        Some(Prepared { sql, seal, .. }) => {
            Effect::RunReadOnly { query, session, sql, seal, granted_rows }
        }
        None => Effect::Run { query, session, sql, copy_data, granted_rows, follows: None },
    }
}

/// Whether what a tab runs is kept from writing. A transaction that was begun as one that writes goes on as one.
pub fn is_read_only(connections: &Connections, tab: &Page) -> bool {
    let known = tab.connection.and_then(|id| connections.get(&id));
    let writes = tab.read_only.block.is_none()
        && !matches!(tab.transaction(), None | Some(Transaction::Idle))
        && known.is_some_and(|known| !known.made_read_only);
    known.is_some_and(Connection::is_read_only) && !writes
}

/// Takes in what the runner reports of a statement.
pub fn update(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    cx: &mut Cx,
    msg: Msg,
) {
    match secrets::of_query(pages, msg) {
        Msg::Described { query, columns } => described(pages, connections, cx, query, columns),
        Msg::RowsArrived { query, chunk } => rows_arrived(pages, cx, query, chunk),
        Msg::Stalled { query, rows } => stalled(pages, cx, query, rows),
        Msg::GrantLapsed { query, rows } => grant_lapsed(pages, cx, query, rows),
        Msg::Inspected { query, inspection } => ending::inspected(pages, cx, query, &inspection),
        Msg::EncodingChanged { query, from, to, is_understood, escaped } => {
            encoding::changed(pages, cx, query, [&from, &to], is_understood, escaped)
        }
        Msg::HeldUp { query, bytes } => held_up(pages, cx, query, bytes),
        Msg::Finished { query, tag, transaction, discarded, elapsed_us } => ending::finished(
            pages,
            connections,
            history,
            cx,
            QueryEnd { query, transaction, elapsed_us },
            tag,
            discarded,
        ),
        Msg::Failed { query, failure, transaction, elapsed_us } => ending::failed(
            pages,
            connections,
            history,
            cx,
            QueryEnd { query, transaction, elapsed_us },
            *failure,
        ),
        Msg::Lost { query, failure, elapsed_us } => {
            ending::lost(pages, history, cx, query, *failure, elapsed_us)
        }
        // It was only sent: the query's own end says what became of it.
        Msg::CancelSent { .. } => {}
        Msg::CancelFailed { query, failure } => {
            if running_tab(pages, query).is_some() {
                let advice = "Press cancel again to terminate the session.";
                cx.notify(format!(
                    "The cancel did not reach the server: {}. {advice}",
                    failure.message
                ));
            }
        }
    }
}

/// The tab in which a query runs.
fn running_tab(pages: &mut Pages, query: QueryId) -> Option<&mut Page> {
    pages
        .open
        .iter_mut()
        .find(|tab| matches!(&tab.run, Run::Running(running) if running.query == query))
}

fn described(
    pages: &mut Pages,
    connections: &mut Connections,
    cx: &mut Cx,
    query: QueryId,
    columns: Vec<Column>,
) {
    let now = cx.now;
    let Some(tab) = running_tab(pages, query) else {
        return;
    };
    let Some(connection) = tab.connection else {
        return;
    };
    let id = tab.id;
    if tab.results.current_mut(query).is_some_and(|result| result.described) {
        let Run::Running(running) = &tab.run else {
            return;
        };
        let planned = running.planned();
        tab.results.push(ResultSet::new(query, planned.statement(), planned.start, now));
    }
    let mut columns = columns;
    let unknown = name_columns(connections, connection, &mut columns);
    let Some(tab) = pages.get_mut(id) else {
        return;
    };
    if let Some(result) = tab.results.current_mut(query) {
        result.describe(columns.into());
    }
    drop_rows(tab.results.drop_previous(), cx);
    if !unknown.is_empty() {
        let request = cx.request();
        if let Some(known) = connections.get_mut(&connection) {
            known.naming.insert(request);
        }
        cx.ask(connection::Effect::ResolveTypes { request, connection, oids: unknown });
    }
}

/// Names types from the connection's cache; answers with those that have to be asked for.
fn name_columns(
    connections: &connection::Connections,
    connection: ConnectionId,
    columns: &mut [Column],
) -> Vec<(u32, i32)> {
    let mut unknown = Vec::new();
    let known = connections.get(&connection);
    for column in columns.iter_mut().filter(|column| column.type_name.is_empty()) {
        match known.and_then(|known| known.types.get(&column.type_oid)) {
            Some(name) => column.type_name = name.clone(),
            None => unknown.push((column.type_oid, column.typmod)),
        }
    }
    unknown.sort_unstable();
    unknown.dedup();
    unknown
}

fn rows_arrived(pages: &mut Pages, cx: &mut Cx, query: QueryId, chunk: Arc<Chunk>) {
    let Some(tab) = running_tab(pages, query) else {
        return;
    };
    if let Some(result) = tab.results.current_mut(query) {
        result.append(chunk);
    }
    let (held, budget) = (pages.held_bytes(), cx.settings.memory_bytes());
    let Some(tab) = running_tab(pages, query) else {
        return;
    };
    let (rows, bytes) = tab.results.of_query(query);
    let Run::Running(running) = &mut tab.run else {
        return;
    };
    if matches!(running.phase, Phase::Paused { .. }) {
        return;
    }
    grant(running, rows, bytes, held >= budget, cx);
    if running.discarding
        && let Some(result) = tab.results.current_mut(query)
    {
        result.note = Some(over_budget_note(rows, budget));
    }
}

/// Grants what the window, or for what can't pause the memory, has room for.
fn grant(running: &mut Running, rows: u64, bytes: u64, full: bool, cx: &mut Cx) -> bool {
    let query = running.query;
    if running.discarding {
        return false;
    }
    let pauses = running.may_pause && !matches!(running.phase, Phase::Cancelling { .. });
    if full {
        // What may pause stands still at what it was granted; what may not is read to its end.
        running.discarding = !pauses;
        if !pauses {
            cx.ask(Effect::DiscardRows { query });
        }
        return false;
    }
    let end = match running.window_end {
        Some(_) if pauses && bytes >= running.window_bytes => running.granted,
        Some(end) if pauses => end,
        _ => u64::MAX,
    };
    let wanted = rows.saturating_add(CREDIT_ROWS).min(end);
    let more = wanted.saturating_sub(running.granted);
    // Small grants are saved up, so that a chunk is not cut short at every turn; the window's last rows are not.
    if more == 0 || (more < CREDIT_ROWS / 4 && wanted != end) {
        return false;
    }
    running.granted = wanted;
    cx.ask(Effect::GrantRows { query, rows: more });
    true
}

fn over_budget_note(rows: u64, budget: u64) -> String {
    format!(
        "Results may hold {} of memory, and that is used up: {} kept, the rest is read and not kept.",
        crate::rows::show::display::bytes_text(budget),
        crate::rows::show::display::counted_with(rows, "row", ["is", "are"])
    )
}

/// What is left of a grant is void: rows are granted anew where there is room for them, else the reader stands still.
fn grant_lapsed(pages: &mut Pages, cx: &mut Cx, query: QueryId, rows: u64) {
    let full = pages.held_bytes() >= cx.settings.memory_bytes();
    let Some(tab) = running_tab(pages, query) else {
        return;
    };
    let (_, bytes) = tab.results.of_query(query);
    let Run::Running(running) = &mut tab.run else {
        return;
    };
    running.granted = rows;
    if matches!(running.phase, Phase::Paused { .. }) {
        return;
    }
    let was_discarding = running.discarding;
    let is_granted = grant(running, rows, bytes, full, cx);
    let discards = running.discarding && !was_discarding;
    if !is_granted && !discards {
        stalled(pages, cx, query, rows);
    }
}

fn stalled(pages: &mut Pages, cx: &mut Cx, query: QueryId, rows: u64) {
    let since = cx.now;
    let full = pages.held_bytes() >= cx.settings.memory_bytes();
    let stands_still = running_tab(pages, query).is_some_and(|tab| match &tab.run {
        // Otherwise more was granted meanwhile, or it ends anyway: the reader goes on by itself.
        Run::Running(running) => {
            matches!(running.phase, Phase::Running) && running.granted <= rows && running.may_pause
        }
        Run::Idle | Run::Waiting { .. } => false,
    });
    if !stands_still {
        return;
    }
    let timer = cx.request();
    let Some(tab) = running_tab(pages, query) else {
        return;
    };
    let Run::Running(running) = &mut tab.run else {
        return;
    };
    running.phase = Phase::Paused { since, timer };
    if let Some(result) = tab.results.current_mut(query) {
        result.state = ResultState::Paused;
        result.note = full.then(|| {
            "Results have used up their memory. Close a tab or a result to fetch more.".to_owned()
        });
    }
    cx.ask(clock::Effect::Start { timer, after_ms: PAUSE_LIMIT_MS });
}

/// A paused result fills up its tunnel, and would hold up everybody on it: its stream is closed.
fn held_up(pages: &mut Pages, cx: &mut Cx, query: QueryId, bytes: u64) {
    let now = cx.now;
    let Some(tab) = running_tab(pages, query) else {
        return;
    };
    let id = tab.id;
    if !matches!(&tab.run, Run::Running(running) if matches!(running.phase, Phase::Paused { .. })) {
        // It is read on, or ends anyway.
        return;
    }
    let text = format!(
        "An SSH tunnel can't make the server wait: {} more had come while the result was paused, so its stream is \
         closed.",
        crate::rows::show::display::bytes_text(bytes)
    );
    say(tab, now, MessageKind::Notice, text, Some(query));
    stop(pages, cx, id, false)
}

/// Reads a paused result on: by another window, or to its end.
pub fn fetch(pages: &mut Pages, cx: &mut Cx, everything: bool) {
    let full = pages.held_bytes() >= cx.settings.memory_bytes();
    let window_rows = u64::from(cx.settings.window_rows);
    let window_bytes = cx.settings.window_bytes();
    let Some(tab) = pages.active_mut() else {
        return;
    };
    let running = match &mut tab.run {
        Run::Running(running) => running,
        Run::Waiting { script, .. } => {
            script.fetches_all |= everything;
            let text = "The statement still waits for its connection. Its rows come when it runs.";
            cx.notify(text);
            return;
        }
        Run::Idle => {
            cx.notify("There are no more rows to fetch.");
            return;
        }
    };
    let Phase::Paused { timer, .. } = running.phase else {
        return fetch_later(pages, cx, everything);
    };
    if full {
        cx.notify("Results have used up their memory. Close a tab to fetch more.");
        return;
    }
    let query = running.query;
    let (rows, bytes) = tab.results.of_query(query);
    if let Some(result) = tab.results.current_mut(query) {
        result.state = ResultState::Running;
        result.note = None;
    }
    running.phase = Phase::Running;
    running.window_end = (!everything).then_some(rows.saturating_add(window_rows));
    running.window_bytes = if everything { u64::MAX } else { bytes.saturating_add(window_bytes) };
    cx.ask(clock::Effect::Stop { timer });
    grant(running, rows, bytes, full, cx);
}

/// The end of what a page has is near on screen: a paused result is read on by itself, where there is room for it.
pub fn fetch_near_end(pages: &mut Pages, cx: &mut Cx, tab: TabId) {
    let is_paused = |page: &Page| matches!(&page.run, Run::Running(running) if matches!(running.phase, Phase::Paused { .. }));
    let waits = pages.active == tab && pages.active().is_some_and(is_paused);
    if waits && pages.held_bytes() < cx.settings.memory_bytes() {
        fetch(pages, cx, false);
    }
}

/// More was asked for of a statement that does not stand still.
fn fetch_later(pages: &mut Pages, cx: &mut Cx, everything: bool) {
    let Some(Run::Running(running)) = pages.active_mut().map(|tab| &mut tab.run) else {
        return;
    };
    let reads_on = matches!(running.phase, Phase::Running) && !running.discarding;
    if reads_on && everything {
        running.window_end = None;
        running.window_bytes = u64::MAX;
    }
    let text = match (reads_on, everything) {
        (true, true) => "All rows are being fetched.",
        (true, false) => "Rows are still coming in.",
        (false, _) => "The statement is being ended: there are no more rows to fetch.",
    };
    cx.notify(text);
}

/// The user asked to cancel what runs in the active tab; the second time, to terminate the session.
pub fn cancel(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    cx: &mut Cx,
) {
    let now = cx.now;
    let Some(tab) = pages.active_mut() else {
        return cx.leave(Outcome::NothingToCancel(None));
    };
    let (id, connection) = (tab.id, tab.connection);
    match &tab.run {
        Run::Idle => {
            cx.leave(Outcome::NothingToCancel(connection));
        }
        Run::Waiting { script, .. } if script.asks => {
            question::answer_error(pages, connections, history, cx, id, Answer::Stop)
        }
        Run::Waiting { .. } => {
            tab.run = Run::Idle;
            tab.queued = None;
            let text = "It was cancelled before it was sent.";
            tab.ended = Some(badly(&Failure::new(Category::Cancelled, text)));
            say(tab, now, MessageKind::Session, text.into(), None);
            sessions::abandon_opening(tab, cx);
            if let Some(id) = connection {
                cx.leave(Outcome::NeedsNoConnection(id));
            }
        }
        Run::Running(Running { phase: Phase::Cancelling { asked: true, .. }, .. }) => {
            cx.leave(Outcome::Show(Dialog::Terminate { tab: id }));
        }
        Run::Running(_) => {
            tab.queued = None;
            stop(pages, cx, id, true)
        }
    }
}

/// Asks the server to cancel the statement of a tab. Rows of a running one are kept while they come, because it may
/// yet end well; a paused one is read on and thrown away, because a server that waits to send hears no cancel.
pub fn stop(pages: &mut Pages, cx: &mut Cx, id: TabId, asked: bool) {
    let since = cx.now;
    let Some(tab) = pages.get_mut(id) else {
        return;
    };
    let (Run::Running(running), Session::Live(live)) = (&mut tab.run, &tab.session) else {
        return;
    };
    let query = running.query;
    let ahead = Vec::from(running.script.ahead.queries.clone());
    match running.phase {
        Phase::Cancelling { since, asked: before } => {
            running.phase = Phase::Cancelling { since, asked: asked || before };
            return;
        }
        Phase::Paused { timer, .. } => {
            running.discarding = true;
            cx.ask(clock::Effect::Stop { timer });
            cx.ask(Effect::Cancel { query, session: live.id, ahead });
            cx.ask(Effect::DiscardRows { query });
        }
        Phase::Running => {
            cx.ask(Effect::Cancel { query, session: live.id, ahead });
            let (rows, _) = tab.results.of_query(query);
            let wanted = rows.saturating_add(CREDIT_ROWS);
            if wanted > running.granted {
                cx.ask(Effect::GrantRows { query, rows: wanted - running.granted });
                running.granted = wanted;
            }
        }
    }
    running.phase = Phase::Cancelling { since, asked };
    if let Some(result) = tab.results.current_mut(query) {
        result.state = ResultState::Cancelling;
    }
}

/// A timer fired: a paused stream is closed, or an idle session looked at.
pub fn timer_fired(pages: &mut Pages, connections: &mut Connections, cx: &mut Cx, timer: Request) {
    let paused = pages.open.iter().find_map(|tab| match &tab.run {
        Run::Running(Running { phase: Phase::Paused { timer: waiting, .. }, .. })
            if *waiting == timer =>
        {
            Some(tab.id)
        }
        _ => None,
    });
    match paused {
        Some(tab) => stop(pages, cx, tab, false),
        None => sessions::idle_timer_fired(pages, connections, cx, timer),
    }
}

/// Lets rows go, off the loop.
pub fn drop_rows(rows: Vec<Rows>, cx: &mut Cx) {
    let rows: Vec<Rows> = rows.into_iter().filter(|rows| !rows.is_empty()).collect();
    if rows.is_empty() {
        return;
    }
    let request = cx.request();
    cx.ask(results::contract::Effect::Drop { request, rows });
}

/// A message of the tab's own about its session.
fn say(tab: &mut Page, now: Stamp, kind: MessageKind, text: String, query: Option<QueryId>) {
    tell(tab, messages::Message::new(now.unix_us, kind, text, query));
}

fn tell(tab: &mut Page, message: messages::Message) {
    tab.messages.push(message);
}

/// How a failure is remembered as the last end in a tab.
fn badly(failure: &Failure) -> Ended {
    Ended::Badly { failure: Box::new(failure.clone()) }
}

/// Whether it was cancelled, here or by somebody else; a timeout is none.
fn is_cancel(failure: &Failure) -> bool {
    failure.category == Category::Cancelled
}

#[cfg(test)]
mod tests;
