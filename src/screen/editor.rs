//! The editor, but for its text: what would run, where the error is, what the key would do now.

use super::{Action, Editor, FindBar, Mark, Span, Tone, words};
use crate::{
    model::Model,
    rows::show::display,
    update::{
        query::{
            page::Page,
            run::{Phase, Run, Running},
        },
        shell::{command::Command, place::Area, sight},
    },
};

pub(super) fn editor(model: &Model, tab: &Page) -> Editor {
    let buffer = &tab.editor.buffer;
    let text = buffer.text();
    // With a selection the selection runs, and it marks itself.
    let statement = tab.editor.statement().filter(|_| buffer.selection().is_empty());
    let statement_lines = statement.as_ref().map(|range| {
        let last = range.end.saturating_sub(1).max(range.start);
        text.line_of(range.start)..text.line_of(last) + 1
    });
    let mark = tab.editor.visible_mark().map(|mark| Mark {
        range: mark.start..mark.end,
        line: text.line_of(mark.start),
        message: mark.message.clone(),
    });
    let run = words::key(model, words::EDITOR, Command::QueryRun);
    Editor {
        tab: tab.id,
        statement,
        statement_lines,
        mark,
        cursor_line: text.line_of(buffer.head()),
        in_sight: sight::in_sight(model, sight::List::Editor { tab: tab.id }, text.lines()),
        hint: hint(model, tab),
        placeholder: match run {
            Some(key) => format!("Write SQL here. {key} runs the statement under the cursor."),
            None => "Write SQL here.".into(),
        },
        percent: model.cx.settings.editor_percent,
        find: find_bar(model, tab),
    }
}

/// The search, while its bar is open.
fn find_bar(model: &Model, tab: &Page) -> Option<FindBar> {
    let find = &model.find;
    if !find.open {
        return None;
    }
    // Of a text that was edited since nothing is known.
    let found = find
        .found
        .as_ref()
        .filter(|found| found.tab == tab.id && found.revision == tab.editor.buffer.revision());
    let count = match found {
        _ if find.query.text().is_empty() => Span::default(),
        None => Span::default(),
        Some(found) if found.count == 0 => Span::new("no match", Tone::Warning),
        Some(found) => {
            let count = display::grouped(found.count as u64);
            Span::muted(match found.chosen {
                Some(chosen) => format!("{} of {count}", display::grouped(chosen as u64 + 1)),
                None => count,
            })
        }
    };
    let marks = found.map(|found| found.marks.clone()).unwrap_or_default();
    let selection = tab.editor.buffer.selection();
    let named = |command, label| words::named(model, words::FIND, command, label);
    let case = if find.match_case { "Any case" } else { "Match case" };
    let mut actions =
        vec![named(Command::FindNext, "Next"), named(Command::FindPrevious, "Previous")];
    if find.replacing {
        actions.push(named(Command::FindReplace, "Replace"));
        actions.push(named(Command::FindReplaceAll, "Replace all"));
    }
    actions.push(named(Command::FindMatchCase, case));
    actions.push(named(Command::FindClose, "Close"));
    Some(FindBar {
        query: super::dialogs::field(&find.query, "Find"),
        replacement: find
            .replacing
            .then(|| super::dialogs::field(&find.replacement, "Replace with")),
        focused: (model.area == Area::Find && model.dialog.is_none()).then_some(find.field),
        count,
        chosen: marks.iter().position(|mark| *mark == selection),
        marks,
        actions,
    })
}

fn hint(model: &Model, tab: &Page) -> Action {
    let cancel = |label| words::named(model, words::EDITOR, Command::QueryCancel, label);
    let run = |label| words::named(model, words::EDITOR, Command::QueryRun, label);
    match &tab.run {
        Run::Running(Running { phase: Phase::Cancelling { asked: true, .. }, .. }) => {
            cancel("Terminate")
        }
        Run::Running(Running { phase: Phase::Running | Phase::Cancelling { .. }, .. })
        | Run::Waiting { .. } => cancel("Cancel"),
        Run::Idle | Run::Running(Running { phase: Phase::Paused { .. }, .. }) => {
            match tab.editor.buffer.selection().is_empty() {
                true => run("Run statement"),
                false => run("Run selection"),
            }
        }
    }
}
