//! The content of a story's lines, as data.

use std::{path::PathBuf, time::Duration};

use crate::{
    base::transaction::Transaction,
    program::Opening,
    rows::export,
    settings::toml::{Key, Value},
    update::shell::command::Command,
};

/// A line, or several for a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The number of its first line, from 1.
    pub line: usize,
    /// The line as reported: without passwords.
    pub text: String,
    pub action: Action,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// `size 1280 800`
    Size {
        /// In logical pixels.
        width: u32,
        /// In logical pixels.
        height: u32,
    },
    /// `connect …`
    Connect(Opening),
    /// `text <<END`: the new text of the active tab.
    Text(String),
    /// `type …`, with its escapes decoded: a line feed is Enter, a tab is Tab.
    Type(String),
    /// `press ctrl-enter`, or several keystrokes.
    Press(Vec<String>),
    /// `command query.run`
    Command(Command),
    /// `setting run.on_error continue`
    Setting {
        key: Key,
        /// Its new value.
        value: Value,
    },
    /// `open FILE`, `save FILE`, `run-file FILE`: the command with its dialog, filled in and accepted.
    Path {
        command: Command,
        /// The file.
        path: String,
    },
    /// `drop FILE`: the file is dropped onto the window.
    Drop(String),
    /// `answer "Roll back"`: a button of the open dialog, or a row of its list.
    Answer(String),
    /// `wait …`
    Wait {
        until: Until,
        /// The timeout.
        within: Duration,
    },
    /// `expect …`
    Expect(Expectation),
    /// `sleep 0.5`
    Sleep(Duration),
    /// `dump …`
    Dump {
        what: Dump,
        /// A file, or standard output.
        to: Sink,
    },
    /// `screenshot out.png`
    Screenshot(PathBuf),
}

/// What a line waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Nothing is in progress.
    Idle,
    /// The active tab's connection is open.
    Connected,
    /// The server is running a statement of the active tab, which is not paused.
    Running,
    /// The active tab's newest result has this many rows.
    Rows(u64),
}

/// What must be true now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// `screen contains "…"`
    ScreenContains(String),
    /// `screen lacks "…"`
    ScreenLacks(String),
    /// `result 1 rows 1`
    Rows {
        /// The result, from 1.
        result: usize,
        rows: u64,
    },
    /// `result 1 cell 0 0 is "1"`, or `is NULL`.
    Cell {
        /// The result, from 1.
        result: usize,
        /// The row, from 0.
        row: u64,
        /// The column, from 0.
        column: usize,
        /// The value; none for NULL.
        value: Option<String>,
    },
    /// `error 42P01`
    Error(String),
    /// `state transaction is active`; none for `none`.
    Transaction(Option<Transaction>),
}

/// What to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dump {
    /// The rows of a result.
    Result {
        /// The result, from 1.
        result: usize,
        format: Format,
    },
    /// The screen as text.
    Screen,
    Clipboard,
    /// The newest job as JSON.
    Job,
    /// The Model as JSON.
    Model,
}

pub type Format = export::Format;

/// Where to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// Standard output.
    Stdout,
    File(PathBuf),
}
