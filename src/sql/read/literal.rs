//! The content of a quoted name or a string constant, without its quotes and escapes.
//!
//! Both are read as the server does: a name in lower case unless quoted, a string in any form, even if it continues
//! after a line break. Something that the server would refuse is read somehow; nothing here fails.

use super::lex::{self, Token, TokenKind};

/// The name at this token, if it is one. The tokens are the text's without spaces and comments.
pub fn name_at(text: &str, tokens: &[Token], at: usize) -> Option<String> {
    let token = tokens.get(at)?;
    match token.kind {
        TokenKind::Word => Some(token.text(text).to_ascii_lowercase()),
        TokenKind::QuotedName => {
            let inner = text.get(token.content(text))?.replace("\"\"", "\"");
            Some(if is_unicode(text, token) {
                unescaped(&inner, escape_of(text, tokens, at))
            } else {
                inner
            })
        }
        _ => None,
    }
}

/// The content of the string constant at this token, if it is one.
pub fn string_at(text: &str, tokens: &[Token], at: usize) -> Option<String> {
    let token = tokens.get(at).filter(|token| token.is_string())?;
    let content = token.content(text);
    if token.kind == TokenKind::DollarString {
        return text.get(content).map(str::to_owned);
    }
    let escapes = token.kind == TokenKind::EscapeString;
    let plain = joined(&text.as_bytes()[..token.end], content.start, escapes);
    let plain = String::from_utf8_lossy(&plain).into_owned();
    Some(if is_unicode(text, token) {
        unescaped(&plain, escape_of(text, tokens, at))
    } else {
        plain
    })
}

fn is_unicode(text: &str, token: &Token) -> bool {
    matches!(token.text(text).as_bytes(), [b'u' | b'U', b'&', ..])
}

/// The escape character in a `U&"…"` or `U&'…'`: a backslash, or the one from UESCAPE, which may be a string of any
/// form.
fn escape_of(text: &str, tokens: &[Token], at: usize) -> char {
    let is_given = tokens.get(at + 1).is_some_and(|token| {
        token.kind == TokenKind::Word && token.text(text).eq_ignore_ascii_case("uescape")
    });
    let given = is_given.then(|| string_at(text, tokens, at + 2)).flatten();
    given.and_then(|given| given.chars().next()).unwrap_or('\\')
}

/// A constant's parts in one piece, from after its first quote on.
fn joined(bytes: &[u8], from: usize, escapes: bool) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut at = from;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'\'' if bytes.get(at) == Some(&b'\'') => {
                plain.push(byte);
                at += 1;
            }
            b'\'' => match lex::continued(bytes, at) {
                Some(next) => at = next,
                None => break,
            },
            b'\\' if escapes => at = escape(bytes, at, &mut plain),
            _ => plain.push(byte),
        }
    }
    plain
}

/// Continues after a backslash of an `E'…'`.
fn escape(bytes: &[u8], at: usize, plain: &mut Vec<u8>) -> usize {
    let Some(&letter) = bytes.get(at) else {
        return at;
    };
    let (radix, from, most) = match letter {
        b'x' => (16, at + 1, 2),
        b'u' => (16, at + 1, 4),
        b'U' => (16, at + 1, 8),
        _ => (8, at, 3),
    };
    let count = bytes
        .iter()
        .skip(from)
        .take(most)
        .take_while(|digit| char::from(**digit).is_digit(radix))
        .count();
    let code = std::str::from_utf8(&bytes[from..from + count])
        .ok()
        .and_then(|digits| u32::from_str_radix(digits, radix).ok());
    match (code, letter) {
        (Some(code), b'u' | b'U') => {
            let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
            plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            from + count
        }
        (Some(code), _) => {
            plain.push(code as u8);
            from + count
        }
        (None, _) => {
            plain.push(match letter {
                b'b' => b'\x08',
                b'f' => b'\x0c',
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                other => other,
            });
            at + 1
        }
    }
}

fn unescaped(name: &str, escape: char) -> String {
    let mut plain = String::new();
    let mut rest = name;
    while let Some(at) = rest.find(escape) {
        plain.push_str(&rest[..at]);
        let code = &rest[at + escape.len_utf8()..];
        let (digits, skipped) = match code.strip_prefix('+') {
            Some(long) => (long.get(..6), 7),
            None => (code.get(..4), 4),
        };
        let decoded =
            digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        match decoded {
            Some(character) => {
                plain.push(character);
                rest = code.get(skipped..).unwrap_or_default();
            }
            None => {
                plain.push(escape);
                rest = code.strip_prefix(escape).unwrap_or(code);
            }
        }
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        let tokens: Vec<Token> = lex::tokens(text).filter(|token| !token.is_gap()).collect();
        string_at(text, &tokens, 0)
    }

    #[test]
    fn a_string_of_any_form_says_the_same() {
        for text in [
            "'it''s'",
            "n'it''s'",
            "e'it\\'s'",
            "E'\\151t\\x27s'",
            "E'it\\u0027\\U00000073'",
            "U&'it\\0027s'",
            "u&'it!+000027s' uescape '!'",
            "$$it's$$",
            "$tag$it's$tag$",
            "'it'\n'''s'",
            "'it' -- it's\n   '''s'",
            "e'i'\n't\\'s'",
        ] {
            assert_eq!(read(text).as_deref(), Some("it's"), "{text}");
        }
    }

    #[test]
    fn what_is_not_closed_or_wrongly_escaped_is_read_somehow() {
        for (text, says) in [
            ("'a", "a"),
            ("E'a\\", "a"),
            ("E'\\x'", "x"),
            ("E'\\u12'", "\u{12}"),
            ("E'\\ud800'", "\u{fffd}"),
            ("E'\\xff'", "\u{fffd}"),
            ("E'\\é\\n'", "é\n"),
            ("$a$b", "b"),
            ("'", ""),
        ] {
            assert_eq!(read(text).as_deref(), Some(says), "{text}");
        }
        assert_eq!(read("a"), None);
    }

    #[test]
    fn an_escape_that_is_none_is_left_as_it_is() {
        for (name, plain) in
            [("a\\\\b", "a\\b"), ("\\00e9", "é"), ("\\zz", "\\zz"), ("\\", "\\"), ("é\\é", "é\\é")]
        {
            assert_eq!(unescaped(name, '\\'), plain, "{name}");
        }
    }
}
