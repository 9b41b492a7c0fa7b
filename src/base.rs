//! What every room is made of: ids, stamps, secrets, text that is edited, the state of a transaction.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod ids;
pub mod secret;
pub mod spelling;
pub mod stamp;
pub mod text;
pub mod transaction;
