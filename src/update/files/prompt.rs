//! Opening and saving files by name: a field with the directory's names under it, all by key.

use super::{Dialog, DirectoryEntry, Effect, Msg, Outcome, Read, Unread, Write};
use crate::{
    base::{ids::*, text::Buffer},
    sql::encoding::{Choice, Reading},
    update::cx::Cx,
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
    Save(Write),
    /// The user's keymap is being read.
    Keymap {
        /// Where it was kept before, which is read where there is none.
        before: Option<String>,
    },
}

impl PathPrompt {
    pub fn new(purpose: Purpose, path: &str) -> Self {
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
    pub fn list(&mut self, cx: &mut Cx) {
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

    /// Tab: completes the typed path from the list.
    pub fn complete(&mut self, cx: &mut Cx) {
        self.selected.get_or_insert(0);
        let (path, _) = self.chosen();
        self.field.replace_all(&path);
        self.list(cx);
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

/// Asks for a file to open, from the directory of the file that is at hand.
pub fn open(cx: &mut Cx, near: Option<&str>) {
    ask(cx, near, Purpose::Open)
}

/// Asks for a file to run without opening it.
pub fn run(cx: &mut Cx, near: Option<&str>) {
    ask(cx, near, Purpose::Run)
}

fn ask(cx: &mut Cx, near: Option<&str>, purpose: Purpose) {
    let start = near.and_then(|path| path.rfind('/').map(|end| path[..=end].to_owned()));
    let path = start.unwrap_or_else(|| "~/".into());
    ask_path(cx, PathPrompt::new(purpose, &path));
}

/// Opens a file in a tab.
pub fn open_path(files: &mut Pendings, cx: &mut Cx, path: String) {
    read(files, cx, path, Pending::Open { tab: None }, Reading::Detect)
}

pub fn read(files: &mut Pendings, cx: &mut Cx, path: String, what: Pending, reading: Reading) {
    let request = cx.request();
    files.insert(request, what);
    cx.ask(Effect::Open { request, path, reading });
}

/// No encoding was chosen: the file stays closed.
pub fn encoding_unknown(cx: &mut Cx, prompt: &EncodingPrompt) {
    let text = format!("{} was not opened.", prompt.path);
    cx.notify(text);
}

pub fn ask_path(cx: &mut Cx, mut prompt: PathPrompt) {
    prompt.list(cx);
    cx.leave(Outcome::Show(Dialog::Path(prompt)));
}

/// Enter on a path: a directory is gone into, and the prompt stays.
pub(super) fn accept(
    files: &mut Pendings,
    cx: &mut Cx,
    mut prompt: PathPrompt,
) -> Option<PathPrompt> {
    let (path, directory) = prompt.chosen();
    if directory || path.trim().is_empty() {
        prompt.field.replace_all(&path);
        prompt.list(cx);
        return Some(prompt);
    }
    match prompt.purpose {
        Purpose::Open => open_path(files, cx, path),
        Purpose::Run => cx.leave(Outcome::Run { path }),
        Purpose::Save { tab } => cx.leave(Outcome::SaveTo { tab, path }),
    }
    None
}

/// Reads a file in the encoding that was chosen for it.
pub fn encoding_chosen(files: &mut Pendings, cx: &mut Cx, prompt: EncodingPrompt) {
    let Some(choice) = prompt.choices.get(prompt.selected) else {
        return;
    };
    let reading = Reading::Chosen(choice.encoding);
    read(files, cx, prompt.path, Pending::Open { tab: prompt.tab }, reading)
}

/// Takes in what the runner reports of files.
pub fn update(files: &mut Pendings, dialog: Option<&mut Dialog>, cx: &mut Cx, msg: Msg) {
    match msg {
        Msg::Opened { request, path, result } => match files.remove(&request) {
            Some(Pending::Keymap { before }) => {
                cx.leave(Outcome::KeymapRead { result, before });
            }
            Some(Pending::Open { tab }) => opened(cx, tab, path, result),
            Some(Pending::Follow { tab }) => cx.leave(Outcome::Followed { tab, path, result }),
            Some(Pending::Save(_)) | None => {}
        },
        Msg::Saved { request, path, result } => {
            if let Some(Pending::Save(write)) = files.remove(&request) {
                cx.leave(Outcome::Saved { write, path, result });
            }
        }
        Msg::Checked { request, stamp, .. } => cx.leave(Outcome::Checked { request, stamp }),
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

fn opened(cx: &mut Cx, tab: Option<TabId>, path: String, result: Result<Box<Read>, Unread>) {
    match (result, tab) {
        (Ok(read), Some(tab)) => cx.leave(Outcome::Reread { tab, path, read }),
        (Ok(read), None) => cx.leave(Outcome::Opened { path, read }),
        (Err(unread), tab) => not_opened(cx, tab, path, unread),
    }
}

/// Tells why a file was not read, or asks what is missing.
pub fn not_opened(cx: &mut Cx, tab: Option<TabId>, path: String, unread: Unread) {
    match unread {
        Unread::Failed(failure) => cx.notify(failure.message),
        Unread::Unclear(choices) if choices.is_empty() => {
            let text = format!("{path} was not opened: it is not text.");
            cx.notify(text);
        }
        Unread::Unclear(choices) => {
            let prompt = EncodingPrompt { path, tab, choices, selected: 0 };
            cx.leave(Outcome::Show(Dialog::Encoding(prompt)));
        }
        Unread::Large { bytes } => {
            cx.leave(Outcome::Show(Dialog::RunLarge { path, bytes }));
        }
    }
}

/// Reads the user's own keymap; where there is none, from where it was kept before.
pub fn read_keymap(files: &mut Pendings, cx: &mut Cx, path: String, before: Option<String>) {
    read(files, cx, path, Pending::Keymap { before }, Reading::Detect)
}
