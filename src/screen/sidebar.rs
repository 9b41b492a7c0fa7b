//! The sidebar: the connections, then the newest runs.

use std::collections::BTreeSet;

use super::{Preview, Sidebar, SidebarRow, SidebarRowKind, Span, Tone, title, words};
use crate::{
    base::{
        ids::{ConnectionId, QueryId},
        stamp::Stamp,
    },
    model::Model,
    update::{
        keeping::{HistoryEntry, HistoryOutcome},
        query::run::Run,
        shell::{
            command::Command,
            sidebar::{self, Line, Row},
            sight::{self, More},
        },
    },
};

/// A run's first line is cut after so many characters.
const LINE_CHARACTERS: usize = 80;

/// The sidebar, unless it is hidden.
pub(super) fn sidebar(model: &Model, now: Stamp) -> Option<Sidebar> {
    let width = model.cx.settings.sidebar_width;
    if width == 0 {
        return None;
    }
    let running = running(model);
    let lines = sidebar::lines(model).into_iter();
    let rows = lines.filter_map(|line| match line {
        Line::Heading(words) => Some(words_only(SidebarRowKind::Heading, words)),
        Line::Nothing(words) => Some(words_only(SidebarRowKind::Empty, words)),
        Line::Row(index, Row::Connection(id)) => Some(connection(model, index, id)),
        Line::Row(index, Row::Run(place)) => {
            let entry = model.history.recent.get(place)?;
            Some(run(model, index, entry, &running, now))
        }
    });
    let rows: Vec<SidebarRow> = rows.collect();
    let shown = sight::sidebar_preview(model);
    let preview = shown.map(|shown| preview(model, words::SIDEBAR, shown));
    Some(Sidebar {
        width,
        in_sight: sight::in_sight(model, sight::List::Sidebar, rows.len()),
        rows,
        preview,
    })
}

/// A run beside the list that it is chosen in.
pub(super) fn preview(model: &Model, contexts: &[&str], shown: sight::Preview) -> Preview {
    Preview {
        text: shown.rows.join("\n"),
        more: shown.more.map(|more| match more {
            More::Lines(0) | More::Uncounted => "It goes on.".to_owned(),
            More::Lines(left) => words::counted(left, "more line"),
        }),
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
        kind: SidebarRowKind::Run { outcome: outcome(entry, running) },
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
    model.pages.open.iter().filter_map(|tab| query(&tab.run)).collect()
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
        HistoryOutcome::Failed { sqlstate: Some(code), .. } if code == "57014" => {
            Span::new(took("cancelled"), Tone::Warning)
        }
        HistoryOutcome::Failed { sqlstate, message } => {
            let what = match sqlstate {
                Some(code) => format!("failed {code}"),
                None => words::first_line(message, LINE_CHARACTERS),
            };
            Span::new(took(&what), Tone::Error)
        }
    }
}
