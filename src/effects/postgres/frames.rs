//! PostgreSQL's backend messages out of a stream of bytes: a parser without IO.
//!
//! Bytes are read into [`Frames::space`] in pieces of any size, and whole messages are taken out of the same buffer,
//! so that a row is copied once, from here to its chunk. A giant message makes the buffer grow to what it needs and
//! no further; afterwards the buffer is small again.

use std::fmt;

/// The size of the buffer between giant messages.
pub const BUFFER_BYTES: usize = 128 << 10;

/// The tag and the length before each body.
const HEADER_BYTES: usize = 5;

/// One whole message of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'buffer> {
    /// Tag, length and body, as they came.
    pub whole: &'buffer [u8],
}

impl<'buffer> Frame<'buffer> {
    /// The kind of message: `D` for a row, `Z` for ReadyForQuery, ….
    pub fn tag(self) -> u8 {
        self.whole.first().copied().unwrap_or_default()
    }

    /// What follows the length.
    pub fn body(self) -> &'buffer [u8] {
        self.whole.get(HEADER_BYTES..).unwrap_or_default()
    }
}

/// The stream is not PostgreSQL's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The tag of the message whose length is impossible.
    pub tag: u8,
}

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("what answers there does not speak PostgreSQL's protocol")
    }
}

impl std::error::Error for Malformed {}

/// The bytes that have come and are not yet taken.
pub struct Frames {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    frame_bytes_max: usize,
}

impl Frames {
    /// An empty buffer that takes messages of up to `frame_bytes_max` bytes.
    pub fn new(frame_bytes_max: usize) -> Self {
        Self {
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            frame_bytes_max,
        }
    }

    /// From now on messages may be as large as the protocol allows.
    pub fn allow_giants(&mut self) {
        self.frame_bytes_max = i32::MAX as usize + 1;
    }

    /// Room for what comes next; never empty.
    pub fn space(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.buffer.len() > BUFFER_BYTES {
                self.buffer = vec![0; BUFFER_BYTES];
            }
        }
        let needed = self
            .length()
            .unwrap_or(HEADER_BYTES)
            .min(self.frame_bytes_max);
        if needed > self.buffer.len() {
            // Fresh zeroed memory costs nothing until it is written to, so a giant's whole length may be asked for.
            let mut larger = vec![0; needed];
            larger[..self.end - self.start].copy_from_slice(&self.buffer[self.start..self.end]);
            self.buffer = larger;
            (self.start, self.end) = (0, self.end - self.start);
        } else if self.start + needed > self.buffer.len() || self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        &mut self.buffer[self.end..]
    }

    /// So many bytes of the space were written.
    pub fn filled(&mut self, bytes: usize) {
        self.end = (self.end + bytes).min(self.buffer.len());
    }

    /// The tag of the next message, once its header is there.
    pub fn peek(&self) -> Option<u8> {
        self.length().map(|_| self.buffer[self.start])
    }

    /// The next message, once it is whole.
    #[inline]
    pub fn take(&mut self) -> Result<Option<Frame<'_>>, Malformed> {
        let Some(length) = self.length() else {
            return Ok(None);
        };
        if length < HEADER_BYTES || length > self.frame_bytes_max {
            return Err(Malformed {
                tag: self.buffer[self.start],
            });
        }
        if self.end - self.start < length {
            return Ok(None);
        }
        let whole = &self.buffer[self.start..self.start + length];
        self.start += length;
        Ok(Some(Frame { whole }))
    }

    /// The length of the next message with its tag, once the header is there; below a header's size it is nonsense.
    #[inline]
    fn length(&self) -> Option<usize> {
        let header = self.buffer[self.start..self.end].first_chunk::<HEADER_BYTES>()?;
        let [_, a, b, c, d] = *header;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        Some(if length < HEADER_BYTES - 1 {
            0
        } else {
            length.saturating_add(1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let mut whole = vec![tag];
        whole.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
        whole.extend_from_slice(body);
        whole
    }

    /// Feeds the bytes in pieces of the sizes that `next` gives, and returns what came out.
    #[track_caller]
    fn fed(bytes: &[u8], mut next: impl FnMut() -> usize) -> Vec<Vec<u8>> {
        let mut frames = Frames::new(0);
        frames.allow_giants();
        let (mut rest, mut out) = (bytes, vec![]);
        while !rest.is_empty() {
            let space = frames.space();
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
        let mut all = vec![
            message(b'Z', b"I"),
            message(b'I', b""),
            message(b'D', &[7; 300]),
        ];
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
        let mut frames = Frames::new(1_000);
        let bytes = message(b'D', &[0; 100]);
        frames.space()[..4].copy_from_slice(&bytes[..4]);
        frames.filled(4);
        assert_eq!(frames.peek(), None);
        frames.space()[..1].copy_from_slice(&bytes[4..5]);
        frames.filled(1);
        assert_eq!((frames.peek(), frames.take()), (Some(b'D'), Ok(None)));
    }

    #[test]
    fn an_impossible_length_is_not_the_protocol() {
        for (bytes, largest) in [
            (*b"HTTP/", 1_000),
            ([b'D', 0, 0, 0, 3], 1_000),
            ([b'D', 255, 255, 255, 255], usize::MAX),
        ] {
            let mut frames = Frames::new(largest.min(i32::MAX as usize));
            frames.space()[..5].copy_from_slice(&bytes);
            frames.filled(5);
            assert_eq!(frames.take(), Err(Malformed { tag: bytes[0] }));
        }
    }

    #[test]
    fn the_buffer_is_small_again_after_a_giant() {
        let mut frames = Frames::new(0);
        frames.allow_giants();
        let giant = message(b'D', &vec![1; 4 * BUFFER_BYTES]);
        let mut rest = giant.as_slice();
        while !rest.is_empty() {
            let space = frames.space();
            let size = space.len().min(rest.len());
            space[..size].copy_from_slice(&rest[..size]);
            frames.filled(size);
            rest = &rest[size..];
        }
        assert_eq!(frames.buffer.len(), giant.len());
        assert_eq!(frames.take().unwrap().unwrap().whole, giant);
        assert_eq!(frames.space().len(), BUFFER_BYTES);
    }
}
