//! When a tab's session goes back to its pool, and when it must not.

use super::*;
use crate::update::clock;

fn change(world: &mut World, change: impl FnOnce(&mut Live)) {
    match world.model.tabs.active_mut().map(|tab| &mut tab.session) {
        Some(Session::Live(live)) => change(live),
        other => panic!("no session: {other:?}"),
    }
}

fn idle() -> World {
    let mut world = World::new().connected();
    world.run("select 1");
    world.finish("SELECT 1", Transaction::Idle);
    world
}

#[test]
fn a_spoiled_session_does_not_wait_to_go_back() {
    let mut world = World::new().connected();
    world.run("select 1");
    change(&mut world, |live| live.spoiled = true);
    expect(
        &world.finish("SELECT 1", Transaction::Idle),
        &["Store(RecordRun"],
    );
    assert_eq!(world.live().idle, None);
}

#[test]
fn a_session_that_is_no_longer_free_stays_when_its_time_is_over() {
    let in_the_way: [fn(&mut Live); 3] = [
        |live| live.transaction = Transaction::Active,
        |live| live.spoiled = true,
        |live| live.holds.push("a setting".into()),
    ];
    for obstacle in in_the_way {
        let mut world = idle();
        let timer = world.live().idle.expect("it waits");
        change(&mut world, obstacle);
        expect(&world.send(clock::Msg::Fired { timer }), &[]);
        assert!(matches!(world.tab().session, Session::Live(_)));
    }
}

#[test]
fn the_next_run_stops_the_wait() {
    let mut world = idle();
    let timer = world.live().idle.expect("it waits");
    let effects = world.run("select 2");
    assert_eq!(world.live().idle, None);
    assert!(effects.contains(&clock::Effect::Stop { timer }.into()));
    expect(&world.send(clock::Msg::Fired { timer }), &[]);
}

#[test]
fn a_tab_that_goes_to_another_connection_leaves_its_session() {
    let mut world = idle();
    let session = world.session();
    let effects = world.connect(5433);
    let ended = |effect: &RootEffect| matches!(effect, RootEffect::Session(session::Effect::End { session: ended, .. }) if *ended == session);
    assert!(effects.iter().any(ended), "{effects:?}");
    let mut world = idle();
    let (tab, same) = (world.tab().id, world.connection());
    expect(&leave_connection(&mut world.model, tab, same), &[]);
    assert!(matches!(world.tab().session, Session::Live(_)));
}

#[test]
fn only_a_session_that_is_there_can_be_terminated() {
    let mut world = idle();
    let tab = world.tab().id;
    expect(&ask_to_terminate(&mut world.model, tab), &[]);
    assert_eq!(
        world.model.dialog,
        Some(Dialog::Confirm(Confirm::Terminate { tab }))
    );
    let mut world = World::new().connected();
    let tab = world.tab().id;
    expect(&ask_to_terminate(&mut world.model, tab), &[]);
    assert_eq!(world.model.dialog, None);
    assert!(world.notice().contains("no session"));
}
