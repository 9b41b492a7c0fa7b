//! The search in the editor: its two fields, what was found, and replacing. The bar over the editor belongs to the
//! window, not to a tab: another tab's text is searched for the same words.

use super::{Outcome, editor};
use crate::{
    base::{
        ids::TabId,
        text::{Buffer, TextKey},
    },
    rows::show::display::counted,
    update::{cx::Cx, query::page::Pages},
};

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// At most so many places are marked at a time: those around the one that is chosen.
const MARKS: usize = 500;
/// A selection that is longer is a part of the text, not a word to search for.
const SELECTION_BYTES: usize = 200;

/// The search.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Find {
    /// Whether its bar is on screen.
    pub open: bool,
    /// What is searched for.
    pub query: Buffer,
    /// What is put in its place.
    pub replacement: Buffer,
    /// Whether there is a field for the replacement.
    pub replacing: bool,
    /// The field that has focus.
    pub field: Field,
    /// It rises each time a field is gone to by key: its text is selected then.
    pub entered: u64,
    /// Whether capitals count.
    pub match_case: bool,
    /// What was found the last time.
    pub found: Option<Found>,
    /// Where the search for a word that is still being typed begins.
    pub from: usize,
}

/// A field of the bar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Field {
    /// What is searched for.
    #[default]
    Query,
    /// What is put in its place.
    Replacement,
}

/// What a search came to. It tells nothing any more of a text that was edited since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    pub tab: TabId,
    /// The revision of its text.
    pub revision: u64,
    /// How many places there are.
    pub count: usize,
    /// Which of them is chosen, from 0; none where the cursor is elsewhere.
    pub chosen: Option<usize>,
    /// The places that are marked, in bytes of the text.
    pub marks: Vec<Range<usize>>,
}

/// What the window reports of the bar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// The text of a field changed.
    Edited {
        field: Field,
        /// Its whole text.
        text: String,
    },
    /// A field got focus by mouse.
    Focused { field: Field },
}

impl Find {
    /// The field that typed text goes to.
    fn focused_mut(&mut self) -> &mut Buffer {
        self.buffer_mut(self.field)
    }

    fn buffer_mut(&mut self, field: Field) -> &mut Buffer {
        match field {
            Field::Query => &mut self.query,
            Field::Replacement => &mut self.replacement,
        }
    }

    /// The text of a field.
    pub fn buffer(&self, field: Field) -> &Buffer {
        match field {
            Field::Query => &self.query,
            Field::Replacement => &self.replacement,
        }
    }

    fn enter(&mut self, field: Field) {
        self.field = field;
        self.entered += 1;
        self.focused_mut().key(TextKey::SelectAll, false);
    }
}

/// Takes in what the window reports.
pub fn update(pages: &mut Pages, find: &mut Find, cx: &mut Cx, msg: Msg) {
    match msg {
        Msg::Edited { field, text } => {
            let buffer = find.buffer_mut(field);
            if buffer.string() != text {
                buffer.replace_all(&text);
                after_edit(pages, find, field);
            }
        }
        Msg::Focused { field } if find.open => {
            find.field = field;
            cx.leave(Outcome::EnterSearch);
        }
        Msg::Focused { .. } => {}
    }
}

/// Opens the bar, or goes back to it. A word that is selected is what is searched for.
pub fn open(pages: &Pages, find: &mut Find, cx: &mut Cx, replacing: bool) {
    if let Some(tab) = pages.active() {
        let buffer = &tab.editor.buffer;
        let selection = buffer.selection();
        let word = buffer.text().slice(selection.clone());
        find.from = selection.start;
        if !word.is_empty() && word.len() <= SELECTION_BYTES && !word.contains('\n') {
            find.query.replace_all(&word);
        }
    }
    find.open = true;
    find.replacing = replacing;
    find.enter(Field::Query);
    cx.leave(Outcome::EnterSearch);
    look(pages, find);
}

/// Closes the bar: focus goes back to the text.
pub fn close(find: &mut Find, cx: &mut Cx) {
    find.open = false;
    find.found = None;
    cx.leave(Outcome::LeaveSearch);
}

/// Goes to the other field; whether there is one.
pub fn other_field(find: &mut Find) -> bool {
    if !find.replacing {
        return false;
    }
    let other = match find.field {
        Field::Query => Field::Replacement,
        Field::Replacement => Field::Query,
    };
    find.enter(other);
    true
}

/// Lets capitals count, or not.
pub fn toggle_case(pages: &Pages, find: &mut Find) {
    find.match_case = !find.match_case;
    look(pages, find);
}

/// Goes to the next place, or the previous one, around the ends of the text.
pub fn step(pages: &mut Pages, find: &mut Find, cx: &mut Cx, forward: bool) {
    if find.query.text().is_empty() {
        return open(pages, find, cx, find.replacing);
    }
    let Some(tab) = pages.active() else {
        return;
    };
    let selection = tab.editor.buffer.selection();
    let places = places(pages, find);
    let next = if forward {
        let at = places.partition_point(|place| place.start < selection.end);
        // The place that is chosen begins before the selection's end; one of no length can't be.
        if at < places.len() { at } else { 0 }
    } else {
        let at = places.partition_point(|place| place.start < selection.start);
        at.checked_sub(1).unwrap_or(places.len().saturating_sub(1))
    };
    choose(pages, find, &places, Some(next));
}

/// Replaces the place that is chosen and goes to the next one. Where none is chosen, it only goes there.
pub fn replace(pages: &mut Pages, find: &mut Find, cx: &mut Cx) {
    if !find.open || find.query.text().is_empty() {
        return open(pages, find, cx, true);
    }
    let replacement = find.replacement.string();
    let Some(tab) = pages.active() else {
        return;
    };
    let (id, selection) = (tab.id, tab.editor.buffer.selection());
    if !places(pages, find).contains(&selection) {
        return step(pages, find, cx, true);
    }
    let Some(tab) = pages.active_mut() else {
        return;
    };
    let edit = tab.editor.buffer.replace(selection, &replacement);
    editor::changed(pages, cx, id, vec![edit]);
    step(pages, find, cx, true);
}

/// Replaces every place, as one edit.
pub fn replace_all(pages: &mut Pages, find: &mut Find, cx: &mut Cx) {
    if !find.open || find.query.text().is_empty() {
        return open(pages, find, cx, true);
    }
    let replacement = find.replacement.string();
    let places = places(pages, find);
    let (Some(first), Some(last)) = (places.first(), places.last()) else {
        look(pages, find);
        return;
    };
    let (start, end) = (first.start, last.end);
    let Some(tab) = pages.active_mut() else {
        return;
    };
    let id = tab.id;
    let old = tab.editor.buffer.text().slice(start..end);
    let mut new = String::with_capacity(old.len());
    let mut at = start;
    for place in &places {
        new.push_str(&old[at - start..place.start - start]);
        new.push_str(&replacement);
        at = place.end;
    }
    let edit = tab.editor.buffer.replace(start..end, &new);
    editor::changed(pages, cx, id, vec![edit]);
    let replaced = counted(places.len() as u64, "place");
    cx.notify(format!("Replaced {replaced}."));
    look(pages, find);
}

/// Text typed without a window.
pub fn typed(pages: &mut Pages, find: &mut Find, text: &str) {
    let field = find.field;
    find.focused_mut().insert(text);
    after_edit(pages, find, field);
}

/// A key that edits, without a window.
pub fn key(pages: &mut Pages, find: &mut Find, key: TextKey, shift: bool) {
    let field = find.field;
    if find.focused_mut().key(key, shift).is_some() {
        after_edit(pages, find, field);
    }
}

/// While a word is typed, the first place from where the search began is chosen.
fn after_edit(pages: &mut Pages, find: &mut Find, field: Field) {
    if field == Field::Replacement {
        return;
    }
    let places = places(pages, find);
    let from = find.from;
    let at = places.partition_point(|place| place.start < from);
    let first = if at < places.len() { at } else { 0 };
    choose(pages, find, &places, Some(first));
}

/// Counts the places anew, and leaves the cursor where it is.
fn look(pages: &Pages, find: &mut Find) {
    let selection = pages.active().map(|tab| tab.editor.buffer.selection());
    let places = places(pages, find);
    let chosen = selection.and_then(|selection| {
        let at = places.partition_point(|place| place.start < selection.start);
        (places.get(at) == Some(&selection)).then_some(at)
    });
    note(pages, find, &places, chosen);
}

fn choose(pages: &mut Pages, find: &mut Find, places: &[Range<usize>], at: Option<usize>) {
    let place = at.and_then(|at| places.get(at)).cloned();
    if let (Some(place), Some(tab)) = (&place, pages.active_mut()) {
        tab.editor.buffer.select(place.start, place.end);
    }
    note(pages, find, places, at.filter(|_| place.is_some()));
}

fn note(pages: &Pages, find: &mut Find, places: &[Range<usize>], chosen: Option<usize>) {
    let around = chosen.unwrap_or(0);
    let first = around.saturating_sub(MARKS / 2).min(places.len().saturating_sub(MARKS));
    let marks = places.iter().skip(first).take(MARKS).cloned().collect();
    find.found = pages.active().map(|tab| Found {
        tab: tab.id,
        revision: tab.editor.buffer.revision(),
        count: places.len(),
        chosen,
        marks,
    });
}

/// Every place of the active tab's text that has the words, in order.
fn places(pages: &Pages, find: &Find) -> Vec<Range<usize>> {
    let query = find.query.string();
    match pages.active() {
        Some(tab) if !query.is_empty() => {
            occurrences(&tab.editor.buffer.string(), &query, find.match_case)
        }
        _ => vec![],
    }
}

fn occurrences(text: &str, query: &str, match_case: bool) -> Vec<Range<usize>> {
    let found = |text: &str, query: &str| {
        let places = text.match_indices(query);
        places.map(|(at, word)| at..at + word.len()).collect::<Vec<_>>()
    };
    if match_case { found(text, query) } else { found(&folded(text), &folded(query)) }
}

/// A text in small letters, each as long as before, so that its places are the text's own.
fn folded(text: &str) -> String {
    let small = |letter: char| {
        let mut small = letter.to_lowercase();
        match (small.next(), small.next()) {
            (Some(one), None) if one.len_utf8() == letter.len_utf8() => one,
            _ => letter,
        }
    };
    text.chars().map(small).collect()
}

#[cfg(test)]
mod tests;
