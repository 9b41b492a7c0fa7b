//! Opening the file: whether it is sound, whose it is, and what to do when it can't be used.
//!
//! Several Tusks write one file, each its own tabs (`sharing`). What can't be used is never changed: a damaged
//! file is set aside whole, a newer program's is left as it is, one that can't be written is read into memory.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, backup::Backup};
use uuid::Uuid;

use super::{
    super::regular_file::{self, Limit},
    Place, history,
    migrations::{self, MigrationError},
    settings,
    sharing::{self, Company, Presence, make_directory},
};
use crate::update::store::Opened;

/// The file in the data directory.
pub(super) const FILE_NAME: &str = "tusk.sqlite";

/// The largest file that is copied to be read where it can't be written.
const COPIED: Limit = Limit::megabytes(1 << 10);

/// Beside a Tusk that wants the directory for itself so many of its runs are read.
const SHARED_RUNS: u32 = 10_000;

/// How long to wait for another Tusk that writes just now.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// An open store.
pub(super) struct Base {
    pub(super) connection: Connection,
    pub(super) opened: Opened,
    /// Which file it is; none in memory.
    pub(super) file: Option<FileId>,
    presence: Option<Presence>,
}

/// A file, whatever it is called: another one may take its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId(u64, u64);

impl Base {
    /// Closes the file, then says that nobody has it any more.
    pub(super) fn close(self) {
        if let Err((_, error)) = self.connection.close() {
            log::warn!("The store did not close well: {error}");
        }
        if let Some(presence) = self.presence {
            presence.leave();
        }
    }
}

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{0}")]
    Damaged(String),
    #[error("{}", newer(*found, *known, written_by.as_deref()))]
    Newer {
        found: i64,
        known: i64,
        written_by: Option<String>,
    },
    #[error(
        "an older Tusk uses it, and its data can't be brought up to date meanwhile: close that one and start this one again"
    )]
    OlderShares,
    #[error(
        "another Tusk uses {0}, of a version that does not share it: close that one and start this one again"
    )]
    Excluded(String),
    #[error("{0}")]
    NotMigrated(MigrationError),
    /// Another directory would do.
    #[error("{0}")]
    Unwritable(String),
    #[error("{0}")]
    Sqlite(rusqlite::Error),
}

fn newer(found: i64, known: i64, written_by: Option<&str>) -> String {
    let advice = match written_by {
        Some(version) => format!("install Tusk {version} or a later one"),
        None => "install the latest Tusk".into(),
    };
    format!(
        "it was written by a newer Tusk (its version is {found}, this one knows {known}) and is left as it is: {advice}"
    )
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        if is_damage(&error) {
            Self::Damaged(error.to_string())
        } else if is_refusal(&error) {
            Self::Unwritable(error.to_string())
        } else {
            Self::Sqlite(error)
        }
    }
}

impl From<MigrationError> for Trouble {
    fn from(error: MigrationError) -> Self {
        match error {
            MigrationError::Step(error) => error.into(),
            backup @ MigrationError::Backup { .. } => Self::NotMigrated(backup),
        }
    }
}

/// Opens the store, whatever happens: on the file, on a fresh one, or in memory.
///
/// It fails only where SQLite can't even work in memory.
pub(super) fn open(place: &Place, instance: Uuid) -> rusqlite::Result<Base> {
    let Place::Directory(directory) = place else {
        let reason = "it was asked for like this".into();
        return in_memory(Opened::InMemory { reason });
    };
    let named = |trouble: &Trouble| format!("{}: {trouble}", file_in(directory).display());
    match open_in(directory, instance) {
        Ok(base) => Ok(base),
        Err(trouble @ Trouble::Excluded(_)) => beside(directory, &trouble),
        Err(Trouble::Unwritable(reason)) => unwritable(directory, instance, reason),
        Err(trouble) => in_memory(Opened::InMemory {
            reason: named(&trouble),
        }),
    }
}

/// Gives up a file that opened well and then turned out to be damaged.
pub(super) fn begin_again(
    base: Base,
    place: &Place,
    instance: Uuid,
    error: &rusqlite::Error,
) -> rusqlite::Result<Base> {
    let known = base.file;
    base.close();
    let reason = error.to_string();
    let Place::Directory(directory) = place else {
        return in_memory(Opened::InMemory { reason });
    };
    let begun = sharing::lock_opening(directory)
        .map_err(unwritable_path(directory))
        .and_then(|_opening| {
            if file_id(&file_in(directory)) == known {
                fresh(directory, instance, reason.clone())
            } else {
                // Another Tusk met the same damage and was faster.
                let mut base = enter_and_open(directory, instance, false)?;
                base.opened = recreated(directory, "another Tusk set the damaged one aside");
                Ok(base)
            }
        });
    begun.or_else(|trouble| {
        in_memory(Opened::InMemory {
            reason: format!("{reason}; and a new file can't be begun: {trouble}"),
        })
    })
}

/// Takes the place of a file that is gone, or that another one took the place of. What the old one held is still
/// there to be read: the system keeps a file as long as somebody has it open.
pub(super) fn reopen(old: Base, directory: &Path, instance: Uuid) -> rusqlite::Result<Base> {
    let Base {
        connection,
        presence,
        ..
    } = old;
    if let Some(presence) = presence {
        presence.leave();
    }
    let begun = make_directory(directory)
        .and_then(|()| sharing::lock_opening(directory))
        .map_err(unwritable_path(directory))
        .and_then(|_opening| {
            let path = file_in(directory);
            let how = if path.exists() {
                "another one took its place"
            } else {
                write_out(&connection, &path)?;
                "it was deleted"
            };
            let mut base = enter_and_open(directory, instance, false)?;
            base.opened = recreated(directory, how);
            Ok(base)
        });
    begun.or_else(|trouble| {
        let reason = format!("{} is gone: {trouble}", file_in(directory).display());
        let mut memory = in_memory(Opened::InMemory { reason })?;
        copy_all(&connection, &mut memory.connection)?;
        Ok(memory)
    })
}

/// What a path names now.
pub(super) fn file_id(path: &Path) -> Option<FileId> {
    let metadata = fs::metadata(path).ok()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Some(FileId(metadata.dev(), metadata.ino()))
    }
    // Elsewhere a file that is open can't be replaced.
    #[cfg(not(unix))]
    {
        drop(metadata);
        Some(FileId(0, 0))
    }
}

/// What to say of a directory whose store is not for its owner alone. It is the user's to change that.
pub(super) fn open_to_others(directory: &Path) -> Option<String> {
    let file = file_in(directory);
    let mode = regular_file::open_to_others(&regular_file::look(&file).ok()??)?;
    let shown = file.display();
    Some(format!(
        "The store {shown} is not for its owner alone: its mode is {mode:04o}. Run: chmod 600 {shown}*"
    ))
}

/// The file in a data directory.
pub(super) fn file_in(directory: &Path) -> PathBuf {
    directory.join(FILE_NAME)
}

/// Whether an error says that what is in the file is not what was written.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
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

/// Whether an error says that the disk does not take it now: it may later.
pub(super) fn is_refusal(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed
        )
    )
}

fn recreated(directory: &Path, how: &str) -> Opened {
    Opened::Recreated {
        file: file_in(directory).display().to_string(),
        how: how.into(),
    }
}

fn unwritable_path(path: &Path) -> impl FnOnce(io::Error) -> Trouble {
    move |error| Trouble::Unwritable(format!("{}: {error}", path.display()))
}

fn open_in(directory: &Path, instance: Uuid) -> Result<Base, Trouble> {
    make_directory(directory).map_err(unwritable_path(directory))?;
    let _opening = sharing::lock_opening(directory).map_err(unwritable_path(directory))?;
    match enter_and_open(directory, instance, true) {
        Err(Trouble::Damaged(reason)) => fresh(directory, instance, reason),
        opened => opened,
    }
}

/// Opens the file among those who use it. The opening lock has to be held.
fn enter_and_open(directory: &Path, instance: Uuid, adopting: bool) -> Result<Base, Trouble> {
    let (presence, company) =
        sharing::enter(directory, instance).map_err(unwritable_path(directory))?;
    if company == Company::Excluded {
        presence.leave();
        return Err(Trouble::Excluded(directory.display().to_string()));
    }
    let opened = open_file(directory, company).and_then(|connection| {
        if adopting {
            sharing::adopt(&connection, instance, |owner| {
                sharing::is_gone(directory, owner)
            })?;
        }
        Ok(connection)
    });
    let connection = match opened {
        Ok(connection) => connection,
        Err(trouble) => {
            presence.leave();
            return Err(trouble);
        }
    };
    match presence.share() {
        Ok(true) => Ok(Base {
            connection,
            opened: Opened::OnDisk,
            file: file_id(&file_in(directory)),
            presence: Some(presence),
        }),
        Ok(false) => {
            drop(connection);
            presence.leave();
            Err(Trouble::Excluded(directory.display().to_string()))
        }
        Err(error) => Err(unwritable_path(directory)(error)),
    }
}

fn open_file(directory: &Path, company: Company) -> Result<Connection, Trouble> {
    let path = file_in(directory);
    // SQLite gives its WAL the mode of the file, so this is set before it opens anything.
    regular_file::own(&path).map_err(unwritable_path(&path))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = regular_file::database(&path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // A newer program's file is left as it is, so the version is asked before anything is set.
    let (found, known) = (migrations::version(&connection)?, migrations::newest());
    if found > known {
        let written_by = migrations::written_by(&connection);
        return Err(Trouble::Newer {
            found,
            known,
            written_by,
        });
    }
    if found < known && company != Company::Alone {
        return Err(Trouble::OlderShares);
    }
    if found > 0 {
        check(&connection)?;
    }
    set_up(&connection, Some(directory))?;
    Ok(connection)
}

/// Looks at the tables that the start reads whole. Checking the search index too would cost most of a
/// second at the longest history; damage in it is found by the search that meets it.
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

fn set_up(connection: &Connection, directory: Option<&Path>) -> Result<(), MigrationError> {
    // A WAL needs memory that all its users share, which machines that share a network drive don't have.
    let remote = directory.is_some_and(is_remote);
    let mode = if remote { "delete" } else { "wal" };
    connection.pragma_update(None, "journal_mode", mode)?;
    let level = if remote { "full" } else { "normal" };
    connection.pragma_update(None, "synchronous", level)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    migrations::migrate(connection, directory)
}

/// Whether a directory is on a network drive.
#[cfg(target_os = "linux")]
fn is_remote(directory: &Path) -> bool {
    // NFS, SMB 1, CIFS, SMB 2 and later, AFS, Coda, Ceph, 9P.
    const REMOTE: [u64; 8] = [
        0x6969,
        0x517b,
        0xff53_4d42,
        0xfe53_4d42,
        0x5346_414f,
        0x7375_7245,
        0x00c3_6400,
        0x0102_1997,
    ];
    rustix::fs::statfs(directory)
        .is_ok_and(|found| REMOTE.contains(&(found.f_type as u64 & 0xffff_ffff)))
}

#[cfg(not(target_os = "linux"))]
fn is_remote(_directory: &Path) -> bool {
    false
}

/// Sets the damaged file aside and begins a new one. The opening lock has to be held.
fn fresh(directory: &Path, instance: Uuid, reason: String) -> Result<Base, Trouble> {
    let copy = set_aside(directory).map_err(|error| {
        Trouble::Damaged(format!("{reason}; it can't be set aside either: {error}"))
    })?;
    log::error!(
        "The store is damaged ({reason}); it was set aside as {}",
        copy.display()
    );
    match enter_and_open(directory, instance, true) {
        Ok(base) => Ok(Base {
            opened: Opened::Fresh {
                copy: copy.display().to_string(),
                reason,
            },
            ..base
        }),
        Err(trouble) => Err(Trouble::Damaged(format!(
            "{reason}; it was set aside as {}, and a new one can't be made: {trouble}",
            copy.display()
        ))),
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
    fs::rename(file_in(directory), &copy)?;
    match fs::remove_file(directory.join(format!("{FILE_NAME}-shm"))) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(copy),
    }
}

/// In memory, with all that can be read of a directory that can't be written.
fn unwritable(directory: &Path, instance: Uuid, reason: String) -> rusqlite::Result<Base> {
    let mut base = in_memory(Opened::NoDirectory {
        directory: directory.display().to_string(),
        reason,
    })?;
    if let Err(trouble) = read_into(directory, instance, &mut base.connection) {
        log::warn!(
            "Nothing was read from {}: {trouble}",
            file_in(directory).display()
        );
        base.connection = in_memory(base.opened.clone())?.connection;
    }
    Ok(base)
}

/// Reads a file whose directory can't be written, by way of a copy: SQLite wants to write beside what it reads.
fn read_into(directory: &Path, instance: Uuid, memory: &mut Connection) -> Result<(), Trouble> {
    if !file_in(directory).exists() {
        return Ok(());
    }
    let copies = std::env::temp_dir().join(format!("tusk-{instance}"));
    let copied = make_directory(&copies)
        .and_then(|()| {
            for name in [FILE_NAME.to_owned(), format!("{FILE_NAME}-wal")] {
                let from = directory.join(&name);
                if from.exists() {
                    let made = regular_file::make(&copies.join(&name))?;
                    regular_file::open(&from)
                        .and_then(|file| file.copy_to(&made, COPIED))
                        .map_err(|error| {
                            io::Error::new(error.kind(), format!("{}: {error}", from.display()))
                        })?;
                }
            }
            Ok(())
        })
        .map_err(unwritable_path(&copies))
        .and_then(|()| open_file(&copies, Company::Alone))
        .and_then(|copy| {
            // They can't be written, so it does no harm to show another's tabs too.
            sharing::adopt(&copy, instance, |_| true)?;
            copy_all(&copy, memory)?;
            Ok(())
        });
    if let Err(error) = fs::remove_dir_all(&copies) {
        log::warn!("{} is left behind: {error}", copies.display());
    }
    copied
}

/// In memory, with what the other program has kept but its tabs: those are that program's.
fn beside(directory: &Path, trouble: &Trouble) -> rusqlite::Result<Base> {
    let reason = trouble.to_string();
    let base = in_memory(Opened::InMemory { reason })?;
    if let Err(error) = copy_shared(&file_in(directory), &base.connection) {
        log::warn!("What the other Tusk has kept can't be read: {error}");
    }
    Ok(base)
}

fn copy_shared(file: &Path, memory: &Connection) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let theirs = regular_file::database(file, flags)?;
    theirs.busy_timeout(BUSY_TIMEOUT)?;
    let version = migrations::version(&theirs)?;
    if !(1..=migrations::newest()).contains(&version) {
        log::warn!("The other Tusk's file has version {version}: nothing is read from it");
        return Ok(());
    }
    let transaction = memory.unchecked_transaction()?;
    for connection in settings::connections(&theirs)? {
        settings::save_connection(&transaction, &connection)?;
    }
    if let Some(text) = settings::text(&theirs)? {
        settings::save_text(&transaction, &text)?;
    }
    for entry in history::newest(&theirs, SHARED_RUNS)?.iter().rev() {
        history::record(&transaction, entry)?;
    }
    transaction.commit()
}

/// Everything of an open file, in a new one.
fn write_out(connection: &Connection, path: &Path) -> Result<(), Trouble> {
    regular_file::own(path).map_err(unwritable_path(path))?;
    connection.execute("vacuum into ?1", [path.to_string_lossy()])?;
    Ok(())
}

fn copy_all(from: &Connection, to: &mut Connection) -> rusqlite::Result<()> {
    /// Pages in one step; nobody else waits for either side.
    const PAGES: i32 = 1024;
    Backup::new(from, to)?.run_to_completion(PAGES, Duration::ZERO, None)
}

fn in_memory(opened: Opened) -> rusqlite::Result<Base> {
    log::warn!("The store works in memory: {opened:?}");
    let connection = Connection::open_in_memory()?;
    set_up(&connection, None).map_err(|error| match error {
        MigrationError::Step(error) => error,
        MigrationError::Backup { path, .. } => rusqlite::Error::InvalidPath(path.into()),
    })?;
    Ok(Base {
        connection,
        opened,
        file: None,
        presence: None,
    })
}
