//! The texts looked at by Tusk's own lexer: whatever is looked up along the search path has its schema.

use super::*;
use crate::sql::read::lex::{Token, TokenKind};

/// Words that stand before a parenthesis and call nothing.
#[rustfmt::skip]
const NO_CALL: &[&str] = &[
    "operator", "exists", "and", "or", "not", "any", "all", "from", "values", "on", "select", "when", "then", "else",
    "materialized", "lateral",
];

/// Words whose grammar looks up an operator or a relation along the path.
#[rustfmt::skip]
const LOOKS_UP: &[&str] = &[
    "in", "like", "ilike", "similar", "between", "nullif", "using", "natural", "overlaps", "cast", "array", "some",
    "symmetric", "collate", "xmlserialize", "overlay", "position", "substring", "trim", "extract", "call", "do",
    "execute", "table", "current_schema",
];

/// What a text leaves to the search path; nothing is right.
fn left_to_the_path(sql: &str) -> Vec<String> {
    let tokens: Vec<Token> = lex::tokens(sql).filter(|token| !token.is_gap()).collect();
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text(sql));
    let before = |at: usize, back: usize| at.checked_sub(back).map_or("", &text);
    let in_catalog = |at: usize| before(at, 1) == "." && before(at, 2) == "pg_catalog";
    let mut found = vec![];
    for (at, token) in tokens.iter().enumerate() {
        let word = text(at).to_ascii_lowercase();
        let is_free = match token.kind {
            TokenKind::Operator => {
                let is_star = word == "*" && before(at, 1) == "(" && text(at + 1) == ")";
                // The grammar makes it a part of the number.
                let is_sign = word == "-"
                    && tokens.get(at + 1).map(|token| token.kind) == Some(TokenKind::Number)
                    && matches!(before(at, 1), "," | ")");
                // `set name = value`
                let sets = before(at, 2).eq_ignore_ascii_case("set");
                !(is_star || is_sign || sets || in_catalog(at) && before(at, 4) == "operator")
            }
            TokenKind::Cast => text(at + 1) != "pg_catalog",
            TokenKind::PlainString => word.contains('\\'),
            TokenKind::Word if before(at, 1) == "." => text(at + 1) == "(" && !in_catalog(at),
            TokenKind::Word => {
                let calls = text(at + 1) == "(" && !NO_CALL.contains(&word.as_str());
                let names = calls && !matches!(before(at, 1), ")" | "ordinality");
                let source = matches!(word.as_str(), "from" | "join")
                    && !matches!(text(at + 1), "pg_catalog" | "(" | "lateral")
                    && !sql.contains(&format!("{} as materialized (", text(at + 1)));
                let compares = word == "case" && text(at + 1) != "when"
                    || word == "distinct" && before(at, 1) != "select";
                names || source || compares || LOOKS_UP.contains(&word.as_str())
            }
            _ => false,
        };
        if is_free {
            found.push(format!("{} {} {}", before(at, 1), text(at), text(at + 1)));
        }
    }
    found
}

#[test]
fn every_text_names_all_that_it_looks_up_with_its_schema() {
    for own in OwnSql::examples() {
        let message = own.message();
        assert_eq!(left_to_the_path(&message), [""; 0], "{message}");
    }
}

#[test]
fn a_text_that_leaves_something_to_the_path_is_seen() {
    for sql in [
        "select a = b from pg_catalog.pg_class c",
        "select - c.relpages from pg_catalog.pg_class c",
        "select lower('x')",
        "select public.lower('x')",
        "select 'x'::text",
        "select 'x'::public.text",
        "select * from pg_class",
        "select from pg_catalog.pg_class c join pg_type on true",
        "select c.relkind in ('r') from pg_catalog.pg_class c",
        "select nullif(1, 2)",
        "select case c.relkind when 'r' then 1 end from pg_catalog.pg_class c",
        "select c.relkind is distinct from 'r' from pg_catalog.pg_class c",
        "select c.relname like 'x' from pg_catalog.pg_class c",
        "select 1 between 0 and 2",
        "select array[1]",
        "select '\\s'",
        "select cast('x' as text)",
    ] {
        assert!(!left_to_the_path(sql).is_empty(), "{sql}");
    }
}

#[test]
fn what_reads_is_read_only_and_rolled_back() {
    for own in OwnSql::examples() {
        let message = own.message();
        let is_sealed = message.starts_with("begin isolation") && message.ends_with("; rollback");
        assert_eq!(is_sealed, own.way() == Way::Read, "{message}");
    }
}

#[test]
fn a_begin_that_is_not_of_the_known_words_is_not_sent() {
    for (given, sent) in [
        ("begin read only", "begin read only"),
        (
            "begin isolation level repeatable read read only not deferrable",
            "begin isolation level repeatable read read only not deferrable",
        ),
        ("begin; drop table t", BEGIN_READ_ONLY),
        ("begin read write", BEGIN_READ_ONLY),
        ("begin isolation level read uncommitted", BEGIN_READ_ONLY),
        ("select 1", BEGIN_READ_ONLY),
        ("", BEGIN_READ_ONLY),
    ] {
        let again = OwnSql::BeginAgain { begin: given.into() };
        assert_eq!(again.text(), sent, "{given}");
    }
}

#[test]
fn what_comes_from_a_session_is_a_string_and_nothing_else() {
    let hostile = "a.b' or true; drop table t; -- \\";
    let quoted = "E'a.b'' or true; drop table t; -- \\\\'";
    let custom = vec![hostile.to_owned()];
    for own in [
        OwnSql::Held { custom: custom.clone() },
        OwnSql::Look { custom: Some(custom) },
        OwnSql::Apply {
            settings: vec![Setting { name: hostile.into(), value: hostile.into(), custom: false }],
        },
    ] {
        let message = own.message();
        assert!(message.contains(quoted), "{message}");
        assert_eq!(left_to_the_path(&message), [""; 0], "{message}");
    }
}
