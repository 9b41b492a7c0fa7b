//! The Messages pane: what the session said, the newest at the end.

use gpui::{
    AnyElement, App, Div, InteractiveElement, IntoElement, ParentElement, SharedString, Styled,
    TestSupportExt, div,
};

use crate::{
    screen::MessageRow,
    view::kit::{fonts, theme::Look, words::span},
};

/// Draws one message.
pub fn message(row: &MessageRow, place: usize, cx: &App) -> AnyElement {
    let look = Look::of(cx);
    div()
        .id(("message", place))
        .test_support()
        .flex()
        .w_full()
        .gap(look.px(12.0))
        .px(look.px(14.0))
        .py(look.px(5.0))
        .border_b_1()
        .border_color(look.palette.border)
        .child(
            div()
                .flex_none()
                .w(look.px(96.0))
                .text_color(look.palette.faint)
                .child(SharedString::from(row.when.clone())),
        )
        .child(span(&row.kind, cx).flex_none().w(look.px(88.0)))
        .child(
            div()
                .flex_1()
                .min_w_0()
                .font_family(fonts::MONO)
                .text_size(look.mono_size())
                .child(SharedString::from(row.text.clone())),
        )
        .into_any_element()
}

/// Words in the pane: that there are no messages, or that older ones are gone.
pub fn note(words: &str, cx: &App) -> Div {
    let look = Look::of(cx);
    div()
        .flex_none()
        .px(look.px(14.0))
        .py(look.px(8.0))
        .text_color(look.palette.muted)
        .child(SharedString::from(words.to_owned()))
}
