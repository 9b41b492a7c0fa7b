//! Where the grid is scrolled to, counted in rows. A pixel offset into a result of a hundred million
//! rows would not fit the screen's number type, so the row and the part of it stay apart.

/// The vertical position: the first visible row, and how much of it is scrolled away.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scroll {
    /// The first row of which any part is visible.
    pub row: u64,
    /// The share of that row above the edge, from 0 up to 1.
    pub within: f64,
}

/// What is scrolled: how many rows there are, and how many fit the view.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    /// Rows in the result.
    pub rows: u64,
    /// Rows that fit, with the part of a row at the end.
    pub visible: f64,
}

impl Extent {
    /// The lowest position: the last row ends at the lower edge.
    pub fn last(&self) -> Scroll {
        Scroll::ending_at(self.rows, self.visible)
    }
}

impl Scroll {
    /// The position at which the rows before `end` finish at the lower edge.
    pub fn ending_at(end: u64, visible: f64) -> Self {
        if end as f64 <= visible {
            return Self::default();
        }
        let whole = visible.floor();
        let part = visible - whole;
        let row = end - whole as u64;
        if part > 0.0 {
            Self { row: row - 1, within: 1.0 - part }
        } else {
            Self { row, within: 0.0 }
        }
    }

    /// The position with this row at the upper edge. What is shown decides how far it goes.
    pub fn at(row: u64) -> Self {
        Self { row, within: 0.0 }
    }

    /// This position, kept inside the extent.
    pub fn clamped(self, extent: Extent) -> Self {
        let last = extent.last();
        let beyond = self.row > last.row || (self.row == last.row && self.within > last.within);
        if beyond { last } else { self }
    }

    /// Moved by rows and parts of rows, down when positive, and kept inside the extent.
    pub fn moved(self, rows: f64, extent: Extent) -> Self {
        let within = self.within + rows;
        let carry = within.floor();
        if carry < 0.0 && (-carry) as u64 > self.row {
            return Self::default();
        }
        let row = if carry < 0.0 {
            self.row - (-carry) as u64
        } else {
            self.row.saturating_add(carry as u64)
        };
        Self { row, within: within - carry }.clamped(extent)
    }

    /// Moved no further than needed to show a row whole.
    pub fn revealing(self, row: u64, extent: Extent) -> Self {
        let above = row < self.row || (row == self.row && self.within > 0.0);
        if above {
            return Self { row, within: 0.0 }.clamped(extent);
        }
        let lowest = Self::ending_at(row.saturating_add(1), extent.visible);
        let below =
            lowest.row > self.row || (lowest.row == self.row && lowest.within > self.within);
        if below && extent.visible >= 1.0 { lowest.clamped(extent) } else { self.clamped(extent) }
    }

    /// How far down the result this is, from 0 to 1.
    pub fn fraction(self, extent: Extent) -> f64 {
        let last = extent.last();
        let whole = last.row as f64 + last.within;
        if whole <= 0.0 {
            return 0.0;
        }
        ((self.row as f64 + self.within) / whole).clamp(0.0, 1.0)
    }

    /// The position that lies this far down the result.
    pub fn at_fraction(fraction: f64, extent: Extent) -> Self {
        let last = extent.last();
        let target = fraction.clamp(0.0, 1.0) * (last.row as f64 + last.within);
        Self { row: target.floor() as u64, within: target - target.floor() }.clamped(extent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREEN: Extent = Extent { rows: 1_000_000, visible: 20.5 };

    #[test]
    fn a_result_that_fits_does_not_scroll() {
        let extent = Extent { rows: 14, visible: 20.5 };
        assert_eq!(Scroll::default().moved(9.0, extent), Scroll::default());
        assert_eq!(extent.last(), Scroll::default());
    }

    #[test]
    fn the_last_row_ends_at_the_lower_edge() {
        let end = Scroll::default().moved(1e12, SCREEN);
        assert_eq!(end.row, 999_979);
        assert_eq!(end.within, 0.5);
    }

    #[test]
    fn parts_of_rows_add_up_to_rows() {
        let mut scroll = Scroll::default();
        for _ in 0..10 {
            scroll = scroll.moved(0.25, SCREEN);
        }
        assert_eq!(scroll, Scroll { row: 2, within: 0.5 });
        assert_eq!(scroll.moved(-0.75, SCREEN), Scroll { row: 1, within: 0.75 });
        assert_eq!(scroll.moved(-7.0, SCREEN), Scroll::default());
    }

    #[test]
    fn revealing_moves_no_further_than_needed() {
        let top = Scroll::default();
        assert_eq!(top.revealing(5, SCREEN), top);
        let lower = top.revealing(20, SCREEN);
        assert_eq!(lower, Scroll { row: 0, within: 0.5 });
        assert_eq!(lower.revealing(0, SCREEN), top);
        let far = top.revealing(500_000, SCREEN);
        assert_eq!((far.row, far.within), (499_980, 0.5));
        assert_eq!(far.revealing(499_990, SCREEN), far);
    }

    #[test]
    fn one_row_still_moves_where_pixels_would_not_fit_a_float() {
        let extent = Extent { rows: 4_000_000_000, visible: 30.0 };
        let far = Scroll { row: 3_000_000_001, within: 0.0 };
        assert_eq!(far.moved(1.0, extent).row, 3_000_000_002);
        assert_eq!(far.moved(-1.0, extent).row, 3_000_000_000);
    }

    #[test]
    fn the_scrollbar_and_the_rows_agree_at_both_ends() {
        assert_eq!(Scroll::at_fraction(0.0, SCREEN), Scroll::default());
        assert_eq!(Scroll::at_fraction(1.0, SCREEN), SCREEN.last());
        let half = Scroll::at_fraction(0.5, SCREEN);
        assert!((half.fraction(SCREEN) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn fewer_rows_pull_the_view_back() {
        let end = SCREEN.last();
        let fewer = Extent { rows: 100, visible: 20.0 };
        assert_eq!(end.clamped(fewer), Scroll { row: 80, within: 0.0 });
    }
}
