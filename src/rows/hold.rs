//! How rows are held: packed into chunks as they come, in order, looked at by range.

pub mod builder;
pub mod chunk;
pub mod held;
mod list;
pub mod range;
