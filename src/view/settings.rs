//! The settings page: a field to search, every setting that is found, and what is wrong with their file.

use gpui::prelude::FluentBuilder;
use gpui::{
    AnyElement, App, Div, FontWeight, InteractiveElement, IntoElement, ParentElement, ScrollHandle,
    SharedString, StatefulInteractiveElement, Styled, TestSupportExt, div,
};

use crate::{
    screen::{SettingsPage, settings::SettingRow},
    update::settings::page::Msg,
    view::kit::{
        fonts,
        places::Places,
        theme::Look,
        widgets::{ListRow, field, hairline, spacer},
        words::{Post, hint, span},
    },
};

/// Height of a setting at 100 %: its name and its meaning, which may take two lines.
const ROW: f32 = 78.0;
/// How wide the page is where there is room.
const WIDTH: f32 = 820.0;

/// The page around the widgets of its fields.
pub fn page(
    shown: &SettingsPage,
    search: AnyElement,
    value: Option<AnyElement>,
    places: &Places,
    scroll: &ScrollHandle,
    post: &Post,
    cx: &App,
) -> Div {
    let look = Look::of(cx);
    let mut value = value;
    let rows = shown.rows.iter().enumerate().flat_map(|(place, row)| {
        let typed = row.typing.is_some().then(|| value.take()).flatten();
        let line = (place > 0).then(|| hairline(cx).into_any_element());
        let row = div()
            .relative()
            .flex_none()
            .child(places.item(place))
            .child(setting(row, place, typed, post, cx));
        line.into_iter().chain([row.into_any_element()])
    });
    let list = div()
        .id("settings-rows")
        .test_support()
        .flex()
        .flex_col()
        .size_full()
        .overflow_y_scroll()
        .track_scroll(scroll)
        .children(rows)
        .children(
            shown
                .nothing
                .as_ref()
                .map(|nothing| span(nothing, cx).px(look.px(14.0)).py(look.px(18.0))),
        );
    let actions = shown.actions.iter().map(|action| hint(action, "settings", post, cx));
    div().flex().justify_center().size_full().bg(look.palette.background).child(
        div()
            .flex()
            .flex_col()
            .w_full()
            .max_w(look.px(WIDTH))
            .h_full()
            .px(look.px(16.0))
            .child(head(shown, search, cx))
            .child(div().relative().flex_1().min_h_0().w_full().child(places.area()).child(list))
            .child(
                div()
                    .flex()
                    .flex_none()
                    .flex_wrap()
                    .gap(look.px(14.0))
                    .py(look.px(12.0))
                    .text_size(look.small_size())
                    .children(actions),
            ),
    )
}

/// Title, file, the field and what is wrong.
fn head(shown: &SettingsPage, search: AnyElement, cx: &App) -> Div {
    let look = Look::of(cx);
    let problems = shown.problems.iter().map(|problem| span(problem, cx));
    div()
        .flex()
        .flex_col()
        .flex_none()
        .gap(look.px(10.0))
        .pt(look.px(22.0))
        .pb(look.px(12.0))
        .child(
            div()
                .flex()
                .items_end()
                .gap(look.px(12.0))
                .child(
                    div()
                        .flex_none()
                        .text_size(look.px(20.0))
                        .line_height(look.px(26.0))
                        .font_weight(FontWeight::MEDIUM)
                        .child(SharedString::from(shown.title.clone())),
                )
                .child(
                    div()
                        .min_w_0()
                        .truncate()
                        .font_family(fonts::MONO)
                        .text_size(look.small_size())
                        .text_color(look.palette.muted)
                        .child(SharedString::from(shown.path.clone())),
                ),
        )
        .child(
            field(shown.searches, cx)
                .h(look.px(38.0))
                .child(div().flex_1().min_w_0().child(search)),
        )
        .when(!shown.problems.is_empty(), |head| {
            head.child(
                div()
                    .id("settings-problems")
                    .test_support()
                    .flex()
                    .flex_col()
                    .gap(look.px(4.0))
                    .text_size(look.small_size())
                    .children(problems),
            )
        })
}

fn setting(
    row: &SettingRow,
    place: usize,
    typed: Option<AnyElement>,
    post: &Post,
    cx: &App,
) -> ListRow {
    let look = Look::of(cx);
    let said = format!("{} {}", row.title, row.value.text);
    let choose = post.clone();
    ListRow::new(("setting", place), said, ROW)
        .selected(row.selected)
        .marked(row.selected)
        .on_press(move |_, _, _| choose.post(Msg::RowClicked { row: place }))
        .child(words(row, cx))
        .child(spacer())
        .children(row.reset.as_ref().map(|words| {
            let post = post.clone();
            small_button("setting-reset", place, words, cx).text_color(look.palette.muted).on_click(
                move |_, _, cx| {
                    cx.stop_propagation();
                    post.post(Msg::ResetClicked { row: place });
                },
            )
        }))
        .child(match typed {
            Some(input) => value_field(row, input, cx).into_any_element(),
            None => {
                let post = post.clone();
                small_button("setting-value", place, &row.value.text, cx)
                    .font_family(fonts::MONO)
                    .border_1()
                    .border_color(look.palette.border)
                    .child(span(&row.value, cx))
                    .on_click(move |_, _, cx| {
                        cx.stop_propagation();
                        post.post(Msg::ValueClicked { row: place });
                    })
                    .into_any_element()
            }
        })
}

/// The name with what the file calls it, and the meaning under it.
fn words(row: &SettingRow, cx: &App) -> Div {
    let look = Look::of(cx);
    div()
        .flex()
        .flex_col()
        .min_w_0()
        .gap(look.px(2.0))
        .child(
            div()
                .flex()
                .items_end()
                .gap(look.px(10.0))
                .child(
                    div()
                        .flex_none()
                        .font_weight(FontWeight::MEDIUM)
                        .child(SharedString::from(row.title.clone())),
                )
                .child(
                    div()
                        .min_w_0()
                        .truncate()
                        .font_family(fonts::MONO)
                        .text_size(look.px(11.5))
                        .text_color(look.palette.faint)
                        .child(SharedString::from(row.name.clone())),
                ),
        )
        .child(
            div()
                .text_size(look.small_size())
                .line_height(look.px(17.0))
                .max_h(look.px(34.0))
                .overflow_hidden()
                .text_color(look.palette.muted)
                .child(SharedString::from(row.meaning.clone())),
        )
}

fn value_field(row: &SettingRow, input: AnyElement, cx: &App) -> Div {
    let look = Look::of(cx);
    let problem = row.typing.as_ref().and_then(|(_, problem)| problem.as_ref());
    div()
        .flex()
        .flex_col()
        .flex_none()
        .w(look.px(190.0))
        .gap(look.px(4.0))
        .child(
            field(true, cx)
                .h(look.px(30.0))
                .font_family(fonts::MONO)
                .child(div().flex_1().min_w_0().child(input)),
        )
        .children(
            problem.map(|problem| {
                span(problem, cx).text_size(look.px(11.5)).line_height(look.px(14.0))
            }),
        )
}

fn small_button(
    id: &'static str,
    place: usize,
    label: &str,
    cx: &App,
) -> impl ParentElement + StatefulInteractiveElement + Styled + IntoElement + use<> {
    let look = Look::of(cx);
    let raised = look.palette.raised;
    div()
        .id((id, place))
        .role(gpui::Role::Button)
        .aria_label(SharedString::from(label.to_owned()))
        .test_support()
        .flex()
        .flex_none()
        .items_center()
        .h(look.px(26.0))
        .px(look.px(10.0))
        .rounded(look.radius())
        .text_size(look.small_size())
        .cursor_pointer()
        .hover(move |style| style.bg(raised))
        .when(id == "setting-reset", |button| button.child(SharedString::from(label.to_owned())))
}
