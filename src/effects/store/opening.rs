//! Opening the file: whose it is, whether it is sound, and what to do when it is not.
//!
//! One Tusk at a time writes a data directory: an advisory lock says which. A second one works in memory,
//! with a copy of what the first has kept, so that neither can spoil the other's tabs.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{Place, history, migrations, settings};
use crate::update::store::Opened;

/// The file in the data directory.
pub(super) const FILE_NAME: &str = "tusk.sqlite";

/// The lock beside it.
pub(super) const LOCK_NAME: &str = "tusk.lock";

/// A second program reads so many of the first one's runs.
const SHARED_RUNS: u32 = 10_000;

/// How long to wait for somebody who reads the file just now.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// An open store.
pub(super) struct Base {
    pub(super) connection: Connection,
    pub(super) opened: Opened,
    // Held, never read: closing it lets the next program in.
    lock: Option<File>,
}

impl Base {
    /// Closes the file, then lets the next program in.
    pub(super) fn close(self) {
        if let Err((_, error)) = self.connection.close() {
            log::warn!("The store did not close well: {error}");
        }
        drop(self.lock);
    }
}

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{0}")]
    Damaged(String),
    #[error("it was written by a newer Tusk (its version is {found}, this one knows {known})")]
    Newer { found: i64, known: i64 },
    #[error("another Tusk uses {0}")]
    InUse(String),
    #[error("{0}")]
    Sqlite(rusqlite::Error),
    #[error("{path}: {error}")]
    Io { path: String, error: io::Error },
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        if is_damage(&error) {
            Self::Damaged(error.to_string())
        } else {
            Self::Sqlite(error)
        }
    }
}

/// Opens the store, whatever happens: on the file, on a fresh one, or in memory.
///
/// It fails only where SQLite can't even work in memory.
pub(super) fn open(place: &Place) -> rusqlite::Result<Base> {
    let Place::Directory(directory) = place else {
        return in_memory("nothing is kept of this run, as it was asked for".into());
    };
    let lock = match prepare(directory) {
        Ok(lock) => lock,
        Err(Trouble::InUse(other)) => return beside(directory, &Trouble::InUse(other)),
        Err(trouble) => return in_memory(trouble.to_string()),
    };
    match open_file(directory) {
        Ok(connection) => Ok(Base {
            connection,
            opened: Opened::OnDisk,
            lock: Some(lock),
        }),
        Err(Trouble::Damaged(reason)) => fresh(directory, lock, reason),
        Err(trouble) => in_memory(format!(
            "{}: {trouble}",
            directory.join(FILE_NAME).display()
        )),
    }
}

/// Gives up a file that opened well and then could not be read.
pub(super) fn begin_again(
    base: Base,
    place: &Place,
    error: &rusqlite::Error,
) -> rusqlite::Result<Base> {
    let Base {
        connection, lock, ..
    } = base;
    drop(connection);
    match (place, lock) {
        (Place::Directory(directory), Some(lock)) if is_damage(error) => {
            fresh(directory, lock, error.to_string())
        }
        _ => in_memory(error.to_string()),
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    ) || matches!(
        error,
        rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
    )
}

fn prepare(directory: &Path) -> Result<File, Trouble> {
    let trouble = |path: &Path| {
        let path = path.display().to_string();
        move |error| Trouble::Io { path, error }
    };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(trouble(directory))?;
    let path = directory.join(LOCK_NAME);
    let lock = own_file(&path).map_err(trouble(&path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(Trouble::InUse(directory.display().to_string()));
        }
        Err(TryLockError::Error(error)) => return Err(trouble(&path)(error)),
    }
    // SQLite gives its WAL the mode of the file, so this is set before it opens anything.
    let path = directory.join(FILE_NAME);
    own_file(&path).map_err(trouble(&path))?;
    Ok(lock)
}

/// Opens a file for this user alone, making it when it is missing.
fn own_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

fn open_file(directory: &Path) -> Result<Connection, Trouble> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(directory.join(FILE_NAME), flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // A newer program's file is left as it is, so the version is asked before anything is set.
    let (found, known) = (migrations::version(&connection)?, migrations::newest());
    if found > known {
        return Err(Trouble::Newer { found, known });
    }
    if found > 0 {
        check(&connection)?;
    }
    set_up(&connection)?;
    Ok(connection)
}

/// Looks at the tables that the start reads whole. Checking the search index too would cost most of a
/// second at the longest history; damage in it is an error of the search that meets it.
fn check(connection: &Connection) -> Result<(), Trouble> {
    for table in ["connection", "setting", "tab", "edit", "run"] {
        let sql = format!("pragma quick_check('{table}')");
        let verdict: String = connection.query_row(&sql, [], |row| row.get(0))?;
        if verdict != "ok" {
            return Err(Trouble::Damaged(format!("{table}: {verdict}")));
        }
    }
    Ok(())
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    migrations::migrate(connection)
}

/// Sets the damaged file aside and begins a new one.
fn fresh(directory: &Path, lock: File, reason: String) -> rusqlite::Result<Base> {
    let begun = set_aside(directory).and_then(|copy| {
        let path = directory.join(FILE_NAME);
        own_file(&path)?;
        Ok(copy)
    });
    let copy = match begun {
        Ok(copy) => copy,
        Err(error) => return in_memory(format!("{reason}; it can't be set aside either: {error}")),
    };
    log::error!(
        "The store is damaged ({reason}); it was set aside as {}",
        copy.display()
    );
    match open_file(directory) {
        Ok(connection) => {
            let opened = Opened::Fresh {
                copy: copy.display().to_string(),
                reason,
            };
            Ok(Base {
                connection,
                opened,
                lock: Some(lock),
            })
        }
        Err(trouble) => in_memory(format!(
            "{reason}; a new one can't be made either: {trouble}"
        )),
    }
}

/// The whole damaged store under another name. Its WAL goes with it: it may hold what a repair needs, and
/// left behind it would be taken for the new file's. The shared-memory file is made anew by whoever opens it.
fn set_aside(directory: &Path) -> io::Result<PathBuf> {
    let name = format!(
        "{FILE_NAME}.damaged-{}",
        chrono::Local::now().format("%Y%m%d-%H%M%S")
    );
    let mut copy = directory.join(&name);
    let mut number = 1;
    while copy.exists() {
        number += 1;
        copy = directory.join(format!("{name}-{number}"));
    }
    // The WAL first: should this end in the middle, the file is still found damaged and set aside again.
    let wal = directory.join(format!("{FILE_NAME}-wal"));
    if wal.exists() {
        let mut name = copy.clone().into_os_string();
        name.push("-wal");
        fs::rename(wal, name)?;
    }
    fs::rename(directory.join(FILE_NAME), &copy)?;
    match fs::remove_file(directory.join(format!("{FILE_NAME}-shm"))) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(copy),
    }
}

/// In memory, with what the other program has kept but its tabs: those are that program's.
fn beside(directory: &Path, trouble: &Trouble) -> rusqlite::Result<Base> {
    let base = in_memory(trouble.to_string())?;
    if let Err(error) = copy_shared(&directory.join(FILE_NAME), &base.connection) {
        log::warn!("What the other Tusk has kept can't be read: {error}");
    }
    Ok(base)
}

fn copy_shared(file: &Path, memory: &Connection) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let theirs = Connection::open_with_flags(file, flags)?;
    theirs.busy_timeout(BUSY_TIMEOUT)?;
    if migrations::version(&theirs)? != migrations::newest() {
        log::warn!("The other Tusk is of another version: nothing is read from its file");
        return Ok(());
    }
    let transaction = memory.unchecked_transaction()?;
    for connection in settings::connections(&theirs)? {
        settings::save_connection(&transaction, &connection)?;
    }
    settings::save_settings(&transaction, &settings::settings(&theirs)?)?;
    for entry in history::newest(&theirs, SHARED_RUNS)?.iter().rev() {
        history::record(&transaction, entry)?;
    }
    transaction.commit()
}

fn in_memory(reason: String) -> rusqlite::Result<Base> {
    log::warn!("The store works in memory: {reason}");
    let opened = Opened::InMemory { reason };
    let connection = Connection::open_in_memory()?;
    set_up(&connection)?;
    Ok(Base {
        connection,
        opened,
        lock: None,
    })
}
