//! Timers: how `update` asks to be called again later, because it sees no clock but the stamp.

use serde::{Deserialize, Serialize};

use crate::base::ids::Request;

/// What a timer reports; each one that was started reports exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Msg {
    /// Its time has come. Ends [`Effect::Start`].
    Fired { timer: Request },
    /// It will not fire: it was stopped, or the program is shutting down. Ends [`Effect::Start`].
    Stopped { timer: Request },
}

/// What the runner is asked to do with timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Fire once, not before so many milliseconds have passed. Ends in `Fired` or `Stopped`.
    Start {
        /// The timer; one that is running under the same number is stopped first.
        timer: Request,
        /// How long to wait.
        after_ms: u64,
    },
    /// Let a timer go. It has no answer of its own: the timer's `Stopped` is one, and a timer that has
    /// fired already has answered.
    Stop { timer: Request },
}
