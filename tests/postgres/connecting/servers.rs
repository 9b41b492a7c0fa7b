//! Several servers: their order, which session will do, and the one message when none does.

use std::sync::OnceLock;
use std::time::Duration;

use super::{
    attempt::{attempt, attempt_with, refused},
    peer,
    server::{PASSWORD, ServerCertificate, TestConfig, TestServer, USER},
};
use tusk::{
    base::{
        ids::{ConnectionId, Ids, QueryId, SessionId},
        secret::{Secret, Secrets},
    },
    conninfo::{Config, Endpoint, SslMode, TargetSession},
    effects::postgres::{Postgres, ssh::Surroundings},
    failure::Category,
    msg::Msg,
    update::{
        connection::{self, ServerInfo},
        query::{self, session},
    },
};

/// A primary, its hot standby, and another server whose transactions are read-only by default.
struct Servers {
    primary: TestServer,
    standby: TestServer,
    read_only: TestServer,
}

fn servers() -> &'static Servers {
    static SERVERS: OnceLock<Servers> = OnceLock::new();
    SERVERS.get_or_init(|| {
        let primary = TestServer::start(TestConfig::default());
        let standby = TestServer::standby_of(&primary);
        let read_only = TestServer::start(TestConfig::default());
        read_only
            .psql("postgres", "alter database postgres set default_transaction_read_only = on");
        Servers { primary, standby, read_only }
    })
}

/// Ports on 127.0.0.1 in order.
fn config(ports: &[u16], target_session: TargetSession) -> Config {
    let endpoint =
        |port: &u16| Endpoint { host: "127.0.0.1".into(), port: *port, hostaddr: String::new() };
    Config {
        host: "127.0.0.1".into(),
        port: ports[0],
        fallbacks: ports[1..].iter().map(endpoint).collect(),
        target_session,
        user: USER.into(),
        database: "postgres".into(),
        ssl_mode: SslMode::Disable,
        ..Config::default()
    }
}

fn port_of(info: &ServerInfo) -> u16 {
    info.endpoint.as_ref().expect("it answered").port
}

#[test]
fn the_session_that_is_wanted_is_found_whatever_the_order() {
    use TargetSession::{Any, PreferStandby, Primary, ReadOnly, ReadWrite, Standby};
    let all = servers();
    let (dead, p, s, r) =
        (peer::dead_port(), all.primary.port(), all.standby.port(), all.read_only.port());
    for (ports, wanted, taken) in [
        (vec![dead, p, s], Any, p),
        (vec![s, p], Any, s),
        (vec![s, dead, r, p], ReadWrite, p),
        (vec![p, s], ReadOnly, s),
        (vec![p, r], ReadOnly, r),
        (vec![s, r, p], Primary, r),
        (vec![p, r, s], Standby, s),
        (vec![p, r, s], PreferStandby, s),
        (vec![dead, r, p], PreferStandby, r),
    ] {
        let case = (&ports, wanted);
        let info = attempt(&config(&ports, wanted));
        let info = info.unwrap_or_else(|failure| panic!("{case:?}: {failure:?}"));
        assert_eq!(port_of(&info), taken, "{case:?}");
    }
}

#[test]
fn servers_in_a_new_order_each_time_are_all_reached() {
    let all = servers();
    let (p, s) = (all.primary.port(), all.standby.port());
    let reached = |shuffled| {
        let config = Config { shuffled, ..config(&[peer::dead_port(), p, s], TargetSession::Any) };
        // That the same one of two comes first forty times is less likely than a broken machine.
        let attempts = (0..40).map(|_| port_of(&attempt(&config).unwrap()));
        attempts.collect::<std::collections::BTreeSet<u16>>()
    };
    assert_eq!(reached(true), [p, s].into());
    assert_eq!(reached(false), [p].into());
}

#[test]
fn a_server_that_does_not_report_what_it_is_is_asked() {
    use TargetSession::{PreferStandby, Primary, ReadOnly, ReadWrite, Standby};
    let all = servers();
    let (p, s, r) = (
        peer::old_server(all.primary.port()),
        peer::old_server(all.standby.port()),
        peer::old_server(all.read_only.port()),
    );
    for (ports, wanted, taken) in [
        (vec![s, r, p], ReadWrite, p),
        (vec![p, s], ReadOnly, s),
        (vec![p, r], ReadOnly, r),
        (vec![s, r], Primary, r),
        (vec![p, s], Standby, s),
        (vec![r, p], PreferStandby, r),
    ] {
        let case = (&ports, wanted);
        let info = attempt(&config(&ports, wanted));
        let info = info.unwrap_or_else(|failure| panic!("{case:?}: {failure:?}"));
        assert_eq!(port_of(&info), taken, "{case:?}");
    }
}

#[test]
fn when_all_fail_the_message_names_each_and_why() {
    let all = servers();
    let dead = peer::dead_port();
    let (p, s) = (all.primary.port(), all.standby.port());
    let mut wanted = config(&[dead, p], TargetSession::Standby);
    wanted.fallbacks.push(Endpoint {
        host: "no-such-host.invalid".into(),
        port: 5432,
        hostaddr: String::new(),
    });
    let failure =
        refused(attempt(&wanted), Category::Connection, "No server could be used. ", &wanted);
    for reason in [
        format!("127.0.0.1:{dead}: The connection was refused: nothing listens there."),
        format!("127.0.0.1:{p}: The server is not a hot standby, and one is wanted."),
        "no-such-host.invalid:5432: The host name could not be looked up".to_owned(),
    ] {
        assert!(failure.message.contains(&reason), "{failure:?}");
    }
    let alone = attempt(&config(&[s], TargetSession::ReadWrite)).unwrap_err();
    let said = "The session is read-only, and one that can write is wanted.";
    assert_eq!(alone.message, format!("127.0.0.1:{s}: {said}"));
    let read_only = Config { read_only: true, ..config(&[p], TargetSession::ReadWrite) };
    let failure = attempt(&read_only).unwrap_err();
    assert!(failure.message.contains(said), "{failure:?}");
    let advice = failure.next_step.unwrap();
    assert!(advice.contains("marked as read-only"), "{advice}");
}

#[test]
fn a_refusal_is_not_taken_to_the_next_server() {
    let all = servers();
    let (p, r) = (all.primary.port(), all.read_only.port());
    let role = "create role only_there login password 'there'";
    all.read_only.psql("template1", role);
    let only_there =
        |ports: &[u16]| Config { user: "only_there".into(), ..config(ports, TargetSession::Any) };
    let secret = [(tusk::base::secret::SecretKind::Database, "there")];
    let taken = attempt_with(&only_there(&[r, p]), &secret).unwrap();
    assert_eq!(port_of(&taken), r);
    let dead = peer::dead_port();
    let failure = attempt_with(&only_there(&[dead, p, r]), &secret).unwrap_err();
    assert!(failure.is("28P01"), "{failure:?}");
    let detail = failure.detail.unwrap();
    let expected = format!("This is the answer of 127.0.0.1:{p}. Before that: 127.0.0.1:{dead}: ");
    assert!(detail.starts_with(&expected), "{detail}");
    let no_database = Config { database: "nowhere".into(), ..config(&[p, r], TargetSession::Any) };
    assert!(attempt(&no_database).unwrap_err().is("3D000"));
}

#[test]
fn a_server_that_is_starting_up_is_passed_over_and_waited_for_only_when_there_is_no_other() {
    let all = servers();
    let p = all.primary.port();
    let passed_over = config(&[peer::starting_up(), p], TargetSession::Any);
    assert_eq!(port_of(&attempt(&passed_over).unwrap()), p);
    let starts = peer::starts_after_one_refusal(p);
    let waited_for = config(&[peer::dead_port(), starts], TargetSession::Any);
    assert_eq!(port_of(&attempt(&waited_for).unwrap()), starts);
    let never = Config {
        connect_timeout_s: 1,
        ..config(&[peer::starting_up(), peer::dead_port()], TargetSession::Any)
    };
    let failure = attempt(&never).unwrap_err();
    assert!(failure.is("57P03"), "{failure:?}");
    let said = "the database system is starting up.";
    assert!(failure.message.contains(said), "{failure:?}");
}

#[test]
fn a_silent_server_takes_only_its_share_of_the_time() {
    let p = servers().primary.port();
    let (listener, silent) = peer::listen();
    let one_is_silent = Config { connect_timeout_s: 4, ..config(&[silent, p], TargetSession::Any) };
    assert_eq!(port_of(&attempt(&one_is_silent).unwrap()), p);
    let both_are = Config { connect_timeout_s: 1, ..config(&[silent, silent], TargetSession::Any) };
    let failure = attempt(&both_are).unwrap_err();
    let said = format!("127.0.0.1:{silent}: It did not answer within 0.5 s.");
    assert!(failure.message.contains(&said), "{failure:?}");
    drop(listener);
}

#[test]
fn sockets_and_addresses_may_be_mixed() {
    let all = servers();
    let mut mixed = config(&[peer::dead_port()], TargetSession::Primary);
    mixed.fallbacks = vec![
        Endpoint { host: "/no/such/directory".into(), port: 5432, hostaddr: String::new() },
        Endpoint {
            host: all.standby.socket_dir().display().to_string(),
            port: all.standby.port(),
            hostaddr: String::new(),
        },
        Endpoint {
            host: all.primary.socket_dir().display().to_string(),
            port: all.primary.port(),
            hostaddr: String::new(),
        },
    ];
    let info = attempt(&mixed).unwrap();
    assert_eq!(info.security, "Unix socket");
    assert_eq!(info.endpoint.as_ref(), mixed.fallbacks.last());
}

#[cfg(target_os = "linux")]
#[test]
fn a_socket_without_a_file_is_reached() {
    let server = TestServer::start(TestConfig::default());
    let name = format!("@tusk-test-{}/x", std::process::id());
    let both = format!("{}, {name}", server.socket_dir().display());
    server.restart_with(&[("unix_socket_directories", &both)]);
    let mut config = config(&[server.port()], TargetSession::Any);
    config.host.clone_from(&name);
    let info = attempt(&config).unwrap();
    assert_eq!(info.security, "Unix socket");
    assert_eq!(info.endpoint.unwrap().host, name);
    let (nobody, port) = ("@tusk-test-nobody", server.port());
    config.host = nobody.into();
    let said = format!("The socket {nobody}/.s.PGSQL.{port}: The connection was refused");
    refused(attempt(&config), Category::Connection, &said, &());
}

#[test]
fn a_cancel_goes_to_the_server_that_answered() {
    // Its certificate names the second host alone, so that the cancel has to shake hands with that one too.
    let rules = TestConfig::default().certificate(ServerCertificate::Address);
    let server = TestServer::start(rules);
    let config = Config {
        host: "localhost".into(),
        ssl_mode: SslMode::VerifyFull,
        ssl_root_cert: server.ca_path().display().to_string(),
        ..config(&[peer::dead_port(), server.port()], TargetSession::Any)
    };
    let (outbox, inbox) = flume::unbounded();
    let postgres =
        Postgres::start_in(outbox, Surroundings::without_tls_files(&std::env::temp_dir()));
    let mut ids = Ids::seeded(1);
    let (connection, attempt) = (ConnectionId::next(&mut ids), ids.request());
    let (session, query) = (SessionId::next(&mut ids), QueryId::next(&mut ids));
    let mut came = vec![];
    let mut wait_for = |wanted: fn(&Msg) -> bool| {
        loop {
            let next = inbox.recv_timeout(Duration::from_secs(60));
            let next = next.unwrap_or_else(|_| panic!("this alone came: {came:?}"));
            if wanted(&next) {
                return next;
            }
            came.push(next);
        }
    };
    postgres.perform_connection(connection::Effect::Open {
        connection,
        attempt,
        config: Box::new(config),
        secrets: Secrets::with_password(Some(Secret::new(PASSWORD))),
    });
    wait_for(|msg| matches!(msg, Msg::Connection(connection::Msg::Opened { .. })));
    postgres.perform_session(session::Effect::Open { session, connection });
    wait_for(|msg| matches!(msg, Msg::Session(session::Msg::Opened { .. })));
    postgres.perform_query(query::Effect::Run {
        query,
        session,
        // A row, one that pushes it out of the server, and then none for ten minutes.
        sql:
            "select '1' union all select repeat('x', 20000) union all select 'y' from pg_sleep(600)"
                .into(),
        copy_data: None,
        granted_rows: u64::MAX,
        follows: None,
    });
    wait_for(|msg| matches!(msg, Msg::Query(query::Msg::RowsArrived { .. })));
    postgres.perform_query(query::Effect::Cancel { query, session, ahead: vec![] });
    let failed = wait_for(|msg| matches!(msg, Msg::Query(query::Msg::Failed { .. })));
    assert!(format!("{failed:?}").contains("57014"), "{failed:?}");
    postgres.shutdown(Duration::from_secs(5));
}
