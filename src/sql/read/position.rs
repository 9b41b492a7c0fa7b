//! Positions in a text: the server counts characters, the editor counts bytes, people count lines and columns.

use super::lex::{self, TokenKind};
use std::ops::Range;

/// The byte at the server's position. The server counts characters from 1; the position just past the text is its end.
/// None if the text has no such position.
pub fn byte_of_character(text: &str, position: u32) -> Option<usize> {
    let index = usize::try_from(position).ok()?.checked_sub(1)?;
    text.char_indices().map(|(byte, _)| byte).chain(std::iter::once(text.len())).nth(index)
}

/// The token to underline for an error at this byte: the one at that place, on its first line. In a space or at the end
/// of the text, it is the token before, where the text stopped making sense; empty if there is none.
pub fn word_at(text: &str, byte: usize) -> Range<usize> {
    let byte = floor(text, byte);
    let mut last = None;
    for token in lex::tokens(text) {
        if token.start > byte {
            break;
        }
        if token.kind != TokenKind::Space && (byte < token.end || !token.is_gap()) {
            last = Some(token);
        }
    }
    match last {
        Some(token) => {
            let shown = token.text(text);
            let line = shown.find('\n').unwrap_or(shown.len());
            let line = shown[..line].trim_end().len();
            token.start..token.start + line
        }
        None => byte..byte,
    }
}

/// The line and the column of a byte, both counted from 1, the column in characters.
pub fn line_and_column(text: &str, byte: usize) -> (usize, usize) {
    let before = &text[..floor(text, byte)];
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before[start..].chars().count() + 1)
}

/// The start of the character that holds the byte, or the end of the text.
fn floor(text: &str, byte: usize) -> usize {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_position_counts_characters_from_one() {
        assert_eq!(byte_of_character("select", 1), Some(0));
        assert_eq!(byte_of_character("é€𝄞x", 2), Some(2));
        assert_eq!(byte_of_character("é€𝄞x", 4), Some(9));
        assert_eq!(byte_of_character("é€𝄞x", 5), Some(10));
        assert_eq!(byte_of_character("é€𝄞x", 6), None);
        assert_eq!(byte_of_character("x", 0), None);
        assert_eq!(byte_of_character("", 1), Some(0));
        assert_eq!(byte_of_character("", u32::MAX), None);
    }

    #[track_caller]
    fn word(text: &str, byte: usize, wanted: &str) {
        assert_eq!(&text[word_at(text, byte)], wanted, "{text:?} at {byte}");
    }

    #[test]
    fn the_token_at_the_place_is_underlined() {
        word("select größe from t", 7, "größe");
        word("select größe from t", 10, "größe");
        word("select 'it''s'", 8, "'it''s'");
        word("select a->>b", 9, "->>");
        word("select 'open\nnext line", 7, "'open");
        word("select \"x y\"", 7, "\"x y\"");
    }

    #[test]
    fn past_the_end_and_in_spaces_the_token_before_is_underlined() {
        word("select 1 from", 13, "from");
        word("select 1 from  -- x\n", 20, "from");
        word("select  1", 7, "select");
        word("", 0, "");
        word("  ", 1, "");
        word("select", 99, "select");
    }

    #[test]
    fn lines_and_columns_count_from_one_and_in_characters() {
        assert_eq!(line_and_column("a\né€x", 7), (2, 3));
        assert_eq!(line_and_column("a\n", 2), (2, 1));
        assert_eq!(line_and_column("a\n", 1), (1, 2));
        assert_eq!(line_and_column("", 0), (1, 1));
        assert_eq!(line_and_column("é", 1), (1, 1));
        assert_eq!(line_and_column("a", 50), (1, 2));
    }
}
