//! The vocabulary of the screen in pixels: tones, spans, connection colours, and actions with their keys.

use flume::Sender;
use gpui::prelude::FluentBuilder;
use gpui::{
    AnyElement, App, Div, FontWeight, Hsla, InteractiveElement, IntoElement, ParentElement, Role,
    SharedString, StatefulInteractiveElement, Styled, TestSupportExt, div,
};

use super::{
    theme::{Look, Palette},
    widgets::{self, KeyButton, dot, ring},
};
use crate::{
    conninfo::Colour,
    msg::Msg,
    screen::{Action, Dot, Span, Tone},
};

/// The sending end of the program's one queue: whatever a person does goes through it.
#[derive(Clone, Debug)]
pub struct Post(Sender<Msg>);

impl Post {
    /// Sends to this queue.
    pub fn new(outbox: Sender<Msg>) -> Self {
        Self(outbox)
    }

    /// Puts a message at the queue's end. After the program's end nobody takes it, which is right.
    pub fn post(&self, msg: impl Into<Msg>) {
        if self.0.send(msg.into()).is_err() {
            log::debug!("a message came after the program's end");
        }
    }
}

/// The colour of a tone.
pub fn tone(tone: Tone, palette: &Palette) -> Hsla {
    match tone {
        Tone::Plain | Tone::Strong => palette.text,
        Tone::Muted => palette.muted,
        Tone::Faint => palette.faint,
        Tone::Accent => palette.accent,
        Tone::Ok => palette.ok,
        Tone::Warning => palette.warning,
        Tone::Error => palette.error,
    }
}

/// The colour that the user gave a connection.
pub fn colour(colour: Colour, palette: &Palette) -> Hsla {
    match colour {
        Colour::Green => palette.ok,
        Colour::Red => palette.error,
        Colour::Amber => palette.warning,
        Colour::Blue => palette.accent,
        Colour::Violet => palette.keyword,
        Colour::Grey => palette.muted,
    }
}

/// A piece of text in its tone.
pub fn span(span: &Span, cx: &App) -> Div {
    let palette = Look::of(cx).palette;
    div()
        .text_color(tone(span.tone, &palette))
        .when(span.tone == Tone::Strong, |text| text.font_weight(FontWeight::MEDIUM))
        .child(SharedString::from(span.text.clone()))
}

/// Pieces of text, one behind the other as one line.
pub fn spans(spans: &[Span], cx: &App) -> Div {
    div()
        .flex()
        .flex_none()
        .items_center()
        .children(spans.iter().map(|piece| span(piece, cx).whitespace_nowrap()))
}

/// A connection's dot: filled while it is open.
pub fn connection_dot(of: Dot, cx: &App) -> Div {
    let color = colour(of.colour, &Look::of(cx).palette);
    if of.filled { dot(color, cx) } else { ring(color, cx) }
}

/// The key of an action, for the boxes.
pub fn key(action: &Action) -> Option<SharedString> {
    action.key.clone().map(SharedString::from)
}

pub fn button(action: &Action, place: &str, post: &Post) -> KeyButton {
    let (post, command) = (post.clone(), action.command);
    let id = SharedString::from(format!("{place}-{}", action.command));
    KeyButton::new(id, action.label.clone(), key(action))
        .on_press(move |_, _, _| post.post(command))
}

/// An action as words with their key, as the bars show them.
pub fn hint(action: &Action, place: &str, post: &Post, cx: &App) -> AnyElement {
    let look = Look::of(cx);
    let (post, command) = (post.clone(), action.command);
    let label = SharedString::from(action.label.clone());
    div()
        .id(SharedString::from(format!("{place}-{}", action.command)))
        .role(Role::Button)
        .aria_label(label.clone())
        .test_support()
        .flex_none()
        .cursor_pointer()
        .rounded(look.px(4.0))
        .hover(move |style| style.text_color(look.palette.text))
        .on_click(move |_, _, _| post.post(command))
        .child(widgets::hint(label, action.key.as_deref(), cx))
        .into_any_element()
}
