//! The SQL editor: the kit's editor with PostgreSQL's colours, a mark beside the statement that
//! would run and a squiggle under an error. Each edit and each move of the cursor is reported; text
//! that the program sets is not.

pub mod highlight;

use std::ops::Range;

use gpui::base::input::{
    Diagnostic, DiagnosticSeverity, RangeDecoration, RangeDecorationCollection,
    RangeDecorationStyle,
};
use gpui::component::ActiveTheme;
use gpui::component::input::{
    Editor, EditorState, Enter, GutterDecorationCollection, InputEdit, InputEditsEvent, InputEvent,
    Paste, Rope, RopeExt,
};
use gpui::{
    App, AppContext, Bounds, Context, Entity, EventEmitter, FocusHandle, Focusable, FontFeatures,
    InteractiveElement, IntoElement, ParentElement, Pixels, Render, SharedString, Styled,
    Subscription, TextRun, Window, canvas, div, fill, point, px, size,
};

use super::{fonts, theme::Look};
use crate::{
    base::text::{broken_by, difference, has_crlf_at},
    update::shell::sight::letters_of,
};

/// Room left of the line numbers.
const STRIP: f32 = 10.0;

/// What the kit leaves around its line numbers: padding, the gap after the strip, the margin after
/// the numbers and the room for a fold's arrow.
const KIT_MARGINS: f32 = KIT_PADDING + 4.0 + 6.0 + 18.0;
const KIT_PADDING: f32 = 6.0;

/// Width of the bar beside the marked statement, and its distance to the text.
const BAR: f32 = 3.0;
const BAR_BEFORE_TEXT: f32 = 14.0;

/// Space above the first line: what the kit leaves in its middle size.
const TOP: f32 = 8.0;

/// One replacement in the text, as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextChange {
    /// The bytes that went, in the text before this change.
    pub range: Range<usize>,
    /// What came in their place.
    pub inserted: String,
}

/// Where the cursor is, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EditorSelection {
    /// The end that stays when the selection is extended.
    pub anchor: usize,
    /// The end with the cursor.
    pub head: usize,
}

impl EditorSelection {
    /// The selected bytes, in order.
    pub fn range(self) -> Range<usize> {
        self.anchor.min(self.head)..self.anchor.max(self.head)
    }
}

/// What a person did in the editor.
#[derive(Clone, Debug)]
pub enum SqlEditorEvent {
    /// The text was changed.
    Edited {
        /// One more than before this edit; every text that was set raises it as well.
        revision: u64,
        /// The changes, in the order in which they were made.
        changes: Vec<TextChange>,
        /// Where the cursor is now.
        selection: EditorSelection,
        /// The whole text now. Cloning it costs nothing.
        text: Rope,
    },
    /// The cursor or the selection moved and the text did not change.
    SelectionMoved(EditorSelection),
    /// The editor has the keyboard.
    Focused,
    /// The editor lost the keyboard.
    Blurred,
}

/// The editor of one tab.
pub struct SqlEditor {
    state: Entity<EditorState>,
    revision: u64,
    known: Rope,
    selection: EditorSelection,
    statement: Option<Range<usize>>,
    /// How many letters wide the words are that stand in the place of a text.
    placeholder: usize,
    found: (Vec<Range<usize>>, Option<usize>),
    found_marks: RangeDecorationCollection,
    /// Held for its width: it keeps the room left of the line numbers.
    _strip: GutterDecorationCollection,
    _subscriptions: Vec<Subscription>,
}

impl EventEmitter<SqlEditorEvent> for SqlEditor {}

impl SqlEditor {
    /// An editor with a first text, and the revision that the text has.
    pub fn new(text: &str, revision: u64, window: &mut Window, cx: &mut Context<Self>) -> Self {
        let initial: SharedString = text.to_string().into();
        let state = cx.new(|cx| {
            let mut state = EditorState::new(window, cx)
                .language("sql")
                .line_number(true)
                .soft_wrap(false)
                .gutter_decorations_width(px(STRIP))
                .default_value(initial);
            state.set_highlighter_factory(highlight::factory(), cx);
            state
        });
        let strip = state
            .update(cx, |state, cx| state.create_gutter_decorations_collection(Vec::new(), cx));
        let found_marks =
            state.update(cx, |state, cx| state.create_range_decorations_collection(Vec::new(), cx));
        let known = state.read(cx).text().clone();
        let subscriptions = vec![
            cx.subscribe(&state, Self::edited),
            cx.subscribe(&state, Self::focus_changed),
            cx.observe(&state, |editor, _, cx| editor.report_selection(cx)),
        ];
        Self {
            state,
            revision,
            known,
            selection: EditorSelection::default(),
            statement: None,
            placeholder: 0,
            found: Default::default(),
            found_marks,
            _strip: strip,
            _subscriptions: subscriptions,
        }
    }

    /// The revision of the text: each edit raises it by one, and a text that is set brings its own.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The whole text.
    pub fn text(&self, cx: &App) -> Rope {
        self.state.read(cx).text().clone()
    }

    /// Where the cursor is.
    pub fn selection(&self) -> EditorSelection {
        self.selection
    }

    /// The kit's own editor, for what this one does not wrap.
    pub fn state(&self) -> &Entity<EditorState> {
        &self.state
    }

    /// Takes a text over, with its revision and without an event. Only what differs is replaced, and that can be undone.
    pub fn set_text(
        &mut self,
        text: &str,
        revision: u64,
        window: &mut Window,
        cx: &mut Context<Self>,
    ) {
        self.revision = revision;
        let old = self.state.read(cx).text().to_string();
        let (differing, middle) = difference(&old, text);
        if differing.is_empty() && middle.is_empty() {
            return;
        }
        self.state.update(cx, |state, cx| {
            state.set_selected_range(differing, cx);
            state.replace(middle.to_string(), window, cx);
        });
        self.known = self.state.read(cx).text().clone();
        self.selection = read_selection(self.state.read(cx));
        self.statement = None;
        self.clear_error(cx);
        cx.notify();
    }

    /// Moves the cursor without an event.
    pub fn set_selection(&mut self, selection: EditorSelection, cx: &mut Context<Self>) {
        self.state.update(cx, |state, cx| {
            let reversed = selection.head < selection.anchor;
            state.set_selected_range_with_direction(selection.range(), reversed, cx);
        });
        self.selection = read_selection(self.state.read(cx));
        cx.notify();
    }

    /// What is shown while there is no text.
    pub fn set_placeholder(&mut self, words: &str, window: &mut Window, cx: &mut Context<Self>) {
        self.placeholder = words.chars().map(letters_of).sum();
        self.state.update(cx, |state, cx| {
            state.set_placeholder(words.to_owned(), window, cx);
        });
    }

    /// Marks the lines of the statement that would run, or none.
    pub fn mark_statement(&mut self, statement: Option<Range<usize>>, cx: &mut Context<Self>) {
        if self.statement != statement {
            self.statement = statement;
            cx.notify();
        }
    }

    /// Underlines an error; the message is shown when the pointer rests on it.
    pub fn mark_error(&mut self, range: Range<usize>, message: &str, cx: &mut Context<Self>) {
        self.state.update(cx, |state, cx| {
            let text = state.text().clone();
            let range = visible_range(&text, range);
            let place = text.offset_to_position(range.start)..text.offset_to_position(range.end);
            if let Some(diagnostics) = state.diagnostics_mut() {
                diagnostics.reset(&text);
                let message = message.to_string();
                diagnostics
                    .push(Diagnostic::new(place, message).with_severity(DiagnosticSeverity::Error));
            }
            cx.notify();
        });
    }

    /// Takes the squiggle away.
    pub fn clear_error(&mut self, cx: &mut Context<Self>) {
        self.state.update(cx, |state, cx| {
            if let Some(diagnostics) = state.diagnostics_mut()
                && !diagnostics.is_empty()
            {
                diagnostics.clear();
                cx.notify();
            }
        });
    }

    /// Gives the editor the keyboard.
    pub fn focus(&self, window: &mut Window, cx: &mut Context<Self>) {
        self.state.update(cx, |state, cx| state.focus(window, cx));
    }

    /// Where the cursor was drawn, and the place that the text is drawn in.
    pub fn caret(&self, cx: &App) -> Option<(Bounds<Pixels>, Bounds<Pixels>)> {
        let state = self.state.read(cx);
        let caret = state.prepaint_caret_geometry()?;
        // The kit's place of the cursor is where it was scrolled to sideways alone.
        let mut drawn = caret.cursor_bounds();
        drawn.origin.y += caret.scroll_offset().y;
        Some((drawn, state.input_bounds()))
    }

    /// How many lines the text was scrolled down when it was drawn, and how many the room is high that it was drawn in;
    /// then the same of letters, to the right.
    pub fn drawn(&self, window: &Window, cx: &App) -> Option<[[f32; 2]; 2]> {
        let state = self.state.read(cx);
        let look = Look::of(cx);
        // The kit's lines are whole pixels high.
        let line = state.prepaint_caret_geometry()?.line_height();
        let letter = letter_width(&look, window);
        let (room, offset) = (state.input_bounds().size, state.scroll_offset());
        let width = room.width - (gutter_width(state, &look, window) - px(KIT_PADDING));
        let lines = [-offset.y / line, room.height / line];
        let letters = [-offset.x / letter, (width / letter).max(0.0)];
        (room.height > px(0.0)).then_some([lines, letters])
    }

    /// Brings the cursor into sight once the text has been laid out: the kit looks for it in the last frame's layout.
    pub fn reveal(&self, window: &Window, cx: &mut Context<Self>) {
        let editor = cx.entity().downgrade();
        // A callback runs before its frame is laid out, so the second one runs behind the first frame.
        window.on_next_frame(move |window, _| {
            window.on_next_frame(move |_, cx| {
                let revealed = editor.update(cx, |editor, cx| {
                    editor.set_selection(editor.selection, cx);
                });
                if revealed.is_err() {
                    log::debug!("an editor was closed before its cursor was in sight");
                }
            });
            window.refresh();
        });
    }

    /// Marks the places that a search found, and the one of them that is chosen.
    pub fn mark_found(
        &mut self,
        places: &[Range<usize>],
        chosen: Option<usize>,
        cx: &mut Context<Self>,
    ) {
        if self.found.0 == places && self.found.1 == chosen {
            return;
        }
        let palette = Look::of(cx).palette;
        let marks = places.iter().enumerate().map(|(at, place)| {
            let color = if chosen == Some(at) { palette.accent } else { palette.warning };
            RangeDecoration::new(place.clone())
                .with_style(RangeDecorationStyle::Frame)
                .with_color(color)
        });
        self.found_marks.set(marks.collect(), cx);
        self.found = (places.to_vec(), chosen);
        cx.notify();
    }

    /// How far below the editor's upper edge, at its right end, there is a line's height and this width without text:
    /// the first such row from the top. None where every row that is in sight reaches that far.
    pub fn free_row(&self, width: Pixels, window: &Window, cx: &App) -> Option<Pixels> {
        let look = Look::of(cx);
        let state = self.state.read(cx);
        let (text, map) = (state.text(), state.display_map());
        let room = state.input_bounds().size;
        let (line, scrolled) = (look.editor_line(), state.scroll_offset());
        if room.height <= px(0.0) {
            return None;
        }
        let letter = letter_width(&look, window);
        // Two letters' width is left for the cursor behind a text.
        let reaches = |line: usize| {
            let range = text.line_start_offset(line)..text.line_end_offset(line);
            let seen = (room.width - scrolled.x) / letter;
            let most = (seen as usize + 1) * 4;
            let head = text
                .slice(range.start..text.floor_char_boundary(range.end.min(range.start + most)));
            let mut columns: usize = head.chars().map(letters_of).sum();
            if text.len() == 0 {
                columns = self.placeholder;
            }
            gutter_width(state, &look, window) + letter * (columns + 2) as f32 + scrolled.x
        };
        let first = (-scrolled.y / line).ceil().max(0.0) as usize;
        let count = map.display_row_count();
        let mut row = first;
        loop {
            let top = px(TOP) + line * row as f32 + scrolled.y;
            if top + line > room.height {
                return None;
            }
            if row >= count || reaches(map.display_row_to_buffer_line(row)) < room.width - width {
                return Some(top);
            }
            row += 1;
        }
    }

    fn edited(
        &mut self,
        state: Entity<EditorState>,
        event: &InputEditsEvent,
        cx: &mut Context<Self>,
    ) {
        let mut changes = Vec::with_capacity(event.edits().len());
        let mut text = None;
        for (edit, after) in event.edits() {
            changes.push(TextChange {
                range: edit.start_byte..edit.old_end_byte,
                inserted: after.slice(edit.start_byte..edit.new_end_byte).to_string(),
            });
            text = Some(after.clone());
        }
        let text = text.unwrap_or_else(|| state.read(cx).text().clone());
        // The kit also reports a text that the program set. That one is known already.
        if is_known(&self.known, &text, event.edits()) {
            return;
        }
        self.known = text.clone();
        self.revision += 1;
        self.selection = read_selection(state.read(cx));
        self.clear_error(cx);
        cx.emit(SqlEditorEvent::Edited {
            revision: self.revision,
            changes,
            selection: self.selection,
            text,
        });
        cx.notify();
    }

    /// Enter in a text whose lines end in CRLF; the kit knows LF alone.
    fn enter(&mut self, _: &Enter, window: &mut Window, cx: &mut Context<Self>) {
        let text = self.state.read(cx).text().clone();
        let start = text.floor_char_boundary(self.selection.range().start.min(text.len()));
        if has_crlf_at(&text, start) != Some(true) {
            return;
        }
        cx.stop_propagation();
        let line = text.line_start_offset(text.offset_to_point(start).row);
        let blanks = text.slice(line..start);
        let indent: String = blanks.chars().take_while(|c| matches!(c, ' ' | '\t')).collect();
        self.state.update(cx, |state, cx| {
            state.replace(format!("\r\n{indent}"), window, cx);
        });
    }

    /// Pasted lines end as those of the text do.
    fn paste(&mut self, _: &Paste, window: &mut Window, cx: &mut Context<Self>) {
        let text = self.state.read(cx).text().clone();
        let start = text.floor_char_boundary(self.selection.range().start.min(text.len()));
        let pasted = cx.read_from_clipboard().and_then(|item| item.text());
        if let (Some(crlf), Some(pasted)) = (has_crlf_at(&text, start), pasted)
            && let std::borrow::Cow::Owned(fitting) = broken_by(&pasted, crlf)
        {
            cx.stop_propagation();
            self.state.update(cx, |state, cx| state.replace(fitting, window, cx));
        }
    }

    /// Whether a text is the one that was told last. An edit leaves the cursor in a leaf of the rope that is a new one:
    /// the whole text is not compared for each move.
    fn is_told(&self, text: &Rope, selection: EditorSelection) -> bool {
        let leaf = |text: &Rope, at: usize| {
            let (leaf, start) = text.chunk(at.min(text.len()));
            (leaf.as_ptr(), leaf.len(), start)
        };
        text.len() == self.known.len()
            && [selection.anchor, selection.head]
                .iter()
                .all(|at| leaf(text, *at) == leaf(&self.known, *at))
    }

    fn focus_changed(
        &mut self,
        _: Entity<EditorState>,
        event: &InputEvent,
        cx: &mut Context<Self>,
    ) {
        match event {
            InputEvent::Focus => cx.emit(SqlEditorEvent::Focused),
            InputEvent::Blur => cx.emit(SqlEditorEvent::Blurred),
            InputEvent::Change | InputEvent::PressEnter { .. } => {}
        }
    }

    /// The kit notifies for more than moves, a blinking cursor among them.
    fn report_selection(&mut self, cx: &mut Context<Self>) {
        let state = self.state.read(cx);
        let read = read_selection(state);
        let selection = outside_breaks(state.text(), read);
        // The kit's End stops inside CRLF, where a letter would part the two.
        if selection != read && self.is_told(state.text(), read) {
            self.state.update(cx, |state, cx| {
                let reversed = selection.head < selection.anchor;
                state.set_selected_range_with_direction(selection.range(), reversed, cx);
            });
        }
        let state = self.state.read(cx);
        // While an edit waits to be told, its event carries the selection.
        if selection != self.selection && self.is_told(state.text(), read) {
            self.selection = selection;
            cx.emit(SqlEditorEvent::SelectionMoved(selection));
        }
    }
}

impl Focusable for SqlEditor {
    fn focus_handle(&self, cx: &App) -> FocusHandle {
        self.state.focus_handle(cx)
    }
}

impl Render for SqlEditor {
    fn render(&mut self, _: &mut Window, cx: &mut Context<Self>) -> impl IntoElement {
        let look = Look::of(cx);
        let statement = self.statement.clone();
        div()
            .relative()
            .size_full()
            .overflow_hidden()
            .capture_action(cx.listener(Self::enter))
            .capture_action(cx.listener(Self::paste))
            .bg(look.palette.background)
            .child(statement_layer(&self.state, statement.clone(), &look, Layer::Ground))
            .child(
                Editor::new(&self.state)
                    .appearance(false)
                    .bordered(false)
                    .aria_label("SQL editor")
                    .font_family(cx.theme().mono_font_family.clone())
                    .font_features(FontFeatures::disable_ligatures())
                    .text_size(look.mono_size())
                    .line_height(look.editor_line())
                    .size_full(),
            )
            .child(statement_layer(&self.state, statement, &look, Layer::Gutter))
    }
}

/// The ground of the marked lines lies under the text; in the gutter, whose own ground is opaque so
/// that scrolled text can't show through, a veil of the same colour and the bar lie on top.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layer {
    Ground,
    Gutter,
}

fn statement_layer(
    state: &Entity<EditorState>,
    statement: Option<Range<usize>>,
    look: &Look,
    layer: Layer,
) -> impl IntoElement {
    let (state, look) = (state.clone(), *look);
    canvas(
        |_, _, _| (),
        move |bounds, (), window, cx| {
            let Some(statement) = statement else {
                return;
            };
            let Some(area) = marked_area(state.read(cx), &statement, bounds, look.editor_line())
            else {
                return;
            };
            match layer {
                Layer::Ground => window.paint_quad(fill(area, look.palette.statement)),
                Layer::Gutter => paint_gutter(state.read(cx), area, &look, window),
            }
        },
    )
    .absolute()
    .top_0()
    .left_0()
    .size_full()
}

/// The rectangle over all lines that a statement touches, cut to the editor.
fn marked_area(
    state: &EditorState,
    statement: &Range<usize>,
    bounds: Bounds<Pixels>,
    line: Pixels,
) -> Option<Bounds<Pixels>> {
    let text = state.text();
    let length = text.len();
    let first = text.offset_to_point(statement.start.min(length)).row;
    let last = text.offset_to_point(statement.end.min(length)).row;
    let map = state.display_map();
    let top_row = map.buffer_line_to_display_row(first);
    let end_row = match map.buffer_line_to_display_row_range(last) {
        Some(rows) => rows.end,
        None => map.buffer_line_to_display_row(last) + 1,
    };
    // Before its first frame the kit does not know yet where its text begins.
    let begun = state.input_bounds().size.height > px(0.0);
    let text_top = if begun { state.input_bounds().top() } else { bounds.top() + px(TOP) };
    let origin = text_top + state.scroll_offset().y;
    let top = origin + line * top_row;
    let bottom = origin + line * end_row.max(top_row + 1);
    let area = Bounds::from_corners(point(bounds.left(), top), point(bounds.right(), bottom));
    let area = area.intersect(&bounds);
    (area.size.height > px(0.0)).then_some(area)
}

/// The width of a letter; each has the same.
fn letter_width(look: &Look, window: &Window) -> Pixels {
    let system = window.text_system();
    let font = system.resolve_font(&fonts::mono());
    let advance = system.em_advance(font, look.mono_size());
    advance.map_or(look.mono_size() * 0.6, |width| width.max(px(1.0)))
}

fn paint_gutter(state: &EditorState, area: Bounds<Pixels>, look: &Look, window: &mut Window) {
    let left = area.left();
    let text_left = left + gutter_width(state, look, window);
    let palette = &look.palette;
    let veil = Bounds::new(area.origin, size(text_left - left, area.size.height));
    window.paint_quad(fill(veil, palette.accent.opacity(look.statement_veil())));
    let bar = Bounds::new(
        point(text_left - px(BAR_BEFORE_TEXT), area.top()),
        size(px(BAR), area.size.height),
    );
    window.paint_quad(fill(bar, palette.statement_bar));
}

/// From the editor's left edge to its text: the kit's own margins around its line numbers.
fn gutter_width(state: &EditorState, look: &Look, window: &Window) -> Pixels {
    let digits = state.text().lines_len().to_string().len().clamp(3, 7);
    let run = TextRun {
        len: digits,
        font: fonts::mono(),
        color: look.palette.faint,
        background_color: None,
        underline: None,
        strikethrough: None,
    };
    let sample = "0".repeat(digits).into();
    let numbers = window.text_system().shape_line(sample, look.mono_size(), &[run], None);
    px(KIT_MARGINS + STRIP) + numbers.width()
}

fn read_selection(state: &EditorState) -> EditorSelection {
    let range = state.selected_range();
    if state.is_selection_reversed() {
        EditorSelection { anchor: range.end, head: range.start }
    } else {
        EditorSelection { anchor: range.start, head: range.end }
    }
}

/// Whether edits led to a text that is known, or came after it. One edit shows that by what it replaced.
fn is_known(known: &Rope, text: &Rope, edits: &[(InputEdit, Rope)]) -> bool {
    match edits {
        [(edit, _)] => {
            let inserted = edit.start_byte..edit.new_end_byte;
            known.len() == text.len() && known.slice(inserted.clone()) == text.slice(inserted)
        }
        _ => known == text,
    }
}

/// A place in the middle of CRLF is the place before it.
fn outside_breaks(text: &Rope, selection: EditorSelection) -> EditorSelection {
    let outside = |at: usize| {
        let is_inside =
            text.char_at(at) == Some('\n') && at > 0 && text.char_at(at - 1) == Some('\r');
        at - usize::from(is_inside)
    };
    EditorSelection { anchor: outside(selection.anchor), head: outside(selection.head) }
}

/// An error at the very end of the text, or of no length, still needs something to underline.
fn visible_range(text: &Rope, range: Range<usize>) -> Range<usize> {
    let length = text.len();
    let start = text.floor_char_boundary(range.start.min(length));
    let end = text.ceil_char_boundary(range.end.min(length)).max(start);
    if end > start {
        return start..end;
    }
    if start < length {
        return start..text.ceil_char_boundary(start + 1);
    }
    text.floor_char_boundary(start.saturating_sub(1))..start
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use gpui::test::TestWindowExt;
    use gpui::{AnyWindowHandle, InteractiveElement, KeyBinding, TestAppContext, WindowOptions};

    use super::*;

    gpui::actions!(sql_editor_test, [RunAsked]);

    struct Harness {
        editor: Entity<SqlEditor>,
        runs: Rc<RefCell<usize>>,
    }

    impl Render for Harness {
        fn render(&mut self, _: &mut Window, _: &mut Context<Self>) -> impl IntoElement {
            let runs = self.runs.clone();
            div()
                .key_context("Tusk")
                .size_full()
                .on_action(move |_: &RunAsked, _, _| *runs.borrow_mut() += 1)
                .child(self.editor.clone())
        }
    }

    struct Shown {
        editor: Entity<SqlEditor>,
        window: AnyWindowHandle,
        heard: Rc<RefCell<Vec<SqlEditorEvent>>>,
        runs: Rc<RefCell<usize>>,
    }

    fn show(text: &'static str, cx: &mut TestAppContext) -> Shown {
        let (window, harness) = cx.update(|cx| {
            gpui::init(cx);
            cx.bind_keys([
                KeyBinding::new("ctrl-enter", RunAsked, Some("Tusk > Input")),
                KeyBinding::new("ctrl-.", RunAsked, Some("Tusk > Input")),
            ]);
            gpui::open_window(WindowOptions::default(), cx, |window, cx| {
                let editor = cx.new(|cx| SqlEditor::new(text, 0, window, cx));
                editor.update(cx, |editor, cx| editor.focus(window, cx));
                cx.new(|_| Harness { editor, runs: Rc::default() })
            })
            .expect("a window")
        });
        let (editor, runs) = cx.read(|cx| {
            let harness = harness.read(cx);
            (harness.editor.clone(), harness.runs.clone())
        });
        let heard: Rc<RefCell<Vec<SqlEditorEvent>>> = Rc::default();
        let log = heard.clone();
        cx.update(|cx| {
            cx.subscribe(&editor, move |_, event: &SqlEditorEvent, _| {
                log.borrow_mut().push(event.clone());
            })
            .detach();
        });
        let shown = Shown { editor, window, heard, runs };
        shown.act(cx, |window, cx| window.render_frame(cx));
        shown.heard.borrow_mut().clear();
        shown
    }

    impl Shown {
        fn act(&self, cx: &mut TestAppContext, act: impl FnOnce(&mut Window, &mut App)) {
            cx.update_window(self.window, |_, window, cx| act(window, cx)).expect("an open window");
            cx.run_until_parked();
        }

        fn text(&self, cx: &mut TestAppContext) -> String {
            cx.read(|cx| self.editor.read(cx).text(cx).to_string())
        }

        /// Replays the edits that were told over the first text.
        fn replayed(&self, first: &str) -> String {
            let mut text = first.to_string();
            for event in self.heard.borrow().iter() {
                if let SqlEditorEvent::Edited { changes, .. } = event {
                    for change in changes {
                        text.replace_range(change.range.clone(), &change.inserted);
                    }
                }
            }
            text
        }
    }

    #[gpui::test]
    fn typed_text_is_told_edit_by_edit(cx: &mut TestAppContext) {
        let shown = show("", cx);
        shown.act(cx, |window, cx| window.input("sélect 1", cx));
        shown.act(cx, |window, cx| window.press("backspace", cx));
        shown.act(cx, |window, cx| window.press("ctrl-z", cx));
        assert_eq!(shown.replayed(""), shown.text(cx));
        let heard = shown.heard.borrow();
        let revisions: Vec<u64> = heard
            .iter()
            .filter_map(|event| match event {
                SqlEditorEvent::Edited { revision, .. } => Some(*revision),
                _ => None,
            })
            .collect();
        let expected: Vec<u64> = (1..=revisions.len() as u64).collect();
        assert!(revisions.len() >= 9);
        assert_eq!(revisions, expected);
    }

    #[gpui::test]
    fn the_cursor_is_told_when_only_it_moves(cx: &mut TestAppContext) {
        let shown = show("select 1", cx);
        shown.act(cx, |window, cx| window.press("end", cx));
        shown.act(cx, |window, cx| window.press("shift-left", cx));
        let heard = shown.heard.borrow();
        let moves: Vec<(usize, usize)> = heard
            .iter()
            .map(|event| match event {
                SqlEditorEvent::SelectionMoved(it) => (it.anchor, it.head),
                other => unreachable!("{other:?}"),
            })
            .collect();
        assert_eq!(moves, [(8, 8), (8, 7)]);
    }

    #[gpui::test]
    fn a_text_that_is_set_is_not_told_and_can_be_undone(cx: &mut TestAppContext) {
        let shown = show("select 1", cx);
        let editor = shown.editor.clone();
        shown.act(cx, |window, cx| {
            editor.update(cx, |editor, cx| editor.set_text("select 23", 7, window, cx));
        });
        assert_eq!(shown.text(cx), "select 23");
        assert_eq!(cx.read(|cx| editor.read(cx).revision()), 7);
        assert!(shown.heard.borrow().is_empty(), "{:?}", shown.heard);
        shown.act(cx, |window, cx| window.press("ctrl-z", cx));
        assert_eq!(shown.text(cx), "select 1");
    }

    #[gpui::test]
    fn a_text_with_crlf_keeps_its_line_ends(cx: &mut TestAppContext) {
        let shown = show("  a\r\nb\r\n", cx);
        // The cursor never stands inside a line break, and Enter makes one like the others.
        shown.act(cx, |window, cx| window.press("end", cx));
        shown.act(cx, |window, cx| window.input("x", cx));
        shown.act(cx, |window, cx| window.press("enter", cx));
        shown.act(cx, |window, cx| window.input("y", cx));
        assert_eq!(shown.text(cx), "  ax\r\n  y\r\nb\r\n");
        shown.act(cx, |_, cx| {
            cx.write_to_clipboard(gpui::ClipboardItem::new_string("1\n2\r\n3".into()));
        });
        shown.act(cx, |window, cx| window.press("ctrl-v", cx));
        assert_eq!(shown.text(cx), "  ax\r\n  y1\r\n2\r\n3\r\nb\r\n");
        assert_eq!(shown.replayed("  a\r\nb\r\n"), shown.text(cx));
        shown.act(cx, |window, cx| window.press("ctrl-z", cx));
        shown.act(cx, |window, cx| window.press("backspace", cx));
        for _ in 0..3 {
            shown.act(cx, |window, cx| window.press("backspace", cx));
        }
        assert_eq!(shown.text(cx), "  ax\r\nb\r\n");
    }

    #[test]
    fn only_what_differs_is_replaced() {
        assert_eq!(difference("select é;", "select è;"), (7..9, "è"));
        assert_eq!(difference("aa", "aaa"), (2..2, "a"));
        assert_eq!(difference("aaa", "aa"), (2..3, ""));
        assert_eq!(difference("", "x"), (0..0, "x"));
        assert_eq!(difference("same", "same"), (4..4, ""));
    }

    #[gpui::test]
    fn a_key_of_the_program_wins_over_the_editors_own(cx: &mut TestAppContext) {
        let shown = show("select 1", cx);
        shown.act(cx, |window, cx| window.press("ctrl-enter", cx));
        shown.act(cx, |window, cx| window.press("ctrl-.", cx));
        assert_eq!(*shown.runs.borrow(), 2);
        assert_eq!(shown.text(cx), "select 1");
    }

    #[gpui::test]
    fn an_error_is_underlined_until_the_text_changes(cx: &mut TestAppContext) {
        let shown = show("select é, emial", cx);
        let editor = shown.editor.clone();
        shown.act(cx, |window, cx| {
            editor.update(cx, |editor, cx| editor.mark_error(11..16, "no column", cx));
            window.render_frame(cx);
        });
        let marked = |cx: &mut TestAppContext| {
            cx.read(|cx| {
                let state = editor.read(cx).state().read(cx);
                let found = state
                    .diagnostics()
                    .map(|set| set.iter().map(|entry| entry.range.clone()).collect::<Vec<_>>());
                found.unwrap_or_default()
            })
        };
        assert_eq!(marked(cx), vec![11..16]);
        shown.act(cx, |window, cx| window.input("x", cx));
        assert!(marked(cx).is_empty());
    }

    #[test]
    fn an_error_at_the_end_still_has_something_to_underline() {
        let text = Rope::from("seléct");
        assert_eq!(visible_range(&text, 7..7), 6..7);
        assert_eq!(visible_range(&text, 3..3), 3..5);
        assert_eq!(visible_range(&text, 4..4), 3..5);
        assert_eq!(visible_range(&Rope::from(""), 3..9), 0..0);
    }
}
