//! Statements of a long script that its session is given ahead.

use super::*;
use crate::{base::ids::QueryId, effect::Effect as RootEffect};

/// What the effects give to the session, and whether it follows.
fn given(effects: &[RootEffect]) -> Vec<(QueryId, String, bool)> {
    let one = |effect: &RootEffect| match effect {
        RootEffect::Query(Effect::Run { query, sql, follows, .. }) => {
            Some((*query, sql.to_string(), follows.is_some()))
        }
        _ => None,
    };
    effects.iter().filter_map(one).collect()
}

/// A message that says nothing of a run.
fn app_msg() -> crate::update::shell::app::Msg {
    crate::update::shell::app::Msg::AppearanceChanged { dark: true }
}

fn script(statements: usize) -> String {
    (0..statements).map(|n| format!("select {n};\n")).collect()
}

/// A script whose first 16 statements have ended, and what the session was given when they had.
fn under_way(statements: usize) -> (World, Vec<(QueryId, String, bool)>) {
    under_way_by(Command::QueryRunAll, statements)
}

fn under_way_by(command: Command, statements: usize) -> (World, Vec<(QueryId, String, bool)>) {
    let mut world = World::new().connected();
    world.text(&script(statements));
    world.command(command);
    let mut effects = world.open_session();
    for n in 0..16 {
        let given = given(&effects);
        assert_eq!(given.len(), 1, "statement {n}");
        assert!(!given[0].2);
        effects = world.finish("SELECT 1", Transaction::Idle);
    }
    let given = given(&effects);
    (world, given)
}

#[test]
fn a_long_script_is_given_ahead_and_each_statement_is_given_once() {
    let (mut world, given_first) = under_way(200);
    let follows: Vec<bool> = given_first.iter().map(|given| given.2).collect();
    assert!(!follows[0] && follows[1..].iter().all(|follows| *follows));
    let mut all = given_first;
    assert!((32..100).contains(&all.len()), "{}", all.len());
    for n in 16..200 {
        assert_eq!(world.query(), all[n - 16].0, "statement {n} is shown as it runs");
        let effects = world.finish("SELECT 1", Transaction::Idle);
        all.extend(given(&effects));
    }
    let texts: Vec<String> = all.into_iter().map(|given| given.1).collect();
    let wanted: Vec<String> = (16..200).map(|n| format!("select {n}")).collect();
    assert_eq!(texts, wanted);
    assert_eq!(world.tab().run, Run::Idle);
}

#[test]
fn a_cancel_is_for_all_that_was_given_and_the_script_ends_with_the_one_that_it_hit() {
    let (mut world, all) = under_way(100);
    let (first, session) = (world.query(), world.session());
    let effects = world.command(Command::QueryCancel);
    let ahead: Vec<QueryId> = all[1..].iter().map(|given| given.0).collect();
    assert!(effects.contains(&Effect::Cancel { query: first, session, ahead }.into()));
    // The first two had ended before the cancel came; those behind the third were taken back.
    let not_sent = Failure::new(Category::Cancelled, "Cancelled before it was sent.");
    for (query, ..) in &all[3..] {
        let effects = world.send(Msg::Failed {
            query: *query,
            failure: not_sent.clone().into(),
            transaction: Transaction::Idle,
            elapsed_us: 0,
        });
        assert!(given(&effects).is_empty());
    }
    for _ in 0..2 {
        let effects = world.finish("SELECT 1", Transaction::Idle);
        assert!(given(&effects).is_empty());
        assert!(matches!(phase(&world), Phase::Cancelling { asked: true, .. }));
    }
    assert_eq!(world.query(), all[2].0);
    let effects = world.fail(refusal("57014", "canceling"), Transaction::Idle);
    assert!(given(&effects).is_empty());
    assert_eq!(world.tab().run, Run::Idle);
}

#[test]
fn after_an_error_a_script_that_goes_on_gives_what_follows_anew() {
    let (mut world, all) = under_way_by(Command::QueryRunAllContinue, 60);
    let effects = world.fail(refusal("22012", "no"), Transaction::Idle);
    let anew = given(&effects);
    assert_eq!((anew[0].1.as_str(), anew[0].2), ("select 17", false));
    assert_eq!(anew[1].1, "select 18");
    // What the session had been given ends unsent, and nobody waits for it.
    for (query, ..) in &all[1..] {
        let effects = world.send(Msg::Failed {
            query: *query,
            failure: Failure::new(Category::Cancelled, "It was not sent.").into(),
            transaction: Transaction::Idle,
            elapsed_us: 0,
        });
        assert!(effects.is_empty());
    }
    assert_eq!(world.query(), anew[0].0);
    world.finish("SELECT 1", Transaction::Idle);
    assert_eq!(world.query(), anew[1].0);
}

#[test]
fn the_more_statements_end_well_the_more_are_given_ahead_and_few_in_vain_where_they_fail() {
    let (mut world, mut all) = under_way_by(Command::QueryRunAllContinue, 2_000);
    let mut most = 0;
    for n in 16..1_000 {
        let ahead = all.len() - (n - 16);
        most = most.max(ahead);
        assert!(ahead >= 8, "{ahead} at statement {n}");
        all.extend(given(&world.finish("SELECT 1", Transaction::Idle)));
    }
    assert!((129..=257).contains(&most), "{most}");
    let mut in_vain = 0;
    for _ in 0..500 {
        let anew = given(&world.fail(refusal("22012", "no"), Transaction::Idle));
        in_vain += anew.len() - 1;
    }
    assert!(in_vain <= 500 * 16, "{in_vain}");
}

#[test]
fn where_the_session_reads_a_backslash_otherwise_what_it_was_given_is_given_anew() {
    let (mut world, all) = under_way(60);
    let session = world.session();
    world.send(session::Msg::BackslashReported { session, backslash: BackslashRule::Escapes });
    let effects = world.finish("SELECT 1", Transaction::Idle);
    let anew = given(&effects);
    assert_eq!((anew[0].1.as_str(), anew[0].2), ("select 17", false));
    assert!(all.iter().all(|given| given.0 != anew[0].0));
    assert_eq!(world.query(), anew[0].0);
}

#[test]
fn a_copy_is_not_given_ahead_and_neither_is_what_stands_behind_it() {
    let mut world = World::new().connected();
    let text = format!("{}copy t from stdin;\n1\n\\.\nselect 'x';", script(20));
    let mut effects = world.run(&text);
    for _ in 0..16 {
        effects = world.finish("SELECT 1", Transaction::Idle);
    }
    let texts: Vec<String> = given(&effects).into_iter().map(|given| given.1).collect();
    assert_eq!(texts, ["select 16", "select 17", "select 18", "select 19"]);
    for _ in 16..20 {
        effects = world.finish("SELECT 1", Transaction::Idle);
    }
    let texts: Vec<String> = given(&effects).into_iter().map(|given| given.1).collect();
    assert_eq!(texts, ["copy t from stdin", "select 'x'"]);
}

#[test]
fn where_all_that_was_given_is_taken_back_a_script_ends_with_the_statement_that_ran() {
    let (mut world, all) = under_way(100);
    world.command(Command::QueryCancel);
    for (query, ..) in &all[1..] {
        world.send(Msg::Failed {
            query: *query,
            failure: Failure::new(Category::Cancelled, "Cancelled before it was sent.").into(),
            transaction: Transaction::Idle,
            elapsed_us: 0,
        });
    }
    let effects = world.finish("SELECT 1", Transaction::Idle);
    assert!(given(&effects).is_empty());
    assert_eq!(world.tab().run, Run::Idle);
}

#[test]
fn what_was_given_is_taken_back_where_the_connection_becomes_read_only() {
    let (mut world, all) = under_way(100);
    let session = world.session();
    let effects = world.change_config(|config| config.read_only = true);
    let taken: Vec<_> = effects
        .iter()
        .filter(|effect| matches!(effect, RootEffect::Query(Effect::TakeBack { .. })))
        .collect();
    assert_eq!(taken, [&Effect::TakeBack { session }.into()]);
    assert!(!world.send(app_msg()).contains(taken[0]), "it is said once");
    for (query, ..) in &all[2..] {
        world.send(Msg::Failed {
            query: *query,
            failure: Failure::new(Category::Cancelled, "It was taken back.").into(),
            transaction: Transaction::Idle,
            elapsed_us: 0,
        });
    }
    // The next one had been sent before; those behind it go sealed.
    let effects = world.finish("SELECT 1", Transaction::Idle);
    assert!(given(&effects).is_empty());
    assert_eq!(world.query(), all[1].0);
    let effects = world.finish("SELECT 1", Transaction::Idle);
    let sealed = |effect: &&RootEffect| matches!(effect, RootEffect::Query(Effect::RunReadOnly { sql, .. }) if &**sql == "select 18");
    assert_eq!(effects.iter().filter(sealed).count(), 1);
    assert!(given(&effects).is_empty());
}
