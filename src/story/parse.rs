//! The grammar of stories: a line is a word and its arguments.

use std::{path::PathBuf, str::Lines, time::Duration};

use super::{Action, Dump, Expectation, Format, Sink, Step, Story, StoryFailure, Until};
use crate::{
    base::{spelling::nearest, transaction::Transaction},
    conninfo::Conninfo,
    program::Opening,
    settings::toml::Key,
    sql::safety::mask,
    update::shell::command::Command,
};

/// The words that begin a line.
const WORDS: [&str; 17] = [
    "open",
    "drop",
    "save",
    "run-file",
    "answer",
    "size",
    "connect",
    "text",
    "type",
    "press",
    "command",
    "setting",
    "wait",
    "expect",
    "sleep",
    "dump",
    "screenshot",
];
/// The timeout of a wait that names none.
const WAIT: Duration = Duration::from_secs(30);

/// Parses a story; reports the first invalid line.
pub fn parse(text: &str) -> Result<Story, StoryFailure> {
    let mut lines = Numbered { lines: text.lines(), number: 0 };
    let mut steps = Vec::new();
    while let Some(line) = lines.next() {
        let number = lines.number;
        let line = line.trim_start();
        if line.trim_end().is_empty() || line.starts_with('#') {
            continue;
        }
        let action = action(line, &mut lines);
        let text = shown(line, action.as_ref().ok());
        match action {
            Ok(action) => steps.push(Step { line: number, text, action }),
            Err(reason) => {
                return Err(StoryFailure { line: number, text, reason });
            }
        }
    }
    Ok(Story { steps })
}

struct Numbered<'text> {
    lines: Lines<'text>,
    number: usize,
}

impl<'text> Iterator for Numbered<'text> {
    type Item = &'text str;

    fn next(&mut self) -> Option<&'text str> {
        let line = self.lines.next()?;
        self.number += 1;
        Some(line)
    }
}

/// A line as a report may repeat it. Typed text may be a password, and so may anything in an invalid line: only its
/// first word is repeated.
fn shown(line: &str, action: Option<&Action>) -> String {
    let line = line.trim_end();
    let (word, rest) = split_word(line);
    let hides = match action {
        Some(Action::Connect(opening)) => return format!("connect {}", opening.masked()),
        Some(Action::Type(_)) | None => true,
        // Letter by letter, keys spell a password.
        Some(Action::Press(keystrokes)) => keystrokes.iter().any(|key| key.chars().count() == 1),
        Some(_) => Conninfo::may_hold_secret(rest),
    };
    match hides {
        false => mask::passwords(line).into_owned(),
        true if WORDS.contains(&word) => format!("{word} …"),
        true => "…".to_owned(),
    }
}

fn action(line: &str, lines: &mut Numbered<'_>) -> Result<Action, String> {
    let (word, rest) = split_word(line);
    let words: Vec<&str> = rest.split_whitespace().collect();
    match word {
        "size" => match words[..] {
            [width, height] => Ok(Action::Size { width: number(width)?, height: number(height)? }),
            _ => usage("size WIDTH HEIGHT"),
        },
        "connect" => connect(&words),
        "text" => text(rest.trim_end(), lines),
        "type" if rest.is_empty() => usage("type TEXT"),
        "type" => Ok(Action::Type(typed(rest))),
        "press" if words.is_empty() => usage("press KEYSTROKE"),
        "press" => Ok(Action::Press(words.iter().map(|word| (*word).to_owned()).collect())),
        "command" => match words[..] {
            [id] => Command::from_id(id)
                .map(Action::Command)
                .ok_or_else(|| format!("there is no command {}", repeated(id))),
            _ => usage("command ID"),
        },
        "setting" => setting(&words),
        "open" => path(Command::FileOpen, rest, "open FILE"),
        "save" => path(Command::FileSaveAs, rest, "save FILE"),
        "run-file" => path(Command::FileRun, rest, "run-file FILE"),
        "drop" if rest.trim().is_empty() => usage("drop FILE"),
        "drop" => Ok(Action::Drop(rest.trim().to_owned())),
        "answer" => quoted(rest).map(Action::Answer),
        "wait" => wait(&words),
        "expect" => expect(rest).map(Action::Expect),
        "sleep" => match words[..] {
            [time] => seconds(time).map(Action::Sleep),
            _ => usage("sleep SECONDS"),
        },
        "dump" => dump(rest),
        "screenshot" => match rest.trim() {
            "" => usage("screenshot FILE"),
            path => Ok(Action::Screenshot(PathBuf::from(path))),
        },
        word => Err(no_line(word)),
    }
}

/// The error for an invalid line. Its first word may be a piece of a connection.
fn no_line(word: &str) -> String {
    match nearest(word, WORDS) {
        Some(nearest) => format!("no line of a story begins like this. Did you mean {nearest}?"),
        None => format!("a line of a story begins with one of {}", WORDS.join(", ")),
    }
}

fn path(command: Command, rest: &str, usage: &str) -> Result<Action, String> {
    match rest.trim() {
        "" => self::usage(usage),
        path => Ok(Action::Path { command, path: path.to_owned() }),
    }
}

fn connect(words: &[&str]) -> Result<Action, String> {
    let (read_only, target) = match words {
        ["--read-only", target @ ..] => (true, target),
        target => (false, target),
    };
    if target.is_empty() {
        return usage("connect [--read-only] URL, a saved connection's name, or sandbox");
    }
    // A `key=value` string and a name may hold spaces.
    Ok(Action::Connect(Opening::new(target.join(" "), read_only)))
}

/// The text on the line itself, or the lines up to the end marker that the line names.
fn text(rest: &str, lines: &mut Numbered<'_>) -> Result<Action, String> {
    let end = match rest.strip_prefix("<<") {
        Some(end) if !end.is_empty() && !end.contains(char::is_whitespace) => end,
        Some(_) => return usage("text <<END"),
        None if rest.is_empty() => return usage("text SQL or text <<END"),
        None => return Ok(Action::Text(rest.to_owned())),
    };
    let mut text: Vec<&str> = Vec::new();
    for line in lines.by_ref() {
        if line == end {
            return Ok(Action::Text(text.join("\n")));
        }
        text.push(line);
    }
    Err(format!("there is no line {end} that ends the text"))
}

fn setting(words: &[&str]) -> Result<Action, String> {
    let [name, value] = words else {
        return usage("setting NAME VALUE");
    };
    let key = Key::named(name).ok_or_else(|| format!("there is no setting {}", repeated(name)))?;
    let value = key
        .value_of(value)
        .ok_or_else(|| format!("“{}” is no value of this setting", repeated(value)))?;
    Ok(Action::Setting { key, value })
}

fn wait(words: &[&str]) -> Result<Action, String> {
    let (until, rest) = match words {
        ["idle", rest @ ..] => (Until::Idle, rest),
        ["connected", rest @ ..] => (Until::Connected, rest),
        ["running", rest @ ..] => (Until::Running, rest),
        ["rows", count, rest @ ..] => (Until::Rows(number(count)?), rest),
        _ => return usage("wait idle|connected|running|rows N [SECONDS]"),
    };
    let within = match rest {
        [] => WAIT,
        [time] => seconds(time)?,
        _ => return usage("wait idle|connected|running|rows N [SECONDS]"),
    };
    Ok(Action::Wait { until, within })
}

fn expect(rest: &str) -> Result<Expectation, String> {
    let (what, rest) = split_word(rest);
    match what {
        "screen" => match split_word(rest) {
            ("contains", text) => quoted(text).map(Expectation::ScreenContains),
            ("lacks", text) => quoted(text).map(Expectation::ScreenLacks),
            _ => usage("expect screen contains|lacks \"TEXT\""),
        },
        "result" => expect_result(rest),
        "error" => {
            let state = rest.trim();
            let is_state = state.len() == 5
                && state.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
            if !is_state {
                return usage("expect error SQLSTATE");
            }
            Ok(Expectation::Error(state.to_owned()))
        }
        "state" => match rest.split_whitespace().collect::<Vec<_>>()[..] {
            ["transaction", "is", state] => transaction(state).map(Expectation::Transaction),
            _ => usage("expect state transaction is idle|active|failed|none"),
        },
        _ => usage("expect screen|result|error|state …"),
    }
}

fn expect_result(rest: &str) -> Result<Expectation, String> {
    let (result, rest) = split_word(rest);
    let result = from_one(result)?;
    let (what, rest) = split_word(rest);
    match what {
        "rows" => Ok(Expectation::Rows { result, rows: number(rest.trim())? }),
        "cell" => {
            let (row, rest) = split_word(rest);
            let (column, rest) = split_word(rest);
            let ("is", value) = split_word(rest) else {
                return usage("expect result N cell ROW COLUMN is \"TEXT\" or NULL");
            };
            let value = match value.trim() {
                "NULL" => None,
                value => Some(quoted(value)?),
            };
            Ok(Expectation::Cell { result, row: number(row)?, column: number(column)?, value })
        }
        _ => usage("expect result N rows|cell …"),
    }
}

fn transaction(state: &str) -> Result<Option<Transaction>, String> {
    match state {
        "idle" => Ok(Some(Transaction::Idle)),
        "active" => Ok(Some(Transaction::Active)),
        "failed" => Ok(Some(Transaction::Failed)),
        "none" => Ok(None),
        _ => usage("expect state transaction is idle|active|failed|none"),
    }
}

fn dump(rest: &str) -> Result<Action, String> {
    const USAGE: &str = "dump result N csv|tsv|json|jsonl FILE, or dump screen|clipboard|model|job FILE; FILE may be -";
    let (what, rest) = split_word(rest);
    let (what, path) = match what {
        "screen" => (Dump::Screen, rest),
        "clipboard" => (Dump::Clipboard, rest),
        "job" => (Dump::Job, rest),
        "model" => (Dump::Model, rest),
        "result" => {
            let (result, rest) = split_word(rest);
            let (format, rest) = split_word(rest);
            let format = match format {
                "csv" => Format::Csv,
                "tsv" => Format::Tsv { headers: true },
                "json" => Format::Json,
                "jsonl" => Format::JsonLines,
                _ => return usage(USAGE),
            };
            let result = from_one(result)?;
            (Dump::Result { result, format }, rest)
        }
        _ => return usage(USAGE),
    };
    let to = match path.trim() {
        "" => return usage(USAGE),
        "-" => Sink::Stdout,
        path => Sink::File(PathBuf::from(path)),
    };
    Ok(Action::Dump { what, to })
}

fn split_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    match text.split_once([' ', '\t']) {
        Some((word, rest)) => (word, rest),
        None => (text, ""),
    }
}

/// `\n` is Enter, `\t` Tab, `\\` a backslash; any other backslash is itself, as SQL has many.
fn typed(text: &str) -> String {
    let mut read = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let escaped = match (letter, letters.peek()) {
            ('\\', Some('n')) => '\n',
            ('\\', Some('t')) => '\t',
            ('\\', Some('\\')) => '\\',
            _ => {
                read.push(letter);
                continue;
            }
        };
        letters.next();
        read.push(escaped);
    }
    read
}

fn quoted(text: &str) -> Result<String, String> {
    let text = text.trim();
    let mut letters = text.chars();
    if letters.next() != Some('"') {
        return Err("a text stands in double quotes".into());
    }
    let mut read = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if letters.as_str().is_empty() => return Ok(read),
            '"' => return Err("something stands behind the closing quote".into()),
            '\\' => read.push(match letters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some(same @ ('"' | '\\')) => same,
                _ => return Err(r#"a backslash goes with n, t, r, " or \"#.into()),
            }),
            letter => read.push(letter),
        }
    }
    Err("the closing quote is missing".into())
}

fn number<Number: std::str::FromStr>(text: &str) -> Result<Number, String> {
    text.parse().map_err(|_| format!("“{}” is not a number that fits here", repeated(text)))
}

fn from_one(text: &str) -> Result<usize, String> {
    match number(text)? {
        0 => Err("results count from 1".into()),
        result => Ok(result),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse::<f64>()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|time| *time <= Duration::from_secs(86_400))
        .ok_or_else(|| format!("“{}” is not a number of seconds", repeated(text)))
}

/// A word as a reason may repeat it: anything but a name or a number may be a password.
fn repeated(word: &str) -> &str {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c);
    if word.len() <= 40 && word.chars().all(is_plain) { word } else { "…" }
}

fn usage<Anything>(form: &str) -> Result<Anything, String> {
    Err(format!("the line is {form}"))
}
