//! Keyboard input without a window, as messages. A password travels as a secret, so that no message holds one openly.

use crate::{
    base::secret::Secret,
    model::Model,
    msg::Msg,
    update::shell::{
        dialog, keys,
        place::{Area, Place},
        welcome,
    },
};

/// Pieces of typed input: text, and the keys between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'text> {
    /// Text without line feeds and tabs.
    Text(&'text str),
    /// Enter or Tab.
    Key(&'static str),
}

/// Splits typed input at its keys.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    for part in text.split_inclusive(['\n', '\t']) {
        let key = match part.chars().next_back() {
            Some('\n') => Some("enter"),
            Some('\t') => Some("tab"),
            _ => None,
        };
        let text = if key.is_some() { &part[..part.len() - 1] } else { part };
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        pieces.extend(key.map(Piece::Key));
    }
    pieces
}

/// The messages for typed text.
pub fn typed(model: &Model, text: &str) -> Vec<Msg> {
    match focus(model) {
        Focus::Secret => vec![keys::Msg::SecretTyped { secret: Secret::new(text) }.into()],
        Focus::WelcomeField => vec![welcome_field(model, |field| field.push_str(text))],
        Focus::Text => vec![match dialog::pasted(&model.defaults, &model.dialog, text) {
            Some(msg) => msg.into(),
            None => keys::Msg::Typed { text: text.into() }.into(),
        }],
        Focus::Keys => text
            .chars()
            .map(|letter| {
                let keystroke = if letter == ' ' { "space".into() } else { letter.to_string() };
                keys::Msg::Pressed { keystroke }.into()
            })
            .collect(),
    }
}

/// The message for a keystroke.
pub fn pressed(model: &Model, keystroke: &str) -> Msg {
    let letter = match keystroke {
        "space" => Some(" "),
        single if single.chars().count() == 1 => Some(single),
        _ => None,
    };
    let bound = model.keymap.command(Place::of(model).contexts(), keystroke).is_some();
    match (focus(model), letter) {
        (Focus::Secret, Some(letter)) if !bound => {
            keys::Msg::SecretTyped { secret: Secret::new(letter) }.into()
        }
        (Focus::Text, Some(letter)) if !bound => {
            match dialog::pasted(&model.defaults, &model.dialog, letter) {
                Some(msg) => msg.into(),
                None => keys::Msg::Pressed { keystroke: keystroke.into() }.into(),
            }
        }
        (Focus::WelcomeField, Some(letter)) if !bound => {
            welcome_field(model, |field| field.push_str(letter))
        }
        (Focus::WelcomeField, None) if !bound && keystroke == "backspace" => {
            welcome_field(model, |field| {
                field.pop();
            })
        }
        _ => keys::Msg::Pressed { keystroke: keystroke.into() }.into(),
    }
}

/// What takes the keys.
enum Focus {
    /// A password's field.
    Secret,
    /// The welcome screen's field, whose text may hold a password.
    WelcomeField,
    Text,
    /// Nothing that takes text: each letter is a key.
    Keys,
}

fn focus(model: &Model) -> Focus {
    match (&model.dialog, model.area) {
        (Some(dialog), _) if dialog.takes_secret() => Focus::Secret,
        (Some(dialog), _) if !dialog.takes_text() => Focus::Keys,
        (Some(_), _) | (None, Area::Editor | Area::Find | Area::Settings) => Focus::Text,
        (None, Area::Welcome) => Focus::WelcomeField,
        (None, Area::Results | Area::Sidebar) => Focus::Keys,
    }
}

fn welcome_field(model: &Model, change: impl FnOnce(&mut String)) -> Msg {
    let mut field = model.welcome.typed.reveal().to_owned();
    change(&mut field);
    let msg = welcome::edited(&field, &model.defaults).into();
    zeroize::Zeroize::zeroize(&mut field);
    msg
}
