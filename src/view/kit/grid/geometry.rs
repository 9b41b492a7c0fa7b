//! Which part of the grid lies where: columns along, rows down, bars at the edges. Pure arithmetic,
//! so that a click and the paint can't disagree.

use std::ops::Range;
use std::rc::Rc;

use gpui::{Bounds, Pixels, Point, point, px, size};

use super::scroll::{Extent, Scroll};

/// How near to a column's border the pointer takes hold of it.
const GRIP: f32 = 4.0;

/// Thickness of the strip that a scrollbar lives in.
const BAR: f32 = 12.0;

/// No thumb is shorter than this: it could not be taken hold of.
const SHORTEST_THUMB: f32 = 28.0;

/// What the pointer is over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hit {
    /// A value.
    Cell {
        row: u64,
        column: usize,
    },
    RowNumber(u64),
    /// The name of a column.
    Header(usize),
    /// The right border of a column, in the header.
    Border(usize),
    /// The strip of the vertical scrollbar.
    VerticalBar,
    /// The strip of the horizontal scrollbar.
    HorizontalBar,
    /// Nothing that answers.
    Nothing,
}

/// Where everything is, for one frame.
#[derive(Clone, Debug)]
pub struct Geometry {
    /// The whole grid.
    pub bounds: Bounds<Pixels>,
    /// Height of the header.
    pub header: Pixels,
    /// Width of the row numbers.
    pub numbers: Pixels,
    pub row_height: Pixels,
    /// Left edges of the columns, unscrolled, and the right edge of the last one.
    pub edges: Rc<[f32]>,
    /// Rows in the result.
    pub rows: u64,
    /// Vertical position.
    pub scroll: Scroll,
    /// Horizontal position.
    pub left: f32,
}

impl Geometry {
    /// The part that holds values.
    pub fn body(&self) -> Bounds<Pixels> {
        let corner = point(self.numbers, self.header);
        let whole = self.bounds.size;
        Bounds::new(
            self.bounds.origin + corner,
            size((whole.width - corner.x).max(px(0.0)), (whole.height - corner.y).max(px(0.0))),
        )
    }

    /// What scrolls vertically.
    pub fn extent(&self) -> Extent {
        let room = self.body().size.height - self.bottom_strip();
        Extent {
            rows: self.rows,
            visible: f64::from(f32::from(room.max(px(0.0))) / f32::from(self.row_height)),
        }
    }

    /// The furthest the columns scroll to the left.
    pub fn left_max(&self) -> f32 {
        (self.content_width() - f32::from(self.body().size.width)).max(0.0)
    }

    /// Width of all columns together.
    pub fn content_width(&self) -> f32 {
        self.edges.last().copied().unwrap_or(0.0)
    }

    /// Rows of which any part is visible.
    pub fn visible_rows(&self) -> Range<u64> {
        let height = f64::from(f32::from(self.body().size.height) / f32::from(self.row_height));
        let count = (self.scroll.within + height).ceil() as u64;
        let first = self.scroll.row.min(self.rows);
        first..self.rows.min(first.saturating_add(count))
    }

    /// Columns of which any part is visible.
    pub fn visible_columns(&self) -> Range<usize> {
        let count = self.edges.len().saturating_sub(1);
        let right = self.left + f32::from(self.body().size.width);
        let first = self.edges.partition_point(|edge| *edge <= self.left);
        let end = self.edges.partition_point(|edge| *edge < right);
        first.saturating_sub(1).min(count)..end.min(count)
    }

    /// Upper edge of a row that is visible or nearly so.
    pub fn row_top(&self, row: u64) -> Pixels {
        let away = row as f64 - self.scroll.row as f64 - self.scroll.within;
        self.body().origin.y + px((away * f64::from(f32::from(self.row_height))) as f32)
    }

    /// Left edge of a column.
    pub fn column_left(&self, column: usize) -> Pixels {
        let edge = self.edges.get(column).copied().unwrap_or(0.0);
        self.body().origin.x + px(edge - self.left)
    }

    pub fn column_width(&self, column: usize) -> Pixels {
        match (self.edges.get(column), self.edges.get(column + 1)) {
            (Some(left), Some(right)) => px(right - left),
            _ => px(0.0),
        }
    }

    /// The rectangle of a value.
    pub fn cell(&self, row: u64, column: usize) -> Bounds<Pixels> {
        Bounds::new(
            point(self.column_left(column), self.row_top(row)),
            size(self.column_width(column), self.row_height),
        )
    }

    /// The thumb of the vertical scrollbar, when there is something to scroll.
    pub fn vertical_thumb(&self) -> Option<Bounds<Pixels>> {
        let extent = self.extent();
        if extent.last() == Scroll::default() {
            return None;
        }
        let body = self.body();
        let track = f32::from(body.size.height - self.bottom_strip());
        let length = thumb_length(track, extent.visible / extent.rows as f64);
        let top = (f64::from(track - length) * self.scroll.fraction(extent)) as f32;
        Some(Bounds::new(
            point(body.right() - px(BAR), body.origin.y + px(top)),
            size(px(BAR), px(length)),
        ))
    }

    /// The thumb of the horizontal scrollbar, when there is something to scroll.
    pub fn horizontal_thumb(&self) -> Option<Bounds<Pixels>> {
        let most = self.left_max();
        if most <= 0.0 {
            return None;
        }
        let body = self.body();
        let track = f32::from(body.size.width) - BAR;
        let share = f64::from(f32::from(body.size.width) / self.content_width());
        let length = thumb_length(track, share);
        let offset = (track - length) * (self.left / most);
        Some(Bounds::new(
            point(body.origin.x + px(offset), body.bottom() - px(BAR)),
            size(px(length), px(BAR)),
        ))
    }

    /// The vertical position for a thumb whose upper edge is dragged to `top`.
    pub fn scroll_for_thumb(&self, top: Pixels) -> Scroll {
        let Some(thumb) = self.vertical_thumb() else {
            return self.scroll;
        };
        let body = self.body();
        let room = body.size.height - self.bottom_strip() - thumb.size.height;
        let fraction = if room > px(0.0) { f64::from((top - body.origin.y) / room) } else { 0.0 };
        Scroll::at_fraction(fraction, self.extent())
    }

    /// The horizontal position for a thumb whose left edge is dragged to `left`.
    pub fn left_for_thumb(&self, left: Pixels) -> f32 {
        let Some(thumb) = self.horizontal_thumb() else {
            return self.left;
        };
        let body = self.body();
        let room = body.size.width - px(BAR) - thumb.size.width;
        let fraction = if room > px(0.0) { (left - body.origin.x) / room } else { 0.0 };
        fraction.clamp(0.0, 1.0) * self.left_max()
    }

    /// The horizontal position nearest to this one at which a column is visible whole.
    pub fn left_revealing(&self, column: usize) -> f32 {
        let (Some(start), Some(end)) = (self.edges.get(column), self.edges.get(column + 1)) else {
            return self.left;
        };
        let width = f32::from(self.body().size.width);
        let left = if *start < self.left || end - start > width {
            *start
        } else if *end > self.left + width {
            end - width
        } else {
            self.left
        };
        left.clamp(0.0, self.left_max())
    }

    /// What lies under a point.
    pub fn hit(&self, at: Point<Pixels>) -> Hit {
        if !self.bounds.contains(&at) {
            return Hit::Nothing;
        }
        let body = self.body();
        if at.y < body.origin.y {
            return self.hit_header(at);
        }
        let in_strip = |thumb: Option<Bounds<Pixels>>| thumb.is_some();
        if in_strip(self.vertical_thumb()) && at.x >= body.right() - px(BAR) {
            return Hit::VerticalBar;
        }
        if in_strip(self.horizontal_thumb()) && at.y >= body.bottom() - px(BAR) {
            return Hit::HorizontalBar;
        }
        let Some(row) = self.row_at(at.y) else {
            return Hit::Nothing;
        };
        if at.x < body.origin.x {
            return Hit::RowNumber(row);
        }
        match self.column_at(at.x) {
            Some(column) => Hit::Cell { row, column },
            None => Hit::Nothing,
        }
    }

    /// The cell nearest to a point, for a drag that has left the grid.
    pub fn nearest_cell(&self, at: Point<Pixels>) -> Option<(u64, usize)> {
        let body = self.body();
        let columns = self.edges.len().saturating_sub(1);
        if self.rows == 0 || columns == 0 {
            return None;
        }
        let y = at.y.clamp(body.origin.y, body.bottom() - px(1.0));
        let x = at.x.clamp(body.origin.x, body.right() - px(1.0));
        let row = self.row_at(y).unwrap_or(self.rows - 1);
        let column = self.column_at(x).unwrap_or(columns - 1);
        Some((row, column))
    }

    /// Room at the foot that the horizontal scrollbar takes from the rows.
    fn bottom_strip(&self) -> Pixels {
        if self.left_max() > 0.0 { px(BAR) } else { px(0.0) }
    }

    fn row_at(&self, y: Pixels) -> Option<u64> {
        let down = f64::from((y - self.body().origin.y) / self.row_height) + self.scroll.within;
        let row = self.scroll.row.checked_add(down.max(0.0) as u64)?;
        (row < self.rows).then_some(row)
    }

    fn column_at(&self, x: Pixels) -> Option<usize> {
        let along = f32::from(x - self.body().origin.x) + self.left;
        let after = self.edges.partition_point(|edge| *edge <= along);
        (after > 0 && after < self.edges.len()).then(|| after - 1)
    }

    fn hit_header(&self, at: Point<Pixels>) -> Hit {
        if at.x < self.body().origin.x {
            return Hit::Nothing;
        }
        let along = f32::from(at.x - self.body().origin.x) + self.left;
        let near = self.edges.partition_point(|edge| *edge < along - GRIP);
        let border = self.edges.get(near).copied();
        if near > 0 && border.is_some_and(|edge| (edge - along).abs() <= GRIP) {
            return Hit::Border(near - 1);
        }
        match self.column_at(at.x) {
            Some(column) => Hit::Header(column),
            None => Hit::Nothing,
        }
    }
}

fn thumb_length(track: f32, share: f64) -> f32 {
    (f64::from(track) * share).max(f64::from(SHORTEST_THUMB.min(track))) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn geometry() -> Geometry {
        Geometry {
            bounds: Bounds::new(point(px(100.0), px(50.0)), size(px(456.0), px(302.0))),
            header: px(42.0),
            numbers: px(56.0),
            row_height: px(26.0),
            edges: Rc::from([0.0, 100.0, 250.0, 300.0]),
            rows: 1_000,
            scroll: Scroll::default(),
            left: 0.0,
        }
    }

    fn at(x: f32, y: f32) -> Point<Pixels> {
        point(px(x), px(y))
    }

    #[test]
    fn a_point_finds_its_cell() {
        let geometry = geometry();
        assert_eq!(geometry.hit(at(157.0, 93.0)), Hit::Cell { row: 0, column: 0 });
        assert_eq!(geometry.hit(at(270.0, 93.0 + 26.0)), Hit::Cell { row: 1, column: 1 });
        assert_eq!(geometry.hit(at(110.0, 93.0)), Hit::RowNumber(0));
        assert_eq!(geometry.hit(at(480.0, 93.0)), Hit::Nothing);
        assert_eq!(geometry.hit(at(200.0, 60.0)), Hit::Header(0));
        assert_eq!(geometry.hit(at(258.0, 60.0)), Hit::Border(0));
        assert_eq!(geometry.hit(at(405.0, 60.0)), Hit::Border(1));
        assert_eq!(geometry.hit(at(10.0, 60.0)), Hit::Nothing);
    }

    #[test]
    fn a_scrolled_point_finds_the_row_that_is_painted_there() {
        let mut geometry = geometry();
        geometry.scroll = Scroll { row: 500, within: 0.5 };
        let middle = geometry.cell(503, 1).center();
        assert_eq!(geometry.hit(middle), Hit::Cell { row: 503, column: 1 });
        assert_eq!(geometry.visible_rows(), 500..511);
    }

    #[test]
    fn only_columns_in_view_are_visited() {
        let mut geometry = geometry();
        geometry.edges = (0..=500).map(|column| column as f32 * 100.0).collect();
        assert_eq!(geometry.visible_columns(), 0..4);
        geometry.left = 10_050.0;
        assert_eq!(geometry.visible_columns(), 100..105);
        geometry.left = geometry.left_max();
        assert_eq!(geometry.visible_columns(), 496..500);
    }

    #[test]
    fn revealing_a_column_scrolls_it_whole_into_view() {
        let mut geometry = geometry();
        geometry.edges = (0..=500).map(|column| column as f32 * 100.0).collect();
        assert_eq!(geometry.left_revealing(2), 0.0);
        assert_eq!(geometry.left_revealing(9), 600.0);
        geometry.left = 5_000.0;
        assert_eq!(geometry.left_revealing(3), 300.0);
    }

    #[test]
    fn a_dragged_thumb_reaches_both_ends() {
        let geometry = geometry();
        assert_eq!(geometry.scroll_for_thumb(px(-500.0)), Scroll::default());
        assert_eq!(geometry.scroll_for_thumb(px(5_000.0)), geometry.extent().last());
    }

    #[test]
    fn a_drag_outside_the_grid_finds_the_nearest_cell() {
        let geometry = geometry();
        assert_eq!(geometry.nearest_cell(at(0.0, 0.0)), Some((0, 0)));
        assert_eq!(geometry.nearest_cell(at(900.0, 900.0)), Some((9, 2)));
    }
}
