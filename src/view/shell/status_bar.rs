//! The bar at the bottom.

use gpui::{
    App, InteractiveElement, IntoElement, ParentElement, Role, SharedString,
    StatefulInteractiveElement, Styled, TestSupportExt, div,
};

use crate::{
    screen::{Segment, StatusBar},
    view::kit::{
        theme::Look,
        widgets::{fitting, spinner},
        words::{connection_dot, spans},
    },
};

/// Draws the bar.
pub fn status_bar(bar: &StatusBar, mono_us: u64, cx: &App) -> impl IntoElement {
    let look = Look::of(cx);
    div()
        .id("status-bar")
        .role(Role::Status)
        .flex()
        .flex_none()
        .items_center()
        .gap(look.px(16.0))
        .w_full()
        .h(look.status_bar())
        .px(look.px(12.0))
        .bg(look.palette.surface)
        .border_t_1()
        .border_color(look.palette.border)
        .text_size(look.small_size())
        .text_color(look.palette.muted)
        .overflow_hidden()
        .children(bar.dot.map(|dot| connection_dot(dot, cx)))
        .child(
            fitting(
                look.status_bar(),
                look.px(16.0),
                1.0,
                bar.left.iter().map(|part| segment(part, mono_us, cx).into_any_element()),
            )
            .flex_1(),
        )
        .children(bar.right.iter().map(|part| segment(part, mono_us, cx)))
}

fn segment(part: &Segment, mono_us: u64, cx: &App) -> impl IntoElement {
    let look = Look::of(cx);
    let words: String = part.spans.iter().map(|span| span.text.as_str()).collect();
    div()
        .id(SharedString::from(format!("status-{:?}", part.name)))
        .aria_label(SharedString::from(words))
        .test_support()
        .flex()
        .flex_none()
        .items_center()
        .gap(look.px(4.0))
        .children(part.spinner.then(|| spinner(mono_us, cx)))
        .child(spans(&part.spans, cx))
}
