//! A link: one connection to a server and the task that drives it.
//!
//! The task owns both the driver's client and its connection, and so reads rows on the thread where they arrive. It
//! takes commands in order and works on one statement at a time, the user's ([`Run`]) or Tusk's own ([`Ask`]). It
//! starts none while a cancel request is on its way, because the request would hit the wrong one. When the link ends,
//! the task joins the reasons, ends the query that ran, and then reports the session's loss, once.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use deadpool_postgres::ClientWrapper;
use flume::{Receiver, Sender};
use futures_util::{FutureExt, Stream, StreamExt};
use tokio_postgres::{Connection, SimpleQueryMessage, SimpleQueryStream};

use super::{capture::Capture, held, sealed::Sealed};
use crate::{
    base::{
        ids::{QueryId, SessionId},
        transaction::Transaction,
    },
    conninfo::Endpoint,
    effects::postgres::{
        GOODBYE, Session, Shared,
        answer::abandoned,
        connect::{Fresh, Route, Target},
        error, locked,
        own_sql::{OwnSql, Way},
        ssh::Backlog,
        wire::{
            outflow::Outflow,
            tap::{Learnt, Tap},
        },
    },
    failure::{Category, Failure},
    sql::read::lex::BackslashRule,
    update::query::{self, read_only::Seal, session},
};

pub use super::capture::CopyData;

/// The rows of a statement of Tusk's own.
pub type Rows = Vec<Vec<Option<String>>>;

/// The timeout of a query of Tusk's own. A caller that can't wait so long sets its own.
const ANSWER: Duration = Duration::from_secs(60);

/// After this many events, the thread's other links have their turn: however little a read takes, a server can keep one
/// link busy forever with its answers.
const EVENTS_PER_TURN: u64 = 16;

/// Outcomes are gathered while this many other statements follow,
const GATHERS_BEHIND: usize = 16;

/// and for at most this long, which nobody sees.
const GATHERS: Duration = Duration::from_millis(10);

/// The handle of a link. Dropping the last one ends the link with a Terminate message.
pub struct Link {
    commands: Sender<Command>,
    ended: Receiver<()>,
    gone: Arc<AtomicBool>,
    learnt: Arc<Mutex<Learnt>>,
    target: Arc<Target>,
    route: Route,
    /// The link's security, in words.
    pub security: String,
    /// The process id of the server's backend.
    pub backend_pid: i32,
    cancel_key: i32,
    authorization: Option<String>,
    /// The libraries whose settings were there at the start.
    libraries_at_start: OnceLock<held::Libraries>,
}

/// A user's statement.
pub struct Run {
    pub query: QueryId,
    /// The statement as it is written.
    pub sql: Arc<str>,
    /// The data for COPY … FROM STDIN.
    pub copy_data: Option<CopyData>,
    /// Its wrapper; a read-only connection takes no statement without one.
    pub seal: Option<Seal>,
    /// Rows that may be sent before more are granted.
    pub granted: u64,
    /// What a backslash must mean to the session, for a statement that is sent only after one that ended well.
    pub follows: Option<BackslashRule>,
    /// Whether to drop all of its rows.
    pub discards: bool,
}

/// A statement of Tusk's own, whose rows are collected.
pub struct Ask {
    own: OwnSql,
    reply: Sender<Result<Rows, Failure>>,
}

/// A command for the link's task.
pub enum Command {
    /// Serve this session from now on, or none.
    Serve(Option<SessionId>),
    /// Run a user's statement.
    Run(Box<Run>),
    /// Send this many more rows.
    Grant(QueryId, u64),
    /// Read the rest and keep none of it.
    Discard(QueryId),
    /// Run a statement of Tusk's own.
    Ask(Ask),
    /// Send none of the statements that follow the running one.
    TakeBack,
    /// A cancel request for this query is about to be sent.
    Hold(QueryId),
    /// The request has been handled, or has failed.
    Release,
    /// Take nothing new, drop the rest of the rows, and end after the running statement.
    Close,
}

/// Holds back the link's next statement while a cancel request is on its way.
pub struct Hold {
    commands: Sender<Command>,
}

impl Link {
    /// Starts to drive a fresh link.
    pub fn start(
        shared: &Arc<Shared>,
        fresh: Fresh,
        target: Arc<Target>,
        on_end: OnEnd,
    ) -> Arc<Self> {
        let Fresh { client, connection, learnt, route, security, backlog } = fresh;
        let (commands, orders) = flume::unbounded();
        let (ending, ended) = flume::bounded(0);
        let gone = Arc::new(AtomicBool::new(false));
        let (backend_pid, cancel_key, authorization) = {
            let learnt = locked(&learnt);
            (
                learnt.backend_pid,
                learnt.cancel_key,
                learnt.parameters.get("session_authorization").cloned(),
            )
        };
        let outflow = Outflow::new(&shared.outbox, &shared.sent);
        {
            let words = &mut locked(&learnt).words;
            words.outflow = Some(outflow.clone());
            words.backlog = backlog.clone();
        }
        let driver = Driver {
            connection,
            client: Some(client),
            orders: orders.into_stream(),
            orders_ended: false,
            waiting: VecDeque::new(),
            job: None,
            timer: None,
            backlog,
            backlog_told: None,
            session: None,
            backslash: BackslashRule::Ordinary,
            holds: 0,
            goes_on: false,
            closes_at: None,
            outflow,
            read_only: target.config.read_only,
            learnt: learnt.clone(),
            shared: Arc::downgrade(shared),
            gone: gone.clone(),
            on_end: Some(on_end),
            _ending: ending,
        };
        shared.link_started(&commands, &ended);
        shared.threads.connection(driver.drive());
        Arc::new(Self {
            commands,
            ended,
            gone,
            learnt,
            target,
            route,
            security,
            backend_pid,
            cancel_key,
            authorization,
            libraries_at_start: OnceLock::new(),
        })
    }

    /// Sends the task a command; false if the link has ended.
    pub fn tell(&self, command: Command) -> bool {
        self.commands.send(command).is_ok()
    }

    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Whether it leads to this target.
    pub fn leads_to(&self, target: &Arc<Target>) -> bool {
        Arc::ptr_eq(&self.target, target)
    }

    /// How long the server has been silent, or the time since its statement was sent if that is less.
    pub fn silence(&self) -> Duration {
        let heard_at = locked(&self.learnt).heard_at;
        heard_at.map_or(Duration::ZERO, |at| at.elapsed())
    }

    /// Custom settings that the session's statements named. The server does not list them.
    pub fn named_settings(&self) -> Vec<String> {
        locked(&self.learnt).named_settings.iter().cloned().collect()
    }

    pub async fn ended(&self) {
        // Nothing is ever sent: the wait ends when the task drops its end.
        self.ended.recv_async().await.unwrap_or_default();
    }

    /// Runs a statement of Tusk's own and collects its rows. Drops a link that does not answer.
    pub async fn ask(&self, own: OwnSql) -> Result<Rows, Failure> {
        let gone = || error::plain(Category::Connection, "The connection to the server is gone.");
        let (reply, answer) = flume::bounded(1);
        if !self.tell(Command::Ask(Ask { own, reply })) {
            return Err(gone());
        }
        // If a command comes at the very moment of the link's end, that end answers it.
        let ended = async {
            self.ended().await;
            answer.try_recv().unwrap_or_else(|_| Err(gone()))
        };
        let answered = async { answer.recv_async().await.unwrap_or_else(|_| Err(gone())) };
        let late = async {
            smol::Timer::after(ANSWER).await;
            self.tell(Command::Close);
            let message = format!(
                "The server did not answer a question of Tusk's own within {} s.",
                ANSWER.as_secs()
            );
            Err(error::plain(Category::Connection, message))
        };
        smol::future::or(smol::future::or(answered, ended), late).await
    }

    /// Asks which libraries there are, before anything else runs. Waits for the answer: a cancel that came meanwhile
    /// would hit this query and not the statement behind it.
    pub async fn note_libraries(&self) {
        let answer = self.ask(OwnSql::Libraries {}).await;
        let told = answer.inspect_err(|failure| {
            log::debug!("a server does not list its libraries: {}", failure.message);
        });
        self.libraries_at_start.get_or_init(|| told.ok().map(held::libraries));
    }

    /// The libraries whose settings the session had before anything ran in it.
    pub fn libraries_at_start(&self) -> held::Libraries {
        self.libraries_at_start.get_or_init(|| None).clone()
    }

    /// Holds back the next statement until the returned value is dropped.
    pub fn hold(&self, query: QueryId) -> Hold {
        if !self.tell(Command::Hold(query)) {
            log::debug!("a cancel came after its link had ended");
        }
        Hold { commands: self.commands.clone() }
    }

    /// How long nothing has been heard of this query, if it is the running one and nothing has.
    pub fn unheard_for(&self, query: QueryId) -> Option<Duration> {
        let learnt = locked(&self.learnt);
        let capture = learnt.capture.as_ref();
        let capture = capture.filter(|capture| capture.query() == query)?;
        capture.unheard_for(Instant::now())
    }

    /// Asks the server to cancel what runs.
    pub async fn cancel(&self) -> Result<(), Failure> {
        self.target.cancel(&self.route, self.backend_pid, self.cancel_key).await
    }

    /// The transaction status that the server reported last.
    pub fn transaction(&self) -> Transaction {
        locked(&self.learnt).transaction
    }

    pub fn endpoint(&self) -> Endpoint {
        self.route.server().clone()
    }

    /// The parameter that the server reported last.
    pub fn parameter(&self, name: &str) -> Option<String> {
        locked(&self.learnt).parameters.get(name).cloned()
    }

    pub fn speaks_utf8(&self) -> bool {
        locked(&self.learnt).texts.is_straight()
    }

    /// What a backslash in a plain string means to the server now.
    pub fn backslash(&self) -> BackslashRule {
        locked(&self.learnt).backslash()
    }

    /// Whether the session's authorization differs from that at its start.
    pub fn authorization_changed(&self) -> bool {
        self.authorization.is_some()
            && self.parameter("session_authorization") != self.authorization
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.commands.send(Command::Release).is_err() {
            log::trace!("the link ended before its cancel did");
        }
    }
}

/// Called when a link has ended, with the session that it served, and with the reason if it broke by itself.
pub type OnEnd = Box<dyn FnOnce(Option<Session>, Option<Failure>) + Send>;

/// The running statement.
enum Job {
    Run {
        query: QueryId,
        started: Instant,
        stream: Answers,
        failure: Option<Failure>,
    },
    /// A user's statement on a read-only connection: the tap does the talking.
    Sealed {
        query: QueryId,
        started: Instant,
        /// Whether ROLLBACK is sent a second time.
        again: bool,
    },
    Ask {
        reply: Sender<Result<Rows, Failure>>,
        stream: Answers,
        rows: Rows,
        /// The bytes that the rows may still take.
        bytes_left: usize,
        failure: Option<Failure>,
        /// Whether it began a transaction that must be over at the end.
        reads: bool,
    },
}

type Answers = Pin<Box<SimpleQueryStream>>;

type Answer = Result<SimpleQueryMessage, tokio_postgres::Error>;

/// What happens to the task.
enum Event {
    Command(Option<Command>),
    Ended(Option<tokio_postgres::Error>),
    Answer(Option<Answer>),
    TimeCame,
    SealEnded,
    HeldUp(QueryId, u64),
}

struct Driver {
    connection: Connection<Tap, Tap>,
    client: Option<ClientWrapper>,
    orders: flume::r#async::RecvStream<'static, Command>,
    orders_ended: bool,
    /// Statements that wait for the running one, or for the end of a cancel request.
    waiting: VecDeque<Command>,
    job: Option<Job>,
    /// When it fires, which may be earlier than there is something to do.
    timer: Option<(Instant, smol::Timer)>,
    /// Data waiting unread in a tunnel, which can't make the server wait.
    backlog: Option<Backlog>,
    /// The last reported standstill: the query and its row.
    backlog_told: Option<(QueryId, u64)>,
    session: Option<SessionId>,
    /// What a backslash in a plain string means to the session, as last reported.
    backslash: BackslashRule,
    holds: usize,
    /// Whether the last statement ended well, so that its followers are sent.
    goes_on: bool,
    /// When a closing link ends, whatever its server still says.
    closes_at: Option<Instant>,
    outflow: Outflow,
    read_only: bool,
    learnt: Arc<Mutex<Learnt>>,
    shared: Weak<Shared>,
    gone: Arc<AtomicBool>,
    on_end: Option<OnEnd>,
    /// Dropped with the task, which tells everybody who waits for its end.
    _ending: Sender<()>,
}

impl Driver {
    async fn drive(mut self) {
        for event in 1.. {
            if event % EVENTS_PER_TURN == 0 {
                smol::future::yield_now().await;
            }
            match poll_fn(|context| self.poll(context)).await {
                Event::Command(Some(command)) => self.obey(command),
                Event::Command(None) => self.close(),
                Event::Answer(answer) => self.answered(answer),
                Event::TimeCame => self.time_came(),
                Event::SealEnded => self.seal_ended(),
                Event::HeldUp(query, bytes) => {
                    self.outflow.post(query::Msg::HeldUp { query, bytes }, 0);
                }
                Event::Ended(error) => {
                    let failure = error.map(|error| error::from_driver(&error));
                    return self.end(failure);
                }
            }
            if self.on_end.is_none() {
                return;
            }
            self.start_next();
        }
    }

    /// Polls commands first, then the link, then what the link brought for the statement.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        if !self.orders_ended
            && let Poll::Ready(command) = self.orders.poll_next_unpin(context)
        {
            return Poll::Ready(Event::Command(command));
        }
        match self.connection.poll_message(context) {
            // The tap withholds what the driver would call a message; there may be more behind it.
            Poll::Ready(Some(Ok(_))) => context.waker().wake_by_ref(),
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Event::Ended(Some(error))),
            Poll::Ready(None) => return Poll::Ready(Event::Ended(None)),
            Poll::Pending => {}
        }
        if let Poll::Ready(answer) = self.poll_answer(context) {
            return Poll::Ready(Event::Answer(answer));
        }
        if matches!(self.job, Some(Job::Sealed { .. })) && self.is_seal_done() {
            return Poll::Ready(Event::SealEnded);
        }
        if let Poll::Ready(event) = self.poll_backlog(context) {
            return Poll::Ready(event);
        }
        let gathers = self.gathers_until().filter(|at| *at > Instant::now());
        if gathers.is_none() {
            self.outflow.release();
        }
        let other = locked(&self.learnt).deadline();
        let deadline = [gathers, other, self.closes_at].into_iter().flatten().min();
        self.poll_timer(deadline, context)
    }

    /// The driver's answers to a user's statement bring no news as long as it goes well: the tap has seen them.
    fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<Option<Answer>> {
        let (stream, is_users) = match &mut self.job {
            Some(Job::Run { stream, .. }) => (stream, true),
            Some(Job::Ask { stream, .. }) => (stream, false),
            Some(Job::Sealed { .. }) | None => return Poll::Pending,
        };
        loop {
            match stream.as_mut().poll_next(context) {
                Poll::Ready(Some(Ok(_))) if is_users => {}
                answer => return answer,
            }
        }
    }

    /// While many statements follow each other, their outcomes leave together; this is when at the latest.
    fn gathers_until(&self) -> Option<Instant> {
        if self.waiting.len() < GATHERS_BEHIND {
            return None;
        }
        Some(self.outflow.gathers_since()? + GATHERS)
    }

    /// Lets a timer fire that is too early, and sets it again then: each statement has another deadline, and setting
    /// the timer each time costs a system call and wakes a thread.
    fn poll_timer(&mut self, deadline: Option<Instant>, context: &mut Context<'_>) -> Poll<Event> {
        let Some(deadline) = deadline else {
            return Poll::Pending;
        };
        loop {
            let (at, timer) =
                self.timer.get_or_insert_with(|| (deadline, smol::Timer::at(deadline)));
            if *at > deadline {
                timer.set_at(deadline);
                *at = deadline;
            }
            if timer.poll_unpin(context).is_pending() {
                return Poll::Pending;
            }
            let fired_at = *at;
            self.timer = None;
            if fired_at == deadline {
                return Poll::Ready(Event::TimeCame);
            }
        }
    }

    /// Reports each standstill once: reading on shrinks the backlog by itself.
    fn poll_backlog(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        let Some(backlog) = &self.backlog else {
            return Poll::Pending;
        };
        let stands = {
            let learnt = locked(&self.learnt);
            let capture = learnt.capture.as_ref();
            capture.and_then(|capture| Some((capture.query(), capture.stands_at()?)))
        };
        let Some((query, row)) = stands.filter(|stands| self.backlog_told != Some(*stands)) else {
            return Poll::Pending;
        };
        backlog.poll_large(context).map(|bytes| {
            self.backlog_told = Some((query, row));
            Event::HeldUp(query, bytes)
        })
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Serve(session) => {
                self.session = session;
                let mut learnt = locked(&self.learnt);
                learnt.words.session = session;
                learnt.named_settings.clear();
                self.backslash = learnt.backslash();
            }
            Command::Run(_) | Command::Ask(_) => self.waiting.push_back(command),
            Command::Grant(query, rows) => self.grant(query, rows),
            Command::Discard(query) => self.discard(query),
            Command::TakeBack => self.withdraw_followers("It was taken back before it was sent."),
            Command::Hold(query) => {
                self.holds += 1;
                self.withdraw(query);
                self.withdraw_followers("Cancelled before it was sent.");
                self.with_capture(query, Capture::cancel);
            }
            Command::Release => self.holds = self.holds.saturating_sub(1),
            Command::Close => self.close(),
        }
    }

    fn grant(&mut self, query: QueryId, rows: u64) {
        for command in &mut self.waiting {
            if let Command::Run(run) = command
                && run.query == query
            {
                run.granted = run.granted.saturating_add(rows);
            }
        }
        self.with_capture(query, |capture| capture.grant(rows));
    }

    fn discard(&mut self, query: QueryId) {
        for command in &mut self.waiting {
            if let Command::Run(run) = command {
                run.discards |= run.query == query;
            }
        }
        self.with_capture(query, Capture::discard);
    }

    fn with_capture(&mut self, query: QueryId, change: impl FnOnce(&mut Capture)) {
        if let Some(capture) =
            locked(&self.learnt).capture.as_mut().filter(|capture| capture.query() == query)
        {
            change(capture);
        }
    }

    /// A query that is cancelled before it was sent is never sent.
    fn withdraw(&mut self, query: QueryId) {
        let is_it = |command: &Command| matches!(command, Command::Run(run) if run.query == query);
        if let Some(at) = self.waiting.iter().position(is_it) {
            self.waiting.remove(at);
            let failure = error::plain(Category::Cancelled, "Cancelled before it was sent.");
            self.refused(query, failure);
        }
    }

    /// Does not send the statements that follow the running one.
    fn withdraw_followers(&mut self, message: &str) {
        let follows =
            |command: &Command| matches!(command, Command::Run(run) if run.follows.is_some());
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let (followers, others): (VecDeque<_>, _) = waiting.partition(follows);
        self.waiting = others;
        for command in followers {
            if let Command::Run(run) = command {
                self.refused(run.query, error::plain(Category::Cancelled, message));
            }
        }
    }

    /// Ends a query that the server has never seen; its session stays ready.
    fn refused(&mut self, query: QueryId, failure: Failure) {
        self.goes_on = false;
        let transaction = locked(&self.learnt).transaction;
        self.forget(query);
        self.outflow.post(
            query::Msg::Failed { query, failure: Box::new(failure), transaction, elapsed_us: 0 },
            0,
        );
    }

    fn close(&mut self) {
        self.orders_ended = true;
        self.session = None;
        self.closes_at = self.closes_at.or(Some(Instant::now() + GOODBYE));
        {
            let words = &mut locked(&self.learnt).words;
            words.session = None;
            words.is_closing = true;
        }
        for command in std::mem::take(&mut self.waiting) {
            if let Command::Run(run) = command {
                let failure =
                    error::plain(Category::Cancelled, "The session was closed before it was sent.");
                self.refused(run.query, failure);
            }
        }
        if let Some(Job::Run { query, .. } | Job::Sealed { query, .. }) = self.job {
            self.with_capture(query, Capture::abandon);
        }
        self.let_client_go();
    }

    /// Without its client, the driver sends Terminate as soon as nothing runs; it does not know about a wrapped
    /// statement's messages beside it.
    fn let_client_go(&mut self) {
        if !matches!(self.job, Some(Job::Sealed { .. })) {
            self.client = None;
        }
    }

    fn start_next(&mut self) {
        while self.job.is_none() {
            if self.is_follower_next() {
                // Take the loop's new commands first: one may be a cancel.
                self.take_orders();
            }
            if self.holds > 0 {
                return;
            }
            match self.waiting.pop_front() {
                Some(Command::Run(run)) if !self.may_start(&run) => {
                    let message =
                        "It was not sent: the statement before it did not end as expected.";
                    self.refused(run.query, error::plain(Category::Cancelled, message));
                }
                Some(Command::Run(run)) => self.run(*run),
                Some(Command::Ask(ask)) => self.ask(ask),
                Some(_) => {}
                None => return,
            }
        }
    }

    fn is_follower_next(&self) -> bool {
        matches!(self.waiting.front(), Some(Command::Run(run)) if run.follows.is_some())
    }

    fn take_orders(&mut self) {
        // Checking is cheaper than a receive that finds nothing.
        while !self.orders_ended && (!self.orders.is_empty() || self.orders.is_disconnected()) {
            match self.orders.next().now_or_never() {
                Some(Some(command)) => self.obey(command),
                Some(None) => self.close(),
                None => return,
            }
        }
    }

    fn may_start(&self, run: &Run) -> bool {
        match run.follows {
            Some(backslash) => self.goes_on && self.backslash == backslash,
            None => true,
        }
    }

    fn run(&mut self, run: Run) {
        let Run { query, sql, copy_data, seal, granted, discards, .. } = run;
        let started = Instant::now();
        {
            let mut learnt = locked(&self.learnt);
            learnt.heard_at = Some(started);
            learnt.named_settings.extend(held::named_settings(&sql));
        }
        if seal.is_some() || self.read_only {
            return self.run_sealed(query, &sql, seal, granted);
        }
        let begun = locked(&self.learnt).texts.begin(&sql, copy_data);
        let begun = match begun {
            Ok(begun) => begun,
            Err(failure) => return self.refused(query, failure),
        };
        locked(&self.learnt).capture =
            Some(Capture::new(self.outflow.clone(), query, granted, begun));
        match self.send(&sql) {
            Ok(stream) => {
                self.job = Some(Job::Run { query, started, stream, failure: None });
                if discards {
                    self.with_capture(query, Capture::discard);
                }
            }
            Err(failure) => {
                let mut learnt = locked(&self.learnt);
                learnt.capture = None;
                learnt.texts.end();
                drop(learnt);
                self.refused(query, failure);
            }
        }
    }

    /// Begins a wrapped statement on a read-only connection.
    fn run_sealed(&mut self, query: QueryId, sql: &Arc<str>, seal: Option<Seal>, granted: u64) {
        let Some(seal) = seal else {
            let message = "This session was opened read-only, and the connection no longer is.";
            let failure = error::plain(Category::Query, message)
                .with_next_step("Reconnect to write (Reconnect in the palette).");
            return self.refused(query, failure);
        };
        if sql.contains('\0') || sql.len() > SEALED_BYTES_MAX {
            return self.refused(query, unsendable(sql));
        }
        let begun = locked(&self.learnt).texts.begin_sealed(sql, &seal);
        let (begun, written) = match begun {
            Ok(begun) => begun,
            Err(failure) => return self.refused(query, failure),
        };
        let mut learnt = locked(&self.learnt);
        learnt.capture = Some(Capture::new(self.outflow.clone(), query, granted, begun));
        learnt.sealed = Some(Sealed::new(sql, &written, &seal));
        self.job = Some(Job::Sealed { query, started: Instant::now(), again: false });
    }

    fn is_seal_done(&self) -> bool {
        let learnt = locked(&self.learnt);
        let sealed = learnt.sealed.as_ref();
        sealed.is_some_and(|sealed| sealed.is_done() || sealed.is_broken())
    }

    /// A wrapped statement is over. If its end failed, sends the end once more; if that does not help, or the server
    /// waits for data, the link ends, and the transaction with it.
    fn seal_ended(&mut self) {
        let (Some(Job::Sealed { again, .. }), Some(sealed)) =
            (&mut self.job, locked(&self.learnt).sealed.take())
        else {
            return;
        };
        let transaction = locked(&self.learnt).transaction;
        let is_open = sealed.must_be_idle() && transaction != Transaction::Idle;
        let (is_broken, is_unclean) = (sealed.is_broken(), is_open || sealed.is_unclean());
        let (failure, inspection) = sealed.finish();
        if is_unclean && !is_broken && !*again {
            *again = true;
            let end = Sealed::end_again(failure, inspection, is_open);
            locked(&self.learnt).sealed = Some(end);
            return;
        }
        let Some(Job::Sealed { query, started, .. }) = self.job.take() else {
            return;
        };
        self.outflow.post(query::Msg::Inspected { query, inspection }, 0);
        self.complete_run(query, started, failure);
        if is_broken || is_unclean {
            return self.end(Some(error::plain(
                Category::Connection,
                "The session was closed, because its transaction could not be rolled back otherwise.",
            )));
        }
        if self.orders_ended {
            self.let_client_go();
        }
    }

    fn ask(&mut self, Ask { own, reply: to }: Ask) {
        let reads = own.way() == Way::Read;
        // Its ROLLBACK would end a user's transaction.
        if reads && locked(&self.learnt).transaction != Transaction::Idle {
            let message = "The session is in a transaction, in which Tusk asks nothing.";
            return reply(&to, Err(error::plain(Category::Query, message)));
        }
        match self.send(&own.message()) {
            Ok(stream) => {
                locked(&self.learnt).words.is_own = true;
                self.job = Some(Job::Ask {
                    reply: to,
                    stream,
                    rows: Vec::new(),
                    bytes_left: own.answer_bytes_max(),
                    failure: None,
                    reads,
                });
            }
            Err(failure) => reply(&to, Err(failure)),
        }
    }

    /// Hands the text to the driver, which only queues it: this task polls the link itself.
    fn send(&mut self, sql: &str) -> Result<Answers, Failure> {
        let Some(client) = &self.client else {
            return Err(error::plain(
                Category::Connection,
                "The connection to the server is gone.",
            ));
        };
        let written = locked(&self.learnt).texts.write(sql)?;
        #[allow(clippy::disallowed_methods, reason = "a statement is the user's, or an `OwnSql`")]
        match client.simple_query_raw(sql).now_or_never() {
            Some(Ok(stream)) => {
                if let Cow::Owned(written) = written {
                    locked(&self.learnt).texts.substitute(sql, &written);
                }
                Ok(Box::pin(stream))
            }
            Some(Err(error)) if sql.contains('\0') => {
                log::debug!("a statement was not sent: {error}");
                Err(unsendable(sql))
            }
            Some(Err(error)) => Err(error::from_driver(&error)),
            None => Err(error::plain(Category::Internal, "The driver did not take the statement.")),
        }
    }

    fn answered(&mut self, answer: Option<Answer>) {
        match (&mut self.job, answer) {
            (_, None) => self.complete(),
            (Some(Job::Run { failure, .. } | Job::Ask { failure, .. }), Some(Err(error))) => {
                failure.get_or_insert_with(|| error::from_driver(&error));
            }
            (Some(Job::Ask { rows, bytes_left, .. }), Some(Ok(SimpleQueryMessage::Row(row)))) => {
                let row: Vec<Option<String>> =
                    (0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect();
                let Some(left) = bytes_left.checked_sub(cost(&row)) else {
                    return self.end(Some(error::servers_fault(
                        "The server's answer to a question of Tusk's own has no end: the connection was closed.",
                    )));
                };
                *bytes_left = left;
                rows.push(row);
            }
            _ => {}
        }
    }

    /// The statement has ended and the server is ready.
    fn complete(&mut self) {
        locked(&self.learnt).words.is_own = false;
        match self.job.take() {
            Some(Job::Run { query, started, failure, .. }) => {
                self.complete_run(query, started, failure)
            }
            Some(Job::Ask { reply: to, rows, failure, reads, .. }) => {
                self.outflow.release();
                self.complete_ask(to, rows, failure, reads);
            }
            Some(Job::Sealed { .. }) | None => {}
        }
    }

    /// A read that failed half-way has left its transaction open: answers when that is over.
    fn complete_ask(
        &mut self,
        to: Sender<Result<Rows, Failure>>,
        rows: Rows,
        failure: Option<Failure>,
        reads: bool,
    ) {
        let is_open = reads && locked(&self.learnt).transaction != Transaction::Idle;
        let end = is_open.then(|| self.send(&OwnSql::RollBack {}.message()));
        match end {
            Some(Ok(stream)) => {
                locked(&self.learnt).words.is_own = true;
                self.job = Some(Job::Ask {
                    reply: to,
                    stream,
                    rows,
                    bytes_left: 0,
                    failure,
                    reads: false,
                });
            }
            _ => reply(&to, failure.map_or(Ok(rows), Err)),
        }
    }

    fn complete_run(&mut self, query: QueryId, started: Instant, failure: Option<Failure>) {
        let (capture, change, transaction) = {
            let mut learnt = locked(&self.learnt);
            learnt.words.tell_left_out(Some(query));
            let change = learnt.texts.end();
            (learnt.capture.take(), change, learnt.transaction)
        };
        self.forget(query);
        self.report_backslash();
        let outcome = capture.map(Capture::finish).unwrap_or_default();
        if let Some(change) = change {
            self.outflow.post(change.told(query, outcome.reading), 0);
        }
        let ready_at = outcome.ready_at.unwrap_or_else(Instant::now);
        let elapsed_us = micros(ready_at.saturating_duration_since(started));
        self.goes_on = outcome.fault.is_none() && failure.is_none();
        let msg = match outcome.fault.or(failure) {
            Some(failure) => {
                query::Msg::Failed { query, failure: Box::new(failure), transaction, elapsed_us }
            }
            None => {
                let (tag, discarded) = (outcome.tag, outcome.discarded);
                query::Msg::Finished { query, tag, transaction, discarded, elapsed_us }
            }
        };
        self.outflow.post(msg, 0);
    }

    /// Reports what a backslash means to the session, if that has changed.
    fn report_backslash(&mut self) {
        let backslash = locked(&self.learnt).backslash();
        if let Some(session) = self.session
            && std::mem::replace(&mut self.backslash, backslash) != backslash
        {
            let msg = session::Msg::BackslashReported { session, backslash };
            self.outflow.post(msg, 0);
        }
    }

    /// Sends rows that have waited; ends a closing link that has not ended by itself.
    fn time_came(&mut self) {
        let now = Instant::now();
        if let Some(capture) = &mut locked(&self.learnt).capture
            && capture.deadline().is_some_and(|at| at <= now)
        {
            capture.flush();
        }
        if self.closes_at.is_some_and(|at| at <= now) {
            self.client = None;
            self.end(Some(error::plain(
                Category::Connection,
                "The server went on when it was told the end: the connection was closed.",
            )));
        }
    }

    /// Forgets a query that has ended: later commands for it have no effect.
    fn forget(&self, query: QueryId) {
        if let Some(shared) = self.shared.upgrade() {
            shared.forget_query(query);
        }
    }

    /// The link has ended: joins the reasons, ends what ran, reports the session's loss.
    fn end(&mut self, link: Option<Failure>) {
        let Some(on_end) = self.on_end.take() else {
            return;
        };
        self.gone.store(true, Ordering::Release);
        let query_failure = self.last_words();
        let last_notice = locked(&self.learnt).words.last_notice.take();
        let failure = error::lost(query_failure, link, last_notice);
        // Without its client, the link was closed and did not break.
        let broke = self.client.is_some().then(|| failure.clone());
        self.end_with(&failure);
        let Some(shared) = self.shared.upgrade() else {
            return self.outflow.release();
        };
        // Whoever takes the session out of the map reports its loss, so it is reported once.
        let session = self.session.take();
        let taken =
            session.and_then(|session| shared.take_session(session).map(|taken| (session, taken)));
        if let Some((session, _)) = &taken {
            let session = *session;
            self.outflow.post(session::Msg::Lost { session, failure }, 0);
        }
        self.outflow.release();
        on_end(taken.map(|(_, taken)| taken), broke);
    }

    /// What the running statement still says about the end, without waiting.
    fn last_words(&mut self) -> Option<Failure> {
        if let Some(Job::Sealed { .. }) = self.job {
            if self.is_seal_done() {
                self.seal_ended();
                return None;
            }
            let sealed = locked(&self.learnt).sealed.take();
            return sealed.and_then(|sealed| sealed.failure().cloned());
        }
        let Some(Job::Run { stream, failure, .. } | Job::Ask { stream, failure, .. }) =
            &mut self.job
        else {
            return None;
        };
        let mut context = Context::from_waker(std::task::Waker::noop());
        while let Poll::Ready(answer) = stream.as_mut().poll_next(&mut context) {
            match answer {
                Some(Ok(_)) => {}
                Some(Err(error)) if error.is_closed() => break,
                // A FATAL after the statement's own error is what ended the link.
                Some(Err(error)) => *failure = Some(error::from_driver(&error)),
                // The server was ready before the link ended: the statement has ended like any other.
                None => {
                    self.complete();
                    return None;
                }
            }
        }
        failure.take()
    }

    /// Ends everything that ran or waited, with this failure.
    fn end_with(&mut self, failure: &Failure) {
        let job = self.job.take();
        // Show the rows that came before the end.
        {
            let mut learnt = locked(&self.learnt);
            let capture = learnt.capture.take();
            learnt.words.tell_left_out(capture.as_ref().map(Capture::query));
            drop(capture.map(Capture::finish));
        }
        match job {
            Some(Job::Run { query, started, .. } | Job::Sealed { query, started, .. }) => {
                self.lose(query, failure, micros(started.elapsed()))
            }
            Some(Job::Ask { reply: to, .. }) => reply(&to, Err(failure.clone())),
            None => {}
        }
        for command in std::mem::take(&mut self.waiting).into_iter().chain(self.orders_left()) {
            match command {
                Command::Run(run) => self.lose(run.query, failure, 0),
                Command::Ask(ask) => reply(&ask.reply, Err(failure.clone())),
                Command::Serve(session) => self.session = session,
                _ => {}
            }
        }
    }

    /// Commands that were sent and not yet taken.
    fn orders_left(&mut self) -> Vec<Command> {
        let mut left = Vec::new();
        while let Some(Some(command)) = self.orders.next().now_or_never() {
            left.push(command);
        }
        left
    }

    fn lose(&self, query: QueryId, failure: &Failure, elapsed_us: u64) {
        if self.shared.upgrade().is_some_and(|shared| !shared.forget_query(query)) {
            // The sender has reported its end.
            return;
        }
        self.outflow
            .post(query::Msg::Lost { query, failure: Box::new(failure.clone()), elapsed_us }, 0);
    }
}

/// A task that is dropped, at the end of the program or by a panic, still sends what it owes.
impl Drop for Driver {
    fn drop(&mut self) {
        if self.on_end.is_some() {
            self.client = None;
            self.end(Some(abandoned()));
        }
    }
}

/// A longer text does not fit into a message.
const SEALED_BYTES_MAX: usize = 1 << 30;

/// The memory that a row of an answer takes, with its cells.
fn cost(row: &[Option<String>]) -> usize {
    let text = |cell: &Option<String>| cell.as_ref().map_or(0, String::len);
    let texts: usize = row.iter().map(text).sum();
    texts + size_of_val(row) + size_of::<Vec<Option<String>>>()
}

fn unsendable(sql: &str) -> Failure {
    let message = if sql.contains('\0') {
        "The statement holds a zero byte, which PostgreSQL does not take."
    } else {
        "The statement is longer than PostgreSQL takes."
    };
    error::plain(Category::Query, message)
}

fn reply(to: &Sender<Result<Rows, Failure>>, answer: Result<Rows, Failure>) {
    if to.send(answer).is_err() {
        log::trace!("nobody waits for this answer any more");
    }
}

/// In microseconds.
pub fn micros(elapsed: std::time::Duration) -> u64 {
    u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
}
