//! The grid of a result: millions of rows by hundreds of columns, of which only the visible cells
//! are asked for, shaped and painted. It keeps pixels (scroll, drag, hover) and nothing else: what
//! is active and selected is told to it, and what the pointer does is told back.

pub mod geometry;
mod paint;
pub mod scroll;

use std::rc::Rc;
use std::sync::Arc;

use gpui::{
    AnyElement, App, Bounds, Context, Entity, FocusHandle, Focusable, InteractiveElement,
    IntoElement, MouseButton, MouseDownEvent, MouseMoveEvent, ParentElement, Pixels, Point, Render,
    Role, ScrollEvent, StatefulInteractiveElement, Styled, TestSupportExt, Window, div, px,
};

use self::geometry::{Geometry, Hit};
use self::paint::GridElement;
use self::scroll::Scroll;
use super::theme::Look;
use crate::{rows::Position, screen};

/// Narrowest that a column can be dragged.
const NARROWEST: f32 = 40.0;

/// Told of everything that the pointer does.
pub type GridListener = Rc<dyn Fn(GridEvent, &mut Window, &mut App)>;

/// What the pointer did.
#[derive(Clone, Debug, PartialEq)]
pub enum GridEvent {
    /// A cell was pressed; with shift the range extends to it.
    CellClicked {
        row: u64,
        column: usize,
        /// Shift was down.
        shift: bool,
    },
    /// A row's number was pressed: the whole row is meant.
    RowClicked {
        row: u64,
        /// Shift was down.
        shift: bool,
    },
    /// A column's header was pressed: the whole column is meant.
    ColumnClicked {
        column: usize,
        /// Shift was down.
        shift: bool,
    },
    /// The pointer was dragged to another cell.
    Dragged { row: u64, column: usize },
    /// A column's border was dragged.
    ColumnResized {
        column: usize,
        /// Its new width at 100% zoom.
        width: f32,
    },
    /// A column's border was double-clicked.
    ColumnFitted { column: usize },
    /// A cell was double-clicked: its value is to be seen whole.
    CellOpened { row: u64, column: usize },
    /// What is visible has changed.
    Scrolled(GridView),
}

/// What is visible, for whoever loads rows or pages through them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GridView {
    /// The first row of which any part is visible.
    pub first_row: u64,
    /// Rows that are visible whole: what a page is.
    pub page_rows: u64,
    /// Rows of which any part is visible.
    pub row_count: u64,
    /// The first visible column.
    pub first_column: usize,
    /// Visible columns.
    pub column_count: usize,
}

/// What the button is held down on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Drag {
    Cells { row: u64, column: usize },
    Border { column: usize, grip: Pixels },
    VerticalThumb { grip: Pixels },
    HorizontalThumb { grip: Pixels },
}

/// The left edges of the columns, for as long as their widths are these.
struct Edges {
    widths: Arc<[u32]>,
    zoom: f32,
    edges: Rc<[f32]>,
}

/// What painting made, for tests that say how much a frame costs.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Made {
    /// Cells asked of the rows.
    pub cells: usize,
    /// Columns whose title was made into a text.
    pub titles: usize,
    /// Columns whose edge was counted out.
    pub edges: usize,
}

#[cfg(test)]
std::thread_local! {
    pub(crate) static MADE: std::cell::Cell<Made> = const {
        std::cell::Cell::new(Made { cells: 0, titles: 0, edges: 0 })
    };
}

#[cfg(test)]
pub(crate) fn made(change: impl FnOnce(&mut Made)) {
    let mut made = MADE.get();
    change(&mut made);
    MADE.set(made);
}

/// The grid itself.
pub struct Grid {
    shown: Option<Rc<screen::Grid>>,
    listener: GridListener,
    focus: FocusHandle,
    scroll: Scroll,
    left: f32,
    reveal: Option<Position>,
    edges: Option<Edges>,
    geometry: Option<Geometry>,
    drag: Option<Drag>,
    hovered: Hit,
    reported: GridView,
}

impl Grid {
    /// An empty grid.
    pub fn new(listener: GridListener, cx: &mut Context<Self>) -> Self {
        Self {
            shown: None,
            listener,
            focus: cx.focus_handle().tab_stop(true),
            scroll: Scroll::default(),
            left: 0.0,
            reveal: None,
            edges: None,
            geometry: None,
            drag: None,
            hovered: Hit::Nothing,
            reported: GridView::default(),
        }
    }

    /// Shows this from now on. The scroll position stays, as far as the rows reach.
    pub fn show(&mut self, shown: &screen::Grid, cx: &mut Context<Self>) {
        if self.shown.as_deref() != Some(shown) {
            self.shown = Some(Rc::new(shown.clone()));
            cx.notify();
        }
    }

    /// Holds no rows any more.
    pub fn clear(&mut self, cx: &mut Context<Self>) {
        if self.shown.take().is_some() {
            cx.notify();
        }
    }

    /// Scrolls no further than needed to show a cell whole.
    pub fn reveal(&mut self, cell: Position, cx: &mut Context<Self>) {
        self.reveal = Some(cell);
        cx.notify();
    }

    /// Scrolls to a row, and so far to the right, in logical pixels at 100%: for another result.
    pub fn scroll_to(&mut self, first_row: u64, left: u64, cx: &mut Context<Self>) {
        self.scroll = Scroll::at(first_row);
        self.left = left as f32 * Look::of(cx).zoom;
        self.reveal = None;
        cx.notify();
    }

    /// What was visible in the last frame.
    pub fn view(&self) -> GridView {
        self.reported
    }

    /// How far the columns were scrolled to the right in the last frame, and how wide the room for them was, in logical
    /// pixels at 100%.
    pub fn columns_in_sight(&self, cx: &App) -> Option<[f32; 2]> {
        let geometry = self.geometry.as_ref()?;
        let width = f32::from(geometry.body().size.width);
        Some([geometry.left, width].map(|pixels| pixels / Look::of(cx).zoom))
    }

    /// Where everything was in the last frame.
    pub fn geometry(&self) -> Option<&Geometry> {
        self.geometry.as_ref()
    }

    fn tell(&self, event: GridEvent, window: &mut Window, cx: &mut App) {
        (self.listener.clone())(event, window, cx);
    }

    fn pressed(&mut self, event: &MouseDownEvent, window: &mut Window, cx: &mut Context<Self>) {
        let Some(geometry) = self.geometry.clone() else {
            return;
        };
        window.focus(&self.focus, cx);
        let (at, shift) = (event.position, event.modifiers.shift);
        match geometry.hit(at) {
            Hit::Cell { row, column } if event.click_count == 2 => {
                self.drag = None;
                self.tell(GridEvent::CellOpened { row, column }, window, cx);
            }
            Hit::Cell { row, column } => {
                self.drag = Some(Drag::Cells { row, column });
                self.tell(GridEvent::CellClicked { row, column, shift }, window, cx);
            }
            Hit::RowNumber(row) => self.tell(GridEvent::RowClicked { row, shift }, window, cx),
            Hit::Border(column) if event.click_count == 2 => {
                self.drag = None;
                self.tell(GridEvent::ColumnFitted { column }, window, cx);
            }
            Hit::Border(column) => {
                let right = geometry.column_left(column) + geometry.column_width(column);
                let grip = at.x - right;
                self.drag = Some(Drag::Border { column, grip });
            }
            Hit::VerticalBar => self.grab_vertical_thumb(&geometry, at),
            Hit::HorizontalBar => self.grab_horizontal_thumb(&geometry, at),
            Hit::Header(column) => {
                self.tell(GridEvent::ColumnClicked { column, shift }, window, cx);
            }
            Hit::Nothing => {}
        }
        cx.notify();
    }

    /// A press beside the thumb brings it under the pointer, and the drag goes on from there.
    fn grab_vertical_thumb(&mut self, geometry: &Geometry, at: Point<Pixels>) {
        let Some(thumb) = geometry.vertical_thumb() else {
            return;
        };
        let on_thumb = at.y >= thumb.top() && at.y <= thumb.bottom();
        let grip = if on_thumb { at.y - thumb.top() } else { thumb.size.height / 2.0 };
        self.drag = Some(Drag::VerticalThumb { grip });
        self.scroll = geometry.scroll_for_thumb(at.y - grip);
    }

    fn grab_horizontal_thumb(&mut self, geometry: &Geometry, at: Point<Pixels>) {
        let Some(thumb) = geometry.horizontal_thumb() else {
            return;
        };
        let on_thumb = at.x >= thumb.left() && at.x <= thumb.right();
        let grip = if on_thumb { at.x - thumb.left() } else { thumb.size.width / 2.0 };
        self.drag = Some(Drag::HorizontalThumb { grip });
        self.left = geometry.left_for_thumb(at.x - grip);
    }

    fn moved(&mut self, event: &MouseMoveEvent, window: &mut Window, cx: &mut Context<Self>) {
        let Some(geometry) = self.geometry.clone() else {
            return;
        };
        let at = event.position;
        if self.drag.is_some() && event.pressed_button != Some(MouseButton::Left) {
            // The button was let go where the window could not see it.
            self.released(cx);
        }
        match self.drag {
            Some(Drag::Cells { row, column }) => {
                self.scroll_towards(&geometry, at);
                let Some(now) = geometry.nearest_cell(at) else {
                    return;
                };
                if now != (row, column) {
                    let (row, column) = now;
                    self.drag = Some(Drag::Cells { row, column });
                    self.tell(GridEvent::Dragged { row, column }, window, cx);
                }
            }
            Some(Drag::Border { column, grip }) => {
                let zoom = Look::of(cx).zoom;
                let width = f32::from(at.x - grip - geometry.column_left(column)) / zoom;
                let width = width.max(NARROWEST);
                self.tell(GridEvent::ColumnResized { column, width }, window, cx);
            }
            Some(Drag::VerticalThumb { grip }) => {
                self.scroll = geometry.scroll_for_thumb(at.y - grip);
            }
            Some(Drag::HorizontalThumb { grip }) => {
                self.left = geometry.left_for_thumb(at.x - grip);
            }
            None => {
                let hovered = geometry.hit(at);
                if hovered == self.hovered {
                    return;
                }
                self.hovered = hovered;
            }
        }
        cx.notify();
    }

    /// A selection dragged past an edge pulls the rows and columns along.
    fn scroll_towards(&mut self, geometry: &Geometry, at: Point<Pixels>) {
        let body = geometry.body();
        let beyond = |low: Pixels, high: Pixels, at: Pixels| {
            if at < low {
                f32::from(at - low)
            } else if at > high {
                f32::from(at - high)
            } else {
                0.0
            }
        };
        let down = beyond(body.top(), body.bottom(), at.y) / f32::from(geometry.row_height);
        let along = beyond(body.left(), body.right(), at.x);
        if down != 0.0 {
            self.scroll = self.scroll.moved(f64::from(down), geometry.extent());
        }
        if along != 0.0 {
            self.left = (self.left + along).clamp(0.0, geometry.left_max());
        }
    }

    /// While a selection is held past an edge, each frame goes on scrolling towards the pointer.
    pub(crate) fn drag_on(&mut self, window: &mut Window, cx: &mut Context<Self>) {
        let Some(geometry) = self.geometry.clone() else {
            return;
        };
        let (at, body) = (window.mouse_position(), geometry.body());
        let (Some(Drag::Cells { .. }), false) = (self.drag, body.contains(&at)) else {
            return;
        };
        let before = (self.scroll, self.left);
        self.scroll_towards(&geometry, at);
        if (self.scroll, self.left) != before {
            let event = MouseMoveEvent {
                position: at,
                pressed_button: Some(MouseButton::Left),
                modifiers: window.modifiers(),
            };
            self.moved(&event, window, cx);
        }
    }

    fn released(&mut self, cx: &mut Context<Self>) {
        if self.drag.take().is_some() {
            cx.notify();
        }
    }

    fn wheeled(&mut self, event: &ScrollEvent, cx: &mut Context<Self>) {
        let Some(geometry) = &self.geometry else {
            return;
        };
        let delta = event.delta.pixel_delta(geometry.row_height);
        // Where a wheel has one axis only, shift turns it.
        let (along, down) = if event.modifiers.shift && delta.x == px(0.0) {
            (delta.y, px(0.0))
        } else {
            (delta.x, delta.y)
        };
        let rows = -f64::from(down / geometry.row_height);
        let scroll = self.scroll.moved(rows, geometry.extent());
        let left = (self.left - f32::from(along)).clamp(0.0, geometry.left_max());
        if (scroll, left) != (self.scroll, self.left) {
            (self.scroll, self.left) = (scroll, left);
            cx.notify();
        }
    }

    /// A screen reader and a test find the active cell as an element; the paint needs none.
    fn active_cell_element(&self, geometry: &Geometry) -> Option<(AnyElement, Bounds<Pixels>)> {
        let shown = self.shown.as_ref()?;
        let Position { row, column } = shown.active?;
        let title = shown.column(column)?.title;
        if row >= shown.rows.len() || !geometry.visible_rows().contains(&row) {
            return None;
        }
        let text = shown.cell(row, column).text;
        let element = div()
            .id("active-cell")
            .role(Role::Cell)
            .aria_label(format!("{title}, row {}: {text}", row + 1))
            .aria_selected(true)
            .test_support()
            .size_full();
        Some((element.into_any_element(), geometry.cell(row, column)))
    }
}

impl Focusable for Grid {
    fn focus_handle(&self, _: &App) -> FocusHandle {
        self.focus.clone()
    }
}

impl Render for Grid {
    fn render(&mut self, window: &mut Window, cx: &mut Context<Self>) -> impl IntoElement {
        let grid: Entity<Self> = cx.entity();
        let shown = self.shown.as_ref().map(|shown| &shown.rows);
        let (rows, columns) = shown.map_or((0, 0), |rows| (rows.len(), rows.columns().len()));
        self.drag_on(window, cx);
        div()
            .id("grid")
            .role(Role::Grid)
            .aria_label("Rows")
            .aria_row_count(rows as usize)
            .aria_column_count(columns)
            .test_support()
            .track_focus(&self.focus)
            .relative()
            .size_full()
            .overflow_hidden()
            .on_mouse_down(MouseButton::Left, cx.listener(Self::pressed))
            .on_scroll(cx.listener(|grid, event, _, cx| grid.wheeled(event, cx)))
            .child(GridElement::new(grid))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use gpui::test::{ClickOptions, TestEventExt, TestWindowExt};
    use gpui::{AnyWindowHandle, AppContext, Modifiers, TestAppContext, WindowOptions, point};

    use super::*;
    use crate::{
        base::ids::{Ids, QueryId},
        rows::{ChunkBuilder, Column, Range, Rows, samples::data_row},
    };

    /// Rows of one chunk, which stands in a result as often as it takes.
    const CHUNK_ROWS: u64 = 1_000;

    type Heard = Rc<RefCell<Vec<GridEvent>>>;

    struct Shown {
        grid: Entity<Grid>,
        window: AnyWindowHandle,
        heard: Heard,
    }

    /// A grid of so many rows, a whole number of chunks, whose cells say where in their chunk they are.
    fn grid(rows: u64, columns: usize) -> screen::Grid {
        let chunk_rows = rows.min(CHUNK_ROWS);
        let mut chunk = ChunkBuilder::new(columns);
        for row in 0..chunk_rows {
            let cells = (0..columns).map(|column| Some(format!("{row}.{column}")));
            let row = data_row(&cells.collect::<Vec<_>>());
            chunk.push_data_row(&row).expect("a whole row");
        }
        let chunk = Arc::new(chunk.finish());
        let named = (0..columns).map(|column| Column::new(format!("c{column}"), 20, -1));
        let mut held = Rows::new(named.collect());
        while held.len() < rows {
            held.append(chunk.clone());
        }
        screen::Grid {
            query: QueryId::next(&mut Ids::default()),
            rows: held,
            widths: vec![100; columns].into(),
            first_row: 0,
            left: 0,
            reveal: 0,
            active: None,
            range: Range::default(),
            stale: false,
            empty: None,
            note: None,
            strip: None,
        }
    }

    fn show(rows: u64, columns: usize, cx: &mut TestAppContext) -> Shown {
        let heard: Heard = Rc::default();
        let log = heard.clone();
        let (window, grid) = cx.update(|cx| {
            gpui::init(cx);
            gpui::open_window(WindowOptions::default(), cx, |_, cx| {
                cx.new(|cx| {
                    let listener: GridListener =
                        Rc::new(move |event, _, _| log.borrow_mut().push(event));
                    let mut shown = Grid::new(listener, cx);
                    shown.show(&grid(rows, columns), cx);
                    shown
                })
            })
            .expect("a window")
        });
        let shown = Shown { grid, window, heard };
        shown.frame(cx);
        shown.heard.borrow_mut().clear();
        shown
    }

    impl Shown {
        fn frame(&self, cx: &mut TestAppContext) {
            cx.update_window(self.window, |_, window, cx| window.render_frame(cx))
                .expect("an open window");
            cx.run_until_parked();
        }

        fn geometry(&self, cx: &mut TestAppContext) -> Geometry {
            cx.read(|cx| self.grid.read(cx).geometry().cloned()).expect("a laid out grid")
        }

        fn point(
            &self,
            cx: &mut TestAppContext,
            act: impl FnOnce(&mut Window, &mut App, &Geometry),
        ) {
            let geometry = self.geometry(cx);
            cx.update_window(self.window, |_, window, cx| act(window, cx, &geometry))
                .expect("an open window");
            self.frame(cx);
        }

        /// What was heard, without the reports of what is visible.
        fn said(&self) -> Vec<GridEvent> {
            let said = self.heard.borrow_mut().drain(..).collect::<Vec<_>>();
            said.into_iter().filter(|event| !matches!(event, GridEvent::Scrolled(_))).collect()
        }
    }

    #[gpui::test]
    fn only_visible_cells_are_asked_for(cx: &mut TestAppContext) {
        let shown = show(100_000_000, 300, cx);
        MADE.take();
        shown.frame(cx);
        let geometry = shown.geometry(cx);
        let (rows, columns) = (geometry.visible_rows(), geometry.visible_columns());
        let cells = (rows.end - rows.start) as usize * columns.len();
        assert!(cells > 0 && cells < 10_000 && columns.len() < 30);
        assert_eq!(MADE.take(), Made { cells, titles: columns.len(), edges: 0 });
    }

    #[gpui::test]
    fn a_frame_of_rows_that_arrive_makes_what_is_visible(cx: &mut TestAppContext) {
        for chunks in [10, 1_000] {
            let shown = show(CHUNK_ROWS, 30, cx);
            let mut arriving = grid(CHUNK_ROWS * chunks, 30);
            let chunk = arriving.rows.chunks().next().expect("a chunk").chunk().clone();
            shown.grid.update(cx, |grid, cx| grid.show(&arriving, cx));
            for _ in 0..3 {
                arriving.rows.append(chunk.clone());
                MADE.take();
                // A frame is due, and drawn at once.
                shown.grid.update(cx, |grid, cx| grid.show(&arriving, cx));
                let made = MADE.take();
                let geometry = shown.geometry(cx);
                assert_eq!(geometry.rows, arriving.rows.len());
                let (rows, titles) = (geometry.visible_rows(), geometry.visible_columns().len());
                let cells = (rows.end - rows.start) as usize * titles;
                assert_eq!(made, Made { cells, titles, edges: 0 }, "over {chunks} chunks");
            }
            MADE.take();
            shown.grid.update(cx, |grid, cx| grid.show(&arriving, cx));
            assert_eq!(MADE.take(), Made::default(), "the same as before is not drawn anew");
        }
    }

    #[gpui::test]
    fn rows_that_took_the_place_of_as_many_others_are_drawn(cx: &mut TestAppContext) {
        let shown = show(1_000, 3, cx);
        let mut spec = grid(1_000, 3);
        spec.active = Some(Position { row: 1, column: 2 });
        shown.grid.update(cx, |grid, cx| grid.show(&spec, cx));
        let mut chunk = ChunkBuilder::new(3);
        for _ in 0..1_000 {
            let row = data_row(&[Some("é"), Some("é"), Some("é")]);
            chunk.push_data_row(&row).expect("a whole row");
        }
        spec.rows = Rows::new(spec.rows.columns().clone());
        spec.rows.append(Arc::new(chunk.finish()));
        shown.grid.update(cx, |grid, cx| grid.show(&spec, cx));
        shown.point(cx, |window, _, _| {
            assert_eq!(window.find("active-cell").label(), Some("c2, row 2: é"));
        });
    }

    #[gpui::test]
    fn a_click_and_a_drag_are_told(cx: &mut TestAppContext) {
        let shown = show(1_000, 5, cx);
        shown.point(cx, |window, cx, geometry| {
            let (from, to) = (geometry.cell(2, 1).center(), geometry.cell(4, 3).center());
            window.pointer_move(from, None, cx);
            window.pointer_down(from, MouseButton::Left, cx);
            window.pointer_move(to, Some(MouseButton::Left), cx);
            window.pointer_up(to, MouseButton::Left, cx);
        });
        let (row, column, shift) = (2, 1, false);
        let expected = [
            GridEvent::CellClicked { row, column, shift },
            GridEvent::Dragged { row: 4, column: 3 },
        ];
        assert_eq!(shown.said(), expected);
    }

    #[gpui::test]
    fn shift_and_a_double_click_are_told_apart(cx: &mut TestAppContext) {
        let shown = show(1_000, 5, cx);
        shown.point(cx, |window, cx, geometry| {
            let at = geometry.cell(3, 2).center() - geometry.bounds.origin;
            let shifted = ClickOptions::new().with_offset(at).with_modifiers(Modifiers::shift());
            window.click_with_options("grid", shifted, cx);
            let twice = ClickOptions::new().with_offset(at).with_count(2);
            window.click_with_options("grid", twice, cx);
        });
        let (row, column) = (3, 2);
        let clicked = |shift| GridEvent::CellClicked { row, column, shift };
        let said = shown.said();
        assert_eq!(said[0], clicked(true));
        assert_eq!(said.last(), Some(&GridEvent::CellOpened { row, column }));
    }

    #[gpui::test]
    fn a_dragged_border_tells_the_width(cx: &mut TestAppContext) {
        let shown = show(10, 3, cx);
        shown.point(cx, |window, cx, geometry| {
            let border = point(geometry.column_left(1), geometry.bounds.top() + px(10.0));
            let further = point(border.x + px(60.0), border.y);
            window.pointer_move(border, None, cx);
            window.pointer_down(border, MouseButton::Left, cx);
            window.pointer_move(further, Some(MouseButton::Left), cx);
            window.pointer_up(further, MouseButton::Left, cx);
        });
        let (column, width) = (0, 160.0);
        let expected = [GridEvent::ColumnResized { column, width }];
        assert_eq!(shown.said(), expected);
    }

    #[gpui::test]
    fn a_revealed_cell_scrolls_into_view_and_the_view_is_told(cx: &mut TestAppContext) {
        let shown = show(1_000_000, 200, cx);
        let cell = Position { row: 654_321, column: 150 };
        shown.grid.update(cx, |grid, cx| grid.reveal(cell, cx));
        shown.frame(cx);
        let geometry = shown.geometry(cx);
        assert!(geometry.visible_rows().contains(&654_321));
        assert!(geometry.visible_columns().contains(&150));
        let body = geometry.body();
        let cell = geometry.cell(654_321, 150);
        assert!(cell.bottom() <= body.bottom() && cell.right() <= body.right() + px(0.01));
        let view = cx.read(|cx| shown.grid.read(cx).view());
        assert_eq!(view.first_row, geometry.visible_rows().start);
        assert!(shown.heard.borrow().contains(&GridEvent::Scrolled(view)));
    }

    #[gpui::test]
    fn the_wheel_moves_rows_and_stops_at_the_end(cx: &mut TestAppContext) {
        let shown = show(100, 3, cx);
        let wheel = |rows: f32| gpui::ScrollDelta::Lines(point(0.0, rows));
        shown.point(cx, |window, cx, _| window.scroll("grid", wheel(-3.0), cx));
        assert_eq!(shown.geometry(cx).scroll.row, 3);
        shown.point(cx, |window, cx, _| window.scroll("grid", wheel(-5_000.0), cx));
        let geometry = shown.geometry(cx);
        assert_eq!(geometry.scroll, geometry.extent().last());
        assert_eq!(geometry.visible_rows().end, 100);
    }

    #[gpui::test]
    fn the_active_cell_has_a_name(cx: &mut TestAppContext) {
        let shown = show(100, 3, cx);
        let mut named = grid(100, 3);
        named.active = Some(Position { row: 4, column: 1 });
        shown.grid.update(cx, |grid, cx| grid.show(&named, cx));
        shown.frame(cx);
        shown.point(cx, |window, _, geometry| {
            let cell = window.find("active-cell");
            assert_eq!(cell.label(), Some("c1, row 5: 4.1"));
            assert_eq!(cell.bounds(), geometry.cell(4, 1));
        });
    }
}
