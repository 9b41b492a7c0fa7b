//! A PostgreSQL of the tests' own: on a Unix socket, on TCP with SCRAM, and with TLS from certificates made here.
//!
//! One server serves a whole test binary (`TestServer::shared`), each test in a database of its own (`fresh_database`);
//! a test that needs other settings starts its own with `TestServer::start`. Where PostgreSQL is missing, the test fails.
//! A shell that waits for the end of a pipe stops the server and removes its files when the test process is gone,
//! however it ended.

#![allow(dead_code, reason = "each test binary uses its own part of the harness")]

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SanType,
};

/// The superuser, who gets in over the socket without a password.
pub const SUPERUSER: &str = "postgres";
/// The user of the tests over TCP: a superuser too, so that a test can do anything, but with a password.
pub const USER: &str = "app";
pub const PASSWORD: &str = "correct horse battery";
/// The passphrase of the one encrypted key.
pub const PASSPHRASE: &str = "open sesame";

/// The major versions of PostgreSQL that the tests have servers of.
pub const MAJORS: [u32; 7] = [12, 13, 14, 15, 16, 17, 18];

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct TestConfig {
    /// Settings for postgresql.conf, as names and values.
    pub settings: Vec<(String, String)>,
    /// Lines of pg_hba.conf that come before the usual ones.
    pub access_rules: Vec<String>,
    /// The certificate that the server shows.
    pub certificate: ServerCertificate,
    /// The language of its messages, as gettext names it: `de`.
    pub language: Option<String>,
    /// Its major version, one of [`MAJORS`]; without one it is the system's own server.
    pub major: Option<u32>,
}

impl Default for TestConfig {
    fn default() -> Self {
        Self {
            settings: Vec::new(),
            access_rules: Vec::new(),
            certificate: ServerCertificate::Right,
            language: None,
            major: None,
        }
    }
}

impl TestConfig {
    /// A server of this major version.
    pub fn of_major(major: u32) -> Self {
        Self { major: Some(major), ..Self::default() }
    }

    /// Adds a setting.
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a rule before the usual ones.
    pub fn access_rule(mut self, rule: &str) -> Self {
        self.access_rules.push(rule.to_owned());
        self
    }

    /// Chooses the language of its messages, whose texts the system has to have.
    pub fn language(mut self, language: &str) -> Self {
        self.language = Some(language.to_owned());
        self.setting("lc_messages", "C.UTF-8")
    }

    /// Chooses the certificate.
    pub fn certificate(mut self, certificate: ServerCertificate) -> Self {
        self.certificate = certificate;
        self
    }
}

/// The certificates that a server can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerCertificate {
    /// For `localhost` and 127.0.0.1, signed by the right authority.
    Right,
    /// For another host, signed by the right authority.
    WrongHost,
    /// For `localhost`, signed by the right authority, and no longer valid.
    Expired,
    /// For `localhost`, signed by the right authority, and valid in a far future.
    NotYetValid,
    /// For `localhost`, signed by nobody else.
    SelfSigned,
    /// For `localhost`, signed by an authority that nobody trusts.
    OtherAuthority,
    /// For 127.0.0.1 alone.
    Address,
    /// For every host of `example.com`.
    Wildcard,
    /// For `localhost` by its common name alone.
    CommonName,
    /// For `localhost` by its common name, of X.509 version 1 and from an authority of its own.
    Version1,
    /// None: the server has no TLS.
    None,
}

/// A server that runs as long as this value, or the test process.
#[derive(Debug)]
pub struct TestServer {
    directory: PathBuf,
    binaries: PathBuf,
    account: Option<(u32, u32)>,
    port: u16,
    language: Option<String>,
    watcher: Option<Child>,
}

impl TestServer {
    /// The server that all tests of this process share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<TestServer> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(TestConfig::default()))
    }

    /// Starts a server with other settings.
    #[track_caller]
    pub fn start(config: TestConfig) -> Self {
        let binaries = match config.major {
            Some(major) => binaries_of(major),
            None => find_binaries(),
        };
        let account = unprivileged_account();
        let directory = make_directory(account);
        let port = free_port();
        let mut server = Self {
            directory,
            binaries,
            account,
            port,
            language: config.language.clone(),
            watcher: None,
        };
        let made = [
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "-A",
            "trust",
            "-U",
            SUPERUSER,
            "-D",
            "cluster",
        ];
        server.run("initdb", &made);
        server.write_certificates();
        server.write_settings(&config);
        server.watcher = Some(server.set_watcher());
        server
            .run("pg_ctl", &["start", "-s", "-w", "-t", "60", "-D", "cluster", "-l", "server.log"]);
        server
            .psql("postgres", &format!("create role {USER} superuser login password '{PASSWORD}'"));
        server
    }

    /// Starts a hot standby of a server, which must let `replication` in over its socket.
    #[track_caller]
    pub fn standby_of(primary: &Self) -> Self {
        let account = unprivileged_account();
        let mut server = Self {
            directory: make_directory(account),
            binaries: find_binaries(),
            account,
            port: free_port(),
            language: None,
            watcher: None,
        };
        let (socket, port) = (primary.socket_dir().display().to_string(), primary.port.to_string());
        server.run(
            "pg_basebackup",
            &[
                "-D",
                "cluster",
                "-R",
                "-X",
                "stream",
                "-c",
                "fast",
                "--no-sync",
                "-h",
                &socket,
                "-p",
                &port,
                "-U",
                SUPERUSER,
            ],
        );
        server.set(&[
            ("port", &server.port.to_string()),
            ("unix_socket_directories", &server.socket_dir().display().to_string()),
        ]);
        server.watcher = Some(server.set_watcher());
        server.start_again();
        server
    }

    /// Restarts the server with another certificate.
    #[track_caller]
    pub fn show_certificate(&self, certificate: ServerCertificate) {
        let Some(name) = certificate.file() else {
            return self.restart_with(&[("ssl", "off")]);
        };
        let path = |ending| {
            let path = self.certificate_path(&format!("{name}.{ending}"));
            path.display().to_string()
        };
        self.restart_with(&[
            ("ssl", "on"),
            ("ssl_cert_file", &path("crt")),
            ("ssl_key_file", &path("key")),
        ]);
    }

    /// Restarts the server with these settings added.
    #[track_caller]
    pub fn restart_with(&self, settings: &[(&str, &str)]) {
        self.set(settings);
        self.stop("fast");
        self.start_again();
    }

    /// Adds settings to those of the file, which hold from the next start.
    fn set(&self, settings: &[(&str, &str)]) {
        let file = self.directory.join("cluster/postgresql.conf");
        let mut text = fs::read_to_string(&file).expect("the server has settings");
        for (name, value) in settings {
            text += &format!("{name} = '{}'\n", value.replace('\'', "''"));
        }
        fs::write(file, text).expect("the settings can be written");
    }

    /// Makes an empty database that no other test uses; gives its name.
    #[track_caller]
    pub fn fresh_database(&self) -> String {
        self.fresh_database_with("")
    }

    /// Makes an empty database with other options, such as `encoding 'SQL_ASCII' locale 'C'`.
    #[track_caller]
    pub fn fresh_database_with(&self, options: &str) -> String {
        self.fresh_database_of(&format!("template0 {options}"))
    }

    /// Makes a copy of a database that nobody is connected to.
    #[track_caller]
    pub fn fresh_database_of(&self, template: &str) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("create database {name} template {template}"));
        name
    }

    /// A URL over the socket, as the superuser, without a password.
    pub fn url_unix(&self, database: &str) -> String {
        let host = self.socket_dir().display().to_string().replace('/', "%2F");
        format!("postgresql://{SUPERUSER}@{host}:{}/{database}", self.port)
    }

    /// A URL over TCP, to 127.0.0.1.
    pub fn url_tcp(&self, database: &str, user: &str, password: &str) -> String {
        let password: String = password.bytes().fold(String::new(), |mut encoded, byte| {
            if byte.is_ascii_alphanumeric() {
                encoded.push(char::from(byte));
            } else {
                write!(encoded, "%{byte:02X}").expect("a string takes everything");
            }
            encoded
        });
        format!("postgresql://{user}:{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// The port, on TCP and in the socket's name.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The directory of the socket.
    pub fn socket_dir(&self) -> PathBuf {
        self.directory.join("run")
    }

    /// The authority that signed the server's certificate.
    pub fn ca_path(&self) -> PathBuf {
        self.certificate_path("ca.crt")
    }

    /// An authority that signed nothing here.
    pub fn other_ca_path(&self) -> PathBuf {
        self.certificate_path("other-ca.crt")
    }

    /// The authority that signed the certificate of X.509 version 1.
    pub fn version_1_ca_path(&self) -> PathBuf {
        self.certificate_path("version-1-ca.crt")
    }

    /// The certificate and the key of a client whose name is the given one, `app` or `stranger`; or of `app` once
    /// more: `app-other` is from the other authority, `app-expired` is no longer valid, and the key of
    /// `app-encrypted` has a passphrase, [`PASSPHRASE`].
    pub fn client_certificate(&self, name: &str) -> (PathBuf, PathBuf) {
        (
            self.certificate_path(&format!("{name}.crt")),
            self.certificate_path(&format!("{name}.key")),
        )
    }

    /// Runs SQL as the superuser and gives what `psql -XAt` prints, without the last newline.
    #[track_caller]
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let printed = String::from_utf8(self.psql_with(database, &["-XAtq"], sql))
            .expect("psql prints UTF-8");
        printed.strip_suffix('\n').unwrap_or(&printed).to_owned()
    }

    /// Runs SQL as the superuser and gives the bytes that `psql --csv` prints.
    #[track_caller]
    pub fn psql_csv(&self, database: &str, sql: &str) -> Vec<u8> {
        self.psql_with(database, &["-Xq", "--csv"], sql)
    }

    /// A psql on the socket, to be run by the test itself.
    pub fn psql_command(&self, database: &str) -> Command {
        // The servers of other versions come without one, and a psql of any version will do.
        let mut command = Command::new(find_binaries().join("psql"));
        clean_environment(&mut command);
        command.env("PGCLIENTENCODING", "UTF8").args([
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            SUPERUSER,
            "-d",
            database,
        ]);
        command.arg("-h").arg(self.socket_dir()).arg("-p").arg(self.port.to_string());
        command
    }

    /// Stops the server as `pg_ctl stop` does: `smart`, `fast` or `immediate`.
    #[track_caller]
    pub fn stop(&self, mode: &str) {
        self.run("pg_ctl", &["stop", "-s", "-w", "-t", "60", "-m", mode, "-D", "cluster"]);
    }

    /// Begins to stop the server, and does not wait for its end.
    #[track_caller]
    pub fn begin_stop(&self, mode: &str) {
        self.run("pg_ctl", &["stop", "-s", "-W", "-m", mode, "-D", "cluster"]);
    }

    /// Starts the server again after `stop`, on the same port.
    #[track_caller]
    pub fn start_again(&self) {
        self.run("pg_ctl", &["start", "-s", "-w", "-t", "60", "-D", "cluster", "-l", "server.log"]);
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.join("server.log")).unwrap_or_default()
    }

    /// What the server has logged from this byte on, and how far the log goes now.
    pub fn log_from(&self, from: u64) -> (String, u64) {
        let read = || {
            let mut file = fs::File::open(self.directory.join("server.log"))?;
            file.seek(SeekFrom::Start(from))?;
            let mut new = Vec::new();
            file.read_to_end(&mut new)?;
            std::io::Result::Ok(new)
        };
        let new = read().expect("the server has a log");
        let text = String::from_utf8_lossy(&new).into_owned();
        (text, from + new.len() as u64)
    }

    #[track_caller]
    fn psql_with(&self, database: &str, arguments: &[&str], sql: &str) -> Vec<u8> {
        let output = self
            .psql_command(database)
            .args(arguments)
            .args(["-c", sql])
            .output()
            .expect("psql runs");
        assert!(
            output.status.success(),
            "psql: {}\n{sql}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    fn certificate_path(&self, name: &str) -> PathBuf {
        self.directory.join("certificates").join(name)
    }

    /// Runs one of PostgreSQL's programs as the server's user.
    #[track_caller]
    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = self.as_server_user(&self.binaries.join(program));
        let output = command.args(arguments).stdin(Stdio::null()).output();
        let output = output.unwrap_or_else(|error| panic!("{program} does not run: {error}"));
        let said =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{program} failed: {said}\nThe server's log:\n{}",
            self.log()
        );
    }

    fn as_server_user(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        clean_environment(&mut command);
        command.env("LC_ALL", "C").current_dir(&self.directory).process_group(0);
        if let Some(language) = &self.language {
            command.env("LANGUAGE", language);
        }
        if let Some((uid, gid)) = self.account {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Starts the shell that stops the server and removes its files when our end of its pipe closes.
    fn set_watcher(&self) -> Child {
        let script = r#"trap '' HUP INT TERM; cat >/dev/null
            "$1/pg_ctl" stop -s -w -t 10 -m immediate -D cluster
            cd / && rm -rf "$2""#;
        let mut command = self.as_server_user(Path::new("/bin/sh"));
        command.args(["-c", script, "sh"]).arg(&self.binaries).arg(&self.directory);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("the watcher's shell runs")
    }

    fn write_settings(&self, config: &TestConfig) {
        let mut text = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{}'\n\
             password_encryption = 'scram-sha-256'\nfsync = off\nfull_page_writes = off\nsynchronous_commit = off\n\
             shared_buffers = 32MB\ntimezone = 'UTC'\nlc_messages = 'C'\nlog_line_prefix = '%p '\n",
            self.port,
            self.socket_dir().display(),
        );
        if let Some(name) = config.certificate.file() {
            let directory = self.directory.join("certificates");
            let directory = directory.display();
            text += &format!(
                "ssl = on\nssl_cert_file = '{directory}/{name}.crt'\nssl_key_file = '{directory}/{name}.key'\n\
                 ssl_ca_file = '{directory}/ca.crt'\n"
            );
        }
        for (name, value) in &config.settings {
            text += &format!("{name} = '{}'\n", value.replace('\'', "''"));
        }
        let cluster = self.directory.join("cluster");
        let written = fs::read_to_string(cluster.join("postgresql.conf"))
            .expect("initdb wrote the settings")
            + &text;
        fs::write(cluster.join("postgresql.conf"), written).expect("the settings can be written");
        let rules = config.access_rules.join("\n");
        let rules = format!(
            "{rules}\nlocal all,replication all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        );
        fs::write(cluster.join("pg_hba.conf"), rules).expect("the rules can be written");
    }

    fn write_certificates(&self) {
        make_open_directory(&self.directory.join("certificates"), self.account);
        let (ca, ca_pem) = authority("Tusk test authority");
        let (other, other_pem) = authority("Another authority");
        self.write_certificate("ca.crt", &ca_pem);
        self.write_certificate("other-ca.crt", &other_pem);
        let localhost =
            Subject { name: "localhost", hosts: &["localhost"], loopback: true, valid: None };
        let of = |name, hosts| Subject { name, hosts, loopback: false, valid: None };
        let past = Some((2020, 2021));
        let future = Some((3000, 3001));
        for (file, subject, issuer) in [
            ("server", localhost, Some(&ca)),
            ("wrong-host", of("elsewhere.example", &["elsewhere.example"]), Some(&ca)),
            ("expired", localhost.valid(past), Some(&ca)),
            ("not-yet-valid", localhost.valid(future), Some(&ca)),
            ("self-signed", localhost, None),
            ("other-authority", localhost, Some(&other)),
            ("address", Subject { hosts: &[], ..localhost }, Some(&ca)),
            ("wildcard", of("any", &["*.example.com"]), Some(&ca)),
            ("common-name", of("localhost", &[]), Some(&ca)),
            (USER, of(USER, &[]), Some(&ca)),
            ("stranger", of("stranger", &[]), Some(&ca)),
            ("app-other", of(USER, &[]), Some(&other)),
            ("app-expired", of(USER, &[]).valid(past), Some(&ca)),
        ] {
            let key = KeyPair::generate().expect("a key can be made");
            self.write_pair(file, &subject.certified(&key, issuer), &key.serialize_pem());
        }
        let key = KeyPair::from_pem(include_str!("certificates/client.key")).expect("it is a key");
        self.write_pair(
            "app-encrypted",
            &of(USER, &[]).certified(&key, Some(&ca)),
            include_str!("certificates/client_encrypted.key"),
        );
        self.write_pair(
            "version-1",
            include_str!("certificates/version_1.crt"),
            include_str!("certificates/version_1.key"),
        );
        self.write_certificate("version-1-ca.crt", include_str!("certificates/version_1_ca.crt"));
    }

    fn write_pair(&self, name: &str, certificate: &str, key: &str) {
        self.write_certificate(&format!("{name}.crt"), certificate);
        self.write_certificate(&format!("{name}.key"), key);
    }

    fn write_certificate(&self, name: &str, text: &str) {
        let path = self.certificate_path(name);
        fs::write(&path, text).expect("a certificate can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
        if let Some((uid, gid)) = self.account {
            chown(&path, Some(uid), Some(gid)).expect("root may give it away");
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some(mut watcher) = self.watcher.take() {
            drop(watcher.stdin.take());
            watcher.wait().expect("the watcher ends");
        }
        // Where the watcher could not remove all of it, a test has left something there.
        if self.directory.exists() {
            fs::remove_dir_all(&self.directory).expect("the server's files can be removed");
        }
    }
}

/// An authority, and its certificate.
fn authority(name: &str) -> (Issuer<'static, KeyPair>, String) {
    let key = KeyPair::generate().expect("a key can be made");
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).expect("an authority signs itself");
    let pem = certificate.pem();
    (Issuer::new(params, key), pem)
}

/// Whom a certificate is for.
#[derive(Clone, Copy)]
struct Subject<'text> {
    name: &'text str,
    hosts: &'text [&'text str],
    loopback: bool,
    /// The years in which it begins and ends to be valid.
    valid: Option<(i32, i32)>,
}

impl Subject<'_> {
    fn valid(self, years: Option<(i32, i32)>) -> Self {
        Self { valid: years, ..self }
    }

    /// Its certificate, signed by the authority or by itself.
    fn certified(&self, key: &KeyPair, authority: Option<&Issuer<'static, KeyPair>>) -> String {
        let hosts: Vec<String> = self.hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts).expect("the hosts are names");
        params.distinguished_name.push(DnType::CommonName, self.name);
        if self.loopback {
            params.subject_alt_names.push(SanType::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()));
        }
        if let Some((from, to)) = self.valid {
            params.not_before = rcgen::date_time_ymd(from, 1, 1);
            params.not_after = rcgen::date_time_ymd(to, 1, 1);
        }
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = match authority {
            Some(authority) => params.signed_by(key, authority),
            None => params.self_signed(key),
        };
        certificate.expect("it can be signed").pem()
    }
}

impl ServerCertificate {
    /// The name of its files, without the ending.
    fn file(self) -> Option<&'static str> {
        Some(match self {
            Self::Right => "server",
            Self::WrongHost => "wrong-host",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::SelfSigned => "self-signed",
            Self::OtherAuthority => "other-authority",
            Self::Address => "address",
            Self::Wildcard => "wildcard",
            Self::CommonName => "common-name",
            Self::Version1 => "version-1",
            Self::None => return None,
        })
    }
}

/// The programs of a server of this major version: the system's own, or one that `scripts/servers.sh` fetched.
#[track_caller]
fn binaries_of(major: u32) -> PathBuf {
    let own = PathBuf::from(format!("/usr/lib/postgresql/{major}/bin"));
    let fetched = fetched_servers().join(major.to_string()).join("bin");
    let is_there = |directory: &PathBuf| directory.join("initdb").is_file();
    [own, fetched.clone()].into_iter().find(is_there).unwrap_or_else(|| {
        panic!(
            "this test needs PostgreSQL {major} in {}: scripts/test fetches it",
            fetched.display()
        )
    })
}

/// Where PostgreSQL's own regression suite is.
pub fn regression_suite() -> PathBuf {
    fetched_servers().join("regression")
}

/// The rows that the regression suite loads, and the order in which its files run.
pub fn regression_data() -> PathBuf {
    fetched_servers().join("regression-data")
}

/// The SQL files that others wrote, a directory for each package.
pub fn public_sql() -> PathBuf {
    fetched_servers().join("public")
}

/// The client programs of this major version: the system's own, or those that `scripts/public_sql.sh` fetched.
#[track_caller]
pub fn clients_of(major: Option<u32>) -> PathBuf {
    let Some(major) = major else {
        return find_binaries();
    };
    let own = PathBuf::from(format!("/usr/lib/postgresql/{major}/bin"));
    let fetched = fetched_servers().join(format!("clients/{major}/bin"));
    let is_there = |directory: &PathBuf| directory.join("pg_dump").is_file();
    [own, fetched.clone()]
        .into_iter()
        .find(is_there)
        .unwrap_or_else(|| {
            panic!(
                "this test needs psql and pg_dump of PostgreSQL {major} in {}: scripts/test fetches them",
                fetched.display()
            )
        })
}

/// Where `scripts/servers.sh` keeps what it fetches.
fn fetched_servers() -> PathBuf {
    if let Some(directory) = std::env::var_os("TUSK_SERVERS") {
        return directory.into();
    }
    let cache = if rustix::process::geteuid().is_root() {
        Some(PathBuf::from("/var/cache"))
    } else {
        dirs::cache_dir()
    };
    cache.unwrap_or_default().join("tusk/servers")
}

/// The server's programs: on PATH, or the newest of Debian's.
fn find_binaries() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|directory| directory.join("postgres"));
    let mut packaged: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin/postgres")))
        })
        .collect();
    packaged.sort();
    let packaged = packaged.into_iter().rev().map(|(_, file)| file);
    let complete = |directory: &PathBuf| {
        ["initdb", "pg_ctl", "psql"].iter().all(|name| directory.join(name).is_file())
    };
    on_path
        .chain(packaged)
        .filter_map(|file| file.canonicalize().ok())
        .filter_map(|file| file.parent().map(Path::to_owned))
        .find(complete)
        .expect("these tests need PostgreSQL's server and psql: sudo apt-get install postgresql")
}

/// Who runs the server when the tests run as root.
fn unprivileged_account() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("the users are listed");
    ["postgres", "nobody"].iter().find_map(|wanted| {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let (name, uid, gid) = (fields.next()?, fields.nth(1)?, fields.next()?);
            (name == *wanted).then_some((uid.parse().ok()?, gid.parse().ok()?))
        })
    })
}

/// A directory for one server, short enough for a socket's path, which everybody may enter.
fn make_directory(account: Option<(u32, u32)>) -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name =
        format!("tusk-server-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let directory = PathBuf::from("/tmp").join(name);
    for path in [directory.clone(), directory.join("run")] {
        make_open_directory(&path, account);
    }
    directory
}

/// Everybody may enter it, and the server's user may remove what is in it.
fn make_open_directory(path: &Path, account: Option<(u32, u32)>) {
    fs::create_dir(path).expect("/tmp is writable, and no other test has this process id");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    if let Some((uid, gid)) = account {
        chown(path, Some(uid), Some(gid)).expect("root may give it away");
    }
}

/// A port that nothing uses now.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("the loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}

/// Removes what is meant for other servers.
fn clean_environment(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
}
