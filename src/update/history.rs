//! The history: every run, with its text, connection, time and end; kept on disk, searched with one key.

use std::sync::Arc;

use serde::Serialize;

use super::{
    dialog::{Dialog, Picker},
    ids::*,
    store::{self, HistoryEntry, HistoryOutcome},
};
use crate::{effect::Effect as RootEffect, model::Model, sql};

/// So many of the newest runs are kept in the Model, for the sidebar.
const RECENT: usize = 200;
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
    /// Why the last search failed.
    pub problem: Option<String>,
}

/// A statement was sent: the history has it at once, in case the program dies with it.
pub fn began(model: &mut Model, tab: TabId, query: QueryId, text: &Arc<str>) -> Vec<RootEffect> {
    let (connection, database) = place(model, tab);
    let entry = HistoryEntry {
        query,
        at_us: model.now.unix_us,
        connection,
        database,
        sql: sql::mask::passwords(text).into(),
        elapsed_us: None,
        outcome: HistoryOutcome::Running,
    };
    model.history.recent.insert(0, entry.clone());
    model.history.recent.truncate(RECENT);
    record(model, entry)
}

/// A statement ended.
pub fn ended(
    model: &mut Model,
    _tab: TabId,
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
    entry.outcome = outcome;
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
    model.dialog = Some(Dialog::History(Picker::default()));
    search(model, String::new())
}

/// Asks for the runs that contain every word.
pub fn search(model: &mut Model, text: String) -> Vec<RootEffect> {
    let request = model.ids.request();
    model.history.searching = Some(request);
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
) {
    if model.history.searching != Some(request) {
        return;
    }
    model.history.searching = None;
    match entries {
        Ok(entries) => {
            model.history.found = entries;
            model.history.problem = None;
        }
        Err(failure) => model.history.problem = Some(failure.message),
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
    let ends_statement = old.trim_end().is_empty() || old.trim_end().ends_with(';');
    let lead = match (old.trim_end().is_empty(), ends_statement) {
        (true, _) => "",
        (false, true) => "\n\n",
        (false, false) => ";\n\n",
    };
    let start = if lead.is_empty() {
        0
    } else {
        old.trim_end().len()
    };
    let edit = buffer.replace(start..end, &format!("{lead}{sql};"));
    super::editor::changed(model, id, vec![edit])
}
