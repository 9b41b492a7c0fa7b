//! The sidebar: the connections and the newest runs.

use std::ops::Range;
use std::rc::Rc;

use gpui::prelude::FluentBuilder;
use gpui::{
    AnyElement, App, Div, FontWeight, InteractiveElement, IntoElement, ParentElement, Pixels, Role,
    SharedString, Size, StatefulInteractiveElement, Styled, TestSupportExt, div, px, relative,
    size,
};

use crate::{
    screen::{Preview, Sidebar, SidebarRow, SidebarRowKind},
    update::shell::sidebar::Msg,
    view::kit::{
        fonts,
        theme::Look,
        widgets::{ListRow, heading, spacer, spinner},
        words::{Post, connection_dot, hint, span},
    },
};

/// Height of a heading at 100 %.
const HEADING_HEIGHT: f32 = 30.0;
/// Height of a run's two lines at 100 %.
const RUN_HEIGHT: f32 = 42.0;

/// How high each row is, which is known before it is drawn: only those in sight are.
pub fn heights(shown: &Sidebar, look: Look) -> Rc<Vec<Size<Pixels>>> {
    let height = |row: &SidebarRow| match &row.kind {
        SidebarRowKind::Heading => look.px(HEADING_HEIGHT),
        SidebarRowKind::Empty | SidebarRowKind::Connection { .. } => look.tree_row(),
        SidebarRowKind::Run { .. } => look.px(RUN_HEIGHT),
    };
    let rows = shown.rows.iter();
    Rc::new(rows.map(|row| size(px(0.0), height(row))).collect())
}

/// Draws the rows at these places. With focus the chosen row has a bar.
pub fn rows(
    shown: &Sidebar,
    places: Range<usize>,
    focused: bool,
    mono_us: u64,
    post: &Post,
    cx: &App,
) -> Vec<AnyElement> {
    places
        .filter_map(|place| Some((place, shown.rows.get(place)?)))
        .map(|(place, row)| one(row, place, focused, mono_us, post, cx))
        .collect()
}

fn one(
    row: &SidebarRow,
    place: usize,
    focused: bool,
    mono_us: u64,
    post: &Post,
    cx: &App,
) -> AnyElement {
    let look = Look::of(cx);
    let label = SharedString::from(row.label.clone());
    match &row.kind {
        SidebarRowKind::Heading => div()
            .flex()
            .flex_none()
            .items_end()
            .h(look.px(HEADING_HEIGHT))
            .px(look.px(14.0))
            .pb(look.px(6.0))
            .child(heading(&row.label, cx))
            .into_any_element(),
        SidebarRowKind::Empty => div()
            .flex()
            .flex_none()
            .items_center()
            .h(look.tree_row())
            .px(look.px(14.0))
            .text_color(look.palette.faint)
            .child(label)
            .into_any_element(),
        SidebarRowKind::Connection { dot, opening, current } => {
            pressable(row, place, focused, 25.0, post, cx)
                .child(connection_dot(*dot, cx))
                .child(
                    div()
                        .min_w_0()
                        .truncate()
                        .when(*current, |name| name.font_weight(FontWeight::MEDIUM))
                        .child(label),
                )
                .child(spacer())
                .children(opening.then(|| spinner(mono_us, cx)))
                .child(detail(row, cx))
                .into_any_element()
        }
        SidebarRowKind::Run { outcome } => pressable(row, place, focused, RUN_HEIGHT, post, cx)
            .child(
                div()
                    .flex()
                    .flex_col()
                    .flex_1()
                    .min_w_0()
                    .gap(look.px(1.0))
                    .child(
                        div()
                            .truncate()
                            .font_family(fonts::MONO)
                            .text_size(look.px(11.5))
                            .child(label),
                    )
                    .child(
                        div()
                            .flex()
                            .gap(look.px(8.0))
                            .text_size(look.px(11.0))
                            .child(span(outcome, cx).min_w_0().truncate())
                            .child(spacer())
                            .child(span(&row.detail, cx).flex_none()),
                    ),
            )
            .into_any_element(),
    }
}

fn pressable(
    row: &SidebarRow,
    place: usize,
    focused: bool,
    height: f32,
    post: &Post,
    _: &App,
) -> ListRow {
    let post = post.clone();
    let index = row.index;
    ListRow::new(("sidebar-row", place), row.label.clone(), height)
        .selected(row.selected)
        .marked(row.selected && focused)
        .on_press(move |event, _, _| {
            if let Some(row) = index {
                post.post(match event.click_count() {
                    2 => Msg::RowOpened { row },
                    _ => Msg::RowClicked { row },
                });
            }
        })
}

/// The run that is chosen, whole, at the sidebar's lower end.
pub fn preview(of: &Preview, post: &Post, cx: &App) -> Div {
    let look = Look::of(cx);
    run_preview(of, "sidebar-preview", post, cx)
        .max_h(relative(0.5))
        .border_t_1()
        .border_color(look.palette.border)
        .bg(look.palette.background)
}

/// A run, whole, beside the list that it is chosen in.
pub fn run_preview(of: &Preview, id: &'static str, post: &Post, cx: &App) -> Div {
    let look = Look::of(cx);
    div()
        .flex()
        .flex_col()
        .flex_none()
        .w_full()
        .px(look.px(14.0))
        .py(look.px(8.0))
        .gap(look.px(6.0))
        .child(
            div()
                .id(id)
                .role(Role::Label)
                .test_support()
                .min_h_0()
                .overflow_y_scroll()
                .whitespace_nowrap()
                .font_family(fonts::MONO)
                .text_size(look.px(11.5))
                .child(SharedString::from(of.text.clone())),
        )
        .children(of.more.as_ref().map(|more| {
            div().flex_none().text_color(look.palette.faint).child(SharedString::from(more.clone()))
        }))
        .child(div().flex().flex_none().child(hint(&of.action, id, post, cx)))
}

fn detail(row: &SidebarRow, cx: &App) -> impl IntoElement {
    let look = Look::of(cx);
    span(&row.detail, cx).flex_none().text_size(look.px(11.0)).max_w(px(140.0)).truncate()
}
