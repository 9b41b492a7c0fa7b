//! Reading a script bit by bit: the same as [`super::script`] finds in the whole text, with no more of it in memory than
//! the longest statement.
//!
//! A statement is taken once the line on which it ends is there. The data of a COPY are no part of any statement: they
//! are handed out as they come.

use std::{collections::VecDeque, sync::Arc};

use super::{
    copy::{self, Extent},
    psql::{Order, Refusal, Restriction},
    script::{self, Sent, Step},
    split::{Pieces, Place, Read},
};
use crate::sql::{read::lex::BackslashRule, safety::mask};

/// So much is read at a time.
pub const BLOCK_BYTES: usize = 64 << 10;

/// A script that is read bit by bit.
#[derive(Debug)]
pub struct Stream {
    text: String,
    /// What stands before it is done with.
    at: usize,
    /// The line and the column of `at`.
    spot: Spot,
    /// From this byte on lines are counted from this one: data have been taken out in front of it.
    jump: Option<(usize, u64)>,
    /// So much of the text is lines that are whole.
    whole: usize,
    pieces: Pieces,
    restriction: Restriction,
    ready: VecDeque<Next>,
    /// The statement that the script leaves unended, which comes last.
    last: Option<Next>,
    /// The data that are handed out.
    data: Option<Behind>,
    ended: bool,
    /// Whether nothing of what follows is run.
    over: bool,
    bytes_max: usize,
    held_max: usize,
}

/// The data of a COPY that are handed out.
#[derive(Debug, Default)]
struct Behind {
    /// What stands behind it on its line, and where.
    rest: Option<(String, Spot)>,
    /// Whether what comes next is the rest of a line.
    inside_line: bool,
}

/// A place in a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// From 1.
    pub line: u64,
    /// In characters, from 1.
    pub column: u64,
}

/// What comes next in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// More text is needed to tell.
    More,
    Statement(Part),
    /// A COPY whose data are to be taken with [`Stream::data`].
    Copy(Part),
    /// What a command of psql says.
    Order(Spot, Order),
    /// Something that is not run, and nothing behind it.
    Refused(Spot, String),
    /// A statement that is longer than what is kept in memory.
    TooLong(Part),
    /// Nothing.
    End,
}

/// A statement of a script and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its text, without what psql takes out of it, with the comments in front of it.
    pub text: Arc<str>,
    /// So many bytes of that are the comments.
    pub lead: usize,
    /// Where its first byte is.
    pub spot: Spot,
    /// Where it goes on behind what was taken out: the byte of `text`, and its place.
    cuts: Vec<(usize, Spot)>,
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

impl Spot {
    /// Where a text begins.
    const START: Self = Self { line: 1, column: 1 };

    /// Behind a text that begins here.
    fn behind(self, over: &str) -> Self {
        let Self { line, column } = self;
        let lines = over.bytes().filter(|byte| *byte == b'\n').count() as u64;
        match over.rfind('\n') {
            Some(newline) => {
                Self { line: line + lines, column: over[newline + 1..].chars().count() as u64 + 1 }
            }
            None => Self { line, column: column + over.chars().count() as u64 },
        }
    }
}

impl Part {
    /// What is sent for a command of psql that stands there.
    pub fn of_text(text: &str, spot: Spot) -> Self {
        Self { text: text.into(), lead: 0, spot, cuts: vec![] }
    }

    /// Where a byte of its text is.
    pub fn place(&self, byte: usize) -> Spot {
        let before = self.cuts.partition_point(|(at, _)| *at <= byte);
        let (from, spot) = match before.checked_sub(1) {
            Some(cut) => self.cuts[cut],
            None => (0, self.spot),
        };
        spot.behind(self.text.get(from..byte).unwrap_or(""))
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

impl Stream {
    /// A script of which nothing is known, and whose statements may be so long.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            text: String::new(),
            at: 0,
            spot: Spot::START,
            jump: None,
            whole: 0,
            pieces: Pieces::default(),
            restriction: Restriction::default(),
            ready: VecDeque::new(),
            last: None,
            data: None,
            ended: false,
            over: false,
            bytes_max,
            held_max: 0,
        }
    }

    /// The data of a COPY, from their first line on, which is this one.
    pub fn of_data(line: u64, bytes_max: usize) -> Self {
        Self {
            spot: Spot { line, column: 1 },
            data: Some(Behind::default()),
            ..Self::new(bytes_max)
        }
    }

    /// More of the text.
    pub fn push(&mut self, more: &str) {
        self.forget();
        if let Some(newline) = more.rfind('\n') {
            self.whole = self.text.len() + newline + 1;
        }
        self.text.push_str(more);
        self.held_max = self.held_max.max(self.text.capacity());
    }

    /// There is no more.
    pub fn end(&mut self) {
        self.ended = true;
        self.whole = self.text.len();
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
        self.spot.line
    }

    /// What was read is let go, once that is most of what there is; but for the character before the next one, which
    /// shows that this is not the start of a text, where a byte order mark may stand.
    fn forget(&mut self) {
        let gone = self.text.floor_char_boundary(self.at.saturating_sub(1));
        if gone == 0 || gone < self.text.len() / 2 {
            return;
        }
        self.text.drain(..gone);
        self.at -= gone;
        self.whole = self.whole.saturating_sub(gone);
        self.jump = self.jump.map(|(from, line)| (from - gone, line));
        if self.data.is_none() {
            let Place { at, jump } = self.pieces.place();
            let place =
                Place { at: at - gone, jump: jump.map(|(from, to)| (from - gone, to - gone)) };
            self.pieces.go_to(place, -(gone as isize));
        }
    }

    /// The place of a byte that is not before the one that is read next.
    fn spot_of(&self, byte: usize) -> Spot {
        let (from, spot) = match self.jump {
            Some((jump, line)) if jump <= byte => (jump, Spot { line, column: 1 }),
            _ => (self.at, self.spot),
        };
        spot.behind(self.text.get(from..byte).unwrap_or(""))
    }

    /// Goes on to a byte, and counts lines on the way.
    fn go_to(&mut self, next: usize) {
        self.spot = self.spot_of(next);
        self.jump = self.jump.filter(|(jump, _)| *jump > next);
        self.at = next;
    }

    /// What comes next, read as a session does that has this rule.
    pub fn next(&mut self, backslash: BackslashRule) -> Next {
        loop {
            if let Some(next) = self.ready.pop_front() {
                return next;
            }
            if self.over {
                return self.last.take().unwrap_or(Next::End);
            }
            let lines = self.text.get(..self.whole).unwrap_or("");
            self.pieces.switch(lines, backslash);
            let before = self.pieces.clone();
            match self.pieces.next(lines) {
                Some(read) if self.ended || read.is_whole() => self.take(&read),
                None if self.ended => self.over = true,
                _ => {
                    self.pieces = before;
                    return self.nothing();
                }
            }
        }
    }

    fn nothing(&self) -> Next {
        let rest = self.text.get(self.at..).unwrap_or("");
        if rest.len() <= self.bytes_max {
            return Next::More;
        }
        let blanks = rest.len() - rest.trim_start().len();
        let end = rest.floor_char_boundary(blanks + 200);
        let beginning = rest.get(blanks..end).unwrap_or("");
        Next::TooLong(Part::of_text(beginning, self.spot_of(self.at + blanks)))
    }

    /// Makes what is handed out of a piece.
    fn take(&mut self, read: &Read) {
        let lines = self.text.get(..self.whole).unwrap_or("");
        let steps = match script::steps(lines, read, &mut self.restriction) {
            Ok(steps) => steps,
            Err(Refusal { range, reason }) => {
                let refused = Next::Refused(self.spot_of(range.start), reason);
                self.ready.push_back(refused);
                (self.over, self.last) = (true, None);
                return;
            }
        };
        let mut data = None;
        let mut spots = Spots::of(self);
        for step in steps {
            match step {
                Step::Order(_, Order::Quit) => self.over = true,
                Step::Order(range, order) => {
                    let spot = spots.at(self, range.start);
                    self.ready.push_back(Next::Order(spot, order));
                }
                Step::Send(sent) => {
                    data = sent.copy_data.clone();
                    let next = self.made(&sent);
                    if sent.terminated {
                        self.ready.push_back(next);
                    } else {
                        self.last = Some(next);
                    }
                }
            }
        }
        let place = self.pieces.place();
        match data {
            Some(data) => self.begin_data(place, data.start),
            None => self.go_to(place.at),
        }
    }

    fn made(&self, sent: &Sent) -> Next {
        let mut spots = Spots::of(self);
        let part = Part {
            text: sent.sql.clone(),
            lead: sent.lead,
            spot: spots.at(self, sent.start - sent.lead),
            cuts: sent.cuts.iter().map(|(at, cut)| (*at, spots.at(self, cut.end))).collect(),
        };
        if sent.takes_data { Next::Copy(part) } else { Next::Statement(part) }
    }

    /// The data of a COPY begin below its line; what else is on the line comes after them.
    fn begin_data(&mut self, behind: Place, data: usize) {
        let mut from = data;
        let rest = behind.jump.map(|(line, _)| {
            from = behind.at;
            self.go_to(from);
            let rest = self.text.get(from..line).unwrap_or("");
            (rest.to_owned(), self.spot)
        });
        self.go_to(data);
        // As `end_data` puts it.
        self.pieces.go_to(Place::default(), 1 - from as isize);
        self.data = Some(Behind { rest, inside_line: false });
    }

    /// What comes next of the data of the COPY that [`Stream::next`] answered with.
    pub fn data(&mut self) -> Data {
        let Some(Behind { inside_line, .. }) = self.data else {
            return Data::End;
        };
        let Extent { end, mark } = copy::extent(&self.text, self.at, inside_line, self.ended);
        if end > self.at {
            let data = self.text.get(self.at..end).unwrap_or("").to_owned();
            self.go_to(end);
            if let Some(behind) = &mut self.data {
                behind.inside_line = !data.ends_with('\n');
            }
            return Data::Some(data);
        }
        match mark {
            Some(mark) => self.go_to(mark),
            None if self.ended => {}
            None => return Data::More,
        }
        self.end_data();
        Data::End
    }

    /// Behind the data stands what is behind their COPY on its line: it is read as if there had been no data.
    fn end_data(&mut self) {
        const NO_DATA: &str = "\n\\.";
        let Some(Behind { rest, .. }) = self.data.take() else {
            return;
        };
        let Some((rest, spot)) = rest else {
            let at = self.at;
            self.pieces.go_to(Place { at, jump: None }, 0);
            return;
        };
        let line = self.spot.line;
        let end = self.text.split_off(self.at);
        // What stands before it is no start of a text.
        self.text = format!("\n{rest}{NO_DATA}{end}");
        self.whole = match self.ended {
            true => self.text.len(),
            false => self.text.rfind('\n').map_or(0, |newline| newline + 1),
        };
        (self.at, self.spot) = (1, spot);
        let from = 1 + rest.len();
        self.jump = Some((from + 1, line));
        let jump = Some((from, from + NO_DATA.len()));
        self.pieces.go_to(Place { at: 1, jump }, 0);
    }
}

/// Finds the places of bytes that come in order, and counts each line once.
struct Spots {
    at: usize,
    spot: Spot,
}

impl Spots {
    fn of(stream: &Stream) -> Self {
        Self { at: stream.at, spot: stream.spot }
    }

    fn at(&mut self, stream: &Stream, byte: usize) -> Spot {
        let (from, spot) = match stream.jump {
            Some((jump, line)) if self.at < jump && jump <= byte => {
                (jump, Spot { line, column: 1 })
            }
            _ => (self.at, self.spot),
        };
        let over = stream.text.get(from..byte).unwrap_or("");
        (self.at, self.spot) = (byte, spot.behind(over));
        self.spot
    }
}

#[cfg(test)]
mod tests;
