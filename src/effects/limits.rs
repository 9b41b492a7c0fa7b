//! How many files the program may have open: sockets, locks, the store and its journal all count.

use std::io;

/// Fewer than these don't allow a connection or two: the program's own files, and what one tab needs.
const OPEN_FILES_MIN: usize = 64;

/// Enough for any number of tabs.
#[cfg(unix)]
const OPEN_FILES_WANTED: u64 = 4096;

/// Makes sure that enough files can be open. Says what to do if that is impossible.
pub fn open_files() -> Result<(), String> {
    raise();
    room().map_err(|(count, error)| {
        format!(
            "Tusk needs {OPEN_FILES_MIN} open files, and may have only {count} more ({error}). Raise the limit, for example with: ulimit -n 1024"
        )
    })
}

/// The user may raise the limit up to the administrator's.
#[cfg(unix)]
fn raise() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current else { return };
    let wanted = OPEN_FILES_WANTED.min(limit.maximum.unwrap_or(OPEN_FILES_WANTED));
    if current >= wanted {
        return;
    }
    let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        log::warn!("The limit of {current} open files can't be raised: {error}");
    }
}

#[cfg(not(unix))]
fn raise() {}

/// The limit does not say how many files are open already, so this tries.
#[cfg(unix)]
fn room() -> Result<(), (usize, io::Error)> {
    use std::os::fd::AsFd;
    let (one, _other) = std::os::unix::net::UnixStream::pair().map_err(|error| (0, error))?;
    let mut open = Vec::new();
    while open.len() + 2 < OPEN_FILES_MIN {
        match one.as_fd().try_clone_to_owned() {
            Ok(file) => open.push(file),
            Err(error) => return Err((open.len() + 2, error)),
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn room() -> Result<(), (usize, io::Error)> {
    Ok(())
}
