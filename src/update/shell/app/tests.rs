//! Start, end, settings, and the window's size.

use super::*;
use crate::{
    effect::Effect as RootEffect,
    failure::{Category, Failure},
    settings::{Settings, Theme},
    update::{
        clock,
        keeping::Kept,
        query::run::Session,
        shell::command::Command,
        testing::{World, expect, nothing_kept},
    },
};

#[test]
fn the_start_reads_what_was_kept_and_finds_servers() {
    let mut world = World::loading();
    assert!(world.model.is_busy());
    world.load(nothing_kept());
    assert!(world.model.welcome.shown);
    assert_eq!(world.model.phase, Phase::Ready);
}

#[test]
fn a_second_answer_to_the_load_is_ignored() {
    let mut world = World::loading();
    let Phase::Loading { request } = world.model.phase else { unreachable!() };
    world.load(nothing_kept());
    let before = world.model.tabs.clone();
    let kept = Box::new(nothing_kept());
    expect!(world.send(keeping::Msg::Loaded { request, kept }), []);
    assert_eq!(world.model.tabs, before);
}

#[test]
fn the_system_ends_the_program_without_a_question() {
    let mut world = World::new().connected();
    world.type_text("select pg_sleep(1000)");
    world.command(Command::QueryRun);
    let effects = world.send(Msg::EndRequested);
    assert_eq!((world.model.phase, &world.model.dialog), (Phase::Quitting, &None));
    assert!(matches!(effects.last(), Some(RootEffect::Window(window::Effect::Quit))));
    expect!(world.send(Msg::EndRequested), []);
}

#[test]
fn what_is_asked_for_while_loading_is_connected_to_afterwards() {
    let mut world = World::loading();
    expect!(world.connect(5432), []);
    let effects = world.load(nothing_kept());
    expect!(effects, [Store(SaveTab { .. }), Connection(Open { config, .. })]);
    assert_eq!(config.port, 5432);
    assert!(!world.model.welcome.shown);
}

#[test]
fn resizing_writes_the_settings_once() {
    let mut world = World::new();
    let effects = world.send(Msg::WindowResized { width: 1000, height: 700 });
    expect!(effects, [Clock(Start { timer, .. })]);
    for height in 701..720 {
        expect!(world.send(Msg::WindowResized { width: 1000, height }), []);
    }
    let timer = *timer;
    let effects = world.send(clock::Msg::Fired { timer });
    expect!(effects, [Store(SaveSettings { settings, .. })] if settings.window == (1000, 719));
    expect!(world.send(clock::Msg::Fired { timer }), []);
}

#[test]
fn quitting_keeps_a_size_that_still_waits() {
    let mut world = World::new();
    expect!(
        world.send(Msg::WindowResized { width: 1000, height: 700 }),
        [Clock(Start { timer, .. })]
    );
    expect!(
        world.command(Command::AppQuit),
        [
            Store(SaveLayout { .. }),
            Clock(Stop { timer: stopped }),
            Store(SaveSettings { settings, .. }),
            Window(Quit),
        ]
    );
    assert_eq!((stopped, settings.window), (timer, (1000, 700)));
}

#[test]
fn no_size_and_no_kept_setting_overflows() {
    let mut world = World::with(Kept {
        settings: Settings {
            theme: Theme::Light,
            zoom_percent: 0,
            window: (u32::MAX, u32::MAX),
            sidebar_width: u32::MAX,
            editor_percent: u32::MAX,
            ..Settings::default()
        },
        ..nothing_kept()
    });
    world.send(Msg::WindowResized { width: u32::MAX, height: u32::MAX - 1 });
    assert!(!world.model.is_dark());
    assert_eq!(world.model.cx.settings.zoom_percent, 50);
    assert_eq!(world.model.cx.settings.editor_percent, 85);
}

#[test]
fn closing_the_window_asks_where_something_would_be_lost_and_the_second_time_goes() {
    let mut world = World::new().connected();
    world.run("select pg_sleep(9)");
    assert!(matches!(world.tab().session, Session::Live(_)));
    expect!(world.send(Msg::CloseRequested), []);
    assert!(matches!(world.model.dialog, Some(Dialog::Confirm(Confirm::Quit { .. }))));
    expect!(world.send(Msg::CloseRequested), [Store(SaveLayout { .. }), Window(Quit)]);
    expect!(world.send(Msg::CloseRequested), []);
}

#[test]
fn a_write_counts_as_under_way_until_it_is_answered() {
    let mut world = World::new();
    let waiting: Vec<Request> = world.model.writes.iter().copied().collect();
    for request in waiting {
        world.send(keeping::Msg::Wrote { request });
    }
    assert!(!world.model.is_busy());
    world.text("");
    let effects = world.command(Command::ViewSidebar);
    expect!(effects, [Store(SaveSettings { .. })]);
    assert!(world.model.is_busy());
    let request = *world.model.writes.iter().next().unwrap();
    let failure = Failure::new(Category::Storage, "the disk is full");
    expect!(world.send(keeping::Msg::Failed { request, failure }), []);
    assert_eq!(world.notice(), "Not saved: the disk is full");
    assert!(!world.model.is_busy());
}

#[test]
fn after_a_failed_write_the_next_edit_keeps_the_whole_text_and_so_does_the_end() {
    let mut world = World::new();
    world.command(Command::FocusEditor);
    let failed = |request: &Request| keeping::Msg::Failed {
        request: *request,
        failure: Failure::new(Category::Storage, "the disk is full"),
    };
    expect!(world.type_text("a"), [Store(JournalEdits { request, .. })]);
    let failure = failed(request);
    expect!(world.send(failure.clone()), []);
    expect!(world.type_text("b"), [Store(SaveTab { tab, .. })] if tab.text.to_string() == "ab");
    expect!(world.type_text("c"), [Store(JournalEdits { .. })]);
    // The same word again is no other failure.
    expect!(world.send(failure), []);
    expect!(world.type_text("d"), [Store(JournalEdits { request, .. })]);
    expect!(world.send(failed(request)), []);
    expect!(
        world.send(Msg::CloseRequested),
        [Store(SaveTab { tab, .. }), Store(SaveLayout { .. }), Window(Quit)]
    );
    assert_eq!(tab.text.to_string(), "abcd");
}

#[test]
fn an_older_look_for_servers_does_not_take_a_newer_ones_place() {
    let mut world = World::new();
    let found = |request, port| discovery::Msg::ServersFound {
        request: Request(request),
        servers: vec![discovery::LocalServer {
            directory: "/run/postgresql".into(),
            port,
            version: None,
        }],
        environment: discovery::Environment::default(),
    };
    expect!(world.send(found(90, 5433)), []);
    expect!(world.send(found(80, 5432)), []);
    assert_eq!(world.model.welcome.servers[0].port, 5433);
}
