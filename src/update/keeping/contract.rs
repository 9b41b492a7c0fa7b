//! Keeping: everything that outlives the program, in one SQLite file behind effects.
//!
//! The store's thread writes in order. Where the file can't be used the store works in memory and says so.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::storage::DirectoryPrompt;
use crate::{
    base::{
        ids::*,
        text::{Edit, RopeText},
    },
    conninfo::Config,
    effect::Effect as RootEffect,
    failure::Failure,
    settings::Settings,
    sql::encoding::Form,
};

/// How the store came up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Opened {
    /// On the file, as always.
    OnDisk,
    /// The file was damaged: it was set aside, and a fresh one begun with what could be read of it.
    Fresh {
        /// Where the damaged one is.
        copy: String,
        /// What was wrong with it.
        reason: String,
        /// What could be read of it.
        #[serde(default)]
        salvage: Salvage,
    },
    /// The file was deleted or replaced while it was in use: what was known of it was written to its place.
    Recreated {
        file: String,
        /// What had happened to it.
        how: String,
    },
    /// No file can be used: nothing of this run will be there next time.
    InMemory { reason: String },
    /// The directory can't be made or written: until another one is named, nothing is kept.
    NoDirectory { directory: String, reason: String },
}

/// What could be read of a damaged file, and what not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Salvage {
    /// Tabs, open and closed, with their texts.
    pub tabs: Saved,
    pub connections: Saved,
    /// Runs of the history.
    pub runs: Saved,
    /// The window and its parts: one where they were kept.
    pub settings: Saved,
}

/// What could be read of things of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// So many are back.
    pub back: u64,
    /// So many of these are not quite what they were.
    pub damaged: u64,
    /// Of so many is known that they are lost.
    pub lost: u64,
    /// Whether there may have been more.
    pub perhaps_more: bool,
}

impl Saved {
    /// One more is back.
    pub fn count(&mut self, damaged: bool) {
        self.back += 1;
        self.damaged += u64::from(damaged);
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedConnection {
    pub id: ConnectionId,
    /// Its configuration; the password is the keychain's.
    pub config: Config,
    /// When it was last opened, in unix microseconds.
    pub last_used_us: Option<i64>,
}

/// A tab as it was kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedTab {
    pub id: TabId,
    /// Its place from the left.
    pub place: u32,
    /// Whether it was the active one.
    pub active: bool,
    /// What the user called it; empty for untitled ones.
    pub title: String,
    /// The file that it edits.
    pub path: Option<String>,
    /// How that is written.
    #[serde(default)]
    pub form: Form,
    /// Whether the text differs from the file's, where there is one.
    pub unsaved: bool,
    /// The connection that it used last.
    pub connection: Option<ConnectionId>,
    /// The text, with every journaled edit in it.
    pub text: RopeText,
    /// The revision of the text.
    pub revision: u64,
    /// Where the cursor was, in bytes.
    pub cursor: usize,
}

/// One run of one statement, as the history keeps it. Passwords in the text are masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// The query's id.
    pub query: QueryId,
    /// When it was sent, in unix microseconds.
    pub at_us: i64,
    /// The connection's name, or `user@host/database`.
    pub connection: Arc<str>,
    pub database: Arc<str>,
    /// The statement.
    pub sql: Arc<str>,
    /// From sending to its end; none where it was lost with the program.
    pub elapsed_us: Option<u64>,
    /// How it ended.
    pub outcome: HistoryOutcome,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HistoryOutcome {
    /// It had not ended when this was written (it still runs, or the program went away).
    Running,
    /// It completed: the command tag and the rows.
    Finished {
        /// `SELECT 42`
        tag: String,
        /// Rows that arrived.
        rows: u64,
    },
    /// It failed or was cancelled.
    Failed {
        /// PostgreSQL's code.
        sqlstate: Option<String>,
        message: String,
    },
}

/// Writes of the store that are under way.
pub type Writes = std::collections::BTreeSet<Request>;

/// Everything that the program starts with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// How the store came up.
    pub opened: Opened,
    pub connections: Vec<SavedConnection>,
    /// Tabs that were open, from the left.
    pub tabs: Vec<SavedTab>,
    /// Tabs that were closed, the last one first (at most 20), so that they can be reopened.
    pub closed: Vec<SavedTab>,
    /// The newest runs, the newest first (at most 200).
    pub history: Vec<HistoryEntry>,
    pub settings: Settings,
}

/// What the store reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// Everything that was kept. Ends [`Effect::Load`].
    Loaded { request: Request, kept: Box<Kept> },
    /// A write is on disk. Ends every writing effect.
    Wrote { request: Request },
    /// A write failed; what it held is still in the Model. Ends every writing effect.
    Failed { request: Request, failure: Failure },
    /// The disk does not take a write now. It waits in memory, and is written as soon as it can be. Ends every
    /// writing effect.
    Held {
        request: Request,
        /// What the disk says.
        reason: String,
    },
    /// All that waited is on disk.
    CaughtUp,
    /// The file that was written is not to be used any more, and another one is: it wants all that there is to keep.
    Reopened {
        /// How that came up.
        opened: Opened,
    },
    /// Another Tusk changed the saved connections.
    ConnectionsChanged {
        /// Those that it added or changed.
        changed: Vec<SavedConnection>,
        /// Those that it deleted.
        deleted: Vec<ConnectionId>,
    },
    /// Another directory is used from here on, or can't be. Ends [`Effect::UseDirectory`].
    DirectoryUsed {
        request: Request,
        /// What was kept there; or why it can't be used, and all is as it was.
        result: Result<Box<Kept>, String>,
    },
    /// Runs that match. Ends [`Effect::SearchHistory`].
    HistoryFound {
        request: Request,
        /// The newest first.
        entries: Result<Vec<HistoryEntry>, Failure>,
    },
}

/// What the store is asked to do. The store's thread does it in order, several writes in one transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Open the file, bring it up to date, read everything. Ends in `Loaded`, whatever happens.
    Load { request: Request },
    /// Keep everything in another directory from here on. Ends in `DirectoryUsed`.
    UseDirectory {
        request: Request,
        /// The directory, which is made when it is missing; `~` is the home directory.
        directory: String,
    },
    /// Keep a connection (new or changed). Ends in `Wrote`, `Held` or `Failed`.
    SaveConnection { request: Request, connection: Box<SavedConnection> },
    /// Forget a connection. Ends in `Wrote`, `Held` or `Failed`.
    DeleteConnection { request: Request, connection: ConnectionId },
    /// Journal edits of a tab's text, so that a crash loses none. Ends in `Wrote`, `Held` or `Failed`.
    JournalEdits {
        request: Request,
        tab: TabId,
        /// The revision that the text has after them.
        revision: u64,
        /// The edits, in order; each in bytes of the text that the one before left.
        edits: Vec<Edit>,
    },
    /// Keep a tab whole: its text takes the journal's place. Ends in `Wrote`, `Held` or `Failed`.
    SaveTab {
        request: Request,
        /// The tab, with its text.
        tab: Box<SavedTab>,
    },
    /// Keep places, titles, cursors and which tab is active, without the texts. Ends in `Wrote`, `Held` or `Failed`.
    SaveLayout {
        request: Request,
        /// Open tabs from the left; their `text` is not read.
        tabs: Vec<TabPlace>,
    },
    /// Move a tab to the closed ones (its text stays). Ends in `Wrote`, `Held` or `Failed`.
    CloseTab {
        request: Request,
        tab: TabId,
        /// When, in unix microseconds.
        at_us: i64,
    },
    /// Add runs, or how they ended, by their query ids. Ends in `Wrote`, `Held` or `Failed`.
    RecordRuns {
        request: Request,
        /// The runs, in the order of sending.
        entries: Vec<HistoryEntry>,
    },
    /// Find runs whose text, connection or error contains every word, the newest first. Ends in `HistoryFound`.
    SearchHistory {
        request: Request,
        /// Words, separated by spaces; empty for all.
        text: String,
        /// At most so many.
        limit: u32,
    },
    /// Keep the settings. Ends in `Wrote`, `Held` or `Failed`.
    SaveSettings { request: Request, settings: Settings },
}

/// Where a tab stands, without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TabPlace {
    pub id: TabId,
    /// Whether it is the active one.
    pub active: bool,
    pub title: String,
    /// The file that it edits.
    pub path: Option<String>,
    /// How that is written.
    #[serde(default)]
    pub form: Form,
    /// Whether the text differs from the file's.
    pub unsaved: bool,
    /// The connection that it used last.
    pub connection: Option<ConnectionId>,
    /// Where the cursor is, in bytes.
    pub cursor: usize,
}

impl Effect {
    /// The request, where it is a write: one that ends in `Wrote` or `Failed`.
    pub fn write_request(&self) -> Option<Request> {
        match self {
            Self::SaveConnection { request, .. }
            | Self::DeleteConnection { request, .. }
            | Self::JournalEdits { request, .. }
            | Self::SaveTab { request, .. }
            | Self::SaveLayout { request, .. }
            | Self::CloseTab { request, .. }
            | Self::RecordRuns { request, .. }
            | Self::SaveSettings { request, .. } => Some(*request),
            Self::Load { .. } | Self::SearchHistory { .. } | Self::UseDirectory { .. } => None,
        }
    }
}

/// Notes the writes among effects that are about to be done, so that a story can wait for them.
pub fn note_writes(writes: &mut Writes, effects: &[RootEffect]) {
    let begun = effects.iter().filter_map(|effect| match effect {
        RootEffect::Store(effect) => effect.write_request(),
        _ => None,
    });
    writes.extend(begun);
}

/// What the store leaves to others.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The data directory can't be used: another one is asked for.
    AskDirectory(DirectoryPrompt),
    /// A notice passes; what was lost, and where the damaged file is, stays in the messages of the page on screen.
    WriteDown(String),
}
