//! Searching, changing and resetting, as the page's keys and clicks ask for it.

use super::*;
use crate::{
    settings::{OnError, Theme},
    update::{
        shell::{
            command::Command,
            tabs::{self, Page as Kind},
        },
        testing::World,
    },
};

/// A world with the page on screen.
fn opened() -> World {
    let mut world = World::new();
    world.command(Command::SettingsOpen);
    world
}

fn found(world: &World) -> Vec<&'static str> {
    world.model.settings_page.found().into_iter().map(Item::title).collect()
}

#[test]
fn every_setting_is_listed_once_with_its_name_meaning_and_value() {
    let world = opened();
    let all = world.model.settings_page.found();
    assert_eq!(all.len(), Key::ALL.len() + 1);
    for key in Key::ALL {
        let listed = all.iter().filter(|item| **item == Item::Setting(key)).count();
        assert_eq!(listed, 1, "{key:?}");
    }
    for item in all {
        assert!(!item.title().is_empty() && item.meaning().ends_with('.'), "{item:?}");
        assert!(!item.value(&world.model.cx.settings).is_empty(), "{item:?}");
        assert!(!item.is_changed(&world.model.cx.settings), "{item:?}");
        if let Item::Setting(key) = item {
            assert_eq!(Key::named(&item.name()), Some(key));
        }
    }
}

#[test]
fn letters_search_titles_names_and_meanings_and_escape_takes_them_back() {
    let mut world = opened();
    world.type_text("window_rows");
    assert_eq!(found(&world), ["Rows before a result pauses"]);
    world.command(Command::DialogCancel);
    assert_eq!(found(&world).len(), Key::ALL.len() + 1);
    world.type_text("PSQL script");
    assert_eq!(found(&world), ["When a statement of a script fails"]);
    world.type_text(" nonsense");
    assert!(found(&world).is_empty());
    world.command(Command::DialogAccept);
    world.command(Command::SettingsReset);
    world.command(Command::ListDown);
}

#[test]
fn enter_takes_the_next_choice_around_the_end_and_the_file_has_it() {
    let mut world = opened();
    world.type_text("fails");
    let mut seen = vec![];
    for _ in 0..3 {
        world.command(Command::DialogAccept);
        seen.push(world.model.cx.settings.on_error);
    }
    assert_eq!(seen, [OnError::Continue, OnError::Ask, OnError::Stop]);
    let changed = &world.model.settings_file.pending;
    assert_eq!(changed.get(&Key::OnError), Some(&Value::Text("stop".into())));
}

#[test]
fn a_number_is_typed_and_one_that_is_not_allowed_is_refused_and_stays() {
    let mut world = opened();
    world.type_text("memory_mb");
    world.command(Command::DialogAccept);
    assert_eq!(world.model.settings_page.focused(), Field::Value);
    world.type_text("7");
    world.command(Command::DialogAccept);
    let typing = world.model.settings_page.typing.clone().unwrap();
    assert_eq!(
        (typing.field.string().as_str(), typing.problem.as_deref()),
        ("7", Some("Type a whole number from 16 to 1,048,576."))
    );
    world.type_text("00");
    assert_eq!(world.model.settings_page.typing.as_ref().unwrap().problem, None);
    world.command(Command::DialogAccept);
    assert_eq!(world.model.cx.settings.memory_mb, 700);
    assert_eq!(world.model.settings_page.typing, None);
    assert_eq!(world.model.settings_page.search.string(), "memory_mb");
}

#[test]
fn escape_leaves_a_number_as_it_was_and_another_row_too() {
    let mut world = opened();
    world.type_text("memory_mb");
    world.command(Command::DialogAccept);
    world.type_text("9999");
    world.command(Command::DialogCancel);
    assert_eq!(world.model.cx.settings.memory_mb, 512);
    world.command(Command::DialogCancel);
    let row = |world: &World, key| {
        let all = world.model.settings_page.found();
        all.iter().position(|item| *item == Item::Setting(key)).unwrap()
    };
    let (memory, theme) = (row(&world, Key::MemoryMb), row(&world, Key::Theme));
    world.send(Msg::ValueClicked { row: memory });
    assert!(world.model.settings_page.typing.is_some());
    world.send(Msg::RowClicked { row: theme });
    assert_eq!(world.model.settings_page.typing, None);
    assert_eq!(world.model.cx.settings.memory_mb, 512);
}

#[test]
fn a_setting_is_reset_by_key_and_by_click_and_one_that_is_as_by_default_says_so() {
    let mut world = opened();
    world.type_text("theme");
    world.command(Command::DialogAccept);
    assert_eq!(world.model.cx.settings.theme, Theme::Light);
    world.command(Command::SettingsReset);
    assert_eq!(world.model.cx.settings.theme, Theme::System);
    world.command(Command::SettingsReset);
    assert_eq!(world.notice(), "Theme is as it is by default.");
    world.command(Command::DialogAccept);
    world.send(Msg::ResetClicked { row: 0 });
    assert_eq!(world.model.cx.settings.theme, Theme::System);
}

#[test]
fn there_is_one_tab_for_it_and_what_needs_a_text_says_so_there() {
    let mut world = opened();
    let open = |world: &World| {
        let tabs = &world.model.tabs.open;
        tabs.iter().filter(|tab| tab.page == Kind::Settings).count()
    };
    assert_eq!((open(&world), world.model.tabs.open.len()), (1, 2));
    world.command(Command::TabNext);
    assert!(world.model.pages.active().is_some());
    world.command(Command::SettingsOpen);
    assert_eq!(open(&world), 1);
    assert!(world.model.pages.active().is_none());
    world.command(Command::QueryRun);
    assert_eq!(world.notice(), "This tab has no text. Open a query tab first.");
    world.command(Command::TabClose);
    assert_eq!((open(&world), world.model.tabs.open.len()), (0, 1));
    assert!(world.model.pages.active().is_some());
}

#[test]
fn a_connection_that_is_chosen_there_gets_a_query_tab() {
    let mut world = World::new().connected();
    let connection = world.connection();
    world.command(Command::SettingsOpen);
    let page = world.model.pages.active;
    tabs::connect(&mut world.model, connection);
    assert_ne!(world.model.pages.active, page);
    assert_eq!(world.connection(), connection);
}

#[test]
fn what_is_wrong_with_the_file_is_kept_until_it_is_mended() {
    let mut world = opened();
    let request = world.model.settings_file.watch.unwrap();
    let read = |text: &str| file::Msg::Read { request, result: Ok(Some(text.to_owned())) };
    world.send(read("theme = \"purple\"\n"));
    let problems = &world.model.settings_file.problems;
    assert!(problems.len() == 1 && problems[0].starts_with("Line 1:"), "{problems:?}");
    world.send(read("theme = \"dark\"\n"));
    assert!(world.model.settings_file.problems.is_empty());
    assert_eq!(world.model.cx.settings.theme, Theme::Dark);
}
