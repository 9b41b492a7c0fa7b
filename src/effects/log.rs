//! The log: to the console and to a file for each day, with secrets removed from every line.
//!
//! Each line is one write, so that lines of several Tusks don't mix, and it is in the file when the call that logs it
//! returns.

use std::{
    borrow::Cow,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use jiff::civil::Date;
use log::LevelFilter;

use super::{local_time, regular_file};
use crate::{rows::show::display::printable, settings::toml::LogLevel, sql::safety::mask};

/// The log files' directory, inside the data directory.
pub const DIRECTORY: &str = "logs";

/// The variable that sets the log's level and overrides the settings.
pub const VARIABLE: &str = "TUSK_LOG";

/// What these libraries say about their own work is worth reading when it goes wrong. At debug, some of them print
/// statements, parameters and messages that hold secrets.
const QUIET: [&str; 22] = [
    "tokio_postgres",
    "postgres",
    "deadpool",
    "deadpool_postgres",
    "rustls",
    "zbus",
    "zvariant",
    "secret_service",
    "russh",
    "async_io",
    "polling",
    "tracing",
    "gpui",
    "gpui_pre",
    "blade_graphics",
    "wgpu",
    "wgpu_core",
    "wgpu_hal",
    "naga",
    "cosmic_text",
    "fontdb",
    "mio",
];

/// Debug builds log what helps developers, release builds what helps users.
pub const LEVEL: LevelFilter = usual_level(cfg!(debug_assertions));

const fn usual_level(is_debug_build: bool) -> LevelFilter {
    if is_debug_build { LevelFilter::Debug } else { LevelFilter::Info }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The lowest level that is logged.
    pub level: LevelFilter,
    /// Whether the environment set the level, so that the settings don't change it.
    pub fixed: bool,
    /// How many days to keep a file.
    pub days: u32,
}

impl Options {
    /// What the environment says, or else the settings.
    pub fn new(variable: Option<&str>, level: LogLevel, days: u32) -> Self {
        let named = variable.and_then(|name| name.trim().parse().ok());
        Self { level: named.unwrap_or_else(|| filter(level)), fixed: named.is_some(), days }
    }
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Default => LEVEL,
        LogLevel::Error => LevelFilter::Error,
        LogLevel::Warn => LevelFilter::Warn,
        LogLevel::Info => LevelFilter::Info,
        LogLevel::Debug => LevelFilter::Debug,
        LogLevel::Trace => LevelFilter::Trace,
    }
}

/// The running log, to be reconfigured while it runs.
static STARTED: OnceLock<Sink> = OnceLock::new();

/// Starts logging, to the console and, if there is a directory, to its daily file. Returns a warning for the user if
/// the file can't be written; the console gets the log anyway.
pub fn start(directory: Option<&Path>, options: Options) -> Option<String> {
    let level = options.level;
    let sink = Sink::new(Box::new(Console), options);
    let warning = directory.and_then(|directory| sink.open(directory));
    let started = dispatch(sink.clone()).apply();
    log::set_max_level(level);
    if let Some(warning) = &warning {
        log::warn!("{warning}");
    }
    // Another logger exists already only if somebody called this twice.
    match started {
        Ok(()) => STARTED.get_or_init(|| sink),
        Err(error) => return warning.or_else(|| Some(format!("The log did not start: {error}"))),
    };
    warning
}

/// Reconfigures the log. Returns a warning if the directory's file can't be written.
pub fn configure(directory: &Path, level: LogLevel, days: u32) -> Option<String> {
    let sink = STARTED.get()?;
    let level = {
        let mut output = sink.output();
        if !output.options.fixed {
            output.options.level = filter(level);
        }
        output.options.days = days;
        output.options.level
    };
    log::set_max_level(level);
    sink.open(directory)
}

/// A line without the secrets that the words around them reveal.
pub fn redact(line: &str) -> Cow<'_, str> {
    mask::passwords_in_words(line)
}

#[derive(Clone)]
struct Sink(Arc<Mutex<Output>>);

struct Output {
    console: Box<dyn Write + Send>,
    file: Option<DailyFile>,
    options: Options,
}

/// The console; if it is closed, neither the program nor the file stops.
struct Console;

/// Today's file. At midnight the next one begins and the oldest is deleted.
struct DailyFile {
    directory: PathBuf,
    day: Date,
    file: File,
}

impl Sink {
    fn new(console: Box<dyn Write + Send>, options: Options) -> Self {
        Self(Arc::new(Mutex::new(Output { console, file: None, options })))
    }

    /// Writes to a directory's daily file from now on; if that is impossible, says so.
    fn open(&self, directory: &Path) -> Option<String> {
        let mut output = self.output();
        let days = output.options.days;
        if let Some(file) = &output.file
            && file.directory == directory
        {
            delete_old(directory, file.day, days);
            return None;
        }
        match DailyFile::open(directory, today(), days) {
            Ok(file) => {
                output.file = Some(file);
                None
            }
            Err(error) => {
                output.file = None;
                Some(format!(
                    "The log is only on the console: its file in {} can't be written ({error})",
                    directory.display()
                ))
            }
        }
    }

    fn write(&self, line: &str) {
        let mut output = self.output();
        // A full disk is no reason to stop, and neither is a closed console: the other one has the line.
        output.console.write_all(line.as_bytes()).unwrap_or_default();
        let days = output.options.days;
        if let Some(file) = &mut output.file {
            file.turn(today(), days);
            file.file.write_all(line.as_bytes()).unwrap_or_default();
        }
    }

    fn output(&self) -> MutexGuard<'_, Output> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stderr().write_all(bytes).unwrap_or_default();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl DailyFile {
    fn open(directory: &Path, day: Date, days: u32) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let file = regular_file::appended(&path_of(directory, day))?;
        delete_old(directory, day, days);
        Ok(Self { directory: directory.to_owned(), day, file })
    }

    /// Each day has a file of its own; a deleted one is created again. If the next one can't be opened, this one
    /// continues.
    fn turn(&mut self, day: Date, days: u32) {
        if (day != self.day || !path_of(&self.directory, day).exists())
            && let Ok(next) = Self::open(&self.directory, day, days)
        {
            *self = next;
        }
    }
}

fn path_of(directory: &Path, day: Date) -> PathBuf {
    directory.join(format!("tusk-{day}.log"))
}

/// The level is the log's own filter, which can change while it runs.
fn dispatch(sink: Sink) -> fern::Dispatch {
    let mut dispatch = fern::Dispatch::new()
        .format(|out, message, record| {
            let line = message.to_string();
            let now = local_time::now();
            let (time, level) = (now.strftime("%Y-%m-%d %H:%M:%S%.3f"), record.level());
            out.finish(format_args!(
                "{time} {level:5} {} {}",
                record.target(),
                // It repeats what others say, which must not act on the terminal of whoever reads it.
                printable(&redact(&line))
            ));
        })
        .level(LevelFilter::Trace);
    for module in QUIET {
        dispatch = dispatch.level_for(module, LevelFilter::Warn);
    }
    dispatch.chain(fern::Output::call(move |record| {
        if record.level() <= sink.output().options.level {
            sink.write(&format!("{}\n", record.args()));
        }
    }))
}

fn today() -> Date {
    local_time::now().date()
}

/// Deletes old log files; anything else in the directory is not the log's.
fn delete_old(directory: &Path, today: Date, days: u32) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let day = name.to_str().and_then(|name| {
            let day: Date = name.strip_prefix("tusk-")?.strip_suffix(".log")?.parse().ok()?;
            // A day can be written in more ways than the log's.
            (path_of(directory, day) == entry.path()).then_some(day)
        });
        if day.is_some_and(|day| i64::from((today - day).get_days()) >= i64::from(days)) {
            // The next day tries again.
            fs::remove_file(entry.path()).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use log::{Level, Log, Record};

    use super::*;

    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<u8>>>);

    impl Write for Seen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seen {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn options(level: LevelFilter) -> Options {
        Options { level, fixed: false, days: 14 }
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn say(log: &dyn Log, level: Level, target: &str, text: &str) {
        let arguments = format_args!("{text}");
        log.log(&Record::builder().level(level).target(target).args(arguments).build());
    }

    #[test]
    fn secrets_are_taken_out_and_the_rest_stays() {
        for (line, expected) in [
            ("host=a password=hunter2 port=1", "host=a password=*** port=1"),
            ("host=a PASSWORD = 'hun ter2' port=1", "host=a PASSWORD = '***' port=1"),
            ("PGPASSWORD=hunter2", "PGPASSWORD=***"),
            ("?sslpassword=hunter2&x=1", "?sslpassword=***&x=1"),
            ("{\"password\":\"hunter2\",\"a\":1}", "{\"password\":\"***\",\"a\":1}"),
            ("alter role a password 'hun''ter2' valid", "alter role a password '***' valid"),
            ("PASSWORD E'hunter\\'2';", "PASSWORD E'***';"),
            ("PASSWORD $x$hunter2$x$;", "PASSWORD $x$***$x$;"),
            ("password 'hunter2", "password '***"),
            ("passphrase: hunter2", "passphrase: ***"),
            ("to postgres://u:hunter2@h/d and back", "to postgres://u:***@h/d and back"),
            ("postgres://u:hun@ter/2@h/d", "postgres://u:***@h/d"),
            (
                "a://h x postgres://u:hunter2@h password=hunter2",
                "a://h x postgres://u:***@h password=***",
            ),
            ("the password is wrong", "the password is wrong"),
            (
                "password authentication failed for user \"é\"",
                "password authentication failed for user \"é\"",
            ),
            ("postgres://h:5432/d", "postgres://h:5432/d"),
            ("password=é x", "password=*** x"),
        ] {
            assert_eq!(redact(line), expected);
        }
        // If it is not sure what belongs to it, more is removed.
        let unsure = redact("host=a PASSWORD = 'hun ter\\'2' port=1");
        assert!(!unsure.contains("hun") && !unsure.contains("ter"), "{unsure}");
    }

    #[test]
    fn each_line_is_on_the_console_and_in_the_file_without_secrets() {
        let directory = tempfile::tempdir().unwrap();
        let console = Seen::default();
        let sink = Sink::new(Box::new(console.clone()), options(LevelFilter::Debug));
        assert_eq!(sink.open(directory.path()), None);
        let name = path_of(directory.path(), today());
        let (_, log) = dispatch(sink).into_log();
        say(&*log, Level::Debug, "tusk::store", "password=hunter2");
        say(&*log, Level::Trace, "tusk::store", "too fine");
        say(&*log, Level::Info, "tokio_postgres::query", "select 'hunter2'");
        say(&*log, Level::Warn, "tokio_postgres", "odd");
        let text = console.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[0].ends_with(" DEBUG tusk::store password=***"), "{text}");
        assert!(lines[1].ends_with(" WARN  tokio_postgres odd"), "{text}");
        // Past midnight the second file holds the rest; the test still sees both lines on the console then.
        assert!(fs::read_to_string(name).unwrap().lines().all(|line| text.contains(line)));
    }

    #[test]
    fn a_new_day_has_a_new_file_and_old_ones_go() {
        let directory = tempfile::tempdir().unwrap();
        for name in [
            "tusk-2026-11-09.log",
            "tusk-2026-11-10.log",
            "tusk-20261109.log",
            "tusk-old.log",
            "other.log",
        ] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        let mut file = DailyFile::open(directory.path(), day("2026-11-22"), 14).unwrap();
        file.file.write_all(b"one\n").unwrap();
        file.turn(day("2026-11-23"), 14);
        file.file.write_all(b"two\n").unwrap();
        let mut names: Vec<String> = fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(
            names,
            [
                "other.log",
                "tusk-2026-11-10.log",
                "tusk-2026-11-22.log",
                "tusk-2026-11-23.log",
                "tusk-20261109.log",
                "tusk-old.log"
            ]
        );
        let read = |name| fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!(
            (read("tusk-2026-11-22.log"), read("tusk-2026-11-23.log")),
            ("one\n".into(), "two\n".into())
        );
    }

    #[test]
    fn a_log_whose_directory_is_deleted_goes_on_in_a_new_one() {
        let directory = tempfile::tempdir().unwrap();
        let logs = directory.path().join("logs");
        let sink = Sink::new(Box::new(Seen::default()), options(LevelFilter::Info));
        assert_eq!(sink.open(&logs), None);
        fs::remove_dir_all(&logs).unwrap();
        let (_, log) = dispatch(sink).into_log();
        say(&*log, Level::Info, "tusk", "still here");
        let name = fs::read_dir(&logs).unwrap().next().unwrap().unwrap().path();
        let text = fs::read_to_string(name).unwrap();
        assert!(text.ends_with("tusk still here\n"), "{text}");
    }

    #[test]
    fn the_level_and_the_days_are_the_settings_and_the_environment_goes_before_them() {
        let level = |variable, level| {
            let options = Options::new(variable, level, 3);
            (options.level, options.fixed, options.days)
        };
        assert_eq!(usual_level(true), LevelFilter::Debug);
        assert_eq!(usual_level(false), LevelFilter::Info);
        assert_eq!(level(None, LogLevel::Default), (LEVEL, false, 3));
        assert_eq!(level(None, LogLevel::Warn), (LevelFilter::Warn, false, 3));
        assert_eq!(level(Some("trace"), LogLevel::Warn), (LevelFilter::Trace, true, 3));
        // An invalid level changes nothing.
        assert_eq!(level(Some("loud"), LogLevel::Warn), (LevelFilter::Warn, false, 3));
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_the_users_alone() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let file = DailyFile::open(directory.path(), day("2026-11-22"), 14).unwrap();
        assert_eq!(file.file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn without_a_file_there_is_a_warning_and_the_start_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        let warning = start(Some(&file.join("logs")), options(LevelFilter::Off)).unwrap();
        assert!(warning.contains("only on the console"), "{warning}");
    }
}
