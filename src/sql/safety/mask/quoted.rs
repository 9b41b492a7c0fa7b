//! A string's content, and where each byte of it is written.

use std::ops::Range;

use crate::sql::read::lex::{self, Token, TokenKind};

/// The content of a string without its escapes.
pub struct Unquoted {
    pub text: String,
    /// Where each byte of it is written in the text, and where the last one ends.
    places: Places,
}

enum Places {
    /// Unchanged, from here on.
    From(usize),
    Each(Vec<usize>),
}

impl Unquoted {
    /// Where part of the content is written.
    pub fn place(&self, range: Range<usize>) -> Range<usize> {
        match &self.places {
            Places::From(start) => start + range.start..start + range.end,
            Places::Each(places) => {
                let place = |at: usize| places.get(at).or(places.last()).copied().unwrap_or(0);
                place(range.start)..place(range.end)
            }
        }
    }
}

/// Reads a string constant.
pub fn unquoted(text: &str, token: Token) -> Unquoted {
    let content = token.content(text);
    if token.kind == TokenKind::DollarString {
        return Unquoted {
            text: text[content.clone()].to_owned(),
            places: Places::From(content.start),
        };
    }
    let mut reader = Reader {
        bytes: &text.as_bytes()[..content.end],
        at: content.start,
        plain: Vec::with_capacity(content.len()),
        places: Vec::with_capacity(content.len() + 1),
    };
    reader.read(token.kind == TokenKind::EscapeString);
    reader.places.push(content.end);
    match String::from_utf8(reader.plain) {
        Ok(text) => Unquoted { text, places: Places::Each(reader.places) },
        // Escapes may produce bytes that are not text; then the written form is searched.
        Err(_) => {
            Unquoted { text: text[content.clone()].to_owned(), places: Places::From(content.start) }
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    plain: Vec<u8>,
    places: Vec<usize>,
}

impl Reader<'_> {
    fn read(&mut self, escapes: bool) {
        while let Some(&byte) = self.bytes.get(self.at) {
            let start = self.at;
            self.at += 1;
            match byte {
                b'\'' if self.bytes.get(self.at) == Some(&b'\'') => {
                    self.at += 1;
                    self.put(byte, start);
                }
                // The constant continues after a line break.
                b'\'' => match lex::continued(self.bytes, self.at) {
                    Some(next) => self.at = next,
                    None => self.put(byte, start),
                },
                b'\\' if escapes => self.escape(start),
                _ => self.put(byte, start),
            }
        }
    }

    fn put(&mut self, byte: u8, place: usize) {
        self.plain.push(byte);
        self.places.push(place);
    }

    fn escape(&mut self, start: usize) {
        let Some(&letter) = self.bytes.get(self.at) else {
            return;
        };
        self.at += 1;
        let (radix, most) = match letter {
            b'x' => (16, 2),
            b'u' => (16, 4),
            b'U' => (16, 8),
            b'0'..=b'7' => {
                self.at -= 1;
                (8, 3)
            }
            _ => {
                let byte = match letter {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    other => other,
                };
                return self.put(byte, start);
            }
        };
        let digits = self.bytes[self.at..]
            .iter()
            .take(most)
            .take_while(|byte| char::from(**byte).is_digit(radix))
            .count();
        let code = std::str::from_utf8(&self.bytes[self.at..self.at + digits])
            .ok()
            .and_then(|digits| u32::from_str_radix(digits, radix).ok());
        self.at += digits;
        match code {
            None => self.put(letter, start),
            Some(code) if matches!(letter, b'u' | b'U') => {
                let letter = char::from_u32(code).unwrap_or('\u{fffd}');
                for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
                    self.put(byte, start);
                }
            }
            Some(code) => self.put((code & 0xff) as u8, start),
        }
    }
}
