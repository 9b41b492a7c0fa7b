//! Closing, reopening, restoring; and that nothing typed is lost by any of it.

use super::*;
use crate::{
    base::text::RopeText,
    model::Phase,
    update::{
        keeping::Kept,
        shell::command::Command,
        testing::{World, expect, nothing_kept},
    },
};

fn saved(seed: u64, text: &str) -> SavedTab {
    let mut ids = Ids::seeded(seed);
    SavedTab {
        id: TabId::next(&mut ids),
        place: 0,
        active: false,
        title: String::new(),
        path: None,
        form: Default::default(),
        unsaved: false,
        connection: None,
        text: RopeText::from(text),
        revision: 3,
        cursor: 2,
    }
}

#[test]
fn a_closed_tab_is_reopened_with_its_text_and_cursor() {
    let mut world = World::new();
    world.text("select 1");
    world.command(Command::TabNew);
    world.text("select 2");
    let second = world.model.pages.active;
    let effects = world.command(Command::TabClose);
    expect!(effects, [Store(CloseTab { tab, .. }), Store(SaveLayout { .. })] if *tab == second);
    assert_eq!(world.tab().editor.buffer.string(), "select 1");
    let effects = world.command(Command::TabReopen);
    expect!(effects, [Store(SaveTab { tab, .. }), Store(SaveLayout { .. })] if tab.id == second);
    assert_eq!(world.model.pages.active, second);
    assert_eq!(world.tab().editor.buffer.string(), "select 2");
    assert_eq!(world.tab().editor.buffer.head(), 8);
}

#[test]
fn there_is_always_a_tab() {
    let mut world = World::new().connected();
    let connection = world.tab().connection;
    expect!(
        world.command(Command::TabClose),
        [Store(CloseTab { .. }), Store(SaveTab { .. }), Store(SaveLayout { .. })]
    );
    assert_eq!(world.model.pages.open.len(), 1);
    assert_eq!(world.tab().connection, connection);
    expect!(world.command(Command::TabReopen), []);
    assert_eq!(world.notice(), "There is no closed tab to reopen.");
}

#[test]
fn next_and_previous_go_around_the_ends() {
    let mut world = World::new();
    let first = world.model.pages.active;
    world.command(Command::TabNew);
    let second = world.model.pages.active;
    expect!(world.command(Command::TabNext), [Store(SaveLayout { .. })]);
    assert_eq!(world.model.pages.active, first);
    world.command(Command::TabPrevious);
    assert_eq!(world.model.pages.active, second);
}

#[test]
fn the_tabs_of_the_last_time_come_back() {
    let active = SavedTab { active: true, ..saved(2, "select 2") };
    let world = World::with(Kept {
        tabs: vec![saved(1, "select 1"), active],
        closed: vec![saved(3, "closed"), saved(4, "")],
        ..nothing_kept()
    });
    assert_eq!(world.tab().editor.buffer.string(), "select 2");
    assert_eq!(world.model.pages.open.len(), 2);
    assert_eq!(world.model.tabs.closed.len(), 1, "an empty one is not worth it");
    assert!(!world.model.welcome.shown);
}

#[test]
fn what_was_typed_before_the_tabs_came_back_is_kept_in_a_tab_of_its_own() {
    let mut world = World::loading();
    world.type_text("early");
    let early = world.model.pages.active;
    world.command(Command::TabNew);
    let effects = world.load(Kept { tabs: vec![saved(1, "select 1")], ..nothing_kept() });
    expect!(effects, [Store(SaveTab { tab, .. }), Store(SaveLayout { .. })] if tab.id == early);
    let texts: Vec<String> =
        world.model.pages.open.iter().map(|tab| tab.editor.buffer.string()).collect();
    assert_eq!(texts, ["select 1", "early"]);
    assert!(world.model.pages.open.iter().any(|tab| tab.id == early));
    assert!(world.model.pages.active().is_some());
}

#[test]
fn quitting_while_loading_keeps_what_was_typed() {
    let mut world = World::loading();
    world.type_text("early");
    expect!(world.command(Command::AppQuit), [Store(SaveTab { tab, .. }), Window(Quit)]);
    assert_eq!(tab.text.to_string(), "early");
    assert_eq!(world.model.phase, Phase::Quitting);
    expect!(world.type_text("more"), []);
}

#[test]
fn a_tab_on_a_connection_that_is_not_known_any_more_has_none() {
    let mut ids = Ids::seeded(9);
    let world = World::with(Kept {
        tabs: vec![SavedTab {
            connection: Some(ConnectionId::next(&mut ids)),
            ..saved(1, "select 1")
        }],
        ..nothing_kept()
    });
    assert_eq!(world.tab().connection, None);
}

#[test]
fn going_to_a_tab_leaves_the_welcome_screen() {
    let mut world = World::new();
    assert!(world.model.welcome.shown);
    world.command(Command::TabNext);
    assert!(!world.model.welcome.shown);
    assert_eq!(world.model.area, Area::Editor);
}

#[test]
fn a_tab_is_called_by_its_name_its_file_its_comment_or_its_number() {
    let mut world = World::new();
    assert_eq!(world.tab().label(), "untitled 1");
    world.text("-- monthly sales\nselect 1");
    assert_eq!(world.tab().label(), "monthly sales");
}
