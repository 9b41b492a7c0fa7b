//! The grid over the result on screen: what it shows follows the Model, and what the pointer does goes to it.

use std::cell::Cell;
use std::rc::Rc;

use gpui::{App, AppContext, Entity, FocusHandle, Focusable};

use crate::{
    base::ids::{QueryId, TabId},
    msg::Msg,
    rows::Position,
    screen,
    update::results,
    view::kit::{
        grid::{Grid, GridEvent, GridListener},
        words::Post,
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
}

impl Rows {
    /// An empty grid that tells the queue what the pointer does in it.
    pub fn new(post: &Post, cx: &mut App) -> Self {
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
        Self { grid, owner, query: None, reveal: 0 }
    }

    pub fn grid(&self) -> &Entity<Grid> {
        &self.grid
    }

    /// Where its columns were drawn, as [`Grid::columns_in_sight`] says it.
    pub fn drawn(&self, cx: &App) -> Option<[f32; 2]> {
        self.grid.read(cx).columns_in_sight(cx)
    }

    /// What gives the results the keyboard, rows or not.
    pub fn focus_handle(&self, cx: &App) -> FocusHandle {
        self.grid.focus_handle(cx)
    }

    /// Shows what the screen says of a tab's rows.
    pub fn follow(&mut self, tab: TabId, shown: &screen::Grid, cx: &mut App) {
        let query = Some((tab, shown.query));
        let another = self.query != query;
        if another {
            self.query = query;
            self.owner.set(Some(tab));
            self.reveal = shown.reveal;
        }
        let revealed = (self.reveal != shown.reveal).then_some(shown.active).flatten();
        self.reveal = shown.reveal;
        self.grid.update(cx, |grid, cx| {
            grid.show(shown, cx);
            if another {
                grid.scroll_to(shown.first_row, shown.left, cx);
            }
            if let Some(cell) = revealed {
                grid.reveal(cell, cx);
            }
        });
    }

    /// No rows are on screen: none are held here.
    pub fn clear(&self, cx: &mut App) {
        self.grid.update(cx, Grid::clear);
    }
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
