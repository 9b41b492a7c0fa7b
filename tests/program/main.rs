//! The built program, as a shell starts it: what it takes, prints, keeps and leaves behind.
//!
//! The tests share one server (`TestServer::shared`), each in a database of its own.

#[path = "../support/all.rs"]
mod support;

mod command_line;
mod conninfo;
mod ending;
mod files;
mod keychain;
mod leaks;
mod masking;
mod scripts;
mod stories;
