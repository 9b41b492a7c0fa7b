//! The walls between the rooms hold: in a copy of the program, each of these violations is found, at its line, and
//! nothing else.

#![allow(clippy::expect_used, reason = "tests")]

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use crate::{
    rooms, root,
    tree::{self, Texts},
};

/// Code that is put at the end of a file, and what the wall says of it.
struct Planted {
    file: &'static str,
    code: &'static str,
    /// The line of the code that it is found at, and what the table of rooms does not allow there.
    names: &'static [(usize, &'static str)],
    /// The lines at which clippy finds something that a pure room has none of.
    types: &'static [usize],
}

const PLANTED: [Planted; 17] = [
    Planted {
        file: "src/update/notices.rs",
        code: "use std::{mem as _, fs::{self as files}};\nfn planted() -> bool { files::metadata(\"x\").is_ok() }\n",
        names: &[(1, "std::fs"), (2, "std::fs::metadata")],
        types: &[],
    },
    Planted {
        file: "src/update/query/find.rs",
        code: "use std::time as clock;\nfn planted() -> clock::Instant { clock::Instant::now() }\n",
        names: &[(1, "std::time"), (2, "std::time::Instant"), (2, "std::time::Instant::now")],
        types: &[2],
    },
    Planted {
        file: "src/update/connection/saved.rs",
        code: "use std as s;\nfn planted() -> Option<String> { s::env::var(\"HOME\").ok() }\n",
        names: &[(1, "std"), (2, "std::env::var")],
        types: &[],
    },
    Planted {
        file: "src/update/shell/palette.rs",
        code: "use super::super::super::effects as up;\nfn planted(_: &up::RunnerOptions) {}\n",
        names: &[(1, "crate::effects"), (2, "crate::effects::RunnerOptions")],
        types: &[],
    },
    Planted {
        file: "src/update/query/messages.rs",
        code: "mod planted { use crate as c; pub fn planted(_: &c::effects::RunnerOptions) {} }\n",
        names: &[(1, "crate::effects::RunnerOptions")],
        types: &[],
    },
    Planted {
        file: "src/sql/read/names.rs",
        code: "use std::collections::*;\nfn planted() -> HashMap<u8, u8> { HashMap::new() }\n",
        names: &[(1, "std::collections::*")],
        types: &[2],
    },
    Planted {
        file: "src/sql/safety/mask.rs",
        code: "type Planted = std::collections::HashSet<u8>;\n",
        names: &[(1, "std::collections::HashSet")],
        types: &[1],
    },
    Planted {
        file: "src/sql/read/literal.rs",
        code: "fn planted() { println!(\"{:?}\", std::thread::current().id()); }\n",
        names: &[(1, "std::thread::current")],
        types: &[],
    },
    Planted {
        file: "src/rows/hold/range.rs",
        code: "use crate::update::clock::Msg as Planted;\n",
        names: &[(1, "crate::update::clock::Msg")],
        types: &[],
    },
    Planted {
        file: "src/rows/show/display.rs",
        code: "fn planted(path: &std::path::Path) -> bool { path.exists() }\n",
        names: &[(1, "std::path::Path")],
        types: &[1],
    },
    Planted {
        file: "src/rows/show/summary.rs",
        code: "#[derive(serde::Serialize)]\nstruct Planted { #[serde(skip_serializing_if = \"crate::sql::read::lex::depends_on_backslashes\")] text: String }\n",
        names: &[(2, "crate::sql::read::lex::depends_on_backslashes")],
        types: &[],
    },
    Planted {
        file: "src/screen/words.rs",
        code: "extern crate smol as planted;\nasync fn planted() { planted::future::yield_now().await }\n",
        names: &[(1, "smol"), (2, "smol::future::yield_now")],
        types: &[],
    },
    Planted {
        file: "src/screen/title.rs",
        code: "fn planted() { use ::std::sync::Mutex as Lock; let _: Lock<u8> = Lock::default(); }\n",
        names: &[(1, "std::sync::Mutex"), (1, "std::sync::Mutex::default")],
        types: &[1],
    },
    Planted {
        file: "src/model.rs",
        code: "use crate::program::{self as planted, Program};\nfn planted(_: &Program) {}\n",
        names: &[(1, "crate::program"), (1, "crate::program::Program")],
        types: &[],
    },
    Planted {
        file: "src/msg.rs",
        code: "struct Planted(std::time::SystemTime);\n",
        names: &[(1, "std::time::SystemTime")],
        types: &[1],
    },
    Planted {
        file: "src/effects/clock.rs",
        code: "use crate::model::Model as Planted;\n",
        names: &[(1, "crate::model::Model")],
        types: &[],
    },
    Planted {
        file: "src/view/query/messages.rs",
        code: "use crate::{effects::{RunnerOptions as Planted}};\n",
        names: &[(1, "crate::effects::RunnerOptions")],
        types: &[],
    },
];

/// A file that nobody declares.
const LOST: &str = "src/update/lost.rs";

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("a folder");
        for entry in fs::read_dir(from).expect("a folder") {
            let entry = entry.expect("an entry");
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).expect("a copy");
    }
}

/// The lines at which clippy finds what a room may not have.
fn of_clippy(copy: &Path) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["clippy", "--locked", "--offline", "--no-default-features"])
        .args(["--lib", "--message-format=short"])
        .current_dir(copy)
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let found: BTreeSet<String> = said
        .lines()
        .filter(|line| line.contains("error: use of a disallowed"))
        .map(|line| line.splitn(3, ':').take(2).collect::<Vec<_>>().join(":"))
        .collect();
    assert!(!found.is_empty(), "{said}");
    let others = |line: &&str| line.contains(": error") && !line.contains("disallowed");
    assert_eq!(said.lines().find(others), None, "{said}");
    found
}

#[track_caller]
fn same(found: &BTreeSet<String>, planted: &BTreeSet<String>) {
    let missed: Vec<_> = planted.difference(found).collect();
    let others: Vec<_> = found.difference(planted).collect();
    assert!(
        missed.is_empty() && others.is_empty(),
        "not found: {missed:#?}, found too: {others:#?}"
    );
}

#[test]
#[ignore = "it compiles a copy of the program: the scripts run it by its name"]
fn each_violation_is_found_at_its_line_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("tusk");
    for part in [
        "src",
        "tests",
        "benches",
        "assets",
        "Cargo.toml",
        "Cargo.lock",
        "clippy.toml",
        "ARCHITECTURE.md",
    ] {
        copy(&root().join(part), &to.join(part));
    }
    let (mut names, mut types) = (BTreeSet::new(), BTreeSet::new());
    for planted in &PLANTED {
        let path = to.join(planted.file);
        let text = fs::read_to_string(&path).expect("a text");
        let before = text.lines().count();
        fs::write(&path, text + planted.code).expect("room");
        let at = |line: &usize| format!("{}:{}", planted.file, before + line);
        names.extend(planted.names.iter().map(|(line, name)| format!("{}: {name}", at(line))));
        types.extend(planted.types.iter().map(at));
    }
    fs::write(to.join(LOST), "//! Nobody knows of it.\n").expect("room");
    names.insert(format!("{LOST}: no module declares it"));

    let table = fs::read_to_string(to.join("ARCHITECTURE.md")).expect("a text");
    let rooms = rooms::read(&table).expect("a table");
    let texts: Texts = tree::texts(&to, "src");
    let found: BTreeSet<String> =
        rooms::problems(&texts, &tree::crates(&to), &rooms).into_iter().collect();
    same(&found, &names);
    same(&of_clippy(&to), &types);
}
