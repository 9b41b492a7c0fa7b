//! Removes secrets from a message before anything else is done with it.
//!
//! A secret of its own type prints as `***` by itself. What remains are the places where a user writes a password into
//! SQL: texts are masked byte for byte, so that every position in them stays. An edit may bring a single letter of a
//! password, so it is judged in the text that it produces; and a string may be typed before the words that make it a
//! password, so it is masked as soon as it may become one.

use crate::{
    base::{
        ids::TabId,
        text::{Buffer, Edit},
    },
    conninfo::Conninfo,
    model::Model,
    msg::Msg,
    sql::safety::mask::{self, Values},
    update::{
        query::{self, editor, run::secrets},
        results,
        shell::{keys, place::Area, welcome},
    },
};
use std::{borrow::Cow, io, ops::Range, sync::Arc};

use serde_json::Value;

/// Removes the secrets from messages, in order.
#[derive(Debug, Default)]
pub struct Redactor {
    /// A text of the welcome field that was written without its meaning: `app:1234` may be half a password, or, once
    /// the user is done typing, a host and a port.
    owed: Option<Msg>,
    /// The secrets in the statements sent so far.
    sent: Values,
}

impl Redactor {
    /// A statement is sent: masks its secrets by their value in whatever comes back.
    pub fn learn(&mut self, sql: &str) {
        self.sent.learn(sql);
    }

    /// The message without the secrets of earlier statements, found by their value.
    pub fn without_values(&self, mut msg: Msg) -> Msg {
        if self.sent.is_empty() {
            return msg;
        }
        match &mut msg {
            Msg::Query(query::Msg::RowsArrived { chunk, .. }) => {
                if let Some(masked) = chunk.masked(|text| self.sent.mask(text)) {
                    *chunk = Arc::new(masked);
                }
            }
            Msg::Query(query::Msg::EncodingChanged { escaped, .. }) => {
                for chunk in escaped.iter_mut().flatten() {
                    if let Some(masked) = chunk.masked(|text| self.sent.mask(text)) {
                        *chunk = Arc::new(masked);
                    }
                }
            }
            Msg::Query(msg) => secrets::hide_in_query(&self.sent, msg),
            Msg::Session(msg) => secrets::hide_in_session(&self.sent, msg),
            Msg::Cells(results::contract::Msg::Copied { text: Ok(text), .. }) => {
                if let Cow::Owned(masked) = self.sent.mask(text) {
                    *text = masked.into();
                }
            }
            _ => {}
        }
        msg
    }

    /// The message as it may be stored: as it reads back from the file. `model` is the state that such messages led to.
    pub fn redact(&mut self, model: &Model, msg: &Msg) -> io::Result<Vec<Msg>> {
        let mut found = Vec::new();
        match msg {
            Msg::Welcome(welcome::Msg::Edited { .. }) => {
                let (now, owed) = half_typed(msg);
                self.owed = owed;
                found.push(read_back(&now, true)?);
                return Ok(found);
            }
            Msg::Command(_) | Msg::Keys(_) | Msg::Dialog(_) => {
                if let Some(owed) = self.owed.take() {
                    found.push(read_back(&owed, true)?);
                }
            }
            _ => {}
        }
        let is_sql = match msg {
            Msg::Editor { .. } | Msg::Store(_) | Msg::File(_) => true,
            Msg::Keys(_) => model.dialog.is_none(),
            _ => false,
        };
        found.push(read_back(&in_context(model, msg), !is_sql)?);
        Ok(found)
    }
}

/// The Model as JSON, without secrets.
pub fn model(model: &Model) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(model)?;
    mask_strings(&mut value, false);
    for tab in &model.pages.open {
        mask_values(&mut value, &tab.secrets);
    }
    Ok(value)
}

/// The screen of a Model as text, without secrets.
pub fn screen(model: &Model, screen: &str) -> String {
    let mut masked = words(screen);
    for tab in &model.pages.open {
        let found = tab.secrets.found_in(&masked);
        blank(&mut masked, found);
    }
    masked
}

/// A text with each byte of its secrets replaced by `*`.
pub fn text(text: &str) -> String {
    let mut masked = text.to_owned();
    blank(&mut masked, mask::secrets(text));
    masked
}

/// The same for a text that is not SQL: it may hold SQL between double quotes, or a literal `password=…`.
pub fn words(text: &str) -> String {
    let mut masked = text.to_owned();
    blank(&mut masked, mask::secrets_in_words(text));
    masked
}

fn blank(text: &mut String, ranges: impl IntoIterator<Item = Range<usize>>) {
    for range in ranges {
        let Some(secret) = text.get(range.clone()) else {
            continue;
        };
        let stars: String =
            secret.bytes().map(|byte| if byte == b'\n' { '\n' } else { '*' }).collect();
        text.replace_range(range, &stars);
    }
}

/// Writes and reads a message, with every text in it masked.
fn read_back(msg: &Msg, as_words: bool) -> io::Result<Msg> {
    let mut value = serde_json::to_value(msg)?;
    mask_strings(&mut value, as_words);
    Ok(serde_json::from_value(value)?)
}

fn mask_strings(value: &mut Value, as_words: bool) {
    match value {
        Value::String(string) => {
            let masked = if as_words { words(string) } else { text(string) };
            *string = masked;
        }
        Value::Array(values) => {
            for value in values {
                mask_strings(value, as_words);
            }
        }
        Value::Object(members) => {
            // A session's setting, made by a statement that is not repeated with it.
            let is_secret =
                members.get("name").and_then(Value::as_str).is_some_and(mask::is_secret_name);
            if let (true, Some(Value::String(value))) = (is_secret, members.get_mut("value")) {
                let whole = 0..value.len();
                blank(value, std::iter::once(whole));
            }
            // A failure, and its place: a server's words, not SQL.
            let as_words = as_words || members.contains_key("message");
            for (name, value) in members {
                mask_strings(value, as_words || name == "messages");
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn mask_values(value: &mut Value, secrets: &Values) {
    match value {
        Value::String(string) => {
            let found = secrets.found_in(string);
            blank(string, found);
        }
        Value::Array(values) => {
            values.iter_mut().for_each(|value| mask_values(value, secrets));
        }
        Value::Object(members) => {
            members.values_mut().for_each(|value| mask_values(value, secrets));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A change of the welcome field as it may be written now and, if that says less, the message itself.
fn half_typed(msg: &Msg) -> (Msg, Option<Msg>) {
    match msg {
        Msg::Welcome(welcome::Msg::Edited { typed, masked, parsed: Some(Ok(_)) })
            if masked != typed.reveal() && !Conninfo::text_holds_secret(typed.reveal()) =>
        {
            let now =
                welcome::Msg::Edited { typed: typed.clone(), masked: masked.clone(), parsed: None };
            (now.into(), Some(msg.clone()))
        }
        _ => (msg.clone(), None),
    }
}

/// An editing message, masked in the text that it produces.
fn in_context(model: &Model, msg: &Msg) -> Msg {
    match msg {
        Msg::Editor { tab, msg: editor::Msg::Edited { base, edits, anchor, head } } => {
            let mut edits = edits.clone();
            if let Some(buffer) = buffer(model, *tab) {
                let mut after = buffer.clone();
                let applied = after.edited(*base, &edits, *anchor, *head);
                let inserted = edits.iter_mut().map(|edit| &mut edit.inserted).collect();
                mask_inserted(&after.string(), &applied, inserted);
            }
            let (tab, base, anchor, head) = (*tab, *base, *anchor, *head);
            Msg::Editor { tab, msg: editor::Msg::Edited { base, edits, anchor, head } }
        }
        Msg::Keys(keys::Msg::Typed { text }) => {
            keys::Msg::Typed { text: typed(model, text) }.into()
        }
        Msg::Keys(keys::Msg::Pressed { keystroke }) if keystroke.chars().count() == 1 => {
            keys::Msg::Pressed { keystroke: typed(model, keystroke) }.into()
        }
        _ => msg.clone(),
    }
}

fn buffer(model: &Model, tab: TabId) -> Option<&Buffer> {
    let tab = model.pages.open.iter().find(|open| open.id == tab)?;
    Some(&tab.editor.buffer)
}

fn typed(model: &Model, text: &str) -> String {
    let mut text = text.to_owned();
    if model.dialog.is_none()
        && model.area == Area::Editor
        && let Some(buffer) = buffer(model, model.pages.active)
    {
        let mut after = buffer.clone();
        let edit = after.insert(&text);
        mask_inserted(&after.string(), &[edit], vec![&mut text]);
    }
    text
}

/// Masks text that edits inserted, if it lies in a secret. `applied` are the edits in order, each in bytes of the text
/// that the one before left.
fn mask_inserted(after: &str, applied: &[Edit], mut inserted: Vec<&mut String>) {
    let secrets = mask::possible_secrets(after);
    if secrets.is_empty() {
        return;
    }
    for (index, edit) in applied.iter().enumerate() {
        let length = edit.inserted.len();
        let Some(start) = place_after(edit.start, length, applied.get(index + 1..)) else {
            // A later edit cut into it: nobody can say which of its letters are where.
            if let Some(text) = inserted.get_mut(index) {
                blank(text, std::iter::once(0..length));
            }
            continue;
        };
        let within = secrets.iter().filter_map(|secret| {
            let from = secret.start.max(start);
            let until = secret.end.min(start + length);
            (from < until).then(|| from - start..until - start)
        });
        if let Some(text) = inserted.get_mut(index) {
            blank(text, within);
        }
    }
}

/// Where a piece of text lies after further edits; none if one of them cut into it.
fn place_after(start: usize, length: usize, edits: Option<&[Edit]>) -> Option<usize> {
    let mut start = start;
    for edit in edits.unwrap_or_default() {
        if edit.start + edit.removed <= start {
            start = start - edit.removed + edit.inserted.len();
        } else if edit.start < start + length {
            return None;
        }
    }
    Some(start)
}
