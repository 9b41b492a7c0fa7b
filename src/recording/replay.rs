//! The reading end: feeds a recording's messages to `update`, drops the effects, and checks every hash.

use std::{
    io::{self, BufRead, BufReader},
    path::Path,
};

use super::{
    MAGIC, hash,
    lines::{self, FORMAT, Head, Read},
};
use crate::{base::stamp::Stamp, effects::regular_file, model::Model, msg::Msg, update::update};

#[derive(Debug)]
pub struct Replayed {
    /// The state at the end.
    pub model: Model,
    /// How many messages were replayed.
    pub messages: u64,
    /// Whether the recording continues after them.
    pub stopped: bool,
    /// Why the recording ended before the program did.
    pub cut: Option<String>,
}

/// Why a replay differs from the recorded run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ReplayProblem {
    /// The number, from 1, of the first message that differs; 0 if it is the file as a whole.
    pub message: u64,
    /// What is wrong.
    pub kind: Kind,
}

/// A tab's text is part of it, and may be that of the largest file that Tusk opens.
const LINE_MAX: usize = 1 << 30;

/// This program's version: it replays only its own recordings.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What is wrong with a recording.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Kind {
    /// The file can't be read.
    #[error("The recording can't be read: {0}.")]
    Io(String),
    /// It is not a recording.
    #[error("The file is not a recording of Tusk.")]
    NotARecording,
    /// This program does not know its format.
    #[error("The recording has format {0}, and this Tusk reads format {FORMAT}.")]
    Format(u32),
    /// Another version made it, whose messages and states differ.
    #[error(
        "The recording was made by Tusk {0}, and this is Tusk {VERSION}: replay it with the version that made it."
    )]
    OtherVersion(String),
    /// A line was changed.
    #[error("The recording was changed: message {0} is the first one that differs.")]
    Changed(u64),
    /// The end is missing.
    #[error("The recording was cut: it ends before message {0}, without its last line.")]
    Missing(u64),
    /// Something follows the end.
    #[error("The recording was changed: lines were added after message {0}, its last one.")]
    Longer(u64),
    /// The messages are unchanged, and lead to another state.
    #[error(
        "The replay differs from the run: after message {message} the state is another one, though Tusk {VERSION} made it, too."
    )]
    Differs {
        /// The first message after which the states were compared and found to differ.
        message: u64,
    },
}

/// Replays a recording, up to message `until` if given.
pub fn replay(path: &Path, until: Option<u64>) -> Result<Replayed, ReplayProblem> {
    let file = regular_file::open(path).map_err(|error| {
        let reason = format!("{}: {error}", path.display());
        whole(Kind::Io(reason))
    })?;
    let lines = BufReader::with_capacity(1 << 20, file.as_opened());
    replay_lines(lines, until, |_, _, _| {})
}

/// Replays lines; `see` gets each message before the Model takes it.
pub(crate) fn replay_lines(
    mut lines: impl BufRead,
    until: Option<u64>,
    mut see: impl FnMut(u64, Stamp, &Msg),
) -> Result<Replayed, ReplayProblem> {
    let mut line = Vec::new();
    read(&mut lines, &mut line)?;
    let chain = head(&line)?;
    let mut replay = Replay { model: Model::default(), messages: 0, chain };
    loop {
        if until.is_some_and(|until| replay.messages >= until) {
            return Ok(replay.ended(true, None));
        }
        if read(&mut lines, &mut line)? == 0 {
            return Err(replay.problem(Kind::Missing));
        }
        match replay.line(&line, &mut see)? {
            Next::Line => {}
            Next::End(cut) => {
                return match read(&mut lines, &mut line)? {
                    0 => Ok(replay.ended(false, cut)),
                    _ => Err(ReplayProblem {
                        message: replay.messages + 1,
                        kind: Kind::Longer(replay.messages),
                    }),
                };
            }
        }
    }
}

enum Next {
    Line,
    End(Option<String>),
}

struct Replay {
    model: Model,
    messages: u64,
    chain: u64,
}

impl Replay {
    fn line(
        &mut self,
        line: &[u8],
        see: &mut impl FnMut(u64, Stamp, &Msg),
    ) -> Result<Next, ReplayProblem> {
        let whole = line.ends_with(b"\n") || line.ends_with(&[0]) || is_no_line(line);
        let Some((content, chain)) = lines::open(self.chain, line) else {
            // A program that was killed may have written half a line.
            let kind = if whole { Kind::Changed } else { Kind::Missing };
            return Err(self.problem(kind));
        };
        self.chain = chain;
        let Ok(read) = serde_json::from_slice::<Read>(&content) else {
            return Err(self.problem(Kind::Changed));
        };
        match read {
            Read { n: Some(n), at: Some(at), msg: Some(msg), .. } if n == self.messages + 1 => {
                see(n, at, &msg);
                update(&mut self.model, at, msg);
                self.messages = n;
                Ok(Next::Line)
            }
            Read { check: Some(check), .. } if check.after == self.messages => {
                self.compare(&check.hash).map(|()| Next::Line)
            }
            Read { end: Some(end), .. } if end.messages == self.messages => {
                self.compare(&end.hash).map(|()| Next::End(None))
            }
            Read { cut: Some(cut), .. } if cut.messages == self.messages => {
                self.compare(&cut.hash).map(|()| Next::End(Some(cut.reason)))
            }
            _ => Err(self.problem(Kind::Changed)),
        }
    }

    fn compare(&self, recorded: &str) -> Result<(), ReplayProblem> {
        let hash =
            hash::of_model(&self.model).map_err(|error| whole(Kind::Io(error.to_string())))?;
        if recorded == format!("{hash:032x}") {
            return Ok(());
        }
        Err(ReplayProblem {
            message: self.messages,
            kind: Kind::Differs { message: self.messages },
        })
    }

    fn problem(&self, kind: impl FnOnce(u64) -> Kind) -> ReplayProblem {
        let message = self.messages + 1;
        ReplayProblem { message, kind: kind(message) }
    }

    fn ended(self, stopped: bool, cut: Option<String>) -> Replayed {
        Replayed { model: self.model, messages: self.messages, stopped, cut }
    }
}

fn head(line: &[u8]) -> Result<u64, ReplayProblem> {
    if !line.starts_with(MAGIC) {
        return Err(whole(Kind::NotARecording));
    }
    let Some((content, chain)) = lines::open(0, line) else {
        return Err(whole(Kind::Changed(0)));
    };
    let Ok(head) = serde_json::from_slice::<Head>(&content) else {
        return Err(whole(Kind::NotARecording));
    };
    if head.format != FORMAT {
        return Err(whole(Kind::Format(head.format)));
    }
    if head.tusk != VERSION {
        return Err(whole(Kind::OtherVersion(head.tusk)));
    }
    Ok(chain)
}

/// Reads a line with its end. A byte that no line of a recording holds ends it too, so that a hole in a file, however
/// long, is not a line that fills the memory.
fn read(lines: &mut impl BufRead, line: &mut Vec<u8>) -> Result<usize, ReplayProblem> {
    line.clear();
    loop {
        let bytes = match lines.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            bytes => bytes.map_err(|error| whole(Kind::Io(error.to_string())))?,
        };
        let end = bytes.iter().position(|byte| matches!(byte, b'\n' | 0));
        let taken = end.map_or(bytes.len(), |at| at + 1);
        let room = line.try_reserve(taken).map_err(|error| error.to_string());
        let room = room.and_then(|()| match line.len() + taken <= LINE_MAX {
            true => Ok(()),
            false => Err(format!("one of its lines is longer than {} MB", LINE_MAX >> 20)),
        });
        room.map_err(|reason| whole(Kind::Io(reason)))?;
        line.extend_from_slice(&bytes[..taken]);
        lines.consume(taken);
        if end.is_some() || taken == 0 || is_no_line(line) {
            return Ok(line.len());
        }
    }
}

/// A line that begins unlike every recorded line was changed, and need not be read to its end.
fn is_no_line(line: &[u8]) -> bool {
    !line.starts_with(b"{")
}

fn whole(kind: Kind) -> ReplayProblem {
    ReplayProblem { message: 0, kind }
}
