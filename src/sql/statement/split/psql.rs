//! The parts of a script that psql reads itself: its commands, which begin with a backslash, and the lines of data
//! after COPY … FROM STDIN.

use super::{
    super::copy::{self, Extent},
    Place,
};
use crate::sql::read::lex::{self, TokenKind};

use std::ops::Range;

/// What a psql command does to the statement before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandEffect {
    /// It sends it: `\g`, `\gx`, `\watch`, ….
    Sends,
    /// It ends it without sending: `\;`.
    Separates,
    /// It discards it: `\r`.
    Clears,
    /// Nothing: the statement continues after it.
    Nothing,
}

/// A psql command, or several on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The byte after it.
    pub end: usize,
    /// What it does to the statement before it.
    pub effect: CommandEffect,
    /// Whether it is `\copy … from stdin`, whose data follow.
    pub copies_from_stdin: bool,
}

/// The data of a COPY … FROM STDIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyData {
    /// Its lines, with their line breaks.
    pub lines: Range<usize>,
    /// The end of the line of `\.`, before its line break.
    pub end: usize,
    /// The end of the COPY's line, before its line break.
    pub line: usize,
    /// Whether they begin on the next line with nothing else before them.
    pub is_next: bool,
    /// Whether the text ends before it is clear that the data do.
    pub open: bool,
}

/// The last requested line's end: many commands on one line each ask for it.
#[derive(Clone, Debug, Default)]
pub struct Line(Option<Range<usize>>);

impl Line {
    /// The end of the line that holds this byte, before its line break. The text must be the same each time.
    pub fn end(&mut self, text: &str, at: usize) -> usize {
        if let Some(known) = self.0.as_ref().filter(|known| known.start <= at && at <= known.end) {
            return known.end;
        }
        let end = line_end(text, at);
        self.0 = Some(at..end);
        end
    }
}

/// The command whose backslash is at this byte. It extends to the end of the line, or to `\\`, after which SQL
/// continues. Reads only the text before `to`.
pub fn command(text: &str, backslash: usize, to: usize, line: &mut Line) -> Command {
    let bytes = text.as_bytes();
    let single = match bytes.get(backslash + 1) {
        Some(b';') => Some(CommandEffect::Separates),
        Some(b':') => Some(CommandEffect::Nothing),
        _ => None,
    };
    if let Some(effect) = single {
        return Command { end: backslash + 2, effect, copies_from_stdin: false };
    }
    let line = line.end(text, backslash).min(to);
    let mut command =
        Command { end: line, effect: CommandEffect::Nothing, copies_from_stdin: false };
    let mut at = backslash;
    while at < line {
        let name = at + 1..end_of_name(bytes, at + 1, line);
        let arguments = name.end;
        let name = &text[name];
        if command.effect == CommandEffect::Nothing {
            command.effect = effect(name);
        }
        // After an unknown command, psql discards the rest of the line.
        if takes_whole_line(name, text[arguments..line].trim_start()) || !is_known(name) {
            command.copies_from_stdin = name == "copy" && copies_from_stdin(text, arguments..line);
            break;
        }
        at = end_of_arguments(bytes, arguments, line);
        if bytes.get(at..at + 2) == Some(br"\\") {
            command.end = at + 2;
            return command;
        }
    }
    let trimmed = text[backslash..line].trim_end_matches(|c: char| c.is_ascii_whitespace());
    command.end = backslash + trimmed.len();
    command
}

/// The data of a COPY that ends at this position: the lines below it, or below the data of an earlier COPY on its line,
/// up to `\.`. None if there is no such line.
pub fn copy_data(text: &str, after: Place, line: &mut Line) -> Option<CopyData> {
    let line = after.jump.map_or_else(|| line.end(text, after.at), |(from, _)| from);
    let before = after.jump.map_or(line, |(_, to)| line_end(text, to));
    if before >= text.len() {
        return None;
    }
    let start = before + 1;
    let is_next = after.jump.is_none() && is_gap(&text[..line], after.at);
    let data =
        |lines: Range<usize>, end: usize, open: bool| CopyData { lines, end, line, is_next, open };
    let Extent { end, mark } = copy::extent(text, start, false, true);
    let open = mark.is_none_or(|mark| !text[mark..].contains('\n'));
    Some(data(start..end, mark.unwrap_or(end), open))
}

/// Whether only spaces and comments follow to the end of the text.
fn is_gap(text: &str, from: usize) -> bool {
    let mut at = from;
    while let Some(token) = lex::token_at(text, at) {
        if !token.is_gap() || !token.terminated {
            return false;
        }
        at = token.end;
    }
    true
}

fn line_end(text: &str, at: usize) -> usize {
    lex::find(text.as_bytes(), at, b'\n')
}

pub(in crate::sql) fn end_of_name(bytes: &[u8], from: usize, line: usize) -> usize {
    let mut at = from;
    while at < line && !lex::is_space(bytes[at]) && bytes[at] != b'\\' {
        at += 1;
    }
    at
}

/// The next backslash outside quotes, or the end of the line.
pub(in crate::sql) fn end_of_arguments(bytes: &[u8], from: usize, line: usize) -> usize {
    let mut at = from;
    let mut quote = None;
    while at < line {
        match (quote, bytes[at]) {
            (None, b'\\') => return at,
            (None, mark @ (b'\'' | b'"' | b'`')) => quote = Some(mark),
            (Some(b'\''), b'\\') => at += 1,
            (Some(open), mark) if open == mark => quote = None,
            _ => {}
        }
        at += 1;
    }
    line
}

fn effect(name: &str) -> CommandEffect {
    match name {
        "g" | "gx" | "gexec" | "gset" | "gdesc" | "crosstabview" | "watch" | "parse"
        | "sendpipeline" => CommandEffect::Sends,
        "r" | "reset" => CommandEffect::Clears,
        _ => CommandEffect::Nothing,
    }
}

/// Whether the command takes the rest of its line, including backslashes and quotes.
pub(in crate::sql) fn takes_whole_line(name: &str, arguments: &str) -> bool {
    match name {
        "copy" | "ef" | "ev" | "sf" | "sf+" | "sv" | "sv+" | "h" | "help" => true,
        "g" | "gx" | "o" | "out" | "w" | "write" => arguments.starts_with('|'),
        _ => name.starts_with('!'),
    }
}

pub(in crate::sql) fn is_known(name: &str) -> bool {
    // The many forms of `\d` differ between versions.
    name.starts_with('d') || COMMANDS.binary_search(&name).is_ok()
}

/// psql's commands, except those that begin with `d`.
#[rustfmt::skip]
const COMMANDS: &[&str] = &[
    "?", "C", "H", "T", "a", "bind", "bind_named", "c", "cd", "close", "close_prepared",
    "connect", "conninfo", "copyright", "crosstabview", "e", "echo", "edit", "elif", "else",
    "encoding", "endif", "endpipeline", "errverbose", "f", "flush", "flushrequest", "g",
    "gdesc", "getenv", "getresults", "gexec", "gset", "gx", "html", "i", "if", "include",
    "include_relative", "ir", "l", "l+", "list", "list+", "lo_export", "lo_import", "lo_list",
    "lo_list+", "lo_unlink", "lx", "lx+", "o", "out", "p", "parse", "password", "print",
    "prompt", "pset", "q", "qecho", "quit", "r", "reset", "restrict", "s", "sendpipeline",
    "set", "setenv", "startpipeline", "syncpipeline", "t", "timing", "unrestrict", "unset", "w",
    "warn", "watch", "write", "x", "z", "zS", "zSx", "zx", "zx+",
];

fn copies_from_stdin(text: &str, arguments: Range<usize>) -> bool {
    let arguments = &text[arguments];
    let mut depth = 0_usize;
    let mut after_from = false;
    for token in lex::tokens(arguments).filter(|token| !token.is_gap()) {
        let word = token.text(arguments);
        match token.kind {
            TokenKind::OpenParenthesis => depth += 1,
            TokenKind::CloseParenthesis => depth = depth.saturating_sub(1),
            TokenKind::Word if after_from && word.eq_ignore_ascii_case("stdin") => return true,
            _ => {}
        }
        after_from = depth == 0 && word.eq_ignore_ascii_case("from");
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_commands_is_sorted() {
        for pair in COMMANDS.windows(2) {
            assert!(pair[0] < pair[1], "{} {}", pair[0], pair[1]);
        }
    }
}
