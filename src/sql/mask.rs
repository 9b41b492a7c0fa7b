//! Masking secrets in SQL, so that the text can be kept: in the history, in logs, in recordings.
//!
//! What is masked: the string after PASSWORD, options of servers and user mappings that hold a
//! secret, and passwords inside connection strings and URLs, wherever a string holds one. Each
//! becomes `***` inside its own quotes; the rest of the text stays as it is. In a text with an
//! unclosed quote it is not sure what is inside a string and what is not, and there the words alone
//! decide: too much is masked rather than too little.

use super::lex::{self, BackslashRule, Token, TokenKind};
use super::split::{Piece, Splits};
use std::borrow::Cow;
use std::ops::Range;

/// The text with its secrets replaced by `***`.
pub fn passwords(sql: &str) -> Cow<'_, str> {
    masked(sql, secrets(sql))
}

/// The same for a text that is not SQL, such as a server's message, which may repeat a statement or a value of it.
pub fn passwords_in_words(text: &str) -> Cow<'_, str> {
    masked(text, secrets_in_words(text))
}

/// Where the secrets of a text are that is not SQL: it may hold SQL between double quotes, or `password=…` as it stands.
pub fn secrets_in_words(text: &str) -> Vec<Range<usize>> {
    let mut found = secrets(text);
    found.extend(secrets(&text.replace('"', " ")));
    let in_string = format!("'{}'", text.replace('\'', " "));
    let shifted = secrets(&in_string).into_iter().filter_map(|range| {
        let end = range.end.min(in_string.len() - 1);
        Some(range.start.checked_sub(1)?..end.checked_sub(1)?)
    });
    found.extend(shifted.filter(|range| range.start < range.end));
    found.sort_by_key(|range| (range.start, range.end));
    found
}

fn masked(sql: &str, found: Vec<Range<usize>>) -> Cow<'_, str> {
    if found.is_empty() {
        return Cow::Borrowed(sql);
    }
    let mut masked = String::with_capacity(sql.len());
    let mut at = 0;
    for range in found {
        if range.start >= at {
            masked.push_str(&sql[at..range.start]);
            masked.push_str("***");
        }
        at = at.max(range.end);
    }
    masked.push_str(&sql[at..]);
    Cow::Owned(masked)
}

/// Where the secrets of the text are, in bytes, in order of their beginnings; they may overlap.
pub fn secrets(sql: &str) -> Vec<Range<usize>> {
    let bytes = sql.as_bytes();
    let suspicious = SECRET_WORDS
        .iter()
        .chain(["://"].iter())
        .any(|word| find_word(bytes, 0, word).is_some());
    if !suspicious {
        return vec![];
    }
    let mut search = Search {
        text: sql,
        backslash: BackslashRule::Ordinary,
        found: Vec::new(),
    };
    search.sql(0..sql.len());
    if lex::depends_on_backslashes(sql) {
        // The session may have the other rule, by which a secret ends in another place.
        search.backslash = BackslashRule::Escapes;
        search.sql(0..sql.len());
    }
    search.found.sort_by_key(|range| (range.start, range.end));
    search.found
}

/// The same, and every string that may become a secret by what is written around it later: `'x'` is a password as soon as
/// the words before it are there. A statement that has begun as one that holds none is told from the others by its
/// first words.
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
    found.sort_by_key(|range| (range.start, range.end));
    found
}

/// First words of statements in which a string is a value.
const PLAIN: [&str; 24] = [
    "select", "insert", "update", "delete", "merge", "with", "values", "table", "explain", "copy",
    "show", "set", "reset", "begin", "start", "commit", "rollback", "call", "do", "execute",
    "prepare", "notify", "comment", "listen",
];
/// What a statement with a password creates or alters.
const GUARDED: [&str; 6] = ["role", "user", "group", "server", "foreign", "subscription"];

/// Whether a statement is one whose strings are values and stay so.
fn is_plain(sql: &str, range: Range<usize>) -> bool {
    let mut words =
        tokens(sql, range, BackslashRule::Ordinary).map(|token| (token.kind, token.text(sql)));
    let is_one_of = |list: &[&str], word: &str| list.iter().any(|it| word.eq_ignore_ascii_case(it));
    match words.next() {
        Some((TokenKind::Word, word)) if is_one_of(&["create", "alter", "drop"], word) => {
            matches!(words.next(), Some((TokenKind::Word, what)) if !is_one_of(&GUARDED, what))
        }
        Some((TokenKind::Word, word)) => is_one_of(&PLAIN, word),
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

/// What the name of an option that holds a secret contains.
const SECRET_WORDS: [&str; 5] = ["password", "passwd", "passphrase", "secret", "token"];

struct Search<'a> {
    text: &'a str,
    backslash: BackslashRule,
    found: Vec<Range<usize>>,
}

impl Search<'_> {
    /// A script, or the body of a function.
    fn sql(&mut self, range: Range<usize>) {
        let base = range.start;
        let splits = Splits::under(&self.text[range.clone()], self.backslash);
        let mut at = base;
        for piece in splits.pieces() {
            let place = piece.range();
            self.words(at..base + place.start, Form::Bare);
            at = base + place.end;
            match piece {
                Piece::PsqlCommand { range } => {
                    self.words(base + range.start..base + range.end, Form::Bare);
                }
                Piece::Statement(statement) => {
                    // Data of a COPY are not SQL: their quotes mean nothing.
                    let end = statement
                        .copy_data
                        .as_ref()
                        .map_or(place.end, |data| data.start);
                    self.statement(base + place.start..base + end);
                }
            }
        }
        self.words(at..range.end, Form::Bare);
    }

    fn statement(&mut self, range: Range<usize>) {
        let mut context = Context::default();
        let mut at = range.start;
        let mut closed = true;
        while at < range.end
            && let Some(token) = lex::token_under(self.text, at, self.backslash)
        {
            at = token.end;
            closed &= token.terminated;
            if token.is_gap() {
                self.words(token.range(), Form::Bare);
            } else {
                if context.awaits_secret {
                    self.secret(token, context.is_role);
                } else if token.is_string() {
                    self.string(token);
                }
                context.feed(token.text(self.text), token.kind);
            }
        }
        if !closed {
            self.words(range, Form::Bare);
        }
    }

    /// What stands where a secret belongs.
    fn secret(&mut self, token: Token, is_role: bool) {
        if token.is_string() || (is_role && token.kind == TokenKind::QuotedName) {
            self.push(token.content(self.text));
            return;
        }
        let null = token.text(self.text).eq_ignore_ascii_case("null");
        let bare = matches!(token.kind, TokenKind::Word | TokenKind::Number) && !null;
        if is_role && bare {
            // The quotes were forgotten; what follows without a space belongs to the password too.
            let rest = &self.text[token.start..];
            let length = rest
                .find(|c: char| c.is_ascii_whitespace() || c == ';')
                .unwrap_or(rest.len());
            self.push(token.start..token.start + length);
        }
    }

    /// A string, which may hold a connection string, a URL or SQL.
    fn string(&mut self, token: Token) {
        let content = token.content(self.text);
        match token.kind {
            TokenKind::DollarString if is_connection_string(&self.text[content.clone()]) => {
                self.words(content, Form::Bare);
            }
            TokenKind::DollarString => self.sql(content),
            TokenKind::EscapeString => self.words(content, Form::Escaped),
            _ => self.words(content, Form::Doubled),
        }
    }

    /// Secrets told by the words before them, in a text that is not read as SQL.
    fn words(&mut self, range: Range<usize>, form: Form) {
        let mut at = range.start;
        while let Some(colon) = find_word(&self.text.as_bytes()[..range.end], at, "://") {
            self.url(colon, range.end);
            at = colon + 3;
        }
        at = range.start;
        while let Some(word) = find_word(&self.text.as_bytes()[..range.end], at, "password") {
            at = word + "password".len();
            let before = &self.text[range.start..word];
            let before = strip_suffix_ignoring_case(before, "ssl").unwrap_or(before);
            if !before.bytes().next_back().is_some_and(lex::is_word_part) {
                let in_url = before.ends_with(['?', '&']);
                self.value(at..range.end, form, in_url);
            }
        }
    }

    /// The value after the word `password`: `=value`, `='value'`, or in nested SQL just `'value'`.
    fn value(&mut self, range: Range<usize>, form: Form, in_url: bool) {
        let rest = &self.text[range.clone()];
        let spaced = rest.trim_start();
        let value = spaced.trim_start_matches([':', '=', '>']);
        let assigned = value.len() < spaced.len();
        let value = if assigned && !in_url {
            value.trim_start()
        } else {
            value
        };
        let start = range.end - value.len();
        if form == Form::Bare
            && let Some(token) = lex::token_under(self.text, start, self.backslash)
            && (token.is_string() || token.kind == TokenKind::QuotedName)
            // After `=` the value may end before a quote that closes something else.
            && (!assigned || value.starts_with(['\'', '"', '$']))
            && (assigned || token.is_string())
        {
            let content = token.content(self.text);
            self.push(content.start.min(range.end)..content.end.min(range.end));
            return;
        }
        let quote = form
            .quotes()
            .iter()
            .find(|quote| value.starts_with(**quote));
        if let Some(quote) = quote {
            let inner = start + quote.len();
            let length = closing(&self.text[inner..range.end], quote);
            self.push(inner..inner + length);
        } else if assigned {
            self.push(start..start + unquoted(value, form, in_url));
        }
    }

    /// The password of a URL, whose `://` is at this byte.
    fn url(&mut self, colon: usize, end: usize) {
        let start = colon + 3;
        let rest = &self.text[start..end];
        let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '\'' | '"');
        let rest = &rest[..rest.find(ends).unwrap_or(rest.len())];
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        let (user, to) = match authority.rfind('@') {
            Some(at) => (&authority[..at], at),
            // Not yet finished, or a password with characters that should have been escaped.
            None if is_hosts(authority) => return,
            None => (authority, rest.find('@').unwrap_or(authority.len())),
        };
        if let Some(password) = user.find(':') {
            self.push(start + password + 1..start + to);
        }
    }

    fn push(&mut self, range: Range<usize>) {
        if range.start < range.end {
            self.found.push(range);
        }
    }
}

/// How quotes are written inside the text that is searched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As they are.
    Bare,
    /// Doubled, inside `'…'`.
    Doubled,
    /// Doubled or with a backslash, inside `E'…'`.
    Escaped,
}

impl Form {
    fn quotes(self) -> &'static [&'static str] {
        match self {
            Form::Bare => &["'", "\""],
            Form::Doubled => &["''", "\""],
            Form::Escaped => &["''", r"\'", "\""],
        }
    }
}

/// What has been seen of a statement: whether a secret comes next.
#[derive(Default)]
struct Context {
    words: usize,
    makes_role: bool,
    is_role: bool,
    follows_options: bool,
    option_depth: usize,
    awaits_secret: bool,
}

impl Context {
    fn feed(&mut self, word: &str, kind: TokenKind) {
        let is = |wanted: &str| word.eq_ignore_ascii_case(wanted);
        let follows_options = std::mem::take(&mut self.follows_options);
        self.awaits_secret = false;
        match kind {
            TokenKind::OpenParenthesis if follows_options || self.option_depth > 0 => {
                self.option_depth += 1;
            }
            TokenKind::CloseParenthesis => self.option_depth = self.option_depth.saturating_sub(1),
            TokenKind::Word => {
                match self.words {
                    0 => self.makes_role = is("create") || is("alter"),
                    1 => {
                        self.is_role = self.makes_role && (is("role") || is("user") || is("group"))
                    }
                    2 => self.is_role &= !is("mapping"),
                    _ => {}
                }
                self.words += 1;
                self.follows_options = is("options");
                self.awaits_secret = is("password") || self.names_secret_option(word);
            }
            TokenKind::QuotedName => self.awaits_secret = self.names_secret_option(word),
            _ => {}
        }
    }

    fn names_secret_option(&self, word: &str) -> bool {
        self.option_depth > 0
            && SECRET_WORDS
                .iter()
                .any(|secret| find_word(word.as_bytes(), 0, secret).is_some())
    }
}

/// The first place of the word, in any case, from here on.
fn find_word(bytes: &[u8], from: usize, word: &str) -> Option<usize> {
    let word = word.as_bytes();
    bytes
        .get(from..)?
        .windows(word.len())
        .position(|window| window.eq_ignore_ascii_case(word))
        .map(|at| from + at)
}

fn strip_suffix_ignoring_case<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let at = text.len().checked_sub(suffix.len())?;
    let end = text.get(at..)?;
    end.eq_ignore_ascii_case(suffix).then(|| &text[..at])
}

/// The length up to the closing quote, or all of it. A backslash keeps the next character.
fn closing(text: &str, quote: &str) -> usize {
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(quote.as_bytes()) {
            return at;
        }
        at += if rest[0] == b'\\' { 2 } else { 1 };
    }
    text.len()
}

/// The length of a value without quotes.
fn unquoted(value: &str, form: Form, in_url: bool) -> usize {
    let bytes = value.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if !in_url => at += 1,
            b'&' | b'#' if in_url => return at,
            b'\'' | b'"' if form == Form::Bare => return at,
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

/// Whether the text is a connection string by libpq's rules, and not SQL.
fn is_connection_string(text: &str) -> bool {
    let text = text.trim_start();
    let name = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    let rest = &text[name..];
    rest.starts_with("://") || (name > 0 && rest.trim_start().starts_with('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn masks(text: &str, wanted: &str) {
        assert_eq!(passwords(text), wanted);
        assert_eq!(passwords(wanted), wanted, "masking twice");
    }

    #[track_caller]
    fn leaves(text: &str) {
        assert!(
            matches!(passwords(text), Cow::Borrowed(_)),
            "{text} became {}",
            passwords(text)
        );
    }

    #[test]
    fn a_secret_ends_where_it_ends_by_either_rule_of_backslashes() {
        masks(
            r"create role a password 'one\'two'; select 'three'",
            r"create role a password '***'; select 'three'",
        );
        masks(
            r"create role a password 'one\'two\'three' login",
            r"create role a password '***' login",
        );
        let possible: Vec<&str> = [r"'one\'two\'three'"]
            .into_iter()
            .flat_map(|text| possible_secrets(text).into_iter().map(move |at| &text[at]))
            .collect();
        assert!(possible.contains(&r"one\'two\'three"), "{possible:?}");
        leaves(r"select 'one\'two'");
    }

    #[test]
    fn a_servers_message_is_masked_where_it_repeats_a_secret() {
        assert_eq!(
            passwords_in_words("invalid input syntax for type integer: \"password=x y\""),
            "invalid input syntax for type integer: \"password=*** y\""
        );
        assert_eq!(
            passwords_in_words("syntax error at \"alter role a password 'x'\""),
            "syntax error at \"alter role a password '***'\""
        );
        let plain = "relation \"nothing\" does not exist";
        assert_eq!(passwords_in_words(plain), plain);
    }

    #[test]
    fn a_string_may_become_a_password_unless_its_statement_has_begun_otherwise() {
        let possible = |text: &'static str| -> Vec<&str> {
            possible_secrets(text)
                .into_iter()
                .map(|range| &text[range])
                .collect()
        };
        assert_eq!(possible("'x'"), ["x"]);
        assert_eq!(possible("alter role a 'x"), ["x"]);
        assert_eq!(possible("create 'x'"), ["x"]);
        assert_eq!(possible("create user mapping for a ('x')"), ["x"]);
        assert_eq!(possible("$t$x$t$ ; select 'y'"), ["x"]);
        assert_eq!(
            possible("select 'x'; create table t (a text default 'y')"),
            [""; 0]
        );
        assert_eq!(possible("select 'password=x'"), ["x"]);
    }

    #[test]
    fn the_string_after_password_is_masked_in_its_own_quotes() {
        masks("create user a password 'x'", "create user a password '***'");
        masks(
            "ALTER ROLE a ENCRYPTED PASSWORD 'x''y' LOGIN;",
            "ALTER ROLE a ENCRYPTED PASSWORD '***' LOGIN;",
        );
        masks(
            r"alter role a password E'x\'y' login",
            r"alter role a password E'***' login",
        );
        masks(
            "alter role a password $t$x'$t$ login",
            "alter role a password $t$***$t$ login",
        );
        masks(
            "alter role a password U&'x' uescape '!'",
            "alter role a password U&'***' uescape '!'",
        );
        masks(
            "alter role a password /* new */\n'x'",
            "alter role a password /* new */\n'***'",
        );
        masks(
            "alter role a password 'x' -- c\n 'y';",
            "alter role a password '***';",
        );
        masks(
            "select 1; alter user a password 'x'; select 'y'",
            "select 1; alter user a password '***'; select 'y'",
        );
        masks(
            "alter role a password 'pässwörd €'",
            "alter role a password '***'",
        );
    }

    #[test]
    fn a_password_with_forgotten_or_wrong_quotes_is_masked_too() {
        masks(
            "alter user a password \"x\"",
            "alter user a password \"***\"",
        );
        masks(
            "alter user a password hunter2!; select 1",
            "alter user a password ***; select 1",
        );
        masks(
            "create role a password 12ab login",
            "create role a password *** login",
        );
        leaves("alter role a password null");
        leaves("select password \"x\" from t");
    }

    #[test]
    fn options_that_hold_a_secret_are_masked() {
        masks(
            "create user mapping for a server s options (user 'u', password 'x')",
            "create user mapping for a server s options (user 'u', password '***')",
        );
        masks(
            "alter user mapping for a server s options (set password 'x', add \"sslPassword\" 'y', set user 'u')",
            "alter user mapping for a server s options (set password '***', add \"sslPassword\" '***', set user 'u')",
        );
        masks(
            "create server s foreign data wrapper w options (host 'h', api_token 'x')",
            "create server s foreign data wrapper w options (host 'h', api_token '***')",
        );
        leaves("select secret 'x', \"token\" 'y' from t");
    }

    #[test]
    fn connection_strings_lose_their_password() {
        masks(
            "create subscription s connection 'host=h password=x user=u' publication p",
            "create subscription s connection 'host=h password=*** user=u' publication p",
        );
        masks(
            "select * from dblink('password=x', 'select 1')",
            "select * from dblink('password=***', 'select 1')",
        );
        masks(
            "select dblink_connect('a', 'password = ''x y'' host=h')",
            "select dblink_connect('a', 'password = ''***'' host=h')",
        );
        masks(
            r"select f('password=x\ y''z host=h')",
            "select f('password=*** host=h')",
        );
        masks(
            r"select f('password=''x\''y'' host=h')",
            "select f('password=''***'' host=h')",
        );
        masks(
            r"select f(E'password=\'x y\' host=h')",
            r"select f(E'password=\'***\' host=h')",
        );
        masks(
            "select f($$host=h password='x y' port=1$$)",
            "select f($$host=h password='***' port=1$$)",
        );
        masks(
            "select f('host=h sslpassword=x')",
            "select f('host=h sslpassword=***')",
        );
        masks("select f('PASSWORD=x')", "select f('PASSWORD=***')");
    }

    #[test]
    fn urls_lose_their_password() {
        masks(
            "select f('postgres://u:p%40w@h:5432/d?a=b')",
            "select f('postgres://u:***@h:5432/d?a=b')",
        );
        masks(
            "select f('postgresql://u:p@w@h/d')",
            "select f('postgresql://u:***@h/d')",
        );
        masks(
            "select f('postgres://u@h/d?password=x&a=b')",
            "select f('postgres://u@h/d?password=***&a=b')",
        );
        masks(
            "select f('postgres://u:p/w@h/d')",
            "select f('postgres://u:***@h/d')",
        );
        masks("select f('postgres://u:secr", "select f('postgres://u:***");
        leaves(
            "select 'postgres://u@h:5432/d', 'https://example.org:80/a', 'postgres://h:1,i:2/d'",
        );
        leaves("select 'postgres://[::1]:5432/d'");
    }

    #[test]
    fn sql_inside_a_string_is_searched() {
        masks(
            "do $$ begin alter role a password 'x'; end $$",
            "do $$ begin alter role a password '***'; end $$",
        );
        masks(
            "do $$ begin perform dblink('password=x'); end $$",
            "do $$ begin perform dblink('password=***'); end $$",
        );
        masks(
            "select f('alter role a password ''x'' login')",
            "select f('alter role a password ''***'' login')",
        );
        masks(
            r"select f(E'alter role a password \'x\' login')",
            r"select f(E'alter role a password \'***\' login')",
        );
    }

    #[test]
    fn comments_and_psql_commands_are_searched() {
        masks(
            "-- alter role a password 'x'\nselect 1",
            "-- alter role a password '***'\nselect 1",
        );
        masks(
            "select 1 /* postgres://u:x@h */",
            "select 1 /* postgres://u:***@h */",
        );
        masks(
            "\\c postgres://u:x@h/d\nselect 1",
            "\\c postgres://u:***@h/d\nselect 1",
        );
        masks("\\c 'host=h password=x'", "\\c 'host=h password=***'");
    }

    #[test]
    fn unfinished_text_is_masked_as_far_as_it_goes() {
        masks("alter role a password 'x", "alter role a password '***");
        masks("alter role a password E'x\\", "alter role a password E'***");
        masks("alter role a password $$x", "alter role a password $$***");
        masks("select f('password=x", "select f('password=***");
        masks("select f('password=''x", "select f('password=''***");
        masks(
            "create user mapping for a server s options (password 'x",
            "create user mapping for a server s options (password '***",
        );
        leaves("alter role a password '");
        leaves("alter role a password ");
        let text = "select 'it's; alter role a password 'hunter2'; select 1";
        assert!(!passwords(text).contains("hunter2"));
    }

    #[test]
    fn what_is_not_a_secret_stays() {
        for text in [
            "select password from users where password = 'x'",
            "update users set password = crypt('x', gen_salt('bf'))",
            "select 'enter password ', name, 'x' from t",
            "select a_password 'x'",
            "alter role a valid until 'infinity' password null",
            "create table passwords (password text default 'x')",
            "copy t from stdin;\nalter role a password 'x'\npassword=y\n\\.\n",
            "create function f() returns text language sql as $$ select password from t where password = $1 $$",
        ] {
            leaves(text);
        }
    }

    #[test]
    fn data_of_a_copy_do_not_hide_what_follows() {
        masks(
            "copy t from stdin;\nO'Brien\n\\.\nalter role a password 'x'",
            "copy t from stdin;\nO'Brien\n\\.\nalter role a password '***'",
        );
    }

    #[test]
    fn every_beginning_of_a_text_can_be_masked() {
        let text = "create subscription s connection 'postgres://ü:pä''ss@h password=''ö\\ü''' ; \
            alter role a password $é$x$é$; select E'password=\\'é\\''; \\c password=é\n";
        for (end, _) in text.char_indices() {
            let masked = passwords(&text[..end]);
            assert!(!masked.contains("pä"), "{masked}");
        }
    }
}
