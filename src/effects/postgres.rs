//! PostgreSQL: runs the effects of connections, sessions and queries on threads of their own.
//!
//! Every `perform` returns at once; results arrive as messages. Each effect ends in exactly one terminal message,
//! whatever happens: tasks hold their answers in guards that send them when the task is dropped. Handles live here,
//! keyed by the Model's ids. `connect` reaches a server, `tap` and `capture` read what it sends, `link` drives a
//! connection, `pool` keeps several.

#![allow(
    clippy::result_large_err,
    reason = "a failure is made where something went wrong, never on the way of a row"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use flume::{Receiver, Sender};

use self::{
    answer::{Answer, post},
    connect::{
        Target,
        pool::{Helps, Lent, Opened},
    },
    own_sql::OwnSql,
    session::link::{Command, CopyData, Link, Run},
    threads::Threads,
};
use crate::{
    base::{
        ids::{ConnectionId, QueryId, Request, SessionId},
        secret::Secrets,
        transaction::Transaction,
    },
    conninfo::Config,
    effects::postgres::{
        connect::pool,
        session::{file_run, held},
    },
    failure::{Category, Failure, HostKey},
    msg::Msg,
    sql::read::lex::BackslashRule,
    update::{
        connection,
        query::{self, session::Ending},
        shell::app,
    },
};

mod answer;
mod catalog;
pub mod connect;
pub mod error;
pub mod own_sql;
mod session;
pub mod ssh;
mod threads;
mod tls;
pub mod wire;

/// How long a closed session has to say goodbye once its statement is cancelled.
const GOODBYE: Duration = Duration::from_secs(2);

/// The timeout for a server that lists its objects.
const SCHEMA_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs everything that talks to PostgreSQL servers.
pub struct Postgres {
    shared: Arc<Shared>,
}

/// State that the effects and the links' tasks share.
pub struct Shared {
    outbox: Sender<Msg>,
    /// The number of messages that links have sent so far.
    sent: Arc<AtomicU64>,
    threads: Threads,
    /// What this machine offers for SSH tunnels.
    ssh: Arc<ssh::Surroundings>,
    open: Mutex<BTreeMap<ConnectionId, Arc<Opened>>>,
    sessions: Mutex<BTreeMap<SessionId, Session>>,
    queries: Mutex<BTreeMap<QueryId, Arc<Link>>>,
    attempts: Mutex<Tasks<Request>>,
    openings: Mutex<Tasks<SessionId>>,
    links: Mutex<Vec<(Sender<Command>, Receiver<()>)>>,
    /// Files that run now.
    file_runs: Mutex<BTreeMap<Request, Arc<file_run::Control>>>,
}

/// Tasks that can be stopped.
type Tasks<Key> = BTreeMap<Key, smol::Task<()>>;

/// A tab's session: a link taken from a pool.
pub struct Session {
    lent: Lent,
    opened: Arc<Opened>,
}

impl Postgres {
    /// Starts the threads. Messages go to `outbox`, which should be unbounded: the granted rows limit it. Keeps the
    /// keys of trusted SSH servers in the data directory.
    pub fn start(outbox: Sender<Msg>, data_dir: &Path) -> Self {
        Self::start_in(outbox, ssh::Surroundings::of_system(data_dir))
    }

    /// The same, with other surroundings for SSH tunnels than this process's own.
    pub fn start_in(outbox: Sender<Msg>, ssh: ssh::Surroundings) -> Self {
        Self::with(outbox, Arc::new(ssh))
    }

    fn with(outbox: Sender<Msg>, ssh: Arc<ssh::Surroundings>) -> Self {
        let shared = Shared {
            outbox,
            sent: Arc::default(),
            threads: Threads::start(),
            ssh,
            open: Mutex::default(),
            sessions: Mutex::default(),
            queries: Mutex::default(),
            attempts: Mutex::default(),
            openings: Mutex::default(),
            links: Mutex::default(),
            file_runs: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    pub fn perform_connection(&self, effect: connection::Effect) {
        match effect {
            connection::Effect::Open { connection, attempt, config, secrets } => {
                self.shared.open(connection, attempt, *config, secrets);
            }
            connection::Effect::Prove { connection, attempt } => {
                self.shared.prove(connection, attempt)
            }
            connection::Effect::Abandon { attempt } => {
                let task = locked(&self.shared.attempts).remove(&attempt);
                drop(task);
            }
            connection::Effect::Close { connection } => self.shared.close(connection),
            connection::Effect::Test { attempt, config, secrets } => {
                self.shared.test(attempt, *config, secrets)
            }
            connection::Effect::ResolveTypes { request, connection, oids } => {
                self.shared.resolve_types(request, connection, &oids);
            }
            connection::Effect::TrustHostKey { request, key } => {
                self.shared.trust_host_key(request, *key);
            }
        }
    }

    pub fn perform_session(&self, effect: query::session::Effect) {
        match effect {
            query::session::Effect::Open { session, connection } => {
                self.shared.open_session(session, connection)
            }
            query::session::Effect::Abandon { session } => {
                let task = locked(&self.shared.openings).remove(&session);
                drop(task);
            }
            query::session::Effect::End { session, ending } => {
                self.shared.end_session(session, ending)
            }
            query::session::Effect::AskHeld { session } => self.shared.ask_held(session),
            query::session::Effect::Terminate { session } => self.shared.terminate(session),
        }
    }

    pub fn perform_schema(&self, effect: crate::update::schema::Effect) {
        let crate::update::schema::Effect::Load { request, connection } = effect;
        self.shared.load_schema(request, connection);
    }

    pub fn perform_query(&self, effect: query::Effect) {
        match effect {
            query::Effect::Run { query, session, sql, copy_data, granted_rows, follows } => {
                let run = Run {
                    query,
                    sql,
                    copy_data: copy_data.map(CopyData::Text),
                    seal: None,
                    granted: granted_rows,
                    follows,
                    discards: false,
                };
                self.shared.run(session, run);
            }
            query::Effect::RunReadOnly { query, session, sql, seal, granted_rows } => {
                let run = Run {
                    query,
                    sql,
                    copy_data: None,
                    seal: Some(seal),
                    granted: granted_rows,
                    follows: None,
                    discards: false,
                };
                self.shared.run(session, run);
            }
            query::Effect::TakeBack { session } => {
                if let Some(link) = self.shared.link_of(session)
                    && !link.tell(Command::TakeBack)
                {
                    log::trace!("a word came for a session that has ended");
                }
            }
            query::Effect::GrantRows { query, rows } => {
                self.shared.tell(query, Command::Grant(query, rows))
            }
            query::Effect::DiscardRows { query } => {
                self.shared.tell(query, Command::Discard(query))
            }
            query::Effect::Cancel { query, session, ahead } => {
                self.shared.cancel(query, &ahead, session)
            }
        }
    }

    /// Cancels what runs on servers, says goodbye to them, and ends every task. Blocks for at most `within` and a
    /// moment more. Everything that was under way has sent its terminal message when this returns.
    pub fn shutdown(&self, within: Duration) {
        let deadline = Instant::now() + within;
        self.shared.stop_file_runs(within);
        locked(&self.shared.attempts).clear();
        // A session with statements queued ahead has one link for all of them.
        let mut running: Vec<Arc<Link>> = Vec::new();
        for link in locked(&self.shared.queries).values() {
            if !running.iter().any(|known| Arc::ptr_eq(known, link)) {
                running.push(link.clone());
            }
        }
        let goodbye = async {
            let cancels = running.iter().map(|link| link.cancel());
            let links = std::mem::take(&mut *locked(&self.shared.links));
            for (commands, _) in &links {
                tell_close(commands);
            }
            for result in futures_util::future::join_all(cancels).await {
                if let Err(failure) = result {
                    log::warn!("a statement may still run on its server: {}", failure.message);
                }
            }
            for (_, ended) in links {
                ended.recv_async().await.unwrap_or_default();
            }
        };
        let timeout = async {
            smol::Timer::at(deadline).await;
            log::warn!("some connections did not end in time");
        };
        smol::block_on(smol::future::or(goodbye, timeout));
        self.shared.threads.end();
        locked(&self.shared.sessions).clear();
        locked(&self.shared.open).clear();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.shared.threads.end();
    }
}

impl Shared {
    fn open(
        self: &Arc<Self>,
        connection: ConnectionId,
        attempt: Request,
        config: Config,
        secrets: Secrets,
    ) {
        let answer = Answer::new(&self.outbox, move |failure| {
            connection::Msg::OpenFailed { connection, attempt, failure }.into()
        });
        // An earlier pool for the connection, if any, is obsolete.
        let before = locked(&self.open).remove(&connection);
        self.close_pool(before);
        let shared = self.clone();
        self.stoppable(|shared| &shared.attempts, attempt, async move {
            let target = Target::new(config, secrets, shared.ssh.clone());
            let warned = target.warned.clone();
            let proven = async {
                let opened = Opened::new(&shared, connection, target)?;
                let server = opened.prove().await?;
                Ok((opened, server))
            };
            let proven = proven.await;
            shared.warn(&warned);
            match proven {
                Ok((opened, server)) => {
                    let before = locked(&shared.open).insert(connection, opened);
                    shared.close_pool(before);
                    answer.with(connection::Msg::Opened { connection, attempt, server });
                }
                Err(failure) => answer.failed(failure),
            }
        });
    }

    /// Tells the user what a connection had to do without.
    fn warn(&self, warned: &Mutex<Option<String>>) {
        if let Some(text) = locked(warned).take() {
            log::warn!("{text}");
            post(&self.outbox, app::Msg::Warned { text });
        }
    }

    fn test(self: &Arc<Self>, attempt: Request, config: Config, secrets: Secrets) {
        let answer = Answer::new(&self.outbox, move |failure| {
            connection::Msg::Tested { attempt, result: Err(failure) }.into()
        });
        let shared = self.clone();
        self.stoppable(|shared| &shared.attempts, attempt, async move {
            let target = Arc::new(Target::new(config, secrets, shared.ssh.clone()));
            let connected = target.connect().await;
            shared.warn(&target.warned);
            match connected {
                Ok(fresh) => {
                    let link = Link::start(&shared, fresh, target.clone(), Box::new(|_, _| {}));
                    let server = pool::server_info(&target, &link);
                    answer.with(connection::Msg::Tested { attempt, result: Ok(server) });
                }
                Err(failure) => answer.failed(failure),
            }
        });
    }

    fn prove(self: &Arc<Self>, connection: ConnectionId, attempt: Request) {
        let answer = Answer::new(&self.outbox, move |failure| {
            connection::Msg::OpenFailed { connection, attempt, failure }.into()
        });
        let Some(opened) = locked(&self.open).get(&connection).cloned() else {
            return answer.failed(unknown_connection());
        };
        self.stoppable(|shared| &shared.attempts, attempt, async move {
            match opened.prove().await {
                Ok(server) => answer.with(connection::Msg::Opened { connection, attempt, server }),
                Err(failure) => answer.failed(failure),
            }
        });
    }

    fn trust_host_key(&self, request: Request, key: HostKey) {
        let trusted = move |result| connection::Msg::HostKeyTrusted { request, result };
        let answer = Answer::new(&self.outbox, move |failure| trusted(Err(failure)).into());
        let known_hosts = self.ssh.known_hosts.clone();
        self.threads.control(async move {
            match smol::unblock(move || known_hosts.learn(&key)).await {
                Ok(()) => answer.with(trusted(Ok(()))),
                Err(failure) => answer.failed(failure),
            }
        });
    }

    /// Runs a task that can be stopped by removing it from its map.
    fn stoppable<Key: Ord + Copy + Send + 'static>(
        self: &Arc<Self>,
        tasks: fn(&Self) -> &Mutex<Tasks<Key>>,
        key: Key,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        // Hold the lock until the task is in the map, so that it can't leave the map before.
        let mut held = locked(tasks(self));
        let shared = Arc::downgrade(self);
        let task = self.threads.stoppable(async move {
            work.await;
            if let Some(shared) = shared.upgrade() {
                let ended = locked(tasks(&shared)).remove(&key);
                if let Some(task) = ended {
                    task.detach();
                }
            }
        });
        let before = task.and_then(|task| held.insert(key, task));
        drop(held);
        drop(before);
    }

    fn close(self: &Arc<Self>, connection: ConnectionId) {
        let answer =
            Answer::new(&self.outbox, move |_| connection::Msg::Closed { connection }.into());
        let opened = locked(&self.open).remove(&connection);
        let sessions = self.sessions_of(connection);
        let shared = self.clone();
        self.threads.control(async move {
            let ends = sessions.into_iter().map(|session| shared.end_link(session));
            futures_util::future::join_all(ends).await;
            if let Some(opened) = opened {
                opened.close().await;
            }
            answer.with(connection::Msg::Closed { connection });
        });
    }

    fn close_pool(&self, opened: Option<Arc<Opened>>) {
        if let Some(opened) = opened {
            opened.silence();
            self.threads.control(async move { opened.close().await });
        }
    }

    fn sessions_of(&self, connection: ConnectionId) -> Vec<Session> {
        let mut sessions = locked(&self.sessions);
        let (gone, kept) = std::mem::take(&mut *sessions)
            .into_iter()
            .partition(|(_, session)| session.opened.connection == connection);
        *sessions = kept;
        let gone: BTreeMap<SessionId, Session> = gone;
        gone.into_values().collect()
    }

    fn resolve_types(
        self: &Arc<Self>,
        request: Request,
        connection: ConnectionId,
        oids: &[(u32, i32)],
    ) {
        let resolved = move |names| connection::Msg::TypesResolved { request, connection, names };
        let answer = Answer::new(&self.outbox, move |failure: Failure| {
            log::warn!("the names of types could not be asked: {}", failure.message);
            resolved(Vec::new()).into()
        });
        let Some(opened) = locked(&self.open).get(&connection).cloned() else {
            return answer.failed(unknown_connection());
        };
        if oids.is_empty() {
            return answer.with(resolved(Vec::new()));
        }
        let types = oids.to_vec();
        let shared = self.clone();
        self.threads.control(async move {
            let question = OwnSql::TypeNames { types };
            match opened.ask_helper(&shared, Helps::Catalogs, question).await {
                Ok(rows) => {
                    let name = |row: Vec<Option<String>>| match <[_; 2]>::try_from(row) {
                        Ok([Some(oid), Some(name)]) => Some((oid.parse().ok()?, name)),
                        _ => None,
                    };
                    answer.with(resolved(rows.into_iter().filter_map(name).collect()));
                }
                Err(failure) => answer.failed(failure),
            }
        });
    }

    fn load_schema(self: &Arc<Self>, request: Request, connection: ConnectionId) {
        let loaded =
            move |result| crate::update::schema::Msg::Loaded { request, connection, result };
        let answer = Answer::new(&self.outbox, move |failure: Failure| {
            loaded(Err(Box::new(failure))).into()
        });
        let Some(opened) = locked(&self.open).get(&connection).cloned() else {
            return answer.failed(unknown_connection());
        };
        let shared = self.clone();
        self.threads.control(async move {
            let asked = async {
                let question = OwnSql::Catalog {};
                Some(opened.ask_helper(&shared, Helps::Catalogs, question).await)
            };
            let timeout = async {
                smol::Timer::after(SCHEMA_TIMEOUT).await;
                None
            };
            match smol::future::or(asked, timeout).await {
                Some(Ok(rows)) => {
                    // Sorting many names must not block the thread that cancels.
                    let catalog = smol::unblock(move || catalog::in_order(rows)).await;
                    answer.with(loaded(Ok(Arc::new(catalog))));
                }
                Some(Err(failure)) => answer.failed(failure),
                None => {
                    let message = "The server did not list its objects in time.";
                    answer.failed(error::plain(Category::Connection, message));
                    opened.stop_helper(Helps::Catalogs).await;
                }
            }
        });
    }

    fn open_session(self: &Arc<Self>, session: SessionId, connection: ConnectionId) {
        let answer = Answer::new(&self.outbox, move |failure| {
            query::session::Msg::OpenFailed { session, failure }.into()
        });
        let Some(opened) = locked(&self.open).get(&connection).cloned() else {
            return answer.failed(unknown_connection());
        };
        let shared = self.clone();
        self.stoppable(|shared| &shared.openings, session, async move {
            match opened.lend().await {
                Ok(lent) => {
                    let backend_pid = lent.link().backend_pid;
                    let link = lent.link().clone();
                    // The link must know its session before anything can run in it.
                    let told = link.tell(Command::Serve(Some(session)));
                    let backslash = link.backslash();
                    {
                        // Whoever reports a loss takes the session out of the map first, so the loss comes after the
                        // beginning.
                        let mut sessions = locked(&shared.sessions);
                        sessions.insert(session, Session { lent, opened });
                        if backslash != BackslashRule::default() {
                            let msg = query::session::Msg::BackslashReported { session, backslash };
                            post(&shared.outbox, msg);
                        }
                        answer.with(query::session::Msg::Opened { session, backend_pid });
                    }
                    if !told || link.is_gone() {
                        shared.lost_at_once(session);
                    }
                }
                Err(failure) => answer.failed(failure),
            }
        });
    }

    /// The link ended before it knew its session.
    fn lost_at_once(&self, session: SessionId) {
        if let Some(gone) = self.take_session(session) {
            gone.opened.forget(gone.lent);
            let failure = error::lost(None, None, None);
            post(&self.outbox, query::session::Msg::Lost { session, failure });
        }
    }

    fn end_session(self: &Arc<Self>, session: SessionId, ending: Ending) {
        let answer =
            Answer::new(&self.outbox, move |_| query::session::Msg::Ended { session }.into());
        let Some(ended) = self.take_session(session) else {
            // It was lost, or never existed: either way it has ended.
            return answer.with(query::session::Msg::Ended { session });
        };
        let link = ended.lent.link().clone();
        let clean = link.transaction() == Transaction::Idle
            && !link.is_gone()
            && self.runs_on(&link).is_none();
        if ending == Ending::Return && clean && link.tell(Command::Serve(None)) {
            return self.threads.control(async move {
                ended.opened.clean_and_take_back(ended.lent).await;
                answer.with(query::session::Msg::Ended { session });
            });
        }
        let shared = self.clone();
        self.threads.control(async move {
            shared.end_link(ended).await;
            answer.with(query::session::Msg::Ended { session });
        });
    }

    /// Closes a session's link and cancels a statement that runs there.
    async fn end_link(&self, session: Session) {
        let Session { lent, opened } = session;
        let link = lent.link().clone();
        if let Some(query) = self.runs_on(&link) {
            link.tell(Command::Discard(query));
            let timeout = async {
                smol::Timer::after(GOODBYE).await;
                Ok(())
            };
            if let Err(failure) = smol::future::or(link.cancel(), timeout).await {
                log::warn!("a statement may still run on its server: {}", failure.message);
            }
        }
        opened.end(lent, GOODBYE).await;
    }

    fn runs_on(&self, link: &Arc<Link>) -> Option<QueryId> {
        let queries = locked(&self.queries);
        queries.iter().find(|(_, runs_on)| Arc::ptr_eq(runs_on, link)).map(|(query, _)| *query)
    }

    fn ask_held(self: &Arc<Self>, session: SessionId) {
        let answered = move |held| query::session::Msg::HeldAnswered { session, held };
        let answer = Answer::new(&self.outbox, move |failure| answered(Err(failure)).into());
        let Some(link) = self.link_of(session) else {
            return answer.failed(unknown_session());
        };
        self.threads.control(async move {
            let custom = link.named_settings();
            let asked = link.ask(OwnSql::Held { custom }).await;
            // Tusk asks nothing inside a user's transaction, and needs to know nothing more.
            if link.transaction() != Transaction::Idle {
                return answer.with(answered(Ok(vec![held::TRANSACTION.into()])));
            }
            match asked {
                Ok(rows) => {
                    let at_start = link.libraries_at_start();
                    let held = held::in_words(&rows, &at_start, link.authorization_changed());
                    answer.with(answered(Ok(held)));
                }
                Err(failure) => answer.failed(failure),
            }
        });
    }

    fn terminate(self: &Arc<Self>, session: SessionId) {
        let answered = move |result| query::session::Msg::TerminateAnswered { session, result };
        let answer = Answer::new(&self.outbox, move |failure| answered(Err(failure)).into());
        let found = locked(&self.sessions)
            .get(&session)
            .map(|session| (session.opened.clone(), session.lent.link().backend_pid));
        let Some((opened, backend_pid)) = found else {
            return answer.failed(unknown_session());
        };
        let shared = self.clone();
        self.threads.control(async move {
            let end = OwnSql::Terminate { backend_pid };
            match opened.ask_helper(&shared, Helps::Control, end).await {
                Ok(rows) if rows.first().is_some_and(|row| row == &[Some("t".to_owned())]) => {
                    answer.with(answered(Ok(())));
                }
                Ok(_) => answer
                    .failed(error::plain(Category::Query, "The server found no such process.")),
                Err(failure) => answer.failed(failure),
            }
        });
    }

    fn run(self: &Arc<Self>, session: SessionId, run: Run) {
        let query = run.query;
        let lost = |failure| {
            post(
                &self.outbox,
                query::Msg::Lost { query, failure: Box::new(failure), elapsed_us: 0 },
            );
        };
        let found = locked(&self.sessions)
            .get(&session)
            .map(|session| (session.opened.clone(), session.lent.link().clone()));
        let Some((opened, link)) = found else {
            return lost(unknown_session());
        };
        locked(&self.queries).insert(query, link.clone());
        opened.watch(self);
        // A link that ends at this very moment may have missed the command: whoever forgets the query reports its end.
        if (!link.tell(Command::Run(Box::new(run))) || link.is_gone()) && self.forget_query(query) {
            lost(error::lost(None, None, None));
        }
    }

    fn tell(&self, query: QueryId, command: Command) {
        let link = locked(&self.queries).get(&query).cloned();
        if !link.is_some_and(|link| link.tell(command)) {
            log::trace!("a word came for a query that has ended");
        }
    }

    fn link_of(&self, session: SessionId) -> Option<Arc<Link>> {
        locked(&self.sessions).get(&session).map(|session| session.lent.link().clone())
    }

    /// Takes a session out of the map, if it is still there.
    pub fn take_session(&self, session: SessionId) -> Option<Session> {
        locked(&self.sessions).remove(&session)
    }

    /// Marks a query as ended; true if it had not ended before.
    pub fn forget_query(&self, query: QueryId) -> bool {
        let link = locked(&self.queries).remove(&query);
        link.is_some()
    }

    /// Remembers a link, so that the end of the program can end it.
    fn link_started(&self, commands: &Sender<Command>, ended: &Receiver<()>) {
        let mut links = locked(&self.links);
        links.retain(|(_, ended)| !ended.is_disconnected());
        links.push((commands.clone(), ended.clone()));
    }
}

fn tell_close(commands: &Sender<Command>) {
    if commands.send(Command::Close).is_err() {
        log::trace!("the link had ended by itself");
    }
}

fn unknown_connection() -> Failure {
    error::plain(Category::Connection, "This connection is not open.")
}

fn unknown_session() -> Failure {
    error::plain(Category::Connection, "The session is gone.")
}

/// Takes a lock even if its holder panicked: it guards maps and figures, which are whole at any moment.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
