//! Each requirement of the backend by name: tests that fail when the code that they guard is broken.
//!
//! `docs/requirements.md` says which code and which test belong to which requirement.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "requirements/connection_pool.rs"]
mod connection_pool;
#[path = "requirements/credential.rs"]
mod credential;
#[path = "requirements/error_handling.rs"]
mod error_handling;
#[path = "requirements/logging.rs"]
mod logging;
#[path = "support/program.rs"]
mod program;
#[cfg(target_os = "linux")]
#[path = "requirements/prompter.rs"]
mod prompter;
#[path = "requirements/query_execution.rs"]
mod query_execution;
#[path = "support/server.rs"]
mod server;
#[path = "support/stage.rs"]
mod stage;
#[path = "requirements/state.rs"]
mod state;
#[path = "requirements/storage.rs"]
mod storage;
