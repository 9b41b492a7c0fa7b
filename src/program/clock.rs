//! Where stamps come from: both of the system's clocks, read once for each message.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::base::stamp::Stamp;

/// Stamps messages.
pub trait Clock {
    /// Both clocks, now.
    fn stamp(&mut self) -> Stamp;
}

#[derive(Clone, Debug)]
pub struct SystemClock {
    began: Instant,
}

impl SystemClock {
    /// Its monotonic clock starts at zero now.
    pub fn start() -> Self {
        Self { began: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn stamp(&mut self) -> Stamp {
        // A clock set before 1970 is wrong whatever we make of it.
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Stamp {
            unix_us: i64::try_from(unix.as_micros()).unwrap_or(i64::MAX),
            mono_us: u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX),
        }
    }
}
