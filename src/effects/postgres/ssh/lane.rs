//! What goes through a tunnel: a `Lane` is a channel, a stream of bytes to one place behind the SSH server.
//!
//! Incoming bytes wait in the channel's own inbox until they are read. russh's own channel streams would not do: as
//! soon as one of them is not read, they hold up the whole tunnel, cancel requests and all, and a paused result is just
//! that. Only an inbox that has grown far too large makes the tunnel wait.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use russh::ChannelId;
use russh::client::Msg;
use russh::{Channel, ChannelWriteHalf};
use smol::Async;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    super::{
        error, locked,
        wire::{paced::Paced, socket},
    },
    Tunnel,
};
use crate::failure::{Category, Failure};

/// From this size on an inbox is large: whoever stopped reading it should know.
const INBOX_BYTES_LARGE: usize = 32 << 20;
/// At this size an inbox makes its tunnel wait, and everybody on it.
const INBOX_BYTES_MAX: usize = 64 << 20;
/// Pieces of an inbox are merged up to this size.
const PIECE_BYTES: usize = 64 << 10;

/// Why a tunnel ended, as the error in which its channels end.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub struct Ended(pub Failure);

/// State that a tunnel's task and its channels share.
#[derive(Default)]
pub struct Traffic {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    inboxes: BTreeMap<ChannelId, Arc<Inbox>>,
    /// The server's message for the last place that it could not reach.
    refusal: Option<String>,
    end: Option<Failure>,
    /// Whether to drop the socket.
    cut: bool,
    socket_waits: Vec<Waker>,
    awaiters: Vec<Waker>,
}

/// Data that arrived for a channel and was not read yet.
#[derive(Default)]
struct Inbox {
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    pieces: VecDeque<Vec<u8>>,
    /// How much of the first piece has been read.
    read: usize,
    bytes: usize,
    /// Nothing more will come.
    complete: bool,
    /// Nobody will read any more.
    abandoned: bool,
    reader: Option<Waker>,
    watcher: Option<Waker>,
    tunnel: Option<Waker>,
}

impl Traffic {
    pub fn end(&self) -> Option<Failure> {
        locked(&self.state).end.clone()
    }

    /// Ends the tunnel. The first reason counts.
    pub fn ended(&self, failure: Failure) {
        let (inboxes, wakers) = {
            let mut state = locked(&self.state);
            if state.end.is_some() {
                return;
            }
            state.end = Some(failure);
            let inboxes: Vec<_> = state.inboxes.values().cloned().collect();
            (inboxes, std::mem::take(&mut state.awaiters))
        };
        inboxes.iter().for_each(|inbox| inbox.wake_all());
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Waits for the tunnel's end, and returns the reason.
    pub async fn until_end(&self) -> Failure {
        poll_fn(|context| self.poll_end(context)).await
    }

    /// Drops the tunnel's socket, whatever its task does.
    pub fn cut(&self) {
        let (inboxes, wakers) = {
            let mut state = locked(&self.state);
            state.cut = true;
            let inboxes: Vec<_> = state.inboxes.values().cloned().collect();
            (inboxes, std::mem::take(&mut state.socket_waits))
        };
        wakers.into_iter().for_each(Waker::wake);
        inboxes.iter().for_each(|inbox| inbox.wake_all());
    }

    /// A channel is open: its data has an inbox from now on.
    pub fn opened(&self, channel: ChannelId) {
        self.inbox(channel);
    }

    /// The server could not open a channel, and says why.
    pub fn refused(&self, words: &str) {
        locked(&self.state).refusal = Some(words.trim().to_owned());
    }

    pub fn refusal(&self) -> Option<String> {
        locked(&self.state).refusal.take().filter(|words| !words.is_empty())
    }

    /// Stores incoming bytes. Returns when there is room for more.
    pub async fn arrived(&self, channel: ChannelId, bytes: &[u8]) {
        let inbox = locked(&self.state).inboxes.get(&channel).cloned();
        let Some(inbox) = inbox else { return };
        inbox.put(bytes);
        poll_fn(|context| {
            let is_full = inbox.poll_room(context).is_pending();
            let state = locked(&self.state);
            if is_full && !state.cut { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }

    /// Nothing more will come through a channel.
    pub fn complete(&self, channel: ChannelId) {
        let inbox = locked(&self.state).inboxes.get(&channel).cloned();
        if let Some(inbox) = inbox {
            locked(&inbox.held).complete = true;
            inbox.wake_all();
        }
    }

    fn inbox(&self, channel: ChannelId) -> Arc<Inbox> {
        let mut state = locked(&self.state);
        state.inboxes.entry(channel).or_default().clone()
    }

    fn forget(&self, channel: ChannelId) {
        let inbox = locked(&self.state).inboxes.remove(&channel);
        if let Some(inbox) = inbox {
            let mut held = locked(&inbox.held);
            held.abandoned = true;
            held.pieces.clear();
            drop(held);
            inbox.wake_all();
        }
    }

    /// Ready with the reason once the tunnel has ended.
    fn poll_end(&self, context: &mut Context<'_>) -> Poll<Failure> {
        let mut state = locked(&self.state);
        match &state.end {
            Some(failure) => Poll::Ready(failure.clone()),
            None => {
                state.awaiters.retain(|waker| !waker.will_wake(context.waker()));
                state.awaiters.push(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// An error once the socket is to be dropped.
    fn poll_cut(&self, context: &mut Context<'_>) -> io::Result<()> {
        let mut state = locked(&self.state);
        if state.cut {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        state.socket_waits.retain(|waker| !waker.will_wake(context.waker()));
        state.socket_waits.push(context.waker().clone());
        Ok(())
    }
}

impl Inbox {
    fn put(&self, bytes: &[u8]) {
        let mut held = locked(&self.held);
        if held.abandoned {
            return;
        }
        held.bytes += bytes.len();
        match held.pieces.back_mut() {
            Some(last) if last.len() + bytes.len() <= PIECE_BYTES => last.extend_from_slice(bytes),
            _ => held.pieces.push_back(bytes.to_vec()),
        }
        let watcher = (held.bytes > INBOX_BYTES_LARGE).then(|| held.watcher.take()).flatten();
        let wakers = [held.reader.take(), watcher];
        drop(held);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    fn poll_room(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut held = locked(&self.held);
        if held.abandoned || held.bytes <= INBOX_BYTES_MAX {
            return Poll::Ready(());
        }
        held.tunnel = Some(context.waker().clone());
        Poll::Pending
    }

    /// Reads what is there; at the end, reads nothing.
    fn poll_read(&self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<()> {
        let mut held = locked(&self.held);
        let Held { pieces, read, bytes, complete, reader, tunnel, .. } = &mut *held;
        let mut any = false;
        while let Some(first) = pieces.front() {
            let rest = &first[*read..];
            let size = rest.len().min(buffer.remaining());
            buffer.put_slice(&rest[..size]);
            any |= size > 0;
            *read += size;
            *bytes -= size;
            if *read < first.len() {
                break;
            }
            pieces.pop_front();
            *read = 0;
        }
        if any || *complete {
            let room = (*bytes <= INBOX_BYTES_MAX).then(|| tunnel.take()).flatten();
            drop(held);
            room.into_iter().for_each(Waker::wake);
            return Poll::Ready(());
        }
        *reader = Some(context.waker().clone());
        Poll::Pending
    }

    fn is_complete(&self) -> bool {
        locked(&self.held).complete
    }

    fn wake_all(&self) {
        let mut held = locked(&self.held);
        let wakers = [held.reader.take(), held.tunnel.take()];
        drop(held);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

/// How much data waits in a channel, for whoever does not read it. SSH has its own way to make the server wait, but
/// russh controls it and does not use it.
#[derive(Clone)]
pub struct Backlog(Arc<Inbox>);

impl Backlog {
    pub fn is_large(&self) -> bool {
        locked(&self.0.held).bytes > INBOX_BYTES_LARGE
    }

    /// Ready with the number of bytes once it is large.
    pub fn poll_large(&self, context: &mut Context<'_>) -> Poll<u64> {
        let mut held = locked(&self.0.held);
        if held.bytes > INBOX_BYTES_LARGE {
            return Poll::Ready(held.bytes as u64);
        }
        held.watcher = Some(context.waker().clone());
        Poll::Pending
    }
}

/// A stream of bytes through the tunnel, which lives as long as any of its channels.
pub struct Lane {
    channel: Option<ChannelWriteHalf<Msg>>,
    id: ChannelId,
    writer: Box<dyn AsyncWrite + Send + Unpin>,
    inbox: Arc<Inbox>,
    tunnel: Arc<Tunnel>,
}

impl Lane {
    /// Wraps an open channel.
    pub fn new(channel: Channel<Msg>, tunnel: Arc<Tunnel>) -> Self {
        let id = channel.id();
        // Data is read from the inbox. Without its receiving half, the channel holds nothing back.
        let (_, channel) = channel.split();
        Self {
            writer: Box::new(channel.make_writer()),
            channel: Some(channel),
            id,
            inbox: tunnel.traffic.inbox(id),
            tunnel,
        }
    }

    /// How much data waits in it.
    pub fn backlog(&self) -> Backlog {
        Backlog(self.inbox.clone())
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.tunnel.traffic.forget(self.id);
        if let Some(channel) = self.channel.take() {
            self.tunnel.runtime.spawn(async move {
                if channel.close().await.is_err() {
                    log::trace!("a lane closed after its tunnel");
                }
            });
        }
    }
}

impl AsyncRead for Lane {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.inbox.poll_read(context, buffer).is_ready() {
            return Poll::Ready(Ok(()));
        }
        // Checked after the reader has registered, so that it never misses an end.
        match self.tunnel.traffic.end() {
            Some(failure) => Poll::Ready(Err(io::Error::other(Ended(failure)))),
            None => Poll::Pending,
        }
    }
}

impl AsyncWrite for Lane {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if self.inbox.is_complete() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        match Pin::new(&mut self.writer).poll_write(context, bytes) {
            // A tunnel that takes nothing has ended; the reason is known in a moment.
            Poll::Ready(Err(_)) => {
                let end = self.tunnel.traffic.poll_end(context);
                end.map(|failure| Err(io::Error::other(Ended(failure))))
            }
            other => other,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.writer).poll_shutdown(context) {
            // If the tunnel is gone, there is nobody to say goodbye to.
            Poll::Ready(_) => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// The tunnel's socket, which can be dropped from outside.
pub struct Socket {
    stream: Paced<socket::Socket<std::net::TcpStream>>,
    traffic: Arc<Traffic>,
}

impl Socket {
    /// Wraps this stream.
    pub fn new(stream: Async<std::net::TcpStream>, traffic: Arc<Traffic>) -> Self {
        Self { stream: Paced::new(socket::Socket::new(stream)), traffic }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.traffic.poll_cut(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.traffic.poll_cut(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // If it is gone already, an error here would hide the reason of the end.
        Pin::new(&mut self.stream).poll_shutdown(context).map(|_| Ok(()))
    }
}

/// What Tusk says of a tunnel's end if nothing else is known.
pub fn closed_by_server(server: &impl std::fmt::Display) -> Failure {
    error::plain(Category::Ssh, format!("The SSH tunnel to {server} was closed by the server."))
}
