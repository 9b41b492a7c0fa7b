//! Starts the sandbox's server, takes over one that runs already, and stops it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use smol::Timer;

use super::{
    Link, USER,
    binaries::{Binaries, program},
    cluster,
    error::SandboxError,
    place::{Place, SOCKET_PORT},
    process::{Failure, Task},
    system,
    watcher::{self, Watch},
};
use crate::effects::{
    postgres::own_sql::OwnSql,
    regular_file::{self, SMALL},
};

/// How long a server may take to start, or a stopping one to end.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long a stop may wait for statements to be cancelled and data to be written.
const FAST_STOP_LIMIT: Duration = Duration::from_secs(6);
/// How often to check a server that is neither ready nor gone.
const POLL: Duration = Duration::from_millis(50);

/// A server that answers.
#[derive(Debug)]
pub struct Running {
    /// The postmaster's process id.
    pub pid: u32,
    /// The socket's directory, or the loopback's address.
    pub host: String,
    pub port: u16,
    /// The version that the server reports.
    pub version: String,
    /// Whether it ran before we came.
    pub found: bool,
    /// Keeps it running.
    pub watch: Watch,
}

/// What talking to the server's programs needs.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub place: &'a Place,
    pub binaries: &'a Binaries,
    /// The psql among them.
    pub psql: &'a Path,
    /// How to reach the server.
    pub link: &'a Link,
}

impl Context<'_> {
    /// A psql that runs what it reads, stops at the first error, and prints bare values.
    pub fn psql(&self, action: &str, host: &str, port: u16, database: &str) -> Task {
        let task = self
            .place
            .task(action, self.psql)
            .arguments([
                "-XAtq",
                "-v",
                "ON_ERROR_STOP=1",
                "-U",
                USER,
                "-d",
                database,
                "-h",
                host,
                "-p",
            ])
            .arguments([port.to_string()])
            .variable("PGCONNECT_TIMEOUT", "10");
        match self.link {
            Link::Socket => task,
            Link::Loopback { password } => task.variable("PGPASSWORD", password),
        }
    }
}

/// What a postmaster writes about itself into its data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PidFile {
    pid: u32,
    port: u16,
    sockets: String,
    address: String,
}

/// Gets the server running: takes over the one on these files, or starts it.
pub async fn bring_up(context: Context<'_>) -> Result<Running, SandboxError> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        let Some(file) = find_postmaster(context.place).await? else {
            start(context, deadline).await?;
            let Some(file) = find_postmaster(context.place).await? else {
                return Err(start_failed(context.place).await);
            };
            let version = ask(context, &file).await.map_err(|detail| unreachable(&file, detail))?;
            let watch = watcher::set(context.place, file.pid).await?;
            return Ok(running(context, file, version, false, watch));
        };
        match take_over(context, file).await? {
            Ok(running) => return Ok(running),
            Err(error) if Instant::now() > deadline => return Err(error),
            // It is starting or stopping: it will answer soon, or be gone.
            Err(_) => {
                Timer::after(POLL).await;
            }
        }
    }
}

/// Stops the server, at once for its users, and within a bounded time whatever they do.
pub async fn stop(context: Context<'_>) -> Result<(), SandboxError> {
    if find_postmaster(context.place).await?.is_none() {
        return Ok(());
    }
    for (mode, limit) in [("fast", FAST_STOP_LIMIT), ("immediate", FAST_STOP_LIMIT)] {
        let task = context
            .place
            .task(
                "stopping the sandbox's server",
                &context.binaries.directory.join(program("pg_ctl")),
            )
            .arguments([
                "stop",
                "-w",
                "-m",
                mode,
                "-t",
                &limit.as_secs().to_string(),
                "-D",
                "cluster",
            ])
            .limit(limit + Duration::from_secs(4));
        match task.run().await {
            Ok(_) => return Ok(()),
            Err(failure) if find_postmaster(context.place).await?.is_some() => {
                log::warn!("the sandbox's server did not stop ({mode}): {failure:?}");
            }
            Err(_) => return Ok(()),
        }
    }
    Err(SandboxError::Timeout {
        action: "stopping the sandbox's server".to_owned(),
        limit_seconds: FAST_STOP_LIMIT.as_secs() * 2,
    })
}

/// Takes over a server that runs on these files. The inner error is for a server that does not answer yet.
async fn take_over(
    context: Context<'_>,
    file: PidFile,
) -> Result<Result<Running, SandboxError>, SandboxError> {
    let joined = watcher::join(context.place)?;
    if joined.is_none() {
        // Its watcher is gone: killed, or just about to stop the server. If the latter, that shows in a moment.
        Timer::after(POLL * 6).await;
    }
    let version = match ask(context, &file).await {
        Ok(version) => version,
        Err(detail) => return Ok(Err(unreachable(&file, detail))),
    };
    // The watcher may have seen its end before we joined. Then it has sent its signal by now, and the server will stop.
    let watch = match joined {
        Some(watch) if watcher::join(context.place)?.is_some() => watch,
        Some(_) => return Ok(Err(unreachable(&file, "it is stopping".to_owned()))),
        None => watcher::set(context.place, file.pid).await?,
    };
    Ok(Ok(running(context, file, version, true, watch)))
}

fn running(
    context: Context<'_>,
    file: PidFile,
    version: String,
    found: bool,
    watch: Watch,
) -> Running {
    Running {
        host: host_of(context.link, &file),
        pid: file.pid,
        port: file.port,
        version,
        found,
        watch,
    }
}

fn host_of(link: &Link, file: &PidFile) -> String {
    match link {
        Link::Socket => file.sockets.clone(),
        Link::Loopback { .. } => file.address.clone(),
    }
}

/// The version of the server that answers, if it serves these files.
async fn ask(context: Context<'_>, file: &PidFile) -> Result<String, String> {
    let host = host_of(context.link, file);
    let task = context
        .psql("connecting to the sandbox", &host, file.port, "postgres")
        .input(&OwnSql::SandboxFiles {}.message());
    let answer = match task.limit(Duration::from_secs(15)).run().await {
        Ok(answer) => answer,
        Err(Failure::Exit(output)) => return Err(output.trim().to_owned()),
        Err(Failure::Fatal(error)) => return Err(error.to_string()),
    };
    let (directory, version) = answer.trim().rsplit_once('|').unwrap_or_default();
    let cluster = real_cluster(context.place).await;
    let same = smol::unblock({
        let directory = PathBuf::from(directory);
        move || directory.canonicalize().is_ok_and(|directory| directory == cluster)
    })
    .await;
    if same { Ok(version.to_owned()) } else { Err(format!("the server there serves {directory}")) }
}

async fn real_cluster(place: &Place) -> PathBuf {
    let cluster = place.cluster();
    smol::unblock(move || cluster.canonicalize().unwrap_or(cluster)).await
}

/// Finds the postmaster that runs on these files. A file left by an ended one does not matter: PostgreSQL clears it up.
/// But if its process id now belongs to a stranger, or to a dead process that nobody has reaped, PostgreSQL would
/// refuse to start, so this removes the file.
async fn find_postmaster(place: &Place) -> Result<Option<PidFile>, SandboxError> {
    let cluster = real_cluster(place).await;
    smol::unblock(move || {
        let path = cluster.join("postmaster.pid");
        let text = match regular_file::read_text(&path, SMALL) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(SandboxError::of_file(&path, &error)),
        };
        let Some(pid) = text.lines().next().and_then(|line| line.trim().parse().ok()) else {
            log::warn!("{} is damaged and is removed", path.display());
            std::fs::remove_file(&path).map_err(|error| SandboxError::of_file(&path, &error))?;
            return Ok(None);
        };
        if system::is_postmaster(pid, &cluster) {
            return Ok(Some(parse_pid_file(pid, &text)));
        }
        log::warn!("the sandbox's server of last time (process {pid}) is gone; cleaning up");
        if system::is_alive(pid) {
            std::fs::remove_file(&path).map_err(|error| SandboxError::of_file(&path, &error))?;
        }
        Ok(None)
    })
    .await
}

/// The fields of postmaster.pid; a server that is still starting has not written all of them.
fn parse_pid_file(pid: u32, text: &str) -> PidFile {
    let line = |number: usize| text.lines().nth(number).unwrap_or_default().trim().to_owned();
    PidFile {
        pid,
        port: line(3).parse().unwrap_or(SOCKET_PORT),
        sockets: line(4),
        address: line(5),
    }
}

async fn start(context: Context<'_>, deadline: Instant) -> Result<(), SandboxError> {
    let port = match context.link {
        Link::Socket => SOCKET_PORT,
        Link::Loopback { .. } => free_port()?,
    };
    clear_up(context.place, deadline).await?;
    look_at_files(context.place).await?;
    cluster::write_settings(context.place, context.link, port).await?;
    loop {
        let mut task = context
            .place
            .task(
                "starting the sandbox's server",
                &context.binaries.directory.join(program("pg_ctl")),
            )
            // Relative names, because pg_ctl hands them to a shell, and a path may hold quotes.
            .arguments(["start", "-w", "-s", "-t", &START_LIMIT.as_secs().to_string()])
            .arguments(["-D", "cluster", "-l", "server.log"])
            .limit(START_LIMIT + Duration::from_secs(5));
        task.captured = cfg!(unix);
        match task.run().await {
            Ok(_) => return Ok(()),
            Err(Failure::Fatal(error)) => return Err(error),
            Err(Failure::Exit(output)) => {
                log::warn!("pg_ctl: {}", output.trim());
                let error = start_failed(context.place).await;
                // Backends of a killed postmaster end within moments of it, and hold their memory until then.
                let lingering = matches!(&error, SandboxError::StartFailed { log, .. } if log.contains("shared memory block"));
                if !lingering || Instant::now() > deadline {
                    return Err(error);
                }
                Timer::after(POLL * 4).await;
            }
        }
    }
}

/// Checks the files that PostgreSQL opens as it starts: it would wait forever on a pipe in place of one.
async fn look_at_files(place: &Place) -> Result<(), SandboxError> {
    let names = [
        "PG_VERSION",
        "postgresql.conf",
        "postgresql.auto.conf",
        "tusk.conf",
        "pg_hba.conf",
        "pg_ident.conf",
        "postmaster.opts",
    ];
    let files = names.map(|name| place.cluster().join(name));
    let files: Vec<PathBuf> = files.into_iter().chain([place.log()]).collect();
    smol::unblock(move || {
        files.iter().try_for_each(|path| {
            let found = regular_file::look(path);
            found.map(|_| ()).map_err(|error| SandboxError::of_file(path, &error))
        })
    })
    .await
}

/// Waits for what a killed postmaster left behind, and removes its lock on the socket. Nobody else can own that one:
/// the directory is the sandbox's own, and no postmaster runs on its files.
async fn clear_up(place: &Place, deadline: Instant) -> Result<(), SandboxError> {
    let cluster = real_cluster(place).await;
    while Instant::now() < deadline {
        let cluster = cluster.clone();
        if !smol::unblock(move || system::is_worked_in(&cluster)).await {
            break;
        }
        Timer::after(POLL).await;
    }
    let lock = place.sockets.join(format!(".s.PGSQL.{SOCKET_PORT}.lock"));
    let removed = smol::unblock({
        let lock = lock.clone();
        move || std::fs::remove_file(lock)
    });
    match removed.await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(SandboxError::of_file(&lock, &error))
        }
        _ => Ok(()),
    }
}

fn free_port() -> Result<u16, SandboxError> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address
        .map(|address| address.port())
        .map_err(|error| SandboxError::of_file(Path::new("127.0.0.1"), &error))
}

/// The end of the server's log, where it says what is wrong.
async fn start_failed(place: &Place) -> SandboxError {
    let file = place.log();
    let path = file.clone();
    let bytes =
        smol::unblock(move || regular_file::read_end(&path, SMALL)).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let log = lines[lines.len().saturating_sub(12)..].join("\n");
    SandboxError::StartFailed { file: file.display().to_string(), log }
}

fn unreachable(file: &PidFile, detail: String) -> SandboxError {
    SandboxError::Unreachable { pid: file.pid, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_is_read_whole_and_while_it_is_being_written() {
        let whole = "4711\n/data\n1700000000\n5433\n/run/x\nlocalhost\n 123 4\nready   \n";
        let expected = PidFile {
            pid: 4711,
            port: 5433,
            sockets: "/run/x".to_owned(),
            address: "localhost".to_owned(),
        };
        assert_eq!(parse_pid_file(4711, whole), expected);
        let early = parse_pid_file(4711, "4711\n/data\n");
        assert_eq!((early.port, early.sockets.as_str()), (SOCKET_PORT, ""));
    }
}
