//! The user's files: opening and writing SQL files, in any encoding, never over somebody else's change.

pub mod contract;
pub mod prompt;

pub use contract::{
    DirectoryEntry, Effect, Expected, FileStamp, Msg, Outcome, Read, Saved, Unread,
};
