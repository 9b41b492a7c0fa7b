//! Every transition of a connection that is tried again by itself.

use super::*;
use crate::{
    base::transaction::Transaction,
    effect::Effect as RootEffect,
    update::{
        connection::{Msg, ServerInfo},
        query::{self, page::Ended, run, session},
        shell::{command::Command, dialog},
        testing::{World, broken, count, expect, refusal},
    },
};

fn lose_link(world: &mut World, left: u32) -> Vec<RootEffect> {
    let connection = world.connection();
    world.send(Msg::LinkLost { connection, left, failure: broken() })
}

fn reconnecting(world: &World) -> &Reconnecting {
    match world.link() {
        Link::Reconnecting(reconnecting) => reconnecting,
        other => panic!("it does not reconnect: {other:?}"),
    }
}

fn fire(world: &mut World) -> Vec<RootEffect> {
    let Step::Pausing { timer, .. } = reconnecting(world).step else {
        panic!("no pause");
    };
    world.send(clock::Msg::Fired { timer })
}

fn tried(world: &World) -> Request {
    match reconnecting(world).step {
        Step::Trying { attempt, .. } => attempt,
        Step::Pausing { .. } => panic!("no try is under way"),
    }
}

fn answer(world: &mut World, result: Result<(), Failure>) -> Vec<RootEffect> {
    let (connection, attempt) = (world.connection(), tried(world));
    world.send(match result {
        Ok(()) => Msg::Opened { connection, attempt, server: ServerInfo::default() },
        Err(failure) => Msg::OpenFailed { connection, attempt, failure },
    })
}

/// The effect that begins a pause of this length with the current timer.
fn pause_of(world: &World, after_ms: u64) -> Vec<RootEffect> {
    let Step::Pausing { timer, until } = reconnecting(world).step else {
        panic!("no pause");
    };
    let now = world.model.cx.now;
    assert_eq!(until.unix_us - now.unix_us, after_ms as i64 * 1_000);
    assert_eq!(until.mono_us - now.mono_us, after_ms * 1_000);
    vec![clock::Effect::Start { timer, after_ms }.into()]
}

#[test]
fn a_connection_whose_last_link_broke_is_tried_three_times_with_growing_pauses() {
    let mut world = World::new().connected();
    let effects = lose_link(&mut world, 0);
    assert_eq!(effects, pause_of(&world, 1_000));
    assert!(world.notice().contains("connection closed"));
    for (number, pause) in [(2, 3_000), (3, 9_000)] {
        assert!(!world.is_busy(), "a pause is only a timer");
        let effects = fire(&mut world);
        assert!(world.is_busy());
        let prove = Effect::Prove { connection: world.connection(), attempt: tried(&world) };
        assert_eq!(effects, [prove.into()]);
        let effects = answer(&mut world, Err(broken()));
        assert_eq!(effects, pause_of(&world, pause));
        assert_eq!(reconnecting(&world).number, number);
    }
    fire(&mut world);
    let connection = world.connection();
    assert_eq!(answer(&mut world, Err(broken())), [Effect::Close { connection }.into()]);
    assert_eq!(world.link(), &Link::Failed { failure: broken() });
    expect!(world.send(Msg::Closed { connection }), []);
    assert!(matches!(world.link(), Link::Failed { .. }));
}

#[test]
fn one_link_of_several_is_one_session_s_affair() {
    let mut world = World::new().connected();
    expect!(lose_link(&mut world, 1), []);
    assert!(matches!(world.link(), Link::Open { .. }));
}

#[test]
fn nothing_is_tried_where_a_session_that_held_something_went_too() {
    let mut world = World::new().connected();
    world.run("begin");
    world.finish("BEGIN", Transaction::Active);
    let session = world.session();
    let failure = broken();
    expect!(world.send(session::Msg::Lost { session, failure }), []);
    expect!(lose_link(&mut world, 0), []);
    assert!(matches!(world.link(), Link::Open { .. }));
    // The user's word comes first; then a server that is still down is waited for.
    expect!(world.command(Command::ConnectionReconnect), []);
    world.text("select 1");
    expect!(world.command(Command::QueryRun), [Session(Open { .. })]);
    let session = world.session();
    let failure = broken();
    expect!(world.send(session::Msg::OpenFailed { session, failure }), [Clock(Start { .. })]);
}

#[test]
fn a_run_that_is_asked_for_meanwhile_waits_and_is_sent_once() {
    let mut world = World::new().connected();
    lose_link(&mut world, 0);
    world.text("select 1");
    expect!(world.command(Command::QueryRun), []);
    assert!(world.is_busy());
    expect!(fire(&mut world), [Connection(Prove { connection, attempt })]);
    assert_eq!((*connection, *attempt), (world.connection(), tried(&world)));
    expect!(answer(&mut world, Ok(())), [Session(Open { .. }), Schema(Load { .. })]);
    assert!(matches!(world.link(), Link::Open { .. }));
    expect!(world.open_session(), [Query(Run { sql, .. }), Store(RecordRuns { .. })]);
    assert_eq!(&**sql, "select 1");
    assert!(world.notice().contains("again"));
}

#[test]
fn a_run_whose_session_finds_no_server_waits_for_the_server_too() {
    let mut world = World::new().connected();
    world.text("select 1");
    world.command(Command::QueryRun);
    let session = world.session();
    let failure = broken();
    expect!(world.send(session::Msg::OpenFailed { session, failure }), [Clock(Start { .. })]);
    assert!(matches!(world.tab().run, run::Run::Waiting { .. }));
    expect!(fire(&mut world), [Connection(Prove { .. })]);
    expect!(answer(&mut world, Ok(())), [Session(Open { .. }), Schema(Load { .. })]);
}

#[test]
fn while_it_is_tried_again_a_session_that_finds_no_server_or_a_new_password_leaves_its_run_waiting()
{
    let wrong =
        || Failure { category: Category::Authentication, ..refusal("28P01", "wrong password") };
    let exhausted = Failure::new(Category::PoolTimeout, "none came free");
    for (failure, waits) in [(broken(), true), (wrong(), true), (exhausted, false)] {
        let mut world = World::new().connected();
        world.text("select 1");
        world.command(Command::QueryRun);
        let session = world.session();
        lose_link(&mut world, 0);
        expect!(world.send(session::Msg::OpenFailed { session, failure }), []);
        let waiting = matches!(world.tab().run, run::Run::Waiting { .. });
        assert_eq!(waiting, waits);
        fire(&mut world);
        answer(&mut world, Err(wrong()));
        world.type_secret("new");
        world.command(Command::DialogAccept);
        let opened = count!(world.open_link(), Session(Open { .. }));
        assert_eq!(opened, usize::from(waits));
    }
}

#[test]
fn a_session_that_is_refused_for_another_reason_fails_its_run() {
    for failure in [
        Failure::new(Category::PoolTimeout, "none came free"),
        refusal("28P01", "wrong password"),
        Failure { sqlstate: Some("53300".into()), ..broken() },
    ] {
        let mut world = World::new().connected();
        world.text("select 1");
        world.command(Command::QueryRun);
        let session = world.session();
        expect!(world.send(session::Msg::OpenFailed { session, failure }), []);
        assert!(matches!(world.tab().run, run::Run::Idle));
        assert!(matches!(world.link(), Link::Open { .. }));
    }
}

#[test]
fn a_statement_that_was_lost_stays_lost() {
    let mut world = World::new().connected();
    world.run("select 1");
    let (query, session) = (world.query(), world.session());
    world.send(query::Msg::Lost { query, failure: Box::new(broken()), elapsed_us: 1 });
    let failure = broken();
    expect!(world.send(session::Msg::Lost { session, failure }), []);
    expect!(lose_link(&mut world, 0), [Clock(Start { .. })]);
    expect!(fire(&mut world), [Connection(Prove { .. })]);
    expect!(answer(&mut world, Ok(())), [Schema(Load { .. })]);
    assert!(matches!(world.tab().run, run::Run::Idle));
    assert!(matches!(world.tab().ended, Some(Ended::Badly { .. })));
    expect!(world.command(Command::QueryRun), [Session(Open { .. })]);
}

#[test]
fn it_can_be_stopped_in_a_pause_and_in_a_try() {
    let mut world = World::new().connected();
    lose_link(&mut world, 0);
    expect!(world.command(Command::QueryCancel), [Clock(Stop { .. }), Connection(Close { .. })]);
    assert_eq!(world.link(), &Link::Failed { failure: broken() });

    let mut world = World::new().connected();
    lose_link(&mut world, 0);
    fire(&mut world);
    world.text("select 1");
    world.command(Command::QueryRun);
    let (connection, attempt) = (world.connection(), tried(&world));
    expect!(
        world.command(Command::QueryCancel),
        [Connection(Abandon { attempt: abandoned }), Connection(Close { connection: closed })]
    );
    assert_eq!((*abandoned, *closed), (attempt, connection));
    assert!(matches!(world.tab().run, run::Run::Idle));
    let late = Msg::OpenFailed {
        connection,
        attempt,
        failure: Failure::new(Category::Cancelled, "stopped"),
    };
    expect!(world.send(late), []);
    assert_eq!(world.link(), &Link::Failed { failure: broken() });
    assert!(!world.is_busy());
}

#[test]
fn what_is_given_up_ends_its_own_sessions_and_no_other_s() {
    let mut world = World::new().connected();
    let mut tabs = vec![];
    for port in [5432, 5433] {
        world.command(Command::TabNew);
        world.connect(port);
        if port == 5433 {
            world.open_link();
        }
        world.run("select 1");
        world.finish("SELECT 1", Transaction::Idle);
        tabs.push(world.model.pages.active);
    }
    lose_link(&mut world, 0);
    world.command(Command::QueryCancel);
    let stands = |tab: &TabId| {
        let tab = world.model.pages.open.iter().find(|open| open.id == *tab);
        matches!(tab.unwrap().session, run::Session::Live(_))
    };
    let standing: Vec<bool> = tabs.iter().map(stands).collect();
    assert_eq!(standing, [true, false]);
}

#[test]
fn what_waits_fails_with_the_reason_when_the_tries_are_over() {
    let mut world = World::new().connected();
    lose_link(&mut world, 0);
    world.text("select 1");
    world.command(Command::QueryRun);
    for _ in 0..2 {
        fire(&mut world);
        answer(&mut world, Err(broken()));
    }
    fire(&mut world);
    expect!(answer(&mut world, Err(broken())), [Connection(Close { .. })]);
    assert!(matches!(world.tab().run, run::Run::Idle));
    assert_eq!(world.tab().failure(), Some(&broken()));
    expect!(world.command(Command::QueryRun), [Connection(Open { .. })]);
}

#[test]
fn a_password_that_is_not_right_any_more_stops_it_and_asks() {
    let mut world = World::new().connected();
    lose_link(&mut world, 0);
    fire(&mut world);
    let wrong =
        Failure { category: Category::Authentication, ..refusal("28P01", "wrong password") };
    expect!(answer(&mut world, Err(wrong)), [Connection(Close { .. })]);
    let asked = dialog::of_connection(&world.model.dialog).unwrap();
    assert!(asked.asks_password(world.connection()));
    world.type_secret("new");
    expect!(world.command(Command::DialogAccept), [Connection(Open { .. })]);
}

#[test]
fn a_refusal_that_time_does_not_mend_stops_it() {
    let mut world = World::new().connected();
    lose_link(&mut world, 0);
    fire(&mut world);
    let dropped = Failure { sqlstate: Some("3D000".into()), ..broken() };
    expect!(answer(&mut world, Err(dropped)), [Connection(Close { .. })]);
    assert!(matches!(world.link(), Link::Failed { .. }));
}

#[test]
fn the_user_may_have_the_next_try_at_once() {
    let mut world = World::new().connected();
    lose_link(&mut world, 0);
    expect!(
        world.command(Command::ConnectionReconnect),
        [Clock(Stop { .. }), Connection(Prove { .. })]
    );
    expect!(world.command(Command::ConnectionReconnect), []);
    assert_eq!(world.notice(), "It is still connecting.");
}

#[test]
fn it_can_be_disconnected_while_it_is_tried_again() {
    let mut world = World::new().connected();
    lose_link(&mut world, 0);
    expect!(
        world.command(Command::ConnectionDisconnect),
        [Clock(Stop { .. }), Connection(Close { .. })]
    );
    let connection = world.connection();
    expect!(world.send(Msg::Closed { connection }), []);
    assert_eq!(world.link(), &Link::Closed);
}

#[test]
fn an_answer_of_another_attempt_and_a_loss_in_another_state_change_nothing() {
    let mut world = World::new().connected();
    lose_link(&mut world, 0);
    let before = world.model.connections.clone();
    expect!(lose_link(&mut world, 0), []);
    let (connection, attempt) = (world.connection(), Request(999_999));
    for msg in [
        Msg::Opened { connection, attempt, server: ServerInfo::default() },
        Msg::OpenFailed { connection, attempt, failure: broken() },
    ] {
        expect!(world.send(msg), []);
    }
    assert_eq!(world.model.connections, before);
}

#[test]
fn a_server_that_does_not_answer_is_known_until_it_does() {
    let mut world = World::new().connected();
    world.run("select 1");
    let connection = world.connection();
    let silent_ms = 0;
    expect!(world.send(Msg::NotAnswering { connection, silent_ms }), []);
    let since = world.model.cx.now;
    let known = |world: &World| world.model.connections[&connection].silent_since;
    assert_eq!(known(&world), Some(since));
    expect!(world.send(Msg::Answering { connection }), []);
    assert_eq!(known(&world), None);
}
