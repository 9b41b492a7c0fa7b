//! Several Tusks on one data directory: who is there, and whose tabs are whose.
//!
//! Nothing here trusts a process id, which another process may have by now. Everything is an advisory lock, which the
//! system releases with the process that held it, killed or not.
//!
//! - `tusk.opening` is held while a store is opened, brought up to date or set aside: one at a time does that.
//! - `tusk.lock` is held by every running Tusk, shared. Who can have it alone is alone, and only then the file's
//!   version is changed. Tusk 0.1.0 held it alone for all its life, and so keeps out, and is kept out by, later ones.
//! - `instances/ID.lock` is held by the running Tusk of that id. Tabs belong to an instance; those of one whose
//!   lock is free are taken over by the next start.
//!
//! Locks are released explicitly: closing a lock's file does not do it while a process that is just being started has a
//! copy of every open file.

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::{super::regular_file, tabs};

/// The lock that every running Tusk shares.
pub(super) const LOCK_NAME: &str = "tusk.lock";

const OPENING_NAME: &str = "tusk.opening";

const INSTANCES_NAME: &str = "instances";

/// Another start may have a long journal to fold, a migration to run, or a large file to salvage.
const OPENING_LIMIT: Duration = Duration::from_secs(60);

const OPENING_POLL: Duration = Duration::from_millis(10);

pub(super) struct OpeningLock(File);

impl Drop for OpeningLock {
    fn drop(&mut self) {
        let_go(&self.0);
    }
}

fn let_go(file: &File) {
    if let Err(error) = file.unlock() {
        log::warn!("A lock can't be let go: {error}");
    }
}

/// Whether other Tusks use the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Company {
    /// None does.
    Alone,
    /// Some do, and share.
    Shared,
    /// One does, and wants it for itself.
    Excluded,
}

/// The locks of a running Tusk on its directory.
pub(super) struct Presence {
    shared: File,
    instance: File,
    path: PathBuf,
}

/// Creates a directory and those above it, for this user alone.
pub(super) fn make_directory(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// A lock file of Tusk's own. Errors name the file.
fn own_file(path: &Path) -> io::Result<File> {
    regular_file::own(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// Waits until no other Tusk is opening the store.
pub(super) fn lock_opening(directory: &Path) -> io::Result<OpeningLock> {
    let file = own_file(&directory.join(OPENING_NAME))?;
    let deadline = Instant::now() + OPENING_LIMIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(OpeningLock(file)),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() > deadline => {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "another Tusk has been opening it for too long",
                ));
            }
            Err(TryLockError::WouldBlock) => thread::sleep(OPENING_POLL),
        }
    }
}

/// Enters the directory, as its only user if possible. The caller holds the opening lock.
pub(super) fn enter(directory: &Path, instance: Uuid) -> io::Result<(Presence, Company)> {
    let shared = own_file(&directory.join(LOCK_NAME))?;
    let company = if locked(shared.try_lock())? {
        Company::Alone
    } else if locked(shared.try_lock_shared())? {
        Company::Shared
    } else {
        Company::Excluded
    };
    let instances = directory.join(INSTANCES_NAME);
    make_directory(&instances)?;
    let path = lock_path(directory, &instance.to_string());
    let own = own_file(&path)?;
    if !locked(own.try_lock())? {
        return Err(io::Error::other("its own lock is held by somebody else"));
    }
    let presence = Presence { shared, instance: own, path };
    Ok((presence, company))
}

impl Presence {
    /// Lets others in, once the exclusive work is done. False if somebody else got in first.
    pub(super) fn share(&self) -> io::Result<bool> {
        self.shared.unlock()?;
        locked(self.shared.try_lock_shared())
    }

    /// Leaves: anybody may take the stored tabs from now on.
    pub(super) fn leave(self) {
        let_go(&self.instance);
        if let Err(error) = fs::remove_file(&self.path) {
            log::debug!("{} is left behind: {error}", self.path.display());
        }
        let_go(&self.shared);
    }
}

/// Takes over the tabs of instances that have ended. If there are several, their blank tabs are deleted.
pub(super) fn adopt(
    connection: &Connection,
    instance: Uuid,
    is_gone: impl Fn(&str) -> bool,
) -> rusqlite::Result<()> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let sql = "select owner from tab group by owner order by min(rowid)";
    let owners: Vec<Option<String>> =
        transaction.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let me = instance.to_string();
    let gone: Vec<Option<String>> = owners
        .into_iter()
        .filter(|owner| owner.as_deref().is_none_or(|owner| owner != me && is_gone(owner)))
        .collect();
    if gone.len() > 1 {
        for owner in &gone {
            tabs::forget_blank(&transaction, owner.as_deref())?;
        }
    }
    let sql = "update tab set owner = ?2, place = place + ?3 where owner is ?1";
    let mut place = 0;
    for owner in &gone {
        let sql_count = "select coalesce(max(place) + 1, 0) from tab
            where owner is ?1 and closed_at_us is null";
        let count: i64 = transaction.query_row(sql_count, [owner], |row| row.get(0))?;
        // The last instance's active tab is the active one.
        let sql_active = "update tab set active = 0 where owner = ?1 and exists
            (select 1 from tab where owner is ?2 and active and closed_at_us is null)";
        transaction.execute(sql_active, params![me, owner])?;
        transaction.execute(sql, params![owner, me, place])?;
        place += count;
    }
    tabs::trim_closed(&transaction, instance)?;
    transaction.commit()
}

/// Whether no running Tusk has this id. Deletes its lock file if it is free.
pub(super) fn is_gone(directory: &Path, owner: &str) -> bool {
    if tabs::id_from(owner).is_none() {
        // It names no lock, so it is not any Tusk's.
        return true;
    }
    let path = lock_path(directory, owner);
    let Ok(file) = regular_file::existing(&path) else {
        // A Tusk that left took its lock with it. If a lock can't be opened for another reason, somebody has it.
        return !path.exists();
    };
    if !matches!(file.try_lock(), Ok(())) {
        return false;
    }
    let_go(&file);
    if let Err(error) = fs::remove_file(&path) {
        log::debug!("{} is left behind: {error}", path.display());
    }
    true
}

fn lock_path(directory: &Path, instance: &str) -> PathBuf {
    directory.join(INSTANCES_NAME).join(format!("{instance}.lock"))
}

fn locked(tried: Result<(), TryLockError>) -> io::Result<bool> {
    match tried {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
