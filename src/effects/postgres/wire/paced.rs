//! Makes links take turns: a stream that always has more data still pauses now and then.
//!
//! A socket that always has more is always ready, so whoever reads it in a loop never returns: no timer beside it
//! fires, no other task of the thread runs, and the thread cannot end. After a certain number of bytes, this stream
//! reports that there is nothing at the moment, and wakes its reader to continue after the others. It sits below every
//! other reader.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes per turn: a fraction of a millisecond's work for rows, a few milliseconds' for the smallest messages.
pub const TURN_BYTES: usize = 256 << 10;

/// What a small read counts for at least, because each read costs time.
const READ_BYTES_MIN: usize = 1 << 10;

/// A stream that reads in turns.
pub struct Paced<S> {
    inner: S,
    /// Bytes read in this turn.
    read: usize,
}

impl<S> Paced<S> {
    /// Wraps a stream.
    pub fn new(inner: S) -> Self {
        Self { inner, read: 0 }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let paced = self.get_mut();
        if paced.read >= TURN_BYTES {
            paced.read = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let done = Pin::new(&mut paced.inner).poll_read(context, buffer);
        match &done {
            Poll::Ready(_) => {
                paced.read += (buffer.filled().len() - before).max(READ_BYTES_MIN);
            }
            Poll::Pending => paced.read = 0,
        }
        done
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that always has more.
    struct Endless;

    impl AsyncRead for Endless {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            buffer.put_slice(&vec![7; buffer.remaining()]);
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn a_stream_without_an_end_gives_every_reader_a_pause() {
        let mut paced = Paced::new(Endless);
        let mut context = Context::from_waker(std::task::Waker::noop());
        for piece in [1, 100, 4_096, 300_000] {
            let mut space = vec![0; piece];
            let turns = (0..3).map(|_| {
                let mut bytes = 0;
                loop {
                    let mut buffer = ReadBuf::new(&mut space);
                    match Pin::new(&mut paced).poll_read(&mut context, &mut buffer) {
                        Poll::Ready(read) => read.unwrap(),
                        Poll::Pending => break bytes,
                    }
                    bytes += buffer.filled().len();
                }
            });
            let turns: Vec<_> = turns.collect();
            assert!(
                turns.iter().all(|bytes| (1..=TURN_BYTES + piece).contains(bytes)),
                "{piece}: {turns:?}"
            );
        }
    }
}
