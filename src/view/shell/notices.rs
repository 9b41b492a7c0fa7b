//! Short words to the user, at the lower right.

use gpui::{
    App, InteractiveElement, IntoElement, ParentElement, Role, SharedString,
    StatefulInteractiveElement, Styled, TestSupportExt, div,
};

use crate::{screen::Notice, view::kit::theme::Look};

/// Draws the notices that are shown now.
pub fn notices(shown: &[Notice], cx: &App) -> impl IntoElement {
    let look = Look::of(cx);
    div()
        .absolute()
        .right(look.px(16.0))
        .bottom(look.status_bar() + look.px(16.0))
        .flex()
        .flex_col()
        .items_end()
        .gap(look.px(8.0))
        .max_w(look.px(420.0))
        .children(shown.iter().enumerate().map(|(place, notice)| {
            div()
                .id(("notice", place))
                .role(Role::Status)
                .aria_label(SharedString::from(notice.text.clone()))
                .test_support()
                .px(look.px(14.0))
                .py(look.px(10.0))
                .rounded(look.radius())
                .border_1()
                .border_color(look.palette.border)
                .bg(look.palette.raised)
                .text_color(look.palette.text)
                .shadow_md()
                .child(SharedString::from(notice.text.clone()))
        }))
}
