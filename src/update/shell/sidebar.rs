//! The sidebar: the connections and the newest runs, in one list.

use super::{command::Command, tabs, welcome};
use crate::{
    base::ids::*,
    model::Model,
    update::{connection::saved, keeping::HistoryEntry, query::history, shell::place::Area},
};
use serde::{Deserialize, Serialize};

/// The sidebar shows so many runs.
const RUNS: usize = 100;
/// A page of the list.
const PAGE: i64 = 10;

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sidebar {
    /// The row that is chosen.
    pub selected: usize,
}

/// A row of the list.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    Connection(ConnectionId),
    /// A run, by its place in the history.
    Run(usize),
}

/// A line of the sidebar.
#[derive(Clone, Debug, PartialEq)]
pub enum Line<'model> {
    /// A heading over rows.
    Heading(&'model str),
    /// Words where rows would be.
    Nothing(&'static str),
    /// A row, with its place among the rows.
    Row(usize, Row),
}

/// The lines, from the top: the rows under their headings.
pub fn lines(model: &Model) -> Vec<Line<'_>> {
    let known = rows(model);
    let mut lines = vec![Line::Heading("Connections")];
    if !matches!(known.first(), Some(Row::Connection(_))) {
        lines.push(Line::Nothing("None yet"));
    }
    let mut group = "";
    let mut in_runs = false;
    for (index, row) in known.into_iter().enumerate() {
        match &row {
            Row::Connection(id) => {
                let Some(found) = model.connections.get(id) else {
                    continue;
                };
                if found.config.group != group {
                    group = &found.config.group;
                    lines.push(Line::Heading(group));
                }
            }
            Row::Run(_) if in_runs => {}
            Row::Run(_) => {
                lines.push(Line::Heading("Runs"));
                in_runs = true;
            }
        }
        lines.push(Line::Row(index, row));
    }
    if !in_runs {
        lines.push(Line::Heading("Runs"));
        lines.push(Line::Nothing("No runs yet"));
    }
    lines
}

/// What the window reports of the sidebar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// A row was clicked: a connection is opened, a run is chosen and shown.
    RowClicked { row: usize },
    /// A row was double-clicked: a run's text goes into the editor.
    RowOpened { row: usize },
    /// Its border was dragged.
    Resized {
        /// Its width in logical pixels at 100 %.
        width: u32,
    },
    /// The border between editor and results was dragged.
    EditorResized {
        /// The editor's share, in percent.
        percent: u32,
    },
}

/// The rows, in order: connections folder by folder, then runs.
pub fn rows(model: &Model) -> Vec<Row> {
    let mut known: Vec<_> = model.connections.iter().collect();
    known.sort_by_key(|(_, known)| saved::place(&known.config));
    let connections = known.into_iter().map(|(id, _)| Row::Connection(*id));
    connections.chain((0..model.history.recent.len().min(RUNS)).map(Row::Run)).collect()
}

/// Changes what the lists show, and keeps the choice in the sidebar and on the welcome screen on the row it was on,
/// or within the list where that row is gone.
pub fn keeping_choices<R>(model: &mut Model, change: impl FnOnce(&mut Model) -> R) -> R {
    let in_sidebar = named(model, model.sidebar.selected);
    let in_welcome = welcome::rows(model).into_iter().nth(model.welcome.selected);
    let answer = change(model);
    let listed = rows(model);
    model.sidebar.selected = in_sidebar
        .and_then(|chosen| listed.iter().position(|row| name(model, row).as_ref() == Some(&chosen)))
        .unwrap_or_else(|| model.sidebar.selected.min(listed.len().saturating_sub(1)));
    let welcomed = welcome::rows(model);
    model.welcome.selected = in_welcome
        .and_then(|row| welcomed.iter().position(|other| *other == row))
        .unwrap_or_else(|| model.welcome.selected.min(welcomed.len().saturating_sub(1)));
    answer
}

/// Runs were added before all others: the choice stays on the run that it was on, or within the list where that is gone.
/// It is what [`keeping_choices`] would come to, without a list for each statement of a script.
pub fn runs_were_added(model: &mut Model, added: u64) {
    let connections = model.connections.len();
    let runs = model.history.recent.len().min(RUNS);
    let had_runs = runs as u64 > added || runs == RUNS;
    // An empty list had no choice that could move.
    if added > 0 && model.sidebar.selected >= connections && (connections > 0 || had_runs) {
        let last = (connections + runs).saturating_sub(1);
        let added = usize::try_from(added).unwrap_or(usize::MAX);
        model.sidebar.selected = model.sidebar.selected.saturating_add(added).min(last);
    }
}

/// A row by what it stands for, which outlives its place.
#[derive(PartialEq)]
enum Named {
    Connection(ConnectionId),
    Run(QueryId),
}

fn named(model: &Model, row: usize) -> Option<Named> {
    name(model, rows(model).get(row)?)
}

fn name(model: &Model, row: &Row) -> Option<Named> {
    match row {
        Row::Connection(id) => Some(Named::Connection(*id)),
        Row::Run(place) => Some(Named::Run(model.history.recent.get(*place)?.query)),
    }
}

/// Takes in what the window reports.
pub fn update(model: &mut Model, msg: Msg) {
    match msg {
        Msg::RowClicked { row } => {
            let rows = rows(model);
            model.sidebar.selected = row.min(rows.len().saturating_sub(1));
            match rows.get(model.sidebar.selected) {
                Some(Row::Connection(_)) => accept(model),
                Some(Row::Run(_)) | None => {
                    model.focus(Area::Sidebar);
                }
            }
        }
        Msg::RowOpened { row } => {
            model.sidebar.selected = row.min(rows(model).len().saturating_sub(1));
            if previewed(model).is_some() {
                accept(model)
            }
        }
        Msg::Resized { width } => {
            model.cx.settings.sidebar_width = width.clamp(160, 600);
            crate::update::settings::save_soon(&mut model.settings_file, &mut model.cx)
        }
        Msg::EditorResized { percent } => {
            model.cx.settings.editor_percent = percent.clamp(10, 85);
            crate::update::settings::save_soon(&mut model.settings_file, &mut model.cx)
        }
    }
}

/// A command that is meant for the list.
pub fn command(model: &mut Model, command: Command) -> bool {
    let last = rows(model).len().saturating_sub(1) as i64;
    let by = match command {
        Command::ListUp => -1,
        Command::ListDown => 1,
        Command::ListPageUp => -PAGE,
        Command::ListPageDown => PAGE,
        Command::ListFirst => i64::MIN / 2,
        Command::ListLast => i64::MAX / 2,
        Command::DialogAccept => {
            accept(model);
            return true;
        }
        _ => return false,
    };
    let selected = (model.sidebar.selected as i64).saturating_add(by).clamp(0, last);
    model.sidebar.selected = selected as usize;
    true
}

fn accept(model: &mut Model) {
    match rows(model).get(model.sidebar.selected) {
        Some(Row::Connection(id)) => tabs::connect(model, *id),
        Some(Row::Run(place)) => {
            let sql = model.history.recent.get(*place).map(|entry| entry.sql.clone());
            tabs::need_query(model);
            model.focus(Area::Editor);
            if let Some(sql) = sql {
                history::take(&mut model.pages, &mut model.cx, &sql)
            }
        }
        None => {}
    }
}

/// The run that is chosen, which is shown whole.
pub fn previewed(model: &Model) -> Option<&HistoryEntry> {
    match rows(model).get(model.sidebar.selected) {
        Some(Row::Run(place)) => model.history.recent.get(*place),
        _ => None,
    }
}

pub fn chosen(model: &Model) -> Option<ConnectionId> {
    match rows(model).get(model.sidebar.selected) {
        Some(Row::Connection(id)) => Some(*id),
        _ => None,
    }
}
