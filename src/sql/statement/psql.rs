//! What to do with psql commands in a script: Tusk carries out a closed list of them, skips those that only change what
//! psql prints, and refuses the script for every other one, because without it something else would run.

use std::ops::Range;
use std::sync::Arc;

use super::split::psql::{end_of_arguments, end_of_name, is_known, takes_whole_line};

/// What a psql command means for its script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// It only changes what psql prints: skip it, and tell the user its name.
    Skip(String),
    /// From here on an error stops the script, or does not.
    OnErrorStop(bool),
    /// The client encoding becomes this one.
    Encoding(String),
    /// The rest of the script is not run.
    Quit,
}

/// Why a script with this command is not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The command, in bytes of the text.
    pub range: Range<usize>,
    /// The command and the reason, as half a sentence: `\connect connects elsewhere`.
    pub reason: String,
}

/// Whether `\restrict` is in force, and with which key: the only state between two commands of a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restriction(Option<Arc<str>>);

/// Judges the commands of one piece of a script, perhaps several on one line: returns what to do for each and where it
/// is, in order; or why the script is not run. `range` is the splitter's range of a piece's command, or of a part that
/// it cut out of a statement.
pub fn orders(
    text: &str,
    range: Range<usize>,
    restriction: &mut Restriction,
) -> Result<Vec<(Range<usize>, Order)>, Refusal> {
    let mut orders = Vec::new();
    for command in commands(text, range) {
        let order = judge(&command, restriction)
            .map_err(|reason| Refusal { range: command.range.clone(), reason })?;
        let ends = order == Some(Order::Quit);
        orders.extend(order.map(|order| (command.range, order)));
        if ends {
            break;
        }
    }
    Ok(orders)
}

/// The statement that is sent for `\encoding`.
pub fn encoding_set_to(name: &str) -> String {
    format!("set client_encoding to '{}'", name.replace('\'', "''"))
}

struct Command {
    range: Range<usize>,
    name: String,
    arguments: Vec<Argument>,
}

/// An argument as psql reads it: without its single quotes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Argument {
    text: String,
    /// Whether psql would insert a variable or a program's output.
    is_computed: bool,
    is_open: bool,
}

/// A line's commands, from the first backslash on.
fn commands(text: &str, range: Range<usize>) -> Vec<Command> {
    let text = text.get(..range.end).unwrap_or(text);
    let bytes = text.as_bytes();
    if let Some(sign @ (b';' | b':')) = bytes.get(range.start + 1) {
        return vec![Command { name: char::from(*sign).to_string(), arguments: vec![], range }];
    }
    let line = crate::sql::read::lex::find(bytes, range.start, b'\n');
    let mut found = Vec::new();
    let mut at = range.start;
    while at < line && bytes.get(at..at + 2) != Some(br"\\") || at == range.start {
        let start = at;
        let name_end = end_of_name(bytes, at + 1, line);
        let name = text.get(at + 1..name_end).unwrap_or_default().to_owned();
        let rest = text.get(name_end..line).unwrap_or_default();
        at = if takes_whole_line(&name, rest.trim_start()) || !is_known(&name) {
            line
        } else {
            end_of_arguments(bytes, name_end, line)
        };
        let written = text.get(name_end..at).unwrap_or_default();
        let end = name_end + written.trim_end().len();
        found.push(Command { range: start..end, arguments: arguments(written), name });
    }
    found
}

fn arguments(text: &str) -> Vec<Argument> {
    let mut found = Vec::new();
    let mut letters = text.chars().peekable();
    loop {
        while letters.next_if(|c| c.is_ascii_whitespace()).is_some() {}
        if letters.peek().is_none() {
            return found;
        }
        let mut argument = Argument::default();
        while let Some(letter) = letters.next_if(|c| !c.is_ascii_whitespace()) {
            match letter {
                '\'' => argument.quoted(&mut letters),
                '"' | '`' => {
                    argument.is_computed |= letter == '`';
                    argument.text.push(letter);
                    argument.until(&mut letters, letter);
                }
                ':' => {
                    argument.is_computed |=
                        letters.peek().is_some_and(|c| c.is_alphanumeric() || "_'\"{".contains(*c));
                    argument.text.push(letter);
                }
                letter => argument.text.push(letter),
            }
        }
        found.push(argument);
    }
}

type Letters<'text> = std::iter::Peekable<std::str::Chars<'text>>;

impl Argument {
    fn until(&mut self, letters: &mut Letters<'_>, close: char) {
        for letter in letters.by_ref() {
            self.text.push(letter);
            if letter == close {
                return;
            }
        }
        self.is_open = true;
    }

    /// Text in single quotes, by psql's rules: `''` is a quote, and a backslash escapes as in C.
    fn quoted(&mut self, letters: &mut Letters<'_>) {
        while let Some(letter) = letters.next() {
            match letter {
                '\'' if letters.next_if_eq(&'\'').is_some() => self.text.push('\''),
                '\'' => return,
                '\\' => {
                    let escaped = letters.next();
                    self.text.extend(escaped.map(|letter| match letter {
                        'n' => '\n',
                        't' => '\t',
                        'b' => '\x08',
                        'r' => '\r',
                        'f' => '\x0c',
                        letter => letter,
                    }));
                    // A character given by its number is not in any encoding's name or any key.
                    self.is_computed |=
                        escaped.is_some_and(|letter| letter == 'x' || letter.is_ascii_digit());
                }
                letter => self.text.push(letter),
            }
        }
        self.is_open = true;
    }
}

fn judge(command: &Command, restriction: &mut Restriction) -> Result<Option<Order>, String> {
    let name = command.name.as_str();
    let named = |reason: &str| Err(format!("\\{name} {reason}"));
    if restriction.0.is_some() && name != "unrestrict" {
        return named("stands between \\restrict and \\unrestrict, where psql takes no command");
    }
    let is_done = matches!(name, "restrict" | "unrestrict" | "set" | "encoding");
    let arguments = &command.arguments;
    if is_done && arguments.iter().any(|argument| argument.is_open) {
        return named("has a quote that is not closed");
    }
    if is_done && arguments.iter().any(|argument| argument.is_computed) {
        return named("takes its value from a variable or a program of psql");
    }
    let first = arguments.first().map(|argument| argument.text.as_str());
    match (name, first) {
        ("restrict" | "unrestrict", None | Some("")) => named("needs a key"),
        ("restrict", Some(key)) => {
            restriction.0 = Some(key.trim_end_matches(';').into());
            Ok(None)
        }
        ("unrestrict", Some(key)) => match &restriction.0 {
            None => named("has no \\restrict before it"),
            Some(wanted) if **wanted == *key.trim_end_matches(';') => {
                restriction.0 = None;
                Ok(None)
            }
            Some(_) => named("has another key than the \\restrict before it"),
        },
        ("set", Some("ON_ERROR_STOP")) => {
            let value: String = arguments[1..].iter().map(|a| a.text.as_str()).collect();
            match boolean(&value) {
                Some(stops) => Ok(Some(Order::OnErrorStop(stops))),
                None => named("gives ON_ERROR_STOP a value that is neither on nor off"),
            }
        }
        ("encoding", Some(encoding)) => Ok(Some(Order::Encoding(encoding.to_owned()))),
        ("q" | "quit", _) => Ok(Some(Order::Quit)),
        ("encoding", None)
        | (
            "echo" | "qecho" | "warn" | "timing" | "pset" | "x" | "a" | "t" | "H" | "html" | "f"
            | "C",
            _,
        ) => Ok(Some(Order::Skip(name.to_owned()))),
        _ => named(reason(name)),
    }
}

/// A switch as psql reads it: the beginning of a word is enough.
fn boolean(value: &str) -> Option<bool> {
    let value = value.to_ascii_lowercase();
    let begins = |word: &str, least: usize| value.len() >= least && word.starts_with(&value);
    match value.as_str() {
        "" | "1" => Some(true),
        "0" => Some(false),
        _ if begins("true", 1) || begins("yes", 1) || begins("on", 2) => Some(true),
        _ if begins("false", 1) || begins("no", 1) || begins("off", 2) => Some(false),
        _ => None,
    }
}

/// What a command would do that Tusk does not do.
fn reason(name: &str) -> &'static str {
    match name {
        "c" | "connect" => "connects elsewhere",
        "i" | "include" | "ir" | "include_relative" => "runs another file",
        "copy" => "copies between the server and a file",
        "if" | "elif" | "else" | "endif" => "decides what is run",
        "gexec" => "runs the rows of a result as statements",
        "gset" => "makes variables of a result, which later statements may use",
        "set" | "unset" | "prompt" | "getenv" | "getresults" => {
            "changes a variable, which later statements may use"
        }
        "setenv" | "cd" => "changes where psql and its programs run",
        "g" | "gx" => "sends the statement, and may put its result elsewhere",
        "gdesc" => "describes the result and does not run the statement",
        "crosstabview" => "sends the statement and turns its result round",
        "watch" => "runs the statement again and again",
        ";" => "sends several statements as one",
        ":" => "writes a colon into the statement",
        "r" | "reset" => "throws away the statement before it",
        "bind" | "bind_named" | "parse" | "close" | "close_prepared" | "startpipeline"
        | "sendpipeline" | "syncpipeline" | "endpipeline" | "flush" | "flushrequest" => {
            "changes how the statement is sent"
        }
        "e" | "edit" | "ef" | "ev" => "opens an editor",
        "o" | "out" | "w" | "write" | "s" => "writes to a file",
        "password" => "changes a password",
        "lo_export" | "lo_import" | "lo_unlink" => "works on large objects",
        "lo_list" | "lo_list+" | "l" | "l+" | "list" | "list+" | "lx" | "lx+" | "sf" | "sf+"
        | "sv" | "sv+" => "asks the server for a list",
        "?" | "h" | "help" | "copyright" | "conninfo" | "errverbose" | "p" | "print" => {
            "asks psql itself for something"
        }
        "\\" | "" => "is no command of psql",
        name if name.starts_with('!') => "runs a program",
        name if name.starts_with(['d', 'z']) => "asks the server for a list",
        name if is_known(name) => "does something that only psql does",
        _ => "is no command of psql",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn orders_of(text: &str) -> Result<Vec<Order>, String> {
        let mut restriction = Restriction::default();
        let mut found = Vec::new();
        for line in text.split_inclusive('\n') {
            let start = line.as_ptr() as usize - text.as_ptr() as usize;
            let end = start + line.trim_end().len();
            match orders(text, start..end, &mut restriction) {
                Ok(orders) => found.extend(orders.into_iter().map(|(_, order)| order)),
                Err(refusal) => {
                    let name = text[refusal.range].to_owned();
                    return Err(format!("{name}: {}", refusal.reason));
                }
            }
        }
        Ok(found)
    }

    fn skip(name: &str) -> Order {
        Order::Skip(name.into())
    }

    #[test]
    fn a_closed_list_is_done_or_skipped() {
        for (text, wanted) in [
            ("\\restrict aB3\n\\unrestrict aB3", vec![]),
            ("\\restrict a b\n\\unrestrict a;", vec![]),
            ("\\restrict 'a''b'c\n\\unrestrict 'a\\'bc'", vec![]),
            ("\\restrict \"a b\"\n\\unrestrict \"a b\"", vec![]),
            ("\\set ON_ERROR_STOP", vec![Order::OnErrorStop(true)]),
            ("\\set ON_ERROR_STOP o n", vec![Order::OnErrorStop(true)]),
            ("\\set ON_ERROR_STOP 'Off'", vec![Order::OnErrorStop(false)]),
            ("\\set ON_ERROR_STOP f", vec![Order::OnErrorStop(false)]),
            ("\\encoding 'LATIN1'", vec![Order::Encoding("LATIN1".into())]),
            ("\\encoding", vec![skip("encoding")]),
            ("\\q", vec![Order::Quit]),
            ("\\quit now \\foo", vec![Order::Quit]),
            ("\\echo 'it''s' a:b `c`", vec![skip("echo")]),
            (
                "\\x\\t\\a \\pset null '\\\\x' \\timing",
                vec![skip("x"), skip("t"), skip("a"), skip("pset"), skip("timing")],
            ),
            ("\\qecho a\\warn b\\H\\f ,\\C 't'", ["qecho", "warn", "H", "f", "C"].map(skip).into()),
        ] {
            assert_eq!(orders_of(text), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn every_other_command_is_refused_by_name() {
        for (text, wanted) in [
            ("\\connect postgres", "\\connect postgres: \\connect connects elsewhere"),
            ("\\c", "\\c: \\c connects elsewhere"),
            ("\\timing \\i a.sql", "\\i a.sql: \\i runs another file"),
            ("\\;", "\\;: \\; sends several statements as one"),
            ("\\set x 1", "\\set x 1: \\set changes a variable, which later statements may use"),
            ("\\set", "\\set: \\set changes a variable, which later statements may use"),
            (
                "\\set on_error_stop on",
                "\\set on_error_stop on: \\set changes a variable, which later statements may use",
            ),
            (
                "\\set ON_ERROR_STOP o",
                "\\set ON_ERROR_STOP o: \\set gives ON_ERROR_STOP a value that is neither on nor off",
            ),
            (
                "\\encoding :ENCODING",
                "\\encoding :ENCODING: \\encoding takes its value from a variable or a program of psql",
            ),
            ("\\ECHO x", "\\ECHO x: \\ECHO is no command of psql"),
            ("\\q;", "\\q;: \\q; is no command of psql"),
            ("\\", "\\: \\ is no command of psql"),
            ("\\dt+ a.*", "\\dt+ a.*: \\dt+ asks the server for a list"),
            ("\\!ls", "\\!ls: \\!ls runs a program"),
            ("\\restrict", "\\restrict: \\restrict needs a key"),
            ("\\restrict 'a", "\\restrict 'a: \\restrict has a quote that is not closed"),
            ("\\unrestrict a", "\\unrestrict a: \\unrestrict has no \\restrict before it"),
            (
                "\\restrict a\n\\unrestrict A",
                "\\unrestrict A: \\unrestrict has another key than the \\restrict before it",
            ),
            (
                "\\restrict a\n\\echo hi",
                "\\echo hi: \\echo stands between \\restrict and \\unrestrict, where psql takes no command",
            ),
            (
                "\\restrict a\n\\unrestrict a \\unrestrict a",
                "\\unrestrict a: \\unrestrict has no \\restrict before it",
            ),
        ] {
            assert_eq!(orders_of(text), Err(wanted.into()), "{text}");
        }
    }
}
