//! What is in sight: how much room the window has for each list, and where the list is scrolled to, so that what is
//! chosen in it is shown. The window scrolls its widgets by the same rules; where there is no window, these are the
//! place that says what it would show.

use super::{
    dialog::Dialog,
    sidebar::{self, Line, Row},
};
use crate::{
    base::{ids::TabId, text::RopeText},
    model::Model,
    update::{
        connection, files,
        query::{self, editor::Editor},
        results::{self, ResultSet},
        scroll::{Change, Sight},
        shell::place::Area,
    },
};

use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use self::{
    items::Items,
    preview::{More, Preview},
};

mod items;
mod preview;

/// Heights in logical pixels at 100 %, as the window's look has them.
const TOP_LINE: u64 = 2;
const TITLE_BAR: u64 = 38;
const STATUS_BAR: u64 = 26;
const TAB_BAR: u64 = 35;
const RESULTS_BAR: u64 = 37;
const GRID_HEADER: u64 = 42;
const GRID_ROW: u64 = 26;
const FIND_BAR: u64 = 36;
/// The height of a line in the editor.
pub const EDITOR_LINE: u64 = 22;
const EDITOR_PADDING: u64 = 8;
/// What is left of the numbers of the editor's lines, between them and the text, and right of it, at any size; how many
/// digits they have room for; what is kept free behind the cursor.
const EDITOR_MARGINS: u64 = 54;
const EDITOR_DIGITS: std::ops::RangeInclusive<u64> = 3..=7;
const EDITOR_BEHIND: u64 = 10;
/// The width of a letter in the editor and in the grid, in tenths.
pub const LETTER_TENTHS: u64 = 75;
/// What is around the numbers of the grid's rows, and the least that they take.
const GRID_NUMBER: u64 = 24;
const GRID_NUMBERS: u64 = 56;
/// So much of a line is looked at to find how far to the right the cursor is: 8 kB.
const LOOKED_AT: usize = 8 << 10;
const EDITOR_LEAST: u64 = 66;
/// The space over and under the sidebar's rows.
pub const SIDEBAR_PADDING: u64 = 6;
const HEADING: u64 = 30;
const CONNECTION: u64 = 25;
const RUN: u64 = 42;
/// What is over a picker, under it, and in it beside its rows.
const AROUND_PICKER: u64 = 96 + 40 + 2;
const PICKER_FIELD: u64 = 47 + 1;
const PICKER_NOTE: u64 = 44;
/// The height of a picker's row.
pub const PICKER_ROW: u64 = 36;

/// The height of a directory's entry.
pub const ENTRY: u64 = 28;
/// What the entries of a directory may take, and what is beside them in their dialog.
const ENTRIES: u64 = 300;
const BESIDE_ENTRIES: u64 = 150;

/// The height of a row of a value that is looked at, how many letters it has where the window is wide enough, what is
/// beside the rows in their dialog.
pub const VALUE_ROW: u64 = 20;
const VALUE_WIDTH: u64 = 760 - 2 * 18;
const VALUE_ROWS: usize = 20;
const BESIDE_VALUE: u64 = 44 + 50 + 24;

/// Rows that a picker shows at once, where the window has room for them.
const PICKER_ROWS: u64 = 10;
/// How wide a picker is, and what is left beside it.
const PICKER_WIDTH: u64 = 640;
const BESIDE_PICKER: u64 = 2 * 24;
/// What a run that is shown may take of a picker.
const PICKER_PREVIEW: u64 = 260;
/// From so many lines on three lines are kept between the cursor and the editor's edges, before that one.
const TALL_EDITOR_LINES: u64 = 24;

/// A list that scrolls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum List {
    /// The lines of a tab's editor.
    Editor { tab: TabId },
    /// The columns of letters of a tab's editor.
    Letters { tab: TabId },
    /// The columns of the result that a tab shows.
    Columns { tab: TabId },
    /// The rows of the sidebar, headings included.
    Sidebar,
    /// The rows of the dialog that is open.
    Dialog,
}

/// What the window reports of its lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Msg {
    /// A list was drawn with other rows in sight than the Model knew of.
    Drawn {
        list: List,
        /// How far it is scrolled, in logical pixels at 100 %.
        scrolled: u64,
        /// How high the part of it is that is in sight; how wide, of a list that goes to the right.
        room: u64,
    },
    /// Other items were drawn in sight than the Model knew of.
    Shown {
        items: Items,
        /// Those that are in sight, by their places, in order.
        in_sight: Vec<Range<usize>>,
    },
}

/// What the Model knows of a list or of items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Where the list is.
    List(Sight),
    /// Which items are in sight, if the window ever said it.
    Items(Option<Vec<Range<usize>>>),
}

/// Where the lists are scrolled to that there is one of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sights {
    sidebar: Sight,
    dialog: Sight,
    items: items::InSight,
}

/// Of rows that are so high, those in sight: the ones of which at least half is.
fn halves(heights: impl IntoIterator<Item = u64>, part: &Range<u64>) -> Range<usize> {
    let (mut top, mut rows) = (0_u64, 0..0);
    for (place, height) in heights.into_iter().enumerate() {
        let middle = top + height / 2;
        if middle >= part.end {
            break;
        }
        if middle < part.start {
            rows.start = place + 1;
        }
        rows.end = place + 1;
        top += height;
    }
    rows
}

/// The same of rows without an end that all have one height.
fn equal_halves(height: u64, part: &Range<u64>) -> Range<usize> {
    let before = |end: u64| usize::try_from(end.saturating_add(height / 2 - 1) / height);
    let before = |end| before(end).unwrap_or(usize::MAX);
    before(part.start)..before(part.end)
}

/// The heights of the parts of the window, in logical pixels at 100 %.
struct Room {
    /// The window's width.
    width: u64,
    picker: u64,
    /// Between the bars.
    main: u64,
    /// The lines of the editor.
    editor: u64,
    /// Beside the sidebar.
    beside: u64,
    /// The margins of the numbers of the editor's lines.
    margins: u64,
    /// What is kept free behind the editor's cursor.
    behind: u64,
    /// What is under the results' bar.
    results: u64,
}

impl Room {
    fn of(model: &Model) -> Self {
        let settings = &model.cx.settings;
        let zoom = u64::from(settings.zoom_percent.max(1));
        let [width, window] =
            [settings.window.0, settings.window.1].map(|side| u64::from(side) * 100 / zoom);
        let main = window.saturating_sub(TOP_LINE + TITLE_BAR + STATUS_BAR);
        let both = main.saturating_sub(TAB_BAR);
        let editor = (both * u64::from(settings.editor_percent)).div_ceil(100);
        let editor = editor.max(EDITOR_LEAST);
        let find = if model.find.open { FIND_BAR } else { 0 };
        let sidebar = u64::from(settings.sidebar_width).min(width * 6 / 10);
        Self {
            width,
            picker: window.saturating_sub(AROUND_PICKER),
            main,
            editor: editor.saturating_sub(find + 2 * EDITOR_PADDING),
            beside: width - sidebar,
            margins: EDITOR_MARGINS * 100 / zoom,
            behind: EDITOR_BEHIND * 100 / zoom,
            results: both.saturating_sub(editor + RESULTS_BAR),
        }
    }

    /// The list of the dialog that is open: the row that is chosen in it, and its room.
    fn dialog(&self, model: &Model) -> Option<(usize, u64)> {
        let (picker, beside) = match model.dialog.as_ref()? {
            Dialog::Palette(picker) => (picker, 0),
            Dialog::Results(results::Dialog::List(picker)) => (picker, PICKER_NOTE),
            Dialog::Query(query::Dialog::History(picker)) => {
                let run = model.history.found.get(picker.selected);
                let shown = run.map(|run| picker_preview(model, &run.sql).height());
                (picker, shown.unwrap_or(0))
            }
            Dialog::Files(files::Dialog::Path(prompt)) => {
                let row = prompt.selected.map_or(0, |row| row - prompt.first());
                return Some((row, self.picker.saturating_sub(BESIDE_ENTRIES).min(ENTRIES)));
            }
            Dialog::Results(results::Dialog::Inspect(value)) => {
                let lines = value.text.lines().take(VALUE_ROWS).count();
                let rows = value_rows(lines, value.text.len()) as u64;
                let room = self.picker.saturating_sub(BESIDE_VALUE);
                return Some((0, room.min(rows * VALUE_ROW)));
            }
            _ => return None,
        };
        let room = self.picker.saturating_sub(PICKER_FIELD + beside);
        Some((picker.selected, room.min(PICKER_ROWS * PICKER_ROW)))
    }

    /// The letters of an editor with so many lines.
    fn letters(&self, lines: usize) -> u64 {
        let digits = lines.to_string().len() as u64;
        let digits = digits.clamp(*EDITOR_DIGITS.start(), *EDITOR_DIGITS.end());
        let numbers = digits * LETTER_TENTHS;
        (self.beside.saturating_sub(self.margins) * 10 + 5).saturating_sub(numbers) / 10
    }

    /// The columns of a grid with so many rows.
    fn columns(&self, rows: u64) -> u64 {
        let digits = rows.max(1).to_string().len() as u64;
        let numbers = digits * LETTER_TENTHS / 10 + GRID_NUMBER;
        self.beside.saturating_sub(numbers.max(GRID_NUMBERS))
    }

    /// How high the run is that is shown in the sidebar, and the room for the list over it.
    fn sidebar(&self, model: &Model) -> [u64; 2] {
        let preview = sidebar_preview(model);
        let height = preview.as_ref().map_or(0, Preview::height);
        [height, self.main.saturating_sub(2 * SIDEBAR_PADDING + height)]
    }
}

/// How many rows a value with so many lines and bytes is given: a long line is wrapped, so its length counts too.
pub fn value_rows(lines: usize, bytes: usize) -> usize {
    (lines + bytes / 90).clamp(3, VALUE_ROWS)
}

/// How many letters a row of a value has.
pub fn value_columns(model: &Model) -> usize {
    let width = Room::of(model).width.saturating_sub(BESIDE_PICKER + 2 * 18);
    (width.min(VALUE_WIDTH) * 10 / LETTER_TENTHS).max(1) as usize
}

/// The height of a row of the dialog that is open.
fn dialog_row(model: &Model) -> u64 {
    match &model.dialog {
        Some(Dialog::Files(files::Dialog::Path(_))) => ENTRY,
        Some(Dialog::Results(results::Dialog::Inspect(_))) => VALUE_ROW,
        _ => PICKER_ROW,
    }
}

/// How many rows of the grid the window has room for, where no window says it.
pub fn grid_rows(model: &Model) -> u32 {
    let rows = Room::of(model).results.saturating_sub(GRID_HEADER) / GRID_ROW;
    u32::try_from(rows).unwrap_or(u32::MAX).max(1)
}

/// The run that is chosen in the sidebar, in the room that it has there, while the sidebar has focus.
pub fn sidebar_preview(model: &Model) -> Option<Preview> {
    if model.area != Area::Sidebar {
        return None;
    }
    let room = Room::of(model);
    let width = u64::from(model.cx.settings.sidebar_width).min(room.width * 6 / 10);
    let run = sidebar::previewed(model)?;
    Some(Preview::of(&run.sql, width, room.main / 2))
}

/// A run in the room that it has in a picker.
pub fn picker_preview(model: &Model, sql: &str) -> Preview {
    let room = Room::of(model);
    let width = room.width.saturating_sub(BESIDE_PICKER);
    let height = room.picker.saturating_sub(PICKER_FIELD + 3 * PICKER_ROW);
    Preview::of(sql, width.min(PICKER_WIDTH), height.min(PICKER_PREVIEW))
}

/// Takes in where the window drew a list, or which items.
pub fn update(model: &mut Model, msg: Msg) {
    match msg {
        Msg::Drawn { list, scrolled, room } => {
            if let Some(sight) = sight_mut(model, list) {
                sight.scrolled = scrolled;
                sight.drawn = Some(room);
            }
        }
        Msg::Shown { items, in_sight } => model.sights.items.set(items, in_sight),
    }
}

/// What the Model knows of what a message is about, where something else is in sight than that.
pub fn before(model: &Model, msg: &Msg) -> Option<Known> {
    let (list, drawn) = match msg {
        Msg::Drawn { list, scrolled, room } => (*list, *scrolled..scrolled.saturating_add(*room)),
        Msg::Shown { items, in_sight } => {
            let known = model.sights.items.get(*items);
            let is_news = known != Some(in_sight);
            return is_news.then(|| Known::Items(known.cloned()));
        }
    };
    let known = known(model, list)?;
    let is_news = match list {
        // Of a column any part can be in sight.
        List::Columns { .. } => {
            known.start.abs_diff(drawn.start) > 1 || known.end.abs_diff(drawn.end) > 1
        }
        _ => rows(model, list, &known) != rows(model, list, &drawn),
    };
    let sight = is_news.then(|| sight_of(model, list).cloned()).flatten()?;
    Some(Known::List(sight))
}

fn sight_of(model: &Model, list: List) -> Option<&Sight> {
    let open = |tab| model.pages.open.iter().find(|open| open.id == tab);
    match list {
        List::Editor { tab } => Some(&open(tab)?.editor.sight),
        List::Letters { tab } => Some(&open(tab)?.editor.letters),
        List::Columns { tab } => Some(&open(tab)?.results.visible()?.grid.columns),
        List::Sidebar => Some(&model.sights.sidebar),
        List::Dialog => Some(&model.sights.dialog),
    }
}

fn sight_mut(model: &mut Model, list: List) -> Option<&mut Sight> {
    let tabs = &mut model.pages;
    match list {
        List::Editor { tab } => Some(&mut tabs.get_mut(tab)?.editor.sight),
        List::Letters { tab } => Some(&mut tabs.get_mut(tab)?.editor.letters),
        List::Columns { tab } => {
            let result = tabs.get_mut(tab)?.results.visible_mut()?;
            Some(&mut result.grid.columns)
        }
        List::Sidebar => Some(&mut model.sights.sidebar),
        List::Dialog => Some(&mut model.sights.dialog),
    }
}

/// The part of a list that is in sight, as far as the Model knows.
fn known(model: &Model, list: List) -> Option<Range<u64>> {
    let room = Room::of(model);
    let open = |tab| model.pages.open.iter().find(|open| open.id == tab);
    let room = match list {
        List::Editor { .. } => room.editor,
        List::Letters { tab } => room.letters(open(tab)?.editor.buffer.text().lines()),
        List::Columns { tab } => room.columns(open(tab)?.results.visible()?.rows.len()),
        List::Sidebar => room.sidebar(model)[1],
        List::Dialog => room.dialog(model)?.1,
    };
    Some(sight_of(model, list)?.part(room))
}

/// The part of the columns of a result that is in sight, in logical pixels at 100 % from the first one's left edge.
pub fn columns_in_sight(model: &Model, tab: TabId) -> Range<u64> {
    let part = known(model, List::Columns { tab }).unwrap_or(0..0);
    let open = model.pages.open.iter().find(|open| open.id == tab);
    let width = open.and_then(|open| open.results.visible()).map(width_of);
    // Where columns became narrower, what is in sight ends where they do.
    let beyond = part.end.saturating_sub(width.unwrap_or(0)).min(part.start);
    part.start - beyond..part.end - beyond
}

fn width_of(result: &ResultSet) -> u64 {
    result.grid.widths.iter().copied().map(u64::from).sum()
}

/// The items that the window said to be in sight, where it said so.
pub fn items_in_sight(model: &Model, items: Items) -> Option<&[Range<usize>]> {
    model.sights.items.get(items).map(Vec::as_slice)
}

/// How wide the parts beside the sidebar are, in logical pixels at 100 %.
pub fn main_width(model: &Model) -> u64 {
    Room::of(model).beside
}

/// How many letters' width a character takes in the editor at most.
pub fn letters_of(character: char) -> usize {
    match character {
        '\t' => 4,
        '\0'..='\u{10ff}' => 1,
        _ => 2,
    }
}

/// The rows of a list that are in sight where this part of it is; of the editor and a dialog there may be less.
fn rows(model: &Model, list: List, part: &Range<u64>) -> Range<usize> {
    match list {
        List::Editor { .. } => {
            // The space over and under the lines shows lines too, where they are scrolled under it.
            equal_halves(EDITOR_LINE, &wider(part, EDITOR_PADDING))
        }
        List::Letters { .. } => {
            let tenths = part.start.saturating_mul(10)..part.end.saturating_mul(10);
            equal_halves(LETTER_TENTHS, &tenths)
        }
        List::Columns { tab } => {
            let open = model.pages.open.iter().find(|open| open.id == tab);
            let result = open.and_then(|open| open.results.visible());
            let widths = result.map_or(&[][..], |result| &result.grid.widths);
            halves(widths.iter().copied().map(u64::from), part)
        }
        List::Sidebar => {
            let heights = sidebar::lines(model).iter().map(line_height).collect::<Vec<_>>();
            halves(heights, &wider(part, SIDEBAR_PADDING))
        }
        List::Dialog => equal_halves(dialog_row(model), part),
    }
}

fn wider(part: &Range<u64>, by: u64) -> Range<u64> {
    part.start.saturating_sub(by)..part.end.saturating_add(by)
}

/// The rows of a list of so many that are in sight.
pub fn in_sight(model: &Model, list: List, count: usize) -> Range<usize> {
    let shown = known(model, list).map_or(0..0, |part| rows(model, list, &part));
    shown.start.min(count)..shown.end.min(count)
}

/// Follows what is chosen, after each message, as the window will when it draws.
pub fn follow(model: &mut Model) {
    let room = Room::of(model);
    follow_dialog(model, &room);
    if !matches!(model.dialog, Some(Dialog::Connection(connection::Dialog::Form(_)))) {
        model.sights.items.forget(Items::Fields);
    }
    if model.cx.settings.sidebar_width > 0 {
        follow_sidebar(model, &room);
    }
    let has_focus = model.area == Area::Editor && model.dialog.is_none();
    if let Some(tab) = model.pages.active_mut() {
        follow_cursor(&mut tab.editor, room.editor, has_focus);
        let letters = room.letters(tab.editor.buffer.text().lines());
        follow_cursor_sideways(&mut tab.editor, letters, room.behind);
        if let Some(result) = tab.results.visible_mut() {
            follow_cell(result, room.columns(result.rows.len()));
        }
    }
}

fn follow_dialog(model: &mut Model, room: &Room) {
    let Some((selected, room)) = room.dialog(model) else {
        if model.sights.dialog != Sight::default() {
            model.sights.dialog = Sight::default();
        }
        return;
    };
    let row = dialog_row(model);
    let sight = &mut model.sights.dialog;
    let room = sight.drawn.unwrap_or(room);
    if let Some(Change::Chosen) = sight.change([selected as u64, 0, 0], room) {
        let top = (selected as u64).saturating_mul(row);
        sight.reveal(top..top.saturating_add(row), u64::MAX, room);
    }
}

fn follow_sidebar(model: &mut Model, room: &Room) {
    let selected = model.sidebar.selected;
    let listed = model.connections.len() + model.history.recent.len();
    let [preview, room] = room.sidebar(model);
    let sight = &mut model.sights.sidebar;
    let room = sight.drawn.unwrap_or(room);
    let chosen = [selected as u64, listed as u64, preview];
    let Some(change) = sight.change(chosen, room) else {
        return;
    };
    let mut part = sight.scrolled..sight.scrolled;
    let mut bottom = 0;
    for line in sidebar::lines(model) {
        let top = bottom;
        bottom += line_height(&line);
        let is_chosen = matches!(line, Line::Row(index, _) if index == selected);
        if is_chosen && matches!(change, Change::Chosen) {
            part = top..bottom;
        }
    }
    model.sights.sidebar.reveal(part, bottom, room);
}

fn line_height(line: &Line<'_>) -> u64 {
    match line {
        Line::Heading(_) => HEADING,
        Line::Nothing(_) | Line::Row(_, Row::Connection(_)) => CONNECTION,
        Line::Row(_, Row::Run(_)) => RUN,
    }
}

/// A cursor is brought into sight with a few lines around it, as the editor's widget does it.
fn follow_cursor(editor: &mut Editor, room: u64, has_focus: bool) {
    let buffer = &editor.buffer;
    let room = editor.sight.drawn.unwrap_or(room);
    let seen = [buffer.head() as u64, buffer.revision(), 0];
    let Some(change) = editor.sight.change(seen, room) else {
        return;
    };
    let text = buffer.text();
    let height = text.lines() as u64 * EDITOR_LINE + (room / 2).max(3 * EDITOR_LINE);
    let visible = room / EDITOR_LINE;
    let lines = if visible < TALL_EDITOR_LINES { 1 } else { 3 };
    let edge = (lines * EDITOR_LINE).min(visible * EDITOR_LINE / 2);
    let below = edge.max(EDITOR_LINE).min(room);
    let above = edge.min(room - below);
    let top = text.line_of(buffer.head()) as u64 * EDITOR_LINE;
    let scrolled = editor.sight.scrolled;
    let stays = match change {
        Change::Chosen => false,
        // In another room it is kept in sight, if it was and is typed at.
        Change::Room { before } => {
            let bottom = scrolled.saturating_add(before);
            !has_focus || top < scrolled || top + EDITOR_LINE > bottom
        }
    };
    // Where everything is selected, there is no place that the eye shall go to.
    let part = if stays || buffer.selection().len() == text.len() {
        scrolled..scrolled
    } else {
        top.saturating_sub(above)..top + below
    };
    editor.sight.reveal(part, height, room);
}

/// To the sides a cursor is brought into sight when it moved, as the editor's widget does it.
fn follow_cursor_sideways(editor: &mut Editor, room: u64, behind: u64) {
    let buffer = &editor.buffer;
    let room = editor.letters.drawn.unwrap_or(room);
    let seen = [buffer.head() as u64, buffer.revision(), 0];
    if !matches!(editor.letters.change(seen, room), Some(Change::Chosen)) {
        return;
    }
    let text = buffer.text();
    if buffer.selection().len() == text.len() {
        return;
    }
    let left = letters_before(text, buffer.head()) * LETTER_TENTHS / 10;
    editor.letters.reveal(left..left + behind, u64::MAX, room);
}

/// How many letters' width of a line is before a place in it.
fn letters_before(text: &RopeText, at: usize) -> u64 {
    let start = text.line_range(text.line_of(at)).start;
    let end = at.min(start + LOOKED_AT);
    let head: usize = text.slice(start..end).chars().map(letters_of).sum();
    (head + (at - end)) as u64
}

/// The column of the active cell is brought into sight when the cell is.
fn follow_cell(result: &mut ResultSet, room: u64) {
    let grid = &mut result.grid;
    let room = grid.columns.drawn.unwrap_or(room);
    let seen = [grid.reveal, 0, 0];
    if !matches!(grid.columns.change(seen, room), Some(Change::Chosen)) || grid.reveal == 0 {
        return;
    }
    let mut edges = grid.widths.iter().scan(0, |right, width| {
        let left = *right;
        *right += u64::from(*width);
        Some(left..*right)
    });
    if let Some(column) = edges.nth(grid.active.column) {
        let width = grid.widths.iter().copied().map(u64::from).sum();
        grid.columns.reveal(column, width, room);
    }
}
