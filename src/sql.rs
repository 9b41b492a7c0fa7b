//! What a text of SQL consists of, judged without a server.
//!
//! [`read`]: tokens, constants, names, places. [`statement`]: how a text splits into statements, by psql's rules, and
//! what kind each is. [`safety`]: what a read-only connection refuses, and which secrets to mask. Everything uses one
//! lexer, is pure and total: unfinished text is the usual case in an editor, never an error.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod encoding;
pub mod read;
pub mod safety;
pub mod statement;

#[cfg(test)]
pub mod growth;

pub use read::lex::{Token, TokenKind};
pub use statement::classify::{CopyDirection, Kind, SessionReset, TransactionControl, Verb};
pub use statement::split::{Piece, Splits, Statement};
