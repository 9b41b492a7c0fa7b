//! Connections and pools, FR-010 to FR-013a, SC-003, SC-010.

#[path = "pool_world.rs"]
pub mod pool_world;

use std::time::{Duration, Instant};
use tusk::update::query::page::Ended;

use crate::support::{
    effects::{Effects, ONE_ROW_THEN_NOTHING, PATIENCE, on_socket},
    server::{PASSWORD, TestConfig, TestServer},
};
use pool_world::{App, Frozen, on_tcp, signal};
use tusk::{
    base::{
        ids::{ConnectionId, QueryId, SessionId},
        transaction::Transaction,
    },
    conninfo::{Config, Keepalive, SslMode},
    failure::Category,
    msg::Msg,
    update::{
        clock,
        connection::{self, Link},
        query::{
            self,
            run::{Run, Session},
            session::{self, Ending},
        },
        shell::command::Command,
    },
};

fn named(name: &str) -> Config {
    let server = TestServer::shared();
    Config { application_name: name.into(), ..on_socket(server, &server.fresh_database()) }
}

/// How many processes of the server serve this application.
fn processes(application: &str) -> u32 {
    let sql =
        format!("select count(*) from pg_stat_activity where application_name = '{application}'");
    TestServer::shared().psql("postgres", &sql).parse().unwrap()
}

#[test]
fn fr_010_sessions_of_one_connection_share_a_pool_whose_links_are_used_again() {
    let mut world = Effects::new();
    let connection = world.connect(&named("fr_010"));
    let first = world.start_session(connection);
    let pid = world.session_opened(first).unwrap();
    world.end(first, Ending::Return);
    let second = world.start_session(connection);
    assert_eq!(world.session_opened(second).unwrap(), pid);
    let third = world.start_session(connection);
    assert_ne!(world.session_opened(third).unwrap(), pid);
    assert_eq!(processes("fr_010"), 2);
    world.shut_down();
}

#[test]
fn fr_011_a_pool_is_made_only_with_a_real_connection_that_logged_in() {
    let mut world = Effects::new();
    let connection = world.connect(&named("fr_011"));
    world.figures(connection, 1, 1, 0);
    assert_eq!(processes("fr_011"), 1);
    let refused = Config { database: "no_such_database".into(), ..named("fr_011 refused") };
    let (_, attempt) = world.start_open(&refused, Some(PASSWORD));
    assert!(world.opened(attempt).unwrap_err().is("3D000"));
    assert_eq!(processes("fr_011 refused"), 0);
    world.shut_down();
}

#[test]
fn fr_012_pool_size_timeouts_and_application_name_are_honoured() {
    let config =
        Config { pool_size: 2, pool_timeout_s: 1, statement_timeout_ms: 50, ..named("fr_012") };
    let mut world = Effects::new();
    let connection = world.connect(&config);
    let (one, two) = (world.session_on(connection), world.session_on(connection));
    world.figures(connection, 2, 0, 0);
    assert_eq!(processes("fr_012"), 2);
    assert_eq!(world.run(one, "select pg_sleep(600)").outcome(), "57014");
    assert_eq!(world.run(two, "show application_name").outcome(), "fr_012");
    let third = world.start_session(connection);
    let failure = world.session_opened(third).unwrap_err();
    assert_eq!(failure.category, Category::PoolTimeout);
    assert!(failure.message.contains("within 1 s"), "{failure:?}");
    assert_eq!(Config::default().pool_timeout_s, 30);
    world.shut_down();
}

#[test]
fn fr_013_the_pool_s_size_idle_links_and_waits_are_told_as_they_change() {
    let config = Config { pool_size: 2, ..named("fr_013") };
    let mut world = Effects::new();
    let connection = world.connect(&config);
    world.figures(connection, 1, 1, 0);
    let one = world.session_on(connection);
    world.figures(connection, 1, 0, 0);
    let two = world.session_on(connection);
    world.figures(connection, 2, 0, 0);
    let three = world.start_session(connection);
    world.figures(connection, 2, 0, 1);
    world.end(one, Ending::Return);
    world.session_opened(three).unwrap();
    world.figures(connection, 2, 0, 0);
    world.end(two, Ending::Close);
    world.figures(connection, 1, 0, 0);
    assert_eq!(processes("fr_013"), 1);
    world.end(three, Ending::Return);
    world.figures(connection, 1, 1, 0);
    world.owe(format!("close {connection}"));
    world.postgres.perform_connection(connection::Effect::Close { connection });
    world.wait(|msg| matches!(msg, Msg::Connection(connection::Msg::Closed { .. })).then_some(()));
    // Every link was gone, and told so, before the connection was called closed.
    world.figures(connection, 0, 0, 0);
    assert_eq!(processes("fr_013"), 0);
    world.shut_down();
}

#[test]
fn fr_013a_an_abandoned_wait_ends_at_once_and_the_next_one_is_served() {
    let config = Config { pool_size: 1, ..named("fr_013a") };
    let mut world = Effects::new();
    let connection = world.connect(&config);
    let holder = world.session_on(connection);
    let (given_up, patient) = (world.start_session(connection), world.start_session(connection));
    world.figures(connection, 1, 0, 2);
    world.postgres.perform_session(session::Effect::Abandon { session: given_up });
    let failure = world.session_opened(given_up).unwrap_err();
    assert_eq!(failure.category, Category::Cancelled);
    world.figures(connection, 1, 0, 1);
    world.end(holder, Ending::Return);
    world.session_opened(patient).unwrap();
    // One that was answered already stays what it is.
    world.postgres.perform_session(session::Effect::Abandon { session: patient });
    assert_eq!(world.run(patient, "select 1").outcome(), "1");
    world.shut_down();
}

#[test]
fn fr_013a_a_run_that_finds_no_session_says_who_holds_them() {
    let config = Config { pool_size: 1, pool_timeout_s: 1, ..named("fr_013a app") };
    let mut app = App::connected(config);
    let connection = app.tab().connection.unwrap();
    app.run("-- orders\nbegin");
    app.until("the transaction is open", |app| {
        app.tab().transaction() == Some(Transaction::Active)
    });
    app.command(Command::TabNew);
    tusk::update::shell::tabs::connect(&mut app.model, connection);
    app.run("select 1");
    app.until("the pool is waited for", |app| app.known().pool.waiting == 1);
    app.command(Command::QueryCancel);
    app.until("nobody waits any more", |app| app.known().pool.waiting == 0);
    app.command(Command::QueryRunAll);
    // The failure of before is that of the wait that was cancelled.
    app.until("the wait is over", |app| {
        let failure = app.tab().failure();
        failure.is_some_and(|failure| failure.category == Category::PoolTimeout)
    });
    let failure = app.tab().failure().cloned().unwrap();
    let detail = failure.detail.unwrap();
    assert!(detail.contains("orders: in a transaction for "), "{detail}");
    assert!(failure.next_step.unwrap().contains("(1 now)"));
    app.shut_down();
}

/// Runs a statement in the active tab, to its good end.
#[track_caller]
fn runs(app: &mut App, sql: &str) {
    let before = app.sent.len();
    app.run(sql);
    app.until(sql, |app| matches!(app.tab().run, Run::Idle) && app.sent.len() > before);
    assert_eq!(app.tab().ended, Some(Ended::Well), "{sql}");
}

/// The session of the active tab has idled, as far as it knows, and is kept.
#[track_caller]
fn is_kept(app: &mut App) {
    let Session::Live(live) = &app.tab().session else {
        panic!("no session");
    };
    let timer = live.idle.unwrap();
    app.send(clock::Msg::Fired { timer });
    app.until(
        "the session is kept",
        |app| matches!(&app.tab().session, Session::Live(live) if live.kept.is_some()),
    );
}

/// What a sequence gave is told while nobody else waits for the session, by every way in which one is used.
#[test]
fn a_session_that_used_a_sequence_is_kept_until_another_tab_waits_for_it() {
    let config = Config { pool_size: 1, pool_timeout_s: 5, ..named("keeps values") };
    let mut app = App::connected(config);
    let connection = app.tab().connection.unwrap();
    runs(
        &mut app,
        "create sequence s; create table t (id int default nextval('s'), a int); \
         create function fires() returns trigger language plpgsql as $$ begin perform nextval('s'); return new; end $$; \
         create table u (a int); create trigger u after insert on u for each row execute function fires()",
    );
    for sql in [
        "insert into t default values",
        "insert into u values (1)",
        "update t set id = default",
        "select nextval('s')",
        "do $$ begin perform nextval('s'); end $$",
        "select setval('s', 5)",
        "alter table t add b bigserial",
        "copy t (a) from stdin;\n1\n\\.\n",
        "begin; insert into t default values; rollback",
    ] {
        runs(&mut app, &format!("discard sequences; {sql}"));
        is_kept(&mut app);
        let told = match sql {
            "alter table t add b bigserial" => "select lastval()",
            _ => "select currval('s')",
        };
        runs(&mut app, told);
    }
    is_kept(&mut app);
    app.command(Command::TabNew);
    tusk::update::shell::tabs::connect(&mut app.model, connection);
    runs(&mut app, "select 'served'");
    assert_eq!(app.known().pool.size, 1);
    app.command(Command::TabPrevious);
    assert_eq!(app.tab().session, Session::Closed);
    app.shut_down();
}

/// A role's own limit is met by what is kept, too.
#[test]
fn where_the_role_has_no_connection_left_the_kept_session_is_used() {
    let server = TestServer::shared();
    server.psql(
        "postgres",
        &format!("create role two_at_most login password '{PASSWORD}' connection limit 2"),
    );
    let config = Config { user: "two_at_most".into(), ..named("two at most") };
    let mut app = App::connected(config);
    let connection = app.tab().connection.unwrap();
    app.until("the schema is read", |app| !app.schema_is_loading());
    // The reader of the schema has the second connection for a while.
    runs(&mut app, "create temp sequence s");
    runs(&mut app, "select nextval('s')");
    runs(&mut app, "drop sequence s");
    is_kept(&mut app);
    app.command(Command::TabNew);
    tusk::update::shell::tabs::connect(&mut app.model, connection);
    runs(&mut app, "select 'served'");
    app.shut_down();
    server.psql("postgres", "drop role two_at_most");
}

/// What sessions can keep: how it is done, what shows it, and whether the server can be asked for it.
const KEEPSAKES: &[(&str, &str, bool)] = &[
    ("set work_mem = '5MB'", "show work_mem", true),
    ("select set_config('work_mem', '5MB', false)", "show work_mem", true),
    (
        "set my.tenant = '7'",
        "select coalesce(nullif(current_setting('my.tenant', true), ''), 'none')",
        true,
    ),
    (
        "select set_config('my.tenant', '7', false)",
        "select coalesce(nullif(current_setting('my.tenant', true), ''), 'none')",
        true,
    ),
    (
        "select hide()",
        "select coalesce(nullif(current_setting('my.hidden', true), ''), 'none')",
        false,
    ),
    ("create temp table basket (id serial)", "select to_regclass('basket')", true),
    ("create temp view basket as select 1", "select to_regclass('basket')", true),
    ("create temp sequence basket", "select to_regclass('basket')", true),
    ("create type pg_temp.mood as enum ('well')", "select to_regtype('pg_temp.mood')", true),
    ("create type pg_temp.pair as (a int, b int)", "select to_regtype('pg_temp.pair')", true),
    ("create domain pg_temp.small as int", "select to_regtype('pg_temp.small')", true),
    (
        "create function pg_temp.f() returns int language sql return 1",
        "select to_regproc('pg_temp.f')",
        true,
    ),
    (
        "select pg_advisory_lock(42)",
        "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()",
        true,
    ),
    (
        "select pg_advisory_lock_shared(1, 2)",
        "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()",
        true,
    ),
    ("listen jobs", "select count(*) from pg_listening_channels()", true),
    ("prepare p as select 1", "select count(*) from pg_prepared_statements", true),
    ("declare c cursor with hold for select 1", "select count(*) from pg_cursors", true),
    ("set role pg_monitor", "select current_user", true),
    ("set session authorization pg_monitor", "select session_user", true),
    ("set client_encoding = 'LATIN1'", "show client_encoding", true),
    ("set search_path = pg_catalog", "show search_path", true),
    ("set default_transaction_read_only = on", "show default_transaction_read_only", true),
    (
        "load 'auto_explain'",
        "select count(*) from pg_settings where name like 'auto_explain.%'",
        true,
    ),
    ("select nextval('counter')", "select lastval()", false),
    ("begin", "select 1", true),
    ("begin; select 1/0", "select 1", true),
    ("begin; set local work_mem = '5MB'", "show work_mem", true),
];

#[test]
fn a_session_that_went_back_or_was_closed_leaves_nothing_to_the_next_one() {
    let config = Config { pool_size: 1, ..named("leaves nothing") };
    let mut world = Effects::new();
    let connection = world.connect(&config);
    let first = world.session_on(connection);
    for sql in [
        "create sequence counter",
        "create function hide() returns void language plpgsql as $$ begin \
         perform set_config('my.' || 'hidden', '7', false); end $$",
    ] {
        assert_eq!(world.run(first, sql).failure, None);
    }
    world.end(first, Ending::Close);
    for (done, shown, known) in KEEPSAKES {
        let inside = format!("do $do$ begin execute $sql${done}$sql$; end $do$");
        // A transaction can't begin in a block, nor can a cursor be declared there.
        let plain_only = done.starts_with("begin") || done.starts_with("declare");
        let ways = [Some((*done).to_owned()), (!plain_only).then_some(inside)];
        for sql in ways.into_iter().flatten() {
            let session = world.session_on(connection);
            let fresh = world.run(session, shown).outcome();
            let ended = world.run(session, &sql);
            let failed = ended.failure.as_ref();
            assert!(failed.is_none_or(|failure| failure.is("22012")), "{sql}: {failed:?}");
            let held = world.held(session).unwrap();
            assert_eq!(!held.is_empty(), *known, "{sql}: {held:?}");
            // What holds something is closed; what seems to hold nothing goes back.
            let ending = if held.is_empty() { Ending::Return } else { Ending::Close };
            let pid = world.held[&session].1;
            world.end(session, ending);
            let next = world.start_session(connection);
            let next_pid = world.session_opened(next).unwrap();
            assert_eq!(pid == next_pid, ending == Ending::Return, "{sql}");
            assert_eq!(world.run(next, shown).outcome(), fresh, "{sql}");
            assert!(world.held(next).unwrap().is_empty(), "{sql}");
            // Even one that is wrongly called clean is cleaned; a library stays, and so it is never called so.
            if !done.starts_with("load") {
                world.run(next, &sql);
                world.end(next, Ending::Return);
                let last = world.session_on(connection);
                assert_eq!(world.run(last, shown).outcome(), fresh, "{sql}, called clean");
                world.end(last, Ending::Close);
            } else {
                world.end(next, Ending::Close);
            }
        }
    }
    world.shut_down();
}

#[test]
fn what_is_closed_instead_of_returned_is_gone_from_the_server() {
    let mut world = Effects::new();
    let connection = world.connect(&named("closed"));
    let session = world.session_on(connection);
    world.run(session, "begin");
    world.end(session, Ending::Return);
    world.figures(connection, 0, 0, 0);
    // The link is gone; its process goes when it has cleaned up after itself.
    let until = Instant::now() + Duration::from_secs(30);
    while processes("closed") > 0 {
        assert!(Instant::now() < until, "the process stays");
        std::thread::yield_now();
    }
    world.shut_down();
}

/// A small generator of pseudo-random numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> Option<T> {
        (!list.is_empty()).then(|| list[self.below(list.len())])
    }
}

/// Several connections with small pools, and everything that may happen to them at once.
struct Storm {
    world: Effects,
    random: Random,
    connections: Vec<(ConnectionId, Config)>,
    /// What runs, and whether it was asked to stop.
    running: Vec<(QueryId, SessionId, bool)>,
    letting_go: Vec<SessionId>,
}

impl Storm {
    fn begin(seed: u64) -> Self {
        let mut world = Effects::new();
        let connections = (1..=3)
            .map(|size| {
                let config = Config {
                    pool_size: size,
                    pool_timeout_s: 1,
                    ..named(&format!("storm {seed}-{size}"))
                };
                (world.connect(&config), config)
            })
            .collect();
        Self { world, random: Random(seed), connections, running: vec![], letting_go: vec![] }
    }

    /// Takes the messages that are there.
    fn listen(&mut self) {
        while let Ok(msg) = self.world.inbox.try_recv() {
            self.world.note(&msg);
            self.hear(&msg);
        }
    }

    fn hear(&mut self, msg: &Msg) {
        use tusk::update::query::Msg as Q;
        match msg {
            Msg::Query(
                Q::Finished { query, .. } | Q::Failed { query, .. } | Q::Lost { query, .. },
            ) => self.running.retain(|(running, ..)| running != query),
            Msg::Session(session::Msg::Lost { session, .. }) => {
                self.letting_go.retain(|known| known != session);
            }
            _ => {}
        }
    }

    fn idle(&self) -> Vec<SessionId> {
        let busy = |session: &SessionId| {
            self.running.iter().any(|(_, of, _)| of == session) || self.letting_go.contains(session)
        };
        let held = self.world.held.keys().copied();
        held.filter(|session| !busy(session)).collect()
    }

    fn step(&mut self) {
        let (connection, _) = self.connections[self.random.below(3)];
        let idle = self.idle();
        match self.random.below(100) {
            0..30 if self.world.asked.len() < 9 => {
                self.world.start_session(connection);
            }
            30..40 => {
                let asked: Vec<SessionId> = self.world.asked.keys().copied().collect();
                if let Some(session) = self.random.pick(&asked) {
                    self.world.postgres.perform_session(session::Effect::Abandon { session });
                }
            }
            40..62 => {
                if let Some(session) = self.random.pick(&idle) {
                    let statements = [
                        ("select 1", u64::MAX),
                        ("begin", u64::MAX),
                        ("select 1/0", u64::MAX),
                        ("set work_mem = '5MB'", u64::MAX),
                        ("select pg_sleep(0.01)", u64::MAX),
                        ("select pg_sleep(600)", u64::MAX),
                        ("select generate_series(1, 1000000)", 10),
                    ];
                    let (sql, granted) = statements[self.random.below(statements.len())];
                    let query = self.world.start(session, sql, granted, None);
                    self.running.push((query, session, false));
                }
            }
            62..72 => self.cancel(),
            72..80 => {
                let held: Vec<i32> = self.world.held.values().map(|(_, pid)| *pid).collect();
                if let Some(pid) = self.random.pick(&held) {
                    let sql = format!("select pg_terminate_backend({pid})");
                    TestServer::shared().psql("postgres", &sql);
                }
            }
            80..94 => {
                if let Some(session) = self.random.pick(&idle) {
                    let ending = [Ending::Return, Ending::Close][self.random.below(2)];
                    self.letting_go.push(session);
                    self.world.start_end(session, ending);
                }
            }
            94 => self.reopen(),
            _ => {}
        }
        if self.random.below(3) > 0 {
            self.listen();
        }
    }

    fn cancel(&mut self) {
        let free: Vec<usize> = (0..self.running.len()).filter(|at| !self.running[*at].2).collect();
        if let Some(at) = self.random.pick(&free) {
            let (query, session, _) = self.running[at];
            self.running[at].2 = true;
            let discard = tusk::update::query::Effect::DiscardRows { query };
            self.world.postgres.perform_query(discard);
            self.world.start_cancel(query, session);
        }
    }

    /// Closes a whole connection with whatever is under way on it, and opens it under a new id.
    fn reopen(&mut self) {
        let at = self.random.below(3);
        let (connection, config) = self.connections[at].clone();
        self.world.owe(format!("close {connection}"));
        self.world.postgres.perform_connection(connection::Effect::Close { connection });
        self.wait_for(|storm| storm.world.owed[&format!("close {connection}")] == 1);
        // Its sessions ended with it; a session that was asked for fails, or goes back where nobody has it.
        self.wait_for(|storm| storm.world.asked.values().all(|of| *of != connection));
        let gone: Vec<SessionId> = (self.world.held.iter())
            .filter(|(_, (of, _))| *of == connection)
            .map(|(session, _)| *session)
            .collect();
        for session in gone {
            if !self.letting_go.contains(&session) {
                self.world.start_end(session, Ending::Close);
            }
        }
        let (fresh, attempt) = self.world.start_open(&config, Some(PASSWORD));
        self.wait_for(|storm| storm.world.owed[&format!("open {attempt:?}")] == 1);
        self.connections[at].0 = fresh;
    }

    #[track_caller]
    fn wait_for(&mut self, mut is_true: impl FnMut(&Self) -> bool) {
        while !is_true(self) {
            let msg = self.world.receive();
            self.hear(&msg);
        }
    }

    /// Stops everything, and holds what is told against the server's own word and against what the test has.
    fn settle(&mut self, plan: &str) {
        loop {
            self.listen();
            // A cancel that arrives before its statement has begun there is lost on the server, as libpq's is.
            for (query, _, stopped) in &mut self.running {
                let key = format!("cancel {query}");
                if self.world.owed.get(&key) == Some(&1) {
                    self.world.owed.remove(&key);
                    *stopped = false;
                }
            }
            let unstopped = self.running.iter().any(|(.., stopped)| !stopped);
            if unstopped {
                self.cancel();
            } else if self.world.owes_nothing() {
                break;
            } else {
                let msg = self.world.receive();
                self.hear(&msg);
            }
        }
        for (connection, config) in self.connections.clone() {
            let deadline = Instant::now() + PATIENCE;
            loop {
                self.listen();
                let lent = (self.world.held.iter()).filter(|(_, (of, _))| *of == connection).count()
                    as u32;
                let status = self.world.status[&connection];
                let there = processes(&config.application_name);
                let told = (status.size - status.available, status.size, status.waiting);
                if told == (lent, there, 0) {
                    break;
                }
                assert!(
                    Instant::now() < deadline,
                    "{plan}: {status:?} is told; {there} processes, {lent} sessions"
                );
            }
        }
    }
}

#[test]
fn sc_010_what_is_told_of_a_pool_in_a_storm_is_what_the_server_says_when_it_is_over() {
    for seed in 1..=3 {
        let mut storm = Storm::begin(seed);
        for step in 1..=240 {
            storm.step();
            if step % 60 == 0 {
                storm.settle(&format!("seed {seed}, step {step}"));
            }
        }
        storm.world.shut_down();
    }
}

#[test]
fn a_link_that_nobody_waits_for_any_more_is_closed_though_its_first_question_had_no_answer() {
    let config = named("given up");
    let mut world = Effects::new();
    let connection = world.connect(&config);
    let locker = world.session_on(connection);
    for sql in ["begin", "lock pg_catalog.pg_settings in access exclusive mode"] {
        assert_eq!(world.run(locker, sql).failure, None);
    }
    // A new link asks for the libraries first, and now waits for the lock.
    let waiting = "select count(*) from pg_stat_activity \
                   where application_name = 'given up' and wait_event_type = 'Lock'";
    let given_up = world.start_session(connection);
    while TestServer::shared().psql("postgres", waiting) != "1" {}
    world.postgres.perform_session(session::Effect::Abandon { session: given_up });
    world.session_opened(given_up).unwrap_err();
    assert_eq!(world.status[&connection].size, 1);
    assert_eq!(world.run(locker, "rollback").failure, None);
    let deadline = Instant::now() + PATIENCE;
    while processes("given up") != 1 {
        assert!(Instant::now() < deadline, "the link is still there");
    }
    // Its place is free for who comes next.
    let next = world.session_on(connection);
    assert_eq!(world.run(next, "select 1").failure, None);
    world.shut_down();
}

/// How a server's process, or the whole server, ends.
#[derive(Clone, Copy, Debug)]
enum Death {
    Terminated,
    Killed,
    Immediate,
    Fast,
}

/// A program with three tabs: one idles and holds things, one is in a transaction, one runs a statement.
fn three_tabs(server: &TestServer) -> App {
    let mut app = App::connected(on_socket(server, "postgres"));
    let connection = app.tab().connection.unwrap();
    app.run(
        "create temp table basket (); set work_mem = '5MB'; listen jobs; prepare p as select 1; \
         select pg_advisory_lock(42); set my.tenant = '7'",
    );
    app.until(
        "the server said what it holds",
        |app| matches!(&app.tab().session, Session::Live(live) if live.holds.len() == 6),
    );
    app.command(Command::TabNew);
    tusk::update::shell::tabs::connect(&mut app.model, connection);
    app.run("begin");
    app.until("the transaction is open", |app| {
        app.tab().transaction() == Some(Transaction::Active)
    });
    app.command(Command::TabNew);
    tusk::update::shell::tabs::connect(&mut app.model, connection);
    app.run(ONE_ROW_THEN_NOTHING);
    app.until("the statement runs", |app| {
        app.tab().results.list.last().is_some_and(|result| result.rows.len() == 1)
    });
    app
}

fn die(death: Death, server: &TestServer, app: &App) {
    let pids = app.model.pages.open.iter().map(|tab| match &tab.session {
        Session::Live(live) => live.backend_pid,
        other => panic!("no session: {other:?}"),
    });
    let pids: Vec<i32> = pids.collect();
    match death {
        Death::Terminated => {
            for pid in pids {
                server.psql("postgres", &format!("select pg_terminate_backend({pid})"));
            }
        }
        Death::Killed => signal("KILL", [pids[2]]),
        Death::Immediate => server.stop("immediate"),
        Death::Fast => server.stop("fast"),
    }
}

#[test]
fn a_lost_session_lists_what_died_however_the_server_went() {
    let server = TestServer::start(TestConfig::default());
    for death in [Death::Terminated, Death::Killed, Death::Immediate, Death::Fast] {
        let mut app = three_tabs(&server);
        die(death, &server, &app);
        app.until("every session is lost", |app| {
            app.model.pages.open.iter().all(|tab| matches!(tab.session, Session::Lost(_)))
        });
        let lost: Vec<_> = (app.model.pages.open.iter())
            .map(|tab| match &tab.session {
                Session::Lost(lost) => lost.clone(),
                other => panic!("{other:?}"),
            })
            .collect();
        for lost in &lost {
            assert_eq!(lost.failure.category, Category::Connection, "{death:?}");
            assert!(!lost.failure.message.is_empty() && lost.failure.next_step.is_some());
        }
        let mut died = lost[0].died.clone();
        died.sort();
        let held = [
            "LISTEN on jobs",
            "a prepared statement p",
            "a temporary table basket",
            "an advisory lock on 42",
            "the setting my.tenant",
            "the setting work_mem",
        ];
        assert_eq!(died, held, "{death:?}");
        assert_eq!(lost[1].died, ["its open transaction"], "{death:?}");
        assert!(lost[2].died.is_empty(), "{death:?}: {:?}", lost[2].died);
        let ended = |app: &App, at: usize| app.model.pages.open[at].ended.clone();
        assert!(matches!(ended(&app, 2), Some(Ended::Badly { .. })), "{death:?}");
        assert!(!app.model.pages.open[2].results.list[0].rows.is_empty());
        // Something that a session held is gone: nothing is connected again unasked.
        assert!(matches!(app.known().link, Link::Open { .. }), "{death:?}");
        assert_eq!(app.times_sent("prove"), 0);
        app.shut_down();
        if matches!(death, Death::Immediate | Death::Fast) {
            server.start_again();
        }
        server_answers(&server);
    }
}

/// Waits until a server that crashed takes connections again.
fn server_answers(server: &TestServer) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let tried = server.psql_command("postgres").args(["-c", "select 1"]).output();
        if tried.unwrap().status.success() {
            return;
        }
        assert!(Instant::now() < deadline, "the server does not come back");
    }
}

#[test]
fn a_server_that_restarts_is_connected_to_again_and_a_waiting_run_is_sent_once() {
    let server = TestServer::start(TestConfig::default());
    let mut app = App::connected(on_tcp(&server, "postgres"));
    server.stop("fast");
    app.until("the loss is known at once, while idle", |app| {
        matches!(app.known().link, Link::Reconnecting(_))
    });
    app.run("select 'waits'");
    assert!(matches!(app.tab().run, Run::Waiting { .. }));
    app.until(
        "a try has failed",
        |app| matches!(&app.known().link, Link::Reconnecting(it) if it.number == 2),
    );
    server.start_again();
    app.until("the run has ended", |app| matches!(app.tab().run, Run::Idle));
    assert_eq!(app.tab().ended, Some(Ended::Well));
    assert_eq!(app.times_sent("select 'waits'"), 1);
    assert!(app.known().is_open() && app.times_sent("prove") >= 2);
    app.shut_down();
}

#[test]
fn a_statement_that_was_lost_with_its_server_is_not_run_again() {
    let server = TestServer::start(TestConfig::default());
    let mut app = App::connected(on_tcp(&server, "postgres"));
    app.run(ONE_ROW_THEN_NOTHING);
    app.until("it runs", |app| {
        app.tab().results.list.last().is_some_and(|result| result.rows.len() == 1)
    });
    // The role of the tests is not in what an unsynchronised server lost.
    server.psql("postgres", "checkpoint");
    server.stop("immediate");
    server.start_again();
    app.until("the loss is known", |app| matches!(app.known().link, Link::Reconnecting(_)));
    app.until("it is connected again", |app| app.known().is_open());
    assert_eq!(app.times_sent(ONE_ROW_THEN_NOTHING), 1);
    assert!(matches!(app.tab().run, Run::Idle));
    assert!(matches!(app.tab().ended, Some(Ended::Badly { .. })));
    app.run("select 1");
    app.until("a new run goes well", |app| app.tab().ended == Some(Ended::Well));
    app.shut_down();
}

#[test]
fn a_server_that_stays_away_is_given_up_with_the_reason_and_the_user_may_stop_before() {
    let server = TestServer::start(TestConfig::default());
    let mut app = App::connected(on_tcp(&server, "postgres"));
    server.stop("fast");
    app.until("it reconnects", |app| matches!(app.known().link, Link::Reconnecting(_)));
    app.run("select 1");
    app.until("it is given up", |app| matches!(app.known().link, Link::Failed { .. }));
    assert_eq!(app.times_sent("prove"), 3);
    let failure = app.tab().failure().cloned().unwrap();
    assert!(failure.message.contains("refused"), "{failure:?}");
    server.start_again();
    app.command(Command::QueryRunAll);
    app.until("the user's own run connects", |app| app.tab().ended == Some(Ended::Well));
    server.stop("fast");
    app.until("it reconnects", |app| matches!(app.known().link, Link::Reconnecting(_)));
    app.command(Command::QueryCancel);
    assert!(matches!(app.known().link, Link::Failed { .. }));
    app.shut_down();
}

#[test]
fn one_terminated_session_of_several_is_one_session_s_loss() {
    let server = TestServer::start(TestConfig::default());
    let mut app = App::connected(on_socket(&server, "postgres"));
    let connection = app.tab().connection.unwrap();
    app.run("begin");
    app.until("it has a session", |app| app.tab().transaction() == Some(Transaction::Active));
    app.command(Command::TabNew);
    tusk::update::shell::tabs::connect(&mut app.model, connection);
    app.run("select 1");
    app.until("it has one too", |app| {
        matches!(app.tab().run, Run::Idle) && matches!(app.tab().session, Session::Live(_))
    });
    let Session::Live(live) = &app.tab().session else {
        panic!("no session");
    };
    server.psql("postgres", &format!("select pg_terminate_backend({})", live.backend_pid));
    app.until("it is lost", |app| matches!(app.tab().session, Session::Lost(_)));
    app.run("select 2");
    app.until("the next run has a session of its own", |app| {
        matches!(app.tab().run, Run::Idle) && app.tab().ended == Some(Ended::Well)
    });
    assert!(app.known().is_open() && app.times_sent("prove") == 0);
    app.shut_down();
}

#[test]
fn a_slow_look_into_the_catalogs_keeps_nobody_from_ending_a_session() {
    let server = TestServer::shared();
    let database = server.fresh_database();
    let mut app = App::connected(on_socket(server, &database));
    app.until("the schema is read", |app| !app.schema_is_loading());
    let reader = server.psql(
        &database,
        "select pid from pg_stat_activity \
         where datname = current_database() and query like '%with s as materialized%' and pid <> pg_backend_pid()",
    );
    let stopped: Vec<i32> = reader.lines().map(|pid| pid.trim().parse().unwrap()).collect();
    assert_eq!(stopped.len(), 1, "{reader}");
    signal("STOP", stopped.clone());
    app.command(Command::SchemaRefresh);
    app.run("select pg_sleep(600)");
    app.until("it runs", |app| matches!(app.tab().run, Run::Running(_)));
    app.command(Command::QueryTerminate);
    app.command(Command::DialogAccept);
    app.until("its session is ended", |app| matches!(app.tab().session, Session::Lost(_)));
    assert!(app.schema_is_loading(), "the reader stands still");
    signal("CONT", stopped);
    app.shut_down();
}

#[test]
fn a_server_that_stands_still_is_told_by_the_watchdog_and_its_query_still_answers() {
    let server = TestServer::start(TestConfig::default());
    let config = Config {
        ssl_mode: SslMode::Disable,
        application_name: "watched".into(),
        ..on_tcp(&server, "postgres")
    };
    let mut app = App::connected(config);
    app.run("select 'slept' from pg_sleep(5)");
    app.until("it runs", |app| matches!(app.tab().run, Run::Running(_)));
    let Session::Live(live) = &app.tab().session else {
        panic!("no session");
    };
    let frozen = Frozen::server_of(live.backend_pid);
    app.until("the watchdog tells it", |app| app.known().silent_since.is_some());
    let silent_us = app.model.cx.now.us_since(app.known().silent_since.unwrap());
    assert!(silent_us >= 10_000_000, "{silent_us}");
    assert!(matches!(app.tab().run, Run::Running(_)), "nothing is ended for it");
    drop(frozen);
    app.until("the verdict is gone", |app| app.known().silent_since.is_none());
    app.until("the result came all the same", |app| matches!(app.tab().run, Run::Idle));
    assert_eq!(app.tab().ended, Some(Ended::Well));
    // The question went out beside the pool, which has its one link.
    assert_eq!(app.known().pool.size, 1);
    app.shut_down();
}

#[test]
fn a_query_that_simply_takes_long_is_not_called_unanswering() {
    let server = TestServer::start(TestConfig::default());
    let mut world = Effects::new();
    let connection = world.connect(&on_tcp(&server, "postgres"));
    let session = world.session_on(connection);
    let query = world.start(session, "select pg_sleep(17)", u64::MAX, None);
    assert_eq!(world.finish(query).failure, None);
    let told = |msg: &Msg| matches!(msg, Msg::Connection(connection::Msg::NotAnswering { .. }));
    assert!(!world.kept.iter().any(told));
    // It was asked, over a connection that is not the pool's.
    let asked = "select count(*) from pg_stat_activity where query like '%; select 1; rollback' and application_name = 'Tusk'";
    assert_eq!(server.psql("postgres", asked), "1");
    assert_eq!(world.status[&connection].size, 1);
    world.shut_down();
}

/// Set for the helper below: the directory and the port of the server's socket.
const CUT: &str = "TUSK_TEST_CUT_NETWORK";

/// Without this a link is given a minute.
const IMPATIENT: Keepalive =
    Keepalive { on: true, idle_s: 2, interval_s: 1, count: 3, user_timeout_ms: 5_000 };

/// Run by the next test in a network of its own; by itself it has nothing to do.
#[test]
fn the_helper_in_a_network_of_its_own() {
    let Ok(place) = std::env::var(CUT) else {
        return;
    };
    let ip = |words: &[&str]| {
        assert!(std::process::Command::new("ip").args(words).status().unwrap().success());
    };
    ip(&["link", "set", "lo", "up"]);
    let front = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = front.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in front.incoming() {
            let client = client.unwrap();
            let server = std::os::unix::net::UnixStream::connect(&place).unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            std::thread::spawn(move || std::io::copy(&mut &server, &mut &client));
        }
    });
    let config = Config {
        host: "127.0.0.1".into(),
        port,
        user: crate::support::server::SUPERUSER.into(),
        database: "postgres".into(),
        ssl_mode: SslMode::Disable,
        keepalive: IMPATIENT,
        ..Config::default()
    };
    let mut world = Effects::new();
    let connection = world.connect(&config);
    let names = ["idle", "running", "paused", "sending"];
    let sessions = names.map(|_| world.session_on(connection));
    let running = world.start(sessions[1], ONE_ROW_THEN_NOTHING, u64::MAX, None);
    let paused = world.start(sessions[2], "select generate_series(1, 10000000)", 10, None);
    world.wait(|msg| match msg {
        Msg::Query(query::Msg::RowsArrived { query, .. }) => (*query == running).then_some(()),
        _ => None,
    });
    world.wait(|msg| match msg {
        Msg::Query(query::Msg::Stalled { query, .. }) => (*query == paused).then_some(()),
        _ => None,
    });
    ip(&["link", "set", "lo", "down"]);
    let cut = Instant::now();
    world.start(sessions[3], "select 1", u64::MAX, None);
    for _ in names {
        let (session, failure) = world.wait(|msg| match msg {
            Msg::Session(session::Msg::Lost { session, failure }) => {
                Some((*session, failure.clone()))
            }
            _ => None,
        });
        let at = sessions.iter().position(|known| *known == session).unwrap();
        println!("\nnoticed: {}, {}, {:.1?}", names[at], failure.message, cut.elapsed());
    }
    world.shut_down();
}

#[test]
fn a_cut_network_is_noticed_by_every_session_idle_running_paused_or_sending() {
    let server = TestServer::start(TestConfig::default());
    let socket = server.socket_dir().join(format!(".s.PGSQL.{}", server.port()));
    let mut command = std::process::Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("-r");
    }
    let helper = "requirements::connection_pool::the_helper_in_a_network_of_its_own";
    let output = command
        .arg("-n")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", helper, "--nocapture"])
        .env(CUT, socket)
        .output()
        .expect("unshare is needed (util-linux)");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    for name in ["idle", "running", "paused", "sending"] {
        let line = format!("noticed: {name}, The network is cut");
        assert!(said.contains(&line), "{line}: {said}");
    }
    println!("{said}");
}

#[test]
fn sc_003_a_pool_is_made_and_proven_within_the_connect_timeout_or_fails_by_then() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = Config {
        host: "127.0.0.1".into(),
        port: silent.local_addr().unwrap().port(),
        connect_timeout_s: 1,
        ..Config::default()
    };
    let mut world = Effects::new();
    let (_, attempt) = world.start_open(&config, Some(PASSWORD));
    let failure = world.opened(attempt).unwrap_err();
    assert!(failure.message.contains("within 1 s"), "{failure:?}");
    assert_eq!(
        Duration::from_secs(Config::default().connect_timeout_s.into()),
        Duration::from_secs(10)
    );
    world.shut_down();
}
