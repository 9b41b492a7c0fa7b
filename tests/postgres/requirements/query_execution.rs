//! Queries, FR-014 to FR-016, FR-020, FR-021.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::{server::TestServer, stage::Played};
use tusk::{
    base::ids::QueryId,
    update::{
        keeping::HistoryOutcome,
        query::run::{Phase, Run},
        results::ResultState,
    },
};

/// A program on a database of its own.
fn connected() -> (Played, String) {
    let database = TestServer::shared().fresh_database();
    let mut played = Played::start();
    played
        .play(&format!("connect {}\nwait connected 30", TestServer::shared().url_unix(&database)));
    (played, database)
}

fn active_queries(played: &mut Played) -> Vec<QueryId> {
    played.read(|model| {
        let running = model.pages.open.iter().filter_map(|tab| match &tab.run {
            Run::Running(running) => Some(running.query),
            Run::Idle | Run::Waiting { .. } => None,
        });
        running.collect()
    })
}

/// How many statements of the database the server is at, by its own word.
fn busy(database: &str) -> String {
    TestServer::shared().psql(
        database,
        "select count(*) from pg_stat_activity where datname = current_database()
         and pid <> pg_backend_pid() and state = 'active' and application_name = 'Tusk'
         and query like '%pg_sleep%'",
    )
}

#[track_caller]
fn wait_for_busy(database: &str, count: &str) {
    let until = Instant::now() + Duration::from_secs(30);
    while busy(database).trim() != count {
        assert!(Instant::now() < until, "the server is not at {count} statements");
        std::thread::yield_now();
    }
}

#[test]
fn fr_014_every_execution_has_an_id_of_its_own_also_of_the_same_text() {
    let (mut played, _) = connected();
    let mut ids = BTreeSet::new();
    for _ in 0..5 {
        played.play("text select 1; select 1\ncommand query.run-all\nwait idle 30");
        ids.extend(played.tab(|tab| {
            let list = tab.results.list.iter();
            list.map(|result| result.query).collect::<Vec<_>>()
        }));
    }
    assert_eq!(ids.len(), 10);
    let recorded = played.read(|model| {
        let entries = model.history.recent.iter();
        entries.map(|entry| entry.query).collect::<BTreeSet<_>>()
    });
    assert_eq!(recorded, ids, "the history knows the runs by the same ids");
}

#[test]
fn fr_015_a_cancel_stops_its_own_statement_and_no_other() {
    let (mut played, database) = connected();
    let url = TestServer::shared().url_unix(&database);
    played.play("text select pg_sleep(600)\ncommand query.run\nwait running 30");
    played.play(&format!(
        "command tab.new\nconnect {url}\nwait connected 30\ntext select pg_sleep(601)\ncommand query.run\nwait running 30"
    ));
    wait_for_busy(&database, "2");
    assert_eq!(active_queries(&mut played).len(), 2);
    // The second tab's is cancelled; the first one's goes on, on the server too.
    played.play("command query.cancel");
    wait_for_busy(&database, "1");
    let mut last = Vec::new();
    let until = Instant::now() + Duration::from_secs(30);
    while Instant::now() < until {
        last = active_queries(&mut played);
        if last.len() == 1 {
            break;
        }
        played.play("sleep 0.01");
    }
    assert_eq!(last.len(), 1);
    played.play("expect error 57014\ncommand tab.previous\nwait running 5\ncommand query.cancel\nwait idle 30\nexpect error 57014");
    wait_for_busy(&database, "0");
}

#[test]
fn fr_015_a_cancel_that_comes_too_late_shows_the_rows() {
    let (mut played, _) = connected();
    // What had ended before the cancel is finished, not cancelled.
    for _ in 0..50 {
        played.play("text select 1 as one\ncommand query.run\ncommand query.cancel\nwait idle 30");
        let (ended, rows) = played.tab(|tab| {
            let result = tab.results.list.first();
            (
                result.map(|result| result.state.clone()),
                result.map_or(0, |result| result.rows.len()),
            )
        });
        match ended {
            Some(ResultState::Finished { tag }) => {
                assert_eq!((tag.as_str(), rows), ("SELECT 1", 1))
            }
            Some(ResultState::Cancelled { failure }) => assert!(
                failure.sqlstate.as_deref() == Some("57014")
                    || failure.message.contains("before it was sent"),
                "{failure:?}"
            ),
            // It was cancelled while it waited for its session: nothing was sent.
            None => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn fr_015_two_hundred_cancelled_writes_are_shown_as_what_the_server_did() {
    let (mut played, database) = connected();
    let server = TestServer::shared();
    server.psql(&database, "create table counter as select 0 as n");
    // With its session the tab sends a statement at once, so that each cancel meets one that is under way.
    played.play("text select 1\ncommand query.run\nwait idle 30");
    let (mut committed, mut cancelled) = (0, 0);
    for turn in 0..200 {
        // Some are long enough to be cancelled, some have ended by then, and some end in between.
        let work = [0, 2_000, 20_000, 200_000, 2_000_000][turn % 5];
        played.play(&format!(
            "text update counter set n = n + 1 where (select count(*) from generate_series(1, {work})) >= 0\n\
             command query.run\ncommand query.cancel\nwait idle 30"
        ));
        let state = played.tab(|tab| tab.results.list.first().map(|result| result.state.clone()));
        match state {
            Some(ResultState::Finished { tag }) if tag == "UPDATE 1" => committed += 1,
            Some(ResultState::Cancelled { failure })
                if failure.is("57014") || failure.message.contains("before it was sent") =>
            {
                cancelled += 1;
            }
            other => panic!("{other:?}"),
        }
        let n = server.psql(&database, "select n from counter");
        assert_eq!(n.trim(), committed.to_string(), "after turn {turn}");
    }
    assert!(cancelled > 0, "nothing was cancelled");
}

#[test]
fn fr_016_a_query_leaves_the_active_ones_however_it_ends() {
    let (mut played, database) = connected();
    let idle = |played: &mut Played, how: &str| {
        assert_eq!(active_queries(played), [], "{how}");
    };
    played.play("text select 1\ncommand query.run\nwait idle 30");
    idle(&mut played, "finished");
    played.play("text select 1/0\ncommand query.run\nwait idle 30\nexpect error 22012");
    idle(&mut played, "failed");
    played.play("text select pg_sleep(600)\ncommand query.run\nwait running 30");
    wait_for_busy(&database, "1");
    assert_eq!(active_queries(&mut played).len(), 1);
    played.play("command query.cancel\nwait idle 30\nexpect error 57014");
    idle(&mut played, "cancelled");
    played.play("text select pg_sleep(600)\ncommand query.run\nwait running 30");
    wait_for_busy(&database, "1");
    TestServer::shared().psql(
        &database,
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()
         and pid <> pg_backend_pid() and query like 'select pg_sleep%'",
    );
    played.play("wait idle 30\nexpect error 57P01");
    idle(&mut played, "lost");
    played.play("command connection.reconnect\nwait connected 30\ntext select pg_sleep(600)\ncommand query.run\nwait running 30");
    wait_for_busy(&database, "1");
    played.play("command tab.close\ncommand dialog.accept\nwait idle 30");
    idle(&mut played, "closed with its tab");
    wait_for_busy(&database, "0");
    let outcomes = played.read(|model| {
        let entries = model.history.recent.iter();
        entries.map(|entry| matches!(entry.outcome, HistoryOutcome::Running)).collect::<Vec<_>>()
    });
    assert!(outcomes.iter().all(|running| !running), "{outcomes:?}");
}

#[test]
fn fr_020_and_fr_021_the_loop_turns_while_the_server_works() {
    let (mut played, database) = connected();
    played.play("text select pg_sleep(600)\ncommand query.run\nwait running 30");
    wait_for_busy(&database, "1");
    // The loop takes every key while the statement runs: the same program, in the same turn.
    played.play("command tab.new\ntype select 'typed while the other waits'\nexpect screen contains \"typed while the other waits\"\ncommand tab.previous");
    let running = played.tab(|tab| match &tab.run {
        Run::Running(running) => matches!(running.phase, Phase::Running),
        Run::Idle | Run::Waiting { .. } => false,
    });
    assert!(running, "it still runs");
    played.play("command query.cancel\nwait idle 30\nexpect error 57014");
}
