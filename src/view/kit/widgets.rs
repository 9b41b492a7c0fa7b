//! The small parts that every view is made of: keys in boxes, dots, hairlines, pills, tabs,
//! buttons, rows, cards, fields, and the spinner. Each takes plain data and a callback.

use gpui::prelude::FluentBuilder;
use gpui::{
    AnyElement, App, ClickEvent, Div, ElementId, FontWeight, Hsla, InteractiveElement, IntoElement,
    ParentElement, Pixels, RenderOnce, Role, SharedString, Stateful, StatefulInteractiveElement,
    Styled, TestSupportExt, Window, div, px,
};

use super::fonts;
use super::theme::Look;

/// What a press on a part calls.
pub type Pressed = Box<dyn Fn(&ClickEvent, &mut Window, &mut App) + 'static>;

/// A key in its small box, written as people read it: `Ctrl Shift ↵`.
pub fn key_box(key: impl Into<SharedString>, cx: &App) -> Div {
    let look = Look::of(cx);
    div()
        .flex()
        .flex_none()
        .items_center()
        .h(look.px(18.0))
        .px(look.px(5.0))
        .rounded(look.px(4.0))
        .border_1()
        .border_color(look.palette.border)
        .bg(look.palette.raised)
        .font_family(fonts::MONO)
        .text_size(look.key_size())
        .text_color(look.palette.muted)
        .child(key.into())
}

/// Words with their key behind them, as the bars show them.
pub fn hint(words: impl Into<SharedString>, key: Option<&str>, cx: &App) -> Div {
    let look = Look::of(cx);
    div()
        .flex()
        .items_center()
        .gap(look.px(10.0))
        .text_color(look.palette.muted)
        .child(words.into())
        .children(key.map(|key| key_box(key.to_owned(), cx)))
}

/// A filled circle: a connection's colour, unsaved text.
pub fn dot(color: Hsla, cx: &App) -> Div {
    let diameter = Look::of(cx).px(8.0);
    div().flex_none().size(diameter).rounded(diameter).bg(color)
}

/// An empty circle: a connection that is closed.
pub fn ring(color: Hsla, cx: &App) -> Div {
    let diameter = Look::of(cx).px(8.0);
    div().flex_none().size(diameter).rounded(diameter).border_1().border_color(color)
}

/// A horizontal line of one pixel.
pub fn hairline(cx: &App) -> Div {
    div().flex_none().w_full().h(px(1.0)).bg(Look::of(cx).palette.border)
}

/// A vertical line of one pixel.
pub fn vertical_hairline(cx: &App) -> Div {
    div().flex_none().h_full().w(px(1.0)).bg(Look::of(cx).palette.border)
}

/// The heading over a list.
pub fn heading(words: &str, cx: &App) -> Div {
    let look = Look::of(cx);
    div()
        .text_size(look.px(11.5))
        .font_weight(FontWeight::SEMIBOLD)
        .text_color(look.palette.muted)
        .child(words.to_uppercase())
}

/// A rounded box for things that belong together: lists, dialogs.
pub fn panel(cx: &App) -> Div {
    let look = Look::of(cx);
    div()
        .flex()
        .flex_col()
        .overflow_hidden()
        .rounded(look.radius_large())
        .border_1()
        .border_color(look.palette.border)
        .bg(look.palette.surface)
}

/// The look of a field, round whatever takes the text. Focus shows in its frame.
pub fn field(focused: bool, cx: &App) -> Div {
    let look = Look::of(cx);
    let frame = if focused { look.palette.accent } else { look.palette.border };
    div()
        .flex()
        .items_center()
        .gap(look.px(8.0))
        .h(look.px(30.0))
        .px(look.px(10.0))
        .rounded(look.radius())
        .border_1()
        .border_color(frame)
        .bg(look.palette.background)
        .text_color(look.palette.text)
}

/// A round-cornered choice in a bar: one result of a script, the connection in the title bar.
#[derive(IntoElement)]
pub struct Pill {
    id: ElementId,
    label: SharedString,
    selected: bool,
    frame: Option<Hsla>,
    shrinks: bool,
    children: Vec<AnyElement>,
    pressed: Option<Pressed>,
}

impl Pill {
    /// A pill. The label is what a screen reader says.
    pub fn new(id: impl Into<ElementId>, label: impl Into<SharedString>) -> Self {
        Self {
            id: id.into(),
            label: label.into(),
            selected: false,
            frame: None,
            shrinks: false,
            children: Vec::new(),
            pressed: None,
        }
    }

    /// Whether this is the one that is shown.
    pub fn selected(mut self, selected: bool) -> Self {
        self.selected = selected;
        self
    }

    /// Gives way where there is little room; what is in it decides what is cut.
    pub fn shrinks(mut self) -> Self {
        self.shrinks = true;
        self
    }

    /// A frame in this colour.
    pub fn frame(mut self, color: Hsla) -> Self {
        self.frame = Some(color);
        self
    }

    /// What a press does.
    pub fn on_press(
        mut self,
        pressed: impl Fn(&ClickEvent, &mut Window, &mut App) + 'static,
    ) -> Self {
        self.pressed = Some(Box::new(pressed));
        self
    }
}

impl ParentElement for Pill {
    fn extend(&mut self, elements: impl IntoIterator<Item = AnyElement>) {
        self.children.extend(elements);
    }
}

impl RenderOnce for Pill {
    fn render(self, _: &mut Window, cx: &mut App) -> impl IntoElement {
        let look = Look::of(cx);
        let palette = look.palette;
        let text = if self.selected || self.frame.is_some() { palette.text } else { palette.muted };
        pressable(self.id, self.label, self.selected, self.pressed)
            .test_support()
            .flex()
            .when(!self.shrinks, |pill| pill.flex_none())
            .when(self.shrinks, |pill| pill.min_w_0())
            .items_center()
            .gap(look.px(8.0))
            .h(look.px(27.0))
            .px(look.px(10.0))
            .rounded(look.radius())
            .border_1()
            .border_color(self.frame.unwrap_or(gpui::transparent_black()))
            .text_color(text)
            .when(self.selected, |pill| pill.bg(palette.raised))
            .when(!self.selected && self.frame.is_none(), |pill| {
                pill.hover(move |style| style.bg(palette.raised.opacity(0.6)))
            })
            .children(self.children)
    }
}

/// A tab over the editor.
#[derive(IntoElement)]
pub struct Tab {
    id: ElementId,
    title: SharedString,
    selected: bool,
    marks: Vec<Div>,
    pressed: Option<Pressed>,
    closed: Option<Pressed>,
    middle: Option<Pressed>,
}

impl Tab {
    /// A tab with its title.
    pub fn new(id: impl Into<ElementId>, title: impl Into<SharedString>) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            selected: false,
            marks: Vec::new(),
            pressed: None,
            closed: None,
            middle: None,
        }
    }

    /// Whether this is the one that is shown.
    pub fn selected(mut self, selected: bool) -> Self {
        self.selected = selected;
        self
    }

    /// What is going on in it: a spinner, a dot for text that no file has. Under the pointer the close mark takes the
    /// last one's place.
    pub fn marks(mut self, marks: impl IntoIterator<Item = Div>) -> Self {
        self.marks = marks.into_iter().collect();
        self
    }

    /// What a press does.
    pub fn on_press(
        mut self,
        pressed: impl Fn(&ClickEvent, &mut Window, &mut App) + 'static,
    ) -> Self {
        self.pressed = Some(Box::new(pressed));
        self
    }

    /// What a press on the close mark does.
    pub fn on_close(
        mut self,
        closed: impl Fn(&ClickEvent, &mut Window, &mut App) + 'static,
    ) -> Self {
        self.closed = Some(Box::new(closed));
        self
    }

    /// What a press with the middle button does.
    pub fn on_middle(
        mut self,
        middle: impl Fn(&ClickEvent, &mut Window, &mut App) + 'static,
    ) -> Self {
        self.middle = Some(Box::new(middle));
        self
    }
}

impl RenderOnce for Tab {
    fn render(mut self, _: &mut Window, cx: &mut App) -> impl IntoElement {
        let look = Look::of(cx);
        let palette = look.palette;
        let (text, ground, top) = if self.selected {
            (palette.text, palette.background, palette.accent)
        } else {
            (palette.muted, palette.surface, palette.surface)
        };
        let last = self.marks.pop();
        let close_id = ElementId::from((self.id.clone(), "close"));
        pressable(self.id, self.title.clone(), self.selected, self.pressed)
            .test_support()
            .role(Role::Tab)
            .group("tab")
            .relative()
            .flex()
            .flex_none()
            .items_center()
            .gap(look.px(6.0))
            .h_full()
            .pl(look.px(14.0))
            .pr(look.px(8.0))
            .max_w(look.px(240.0))
            .border_r_1()
            .border_color(palette.border)
            .bg(ground)
            .text_color(text)
            .hover(move |style| style.text_color(palette.text))
            .when_some(self.middle, |tab, middle| {
                tab.on_aux_click(move |event, window, cx| {
                    if event.is_middle_click() {
                        middle(event, window, cx);
                    }
                })
            })
            .child(tab_line(top))
            .child(div().min_w_0().truncate().child(self.title))
            .children(self.marks)
            .child(tab_slot(close_id, last, self.closed, &look))
    }
}

fn tab_line(color: Hsla) -> Div {
    div().absolute().top_0().left_0().w_full().h(px(2.0)).bg(color)
}

/// The tab's last mark, and in its place, under the pointer, the mark that closes it.
fn tab_slot(
    id: ElementId,
    mark: Option<Div>,
    closed: Option<Pressed>,
    look: &Look,
) -> impl IntoElement {
    let palette = look.palette;
    let room = look.px(16.0);
    let centred = |part: Div| {
        part.absolute().top_0().left_0().size_full().flex().items_center().justify_center()
    };
    div()
        .relative()
        .flex_none()
        .size(room)
        .children(
            mark.map(|mark| {
                centred(div()).group_hover("tab", |style| style.invisible()).child(mark)
            }),
        )
        .child(
            centred(div())
                .id(id)
                .role(Role::Button)
                .aria_label("Close tab")
                .test_support()
                .invisible()
                .group_hover("tab", |style| style.visible())
                .rounded(look.px(4.0))
                .text_color(palette.muted)
                .hover(move |style| style.bg(palette.raised).text_color(palette.text))
                .when_some(closed, |part, closed| {
                    part.on_click(move |event, window, cx| {
                        cx.stop_propagation();
                        closed(event, window, cx);
                    })
                })
                .child("×"),
        )
}

/// A button with its key.
#[derive(IntoElement)]
pub struct KeyButton {
    id: ElementId,
    label: SharedString,
    key: Option<SharedString>,
    primary: bool,
    focused: bool,
    pressed: Option<Pressed>,
}

impl KeyButton {
    /// A button, with its key as people read it.
    pub fn new(
        id: impl Into<ElementId>,
        label: impl Into<SharedString>,
        key: Option<SharedString>,
    ) -> Self {
        Self {
            id: id.into(),
            label: label.into(),
            key,
            primary: false,
            focused: false,
            pressed: None,
        }
    }

    /// The one that is meant most often.
    pub fn primary(mut self, primary: bool) -> Self {
        self.primary = primary;
        self
    }

    /// Whether it has the keyboard.
    pub fn focused(mut self, focused: bool) -> Self {
        self.focused = focused;
        self
    }

    /// What a press does.
    pub fn on_press(
        mut self,
        pressed: impl Fn(&ClickEvent, &mut Window, &mut App) + 'static,
    ) -> Self {
        self.pressed = Some(Box::new(pressed));
        self
    }
}

impl RenderOnce for KeyButton {
    fn render(self, _: &mut Window, cx: &mut App) -> impl IntoElement {
        let look = Look::of(cx);
        let palette = look.palette;
        let frame = if self.focused || self.primary { palette.accent } else { palette.border };
        pressable(self.id, self.label.clone(), false, self.pressed)
            .test_support()
            .flex()
            .flex_none()
            .items_center()
            .gap(look.px(8.0))
            .h(look.px(28.0))
            .px(look.px(10.0))
            .rounded(look.radius())
            .border_1()
            .border_color(frame)
            .bg(palette.raised)
            .text_color(palette.text)
            .hover(move |style| style.bg(palette.selection))
            .child(self.label)
            .children(self.key.map(|key| key_box(key, cx)))
    }
}

/// A row of a list: a connection, a command, an object in the tree.
#[derive(IntoElement)]
pub struct ListRow {
    id: ElementId,
    label: SharedString,
    height: f32,
    selected: bool,
    marked: bool,
    children: Vec<AnyElement>,
    pressed: Option<Pressed>,
}

impl ListRow {
    /// A row of this height at 100%. The label is what a screen reader says.
    pub fn new(id: impl Into<ElementId>, label: impl Into<SharedString>, height: f32) -> Self {
        Self {
            id: id.into(),
            label: label.into(),
            height,
            selected: false,
            marked: false,
            children: Vec::new(),
            pressed: None,
        }
    }

    /// Whether it has the keyboard: a bar at its left end says so.
    pub fn marked(mut self, marked: bool) -> Self {
        self.marked = marked;
        self
    }

    /// Whether it is the active one.
    pub fn selected(mut self, selected: bool) -> Self {
        self.selected = selected;
        self
    }

    /// What a press does.
    pub fn on_press(
        mut self,
        pressed: impl Fn(&ClickEvent, &mut Window, &mut App) + 'static,
    ) -> Self {
        self.pressed = Some(Box::new(pressed));
        self
    }
}

impl ParentElement for ListRow {
    fn extend(&mut self, elements: impl IntoIterator<Item = AnyElement>) {
        self.children.extend(elements);
    }
}

impl RenderOnce for ListRow {
    fn render(self, _: &mut Window, cx: &mut App) -> impl IntoElement {
        let look = Look::of(cx);
        let palette = look.palette;
        pressable(self.id, self.label, self.selected, self.pressed)
            .test_support()
            .role(Role::ListItem)
            .flex()
            .flex_none()
            .items_center()
            .gap(look.px(12.0))
            .w_full()
            .h(look.px(self.height))
            .relative()
            .px(look.px(14.0))
            .text_color(palette.text)
            .when(self.selected, |row| row.bg(palette.selection))
            .when(!self.selected, |row| {
                row.hover(move |style| style.bg(palette.raised.opacity(0.7)))
            })
            .when(self.marked, |row| {
                row.child(div().absolute().top_0().left_0().h_full().w(px(2.0)).bg(palette.accent))
            })
            .children(self.children)
    }
}

/// What happened in words, where it happened, and what to do next.
#[derive(IntoElement)]
pub struct ErrorCard {
    id: ElementId,
    title: SharedString,
    place: SharedString,
    calm: bool,
    parts: Vec<(SharedString, SharedString)>,
    lines: Vec<SharedString>,
    actions: Vec<AnyElement>,
}

impl ErrorCard {
    /// A card with what happened, and its SQLSTATE and place.
    pub fn new(
        id: impl Into<ElementId>,
        title: impl Into<SharedString>,
        place: impl Into<SharedString>,
    ) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            place: place.into(),
            calm: false,
            parts: Vec::new(),
            lines: Vec::new(),
            actions: Vec::new(),
        }
    }

    /// Nothing went wrong: it is what was asked for.
    pub fn calm(mut self, calm: bool) -> Self {
        self.calm = calm;
        self
    }

    /// Something the server said besides, with what it calls it.
    pub fn part(mut self, label: impl Into<SharedString>, text: impl Into<SharedString>) -> Self {
        self.parts.push((label.into(), text.into()));
        self
    }

    /// A next step in words.
    pub fn line(mut self, line: impl Into<SharedString>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// Something to do, usually a [`KeyButton`].
    pub fn action(mut self, action: impl IntoElement) -> Self {
        self.actions.push(action.into_any_element());
        self
    }
}

impl RenderOnce for ErrorCard {
    fn render(self, _: &mut Window, cx: &mut App) -> impl IntoElement {
        let look = Look::of(cx);
        let palette = look.palette;
        let (ground, frame) = if self.calm {
            (palette.surface, palette.border)
        } else {
            (palette.error_ground, palette.error_frame)
        };
        let bar = if self.calm { palette.muted } else { palette.error };
        let card = div()
            .flex()
            .flex_col()
            .gap(look.px(8.0))
            .w_full()
            .pl(look.px(16.0))
            .pr(look.px(16.0))
            .py(look.px(14.0))
            .rounded(look.radius())
            .border_1()
            .border_color(frame)
            .bg(ground)
            .text_color(palette.text)
            .child(
                div()
                    .text_size(look.px(14.0))
                    .font_weight(FontWeight::SEMIBOLD)
                    .child(self.title.clone()),
            )
            .when(!self.place.is_empty(), |card| {
                card.child(div().text_color(palette.muted).child(self.place))
            })
            .children(self.parts.into_iter().map(|(label, text)| card_part(label, text, &look)))
            .children(self.lines.into_iter().map(|line| div().child(line)))
            .when(!self.actions.is_empty(), |card| {
                card.child(
                    div()
                        .flex()
                        .flex_wrap()
                        .gap(look.px(8.0))
                        .pt(look.px(2.0))
                        .children(self.actions),
                )
            });
        // The bar is the ground under the card, which is round at its own corners.
        div()
            .id(self.id)
            .role(Role::Alert)
            .aria_label(self.title)
            .test_support()
            .w_full()
            .max_w(look.px(860.0))
            .pl(px(3.0))
            .rounded(look.radius())
            .bg(bar)
            .child(card)
    }
}

fn card_part(label: SharedString, text: SharedString, look: &Look) -> Div {
    div()
        .flex()
        .gap(look.px(12.0))
        .child(div().flex_none().w(look.px(76.0)).text_color(look.palette.muted).child(label))
        .child(div().flex_1().min_w_0().child(text))
}

/// What a spinner shows, one after the other.
const PHASES: [&str; 4] = ["◐", "◓", "◑", "◒"];

/// Something is under way. It turns with the clock, four signs a second and a bit, and stands still for people who
/// asked for less motion.
pub fn spinner(mono_us: u64, cx: &App) -> Div {
    let look = Look::of(cx);
    div()
        .flex_none()
        .w(look.px(14.0))
        .text_color(look.palette.accent)
        .font_family(fonts::MONO)
        .child(PHASES[phase(mono_us, cx)])
}

/// How far a spinner has turned.
pub fn phase(mono_us: u64, cx: &App) -> usize {
    const PHASE_US: u64 = 300_000;
    let stands = Look::of(cx).reduced_motion;
    if stands { 0 } else { (mono_us / PHASE_US) as usize % PHASES.len() }
}

/// The line along the top edge that says which server this is.
pub fn connection_line(color: Hsla) -> Div {
    div().flex_none().w_full().h(px(2.0)).bg(color)
}

/// A line of things of which those without room are left out whole, not cut. `first` is how readily it gives way,
/// beside others of its kind.
pub fn fitting(
    height: Pixels,
    gap: Pixels,
    first: f32,
    parts: impl IntoIterator<Item = AnyElement>,
) -> Div {
    // What does not fit wraps to a second line, which is not shown.
    let mut line = div()
        .flex()
        .flex_wrap()
        .content_start()
        .min_w_0()
        .h(height)
        .overflow_hidden()
        .gap_x(gap)
        .children(
            parts
                .into_iter()
                .map(|part| div().flex().flex_none().items_center().h(height).child(part)),
        );
    line.style().flex_shrink = Some(first);
    line
}

/// Space that pushes what follows to the end.
pub fn spacer() -> Div {
    div().flex_1().min_w(Pixels::ZERO)
}

fn pressable(
    id: ElementId,
    label: SharedString,
    selected: bool,
    pressed: Option<Pressed>,
) -> Stateful<Div> {
    div()
        .id(id)
        .role(Role::Button)
        .aria_label(label)
        .aria_selected(selected)
        .when_some(pressed, |part, pressed| part.cursor_pointer().on_click(pressed))
}
