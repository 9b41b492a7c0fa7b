//! Keeping: everything that outlives the program, in one SQLite file behind effects.
//!
//! The store's thread writes in order. Where the file can't be used the store works in memory and says so.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{config::Config, failure::Failure, ids::*, text::RopeText};
use crate::{effect::Effect as RootEffect, model::Model};

/// How the store came up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Opened {
    /// On the file, as always.
    OnDisk,
    /// The file was damaged: it was copied aside and a fresh one begun.
    Fresh {
        /// Where the damaged one was copied to.
        copy: String,
        /// What was wrong with it.
        reason: String,
    },
    /// No file can be used: nothing of this run will be there next time.
    InMemory {
        /// Why.
        reason: String,
    },
}

/// A saved connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedConnection {
    /// Its id.
    pub id: ConnectionId,
    /// Its configuration; the password is the keychain's.
    pub config: Config,
    /// When it was last opened, in unix microseconds.
    pub last_used_us: Option<i64>,
}

/// A tab as it was kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedTab {
    /// Its id.
    pub id: TabId,
    /// Its place from the left.
    pub place: u32,
    /// Whether it was the active one.
    pub active: bool,
    /// What the user called it; empty for untitled ones.
    pub title: String,
    /// The file that it edits.
    pub path: Option<String>,
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
    pub connection: String,
    /// The database.
    pub database: String,
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
        /// The message.
        message: String,
    },
}

/// A piece of text replaced by another, in bytes of the text before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Where it begins.
    pub start: usize,
    /// How many bytes go.
    pub removed: usize,
    /// What comes.
    pub inserted: String,
}

/// What the user fixed, as opposed to what follows the system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Light, dark, or as the system has it.
    pub theme: Theme,
    /// The size of everything, in percent.
    pub zoom_percent: u32,
    /// The window's width and height in logical pixels.
    pub window: (u32, u32),
    /// The sidebar's width in logical pixels; 0 when it is hidden.
    pub sidebar_width: u32,
    /// The editor's share of the height, in percent.
    pub editor_percent: u32,
}

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: Theme::System,
            zoom_percent: 100,
            window: (1440, 900),
            sidebar_width: 248,
            editor_percent: 36,
        }
    }
}

/// Everything that the program starts with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// How the store came up.
    pub opened: Opened,
    /// Saved connections.
    pub connections: Vec<SavedConnection>,
    /// Tabs that were open, from the left.
    pub tabs: Vec<SavedTab>,
    /// Tabs that were closed, the last one first (at most 20), so that they can be reopened.
    pub closed: Vec<SavedTab>,
    /// The newest runs, the newest first (at most 200).
    pub history: Vec<HistoryEntry>,
    /// Settings.
    pub settings: Settings,
}

/// What the store reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// Everything that was kept. Ends [`Effect::Load`].
    Loaded {
        /// The request that it answers.
        request: Request,
        /// What was kept.
        kept: Box<Kept>,
    },
    /// A write is on disk. Ends every writing effect.
    Wrote {
        /// The request that it answers.
        request: Request,
    },
    /// A write failed; what it held is still in the Model. Ends every writing effect.
    Failed {
        /// The request that it answers.
        request: Request,
        /// Why.
        failure: Failure,
    },
    /// Runs that match. Ends [`Effect::SearchHistory`].
    HistoryFound {
        /// The request that it answers.
        request: Request,
        /// The newest first.
        entries: Result<Vec<HistoryEntry>, Failure>,
    },
}

/// What the store is asked to do. The store's thread does it in order, several writes in one transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Open the file, bring it up to date, read everything. Ends in `Loaded`, whatever happens.
    Load {
        /// This request.
        request: Request,
    },
    /// Keep a connection (new or changed). Ends in `Wrote` or `Failed`.
    SaveConnection {
        /// This request.
        request: Request,
        /// The connection.
        connection: Box<SavedConnection>,
    },
    /// Forget a connection. Ends in `Wrote` or `Failed`.
    DeleteConnection {
        /// This request.
        request: Request,
        /// The connection.
        connection: ConnectionId,
    },
    /// Journal edits of a tab's text, so that a crash loses none. Ends in `Wrote` or `Failed`.
    JournalEdits {
        /// This request.
        request: Request,
        /// The tab.
        tab: TabId,
        /// The revision that the text has after them.
        revision: u64,
        /// The edits, in order; each in bytes of the text that the one before left.
        edits: Vec<Edit>,
    },
    /// Keep a tab whole: its text takes the journal's place. Ends in `Wrote` or `Failed`.
    SaveTab {
        /// This request.
        request: Request,
        /// The tab, with its text.
        tab: Box<SavedTab>,
    },
    /// Keep places, titles, cursors and which tab is active, without the texts. Ends in `Wrote` or `Failed`.
    SaveLayout {
        /// This request.
        request: Request,
        /// Open tabs from the left; their `text` is not read.
        tabs: Vec<TabPlace>,
    },
    /// Move a tab to the closed ones (its text stays). Ends in `Wrote` or `Failed`.
    CloseTab {
        /// This request.
        request: Request,
        /// The tab.
        tab: TabId,
        /// When, in unix microseconds.
        at_us: i64,
    },
    /// Add a run, or how it ended, by its query id. Ends in `Wrote` or `Failed`.
    RecordRun {
        /// This request.
        request: Request,
        /// The run.
        entry: Box<HistoryEntry>,
    },
    /// Find runs whose text, connection or error contains every word, the newest first. Ends in `HistoryFound`.
    SearchHistory {
        /// This request.
        request: Request,
        /// Words, separated by spaces; empty for all.
        text: String,
        /// At most so many.
        limit: u32,
    },
    /// Keep the settings. Ends in `Wrote` or `Failed`.
    SaveSettings {
        /// This request.
        request: Request,
        /// The settings.
        settings: Settings,
    },
}

/// Where a tab stands, without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TabPlace {
    /// Its id.
    pub id: TabId,
    /// Whether it is the active one.
    pub active: bool,
    /// Its title.
    pub title: String,
    /// The file that it edits.
    pub path: Option<String>,
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
            | Self::RecordRun { request, .. }
            | Self::SaveSettings { request, .. } => Some(*request),
            Self::Load { .. } | Self::SearchHistory { .. } => None,
        }
    }
}

/// Notes the writes among effects that are about to be done, so that a story can wait for them.
pub fn note_writes(model: &mut Model, effects: &[RootEffect]) {
    let writes = effects.iter().filter_map(|effect| match effect {
        RootEffect::Store(effect) => effect.write_request(),
        _ => None,
    });
    model.writes.extend(writes);
}
