//! Opening and saving files by name: a field with the directory's names under it, all by key.

use super::{DirectoryEntry, Effect, Expected, FileStamp, Msg, Outcome, Read, Saved, Unread};
use crate::{
    base::{ids::*, text::Buffer},
    sql::encoding::{Choice, Encoding, Form, Reading},
    update::{
        cx::Cx,
        query::{
            editor::{self, FileLink},
            page::Pages,
        },
        shell::{
            dialog::{Confirm, Dialog},
            keymap::{self, Keymap},
        },
    },
};

use serde::Serialize;

/// The entries of a directory are listed from a multiple of this on.
const PAGE: usize = 100;

/// A file to open or to save to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PathPrompt {
    /// What it is for.
    pub purpose: Purpose,
    /// The path as typed.
    pub field: Buffer,
    /// The directory that was listed last.
    pub directory: String,
    pub entries: Vec<DirectoryEntry>,
    /// The list that is under way.
    pub listing: Option<Request>,
    /// The entry that is chosen; none while the field itself is meant.
    pub selected: Option<usize>,
    /// Why the directory could not be listed, or the file not used.
    pub problem: Option<String>,
}

/// What a path is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Purpose {
    /// To open the file.
    Open,
    /// To run the file without opening it.
    Run,
    /// To save a tab.
    Save { tab: TabId },
}

/// A file whose encoding somebody has to say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EncodingPrompt {
    /// The file.
    pub path: String,
    /// The tab that reads it again; none for a new one.
    pub tab: Option<TabId>,
    /// The ways in which it can be read.
    pub choices: Vec<Choice>,
    /// The one that is chosen.
    pub selected: usize,
}

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

/// File effects that are under way, by request.
pub type Pendings = std::collections::BTreeMap<Request, Pending>;

/// What a file effect that is under way is for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Pending {
    /// A file is being opened, in a new tab or in its own.
    Open {
        /// The tab that reads it again; none for a new one.
        tab: Option<TabId>,
    },
    /// A file that another program changed is read again into a tab without edits.
    Follow { tab: TabId },
    /// A tab is being saved.
    Save {
        tab: TabId,
        /// The revision that goes to the file.
        revision: u64,
        /// How it is written.
        form: Form,
        /// What was to be there.
        expected: Expected,
    },
    /// The user's keymap is being read.
    Keymap {
        /// Where it was kept before, which is read where there is none.
        before: Option<String>,
    },
}

impl PathPrompt {
    fn new(purpose: Purpose, path: &str) -> Self {
        Self {
            purpose,
            field: Buffer::new(path),
            directory: String::new(),
            entries: vec![],
            listing: None,
            selected: None,
            problem: None,
        }
    }

    /// The first entry that is listed: the one that is chosen is within those listed, and that does not change with
    /// each step.
    pub fn first(&self) -> usize {
        let pages = self.selected.unwrap_or(0) / PAGE;
        pages.saturating_sub(1) * PAGE
    }

    /// The entries that the typed name begins.
    pub fn matching(&self) -> impl Iterator<Item = &DirectoryEntry> {
        let typed = self.field.string();
        let name = typed.rsplit('/').next().unwrap_or_default().to_lowercase();
        let hidden = name.starts_with('.');
        self.entries.iter().filter(move |entry| {
            entry.name.to_lowercase().starts_with(&name) && (hidden || !entry.name.starts_with('.'))
        })
    }

    /// Lists the directory of the typed path, where it is not the one that is listed.
    fn list(&mut self, cx: &mut Cx) {
        let request = cx.request();
        self.selected = None;
        self.problem = None;
        let directory = self.directory_of_field();
        if directory == self.directory && self.listing.is_none() {
            return;
        }
        self.directory = directory.clone();
        self.listing = Some(request);
        cx.ask(Effect::List { request, directory });
    }

    fn directory_of_field(&self) -> String {
        let typed = self.field.string();
        match typed.rfind('/') {
            Some(0) => "/".into(),
            Some(end) => typed[..end].into(),
            None => "~".into(),
        }
    }

    /// The path that Enter means.
    fn chosen(&self) -> (String, bool) {
        let typed = self.field.string();
        let Some(entry) = self.selected.and_then(|selected| self.matching().nth(selected)) else {
            return (typed.clone(), typed.ends_with('/'));
        };
        let end = typed.rfind('/').map_or(0, |slash| slash + 1);
        (
            format!("{}{}{}", &typed[..end], entry.name, if entry.directory { "/" } else { "" }),
            entry.directory,
        )
    }
}

/// Asks which file to open.
pub fn open(pages: &Pages, cx: &mut Cx) {
    ask(pages, cx, Purpose::Open)
}

/// Asks which file to run.
pub fn run(pages: &Pages, cx: &mut Cx) {
    ask(pages, cx, Purpose::Run)
}

fn ask(pages: &Pages, cx: &mut Cx, purpose: Purpose) {
    let near = pages.active().and_then(|tab| tab.editor.file.as_ref());
    let start = near.and_then(|file| file.path.rfind('/').map(|end| file.path[..=end].to_owned()));
    let path = start.unwrap_or_else(|| "~/".into());
    ask_path(cx, PathPrompt::new(purpose, &path));
}

/// Opens a file in a tab.
pub fn open_path(files: &mut Pendings, cx: &mut Cx, path: String) {
    read(files, cx, path, Pending::Open { tab: None }, Reading::Detect)
}

fn read(files: &mut Pendings, cx: &mut Cx, path: String, what: Pending, reading: Reading) {
    let request = cx.request();
    files.insert(request, what);
    cx.ask(Effect::Open { request, path, reading });
}

/// Reads a file in the encoding that was chosen for it.
pub fn encoding_chosen(files: &mut Pendings, cx: &mut Cx, prompt: EncodingPrompt) {
    let Some(choice) = prompt.choices.get(prompt.selected) else {
        return;
    };
    let reading = Reading::Chosen(choice.encoding);
    read(files, cx, prompt.path, Pending::Open { tab: prompt.tab }, reading)
}

/// No encoding was chosen: the file stays closed.
pub fn encoding_unknown(cx: &mut Cx, prompt: &EncodingPrompt) {
    let text = format!("{} was not opened.", prompt.path);
    cx.notify(text);
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
    ask_path(cx, prompt);
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
    read(files, cx, path, Pending::Open { tab: Some(tab) }, reading)
}

/// Reads a tab's file again without having asked.
fn follow(pages: &mut Pages, files: &mut Pendings, cx: &mut Cx, tab: TabId, path: String) {
    let reading = known_encoding(pages, tab);
    read(files, cx, path, Pending::Follow { tab }, reading)
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

/// Lists the directory of the typed path, where it is not the one that is listed.
pub fn list(dialog: &mut Option<Dialog>, cx: &mut Cx) {
    if let Some(Dialog::Path(prompt)) = dialog {
        prompt.list(cx);
    }
}

fn ask_path(cx: &mut Cx, mut prompt: PathPrompt) {
    prompt.list(cx);
    cx.leave(Dialog::Path(prompt));
}

/// Tab: completes the typed path from the list.
pub fn complete(dialog: &mut Option<Dialog>, cx: &mut Cx) {
    let Some(Dialog::Path(prompt)) = dialog else {
        return;
    };
    prompt.selected.get_or_insert(0);
    let (path, _) = prompt.chosen();
    prompt.field.replace_all(&path);
    list(dialog, cx)
}

/// Enter: goes into a directory, or uses the file.
pub fn accept(
    pages: &mut Pages,
    files: &mut Pendings,
    dialog: &mut Option<Dialog>,
    cx: &mut Cx,
    mut prompt: PathPrompt,
) {
    let (path, directory) = prompt.chosen();
    if directory || path.trim().is_empty() {
        prompt.field.replace_all(&path);
        *dialog = Some(Dialog::Path(prompt));
        return list(dialog, cx);
    }
    match prompt.purpose {
        Purpose::Open => open_path(files, cx, path),
        Purpose::Run => cx.leave(Outcome::Run { path }),
        Purpose::Save { tab } => write(pages, files, cx, tab, path, Expected::Nothing, None),
    }
}

/// Writes a tab's text to a file, in the form that its file had where none is given.
fn write(
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
    let pending = Pending::Save { tab, revision, form, expected };
    files.insert(request, pending);
    cx.ask(Effect::Save { request, path, text, form, expected });
}

/// Takes in what the runner reports of files.
pub fn update(
    pages: &mut Pages,
    files: &mut Pendings,
    keymap: &mut Keymap,
    dialog: &mut Option<Dialog>,
    cx: &mut Cx,
    msg: Msg,
) {
    match msg {
        Msg::Opened { request, path, result } => match files.remove(&request) {
            Some(Pending::Keymap { before }) => keymap_read(files, keymap, cx, result, before),
            Some(Pending::Open { tab }) => opened(pages, cx, tab, path, result),
            Some(Pending::Follow { tab }) => followed(pages, dialog, cx, tab, path, result),
            Some(Pending::Save { .. }) | None => {}
        },
        Msg::Saved { request, path, result } => match files.remove(&request) {
            Some(pending @ Pending::Save { .. }) => saved(pages, cx, pending, path, result),
            Some(Pending::Open { .. } | Pending::Follow { .. } | Pending::Keymap { .. }) | None => {
            }
        },
        Msg::Checked { request, stamp, .. } => checked(pages, files, dialog, cx, request, stamp),
        Msg::Listed { request, directory: _, result } => {
            if let Some(Dialog::Path(prompt)) = dialog
                && prompt.listing == Some(request)
            {
                prompt.listing = None;
                match result {
                    Ok(entries) => prompt.entries = entries,
                    Err(failure) => {
                        prompt.entries = vec![];
                        prompt.problem = Some(failure.message);
                    }
                }
            }
        }
    }
}

fn keymap_read(
    files: &mut Pendings,
    keymap: &mut Keymap,
    cx: &mut Cx,
    result: Result<Box<Read>, Unread>,
    before: Option<String>,
) {
    match result {
        Ok(read) => {
            for problem in keymap.lay_over(&read.text.to_string(), false) {
                cx.notify(problem);
            }
            return;
        }
        // A user without a keymap of their own is the usual case.
        Err(Unread::Failed(failure)) if failure.message.to_lowercase().contains("no such file") => {
        }
        Err(Unread::Failed(failure)) => cx.notify(failure.message),
        Err(Unread::Unclear(_)) => {
            let text = "The keymap was not read: it is not UTF-8 text.";
            cx.notify(text);
        }
        Err(Unread::Large { .. }) => {
            let text = "The keymap was not read: it is too large.";
            cx.notify(text);
        }
    }
    if let Some(before) = before {
        read_keymap(files, cx, before, None)
    }
}

/// Tells why a file was not read, or asks what is missing.
fn not_opened(cx: &mut Cx, tab: Option<TabId>, path: String, unread: Unread) {
    match unread {
        Unread::Failed(failure) => cx.notify(failure.message),
        Unread::Unclear(choices) if choices.is_empty() => {
            let text = format!("{path} was not opened: it is not text.");
            cx.notify(text);
        }
        Unread::Unclear(choices) => {
            let prompt = EncodingPrompt { path, tab, choices, selected: 0 };
            cx.leave(Dialog::Encoding(prompt));
        }
        Unread::Large { bytes } => {
            let question = Confirm::RunLarge { path, bytes };
            cx.leave(Dialog::Confirm(question));
        }
    }
}

/// A file that another program changed was read again. Where something was typed meanwhile, that comes first.
fn followed(
    pages: &mut Pages,
    dialog: &mut Option<Dialog>,
    cx: &mut Cx,
    tab: TabId,
    path: String,
    result: Result<Box<Read>, Unread>,
) {
    let busy = dialog.is_some();
    let Some(found) = pages.get_mut(tab) else {
        return;
    };
    let is_its_file = found.editor.file.as_ref().is_some_and(|file| file.path == path);
    match result {
        _ if !is_its_file => {}
        Ok(_) if found.editor.is_unsaved() && !busy => {
            if let Some(file) = &mut found.editor.file {
                file.changed = true;
            }
            *dialog = Some(Dialog::Confirm(Confirm::Reload { tab, path }));
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
        Err(Unread::Unclear(_)) if busy => {}
        Err(unread) => not_opened(cx, Some(tab), path, unread),
    }
}

fn opened(
    pages: &mut Pages,
    cx: &mut Cx,
    tab: Option<TabId>,
    path: String,
    result: Result<Box<Read>, Unread>,
) {
    let read = match result {
        Ok(read) => *read,
        Err(unread) => return not_opened(cx, tab, path, unread),
    };
    if let Some(tab) = tab {
        editor::reload(pages, cx, tab, path, read);
        return;
    }
    cx.leave(Outcome::Opened { path, read: Box::new(read) });
}

fn saved(pages: &mut Pages, cx: &mut Cx, pending: Pending, path: String, result: Saved) {
    let Pending::Save { tab, revision, form, expected } = pending else {
        return;
    };
    match result {
        Saved::Written(stamp) => {
            cx.notify(format!("Saved {path}."));
            let Some(found) = pages.get_mut(tab) else {
                return;
            };
            found.editor.file = Some(FileLink { path, stamp: Some(stamp), changed: false, form });
            found.editor.saved_revision = revision;
            found.editor.checking = None;
            cx.leave(Outcome::Saved);
        }
        Saved::Conflict => {
            if pages.get_mut(tab).is_none() {
                return;
            }
            cx.leave(Dialog::Confirm(Confirm::Overwrite { tab, path, form }));
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
    cx.leave(Dialog::Confirm(Confirm::OtherEncoding(Box::new(other))));
}

fn checked(
    pages: &mut Pages,
    files: &mut Pendings,
    dialog: &mut Option<Dialog>,
    cx: &mut Cx,
    request: Request,
    stamp: Option<FileStamp>,
) {
    let busy = dialog.is_some();
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
        (Some(_), Some(_)) if !file.changed && !busy => {
            file.changed = true;
            let path = file.path.clone();
            *dialog = Some(Dialog::Confirm(Confirm::Reload { tab: id, path }));
        }
        (None, _) if !file.changed => {
            file.changed = true;
            let text = format!("{} is gone from the disk. Save writes it again.", file.path);
            cx.notify(text);
        }
        _ => {}
    }
}

/// Reads the user's own keymap; where there is none, from where it was kept before.
pub fn read_keymap(files: &mut Pendings, cx: &mut Cx, path: String, before: Option<String>) {
    read(files, cx, path, Pending::Keymap { before }, Reading::Detect)
}

/// The name that a tab's label makes for a file.
fn file_name(label: &str) -> String {
    let name: String = label.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    name.trim_matches('-').to_owned()
}

/// The hint that a prompt shows, with its key.
pub fn hint(keymap: &Keymap, prompt: &PathPrompt) -> String {
    let key = keymap
        .key_of(crate::update::shell::command::Command::DialogAccept)
        .map(keymap::shown)
        .unwrap_or_default();
    match prompt.purpose {
        Purpose::Open => format!("{key} opens the file"),
        Purpose::Run => format!("{key} runs the file"),
        Purpose::Save { .. } => format!("{key} saves to it"),
    }
}

#[cfg(test)]
mod tests;
