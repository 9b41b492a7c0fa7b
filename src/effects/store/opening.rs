//! Opens the file: whether it is sound, whose it is, and what to do if it can't be used.
//!
//! Several Tusks write one file, each its own tabs (`sharing`). A file that can't be used is never changed: a damaged
//! one is set aside whole and a new one begins with what can be read of it (`salvage`), a newer program's is left as it
//! is, and one that can't be written is read into memory.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rusqlite::{
    Connection, ErrorCode, OpenFlags, backup::Backup, config::DbConfig, ffi, types::ValueRef,
};
use uuid::Uuid;

use super::{
    super::regular_file::{self, Limit},
    Place, history,
    migrations::{self, MigrationError},
    salvage::{self, Aside, SalvageError},
    settings,
    sharing::{self, Company, Presence, make_directory},
    tabs,
};
use crate::update::keeping::Opened;

/// The file in the data directory.
pub(super) const FILE_NAME: &str = "tusk.sqlite";

/// The largest file to copy, in order to read it, if it can't be written.
const COPIED: Limit = Limit::megabytes(1 << 10);

/// How many runs to read beside a Tusk that wants the directory for itself.
const SHARED_RUNS: u32 = 10_000;

/// How many further versions of the file later Tusks may have.
const FORESEEN: i64 = 200;

/// How long to wait for another Tusk that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// An open store.
pub(super) struct Base {
    pub(super) connection: Connection,
    pub(super) opened: Opened,
    /// Which file it is; none for memory.
    pub(super) file: Option<FileId>,
    presence: Option<Presence>,
}

/// A file's identity, whatever its name: another file may take the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId(u64, u64);

impl Base {
    /// Closes the file, then declares that nobody has it open any more.
    pub(super) fn close(self) {
        if let Err((_, error)) = self.connection.close() {
            log::warn!("The store did not close well: {error}");
        }
        if let Some(presence) = self.presence {
            presence.leave();
        }
    }

    /// Drops a file that must not be touched any more: its journal stays as it is.
    fn abandon(self) {
        abandon(&self.connection);
        self.close();
    }
}

fn abandon(connection: &Connection) {
    let switch = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    if let Err(error) = connection.set_db_config(switch, true) {
        log::warn!("The store's journal may be written back: {error}");
    }
}

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{0}")]
    Damaged(String),
    #[error("{}", newer(*found, *known, written_by.as_deref()))]
    Newer { found: i64, known: i64, written_by: Option<String> },
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
    /// Another directory would work.
    #[error("{0}")]
    Unwritable(String),
    #[error("{0}")]
    Sqlite(rusqlite::Error),
}

const EMPTY: &str = "it is empty: it has 0 bytes";

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
        if is_damage(&error) || is_contradiction(&error) {
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

impl From<SalvageError> for Trouble {
    fn from(error: SalvageError) -> Self {
        match error {
            SalvageError::Io(error) => Self::Unwritable(error.to_string()),
            SalvageError::Sqlite(error) => error.into(),
            SalvageError::Migration(error) => error.into(),
        }
    }
}

/// Opens the store, whatever happens: on the file, on a fresh one, or in memory.
///
/// Fails only if SQLite can't even work in memory.
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
        Err(trouble) => in_memory(Opened::InMemory { reason: named(&trouble) }),
    }
}

/// Gives up a file that opened well and then turned out to be damaged.
pub(super) fn begin_again(
    base: Base,
    place: &Place,
    instance: Uuid,
    reason: &str,
) -> rusqlite::Result<Base> {
    let known = base.file;
    let Place::Directory(directory) = place else {
        base.abandon();
        let reason = reason.into();
        return in_memory(Opened::InMemory { reason });
    };
    let opening = sharing::lock_opening(directory);
    base.abandon();
    let begun = opening.map_err(unwritable_path(directory)).and_then(|_opening| {
        if file_id(&file_in(directory)) == known {
            return fresh(directory, instance, reason.into());
        }
        // Another Tusk found the same damage and was faster, or died over it.
        if let Some(aside) = salvage::left_over(directory).map_err(unwritable_path(directory))? {
            return begin(directory, instance, aside);
        }
        let mut base = enter_and_open(directory, instance, false)?;
        base.opened = recreated(directory, "another Tusk set the damaged one aside");
        Ok(base)
    });
    begun.or_else(|trouble| {
        in_memory(Opened::InMemory {
            reason: format!("{reason}; and a new file can't be begun: {trouble}"),
        })
    })
}

/// Replaces a file that is gone, or whose name another file has taken. The old one's content can still be read: the
/// system keeps a file as long as somebody has it open.
pub(super) fn reopen(old: Base, directory: &Path, instance: Uuid) -> rusqlite::Result<Base> {
    let Base { connection, presence, file, .. } = old;
    abandon(&connection);
    let opening = make_directory(directory).and_then(|()| sharing::lock_opening(directory));
    // Only once nobody else is opening the store: a Tusk that is not there loses its tabs to one that is.
    if let Some(presence) = presence {
        presence.leave();
    }
    let begun = opening.map_err(unwritable_path(directory)).and_then(|_opening| {
        let path = file_in(directory);
        let mut how = "another one took its place";
        if !path.exists() {
            match salvage::left_over(directory).map_err(unwritable_path(directory))? {
                Some(aside) => return begin(directory, instance, aside),
                None => write_out(&connection, &path)?,
            }
            how = "it was deleted";
        } else if file_id(&path) == file {
            write_out(&connection, &path)?;
            how = "its journal was deleted";
        }
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

/// Checks an open file again, past everything cached of it. Returns what is wrong with it.
///
/// SQLite must open it: if we closed the file ourselves, the program would lose all locks that it has on it; SQLite
/// takes care of that.
pub(super) fn verify(
    directory: &Path,
    instance: Uuid,
    had_tabs: bool,
) -> Result<Option<String>, String> {
    let look = || -> Result<(), Trouble> {
        let path = file_in(directory);
        // SQLite takes the journal beside an empty file for an old one, and deletes it.
        let found = regular_file::look(&path).map_err(unwritable_path(&path))?;
        if found.is_some_and(|found| found.len() == 0) {
            return Err(Trouble::Damaged(EMPTY.into()));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = regular_file::database(&path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        check(&connection)?;
        let sql = "select exists (select 1 from tab where owner = ?1)";
        let has: bool = connection.query_row(sql, [instance.to_string()], |row| row.get(0))?;
        if had_tabs && !has {
            return Err(Trouble::Damaged("it was overwritten".into()));
        }
        Ok(())
    };
    match look() {
        Ok(()) => Ok(None),
        Err(Trouble::Damaged(reason)) => Ok(Some(reason)),
        Err(trouble) => Err(trouble.to_string()),
    }
}

/// The file that a path names now.
pub(super) fn file_id(path: &Path) -> Option<FileId> {
    let metadata = fs::metadata(path).ok()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Some(FileId(metadata.dev(), metadata.ino()))
    }
    // On other systems an open file can't be replaced.
    #[cfg(not(unix))]
    {
        drop(metadata);
        Some(FileId(0, 0))
    }
}

/// How the file and its journal look from outside, to notice when somebody else touched them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Seen {
    file: Option<Look>,
    journal: Option<Look>,
}

#[derive(Clone, Debug, PartialEq)]
struct Look {
    id: FileId,
    length: u64,
    changed: Option<SystemTime>,
}

/// What somebody else did to the file or its journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Touched {
    /// Nothing.
    Not,
    /// It was written to: perhaps by another Tusk.
    Written,
    /// It is shorter than it was.
    CutOff,
    /// The file or its journal no longer exists, or is another one.
    Gone,
}

impl Seen {
    pub(super) fn now(directory: &Path) -> Self {
        let look = |path: &Path| {
            let id = file_id(path)?;
            let metadata = fs::metadata(path).ok()?;
            Some(Look { id, length: metadata.len(), changed: metadata.modified().ok() })
        };
        let file = regular_file::target(&file_in(directory)).unwrap_or_else(|_| file_in(directory));
        Self { journal: look(&salvage::journal_of(&file)), file: look(&file) }
    }

    /// What has happened since they looked like this.
    pub(super) fn since(&self, now: &Self) -> Touched {
        let pairs = [(&self.file, &now.file), (&self.journal, &now.journal)];
        let known = pairs.into_iter().filter_map(|(before, now)| Some((before.as_ref()?, now)));
        known
            .map(|(before, now)| match now {
                Some(now) if now.id != before.id => Touched::Gone,
                None => Touched::Gone,
                Some(now) if now.length < before.length => Touched::CutOff,
                Some(now) if now.changed != before.changed => Touched::Written,
                Some(_) => Touched::Not,
            })
            .fold(Touched::Not, |worst, touched| match (worst, touched) {
                (Touched::Gone, _) | (_, Touched::Gone) => Touched::Gone,
                (Touched::CutOff, _) | (_, Touched::CutOff) => Touched::CutOff,
                (Touched::Written, _) | (_, Touched::Written) => Touched::Written,
                _ => Touched::Not,
            })
    }
}

/// What to say if a directory's store is open to others. Only the user may change that.
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

/// Whether an error says that the file's content is not what was written.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
        || is_cut_off(error)
        || matches!(
            error,
            rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::Utf8Error(..)
        )
}

/// Whether a row was refused because of what is there already.
pub(super) fn is_constraint(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}

/// The file ends before its declared length.
fn is_cut_off(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::SqliteFailure(code, _)
        if code.extended_code == ffi::SQLITE_IOERR_SHORT_READ)
}

/// Whether SQLite refused a statement of Tusk's own that a sound file would have accepted.
fn is_contradiction(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::Unknown | ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch)
    )
}

/// Whether an error says that the disk can't take it now, though it may later.
pub(super) fn is_refusal(error: &rusqlite::Error) -> bool {
    !is_cut_off(error)
        && matches!(
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
    Opened::Recreated { file: file_in(directory).display().to_string(), how: how.into() }
}

fn unwritable_path(path: &Path) -> impl FnOnce(io::Error) -> Trouble {
    move |error| Trouble::Unwritable(format!("{}: {error}", path.display()))
}

fn open_in(directory: &Path, instance: Uuid) -> Result<Base, Trouble> {
    make_directory(directory).map_err(unwritable_path(directory))?;
    let _opening = sharing::lock_opening(directory).map_err(unwritable_path(directory))?;
    if let Some(aside) = salvage::left_over(directory).map_err(unwritable_path(directory))? {
        return begin(directory, instance, aside);
    }
    let path = file_in(directory);
    // Whoever opens it reports a name that is not a file.
    match regular_file::look(&path) {
        Ok(Some(found)) if found.len() == 0 => {
            return fresh(directory, instance, EMPTY.into());
        }
        Ok(None)
            if regular_file::look(&salvage::journal_of(&path))
                .is_ok_and(|found| found.is_some()) =>
        {
            let reason = "it is missing, and its journal is there".into();
            return fresh(directory, instance, reason);
        }
        Ok(None) => {
            salvage::make(directory, None).map_err(|error| match error {
                SalvageError::Io(error) => unwritable_path(&path)(error),
                other => other.into(),
            })?;
        }
        Ok(Some(_)) | Err(_) => {}
    }
    match enter_and_open(directory, instance, true) {
        Err(Trouble::Damaged(reason)) => fresh(directory, instance, reason),
        opened => opened,
    }
}

/// Opens the file as one of its users. The caller holds the opening lock.
fn enter_and_open(directory: &Path, instance: Uuid, adopting: bool) -> Result<Base, Trouble> {
    let (presence, company) =
        sharing::enter(directory, instance).map_err(unwritable_path(directory))?;
    if company == Company::Excluded {
        presence.leave();
        return Err(Trouble::Excluded(directory.display().to_string()));
    }
    let opened = open_file(directory, company).and_then(|connection| {
        if adopting {
            sharing::adopt(&connection, instance, |owner| sharing::is_gone(directory, owner))?;
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
    // SQLite gives its WAL the file's mode, so check this before it opens anything.
    drop(regular_file::existing(&path).map_err(unwritable_path(&path))?);
    if company == Company::Alone && salvage::journal_is_broken(&path) {
        return Err(Trouble::Damaged("its journal is damaged".into()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = regular_file::database(&path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // A newer program's file stays as it is, so ask for its version before setting anything.
    let (found, known) = (migrations::version(&connection)?, migrations::newest());
    if found > known {
        let written_by = migrations::written_by(&connection);
        // A version that changes nothing and that this very program wrote down is a flipped bit, and so is one that no
        // Tusk will have for a long time.
        let unchanged = written_by.as_deref().is_some_and(migrations::is_known)
            && migrations::is_newest(&connection)?;
        if unchanged || found > known + FORESEEN {
            return Err(Trouble::Damaged(format!("its version is {found}")));
        }
        return Err(Trouble::Newer { found, known, written_by });
    }
    if found < 1 {
        return Err(Trouble::Damaged(format!("its version is {found}")));
    }
    if found < known && company != Company::Alone {
        return Err(Trouble::OlderShares);
    }
    if found == known {
        check(&connection)?;
    } else {
        check_pages(&connection)?;
    }
    set_up(&connection, Some(directory))?;
    Ok(connection)
}

/// Whether a file of the newest version is one that Tusk wrote.
fn check(connection: &Connection) -> Result<(), Trouble> {
    let (found, known) = (migrations::version(connection)?, migrations::newest());
    if found != known {
        return Err(Trouble::Damaged(format!("its version is {found}")));
    }
    if let Some(name) = migrations::missing(connection)? {
        return Err(Trouble::Damaged(format!("{name} is not as Tusk made it")));
    }
    check_pages(connection)?;
    check_values(connection)?;
    check_texts(connection)
}

/// A file of up to this many pages is checked whole: 16 MB.
const LOOKED_AT_WHOLE: i64 = 4096;

/// Checks the tables that the start reads whole. Checking the search index of the longest history too would take most
/// of a second; the search that meets damage in it reports it.
fn check_pages(connection: &Connection) -> Result<(), Trouble> {
    let ask = |sql: &str| -> Result<(), Trouble> {
        let verdict: String = connection.query_row(sql, [], |row| row.get(0))?;
        if verdict == "ok" {
            return Ok(());
        }
        Err(Trouble::Damaged(verdict))
    };
    // A row that an index misses would never be found, and be stored a second time.
    for table in ["connection", "setting", "tab", "edit"] {
        ask(&format!("pragma integrity_check('{table}')"))?;
    }
    if is_small(connection)? {
        return ask("pragma quick_check(1)");
    }
    ask("pragma quick_check('run')")
}

fn is_small(connection: &Connection) -> rusqlite::Result<bool> {
    let pages: i64 = connection.query_row("pragma page_count", [], |row| row.get(0))?;
    Ok(pages <= LOOKED_AT_WHOLE)
}

/// Checks that texts are text, and ids are ids.
fn check_texts(connection: &Connection) -> Result<(), Trouble> {
    let small = is_small(connection)?;
    let tables = [
        ("setting", None),
        ("connection", Some(0)),
        ("tab", Some(0)),
        ("edit", Some(1)),
        ("run", Some(1)),
    ];
    for (table, id) in tables.into_iter().filter(|(table, _)| small || *table != "run") {
        let mut statement = connection.prepare(&format!("select * from {table}"))?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                let ValueRef::Text(bytes) = row.get_ref(column)? else {
                    continue;
                };
                let text = std::str::from_utf8(bytes).ok();
                let sound = text.is_some_and(|text| {
                    id != Some(column)
                        || tabs::id_from(text).is_some_and(|id| id.to_string() == text)
                });
                if !sound {
                    let reason = format!("a text or a name in {table} is none that Tusk writes");
                    return Err(Trouble::Damaged(reason));
                }
            }
        }
    }
    settings::connections(connection)?;
    settings::settings(connection)?;
    if !tabs::journals_fit(connection)? {
        let reason = "an edit does not fit the text that it was made in".into();
        return Err(Trouble::Damaged(reason));
    }
    Ok(())
}

/// Checks for numbers that Tusk never wrote, and for rows that belong to nothing.
fn check_values(connection: &Connection) -> Result<(), Trouble> {
    let questions = [
        (
            "tab",
            "place not between 0 and 4294967295 or active not in (0, 1)
                or unsaved not in (0, 1) or revision < 0 or cursor < 0"
                .to_owned(),
        ),
        (
            "edit",
            format!(
                "start < 0 or removed < 0 or sequence not between 0 and {}
                or not exists (select 1 from tab where tab.id = edit.tab)",
                salvage::NUMBER_MAX
            ),
        ),
        (
            "sqlite_sequence",
            format!("typeof(seq) <> 'integer' or seq not between 0 and {}", salvage::NUMBER_MAX),
        ),
        (
            "(select min(number) as first, max(number) as last, count(*) as count from run)",
            format!(
                "first < 1 or last > {} or last - first - count > {}",
                salvage::NUMBER_MAX,
                salvage::GAPS_MAX
            ),
        ),
    ];
    for (table, condition) in questions {
        let sql = format!("select exists (select 1 from {table} where {condition})");
        if connection.query_row(&sql, [], |row| row.get::<_, bool>(0))? {
            let reason = format!("a number or a name in {table} is none that Tusk writes");
            return Err(Trouble::Damaged(reason));
        }
    }
    Ok(())
}

fn set_up(connection: &Connection, directory: Option<&Path>) -> Result<(), MigrationError> {
    // A WAL needs memory shared by all its users, which machines that share a network drive don't have.
    let remote = directory.is_some_and(is_remote);
    let mode = if remote { "delete" } else { "wal" };
    connection.pragma_update(None, "journal_mode", mode)?;
    let level = if remote { "full" } else { "normal" };
    connection.pragma_update(None, "synchronous", level)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Enough kilobytes to search and write a history at its limit.
    connection.pragma_update(None, "cache_size", -8_192)?;
    // Deleted data is gone: no damaged file brings it back.
    connection.pragma_update(None, "secure_delete", true)?;
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

/// Sets the damaged file aside and begins a new one. The caller holds the opening lock.
fn fresh(directory: &Path, instance: Uuid, reason: String) -> Result<Base, Trouble> {
    let aside = salvage::set_aside(directory, reason).map_err(unwritable_path(directory))?;
    begin(directory, instance, aside)
}

/// Begins a new file with what can be read of the one that was set aside. The caller holds the opening lock.
fn begin(directory: &Path, instance: Uuid, aside: Aside) -> Result<Base, Trouble> {
    let salvage = salvage::make(directory, Some(&aside))?;
    log::info!("Of the damaged store could be read: {salvage:?}");
    let base = enter_and_open(directory, instance, true)?;
    let (copy, reason) = (aside.copy.display().to_string(), aside.reason);
    Ok(Base { opened: Opened::Fresh { copy, reason, salvage }, ..base })
}

/// Works in memory, with all that can be read from a directory that can't be written.
pub(super) fn unwritable(
    directory: &Path,
    instance: Uuid,
    reason: String,
) -> rusqlite::Result<Base> {
    let mut base =
        in_memory(Opened::NoDirectory { directory: directory.display().to_string(), reason })?;
    if let Err(trouble) = read_into(directory, instance, &mut base.connection) {
        log::warn!("Nothing was read from {}: {trouble}", file_in(directory).display());
        base.connection = in_memory(base.opened.clone())?.connection;
    }
    Ok(base)
}

/// Reads a file whose directory can't be written, through a copy: SQLite wants to write beside what it reads.
fn read_into(directory: &Path, instance: Uuid, memory: &mut Connection) -> Result<(), Trouble> {
    let Some(source) = salvage::source(directory) else {
        return Ok(());
    };
    let copies = std::env::temp_dir().join(format!("tusk-{instance}"));
    let copied = make_directory(&copies)
        .and_then(|()| {
            for (from, name) in [
                (source.clone(), FILE_NAME.to_owned()),
                (salvage::journal_of(&source), format!("{FILE_NAME}-wal")),
            ] {
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
        .and_then(|()| match open_file(&copies, Company::Alone) {
            Ok(copy) => Ok(copy_all(&copy, memory)?),
            Err(Trouble::Damaged(reason)) => {
                log::error!("{} is damaged: {reason}", source.display());
                salvage::read_into(memory, &file_in(&copies))?;
                Ok(())
            }
            Err(trouble) => Err(trouble),
        })
        // They can't be written, so showing another Tusk's tabs too does no harm.
        .and_then(|()| Ok(sharing::adopt(memory, instance, |_| true)?));
    if let Err(error) = fs::remove_dir_all(&copies) {
        log::warn!("{} is left behind: {error}", copies.display());
    }
    copied
}

/// Works in memory, with what the other program has stored except its tabs.
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
    let mut runs = history::newest(&theirs, SHARED_RUNS)?;
    runs.reverse();
    history::record(&transaction, &runs)?;
    transaction.commit()
}

/// Writes everything of an open file into a new one, which gets its name when it is complete.
fn write_out(connection: &Connection, path: &Path) -> Result<(), Trouble> {
    let path = regular_file::target(path).map_err(unwritable_path(path))?;
    let beside = |ending: &str| {
        let mut name = path.clone().into_os_string();
        name.push(ending);
        PathBuf::from(name)
    };
    let unwritable = |error: io::Error| Trouble::Unwritable(error.to_string());
    let unfinished = beside(".new");
    regular_file::remove_own(&unfinished).map_err(unwritable)?;
    // SQLite writes into an empty file with the permissions it has: the user's alone.
    regular_file::make(&unfinished).map_err(unwritable_path(&unfinished))?;
    connection.execute("vacuum into ?1", [unfinished.to_string_lossy()])?;
    // SQLite would take the rest of the old file's journal for the new one's.
    for ending in ["-wal", "-shm"] {
        regular_file::remove_own(&beside(ending)).map_err(unwritable)?;
    }
    fs::rename(&unfinished, &path).map_err(unwritable_path(&path))
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
    Ok(Base { connection, opened, file: None, presence: None })
}
