//! What every module uses: ids, stamps, secrets, editable text, a transaction's state.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod ids;
pub mod secret;
pub mod spelling;
pub mod stamp;
pub mod text;
pub mod transaction;
