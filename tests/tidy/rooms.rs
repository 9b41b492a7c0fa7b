//! The rooms, as the table in ARCHITECTURE.md has them, and what is wrong with the names that their files use.

use std::collections::BTreeSet;

use super::{
    names::{Known, Name},
    tree::{PROGRAM, Texts, Tree},
};

/// The table begins with these columns.
const HEADER: &str = "| Room | What it is | What it may name |";

/// The line that says in which order the rooms of `update` stand begins so.
const ORDER: &str = "The rooms of `update` stand in this order: `";

/// Where the rooms that stand in an order are.
const ORDERED: &str = "crate::update::";

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// The files: paths, or folders with a slash at the end.
    pub places: Vec<String>,
    /// What its files may name, each with all that is in it: crates, modules of the program, items.
    pub allowed: Vec<Vec<String>>,
}

impl Room {
    /// How well a file fits in: the length of the place that it is in.
    fn fit(&self, path: &str) -> Option<usize> {
        let places = self.places.iter();
        let fitting = places.filter(|place| match place.strip_suffix('/') {
            Some(_) => path.starts_with(place.as_str()),
            None => path == *place,
        });
        fitting.map(String::len).max()
    }

    /// Its own modules, which its files may always name.
    fn own(&self) -> Vec<Vec<String>> {
        let place = |place: &String| {
            let place = place.strip_prefix("src/")?.trim_end_matches('/');
            let place = place.strip_suffix(".rs").unwrap_or(place);
            let names = ["crate"].into_iter().chain(place.split('/'));
            Some(names.map(str::to_owned).collect())
        };
        self.places.iter().filter_map(place).collect()
    }
}

/// The rows of the table.
///
/// # Errors
///
/// There is no such table, or a row has no place.
pub fn read(text: &str) -> Result<Vec<Room>, String> {
    let lines = text.lines().skip_while(|line| *line != HEADER);
    let rows = lines.skip(2).take_while(|line| line.starts_with('|'));
    let rooms: Vec<Room> = rows.map(room).collect::<Result<_, _>>()?;
    if rooms.is_empty() {
        return Err(format!("there is no table with {HEADER}"));
    }
    Ok(rooms)
}

fn room(row: &str) -> Result<Room, String> {
    let columns: Vec<&str> = row.trim_matches('|').split('|').collect();
    let [places, _, allowed] = columns[..] else {
        return Err(format!("a row without three columns: {row}"));
    };
    let places: Vec<String> = quoted(places).flat_map(unfolded).collect();
    if places.is_empty() {
        return Err(format!("a room without a place: {row}"));
    }
    let names = quoted(allowed).flat_map(unfolded);
    let allowed = names.map(|name| name.split("::").map(str::to_owned).collect());
    Ok(Room { places, allowed: allowed.collect() })
}

/// The rooms of `update` in their order, by levels from the top: those of one level stand side by side.
///
/// # Errors
///
/// There is no such line.
pub fn order(text: &str) -> Result<Vec<Vec<String>>, String> {
    let line = text.lines().find_map(|line| line.strip_prefix(ORDER));
    let (order, _) = line
        .and_then(|line| line.split_once('`'))
        .ok_or_else(|| format!("there is no line with {ORDER}"))?;
    let names = |level: &str| level.split(',').map(|name| name.trim().to_owned()).collect();
    Ok(order.split('>').map(names).collect())
}

/// The rooms that may name what stands above them or beside them, and those that have no place in the order.
pub fn out_of_order(rooms: &[Room], order: &[Vec<String>]) -> Vec<String> {
    let level = |name: &str| order.iter().position(|names| names.iter().any(|known| known == name));
    let mut problems = Vec::new();
    for room in rooms {
        let own = room.own();
        let names = own.iter().map(|path| path.join("::"));
        let mut names = names.filter_map(|path| path.strip_prefix(ORDERED).map(str::to_owned));
        // What every room of `update` may use stands in no order.
        let (Some(name), true) = (names.next(), room.places.iter().any(|at| at.ends_with('/')))
        else {
            continue;
        };
        let Some(at) = level(&name) else {
            problems.push(format!("{}: the order has no place for it", room.places[0]));
            continue;
        };
        for allowed in &room.allowed {
            let path = allowed.join("::");
            let Some(other) = path.strip_prefix(ORDERED) else {
                continue;
            };
            let other = other.split("::").next().unwrap_or_default();
            if level(other).is_some_and(|level| level <= at) {
                problems.push(format!("{}: {other} is above it or beside it", room.places[0]));
            }
        }
    }
    problems
}

/// What stands in a text as code.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// `std::{fmt, str}` is `std::fmt` and `std::str`.
fn unfolded(name: &str) -> Vec<String> {
    let parts = name.split_once('{').and_then(|(before, rest)| {
        let (inside, after) = rest.split_once('}')?;
        Some((before, inside, after))
    });
    match parts {
        None => vec![name.to_owned()],
        Some((before, inside, after)) => {
            inside.split(',').map(|part| format!("{before}{}{after}", part.trim())).collect()
        }
    }
}

/// What is wrong in a tree of files, where these crates can be named: each with its file, and its line where it has one.
pub fn problems(texts: &Texts, crates: &[String], rooms: &[Room]) -> Vec<String> {
    let tree = Tree::of(texts);
    let sources = tree.files.iter().map(|file| &file.source);
    let known = Known::of(sources, crates.iter().cloned());
    let mut problems = tree.problems;
    let mut needed: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); rooms.len()];
    for file in tree.files.iter().filter(|file| !file.source.is_test) {
        let fits = rooms.iter().enumerate();
        let fits = fits.filter_map(|(at, room)| Some((room.fit(&file.path)?, at)));
        let Some((_, at)) = fits.max() else {
            problems.push(format!("{}: it is in no room of the table", file.path));
            continue;
        };
        let own = rooms[at].own();
        for Name { path, line } in known.names(&file.source) {
            let is_own = own.iter().any(|own| path.starts_with(own)) || path[0] == PROGRAM;
            if is_own || path == ["crate"] {
                continue;
            }
            // The longest one is the one that is needed.
            let allowed = rooms[at].allowed.iter().enumerate();
            let allowed = allowed.filter(|(_, allowed)| path.starts_with(allowed));
            match allowed.max_by_key(|(_, allowed)| allowed.len()) {
                Some((which, _)) => {
                    needed[at].insert(which);
                }
                None => problems.push(format!("{}:{line}: {}", file.path, path.join("::"))),
            }
        }
    }
    for (room, needed) in rooms.iter().zip(&needed) {
        for (which, name) in room.allowed.iter().enumerate() {
            if !needed.contains(&which) {
                let (place, name) = (&room.places[0], name.join("::"));
                problems.push(format!("{place}: nothing in it needs {name}"));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "
| Room | What it is | What it may name |
|---|---|---|
| `src/lib.rs` | the map | |
| `src/{pure.rs,pure/}` | what computes | `std::{fmt, str}`, `serde` |
| `src/io.rs`, `src/io/` | what does | `std`, `serde`, `crate::pure` |
";

    /// What is wrong where a file of the pure room has this code.
    fn found(path: &str, code: &str) -> Vec<String> {
        let mut texts: Texts = [
            ("src/lib.rs", "pub mod pure; pub mod io;"),
            ("src/pure.rs", "mod inner; use std::{fmt, str}; use serde::Serialize;"),
            ("src/pure/inner.rs", "pub struct Inner;"),
            ("src/io.rs", "use crate::pure; use std::fs; use serde as _;"),
        ]
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .into();
        texts.entry(path.to_owned()).or_default().push_str(code);
        let crates = ["serde".to_owned(), "gpui".to_owned()];
        problems(&texts, &crates, &read(TABLE).expect("a table"))
    }

    fn found_in_inner(code: &str) -> Vec<String> {
        found("src/pure/inner.rs", code)
    }

    #[test]
    fn what_the_table_allows_is_no_problem() {
        assert_eq!(found_in_inner(""), [""; 0]);
        let code = "
use std::fmt::{self, Display};
use super::{super::pure, inner::Inner as Other};
use self::deeper::{Deep, *};
mod deeper { pub use super::Inner as Deep; fn far() -> super::super::inner::Inner { crate::pure::inner::Inner } }
fn one(text: &str) -> fmt::Result { println!(\"{}\", std::str::from_utf8(text.as_bytes())) }
#[derive(serde::Serialize)]
struct Kept { #[serde(with = \"crate::pure::inner\")] value: u8 }
#[cfg(test)]
mod tests { use std::fs; use crate::io; }
";
        assert_eq!(found_in_inner(code), [""; 0]);
    }

    #[test]
    fn every_way_to_name_something_is_found_at_its_line() {
        let ways = [
            ("\nuse std::fs;", "2: std::fs"),
            ("\nuse std::{\n fmt,\n fs::{self, File}};", "4: std::fs"),
            ("\nuse std::fs as files;", "2: std::fs"),
            ("\nuse std::*;", "2: std::*"),
            ("\nuse ::std::fs::read;", "2: std::fs::read"),
            ("\nuse std as s;\nfn f() { s::fs::read(0); }", "3: std::fs::read"),
            ("\nfn f() { std::fs::read(0); }", "2: std::fs::read"),
            ("\nfn f() { use std::env as e; }", "2: std::env"),
            ("\nfn f() -> core::time::Duration {}", "2: core::time::Duration"),
            ("\nuse crate::io;", "2: crate::io"),
            ("\nuse super::super::io::Thing;", "2: crate::io::Thing"),
            ("\nuse super::super as up;\nfn f(_: up::io::Thing) {}", "3: crate::io::Thing"),
            ("\nuse {crate as c};\ntype T = c::io::Thing;", "3: crate::io::Thing"),
            ("\nfn f() { println!(\"{}\", crate::io::one()); }", "2: crate::io::one"),
            ("\nfn f() { vec![if x { std::env::var(1) }]; }", "2: std::env::var"),
            ("\n#[derive(gpui::Render)]\nstruct S;", "2: gpui::Render"),
            ("\n#[serde(with = \"crate::io::form\")]\nstruct S;", "2: crate::io::form"),
            ("\nextern crate gpui;", "2: gpui"),
            ("\nuse gpui::{App as Program, prelude::*};", "2: gpui::App"),
            ("\nmod inside { use super::super::super::io; }", "2: crate::io"),
            ("\nmod a { use crate as c; }\nfn f() { self::a::c::io::g(); }", "3: crate::io::g"),
            ("\nimpl crate::io::Trait for Inner {}", "2: crate::io::Trait"),
        ];
        for (code, problem) in ways {
            let found = found_in_inner(code);
            let expected = format!("src/pure/inner.rs:{problem}");
            assert!(found.contains(&expected), "{code}\n{found:?}");
        }
    }

    #[test]
    fn what_names_a_room_above_it_or_beside_it_is_out_of_order() {
        let text = "
| Room | What it is | What it may name |
|---|---|---|
| `src/update/cx.rs` | what all use | `crate::update::top` |
| `src/update/top.rs`, `src/update/top/` | the top | `crate::update::{cx,left,low}` |
| `src/update/left.rs`, `src/update/left/` | one | `crate::update::low` |
| `src/update/right.rs`, `src/update/right/` | the other | `crate::update::left`, `crate::base` |
| `src/update/low.rs`, `src/update/low/` | the lowest | `crate::update::top::Thing` |
| `src/update/lost.rs`, `src/update/lost/` | nowhere | `serde` |

The rooms of `update` stand in this order: `top > left, right > low`. One names those below it.
";
        let (rooms, order) = (read(text).expect("a table"), order(text).expect("an order"));
        assert_eq!(
            out_of_order(&rooms, &order),
            [
                "src/update/right.rs: left is above it or beside it",
                "src/update/low.rs: top is above it or beside it",
                "src/update/lost.rs: the order has no place for it",
            ]
        );
        assert!(super::order("no order").is_err());
    }

    #[test]
    fn what_nothing_needs_and_what_nobody_declares_is_a_problem() {
        assert_eq!(
            found("src/pure/lost.rs", "fn f() {}"),
            ["src/pure/lost.rs: no module declares it"]
        );
        assert_eq!(
            found("src/lib.rs", " mod elsewhere;"),
            ["src/elsewhere.rs: there is no such file"]
        );
        let table = TABLE.replace("`serde`, `crate::pure`", "`serde`, `crate::pure`, `gpui`");
        let texts: Texts = [("src/lib.rs".to_owned(), String::new())].into();
        let found = problems(&texts, &[], &read(&table).expect("a table"));
        assert!(found.contains(&"src/io.rs: nothing in it needs gpui".to_owned()));
        let table = TABLE.replace("| `src/lib.rs` | the map | |\n", "");
        let found = problems(&texts, &[], &read(&table).expect("a table"));
        assert!(found.contains(&"src/lib.rs: it is in no room of the table".to_owned()));
        assert!(read("no table").is_err());
        assert!(read(&TABLE.replace("`src/lib.rs`", "src/lib.rs")).is_err());
    }
}
