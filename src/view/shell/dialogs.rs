//! What lies over the window: the palette, the history, the dialogs. Each says its keys.

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;

use gpui::prelude::FluentBuilder;
use gpui::{
    AnyElement, App, Bounds, Div, FontWeight, HighlightStyle, InteractiveElement, IntoElement,
    ParentElement, Pixels, Role, ScrollHandle, SharedString, StatefulInteractiveElement, Styled,
    StyledText, TestSupportExt, UniformListScrollHandle, canvas, div, px, uniform_list,
};

use super::sidebar;
use crate::{
    screen::{
        Action, Choices, Confirm, ConnectionForm, DataDirectory, Dialog, FormField, FormTest,
        FormValue, GoToLine, HostKeyPrompt, Inspect, PasswordPrompt, PathPrompt, Picker,
        PickerKind, PickerRow,
    },
    update::shell::{command::Command, dialog::Msg, sight},
    view::kit::{
        fields::{FieldId, Fields},
        fonts,
        places::Places,
        theme::Look,
        widgets::{ListRow, dot, field, hairline, heading, key_box, panel, ring, spacer, spinner},
        words::{Post, button, span, tone},
    },
};

/// Rows that a picker shows at once.
const PICKER_ROWS: usize = 10;

/// What a dialog is drawn with.
pub struct Tools<'window> {
    /// The fields that take text.
    pub fields: &'window Fields,
    /// The name of the dialog, for its fields.
    pub name: &'static str,
    /// Where a list is scrolled to.
    pub scroll: &'window UniformListScrollHandle,
    /// Where the entries of a directory are scrolled to.
    pub path: &'window ScrollHandle,
    /// Where a value is scrolled to.
    pub value: &'window ScrollHandle,
    /// Where the connection's form is scrolled to.
    pub form: &'window FormScroll,
    /// The clock that spinners turn by.
    pub mono_us: u64,
    /// The queue.
    pub post: &'window Post,
}

/// Where a form is that is longer than its window, and where its field with focus stands.
#[derive(Clone, Default)]
pub struct FormScroll {
    /// Where its fields are.
    pub places: Places,
    handle: ScrollHandle,
    focused: Rc<Cell<Option<Bounds<Pixels>>>>,
}

impl FormScroll {
    /// Brings the field with focus into sight, as it stood in the last frame. Whether anything moved.
    pub fn reveal(&self) -> bool {
        let Some(field) = self.focused.get() else {
            return false;
        };
        let (sight, margin) = (self.handle.bounds(), field.size.height / 2.0);
        let above = (sight.top() - (field.top() - margin)).max(px(0.0));
        let below = (field.bottom() + margin - sight.bottom()).max(px(0.0));
        let mut offset = self.handle.offset();
        let before = offset;
        offset.y = (offset.y + above - below).clamp(-self.handle.max_offset().y, px(0.0));
        self.handle.set_offset(offset);
        offset != before
    }
}

impl Tools<'_> {
    fn input(&self, index: usize, label: &str) -> impl IntoElement + use<> {
        let id = FieldId::Dialog { dialog: self.name, index };
        div()
            .id(("field", index))
            .test_support()
            .flex_1()
            .min_w_0()
            .children(self.fields.input(id, label))
    }
}

/// Draws a dialog.
pub fn dialog(of: &Dialog, tools: &Tools, cx: &App) -> AnyElement {
    match of {
        Dialog::Picker(of) => picker(of, tools, cx).into_any_element(),
        Dialog::Connection(of) => connection(of, tools, cx).into_any_element(),
        Dialog::Password(of) => password(of, tools, cx).into_any_element(),
        Dialog::HostKey(of) => host_key(of, tools, cx).into_any_element(),
        Dialog::Confirm(of) => confirm(of, tools, cx).into_any_element(),
        Dialog::Inspect(of) => inspect(of, tools, cx).into_any_element(),
        Dialog::Path(of) => path(of, tools, cx).into_any_element(),
        Dialog::GoToLine(of) => go_to_line(of, tools, cx).into_any_element(),
        Dialog::DataDirectory(of) => data_directory(of, tools, cx).into_any_element(),
        Dialog::Choices(of) => choices(of, tools, cx).into_any_element(),
    }
}

/// A dialog's frame.
fn sheet(width: f32, cx: &App) -> Div {
    let look = Look::of(cx);
    panel(cx).w(look.px(width)).max_w_full().max_h_full().text_color(look.palette.text).shadow_lg()
}

/// The space inside a frame.
fn inside(cx: &App) -> Div {
    let look = Look::of(cx);
    div().flex().flex_col().gap(look.px(12.0)).px(look.px(18.0)).py(look.px(16.0))
}

fn title(words: &str, cx: &App) -> Div {
    let look = Look::of(cx);
    div()
        .text_size(look.px(14.0))
        .font_weight(FontWeight::SEMIBOLD)
        .child(SharedString::from(words.to_owned()))
}

fn muted(words: &str, cx: &App) -> Div {
    div().text_color(Look::of(cx).palette.muted).child(SharedString::from(words.to_owned()))
}

fn problem(words: &Option<String>, cx: &App) -> Option<Div> {
    let color = Look::of(cx).palette.error;
    let words = words.clone()?;
    Some(div().text_color(color).child(words))
}

/// The buttons at the lower end; the one that Enter presses is framed.
fn buttons(actions: &[Action], tools: &Tools, cx: &App) -> Div {
    let look = Look::of(cx);
    div().flex().flex_wrap().flex_none().gap(look.px(8.0)).pt(look.px(4.0)).children(
        actions.iter().map(|action| {
            let meant = action.command == Command::DialogAccept;
            button(action, "dialog", tools.post).primary(meant)
        }),
    )
}

fn picker(of: &Picker, tools: &Tools, cx: &App) -> Div {
    let look = Look::of(cx);
    let label = match of.kind {
        PickerKind::Palette => "Commands",
        PickerKind::History => "Search runs",
        PickerKind::Results => "List of results",
    };
    let shown = of.rows.len().min(PICKER_ROWS);
    let rows: Rc<[PickerRow]> = of.rows.clone().into();
    let (selected, kind, post) = (of.selected, of.kind, tools.post.clone());
    sheet(640.0, cx)
        .child(
            div()
                .flex()
                .flex_none()
                .items_center()
                .h(look.px(47.0))
                .px(look.px(16.0))
                .text_size(look.px(14.0))
                .child(tools.input(0, label)),
        )
        .child(hairline(cx))
        .when(shown > 0, |sheet| {
            sheet.child(
                uniform_list("picker-rows", rows.len(), move |range, _, cx| {
                    range
                        .filter_map(|place| Some((place, rows.get(place)?)))
                        .map(|(place, row)| {
                            picker_row(row, place, place == selected, kind, &post, cx)
                        })
                        .collect()
                })
                .track_scroll(tools.scroll)
                .w_full()
                .h(look.px(36.0 * shown as f32))
                .test_support(),
            )
        })
        .children(of.note.as_ref().map(|note| span(note, cx).px(look.px(16.0)).py(look.px(12.0))))
        .children(of.preview.as_ref().map(|preview| {
            sidebar::run_preview(preview, "run-preview", tools.post, cx)
                .max_h(look.px(260.0))
                .border_t_1()
                .border_color(look.palette.border)
        }))
}

fn picker_row(
    row: &PickerRow,
    place: usize,
    selected: bool,
    kind: PickerKind,
    post: &Post,
    cx: &App,
) -> ListRow {
    let look = Look::of(cx);
    let post = post.clone();
    let name = div()
        .flex_1()
        .min_w_0()
        .truncate()
        .when(kind != PickerKind::Palette, |name| {
            name.font_family(fonts::MONO).text_size(look.mono_size())
        })
        .child(matched(&row.title, &row.matched, &look));
    ListRow::new(("picker-row", place), row.title.clone(), 36.0)
        .selected(selected)
        .on_press(move |event, _, _| {
            // A run is looked at first; a second click takes it.
            let looks = kind == PickerKind::History && event.click_count() < 2;
            post.post(if looks {
                Msg::RowChosen { row: place }
            } else {
                Msg::RowClicked { row: place }
            });
        })
        .child(muted(&row.group, cx).flex_none().w(look.px(92.0)).truncate())
        .child(name)
        .child(span(&row.detail, cx).flex_none().max_w(look.px(220.0)).truncate())
        .children(row.key.clone().map(|key| key_box(key, cx)))
}

/// A title with the characters that were typed made bright.
fn matched(title: &str, positions: &[u32], look: &Look) -> StyledText {
    let style = HighlightStyle {
        color: Some(look.palette.accent),
        font_weight: Some(FontWeight::SEMIBOLD),
        ..HighlightStyle::default()
    };
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (place, (start, character)) in title.char_indices().enumerate() {
        if !positions.contains(&(place as u32)) {
            continue;
        }
        let end = start + character.len_utf8();
        match ranges.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => ranges.push(start..end),
        }
    }
    let highlights: Vec<_> = ranges.into_iter().map(|range| (range, style)).collect();
    StyledText::new(SharedString::from(title.to_owned())).with_highlights(highlights)
}

fn connection(of: &ConnectionForm, tools: &Tools, cx: &App) -> Div {
    let look = Look::of(cx);
    let (beside, first): (Vec<&FormField>, Vec<&FormField>) =
        of.fields.iter().partition(|field| field.section.is_beside());
    // The fields scroll where the window is low; what they come to stays in sight.
    let fields = div()
        .id("connection-form")
        .test_support()
        .min_h_0()
        .overflow_y_scroll()
        .track_scroll(&tools.form.handle)
        .child(
            inside(cx).child(title(&of.title, cx)).child(
                div()
                    .flex()
                    .gap(look.px(24.0))
                    .child(form_column(&first, tools, cx))
                    .child(form_column(&beside, tools, cx)),
            ),
        );
    sheet(980.0, cx)
        .child(
            div()
                .relative()
                .flex()
                .flex_col()
                .min_h_0()
                .child(tools.form.places.area())
                .child(fields),
        )
        .child(hairline(cx))
        .child(
            inside(cx)
                .flex_none()
                .children(of.test.as_ref().map(|test| form_test(test, tools, cx)))
                .child(buttons(&of.actions, tools, cx)),
        )
}

/// Sections under each other, each with its heading.
fn form_column(fields: &[&FormField], tools: &Tools, cx: &App) -> Div {
    let look = Look::of(cx);
    let sections = fields.chunk_by(|one, other| one.section == other.section);
    let section = |fields: &[&FormField]| {
        div()
            .flex()
            .flex_col()
            .gap(look.px(5.0))
            .children(fields.first().map(|first| heading(first.section.title(), cx)))
            .children(fields.iter().map(|field| form_field(field, tools, cx)))
    };
    div().flex().flex_col().flex_1().min_w_0().gap(look.px(12.0)).children(sections.map(section))
}

fn form_field(of: &FormField, tools: &Tools, cx: &App) -> Div {
    let look = Look::of(cx);
    let value = match &of.value {
        FormValue::Text(_) | FormValue::Secret { .. } => field(of.focused, cx)
            .flex_1()
            .min_w_0()
            .child(tools.input(of.index, &of.label))
            .into_any_element(),
        FormValue::Choice { choices, chosen } => {
            choice(of, choices, *chosen, tools, cx).into_any_element()
        }
    };
    let row = div()
        .flex()
        .items_center()
        .gap(look.px(12.0))
        .child(muted(&of.label, cx).flex_none().w(look.px(112.0)))
        .child(value);
    let place = of.focused.then(|| {
        let focused = tools.form.focused.clone();
        canvas(move |bounds, _, _| focused.set(Some(bounds)), |_, (), _, _| {})
            .absolute()
            .size_full()
    });
    div()
        .relative()
        .flex()
        .flex_col()
        .gap(look.px(2.0))
        .child(row)
        .children(problem(&of.problem, cx).map(|words| words.pl(look.px(124.0))))
        .child(tools.form.places.item(of.index))
        .children(place)
}

fn choice(of: &FormField, choices: &[String], chosen: usize, tools: &Tools, cx: &App) -> Div {
    let look = Look::of(cx);
    let palette = look.palette;
    let field_index = of.index;
    let one = |place: usize, words: &String| {
        let post = tools.post.clone();
        let on = place == chosen;
        div()
            .id(SharedString::from(format!("choice-{field_index}-{place}")))
            .role(Role::RadioButton)
            .aria_label(SharedString::from(words.clone()))
            .aria_selected(on)
            .test_support()
            .flex()
            .flex_none()
            .items_center()
            .gap(look.px(6.0))
            .h(look.px(24.0))
            .px(look.px(8.0))
            .rounded(look.px(5.0))
            .cursor_pointer()
            .text_color(if on { palette.text } else { palette.muted })
            .when(on, |part| part.bg(palette.selection))
            .hover(move |style| style.text_color(palette.text))
            .on_click(move |_, _, _| {
                post.post(Msg::ChoiceClicked { field: field_index, choice: place })
            })
            .child(SharedString::from(words.clone()))
    };
    div()
        .flex()
        .flex_1()
        .flex_wrap()
        .gap(look.px(2.0))
        .p(look.px(2.0))
        .rounded(look.radius())
        .border_1()
        .border_color(if of.focused { palette.accent } else { palette.border })
        .children(choices.iter().enumerate().map(|(place, words)| one(place, words)))
}

fn form_test(of: &FormTest, tools: &Tools, cx: &App) -> Div {
    let look = Look::of(cx);
    div()
        .flex()
        .flex_col()
        .gap(look.px(4.0))
        .child(
            div()
                .flex()
                .gap(look.px(6.0))
                .children(of.spinner.then(|| spinner(tools.mono_us, cx)))
                .child(span(&of.line, cx)),
        )
        .children(of.next_step.as_ref().map(|next| muted(next, cx)))
}

fn password(of: &PasswordPrompt, tools: &Tools, cx: &App) -> Div {
    let look = Look::of(cx);
    sheet(500.0, cx).child(
        inside(cx)
            .child(title(&of.title, cx))
            .child(muted(&of.address, cx))
            .children(problem(&of.problem, cx))
            .child(field(true, cx).child(tools.input(0, "Password")))
            .children(of.store.as_ref().map(|store| {
                let post = tools.post.clone();
                let (mark, other) = if store.on {
                    (dot(look.palette.accent, cx), 1)
                } else {
                    (ring(look.palette.faint, cx), 0)
                };
                div()
                    .id("store")
                    .role(Role::CheckBox)
                    .aria_label(SharedString::from(store.action.label.clone()))
                    .test_support()
                    .flex()
                    .items_center()
                    .gap(look.px(8.0))
                    .cursor_pointer()
                    .on_click(move |_, _, _| {
                        post.post(Msg::ChoiceClicked { field: 0, choice: other })
                    })
                    .child(mark)
                    .child(SharedString::from(store.action.label.clone()))
                    .children(store.action.key.clone().map(|key| key_box(key, cx)))
            }))
            .child(buttons(&of.actions, tools, cx)),
    )
}

fn host_key(of: &HostKeyPrompt, tools: &Tools, cx: &App) -> Div {
    let look = Look::of(cx);
    sheet(620.0, cx).child(
        inside(cx)
            .child(title(&of.title, cx))
            .children(of.reasons.iter().map(|reason| muted(reason, cx)))
            .child(
                div()
                    .font_family(fonts::MONO)
                    .text_size(look.mono_size())
                    .child(SharedString::from(of.algorithm.clone()))
                    .child(SharedString::from(of.fingerprint.clone())),
            )
            .children(problem(&of.problem, cx))
            .child(buttons(&of.actions, tools, cx)),
    )
}

fn confirm(of: &Confirm, tools: &Tools, cx: &App) -> Div {
    let look = Look::of(cx);
    let mark = tone(of.tone, &look.palette);
    let reason = |reason: &String| {
        div()
            .flex()
            .items_center()
            .gap(look.px(8.0))
            .child(dot(mark, cx))
            .child(SharedString::from(reason.clone()))
    };
    sheet(480.0, cx).child(
        inside(cx)
            .child(title(&of.title, cx))
            .children(of.reasons.iter().map(reason))
            .child(buttons(&of.actions, tools, cx)),
    )
}

fn inspect(of: &Inspect, tools: &Tools, cx: &App) -> Div {
    let look = Look::of(cx);
    let palette = look.palette;
    let place = format!("line {} of {}", of.first_line + 1, of.line_count);
    let lines = sight::value_rows(of.line_count, of.text.len()) as f32;
    sheet(760.0, cx)
        .child(
            div()
                .flex()
                .flex_none()
                .items_center()
                .gap(look.px(12.0))
                .px(look.px(18.0))
                .h(look.px(44.0))
                .child(title(&of.title, cx))
                .child(muted(&of.detail, cx))
                .child(spacer())
                .when(of.line_count > 1, |bar| bar.child(muted(&place, cx))),
        )
        .child(hairline(cx))
        .child(
            div()
                .id("inspect-text")
                .track_scroll(tools.value)
                .h(look.px(24.0 + 20.0 * lines))
                .min_h_0()
                .px(look.px(18.0))
                .py(look.px(12.0))
                .overflow_y_scroll()
                .bg(palette.background)
                .font_family(fonts::MONO)
                .text_size(look.mono_size())
                .line_height(look.px(20.0))
                .when(of.null, |text| text.italic().text_color(palette.faint))
                .child(SharedString::from(of.text.clone())),
        )
        .child(hairline(cx))
        .child(
            div()
                .flex()
                .flex_none()
                .items_center()
                .gap(look.px(12.0))
                .px(look.px(18.0))
                .py(look.px(10.0))
                .child(buttons(&of.actions, tools, cx).pt(px(0.0)))
                .children(of.note.as_ref().map(|note| muted(note, cx))),
        )
}

fn path(of: &PathPrompt, tools: &Tools, cx: &App) -> Div {
    let look = Look::of(cx);
    let rows: Vec<ListRow> = of
        .entries
        .iter()
        .enumerate()
        .map(|(place, entry)| {
            let post = tools.post.clone();
            let row = place + of.first;
            ListRow::new(("path-row", place), entry.name.clone(), 28.0)
                .selected(of.selected == Some(row))
                .on_press(move |_, _, _| post.post(Msg::RowClicked { row }))
                .child(
                    div()
                        .font_family(fonts::MONO)
                        .text_size(look.mono_size())
                        .when(entry.directory, |name| name.text_color(look.palette.accent))
                        .child(SharedString::from(entry.name.clone())),
                )
        })
        .collect();
    sheet(620.0, cx).child(
        inside(cx)
            .min_h_0()
            .child(title(&of.title, cx))
            .child(
                field(of.selected.is_none(), cx)
                    .font_family(fonts::MONO)
                    .text_size(look.mono_size())
                    .child(tools.input(0, "Path")),
            )
            .children(problem(&of.problem, cx))
            .child(
                div()
                    .id("path-rows")
                    .test_support()
                    .flex()
                    .flex_col()
                    .max_h(look.px(300.0))
                    .overflow_y_scroll()
                    .track_scroll(tools.path)
                    .children(rows),
            )
            .when(of.more, |sheet| sheet.child(muted("There are more.", cx)))
            .child(buttons(&of.actions, tools, cx)),
    )
}

fn go_to_line(of: &GoToLine, tools: &Tools, cx: &App) -> Div {
    sheet(360.0, cx).child(
        inside(cx)
            .child(title(&of.title, cx))
            .child(field(true, cx).child(tools.input(0, &of.title)))
            .child(buttons(&of.actions, tools, cx)),
    )
}

fn data_directory(of: &DataDirectory, tools: &Tools, cx: &App) -> Div {
    sheet(560.0, cx).child(
        inside(cx)
            .child(title(&of.title, cx))
            .children(of.reasons.iter().map(|reason| muted(reason, cx)))
            .child(field(true, cx).child(tools.input(0, "Directory")))
            .children(problem(&of.problem, cx))
            .child(buttons(&of.actions, tools, cx)),
    )
}

fn choices(of: &Choices, tools: &Tools, cx: &App) -> Div {
    let look = Look::of(cx);
    let rows = of.rows.iter().enumerate().map(|(place, (name, state))| {
        let post = tools.post.clone();
        ListRow::new(("setting", place), format!("{name} {state}"), 36.0)
            .selected(place == of.selected)
            .on_press(move |_, _, _| post.post(Msg::RowClicked { row: place }))
            .child(SharedString::from(name.clone()))
            .child(spacer())
            .child(muted(state, cx))
    });
    sheet(460.0, cx)
        .child(inside(cx).pb(look.px(8.0)).child(title(&of.title, cx)))
        .children(rows)
        .child(inside(cx).child(buttons(&of.actions, tools, cx)))
}
