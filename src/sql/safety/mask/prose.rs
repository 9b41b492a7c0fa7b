//! Secrets revealed by the words before them, in a text that is not read as SQL: comments, connection strings, shell
//! commands, JSON, a server's messages.

use std::ops::Range;

use super::{Search, names};
use crate::sql::read::lex;

impl Search<'_> {
    /// Secrets revealed by the words before them.
    pub(super) fn prose(&mut self, range: Range<usize>) {
        let Some(text) = self.text.get(range.clone()) else {
            return;
        };
        if text.len() < 4 {
            return;
        }
        self.urls(range.clone());
        self.verifiers(range.clone());
        let bytes = self.text.as_bytes();
        let mut at = range.start;
        while at < range.end {
            if !is_name_part(bytes[at]) {
                at += 1;
                continue;
            }
            let start = at;
            while at < range.end && is_name_part(bytes[at]) {
                at += 1;
            }
            let end = self.after_run(start..at, range.end);
            at = at.max(end);
        }
    }

    /// A psql command: prose, but `\set password x` needs no sign between the two.
    pub(super) fn psql_command(&mut self, range: Range<usize>) {
        let line = &self.text[range.clone()];
        let mut words = line.split_ascii_whitespace();
        let sets = words.next().is_some_and(|command| {
            ["\\set", "\\setenv", "\\prompt"].contains(&command.to_ascii_lowercase().as_str())
        });
        if sets
            && let Some(name) = words.next()
            && names::is_secret(name)
            && let Some(found) = line.find(name)
        {
            let value = range.start + found + name.len();
            let end = range.start + line.trim_end().len();
            let spaces = self.text[value..end].len() - self.text[value..end].trim_start().len();
            self.push(value + spaces..end);
        }
        self.prose(range);
    }

    /// What follows a run of letters that may be a secret's name. Returns where the value ends.
    fn after_run(&mut self, run: Range<usize>, end: usize) -> usize {
        let text = self.text;
        let bytes = text.as_bytes();
        let name = &text[run.clone()];
        let before = run.start.checked_sub(1).map(|at| bytes[at]);
        if name.eq_ignore_ascii_case("bearer") || name.eq_ignore_ascii_case("basic") {
            return self.credentials(run.end, end);
        }
        if name.eq_ignore_ascii_case("identified") {
            let rest = &text[run.end..end];
            let by = rest.trim_start();
            if by.get(..3).is_some_and(|by| by.eq_ignore_ascii_case("by ")) {
                return self.word(end - by.len() + 3, end);
            }
        }
        if name == "-u" || name == "--user" {
            return self.user_and_password(run.end, end);
        }
        if !names::is_secret(name) {
            return run.end;
        }
        let mut at = run.end;
        // The quote that closes the name: `"password": …`, `['password'] = …`.
        let closes = |byte: u8| matches!(byte, b'"' | b'\'' | b'`') && before == Some(byte);
        while at < end && (bytes[at] == b'\\' || closes(bytes[at]) || bytes[at] == b']') {
            at += 1;
        }
        let spaced = at;
        while at < end && lex::is_space(bytes[at]) {
            at += 1;
        }
        let sign = at;
        while at < end && matches!(bytes[at], b'=' | b':' | b'>') {
            at += 1;
        }
        if at == sign {
            let is_option = name.starts_with("--") && spaced < at;
            return match bytes.get(at) {
                Some(b'\'' | b'$') if at < end && ends_as_a_secret(name) => {
                    self.value(at, end, false)
                }
                Some(_) if is_option && at < end => self.word(at, end),
                _ => run.end,
            };
        }
        let in_url = matches!(before, Some(b'?' | b'&'));
        if !in_url {
            while at < end && lex::is_space(bytes[at]) {
                at += 1;
            }
        }
        self.value(at, end, in_url)
    }

    /// `Bearer x`: x must be a long word, or it is just English.
    fn credentials(&mut self, from: usize, end: usize) -> usize {
        let rest = &self.text[from..end];
        let start = end - rest.trim_start().len();
        let length = unquoted(&self.text[start..end], false);
        if start > from && length >= 8 {
            self.push(start..start + length);
        }
        start + length
    }

    /// `-u name:password`, in curl's form.
    fn user_and_password(&mut self, from: usize, end: usize) -> usize {
        let rest = &self.text[from..end];
        let start = end - rest.trim_start().len();
        let length = unquoted(&self.text[start..end], false);
        if let Some(colon) = self.text[start..start + length].find(':') {
            self.push(start + colon + 1..start + length);
        }
        start + length
    }

    fn word(&mut self, from: usize, end: usize) -> usize {
        let rest = &self.text[from..end];
        self.value(end - rest.trim_start().len(), end, false)
    }

    /// A value that begins here, quoted or not. Returns where it ends.
    fn value(&mut self, start: usize, end: usize, in_url: bool) -> usize {
        let value = &self.text[start..end];
        if value.starts_with('$')
            && let Some(token) = lex::token_at(self.text, start)
            && token.is_string()
        {
            let content = token.content(self.text);
            let content = content.start.min(end)..content.end.min(end);
            self.push(content);
            return token.end.min(end);
        }
        let quote =
            ["\\\"", "\\'", "'", "\"", "`"].into_iter().find(|quote| value.starts_with(quote));
        match quote {
            Some(quote) => {
                let inner = start + quote.len();
                let length = closing(&self.text[inner..end], quote);
                self.push(inner..inner + length);
                (inner + length + quote.len()).min(end)
            }
            None => {
                let length = unquoted(value, in_url);
                self.push(start..start + length);
                start + length
            }
        }
    }

    /// The passwords of URLs.
    fn urls(&mut self, range: Range<usize>) {
        let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '\'' | '"');
        let mut at = range.start;
        while let Some(found) = self.text[at..range.end].find("://") {
            let rest = &self.text[at + found..range.end];
            let end = at + found + rest.find(ends).unwrap_or(rest.len());
            let last = self.text[at + found..end].rfind('@');
            let last = last.map(|place| at + found + place);
            at += found;
            while let Some(found) = self.text[at..end].find("://") {
                at += found + "://".len();
                self.url(at..end, last);
            }
            at = end;
        }
    }

    /// The password of a URL, given what follows its `://`; and the position of the last `@` in that.
    fn url(&mut self, range: Range<usize>, last: Option<usize>) {
        let rest = &self.text[range.clone()];
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        let user = match authority.rfind('@') {
            Some(at) => &authority[..at],
            None if is_hosts(authority) => return,
            None => authority,
        };
        if let Some(colon) = user.find(':') {
            // Unfinished, or a password with characters that should have been escaped: the last `@` ends it.
            let password = range.start + colon + 1;
            let end = last.filter(|last| *last >= password);
            self.push(password..end.unwrap_or(range.start + authority.len()));
        }
    }

    /// What the server stores of a password is as good as the password to anybody who tries them all.
    fn verifiers(&mut self, range: Range<usize>) {
        const SCRAM: &str = "SCRAM-SHA-256$";
        let mut at = range.start;
        while let Some(found) = self.text[at..range.end].find(SCRAM) {
            let start = at + found + SCRAM.len();
            let length = unquoted(&self.text[start..range.end], false);
            self.push(start..start + length);
            at = start + length;
        }
    }
}

/// Whether a text ends where a secret must follow, or has a placeholder for one: `host=h password=`, `… password %L`.
pub fn has_a_hole(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !is_name_part(bytes[at]) {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && is_name_part(bytes[at]) {
            at += 1;
        }
        if names::is_secret(&text[start..at]) {
            let rest =
                text[at..].trim_start_matches([' ', '\t', '\n', '=', ':', '>', '\'', '"', '\\']);
            if rest.is_empty() || rest.starts_with(['$', '{', '?']) || rest.contains('%') {
                return true;
            }
        }
    }
    false
}

/// Whether a name ends in the word itself, so that SQL may continue with a string at once.
fn ends_as_a_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    ["password", "passwd", "passphrase", "secret"].iter().any(|word| lower.ends_with(word))
}

fn is_name_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') || byte >= 0x80
}

/// The length up to the closing quote, or all of it. A backslash escapes the next character, and so does a second
/// quote.
fn closing(text: &str, quote: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(quote.as_bytes()) {
            if quote == "'" && bytes.get(at + 1) == Some(&b'\'') {
                at += 2;
                continue;
            }
            return at;
        }
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    text.len()
}

/// The length of an unquoted value. A quote ends it if it closes something: only an end may follow it.
fn unquoted(value: &str, in_url: bool) -> usize {
    let bytes = value.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if !in_url => at += 1,
            b'&' | b'#' if in_url => return at,
            b'\'' | b'"' => {
                let closes = bytes.get(at + 1).is_none_or(|next| {
                    lex::is_space(*next) || matches!(next, b';' | b',' | b')' | b'.' | b'|')
                });
                if closes {
                    return at;
                }
            }
            byte if lex::is_space(byte) => return at,
            _ => {}
        }
        at += 1;
    }
    // A backslash may have stepped into a character.
    let mut end = at.min(bytes.len());
    while !value.is_char_boundary(end) {
        end += 1;
    }
    end
}

/// Whether the text is `host:port`, or several of them.
fn is_hosts(authority: &str) -> bool {
    authority.split(',').all(|host| {
        host.ends_with(']')
            || host
                .rsplit_once(':')
                .is_none_or(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
    })
}
