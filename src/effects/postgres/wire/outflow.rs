//! Bounds what a link has sent to the loop and the loop has not taken yet.
//!
//! All links share one first-in, first-out queue to the loop, and the queue tells its length. With the number of
//! messages that all links have sent so far, that shows which of them are still in it: the last ones, as many as it is
//! long. Messages from others only make that number larger, so a link waits a moment longer than it must.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use flume::Sender;

use crate::{effects::postgres::locked, msg::Msg};

/// A link with this many bytes in the queue stops sending. One message may exceed it: a row may have 1 GB.
pub const BYTES_MAX: usize = 32 << 20;

/// A link with this many messages in the queue stops sending, so that other links' messages are never far behind.
pub const MESSAGES_MAX: usize = 256;

/// The most messages to gather: the loop works on them while the next ones arrive.
const GATHERED_MAX: usize = 192;

/// A message's memory beside its text: an estimate of its fields and its place in the queue.
const MESSAGE_BYTES: usize = 512;

/// One link's path to the loop. Clones share it.
#[derive(Clone)]
pub struct Outflow(Arc<Mutex<Own>>);

struct Own {
    outbox: Sender<Msg>,
    /// Messages to send next, and their bytes.
    held: Vec<(Msg, usize)>,
    /// Since when there are any.
    held_since: Option<Instant>,
    /// The number of messages that all links have sent.
    sent: Arc<AtomicU64>,
    /// This link's messages that may still be in the queue: each one's number among all, and its bytes.
    queued: VecDeque<(u64, usize)>,
    bytes: usize,
}

impl Outflow {
    /// An outflow that counts its messages together with those of other links.
    pub fn new(outbox: &Sender<Msg>, sent: &Arc<AtomicU64>) -> Self {
        Self(Arc::new(Mutex::new(Own {
            outbox: outbox.clone(),
            held: Vec::new(),
            held_since: None,
            sent: sent.clone(),
            queued: VecDeque::new(),
            bytes: 0,
        })))
    }

    /// Queues a message whose text has this many bytes; it is sent with the next ones.
    pub fn post(&self, msg: impl Into<Msg>, bytes: usize) {
        let mut own = locked(&self.0);
        let bytes = bytes + MESSAGE_BYTES;
        own.held_since.get_or_insert_with(Instant::now);
        own.held.push((msg.into(), bytes));
        own.bytes += bytes;
    }

    /// Since when something waits to be sent, unless there is so much that it leaves now.
    pub fn gathers_since(&self) -> Option<Instant> {
        let own = locked(&self.0);
        let is_little = own.held.len() < GATHERED_MAX && own.bytes < BYTES_MAX / 2;
        own.held_since.filter(|_| is_little)
    }

    /// Sends what was queued.
    pub fn release(&self) {
        locked(&self.0).release();
    }

    /// Whether so much waits for the loop that the link must wait too.
    pub fn is_full(&self) -> bool {
        let mut own = locked(&self.0);
        own.settle();
        own.bytes >= BYTES_MAX || own.held.len() + own.queued.len() >= MESSAGES_MAX
    }
}

impl Own {
    fn release(&mut self) {
        // A link that never asks for space must not count old messages forever.
        self.settle();
        self.held_since = None;
        for (msg, bytes) in self.held.drain(..) {
            if self.outbox.send(msg).is_err() {
                log::trace!("a message came after the loop had ended");
                self.bytes -= bytes;
                continue;
            }
            let number = self.sent.fetch_add(1, Ordering::AcqRel) + 1;
            self.queued.push_back((number, bytes));
        }
    }

    /// Forgets what the loop has taken.
    fn settle(&mut self) {
        if self.outbox.is_disconnected() {
            self.held.clear();
            self.held_since = None;
            self.queued.clear();
            self.bytes = 0;
            return;
        }
        let sent = self.sent.load(Ordering::Acquire);
        let taken = sent.saturating_sub(self.outbox.len() as u64);
        while let Some((number, bytes)) = self.queued.front()
            && *number <= taken
        {
            self.bytes -= bytes;
            self.queued.pop_front();
        }
    }
}

/// Queued messages are sent, whatever becomes of the link.
impl Drop for Own {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::ids::{Ids, QueryId},
        update::query,
    };

    fn msg() -> query::Msg {
        query::Msg::CancelSent { query: QueryId::next(&mut Ids::seeded(1)) }
    }

    #[test]
    fn a_link_is_full_by_messages_or_bytes_until_the_loop_has_taken_them() {
        let (outbox, inbox) = flume::unbounded();
        let sent = Arc::default();
        let (one, other) = (Outflow::new(&outbox, &sent), Outflow::new(&outbox, &sent));
        for _ in 0..MESSAGES_MAX {
            assert!(!one.is_full());
            one.post(msg(), 0);
        }
        assert!(one.is_full() && !other.is_full());
        assert!(inbox.is_empty());
        one.release();
        assert!(one.is_full() && inbox.len() == MESSAGES_MAX);
        // Messages from others come later and keep nothing waiting forever.
        other.post(msg(), BYTES_MAX);
        assert!(other.is_full());
        other.release();
        outbox.send(msg().into()).unwrap();
        inbox.recv().unwrap();
        assert!(one.is_full() && other.is_full());
        inbox.recv().unwrap();
        assert!(!one.is_full() && other.is_full());
        inbox.drain().for_each(drop);
        assert!(!one.is_full() && !other.is_full());
    }

    #[test]
    fn what_the_loop_has_taken_counts_no_more_also_where_nobody_asks_for_room() {
        let (outbox, inbox) = flume::unbounded();
        let outflow = Outflow::new(&outbox, &Arc::default());
        for _ in 0..100 {
            for _ in 0..GATHERED_MAX - 1 {
                outflow.post(msg(), BYTES_MAX / 1_000);
                assert!(outflow.gathers_since().is_some());
            }
            outflow.release();
            inbox.drain().for_each(drop);
        }
        assert!(locked(&outflow.0).queued.len() < GATHERED_MAX);
        // A large number is sent at once.
        (0..GATHERED_MAX).for_each(|_| outflow.post(msg(), 0));
        assert!(outflow.gathers_since().is_none());
        outflow.release();
        outflow.post(msg(), BYTES_MAX);
        assert!(outflow.gathers_since().is_none());
    }

    #[test]
    fn a_loop_that_is_gone_keeps_no_link_waiting() {
        let (outbox, inbox) = flume::unbounded();
        let outflow = Outflow::new(&outbox, &Arc::default());
        outflow.post(msg(), BYTES_MAX);
        drop(inbox);
        assert!(!outflow.is_full());
        outflow.post(msg(), BYTES_MAX);
        outflow.release();
        assert!(!outflow.is_full());
    }

    #[test]
    fn what_was_posted_leaves_with_the_link() {
        let (outbox, inbox) = flume::unbounded();
        let outflow = Outflow::new(&outbox, &Arc::default());
        outflow.clone().post(msg(), 0);
        assert!(inbox.is_empty());
        drop(outflow);
        assert_eq!(inbox.len(), 1);
    }
}
