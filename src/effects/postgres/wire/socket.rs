//! A socket that is read only when there is something to read.
//!
//! An asynchronous stream tries to read first, and waits if there was nothing. A link is polled several times per
//! statement, and each such try is a system call that brings nothing. A read that returns less than it had room for has
//! emptied the socket: from then on, this stream waits until the system reports more, which also covers what came in
//! between.

use std::io::{self, Read};
#[cfg(unix)]
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_compat::Compat;
use smol::Async;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[cfg(unix)]
use super::reactor::{Sockets, Watched};

/// A kind of socket that a link may be made of.
#[cfg(unix)]
pub trait Kind: AsRawFd + Send {}
#[cfg(unix)]
impl<T: AsRawFd + Send> Kind for T {}
#[cfg(not(unix))]
pub trait Kind: Send {}
#[cfg(not(unix))]
impl<T: Send> Kind for T {}

/// A socket, for the driver's kind of streams.
pub struct Socket<T> {
    /// Dropped before the socket.
    #[cfg(unix)]
    watched: Option<Watched>,
    socket: Compat<Async<T>>,
    /// Whether the last read has emptied it.
    is_dry: bool,
}

impl<T: Kind> Socket<T> {
    /// Wraps this socket.
    pub fn new(socket: Async<T>) -> Self {
        Self {
            #[cfg(unix)]
            watched: None,
            socket: Compat::new(socket),
            is_dry: false,
        }
    }

    /// Ready once there is more. The reading thread waits for it, if it waits for its own sockets.
    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        #[cfg(unix)]
        if let Some(watched) = self.watched_here() {
            return watched.poll_more(context).map(Ok);
        }
        self.socket.get_ref().poll_readable(context)
    }

    #[cfg(unix)]
    fn watched_here(&mut self) -> Option<&Watched> {
        let sockets = Sockets::here();
        let is_here = match (&self.watched, &sockets) {
            (Some(watched), Some(sockets)) => watched.is_of(sockets),
            (None, None) => true,
            _ => false,
        };
        if !is_here {
            self.watched = None;
            let socket = self.socket.get_ref().get_ref().as_raw_fd();
            self.watched = sockets.and_then(|sockets| {
                let watched = sockets.watch(socket);
                watched
                    .inspect_err(|error| log::warn!("a socket is watched elsewhere: {error}"))
                    .ok()
            });
        }
        self.watched.as_ref()
    }
}

impl<T: Kind> AsyncRead for Socket<T>
where
    Self: Unpin,
    for<'a> &'a T: Read,
{
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.is_dry {
                ready!(this.poll_more(context))?;
                this.is_dry = false;
            }
            let space = buffer.initialize_unfilled();
            match this.socket.get_ref().get_ref().read(space) {
                Ok(bytes) => {
                    this.is_dry = (1..space.len()).contains(&bytes);
                    buffer.advance(bytes);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => this.is_dry = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl<T> AsyncWrite for Socket<T>
where
    Self: Unpin,
    Compat<Async<T>>: AsyncWrite + Unpin,
{
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(context)
    }
}
