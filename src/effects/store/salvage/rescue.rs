//! Puts together a new file from what was found in a damaged one.
//!
//! If a value is not one that Tusk writes there, this brings it as near to one as possible and counts its row as
//! damaged; no row is left out because of one of its values.

use std::collections::{BTreeMap, BTreeSet};

use ropey::Rope;
use rusqlite::{Connection, params};
use serde_json::Value as Json;
use uuid::Uuid;

use super::{
    super::{random_bytes, settings, tabs},
    pages::{Row, Value},
};
use crate::{
    base::text::Edit,
    conninfo::{Config, SslMode},
    settings::Settings,
    update::keeping::{Salvage, Saved},
};

/// The tables, the most precious first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    Tab,
    Edit,
    Connection,
    Setting,
    Run,
}

pub(super) const TABLES: [Table; 5] =
    [Table::Tab, Table::Edit, Table::Connection, Table::Setting, Table::Run];

/// The largest number that Tusk writes for anything it counts.
pub(in super::super) const NUMBER_MAX: i64 = 1 << 53;

/// Run numbers have no gaps except those that a salvage leaves, of at most this many numbers. The oldest runs are
/// deleted by their number, so one number far ahead of the others would delete them all.
pub(in super::super) const GAPS_MAX: i64 = 2_000;

impl Table {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tab => "tab",
            Self::Edit => "edit",
            Self::Connection => "connection",
            Self::Setting => "setting",
            Self::Run => "run",
        }
    }

    /// A query for its rows' identities, from an index alone.
    pub(super) fn names_in_index(self) -> Option<&'static str> {
        match self {
            Self::Tab => Some("select id from tab indexed by sqlite_autoindex_tab_1"),
            Self::Edit => Some("select tab || ' ' || sequence from edit indexed by edit_by_tab"),
            Self::Connection => {
                Some("select id from connection indexed by sqlite_autoindex_connection_1")
            }
            Self::Run => Some("select query from run indexed by sqlite_autoindex_run_1"),
            Self::Setting => None,
        }
    }

    /// The table that a row belongs to, judged by its form alone.
    pub(super) fn of(row: &Row) -> Option<Self> {
        let forms: [(Self, &str, usize); 7] = [
            (Self::Tab, "iddttdttdddtt", 2),
            (Self::Tab, "iddttdttdddt", 2),
            (Self::Tab, "iddttdttddd", 2),
            (Self::Run, "nidtttdttdtt", 2),
            (Self::Edit, "niddt", 1),
            (Self::Connection, "itd", 1),
            (Self::Setting, "tt", 0),
        ];
        forms
            .into_iter()
            .filter(|(_, form, _)| form.len() == row.values.len())
            .map(|(table, form, most)| (table, most, strangers(&row.values, form)))
            .filter(|(_, most, strangers)| strangers <= most)
            .min_by_key(|(_, _, strangers)| *strangers)
            .map(|(table, ..)| table)
    }
}

/// How many values differ from a form: an id, a text, a number, nothing at all.
fn strangers(values: &[Value], form: &str) -> usize {
    let fits = |value: &Value, kind: char| match (kind, value) {
        ('i', Value::Text(text)) => text.len() == 36,
        ('n', Value::Null) => true,
        ('i' | 'n', _) => false,
        // What may be missing is NULL, and a text that is cut off has no end to check.
        (_, Value::Null | Value::Cut(_)) => true,
        ('d', Value::Integer(_)) => true,
        ('t', Value::Text(_)) => true,
        _ => false,
    };
    let pairs = values.iter().zip(form.chars());
    pairs.filter(|(value, kind)| !fits(value, *kind)).count()
}

/// A tab that was found.
struct Found {
    id: Uuid,
    place: i64,
    active: i64,
    title: String,
    path: Option<String>,
    unsaved: i64,
    connection: Option<String>,
    text: String,
    revision: i64,
    cursor: i64,
    closed_at_us: Option<i64>,
    owner: Option<String>,
    encoding: Option<String>,
    /// Whether SQLite reached it.
    reached: bool,
    damaged: bool,
    /// Whether positions in the text have moved.
    moved: bool,
    edits: BTreeMap<i64, Typed>,
}

/// An edit that was found, or is known to be missing.
enum Typed {
    Edit { edit: Edit, exact: bool },
    Missing,
}

/// Takes rows, and writes them to a new file.
pub(super) struct Rescue<'file> {
    to: &'file Connection,
    tabs: BTreeMap<Vec<u8>, Found>,
    edits: Vec<(Vec<u8>, i64, Typed)>,
    names: BTreeMap<Table, BTreeSet<String>>,
    last_run: i64,
    /// How many run numbers are missing between others.
    gaps: i64,
    salvage: Salvage,
}

impl<'file> Rescue<'file> {
    pub(super) fn new(to: &'file Connection) -> Self {
        Self {
            to,
            tabs: BTreeMap::new(),
            edits: Vec::new(),
            names: BTreeMap::new(),
            last_run: 0,
            gaps: 0,
            salvage: Salvage::default(),
        }
    }

    /// Takes a row. `reached`: SQLite found it, rather than the search of the pages.
    pub(super) fn take(&mut self, table: Table, row: Row, reached: bool) -> rusqlite::Result<()> {
        let mut row = Reader::new(row);
        match table {
            Table::Tab => {
                self.take_tab(row, reached);
                Ok(())
            }
            Table::Edit => {
                let (tab, number) = (row.raw(1), row.number);
                // If its position is not valid, the edit continues where the one before ended.
                let start = match row.number_at(2, None) {
                    NUMBER_MAX => None,
                    start => usize::try_from(start).ok(),
                };
                let edit = Edit {
                    start: start.unwrap_or(usize::MAX),
                    removed: usize::try_from(row.number_at(3, Some(0))).unwrap_or(0),
                    inserted: row.text(4),
                };
                let exact = !row.damaged;
                self.note(table, format!("{} {number}", String::from_utf8_lossy(&tab)));
                self.edits.push((tab, number, Typed::Edit { edit, exact }));
                Ok(())
            }
            Table::Connection => self.take_connection(row),
            Table::Setting => self.take_setting(row),
            Table::Run => self.take_run(row),
        }
    }

    /// Part of a table could not be reached. Counts what an index still names; without an index, nobody knows how much
    /// is missing.
    pub(super) fn miss(&mut self, table: Table, named: Option<BTreeSet<String>>) {
        let found = self.names.remove(&table).unwrap_or_default();
        let Some(named) = named else {
            if table == Table::Edit {
                // Nobody knows whose they were, so every jump in their numbers may be a missing one.
                self.suspect_jumps();
            }
            self.saved(table).perhaps_more = true;
            return;
        };
        let missing: Vec<_> = named.difference(&found).collect();
        if table != Table::Edit {
            self.saved(table).lost += missing.len() as u64;
            return;
        }
        for name in missing {
            if let Some((tab, number)) = name.rsplit_once(' ')
                && let Ok(number) = number.parse()
            {
                self.edits.push((tab.into(), number, Typed::Missing));
            }
        }
    }

    /// Writes the tabs, each with its edits, and reports the outcome.
    pub(super) fn finish(mut self) -> rusqlite::Result<Salvage> {
        self.share_edits();
        let mut tabs: Vec<Found> = std::mem::take(&mut self.tabs).into_values().collect();
        tabs.sort_by_key(|tab| tab.place);
        let mut ids = BTreeSet::new();
        for mut tab in tabs {
            tab.type_again();
            if !ids.insert(tab.id) {
                tab.id = new_id();
            }
            self.salvage.tabs.count(tab.damaged);
            let sql = "insert into tab (id, place, active, title, path, unsaved, connection, text, revision, cursor,
                closed_at_us, owner, encoding)
                values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, coalesce(?13, 'UTF-8'))";
            self.to.prepare_cached(sql)?.execute(params![
                tab.id.to_string(),
                tab.place,
                tab.active,
                tab.title,
                tab.path,
                tab.unsaved,
                tab.connection,
                tab.text,
                tab.revision,
                tab.cursor,
                tab.closed_at_us,
                tab.owner,
                tab.encoding,
            ])?;
        }
        Ok(self.salvage)
    }

    fn saved(&mut self, table: Table) -> &mut Saved {
        match table {
            Table::Tab | Table::Edit => &mut self.salvage.tabs,
            Table::Connection => &mut self.salvage.connections,
            Table::Setting => &mut self.salvage.settings,
            Table::Run => &mut self.salvage.runs,
        }
    }

    fn note(&mut self, table: Table, name: String) -> bool {
        self.names.entry(table).or_default().insert(name)
    }

    fn take_tab(&mut self, mut row: Reader, reached: bool) {
        let mut key = row.raw(0);
        self.note(Table::Tab, String::from_utf8_lossy(&key).into_owned());
        let id = row.id(0);
        let revision = row.number_at(8, Some(0));
        match self.tabs.get(&key) {
            // A damaged index allows a tab to exist twice. Nobody knows which is the right one.
            Some(before) if before.reached && reached => {
                while self.tabs.contains_key(&key) {
                    key.push(b'+');
                }
            }
            Some(before) if before.reached && before.revision >= revision => return,
            Some(before) if before.revision >= revision => return,
            _ => {}
        }
        let id = if key.len() > 36 { new_id() } else { id };
        let (moved, text) = (matches!(row.at(7), Value::Cut(_)), row.text(7));
        let found = Found {
            id,
            place: row.number_at(1, Some(0)).min(i64::from(u32::MAX) / 2),
            active: row.number_at(2, Some(0)).min(1),
            title: row.text(3),
            path: row.perhaps_text(4),
            unsaved: row.number_at(5, Some(0)).min(1),
            connection: row.perhaps_text(6),
            text,
            revision,
            cursor: row.number_at(9, Some(0)),
            closed_at_us: row.perhaps_number(10),
            owner: row.perhaps_text(11),
            encoding: row.perhaps_text(12),
            reached,
            damaged: row.damaged,
            moved,
            edits: BTreeMap::new(),
        };
        self.tabs.insert(key, found);
    }

    fn take_connection(&mut self, mut row: Reader) -> rusqlite::Result<()> {
        let name = String::from_utf8_lossy(&row.raw(0)).into_owned();
        if !self.note(Table::Connection, name) {
            return Ok(());
        }
        let (id, text) = (row.id(0), row.text(1));
        let last_used_us = row.perhaps_number(2);
        let text = if settings::with_defaults::<Config>(&text).is_ok() {
            text
        } else {
            row.damaged = true;
            settings::json(&config_of(&text))?
        };
        self.salvage.connections.count(row.damaged);
        let sql = "insert or ignore into connection (id, config, last_used_us) values (?1, ?2, ?3)";
        let values = params![id.to_string(), text, last_used_us];
        self.to.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    fn take_setting(&mut self, mut row: Reader) -> rusqlite::Result<()> {
        if !is_nearly(&row.raw(0), settings::SETTINGS.as_bytes()) {
            return Ok(());
        }
        if !self.note(Table::Setting, settings::SETTINGS.into()) {
            return Ok(());
        }
        let text = row.text(1);
        let text = if settings::with_defaults::<Settings>(&text).is_ok() {
            text
        } else {
            row.damaged = true;
            let (whole, _) = readable_fields::<Settings>(&text);
            settings::json(&whole)?
        };
        self.salvage.settings.count(row.damaged);
        settings::save_text(self.to, &text)
    }

    fn take_run(&mut self, mut row: Reader) -> rusqlite::Result<()> {
        let name = String::from_utf8_lossy(&row.raw(1)).into_owned();
        if !self.note(Table::Run, name) {
            return Ok(());
        }
        let query = row.id(1);
        let at_us = row.number_at(2, Some(0));
        let (connection, database, sql) = (row.text(3), row.text(4), row.text(5));
        let elapsed_us = row.perhaps_number(6);
        let state = match row.text(7) {
            state if ["running", "finished", "failed"].contains(&state.as_str()) => state,
            _ => {
                row.damaged = true;
                "running".into()
            }
        };
        let (tag, rows) = (row.perhaps_text(8), row.perhaps_number(9));
        let (sqlstate, message) = (row.perhaps_text(10), row.perhaps_text(11));
        let insert = "insert or ignore into run (number, query, at_us, connection, database, sql, elapsed_us, state,
            tag, rows, sqlstate, message) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
        let mut insert = self.to.prepare_cached(insert)?;
        // If its own number makes no sense or is taken by now, it goes after the others.
        let most =
            if self.last_run == 0 { NUMBER_MAX } else { self.last_run + 1 + GAPS_MAX - self.gaps };
        let sane = 1..=most;
        let own = Some(row.number).filter(|number| sane.contains(number));
        for number in own.into_iter().chain([self.last_run + 1]) {
            let inserted = insert.execute(params![
                number,
                query.to_string(),
                at_us,
                connection,
                database,
                sql,
                elapsed_us,
                state,
                tag,
                rows,
                sqlstate,
                message,
            ])?;
            if inserted > 0 {
                if number > self.last_run {
                    if self.last_run > 0 {
                        self.gaps += number - self.last_run - 1;
                    }
                    self.last_run = number;
                }
                self.salvage.runs.count(row.damaged);
                break;
            }
        }
        Ok(())
    }

    fn suspect_jumps(&mut self) {
        let numbers: BTreeSet<i64> = self.edits.iter().map(|(_, number, _)| *number).collect();
        let jumps: Vec<_> = self
            .edits
            .iter()
            .filter(|(_, number, _)| !numbers.contains(&(number - 1)))
            .map(|(tab, number, _)| (tab.clone(), number - 1, Typed::Missing))
            .collect();
        self.edits.extend(jumps);
    }

    /// Assigns each edit to its tab. An edit whose tab is missing creates one.
    fn share_edits(&mut self) {
        for (tab, number, typed) in std::mem::take(&mut self.edits) {
            let key = if self.tabs.contains_key(&tab) {
                tab
            } else {
                let near = self.tabs.keys().find(|key| is_nearly(key, &tab));
                near.cloned().unwrap_or(tab)
            };
            let last = self.tabs.values().map(|tab| tab.place).max().unwrap_or(-1);
            let found =
                self.tabs.entry(key).or_insert_with_key(|key| Found::nameless(key, last + 1));
            found.edits.entry(number).or_insert(typed);
        }
    }
}

impl Found {
    /// A tab of which only edits are left.
    fn nameless(key: &[u8], place: i64) -> Self {
        let named = std::str::from_utf8(key).ok().and_then(tabs::id_from);
        Self {
            id: named.unwrap_or_else(new_id),
            place,
            active: 0,
            title: String::new(),
            path: None,
            unsaved: 1,
            connection: None,
            text: String::new(),
            revision: 0,
            cursor: 0,
            closed_at_us: None,
            owner: None,
            encoding: None,
            reached: false,
            damaged: true,
            moved: true,
            edits: BTreeMap::new(),
        }
    }

    /// Applies the edits to the text again. After a missing one, positions have moved: puts typed text as near as
    /// possible, and removes nothing any more.
    fn type_again(&mut self) {
        if self.edits.is_empty() {
            return;
        }
        let mut rope = Rope::from_str(&self.text);
        let mut end = rope.len();
        for typed in std::mem::take(&mut self.edits).into_values() {
            let Typed::Edit { edit, exact } = typed else {
                self.moved = true;
                continue;
            };
            self.moved |= !exact;
            let edit = match edit.start {
                usize::MAX => Edit { start: end, ..edit },
                _ => edit,
            };
            if self.moved || !tabs::applied(&mut rope, &edit) {
                self.moved = true;
                tabs::put(&mut rope, &edit);
            }
            end = edit.start.saturating_add(edit.inserted.len()).min(rope.len());
        }
        self.damaged |= self.moved;
        self.text = rope.to_string();
    }
}

/// Reads a row's values as the types that they should have.
struct Reader {
    number: i64,
    values: Vec<Value>,
    /// Whether one of them had another.
    damaged: bool,
}

impl Reader {
    fn new(row: Row) -> Self {
        Self { number: row.number, values: row.values, damaged: false }
    }

    fn at(&self, column: usize) -> &Value {
        self.values.get(column).unwrap_or(&Value::Null)
    }

    fn raw(&self, column: usize) -> Vec<u8> {
        match self.at(column) {
            Value::Text(bytes) | Value::Blob(bytes) | Value::Cut(bytes) => bytes.clone(),
            Value::Integer(number) => number.to_string().into(),
            Value::Real(number) => number.to_string().into(),
            Value::Null => vec![],
        }
    }

    fn id(&mut self, column: usize) -> Uuid {
        let found = std::str::from_utf8(&self.raw(column)).ok().and_then(tabs::id_from);
        found.unwrap_or_else(|| {
            self.damaged = true;
            new_id()
        })
    }

    fn text(&mut self, column: usize) -> String {
        let raw = self.raw(column);
        self.damaged |= !matches!(self.at(column), Value::Text(_));
        String::from_utf8(raw).unwrap_or_else(|error| {
            self.damaged = true;
            one_for_one(error.as_bytes())
        })
    }

    fn perhaps_text(&mut self, column: usize) -> Option<String> {
        match self.at(column) {
            Value::Null => None,
            Value::Cut(bytes) if bytes.is_empty() => {
                self.damaged = true;
                None
            }
            _ => Some(self.text(column)),
        }
    }

    /// A number from 0 up; without a default, as large as it gets.
    fn number_at(&mut self, column: usize, usual: Option<i64>) -> i64 {
        if let Value::Integer(number @ 0..=NUMBER_MAX) = self.at(column) {
            return *number;
        }
        self.damaged = true;
        let number = match self.at(column) {
            Value::Integer(_) | Value::Null => None,
            // Half a number is no position in a text, and without a default it must be exact.
            Value::Real(number) if usual.is_some() => Some(*number as i64),
            Value::Real(_) => None,
            Value::Text(bytes) | Value::Blob(bytes) | Value::Cut(bytes) => {
                std::str::from_utf8(bytes).ok().and_then(|text| text.trim().parse().ok())
            }
        };
        let sane = number.filter(|number| (0..=NUMBER_MAX).contains(number));
        sane.or(usual).unwrap_or(NUMBER_MAX)
    }

    fn perhaps_number(&mut self, column: usize) -> Option<i64> {
        match self.at(column) {
            Value::Null => None,
            _ => Some(self.number_at(column, Some(0))),
        }
    }
}

fn new_id() -> Uuid {
    Uuid::from_bytes(random_bytes())
}

/// A text of the same length, so that positions in it stay valid.
fn one_for_one(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '?'));
    }
    text
}

/// Whether two names differ by hardly more than a bit.
fn is_nearly(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).filter(|(one, other)| one != other).count() <= 2
}

/// A connection, as far as its text can be read. If its safeguards can't be read, they are on.
fn config_of(text: &str) -> Config {
    let (mut config, read) = readable_fields::<Config>(text);
    if !read.contains("ssl_mode") {
        config.ssl_mode = SslMode::VerifyFull;
    }
    if !read.contains("read_only") {
        config.read_only = true;
    }
    config.name = format!("{} (damaged)", config.name).trim().to_owned();
    config
}

/// The readable fields of a JSON object, and which they are. The others have their defaults.
fn readable_fields<T>(text: &str) -> (T, BTreeSet<String>)
where
    T: Default + serde::Serialize + serde::de::DeserializeOwned,
{
    let mut whole = serde_json::to_value(T::default()).unwrap_or_default();
    let mut read = BTreeSet::new();
    let names: Vec<String> = match &whole {
        Json::Object(fields) => fields.keys().cloned().collect(),
        _ => vec![],
    };
    for name in names {
        let marked = format!("\"{name}\":");
        let Some(at) = text.find(&marked) else {
            continue;
        };
        let rest = &text[at + marked.len()..];
        let Some(Ok(value)) = serde_json::Deserializer::from_str(rest).into_iter::<Json>().next()
        else {
            continue;
        };
        let before = whole[&name].take();
        whole[&name] = value;
        if serde_json::from_value::<T>(whole.clone()).is_ok() {
            read.insert(name);
        } else {
            whole[&name] = before;
        }
    }
    (serde_json::from_value(whole).unwrap_or_default(), read)
}
