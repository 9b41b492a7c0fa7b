//! Where the sandbox's files and its socket are, and who owns them.
//!
//! Everything is in `<data directory>/sandbox`, a directory that only the server's user may enter:
//! `cluster` (the database files), `run` (the socket), `watch` (see `watcher`), `server.log`.
//! The two locks are beside it. If the server's user cannot reach the data directory (root's home, say), the files are
//! under `/var/lib/tusk` in a directory named after a hash of the data directory, and `<data directory>/sandbox` is a
//! link to them. A socket whose path would be too long is in a private directory of the user's runtime directory or
//! `/tmp`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::SandboxError;
use super::process::{Failure, Task};
use super::system::{self, Account};
use crate::effects::regular_file;

/// Writes its input into a new or existing file, for its owner alone; leaves anything else alone.
const WRITE: &str = r#"umask 077
if [ -e "$1" ] && [ ! -f "$1" ]; then echo "it is not a regular file"; exit 1; fi
cat > "$1""#;

/// The port in the socket's name. No other server is in the sandbox's own directory.
pub const SOCKET_PORT: u16 = 5432;

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The private directory that holds the rest.
    pub base: PathBuf,
    /// The private directory of the socket.
    pub sockets: PathBuf,
    /// Who runs the server, if another user.
    pub account: Option<Account>,
}

impl Place {
    /// The database files.
    pub fn cluster(&self) -> PathBuf {
        self.base.join("cluster")
    }

    /// What the server writes to.
    pub fn log(&self) -> PathBuf {
        self.base.join("server.log")
    }

    /// A task run by the server's user, in a directory that they may enter.
    pub fn task(&self, action: &str, program: &Path) -> Task {
        Task::new(action, program, &self.base, self.account.as_ref())
    }

    /// Writes a file as the server's user. Root never writes into a directory that somebody else controls:
    /// a link there could lead anywhere.
    pub async fn write(&self, name: &str, text: &str) -> Result<(), SandboxError> {
        let path = self.base.join(name);
        if self.account.is_none() {
            let (file, text) = (path.clone(), text.to_owned());
            return smol::unblock(move || regular_file::write_own(&file, text.as_bytes()))
                .await
                .map_err(|error| SandboxError::of_file(&path, &error));
        }
        let task = self
            .task("writing the sandbox's settings", Path::new("/bin/sh"))
            .arguments(["-c", WRITE, "sh"])
            .arguments([&path])
            .input(text);
        task.run().await.map(|_| ()).map_err(|failure| match failure {
            Failure::Exit(reason) => {
                SandboxError::NotPermitted { path: path.display().to_string(), reason }
            }
            Failure::Fatal(error) => error,
        })
    }
}

/// Finds the place for a data directory, and makes its directories.
pub async fn choose(
    data_dir: &Path,
    fallbacks: &[PathBuf],
    short: &[PathBuf],
) -> Result<Place, SandboxError> {
    let hash = name_of(data_dir);
    let beside = data_dir.join("sandbox");
    let account = {
        let cluster = beside.join("cluster");
        smol::unblock(move || system::account_to_drop_to(&cluster)).await
    };
    let base = match &account {
        Some(account) if !can_enter(data_dir, account).await? => {
            let base = first_usable(fallbacks, &hash, account).await?;
            point_to(&beside, &base)?;
            base
        }
        _ => beside,
    };
    let short = short.to_vec();
    smol::unblock(move || {
        system::make_private_directory(&base, account.as_ref())?;
        let sockets = socket_directory(&base, &short, &hash, account.as_ref())?;
        Ok(Place { base, sockets, account })
    })
    .await
}

/// The socket's directory: below the base, or somewhere with a shorter name.
fn socket_directory(
    base: &Path,
    short: &[PathBuf],
    hash: &str,
    account: Option<&Account>,
) -> Result<PathBuf, SandboxError> {
    let preferred = base.join("run");
    let mut refusal = SandboxError::NotPermitted {
        path: preferred.display().to_string(),
        reason: "the path of a socket in it would be too long".to_owned(),
    };
    let others = short.iter().map(|directory| directory.join(hash));
    for directory in std::iter::once(preferred).chain(others) {
        if !fits(&directory) {
            continue;
        }
        match system::make_private_directory(&directory, account) {
            Ok(()) => return Ok(directory),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

/// Whether the path of a socket in this directory is short enough for the system.
fn fits(directory: &Path) -> bool {
    let socket = directory.join(format!(".s.PGSQL.{SOCKET_PORT}"));
    socket.as_os_str().len() <= system::socket_path_limit()
}

/// Whether the server's user can enter a directory: only they know, with all the modes and ACLs above it.
async fn can_enter(directory: &Path, account: &Account) -> Result<bool, SandboxError> {
    let task = Task::new(
        "looking at the data directory",
        Path::new("/bin/sh"),
        Path::new("/"),
        Some(account),
    )
    .arguments([OsStr::new("-c"), OsStr::new("cd \"$1\""), OsStr::new("sh"), directory.as_os_str()])
    .limit(Duration::from_secs(10));
    match task.run().await {
        Ok(_) => Ok(true),
        Err(Failure::Exit(_)) => Ok(false),
        Err(Failure::Fatal(error)) => Err(error),
    }
}

/// The first of the fallback directories that the server's user can enter and that nobody else has taken.
async fn first_usable(
    fallbacks: &[PathBuf],
    hash: &str,
    account: &Account,
) -> Result<PathBuf, SandboxError> {
    let mut refusal = SandboxError::NotPermitted {
        path: "the data directory".to_owned(),
        reason: format!("the user {}, who runs the server, cannot enter it", account.name),
    };
    for parent in fallbacks {
        let base = parent.join(hash);
        let (made_parent, made_base, owner) = (parent.clone(), base.clone(), account.clone());
        let made = smol::unblock(move || {
            std::fs::create_dir_all(&made_parent)
                .map_err(|error| SandboxError::of_file(&made_parent, &error))?;
            system::make_private_directory(&made_base, Some(&owner))
        })
        .await;
        match made {
            Ok(()) if can_enter(&base, account).await? => return Ok(base),
            Ok(()) => {}
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

/// Leaves a link in the data directory, so that whoever looks there finds the files.
fn point_to(link: &Path, base: &Path) -> Result<(), SandboxError> {
    #[cfg(unix)]
    if std::fs::symlink_metadata(link).is_err() {
        std::os::unix::fs::symlink(base, link)
            .map_err(|error| SandboxError::of_file(link, &error))?;
    }
    #[cfg(not(unix))]
    log::debug!("{} is in {}", link.display(), base.display());
    Ok(())
}

/// A short name for a data directory, the same at every start (FNV-1a, 64 bits).
fn name_of(data_dir: &Path) -> String {
    let bytes = data_dir.as_os_str().as_encoded_bytes();
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("tusk-sandbox-{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_always_gets_the_same_name_and_another_one_another() {
        assert_eq!(name_of(Path::new("")), "tusk-sandbox-cbf29ce484222325");
        assert_eq!(name_of(Path::new("a")), "tusk-sandbox-af63dc4c8601ec8c");
    }

    #[test]
    fn a_socket_path_of_exactly_the_limit_fits() {
        let room = system::socket_path_limit() - "/.s.PGSQL.5432".len();
        let directory = |length: usize| PathBuf::from(format!("/{}", "d".repeat(length - 1)));
        assert!(fits(&directory(room)));
        assert!(!fits(&directory(room + 1)));
    }
}
