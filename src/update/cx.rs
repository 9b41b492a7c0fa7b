//! What every room of `update` may use: the time, ids, a word to the user, the settings to read, and a way to ask for
//! something to be done.

use std::collections::VecDeque;

use serde::Serialize;

use super::{notices::Notices, outcome::Outcome};
use crate::{
    base::{
        ids::{Ids, Request},
        stamp::Stamp,
    },
    effect::Effect,
    settings::Settings,
};

/// What a feature has at hand beside its own state. It is a part of the Model and holds none of the others.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cx {
    /// The stamp of the last message.
    pub now: Stamp,
    /// Where ids come from.
    pub ids: Ids,
    /// What the user fixed. Only the settings' own room changes it.
    pub settings: Settings,
    /// Short words to the user.
    pub notices: Notices,
    /// What this message has asked for so far: empty between two messages.
    #[serde(skip)]
    asked: Vec<Effect>,
    /// What rooms have left to others and nobody has taken up so far: empty between two messages.
    #[serde(skip)]
    left: VecDeque<Outcome>,
}

impl Cx {
    /// As it is before anything has happened.
    pub fn new(seed: u64, now: Stamp) -> Self {
        Self { now, ids: Ids::seeded(seed), ..Self::default() }
    }

    /// Asks for something to be done, behind all that was asked for before.
    pub fn ask(&mut self, effect: impl Into<Effect>) {
        self.asked.push(effect.into());
    }

    /// Asks for each of these.
    pub fn ask_all(&mut self, effects: impl IntoIterator<Item = Effect>) {
        self.asked.extend(effects);
    }

    /// Leaves something to the rooms beside and above.
    pub fn leave(&mut self, outcome: impl Into<Outcome>) {
        self.left.push_back(outcome.into());
    }

    /// The oldest outcome that nobody has taken up.
    pub(super) fn take_outcome(&mut self) -> Option<Outcome> {
        self.left.pop_front()
    }

    /// A request number that no other effect has.
    pub fn request(&mut self) -> Request {
        self.ids.request()
    }

    /// Tells the user something.
    pub fn notify(&mut self, text: impl Into<String>) {
        self.notices.push(self.now, text.into());
    }

    /// All that was asked for, in its order.
    pub(crate) fn take_asked(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.asked)
    }
}
