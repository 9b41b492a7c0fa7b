//! What differs between operating systems: users, private directories, processes, what to install.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::error::SandboxError;
use crate::effects::regular_file::{self, Limit, SMALL};

/// A machine may have many accounts.
const ACCOUNTS: Limit = Limit::megabytes(64);

/// An unprivileged user who runs the server instead of root, which PostgreSQL refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name, as PostgreSQL's peer authentication sees it.
    pub name: String,
    /// The user's number.
    pub uid: u32,
    /// The user's first group.
    pub gid: u32,
}

/// The user to switch to: only root switches. An existing cluster keeps its owner.
#[cfg(unix)]
pub fn account_to_drop_to(cluster: &Path) -> Option<Account> {
    use std::os::unix::fs::MetadataExt;
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = regular_file::read_text(Path::new("/etc/passwd"), ACCOUNTS).unwrap_or_default();
    let owner = fs::metadata(cluster).ok().map(|metadata| metadata.uid()).filter(|uid| *uid != 0);
    owner
        .and_then(|uid| find_account(&users, |account| account.uid == uid))
        .or_else(|| find_account(&users, |account| account.name == "postgres"))
        .or_else(|| find_account(&users, |account| account.name == "nobody"))
        .or(Some(Account { name: "nobody".to_owned(), uid: 65534, gid: 65534 }))
}

/// Without Unix users there is nobody to switch to; `pg_ctl` gives up an administrator's rights by itself.
#[cfg(not(unix))]
pub fn account_to_drop_to(_cluster: &Path) -> Option<Account> {
    None
}

/// The first matching line of a passwd file.
#[cfg(unix)]
fn find_account(users: &str, wanted: impl Fn(&Account) -> bool) -> Option<Account> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Account { name, uid, gid }).filter(|account| wanted(account))
    })
}

/// Makes a directory that only its owner may enter, or checks that an existing one is so, without changing it. Refuses
/// one that somebody else owns, because they could have put anything into it.
#[cfg(unix)]
pub fn make_private_directory(path: &Path, account: Option<&Account>) -> Result<(), SandboxError> {
    use std::os::unix::fs::MetadataExt;
    let on_file = |error: std::io::Error| SandboxError::of_file(path, &error);
    let me = rustix::process::geteuid().as_raw();
    let given = account.filter(|account| account.uid != me);
    let owner = given.map(|account| (account.uid, account.gid));
    if regular_file::make_directory(path, owner).map_err(on_file)? {
        return Ok(());
    }
    let metadata = fs::symlink_metadata(path).map_err(on_file)?;
    let shown = path.display();
    let refused = |reason: String| SandboxError::NotPermitted { path: shown.to_string(), reason };
    if !metadata.is_dir() {
        return Err(refused("it is not a directory".into()));
    }
    let mode = metadata.mode() & 0o777;
    match owner {
        None if metadata.uid() != me => Err(refused("another user owns it".into())),
        Some((user, _)) if metadata.uid() != user && metadata.uid() != me => {
            Err(refused("another user owns it".into()))
        }
        Some((user, group)) if metadata.uid() != user => Err(refused(format!(
            "it is not of the user who runs the server; run: chown {user}:{group} {shown}"
        ))),
        _ if mode & 0o077 != 0 => Err(refused(format!(
            "others may enter it (its mode is {mode:04o}); run: chmod 700 {shown}"
        ))),
        _ => Ok(()),
    }
}

/// Makes a directory; without modes, the data directory's own permissions protect it.
#[cfg(not(unix))]
pub fn make_private_directory(path: &Path, _account: Option<&Account>) -> Result<(), SandboxError> {
    fs::create_dir_all(path).map_err(|error| SandboxError::of_file(path, &error))
}

/// Opens a lock file, for this user alone, and never through a symbolic link.
pub fn open_lock_file(path: &Path) -> Result<File, SandboxError> {
    regular_file::own_itself(path).map_err(|error| SandboxError::of_file(path, &error))
}

/// Whether a process with this id is the postmaster of these files, and not a process that inherited its id.
#[cfg(unix)]
pub fn is_postmaster(pid: u32, cluster: &Path) -> bool {
    if !is_alive(pid) {
        return false;
    }
    // A postmaster works in its data directory. Only Linux shows that in a file; elsewhere its name has to do, and its
    // answer about its data directory, over its socket, decides.
    if cfg!(target_os = "linux") {
        fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|directory| directory == cluster)
    } else {
        std::process::Command::new("ps")
            .args(["-o", "comm=", "-p", &pid.to_string()])
            .output()
            .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("postgres"))
    }
}

/// Whether there is a process with this id, whoever owns it.
#[cfg(unix)]
pub fn is_alive(pid: u32) -> bool {
    let process = pid.try_into().ok().and_then(rustix::process::Pid::from_raw);
    process.is_some_and(|process| match rustix::process::test_kill_process(process) {
        Ok(()) => true,
        Err(error) => error == rustix::io::Errno::PERM,
    })
}

/// A stranger's process keeps PostgreSQL from starting only on Unix.
#[cfg(not(unix))]
pub fn is_alive(_pid: u32) -> bool {
    true
}

/// Whether a process with this id is a PostgreSQL server; its answer over the loopback decides the rest.
#[cfg(not(unix))]
pub fn is_postmaster(pid: u32, _cluster: &Path) -> bool {
    std::process::Command::new("tasklist")
        .args(["/NH", "/FI", &format!("PID eq {pid}")])
        .output()
        .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("postgres"))
}

/// Whether any process works in this directory, as a killed postmaster's backends do until they notice. Only Linux
/// tells; elsewhere PostgreSQL's own check of its shared memory has to do.
pub fn is_worked_in(directory: &Path) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else {
        return false;
    };
    processes
        .filter_map(Result::ok)
        .filter(|process| process.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit))
        .any(|process| {
            fs::read_link(process.path().join("cwd")).is_ok_and(|place| place == directory)
        })
}

/// The longest path that a Unix socket may have here.
pub const fn socket_path_limit() -> usize {
    if cfg!(target_os = "linux") { 107 } else { 103 }
}

/// Where the files go when the data directory cannot be reached by the user who runs the server.
pub fn fallback_directories() -> Vec<PathBuf> {
    // Nothing under /var/lib is cleaned up; /var/tmp at least survives a restart of the machine.
    vec![PathBuf::from("/var/lib/tusk"), PathBuf::from("/var/tmp")]
}

/// Where the socket goes when its path under the data directory would be too long.
pub fn short_directories() -> Vec<PathBuf> {
    let runtime =
        std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    runtime.into_iter().chain([PathBuf::from("/tmp"), PathBuf::from("/var/tmp")]).collect()
}

/// What to install on this system to have a PostgreSQL server.
pub fn installation_advice() -> String {
    let release = regular_file::read_text(Path::new("/etc/os-release"), SMALL).unwrap_or_default();
    let system = if cfg!(windows) {
        "windows"
    } else if cfg!(target_os = "macos") {
        "macos"
    } else {
        distribution_family(&release)
    };
    match system {
        "debian" => "Install one with: sudo apt-get install postgresql",
        "fedora" => "Install one with: sudo dnf install postgresql-server",
        "arch" => "Install one with: sudo pacman -S postgresql",
        "suse" => "Install one with: sudo zypper install postgresql-server",
        "alpine" => "Install one with: sudo apk add postgresql",
        "macos" => "Install one with: brew install postgresql@17 (or Postgres.app from postgresapp.com)",
        "windows" => "Install one with the installer from https://www.postgresql.org/download/windows/",
        _ => "Install your system's PostgreSQL server package, or see https://www.postgresql.org/download/",
    }
    .to_owned()
}

/// The family of Linux distributions that an os-release file belongs to.
fn distribution_family(release: &str) -> &'static str {
    let words: Vec<&str> = release
        .lines()
        .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
        .flat_map(|value| value.trim_matches('"').split_whitespace())
        .collect();
    let families = [
        ("debian", ["debian", "ubuntu"]),
        ("fedora", ["fedora", "rhel"]),
        ("arch", ["arch", "manjaro"]),
        ("suse", ["suse", "opensuse"]),
        ("alpine", ["alpine", "postmarketos"]),
    ];
    families
        .iter()
        .find(|(_, names)| words.iter().any(|word| names.contains(word)))
        .map_or("", |(family, _)| *family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_is_known_by_what_it_is_like() {
        assert_eq!(
            distribution_family("NAME=\"Mint\"\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"),
            "debian"
        );
        assert_eq!(distribution_family("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n"), "fedora");
        assert_eq!(distribution_family("ID=plan9\n"), "");
    }

    #[cfg(unix)]
    #[test]
    fn an_account_is_read_from_its_line() {
        let users = "root:x:0:0:root:/root:/bin/sh\nbroken\npostgres:x:101:104:,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(
            find_account(users, |account| account.name == "postgres"),
            Some(Account { name: "postgres".to_owned(), uid: 101, gid: 104 })
        );
        assert_eq!(find_account(users, |account| account.uid == 7), None);
    }
}
