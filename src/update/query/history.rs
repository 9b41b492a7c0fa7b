//! The history: every run, with its text, connection, time and end; kept on disk, searched with one key.
//!
//! A run is written when it begins, in case the program dies with it, and again when it ends. Of a long script that
//! would be most of the work: what its statements come to is gathered for a moment, and written in one go.

use super::{Outcome, run::Run};
use crate::{
    base::{ids::*, stamp::Stamp},
    sql::{self, safety::mask},
    update::{
        clock,
        connection::Connections,
        cx::Cx,
        keeping::{self, HistoryEntry, HistoryOutcome},
        picker::Picker,
        query::{Dialog, page::Pages},
    },
};

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use serde::Serialize;

/// So many of the newest runs are kept in the Model, for the sidebar.
pub const RECENT: usize = 200;
/// The data of a COPY are kept with it up to so many bytes.
const DATA_BYTES: usize = 64 << 10;
/// A search shows at most so many.
const FOUND: u32 = 200;
/// So many statements of a script are written one by one, as they are sent and as they end.
pub const WRITTEN_AT_ONCE: usize = 16;
/// The others wait to be written for at most so long,
const GATHERED_MS: u64 = 100;
/// and there are at most so many.
const GATHERED: usize = 2_048;

/// The newest runs, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct History {
    /// The runs.
    pub recent: VecDeque<HistoryEntry>,
    /// How many have begun since the start of the program.
    pub begun: u64,
    /// Those that have not ended, and whether what they come to is gathered.
    under_way: BTreeMap<QueryId, bool>,
    /// What is gathered and not yet written, in the order of sending.
    unwritten: Vec<HistoryEntry>,
    /// Since when there is something.
    unwritten_since: Stamp,
    /// The timer after which it is written.
    timer: Option<Request>,
    /// What the last search found.
    pub found: Vec<HistoryEntry>,
    /// The search that is under way: only the newest answer counts.
    pub searching: Option<Request>,
    /// Whether the first run that is found shall be taken: Enter was pressed before the answer came.
    pub taking: bool,
    /// Why the last search failed.
    pub problem: Option<String>,
}

/// Where the statements of a script run, in the words of the history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    connection: Arc<str>,
    database: Arc<str>,
}

/// A statement that was sent.
pub struct Sent<'a> {
    pub query: QueryId,
    pub text: &'a Arc<str>,
    /// The data that a COPY has with it.
    pub data: Option<&'a str>,
}

/// A statement was sent in a tab. The history has it at once, in case the program dies with it; one of those that are
/// gathered, a moment later.
pub fn began(
    pages: &mut Pages,
    connections: &Connections,
    history: &mut History,
    cx: &mut Cx,
    tab: TabId,
    sent: Sent<'_>,
) {
    let Sent { query, text, data } = sent;
    let known = pages.get_mut(tab);
    let is_gathered = known.is_some_and(|tab| is_gathered(&tab.run));
    let Place { connection, database } = place(pages, connections, tab);
    let entry = HistoryEntry {
        query,
        at_us: cx.now.unix_us,
        connection,
        database,
        sql: kept(text, data),
        elapsed_us: None,
        outcome: HistoryOutcome::Running,
    };
    let History { recent, under_way, .. } = history;
    // One that still runs stays: its end is written to its own entry.
    let has_ended = |entry: &HistoryEntry| !under_way.contains_key(&entry.query);
    if recent.len() >= RECENT
        && let Some(oldest) = recent.iter().rposition(has_ended)
    {
        recent.remove(oldest);
    }
    recent.push_front(entry.clone());
    under_way.insert(query, is_gathered);
    history.begun += 1;
    record(history, cx, entry, is_gathered)
}

/// A statement as it is kept: without passwords, and with the data of a COPY where they are short and hold none.
fn kept(text: &Arc<str>, data: Option<&str>) -> Arc<str> {
    let masked = mask::passwords(text);
    let Some(data) = data else {
        return match masked {
            Cow::Borrowed(_) => text.clone(),
            Cow::Owned(masked) => masked.into(),
        };
    };
    if data.len() > DATA_BYTES {
        let size = crate::rows::show::display::bytes_text(data.len() as u64);
        return format!("{masked}; -- its data, {size}, are too long to be kept").into();
    }
    let end = if data.is_empty() || data.ends_with('\n') { "" } else { "\n" };
    let whole = format!("{text};\n{data}{end}\\.");
    let shown = mask::passwords(&whole);
    // With masked data it could be run again, and would write the mask.
    if *shown == *whole {
        return whole.into();
    }
    format!("{masked}; -- its data are not kept, because they may hold passwords").into()
}

/// A statement ended.
pub fn ended(
    history: &mut History,
    cx: &mut Cx,
    query: QueryId,
    elapsed_us: u64,
    outcome: HistoryOutcome,
) {
    let is_gathered = history.under_way.remove(&query).unwrap_or(false);
    let Some(entry) = history.recent.iter_mut().find(|entry| entry.query == query) else {
        return;
    };
    entry.elapsed_us = Some(elapsed_us);
    entry.outcome = match outcome {
        HistoryOutcome::Failed { sqlstate, message } => HistoryOutcome::Failed {
            sqlstate,
            message: mask::passwords_in_words(&message).into_owned(),
        },
        other => other,
    };
    let entry = entry.clone();
    record(history, cx, entry, is_gathered)
}

fn record(history: &mut History, cx: &mut Cx, entry: HistoryEntry, is_gathered: bool) {
    let now = cx.now;
    let unwritten = &mut history.unwritten;
    if unwritten.is_empty() {
        history.unwritten_since = now;
    }
    // One that ends before its beginning was written is written once. Mostly it is the last one.
    let same = match entry.outcome {
        HistoryOutcome::Running => None,
        _ => unwritten.iter_mut().rfind(|same| same.query == entry.query),
    };
    match same {
        Some(same) => *same = entry,
        None => unwritten.push(entry),
    }
    if is_gathered {
    } else {
        write(history, cx)
    }
}

/// Writes what was gathered.
pub fn write(history: &mut History, cx: &mut Cx) {
    let entries = std::mem::take(&mut history.unwritten);
    if entries.is_empty() {
        return;
    }
    let request = cx.request();
    cx.ask(keeping::Effect::RecordRuns { request, entries });
}

/// Writes what was gathered where that is due. Called after each message.
pub fn step(pages: &Pages, history: &mut History, cx: &mut Cx) {
    if history.unwritten.is_empty() {
        return;
    }
    let waited_ms = cx.now.us_since(history.unwritten_since) / 1_000;
    let goes_on = pages.open.iter().any(|tab| is_gathered(&tab.run));
    if !goes_on || waited_ms >= GATHERED_MS || history.unwritten.len() >= GATHERED {
        return write(history, cx);
    }
    if history.timer.is_some() {
        return;
    }
    let timer = cx.request();
    history.timer = Some(timer);
    let after_ms = GATHERED_MS - waited_ms;
    cx.ask(clock::Effect::Start { timer, after_ms });
}

/// Whether what the statements of a run come to is gathered.
fn is_gathered(run: &Run) -> bool {
    match run {
        Run::Idle => false,
        Run::Waiting { script, .. } => script.next >= WRITTEN_AT_ONCE && !script.asks,
        Run::Running(running) => running.script.next >= WRITTEN_AT_ONCE,
    }
}

/// The timer has fired, or was stopped: whether it is the one of what was gathered.
pub fn timer_ended(history: &mut History, timer: Request) -> bool {
    let is_it = history.timer == Some(timer);
    if is_it {
        history.timer = None;
    }
    is_it
}

/// All that there is, for a store that has none of it: the oldest first.
pub fn keep_all(history: &mut History, cx: &mut Cx) {
    let History { recent, unwritten, .. } = history;
    let newest: BTreeSet<QueryId> = unwritten.iter().map(|entry| entry.query).collect();
    let written = recent.iter().rev();
    let mut entries: Vec<HistoryEntry> =
        written.filter(|entry| !newest.contains(&entry.query)).cloned().collect();
    entries.append(unwritten);
    *unwritten = entries;
    write(history, cx)
}

/// The connection and the database of a tab, as they were called when its script began: a long one would have them put
/// together for each of its statements.
fn place(pages: &mut Pages, connections: &Connections, tab: TabId) -> Place {
    let Some(tab) = pages.get_mut(tab) else {
        return Place::default();
    };
    let known = tab.connection.and_then(|id| connections.get(&id));
    let said = || {
        known.map_or_else(Place::default, |known| Place {
            connection: known.config.label().into(),
            database: known.config.database.as_str().into(),
        })
    };
    match &mut tab.run {
        Run::Running(running) => running.script.place.get_or_insert_with(said).clone(),
        Run::Idle | Run::Waiting { .. } => said(),
    }
}

/// Opens the search over the history.
pub fn open(history: &mut History, cx: &mut Cx) {
    cx.leave(Outcome::Show(Dialog::History(Picker::default())));
    search(history, cx, String::new());
}

/// Asks for the runs that contain every word.
pub fn search(history: &mut History, cx: &mut Cx, text: String) {
    let request = cx.request();
    history.searching = Some(request);
    history.taking = false;
    // The search finds what was written before it.
    write(history, cx);
    cx.ask(keeping::Effect::SearchHistory { request, text, limit: FOUND });
}

/// Takes in what was found.
pub fn found(
    history: &mut History,
    dialog: Option<&mut Dialog>,
    cx: &mut Cx,
    request: Request,
    entries: Result<Vec<HistoryEntry>, crate::failure::Failure>,
) {
    if history.searching != Some(request) {
        return;
    }
    history.searching = None;
    let taking = std::mem::take(&mut history.taking) && entries.is_ok();
    match entries {
        Ok(entries) => {
            history.found = entries;
            history.problem = None;
        }
        Err(failure) => history.problem = Some(failure.message),
    }
    let last = history.found.len().saturating_sub(1);
    let Some(Dialog::History(picker)) = dialog else {
        return;
    };
    picker.selected = picker.selected.min(last);
    if taking {
        cx.leave(Outcome::TakeFound);
    }
}

/// The run that is chosen goes into the editor. While what is listed answers an older question, the list stays: the
/// choice is made when the answer is there.
pub(super) fn accept(
    pages: &mut Pages,
    history: &mut History,
    cx: &mut Cx,
    picker: Picker,
) -> Option<Picker> {
    if history.searching.is_some() {
        history.taking = true;
        return Some(picker);
    }
    let sql = history.found.get(picker.selected).map(|entry| entry.sql.clone());
    cx.leave(Outcome::EnterEditor);
    if let Some(sql) = sql {
        take(pages, cx, &sql)
    }
    None
}

/// Puts a run's text into the editor: in the place of an empty text, else behind it.
pub fn take(pages: &mut Pages, cx: &mut Cx, sql: &str) {
    let Some(tab) = pages.active_mut() else {
        return;
    };
    let id = tab.id;
    let buffer = &mut tab.editor.buffer;
    let end = buffer.text().len();
    let old = buffer.string();
    let open = tab
        .editor
        .splits
        .pieces()
        .last()
        .and_then(|piece| piece.statement())
        .is_some_and(|statement| !statement.terminated);
    let lead = match (old.trim_end().is_empty(), open) {
        (true, _) => "",
        (false, false) => "\n\n",
        (false, true) => &format!("{}\n\n", end_of(old.trim_end())),
    };
    let start = if lead.is_empty() { 0 } else { old.trim_end().len() };
    let edit = buffer.replace(start..end, &format!("{lead}{sql}{}", end_of(sql)));
    super::editor::changed(pages, cx, id, vec![edit])
}

/// What ends a statement: behind a comment at its end the semicolon needs a line of its own. A COPY that was kept with
/// its data, or with the reason why not, has its end.
fn end_of(sql: &str) -> &'static str {
    let splits = sql::Splits::new(sql);
    let last = splits.pieces().last().and_then(|piece| piece.statement());
    if last.is_some_and(|statement| statement.terminated) {
        return "\n";
    }
    let last = sql.rsplit('\n').next().unwrap_or_default();
    if last.contains("--") { "\n;" } else { ";" }
}
