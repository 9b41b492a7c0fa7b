//! The sandbox: a private PostgreSQL with a sample shop, so that there is always something to connect to.
//!
//! `start` finds PostgreSQL's programs, makes a cluster in the data directory, starts a server that only this user (and
//! root) reaches, and loads the sample once. Several Tusks with the same data directory share one server; the last one
//! that uses it stops it. A killed Tusk keeps nothing alive: the watcher stops the server when no Tusk is left, and if
//! the watcher was killed too, the next start takes the server over.
//!
//! Everything is data in and data out: progress as it happens, one result at the end, no step without a timeout.

mod binaries;
mod cluster;
mod error;
mod load;
mod place;
mod process;
mod server;
mod system;
#[cfg(all(test, unix))]
mod tests;
mod watcher;

use std::borrow::Cow;
use std::fmt;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{
    postgres::own_sql::SAMPLE_DATABASE,
    regular_file::{self, SMALL},
};

pub use binaries::SearchPlaces;
pub use error::SandboxError;

use binaries::Binaries;
use place::Place;
use server::Context;
use watcher::Watch;

/// The superuser that owns everything in the sandbox.
pub const USER: &str = "tusk";
pub const DATABASE: &str = SAMPLE_DATABASE;
/// How long to wait for another Tusk that is starting or stopping the same sandbox; it may be loading the sample.
const LOCK_LIMIT: Duration = Duration::from_secs(300);

#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// Tusk's data directory; the sandbox is in its `sandbox` directory.
    pub data_dir: PathBuf,
    /// Where to look for PostgreSQL's programs.
    pub search: SearchPlaces,
    /// Where to put the files if root starts the sandbox and the server's user cannot enter the data directory.
    pub fallbacks: Vec<PathBuf>,
    /// Whether the server listens on the loopback with a password, as on systems without Unix sockets.
    pub loopback: bool,
    /// The SQL of the sample database.
    pub sample: Cow<'static, str>,
}

impl SandboxOptions {
    /// The usual options for this system.
    pub fn new(data_dir: PathBuf) -> Self {
        Self {
            data_dir,
            search: SearchPlaces::of_this_system(),
            fallbacks: system::fallback_directories(),
            loopback: cfg!(not(unix)),
            sample: Cow::Borrowed(load::SAMPLE),
        }
    }
}

/// The progress of the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub step: Step,
    /// More about it, in words for the screen.
    pub detail: String,
    /// How many parts of the step are done.
    pub done: u64,
    /// How many parts it has; 0 if unknown.
    pub total: u64,
}

/// The steps of a start, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Step {
    /// Looking for PostgreSQL's programs and for a place.
    Finding,
    /// Making the database files; only the first time.
    Initializing,
    /// Starting the server, or taking it over.
    Starting,
    /// Loading the sample; only the first time.
    Loading,
    /// The server answers and the sample is there.
    Ready,
}

/// How this sandbox came to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// We started the server.
    Started,
    /// A Tusk that has ended left it running.
    TakenOver,
    /// Another Tusk uses it too.
    Shared,
}

/// A running sandbox. If dropped without `stop`, leaves the server to the watcher, which stops it a moment later.
pub struct Sandbox {
    /// The socket's directory, or the loopback's address: libpq's `host`.
    pub host: String,
    /// The port, also in the socket's name.
    pub port: u16,
    /// The user to connect as.
    pub user: String,
    /// The sample database.
    pub database: String,
    /// The password, if one is needed.
    pub password: Option<String>,
    /// The version that the server reports.
    pub version: String,
    /// The postmaster's process id.
    pub pid: u32,
    /// How it came to run.
    pub origin: Origin,
    installation: Installation,
    files: Files,
    users: File,
    watch: Watch,
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, user, database, version, origin, .. } = self;
        write!(
            formatter,
            "Sandbox({user}@{host}:{port}/{database}, PostgreSQL {version}, {origin:?})"
        )
    }
}

/// How to reach the server.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Link {
    /// A Unix socket in a private directory.
    Socket,
    /// The loopback, with a random password that was made with the cluster.
    Loopback {
        /// The password of the superuser.
        password: String,
    },
}

impl fmt::Debug for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Socket => "Socket",
            Self::Loopback { .. } => "Loopback(***)",
        })
    }
}

/// The programs' common input, kept until the stop.
struct Installation {
    place: Place,
    binaries: Binaries,
    psql: PathBuf,
    link: Link,
}

impl Installation {
    fn context(&self) -> Context<'_> {
        Context { place: &self.place, binaries: &self.binaries, psql: &self.psql, link: &self.link }
    }
}

/// The lock files, which are in the data directory itself: it is the sandbox's identity.
#[derive(Clone)]
struct Files {
    change: PathBuf,
    users: PathBuf,
}

/// Starts the sandbox, or joins the one that runs.
pub async fn start(
    options: SandboxOptions,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Sandbox, SandboxError> {
    report(&mut progress, Step::Finding, "Looking for PostgreSQL");
    let data_dir = make_data_directory(&options.data_dir).await?;
    let files =
        Files { change: data_dir.join("sandbox.lock"), users: data_dir.join("sandbox.users") };
    let found = binaries::find_all(options.search).await?;
    let _changing = lock_for_change(&files).await?;
    let users = open_lock(&files.users).await?;
    let place = place::choose(&data_dir, &options.fallbacks, &system::short_directories()).await?;
    let installation = prepare(place, found, options.loopback, &mut progress).await?;

    report(&mut progress, Step::Starting, "Starting the server");
    let alone = try_lock(&files.users, &users)?;
    let on_users = |error| SandboxError::of_file(&files.users, &error);
    if alone {
        users.unlock().map_err(on_users)?;
    }
    let running = server::bring_up(installation.context()).await?;
    users.lock_shared().map_err(on_users)?;
    load::load_once(installation.context(), &running, &options.sample, &mut progress).await?;
    report(&mut progress, Step::Ready, &format!("PostgreSQL {}", running.version));
    let origin = match (running.found, alone) {
        (false, _) => Origin::Started,
        (true, true) => Origin::TakenOver,
        (true, false) => Origin::Shared,
    };
    let password = match &installation.link {
        Link::Socket => None,
        Link::Loopback { password } => Some(password.clone()),
    };
    Ok(Sandbox {
        host: running.host,
        port: running.port,
        user: USER.to_owned(),
        database: DATABASE.to_owned(),
        password,
        version: running.version,
        pid: running.pid,
        origin,
        installation,
        files,
        users,
        watch: running.watch,
    })
}

impl Sandbox {
    /// Stops the server, unless another Tusk uses it.
    pub async fn stop(self) -> Result<(), SandboxError> {
        let _changing = lock_for_change(&self.files).await?;
        self.users.unlock().map_err(|error| SandboxError::of_file(&self.files.users, &error))?;
        let stopped = if try_lock(&self.files.users, &self.users)? {
            server::stop(self.installation.context()).await
        } else {
            log::info!("another Tusk uses the sandbox: it keeps running");
            Ok(())
        };
        // Held until the server has ended, so that if the stop fails, the watcher still finishes it.
        drop(self.users);
        drop(self.watch);
        stopped
    }
}

/// Finds the programs that fit the files, and makes the files if there are none.
async fn prepare(
    place: Place,
    found: Vec<Binaries>,
    loopback: bool,
    progress: &mut (impl FnMut(Progress) + Send),
) -> Result<Installation, SandboxError> {
    let made_by = made_by(&place).await?;
    let binaries = choose_binaries(&place, found, made_by.as_deref())?;
    let Some(psql) = binaries.psql.clone() else {
        let server = binaries.directory.display().to_string();
        return Err(SandboxError::NoPsql { server, advice: system::installation_advice() });
    };
    let link =
        if loopback { loopback_link(&place, made_by.is_some()).await? } else { Link::Socket };
    if made_by.is_none() {
        report(progress, Step::Initializing, "Making the database files");
        cluster::make(&place, &binaries, &link).await?;
    }
    Ok(Installation { place, binaries, psql, link })
}

/// The version in the cluster's files; `None` if there is no cluster.
async fn made_by(place: &Place) -> Result<Option<String>, SandboxError> {
    let path = place.cluster().join("PG_VERSION");
    let read = smol::unblock({
        let path = path.clone();
        move || regular_file::read_text(&path, SMALL)
    });
    match read.await {
        Ok(version) => Ok(Some(version.trim().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SandboxError::of_file(&path, &error)),
    }
}

fn choose_binaries(
    place: &Place,
    found: Vec<Binaries>,
    made_by: Option<&str>,
) -> Result<Binaries, SandboxError> {
    let mut majors: Vec<u32> = found.iter().map(|binaries| binaries.major).collect();
    majors.sort_unstable();
    majors.dedup();
    let fits =
        |binaries: &Binaries| made_by.is_none_or(|version| binaries.major.to_string() == version);
    found.into_iter().find(fits).ok_or_else(|| SandboxError::OtherVersion {
        cluster: made_by.unwrap_or_default().to_owned(),
        installed: majors.iter().map(u32::to_string).collect::<Vec<_>>().join(", "),
        directory: place.base.display().to_string(),
    })
}

/// The loopback's password: made with the cluster, and kept for the next start in a file for the user alone.
async fn loopback_link(place: &Place, made: bool) -> Result<Link, SandboxError> {
    if !made {
        return Ok(Link::Loopback { password: draw_password() });
    }
    let path = place.base.join("password");
    let read = smol::unblock({
        let path = path.clone();
        move || regular_file::read_text(&path, SMALL)
    });
    let password = read.await.map_err(|error| SandboxError::of_file(&path, &error))?;
    Ok(Link::Loopback { password: password.trim().to_owned() })
}

/// 256 bits: the keys of the standard library's hash maps come from the system's random source.
fn draw_password() -> String {
    use std::hash::{BuildHasher, RandomState};
    (0..4).map(|part: u8| format!("{:016x}", RandomState::new().hash_one(part))).collect()
}

fn report(progress: &mut (impl FnMut(Progress) + Send), step: Step, detail: &str) {
    progress(Progress { step, detail: detail.to_owned(), done: 0, total: 0 });
}

async fn make_data_directory(data_dir: &Path) -> Result<PathBuf, SandboxError> {
    let path = data_dir.to_owned();
    smol::unblock(move || {
        std::fs::create_dir_all(&path)
            .and_then(|()| path.canonicalize())
            .map_err(|error| SandboxError::of_file(&path, &error))
    })
    .await
}

async fn open_lock(path: &Path) -> Result<File, SandboxError> {
    let path = path.to_owned();
    smol::unblock(move || system::open_lock_file(&path)).await
}

/// Takes the lock if nobody else holds it in any way.
fn try_lock(path: &Path, file: &File) -> Result<bool, SandboxError> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(SandboxError::of_file(path, &error)),
    }
}

/// Waits until no other Tusk is starting or stopping this sandbox. The system releases the lock of a killed one.
async fn lock_for_change(files: &Files) -> Result<File, SandboxError> {
    let lock = open_lock(&files.change).await?;
    let deadline = Instant::now() + LOCK_LIMIT;
    while !try_lock(&files.change, &lock)? {
        if Instant::now() > deadline {
            let action = "waiting for another Tusk that starts or stops the sandbox".to_owned();
            return Err(SandboxError::Timeout { action, limit_seconds: LOCK_LIMIT.as_secs() });
        }
        smol::Timer::after(Duration::from_millis(50)).await;
    }
    Ok(lock)
}
