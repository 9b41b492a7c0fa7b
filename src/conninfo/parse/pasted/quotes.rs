//! Removes what surrounds a text without being part of it: quotes of every kind, and the comma or semicolon of a list.

use std::borrow::Cow;

use super::super::{Form, ParseProblem, clear};

/// Quotes and brackets, opening and closing.
const QUOTES: [(char, char); 13] = [
    ('"', '"'),
    ('\'', '\''),
    ('`', '`'),
    ('“', '”'),
    ('‘', '’'),
    ('„', '“'),
    ('‚', '‘'),
    ('”', '”'),
    ('’', '’'),
    ('«', '»'),
    ('»', '«'),
    ('<', '>'),
    ('「', '」'),
];
/// Programs' quotes, in which a backslash means something.
const OF_PROGRAMS: [char; 2] = ['"', '`'];

/// The text without its outermost wrapping; none if there is no wrapping.
pub(super) fn taken_off(text: &str) -> Result<Option<Cow<'_, str>>, ParseProblem> {
    if let Some(inner) = quoted(text) {
        return inner.map(Some);
    }
    if let Some(inner) = text.strip_suffix([',', ';'])
        && may_lose_end(text)
    {
        return Ok(Some(Cow::Borrowed(inner)));
    }
    Ok(unmatched(text).map(Cow::Borrowed))
}

/// The text between two matching quotes.
fn quoted(text: &str) -> Option<Result<Cow<'_, str>, ParseProblem>> {
    let bare = text.trim_end_matches([',', ';', ' ', '\t', '\r', '\n']);
    for (open, close) in QUOTES {
        let Some(inner) = bare.strip_prefix(open).and_then(|inner| inner.strip_suffix(close))
        else {
            continue;
        };
        let escaped = inner.replace(&format!("\\{close}"), "");
        if inner.is_empty() || escaped.contains(close) || escaped.contains(open) {
            continue;
        }
        if OF_PROGRAMS.contains(&open) && inner.contains('\\') {
            return Some(unescaped(inner, close).map(Cow::Owned));
        }
        return Some(Ok(Cow::Borrowed(inner)));
    }
    None
}

/// A program's string, if each backslash can mean only one thing.
fn unescaped(inner: &str, close: char) -> Result<String, ParseProblem> {
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(escaped) if escaped == close || escaped == '/' => plain.push(escaped),
                _ => return Err(ParseProblem::Unclear),
            },
            character => plain.push(character),
        }
    }
    Ok(plain)
}

/// The text without a single quote that was copied at one end.
fn unmatched(text: &str) -> Option<&str> {
    let is_quote = |c: char| QUOTES.iter().any(|(open, close)| c == *open || c == *close);
    if let Some(first) = text.chars().next().filter(|c| is_quote(*c)) {
        let rest = &text[first.len_utf8()..];
        return (!rest.contains(is_quote)).then_some(rest);
    }
    let last = text.chars().next_back().filter(|c| is_quote(*c))?;
    let rest = &text[..text.len() - last.len_utf8()];
    (!rest.contains(is_quote) && may_lose_end(text)).then_some(rest)
}

/// Whether the last character can't be the end of a password: libpq would take it for that.
fn may_lose_end(text: &str) -> bool {
    if matches!(Form::of(text), Form::KeyValue(_)) {
        return false;
    }
    let Some((before, query)) = text.rsplit_once('?') else {
        return text.contains('@') || !text.contains(':');
    };
    let last = query.rsplit('&').next().unwrap_or(query);
    let name = last.split('=').next().unwrap_or(last);
    !clear::names_secret(name) && !query.contains('@') && !before.is_empty()
}
