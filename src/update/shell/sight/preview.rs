//! A run that is shown beside the list that it is chosen in: the rows that there is room for, broken here, so that what
//! is written is what is seen.

use std::borrow::Cow;

use crate::rows::show::display;

/// Heights in logical pixels at 100 %: a row, what is around the text with what can be done, the words under it.
const ROW: u64 = 19;
const AROUND: u64 = 1 + 16 + 6 + ROW;
const MORE: u64 = 6 + ROW;
/// A letter's width, in tenths.
const LETTER_TENTHS: u64 = 69;
/// At the sides.
const BESIDE: u64 = 28 + 2;
/// At most so many rows are shown.
const ROWS: u64 = 12;
/// A line is shown up to so many characters.
const CHARACTERS: usize = 200;
/// So much of it is looked at.
const BYTES: usize = 32_768;

/// What of a run is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    pub rows: Vec<String>,
    /// What is not shown of it.
    pub more: Option<More>,
}

/// What is not shown of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// So many lines.
    Lines(u64),
    /// Nobody counted it.
    Uncounted,
}

impl Preview {
    /// A run in so much room, in logical pixels at 100 %.
    pub fn of(sql: &str, width: u64, height: u64) -> Self {
        let sql = sql.trim();
        let head = &sql[..floor(sql, BYTES)];
        let is_cut = head.len() < sql.len();
        let columns = (width.saturating_sub(BESIDE) * 10 / LETTER_TENTHS).max(1) as usize;
        // A row is whole pixels high: at some sizes that is a little more.
        let fit = |around: u64| (height.saturating_sub(around) / (ROW + 1)).clamp(1, ROWS) as usize;
        // One row more than there is room for shows that it is not all.
        let (rows, _) = broken(head, columns, fit(AROUND) + 1);
        if rows.len() <= fit(AROUND) && !is_cut {
            return Self { rows, more: None };
        }
        let (rows, whole) = broken(head, columns, fit(AROUND + MORE));
        let more = if is_cut {
            More::Uncounted
        } else {
            More::Lines((head.lines().count() - whole) as u64)
        };
        Self { rows, more: Some(more) }
    }

    /// How high it is, with what is around it.
    pub fn height(&self) -> u64 {
        let more = if self.more.is_some() { MORE } else { 0 };
        AROUND + more + ROW * self.rows.len() as u64
    }
}

/// The last boundary between characters up to a place.
fn floor(text: &str, at: usize) -> usize {
    let mut end = text.len().min(at);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

/// A text's lines in rows of at most so many columns, and how many lines are whole in them.
fn broken(text: &str, columns: usize, rows_max: usize) -> (Vec<String>, usize) {
    let mut rows = Vec::new();
    for (whole, line) in text.lines().enumerate() {
        let mut rest = match line.char_indices().nth(CHARACTERS) {
            Some((end, _)) => Cow::from(format!("{}…", &line[..end])),
            None => Cow::from(line),
        };
        loop {
            if rows.len() == rows_max {
                return (rows, whole);
            }
            let end = row_end(&rest, columns);
            rows.push(rest[..end].trim_end().to_owned());
            let left = rest[end..].trim_start();
            if left.is_empty() {
                break;
            }
            rest = left.to_owned().into();
        }
    }
    let whole = text.lines().count();
    (rows, whole)
}

/// Where the first row of a line ends: behind the last blank that fits, if there is one.
fn row_end(line: &str, columns: usize) -> usize {
    let mut width = 0;
    let mut blank = None;
    for (at, character) in line.char_indices() {
        width += display::text_width(character.encode_utf8(&mut [0; 4]));
        if width > columns && at > 0 {
            return blank.unwrap_or(at);
        }
        if character == ' ' && !line[..at].trim_start().is_empty() {
            blank = Some(at + 1);
        }
    }
    line.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_broken_where_words_end_and_what_is_left_is_counted() {
        // Ten letters wide.
        let width = BESIDE + 69;
        let rows = |sql: &str, height| Preview::of(sql, width, height);
        let whole = rows("select one, two\n\n  from verylongtable\n", 1_000);
        let expected = ["select", "one, two", "", "  from", "verylongta", "ble"];
        assert_eq!(whole.rows, expected);
        assert_eq!((whole.more, whole.height()), (None, AROUND + 6 * ROW));
        let cut = rows("select one, two\n\n  from verylongtable\n", AROUND + 5 * (ROW + 1));
        assert_eq!(cut.rows, expected[..3]);
        assert_eq!(cut.more, Some(More::Lines(1)));
        assert!(cut.height() <= AROUND + 5 * (ROW + 1));
        let long = rows(&"x;\n".repeat(20_000), 1_000);
        assert_eq!((long.rows.len(), long.more), (12, Some(More::Uncounted)));
        assert_eq!(rows("é", 0).rows, ["é"]);
        assert_eq!(rows("", 0).rows, Vec::<String>::new());
    }
}
