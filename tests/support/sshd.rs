//! An SSH server of the tests' own: OpenSSH's sshd on the loopback, with its own keys, and an agent beside it.
//!
//! It runs without privileges, as the user of the tests or, where that is root, as another one, and knows keys alone.
//! A shell that waits for the end of a pipe stops it when the test process is gone, however it ended. For passwords
//! there is `PasswordServer`, since no account of the machine has one that a test may know.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// A running sshd.
pub struct Sshd {
    directory: tempfile::TempDir,
    port: u16,
    pid: Pid,
    watcher: Child,
    user: String,
    log: Arc<Log>,
}

/// What it has logged, as it comes.
#[derive(Default)]
struct Log {
    text: Mutex<String>,
    grown: Condvar,
}

/// An agent with keys.
pub struct Agent {
    directory: tempfile::TempDir,
    child: Child,
}

/// The kinds of host keys that it has.
const HOST_KEYS: [&str; 3] = ["ed25519", "ecdsa", "rsa"];

impl Sshd {
    /// Starts one, with these lines first in its configuration.
    #[track_caller]
    pub fn start(lines: &[&str]) -> Self {
        let account = account();
        let directory = tempfile::Builder::new()
            .prefix("tusk-ssh-")
            .tempdir()
            .expect("there is a directory for temporary files");
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("ours");
        let port = free_port();
        set_up(directory.path(), port, lines, &account);
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", r#""$@" 2>&1 & echo "pid $!"; cat >/dev/null; kill -9 $!"#, "sh"])
            .args([&program("sshd"), "-D", "-e", "-f"])
            .arg(directory.path().join("sshd_config"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .current_dir("/");
        if account.change {
            command.uid(account.uid).gid(account.gid);
        }
        let mut watcher = command.spawn().expect("a shell runs");
        let mut said = BufReader::new(watcher.stdout.take().expect("it is piped"));
        let mut first = String::new();
        said.read_line(&mut first).expect("the shell says the pid");
        let pid = first.trim().strip_prefix("pid ").and_then(|pid| pid.parse().ok());
        let log = Arc::new(Log::default());
        let written = log.clone();
        std::thread::spawn(move || {
            for line in said.lines().map_while(Result::ok) {
                written.text.lock().expect("no panic").push_str(&(line + "\n"));
                written.grown.notify_all();
            }
        });
        let server = Self {
            directory,
            port,
            pid: Pid::from_raw(pid.expect("a number")).expect("a process"),
            watcher,
            user: account.name,
            log,
        };
        server.wait_for_log("Server listening on");
        server
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The one user that may log in.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// A file that is the test's own.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Makes a key that may log in.
    #[track_caller]
    pub fn key(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let key = self.stranger(name, arguments);
        let line = fs::read_to_string(key.with_extension("pub")).expect("it has a public half");
        let mut file = fs::OpenOptions::new()
            .append(true)
            .open(self.file("authorized_keys"))
            .expect("it is ours");
        file.write_all(line.as_bytes()).expect("it can be written");
        key
    }

    /// Makes a key that may not.
    #[track_caller]
    pub fn stranger(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let key = self.file(name);
        keygen(&key, arguments);
        key
    }

    /// The public half of a host key: kind and base 64.
    #[track_caller]
    pub fn host_key(&self, kind: &str) -> String {
        let text = fs::read_to_string(self.file(&format!("host_{kind}.pub"))).expect("it is there");
        text.split(' ').take(2).collect::<Vec<_>>().join(" ")
    }

    /// A file of known hosts with this line about the server.
    #[track_caller]
    pub fn known_hosts(&self, mark: &str, key: &str) -> PathBuf {
        let file = self.file("known_hosts");
        fs::write(&file, format!("{mark}[127.0.0.1]:{} {key}\n", self.port)).expect("it is ours");
        file
    }

    /// What `ssh-keygen -l` says of a host key: bits, fingerprint, comment, kind.
    #[track_caller]
    pub fn fingerprint(&self, kind: &str) -> String {
        let output = Command::new("ssh-keygen")
            .arg("-lf")
            .arg(self.file(&format!("host_{kind}.pub")))
            .output()
            .expect("ssh-keygen runs");
        let said = String::from_utf8(output.stdout).expect("it prints text");
        said.split(' ').nth(1).expect("a fingerprint").to_owned()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.log.text.lock().expect("no panic").clone()
    }

    /// Waits until it has logged this.
    #[track_caller]
    pub fn wait_for_log(&self, part: &str) {
        let text = self.log.text.lock().expect("no panic");
        let (text, waited) = self
            .log
            .grown
            .wait_timeout_while(text, Duration::from_secs(60), |text| !text.contains(part))
            .expect("no panic");
        assert!(!waited.timed_out(), "{part:?} is not logged:\n{text}");
    }

    /// Sends a signal to the processes of its sessions.
    #[track_caller]
    pub fn signal_sessions(&self, signal: Signal) {
        let sessions = descendants_of(self.pid);
        assert!(!sessions.is_empty(), "a session runs");
        for pid in sessions {
            kill_process(pid, signal).expect("it is ours");
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        // What was stopped can't end by itself.
        for pid in descendants_of(self.pid) {
            kill_process(pid, Signal::KILL).unwrap_or_default();
        }
        drop(self.watcher.stdin.take());
        self.watcher.wait().expect("the watcher ends");
    }
}

impl Agent {
    /// Starts one with these keys.
    #[track_caller]
    pub fn start(keys: &[&Path]) -> Self {
        let directory = tempfile::tempdir().expect("there is a place for temporary files");
        let socket = directory.path().join("agent");
        let mut child = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(&socket)
            .stdout(Stdio::piped())
            .spawn()
            .expect("ssh-agent runs");
        // It prints where it listens when it does.
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped"))
            .read_line(&mut line)
            .expect("it says where it listens");
        let agent = Self { directory, child };
        for key in keys {
            let output = Command::new("ssh-add")
                .env("SSH_AUTH_SOCK", &socket)
                .arg(key)
                .output()
                .expect("ssh-add runs");
            assert!(output.status.success(), "ssh-add: {output:?}");
        }
        agent
    }

    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("agent")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it ends");
    }
}

/// Writes its keys and its configuration, which belong to the user that runs it.
fn set_up(directory: &Path, port: u16, lines: &[&str], account: &Account) {
    let mut config = lines.join("\n");
    config += &format!(
        "\nListenAddress 127.0.0.1\nPort {port}\nPidFile none\nUsePAM no\nStrictModes no\nLogLevel VERBOSE\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxSessions 100\nMaxAuthTries 20\n\
         AuthorizedKeysFile {}\n",
        directory.join("authorized_keys").display()
    );
    for kind in HOST_KEYS {
        let key = directory.join(format!("host_{kind}"));
        keygen(&key, &["-t", kind, "-N", ""]);
        config += &format!("HostKey {}\n", key.display());
    }
    fs::write(directory.join("sshd_config"), config).expect("it can be written");
    fs::write(directory.join("authorized_keys"), "").expect("it can be written");
    if account.change {
        for entry in fs::read_dir(directory).expect("it is there") {
            let path = entry.expect("it can be read").path();
            chown(path, Some(account.uid), Some(account.gid)).expect("root may give it away");
        }
    }
}

struct Account {
    name: String,
    uid: u32,
    gid: u32,
    change: bool,
}

/// Who runs sshd: this user, or an unprivileged one where it is root, for whom sshd wants a system set up for it.
fn account() -> Account {
    let users = fs::read_to_string("/etc/passwd").expect("the users are listed");
    let own = rustix::process::geteuid();
    let listed = users.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, gid, ..] = fields[..] else {
            return None;
        };
        Some(Account {
            name: name.to_owned(),
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            change: own.is_root(),
        })
    });
    let fits = |account: &Account| match own.is_root() {
        // sshd lets nobody in who has no shell.
        true => matches!(account.name.as_str(), "postgres" | "daemon" | "nobody"),
        false => account.uid == own.as_raw(),
    };
    let found = listed.filter(fits).min_by_key(|account| account.name != "postgres");
    found.expect("the user is listed")
}

#[track_caller]
fn keygen(key: &Path, arguments: &[&str]) {
    let output = Command::new("ssh-keygen")
        .args(["-q", "-C", "a test", "-f"])
        .arg(key)
        .args(arguments)
        .output()
        .expect("these tests need OpenSSH: sudo apt-get install openssh-server");
    assert!(output.status.success(), "ssh-keygen: {output:?}");
}

fn program(name: &str) -> String {
    let places = ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/sbin"];
    let found = places.iter().map(|place| format!("{place}/{name}"));
    found
        .into_iter()
        .find(|path| Path::new(path).exists())
        .expect("these tests need OpenSSH: sudo apt-get install openssh-server")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has ports");
    listener.local_addr().expect("it is bound").port()
}

/// A session is a process that watches and one that works.
fn descendants_of(parent: Pid) -> Vec<Pid> {
    let children = children_of(parent);
    let further: Vec<Pid> = children.iter().flat_map(|child| descendants_of(*child)).collect();
    children.into_iter().chain(further).collect()
}

fn children_of(parent: Pid) -> Vec<Pid> {
    let parent = parent.as_raw_nonzero().get().to_string();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name in parentheses may hold anything; the parent is the second word after it.
            let after = &stat[stat.rfind(')')? + 1..];
            (after.split_whitespace().nth(1)? == parent).then(|| Pid::from_raw(pid))?
        })
        .collect()
}
