//! Count, sum and average of selected cells, with every digit exact.
//!
//! Most numbers have few digits: they are added up as 128-bit integers, one total for each number of decimals, and
//! only longer ones go through decimal arithmetic. A total of 18-digit numbers can't overflow 128 bits before there
//! are 10^20 of them.

use std::num::NonZeroU64;

use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, RoundingMode, Zero};
use serde::{Deserialize, Serialize};

use super::display::{counted, grouped, grouped_decimal};
use crate::rows::hold::{chunk::Chunk, held::Rows, range::Range};

/// The most digits of a number that is added up as an integer.
const DIGITS_MAX: usize = 18;
/// The decimals of PostgreSQL's numbers; negative ones are the zeros of a float's exponent. Numbers beyond would make a
/// sum of any length.
const DECIMALS: std::ops::RangeInclusive<i64> = -400..=16_383;
/// How many rows to add up between checks whether anybody still waits for the answer.
const ROWS_BETWEEN_CHECKS: usize = 4_096;
/// A number of more digits than this is shown rounded, or with an exponent.
const SHOWN_DIGITS_MAX: usize = 18;
/// The significant digits of a number that is shown with an exponent.
const SHOWN_SIGNIFICANT_DIGITS: NonZeroU64 = NonZeroU64::MIN.saturating_add(14);
/// The fewest decimals of an average that has any.
const AVERAGE_DECIMALS: i64 = 2;

/// What the status bar shows about selected cells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The cells selected.
    pub cells: u64,
    /// Those that are not NULL.
    pub not_null: u64,
    /// Those that are numbers: of an integer, float or numeric column, and not NULL.
    pub numbers: u64,
    /// The numbers' exact sum as PostgreSQL would write a numeric, or `NaN`, `Infinity`, `-Infinity`; none without
    /// numbers.
    pub sum: Option<String>,
    /// The numbers' average, rounded to the sum's decimals, and at least to two where it is not whole.
    pub average: Option<String>,
}

impl Summary {
    /// The line of the status bar: `10 cells · sum 914,020.71 · avg 91,402.07`.
    pub fn text(&self) -> String {
        let mut text = counted(self.cells, "cell");
        let nulls = self.cells - self.not_null.min(self.cells);
        if nulls > 0 {
            text += &format!(" · {} null", grouped(nulls));
        }
        if let (Some(sum), Some(average)) = (&self.sum, &self.average) {
            text += &format!(" · sum {} · avg {}", shown_number(sum), shown_number(average));
        }
        text
    }
}

/// Counts and adds up the cells in the range; none once it is cancelled. Takes time in proportion to the range, so run
/// it on a thread of its own.
pub fn summarise(rows: &Rows, range: &Range, cancelled: &dyn Fn() -> bool) -> Option<Summary> {
    let range = range.clamped(rows.len(), rows.columns().len());
    let mut not_null = 0;
    let mut total = Total::default();
    for (chunk, part) in rows.pieces(range.rows.clone()) {
        for start in part.clone().step_by(ROWS_BETWEEN_CHECKS) {
            let part = start..part.end.min(start + ROWS_BETWEEN_CHECKS);
            for column in range.columns.clone() {
                if cancelled() {
                    return None;
                }
                let is_number = rows.columns().get(column).is_some_and(|column| column.is_number());
                not_null +=
                    add_column(chunk, part.clone(), column, is_number.then_some(&mut total));
            }
        }
    }
    let (sum, average) = total.finish().unzip();
    Some(Summary { cells: range.cells(), not_null, numbers: total.numbers, sum, average })
}

fn add_column(
    chunk: &Chunk,
    rows: std::ops::Range<usize>,
    column: usize,
    total: Option<&mut Total>,
) -> u64 {
    let values = rows.filter_map(|row| chunk.cell(row, column).bytes());
    match total {
        None => values.count() as u64,
        Some(total) => values.map(|bytes| total.add(bytes)).count() as u64,
    }
}

/// The numbers added up so far.
#[derive(Default)]
struct Total {
    numbers: u64,
    /// The total of the numbers with 0, 1, 2, … decimals, in units of their last decimal.
    short: [i128; DIGITS_MAX + 1],
    /// The most decimals seen, also in zeros: a sum of prices has two.
    decimals: i64,
    long: BigDecimal,
    not_a_number: bool,
    infinity: bool,
    minus_infinity: bool,
}

impl Total {
    fn add(&mut self, bytes: &[u8]) {
        if let Some((units, decimals)) = short_number(bytes) {
            self.short[decimals] += i128::from(units);
            self.decimals = self.decimals.max(decimals as i64);
            self.numbers += 1;
            return;
        }
        match bytes {
            b"NaN" => self.not_a_number = true,
            b"Infinity" => self.infinity = true,
            b"-Infinity" => self.minus_infinity = true,
            _ => {
                // Only a changed recording has what PostgreSQL would not write as a number: it is not counted.
                let text = std::str::from_utf8(bytes).ok();
                let number = text.and_then(|text| text.parse::<BigDecimal>().ok());
                let Some(number) =
                    number.filter(|number| DECIMALS.contains(&number.fractional_digit_count()))
                else {
                    return;
                };
                self.decimals = self.decimals.max(number.fractional_digit_count());
                self.long += number;
            }
        }
        self.numbers += 1;
    }

    fn finish(&self) -> Option<(String, String)> {
        let count = NonZeroU64::new(self.numbers)?;
        let special = match (self.not_a_number, self.infinity, self.minus_infinity) {
            (true, _, _) | (_, true, true) => Some("NaN"),
            (_, true, false) => Some("Infinity"),
            (_, false, true) => Some("-Infinity"),
            (false, false, false) => None,
        };
        if let Some(special) = special {
            return Some((special.to_owned(), special.to_owned()));
        }
        let mut sum = self.long.clone();
        for (decimals, units) in (0_i64..).zip(self.short) {
            if units != 0 {
                sum += BigDecimal::new(BigInt::from(units), decimals);
            }
        }
        let sum = sum.with_scale(self.decimals.max(0));
        Some((sum.to_plain_string(), average(&sum, count.get()).to_plain_string()))
    }
}

/// A number of few digits and no exponent, as its digits and how many of them are decimals.
fn short_number(bytes: &[u8]) -> Option<(i64, usize)> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    if digits.is_empty() || digits.len() > DIGITS_MAX {
        return None;
    }
    let mut units = 0_i64;
    let mut point = None;
    for (position, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => units = units * 10 + i64::from(byte - b'0'),
            b'.' if point.is_none() && digits.len() > 1 => point = Some(position),
            _ => return None,
        }
    }
    let decimals = point.map_or(0, |point| digits.len() - point - 1);
    Some((if digits.len() < bytes.len() { -units } else { units }, decimals))
}

fn average(sum: &BigDecimal, count: u64) -> BigDecimal {
    let scale = sum.fractional_digit_count();
    let kept = scale.max(AVERAGE_DECIMALS);
    // One division of whole numbers, rounded half away from zero as PostgreSQL rounds, so that no digit is guessed.
    let (units, _) = sum.with_scale(kept).into_bigint_and_exponent();
    let twice: BigInt = units * 2;
    let count = BigInt::from(count);
    let half = if twice < BigInt::zero() { -&count } else { count.clone() };
    let rounded = BigDecimal::new((twice + half) / (count * 2), kept);
    if rounded.with_scale_round(scale, RoundingMode::Down) == rounded {
        return rounded.with_scale(scale);
    }
    rounded
}

// The status bar has room for a number that a user can read; a rounded one says so.
fn shown_number(number: &str) -> String {
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    if digits <= SHOWN_DIGITS_MAX {
        return grouped_decimal(number);
    }
    let Ok(exact) = number.parse::<BigDecimal>() else {
        return number.to_owned();
    };
    let whole =
        number.bytes().skip_while(|byte| *byte == b'-').take_while(u8::is_ascii_digit).count();
    let decimals = SHOWN_DIGITS_MAX.saturating_sub(whole) as i64;
    let rounded = exact.with_scale_round(decimals, RoundingMode::HalfUp).normalized();
    let (shown, text) = if whole <= SHOWN_DIGITS_MAX && !rounded.is_zero() {
        let text = grouped_decimal(&rounded.to_plain_string());
        (rounded, text)
    } else {
        let rounded =
            exact.with_precision_round(SHOWN_SIGNIFICANT_DIGITS, RoundingMode::HalfUp).normalized();
        let text = rounded.to_scientific_notation();
        // PostgreSQL writes a sign before every exponent.
        let text = if text.contains("e-") { text } else { text.replace('e', "e+") };
        (rounded, text)
    };
    if shown == exact { text } else { format!("≈ {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::samples::{Generator, rows_of};

    fn summary_of(oid: u32, values: &[Option<&str>]) -> Summary {
        let cells = values.iter().map(|value| [value.map(str::as_bytes)]).collect::<Vec<_>>();
        let cells = cells.iter().map(|row| row.as_slice()).collect::<Vec<_>>();
        let rows = rows_of(&[("n", oid)], &cells);
        summarise(&rows, &Range::all(rows.len(), 1), &|| false).unwrap()
    }

    fn sum_and_average(oid: u32, values: &[&str]) -> (String, String) {
        let values = values.iter().map(|value| Some(*value)).collect::<Vec<_>>();
        let summary = summary_of(oid, &values);
        (summary.sum.unwrap(), summary.average.unwrap())
    }

    #[test]
    fn the_status_bar_tells_count_sum_and_average() {
        let summary = summary_of(1700, &[Some("914000.70"), Some("20.01"), None]);
        let expected = Summary {
            cells: 3,
            not_null: 2,
            numbers: 2,
            sum: Some(String::from("914020.71")),
            average: Some(String::from("457010.36")),
        };
        assert_eq!(summary, expected);
        assert_eq!(summary.text(), "3 cells · 1 null · sum 914,020.71 · avg 457,010.36");
    }

    #[test]
    fn text_is_counted_and_not_added_up() {
        let summary = summary_of(25, &[Some("1"), Some(""), None]);
        assert_eq!((summary.cells, summary.not_null, summary.numbers), (3, 2, 0));
        assert_eq!((&summary.sum, &summary.average), (&None, &None));
        assert_eq!(summary.text(), "3 cells · 1 null");
        assert_eq!(summary_of(26, &[Some("1")]).text(), "1 cell");
        assert_eq!(summary_of(23, &[None, None]).text(), "2 cells · 2 null");
    }

    #[test]
    fn sums_are_exact_where_floats_are_not() {
        for (oid, values, sum, average) in [
            (1700, &["0.1", "0.2"][..], "0.3", "0.15"),
            (23, &["1", "2"], "3", "1.50"),
            (23, &["1", "2", "3"], "6", "2"),
            (23, &["-1", "-1", "-3"], "-5", "-1.67"),
            (23, &["1", "1", "3"], "5", "1.67"),
            (1700, &["1.00", "-1.00"], "0.00", "0.00"),
            (1700, &["0.125", "0.000"], "0.125", "0.063"),
            (1700, &["-0.125", "0.000"], "-0.125", "-0.063"),
            (
                20,
                &["9223372036854775807", "9223372036854775807"],
                "18446744073709551614",
                "9223372036854775807",
            ),
            (
                1700,
                &["12345678901234567890.123456789", "0.1"],
                "12345678901234567890.223456789",
                "6172839450617283945.111728395",
            ),
            (701, &["1e+20", "1"], "100000000000000000001", "50000000000000000000.50"),
            (701, &["1.5e-07", "1e-07"], "0.00000025", "0.00000013"),
            (701, &["-0", "5"], "5", "2.50"),
        ] {
            assert_eq!(
                sum_and_average(oid, values),
                (sum.to_owned(), average.to_owned()),
                "{values:?}"
            );
        }
    }

    #[test]
    fn what_is_not_finite_makes_the_sum_so() {
        for (values, expected) in [
            (&["1", "NaN"][..], "NaN"),
            (&["1", "Infinity"], "Infinity"),
            (&["-Infinity", "1"], "-Infinity"),
            (&["Infinity", "-Infinity"], "NaN"),
        ] {
            assert_eq!(sum_and_average(701, values), (expected.to_owned(), expected.to_owned()));
        }
        assert_eq!(summary_of(701, &[Some("NaN")]).text(), "1 cell · sum NaN · avg NaN");
    }

    #[test]
    fn what_is_no_number_in_a_column_of_numbers_is_not_counted_as_one() {
        for value in ["", "-", ".", "1.2.3", "x", "1x", "1e999999999", "1e-999999999"] {
            let summary = summary_of(23, &[Some(value), Some("4")]);
            assert_eq!((summary.not_null, summary.numbers), (2, 1), "{value}");
            assert_eq!(summary.sum.as_deref(), Some("4"), "{value}");
        }
    }

    #[test]
    fn a_sum_of_random_numbers_is_the_sum_in_whole_units() {
        let mut generator = Generator::new(21);
        for _ in 0..50 {
            let units = (0..generator.below(50) + 1)
                .map(|_| generator.below(2_000_000_000) as i64 - 1_000_000_000);
            let units = units.collect::<Vec<_>>();
            let text = |unit: &i64| {
                let sign = if *unit < 0 { "-" } else { "" };
                format!("{sign}{}.{:03}", unit.abs() / 1000, unit.abs() % 1000)
            };
            let texts = units.iter().map(text).collect::<Vec<_>>();
            let texts = texts.iter().map(String::as_str).collect::<Vec<_>>();
            assert_eq!(sum_and_average(1700, &texts).0, text(&units.iter().sum()));
        }
    }

    #[test]
    fn a_number_too_long_to_read_is_shown_with_an_exponent() {
        let summary = summary_of(701, &[Some("1.25e+300")]);
        assert_eq!(summary.sum.as_ref().map(String::len), Some(301));
        assert_eq!(summary.text(), "1 cell · sum 1.25e+300 · avg 1.25e+300");
        let floats = summary_of(701, &[Some("1234.56789012345678"), Some("-0.00000000000000001")]);
        assert_eq!(floats.text(), "2 cells · sum ≈ 1,234.56789012345678 · avg 617.28394506172839");
        let long = summary_of(1700, &[Some("-1234567890123456789012.50")]);
        assert_eq!(
            long.text(),
            "1 cell · sum ≈ -1.23456789012346e+21 · avg ≈ -1.23456789012346e+21"
        );
        let tiny = summary_of(701, &[Some("1e-300")]);
        assert_eq!(tiny.text(), "1 cell · sum 1e-300 · avg 1e-300");
    }

    #[test]
    fn only_the_range_is_added_up_over_all_its_columns() {
        let rows = rows_of(
            &[("a", 23), ("t", 25), ("b", 1700)],
            &[
                &[Some(b"1"), Some(b"x"), Some(b"0.5")],
                &[Some(b"2"), None, Some(b"0.5")],
                &[Some(b"4"), Some(b"z"), None],
                &[Some(b"8"), Some(b"z"), Some(b"9")],
            ],
        );
        let summary = summarise(&rows, &Range { rows: 1..3, columns: 0..3 }, &|| false).unwrap();
        assert_eq!(summary.text(), "6 cells · 2 null · sum 6.5 · avg 2.17");
        let beyond = summarise(&rows, &Range { rows: 3..90, columns: 2..90 }, &|| false).unwrap();
        assert_eq!(beyond.text(), "1 cell · sum 9 · avg 9");
    }

    #[test]
    fn a_cancelled_summary_is_none_and_stops_early() {
        let row: [Option<&[u8]>; 1] = [Some(b"1")];
        let cells = vec![row.as_slice(); 100];
        let rows = rows_of(&[("n", 23)], &cells);
        let asked = std::cell::Cell::new(0);
        let cancelled = || {
            asked.set(asked.get() + 1);
            asked.get() > 3
        };
        assert_eq!(summarise(&rows, &Range::all(100, 1), &cancelled), None);
        assert_eq!(asked.get(), 4);
    }
}
