//! From a configuration to a session: certificates, passwords and several servers, on real servers.
//!
//! What must be refused is refused, and the error says why; where a server has to lie, a made-up one does.

#![allow(clippy::result_large_err, reason = "tests do not mind a large error")]

mod attempt;
mod certificates;
mod client_certificates;
mod passwords;
mod peer;
mod servers;

use crate::support::server;
