//! The data of COPY … FROM STDIN: their lines, where they end, and where in them an error is.

use std::ops::Range;

use crate::sql::read::lex::{self, TokenKind};

/// A line of data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Without its line break. The carriage return before that belongs to it.
    pub content: Range<usize>,
    /// The byte after its line break; the end of the text if it has none.
    pub next: usize,
}

impl Row {
    /// Whether it has a line break.
    pub fn is_whole(&self) -> bool {
        self.next > self.content.end
    }

    /// Whether it is the line that ends the data.
    fn is_mark(&self, text: &str) -> bool {
        let content = text.get(self.content.clone()).unwrap_or_default();
        content.strip_suffix('\r').unwrap_or(content) == MARK
    }
}

/// The line that ends the data.
const MARK: &str = r"\.";

/// The lines of a text from a byte on.
pub fn rows(text: &str, from: usize) -> impl Iterator<Item = Row> {
    let mut at = from;
    std::iter::from_fn(move || {
        if at >= text.len() {
            return None;
        }
        let end = lex::find(text.as_bytes(), at, b'\n');
        let next = text.len().min(end + 1);
        let content = std::mem::replace(&mut at, next)..end;
        Some(Row { content, next })
    })
}

/// Which part of a text is data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The byte after the available data.
    pub end: usize,
    /// The end of the line that ends them, before its line break, if it is there.
    pub mark: Option<usize>,
}

/// How far the data extend in a text from a byte on. More text may follow, unless it `is_all`: until then, what may
/// become the line that ends them does not count as data. That byte may be `inside_line`, which is never that line.
pub fn extent(text: &str, from: usize, inside_line: bool, is_all: bool) -> Extent {
    let mut end = from;
    for row in rows(text, from) {
        let is_first = row.content.start == from;
        let may_be_mark = !(is_first && inside_line);
        let is_whole = row.is_whole() || is_all;
        if may_be_mark && is_whole && row.is_mark(text) {
            let mark = Some(row.content.start + MARK.len());
            return Extent { end, mark };
        }
        let content = text.get(row.content.clone()).unwrap_or_default();
        if !is_whole && may_be_mark && "\\.\r".starts_with(content) {
            break;
        }
        end = row.next;
    }
    Extent { end, mark: None }
}

/// The error's place in the data according to its CONTEXT, in bytes: the value if the column is named and found,
/// otherwise the line. `COPY t, line 2, column a: "x"` is in the language of the server's messages, so this reads only
/// its numbers, its signs and the name.
pub fn place(context: &str, sql: &str, data: &str) -> Option<Range<usize>> {
    let (line, column) = context.lines().find_map(line_and_column)?;
    let whole = line_of_data(data, line, is_csv(sql))?;
    let found = place_in_row(&data[whole.clone()], column, sql);
    Some(whole.start + found.start..whole.start + found.end)
}

/// The place in a COPY's data that an error's CONTEXT names, in words: `line 2, column b`.
pub fn place_in_words(context: &str) -> Option<String> {
    let (line, column) = context.lines().find_map(line_and_column)?;
    let column = column.map(|column| format!(", column {column}"));
    Some(format!("line {line}{}", column.unwrap_or_default()))
}

/// The place in a row: the column's value if that is named and found, otherwise the row.
fn place_in_row(row: &str, column: Option<&str>, sql: &str) -> Range<usize> {
    let value = column
        .and_then(|column| place_in_list(sql, column))
        .and_then(|at| field(row, at, sql, is_csv(sql)));
    // An empty value has no place to mark.
    value.filter(|value| !value.is_empty()).unwrap_or_else(|| 0..row.trim_end_matches('\r').len())
}

fn is_csv(sql: &str) -> bool {
    lex::tokens(sql).any(|token| token.text(sql).eq_ignore_ascii_case("csv"))
}

/// Searches data that come in blocks for the place that a CONTEXT names: finds the same as [`place`] in complete data.
pub struct Search<'sql> {
    sql: &'sql str,
    wanted: usize,
    column: Option<String>,
    is_csv: bool,
    /// The row that is next or has begun, from 1.
    row: usize,
    /// The lines before it, and those of its own that have ended.
    lines_before: u64,
    lines_of_row: u64,
    /// Whether a line break here would be data.
    escapes: bool,
    /// What has arrived of the wanted row.
    text: String,
    is_found: bool,
}

/// How much of the wanted row to read: a value beyond this gets the row's place.
const ROW_BYTES_MAX: usize = 1 << 20;

impl<'sql> Search<'sql> {
    /// For this CONTEXT of the error of this COPY, if it names a line.
    pub fn new(context: &str, sql: &'sql str) -> Option<Self> {
        let (wanted, column) = context.lines().find_map(line_and_column)?;
        Some(Self {
            sql,
            wanted,
            column: column.map(str::to_owned),
            is_csv: is_csv(sql),
            row: 1,
            lines_before: 0,
            lines_of_row: 0,
            escapes: false,
            text: String::new(),
            is_found: false,
        })
    }

    /// Takes more of the data; returns whether the row is complete.
    pub fn push(&mut self, data: &str) -> bool {
        for line in rows(data, 0) {
            let content = data.get(line.content.clone()).unwrap_or_default();
            if self.row == self.wanted {
                let room = ROW_BYTES_MAX.saturating_sub(self.text.len());
                let read = content.floor_char_boundary(room.min(content.len()));
                self.text.push_str(&content[..read]);
            }
            let before = content.trim_end_matches('\\').len();
            let is_odd = (content.len() - before) % 2 == 1;
            self.escapes = is_odd ^ (self.escapes && before == 0);
            if line.is_whole() && self.line_ended() {
                return true;
            }
        }
        false
    }

    /// A line break was read; returns whether it ends the wanted row.
    fn line_ended(&mut self) -> bool {
        let goes_on = std::mem::take(&mut self.escapes) && !self.is_csv;
        self.lines_of_row += 1;
        if goes_on {
            if self.row == self.wanted {
                self.text.push('\n');
            }
            return false;
        }
        self.is_found = self.row == self.wanted;
        if !self.is_found {
            self.row += 1;
            self.lines_before += std::mem::take(&mut self.lines_of_row);
        }
        self.is_found
    }

    /// The number of lines before it, and its column in characters, from 1.
    pub fn found(&self) -> Option<(u64, u64)> {
        if !self.is_found && self.text.is_empty() {
            return None;
        }
        let place = place_in_row(&self.text, self.column.as_deref(), self.sql);
        let before = self.text.get(..place.start)?;
        let line = before.rfind('\n').map_or(0, |newline| newline + 1);
        let lines = before.bytes().filter(|byte| *byte == b'\n').count() as u64;
        let column = before[line..].chars().count() as u64 + 1;
        Some((self.lines_before + lines, column))
    }
}

/// A CONTEXT's line and column.
pub fn line_and_column(context: &str) -> Option<(usize, Option<&str>)> {
    let rest = context.strip_prefix("COPY ")?;
    // The table's name comes first, and may contain anything: take the first later part that is a word and a number.
    rest.match_indices(", ").find_map(|(at, _)| {
        let behind = &rest[at + 2..];
        let (_, number) = behind.split_once(' ')?;
        let digits = number.bytes().take_while(u8::is_ascii_digit).count();
        let line = number[..digits].parse().ok()?;
        let behind = &number[digits..];
        if !(behind.is_empty() || behind.starts_with([',', ':'])) {
            return None;
        }
        let column = behind.strip_prefix(", ").and_then(|named| {
            let (_, name) = named.split_once(' ')?;
            let end = name.find(": ")?;
            Some(&name[..end])
        });
        Some((line, column))
    })
}

/// A line of the data, counted from 1 as the server counts: a line break that is data in the text format is not an end.
fn line_of_data(data: &str, wanted: usize, is_csv: bool) -> Option<Range<usize>> {
    let mut line = 1;
    let mut start = 0;
    for row in rows(data, 0) {
        let Range { start: from, end } = row.content;
        let escapes = data[from..end].bytes().rev().take_while(|byte| *byte == b'\\');
        if !is_csv && escapes.count() % 2 == 1 && row.next > end {
            continue;
        }
        if line == wanted {
            return Some(start..end);
        }
        (line, start) = (line + 1, row.next);
    }
    None
}

/// The index of this name in the statement's list of columns.
fn place_in_list(sql: &str, column: &str) -> Option<usize> {
    let mut tokens = lex::tokens(sql).filter(|token| !token.is_gap());
    tokens.find(|token| token.kind == TokenKind::OpenParenthesis)?;
    let mut at = 0;
    for token in tokens {
        match token.kind {
            TokenKind::Comma => at += 1,
            TokenKind::CloseParenthesis => return None,
            TokenKind::QuotedName => {
                let name = &sql[token.content(sql)];
                if name.replace("\"\"", "\"") == column {
                    return Some(at);
                }
            }
            _ if token.text(sql).to_lowercase() == column => return Some(at),
            _ => {}
        }
    }
    None
}

/// A line's field, counted from 0. Does not look for a delimiter of the statement's own.
fn field(line: &str, wanted: usize, sql: &str, is_csv: bool) -> Option<Range<usize>> {
    let is_own = lex::tokens(sql).any(|token| {
        ["delimiter", "delimiters", "quote", "escape"]
            .iter()
            .any(|word| token.text(sql).eq_ignore_ascii_case(word))
    });
    if is_own {
        return None;
    }
    let delimiter = if is_csv { b',' } else { b'\t' };
    let (mut at, mut start, mut is_quoted) = (0, 0, false);
    let bytes = line.as_bytes();
    for place in 0..=bytes.len() {
        let byte = bytes.get(place);
        is_quoted ^= is_csv && byte == Some(&b'"');
        if byte.is_some() && (is_quoted || byte != Some(&delimiter)) {
            continue;
        }
        if at == wanted {
            let found = line.get(start..place)?.trim_end_matches('\r');
            return Some(start..start + found.len());
        }
        (at, start) = (at + 1, place + 1);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::read::position;

    #[test]
    fn a_context_names_its_line_and_column_in_any_language() {
        for (context, wanted) in [
            ("COPY t, line 2, column a: \"x\"", Some((2, Some("a")))),
            ("COPY t, line 2, column a b: null input", Some((2, Some("a b")))),
            ("COPY t, line 12: \"1\t2\"", Some((12, None))),
            ("COPY t, line 12", Some((12, None))),
            ("COPY t, Zeile 3, Spalte ä: »x«", Some((3, Some("ä")))),
            ("COPY a, b 7c, line 3", Some((3, None))),
            ("SQL function \"f\" statement 1", None),
            ("COPY t", None),
        ] {
            assert_eq!(line_and_column(context), wanted, "{context}");
        }
    }

    #[track_caller]
    fn found<'data>(context: &str, sql: &str, data: &'data str) -> Option<&'data str> {
        place(context, sql, data).map(|place| &data[place])
    }

    #[test]
    fn the_value_is_found_where_its_column_is_listed_and_else_the_line() {
        let text = "1\ttwo\n3\tfour\\\nmore\r\n5\tsix\n";
        let sql = "copy s.t (\"A\"\"\", b) from stdin";
        let at = |context: &str| found(context, sql, text);
        assert_eq!(at("COPY t, line 1, column b: \"two\""), Some("two"));
        assert_eq!(at("COPY t, line 2, column b: \"x\""), Some("four\\\nmore"));
        assert_eq!(at("COPY t, line 2, column A\": \"3\""), Some("3"));
        assert_eq!(at("COPY t, line 3: \"5\tsix\""), Some("5\tsix"));
        assert_eq!(at("COPY t, line 3, column c: \"5\""), Some("5\tsix"));
        assert_eq!(at("COPY t, line 4"), None);
        assert_eq!(
            found("COPY t, line 1, column b: \"x\"", "copy t from stdin", "1\t2\n"),
            Some("1\t2")
        );
        let csv = "copy t (a, b) from stdin with (format csv)";
        let at = |context: &str| found(context, csv, "\"1,\n2\",x\\\n3,\"\"\n");
        assert_eq!(at("COPY t, line 3, column a: \"3\""), Some("3"));
        assert_eq!(at("COPY t, line 3, column b: \"\""), Some("\"\""));
        let own = "copy t (a, b) from stdin delimiter '|'";
        assert_eq!(found("COPY t, line 1, column b: \"2\"", own, "1|2"), Some("1|2"));
    }

    /// However the data come, the place is the same as in the whole.
    #[test]
    fn what_is_found_bit_by_bit_is_what_is_found_in_the_whole() {
        let beginnings = ["", "a", "é\\\\", "\\\n", "\\\\\\\nb", "x\\\n\\\n", "\\\\\n", "\r"];
        for sql in ["copy t (a, b) from stdin", "copy t (a, b) from stdin csv"] {
            let mut data = String::new();
            for (number, one) in beginnings.iter().enumerate() {
                for other in beginnings {
                    data += &format!("{one}{number}\t{other}é,2\n");
                }
            }
            data += "last\tone,2";
            let mut found = 0;
            for line in 1..200 {
                for context in [
                    format!("COPY t, line {line}"),
                    format!("COPY t, line {line}, column b: \"x\""),
                ] {
                    let place = place(&context, sql, &data);
                    let place = place.map(|place| {
                        let (line, column) = position::line_and_column(&data, place.start);
                        (line as u64 - 1, column as u64)
                    });
                    found += usize::from(place.is_some());
                    for size in [1, 3, 50, data.len()] {
                        let mut search = Search::new(&context, sql).unwrap();
                        let mut rest = data.as_str();
                        while !rest.is_empty() {
                            let (piece, behind) = rest.split_at(rest.ceil_char_boundary(size));
                            rest = behind;
                            if search.push(piece) {
                                break;
                            }
                        }
                        assert_eq!(search.found(), place, "{sql} {context} {size}");
                    }
                }
            }
            assert!(found > 130, "{found}");
        }
    }
}
