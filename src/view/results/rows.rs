//! The grid over the result on screen: what it shows follows the Model, and what the pointer does goes to it.

use std::cell::Cell;
use std::rc::Rc;

use gpui::{App, AppContext, Context, Entity, FocusHandle, Focusable, SharedString};

use crate::{
    base::ids::{QueryId, TabId},
    model::Model,
    msg::Msg,
    rows::Position,
    screen::{self, grid_cell, visible_result},
    update::results::{self, ResultSet},
    view::{
        kit::{
            grid::{
                CellSource, Grid, GridCell, GridColumn, GridEvent, GridListener, GridRange,
                GridSpec,
            },
            words::Post,
        },
        shell::window::TuskWindow,
    },
};

/// The tab whose result the grid shows, for what the pointer does in it.
type Owner = Rc<Cell<Option<TabId>>>;

/// The grid, and what it was last told.
pub struct Rows {
    grid: Entity<Grid>,
    owner: Owner,
    /// Which result it shows.
    query: Option<(TabId, QueryId)>,
    reveal: u64,
    columns: Rc<[GridColumn]>,
    cells: CellSource,
    rows: u64,
}

impl Rows {
    /// An empty grid that tells the queue what the pointer does in it.
    pub fn new(post: &Post, cx: &mut Context<TuskWindow>) -> Self {
        let owner = Owner::default();
        let grid = {
            let (owner, post) = (owner.clone(), post.clone());
            let room = Cell::new(0);
            let listener: GridListener = Rc::new(move |event, _, _| {
                if let Some(tab) = owner.get() {
                    report(event, tab, &room, &post);
                }
            });
            cx.new(|cx| Grid::new(listener, cx))
        };
        Self {
            grid,
            owner,
            query: None,
            reveal: 0,
            columns: Rc::from([]),
            cells: Rc::new(|_, _| GridCell::awaited()),
            rows: 0,
        }
    }

    pub fn grid(&self) -> &Entity<Grid> {
        &self.grid
    }

    /// Where its columns were drawn, as [`Grid::columns_in_sight`] says it.
    pub fn drawn(&self, cx: &App) -> Option<[f32; 2]> {
        self.grid.read(cx).columns_in_sight(cx)
    }

    /// What gives the results the keyboard, rows or not.
    pub fn focus_handle(&self, cx: &Context<TuskWindow>) -> FocusHandle {
        self.grid.focus_handle(cx)
    }

    /// Shows what the screen says.
    pub fn follow(&mut self, model: &Model, shown: &screen::Grid, cx: &mut Context<TuskWindow>) {
        let Some(result) = visible_result(model) else {
            return;
        };
        let query = Some((model.pages.active, result.query));
        let another = self.query != query;
        if another {
            self.query = query;
            self.owner.set(Some(model.pages.active));
            self.reveal = shown.reveal;
        }
        let columns = columns(shown);
        if another || self.rows != shown.row_count || *self.columns != *columns {
            self.rows = shown.row_count;
            self.columns = columns;
            self.cells = cells(result);
        }
        let spec = GridSpec {
            columns: self.columns.clone(),
            row_count: shown.row_count,
            active: shown.active.map(|cell| (cell.row, cell.column)),
            range: range(&shown.range),
            stale: shown.stale,
            label: SharedString::new_static("Rows"),
        };
        let revealed = (self.reveal != shown.reveal).then_some(shown.active).flatten();
        self.reveal = shown.reveal;
        let cells = self.cells.clone();
        self.grid.update(cx, |grid, cx| {
            grid.show(spec, cells, cx);
            if another {
                grid.scroll_to(shown.first_row, shown.left, cx);
            }
            if let Some(cell) = revealed {
                grid.reveal(cell.row, cell.column, cx);
            }
        });
    }
}

fn columns(shown: &screen::Grid) -> Rc<[GridColumn]> {
    let column = |place| {
        let column = shown.column(place)?;
        Some(GridColumn {
            title: SharedString::from(column.title.to_owned()),
            type_name: SharedString::from(column.type_name.to_owned()),
            right_aligned: column.right_aligned,
            width: column.width as f32,
        })
    };
    (0..shown.columns.len()).filter_map(column).collect()
}

/// The cells of a result as it is now. Its chunks are shared, so this copies no value.
fn cells(result: &ResultSet) -> CellSource {
    let result = result.clone();
    Rc::new(move |row, column| {
        let cell = grid_cell(&result, row, column);
        if cell.null {
            GridCell::null()
        } else {
            // The mark of a cut is part of the text already.
            GridCell::value(cell.text.into_owned(), false)
        }
    })
}

fn range(range: &crate::rows::Range) -> Option<GridRange> {
    let (last_row, last_column) =
        (range.rows.end.checked_sub(1)?, range.columns.end.checked_sub(1)?);
    (range.cells() > 1).then_some(GridRange {
        rows: range.rows.start..=last_row,
        columns: range.columns.start..=last_column,
    })
}

/// Tells the Model what the pointer did, or what is visible now.
fn report(event: GridEvent, tab: TabId, room: &Cell<u64>, post: &Post) {
    let send = |msg| post.post(Msg::Grid { tab, msg });
    match event {
        GridEvent::CellClicked { row, column, shift } => {
            send(results::Msg::CellClicked { cell: Position { row, column }, shift })
        }
        GridEvent::RowClicked { row, shift } => send(results::Msg::RowClicked { row, shift }),
        GridEvent::ColumnClicked { column, shift } => {
            send(results::Msg::ColumnClicked { column, shift });
        }
        GridEvent::Dragged { row, column } => {
            send(results::Msg::Dragged { cell: Position { row, column } })
        }
        GridEvent::ColumnResized { column, width } => {
            send(results::Msg::ColumnResized { column, width: width.round() as u32 })
        }
        GridEvent::ColumnFitted { column } => send(results::Msg::ColumnFitted { column }),
        GridEvent::CellOpened { row, column } => {
            send(results::Msg::CellOpened { cell: Position { row, column } })
        }
        GridEvent::Scrolled(view) => {
            if room.replace(view.page_rows) != view.page_rows {
                send(results::Msg::RoomChanged {
                    visible_rows: u32::try_from(view.page_rows).unwrap_or(u32::MAX),
                });
            }
            send(results::Msg::Scrolled { first_row: view.first_row });
        }
    }
}
