//! Packs rows from the wire into chunks: the hottest loop of the program.
//!
//! A DataRow's body is read once, and each cell is appended to its column. Scratch buffers are kept between chunks,
//! so that a row or a cell allocates nothing; `finish` copies each column into slices of exact size. Scratch always
//! has some bytes to spare behind the last value, because most values are short, and copying a fixed number of bytes
//! (a few of them too many, overwritten by the next value) is far cheaper than asking `memcpy` for the exact number.

use std::fmt;

use super::chunk::{CHUNK_BYTES, CHUNK_CELLS, CHUNK_ROWS, Chunk, Values};

/// Values up to this many bytes are copied as one fixed block.
const SHORT: usize = 16;
/// Values up to this many bytes (a timestamp, a uuid) are copied as one larger fixed block.
const MIDDLE: usize = 48;
/// What one column's scratch may keep after a chunk. A larger buffer is handed over to the chunk instead of copied.
const SCRATCH_COLUMN_BYTES_MAX: usize = 2 * CHUNK_BYTES;
/// What all columns' scratch together may keep after a chunk.
const SCRATCH_BYTES_MAX: usize = 8 * CHUNK_BYTES;

/// Why a row was not taken. The builder is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MalformedRow {
    /// The body ends inside a length or a value.
    Short,
    /// A length is negative, and not the -1 of NULL.
    NegativeLength,
    /// The row has another number of columns than the result.
    ColumnCount,
    /// Bytes follow the last value.
    TrailingBytes,
    /// The chunk can't address so many bytes: it must be finished first.
    TooLarge,
    /// There is no memory for a value of this size.
    NoMemory,
}

impl fmt::Display for MalformedRow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Short => "a row ended before its last value",
            Self::NegativeLength => "a value of a row has a negative length",
            Self::ColumnCount => "a row has another number of columns than its result",
            Self::TrailingBytes => "a row has bytes after its last value",
            Self::TooLarge => "a row does not fit into its chunk",
            Self::NoMemory => "there is no memory for a value of this size",
        })
    }
}

impl std::error::Error for MalformedRow {}

/// In an end, the bit that says NULL.
const NULL: u32 = 1 << 31;
/// The most bytes of a chunk: what the other bits of an end can tell. One row of the wire's 1 GB always fits.
const BYTES_MAX: usize = (NULL - 1) as usize;

/// Collects rows until a chunk of them is finished.
pub struct ChunkBuilder {
    columns: Vec<Scratch>,
    /// Where each value ends in its column's scratch, with the bit of NULL, row by row. A row is written at one
    /// place; `finish` sorts the ends by column.
    ends: Vec<u32>,
    rows: usize,
    /// Rows of a full chunk: of many columns they are fewer, because an empty cell has a price too.
    rows_max: usize,
    bytes: usize,
}

impl ChunkBuilder {
    /// A builder for rows of so many columns.
    pub fn new(columns: usize) -> Self {
        let rows_max = (CHUNK_CELLS / columns.max(1)).clamp(1, CHUNK_ROWS);
        let columns = (0..columns).map(|_| Scratch::default()).collect();
        Self { columns, ends: Vec::new(), rows: 0, rows_max, bytes: 0 }
    }

    /// Appends a row: the body of a DataRow message.
    #[inline]
    pub fn push_data_row(&mut self, body: &[u8]) -> Result<(), MalformedRow> {
        self.make_room(body.len())?;
        if body.len() > SCRATCH_COLUMN_BYTES_MAX {
            self.make_room_for_giants(body)?;
        }
        if let Err(error) = self.append(body) {
            self.forget_row();
            return Err(error);
        }
        self.rows += 1;
        // What is not a length is a value, so that the cells need not be counted one by one.
        self.bytes += body.len() - 2 - 4 * self.columns.len();
        Ok(())
    }

    /// Appends a row of one column: a line of COPY's output, whose line end is not part of the value.
    pub fn push_line(&mut self, line: &[u8]) -> Result<(), MalformedRow> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        self.make_room(line.len())?;
        let [column] = self.columns.as_mut_slice() else {
            return Err(MalformedRow::ColumnCount);
        };
        if line.len() > SCRATCH_COLUMN_BYTES_MAX {
            column.make_room(line.len())?;
        }
        column.append(line, line.len());
        self.ends[self.rows] = column.used as u32;
        self.rows += 1;
        self.bytes += line.len();
        Ok(())
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of values since the last chunk.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether no row came since the last chunk.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whether it is time to finish the chunk.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.rows >= self.rows_max || self.bytes >= CHUNK_BYTES
    }

    /// The chunk of the rows so far. The builder is empty again and keeps its scratch, unless that grew giant.
    pub fn finish(&mut self) -> Chunk {
        let (rows, width) = (self.rows, self.columns.len());
        let ends = &self.ends[..rows * width];
        let values = self.columns.iter_mut().enumerate().map(|(column, scratch)| {
            // Of no rows there are no ends to start in.
            let ends = ends.get(column..).unwrap_or_default().iter().step_by(width);
            scratch.take(rows, ends.copied())
        });
        let values = values.collect::<Box<[Values]>>();
        if self.columns.iter().map(|column| column.bytes.len()).sum::<usize>() > SCRATCH_BYTES_MAX {
            self.columns.iter_mut().for_each(|column| column.bytes = Vec::new());
        }
        self.rows = 0;
        self.bytes = 0;
        // `make_room` keeps the number of rows below 2^31.
        Chunk::new(rows as u32, values)
    }

    #[inline]
    fn make_room(&mut self, body_bytes: usize) -> Result<(), MalformedRow> {
        // A row counts as a byte at least, so that no number of empty rows overflows either.
        if self.bytes + self.rows + body_bytes >= BYTES_MAX {
            return Err(MalformedRow::TooLarge);
        }
        if self.ends.len() < (self.rows + 1) * self.columns.len() {
            self.grow_rows();
        }
        Ok(())
    }

    /// Allocates the memory of giant values before they are copied. An invalid row is refused afterwards.
    #[cold]
    fn make_room_for_giants(&mut self, body: &[u8]) -> Result<(), MalformedRow> {
        let mut rest = body.get(2..).unwrap_or_default();
        for column in &mut self.columns {
            let Some((head, tail)) = rest.split_first_chunk::<4>() else {
                break;
            };
            let size = usize::try_from(i32::from_be_bytes(*head)).unwrap_or(0);
            let Some(tail) = tail.get(size..) else { break };
            if size > SCRATCH_COLUMN_BYTES_MAX {
                column.make_room(size)?;
            }
            rest = tail;
        }
        Ok(())
    }

    // There are many small results: a builder starts with room for few rows and reaches a chunk's in a few steps.
    #[cold]
    fn grow_rows(&mut self) {
        let rows = (self.rows * 4).max(64);
        // A full chunk needs no more room; whoever fills it further still gets it.
        let rows = if self.rows < self.rows_max { rows.min(self.rows_max) } else { rows };
        self.ends.resize(rows * self.columns.len(), 0);
    }

    #[inline]
    fn append(&mut self, body: &[u8]) -> Result<(), MalformedRow> {
        let (count, mut rest) = body.split_first_chunk::<2>().ok_or(MalformedRow::Short)?;
        let width = self.columns.len();
        if usize::from(u16::from_be_bytes(*count)) != width {
            return Err(MalformedRow::ColumnCount);
        }
        let ends = &mut self.ends[self.rows * width..][..width];
        for (column, end) in self.columns.iter_mut().zip(ends) {
            let (head, tail) = rest.split_first_chunk::<4>().ok_or(MalformedRow::Short)?;
            let length = i32::from_be_bytes(*head);
            // NULL takes the same path as an empty value: one more bit, and no branch.
            let null = length == -1;
            let size = if null { 0 } else { length as u32 as usize };
            if size > tail.len() {
                return Err(if length < 0 {
                    MalformedRow::NegativeLength
                } else {
                    MalformedRow::Short
                });
            }
            column.append(tail, size);
            *end = column.used as u32 | if null { NULL } else { 0 };
            rest = &tail[size..];
        }
        if rest.is_empty() { Ok(()) } else { Err(MalformedRow::TrailingBytes) }
    }

    // Bytes after a column's last value are never read, so only the ends go back.
    #[cold]
    fn forget_row(&mut self) {
        let width = self.columns.len();
        let last = self.rows.checked_sub(1).map(|row| row * width);
        for (position, column) in self.columns.iter_mut().enumerate() {
            column.used = last.map_or(0, |last| (self.ends[last + position] & !NULL) as usize);
        }
    }
}

/// One column's bytes while it grows: `bytes` is as long as its room, and values end at `used`.
#[derive(Default)]
struct Scratch {
    bytes: Vec<u8>,
    used: usize,
}

impl Scratch {
    /// Makes sure that there is memory for a value of this size.
    fn make_room(&mut self, size: usize) -> Result<(), MalformedRow> {
        let more = (self.used + size + MIDDLE).saturating_sub(self.bytes.len());
        self.bytes.try_reserve_exact(more).map_err(|_| MalformedRow::NoMemory)
    }

    /// Appends the first `size` bytes of `source`, and may copy some beyond them, which nothing reads.
    #[inline(always)]
    fn append(&mut self, source: &[u8], size: usize) {
        let start = self.used;
        self.used = start + size;
        let target = self.bytes.get_mut(start..).unwrap_or_default();
        if size <= SHORT {
            if let (Some(target), Some(source)) =
                (target.first_chunk_mut(), source.first_chunk::<SHORT>())
            {
                *target = *source;
                return;
            }
        } else if size <= MIDDLE
            && let (Some(target), Some(source)) =
                (target.first_chunk_mut(), source.first_chunk::<MIDDLE>())
        {
            *target = *source;
            return;
        }
        match target.get_mut(..size) {
            Some(target) => target.copy_from_slice(&source[..size]),
            None => self.append_growing(start, &source[..size]),
        }
    }

    #[cold]
    fn append_growing(&mut self, start: usize, value: &[u8]) {
        self.bytes.truncate(start);
        // A giant value gets what it needs; anything else doubles, so that growing is rare.
        let doubled = (2 * self.bytes.capacity()).min(SCRATCH_COLUMN_BYTES_MAX);
        let needed = (start + value.len() + MIDDLE).max(doubled).max(1024);
        // For a giant value there is room by now, and all else is small.
        let room = self.bytes.try_reserve_exact(needed - start);
        room.unwrap_or_default();
        self.bytes.extend_from_slice(value);
        self.bytes.resize(needed, 0);
    }

    fn take(&mut self, rows: usize, ends: impl Iterator<Item = u32>) -> Values {
        let mut offsets = vec![0; rows + 1];
        let mut any_null = 0;
        for (offset, end) in offsets.iter_mut().skip(1).zip(ends) {
            *offset = end;
            any_null |= end & NULL;
        }
        let nulls = if any_null == 0 { Box::default() } else { take_null_bits(&mut offsets) };
        let used = std::mem::take(&mut self.used);
        let bytes = if self.bytes.len() > SCRATCH_COLUMN_BYTES_MAX {
            // Never two copies of something giant.
            let mut bytes = std::mem::take(&mut self.bytes);
            bytes.truncate(used);
            bytes.into_boxed_slice()
        } else {
            Box::from(&self.bytes[..used])
        };
        Values { bytes, offsets: offsets.into_boxed_slice(), nulls }
    }
}

/// Moves the bits of NULL out of a column's offsets into a bitmap.
fn take_null_bits(offsets: &mut [u32]) -> Box<[u64]> {
    let bits = |rows: &mut [u32]| {
        let bit = |(row, end): (usize, &mut u32)| {
            let null = u64::from(*end >> 31);
            *end &= !NULL;
            null << row
        };
        rows.iter_mut().enumerate().map(bit).fold(0, |word, bit| word | bit)
    };
    offsets.get_mut(1..).unwrap_or_default().chunks_mut(64).map(bits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{
        hold::chunk::Cell,
        samples::{Generator, data_row},
    };

    #[test]
    fn the_bytes_put_in_are_the_bytes_read_out() {
        let mut generator = Generator::new(5);
        for _ in 0..60 {
            let columns = generator.below(7);
            let mut builder = ChunkBuilder::new(columns);
            // Several chunks from one builder: what one leaves in the scratch must not show in the next.
            for _ in 0..3 {
                let count = generator.below(200);
                let rows = generator.rows(count, columns);
                for row in &rows {
                    builder.push_data_row(&data_row(row)).unwrap();
                }
                let bytes = rows.iter().flatten().flatten().map(Vec::len).sum::<usize>();
                assert_eq!(
                    (builder.rows(), builder.bytes(), builder.is_empty()),
                    (count, bytes, count == 0)
                );
                let chunk = builder.finish();
                assert_eq!(
                    (chunk.rows(), chunk.columns(), chunk.value_bytes()),
                    (count, columns, bytes)
                );
                for (row, expected) in rows.iter().enumerate() {
                    for (column, expected) in expected.iter().enumerate() {
                        assert_eq!(
                            chunk.cell(row, column).bytes(),
                            expected.as_deref(),
                            "{row} {column}"
                        );
                    }
                }
                assert!(builder.is_empty() && builder.bytes() == 0);
            }
        }
    }

    #[test]
    fn values_of_every_length_arrive_whole() {
        let text = (0..200_u8).collect::<Vec<_>>();
        for columns in 1..3 {
            let mut builder = ChunkBuilder::new(columns);
            for length in 0..text.len() {
                builder.push_data_row(&data_row(&vec![Some(&text[..length]); columns])).unwrap();
            }
            let chunk = builder.finish();
            for length in 0..text.len() {
                for column in 0..columns {
                    assert_eq!(chunk.cell(length, column), Cell::Value(&text[..length]));
                }
            }
        }
    }

    #[test]
    fn a_malformed_row_leaves_the_builder_as_it_was() {
        let good = data_row(&[Some("first"), None, Some("third")]);
        let length_of_last = good.len() - 5 - 4;
        let mut negative = good.clone();
        negative[length_of_last..length_of_last + 4].copy_from_slice(&(-2_i32).to_be_bytes());
        let mut long = good.clone();
        long[length_of_last..length_of_last + 4].copy_from_slice(&6_i32.to_be_bytes());
        let mut short = good.clone();
        short[length_of_last..length_of_last + 4].copy_from_slice(&4_i32.to_be_bytes());
        let cases = [
            (negative, MalformedRow::NegativeLength),
            (long, MalformedRow::Short),
            (short, MalformedRow::TrailingBytes),
            (data_row(&[None::<&str>, None]), MalformedRow::ColumnCount),
            (data_row::<&str>(&[None; 4]), MalformedRow::ColumnCount),
            (vec![], MalformedRow::Short),
            (vec![0], MalformedRow::Short),
        ];
        let mut expected = ChunkBuilder::new(3);
        let mut builder = ChunkBuilder::new(3);
        for row in 0..130 {
            let body = data_row(&[
                Some(format!("row {row}")),
                (row % 3 == 0).then(String::new),
                Some(String::new()),
            ]);
            builder.push_data_row(&body).unwrap();
            expected.push_data_row(&body).unwrap();
            for (body, error) in &cases {
                assert_eq!(builder.push_data_row(body), Err(*error));
            }
            for cut in 2..good.len() {
                assert_eq!(builder.push_data_row(&good[..cut]), Err(MalformedRow::Short));
            }
            assert_eq!((builder.rows(), builder.bytes()), (expected.rows(), expected.bytes()));
        }
        assert_eq!(builder.finish(), expected.finish());
    }

    #[test]
    fn a_chunk_is_full_at_its_rows_or_its_bytes() {
        let mut builder = ChunkBuilder::new(1);
        let body = data_row(&[Some("x")]);
        for _ in 0..CHUNK_ROWS {
            assert!(!builder.is_full());
            builder.push_data_row(&body).unwrap();
        }
        assert!(builder.is_full());
        assert_eq!(builder.finish().rows(), CHUNK_ROWS);
        let body = data_row(&[Some(vec![b'x'; CHUNK_BYTES / 4])]);
        for _ in 0..4 {
            assert!(!builder.is_full());
            builder.push_data_row(&body).unwrap();
        }
        assert!(builder.is_full());
    }

    #[test]
    fn rows_beyond_a_full_chunk_are_still_taken() {
        let mut builder = ChunkBuilder::new(1);
        for row in 0..3 * CHUNK_ROWS {
            builder.push_data_row(&data_row(&[(row % 2 == 0).then(|| row.to_string())])).unwrap();
        }
        let chunk = builder.finish();
        assert_eq!(chunk.rows(), 3 * CHUNK_ROWS);
        assert_eq!(chunk.cell(3 * CHUNK_ROWS - 2, 0).text(), "12286");
        assert!(chunk.cell(3 * CHUNK_ROWS - 1, 0).is_null());
    }

    #[test]
    fn a_giant_row_is_taken_and_its_memory_goes_with_the_chunk() {
        let giant = vec![b'g'; 3 * SCRATCH_COLUMN_BYTES_MAX];
        let mut builder = ChunkBuilder::new(2);
        builder.push_data_row(&data_row(&[Some(&b"small"[..]), Some(&giant)])).unwrap();
        assert!(builder.is_full());
        let chunk = builder.finish();
        assert_eq!(chunk.cell(0, 1), Cell::Value(&giant));
        assert!(chunk.heap_bytes() < giant.len() + 1024);
        assert!(
            builder
                .columns
                .iter()
                .all(|column| column.bytes.capacity() <= SCRATCH_COLUMN_BYTES_MAX)
        );
        builder.push_data_row(&data_row(&[None, Some(b"next")])).unwrap();
        assert_eq!(builder.finish().cell(0, 1), Cell::Value(b"next"));
    }

    #[test]
    fn a_row_that_the_offsets_can_not_address_waits_for_the_next_chunk() {
        let mut builder = ChunkBuilder::new(1);
        let body = data_row(&[Some("value")]);
        builder.push_data_row(&body).unwrap();
        let bytes = builder.bytes;
        builder.bytes = BYTES_MAX - body.len();
        assert_eq!(builder.push_data_row(&body), Err(MalformedRow::TooLarge));
        assert_eq!(builder.push_line(&[b'x'; 11]), Err(MalformedRow::TooLarge));
        builder.bytes = bytes;
        assert_eq!(builder.finish().rows(), 1);
        assert_eq!(builder.push_data_row(&body), Ok(()));
    }

    #[test]
    fn scratch_of_all_columns_together_stays_bounded() {
        let mut builder = ChunkBuilder::new(20);
        let large = vec![b'x'; CHUNK_BYTES];
        for column in 0..20 {
            let row = (0..20).map(|at| (at == column).then_some(&large)).collect::<Vec<_>>();
            builder.push_data_row(&data_row(&row)).unwrap();
            assert_eq!(builder.finish().cell(0, column), Cell::Value(&large));
            let kept = builder.columns.iter().map(|column| column.bytes.capacity()).sum::<usize>();
            assert!(kept <= SCRATCH_BYTES_MAX, "{kept}");
        }
    }

    #[test]
    fn rows_without_columns_are_counted() {
        let mut builder = ChunkBuilder::new(0);
        for _ in 0..100 {
            builder.push_data_row(&[0, 0]).unwrap();
        }
        assert_eq!(builder.push_data_row(&[0, 0, 0]), Err(MalformedRow::TrailingBytes));
        let chunk = builder.finish();
        assert_eq!((chunk.rows(), chunk.columns()), (100, 0));
    }

    #[test]
    fn a_line_of_copy_is_a_row_without_its_line_end() {
        let mut builder = ChunkBuilder::new(1);
        builder.push_line(b"1\tone\n").unwrap();
        builder.push_line(b"\n").unwrap();
        builder.push_line(b"no end").unwrap();
        assert_eq!((builder.rows(), builder.bytes()), (3, 11));
        let chunk = builder.finish();
        let cells = [0, 1, 2].map(|row| chunk.cell(row, 0));
        assert_eq!(cells, [Cell::Value(b"1\tone"), Cell::Value(b""), Cell::Value(b"no end")]);
        assert_eq!(ChunkBuilder::new(2).push_line(b"x"), Err(MalformedRow::ColumnCount));
    }

    #[test]
    fn an_empty_builder_finishes_an_empty_chunk() {
        let chunk = ChunkBuilder::new(2).finish();
        assert_eq!((chunk.rows(), chunk.columns(), chunk.value_bytes()), (0, 2, 0));
    }
}
