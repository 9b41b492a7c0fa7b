//! Reads a script in blocks: finds the same as [`super::script`] in the whole text, with no more of it in memory than
//! the longest statement.
//!
//! A statement is taken once the line on which it ends is there. A COPY's data is not part of any statement: it is
//! handed out as it comes.

use std::{collections::VecDeque, sync::Arc};

use super::{
    copy::{self, Extent},
    psql::{Order, Refusal, Restriction},
    script::{self, Sent, Step},
    split::{Pieces, Place, Read},
};
use crate::sql::{read::lex::BackslashRule, safety::mask};

/// How much to read at a time.
pub const BLOCK_BYTES: usize = 64 << 10;

/// A script that is read in blocks.
#[derive(Debug)]
pub struct Stream {
    text: String,
    /// Everything before this byte is done.
    at: usize,
    /// The line and the column of `at`.
    spot: Spot,
    /// From this byte on, lines count from this one: data was removed before it.
    jump: Option<(usize, u64)>,
    /// How many bytes of the text are complete lines.
    whole: usize,
    pieces: Pieces,
    restriction: Restriction,
    ready: VecDeque<Next>,
    /// The script's unended statement, which comes last.
    last: Option<Next>,
    /// The data being handed out.
    data: Option<Behind>,
    ended: bool,
    /// Whether to run nothing of what follows.
    over: bool,
    bytes_max: usize,
    held_max: usize,
}

/// A COPY's data being handed out.
#[derive(Debug, Default)]
struct Behind {
    /// What follows the COPY on its line, and where.
    rest: Option<(String, Spot)>,
    /// Whether the next text is the rest of a line.
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

/// The next thing in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// More text is needed to decide.
    More,
    Statement(Part),
    /// A COPY whose data must be taken with [`Stream::data`].
    Copy(Part),
    /// A psql command.
    Order(Spot, Order),
    /// Something that Tusk does not run; nothing follows it.
    Refused(Spot, String),
    /// A statement longer than what is kept in memory.
    TooLong(Part),
    /// Nothing more.
    End,
}

/// A statement of a script and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its text, without what psql removes, with the comments before it.
    pub text: Arc<str>,
    /// How many bytes of that are the comments.
    pub lead: usize,
    /// The position of its first byte.
    pub spot: Spot,
    /// Where it continues after the removed parts: the byte of `text`, and its position.
    cuts: Vec<(usize, Spot)>,
}

/// The next piece of a COPY's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// More text is needed to decide.
    More,
    /// Some of them.
    Some(String),
    /// There is no more.
    End,
}

impl Spot {
    /// The start of a text.
    const START: Self = Self { line: 1, column: 1 };

    /// The position after a text that begins here.
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
    /// The text that is sent for a psql command at this position.
    pub fn of_text(text: &str, spot: Spot) -> Self {
        Self { text: text.into(), lead: 0, spot, cuts: vec![] }
    }

    /// The position of a byte of its text.
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

    /// Its first words, for the user.
    pub fn name(&self) -> String {
        let first = self.statement().trim_start();
        let words: Vec<&str> = first.split_whitespace().take(6).collect();
        let words: String = words.join(" ").chars().take(60).collect();
        mask::passwords(&words).into_owned()
    }
}

impl Stream {
    /// A new script, whose statements may have this many bytes.
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

    /// A COPY's data, from their first line on, which is this one.
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

    /// The script ends here.
    pub fn end(&mut self) {
        self.ended = true;
        self.whole = self.text.len();
    }

    /// How much to read next: a long statement is examined less and less often.
    pub fn wants(&self) -> usize {
        (self.text.len() - self.at).clamp(BLOCK_BYTES, self.bytes_max.max(BLOCK_BYTES))
    }

    /// The most bytes held at a time.
    pub fn held_max(&self) -> usize {
        self.held_max
    }

    /// The line that is read next, from 1.
    pub fn line(&self) -> u64 {
        self.spot.line
    }

    /// Drops what was read, once that is most of the text; but not the character before the next one, which shows that
    /// this is not the start of a text, where a byte order mark may be.
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

    /// The position of a byte at or after the next one.
    fn spot_of(&self, byte: usize) -> Spot {
        let (from, spot) = match self.jump {
            Some((jump, line)) if jump <= byte => (jump, Spot { line, column: 1 }),
            _ => (self.at, self.spot),
        };
        spot.behind(self.text.get(from..byte).unwrap_or(""))
    }

    /// Advances to a byte, and counts lines on the way.
    fn go_to(&mut self, next: usize) {
        self.spot = self.spot_of(next);
        self.jump = self.jump.filter(|(jump, _)| *jump > next);
        self.at = next;
    }

    /// The next thing, by this session's rule.
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

    /// Turns a piece into what is handed out.
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

    /// A COPY's data begins below its line; the rest of the line comes after it.
    fn begin_data(&mut self, behind: Place, data: usize) {
        let mut from = data;
        let rest = behind.jump.map(|(line, _)| {
            from = behind.at;
            self.go_to(from);
            let rest = self.text.get(from..line).unwrap_or("");
            (rest.to_owned(), self.spot)
        });
        self.go_to(data);
        // As `end_data` writes it.
        self.pieces.go_to(Place::default(), 1 - from as isize);
        self.data = Some(Behind { rest, inside_line: false });
    }

    /// The next part of the data of the COPY that [`Stream::next`] returned.
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

    /// After the data comes the rest of the COPY's line: it is read as if there had been no data.
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
        // What precedes it is not the start of a text.
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

/// Finds the positions of ordered bytes, and counts each line once.
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
