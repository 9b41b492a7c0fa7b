//! Timers on one thread: the earliest decides how long it waits.
//!
//! Every timer answers once. One that is stopped, and every one still waiting when the program shuts down, answers
//! `Stopped`; a shutdown fires nothing.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use flume::{Receiver, RecvTimeoutError, Sender};

use super::in_order::InOrder;
use crate::{
    base::ids::Request,
    update::clock::{Effect, Msg},
};

/// The timers, as the runner holds them. When dropped, stops every one.
#[derive(Debug)]
pub struct Timers {
    thread: InOrder<Effect>,
    outbox: Sender<crate::msg::Msg>,
}

/// The waiting timers, by their times. It has no clock, so that tests bring their own.
#[derive(Debug, Default)]
struct Waiting {
    by_time: BTreeMap<(Instant, Request), ()>,
    times: BTreeMap<Request, Instant>,
}

impl Timers {
    /// Starts the thread.
    pub fn start(outbox: Sender<crate::msg::Msg>) -> Timers {
        let answers = outbox.clone();
        let thread = InOrder::start("tusk-timers", move |inbox| run(inbox, &answers));
        Timers { thread, outbox }
    }

    /// Takes an effect and returns at once; the answer comes through the outbox.
    pub fn perform(&self, effect: Effect) {
        if let Err(Effect::Start { timer, .. }) = self.thread.ask(effect) {
            send(&self.outbox, Msg::Stopped { timer });
        }
    }

    /// Stops every timer; the thread answers for them and ends.
    pub fn stop(&self) {
        self.thread.stop();
    }
}

impl Waiting {
    /// Adds a timer; true if it replaced one with the same number.
    fn start(&mut self, timer: Request, at: Instant) -> bool {
        let replaced = self.stop(timer);
        self.by_time.insert((at, timer), ());
        self.times.insert(timer, at);
        replaced
    }

    /// Stops a timer; false if it is not waiting.
    fn stop(&mut self, timer: Request) -> bool {
        let Some(at) = self.times.remove(&timer) else {
            return false;
        };
        self.by_time.remove(&(at, timer)).is_some()
    }

    /// When the earliest is due.
    fn next(&self) -> Option<Instant> {
        self.by_time.keys().next().map(|(at, _)| *at)
    }

    /// Takes a due timer, the earliest first.
    fn due(&mut self, now: Instant) -> Option<Request> {
        let (at, timer) = *self.by_time.keys().next()?;
        (at <= now && self.stop(timer)).then_some(timer)
    }
}

fn run(inbox: &Receiver<Effect>, outbox: &Sender<crate::msg::Msg>) {
    let mut waiting = Waiting::default();
    loop {
        while let Some(timer) = waiting.due(Instant::now()) {
            send(outbox, Msg::Fired { timer });
        }
        let received = match waiting.next() {
            Some(at) => inbox.recv_deadline(at),
            None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            Ok(Effect::Start { timer, after_ms }) => {
                let now = Instant::now();
                // A time that the clock can't represent is a century away anyway.
                let after = Duration::from_millis(after_ms.min(u64::from(u32::MAX) * 1_000));
                if waiting.start(timer, now.checked_add(after).unwrap_or(now)) {
                    send(outbox, Msg::Stopped { timer });
                }
            }
            Ok(Effect::Stop { timer }) => {
                if waiting.stop(timer) {
                    send(outbox, Msg::Stopped { timer });
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    for timer in waiting.times.into_keys() {
        send(outbox, Msg::Stopped { timer });
    }
}

fn send(outbox: &Sender<crate::msg::Msg>, msg: Msg) {
    if outbox.send(msg.into()).is_err() {
        log::debug!("Nobody listens to the timers any more");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 3_600_000;

    fn timers() -> (Timers, Receiver<crate::msg::Msg>) {
        let (outbox, inbox) = flume::unbounded();
        (Timers::start(outbox), inbox)
    }

    fn start(timer: u64, after_ms: u64) -> Effect {
        Effect::Start { timer: Request(timer), after_ms }
    }

    #[track_caller]
    fn answer(inbox: &Receiver<crate::msg::Msg>) -> Msg {
        match inbox.recv_timeout(Duration::from_secs(60)).unwrap() {
            crate::msg::Msg::Clock(msg) => msg,
            other => panic!("not the clock's: {other:?}"),
        }
    }

    #[test]
    fn the_earliest_is_due_first_and_none_before_its_time() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let mut waiting = Waiting::default();
        assert!(!waiting.start(Request(1), at(3)));
        assert!(!waiting.start(Request(2), at(1)));
        assert!(!waiting.start(Request(3), at(1)));
        assert_eq!((waiting.next(), waiting.due(now)), (Some(at(1)), None));
        assert_eq!(waiting.due(at(2)), Some(Request(2)));
        assert_eq!(waiting.due(at(2)), Some(Request(3)));
        assert_eq!(waiting.due(at(2)), None);
        assert!(waiting.start(Request(1), at(9)), "the first one gave way");
        assert_eq!((waiting.due(at(3)), waiting.next()), (None, Some(at(9))));
        assert!(waiting.stop(Request(1)) && !waiting.stop(Request(1)));
        assert_eq!(waiting.next(), None);
    }

    #[test]
    fn a_timer_fires_once_and_one_that_is_let_go_says_so() {
        let (timers, inbox) = timers();
        timers.perform(start(1, HOUR_MS));
        timers.perform(start(2, 1));
        assert_eq!(answer(&inbox), Msg::Fired { timer: Request(2) });
        timers.perform(Effect::Stop { timer: Request(2) });
        timers.perform(start(1, u64::MAX));
        assert_eq!(answer(&inbox), Msg::Stopped { timer: Request(1) });
        timers.perform(Effect::Stop { timer: Request(1) });
        assert_eq!(answer(&inbox), Msg::Stopped { timer: Request(1) });
        timers.stop();
        drop(timers);
        assert_eq!(
            inbox.recv_timeout(Duration::from_secs(60)),
            Err(RecvTimeoutError::Disconnected)
        );
    }

    #[test]
    fn at_the_end_every_timer_is_stopped_and_none_fires() {
        let (timers, inbox) = timers();
        timers.perform(start(1, HOUR_MS));
        timers.perform(start(2, HOUR_MS));
        timers.stop();
        timers.perform(start(3, 0));
        let mut answers = [answer(&inbox), answer(&inbox), answer(&inbox)].map(|msg| match msg {
            Msg::Stopped { timer } => timer,
            Msg::Fired { .. } => panic!("{msg:?}"),
        });
        answers.sort();
        assert_eq!(answers, [Request(1), Request(2), Request(3)]);
    }
}
