//! Statements: how a text splits into them, what kind each is, and what to do with the rest, which is psql's.

pub mod classify;
pub mod copy;
pub mod psql;
pub mod script;
pub mod split;
pub mod stream;
