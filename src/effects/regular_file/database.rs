//! Opens an SQLite database. SQLite opens files by name, including those beside the database.
//!
//! So this checks these names just before. SQLite gives an empty file beside the database the database's permissions
//! and, when root runs it, its owner; if it would, this refuses the file instead.

#![allow(clippy::disallowed_methods, reason = "a database is opened here and nowhere else")]

use std::{
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, ffi};

use super::{kind, look};

/// The files that SQLite has beside a database while it is used, and after a crash.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Opens an existing database. Refuses anything but a regular file as one that can't be opened.
pub fn database(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let target = looked_at(path).map_err(|reason| {
        rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CANTOPEN), Some(reason))
    })?;
    Connection::open_with_flags(target, flags - OpenFlags::SQLITE_OPEN_CREATE)
}

/// The file itself, through any links: SQLite's other files are beside it.
fn looked_at(path: &Path) -> Result<PathBuf, String> {
    let of = |path: &Path, error: &io::Error| format!("{}: {error}", path.display());
    let target = fs::canonicalize(path).map_err(|error| of(path, &error))?;
    let found = look(&target).map_err(|error| of(path, &error))?;
    let Some(database) = found else {
        return Err(of(path, &io::ErrorKind::NotFound.into()));
    };
    for suffix in BESIDE {
        let mut beside = target.clone().into_os_string();
        beside.push(suffix);
        let beside = PathBuf::from(beside);
        match fs::symlink_metadata(&beside) {
            Ok(metadata) => fits(&beside, &metadata, &database)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(of(&beside, &error)),
        }
    }
    Ok(target)
}

fn fits(path: &Path, beside: &Metadata, database: &Metadata) -> Result<(), String> {
    let shown = path.display();
    if !beside.is_file() {
        let kind = kind(beside);
        return Err(format!(
            "{shown}: it is {kind}, and SQLite keeps a file of its own there; move it away"
        ));
    }
    match difference(beside, database) {
        Some(command) => Err(format!(
            "{shown}: its owner or permissions are not those of the store, and SQLite would change them. Run: {command} {shown}"
        )),
        None => Ok(()),
    }
}

/// The command that makes a file beside a database such that SQLite leaves its owner and permissions alone.
#[cfg(unix)]
fn difference(beside: &Metadata, database: &Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let mode = |metadata: &Metadata| metadata.mode() & 0o777;
    let owner = |metadata: &Metadata| (metadata.uid(), metadata.gid());
    if rustix::process::geteuid().is_root() && owner(beside) != owner(database) {
        let (user, group) = owner(database);
        return Some(format!("chown {user}:{group}"));
    }
    let differs = beside.len() == 0 && mode(beside) != mode(database);
    differs.then(|| format!("chmod {:o}", mode(database)))
}

#[cfg(not(unix))]
fn difference(_: &Metadata, _: &Metadata) -> Option<String> {
    None
}
