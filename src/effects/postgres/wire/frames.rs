//! Splits a stream of bytes into PostgreSQL's backend messages: a parser without IO.
//!
//! Bytes are read into [`Frames::space`] in pieces of any size, and whole messages are taken from the same buffer, so a
//! row is copied once, from here to its chunk. The buffer grows with the bytes that arrive, never because of a declared
//! length alone, and only up to the limit for the kind of message; afterwards it shrinks again.

use std::borrow::Cow;
use std::fmt;

use crate::{
    effects::postgres::error,
    failure::{Category, Failure},
    rows::show::display::bytes_text,
};

/// The buffer's size between giant messages.
pub const BUFFER_BYTES: usize = 128 << 10;

/// The tag and the length before each body.
const HEADER_BYTES: usize = 5;

/// The most bytes of a message during start-up; a longer one does not come from PostgreSQL.
const START_UP_BYTES_MAX: usize = 64 << 10;

/// The most bytes of a row or of a piece of COPY: PostgreSQL's own limit for any message, with its header.
const DATA_BYTES_MAX: usize = (1 << 30) + HEADER_BYTES;

/// The most bytes of a row that answers a query of Tusk's own.
const OWN_DATA_BYTES_MAX: usize = 1 << 20;

/// The most bytes of a row description: 65,535 columns with long names.
const DESCRIPTION_BYTES_MAX: usize = 8 << 20;

/// The most bytes of any message without user data.
const OTHER_BYTES_MAX: usize = 1 << 20;

/// How much of a longer notice or error to keep; the rest is counted as it passes.
pub const WORDS_BYTES_MAX: usize = 1 << 20;

/// One message of the server, whole except for the end of a very long notice or error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'buffer> {
    /// Tag, length and body, as they came.
    pub whole: &'buffer [u8],
    /// Bytes at the end of the body that were not kept.
    pub left_out: usize,
}

impl<'buffer> Frame<'buffer> {
    /// A complete message.
    #[cfg(test)]
    pub fn new(whole: &'buffer [u8]) -> Self {
        Self { whole, left_out: 0 }
    }

    /// The kind of message: `D` for a row, `Z` for ReadyForQuery, ….
    pub fn tag(self) -> u8 {
        self.whole.first().copied().unwrap_or_default()
    }

    /// What follows the length.
    pub fn body(self) -> &'buffer [u8] {
        self.whole.get(HEADER_BYTES..).unwrap_or_default()
    }
}

/// Why the stream can't be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It is not PostgreSQL's protocol.
    Foreign,
    /// PostgreSQL has no message of this type.
    Unknown(u8),
    /// A message of this type declares an impossible length.
    Length {
        /// Its type.
        tag: u8,
        /// The length that it declares.
        bytes: u32,
    },
    /// A message needs more memory than there is.
    Memory {
        /// Its type.
        tag: u8,
        /// The bytes requested.
        bytes: usize,
    },
    /// The server keeps talking before it is ready.
    Chatter {
        /// How many bytes it sent.
        bytes: usize,
        /// The type of the last message.
        tag: u8,
    },
    /// The server reports more parameters than Tusk keeps.
    Parameters,
}

impl Malformed {
    pub fn failure(self) -> Failure {
        let message = format!("{self}.");
        match self {
            Self::Foreign => error::plain(Category::Connection, message),
            Self::Memory { .. } => error::plain(Category::Connection, message).with_next_step(
                "Close what holds much memory, or ask for less at once. Then reconnect (Reconnect in the palette).",
            ),
            _ => error::servers_fault(message),
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => formatter.write_str(
                "No PostgreSQL server: what answers there does not speak PostgreSQL's protocol",
            ),
            Self::Unknown(tag) => write!(
                formatter,
                "The server sent a message of the type {}, which PostgreSQL's protocol does not have",
                name(*tag)
            ),
            Self::Length { tag, bytes } => write!(
                formatter,
                "The server sent a message that can't be: {} of {}",
                name(*tag),
                bytes_text(u64::from(*bytes))
            ),
            Self::Memory { tag, bytes } => write!(
                formatter,
                "There is no memory for what the server sent: {}, for which {} were needed",
                name(*tag),
                bytes_text(*bytes as u64)
            ),
            Self::Chatter { bytes, tag } => write!(
                formatter,
                "The server sent {} before it was ready for a statement, and went on: the last was {}",
                bytes_text(*bytes as u64),
                name(*tag)
            ),
            Self::Parameters => formatter
                .write_str("The server reports more parameters than any PostgreSQL server has"),
        }
    }
}

impl std::error::Error for Malformed {}

/// The protocol's name for a message of this type.
pub fn name(tag: u8) -> Cow<'static, str> {
    match known(tag) {
        Some(name) => name.into(),
        None if tag.is_ascii_graphic() => format!("‘{}’", char::from(tag)).into(),
        None => format!("{tag}").into(),
    }
}

/// Whether the protocol has messages of this type.
pub fn is_known(tag: u8) -> bool {
    known(tag).is_some()
}

fn known(tag: u8) -> Option<&'static str> {
    Some(match tag {
        b'R' => "Authentication",
        b'K' => "BackendKeyData",
        b'2' => "BindComplete",
        b'3' => "CloseComplete",
        b'C' => "CommandComplete",
        b'd' => "CopyData",
        b'c' => "CopyDone",
        b'G' => "CopyInResponse",
        b'H' => "CopyOutResponse",
        b'W' => "CopyBothResponse",
        b'D' => "DataRow",
        b'I' => "EmptyQueryResponse",
        b'E' => "ErrorResponse",
        b'V' => "FunctionCallResponse",
        b'v' => "NegotiateProtocolVersion",
        b'n' => "NoData",
        b'N' => "NoticeResponse",
        b'A' => "NotificationResponse",
        b't' => "ParameterDescription",
        b'S' => "ParameterStatus",
        b'1' => "ParseComplete",
        b's' => "PortalSuspended",
        b'Z' => "ReadyForQuery",
        b'T' => "RowDescription",
        _ => return None,
    })
}

/// The bytes that have arrived and not been taken yet.
pub struct Frames {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes still to come, to be dropped.
    skips: usize,
    starting: bool,
    data_bytes_max: usize,
}

impl Frames {
    /// An empty buffer for the messages of a start-up.
    pub fn new() -> Self {
        Self {
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            skips: 0,
            starting: true,
            data_bytes_max: OWN_DATA_BYTES_MAX,
        }
    }

    /// Whether rows from now on are the user's, which may be as large as PostgreSQL makes them.
    pub fn expect_data(&mut self, users: bool) {
        self.data_bytes_max = if users { DATA_BYTES_MAX } else { OWN_DATA_BYTES_MAX };
    }

    /// The start-up is over: messages may now be as large as PostgreSQL makes them.
    pub fn allow_giants(&mut self) {
        self.starting = false;
    }

    /// Space for the next bytes; never empty.
    pub fn space(&mut self) -> Result<&mut [u8], Malformed> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.buffer.len() > BUFFER_BYTES {
                self.buffer = vec![0; BUFFER_BYTES];
            }
        }
        let needed = self.needed();
        if needed > self.buffer.len() && self.end - self.start == self.buffer.len() {
            self.grow(needed)?;
        } else if self.start + needed > self.buffer.len() || self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        Ok(&mut self.buffer[self.end..])
    }

    /// This many bytes of the space were written.
    pub fn filled(&mut self, bytes: usize) {
        self.end = (self.end + bytes).min(self.buffer.len());
        self.skip();
    }

    /// The tag of the next message, once its header is there.
    pub fn peek(&self) -> Option<u8> {
        self.header().map(|(tag, _)| tag)
    }

    /// The next message once it is complete, or what is kept of it.
    #[inline]
    pub fn take(&mut self) -> Result<Option<Frame<'_>>, Malformed> {
        let Some((tag, declared)) = self.header() else {
            return Ok(None);
        };
        let (length, kept) = self.checked(tag, declared)?;
        if self.end - self.start < kept {
            return Ok(None);
        }
        let start = self.start;
        self.start += kept;
        let left_out = length - kept;
        if left_out > 0 {
            self.skips = left_out;
            self.skip();
        }
        Ok(Some(Frame { whole: &self.buffer[start..start + kept], left_out }))
    }

    /// Skips the next message, and does not keep its bytes still to come; returns whether there is one.
    pub fn pass_over(&mut self) -> Result<bool, Malformed> {
        let Some((tag, declared)) = self.header() else {
            return Ok(false);
        };
        (self.skips, _) = self.checked(tag, declared)?;
        self.skip();
        Ok(true)
    }

    /// A message's length with its tag, and how much of it to keep.
    #[inline]
    fn checked(&self, tag: u8, declared: u32) -> Result<(usize, usize), Malformed> {
        let length = declared as usize + 1;
        let largest = match tag {
            _ if self.starting => START_UP_BYTES_MAX,
            b'D' | b'd' => self.data_bytes_max,
            b'N' | b'E' => DATA_BYTES_MAX,
            b'T' => DESCRIPTION_BYTES_MAX,
            _ => OTHER_BYTES_MAX,
        };
        if length < HEADER_BYTES || length > largest {
            return Err(if self.starting {
                Malformed::Foreign
            } else {
                Malformed::Length { tag, bytes: declared }
            });
        }
        let kept = match tag {
            b'N' | b'E' => length.min(WORDS_BYTES_MAX),
            _ => length,
        };
        Ok((length, kept))
    }

    /// How many bytes of the next message must be there before it is taken.
    fn needed(&self) -> usize {
        let checked = self.header().map(|(tag, declared)| self.checked(tag, declared));
        match checked {
            Some(Ok((_, kept))) => kept,
            // A message that is refused needs no more space.
            Some(Err(_)) | None => HEADER_BYTES,
        }
    }

    /// Doubles a full buffer, or grows it to the message's length.
    #[cold]
    fn grow(&mut self, needed: usize) -> Result<(), Malformed> {
        let size = needed.min(2 * self.buffer.len());
        let more = size - self.buffer.len();
        if self.buffer.try_reserve_exact(more).is_err() {
            return Err(Malformed::Memory { tag: self.peek().unwrap_or_default(), bytes: size });
        }
        self.buffer.resize(size, 0);
        Ok(())
    }

    fn skip(&mut self) {
        let skipped = self.skips.min(self.end - self.start);
        self.skips -= skipped;
        self.start += skipped;
    }

    /// The next message's tag and declared length, once its header is there.
    #[inline]
    fn header(&self) -> Option<(u8, u32)> {
        let header = self.buffer[self.start..self.end].first_chunk::<HEADER_BYTES>()?;
        let [tag, a, b, c, d] = *header;
        Some((tag, u32::from_be_bytes([a, b, c, d])))
    }
}

#[cfg(test)]
mod tests {
    use super::super::encoding::Texts;
    use super::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let mut whole = vec![tag];
        whole.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
        whole.extend_from_slice(body);
        whole
    }

    /// Feeds the bytes in pieces of the sizes that `next` gives, and returns the messages.
    #[track_caller]
    fn fed(bytes: &[u8], mut next: impl FnMut() -> usize) -> Vec<Vec<u8>> {
        let mut frames = Frames::new();
        frames.allow_giants();
        frames.expect_data(true);
        let (mut rest, mut out) = (bytes, vec![]);
        while !rest.is_empty() {
            let space = frames.space().unwrap();
            assert!(!space.is_empty());
            let size = next().clamp(1, rest.len()).min(space.len());
            space[..size].copy_from_slice(&rest[..size]);
            frames.filled(size);
            rest = &rest[size..];
            while let Some(frame) = frames.take().unwrap() {
                out.push(frame.whole.to_vec());
            }
        }
        out
    }

    fn messages() -> Vec<Vec<u8>> {
        let mut all = vec![message(b'Z', b"I"), message(b'I', b""), message(b'D', &[7; 300])];
        all.push(message(b'D', &vec![8; 3 * BUFFER_BYTES + 17]));
        all.extend((0..2_000).map(|at| message(b'D', &vec![at as u8; at % 301])));
        all.push(message(b'd', &vec![9; BUFFER_BYTES - 5]));
        all.push(message(b'C', b"SELECT 1\0"));
        all
    }

    #[test]
    fn byte_by_byte_every_message_comes_out_whole() {
        let all = messages();
        assert_eq!(fed(&all.concat(), || 1), all);
    }

    #[test]
    fn in_any_pieces_the_same_messages_come_out() {
        let all = messages();
        let bytes = all.concat();
        for seed in 1..40_u64 {
            let mut state = seed;
            let cut = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let limit = [3, 50, 4_000, 2 * BUFFER_BYTES][(seed % 4) as usize];
                (state >> 33) as usize % limit
            };
            assert_eq!(fed(&bytes, cut), all, "seed {seed}");
        }
    }

    #[test]
    fn a_tag_is_known_before_its_message_is_whole() {
        let mut frames = Frames::new();
        let bytes = message(b'D', &[0; 100]);
        frames.space().unwrap()[..4].copy_from_slice(&bytes[..4]);
        frames.filled(4);
        assert_eq!(frames.peek(), None);
        frames.space().unwrap()[..1].copy_from_slice(&bytes[4..5]);
        frames.filled(1);
        assert_eq!((frames.peek(), frames.take()), (Some(b'D'), Ok(None)));
    }

    fn begun(bytes: &[u8], starting: bool) -> Frames {
        let mut frames = Frames::new();
        if !starting {
            frames.allow_giants();
            frames.expect_data(true);
        }
        frames.space().unwrap()[..bytes.len()].copy_from_slice(bytes);
        frames.filled(bytes.len());
        frames
    }

    #[test]
    fn at_the_start_an_impossible_length_is_another_protocol() {
        for bytes in [*b"HTTP/", [b'E', 0, 0, 0, 3], [b'S', 0, 1, 0, 0]] {
            assert_eq!(begun(&bytes, true).take(), Err(Malformed::Foreign));
        }
    }

    #[test]
    fn a_length_that_its_type_can_t_have_is_refused_before_anything_is_kept_for_it() {
        for tag in 0..=u8::MAX {
            for declared in [0, 3, 1 << 31, u32::MAX] {
                let [a, b, c, d] = u32::to_be_bytes(declared);
                let mut frames = begun(&[tag, a, b, c, d], false);
                let refused = Malformed::Length { tag, bytes: declared };
                assert!(frames.space().unwrap().len() < BUFFER_BYTES);
                assert_eq!(frames.take(), Err(refused));
                assert_eq!(frames.pass_over(), Err(refused));
                assert_eq!(frames.buffer.len(), BUFFER_BYTES);
            }
        }
    }

    #[test]
    fn the_buffer_grows_with_what_has_come_and_not_with_what_is_announced() {
        let mut frames = begun(&[b'D', 0x3F, 0, 0, 0], false);
        let mut came = 5;
        for _ in 0..50 {
            let size = frames.space().unwrap().len().min(100_000);
            frames.filled(size);
            came += size;
            assert_eq!(frames.take(), Ok(None));
            assert!(frames.buffer.len() <= 2 * came.max(BUFFER_BYTES));
        }
    }

    #[test]
    fn of_very_long_words_the_beginning_is_kept_and_the_rest_counted() {
        for tag in [b'N', b'E'] {
            let body = [&b"SNOTICE\0M"[..], &vec![b'x'; 3 << 20], b"\0\0"].concat();
            let long = message(tag, &body);
            let after = message(b'C', b"DO\0");
            let stream = [&long[..], &after].concat();
            let mut frames = begun(&[], false);
            let (mut rest, mut out) = (&stream[..], vec![]);
            while !rest.is_empty() {
                let space = frames.space().unwrap();
                let size = space.len().min(rest.len()).min(77_777);
                space[..size].copy_from_slice(&rest[..size]);
                frames.filled(size);
                rest = &rest[size..];
                while let Some(frame) = frames.take().unwrap() {
                    out.push((Texts::default().read(frame, 0).into_owned(), frame.left_out));
                }
                assert!(frames.buffer.len() <= WORDS_BYTES_MAX);
            }
            let [(kept, left_out), (next, 0)] = &out[..] else {
                panic!("{} messages", out.len());
            };
            assert_eq!((*left_out, next), (long.len() - WORDS_BYTES_MAX, &after));
            assert_eq!(message(tag, &kept[5..]), *kept);
            assert!(kept.ends_with("x… (2 MB more, not kept)\0\0".as_bytes()));
        }
    }

    #[test]
    fn a_message_that_is_passed_over_needs_no_room() {
        let stream = [message(b'D', &vec![1; 5 * BUFFER_BYTES]), message(b'Z', b"I")].concat();
        let mut frames = begun(&[], false);
        let (mut rest, mut passed) = (&stream[..], 0);
        let mut last = None;
        while !rest.is_empty() {
            let space = frames.space().unwrap();
            let size = space.len().min(rest.len());
            space[..size].copy_from_slice(&rest[..size]);
            frames.filled(size);
            rest = &rest[size..];
            while frames.peek() == Some(b'D') {
                assert!(frames.pass_over().unwrap());
                passed += 1;
            }
            last = frames.take().unwrap().map(|frame| frame.tag()).or(last);
        }
        assert_eq!((passed, last), (1, Some(b'Z')));
        assert_eq!(frames.buffer.len(), BUFFER_BYTES);
    }

    #[test]
    fn the_buffer_is_small_again_after_a_giant() {
        let mut frames = Frames::new();
        frames.allow_giants();
        frames.expect_data(true);
        let giant = message(b'D', &vec![1; 4 * BUFFER_BYTES]);
        let mut rest = giant.as_slice();
        while !rest.is_empty() {
            let space = frames.space().unwrap();
            let size = space.len().min(rest.len());
            space[..size].copy_from_slice(&rest[..size]);
            frames.filled(size);
            rest = &rest[size..];
        }
        assert_eq!(frames.buffer.len(), giant.len());
        assert_eq!(frames.take().unwrap().unwrap().whole, giant);
        assert_eq!(frames.space().unwrap().len(), BUFFER_BYTES);
    }
}
