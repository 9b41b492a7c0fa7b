//! Cutting a script that is read bit by bit: the same statements as [`super::split`] finds in the whole text, with no
//! more of it in memory than the longest statement.
//!
//! A statement is taken once the line on which it ends is there. The data of a COPY are no part of any statement: they
//! are handed out as they come.

use std::{collections::VecDeque, sync::Arc};

use super::{
    Piece, Splits,
    classify::CopyDirection,
    lex::{self, BackslashRule, TokenKind},
    mask, split,
};

/// So much is read at a time.
pub const BLOCK_BYTES: usize = 64 << 10;

/// A script that is read bit by bit.
#[derive(Debug)]
pub struct Stream {
    text: String,
    /// What stands before it is done with.
    at: usize,
    /// The line of `at`, from 1.
    line: u64,
    /// The column of `at` in characters, from 1.
    column: u64,
    /// From this byte on lines are counted from this one: data have been taken out in front of it.
    jump: Option<(usize, u64)>,
    ended: bool,
    bytes_max: usize,
    held_max: usize,
    backslash: BackslashRule,
    ready: VecDeque<Ready>,
    /// What stands behind a COPY on its line, while its data are handed out, and its line and column.
    behind_copy: (String, u64, u64),
    /// Whether what stands at `at` is behind a piece: the rest of its line belongs to it.
    behind_piece: bool,
    /// Whether what stands at `at` are data.
    in_data: bool,
    /// Whether they are the rest of a line.
    inside_line: bool,
}

/// A piece that is whole, in bytes of the text.
#[derive(Debug)]
struct Ready {
    from: usize,
    start: usize,
    to: usize,
    next: usize,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Statement,
    Copy,
    Command,
}

/// What comes next in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// More text is needed to tell.
    More,
    /// A statement.
    Statement(Part),
    /// A COPY whose data are to be taken with [`Stream::data`].
    Copy(Part),
    /// A command of psql.
    Command(Part),
    /// A statement that is longer than what is kept in memory.
    TooLong(Part),
    /// Nothing.
    End,
}

/// A piece of a script and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its text; of a statement with the comments in front of it.
    pub text: Arc<str>,
    /// So many bytes of that are the comments.
    pub lead: usize,
    /// The line of its first byte, from 1.
    pub line: u64,
    /// The column of that in characters, from 1.
    pub column: u64,
}

/// What comes next of a COPY's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// More text is needed to tell.
    More,
    /// Some of them.
    Some(String),
    /// They are at their end.
    End,
}

impl Part {
    /// The line and the column of a byte of its text, both from 1, the column in characters.
    pub fn place(&self, byte: usize) -> (u64, u64) {
        let before = self.text.get(..byte).unwrap_or(&self.text);
        moved((self.line, self.column), before)
    }

    /// The statement without the comments in front of it.
    pub fn statement(&self) -> &str {
        self.text.get(self.lead..).unwrap_or(&self.text)
    }

    /// What it begins with, for a person.
    pub fn name(&self) -> String {
        let first = self.statement().trim_start();
        let words: Vec<&str> = first.split_whitespace().take(6).collect();
        let words: String = words.join(" ").chars().take(60).collect();
        mask::passwords(&words).into_owned()
    }
}

fn moved((line, column): (u64, u64), over: &str) -> (u64, u64) {
    let lines = over.bytes().filter(|byte| *byte == b'\n').count() as u64;
    match over.rfind('\n') {
        Some(newline) => (line + lines, over[newline + 1..].chars().count() as u64 + 1),
        None => (line, column + over.chars().count() as u64),
    }
}

impl Stream {
    /// A script of which nothing is known, and whose statements may be so long.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            text: String::new(),
            at: 0,
            line: 1,
            column: 1,
            jump: None,
            ended: false,
            bytes_max,
            held_max: 0,
            backslash: BackslashRule::Ordinary,
            ready: VecDeque::new(),
            behind_copy: (String::new(), 1, 1),
            behind_piece: false,
            in_data: false,
            inside_line: false,
        }
    }

    /// More of the text.
    pub fn push(&mut self, more: &str) {
        self.forget();
        self.text.push_str(more);
        self.held_max = self.held_max.max(self.text.capacity());
    }

    /// There is no more.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// So much is best read next: a long statement is looked at less and less often.
    pub fn wants(&self) -> usize {
        (self.text.len() - self.at).clamp(BLOCK_BYTES, self.bytes_max.max(BLOCK_BYTES))
    }

    /// The most bytes that were held at a time.
    pub fn held_max(&self) -> usize {
        self.held_max
    }

    /// The line that is read next, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// What was read is let go, once that is most of what there is.
    fn forget(&mut self) {
        if self.at == 0 || self.at < self.text.len() / 2 {
            return;
        }
        let gone = self.at;
        self.text.drain(..gone);
        self.at = 0;
        self.jump = self
            .jump
            .map(|(from, line)| (from.saturating_sub(gone), line))
            .filter(|(from, _)| *from > 0);
        for ready in &mut self.ready {
            ready.from -= gone;
            ready.start -= gone;
            ready.to -= gone;
            ready.next -= gone;
        }
    }

    /// Goes on to a byte, and counts lines on the way.
    fn go_to(&mut self, next: usize) {
        let mut from = self.at;
        if let Some((jump, line)) = self.jump.filter(|(jump, _)| *jump <= next) {
            (self.line, self.column) = (line, 1);
            from = jump;
            self.jump = None;
        }
        let over = self.text.get(from..next).unwrap_or("");
        (self.line, self.column) = moved((self.line, self.column), over);
        self.at = next;
    }

    /// What comes next, read as a session does that has this rule.
    pub fn next(&mut self, backslash: BackslashRule) -> Next {
        if backslash != self.backslash {
            self.backslash = backslash;
            self.ready.clear();
        }
        if self.ready.is_empty() {
            self.cut();
        }
        let Some(ready) = self.ready.pop_front() else {
            return self.nothing();
        };
        self.go_to(ready.from);
        let part = Part {
            text: self.text.get(ready.from..ready.to).unwrap_or("").into(),
            lead: ready.start - ready.from,
            line: self.line,
            column: self.column,
        };
        self.go_to(ready.next);
        self.behind_piece = true;
        match ready.what {
            What::Statement => Next::Statement(part),
            What::Command => Next::Command(part),
            What::Copy => {
                self.begin_data();
                Next::Copy(part)
            }
        }
    }

    fn nothing(&mut self) -> Next {
        let rest = self.text.get(self.at..).unwrap_or("");
        if self.ended {
            return Next::End;
        }
        if rest.len() <= self.bytes_max {
            return Next::More;
        }
        let blanks = rest.len() - rest.trim_start().len();
        let start = self.at + blanks;
        self.go_to(start);
        let rest = self.text.get(start..).unwrap_or("");
        let mut end = rest.len().min(200);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        Next::TooLong(Part {
            text: rest.get(..end).unwrap_or("").into(),
            lead: 0,
            line: self.line,
            column: self.column,
        })
    }

    /// Cuts what is there into the pieces that more text can't change.
    fn cut(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or("");
        let view = match rest.rfind('\n') {
            _ if self.ended => rest,
            Some(newline) => &rest[..=newline],
            None => return,
        };
        let splits = Splits::under(view, self.backslash);
        let pieces = splits.pieces();
        let mut previous = self.behind_piece.then_some(0);
        for (number, piece) in pieces.iter().enumerate() {
            let is_last = number + 1 == pieces.len();
            let range = piece.range();
            let ready = match piece {
                Piece::Statement(statement) => {
                    if !statement.terminated && is_last && !self.ended {
                        return;
                    }
                    let lead = split::lead(view, previous, statement.range.start);
                    let is_copy = statement.kind.copy == Some(CopyDirection::FromStdin);
                    let has_command = statement.cuts.first().cloned();
                    let (to, what) = match has_command {
                        // What psql would take out of it is refused by its name.
                        Some(command) => (command, What::Command),
                        None => (statement.range.clone(), What::Statement),
                    };
                    let what = if is_copy && what == What::Statement {
                        What::Copy
                    } else {
                        what
                    };
                    let (from, start) = match what {
                        What::Command => (to.start, to.start),
                        _ => (lead.start, statement.range.start),
                    };
                    let next = match what {
                        What::Copy => behind_semicolon(view, statement.range.end),
                        _ => range.end,
                    };
                    Ready {
                        from,
                        start,
                        to: to.end,
                        next,
                        what,
                    }
                }
                _ => Ready {
                    from: range.start,
                    start: range.start,
                    to: range.end,
                    next: range.end,
                    what: What::Command,
                },
            };
            previous = Some(range.end);
            let is_copy = ready.what == What::Copy;
            self.ready.push_back(Ready {
                from: ready.from + self.at,
                start: ready.start + self.at,
                to: ready.to + self.at,
                next: ready.next + self.at,
                what: ready.what,
            });
            if is_copy {
                // What follows is read when its data have gone by.
                return;
            }
        }
    }

    /// The data of a COPY begin behind its line; what else is on the line comes after them.
    fn begin_data(&mut self) {
        self.ready.clear();
        let rest = self.text.get(self.at..).unwrap_or("");
        let line = rest.find('\n').map_or(rest.len(), |newline| newline + 1);
        self.behind_copy = (rest[..line].to_owned(), self.line, self.column);
        self.go_to(self.at + line);
        self.in_data = true;
        self.inside_line = false;
    }

    /// What comes next of the data of the COPY that [`Stream::next`] answered with.
    pub fn data(&mut self) -> Data {
        if !self.in_data {
            return Data::End;
        }
        let rest = self.text.get(self.at..).unwrap_or("");
        let mut at = 0;
        loop {
            let line = &rest[at..];
            let newline = line.find('\n');
            let is_whole = newline.is_some() || self.ended;
            let content = &line[..newline.unwrap_or(line.len())];
            let content = content.strip_suffix('\r').unwrap_or(content);
            let is_end = at > 0 || !self.inside_line;
            if is_whole && is_end && content == r"\." {
                if at > 0 {
                    return self.some_data(at);
                }
                let next = self.at + newline.map_or(line.len(), |newline| newline + 1);
                self.go_to(next);
                self.end_data();
                return Data::End;
            }
            match newline {
                Some(newline) => at += newline + 1,
                None if at > 0 => return self.some_data(at),
                None if line.is_empty() && self.ended => {
                    self.end_data();
                    return Data::End;
                }
                // A line that is longer than what there is of it goes in pieces, once it can't be the last one.
                None if self.ended || line.len() > 3 => {
                    let whole = line.len() - usize::from(line.ends_with('\r') && !self.ended);
                    return self.some_data(whole);
                }
                None => return Data::More,
            }
        }
    }

    fn some_data(&mut self, length: usize) -> Data {
        let data = self
            .text
            .get(self.at..self.at + length)
            .unwrap_or("")
            .to_owned();
        self.go_to(self.at + length);
        self.inside_line = !data.ends_with('\n');
        Data::Some(data)
    }

    fn end_data(&mut self) {
        self.in_data = false;
        self.inside_line = false;
        let (behind, line_of_copy, column) = std::mem::take(&mut self.behind_copy);
        let is_blank = |c: char| c.is_whitespace() || c == ';';
        if behind.trim_matches(is_blank).is_empty() {
            self.behind_piece = false;
            return;
        }
        let jump = behind.len();
        let line = self.line;
        let rest = self.text.split_off(self.at);
        self.text = behind + &rest;
        self.at = 0;
        self.jump = Some((jump, line));
        (self.line, self.column) = (line_of_copy, column);
    }
}

/// The byte behind the `;` that ends a statement.
fn behind_semicolon(text: &str, from: usize) -> usize {
    let mut at = from;
    while let Some(token) = lex::token_at(text, at) {
        at = token.end;
        if token.kind == TokenKind::Semicolon {
            return at;
        }
        if !token.is_gap() {
            break;
        }
    }
    from
}

#[cfg(test)]
mod tests;
