//! What a user may fix: the settings, their defaults, and the text of their file.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod toml;

use serde::{Deserialize, Serialize};

use crate::conninfo::Config;

use toml::LogLevel;

/// What the user fixed, as opposed to what follows the system. The window and its parts are kept in the store, all
/// else in the settings' file.
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
    /// Rows that a result fetches before it pauses.
    pub window_rows: u32,
    /// Or so many megabytes of them.
    pub window_mb: u32,
    /// Megabytes that all results together may hold.
    pub memory_mb: u32,
    /// The least that is logged.
    pub log_level: LogLevel,
    /// How many days a log file is kept.
    pub log_days: u32,
    /// What follows on a statement of a script that fails.
    #[serde(default)]
    pub on_error: OnError,
    /// What a new connection begins with.
    pub new_connections: NewConnections,
}

/// What follows on a statement of a script that fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// The rest is not run.
    #[default]
    Stop,
    /// The rest is run, as psql does it.
    Continue,
    /// The user says whether the rest is run.
    Ask,
}

impl OnError {
    /// Every choice, in the order of the settings.
    pub const ALL: [OnError; 3] = [OnError::Stop, OnError::Continue, OnError::Ask];

    /// Its name in the settings' file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Continue => "continue",
            Self::Ask => "ask",
        }
    }
}

/// What a new connection begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewConnections {
    /// At most so many connections of the pool.
    pub pool_size: u32,
    /// How long a run waits for a connection of an exhausted pool.
    pub pool_timeout_s: u32,
    /// Connect and start-up together, at most.
    pub connect_timeout_s: u32,
    /// The server's `statement_timeout`; 0 for none.
    pub statement_timeout_ms: u32,
}

impl Default for NewConnections {
    fn default() -> Self {
        let usual = Config::default();
        Self {
            pool_size: usual.pool_size,
            pool_timeout_s: usual.pool_timeout_s,
            connect_timeout_s: usual.connect_timeout_s,
            statement_timeout_ms: usual.statement_timeout_ms,
        }
    }
}

impl NewConnections {
    /// A configuration that names nothing yet.
    pub fn config(&self) -> Config {
        Config {
            pool_size: self.pool_size,
            pool_timeout_s: self.pool_timeout_s,
            connect_timeout_s: self.connect_timeout_s,
            statement_timeout_ms: self.statement_timeout_ms,
            ..Config::default()
        }
    }
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

impl Settings {
    /// Bytes of a result's window.
    pub fn window_bytes(&self) -> u64 {
        u64::from(self.window_mb) << 20
    }

    /// Bytes that all results together may hold.
    pub fn memory_bytes(&self) -> u64 {
        u64::from(self.memory_mb) << 20
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: Theme::System,
            zoom_percent: 100,
            window: (1440, 900),
            sidebar_width: 248,
            editor_percent: 36,
            window_rows: 100_000,
            window_mb: 64,
            memory_mb: 512,
            log_level: LogLevel::default(),
            log_days: 14,
            on_error: OnError::default(),
            new_connections: NewConnections::default(),
        }
    }
}
