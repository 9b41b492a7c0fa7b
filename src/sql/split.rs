//! Cutting a text into statements, by the rules of psql, without a server and without ever failing.
//!
//! The text is cut into pieces: statements, and commands of psql (`\d`, `\copy`, …), which are not
//! SQL. Each piece is a function of the text from one place on, where the reader is between two
//! statements. So after an edit the reading starts again at the last piece that cannot have seen the
//! edit, and stops as soon as it stands where an old piece began: what follows is as it was.

mod follow;
mod psql;

use super::classify::{Classifier, CopyDirection, Kind};
use super::lex::{self, BackslashRule, Token, TokenKind};
pub use follow::Source;
use psql::CommandEffect;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// One thing in a text that can be run, or that psql would run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece {
    /// A statement for the server.
    Statement(Statement),
    /// A command of psql, which is not SQL.
    PsqlCommand {
        /// From the backslash to the end of the command, with the data of a `\copy … from stdin`;
        /// for `\r` from the beginning of the text that it throws away.
        range: Range<usize>,
    },
}

/// A statement in a text. All places are in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The text to send: from the first token that is not a comment (a planner's hint, `/*+ … */`,
    /// before it belongs to it) to before the `;`, without the space at the end.
    pub range: Range<usize>,
    /// The statement with its `;`, and with its COPY data if it has any.
    pub whole: Range<usize>,
    /// Whether it is ended, by `;` or by a command of psql that would send it.
    pub terminated: bool,
    /// The lines of data after COPY … FROM STDIN, without the line of `\.`.
    pub copy_data: Option<Range<usize>>,
    /// A command of psql in the middle of the statement. psql would take it out; the server would
    /// refuse the text at this place.
    pub psql_command: Option<Range<usize>>,
    /// What kind of statement it is.
    pub kind: Kind,
}

impl Piece {
    /// The place of the whole piece.
    pub fn range(&self) -> Range<usize> {
        match self {
            Piece::Statement(statement) => statement.whole.clone(),
            Piece::PsqlCommand { range } => range.clone(),
        }
    }

    /// The statement, if it is one.
    pub fn statement(&self) -> Option<&Statement> {
        match self {
            Piece::Statement(statement) => Some(statement),
            Piece::PsqlCommand { .. } => None,
        }
    }

    fn moved(&mut self, delta: isize) {
        match self {
            Piece::Statement(statement) => {
                moved(&mut statement.range, delta);
                moved(&mut statement.whole, delta);
                statement
                    .copy_data
                    .iter_mut()
                    .chain(statement.psql_command.iter_mut())
                    .for_each(|range| moved(range, delta));
            }
            Piece::PsqlCommand { range } => moved(range, delta),
        }
    }
}

/// The pieces of a text, kept up with its edits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Splits {
    pieces: Vec<Piece>,
    ends: Vec<End>,
    #[serde(default)]
    backslash: BackslashRule,
}

impl Splits {
    /// Cuts the text. To run a selection, cut the selected text by itself.
    pub fn new(text: &str) -> Splits {
        Splits::under(text, BackslashRule::Ordinary)
    }

    /// Cuts the text as a session reads it that has this rule.
    pub fn under(text: &str, backslash: BackslashRule) -> Splits {
        let mut splits = Splits {
            backslash,
            ..Splits::default()
        };
        splits.read(text);
        splits
    }

    /// Follows an edit: `text` is the text after it, `changed` the bytes of the text before it that
    /// were replaced, and `inserted` the number of bytes that replaced them.
    pub fn edit(&mut self, text: &(impl Source + ?Sized), changed: Range<usize>, inserted: usize) {
        self.follow(text, changed, inserted, follow::WINDOW_BYTES);
    }

    /// The rule that the text was cut by.
    pub fn backslash(&self) -> BackslashRule {
        self.backslash
    }

    /// The pieces, in order; between them are only spaces, comments and stray `;`.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The piece that the cursor means: the one that it is in; between two pieces the one that ended
    /// before it on the same line, else the next one; after all of them the last.
    pub fn at(&self, offset: usize) -> Option<&Piece> {
        let next = self
            .pieces
            .partition_point(|piece| piece.range().start <= offset);
        let Some(before) = next.checked_sub(1) else {
            return self.pieces.first();
        };
        let last = next == self.pieces.len();
        if last || offset < self.pieces[before].range().end || offset <= self.ends[before].line_end
        {
            self.pieces.get(before)
        } else {
            self.pieces.get(next)
        }
    }

    /// The pieces that the range touches, for showing. A selection that is to be run is a text of its
    /// own: cut it with `Splits::new`.
    pub fn overlapping(&self, range: Range<usize>) -> &[Piece] {
        let first = self
            .pieces
            .partition_point(|piece| piece.range().end <= range.start);
        let count = self.pieces[first..].partition_point(|piece| piece.range().start < range.end);
        &self.pieces[first..first + count]
    }

    /// Reads pieces to the end of the text.
    fn read(&mut self, text: &str) {
        let mut at = 0;
        loop {
            let gap = Gap::read(text, at);
            if let Some(last) = self.ends.last_mut() {
                last.line_end = gap.newline.unwrap_or(gap.end);
            }
            let Some((piece, end)) = read_piece(text, &gap, self.backslash) else {
                return;
            };
            at = end.resume;
            self.pieces.push(piece);
            self.ends.push(end);
        }
    }
}

/// The comments in front of a statement that go with it: all from behind the piece before and the rest of that one's
/// line. `start` is where the statement begins, `previous` where the piece before it ends.
pub fn lead(text: &str, previous: Option<usize>, start: usize) -> Range<usize> {
    let mut from = previous.unwrap_or(0);
    // Whether what follows may still be on the line of the piece before.
    let mut is_its_line = previous.is_some();
    let mut at = from;
    while at < start
        && let Some(token) = lex::token_at(text, at)
    {
        at = token.end;
        if token.kind == TokenKind::Semicolon {
            (from, is_its_line) = (at, true);
        } else if is_its_line
            && token.kind == TokenKind::Space
            && let Some(newline) = token.text(text).find('\n')
        {
            (from, is_its_line) = (token.start + newline + 1, false);
        }
    }
    let gap = text.get(from..start).unwrap_or("");
    let is_blank = |c: char| c.is_whitespace() || c == '\u{feff}';
    start - gap.trim_start_matches(is_blank).len()..start
}

/// What `Splits` keeps of a piece for reading on after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    /// Where the next piece is read from.
    resume: usize,
    /// The end of the line on which the piece ends, or the next piece's start on that line.
    line_end: usize,
    /// Whether more text at the end of the text would change the piece.
    open: bool,
}

/// What stands between two pieces: spaces, comments, stray `;`.
struct Gap {
    end: usize,
    /// The first line break in it.
    newline: Option<usize>,
    /// A planner's hint that the next statement begins with.
    hint: Option<usize>,
}

impl Gap {
    fn read(text: &str, from: usize) -> Gap {
        let mut gap = Gap {
            end: from,
            newline: None,
            hint: None,
        };
        while let Some(token) = lex::token_at(text, gap.end) {
            if token.kind == TokenKind::Semicolon {
                gap.hint = None;
            } else if !token.is_gap() {
                break;
            } else if token.kind == TokenKind::BlockComment
                && token.text(text).starts_with("/*+")
                && gap.hint.is_none()
            {
                gap.hint = Some(token.start);
            }
            if gap.newline.is_none() {
                gap.newline = token.text(text).find('\n').map(|at| token.start + at);
            }
            gap.end = token.end;
        }
        gap
    }
}

fn moved(range: &mut Range<usize>, delta: isize) {
    *range = range.start.saturating_add_signed(delta)..range.end.saturating_add_signed(delta);
}

/// The piece after the gap; none at the end of the text.
fn read_piece(text: &str, gap: &Gap, backslash: BackslashRule) -> Option<(Piece, End)> {
    let first = lex::token_under(text, gap.end, backslash)?;
    if first.kind != TokenKind::Backslash {
        let reader = Reader::new(gap.hint.unwrap_or(first.start), backslash);
        return Some(reader.read(text, first));
    }
    let command = psql::command(text, first.start);
    let (end, open) = if command.copies_from_stdin {
        match psql::copy_data(text, command.end) {
            Some(data) => (data.end, data.open),
            None => (command.end, true),
        }
    } else {
        (command.end, command.end == text.len())
    };
    let range = first.start..end;
    Some((Piece::PsqlCommand { range }, End::at(end, open)))
}

impl End {
    fn at(resume: usize, open: bool) -> End {
        End {
            resume,
            line_end: resume,
            open,
        }
    }
}

/// Reads one statement to its end.
struct Reader {
    start: usize,
    backslash: BackslashRule,
    classifier: Classifier,
    depth: Depth,
    /// The end of the last token that is not a space.
    end: usize,
    /// The end of what is kept where the text ends before the statement does: the last token that is
    /// neither space nor comment, and the comments behind it on its line.
    kept: usize,
    on_kept_line: bool,
    psql_command: Option<Range<usize>>,
    /// Commands of psql with nothing of the statement behind them yet.
    trailing: Option<Range<usize>>,
}

impl Reader {
    fn new(start: usize, backslash: BackslashRule) -> Reader {
        Reader {
            start,
            backslash,
            classifier: Classifier::new(),
            depth: Depth::default(),
            end: start,
            kept: start,
            on_kept_line: false,
            psql_command: None,
            trailing: None,
        }
    }

    fn read(mut self, text: &str, first: Token) -> (Piece, End) {
        let mut next = Some(first);
        while let Some(token) = next {
            let mut at = token.end;
            match token.kind {
                TokenKind::Semicolon if self.depth.is_top() => {
                    self.note_trailing();
                    return self.ended_by_semicolon(text, token);
                }
                TokenKind::Backslash => {
                    let command = psql::command(text, token.start);
                    match command.effect {
                        CommandEffect::Separates if self.depth.is_top() => {
                            return self.ended_by_command(text, token.start, None);
                        }
                        CommandEffect::Sends => {
                            return self.ended_by_command(text, token.start, Some(command.end));
                        }
                        CommandEffect::Clears => return self.cleared(text, command.end),
                        CommandEffect::Separates | CommandEffect::Nothing => {}
                    }
                    at = command.end;
                    self.end = at;
                    let start = self
                        .trailing
                        .as_ref()
                        .map_or(token.start, |seen| seen.start);
                    self.trailing = Some(start..at);
                }
                _ if token.is_gap() => self.gap(text, token),
                _ => self.significant(text, token),
            }
            next = lex::token_under(text, at, self.backslash);
        }
        self.unfinished(text)
    }

    fn gap(&mut self, text: &str, token: Token) {
        let comment = token.kind != TokenKind::Space;
        if comment {
            self.end = token.end;
        }
        if self.on_kept_line && self.trailing.is_none() {
            if comment {
                self.kept = token.end;
            }
            self.on_kept_line = !token.text(text).as_bytes().contains(&b'\n');
        }
    }

    fn significant(&mut self, text: &str, token: Token) {
        self.note_trailing();
        self.depth.feed(text, token);
        self.classifier.feed(text, token);
        self.end = token.end;
        self.kept = token.end;
        self.on_kept_line = true;
    }

    /// The commands seen stand inside the statement, since it goes on behind them.
    fn note_trailing(&mut self) {
        if let Some(trailing) = self.trailing.take() {
            self.psql_command.get_or_insert(trailing);
        }
    }

    fn ended_by_semicolon(self, text: &str, semicolon: Token) -> (Piece, End) {
        let kind = self.classifier.finish(text);
        let mut whole = self.start..semicolon.end;
        let mut copy_data = None;
        let mut open = false;
        if kind.copy == Some(CopyDirection::FromStdin) {
            if let Some(data) = psql::copy_data(text, semicolon.end) {
                copy_data = Some(data.lines);
                whole.end = data.end;
                open = data.open;
            } else {
                open = psql::line_end(text, semicolon.end) == text.len();
            }
        }
        let end = self.end;
        self.piece(kind, end, whole, true, copy_data, open)
    }

    /// Ended before a command of psql: by `\;`, which separates, or by one that sends.
    fn ended_by_command(mut self, text: &str, at: usize, sent: Option<usize>) -> (Piece, End) {
        self.note_trailing();
        let kind = self.classifier.finish(text);
        let end = self.end;
        let mut whole = self.start..end;
        let mut copy_data = None;
        // The command's effect was read from its whole line.
        let mut open = psql::line_end(text, at) == text.len();
        if kind.copy == Some(CopyDirection::FromStdin)
            && let Some(data) = sent.and_then(|sent| psql::copy_data(text, sent))
        {
            copy_data = Some(data.lines);
            whole.end = data.end;
            open = data.open;
        }
        let resume = if copy_data.is_some() { whole.end } else { at };
        let (piece, _) = self.piece(kind, end, whole, true, copy_data, open);
        (piece, End::at(resume, open))
    }

    /// Thrown away by `\r`: psql never sends it.
    fn cleared(self, text: &str, end: usize) -> (Piece, End) {
        let range = self.start..end;
        (
            Piece::PsqlCommand { range },
            End::at(end, psql::line_end(text, end) == text.len()),
        )
    }

    fn unfinished(mut self, text: &str) -> (Piece, End) {
        let kind = self.classifier.finish(text);
        let resume = self
            .trailing
            .take()
            .map_or(text.len(), |trailing| trailing.start);
        let end = self.kept;
        let whole = self.start..end;
        let (piece, _) = self.piece(kind, end, whole, false, None, true);
        (piece, End::at(resume, true))
    }

    fn piece(
        self,
        mut kind: Kind,
        end: usize,
        whole: Range<usize>,
        terminated: bool,
        copy_data: Option<Range<usize>>,
        open: bool,
    ) -> (Piece, End) {
        kind.may_pause &= self.psql_command.is_none();
        let resume = whole.end;
        let statement = Statement {
            range: self.start..end,
            whole,
            terminated,
            copy_data,
            psql_command: self.psql_command,
            kind,
        };
        (Piece::Statement(statement), End::at(resume, open))
    }
}

/// Whether a `;` ends the statement: not inside parentheses, and not inside the body of a function
/// in SQL. psql tells such a body by the statement's first words and by counting its BEGIN, CASE and
/// END.
#[derive(Default)]
struct Depth {
    parentheses: usize,
    begins: usize,
    words: usize,
    first: [u8; 4],
}

impl Depth {
    fn is_top(&self) -> bool {
        self.parentheses == 0 && self.begins == 0
    }

    fn feed(&mut self, text: &str, token: Token) {
        match token.kind {
            TokenKind::OpenParenthesis => self.parentheses += 1,
            TokenKind::CloseParenthesis => self.parentheses = self.parentheses.saturating_sub(1),
            TokenKind::Word => self.word(token.text(text)),
            _ => {}
        }
    }

    fn word(&mut self, word: &str) {
        if let Some(first) = self.first.get_mut(self.words) {
            let counts = ["create", "function", "procedure", "or", "replace"];
            if let Some(known) = counts.iter().find(|known| word.eq_ignore_ascii_case(known)) {
                *first = known.as_bytes()[0];
            }
        }
        self.words += 1;
        if self.parentheses > 0 || !self.creates_function() {
            return;
        }
        if word.eq_ignore_ascii_case("begin") {
            self.begins += 1;
        } else if word.eq_ignore_ascii_case("case") {
            self.begins += usize::from(self.begins > 0);
        } else if word.eq_ignore_ascii_case("end") {
            self.begins = self.begins.saturating_sub(1);
        }
    }

    fn creates_function(&self) -> bool {
        matches!(
            self.first,
            [b'c', b'f' | b'p', _, _] | [b'c', b'o', b'r', b'f' | b'p']
        )
    }
}

#[cfg(test)]
mod tests;
