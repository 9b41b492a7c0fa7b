//! The quote or comment that a text leaves open.
//!
//! While somebody types a quote, the rest of the text is inside it until the second one is there. An edit inside it
//! changes nothing but its length, unless it closes it. To find that out, only the changed part is read: the reading
//! inside it has checkpoints from which it can continue, and if it reaches one after the edit in the same state as
//! before, the rest is unchanged.

use super::{Source, follow::Change};
use crate::sql::read::lex::{self, BackslashRule, Inside, Reached};

use std::ops::Range;

/// The distance between checkpoints in bytes.
pub(super) const MARKS_BYTES: usize = 4 * 1024;

/// The longest opening: a longer dollar tag is read again with each edit.
const OPENING_BYTES_MAX: usize = 256;

/// What the end of the text leaves open. It only saves work: texts compare equal without it.
#[derive(Clone, Debug, Default)]
pub(super) struct Tail(Option<Open>);

#[derive(Clone, Debug)]
struct Open {
    /// Its first byte.
    start: usize,
    /// What was read of it, once it was edited.
    read: Option<Within>,
}

#[derive(Clone, Debug)]
struct Within {
    opening: Box<[u8]>,
    inside: Inside,
    marks: Vec<Mark>,
}

/// A checkpoint: the quote or comment is open at this byte.
#[derive(Clone, Copy, Debug)]
struct Mark {
    at: usize,
    inside: Inside,
}

impl PartialEq for Tail {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Tail {}

impl Tail {
    /// Whatever begins at this byte is open.
    pub(super) fn at(start: Option<usize>) -> Self {
        Self(start.map(|start| Open { start, read: None }))
    }

    /// Follows an edit. If it is still open, returns where it begins; the reader must check that it still begins there.
    pub(super) fn follow(
        &mut self,
        text: &(impl Source + ?Sized),
        change: Change,
        backslash: BackslashRule,
        marks_bytes: usize,
    ) -> Option<Range<usize>> {
        let Open { start, read } = self.0.as_mut()?;
        let is_before = change.end <= *start;
        if is_before {
            *start = start.checked_add_signed(change.delta)?;
        } else if change.start <= *start {
            return None;
        }
        let within = match read {
            Some(within) => {
                if is_before {
                    for mark in &mut within.marks {
                        mark.at = mark.at.saturating_add_signed(change.delta);
                    }
                }
                within
            }
            None => read.insert(Within::begin(text, *start, backslash)?),
        };
        let opening = *start..*start + within.opening.len();
        if is_before {
            return Some(opening);
        }
        let is_inside = change.start >= opening.end;
        (is_inside && within.is_open(text, opening.end, change, marks_bytes)).then_some(opening)
    }
}

impl Within {
    fn begin(
        text: &(impl Source + ?Sized),
        start: usize,
        backslash: BackslashRule,
    ) -> Option<Self> {
        let head = text.part(start..text.floor(start + OPENING_BYTES_MAX));
        let (inside, length) = lex::opened(&head, backslash)?;
        Some(Self { opening: head.as_bytes().get(..length)?.into(), inside, marks: vec![] })
    }

    /// Whether it is still open after an edit; `from` is the byte after its opening.
    fn is_open(
        &mut self,
        text: &(impl Source + ?Sized),
        from: usize,
        change: Change,
        marks_bytes: usize,
    ) -> bool {
        // Its closing may begin before the edit.
        let margin = self.opening.len().max(2);
        let kept = self.marks.partition_point(|mark| mark.at + margin <= change.start);
        let mut old = self.marks.split_off(kept).into_iter().filter_map(|mark| {
            let at = mark.at.checked_add_signed(change.delta)?;
            (mark.at >= change.end).then_some(Mark { at, ..mark })
        });
        let mut next = old.next();
        let inside = self.inside;
        let start = Mark { at: from, inside };
        let Mark { mut at, mut inside } = self.marks.last().copied().unwrap_or(start);
        while at < text.len() {
            while next.is_some_and(|mark| mark.at < at) {
                next = old.next();
            }
            if let Some(mark) = next.filter(|mark| mark.at == at) {
                if mark.inside == inside {
                    self.marks.extend(std::iter::once(mark).chain(old));
                    return true;
                }
                next = old.next();
            }
            let far = text.floor(at + marks_bytes);
            let to = next.map_or(far, |mark| mark.at.min(far));
            // Its closing may end after that.
            let start = text.floor(at);
            let window = text.part(start..text.floor(to + marks_bytes + margin));
            let (bytes, opening) = (window.as_bytes(), &self.opening);
            match lex::read_inside(bytes, at - start, to - start, &mut inside, opening) {
                Reached::Closed(_) => return false,
                Reached::Open(reached) => at = start + reached,
            }
            if next.is_none_or(|mark| mark.at != at) && at < text.len() {
                self.marks.push(Mark { at, inside });
            }
        }
        true
    }
}
