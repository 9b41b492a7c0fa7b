//! The command line, read by hand: it is small.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use tusk::{program::Opening, story::Source};

/// What `--help` prints.
pub const HELP: &str = "\
Tusk, a native PostgreSQL client

tusk [URL | NAME] [--sandbox] [--read-only] [--data-dir DIR] [--record FILE]
tusk story FILE [--sandbox] [--data-dir DIR] [--record FILE]
tusk replay FILE [--until N]

  URL             postgres://user@host:5432/database, user@host:5432/database, or 'host=… dbname=…';
                  JDBC's, ADO.NET's and other forms are read too
  NAME            a saved connection
  --sandbox       a private PostgreSQL with a sample database
  --read-only     transactions are read-only by the server's own default
  --data-dir DIR  where Tusk keeps its data; also TUSK_DATA_DIR
  --record FILE   write every message to FILE, without passwords, for tusk replay
  --version, --help

tusk story runs the lines of FILE (- is standard input) with no window; the exit status is 1 when one fails.
tusk replay feeds a recording to the program again, checks its hashes, and prints the screen that it ends on.

A password in a URL on the command line can be seen by other users of the machine. These ways don't show it:
  - leave it out: Tusk asks for it, and can store it in the keychain
  - a saved connection, whose password is in the keychain
  - TUSK_URL in the environment, which is used when no URL or NAME is given
  - the field of the welcome screen, which takes a URL
";

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub enum Request {
    /// Print how to use it.
    Help,
    /// Print the version.
    Version,
    /// Open the window.
    Window(Window),
    /// Play a story.
    Story(Story),
    /// Replay a recording.
    Replay {
        /// The recording.
        file: PathBuf,
        /// The message to stop after.
        until: Option<u64>,
    },
}

/// What the window is asked for with.
#[derive(Debug, PartialEq)]
pub struct Window {
    /// What to connect to.
    pub opening: Option<Opening>,
    /// Whether the command line shows a password.
    pub shows_password: bool,
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
    /// `--record`
    pub record: Option<PathBuf>,
}

/// What a story is asked for with.
#[derive(Debug, PartialEq)]
pub struct Story {
    /// Where it is.
    pub source: Source,
    /// `--sandbox`
    pub sandbox: bool,
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
    /// `--record`
    pub record: Option<PathBuf>,
}

/// Reads the command line, without the program's name; `url` is what `TUSK_URL` says.
pub fn read(
    arguments: impl IntoIterator<Item = OsString>,
    url: Option<OsString>,
) -> Result<Request, String> {
    let found = Found::collect(arguments.into_iter())?;
    if found.help {
        return Ok(Request::Help);
    }
    if found.version {
        return Ok(Request::Version);
    }
    match found.words.first().and_then(|word| word.to_str()) {
        Some("story") if !found.literal => found.story(),
        Some("replay") if !found.literal => found.replay(),
        _ => found.window(url),
    }
}

#[derive(Default)]
struct Found {
    words: Vec<OsString>,
    /// Whether the first word stood behind `--`, and is no verb.
    literal: bool,
    help: bool,
    version: bool,
    sandbox: bool,
    read_only: bool,
    data_dir: Option<PathBuf>,
    record: Option<PathBuf>,
    until: Option<u64>,
}

impl Found {
    fn collect(mut arguments: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut found = Self::default();
        while let Some(argument) = arguments.next() {
            let text = argument.to_str().unwrap_or_default();
            let (name, value) = match text.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value)),
                _ => (text, None),
            };
            let mut value = |of: &str| -> Result<OsString, String> {
                value
                    .map(OsString::from)
                    .or_else(|| arguments.next())
                    .filter(|value| !value.is_empty())
                    .ok_or_else(|| format!("{name} takes {of}."))
            };
            match name {
                "--data-dir" => found.data_dir = Some(value("a directory")?.into()),
                "--record" => found.record = Some(value("a file")?.into()),
                "--until" => found.until = Some(message(&value("the number of a message")?)?),
                "--help" | "-h" => found.help = true,
                "--version" | "-V" => found.version = true,
                "--sandbox" => found.sandbox = true,
                "--read-only" => found.read_only = true,
                "--" => {
                    found.literal |= found.words.is_empty();
                    found.words.extend(arguments.by_ref());
                }
                option if option.len() > 1 && option.starts_with('-') => {
                    return Err(no_option(option));
                }
                _ => found.words.push(argument),
            }
        }
        Ok(found)
    }

    fn window(self, url: Option<OsString>) -> Result<Request, String> {
        if self.until.is_some() {
            return Err("--until goes with tusk replay.".into());
        }
        let named = match &self.words[..] {
            [] => None,
            [word] => Some(text(word)?),
            [_, extra, ..] => return Err(unexpected(extra)),
        };
        let from_environment = url
            .filter(|url| named.is_none() && !self.sandbox && !url.is_empty())
            .map(|url| text(&url))
            .transpose()?;
        let opening = match (named, self.sandbox) {
            (Some(_), true) => return Err("Name a connection or --sandbox, not both.".into()),
            (None, true) if self.read_only => {
                return Err("--read-only goes with a URL or a saved connection.".into());
            }
            (None, true) => Some(Opening::sandbox()),
            (Some(named), false) => Some(Opening::new(named, self.read_only)),
            (None, false) => from_environment.map(|url| Opening::new(url, self.read_only)),
        };
        if self.read_only && opening.is_none() {
            return Err("--read-only goes with a URL or a saved connection.".into());
        }
        let on_command_line = !self.words.is_empty();
        Ok(Request::Window(Window {
            shows_password: on_command_line
                && opening.as_ref().is_some_and(Opening::shows_password),
            opening,
            data_dir: self.data_dir,
            record: self.record,
        }))
    }

    fn story(self) -> Result<Request, String> {
        if self.until.is_some() {
            return Err("--until goes with tusk replay.".into());
        }
        if self.read_only {
            return Err("A story says connect --read-only itself.".into());
        }
        Ok(Request::Story(Story {
            source: Source::named(Path::new(self.file("a story")?)),
            sandbox: self.sandbox,
            data_dir: self.data_dir,
            record: self.record,
        }))
    }

    fn replay(self) -> Result<Request, String> {
        let idle = [
            (self.sandbox, "--sandbox"),
            (self.read_only, "--read-only"),
            (self.data_dir.is_some(), "--data-dir"),
            (self.record.is_some(), "--record"),
        ];
        if let Some((_, option)) = idle.iter().find(|(given, _)| *given) {
            return Err(format!("{option} does not go with tusk replay."));
        }
        Ok(Request::Replay { file: self.file("a recording")?.into(), until: self.until })
    }

    fn file(&self, what: &str) -> Result<&OsStr, String> {
        match &self.words[..] {
            [_, file] => Ok(file),
            [_, _, extra, ..] => Err(unexpected(extra)),
            _ => Err(format!(
                "tusk {} takes the file of {what}.",
                self.words.first().map_or("", |word| word.to_str().unwrap_or_default())
            )),
        }
    }
}

fn message(text: &OsStr) -> Result<u64, String> {
    text.to_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| "--until takes the number of a message.".to_owned())
}

fn text(word: &OsStr) -> Result<String, String> {
    word.to_str().map(str::to_owned).ok_or_else(|| "The connection is not UTF-8.".to_owned())
}

/// What to say of an option that is none. One letter may have a password right behind it, and what looks like no name is
/// no option that was misspelt.
fn no_option(option: &str) -> String {
    match option.strip_prefix("--") {
        Some(name) if is_name(name) => format!("There is no option {option}."),
        None if option.len() == 2 => format!("There is no option {option}."),
        Some(_) | None => "There is no such option.".to_owned(),
    }
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// What it was may have been a password: it is not repeated.
fn unexpected(word: &OsStr) -> String {
    let shown = word.to_str().filter(|word| word.strip_prefix("--").is_some_and(is_name));
    match shown {
        Some(word) => format!("{word} is one word too many."),
        None => "There is one word too many.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_words(words: &[&str]) -> Result<Request, String> {
        read(words.iter().map(OsString::from), None)
    }

    fn window(words: &[&str]) -> Window {
        match read_words(words) {
            Ok(Request::Window(window)) => window,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn options_stand_anywhere_and_take_their_value_either_way() {
        let story = Request::Story(Story {
            source: Source::File("a.story".into()),
            sandbox: true,
            data_dir: Some("d".into()),
            record: Some("r".into()),
        });
        let words = ["--data-dir", "d", "story", "--record=r", "a.story", "--sandbox"];
        assert_eq!(read_words(&words), Ok(story));
        assert!(matches!(
            read_words(&["story", "-"]),
            Ok(Request::Story(Story { source: Source::Stdin, .. }))
        ));
    }

    #[test]
    fn a_key_value_string_is_no_option_and_a_verb_may_be_a_name() {
        let opening = window(&["host=h user=u"]).opening;
        assert_eq!(opening, Some(Opening::new("host=h user=u", false)));
        let opening = window(&["--read-only", "--", "story"]).opening;
        assert_eq!(opening, Some(Opening::new("story", true)));
    }

    #[test]
    fn the_environment_is_asked_only_where_nothing_is_named_and_shows_nobody_a_password() {
        let url = || Some(OsString::from("postgres://a:b@h/d"));
        let Ok(Request::Window(from_environment)) = read([], url()) else {
            panic!("not a window");
        };
        assert!(from_environment.opening.is_some() && !from_environment.shows_password);
        let Ok(Request::Window(sandbox)) = read(["--sandbox".into()], url()) else {
            panic!("not a window");
        };
        assert_eq!(sandbox.opening, Some(Opening::sandbox()));
        assert!(window(&["postgres://a:b@h/d"]).shows_password);
        assert!(!window(&["postgres://a@h/d"]).shows_password);
    }

    #[test]
    fn a_replay_stops_where_it_is_told_to() {
        let replay = Request::Replay { file: "r".into(), until: Some(7) };
        assert_eq!(read_words(&["replay", "r", "--until", "7"]), Ok(replay));
    }

    #[test]
    fn what_makes_no_sense_is_a_sentence() {
        for words in [
            &["--nonsense"][..],
            &["story"],
            &["story", "a", "b"],
            &["story", "a", "--read-only"],
            &["replay"],
            &["replay", "r", "--until", "x"],
            &["replay", "r", "--sandbox"],
            &["--until", "3"],
            &["--data-dir"],
            &["--data-dir="],
            &["--sandbox", "name"],
            &["--sandbox", "--read-only"],
            &["--read-only"],
            &["one", "two"],
        ] {
            let problem = read_words(words).unwrap_err();
            assert!(problem.ends_with('.') && !problem.contains('\n'), "{problem}");
        }
    }

    #[test]
    fn help_wins_over_what_makes_no_sense_otherwise() {
        assert_eq!(read_words(&["replay", "--help"]), Ok(Request::Help));
        assert_eq!(read_words(&["-V"]), Ok(Request::Version));
    }

    #[test]
    fn the_help_names_every_option_and_the_ways_that_show_no_password() {
        for word in [
            "--sandbox",
            "--read-only",
            "--data-dir",
            "--record",
            "--version",
            "--help",
            "--until",
            "TUSK_DATA_DIR",
            "TUSK_URL",
            "keychain",
            "asks",
        ] {
            assert!(HELP.contains(word), "{word}");
        }
    }
}
