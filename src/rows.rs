//! The pure room of rows: how a result is held in memory, and everything that reads it.
//!
//! Rows arrive as PostgreSQL's own text, byte for byte. `builder` packs them column by column into a `chunk`; a
//! result keeps chunks (`held`), and the grid, the clipboard, the files and the status bar read them through
//! `display`, `export` and `summary`. Nothing in here holds a row object, and nothing knows of IO or of a clock.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod builder;
pub mod chunk;
pub mod display;
pub mod export;
pub mod held;
pub mod range;
pub mod summary;
pub mod type_name;

#[cfg(test)]
pub mod samples;

pub use builder::{ChunkBuilder, MalformedRow};
pub use chunk::{Cell, Chunk, Column};
pub use held::Rows;
pub use range::{Position, Range};
pub use summary::Summary;
