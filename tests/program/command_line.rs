//! The built program, as a shell sees it: what it takes, what it says, and its exit status.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use crate::support::{flooding, program};
use std::{path::Path, process::Output};

use program::{err as said, fed, out};

/// Runs the program in a directory of its own, where a data directory may appear.
fn tusk(directory: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = program::tusk();
    command
        .args(arguments)
        .current_dir(directory)
        .env_remove("TUSK_DATA_DIR")
        .env_remove("TUSK_URL")
        .env_remove("DBUS_SESSION_BUS_ADDRESS");
    fed(&mut command, input)
}

#[test]
fn bad_arguments_get_one_sentence_and_status_2() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [&["--nonsense"][..], &["story"], &["replay", "a", "--until", "b"]] {
        let output = tusk(directory.path(), arguments, "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(said(&output).lines().count(), 1, "{}", said(&output));
        assert_eq!(out(&output), "");
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    let directory = tempfile::tempdir().unwrap();
    let help = tusk(directory.path(), &["--help"], "");
    assert!(help.status.success() && out(&help).contains("--data-dir"));
    let version = tusk(directory.path(), &["--version"], "");
    assert_eq!(out(&version), format!("tusk {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(directory.path().read_dir().unwrap().count(), 0, "something was written");
}

#[test]
fn a_data_directory_that_cannot_be_made_is_said_and_another_is_offered() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "").unwrap();
    let arguments = ["story", "-", "--data-dir", "file/below"];
    let output = tusk(directory.path(), &arguments, "wait idle");
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("--data-dir DIR"), "{}", said(&output));
}

#[test]
fn the_line_that_fails_is_named_and_the_status_is_1() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["story", "-", "--data-dir", "data"];
    let story = "# a comment\nwait idle\nexpect result 1 rows 1\n";
    let output = tusk(directory.path(), &arguments, story);
    assert_eq!(output.status.code(), Some(1));
    let expected = "standard input, line 3: expect result 1 rows 1: the tab has no result";
    assert!(said(&output).contains(expected), "{}", said(&output));
    let output = tusk(directory.path(), &arguments, "wait idle\nfly");
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("line 2"), "{}", said(&output));
    let output = tusk(directory.path(), &["story", "missing.story"], "");
    assert!(said(&output).contains("missing.story can't be read"));
}

#[test]
fn the_environment_names_the_data_directory_and_the_option_wins() {
    let directory = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        program::tusk()
            .args(arguments)
            .current_dir(directory.path())
            .env("TUSK_DATA_DIR", "from-environment")
            .output()
            .unwrap()
    };
    let story = directory.path().join("a.story");
    std::fs::write(&story, "wait idle").unwrap();
    let output = run(&["story", "a.story", "--data-dir", "from-option"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(!directory.path().join("from-environment").exists());
    assert!(run(&["story", "a.story"]).status.success());
    for place in ["from-option", "from-environment"] {
        assert!(directory.path().join(place).is_dir(), "{place}");
    }
}

#[test]
fn a_recorded_story_replays_to_its_screen_and_a_changed_one_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["story", "-", "--data-dir", "data", "--record", "run.tusk"];
    let story = "command tab.new\ntype select 'kept';\nwait idle\ndump screen -";
    let output = tusk(directory.path(), &arguments, story);
    assert!(output.status.success(), "{}", said(&output));
    let screen = out(&output);
    assert!(screen.contains("select 'kept';"));

    let replayed = tusk(directory.path(), &["replay", "run.tusk"], "");
    assert!(replayed.status.success(), "{}", said(&replayed));
    assert!(out(&replayed).contains("select 'kept';"));
    assert!(out(&replayed).ends_with("messages, hashes match\n"));
    let one = tusk(directory.path(), &["replay", "run.tusk", "--until", "1"], "");
    assert!(out(&one).ends_with("1 message, hashes match\n") && !out(&one).contains("kept"));

    let file = directory.path().join("run.tusk");
    let text = std::fs::read_to_string(&file).unwrap().replace("kept", "lost");
    std::fs::write(&file, text).unwrap();
    let replayed = tusk(directory.path(), &["replay", "run.tusk"], "");
    assert_eq!(replayed.status.code(), Some(1));
    assert!(said(&replayed).contains("is the first one that differs"), "{}", said(&replayed));
}

#[test]
fn a_recording_does_not_write_over_another_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("queries.sql");
    std::fs::write(&file, "select 1;").unwrap();
    let arguments = ["story", "-", "--data-dir", "data", "--record", "queries.sql"];
    let output = tusk(directory.path(), &arguments, "wait idle");
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("is not a recording"), "{}", said(&output));
    assert_eq!(std::fs::read_to_string(file).unwrap(), "select 1;");
}

#[cfg(not(feature = "gui"))]
#[test]
fn a_build_without_a_window_says_so_and_a_password_in_the_url_is_warned_of() {
    let directory = tempfile::tempdir().unwrap();
    let url = "postgres://ann:hunter2@h/d";
    let output = tusk(directory.path(), &[url, "--data-dir", "data"], "");
    assert_eq!(output.status.code(), Some(1));
    let said_of = said(&output);
    assert!(said_of.contains("other users of this machine") && said_of.contains("tusk story"));
    assert!(!said_of.contains("hunter2"));
    let output = tusk(directory.path(), &["postgres://ann@h/d", "--data-dir", "data"], "");
    assert!(!said(&output).contains("other users"));
}

/// Every character that does something to a terminal, or turns the direction of text, between letters.
fn controls() -> String {
    let all = (1..0x20).chain(0x7F..0xA0).chain(0x202A..0x202F).chain(0x2066..0x206A);
    let each = all.filter_map(char::from_u32).map(|character| format!("a{character}b"));
    let mut text: String = each.collect();
    text.push_str("\u{1b}]0;title\u{7}\u{1b}[2J");
    text
}

#[track_caller]
fn does_nothing_to_a_terminal(text: &str) {
    let raw = text.chars().find(|character| {
        character.is_control() && !matches!(character, '\n' | '\t')
            || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    });
    assert_eq!(raw, None, "{text:?}");
}

#[test]
fn what_a_server_says_is_written_so_that_a_terminal_only_shows_it() {
    use flooding::{Flood, FloodingServer, Phase, described, message, row, words};
    let controls = controls();
    let server = FloodingServer::start(Flood {
        phase: Phase::Query,
        first: [
            words(b'N', "WARNING", "01000", &controls),
            described(&[controls.as_str()]),
            row(controls.as_bytes()),
            message(b'C', format!("SELECT {controls}\0").as_bytes()),
            message(b'Z', b"I"),
        ]
        .concat(),
        again: vec![],
        heeds_cancel: true,
    });
    let refusing = FloodingServer::start(Flood {
        phase: Phase::Authentication,
        first: words(b'E', "FATAL", "28000", &controls),
        again: vec![],
        heeds_cancel: true,
    });
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["story", "-", "--data-dir", "data"];
    let connect = |server: &FloodingServer| {
        format!("connect postgres://ada@127.0.0.1:{}/db?sslmode=disable\n", server.port)
    };
    let run = format!(
        "{}wait connected\ntext select flood\ncommand query.run\nwait rows 1\nwait idle\n",
        connect(&server)
    );

    // What is for reading is escaped wherever it goes, and so are errors and the log on the console.
    let reading = format!(
        "{run}dump screen -\ncommand results.messages\ndump screen -\nexpect result 1 cell 0 0 is \"else\"\n"
    );
    let output = tusk(directory.path(), &arguments, &reading);
    let (shown, told) = (out(&output), said(&output));
    assert!(shown.contains("\\x1b]0;title\\x07\\x1b[2J"), "{shown}{told}");
    assert!(told.contains("\\u{1b}]0;title"), "{told}");
    let refused = format!("{}wait connected\n", connect(&refusing));
    let refused = tusk(directory.path(), &arguments, &refused);
    assert!(said(&refused).contains("\\x1b[2J"), "{}", said(&refused));
    for text in [&shown, &told, &out(&refused), &said(&refused)] {
        does_nothing_to_a_terminal(text);
    }

    // What is data is the server's own, byte for byte, into a pipe as into a file.
    let data = format!("{run}dump result 1 csv -\ndump result 1 csv out.csv\n");
    let output = tusk(directory.path(), &arguments, &data);
    let csv = format!("\"{controls}\"\n\"{controls}\"\n");
    assert_eq!(out(&output), csv, "{}", said(&output));
    assert_eq!(std::fs::read_to_string(directory.path().join("out.csv")).unwrap(), csv);
}
