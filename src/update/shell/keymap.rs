//! Keys are data: which keystroke means which command, in which context.
//!
//! The keymap that ships is `assets/keymap.json`; the user's own file lies over it. The same table
//! feeds the window's bindings, the headless driver and every key box on screen.

use crate::update::{
    cx::Cx,
    files::{
        Pendings, Read, Unread,
        prompt::{self, PathPrompt, Purpose},
    },
};
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::command::Command;

/// The contexts that a keymap may name, from the outermost.
pub const CONTEXTS: &[&str] = &[
    "global",
    "editor",
    "find",
    "results",
    "sidebar",
    "welcome",
    "welcome-field",
    "settings",
    "dialog",
];

const DEFAULT: &str = include_str!("../../../assets/keymap.json");
const MACOS: &str = include_str!("../../../assets/keymap-macos.json");

/// Keystrokes in GPUI's notation (`ctrl-shift-p`), by context.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Keymap {
    contexts: BTreeMap<String, BTreeMap<String, Command>>,
}

/// A keymap file: `null` takes a key away.
type File = BTreeMap<String, BTreeMap<String, Option<String>>>;

impl Keymap {
    /// The keymap that ships. On macOS, Cmd takes Ctrl's place but where Cmd belongs to the system.
    pub fn shipped(macos: bool) -> Self {
        let mut keymap = Self::default();
        // Both files are part of the program, and a test reads them: there is nothing to report.
        let mut problems = keymap.lay_over(DEFAULT, macos);
        if macos {
            problems.extend(keymap.lay_over(MACOS, false));
        }
        debug_assert!(problems.is_empty(), "{problems:?}");
        keymap
    }

    /// Lays a file over what is there; answers with what it could not use, in sentences.
    pub fn lay_over(&mut self, json: &str, command_key: bool) -> Vec<String> {
        let file: File = match serde_json::from_str(json) {
            Ok(file) => file,
            Err(error) => return vec![format!("The keymap is not valid JSON: {error}.")],
        };
        let mut problems = Vec::new();
        for (context, keys) in file {
            if !CONTEXTS.contains(&context.as_str()) {
                problems.push(format!(
                    "The keymap names the context “{context}”; there are {}.",
                    CONTEXTS.join(", ")
                ));
                continue;
            }
            let known = self.contexts.entry(context).or_default();
            for (key, id) in keys {
                let key = if command_key { with_command(&key) } else { normal(&key) };
                match id.as_deref().map(|id| (id, Command::from_id(id))) {
                    None => drop(known.remove(&key)),
                    Some((_, Some(command))) => drop(known.insert(key, command)),
                    Some((id, None)) => {
                        problems.push(format!(
                            "The keymap binds {key} to “{id}”, which is no command."
                        ));
                    }
                }
            }
        }
        problems
    }

    /// What a keystroke means in these contexts, the innermost first.
    pub fn command(&self, contexts: &[&str], keystroke: &str) -> Option<Command> {
        let keystroke = normal(keystroke);
        contexts.iter().find_map(|context| self.contexts.get(*context)?.get(&keystroke).copied())
    }

    /// A keystroke for a command, for the boxes on screen: the shortest one of the first context that has it.
    pub fn key_of(&self, command: Command) -> Option<&str> {
        CONTEXTS.iter().find_map(|context| {
            self.contexts
                .get(*context)?
                .iter()
                .filter(|(_, bound)| **bound == command)
                .map(|(key, _)| key.as_str())
                .min_by_key(|key| key.len())
        })
    }

    /// Every binding: context, keystroke, command.
    pub fn bindings(&self) -> impl Iterator<Item = (&str, &str, Command)> {
        self.contexts.iter().flat_map(|(context, keys)| {
            keys.iter().map(move |(key, command)| (context.as_str(), key.as_str(), *command))
        })
    }
}

/// A keystroke as people read it: `ctrl-shift-enter` is `Ctrl Shift ↵`.
pub fn shown(keystroke: &str) -> String {
    let (modifiers, key) = split(keystroke);
    let mut words: Vec<String> = modifiers.iter().map(|word| capital(word)).collect();
    words.push(match key {
        "enter" => "↵".into(),
        "escape" => "Esc".into(),
        "up" => "↑".into(),
        "down" => "↓".into(),
        "left" => "←".into(),
        "right" => "→".into(),
        "pageup" => "PgUp".into(),
        "pagedown" => "PgDn".into(),
        key => capital(key),
    });
    words.join(" ")
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Modifiers in one order, so that `shift-ctrl-a` and `ctrl-shift-a` are the same key.
fn normal(keystroke: &str) -> String {
    let (mut modifiers, key) = split(keystroke);
    modifiers.sort_by_key(|word| {
        ["ctrl", "alt", "shift", "cmd", "super", "fn"].iter().position(|known| known == word)
    });
    modifiers.push(key);
    modifiers.join("-")
}

fn with_command(keystroke: &str) -> String {
    normal(&keystroke.replace("ctrl-", "cmd-"))
}

fn split(keystroke: &str) -> (Vec<&str>, &str) {
    let mut rest = keystroke;
    let mut modifiers = Vec::new();
    while let Some((word, after)) = rest.split_once('-') {
        if after.is_empty() || !["ctrl", "alt", "shift", "cmd", "super", "fn"].contains(&word) {
            break;
        }
        modifiers.push(word);
        rest = after;
    }
    (modifiers, rest)
}

pub fn was_read(
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
        prompt::read_keymap(files, cx, before, None)
    }
}

/// The hint that a prompt shows, with its key.
pub fn hint(keymap: &Keymap, prompt: &PathPrompt) -> String {
    let key = keymap.key_of(Command::DialogAccept).map(shown).unwrap_or_default();
    match prompt.purpose {
        Purpose::Open => format!("{key} opens the file"),
        Purpose::Run => format!("{key} runs the file"),
        Purpose::Save { .. } => format!("{key} saves to it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_keymaps_hold_nothing_unknown() {
        assert_eq!(Keymap::default().lay_over(DEFAULT, false), Vec::<String>::new());
        assert_eq!(Keymap::default().lay_over(MACOS, false), Vec::<String>::new());
    }

    #[test]
    fn the_inner_context_wins() {
        let keymap = Keymap::shipped(false);
        assert_eq!(keymap.command(&["dialog"], "enter"), Some(Command::DialogAccept));
        assert_eq!(keymap.command(&["results", "global"], "enter"), Some(Command::ResultsInspect));
        assert_eq!(keymap.command(&["editor", "global"], "enter"), None);
        assert_eq!(
            keymap.command(&["editor", "global"], "shift-ctrl-p"),
            Some(Command::PaletteOpen)
        );
    }

    #[test]
    fn a_users_file_overrides_takes_away_and_is_told_what_is_wrong_with_it() {
        let mut keymap = Keymap::shipped(false);
        let problems = keymap.lay_over(
            r#"{"global": {"f5": "query.run", "f6": null, "f7": "query.fly"}, "moon": {}}"#,
            false,
        );
        assert_eq!(keymap.command(&["global"], "f5"), Some(Command::QueryRun));
        assert_eq!(keymap.command(&["global"], "f6"), None);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert_eq!(keymap.lay_over("{", false).len(), 1);
    }

    #[test]
    fn every_command_is_reachable_from_the_keyboard() {
        let keymap = Keymap::shipped(false);
        for command in Command::ALL {
            assert!(
                command.in_palette() || keymap.key_of(*command).is_some(),
                "{command} is neither in the palette nor bound"
            );
        }
    }

    #[test]
    fn on_macos_command_takes_controls_place_but_where_the_system_has_it() {
        let keymap = Keymap::shipped(true);
        assert_eq!(keymap.command(&["global"], "cmd-enter"), Some(Command::QueryRun));
        assert_eq!(keymap.command(&["global"], "ctrl-tab"), Some(Command::TabNext));
        assert_eq!(keymap.command(&["global"], "cmd-tab"), None);
    }

    #[test]
    fn keys_are_shown_as_on_the_boxes() {
        assert_eq!(shown("ctrl-shift-enter"), "Ctrl Shift ↵");
        assert_eq!(shown("ctrl--"), "Ctrl -");
        assert_eq!(shown("ctrl-."), "Ctrl .");
        assert_eq!(shown("f6"), "F6");
    }
}
