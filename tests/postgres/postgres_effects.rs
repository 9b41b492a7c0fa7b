//! The effects on PostgreSQL against real servers: every terminal message once, rows as they come, cancels that hit
//! what they are meant for, losses with their reason, each way to secure a link.

#![allow(clippy::result_large_err, reason = "tests do not mind a large error")]

mod following;

use crate::support::{
    effects::{Effects, ONE_ROW_THEN_NOTHING, ended_by, on_socket},
    server,
};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use server::{MAJORS, PASSWORD, SUPERUSER, ServerCertificate, TestConfig, TestServer, USER};
use tusk::{
    base::{
        ids::{QueryId, SessionId},
        secret::Secrets,
        transaction::Transaction,
    },
    conninfo::{Config, SslMode},
    failure::Category,
    msg::Msg,
    settings::OnError,
    sql::{encoding::Reading, read::lex::BackslashRule},
    update::{
        connection, jobs,
        query::{
            self,
            session::{self, Ending},
        },
    },
};

fn on_tcp(server: &TestServer, ssl_mode: SslMode) -> Config {
    Config {
        host: "127.0.0.1".into(),
        port: server.port(),
        user: USER.into(),
        database: "postgres".into(),
        ssl_mode,
        ..Config::default()
    }
}

fn shared() -> Config {
    on_socket(TestServer::shared(), &TestServer::shared().fresh_database())
}

fn kill(backend_pid: i32) {
    assert!(
        Command::new("kill").args(["-9", &backend_pid.to_string()]).status().unwrap().success()
    );
}

#[test]
fn rows_columns_and_the_tag_arrive() {
    let (mut world, _, session) = Effects::with_session(&shared());
    let ended = world
        .run(session, "select g, null as nothing, 'é' as text from generate_series(1, 10000) g");
    assert_eq!((ended.rows, ended.tag.as_str(), ended.discarded), (10_000, "SELECT 10000", 0));
    assert_eq!(ended.columns, ["g int4", "nothing text", "text text"]);
    assert_eq!(ended.texts()[1], ["2", "NULL", "é"]);
    assert!(
        ended.chunks[0] <= 256 && ended.chunks.iter().all(|rows| *rows <= 4_096),
        "{:?}",
        ended.chunks
    );
    assert_eq!(world.run(session, "select from generate_series(1, 3)").rows, 3);
    assert_eq!(world.run(session, "").tag, "");
    let two = world.run(session, "select 1; select 2, 3");
    assert_eq!(two.texts(), [vec!["1"], vec!["2", "3"]]);
    world.shut_down();
}

#[test]
fn the_first_row_is_there_long_before_the_last() {
    let (mut world, _, session) = Effects::with_session(&shared());
    let query = world.start(session, ONE_ROW_THEN_NOTHING, u64::MAX, None);
    assert_eq!(world.first_rows(query), 1);
    world.start_cancel(query, session);
    assert_eq!(world.finish(query).sqlstate(), "57014");
    world.cancelled(query).unwrap();
    world.shut_down();
}

#[test]
fn a_server_s_error_comes_with_its_fields_and_the_transaction_s_status() {
    let (mut world, _, session) = Effects::with_session(&shared());
    world.run(session, "create table t (id int constraint positive check (id > 0))");
    let failure = world.run(session, "insert into t values (-1)").failure.unwrap();
    assert!(
        failure.is("23514") && failure.category == Category::Query && failure.severity == "ERROR"
    );
    assert_eq!(
        (failure.table.as_deref(), failure.constraint.as_deref()),
        (Some("t"), Some("positive"))
    );
    assert_eq!(world.run(session, "begin").transaction, Transaction::Active);
    let failed = world.run(session, "select 'é', missing");
    assert_eq!((failed.transaction, failed.sqlstate()), (Transaction::Failed, "42703"));
    assert_eq!(failed.failure.unwrap().position, Some(13));
    assert_eq!(world.held(session).unwrap(), ["an open transaction"]);
    assert_eq!(world.run(session, "rollback").transaction, Transaction::Idle);
    let refused = world.run(session, "select 'a\0b'").failure.unwrap();
    assert_eq!((refused.category, refused.sqlstate), (Category::Query, None));
    assert_eq!(world.run(session, "select 1").rows, 1);
    world.shut_down();
}

#[test]
fn notices_and_notifications_arrive() {
    let config = shared();
    let (mut world, _, session) = Effects::with_session(&config);
    world.run(session, "listen jobs");
    let query = world.start(
        session,
        "do $$ begin raise notice 'hello' using detail = 'more'; end $$",
        0,
        None,
    );
    let detail = world.wait(|msg| match msg {
        Msg::Session(session::Msg::Noticed { query: Some(of), notice, .. }) if *of == query => {
            notice.detail.clone()
        }
        _ => None,
    });
    assert_eq!(detail, "more");
    assert_eq!(world.finish(query).tag, "DO");
    TestServer::shared().psql(&config.database, "notify jobs, 'seven'");
    world.wait(|msg| {
        let is_it = matches!(msg, Msg::Session(session::Msg::Notified { channel, payload, .. })
            if channel == "jobs" && payload == "seven");
        is_it.then_some(())
    });
    world.shut_down();
}

#[test]
fn a_reader_stands_still_at_the_granted_row_and_goes_on_when_told() {
    let (mut world, _, session) = Effects::with_session(&shared());
    let query = world.start(session, "select generate_series(1, 100000)", 1_000, None);
    assert_eq!(world.stalled(query), 1_000);
    assert_eq!(world.rows_kept(query), 1_000);
    world.postgres.perform_query(query::Effect::GrantRows { query, rows: 500 });
    assert_eq!(world.stalled(query), 1_500);
    world.postgres.perform_query(query::Effect::DiscardRows { query });
    let ended = world.finish(query);
    assert_eq!((ended.rows, ended.discarded, ended.tag.as_str()), (1_500, 98_500, "SELECT 100000"));
    let exact = world.start(session, "select generate_series(1, 100)", 100, None);
    assert_eq!(world.finish(exact).rows, 100);
    assert_eq!(world.run(session, "select 1").rows, 1);
    world.shut_down();
}

#[test]
fn two_hundred_cancels_never_hit_the_next_statement() {
    let server = TestServer::shared();
    let mut world = Effects::new();
    let (connection, _) = world.open(&on_tcp(server, SslMode::Prefer), Some(PASSWORD)).unwrap();
    let (session, _) = world.session(connection).unwrap();
    let mut times = vec![];
    for _ in 0..200 {
        let query = world.start(
            session,
            "select generate_series(1, 100000000), repeat('x', 20)",
            u64::MAX,
            None,
        );
        world.first_rows(query);
        let pressed = Instant::now();
        world.start_cancel(query, session);
        let ended = world.finish(query);
        times.push(pressed.elapsed());
        let took = pressed.elapsed();
        assert_eq!(ended.sqlstate(), "57014", "after {took:?}: {:?}", world.cancelled(query));
        let next = world.run(session, "select 1");
        assert_eq!((next.rows, next.failure), (1, None));
        world.cancelled(query).unwrap();
    }
    times.sort();
    println!("from the cancel to 57014: median {:?}, p99 {:?}", times[100], times[197]);
    world.shut_down();
}

/// A way to a server that hangs up on as many connections as it is told to.
struct Relay {
    port: u16,
    hang_ups: Arc<AtomicUsize>,
}

impl Relay {
    fn to(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let hang_ups = Arc::new(AtomicUsize::new(0));
        let left = Arc::clone(&hang_ups);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let hangs_up = left
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                    .is_ok();
                if !hangs_up {
                    let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                    pass_on(client.try_clone().unwrap(), server.try_clone().unwrap());
                    pass_on(server, client);
                }
            }
        });
        Self { port, hang_ups }
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        // However one side ends, the other one is told.
        if std::io::copy(&mut from, &mut to).is_ok() {
            to.shutdown(Shutdown::Write).ok();
        }
    });
}

#[test]
fn a_cancel_whose_own_connection_breaks_is_asked_for_again() {
    let server = TestServer::shared();
    let relay = Relay::to(server.port());
    let mut world = Effects::new();
    let config = Config { port: relay.port, ..on_tcp(server, SslMode::Prefer) };
    let (connection, _) = world.open(&config, Some(PASSWORD)).unwrap();
    let (session, _) = world.session(connection).unwrap();
    for hang_ups in [1, 3] {
        let sql = "select generate_series(1, 100000000), repeat('x', 20)";
        let query = world.start(session, sql, u64::MAX, None);
        // Once something was heard of a statement, no other request follows of itself.
        world.first_rows(query);
        relay.hang_ups.store(hang_ups, Ordering::SeqCst);
        world.start_cancel(query, session);
        world.cancelled(query).unwrap();
        assert_eq!(world.finish(query).sqlstate(), "57014");
        assert_eq!(relay.hang_ups.load(Ordering::SeqCst), 0);
    }
    world.shut_down();
}

#[test]
fn two_hundred_cancels_of_a_stalled_query_never_hit_the_next_statement() {
    let (mut world, _, session) = Effects::with_session(&shared());
    for _ in 0..200 {
        let query = world.start(session, "select generate_series(1, 1000000)", 1_000, None);
        world.stalled(query);
        // In the order of the program: the request goes first, then the rest is read and thrown away.
        world.start_cancel(query, session);
        world.postgres.perform_query(query::Effect::DiscardRows { query });
        let next = world.start(session, "select 1", 1_000, None);
        let ended = world.finish(query);
        assert!(ended.failure.is_none() || ended.sqlstate() == "57014", "{:?}", ended.failure);
        let ended = world.finish(next);
        assert_eq!((ended.rows, ended.failure), (1, None));
        world.wait(|msg| match msg {
            Msg::Query(
                query::Msg::CancelSent { query: sent }
                | query::Msg::CancelFailed { query: sent, .. },
            ) if *sent == query => Some(()),
            _ => None,
        });
    }
    world.shut_down();
}

/// A session through a relay that loses the first cancel requests, as if each had come before its statement, and how
/// many requests came.
#[track_caller]
fn losing_cancels(lost: usize) -> (Effects, SessionId, Arc<AtomicUsize>) {
    losing_cancels_in(lost, false, Config::default().connect_timeout_s)
}

/// The same with this time to connect; the requests that are lost may have no end either, as where a host is gone.
fn losing_cancels_in(
    lost: usize,
    without_end: bool,
    connect_timeout_s: u32,
) -> (Effects, SessionId, Arc<AtomicUsize>) {
    let mut held = vec![];
    let server = TestServer::shared();
    const CANCEL_REQUEST: [u8; 8] = [0, 0, 0, 16, 4, 210, 22, 46];
    let front = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, behind) = (front.local_addr().unwrap().port(), server.port());
    let cancels = Arc::new(AtomicUsize::new(0));
    let counted = cancels.clone();
    std::thread::spawn(move || {
        for client in front.incoming() {
            let mut client = client.unwrap();
            let mut first = [0; 8];
            client.read_exact(&mut first).unwrap();
            if first == CANCEL_REQUEST && counted.fetch_add(1, Ordering::SeqCst) < lost {
                client.read_exact(&mut first).unwrap();
                held.extend(without_end.then_some(client));
                continue;
            }
            let mut server = TcpStream::connect(("127.0.0.1", behind)).unwrap();
            server.write_all(&first).unwrap();
            let (mut client_in, mut server_in) =
                (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || {
                std::io::copy(&mut client_in, &mut server).unwrap_or_default();
                server.shutdown(Shutdown::Write).unwrap_or_default();
            });
            std::thread::spawn(move || {
                std::io::copy(&mut server_in, &mut client).unwrap_or_default();
                client.shutdown(Shutdown::Both).unwrap_or_default();
            });
        }
    });
    let config = Config { port, connect_timeout_s, ..on_tcp(server, SslMode::Disable) };
    let mut world = Effects::new();
    let (connection, _) = world.open(&config, Some(PASSWORD)).unwrap();
    let (session, _) = world.session(connection).unwrap();
    (world, session, cancels)
}

#[test]
fn a_cancel_that_nobody_takes_holds_its_session_for_ten_seconds_also_where_there_is_no_limit() {
    let (mut world, session, cancels) = losing_cancels_in(1, true, 0);
    let query = world.start(session, "select pg_sleep(1)", 100, None);
    world.start_cancel(query, session);
    assert_eq!(world.finish(query).rows, 1);
    let failure = world.cancelled(query).unwrap_err();
    assert_eq!(failure.message, "The server took no cancel request in time.");
    assert_eq!(world.run(session, "select 1").rows, 1);
    assert_eq!(cancels.load(Ordering::SeqCst), 1);
    world.shut_down();
}

#[test]
fn a_cancel_that_came_before_its_statement_is_sent_again() {
    let (mut world, session, cancels) = losing_cancels(2);
    let query = world.start(session, "select pg_sleep(30)", 100, None);
    world.start_cancel(query, session);
    world.cancelled(query).unwrap();
    assert_eq!(world.finish(query).sqlstate(), "57014");
    assert_eq!(cancels.load(Ordering::SeqCst), 3);
    // Nothing is owed to what comes next.
    let next = world.run(session, "select pg_sleep(1), 1");
    assert_eq!((next.rows, next.failure), (1, None));
    assert_eq!(cancels.load(Ordering::SeqCst), 3);
    world.shut_down();
}

#[test]
fn a_cancel_is_not_sent_again_to_what_had_begun() {
    let (mut world, session, cancels) = losing_cancels(1);
    // Its columns are there, so that it had begun; a server that goes on all the same has its reason.
    let text = "select repeat('x', 10000), pg_sleep(0.6) from generate_series(1, 3)";
    let query = world.start(session, text, 100, None);
    let first = world.first_rows(query);
    world.start_cancel(query, session);
    let ended = world.finish(query);
    assert_eq!(first + ended.rows, 3);
    assert_eq!(cancels.load(Ordering::SeqCst), 1);
    world.shut_down();
    // One that has run in silence for longer than any request is on its way has begun too.
    let (mut world, session, cancels) = losing_cancels(1);
    let query = world.start(session, "select pg_sleep(4)", 100, None);
    std::thread::sleep(Duration::from_millis(1_500));
    world.start_cancel(query, session);
    assert_eq!(world.finish(query).rows, 1);
    assert_eq!(cancels.load(Ordering::SeqCst), 1);
    world.shut_down();
}

#[test]
fn two_hundred_cancels_in_the_moment_of_the_run_all_end() {
    let (mut world, _, session) = Effects::with_session(&shared());
    for _ in 0..200 {
        let query = world.start(session, "select pg_sleep(30)", 100, None);
        world.start_cancel(query, session);
        let failure = world.finish(query).failure.unwrap();
        assert_eq!(failure.category, Category::Cancelled);
        let next = world.run(session, "select 1");
        assert_eq!((next.rows, next.failure), (1, None));
    }
    world.shut_down();
}

#[test]
fn a_stalled_query_is_cancelled_when_reading_goes_on_and_a_late_cancel_is_not_sent() {
    let (mut world, _, session) = Effects::with_session(&shared());
    let query = world.start(session, "select generate_series(1, 100000000)", 1_000, None);
    world.stalled(query);
    world.postgres.perform_query(query::Effect::DiscardRows { query });
    world.start_cancel(query, session);
    let ended = world.finish(query);
    assert_eq!(
        (ended.sqlstate(), ended.failure.as_ref().unwrap().category),
        ("57014", Category::Cancelled)
    );
    world.cancelled(query).unwrap();
    world.owed.remove(&format!("cancel {query}"));
    world.start_cancel(query, session);
    assert_eq!(world.cancelled(query).unwrap_err().category, Category::Cancelled);
    assert_eq!(world.run(session, "select 1").rows, 1);
    world.shut_down();
}

#[test]
fn a_server_that_takes_no_data_for_longer_than_the_limit_is_not_taken_for_dead() {
    let server = TestServer::shared();
    let mut config =
        Config { database: server.fresh_database(), ..on_tcp(server, SslMode::Disable) };
    config.keepalive.user_timeout_ms = 500;
    let mut world = Effects::new();
    let (connection, _) = world.open(&config, Some(PASSWORD)).unwrap();
    let (session, _) = world.session(connection).unwrap();
    let (other, _) = world.session(connection).unwrap();
    world.run(session, "create table t (id int primary key, filler text)");
    world.run(other, "begin");
    world.run(other, "insert into t values (1, '')");
    // More than what the system keeps between the two, so that the rest waits here while the server waits for the lock.
    let line = |id| format!("{id}\t{}\n", "x".repeat(1_000));
    let data: String = (1..30_000).map(line).collect();
    let query = world.start(session, "copy t from stdin", 0, Some(&data));
    world.run(other, "select pg_sleep(3)");
    world.run(other, "rollback");
    assert_eq!(world.finish(query).tag, "COPY 29999");
    world.shut_down();
}

#[test]
fn copy_goes_both_ways() {
    let (mut world, _, session) = Effects::with_session(&shared());
    world.run(session, "create table t (a int, b text)");
    let lines = "1\tone\n".repeat(100_000);
    let query = world.start(session, "copy t from stdin", 0, Some(&lines));
    assert_eq!(world.finish(query).tag, "COPY 100000");
    let bad = format!("x\tone\n{}", "1\tone\n".repeat(1_000_000));
    let query = world.start(session, "copy t from stdin", 0, Some(&bad));
    assert_eq!(world.finish(query).sqlstate(), "22P02");
    let query = world.start(session, "copy t from stdin", 0, None);
    let failure = world.finish(query).failure.unwrap();
    assert!(failure.category == Category::Query && failure.sqlstate.is_none(), "{failure:?}");
    let out = world.run(session, "copy (select g, null from generate_series(1, 3) g) to stdout");
    assert_eq!((out.columns, out.tag.as_str()), (vec!["copy text".to_owned()], "COPY 3"));
    assert_eq!(out.cells[0], [Some(b"1\t\\N".to_vec())]);
    world.shut_down();
}

#[test]
fn bytes_that_are_not_utf_8_and_giant_values_arrive_whole() {
    let server = TestServer::shared();
    let database = server.fresh_database_with("encoding 'SQL_ASCII' locale 'C'");
    let (mut world, _, session) = Effects::with_session(&on_socket(server, &database));
    let ended = world.run(session, r"select E'A\xffB'");
    assert_eq!(ended.cells, [[Some(b"A\xFFB".to_vec())]]);
    let failure = world.run(session, r"do $$ begin raise exception '%', E'A\xff'; end $$");
    assert_eq!(failure.failure.unwrap().message, r"A\xff");
    world.run(session, "listen jobs");
    world.run(session, r"do $$ begin perform pg_notify('jobs', E'B\xff'); end $$");
    let payload = world.wait(|msg| match msg {
        Msg::Session(session::Msg::Notified { payload, .. }) => Some(payload.clone()),
        _ => None,
    });
    assert_eq!(payload, r"B\xff");
    let giant = world.run(session, "select repeat('x', 200000000)");
    assert_eq!(giant.cells[0][0].as_ref().unwrap().len(), 200_000_000);
    assert_eq!(world.run(session, "select 1").rows, 1);
    world.shut_down();
}

#[test]
fn the_session_reports_what_a_backslash_is_before_the_statement_that_changed_it_ends() {
    let server = TestServer::shared();
    let database = server.fresh_database();
    let reported = |world: &mut Effects| {
        world.wait(|msg| match msg {
            Msg::Session(session::Msg::BackslashReported { backslash, .. }) => Some(*backslash),
            _ => None,
        })
    };
    let (mut world, _, session) = Effects::with_session(&on_socket(server, &database));
    let ended = world.run(session, r"select 'a\', 1");
    assert_eq!(ended.cells[0][0], Some(br"a\".to_vec()));
    let query = world.start(session, "set standard_conforming_strings = off", 1, None);
    // What is waited for comes first, or the end would be swallowed with it.
    assert_eq!(reported(&mut world), BackslashRule::Escapes);
    world.finish(query);
    let ended = world.run(session, r"select 'a\', 1; select 2 --'");
    assert_eq!(ended.cells[0][0], Some(b"a', 1; select 2 --".to_vec()));
    world.run(session, "reset standard_conforming_strings");
    assert_eq!(reported(&mut world), BackslashRule::Ordinary);
    world.shut_down();
    // Of a database that has it off, each session says so before it is open.
    server.psql(
        "postgres",
        &format!("alter database {database} set standard_conforming_strings = off"),
    );
    let (mut world, _, _) = Effects::with_session(&on_socket(server, &database));
    assert_eq!(reported(&mut world), BackslashRule::Escapes);
    world.shut_down();
}

#[test]
fn the_server_says_what_a_session_holds() {
    let (mut world, connection, session) = Effects::with_session(&shared());
    assert!(world.held(session).unwrap().is_empty());
    let holding = [
        ("create temp table basket (id serial)", "a temporary table basket"),
        ("listen jobs", "LISTEN on jobs"),
        ("select pg_advisory_lock(42)", "an advisory lock on 42"),
        ("select set_config('work_mem', '5MB', false)", "the setting work_mem"),
        ("prepare p as select 1", "a prepared statement p"),
        ("declare c cursor with hold for select 1", "a cursor c"),
        ("set role pg_monitor", "the role pg_monitor (SET ROLE)"),
    ];
    for (sql, word) in holding {
        assert_eq!(world.run(session, sql).failure, None);
        let held = world.held(session).unwrap();
        assert!(held.iter().any(|held| held == word), "{held:?}");
    }
    world.run(session, "reset role");
    world.run(session, "set session authorization pg_monitor");
    assert!(world.held(session).unwrap().contains(&"another session authorization".to_owned()));
    world.end(session, Ending::Close);
    let (session, _) = world.session(connection).unwrap();
    assert!(world.held(session).unwrap().is_empty());
    world.shut_down();
}

#[test]
fn an_exhausted_pool_waits_then_fails_and_serves_who_waits() {
    let config = Config { pool_size: 1, pool_timeout_s: 1, ..shared() };
    let (mut world, connection, session) = Effects::with_session(&config);
    world.pool(1, 0, 0);
    let failure = world.session(connection).unwrap_err();
    assert_eq!(failure.category, Category::PoolTimeout);
    assert!(failure.next_step.is_some());
    let waiting = world.start_session(connection);
    world.pool(1, 0, 1);
    world.end(session, Ending::Return);
    world.session_opened(waiting).unwrap();
    world.run(waiting, "begin");
    // A session in a transaction is closed, whatever is asked.
    world.end(waiting, Ending::Return);
    let (fresh, _) = world.session(connection).unwrap();
    assert_eq!(world.run(fresh, "select 1").transaction, Transaction::Idle);
    world.shut_down();
}

#[test]
fn a_terminated_session_is_lost_with_its_reason() {
    let config = shared();
    let (mut world, connection, session) = Effects::with_session(&config);
    let query = world.start(session, "select pg_sleep(600)", 1, None);
    world.owe(format!("terminate {session}"));
    world.postgres.perform_session(session::Effect::Terminate { session });
    let ended = world.finish(query);
    assert!(ended.lost && ended.sqlstate() == "57P01", "{ended:?}");
    assert!(world.lost(session).is("57P01"));
    let (idle, backend_pid) = world.session(connection).unwrap();
    TestServer::shared()
        .psql(&config.database, &format!("select pg_terminate_backend({backend_pid})"));
    assert!(world.lost(idle).is("57P01"));
    assert!(world.run(idle, "select 1").lost);
    world.end(idle, Ending::Return);
    assert!(world.held(idle).is_err());
    world.shut_down();
}

#[test]
fn a_crashed_server_is_told_from_its_last_notice_and_waited_for() {
    let server = TestServer::start(TestConfig::default());
    let mut world = Effects::new();
    let (connection, _) = world.open(&on_socket(&server, "postgres"), None).unwrap();
    let (session, backend_pid) = world.session(connection).unwrap();
    let (bystander, _) = world.session(connection).unwrap();
    let (idle, _) = world.session(connection).unwrap();
    let query = world.start(session, ONE_ROW_THEN_NOTHING, u64::MAX, None);
    let other = world.start(bystander, ONE_ROW_THEN_NOTHING, u64::MAX, None);
    world.first_rows(query);
    world.first_rows(other);
    kill(backend_pid);
    let ended = world.finish(query);
    assert!(ended.lost && ended.failure.unwrap().category == Category::Connection);
    let ended = world.finish(other);
    assert!(ended.lost && ended.sqlstate() == "57P02", "{ended:?}");
    for session in [session, bystander, idle] {
        assert_eq!(world.lost(session).category, Category::Connection);
    }
    // The server starts again by itself; until then it refuses with 57P03.
    let (session, _) = world.session(connection).unwrap();
    assert_eq!(world.run(session, "select 1").rows, 1);
    world.shut_down();
}

#[test]
fn each_ssl_mode_accepts_and_refuses_what_it_should() {
    let server = TestServer::shared();
    let mut world = Effects::new();
    let mut tried = |ssl_mode, host: &str, ca: &str| {
        let config =
            Config { host: host.into(), ssl_root_cert: ca.into(), ..on_tcp(server, ssl_mode) };
        world
            .open(&config, Some(PASSWORD))
            .map(|(_, server)| server.security)
            .map_err(|failure| failure.category)
    };
    let (ca, other) =
        (server.ca_path().display().to_string(), server.other_ca_path().display().to_string());
    let verified = Ok("TLS 1.3 verified".to_owned());
    assert_eq!(tried(SslMode::Disable, "127.0.0.1", ""), Ok("not encrypted".into()));
    assert_eq!(tried(SslMode::Allow, "127.0.0.1", ""), Ok("not encrypted".into()));
    assert_eq!(tried(SslMode::Prefer, "127.0.0.1", ""), Ok("TLS 1.3".into()));
    assert_eq!(tried(SslMode::Require, "127.0.0.1", ""), Ok("TLS 1.3".into()));
    assert_eq!(tried(SslMode::Require, "127.0.0.1", &ca), verified);
    assert_eq!(tried(SslMode::Require, "127.0.0.1", &other), Err(Category::Ssl));
    assert_eq!(tried(SslMode::VerifyCa, "127.0.0.1", &ca), verified);
    assert_eq!(tried(SslMode::VerifyCa, "127.0.0.1", &other), Err(Category::Ssl));
    assert_eq!(tried(SslMode::VerifyCa, "127.0.0.1", ""), Err(Category::Ssl));
    assert_eq!(tried(SslMode::VerifyCa, "127.0.0.1", "/no/such/file"), Err(Category::Ssl));
    assert_eq!(tried(SslMode::VerifyFull, "127.0.0.1", &ca), verified);
    assert_eq!(tried(SslMode::VerifyFull, "localhost", &ca), verified);
    world.shut_down();
}

#[test]
fn wrong_certificates_are_refused_where_they_are_looked_at() {
    for (certificate, ca_accepted, said) in [
        (ServerCertificate::WrongHost, true, "another host name"),
        (ServerCertificate::Expired, false, "expired"),
    ] {
        let server = TestServer::start(TestConfig::default().certificate(certificate));
        let mut world = Effects::new();
        let ca = server.ca_path().display().to_string();
        let config = |ssl_mode| Config { ssl_root_cert: ca.clone(), ..on_tcp(&server, ssl_mode) };
        let failure = world.open(&config(SslMode::VerifyFull), Some(PASSWORD)).unwrap_err();
        assert!(failure.category == Category::Ssl && failure.message.contains(said), "{failure:?}");
        assert_eq!(world.open(&config(SslMode::VerifyCa), Some(PASSWORD)).is_ok(), ca_accepted);
        assert!(world.open(&on_tcp(&server, SslMode::Require), Some(PASSWORD)).is_ok());
        world.shut_down();
    }
}

#[test]
fn a_server_without_tls_is_taken_only_where_the_mode_allows() {
    let server = TestServer::start(TestConfig::default().certificate(ServerCertificate::None));
    let mut world = Effects::new();
    let (_, info) = world.open(&on_tcp(&server, SslMode::Prefer), Some(PASSWORD)).unwrap();
    assert_eq!(info.security, "not encrypted");
    let failure = world.open(&on_tcp(&server, SslMode::Require), Some(PASSWORD)).unwrap_err();
    assert_eq!(
        (failure.category, failure.message.as_str()),
        (Category::Ssl, "The server does not offer TLS.")
    );
    world.shut_down();
}

#[test]
fn rules_of_the_server_decide_between_plain_and_tls() {
    let rules = TestConfig::default()
        .access_rule("hostnossl template1 all 127.0.0.1/32 scram-sha-256")
        .access_rule("host template1 all 127.0.0.1/32 reject")
        .access_rule("hostssl postgres app 127.0.0.1/32 cert")
        .access_rule("host postgres all 127.0.0.1/32 reject");
    let server = TestServer::start(rules);
    let mut world = Effects::new();
    let plain_only = Config { database: "template1".into(), ..on_tcp(&server, SslMode::Prefer) };
    assert_eq!(world.open(&plain_only, Some(PASSWORD)).unwrap().1.security, "not encrypted");
    let (certificate, key) = server.client_certificate(USER);
    let with_certificate = Config {
        ssl_cert: certificate.display().to_string(),
        ssl_key: key.display().to_string(),
        ..on_tcp(&server, SslMode::Allow)
    };
    assert_eq!(world.open(&with_certificate, None).unwrap().1.security, "TLS 1.3");
    let failure = world.open(&on_tcp(&server, SslMode::Require), None).unwrap_err();
    assert_eq!(failure.category, Category::Authentication);
    let (certificate, key) = server.client_certificate("stranger");
    let stranger = Config {
        ssl_cert: certificate.display().to_string(),
        ssl_key: key.display().to_string(),
        ..with_certificate
    };
    assert_eq!(world.open(&stranger, None).unwrap_err().category, Category::Authentication);
    world.shut_down();
}

#[test]
fn refusals_of_the_server_say_which() {
    let server = TestServer::shared();
    let config = on_tcp(server, SslMode::Prefer);
    let mut world = Effects::new();
    let missing = world.open(&config, None).unwrap_err();
    assert_eq!(
        (missing.category, missing.message.as_str()),
        (Category::Authentication, "password required")
    );
    assert!(missing.is("28P01") && missing.severity.is_empty());
    let wrong = world.open(&config, Some("wrong")).unwrap_err();
    assert!(
        wrong.is("28P01")
            && wrong.severity == "FATAL"
            && wrong.category == Category::Authentication
    );
    let database = Config { database: "no_such_database".into(), ..config.clone() };
    assert!(world.open(&database, Some(PASSWORD)).unwrap_err().is("3D000"));
    world.shut_down();
}

#[test]
fn what_is_no_server_is_told_in_time() {
    let mut world = Effects::new();
    let local = |port| Config {
        host: "127.0.0.1".into(),
        port,
        user: "u".into(),
        connect_timeout_s: 1,
        ..Config::default()
    };
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let refused = world.open(&local(closed), None).unwrap_err();
    assert!(refused.message.contains("refused"), "{refused:?}");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let failure = world.open(&local(silent.local_addr().unwrap().port()), None).unwrap_err();
    assert!(failure.message.contains("did not answer within 1 s"), "{failure:?}");
    let web = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = web.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in web.incoming().take(2) {
            let mut stream = stream.unwrap();
            stream.read_exact(&mut [0; 8]).unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        }
    });
    for ssl_mode in [SslMode::Prefer, SslMode::Disable] {
        let failure = world.open(&Config { ssl_mode, ..local(port) }, None).unwrap_err();
        assert!(failure.message.contains("No PostgreSQL server"), "{failure:?}");
    }
    let nowhere =
        Config { host: "no-such-host.invalid".into(), connect_timeout_s: 30, ..local(port) };
    assert!(world.open(&nowhere, None).unwrap_err().message.contains("could not be looked up"));
    let no_socket = Config { host: "/tmp/no-such-directory".into(), ..local(port) };
    assert!(world.open(&no_socket, None).unwrap_err().message.contains("No server listens"));
    world.shut_down();
}

#[test]
fn a_server_that_is_starting_up_is_asked_again() {
    let server = TestServer::shared();
    let front = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, behind) = (front.local_addr().unwrap().port(), server.port());
    std::thread::spawn(move || {
        let (mut first, _) = front.accept().unwrap();
        first.read_exact(&mut [0; 8]).unwrap();
        let fields = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";
        first.write_all(b"E").unwrap();
        first.write_all(&(fields.len() as u32 + 4).to_be_bytes()).unwrap();
        first.write_all(fields).unwrap();
        drop(first);
        let (client, _) = front.accept().unwrap();
        let server = TcpStream::connect(("127.0.0.1", behind)).unwrap();
        let (mut client_in, mut server_in) =
            (client.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut client_in, &mut &server));
        std::io::copy(&mut server_in, &mut &client).unwrap();
    });
    let mut world = Effects::new();
    let config = Config { port, ..on_tcp(server, SslMode::Disable) };
    world.open(&config, Some(PASSWORD)).unwrap();
    world.shut_down();
}

#[test]
fn an_attempt_can_be_abandoned_and_a_configuration_tested() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut world = Effects::new();
    let config = Config {
        host: "127.0.0.1".into(),
        port: silent.local_addr().unwrap().port(),
        ..Config::default()
    };
    let (_, attempt) = world.start_open(&config, None);
    world.postgres.perform_connection(connection::Effect::Abandon { attempt });
    assert_eq!(world.opened(attempt).unwrap_err().category, Category::Cancelled);
    let attempt = world.ids.request();
    world.owe(format!("test {attempt:?}"));
    let config = Box::new(Config { read_only: true, ..shared() });
    world.postgres.perform_connection(connection::Effect::Test {
        attempt,
        config,
        secrets: Secrets::default(),
    });
    let server = world.wait(|msg| match msg {
        Msg::Connection(connection::Msg::Tested { result, .. }) => Some(result.clone()),
        _ => None,
    });
    let server = server.unwrap();
    assert_eq!((server.user.as_str(), server.security.as_str()), (SUPERUSER, "Unix socket"));
    assert!(server.version.starts_with(char::is_numeric));
    world.shut_down();
}

#[test]
fn the_start_up_settings_are_the_server_s_own() {
    let options = "-c work_mem=7MB".to_owned();
    let config = Config { read_only: true, statement_timeout_ms: 12_345, options, ..shared() };
    let (mut world, _, session) = Effects::with_session(&config);
    for (setting, value) in [
        ("default_transaction_read_only", "on"),
        ("statement_timeout", "12345ms"),
        ("work_mem", "7MB"),
        ("application_name", "Tusk"),
        ("client_encoding", "UTF8"),
    ] {
        let shown = world.run_read_only(session, &format!("show {setting}"));
        assert_eq!(shown.texts(), [[value]]);
    }
    let refused = world.run_read_only(session, "create table t ()");
    assert_eq!(refused.sqlstate(), "25006");
    // None of this counts as held by the session.
    assert!(world.held(session).unwrap().is_empty());
    world.shut_down();
}

#[test]
fn names_of_types_are_asked_beside_the_sessions() {
    let config = shared();
    let oid = TestServer::shared()
        .psql(&config.database, "create type mood as enum ('well'); select 'mood'::regtype::oid");
    let (mut world, connection, session) = Effects::with_session(&config);
    world.run(session, "begin");
    let request = world.ids.request();
    world.owe(format!("types {request:?}"));
    let oid = oid.parse().unwrap();
    let oids = vec![(1700, (10 << 16) + 6), (oid, -1)];
    world.postgres.perform_connection(connection::Effect::ResolveTypes {
        request,
        connection,
        oids,
    });
    let names = world.wait(|msg| match msg {
        Msg::Connection(connection::Msg::TypesResolved { names, .. }) => Some(names.clone()),
        _ => None,
    });
    assert_eq!(names, [(1700, "numeric(10,2)".to_owned()), (oid, "mood".to_owned())]);
    world.shut_down();
}

#[test]
fn closing_a_connection_ends_its_query_its_sessions_and_its_processes() {
    let config = shared();
    let (mut world, connection, session) = Effects::with_session(&config);
    let query = world.start(session, ONE_ROW_THEN_NOTHING, u64::MAX, None);
    world.first_rows(query);
    world.owe(format!("close {connection}"));
    world.postgres.perform_connection(connection::Effect::Close { connection });
    assert_eq!(world.finish(query).sqlstate(), "57014");
    world.wait(|msg| matches!(msg, Msg::Connection(connection::Msg::Closed { .. })).then_some(()));
    assert!(world.session(connection).is_err());
    world.end(session, Ending::Return);
    world.shut_down();
}

/// It would be read for long, and is told to end once it was seen to be read.
#[test]
fn a_job_is_cancelled_in_the_middle_of_its_reading() {
    let place = tempfile::tempdir().unwrap();
    let (statements, data) = (place.path().join("a.sql"), place.path().join("b.sql"));
    std::fs::write(&statements, "select 1;\n".repeat(10_000_000)).unwrap();
    let text = "copy t from stdin;\n".to_owned() + &"x".repeat(256 << 10);
    std::fs::write(&data, text).unwrap();
    // The rest is a hole, which takes no room.
    let file = std::fs::File::options().write(true).open(&data).unwrap();
    file.set_len(1 << 37).unwrap();
    let mut world = Effects::new();
    let (connection, _) = world.open(&shared(), None).unwrap();
    for path in [statements, data] {
        let job = world.ids.request();
        world.postgres.perform_job(jobs::Effect::RunFile {
            job,
            connection,
            path: path.display().to_string(),
            reading: Reading::Detect,
            read_only: false,
            on_error: OnError::Stop,
        });
        world.wait(|msg| match msg {
            Msg::Job(jobs::Msg::Went { job: of, progress }) if *of == job => {
                (progress.bytes > 64 << 10).then_some(())
            }
            _ => None,
        });
        world.postgres.perform_job(jobs::Effect::Cancel { job });
        let (state, progress, message) = world.wait(|msg| match msg {
            Msg::Job(jobs::Msg::Ended { job: of, state, progress, message, .. }) if *of == job => {
                Some((*state, *progress, message.clone()))
            }
            _ => None,
        });
        assert_eq!(state, jobs::State::Cancelled);
        assert_eq!(message, "Cancelled. Nothing was run.");
        assert!(progress.bytes < progress.total, "{progress:?}");
    }
    world.shut_down();
}

#[test]
fn at_the_end_everything_under_way_ends_and_nothing_runs_on_the_server() {
    let config = Config { application_name: "ends".into(), ..shared() };
    let (mut world, connection, session) = Effects::with_session(&config);
    let (stalled, _) = world.session(connection).unwrap();
    let sleeping = world.start(session, ONE_ROW_THEN_NOTHING, u64::MAX, None);
    let paused = world.start(stalled, "select generate_series(1, 100000000)", 10, None);
    world.first_rows(sleeping);
    world.stalled(paused);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    world.start_open(&Config { host: "127.0.0.1".into(), port, ..Config::default() }, None);
    let said = world.shut_down();
    let ended =
        |query: QueryId| said.iter().any(|msg| ended_by(msg) == Some(format!("query {query}")));
    assert!(ended(sleeping) && ended(paused));
    let left = "select count(*) from pg_stat_activity where application_name = 'ends' and state = 'active'";
    assert_eq!(TestServer::shared().psql("postgres", left), "0");
}
