//! A damaged file: it is set aside, whole, and what can be read of it begins the next one.
//!
//! SQLite reads what it can reach, row by row; `pages` searches the pages themselves for the rest. `rescue` repairs
//! what was found, value by value. The new file is made under another name and gets its own when it is complete. If a
//! program dies meanwhile, it leaves a note, and the next one continues.

mod pages;
mod rescue;

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, types::ValueRef};

pub(super) use self::{
    pages::journal_of,
    rescue::{GAPS_MAX, NUMBER_MAX},
};
use self::{
    pages::{Pages, Row, Value},
    rescue::{Rescue, TABLES, Table},
};
use super::{
    super::{
        local_time,
        regular_file::{self, SMALL},
    },
    history,
    migrations::{self, MigrationError},
    opening::{FILE_NAME, file_in},
};
use crate::update::keeping::Salvage;

/// Names the file being salvaged, and why, until a new one has taken its place.
const NOTE_NAME: &str = "tusk.salvage";

/// Why there is no new file. The damaged one is set aside.
#[derive(Debug, thiserror::Error)]
pub(super) enum SalvageError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Migration(#[from] MigrationError),
}

/// A damaged file that was set aside.
#[derive(Debug)]
pub(super) struct Aside {
    pub(super) copy: PathBuf,
    pub(super) reason: String,
}

/// Sets a damaged file aside. The caller holds the opening lock.
pub(super) fn set_aside(directory: &Path, reason: String) -> io::Result<Aside> {
    let name = format!("{FILE_NAME}.damaged-{}", local_time::now().strftime("%Y%m%d-%H%M%S"));
    let mut copy = directory.join(&name);
    let mut number = 1;
    while copy.exists() || journal_of(&copy).exists() {
        number += 1;
        copy = directory.join(format!("{name}-{number}"));
    }
    let aside = Aside { copy, reason };
    let shown = aside.copy.display();
    let text = format!("{shown}\n{}", aside.reason);
    regular_file::write_own(&directory.join(NOTE_NAME), text.as_bytes())?;
    aside.move_files(directory)?;
    log::error!("The store is damaged ({}); it was set aside as {shown}", aside.reason);
    Ok(aside)
}

/// Where a directory's data is: in the file, or in one that was set aside and is not finished.
pub(super) fn source(directory: &Path) -> Option<PathBuf> {
    let file = file_in(directory);
    if file.exists() {
        return Some(file);
    }
    let text = regular_file::read_text(&directory.join(NOTE_NAME), SMALL).ok()?;
    let copy = PathBuf::from(text.split_once('\n')?.0);
    copy.exists().then_some(copy)
}

/// Whether SQLite would read less of a file's journal than there is.
pub(super) fn journal_is_broken(file: &Path) -> bool {
    Pages::open(file).is_ok_and(|pages| pages.journal_is_broken)
}

/// A file that a program set aside and did not finish. The caller holds the opening lock.
pub(super) fn left_over(directory: &Path) -> io::Result<Option<Aside>> {
    let note = directory.join(NOTE_NAME);
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", note.display()));
    if regular_file::look(&note).map_err(named)?.is_none() {
        return Ok(None);
    }
    let text = regular_file::read_text(&note, SMALL).map_err(named)?;
    let (copy, reason) = text.split_once('\n').unwrap_or((&text, ""));
    let copy = PathBuf::from(copy);
    if file_in(directory).exists() || copy.parent() != Some(directory) {
        // Either nothing came of it, or everything was done except this.
        forget(&note);
        return Ok(None);
    }
    let reason = reason.to_owned();
    let aside = Aside { copy, reason };
    aside.move_files(directory)?;
    Ok(Some(aside))
}

/// Makes a data directory's file: an empty one, or one that begins with what an older one still has. The caller holds
/// the opening lock.
pub(super) fn make(directory: &Path, aside: Option<&Aside>) -> Result<Salvage, SalvageError> {
    // A link stays a link; this makes the file that it leads to.
    let path = regular_file::target(&file_in(directory))?;
    let mut unfinished = path.clone().into_os_string();
    unfinished.push(".new");
    let unfinished = PathBuf::from(unfinished);
    regular_file::remove_own(&unfinished)?;
    let made = fill(&unfinished, aside).and_then(|salvage| {
        // Replaces any file that appeared there: nobody else may make one now.
        fs::rename(&unfinished, &path)?;
        Ok(salvage)
    });
    if made.is_err() {
        fs::remove_file(&unfinished).unwrap_or_default();
    }
    let salvage = made?;
    if let Some(aside) = aside {
        forget(&directory.join(NOTE_NAME));
        aside.tidy();
    }
    if let Some(parent) = path.parent() {
        regular_file::sync_directory(parent);
    }
    Ok(salvage)
}

/// A leftover note does no harm if there is a store.
fn forget(note: &Path) {
    if let Err(error) = regular_file::remove_own(note) {
        log::warn!("The note of a salvage is left behind: {error}");
    }
}

/// Puts what can be read of a damaged file into an open one, all or nothing.
pub(super) fn read_into(to: &Connection, damaged: &Path) -> rusqlite::Result<Salvage> {
    let transaction = to.unchecked_transaction()?;
    let mut rescue = Rescue::new(&transaction);
    let pages = Pages::open(damaged)
        .inspect_err(|error| log::error!("{} can't be read: {error}", damaged.display()))
        .ok();
    let trusted =
        pages.as_ref().is_none_or(|pages| pages.header_is_sound() && !pages.journal_is_broken);
    let mut source = None;
    let mut unreached = BTreeSet::from(TABLES);
    if trusted {
        match reading(damaged) {
            Ok(connection) => {
                unreached = reach_all(&connection, &mut rescue)?;
                source = Some(connection);
            }
            Err(error) => log::warn!("SQLite does not open {}: {error}", damaged.display()),
        }
    }
    if let Some(pages) = pages.filter(|_| !unreached.is_empty()) {
        for row in pages.numbers().flat_map(|number| pages.rows(number)) {
            if let Some(table) = Table::of(&row).filter(|table| unreached.contains(table)) {
                rescue.take(table, row, false)?;
            }
        }
    }
    for table in unreached {
        rescue.miss(table, source.as_ref().and_then(|source| named(source, table)));
    }
    let salvage = rescue.finish()?;
    history::index_all(&transaction)?;
    transaction.commit()?;
    Ok(salvage)
}

impl Aside {
    /// Moves the file and its journal away, and keeps what was moved before. If the journal stayed, SQLite would take
    /// it for the new file's. Whoever opens the file recreates its shared memory.
    fn move_files(&self, directory: &Path) -> io::Result<()> {
        let file = file_in(directory);
        // Moves a link itself: the file that it leads to has its journal beside it.
        let moves =
            [(file.clone(), self.copy.clone()), (journal_of(&file), journal_of(&self.copy))];
        // Moves only a file, or a link to one.
        for (from, _) in &moves {
            regular_file::look(from).map_err(|error| {
                io::Error::new(error.kind(), format!("{}: {error}", from.display()))
            })?;
        }
        for (from, to) in moves {
            if from == journal_of(&file) && fs::metadata(&from).is_ok_and(|found| found.len() == 0)
            {
                // Whoever checked the file left it.
                regular_file::remove_own(&from)?;
                continue;
            }
            match fs::rename(from, to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        if !self.copy.exists() {
            // SQLite reads a journal only beside a file.
            regular_file::make(&self.copy)?;
        }
        regular_file::remove_own(&memory_of(&file))
    }

    /// SQLite leaves its own files beside a file that it only reads.
    fn tidy(&self) {
        let journal = journal_of(&self.copy);
        let mut left = vec![memory_of(&self.copy)];
        left.extend(fs::metadata(&journal).is_ok_and(|found| found.len() == 0).then_some(journal));
        for path in left {
            if let Err(error) = regular_file::remove_own(&path) {
                log::warn!("It is left behind: {error}");
            }
        }
    }
}

/// The memory that programs share for an open file.
fn memory_of(path: &Path) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push("-shm");
    name.into()
}

fn fill(path: &Path, aside: Option<&Aside>) -> Result<Salvage, SalvageError> {
    regular_file::make(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = regular_file::database(path, flags)?;
    // Whoever finds it half done starts over.
    connection.pragma_update(None, "journal_mode", "off")?;
    migrations::migrate(&connection, None)?;
    let salvage = match aside {
        Some(aside) => read_into(&connection, &aside.copy)?,
        None => Salvage::default(),
    };
    connection.close().map_err(|(_, error)| error)?;
    Ok(salvage)
}

/// Opens a damaged file without changing it.
fn reading(damaged: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = regular_file::database(damaged, flags)?;
    // Skip what can't be understood of the schema.
    connection.pragma_update(None, "writable_schema", true)?;
    Ok(connection)
}

/// Takes the rows that SQLite reaches. Returns the tables of which it did not reach all.
fn reach_all(source: &Connection, rescue: &mut Rescue<'_>) -> rusqlite::Result<BTreeSet<Table>> {
    let mut unreached = BTreeSet::new();
    for table in TABLES {
        if !reach(source, table, &mut |row| rescue.take(table, row, true))? {
            unreached.insert(table);
        }
    }
    Ok(unreached)
}

/// Takes a table's rows from the beginning to where SQLite gives up, then from the end. True if that was all.
fn reach(
    source: &Connection,
    table: Table,
    take: &mut impl FnMut(Row) -> rusqlite::Result<()>,
) -> rusqlite::Result<bool> {
    // The rows not taken yet have numbers between these.
    let (mut from, mut to, mut whole) = (i64::MIN, i64::MAX, true);
    for order in ["asc", "desc"] {
        let next = format!(
            "select rowid from {} not indexed where rowid between ?1 and ?2 order by rowid {order} limit 1",
            table.name()
        );
        while from <= to {
            let found = source.prepare_cached(&next).and_then(|mut statement| {
                let mut rows = statement.query([from, to])?;
                rows.next()?.map(|row| row.get(0)).transpose()
            });
            let number = match found {
                Ok(Some(number)) if (from..=to).contains(&number) => number,
                Ok(None) => return Ok(whole),
                unreadable => {
                    log::warn!("{} is damaged: {unreadable:?}", table.name());
                    whole = false;
                    break;
                }
            };
            match row(source, table, number) {
                Some(row) => take(row)?,
                None => whole = false,
            }
            let left = if order == "asc" {
                number.checked_add(1).map(|next| (next, to))
            } else {
                number.checked_sub(1).map(|next| (from, next))
            };
            let Some(left) = left else {
                return Ok(whole);
            };
            (from, to) = left;
        }
    }
    Ok(whole)
}

fn row(source: &Connection, table: Table, number: i64) -> Option<Row> {
    let columns: &[&str] = match table {
        Table::Tab => &[
            "id, place, active, title, path, unsaved, connection, text, revision, cursor, closed_at_us, owner, encoding",
            // From before files kept their encoding.
            "id, place, active, title, path, unsaved, connection, text, revision, cursor, closed_at_us, owner, null",
            // From before several programs shared a file.
            "id, place, active, title, path, unsaved, connection, text, revision, cursor, closed_at_us, null, null",
        ],
        Table::Edit => &["null, tab, start, removed, inserted"],
        Table::Connection => &["id, config, last_used_us"],
        Table::Setting => &["name, value"],
        Table::Run => &[
            "null, query, at_us, connection, database, sql, elapsed_us, state, tag, rows, sqlstate, message",
        ],
    };
    columns.iter().find_map(|columns| {
        let sql = format!("select {columns} from {} not indexed where rowid = ?1", table.name());
        let mut statement = source.prepare_cached(&sql).ok()?;
        let count = statement.column_count();
        let values = statement
            .query_row([number], |row| {
                (0..count).map(|column| row.get_ref(column).map(value)).collect()
            })
            .ok()?;
        Some(Row { number, values })
    })
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(bytes) => Value::Text(bytes.to_vec()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

/// What an index says that a table holds.
fn named(source: &Connection, table: Table) -> Option<BTreeSet<String>> {
    let mut statement = source.prepare(table.names_in_index()?).ok()?;
    let text = |row: &rusqlite::Row<'_>| {
        let bytes = row.get_ref(0)?;
        let bytes = bytes.as_bytes().unwrap_or_default();
        Ok(String::from_utf8_lossy(bytes).into_owned())
    };
    statement.query_map([], text).ok()?.collect::<Result<_, _>>().ok()
}
