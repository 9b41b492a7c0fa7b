//! Secrets by their value: the server repeats part of a statement without the words that set it apart.

use std::{
    borrow::Cow,
    collections::{BTreeSet, VecDeque},
    fmt,
    ops::Range,
};

use super::{in_order, masked, secrets};
use crate::sql::read::lex;

/// From this many bytes on, a value is found in a message even if only part of it is there.
const PIECE: usize = 6;
/// A shorter value is masked only where it stands alone: too many words contain it.
const SHORT: usize = 4;
/// The most bytes of values kept; the oldest are dropped.
const BYTES_MAX: usize = 256 << 10;

/// The values masked in statements, to be found where they come back.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Values {
    /// In lower case, because an unquoted name is folded; the newest last.
    long: VecDeque<Box<str>>,
    /// All their substrings of this many bytes.
    pieces: BTreeSet<[u8; PIECE]>,
    /// The first two bytes of a piece or a short value, one bit per pair: most places of a text match none.
    beginnings: Vec<u64>,
    bytes: usize,
    /// Those of the newest statement that are shorter than a piece.
    short: BTreeSet<Box<[u8]>>,
}

/// Never prints them.
impl fmt::Debug for Values {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Values({})", self.long.len() + self.short.len())
    }
}

impl Values {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.long.is_empty() && self.short.is_empty()
    }

    /// Adds a statement's secrets. Drops short ones of earlier statements: they apply only to their own statement.
    pub fn learn(&mut self, sql: &str) {
        self.short.clear();
        for range in secrets(sql) {
            let is_quoted = sql[..range.start].ends_with(['\'', '"', '$', '`']);
            for value in written(&sql[range], is_quoted) {
                self.add(&value);
            }
        }
        if self.bytes > BYTES_MAX {
            self.forget_the_oldest();
        }
    }

    fn add(&mut self, value: &str) {
        if value.bytes().all(|byte| byte == b'*') {
            return;
        }
        let bytes = value.as_bytes();
        if bytes.len() < PIECE {
            self.begins(bytes);
            self.short.insert(bytes.into());
            return;
        }
        let mut is_new = false;
        for piece in windows(bytes) {
            is_new |= self.pieces.insert(piece);
            self.begins(&piece);
        }
        if is_new {
            self.bytes += bytes.len();
            self.long.push_back(value.into());
        }
    }

    fn begins(&mut self, bytes: &[u8]) {
        self.beginnings.resize(1 << 10, 0);
        let first = bytes.first().copied().unwrap_or_default();
        match bytes.get(1) {
            Some(second) => self.mark(first, *second),
            None => (0..=u8::MAX).for_each(|second| self.mark(first, second)),
        }
    }

    fn mark(&mut self, first: u8, second: u8) {
        let pair = usize::from(first) << 8 | usize::from(second);
        self.beginnings[pair / 64] |= 1 << (pair % 64);
    }

    fn may_begin(&self, first: u8, second: u8) -> bool {
        let pair = usize::from(first) << 8 | usize::from(second);
        self.beginnings.get(pair / 64).is_some_and(|bits| bits >> (pair % 64) & 1 == 1)
    }

    /// Drops half of them at once, so that it is rarely needed.
    fn forget_the_oldest(&mut self) {
        while self.bytes > BYTES_MAX / 2
            && let Some(oldest) = self.long.pop_front()
        {
            self.bytes -= oldest.len();
        }
        let kept = std::mem::take(&mut self.long);
        let short = std::mem::take(&mut self.short);
        *self = Self { short, ..Self::default() };
        for value in kept {
            self.add(&value);
        }
        for value in self.short.clone() {
            self.begins(&value);
        }
    }

    /// The text with these values replaced by `***`, whole or in part.
    pub fn mask<'text>(&self, text: &'text str) -> Cow<'text, str> {
        masked(text, self.found_in(text))
    }

    /// The places of these values in a text, ordered and disjoint.
    pub fn found_in(&self, text: &str) -> Vec<Range<usize>> {
        if self.is_empty() {
            return vec![];
        }
        let lower = text.to_ascii_lowercase();
        let bytes = lower.as_bytes();
        let mut found = Vec::new();
        for (at, first) in bytes.iter().enumerate() {
            let second = bytes.get(at + 1).copied().unwrap_or_default();
            if !self.may_begin(*first, second) {
                continue;
            }
            let piece: Option<[u8; PIECE]> =
                bytes.get(at..at + PIECE).and_then(|piece| piece.try_into().ok());
            if piece.is_some_and(|piece| self.pieces.contains(&piece)) {
                found.push(at..at + PIECE);
            }
            if !self.short.is_empty() {
                found.extend(self.short_at(bytes, at));
            }
        }
        joined(text, in_order(found))
    }

    /// The longest short value at a position where it may stand.
    fn short_at(&self, bytes: &[u8], at: usize) -> Option<Range<usize>> {
        (1..PIECE).rev().find_map(|length| {
            let end = at + length;
            let is_known = self.short.contains(bytes.get(at..end)?);
            let is_in_a_word = || {
                bytes[..at].last().is_some_and(|byte| lex::is_word_part(*byte))
                    || bytes.get(end).is_some_and(|byte| lex::is_word_part(*byte))
            };
            (is_known && (length >= SHORT || !is_in_a_word())).then_some(at..end)
        })
    }
}

/// Joins overlapping and adjacent places, and ends none inside a character.
fn joined(text: &str, found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut joined: Vec<Range<usize>> = Vec::new();
    for mut range in found {
        while !text.is_char_boundary(range.start) {
            range.start -= 1;
        }
        while !text.is_char_boundary(range.end) {
            range.end += 1;
        }
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

fn windows(bytes: &[u8]) -> impl Iterator<Item = [u8; PIECE]> + '_ {
    bytes.windows(PIECE).filter_map(|window| window.try_into().ok())
}

/// A secret as written and as meant, in the forms of quotes, URLs and escapes; for an unquoted one also its tokens,
/// because the server names the first that it does not understand.
fn written(secret: &str, is_quoted: bool) -> Vec<String> {
    let lower = secret.to_ascii_lowercase();
    let mut forms = vec![
        lower.replace("''", "'"),
        lower.replace("''''", "'"),
        lower.replace("\\\\", "\\"),
        lower.replace('\\', ""),
        lower.replace("\"\"", "\""),
    ];
    if let Ok(decoded) = percent_encoding::percent_decode_str(secret).decode_utf8() {
        forms.push(decoded.to_ascii_lowercase());
    }
    if !is_quoted {
        let tokens = lex::tokens(&lower).filter(|token| !token.is_gap());
        forms.extend(tokens.map(|token| token.text(&lower).to_owned()));
    }
    forms.push(lower);
    // Every message contains single signs.
    forms.retain(|form| form.chars().any(char::is_alphanumeric) || form.len() >= PIECE);
    forms.sort();
    forms.dedup();
    forms
}
