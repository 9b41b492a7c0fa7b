//! Keys are data here too: each binding of the keymap becomes one of GPUI's, with one action that carries the
//! command's id. They are bound where the widgets bind their own, and later, so that the program's meaning wins.

use std::rc::Rc;

use gpui::{Action, App, KeyBinding, KeyBindingContextPredicate, SharedString};

use crate::update::shell::{
    command::Command,
    keymap::{CONTEXTS, Keymap},
};

/// The part of the window that has the keys which mean the same everywhere.
pub const WINDOW: &str = "Tusk";
pub const EDITOR: &str = "TuskEditor";
/// The search over the editor.
pub const FIND: &str = "TuskFind";
/// The results: the grid, a card, the messages.
pub const RESULTS: &str = "TuskResults";
pub const SIDEBAR: &str = "TuskSidebar";
/// The welcome screen, where Enter means the row that is chosen.
pub const WELCOME: &str = "TuskWelcome";
/// The welcome screen, where Enter means what is in its field.
pub const WELCOME_FIELD: &str = "TuskWelcomeField";
/// The settings page.
pub const SETTINGS: &str = "TuskSettings";
/// What lies over the window. It is not inside [`WINDOW`], so nothing else hears its keys.
pub const DIALOG: &str = "TuskDialog";

/// The welcome screen's context.
pub fn welcome(means_row: bool) -> &'static str {
    if means_row { WELCOME } else { WELCOME_FIELD }
}

/// Asks for a command.
#[derive(Clone, Debug, PartialEq, Action)]
#[action(namespace = tusk, no_json)]
pub struct RunCommand {
    /// The command's stable id.
    pub id: SharedString,
}

impl RunCommand {
    /// The command that is asked for.
    pub fn command(&self) -> Option<Command> {
        Command::from_id(&self.id)
    }
}

/// The GPUI context of a context of the keymap.
pub fn place(context: &str) -> Option<&'static str> {
    Some(match context {
        "global" => WINDOW,
        "editor" => EDITOR,
        "find" => FIND,
        "results" => RESULTS,
        "sidebar" => SIDEBAR,
        "welcome" => WELCOME,
        "welcome-field" => WELCOME_FIELD,
        "settings" => SETTINGS,
        "dialog" => DIALOG,
        _ => return None,
    })
}

/// Where a key is bound: in its own place, and in the text fields inside of it, as deep as the fields bind theirs.
fn predicates(context: &str) -> Vec<String> {
    match place(context) {
        Some(place) => vec![place.to_owned(), format!("{place} > Input")],
        None => vec![],
    }
}

/// Binds every key of a keymap, in the place of the one that was bound before. The widgets' own keys stay.
pub fn bind(keymap: &Keymap, cx: &mut App) {
    let widgets: Vec<KeyBinding> = {
        let bound = cx.key_bindings();
        let bound = bound.borrow();
        let own = |binding: &&KeyBinding| binding.action().as_any().is::<RunCommand>();
        bound.bindings().filter(|binding| !own(binding)).cloned().collect()
    };
    let mut bindings = Vec::new();
    // Where two are equally deep, the later binding wins.
    for context in CONTEXTS {
        for (at, key, command) in keymap.bindings() {
            if at == *context {
                bindings.extend(binding(context, key, command, cx));
            }
        }
    }
    cx.clear_key_bindings();
    cx.bind_keys(widgets);
    cx.bind_keys(bindings);
}

fn binding(context: &str, key: &str, command: Command, cx: &App) -> Vec<KeyBinding> {
    let mut bindings = Vec::new();
    for predicate in predicates(context) {
        let predicate = match KeyBindingContextPredicate::parse(&predicate) {
            Ok(predicate) => Some(Rc::new(predicate)),
            Err(error) => {
                log::error!("the context {predicate} can't be bound: {error}");
                continue;
            }
        };
        let id = SharedString::new_static(command.id());
        let action = Box::new(RunCommand { id });
        match KeyBinding::load(key, action, predicate, false, None, cx) {
            Ok(binding) => bindings.push(binding),
            Err(error) => log::warn!("the key {key} can't be bound: {error}"),
        }
    }
    bindings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_context_of_the_keymap_has_a_place_of_its_own() {
        let places = CONTEXTS.iter().map(|context| place(context).expect(context));
        let places: std::collections::BTreeSet<&str> = places.collect();
        assert_eq!(places.len(), CONTEXTS.len());
    }
}
