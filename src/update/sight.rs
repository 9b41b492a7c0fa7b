//! What is in sight: how much room the window has for each list, and where the list is scrolled to, so that what is
//! chosen in it is shown. The window scrolls its widgets by the same rules; where there is no window, these are the
//! place that says what it would show.

use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use self::preview::{More, Preview};
use super::{
    dialog::Dialog,
    editor::Editor,
    ids::TabId,
    sidebar::{self, Line, Row},
};
use crate::{
    effect::Effect,
    model::{Area, Model},
};

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
    Editor {
        /// The tab.
        tab: TabId,
    },
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
        /// The list.
        list: List,
        /// How far it is scrolled, in logical pixels at 100 %.
        scrolled: u64,
        /// How high the part of it is that is in sight.
        room: u64,
    },
}

/// Where a list is scrolled to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sight {
    /// How far, in logical pixels at 100 %.
    scrolled: u64,
    /// How much room the window gave it. Without a window it follows from the window's size.
    drawn: Option<u64>,
    /// What it was last scrolled for, and in how much room: a list that nothing moves in stays where it is.
    seen: Option<([u64; 3], u64)>,
}

/// What is different from the last time that a list was looked at.
enum Change {
    /// Something else is to be seen.
    Chosen,
    /// Only the room for it is another one.
    Room { before: u64 },
}

/// Where the lists are scrolled to that there is one of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sights {
    sidebar: Sight,
    dialog: Sight,
}

impl Sight {
    /// What is different from the last time.
    fn change(&mut self, chosen: [u64; 3], room: u64) -> Option<Change> {
        match self.seen.replace((chosen, room)) {
            Some((before, room_before)) if before == chosen => {
                (room_before != room).then_some(Change::Room {
                    before: room_before,
                })
            }
            _ => Some(Change::Chosen),
        }
    }

    /// Brings a part of a list that is so high into sight, where `room` of it is seen at once.
    fn reveal(&mut self, part: Range<u64>, height: u64, room: u64) {
        let least = part.end.saturating_sub(room);
        self.scrolled = self.scrolled.max(least).min(part.start);
        self.scrolled = self.scrolled.min(height.saturating_sub(room));
    }

    /// What of the list is in sight, by its height.
    fn part(&self, room: u64) -> Range<u64> {
        self.scrolled..self.scrolled.saturating_add(self.drawn.unwrap_or(room))
    }
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
    /// A picker.
    picker: u64,
    /// Between the bars.
    main: u64,
    /// The lines of the editor.
    editor: u64,
    /// What is under the results' bar.
    results: u64,
}

impl Room {
    fn of(model: &Model) -> Self {
        let settings = &model.settings;
        let zoom = u64::from(settings.zoom_percent.max(1));
        let [width, window] =
            [settings.window.0, settings.window.1].map(|side| u64::from(side) * 100 / zoom);
        let main = window.saturating_sub(TOP_LINE + TITLE_BAR + STATUS_BAR);
        let both = main.saturating_sub(TAB_BAR);
        let editor = (both * u64::from(settings.editor_percent)).div_ceil(100);
        let editor = editor.max(EDITOR_LEAST);
        let find = if model.find.open { FIND_BAR } else { 0 };
        Self {
            width,
            picker: window.saturating_sub(AROUND_PICKER),
            main,
            editor: editor.saturating_sub(find + 2 * EDITOR_PADDING),
            results: both.saturating_sub(editor + RESULTS_BAR),
        }
    }

    /// The list of the dialog that is open: the row that is chosen in it, and its room.
    fn dialog(&self, model: &Model) -> Option<(usize, u64)> {
        let (picker, beside) = match model.dialog.as_ref()? {
            Dialog::Palette(picker) => (picker, 0),
            Dialog::Results(picker) => (picker, PICKER_NOTE),
            Dialog::History(picker) => {
                let run = model.history.found.get(picker.selected);
                let shown = run.map(|run| picker_preview(model, &run.sql).height());
                (picker, shown.unwrap_or(0))
            }
            Dialog::Path(prompt) => {
                let row = prompt.selected.map_or(0, |row| row - prompt.first());
                return Some((row, self.picker.saturating_sub(BESIDE_ENTRIES).min(ENTRIES)));
            }
            _ => return None,
        };
        let room = self.picker.saturating_sub(PICKER_FIELD + beside);
        Some((picker.selected, room.min(PICKER_ROWS * PICKER_ROW)))
    }

    /// Whether a run is shown in the sidebar, and the room for the list over it.
    fn sidebar(&self, model: &Model) -> (bool, u64) {
        let preview = sidebar_preview(model);
        let height = preview.as_ref().map_or(0, Preview::height);
        let room = self.main.saturating_sub(2 * SIDEBAR_PADDING + height);
        (preview.is_some(), room)
    }
}

/// The height of a row of the dialog that is open.
fn dialog_row(model: &Model) -> u64 {
    match &model.dialog {
        Some(Dialog::Path(_)) => ENTRY,
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
    let width = u64::from(model.settings.sidebar_width).min(room.width * 6 / 10);
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

/// Takes in where the window drew a list.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let Msg::Drawn {
        list,
        scrolled,
        room,
    } = msg;
    if let Some(sight) = sight_mut(model, list) {
        sight.scrolled = scrolled;
        sight.drawn = Some(room);
    }
    vec![]
}

/// What the Model knows of a list, where other rows of it are in sight than that.
pub fn before(model: &Model, msg: &Msg) -> Option<Sight> {
    let Msg::Drawn {
        list,
        scrolled,
        room,
    } = msg;
    let drawn = *scrolled..scrolled.saturating_add(*room);
    let known = known(model, *list)?;
    let is_news = rows(model, *list, &known) != rows(model, *list, &drawn);
    is_news.then(|| sight_of(model, *list).cloned()).flatten()
}

fn sight_of(model: &Model, list: List) -> Option<&Sight> {
    match list {
        List::Editor { tab } => {
            let open = model.tabs.open.iter().find(|open| open.id == tab)?;
            Some(&open.editor.sight)
        }
        List::Sidebar => Some(&model.sights.sidebar),
        List::Dialog => Some(&model.sights.dialog),
    }
}

fn sight_mut(model: &mut Model, list: List) -> Option<&mut Sight> {
    match list {
        List::Editor { tab } => {
            let open = model.tabs.open.iter_mut().find(|open| open.id == tab)?;
            Some(&mut open.editor.sight)
        }
        List::Sidebar => Some(&mut model.sights.sidebar),
        List::Dialog => Some(&mut model.sights.dialog),
    }
}

/// The part of a list that is in sight, as far as the Model knows.
fn known(model: &Model, list: List) -> Option<Range<u64>> {
    let room = Room::of(model);
    let room = match list {
        List::Editor { .. } => room.editor,
        List::Sidebar => room.sidebar(model).1,
        List::Dialog => room.dialog(model)?.1,
    };
    Some(sight_of(model, list)?.part(room))
}

/// The rows of a list that are in sight where this part of it is; of the editor and a dialog there may be less.
fn rows(model: &Model, list: List, part: &Range<u64>) -> Range<usize> {
    match list {
        List::Editor { .. } => {
            // The space over and under the lines shows lines too, where they are scrolled under it.
            equal_halves(EDITOR_LINE, &wider(part, EDITOR_PADDING))
        }
        List::Sidebar => {
            let heights = sidebar::lines(model)
                .iter()
                .map(line_height)
                .collect::<Vec<_>>();
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
    if model.settings.sidebar_width > 0 {
        follow_sidebar(model, &room);
    }
    let has_focus = model.area == Area::Editor && model.dialog.is_none();
    if let Some(tab) = model.tabs.active_mut() {
        follow_cursor(&mut tab.editor, room.editor, has_focus);
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
    let (has_preview, room) = room.sidebar(model);
    let sight = &mut model.sights.sidebar;
    let room = sight.drawn.unwrap_or(room);
    let chosen = [selected as u64, listed as u64, u64::from(has_preview)];
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
