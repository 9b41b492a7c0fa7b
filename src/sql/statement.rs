//! Statements: how a text is cut into them, what kind each is, what psql makes of the rest.

pub mod classify;
pub mod copy;
pub mod psql;
pub mod script;
pub mod split;
pub mod stream;
