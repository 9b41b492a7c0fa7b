//! The grid: which columns, which rows, and each cell on its own when it is on screen.

use std::ops::Range;

use super::{Grid, GridCell, GridColumn, Span, Tone};
use crate::{
    rows::{Cell, show::display},
    update::{
        results::{ResultSet, ResultState},
        shell::sight::LETTER_TENTHS,
    },
};

/// What is left and right of a value, in logical pixels.
const CELL_PADDING: u32 = 22;
/// The width of one character of the grid's font, in tenths of a logical pixel.
const CHARACTER_TENTHS: u32 = 76;

impl Grid {
    /// How a column is shown; none outside the result.
    pub fn column(&self, column: usize) -> Option<GridColumn<'_>> {
        let described = self.rows.columns().get(column)?;
        Some(GridColumn {
            title: &described.name,
            type_name: &described.type_name,
            right_aligned: described.is_numeric(),
            width: self.width(column),
        })
    }

    /// How a cell is shown, cut to what its column has room for. Only that much of the value is looked at. Outside the
    /// result there is an empty cell.
    pub fn cell(&self, row: u64, column: usize) -> GridCell<'_> {
        let Some(cell) = self.rows.cell(row, column) else {
            return GridCell::default();
        };
        let text = display::line(cell, room(self.width(column)));
        let cut = match cell {
            Cell::Null => false,
            Cell::Value(bytes) => {
                let mark = display::CUT_MARK.to_string();
                text.ends_with(&mark) && !bytes.ends_with(mark.as_bytes())
            }
        };
        GridCell { text, null: cell.is_null(), cut }
    }

    fn width(&self, column: usize) -> u32 {
        self.widths.get(column).copied().unwrap_or_default()
    }
}

/// The columns of which any part is in sight, where so much of all of them is: each with its place and that part of it,
/// in logical pixels from its left edge.
pub(super) fn columns_in_sight<'grid>(
    grid: &'grid Grid,
    part: &Range<u64>,
) -> Vec<(usize, GridColumn<'grid>, Range<u64>)> {
    let mut right = 0;
    let mut columns = Vec::new();
    for place in 0..grid.rows.columns().len() {
        let Some(column) = grid.column(place) else {
            break;
        };
        let left = right;
        right += u64::from(column.width);
        let (from, to) = (part.start.max(left), part.end.min(right));
        if from < to {
            columns.push((place, column, from - left..to - left));
        }
    }
    columns
}

/// What of a text is in sight in a part of its column: the letters of which at least half is.
pub(super) fn text_in_sight(text: &str, column: &GridColumn<'_>, part: &Range<u64>) -> String {
    let width = u64::from(column.width);
    if *part == (0..width) {
        return text.to_owned();
    }
    let tenths = |pixels: u64| pixels * 10;
    let letter = LETTER_TENTHS;
    let padding = tenths(u64::from(CELL_PADDING) / 2);
    let long = display::text_width(text) as u64 * letter;
    let mut left =
        if column.right_aligned { tenths(width).saturating_sub(padding + long) } else { padding };
    let seen = tenths(part.start)..tenths(part.end);
    let is_seen = |character: &char| {
        let right = left + display::text_width(character.encode_utf8(&mut [0; 4])) as u64 * letter;
        let middle = left.midpoint(right);
        left = right;
        seen.contains(&middle)
    };
    text.chars().filter(is_seen).collect()
}

/// How many characters a column has room for. Widths are whole pixels, cut from tenths: the rest is given back.
fn room(width: u32) -> usize {
    let tenths = width.saturating_sub(CELL_PADDING) * 10 + 9;
    (tenths / CHARACTER_TENTHS).max(1) as usize
}

/// The grid over a result.
pub(super) fn grid(result: &ResultSet, stale: bool) -> Grid {
    let row_count = result.rows.len();
    let empty = match (&result.state, row_count) {
        (_, 1..) => None,
        (ResultState::Running, _) => Some("No rows yet"),
        (ResultState::Cancelling, _) => Some("Cancelling…"),
        _ => Some("No rows"),
    };
    let note = match &result.note {
        Some(note) => Some(Span::new(note, Tone::Warning)),
        None if stale => Some(Span::muted("These are the rows of the run before.")),
        None => None,
    };
    Grid {
        query: result.query,
        rows: result.rows.clone(),
        widths: result.grid.widths.clone(),
        first_row: result.grid.first_row,
        left: result.grid.columns.scrolled(),
        reveal: result.grid.reveal,
        active: (row_count > 0).then_some(result.grid.active),
        range: result.range(),
        stale,
        empty: empty.map(str::to_owned),
        note,
        strip: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_fitted_to_a_value_has_room_for_it() {
        for characters in 4..200 {
            let fitted = characters * CHARACTER_TENTHS / 10 + CELL_PADDING;
            assert_eq!(room(fitted), characters as usize);
        }
    }
}
