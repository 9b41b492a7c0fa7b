//! A rectangle of cells: what is selected in the grid, copied, exported or summed.

use serde::{Deserialize, Serialize};

/// One cell's place in a result, both counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    pub row: u64,
    pub column: usize,
}

/// Rows and columns from the first one up to, and without, the last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    pub rows: std::ops::Range<u64>,
    pub columns: std::ops::Range<usize>,
}

impl Range {
    /// The rectangle that has these two cells as corners, whichever way it was drawn.
    pub fn between(anchor: Position, active: Position) -> Self {
        Self {
            rows: anchor.row.min(active.row)..anchor.row.max(active.row).saturating_add(1),
            columns: anchor.column.min(active.column)
                ..anchor.column.max(active.column).saturating_add(1),
        }
    }

    /// Everything in a result of this size.
    pub fn all(rows: u64, columns: usize) -> Self {
        Self { rows: 0..rows, columns: 0..columns }
    }

    /// The part that lies inside a result of this size.
    pub fn clamped(&self, rows: u64, columns: usize) -> Self {
        Self {
            rows: self.rows.start.min(rows)..self.rows.end.min(rows),
            columns: self.columns.start.min(columns)..self.columns.end.min(columns),
        }
    }

    /// Whether the cell lies inside.
    pub fn contains(&self, position: Position) -> bool {
        self.rows.contains(&position.row) && self.columns.contains(&position.column)
    }

    /// How many cells it has.
    pub fn cells(&self) -> u64 {
        let rows = self.rows.end.saturating_sub(self.rows.start);
        rows.saturating_mul(self.columns.len() as u64)
    }

    /// Whether it has no cell.
    pub fn is_empty(&self) -> bool {
        self.cells() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(row: u64, column: usize) -> Position {
        Position { row, column }
    }

    #[test]
    fn a_range_is_the_same_whichever_way_it_was_drawn() {
        let expected = Range { rows: 2..6, columns: 1..4 };
        for (anchor, active) in
            [(at(2, 1), at(5, 3)), (at(5, 3), at(2, 1)), (at(2, 3), at(5, 1)), (at(5, 1), at(2, 3))]
        {
            assert_eq!(Range::between(anchor, active), expected);
        }
        assert_eq!(expected.cells(), 12);
    }

    #[test]
    fn one_cell_is_a_range_of_one() {
        let range = Range::between(at(7, 2), at(7, 2));
        assert_eq!(range.cells(), 1);
        assert!(range.contains(at(7, 2)) && !range.contains(at(8, 2)) && !range.contains(at(7, 3)));
    }

    #[test]
    fn a_range_is_cut_to_the_result() {
        let range = Range { rows: 2..60, columns: 1..9 };
        assert_eq!(range.clamped(10, 3), Range { rows: 2..10, columns: 1..3 });
        assert!(range.clamped(1, 3).is_empty() && range.clamped(10, 0).is_empty());
        assert_eq!(Range::all(4, 2).cells(), 8);
    }

    #[test]
    fn no_position_overflows() {
        let last = at(u64::MAX, usize::MAX);
        assert_eq!(Range::between(at(0, 0), last).cells(), u64::MAX);
    }
}
