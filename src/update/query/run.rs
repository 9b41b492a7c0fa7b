//! A tab's session and what runs in it: from the key to the server's own word on how it ended.
//!
//! Everything that may take a next step ends in [`pump`], which looks at the run, the session and the
//! connection and takes the one step that is due. The session takes no new statement until the one
//! before has ended; what the query itself answers decides what is shown.

use std::{ops::Range, sync::Arc};

use serde::Serialize;

use super::{
    Effect, Msg,
    editor::Mark,
    history,
    messages::{self, Kind as MessageKind},
    read_only::{self, Prepared},
    session,
};
use crate::{
    base::{ids::*, stamp::Stamp, transaction::Transaction},
    effect::Effect as RootEffect,
    failure::{Category, Failure},
    model::{Area, Model},
    rows::{Chunk, Column, Rows},
    settings::{OnError, Settings},
    sql::{
        read::lex::{self, BackslashRule},
        safety::guard::Passage,
    },
    update::{
        clock,
        connection::{self, Connection, Link},
        jobs,
        results::{self, ResultSet, ResultState},
        shell::{
            dialog::{self, Confirm, Dialog},
            tabs::{Ended, Tab},
        },
    },
};

mod encoding;
mod ending;
pub mod holders;
pub mod keeping;
mod question;
pub mod script;
pub mod secrets;
mod sessions;

pub use keeping::{attend, make_room};
pub use question::{Answer, answer as answer_error, ask as ask_about_error};
pub use script::{Part, Planned, Problem, Script};

pub use sessions::{
    Live, LostSession, Session, ask_to_terminate, connection_closed, connection_failed, end,
    leave_connection, reconnect, terminate, update_session,
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
    Waiting {
        /// The script.
        script: Script,
        /// Since when.
        since: Stamp,
    },
    /// A statement is with the server.
    Running(Running),
}

/// A statement that is with the server.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Running {
    /// Its script.
    pub script: Script,
    /// The statement itself.
    pub planned: Planned,
    /// Its id.
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
        /// Since when.
        since: Stamp,
        /// The timer that closes the stream.
        timer: Request,
    },
    /// The server was asked to cancel it.
    Cancelling {
        /// Since when.
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
pub fn request(model: &mut Model, part: Part, on_error: Option<OnError>) -> Vec<RootEffect> {
    let on_error = on_error.unwrap_or(model.cx.settings.on_error);
    let Some(tab) = model.tabs.active_mut() else {
        return vec![];
    };
    let id = tab.id;
    match Script::of_tab(tab, part, on_error) {
        Ok(script) => request_script(model, id, script),
        Err(problem) => {
            refuse(model, &problem);
            vec![]
        }
    }
}

/// Says why nothing was run. A text that can't be run has failed; where there is none, nothing has.
fn refuse(model: &mut Model, problem: &Problem) {
    let now = model.cx.now;
    let text = match problem {
        Problem::Nothing => "There is no statement here to run.".to_owned(),
        Problem::OnlyPsql { note } => note.clone(),
        Problem::Refused { range, reason } => {
            let Some(tab) = model.tabs.active_mut() else {
                return;
            };
            refused(tab, now, range.clone(), reason, false)
        }
    };
    model.cx.notices.push(now, text);
}

/// What is not run is marked, and the tab's last end is that it was not.
fn refused(tab: &mut Tab, now: Stamp, range: Range<usize>, reason: &str, sent: bool) -> String {
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
pub fn request_text(model: &mut Model, sql: &str) -> Vec<RootEffect> {
    match model.tabs.active().map(|tab| tab.id) {
        Some(tab) => request_text_in(model, tab, sql),
        None => vec![],
    }
}

/// The same in any tab.
pub fn request_text_in(model: &mut Model, tab: TabId, sql: &str) -> Vec<RootEffect> {
    let script = Script::new(vec![Planned::of_text(sql)], OnError::Stop);
    request_script(model, tab, script)
}

fn request_script(model: &mut Model, id: TabId, script: Script) -> Vec<RootEffect> {
    let now = model.cx.now;
    let Some(tab) = model.tabs.get_mut(id) else {
        return vec![];
    };
    let known = tab.connection.is_some_and(|id| model.connections.contains_key(&id));
    if !known {
        model.cx.notices.push(now, "Choose where to connect, then run again.".into());
        return crate::update::shell::welcome::show(model);
    }
    if model.welcome.shown {
        // What runs is seen, not hidden behind the welcome screen.
        model.focus(Area::Editor);
    }
    let Some(tab) = model.tabs.get_mut(id) else {
        return vec![];
    };
    if matches!(&tab.session, Session::Lost(lost) if !lost.died.is_empty()) {
        model.cx.notices.push(
            now,
            "The session was lost. Reconnect first: its transaction and settings are gone.".into(),
        );
        return vec![];
    }
    let mut effects = vec![];
    match &tab.run {
        Run::Idle => tab.queued = Some(script),
        Run::Waiting { script, .. } => {
            let text = if script.asks {
                "The script stands at an error: say first whether it goes on."
            } else {
                "This tab still waits for its connection."
            };
            model.cx.notices.push(now, text.into());
            return vec![];
        }
        Run::Running(Running { phase: Phase::Running, .. }) => {
            model.cx.notices.push(now, "A statement is still running. Cancel it first.".into());
            return vec![];
        }
        Run::Running(Running { phase: Phase::Cancelling { .. }, .. }) => tab.queued = Some(script),
        Run::Running(Running { phase: Phase::Paused { .. }, .. }) => {
            tab.queued = Some(script);
            effects.extend(stop(model, id, false));
        }
    }
    effects.extend(pump(model, id));
    effects
}

/// Takes the step that is due in every tab.
pub fn pump_all(model: &mut Model) -> Vec<RootEffect> {
    let tabs: Vec<TabId> = model.tabs.open.iter().map(|tab| tab.id).collect();
    tabs.into_iter().flat_map(|tab| pump(model, tab)).collect()
}

/// Takes the step that is due in a tab: begin a queued script, open what it needs, send its next statement.
pub fn pump(model: &mut Model, id: TabId) -> Vec<RootEffect> {
    let now = model.cx.now;
    let Some(tab) = model.tabs.get_mut(id) else {
        return vec![];
    };
    if matches!(tab.run, Run::Idle) {
        let Some(mut script) = tab.queued.take() else {
            return vec![];
        };
        if let Some(note) = script.note.take() {
            say(tab, now, MessageKind::Session, note, None);
        }
        let gone = tab.results.begin();
        tab.editor.mark = None;
        tab.run = Run::Waiting { script, since: now };
        let mut effects = drop_rows(&mut model.cx.ids, gone);
        effects.extend(pump_waiting(model, id));
        return effects;
    }
    pump_waiting(model, id)
}

/// Takes the step that is due where a script waits.
fn pump_waiting(model: &mut Model, id: TabId) -> Vec<RootEffect> {
    let now = model.cx.now;
    let Some(tab) = model.tabs.get_mut(id) else {
        return vec![];
    };
    let (Run::Waiting { script, .. }, Some(connection)) = (&tab.run, tab.connection) else {
        return vec![];
    };
    if script.asks {
        // It goes on when the user says so.
        return vec![];
    }
    let link = model.connections.get(&connection).map(|known| &known.link);
    match link {
        Some(Link::Open { .. }) => {}
        Some(Link::Closed | Link::Failed { .. }) => return connection::open(model, connection),
        Some(Link::Closing) => {
            // It was closed for another reason; this run wants it again.
            return connection::open(model, connection);
        }
        // It goes on when the connection is open; until then nothing of it has been sent.
        Some(Link::Opening { .. } | Link::AskingKeychain { .. } | Link::Reconnecting(_)) => {
            return vec![];
        }
        None => {
            let failure =
                Failure::new(Category::Connection, "The connection is not known any more.");
            sessions::fail_waiting(tab, now, &failure);
            return vec![];
        }
    }
    match &mut tab.session {
        Session::Live(live) if live.is_free() => send(model, id),
        Session::Live(_) | Session::Opening { .. } => vec![],
        Session::Lost(lost) if !lost.died.is_empty() => {
            // What it held is gone, and a new session in silence would hide that.
            let failure = lost.failure.clone();
            sessions::fail_waiting(tab, now, &failure);
            vec![]
        }
        Session::Closed | Session::Lost(_) => {
            let session = SessionId::next(&mut model.cx.ids);
            tab.session = Session::Opening {
                id: session,
                connection,
                since: now,
                backslash: BackslashRule::Ordinary,
            };
            vec![session::Effect::Open { session, connection }.into()]
        }
    }
}

/// Sends the script's next statement through the free session. One that is refused here is not sent, and the script
/// may go on behind it.
fn send(model: &mut Model, id: TabId) -> Vec<RootEffect> {
    let mut effects = vec![];
    for _ in 0..REFUSALS_PER_TURN {
        effects.extend(send_next(model, id, None));
        let is_due = model.tabs.get_mut(id).is_some_and(|tab| match &tab.run {
            Run::Waiting { script, .. } => !script.asks,
            Run::Idle => tab.queued.is_some(),
            Run::Running(_) => false,
        });
        if !is_due {
            return effects;
        }
        if let Some(tab) = model.tabs.get_mut(id)
            && matches!(tab.run, Run::Idle)
        {
            effects.extend(pump(model, id));
            return effects;
        }
    }
    if let Some(Run::Waiting { script, .. }) = model.tabs.get_mut(id).map(|tab| &tab.run) {
        let script = script.clone();
        effects.extend(ending::run_ended(model, id, script, None));
    }
    effects
}

/// A statement that the session was given before.
struct Given {
    query: QueryId,
    /// As the one before it: a cancel is for all of a run.
    phase: Phase,
}

/// The script that waits in a tab for the session that it has.
fn take_waiting(tab: &mut Tab) -> Option<Script> {
    if let (Run::Waiting { .. }, Session::Live(_)) = (&tab.run, &tab.session)
        && let Run::Waiting { script, .. } = std::mem::take(&mut tab.run)
    {
        return Some(script);
    }
    None
}

fn send_next(model: &mut Model, id: TabId, given: Option<Given>) -> Vec<RootEffect> {
    let now = model.cx.now;
    let given_query = given.as_ref().map(|given| given.query);
    let query = given_query.unwrap_or_else(|| QueryId::next(&mut model.cx.ids));
    let held = model.held_bytes();
    let stop_timer = sessions::stop_idle_timer(model, id);
    let mut tabs = model.tabs.open.iter();
    let read_only = tabs.any(|tab| tab.id == id && is_read_only(model, tab));
    let Some(tab) = model.tabs.get_mut(id) else {
        return vec![];
    };
    let Some(mut script) = take_waiting(tab) else {
        return vec![];
    };
    let Session::Live(live) = &tab.session else {
        return vec![];
    };
    let (planned, is_read) = match script.take_next(live.backslash) {
        Ok(Some(next)) => next,
        other => {
            let ended = ending::not_sent(model, id, script, other.err());
            return stop_timer.into_iter().chain(ended).collect();
        }
    };
    let (session, alone) = (live.id, script.statements.len() == 1);
    let may_pause = alone && live.transaction == Transaction::Idle && planned.kind.may_pause;
    // What the run before holds goes as soon as this one has something to show.
    let full =
        held.saturating_sub(tab.results.previous_bytes()) >= model.cx.settings.memory_bytes();
    let granted_rows = CREDIT_ROWS * u64::from(!full || given.is_some());
    let discarding = full && !may_pause;
    let (window_end, window_bytes) = window(&script, &model.cx.settings);
    let transaction = live.transaction;
    let prepared = match given {
        Some(_) => Ok(None),
        None => prepare(tab, is_read, &planned, live, read_only),
    };
    let (sql, data) = (planned.sql.clone(), planned.copy_data.clone());
    let running = Running {
        query,
        passage: passage_of(&prepared),
        sent: now,
        may_pause,
        granted: granted_rows,
        window_end,
        window_bytes,
        discarding,
        phase: given.map_or(Phase::Running, |given| given.phase),
        planned,
        script,
    };
    begin(tab, running, now);
    let mut effects = stop_timer;
    let sent = prepared.map(|prepared| {
        if given_query.is_none() {
            let what = (sql.clone(), data.clone());
            effects.push(order(query, session, what, prepared, granted_rows).into());
        }
        if discarding {
            effects.push(Effect::DiscardRows { query }.into());
        }
    });
    effects.extend(history::began(model, id, query, &sql, data.as_deref()));
    if let Err(failure) = sent {
        effects.extend(ending::ended_badly(model, query, *failure, transaction, 0));
    } else if !full && !read_only {
        effects.extend(give_ahead(model, id));
    }
    effects
}

/// A statement runs in a tab from now on, and has a result.
fn begin(tab: &mut Tab, running: Running, now: Stamp) {
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
fn give_ahead(model: &mut Model, id: TabId) -> Vec<RootEffect> {
    let Some(tab) = model.tabs.open.iter_mut().find(|tab| tab.id == id) else {
        return vec![];
    };
    let (Run::Running(running), Session::Live(live)) = (&mut tab.run, &tab.session) else {
        return vec![];
    };
    if running.phase != Phase::Running {
        return vec![];
    }
    let given = running.script.give_ahead(live.backslash, &mut model.cx.ids);
    let order = |(query, sql)| Effect::Run {
        query,
        session: live.id,
        sql,
        copy_data: None,
        granted_rows: CREDIT_ROWS,
        follows: Some(live.backslash),
    };
    given.into_iter().map(order).map(Into::into).collect()
}

/// A connection that is read-only from now on is told so at once: what its sessions were given ahead is taken back, and
/// sent sealed. Called after each message.
pub fn take_back_writes(model: &mut Model) -> Vec<RootEffect> {
    let gives_ahead = |tab: &&Tab| match &tab.run {
        Run::Running(running) => running.script.ahead.is_given(),
        _ => false,
    };
    let tabs = model.tabs.open.iter().filter(gives_ahead);
    let tabs: Vec<TabId> = tabs.filter(|tab| is_read_only(model, tab)).map(|tab| tab.id).collect();
    let mut effects = vec![];
    for id in tabs {
        if let Some(tab) = model.tabs.get_mut(id)
            && let (Run::Running(running), Session::Live(live)) = (&mut tab.run, &tab.session)
        {
            running.script.ahead.take_back();
            effects.push(Effect::TakeBack { session: live.id }.into());
        }
    }
    effects
}

/// How a read-only connection runs a statement; why not, where it is not sent on whichever connection.
fn prepare(
    tab: &Tab,
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
fn cut_as_read(tab: &Tab, planned: &Planned, backslash: BackslashRule) -> Result<(), Box<Failure>> {
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
pub fn is_read_only(model: &Model, tab: &Tab) -> bool {
    let known = tab.connection.and_then(|id| model.connections.get(&id));
    let writes = tab.read_only.block.is_none()
        && !matches!(tab.transaction(), None | Some(Transaction::Idle))
        && known.is_some_and(|known| !known.made_read_only);
    known.is_some_and(Connection::is_read_only) && !writes
}

/// Takes in what the runner reports of a statement.
pub fn update(model: &mut Model, msg: Msg) -> Vec<RootEffect> {
    match secrets::of_query(model, msg) {
        Msg::Described { query, columns } => described(model, query, columns),
        Msg::RowsArrived { query, chunk } => rows_arrived(model, query, chunk),
        Msg::Stalled { query, rows } => stalled(model, query, rows),
        Msg::GrantLapsed { query, rows } => grant_lapsed(model, query, rows),
        Msg::Inspected { query, inspection } => ending::inspected(model, query, &inspection),
        Msg::EncodingChanged { query, from, to, is_understood, escaped } => {
            encoding::changed(model, query, [&from, &to], is_understood, escaped)
        }
        Msg::HeldUp { query, bytes } => held_up(model, query, bytes),
        Msg::Finished { query, tag, transaction, discarded, elapsed_us } => {
            ending::finished(model, query, tag, transaction, discarded, elapsed_us)
        }
        Msg::Failed { query, failure, transaction, elapsed_us } => {
            ending::failed(model, query, *failure, transaction, elapsed_us)
        }
        Msg::Lost { query, failure, elapsed_us } => {
            ending::lost(model, query, *failure, elapsed_us)
        }
        // It was only sent: the query's own end says what became of it.
        Msg::CancelSent { .. } => vec![],
        Msg::CancelFailed { query, failure } => {
            let now = model.cx.now;
            if running_tab(model, query).is_some() {
                let advice = "Press cancel again to terminate the session.";
                model.cx.notices.push(
                    now,
                    format!("The cancel did not reach the server: {}. {advice}", failure.message),
                );
            }
            vec![]
        }
    }
}

/// The tab in which a query runs.
fn running_tab(model: &mut Model, query: QueryId) -> Option<&mut Tab> {
    model
        .tabs
        .open
        .iter_mut()
        .find(|tab| matches!(&tab.run, Run::Running(running) if running.query == query))
}

fn described(model: &mut Model, query: QueryId, columns: Vec<Column>) -> Vec<RootEffect> {
    let now = model.cx.now;
    let Some(tab) = running_tab(model, query) else {
        return vec![];
    };
    let Some(connection) = tab.connection else {
        return vec![];
    };
    let id = tab.id;
    if tab.results.current_mut(query).is_some_and(|result| result.described) {
        let Run::Running(running) = &tab.run else {
            return vec![];
        };
        let planned = running.planned();
        tab.results.push(ResultSet::new(query, planned.statement(), planned.start, now));
    }
    let mut columns = columns;
    let unknown = name_columns(&model.connections, connection, &mut columns);
    let Some(tab) = model.tabs.get_mut(id) else {
        return vec![];
    };
    if let Some(result) = tab.results.current_mut(query) {
        result.describe(columns.into());
    }
    let mut effects = drop_rows(&mut model.cx.ids, tab.results.drop_previous());
    if !unknown.is_empty() {
        let request = model.cx.ids.request();
        if let Some(known) = model.connections.get_mut(&connection) {
            known.naming.insert(request);
        }
        effects
            .push(connection::Effect::ResolveTypes { request, connection, oids: unknown }.into());
    }
    effects
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

fn rows_arrived(model: &mut Model, query: QueryId, chunk: Arc<Chunk>) -> Vec<RootEffect> {
    let Some(tab) = running_tab(model, query) else {
        return vec![];
    };
    if let Some(result) = tab.results.current_mut(query) {
        result.append(chunk);
    }
    let (held, budget) = (model.held_bytes(), model.cx.settings.memory_bytes());
    let Some(tab) = running_tab(model, query) else {
        return vec![];
    };
    let (rows, bytes) = tab.results.of_query(query);
    let Run::Running(running) = &mut tab.run else {
        return vec![];
    };
    if matches!(running.phase, Phase::Paused { .. }) {
        return vec![];
    }
    let effects = grant(running, rows, bytes, held >= budget);
    if running.discarding
        && let Some(result) = tab.results.current_mut(query)
    {
        result.note = Some(over_budget_note(rows, budget));
    }
    effects
}

/// Grants what the window, or for what can't pause the memory, has room for.
fn grant(running: &mut Running, rows: u64, bytes: u64, full: bool) -> Vec<RootEffect> {
    let query = running.query;
    if running.discarding {
        return vec![];
    }
    let pauses = running.may_pause && !matches!(running.phase, Phase::Cancelling { .. });
    if full {
        // What may pause stands still at what it was granted; what may not is read to its end.
        running.discarding = !pauses;
        return if pauses { vec![] } else { vec![Effect::DiscardRows { query }.into()] };
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
        return vec![];
    }
    running.granted = wanted;
    vec![Effect::GrantRows { query, rows: more }.into()]
}

fn over_budget_note(rows: u64, budget: u64) -> String {
    format!(
        "Results may hold {} of memory, and that is used up: {} kept, the rest is read and not kept.",
        crate::rows::show::display::bytes_text(budget),
        crate::rows::show::display::counted_with(rows, "row", ["is", "are"])
    )
}

/// What is left of a grant is void: rows are granted anew where there is room for them, else the reader stands still.
fn grant_lapsed(model: &mut Model, query: QueryId, rows: u64) -> Vec<RootEffect> {
    let full = model.held_bytes() >= model.cx.settings.memory_bytes();
    let Some(tab) = running_tab(model, query) else {
        return vec![];
    };
    let (_, bytes) = tab.results.of_query(query);
    let Run::Running(running) = &mut tab.run else {
        return vec![];
    };
    running.granted = rows;
    if matches!(running.phase, Phase::Paused { .. }) {
        return vec![];
    }
    let effects = grant(running, rows, bytes, full);
    if effects.is_empty() {
        return stalled(model, query, rows);
    }
    effects
}

fn stalled(model: &mut Model, query: QueryId, rows: u64) -> Vec<RootEffect> {
    let since = model.cx.now;
    let full = model.held_bytes() >= model.cx.settings.memory_bytes();
    let stands_still = running_tab(model, query).is_some_and(|tab| match &tab.run {
        // Otherwise more was granted meanwhile, or it ends anyway: the reader goes on by itself.
        Run::Running(running) => {
            matches!(running.phase, Phase::Running) && running.granted <= rows && running.may_pause
        }
        Run::Idle | Run::Waiting { .. } => false,
    });
    if !stands_still {
        return vec![];
    }
    let timer = model.cx.ids.request();
    let Some(tab) = running_tab(model, query) else {
        return vec![];
    };
    let Run::Running(running) = &mut tab.run else {
        return vec![];
    };
    running.phase = Phase::Paused { since, timer };
    if let Some(result) = tab.results.current_mut(query) {
        result.state = ResultState::Paused;
        result.note = full.then(|| {
            "Results have used up their memory. Close a tab or a result to fetch more.".to_owned()
        });
    }
    vec![clock::Effect::Start { timer, after_ms: PAUSE_LIMIT_MS }.into()]
}

/// A paused result fills up its tunnel, and would hold up everybody on it: its stream is closed.
fn held_up(model: &mut Model, query: QueryId, bytes: u64) -> Vec<RootEffect> {
    let now = model.cx.now;
    let Some(tab) = running_tab(model, query) else {
        return vec![];
    };
    let id = tab.id;
    if !matches!(&tab.run, Run::Running(running) if matches!(running.phase, Phase::Paused { .. })) {
        // It is read on, or ends anyway.
        return vec![];
    }
    let text = format!(
        "An SSH tunnel can't make the server wait: {} more had come while the result was paused, so its stream is \
         closed.",
        crate::rows::show::display::bytes_text(bytes)
    );
    say(tab, now, MessageKind::Notice, text, Some(query));
    stop(model, id, false)
}

/// Reads a paused result on: by another window, or to its end.
pub fn fetch(model: &mut Model, everything: bool) -> Vec<RootEffect> {
    let now = model.cx.now;
    let full = model.held_bytes() >= model.cx.settings.memory_bytes();
    let window_rows = u64::from(model.cx.settings.window_rows);
    let window_bytes = model.cx.settings.window_bytes();
    let Some(tab) = model.tabs.active_mut() else {
        return vec![];
    };
    let running = match &mut tab.run {
        Run::Running(running) => running,
        Run::Waiting { script, .. } => {
            script.fetches_all |= everything;
            let text = "The statement still waits for its connection. Its rows come when it runs.";
            model.cx.notices.push(now, text.into());
            return vec![];
        }
        Run::Idle => {
            model.cx.notices.push(now, "There are no more rows to fetch.".into());
            return vec![];
        }
    };
    let Phase::Paused { timer, .. } = running.phase else {
        return fetch_later(model, everything);
    };
    if full {
        model
            .cx
            .notices
            .push(now, "Results have used up their memory. Close a tab to fetch more.".into());
        return vec![];
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
    let mut effects = vec![clock::Effect::Stop { timer }.into()];
    effects.extend(grant(running, rows, bytes, full));
    effects
}

/// More was asked for of a statement that does not stand still.
fn fetch_later(model: &mut Model, everything: bool) -> Vec<RootEffect> {
    let now = model.cx.now;
    let Some(Run::Running(running)) = model.tabs.active_mut().map(|tab| &mut tab.run) else {
        return vec![];
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
    model.cx.notices.push(now, text.into());
    vec![]
}

/// The user asked to cancel what runs in the active tab; the second time, to terminate the session.
pub fn cancel(model: &mut Model) -> Vec<RootEffect> {
    let now = model.cx.now;
    let Some(tab) = model.tabs.active_mut() else {
        return vec![];
    };
    let (id, connection) = (tab.id, tab.connection);
    match &tab.run {
        Run::Idle => match (jobs::cancel(model), connection) {
            (Some(effects), _) => effects,
            (None, Some(connection)) => connection::stop_opening(model, connection),
            (None, None) => vec![],
        },
        Run::Waiting { script, .. } if script.asks => question::answer(model, id, Answer::Stop),
        Run::Waiting { .. } => {
            tab.run = Run::Idle;
            tab.queued = None;
            let text = "It was cancelled before it was sent.";
            tab.ended = Some(badly(&Failure::new(Category::Cancelled, text)));
            say(tab, now, MessageKind::Session, text.into(), None);
            let mut effects = sessions::abandon_opening(tab);
            effects.extend(
                connection.map(|id| connection::stop_opening(model, id)).unwrap_or_default(),
            );
            effects
        }
        Run::Running(Running { phase: Phase::Cancelling { asked: true, .. }, .. }) => {
            dialog::show(model, Dialog::Confirm(Confirm::Terminate { tab: id }))
        }
        Run::Running(_) => {
            tab.queued = None;
            stop(model, id, true)
        }
    }
}

/// Asks the server to cancel the statement of a tab. Rows of a running one are kept while they come, because it may
/// yet end well; a paused one is read on and thrown away, because a server that waits to send hears no cancel.
pub fn stop(model: &mut Model, id: TabId, asked: bool) -> Vec<RootEffect> {
    let since = model.cx.now;
    let Some(tab) = model.tabs.get_mut(id) else {
        return vec![];
    };
    let (Run::Running(running), Session::Live(live)) = (&mut tab.run, &tab.session) else {
        return vec![];
    };
    let query = running.query;
    let ahead = Vec::from(running.script.ahead.queries.clone());
    let mut effects = vec![];
    match running.phase {
        Phase::Cancelling { since, asked: before } => {
            running.phase = Phase::Cancelling { since, asked: asked || before };
            return vec![];
        }
        Phase::Paused { timer, .. } => {
            running.discarding = true;
            effects.push(clock::Effect::Stop { timer }.into());
            effects.push(Effect::Cancel { query, session: live.id, ahead }.into());
            effects.push(Effect::DiscardRows { query }.into());
        }
        Phase::Running => {
            effects.push(Effect::Cancel { query, session: live.id, ahead }.into());
            let (rows, _) = tab.results.of_query(query);
            let wanted = rows.saturating_add(CREDIT_ROWS);
            if wanted > running.granted {
                effects.push(Effect::GrantRows { query, rows: wanted - running.granted }.into());
                running.granted = wanted;
            }
        }
    }
    running.phase = Phase::Cancelling { since, asked };
    if let Some(result) = tab.results.current_mut(query) {
        result.state = ResultState::Cancelling;
    }
    effects
}

/// A timer fired: a paused stream is closed, or an idle session looked at.
pub fn timer_fired(model: &mut Model, timer: Request) -> Vec<RootEffect> {
    let paused = model.tabs.open.iter().find_map(|tab| match &tab.run {
        Run::Running(Running { phase: Phase::Paused { timer: waiting, .. }, .. })
            if *waiting == timer =>
        {
            Some(tab.id)
        }
        _ => None,
    });
    match paused {
        Some(tab) => stop(model, tab, false),
        None => sessions::idle_timer_fired(model, timer),
    }
}

/// The effect that lets rows go, off the loop.
pub fn drop_rows(ids: &mut Ids, rows: Vec<Rows>) -> Vec<RootEffect> {
    let rows: Vec<Rows> = rows.into_iter().filter(|rows| !rows.is_empty()).collect();
    if rows.is_empty() {
        return vec![];
    }
    vec![results::contract::Effect::Drop { request: ids.request(), rows }.into()]
}

/// A message of the tab's own about its session.
fn say(tab: &mut Tab, now: Stamp, kind: MessageKind, text: String, query: Option<QueryId>) {
    tell(tab, messages::Message::new(now.unix_us, kind, text, query));
}

fn tell(tab: &mut Tab, message: messages::Message) {
    tab.messages.push(message);
    if tab.results.shown == crate::update::results::Shown::Messages {
        tab.messages.seen();
    }
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
