//! What the user is told of the store, and what a store that begins again is given.

use super::*;
use crate::{
    base::text::RopeText,
    conninfo::Config,
    failure::{Category, Failure},
    update::{
        connection::{Link, reconnecting},
        keeping::{Kept, Msg, SavedConnection, SavedTab},
        shell::{command::Command, dialog::Dialog},
        testing::{World, config, count, expect, nothing_kept},
    },
};

fn no_directory() -> Opened {
    Opened::NoDirectory { directory: "/locked".into(), reason: "Permission denied".into() }
}

fn opened(opened: Opened) -> Kept {
    Kept { opened, ..nothing_kept() }
}

fn saved(number: u128, text: &str) -> SavedTab {
    SavedTab {
        id: TabId(uuid::Uuid::from_u128(number)),
        place: 0,
        active: true,
        title: String::new(),
        path: None,
        form: Default::default(),
        unsaved: false,
        connection: None,
        text: RopeText::from(text),
        revision: 1,
        cursor: 0,
    }
}

fn connection(number: u128, name: &str) -> SavedConnection {
    SavedConnection {
        id: ConnectionId(uuid::Uuid::from_u128(number)),
        config: Config { name: name.into(), ..config(5432) },
        last_used_us: None,
    }
}

fn names_of(world: &World) -> Vec<&str> {
    let known = world.model.connections.values();
    known.map(|known| known.config.name.as_str()).collect()
}

#[test]
fn a_disk_that_refuses_is_said_once_and_its_recovery_too() {
    let mut world = World::new();
    world.command(Command::FocusEditor);
    world.type_text("select 1");
    let held = |world: &mut World, request| {
        let reason = "database or disk is full".to_owned();
        world.send(Msg::Held { request, reason })
    };
    let request = *world.model.writes.iter().next().unwrap();
    expect!(held(&mut world, request), []);
    assert!(world.notice().contains("database or disk is full"));
    assert!(!world.model.writes.contains(&request));
    let told = world.model.cx.notices.clone();
    world.type_text(" + 1");
    let another = *world.model.writes.iter().next().unwrap();
    expect!(held(&mut world, another), []);
    assert_eq!(world.model.cx.notices, told, "it is said once");

    // Quitting now would lose something.
    expect!(world.command(Command::AppQuit), []);
    assert!(world.model.dialog.is_some());
    world.command(Command::DialogCancel);
    expect!(world.send(Msg::CaughtUp), []);
    assert_eq!(world.model.storage, Storage::OnDisk);
    assert!(world.notice().contains("all of it is written"));
    expect!(held(&mut world, request), []);
    assert_eq!(world.model.storage, Storage::OnDisk, "an answer that comes twice");
    expect!(world.command(Command::AppQuit), [Store(SaveLayout { .. }), Window(Quit)]);
}

#[test]
fn a_store_that_begins_on_another_file_is_given_everything() {
    let mut world = World::with(Kept {
        connections: vec![connection(1, "production")],
        tabs: vec![saved(10, "select 10"), saved(11, "select 11")],
        closed: vec![saved(12, "select 12")],
        ..nothing_kept()
    });
    let effects = world.send(Msg::Reopened {
        opened: Opened::Recreated {
            file: "/data/tusk.sqlite".into(),
            how: "it was deleted".into(),
        },
    });
    expect!(
        effects,
        [
            Store(SaveConnection { connection, .. }),
            Store(SaveTab { tab: closed, .. }),
            Store(CloseTab { tab: closed_id, .. }),
            Store(SaveTab { tab: first, .. }),
            Store(SaveTab { tab: second, .. }),
            Store(SaveLayout { tabs, .. }),
            Store(SaveSettings { .. }),
        ]
    );
    assert_eq!(connection.config.name, "production");
    let texts = [closed, first, second].map(|tab| tab.text.to_string());
    assert_eq!(texts, ["select 12", "select 10", "select 11"]);
    assert_eq!(*closed_id, closed.id);
    let places: Vec<TabId> = tabs.iter().map(|place| place.id).collect();
    assert_eq!(places, [first.id, second.id]);
    assert!(world.notice().starts_with("/data/tusk.sqlite was lost while Tusk ran"));
    assert_eq!(world.model.storage, Storage::OnDisk);
}

#[test]
fn a_file_that_was_set_aside_is_named_whenever_it_is_found() {
    let fresh = || Opened::Fresh {
        copy: "/data/tusk.sqlite.damaged-1".into(),
        reason: "malformed".into(),
        salvage: Salvage {
            tabs: Saved { back: 3, damaged: 1, ..Saved::default() },
            connections: Saved { back: 1, ..Saved::default() },
            runs: Saved { back: 40, damaged: 0, lost: 2, perhaps_more: true },
            ..Salvage::default()
        },
    };
    let mut world = World::with(opened(fresh()));
    assert_eq!(
        world.notice(),
        "Tusk's own data was damaged (malformed). What could be read of it is back: 3 tabs, 1 connection, 40 runs. \
         Of these, look through what is not quite as it was: 1 tab. \
         Lost: 2 runs; and there may have been more runs. \
         The damaged file is kept as /data/tusk.sqlite.damaged-1."
    );
    let said = |world: &World| world.tab().messages.iter().last().unwrap().text.clone();
    assert_eq!(said(&world), world.notice(), "a notice passes");
    let effects = world.send(Msg::Reopened { opened: fresh() });
    assert_eq!(said(&world), world.notice());
    assert_eq!(
        world.notice(),
        "Tusk's own data was damaged while it ran (malformed). All that is open was written to a fresh file. \
         Of the old runs: What could be read of it is back: 40 runs. \
         Lost: 2 runs; and there may have been more runs. \
         The damaged one is kept as /data/tusk.sqlite.damaged-1."
    );
    assert_eq!(count!(effects, Store(SaveTab { .. })), 1);
}

#[test]
fn a_store_in_memory_is_said_and_marked() {
    let mut world =
        World::with(opened(Opened::InMemory { reason: "a newer Tusk wrote it".into() }));
    assert_eq!(world.notice(), "Nothing of this run will be kept: a newer Tusk wrote it.");
    let screen = crate::screen::screen(&world.model, world.model.cx.now);
    let text = screen.to_text(&world.model);
    assert!(text.contains("● in memory only"), "{text}");
    world.send(Msg::Reopened { opened: Opened::OnDisk });
    assert_eq!(world.model.storage, Storage::OnDisk);
}

#[test]
fn connections_that_another_tusk_changes_are_taken_over_and_open_ones_stay() {
    let mut world = World::with(Kept {
        connections: vec![connection(1, "one"), connection(2, "two"), connection(3, "three")],
        ..nothing_kept()
    });
    let two = ConnectionId(uuid::Uuid::from_u128(2));
    world.choose(two);
    expect!(
        world.send(Msg::ConnectionsChanged {
            changed: vec![connection(1, "one, renamed"), connection(4, "four")],
            deleted: vec![two, connection(3, "").id, ConnectionId(uuid::Uuid::from_u128(77))],
        }),
        []
    );
    assert_eq!(names_of(&world), ["one, renamed", "two", "four"]);
    assert!(!world.model.connections[&two].saved, "it is in use here");
}

#[test]
fn a_connection_that_is_between_two_tries_stays_when_another_tusk_deletes_it() {
    let mut world = World::with(Kept { connections: vec![connection(1, "one")], ..nothing_kept() });
    let one = connection(1, "").id;
    let known = world.model.connections.get_mut(&one).unwrap();
    known.link = Link::Open { server: Default::default() };
    let failure = Failure::new(Category::Connection, "The link broke.");
    let begun = world
        .asked(|model| reconnecting::begin(&mut model.connections, &mut model.cx, one, failure));
    expect!(begun, [Clock(Start { .. })]);
    let deleted = vec![one];
    expect!(world.send(Msg::ConnectionsChanged { changed: vec![], deleted }), []);
    assert!(world.model.connections[&one].is_opening());
}

#[test]
fn where_the_directory_cannot_be_used_another_one_is_asked_for() {
    let world = World::with(opened(no_directory()));
    let screen = crate::screen::screen(&world.model, world.model.cx.now);
    let text = screen.to_text(&world.model);
    for part in [
        "Tusk can't keep its data in /locked",
        "Permission denied.",
        "Use this directory",
        "Go on in memory",
        "Quit",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

/// Types another directory over the one that is offered, and presses Enter.
fn tries(world: &mut World, directory: &str) -> Request {
    world.press("ctrl-a");
    world.type_text(directory);
    let effects = world.command(Command::DialogAccept);
    expect!(effects, [Store(UseDirectory { request, directory: asked })] if asked == directory);
    *request
}

#[test]
fn another_directory_is_used_with_what_it_has_and_given_what_is_there() {
    let mut world = World::with(opened(no_directory()));
    let request = tries(&mut world, "/other");
    assert!(world.is_busy());
    expect!(world.command(Command::DialogAccept), []);
    let result = Ok(Box::new(Kept {
        tabs: vec![saved(10, "select 10")],
        connections: vec![connection(1, "production")],
        ..nothing_kept()
    }));
    let effects = world.send(Msg::DirectoryUsed { request, result });
    assert_eq!(count!(effects, Store(SaveConnection { .. })), 1);
    assert_eq!(count!(effects, Store(SaveTab { .. })), 1);
    assert_eq!(count!(effects, SettingsFile(Watch { .. })), 1);
    assert_eq!(count!(effects, SettingsFile(ConfigureLog { .. })), 1);
    let model = &world.model;
    assert_eq!((model.data_dir.as_str(), model.config_dir.as_str()), ("/other", "/other"));
    assert_eq!(model.settings_file.path, "/other/settings.toml");
    assert_eq!((&model.storage, &model.dialog), (&Storage::OnDisk, &None));
    assert_eq!(names_of(&world), ["production"]);
    assert!(world.notice().contains("--data-dir /other"));
    assert_eq!(world.tab().editor.buffer.string(), "select 10");
}

#[test]
fn a_directory_that_does_not_do_either_is_said_and_asked_again() {
    let mut world = World::with(opened(no_directory()));
    let request = tries(&mut world, "/other");
    let result = Err("Read-only file system".to_owned());
    expect!(world.send(Msg::DirectoryUsed { request, result }), []);
    let Some(Dialog::DataDirectory(prompt)) = &world.model.dialog else {
        panic!("it went");
    };
    assert_eq!(
        prompt.problem.as_deref(),
        Some("/other can't be used either: Read-only file system.")
    );
    assert_eq!(world.model.data_dir, "/data");
    // A late answer of a prompt that is gone changes nothing.
    world.command(Command::DialogCancel);
    let result = Ok(Box::new(nothing_kept()));
    expect!(world.send(Msg::DirectoryUsed { request, result }), []);
    assert_eq!(world.model.data_dir, "/data");
}

#[test]
fn an_empty_name_is_no_directory() {
    let mut world = World::with(opened(no_directory()));
    world.press("ctrl-a");
    world.press("backspace");
    expect!(world.command(Command::DialogAccept), []);
    let Some(Dialog::DataDirectory(prompt)) = &world.model.dialog else {
        panic!("it went");
    };
    assert_eq!(prompt.problem.as_deref(), Some("Type the name of a directory."));
}

#[test]
fn without_a_directory_the_user_goes_on_in_memory_or_quits() {
    let mut world = World::with(opened(no_directory()));
    expect!(world.command(Command::DialogCancel), []);
    assert_eq!(world.model.dialog, None);
    assert!(world.notice().starts_with("Nothing of this run will be kept."));
    assert!(matches!(world.model.storage, Storage::InMemory { .. }));

    let mut world = World::with(opened(no_directory()));
    expect!(world.command(Command::DialogAlternative), [Store(SaveLayout { .. }), Window(Quit)]);
}
