//! The sidebar: the connections, then the newest runs.

use std::collections::BTreeSet;

use super::{Preview, Sidebar, SidebarRow, SidebarRowKind, Span, Tone, title, words};
use crate::{
    model::{Area, Model},
    msg::Stamp,
    update::{
        command::Command,
        ids::{ConnectionId, QueryId},
        run::Run,
        sidebar::{self, Row},
        store::{HistoryEntry, HistoryOutcome},
    },
};

/// A run that is shown whole is shown up to so many lines, and each up to so many characters.
const PREVIEW_LINES: usize = 12;
const PREVIEW_CHARACTERS: usize = 200;
/// So much of it is looked at.
const PREVIEW_BYTES: usize = 32_768;
/// A run's first line is cut after so many characters.
const LINE_CHARACTERS: usize = 80;

/// The sidebar, unless it is hidden.
pub(super) fn sidebar(model: &Model, now: Stamp) -> Option<Sidebar> {
    let width = model.settings.sidebar_width;
    if width == 0 {
        return None;
    }
    let running = running(model);
    let known = sidebar::rows(model);
    let mut rows = vec![words_only(SidebarRowKind::Heading, "Connections")];
    if !matches!(known.first(), Some(Row::Connection(_))) {
        rows.push(words_only(SidebarRowKind::Empty, "None yet"));
    }
    let mut group = "";
    let mut in_runs = false;
    for (index, row) in known.iter().enumerate() {
        match row {
            Row::Connection(id) => {
                let Some(found) = model.connections.get(id) else {
                    continue;
                };
                if found.config.group != group {
                    group = &found.config.group;
                    rows.push(words_only(SidebarRowKind::Heading, group));
                }
                rows.push(connection(model, index, *id));
            }
            Row::Run(place) => {
                if !in_runs {
                    rows.push(words_only(SidebarRowKind::Heading, "Runs"));
                    in_runs = true;
                }
                let entry = model.history.recent.get(*place);
                rows.extend(entry.map(|entry| run(model, index, entry, &running, now)));
            }
        }
    }
    if !in_runs {
        rows.push(words_only(SidebarRowKind::Heading, "Runs"));
        rows.push(words_only(SidebarRowKind::Empty, "No runs yet"));
    }
    let preview = (model.area == Area::Sidebar)
        .then(|| sidebar::previewed(model))
        .flatten()
        .map(|entry| preview(model, words::SIDEBAR, &entry.sql));
    Some(Sidebar {
        width,
        rows,
        preview,
    })
}

/// A run, whole but for what there is no room for.
pub(super) fn preview(model: &Model, contexts: &[&str], sql: &str) -> Preview {
    let head = words::head(sql.trim(), PREVIEW_BYTES);
    let mut lines = head.lines();
    let shown: Vec<String> = lines
        .by_ref()
        .take(PREVIEW_LINES)
        .map(|line| words::cut(line, PREVIEW_CHARACTERS))
        .collect();
    let more = match lines.count() as u64 {
        _ if head.len() < sql.trim().len() => Some("It goes on.".to_owned()),
        0 => None,
        left => Some(words::counted(left, "more line")),
    };
    Preview {
        text: shown.join("\n"),
        more,
        action: words::named(model, contexts, Command::DialogAccept, "Insert"),
    }
}

fn words_only(kind: SidebarRowKind, label: &str) -> SidebarRow {
    SidebarRow {
        index: None,
        kind,
        label: label.to_owned(),
        detail: Span::default(),
        selected: false,
    }
}

fn connection(model: &Model, index: usize, id: ConnectionId) -> SidebarRow {
    let current = title::current(model).map(|(current, _)| current);
    let known = &model.connections[&id];
    let detail = match title::security(known) {
        // A row without words says it well enough: its dot is not filled.
        closed if closed.text == "not connected" => Span::default(),
        other => other,
    };
    SidebarRow {
        index: Some(index),
        kind: SidebarRowKind::Connection {
            dot: title::dot(known),
            opening: known.is_opening(),
            current: current == Some(id),
        },
        label: known.config.label(),
        detail,
        selected: model.sidebar.selected == index,
    }
}

fn run(
    model: &Model,
    index: usize,
    entry: &HistoryEntry,
    running: &BTreeSet<QueryId>,
    now: Stamp,
) -> SidebarRow {
    SidebarRow {
        index: Some(index),
        kind: SidebarRowKind::Run {
            outcome: outcome(entry, running),
        },
        label: words::statement_line(&entry.sql, LINE_CHARACTERS),
        detail: Span::muted(words::ago(now, entry.at_us)),
        selected: model.sidebar.selected == index,
    }
}

/// The queries that are with a server.
pub(super) fn running(model: &Model) -> BTreeSet<QueryId> {
    let query = |run: &Run| match run {
        Run::Running(running) => Some(running.query),
        Run::Idle | Run::Waiting { .. } => None,
    };
    model
        .tabs
        .open
        .iter()
        .filter_map(|tab| query(&tab.run))
        .collect()
}

/// How a run ended.
pub(super) fn outcome(entry: &HistoryEntry, running: &BTreeSet<QueryId>) -> Span {
    let took = |text: &str| match entry.elapsed_us {
        Some(us) => format!("{text}{}{}", words::DOT, words::took(us)),
        None => text.to_owned(),
    };
    match &entry.outcome {
        HistoryOutcome::Running if running.contains(&entry.query) => {
            Span::new("running", Tone::Accent)
        }
        // The program went away before it heard of the end.
        HistoryOutcome::Running => Span::new("end unknown", Tone::Warning),
        HistoryOutcome::Finished { tag, .. } => Span::new(took(tag), Tone::Muted),
        HistoryOutcome::Failed {
            sqlstate: Some(code),
            ..
        } if code == "57014" => Span::new(took("cancelled"), Tone::Warning),
        HistoryOutcome::Failed { sqlstate, message } => {
            let what = match sqlstate {
                Some(code) => format!("failed {code}"),
                None => words::first_line(message, LINE_CHARACTERS),
            };
            Span::new(took(&what), Tone::Error)
        }
    }
}
