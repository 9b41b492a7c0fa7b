//! Tusk, a native PostgreSQL client. This is the map: one sentence for each room.
//!
//! - [`msg`]: everything that can happen, as plain data. [`effect`]: everything that can be asked for.
//! - [`model`]: the one state of the program. [`update`]: the pure function that changes it.
//! - [`base`]: ids, stamps, secrets, text under edit. [`failure`]: one shape for every error, and what to do about it.
//! - [`conninfo`]: what libpq's parameters say. [`settings`]: what a user may fix. [`catalog`]: what is in a database.
//! - [`sql`]: what a text of SQL consists of. [`rows`]: how a result is held, shown and written.
//! - [`screen`]: what the window says, as plain data: every text and mark, and no pixel.
//! - [`effects`]: the runner, which does what effects say and answers with messages.
//! - `view`: the window, which draws what [`screen`] says (with the feature `gui` alone).
//! - [`program`]: the loop around [`update`], shared by the window and the headless driver.
//! - [`story`]: scripts that drive the program with no window. [`recording`]: every message of a run, in a file.
//!
//! One direction only: view → `Msg` → `update` → `Model` and `Vec<Effect>` → runner → `Msg`.

#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)
)]

pub mod base;
pub mod catalog;
pub mod conninfo;
pub mod effect;
pub mod effects;
pub mod failure;
#[cfg(test)]
#[path = "../tests/support/generated.rs"]
mod generated;
#[cfg(test)]
mod instructions;
pub mod model;
pub mod msg;
pub mod program;
pub mod recording;
pub mod rows;
pub mod screen;
pub mod settings;
pub mod sql;
pub mod story;
pub mod update;
#[cfg(feature = "gui")]
pub mod view;
