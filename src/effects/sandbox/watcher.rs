//! Stops the server when the last Tusk that uses it has ended, however it ended.
//!
//! A tiny shell waits for the end of a named pipe whose other end every Tusk on this sandbox holds open; the system
//! closes it for a Tusk that is killed. Then the shell asks its own postmaster, and no other, to stop. Without named
//! pipes, the next start takes the server over.

use std::path::Path;

use super::error::SandboxError;
use super::place::Place;
#[cfg(unix)]
use crate::effects::regular_file;

/// Our end of the pipe: while it is open, the server stays.
#[derive(Debug)]
pub struct Watch {
    #[cfg(unix)]
    _writer: std::fs::File,
}

#[cfg(unix)]
const SCRIPT: &str =
    r#"cat >/dev/null; test "$(head -n 1 "$1/postmaster.pid")" = "$2" && kill -INT "$2""#;

/// Joins the watch over a running server; `None` if nobody watches it.
#[cfg(unix)]
pub fn join(place: &Place) -> Result<Option<Watch>, SandboxError> {
    let pipe = place.base.join("watch");
    match regular_file::pipe(&pipe, rustix::fs::OFlags::WRONLY) {
        Ok(writer) => Ok(Some(Watch { _writer: writer })),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
            Ok(None)
        }
        Err(error) => Err(SandboxError::of_file(&pipe, &error)),
    }
}

/// Starts a watcher for a running server.
#[cfg(unix)]
pub async fn set(place: &Place, pid: u32) -> Result<Watch, SandboxError> {
    use super::process::Failure;

    let pipe = place.base.join("watch");
    let on_pipe = |error: std::io::Error| SandboxError::of_file(&pipe, &error);
    let make = place
        .task("making the watcher's pipe", Path::new("/bin/sh"))
        .arguments(["-c", "test -p watch || { rm -f watch; mkfifo -m 600 watch; }"]);
    make.run().await.map_err(|failure| match failure {
        Failure::Exit(reason) => {
            SandboxError::NotPermitted { path: pipe.display().to_string(), reason }
        }
        Failure::Fatal(error) => error,
    })?;
    // Open the reading end first and without waiting, so that there is no moment at which we could hang, or die and
    // leave a watcher that waits forever.
    let reader = regular_file::pipe(&pipe, rustix::fs::OFlags::RDONLY).map_err(on_pipe)?;
    let writer = regular_file::pipe(&pipe, rustix::fs::OFlags::WRONLY).map_err(on_pipe)?;
    rustix::fs::fcntl_setfl(&reader, rustix::fs::OFlags::empty())
        .map_err(|error| on_pipe(error.into()))?;
    let shell = Path::new("/bin/sh");
    let command = place
        .task("watching the server", shell)
        .arguments(["-c", SCRIPT, "sh"])
        .arguments([place.cluster().into_os_string(), pid.to_string().into()])
        .command();
    // We don't wait for the watcher: it outlives us. The process library reaps it if it ends before us.
    smol::process::Command::from(command)
        .stdin(reader)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .map_err(|error| SandboxError::of_file(shell, &error))?;
    Ok(Watch { _writer: writer })
}

/// Without named pipes nobody watches.
#[cfg(not(unix))]
pub fn join(_place: &Place) -> Result<Option<Watch>, SandboxError> {
    Ok(Some(Watch {}))
}

/// Without named pipes nobody watches.
#[cfg(not(unix))]
pub async fn set(_place: &Place, _pid: u32) -> Result<Watch, SandboxError> {
    Ok(Watch {})
}
