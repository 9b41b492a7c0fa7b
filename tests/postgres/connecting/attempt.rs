//! One attempt to connect, and what came of it.

use std::time::Duration;

use crate::support::server::{PASSWORD, TestServer, USER};
use tusk::{
    base::{
        ids::Ids,
        secret::{Secret, SecretKind, Secrets},
    },
    conninfo::{Config, SslMode},
    effects::postgres::{Postgres, ssh::Surroundings},
    failure::{Category, Failure},
    msg::Msg,
    update::connection::{self, ServerInfo},
};

/// Connects once with the test user's password.
#[track_caller]
pub fn attempt(config: &Config) -> Result<ServerInfo, Failure> {
    attempt_with(config, &[(SecretKind::Database, PASSWORD)])
}

/// Connects once with these secrets.
#[track_caller]
pub fn attempt_with(config: &Config, known: &[(SecretKind, &str)]) -> Result<ServerInfo, Failure> {
    let mut secrets = Secrets::default();
    for (kind, secret) in known {
        secrets.set(*kind, Some(Secret::new(*secret)));
    }
    let (outbox, inbox) = flume::unbounded();
    let postgres =
        Postgres::start_in(outbox, Surroundings::without_tls_files(&std::env::temp_dir()));
    postgres.perform_connection(connection::Effect::Test {
        attempt: Ids::seeded(1).request(),
        config: Box::new(config.clone()),
        secrets,
    });
    let answer = inbox.recv_timeout(Duration::from_secs(60));
    postgres.shutdown(Duration::from_secs(5));
    match answer.expect("every attempt is answered") {
        Msg::Connection(connection::Msg::Tested { result, .. }) => result,
        other => panic!("this answers nothing: {other:?}"),
    }
}

/// The failure of an attempt must be of this kind and say these words.
#[track_caller]
pub fn refused(
    result: Result<ServerInfo, Failure>,
    category: Category,
    said: &str,
    case: &dyn std::fmt::Debug,
) -> Failure {
    let failure = result.expect_err(&format!("{case:?} must be refused"));
    assert_eq!(failure.category, category, "{case:?}: {failure:?}");
    assert!(failure.message.contains(said), "{case:?}: {failure:?}");
    assert!(failure.next_step.is_some(), "{case:?}: {failure:?}");
    failure
}

/// The test user on 127.0.0.1.
pub fn on_tcp(server: &TestServer, ssl_mode: SslMode) -> Config {
    Config {
        host: "127.0.0.1".into(),
        port: server.port(),
        user: USER.into(),
        database: "postgres".into(),
        ssl_mode,
        ..Config::default()
    }
}
