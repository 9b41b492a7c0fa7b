//! The built program, as a shell starts it, and what it prints.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

/// The program.
pub fn tusk() -> Command {
    Command::new(env!("CARGO_BIN_EXE_tusk"))
}

/// The program with a story, which is written into a directory; what it keeps is in `data` there.
pub fn with_story(directory: &Path, story: &str) -> Command {
    let file = directory.join("a.story");
    fs::write(&file, story).unwrap();
    let mut command = tusk();
    command.arg("story").arg(file).arg("--data-dir").arg(directory.join("data"));
    command
}

/// Plays a story in a directory, and what it printed. The story must not fail.
#[track_caller]
pub fn play_in(directory: &Path, story: &str) -> Output {
    let output = with_story(directory, story).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    output
}

/// Plays a story in a directory of its own, and all that it printed. The story must not fail.
#[track_caller]
pub fn play(story: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    said(&play_in(directory.path(), story))
}

/// Runs a program to its end with this on its standard input. One that ends before it reads that is what some tests
/// are about.
pub fn fed(command: &mut Command, input: impl Into<Vec<u8>>) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.into());
    let writer = std::thread::spawn(move || stdin.write_all(&input).unwrap_or_default());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// All that a program printed.
pub fn said(output: &Output) -> String {
    format!("{}{}", out(output), err(output))
}

/// What it printed on its standard output.
pub fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What it printed on its standard error.
pub fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
