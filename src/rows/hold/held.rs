//! A result's rows: its columns, and its chunks in order.

use std::mem::size_of;
use std::ops;
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::chunk::{Cell, Chunk, Column};
use super::list::List;

/// A result's chunk. It serialises as its summary: the Model's hash must not cost as much as its rows do, and the
/// digest stands for them.
#[derive(Clone, Debug)]
pub struct Held(pub(super) Arc<Chunk>);

impl Held {
    pub fn chunk(&self) -> &Arc<Chunk> {
        &self.0
    }

    /// Its memory, including the shared allocation around it.
    pub fn heap_bytes(&self) -> usize {
        const COUNTERS: usize = 2 * size_of::<usize>();
        self.0.heap_bytes() + size_of::<Chunk>() + COUNTERS
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Serialize for Held {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut held = serializer.serialize_struct("Held", 3)?;
        held.serialize_field("rows", &self.0.rows())?;
        held.serialize_field("bytes", &self.0.heap_bytes())?;
        held.serialize_field("digest", &format_args!("{:016x}", self.0.digest()))?;
        held.end()
    }
}

/// The rows that a result holds so far. A clone shares everything and costs the same however many there are.
#[derive(Clone, Debug)]
pub struct Rows {
    columns: Arc<[Column]>,
    chunks: List,
    rows: u64,
    heap_bytes: u64,
}

/// What is shared is not looked into.
impl PartialEq for Rows {
    fn eq(&self, other: &Self) -> bool {
        let columns =
            || Arc::ptr_eq(&self.columns, &other.columns) || self.columns == other.columns;
        (self.rows, self.heap_bytes) == (other.rows, other.heap_bytes)
            && columns()
            && self.chunks == other.chunks
    }
}

impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_struct("Rows", 5)?;
        rows.serialize_field("columns", &self.columns)?;
        rows.serialize_field("chunks", &Each(|| self.chunks()))?;
        rows.serialize_field("starts", &Each(|| self.chunks.from(0).map(|(start, _)| start)))?;
        rows.serialize_field("rows", &self.rows)?;
        rows.serialize_field("heap_bytes", &self.heap_bytes)?;
        rows.end()
    }
}

/// What an iterator answers with, as a sequence.
struct Each<F>(F);

impl<I: IntoIterator<Item: Serialize>, F: Fn() -> I> Serialize for Each<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

impl Rows {
    /// No rows yet, of these columns.
    pub fn new(columns: Arc<[Column]>) -> Self {
        Self { columns, chunks: List::default(), rows: 0, heap_bytes: 0 }
    }

    /// Appends a chunk. Returns false, and does not take it, if its width differs from the result's.
    pub fn append(&mut self, chunk: Arc<Chunk>) -> bool {
        if chunk.columns() != self.columns.len() {
            return false;
        }
        if chunk.rows() == 0 {
            return true;
        }
        let held = Held(chunk);
        let start = self.rows;
        self.rows += held.0.rows() as u64;
        self.heap_bytes += held.heap_bytes() as u64;
        self.chunks.push(start, held);
        true
    }

    /// How many rows there are.
    pub fn len(&self) -> u64 {
        self.rows
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// What the chunks cost in memory.
    pub fn heap_bytes(&self) -> u64 {
        self.heap_bytes
    }

    pub fn columns(&self) -> &Arc<[Column]> {
        &self.columns
    }

    /// Fills in type names that the server has reported since; the columns' number stays.
    pub fn name_types(&mut self, name_of: impl Fn(&Column) -> Option<String>) {
        let named = |column: &Column| match name_of(column) {
            Some(type_name) if column.type_name.is_empty() => {
                Column { type_name, ..column.clone() }
            }
            _ => column.clone(),
        };
        self.columns = self.columns.iter().map(named).collect();
    }

    /// The chunks in order.
    pub fn chunks(&self) -> impl Iterator<Item = &Held> {
        self.chunks.from(0).map(|(_, held)| held)
    }

    /// A cell, or nothing outside the result.
    pub fn cell(&self, row: u64, column: usize) -> Option<Cell<'_>> {
        if row >= self.rows || column >= self.columns.len() {
            return None;
        }
        let (start, held) = self.chunks.find(row)?;
        Some(held.0.cell(usize::try_from(row - start).ok()?, column))
    }

    /// The chunks that hold these rows, each with its part of them.
    pub fn pieces(
        &self,
        rows: ops::Range<u64>,
    ) -> impl Iterator<Item = (&Arc<Chunk>, ops::Range<usize>)> {
        let rows = rows.start.min(self.rows)..rows.end.min(self.rows);
        let chunks = self.chunks.from(rows.start);
        chunks.take_while(move |(start, _)| *start < rows.end).filter_map(move |(start, held)| {
            let from = usize::try_from(rows.start.saturating_sub(start)).ok()?;
            let until = usize::try_from(rows.end - start).ok()?.min(held.0.rows());
            (from < until).then_some((&held.0, from..until))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::samples::{Generator, chunk_of, data_row, rows_of};

    fn numbered(sizes: &[usize]) -> Rows {
        let mut rows = Rows::new([Column::new("n", 23, -1)].into());
        let mut next = 0;
        for size in sizes {
            let mut builder = crate::rows::hold::builder::ChunkBuilder::new(1);
            for _ in 0..*size {
                builder.push_data_row(&data_row(&[Some(next.to_string())])).unwrap();
                next += 1;
            }
            assert!(rows.append(Arc::new(builder.finish())));
        }
        rows
    }

    #[test]
    fn every_row_is_found_in_its_chunk() {
        let rows = numbered(&[1, 0, 7, 64, 0, 3]);
        assert_eq!(rows.len(), 75);
        assert_eq!(rows.chunks().count(), 4);
        for row in 0..75 {
            assert_eq!(rows.cell(row, 0).unwrap().text(), row.to_string());
        }
        assert_eq!(rows.cell(75, 0), None);
        assert_eq!(rows.cell(0, 1), None);
        assert_eq!(rows.cell(u64::MAX, 0), None);
        assert_eq!(numbered(&[]).cell(0, 0), None);
    }

    #[test]
    fn pieces_cover_exactly_the_rows_asked_for() {
        let mut generator = Generator::new(3);
        let rows = numbered(&[5, 1, 9, 2, 30]);
        for _ in 0..500 {
            let (one, other) = (generator.below(60) as u64, generator.below(60) as u64);
            let range = one.min(other)..one.max(other);
            let texts = rows
                .pieces(range.clone())
                .flat_map(|(chunk, part)| part.map(|row| chunk.cell(row, 0).text().into_owned()))
                .collect::<Vec<_>>();
            let expected =
                range.filter(|row| *row < 47).map(|row| row.to_string()).collect::<Vec<_>>();
            assert_eq!(texts, expected);
        }
        assert_eq!(numbered(&[]).pieces(0..9).count(), 0);
    }

    #[test]
    fn a_result_of_many_chunks_is_looked_at_as_one_of_few() {
        let mut generator = Generator::new(5);
        let sizes = (0..2_500).map(|_| 1 + generator.below(3)).collect::<Vec<_>>();
        let rows = numbered(&sizes);
        assert_eq!(rows.len(), sizes.iter().sum::<usize>() as u64);
        assert_eq!(rows.chunks().map(|held| held.chunk().rows()).collect::<Vec<_>>(), sizes);
        for row in 0..rows.len() {
            assert_eq!(rows.cell(row, 0).unwrap().text(), row.to_string());
        }
        for _ in 0..200 {
            let (one, other) = (generator.below(6_000) as u64, generator.below(6_000) as u64);
            let range = one.min(other)..one.max(other);
            let count = rows.pieces(range.clone()).map(|(_, part)| part.len() as u64).sum::<u64>();
            let end = range.end.min(rows.len());
            assert_eq!(count, end.saturating_sub(range.start));
        }
        assert_eq!(rows, rows.clone());
        assert_eq!(rows, numbered(&sizes));
        assert_ne!(rows, numbered(&sizes[1..]));
    }

    #[test]
    fn rows_that_are_held_elsewhere_grow_without_them() {
        let mut rows = numbered(&[1; 100]);
        let drawn = rows.clone();
        assert!(rows.append(Arc::new(chunk_of(&[&[Some(b"100")]]))));
        assert_eq!((drawn.len(), rows.len()), (100, 101));
        assert_eq!((drawn.chunks().count(), rows.chunks().count()), (100, 101));
        assert_eq!(drawn.cell(100, 0), None);
        assert_eq!(rows.cell(100, 0).unwrap().text(), "100");
    }

    #[test]
    fn a_chunk_of_another_width_is_not_taken() {
        let mut rows = numbered(&[2]);
        assert!(!rows.append(Arc::new(chunk_of(&[&[None, None]]))));
        assert_eq!((rows.len(), rows.chunks().count()), (2, 1));
    }

    #[test]
    fn the_memory_cost_is_the_sum_of_its_chunks() {
        let rows = numbered(&[10, 20]);
        let chunks = rows.chunks().map(|held| held.chunk().heap_bytes() + size_of::<Chunk>() + 16);
        assert_eq!(rows.heap_bytes(), chunks.sum::<usize>() as u64);
        assert_eq!(numbered(&[]).heap_bytes(), 0);
    }

    #[test]
    fn a_result_serialises_as_its_summary() {
        let rows = rows_of(&[("secret", 25)], &[&[Some(b"private")], &[None]]);
        let text = serde_json::to_string(&rows).unwrap();
        let held = rows.chunks().next().unwrap();
        let summary = format!(
            r#"{{"rows":2,"bytes":{},"digest":"{:016x}"}}"#,
            held.chunk().heap_bytes(),
            held.chunk().digest()
        );
        assert!(text.contains(&summary) && !text.contains("private"), "{text}");
        let other = rows_of(&[("secret", 25)], &[&[Some(b"privatE")], &[None]]);
        assert_ne!(serde_json::to_string(&other).unwrap(), text);
        assert_ne!(other, rows);
    }

    #[test]
    fn types_are_named_when_the_server_has_told() {
        let mut rows = rows_of(&[("mood", 16_400), ("n", 23)], &[]);
        rows.name_types(|column| (column.type_oid != 1).then(|| String::from("mood")));
        let names =
            rows.columns().iter().map(|column| column.type_name.as_str()).collect::<Vec<_>>();
        assert_eq!(names, ["mood", "int4"]);
    }

    #[test]
    fn rows_without_columns_are_counted() {
        let rows = rows_of(&[], &[&[], &[], &[]]);
        assert_eq!(rows.len(), 3);
        assert_eq!(rows.cell(0, 0), None);
    }
}
