//! The editor, but for its text: what would run, where the error is, what the key would do now.

use super::{Action, Editor, Mark, words};
use crate::{
    model::Model,
    update::{
        command::Command,
        run::{Phase, Run, Running},
        tabs::Tab,
    },
};

/// The editor of a tab.
pub(super) fn editor(model: &Model, tab: &Tab) -> Editor {
    let buffer = &tab.editor.buffer;
    let text = buffer.text();
    // With a selection the selection runs, and it marks itself.
    let statement = tab
        .editor
        .statement()
        .filter(|_| buffer.selection().is_empty());
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
        hint: hint(model, tab),
        placeholder: match run {
            Some(key) => format!("Write SQL here. {key} runs the statement under the cursor."),
            None => "Write SQL here.".into(),
        },
        percent: model.settings.editor_percent,
    }
}

fn hint(model: &Model, tab: &Tab) -> Action {
    let cancel = |label| words::named(model, words::EDITOR, Command::QueryCancel, label);
    let run = |label| words::named(model, words::EDITOR, Command::QueryRun, label);
    match &tab.run {
        Run::Running(Running {
            phase: Phase::Cancelling { asked: true, .. },
            ..
        }) => cancel("Terminate"),
        Run::Running(Running {
            phase: Phase::Running | Phase::Cancelling { .. },
            ..
        })
        | Run::Waiting { .. } => cancel("Cancel"),
        Run::Idle
        | Run::Running(Running {
            phase: Phase::Paused { .. },
            ..
        }) => match tab.editor.buffer.selection().is_empty() {
            true => run("Run statement"),
            false => run("Run selection"),
        },
    }
}
