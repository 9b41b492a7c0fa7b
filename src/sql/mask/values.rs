//! Secrets by what they are: the server repeats a part of a statement without the words that told it from the rest.

use std::{
    borrow::Cow,
    collections::{BTreeSet, VecDeque},
    fmt,
    ops::Range,
};

use super::super::lex;
use super::{in_order, masked, secrets};

/// A value in common with a message is found from so many bytes on, also where only a part of it is there.
const PIECE: usize = 6;
/// So short a value is masked where it stands alone only: it is in too many words.
const SHORT: usize = 4;
/// So many bytes of values are kept; the oldest go.
const BYTES_MAX: usize = 256 << 10;

/// The values that were masked in statements, to be found where they come back.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Values {
    /// In lower case, for a name without quotes is folded; the newest last.
    known: VecDeque<Box<str>>,
    bytes: usize,
    pieces: BTreeSet<[u8; PIECE]>,
}

/// Never what they are.
impl fmt::Debug for Values {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Values({})", self.known.len())
    }
}

impl Values {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Takes in the secrets of a statement. Shorter ones of earlier statements go: they are told by their statement only.
    pub fn learn(&mut self, sql: &str) {
        let long = |value: &str| value.len() >= PIECE;
        self.known.retain(|value| long(value));
        for range in secrets(sql) {
            let is_quoted = sql[..range.start].ends_with(['\'', '"', '$', '`']);
            for value in written(&sql[range], is_quoted) {
                self.add(value);
            }
        }
        while self.bytes > BYTES_MAX
            && let Some(oldest) = self.known.pop_front()
        {
            self.bytes -= oldest.len();
        }
        self.pieces.clear();
        for value in &self.known {
            self.pieces.extend(windows(value.as_bytes()));
        }
    }

    fn add(&mut self, value: String) {
        let is_masked = value.bytes().all(|byte| byte == b'*');
        if is_masked || self.known.iter().any(|known| **known == *value) {
            return;
        }
        self.bytes += value.len();
        self.known.push_back(value.into());
    }

    /// The text with these values replaced by `***`, whole or in part.
    pub fn mask<'text>(&self, text: &'text str) -> Cow<'text, str> {
        masked(text, self.found_in(text))
    }

    /// Where these values are in a text, in order and apart from each other.
    pub fn found_in(&self, text: &str) -> Vec<Range<usize>> {
        if self.is_empty() {
            return vec![];
        }
        let lower = text.to_ascii_lowercase();
        let bytes = lower.as_bytes();
        let mut found: Vec<Range<usize>> = windows(bytes)
            .enumerate()
            .filter(|(_, window)| self.pieces.contains(window))
            .map(|(at, _)| at..at + PIECE)
            .collect();
        for value in self.known.iter().filter(|value| value.len() < PIECE) {
            found.extend(lower.match_indices(&**value).filter_map(|(at, value)| {
                let end = at + value.len();
                let alone = value.len() >= SHORT
                    || !bytes[..at]
                        .last()
                        .is_some_and(|byte| lex::is_word_part(*byte))
                        && !bytes.get(end).is_some_and(|byte| lex::is_word_part(*byte));
                alone.then_some(at..end)
            }));
        }
        joined(text, in_order(found))
    }
}

/// Joins what overlaps or touches, and ends nowhere inside a character.
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
    bytes
        .windows(PIECE)
        .filter_map(|window| window.try_into().ok())
}

/// A secret as it is written and as it is meant, in the ways that quotes, URLs and escapes write it; of one without quotes
/// also the tokens, of which the server names the first that it does not understand.
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
    // A sign alone is in every message.
    forms.retain(|form| form.chars().any(char::is_alphanumeric) || form.len() >= PIECE);
    forms.sort();
    forms.dedup();
    forms
}
