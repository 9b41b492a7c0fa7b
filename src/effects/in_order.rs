//! A thread that does one thing after another, in the order of the requests.

use std::{
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use flume::{Receiver, RecvTimeoutError, Sender};

/// The thread, as its caller holds it. When dropped, lets the thread finish its work.
#[derive(Debug)]
pub struct InOrder<T> {
    // None once it was told to stop: the thread ends when it has done what was sent before.
    wishes: Mutex<Option<Sender<T>>>,
    ended: Receiver<()>,
}

impl<T: Send + 'static> InOrder<T> {
    /// Starts the thread. If that fails, whatever it is given comes back.
    pub fn start(name: &str, run: impl FnOnce(&Receiver<T>) + Send + 'static) -> Self {
        let (wishes, inbox) = flume::unbounded();
        let (ends, ended) = flume::bounded(1);
        let started = thread::Builder::new().name(name.into()).spawn(move || {
            run(&inbox);
            drop(ends);
        });
        if let Err(error) = started {
            log::error!("The thread {name} did not start: {error}");
        }
        Self { wishes: Mutex::new(Some(wishes)), ended }
    }

    /// Requests something and returns at once. Returns the request if the thread takes nothing more.
    pub fn ask(&self, wish: T) -> Result<(), T> {
        let wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
        match &*wishes {
            Some(wishes) => wishes.send(wish).map_err(|error| error.0),
            None => Err(wish),
        }
    }

    /// Takes nothing more.
    pub fn stop(&self) {
        let mut wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
        drop(wishes.take());
    }

    /// Takes nothing more, and waits for earlier requests. False if that takes longer; the thread then continues by
    /// itself.
    pub fn flush_and_stop(&self, within: Duration) -> bool {
        self.stop();
        !matches!(self.ended.recv_timeout(within), Err(RecvTimeoutError::Timeout))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_before_the_stop_is_done_and_what_comes_after_comes_back() {
        let (outbox, done) = flume::unbounded();
        let thread = InOrder::start("tusk-test", move |inbox| {
            for wish in inbox {
                outbox.send(wish).unwrap();
            }
        });
        for wish in 0..100 {
            thread.ask(wish).unwrap();
        }
        assert!(thread.flush_and_stop(Duration::from_secs(60)));
        assert_eq!(thread.ask(100), Err(100));
        assert!(done.try_iter().eq(0..100));
    }

    #[test]
    fn who_stops_it_waits_no_longer_than_that() {
        let (let_go, gate) = flume::bounded::<()>(0);
        let thread = InOrder::start("tusk-test", move |inbox: &Receiver<()>| {
            for () in inbox {
                gate.recv().unwrap_or_default();
            }
        });
        thread.ask(()).unwrap();
        assert!(!thread.flush_and_stop(Duration::from_millis(20)));
        drop(let_go);
        assert!(thread.flush_and_stop(Duration::from_secs(60)));
    }
}
