//! Follows an edit: reads again only the part around it, however long the text is.

use super::{
    End, Gap, Piece, Place, Splits,
    open::{MARKS_BYTES, Tail},
    psql::Line,
    read_piece,
};
use crate::base::text::RopeText;
use std::{borrow::Cow, ops::Range};

/// The first window's bytes; if they are not enough, the next is twice as large, and so on.
pub(super) const WINDOW_BYTES: usize = 16 * 1024;

/// A text that can be read in parts: a string, or a rope, which is not copied whole for each key.
pub trait Source {
    /// Its length in bytes.
    fn len(&self) -> usize;

    /// Whether there is no text.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The nearest character boundary at or before a byte, within the text.
    fn floor(&self, byte: usize) -> usize;

    /// The start of the line that contains a byte.
    fn line_start(&self, byte: usize) -> usize;

    /// A part of it, between two character boundaries.
    fn part(&self, range: Range<usize>) -> Cow<'_, str>;
}

impl Source for RopeText {
    fn len(&self) -> usize {
        RopeText::len(self)
    }

    fn floor(&self, byte: usize) -> usize {
        RopeText::floor(self, byte)
    }

    fn line_start(&self, byte: usize) -> usize {
        self.line_range(self.line_of(byte)).start
    }

    fn part(&self, range: Range<usize>) -> Cow<'_, str> {
        self.slice(range).into()
    }
}

impl Source for str {
    fn len(&self) -> usize {
        str::len(self)
    }

    fn floor(&self, byte: usize) -> usize {
        self.floor_char_boundary(byte)
    }

    fn line_start(&self, byte: usize) -> usize {
        let before = &self.as_bytes()[..byte.min(self.len())];
        let newline = before.iter().rposition(|byte| *byte == b'\n');
        newline.map_or(0, |newline| newline + 1)
    }

    fn part(&self, range: Range<usize>) -> Cow<'_, str> {
        self[range].into()
    }
}

/// What was read again, and where it meets the old pieces.
#[derive(Default)]
struct Reread {
    pieces: Vec<Piece>,
    ends: Vec<End>,
    /// The old piece, counted after the kept ones, where the last new one ends.
    met: Option<usize>,
    /// Where the quote or comment begins that the text leaves open.
    unclosed: Option<usize>,
}

/// An edit.
#[derive(Clone, Copy)]
pub(super) struct Change {
    /// The first byte that changed.
    pub(super) start: usize,
    /// The byte after the last replaced one, in the text before it.
    pub(super) end: usize,
    /// How far the rest moved.
    pub(super) delta: isize,
}

struct Beginning<'text, S: ?Sized> {
    text: &'text S,
    end: usize,
}

impl<S: Source + ?Sized> Source for Beginning<'_, S> {
    fn len(&self) -> usize {
        self.end
    }

    fn floor(&self, byte: usize) -> usize {
        self.text.floor(byte.min(self.end))
    }

    fn line_start(&self, byte: usize) -> usize {
        self.text.line_start(byte)
    }

    fn part(&self, range: Range<usize>) -> Cow<'_, str> {
        self.text.part(range)
    }
}

impl Splits {
    /// Follows an edit, reading windows of at least this many bytes.
    pub(super) fn follow(
        &mut self,
        text: &(impl Source + ?Sized),
        changed: Range<usize>,
        inserted: usize,
        window_bytes: usize,
    ) {
        let end = changed.end.max(changed.start);
        let change = Change {
            start: changed.start,
            end,
            delta: (changed.start + inserted) as isize - end as isize,
        };
        let marks_bytes = MARKS_BYTES.min(window_bytes.max(4));
        let mut tail = std::mem::take(&mut self.tail);
        if let Some(opening) = tail.follow(text, change, self.backslash, marks_bytes) {
            let end = opening.end;
            let beginning = Beginning { text, end };
            let mut reread = self.reread(&beginning, change, window_bytes);
            if reread.1.ends_in(opening.start) {
                reread.1.reach_on(text, end);
                self.take_over(reread.0, reread.1, change.delta);
                self.tail = tail;
                return;
            }
        }
        let (kept, reread) = self.reread(text, change, window_bytes);
        let is_last = reread.met.is_none_or(|met| kept + met + 1 == self.ends.len());
        self.tail = Tail::at(reread.unclosed.filter(|_| is_last));
        self.take_over(kept, reread, change.delta);
    }

    /// How many pieces to keep, and what to read after them.
    fn reread(
        &self,
        text: &(impl Source + ?Sized),
        change: Change,
        window_bytes: usize,
    ) -> (usize, Reread) {
        let line = text.line_start(change.start.min(text.len()));
        // No piece looks past the end of the line from which the next one is read, except open ones.
        let before = self.ends.partition_point(|end| end.place.reach() < line);
        let kept = self.first_open.map_or(before, |open| open.min(before));
        let from = kept
            .checked_sub(1)
            .and_then(|last| self.ends.get(last))
            .map_or_else(Place::default, |end| end.place);
        let old_ends = &self.ends[kept..];
        let mut old = 0;
        let reread = self.read_windows(text, from, window_bytes, |place| {
            let before = place.moved(-change.delta)?;
            if before.at < change.end {
                return None;
            }
            let is_earlier = |end: &End| end.place.at < before.at;
            while old_ends.get(old).is_some_and(is_earlier) {
                old += 1;
            }
            old_ends.get(old).filter(|end| end.place == before)?;
            Some(old)
        });
        (kept, reread)
    }

    /// Reads pieces from a position between statements to the end of the text, or to where `met` knows the rest.
    ///
    /// A piece that the window's end may have cut is read again in a larger window: it is open, or the line on which it
    /// ends does not end in the window, or the space before it reaches the window's end.
    fn read_windows(
        &self,
        text: &(impl Source + ?Sized),
        mut from: Place,
        mut bytes: usize,
        mut met: impl FnMut(Place) -> Option<usize>,
    ) -> Reread {
        let mut reread = Reread::default();
        loop {
            // The byte before shows that this is not the start of the text, where a byte order mark may be.
            let start = text.floor(from.at.saturating_sub(1));
            let end = text.floor(from.reach().saturating_add(bytes));
            let window = text.part(start..end);
            let is_rest = end == text.len();
            bytes = bytes.saturating_mul(2);
            let (last_newline, mut line) = (window.rfind('\n'), Line::default());
            loop {
                let Some(place) = from.moved(-(start as isize)) else {
                    return reread;
                };
                if place.reach() > window.len() {
                    break;
                }
                let gap = Gap::read(&window, place);
                if gap.place.at == window.len() && !is_rest {
                    break;
                }
                let found = read_piece(&window, &gap, self.backslash, &mut line);
                let is_cut = |end: &End| {
                    end.open || last_newline.is_none_or(|newline| newline < end.place.reach())
                };
                if !is_rest && found.as_ref().is_some_and(|(_, end)| is_cut(end)) {
                    break;
                }
                if let Some(last) = reread.ends.last_mut() {
                    last.line_end = start + gap.newline.unwrap_or(gap.place.at);
                }
                let Some((mut piece, end)) = found else {
                    let unclosed = gap.unclosed.map(|token| start + token);
                    reread.unclosed = unclosed.or(reread.unclosed);
                    return reread;
                };
                piece.moved(start as isize);
                let end = end.moved(start as isize);
                from = end.place;
                reread.unclosed = end.unclosed;
                reread.pieces.push(piece);
                reread.ends.push(end);
                reread.met = met(from);
                if reread.met.is_some() {
                    return reread;
                }
            }
        }
    }

    /// Appends what was read again to the kept pieces, and shifts what follows the piece that it met.
    fn take_over(&mut self, kept: usize, mut reread: Reread, delta: isize) {
        let rest = reread.met.map_or(self.pieces.len(), |met| kept + met + 1);
        let line_end = rest.checked_sub(1).and_then(|met| self.ends.get(met));
        if let (Some(_), Some(last), Some(old)) = (reread.met, reread.ends.last_mut(), line_end) {
            last.line_end = old.line_end.saturating_add_signed(delta);
        }
        let moved = kept + reread.pieces.len();
        let first_open = reread.ends.iter().position(|end| end.open);
        // No kept piece is open.
        self.first_open = match (first_open, self.first_open) {
            (Some(new), _) => Some(kept + new),
            (None, Some(old)) if old >= rest => Some(old - rest + moved),
            (None, Some(_)) => {
                let behind = self.ends[rest..].iter().position(|end| end.open);
                behind.map(|at| moved + at)
            }
            (None, None) => None,
        };
        self.pieces.splice(kept..rest, reread.pieces);
        self.ends.splice(kept..rest, reread.ends);
        if delta != 0 {
            for (piece, end) in self.pieces[moved..].iter_mut().zip(&mut self.ends[moved..]) {
                piece.moved(delta);
                *end = end.moved(delta);
            }
        }
    }
}

impl End {
    fn moved(&self, delta: isize) -> End {
        End {
            place: self.place.moved(delta).unwrap_or_default(),
            line_end: self.line_end.saturating_add_signed(delta),
            open: self.open,
            unclosed: self.unclosed.map(|token| token.saturating_add_signed(delta)),
        }
    }
}

impl Reread {
    /// Whether the text ends in this state, if it continues after the opening of a quote or a comment that begins at
    /// this byte and is not closed.
    fn ends_in(&self, opening: usize) -> bool {
        let is_known = |end: &End| !end.open || end.unclosed.is_some();
        let is_there = self.met.is_some() || self.unclosed == Some(opening);
        is_there && self.ends.iter().all(is_known)
    }

    /// Extends what ends at a byte to the end of the text.
    fn reach_on(&mut self, text: &(impl Source + ?Sized), cut: usize) {
        let (Some(Piece::Statement(_) | Piece::PsqlCommand { .. }), Some(end), None) =
            (self.pieces.last(), self.ends.last_mut(), self.met)
        else {
            return;
        };
        let all = text.len();
        if end.place.at < cut {
            // What is open is a comment after the piece.
            if end.line_end == cut {
                end.line_end = line_break(text, cut).unwrap_or(all);
            }
            return;
        }
        end.place.at = all;
        end.line_end = all;
        if let Some(Piece::Statement(statement)) = self.pieces.last_mut() {
            for end in [&mut statement.range.end, &mut statement.whole.end] {
                if *end == cut {
                    *end = all;
                }
            }
        }
    }
}

/// The first line break from a byte on.
fn line_break(text: &(impl Source + ?Sized), from: usize) -> Option<usize> {
    let mut at = from;
    while at < text.len() {
        let to = text.floor(at + WINDOW_BYTES);
        let part = text.part(at..to);
        let found = part.find('\n');
        if let Some(found) = found {
            return Some(at + found);
        }
        at = to;
    }
    None
}
