//! A story from the command line: the program begins, plays it, and ends.

use std::{io, path::PathBuf};

use flume::Sender;

use super::{Desk, Headless, Screenshot, Source, StoryFailure, Terminal, parse, run};
use crate::{
    effects::{Runner, RunnerOptions, signals},
    msg::Msg,
    program::{Beginning, Opening, begin},
    story::{Action, Step},
};

pub struct Playing {
    pub source: Source,
    /// Where the program keeps its data.
    pub data_dir: PathBuf,
    /// Where the user's own settings and keys are.
    pub config_dir: PathBuf,
    /// Where its messages are recorded.
    pub record: Option<PathBuf>,
    /// Whether to connect to the sandbox first.
    pub sandbox: bool,
    /// What the user has to know about earlier problems.
    pub warnings: Vec<String>,
    /// Draws screenshots, in builds with a window.
    pub screenshot: Option<Screenshot>,
}

/// Plays a story on the real runner; standard output is the story's. Returns why it failed, in a sentence.
pub fn play(playing: Playing) -> Result<(), String> {
    let Playing { source, data_dir, config_dir, record, sandbox, warnings, screenshot } = playing;
    let text = source.read().map_err(|error| format!("{source} can't be read: {error}"))?;
    let failed = |failure: StoryFailure| format!("{source}, {failure}");
    let mut story = parse(&text).map_err(failed)?;
    if sandbox {
        let step =
            Step { line: 0, text: "--sandbox".into(), action: Action::Connect(Opening::sandbox()) };
        story.steps.insert(0, step);
    }
    let desk = Desk::default();
    let beginning = Beginning {
        data_dir: data_dir.clone(),
        config_dir,
        record,
        warnings,
        surroundings: Box::new(desk.clone()),
    };
    let (program, inbox) = begin(beginning, |outbox| {
        listen_to_signals(outbox.clone());
        Box::new(Runner::start(RunnerOptions { data_dir }, outbox))
    })
    .map_err(|error| error.to_string())?;
    let mut stage = Headless::new(program, inbox, desk, screenshot);
    let played = run(&story, &mut stage, &mut Terminal::of(io::stdout().lock()));
    // Even after a failure: typed text is stored, and servers are told.
    stage.finish();
    played.map_err(failed)
}

/// The system may ask the program to end at any time.
fn listen_to_signals(outbox: Sender<Msg>) {
    if let Err(error) = signals::listen(outbox) {
        log::warn!("A signal would end the program at once: {error}");
    }
}
