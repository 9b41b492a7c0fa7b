//! How values, numbers, sizes and times look on screen.

use std::borrow::Cow;
use std::time::Duration;

use crate::rows::hold::{
    chunk::{Cell, push_escaped_byte},
    held::Rows,
};

/// The mark for a line end inside a value.
pub const LINE_END_MARK: char = '↵';
/// The mark for a tab inside a value.
pub const TAB_MARK: char = '⇥';
/// The mark for a carriage return inside a value.
pub const CARRIAGE_RETURN_MARK: char = '␍';
/// The end of a truncated value.
pub const CUT_MARK: char = '…';
pub const NULL_TEXT: &str = "NULL";

/// A value as one line of the grid: at most so many characters, cut with `…`, with visible marks for line ends and
/// tabs, and with control characters and broken text escaped. Only the bytes shown are looked at, however long the
/// value is.
pub fn line(cell: Cell<'_>, characters_max: usize) -> Cow<'_, str> {
    let Cell::Value(bytes) = cell else {
        return Cow::Borrowed(NULL_TEXT);
    };
    let head = window(bytes, characters_max);
    match std::str::from_utf8(head) {
        Ok(text) if fits(text, characters_max) => Cow::Borrowed(text),
        _ => Cow::Owned(marked_line(head, characters_max)),
    }
}

/// A value whole, for the inspector: line ends and tabs as they are, anything else that can't be seen escaped.
pub fn whole(cell: Cell<'_>) -> Cow<'_, str> {
    match cell {
        Cell::Null => Cow::Borrowed(NULL_TEXT),
        Cell::Value(_) => match cell.text() {
            Cow::Borrowed(text) => printable(text),
            Cow::Owned(text) => Cow::Owned(printable(&text).into_owned()),
        },
    }
}

/// A text with line ends and tabs as they are, and everything else invisible escaped, so that a terminal only shows it.
pub fn printable(text: &str) -> Cow<'_, str> {
    let kept = |character: char| matches!(character, '\n' | '\t') || !needs_escape(character);
    if text.chars().all(kept) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if kept(character) { escaped.push(character) } else { escaped.extend(escape(character)) }
    }
    Cow::Owned(escaped)
}

/// A column's preferred width in characters: its header's lines, and its values in the first rows, each counted up to a
/// limit. Wide characters (Chinese, emoji) count as two.
pub fn column_width(rows: &Rows, column: usize, rows_sampled: u64, characters_max: usize) -> usize {
    let header = rows.columns().get(column);
    let header =
        header.map_or(0, |column| text_width(&column.name).max(text_width(&column.type_name)));
    let mut width = header.min(characters_max);
    for (chunk, part) in rows.pieces(0..rows_sampled) {
        for row in part {
            if width == characters_max {
                return width;
            }
            let value = text_width(&line(chunk.cell(row, column), characters_max));
            width = width.max(value.min(characters_max));
        }
    }
    width
}

/// How many characters of the grid's monospaced font a text takes: two for wide ones, none for combining ones.
pub fn text_width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().map(character_width).sum() }
}

/// A count with separators: `1,284,096`.
pub fn grouped(number: u64) -> String {
    grouped_digits(&number.to_string())
}

/// A number of things, with separators: `1 row`, `1,284,096 rows`.
pub fn counted(count: u64, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", grouped(count))
}

/// The same with its verb, for one and for more: `1 row is`, `2 rows are`.
pub fn counted_with(count: u64, thing: &str, [one, more]: [&str; 2]) -> String {
    let verb = if count == 1 { one } else { more };
    format!("{} {verb}", counted(count, thing))
}

/// A decimal number's text with separators in its whole part: `-914,020.71`. Other text stays as it is.
pub fn grouped_decimal(number: &str) -> String {
    let (sign, rest) = match number.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", number),
    };
    let whole = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, fraction) = rest.split_at(whole);
    format!("{sign}{}{fraction}", grouped_digits(whole))
}

/// A size in PostgreSQL's units, each 1,024 of the one before: `999 B`, `1.5 kB`, `61 MB`, `2.4 GB`.
pub fn bytes_text(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1_024 {
        return format!("{bytes} B");
    }
    let power = (bytes.ilog2() / 10) as usize;
    let unit = UNITS[power - 1];
    // Cut, never rounded up: nothing is shown as larger than it is.
    let tenths = (u128::from(bytes) * 10) >> (power * 10);
    match tenths {
        0..100 if !tenths.is_multiple_of(10) => format!("{}.{} {unit}", tenths / 10, tenths % 10),
        _ => format!("{} {unit}", tenths / 10),
    }
}

/// A time that something took: `0.4 ms`, `38 ms`, `2.4 s`, `01:02.3`, `1:02:03`. Cut, never rounded up.
pub fn duration_text(duration: Duration) -> String {
    let (milliseconds, seconds) = (duration.as_millis(), duration.as_secs());
    let tenths = duration.subsec_millis() / 100;
    match seconds {
        0 if milliseconds == 0 => format!("0.{} ms", duration.as_micros() / 100),
        0 => format!("{milliseconds} ms"),
        1..60 => format!("{seconds}.{tenths} s"),
        60..3_600 => format!("{:02}:{:02}.{tenths}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60),
    }
}

// A character has at most four bytes: this many bytes hold one character more than is shown, or the whole value.
fn window(bytes: &[u8], characters_max: usize) -> &[u8] {
    let window_bytes = characters_max.saturating_mul(4).saturating_add(4);
    bytes.get(..window_bytes).unwrap_or(bytes)
}

fn fits(text: &str, characters_max: usize) -> bool {
    let short = text.len() <= characters_max || text.chars().count() <= characters_max;
    short && !text.chars().any(needs_escape)
}

fn marked_line(head: &[u8], characters_max: usize) -> String {
    let mut shown =
        Shown { text: String::with_capacity(head.len() + 8), characters: 0, characters_max };
    for part in head.utf8_chunks() {
        let mut characters = part.valid().chars().peekable();
        while let Some(character) = characters.next() {
            let piece = match character {
                // A line end of two characters is still one line end.
                '\r' if characters.next_if_eq(&'\n').is_some() => String::from(LINE_END_MARK),
                '\r' => String::from(CARRIAGE_RETURN_MARK),
                '\n' => String::from(LINE_END_MARK),
                '\t' => String::from(TAB_MARK),
                _ if needs_escape(character) => escape(character).collect(),
                _ => {
                    if !shown.push(character.encode_utf8(&mut [0; 4]), 1) {
                        return shown.cut();
                    }
                    continue;
                }
            };
            if !shown.push(&piece, piece.chars().count()) {
                return shown.cut();
            }
        }
        for &byte in part.invalid() {
            let mut piece = String::new();
            push_escaped_byte(&mut piece, byte);
            if !shown.push(&piece, piece.len()) {
                return shown.cut();
            }
        }
    }
    shown.text
}

/// A line being written.
struct Shown {
    text: String,
    characters: usize,
    characters_max: usize,
}

impl Shown {
    /// Appends a piece that is never shown in part; false when there is no room for it.
    fn push(&mut self, piece: &str, characters: usize) -> bool {
        if self.characters + characters > self.characters_max {
            return false;
        }
        self.characters += characters;
        self.text.push_str(piece);
        true
    }

    fn cut(mut self) -> String {
        if self.characters == self.characters_max {
            self.text.pop();
        }
        if self.characters_max > 0 {
            self.text.push(CUT_MARK);
        }
        self.text
    }
}

// Control characters break the line; marks that change the direction of text, and spaces of no width, would show
// something other than the value. Joiners stay, because scripts and emoji need them.
fn needs_escape(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn escape(character: char) -> impl Iterator<Item = char> {
    let code = u32::from(character);
    let text = if code < 0x80 { format!("\\x{code:02x}") } else { format!("\\u{{{code:x}}}") };
    text.chars().collect::<Vec<_>>().into_iter()
}

fn grouped_digits(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

// An estimate from the blocks that terminals treat as wide or as combining; the font has the last word.
fn character_width(character: char) -> usize {
    match u32::from(character) {
        0x0300..=0x036f | 0x200b..=0x200f | 0x20d0..=0x20ff | 0xfe00..=0xfe0f | 0xfe20..=0xfe2f => {
            0
        }
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe4f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f680..=0x1f6ff
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::samples::{Generator, rows_of};

    fn shown(value: &[u8], characters_max: usize) -> String {
        line(Cell::Value(value), characters_max).into_owned()
    }

    #[test]
    fn a_short_plain_value_is_shown_as_it_is_and_not_copied() {
        for value in ["", "abc", "éééééééééé", "1234567890"] {
            assert!(
                matches!(line(Cell::Value(value.as_bytes()), 10), Cow::Borrowed(text) if text == value)
            );
        }
        assert_eq!(line(Cell::Null, 10), "NULL");
    }

    #[test]
    fn a_long_value_is_cut_with_a_mark_to_the_very_character() {
        assert_eq!(shown(b"12345678901", 10), "123456789…");
        assert_eq!(shown("ééééé".as_bytes(), 5), "ééééé");
        assert_eq!(shown("éééééé".as_bytes(), 5), "éééé…");
        assert_eq!(shown("𝄞𝄞𝄞𝄞".as_bytes(), 3), "𝄞𝄞…");
        assert_eq!(shown(b"ab", 1), "…");
        assert_eq!(shown(b"a", 0), "");
    }

    #[test]
    fn line_ends_and_tabs_are_visible_and_controls_escaped() {
        assert_eq!(shown(b"a\nb\tc\r\nd\re", 20), "a↵b⇥c↵d␍e");
        assert_eq!(shown(b"\x1b[0m\x7f", 20), "\\x1b[0m\\x7f");
        assert_eq!(
            shown("\u{85}x\u{202e}y\u{2028}\u{feff}".as_bytes(), 60),
            "\\u{85}x\\u{202e}y\\u{2028}\\u{feff}"
        );
        assert_eq!(shown("👩\u{200d}💻".as_bytes(), 60), "👩\u{200d}💻");
        assert_eq!(shown(b"ok\xff\xc3(", 20), "ok\\xff\\xc3(");
    }

    #[test]
    fn an_escape_is_never_cut_in_two() {
        assert_eq!(shown(b"abc\x01d", 5), "abc…");
        assert_eq!(shown(b"abc\x01", 7), "abc\\x01");
        assert_eq!(shown(b"abc\xffx", 6), "abc…");
    }

    #[test]
    fn a_giant_value_is_not_scanned() {
        let value = vec![b'x'; 1 << 20];
        assert_eq!(window(&value, 4).len(), 20);
        assert_eq!(shown(&value, 4), "xxx…");
        // A character cut by the window itself does not show as invalid.
        assert_eq!(shown(format!("a{}", "𝄞".repeat(50)).as_bytes(), 6), "a𝄞𝄞𝄞𝄞…");
    }

    #[test]
    fn no_line_is_longer_than_asked_or_holds_a_control() {
        let mut generator = Generator::new(9);
        for _ in 0..3000 {
            let Some(value) = generator.cell() else {
                continue;
            };
            let limit = 1 + generator.below(40);
            let text = shown(&value, limit);
            assert!(text.chars().count() <= limit && !text.chars().any(char::is_control), "{text}");
            let complete = shown(&value, 10_000);
            let uncut = complete.chars().count() <= limit;
            assert_eq!(text == complete, uncut, "{text} {complete}");
            assert!(
                uncut || complete.starts_with(text.strip_suffix(CUT_MARK).unwrap()),
                "{text} {complete}"
            );
        }
    }

    #[test]
    fn a_whole_value_keeps_its_lines() {
        assert_eq!(whole(Cell::Value(b"a\n\tb\x01\xff\r\n")), "a\n\tb\\x01\\xff\\x0d\n");
        assert!(matches!(whole(Cell::Value(b"plain\n")), Cow::Borrowed("plain\n")));
        assert_eq!(whole(Cell::Null), "NULL");
    }

    #[test]
    fn a_column_is_as_wide_as_its_widest_sampled_text() {
        let cells: [&[Option<&[u8]>]; 4] = [
            &[Some(b"abcdefghi")],
            &[Some("日本語日本語".as_bytes())],
            &[None],
            &[Some(b"0123456789abcdefghij")],
        ];
        let rows = rows_of(&[("name", 25)], &cells);
        assert_eq!(column_width(&rows, 0, 1, 50), 9);
        assert_eq!(column_width(&rows, 0, 3, 50), 12);
        assert_eq!(column_width(&rows, 0, 9, 50), 20);
        assert_eq!(column_width(&rows, 0, 9, 15), 15);
        assert_eq!(column_width(&rows, 0, 0, 50), 4);
        assert_eq!(column_width(&rows_of(&[("t", 1184)], &[]), 0, 9, 50), "timestamptz".len());
        assert_eq!(column_width(&rows, 7, 0, 50), 0);
    }

    #[test]
    fn counts_have_separators() {
        let texts = [0, 7, 999, 1_000, 1_284_096, u64::MAX].map(grouped);
        assert_eq!(texts, ["0", "7", "999", "1,000", "1,284,096", "18,446,744,073,709,551,615"]);
        let texts =
            ["914020.71", "-1234.5678", "-999", "NaN", "1e+300", "0.12345"].map(grouped_decimal);
        assert_eq!(texts, ["914,020.71", "-1,234.5678", "-999", "NaN", "1e+300", "0.12345"]);
    }

    #[test]
    fn sizes_have_units() {
        for (bytes, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_023, "1023 B"),
            (1 << 10, "1 kB"),
            (1_600, "1.5 kB"),
            (10_239, "9.9 kB"),
            (11_263, "10 kB"),
            ((1 << 20) - 1, "1023 kB"),
            (1 << 20, "1 MB"),
            (64_000_000, "61 MB"),
            (512 << 20, "512 MB"),
            (2_600_000_000, "2.4 GB"),
            (u64::MAX, "15 EB"),
        ] {
            assert_eq!(bytes_text(bytes), expected);
        }
    }

    #[test]
    fn durations_read_as_people_say_them() {
        for (microseconds, expected) in [
            (0, "0.0 ms"),
            (480, "0.4 ms"),
            (1_900, "1 ms"),
            (38_000, "38 ms"),
            (999_999, "999 ms"),
            (2_400_000, "2.4 s"),
            (59_999_999, "59.9 s"),
            (62_300_000, "01:02.3"),
            (3_599_999_999, "59:59.9"),
            (3_723_900_000, "1:02:03"),
        ] {
            assert_eq!(duration_text(Duration::from_micros(microseconds)), expected);
        }
    }
}
