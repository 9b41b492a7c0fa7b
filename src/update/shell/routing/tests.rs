//! Every command in every place, dialogs, focus, and keys that mean one thing each.

use super::*;
use crate::{
    base::ids::Request,
    effect::Effect,
    update::{
        keeping::{HistoryEntry, HistoryOutcome},
        query::history,
        shell::keymap::Keymap,
        testing::{World, expect},
    },
};
use std::collections::BTreeMap;

#[test]
fn every_command_is_harmless_in_every_area_and_over_every_dialog() {
    let openers = [
        None,
        Some(Command::PaletteOpen),
        Some(Command::HistoryOpen),
        Some(Command::ConnectionNew),
        Some(Command::FileOpen),
        Some(Command::EditorGoToLine),
    ];
    for area in [Area::Welcome, Area::Editor, Area::Results, Area::Sidebar, Area::Settings] {
        for opener in openers {
            for command in Command::ALL {
                let mut world = World::new();
                if area == Area::Settings {
                    world.command(Command::SettingsOpen);
                }
                world.model.focus(area);
                if let Some(opener) = opener {
                    world.command(opener);
                    let needs_text = opener == Command::EditorGoToLine && area == Area::Settings;
                    assert!(world.model.dialog.is_some() || needs_text, "{opener}");
                }
                world.command(*command);
                let active = world.model.pages.active;
                assert!(world.model.tabs.open.iter().any(|tab| tab.id == active));
            }
        }
    }
}

#[test]
fn every_command_means_something_somewhere() {
    let nobody_carries_out = |command: &&Command| {
        let places = [Area::Welcome, Area::Editor, Area::Find, Area::Results, Area::Sidebar];
        let in_an_area = places.into_iter().any(|area| {
            let mut world = World::new();
            world.command(Command::EditorFind);
            world.model.focus(area);
            run(&mut world.model, **command)
        });
        let mut world = World::new();
        world.command(Command::ConnectionNew);
        !in_an_area && !run(&mut world.model, **command)
    };
    let left_out: Vec<_> = Command::ALL.iter().filter(nobody_carries_out).collect();
    assert_eq!(left_out, Vec::<&Command>::new());
}

#[test]
fn a_dialog_takes_all_commands_but_quitting() {
    let mut world = World::new();
    world.command(Command::PaletteOpen);
    expect!(world.command(Command::TabNew), []);
    assert_eq!(world.model.pages.open.len(), 1);
    expect!(world.command(Command::AppQuit), [Store(SaveLayout { .. }), Window(Quit)]);
}

#[test]
fn the_palette_runs_what_is_chosen() {
    let mut world = World::new();
    world.command(Command::PaletteOpen);
    world.type_text("new tab");
    expect!(world.press("enter"), [Store(SaveTab { .. }), Store(SaveLayout { .. })]);
    assert_eq!((world.model.pages.open.len(), &world.model.dialog), (2, &None));
}

#[test]
fn focus_swaps_only_where_there_is_something() {
    let mut world = World::new();
    world.command(Command::FocusEditor);
    world.command(Command::FocusSwap);
    assert_eq!(world.model.area, Area::Editor);
    assert_eq!(world.notice(), "Nothing has run in this tab yet.");
    let mut world = World::new().connected();
    world.run("select 1");
    world.command(Command::FocusSwap);
    assert_eq!(world.model.area, Area::Results);
    world.command(Command::FocusSwap);
    assert_eq!(world.model.area, Area::Editor);
}

#[test]
fn focus_is_never_on_what_is_not_shown() {
    // The welcome screen lies over the sidebar, too: it goes when that is wanted.
    let mut world = World::new();
    world.command(Command::FocusSidebar);
    assert!(!world.model.welcome.shown);
    assert_eq!(world.model.area, Area::Sidebar);
    world.command(Command::ViewSidebar);
    assert_eq!(world.model.area, Area::Editor);
    world.command(Command::FocusSidebar);
    assert!(world.model.cx.settings.sidebar_width > 0);
    assert_eq!(world.model.area, Area::Sidebar);
    let area = Area::Find;
    world.send(crate::update::shell::app::Msg::AreaFocused { area });
    assert_eq!(world.model.area, Area::Editor);
}

#[test]
fn a_run_on_the_welcome_screen_is_seen() {
    let mut world = World::new().connected();
    world.text("select 1");
    world.command(Command::ConnectionChoose);
    expect!(world.press("ctrl-enter"), [Session(Open { .. })]);
    assert!(!world.model.welcome.shown);
}

fn entry(sql: &str) -> HistoryEntry {
    HistoryEntry {
        query: crate::base::ids::QueryId::next(&mut crate::base::ids::Ids::seeded(5)),
        at_us: 1,
        connection: "shop".into(),
        database: "shop".into(),
        sql: sql.into(),
        elapsed_us: None,
        outcome: HistoryOutcome::Running,
    }
}

fn found(world: &mut World, sql: &str) -> Vec<Effect> {
    let request = world.model.history.searching.unwrap_or(Request(0));
    let entries = Ok(vec![entry(sql)]);
    world.send(crate::update::keeping::Msg::HistoryFound { request, entries })
}

#[test]
fn enter_before_the_history_answered_takes_what_it_then_finds() {
    let mut world = World::new();
    world.text("select 0 -- open");
    world.command(Command::HistoryOpen);
    found(&mut world, "select old");
    world.type_text("new");
    expect!(world.press("enter"), []);
    expect!(found(&mut world, "select new"), [Store(JournalEdits { .. })]);
    assert_eq!(world.tab().editor.buffer.string(), "select 0 -- open\n;\n\nselect new;");
    assert_eq!(world.model.dialog, None);
}

#[test]
fn an_older_search_answers_nothing() {
    let mut world = World::new();
    world.command(Command::HistoryOpen);
    let old = world.model.history.searching.unwrap();
    world.type_text("a");
    let entries = Ok(vec![entry("select 1")]);
    world.send(crate::update::keeping::Msg::HistoryFound { request: old, entries });
    assert!(world.model.history.found.is_empty());
    assert!(world.model.is_busy());
}

#[test]
fn the_choice_in_the_sidebar_stays_on_its_run() {
    let mut world = World::new().connected();
    world.run("select 1");
    world.finish("SELECT 1", crate::base::transaction::Transaction::Idle);
    world.send(crate::update::shell::sidebar::Msg::RowClicked { row: 1 });
    world.run("select 2");
    assert_eq!(world.model.sidebar.selected, 2);
    let chosen = &world.model.history.recent[1];
    assert_eq!(&*chosen.sql, "select 1");
}

#[test]
fn the_newest_runs_are_bounded() {
    let mut world = World::new().connected();
    for number in 0..history::RECENT + 5 {
        world.run(&format!("select {number}"));
        world.finish("SELECT 1", crate::base::transaction::Transaction::Idle);
    }
    assert_eq!(world.model.history.recent.len(), history::RECENT);
}

/// A keymap file read so that a key which is there twice is seen twice.
fn pairs(json: &str) -> Vec<(String, String)> {
    let mut context = String::new();
    let mut pairs = Vec::new();
    for line in json.lines() {
        let mut quoted = line.split('"').skip(1).step_by(2);
        match (quoted.next(), quoted.next()) {
            (Some(name), None) if line.ends_with('{') => context = name.to_owned(),
            (Some(key), _) => pairs.push((context.clone(), key.to_owned())),
            (None, _) => {}
        }
    }
    pairs
}

#[test]
fn no_key_is_bound_twice_in_a_context() {
    for json in [
        include_str!("../../../../assets/keymap.json"),
        include_str!("../../../../assets/keymap-macos.json"),
    ] {
        let mut counts = BTreeMap::new();
        for pair in pairs(json) {
            *counts.entry(pair).or_insert(0) += 1;
        }
        let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }
}

#[test]
fn no_context_hides_a_key_that_means_something_else_everywhere() {
    for macos in [false, true] {
        let keymap = Keymap::shipped(macos);
        let global: BTreeMap<&str, Command> = keymap
            .bindings()
            .filter(|(context, ..)| *context == "global")
            .map(|(_, key, command)| (key, command))
            .collect();
        let hidden: Vec<_> = keymap
            .bindings()
            .filter(|(context, ..)| !["global", "dialog"].contains(context))
            .filter(|(_, key, command)| global.get(key).is_some_and(|known| known != command))
            .collect();
        assert!(hidden.is_empty(), "{hidden:?}");
    }
}
