//! The wire tap: a filter between the socket and the driver.
//!
//! It reads the server's messages as they go by, and learns what the driver hides: the transaction status, the
//! parameters, the key for cancelling. While a user's statement runs, its rows are taken out here, by the
//! [`Capture`]; what the driver itself asks passes untouched.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

use super::capture::{Capture, Verdict};
use super::connect::liveness::Patience;
use super::encoding::Texts;
use super::frames::{Frame, Frames, Malformed};
use super::locked;
use super::login::{Refused, Terms};
use super::sealed::Sealed;
use crate::sql::lex::BackslashRule;
use crate::update::session::Transaction;

/// Any stream that a link may be made of.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire for S {}

/// Messages of the start-up are small; a longer one comes from something else than PostgreSQL.
const START_UP_FRAME_BYTES_MAX: usize = 64 << 10;

/// Full reads of one turn, after which other connections of the thread have theirs.
const READS_PER_TURN_MAX: usize = 16;

/// What the tap has learnt, shared with the connection's task.
#[derive(Default)]
pub struct Learnt {
    /// The transaction status of the last ReadyForQuery.
    pub transaction: Transaction,
    /// The server's parameters, as it reported them last.
    pub parameters: BTreeMap<String, String>,
    /// The server's process.
    pub backend_pid: i32,
    /// The secret that a cancel has to show.
    pub cancel_key: i32,
    /// The user's statement that runs.
    pub capture: Option<Capture>,
    /// Whether the server has said anything.
    pub answered: bool,
    /// Whether the server asked for the password as it is.
    pub cleartext: bool,
    /// When the server was heard last, or a statement sent.
    pub heard_at: Option<Instant>,
    /// Custom settings that the session's statements have named.
    pub named_settings: BTreeSet<String>,
    /// The conversation about it, on a read-only connection.
    pub sealed: Option<Sealed>,
    /// How text travels.
    pub texts: Texts,
    ready_once: bool,
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
            frames: Frames::new(START_UP_FRAME_BYTES_MAX),
            passed: Vec::new(),
            given: 0,
            started: false,
            terms,
            patience,
            learnt: learnt.clone(),
        };
        (tap, learnt)
    }

    /// Takes all whole messages; whether the reader must stand still before the next one.
    fn sift(&mut self, learnt: &mut Learnt) -> Result<bool, Fault> {
        while let Some(tag) = self.frames.peek() {
            if !self.started && !matches!(tag, b'R' | b'E' | b'N' | b'S' | b'K' | b'Z' | b'v') {
                return Err(Malformed { tag }.into());
            }
            let is_statement = learnt.sealed.as_ref().is_none_or(Sealed::is_at_statement);
            if let Some(capture) = &mut learnt.capture
                && is_statement
                && !capture.may_take(tag)
            {
                return Ok(true);
            }
            let Some(frame) = self.frames.take()? else {
                break;
            };
            learnt.answered = true;
            if tag == b'R' && !self.started {
                learnt.cleartext |= self.terms.judge(frame.body())?;
            }
            let is_rows = matches!(tag, b'D' | b'd');
            if is_rows && is_statement {
                learnt.texts.row_came();
            }
            if tag == b'A' && learnt.texts.keep_notification(frame) {
                continue;
            }
            if tag == b'Z' {
                self.passed.extend_from_slice(&learnt.texts.ready());
            }
            let before = learnt.sealed.as_ref().map_or(0, Sealed::before);
            // What the driver gives a link up over is text that is not UTF-8.
            let read = if !is_rows {
                learnt.texts.read(frame, before)
            } else if learnt.capture.is_some() && is_statement {
                frame.whole.into()
            } else {
                learnt.texts.read_row(frame)
            };
            let frame = Frame { whole: &read };
            let verdict = match (&mut learnt.sealed, &mut learnt.capture) {
                (Some(sealed), capture) => sealed.take(frame, capture.as_mut()),
                (None, Some(capture)) => capture.take(frame),
                (None, None) => Verdict::Pass,
            };
            if tag == b'Z' && verdict == Verdict::Swallow {
                learnt.note(frame);
            }
            if verdict == Verdict::Pass {
                if tag != b'D' {
                    learnt.note(frame);
                }
                self.passed.extend_from_slice(frame.whole);
            }
            if !self.started && learnt.ready_once {
                self.started = true;
                self.frames.allow_giants();
            }
        }
        Ok(false)
    }

    /// Writes what a conversation beside the driver still has to send, as far as the socket takes it.
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
            let pending = copy.pending();
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

    /// Writes what takes the place of a message that the driver can't write.
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

    /// A flush that can't end now is tried again in the next turn, which the socket itself wakes.
    fn flush(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match Pin::new(&mut self.wire).poll_flush(context) {
            Poll::Ready(flushed) => flushed,
            Poll::Pending => Ok(()),
        }
    }

    /// Gives the driver what passed; whether there was anything.
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
    /// What a backslash in a plain string is to the server.
    pub fn backslash(&self) -> BackslashRule {
        match self.parameters.get("standard_conforming_strings") {
            Some(value) if value == "off" => BackslashRule::Escapes,
            _ => BackslashRule::Ordinary,
        }
    }

    fn note(&mut self, frame: Frame<'_>) {
        match (frame.tag(), frame.body()) {
            (b'Z', [status, ..]) => {
                self.ready_once = true;
                self.transaction = match status {
                    b'T' => Transaction::Active,
                    b'E' => Transaction::Failed,
                    _ => Transaction::Idle,
                };
            }
            (b'S', body) => {
                let mut parts = body.split(|byte| *byte == 0).map(String::from_utf8_lossy);
                if let (Some(name), Some(value)) = (parts.next(), parts.next()) {
                    self.texts.reported(&name, &value);
                    self.parameters
                        .insert(name.into_owned(), value.into_owned());
                }
            }
            (b'K', [a, b, c, d, e, f, g, h]) => {
                self.backend_pid = i32::from_be_bytes([*a, *b, *c, *d]);
                self.cancel_key = i32::from_be_bytes([*e, *f, *g, *h]);
            }
            _ => {}
        }
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
        for _ in 0..READS_PER_TURN_MAX {
            let stands = tap.sift(&mut learnt)?;
            if tap.give(buffer) {
                return Poll::Ready(Ok(()));
            }
            tap.pump(&mut learnt, context)?;
            if stands {
                // Writing nothing brings out an error that the socket has, without taking a row from it.
                if let Poll::Ready(Err(error)) = Pin::new(&mut tap.wire).poll_write(context, &[]) {
                    return Poll::Ready(Err(error));
                }
                // The connection's task polls again when rows are granted, and now and then.
                return Poll::Pending;
            }
            let mut space = ReadBuf::new(tap.frames.space());
            match Pin::new(&mut tap.wire).poll_read(context, &mut space)? {
                Poll::Ready(()) => match space.filled().len() {
                    0 => return Poll::Ready(Ok(())),
                    bytes => {
                        learnt.heard_at = Some(Instant::now());
                        tap.frames.filled(bytes);
                    }
                },
                Poll::Pending => {
                    if let Some(capture) = &mut learnt.capture {
                        capture.quiet(Instant::now());
                    }
                    return Poll::Pending;
                }
            }
        }
        if let Some(capture) = &mut learnt.capture {
            capture.quiet(Instant::now());
        }
        context.waker().wake_by_ref();
        Poll::Pending
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
        locked(&self.channel_binding)
            .take()
            .unwrap_or_else(ChannelBinding::none)
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
