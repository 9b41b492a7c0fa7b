//! Notices: short words to the user that pass by themselves.

use std::collections::VecDeque;

use serde::Serialize;

use crate::base::stamp::Stamp;

/// At most so many are kept; the oldest go.
const LIMIT: usize = 20;
/// A notice is shown for this long.
pub const SHOWN_MS: u64 = 6_000;

/// The notices, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Notices {
    list: VecDeque<Notice>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Notice {
    /// When it was given.
    pub at: Stamp,
    /// What it says.
    pub text: String,
}

impl Notices {
    /// Gives a notice; the same one again only renews it.
    pub fn push(&mut self, at: Stamp, text: String) {
        self.list.retain(|notice| notice.text != text);
        if self.list.len() == LIMIT {
            self.list.pop_front();
        }
        self.list.push_back(Notice { at, text });
    }

    /// Those that are shown at a time, the newest last.
    pub fn shown(&self, now: Stamp) -> impl Iterator<Item = &Notice> {
        self.list.iter().filter(move |notice| now.ms_since(notice.at) < SHOWN_MS)
    }

    /// Every one that is kept.
    pub fn iter(&self) -> impl Iterator<Item = &Notice> {
        self.list.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Stamp {
        Stamp { unix_us: 0, mono_us: ms * 1000 }
    }

    #[test]
    fn a_notice_passes_and_the_same_one_is_only_renewed() {
        let mut notices = Notices::default();
        notices.push(at(0), "one".into());
        notices.push(at(1), "two".into());
        notices.push(at(5_000), "one".into());
        let shown: Vec<&str> =
            notices.shown(at(6_500)).map(|notice| notice.text.as_str()).collect();
        assert_eq!(shown, ["one"]);
        assert_eq!(notices.iter().count(), 2);
    }
}
