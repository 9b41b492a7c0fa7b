//! The file that a page's text is in: saving, reading again, and what another program does to it meanwhile.

use super::{
    Dialog, Outcome, Pages,
    editor::{self, FileLink},
};
use crate::{
    base::ids::*,
    sql::encoding::{Encoding, Form, Reading},
    update::{
        cx::Cx,
        files::{
            self, Effect, Expected, FileStamp, Read, Saved, Unread,
            prompt::{self, PathPrompt, Pending, Pendings, Purpose},
        },
    },
};

use serde::Serialize;

/// A text that its file's encoding can't hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OtherEncoding {
    pub tab: TabId,
    /// The file.
    pub path: String,
    /// What was to be there.
    pub expected: Expected,
    /// The encoding that the file had.
    pub encoding: Encoding,
    /// The character that it has not.
    pub character: char,
    /// The line of that, from 1.
    pub line: usize,
    /// Its place in the line in characters, from 1.
    pub column: usize,
}

/// Saves the active tab to its file, or asks for one.
pub fn save(pages: &mut Pages, files: &mut Pendings, cx: &mut Cx) {
    let Some(tab) = pages.active() else {
        return;
    };
    let id = tab.id;
    match &tab.editor.file {
        Some(file) => {
            let expected = match (file.changed, file.stamp) {
                (false, Some(stamp)) => Expected::Unchanged(stamp),
                _ => Expected::Nothing,
            };
            let path = file.path.clone();
            write(pages, files, cx, id, path, expected, None)
        }
        None => save_as(pages, cx),
    }
}

/// Asks where to save the active tab.
pub fn save_as(pages: &Pages, cx: &mut Cx) {
    let Some(tab) = pages.active() else {
        return;
    };
    let path = match &tab.editor.file {
        Some(file) => file.path.clone(),
        None => format!("~/{}.sql", file_name(&tab.label())),
    };
    let prompt = PathPrompt::new(Purpose::Save { tab: tab.id }, &path);
    prompt::ask_path(cx, prompt);
}

/// Reads the active tab's file again.
pub fn reload_active(pages: &mut Pages, files: &mut Pendings, cx: &mut Cx) {
    let Some(tab) = pages.active() else {
        return;
    };
    let (id, path) = (tab.id, tab.editor.file.as_ref().map(|file| file.path.clone()));
    match path {
        Some(path) => reload(pages, files, cx, id, path),
        None => {
            cx.notify("This tab has no file.");
        }
    }
}

/// Reads a tab's file again.
pub fn reload(pages: &mut Pages, files: &mut Pendings, cx: &mut Cx, tab: TabId, path: String) {
    let reading = known_encoding(pages, tab);
    prompt::read(files, cx, path, Pending::Open { tab: Some(tab) }, reading)
}

/// Reads a tab's file again without having asked.
fn follow(pages: &mut Pages, files: &mut Pendings, cx: &mut Cx, tab: TabId, path: String) {
    let reading = known_encoding(pages, tab);
    prompt::read(files, cx, path, Pending::Follow { tab }, reading)
}

fn known_encoding(pages: &mut Pages, tab: TabId) -> Reading {
    let file = pages.get_mut(tab).and_then(|tab| tab.editor.file.as_ref());
    file.map_or(Reading::Detect, |file| Reading::Known(file.form.encoding))
}

/// Writes over a file that is not what it was.
pub fn save_over(
    pages: &mut Pages,
    files: &mut Pendings,
    cx: &mut Cx,
    tab: TabId,
    path: String,
    form: Form,
) {
    write(pages, files, cx, tab, path, Expected::Anything, Some(form))
}

/// Saves a text that its file's encoding can't hold as UTF-8.
pub fn save_as_utf8(pages: &mut Pages, files: &mut Pendings, cx: &mut Cx, other: OtherEncoding) {
    let OtherEncoding { tab, path, expected, .. } = other;
    write(pages, files, cx, tab, path, expected, Some(Form::default()))
}

/// Writes a tab's text to a file, in the form that its file had where none is given.
pub fn write(
    pages: &mut Pages,
    files: &mut Pendings,
    cx: &mut Cx,
    tab: TabId,
    path: String,
    expected: Expected,
    form: Option<Form>,
) {
    let request = cx.request();
    let Some(found) = pages.get_mut(tab) else {
        return;
    };
    let text = found.editor.buffer.text().clone();
    let revision = found.editor.buffer.revision();
    // What the file was before this write is of no interest any more.
    found.editor.checking = None;
    let of_file = found.editor.file.as_ref().map(|file| file.form);
    let form = form.or(of_file).unwrap_or_default();
    let write = files::Write { tab, revision, form, expected };
    files.insert(request, Pending::Save(write));
    cx.ask(Effect::Save { request, path, text, form, expected });
}

/// A file that another program changed was read again. Where something was typed meanwhile, that comes first. While
/// something else is asked, nothing is.
pub fn followed(
    pages: &mut Pages,
    cx: &mut Cx,
    tab: TabId,
    path: String,
    result: Result<Box<Read>, Unread>,
    is_asking: bool,
) {
    let Some(found) = pages.get_mut(tab) else {
        return;
    };
    let is_its_file = found.editor.file.as_ref().is_some_and(|file| file.path == path);
    match result {
        _ if !is_its_file => {}
        Ok(_) if found.editor.is_unsaved() && !is_asking => {
            if let Some(file) = &mut found.editor.file {
                file.changed = true;
            }
            cx.leave(Outcome::Show(Dialog::Reload { tab, path }));
        }
        // Behind a dialog it is looked at again when the window or the tab is next.
        Ok(_) if found.editor.is_unsaved() => {}
        Ok(read) => {
            if editor::reload(pages, cx, tab, path.clone(), *read) {
                let text = format!("{path} was changed by another program and is read again.");
                cx.notify(text);
            }
        }
        // What is on screen is the last that could be read.
        Err(Unread::Unclear(_)) if is_asking => {}
        Err(unread) => prompt::not_opened(cx, Some(tab), path, unread),
    }
}

pub fn saved(pages: &mut Pages, cx: &mut Cx, write: files::Write, path: String, result: Saved) {
    let files::Write { tab, revision, form, expected } = write;
    match result {
        Saved::Written(stamp) => {
            cx.notify(format!("Saved {path}."));
            let Some(found) = pages.get_mut(tab) else {
                return;
            };
            found.editor.file = Some(FileLink { path, stamp: Some(stamp), changed: false, form });
            found.editor.saved_revision = revision;
            found.editor.checking = None;
            cx.leave(Outcome::KeepLayout);
        }
        Saved::Conflict => {
            if pages.get_mut(tab).is_none() {
                return;
            }
            cx.leave(Outcome::Show(Dialog::Overwrite { tab, path, form }));
        }
        Saved::Unsayable { encoding, character, at, line, column } => {
            let other = OtherEncoding { tab, path, expected, encoding, character, line, column };
            ask_for_utf8(pages, cx, other, revision, at)
        }
        Saved::Failed(failure) => {
            cx.notify(format!("{path} was not saved: {}", failure.message));
        }
    }
}

/// The file's encoding has not a character of the text: that is marked, and UTF-8 offered.
fn ask_for_utf8(pages: &mut Pages, cx: &mut Cx, other: OtherEncoding, revision: u64, at: usize) {
    let Some(found) = pages.get_mut(other.tab) else {
        return;
    };
    if found.editor.buffer.revision() == revision {
        let end = at + other.character.len_utf8();
        found.editor.buffer.select(at, end);
    }
    cx.leave(Outcome::Show(Dialog::OtherEncoding(Box::new(other))));
}

pub fn checked(
    pages: &mut Pages,
    files: &mut Pendings,
    cx: &mut Cx,
    request: Request,
    stamp: Option<FileStamp>,
    is_asking: bool,
) {
    let found = pages.open.iter_mut().find(|tab| tab.editor.checking == Some(request));
    let Some(tab) = found else {
        return;
    };
    let id = tab.id;
    tab.editor.checking = None;
    let unsaved = tab.editor.is_unsaved();
    let known = tab.editor.file.as_ref().and_then(|file| file.stamp);
    // A restored tab without edits has what it read then: its text tells whether the file is still that.
    let digest = match known {
        Some(known) => Some(known.digest),
        None if unsaved => None,
        None => Some(xxhash_rust::xxh3::xxh3_64(tab.editor.buffer.string().as_bytes())),
    };
    let Some(file) = &mut tab.editor.file else {
        return;
    };
    match (stamp, digest) {
        (Some(now), Some(digest)) if now.digest == digest => {
            file.stamp = Some(now);
            file.changed = false;
        }
        // It has edits of which the file knows nothing: saving asks before it writes over what is there.
        (Some(_), None) => {}
        // Behind a dialog it is looked at again when the window or the tab is next.
        (Some(_), Some(_)) if !unsaved => {
            let path = file.path.clone();
            follow(pages, files, cx, id, path)
        }
        (Some(_), Some(_)) if !file.changed && !is_asking => {
            file.changed = true;
            let path = file.path.clone();
            cx.leave(Outcome::Show(Dialog::Reload { tab: id, path }));
        }
        (None, _) if !file.changed => {
            file.changed = true;
            let text = format!("{} is gone from the disk. Save writes it again.", file.path);
            cx.notify(text);
        }
        _ => {}
    }
}

/// The name that a tab's label makes for a file.
fn file_name(label: &str) -> String {
    let name: String = label.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    name.trim_matches('-').to_owned()
}

/// Looks whether another program changed the active page's file.
pub fn check(pages: &mut Pages, cx: &mut Cx) {
    let Some(id) = pages.active().filter(|page| page.editor.file.is_some()).map(|page| page.id)
    else {
        return;
    };
    let request = cx.request();
    let Some(editor) = pages.get_mut(id).map(|page| &mut page.editor) else {
        return;
    };
    let Some(file) = &editor.file else {
        return;
    };
    editor.checking = Some(request);
    // A restored tab does not know what its file was: any stamp is another than this one.
    let unknown = FileStamp { modified_us: 0, length: 0, digest: 0 };
    let known = file.stamp.unwrap_or(unknown);
    let path = file.path.clone();
    cx.ask(Effect::Check { request, path, known });
}

/// A page's file was read again, as the user asked.
pub fn reread(pages: &mut Pages, cx: &mut Cx, tab: TabId, path: String, read: Read) {
    editor::reload(pages, cx, tab, path, read);
}

#[cfg(test)]
mod tests;
