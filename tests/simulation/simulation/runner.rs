//! The scripted runner: it takes effects as the real one does, and answers on a virtual clock, late and in another
//! order than it was asked, as chance or a script has it. Within a stream (the store, a session, a pool) order is kept.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use super::{
    accounts::{Accounts, Key},
    fate::Fate,
    ledger,
    server::{
        Backend, End, FULL, Fault, Pool, Received, Servers, Statement, refusal, returns_rows,
        rows_of,
    },
};
use crate::support::generated::Random;
use tusk::{
    base::{
        ids::*,
        secret::{Secret, SecretKind},
        text::RopeText,
        transaction::Transaction,
    },
    catalog,
    effect::Effect,
    failure::{Category, Failure, HostKey, Want},
    msg::Msg,
    rows::{Chunk, ChunkBuilder, Column},
    settings,
    sql::encoding,
    update::{
        clock,
        connection::{self, discovery, keychain, sandbox},
        files, jobs, keeping,
        query::{
            self,
            read_only::{Access, Inspection, Seal, Setting},
            session::{self, Ending},
        },
        results, schema,
        settings::file,
        window,
    },
};

/// Rows that an update may grant ahead.
const CREDIT: u64 = 4 * FULL;

/// Something that is due.
enum Event {
    /// An answer arrives.
    Say(Box<Msg>),
    /// A server goes on with a statement.
    Work(QueryId),
    /// A cancel request arrives at its server.
    Cancel {
        query: QueryId,
        /// What ran of it and those that follow it.
        running: QueryId,
    },
    /// A run has waited too long for a link of an exhausted pool.
    GiveUp(SessionId),
}

/// What arrives in the order in which it was sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stream {
    Store,
    Settings,
    Session(SessionId),
    Pool(ConnectionId),
}

/// Whether an effect is meant.
pub type IsIt = fn(&Effect) -> bool;

pub struct Runner {
    pub fate: Fate,
    /// Whether the last fault was one: what is in memory alone waits for no disk.
    pub struck: bool,
    in_memory: bool,
    /// What fails first of all, and in which form, whatever fate says.
    pub at_first: Option<(IsIt, usize)>,
    pub servers: Servers,
    pub accounts: Accounts,
    /// What is due, by the time in microseconds and the order in which it came up.
    due: BTreeMap<(u64, u64), Event>,
    order: u64,
    streams: BTreeMap<Stream, u64>,
    now_us: u64,
    abandoned: BTreeSet<Request>,
    /// Attempts that prove a pool again, which stands.
    proving: BTreeSet<Request>,
    maxima: BTreeMap<ConnectionId, u32>,
    texts: BTreeMap<TabId, String>,
    /// The connections that the store has.
    saved: BTreeMap<ConnectionId, keeping::SavedConnection>,
    /// What the settings' file holds, and who watches it.
    settings: Option<String>,
    watch: Option<Request>,
    /// Tabs of which a write failed, so that what is kept is not what is shown until they are kept whole.
    pub behind: BTreeSet<TabId>,
    /// Writes of tabs that failed, until that is told; then the tabs, until they are kept whole.
    failed_writes: BTreeMap<Request, TabId>,
    pub gaps: BTreeSet<TabId>,
    /// How many effects there were.
    pub effects: usize,
    /// Whether rows are large, so that the memory runs out.
    pub big: bool,
    /// What the faults of an effect are called, so that they are found on screen.
    pub marker: String,
    /// Whether answers take no time that chance decides.
    pub prompt: bool,
}

thread_local! {
    static CHUNKS: RefCell<BTreeMap<(u64, usize), Arc<Chunk>>> = RefCell::default();
}

fn chunk(rows: u64, width: usize) -> Arc<Chunk> {
    CHUNKS.with_borrow_mut(|chunks| {
        let made = chunks.entry((rows, width)).or_insert_with(|| {
            let mut builder = ChunkBuilder::new(1);
            let mut row = 1_u16.to_be_bytes().to_vec();
            row.extend((width as i32).to_be_bytes());
            row.extend(std::iter::repeat_n(b'x', width));
            for _ in 0..rows {
                builder.push_data_row(&row).expect("a row is well-formed");
            }
            Arc::new(builder.finish())
        });
        Arc::clone(made)
    })
}

fn attempt_ended(
    connection: ConnectionId,
    attempt: Request,
    failure: Option<Failure>,
) -> connection::Msg {
    match failure {
        None => connection::Msg::Opened {
            connection,
            attempt,
            server: connection::ServerInfo::default(),
        },
        Some(failure) => connection::Msg::OpenFailed { connection, attempt, failure },
    }
}

impl Runner {
    pub fn new(fate: Fate, big: bool) -> Self {
        Self {
            fate,
            struck: false,
            in_memory: false,
            at_first: None,
            servers: Servers::default(),
            accounts: Accounts::default(),
            due: BTreeMap::new(),
            order: 0,
            streams: BTreeMap::new(),
            now_us: 0,
            abandoned: BTreeSet::new(),
            proving: BTreeSet::new(),
            maxima: BTreeMap::new(),
            texts: BTreeMap::new(),
            saved: BTreeMap::new(),
            settings: None,
            watch: None,
            behind: BTreeSet::new(),
            failed_writes: BTreeMap::new(),
            gaps: BTreeSet::new(),
            effects: 0,
            big,
            marker: String::new(),
            prompt: false,
        }
    }

    pub fn kept_text(&self, tab: TabId) -> Option<&str> {
        self.texts.get(&tab).map(String::as_str)
    }

    pub fn settings_text(&self) -> Option<&str> {
        self.settings.as_deref()
    }

    /// What one statement may have on its way beyond the budget.
    pub fn credit_bytes(&self) -> u64 {
        let width = if self.big { 8_000 } else { 8 };
        CREDIT / FULL * (chunk(FULL, width).heap_bytes() as u64 + 1_000).max(2_000_000)
    }

    /// Whether a message of the pool is on its way.
    pub fn pool_word_under_way(&self, id: ConnectionId) -> bool {
        self.due.values().any(|event| {
            matches!(event, Event::Say(msg) if matches!(**msg, Msg::Connection(connection::Msg::PoolChanged { connection, .. }) if connection == id))
        })
    }

    fn failure(&self, category: Category) -> Failure {
        Failure::new(category, format!("It broke{}", self.marker))
    }

    fn later(&self, random: &mut Random) -> u64 {
        if self.prompt {
            return 1_000;
        }
        // Most answers are quick, some are slow, and a few take as long as a person's patience.
        let at_most = *random.pick(&[1_000, 1_000, 10_000, 50_000, 300_000, 3_000_000, 20_000_000]);
        1 + random.below(at_most) as u64
    }

    fn at(&mut self, at_us: u64, event: Event) {
        self.order += 1;
        self.due.insert((at_us, self.order), event);
    }

    fn say(&mut self, msg: impl Into<Msg>, random: &mut Random) {
        let at_us = self.now_us + self.later(random);
        self.at(at_us, Event::Say(Box::new(msg.into())));
    }

    fn say_in(&mut self, stream: Stream, msg: impl Into<Msg>, random: &mut Random) {
        let at_us = self.now_us + self.later(random);
        let last = self.streams.entry(stream).or_default();
        let at_us = at_us.max(*last);
        *last = at_us;
        self.at(at_us, Event::Say(Box::new(msg.into())));
    }

    /// Takes an effect over.
    pub fn take(&mut self, effect: &Effect, now_us: u64, random: &mut Random) {
        self.now_us = now_us;
        self.accounts.ask(effect);
        let form = match self.at_first {
            Some((is, form)) if is(effect) => {
                self.at_first = None;
                Some(form)
            }
            _ => self.fate.of(effect, self.effects, random),
        };
        self.struck |= form.is_some();
        self.marker = format!(" (fault {}).", self.effects);
        self.effects += 1;
        match effect {
            Effect::Connection(effect) => self.connection(effect, form, random),
            Effect::Session(effect) => self.session(effect, form, random),
            Effect::Query(effect) => self.query(effect, form, random),
            Effect::Job(effect) => self.job(effect, form, random),
            Effect::Cells(effect) => self.cells(effect, form, random),
            Effect::Store(effect) => self.store(effect, form, random),
            Effect::SettingsFile(effect) => self.settings_file(effect, form, random),
            Effect::Schema(effect) => self.schema(effect, form, random),
            Effect::Keychain(effect) => self.keychain(effect, form, random),
            Effect::File(effect) => self.file(effect, form, random),
            Effect::Clock(effect) => self.clock(*effect, random),
            Effect::Discovery(discovery::Effect::FindServers { request }) => {
                let servers = (0..random.below(3))
                    .map(|number| discovery::LocalServer {
                        directory: "/run/postgresql".into(),
                        port: 5432 + number as u16,
                        version: None,
                    })
                    .collect();
                let msg = discovery::Msg::ServersFound {
                    request: *request,
                    servers,
                    environment: discovery::Environment {
                        user: "ada".into(),
                        ..Default::default()
                    },
                };
                self.say(msg, random);
            }
            Effect::Sandbox(sandbox::Effect::Start { request, .. }) => {
                let msg = match form {
                    None => sandbox::Msg::Started {
                        request: *request,
                        host: "/sandbox".into(),
                        port: 5432,
                        user: "tusk".into(),
                        database: "shop".into(),
                        password: None,
                    },
                    Some(_) => sandbox::Msg::Failed {
                        request: *request,
                        failure: self.failure(Category::Internal),
                    },
                };
                self.say(msg, random);
            }
            Effect::Window(window::Effect::WriteClipboard { request, .. }) => {
                self.say(window::Msg::Done { request: *request }, random);
            }
            Effect::Window(window::Effect::Quit) => {}
        }
    }

    fn connection(
        &mut self,
        effect: &connection::Effect,
        form: Option<usize>,
        random: &mut Random,
    ) {
        match effect {
            connection::Effect::Open { connection, attempt, config, .. } => {
                let (connection, attempt) = (*connection, *attempt);
                self.maxima.insert(connection, config.pool_size.max(1));
                let failure = form.map(|form| match form {
                    0 => self.failure(Category::Connection),
                    1 => Failure {
                        sqlstate: Some("28P01".into()),
                        ..self.failure(Category::Authentication)
                    },
                    2 => self.failure(Category::Authentication),
                    3 => Failure {
                        wants: Some(Want::Secret(SecretKind::Ssh)),
                        ..self.failure(Category::Ssh)
                    },
                    4 => self.failure(Category::Ssl),
                    _ => self.failure(Category::Ssh).wanting(Want::HostKey(HostKey {
                        host: "bastion".into(),
                        port: 22,
                        algorithm: "ssh-ed25519".into(),
                        fingerprint: "SHA256:x".into(),
                        key: "AAAA".into(),
                    })),
                });
                self.say(attempt_ended(connection, attempt, failure), random);
            }
            connection::Effect::Prove { connection, attempt } => {
                self.prove(*connection, *attempt, form, random)
            }
            connection::Effect::Abandon { attempt } => {
                self.abandoned.insert(*attempt);
            }
            connection::Effect::Close { connection } => self.close(*connection, random),
            connection::Effect::Test { attempt, .. } => {
                let result = match form {
                    None => Ok(connection::ServerInfo::default()),
                    Some(_) => Err(self.failure(Category::Connection)),
                };
                let attempt = *attempt;
                self.say(connection::Msg::Tested { attempt, result }, random);
            }
            connection::Effect::TrustHostKey { request, .. } => {
                let result = match form {
                    None => Ok(()),
                    Some(_) => Err(self.failure(Category::Storage)),
                };
                let request = *request;
                self.say(connection::Msg::HostKeyTrusted { request, result }, random);
            }
            connection::Effect::ResolveTypes { request, connection, oids } => {
                let named = |(oid, _): &(u32, i32)| (*oid, format!("mood_{}", self.effects));
                let names = match form {
                    None => oids.iter().map(named).collect(),
                    Some(_) => vec![],
                };
                let msg = connection::Msg::TypesResolved {
                    request: *request,
                    connection: *connection,
                    names,
                };
                self.say(msg, random);
            }
        }
    }

    /// A pool that lost its links is asked for a real one.
    fn prove(
        &mut self,
        connection: ConnectionId,
        attempt: Request,
        form: Option<usize>,
        random: &mut Random,
    ) {
        self.proving.insert(attempt);
        let failure = form.map(|form| match form {
            0 => self.failure(Category::Connection),
            _ => {
                Failure { sqlstate: Some("28P01".into()), ..self.failure(Category::Authentication) }
            }
        });
        self.say(attempt_ended(connection, attempt, failure), random);
    }

    /// The pool goes, with every link that came out of it.
    fn close(&mut self, connection: ConnectionId, random: &mut Random) {
        let waiting =
            self.servers.pools.remove(&connection).map(|pool| pool.waiting).unwrap_or_default();
        let on_it: Vec<SessionId> = self
            .servers
            .backends
            .iter()
            .filter(|(_, backend)| backend.connection == connection && backend.open)
            .map(|(id, _)| *id)
            .collect();
        for session in on_it {
            let failure = Failure::new(Category::Connection, "The connection was closed.");
            self.lose(session, &failure, random);
        }
        for session in waiting {
            let failure = Failure::new(Category::Cancelled, "The connection was closed.");
            let msg = session::Msg::OpenFailed { session, failure };
            self.say_in(Stream::Session(session), msg, random);
        }
        let msg = connection::Msg::Closed { connection };
        self.say_in(Stream::Pool(connection), msg, random);
    }

    /// A link breaks: its statement first, then the session.
    fn lose(&mut self, session: SessionId, failure: &Failure, random: &mut Random) {
        let stream = Stream::Session(session);
        for query in self.servers.break_link(session) {
            let msg = query::Msg::Lost { query, failure: Box::new(failure.clone()), elapsed_us: 7 };
            self.say_in(stream, msg, random);
        }
        let lost = session::Msg::Lost { session, failure: failure.clone() };
        self.say_in(stream, lost, random);
        let Some(backend) = self.servers.backends.get(&session) else {
            return;
        };
        let (connection, let_go) = (backend.connection, backend.let_go);
        if !let_go && let Some(pool) = self.servers.pools.get_mut(&connection) {
            pool.lent -= 1;
            // The pool's own word comes after the session's.
            let after_us = self.streams.get(&stream).copied().unwrap_or_default();
            self.link_lost(connection, after_us, failure, random);
        }
    }

    fn link_lost(
        &mut self,
        connection: ConnectionId,
        after_us: u64,
        failure: &Failure,
        random: &mut Random,
    ) {
        let Some(pool) = self.servers.pools.get(&connection) else {
            return;
        };
        let left = pool.idle + pool.lent;
        let stream = Stream::Pool(connection);
        let last = self.streams.entry(stream).or_default();
        *last = after_us.max(*last);
        self.pool_changed(connection, random);
        let failure = failure.clone();
        let msg = connection::Msg::LinkLost { connection, left, failure };
        self.say_in(stream, msg, random);
    }

    fn pool_changed(&mut self, connection: ConnectionId, random: &mut Random) {
        let Some(pool) = self.servers.pools.get_mut(&connection) else {
            return;
        };
        let mut lent = vec![];
        while !pool.waiting.is_empty() && pool.lend() {
            lent.extend(pool.waiting.pop_front());
        }
        let status = pool.status();
        for session in lent {
            self.begin_backend(session, connection, random);
        }
        let msg = connection::Msg::PoolChanged { connection, status };
        self.say_in(Stream::Pool(connection), msg, random);
    }

    fn begin_backend(&mut self, session: SessionId, connection: ConnectionId, random: &mut Random) {
        self.servers.backends.insert(
            session,
            Backend {
                connection,
                transaction: Transaction::Idle,
                open: true,
                let_go: false,
                runs: None,
                ahead: VecDeque::new(),
                goes_on: false,
                received: vec![],
                holds: vec![],
                used_sequences: false,
            },
        );
        let msg = session::Msg::Opened { session, backend_pid: 1 };
        self.say_in(Stream::Session(session), msg, random);
    }

    fn session(&mut self, effect: &session::Effect, form: Option<usize>, random: &mut Random) {
        match effect {
            session::Effect::Open { session, connection } => {
                self.open_session(*session, *connection, form, random)
            }
            session::Effect::Abandon { session } => self.abandon_session(*session, random),
            session::Effect::End { session, ending } => self.end_session(*session, *ending, random),
            session::Effect::AskHeld { session } => {
                let backend = self.servers.backends.get(session).expect("it asks a session");
                assert!(
                    backend.runs.is_none(),
                    "it asks what a session holds while a statement runs: {session:?}"
                );
                let held = if form.is_some() || !backend.open {
                    Err(self.failure(Category::Connection))
                } else {
                    Ok(backend.holds.clone())
                };
                let session = *session;
                let msg = session::Msg::HeldAnswered { session, held };
                self.say_in(Stream::Session(session), msg, random);
            }
            session::Effect::Terminate { session } => {
                let session = *session;
                let result = match form {
                    None => Ok(()),
                    Some(_) => Err(self.failure(Category::Connection)),
                };
                let ends = result.is_ok()
                    && self.servers.backends.get(&session).is_some_and(|backend| backend.open);
                self.say(session::Msg::TerminateAnswered { session, result }, random);
                if ends {
                    let failure =
                        refusal("terminating connection due to administrator command", "57P01");
                    self.lose(session, &failure, random);
                }
            }
        }
    }

    /// Who still waits for a link waits no longer; a session that is on its way comes all the same.
    fn abandon_session(&mut self, session: SessionId, random: &mut Random) {
        let waits = |pool: &Pool| pool.waiting.contains(&session);
        let mut pools = self.servers.pools.iter_mut();
        let Some((connection, pool)) = pools.find(|(_, pool)| waits(pool)) else {
            return;
        };
        pool.waiting.retain(|waiting| *waiting != session);
        let connection = *connection;
        self.pool_changed(connection, random);
        let failure = Failure::new(Category::Cancelled, "It was abandoned.");
        let msg = session::Msg::OpenFailed { session, failure };
        self.say_in(Stream::Session(session), msg, random);
    }

    fn open_session(
        &mut self,
        session: SessionId,
        connection: ConnectionId,
        form: Option<usize>,
        random: &mut Random,
    ) {
        let failure = match form {
            Some(0) => Some(self.failure(Category::PoolTimeout)),
            Some(_) => Some(self.failure(Category::Connection)),
            None if !self.servers.pools.contains_key(&connection) => {
                Some(self.failure(Category::Connection))
            }
            None => None,
        };
        if let Some(failure) = failure {
            let msg = session::Msg::OpenFailed { session, failure };
            return self.say_in(Stream::Session(session), msg, random);
        }
        let Some(pool) = self.servers.pools.get_mut(&connection) else {
            return;
        };
        if pool.lend() {
            self.begin_backend(session, connection, random);
        } else {
            pool.waiting.push_back(session);
            let at_us = self.now_us + 30_000_000;
            self.at(at_us, Event::GiveUp(session));
        }
        self.pool_changed(connection, random);
    }

    fn end_session(&mut self, session: SessionId, ending: Ending, random: &mut Random) {
        let backend =
            self.servers.backends.get_mut(&session).expect("a session that never was is let go");
        assert!(!backend.let_go, "a session is let go twice: {session:?}");
        let clean = backend.transaction == Transaction::Idle && backend.holds.is_empty();
        assert!(
            ending == Ending::Close || clean || !backend.open,
            "a session that holds something goes back to its pool: {session:?} {:?}",
            backend.holds
        );
        backend.let_go = true;
        let (connection, stood) = (backend.connection, backend.open);
        let broken = match stood {
            true => self.servers.break_link(session),
            false => vec![],
        };
        for query in broken {
            // Its tab is gone; what it answers still comes, once.
            let msg = query::Msg::Lost {
                query,
                failure: Box::new(Failure::new(Category::Cancelled, "The session was closed.")),
                elapsed_us: 9,
            };
            self.say_in(Stream::Session(session), msg, random);
        }
        if let Some(backend) = self.servers.backends.get_mut(&session) {
            backend.open = false;
        }
        self.say_in(Stream::Session(session), session::Msg::Ended { session }, random);
        if stood && let Some(pool) = self.servers.pools.get_mut(&connection) {
            pool.lent -= 1;
            pool.idle += u32::from(ending == Ending::Return);
            self.pool_changed(connection, random);
        }
    }

    fn query(&mut self, effect: &query::Effect, form: Option<usize>, random: &mut Random) {
        match effect {
            query::Effect::Run { query, session, sql, granted_rows, .. }
            | query::Effect::RunReadOnly { query, session, sql, granted_rows, .. } => {
                assert!(!sql.trim().is_empty(), "an empty statement was sent");
                let fault = form.map(|form| match form {
                    0 => Fault::Refused(refusal(&format!("it broke{}", self.marker), "XX000")),
                    1 => Fault::Broken(self.failure(Category::Connection)),
                    _ => {
                        let words = "canceling statement due to statement timeout";
                        Fault::Refused(refusal(&format!("{words}{}", self.marker), "57014"))
                    }
                });
                let statement = Statement {
                    session: *session,
                    sql: sql.clone(),
                    granted: *granted_rows,
                    sent: 0,
                    total: rows_of(sql, self.big, self.prompt, random),
                    results: if sql.contains("twice") { 2 } else { 1 },
                    described: false,
                    discard: false,
                    discarded: 0,
                    cancelled: false,
                    stalled: false,
                    waits: sql.contains("lock") && fault.is_none(),
                    seal: match effect {
                        query::Effect::RunReadOnly { seal, .. } => Some(seal.clone()),
                        _ => None,
                    },
                    inspected: false,
                    fault,
                };
                let follows = matches!(effect, query::Effect::Run { follows: Some(_), .. });
                match self.servers.receive(*query, statement, follows) {
                    Received::Runs => self.work_later(*query, random),
                    Received::Follows => {}
                    Received::Refused => self.not_sent(*session, [*query], random),
                    Received::Lost => {
                        // The link is gone, and the word of that is on its way.
                        let msg = query::Msg::Lost {
                            query: *query,
                            failure: Box::new(self.failure(Category::Connection)),
                            elapsed_us: 0,
                        };
                        self.say_in(Stream::Session(*session), msg, random);
                    }
                }
            }
            query::Effect::TakeBack { session } => {
                // The statement that runs ends behind these.
                let withdrawn = self.servers.withdraw(*session);
                for query in withdrawn {
                    let msg = self.was_not_sent(*session, query);
                    self.at(self.now_us, Event::Say(Box::new(msg.into())));
                }
            }
            query::Effect::GrantRows { query, rows } => {
                if let Some(statement) = self.servers.statements.get_mut(query) {
                    statement.granted += rows;
                    self.wake(*query, random);
                }
            }
            query::Effect::DiscardRows { query } => {
                if let Some(statement) = self.servers.statements.get_mut(query) {
                    statement.discard = true;
                    self.wake(*query, random);
                }
                let backends = self.servers.backends.values_mut();
                let mut ahead = backends.flat_map(|backend| &mut backend.ahead);
                if let Some((_, statement)) = ahead.find(|(ahead, _)| ahead == query) {
                    statement.discard = true;
                }
            }
            query::Effect::Cancel { query, session, ahead } => {
                let query = *query;
                let all = [query].into_iter().chain(ahead.iter().copied());
                let running = all.into_iter().find(|one| self.servers.statements.contains_key(one));
                let withdrawn = self.servers.withdraw(*session);
                self.not_sent(*session, withdrawn, random);
                let msg = match form {
                    None => {
                        let at_us = self.now_us + self.later(random);
                        let running = running.unwrap_or(query);
                        self.at(at_us, Event::Cancel { query, running });
                        return;
                    }
                    Some(_) => query::Msg::CancelFailed {
                        query,
                        failure: Box::new(self.failure(Category::Connection)),
                    },
                };
                self.say(msg, random);
            }
        }
    }

    /// What follows a statement that ended badly, or was cancelled, is not sent.
    fn not_sent(
        &mut self,
        session: SessionId,
        queries: impl IntoIterator<Item = QueryId>,
        random: &mut Random,
    ) {
        for query in queries {
            let msg = self.was_not_sent(session, query);
            self.say_in(Stream::Session(session), msg, random);
        }
    }

    fn was_not_sent(&self, session: SessionId, query: QueryId) -> query::Msg {
        query::Msg::Failed {
            query,
            failure: Box::new(Failure::new(Category::Cancelled, ledger::NOT_SENT)),
            transaction: self.servers.backends[&session].transaction,
            elapsed_us: 0,
        }
    }

    fn work_later(&mut self, query: QueryId, random: &mut Random) {
        let at_us = self.now_us + self.later(random);
        self.at(at_us, Event::Work(query));
    }

    /// A reader that stood still goes on.
    fn wake(&mut self, query: QueryId, random: &mut Random) {
        let stalled = self
            .servers
            .statements
            .get_mut(&query)
            .is_some_and(|statement| std::mem::take(&mut statement.stalled));
        if stalled {
            self.work_later(query, random);
        }
    }

    fn cells(
        &mut self,
        effect: &results::contract::Effect,
        form: Option<usize>,
        random: &mut Random,
    ) {
        let msg = match effect {
            results::contract::Effect::Copy { request, range, .. } => {
                results::contract::Msg::Copied {
                    request: *request,
                    text: match form {
                        None => Ok("text".into()),
                        Some(_) => Err(format!("Too many cells{}", self.marker)),
                    },
                    cells: range.cells(),
                }
            }
            results::contract::Effect::Summarize { request, .. } => {
                results::contract::Msg::Summarized { request: *request, summary: None }
            }
            results::contract::Effect::Drop { request, .. } => {
                results::contract::Msg::Dropped { request: *request }
            }
        };
        self.say(msg, random);
    }

    fn store(&mut self, effect: &keeping::Effect, form: Option<usize>, random: &mut Random) {
        use keeping::Effect as Store;
        let msg = match effect {
            Store::Load { request } => {
                keeping::Msg::Loaded { request: *request, kept: Box::new(self.kept(form, random)) }
            }
            Store::SearchHistory { request, .. } => keeping::Msg::HistoryFound {
                request: *request,
                entries: match form {
                    None => Ok(vec![]),
                    Some(_) => Err(self.failure(Category::Storage)),
                },
            },
            Store::UseDirectory { request, .. } => keeping::Msg::DirectoryUsed {
                request: *request,
                result: match form {
                    None => {
                        self.in_memory = false;
                        Ok(Box::new(self.kept(form, random)))
                    }
                    Some(_) => Err(format!("it broke{}", self.marker.trim_end_matches('.'))),
                },
            },
            write => {
                self.write(write, form != Some(0));
                let request = write.write_request().expect("it is a write");
                match form {
                    None => keeping::Msg::Wrote { request },
                    Some(0) => {
                        keeping::Msg::Failed { request, failure: self.failure(Category::Storage) }
                    }
                    Some(_) if self.in_memory => {
                        self.struck = false;
                        keeping::Msg::Wrote { request }
                    }
                    Some(_) => {
                        let reason = format!("it broke{}", self.marker.trim_end_matches('.'));
                        let held = keeping::Msg::Held { request, reason };
                        self.say_in(Stream::Store, held, random);
                        keeping::Msg::CaughtUp
                    }
                }
            }
        };
        self.say_in(Stream::Store, msg, random);
    }

    /// A write is on disk, or it is not.
    fn write(&mut self, effect: &keeping::Effect, well: bool) {
        match effect {
            keeping::Effect::JournalEdits { request, tab, edits, .. } => {
                assert!(
                    !self.gaps.contains(tab),
                    "edits are journaled although some before them were not kept: {tab}"
                );
                if !well {
                    self.behind.insert(*tab);
                    self.failed_writes.insert(*request, *tab);
                }
                if self.behind.contains(tab) {
                    return;
                }
                let text = self.texts.entry(*tab).or_default();
                for edit in edits {
                    text.replace_range(edit.start..edit.start + edit.removed, &edit.inserted);
                }
            }
            keeping::Effect::SaveTab { request, tab } => {
                self.gaps.remove(&tab.id);
                if !well {
                    self.failed_writes.insert(*request, tab.id);
                }
                if well {
                    self.behind.remove(&tab.id);
                    self.texts.insert(tab.id, tab.text.to_string());
                } else {
                    self.behind.insert(tab.id);
                }
            }
            keeping::Effect::SaveConnection { connection, .. } if well => {
                self.saved.insert(connection.id, (**connection).clone());
            }
            keeping::Effect::DeleteConnection { connection, .. } => {
                self.saved.remove(connection);
            }
            _ => {}
        }
    }

    fn schema(&mut self, effect: &schema::Effect, form: Option<usize>, random: &mut Random) {
        let schema::Effect::Load { request, connection } = effect;
        let result = match form {
            None => {
                let mut builder = catalog::CatalogBuilder::default();
                builder.search_path("public");
                builder.relation(1, "public", "customers", catalog::RelationKind::Table);
                builder.column(1, 1, "email", "text");
                Ok(Arc::new(builder.finish()))
            }
            Some(_) => Err(Box::new(self.failure(Category::Connection))),
        };
        let msg = schema::Msg::Loaded { request: *request, connection: *connection, result };
        self.say(msg, random);
    }

    fn settings_file(&mut self, effect: &file::Effect, form: Option<usize>, random: &mut Random) {
        use file::{Effect, Msg, Written};
        match effect {
            Effect::Watch { request, .. } => {
                if let Some(before) = self.watch.replace(*request) {
                    let ended = Msg::WatchEnded { request: before };
                    self.say_in(Stream::Settings, ended, random);
                }
                match form {
                    None => self.settings_read(random),
                    Some(_) => {
                        let msg = Msg::Read {
                            request: *request,
                            result: Err(self.failure(Category::Storage)),
                        };
                        self.say_in(Stream::Settings, msg, random);
                    }
                }
            }
            Effect::Write { request, text, expected, .. } => {
                let conflict = *expected != self.settings;
                let result = if conflict {
                    Written::Conflict
                } else if form.is_some() {
                    Written::Failed(self.failure(Category::Storage))
                } else {
                    self.settings = Some(text.clone());
                    Written::Done
                };
                let msg = Msg::Written { request: *request, result };
                self.say_in(Stream::Settings, msg, random);
                if conflict {
                    self.settings_read(random);
                }
            }
            Effect::ConfigureLog { request, .. } => {
                let msg = Msg::LogConfigured {
                    request: *request,
                    warning: form.map(|_| format!("It broke{}", self.marker)),
                };
                self.say(msg, random);
            }
        }
    }

    /// What the settings' file holds is told to who watches it.
    fn settings_read(&mut self, random: &mut Random) {
        let Some(request) = self.watch else {
            return;
        };
        let msg = file::Msg::Read { request, result: Ok(self.settings.clone()) };
        self.say_in(Stream::Settings, msg, random);
    }

    fn kept(&mut self, form: Option<usize>, random: &mut Random) -> keeping::Kept {
        let reason = format!("It broke{}", self.marker.trim_end_matches('.'));
        let opened = match form {
            None => keeping::Opened::OnDisk,
            Some(0) => keeping::Opened::Fresh {
                copy: "/data/damaged".into(),
                reason,
                salvage: keeping::Salvage::default(),
            },
            Some(1) => keeping::Opened::InMemory { reason },
            Some(_) => keeping::Opened::NoDirectory { directory: "/data".into(), reason },
        };
        self.in_memory = form.is_some_and(|form| form > 0);
        let mut ids = Ids::seeded(random.next());
        let connections = (0..random.below(3))
            .map(|number| keeping::SavedConnection {
                id: ConnectionId::next(&mut ids),
                config: tusk::conninfo::Config {
                    name: format!("saved {number}"),
                    port: 6000 + number as u16,
                    pool_size: 1 + number as u32,
                    read_only: random.chance(30),
                    ..Default::default()
                },
                last_used_us: (number > 0).then_some(number as i64),
            })
            .collect::<Vec<_>>();
        let by_id = connections.iter().map(|saved| (saved.id, saved.clone()));
        self.saved.extend(by_id);
        let mut tab = |random: &mut Random, place: usize| {
            let id = TabId::next(&mut ids);
            let text = *random.pick(&["", "select 1;", "é\nselect 2"]);
            self.texts.insert(id, text.into());
            keeping::SavedTab {
                id,
                place: place as u32,
                active: place == 1,
                title: String::new(),
                path: random.chance(20).then(|| "/home/ada/a.sql".into()),
                form: Default::default(),
                unsaved: random.chance(50),
                connection: connections.first().map(|saved| saved.id),
                text: RopeText::from(text),
                revision: random.below(9) as u64,
                cursor: random.below(20),
            }
        };
        let tabs = (0..random.below(3)).map(|at| tab(random, at)).collect();
        let closed = (0..random.below(3)).map(|at| tab(random, at)).collect();
        keeping::Kept {
            opened,
            connections,
            tabs,
            closed,
            history: vec![],
            settings: settings::Settings {
                zoom_percent: random.below(400) as u32,
                editor_percent: random.below(400) as u32,
                ..Default::default()
            },
        }
    }

    fn keychain(&mut self, effect: &keychain::Effect, form: Option<usize>, random: &mut Random) {
        let absent = keychain::Refusal::Unavailable {
            reason: format!("it broke{}", self.marker.trim_end_matches('.')),
        };
        let done = if form.is_none() { Ok(()) } else { Err(absent.clone()) };
        let msg = match effect {
            keychain::Effect::Read { request, connection, kind } => keychain::Msg::Read {
                request: *request,
                connection: *connection,
                kind: *kind,
                result: match form {
                    None => Ok(Secret::new("pw")),
                    Some(0) => Err(keychain::Refusal::NotFound),
                    Some(_) => Err(absent),
                },
            },
            keychain::Effect::Store { request, connection, kind, .. } => keychain::Msg::Stored {
                request: *request,
                connection: *connection,
                kind: *kind,
                result: done,
            },
            keychain::Effect::Delete { request, connection, kind } => keychain::Msg::Deleted {
                request: *request,
                connection: *connection,
                kind: *kind,
                result: done,
            },
        };
        self.say(msg, random);
    }

    fn file(&mut self, effect: &files::Effect, form: Option<usize>, random: &mut Random) {
        let stamp = files::FileStamp {
            modified_us: 1,
            length: 1,
            digest: if self.prompt { 1 } else { random.below(3) as u64 },
        };
        let msg = match effect {
            files::Effect::Open { request, path, .. } => files::Msg::Opened {
                request: *request,
                path: path.clone(),
                result: match form {
                    None => Ok(files::Read::plain(RopeText::from("select 3;"), stamp)),
                    Some(0) => Err(self.failure(Category::Storage).into()),
                    Some(1) => Err(files::Unread::Unclear(vec![encoding::Choice {
                        encoding: encoding::Encoding::Latin1,
                        preview: "select 'é';".into(),
                    }])),
                    Some(_) => Err(files::Unread::Large { bytes: 1 << 30 }),
                },
            },
            files::Effect::Save { request, path, .. } => files::Msg::Saved {
                request: *request,
                path: path.clone(),
                result: match form {
                    None => files::Saved::Written(stamp),
                    Some(0) => files::Saved::Conflict,
                    Some(1) => files::Saved::Unsayable {
                        encoding: encoding::Encoding::Latin1,
                        character: '€',
                        at: random.below(20),
                        line: 1,
                        column: 1,
                    },
                    Some(_) => files::Saved::Failed(self.failure(Category::Storage)),
                },
            },
            files::Effect::Check { request, path, .. } => files::Msg::Checked {
                request: *request,
                path: path.clone(),
                stamp: form.is_none().then_some(stamp),
            },
            files::Effect::List { request, directory } => files::Msg::Listed {
                request: *request,
                directory: directory.clone(),
                result: match form {
                    None => {
                        Ok(vec![files::DirectoryEntry { name: "a.sql".into(), directory: false }])
                    }
                    Some(_) => Err(self.failure(Category::Storage)),
                },
            },
        };
        self.say(msg, random);
    }

    fn job(&mut self, effect: &jobs::Effect, form: Option<usize>, random: &mut Random) {
        // A cancel that comes too late changes nothing; one in time is a form of its own.
        let jobs::Effect::RunFile { job, path, .. } = effect else {
            return;
        };
        let job = *job;
        let progress = jobs::Progress {
            phase: jobs::Phase::Running,
            bytes: 5,
            total: 10,
            statements: 2,
            failed: u64::from(form == Some(0)),
            rows: 1,
        };
        self.say(jobs::Msg::Went { job, progress }, random);
        if form == Some(0) {
            let trouble = jobs::Trouble {
                file: path.clone(),
                line: 1,
                column: 1,
                sqlstate: Some("42601".into()),
                message: format!("syntax error{}", self.marker),
            };
            let trouble = Box::new(trouble);
            self.say(jobs::Msg::Troubled { job, trouble }, random);
        }
        let (state, message) = match form {
            None => (jobs::State::Done, "2 statements were run.".to_owned()),
            Some(0) => (jobs::State::Failed, format!("Stopped{}", self.marker)),
            Some(_) => (jobs::State::Refused, format!("Not run{}", self.marker)),
        };
        let msg = jobs::Msg::Ended { job, state, progress, message, elapsed_us: 5 };
        self.say(msg, random);
    }

    fn clock(&mut self, effect: clock::Effect, random: &mut Random) {
        match effect {
            clock::Effect::Start { timer, after_ms } => {
                let at_us = self.now_us + after_ms * 1_000;
                let msg = clock::Msg::Fired { timer }.into();
                self.at(at_us, Event::Say(Box::new(msg)));
            }
            clock::Effect::Stop { timer } => {
                // One that has fired already has answered.
                let before = self.due.len();
                self.due.retain(|_, event| {
                    !matches!(event, Event::Say(msg) if **msg == Msg::Clock(clock::Msg::Fired { timer }))
                });
                if self.due.len() < before {
                    self.say(clock::Msg::Stopped { timer }, random);
                }
            }
        }
    }

    /// The next answer, and the time at which it comes; none where nothing is under way any more.
    pub fn answer(&mut self, now_us: u64, random: &mut Random) -> Option<(u64, Msg)> {
        self.now_us = now_us;
        if !self.prompt && random.below(400) == 0 {
            self.something_breaks(random);
        }
        if !self.prompt && random.below(300) == 0 {
            self.something_happens(random);
        }
        while let Some(((at_us, _), event)) = self.due.pop_first() {
            self.now_us = self.now_us.max(at_us);
            let msg = match event {
                Event::Say(msg) => Some(self.delivered(*msg, random)),
                Event::Work(query) => self.work(query, random).map(Msg::Query),
                Event::Cancel { query, running } => {
                    if let Some(statement) = self.servers.statements.get_mut(&running) {
                        statement.cancelled = true;
                        let waits = std::mem::take(&mut statement.waits);
                        if waits {
                            self.work_later(running, random);
                        }
                    }
                    Some(query::Msg::CancelSent { query }.into())
                }
                Event::GiveUp(session) => self.give_up(session, random).map(Msg::Session),
            };
            if let Some(msg) = msg {
                self.accounts.answer(&msg);
                return Some((self.now_us, msg));
            }
        }
        None
    }

    fn give_up(&mut self, session: SessionId, random: &mut Random) -> Option<session::Msg> {
        let (connection, pool) =
            self.servers.pools.iter_mut().find(|(_, pool)| pool.waiting.contains(&session))?;
        pool.waiting.retain(|waiting| *waiting != session);
        let connection = *connection;
        self.pool_changed(connection, random);
        let failure = Failure::new(Category::PoolTimeout, "No connection came free.");
        Some(session::Msg::OpenFailed { session, failure })
    }

    /// Every server goes away, with every link.
    pub fn outage(&mut self, now_us: u64, random: &mut Random) {
        self.now_us = now_us;
        let failure = Failure::new(Category::Connection, "The server went away.");
        let connections: Vec<ConnectionId> = self.servers.pools.keys().copied().collect();
        for connection in connections {
            self.break_all(connection, &failure, random);
        }
    }

    /// All links of a connection break.
    fn break_all(&mut self, connection: ConnectionId, failure: &Failure, random: &mut Random) {
        let stand =
            |backend: &Backend| backend.connection == connection && backend.open && !backend.let_go;
        let backends = self.servers.backends.iter();
        let lent: Vec<SessionId> =
            backends.filter(|(_, backend)| stand(backend)).map(|(id, _)| *id).collect();
        while let Some(pool) = self.servers.pools.get_mut(&connection)
            && pool.idle > 0
        {
            pool.idle -= 1;
            self.link_lost(connection, 0, failure, random);
        }
        for session in lent {
            self.lose(session, failure, random);
        }
    }

    /// What happens without being asked for: others work with the same files, and a server falls silent for a while.
    fn something_happens(&mut self, random: &mut Random) {
        match random.below(5) {
            0 => {
                let texts =
                    ["", "size = 110\n", "size = 1\n", "not toml", "# words\ntheme = \"dark\"\n"];
                let text = random.chance(80).then(|| (*random.pick(&texts)).to_owned());
                self.settings = text;
                self.settings_read(random);
            }
            1 => {
                let opened = keeping::Opened::Recreated {
                    file: "/data/tusk.db".into(),
                    how: "it was deleted".into(),
                };
                self.say_in(Stream::Store, keeping::Msg::Reopened { opened }, random);
            }
            2 => self.others_save(random),
            _ => {
                let connections: Vec<ConnectionId> = self.servers.pools.keys().copied().collect();
                if connections.is_empty() {
                    return;
                }
                let connection = *random.pick(&connections);
                let stream = Stream::Pool(connection);
                let silent_ms = random.below(60_000) as u64;
                let silent = connection::Msg::NotAnswering { connection, silent_ms };
                self.say_in(stream, silent, random);
                self.say_in(stream, connection::Msg::Answering { connection }, random);
            }
        }
    }

    /// Another Tusk saves or deletes a connection.
    fn others_save(&mut self, random: &mut Random) {
        let ids: Vec<ConnectionId> = self.saved.keys().copied().collect();
        if ids.is_empty() {
            return;
        }
        let id = *random.pick(&ids);
        let deletes = random.chance(50);
        let msg = match self.saved.get_mut(&id) {
            Some(saved) if !deletes => {
                saved.config.name.push('x');
                keeping::Msg::ConnectionsChanged { changed: vec![saved.clone()], deleted: vec![] }
            }
            _ => {
                self.saved.remove(&id);
                keeping::Msg::ConnectionsChanged { changed: vec![], deleted: vec![id] }
            }
        };
        self.say_in(Stream::Store, msg, random);
    }

    /// A link breaks by itself, or a server goes down with all of its links.
    fn something_breaks(&mut self, random: &mut Random) {
        let idle: Vec<ConnectionId> = self
            .servers
            .pools
            .iter()
            .filter(|(_, pool)| pool.idle > 0)
            .map(|(id, _)| *id)
            .collect();
        if !idle.is_empty() && random.chance(40) {
            let connection = *random.pick(&idle);
            let failure = Failure::new(Category::Connection, "An idle link broke.");
            if let Some(pool) = self.servers.pools.get_mut(&connection) {
                pool.idle -= 1;
            }
            return self.link_lost(connection, 0, &failure, random);
        }
        let open: Vec<(SessionId, ConnectionId)> = self
            .servers
            .backends
            .iter()
            .filter(|(_, backend)| backend.open && !backend.let_go)
            .map(|(id, backend)| (*id, backend.connection))
            .collect();
        if open.is_empty() {
            return;
        }
        let (session, connection) = *random.pick(&open);
        let all = random.chance(30);
        let failure = Failure::new(Category::Connection, "The link broke.");
        if all {
            self.break_all(connection, &failure, random);
        } else {
            self.lose(session, &failure, random);
        }
    }

    /// What becomes true in the runner's world as the answer is given.
    fn delivered(&mut self, msg: Msg, random: &mut Random) -> Msg {
        match msg {
            Msg::Connection(connection::Msg::Opened { connection, attempt, .. })
                if self.abandoned.contains(&attempt) =>
            {
                connection::Msg::OpenFailed {
                    connection,
                    attempt,
                    failure: Failure::new(Category::Cancelled, "It was abandoned."),
                }
                .into()
            }
            Msg::Connection(connection::Msg::Opened { connection, attempt, .. })
                if self.proving.contains(&attempt) =>
            {
                self.proved(connection, attempt, msg, random)
            }
            Msg::Connection(connection::Msg::Opened { connection, .. }) => {
                let max = self.maxima.get(&connection).copied().unwrap_or(1);
                let pool = Pool {
                    max,
                    // The link that proved the pool stays in it.
                    idle: 1,
                    ..Pool::default()
                };
                self.servers.pools.insert(connection, pool);
                self.pool_changed(connection, random);
                msg
            }
            // Nothing of before is in a file that was begun afresh.
            Msg::Store(keeping::Msg::Reopened { .. }) => {
                self.texts.clear();
                msg
            }
            Msg::Store(keeping::Msg::Failed { request, .. }) => {
                self.gaps.extend(self.failed_writes.remove(&request));
                msg
            }
            other => other,
        }
    }

    /// A pool has a real link again, unless it was closed meanwhile.
    fn proved(
        &mut self,
        connection: ConnectionId,
        attempt: Request,
        opened: Msg,
        random: &mut Random,
    ) -> Msg {
        match self.servers.pools.get_mut(&connection) {
            Some(pool) => {
                if pool.lend() {
                    pool.lent -= 1;
                    pool.idle += 1;
                }
                self.pool_changed(connection, random);
                opened
            }
            None => connection::Msg::OpenFailed {
                connection,
                attempt,
                failure: Failure::new(Category::Cancelled, "The connection was closed."),
            }
            .into(),
        }
    }

    /// What a statement of a read-only connection left in its transaction, once, before it ends.
    fn inspection(&mut self, query: QueryId, random: &mut Random) -> Option<query::Msg> {
        let statement = self.servers.statements.get_mut(&query)?;
        let (Some(Seal::Whole { asks_settings, .. } | Seal::Inside { asks_settings, .. }), false) =
            (&statement.seal, statement.inspected)
        else {
            return None;
        };
        let setting = |name: &str| Setting { name: name.into(), value: "x".into(), custom: false };
        let settings =
            asks_settings.as_ref().map(|_| vec![setting("search_path"), setting("role")]);
        let access = if self.prompt {
            Access::ReadOnly
        } else {
            *random.pick(&[Access::ReadOnly, Access::ReadOnly, Access::ReadWrite, Access::Over])
        };
        statement.inspected = true;
        self.at(self.now_us, Event::Work(query));
        let inspection = Inspection { access, settings };
        Some(query::Msg::Inspected { query, inspection })
    }

    /// A server goes on with one of its statements.
    fn work(&mut self, query: QueryId, random: &mut Random) -> Option<query::Msg> {
        let big = self.big;
        let statement = self.servers.statements.get_mut(&query)?;
        if statement.waits {
            return None;
        }
        let session = statement.session;
        if let (Some(Fault::Broken(failure)), true) =
            (&statement.fault, statement.described || !returns_rows(&statement.sql))
        {
            let failure = failure.clone();
            self.lose(session, &failure, random);
            return None;
        }
        if matches!(statement.fault, Some(Fault::Refused(_))) {
            return self.ended(query, false, random);
        }
        // A server that waits to send hears no cancel.
        let hears = statement.discard || statement.sent == 0 || random.chance(50);
        if statement.cancelled && hears {
            return self.ended(query, true, random);
        }
        if returns_rows(&statement.sql) && !statement.described {
            statement.described = true;
            let oid = if self.prompt { 25 } else { *random.pick(&[25, 25, 99_999]) };
            let columns = vec![Column::new("c", oid, -1)];
            self.work_later(query, random);
            return Some(query::Msg::Described { query, columns });
        }
        let noisy = !self.prompt && random.chance(2);
        if noisy {
            self.notice(session, query, random);
        }
        let statement = self.servers.statements.get_mut(&query)?;
        let left = statement.total - statement.sent;
        if left > 0 && statement.discard {
            statement.discarded += left;
            statement.sent = statement.total;
        } else if left > 0 {
            let rows = FULL.min(left).min(statement.granted - statement.sent);
            if rows == 0 {
                statement.stalled = true;
                let rows = statement.sent;
                if !self.prompt && random.chance(10) {
                    let bytes = 33 << 20;
                    self.say(query::Msg::HeldUp { query, bytes }, random);
                }
                return Some(query::Msg::Stalled { query, rows });
            }
            // Rows can be so large that a grant does not reach to its end.
            if !self.prompt && random.chance(1) {
                statement.stalled = true;
                statement.granted = statement.sent;
                let rows = statement.sent;
                return Some(query::Msg::GrantLapsed { query, rows });
            }
            statement.sent += rows;
            let width = if big && rows == FULL { 8_000 } else { 8 };
            self.work_later(query, random);
            return Some(query::Msg::RowsArrived { query, chunk: chunk(rows, width) });
        }
        if statement.results > 1 {
            statement.results -= 1;
            statement.described = false;
            self.work_later(query, random);
            return None;
        }
        if let Some(inspected) = self.inspection(query, random) {
            return Some(inspected);
        }
        self.ended(query, false, random)
    }

    fn notice(&mut self, session: SessionId, query: QueryId, random: &mut Random) {
        let msg = match random.chance(50) {
            true => session::Msg::Noticed {
                session,
                query: Some(query),
                notice: Box::new(Failure {
                    severity: "NOTICE".into(),
                    ..Failure::new(Category::Query, "hello")
                }),
            },
            false => session::Msg::Notified {
                session,
                channel: "jobs".into(),
                payload: String::new(),
                backend_pid: 2,
            },
        };
        self.say(msg, random);
    }

    fn ended(
        &mut self,
        query: QueryId,
        cancelled: bool,
        random: &mut Random,
    ) -> Option<query::Msg> {
        let (statement, end, transaction) = self.servers.end(query, cancelled)?;
        match self.servers.follow(statement.session) {
            Some(next) => self.work_later(next, random),
            None => {
                let withdrawn = self.servers.withdraw(statement.session);
                self.not_sent(statement.session, withdrawn, random);
            }
        }
        Some(match end {
            End::Finished { tag } => query::Msg::Finished {
                query,
                tag,
                transaction,
                discarded: statement.discarded,
                elapsed_us: 5,
            },
            End::Failed(failure) => {
                query::Msg::Failed { query, failure: Box::new(failure), transaction, elapsed_us: 6 }
            }
        })
    }

    /// When the next event is due.
    pub fn next_us(&self) -> Option<u64> {
        self.due.keys().next().map(|(at_us, _)| *at_us)
    }

    /// Locks that statements wait for are given back.
    pub fn let_locks_go(&mut self, random: &mut Random) -> bool {
        let waiting: Vec<QueryId> = self
            .servers
            .statements
            .iter_mut()
            .filter_map(|(id, statement)| std::mem::take(&mut statement.waits).then_some(*id))
            .collect();
        for query in &waiting {
            self.work_later(*query, random);
        }
        !waiting.is_empty()
    }

    /// Whether the answer to an effect is still owed.
    pub fn waits_for(&self, key: Key) -> bool {
        self.accounts.waits_for(key)
    }
}
