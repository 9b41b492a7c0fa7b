//! Where stamps come from: both clocks of the system, read once for each message.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::base::stamp::Stamp;

/// What stamps messages.
pub trait Clock {
    /// Both clocks, now.
    fn stamp(&mut self) -> Stamp;
}

#[derive(Clone, Debug)]
pub struct SystemClock {
    began: Instant,
}

impl SystemClock {
    /// The monotonic clock counts from now.
    pub fn start() -> Self {
        Self { began: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn stamp(&mut self) -> Stamp {
        // A clock that stands before 1970 is wrong whatever is made of it.
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Stamp {
            unix_us: i64::try_from(unix.as_micros()).unwrap_or(i64::MAX),
            mono_us: u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX),
        }
    }
}
