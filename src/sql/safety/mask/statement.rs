//! One statement's secrets, revealed by its tokens.

use std::ops::Range;

use super::{Search, is_one_of, names, prose};
use crate::sql::read::lex::{self, Token, TokenKind};

/// Words that end what a name is set to or compared with.
const ENDS: [&str; 24] = [
    "and",
    "or",
    "where",
    "from",
    "group",
    "order",
    "limit",
    "offset",
    "returning",
    "then",
    "else",
    "end",
    "when",
    "union",
    "except",
    "intersect",
    "having",
    "on",
    "window",
    "as",
    "loop",
    "for",
    "into",
    "fetch",
];

/// Words in place of a value that are not values.
const NO_VALUES: [&str; 14] = [
    "null",
    "default",
    "true",
    "false",
    "current_user",
    "session_user",
    "user",
    "array",
    "row",
    "case",
    "select",
    "any",
    "all",
    "not",
];

/// How to read a value.
#[derive(Clone, Copy, Default)]
pub struct Form {
    /// An unquoted word counts too: the quotes were forgotten.
    pub bare: bool,
    /// The first AND belongs to BETWEEN.
    pub between: bool,
    /// A comma does not end it.
    pub list: bool,
}

impl Search<'_> {
    /// A statement: its secrets, and its tokens without spaces and comments.
    pub(super) fn statement(&mut self, range: Range<usize>) -> Vec<Token> {
        let mut tokens = Vec::new();
        let mut at = range.start;
        let mut closed = true;
        while at < range.end
            && let Some(token) = lex::token_under(self.text, at, self.backslash)
        {
            at = token.end;
            closed &= token.terminated;
            if token.is_gap() {
                self.prose(token.range());
            } else {
                tokens.push(token);
            }
        }
        for token in tokens.iter().filter(|token| token.is_string()) {
            self.string(*token);
        }
        self.roles(&tokens);
        self.columns(&tokens);
        self.names(&tokens);
        if !closed {
            self.prose(range);
        }
        tokens
    }

    /// Masks what secrets' names are set to, compared with and given.
    fn names(&mut self, tokens: &[Token]) {
        let mut depth = 0_usize;
        // Text masked so far is not searched again, so that a long chain of names stays cheap.
        let mut done = 0;
        for (at, token) in tokens.iter().enumerate() {
            let end = match token.kind {
                TokenKind::OpenParenthesis => {
                    depth += 1;
                    continue;
                }
                TokenKind::CloseParenthesis => {
                    depth = depth.saturating_sub(1);
                    continue;
                }
                TokenKind::Word | TokenKind::QuotedName => {
                    let name = self.name(*token);
                    if names::is_secret(name) {
                        self.before(tokens, at);
                    }
                    (at >= done).then(|| self.after_name(tokens, at)).flatten()
                }
                _ if token.is_string() && at >= done => self.after_string(tokens, at, depth),
                _ => None,
            };
            done = done.max(end.unwrap_or(0));
        }
    }

    pub(super) fn name(&self, token: Token) -> &str {
        let range = if token.kind == TokenKind::QuotedName {
            token.content(self.text)
        } else {
            token.range()
        };
        self.text.get(range).unwrap_or("")
    }

    pub(super) fn is_word(&self, token: Option<&Token>, word: &str) -> bool {
        token.is_some_and(|token| {
            token.kind == TokenKind::Word && token.text(self.text).eq_ignore_ascii_case(word)
        })
    }

    /// Masks what follows a name. Returns where that ends.
    fn after_name(&mut self, tokens: &[Token], at: usize) -> Option<usize> {
        let name = self.name(*tokens.get(at)?).to_owned();
        let next = tokens.get(at + 1)?;
        if next.kind == TokenKind::OpenParenthesis && names::is_given_a_secret(&name) {
            // After these, a parenthesis holds columns, not arguments.
            const BEFORE: [&str; 8] =
                ["table", "into", "exists", "type", "view", "on", "references", "index"];
            let before = at.checked_sub(1).and_then(|before| tokens.get(before));
            let is_table = before.is_some_and(|before| is_one_of(before.text(self.text), &BEFORE));
            let list = Form { list: true, ..Form::default() };
            return (!is_table).then(|| self.operand(tokens, at + 2, list));
        }
        if name.eq_ignore_ascii_case("identified") && self.is_word(Some(next), "by") {
            return Some(self.bare_secret(tokens, at + 2));
        }
        if !names::is_secret(&name) {
            return None;
        }
        if next.is_string() {
            self.push(next.content(self.text));
            return Some(at + 2);
        }
        let (start, operand) = self.trigger(tokens, at)?;
        Some(self.operand(tokens, start, operand))
    }

    /// Whether a name is set or compared: where the value begins, and how to read it.
    fn trigger(&self, tokens: &[Token], name: usize) -> Option<(usize, Form)> {
        let mut at = self.behind_casts(tokens, name + 1);
        let token = tokens.get(at)?;
        let text = token.text(self.text);
        let plain = Form::default();
        match token.kind {
            TokenKind::Operator => self.operator(text).map(|operand| (at + 1, operand)),
            // Meant as `=`; but `a[token:2]` is a slice.
            TokenKind::Other if text == ":" && !self.is_prose => Some((at + 1, plain)),
            TokenKind::Word if !self.is_prose => {
                if is_one_of(text, &["is", "not"]) {
                    while tokens.get(at).is_some_and(|token| {
                        is_one_of(token.text(self.text), &["is", "not", "distinct", "from"])
                    }) {
                        at += 1;
                    }
                    let word = tokens.get(at).map(|token| token.text(self.text));
                    let compares = word
                        .is_some_and(|word| is_one_of(word, &["in", "like", "ilike", "similar"]));
                    return Some((at + usize::from(compares), plain));
                }
                if is_one_of(text, &["in", "like", "ilike", "similar"]) {
                    return Some((at + 1, plain));
                }
                if text.eq_ignore_ascii_case("between") {
                    let between = true;
                    return Some((at + 1, Form { between, ..plain }));
                }
                if text.eq_ignore_ascii_case("to") {
                    let bare = self.is_set(tokens, name);
                    return Some((at + 1, Form { bare, ..plain }));
                }
                self.default_value(tokens, at)
            }
            _ => None,
        }
    }

    /// How to read a value after an operator. An operator that extracts from JSON is followed by a name, not a value.
    fn operator(&self, operator: &str) -> Option<Form> {
        let takes_a_part = ["->", "#>", "?", "#-"].iter().any(|start| operator.starts_with(start));
        let bare = !self.is_prose && is_one_of(operator, &["=", ":=", "=>", "<>", "!=", "=="]);
        (!takes_a_part).then_some(Form { bare, ..Form::default() })
    }

    /// `password text default 'x'`, `password constant text := 'x'`: a few words between the name and its value.
    fn default_value(&self, tokens: &[Token], from: usize) -> Option<(usize, Form)> {
        for (at, token) in tokens.iter().enumerate().skip(from).take(8) {
            let text = token.text(self.text);
            match token.kind {
                TokenKind::Word if text.eq_ignore_ascii_case("default") => {
                    return Some((at + 1, Form::default()));
                }
                TokenKind::Word if is_one_of(text, &ENDS) => return None,
                TokenKind::Operator if is_one_of(text, &[":=", "="]) => {
                    return Some((at + 1, Form::default()));
                }
                TokenKind::Word
                | TokenKind::Number
                | TokenKind::OpenParenthesis
                | TokenKind::CloseParenthesis => {}
                _ => return None,
            }
        }
        None
    }

    /// Whether a name is the setting of a SET: `set app.password`, `set local app.password`.
    fn is_set(&self, tokens: &[Token], name: usize) -> bool {
        let before = name.min(6);
        tokens[name - before..name]
            .iter()
            .rev()
            .any(|token| is_one_of(token.text(self.text), &["set", "local", "session"]))
    }

    /// Skips closing parentheses, subscripts and casts: `lower(password)::text = …`.
    fn behind_casts(&self, tokens: &[Token], from: usize) -> usize {
        let mut at = from;
        while at < from + 8 {
            let Some(token) = tokens.get(at) else { break };
            at += match token.kind {
                TokenKind::CloseParenthesis => 1,
                TokenKind::Cast => 2,
                TokenKind::Other if token.text(self.text) == "]" => 1,
                _ => break,
            };
        }
        at
    }

    /// Masks a value's strings, and a word in its place. Returns where it ends.
    pub(super) fn operand(&mut self, tokens: &[Token], from: usize, how: Form) -> usize {
        let (mut depth, mut between) = (0_usize, how.between);
        for (at, token) in tokens.iter().enumerate().skip(from) {
            let text = token.text(self.text);
            match token.kind {
                TokenKind::OpenParenthesis => depth += 1,
                TokenKind::CloseParenthesis if depth == 0 => return at,
                TokenKind::CloseParenthesis => depth -= 1,
                TokenKind::Semicolon => return at,
                TokenKind::Comma if depth == 0 && !how.list => return at,
                TokenKind::Word if depth == 0 && between && text.eq_ignore_ascii_case("and") => {
                    between = false;
                }
                TokenKind::Word if depth == 0 && is_one_of(text, &ENDS) => return at,
                TokenKind::Word | TokenKind::Number | TokenKind::QuotedName
                    if how.bare && at == from && self.is_bare_value(tokens, at) =>
                {
                    let (start, end) = self.bare_value(*token);
                    self.push(start..end);
                }
                _ if token.is_string() => self.push(token.content(self.text)),
                _ => {}
            }
        }
        tokens.len()
    }

    /// Whether a word stands alone as a value: not a call, a table's column, or a secret's name itself.
    pub(super) fn is_bare_value(&self, tokens: &[Token], at: usize) -> bool {
        let Some(token) = tokens.get(at) else {
            return false;
        };
        let follows = tokens.get(at + 1).map(|next| next.kind);
        let name = self.name(*token);
        // `b.name` is a column; something with digits or signs around its dot is more likely a password.
        let is_column = follows == Some(TokenKind::Dot) && {
            let (start, end) = self.bare_value(*token);
            let chain = self.text.get(start..end).unwrap_or("");
            let mut parts = chain.split('.');
            parts.all(|part| {
                names::is_secret(part)
                    || !part.is_empty() && part.chars().all(|c| c.is_alphabetic() || c == '_')
            })
        };
        let is_call = matches!(follows, Some(TokenKind::OpenParenthesis | TokenKind::Cast));
        !is_column && !is_call && !is_one_of(name, &NO_VALUES) && !names::is_secret(name)
    }

    /// An unquoted value extends up to what can't belong to one.
    pub(super) fn bare_value(&self, token: Token) -> (usize, usize) {
        if token.kind == TokenKind::QuotedName {
            let content = token.content(self.text);
            return (content.start, content.end);
        }
        let rest = &self.text[token.start..];
        let ends =
            |c: char| c.is_ascii_whitespace() || matches!(c, ';' | ',' | ')' | '(' | '\'' | '"');
        let length = rest.find(ends).unwrap_or(rest.len());
        (token.start, token.start + length)
    }

    /// The value before the name: `'x' as password`, `'x' = password`, `crypt('x', s) = password`.
    fn before(&mut self, tokens: &[Token], name: usize) {
        let mut at = name;
        // The table of the name's column.
        while at >= 2 && tokens[at - 1].kind == TokenKind::Dot {
            at -= 2;
        }
        let Some(mut last) = at.checked_sub(1) else {
            return;
        };
        let joins =
            |token: Token| token.kind == TokenKind::Operator || self.is_word(Some(&token), "as");
        let is_joined = joins(tokens[last]);
        // `valid until 'tomorrow' password 'x'`: here it is an option and not a column's name.
        if !is_joined && is_one_of(tokens[0].text(self.text), &["create", "alter"]) {
            return;
        }
        if is_joined {
            match last.checked_sub(1) {
                Some(before) => last = before,
                None => return,
            }
        }
        // `'x'::text as password`
        while last >= 2 && tokens[last - 1].kind == TokenKind::Cast {
            last -= 2;
        }
        if tokens[last].is_string() {
            self.push(tokens[last].content(self.text));
        } else if is_joined && tokens[last].kind == TokenKind::CloseParenthesis {
            let (mut depth, from) = (0_usize, last.saturating_sub(64));
            for token in tokens[from..=last].iter().rev() {
                match token.kind {
                    TokenKind::CloseParenthesis => depth += 1,
                    TokenKind::OpenParenthesis if depth == 1 => break,
                    TokenKind::OpenParenthesis => depth -= 1,
                    _ if token.is_string() => self.push(token.content(self.text)),
                    _ => {}
                }
            }
        }
    }

    /// A string that is a secret's name, or that ends where one must follow: `'password', 'x'`, `'password=' || 'x'`,
    /// `format('… password %L', 'x')`. Returns where what follows ends.
    fn after_string(&mut self, tokens: &[Token], at: usize, depth: usize) -> Option<usize> {
        let content = &self.text[tokens[at].content(self.text)];
        if !names::is_suspicious(content) {
            return None;
        }
        let next_at = self.behind_casts(tokens, at + 1);
        let next = tokens.get(next_at)?;
        let plain = Form::default();
        let list = Form { list: true, ..plain };
        if is_name(content) {
            return match next.kind {
                TokenKind::Comma if names::is_secret(content) => {
                    Some(self.operand(tokens, next_at + 1, plain))
                }
                TokenKind::Operator if names::is_secret(content) => {
                    let operand = self.operator(next.text(self.text))?;
                    Some(self.operand(tokens, next_at + 1, operand))
                }
                _ => None,
            };
        }
        if !prose::has_a_hole(content) {
            return None;
        }
        // In PL/pgSQL these take arguments without parentheses: `raise warning 'the password is %', 'x'`.
        let takes_arguments = depth > 0
            || tokens[at.saturating_sub(2)..at]
                .iter()
                .any(|token| is_one_of(token.text(self.text), &["raise", "execute"]));
        match next.kind {
            TokenKind::Operator if next.text(self.text) == "||" => {
                Some(self.operand(tokens, next_at + 1, list))
            }
            TokenKind::Comma if takes_arguments => Some(self.operand(tokens, next_at + 1, list)),
            TokenKind::Word if self.is_word(Some(next), "using") => {
                Some(self.operand(tokens, next_at + 1, list))
            }
            _ => None,
        }
    }
}

/// Whether a string is one name, such as a key's or a setting's.
fn is_name(content: &str) -> bool {
    !content.is_empty()
        && content
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'$'))
}
