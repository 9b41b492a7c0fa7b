//! Passwords in the operating system's keychain: Secret Service, macOS Keychain, Windows Credential Manager.
//!
//! A keychain may ask the user first, or never answer at all. So one thread takes the effects in order and only waits,
//! for a bounded time, while another makes the call. If a call takes too long, the first thread answers for it and
//! leaves it to itself, and the next call gets a new thread.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use flume::{Receiver, Sender};
use keyring_core::{CredentialStore, Entry, Error};

use super::in_order::InOrder;
use crate::{
    base::{
        ids::ConnectionId,
        secret::{Secret, SecretKind},
    },
    update::connection::keychain::{Effect, Msg, Refusal},
};

/// Opens the keychain. Called whenever none is open yet, so it finds one that appears later.
pub type Opener = Arc<dyn Fn() -> keyring_core::Result<Arc<CredentialStore>> + Send + Sync>;

/// The keychain, as the runner holds it. When dropped, answers for what still waits.
#[derive(Debug)]
pub struct Keychain {
    thread: InOrder<Asked>,
    stopping: Sender<Instant>,
    outbox: Sender<crate::msg::Msg>,
}

/// The name of every entry; the account is the connection's id, plus the kind of secret if it is not the password.
pub const SERVICE: &str = "Tusk";

/// The timeout of a call: long enough for a user to type a password into the keychain's own dialog.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The share of the timeout that a call behind a slow one gets for itself, and all it gets while an earlier one has
/// still not returned.
const LEAST_SHARE: u32 = 15;

/// When this many calls have never returned, no more are made until one does.
const STUCK_CALLS_MAX: usize = 4;

/// How long answering for the rest may take at the end; it makes no calls, so in health this is never reached.
const ANSWERING_MAX: Duration = Duration::from_millis(500);

const TOO_SLOW: &str = "the keychain did not answer in time";
const SHUT_DOWN: &str = "Tusk is shutting down";

#[derive(Debug)]
struct Asked {
    effect: Effect,
    at: Instant,
}

/// A call's outcome; the caller knows which one it made.
enum Outcome {
    Read(Result<Secret, Refusal>),
    Done(Result<(), Refusal>),
}

impl Keychain {
    /// Starts on the operating system's keychain, which it does not touch before the first effect.
    pub fn start(outbox: Sender<crate::msg::Msg>) -> Keychain {
        Self::start_with(Arc::new(platform_store), CALL_TIMEOUT, outbox)
    }

    /// Starts on another keychain, with another timeout.
    pub fn start_with(
        open: Opener,
        timeout: Duration,
        outbox: Sender<crate::msg::Msg>,
    ) -> Keychain {
        let (stopping, stop) = flume::unbounded();
        let stuck = Arc::new(AtomicUsize::new(0));
        let mut warden =
            Warden { open, timeout, stop, last: None, worker: None, stuck, outbox: outbox.clone() };
        let thread = InOrder::start("tusk-keychain", move |inbox| {
            for asked in inbox {
                warden.answer(asked);
            }
        });
        Keychain { thread, stopping, outbox }
    }

    /// Takes an effect and returns at once; the answer comes through the outbox.
    pub fn perform(&self, effect: Effect) {
        let asked = Asked { effect, at: Instant::now() };
        if let Err(Asked { effect, .. }) = self.thread.ask(asked) {
            refuse(&self.outbox, &effect, SHUT_DOWN);
        }
    }

    /// Gives running calls this long to end, then answers for those that did not. False if even that took longer.
    pub fn stop(&self, within: Duration) -> bool {
        let last = Instant::now() + within;
        self.thread.stop();
        // A thread that has ended hears nothing, and has nothing to hear.
        self.stopping.send(last).unwrap_or_default();
        self.thread.flush_and_stop(within + ANSWERING_MAX)
    }
}

/// The thread that waits.
struct Warden {
    open: Opener,
    timeout: Duration,
    stop: Receiver<Instant>,
    // When everything must have an answer, once the program is shutting down.
    last: Option<Instant>,
    worker: Option<Worker>,
    stuck: Arc<AtomicUsize>,
    outbox: Sender<crate::msg::Msg>,
}

/// The thread that makes the calls. When dropped, it ends after its current call.
struct Worker {
    calls: Sender<Effect>,
    outcomes: Receiver<Outcome>,
}

enum Waited {
    Outcome(Outcome),
    Stop(Option<Instant>),
    TooLong,
}

impl Warden {
    fn answer(&mut self, asked: Asked) {
        let outcome = self.call(&asked).unwrap_or_else(|reason| refused(&asked.effect, reason));
        send(&self.outbox, message(&asked.effect, outcome));
    }

    fn call(&mut self, asked: &Asked) -> Result<Outcome, &'static str> {
        if self.last.is_some_and(|last| last <= Instant::now()) {
            return Err(SHUT_DOWN);
        }
        let stuck = self.stuck.load(Ordering::SeqCst);
        let worker = match self.worker.take() {
            Some(worker) => worker,
            None if stuck >= STUCK_CALLS_MAX => return Err(TOO_SLOW),
            None => start_worker(self.open.clone(), self.stuck.clone())
                .ok_or("the keychain's thread did not start")?,
        };
        if worker.calls.send(asked.effect.clone()).is_err() {
            return Err("the keychain's thread ended");
        }
        let least = Instant::now() + self.timeout / LEAST_SHARE;
        let deadline = match stuck {
            0 => (asked.at + self.timeout).max(least),
            // It has hung, and would hold up each connection again.
            _ => least,
        };
        loop {
            let until = self.last.map_or(deadline, |last| last.min(deadline));
            match self.wait(&worker, until) {
                Waited::Outcome(outcome) => {
                    self.worker = Some(worker);
                    return Ok(outcome);
                }
                // Without a timeout, the keychain was dropped: don't wait at all.
                Waited::Stop(last) => self.last = Some(last.unwrap_or_else(Instant::now)),
                Waited::TooLong if self.last == Some(until) => return Err(SHUT_DOWN),
                Waited::TooLong => {
                    log::warn!("A call to the keychain takes too long and is left to itself");
                    return Err(TOO_SLOW);
                }
            }
        }
    }

    fn wait(&self, worker: &Worker, until: Instant) -> Waited {
        let outcome =
            |outcome: Result<Outcome, _>| outcome.map_or(Waited::TooLong, Waited::Outcome);
        if self.last.is_some() {
            return worker.outcomes.recv_deadline(until).map_or(Waited::TooLong, Waited::Outcome);
        }
        flume::Selector::new()
            .recv(&worker.outcomes, outcome)
            .recv(&self.stop, |last| Waited::Stop(last.ok()))
            .wait_deadline(until)
            .unwrap_or(Waited::TooLong)
    }
}

fn start_worker(open: Opener, stuck: Arc<AtomicUsize>) -> Option<Worker> {
    let (calls, inbox) = flume::bounded::<Effect>(1);
    let (answers, outcomes) = flume::bounded(1);
    let run = move || {
        let mut store = None;
        while let Ok(effect) = inbox.recv() {
            stuck.fetch_add(1, Ordering::SeqCst);
            let outcome = perform(&open, &mut store, &effect);
            stuck.fetch_sub(1, Ordering::SeqCst);
            // Nobody waits for an answer that comes too late.
            if answers.send(outcome).is_err() {
                break;
            }
        }
    };
    match thread::Builder::new().name("tusk-keychain-call".into()).spawn(run) {
        Ok(_) => Some(Worker { calls, outcomes }),
        Err(error) => {
            log::error!("A thread for the keychain did not start: {error}");
            None
        }
    }
}

/// Makes a call, on the open keychain or a new one. If a keychain was restarted, the old link fails: tries once more on
/// a new one, but not if the user or the keychain said no.
fn perform(open: &Opener, store: &mut Option<Arc<CredentialStore>>, effect: &Effect) -> Outcome {
    if let Some(open_already) = store.take() {
        match call(&open_already, effect) {
            Err(Error::PlatformFailure(error)) => {
                log::info!("The keychain is opened again: {error}");
            }
            result => {
                if !matches!(result, Err(Error::NoStorageAccess(_) | Error::NoDefaultStore)) {
                    *store = Some(open_already);
                }
                return result.unwrap_or_else(|error| failed(effect, &error));
            }
        }
    }
    let result = open().and_then(|opened| {
        let outcome = call(&opened, effect);
        if matches!(outcome, Ok(_) | Err(Error::NoEntry)) {
            *store = Some(opened);
        }
        outcome
    });
    result.unwrap_or_else(|error| failed(effect, &error))
}

fn call(store: &Arc<CredentialStore>, effect: &Effect) -> keyring_core::Result<Outcome> {
    let entry = |id: &ConnectionId, kind: SecretKind| -> keyring_core::Result<Entry> {
        store.build(SERVICE, &account(*id, kind), None)
    };
    match effect {
        Effect::Read { connection, kind, .. } => {
            let password = entry(connection, *kind)?.get_password()?;
            Ok(Outcome::Read(Ok(Secret::new(password))))
        }
        Effect::Store { connection, kind, password, .. } => {
            entry(connection, *kind)?.set_password(password.reveal())?;
            Ok(Outcome::Done(Ok(())))
        }
        Effect::Delete { connection, kind, .. } => {
            match entry(connection, *kind)?.delete_credential() {
                Ok(()) | Err(Error::NoEntry) => Ok(Outcome::Done(Ok(()))),
                Err(error) => Err(error),
            }
        }
    }
}

/// The account that a secret is stored under.
pub fn account(connection: ConnectionId, kind: SecretKind) -> String {
    match kind {
        SecretKind::Database => connection.to_string(),
        SecretKind::Ssh => format!("{connection}/ssh"),
        SecretKind::SslKey => format!("{connection}/ssl-key"),
    }
}

fn failed(effect: &Effect, error: &Error) -> Outcome {
    outcome(effect, super::failure::of_keychain(error))
}

fn refused(effect: &Effect, reason: &str) -> Outcome {
    outcome(effect, unavailable(reason))
}

fn unavailable(reason: &str) -> Refusal {
    Refusal::Unavailable { reason: reason.into() }
}

fn outcome(effect: &Effect, refusal: Refusal) -> Outcome {
    match effect {
        Effect::Read { .. } => Outcome::Read(Err(refusal)),
        Effect::Store { .. } | Effect::Delete { .. } => Outcome::Done(Err(refusal)),
    }
}

fn message(effect: &Effect, outcome: Outcome) -> Msg {
    match (effect, outcome) {
        (&Effect::Read { request, connection, kind }, Outcome::Read(result)) => {
            Msg::Read { request, connection, kind, result }
        }
        (&Effect::Store { request, connection, kind, .. }, Outcome::Done(result)) => {
            Msg::Stored { request, connection, kind, result }
        }
        (&Effect::Delete { request, connection, kind }, Outcome::Done(result)) => {
            Msg::Deleted { request, connection, kind, result }
        }
        // A worker answers the call that it was given; anything else is refused, not guessed at.
        (effect, _) => message(effect, refused(effect, "the keychain answered another call")),
    }
}

fn refuse(outbox: &Sender<crate::msg::Msg>, effect: &Effect, reason: &str) {
    send(outbox, message(effect, refused(effect, reason)));
}

fn send(outbox: &Sender<crate::msg::Msg>, msg: Msg) {
    if outbox.send(msg.into()).is_err() {
        log::debug!("Nobody listens to the keychain any more");
    }
}

/// The platform's keychain, which keyring chooses. It asks once in the life of a process and keeps what came of it, so
/// whoever asks again opens the Secret Service anew: it may appear later, go and come again, or hang the first time.
#[cfg(all(unix, not(target_os = "macos")))]
fn platform_store() -> keyring_core::Result<Arc<CredentialStore>> {
    use std::sync::atomic::AtomicBool;
    static ASKED: AtomicBool = AtomicBool::new(false);
    if ASKED.swap(true, Ordering::SeqCst) {
        return Ok(zbus_secret_service_keyring_store::Store::new()?);
    }
    keyring::Entry::store_status().as_ref().map_err(again)?;
    // Taken out of where keyring keeps it: its link would outlive a service that has gone.
    keyring_core::unset_default_store().ok_or(Error::NoDefaultStore)
}

/// The platform's keychain, which keyring chooses. What stands for it holds no link, so that it is good for ever.
#[cfg(not(all(unix, not(target_os = "macos"))))]
fn platform_store() -> keyring_core::Result<Arc<CredentialStore>> {
    keyring::Entry::store_status().as_ref().map_err(again)?;
    keyring_core::get_default_store().ok_or(Error::NoDefaultStore)
}

/// An error that keyring keeps, in the same words.
fn again(kept: &Error) -> Error {
    match kept {
        Error::PlatformFailure(cause) => Error::PlatformFailure(cause.to_string().into()),
        Error::NoStorageAccess(cause) => Error::NoStorageAccess(cause.to_string().into()),
        other => Error::PlatformFailure(other.to_string().into()),
    }
}

#[cfg(test)]
mod tests {
    use std::{any::Any, collections::HashMap};

    use keyring_core::{api::CredentialStoreApi, mock};
    use uuid::Uuid;

    use super::*;
    use crate::base::ids::Request;

    /// Only a hang reaches it.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// A keychain that answers a build only when it is let through.
    struct Stuck {
        gate: Receiver<()>,
        inner: Arc<mock::Store>,
    }

    impl CredentialStoreApi for Stuck {
        fn vendor(&self) -> String {
            "test".into()
        }

        fn id(&self) -> String {
            "stuck".into()
        }

        fn build(
            &self,
            service: &str,
            user: &str,
            modifiers: Option<&HashMap<&str, &str>>,
        ) -> keyring_core::Result<Entry> {
            self.gate.recv().unwrap();
            self.inner.build(service, user, modifiers)
        }

        fn as_any(&self) -> &dyn Any {
            self
        }
    }

    fn start(open: Opener, timeout: Duration) -> (Keychain, Receiver<crate::msg::Msg>) {
        let (outbox, inbox) = flume::unbounded();
        (Keychain::start_with(open, timeout, outbox), inbox)
    }

    fn mocked() -> (Keychain, Receiver<crate::msg::Msg>, Arc<mock::Store>) {
        let store = mock::Store::new().unwrap();
        let shared = store.clone();
        let (keychain, inbox) = start(Arc::new(move || Ok(shared.clone())), PATIENCE);
        (keychain, inbox, store)
    }

    fn connection(number: u128) -> ConnectionId {
        ConnectionId(Uuid::from_u128(number))
    }

    fn read(number: u64) -> Effect {
        Effect::Read {
            request: Request(number),
            connection: connection(1),
            kind: SecretKind::Database,
        }
    }

    fn store(number: u64, password: &str) -> Effect {
        let password = Secret::new(password);
        Effect::Store {
            request: Request(number),
            connection: connection(1),
            kind: SecretKind::Database,
            password,
        }
    }

    fn was_read(number: u64, result: Result<&str, Refusal>) -> Msg {
        let result = result.map(Secret::new);
        Msg::Read {
            request: Request(number),
            connection: connection(1),
            kind: SecretKind::Database,
            result,
        }
    }

    fn was_stored(number: u64, result: Result<(), Refusal>) -> Msg {
        Msg::Stored {
            request: Request(number),
            connection: connection(1),
            kind: SecretKind::Database,
            result,
        }
    }

    #[track_caller]
    fn answer(inbox: &Receiver<crate::msg::Msg>) -> Msg {
        match inbox.recv_timeout(PATIENCE).unwrap() {
            crate::msg::Msg::Keychain(msg) => msg,
            other => panic!("not the keychain's: {other:?}"),
        }
    }

    fn set_error(store: &mock::Store, error: Error) {
        let entry = store.build(SERVICE, &connection(1).to_string(), None).unwrap();
        entry.as_any().downcast_ref::<mock::Cred>().unwrap().set_error(error);
    }

    #[test]
    fn a_password_is_stored_read_and_deleted_and_then_not_found() {
        let (keychain, inbox, _) = mocked();
        let delete = |number| Effect::Delete {
            request: Request(number),
            connection: connection(1),
            kind: SecretKind::Database,
        };
        let deleted = |number| Msg::Deleted {
            request: Request(number),
            connection: connection(1),
            kind: SecretKind::Database,
            result: Ok(()),
        };
        let effects =
            [read(1), store(2, "hunter2"), store(3, "é"), read(4), delete(5), delete(6), read(7)];
        effects.into_iter().for_each(|effect| keychain.perform(effect));
        let expected = [
            was_read(1, Err(Refusal::NotFound)),
            was_stored(2, Ok(())),
            was_stored(3, Ok(())),
            was_read(4, Ok("é")),
            deleted(5),
            deleted(6),
            was_read(7, Err(Refusal::NotFound)),
        ];
        assert_eq!(std::array::from_fn(|_| answer(&inbox)), expected);
    }

    #[test]
    fn each_connection_has_its_own_password() {
        let (keychain, inbox, _) = mocked();
        keychain.perform(store(1, "one"));
        keychain.perform(Effect::Read {
            request: Request(2),
            connection: connection(2),
            kind: SecretKind::Database,
        });
        answer(&inbox);
        let result = Err(Refusal::NotFound);
        assert_eq!(
            answer(&inbox),
            Msg::Read {
                request: Request(2),
                connection: connection(2),
                kind: SecretKind::Database,
                result
            }
        );
    }

    #[test]
    fn a_keychain_that_says_no_is_unavailable_and_asked_again() {
        let (keychain, inbox, mock) = mocked();
        keychain.perform(store(1, "hunter2"));
        answer(&inbox);
        set_error(&mock, Error::NoStorageAccess("dismissed".into()));
        keychain.perform(read(2));
        let reason = "Couldn't access platform storage: dismissed".into();
        assert_eq!(answer(&inbox), was_read(2, Err(Refusal::Unavailable { reason })));
        keychain.perform(read(3));
        assert_eq!(answer(&inbox), was_read(3, Ok("hunter2")));
    }

    #[test]
    fn a_keychain_that_was_restarted_is_opened_again() {
        let (keychain, inbox, mock) = mocked();
        keychain.perform(store(1, "hunter2"));
        answer(&inbox);
        set_error(&mock, Error::PlatformFailure("the link is gone".into()));
        keychain.perform(read(2));
        assert_eq!(answer(&inbox), was_read(2, Ok("hunter2")));
    }

    #[test]
    fn a_reason_never_holds_what_was_stored() {
        let (keychain, inbox, mock) = mocked();
        set_error(&mock, Error::BadEncoding(b"hunter2\xff".to_vec()));
        keychain.perform(read(1));
        let reason = "its entry is not text".into();
        assert_eq!(answer(&inbox), was_read(1, Err(Refusal::Unavailable { reason })));
    }

    #[test]
    fn an_error_that_keyring_keeps_is_told_in_its_own_words() {
        let no = Error::NoStorageAccess("locked".into());
        let gone = Error::PlatformFailure("no service".into());
        assert_eq!(
            [&no, &gone].map(|kept| again(kept).to_string()),
            [&no, &gone].map(Error::to_string)
        );
        assert!(matches!(again(&no), Error::NoStorageAccess(_)));
        let unknown = Error::Invalid("platform".into(), "none".into());
        assert_eq!(again(&unknown).to_string(), format!("Platform failure: {unknown}"));
    }

    #[test]
    fn a_keychain_that_appears_later_is_used_from_then_on() {
        let store_later = mock::Store::new().unwrap();
        let calls = AtomicUsize::new(0);
        let open: Opener = Arc::new(move || match calls.fetch_add(1, Ordering::SeqCst) {
            0 => Err(Error::PlatformFailure("no service".into())),
            1 => Ok(store_later.clone()),
            _ => panic!("an open keychain is kept"),
        });
        let (keychain, inbox) = start(open, PATIENCE);
        [read(1), store(2, "x"), read(3)].into_iter().for_each(|effect| keychain.perform(effect));
        let reason = "Platform failure: no service".into();
        assert_eq!(answer(&inbox), was_read(1, Err(Refusal::Unavailable { reason })));
        assert_eq!(answer(&inbox), was_stored(2, Ok(())));
        assert_eq!(answer(&inbox), was_read(3, Ok("x")));
    }

    #[test]
    fn a_call_that_never_comes_back_is_answered_and_the_next_one_is_made() {
        let inner = mock::Store::new().unwrap();
        let (_open_never, gate) = flume::unbounded();
        let calls = AtomicUsize::new(0);
        let open: Opener = Arc::new(move || match calls.fetch_add(1, Ordering::SeqCst) {
            0 => Ok(Arc::new(Stuck { gate: gate.clone(), inner: inner.clone() })),
            _ => Ok(inner.clone()),
        });
        let (keychain, inbox) = start(open, Duration::from_secs(1));
        keychain.perform(read(1));
        assert_eq!(answer(&inbox), was_read(1, Err(unavailable(TOO_SLOW))));
        // The second has the whole time for itself: nothing of it went by in waiting.
        keychain.perform(store(2, "x"));
        assert_eq!(answer(&inbox), was_stored(2, Ok(())));
    }

    #[test]
    fn while_a_call_is_stuck_the_next_ones_are_not_waited_for_as_long() {
        let inner = mock::Store::new().unwrap();
        let (let_go, gate) = flume::unbounded::<()>();
        let timeout = Duration::from_secs(1);
        let calls = AtomicUsize::new(0);
        let open: Opener = Arc::new(move || {
            match calls.fetch_add(1, Ordering::SeqCst) {
                0 => gate.recv().unwrap(),
                // Well within the time that a call has, and beyond the part of it that this one has.
                1 => thread::sleep(timeout / LEAST_SHARE * 5),
                _ => {}
            }
            Ok(inner.clone())
        });
        let (keychain, inbox) = start(open, timeout);
        keychain.perform(read(1));
        assert_eq!(answer(&inbox), was_read(1, Err(unavailable(TOO_SLOW))));
        keychain.perform(read(2));
        assert_eq!(answer(&inbox), was_read(2, Err(unavailable(TOO_SLOW))));
        drop(let_go);
        // As soon as they have come back, it is used as ever.
        let mut number = 3;
        loop {
            keychain.perform(store(number, "x"));
            match answer(&inbox) {
                answered if answered == was_stored(number, Ok(())) => break,
                refused => assert_eq!(refused, was_stored(number, Err(unavailable(TOO_SLOW)))),
            }
            number += 1;
        }
    }

    #[test]
    fn with_too_many_stuck_calls_no_more_are_made() {
        let inner = mock::Store::new().unwrap();
        let (_open_never, gate) = flume::unbounded();
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let open: Opener = Arc::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(Arc::new(Stuck { gate: gate.clone(), inner: inner.clone() }))
        });
        let (keychain, inbox) = start(open, Duration::from_millis(150));
        for number in 1..=9 {
            keychain.perform(read(number));
            assert_eq!(answer(&inbox), was_read(number, Err(unavailable(TOO_SLOW))));
        }
        assert_eq!(calls.load(Ordering::SeqCst), STUCK_CALLS_MAX);
    }

    #[test]
    fn at_the_end_every_effect_has_its_answer() {
        let inner = mock::Store::new().unwrap();
        let (_open_never, gate) = flume::unbounded();
        let open: Opener =
            Arc::new(move || Ok(Arc::new(Stuck { gate: gate.clone(), inner: inner.clone() })));
        let (keychain, inbox) = start(open, PATIENCE);
        keychain.perform(read(1));
        keychain.perform(store(2, "x"));
        assert!(keychain.stop(Duration::from_millis(20)));
        keychain.perform(read(3));
        assert_eq!(answer(&inbox), was_read(1, Err(unavailable(SHUT_DOWN))));
        assert_eq!(answer(&inbox), was_stored(2, Err(unavailable(SHUT_DOWN))));
        assert_eq!(answer(&inbox), was_read(3, Err(unavailable(SHUT_DOWN))));
    }

    #[test]
    fn what_was_asked_before_the_end_is_done() {
        let (keychain, inbox, mock) = mocked();
        keychain.perform(store(1, "x"));
        assert!(keychain.stop(PATIENCE));
        assert_eq!(answer(&inbox), was_stored(1, Ok(())));
        let entry = mock.build(SERVICE, &connection(1).to_string(), None).unwrap();
        assert_eq!(entry.get_password().unwrap(), "x");
    }
}
