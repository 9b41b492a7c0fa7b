//! The bar at the top: the menu's mark, the connection, whether it may write, and the commands' keys.

use gpui::{
    AnyElement, App, FontWeight, InteractiveElement, IntoElement, ParentElement, Role,
    SharedString, StatefulInteractiveElement, Styled, TestSupportExt, div,
};

use crate::{
    screen::{ConnectionChip, ModeChip, TitleBar},
    update::shell::command::Command,
    view::kit::{
        theme::Look,
        widgets::{Pill, spacer},
        words::{Post, connection_dot, hint, span},
    },
};

/// Draws the bar.
pub fn title_bar(bar: &TitleBar, post: &Post, cx: &App) -> impl IntoElement {
    let look = Look::of(cx);
    div()
        .id("title-bar")
        .flex()
        .flex_none()
        .items_center()
        .gap(look.px(10.0))
        .w_full()
        .h(look.title_bar())
        .px(look.px(12.0))
        .bg(look.palette.surface)
        .border_b_1()
        .border_color(look.palette.border)
        .overflow_hidden()
        .child(menu(bar, post, cx))
        .children(bar.connection.as_ref().map(|chip| connection(chip, post, cx)))
        .children(bar.mode.as_ref().map(|chip| mode(chip, cx)))
        .children(bar.recording.as_ref().map(|words| span(words, cx).flex_none()))
        .child(spacer())
        .children(bar.actions.iter().map(|action| hint(action, "title", post, cx)))
}

fn menu(bar: &TitleBar, post: &Post, cx: &App) -> AnyElement {
    let look = Look::of(cx);
    let (post, command) = (post.clone(), bar.menu.command);
    div()
        .id("menu")
        .role(Role::Button)
        .aria_label(SharedString::from(bar.menu.label.clone()))
        .test_support()
        .flex_none()
        .cursor_pointer()
        .text_color(look.palette.muted)
        .hover(move |style| style.text_color(look.palette.text))
        .on_click(move |_, _, _| post.post(command))
        .child("☰")
        .into_any_element()
}

fn connection(chip: &ConnectionChip, post: &Post, cx: &App) -> Pill {
    let palette = Look::of(cx).palette;
    let frame = if chip.framed {
        crate::view::kit::words::colour(chip.dot.colour, &palette)
    } else {
        palette.border
    };
    let post = post.clone();
    let label = format!("{} {} {}", chip.name, chip.address, chip.security.text);
    let words = |text: &str| SharedString::from(text.to_owned());
    Pill::new("connection", label)
        .shrinks()
        .frame(frame)
        .on_press(move |_, _, _| post.post(Command::ConnectionChoose))
        .child(connection_dot(chip.dot, cx))
        .child(
            div()
                .flex_none()
                .max_w(gpui::px(260.0))
                .truncate()
                .font_weight(FontWeight::MEDIUM)
                .child(words(&chip.name)),
        )
        .child(div().min_w_0().truncate().text_color(palette.muted).child(words(&chip.address)))
        .child(span(&chip.security, cx).flex_none())
}

fn mode(chip: &ModeChip, cx: &App) -> Pill {
    let palette = Look::of(cx).palette;
    Pill::new("mode", format!("{} {}", chip.label.text, chip.detail))
        .frame(palette.border)
        .child(span(&chip.label, cx))
        .child(div().text_color(palette.muted).child(SharedString::from(chip.detail.clone())))
}
