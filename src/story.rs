//! Stories: scripts that drive the real `update` and the real runner, with no window.
//!
//! A story is parsed whole first (`parse`), then run line by line (`driver`) on a stage: this module's headless one, or
//! a window driven by keys. The first line that fails is reported with its number and what was found instead.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use crate::{
    conninfo::Conninfo,
    effects::regular_file::{self, Limit},
    sql::safety::mask,
};

mod action;
mod check;
mod driver;
mod dump;
mod headless;
mod input;
mod parse;
mod play;
mod stage;
mod terminal;
mod veil;

#[cfg(test)]
mod tests;

pub use action::{Action, Dump, Expectation, Format, Sink, Step, Until};
pub use driver::run;
pub use dump::{file as write_file, screen as screen_text};
pub use headless::{Desk, Headless, Screenshot};
pub use parse::parse;
pub use play::{Playing, play};
pub use stage::Stage;
pub use terminal::Terminal;

/// People write stories by hand, and so do programs that try a great deal.
const STORY: Limit = Limit::megabytes(16);

/// A parsed story.
#[derive(Clone, Debug, PartialEq)]
pub struct Story {
    /// Its lines, without comments.
    pub steps: Vec<Step>,
}

/// The line of a story that failed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoryFailure {
    /// Its number, from 1.
    pub line: usize,
    /// The line, without passwords.
    pub text: String,
    /// What was found instead.
    pub reason: String,
}

impl fmt::Display for StoryFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}: {}", self.line, self.text, self.reason)
    }
}

impl std::error::Error for StoryFailure {}

/// Where a story comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl Source {
    /// The source that the command line names: `-` is standard input.
    pub fn named(name: &Path) -> Self {
        if name.as_os_str() == "-" { Self::Stdin } else { Self::File(name.to_owned()) }
    }

    /// Its whole text.
    pub fn read(&self) -> std::io::Result<String> {
        match self {
            Self::File(path) => regular_file::read_text(path, STORY),
            Self::Stdin => regular_file::read_text_from(std::io::stdin(), STORY),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The user may have given a URL in place of a file.
            Self::File(path) => {
                let path = path.display().to_string();
                if Conninfo::may_hold_secret(&path) {
                    return f.write_str("the story");
                }
                f.write_str(&mask::passwords_in_words(&path))
            }
            Self::Stdin => f.write_str("standard input"),
        }
    }
}
