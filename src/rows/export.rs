//! Rows as text for files and for the clipboard: CSV, tab-separated, JSON.
//!
//! A `Writer` appends to the caller's buffer, chunk by chunk, so that any number of rows streams to a file in blocks,
//! and rows from a spill file can be written as they come.

use std::collections::BTreeSet;
use std::ops;

use serde::{Deserialize, Serialize};

use super::{
    hold::{
        chunk::{Cell, Chunk, Column},
        held::Rows,
        range::Range,
    },
    show::type_name::{BOOL, JSON, JSONB},
};

/// The size at which a block is handed to the sink.
const BLOCK_BYTES: usize = 64 << 10;

/// An output format for rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// CSV, byte for byte as `psql --csv` prints it: a header line, NULL as nothing.
    Csv,
    /// Tab-separated, quoted as spreadsheets read it.
    Tsv {
        /// Whether the first line has the columns' names.
        headers: bool,
    },
    /// Each value of a row literally, without quotes: for a range of one column.
    Lines {
        /// Whether the first line has the column's name.
        headers: bool,
    },
    /// A JSON array of objects.
    Json,
    /// One JSON object to a line.
    JsonLines,
}

/// Writes the rows, or the part in the range, in blocks of about 64 kB. The sink's first error ends it.
pub fn export<Failure>(
    rows: &Rows,
    range: Option<&Range>,
    format: Format,
    mut sink: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let range = selection(rows, range);
    let mut writer = Writer::new(rows.columns(), range.columns.clone(), format);
    let mut block = Vec::with_capacity(BLOCK_BYTES + BLOCK_BYTES / 4);
    writer.start(&mut block);
    for (chunk, part) in rows.pieces(range.rows) {
        for row in part {
            writer.row(chunk, row, &mut block);
            if block.len() >= BLOCK_BYTES {
                sink(&block)?;
                block.clear();
            }
        }
    }
    writer.end(&mut block);
    if block.is_empty() { Ok(()) } else { sink(&block) }
}

/// The rows, or the part in the range, in one piece.
pub fn to_bytes(rows: &Rows, range: Option<&Range>, format: Format) -> Vec<u8> {
    let range = selection(rows, range);
    let mut writer = Writer::new(rows.columns(), range.columns.clone(), format);
    let mut all = Vec::new();
    writer.start(&mut all);
    for (chunk, part) in rows.pieces(range.rows) {
        writer.rows(chunk, part, &mut all);
    }
    writer.end(&mut all);
    all
}

/// The format in which to copy a range. Several columns are quoted as spreadsheets read them. One is copied as its
/// lines: a single cell is its text, and the output of EXPLAIN or COPY is that output.
pub fn copied(rows: &Rows, range: &Range, headers: bool) -> Format {
    if selection(rows, Some(range)).columns.len() == 1 {
        Format::Lines { headers }
    } else {
        Format::Tsv { headers }
    }
}

/// The part in the range as the clipboard takes it: text, and no line end after the last line, so that one copied
/// value is that value. Bytes that are not UTF-8 are escaped, whatever the format.
pub fn clipboard(rows: &Rows, range: &Range, format: Format) -> String {
    let mut bytes = to_bytes(rows, Some(range), format);
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => Cell::Value(error.as_bytes()).text().into_owned(),
    }
}

/// Writes rows in a format. The calls are `start`, rows in order, `end`.
#[derive(Clone, Debug)]
pub struct Writer {
    format: Format,
    columns: Vec<WrittenColumn>,
    rows: u64,
}

#[derive(Clone, Debug)]
struct WrittenColumn {
    index: usize,
    name: String,
    /// How a JSON object's member begins: the name, quoted, and a colon.
    key: String,
    kind: JsonKind,
}

/// How to write a column's values in JSON.
#[derive(Clone, Copy, Debug)]
enum JsonKind {
    Text,
    Number,
    Boolean,
    Embedded,
}

impl Writer {
    /// A writer for some of a result's columns.
    pub fn new(columns: &[Column], selected: ops::Range<usize>, format: Format) -> Self {
        let selected = selected.start.min(columns.len())..selected.end.min(columns.len());
        let columns = columns.get(selected.clone()).unwrap_or_default();
        let names = distinct_names(columns.iter().map(|column| column.name.as_str()));
        let written = |((index, column), name): ((usize, &Column), String)| {
            let mut key = Vec::new();
            push_json_string(&mut key, &name);
            key.push(b':');
            let key = String::from_utf8_lossy(&key).into_owned();
            WrittenColumn { index, name: column.name.clone(), key, kind: JsonKind::of(column) }
        };
        Self { format, columns: selected.zip(columns).zip(names).map(written).collect(), rows: 0 }
    }

    /// Appends what comes before the rows.
    pub fn start(&mut self, out: &mut Vec<u8>) {
        match self.format {
            Format::Csv => {
                self.line(out, b',', |column, out| push_csv(out, column.name.as_bytes()))
            }
            Format::Tsv { headers: true } => {
                self.line(out, b'\t', |column, out| push_tsv(out, &column.name))
            }
            Format::Lines { headers: true } => self.line(out, b'\t', |column, out| {
                out.extend_from_slice(column.name.as_bytes());
            }),
            Format::Tsv { headers: false }
            | Format::Lines { headers: false }
            | Format::JsonLines => {}
            Format::Json => out.push(b'['),
        }
    }

    /// Appends rows of a chunk.
    pub fn rows(&mut self, chunk: &Chunk, rows: ops::Range<usize>, out: &mut Vec<u8>) {
        for row in rows {
            self.row(chunk, row, out);
        }
    }

    /// Appends a row of a chunk.
    pub fn row(&mut self, chunk: &Chunk, row: usize, out: &mut Vec<u8>) {
        match self.format {
            // psql prints nothing at all for a row without columns.
            Format::Csv if self.columns.is_empty() => {}
            Format::Csv => self.line(out, b',', |column, out| {
                push_csv(out, chunk.cell(row, column.index).bytes().unwrap_or_default());
            }),
            Format::Tsv { .. } => self.line(out, b'\t', |column, out| {
                push_tsv(out, &chunk.cell(row, column.index).text());
            }),
            Format::Lines { .. } => self.line(out, b'\t', |column, out| {
                out.extend_from_slice(chunk.cell(row, column.index).text().as_bytes());
            }),
            Format::Json => {
                out.extend_from_slice(if self.rows == 0 { b"\n" } else { b",\n" });
                self.object(chunk, row, out);
            }
            Format::JsonLines => {
                self.object(chunk, row, out);
                out.push(b'\n');
            }
        }
        self.rows += 1;
    }

    /// Appends what comes after the rows.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        if self.format == Format::Json {
            out.extend_from_slice(if self.rows == 0 { b"]\n" } else { b"\n]\n" });
        }
    }

    fn line(&self, out: &mut Vec<u8>, separator: u8, field: impl Fn(&WrittenColumn, &mut Vec<u8>)) {
        for (position, column) in self.columns.iter().enumerate() {
            if position > 0 {
                out.push(separator);
            }
            field(column, out);
        }
        out.push(b'\n');
    }

    fn object(&self, chunk: &Chunk, row: usize, out: &mut Vec<u8>) {
        out.push(b'{');
        for (position, column) in self.columns.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            out.extend_from_slice(column.key.as_bytes());
            push_json(out, column.kind, chunk.cell(row, column.index));
        }
        out.push(b'}');
    }
}

impl JsonKind {
    fn of(column: &Column) -> Self {
        match column.type_oid {
            BOOL => Self::Boolean,
            JSON | JSONB => Self::Embedded,
            _ if column.is_number() => Self::Number,
            _ => Self::Text,
        }
    }
}

/// Each name once: a repeated one gets the first free of `_2`, `_3`, …
pub fn distinct_names<'name>(names: impl Iterator<Item = &'name str> + Clone) -> Vec<String> {
    let given = names.clone().collect::<BTreeSet<_>>();
    let mut used = BTreeSet::new();
    let mut next_suffix = std::collections::BTreeMap::new();
    names
        .map(|name| {
            if used.insert(name.to_owned()) {
                return name.to_owned();
            }
            let suffix = next_suffix.entry(name).or_insert(2_u64);
            loop {
                let candidate = format!("{name}_{suffix}");
                *suffix += 1;
                if !given.contains(candidate.as_str()) && used.insert(candidate.clone()) {
                    return candidate;
                }
            }
        })
        .collect()
}

fn selection(rows: &Rows, range: Option<&Range>) -> Range {
    let (height, width) = (rows.len(), rows.columns().len());
    range.map_or_else(|| Range::all(height, width), |range| range.clamped(height, width))
}

// psql quotes a field with a separator, a quote or a line end in it, and one that COPY would take for the end of its
// data. Nothing tells the empty string from NULL.
fn push_csv(out: &mut Vec<u8>, field: &[u8]) {
    let special = |byte: &u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
    push_quoted_if(out, field, holds(field, special) || field == b"\\.");
}

fn push_tsv(out: &mut Vec<u8>, field: &str) {
    let special = |byte: &u8| matches!(byte, b'\t' | b'"' | b'\n' | b'\r');
    push_quoted_if(out, field.as_bytes(), holds(field.as_bytes(), special));
}

// Looks at every byte instead of stopping at the first: so it compiles to vector instructions.
fn holds(field: &[u8], special: impl Fn(&u8) -> bool) -> bool {
    field.iter().fold(false, |found, byte| found | special(byte))
}

fn push_quoted_if(out: &mut Vec<u8>, field: &[u8], quoted: bool) {
    if !quoted {
        return out.extend_from_slice(field);
    }
    out.push(b'"');
    for part in field.split_inclusive(|byte| *byte == b'"') {
        out.extend_from_slice(part);
        if part.last() == Some(&b'"') {
            out.push(b'"');
        }
    }
    out.push(b'"');
}

fn push_json(out: &mut Vec<u8>, kind: JsonKind, cell: Cell<'_>) {
    let Cell::Value(bytes) = cell else {
        return out.extend_from_slice(b"null");
    };
    match (kind, bytes) {
        (JsonKind::Boolean, b"t") => out.extend_from_slice(b"true"),
        (JsonKind::Boolean, b"f") => out.extend_from_slice(b"false"),
        (JsonKind::Number, _) if is_json_number(bytes) => out.extend_from_slice(bytes),
        (JsonKind::Embedded, _) if is_json(bytes) => {
            // Inside a JSON text a raw line end can only be space between tokens, and an object is one line here.
            out.extend(bytes.iter().map(
                |byte| {
                    if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }
                },
            ));
        }
        // NaN and Infinity, and numbers changed by a masked recording, are strings.
        _ => push_json_string(out, &cell.text()),
    }
}

fn is_json(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes)
        .is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
}

/// Whether the text is a number in JSON's grammar as it stands, so that every digit is kept.
fn is_json_number(bytes: &[u8]) -> bool {
    let digits = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest.first() == Some(&b'0')) {
        return false;
    }
    let mut rest = rest.get(whole..).unwrap_or_default();
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = fraction.get(count..).unwrap_or_default();
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent =
            exponent.strip_prefix(b"+").or(exponent.strip_prefix(b"-")).unwrap_or(exponent);
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}

fn push_json_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut plain_from = 0;
    for (position, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        // Text that needs no escape is copied in one piece.
        out.extend_from_slice(text.as_bytes().get(plain_from..position).unwrap_or_default());
        push_json_escape(out, byte);
        plain_from = position + 1;
    }
    out.extend_from_slice(text.as_bytes().get(plain_from..).unwrap_or_default());
    out.push(b'"');
}

fn push_json_escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0..0x20 => {
            let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&digits);
        }
        _ => out.extend_from_slice(&[b'\\', byte]),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;

    use super::*;
    use crate::rows::samples::{Generator, data_row, rows_of};

    const TSV: Format = Format::Tsv { headers: false };

    fn text(rows: &Rows, range: Option<&Range>, format: Format) -> String {
        String::from_utf8(to_bytes(rows, range, format)).unwrap()
    }

    /// Reads back what a quoting writer wrote: the records, with a flag on fields that were quoted.
    fn parse(text: &[u8], separator: u8) -> Vec<Vec<Vec<u8>>> {
        let (mut records, mut record, mut field) = (vec![], vec![], vec![]);
        let mut bytes = text.iter().copied().peekable();
        let mut quoted = false;
        while let Some(byte) = bytes.next() {
            match byte {
                b'"' if quoted && bytes.peek() == Some(&b'"') => field.extend(bytes.next()),
                b'"' => quoted = !quoted,
                _ if quoted => field.push(byte),
                b'\n' => {
                    record.push(std::mem::take(&mut field));
                    records.push(std::mem::take(&mut record));
                }
                _ if byte == separator => record.push(std::mem::take(&mut field)),
                _ => field.push(byte),
            }
        }
        assert!(!quoted && field.is_empty() && record.is_empty(), "cut text");
        records
    }

    #[test]
    fn csv_is_what_psql_prints() {
        let cells: [Row3; 6] = [
            [Some(b"plain"), None, Some(b"")],
            [Some(b"com,ma"), Some(b"new\nline"), Some(b"cr\rx")],
            [Some(b"qu\"ote"), Some(b"\\."), Some(b"\\")],
            [Some(b" lead"), Some(b"trail "), Some(b"tab\tx")],
            [Some(b"."), Some("é𝄞".as_bytes()), Some(b"\"")],
            [Some(b"crlf\r\n"), Some(b"\n"), Some(b",")],
        ];
        let cells = cells.each_ref().map(|row| row.as_slice());
        let rows = rows_of(&[("a", 25), ("b,c", 25), ("q\"x", 25)], &cells);
        let expected = concat!(
            "a,\"b,c\",\"q\"\"x\"\n",
            "plain,,\n",
            "\"com,ma\",\"new\nline\",\"cr\rx\"\n",
            "\"qu\"\"ote\",\"\\.\",\\\n",
            " lead,trail ,tab\tx\n",
            ".,é𝄞,\"\"\"\"\n",
            "\"crlf\r\n\",\"\n\",\",\"\n",
        );
        assert_eq!(text(&rows, None, Format::Csv), expected);
    }

    type Row3 = [Option<&'static [u8]>; 3];

    #[test]
    fn csv_keeps_bytes_that_are_not_text() {
        let rows = rows_of(&[("a", 25)], &[&[Some(b"\xff,")]]);
        assert_eq!(to_bytes(&rows, None, Format::Csv), b"a\n\"\xff,\"\n");
        assert_eq!(clipboard(&rows, &Range::all(1, 1), Format::Csv), "a\n\"\\xff,\"");
    }

    #[test]
    fn rows_without_columns_are_an_empty_header_as_in_psql() {
        let rows = rows_of(&[], &[&[], &[], &[]]);
        assert_eq!(text(&rows, None, Format::Csv), "\n");
        assert_eq!(text(&rows, None, Format::JsonLines), "{}\n{}\n{}\n");
    }

    #[test]
    fn a_result_without_rows_has_its_header() {
        let rows = rows_of(&[("a", 25), ("\\.", 25)], &[]);
        assert_eq!(text(&rows, None, Format::Csv), "a,\"\\.\"\n");
        assert_eq!(text(&rows, None, TSV), "");
        assert_eq!(text(&rows, None, Format::Json), "[]\n");
        assert_eq!(text(&rows, None, Format::JsonLines), "");
    }

    #[test]
    fn random_rows_read_back_from_csv_and_tsv_are_the_cells() {
        let mut generator = Generator::new(77);
        for _ in 0..60 {
            let width = 2 + generator.below(4);
            let count = generator.below(120);
            let cells = generator.rows(count, width);
            let columns = (0..width).map(|at| Column::new(format!("c{at}"), 25, -1)).collect();
            let mut rows = Rows::new(columns);
            for part in cells.chunks(7) {
                let mut builder = crate::rows::hold::builder::ChunkBuilder::new(width);
                part.iter().for_each(|row| builder.push_data_row(&data_row(row)).unwrap());
                assert!(rows.append(Arc::new(builder.finish())));
            }
            let bytes = |cell: &Option<Vec<u8>>| cell.clone().unwrap_or_default();
            let expected = cells
                .iter()
                .map(|row| row.iter().map(bytes).collect::<Vec<_>>())
                .collect::<Vec<_>>();
            assert_eq!(parse(&to_bytes(&rows, None, Format::Csv), b',')[1..], expected);
            let escaped = |cell: &Vec<u8>| Cell::Value(cell).text().into_owned().into_bytes();
            let expected = expected
                .iter()
                .map(|row| row.iter().map(escaped).collect())
                .collect::<Vec<Vec<_>>>();
            assert_eq!(parse(&to_bytes(&rows, None, TSV), b'\t'), expected);
            let mut blocks = Vec::new();
            let push = |block: &[u8]| -> Result<(), Infallible> {
                blocks.extend_from_slice(block);
                Ok(())
            };
            assert_eq!(export(&rows, None, Format::Json, push), Ok(()));
            assert_eq!(blocks, to_bytes(&rows, None, Format::Json));
            let objects = serde_json::from_slice::<Vec<serde_json::Map<_, _>>>(&blocks).unwrap();
            assert_eq!(objects.len(), count);
            for (object, row) in objects.iter().zip(&cells) {
                for (value, cell) in object.values().zip(row) {
                    assert_eq!(
                        value.as_str(),
                        cell.as_deref().map(|cell| Cell::Value(cell).text()).as_deref()
                    );
                }
            }
        }
    }

    #[test]
    fn a_large_export_goes_out_in_blocks_and_stops_at_an_error() {
        let long = vec![b'x'; 1000];
        let cells = vec![Some(long.as_slice())];
        let rows = rows_of(&[("a", 25)], &vec![cells.as_slice(); 500]);
        let mut sizes = Vec::new();
        let keep = |block: &[u8]| -> Result<(), ()> {
            sizes.push(block.len());
            Ok(())
        };
        assert_eq!(export(&rows, None, Format::Csv, keep), Ok(()));
        assert_eq!(sizes.iter().sum::<usize>(), 2 + 500 * 1001);
        assert!(
            sizes.len() == 8 && sizes.iter().all(|size| *size < BLOCK_BYTES + 1001),
            "{sizes:?}"
        );
        let mut calls = 0;
        let full = |_: &[u8]| {
            calls += 1;
            Err("disk full")
        };
        assert_eq!(export(&rows, None, Format::Csv, full), Err("disk full"));
        assert_eq!(calls, 1);
    }

    #[test]
    fn the_clipboard_quotes_what_a_spreadsheet_would_split() {
        let columns = [("id", 23), ("a\tb", 25), ("c", 25)];
        let rows = rows_of(
            &columns,
            &[
                &[Some(b"1"), Some(b"a\tb"), Some(b"say \"hi\"")],
                &[None, Some(b"two\nlines"), Some(b"\xff")],
                &[Some(b"3"), Some(b"c\rd"), Some(b"a,b 'c'")],
            ],
        );
        let all = Range::all(3, 3);
        let lines =
            "1\t\"a\tb\"\t\"say \"\"hi\"\"\"\n\t\"two\nlines\"\t\\xff\n3\t\"c\rd\"\ta,b 'c'";
        assert_eq!(clipboard(&rows, &all, TSV), lines);
        assert_eq!(
            clipboard(&rows, &all, Format::Tsv { headers: true }),
            format!("id\t\"a\tb\"\tc\n{lines}")
        );
        let one = Range { rows: 2..3, columns: 2..3 };
        assert_eq!(clipboard(&rows, &one, TSV), "a,b 'c'");
    }

    #[test]
    fn one_column_is_copied_as_it_is() {
        let columns = [("id", 23), ("a\tb", 25), ("c", 25)];
        let source = b"begin\n\treturn \"x\" || 'y';\nend\n";
        let rows = rows_of(
            &columns,
            &[
                &[Some(b"1"), Some(b"{\"a\": \"b\"}"), Some(b"\xff")],
                &[None, Some(source), None],
                &[Some(b"3"), Some(b"a\r\n"), Some(b"")],
            ],
        );
        let copy = |rows_copied: std::ops::Range<u64>, column: usize, headers: bool| {
            let range = Range { rows: rows_copied, columns: column..column + 1 };
            clipboard(&rows, &range, copied(&rows, &range, headers))
        };
        assert_eq!(copy(0..1, 1, false), "{\"a\": \"b\"}");
        assert_eq!(copy(1..2, 1, false).as_bytes(), source);
        assert_eq!(copy(2..3, 1, false), "a\r\n");
        assert_eq!(copy(0..1, 2, false), "\\xff");
        assert_eq!(copy(1..2, 2, false), "");
        assert_eq!(copy(0..3, 2, false), "\\xff\n\n");
        assert_eq!(copy(0..1, 1, true), "a\tb\n{\"a\": \"b\"}");
        let all = Range::all(3, 3);
        assert_eq!(copied(&rows, &all, true), Format::Tsv { headers: true });
    }

    #[test]
    fn only_the_range_is_written() {
        let cells: [Row3; 5] = [b"0", b"1", b"2", b"3", b"4"]
            .map(|row: &[u8; 1]| [Some(&row[..]), Some(b"x"), Some(&row[..])]);
        let cells = cells.each_ref().map(|row| row.as_slice());
        let rows = rows_of(&[("a", 25), ("b", 25), ("c", 23)], &cells);
        let range = Range { rows: 1..4, columns: 1..3 };
        assert_eq!(text(&rows, Some(&range), Format::Csv), "b,c\nx,1\nx,2\nx,3\n");
        assert_eq!(text(&rows, Some(&range), TSV), "x\t1\nx\t2\nx\t3\n");
        let beyond = Range { rows: 4..99, columns: 2..99 };
        assert_eq!(text(&rows, Some(&beyond), Format::Json), "[\n{\"c\":4}\n]\n");
    }

    #[test]
    fn json_keeps_the_digits_and_the_types() {
        let columns = [("n", 1700), ("f", 701), ("b", 16), ("j", 114), ("t", 25)];
        let rows = rows_of(
            &columns,
            &[
                &[
                    Some(b"12345678901234567890.1000"),
                    Some(b"1e+300"),
                    Some(b"t"),
                    Some(b"{\"a\":\n[1]}"),
                    Some(b"1"),
                ],
                &[
                    Some(b"NaN"),
                    Some(b"-Infinity"),
                    Some(b"f"),
                    Some(b"null"),
                    Some(b"\x01\"\\\n\t\r\xff"),
                ],
                &[None, Some(b"-0"), None, None, None],
            ],
        );
        let expected = concat!(
            "{\"n\":12345678901234567890.1000,\"f\":1e+300,\"b\":true,\"j\":{\"a\": [1]},\"t\":\"1\"}\n",
            "{\"n\":\"NaN\",\"f\":\"-Infinity\",\"b\":false,\"j\":null,\"t\":\"\\u0001\\\"\\\\\\n\\t\\r\\\\xff\"}\n",
            "{\"n\":null,\"f\":-0,\"b\":null,\"j\":null,\"t\":null}\n",
        );
        assert_eq!(text(&rows, None, Format::JsonLines), expected);
        let array = text(&rows, None, Format::Json);
        assert_eq!(array, format!("[\n{}\n]\n", expected.trim_end().replace('\n', ",\n")));
        assert!(serde_json::from_str::<serde_json::Value>(&array).is_ok());
    }

    #[test]
    fn what_only_claims_to_be_json_or_a_number_becomes_a_string() {
        let bad = [
            &b""[..],
            b"01",
            b"1.",
            b".5",
            b"+1",
            b"1e",
            b"0x1",
            b"1 ",
            b"-",
            b"--1",
            b"1e+",
            b"1.e5",
            b"1e5.0",
        ];
        for value in bad {
            assert!(!is_json_number(value), "{}", Cell::Value(value).text());
        }
        for value in [&b"0"[..], b"-0", b"0.50", b"10", b"1e5", b"1E-5", b"-1.25e+10"] {
            assert!(is_json_number(value), "{}", Cell::Value(value).text());
        }
        let rows = rows_of(
            &[("n", 23), ("j", 3802), ("b", 16)],
            &[
                &[Some(b"00"), Some(b"{x"), Some(b"?")],
                &[Some(b"1"), Some(b"\"\xff\""), Some(b"t")],
            ],
        );
        let expected = concat!(
            "{\"n\":\"00\",\"j\":\"{x\",\"b\":\"?\"}\n",
            "{\"n\":1,\"j\":\"\\\"\\\\xff\\\"\",\"b\":true}\n",
        );
        assert_eq!(text(&rows, None, Format::JsonLines), expected);
    }

    #[test]
    fn json_of_any_depth_is_embedded() {
        let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
        let rows = rows_of(&[("j", 114)], &[&[Some(deep.as_bytes())]]);
        assert_eq!(text(&rows, None, Format::JsonLines), format!("{{\"j\":{deep}}}\n"));
    }

    #[test]
    fn repeated_names_get_the_first_free_suffix() {
        let names = distinct_names(["a", "a", "a_2", "a", "", "", "b"].into_iter());
        assert_eq!(names, ["a", "a_3", "a_2", "a_4", "", "_2", "b"]);
        let rows = rows_of(&[("a", 23), ("a", 23)], &[&[Some(b"1"), Some(b"2")]]);
        assert_eq!(text(&rows, None, Format::JsonLines), "{\"a\":1,\"a_2\":2}\n");
        assert_eq!(text(&rows, None, Format::Csv), "a,a\n1,2\n");
    }
}
