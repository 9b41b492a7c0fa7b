//! SSH tunnels against a real sshd and a real PostgreSQL: each way to log in, servers that are unknown, changed, revoked
//! or silent, what goes through a tunnel at the same time, and what a session says when its tunnel is gone.

#![allow(clippy::result_large_err, reason = "tests do not mind a large error")]

use crate::support::{password_server, server, sshd};
use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::{
    password_server::{Asks, PasswordServer},
    server::{PASSWORD, ServerCertificate, TestConfig, TestServer, USER},
    sshd::{Agent, Sshd},
};
use rustix::process::Signal;
use tusk::{
    base::{
        ids::{ConnectionId, Ids, QueryId, SessionId},
        secret::{Secret, SecretKind, Secrets},
    },
    conninfo::{Config, SshAuth, SshTunnel, SslMode},
    effects::postgres::{
        Postgres,
        ssh::{KnownHosts, Surroundings},
    },
    failure::{Category, Failure, HostKey, Want},
    msg::Msg,
    update::{
        connection::{self, ServerInfo},
        query::{self, session},
    },
};

/// A runner with surroundings of its own, and what it has said.
struct World {
    postgres: Postgres,
    inbox: flume::Receiver<Msg>,
    ids: Ids,
    kept: Vec<Msg>,
    secrets: Secrets,
    data: tempfile::TempDir,
}

/// How a query ended.
#[derive(Debug)]
enum End {
    Finished { rows: u64, bytes: u64 },
    Failed(Failure),
    Lost(Failure),
}

fn surroundings(data: &Path, theirs: Vec<PathBuf>) -> Surroundings {
    Surroundings {
        known_hosts: KnownHosts { theirs, own: Some(data.join("tusk").join("known_hosts")) },
        agent: None,
        user: "nobody-in-particular".into(),
        keepalive: Duration::from_secs(15),
        tls_files: None,
    }
}

impl World {
    /// One that knows the hosts of these files.
    fn knowing(theirs: Vec<PathBuf>) -> Self {
        Self::with(theirs, |surroundings| surroundings)
    }

    fn with(theirs: Vec<PathBuf>, change: impl FnOnce(Surroundings) -> Surroundings) -> Self {
        let data = tempfile::tempdir().unwrap();
        let (outbox, inbox) = flume::unbounded();
        let postgres = Postgres::start_in(outbox, change(surroundings(data.path(), theirs)));
        let mut secrets = Secrets::default();
        secrets.set(SecretKind::Database, Some(Secret::new(PASSWORD)));
        Self { postgres, inbox, ids: Ids::seeded(1), kept: vec![], secrets, data }
    }

    fn with_secret(mut self, secret: &str) -> Self {
        self.secrets.set(SecretKind::Ssh, Some(Secret::new(secret)));
        self
    }

    fn own_known_hosts(&self) -> PathBuf {
        self.data.path().join("tusk").join("known_hosts")
    }

    #[track_caller]
    fn wait<T>(&mut self, mut want: impl FnMut(&Msg) -> Option<T>) -> T {
        for at in 0..self.kept.len() {
            if let Some(found) = want(&self.kept[at]) {
                self.kept.remove(at);
                return found;
            }
        }
        loop {
            let msg = self.inbox.recv_timeout(Duration::from_secs(60));
            let msg = msg.unwrap_or_else(|_| panic!("no message; these came: {:?}", self.kept));
            let printed = format!("{msg:?}");
            for (_, secret) in self.secrets.iter() {
                assert!(!printed.contains(secret.reveal()), "a secret is in {printed}");
            }
            if let Some(found) = want(&msg) {
                return found;
            }
            self.kept.push(msg);
        }
    }

    #[track_caller]
    fn open(&mut self, config: &Config) -> Result<(ConnectionId, ServerInfo), Failure> {
        let (id, attempt) = (ConnectionId::next(&mut self.ids), self.ids.request());
        self.postgres.perform_connection(connection::Effect::Open {
            connection: id,
            attempt,
            config: Box::new(config.clone()),
            secrets: self.secrets.clone(),
        });
        self.wait(|msg| match msg {
            Msg::Connection(connection::Msg::Opened { attempt: answered, server, .. })
                if *answered == attempt =>
            {
                Some(Ok((id, server.clone())))
            }
            Msg::Connection(connection::Msg::OpenFailed { attempt: answered, failure, .. })
                if *answered == attempt =>
            {
                Some(Err(failure.clone()))
            }
            _ => None,
        })
    }

    #[track_caller]
    fn test(&mut self, config: &Config) -> Result<ServerInfo, Failure> {
        let attempt = self.ids.request();
        self.postgres.perform_connection(connection::Effect::Test {
            attempt,
            config: Box::new(config.clone()),
            secrets: self.secrets.clone(),
        });
        self.wait(|msg| match msg {
            Msg::Connection(connection::Msg::Tested { result, .. }) => Some(result.clone()),
            _ => None,
        })
    }

    #[track_caller]
    fn trust(&mut self, key: HostKey) -> Result<(), Failure> {
        let request = self.ids.request();
        let key = Box::new(key);
        self.postgres.perform_connection(connection::Effect::TrustHostKey { request, key });
        self.wait(|msg| match msg {
            Msg::Connection(connection::Msg::HostKeyTrusted { result, .. }) => Some(result.clone()),
            _ => None,
        })
    }

    #[track_caller]
    fn session(&mut self, connection: ConnectionId) -> Result<SessionId, Failure> {
        let session = SessionId::next(&mut self.ids);
        self.postgres.perform_session(session::Effect::Open { session, connection });
        self.wait(|msg| match msg {
            Msg::Session(session::Msg::Opened { session: opened, .. }) if *opened == session => {
                Some(Ok(session))
            }
            Msg::Session(session::Msg::OpenFailed { session: failed, failure })
                if *failed == session =>
            {
                Some(Err(failure.clone()))
            }
            _ => None,
        })
    }

    fn start(&mut self, session: SessionId, sql: &str, granted_rows: u64) -> QueryId {
        let query = QueryId::next(&mut self.ids);
        self.postgres.perform_query(query::Effect::Run {
            query,
            session,
            sql: sql.into(),
            copy_data: None,
            granted_rows,
            follows: None,
        });
        query
    }

    /// Waits until the server works on a statement.
    #[track_caller]
    fn runs(&self, server: &TestServer, database: &str, part: &str) {
        let sql = format!(
            "select count(*) from pg_stat_activity where state = 'active' and query like '%{part}%' and pid <> pg_backend_pid()"
        );
        for _ in 0..600 {
            if server.psql(database, &sql) != "0" {
                return;
            }
        }
        panic!("{part} does not run");
    }

    #[track_caller]
    fn end(&mut self, query: QueryId) -> End {
        let (mut rows, mut bytes) = (0, 0);
        self.wait(|msg| match msg {
            Msg::Query(query::Msg::RowsArrived { query: of, chunk }) if *of == query => {
                rows += chunk.rows() as u64;
                bytes += chunk.heap_bytes() as u64;
                None
            }
            Msg::Query(query::Msg::Finished { query: of, discarded, .. }) if *of == query => {
                Some(End::Finished { rows: rows + discarded, bytes })
            }
            Msg::Query(query::Msg::Failed { query: of, failure, .. }) if *of == query => {
                Some(End::Failed((**failure).clone()))
            }
            Msg::Query(query::Msg::Lost { query: of, failure, .. }) if *of == query => {
                Some(End::Lost((**failure).clone()))
            }
            _ => None,
        })
    }

    #[track_caller]
    fn run(&mut self, session: SessionId, sql: &str) -> End {
        let query = self.start(session, sql, u64::MAX);
        self.end(query)
    }

    #[track_caller]
    fn lost(&mut self, session: SessionId) -> Failure {
        self.wait(|msg| match msg {
            Msg::Session(session::Msg::Lost { session: lost, failure }) if *lost == session => {
                Some(failure.clone())
            }
            _ => None,
        })
    }

    #[track_caller]
    fn close(&mut self, connection: ConnectionId) {
        self.postgres.perform_connection(connection::Effect::Close { connection });
        self.wait(|msg| {
            matches!(msg, Msg::Connection(connection::Msg::Closed { .. })).then_some(())
        });
    }
}

/// The database through a tunnel, over TCP on the far side.
fn through(server: &TestServer, port: u16, user: &str, auth: SshAuth) -> Config {
    Config {
        host: "127.0.0.1".into(),
        port: server.port(),
        database: server.fresh_database(),
        user: USER.into(),
        ssl_mode: SslMode::Disable,
        ssh: Some(SshTunnel { host: "127.0.0.1".into(), port, user: user.into(), auth }),
        ..Config::default()
    }
}

fn with_key(sshd: &Sshd, key: &Path) -> Config {
    let path = key.display().to_string();
    through(TestServer::shared(), sshd.port(), sshd.user(), SshAuth::Key { path })
}

/// A server, a key that may log in, and a world that knows the server.
fn ready(lines: &[&str]) -> (Sshd, Config, World) {
    let sshd = Sshd::start(lines);
    let key = sshd.key("user", &["-t", "ed25519", "-N", ""]);
    let known = sshd.known_hosts("", &sshd.host_key("ed25519"));
    let config = with_key(&sshd, &key);
    (sshd, config, World::knowing(vec![known]))
}

#[track_caller]
fn is_ssh(failure: &Failure, part: &str) {
    assert_eq!(failure.category, Category::Ssh, "{failure:?}");
    assert!(failure.message.contains(part), "{failure:?}");
    assert!(failure.next_step.is_some(), "{failure:?}");
}

#[track_caller]
fn wants_passphrase(failure: &Failure, part: &str) {
    is_ssh(failure, part);
    assert!(failure.wants_secret(SecretKind::Ssh), "{failure:?}");
}

#[test]
fn a_key_of_each_kind_and_form_opens_a_tunnel() {
    let (sshd, _, mut world) = ready(&[]);
    for (name, arguments) in [
        ("ed25519", &["-t", "ed25519", "-N", ""][..]),
        ("ecdsa", &["-t", "ecdsa", "-b", "384", "-N", ""]),
        ("rsa", &["-t", "rsa", "-b", "2048", "-N", ""]),
        ("rsa-pem", &["-t", "rsa", "-b", "2048", "-N", "", "-m", "PEM"]),
        ("rsa-pkcs8", &["-t", "rsa", "-b", "2048", "-N", "", "-m", "PKCS8"]),
    ] {
        let config = with_key(&sshd, &sshd.key(name, arguments));
        let (connection, server) =
            world.open(&config).unwrap_or_else(|failure| panic!("{name}: {failure:?}"));
        assert_eq!(server.security, "SSH tunnel");
        let session = world.session(connection).unwrap();
        assert!(matches!(world.run(session, "select 1"), End::Finished { rows: 1, .. }));
    }
    assert!(!world.own_known_hosts().exists(), "a known key is not written again");
}

#[test]
fn an_encrypted_key_asks_for_its_passphrase_until_it_is_right() {
    let sshd = Sshd::start(&[]);
    let known = sshd.known_hosts("", &sshd.host_key("ed25519"));
    for form in ["RFC4716", "PKCS8", "PEM"] {
        let name = format!("user-{form}");
        let arguments = ["-t", "rsa", "-b", "2048", "-N", "open sesame", "-m", form];
        let config = with_key(&sshd, &sshd.key(&name, &arguments));
        let world = || World::knowing(vec![known.clone()]);
        wants_passphrase(&world().test(&config).unwrap_err(), "is encrypted");
        let wrong = world().with_secret("open barley").test(&config).unwrap_err();
        wants_passphrase(&wrong, "does not open");
        let right = world().with_secret("open sesame").test(&config);
        assert!(right.is_ok(), "{form}: {right:?}");
    }
}

#[test]
fn a_key_that_the_server_does_not_know_is_refused_with_what_it_takes() {
    let (sshd, _, mut world) = ready(&[]);
    let config = with_key(&sshd, &sshd.stranger("stranger", &["-t", "ed25519", "-N", ""]));
    let failure = world.open(&config).unwrap_err();
    is_ssh(&failure, "refused the key");
    assert_eq!(failure.detail.as_deref(), Some("It takes: publickey."));
    assert_eq!(failure.wants, None, "no passphrase would help");
}

#[test]
fn a_key_file_that_is_not_there_is_said() {
    let (sshd, _, mut world) = ready(&[]);
    let failure = world.open(&with_key(&sshd, &sshd.file("missing"))).unwrap_err();
    is_ssh(&failure, "can't be read");
}

#[test]
fn the_agent_logs_in_with_whichever_of_its_keys_the_server_knows() {
    let sshd = Sshd::start(&[]);
    let known = sshd.known_hosts("", &sshd.host_key("ed25519"));
    let stranger = sshd.stranger("stranger", &["-t", "ed25519", "-N", ""]);
    let right = sshd.key("user", &["-t", "rsa", "-b", "2048", "-N", ""]);
    let config = through(TestServer::shared(), sshd.port(), sshd.user(), SshAuth::Agent);
    let world = |socket: Option<PathBuf>| {
        World::with(vec![known.clone()], |surroundings| Surroundings {
            agent: socket,
            ..surroundings
        })
    };
    let both = Agent::start(&[&stranger, &right]);
    world(Some(both.socket())).open(&config).unwrap();
    let one = Agent::start(&[&stranger]);
    is_ssh(&world(Some(one.socket())).open(&config).unwrap_err(), "refused every key of the agent");
    let empty = Agent::start(&[]);
    is_ssh(&world(Some(empty.socket())).open(&config).unwrap_err(), "has no key");
    is_ssh(&world(None).open(&config).unwrap_err(), "There is no SSH agent");
    let gone = sshd.file("no-agent");
    is_ssh(&world(Some(gone)).open(&config).unwrap_err(), "can't be reached");
}

fn password_world(asks: Asks) -> (Config, World) {
    let ssh = PasswordServer::start(asks);
    let config = through(TestServer::shared(), ssh.port, password_server::USER, SshAuth::Password);
    let data = tempfile::tempdir().unwrap().keep();
    let known = data.join("known_hosts");
    std::fs::write(&known, format!("[127.0.0.1]:{} {}\n", ssh.port, ssh.key)).unwrap();
    (config, World::knowing(vec![known]))
}

#[test]
fn a_password_is_asked_for_until_it_is_right() {
    for asks in [Asks::Password, Asks::Question] {
        let (config, mut world) = password_world(asks);
        wants_passphrase(&world.open(&config).unwrap_err(), "wants a password for ada");
        let mut world = world.with_secret("Annabella 1792");
        wants_passphrase(&world.open(&config).unwrap_err(), "refused this password");
        let mut world = world.with_secret(password_server::PASSWORD);
        let (connection, _) = world.open(&config).unwrap();
        let session = world.session(connection).unwrap();
        assert!(matches!(world.run(session, "select 1"), End::Finished { rows: 1, .. }));
    }
}

#[test]
fn a_server_that_wants_more_than_a_password_says_what() {
    let (config, world) = password_world(Asks::Questions);
    let mut world = world.with_secret(password_server::PASSWORD);
    is_ssh(&world.open(&config).unwrap_err(), "asks “Code from your phone:”");
    let (config, world) = password_world(Asks::PasswordAndKey);
    let mut world = world.with_secret(password_server::PASSWORD);
    let failure = world.open(&config).unwrap_err();
    is_ssh(&failure, "wants publickey as well");
    assert_eq!(failure.wants, None);
}

#[test]
fn a_password_is_not_offered_where_the_server_takes_none() {
    let (sshd, _, world) = ready(&[]);
    let mut world = world.with_secret("secret of ada");
    let config = through(TestServer::shared(), sshd.port(), sshd.user(), SshAuth::Password);
    is_ssh(&world.open(&config).unwrap_err(), "refused a password");
}

#[test]
fn an_unknown_server_is_shown_and_trusted_only_when_the_user_says_so() {
    let sshd = Sshd::start(&[]);
    let key = sshd.key("user", &["-t", "ed25519", "-N", ""]);
    let theirs = sshd.file("their_known_hosts");
    std::fs::write(&theirs, "").unwrap();
    let mut world = World::knowing(vec![theirs.clone()]);
    let config = with_key(&sshd, &key);
    let tested = world.test(&config).unwrap_err();
    is_ssh(&tested, "is not known");
    assert!(tested.next_step.unwrap().contains("Connecting asks"));
    let failure = world.open(&config).unwrap_err();
    let Some(Want::HostKey(shown)) = failure.wants else {
        panic!("{failure:?}");
    };
    assert_eq!((shown.host.as_str(), shown.port), ("127.0.0.1", sshd.port()));
    assert_eq!(shown.algorithm, "ssh-ed25519");
    assert_eq!(shown.fingerprint, sshd.fingerprint("ed25519"));
    assert!(!sshd.log().contains("Accepted"), "nobody logged in");
    assert!(!world.own_known_hosts().exists(), "nothing is trusted yet");
    world.trust(shown).unwrap();
    world.open(&config).unwrap();
    let line = format!("[127.0.0.1]:{} {}\n", sshd.port(), sshd.host_key("ed25519"));
    assert_eq!(std::fs::read_to_string(world.own_known_hosts()).unwrap(), line);
    assert_eq!(std::fs::read_to_string(theirs).unwrap(), "");
}

#[test]
fn a_server_whose_key_changed_is_refused_before_anybody_logs_in() {
    let sshd = Sshd::start(&[]);
    let key = sshd.key("user", &["-t", "ed25519", "-N", ""]);
    let other = sshd.stranger("other", &["-t", "ed25519", "-N", ""]);
    let old = std::fs::read_to_string(other.with_extension("pub")).unwrap();
    let known = sshd.known_hosts("", &old);
    let mut world = World::knowing(vec![known.clone()]);
    let failure = world.open(&with_key(&sshd, &key)).unwrap_err();
    is_ssh(&failure, "has changed");
    assert_eq!(failure.wants, None, "there is nothing to accept");
    let detail = failure.detail.unwrap();
    assert!(detail.contains(&sshd.fingerprint("ed25519")), "{detail}");
    assert!(detail.contains(&format!("{}:1 has SHA256:", known.display())), "{detail}");
    assert!(!sshd.log().contains("Accepted"));
}

#[test]
fn a_revoked_server_key_is_refused() {
    let sshd = Sshd::start(&[]);
    let key = sshd.key("user", &["-t", "ed25519", "-N", ""]);
    let known = sshd.known_hosts("@revoked ", &sshd.host_key("ed25519"));
    let failure = World::knowing(vec![known]).open(&with_key(&sshd, &key)).unwrap_err();
    is_ssh(&failure, "revoked");
    assert_eq!(failure.wants, None);
}

#[test]
fn a_server_is_asked_for_the_kind_of_key_that_is_known() {
    let sshd = Sshd::start(&[]);
    let key = sshd.key("user", &["-t", "ed25519", "-N", ""]);
    for kind in ["rsa", "ecdsa"] {
        let known = sshd.known_hosts("", &sshd.host_key(kind));
        let opened = World::knowing(vec![known]).test(&with_key(&sshd, &key));
        assert!(opened.is_ok(), "{kind}: {opened:?}");
    }
}

#[test]
fn tls_through_a_tunnel_checks_the_certificate_of_the_database_s_host() {
    let (sshd, config, mut world) = ready(&[]);
    let secured = |server: &TestServer, host: &str| Config {
        host: host.into(),
        port: server.port(),
        ssl_mode: SslMode::VerifyFull,
        ssl_root_cert: server.ca_path().display().to_string(),
        database: server.fresh_database(),
        ..config.clone()
    };
    let (_, info) = world.open(&secured(TestServer::shared(), "localhost")).unwrap();
    assert_eq!(info.security, "TLS 1.3 verified through SSH");
    let wrong = TestConfig::default().certificate(ServerCertificate::WrongHost);
    let failure = world.open(&secured(&TestServer::start(wrong), "localhost")).unwrap_err();
    assert_eq!(failure.category, Category::Ssl, "{failure:?}");
    assert!(failure.message.contains("another host name"), "{failure:?}");
    assert!(sshd.log().contains("Accepted publickey"));
}

#[test]
fn a_socket_s_directory_is_of_the_far_side() {
    let (_sshd, config, mut world) = ready(&[]);
    let config = Config { host: TestServer::shared().socket_dir().display().to_string(), ..config };
    let (connection, _) = world.open(&config).unwrap();
    let session = world.session(connection).unwrap();
    assert!(matches!(world.run(session, "select 1"), End::Finished { rows: 1, .. }));
}

#[test]
fn megabytes_of_rows_come_whole_through_a_tunnel() {
    let (_sshd, config, mut world) = ready(&[]);
    let (connection, _) = world.open(&config).unwrap();
    let session = world.session(connection).unwrap();
    let sql = "select repeat(chr(97 + n % 26), 1000) from generate_series(1, 30000) n";
    let End::Finished { rows, bytes } = world.run(session, sql) else {
        panic!("it failed");
    };
    assert_eq!(rows, 30_000);
    assert!(bytes >= 30_000_000, "{bytes}");
    let long = "x".repeat(3 << 20);
    let sql = format!("select length('{long}')");
    assert!(matches!(world.run(session, &sql), End::Finished { rows: 1, .. }));
}

#[test]
fn a_cancel_goes_through_the_tunnel() {
    let (sshd, config, mut world) = ready(&[]);
    let (connection, _) = world.open(&config).unwrap();
    let session = world.session(connection).unwrap();
    let query = world.start(session, "select pg_sleep(3600)", u64::MAX);
    world.runs(TestServer::shared(), &config.database, "pg_sleep(3600)");
    world.postgres.perform_query(query::Effect::Cancel { query, session, ahead: vec![] });
    let End::Failed(failure) = world.end(query) else {
        panic!("it was not cancelled");
    };
    assert!(failure.is("57014"), "{failure:?}");
    world.wait(|msg| matches!(msg, Msg::Query(query::Msg::CancelSent { .. })).then_some(()));
    assert_eq!(sshd.log().matches("Accepted publickey").count(), 1);
}

#[test]
fn a_result_that_is_not_read_on_holds_up_nobody_else_on_the_tunnel() {
    let (_sshd, config, mut world) = ready(&[]);
    let (connection, _) = world.open(&config).unwrap();
    let (first, second) = (world.session(connection).unwrap(), world.session(connection).unwrap());
    let sql = "select repeat('x', 1000) from generate_series(1, 40000)";
    let stalled = world.start(first, sql, 10);
    world.wait(|msg| matches!(msg, Msg::Query(query::Msg::Stalled { .. })).then_some(()));
    // By now far more has come than the channels of the protocol hold by themselves.
    for _ in 0..20 {
        assert!(matches!(
            world.run(second, "select repeat('y', 1000) from generate_series(1, 2000)"),
            End::Finished { rows: 2000, .. }
        ));
    }
    let other = world.start(second, "select pg_sleep(3600)", 1);
    world.runs(TestServer::shared(), &config.database, "pg_sleep(3600)");
    world.postgres.perform_query(query::Effect::Cancel {
        query: other,
        session: second,
        ahead: vec![],
    });
    assert!(matches!(world.end(other), End::Failed(failure) if failure.is("57014")));
    world.postgres.perform_query(query::Effect::GrantRows { query: stalled, rows: u64::MAX / 2 });
    assert!(matches!(world.end(stalled), End::Finished { rows, .. } if rows + 10 >= 40_000));
}

#[test]
fn a_result_that_stands_still_is_told_before_it_fills_the_tunnel() {
    let (_sshd, config, mut world) = ready(&[]);
    let (connection, _) = world.open(&config).unwrap();
    let (first, second) = (world.session(connection).unwrap(), world.session(connection).unwrap());
    let sql = "select repeat('x', 1000) from generate_series(1, 1000000)";
    let stalled = world.start(first, sql, 10);
    let bytes = world.wait(|msg| match msg {
        Msg::Query(query::Msg::HeldUp { query, bytes }) if *query == stalled => Some(*bytes),
        _ => None,
    });
    assert!(bytes > 32 << 20, "{bytes}");
    // What closes it goes through the same tunnel, however full that is by now.
    world.postgres.perform_query(query::Effect::Cancel {
        query: stalled,
        session: first,
        ahead: vec![],
    });
    world.postgres.perform_query(query::Effect::DiscardRows { query: stalled });
    assert!(matches!(world.end(stalled), End::Failed(failure) if failure.is("57014")));
    assert!(matches!(world.run(second, "select 1"), End::Finished { rows: 1, .. }));
}

#[test]
fn many_links_share_one_session_with_the_ssh_server() {
    let (sshd, config, mut world) = ready(&[]);
    let (connection, _) = world.open(&config).unwrap();
    let sessions: Vec<_> = (0..6).map(|_| world.session(connection).unwrap()).collect();
    let queries: Vec<_> = sessions
        .iter()
        .map(|session| {
            world.start(*session, "select pg_backend_pid() from generate_series(1, 5000)", u64::MAX)
        })
        .collect();
    for query in queries {
        assert!(matches!(world.end(query), End::Finished { rows: 5000, .. }));
    }
    let request = world.ids.request();
    let oids = vec![(23, -1)];
    world.postgres.perform_connection(connection::Effect::ResolveTypes {
        request,
        connection,
        oids,
    });
    let names = world.wait(|msg| match msg {
        Msg::Connection(connection::Msg::TypesResolved { names, .. }) => Some(names.clone()),
        _ => None,
    });
    assert_eq!(names, [(23, "integer".to_owned())]);
    assert_eq!(sshd.log().matches("Accepted publickey").count(), 1);
}

#[test]
fn a_tunnel_that_is_killed_is_a_lost_session_with_its_reason_and_the_next_one_is_new() {
    let (sshd, config, mut world) = ready(&[]);
    let (connection, _) = world.open(&config).unwrap();
    let session = world.session(connection).unwrap();
    let query = world.start(session, "select pg_sleep(3600)", u64::MAX);
    world.runs(TestServer::shared(), &config.database, "pg_sleep(3600)");
    sshd.signal_sessions(Signal::KILL);
    let End::Lost(failure) = world.end(query) else {
        panic!("it was not lost");
    };
    let reason = format!("The SSH tunnel to 127.0.0.1:{} was closed by the server.", sshd.port());
    assert_eq!((failure.category, failure.message.as_str()), (Category::Ssh, reason.as_str()));
    assert_eq!(world.lost(session), failure);
    let session = world.session(connection).unwrap();
    assert!(matches!(world.run(session, "select 1"), End::Finished { rows: 1, .. }));
    assert_eq!(sshd.log().matches("Accepted publickey").count(), 2);
}

#[test]
fn a_server_that_falls_silent_is_noticed_by_its_keepalive() {
    let sshd = Sshd::start(&[]);
    let key = sshd.key("user", &["-t", "ed25519", "-N", ""]);
    let known = sshd.known_hosts("", &sshd.host_key("ed25519"));
    let mut world = World::with(vec![known], |surroundings| Surroundings {
        keepalive: Duration::from_millis(200),
        ..surroundings
    });
    let (connection, _) = world.open(&with_key(&sshd, &key)).unwrap();
    let session = world.session(connection).unwrap();
    sshd.signal_sessions(Signal::STOP);
    let failure = world.lost(session);
    assert_eq!(failure.category, Category::Ssh, "{failure:?}");
    assert!(failure.message.contains("timed out: the server does not answer"), "{failure:?}");
}

#[test]
fn forwarding_that_the_server_forbids_is_said() {
    let (_sshd, config, mut world) = ready(&["AllowTcpForwarding no"]);
    let failure = world.open(&config).unwrap_err();
    is_ssh(&failure, "does not allow a tunnel to 127.0.0.1:");
    assert!(failure.next_step.unwrap().contains("AllowTcpForwarding"));
}

#[test]
fn a_database_that_refuses_is_told_from_an_ssh_server_that_does() {
    let (sshd, config, mut world) = ready(&[]);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let far = Config { port: nobody, ..config.clone() };
    let failure = world.open(&far).unwrap_err();
    assert_eq!(failure.category, Category::Connection);
    let words =
        format!("The SSH server 127.0.0.1:{} could not reach 127.0.0.1:{nobody}", sshd.port());
    assert!(failure.message.starts_with(&words), "{failure:?}");
    assert!(failure.message.contains("refused"), "{failure:?}");
    let ssh = config.ssh.clone().map(|ssh| SshTunnel { port: nobody, ..ssh });
    let failure = world.open(&Config { ssh, ..config.clone() }).unwrap_err();
    is_ssh(&failure, "can't be reached. The connection was refused");
    let ssh = config.ssh.clone().map(|ssh| SshTunnel { port: config.port, ..ssh });
    let failure = world.open(&Config { ssh, ..config }).unwrap_err();
    is_ssh(&failure, "SSH");
}

#[test]
fn the_connect_timeout_bounds_a_silent_ssh_server_and_names_it() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let (_sshd, config, mut world) = ready(&[]);
    let ssh = config.ssh.clone().map(|ssh| SshTunnel { port, ..ssh });
    let config = Config { ssh, connect_timeout_s: 1, ..config };
    let failure = world.open(&config).unwrap_err();
    is_ssh(&failure, &format!("The SSH server 127.0.0.1:{port} did not answer within 1 s."));
}

#[test]
fn an_attempt_that_is_abandoned_lets_the_ssh_server_go() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let (_sshd, config, mut world) = ready(&[]);
    let ssh = config.ssh.clone().map(|ssh| SshTunnel { port, ..ssh });
    let (id, attempt) = (ConnectionId::next(&mut world.ids), world.ids.request());
    world.postgres.perform_connection(connection::Effect::Open {
        connection: id,
        attempt,
        config: Box::new(Config { ssh, connect_timeout_s: 0, ..config }),
        secrets: world.secrets.clone(),
    });
    let (mut accepted, _) = silent.accept().unwrap();
    // As far as the key exchange, in which the client waits for the server alone.
    std::io::Write::write_all(&mut accepted, b"SSH-2.0-silent\r\n").unwrap();
    let mut hello = [0; 256];
    assert!(accepted.read(&mut hello).unwrap() > 0);
    world.postgres.perform_connection(connection::Effect::Abandon { attempt });
    let failure = world.wait(|msg| match msg {
        Msg::Connection(connection::Msg::OpenFailed { failure, .. }) => Some(failure.clone()),
        _ => None,
    });
    assert_eq!(failure.category, Category::Cancelled);
    let mut rest = Vec::new();
    accepted.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // A client that had not read everything resets the link instead of closing it: it is gone either way.
    let ended = accepted.read_to_end(&mut rest).map_err(|error| error.kind());
    assert!(
        matches!(ended, Ok(_) | Err(std::io::ErrorKind::ConnectionReset)),
        "the client hangs up: {ended:?}"
    );
}

#[test]
fn closing_the_connection_closes_the_tunnel_and_says_goodbye() {
    let (sshd, config, mut world) = ready(&[]);
    let (connection, _) = world.open(&config).unwrap();
    let session = world.session(connection).unwrap();
    assert!(matches!(world.run(session, "select 1"), End::Finished { .. }));
    let server = TestServer::shared();
    let ours = format!("select pid from pg_stat_activity where datname = '{}'", config.database);
    let ours = server.psql("postgres", &ours);
    assert!(!ours.is_empty());
    world.close(connection);
    sshd.wait_for_log("Disconnected from user");
    // The log is that of every test; each line begins with its process.
    let log = server.log();
    let mut unexpected = log.lines().filter(|line| line.contains("unexpected EOF on client"));
    assert_eq!(
        unexpected.find(|line| ours.lines().any(|pid| line.starts_with(&format!("{pid} ")))),
        None,
        "each session is ended with a Terminate message"
    );
    assert!(world.test(&config).is_ok());
    sshd.wait_for_log("Disconnected from user");
}
