//! What the tests of rows share: rows as the wire carries them, and a small deterministic generator.

use std::sync::Arc;

use super::hold::{
    builder::ChunkBuilder,
    chunk::{Chunk, Column},
    held::Rows,
};

/// A row as a test writes it.
pub type Row<'row> = &'row [Option<&'row [u8]>];

/// The body of a DataRow message.
pub fn data_row<Value: AsRef<[u8]>>(row: &[Option<Value>]) -> Vec<u8> {
    let mut body = u16::try_from(row.len()).unwrap().to_be_bytes().to_vec();
    for cell in row {
        match cell.as_ref().map(AsRef::as_ref) {
            None => body.extend((-1_i32).to_be_bytes()),
            Some(bytes) => {
                body.extend(i32::try_from(bytes.len()).unwrap().to_be_bytes());
                body.extend(bytes);
            }
        }
    }
    body
}

/// A chunk of these rows.
pub fn chunk_of(rows: &[Row<'_>]) -> Chunk {
    let mut builder = ChunkBuilder::new(rows.first().map_or(0, |row| row.len()));
    for row in rows {
        builder.push_data_row(&data_row(row)).unwrap();
    }
    builder.finish()
}

/// A result of these rows, two to a chunk, so that every reader crosses chunk borders.
pub fn rows_of(columns: &[(&str, u32)], rows: &[Row<'_>]) -> Rows {
    let columns =
        columns.iter().map(|(name, oid)| Column::new(*name, *oid, -1)).collect::<Arc<[Column]>>();
    let mut held = Rows::new(columns);
    for part in rows.chunks(2) {
        assert!(held.append(Arc::new(chunk_of(part))));
    }
    held
}

/// A small generator of pseudo-random numbers (xorshift), the same on every machine.
pub struct Generator(u64);

impl Generator {
    /// A generator whose numbers follow from the seed.
    pub fn new(seed: u64) -> Self {
        Self(seed | 1 << 40)
    }

    /// A number below the bound.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % bound
    }

    /// A cell of any kind: NULL, empty, short, long, with separators, quotes, multi-byte and broken text.
    pub fn cell(&mut self) -> Option<Vec<u8>> {
        const PARTS: [&[u8]; 14] = [
            b"a",
            b"12345",
            b",",
            b"\"",
            b"\n",
            b"\r",
            b"\t",
            b"\\.",
            b"\\",
            "é".as_bytes(),
            "𝄞".as_bytes(),
            b"\xff",
            b" ",
            b"0123456789012345678901234567890123456789",
        ];
        let length = match self.below(8) {
            0 => return None,
            1 => 0,
            2 => 1,
            3 => self.below(60),
            _ => self.below(6),
        };
        Some((0..length).flat_map(|_| PARTS[self.below(PARTS.len())].iter().copied()).collect())
    }

    /// Rows of one width.
    pub fn rows(&mut self, rows: usize, columns: usize) -> Vec<Vec<Option<Vec<u8>>>> {
        (0..rows).map(|_| (0..columns).map(|_| self.cell()).collect()).collect()
    }

    /// A chunk of up to 150 rows and 5 columns.
    pub fn chunk(&mut self) -> Chunk {
        let (rows, columns) = (self.below(150), self.below(6));
        let mut builder = ChunkBuilder::new(columns);
        for row in self.rows(rows, columns) {
            builder.push_data_row(&data_row(&row)).unwrap();
        }
        builder.finish()
    }
}
