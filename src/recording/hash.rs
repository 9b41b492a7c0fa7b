//! The hashes of a recording: one of the Model, one over the lines.

use std::io::{self, Write};

use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed};

use crate::model::Model;

/// The name of the Model's hash, as the file's first line has it.
pub const ALGORITHM: &str = "XXH3-128 of the Model's JSON";

/// The hash of a Model: the same on every machine and in every build.
pub fn of_model(model: &Model) -> io::Result<u128> {
    let mut hasher = io::BufWriter::with_capacity(64 << 10, Hasher(Xxh3::new()));
    serde_json::to_writer(&mut hasher, model)?;
    let Hasher(hasher) = hasher.into_inner().map_err(io::Error::from)?;
    Ok(hasher.digest128())
}

/// The hash of a line that follows a line with this hash.
pub fn of_line(before: u64, line: &[u8]) -> u64 {
    xxh3_64_with_seed(line, before)
}

struct Hasher(Xxh3);

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
