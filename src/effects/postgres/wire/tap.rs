//! The wire tap: a filter between the socket and the driver.
//!
//! It reads the server's messages as they pass, and learns what the driver hides: the transaction status, the
//! parameters, the cancel key. While a user's statement runs, its [`Capture`] takes the rows out here; answers to the
//! driver's own queries pass untouched.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

use super::{
    encoding::Texts,
    frames::{self, Frame, Frames, Malformed},
};
use crate::{
    base::transaction::Transaction,
    effects::postgres::{
        connect::{
            liveness::Patience,
            login::{Refused, Terms},
        },
        locked,
        session::{
            capture::{Capture, Verdict},
            sealed::Sealed,
            words::Words,
        },
    },
    sql::read::lex::BackslashRule,
};

/// Any stream that can carry a link.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire for S {}

/// The most bytes that a server may send before it is ready: notices and a few hundred parameters are far less.
const START_UP_BYTES_MAX: usize = 1 << 20;

/// The most bytes of all parameters together.
const PARAMETERS_BYTES_MAX: usize = 1 << 20;

/// How soon a waiting link notices that the loop has taken its messages.
const LOOK_EVERY: Duration = Duration::from_millis(4);

/// What the tap has learnt, shared with the connection's task.
#[derive(Default)]
pub struct Learnt {
    /// The transaction status of the last ReadyForQuery.
    pub transaction: Transaction,
    /// The server's parameters, as last reported.
    pub parameters: BTreeMap<String, String>,
    /// The process id of the server's backend.
    pub backend_pid: i32,
    /// The secret that a cancel request must show.
    pub cancel_key: i32,
    /// The user's statement that is running.
    pub capture: Option<Capture>,
    /// Notices and notifications.
    pub words: Words,
    /// What the server said before it was ready.
    pub start_up: StartUp,
    /// Whether the server asked for the password in the clear.
    pub cleartext: bool,
    /// When the server was last heard, or a statement last sent.
    pub heard_at: Option<Instant>,
    /// Custom settings that the session's statements named.
    pub named_settings: BTreeSet<String>,
    /// The statement's wrapper, on a read-only connection.
    pub sealed: Option<Sealed>,
    /// When a link that waits for the loop checks again.
    pub looks_at: Option<Instant>,
    parameters_bytes: usize,
    /// The text's encoding.
    pub texts: Texts,
    ready_once: bool,
}

/// What a server said before it was ready for a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StartUp {
    pub messages: u64,
    pub bytes: usize,
    /// The type of the last one.
    pub last: u8,
}

/// The filter.
pub struct Tap {
    wire: Box<dyn Wire>,
    channel_binding: Mutex<Option<ChannelBinding>>,
    frames: Frames,
    passed: Vec<u8>,
    given: usize,
    started: bool,
    terms: Terms,
    patience: Option<Patience>,
    learnt: Arc<Mutex<Learnt>>,
}

/// Why the tap gives a link up.
enum Fault {
    Malformed(Malformed),
    Refused(Refused),
}

impl Tap {
    /// Listens on a fresh link, before the start-up message.
    pub fn new(
        wire: Box<dyn Wire>,
        channel_binding: ChannelBinding,
        terms: Terms,
        patience: Option<Patience>,
    ) -> (Self, Arc<Mutex<Learnt>>) {
        let learnt = Arc::new(Mutex::new(Learnt::default()));
        let tap = Self {
            wire,
            channel_binding: Mutex::new(Some(channel_binding)),
            frames: Frames::new(),
            passed: Vec::new(),
            given: 0,
            started: false,
            terms,
            patience,
            learnt: learnt.clone(),
        };
        (tap, learnt)
    }

    /// Takes all complete messages; returns whether the reader must stop before the next one.
    fn sift(&mut self, learnt: &mut Learnt) -> Result<bool, Fault> {
        while let Some(tag) = self.frames.peek() {
            self.admit(tag)?;
            if learnt.must_wait(tag) {
                return Ok(true);
            }
            if tag == b'Z' && !learnt.ready()? {
                return Ok(true);
            }
            let is_users = learnt.is_at_statement();
            self.frames.expect_data(is_users);
            if is_users && let Some(capture) = &mut learnt.capture {
                if !capture.may_take(tag) {
                    return Ok(true);
                }
                if capture.drops(tag) && self.frames.pass_over()? {
                    capture.dropped();
                    learnt.texts.row_came();
                    continue;
                }
            }
            let Some(frame) = self.frames.take()? else {
                break;
            };
            if !learnt.words.is_driven() {
                learnt.start_up.count(frame)?;
            }
            if tag == b'R' && !self.started {
                learnt.cleartext |= self.terms.judge(frame.body())?;
            }
            if tag == b'A' && learnt.texts.keep_notification(frame) {
                continue;
            }
            let read = learnt.read(frame, is_users);
            let frame = Frame { whole: &read, left_out: frame.left_out };
            let verdict = match (&mut learnt.sealed, &mut learnt.capture) {
                (Some(sealed), capture) => sealed.take(frame, capture.as_mut()),
                (None, Some(capture)) => capture.take(frame),
                (None, None) => Verdict::Pass,
            };
            if tag == b'Z' || verdict == Verdict::Pass {
                learnt.note(frame)?;
            }
            if verdict == Verdict::Pass {
                match tag {
                    b'N' | b'A' | b'S' => {}
                    _ => self.passed.extend_from_slice(frame.whole),
                }
            }
            if !self.started && learnt.ready_once {
                self.started = true;
                self.frames.allow_giants();
            }
        }
        Ok(false)
    }

    /// Whether a message of this type may come at all.
    fn admit(&self, tag: u8) -> Result<(), Malformed> {
        match tag {
            b'R' | b'E' | b'N' | b'S' | b'K' | b'Z' | b'v' => Ok(()),
            _ if !self.started => Err(Malformed::Foreign),
            _ if frames::is_known(tag) => Ok(()),
            _ => Err(Malformed::Unknown(tag)),
        }
    }

    /// Writes a wrapper's messages beside the driver, as far as the socket takes them.
    fn pump(&mut self, learnt: &mut Learnt, context: &mut Context<'_>) -> io::Result<()> {
        if let Some(sealed) = &mut learnt.sealed {
            while !sealed.pending().is_empty() {
                match Pin::new(&mut self.wire).poll_write(context, sealed.pending())? {
                    Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Poll::Ready(bytes) => sealed.wrote(bytes),
                    Poll::Pending => break,
                }
            }
            return self.flush(context);
        }
        let copy = learnt.capture.as_mut().and_then(Capture::copy_in);
        if let Some(patience) = &mut self.patience {
            patience.lift(copy.is_some());
        }
        let Some(copy) = copy else {
            return Ok(());
        };
        loop {
            let pending = copy.pending(context);
            if pending.is_empty() {
                break;
            }
            match Pin::new(&mut self.wire).poll_write(context, pending)? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(bytes) => copy.wrote(bytes),
                Poll::Pending => break,
            }
        }
        self.flush(context)
    }

    /// Writes the replacement of a message that the driver can't write.
    fn poll_substitute(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut learnt = locked(&self.learnt);
        while !learnt.texts.pending().is_empty() {
            let wire = Pin::new(&mut self.wire);
            match std::task::ready!(wire.poll_write(context, learnt.texts.pending()))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                bytes => learnt.texts.wrote(bytes),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Retries a flush that can't finish now in the next turn, which the socket itself wakes.
    fn flush(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match Pin::new(&mut self.wire).poll_flush(context) {
            Poll::Ready(flushed) => flushed,
            Poll::Pending => Ok(()),
        }
    }

    /// Gives the driver what passed; returns whether there was anything.
    fn give(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let rest = &self.passed[self.given..];
        if rest.is_empty() {
            return false;
        }
        let size = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..size]);
        self.given += size;
        if self.given == self.passed.len() {
            self.passed.clear();
            self.passed.shrink_to(1 << 16);
            self.given = 0;
        }
        true
    }
}

impl From<Malformed> for Fault {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Malformed(malformed) => Self::new(io::ErrorKind::InvalidData, malformed),
            Fault::Refused(refused) => Self::new(io::ErrorKind::InvalidData, refused),
        }
    }
}

impl Learnt {
    /// What a backslash in a plain string means to the server.
    pub fn backslash(&self) -> BackslashRule {
        match self.parameters.get("standard_conforming_strings") {
            Some(value) if value == "off" => BackslashRule::Escapes,
            _ => BackslashRule::Ordinary,
        }
    }

    /// When there is something to do even if nothing arrives.
    pub fn deadline(&self) -> Option<Instant> {
        let rows = self.capture.as_ref().and_then(Capture::deadline);
        [self.looks_at, rows].into_iter().flatten().min()
    }

    /// Whether the next message belongs to the user's statement.
    fn is_at_statement(&self) -> bool {
        self.capture.is_some() && self.sealed.as_ref().is_none_or(Sealed::is_at_statement)
    }

    /// Whether a message of this type must wait until the loop has taken what the link has sent.
    fn must_wait(&mut self, tag: u8) -> bool {
        let reads_on = self.capture.as_ref().is_some_and(Capture::is_discarding);
        let waits = match tag {
            b'N' | b'A' => {
                let hurries = self.capture.as_ref().is_some_and(Capture::hurries);
                self.words.must_wait(hurries)
            }
            b'D' | b'd' | b'T' | b'H' => {
                // Between two chunks: there are many rows, and checking the queue for each would cost too much.
                let is_between = self.capture.as_ref().is_some_and(Capture::is_between_chunks);
                is_between
                    && !reads_on
                    && !self.words.is_closing
                    && self.is_at_statement()
                    && self.words.is_full()
            }
            _ => false,
        };
        self.looks_at = waits.then(|| Instant::now() + LOOK_EVERY);
        waits
    }

    /// The server is ready: decodes earlier notifications in the current encoding. False if that must wait until the
    /// loop has taken what the link has sent.
    fn ready(&mut self) -> Result<bool, Malformed> {
        self.texts.ready();
        while self.texts.has_notification() {
            if self.must_wait(b'A') {
                return Ok(false);
            }
            if let Some(whole) = self.texts.next_notification() {
                let (whole, left_out) = (&whole, 0);
                self.note(Frame { whole, left_out })?;
            }
        }
        Ok(true)
    }

    /// Converts a message's text to UTF-8: the driver gives up a link over invalid text. The capture decodes the rows
    /// of the user's statement.
    fn read<'buffer>(&mut self, frame: Frame<'buffer>, is_users: bool) -> Cow<'buffer, [u8]> {
        match frame.tag() {
            b'D' | b'd' if is_users => {
                self.texts.row_came();
                frame.whole.into()
            }
            b'D' => self.texts.read_row(frame),
            _ => {
                let before = self.sealed.as_ref().map_or(0, Sealed::before);
                self.texts.read(frame, before)
            }
        }
    }

    fn note(&mut self, frame: Frame<'_>) -> Result<(), Malformed> {
        match (frame.tag(), frame.body()) {
            (b'Z', [status, ..]) => {
                self.ready_once = true;
                self.transaction = match status {
                    b'T' => Transaction::Active,
                    b'E' => Transaction::Failed,
                    _ => Transaction::Idle,
                };
            }
            (b'S', body) => return self.report(body),
            (b'K', [a, b, c, d, e, f, g, h]) => {
                self.backend_pid = i32::from_be_bytes([*a, *b, *c, *d]);
                self.cancel_key = i32::from_be_bytes([*e, *f, *g, *h]);
            }
            (b'N', _) => {
                let query = self.capture.as_ref().map(Capture::query);
                self.words.notice(frame, query);
            }
            (b'A', _) => self.words.notification(frame),
            _ => {}
        }
        Ok(())
    }

    /// Keeps a parameter, within a limit that no real server reaches.
    fn report(&mut self, body: &[u8]) -> Result<(), Malformed> {
        let mut parts = body.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else {
            return Ok(());
        };
        self.texts.reported(&name, &value);
        self.parameters_bytes += name.len() + value.len();
        let length = name.len();
        if let Some(before) = self.parameters.insert(name.into_owned(), value.into_owned()) {
            self.parameters_bytes -= length + before.len();
        }
        if self.parameters_bytes > PARAMETERS_BYTES_MAX {
            return Err(Malformed::Parameters);
        }
        Ok(())
    }
}

impl StartUp {
    fn count(&mut self, frame: Frame<'_>) -> Result<(), Malformed> {
        self.messages += 1;
        self.bytes += frame.whole.len();
        self.last = frame.tag();
        if self.bytes > START_UP_BYTES_MAX {
            return Err(Malformed::Chatter { bytes: self.bytes, tag: self.last });
        }
        Ok(())
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let tap = self.get_mut();
        let shared = tap.learnt.clone();
        let mut learnt = locked(&shared);
        // The wire itself ends each turn, however much there is.
        loop {
            let stands = tap.sift(&mut learnt)?;
            if tap.give(buffer) {
                return Poll::Ready(Ok(()));
            }
            tap.pump(&mut learnt, context)?;
            if stands {
                // Writing nothing reveals the socket's error, without taking a row from it.
                if let Poll::Ready(Err(error)) = Pin::new(&mut tap.wire).poll_write(context, &[]) {
                    return Poll::Ready(Err(error));
                }
                // The connection's task polls again when rows are granted, and now and then.
                return Poll::Pending;
            }
            let mut space = ReadBuf::new(tap.frames.space().map_err(Fault::from)?);
            match Pin::new(&mut tap.wire).poll_read(context, &mut space)? {
                Poll::Ready(()) => match space.filled().len() {
                    0 => return Poll::Ready(Ok(())),
                    bytes => {
                        learnt.heard_at = Some(Instant::now());
                        tap.frames.filled(bytes);
                    }
                },
                Poll::Pending => {
                    if let Some(capture) = &mut learnt.capture
                        && !capture.is_between_chunks()
                    {
                        capture.quiet(Instant::now());
                    }
                    return Poll::Pending;
                }
            }
        }
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let tap = self.get_mut();
        match locked(&tap.learnt).texts.swallow(bytes.len()) {
            0 => {}
            swallowed => return Poll::Ready(Ok(swallowed)),
        }
        std::task::ready!(tap.poll_substitute(context))?;
        Pin::new(&mut tap.wire).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let tap = self.get_mut();
        std::task::ready!(tap.poll_substitute(context))?;
        Pin::new(&mut tap.wire).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_shutdown(context)
    }
}

impl TlsStream for Tap {
    fn channel_binding(&self) -> ChannelBinding {
        // The driver asks once, while it authenticates.
        locked(&self.channel_binding).take().unwrap_or_else(ChannelBinding::none)
    }
}

/// The driver's TLS step, over a link that is already as secure as it will be.
pub struct AsItIs;

impl TlsConnect<Tap> for AsItIs {
    type Stream = Tap;
    type Error = Infallible;
    type Future = Ready<Result<Tap, Infallible>>;

    fn connect(self, tap: Tap) -> Self::Future {
        ready(Ok(tap))
    }
}
