//! The user's own files: opening and saving `.sql`, and noticing that another program changed one.

use serde::{Deserialize, Serialize};

use super::{failure::Failure, ids::*, text::RopeText};

/// What a file was when it was read or written; a different one means that somebody changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStamp {
    /// Its modification time in unix microseconds.
    pub modified_us: i64,
    /// Its length in bytes.
    pub length: u64,
    /// XXH3 of its content.
    pub digest: u64,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryEntry {
    /// The name, without its directory.
    pub name: String,
    /// Whether it is a directory.
    pub directory: bool,
}

/// What a save expects to find; anything else is a conflict and nothing is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expected {
    /// No file of that name.
    Nothing,
    /// This very file.
    Unchanged(FileStamp),
    /// Whatever is there: the user said to overwrite it.
    Anything,
}

/// How a save ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Saved {
    /// On disk, by way of a temporary file and a rename.
    Written(FileStamp),
    /// Not written: the file is not what it was expected to be (it was changed, or exists already).
    Conflict,
    /// Not written.
    Failed(Failure),
}

/// What the runner reports of files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// Ends [`Effect::Open`].
    Opened {
        /// The request that it answers.
        request: Request,
        /// The path, absolute, as it was found.
        path: String,
        /// The text and what the file was.
        result: Result<(RopeText, FileStamp), Failure>,
    },
    /// Ends [`Effect::Save`].
    Saved {
        /// The request that it answers.
        request: Request,
        /// The path, absolute.
        path: String,
        /// How it ended.
        result: Saved,
    },
    /// Ends [`Effect::Check`].
    Checked {
        /// The request that it answers.
        request: Request,
        /// The path.
        path: String,
        /// What the file is now; none where it is gone.
        stamp: Option<FileStamp>,
    },
    /// Ends [`Effect::List`].
    Listed {
        /// The request that it answers.
        request: Request,
        /// The directory, absolute.
        directory: String,
        /// Its entries, directories first, then by name (at most 1,000).
        result: Result<Vec<DirectoryEntry>, Failure>,
    },
}

/// What the runner is asked to do with files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Read a text file (at most 64 MB, UTF-8; a BOM is dropped). `~` is the home directory. Ends in `Opened`.
    Open {
        /// This request.
        request: Request,
        /// The path.
        path: String,
    },
    /// Write a text file. Ends in `Saved`.
    Save {
        /// This request.
        request: Request,
        /// The path.
        path: String,
        /// The text.
        text: RopeText,
        /// What must be there for the write to happen.
        expected: Expected,
    },
    /// Look whether a file changed. Ends in `Checked`.
    Check {
        /// This request.
        request: Request,
        /// The path.
        path: String,
        /// What it was; where time and length are the same the content is not read.
        known: FileStamp,
    },
    /// List a directory. Ends in `Listed`.
    List {
        /// This request.
        request: Request,
        /// The directory.
        directory: String,
    },
}
