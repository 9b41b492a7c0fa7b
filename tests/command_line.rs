//! The built program, as a shell sees it: what it takes, what it says, and its exit status.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

/// Runs the program in a directory of its own, where a data directory may appear.
fn tusk(directory: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tusk"))
        .args(arguments)
        .current_dir(directory)
        .env_remove("TUSK_DATA_DIR")
        .env_remove("TUSK_URL")
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A program that refuses its arguments may have ended before it read anything.
    stdin.write_all(input.as_bytes()).unwrap_or_default();
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn bad_arguments_get_one_sentence_and_status_2() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [
        &["--nonsense"][..],
        &["story"],
        &["replay", "a", "--until", "b"],
    ] {
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
    assert_eq!(
        out(&version),
        format!("tusk {}\n", env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(
        directory.path().read_dir().unwrap().count(),
        0,
        "something was written"
    );
}

#[test]
fn a_data_directory_that_cannot_be_made_is_said_and_another_is_offered() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "").unwrap();
    let arguments = ["story", "-", "--data-dir", "file/below"];
    let output = tusk(directory.path(), &arguments, "wait idle");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("--data-dir DIR"),
        "{}",
        said(&output)
    );
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
        let mut child = Command::new(env!("CARGO_BIN_EXE_tusk"));
        child.args(arguments).current_dir(directory.path());
        child
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
    let one = tusk(
        directory.path(),
        &["replay", "run.tusk", "--until", "1"],
        "",
    );
    assert!(out(&one).ends_with("1 messages, hashes match\n") && !out(&one).contains("kept"));

    let file = directory.path().join("run.tusk");
    let text = std::fs::read_to_string(&file)
        .unwrap()
        .replace("kept", "lost");
    std::fs::write(&file, text).unwrap();
    let replayed = tusk(directory.path(), &["replay", "run.tusk"], "");
    assert_eq!(replayed.status.code(), Some(1));
    assert!(
        said(&replayed).contains("is the first one that differs"),
        "{}",
        said(&replayed)
    );
}

#[test]
fn a_recording_does_not_write_over_another_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("queries.sql");
    std::fs::write(&file, "select 1;").unwrap();
    let arguments = [
        "story",
        "-",
        "--data-dir",
        "data",
        "--record",
        "queries.sql",
    ];
    let output = tusk(directory.path(), &arguments, "wait idle");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("is not a recording"),
        "{}",
        said(&output)
    );
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
    let output = tusk(
        directory.path(),
        &["postgres://ann@h/d", "--data-dir", "data"],
        "",
    );
    assert!(!said(&output).contains("other users"));
}
