//! Secrets revealed by their position in a list: `insert into users (name, password) values ('a', 'x')`.

use std::ops::Range;

use super::{Search, is_one_of, names};
use crate::sql::read::lex::{Token, TokenKind};

impl Search<'_> {
    /// Lists of names that include a secret's, and the lists of values that belong to them.
    pub(super) fn columns(&mut self, tokens: &[Token]) {
        let mut values: Option<usize> = None;
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            if self.is_word(Some(token), "values") {
                values = Some(at);
            }
            if token.kind != TokenKind::OpenParenthesis {
                continue;
            }
            let Some((secret, end)) = self.names_in(tokens, at) else {
                continue;
            };
            if secret.is_empty() {
                continue;
            }
            let before = values.filter(|_| self.is_alias_of_values(tokens, at - 1));
            match before {
                // `(values ('a', 'x')) as v (name, password)`
                Some(values) => {
                    self.rows(tokens, values, &secret);
                }
                None => self.values_of(tokens, end + 1, &secret),
            }
            at = end;
        }
    }

    /// The positions of secrets among names in parentheses, and where these close; none if it is not such a list.
    fn names_in(&self, tokens: &[Token], from: usize) -> Option<(Vec<usize>, usize)> {
        let (mut secret, mut index) = (Vec::new(), 0);
        for (at, token) in tokens.iter().enumerate().skip(from) {
            match token.kind {
                TokenKind::Word | TokenKind::QuotedName => {
                    if names::is_secret(self.name(*token)) && secret.last() != Some(&index) {
                        secret.push(index);
                    }
                }
                TokenKind::Comma => index += 1,
                TokenKind::Dot => {}
                TokenKind::CloseParenthesis => return Some((secret, at)),
                _ => return None,
            }
        }
        None
    }

    /// Whether a list of names follows `(values …) [as] name`.
    fn is_alias_of_values(&self, tokens: &[Token], open: usize) -> bool {
        let before = |count: usize| open.checked_sub(count).and_then(|at| tokens.get(at));
        let closes = |token: Option<&Token>| {
            token.is_some_and(|token| token.kind == TokenKind::CloseParenthesis)
        };
        closes(before(2)) || self.is_word(before(2), "as") && closes(before(3))
    }

    /// The values that follow a list of names.
    fn values_of(&mut self, tokens: &[Token], from: usize, secret: &[usize]) {
        for (at, token) in tokens.iter().enumerate().skip(from).take(8) {
            let text = token.text(self.text);
            match token.kind {
                TokenKind::Word if text.eq_ignore_ascii_case("values") => {
                    self.rows(tokens, at + 1, secret);
                    return;
                }
                TokenKind::Word if text.eq_ignore_ascii_case("select") => {
                    self.row(tokens, at + 1, secret);
                    return;
                }
                TokenKind::Word if text.eq_ignore_ascii_case("in") => {
                    self.rows(tokens, at + 2, secret);
                    return;
                }
                TokenKind::Operator => {
                    self.rows(tokens, at + 1, secret);
                    return;
                }
                TokenKind::Word
                    if is_one_of(
                        text,
                        &[
                            "as",
                            "not",
                            "materialized",
                            "overriding",
                            "user",
                            "system",
                            "value",
                            "row",
                        ],
                    ) => {}
                TokenKind::OpenParenthesis => {}
                _ => return,
            }
        }
    }

    /// Rows in parentheses, one after another.
    fn rows(&mut self, tokens: &[Token], from: usize, secret: &[usize]) {
        let mut at = from;
        while let Some(token) = tokens.get(at) {
            match token.kind {
                TokenKind::OpenParenthesis => at = self.row(tokens, at + 1, secret) + 1,
                TokenKind::Comma => at += 1,
                TokenKind::Word if self.is_word(Some(token), "row") => at += 1,
                _ => return,
            }
        }
    }

    /// One row, up to its closing parenthesis: masks the values at these positions.
    fn row(&mut self, tokens: &[Token], from: usize, secret: &[usize]) -> usize {
        let (mut depth, mut index, mut begins) = (0_usize, 0, true);
        for (at, token) in tokens.iter().enumerate().skip(from) {
            let is_secret = secret.contains(&index);
            match token.kind {
                TokenKind::OpenParenthesis => depth += 1,
                TokenKind::CloseParenthesis if depth == 0 => return at,
                TokenKind::CloseParenthesis => depth -= 1,
                TokenKind::Semicolon => return at,
                TokenKind::Comma if depth == 0 => {
                    index += 1;
                    begins = true;
                    continue;
                }
                TokenKind::Word if depth == 0 && self.is_word(Some(token), "from") => return at,
                TokenKind::Word | TokenKind::Number | TokenKind::QuotedName
                    if is_secret && begins && depth == 0 && self.is_bare_value(tokens, at) =>
                {
                    let (start, end) = self.bare_value(*token);
                    self.push(start..end);
                }
                _ if is_secret && token.is_string() => self.push(token.content(self.text)),
                _ => {}
            }
            begins = false;
        }
        tokens.len()
    }

    /// The lines of a COPY whose columns name a secret.
    pub(super) fn copy_data(&mut self, tokens: &[Token], data: Range<usize>) {
        let Some(open) = tokens.iter().position(|token| token.kind == TokenKind::OpenParenthesis)
        else {
            return;
        };
        let Some((secret, _)) = self.names_in(tokens, open + 1) else {
            return;
        };
        if secret.is_empty() {
            return;
        }
        let is_plain = !tokens.iter().any(|token| {
            is_one_of(token.text(self.text), &["csv", "delimiter", "delimiters", "with"])
        });
        let mut at = data.start;
        let text = self.text;
        for line in text[data].split_inclusive('\n') {
            let start = at;
            at += line.len();
            let line = line.trim_end_matches(['\n', '\r']);
            if !is_plain {
                self.push(start..start + line.len());
                continue;
            }
            let mut place = start;
            for (index, field) in line.split('\t').enumerate() {
                if secret.contains(&index) && field != "\\N" {
                    self.push(place..place + field.len());
                }
                place += field.len() + 1;
            }
        }
    }
}
