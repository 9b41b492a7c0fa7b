//! Ids, and the generator that issues them.
//!
//! Every id in the program comes from the Model, seeded by the first message, so that a recording
//! replays to the same ids. The runner keys its handles by them.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $from:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The next id of this kind.
            pub fn next(ids: &mut Ids) -> Self {
                Self(ids.$from())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A connection: a saved configuration, or one made for this run from a URL.
    ConnectionId,
    uuid
);
id!(
    /// A tab of the window.
    TabId,
    uuid
);
id!(
    /// A tab's server session: one link from a connection's pool.
    SessionId,
    uuid
);
id!(
    /// One execution of one statement; also its row in the history.
    QueryId,
    rising_uuid
);

/// Identifies an effect that answers once: the answer carries the same number, so that a stale one is recognised.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Request(pub u64);

/// The Model's id generator: SplitMix64, which is small, has a name and is the same everywhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ids {
    state: u64,
    requests: u64,
    /// The common beginning of the rising ids, and how many there were.
    #[serde(default)]
    rising: Option<(u64, u64)>,
}

impl Ids {
    /// A generator whose ids depend only on `seed`.
    pub fn seeded(seed: u64) -> Self {
        Self { state: seed, requests: 0, rising: None }
    }

    /// The next request number; they rise from 1.
    pub fn request(&mut self) -> Request {
        self.requests += 1;
        Request(self.requests)
    }

    fn uuid(&mut self) -> Uuid {
        let (high, low) = (self.next_u64(), self.next_u64());
        uuid::Builder::from_random_bytes(((u128::from(high) << 64) | u128::from(low)).to_be_bytes())
            .into_uuid()
    }

    /// A generator's ids begin alike and rise, so that the store's index of a long script's statements grows at its end
    /// and not all over.
    fn rising_uuid(&mut self) -> Uuid {
        let (first, number) = match self.rising {
            Some((first, number)) => (first, number + 1),
            None => (self.next_u64(), 0),
        };
        self.rising = Some((first, number));
        let bytes = (u128::from(first) << 64) | u128::from(number);
        uuid::Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid()
    }

    fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_ids_and_another_gives_others() {
        let mut one = Ids::seeded(7);
        let mut two = Ids::seeded(7);
        let mut other = Ids::seeded(8);
        let first = TabId::next(&mut one);
        assert_eq!(first, TabId::next(&mut two));
        assert_ne!(first, TabId::next(&mut one));
        assert_ne!(first, TabId::next(&mut other));
        assert_eq!(first.0.get_version_num(), 4);
    }

    #[test]
    fn ids_of_queries_rise_and_differ_between_generators() {
        let queries = |seed| {
            let mut ids = Ids::seeded(seed);
            (0..300).map(|_| QueryId::next(&mut ids)).collect::<Vec<_>>()
        };
        let (one, other) = (queries(7), queries(8));
        assert!(one.is_sorted_by(|before, after| before < after));
        assert!(one.iter().all(|query| !other.contains(query)));
        assert_eq!(one, queries(7));
    }

    #[test]
    fn requests_rise_from_one() {
        let mut ids = Ids::seeded(0);
        assert_eq!((ids.request(), ids.request()), (Request(1), Request(2)));
    }
}
