//! The effects alone: the runner without a Model, what it has said, and an account of what it owes. Each effect ends in
//! exactly one message, and the figures of a pool make sense at each of them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::server::{PASSWORD, SUPERUSER, TestServer};
use tusk::{
    base::{
        ids::{ConnectionId, Ids, QueryId, Request, SessionId},
        secret::{Secret, Secrets},
        transaction::Transaction,
    },
    conninfo::Config,
    effects::postgres::{Postgres, ssh::Surroundings},
    failure::Failure,
    msg::Msg,
    update::{
        connection::{self, PoolStatus, ServerInfo, keychain},
        keeping,
        query::{
            self,
            read_only::Seal,
            session::{self, Ending},
        },
        schema,
    },
};

/// Longer than anything takes; only a hang reaches it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A row, another one that is large enough to push the first one out of the server, and then none for ten minutes.
pub const ONE_ROW_THEN_NOTHING: &str =
    "select '1' union all select repeat('x', 20000) union all select 'y' from pg_sleep(600)";

/// A runner, what it has said, and what it still owes.
pub struct Effects {
    pub postgres: Postgres,
    pub inbox: flume::Receiver<Msg>,
    pub ids: Ids,
    /// What came while something else was waited for; nothing where that is forgotten.
    pub kept: Vec<Msg>,
    forgets: bool,
    /// Effects that must end once, and how often they have.
    pub owed: BTreeMap<String, u32>,
    /// The figures of each pool, as they were told last.
    pub status: BTreeMap<ConnectionId, PoolStatus>,
    /// Sessions that were asked for and not answered.
    pub asked: BTreeMap<SessionId, ConnectionId>,
    /// Sessions that stand, with their server processes.
    pub held: BTreeMap<SessionId, (ConnectionId, i32)>,
}

/// How a query ended.
#[derive(Debug, Default)]
pub struct Ended {
    pub columns: Vec<String>,
    pub rows: usize,
    /// Those of the first rows.
    pub cells: Vec<Vec<Option<Vec<u8>>>>,
    pub chunks: Vec<usize>,
    pub tag: String,
    pub transaction: Transaction,
    pub discarded: u64,
    pub failure: Option<Failure>,
    pub lost: bool,
}

impl Effects {
    pub fn new() -> Self {
        let (outbox, inbox) = flume::unbounded();
        Self::between(outbox, inbox)
    }

    /// A runner that forgets what comes while something else is waited for: it holds no memory of a flood.
    pub fn forgetful() -> Self {
        Self { forgets: true, ..Self::new() }
    }

    /// A runner that is not the only one to speak.
    pub fn between(outbox: flume::Sender<Msg>, inbox: flume::Receiver<Msg>) -> Self {
        let surroundings = Surroundings::without_tls_files(&std::env::temp_dir());
        Self {
            postgres: Postgres::start_in(outbox, surroundings),
            inbox,
            ids: Ids::seeded(1),
            kept: vec![],
            forgets: false,
            owed: BTreeMap::new(),
            status: BTreeMap::new(),
            asked: BTreeMap::new(),
            held: BTreeMap::new(),
        }
    }

    /// A runner with one open connection and one session on it.
    #[track_caller]
    pub fn with_session(config: &Config) -> (Self, ConnectionId, SessionId) {
        let mut effects = Self::new();
        let (connection, _) = effects.open(config, None).unwrap();
        let (session, _) = effects.session(connection).unwrap();
        (effects, connection, session)
    }

    /// Takes an effect into the account, by a name of its own.
    #[track_caller]
    pub fn owe(&mut self, key: String) {
        let before = self.owed.insert(key.clone(), 0);
        assert_ne!(before, Some(0), "{key} is asked again before it is answered");
    }

    /// Whether everything that was asked has been answered.
    pub fn owes_nothing(&self) -> bool {
        self.owed.values().all(|times| *times == 1)
    }

    /// The next message. A minute without any is a fault.
    #[track_caller]
    pub fn receive(&mut self) -> Msg {
        let msg = self.inbox.recv_timeout(PATIENCE);
        let msg = msg.unwrap_or_else(|_| {
            let owed = self.not_ended_once();
            panic!("a message is missing; it owes {owed:?}; these were put aside: {:?}", self.kept)
        });
        self.note(&msg);
        msg
    }

    /// Takes a message into the account.
    #[track_caller]
    pub fn note(&mut self, msg: &Msg) {
        if let Some(key) = ended_by(msg) {
            let times = self.owed.get_mut(&key);
            let times = times.unwrap_or_else(|| panic!("nobody asked for {msg:?}"));
            *times += 1;
            assert_eq!(*times, 1, "{key} ended twice");
        }
        match msg {
            Msg::Session(session::Msg::Opened { session, backend_pid }) => {
                if let Some(connection) = self.asked.remove(session) {
                    self.held.insert(*session, (connection, *backend_pid));
                }
            }
            Msg::Session(session::Msg::OpenFailed { session, .. }) => {
                self.asked.remove(session);
            }
            Msg::Session(session::Msg::Ended { session } | session::Msg::Lost { session, .. }) => {
                self.held.remove(session);
            }
            Msg::Connection(connection::Msg::PoolChanged { connection, status }) => {
                self.status.insert(*connection, *status);
                let PoolStatus { size, available, waiting, max } = *status;
                assert!(available <= size && size <= max, "{status:?}");
                let asked = self.asked.values().filter(|of| *of == connection).count();
                assert!(waiting as usize <= asked, "{status:?}, but {asked} asked");
            }
            _ => {}
        }
    }

    /// Waits for a message, also for one that came before.
    #[track_caller]
    pub fn wait<T>(&mut self, mut want: impl FnMut(&Msg) -> Option<T>) -> T {
        for at in 0..self.kept.len() {
            if let Some(found) = want(&self.kept[at]) {
                self.kept.remove(at);
                return found;
            }
        }
        loop {
            let msg = self.receive();
            if let Some(found) = want(&msg) {
                return found;
            }
            if !self.forgets {
                self.kept.push(msg);
            }
        }
    }

    pub fn start_test(&mut self, config: &Config) -> Request {
        let attempt = self.ids.request();
        self.owe(format!("test {attempt:?}"));
        self.postgres.perform_connection(connection::Effect::Test {
            attempt,
            config: Box::new(config.clone()),
            secrets: Secrets::default(),
        });
        attempt
    }

    pub fn start_open(
        &mut self,
        config: &Config,
        password: Option<&str>,
    ) -> (ConnectionId, Request) {
        let (connection, attempt) = (ConnectionId::next(&mut self.ids), self.ids.request());
        self.owe(format!("open {attempt:?}"));
        self.postgres.perform_connection(connection::Effect::Open {
            connection,
            attempt,
            config: Box::new(config.clone()),
            secrets: Secrets::with_password(password.map(Secret::new)),
        });
        (connection, attempt)
    }

    #[track_caller]
    pub fn opened(&mut self, wanted: Request) -> Result<ServerInfo, Failure> {
        self.wait(|msg| match msg {
            Msg::Connection(connection::Msg::Opened { attempt, server, .. })
                if *attempt == wanted =>
            {
                Some(Ok(server.clone()))
            }
            Msg::Connection(connection::Msg::OpenFailed { attempt, failure, .. })
                if *attempt == wanted =>
            {
                Some(Err(failure.clone()))
            }
            _ => None,
        })
    }

    #[track_caller]
    pub fn open(
        &mut self,
        config: &Config,
        password: Option<&str>,
    ) -> Result<(ConnectionId, ServerInfo), Failure> {
        let (connection, attempt) = self.start_open(config, password);
        self.opened(attempt).map(|server| (connection, server))
    }

    /// Opens a connection with the tests' password, which must go well.
    #[track_caller]
    pub fn connect(&mut self, config: &Config) -> ConnectionId {
        self.open(config, Some(PASSWORD)).unwrap().0
    }

    pub fn start_session(&mut self, connection: ConnectionId) -> SessionId {
        let session = SessionId::next(&mut self.ids);
        self.owe(format!("session {session}"));
        self.asked.insert(session, connection);
        self.postgres.perform_session(session::Effect::Open { session, connection });
        session
    }

    #[track_caller]
    pub fn session_opened(&mut self, wanted: SessionId) -> Result<i32, Failure> {
        self.wait(|msg| match msg {
            Msg::Session(session::Msg::Opened { session, backend_pid }) if *session == wanted => {
                Some(Ok(*backend_pid))
            }
            Msg::Session(session::Msg::OpenFailed { session, failure }) if *session == wanted => {
                Some(Err(failure.clone()))
            }
            _ => None,
        })
    }

    /// A session, and the process that serves it.
    #[track_caller]
    pub fn session(&mut self, connection: ConnectionId) -> Result<(SessionId, i32), Failure> {
        let session = self.start_session(connection);
        self.session_opened(session).map(|backend_pid| (session, backend_pid))
    }

    /// A session, which must be there to be had.
    #[track_caller]
    pub fn session_on(&mut self, connection: ConnectionId) -> SessionId {
        self.session(connection).unwrap().0
    }

    pub fn start_end(&mut self, session: SessionId, ending: Ending) {
        self.owe(format!("end {session}"));
        self.postgres.perform_session(session::Effect::End { session, ending });
    }

    #[track_caller]
    pub fn end(&mut self, wanted: SessionId, ending: Ending) {
        self.start_end(wanted, ending);
        self.wait(|msg| {
            matches!(msg, Msg::Session(session::Msg::Ended { session }) if *session == wanted)
                .then_some(())
        });
    }

    /// What a session holds that its end would undo.
    #[track_caller]
    pub fn held(&mut self, wanted: SessionId) -> Result<Vec<String>, Failure> {
        self.owe(format!("held {wanted}"));
        self.postgres.perform_session(session::Effect::AskHeld { session: wanted });
        self.wait(|msg| match msg {
            Msg::Session(session::Msg::HeldAnswered { session, held }) if *session == wanted => {
                Some(held.clone())
            }
            _ => None,
        })
    }

    #[track_caller]
    pub fn lost(&mut self, wanted: SessionId) -> Failure {
        self.wait(|msg| match msg {
            Msg::Session(session::Msg::Lost { session, failure }) if *session == wanted => {
                Some(failure.clone())
            }
            _ => None,
        })
    }

    pub fn start(
        &mut self,
        session: SessionId,
        sql: &str,
        granted_rows: u64,
        copy_data: Option<&str>,
    ) -> QueryId {
        let query = QueryId::next(&mut self.ids);
        self.owe(format!("query {query}"));
        self.postgres.perform_query(query::Effect::Run {
            query,
            session,
            sql: sql.into(),
            copy_data: copy_data.map(Arc::from),
            granted_rows,
            follows: None,
        });
        query
    }

    pub fn start_read_only(&mut self, session: SessionId, sql: &str) -> QueryId {
        let query = QueryId::next(&mut self.ids);
        self.owe(format!("query {query}"));
        let seal =
            Seal::Whole { settings: vec![], confirm: false, asks_settings: None, names: vec![] };
        self.postgres.perform_query(query::Effect::RunReadOnly {
            query,
            session,
            sql: sql.into(),
            seal,
            granted_rows: u64::MAX,
        });
        query
    }

    #[track_caller]
    pub fn run(&mut self, session: SessionId, sql: &str) -> Ended {
        let query = self.start(session, sql, u64::MAX, None);
        self.finish(query)
    }

    #[track_caller]
    pub fn run_read_only(&mut self, session: SessionId, sql: &str) -> Ended {
        let query = self.start_read_only(session, sql);
        self.finish(query)
    }

    /// Reads a query to its end.
    #[track_caller]
    pub fn finish(&mut self, wanted: QueryId) -> Ended {
        let mut ended = Ended::default();
        let mut seen = std::mem::take(&mut self.kept).into_iter();
        let mut kept = vec![];
        loop {
            let msg = seen.next().unwrap_or_else(|| self.receive());
            match msg {
                Msg::Query(msg) if query_of(&msg) == Some(wanted) => {
                    if ended.hear(msg) {
                        break;
                    }
                }
                other => kept.push(other),
            }
        }
        kept.extend(seen);
        self.kept = kept;
        ended
    }

    #[track_caller]
    pub fn stalled(&mut self, wanted: QueryId) -> u64 {
        self.wait(|msg| match msg {
            Msg::Query(query::Msg::Stalled { query, rows }) if *query == wanted => Some(*rows),
            _ => None,
        })
    }

    #[track_caller]
    pub fn first_rows(&mut self, wanted: QueryId) -> usize {
        self.wait(|msg| match msg {
            Msg::Query(query::Msg::RowsArrived { query, chunk }) if *query == wanted => {
                Some(chunk.rows())
            }
            _ => None,
        })
    }

    /// Rows that have come and are not yet looked at.
    pub fn rows_kept(&self, wanted: QueryId) -> usize {
        let rows = |msg: &Msg| match msg {
            Msg::Query(query::Msg::RowsArrived { query, chunk }) if *query == wanted => {
                chunk.rows()
            }
            _ => 0,
        };
        self.kept.iter().map(rows).sum()
    }

    pub fn start_cancel(&mut self, query: QueryId, session: SessionId) {
        self.owe(format!("cancel {query}"));
        self.postgres.perform_query(query::Effect::Cancel { query, session, ahead: vec![] });
    }

    #[track_caller]
    pub fn cancelled(&mut self, wanted: QueryId) -> Result<(), Failure> {
        self.wait(|msg| match msg {
            Msg::Query(query::Msg::CancelSent { query }) if *query == wanted => Some(Ok(())),
            Msg::Query(query::Msg::CancelFailed { query, failure }) if *query == wanted => {
                Some(Err((**failure).clone()))
            }
            _ => None,
        })
    }

    /// Waits until a pool is told to be like this.
    #[track_caller]
    pub fn pool(&mut self, size: u32, available: u32, waiting: u32) {
        self.wait(|msg| match msg {
            Msg::Connection(connection::Msg::PoolChanged {
                status: PoolStatus { size: s, available: a, waiting: w, .. },
                ..
            }) => ((*s, *a, *w) == (size, available, waiting)).then_some(()),
            _ => None,
        });
    }

    /// Waits until the figures of a connection's pool, as told last, are these.
    #[track_caller]
    pub fn figures(&mut self, connection: ConnectionId, size: u32, available: u32, waiting: u32) {
        let wanted = |effects: &Self| {
            effects.status.get(&connection).is_some_and(|status| {
                (status.size, status.available, status.waiting) == (size, available, waiting)
            })
        };
        while !wanted(self) {
            let msg = self.receive();
            self.kept.push(msg);
        }
    }

    /// Ends the runner; every effect must have ended once by then. Answers with what nobody waited for.
    #[track_caller]
    pub fn shut_down(self) -> Vec<Msg> {
        self.shut_down_after("at the end")
    }

    /// The same after something that a failure names.
    #[track_caller]
    pub fn shut_down_after(mut self, what: &str) -> Vec<Msg> {
        self.postgres.shutdown(Duration::from_secs(2));
        while let Ok(msg) = self.inbox.try_recv() {
            self.note(&msg);
            if !self.forgets {
                self.kept.push(msg);
            }
        }
        let wrong = self.not_ended_once();
        assert!(wrong.is_empty(), "{what}: these did not end once: {wrong:?}");
        self.kept
    }

    fn not_ended_once(&self) -> Vec<(&String, &u32)> {
        self.owed.iter().filter(|(_, times)| **times != 1).collect()
    }
}

impl Ended {
    /// Takes a message about the query; whether it was the last.
    fn hear(&mut self, msg: query::Msg) -> bool {
        match msg {
            query::Msg::Described { columns, .. } => {
                self.columns = columns
                    .iter()
                    .map(|column| format!("{} {}", column.name, column.type_name))
                    .collect();
            }
            query::Msg::RowsArrived { chunk, .. } => {
                self.rows += chunk.rows();
                self.chunks.push(chunk.rows());
                for row in 0..if self.rows < 1_000 { chunk.rows() } else { 0 } {
                    let cells = (0..chunk.columns())
                        .map(|column| chunk.cell(row, column).bytes().map(<[u8]>::to_vec));
                    self.cells.push(cells.collect());
                }
            }
            query::Msg::Finished { tag, transaction, discarded, .. } => {
                (self.tag, self.transaction, self.discarded) = (tag, transaction, discarded);
                return true;
            }
            query::Msg::Failed { failure, transaction, .. } => {
                (self.failure, self.transaction) = (Some(*failure), transaction);
                return true;
            }
            query::Msg::Lost { failure, .. } => {
                (self.failure, self.lost) = (Some(*failure), true);
                return true;
            }
            _ => {}
        }
        false
    }

    pub fn texts(&self) -> Vec<Vec<String>> {
        let text = |cell: &Option<Vec<u8>>| {
            cell.as_ref().map_or("NULL".into(), |cell| String::from_utf8_lossy(cell).into())
        };
        self.cells.iter().map(|row| row.iter().map(text).collect()).collect()
    }

    #[track_caller]
    pub fn sqlstate(&self) -> &str {
        self.failure.as_ref().and_then(|failure| failure.sqlstate.as_deref()).unwrap_or_default()
    }

    /// The SQLSTATE of its failure, or the first cells of its rows.
    pub fn outcome(&self) -> String {
        match &self.failure {
            Some(failure) => failure.sqlstate.clone().unwrap_or_default(),
            None => self
                .texts()
                .into_iter()
                .filter_map(|row| row.into_iter().next())
                .collect::<Vec<_>>()
                .join(","),
        }
    }
}

/// The query that a message is about, unless it answers a cancel.
fn query_of(msg: &query::Msg) -> Option<QueryId> {
    match msg {
        query::Msg::Described { query, .. }
        | query::Msg::RowsArrived { query, .. }
        | query::Msg::Stalled { query, .. }
        | query::Msg::GrantLapsed { query, .. }
        | query::Msg::Inspected { query, .. }
        | query::Msg::EncodingChanged { query, .. }
        | query::Msg::HeldUp { query, .. }
        | query::Msg::Finished { query, .. }
        | query::Msg::Failed { query, .. }
        | query::Msg::Lost { query, .. } => Some(*query),
        query::Msg::CancelSent { .. } | query::Msg::CancelFailed { .. } => None,
    }
}

/// The effect that a message ends, if it ends one.
pub fn ended_by(msg: &Msg) -> Option<String> {
    Some(match msg {
        Msg::Connection(
            connection::Msg::Opened { attempt, .. } | connection::Msg::OpenFailed { attempt, .. },
        ) => format!("open {attempt:?}"),
        Msg::Connection(connection::Msg::Tested { attempt, .. }) => format!("test {attempt:?}"),
        Msg::Connection(connection::Msg::Closed { connection }) => format!("close {connection}"),
        Msg::Connection(connection::Msg::TypesResolved { request, .. }) => {
            format!("types {request:?}")
        }
        Msg::Schema(schema::Msg::Loaded { request, .. }) => format!("schema {request:?}"),
        Msg::Session(
            session::Msg::Opened { session, .. } | session::Msg::OpenFailed { session, .. },
        ) => format!("session {session}"),
        Msg::Session(session::Msg::Ended { session }) => format!("end {session}"),
        Msg::Session(session::Msg::HeldAnswered { session, .. }) => format!("held {session}"),
        Msg::Session(session::Msg::TerminateAnswered { session, .. }) => {
            format!("terminate {session}")
        }
        Msg::Query(
            query::Msg::Finished { query, .. }
            | query::Msg::Failed { query, .. }
            | query::Msg::Lost { query, .. },
        ) => format!("query {query}"),
        Msg::Query(query::Msg::CancelSent { query } | query::Msg::CancelFailed { query, .. }) => {
            format!("cancel {query}")
        }
        Msg::Keychain(
            keychain::Msg::Read { request, .. }
            | keychain::Msg::Stored { request, .. }
            | keychain::Msg::Deleted { request, .. },
        ) => format!("keychain {request:?}"),
        Msg::Store(
            keeping::Msg::Wrote { request }
            | keeping::Msg::Failed { request, .. }
            | keeping::Msg::Loaded { request, .. },
        ) => format!("store {request:?}"),
        _ => return None,
    })
}

/// A configuration over the server's socket.
pub fn on_socket(server: &TestServer, database: &str) -> Config {
    Config {
        host: server.socket_dir().display().to_string(),
        port: server.port(),
        user: SUPERUSER.into(),
        database: database.into(),
        ..Config::default()
    }
}
