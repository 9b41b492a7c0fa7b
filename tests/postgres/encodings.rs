//! Sessions whose `client_encoding` is another than UTF8, against real servers: what is typed is what is stored, and
//! what is stored is what is shown.
//!
//! The tables are compared with the server's own. Then generated texts travel in generated encodings, changed in each
//! way that there is, as statements, rows, names, notices, errors, notifications and COPY's data; a second session,
//! which speaks UTF-8, says what is really there.

#![allow(clippy::result_large_err, reason = "tests do not mind a large error")]

mod changes;
mod files;
mod tables;
mod texts;

use crate::support::{generated, server};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use self::{
    generated::is_long,
    server::{MAJORS, SUPERUSER, TestConfig, TestServer},
};
use tusk::{
    base::{
        ids::{ConnectionId, Ids, QueryId, SessionId},
        secret::Secrets,
        transaction::Transaction,
    },
    conninfo::Config,
    effects::postgres::{Postgres, ssh::Surroundings},
    failure::Failure,
    msg::Msg,
    update::{
        connection,
        query::{
            self,
            read_only::{self, Kept, Prepared},
            session::{self, Ending},
        },
    },
};

/// A tab on a real server, without a window.
struct Tab {
    postgres: Postgres,
    inbox: flume::Receiver<Msg>,
    ids: Ids,
    connection: ConnectionId,
    session: SessionId,
    notified: Vec<String>,
    /// What a read-only connection keeps for it.
    kept: Option<Kept>,
    transaction: Transaction,
}

/// How a statement ended.
#[derive(Debug, Default, PartialEq)]
struct Ended {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    tag: String,
    failure: Option<Failure>,
    notices: Vec<Failure>,
    /// What the session changed from and to, and the rows that are shown instead.
    changed: Option<(String, String, Vec<Vec<String>>)>,
}

impl Tab {
    fn open(server: &TestServer, database: &str) -> Self {
        Self::connect(config(server, database))
    }

    fn connect(config: Config) -> Self {
        let (outbox, inbox) = flume::unbounded();
        let surroundings = Surroundings::without_tls_files(&std::env::temp_dir());
        let mut ids = Ids::seeded(7);
        let mut tab = Self {
            postgres: Postgres::start_in(outbox, surroundings),
            inbox,
            connection: ConnectionId::next(&mut ids),
            session: SessionId::next(&mut ids),
            ids,
            notified: vec![],
            kept: config.read_only.then(Kept::default),
            transaction: Transaction::Idle,
        };
        let attempt = tab.ids.request();
        tab.postgres.perform_connection(connection::Effect::Open {
            connection: tab.connection,
            attempt,
            config: Box::new(config),
            secrets: Secrets::with_password(None),
        });
        tab.wait(|msg| match msg {
            Msg::Connection(connection::Msg::Opened { .. }) => Some(()),
            Msg::Connection(connection::Msg::OpenFailed { failure, .. }) => panic!("{failure:?}"),
            _ => None,
        });
        tab.open_session();
        tab
    }

    fn open_session(&mut self) {
        self.postgres.perform_session(session::Effect::Open {
            session: self.session,
            connection: self.connection,
        });
        self.wait(|msg| match msg {
            Msg::Session(session::Msg::Opened { .. }) => Some(()),
            Msg::Session(session::Msg::OpenFailed { failure, .. }) => panic!("{failure:?}"),
            _ => None,
        });
    }

    /// Gives the session back to the pool, and takes one out again.
    fn renew_session(&mut self) {
        let session = self.session;
        let ending = Ending::Return;
        self.postgres.perform_session(session::Effect::End { session, ending });
        self.wait(|msg| matches!(msg, Msg::Session(session::Msg::Ended { .. })).then_some(()));
        self.session = SessionId::next(&mut self.ids);
        self.open_session();
    }

    #[track_caller]
    fn wait<T>(&mut self, want: impl Fn(&Msg) -> Option<T>) -> T {
        loop {
            let msg = self.inbox.recv_timeout(Duration::from_secs(60)).unwrap();
            if let Some(found) = want(&msg) {
                return found;
            }
            self.hear(&msg);
        }
    }

    fn hear(&mut self, msg: &Msg) {
        match msg {
            Msg::Session(session::Msg::Notified { payload, .. }) => {
                self.notified.push(payload.clone());
            }
            Msg::Session(session::Msg::Lost { failure, .. }) => panic!("{failure:?}"),
            _ => {}
        }
    }

    fn held(&mut self) -> Result<Vec<String>, Failure> {
        let session = self.session;
        self.postgres.perform_session(session::Effect::AskHeld { session });
        self.wait(|msg| match msg {
            Msg::Session(session::Msg::HeldAnswered { held, .. }) => Some(held.clone()),
            _ => None,
        })
    }

    #[track_caller]
    fn run(&mut self, sql: &str) -> Ended {
        self.run_with(sql, None)
    }

    #[track_caller]
    fn run_with(&mut self, sql: &str, data: Option<&str>) -> Ended {
        let (query, session) = (QueryId::next(&mut self.ids), self.session);
        let granted_rows = u64::MAX;
        let mut passage = None;
        self.postgres.perform_query(match &self.kept {
            None => query::Effect::Run {
                query,
                session,
                sql: sql.into(),
                copy_data: data.map(Into::into),
                granted_rows,
                follows: None,
            },
            Some(kept) => {
                let prepared = read_only::prepare(kept, self.transaction, &Arc::from(sql));
                let Prepared { sql, seal, passage: of } = prepared.unwrap();
                passage = Some(of);
                query::Effect::RunReadOnly { query, session, sql, seal, granted_rows }
            }
        });
        let (ended, after) = self.finish();
        if let (Some(kept), Some(passage)) = (&mut self.kept, &passage) {
            kept.ended(passage, self.transaction, after);
        }
        self.transaction = after;
        ended
    }

    #[track_caller]
    fn finish(&mut self) -> (Ended, Transaction) {
        let mut ended = Ended::default();
        loop {
            let msg = self.inbox.recv_timeout(Duration::from_secs(60)).unwrap();
            self.hear(&msg);
            match msg {
                Msg::Session(session::Msg::Noticed { notice, .. }) => ended.notices.push(*notice),
                Msg::Query(query::Msg::Described { columns, .. }) => {
                    ended.columns = columns.iter().map(|column| column.name.clone()).collect();
                }
                Msg::Query(query::Msg::RowsArrived { chunk, .. }) => {
                    ended.rows.extend(rows_of(&chunk));
                }
                Msg::Query(query::Msg::EncodingChanged { from, to, escaped, .. }) => {
                    let rows = escaped.iter().flatten().flat_map(|chunk| rows_of(chunk));
                    ended.changed = Some((from, to, rows.collect()));
                }
                Msg::Query(query::Msg::Finished { tag, transaction, .. }) => {
                    ended.tag = tag;
                    return (ended, transaction);
                }
                Msg::Query(query::Msg::Failed { failure, transaction, .. }) => {
                    ended.failure = Some(*failure);
                    return (ended, transaction);
                }
                Msg::Query(query::Msg::Lost { failure, .. }) => panic!("{failure:?}"),
                _ => {}
            }
        }
    }

    /// The one value of a query.
    #[track_caller]
    fn value(&mut self, sql: &str) -> String {
        let ended = self.run(sql);
        assert_eq!(ended.failure, None, "{sql}");
        ended.rows[0][0].clone()
    }

    #[track_caller]
    fn fails(&mut self, sql: &str) -> Failure {
        let ended = self.run(sql);
        ended.failure.unwrap_or_else(|| panic!("{sql} ran"))
    }

    #[track_caller]
    fn ok(&mut self, sql: &str) -> Ended {
        let ended = self.run(sql);
        assert_eq!(ended.failure, None, "{sql}");
        ended
    }
}

fn config(server: &TestServer, database: &str) -> Config {
    Config {
        host: server.socket_dir().display().to_string(),
        port: server.port(),
        user: SUPERUSER.into(),
        database: database.into(),
        ..Config::default()
    }
}

fn rows_of(chunk: &tusk::rows::Chunk) -> Vec<Vec<String>> {
    let row = |row| {
        let cells = (0..chunk.columns()).map(|at| chunk.cell(row, at).text().into_owned());
        cells.collect()
    };
    (0..chunk.rows()).map(row).collect()
}

/// A string that means the same whatever `standard_conforming_strings` says.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// A server of each version that is tried.
fn servers() -> Vec<(u32, &'static TestServer)> {
    static SERVERS: [OnceLock<TestServer>; MAJORS.len()] =
        [const { OnceLock::new() }; MAJORS.len()];
    let all = MAJORS.iter().zip(&SERVERS);
    let tried = all.filter(|(major, _)| is_long() || matches!(major, 13 | 18));
    tried
        .map(|(major, server)| {
            let start = || TestServer::start(TestConfig::of_major(*major));
            (*major, server.get_or_init(start))
        })
        .collect()
}
