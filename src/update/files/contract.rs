//! The user's own files: opening and saving `.sql`, and noticing that another program changed one.

use serde::{Deserialize, Serialize};

use super::Dialog;
use crate::{
    base::{ids::*, text::RopeText},
    failure::Failure,
    sql::encoding::{Choice, Encoding, Form, Reading},
};

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

/// A file of text that was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Read {
    /// Its text, without a byte order mark.
    pub text: RopeText,
    pub stamp: FileStamp,
    /// How the text stands in it.
    pub form: Form,
}

impl Read {
    /// A file in the usual form.
    pub fn plain(text: RopeText, stamp: FileStamp) -> Box<Self> {
        let form = Form::default();
        Box::new(Self { text, stamp, form })
    }
}

/// Why a file was not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unread {
    /// It can't be.
    Failed(Failure),
    /// Somebody has to say in which of these encodings it is; where there are none, it is no text.
    Unclear(Vec<Choice>),
    /// It is larger than what is opened, and may be run all the same.
    Large {
        /// Its length in bytes.
        bytes: u64,
    },
}

impl From<Failure> for Unread {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryEntry {
    /// The name, without its directory.
    pub name: String,
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
    /// Not written: the file's encoding has not this character.
    Unsayable {
        encoding: Encoding,
        character: char,
        /// Its place in bytes of the text.
        at: usize,
        /// Its line, from 1.
        line: usize,
        /// Its place in the line in characters, from 1.
        column: usize,
    },
    /// Not written.
    Failed(Failure),
}

/// What the runner reports of files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// Ends [`Effect::Open`].
    Opened {
        request: Request,
        /// The path, absolute, as it was found.
        path: String,
        /// The text and what the file was.
        result: Result<Box<Read>, Unread>,
    },
    /// Ends [`Effect::Save`].
    Saved {
        request: Request,
        /// The path, absolute.
        path: String,
        /// How it ended.
        result: Saved,
    },
    /// Ends [`Effect::Check`].
    Checked {
        request: Request,
        path: String,
        /// What the file is now; none where it is gone.
        stamp: Option<FileStamp>,
    },
    /// Ends [`Effect::List`].
    Listed {
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
    /// Read a text file (at most 64 MB). `~` is the home directory. Ends in `Opened`.
    Open {
        request: Request,
        path: String,
        /// What is known of its encoding.
        reading: Reading,
    },
    /// Write a text file. Ends in `Saved`.
    Save {
        request: Request,
        path: String,
        text: RopeText,
        /// How it is written.
        form: Form,
        /// What must be there for the write to happen.
        expected: Expected,
    },
    /// Look whether a file changed. Ends in `Checked`.
    Check {
        request: Request,
        path: String,
        /// What it was; where time and length are the same the content is not read.
        known: FileStamp,
    },
    /// List a directory. Ends in `Listed`.
    List { request: Request, directory: String },
}

/// A write of a page's text that is under way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Write {
    pub tab: TabId,
    /// The text's revision that is written.
    pub revision: u64,
    pub form: Form,
    pub expected: Expected,
}

/// What the user's files leave to others.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A dialog takes the place of what lies over the window.
    Show(Dialog),
    /// A file was read for a tab of its own.
    Opened { path: String, read: Box<Read> },
    /// The file of a page was read again.
    Reread { tab: TabId, path: String, read: Box<Read> },
    /// The file of a page was read again because another program changed it.
    Followed { tab: TabId, path: String, result: Result<Box<Read>, Unread> },
    /// A page's text was written, or not.
    Saved { write: Write, path: String, result: Saved },
    /// The user named the file that a page's text is saved to.
    SaveTo { tab: TabId, path: String },
    /// A page's file is as it was, or not.
    Checked { request: Request, stamp: Option<FileStamp> },
    /// A file is to be run without being opened.
    Run { path: String },
    /// The user's own keymap was read, or not; where it was kept before, if it may still be there.
    KeymapRead { result: Result<Box<Read>, Unread>, before: Option<String> },
}
