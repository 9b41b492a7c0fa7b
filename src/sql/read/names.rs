//! Names in a text: the one at a position, and all that may be tables, with their aliases.
//!
//! Names are read as PostgreSQL does: in parts separated by dots, folded to lower case unless quoted. Nothing is looked
//! up, so a keyword or a column is a name like any other; the caller with the catalog picks the tables.

use super::lex::{self, Token, TokenKind};

/// How much of a text to read: somebody waits for the name.
const BYTES: usize = 64 << 10;
/// The most parts of a name: database, schema, table, column.
const PARTS: usize = 4;

/// A name, and its alias in the rest of the statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// Its parts, from the outermost: `shop`, `customers`.
    pub parts: Vec<String>,
    /// The word after it, which is its alias if the name is a table's.
    pub alias: Option<String>,
}

/// The parts of the name that starts at this byte.
pub fn name_at(text: &str, byte: usize) -> Option<Vec<String>> {
    if !text.is_char_boundary(byte) {
        return None;
    }
    let mut tokens = Significant { text, at: byte }.peekable();
    let parts = chain(text, &mut tokens);
    (!parts.is_empty()).then_some(parts)
}

/// Every name of the text, in order.
pub fn mentions(text: &str) -> Vec<Mention> {
    let mut end = text.len().min(BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = &text[..end];
    let mut tokens = Significant { text, at: 0 }.peekable();
    let mut found = Vec::new();
    while tokens.peek().is_some() {
        let parts = chain(text, &mut tokens);
        if parts.is_empty() {
            tokens.next();
            continue;
        }
        let mut ahead = tokens.clone();
        if ahead.peek().is_some_and(|token| is_as(text, token)) {
            ahead.next();
        }
        let alias = ahead.next().and_then(|token| part(text, &token));
        found.push(Mention { parts, alias });
    }
    found
}

/// A name as it must be written: in double quotes if PostgreSQL would read it differently.
pub fn quoted(name: &str) -> String {
    let mut bytes = name.bytes();
    let plain =
        bytes.next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte >= 0x80)
            && bytes.all(|byte| {
                byte.is_ascii_lowercase()
                    || byte.is_ascii_digit()
                    || matches!(byte, b'_' | b'$')
                    || byte >= 0x80
            });
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Tokens from a position on, without spaces and comments.
#[derive(Clone)]
struct Significant<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Significant<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            let token = lex::token_at(self.text, self.at)?;
            self.at = token.end;
            if !token.is_gap() {
                return Some(token);
            }
        }
    }
}

/// Takes the parts of a name that comes next; none if something else does.
fn chain(text: &str, tokens: &mut std::iter::Peekable<Significant<'_>>) -> Vec<String> {
    let mut parts = Vec::new();
    while let Some(next) = tokens.peek().and_then(|token| part(text, token)) {
        tokens.next();
        parts.push(next);
        let dotted = tokens.peek().is_some_and(|token| token.kind == TokenKind::Dot);
        if !dotted || parts.len() == PARTS {
            break;
        }
        tokens.next();
    }
    parts
}

fn part(text: &str, token: &Token) -> Option<String> {
    match token.kind {
        TokenKind::Word => Some(token.text(text).to_lowercase()),
        TokenKind::QuotedName => {
            let content = text.get(token.content(text))?;
            Some(content.replace("\"\"", "\""))
        }
        _ => None,
    }
}

fn is_as(text: &str, token: &Token) -> bool {
    token.kind == TokenKind::Word && token.text(text).eq_ignore_ascii_case("as")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mention(parts: &[&str], alias: Option<&str>) -> Mention {
        Mention {
            parts: parts.iter().map(|&part| part.to_owned()).collect(),
            alias: alias.map(str::to_owned),
        }
    }

    #[test]
    fn a_name_has_parts_that_are_folded_unless_they_are_quoted() {
        let table = [
            ("Shop.Customers c", 0, Some(vec!["shop", "customers"])),
            (r#"select "Odd ""One""".x"#, 7, Some(vec!["Odd \"One\"", "x"])),
            ("a /* b */ . c", 0, Some(vec!["a", "c"])),
            ("Größe", 0, Some(vec!["größe"])),
            ("c.*", 0, Some(vec!["c"])),
            ("+ x", 0, None),
            ("x", 1, None),
            ("x", 99, None),
            ("ü", 1, None),
        ];
        for (text, byte, expected) in table {
            let expected =
                expected.map(|parts| parts.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(name_at(text, byte), expected, "{text}");
        }
    }

    #[test]
    fn a_table_is_mentioned_with_its_alias() {
        let found = mentions("select o.x from Orders as o join shop.customers c on true, items");
        for wanted in [
            mention(&["o", "x"], Some("from")),
            mention(&["orders"], Some("o")),
            mention(&["shop", "customers"], Some("c")),
            mention(&["items"], None),
        ] {
            assert!(found.contains(&wanted), "{wanted:?} in {found:?}");
        }
        assert_eq!(mentions("'a' 1 -- b"), []);
    }

    #[test]
    fn a_name_is_quoted_where_it_would_be_read_otherwise() {
        assert_eq!(quoted("customers_2"), "customers_2");
        assert_eq!(quoted("Customers"), "\"Customers\"");
        assert_eq!(quoted("2fa"), "\"2fa\"");
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(quoted(""), "\"\"");
    }
}
