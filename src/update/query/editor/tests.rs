//! The journal, the statements that follow the text, and comments on and off.

use super::*;
use crate::{
    effect::Effect as RootEffect,
    update::{
        shell::command::Command,
        testing::{World, count, expect},
    },
};

fn edited(
    world: &mut World,
    base: u64,
    start: usize,
    removed: usize,
    inserted: &str,
) -> Vec<RootEffect> {
    let tab = world.model.pages.active;
    let inserted = inserted.to_owned();
    let end = start + inserted.len();
    let edits = vec![Edit { start, removed, inserted }];
    let msg = Msg::Edited { base, edits, anchor: end, head: end };
    world.send(crate::msg::Msg::Editor { tab, msg })
}

#[test]
fn each_edit_is_journaled_as_it_was_applied() {
    let mut world = World::new();
    let effects = edited(&mut world, 0, 0, 0, "select é");
    expect!(effects, [Store(JournalEdits { revision, edits, .. })]);
    assert_eq!((*revision, edits.len()), (1, 1));
    let effects = edited(&mut world, 1, 8, 99, "x");
    expect!(effects, [Store(JournalEdits { edits, .. })]);
    assert_eq!((edits[0].start, edits[0].removed), (7, 2), "drawn to whole characters");
    assert_eq!(world.tab().editor.buffer.string(), "select x");
}

#[test]
fn the_journal_begins_anew_before_it_grows_long() {
    let mut world = World::new();
    let mut kept = 0;
    for revision in 0..u64::from(JOURNAL_LIMIT) + 5 {
        let effects = edited(&mut world, revision, 0, 0, "x");
        kept += count!(effects, Store(SaveTab { .. }));
    }
    assert_eq!(kept, 1);
    assert!(world.tab().editor.journaled < 10);
}

#[test]
fn edits_of_a_tab_that_is_gone_are_ignored() {
    let mut world = World::new();
    let tab = world.model.pages.active;
    world.command(Command::TabClose);
    let msg = Msg::Selected { anchor: 1, head: 1 };
    expect!(world.send(crate::msg::Msg::Editor { tab, msg }), []);
}

#[test]
fn the_statement_under_the_cursor_follows_the_edits() {
    let mut world = World::new();
    edited(&mut world, 0, 0, 0, "select 1; select 2");
    assert_eq!(world.tab().editor.statement(), Some(10..18));
    edited(&mut world, 1, 0, 0, "-- a\n");
    let tab = world.model.pages.active;
    let msg = Msg::Selected { anchor: 6, head: 6 };
    world.send(crate::msg::Msg::Editor { tab, msg });
    assert_eq!(world.tab().editor.statement(), Some(5..14));
}

#[test]
fn comments_go_on_and_off_and_leave_the_text_as_it_was() {
    let mut world = World::new();
    let text = "select 1\n  from é\n\n-- already";
    world.text(text);
    world.command(Command::FocusEditor);
    world.press("ctrl-a");
    expect!(world.press("ctrl-/"), [Store(JournalEdits { .. })]);
    assert_eq!(world.tab().editor.buffer.string(), "-- select 1\n--   from é\n\n-- -- already");
    world.press("ctrl-/");
    assert_eq!(world.tab().editor.buffer.string(), text);
}

#[test]
fn a_comment_on_nothing_is_no_edit() {
    let mut world = World::new();
    let revision = world.tab().editor.buffer.revision();
    expect!(world.command(Command::EditorComment), []);
    assert_eq!(world.tab().editor.buffer.revision(), revision);
}

#[test]
fn a_line_is_gone_to_and_what_is_no_line_is_said() {
    let mut world = World::new();
    world.text("a\né\nc");
    world.command(Command::EditorGoToLine);
    world.type_text("3");
    expect!(world.command(Command::DialogAccept), []);
    assert_eq!(world.tab().editor.buffer.head(), 5);
    world.command(Command::EditorGoToLine);
    world.type_text("far");
    world.command(Command::DialogAccept);
    assert_eq!(world.notice(), "“far” is no line's number.");
    assert_eq!(world.tab().editor.buffer.head(), 5);
}

/// Several cursors make several edits: the statements follow them all as one.
#[test]
fn the_statements_follow_several_edits_at_once() {
    let mut seed = 1_u64;
    let mut below = move |bound: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize % bound.max(1)
    };
    const PARTS: [&str; 8] = ["select 1;", "'", "a;b", "\n", "$$", "/*", "*/ ", "; "];
    for _ in 0..300 {
        let mut world = World::new();
        let text: String = (0..below(30)).map(|_| PARTS[below(PARTS.len())]).collect();
        world.text(&text);
        let mut expected = world.tab().editor.buffer.string();
        let edits: Vec<Edit> = (0..1 + below(4))
            .map(|_| {
                let start = below(expected.len() + 1);
                let removed = below(4).min(expected.len() - start);
                let inserted = PARTS[below(PARTS.len())].to_owned();
                expected.replace_range(start..start + removed, &inserted);
                Edit { start, removed, inserted }
            })
            .collect();
        let tab = world.model.pages.active;
        let base = world.tab().editor.buffer.revision();
        let msg = Msg::Edited { base, edits, anchor: 0, head: 0 };
        world.send(crate::msg::Msg::Editor { tab, msg });
        let editor = &world.tab().editor;
        assert_eq!(editor.buffer.string(), expected);
        assert_eq!(editor.splits, Splits::new(&expected), "{text:?} became {expected:?}");
    }
}
