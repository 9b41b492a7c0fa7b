//! The readers' work must grow linearly with the text: the lexer's cursor counts the bytes that it reads, whoever moves
//! it, and a reader that reads each of them too often is stopped.

use std::cell::Cell;

use super::{
    Splits,
    read::{
        lex::{self, BackslashRule},
        names, position,
    },
    safety::{guard, mask},
    statement::{
        classify,
        split::{self, Pieces},
    },
};
use crate::generated::{Random, as_many_as, seed};

thread_local! {
    static LOOKED: Cell<usize> = const { Cell::new(0) };
    static LIMIT: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// How often a reader may read a byte.
const LOOKS_MAX: usize = 20;

/// Counts bytes that the cursor read.
pub fn looked(bytes: usize) {
    let sum = LOOKED.get() + bytes;
    LOOKED.set(sum);
    if sum > LIMIT.get() {
        LIMIT.set(usize::MAX);
        // It prints nothing by itself: the test does.
        std::panic::resume_unwind(Box::new(sum));
    }
}

/// How many bytes the cursor reads meanwhile.
pub fn looked_while(work: impl FnOnce()) -> usize {
    LOOKED.set(0);
    work();
    LOOKED.get()
}

/// The building blocks of the texts: each token, what opens and what closes, and the words that a reader looks for.
#[rustfmt::skip]
pub const FRAGMENTS: &[&str] = &[
    "", " ", "\n", "\r\n", "\t", "\u{feff}", "é", "a", "a1", "1", "1.5e", "1e-", "$1", "$", "$$", "$a$", "$a", "'", "''",
    "E'", "N'", "B'", "U&'", "U&\"", "\"", "\"a\"", "\\'", "\\",
    "\\;", "\\:", "\\g ", "\\g | ", "\\r ", "\\echo a ", "\\\\", "\\p\n", "\\copy t from stdin ", "\\copy t from stdin\n",
    "\\.", "\\.\n", ";", "(", ")", "[", "]", "{", "}", "<", ">", ",", ".", "::", ":", "=", "+-",
    "-- ", "--", "/*", "*/", "/*+ ", "'a'\n", "'a' -- c\n", "select ", "select 1;", "begin ", "begin; ", "end; ", "end ",
    "case ", "then ", "do ", "atomic ", "declare ", "if ", "execute ", "execute '", "create function f() ",
    "create procedure p() begin atomic ", "language sql ", "copy t from stdin;", "copy t from stdin;\n", "copy t to stdout ",
    "values (1)", "insert into t ", "update t set ", "delete from t ", "with a as (", "explain ", "set ", "set_config('a.b', ",
    "set standard_conforming_strings = on;",
    "set a.b = 1;", "reset ", "prepare p as ", "alter role r ", "password ", "password '", "password=", "password := ",
    "'password' ", "user mapping ", "options (", "user=", "postgres://u:", "@h", "pwd=", "secret:", "crypt(", "encrypted ",
    "secret ", "as ", "from ", "t.", "public.", "concat(", "format('%s', ", "||",
];

/// A prefix, one piece repeated, and a suffix repeated as often.
pub fn text(random: &mut Random, fragments: &[&str], bytes: usize) -> String {
    let mut piece = |most: usize| -> String {
        let count = random.below(most + 1);
        (0..count).map(|_| *random.pick(fragments)).collect()
    };
    let (before, open, close) = (piece(2), piece(4), piece(2));
    let levels = bytes / (open.len() + close.len()).max(1);
    format!("{before}{}{}", open.repeat(levels), close.repeat(levels))
}

type Reader = (&'static str, fn(&str));

const READERS: &[Reader] = &[
    ("the lexer", |text| {
        lex::tokens(text).for_each(drop);
    }),
    ("the lexer, backslashes escaping", |text| {
        lex::tokens_under(text, BackslashRule::Escapes).for_each(drop);
    }),
    ("backslashes", |text| {
        lex::depends_on_backslashes(text);
    }),
    ("the splitter", |text| {
        Splits::new(text);
    }),
    ("the splitter, piece by piece", |text| {
        let mut pieces = Pieces::default();
        while let Some(read) = pieces.next(text) {
            let sql = text.get(read.piece.range()).unwrap_or_default();
            if let Some(rule) = split::rule_set_by(sql.trim_end_matches(';')) {
                pieces.switch(text, rule);
            }
        }
    }),
    ("an edit at the end", |text| {
        let end = text.floor_char_boundary(text.len() - text.len() / 100);
        let mut splits = Splits::new(&text[..end]);
        splits.edit(text, end..end, text.len() - end);
    }),
    ("comments in front", |text| {
        split::lead(text, Some(0), text.len());
    }),
    ("classify", |text| {
        classify::kind_of(text);
    }),
    ("the guard", |text| {
        guard::judge(text);
    }),
    ("custom settings", |text| {
        guard::custom_settings(text);
    }),
    ("masking", |text| {
        mask::passwords(text);
    }),
    ("possible secrets", |text| {
        mask::possible_secrets(text);
    }),
    ("masking words", |text| {
        mask::passwords_in_words(text);
    }),
    ("names", |text| {
        names::mentions(text);
    }),
    ("the word at a place", |text| {
        position::word_at(text, text.len() / 2);
    }),
];

/// Reads a text, and returns how often each byte was read.
fn looks(text: &str, read: fn(&str)) -> Option<usize> {
    LOOKED.set(0);
    LIMIT.set(LOOKS_MAX * text.len() + 1_000);
    let done = std::panic::catch_unwind(|| read(text));
    LIMIT.set(usize::MAX);
    done.ok().map(|()| LOOKED.get() / text.len().max(1))
}

/// What a text begins and ends with.
fn ends_of(text: &str) -> String {
    let from = text.floor_char_boundary(text.len().saturating_sub(60));
    let to = text.floor_char_boundary(text.len().min(60));
    format!("{:?} … {:?}", &text[..to], &text[from..])
}

#[test]
fn no_reader_looks_at_a_byte_more_often_where_the_text_is_longer() {
    let mut random = Random::new(seed());
    let (texts, bytes) = (as_many_as(80, 1_500), as_many_as(30_000, 1_000_000));
    let mut most = vec![0; READERS.len()];
    let mut failures = vec![];
    for _ in 0..texts {
        let text = text(&mut random, FRAGMENTS, bytes);
        for (most, (name, read)) in most.iter_mut().zip(READERS) {
            match looks(&text, *read) {
                Some(found) => *most = found.max(*most),
                None => failures.push(format!("{name}: {}", ends_of(&text))),
            }
        }
    }
    for (most, (name, _)) in most.iter().zip(READERS) {
        println!("{name}: each byte at most {most} times");
    }
    assert!(
        failures.is_empty(),
        "{} readings look at a byte more than {LOOKS_MAX} times:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn a_reader_that_looks_too_often_is_stopped() {
    let text = "a ".repeat(1_000);
    let square =
        |text: &str| (0..text.len()).for_each(|at| lex::tokens(&text[at..]).for_each(drop));
    assert_eq!(looks(&text, square), None);
    let once = |text: &str| lex::tokens(text).for_each(drop);
    assert!(looks(&text, once).is_some_and(|looks| (1..LOOKS_MAX).contains(&looks)));
}
