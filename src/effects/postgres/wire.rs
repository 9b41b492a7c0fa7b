//! The wire: the protocol's bytes, the tap that takes the rows out of them, and the sockets below.

pub mod encoding;
pub(super) mod frames;
pub(super) mod outflow;
pub(super) mod paced;
#[cfg(unix)]
pub(super) mod reactor;
pub(super) mod socket;
pub(super) mod tap;
