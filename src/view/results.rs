//! The results: the bar with a tab for each, and under it rows, a card, or what to do.

pub mod rows;

use gpui::prelude::FluentBuilder;
use gpui::{
    AnyElement, App, Div, FontWeight, InteractiveElement, IntoElement, ParentElement, SharedString,
    Stateful, StatefulInteractiveElement, Styled, div, px,
};

use super::kit::{
    fonts,
    theme::Look,
    widgets::{ErrorCard, Pill, fitting, key_box, spacer, spinner},
    words::{Post, button, hint, span, tone},
};
use crate::{
    base::ids::TabId,
    msg::Msg,
    rows::show::display::counted,
    screen::{Action, Card, CardKind, Empty, Grid, MessagesTab, ResultMark, ResultTab, ResultsBar},
    update::results,
};

/// Draws the bar over the results.
pub fn results_bar(
    bar: &ResultsBar,
    tab: TabId,
    mono_us: u64,
    post: &Post,
    cx: &App,
) -> impl IntoElement {
    let look = Look::of(cx);
    let height = look.result_bar() - px(2.0);
    let tabs = bar.tabs.iter();
    let tabs = tabs.map(|of| result_tab(of, tab, mono_us, post, cx));
    let others = hidden(bar.hidden_before + bar.hidden_after, &bar.list, post, cx);
    let actions = bar.actions.iter().map(|action| hint(action, "results", post, cx));
    // The first of a line stands on it, however wide: it is nothing, so that no action is ever cut.
    let nothing = std::iter::once(div().into_any_element());
    div()
        .id("results-bar")
        .flex()
        .flex_none()
        .items_center()
        .gap(look.px(6.0))
        .w_full()
        .h(look.result_bar())
        .px(look.px(10.0))
        .bg(look.palette.surface)
        .border_t_1()
        .border_b_1()
        .border_color(look.palette.border)
        .overflow_hidden()
        .child(result_tabs(bar, tab, post, cx).h(height).children(tabs))
        .children(others)
        .child(messages_tab(&bar.messages, tab, post, cx))
        .child(spacer())
        .children(bar.note.as_ref().map(|note| {
            // The note gives way before what can be done.
            span(note, cx).flex_shrink(1_000.0).min_w_0().truncate()
        }))
        .child(
            fitting(height, look.px(12.0), 1.0, nothing.chain(actions))
                .justify_end()
                .pl(look.px(8.0)),
        )
}

/// Where the tabs stand; the wheel moves along them.
fn result_tabs(bar: &ResultsBar, tab: TabId, post: &Post, cx: &App) -> Stateful<Div> {
    let (first, count) = (bar.hidden_before, bar.tabs.len() + bar.hidden_after);
    let wheel = post.clone();
    // What can be done gives way before the tabs do.
    let mut tabs = div();
    tabs.style().flex_shrink = Some(0.000_1);
    tabs.id("result-tabs")
        .flex()
        .min_w_0()
        .overflow_hidden()
        .items_center()
        .gap(Look::of(cx).px(6.0))
        .on_scroll(move |event, _, cx| {
            cx.stop_propagation();
            let delta = event.delta.pixel_delta(px(20.0));
            let forward = delta.x + delta.y < px(0.0);
            let last = (first + count).saturating_sub(1);
            let to = if forward { (first + 1).min(last) } else { first.saturating_sub(1) };
            if to != first {
                let msg = results::Msg::BarScrolled { first: to };
                wheel.post(Msg::Grid { tab, msg });
            }
        })
}

/// How many results have no tab in sight: a press lists them all.
fn hidden(count: usize, list: &Action, post: &Post, cx: &App) -> Option<impl IntoElement> {
    let (post, command) = (post.clone(), list.command);
    let color = Look::of(cx).palette.faint;
    (count > 0).then(|| {
        Pill::new(
            "results-list",
            format!("{}: {}", counted(count as u64, "more result"), list.label),
        )
        .on_press(move |_, _, _| post.post(command))
        .child(div().text_color(color).child(format!("+{count}")))
    })
}

fn chosen(tab: TabId, shown: results::Shown) -> Msg {
    let msg = results::Msg::ResultChosen { shown };
    Msg::Grid { tab, msg }
}

fn result_tab(of: &ResultTab, tab: TabId, mono_us: u64, post: &Post, cx: &App) -> Pill {
    let palette = Look::of(cx).palette;
    let (post, shown) = (post.clone(), of.shown);
    let number = div()
        .flex_none()
        .font_weight(FontWeight::MEDIUM)
        .child(of.number.to_string())
        .into_any_element();
    let sign = |sign: &'static str, color| {
        div().flex_none().text_color(color).child(sign).into_any_element()
    };
    // A cross comes before the number, what goes on comes behind it.
    let begin = match of.mark {
        ResultMark::None => vec![number],
        ResultMark::Running => vec![number, spinner(mono_us, cx).into_any_element()],
        ResultMark::Paused => vec![number, sign("‖", palette.warning)],
        ResultMark::Failed => vec![sign("✕", palette.error), number],
    };
    let id = SharedString::from(format!("result-{}", of.number));
    Pill::new(id, format!("Result {} {} {}", of.number, of.label.text, of.detail))
        .selected(of.active)
        .on_press(move |_, _, _| post.post(chosen(tab, shown)))
        .children(begin)
        .child(
            div()
                .text_color(if of.active { tone(of.label.tone, &palette) } else { palette.muted })
                .when(of.stale, |label| label.text_color(palette.muted))
                .child(SharedString::from(of.label.text.clone())),
        )
        .child(div().text_color(palette.faint).child(SharedString::from(of.detail.clone())))
}

fn messages_tab(of: &MessagesTab, tab: TabId, post: &Post, cx: &App) -> Pill {
    let palette = Look::of(cx).palette;
    let post = post.clone();
    Pill::new("messages", of.label.clone())
        .selected(of.active)
        .on_press(move |_, _, _| post.post(chosen(tab, results::Shown::Messages)))
        .child(SharedString::from(of.label.clone()))
        .when(of.unseen > 0, |pill| {
            pill.child(div().text_color(palette.faint).child(of.unseen.to_string()))
        })
        .children(of.key.clone().map(|key| key_box(key, cx)))
}

/// A place without rows: what goes on, and what to do.
pub fn empty(of: &Empty, mono_us: u64, post: &Post, cx: &App) -> AnyElement {
    let look = Look::of(cx);
    let palette = look.palette;
    div()
        .id("empty")
        .flex()
        .flex_col()
        .size_full()
        .items_center()
        .justify_center()
        .gap(look.px(12.0))
        .px(look.px(24.0))
        .overflow_hidden()
        .child(
            div()
                .flex()
                .items_center()
                .gap(look.px(8.0))
                .children(of.spinner.then(|| spinner(mono_us, cx)))
                .child(span(&of.title, cx).text_size(look.px(14.0)))
                .children(of.clock.clone().map(|clock| {
                    div()
                        .font_family(fonts::MONO)
                        .text_size(look.mono_size())
                        .text_color(palette.muted)
                        .child(clock)
                })),
        )
        .children(
            of.lines.iter().map(|line| {
                div().text_color(palette.muted).child(SharedString::from(line.clone()))
            }),
        )
        .child(
            div()
                .flex()
                .flex_wrap()
                .justify_center()
                .gap(look.px(14.0))
                .children(of.actions.iter().map(|action| hint(action, "empty", post, cx))),
        )
        .into_any_element()
}

/// What went wrong, in the rows' place.
pub fn card_page(card: &Card, post: &Post, cx: &App) -> AnyElement {
    let look = Look::of(cx);
    div()
        .id("card-page")
        .size_full()
        .p(look.px(16.0))
        .overflow_y_scroll()
        .child(error_card(card, post))
        .into_any_element()
}

fn error_card(card: &Card, post: &Post) -> ErrorCard {
    let mut drawn = ErrorCard::new("error-card", card.title.clone(), card.code.clone())
        .calm(card.kind == CardKind::Cancelled);
    for part in &card.parts {
        drawn = drawn.part(part.label.clone(), part.text.clone());
    }
    if let Some(next) = &card.next_step {
        drawn = drawn.line(next.clone());
    }
    for action in &card.actions {
        drawn = drawn.action(button(action, "card", post));
    }
    drawn
}

/// What stands over the rows: an error that came after them, and what a person has to know of them.
pub fn grid_notes(grid: &Grid, post: &Post, cx: &App) -> Vec<AnyElement> {
    let look = Look::of(cx);
    let mut notes = Vec::new();
    if let Some(card) = &grid.strip {
        notes.push(
            div()
                .flex_none()
                .px(look.px(12.0))
                .py(look.px(10.0))
                .border_b_1()
                .border_color(look.palette.border)
                .child(error_card(card, post))
                .into_any_element(),
        );
    }
    if let Some(note) = &grid.note {
        notes.push(
            div()
                .flex()
                .flex_none()
                .items_center()
                .min_h(look.px(26.0))
                .px(look.px(12.0))
                .border_b_1()
                .border_color(look.palette.border)
                .bg(look.palette.surface)
                .text_size(look.small_size())
                .child(span(note, cx))
                .into_any_element(),
        );
    }
    notes
}

/// What is said where rows would be.
pub fn no_rows(words: &str, cx: &App) -> AnyElement {
    let look = Look::of(cx);
    div()
        .absolute()
        .top(look.grid_header() + look.px(24.0))
        .left_0()
        .w_full()
        .flex()
        .justify_center()
        .text_color(look.palette.muted)
        .child(SharedString::from(words.to_owned()))
        .into_any_element()
}

/// The line between editor and results, wide enough to be taken with the mouse.
pub fn grip(id: &'static str, vertical: bool) -> gpui::Stateful<Div> {
    let grip = div().id(id).absolute();
    if vertical {
        grip.top_0().right(px(-3.0)).w(px(6.0)).h_full().cursor_col_resize()
    } else {
        grip.left_0().top(px(-3.0)).h(px(6.0)).w_full().cursor_row_resize()
    }
}
