//! Each requirement of the backend by name: tests that fail when the code that they guard is broken.
//!
//! `docs/requirements.md` says which code and which test belong to which requirement.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod connection_pool;
mod credential;
mod error_handling;
mod logging;
#[cfg(target_os = "linux")]
mod prompter;
mod query_execution;
mod state;
mod storage;

use crate::support::{program, server, stage};
