//! The threads that run PostgreSQL work.
//!
//! Two threads carry connections, each with the reader of its rows; connects, cancels and timers have a third, so that
//! a cancel never waits behind rows. When a thread ends it drops its tasks, and each task then sends the messages it
//! still owes.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread::JoinHandle;

use smol::Executor;

use super::locked;
#[cfg(unix)]
use super::wire::reactor::Reactor;

pub struct Threads {
    control: Lane,
    connections: Vec<Lane>,
    next: AtomicUsize,
}

/// How a thread waits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    /// In smol's reactor, which all threads share.
    WithAll,
    /// For its own sockets.
    Itself,
}

impl Waits {
    fn block_on<T>(self, work: impl Future<Output = T>) -> T {
        #[cfg(unix)]
        if self == Self::Itself {
            match Reactor::new() {
                Ok(reactor) => return reactor.block_on(work),
                Err(error) => log::warn!("a thread of the connections waits with all: {error}"),
            }
        }
        smol::block_on(work)
    }
}

/// An executor and its thread, which owns it.
struct Lane {
    executor: Weak<Executor<'static>>,
    running: Mutex<Option<(flume::Sender<()>, JoinHandle<()>)>>,
}

impl Threads {
    pub fn start() -> Self {
        Self {
            control: Lane::start("tusk-control", Waits::WithAll),
            connections: ["tusk-pg-0", "tusk-pg-1"]
                .map(|name| Lane::start(name, Waits::Itself))
                .into(),
            next: AtomicUsize::new(0),
        }
    }

    /// Runs a task that reads no rows. Drops it at once after the end.
    pub fn control(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(task) = self.stoppable(task) {
            task.detach();
        }
    }

    /// The same, but dropping the returned task stops it.
    pub fn stoppable(
        &self,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> Option<smol::Task<()>> {
        self.control.executor.upgrade().map(|executor| executor.spawn(task))
    }

    /// Runs a connection's task on one of the connection threads, in turn.
    pub fn connection(&self, task: impl Future<Output = ()> + Send + 'static) {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len();
        if let Some(executor) = self.connections[turn].executor.upgrade() {
            executor.spawn(task).detach();
        }
    }

    /// Ends every thread and its tasks, connections first.
    pub fn end(&self) {
        self.connections.iter().chain([&self.control]).for_each(Lane::end);
    }
}

impl Lane {
    fn start(name: &str, waits: Waits) -> Self {
        let executor = Arc::new(Executor::new());
        let lane = Self { executor: Arc::downgrade(&executor), running: Mutex::new(None) };
        let (stop, stopped) = flume::bounded::<()>(0);
        let run = move || {
            // Nothing is ever sent: the wait ends when the other end is dropped.
            let work = executor.run(stopped.recv_async());
            waits.block_on(work).unwrap_or_default();
            drop(executor);
        };
        match std::thread::Builder::new().name(name.into()).spawn(run) {
            Ok(thread) => *locked(&lane.running) = Some((stop, thread)),
            Err(error) => log::error!("the thread {name} could not be started: {error}"),
        }
        lane
    }

    fn end(&self) {
        let Some((stop, thread)) = locked(&self.running).take() else {
            return;
        };
        drop(stop);
        if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
            log::error!("a thread of the connections ended in a panic");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_under_way_are_dropped_at_the_end_and_later_ones_at_once() {
        let threads = Threads::start();
        let (held, released) = flume::bounded::<()>(0);
        let other = held.clone();
        threads.control(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        threads.connection(async move {
            let _held = other;
            std::future::pending::<()>().await;
        });
        threads.end();
        assert!(released.recv().is_err());
        let (held, released) = flume::bounded::<()>(0);
        threads.control(async move { drop(held) });
        assert!(released.recv().is_err());
    }
}
