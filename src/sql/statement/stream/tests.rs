//! A script in pieces of any size: the same statements, data and places, and no more held than the longest statement.

use super::*;

use crate::generated::{Random, as_many_as, seed};

/// Everything that a script comes to, read in pieces of so many bytes.
fn read(text: &str, bytes: &mut dyn FnMut() -> usize, stream: &mut Stream) -> Vec<String> {
    let mut rest = text;
    let mut found: Vec<String> = vec![];
    let mut more = |stream: &mut Stream| {
        let mut end = bytes().min(rest.len());
        while !rest.is_char_boundary(end) {
            end += 1;
        }
        stream.push(&rest[..end]);
        rest = &rest[end..];
        if rest.is_empty() {
            stream.end();
        }
    };
    loop {
        let (kind, part) = match stream.next(BackslashRule::Ordinary) {
            Next::More => {
                more(stream);
                continue;
            }
            Next::End => return found,
            Next::Statement(part) => ("", part),
            Next::Copy(part) => ("copy ", part),
            Next::Order(spot, order) => {
                found.push(format!("{}:{} {order:?}", spot.line, spot.column));
                continue;
            }
            Next::Refused(spot, reason) => {
                found.push(format!("refused {}:{} {reason}", spot.line, spot.column));
                continue;
            }
            Next::TooLong(part) => {
                found.push(format!("too long {}: {}", part.spot.line, part.name()));
                return found;
            }
        };
        let Spot { line, column } = part.spot;
        found.push(format!("{kind}{line}:{column} {}", part.text));
        let mut data = String::new();
        let is_copy = kind == "copy ";
        loop {
            if !is_copy {
                break;
            }
            match stream.data() {
                Data::More => more(stream),
                Data::Some(some) => data.push_str(&some),
                Data::End => {
                    found.push(format!("data {data:?}"));
                    break;
                }
            }
        }
    }
}

fn whole(text: &str) -> Vec<String> {
    read(text, &mut || usize::MAX, &mut Stream::new(1 << 20))
}

#[test]
fn statements_data_and_commands_come_in_order_with_their_places() {
    let text = "-- one\nselect 1; select\n  'é;\n';\nCOPY t FROM stdin;\n1\\t2\n\\\\.\n\\.\n\\x\n  /* c */ select 2";
    assert_eq!(
        whole(text),
        [
            "1:1 -- one\nselect 1",
            "2:11 select\n  'é;\n'",
            "copy 5:1 COPY t FROM stdin",
            "data \"1\\\\t2\\n\\\\\\\\.\\n\"",
            "9:1 Skip(\"x\")",
            "10:3 /* c */ select 2",
        ]
    );
}

#[test]
fn what_stands_behind_a_copy_on_its_line_comes_after_its_data() {
    assert_eq!(
        whole("copy t from stdin; select 1; copy u from stdin;\na\n\\.\nb\r\n\\.\r\nselect 2;\n"),
        [
            "copy 1:1 copy t from stdin",
            "data \"a\\n\"",
            "1:20 select 1",
            "copy 1:30 copy u from stdin",
            "data \"b\\r\\n\"",
            "6:1 select 2",
        ]
    );
}

#[test]
fn data_end_with_the_script_where_nothing_else_ends_them() {
    assert_eq!(whole("copy t from stdin;\na\nb"), ["copy 1:1 copy t from stdin", "data \"a\\nb\""]);
    assert_eq!(whole("copy t from stdin;"), ["copy 1:1 copy t from stdin", "data \"\""]);
}

/// However a script comes in, it is the same script, and no more of it is held than its longest statement.
#[test]
fn a_script_is_cut_in_the_same_way_whatever_its_pieces() {
    let mut random = Random::new(seed());
    let parts = [
        "select 1;",
        "select 'a;\nb';\n",
        "-- c;\n",
        "/* d;\n e */ ",
        "create function f() returns int language sql begin atomic select 1; select 2; end;\n",
        "do $$ begin; \n end $$;\n",
        "copy t from stdin;\nä\\t1\n\\N\n\\.\n",
        "copy t from stdin; select 3;\r\nx\r\n\\.\r\n",
        "\\restrict abc\n",
        "\\unrestrict abc\n",
        "select 1, \\x \\\\ 2,\n \\echo é\n 3;",
        "\\pset a\n",
        "select \"é;\" ;;\n",
        "\n\n",
    ];
    for _ in 0..as_many_as(300, 30_000) {
        let text: String = (0..random.below(12)).map(|_| *random.pick(&parts)).collect();
        let mut stream = Stream::new(1 << 10);
        let most = 1 + random.below(40);
        let found = read(&text, &mut || 1 + random.below(most), &mut stream);
        assert_eq!(found, whole(&text), "{text}");
        assert!(stream.held_max() < 2 << 10, "{} bytes are held", stream.held_max());
    }
}

#[test]
fn a_long_script_is_not_held_and_a_long_statement_is_named() {
    let mut stream = Stream::new(10_000);
    let text = "insert into t values ('xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx');\n"
        .repeat(40_000);
    let found = read(&text, &mut || 8_000, &mut stream);
    assert_eq!(found.len(), 40_000);
    assert!(stream.held_max() < 50_000, "{}", stream.held_max());

    let mut stream = Stream::new(10_000);
    let data = "a line of data\n".repeat(100_000);
    let text = format!("copy t from stdin;\n{data}\\.\n\n  select '{}';\n", "y".repeat(50_000));
    let found = read(&text, &mut || 8_000, &mut stream);
    assert_eq!(found[1].len(), format!("data {data:?}").len());
    assert!(found[2].starts_with("too long 100004: select 'yyy"), "{}", found[2]);
    assert!(stream.held_max() < 50_000, "{}", stream.held_max());
}
