//! The user's files: opening and writing SQL files, in any encoding, never over somebody else's change.

pub mod contract;
pub mod dialog;
pub mod prompt;

pub use contract::{
    DirectoryEntry, Effect, Expected, FileStamp, Msg, Outcome, Read, Saved, Unread, Write,
};
pub use dialog::Dialog;
pub use prompt::Pendings;
