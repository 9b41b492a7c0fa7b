//! The coloured stretches of a text, in blocks. A key moves a gap between two blocks and forgets the one that it is in;
//! what is painted next is read again up to where it meets a block that was there before, in windows of the text.

use std::ops::Range;

use squawk_lexer::{BOM, TokenKind, tokenize};

use super::{Kind, kind_of};
use crate::sql::statement::split::Source;

/// A coloured stretch: its bytes and what they are.
pub type Stretch = (Range<usize>, Kind);

/// A block ends behind the token that makes it this long, unless one that is there begins a little later.
pub const BLOCK_BYTES: usize = 4 * 1024;
/// So little is not made a block of its own where the next one begins.
const REST_BYTES: usize = 1024;
/// So many bytes are read at first; where they hold no whole block, twice as many, and so on.
pub const WINDOW_BYTES: usize = 3 * BLOCK_BYTES;
/// A token depends on no more than two characters behind it.
const LOOKED_AT_BYTES: usize = 8;

/// Tokens side by side, the last of which is no dot: what follows is read without knowing them.
#[derive(Debug)]
struct Block {
    /// Where it begins: counted from the start of the text before the gap, from its end behind it.
    at: usize,
    length: usize,
    /// Counted from its start.
    stretches: Box<[(Range<u32>, Kind)]>,
    /// Whether it is known to follow what is in front of it; behind the gap, that may have changed.
    follows: bool,
}

/// The blocks of a text, with a gap at the last edit, or behind what was read since.
#[derive(Debug, Default)]
pub struct Blocks {
    /// Those before the gap, in order. They are right.
    before: Vec<Block>,
    /// Those behind it, the last one first. They are right where what is read meets them.
    behind: Vec<Block>,
    /// A comment or string at the gap, up to where it was read. It goes on there; how far does not change its colour.
    open: Option<Stretch>,
}

/// What was read of a window.
struct Read {
    block: Block,
    /// What begins behind the block, and does not end in the window.
    open: Option<Stretch>,
}

impl Blocks {
    /// Where the gap is: up to here everything is read.
    fn gap(&self) -> usize {
        self.before.last().map_or(0, |last| last.at + last.length)
    }

    /// These bytes of a text are replaced.
    pub fn edited(&mut self, text: &(impl Source + ?Sized), replaced: Range<usize>) {
        let length = text.len();
        // What is behind the gap is kept where it is met in front of the edit.
        if !self.behind.is_empty() {
            self.read_to(text, replaced.start);
        }
        self.open = None;
        while let Some(mut last) =
            self.before.pop_if(|last| last.at + last.length + LOOKED_AT_BYTES > replaced.start)
        {
            if last.at >= replaced.end {
                last.at = length - last.at;
                self.behind.push(last);
            }
        }
        let is_gone = |next: &mut Block| length - next.at < replaced.end;
        while self.behind.pop_if(is_gone).is_some() {}
        self.next_is_unknown();
    }

    /// Reads on until everything up to a place is read.
    pub fn read_to(&mut self, text: &(impl Source + ?Sized), place: usize) {
        let place = place.min(text.len());
        while self.known() < place {
            if !self.take_next(text.len()) {
                self.read_block(text, place);
            }
        }
    }

    /// Up to here the colours are known.
    fn known(&self) -> usize {
        self.open.as_ref().map_or(self.gap(), |(open, _)| open.end)
    }

    /// The stretches that touch a range of what was read.
    pub fn stretches(&self, range: &Range<usize>) -> impl Iterator<Item = Stretch> {
        let (from, to) = (range.start, range.end);
        let first = self.before.partition_point(|block| block.at + block.length <= from);
        let touched = self.before[first..].iter().take_while(move |block| block.at < to);
        let blocks = touched.flat_map(move |block| {
            let absolute = |at: u32| block.at + at as usize;
            let first =
                block.stretches.partition_point(|(stretch, _)| absolute(stretch.end) <= from);
            block.stretches[first..]
                .iter()
                .map(move |(stretch, kind)| (absolute(stretch.start)..absolute(stretch.end), *kind))
                .take_while(move |(stretch, _)| stretch.start < to)
        });
        let is_touched = move |(open, _): &&Stretch| open.start < to && open.end > from;
        blocks.chain(self.open.iter().filter(is_touched).cloned())
    }

    /// Moves the gap behind the next block, if that is known to follow.
    fn take_next(&mut self, length: usize) -> bool {
        let Some(mut next) = self.behind.pop_if(|next| next.follows) else {
            return false;
        };
        next.at = length - next.at;
        self.before.push(next);
        true
    }

    fn next_is_unknown(&mut self) {
        if let Some(next) = self.behind.last_mut() {
            next.follows = false;
        }
    }

    /// Reads one block behind the gap. Of a comment or a string that is longer than a window, as much is read as is
    /// needed.
    fn read_block(&mut self, text: &(impl Source + ?Sized), place: usize) {
        let start = self.gap();
        let mut bytes = WINDOW_BYTES;
        loop {
            let end = text.floor(start.saturating_add(bytes));
            let window = text.part(start..end);
            let read = self.read_window(&window, start, text.len());
            if let Some(Read { block, open }) = read
                && (open.is_none() || end >= place)
            {
                self.open = open;
                if block.length > 0 {
                    self.before.push(block);
                }
                return;
            }
            bytes = bytes.saturating_mul(2);
        }
    }

    /// The block that a window begins with, in a text of this length; none where the window ends too early.
    fn read_window(&mut self, window: &str, at: usize, length: usize) -> Option<Read> {
        let mut stretches = Vec::new();
        let mut open = None;
        let mut start = 0;
        let mut after_dot = false;
        let is_rest = at + window.len() == length;
        let mut tokens = tokenize(window).peekable();
        while let Some(token) = tokens.next() {
            let end = start + token.len as usize;
            let called = tokens.peek().is_some_and(|next| next.kind == TokenKind::OpenParen);
            let word = window.get(start..end).unwrap_or_default();
            let kind = kind_of(token, word, called, after_dot);
            if !is_rest && end + LOOKED_AT_BYTES > window.len() {
                if !matches!(kind, Kind::Comment | Kind::Text) || end < window.len() {
                    return None;
                }
                open = Some((at + start..at + end, kind));
                break;
            }
            if kind != Kind::Plain {
                stretches.push((start as u32..end as u32, kind));
            }
            after_dot = token.kind == TokenKind::Dot;
            start = end;
            // Only where a text begins is this mark no part of a word.
            let may_end = !after_dot && !window.get(end..).is_some_and(|it| it.starts_with(BOM));
            if may_end && self.ends_at(at + end, end, length) {
                break;
            }
        }
        if at + start == length {
            self.behind.clear();
        }
        let block = Block { at, length: start, stretches: stretches.into(), follows: true };
        Some(Read { block, open })
    }

    /// Whether a block of this length ends at a place between two tokens. What begins before that is forgotten; a block
    /// that begins there follows.
    fn ends_at(&mut self, place: usize, block_bytes: usize, length: usize) -> bool {
        let is_passed = |next: &mut Block| length - next.at < place;
        while self.behind.pop_if(is_passed).is_some() {
            self.next_is_unknown();
        }
        let next = self.behind.last_mut();
        let room = next.as_ref().map_or(usize::MAX, |next| length - next.at - place);
        if let (Some(next), 0) = (next, room) {
            next.follows = true;
            return true;
        }
        block_bytes >= BLOCK_BYTES && (room > REST_BYTES || block_bytes >= 2 * BLOCK_BYTES)
    }

    /// How many blocks there are.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.before.len() + self.behind.len()
    }
}
