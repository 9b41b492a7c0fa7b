//! Reads a text of SQL: tokens, constants, names, places, encodings.

pub mod encodings;
pub mod lex;
pub mod literal;
pub mod names;
pub mod position;
