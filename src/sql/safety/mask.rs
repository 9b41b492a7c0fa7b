//! Masks secrets in SQL, so that the text can be stored: in the history, in logs, in recordings.
//!
//! The words around a secret reveal it: what follows PASSWORD, what a name like `api_token` is set to or compared with,
//! the argument of `crypt()`, the password in a connection string or a URL. It becomes `***` inside its own quotes; the
//! rest of the text stays as it is. If it is not certain what belongs to a secret (a missing or an unclosed quote), too
//! much is masked rather than too little. The server repeats a statement in its messages, in pieces and without the
//! words that revealed the secret: there it is found by its value ([`Values`]).

use std::{borrow::Cow, ops::Range};

use crate::sql::{
    read::lex::{self, BackslashRule, Token, TokenKind},
    statement::split::{Piece, Splits},
};

mod columns;
mod names;
mod prose;
mod quoted;
mod roles;
mod statement;
#[cfg(test)]
mod tests;
mod values;

pub use names::is_secret as is_secret_name;
pub use values::Values;

/// What replaces a secret.
const MASK: &str = "***";

/// How many levels of strings in strings are read as SQL; further in, only the words decide.
const DEPTH: u8 = 4;

/// The text with its secrets replaced by `***`.
pub fn passwords(sql: &str) -> Cow<'_, str> {
    masked(sql, secrets(sql))
}

/// The same for a text that is not SQL, such as a server's message, which may repeat a statement or one of its values.
pub fn passwords_in_words(text: &str) -> Cow<'_, str> {
    masked(text, secrets_in_words(text))
}

/// The places of secrets in a text that is not SQL: it may hold SQL between double quotes, or a literal `password=…`.
pub fn secrets_in_words(text: &str) -> Vec<Range<usize>> {
    if !names::is_suspicious(text) {
        return vec![];
    }
    let mut found = Vec::new();
    let unquoted = text.replace('"', " ");
    for text in [text, &unquoted] {
        let mut search = Search::new(text, BackslashRule::Ordinary, 0);
        search.is_prose = true;
        search.script(0..text.len());
        search.prose(0..text.len());
        found.append(&mut search.found);
    }
    in_order(found)
}

/// The places of the text's secrets, in bytes, ordered by their beginnings; they may overlap.
pub fn secrets(sql: &str) -> Vec<Range<usize>> {
    if !names::is_suspicious(sql) {
        return vec![];
    }
    let mut search = Search::new(sql, BackslashRule::Ordinary, 0);
    search.script(0..sql.len());
    if lex::depends_on_backslashes(sql) {
        // The session may have the other rule, by which a secret ends elsewhere.
        search.backslash = BackslashRule::Escapes;
        search.script(0..sql.len());
    }
    in_order(search.found)
}

/// The same, and every string that may become a secret through what is typed around it later: `'x'` is a password as
/// soon as the words before it are there. A statement whose first words show that it holds none is excepted.
pub fn possible_secrets(sql: &str) -> Vec<Range<usize>> {
    let mut found = secrets(sql);
    let mut rules = vec![BackslashRule::Ordinary];
    if lex::depends_on_backslashes(sql) {
        rules.push(BackslashRule::Escapes);
    }
    for rule in rules {
        for piece in Splits::under(sql, rule).pieces() {
            let Piece::Statement(statement) = piece else {
                continue;
            };
            let range = statement.range.clone();
            if !is_plain(sql, range.clone()) {
                found.extend(strings(sql, range, rule));
            }
        }
    }
    in_order(found)
}

fn in_order(mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    found.sort_by_key(|range| (range.start, range.end));
    found.dedup();
    found
}

fn masked(text: &str, found: Vec<Range<usize>>) -> Cow<'_, str> {
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    for range in found {
        if range.start >= at {
            masked.push_str(&text[at..range.start]);
            masked.push_str(MASK);
        }
        at = at.max(range.end);
    }
    masked.push_str(&text[at..]);
    Cow::Owned(masked)
}

/// First words of statements in which a string is a value.
const PLAIN: [&str; 24] = [
    "select", "insert", "update", "delete", "merge", "with", "values", "table", "explain", "copy",
    "show", "set", "reset", "begin", "start", "commit", "rollback", "call", "do", "execute",
    "prepare", "notify", "comment", "listen",
];
/// What a statement with a password creates or alters.
const GUARDED: [&str; 6] = ["role", "user", "group", "server", "foreign", "subscription"];

/// Whether a statement's strings are values and stay so.
fn is_plain(sql: &str, range: Range<usize>) -> bool {
    let mut words =
        tokens(sql, range, BackslashRule::Ordinary).map(|token| (token.kind, token.text(sql)));
    match words.next() {
        Some((TokenKind::Word, word)) if is_one_of(word, &["create", "alter", "drop"]) => {
            matches!(words.next(), Some((TokenKind::Word, what)) if !is_one_of(what, &GUARDED))
        }
        Some((TokenKind::Word, word)) => is_one_of(word, &PLAIN),
        _ => false,
    }
}

fn strings(
    sql: &str,
    range: Range<usize>,
    rule: BackslashRule,
) -> impl Iterator<Item = Range<usize>> {
    tokens(sql, range, rule)
        .filter(|token| token.is_string())
        .map(|token| token.content(sql))
        .filter(|content| !content.is_empty())
}

fn tokens(sql: &str, range: Range<usize>, rule: BackslashRule) -> impl Iterator<Item = Token> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        while at < range.end {
            let token = lex::token_under(sql, at, rule)?;
            at = token.end;
            if !token.is_gap() {
                return Some(token);
            }
        }
        None
    })
}

fn is_one_of(word: &str, list: &[&str]) -> bool {
    list.iter().any(|it| word.eq_ignore_ascii_case(it))
}

/// A text being searched for secrets.
struct Search<'a> {
    text: &'a str,
    backslash: BackslashRule,
    /// How many strings the text is nested in.
    depth: u8,
    /// Whether these are a message's words, which may quote SQL. There, words without quotes are not values.
    is_prose: bool,
    found: Vec<Range<usize>>,
}

impl<'a> Search<'a> {
    fn new(text: &'a str, backslash: BackslashRule, depth: u8) -> Self {
        Self { text, backslash, depth, is_prose: false, found: Vec::new() }
    }

    /// A script, or the body of a function.
    fn script(&mut self, range: Range<usize>) {
        let base = range.start;
        let splits = Splits::under(&self.text[range.clone()], self.backslash);
        let mut at = base;
        for piece in splits.pieces() {
            let place = piece.range();
            self.prose(at..base + place.start);
            at = base + place.end;
            match piece {
                Piece::PsqlCommand { range, .. } => {
                    self.psql_command(base + range.start..base + range.end);
                }
                Piece::AcrossData { range } => self.prose(base + range.start..base + range.end),
                Piece::Statement(statement) => {
                    // A COPY's data is not SQL: its quotes mean nothing.
                    let data =
                        statement.copy_data.as_ref().map(|data| base + data.start..base + data.end);
                    let end = base + place.end;
                    let end = data.as_ref().map_or(end, |data| data.start.min(end));
                    let tokens = self.statement(base + place.start..end);
                    if let Some(data) = data {
                        self.copy_data(&tokens, data);
                    }
                }
            }
        }
        self.prose(at..range.end);
    }

    /// The strings inside a string: SQL, a connection string, JSON.
    fn string(&mut self, token: Token) {
        let inner = quoted::unquoted(self.text, token);
        if !names::is_suspicious(&inner.text) {
            return;
        }
        let mut search = Search::new(&inner.text, self.backslash, self.depth + 1);
        let whole = 0..inner.text.len();
        let is_sql = self.depth < DEPTH && is_sql(&inner.text, token.kind);
        if is_sql {
            search.script(whole.clone());
        }
        if !is_sql || token.kind != TokenKind::DollarString {
            search.prose(whole);
        }
        for range in search.found {
            let outer = inner.place(range);
            self.push(outer);
        }
    }

    fn push(&mut self, range: Range<usize>) {
        let is_something = self.text.get(range.clone()).is_some_and(|text| !text.trim().is_empty());
        if is_something {
            self.found.push(range);
        }
    }
}

/// Words that begin SQL, also in the body of a function.
const BEGINNINGS: [&str; 24] = [
    "create", "alter", "select", "insert", "update", "delete", "with", "set", "do", "call",
    "execute", "begin", "declare", "grant", "copy", "values", "explain", "prepare", "merge",
    "perform", "if", "drop", "comment", "import",
];

/// Whether to read a string's content as SQL: yes for a dollar-quoted body, unless it is a connection string.
fn is_sql(text: &str, kind: TokenKind) -> bool {
    if kind == TokenKind::DollarString {
        return !is_connection_string(text);
    }
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    is_one_of(&text[..end], &BEGINNINGS)
}

/// Whether the text is a connection string by libpq's rules, and not SQL.
fn is_connection_string(text: &str) -> bool {
    let text = text.trim_start();
    let name = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let rest = &text[name..];
    rest.starts_with("://") || (name > 0 && rest.trim_start().starts_with('='))
}
