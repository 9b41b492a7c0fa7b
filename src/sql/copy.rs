//! The data of COPY … FROM STDIN: their lines, where they end, and the place in them that an error is about.

use std::ops::Range;

use super::lex::{self, TokenKind};

/// A line of data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Without its line break. The carriage return before that belongs to it.
    pub content: Range<usize>,
    /// The byte behind its line break; the end of the text where it has none.
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

/// What of a text is data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The byte behind the data that are there.
    pub end: usize,
    /// The end of the line that ends them, before its line break, if it is there.
    pub mark: Option<usize>,
}

/// How far the data go that stand in a text from a byte on. More text may follow, unless it `is_all`: then what may
/// become the line that ends them is not yet told to be data. That byte may be `inside_line`, which is never that line.
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

/// Where the error's CONTEXT says it is in the data, in bytes: the value where the column is named and found, else the
/// line. `COPY t, line 2, column a: "x"` is in the language of the server's messages, so only its numbers, its signs
/// and the name are read.
pub fn place(context: &str, sql: &str, data: &str) -> Option<Range<usize>> {
    let (line, column) = context.lines().find_map(line_and_column)?;
    let is_csv = lex::tokens(sql).any(|token| token.text(sql).eq_ignore_ascii_case("csv"));
    let whole = line_of_data(data, line, is_csv)?;
    let value = column
        .and_then(|column| place_in_list(sql, column))
        .and_then(|at| field(&data[whole.clone()], at, sql, is_csv))
        .map(|found| whole.start + found.start..whole.start + found.end);
    // An empty value has no place that could be marked.
    Some(
        value
            .filter(|value| !value.is_empty())
            .unwrap_or_else(|| trimmed(data, whole)),
    )
}

/// The line of a CONTEXT, and the column that it names.
pub fn line_and_column(context: &str) -> Option<(usize, Option<&str>)> {
    let rest = context.strip_prefix("COPY ")?;
    // The name of the table comes first, and may hold anything: the first part behind it that is a word and a number.
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

/// A line of the data, counted from 1 as the server counts: a line break that is data in the text format is no end.
fn line_of_data(data: &str, wanted: usize, is_csv: bool) -> Option<Range<usize>> {
    let mut line = 1;
    let mut start = 0;
    for row in rows(data, 0) {
        let Range { start: from, end } = row.content;
        let escapes = data[from..end]
            .bytes()
            .rev()
            .take_while(|byte| *byte == b'\\');
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

fn trimmed(data: &str, line: Range<usize>) -> Range<usize> {
    let text = data.get(line.clone()).unwrap_or_default();
    line.start..line.start + text.trim_end_matches('\r').len()
}

/// Which one of the columns that the statement lists has this name.
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

/// The field of a line, counted from 0. A delimiter of the statement's own is not looked for.
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

    #[test]
    fn a_context_names_its_line_and_column_in_any_language() {
        for (context, wanted) in [
            ("COPY t, line 2, column a: \"x\"", Some((2, Some("a")))),
            (
                "COPY t, line 2, column a b: null input",
                Some((2, Some("a b"))),
            ),
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
            found(
                "COPY t, line 1, column b: \"x\"",
                "copy t from stdin",
                "1\t2\n"
            ),
            Some("1\t2")
        );
        let csv = "copy t (a, b) from stdin with (format csv)";
        let at = |context: &str| found(context, csv, "\"1,\n2\",x\\\n3,\"\"\n");
        assert_eq!(at("COPY t, line 3, column a: \"3\""), Some("3"));
        assert_eq!(at("COPY t, line 3, column b: \"\""), Some("\"\""));
        let own = "copy t (a, b) from stdin delimiter '|'";
        assert_eq!(
            found("COPY t, line 1, column b: \"2\"", own, "1|2"),
            Some("1|2")
        );
    }
}
