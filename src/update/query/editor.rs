//! A tab's editor: its text, its statements, the place of an error, and the file it belongs to.
//!
//! Each edit is journaled through an effect, so that a crash loses nothing.

use super::Outcome;
use crate::{
    base::{
        ids::*,
        text::{Buffer, Edit, TextKey},
    },
    sql::{Piece, Splits, encoding::Form, read::lex::BackslashRule},
    update::{
        cx::Cx,
        files::{FileStamp, Read},
        keeping,
        query::page::Pages,
        scroll::Sight,
    },
};

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// After so many journaled edits the text is kept whole and the journal begins anew.
pub const JOURNAL_LIMIT: u32 = 400;

/// A tab's editor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Editor {
    /// The text and its selection.
    pub buffer: Buffer,
    /// Its statements; they follow from the text.
    #[serde(skip)]
    pub splits: Splits,
    /// The place of the last error.
    pub mark: Option<Mark>,
    /// The file that it edits.
    pub file: Option<FileLink>,
    /// The revision that the file has; edits after it are unsaved.
    pub saved_revision: u64,
    /// The look at the file that is under way: an older one's answer tells nothing.
    pub checking: Option<Request>,
    /// Edits in the journal since the text was kept whole.
    pub journaled: u32,
    /// Where it is scrolled to.
    pub sight: Sight,
    /// Where it is scrolled to sideways.
    pub letters: Sight,
}

/// The place of an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// Where it begins, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// What is wrong there.
    pub message: String,
    /// The revision of the text that it was found in.
    pub revision: u64,
}

/// The file that an editor belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileLink {
    pub path: String,
    /// What it was when it was read or written; none when a restored tab has not looked yet.
    pub stamp: Option<FileStamp>,
    /// Whether another program changed it since.
    pub changed: bool,
    /// How its text stands in it.
    pub form: Form,
}

/// What the window reports of an editor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// The widget edited the text of revision `base`.
    Edited {
        /// The revision that it edited.
        base: u64,
        /// The edits, in order.
        edits: Vec<Edit>,
        /// Where the selection began, after them.
        anchor: usize,
        /// Where the cursor is, after them.
        head: usize,
    },
    /// The cursor or the selection moved.
    Selected {
        /// Where the selection began.
        anchor: usize,
        /// Where the cursor is.
        head: usize,
    },
}

impl Editor {
    /// An editor with this text.
    pub fn new(buffer: Buffer) -> Self {
        let splits = Splits::new(&buffer.string());
        let saved_revision = buffer.revision();
        Self {
            buffer,
            splits,
            mark: None,
            file: None,
            saved_revision,
            checking: None,
            journaled: 0,
            sight: Sight::default(),
            letters: Sight::default(),
        }
    }

    /// Whether there are edits that the file does not have.
    pub fn is_unsaved(&self) -> bool {
        self.file.is_some() && self.buffer.revision() != self.saved_revision
    }

    /// The statement that would run: the bytes that are marked on screen.
    pub fn statement(&self) -> Option<Range<usize>> {
        match self.splits.at(self.buffer.head())? {
            Piece::Statement(statement) => Some(statement.whole.clone()),
            Piece::PsqlCommand { .. } | Piece::AcrossData { .. } => None,
        }
    }

    /// The error's place, while the text is still the one it was found in.
    pub fn visible_mark(&self) -> Option<&Mark> {
        self.mark.as_ref().filter(|mark| mark.revision == self.buffer.revision())
    }

    /// The text is now that of this file.
    fn belongs_to(&mut self, path: String, read: &Read) {
        self.saved_revision = self.buffer.revision();
        self.file =
            Some(FileLink { path, stamp: Some(read.stamp), changed: false, form: read.form });
        self.mark = None;
        self.checking = None;
    }

    fn follow(&mut self, edits: &[Edit]) {
        if let Some((changed, inserted)) = all_as_one(edits) {
            self.splits.edit(self.buffer.text(), changed, inserted);
        }
    }

    /// Cuts the text as the session reads it that runs it.
    pub fn read_under(&mut self, backslash: BackslashRule) {
        if backslash != self.splits.backslash() {
            self.splits = Splits::under(&self.buffer.string(), backslash);
        }
    }
}

/// Edits that were made one after the other, as one: the bytes that it replaces, and how many come in their place.
fn all_as_one(edits: &[Edit]) -> Option<(Range<usize>, usize)> {
    let (first, others) = edits.split_first()?;
    let mut replaced = first.start..first.start + first.removed;
    let mut end = first.start + first.inserted.len();
    for edit in others {
        let reaches = end.max(edit.start + edit.removed);
        replaced.start = replaced.start.min(edit.start);
        replaced.end += reaches - end;
        end = reaches - edit.removed + edit.inserted.len();
    }
    Some((replaced.clone(), end - replaced.start))
}

/// Takes in what the window reports of a tab's editor.
pub fn update(pages: &mut Pages, cx: &mut Cx, tab: TabId, msg: Msg) {
    let Some(found) = pages.get_mut(tab) else {
        return;
    };
    match msg {
        Msg::Edited { base, edits, anchor, head } => {
            let applied = found.editor.buffer.edited(base, &edits, anchor, head);
            changed(pages, cx, tab, applied)
        }
        Msg::Selected { anchor, head } => {
            found.editor.buffer.select(anchor, head);
        }
    }
}

/// What follows from edits that were made: the statements, the journal.
pub fn changed(pages: &mut Pages, cx: &mut Cx, tab: TabId, edits: Vec<Edit>) {
    if edits.is_empty() {
        return;
    }
    let request = cx.request();
    let Some(found) = pages.get_mut(tab) else {
        return;
    };
    found.editor.follow(&edits);
    found.editor.journaled += 1;
    if found.editor.journaled > JOURNAL_LIMIT {
        return cx.leave(Outcome::KeepText(tab));
    }
    let revision = found.editor.buffer.revision();
    cx.ask(keeping::Effect::JournalEdits { request, tab, revision, edits });
}

/// A key without a window: edits the active tab's text.
pub fn key(pages: &mut Pages, cx: &mut Cx, key: TextKey, shift: bool) {
    let Some(tab) = pages.active_mut() else {
        return;
    };
    let id = tab.id;
    let edit = tab.editor.buffer.key(key, shift);
    changed(pages, cx, id, edit.into_iter().collect())
}

/// Text typed without a window.
pub fn typed(pages: &mut Pages, cx: &mut Cx, text: &str) {
    let Some(tab) = pages.active_mut() else {
        return;
    };
    let id = tab.id;
    let edit = tab.editor.buffer.type_lines(text);
    changed(pages, cx, id, vec![edit])
}

/// Replaces a tab's whole text: from the history, a file, a story.
pub fn replace_all(pages: &mut Pages, cx: &mut Cx, tab: TabId, text: &str) {
    let Some(found) = pages.get_mut(tab) else {
        return;
    };
    let edit = found.editor.buffer.replace_all(text);
    changed(pages, cx, tab, vec![edit])
}

/// Takes a file's text over.
pub fn load(pages: &mut Pages, cx: &mut Cx, tab: TabId, path: String, read: Read) {
    replace_all(pages, cx, tab, &read.text.to_string());
    if let Some(found) = pages.get_mut(tab) {
        found.editor.buffer.select(0, 0);
        found.editor.belongs_to(path, &read);
    }
    cx.leave(Outcome::KeepText(tab));
}

/// Takes the new text of a tab's file over. Only what differs is replaced, and the cursor stays where it was in the
/// text. Says, too, whether anything differs.
pub fn reload(pages: &mut Pages, cx: &mut Cx, tab: TabId, path: String, read: Read) -> bool {
    let Some(found) = pages.get_mut(tab) else {
        return false;
    };
    let edit = found.editor.buffer.become_text(&read.text.to_string());
    let differs = edit.is_some();
    changed(pages, cx, tab, edit.into_iter().collect());
    if let Some(found) = pages.get_mut(tab) {
        found.editor.belongs_to(path, &read);
    }
    cx.leave(Outcome::KeepText(tab));
    differs
}

/// Makes the selected lines comments, or, where all of them are, takes that back.
pub fn toggle_comment(pages: &mut Pages, cx: &mut Cx) {
    let Some(tab) = pages.active_mut() else {
        return;
    };
    let id = tab.id;
    let buffer = &mut tab.editor.buffer;
    let selection = buffer.selection();
    let text = buffer.text();
    let last = if selection.end > selection.start { selection.end - 1 } else { selection.end };
    let lines = text.line_of(selection.start)..text.line_of(last) + 1;
    let old: Vec<String> = lines.clone().map(|line| text.line(line)).collect();
    let commented = |line: &String| line.trim_start().starts_with("--");
    let uncomment = old.iter().filter(|line| !line.trim().is_empty()).all(commented);
    let new: Vec<String> = old
        .iter()
        .map(|line| match (line.trim().is_empty(), uncomment) {
            (true, _) => line.clone(),
            (false, true) if line.trim_start().starts_with("-- ") => line.replacen("-- ", "", 1),
            (false, true) => line.replacen("--", "", 1),
            (false, false) => format!("-- {line}"),
        })
        .collect();
    if new == old {
        return;
    }
    let range = text.line_range(lines.start).start..text.line_range(lines.end - 1).end;
    let one_line = lines.len() == 1;
    let moved = new.join("\n").len() as isize - (range.end - range.start) as isize;
    let start = range.start;
    let head = buffer.head();
    let edit = buffer.replace(range, &new.join("\n"));
    if one_line {
        let head = head.saturating_add_signed(moved).max(start);
        buffer.select(head, head);
    } else {
        buffer.select(start, start + edit.inserted.len());
    }
    changed(pages, cx, id, vec![edit])
}

/// Puts the cursor on the error's place.
pub fn go_to_error(pages: &mut Pages, cx: &mut Cx) {
    let Some(tab) = pages.active_mut() else {
        return;
    };
    let Some(mark) = tab.editor.visible_mark() else {
        return;
    };
    let (start, end) = (mark.start, mark.end);
    tab.editor.buffer.select(start, end);
    cx.leave(Outcome::EnterEditor);
}

/// Puts the cursor on a line, from 1.
pub fn go_to_line(pages: &mut Pages, cx: &mut Cx, line: usize) {
    if let Some(tab) = pages.active_mut() {
        let start = tab.editor.buffer.text().line_range(line.saturating_sub(1)).start;
        tab.editor.buffer.select(start, start);
    }
    cx.leave(Outcome::EnterEditor);
}

#[cfg(test)]
mod tests;
