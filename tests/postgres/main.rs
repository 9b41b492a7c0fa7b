//! The effects on real servers of PostgreSQL and of SSH.
//!
//! The tests share one server (`TestServer::shared`), each in a database of its own. A test that looks at more than its
//! own database, or stops or changes the server, starts one for itself.

#[path = "../support/all.rs"]
mod support;

mod connecting;
mod encodings;
mod own_sql;
mod postgres_effects;
mod read_only;
mod requirements;
mod ssh;
