//! Whether what is done is kept: how the store stands, and what the user is told of it.
//!
//! The Model has all that there is to keep but old runs. So a store that begins on another file is given all of it
//! again, and nothing typed is lost while the program runs.

use super::{Effect, Opened, Outcome, Salvage, Saved, Writes};
use crate::{
    base::{ids::*, text::Buffer},
    update::cx::Cx,
};

use serde::Serialize;

/// How the store stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Storage {
    /// What is done is on disk.
    #[default]
    OnDisk,
    /// The disk does not take it now: it waits in memory.
    Waiting {
        /// What the disk says.
        reason: String,
    },
    /// It is in memory alone, and gone with the program.
    InMemory { reason: String },
}

/// The data directory can't be used: another one is asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DirectoryPrompt {
    /// The one that can't be used.
    pub directory: String,
    pub reason: String,
    /// The one that is typed.
    pub field: Buffer,
    /// The request that tries it.
    pub trying: Option<Request>,
    /// Why the last one was not taken.
    pub problem: Option<String>,
}

/// Says how the store came up, where that is not as always; asks for another directory where this one can't be used.
pub fn came_up(storage: &mut Storage, cx: &mut Cx, opened: Opened) {
    let (found, text) = match opened {
        Opened::OnDisk => {
            *storage = Storage::OnDisk;
            return;
        }
        Opened::Fresh { copy, reason, salvage } => (
            Storage::OnDisk,
            format!(
                "Tusk's own data was damaged ({reason}). {} The damaged file is kept as {copy}.",
                salvaged(&salvage)
            ),
        ),
        Opened::Recreated { file, how } => (
            Storage::OnDisk,
            format!(
                "{file} was lost while Tusk ran: {how}. All that Tusk knows was written to it again."
            ),
        ),
        Opened::InMemory { reason } => (
            Storage::InMemory { reason: reason.clone() },
            format!("Nothing of this run will be kept: {reason}."),
        ),
        Opened::NoDirectory { directory, reason } => {
            *storage = Storage::InMemory { reason: reason.clone() };
            let prompt = DirectoryPrompt {
                field: Buffer::new(&directory),
                directory,
                reason,
                trying: None,
                problem: None,
            };
            cx.leave(Outcome::AskDirectory(prompt));
            return;
        }
    };
    *storage = found;
    cx.notify(text);
}

/// What could be read of a damaged file, and what not, in sentences.
fn salvaged(salvage: &Salvage) -> String {
    let kinds = [
        ("tab", "tabs", salvage.tabs),
        ("connection", "connections", salvage.connections),
        ("run", "runs", salvage.runs),
        ("set of settings", "sets of settings", salvage.settings),
    ];
    let listed = |count: fn(&Saved) -> u64| {
        let some =
            kinds.iter().filter(|(.., saved)| count(saved) > 0).map(
                |(one, many, saved)| match count(saved) {
                    1 => format!("1 {one}"),
                    count => format!("{count} {many}"),
                },
            );
        some.collect::<Vec<_>>().join(", ")
    };
    let (back, damaged, lost) =
        (listed(|saved| saved.back), listed(|saved| saved.damaged), listed(|saved| saved.lost));
    let mut sentences = vec![if back.is_empty() {
        "Nothing could be read of it.".to_owned()
    } else {
        format!("What could be read of it is back: {back}.")
    }];
    if !damaged.is_empty() {
        sentences.push(format!("Of these, look through what is not quite as it was: {damaged}."));
    }
    let unknown: Vec<&str> =
        kinds.iter().filter(|(.., saved)| saved.perhaps_more).map(|(_, many, _)| *many).collect();
    let unknown = unknown.join(", ");
    sentences.push(match (lost.is_empty(), unknown.is_empty()) {
        (true, true) => "Nothing is known to be lost.".into(),
        (false, true) => format!("Lost: {lost}."),
        (true, false) => format!("There may have been more {unknown}."),
        (false, false) => format!("Lost: {lost}; and there may have been more {unknown}."),
    });
    sentences.join(" ")
}

/// The disk does not take a write. The user is told once, not for each key.
pub fn held(
    storage: &mut Storage,
    writes: &mut Writes,
    cx: &mut Cx,
    request: Request,
    reason: String,
) {
    if writes.remove(&request) && *storage == Storage::OnDisk {
        let text = format!(
            "The disk does not take what Tusk wants to keep ({reason}). It stays in memory and is written as soon as the disk takes it; don't quit Tusk until then."
        );
        cx.notify(text);
        *storage = Storage::Waiting { reason };
    }
}

/// All that waited is on disk.
pub fn caught_up(storage: &mut Storage, cx: &mut Cx) {
    if matches!(storage, Storage::Waiting { .. }) {
        *storage = Storage::OnDisk;
        let text = "The disk takes what Tusk keeps again: all of it is written.";
        cx.notify(text);
    }
}

/// Another file is used from here on.
pub fn reopened(storage: &mut Storage, cx: &mut Cx, opened: Opened, is_ready: bool) {
    match opened {
        Opened::Fresh { copy, reason, salvage } if is_ready => {
            *storage = Storage::OnDisk;
            let runs = Salvage { runs: salvage.runs, ..Salvage::default() };
            // All but the old runs is in the Model.
            let lost = if runs.runs.lost > 0 || runs.runs.perhaps_more {
                format!(" Of the old runs: {}", salvaged(&runs))
            } else {
                String::new()
            };
            let text = format!(
                "Tusk's own data was damaged while it ran ({reason}). All that is open was written to a fresh file.{lost} The damaged one is kept as {copy}."
            );
            cx.notify(text.clone());
            cx.leave(Outcome::WriteDown(text));
        }
        opened => came_up(storage, cx, opened),
    }
}

/// Enter on the typed directory: it is tried.
pub fn try_directory(cx: &mut Cx, mut prompt: DirectoryPrompt) -> DirectoryPrompt {
    let directory = prompt.field.string().trim().to_owned();
    if directory.is_empty() {
        prompt.problem = Some("Type the name of a directory.".into());
    } else if prompt.trying.is_none() {
        let request = cx.request();
        prompt.trying = Some(request);
        prompt.problem = None;
        cx.ask(Effect::UseDirectory { request, directory });
    }
    prompt
}

/// The user goes on without a directory.
pub fn go_on_in_memory(cx: &mut Cx) {
    let text = "Nothing of this run will be kept. Save what you need to files of your own.";
    cx.notify(text);
}

/// What would be lost with the program because the disk does not take it, in words.
pub fn would_lose(storage: &Storage) -> Option<String> {
    match storage {
        Storage::Waiting { reason } => {
            Some(format!("What was done lately is not on disk, which does not take it ({reason})"))
        }
        Storage::OnDisk | Storage::InMemory { .. } => None,
    }
}

#[cfg(test)]
mod tests;
