//! Servers on this machine, found by their socket files alone: it connects to nothing.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    thread,
};

use flume::Sender;

use super::{
    postgres::connect::pgpass,
    regular_file::{self, Limit, SMALL},
    services, tls_files,
};
use crate::{
    base::secret::Secret,
    conninfo::VARIABLES,
    update::connection::discovery::{Effect, Environment, LocalServer, Msg},
};

/// Where servers put their sockets: Debian and its relatives, PostgreSQL's own default, and macOS.
const DIRECTORIES: [&str; 5] =
    ["/var/run/postgresql", "/run/postgresql", "/tmp", "/private/tmp", "/var/pgsql_socket"];

/// Debian keeps a world-readable configuration here, as `<version>/<cluster>/postgresql.conf`.
const DEBIAN_CONFIGURATIONS: &str = "/etc/postgresql";

/// A machine may have many accounts.
#[cfg(unix)]
pub(super) const ACCOUNTS: Limit = Limit::megabytes(64);

const SOCKET_PREFIX: &str = ".s.PGSQL.";

/// Searches, and answers through the outbox. Returns at once: a directory may be slow.
pub fn perform(effect: Effect, outbox: Sender<crate::msg::Msg>) {
    let Effect::FindServers { request } = effect;
    let waiting = outbox.clone();
    let started = thread::Builder::new().name("tusk-discovery".into()).spawn(move || {
        let environment = environment(&|name| env::var(name).ok());
        let mut directories: Vec<PathBuf> = DIRECTORIES.iter().map(PathBuf::from).collect();
        // libpq takes a PGHOST with a slash as a directory.
        directories.extend(
            environment
                .variables
                .get("PGHOST")
                .into_iter()
                .flat_map(|hosts| hosts.split(','))
                .filter(|host| host.starts_with('/'))
                .map(PathBuf::from),
        );
        let servers = servers(&directories, Path::new(DEBIAN_CONFIGURATIONS));
        send(&waiting, Msg::ServersFound { request, servers, environment });
    });
    if let Err(error) = started {
        log::warn!("The search for local servers did not start: {error}");
        let environment = environment(&|name| env::var(name).ok());
        send(&outbox, Msg::ServersFound { request, servers: Vec::new(), environment });
    }
}

fn send(outbox: &Sender<crate::msg::Msg>, msg: Msg) {
    if outbox.send(msg.into()).is_err() {
        log::debug!("Nobody waits for local servers any more");
    }
}

fn environment(variable: &dyn Fn(&str) -> Option<String>) -> Environment {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let home = env::home_dir();
    let variables =
        VARIABLES.iter().filter_map(|(name, _)| Some(((*name).to_owned(), variable(name)?)));
    Environment {
        user: account_name()
            .or_else(|| ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(set))
            .unwrap_or_default(),
        home: home.as_ref().map(|home| home.display().to_string()).unwrap_or_default(),
        variables: variables.collect(),
        password: set("PGPASSWORD").map(Secret::new),
        service_files: services::read(variable, home.as_deref()),
        tls_files: tls_files::found(tls_files::directory(variable, home.as_deref()).as_deref()),
        passfile: pgpass::listed(&pgpass::usual(variable, home.as_deref())),
        passfile_path: pgpass::unusual(variable, home.as_deref()),
    }
}

/// The name of the account that the program runs as: libpq uses it, whatever `USER` says.
#[cfg(unix)]
fn account_name() -> Option<String> {
    let accounts = regular_file::read_text(Path::new("/etc/passwd"), ACCOUNTS).ok()?;
    account_of(&accounts, rustix::process::getuid().as_raw())
}

#[cfg(not(unix))]
fn account_name() -> Option<String> {
    None
}

#[cfg(unix)]
fn account_of(accounts: &str, user: u32) -> Option<String> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(user)).then(|| name.to_owned())
    })
}

fn servers(directories: &[PathBuf], debian: &Path) -> Vec<LocalServer> {
    let mut seen = BTreeSet::new();
    let mut servers = Vec::new();
    for directory in directories {
        for port in ports(directory) {
            let socket = directory.join(format!("{SOCKET_PREFIX}{port}"));
            // On most systems /var/run is the same as /run.
            if seen.insert(fs::canonicalize(&socket).unwrap_or(socket)) {
                servers.push(LocalServer {
                    directory: directory.display().to_string(),
                    port,
                    version: version(directory, port)
                        .or_else(|| debian_version(debian, directory, port)),
                });
            }
        }
    }
    servers.sort_by(|one, other| (one.port, &one.directory).cmp(&(other.port, &other.directory)));
    servers
}

fn ports(directory: &Path) -> Vec<u16> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| is_socket(&kind)))
        .filter_map(|entry| {
            // A lock beside a socket ends in `.lock`, which is not a number.
            entry.file_name().to_str()?.strip_prefix(SOCKET_PREFIX)?.parse().ok()
        })
        .collect()
}

#[cfg(unix)]
fn is_socket(kind: &fs::FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_socket(kind)
}

#[cfg(not(unix))]
fn is_socket(_: &fs::FileType) -> bool {
    false
}

/// The lock's second line is the data directory, whose `PG_VERSION` has the major version. Usually only the server's
/// owner may read both, so this works for the user's own servers.
fn version(directory: &Path, port: u16) -> Option<String> {
    let lock = directory.join(format!("{SOCKET_PREFIX}{port}.lock"));
    let lock = regular_file::read_text(&lock, SMALL).ok()?;
    let data = Path::new(lock.lines().nth(1)?);
    let version = regular_file::read_text(&data.join("PG_VERSION"), SMALL).ok()?;
    Some(version.trim().to_owned()).filter(|version| !version.is_empty())
}

/// The one of Debian's clusters that is configured for this port and directory.
fn debian_version(debian: &Path, directory: &Path, port: u16) -> Option<String> {
    let versions = fs::read_dir(debian).ok()?.flatten();
    versions
        .filter_map(|version| {
            let clusters = fs::read_dir(version.path()).ok()?.flatten();
            let matches = |configuration: String| {
                let configured = setting(&configuration, "port").and_then(|port| port.parse().ok());
                let directories = setting(&configuration, "unix_socket_directories")
                    .unwrap_or_else(|| "/var/run/postgresql".into());
                configured == Some(port)
                    && directories.split(',').any(|name| same(Path::new(name.trim()), directory))
            };
            clusters
                .filter_map(|cluster| {
                    regular_file::read_text(&cluster.path().join("postgresql.conf"), SMALL).ok()
                })
                .any(matches)
                .then(|| version.file_name().into_string().ok())?
        })
        .max_by_key(|version| version.parse::<u32>().unwrap_or(0))
}

fn same(one: &Path, other: &Path) -> bool {
    one == other
        || matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

/// The last line that sets a parameter counts, as in the server.
fn setting(configuration: &str, name: &str) -> Option<String> {
    configuration.lines().rev().find_map(|line| {
        let rest = line.trim_start().strip_prefix(name)?;
        let value =
            rest.trim_start().strip_prefix('=').or_else(|| rest.strip_prefix(' '))?.trim_start();
        Some(match value.strip_prefix('\'') {
            Some(quoted) => quoted.split('\'').next()?.to_owned(),
            None => value.split(|c: char| c == '#' || c.is_whitespace()).next()?.to_owned(),
        })
    })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::{os::unix::net::UnixListener, time::Duration};

    use super::*;
    use crate::base::ids::Request;

    fn found(directory: &Path, port: u16, version: Option<&str>) -> LocalServer {
        let directory = directory.display().to_string();
        LocalServer { directory, port, version: version.map(str::to_owned) }
    }

    #[test]
    fn sockets_are_found_and_locks_and_plain_files_are_not() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path();
        let first = UnixListener::bind(directory.join(".s.PGSQL.5433")).unwrap();
        let _second = UnixListener::bind(directory.join(".s.PGSQL.5432")).unwrap();
        let _other = UnixListener::bind(directory.join(".s.other")).unwrap();
        fs::write(directory.join(".s.PGSQL.5434"), "").unwrap();
        fs::write(directory.join(".s.PGSQL.5433.lock"), "1\n/nowhere\n").unwrap();
        let twice = [directory.to_owned(), directory.join("."), directory.join("missing")];
        let servers = servers(&twice, Path::new("/nowhere"));
        assert_eq!(servers, [found(directory, 5432, None), found(directory, 5433, None)]);
        first.set_nonblocking(true).unwrap();
        assert!(first.accept().is_err(), "somebody connected");
    }

    #[test]
    fn the_lock_leads_to_the_version() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path();
        let _server = UnixListener::bind(directory.join(".s.PGSQL.5432")).unwrap();
        let data = directory.join("data");
        fs::create_dir(&data).unwrap();
        fs::write(data.join("PG_VERSION"), "15\n").unwrap();
        let lock = format!("123\n{}\n1700000000\n5432\n", data.display());
        fs::write(directory.join(".s.PGSQL.5432.lock"), lock).unwrap();
        let servers = servers(&[directory.to_owned()], Path::new("/nowhere"));
        assert_eq!(servers, [found(directory, 5432, Some("15"))]);
    }

    #[test]
    fn debian_tells_the_version_of_the_cluster_with_this_port_and_directory() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("run");
        fs::create_dir(&directory).unwrap();
        let _server = UnixListener::bind(directory.join(".s.PGSQL.5433")).unwrap();
        let debian = place.path().join("etc");
        let shown = directory.display();
        for (cluster, configuration) in [
            (
                "15/main",
                format!(
                    "port = 5433\nunix_socket_directories = '{shown}, /tmp' # here\nport = 5432"
                ),
            ),
            (
                "16/main",
                format!("#port = 1\nport=5433\t# (change)\nunix_socket_directories = '/x,{shown}'"),
            ),
            ("17/main", "port = 5433\nunix_socket_directories = '/elsewhere'".into()),
        ] {
            fs::create_dir_all(debian.join(cluster)).unwrap();
            fs::write(debian.join(cluster).join("postgresql.conf"), configuration).unwrap();
        }
        let servers = servers(std::slice::from_ref(&directory), &debian);
        assert_eq!(servers, [found(&directory, 5433, Some("16"))]);
    }

    #[test]
    fn the_environment_is_read_as_it_stands_and_its_password_is_a_secret() {
        let read = environment(&|name| match name {
            "PGHOST" => Some("/srv".into()),
            "PGPORT" => Some("many".into()),
            "PGUSER" => Some(String::new()),
            "PGPASSWORD" => Some("hunter2".into()),
            "PGSERVICEFILE" => Some("/nowhere/at/all".into()),
            _ => None,
        });
        let variables: Vec<_> =
            read.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(variables, [("PGHOST", "/srv"), ("PGPORT", "many"), ("PGUSER", "")]);
        assert_eq!(read.password, Some(Secret::new("hunter2")));
        assert!(!format!("{read:?}").contains("hunter2"));
        assert_eq!(read.service_files[0].path, "/nowhere/at/all");
        assert!(read.service_files[0].services.is_err());
    }

    #[test]
    fn the_account_is_known_by_its_number() {
        let accounts =
            "root:x:0:0:root:/root:/bin/sh\n# odd\nanna:x:1000:1000:Anna:/home/anna:/bin/sh\n";
        assert_eq!(account_of(accounts, 1000).as_deref(), Some("anna"));
        assert_eq!(account_of(accounts, 100), None);
    }

    #[test]
    fn a_search_answers_with_its_request() {
        let (outbox, inbox) = flume::unbounded();
        perform(Effect::FindServers { request: Request(4) }, outbox);
        let answer = inbox.recv_timeout(Duration::from_secs(60)).unwrap();
        assert!(
            matches!(
                answer,
                crate::msg::Msg::Discovery(Msg::ServersFound { request: Request(4), .. })
            ),
            "{answer:?}"
        );
    }
}
