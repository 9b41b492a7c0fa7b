//! The loop around `update`: holds the Model, passes effects to the runner, stamps and records messages.
//!
//! The window and the headless driver share it. Both own the queue's receiving end and call [`Program::take`] for
//! events on their side, and [`Program::drain`] for the runner's answers.

use std::{
    collections::VecDeque,
    path::PathBuf,
    time::{Duration, Instant},
};

use flume::Receiver;

use crate::{
    base::stamp::Stamp,
    effect::Effect,
    effects::Runner,
    model::Model,
    msg::Msg,
    recording::Recorder,
    update::{shell::app, update, window},
};

mod beginning;
mod clock;
mod opening;
mod place;

pub use beginning::{BeginError, Beginning, begin};
pub use clock::{Clock, SystemClock};
pub use opening::Opening;
pub use place::{Build, NoPlace, Places, data_dir, places, time_zone};

/// The longest slice of work on the queue, so that a window paints in between.
pub const SLICE: Duration = Duration::from_millis(4);
/// How long the runner may take to end everything.
pub const SHUTDOWN: Duration = Duration::from_secs(2);

/// Performs effects: the runner, or a script.
pub trait Perform {
    /// Starts an effect, never one of the window's; returns at once, and answers through the queue.
    fn perform(&mut self, effect: Effect);
    /// Ends everything in progress.
    fn shutdown(&mut self, within: Duration);
}

/// What only the program around the loop can do.
pub trait Surroundings {
    /// Puts a text on the clipboard.
    fn write_clipboard(&mut self, text: &str);
    /// Stops the program.
    fn quit(&mut self);
}

/// The outcome of a slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    /// Whether the screen may look different now.
    pub changed: bool,
    /// Whether the time was up before the queue was empty.
    pub more: bool,
}

/// The loop.
pub struct Program {
    model: Model,
    runner: Box<dyn Perform>,
    surroundings: Box<dyn Surroundings>,
    clock: Box<dyn Clock>,
    recorder: Option<Recorder>,
}

impl Perform for Runner {
    fn perform(&mut self, effect: Effect) {
        Runner::perform(self, effect);
    }

    fn shutdown(&mut self, within: Duration) {
        Runner::shutdown(self, within);
    }
}

#[derive(Debug)]
pub struct Launch {
    /// Where the program keeps its data.
    pub data_dir: PathBuf,
    /// Where the user's own settings and keys are.
    pub config_dir: PathBuf,
    /// Where its messages are recorded.
    pub record: Option<PathBuf>,
    pub opening: Option<Opening>,
    /// What the user has to know about earlier problems.
    pub warnings: Vec<String>,
}

impl Program {
    /// A program that has not begun: its first message must be `Started`.
    pub fn new(
        runner: Box<dyn Perform>,
        surroundings: Box<dyn Surroundings>,
        clock: Box<dyn Clock>,
        recorder: Option<Recorder>,
    ) -> Self {
        Self { model: Model::default(), runner, surroundings, clock, recorder }
    }

    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Both clocks, now: the time with which to show the screen.
    pub fn now(&mut self) -> Stamp {
        self.clock.stamp()
    }

    /// Takes one message, and handles what follows from it here. Returns whether the screen may look different.
    pub fn take(&mut self, msg: Msg) -> bool {
        let mut changed = false;
        let mut waiting = VecDeque::from([msg]);
        while let Some(msg) = waiting.pop_front() {
            changed |= shows(&msg);
            self.turn(msg, &mut waiting);
        }
        changed
    }

    /// Takes messages from the queue, for at most one slice of time.
    pub fn drain(&mut self, inbox: &Receiver<Msg>) -> Slice {
        let began = Instant::now();
        let mut changed = false;
        while let Ok(msg) = inbox.try_recv() {
            changed |= self.take(msg);
            if began.elapsed() >= SLICE {
                let more = !inbox.is_empty();
                return Slice { changed, more };
            }
        }
        Slice { changed, more: false }
    }

    /// Ends the program: asks the Model to quit if nobody has, ends the runner, takes its last answers, and closes the
    /// recording.
    pub fn shutdown(&mut self, inbox: &Receiver<Msg>) {
        // If something would be lost, the first request only asks; nobody is there to answer any more.
        for _ in 0..2 {
            if self.model.phase != crate::model::Phase::Quitting {
                self.take(app::Msg::CloseRequested.into());
            }
        }
        self.runner.shutdown(SHUTDOWN);
        while let Ok(msg) = inbox.try_recv() {
            self.take(msg);
        }
        if let Some(recorder) = self.recorder.take() {
            recorder.finish();
        }
    }

    fn turn(&mut self, msg: Msg, waiting: &mut VecDeque<Msg>) {
        let at = self.clock.stamp();
        if let Some(recorder) = &mut self.recorder {
            recorder.record(at, &msg);
        }
        for effect in update(&mut self.model, at, msg) {
            if let Some(recorder) = &mut self.recorder {
                recorder.perform(&effect);
            }
            match effect {
                Effect::Window(effect) => waiting.extend(self.surround(effect)),
                effect => self.runner.perform(effect),
            }
        }
    }

    fn surround(&mut self, effect: window::Effect) -> Option<Msg> {
        let request = match effect {
            window::Effect::WriteClipboard { request, text } => {
                self.surroundings.write_clipboard(&text);
                request
            }
            window::Effect::Quit => {
                self.surroundings.quit();
                return None;
            }
        };
        Some(window::Msg::Done { request }.into())
    }
}

/// Whether a message can change the screen: these only end something.
fn shows(msg: &Msg) -> bool {
    use crate::update::{clock, keeping, results};
    !matches!(
        msg,
        Msg::Store(keeping::Msg::Wrote { .. })
            | Msg::Clock(clock::Msg::Stopped { .. })
            | Msg::Cells(results::contract::Msg::Dropped { .. })
            | Msg::Window(window::Msg::Done { .. })
    )
}

#[cfg(test)]
mod tests;
