//! A tab's text and what runs of it: the editor, sessions, statements, their history and messages.

pub mod contract;
pub mod dialog;
pub mod editor;
pub mod file;
pub mod find;
pub mod history;
pub mod messages;
pub mod page;
pub mod read_only;
pub mod run;
pub mod session;
pub mod trouble;

pub use contract::{Effect, Msg, Outcome};
pub use dialog::Dialog;
pub use page::{Page, Pages};
