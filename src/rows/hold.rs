//! How rows are held: packed into chunks as they come, in order, and read by range.

pub mod builder;
pub mod chunk;
pub mod held;
mod list;
pub mod range;
