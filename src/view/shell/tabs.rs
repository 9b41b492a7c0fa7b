//! The row of tabs over the editor.

use gpui::prelude::FluentBuilder;
use gpui::{
    App, Div, InteractiveElement, IntoElement, ParentElement, Role, ScrollHandle, SharedString,
    StatefulInteractiveElement, Styled, TestSupportExt, div, px,
};

use crate::{
    screen::{Action, Tab, TabMark},
    update::shell::tabs,
    view::kit::{
        theme::Look,
        widgets::{self, dot, spinner},
        words::Post,
    },
};

/// Draws the row. Where the tabs are wider than the window, it scrolls to the active one. `hint` is what the editor has
/// no room for.
pub fn tab_row(
    all: &[Tab],
    new_tab: &Action,
    scroll: &ScrollHandle,
    mono_us: u64,
    hint: Option<Div>,
    post: &Post,
    cx: &App,
) -> impl IntoElement {
    let look = Look::of(cx);
    div()
        .id("tabs")
        .role(Role::TabList)
        .flex()
        .flex_none()
        .w_full()
        .h(look.tab_bar())
        .bg(look.palette.surface)
        .border_b_1()
        .border_color(look.palette.border)
        .child(
            div()
                .id("tabs-scroll")
                .test_support()
                .flex()
                .h_full()
                .min_w_0()
                .overflow_x_scroll()
                .track_scroll(scroll)
                .children(all.iter().map(|tab| one(tab, mono_us, post, cx))),
        )
        .child(plus(new_tab, post, cx))
        .children(hint.map(|hint| {
            // The first of a line stands on it, however wide: it is nothing, so that the hint is whole or not there.
            let parts = [div(), hint].map(IntoElement::into_any_element);
            widgets::fitting(look.tab_bar() - px(2.0), px(0.0), 1_000.0, parts)
                .flex_1()
                .justify_end()
        }))
}

fn one(tab: &Tab, mono_us: u64, post: &Post, cx: &App) -> widgets::Tab {
    let palette = Look::of(cx).palette;
    let (choose, close, middle) = (post.clone(), post.clone(), post.clone());
    let id = tab.id;
    let mark = match tab.mark {
        TabMark::None => None,
        TabMark::Running => Some(spinner(mono_us, cx)),
        TabMark::Paused => Some(sign("‖", palette.warning)),
        TabMark::InTransaction => Some(sign("T", palette.warning)),
        TabMark::Lost => Some(sign("!", palette.error)),
    };
    let changed = match (tab.changed_on_disk, tab.unsaved) {
        (true, _) => Some(dot(palette.warning, cx)),
        (false, true) => Some(dot(palette.faint, cx)),
        (false, false) => None,
    };
    widgets::Tab::new(
        SharedString::from(format!("tab-{id}")),
        SharedString::from(tab.label.clone()),
    )
    .selected(tab.active)
    .marks(mark.into_iter().chain(changed))
    .on_press(move |_, _, _| choose.post(tabs::Msg::Chosen { tab: id }))
    .on_close(move |_, _, _| close.post(tabs::Msg::CloseRequested { tab: id }))
    .on_middle(move |_, _, _| middle.post(tabs::Msg::CloseRequested { tab: id }))
}

fn sign(text: &'static str, color: gpui::Hsla) -> gpui::Div {
    div().flex_none().text_color(color).child(text)
}

fn plus(action: &Action, post: &Post, cx: &App) -> impl IntoElement {
    let look = Look::of(cx);
    let (post, command) = (post.clone(), action.command);
    div()
        .id("new-tab")
        .role(Role::Button)
        .aria_label(SharedString::from(action.label.clone()))
        .test_support()
        .flex()
        .flex_none()
        .items_center()
        .gap(look.px(8.0))
        .h_full()
        .px(look.px(14.0))
        .border_r(px(1.0))
        .border_color(look.palette.border)
        .cursor_pointer()
        .text_color(look.palette.muted)
        .hover(move |style| style.text_color(look.palette.text))
        .on_click(move |_, _, _| post.post(command))
        .child("+")
        .when_some(action.key.clone(), |plus, key| plus.child(widgets::key_box(key, cx)))
}
