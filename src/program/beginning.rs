//! The start of a program: the queue, the runner, the recording, and the first message.

use std::{
    hash::{BuildHasher, Hasher},
    path::PathBuf,
};

use flume::{Receiver, Sender};

use super::{Clock, Perform, Program, Surroundings, SystemClock};
use crate::{
    msg::Msg,
    recording::{Recorder, RecordingError},
    update::shell::app,
};

/// What a program begins with.
pub struct Beginning {
    /// Where it keeps its data.
    pub data_dir: PathBuf,
    /// Where the user's own settings and keys are.
    pub config_dir: PathBuf,
    /// Where its messages are recorded.
    pub record: Option<PathBuf>,
    /// What the user has to know about earlier problems: the log could not be opened, and the like.
    pub warnings: Vec<String>,
    /// The loop's surroundings.
    pub surroundings: Box<dyn Surroundings>,
}

/// Why a program does not begin.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// The recording can't be written.
    #[error(transparent)]
    Recording(#[from] RecordingError),
}

/// Begins a program on the runner that `perform` makes for the queue's sending end.
pub fn begin(
    beginning: Beginning,
    perform: impl FnOnce(Sender<Msg>) -> Box<dyn Perform>,
) -> Result<(Program, Receiver<Msg>), BeginError> {
    begin_with(beginning, Box::new(SystemClock::start()), random_seed(), perform)
}

/// The same, with the clock and the seed given.
pub(crate) fn begin_with(
    beginning: Beginning,
    clock: Box<dyn Clock>,
    seed: u64,
    perform: impl FnOnce(Sender<Msg>) -> Box<dyn Perform>,
) -> Result<(Program, Receiver<Msg>), BeginError> {
    let Beginning { data_dir, config_dir, record, warnings, surroundings } = beginning;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    // Unbounded: the rows that `update` grants bound what is in it.
    let (outbox, inbox) = flume::unbounded();
    let recorder =
        record.map(|path| Recorder::start(&path, &version, seed, outbox.clone())).transpose()?;
    let recording = recorder.is_some();
    let mut program = Program::new(perform(outbox), surroundings, clock, recorder);
    program.take(
        app::Msg::Started {
            seed,
            version,
            data_dir: data_dir.to_string_lossy().into_owned(),
            config_dir: config_dir.to_string_lossy().into_owned(),
            macos: cfg!(target_os = "macos"),
            recording,
        }
        .into(),
    );
    for text in warnings {
        program.take(app::Msg::Warned { text }.into());
    }
    Ok((program, inbox))
}

/// The standard library seeds its hash maps from the system's random source.
fn random_seed() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
