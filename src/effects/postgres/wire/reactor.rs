//! How a thread of links waits: for its own sockets, and for whoever wakes it.
//!
//! smol has one reactor for the whole program, and whichever thread comes first waits in it for all others: another
//! thread then wakes the link whose answer has come, and each wait costs five system calls. A thread of links asks the
//! system itself, once per wait, and watches each socket from its first read here.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::os::fd::RawFd;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use mio::unix::SourceFd;
use mio::{Events, Interest, Registry, Token};

use crate::effects::postgres::locked;

thread_local! {
    /// This thread's sockets, if it waits for them itself.
    static HERE: RefCell<Option<Arc<Sockets>>> = const { RefCell::new(None) };
}

/// The event that ends a wait and belongs to no socket.
const WOKEN: Token = Token(0);

/// The most events taken from the system at a time.
const EVENTS_MAX: usize = 64;

/// The pause after the system refused a wait.
const REFUSED_WAIT: Duration = Duration::from_millis(10);

/// How a thread waits.
pub struct Reactor {
    poll: mio::Poll,
    sockets: Arc<Sockets>,
    alarm: Arc<Alarm>,
}

/// The sockets that a thread waits for.
pub struct Sockets {
    registry: Registry,
    watched: Mutex<BTreeMap<Token, Arc<Source>>>,
    next: AtomicUsize,
}

/// What the system has reported about one of them.
#[derive(Default)]
struct Source {
    /// Whether more data came since this was last asked.
    has_more: AtomicBool,
    /// Whether its other end is closed, or it is broken: the rest is read to the end without waiting.
    has_ended: AtomicBool,
    reader: AtomicWaker,
}

/// A socket that is watched until this is dropped.
pub struct Watched {
    sockets: Arc<Sockets>,
    source: Arc<Source>,
    token: Token,
    socket: RawFd,
}

/// Wakes the thread if it sleeps.
struct Alarm {
    waker: mio::Waker,
    state: AtomicU8,
}

const AT_WORK: u8 = 0;
const ASLEEP: u8 = 1;
const CALLED: u8 = 2;

impl Reactor {
    /// Of the thread that will wait with it.
    ///
    /// # Errors
    ///
    /// Where the system has no descriptors left: it takes two.
    pub fn new() -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), WOKEN)?;
        let registry = poll.registry().try_clone()?;
        Ok(Self {
            poll,
            sockets: Arc::new(Sockets {
                registry,
                watched: Mutex::default(),
                next: AtomicUsize::new(WOKEN.0 + 1),
            }),
            alarm: Arc::new(Alarm { waker, state: AtomicU8::new(AT_WORK) }),
        })
    }

    /// Runs a future to its end, and waits here for the sockets that it reads on this thread.
    pub fn block_on<T>(mut self, future: impl Future<Output = T>) -> T {
        HERE.with_borrow_mut(|here| *here = Some(self.sockets.clone()));
        let waker = Waker::from(self.alarm.clone());
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        let mut events = Events::with_capacity(EVENTS_MAX);
        loop {
            self.alarm.state.store(AT_WORK, Ordering::SeqCst);
            if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
                HERE.with_borrow_mut(|here| *here = None);
                return done;
            }
            self.wait(&mut events);
        }
    }

    /// Waits until something has arrived or somebody has called; if that has happened already, only polls the sockets.
    fn wait(&mut self, events: &mut Events) {
        let timeout = match self.alarm.fall_asleep() {
            true => None,
            false => Some(Duration::ZERO),
        };
        let waited = self.poll.poll(events, timeout);
        self.alarm.state.store(AT_WORK, Ordering::SeqCst);
        if let Err(error) = waited {
            if error.kind() != io::ErrorKind::Interrupted {
                log::error!("a thread of the connections can't wait: {error}");
                std::thread::sleep(REFUSED_WAIT);
            }
            return;
        }
        let watched = locked(&self.sockets.watched);
        for event in events.iter() {
            if let Some(source) = watched.get(&event.token()) {
                source.tell(event.is_read_closed() || event.is_error());
            }
        }
    }
}

impl Sockets {
    /// The sockets that this thread waits for, if it waits for any itself.
    pub fn here() -> Option<Arc<Self>> {
        HERE.with_borrow(Clone::clone)
    }

    /// Watches a socket that stays open until what is returned is dropped.
    ///
    /// # Errors
    ///
    /// Where the system watches no more of them.
    pub fn watch(self: &Arc<Self>, socket: RawFd) -> io::Result<Watched> {
        let token = Token(self.next.fetch_add(1, Ordering::Relaxed));
        let source = Arc::new(Source::default());
        locked(&self.watched).insert(token, source.clone());
        let watched = Watched { sockets: self.clone(), source, token, socket };
        self.registry.register(&mut SourceFd(&socket), token, Interest::READABLE)?;
        Ok(watched)
    }
}

impl Watched {
    /// Whether it belongs to these sockets.
    pub fn is_of(&self, sockets: &Arc<Sockets>) -> bool {
        Arc::ptr_eq(&self.sockets, sockets)
    }

    /// Ready once there is more than last time, or the end. Before the first time everything counts.
    pub fn poll_more(&self, context: &Context<'_>) -> Poll<()> {
        let Source { has_more, has_ended, reader } = &*self.source;
        let has = || has_ended.load(Ordering::Acquire) || has_more.swap(false, Ordering::AcqRel);
        if has() {
            return Poll::Ready(());
        }
        reader.register(context.waker());
        if has() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        locked(&self.sockets.watched).remove(&self.token);
        let registry = &self.sockets.registry;
        if let Err(error) = registry.deregister(&mut SourceFd(&self.socket)) {
            log::trace!("a socket was not watched: {error}");
        }
    }
}

impl Source {
    fn tell(&self, has_ended: bool) {
        if has_ended {
            self.has_ended.store(true, Ordering::Release);
        }
        self.has_more.store(true, Ordering::Release);
        self.reader.wake();
    }
}

impl Alarm {
    /// Falls asleep; false if somebody has called since the last round began.
    fn fall_asleep(&self) -> bool {
        self.state.compare_exchange(AT_WORK, ASLEEP, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(CALLED, Ordering::SeqCst) == ASLEEP
            && let Err(error) = self.waker.wake()
        {
            log::error!("a thread of the connections can't be woken: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use super::*;
    use std::future::poll_fn;

    #[test]
    fn a_call_from_elsewhere_ends_a_wait() {
        let (calls, called) = flume::bounded(1);
        let caller = std::thread::spawn(move || {
            for call in 0..1_000 {
                calls.send(call).unwrap();
            }
        });
        let heard = Reactor::new().unwrap().block_on(async move {
            let mut heard = 0;
            while called.recv_async().await.is_ok() {
                heard += 1;
            }
            heard
        });
        caller.join().unwrap();
        assert_eq!(heard, 1_000);
    }

    #[test]
    fn a_socket_is_ready_for_what_came_before_and_after_it_was_watched_and_at_its_end() {
        let (here, mut there) = UnixStream::pair().unwrap();
        there.write_all(b"before").unwrap();
        let (goes_on, may_go_on) = flume::bounded::<()>(0);
        let other = std::thread::spawn(move || {
            while may_go_on.recv().is_ok() {
                there.write_all(b"after").unwrap();
            }
        });
        Reactor::new().unwrap().block_on(async {
            let watched = Sockets::here().unwrap().watch(here.as_raw_fd()).unwrap();
            let more = || poll_fn(|context| watched.poll_more(context));
            more().await;
            for _ in 0..10 {
                goes_on.send(()).unwrap();
                more().await;
            }
            drop(goes_on);
            more().await;
            more().await;
        });
        other.join().unwrap();
        assert!(Sockets::here().is_none());
    }

    #[test]
    fn a_future_that_calls_itself_is_asked_again() {
        let mut rounds = 0;
        let counts = poll_fn(|context| {
            rounds += 1;
            if rounds == 1_000 {
                return Poll::Ready(rounds);
            }
            context.waker().wake_by_ref();
            Poll::Pending
        });
        assert_eq!(Reactor::new().unwrap().block_on(counts), 1_000);
    }

    #[test]
    fn a_socket_that_has_no_more_is_waited_for_and_one_that_is_let_go_is_forgotten() {
        let (here, mut there) = UnixStream::pair().unwrap();
        Reactor::new().unwrap().block_on(async {
            let sockets = Sockets::here().unwrap();
            let watched = sockets.watch(here.as_raw_fd()).unwrap();
            assert!(watched.is_of(&sockets));
            there.write_all(b"x").unwrap();
            poll_fn(|context| watched.poll_more(context)).await;
            let again = poll_fn(|context| Poll::Ready(watched.poll_more(context))).await;
            assert!(again.is_pending(), "there is no more");
            assert_eq!(locked(&sockets.watched).len(), 1);
            drop(watched);
            assert!(locked(&sockets.watched).is_empty());
            // The system has forgotten it too: it accepts it again.
            let watched = sockets.watch(here.as_raw_fd()).unwrap();
            there.write_all(b"y").unwrap();
            poll_fn(|context| watched.poll_more(context)).await;
        });
    }
}
