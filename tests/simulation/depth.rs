//! No text is too deep: each reader is given openings in openings in openings, closed and not, and ends. A reader that
//! called itself for each of them would overflow its stack, which ends the program; one that read each to its end would
//! take hours.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use crate::support::generated;
use generated::as_many_as;
use tusk::{
    conninfo::{Config, Conninfo, Defaults, passfile, service},
    settings::toml,
    sql::{
        Splits,
        read::{lex, names, position},
        safety::{guard, mask},
        statement::classify,
    },
    story,
    update::shell::keymap::Keymap,
};

/// An opening and what closes it; `#` is the number of its level.
const SHAPES: [(&str, &str); 40] = [
    ("(", ")"),
    ("[", "]"),
    ("{", "}"),
    ("((a)", ")"),
    ("/* ", "*/ "),
    ("/* -- ' ", "*/ "),
    ("$a#$ ", " $a#$"),
    ("do $a#$ ", " $a#$;"),
    ("do $a#$ begin execute ", "; end $a#$;"),
    ("'", "'"),
    ("''", "''"),
    ("E'\\' ", "'"),
    ("\"", "\""),
    ("U&'", "' uescape '!'"),
    ("begin ", "end; "),
    ("begin; ", "commit; "),
    ("case when ", " end"),
    ("create function f() begin atomic ", " end;"),
    ("if a then ", " end if;"),
    ("then do ", ""),
    ("do ", ""),
    ("execute '", "'"),
    ("select set_config(", ")"),
    ("set_config(a, ", "true)"),
    ("password = (", ")"),
    ("password=", ""),
    ("crypt(", ")"),
    ("'password' || (", ")"),
    ("alter role r password ", ""),
    ("(password, ", ")"),
    ("values (", ")"),
    ("postgres://u:", "@h"),
    ("{\"a\":", "}"),
    ("[[a", "]]"),
    ("a.", ""),
    ("[a.b]\n", ""),
    ("<a>", "</a>"),
    (";", ""),
    ("\\if true\n", "\\endif\n"),
    ("<<a>> ", ""),
];

fn nested(open: &str, close: &str, levels: usize) -> String {
    let level = |text: &str, level: usize| text.replace('#', &level.to_string());
    let opened = (0..levels).map(|at| level(open, at));
    let closed = (0..levels).rev().map(|at| level(close, at));
    opened.chain([String::from("x")]).chain(closed).collect()
}

#[test]
fn no_reader_is_overwhelmed_by_openings_in_openings() {
    let levels = as_many_as(15_000, 1_000_000);
    for (open, close) in SHAPES {
        let whole = nested(open, close, levels);
        let unclosed = nested(open, "", levels);
        for text in [&whole, &unclosed] {
            println!("{open}…{close}, {} bytes", text.len());
            read_as_sql(text);
            read_as_anything_else(text);
        }
    }
}

fn read_as_sql(text: &str) {
    assert_eq!(lex::tokens(text).last().map(|token| token.end), Some(text.len()));
    let splits = Splits::new(text);
    assert!(splits.pieces().len() <= text.len());
    let kind = classify::kind_of(text);
    assert!(!kind.leading_verb().contains('#'));
    let judged = guard::judge(text);
    assert!(judged.names.len() <= text.len());
    assert!(guard::custom_settings(text).len() <= text.len());
    assert!(mask::passwords(text).len() <= 2 * text.len());
    assert!(mask::possible_secrets(text).len() <= 2 * text.len());
    assert!(mask::passwords_in_words(text).len() <= 2 * text.len());
    assert!(names::mentions(text).len() <= text.len());
    assert!(position::word_at(text, text.len() / 2).end <= text.len());
}

fn read_as_anything_else(text: &str) {
    let defaults = Defaults::default();
    let line = text.replace('\n', " ");
    if let Err(problem) = Config::parse(&line, &defaults) {
        assert!(problem.to_string().len() < 10_000);
    }
    assert!(Conninfo::masked(&line).len() <= 2 * line.len());
    if let Err(failure) = story::parse(text) {
        assert!(failure.to_string().len() < 10_000 + 2 * text.len());
    }
    assert!(service::services(text).len() <= text.len());
    assert!(passfile::listed(text).len() <= text.len());
    let refused = toml::read(text).is_err();
    assert!(refused || !text.contains('('), "no settings have parentheses");
    let mut keymap = Keymap::shipped(false);
    assert!(keymap.lay_over(text, false).len() <= text.len() + 1);
}
