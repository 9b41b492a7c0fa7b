//! Plays a story on a stage, line by line.

use super::{
    Action, Stage, Step, Story, StoryFailure, Until,
    check::{self, Seen},
    dump,
    veil::Veil,
};
use crate::{
    model::{Model, Phase},
    program::Opening,
    screen::screen,
    update::{
        connection::sandbox::Sandbox,
        files,
        settings::file,
        shell::{command::Command, dialog},
    },
};
use std::{io::Write, time::Duration};

/// How long the program may take to load its data, and to start a sandbox if a line needs it.
const START: Duration = Duration::from_secs(120);

/// Plays a story to its end or to the first line that fails. `out` is its standard output.
pub fn run(story: &Story, stage: &mut impl Stage, out: &mut dyn Write) -> Result<(), StoryFailure> {
    for step in &story.steps {
        play(step, stage, out).map_err(|reason| {
            let secrets = Veil::of(story, stage);
            StoryFailure {
                line: step.line,
                text: secrets.over(&step.text),
                reason: secrets.over(&reason),
            }
        })?;
    }
    Ok(())
}

fn play(step: &Step, stage: &mut impl Stage, out: &mut dyn Write) -> Result<(), String> {
    settle(stage, START, |model| !matches!(model.phase, Phase::Blank | Phase::Loading { .. }))
        .map_err(|()| "the program did not start".to_owned())?;
    let acts = !matches!(step.action, Action::Expect(_) | Action::Dump { .. });
    if acts && has_quit(stage) {
        return Err("the program has quit".into());
    }
    match &step.action {
        Action::Size { width, height } => stage.resize(*width, *height),
        Action::Connect(opening) => return connect(opening, stage),
        Action::Text(text) => stage.replace_text(text),
        Action::Type(text) => stage.type_text(text),
        Action::Press(keystrokes) => {
            for keystroke in keystrokes {
                stage.press(keystroke);
            }
        }
        Action::Command(command) => stage.send((*command).into()),
        Action::Setting { key, value } => {
            let (key, value) = (*key, value.clone());
            stage.send(file::Msg::Asked { key, value }.into());
        }
        Action::Path { command, path } => return with_path(*command, path, stage),
        Action::Drop(path) => stage.drop_file(&absolute(path)?),
        Action::Answer(label) => return answer(label, stage),
        Action::Wait { until, within } => return wait(*until, *within, stage),
        Action::Expect(expectation) => {
            stage.pump(Duration::ZERO);
            let screen = stage.screen();
            return stage.read(|model| check::expect(expectation, model, &screen));
        }
        Action::Sleep(time) => return sleep(*time, stage),
        Action::Dump { what, to } => {
            stage.pump(Duration::ZERO);
            return dump::dump(*what, to, stage, out);
        }
        Action::Screenshot(path) => {
            stage.pump(Duration::ZERO);
            return stage.screenshot(path);
        }
    }
    Ok(())
}

fn connect(opening: &Opening, stage: &mut impl Stage) -> Result<(), String> {
    settle(stage, START, |model| opening.is_due(model))
        .map_err(|()| "the environment is not known".to_owned())?;
    let msg = stage.read(|model| opening.message(model))?;
    stage.send(msg);
    if !opening.is_sandbox() {
        return Ok(());
    }
    // Connects to a read-only sandbox once it runs; any other one connects by itself.
    let again = stage.read(|model| opening.needs_running_sandbox(model));
    if !again {
        return Ok(());
    }
    settle(stage, START, |model| !matches!(model.sandbox, Sandbox::Starting { .. }))
        .map_err(|()| "the sandbox did not start".to_owned())?;
    if let Some(reason) = stage.read(check::sandbox_failure) {
        return Err(reason);
    }
    let msg = stage.read(|model| opening.message(model))?;
    stage.send(msg);
    Ok(())
}

/// Runs a command that asks for a file, and answers it.
fn with_path(command: Command, path: &str, stage: &mut impl Stage) -> Result<(), String> {
    let text = absolute(path)?;
    stage.send(command.into());
    if !stage
        .read(|model| matches!(model.dialog, Some(dialog::Dialog::Files(files::Dialog::Path(_)))))
    {
        return Err("the dialog for the file did not open".into());
    }
    stage.send(dialog::Msg::FieldEdited { field: 0, text }.into());
    stage.send(Command::DialogAccept.into());
    Ok(())
}

/// A path in a story is relative like a shell's; the dialog's begins at the home directory, and a dropped one is
/// absolute.
fn absolute(path: &str) -> Result<String, String> {
    let path = std::path::absolute(path).map_err(|error| error.to_string())?;
    Ok(path.display().to_string())
}

/// Presses a button of the open dialog, or chooses a row of its list.
fn answer(label: &str, stage: &mut impl Stage) -> Result<(), String> {
    stage.pump(Duration::ZERO);
    let msg = stage.read(|model| {
        let screen = screen(model, model.cx.now);
        let shown = screen.dialog.ok_or("there is no dialog to answer")?;
        if let Some(action) = shown.actions().iter().find(|action| action.label == label) {
            return Ok(action.command.into());
        }
        let row = shown.rows().iter().position(|row| *row == label);
        row.map(|row| dialog::Msg::RowClicked { row }.into()).ok_or_else(|| {
            let labels: Vec<&str> = shown.actions().iter().map(|a| a.label.as_str()).collect();
            format!("the dialog has no such answer. It has {}", labels.join(", "))
        })
    })?;
    stage.send(msg);
    Ok(())
}

fn wait(until: Until, within: Duration, stage: &mut impl Stage) -> Result<(), String> {
    let deadline = stage.now() + within;
    let mut quiet = stage.pump(Duration::ZERO);
    loop {
        let not_yet = match stage.read(|model| check::wait(until, model, quiet)) {
            Seen::Yes => return Ok(()),
            Seen::Never(reason) => return Err(reason),
            Seen::NotYet(what) => what,
        };
        let left = deadline.saturating_sub(stage.now());
        if left.is_zero() {
            return Err(format!("after {} s {not_yet}", within.as_secs_f64()));
        }
        if has_quit(stage) {
            return Err("the program has quit".into());
        }
        quiet = stage.pump(left);
    }
}

fn sleep(time: Duration, stage: &mut impl Stage) -> Result<(), String> {
    let end = stage.now() + time;
    loop {
        let left = end.saturating_sub(stage.now());
        if left.is_zero() {
            return Ok(());
        }
        if has_quit(stage) {
            return Err("the program has quit".into());
        }
        stage.pump(left);
    }
}

fn has_quit(stage: &mut impl Stage) -> bool {
    stage.read(|model| model.phase == Phase::Quitting)
}

fn settle(
    stage: &mut impl Stage,
    within: Duration,
    is_so: impl Fn(&Model) -> bool,
) -> Result<(), ()> {
    let deadline = stage.now() + within;
    while !stage.read(&is_so) {
        let left = deadline.saturating_sub(stage.now());
        if left.is_zero() {
            return Err(());
        }
        stage.pump(left);
    }
    Ok(())
}
