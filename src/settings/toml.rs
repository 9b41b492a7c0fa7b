//! What the settings' file may say: its names, their values, what is wrong with a text, and how one is changed.

use std::{collections::BTreeMap, fmt, ops::RangeInclusive};

use serde::{Deserialize, Serialize};
use toml_edit::{Document, DocumentMut, Item, Table};

use super::{OnError, Settings, Theme};

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Key {
    /// Light, dark, or as the system has it.
    Theme,
    /// The size of everything.
    Size,
    /// Rows of a result's window.
    WindowRows,
    /// Megabytes of a result's window.
    WindowMb,
    /// Megabytes of all results.
    MemoryMb,
    /// What follows on a statement of a script that fails.
    OnError,
    /// The least that is logged.
    LogLevel,
    /// How many days a log file is kept.
    LogDays,
    /// Connections of a new connection's pool.
    PoolSize,
    /// How long a run waits for a connection of an exhausted pool.
    PoolTimeout,
    /// How long connecting may take.
    ConnectTimeout,
    /// The server's `statement_timeout`.
    StatementTimeout,
}

/// A setting's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// One of a few words.
    Text(String),
    /// A whole number.
    Number(i64),
}

/// What is wrong with the file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// What, in a sentence that says what is allowed.
    pub message: String,
}

/// The least that is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What the build has: debug builds debug, release builds info.
    #[default]
    Default,
    /// Errors alone.
    Error,
    /// Warnings too.
    Warn,
    /// What happens.
    Info,
    /// What helps Tusk's developers.
    Debug,
    /// Everything.
    Trace,
}

enum Kind {
    OneOf(&'static [&'static str]),
    Number(RangeInclusive<i64>),
}

const THEMES: &[&str] = &["system", "light", "dark"];

const ON_ERROR: &[&str] = &["stop", "continue", "ask"];

const LEVELS: &[&str] = &["default", "error", "warn", "info", "debug", "trace"];

impl Key {
    /// Every setting, in the order of the file.
    pub const ALL: [Key; 12] = [
        Key::Theme,
        Key::Size,
        Key::WindowRows,
        Key::WindowMb,
        Key::MemoryMb,
        Key::OnError,
        Key::LogLevel,
        Key::LogDays,
        Key::PoolSize,
        Key::PoolTimeout,
        Key::ConnectTimeout,
        Key::StatementTimeout,
    ];

    /// The table that it stands in; empty for the top.
    fn table(self) -> &'static str {
        match self {
            Key::Theme | Key::Size => "",
            Key::WindowRows | Key::WindowMb | Key::MemoryMb => "results",
            Key::OnError => "run",
            Key::LogLevel | Key::LogDays => "log",
            Key::PoolSize | Key::PoolTimeout | Key::ConnectTimeout | Key::StatementTimeout => {
                "new_connections"
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Key::Theme => "theme",
            Key::Size => "size",
            Key::WindowRows => "window_rows",
            Key::WindowMb => "window_mb",
            Key::MemoryMb => "memory_mb",
            Key::OnError => "on_error",
            Key::LogLevel => "level",
            Key::LogDays => "days",
            Key::PoolSize => "pool_size",
            Key::PoolTimeout => "pool_timeout_s",
            Key::ConnectTimeout => "connect_timeout_s",
            Key::StatementTimeout => "statement_timeout_ms",
        }
    }

    /// The name with its table, as a person writes it: `results.window_rows`.
    pub fn full_name(self) -> String {
        match self.table() {
            "" => self.name().to_owned(),
            table => format!("{table}.{}", self.name()),
        }
    }

    /// What a person calls it.
    pub fn title(self) -> &'static str {
        match self {
            Key::Theme => "Theme",
            Key::Size => "Size of everything",
            Key::WindowRows => "Rows before a result pauses",
            Key::WindowMb => "Megabytes before a result pauses",
            Key::MemoryMb => "Memory of all results",
            Key::OnError => "When a statement of a script fails",
            Key::LogLevel => "Log level",
            Key::LogDays => "Days that a log is kept",
            Key::PoolSize => "Connections of a pool",
            Key::PoolTimeout => "Wait for a connection of the pool",
            Key::ConnectTimeout => "Connect timeout",
            Key::StatementTimeout => "Statement timeout",
        }
    }

    /// What it does, in a sentence with its unit.
    pub fn meaning(self) -> &'static str {
        match self {
            Key::Theme => "The window's colours; \"system\" follows the desktop.",
            Key::Size => "The size of text and controls, in percent.",
            Key::WindowRows => {
                "A plain query stops fetching after so many rows, until you scroll to its end or ask for more."
            }
            Key::WindowMb => "It stops after so many megabytes, too.",
            Key::MemoryMb => {
                "Megabytes that the rows of all tabs may hold. Past them, rows are read and not kept."
            }
            Key::OnError => {
                "Whether the rest of a script runs: \"stop\" ends it, \"continue\" goes on as psql does, \"ask\" asks you."
            }
            Key::LogLevel => {
                "The least that is logged; \"default\" is info. The variable TUSK_LOG overrides it."
            }
            Key::LogDays => "Log files that are older are deleted.",
            Key::PoolSize => "A new connection opens at most so many server connections.",
            Key::PoolTimeout => {
                "Seconds that a run of a new connection waits when all of them are taken."
            }
            Key::ConnectTimeout => "Seconds that a new connection may take to open.",
            Key::StatementTimeout => {
                "The server cancels a statement of a new connection after so many milliseconds; 0 for never."
            }
        }
    }

    /// What values it may have, in words.
    pub fn allowed(self) -> String {
        match self.kind() {
            Kind::OneOf(words) => words.join(", "),
            Kind::Number(range) => {
                let [from, to] = [range.start(), range.end()].map(|end| grouped(*end));
                format!("a whole number from {from} to {to}")
            }
        }
    }

    /// The value after the one that it has, around the end; none for a number.
    pub fn next_choice(self, settings: &Settings) -> Option<Value> {
        let (Kind::OneOf(words), Value::Text(now)) = (self.kind(), self.value(settings)) else {
            return None;
        };
        let at = words.iter().position(|word| *word == now).map_or(0, |at| at + 1);
        Some(Value::Text(words[at % words.len()].to_owned()))
    }

    fn about(self) -> &'static str {
        match self {
            Key::Theme => "\"system\", \"light\" or \"dark\"",
            Key::Size => "of everything, in percent: 50 to 200",
            Key::WindowRows => "rows that a result fetches before it pauses",
            Key::WindowMb => "or so many megabytes of them",
            Key::MemoryMb => "megabytes that all results together may hold",
            Key::OnError => {
                "when a statement of a script fails: \"stop\", \"continue\" as psql does, or \"ask\""
            }
            Key::LogLevel => {
                "\"error\", \"warn\", \"info\", \"debug\" or \"trace\"; \"default\" is info. TUSK_LOG goes before it"
            }
            Key::LogDays => "days that a log file is kept",
            Key::PoolSize => "connections that a new connection's pool may have",
            Key::PoolTimeout => "seconds that a run waits for one of them",
            Key::ConnectTimeout => "seconds that connecting may take",
            Key::StatementTimeout => "the server's statement_timeout; 0 for none",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Key::Theme => Kind::OneOf(THEMES),
            Key::OnError => Kind::OneOf(ON_ERROR),
            Key::LogLevel => Kind::OneOf(LEVELS),
            Key::Size => Kind::Number(50..=200),
            Key::WindowRows => Kind::Number(1_000..=100_000_000),
            Key::WindowMb => Kind::Number(1..=65_536),
            Key::MemoryMb => Kind::Number(16..=1_048_576),
            Key::LogDays => Kind::Number(1..=3_650),
            Key::PoolSize => Kind::Number(1..=1_000),
            Key::PoolTimeout | Key::ConnectTimeout => Kind::Number(1..=3_600),
            Key::StatementTimeout => Kind::Number(0..=2_147_483_647),
        }
    }

    /// The value that settings have.
    pub fn value(self, settings: &Settings) -> Value {
        let new = &settings.new_connections;
        match self {
            Key::Theme => theme(settings.theme),
            Key::OnError => Value::Text(settings.on_error.name().into()),
            Key::LogLevel => Value::Text(LEVELS[settings.log_level as usize].into()),
            Key::Size => Value::Number(settings.zoom_percent.into()),
            Key::WindowRows => Value::Number(settings.window_rows.into()),
            Key::WindowMb => Value::Number(settings.window_mb.into()),
            Key::MemoryMb => Value::Number(settings.memory_mb.into()),
            Key::LogDays => Value::Number(settings.log_days.into()),
            Key::PoolSize => Value::Number(new.pool_size.into()),
            Key::PoolTimeout => Value::Number(new.pool_timeout_s.into()),
            Key::ConnectTimeout => Value::Number(new.connect_timeout_s.into()),
            Key::StatementTimeout => Value::Number(new.statement_timeout_ms.into()),
        }
    }

    /// Gives settings a value; one of the wrong kind changes nothing.
    pub fn apply(self, settings: &mut Settings, value: &Value) {
        let number = match value {
            Value::Number(number) => u32::try_from(*number).unwrap_or(u32::MAX),
            Value::Text(text) => {
                self.apply_text(settings, text);
                return;
            }
        };
        let new = &mut settings.new_connections;
        *match self {
            Key::Theme | Key::OnError | Key::LogLevel => return,
            Key::Size => &mut settings.zoom_percent,
            Key::WindowRows => &mut settings.window_rows,
            Key::WindowMb => &mut settings.window_mb,
            Key::MemoryMb => &mut settings.memory_mb,
            Key::LogDays => &mut settings.log_days,
            Key::PoolSize => &mut new.pool_size,
            Key::PoolTimeout => &mut new.pool_timeout_s,
            Key::ConnectTimeout => &mut new.connect_timeout_s,
            Key::StatementTimeout => &mut new.statement_timeout_ms,
        } = number;
    }

    fn apply_text(self, settings: &mut Settings, text: &str) {
        match (self, text) {
            (Key::Theme, "light") => settings.theme = Theme::Light,
            (Key::Theme, "dark") => settings.theme = Theme::Dark,
            (Key::Theme, "system") => settings.theme = Theme::System,
            (Key::OnError, name) => {
                let known = OnError::ALL.into_iter().find(|known| known.name() == name);
                settings.on_error = known.unwrap_or(settings.on_error);
            }
            (Key::LogLevel, name) => {
                let level = LogLevel::ALL.into_iter().zip(LEVELS);
                for (level, _) in level.filter(|(_, known)| **known == name) {
                    settings.log_level = level;
                }
            }
            _ => {}
        }
    }

    /// The setting that `run.on_error` and its like name.
    pub fn named(name: &str) -> Option<Key> {
        let (table, name) = name.rsplit_once('.').unwrap_or(("", name));
        Self::of(table, name)
    }

    /// Its value as a person writes it; none where it has no such value.
    pub fn value_of(self, text: &str) -> Option<Value> {
        match self.kind() {
            Kind::OneOf(words) => words.contains(&text).then(|| Value::Text(text.to_owned())),
            Kind::Number(range) => {
                let number = text.parse().ok().filter(|number| range.contains(number));
                number.map(Value::Number)
            }
        }
    }

    fn of(table: &str, name: &str) -> Option<Key> {
        Self::ALL.into_iter().find(|key| key.table() == table && key.name() == name)
    }
}

impl LogLevel {
    const ALL: [LogLevel; 6] = [
        LogLevel::Default,
        LogLevel::Error,
        LogLevel::Warn,
        LogLevel::Info,
        LogLevel::Debug,
        LogLevel::Trace,
    ];
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line {}: {}", self.line, self.message)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => write!(f, "\"{text}\""),
            Value::Number(number) => number.fmt(f),
        }
    }
}

/// A number with its digits in threes.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The theme as a setting.
pub fn theme(of: Theme) -> Value {
    let name = match of {
        Theme::System => "system",
        Theme::Light => "light",
        Theme::Dark => "dark",
    };
    Value::Text(name.into())
}

/// The settings that a text says, over the usual ones; or everything that is wrong with it.
pub fn read(text: &str) -> Result<Settings, Vec<Problem>> {
    let document = Document::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let message = error.message().trim().replace('\n', "; ");
        vec![Problem { line: line_of(text, at), message: format!("it is not TOML: {message}.") }]
    })?;
    let mut found = Found { text, settings: Settings::default(), problems: vec![] };
    found.table("", document.as_table());
    if found.problems.is_empty() { Ok(found.settings) } else { Err(found.problems) }
}

struct Found<'text> {
    text: &'text str,
    settings: Settings,
    problems: Vec<Problem>,
}

impl Found<'_> {
    fn table(&mut self, name: &str, table: &Table) {
        for (entry, item) in table.iter() {
            let start = table
                .key(entry)
                .and_then(|key| key.span())
                .or_else(|| item.span())
                .map_or(0, |span| span.start);
            let known_table = Key::ALL.iter().any(|key| key.table() == entry);
            match (Key::of(name, entry), item) {
                (Some(key), item) => self.setting(key, item, start),
                (None, Item::Table(inner)) if name.is_empty() && known_table => {
                    self.table(entry, inner);
                }
                (None, _) if name.is_empty() && known_table => {
                    self.problem(
                        start,
                        format!("write [{entry}] on a line of its own, and its settings under it."),
                    );
                }
                (None, _) => {
                    let message = unknown(name, entry);
                    self.problem(start, message);
                }
            }
        }
    }

    fn setting(&mut self, key: Key, item: &Item, start: usize) {
        let value = match (key.kind(), item.as_str(), item.as_integer()) {
            (Kind::OneOf(words), Some(text), _) if words.contains(&text) => {
                Value::Text(text.into())
            }
            (Kind::Number(range), _, Some(number)) if range.contains(&number) => {
                Value::Number(number)
            }
            (Kind::OneOf(words), ..) => {
                let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                let message = format!("{} is one of {}.", key.name(), words.join(", "));
                return self.problem(start, message);
            }
            (Kind::Number(range), ..) => {
                let message = format!(
                    "{} is a whole number from {} to {}.",
                    key.name(),
                    range.start(),
                    range.end()
                );
                return self.problem(start, message);
            }
        };
        key.apply(&mut self.settings, &value);
    }

    fn problem(&mut self, start: usize, message: String) {
        let line = line_of(self.text, start);
        self.problems.push(Problem { line, message });
    }
}

/// A name that means nothing, with the one that was probably meant.
fn unknown(table: &str, name: &str) -> String {
    let near = Key::ALL
        .into_iter()
        .map(|key| (strsim::osa_distance(key.name(), name), key))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, key)| *distance <= 3 || key.name() == name);
    let place = |table: &str| match table {
        "" => "at the top of the file".to_owned(),
        table => format!("under [{table}]"),
    };
    match near {
        Some((_, key)) => format!(
            "there is no setting {name} {}; {} is {}.",
            place(table),
            key.name(),
            place(key.table())
        ),
        None => format!("there is no setting {name} {}.", place(table)),
    }
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// A file that says nothing, and every setting with its usual value as a comment.
pub fn template() -> String {
    let usual = Settings::default();
    let mut text = String::from(
        "# Tusk's settings. Take the # away from a line to change it; Tusk follows as soon as the file is saved.\n",
    );
    let mut table = "";
    for key in Key::ALL {
        if key.table() != table {
            table = key.table();
            text += &format!("\n[{table}]\n");
        }
        text += &format!("# {} = {}  # {}\n", key.name(), key.value(&usual), key.about());
    }
    text
}

/// A text with these settings in it, and all else as it was.
pub(crate) fn edited(text: &str, changes: &BTreeMap<Key, Value>) -> Result<String, Problem> {
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| Problem {
            line: line_of(text, error.span().map_or(0, |span| span.start)),
            message: format!("it is not TOML: {}.", error.message().trim()),
        })?;
    for (key, value) in changes {
        let value = match value {
            Value::Text(text) => toml_edit::Value::from(text.as_str()),
            Value::Number(number) => toml_edit::Value::from(*number),
        };
        set(&mut document, *key, value).ok_or_else(|| Problem {
            line: 1,
            message: format!("[{}] is not a table there.", key.table()),
        })?;
    }
    Ok(document.to_string())
}

fn set(document: &mut DocumentMut, key: Key, mut value: toml_edit::Value) -> Option<()> {
    let mut table = document.as_table_mut();
    if !key.table().is_empty() {
        table = table.entry(key.table()).or_insert_with(toml_edit::table).as_table_mut()?;
    }
    match table.get_mut(key.name()) {
        Some(Item::Value(old)) => {
            // The comment behind the old value belongs to the setting.
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        _ => {
            table.insert(key.name(), toml_edit::value(value));
        }
    }
    Some(())
}
