//! Output to a terminal: a server's text must not be able to move the cursor, hide what came before or type for the
//! user.

use std::io::{self, IsTerminal, Write};

use crate::rows::{Cell, show::display};

/// A stream that may be a terminal. Writes everything literally into a pipe or a file; on a terminal, escapes invisible
/// characters, except line ends and tabs.
pub struct Terminal<W> {
    out: W,
    is_terminal: bool,
    /// The beginning of a character whose rest is still to come.
    begun: Vec<u8>,
}

impl<W: Write + IsTerminal> Terminal<W> {
    /// Wraps a stream, which knows whether it is a terminal.
    pub fn of(out: W) -> Self {
        let is_terminal = out.is_terminal();
        Self::new(out, is_terminal)
    }
}

impl<W: Write> Terminal<W> {
    fn new(out: W, is_terminal: bool) -> Self {
        Self { out, is_terminal, begun: Vec::new() }
    }

    /// Writes the complete characters, and keeps the beginning of a last one unless nothing will follow.
    fn show(&mut self, is_end: bool) -> io::Result<()> {
        let whole = match self.begun.utf8_chunks().last() {
            // A last part that is not text may be the beginning of a character, which is at most three bytes.
            Some(last) if !is_end && is_beginning(last.invalid()) => {
                self.begun.len() - last.invalid().len()
            }
            _ => self.begun.len(),
        };
        let rest = self.begun.split_off(whole);
        let shown = display::whole(Cell::Value(&self.begun));
        self.out.write_all(shown.as_bytes())?;
        self.begun = rest;
        Ok(())
    }
}

/// Whether more bytes could complete these to a character.
fn is_beginning(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

impl<W: Write> Write for Terminal<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_terminal {
            return self.out.write(bytes);
        }
        self.begun.extend_from_slice(bytes);
        self.show(false)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.show(true)?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every character that may act on a terminal, some harmless ones, and bytes that are not text.
    fn nasty() -> Vec<u8> {
        let controls = (0..0x20).chain(0x7F..0xA0).chain(0x2028..0x202F).chain(0x2066..0x206A);
        let mut bytes: Vec<u8> = controls
            .filter_map(char::from_u32)
            .flat_map(|character| format!("{character}é").into_bytes())
            .collect();
        bytes.extend_from_slice(b"\x1B]0;title\x07\x1B[2J\x9B31m");
        bytes.extend_from_slice("日本 😀".as_bytes());
        bytes.extend_from_slice(b"\xE6\x97");
        bytes
    }

    fn shown(bytes: &[u8], piece: usize, is_terminal: bool) -> Vec<u8> {
        let mut terminal = Terminal::new(vec![], is_terminal);
        for piece in bytes.chunks(piece) {
            terminal.write_all(piece).unwrap();
        }
        terminal.flush().unwrap();
        terminal.out
    }

    #[test]
    fn nothing_that_does_something_reaches_a_terminal_in_any_pieces() {
        let nasty = nasty();
        let once = shown(&nasty, nasty.len(), true);
        for piece in 1..40 {
            let shown = shown(&nasty, piece, true);
            let text = std::str::from_utf8(&shown).unwrap();
            let raw = text.chars().find(|character| {
                character.is_control() && !matches!(character, '\n' | '\t')
                    || ('\u{2028}'..='\u{202e}').contains(character)
                    || ('\u{2066}'..='\u{2069}').contains(character)
            });
            assert_eq!(raw, None, "{text}");
            assert!(text.contains("\\x1b]0;title\\x07\\x1b[2J\\x9b31m日本 😀\\xe6\\x97"), "{text}");
            assert_eq!(shown, once);
        }
    }

    #[test]
    fn into_a_file_everything_goes_as_it_is() {
        let nasty = nasty();
        for piece in 1..40 {
            assert_eq!(shown(&nasty, piece, false), nasty);
        }
    }
}
