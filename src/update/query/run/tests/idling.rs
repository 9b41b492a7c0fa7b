//! When a tab's session goes back to its pool, and when it must not.

use super::*;
use crate::update::{clock, query, shell::dialog::Dialog};

fn change(world: &mut World, change: impl FnOnce(&mut Live)) {
    match world.model.pages.active_mut().map(|tab| &mut tab.session) {
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
    expect!(world.finish("SELECT 1", Transaction::Idle), [Store(RecordRuns { .. })]);
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
        expect!(world.send(clock::Msg::Fired { timer }), []);
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
    expect!(world.send(clock::Msg::Fired { timer }), []);
}

#[test]
fn a_tab_that_goes_to_another_connection_leaves_its_session() {
    let mut world = idle();
    let session = world.session();
    let ending = session::Effect::End { session, ending: Ending::Return };
    assert!(world.connect(5433).contains(&ending.into()));
    let mut world = idle();
    let (tab, same) = (world.tab().id, world.connection());
    expect!(
        world.asked(|model| {
            leave_connection(&mut model.pages, &mut model.history, &mut model.cx, tab, same)
        }),
        []
    );
    assert!(matches!(world.tab().session, Session::Live(_)));
}

#[test]
fn only_a_session_that_is_there_can_be_terminated() {
    let mut world = idle();
    let tab = world.tab().id;
    expect!(world.asked(|model| ask_to_terminate(&mut model.pages, &mut model.cx, tab)), []);
    assert_eq!(world.model.dialog, Some(Dialog::Query(query::Dialog::Terminate { tab })));
    let mut world = World::new().connected();
    let tab = world.tab().id;
    expect!(world.asked(|model| ask_to_terminate(&mut model.pages, &mut model.cx, tab)), []);
    assert_eq!(world.model.dialog, None);
    assert!(world.notice().contains("no session"));
}

#[test]
fn what_holds_anything_is_closed_and_not_given_back() {
    type Obstacle = (fn(&mut Live), Ending);
    let obstacles: [Obstacle; 5] = [
        (|_| {}, Ending::Return),
        (|live| live.unsure = true, Ending::Close),
        (|live| live.spoiled = true, Ending::Close),
        (|live| live.holds.push("a setting".into()), Ending::Close),
        (|live| live.transaction = Transaction::Failed, Ending::Close),
    ];
    for (obstacle, expected) in obstacles {
        let mut world = idle();
        change(&mut world, obstacle);
        let (tab, session) = (world.tab().id, world.session());
        let ending = session::Effect::End { session, ending: expected };
        assert!(
            world
                .asked(|model| end(
                    &mut model.pages,
                    &mut model.history,
                    &mut model.cx,
                    tab,
                    "It ends."
                ))
                .contains(&ending.into())
        );
    }
}

#[test]
fn what_a_statement_may_have_left_or_let_go_is_asked_of_the_server() {
    // What was held before, the statement, whether it failed, and whether the server is to be asked.
    for (held, text, fails, unsure) in [
        ("", "drop table t", false, false),
        ("a cursor", "drop table t", false, true),
        ("a cursor", "select 1", false, false),
        ("", "select 1/0", true, false),
        ("", "call p()", true, true),
        ("", "drop table t", true, true),
    ] {
        let mut world = idle();
        change(&mut world, |live| {
            let held = Some(held).filter(|held| !held.is_empty());
            live.holds = held.map(str::to_owned).into_iter().collect();
        });
        world.run(text);
        if fails {
            world.fail(refusal("22012", "division by zero"), Transaction::Idle);
        } else {
            world.finish("OK", Transaction::Idle);
        }
        assert_eq!(world.live().unsure, unsure, "{held} {text} {fails}");
    }
}
