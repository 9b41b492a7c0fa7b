//! The welcome screen: a field for a URL, what is saved, what runs on this machine.

use gpui::prelude::FluentBuilder;
use gpui::{
    AnyElement, App, Div, FontWeight, InteractiveElement, IntoElement, ParentElement, SharedString,
    StatefulInteractiveElement, Styled, TestSupportExt, div,
};

use crate::{
    screen::{Welcome, WelcomeField, WelcomeGroup, WelcomeRow},
    update::shell::welcome::Msg,
    view::kit::{
        fonts,
        places::Places,
        theme::Look,
        widgets::{ListRow, field, hairline, heading, key_box, panel, spacer, spinner},
        words::{Post, connection_dot, hint, span},
    },
};

/// Draws the screen around the widget of its field.
pub fn welcome(
    shown: &Welcome,
    input: AnyElement,
    list: Div,
    places: &Places,
    mono_us: u64,
    post: &Post,
    cx: &App,
) -> impl IntoElement {
    let look = Look::of(cx);
    let groups = shown.groups.iter();
    let groups = groups.map(|of| group(of, places, mono_us, post, cx));
    let scrolled = div()
        .id("welcome")
        .test_support()
        .flex()
        .flex_col()
        .size_full()
        .items_center()
        .overflow_y_scroll()
        .child(
            div()
                .flex()
                .flex_col()
                .flex_none()
                .w_full()
                .max_w(look.px(632.0))
                .my_auto()
                .py(look.px(24.0))
                .px(look.px(16.0))
                .child(title(shown, cx))
                .child(url_field(&shown.field, input, cx))
                .child(list.flex().flex_col().children(groups))
                .child(
                    div()
                        .flex()
                        .flex_wrap()
                        .gap(look.px(14.0))
                        .pt(look.px(14.0))
                        .text_size(look.small_size())
                        .children(
                            shown.footer.iter().map(|action| hint(action, "welcome", post, cx)),
                        ),
                ),
        );
    div().relative().size_full().child(places.area()).child(scrolled)
}

fn title(shown: &Welcome, cx: &App) -> impl IntoElement {
    let look = Look::of(cx);
    div()
        .flex()
        .flex_col()
        .gap(look.px(8.0))
        .pb(look.px(20.0))
        .child(
            div()
                .text_size(look.px(42.0))
                .line_height(look.px(48.0))
                .font_weight(FontWeight::BOLD)
                .text_color(look.palette.ivory)
                .child(SharedString::from(shown.title.clone())),
        )
        .child(
            div().text_color(look.palette.muted).child(SharedString::from(shown.tagline.clone())),
        )
}

fn url_field(shown: &WelcomeField, input: AnyElement, cx: &App) -> impl IntoElement {
    let look = Look::of(cx);
    div()
        .flex()
        .flex_col()
        .gap(look.px(6.0))
        .child(
            field(shown.focused, cx)
                .h(look.px(48.0))
                .px(look.px(14.0))
                .rounded(look.radius_large())
                .bg(look.palette.surface)
                .font_family(fonts::MONO)
                .text_size(look.mono_size())
                .child(div().flex_1().min_w_0().child(input))
                .children(shown.action.key.clone().map(|key| key_box(key, cx))),
        )
        .children(
            shown
                .preview
                .as_ref()
                .map(|preview| span(preview, cx).px(look.px(14.0)).text_size(look.small_size())),
        )
}

fn group(
    group: &WelcomeGroup,
    places: &Places,
    mono_us: u64,
    post: &Post,
    cx: &App,
) -> impl IntoElement + use<> {
    let look = Look::of(cx);
    let mut rows: Vec<AnyElement> = Vec::new();
    for (place, row) in group.rows.iter().enumerate() {
        if place > 0 {
            rows.push(hairline(cx).into_any_element());
        }
        let row = div().relative().child(places.item(row.index)).child(one(row, mono_us, post, cx));
        rows.push(row.into_any_element());
    }
    div()
        .flex()
        .flex_col()
        .gap(look.px(10.0))
        .pt(look.px(22.0))
        .child(heading(&group.title, cx))
        .child(panel(cx).children(rows))
}

fn one(row: &WelcomeRow, mono_us: u64, post: &Post, cx: &App) -> ListRow {
    let look = Look::of(cx);
    let palette = look.palette;
    let (post, index) = (post.clone(), row.index);
    let sign = match row.dot {
        Some(dot) => connection_dot(dot, cx).into_any_element(),
        None => div().flex_none().text_color(palette.muted).child("◇").into_any_element(),
    };
    ListRow::new(("welcome-row", row.index), row.name.clone(), 46.0)
        .selected(row.selected)
        .on_press(move |_, _, _| post.post(Msg::RowClicked { row: index }))
        .child(sign)
        .child(
            div()
                .flex_none()
                .font_weight(FontWeight::MEDIUM)
                .child(SharedString::from(row.name.clone())),
        )
        .child(span(&row.detail, cx).min_w_0().truncate())
        .child(spacer())
        .children(row.spinner.then(|| spinner(mono_us, cx)))
        .when_some(row.percent, |line, percent| {
            line.child(div().flex_none().text_color(palette.muted).child(format!("{percent} %")))
        })
        .when(!row.when.is_empty(), |line| {
            line.child(
                div()
                    .flex_none()
                    .text_color(palette.muted)
                    .child(SharedString::from(row.when.clone())),
            )
        })
        .children(row.key.clone().map(|key| key_box(key, cx)))
}
