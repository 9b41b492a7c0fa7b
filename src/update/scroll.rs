//! Where a list is scrolled to. Its room keeps it beside the list; the shell moves it as the list is used.

use std::ops::Range;

use serde::Serialize;

/// Where a list is scrolled to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sight {
    /// How far, in logical pixels at 100 %.
    pub(super) scrolled: u64,
    /// How much room the window gave it. Without a window it follows from the window's size.
    pub(super) drawn: Option<u64>,
    /// What it was last scrolled for, and in how much room: a list that nothing moves in stays where it is.
    seen: Option<([u64; 3], u64)>,
}

/// What is different from the last time that a list was looked at.
pub(super) enum Change {
    /// Something else is to be seen.
    Chosen,
    /// Only the room for it is another one.
    Room { before: u64 },
}

impl Sight {
    /// How far it is scrolled, in logical pixels at 100 %.
    pub fn scrolled(&self) -> u64 {
        self.scrolled
    }

    /// What is different from the last time.
    pub(super) fn change(&mut self, chosen: [u64; 3], room: u64) -> Option<Change> {
        match self.seen.replace((chosen, room)) {
            Some((before, room_before)) if before == chosen => {
                (room_before != room).then_some(Change::Room { before: room_before })
            }
            _ => Some(Change::Chosen),
        }
    }

    /// Brings a part of a list that is so high into sight, where `room` of it is seen at once.
    pub(super) fn reveal(&mut self, part: Range<u64>, height: u64, room: u64) {
        let least = part.end.saturating_sub(room);
        self.scrolled = self.scrolled.max(least).min(part.start);
        self.scrolled = self.scrolled.min(height.saturating_sub(room));
    }

    /// What of the list is in sight, by its height.
    pub(super) fn part(&self, room: u64) -> Range<u64> {
        self.scrolled..self.scrolled.saturating_add(self.drawn.unwrap_or(room))
    }
}
