//! What a session holds. Tusk asks the server, because functions hide such things and only the server knows.

use std::collections::BTreeSet;

use super::link::Rows;
use crate::sql::read::lex::{self, Token, TokenKind};

/// Custom settings that a statement may set: `set my.setting = …`, `set_config('my.setting', …)`, including in the body
/// of a block.
pub fn named_settings(sql: &str) -> Vec<String> {
    let says_set = |three: &[u8]| three.eq_ignore_ascii_case(b"set");
    if !sql.as_bytes().windows(3).any(says_set) {
        return vec![];
    }
    let tokens: Vec<Token> = lex::tokens(sql).filter(|token| !token.is_gap()).collect();
    let word = |at: usize, wanted: &str| {
        let token = tokens.get(at);
        token.is_some_and(|token| token.text(sql).eq_ignore_ascii_case(wanted))
    };
    let mut names = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.kind == TokenKind::DollarString {
            names.extend(named_settings(&sql[token.content(sql)]));
        } else if word(at, "set_config") && tokens.get(at + 2).is_some_and(Token::is_string) {
            names.push(sql[tokens[at + 2].content(sql)].to_owned());
        } else if word(at, "set") {
            let first = at + 1 + usize::from(word(at + 1, "session") && !word(at + 2, "."));
            let dotted = word(first + 1, ".").then(|| tokens.get(first).zip(tokens.get(first + 2)));
            if let Some((schema, name)) = dotted.flatten() {
                names.push(format!("{}.{}", name_in(sql, schema), name_in(sql, name)));
            }
        }
    }
    names.retain(|name| is_setting(name));
    names
}

fn name_in<'sql>(sql: &'sql str, token: &Token) -> &'sql str {
    match token.kind {
        TokenKind::QuotedName => &sql[token.content(sql)],
        _ => token.text(sql),
    }
}

/// Whether it is a custom setting's name that needs no escape inside a string.
fn is_setting(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '.');
    name.len() <= 200 && name.contains('.') && name.chars().all(plain)
}

/// What Tusk calls an open transaction.
pub const TRANSACTION: &str = "an open transaction";

/// The libraries whose settings a session has before anything runs in it: the server's, not the user's. None if the
/// server could not tell.
pub type Libraries = Option<BTreeSet<String>>;

/// Reads the libraries from the server's answer.
pub fn libraries(rows: Rows) -> BTreeSet<String> {
    rows.into_iter().filter_map(|row| row.into_iter().next()?).collect()
}

/// Puts the answer into words. Tusk's own settings go with the start-up message, which the server does not count as the
/// session's settings, so whatever it lists is the user's. The one exception, the encoding that the session begins
/// with, is excluded in the query. Libraries show in the settings that they bring; the query excludes those of the
/// database's extensions, and this function excludes those that were there from the start.
/// the question, those that were there from the start are left out here.
pub fn in_words(rows: &Rows, at_start: &Libraries, authorization_changed: bool) -> Vec<String> {
    let mut held = Vec::new();
    for row in rows {
        let [Some(kind), Some(name), ..] = row.as_slice() else {
            continue;
        };
        let is_of_the_start = at_start.as_ref().is_some_and(|names| names.contains(name));
        if kind == "loaded library" && is_of_the_start {
            continue;
        }
        held.push(match kind.as_str() {
            "setting" => format!("the setting {name}"),
            "role" => format!("the role {name} (SET ROLE)"),
            "LISTEN on" => format!("LISTEN on {name}"),
            kind @ "advisory lock" => format!("an {kind} on {name}"),
            "loaded library" => format!("the loaded library {name}"),
            kind => format!("a {kind} {name}"),
        });
    }
    if authorization_changed {
        held.push("another session authorization".into());
    }
    held
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: &str, name: &str) -> Vec<Option<String>> {
        vec![Some(kind.into()), Some(name.into())]
    }

    #[test]
    fn custom_settings_are_known_from_the_text_that_names_them() {
        for (sql, wanted) in [
            ("set my.tenant = '7'", vec!["my.tenant"]),
            ("SET SESSION my.tenant TO 7", vec!["my.tenant"]),
            ("set session.tenant = 7", vec!["session.tenant"]),
            ("select set_config('my.tenant', '7', false)", vec!["my.tenant"]),
            ("do $$ begin perform set_config('my.tenant', '7', false); end $$", vec!["my.tenant"]),
            ("set work_mem = '4MB'", vec![]),
            ("update t set a.b = 1", vec!["a.b"]),
            ("select set_config('my.x'' or true', '', false)", vec![]),
            ("set my.\"a'b\" = 1", vec![]),
        ] {
            assert_eq!(named_settings(sql), wanted, "{sql}");
        }
    }

    #[test]
    fn the_answer_is_in_words() {
        let rows = vec![
            row("temporary table", "basket"),
            row("LISTEN on", "jobs"),
            row("advisory lock", "42"),
            row("setting", "work_mem"),
            row("loaded library", "auto_explain"),
            row("loaded library", "pg_stat_statements"),
        ];
        let at_start = Some(libraries(vec![vec![Some("pg_stat_statements".into())]]));
        let expected = [
            "a temporary table basket",
            "LISTEN on jobs",
            "an advisory lock on 42",
            "the setting work_mem",
            "the loaded library auto_explain",
        ];
        assert_eq!(in_words(&rows, &at_start, false), expected);
        assert_eq!(in_words(&rows, &None, false).len(), rows.len());
        let changed = in_words(&vec![], &at_start, true);
        assert_eq!(changed, ["another session authorization"]);
    }
}
