//! Opening, saving, and files that somebody else changed.

use super::*;
use crate::{
    base::text::RopeText,
    effect::Effect as RootEffect,
    failure::{Category, Failure},
    update::{
        files::{Msg, prompt::read_keymap},
        keeping::{Kept, SavedTab},
        query,
        shell::{app, command::Command, dialog::Dialog, place::Area},
        testing::{World, expect, nothing_kept},
    },
};

fn stamp(digest: u64) -> FileStamp {
    FileStamp { modified_us: 1, length: 8, digest }
}

/// A world whose tab has the file `/a.sql` with this stamp.
fn opened() -> World {
    let mut world = World::new();
    let effects = world.send(app::Msg::FilesDropped { paths: vec!["/a.sql".into()] });
    expect!(effects, [File(Open { request, .. })]);
    let request = *request;
    let result = Ok(Read::plain(RopeText::from("select 1"), stamp(1)));
    world.send(Msg::Opened { request, path: "/a.sql".into(), result });
    world
}

fn only(world: &World) -> Request {
    *world.model.files.keys().next().unwrap()
}

#[test]
fn an_opened_file_takes_the_empty_tabs_place_and_focus() {
    let world = opened();
    assert_eq!(world.model.pages.open.len(), 1);
    assert_eq!(world.tab().label(), "a.sql");
    assert_eq!(world.model.area, Area::Editor);
    assert!(!world.model.welcome.shown && !world.tab().editor.is_unsaved());
}

#[test]
fn saving_expects_the_file_as_it_was_and_asks_on_a_conflict() {
    let mut world = opened();
    world.type_text("x");
    assert!(world.tab().editor.is_unsaved());
    expect!(world.command(Command::FileSave), [File(Save { expected, .. })]);
    assert_eq!(*expected, Expected::Unchanged(stamp(1)));
    assert!(world.model.is_busy());
    let (request, path) = (only(&world), "/a.sql".to_owned());
    let result = Saved::Conflict;
    expect!(world.send(Msg::Saved { request, path: path.clone(), result }), []);
    assert!(matches!(world.model.dialog, Some(Dialog::Query(query::Dialog::Overwrite { .. }))));
    expect!(
        world.command(Command::DialogAccept),
        [File(Save { expected: Expected::Anything, .. })]
    );
    let request = only(&world);
    let result = Saved::Written(stamp(2));
    expect!(world.send(Msg::Saved { request, path, result }), [Store(SaveLayout { .. })]);
    assert!(!world.tab().editor.is_unsaved());
}

#[test]
fn what_is_typed_while_a_save_is_under_way_is_unsaved() {
    let mut world = opened();
    world.command(Command::FileSave);
    world.type_text("y");
    let request = only(&world);
    world.send(Msg::Saved { request, path: "/a.sql".into(), result: Saved::Written(stamp(2)) });
    assert!(world.tab().editor.is_unsaved());
}

fn check(world: &mut World) -> Request {
    let effects = world.send(app::Msg::WindowActivated);
    expect!(effects, [File(Check { request, path, .. })] if path == "/a.sql");
    *request
}

fn answer(world: &mut World, request: Request, now: Option<FileStamp>) {
    expect!(checked(world, request, now), []);
}

fn checked(world: &mut World, request: Request, now: Option<FileStamp>) -> Vec<RootEffect> {
    let path = "/a.sql".into();
    world.send(Msg::Checked { request, path, stamp: now })
}

#[test]
fn a_file_that_another_program_changed_beside_edits_is_asked_about_once() {
    let mut world = opened();
    world.type_text("x");
    let request = check(&mut world);
    answer(&mut world, request, Some(stamp(9)));
    assert!(matches!(world.model.dialog, Some(Dialog::Query(query::Dialog::Reload { .. }))));
    world.command(Command::DialogCancel);
    let request = check(&mut world);
    answer(&mut world, request, Some(stamp(9)));
    assert_eq!(world.model.dialog, None);
    // Saving does not write over it unasked.
    expect!(world.command(Command::FileSave), [File(Save { expected: Expected::Nothing, .. })]);
}

#[test]
fn a_look_at_the_file_from_before_a_save_tells_nothing() {
    let mut world = opened();
    let request = check(&mut world);
    world.command(Command::FileSave);
    let save = only(&world);
    world.send(Msg::Saved {
        request: save,
        path: "/a.sql".into(),
        result: Saved::Written(stamp(2)),
    });
    answer(&mut world, request, Some(stamp(1)));
    assert_eq!(world.model.dialog, None);
}

#[test]
fn a_file_that_is_gone_is_said() {
    let mut world = opened();
    let request = check(&mut world);
    answer(&mut world, request, None);
    assert!(world.notice().contains("is gone from the disk"));
}

#[test]
fn a_restored_tab_finds_out_whether_its_file_is_still_what_it_read() {
    let digest = xxhash_rust::xxh3::xxh3_64(b"select 1");
    for (found, reads) in [(stamp(digest), false), (stamp(5), true)] {
        let tab = SavedTab {
            id: TabId::next(&mut Ids::seeded(9)),
            place: 0,
            active: true,
            title: String::new(),
            path: Some("/a.sql".into()),
            form: Form::default(),
            unsaved: false,
            connection: None,
            text: RopeText::from("select 1"),
            revision: 0,
            cursor: 0,
        };
        let mut world = World::with(Kept { tabs: vec![tab], ..nothing_kept() });
        let request = check(&mut world);
        let effects = checked(&mut world, request, Some(found));
        assert_eq!(effects.len(), usize::from(reads));
        assert_eq!(world.model.dialog, None);
    }
}

#[test]
fn a_failed_open_is_a_notice() {
    let mut world = opened();
    expect!(world.command(Command::FileReload), [File(Open { .. })]);
    let request = only(&world);
    let result = Err(Failure::new(Category::Storage, "No such file.").into());
    world.send(Msg::Opened { request, path: "/a.sql".into(), result });
    assert_eq!(world.notice(), "No such file.");
    assert_eq!(world.tab().editor.buffer.string(), "select 1");
}

#[test]
fn a_keymap_that_is_there_and_cannot_be_read_is_told_of_and_a_missing_one_is_not() {
    for (said, told) in
        [("/k: there is no such file or directory", ""), ("/k: it is a pipe", "/k: it is a pipe")]
    {
        let mut world = World::new();
        let effects =
            world.asked(|model| read_keymap(&mut model.files, &mut model.cx, "/k".into(), None));
        expect!(effects, [File(Open { request, path, .. })]);
        world.send(Msg::Opened {
            request: *request,
            path: path.clone(),
            result: Err(Failure::new(Category::Storage, said).into()),
        });
        assert_eq!(world.notice(), told);
    }
}
