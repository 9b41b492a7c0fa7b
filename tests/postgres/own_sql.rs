//! What Tusk sends by itself, against real servers: it runs nobody else's code, and asks nothing that a role with
//! LOGIN alone may not know.

#![allow(clippy::result_large_err, reason = "tests do not mind a large error")]

mod managed;
mod planted;

use crate::support::{generated, program, server};
use std::sync::Arc;
use std::time::Duration;

use server::TestServer;
use tusk::{
    base::{
        ids::{ConnectionId, Ids, QueryId, SessionId},
        secret::Secrets,
        transaction::Transaction,
    },
    catalog::Catalog,
    conninfo::Config,
    effects::postgres::{Postgres, ssh::Surroundings},
    failure::Failure,
    msg::Msg,
    update::{
        connection,
        query::{
            self,
            read_only::Seal,
            session::{self, Ending},
        },
        schema,
    },
};

/// The real runner, without a window, and what it has said that a user would see.
struct World {
    postgres: Postgres,
    inbox: flume::Receiver<Msg>,
    ids: Ids,
    notices: Vec<String>,
    lost: Vec<Failure>,
    largest_pool: u32,
    transaction: Transaction,
}

impl World {
    fn new() -> Self {
        let (outbox, inbox) = flume::unbounded();
        let surroundings = Surroundings::without_tls_files(&std::env::temp_dir());
        Self {
            postgres: Postgres::start_in(outbox, surroundings),
            inbox,
            ids: Ids::seeded(1),
            notices: vec![],
            lost: vec![],
            largest_pool: 0,
            transaction: Transaction::Idle,
        }
    }

    /// Takes messages until one is the wanted one.
    #[track_caller]
    fn wait<T>(&mut self, mut want: impl FnMut(&Msg) -> Option<T>) -> T {
        loop {
            let msg = self.inbox.recv_timeout(Duration::from_secs(60)).unwrap();
            match &msg {
                Msg::Session(session::Msg::Noticed { notice, .. }) => {
                    self.notices.push(notice.message.clone());
                }
                Msg::Session(session::Msg::Lost { failure, .. })
                | Msg::Connection(connection::Msg::LinkLost { failure, .. }) => {
                    self.lost.push(failure.clone());
                }
                Msg::Connection(connection::Msg::PoolChanged { status, .. }) => {
                    self.largest_pool = self.largest_pool.max(status.size);
                }
                _ => {}
            }
            if let Some(found) = want(&msg) {
                return found;
            }
        }
    }

    #[track_caller]
    fn open(&mut self, config: &Config) -> ConnectionId {
        let (connection, attempt) = (ConnectionId::next(&mut self.ids), self.ids.request());
        self.postgres.perform_connection(connection::Effect::Open {
            connection,
            attempt,
            config: Box::new(config.clone()),
            secrets: Secrets::with_password(None),
        });
        self.wait(|msg| match msg {
            Msg::Connection(connection::Msg::Opened { .. }) => Some(Ok(())),
            Msg::Connection(connection::Msg::OpenFailed { failure, .. }) => {
                Some(Err(failure.clone()))
            }
            _ => None,
        })
        .unwrap();
        connection
    }

    #[track_caller]
    fn catalog(&mut self, connection: ConnectionId) -> Arc<Catalog> {
        let request = self.ids.request();
        self.postgres.perform_schema(schema::Effect::Load { request, connection });
        self.wait(|msg| match msg {
            Msg::Schema(schema::Msg::Loaded { result, .. }) => Some(result.clone()),
            _ => None,
        })
        .unwrap()
    }

    #[track_caller]
    fn names_of(&mut self, connection: ConnectionId, oids: &[(u32, i32)]) -> Vec<(u32, String)> {
        let request = self.ids.request();
        self.postgres.perform_connection(connection::Effect::ResolveTypes {
            request,
            connection,
            oids: oids.to_vec(),
        });
        self.wait(|msg| match msg {
            Msg::Connection(connection::Msg::TypesResolved { names, .. }) => Some(names.clone()),
            _ => None,
        })
    }

    #[track_caller]
    fn session(&mut self, connection: ConnectionId) -> SessionId {
        let session = SessionId::next(&mut self.ids);
        self.postgres.perform_session(session::Effect::Open { session, connection });
        self.wait(|msg| match msg {
            Msg::Session(session::Msg::Opened { .. }) => Some(Ok(())),
            Msg::Session(session::Msg::OpenFailed { failure, .. }) => Some(Err(failure.clone())),
            _ => None,
        })
        .unwrap();
        session
    }

    #[track_caller]
    fn end(&mut self, session: SessionId, ending: Ending) {
        self.postgres.perform_session(session::Effect::End { session, ending });
        self.wait(|msg| matches!(msg, Msg::Session(session::Msg::Ended { .. })).then_some(()));
    }

    #[track_caller]
    fn held(&mut self, session: SessionId) -> Result<Vec<String>, Failure> {
        self.postgres.perform_session(session::Effect::AskHeld { session });
        self.wait(|msg| match msg {
            Msg::Session(session::Msg::HeldAnswered { held, .. }) => Some(held.clone()),
            _ => None,
        })
    }

    #[track_caller]
    fn terminate(&mut self, session: SessionId) -> Result<(), Failure> {
        self.postgres.perform_session(session::Effect::Terminate { session });
        self.wait(|msg| match msg {
            Msg::Session(session::Msg::TerminateAnswered { result, .. }) => Some(result.clone()),
            _ => None,
        })
    }

    /// Runs a statement of the user's, on a read-only connection in its seal.
    #[track_caller]
    fn run_in(&mut self, session: SessionId, sql: &str, seal: Option<Seal>) -> Option<Failure> {
        let query = QueryId::next(&mut self.ids);
        let (sql, granted_rows) = (Arc::from(sql), u64::MAX);
        self.postgres.perform_query(match seal {
            Some(seal) => query::Effect::RunReadOnly { query, session, sql, seal, granted_rows },
            None => query::Effect::Run {
                query,
                session,
                sql,
                copy_data: None,
                granted_rows,
                follows: None,
            },
        });
        let (failure, transaction) = self.wait(|msg| match msg {
            Msg::Query(query::Msg::Finished { transaction, .. }) => Some((None, *transaction)),
            Msg::Query(query::Msg::Failed { failure, transaction, .. }) => {
                Some((Some((**failure).clone()), *transaction))
            }
            Msg::Query(query::Msg::Lost { failure, .. }) => {
                Some((Some((**failure).clone()), Transaction::Idle))
            }
            _ => None,
        });
        self.transaction = transaction;
        failure
    }

    #[track_caller]
    fn run(&mut self, session: SessionId, sql: &str) {
        let failure = self.run_in(session, sql, None);
        assert_eq!(failure, None, "{sql}");
    }
}

fn config(server: &TestServer, database: &str, user: &str) -> Config {
    Config {
        host: server.socket_dir().display().to_string(),
        port: server.port(),
        user: user.into(),
        database: database.into(),
        ..Config::default()
    }
}
