//! What the tests of pools share: the effects alone with an account of what they owe, and the whole program.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use tusk::update::query::page::Page;

use crate::support::server::{PASSWORD, SUPERUSER, TestServer, USER};
use tusk::{
    base::{
        ids::{ConnectionId, Ids, QueryId, Request, SessionId},
        secret::{Secret, Secrets},
        stamp::Stamp,
        transaction::Transaction,
    },
    conninfo::{Config, Conninfo},
    effect::Effect,
    effects::{
        Runner, RunnerOptions,
        postgres::{Postgres, ssh::Surroundings},
    },
    failure::Failure,
    model::Model,
    msg::Msg,
    update::{
        connection::{self, Connection, PoolStatus, ServerInfo, keychain},
        keeping,
        query::{
            self,
            session::{self, Ending},
        },
        schema,
        shell::{app, command::Command, keys, welcome},
        update,
    },
};

/// A row, another one that is large enough to push the first one out of the server, and then none for ten minutes.
pub const ONE_ROW_THEN_NOTHING: &str =
    "select '1' union all select repeat('x', 20000) union all select 'y' from pg_sleep(600)";

/// Longer than anything takes; only a hang reaches it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The effects alone: what was asked, what was answered, and the figures as they were told last.
pub struct World {
    pub postgres: Postgres,
    pub inbox: flume::Receiver<Msg>,
    pub ids: Ids,
    pub kept: Vec<Msg>,
    pub owed: BTreeMap<String, u32>,
    pub status: BTreeMap<ConnectionId, PoolStatus>,
    /// Sessions that were asked for and not answered.
    pub asked: BTreeMap<SessionId, ConnectionId>,
    /// Sessions that stand, with their server processes.
    pub held: BTreeMap<SessionId, (ConnectionId, i32)>,
}

/// How a statement ended.
#[derive(Debug, Default)]
pub struct Ended {
    pub cells: Vec<String>,
    pub transaction: Transaction,
    pub failure: Option<Failure>,
    pub lost: bool,
}

impl Ended {
    /// The SQLSTATE of its failure, or its only cell.
    pub fn outcome(&self) -> String {
        match &self.failure {
            Some(failure) => failure.sqlstate.clone().unwrap_or_default(),
            None => self.cells.join(","),
        }
    }
}

impl World {
    pub fn new() -> Self {
        let (outbox, inbox) = flume::unbounded();
        Self {
            postgres: Postgres::start_in(
                outbox,
                Surroundings::without_tls_files(&std::env::temp_dir()),
            ),
            inbox,
            ids: Ids::seeded(1),
            kept: vec![],
            owed: BTreeMap::new(),
            status: BTreeMap::new(),
            asked: BTreeMap::new(),
            held: BTreeMap::new(),
        }
    }

    pub fn owe(&mut self, key: String) {
        let before = self.owed.insert(key.clone(), 0);
        assert!(before.is_none(), "{key} is asked twice");
    }

    /// Whether everything that was asked has been answered.
    pub fn owes_nothing(&self) -> bool {
        self.owed.values().all(|times| *times == 1)
    }

    #[track_caller]
    pub fn receive(&mut self) -> Msg {
        let msg = self.inbox.recv_timeout(PATIENCE);
        let msg = msg.unwrap_or_else(|_| {
            let owed: Vec<_> = self.owed.iter().filter(|(_, times)| **times != 1).collect();
            panic!("a message is missing; it owes {owed:?}; these were put aside: {:?}", self.kept)
        });
        self.note(&msg);
        msg
    }

    /// Takes a message into the account. The figures must make sense at each one.
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
            self.kept.push(msg);
        }
    }

    pub fn start_open(&mut self, config: &Config) -> (ConnectionId, Request) {
        let (connection, attempt) = (ConnectionId::next(&mut self.ids), self.ids.request());
        self.owe(format!("open {attempt:?}"));
        self.postgres.perform_connection(connection::Effect::Open {
            connection,
            attempt,
            config: Box::new(config.clone()),
            secrets: Secrets::with_password(Some(Secret::new(PASSWORD))),
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
    pub fn open(&mut self, config: &Config) -> ConnectionId {
        let (connection, attempt) = self.start_open(config);
        self.opened(attempt).unwrap();
        connection
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

    #[track_caller]
    pub fn session(&mut self, connection: ConnectionId) -> SessionId {
        let session = self.start_session(connection);
        self.session_opened(session).unwrap();
        session
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

    #[track_caller]
    pub fn holds(&mut self, wanted: SessionId) -> Vec<String> {
        self.owed.remove(&format!("held {wanted}"));
        self.owe(format!("held {wanted}"));
        self.postgres.perform_session(session::Effect::AskHeld { session: wanted });
        let held = self.wait(|msg| match msg {
            Msg::Session(session::Msg::HeldAnswered { session, held }) if *session == wanted => {
                Some(held.clone())
            }
            _ => None,
        });
        held.unwrap()
    }

    pub fn start(&mut self, session: SessionId, sql: &str, granted_rows: u64) -> QueryId {
        let query = QueryId::next(&mut self.ids);
        self.owe(format!("query {query}"));
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

    pub fn start_cancel(&mut self, query: QueryId, session: SessionId) {
        self.owe(format!("cancel {query}"));
        self.postgres.perform_query(query::Effect::Cancel { query, session, ahead: vec![] });
    }

    #[track_caller]
    pub fn run(&mut self, session: SessionId, sql: &str) -> Ended {
        let query = self.start(session, sql, u64::MAX);
        self.finish(query)
    }

    #[track_caller]
    pub fn finish(&mut self, wanted: QueryId) -> Ended {
        let mut ended = Ended::default();
        loop {
            let done = self.wait(|msg| match msg {
                Msg::Query(query::Msg::RowsArrived { query, chunk }) if *query == wanted => {
                    for row in 0..chunk.rows() {
                        let cell = chunk.cell(row, 0);
                        let text = cell.bytes().map(String::from_utf8_lossy);
                        ended.cells.push(text.unwrap_or("NULL".into()).into_owned());
                    }
                    Some(false)
                }
                Msg::Query(query::Msg::Finished { query, transaction, .. }) if *query == wanted => {
                    ended.transaction = *transaction;
                    Some(true)
                }
                Msg::Query(query::Msg::Failed { query, transaction, failure, .. })
                    if *query == wanted =>
                {
                    ended.transaction = *transaction;
                    ended.failure = Some((**failure).clone());
                    Some(true)
                }
                Msg::Query(query::Msg::Lost { query, failure, .. }) if *query == wanted => {
                    ended.failure = Some((**failure).clone());
                    ended.lost = true;
                    Some(true)
                }
                _ => None,
            });
            if done {
                return ended;
            }
        }
    }

    /// Waits until the pool's figures are these.
    #[track_caller]
    pub fn figures(&mut self, connection: ConnectionId, size: u32, available: u32, waiting: u32) {
        let wanted = |world: &Self| {
            world.status.get(&connection).is_some_and(|status| {
                (status.size, status.available, status.waiting) == (size, available, waiting)
            })
        };
        while !wanted(self) {
            let msg = self.receive();
            self.kept.push(msg);
        }
    }

    /// Ends the runner; every effect must have ended once by then.
    #[track_caller]
    pub fn shut_down(mut self) {
        self.postgres.shutdown(Duration::from_secs(2));
        while let Ok(msg) = self.inbox.try_recv() {
            self.note(&msg);
        }
        let open: Vec<_> = self.owed.iter().filter(|(_, times)| **times != 1).collect();
        assert!(open.is_empty(), "these did not end: {open:?}");
    }
}

/// The effect that a message ends, if it ends one.
pub fn ended_by(msg: &Msg) -> Option<String> {
    Some(match msg {
        Msg::Connection(
            connection::Msg::Opened { attempt, .. } | connection::Msg::OpenFailed { attempt, .. },
        ) => format!("open {attempt:?}"),
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

/// A configuration over TCP.
pub fn on_tcp(server: &TestServer, database: &str) -> Config {
    Config {
        host: "127.0.0.1".into(),
        port: server.port(),
        user: USER.into(),
        database: database.into(),
        ..Config::default()
    }
}

/// The whole program with no window: the Model, `update` and the real runner.
pub struct App {
    pub model: Model,
    runner: Runner,
    inbox: flume::Receiver<Msg>,
    began: Instant,
    /// Every statement that went to a server, and every effect that tries to connect.
    pub sent: Vec<String>,
    _directory: tempfile::TempDir,
}

impl App {
    /// A program that has started and connected.
    #[track_caller]
    pub fn connected(config: Config) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (outbox, inbox) = flume::unbounded();
        let data_dir = directory.path().to_owned();
        let mut app = Self {
            model: Model::default(),
            runner: Runner::start(RunnerOptions { data_dir }, outbox),
            inbox,
            began: Instant::now(),
            sent: vec![],
            _directory: directory,
        };
        app.send(app::Msg::Started {
            seed: 1,
            version: String::new(),
            data_dir: String::new(),
            config_dir: String::new(),
            macos: false,
            recording: false,
        });
        app.until("the program has started", |app| !app.model.is_busy());
        let secrets = Secrets::with_password(Some(Secret::new(PASSWORD)));
        let target = Box::new(welcome::Target::Conninfo(Conninfo { config, secrets }));
        app.send(welcome::Msg::Asked { target });
        app.until("the connection is open", |app| app.known().is_open());
        app
    }

    pub fn send(&mut self, msg: impl Into<Msg>) {
        let at =
            Stamp { unix_us: 0, mono_us: u64::try_from(self.began.elapsed().as_micros()).unwrap() };
        for effect in update(&mut self.model, at, msg.into()) {
            match &effect {
                Effect::Query(query::Effect::Run { sql, .. }) => self.sent.push(sql.to_string()),
                Effect::Connection(connection::Effect::Prove { .. }) => {
                    self.sent.push("prove".into());
                }
                _ => {}
            }
            if !matches!(effect, Effect::Window(_)) {
                self.runner.perform(effect);
            }
        }
    }

    /// Takes messages until something is true.
    #[track_caller]
    pub fn until(&mut self, what: &str, mut is_true: impl FnMut(&Self) -> bool) {
        while !is_true(self) {
            let Ok(msg) = self.inbox.recv_timeout(PATIENCE) else {
                panic!(
                    "it never came to this: {what}\n{:#?}\n{:#?}",
                    self.known().link,
                    self.tab().session
                );
            };
            self.send(msg);
        }
    }

    pub fn command(&mut self, command: Command) {
        self.send(command);
    }

    /// Puts a text into the active tab and runs it.
    pub fn run(&mut self, sql: &str) {
        self.command(Command::FocusEditor);
        self.send(keys::Msg::Pressed { keystroke: "ctrl-a".into() });
        self.send(keys::Msg::Typed { text: sql.into() });
        self.command(Command::QueryRunAll);
    }

    pub fn schema_is_loading(&self) -> bool {
        self.model.schemas.values().any(tusk::update::schema::Schema::is_loading)
    }

    /// The active tab's connection.
    pub fn known(&self) -> &Connection {
        &self.model.connections[&self.tab().connection.unwrap()]
    }

    /// The active tab.
    pub fn tab(&self) -> &Page {
        self.model.pages.active().unwrap()
    }

    /// How often this was sent.
    pub fn times_sent(&self, sql: &str) -> usize {
        self.sent.iter().filter(|sent| *sent == sql).count()
    }

    pub fn shut_down(self) {
        self.runner.shutdown(Duration::from_secs(2));
    }
}

/// The process that started another one.
fn parent(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold spaces.
    let fields = stat.rsplit_once(')')?.1;
    fields.split_whitespace().nth(1)?.parse().ok()
}

/// Processes that stand still until this is dropped, however the test ends.
pub struct Frozen(BTreeSet<i32>);

impl Frozen {
    /// A whole server, by one of its backends: first the process that starts the others, so that none is started
    /// while they are looked for.
    #[track_caller]
    pub fn server_of(backend_pid: i32) -> Self {
        let postmaster = parent(backend_pid).unwrap();
        signal("STOP", [postmaster]);
        let mut frozen = Self(BTreeSet::from([postmaster]));
        let all = std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
        let started: Vec<i32> = all.filter(|pid| parent(*pid) == Some(postmaster)).collect();
        frozen.0.extend(&started);
        signal("STOP", started);
        frozen
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        signal("CONT", self.0.iter().copied());
    }
}

/// Sends a signal to processes that the test's own server started.
#[track_caller]
pub fn signal(name: &str, processes: impl IntoIterator<Item = i32>) {
    let processes = processes.into_iter().map(|pid| pid.to_string());
    let status =
        std::process::Command::new("kill").arg(format!("-{name}")).args(processes).status();
    assert!(status.unwrap().success());
}
