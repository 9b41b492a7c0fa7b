//! A file that is run without being opened comes to the same as the same text that is opened and run whole: the same
//! statements with the same data, places and commands of psql, or the same refusal.
//!
//! One thing differs. A COPY at the end of the text, with no line below it, has no rows for psql, and so in a file; in
//! the editor it has no data, which is an error, because somebody may have forgotten them.

use super::*;
use crate::{
    generated::{Random, as_many_as, seed},
    sql::{
        growth::FRAGMENTS,
        read::position,
        statement::stream::{Data, Next, Spot, Stream},
    },
};

/// What a script comes to.
#[derive(Debug, Default, PartialEq)]
struct Course {
    sent: Vec<Sending>,
    /// What is skipped, and where.
    skipped: Vec<(String, LineAndColumn)>,
    /// Where it is refused, and why.
    refused: Option<(LineAndColumn, String)>,
}

type LineAndColumn = (usize, usize);

/// What follows on errors, the text, where each of its bytes is, its data.
type Sending = (Option<bool>, String, Vec<LineAndColumn>, String);

fn refused(place: LineAndColumn, reason: String) -> Course {
    Course { refused: Some((place, reason)), ..Course::default() }
}

/// The bytes at which characters begin, from behind the comments on, and the one behind the last.
fn bytes_of(sql: &str, lead: usize) -> impl Iterator<Item = usize> {
    (lead..=sql.len()).filter(|byte| sql.is_char_boundary(*byte))
}

fn opened(text: &str) -> Course {
    let place = |byte| position::line_and_column(text, byte);
    let mut planner = Planner::new(text, 0);
    match planner.script(BackslashRule::Ordinary, Restriction::default()) {
        Err(Problem::Refused { range, reason }) => return refused(place(range.start), reason),
        problem => assert_eq!(problem, Ok(()), "{text}"),
    }
    let plan = planner.finish();
    let sent = plan.statements.iter().map(|planned| {
        let places = planned.start.map(|start| {
            let bytes = bytes_of(&planned.sql, planned.lead);
            bytes.map(move |byte| place(start + planned.in_text(byte - planned.lead)))
        });
        (
            planned.stops,
            planned.sql.to_string(),
            places.into_iter().flatten().collect(),
            planned.copy_data.as_deref().unwrap_or_default().to_owned(),
        )
    });
    Course {
        sent: sent.collect(),
        skipped: plan.skipped.into_iter().map(|(name, at)| (name, place(at))).collect(),
        refused: None,
    }
}

/// The same text in blocks of so many bytes.
fn streamed(text: &str, mut block: impl FnMut() -> usize) -> Course {
    let mut rest = text;
    let mut more = |stream: &mut Stream| {
        let (now, later) = rest.split_at(rest.ceil_char_boundary(block().min(rest.len())));
        stream.push(now);
        rest = later;
        if rest.is_empty() {
            stream.end();
        }
    };
    let place = |Spot { line, column }: Spot| (line as usize, column as usize);
    let mut stream = Stream::new(1 << 20);
    let (mut course, mut stops) = (Course::default(), None);
    let mut rule = BackslashRule::Ordinary;
    loop {
        let next = stream.next(rule);
        let part = match next {
            Next::More => {
                more(&mut stream);
                continue;
            }
            Next::End => return course,
            Next::Refused(spot, reason) => return refused(place(spot), reason),
            Next::TooLong(part) => panic!("{part:?}"),
            Next::Order(spot, order) => {
                match order {
                    Order::Skip(name) => course.skipped.push((name, place(spot))),
                    Order::OnErrorStop(on) => stops = Some(on),
                    Order::Encoding(name) => {
                        let sql = psql::encoding_set_to(&name);
                        course.sent.push((stops.take(), sql, vec![], String::new()));
                    }
                    Order::Quit => panic!("the stream ends by itself"),
                }
                continue;
            }
            // One without data has none.
            Next::Statement(part) | Next::Copy(part) => part,
        };
        let mut data = String::new();
        loop {
            match stream.data() {
                Data::More => more(&mut stream),
                Data::Some(some) => data.push_str(&some),
                Data::End => break,
            }
        }
        let places = bytes_of(&part.text, part.lead).map(|byte| place(part.place(byte)));
        let places = places.collect();
        course.sent.push((stops.take(), part.text.to_string(), places, data));
        rule = split::rule_set_by(part.statement()).unwrap_or(rule);
    }
}

/// Statements, commands of psql of all three kinds, data, and what makes the one look like the other.
#[rustfmt::skip]
const PARTS: &[&str] = &[
    "select 1;", "select 1", ";", "\n", "\r\n", " ", "select 'a;\nb';", "é", "'é\\'", "'\\';", "E'\\''", "\"a;\"", "$$;\n$$", "$a$ $$ $a$",
    "-- c; '\n", "/* d;\n */", "/*+ hint */", "/* ' ", "'", "\"", "$$", "(", ")", "a,", "\u{feff}",
    "create function f() returns int language sql begin atomic select 1; select 2; end;",
    "copy t from stdin;", "copy t from stdin;\n", "copy t from stdin;\n1\té\n\\.\n", "copy t (a) from stdin with (format csv);\r\n'x\r\n\\.\r\n",
    "copy t from stdin; select 2,\n;'\n\\.\n 3;", "copy t from stdin; copy u from stdin;\n1\n\\.\n2\n\\.\n", "\n\\.\n", "\\.", "copy t from stdin \\g\n",
    "\\echo a 'b;' \"c\n", "\\x \\\\ ", "\\pset null 'é'\n", "\\t\\a\n", "\\timing\r\n", "\\warn a \\\\", "\\set ON_ERROR_STOP on\n",
    "\\set ON_ERROR_STOP 0 \\\\", "\\encoding LATIN1\n", "\\encoding 'utf8' \\\\ ", "\\restrict k\n", "\\unrestrict k\n",
    "set standard_conforming_strings = off;", "set standard_conforming_strings = off;\n", "set standard_conforming_strings to on;\n",
    "select set_config('standard_conforming_strings', 'off', false);",
];

/// What ends a script before its end; too many of them would hide the rest.
#[rustfmt::skip]
const ENDS: &[&str] = &[
    "\\q\n", "\\q", "\\connect x\n", "\\c", "\\i f.sql\n", "\\g", "\\gset\n", "\\;", "\\:", "\\r\n", "\\copy t from stdin\n1\n\\.\n", "\\if a\n",
    "\\set a 1\n", "\\! ls\n", "\\dt\n", "\\echo 'a\n", "\\restrict :k\n", "\\unrestrict l\n",
];

fn script(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..random.below(14) + 1 {
        let part = match random.below(40) {
            0 => random.pick(ENDS),
            1 => random.pick(FRAGMENTS),
            _ => random.pick(PARTS),
        };
        text.push_str(part);
        if random.chance(25) {
            text.push(*random.pick(&['\n', ' ', ';']));
        }
    }
    if random.chance(30) {
        text.push_str("\nselect 'last';");
    }
    text
}

#[test]
fn a_streamed_file_comes_to_the_same_as_one_that_is_opened() {
    let mut random = Random::new(seed());
    let (mut refusals, mut quits, mut data, mut cut) = (0, 0, 0, 0);
    let count = as_many_as(4_000, 60_000);
    for _ in 0..count {
        let text = script(&mut random);
        let wanted = opened(&text);
        refusals += usize::from(wanted.refused.is_some());
        quits += usize::from(text.contains("\\q") && wanted.refused.is_none());
        data += usize::from(wanted.sent.iter().any(|(.., data)| !data.is_empty()));
        cut += usize::from(wanted.skipped.len() > 1 && wanted.sent.len() > 2);
        for most in [1, 8, 60, usize::MAX] {
            let found = streamed(&text, || 1 + random.below(most));
            assert_eq!(found, wanted, "in blocks of at most {most}:\n{text}\n{text:?}");
        }
    }
    println!(
        "Of {count}: {refusals} refused, {quits} end early, {data} with data, {cut} with cuts"
    );
    // What is generated is of all kinds.
    let tenth = count / 10;
    assert!(refusals > tenth && refusals < 8 * tenth, "{refusals}");
    assert!(quits > 0 && data > tenth / 2 && cut > tenth / 10);
}
