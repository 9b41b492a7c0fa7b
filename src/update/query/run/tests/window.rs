//! How far a result is read: what is granted, where it pauses, what is read and not kept.

use super::*;
use crate::{effect::Effect as RootEffect, failure::advice, update::shell::dialog::Dialog};

fn running(world: &World) -> &Running {
    match &world.tab().run {
        Run::Running(running) => running,
        other => panic!("nothing runs: {other:?}"),
    }
}

fn granted(effects: &[RootEffect]) -> Vec<u64> {
    let rows = |effect: &RootEffect| match effect {
        RootEffect::Query(Effect::GrantRows { rows, .. }) => Some(*rows),
        _ => None,
    };
    effects.iter().filter_map(rows).collect()
}

fn plain() -> World {
    let mut world = World::new().connected();
    world.run("select 1");
    world.describe();
    world
}

fn note(world: &World) -> &str {
    let result = &world.tab().results.list[0];
    result.note.as_deref().unwrap_or_default()
}

#[test]
fn four_chunks_are_granted_at_first_and_small_grants_are_saved_up() {
    let mut world = plain();
    assert_eq!(running(&world).granted, 16_384);
    expect!(world.rows(100), []);
    expect!(world.rows(3_995), []);
    assert_eq!(granted(&world.rows(1)), [4_096]);
}

#[test]
fn a_window_that_is_full_by_its_bytes_grants_nothing_more() {
    let mut world = plain();
    let query = world.query();
    // Each is 64 MB and more, which is a window.
    let chunk = chunk(4_096, 17_000);
    expect!(world.send(Msg::RowsArrived { query, chunk }), []);
    assert_eq!(running(&world).granted, 16_384);
    expect!(world.command(Command::ResultsFetchAll), []);
    assert_eq!(granted(&world.rows(1)), [4_097]);
}

#[test]
fn a_grant_that_lapsed_is_given_anew_where_the_window_has_room_and_else_pauses() {
    let mut world = plain();
    let query = world.query();
    world.rows(100);
    let effects = world.send(Msg::GrantLapsed { query, rows: 100 });
    assert_eq!(granted(&effects), [16_384]);
    assert_eq!(running(&world).granted, 16_484);
    let chunk = chunk(1, 65 << 20);
    expect!(world.send(Msg::RowsArrived { query, chunk }), []);
    let effects = world.send(Msg::GrantLapsed { query, rows: 101 });
    expect!(effects, [Clock(Start { .. })]);
    assert!(matches!(phase(&world), Phase::Paused { .. }));
    assert_eq!(granted(&world.command(Command::ResultsFetchMore)), [16_384]);
}

#[test]
fn a_statement_that_may_not_pause_is_granted_more_until_memory_is_full() {
    let mut world = World::new().connected();
    world.run("insert into t select 1 returning a");
    world.describe();
    let query = world.query();
    let big = chunk(1, 65 << 20);
    let mut given = 0;
    loop {
        let chunk = big.clone();
        let of_rows = world.send(Msg::RowsArrived { query, chunk });
        if running(&world).discarding {
            expect!(of_rows, [Query(DiscardRows { .. })]);
            break;
        }
        expect!(of_rows, []);
        given += 1;
        let effects = world.send(Msg::GrantLapsed { query, rows: given });
        assert_eq!(granted(&effects), [16_384]);
    }
    assert_eq!(given, 7);
}

#[test]
fn a_statement_that_is_being_cancelled_reads_past_its_window() {
    let mut world = plain();
    for _ in 0..24 {
        world.rows(4_096);
    }
    let (rows, _) = world.tab().results.of_query(world.query());
    assert_eq!((rows, running(&world).granted), (98_304, 100_000));
    let effects = world.command(Command::QueryCancel);
    expect!(effects, [Query(Cancel { .. }), Query(GrantRows { .. })]);
    assert_eq!(granted(&effects), [98_304 + 16_384 - 100_000]);
    for _ in 0..8 {
        world.rows(4_096);
        let (rows, _) = world.tab().results.of_query(world.query());
        assert!(running(&world).granted > rows, "it would stand still");
    }
}

#[test]
fn a_word_of_a_standstill_that_is_over_pauses_nothing() {
    let mut world = plain();
    let query = world.query();
    expect!(world.send(Msg::Stalled { query, rows: 0 }), []);
    assert!(matches!(phase(&world), Phase::Running));
}

#[test]
fn more_rows_are_asked_for_only_of_what_is_read_on() {
    let mut world = plain();
    world.command(Command::ResultsFetchMore);
    assert!(running(&world).window_end.is_some(), "one window at a time");
    world.command(Command::QueryCancel);
    world.command(Command::ResultsFetchAll);
    assert_eq!(world.notice(), "The statement is being ended: there are no more rows to fetch.");
    assert!(running(&world).window_end.is_some());
}

#[test]
fn memory_that_is_full_pauses_what_may_and_discards_what_may_not() {
    for (text, may_pause) in [("select 1", true), ("insert into t select 1 returning a", false)] {
        let mut world = World::new().connected();
        world.run(text);
        world.describe();
        world.command(Command::ResultsFetchAll);
        let query = world.query();
        let big = chunk(4_096, 16_000);
        for _ in 0..9 {
            let chunk = big.clone();
            world.send(Msg::RowsArrived { query, chunk });
        }
        assert_eq!(running(&world).discarding, !may_pause, "{text}");
        if !may_pause {
            assert_eq!(
                note(&world),
                "Results may hold 512 MB of memory, and that is used up: 36,864 rows are kept, the rest is read \
                 and not kept."
            );
        }
    }
}

#[test]
fn rows_that_were_not_kept_are_told_at_the_end() {
    let mut world = plain();
    world.rows(3);
    let query = world.query();
    world.send(Msg::Finished {
        query,
        tag: "SELECT 10".into(),
        transaction: Transaction::Idle,
        discarded: 7,
        elapsed_us: 1,
    });
    assert!(note(&world).contains("3 rows are kept"), "{}", note(&world));
    assert_eq!(world.tab().results.list[0].discarded, 7);
}

#[test]
fn the_commands_of_a_transaction_are_statements_of_their_own() {
    let mut world = World::new().connected();
    world.text("select 1");
    world.command(Command::TransactionBegin);
    assert_eq!(sent(&world.open_session()), ["begin"]);
    world.finish("BEGIN", Transaction::Active);
    assert_eq!(sent(&world.command(Command::TransactionCommit)), ["commit"]);
}

#[test]
fn a_statement_with_a_command_of_psql_in_it_is_not_run() {
    for text in ["select 1 \\gx", "select 1 \\d\n, 2", "select 1 \\i\n, 2;"] {
        let mut world = World::new().connected();
        world.text(text);
        expect!(world.command(Command::QueryRunAll), []);
        assert!(matches!(world.tab().run, Run::Idle), "{text}");
        assert!(world.notice().contains("psql"), "{text}");
    }
}

#[test]
fn a_cancel_that_came_too_late_tells_what_was_not_kept_if_anything() {
    for (discarded, told) in
        [(0, ""), (7, "It ended before the cancel arrived: 7 further rows were read and not kept.")]
    {
        let mut world = plain();
        world.rows(3);
        world.command(Command::QueryCancel);
        let query = world.query();
        world.send(Msg::Finished {
            query,
            tag: "SELECT 10".into(),
            transaction: Transaction::Idle,
            discarded,
            elapsed_us: 1,
        });
        assert_eq!(note(&world), told);
    }
}

#[test]
fn a_dialog_that_has_nothing_to_do_with_the_statement_stays_when_it_ends() {
    let mut world = plain();
    world.command(Command::QueryCancel);
    world.command(Command::PaletteOpen);
    world.fail(refusal("57014", "canceling statement"), Transaction::Idle);
    assert!(matches!(world.model.dialog, Some(Dialog::Palette(_))));
}

#[test]
fn a_timeout_in_another_language_is_known_by_its_time() {
    for (limit_ms, elapsed_us, over_time) in [
        (0, 9_000_000, false),
        (2_000, 1_999_999, false),
        (2_000, 2_000_000, true),
        (2_000, 2_500_000, true),
    ] {
        let mut world = plain();
        world.change_config(|config| config.statement_timeout_ms = limit_ms);
        let failure = Failure {
            sqlstate: Some("57014".into()),
            ..Failure::new(Category::Query, "storniere Anfrage wegen Zeit")
        };
        let query = world.query();
        world.send(Msg::Failed {
            query,
            failure: Box::new(failure),
            transaction: Transaction::Idle,
            elapsed_us,
        });
        let Some(Ended::Badly { failure }) = &world.tab().ended else { panic!("it failed") };
        let stop = advice::Stop { asked: false, over_time };
        let expected = advice::stopped((**failure).clone(), stop);
        assert_eq!(failure.next_step, expected.next_step, "{elapsed_us} us");
    }
}

#[test]
fn only_its_own_timer_closes_a_paused_stream_and_a_person_may_ask_for_it_too() {
    let mut world = World::new().connected().paused();
    let Phase::Paused { timer, .. } = *phase(&world) else { panic!("it is paused") };
    let another = world.model.cx.request();
    let fired = |timer| crate::update::clock::Msg::Fired { timer };
    expect!(world.send(fired(another)), []);
    assert!(matches!(phase(&world), Phase::Paused { .. }));
    world.send(fired(timer));
    assert!(matches!(phase(&world), Phase::Cancelling { asked: false, .. }));
    expect!(world.command(Command::QueryCancel), []);
    assert!(matches!(phase(&world), Phase::Cancelling { asked: true, .. }));
}
