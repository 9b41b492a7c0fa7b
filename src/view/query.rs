//! A tab's editor, the search in it, and its messages.

pub mod editors;
pub mod find;
pub mod messages;
