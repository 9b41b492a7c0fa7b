//! Recordings: every stamped message of a run as one JSON line, so that the run can be replayed.
//!
//! The recorder has a thread and a Model of its own. It takes the secrets out of a message first and gives the rest to
//! `update`, so a replay of the file reaches exactly the states that the recorder saw; their hashes are in the file.
//! Each line ends in a hash over all lines before it, so that a changed line is found by its number.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Read},
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use flume::{Receiver, Sender, TrySendError};

use crate::{
    base::stamp::Stamp,
    effect::Effect,
    effects::regular_file,
    msg::Msg,
    update::{query, shell::app},
};
use writer::Writer;

mod hash;
mod lines;
pub mod redact;
mod replay;
mod writer;

#[cfg(test)]
mod tests;

pub use hash::{ALGORITHM, of_model};
pub use replay::{Kind as ReplayProblemKind, ReplayProblem, Replayed, replay};

/// The most messages that may wait for the recorder.
const QUEUE_MESSAGES: usize = 10_000;
/// The most memory that waiting rows may keep from being freed.
const QUEUE_BYTES: u64 = 256 << 20;
/// The beginning of every recording.
pub(crate) const MAGIC: &[u8] = b"{\"tusk\":";

/// Why a run can't be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// A file exists that nobody would want to lose.
    #[error(
        "{} exists and is not a recording. Name another file, or remove it first.",
        .0.display()
    )]
    NotARecording(PathBuf),
    /// The file can't be written.
    #[error("{} can't be written: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

pub struct Recorder {
    queue: Option<Sender<Item>>,
    limits: Limits,
    shared: Arc<Shared>,
    outbox: Sender<Msg>,
    thread: Option<JoinHandle<()>>,
}

/// A command for the thread.
enum Item {
    /// A message to write.
    Message(Stamp, Msg),
    /// A statement that is sent: its secrets may come back without the words around them.
    Statement(Arc<str>),
}

#[derive(Clone, Copy)]
struct Limits {
    bytes: u64,
}

/// What the recorder and its thread share beside the queue.
#[derive(Default)]
struct Shared {
    bytes_in_flight: AtomicU64,
    cut: OnceLock<String>,
}

impl Recorder {
    /// Begins a recording. If it ends before the program does, sends `RecordingEnded` to `outbox`.
    pub fn start(
        path: &Path,
        version: &str,
        seed: u64,
        outbox: Sender<Msg>,
    ) -> Result<Self, RecordingError> {
        let file = create(path)?;
        let writer = Writer::begin(BufWriter::with_capacity(1 << 20, file), version, seed)
            .map_err(|source| RecordingError::Io { path: path.to_owned(), source })?;
        let (queue, items) = flume::bounded(QUEUE_MESSAGES);
        let shared = Arc::new(Shared::default());
        let theirs = (Arc::clone(&shared), outbox.clone());
        let thread = std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || {
                let (shared, outbox) = theirs;
                if let Err(error) = write(writer, &items, &shared) {
                    tell(&outbox, format!("it could not be written ({error})"));
                }
            })
            .map_err(|source| RecordingError::Io { path: path.to_owned(), source })?;
        Ok(Self {
            queue: Some(queue),
            limits: Limits { bytes: QUEUE_BYTES },
            shared,
            outbox,
            thread: Some(thread),
        })
    }

    /// Checks an effect before it is performed: a statement's secrets are masked in whatever answers it.
    pub fn perform(&mut self, effect: &Effect) {
        if let Effect::Query(
            query::Effect::Run { sql, .. } | query::Effect::RunReadOnly { sql, .. },
        ) = effect
        {
            self.send(Item::Statement(Arc::clone(sql)));
        }
    }

    /// Records a message; never waits. If the thread can't keep up, ends the recording, and says so.
    pub fn record(&mut self, at: Stamp, msg: &Msg) {
        let weight = weight(msg);
        let in_flight = &self.shared.bytes_in_flight;
        if weight > 0 && in_flight.load(Ordering::Relaxed) + weight > self.limits.bytes {
            return self.cut();
        }
        in_flight.fetch_add(weight, Ordering::Relaxed);
        self.send(Item::Message(at, msg.clone()));
    }

    fn send(&mut self, item: Item) {
        let Some(queue) = &self.queue else { return };
        match queue.try_send(item) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => self.cut(),
            // The thread has reported why it ended.
            Err(TrySendError::Disconnected(_)) => self.queue = None,
        }
    }

    /// Waits until everything is written, and ends the file.
    pub fn finish(mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the recorder ended early: the recording has no end");
        }
    }

    fn cut(&mut self) {
        let reason = "writing it did not keep up with the messages".to_owned();
        // The first reason counts.
        self.shared.cut.get_or_init(|| reason.clone());
        self.queue = None;
        tell(&self.outbox, reason);
    }
}

fn tell(outbox: &Sender<Msg>, reason: String) {
    // If nobody listens any more, the program has ended, and there is nobody to tell.
    outbox.send(app::Msg::RecordingEnded { reason }.into()).unwrap_or_default();
}

/// The memory that a waiting message keeps from being freed, if it is a lot.
fn weight(msg: &Msg) -> u64 {
    match msg {
        Msg::Query(query::Msg::RowsArrived { chunk, .. }) => chunk.heap_bytes() as u64,
        Msg::Query(query::Msg::EncodingChanged { escaped, .. }) => {
            let chunks = escaped.iter().flatten();
            chunks.map(|chunk| chunk.heap_bytes() as u64).sum()
        }
        _ => 0,
    }
}

fn write(
    mut writer: Writer<BufWriter<File>>,
    items: &Receiver<Item>,
    shared: &Shared,
) -> io::Result<()> {
    loop {
        let next = match items.try_recv() {
            Ok(next) => Some(next),
            Err(_) => {
                // A program that is killed now leaves everything but the end.
                writer.flush()?;
                items.recv().ok()
            }
        };
        match next {
            None => break,
            Some(Item::Statement(sql)) => writer.learn(&sql),
            Some(Item::Message(at, msg)) => {
                let weight = weight(&msg);
                writer.message(at, msg)?;
                shared.bytes_in_flight.fetch_sub(weight, Ordering::Relaxed);
            }
        }
    }
    match shared.cut.get() {
        Some(reason) => writer.cut(reason),
        None => writer.end(),
    }
}

/// Creates the file, readable only by its owner. Replaces an existing recording, and nothing else.
fn create(path: &Path) -> Result<File, RecordingError> {
    let failed = |source| RecordingError::Io { path: path.to_owned(), source };
    let target = regular_file::target(path).map_err(failed)?;
    if regular_file::look(&target).map_err(failed)?.is_none() {
        let made = regular_file::make(&target).map_err(failed)?;
        return Ok(made.into_file());
    }
    let there = regular_file::open(&target).map_err(failed)?;
    let mut begin = Vec::new();
    there.as_opened().take(MAGIC.len() as u64).read_to_end(&mut begin).map_err(failed)?;
    if !begin.is_empty() && begin != MAGIC {
        return Err(RecordingError::NotARecording(path.to_owned()));
    }
    // A file that may not be written must not be replaced either.
    regular_file::may_be_written(&target).map_err(failed)?;
    let (aside, made) = beside(&target).map_err(failed)?;
    if let Err(error) = fs::rename(&aside, &target) {
        fs::remove_file(&aside).unwrap_or_default();
        return Err(failed(error));
    }
    Ok(made.into_file())
}

fn beside(target: &Path) -> io::Result<(PathBuf, regular_file::Made)> {
    let directory = match target.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    regular_file::make_in(directory, true)
}
