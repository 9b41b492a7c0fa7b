//! A chunk: up to 4,096 rows of a result as the server's own text, held column by column.
//!
//! Each column is one byte buffer with u32 offsets and a null bitmap, all of exact size, so that a million rows cost
//! little more than their text. A chunk never changes once built; it is shared by `Arc`, and carries a digest of its
//! content, so that a recording of it can't be altered unnoticed.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeSeq, SerializeStruct};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xxhash_rust::xxh3::Xxh3;

use crate::rows::show::type_name;

/// The most rows that a chunk gets before it is finished.
pub const CHUNK_ROWS: usize = 4_096;

/// The bytes of values after which a chunk is finished. One row alone may be larger.
pub const CHUNK_BYTES: usize = 4 << 20;

/// The cells after which a chunk is finished: as many as 512 columns have in a whole chunk.
pub const CHUNK_CELLS: usize = 2 << 20;

/// A column of a result, as the server described it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The name, which may be empty or repeated.
    pub name: String,
    /// The type's oid; 0 where the server told none.
    pub type_oid: u32,
    /// The type's modifier; -1 for none.
    pub typmod: i32,
    /// The type as people type it (`numeric(10,2)`); empty until a look-up has resolved it.
    pub type_name: String,
}

impl Column {
    /// A column whose type name is filled in when the type is built in.
    pub fn new(name: impl Into<String>, type_oid: u32, typmod: i32) -> Self {
        let type_name = type_name::type_name(type_oid, typmod).unwrap_or_default();
        Self { name: name.into(), type_oid, typmod, type_name }
    }

    /// Whether values are aligned right, for the types that psql aligns right.
    pub fn is_numeric(&self) -> bool {
        use type_name::{CID, MONEY, OID, XID, XID8};
        self.is_number() || matches!(self.type_oid, OID | XID | XID8 | CID | MONEY)
    }

    /// Whether values are numbers to calculate with: an oid or an amount of money is not.
    pub fn is_number(&self) -> bool {
        use type_name::{FLOAT4, FLOAT8, INT2, INT4, INT8, NUMERIC};
        matches!(self.type_oid, INT2 | INT4 | INT8 | FLOAT4 | FLOAT8 | NUMERIC)
    }

    /// Whether the type's name has to be asked of the server.
    pub fn needs_lookup(&self) -> bool {
        self.type_name.is_empty() && type_name::needs_lookup(self.type_oid)
    }
}

/// One value of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'chunk> {
    /// SQL's NULL.
    Null,
    /// The server's text of the value, byte for byte.
    Value(&'chunk [u8]),
}

impl<'chunk> Cell<'chunk> {
    pub fn is_null(self) -> bool {
        matches!(self, Cell::Null)
    }

    /// The value's bytes, or nothing for NULL.
    pub fn bytes(self) -> Option<&'chunk [u8]> {
        match self {
            Cell::Null => None,
            Cell::Value(bytes) => Some(bytes),
        }
    }

    /// The value's text, empty for NULL. Bytes that are not UTF-8 are escaped as `\xNN`.
    pub fn text(self) -> Cow<'chunk, str> {
        match self {
            Cell::Null => Cow::Borrowed(""),
            Cell::Value(bytes) => escaped_text(bytes),
        }
    }
}

/// Up to 4,096 rows, column by column. Equal chunks have equal content.
#[derive(Clone, PartialEq, Eq)]
pub struct Chunk {
    rows: u32,
    digest: u64,
    columns: Box<[Values]>,
}

impl Chunk {
    /// How many rows it holds.
    pub fn rows(&self) -> usize {
        self.rows as usize
    }

    /// How many columns each row has; `select from t` has none.
    pub fn columns(&self) -> usize {
        self.columns.len()
    }

    /// A cell. Outside the chunk there is nothing, which reads as NULL.
    pub fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        match self.columns.get(column) {
            Some(values) if row < self.rows() => values.cell(row),
            _ => Cell::Null,
        }
    }

    /// The bytes of all values.
    pub fn value_bytes(&self) -> usize {
        self.columns.iter().map(|values| values.bytes.len()).sum()
    }

    /// What the chunk's own allocations cost in memory.
    pub fn heap_bytes(&self) -> usize {
        let columns = self.columns.iter().map(Values::heap_bytes).sum::<usize>();
        columns + size_of_val::<[Values]>(&self.columns)
    }

    /// A hash of the content, computed when the chunk was built.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// The chunk with `mask` applied to each value's text; none if that changes nothing.
    pub fn masked(&self, mask: impl Fn(&str) -> Cow<'_, str>) -> Option<Chunk> {
        let columns: Vec<Option<Values>> =
            self.columns.iter().map(|values| values.masked(self.rows(), &mask)).collect();
        if columns.iter().all(Option::is_none) {
            return None;
        }
        let columns = columns
            .into_iter()
            .zip(&self.columns)
            .map(|(masked, values)| masked.unwrap_or_else(|| values.clone()));
        Some(Chunk::new(self.rows, columns.collect()))
    }

    /// The chunk with `change` applied to each value's bytes; none if that changes nothing. ASCII stays as it is.
    pub fn mapped(&self, change: impl Fn(&[u8]) -> Cow<'_, [u8]>) -> Option<Chunk> {
        let mut changes = false;
        let columns = self.columns.iter().map(|values| {
            let mapped = values.mapped(self.rows(), &change);
            changes |= mapped.is_some();
            mapped.unwrap_or_else(|| values.clone())
        });
        let columns = columns.collect();
        changes.then(|| Chunk::new(self.rows, columns))
    }

    pub(in crate::rows) fn new(rows: u32, columns: Box<[Values]>) -> Self {
        let digest = digest(rows, &columns);
        Self { rows, digest, columns }
    }
}

// A chunk can hold megabytes of somebody's data: a log line or a failed test tells its shape only.
impl fmt::Debug for Chunk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Chunk")
            .field("rows", &self.rows)
            .field("columns", &self.columns.len())
            .field("value_bytes", &self.value_bytes())
            .field("digest", &format_args!("{:016x}", self.digest))
            .finish()
    }
}

/// One column's values. `offsets` has one entry more than there are rows; `nulls` is empty when no value is NULL.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::rows) struct Values {
    pub(in crate::rows) bytes: Box<[u8]>,
    pub(in crate::rows) offsets: Box<[u32]>,
    pub(in crate::rows) nulls: Box<[u64]>,
}

impl Values {
    fn cell(&self, row: usize) -> Cell<'_> {
        if self.nulls.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1) {
            return Cell::Null;
        }
        match (self.offsets.get(row), self.offsets.get(row + 1)) {
            (Some(&start), Some(&end)) => {
                self.bytes.get(start as usize..end as usize).map_or(Cell::Null, Cell::Value)
            }
            _ => Cell::Null,
        }
    }

    fn masked(&self, rows: usize, mask: &impl Fn(&str) -> Cow<'_, str>) -> Option<Values> {
        // The whole column at once, so that one without secrets is read once; bytes that are not text end a piece of
        // it.
        let is_clean =
            self.bytes.utf8_chunks().all(|part| matches!(mask(part.valid()), Cow::Borrowed(_)));
        if is_clean {
            return None;
        }
        let (mut bytes, mut offsets) = (Vec::with_capacity(self.bytes.len()), vec![0]);
        for row in 0..rows {
            for part in self.cell(row).bytes().unwrap_or_default().utf8_chunks() {
                bytes.extend_from_slice(mask(part.valid()).as_bytes());
                bytes.extend_from_slice(part.invalid());
            }
            offsets.push(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        }
        Some(Values { bytes: bytes.into(), offsets: offsets.into(), nulls: self.nulls.clone() })
    }

    fn mapped(&self, rows: usize, change: &impl Fn(&[u8]) -> Cow<'_, [u8]>) -> Option<Values> {
        if self.bytes.is_ascii() {
            return None;
        }
        let (mut bytes, mut offsets) = (Vec::with_capacity(self.bytes.len()), vec![0]);
        for row in 0..rows {
            bytes.extend_from_slice(&change(self.cell(row).bytes().unwrap_or_default()));
            // A value has less than 1 GB on the wire, and at most three times that here.
            offsets.push(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        }
        (bytes != *self.bytes).then(|| Values {
            bytes: bytes.into(),
            offsets: offsets.into(),
            nulls: self.nulls.clone(),
        })
    }

    fn heap_bytes(&self) -> usize {
        size_of_val::<[u8]>(&self.bytes)
            + size_of_val::<[u32]>(&self.offsets)
            + size_of_val::<[u64]>(&self.nulls)
    }
}

fn digest(rows: u32, columns: &[Values]) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(&u64::from(rows).to_le_bytes());
    hasher.update(&(columns.len() as u64).to_le_bytes());
    for values in columns {
        // Numbers are hashed in one byte order, so that a recording means the same on every machine.
        for part in values.offsets.chunks(128) {
            let mut block = [0_u8; 128 * 4];
            for (target, offset) in block.as_chunks_mut::<4>().0.iter_mut().zip(part) {
                *target = offset.to_le_bytes();
            }
            hasher.update(block.get(..part.len() * 4).unwrap_or(&block));
        }
        hasher.update(&(values.nulls.len() as u64).to_le_bytes());
        for word in &values.nulls {
            hasher.update(&word.to_le_bytes());
        }
        hasher.update(&values.bytes);
    }
    hasher.digest()
}

fn escaped_text(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len() + 16);
    for part in bytes.utf8_chunks() {
        text.push_str(part.valid());
        for &byte in part.invalid() {
            push_escaped_byte(&mut text, byte);
        }
    }
    Cow::Owned(text)
}

/// Appends a byte that is not text as `\xNN`.
pub(in crate::rows) fn push_escaped_byte(text: &mut String, byte: u8) {
    text.push_str("\\x");
    text.push(hex_digit(byte >> 4));
    text.push(hex_digit(byte & 15));
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('?')
}

// In a recording a chunk is `{"rows":2,"digest":"…","columns":[["a",null],…]}`: a value is a string, or `["c3ff"]`
// with its bytes in hexadecimal where they are not UTF-8.

impl Serialize for Chunk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut chunk = serializer.serialize_struct("Chunk", 3)?;
        chunk.serialize_field("rows", &self.rows)?;
        chunk.serialize_field("digest", &format!("{:016x}", self.digest))?;
        chunk.serialize_field("columns", &WrittenColumns(self))?;
        chunk.end()
    }
}

struct WrittenColumns<'chunk>(&'chunk Chunk);

impl Serialize for WrittenColumns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer
            .collect_seq(self.0.columns.iter().map(|values| WrittenColumn(values, self.0.rows())))
    }
}

struct WrittenColumn<'chunk>(&'chunk Values, usize);

impl Serialize for WrittenColumn<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((0..self.1).map(|row| WrittenCell(self.0.cell(row))))
    }
}

struct WrittenCell<'chunk>(Cell<'chunk>);

impl Serialize for WrittenCell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Cell::Value(bytes) = self.0 else {
            return serializer.serialize_unit();
        };
        if let Ok(text) = std::str::from_utf8(bytes) {
            return serializer.serialize_str(text);
        }
        let hex = bytes
            .iter()
            .flat_map(|byte| [hex_digit(byte >> 4), hex_digit(byte & 15)])
            .collect::<String>();
        let mut wrapped = serializer.serialize_seq(Some(1))?;
        wrapped.serialize_element(&hex)?;
        wrapped.end()
    }
}

impl<'de> Deserialize<'de> for Chunk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct("Chunk", &["rows", "digest", "columns"], ChunkVisitor)
    }
}

struct ChunkVisitor;

impl<'de> Visitor<'de> for ChunkVisitor {
    type Value = Chunk;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a chunk of rows")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Chunk, A::Error> {
        let (mut rows, mut recorded, mut columns) = (None, None, None);
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match key.as_ref() {
                "rows" => rows = Some(map.next_value::<u32>()?),
                "digest" => recorded = Some(map.next_value::<String>()?),
                "columns" => columns = Some(map.next_value::<Vec<ReadColumn>>()?),
                other => {
                    return Err(de::Error::unknown_field(other, &["rows", "digest", "columns"]));
                }
            }
        }
        let rows = rows.ok_or_else(|| de::Error::missing_field("rows"))?;
        let recorded = recorded.ok_or_else(|| de::Error::missing_field("digest"))?;
        let columns = columns.ok_or_else(|| de::Error::missing_field("columns"))?;
        if columns.iter().any(|column| column.rows() != rows as usize) {
            return Err(de::Error::custom("a column of the chunk has another number of rows"));
        }
        let chunk = Chunk::new(rows, columns.into_iter().map(ReadColumn::into_values).collect());
        if format!("{:016x}", chunk.digest) != recorded {
            return Err(de::Error::custom("the chunk's content does not match its digest"));
        }
        Ok(chunk)
    }
}

struct ReadColumn {
    bytes: Vec<u8>,
    offsets: Vec<u32>,
    nulls: Vec<u64>,
}

impl ReadColumn {
    fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Ends the value whose bytes were appended; false if the column grew past what offsets can address.
    fn end_value(&mut self, null: bool) -> bool {
        let row = self.rows();
        if null {
            // Words are added only up to the last NULL: a column without any keeps none.
            self.nulls.resize(self.nulls.len().max(row / 64 + 1), 0);
            if let Some(word) = self.nulls.last_mut() {
                *word |= 1 << (row % 64);
            }
        }
        u32::try_from(self.bytes.len()).map(|end| self.offsets.push(end)).is_ok()
    }

    fn into_values(mut self) -> Values {
        if !self.nulls.is_empty() {
            self.nulls.resize(self.rows().div_ceil(64), 0);
        }
        Values { bytes: self.bytes.into(), offsets: self.offsets.into(), nulls: self.nulls.into() }
    }
}

impl<'de> Deserialize<'de> for ReadColumn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ColumnVisitor)
    }
}

struct ColumnVisitor;

impl<'de> Visitor<'de> for ColumnVisitor {
    type Value = ReadColumn;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the values of a column")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<ReadColumn, A::Error> {
        let mut column = ReadColumn { bytes: Vec::new(), offsets: vec![0], nulls: Vec::new() };
        while let Some(null) = values.next_element_seed(CellSeed(&mut column.bytes))? {
            if !column.end_value(null) {
                return Err(de::Error::custom("a column of the chunk is too large"));
            }
        }
        Ok(column)
    }
}

/// Appends a value's bytes to its column, and returns whether it was NULL.
struct CellSeed<'column>(&'column mut Vec<u8>);

impl<'de> DeserializeSeed<'de> for CellSeed<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CellSeed<'_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("null, a string, or a list of one hexadecimal string")
    }

    fn visit_unit<E: de::Error>(self) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<bool, E> {
        self.0.extend_from_slice(text.as_bytes());
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut wrapped: A) -> Result<bool, A::Error> {
        let hex =
            wrapped.next_element::<String>()?.ok_or_else(|| de::Error::invalid_length(0, &"1"))?;
        if wrapped.next_element::<String>()?.is_some() {
            return Err(de::Error::invalid_length(2, &"1"));
        }
        let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
        for &[high, low] in pairs {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let byte = digit(high)
                .zip(digit(low))
                .and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
            self.0.push(byte.ok_or_else(|| de::Error::custom("not a hexadecimal digit"))?);
        }
        if !rest.is_empty() {
            return Err(de::Error::custom("half a hexadecimal byte"));
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::samples::{Generator, chunk_of};

    #[test]
    fn a_cell_tells_null_from_the_empty_string() {
        let chunk = chunk_of(&[&[None, Some(b"")], &[Some(b"a"), None]]);
        assert_eq!(chunk.cell(0, 0), Cell::Null);
        assert_eq!(chunk.cell(0, 1), Cell::Value(b""));
        assert_eq!(chunk.cell(1, 0), Cell::Value(b"a"));
        assert!(chunk.cell(1, 1).is_null() && !chunk.cell(0, 1).is_null());
        assert_eq!(chunk.cell(1, 1).bytes(), None);
    }

    #[test]
    fn outside_the_chunk_there_is_nothing() {
        let chunk = chunk_of(&[&[Some(b"a")]]);
        assert_eq!(chunk.cell(1, 0), Cell::Null);
        assert_eq!(chunk.cell(0, 1), Cell::Null);
    }

    #[test]
    fn bytes_that_are_not_text_are_escaped() {
        let chunk = chunk_of(&[&[Some(b"ok \xff\xc3 \xc3\xa9")]]);
        assert_eq!(chunk.cell(0, 0).text(), "ok \\xff\\xc3 é");
        assert_eq!(Cell::Null.text(), "");
        assert!(matches!(Cell::Value("é".as_bytes()).text(), Cow::Borrowed("é")));
    }

    #[test]
    fn the_memory_cost_counts_every_allocation() {
        let chunk = chunk_of(&[&[Some(b"abc"), None], &[Some(b"de"), Some(b"x")]]);
        let buffers = (5 + 3 * 4) + (1 + 3 * 4 + 8);
        assert_eq!(chunk.heap_bytes(), 2 * size_of::<Values>() + buffers);
        assert_eq!(chunk.value_bytes(), 6);
    }

    #[test]
    fn a_recorded_chunk_is_compact_json_and_comes_back_the_same() {
        let chunk = chunk_of(&[&[Some(b"a\n\"\xe2\x86\xb5"), None], &[Some(b""), Some(b"\xff0")]]);
        let text = serde_json::to_string(&chunk).unwrap();
        let columns = r#""columns":[["a\n\"↵",""],[null,["ff30"]]]}"#;
        assert_eq!(text, format!(r#"{{"rows":2,"digest":"{:016x}",{columns}"#, chunk.digest()));
        assert_eq!(serde_json::from_str::<Chunk>(&text).unwrap(), chunk);
    }

    #[test]
    fn random_chunks_survive_a_recording_bit_for_bit() {
        let mut generator = Generator::new(11);
        for _ in 0..200 {
            let chunk = generator.chunk();
            let text = serde_json::to_vec(&chunk).unwrap();
            let back = serde_json::from_slice::<Chunk>(&text).unwrap();
            assert!(
                back == chunk
                    && back.digest() == chunk.digest()
                    && back.heap_bytes() == chunk.heap_bytes()
            );
            let value = serde_json::to_value(&chunk).unwrap();
            assert_eq!(serde_json::from_value::<Chunk>(value).unwrap(), chunk);
        }
    }

    #[test]
    fn rows_without_columns_survive_a_recording() {
        let chunk = chunk_of(&[&[], &[], &[]]);
        assert_eq!((chunk.rows(), chunk.columns(), chunk.heap_bytes()), (3, 0, 0));
        let text = serde_json::to_string(&chunk).unwrap();
        assert_eq!(serde_json::from_str::<Chunk>(&text).unwrap(), chunk);
    }

    #[test]
    fn a_tampered_chunk_does_not_come_back() {
        let text =
            serde_json::to_string(&chunk_of(&[&[Some(b"12"), None], &[Some(b"3"), Some(b"\xff")]]))
                .unwrap();
        for (from, to) in [
            ("\"12\"", "\"13\""),
            ("[\"12\",\"3\"]", "[\"1\",\"23\"]"),
            ("null", "\"\""),
            ("\"3\"", "null"),
            ("[\"ff\"]", "[\"fe\"]"),
            ("[\"ff\"]", "[\"f\"]"),
            ("[\"ff\"]", "[\"fg\"]"),
            ("[\"ff\"]", "[]"),
            ("[\"ff\"]", "[\"ff\",\"\"]"),
            ("[null,", "["),
            ("\"rows\":2", "\"rows\":3"),
            ("\"rows\":2,", ""),
            ("\"rows\":2,", "\"rows\":2,\"more\":1,"),
            ("\"digest\":\"", "\"digest\":\"0"),
            ("\"columns\":[", "\"columns\":[[\"\",\"\"],"),
        ] {
            let tampered = text.replacen(from, to, 1);
            assert_ne!(tampered, text, "{from}");
            assert!(serde_json::from_str::<Chunk>(&tampered).is_err(), "{from} to {to}");
        }
    }

    #[test]
    fn a_chunk_whose_columns_have_too_few_rows_does_not_come_back_even_with_its_digest() {
        let chunk = chunk_of(&[&[Some(b"1")]]);
        let digest = digest(2, &chunk.columns);
        let text = format!(r#"{{"rows":2,"digest":"{digest:016x}","columns":[["1"]]}}"#);
        let error = serde_json::from_str::<Chunk>(&text).unwrap_err();
        assert!(error.to_string().contains("number of rows"), "{error}");
    }

    #[test]
    fn the_digest_tells_apart_how_the_same_bytes_are_cut() {
        let digests = [
            chunk_of(&[&[Some(b"ab"), Some(b"")]]),
            chunk_of(&[&[Some(b"a"), Some(b"b")]]),
            chunk_of(&[&[Some(b"a")], &[Some(b"b")]]),
            chunk_of(&[&[Some(b"ab")], &[Some(b"")]]),
            chunk_of(&[&[Some(b"ab")], &[None]]),
            chunk_of(&[&[], &[]]),
            chunk_of(&[&[]]),
        ]
        .map(|chunk| chunk.digest());
        let distinct = digests.iter().collect::<std::collections::BTreeSet<_>>();
        assert_eq!(distinct.len(), digests.len());
    }

    #[test]
    fn the_digest_is_xxh3_over_the_content_in_little_endian_order() {
        let mut content = Vec::new();
        content.extend(1_u64.to_le_bytes());
        content.extend(2_u64.to_le_bytes());
        content.extend([0_u32, 4].map(u32::to_le_bytes).concat());
        content.extend(0_u64.to_le_bytes());
        content.extend(b"tusk");
        content.extend([0_u32, 0].map(u32::to_le_bytes).concat());
        content.extend(1_u64.to_le_bytes());
        content.extend(1_u64.to_le_bytes());
        assert_eq!(
            chunk_of(&[&[Some(b"tusk"), None]]).digest(),
            xxhash_rust::xxh3::xxh3_64(&content)
        );
        // Offsets are hashed in blocks: one value pinned for a column longer than a block.
        let cells = vec![[Some(&b"abc"[..])]; 300];
        let cells = cells.iter().map(|row| row.as_slice()).collect::<Vec<_>>();
        let mut content = Vec::new();
        content.extend(300_u64.to_le_bytes());
        content.extend(1_u64.to_le_bytes());
        (0..=300_u32).for_each(|row| content.extend((3 * row).to_le_bytes()));
        content.extend(0_u64.to_le_bytes());
        content.extend(b"abc".repeat(300));
        assert_eq!(chunk_of(&cells).digest(), xxhash_rust::xxh3::xxh3_64(&content));
    }

    #[test]
    fn a_debug_print_shows_no_values() {
        let text = format!("{:?}", chunk_of(&[&[Some(b"private")]]));
        assert!(text.contains("rows: 1") && !text.contains("private"), "{text}");
    }

    #[test]
    fn a_column_knows_its_type() {
        let price = Column::new("price", 1700, (10 << 16 | 2) + 4);
        assert_eq!(price.type_name, "numeric(10,2)");
        assert!(price.is_numeric() && price.is_number() && !price.needs_lookup());
        let id = Column::new("id", 26, -1);
        assert!(id.is_numeric() && !id.is_number());
        let mut mood = Column::new("mood", 16_400, -1);
        assert!(mood.type_name.is_empty() && mood.needs_lookup() && !mood.is_numeric());
        mood.type_name = String::from("mood");
        assert!(!mood.needs_lookup());
    }
}
