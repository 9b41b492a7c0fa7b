//! The lexer: one token at a time, by the rules of psql's own scanner.
//!
//! It has no state: a token depends only on the text, on where it starts and on the session's rule for backslashes, so
//! a reader can stop anywhere, skip what is not SQL, and continue. It works on bytes; every byte from 128 up belongs to
//! a name, as in PostgreSQL, so a token never ends inside a character.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What a backslash means in a string without a letter before it: the server's `standard_conforming_strings`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackslashRule {
    /// On, PostgreSQL's default since 9.1: a character like any other.
    #[default]
    Ordinary,
    /// Off: it escapes the character after it, as in `E'…'`.
    Escapes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenKind {
    /// Spaces, tabs, newlines; a byte order mark at the start of the text.
    Space,
    /// `-- …` up to the end of its line.
    LineComment,
    /// `/* … */`, nested.
    BlockComment,
    /// A keyword or a name without quotes.
    Word,
    /// `"…"` or `U&"…"`.
    QuotedName,
    /// `'…'`, also as `N'…'`, `B'…'`, `X'…'` and `U&'…'`: a backslash is an ordinary character.
    PlainString,
    /// `E'…'`: a backslash escapes the character after it. So are `'…'` and `N'…'` if the session says so.
    EscapeString,
    /// `$$…$$` or `$tag$…$tag$`.
    DollarString,
    /// A number, with the letters that wrongly follow it.
    Number,
    /// `$1`.
    Parameter,
    /// `;`
    Semicolon,
    /// `(`
    OpenParenthesis,
    /// `)`
    CloseParenthesis,
    /// `,`
    Comma,
    /// `.`
    Dot,
    /// `::`
    Cast,
    /// `\`, which starts a command of psql.
    Backslash,
    /// An operator, of one or more characters.
    Operator,
    /// Any other single character.
    Other,
}

/// A token in a text: its kind, and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    pub kind: TokenKind,
    /// Its first byte.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
    /// False for a quote or a comment that the text ends before closing.
    pub terminated: bool,
}

impl Token {
    /// Its place in the text, in bytes.
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    pub fn text<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.range()).unwrap_or("")
    }

    /// Whether it is space or a comment, which mean nothing to the server.
    pub fn is_gap(&self) -> bool {
        matches!(self.kind, TokenKind::Space | TokenKind::LineComment | TokenKind::BlockComment)
    }

    /// Whether it is a string constant of any form.
    pub fn is_string(&self) -> bool {
        matches!(
            self.kind,
            TokenKind::PlainString | TokenKind::EscapeString | TokenKind::DollarString
        )
    }

    /// For a quoted token, the place between its quotes.
    pub fn content(&self, text: &str) -> Range<usize> {
        let bytes = text.as_bytes();
        let quote = if self.kind == TokenKind::DollarString {
            dollar_tag(bytes, self.start).unwrap_or(0)
        } else {
            let mark = if self.kind == TokenKind::QuotedName { b'"' } else { b'\'' };
            find(bytes, self.start, mark) + 1 - self.start
        };
        let close = if self.kind == TokenKind::DollarString { quote } else { 1 };
        let start = (self.start + quote).min(self.end);
        if self.terminated { start..(self.end - close).max(start) } else { start..self.end }
    }
}

/// A text's tokens, in order and without gaps.
#[derive(Clone, Debug)]
pub struct Tokens<'a> {
    text: &'a str,
    at: usize,
    backslash: BackslashRule,
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let token = token_under(self.text, self.at, self.backslash)?;
        self.at = token.end;
        Some(token)
    }
}

/// All tokens of the text.
pub fn tokens(text: &str) -> Tokens<'_> {
    tokens_under(text, BackslashRule::Ordinary)
}

/// All tokens of the text, by this session's rule.
pub fn tokens_under(text: &str, backslash: BackslashRule) -> Tokens<'_> {
    Tokens { text, at: 0, backslash }
}

/// The token that starts at this byte; none at the end of the text.
pub fn token_at(text: &str, at: usize) -> Option<Token> {
    token_under(text, at, BackslashRule::Ordinary)
}

/// The same, by this session's rule.
pub fn token_under(text: &str, at: usize, backslash: BackslashRule) -> Option<Token> {
    let plain = match backslash {
        BackslashRule::Ordinary => TokenKind::PlainString,
        BackslashRule::Escapes => TokenKind::EscapeString,
    };
    let bytes = text.as_bytes();
    let first = *bytes.get(at)?;
    let next = byte(bytes, at + 1);
    let (kind, end, terminated) = match first {
        b' ' | b'\t' | b'\n' | b'\r' | b'\x0b' | b'\x0c' => {
            (TokenKind::Space, skip(bytes, at, is_space), true)
        }
        0xef if at == 0 && bytes.starts_with(b"\xef\xbb\xbf") => (TokenKind::Space, 3, true),
        b'\'' => string(bytes, at, plain),
        b'e' | b'E' if next == b'\'' => string(bytes, at + 1, TokenKind::EscapeString),
        b'n' | b'N' if next == b'\'' => string(bytes, at + 1, plain),
        b'b' | b'B' | b'x' | b'X' if next == b'\'' => string(bytes, at + 1, TokenKind::PlainString),
        b'u' | b'U' if next == b'&' && byte(bytes, at + 2) == b'\'' => {
            string(bytes, at + 2, TokenKind::PlainString)
        }
        b'u' | b'U' if next == b'&' && byte(bytes, at + 2) == b'"' => quoted_name(bytes, at + 2),
        b'"' => quoted_name(bytes, at),
        b'$' => dollar(bytes, at),
        b'0'..=b'9' => (TokenKind::Number, number(bytes, at), true),
        b'.' if next.is_ascii_digit() => (TokenKind::Number, number(bytes, at), true),
        b'.' => (TokenKind::Dot, at + 1, true),
        b';' => (TokenKind::Semicolon, at + 1, true),
        b'(' => (TokenKind::OpenParenthesis, at + 1, true),
        b')' => (TokenKind::CloseParenthesis, at + 1, true),
        b',' => (TokenKind::Comma, at + 1, true),
        b'\\' => (TokenKind::Backslash, at + 1, true),
        b':' if next == b':' => (TokenKind::Cast, at + 2, true),
        b':' if next == b'=' => (TokenKind::Operator, at + 2, true),
        b'-' if next == b'-' => (TokenKind::LineComment, end_of_comment_line(bytes, at), true),
        b'/' if next == b'*' => block_comment(bytes, at),
        other if is_word_start(other) => (TokenKind::Word, skip(bytes, at, is_word_part), true),
        other if is_operator(other) => (TokenKind::Operator, operator(bytes, at), true),
        _ => (TokenKind::Other, at + 1, true),
    };
    Some(Token { kind, start: at, end, terminated })
}

/// Whether the text has other tokens if a backslash in a plain string escapes.
pub fn depends_on_backslashes(text: &str) -> bool {
    let places = |backslash| {
        tokens_under(text, backslash).map(|token| (token.start, token.end, token.terminated))
    };
    let rules = [BackslashRule::Ordinary, BackslashRule::Escapes];
    text.contains('\\') && places(rules[0]).ne(places(rules[1]))
}

/// Whether the byte is a space to PostgreSQL.
pub fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0b' | b'\x0c')
}

/// Whether the byte can be inside an unquoted name.
pub fn is_word_part(byte: u8) -> bool {
    is_word_start(byte) || byte.is_ascii_digit() || byte == b'$'
}

/// The first occurrence of the byte from here on, or the end of the text.
pub fn find(bytes: &[u8], from: usize, wanted: u8) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let found = rest.iter().position(|byte| *byte == wanted);
    looked(found.map_or(rest.len(), |offset| offset + 1));
    found.map_or(bytes.len(), |offset| from + offset)
}

/// Counts the bytes that the cursor reads, for the test that they grow linearly with the text.
#[cfg(test)]
fn looked(bytes: usize) {
    crate::sql::growth::looked(bytes);
}

#[cfg(not(test))]
#[inline]
fn looked(_: usize) {}

/// The longest run of signs that is split into separate operators.
const SIGNS_MAX: usize = 8;

type Scanned = (TokenKind, usize, bool);

fn byte(bytes: &[u8], at: usize) -> u8 {
    looked(1);
    bytes.get(at).copied().unwrap_or(0)
}

fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_operator(byte: u8) -> bool {
    matches!(
        byte,
        b'~' | b'!'
            | b'@'
            | b'#'
            | b'^'
            | b'&'
            | b'|'
            | b'`'
            | b'?'
            | b'+'
            | b'-'
            | b'*'
            | b'/'
            | b'%'
            | b'<'
            | b'>'
            | b'='
    )
}

fn skip(bytes: &[u8], from: usize, wanted: impl Fn(u8) -> bool) -> usize {
    let mut at = from;
    while at < bytes.len() && wanted(bytes[at]) {
        at += 1;
    }
    looked(at - from + 1);
    at
}

fn end_of_comment_line(bytes: &[u8], from: usize) -> usize {
    skip(bytes, from, |byte| byte != b'\n' && byte != b'\r')
}

/// What is inside an unclosed quote or comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sql) enum Inside {
    /// A string in which a backslash escapes the character after it, or does not.
    String { escapes: bool },
    /// A name in double quotes.
    Name,
    /// A string between dollars.
    Dollars,
    /// A comment, and the comments around what is inside.
    Comment { depth: usize },
}

/// How far a quote or a comment was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sql) enum Reached {
    /// It is closed before this byte.
    Closed(usize),
    /// It is still open at this byte.
    Open(usize),
}

/// Reads on inside a quote or a comment, from one byte to another or slightly beyond. `opening` is its beginning. If it
/// is still open, the reading may continue from there.
pub(in crate::sql) fn read_inside(
    bytes: &[u8],
    from: usize,
    to: usize,
    inside: &mut Inside,
    opening: &[u8],
) -> Reached {
    match inside {
        Inside::String { escapes } => inside_string(bytes, from, to, *escapes),
        Inside::Name => inside_name(bytes, from, to),
        Inside::Dollars => inside_dollars(bytes, from, to, opening),
        Inside::Comment { depth } => inside_comment(bytes, from, to, depth),
    }
}

/// If a text begins with a quote or a comment: what it is inside of after the opening, and the opening's length.
pub(in crate::sql) fn opened(text: &str, backslash: BackslashRule) -> Option<(Inside, usize)> {
    let token = token_under(text, 0, backslash)?;
    let inside = match token.kind {
        TokenKind::PlainString => Inside::String { escapes: false },
        TokenKind::EscapeString => Inside::String { escapes: true },
        TokenKind::QuotedName => Inside::Name,
        TokenKind::DollarString => Inside::Dollars,
        TokenKind::BlockComment => return Some((Inside::Comment { depth: 1 }, 2)),
        _ => return None,
    };
    Some((inside, token.content(text).start))
}

fn scanned(kind: TokenKind, bytes: &[u8], reached: Reached) -> Scanned {
    match reached {
        Reached::Closed(end) => (kind, end, true),
        Reached::Open(_) => (kind, bytes.len(), false),
    }
}

/// The first of certain bytes between two places; `to` if there is none.
fn stop(bytes: &[u8], from: usize, to: usize, is_ordinary: impl Fn(u8) -> bool) -> usize {
    skip(bytes.get(..to).unwrap_or(bytes), from, is_ordinary)
}

/// A string, from its opening quote on. A string that continues after a line break with another quote is one constant,
/// and keeps the rules of its beginning. (psql reads line by line and misses this; the server does not, and it is the
/// server that gets the text.)
fn string(bytes: &[u8], quote: usize, kind: TokenKind) -> Scanned {
    let escapes = kind == TokenKind::EscapeString;
    let reached = inside_string(bytes, quote + 1, bytes.len(), escapes);
    scanned(kind, bytes, reached)
}

fn inside_string(bytes: &[u8], from: usize, to: usize, escapes: bool) -> Reached {
    let mut at = from;
    while at < to {
        let stop = stop(bytes, at, to, |byte| byte != b'\'' && byte != b'\\');
        if stop >= to {
            return Reached::Open(to);
        }
        at = stop + 1;
        if bytes[stop] == b'\\' {
            if escapes {
                // Only ASCII can be escaped by a backslash here; the other bytes of a longer character are ordinary
                // bytes of the string.
                at = (at + 1).min(bytes.len());
            }
        } else if byte(bytes, at) == b'\'' {
            at += 1;
        } else {
            match continued(bytes, at) {
                Some(next) => at = next,
                None => return Reached::Closed(at),
            }
        }
    }
    Reached::Open(at)
}

/// Where the string continues after its closing quote: after spaces and line comments with at least one line break
/// among them, and another quote.
pub(in crate::sql) fn continued(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    let mut broken = false;
    loop {
        match byte(bytes, at) {
            b'\n' | b'\r' => {
                broken = true;
                at += 1;
            }
            b' ' | b'\t' | b'\x0b' | b'\x0c' => at += 1,
            b'-' if byte(bytes, at + 1) == b'-' => at = end_of_comment_line(bytes, at),
            b'\'' if broken => return Some(at + 1),
            _ => return None,
        }
    }
}

fn quoted_name(bytes: &[u8], quote: usize) -> Scanned {
    let reached = inside_name(bytes, quote + 1, bytes.len());
    scanned(TokenKind::QuotedName, bytes, reached)
}

fn inside_name(bytes: &[u8], from: usize, to: usize) -> Reached {
    let mut at = from;
    while at < to {
        let stop = stop(bytes, at, to, |byte| byte != b'"');
        if stop >= to {
            return Reached::Open(to);
        }
        if byte(bytes, stop + 1) != b'"' {
            return Reached::Closed(stop + 1);
        }
        at = stop + 2;
    }
    Reached::Open(at)
}

/// The length of `$tag$` at this place.
fn dollar_tag(bytes: &[u8], at: usize) -> Option<usize> {
    let start = at + 1;
    let end = if is_word_start(byte(bytes, start)) {
        skip(bytes, start, |byte| is_word_start(byte) || byte.is_ascii_digit())
    } else {
        start
    };
    (byte(bytes, end) == b'$').then_some(end + 1 - at)
}

fn dollar(bytes: &[u8], at: usize) -> Scanned {
    let Some(length) = dollar_tag(bytes, at) else {
        let digits = skip(bytes, at + 1, |byte| byte.is_ascii_digit());
        if digits == at + 1 {
            return (TokenKind::Other, at + 1, true);
        }
        let end = if is_word_start(byte(bytes, digits)) {
            skip(bytes, digits, is_word_part)
        } else {
            digits
        };
        return (TokenKind::Parameter, end, true);
    };
    let tag = &bytes[at..at + length];
    let reached = inside_dollars(bytes, at + length, bytes.len(), tag);
    scanned(TokenKind::DollarString, bytes, reached)
}

fn inside_dollars(bytes: &[u8], from: usize, to: usize, tag: &[u8]) -> Reached {
    let mut at = from;
    while at < to {
        let stop = stop(bytes, at, to, |byte| byte != b'$');
        if stop >= to {
            return Reached::Open(to);
        }
        if bytes[stop..].starts_with(tag) {
            return Reached::Closed(stop + tag.len());
        }
        at = stop + 1;
    }
    Reached::Open(at)
}

/// A number. Letters directly after it are part of it, so that `1e'` never starts an E-string.
fn number(bytes: &[u8], from: usize) -> usize {
    let digits = |at| skip(bytes, at, |byte| byte.is_ascii_digit() || byte == b'_');
    let mut at = digits(from);
    if byte(bytes, at) == b'.' && byte(bytes, at + 1) != b'.' {
        at = digits(at + 1);
    }
    if matches!(byte(bytes, at), b'e' | b'E') {
        let sign = usize::from(matches!(byte(bytes, at + 1), b'+' | b'-'));
        if byte(bytes, at + 1 + sign).is_ascii_digit() {
            at = digits(at + 1 + sign);
        } else if sign == 1 {
            // psql takes `1e-` as a malformed number, so `1e--` starts no comment.
            return at + 2;
        }
    }
    if is_word_start(byte(bytes, at)) {
        at = skip(bytes, at, is_word_part);
    }
    at
}

fn block_comment(bytes: &[u8], from: usize) -> Scanned {
    let reached = inside_comment(bytes, from + 2, bytes.len(), &mut 1);
    scanned(TokenKind::BlockComment, bytes, reached)
}

fn inside_comment(bytes: &[u8], from: usize, to: usize, depth: &mut usize) -> Reached {
    let mut at = from;
    while at < to {
        at = stop(bytes, at, to, |byte| byte != b'*' && byte != b'/');
        if at >= to {
            return Reached::Open(to);
        }
        match (byte(bytes, at), byte(bytes, at + 1)) {
            (b'/', b'*') => {
                *depth += 1;
                at += 2;
            }
            (b'*', b'/') => {
                *depth -= 1;
                at += 2;
                if *depth == 0 {
                    return Reached::Closed(at);
                }
            }
            _ => at += 1,
        }
    }
    Reached::Open(at)
}

/// The end of an operator: before a comment, and without the `+` and `-` at its end that belong to
/// the operand, by PostgreSQL's rule.
fn operator(bytes: &[u8], from: usize) -> usize {
    let mut end = from + 1;
    while end < bytes.len() && is_operator(bytes[end]) {
        let pair = (bytes[end], byte(bytes, end + 1));
        if pair == (b'-', b'-') || pair == (b'/', b'*') {
            break;
        }
        end += 1;
    }
    looked(end - from);
    let keeps_sign = bytes[from..end].iter().any(|byte| b"~!@#^&|`?%".contains(byte));
    let is_sign = |byte: &u8| matches!(byte, b'+' | b'-');
    // Each of many signs is an operator; split separately, each would read all that follow.
    if keeps_sign || end - from > SIGNS_MAX && bytes[from..end].iter().all(is_sign) {
        return end;
    }
    while end > from + 1 && is_sign(&bytes[end - 1]) {
        end -= 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use TokenKind::*;

    #[track_caller]
    fn check(text: &str, wanted: &[(TokenKind, &str)]) {
        let found: Vec<(TokenKind, &str)> = tokens(text)
            .filter(|token| token.kind != Space)
            .map(|token| (token.kind, token.text(text)))
            .collect();
        assert_eq!(found, wanted, "in {text:?}");
    }

    #[test]
    fn names_may_hold_dollars_and_any_letter() {
        check("a$b$c", &[(Word, "a$b$c")]);
        check("größe_1", &[(Word, "größe_1")]);
        check("\"a\"\"b\"c", &[(QuotedName, "\"a\"\"b\""), (Word, "c")]);
        check("U&\"d\\0061\"", &[(QuotedName, "U&\"d\\0061\"")]);
        check("u&a", &[(Word, "u"), (Operator, "&"), (Word, "a")]);
    }

    #[test]
    fn a_backslash_escapes_only_in_an_e_string() {
        check(r"'a\' b", &[(PlainString, r"'a\'"), (Word, "b")]);
        check(r"E'a\' b'", &[(EscapeString, r"E'a\' b'")]);
        check(r"e'a\\' b", &[(EscapeString, r"e'a\\'"), (Word, "b")]);
        check(r"U&'a\' b", &[(PlainString, r"U&'a\'"), (Word, "b")]);
        check(r"E'\é' b", &[(EscapeString, r"E'\é'"), (Word, "b")]);
        check("'it''s'", &[(PlainString, "'it''s'")]);
        check(
            "b'01'x'ff'N'x'",
            &[(PlainString, "b'01'"), (PlainString, "x'ff'"), (PlainString, "N'x'")],
        );
    }

    #[test]
    fn a_backslash_escapes_in_plain_strings_where_the_session_says_so() {
        for (text, kind, whole) in [
            (r"'a\'; b'", EscapeString, r"'a\'; b'"),
            (r"n'a\'; b'", EscapeString, r"n'a\'; b'"),
            (r"x'a\'; b'", PlainString, r"x'a\'"),
            (r"$$a\$$; b", DollarString, r"$$a\$$"),
        ] {
            let token = token_under(text, 0, BackslashRule::Escapes).unwrap();
            assert_eq!((token.kind, token.text(text)), (kind, whole));
            assert_eq!(tokens_under(text, BackslashRule::Escapes).next(), Some(token));
        }
        for (text, depends) in [
            (r"select 'a\'; drop table t; --'", true),
            (r"select 'a\'", true),
            (r"select 'a\d+', e'\'', $$\'$$, '\\ '", false),
            ("select 'a'", false),
        ] {
            assert_eq!(depends_on_backslashes(text), depends, "{text}");
        }
    }

    #[test]
    fn a_string_goes_on_after_a_line_break_with_its_own_rules() {
        check("E'a'\n 'b\\'c'", &[(EscapeString, "E'a'\n 'b\\'c'")]);
        check("'a' -- why\n'b'", &[(PlainString, "'a' -- why\n'b'")]);
        check("'a' 'b'", &[(PlainString, "'a'"), (PlainString, "'b'")]);
        check(
            "'a' /* \n */ 'b'",
            &[(PlainString, "'a'"), (BlockComment, "/* \n */"), (PlainString, "'b'")],
        );
    }

    #[test]
    fn dollar_quotes_end_at_their_own_tag() {
        check("$$a'b$$c", &[(DollarString, "$$a'b$$"), (Word, "c")]);
        check("$a$ $b$ $$ $a$", &[(DollarString, "$a$ $b$ $$ $a$")]);
        check("$d$x$junk$d$", &[(DollarString, "$d$x$junk$d$")]);
        check("$ab$ $a$ab$", &[(DollarString, "$ab$ $a$ab$")]);
        check("$1", &[(Parameter, "$1")]);
        check("$1$$x$$", &[(Parameter, "$1"), (DollarString, "$$x$$")]);
        check("$1a", &[(Parameter, "$1a")]);
        check("$a b", &[(Other, "$"), (Word, "a"), (Word, "b")]);
        check(r"$e'\''", &[(Other, "$"), (EscapeString, r"e'\''")]);
        check("$é$;$é$", &[(DollarString, "$é$;$é$")]);
    }

    #[test]
    fn a_sign_of_an_exponent_starts_no_comment() {
        check("1e--x", &[(Number, "1e-"), (Operator, "-"), (Word, "x")]);
        check("1--x", &[(Number, "1"), (LineComment, "--x")]);
    }

    #[test]
    fn numbers_take_the_letters_after_them() {
        for text in ["1e5", "1.5e-3", ".5", "1.", "1_000", "0xff", "12abc", "1e"] {
            check(text, &[(Number, text)]);
        }
        check(r"1e'\'", &[(Number, "1e"), (PlainString, r"'\'")]);
        check("1..10", &[(Number, "1"), (Dot, "."), (Number, ".10")]);
        check("1ex-y", &[(Number, "1ex"), (Operator, "-"), (Word, "y")]);
    }

    #[test]
    fn an_operator_stops_before_a_comment() {
        check("a+--b\nc", &[(Word, "a"), (Operator, "+"), (LineComment, "--b"), (Word, "c")]);
        check("a*/*x*/b", &[(Word, "a"), (Operator, "*"), (BlockComment, "/*x*/"), (Word, "b")]);
        check("a<-1", &[(Word, "a"), (Operator, "<"), (Operator, "-"), (Number, "1")]);
        check("a?-b", &[(Word, "a"), (Operator, "?-"), (Word, "b")]);
        check(
            "a->>b::c",
            &[(Word, "a"), (Operator, "->>"), (Word, "b"), (Cast, "::"), (Word, "c")],
        );
    }

    #[test]
    fn block_comments_nest() {
        check("/* a /* b */ c */ d", &[(BlockComment, "/* a /* b */ c */"), (Word, "d")]);
        check("/**/a/***/", &[(BlockComment, "/**/"), (Word, "a"), (BlockComment, "/***/")]);
        check("/*/*/**/*/*/a", &[(BlockComment, "/*/*/**/*/*/"), (Word, "a")]);
    }

    #[test]
    fn what_is_not_closed_reaches_to_the_end_and_says_so() {
        for text in [
            "'a;",
            "E'a\\",
            "E'a\\'",
            "U&'a",
            "\"a",
            "U&\"a",
            "$$a;$",
            "$t$a$$",
            "/* a /* b */",
            "'a'\n'b",
        ] {
            let found: Vec<Token> = tokens(text).collect();
            assert_eq!(found.len(), 1, "in {text:?}");
            assert!(!found[0].terminated, "in {text:?}");
            assert_eq!(found[0].range(), 0..text.len());
        }
    }

    #[test]
    fn the_content_of_a_quote_is_between_its_quotes() {
        for (text, wanted) in [
            ("'a'", "a"),
            ("E'a\\''", "a\\'"),
            ("U&'a'", "a"),
            ("\"a\"", "a"),
            ("$t$a$t$", "a"),
            ("$$$$", ""),
            ("''", ""),
            ("'", ""),
            ("'a", "a"),
            ("$t$a", "a"),
        ] {
            let token = token_at(text, 0).unwrap();
            assert_eq!(&text[token.content(text)], wanted, "in {text:?}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_a_space_only_at_the_start() {
        check("\u{feff}select", &[(Word, "select")]);
        check("a \u{feff}b", &[(Word, "a"), (Word, "\u{feff}b")]);
    }
}
