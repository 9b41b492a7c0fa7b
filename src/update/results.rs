//! A tab's results and the grid over them: the active cell, the range, widths, copying.
//!
//! There is one result for each statement. The grid's selection lives here, in rows and columns; the
//! window only knows pixels.

pub mod contract;
pub mod dialog;
pub mod inspect;

pub use contract::Outcome;
pub use dialog::Dialog;

use super::window;
use crate::{
    base::{ids::*, stamp::Stamp},
    failure::Failure,
    rows::{Cell, Chunk, Column, Position, Range, Rows, Summary, show::display},
    update::{cx::Cx, picker::Picker, scroll::Sight},
};
use inspect::{INSPECT_BYTES, Inspect};

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A column is at least and at most so wide, in logical pixels at 100 %.
pub const WIDTH_MIN: u32 = 48;
/// See [`WIDTH_MIN`].
pub const WIDTH_MAX: u32 = 1_600;
/// A column begins at most this wide.
const WIDTH_FIRST_MAX_CHARACTERS: usize = 44;
/// A column is fitted to at most so many characters.
const WIDTH_FIT_CHARACTERS: usize = 200;
/// The width of one character of the grid's font, in tenths of a logical pixel.
const CHARACTER_TENTHS: usize = 76;
/// What is left and right of a value.
const CELL_PADDING: usize = 22;
/// Rows that are looked at to find a column's width.
const ROWS_SAMPLED: u64 = 200;
/// The inspector copies a value of at most so many bytes itself.
const COPIED_AT_ONCE_BYTES: usize = 16 << 20;
/// One step of widening by key.
const WIDTH_STEP: i64 = 24;

/// A tab's results.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Results {
    /// The results of the last run, one for each statement that was sent.
    pub list: Vec<ResultSet>,
    /// Those of the run before, which stay on screen until the new one has something to show.
    pub previous: Vec<ResultSet>,
    pub shown: Shown,
    /// Which of `previous` was shown.
    pub previous_shown: usize,
    /// The first result whose tab is shown, where the bar was scrolled; until another result is shown.
    pub scrolled: Option<(Shown, usize)>,
    /// How the grid was last asked to sum: only the newest answer counts.
    pub summing: Option<Request>,
    /// How a copy was last asked for.
    pub copying: Option<Request>,
    /// What the rows cost of all results but the last, whose rows come no more: a script has thousands of them.
    #[serde(skip)]
    settled_bytes: u64,
    /// The same of the run before.
    #[serde(skip)]
    settled_previous_bytes: u64,
}

/// At most so many results are listed at a time, and so many bytes of their statements looked at.
pub const LISTED: usize = 500;
const LOOKED_AT: usize = 2_000;

/// What the results area shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shown {
    /// A result, by its place.
    Result(usize),
    /// The Messages pane.
    Messages,
}

impl Default for Shown {
    fn default() -> Self {
        Self::Result(0)
    }
}

/// The result of one statement.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ResultSet {
    pub query: QueryId,
    /// The statement.
    pub sql: Arc<str>,
    /// Where the statement began in the editor's text.
    pub start: Option<usize>,
    /// How it stands.
    pub state: ResultState,
    /// Whether the server described rows.
    pub described: bool,
    /// The rows so far.
    pub rows: Rows,
    /// The grid over them.
    pub grid: Grid,
    /// When the statement was sent.
    pub sent: Stamp,
    /// How long it took.
    pub elapsed_us: Option<u64>,
    /// Rows that were read and not kept.
    pub discarded: u64,
    /// What a person has to know of it.
    pub note: Option<String>,
}

/// How a result stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum ResultState {
    /// The statement runs.
    Running,
    /// Its window is full.
    Paused,
    /// The server was asked to cancel it.
    Cancelling,
    /// It completed.
    Finished {
        /// The command tag.
        tag: String,
    },
    /// The stream was closed by Tusk to make room, which a plain query outside a transaction does not notice.
    Closed,
    /// The server refused or stopped it.
    Failed { failure: Failure },
    /// The server cancelled it.
    Cancelled {
        /// In the server's word.
        failure: Failure,
    },
    /// The link broke.
    Lost { failure: Failure },
}

impl ResultState {
    /// Whether the server still works on it, or holds it open.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Cancelling)
    }

    /// The failure that it ended with.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed { failure } | Self::Cancelled { failure } | Self::Lost { failure } => {
                Some(failure)
            }
            _ => None,
        }
    }
}

/// The grid over a result.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Grid {
    /// The active cell.
    pub active: Position,
    /// The other corner of the range.
    pub anchor: Position,
    /// The first row on screen.
    pub first_row: u64,
    /// Widths of the columns, in logical pixels at 100 %.
    pub widths: Arc<[u32]>,
    /// Where the columns are scrolled to.
    pub columns: Sight,
    /// It rises when the active cell must be brought into view.
    pub reveal: u64,
    /// What the range adds up to.
    pub summary: Option<Summary>,
}

/// What the window reports of the grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// A cell was clicked; with shift the range is extended to it.
    CellClicked {
        cell: Position,
        /// Whether shift was down.
        shift: bool,
    },
    /// The mouse was dragged to a cell.
    Dragged { cell: Position },
    /// A cell was double-clicked.
    CellOpened { cell: Position },
    /// A row number was clicked.
    RowClicked {
        row: u64,
        /// Whether shift was down.
        shift: bool,
    },
    /// A column's header was clicked.
    ColumnClicked {
        column: usize,
        /// Whether shift was down.
        shift: bool,
    },
    /// A column's border was dragged.
    ColumnResized {
        column: usize,
        /// Its width in logical pixels at 100 %.
        width: u32,
    },
    /// A column's border was double-clicked.
    ColumnFitted { column: usize },
    /// The grid was scrolled.
    Scrolled {
        /// The first row on screen.
        first_row: u64,
    },
    /// The room for rows changed.
    RoomChanged {
        /// Whole rows that fit.
        visible_rows: u32,
    },
    /// The bar with the results' tabs was scrolled.
    BarScrolled {
        /// The first result that has its tab there.
        first: usize,
    },
    /// A result's tab was clicked.
    ResultChosen { shown: Shown },
}

/// Where a move goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// By rows and columns.
    By(i64, i64),
    /// By screens.
    Page(i64),
    /// To the row's first cell.
    Home,
    /// To the row's last cell.
    End,
    /// To the first cell.
    First,
    /// To the last cell.
    Last,
}

impl ResultSet {
    /// The result of a statement that was just sent.
    pub fn new(query: QueryId, sql: Arc<str>, start: Option<usize>, sent: Stamp) -> Self {
        Self {
            query,
            sql,
            start,
            state: ResultState::Running,
            described: false,
            rows: Rows::new(Arc::from(Vec::<Column>::new())),
            grid: Grid::default(),
            sent,
            elapsed_us: None,
            discarded: 0,
            note: None,
        }
    }

    /// The server described its rows.
    pub fn describe(&mut self, columns: Arc<[Column]>) {
        self.described = true;
        self.rows = Rows::new(columns);
        self.size_columns();
    }

    /// Rows came.
    pub fn append(&mut self, chunk: Arc<Chunk>) {
        let first = self.rows.is_empty();
        self.rows.append(chunk);
        if first {
            self.size_columns();
        }
    }

    /// Its rows are these instead. Answers with those of before.
    fn replace(&mut self, chunks: Vec<Arc<Chunk>>) -> Rows {
        let empty = Rows::new(self.rows.columns().clone());
        let before = std::mem::replace(&mut self.rows, empty);
        chunks.into_iter().for_each(|chunk| self.append(chunk));
        before
    }

    pub fn end(&mut self, state: ResultState, elapsed_us: u64) {
        self.state = state;
        self.elapsed_us = Some(elapsed_us);
    }

    /// Whether there is something to show in the place of the run before.
    pub fn shows(&self) -> bool {
        self.described || !self.state.is_open()
    }

    /// The selected cells, within what there is.
    pub fn range(&self) -> Range {
        Range::between(self.grid.anchor, self.grid.active)
            .clamped(self.rows.len(), self.rows.columns().len())
    }

    fn size_columns(&mut self) {
        self.grid.widths = (0..self.rows.columns().len())
            .map(|column| fitted(&self.rows, column, WIDTH_FIRST_MAX_CHARACTERS))
            .collect();
    }
}

impl Results {
    /// A run begins: what is shown stays until the new one has something to show. Answers with the rows that
    /// are shown no more.
    pub fn begin(&mut self) -> Vec<Rows> {
        let mut gone = vec![];
        if !self.list.is_empty() {
            gone = self.drop_previous();
            self.settled_previous_bytes = self.list_bytes();
            self.settled_bytes = 0;
            self.previous = std::mem::take(&mut self.list);
            self.previous_shown = match self.shown {
                Shown::Result(index) => index.min(self.previous.len().saturating_sub(1)),
                Shown::Messages => 0,
            };
        }
        self.shown = Shown::Result(0);
        self.summing = None;
        gone
    }

    /// Adds the result of a statement that was sent, and shows it.
    pub fn push(&mut self, result: ResultSet) {
        self.shown = Shown::Result(self.list.len());
        self.settled_bytes = self.list_bytes();
        self.list.push(result);
        self.summing = None;
    }

    /// How many rows a query has, and what they cost, over all of its results.
    pub fn of_query(&self, query: QueryId) -> (u64, u64) {
        self.of(query).fold((0, 0), |(rows, bytes), result| {
            (rows + result.rows.len(), bytes + result.rows.heap_bytes())
        })
    }

    /// Whether there is anything to go to.
    pub fn is_blank(&self) -> bool {
        self.list.is_empty() && self.previous.is_empty()
    }

    /// The result that a query's rows go to.
    pub fn current_mut(&mut self, query: QueryId) -> Option<&mut ResultSet> {
        self.list.iter_mut().rev().find(|result| result.query == query)
    }

    /// A query ended: so did each of its results, of which there are several where it was described again.
    pub fn end(&mut self, query: QueryId, state: &ResultState, elapsed_us: u64) {
        let results = self.list.iter_mut().rev();
        for result in results
            .skip_while(|result| result.query != query)
            .take_while(|result| result.query == query)
        {
            result.end(state.clone(), elapsed_us);
        }
    }

    /// The rows of a query came in two encodings, and are shown as bytes: these, by result, where there are any. Answers
    /// with the rows that they take the place of.
    pub fn replace(&mut self, query: QueryId, results: Vec<Vec<Arc<Chunk>>>) -> Vec<Rows> {
        let of_query = self.list.iter_mut().filter(|result| result.query == query);
        let described = of_query.filter(|result| result.described);
        let mut gone = vec![];
        for (result, chunks) in described.zip(results) {
            if !chunks.is_empty() {
                result.note = Some(
                    "What is not ASCII is shown as bytes: client_encoding changed meanwhile."
                        .into(),
                );
                gone.push(result.replace(chunks));
            }
        }
        self.summing = None;
        let settled = self.list.iter().rev().skip(1);
        self.settled_bytes = settled.map(|result| result.rows.heap_bytes()).sum();
        gone
    }

    /// The results of a query, which stand together, and mostly at the end.
    fn of(&self, query: QueryId) -> impl Iterator<Item = &ResultSet> {
        let results = self.list.iter().rev();
        results
            .skip_while(move |result| result.query != query)
            .take_while(move |result| result.query == query)
    }

    /// The result on screen: the new run's, or, until it has something to show, the old one's.
    pub fn visible(&self) -> Option<&ResultSet> {
        let Shown::Result(index) = self.shown else {
            return None;
        };
        match self.list.get(index) {
            Some(result) if result.shows() => Some(result),
            _ if !self.previous.is_empty() => self.previous.get(self.previous_shown),
            other => other,
        }
    }

    /// The result on screen, to move in.
    pub fn visible_mut(&mut self) -> Option<&mut ResultSet> {
        let Shown::Result(index) = self.shown else {
            return None;
        };
        let new = self.list.get(index).is_some_and(ResultSet::shows) || self.previous.is_empty();
        if new { self.list.get_mut(index) } else { self.previous.get_mut(self.previous_shown) }
    }

    /// Takes the old run's rows away.
    pub fn drop_previous(&mut self) -> Vec<Rows> {
        self.previous_shown = 0;
        self.settled_previous_bytes = 0;
        if !self.previous.is_empty() {
            // A sum that is under way was of what is dropped.
            self.summing = None;
        }
        self.previous.drain(..).map(|result| result.rows).collect()
    }

    /// Takes every row away.
    pub fn drop_all(&mut self) -> Vec<Rows> {
        let mut rows = self.drop_previous();
        self.settled_bytes = 0;
        rows.extend(self.list.drain(..).map(|result| result.rows));
        rows
    }

    /// What the rows of the run before cost in memory.
    pub fn previous_bytes(&self) -> u64 {
        self.settled_previous_bytes
    }

    /// What the rows cost in memory.
    pub fn heap_bytes(&self) -> u64 {
        self.list_bytes() + self.settled_previous_bytes
    }

    fn list_bytes(&self) -> u64 {
        let last = self.list.last();
        self.settled_bytes + last.map_or(0, |result| result.rows.heap_bytes())
    }
}

/// Takes in what the window reports of the grid of a tab.
pub fn update(results: &mut Results, cx: &mut Cx, tab: TabId, msg: Msg, visible_rows: u32) {
    match msg {
        Msg::ResultChosen { shown } => {
            choose(results, shown);
            return summarize(results, cx);
        }
        Msg::BarScrolled { first } => {
            results.scrolled = Some((results.shown, first));
            return;
        }
        _ => {}
    }
    let Some(result) = results.visible_mut() else {
        return;
    };
    match msg {
        Msg::CellClicked { cell, shift } => select(result, cell, shift),
        Msg::CellOpened { cell } => select(result, cell, false),
        Msg::Dragged { cell } => select(result, cell, true),
        Msg::RowClicked { row, shift } => select_row(result, row, shift),
        Msg::ColumnClicked { column, shift } => select_column(result, column, shift),
        Msg::ColumnResized { column, width } => {
            set_width(result, column, i64::from(width));
            return;
        }
        Msg::ColumnFitted { column } => {
            fit(result, column);
            return;
        }
        Msg::Scrolled { first_row } => {
            let last_row = result.rows.len().saturating_sub(1);
            result.grid.first_row = first_row.min(last_row);
            let near_end = first_row.saturating_add(u64::from(visible_rows)) >= last_row;
            if near_end {
                cx.leave(Outcome::NearEnd(tab));
            }
            return;
        }
        Msg::RoomChanged { .. } | Msg::ResultChosen { .. } | Msg::BarScrolled { .. } => {
            return;
        }
    }
    summarize(results, cx);
    cx.leave(Outcome::EnterResults);
    if matches!(msg, Msg::CellOpened { .. }) {
        inspect(results, cx);
    }
}

fn select_row(result: &mut ResultSet, row: u64, extend: bool) {
    let last_row = result.rows.len().saturating_sub(1);
    let anchor = if extend { result.grid.anchor.row } else { row };
    result.grid.anchor = Position {
        row: anchor.min(last_row),
        column: result.rows.columns().len().saturating_sub(1),
    };
    result.grid.active = Position { row: row.min(last_row), column: 0 };
}

fn select_column(result: &mut ResultSet, column: usize, extend: bool) {
    let last_column = result.rows.columns().len().saturating_sub(1);
    let column = column.min(last_column);
    let anchor = if extend { result.grid.anchor.column.min(last_column) } else { column };
    result.grid.anchor = Position { row: result.rows.len().saturating_sub(1), column: anchor };
    result.grid.active = Position { row: 0, column };
}

fn select(result: &mut ResultSet, cell: Position, extend: bool) {
    let cell = Position {
        row: cell.row.min(result.rows.len().saturating_sub(1)),
        column: cell.column.min(result.rows.columns().len().saturating_sub(1)),
    };
    result.grid.active = cell;
    if !extend {
        result.grid.anchor = cell;
    }
}

fn choose(results: &mut Results, shown: Shown) {
    results.shown = match shown {
        Shown::Result(index) => Shown::Result(index.min(results.list.len().saturating_sub(1))),
        Shown::Messages => Shown::Messages,
    };
}

/// Shows the Messages pane.
pub fn show_messages(results: &mut Results) {
    choose(results, Shown::Messages);
}

/// Opens the list of the results.
pub fn open_list(results: &Results, cx: &mut Cx) {
    let selected = match results.shown {
        Shown::Result(index) if index < LISTED => index,
        _ => 0,
    };
    let picker = Picker { selected, ..Picker::default() };
    cx.leave(Outcome::Show(Dialog::List(picker)));
}

/// The results whose statements, or whose numbers, have every word that was typed, by place.
pub fn listed(results: &Results, typed: &str) -> Vec<usize> {
    let words: Vec<String> = typed.split_whitespace().map(str::to_lowercase).collect();
    let has_words = |place: usize, result: &ResultSet| {
        let number = (place + 1).to_string();
        let sql = result.sql.get(..LOOKED_AT).unwrap_or(&result.sql);
        let sql = sql.to_lowercase();
        words.iter().all(|word| *word == number || sql.contains(word.as_str()))
    };
    let list = results.list.iter().enumerate();
    list.filter(|(place, result)| words.is_empty() || has_words(*place, result))
        .map(|(place, _)| place)
        .take(LISTED)
        .collect()
}

/// Shows the result that was chosen in the list.
pub fn take_listed(results: &mut Results, cx: &mut Cx, picker: &Picker) {
    let listed = listed(results, &picker.field.string());
    let Some(place) = listed.get(picker.selected).copied() else {
        return;
    };
    choose(results, Shown::Result(place));
    cx.leave(Outcome::EnterResults);
    summarize(results, cx)
}

/// Goes to the next or the previous result; the Messages pane is the last of them.
pub fn step(results: &mut Results, cx: &mut Cx, forward: bool) {
    let count = results.list.len();
    let shown = match (results.shown, forward) {
        (Shown::Result(index), true) if index + 1 < count => Shown::Result(index + 1),
        (Shown::Result(0), false) | (Shown::Result(_), true) => Shown::Messages,
        (Shown::Result(index), false) => Shown::Result(index - 1),
        (Shown::Messages, true) => Shown::Result(0),
        (Shown::Messages, false) => Shown::Result(count.saturating_sub(1)),
    };
    choose(results, shown);
    summarize(results, cx)
}

/// Moves the active cell, extending the range or not; past the end of a paused result, more is fetched.
pub fn go(
    results: &mut Results,
    cx: &mut Cx,
    tab: TabId,
    to: Move,
    extend: bool,
    visible_rows: u32,
) {
    let page = i64::from(visible_rows.max(2) - 1);
    let visible = u64::from(visible_rows.max(1));
    let Some(result) = results.visible_mut() else {
        return;
    };
    let (last_row, last_column) =
        (result.rows.len().saturating_sub(1), result.rows.columns().len().saturating_sub(1));
    let Position { row, column } = result.grid.active;
    let by = |at: u64, step: i64| at.saturating_add_signed(step);
    let wanted = match to {
        Move::By(rows, columns) => {
            Position { row: by(row, rows), column: by(column as u64, columns) as usize }
        }
        Move::Page(pages) => Position { row: by(row, pages * page), column },
        Move::Home => Position { row, column: 0 },
        Move::End => Position { row, column: last_column },
        Move::First => Position { row: 0, column: 0 },
        Move::Last => Position { row: last_row, column: last_column },
    };
    let past_end = wanted.row > last_row || (wanted.row == last_row && wanted.row > row);
    select(result, wanted, extend);
    reveal(&mut result.grid, visible);
    summarize(results, cx);
    if past_end {
        cx.leave(Outcome::NearEnd(tab));
    }
}

/// Brings the active cell into the rows on screen.
fn reveal(grid: &mut Grid, visible: u64) {
    let row = grid.active.row;
    grid.first_row = grid.first_row.clamp((row + 1).saturating_sub(visible), row);
    grid.reveal += 1;
}

/// Selects every cell.
pub fn select_all(results: &mut Results, cx: &mut Cx) {
    let Some(result) = results.visible_mut() else {
        return;
    };
    result.grid.active = Position::default();
    result.grid.anchor = Position {
        row: result.rows.len().saturating_sub(1),
        column: result.rows.columns().len().saturating_sub(1),
    };
    summarize(results, cx)
}

/// Copies the selected cells.
pub fn copy(results: &mut Results, cx: &mut Cx, headers: bool) {
    let Some(result) = results.visible() else {
        return;
    };
    let range = result.range();
    if range.is_empty() {
        cx.notify("There is nothing to copy.");
        return;
    }
    let rows = result.rows.clone();
    let request = cx.request();
    results.copying = Some(request);
    cx.ask(contract::Effect::Copy { request, rows, range, headers });
}

/// Shows the active cell's value whole.
pub fn inspect(results: &Results, cx: &mut Cx) {
    let Some(result) = results.visible() else {
        return;
    };
    let Position { row, column } = result.grid.active;
    let (Some(cell), Some(described)) =
        (result.rows.cell(row, column), result.rows.columns().get(column))
    else {
        return;
    };
    let (bytes, shown) = match cell {
        Cell::Null => (None, cell),
        Cell::Value(bytes) => (Some(bytes.len() as u64), Cell::Value(beginning(bytes))),
    };
    let mut inspect = Inspect::new(described, row, bytes, &display::whole(shown));
    inspect.cut |= bytes.is_some_and(|bytes| bytes > INSPECT_BYTES as u64);
    cx.leave(Outcome::Show(Dialog::Inspect(inspect)));
}

/// As much of a value as the inspector shows, to the end of a character: what is cut off is not looked at.
fn beginning(bytes: &[u8]) -> &[u8] {
    let mut end = bytes.len().min(INSPECT_BYTES);
    while end < bytes.len() && end > 0 && bytes[end] & 0xC0 == 0x80 {
        end -= 1;
    }
    &bytes[..end]
}

/// The active cell's value as it is, where it is not too long to be taken at once.
pub fn active_value(results: &Results) -> Option<String> {
    let result = results.visible()?;
    let Position { row, column } = result.grid.active;
    match result.rows.cell(row, column)? {
        Cell::Value(bytes) if bytes.len() <= COPIED_AT_ONCE_BYTES => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
        Cell::Null => Some(String::new()),
        Cell::Value(_) => None,
    }
}

/// Widens, narrows or fits the active column.
pub fn resize_active(results: &mut Results, steps: Option<i64>) {
    let Some(result) = results.visible_mut() else {
        return;
    };
    let column = result.grid.active.column;
    match (steps, result.grid.widths.get(column).copied()) {
        (Some(steps), Some(width)) => {
            set_width(result, column, i64::from(width) + steps * WIDTH_STEP)
        }
        (None, Some(_)) => fit(result, column),
        (_, None) => {}
    }
}

fn set_width(result: &mut ResultSet, column: usize, width: i64) {
    if let Some(known) = Arc::make_mut(&mut result.grid.widths).get_mut(column) {
        *known = width.clamp(i64::from(WIDTH_MIN), i64::from(WIDTH_MAX)) as u32;
    }
}

fn fit(result: &mut ResultSet, column: usize) {
    if column < result.grid.widths.len() {
        let width = fitted(&result.rows, column, WIDTH_FIT_CHARACTERS);
        Arc::make_mut(&mut result.grid.widths)[column] = width;
    }
}

fn fitted(rows: &Rows, column: usize, characters: usize) -> u32 {
    let wanted = display::column_width(rows, column, ROWS_SAMPLED, characters).max(4);
    let width = wanted * CHARACTER_TENTHS / 10 + CELL_PADDING;
    (width as u32).clamp(WIDTH_MIN, WIDTH_MAX)
}

fn summarize(results: &mut Results, cx: &mut Cx) {
    let request = cx.request();
    let Some(result) = results.visible_mut() else {
        return;
    };
    result.grid.summary = None;
    let range = result.range();
    if range.cells() < 2 {
        results.summing = None;
        return;
    }
    let rows = result.rows.clone();
    results.summing = Some(request);
    cx.ask(contract::Effect::Summarize { request, rows, range });
}

/// Takes in what the runner reports of work on cells.
pub fn update_cells<'a>(
    mut all: impl Iterator<Item = &'a mut Results>,
    cx: &mut Cx,
    msg: contract::Msg,
) {
    match msg {
        contract::Msg::Copied { request, text, cells } => {
            let Some(results) = all.find(|results| results.copying == Some(request)) else {
                return;
            };
            results.copying = None;
            match text {
                Ok(text) => {
                    let what = display::counted(cells, "cell");
                    cx.notify(format!("Copied {what}."));
                    window::write_clipboard(cx, text)
                }
                Err(problem) => {
                    cx.notify(problem);
                }
            }
        }
        contract::Msg::Summarized { request, summary } => {
            let Some(results) = all.find(|results| results.summing == Some(request)) else {
                return;
            };
            results.summing = None;
            if let Some(result) = results.visible_mut() {
                result.grid.summary = summary;
            }
        }
        contract::Msg::Dropped { .. } => {}
    }
}

#[cfg(test)]
mod tests;
