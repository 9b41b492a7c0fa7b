//! From a configuration to a session: certificates, passwords and several servers, on real servers.
//!
//! What must be refused is refused, and the error says why; where a server has to lie, a made-up one does.

#![allow(clippy::result_large_err, reason = "tests do not mind a large error")]

#[path = "connecting/attempt.rs"]
mod attempt;
#[path = "connecting/certificates.rs"]
mod certificates;
#[path = "connecting/client_certificates.rs"]
mod client_certificates;
#[path = "connecting/passwords.rs"]
mod passwords;
#[path = "connecting/peer.rs"]
mod peer;
#[path = "support/server.rs"]
mod server;
#[path = "connecting/servers.rs"]
mod servers;
