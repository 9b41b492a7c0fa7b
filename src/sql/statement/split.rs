//! Splits a text into statements, by psql's rules, without a server and without ever failing.
//!
//! The text splits into pieces: statements, and psql commands (`\d`, `\copy`, …), which are not SQL. Each piece is a
//! function of the text from one position on, where the reader is between two statements. So after an edit, reading
//! starts again at the last piece that cannot have seen the edit, and stops as soon as it is where an old piece began:
//! the rest is unchanged.
//!
//! [`Pieces`] reads them one by one, even from a text that comes in blocks.

mod follow;
mod open;
pub(in crate::sql) mod psql;

use self::{
    open::Tail,
    psql::{CommandEffect, Line},
};
use super::classify::{Classifier, CopyDirection, Kind};
use crate::sql::read::lex::{self, BackslashRule, Token, TokenKind};

pub use follow::Source;

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// One thing in a text that can be run, or that psql would run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece {
    /// A statement for the server.
    Statement(Statement),
    /// A psql command, which is not SQL, or several on one line.
    PsqlCommand {
        /// From the backslash to the end of the command, with the data of a `\copy … from stdin`; for `\r` from the
        /// beginning of the text that it discards.
        range: Range<usize>,
        /// Where the command itself is.
        command: Range<usize>,
    },
    /// A quote or a comment that begins on the line of a COPY and ends after the data below it. psql continues reading
    /// after the data; nobody means that.
    AcrossData {
        /// From the beginning of its statement to the end of the line.
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
    /// Whether it is ended, by `;` or by a psql command that would send it.
    pub terminated: bool,
    /// The lines of data after COPY … FROM STDIN, without the line of `\.`.
    pub copy_data: Option<Range<usize>>,
    /// What is inside the statement without being part of it, in order: psql commands, which begin with a backslash,
    /// and the data of a COPY before it on its first line. This includes a command after its last token.
    pub cuts: Vec<Range<usize>>,
    /// What kind of statement it is.
    pub kind: Kind,
}

impl Piece {
    /// The place of the whole piece.
    pub fn range(&self) -> Range<usize> {
        match self {
            Piece::Statement(statement) => statement.whole.clone(),
            Piece::PsqlCommand { range, .. } | Piece::AcrossData { range } => range.clone(),
        }
    }

    /// The statement, if it is one.
    pub fn statement(&self) -> Option<&Statement> {
        match self {
            Piece::Statement(statement) => Some(statement),
            Piece::PsqlCommand { .. } | Piece::AcrossData { .. } => None,
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
                    .chain(&mut statement.cuts)
                    .for_each(|range| moved(range, delta));
            }
            Piece::PsqlCommand { range, command } => {
                moved(range, delta);
                moved(command, delta);
            }
            Piece::AcrossData { range } => moved(range, delta),
        }
    }
}

/// A text's pieces, kept up to date with its edits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Splits {
    pieces: Vec<Piece>,
    ends: Vec<End>,
    /// The first end that is open.
    first_open: Option<usize>,
    #[serde(default)]
    backslash: BackslashRule,
    /// The quote or comment left open at the end of the text.
    #[serde(skip)]
    tail: Tail,
}

impl Splits {
    /// Splits the text. To run a selection, split the selected text by itself.
    pub fn new(text: &str) -> Splits {
        Splits::under(text, BackslashRule::Ordinary)
    }

    /// Splits the text by this session's rule.
    pub fn under(text: &str, backslash: BackslashRule) -> Splits {
        let mut splits = Splits { backslash, ..Splits::default() };
        splits.read(text);
        splits
    }

    /// Follows an edit: `text` is the text after it, `changed` the bytes of the text before it that
    /// were replaced, and `inserted` the number of bytes that replaced them.
    pub fn edit(&mut self, text: &(impl Source + ?Sized), changed: Range<usize>, inserted: usize) {
        self.follow(text, changed, inserted, follow::WINDOW_BYTES);
    }

    /// The rule by which the text was split.
    pub fn backslash(&self) -> BackslashRule {
        self.backslash
    }

    /// The pieces, in order; between them are only spaces, comments and stray `;`.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The piece at the cursor: the one that contains it; between two pieces, the one that ended before it on the same
    /// line, or else the next; after all of them, the last.
    pub fn at(&self, offset: usize) -> Option<&Piece> {
        let next = self.pieces.partition_point(|piece| piece.range().start <= offset);
        let Some(before) = next.checked_sub(1) else {
            return self.pieces.first();
        };
        let of_data = || {
            let same_line = (0..next).rev().take_while(|at| self.ends[*at].place.jump.is_some());
            same_line.map(|at| &self.pieces[at]).find(|piece| {
                let data = piece.statement().and_then(|statement| statement.copy_data.as_ref());
                data.is_some_and(|data| data.start <= offset && offset <= data.end)
            })
        };
        if let Some(copy) = of_data() {
            return Some(copy);
        }
        let last = next == self.pieces.len();
        if last || offset < self.pieces[before].range().end || offset <= self.ends[before].line_end
        {
            self.pieces.get(before)
        } else {
            self.pieces.get(next)
        }
    }

    /// The pieces that the range touches, for display. A selection to run is a text of its own: split it with
    /// `Splits::new`.
    pub fn overlapping(&self, range: Range<usize>) -> &[Piece] {
        let first = self.pieces.partition_point(|piece| piece.range().end <= range.start);
        let count = self.pieces[first..].partition_point(|piece| piece.range().start < range.end);
        &self.pieces[first..first + count]
    }

    /// Where the piece before this one ended, for the comments before this one: after the data between the two.
    pub fn end_before(&self, index: usize) -> Option<usize> {
        let before = self.ends.get(index.checked_sub(1)?)?;
        let start = self.pieces.get(index)?.range().start;
        Some(before.place.before(start))
    }

    /// Reads pieces to the end of the text.
    fn read(&mut self, text: &str) {
        let (mut place, mut line) = (Place::default(), Line::default());
        loop {
            let gap = Gap::read(text, place);
            if let Some(last) = self.ends.last_mut() {
                last.line_end = gap.newline.unwrap_or(gap.place.at);
            }
            let Some((piece, end)) = read_piece(text, &gap, self.backslash, &mut line) else {
                let unclosed = self.ends.last().and_then(|end| end.unclosed);
                self.tail = Tail::at(gap.unclosed.or(unclosed));
                return;
            };
            place = end.place;
            if end.open && self.first_open.is_none() {
                self.first_open = Some(self.ends.len());
            }
            self.pieces.push(piece);
            self.ends.push(end);
        }
    }
}

/// The comments that go with a statement: everything after the piece before it and the rest of that piece's line.
/// `start` is where the statement begins, `previous` where the piece before it ends.
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

/// What `Splits` remembers of a piece, to continue after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    /// Where the next piece is read from.
    place: Place,
    /// The end of the line on which the piece ends, or the next piece's start on that line.
    line_end: usize,
    /// Whether more text at the end would change the piece.
    open: bool,
    /// Where the quote or comment begins that the text leaves open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unclosed: Option<usize>,
}

/// A reading position. A COPY takes the lines below its own as its data, and what follows it on its line comes after
/// it: at the line's end, reading jumps past the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The next byte.
    pub at: usize,
    /// The line's end, before its line break, and where reading continues from there: the end of the line of `\.`,
    /// before its line break.
    pub jump: Option<(usize, usize)>,
}

impl Place {
    fn at(at: usize) -> Place {
        Place { at, jump: None }
    }

    /// How far the text must be unchanged for the result to be unchanged.
    fn reach(self) -> usize {
        self.jump.map_or(self.at, |(_, to)| to.max(self.at))
    }

    fn moved(self, delta: isize) -> Option<Place> {
        let jump = match self.jump {
            Some((from, to)) => {
                Some((from.checked_add_signed(delta)?, to.checked_add_signed(delta)?))
            }
            None => None,
        };
        Some(Place { at: self.at.checked_add_signed(delta)?, jump })
    }

    /// Where something that ended here ends for what starts there: after the data between the two.
    fn before(self, start: usize) -> usize {
        match self.jump {
            Some((_, to)) if start >= to => to,
            _ => self.at,
        }
    }

    /// The text as far as it can be read without a jump.
    fn view(self, text: &str) -> &str {
        match self.jump {
            Some((from, _)) => text.get(..from).unwrap_or(text),
            None => text,
        }
    }

    /// Jumps if due; returns what was jumped over.
    fn jumped(&mut self) -> Option<Range<usize>> {
        let (from, to) = self.jump.filter(|(from, _)| self.at >= *from)?;
        *self = Place::at(to);
        Some(from..to)
    }

    /// Whether a jump cuts off an unclosed token.
    fn cuts(self, token: Token) -> bool {
        !token.terminated && self.jump.is_some_and(|(from, to)| from < to)
    }
}

/// Reads a text's pieces one by one.
///
/// Each call gets the text: a reader of a stream keeps the bytes from `place().at` on (with a jump, everything up to
/// its target), and the one before them. A piece that ends before the last available line is complete, and nothing
/// before it is ever read again.
#[derive(Clone, Debug, Default)]
pub struct Pieces {
    place: Place,
    backslash: BackslashRule,
    /// The rule that applies after a line's end.
    next_rule: Option<(usize, BackslashRule)>,
    line: Line,
    has_begun: bool,
}

/// A piece that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    pub piece: Piece,
    /// Where the piece before it ended, for the comments before this one.
    pub previous: Option<usize>,
    /// The rule by which it was read.
    pub backslash: BackslashRule,
}

impl Read {
    /// Whether more lines would not change it.
    pub fn is_whole(&self) -> bool {
        let Piece::Statement(statement) = &self.piece else {
            return true;
        };
        let takes_data = statement.kind.copy == Some(CopyDirection::FromStdin);
        statement.terminated && (statement.copy_data.is_some() || !takes_data)
    }
}

impl Pieces {
    /// Reads from the beginning of a text.
    pub fn under(backslash: BackslashRule) -> Self {
        Self { backslash, ..Self::default() }
    }

    /// Where the next piece begins to be read.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Reads by another rule from the next line on: psql asks for the server's once per line. `text` is that of the
    /// last piece.
    pub fn switch(&mut self, text: &str, backslash: BackslashRule) {
        let now = self.next_rule.map_or(self.backslash, |(_, next)| next);
        if now == backslash {
            return;
        }
        if !self.has_begun {
            self.backslash = backslash;
            return;
        }
        let line = match self.place.jump {
            Some((from, _)) => from,
            None => self.line.end(text, self.place.at.min(text.len())),
        };
        self.next_rule = Some((line, backslash));
    }

    /// The next piece; none if there is none.
    pub fn next(&mut self, text: &str) -> Option<Read> {
        let gap = Gap::read(text, self.place);
        if let Some((line, backslash)) = self.next_rule
            && gap.place.at > line
        {
            self.backslash = backslash;
            self.next_rule = None;
        }
        let (piece, end) = read_piece(text, &gap, self.backslash, &mut self.line)?;
        let previous = self.place.before(piece.range().start);
        let previous = self.has_begun.then_some(previous);
        self.has_begun = true;
        self.place = end.place;
        Some(Read { piece, previous, backslash: self.backslash })
    }

    /// Continues at another position, perhaps in another text, whose bytes are shifted by this many.
    pub fn go_to(&mut self, place: Place, moved: isize) {
        self.place = place;
        self.line = Line::default();
        if let Some((line, _)) = &mut self.next_rule {
            *line = line.saturating_add_signed(moved);
        }
    }
}

/// The rule that a statement sets, if its text alone shows it: `set standard_conforming_strings = off`, or a `select
/// set_config('standard_conforming_strings', 'off', false)`.
pub fn rule_set_by(sql: &str) -> Option<BackslashRule> {
    let words: Vec<&str> = lex::tokens(sql)
        .filter(|token| !token.is_gap())
        .map(|token| token.text(sql))
        .take(WORDS_OF_A_SETTING + 1)
        .collect();
    let is = |word: &str, wanted: &str| word.eq_ignore_ascii_case(wanted);
    let (name, value) = match *words {
        [set, name, sign, value] | [set, _, name, sign, value]
            if is(set, "set") && (sign == "=" || is(sign, "to")) =>
        {
            (name.trim_matches('"'), value)
        }
        [select, ref call @ ..] if is(select, "select") => {
            let call = match call {
                [schema, ".", call @ ..] if is(schema, "pg_catalog") => call,
                call => call,
            };
            let [function, "(", name, ",", value, ",", _, ")"] = *call else {
                return None;
            };
            if !is(function, "set_config") {
                return None;
            }
            (name.trim_matches('\''), value)
        }
        _ => return None,
    };
    if !is(name, "standard_conforming_strings") {
        return None;
    }
    match value.trim_matches('\'').to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Some(BackslashRule::Ordinary),
        "off" | "false" | "no" | "0" => Some(BackslashRule::Escapes),
        _ => None,
    }
}

/// The longest statement to check for the rule that it sets.
const WORDS_OF_A_SETTING: usize = 11;

/// What lies between two pieces: spaces, comments, stray `;`.
struct Gap {
    /// Where it ends.
    place: Place,
    /// The first line break in it.
    newline: Option<usize>,
    /// A planner's hint that the next statement begins with.
    hint: Option<usize>,
    /// Where the comment begins that the text leaves open.
    unclosed: Option<usize>,
}

impl Gap {
    fn read(text: &str, from: Place) -> Gap {
        let mut gap = Gap { place: from, newline: None, hint: None, unclosed: None };
        loop {
            if let Some(data) = gap.place.jumped() {
                gap.newline.get_or_insert(data.start);
                // Text before the data is not part of what follows them.
                gap.hint = None;
            }
            let Some(token) = lex::token_at(gap.place.view(text), gap.place.at) else {
                if gap.place.jump.is_some() {
                    continue;
                }
                return gap;
            };
            if token.kind == TokenKind::Semicolon {
                gap.hint = None;
            } else if !token.is_gap() || gap.place.cuts(token) {
                return gap;
            } else if token.kind == TokenKind::BlockComment
                && token.text(text).starts_with("/*+")
                && gap.hint.is_none()
            {
                gap.hint = Some(token.start);
            }
            if gap.newline.is_none() {
                gap.newline = token.text(text).find('\n').map(|at| token.start + at);
            }
            if !token.terminated {
                gap.unclosed = Some(token.start);
            }
            gap.place.at = token.end;
        }
    }
}

fn moved(range: &mut Range<usize>, delta: isize) {
    *range = range.start.saturating_add_signed(delta)..range.end.saturating_add_signed(delta);
}

/// The piece after the gap; none at the end of the text.
fn read_piece(
    text: &str,
    gap: &Gap,
    backslash: BackslashRule,
    line: &mut Line,
) -> Option<(Piece, End)> {
    let place = gap.place;
    let view = place.view(text);
    let first = lex::token_under(view, place.at, backslash)?;
    if first.is_gap() {
        return Some(across(first.start, place));
    }
    if first.kind != TokenKind::Backslash {
        let reader = Reader::new(gap.hint.unwrap_or(first.start), place, backslash, line);
        return Some(reader.read(text, first));
    }
    let found = psql::command(text, first.start, view.len(), line);
    let command = first.start..found.end;
    let mut range = command.clone();
    let mut next = Place { at: found.end, jump: place.jump };
    let mut open = found.end == text.len();
    if found.copies_from_stdin {
        match psql::copy_data(text, next, line) {
            Some(data) if data.is_next => {
                (range.end, open) = (data.end, data.open);
                next = Place::at(data.end);
            }
            Some(data) => {
                open = data.open;
                next.jump = Some((data.line, data.end));
            }
            None => open = true,
        }
    }
    let end = End { place: next, line_end: next.at, open, unclosed: None };
    Some((Piece::PsqlCommand { range, command }, end))
}

/// Something that begins on a COPY's line and is not closed there.
fn across(start: usize, place: Place) -> (Piece, End) {
    let (from, to) = place.jump.unwrap_or((start, start));
    let piece = Piece::AcrossData { range: start..from };
    (piece, End::at(to, false))
}

impl End {
    fn at(resume: usize, open: bool) -> End {
        End { place: Place::at(resume), line_end: resume, open, unclosed: None }
    }
}

/// Reads one statement to its end.
struct Reader<'line> {
    line: &'line mut Line,
    start: usize,
    place: Place,
    backslash: BackslashRule,
    classifier: Classifier,
    depth: Depth,
    /// The end of the last token that is not a space.
    end: usize,
    /// The end of the statement if the text ends before it does: the last token that is neither space nor comment, and
    /// the comments after it on its line.
    kept: usize,
    on_kept_line: bool,
    cuts: Vec<Range<usize>>,
    /// Cut-out parts that nothing of the statement follows yet.
    trailing: Vec<Range<usize>>,
    /// Where the last token begins if the text ends before it does.
    unclosed: Option<usize>,
}

impl<'line> Reader<'line> {
    fn new(start: usize, place: Place, backslash: BackslashRule, line: &'line mut Line) -> Self {
        Reader {
            line,
            start,
            place,
            backslash,
            classifier: Classifier::new(),
            depth: Depth::default(),
            end: start,
            kept: start,
            on_kept_line: false,
            cuts: vec![],
            trailing: vec![],
            unclosed: None,
        }
    }

    fn read(mut self, text: &str, first: Token) -> (Piece, End) {
        let mut next = Some(first);
        while let Some(token) = next {
            if self.place.cuts(token) {
                return across(self.start, self.place);
            }
            self.place.at = token.end;
            if !token.terminated {
                self.unclosed = Some(token.start);
            }
            match token.kind {
                TokenKind::Semicolon if self.depth.is_top() => {
                    self.note_trailing();
                    return self.ended_by_semicolon(text, token);
                }
                TokenKind::Backslash => {
                    let to = self.place.view(text).len();
                    let command = psql::command(text, token.start, to, self.line);
                    match command.effect {
                        CommandEffect::Separates if self.depth.is_top() => {
                            return self.ended_by_command(text, token.start, None);
                        }
                        CommandEffect::Sends => {
                            return self.ended_by_command(text, token.start, Some(command.end));
                        }
                        CommandEffect::Clears => {
                            return self.cleared(text, token.start..command.end);
                        }
                        CommandEffect::Separates | CommandEffect::Nothing => {}
                    }
                    self.place.at = command.end;
                    self.trailing.push(token.start..command.end);
                }
                _ if token.is_gap() => self.gap(text, token),
                _ => self.significant(text, token),
            }
            next = self.token(text);
        }
        self.unfinished(text)
    }

    /// The next token, after any data before it.
    fn token(&mut self, text: &str) -> Option<Token> {
        loop {
            let view = self.place.view(text);
            if let Some(token) = lex::token_under(view, self.place.at, self.backslash) {
                return Some(token);
            }
            let data = self.place.jumped()?;
            if !data.is_empty() {
                self.trailing.push(data);
            }
        }
    }

    fn gap(&mut self, text: &str, token: Token) {
        let comment = token.kind != TokenKind::Space;
        if comment {
            self.end = token.end;
        }
        if self.on_kept_line && self.trailing.is_empty() {
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

    /// The statement continues after the cut-out parts, so they are inside it.
    fn note_trailing(&mut self) {
        self.cuts.append(&mut self.trailing);
    }

    fn ended_by_semicolon(mut self, text: &str, semicolon: Token) -> (Piece, End) {
        let kind = self.finished_kind(text);
        let whole = self.start..semicolon.end;
        self.place.at = semicolon.end;
        let place = self.place;
        let end = self.end;
        self.with_data(text, kind, end..end, whole, place, false)
    }

    /// Ended before a psql command: by `\;`, which separates, or by one that sends.
    fn ended_by_command(mut self, text: &str, at: usize, sent: Option<usize>) -> (Piece, End) {
        self.note_trailing();
        let kind = self.finished_kind(text);
        let end = self.end;
        let cut = self.cuts.last().map_or(end, |cut| cut.end);
        let whole = self.start..end.max(cut);
        // The command's effect was read from its whole line.
        let open = self.line.end(text, at) == text.len();
        let place = Place { at, jump: self.place.jump };
        match sent {
            Some(sent) => self.with_data(text, kind, end..sent, whole, place, open),
            None => self.piece(
                kind,
                end,
                whole,
                true,
                None,
                End { place, line_end: at, open, unclosed: None },
            ),
        }
    }

    fn finished_kind(&mut self, text: &str) -> Kind {
        let classifier = std::mem::take(&mut self.classifier);
        let mut kind = classifier.finish(text);
        kind.may_pause &= self.cuts.is_empty();
        kind
    }

    /// The statement, with the data below its line if it takes any. `ended` is from its last byte to where it is sent.
    fn with_data(
        self,
        text: &str,
        kind: Kind,
        ended: Range<usize>,
        mut whole: Range<usize>,
        mut place: Place,
        mut open: bool,
    ) -> (Piece, End) {
        let mut copy_data = None;
        if kind.copy == Some(CopyDirection::FromStdin) {
            let sent = Place { at: place.at.max(ended.end), jump: place.jump };
            match psql::copy_data(text, sent, self.line) {
                Some(data) if data.is_next => {
                    whole.end = data.end;
                    open = data.open;
                    place = Place::at(data.end);
                    copy_data = Some(data.lines);
                }
                Some(data) => {
                    open = data.open;
                    place.jump = Some((data.line, data.end));
                    copy_data = Some(data.lines);
                }
                None => {
                    open = true;
                    // This is the last line; don't search it again for each COPY on it.
                    place.jump = place.jump.or(Some((text.len(), text.len())));
                }
            }
        }
        let line_end = place.at;
        let end = End { place, line_end, open, unclosed: None };
        self.piece(kind, ended.start, whole, true, copy_data, end)
    }

    /// Discarded by `\r`: psql never sends it.
    fn cleared(self, text: &str, command: Range<usize>) -> (Piece, End) {
        let range = self.start..command.end;
        let place = Place { at: command.end, jump: self.place.jump };
        let end = End {
            place,
            line_end: place.at,
            open: self.line.end(text, command.end) == text.len(),
            unclosed: None,
        };
        (Piece::PsqlCommand { range, command }, end)
    }

    fn unfinished(mut self, text: &str) -> (Piece, End) {
        let kind = self.finished_kind(text);
        // The commands below it are pieces of their own, and so may be the data below them.
        let is_command = |cut: &&Range<usize>| text[cut.start..].starts_with('\\');
        let resume =
            self.trailing.iter().find(is_command).map_or(text.len(), |command| command.start);
        let data = self.trailing.iter().find(|cut| cut.start >= resume && !is_command(cut));
        let end = self.kept;
        let whole = self.start..end;
        let end_of = End {
            place: Place { at: resume, jump: data.map(|data| (data.start, data.end)) },
            line_end: resume,
            open: true,
            unclosed: self.unclosed,
        };
        self.piece(kind, end, whole, false, None, end_of)
    }

    fn piece(
        self,
        kind: Kind,
        end: usize,
        whole: Range<usize>,
        terminated: bool,
        copy_data: Option<Range<usize>>,
        end_of: End,
    ) -> (Piece, End) {
        let statement = Statement {
            range: self.start..end,
            whole,
            terminated,
            copy_data,
            cuts: self.cuts,
            kind,
        };
        (Piece::Statement(statement), end_of)
    }
}

/// Whether a `;` ends the statement: not inside parentheses, and not inside the body of an SQL function. psql
/// recognises such a body by the statement's first words and by counting its BEGIN, CASE and END.
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
        matches!(self.first, [b'c', b'f' | b'p', _, _] | [b'c', b'o', b'r', b'f' | b'p'])
    }
}

#[cfg(test)]
mod tests;
