//! What is kept between two starts: tabs, connections, settings of the window, the history.

pub mod contract;
pub mod storage;

pub use contract::{
    Effect, HistoryEntry, HistoryOutcome, Kept, Msg, Opened, Outcome, Salvage, Saved,
    SavedConnection, SavedTab, TabPlace, Writes, note_writes,
};
