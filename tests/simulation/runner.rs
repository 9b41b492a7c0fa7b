//! The scripted runner: it takes effects as the real one does, and answers when and how chance has it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tusk::{
    effect::Effect,
    msg::Msg,
    rows::{Chunk, ChunkBuilder, Column},
    update::{
        cells, clock, connection, discovery,
        failure::{Category, Failure},
        file,
        ids::*,
        keychain, query, sandbox,
        secret::Secret,
        session::{self, Transaction},
        settings_file, store,
        text::RopeText,
        window,
    },
};

use super::world::{Random, Seen, timer_of};

/// A statement that the simulated server works on.
struct Statement {
    session: SessionId,
    granted: u64,
    sent: u64,
    total: u64,
    described: bool,
    returns: bool,
    discard: bool,
    discarded: u64,
    cancelled: bool,
    stalled: bool,
    sql: Arc<str>,
}

struct Held {
    open: bool,
    /// Whether it was let go; one that broke may be let go before the word of that arrives.
    let_go: bool,
    transaction: Transaction,
    runs: Option<QueryId>,
}

#[derive(Default)]
pub struct Runner {
    /// Answers that may come at any time, in any order.
    pending: Vec<Msg>,
    timers: BTreeSet<Request>,
    abandoned: BTreeSet<Request>,
    sessions: BTreeMap<SessionId, Held>,
    statements: BTreeMap<QueryId, Statement>,
    ended: BTreeMap<QueryId, SessionId>,
    texts: BTreeMap<TabId, String>,
    /// What the store answers comes in the order of the effects.
    stored: std::collections::VecDeque<Msg>,
    requests: BTreeSet<Request>,
    /// The watch of the settings' file.
    watch: Request,
    /// Whether an answer was given twice, after which an effect may come for what is gone.
    pub duplicated: bool,
    /// Whether rows are large, so that the memory runs out.
    pub big: bool,
    chunk: Option<Arc<Chunk>>,
}

const FULL: u64 = 4_096;
/// Rows that an update may grant ahead.
const CREDIT: u64 = 4 * FULL;

fn chunk(rows: u64, width: usize) -> Arc<Chunk> {
    let mut builder = ChunkBuilder::new(1);
    let mut row = 1_u16.to_be_bytes().to_vec();
    row.extend((width as i32).to_be_bytes());
    row.extend(std::iter::repeat_n(b'x', width));
    for _ in 0..rows {
        builder.push_data_row(&row).expect("a row is well-formed");
    }
    Arc::new(builder.finish())
}

fn refusal(message: &str, sqlstate: Option<&str>) -> Failure {
    Failure {
        sqlstate: sqlstate.map(str::to_owned),
        severity: "ERROR".into(),
        position: Some(3),
        ..Failure::new(Category::Query, message)
    }
}

fn gone() -> Failure {
    Failure::new(Category::Connection, "connection closed")
}

impl Runner {
    pub fn open_sessions(&self) -> impl Iterator<Item = SessionId> {
        self.sessions
            .iter()
            .filter(|(_, held)| held.open)
            .map(|(id, _)| *id)
    }

    pub fn session_of(&self, query: QueryId) -> Option<SessionId> {
        let running = self.statements.get(&query).map(|it| it.session);
        running.or_else(|| self.ended.get(&query).copied())
    }

    pub fn kept_text(&self, tab: TabId) -> Option<String> {
        self.texts.get(&tab).cloned()
    }

    pub fn credit_bytes(&self) -> u64 {
        let chunk = self
            .chunk
            .as_ref()
            .map_or(0, |chunk| chunk.heap_bytes() as u64 + 1_000);
        CREDIT / FULL * chunk.max(2_000_000)
    }

    fn fresh(&mut self, request: Request) {
        assert!(self.requests.insert(request), "{request:?} was asked twice");
    }

    /// Takes an effect over.
    pub fn take(&mut self, effect: &Effect, random: &mut Random) {
        match effect {
            Effect::Connection(effect) => self.connection(effect, random),
            Effect::Session(effect) => self.session(effect, random),
            Effect::Query(effect) => self.query(effect, random),
            Effect::Cells(effect) => self.cells(effect, random),
            Effect::Store(effect) => self.store(effect, random),
            Effect::SettingsFile(effect) => self.settings_file(effect, random),
            Effect::Keychain(effect) => self.keychain(effect, random),
            Effect::File(effect) => self.file(effect, random),
            Effect::Clock(clock::Effect::Start { timer, .. }) => {
                self.fresh(*timer);
                self.timers.insert(*timer);
                self.pending
                    .push(Msg::Clock(clock::Msg::Fired { timer: *timer }));
            }
            Effect::Clock(clock::Effect::Stop { timer }) => {
                if self.timers.remove(timer) {
                    self.pending.retain(|msg| timer_of(msg) != Some(*timer));
                    self.pending
                        .push(Msg::Clock(clock::Msg::Stopped { timer: *timer }));
                }
            }
            Effect::Discovery(discovery::Effect::FindServers { request }) => {
                self.fresh(*request);
                let servers = (0..random.below(3))
                    .map(|number| discovery::LocalServer {
                        directory: "/run/postgresql".into(),
                        port: 5432 + number as u16,
                        version: None,
                    })
                    .collect();
                self.pending
                    .push(Msg::Discovery(discovery::Msg::ServersFound {
                        request: *request,
                        servers,
                        environment: discovery::Environment {
                            user: "ada".into(),
                            ..Default::default()
                        },
                    }));
            }
            Effect::Sandbox(sandbox::Effect::Start { request, .. }) => {
                self.fresh(*request);
                self.pending.push(Msg::Sandbox(if random.chance(60) {
                    sandbox::Msg::Started {
                        request: *request,
                        host: "/sandbox".into(),
                        port: 5432,
                        user: "tusk".into(),
                        database: "shop".into(),
                        password: None,
                    }
                } else {
                    sandbox::Msg::Failed {
                        request: *request,
                        failure: Failure::new(Category::Internal, "no PostgreSQL was found"),
                    }
                }));
            }
            Effect::Window(
                window::Effect::WriteClipboard { request, .. }
                | window::Effect::OpenSearch { request, .. },
            ) => {
                self.fresh(*request);
                self.pending
                    .push(Msg::Window(window::Msg::Done { request: *request }));
            }
            Effect::Window(window::Effect::Quit) => {}
        }
    }

    fn connection(&mut self, effect: &connection::Effect, random: &mut Random) {
        match effect {
            connection::Effect::Open {
                connection,
                attempt,
                ..
            } => {
                self.fresh(*attempt);
                let (connection, attempt) = (*connection, *attempt);
                let failure = match random.below(10) {
                    0..=6 => None,
                    7 => Some(Failure {
                        sqlstate: Some("28P01".into()),
                        ..Failure::new(Category::Authentication, "wrong password")
                    }),
                    8 => Some(Failure::new(Category::Authentication, "no password")),
                    _ => Some(Failure::new(Category::Connection, "refused")),
                };
                self.pending.push(Msg::Connection(match failure {
                    None => connection::Msg::Opened {
                        connection,
                        attempt,
                        server: connection::ServerInfo::default(),
                    },
                    Some(failure) => connection::Msg::OpenFailed {
                        connection,
                        attempt,
                        failure,
                    },
                }));
            }
            connection::Effect::Abandon { attempt } => {
                self.abandoned.insert(*attempt);
            }
            connection::Effect::Close { connection } => {
                self.pending.push(Msg::Connection(connection::Msg::Closed {
                    connection: *connection,
                }));
            }
            connection::Effect::Test { attempt, .. } => {
                let result = if random.chance(50) {
                    Ok(connection::ServerInfo::default())
                } else {
                    Err(gone())
                };
                self.pending.push(Msg::Connection(connection::Msg::Tested {
                    attempt: *attempt,
                    result,
                }));
            }
            connection::Effect::ResolveTypes {
                request,
                connection,
                oids,
            } => {
                self.fresh(*request);
                let names = oids.iter().map(|(oid, _)| (*oid, "mood".into())).collect();
                self.pending
                    .push(Msg::Connection(connection::Msg::TypesResolved {
                        request: *request,
                        connection: *connection,
                        names,
                    }));
            }
        }
    }

    fn session(&mut self, effect: &session::Effect, random: &mut Random) {
        match effect {
            session::Effect::Open { session, .. } => {
                let msg = if random.chance(85) {
                    session::Msg::Opened {
                        session: *session,
                        backend_pid: 1,
                    }
                } else {
                    session::Msg::OpenFailed {
                        session: *session,
                        failure: Failure::new(Category::PoolTimeout, "no connection came free"),
                    }
                };
                self.pending.push(Msg::Session(msg));
            }
            session::Effect::End { session, .. } => {
                let Some(held) = self.sessions.get_mut(session) else {
                    assert!(self.duplicated, "a session ends that never was");
                    return;
                };
                assert!(!held.let_go || self.duplicated, "a session ends twice");
                held.let_go = true;
                held.open = false;
                if let Some(query) = held.runs.take() {
                    // Its tab is gone; what it answers still comes, once.
                    self.end(query);
                    self.pending.push(Msg::Query(query::Msg::Lost {
                        query,
                        failure: Box::new(gone()),
                        elapsed_us: 9,
                    }));
                }
                self.pending
                    .push(Msg::Session(session::Msg::Ended { session: *session }));
            }
            session::Effect::AskHeld { session } => {
                let held = self.sessions.get(session).expect("it asks a session");
                assert!(held.runs.is_none(), "it asks while a statement runs");
                let held = match random.below(4) {
                    0 | 1 => Ok(vec![]),
                    2 => Ok(vec!["a temporary table".into()]),
                    _ => Err(gone()),
                };
                self.pending.push(Msg::Session(session::Msg::HeldAnswered {
                    session: *session,
                    held,
                }));
            }
            session::Effect::Terminate { session } => {
                let result = if random.chance(50) {
                    Ok(())
                } else {
                    Err(gone())
                };
                self.pending
                    .push(Msg::Session(session::Msg::TerminateAnswered {
                        session: *session,
                        result,
                    }));
            }
        }
    }

    fn query(&mut self, effect: &query::Effect, random: &mut Random) {
        match effect {
            query::Effect::Run {
                query,
                session,
                sql,
                granted_rows,
                ..
            } => {
                assert!(
                    self.session_of(*query).is_none(),
                    "a statement was sent twice"
                );
                assert!(!sql.is_empty(), "an empty statement was sent");
                let held = self.sessions.get_mut(session).expect("it has a session");
                assert!(
                    !held.let_go,
                    "a statement goes to a session that was let go"
                );
                assert!(held.runs.is_none(), "a session has two statements");
                held.runs = Some(*query);
                let returns = sql.contains("select") || sql.contains("returning");
                let total = match returns {
                    true if self.big => *random.pick(&[0, 3 * FULL, 20 * FULL, 40 * FULL]),
                    true => *random.pick(&[0, 3, 5_000, 20_000, 150_000, 450_000]),
                    false => 0,
                };
                self.statements.insert(
                    *query,
                    Statement {
                        session: *session,
                        granted: *granted_rows,
                        sent: 0,
                        total,
                        described: false,
                        returns,
                        discard: false,
                        discarded: 0,
                        cancelled: false,
                        stalled: false,
                        sql: sql.clone(),
                    },
                );
            }
            query::Effect::GrantRows { query, rows } => {
                if let Some(statement) = self.statements.get_mut(query) {
                    statement.granted += rows;
                    statement.stalled = false;
                }
            }
            query::Effect::DiscardRows { query } => {
                if let Some(statement) = self.statements.get_mut(query) {
                    statement.discard = true;
                }
            }
            query::Effect::Cancel { query, .. } => {
                let sent = random.chance(90);
                if let Some(statement) = self.statements.get_mut(query) {
                    statement.cancelled |= sent;
                }
                let query = *query;
                self.pending.push(Msg::Query(if sent {
                    query::Msg::CancelSent { query }
                } else {
                    query::Msg::CancelFailed {
                        query,
                        failure: Box::new(gone()),
                    }
                }));
            }
        }
    }

    fn cells(&mut self, effect: &cells::Effect, random: &mut Random) {
        let msg = match effect {
            cells::Effect::Copy { request, range, .. } => cells::Msg::Copied {
                request: *request,
                text: if random.chance(80) {
                    Ok("text".into())
                } else {
                    Err("Too many cells.".into())
                },
                cells: range.cells(),
            },
            cells::Effect::Summarize { request, .. } => cells::Msg::Summarized {
                request: *request,
                summary: None,
            },
            cells::Effect::Drop { request, .. } => cells::Msg::Dropped { request: *request },
        };
        let (cells::Msg::Copied { request, .. }
        | cells::Msg::Summarized { request, .. }
        | cells::Msg::Dropped { request }) = &msg;
        self.fresh(*request);
        self.pending.push(Msg::Cells(msg));
    }

    fn store(&mut self, effect: &store::Effect, random: &mut Random) {
        use store::Effect as Store;
        let request = match effect {
            Store::Load { request } => {
                self.fresh(*request);
                let kept = Box::new(self.kept(random));
                self.stored.push_back(Msg::Store(store::Msg::Loaded {
                    request: *request,
                    kept,
                }));
                return;
            }
            Store::UseDirectory { request, .. } => {
                self.fresh(*request);
                self.stored.push_back(Msg::Store(store::Msg::DirectoryUsed {
                    request: *request,
                    result: Err("there is one already".into()),
                }));
                return;
            }
            Store::SearchHistory { request, .. } => {
                self.fresh(*request);
                let entries = if random.chance(80) {
                    Ok(vec![])
                } else {
                    Err(gone())
                };
                self.stored.push_back(Msg::Store(store::Msg::HistoryFound {
                    request: *request,
                    entries,
                }));
                return;
            }
            Store::JournalEdits {
                request,
                tab,
                edits,
                ..
            } => {
                let text = self.texts.entry(*tab).or_default();
                for edit in edits {
                    text.replace_range(edit.start..edit.start + edit.removed, &edit.inserted);
                }
                request
            }
            Store::SaveTab { request, tab } => {
                self.texts.insert(tab.id, tab.text.to_string());
                request
            }
            Store::SaveConnection { request, .. }
            | Store::DeleteConnection { request, .. }
            | Store::SaveLayout { request, .. }
            | Store::CloseTab { request, .. }
            | Store::RecordRun { request, .. }
            | Store::SaveSettings { request, .. } => request,
        };
        let request = *request;
        self.fresh(request);
        let written = self.written(request, random);
        self.stored.push_back(Msg::Store(written));
    }

    /// How a write ends: mostly well.
    fn written(&mut self, request: Request, random: &mut Random) -> store::Msg {
        if random.chance(94) {
            store::Msg::Wrote { request }
        } else if random.chance(50) {
            // A full disk, for a while.
            self.pending.push(Msg::Store(store::Msg::CaughtUp));
            store::Msg::Held {
                request,
                reason: "the disk is full".into(),
            }
        } else {
            store::Msg::Failed {
                request,
                failure: Failure::new(Category::Storage, "the disk is full"),
            }
        }
    }

    fn settings_file(&mut self, effect: &settings_file::Effect, random: &mut Random) {
        use settings_file::{Effect, Msg as Answer, Written};
        let read = |request, random: &mut Random| {
            let texts = ["size = 110", "# nothing", "size = 1", "not toml"];
            let text = random.chance(70).then(|| (*random.pick(&texts)).to_owned());
            Answer::Read {
                request,
                result: Ok(text),
            }
        };
        let answer = match effect {
            Effect::Watch { request, .. } => {
                self.fresh(*request);
                self.watch = *request;
                read(*request, random)
            }
            Effect::Write { request, .. } => {
                self.fresh(*request);
                let result = match random.below(4) {
                    0 => {
                        let again = read(self.watch, random);
                        self.pending.push(Msg::SettingsFile(again));
                        Written::Conflict
                    }
                    1 => Written::Failed(Failure::new(Category::Storage, "the disk is full")),
                    _ => Written::Done,
                };
                Answer::Written {
                    request: *request,
                    result,
                }
            }
            Effect::ConfigureLog { request, .. } => {
                self.fresh(*request);
                Answer::LogConfigured {
                    request: *request,
                    warning: None,
                }
            }
        };
        self.pending.push(Msg::SettingsFile(answer));
    }

    fn kept(&mut self, random: &mut Random) -> store::Kept {
        let mut ids = Ids::seeded(random.next());
        let connections = (0..random.below(3))
            .map(|number| store::SavedConnection {
                id: ConnectionId::next(&mut ids),
                config: tusk::update::config::Config {
                    name: format!("saved {number}"),
                    port: 6000 + number as u16,
                    ..Default::default()
                },
                last_used_us: (number > 0).then_some(number as i64),
            })
            .collect::<Vec<_>>();
        let mut tab = |random: &mut Random, place: usize| {
            let id = TabId::next(&mut ids);
            let text = *random.pick(&["", "select 1;", "é\nselect 2"]);
            self.texts.insert(id, text.into());
            store::SavedTab {
                id,
                place: place as u32,
                active: place == 1,
                title: String::new(),
                path: random.chance(20).then(|| "/home/ada/a.sql".into()),
                unsaved: random.chance(50),
                connection: connections.first().map(|saved| saved.id),
                text: RopeText::from(text),
                revision: random.below(9) as u64,
                cursor: random.below(20),
            }
        };
        let tabs = (0..random.below(3)).map(|at| tab(random, at)).collect();
        let closed = (0..random.below(3)).map(|at| tab(random, at)).collect();
        store::Kept {
            opened: store::Opened::OnDisk,
            connections,
            tabs,
            closed,
            history: vec![],
            settings: store::Settings {
                zoom_percent: random.below(400) as u32,
                editor_percent: random.below(400) as u32,
                ..Default::default()
            },
        }
    }

    fn keychain(&mut self, effect: &keychain::Effect, random: &mut Random) {
        let absent = keychain::Refusal::Unavailable {
            reason: "no service".into(),
        };
        let (keychain::Effect::Read { request, .. }
        | keychain::Effect::Store { request, .. }
        | keychain::Effect::Delete { request, .. }) = effect;
        self.fresh(*request);
        let well = random.chance(70);
        self.pending.push(Msg::Keychain(match effect {
            keychain::Effect::Read {
                request,
                connection,
                kind,
            } => keychain::Msg::Read {
                request: *request,
                connection: *connection,
                kind: *kind,
                result: match random.below(3) {
                    0 => Ok(Secret::new("pw")),
                    1 => Err(keychain::Refusal::NotFound),
                    _ => Err(absent),
                },
            },
            keychain::Effect::Store {
                request,
                connection,
                kind,
                ..
            } => keychain::Msg::Stored {
                request: *request,
                connection: *connection,
                kind: *kind,
                result: if well { Ok(()) } else { Err(absent) },
            },
            keychain::Effect::Delete {
                request,
                connection,
                kind,
            } => keychain::Msg::Deleted {
                request: *request,
                connection: *connection,
                kind: *kind,
                result: if well { Ok(()) } else { Err(absent) },
            },
        }));
    }

    fn file(&mut self, effect: &file::Effect, random: &mut Random) {
        let stamp = file::FileStamp {
            modified_us: 1,
            length: 1,
            digest: random.below(3) as u64,
        };
        let failure = || Failure::new(Category::Storage, "no such file");
        let well = random.chance(70);
        let (file::Effect::Open { request, .. }
        | file::Effect::Save { request, .. }
        | file::Effect::Check { request, .. }
        | file::Effect::List { request, .. }) = effect;
        self.fresh(*request);
        let request = *request;
        self.pending.push(Msg::File(match effect {
            file::Effect::Open { path, .. } => file::Msg::Opened {
                request,
                path: path.clone(),
                result: if well {
                    Ok((RopeText::from("select 3;"), stamp))
                } else {
                    Err(failure())
                },
            },
            file::Effect::Save { path, .. } => file::Msg::Saved {
                request,
                path: path.clone(),
                result: match random.below(3) {
                    0 => file::Saved::Written(stamp),
                    1 => file::Saved::Conflict,
                    _ => file::Saved::Failed(failure()),
                },
            },
            file::Effect::Check { path, .. } => file::Msg::Checked {
                request,
                path: path.clone(),
                stamp: well.then_some(stamp),
            },
            file::Effect::List { directory, .. } => file::Msg::Listed {
                request,
                directory: directory.clone(),
                result: if well {
                    Ok(vec![file::DirectoryEntry {
                        name: "a.sql".into(),
                        directory: false,
                    }])
                } else {
                    Err(failure())
                },
            },
        }));
    }

    /// The next answer; none where nothing is due.
    pub fn answer(&mut self, random: &mut Random, timers: bool, seen: &mut Seen) -> Option<Msg> {
        for _ in 0..4 {
            let found = match random.below(3) {
                0 => self.stored.pop_front(),
                1 => self.pop(random, timers),
                _ => self.work(random, seen),
            };
            if found.is_some() {
                return found;
            }
        }
        self.stored
            .pop_front()
            .or_else(|| self.pop(random, timers))
            .or_else(|| self.work(random, seen))
    }

    fn pop(&mut self, random: &mut Random, timers: bool) -> Option<Msg> {
        let due: Vec<usize> = (0..self.pending.len())
            .filter(|at| {
                timers || !matches!(self.pending[*at], Msg::Clock(clock::Msg::Fired { .. }))
            })
            .collect();
        if due.is_empty() {
            return None;
        }
        let msg = self.pending.swap_remove(*random.pick(&due));
        Some(self.delivered(msg))
    }

    /// What becomes true in the runner's world as the answer is given.
    fn delivered(&mut self, msg: Msg) -> Msg {
        match msg {
            Msg::Clock(clock::Msg::Fired { timer }) => {
                self.timers.remove(&timer);
                msg
            }
            Msg::Session(session::Msg::Opened { session, .. }) => {
                self.sessions.insert(
                    session,
                    Held {
                        open: true,
                        let_go: false,
                        transaction: Transaction::Idle,
                        runs: None,
                    },
                );
                msg
            }
            Msg::Session(session::Msg::HeldAnswered { session, .. })
                if self.sessions.get(&session).is_none_or(|held| !held.open) =>
            {
                Msg::Session(session::Msg::HeldAnswered {
                    session,
                    held: Err(gone()),
                })
            }
            Msg::Connection(connection::Msg::Opened {
                connection,
                attempt,
                ..
            }) if self.abandoned.contains(&attempt) => {
                Msg::Connection(connection::Msg::OpenFailed {
                    connection,
                    attempt,
                    failure: Failure::new(Category::Cancelled, "abandoned"),
                })
            }
            other => other,
        }
    }

    fn end(&mut self, query: QueryId) -> Option<Statement> {
        let statement = self.statements.remove(&query)?;
        self.ended.insert(query, statement.session);
        if let Some(held) = self.sessions.get_mut(&statement.session) {
            held.runs = None;
        }
        Some(statement)
    }

    /// The simulated server goes on with one of its statements, or loses a session.
    fn work(&mut self, random: &mut Random, seen: &mut Seen) -> Option<Msg> {
        if random.chance(1) {
            let idle: Vec<SessionId> = self
                .sessions
                .iter()
                .filter(|(_, held)| held.open && held.runs.is_none())
                .map(|(id, _)| *id)
                .collect();
            if !idle.is_empty() {
                let session = *random.pick(&idle);
                self.sessions.get_mut(&session)?.open = false;
                let failure = gone();
                return Some(Msg::Session(session::Msg::Lost { session, failure }));
            }
        }
        let due: Vec<QueryId> = self
            .statements
            .iter()
            .filter(|(_, statement)| {
                statement.discard
                    || !statement.stalled
                    || statement.sent < statement.granted
                    || statement.sent == statement.total
            })
            .map(|(id, _)| *id)
            .collect();
        if due.is_empty() {
            return None;
        }
        let query = *random.pick(&due);
        Some(Msg::Query(self.go_on(query, random, seen)?))
    }

    fn go_on(
        &mut self,
        query: QueryId,
        random: &mut Random,
        seen: &mut Seen,
    ) -> Option<query::Msg> {
        let big = self.big;
        let statement = self.statements.get_mut(&query)?;
        if random.chance(1) {
            let session = self.end(query)?.session;
            seen.lost += 1;
            self.sessions.get_mut(&session)?.open = false;
            self.pending.push(Msg::Session(session::Msg::Lost {
                session,
                failure: gone(),
            }));
            return Some(query::Msg::Lost {
                query,
                failure: Box::new(gone()),
                elapsed_us: 7,
            });
        }
        if statement.returns && !statement.described {
            statement.described = true;
            let columns = vec![Column::new("c", *random.pick(&[25, 99_999]), -1)];
            return Some(query::Msg::Described { query, columns });
        }
        // A server that waits to send hears no cancel.
        let hears = statement.discard || statement.sent == 0 || random.chance(50);
        if statement.cancelled && hears {
            seen.cancelled += 1;
            return self.fail(
                query,
                refusal("canceling statement due to user request", Some("57014")),
            );
        }
        if random.chance(3) {
            seen.failed += 1;
            return self.fail(query, refusal("division by zero", Some("22012")));
        }
        let left = statement.total - statement.sent;
        if left > 0 && statement.discard {
            statement.discarded += left;
            statement.sent = statement.total;
            seen.discarded += 1;
        } else if left > 0 {
            let rows = FULL.min(left).min(statement.granted - statement.sent);
            if rows == 0 {
                statement.stalled = true;
                return Some(query::Msg::Stalled {
                    query,
                    rows: statement.sent,
                });
            }
            statement.sent += rows;
            let chunk = match (big, rows == FULL) {
                (true, true) => self.chunk.get_or_insert_with(|| chunk(FULL, 8_000)).clone(),
                _ => chunk(rows, 8),
            };
            return Some(query::Msg::RowsArrived { query, chunk });
        }
        self.finish(query, seen)
    }

    fn finish(&mut self, query: QueryId, seen: &mut Seen) -> Option<query::Msg> {
        let statement = self.end(query)?;
        seen.finished += 1;
        let held = self.sessions.get_mut(&statement.session)?;
        held.transaction = match &*statement.sql {
            "begin" => Transaction::Active,
            "commit" | "rollback" => Transaction::Idle,
            _ => held.transaction,
        };
        Some(query::Msg::Finished {
            query,
            tag: "SELECT".into(),
            transaction: held.transaction,
            discarded: statement.discarded,
            elapsed_us: 5,
        })
    }

    fn fail(&mut self, query: QueryId, failure: Failure) -> Option<query::Msg> {
        let session = self.end(query)?.session;
        let held = self.sessions.get_mut(&session)?;
        if held.transaction == Transaction::Active {
            held.transaction = Transaction::Failed;
        }
        Some(query::Msg::Failed {
            query,
            failure: Box::new(failure),
            transaction: held.transaction,
            elapsed_us: 6,
        })
    }
}
