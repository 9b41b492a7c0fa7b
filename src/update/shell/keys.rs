//! Keys without a window: a keystroke is looked up in the keymap, or edits the text that has focus.

use super::{command::Command, dialog, routing, welcome};
use crate::{
    base::{secret::Secret, text::TextKey},
    model::Model,
    update::{
        query::{editor, find},
        settings::page,
        shell::place::{Area, Place},
    },
};

use serde::{Deserialize, Serialize};

/// What the headless driver sends in the place of a keyboard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// A keystroke, in GPUI's notation.
    Pressed {
        /// `ctrl-enter`
        keystroke: String,
    },
    /// Text was typed into whatever has focus.
    Typed {
        /// The text, with no line feed unless it is the editor that has focus.
        text: String,
    },
    /// A password was typed.
    SecretTyped {
        /// The password.
        secret: Secret,
    },
}

/// Takes in what was pressed or typed.
pub fn update(model: &mut Model, msg: Msg) {
    match msg {
        Msg::Pressed { keystroke } => pressed(model, &keystroke),
        Msg::Typed { text } => typed(model, &text),
        Msg::SecretTyped { secret } => match model.dialog {
            Some(_) => dialog::secret_typed(&mut model.dialog, &secret),
            None => welcome::typed(model, secret.reveal()),
        },
    }
}

fn pressed(model: &mut Model, keystroke: &str) {
    if let Some(command) = model.keymap.command(Place::of(model).contexts(), keystroke) {
        return match command {
            Command::DialogCancel if is_left_alone(model) => {}
            command => {
                routing::run(model, command);
            }
        };
    }
    if let Some((key, shift)) = text_key(keystroke) {
        return match (&model.dialog, model.area) {
            (Some(_), _) => {
                dialog::key(&mut model.history, &mut model.dialog, &mut model.cx, key, shift)
            }
            (None, Area::Editor) => editor::key(&mut model.pages, &mut model.cx, key, shift),
            (None, Area::Find) => find::key(&mut model.pages, &mut model.find, key, shift),
            (None, Area::Welcome) => welcome::key(model, key),
            (None, Area::Settings) => page::key(&mut model.settings_page, key, shift),
            (None, Area::Results | Area::Sidebar) => {}
        };
    }
    match keystroke {
        "enter" => typed(model, "\n"),
        "tab" => typed(model, "\t"),
        "space" => typed(model, " "),
        single if single.chars().count() == 1 => typed(model, single),
        _ => {}
    }
}

/// Whether Escape means nothing here.
fn is_left_alone(model: &Model) -> bool {
    let means_something = matches!(model.area, Area::Welcome | Area::Settings);
    model.dialog.is_none() && !means_something
}

fn typed(model: &mut Model, text: &str) {
    match (&model.dialog, model.area) {
        (Some(_), _) => dialog::typed(&mut model.history, &mut model.dialog, &mut model.cx, text),
        (None, Area::Editor) => editor::typed(&mut model.pages, &mut model.cx, text),
        (None, Area::Find) => find::typed(&mut model.pages, &mut model.find, text),
        (None, Area::Welcome) => welcome::typed(model, text),
        (None, Area::Settings) => page::typed(&mut model.settings_page, text),
        (None, Area::Results | Area::Sidebar) => {}
    }
}

fn text_key(keystroke: &str) -> Option<(TextKey, bool)> {
    let (shift, key) = match keystroke.strip_prefix("shift-") {
        Some(key) => (true, key),
        None => (false, keystroke),
    };
    let key = match key {
        "backspace" => TextKey::Backspace,
        "delete" => TextKey::Delete,
        "left" => TextKey::Left,
        "right" => TextKey::Right,
        "up" => TextKey::Up,
        "down" => TextKey::Down,
        "home" => TextKey::Home,
        "end" => TextKey::End,
        "ctrl-home" => TextKey::TextStart,
        "ctrl-end" => TextKey::TextEnd,
        "ctrl-a" => TextKey::SelectAll,
        _ => return None,
    };
    Some((key, shift))
}
