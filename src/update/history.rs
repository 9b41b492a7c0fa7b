//! The history: every run, with its text, connection, time and end; kept on disk, searched with one key.

use std::sync::Arc;

use serde::Serialize;

use super::{
    dialog::{self, Dialog, Picker},
    ids::*,
    store::{self, HistoryEntry, HistoryOutcome},
};
use crate::{effect::Effect as RootEffect, model::Model, sql};

/// So many of the newest runs are kept in the Model, for the sidebar.
pub const RECENT: usize = 200;
/// The data of a COPY are kept with it up to so many bytes.
const DATA_BYTES: usize = 64 << 10;
/// A search shows at most so many.
const FOUND: u32 = 200;

/// The newest runs, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct History {
    /// The runs.
    pub recent: Vec<HistoryEntry>,
    /// What the last search found.
    pub found: Vec<HistoryEntry>,
    /// The search that is under way: only the newest answer counts.
    pub searching: Option<Request>,
    /// Whether the first run that is found shall be taken: Enter was pressed before the answer came.
    pub taking: bool,
    /// Why the last search failed.
    pub problem: Option<String>,
}

/// A statement was sent: the history has it at once, in case the program dies with it.
pub fn began(
    model: &mut Model,
    tab: TabId,
    query: QueryId,
    text: &Arc<str>,
    data: Option<&str>,
) -> Vec<RootEffect> {
    let (connection, database) = place(model, tab);
    let entry = HistoryEntry {
        query,
        at_us: model.now.unix_us,
        connection,
        database,
        sql: kept(text, data),
        elapsed_us: None,
        outcome: HistoryOutcome::Running,
    };
    model.history.recent.truncate(RECENT - 1);
    model.history.recent.insert(0, entry.clone());
    super::sidebar::run_was_added(model);
    record(model, entry)
}

/// A statement as it is kept: without passwords, and with the data of a COPY where they are short and hold none.
fn kept(text: &str, data: Option<&str>) -> Arc<str> {
    let masked = sql::mask::passwords(text);
    let Some(data) = data else {
        return masked.into();
    };
    if data.len() > DATA_BYTES {
        let size = crate::rows::display::bytes_text(data.len() as u64);
        return format!("{masked}; -- its data, {size}, are too long to be kept").into();
    }
    let end = if data.is_empty() || data.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let whole = format!("{text};\n{data}{end}\\.");
    let shown = sql::mask::passwords(&whole);
    // With masked data it could be run again, and would write the mask.
    if *shown == *whole {
        return whole.into();
    }
    format!("{masked}; -- its data are not kept, because they may hold passwords").into()
}

/// A statement ended.
pub fn ended(
    model: &mut Model,
    query: QueryId,
    elapsed_us: u64,
    outcome: HistoryOutcome,
) -> Vec<RootEffect> {
    let Some(entry) = model
        .history
        .recent
        .iter_mut()
        .find(|entry| entry.query == query)
    else {
        return vec![];
    };
    entry.elapsed_us = Some(elapsed_us);
    entry.outcome = match outcome {
        HistoryOutcome::Failed { sqlstate, message } => HistoryOutcome::Failed {
            sqlstate,
            message: sql::mask::passwords_in_words(&message).into_owned(),
        },
        other => other,
    };
    let entry = entry.clone();
    record(model, entry)
}

fn record(model: &mut Model, entry: HistoryEntry) -> Vec<RootEffect> {
    let request = model.ids.request();
    vec![
        store::Effect::RecordRun {
            request,
            entry: Box::new(entry),
        }
        .into(),
    ]
}

fn place(model: &mut Model, tab: TabId) -> (String, String) {
    let connection = model.tabs.get_mut(tab).and_then(|tab| tab.connection);
    let known = connection.and_then(|id| model.connections.get(&id));
    known
        .map(|known| (known.config.label(), known.config.database.clone()))
        .unwrap_or_default()
}

/// Opens the search over the history.
pub fn open(model: &mut Model) -> Vec<RootEffect> {
    let mut effects = dialog::show(model, Dialog::History(Picker::default()));
    effects.extend(search(model, String::new()));
    effects
}

/// Asks for the runs that contain every word.
pub fn search(model: &mut Model, text: String) -> Vec<RootEffect> {
    let request = model.ids.request();
    model.history.searching = Some(request);
    model.history.taking = false;
    vec![
        store::Effect::SearchHistory {
            request,
            text,
            limit: FOUND,
        }
        .into(),
    ]
}

/// Takes in what was found.
pub fn found(
    model: &mut Model,
    request: Request,
    entries: Result<Vec<HistoryEntry>, super::failure::Failure>,
) -> Vec<RootEffect> {
    if model.history.searching != Some(request) {
        return vec![];
    }
    model.history.searching = None;
    let taking = std::mem::take(&mut model.history.taking) && entries.is_ok();
    match entries {
        Ok(entries) => {
            model.history.found = entries;
            model.history.problem = None;
        }
        Err(failure) => model.history.problem = Some(failure.message),
    }
    let last = model.history.found.len().saturating_sub(1);
    let Some(Dialog::History(picker)) = &mut model.dialog else {
        return vec![];
    };
    picker.selected = picker.selected.min(last);
    if taking {
        super::commands::run(model, super::command::Command::DialogAccept)
    } else {
        vec![]
    }
}

/// Puts a run's text into the editor: in the place of an empty text, else behind it.
pub fn take(model: &mut Model, sql: &str) -> Vec<RootEffect> {
    let Some(tab) = model.tabs.active_mut() else {
        return vec![];
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
    let start = if lead.is_empty() {
        0
    } else {
        old.trim_end().len()
    };
    let edit = buffer.replace(start..end, &format!("{lead}{sql}{}", end_of(sql)));
    super::editor::changed(model, id, vec![edit])
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
