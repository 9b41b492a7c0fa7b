//! Editable text: a rope, a selection and a revision, with the few keys that need no widget.
//!
//! The editor and every plain field of a dialog are one of these. In the window a widget edits and reports; without a
//! window, [`Buffer::key`] edits. Both end in the same [`Edit`].

use std::{borrow::Cow, ops::Range};

use ropey::{LineType, Rope};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A piece of text replaced by another, in bytes of the text before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Where it begins.
    pub start: usize,
    /// How many bytes are removed.
    pub removed: usize,
    pub inserted: String,
}

/// A rope that compares and serialises as its text. Cloning it shares the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RopeText(Rope);

/// A key that edits text or moves in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TextKey {
    /// Removes the selection or the character before the cursor.
    Backspace,
    /// Removes the selection or the character after the cursor.
    Delete,
    /// One character left.
    Left,
    /// One character right.
    Right,
    /// One line up, in the same column if it exists.
    Up,
    /// One line down.
    Down,
    /// To the start of the line.
    Home,
    /// To the end of the line.
    End,
    /// To the start of the text.
    TextStart,
    /// To the end of the text.
    TextEnd,
    /// Selects everything.
    SelectAll,
}

/// A text with its selection. Anchor and head are byte offsets on character boundaries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Buffer {
    text: RopeText,
    anchor: usize,
    head: usize,
    revision: u64,
}

impl From<&str> for RopeText {
    fn from(text: &str) -> Self {
        Self(Rope::from_str(text))
    }
}

impl From<Rope> for RopeText {
    fn from(rope: Rope) -> Self {
        Self(rope)
    }
}

impl std::fmt::Display for RopeText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.chunks().try_for_each(|chunk| f.write_str(chunk))
    }
}

impl Serialize for RopeText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RopeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(String::deserialize(deserializer)?.as_str()))
    }
}

impl RopeText {
    /// The rope itself, for the widget.
    pub fn rope(&self) -> &Rope {
        &self.0
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    /// The text of a range, clamped to the text and to whole characters.
    pub fn slice(&self, range: Range<usize>) -> String {
        let end = self.floor(range.end);
        let start = self.floor(range.start).min(end);
        self.0.slice(start..end).chunks().collect()
    }

    /// The nearest character boundary at or before an offset, within the text.
    pub fn floor(&self, byte: usize) -> usize {
        self.0.floor_char_boundary(byte.min(self.0.len()))
    }

    /// The number of lines, at least one.
    pub fn lines(&self) -> usize {
        self.0.len_lines(LineType::LF)
    }

    /// The line, from 0, that a byte is on.
    pub fn line_of(&self, byte: usize) -> usize {
        self.0.byte_to_line_idx(self.floor(byte), LineType::LF)
    }

    /// The bytes of a line, from 0, without its line feed.
    pub fn line_range(&self, line: usize) -> Range<usize> {
        let line = line.min(self.lines() - 1);
        let start = self.0.line_to_byte_idx(line, LineType::LF);
        let next = self.0.line_to_byte_idx(line + 1, LineType::LF);
        let end = if next > start && self.0.byte(next - 1) == b'\n' { next - 1 } else { next };
        start..end
    }

    /// Where a line, from 0, ends for the user: before its line break, which may be CRLF.
    fn line_end(&self, line: usize) -> usize {
        self.outside_break(self.line_range(line).end)
    }

    /// CRLF is one line break: a position inside it means the position before it.
    fn outside_break(&self, byte: usize) -> usize {
        let is_inside = byte > 0
            && byte < self.0.len()
            && self.0.byte(byte - 1) == b'\r'
            && self.0.byte(byte) == b'\n';
        byte - usize::from(is_inside)
    }

    /// Whether lines end in CRLF around a position, judged by the line above, or by the first one; none if there is
    /// only one line.
    pub fn has_crlf_at(&self, byte: usize) -> Option<bool> {
        has_crlf_at(&self.0, self.floor(byte))
    }

    /// The text of a line, from 0, without its line feed.
    pub fn line(&self, line: usize) -> String {
        self.slice(self.line_range(line))
    }

    /// Line and column from 1, as the status bar shows them; the column counts characters.
    pub fn line_and_column(&self, byte: usize) -> (usize, usize) {
        let byte = self.floor(byte);
        let line = self.line_of(byte);
        let start = self.line_range(line).start;
        (line + 1, self.characters(start..byte) + 1)
    }

    fn characters(&self, range: Range<usize>) -> usize {
        self.0.byte_to_char_idx(range.end) - self.0.byte_to_char_idx(range.start)
    }

    fn replace(&mut self, range: Range<usize>, inserted: &str) {
        if !range.is_empty() {
            self.0.remove(range.clone());
        }
        if !inserted.is_empty() {
            self.0.insert(range.start, inserted);
        }
    }

    fn before(&self, byte: usize) -> usize {
        let byte = if byte == 0 { 0 } else { self.floor(byte - 1) };
        self.outside_break(byte)
    }

    fn after(&self, byte: usize) -> usize {
        let character = self.0.byte_to_char_idx(byte);
        let next = self.0.char_to_byte_idx((character + 1).min(self.0.len_chars()));
        let is_inside_break = self.outside_break(next) != next;
        next + usize::from(is_inside_break)
    }
}

impl Buffer {
    /// A buffer with the cursor at the end.
    pub fn new(text: &str) -> Self {
        let text = RopeText::from(text);
        let end = text.len();
        Self { text, anchor: end, head: end, revision: 0 }
    }

    /// A buffer as stored.
    pub fn restored(text: RopeText, revision: u64, cursor: usize) -> Self {
        let cursor = text.floor(cursor);
        Self { text, anchor: cursor, head: cursor, revision }
    }

    pub fn text(&self) -> &RopeText {
        &self.text
    }

    /// The text as one string.
    pub fn string(&self) -> String {
        self.text.to_string()
    }

    /// Rises with each change of the text.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The cursor's position.
    pub fn head(&self) -> usize {
        self.head
    }

    /// Where the selection began; equals the head if nothing is selected.
    pub fn anchor(&self) -> usize {
        self.anchor
    }

    /// The selected bytes, in order.
    pub fn selection(&self) -> Range<usize> {
        self.anchor.min(self.head)..self.anchor.max(self.head)
    }

    /// Moves the selection; clamps offsets outside the text, inside a character or inside a line break.
    pub fn select(&mut self, anchor: usize, head: usize) {
        self.anchor = self.text.outside_break(self.text.floor(anchor));
        self.head = self.text.outside_break(self.text.floor(head));
    }

    /// Applies edits that a widget made to the text of revision `base`.
    ///
    /// If the text has changed since, keeps the insertions and drops the removals: no keystroke is lost, and nothing is
    /// removed that the user did not see. Returns the edits as applied.
    pub fn edited(&mut self, base: u64, edits: &[Edit], anchor: usize, head: usize) -> Vec<Edit> {
        let stale = base != self.revision;
        let applied: Vec<Edit> = edits
            .iter()
            .map(|edit| {
                let start = self.text.floor(edit.start);
                let end = self.text.floor(edit.start.saturating_add(edit.removed)).max(start);
                let end = if stale { start } else { end };
                self.text.replace(start..end, &edit.inserted);
                Edit { start, removed: end - start, inserted: edit.inserted.clone() }
            })
            .collect();
        // A widget counts one revision per message; one more makes it follow if it did not know the text.
        self.revision = self.revision.max(base).saturating_add(1 + u64::from(stale));
        self.select(anchor, head);
        applied
    }

    /// Replaces the whole text, with the cursor at its end. Returns the edit.
    pub fn replace_all(&mut self, text: &str) -> Edit {
        self.replace(0..self.text.len(), text)
    }

    /// Replaces a range, with the cursor after the new text. Returns the edit.
    pub fn replace(&mut self, range: Range<usize>, text: &str) -> Edit {
        let start = self.text.floor(range.start);
        let end = self.text.floor(range.end).max(start);
        self.text.replace(start..end, text);
        self.revision = self.revision.saturating_add(1);
        self.select(start + text.len(), start + text.len());
        Edit { start, removed: end - start, inserted: text.to_owned() }
    }

    /// Becomes another text by replacing what differs. In unchanged text the cursor keeps its place; in changed text,
    /// its line and column. Returns the edit, if there was one.
    pub fn become_text(&mut self, new: &str) -> Option<Edit> {
        let old = self.string();
        let (range, middle) = difference(&old, new);
        if range.is_empty() && middle.is_empty() {
            return None;
        }
        let (anchor, head) = (self.anchor, self.head);
        let place = |text: &RopeText, at: usize| {
            let line = text.line_of(at);
            (line, at - text.line_range(line).start)
        };
        let places = [anchor, head].map(|at| place(&self.text, at));
        let edit = self.replace(range.clone(), middle);
        let moved = |at: usize, (line, column): (usize, usize)| {
            if at <= range.start {
                at
            } else if at >= range.end {
                at - range.len() + middle.len()
            } else {
                let line = self.text.line_range(line);
                (line.start + column).min(line.end)
            }
        };
        let (anchor, head) = (moved(anchor, places[0]), moved(head, places[1]));
        self.select(anchor, head);
        Some(edit)
    }

    /// Types text over the selection, with the same line breaks as around it. Returns the edit.
    pub fn type_lines(&mut self, text: &str) -> Edit {
        let start = self.selection().start;
        match self.text.has_crlf_at(start) {
            Some(crlf) => self.insert(&broken_by(text, crlf)),
            None => self.insert(text),
        }
    }

    /// Types text over the selection. Returns the edit.
    pub fn insert(&mut self, text: &str) -> Edit {
        self.replace(self.selection(), text)
    }

    /// Does what a key does; shift extends the selection. Returns the edit, if there was one.
    pub fn key(&mut self, key: TextKey, shift: bool) -> Option<Edit> {
        let selection = self.selection();
        let head = match key {
            TextKey::Backspace | TextKey::Delete => return self.remove_at(key),
            TextKey::SelectAll => {
                self.select(0, self.text.len());
                return None;
            }
            TextKey::Left if !shift && !selection.is_empty() => selection.start,
            TextKey::Right if !shift && !selection.is_empty() => selection.end,
            TextKey::Left => self.text.before(self.head),
            TextKey::Right => self.text.after(self.head),
            TextKey::Up => self.vertical(-1),
            TextKey::Down => self.vertical(1),
            TextKey::Home => self.text.line_range(self.text.line_of(self.head)).start,
            TextKey::End => self.text.line_end(self.text.line_of(self.head)),
            TextKey::TextStart => 0,
            TextKey::TextEnd => self.text.len(),
        };
        self.select(if shift { self.anchor } else { head }, head);
        None
    }

    fn remove_at(&mut self, key: TextKey) -> Option<Edit> {
        let mut range = self.selection();
        if range.is_empty() && key == TextKey::Backspace {
            range.start = self.text.before(self.head);
        } else if range.is_empty() {
            range.end = self.text.after(self.head);
        }
        (!range.is_empty()).then(|| self.replace(range, ""))
    }

    fn vertical(&self, by: isize) -> usize {
        let line = self.text.line_of(self.head);
        let Some(target) = line.checked_add_signed(by) else {
            return 0;
        };
        if target >= self.text.lines() {
            return self.text.len();
        }
        let column = self.head - self.text.line_range(line).start;
        let (start, end) = (self.text.line_range(target).start, self.text.line_end(target));
        self.text.floor((start + column).min(end))
    }
}

/// Whether lines end in CRLF around a position, which is on a character boundary.
pub fn has_crlf_at(text: &Rope, byte: usize) -> Option<bool> {
    let line = text.byte_to_line_idx(byte, LineType::LF);
    let next = text.line_to_byte_idx(line.max(1), LineType::LF);
    let feed = next.checked_sub(1).filter(|feed| text.byte(*feed) == b'\n')?;
    Some(feed > 0 && text.byte(feed - 1) == b'\r')
}

/// A text with all line breaks as CRLF, or as LF. A CR without LF stays as it is.
pub fn broken_by(text: &str, crlf: bool) -> Cow<'_, str> {
    match (crlf, text.contains('\n'), text.contains("\r\n")) {
        (_, false, _) | (false, _, false) => Cow::Borrowed(text),
        (false, ..) => Cow::Owned(text.replace("\r\n", "\n")),
        (true, _, false) => Cow::Owned(text.replace('\n', "\r\n")),
        (true, ..) => Cow::Owned(text.replace("\r\n", "\n").replace('\n', "\r\n")),
    }
}

/// The bytes of the old text that differ, and what replaces them in the new text.
pub fn difference<'text>(old: &str, new: &'text str) -> (Range<usize>, &'text str) {
    let pairs = || old.char_indices().zip(new.chars());
    let start = pairs()
        .find(|((_, old), new)| old != new)
        .map_or(old.len().min(new.len()), |((at, _), _)| at);
    let (old_rest, new_rest) = (&old[start..], &new[start..]);
    let same_end: usize = old_rest
        .chars()
        .rev()
        .zip(new_rest.chars().rev())
        .take_while(|(old, new)| old == new)
        .map(|(character, _)| character.len_utf8())
        .sum();
    (start..old.len() - same_end, &new[start..new.len() - same_end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(start: usize, removed: usize, inserted: &str) -> Edit {
        Edit { start, removed, inserted: inserted.into() }
    }

    #[test]
    fn typing_replaces_the_selection() {
        let mut buffer = Buffer::new("select one");
        buffer.select(7, 10);
        assert_eq!(buffer.insert("2"), edit(7, 3, "2"));
        assert_eq!(
            (buffer.string().as_str(), buffer.head(), buffer.revision()),
            ("select 2", 8, 1)
        );
    }

    #[test]
    fn backspace_takes_a_whole_character() {
        let mut buffer = Buffer::new("aé");
        assert_eq!(buffer.key(TextKey::Backspace, false), Some(edit(1, 2, "")));
        assert_eq!(buffer.string(), "a");
        assert_eq!(buffer.key(TextKey::Delete, false), None);
    }

    #[test]
    fn arrows_move_by_characters_and_lines_and_shift_extends() {
        let mut buffer = Buffer::new("ab\nécd\n");
        buffer.select(3, 3);
        buffer.key(TextKey::Right, true);
        assert_eq!(buffer.selection(), 3..5);
        buffer.key(TextKey::Up, false);
        assert_eq!(buffer.selection(), 2..2);
        buffer.key(TextKey::Down, false);
        assert_eq!(buffer.head(), 5);
        buffer.key(TextKey::End, false);
        assert_eq!(buffer.head(), 7);
        buffer.key(TextKey::SelectAll, false);
        assert_eq!(buffer.selection(), 0..8);
    }

    #[test]
    fn an_edit_to_a_text_that_moved_on_keeps_its_letters_and_removes_nothing() {
        let mut buffer = Buffer::new("abc");
        buffer.replace_all("restored");
        let applied = buffer.edited(0, &[edit(1, 2, "X")], 2, 2);
        assert_eq!(applied, [edit(1, 0, "X")]);
        assert_eq!((buffer.string().as_str(), buffer.revision()), ("rXestored", 3));
    }

    #[test]
    fn edits_outside_the_text_are_drawn_in() {
        let mut buffer = Buffer::new("é");
        buffer.edited(0, &[edit(1, 99, "x")], 99, 1);
        assert_eq!((buffer.string().as_str(), buffer.anchor(), buffer.head()), ("x", 1, 1));
    }

    #[test]
    fn a_line_break_of_two_characters_is_one_thing() {
        let mut buffer = Buffer::new("ab\r\ncd\r\n");
        buffer.select(0, 0);
        buffer.key(TextKey::End, false);
        assert_eq!(buffer.head(), 2);
        buffer.key(TextKey::Right, false);
        assert_eq!(buffer.head(), 4);
        buffer.key(TextKey::Left, false);
        assert_eq!(buffer.head(), 2);
        buffer.select(3, 3);
        assert_eq!(buffer.head(), 2);
        buffer.key(TextKey::Down, false);
        assert_eq!(buffer.head(), 6);
        assert_eq!(buffer.key(TextKey::Delete, false), Some(edit(6, 2, "")));
        buffer.select(4, 4);
        assert_eq!(buffer.key(TextKey::Backspace, false), Some(edit(2, 2, "")));
        assert_eq!(buffer.string(), "abcd");
    }

    #[test]
    fn typed_and_pasted_lines_are_broken_as_those_around_them() {
        for (text, at, typed, expected) in [
            ("a\r\nb", 4, "\n", "a\r\nb\r\n"),
            ("a\r\nb", 0, "x\ny\r\nz", "x\r\ny\r\nza\r\nb"),
            ("a\nb", 3, "x\r\ny", "a\nbx\ny"),
            ("a", 1, "\r\nb\n", "a\r\nb\n"),
            ("a\rb", 3, "\n", "a\rb\n"),
            ("a\r\nb\nc", 6, "\n", "a\r\nb\nc\n"),
            ("\nb", 0, "\n", "\n\nb"),
        ] {
            let mut buffer = Buffer::new(text);
            buffer.select(at, at);
            buffer.type_lines(typed);
            assert_eq!(buffer.string(), expected, "{text:?} {typed:?}");
        }
    }

    #[test]
    fn a_text_that_became_another_keeps_the_cursor_in_its_place() {
        let become_text = |old: &str, at: usize, new: &str| {
            let mut buffer = Buffer::new(old);
            buffer.select(at, at);
            let edit = buffer.become_text(new);
            assert_eq!(buffer.string(), new);
            (buffer.head(), edit)
        };
        let (head, change) = become_text("a\nb\nc", 4, "a\nxx\nb\nc");
        assert_eq!((head, change), (7, Some(edit(2, 0, "xx\n"))));
        assert_eq!(become_text("one\ntwo\nthree", 6, "1\n22\n3").0, 4);
        assert_eq!(become_text("abc", 1, "abd").0, 1);
        assert_eq!(become_text("abc", 2, "abc"), (2, None));
    }

    #[test]
    fn lines_and_columns_count_from_one_in_characters() {
        let text = RopeText::from("é1\nx");
        assert_eq!(text.line_and_column(3), (1, 3));
        assert_eq!(text.line_and_column(4), (2, 1));
        assert_eq!((text.line(0).as_str(), text.line(1).as_str(), text.lines()), ("é1", "x", 2));
    }
}
