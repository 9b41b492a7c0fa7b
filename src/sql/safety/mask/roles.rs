//! The passwords in CREATE ROLE and ALTER ROLE, even without quotes or after a misspelt option.

use super::{Search, is_one_of, names};
use crate::sql::read::lex::{Token, TokenKind};

/// The words of these statements that begin something else.
const OPTIONS: [&str; 40] = [
    "superuser",
    "nosuperuser",
    "createdb",
    "nocreatedb",
    "createrole",
    "nocreaterole",
    "createuser",
    "nocreateuser",
    "inherit",
    "noinherit",
    "login",
    "nologin",
    "replication",
    "noreplication",
    "bypassrls",
    "nobypassrls",
    "connection",
    "limit",
    "encrypted",
    "unencrypted",
    "password",
    "valid",
    "until",
    "in",
    "role",
    "group",
    "admin",
    "user",
    "sysid",
    "set",
    "reset",
    "rename",
    "to",
    "add",
    "drop",
    "database",
    "from",
    "with",
    "if",
    "exists",
];

impl Search<'_> {
    /// Every statement about a role among the tokens: it may be in a function's body.
    pub(super) fn roles(&mut self, tokens: &[Token]) {
        let begins: Vec<usize> =
            (0..tokens.len()).filter(|at| self.is_about_a_role(tokens, *at)).collect();
        for (index, begin) in begins.iter().enumerate() {
            let end = begins.get(index + 1).copied().unwrap_or(tokens.len());
            self.role(&tokens[begin + 2..end]);
        }
    }

    fn is_about_a_role(&self, tokens: &[Token], at: usize) -> bool {
        let word = |at: usize, list: &[&str]| {
            tokens.get(at).is_some_and(|token| {
                token.kind == TokenKind::Word && is_one_of(token.text(self.text), list)
            })
        };
        word(at, &["create", "alter"])
            && word(at + 1, &["role", "user", "group"])
            && !word(at + 2, &["mapping"])
    }

    fn role(&mut self, tokens: &[Token]) {
        let mut at = 1;
        let mut is_another = false;
        while let Some(token) = tokens.get(at) {
            let is_option = token.kind == TokenKind::Word;
            let text = token.text(self.text);
            if is_option && is_one_of(text, &["set", "reset", "rename"]) {
                return;
            }
            if token.is_string() && !is_another {
                self.push(token.content(self.text));
            }
            is_another = is_option && is_one_of(text, &["until", "uescape"]);
            let is_identified = is_option
                && text.eq_ignore_ascii_case("identified")
                && self.is_word(tokens.get(at + 1), "by");
            at += 1;
            if is_identified {
                at = self.bare_secret(tokens, at + 1);
            } else if is_option && names::is_password_option(text) {
                at = self.bare_secret(tokens, at);
            }
        }
    }

    /// Whatever stands in place of a password, in any quotes or none. Returns where it ends.
    pub(super) fn bare_secret(&mut self, tokens: &[Token], from: usize) -> usize {
        let mut at = from;
        while let Some(token) = tokens.get(at)
            && (matches!(token.text(self.text), "=" | ":" | ":=" | "=>")
                || self.is_word(Some(token), "password"))
        {
            at += 1;
        }
        let Some(token) = tokens.get(at) else {
            return at;
        };
        match token.kind {
            _ if token.is_string() => {
                self.push(token.content(self.text));
                return at + 1;
            }
            TokenKind::QuotedName => {
                self.push(token.content(self.text));
                return at + 1;
            }
            _ if self.is_word(Some(token), "null") => return at + 1,
            TokenKind::Semicolon => return at,
            _ => {}
        }
        let rest = &self.text[token.start..];
        let is_placeholder =
            self.depth > 0 && rest.starts_with('%') && token.end - token.start == 1;
        if self.is_prose || is_placeholder {
            return at;
        }
        // Text that follows without a space belongs to it, and so does every word that is not an option.
        let mut is_first = true;
        while let Some(token) = tokens.get(at) {
            let is_option =
                token.kind == TokenKind::Word && is_one_of(token.text(self.text), &OPTIONS);
            let ends = token.kind == TokenKind::Semicolon || token.is_string();
            if !is_first && (is_option || ends) {
                break;
            }
            is_first = false;
            let rest = &self.text[token.start..];
            let length =
                rest.find(|c: char| c.is_ascii_whitespace() || c == ';').unwrap_or(rest.len());
            let end = token.start + length;
            self.push(token.start..end);
            at += 1;
            // A string that begins inside of it is judged separately.
            while tokens.get(at).is_some_and(|token| token.start < end && !token.is_string()) {
                at += 1;
            }
        }
        at
    }
}
