//! The search: what is found, what is chosen, what is replaced.

use super::*;
use crate::update::{
    shell::{command::Command, place::Area},
    testing::{World, expect},
};

fn world(text: &str) -> World {
    let mut world = World::new();
    world.command(Command::FocusEditor);
    world.type_text(text);
    world
}

impl World {
    fn written(&self) -> String {
        self.tab().editor.buffer.string()
    }

    fn chosen(&self) -> Range<usize> {
        self.tab().editor.buffer.selection()
    }

    fn found(&self) -> (usize, Option<usize>) {
        let found = self.model.find.found.as_ref().expect("a search");
        (found.count, found.chosen)
    }
}

#[test]
fn each_letter_of_a_word_counts_and_the_first_place_is_chosen() {
    let mut world = world("select total, Total from totals");
    world.press("ctrl-home");
    expect!(world.command(Command::EditorFind), []);
    expect!(world.type_text("total"), []);
    assert_eq!(world.model.find.query.string(), "total");
    assert_eq!((world.chosen(), world.found()), (7..12, (3, Some(0))));
    world.press("enter");
    assert_eq!((world.chosen(), world.found()), (14..19, (3, Some(1))));
    world.press("shift-enter");
    world.press("shift-enter");
    assert_eq!((world.chosen(), world.found()), (25..30, (3, Some(2))));
    world.press("enter");
    assert_eq!(world.chosen(), 7..12, "around the end");
}

#[test]
fn capitals_count_where_they_are_asked_to() {
    let mut world = world("É é É");
    world.press("ctrl-home");
    world.press("ctrl-f");
    world.type_text("é");
    assert_eq!(world.found(), (3, Some(0)));
    world.press("alt-c");
    assert_eq!(world.found(), (1, None));
}

#[test]
fn what_is_found_is_replaced_one_by_one_or_all_at_once() {
    let mut world = world("a b a b a");
    world.press("ctrl-home");
    world.press("ctrl-h");
    world.type_text("a");
    world.press("tab");
    world.type_text("amount");
    let effects = world.press("alt-enter");
    expect!(effects, [Store(JournalEdits { .. })]);
    assert_eq!(world.written(), "amount b a b a");
    assert_eq!(world.chosen(), 9..10);
    let effects = world.press("alt-shift-enter");
    expect!(effects, [Store(JournalEdits { .. })]);
    assert_eq!(
        world.written(),
        "amount b amount b amount".replacen("amount b", "amountmount b", 1)
    );
}

#[test]
fn a_selected_word_is_searched_for_and_escape_goes_back_to_it() {
    let mut world = world("one two one");
    world.press("ctrl-home");
    for _ in 0..3 {
        world.press("shift-right");
    }
    world.press("ctrl-f");
    assert_eq!(world.model.area, Area::Find);
    assert_eq!(world.found(), (2, Some(0)));
    world.press("escape");
    assert_eq!(world.model.area, Area::Editor);
    assert!(!world.model.find.open);
    world.type_text("1");
    assert_eq!(world.written(), "1 two one");
}

#[test]
fn nothing_is_found_of_nothing_and_the_text_stays_as_it_is() {
    let mut world = world("select 1");
    world.press("ctrl-f");
    world.type_text("nowhere");
    assert_eq!(world.found(), (0, None));
    world.press("enter");
    expect!(world.command(Command::FindReplaceAll), []);
    assert_eq!(world.written(), "select 1");
}
