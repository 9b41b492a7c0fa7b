//! Logging, FR-022 to FR-024a.

use std::{fs, path::Path, process::Output};

use jiff::ToSpan;

use crate::support::program::{err as said, fed, tusk};

/// The built program, playing a story that only waits, on a data directory of its own.
fn run(directory: &Path, variables: &[(&str, &str)]) -> Output {
    let mut command = tusk();
    command
        .args(["story", "-", "--data-dir"])
        .arg(directory)
        .env_remove("TUSK_LOG")
        .envs(variables.iter().copied());
    fed(&mut command, "wait idle")
}

/// Every file of the log by name, with its text.
fn files(directory: &Path) -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(directory.join("logs"))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn fr_022_and_fr_023_every_line_is_on_the_console_and_in_the_file_of_the_day() {
    let directory = tempfile::tempdir().unwrap();
    let before = tusk::effects::local_time::now().date();
    let output = run(directory.path(), &[]);
    let after = tusk::effects::local_time::now().date();
    let files = files(directory.path());
    let text: String = files.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(text, said(&output));
    assert!(text.contains(" INFO  tusk Tusk 0.1.0 begins"), "{text}");
    for (name, _) in &files {
        let day = name.strip_prefix("tusk-").and_then(|name| name.strip_suffix(".log"));
        let day: jiff::civil::Date = day.unwrap().parse().unwrap();
        assert!((before..=after).contains(&day), "{name}");
    }
}

#[test]
fn fr_024_a_debug_build_logs_debug_and_a_release_build_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let text = said(&run(directory.path(), &[]));
    assert_eq!(text.contains(" DEBUG tusk "), cfg!(debug_assertions), "{text}");
    assert!(!text.contains(" TRACE "), "{text}");
}

#[test]
fn fr_024_the_settings_and_before_them_the_environment_say_the_level() {
    let directory = tempfile::tempdir().unwrap();
    let settings = directory.path().join("settings.toml");
    fs::write(settings, "[log]\nlevel = \"error\"\n").unwrap();
    assert_eq!(said(&run(directory.path(), &[])), "");
    let text = said(&run(directory.path(), &[("TUSK_LOG", "info")]));
    assert!(text.contains(" INFO ") && !text.contains(" DEBUG "), "{text}");
}

#[test]
fn fr_024a_without_a_file_the_console_has_every_line_and_a_warning_and_the_start_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("logs"), "in the way").unwrap();
    let output = run(directory.path(), &[]);
    assert!(output.status.success());
    let text = said(&output);
    assert!(text.contains(" INFO  tusk Tusk 0.1.0 begins"), "{text}");
    let warned = text
        .lines()
        .any(|line| line.contains(" WARN ") && line.contains("The log is only on the console"));
    assert!(warned, "{text}");
}

#[test]
fn log_files_are_kept_for_fourteen_days_or_as_long_as_the_settings_say() {
    let directory = tempfile::tempdir().unwrap();
    let logs = directory.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let today = tusk::effects::local_time::now().date();
    let name = |days: i64| format!("tusk-{}.log", today - days.days());
    for days in [4, 12, 16] {
        fs::write(logs.join(name(days)), "").unwrap();
    }
    let kept = |days| logs.join(name(days)).exists();
    run(directory.path(), &[]);
    assert_eq!([4, 12, 16].map(kept), [true, true, false]);
    fs::write(directory.path().join("settings.toml"), "[log]\ndays = 7\n").unwrap();
    run(directory.path(), &[]);
    assert_eq!([4, 12].map(kept), [true, false]);
}
