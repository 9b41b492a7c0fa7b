//! The sidebar: the connections and the newest runs, in one list.

use serde::{Deserialize, Serialize};

use super::{command::Command, connections, history, ids::*};
use crate::{
    effect::Effect as RootEffect,
    model::{Area, Model},
};

/// The sidebar shows so many runs.
const RUNS: usize = 100;
/// A page of the list.
const PAGE: i64 = 10;

/// The sidebar.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sidebar {
    /// The row that is chosen.
    pub selected: usize,
}

/// A row of the list.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// A connection.
    Connection(ConnectionId),
    /// A run, by its place in the history.
    Run(usize),
}

/// What the window reports of the sidebar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// A row was clicked.
    RowClicked {
        /// The row.
        row: usize,
    },
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

/// The rows, in order: connections by name, then runs.
pub fn rows(model: &Model) -> Vec<Row> {
    let mut known: Vec<_> = model.connections.iter().collect();
    known.sort_by_key(|(_, known)| (known.config.group.clone(), known.config.label()));
    let connections = known.into_iter().map(|(id, _)| Row::Connection(*id));
    connections
        .chain((0..model.history.recent.len().min(RUNS)).map(Row::Run))
        .collect()
}

/// Takes in what the window reports.
pub fn update(model: &mut Model, msg: Msg) -> Vec<RootEffect> {
    match msg {
        Msg::RowClicked { row } => {
            model.sidebar.selected = row;
            accept(model)
        }
        Msg::Resized { width } => {
            model.settings.sidebar_width = width.clamp(160, 600);
            super::settings::save(model)
        }
        Msg::EditorResized { percent } => {
            model.settings.editor_percent = percent.clamp(10, 85);
            super::settings::save(model)
        }
    }
}

/// A command that is meant for the list.
pub fn command(model: &mut Model, command: Command) -> Vec<RootEffect> {
    let last = rows(model).len().saturating_sub(1) as i64;
    let by = match command {
        Command::ListUp => -1,
        Command::ListDown => 1,
        Command::ListPageUp => -PAGE,
        Command::ListPageDown => PAGE,
        Command::ListFirst => i64::MIN / 2,
        Command::ListLast => i64::MAX / 2,
        Command::DialogAccept => return accept(model),
        _ => return vec![],
    };
    let selected = (model.sidebar.selected as i64)
        .saturating_add(by)
        .clamp(0, last);
    model.sidebar.selected = selected as usize;
    vec![]
}

fn accept(model: &mut Model) -> Vec<RootEffect> {
    match rows(model).get(model.sidebar.selected) {
        Some(Row::Connection(id)) => connections::choose(model, *id),
        Some(Row::Run(place)) => {
            let sql = model
                .history
                .recent
                .get(*place)
                .map(|entry| entry.sql.clone());
            model.focus(Area::Editor);
            sql.map_or_else(Vec::new, |sql| history::take(model, &sql))
        }
        None => vec![],
    }
}

/// The connection that is chosen.
pub fn chosen(model: &Model) -> Option<ConnectionId> {
    match rows(model).get(model.sidebar.selected) {
        Some(Row::Connection(id)) => Some(*id),
        _ => None,
    }
}
