//! What each room may name, and what no file may hold: invariants written as absences.

mod names;
mod rooms;
mod tree;
mod walls;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Files that may hold `unsafe`, and why.
const UNSAFE: &[(&str, &str)] = &[
    ("benches/rows.rs", "an allocator that counts is unsafe by its trait"),
    ("tests/flood/main.rs", "an allocator that counts is unsafe by its trait"),
];

/// Lines outside tests that may panic, and why: (file, part of the line).
const PANICS: &[(&str, &str)] = &[];

struct File {
    path: String,
    text: String,
}

impl File {
    /// The text without what only tests are built from: everything from the module of tests on.
    fn shipped(&self) -> &str {
        let begins = ["\nmod tests {", "\nmod tests;"];
        let end = begins
            .iter()
            .filter_map(|begin| self.text.find(begin))
            .min()
            .unwrap_or(self.text.len());
        &self.text[..end]
    }

    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs")
            || self.path.ends_with("/testing.rs")
            || self.path.ends_with("/samples.rs")
            || self.path.starts_with("src/instructions")
            || self.path.starts_with("tests/")
            || self.path.contains("/tests/")
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn collect(folder: &Path, files: &mut Vec<File>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(root()).unwrap();
            let path = path.to_string_lossy().replace('\\', "/");
            files.push(File { path, text });
        }
    }
}

fn files(folders: &[&str]) -> Vec<File> {
    let mut files = Vec::new();
    for folder in folders {
        collect(&root().join(folder), &mut files);
    }
    files
}

fn all() -> Vec<File> {
    files(&["src", "tests", "benches"])
}

/// A line without its comment.
fn code(line: &str) -> &str {
    line.find("//").map_or(line, |at| &line[..at])
}

#[track_caller]
fn nothing(mut findings: Vec<String>, why: &str) {
    findings.sort();
    assert!(findings.is_empty(), "{why}:\n{}", findings.join("\n"));
}

/// Every line of the files whose code holds one of the words.
fn lines_with(files: &[File], words: &[&str], shipped_only: bool) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        let text = if shipped_only { file.shipped() } else { &file.text };
        for (number, line) in text.lines().enumerate() {
            for word in words.iter().filter(|word| code(line).contains(**word)) {
                findings.push(format!("{}:{}: {word}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    findings
}

#[test]
fn every_room_names_what_the_table_in_the_architecture_allows() {
    let table = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rooms = rooms::read(&table).unwrap();
    let texts = tree::texts(&root(), "src");
    assert!(texts.len() > 200, "the files are found");
    nothing(
        rooms::problems(&texts, &tree::crates(&root()), &rooms),
        "a file names what the table in ARCHITECTURE.md does not allow, or the table allows what nothing needs",
    );
}

#[test]
fn no_room_of_update_names_what_stands_above_it_or_beside_it() {
    let table = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (rooms, order) = (rooms::read(&table).unwrap(), rooms::order(&table).unwrap());
    assert!(order.len() > 4, "there is an order: {order:?}");
    nothing(rooms::out_of_order(&rooms, &order), "a room reaches up or sideways");
}

#[test]
fn every_file_tells_its_story_and_none_is_called_mod() {
    let findings = all()
        .iter()
        .filter(|file| !file.text.starts_with("//!") || file.path.ends_with("/mod.rs"))
        .map(|file| file.path.clone())
        .collect();
    nothing(findings, "a file has no story, or is a mod.rs");
}

#[test]
fn nothing_is_left_for_later() {
    let mut files = all();
    files.retain(|file| file.path != "tests/tidy/main.rs");
    let mut findings = lines_with(&files, &["todo!", "unimplemented!", "dbg!("], false);
    for file in &files {
        for (number, line) in file.text.lines().enumerate() {
            if ["TODO", "FIXME", "XXX:"].iter().any(|word| line.contains(word)) {
                findings.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    nothing(findings, "something is left for later");
}

#[test]
fn what_ships_does_not_panic_by_choice() {
    let mut files = files(&["src"]);
    files.retain(|file| !file.is_test());
    let words = [".unwrap()", ".expect(\"", "panic!(", "unreachable!(", "let _ ="];
    let mut findings = lines_with(&files, &words, true);
    findings.retain(|finding| {
        !PANICS.iter().any(|(file, part)| finding.starts_with(file) && finding.contains(part))
    });
    nothing(findings, "shipped code panics, or drops a result");
}

#[test]
fn unsafe_code_is_only_where_it_is_said_why() {
    let mut files = all();
    files.retain(|file| {
        file.path != "tests/tidy/main.rs" && !UNSAFE.iter().any(|(path, _)| *path == file.path)
    });
    nothing(
        lines_with(&files, &["unsafe {", "unsafe fn", "unsafe impl"], false),
        "unsafe code has no reason",
    );
}

/// What clippy refuses is allowed only where the others are sent to.
#[test]
fn what_clippy_refuses_is_allowed_only_where_it_belongs() {
    let mut src = files(&["src"]);
    let allowed = [
        "src/lib.rs",
        "src/main.rs",
        "src/effects/regular_file.rs",
        "src/effects/regular_file/database.rs",
        "src/effects/postgres/connect.rs",
        "src/effects/postgres/session/link.rs",
    ];
    let denied = "#![deny(clippy::disallowed_methods, clippy::disallowed_types)]";
    let pure = [
        "base", "failure", "conninfo", "catalog", "settings", "update", "sql", "rows", "screen",
        "model", "msg", "effect",
    ];
    for room in pure.map(|room| format!("src/{room}.rs")) {
        let file = src.iter_mut().find(|file| file.path == room).unwrap();
        assert!(file.text.contains(denied), "{room} denies nothing");
        file.text = file.text.replace(denied, "");
    }
    let found = lines_with(&src, &["disallowed_methods"], false);
    assert_eq!(found.len(), allowed.len(), "{}", found.join("\n"));
    src.retain(|file| !allowed.contains(&file.path.as_str()));
    nothing(
        lines_with(
            &src,
            &["disallowed_methods", "disallowed_types", "clippy::style", "clippy::all"],
            false,
        ),
        "a file allows itself what clippy refuses",
    );
}

#[test]
fn functions_of_update_fit_one_screen() {
    const LINES: usize = 70;
    let mut files = files(&["src/update"]);
    files.retain(|file| !file.is_test());
    files.push(File {
        path: "src/update.rs".into(),
        text: fs::read_to_string(root().join("src/update.rs")).unwrap(),
    });
    let mut findings = Vec::new();
    for file in &files {
        let lines: Vec<&str> = file.shipped().lines().collect();
        for (start, line) in lines.iter().enumerate() {
            let bare = line.trim_start();
            let begins = ["fn ", "pub fn ", "pub(super) fn ", "pub(crate) fn ", "const fn "];
            if !begins.iter().any(|word| bare.starts_with(word)) {
                continue;
            }
            let indent = line.len() - bare.len();
            let close = format!("{}}}", " ".repeat(indent));
            let length =
                lines[start..].iter().position(|line| *line == close).map_or(0, |end| end + 1);
            if length > LINES {
                findings.push(format!("{}:{}: {length} lines", file.path, start + 1));
            }
        }
    }
    nothing(findings, "a function is longer than a screen");
}

#[test]
fn the_files_speak_of_the_project_alone() {
    // The words are put together here, so that this file does not hold them itself.
    let words = [
        ["/wo", "rk/"].concat(),
        ["/tmp/tu", "sk"].concat(),
        ["/ro", "ot/"].concat(),
        ["this ses", "sion of work"].concat(),
        ["sub-ag", "ent"].concat(),
        ["brie", "f.md"].concat(),
    ];
    let mut findings = Vec::new();
    for file in all() {
        for (number, line) in file.text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word.as_str())) {
                findings.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    nothing(findings, "a file speaks of the machine it was written on");
}

/// Every requirement of the backend, by its name.
fn requirements() -> Vec<String> {
    let mut names: Vec<String> = (1..=27).map(|number| format!("FR-{number:03}")).collect();
    names.extend(["FR-013a", "FR-019a", "FR-024a", "FR-027a"].map(str::to_owned));
    names.extend((1..=10).map(|number| format!("SC-{number:03}")));
    names
}

#[test]
fn every_requirement_has_a_row_and_every_name_in_it_is_there() {
    let table = fs::read_to_string(root().join("docs/requirements.md")).unwrap();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ")).collect();
    let mut findings = Vec::new();
    for name in requirements() {
        if !rows.iter().any(|row| row.starts_with(&format!("| {name} |"))) {
            findings.push(format!("{name} has no row"));
        }
    }
    for row in rows {
        // Code, and then tests or benchmarks; the last column is prose.
        let columns: Vec<&str> = row.split('|').map(str::trim).collect();
        let names = columns.iter().skip(2).take(2);
        for name in names.flat_map(|column| column.split('`').skip(1).step_by(2)) {
            let (file, test) = name.split_once("::").unwrap_or((name, ""));
            match fs::read_to_string(root().join(file)) {
                Err(_) => findings.push(format!("{name}: there is no {file}")),
                Ok(text) if !test.is_empty() && !text.contains(&format!("fn {test}(")) => {
                    findings.push(format!("{name}: there is no {test} in {file}"));
                }
                Ok(_) => {}
            }
        }
    }
    nothing(findings, "docs/requirements.md is not true");
}
