//! What tests share, each harness once. A test binary takes it whole and uses its own part of it.

#![allow(dead_code, unused_imports, reason = "each test binary uses its own part of it")]

pub mod effects;
pub mod flooding;
pub mod generated;
pub mod password_server;
pub mod program;
pub mod scripted;
pub mod server;
pub mod sshd;
pub mod stage;
pub mod traces;
