//! When a message was taken: the only clock that `update` sees.

use serde::{Deserialize, Serialize};

/// When a message was taken: both clocks at once. It is the only clock that `update` sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    /// The wall clock, in microseconds since 1970, UTC.
    pub unix_us: i64,
    /// The monotonic clock, in microseconds since the program began.
    pub mono_us: u64,
}

impl Stamp {
    /// Milliseconds from an earlier stamp to this one.
    pub fn ms_since(self, earlier: Stamp) -> u64 {
        self.mono_us.saturating_sub(earlier.mono_us) / 1000
    }

    /// The stamp this many milliseconds earlier.
    pub fn before_ms(self, ms: u64) -> Stamp {
        let us = ms.saturating_mul(1_000);
        Stamp {
            unix_us: self.unix_us.saturating_sub_unsigned(us),
            mono_us: self.mono_us.saturating_sub(us),
        }
    }

    /// Microseconds from an earlier stamp to this one.
    pub fn us_since(self, earlier: Stamp) -> u64 {
        self.mono_us.saturating_sub(earlier.mono_us)
    }
}
