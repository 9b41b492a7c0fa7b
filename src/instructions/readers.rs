//! What reads a text, each with the pieces that its texts are made of.

use crate::{
    base::text::{Buffer, difference},
    conninfo::{Config, Conninfo, Defaults, passfile, service},
    recording::redact,
    rows::{
        Range,
        export::{self, Format},
        samples,
        show::{display, summary},
    },
    screen::words,
    settings::toml,
    sql::{
        growth,
        read::{lex::BackslashRule, position},
        safety::mask::Values,
        statement::{
            copy,
            stream::{Data, Next, Stream},
        },
    },
    story,
    update::shell::keymap::Keymap,
};

/// A text has so many bytes, and ten times as many.
pub const BYTES: usize = 20_000;

type Reader = (&'static str, fn(&str), &'static [&'static str]);

const SQL: &[&str] = growth::FRAGMENTS;

#[rustfmt::skip]
const CONNINFO: &[&str] = &[
    "postgres://", "postgresql://", "u", ":", "p", "@", "h", ",", "/", "d", "?", "&", "=", "%", "%41", "%zz", " ", "'", "\\", "\"",
    "host=", "password=", "password = '", "hostaddr=", "options='-c a=b' ", "sslmode=require ", "port=1 ", "user=", "dbname=",
    "service=", "[", "]", "::1", ";", "Host=", "Pwd=", "psql ", "-h ", "PGPASSWORD=", "{", "}", "jdbc:postgresql://", "é", "\n", "#",
];

#[rustfmt::skip]
const LINES: &[&str] = &[
    "\n", "[a]", "[", "]", "#", "# a", "a=b", "host=h", "password=p", "=", " ", "\\", "\\:", ":", "*", "h:1:d:u:p", "a", "é", "\r\n", "'", "\"",
];

#[rustfmt::skip]
const STORY: &[&str] = &[
    "\n", "# a", "type a", "press ctrl-a", "run select 1", "wait", "expect screen has a", "dump screen", "connect postgres://h/d",
    "<<END\n", "END", "\"", "\\", "type \"a", " ", "password x", "é", "sleep 1",
];

#[rustfmt::skip]
const TOML: &[&str] = &[
    "\n", "[a]", "[[a]]", "a = 1", "theme = \"dark\"", "a.b = 2", "\"", "'", "'''", "\"\"\"", "[", "]", "{", "}", ",", "# a", "1", "true",
    " ", "é", "\\u00e9", "=", ".", "\\",
];

#[rustfmt::skip]
const JSON: &[&str] = &[
    "{", "}", "[", "]", "\"", "\"a\"", ":", ",", "1", "true", "null", "\\", "\\u00e9", " ", "\n", "{\"context\": \"Editor\", \"bindings\": {",
    "\"ctrl-a\": \"query.run\"", "}}", "-1.5e10", "é",
];

#[rustfmt::skip]
const WORDS: &[&str] = &["a", " ", "\n", "\t", "\r\n", "é", "𝄞", "\u{1b}[31m", "\u{202e}", "\u{0}", "字", "1", ",", ".", "(", "\"", "'", "select "];

pub const READERS: &[Reader] = &[
    ("the streamed splitter", stream, SQL),
    (
        "COPY's context",
        |text| assert!(copy::place(text, text, text).is_none_or(|place| place.end <= text.len())),
        SQL,
    ),
    (
        "secrets by value",
        |text| {
            let mut values = Values::default();
            values.learn(text);
            drop(values.mask(text));
        },
        SQL,
    ),
    ("a recording's text", |text| drop(redact::text(text)), SQL),
    ("a recording's words", |text| drop(redact::words(text)), SQL),
    (
        "line and column",
        |text| {
            let (line, _) = position::line_and_column(text, text.len());
            assert!(line <= text.len() + 1);
        },
        SQL,
    ),
    ("a connection", |text| drop(Config::parse(text, &Defaults::default())), CONNINFO),
    ("a masked connection", |text| drop(Conninfo::masked(text)), CONNINFO),
    ("connections in words", |text| drop(Conninfo::masked_in_words(text)), CONNINFO),
    ("services", |text| drop(service::services(text)), LINES),
    ("the password file", |text| drop(passfile::listed(text)), LINES),
    ("a story", |text| drop(story::parse(text)), STORY),
    ("settings", |text| drop(toml::read(text)), TOML),
    ("a keymap", |text| drop(Keymap::shipped(false).lay_over(text, false)), JSON),
    ("a printed text", |text| drop(display::printable(text)), WORDS),
    ("a text's width", |text| assert!(display::text_width(text) <= 10 * text.len()), WORDS),
    ("a grouped number", |text| drop(display::grouped_decimal(text)), &["1", "-", ".", "e"]),
    (
        "a text's beginning",
        |text| {
            drop(words::cut(text, 200));
            drop(words::first_line(text, 200));
            drop(words::statement_line(text, 200));
        },
        WORDS,
    ),
    (
        "a buffer that becomes another text",
        |text| {
            let mut buffer = Buffer::new(text);
            let middle = text.floor_char_boundary(text.len() / 2);
            let other = format!("{}x{}", &text[..middle], &text[middle..]);
            buffer.become_text(&other);
            assert!(difference(text, &other).1.len() <= 1);
        },
        WORDS,
    ),
    ("a cell", |text| written(&[&[Some(text.as_bytes())]]), JSON),
    (
        "rows of words",
        |text| {
            let cells: Vec<[Option<&[u8]>; 1]> =
                text.split(' ').map(|word| [Some(word.as_bytes())]).collect();
            let rows: Vec<&[Option<&[u8]>]> = cells.iter().map(|cell| &cell[..]).collect();
            written(&rows);
        },
        WORDS,
    ),
];

/// A script that comes in blocks.
fn stream(text: &str) {
    let mut stream = Stream::new(64 << 20);
    let mut rest = text;
    loop {
        match stream.next(BackslashRule::Ordinary) {
            Next::End => return,
            Next::More if rest.is_empty() => stream.end(),
            Next::More => push(&mut stream, &mut rest),
            Next::Copy(_) => loop {
                match stream.data() {
                    Data::End => break,
                    Data::More if rest.is_empty() => stream.end(),
                    Data::More => push(&mut stream, &mut rest),
                    Data::Some(_) => {}
                }
            },
            Next::TooLong(_) => return,
            Next::Statement(_) | Next::Order(..) | Next::Refused(..) => {}
        }
    }
}

fn push(stream: &mut Stream, rest: &mut &str) {
    let (block, after) =
        rest.split_at(rest.floor_char_boundary(stream.wants().max(4).min(rest.len())));
    stream.push(block);
    *rest = after;
}

/// Rows in every format that they are written in, shown and summed.
fn written(rows: &[samples::Row<'_>]) {
    let rows = samples::rows_of(&[("a", 25)], rows);
    let all = Range::all(rows.len(), 1);
    for format in [
        Format::Csv,
        Format::Tsv { headers: true },
        Format::Lines { headers: true },
        Format::Json,
        Format::JsonLines,
    ] {
        drop(export::to_bytes(&rows, None, format));
    }
    drop(export::clipboard(&rows, &all, export::copied(&rows, &all, false)));
    drop(summary::summarise(&rows, &all, &|| false));
    assert!(display::column_width(&rows, 0, rows.len(), 200) <= 200);
    for row in 0..rows.len() {
        let cell = rows.cell(row, 0).unwrap();
        drop(display::line(cell, 200));
        drop(display::whole(cell));
    }
}
