//! Rows, purely: how a result is held in memory, and everything that reads it.
//!
//! Rows arrive as PostgreSQL's own text, byte for byte. `builder` packs them column by column into a `chunk`; a
//! result keeps chunks (`held`), and the grid, the clipboard, the files and the status bar read them through
//! `display`, `export` and `summary`. Nothing in here holds a row object, and nothing knows of IO or of a clock.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod export;
pub mod hold;
pub mod show;

#[cfg(test)]
pub mod samples;

pub use hold::builder::{ChunkBuilder, MalformedRow};
pub use hold::chunk::{Cell, Chunk, Column};
pub use hold::held::Rows;
pub use hold::range::{Position, Range};
pub use show::summary::Summary;
