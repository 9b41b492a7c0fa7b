//! How long connections take: a pool made and proven, a session out of the pool, a cancel until the server's 57014.
//!
//! Run it with `cargo bench --no-default-features --bench connections`. It starts a PostgreSQL of its own, goes over
//! TCP with TLS and SCRAM as most people do, and prints percentiles; it judges nothing.

#[path = "../tests/support/server.rs"]
mod server;

use std::time::{Duration, Instant};

use server::{PASSWORD, TestServer, USER};
use tusk::{
    base::{
        ids::{ConnectionId, Ids, QueryId, SessionId},
        secret::{Secret, Secrets},
    },
    conninfo::Config,
    effects::postgres::{Postgres, ssh::Surroundings},
    msg::Msg,
    update::{
        connection,
        query::{
            self,
            session::{self, Ending},
        },
    },
};

const POOLS: usize = 200;
const SESSIONS: usize = 2_000;
const CANCELS: usize = 300;

struct Bench {
    postgres: Postgres,
    inbox: flume::Receiver<Msg>,
    ids: Ids,
}

fn main() {
    let server = TestServer::shared();
    let config = Config {
        host: "127.0.0.1".into(),
        port: server.port(),
        user: USER.into(),
        database: server.fresh_database(),
        ..Config::default()
    };
    let (outbox, inbox) = flume::unbounded();
    let mut bench = Bench {
        postgres: Postgres::start_in(
            outbox,
            Surroundings::without_tls_files(&std::env::temp_dir()),
        ),
        inbox,
        ids: Ids::seeded(1),
    };
    let pools = (0..POOLS).map(|_| {
        let (connection, took) = bench.pool(&config);
        bench.close(connection);
        took
    });
    let pools = pools.collect();
    report("a pool made and proven (SC-003: within the connect timeout)", pools);
    let (connection, _) = bench.pool(&config);
    let sessions = (0..SESSIONS).map(|_| {
        let (session, took) = bench.session(connection);
        bench.end(session);
        took
    });
    report("a session out of the pool", sessions.collect());
    let (session, _) = bench.session(connection);
    let cancels = (0..CANCELS).map(|_| bench.cancel(session)).collect();
    report("a cancel, from the effect to 57014 (SC-004: 50 ms)", cancels);
    bench.postgres.shutdown(Duration::from_secs(2));
}

impl Bench {
    fn wait<T>(&self, mut want: impl FnMut(Msg) -> Option<T>) -> T {
        loop {
            let msg = self.inbox.recv_timeout(Duration::from_secs(60));
            if let Some(found) = want(msg.expect("an answer comes")) {
                return found;
            }
        }
    }

    fn pool(&mut self, config: &Config) -> (ConnectionId, Duration) {
        let connection = ConnectionId::next(&mut self.ids);
        let began = Instant::now();
        self.postgres.perform_connection(connection::Effect::Open {
            connection,
            attempt: self.ids.request(),
            config: Box::new(config.clone()),
            secrets: Secrets::with_password(Some(Secret::new(PASSWORD))),
        });
        self.wait(|msg| match msg {
            Msg::Connection(connection::Msg::Opened { .. }) => Some(()),
            Msg::Connection(connection::Msg::OpenFailed { failure, .. }) => panic!("{failure:?}"),
            _ => None,
        });
        let took = began.elapsed();
        (connection, took)
    }

    fn close(&self, connection: ConnectionId) {
        self.postgres.perform_connection(connection::Effect::Close { connection });
        self.wait(|msg| {
            matches!(msg, Msg::Connection(connection::Msg::Closed { .. })).then_some(())
        });
    }

    fn session(&mut self, connection: ConnectionId) -> (SessionId, Duration) {
        let session = SessionId::next(&mut self.ids);
        let began = Instant::now();
        self.postgres.perform_session(session::Effect::Open { session, connection });
        self.wait(|msg| match msg {
            Msg::Session(session::Msg::Opened { .. }) => Some(()),
            Msg::Session(session::Msg::OpenFailed { failure, .. }) => panic!("{failure:?}"),
            _ => None,
        });
        (session, began.elapsed())
    }

    fn end(&self, session: SessionId) {
        let ending = Ending::Return;
        self.postgres.perform_session(session::Effect::End { session, ending });
        self.wait(|msg| matches!(msg, Msg::Session(session::Msg::Ended { .. })).then_some(()));
    }

    fn cancel(&mut self, session: SessionId) -> Duration {
        let query = QueryId::next(&mut self.ids);
        self.postgres.perform_query(query::Effect::Run {
            query,
            session,
            sql: "select generate_series(1, 1000000000)".into(),
            copy_data: None,
            granted_rows: u64::MAX,
            follows: None,
        });
        self.wait(|msg| matches!(msg, Msg::Query(query::Msg::RowsArrived { .. })).then_some(()));
        let began = Instant::now();
        self.postgres.perform_query(query::Effect::Cancel { query, session, ahead: vec![] });
        self.wait(|msg| match msg {
            Msg::Query(query::Msg::Failed { failure, .. }) if failure.is("57014") => Some(()),
            Msg::Query(query::Msg::Failed { failure, .. }) => panic!("{failure:?}"),
            _ => None,
        });
        began.elapsed()
    }
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    println!(
        "{what}: median {:.2?}, 90 % {:.2?}, 99 % {:.2?}, longest {:.2?} of {}",
        at(50),
        at(90),
        at(99),
        at(100),
        times.len()
    );
}
