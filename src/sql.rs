//! The `sql` room: what a text of SQL consists of, told without a server.
//!
//! A buffer is cut into statements by psql's rules (`split`), each statement says what kind it is
//! (`classify`) and what a read-only connection may do with it (`guard`), secrets are masked before
//! a text is kept (`mask`), commands of psql are judged (`psql`), what a script comes to is told (`script`, and `stream`
//! for one that is read in blocks), the server's positions are found again in the text (`position`), and names are read (`names`), as are constants (`literal`), encodings (`encodings`) and places in the data of a COPY (`copy`). All of it stands on one lexer (`lex`). Everything here is pure and total:
//! unfinished text is the usual case in an editor, never an error.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod classify;
pub mod copy;
pub mod encodings;
pub mod guard;
pub mod lex;
pub mod literal;
pub mod mask;
pub mod names;
pub mod position;
pub mod psql;
pub mod script;
pub mod split;
pub mod stream;

#[cfg(test)]
pub mod growth;

pub use classify::{CopyDirection, Kind, SessionReset, TransactionControl, Verb};
pub use lex::{Token, TokenKind};
pub use split::{Piece, Splits, Statement};
