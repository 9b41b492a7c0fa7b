//! A link: one connection to a server and the task that drives it.
//!
//! The task owns the driver's client and connection both, and so reads rows on the thread where they arrive. It
//! takes commands in order and works on one statement at a time, the user's ([`Run`]) or Tusk's own ([`Ask`]). It
//! starts none while a cancel request is on its way, because that would hit the wrong one. When the link ends, it
//! joins the reasons, ends the query that ran, and then tells the session's loss, once.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll};
use std::time::Instant;

use flume::{Receiver, Sender};
use futures_util::{FutureExt, Stream, StreamExt};
use tokio_postgres::{AsyncMessage, Client, Connection, SimpleQueryMessage, SimpleQueryStream};

use super::answer::{abandoned, post};
use super::capture::Capture;
use super::connect::{Fresh, Route, Target};
use super::ssh::Backlog;
use super::tap::{Learnt, Tap};
use super::{Session, Shared, error, locked};
use crate::msg::Msg;
use crate::update::failure::{Category, Failure};
use crate::update::ids::{QueryId, SessionId};
use crate::update::session::Transaction;
use crate::update::{query, session};

/// Rows of a statement of Tusk's own.
pub type Rows = Vec<Vec<Option<String>>>;

/// The handle of a link. Dropping the last one ends the link with a Terminate message.
pub struct Link {
    commands: Sender<Command>,
    ended: Receiver<()>,
    gone: Arc<AtomicBool>,
    learnt: Arc<Mutex<Learnt>>,
    target: Arc<Target>,
    route: Route,
    /// How the link is secured, in words.
    pub security: String,
    /// The server's process.
    pub backend_pid: i32,
    cancel_key: i32,
    authorization: Option<String>,
}

/// A user's statement.
pub struct Run {
    /// The query.
    pub query: QueryId,
    /// The statement as it is written.
    pub sql: Arc<str>,
    /// Lines for COPY … FROM STDIN.
    pub copy_data: Option<Arc<str>>,
    /// Rows that may be sent before more are granted.
    pub granted: u64,
}

/// A statement of Tusk's own, whose rows are collected.
pub struct Ask {
    sql: String,
    reply: Sender<Result<Rows, Failure>>,
}

/// A word to the link's task.
pub enum Command {
    /// The session that the link now serves, or none.
    Serve(Option<SessionId>),
    /// Run a user's statement.
    Run(Box<Run>),
    /// So many rows more may be sent.
    Grant(QueryId, u64),
    /// Read the rest and keep none of it.
    Discard(QueryId),
    /// Run a statement of Tusk's own.
    Ask(Ask),
    /// A cancel request for this query is about to be sent.
    Hold(QueryId),
    /// It has been handled, or has failed.
    Release,
    /// Take nothing new, throw the rest of the rows away, and end after the statement that runs.
    Close,
}

/// Holds the link's next statement back while a cancel request is on its way.
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
        let Fresh {
            client,
            connection,
            learnt,
            route,
            security,
            backlog,
        } = fresh;
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
            holds: 0,
            last_notice: None,
            learnt: learnt.clone(),
            outbox: shared.outbox.clone(),
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
        })
    }

    /// Gives the task a word. A link that is gone takes none: false.
    pub fn tell(&self, command: Command) -> bool {
        self.commands.send(command).is_ok()
    }

    /// Whether the link has ended.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Waits for the link's end.
    pub async fn ended(&self) {
        // Nothing is ever sent: the wait ends when the task drops its end.
        self.ended.recv_async().await.unwrap_or_default();
    }

    /// Runs a statement of Tusk's own and collects its rows.
    pub async fn ask(&self, sql: impl Into<String>) -> Result<Rows, Failure> {
        let (reply, answer) = flume::bounded(1);
        let gone = || {
            error::plain(
                Category::Connection,
                "The connection to the server is gone.",
            )
        };
        if !self.tell(Command::Ask(Ask {
            sql: sql.into(),
            reply,
        })) {
            return Err(gone());
        }
        // A command that came in the very moment of the link's end is answered by that end.
        let ended = async {
            self.ended().await;
            answer.try_recv().unwrap_or_else(|_| Err(gone()))
        };
        let answered = async { answer.recv_async().await.unwrap_or_else(|_| Err(gone())) };
        smol::future::or(answered, ended).await
    }

    /// Holds the next statement back until the returned value is dropped.
    pub fn hold(&self, query: QueryId) -> Hold {
        if !self.tell(Command::Hold(query)) {
            log::debug!("a cancel came after its link had ended");
        }
        Hold {
            commands: self.commands.clone(),
        }
    }

    /// Asks the server to cancel what runs.
    pub async fn cancel(&self) -> Result<(), Failure> {
        self.target
            .cancel(&self.route, self.backend_pid, self.cancel_key)
            .await
    }

    /// The transaction status, as the server said it last.
    pub fn transaction(&self) -> Transaction {
        locked(&self.learnt).transaction
    }

    /// A parameter, as the server reported it last.
    pub fn parameter(&self, name: &str) -> Option<String> {
        locked(&self.learnt).parameters.get(name).cloned()
    }

    /// Whether the session's authorization is another one than at its start.
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

/// What is done when a link has ended, given the session that it served.
pub type OnEnd = Box<dyn FnOnce(Option<Session>) + Send>;

/// The statement that runs.
enum Job {
    Run {
        query: QueryId,
        started: Instant,
        stream: Answers,
        failure: Option<Failure>,
    },
    Ask {
        reply: Sender<Result<Rows, Failure>>,
        stream: Answers,
        rows: Rows,
        failure: Option<Failure>,
    },
}

type Answers = Pin<Box<SimpleQueryStream>>;

/// What happens to the task.
enum Event {
    Command(Option<Command>),
    Message(Box<AsyncMessage>),
    Ended(Option<tokio_postgres::Error>),
    Answer(Option<Result<SimpleQueryMessage, tokio_postgres::Error>>),
    RowsWaited,
    HeldUp(QueryId, u64),
}

struct Driver {
    connection: Connection<Tap, Tap>,
    client: Option<Client>,
    orders: flume::r#async::RecvStream<'static, Command>,
    orders_ended: bool,
    /// Statements that wait for the one that runs, or for a cancel request to be over.
    waiting: VecDeque<Command>,
    job: Option<Job>,
    timer: Option<(Instant, smol::Timer)>,
    /// What waits unread in a tunnel, which can't make the server wait.
    backlog: Option<Backlog>,
    /// The standstill that was told of it last: the query and its row.
    backlog_told: Option<(QueryId, u64)>,
    session: Option<SessionId>,
    holds: usize,
    last_notice: Option<Failure>,
    learnt: Arc<Mutex<Learnt>>,
    outbox: Sender<Msg>,
    shared: Weak<Shared>,
    gone: Arc<AtomicBool>,
    on_end: Option<OnEnd>,
    /// Dropped with the task, which tells everybody who waits for its end.
    _ending: Sender<()>,
}

impl Driver {
    async fn drive(mut self) {
        loop {
            match poll_fn(|context| self.poll(context)).await {
                Event::Command(Some(command)) => self.obey(command),
                Event::Command(None) => self.close(),
                Event::Message(message) => self.hear(*message),
                Event::Answer(answer) => self.answered(answer),
                Event::RowsWaited => self.rows_waited(),
                Event::HeldUp(query, bytes) => {
                    post(&self.outbox, query::Msg::HeldUp { query, bytes });
                }
                Event::Ended(error) => {
                    let failure = error.map(|error| error::from_driver(&error));
                    return self.end(failure);
                }
            }
            self.start_next();
        }
    }

    /// Commands first, then the link, then what it brought for the statement.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        if !self.orders_ended
            && let Poll::Ready(command) = self.orders.poll_next_unpin(context)
        {
            return Poll::Ready(Event::Command(command));
        }
        match self.connection.poll_message(context) {
            Poll::Ready(Some(Ok(message))) => {
                return Poll::Ready(Event::Message(Box::new(message)));
            }
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Event::Ended(Some(error))),
            Poll::Ready(None) => return Poll::Ready(Event::Ended(None)),
            Poll::Pending => {}
        }
        if let Some(Job::Run { stream, .. } | Job::Ask { stream, .. }) = &mut self.job
            && let Poll::Ready(answer) = stream.as_mut().poll_next(context)
        {
            return Poll::Ready(Event::Answer(answer));
        }
        if let Poll::Ready(event) = self.poll_backlog(context) {
            return Poll::Ready(event);
        }
        self.poll_timer(context)
    }

    /// Told once for each standstill: what is read on takes from the backlog by itself.
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

    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        let deadline = locked(&self.learnt)
            .capture
            .as_ref()
            .and_then(Capture::deadline);
        let Some(deadline) = deadline else {
            self.timer = None;
            return Poll::Pending;
        };
        match &mut self.timer {
            Some((at, _)) if *at == deadline => {}
            Some((at, timer)) => {
                timer.set_at(deadline);
                *at = deadline;
            }
            none => *none = Some((deadline, smol::Timer::at(deadline))),
        }
        match &mut self.timer {
            Some((_, timer)) => timer.poll_unpin(context).map(|_| Event::RowsWaited),
            None => Poll::Pending,
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Serve(session) => self.session = session,
            Command::Run(_) | Command::Ask(_) => self.waiting.push_back(command),
            Command::Grant(query, rows) => self.grant(query, rows),
            Command::Discard(query) => self.with_capture(query, Capture::discard),
            Command::Hold(query) => {
                self.holds += 1;
                self.withdraw(query);
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

    fn with_capture(&mut self, query: QueryId, change: impl FnOnce(&mut Capture)) {
        if let Some(capture) = locked(&self.learnt)
            .capture
            .as_mut()
            .filter(|capture| capture.query() == query)
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

    /// Ends a query that the server has never seen; its session is as ready as before.
    fn refused(&mut self, query: QueryId, failure: Failure) {
        let transaction = locked(&self.learnt).transaction;
        self.forget(query);
        post(
            &self.outbox,
            query::Msg::Failed {
                query,
                failure: Box::new(failure),
                transaction,
                elapsed_us: 0,
            },
        );
    }

    fn close(&mut self) {
        self.orders_ended = true;
        self.session = None;
        for command in std::mem::take(&mut self.waiting) {
            if let Command::Run(run) = command {
                let failure = error::plain(
                    Category::Cancelled,
                    "The session was closed before it was sent.",
                );
                self.refused(run.query, failure);
            }
        }
        if let Some(Job::Run { query, .. }) = self.job {
            self.with_capture(query, Capture::discard);
        }
        // Without its client the driver sends Terminate as soon as nothing runs any more.
        self.client = None;
    }

    fn start_next(&mut self) {
        while self.job.is_none() && self.holds == 0 {
            match self.waiting.pop_front() {
                Some(Command::Run(run)) => self.run(*run),
                Some(Command::Ask(ask)) => self.ask(ask),
                Some(_) => {}
                None => return,
            }
        }
    }

    fn run(&mut self, run: Run) {
        let Run {
            query,
            sql,
            copy_data,
            granted,
        } = run;
        let started = Instant::now();
        locked(&self.learnt).capture =
            Some(Capture::new(self.outbox.clone(), query, granted, copy_data));
        match self.send(&sql) {
            Ok(stream) => {
                self.job = Some(Job::Run {
                    query,
                    started,
                    stream,
                    failure: None,
                })
            }
            Err(failure) => {
                locked(&self.learnt).capture = None;
                self.refused(query, failure);
            }
        }
    }

    fn ask(&mut self, ask: Ask) {
        match self.send(&ask.sql) {
            Ok(stream) => {
                self.job = Some(Job::Ask {
                    reply: ask.reply,
                    stream,
                    rows: Vec::new(),
                    failure: None,
                });
            }
            Err(failure) => reply(&ask.reply, Err(failure)),
        }
    }

    /// Hands the text to the driver, which only queues it: the link is polled by this task itself.
    fn send(&mut self, sql: &str) -> Result<Answers, Failure> {
        let Some(client) = &self.client else {
            return Err(error::plain(
                Category::Connection,
                "The connection to the server is gone.",
            ));
        };
        match client.simple_query_raw(sql).now_or_never() {
            Some(Ok(stream)) => Ok(Box::pin(stream)),
            Some(Err(error)) if sql.contains('\0') => {
                log::debug!("a statement was not sent: {error}");
                Err(error::plain(
                    Category::Query,
                    "The statement holds a zero byte, which PostgreSQL does not take.",
                ))
            }
            Some(Err(error)) => Err(error::from_driver(&error)),
            None => Err(error::plain(
                Category::Internal,
                "The driver did not take the statement.",
            )),
        }
    }

    fn hear(&mut self, message: AsyncMessage) {
        match message {
            AsyncMessage::Notice(notice) => {
                let notice = error::from_server(&notice);
                self.last_notice = Some(notice.clone());
                let query = match self.job {
                    Some(Job::Run { query, .. }) => Some(query),
                    _ => None,
                };
                if let Some(session) = self.session {
                    post(
                        &self.outbox,
                        session::Msg::Noticed {
                            session,
                            query,
                            notice: Box::new(notice),
                        },
                    );
                }
            }
            AsyncMessage::Notification(notification) => {
                if let Some(session) = self.session {
                    let (channel, payload) = (
                        notification.channel().to_owned(),
                        notification.payload().to_owned(),
                    );
                    let backend_pid = notification.process_id();
                    post(
                        &self.outbox,
                        session::Msg::Notified {
                            session,
                            channel,
                            payload,
                            backend_pid,
                        },
                    );
                }
            }
            _ => {}
        }
    }

    fn answered(&mut self, answer: Option<Result<SimpleQueryMessage, tokio_postgres::Error>>) {
        match (&mut self.job, answer) {
            (_, None) => self.complete(),
            (Some(Job::Run { failure, .. } | Job::Ask { failure, .. }), Some(Err(error))) => {
                failure.get_or_insert_with(|| error::from_driver(&error));
            }
            (Some(Job::Ask { rows, .. }), Some(Ok(SimpleQueryMessage::Row(row)))) => {
                rows.push(
                    (0..row.len())
                        .map(|at| row.get(at).map(str::to_owned))
                        .collect(),
                );
            }
            _ => {}
        }
    }

    /// The statement has ended and the server is ready.
    fn complete(&mut self) {
        match self.job.take() {
            Some(Job::Run {
                query,
                started,
                failure,
                ..
            }) => self.complete_run(query, started, failure),
            Some(Job::Ask {
                reply: to,
                rows,
                failure,
                ..
            }) => reply(&to, failure.map_or(Ok(rows), Err)),
            None => {}
        }
    }

    fn complete_run(&mut self, query: QueryId, started: Instant, failure: Option<Failure>) {
        let (capture, transaction) = {
            let mut learnt = locked(&self.learnt);
            (learnt.capture.take(), learnt.transaction)
        };
        self.forget(query);
        let outcome = capture.map(Capture::finish).unwrap_or_default();
        let ready_at = outcome.ready_at.unwrap_or_else(Instant::now);
        let elapsed_us = micros(ready_at.saturating_duration_since(started));
        let msg = match outcome.fault.or(failure) {
            Some(failure) => query::Msg::Failed {
                query,
                failure: Box::new(failure),
                transaction,
                elapsed_us,
            },
            None => {
                let (tag, discarded) = (outcome.tag, outcome.discarded);
                query::Msg::Finished {
                    query,
                    tag,
                    transaction,
                    discarded,
                    elapsed_us,
                }
            }
        };
        post(&self.outbox, msg);
    }

    fn rows_waited(&mut self) {
        self.timer = None;
        if let Some(capture) = &mut locked(&self.learnt).capture {
            capture.flush();
        }
    }

    /// The query has ended: later words about it reach nobody.
    fn forget(&self, query: QueryId) {
        if let Some(shared) = self.shared.upgrade() {
            shared.forget_query(query);
        }
    }

    /// The link has ended: joins the reasons, ends what ran, tells the session's loss.
    fn end(&mut self, link: Option<Failure>) {
        let Some(on_end) = self.on_end.take() else {
            return;
        };
        self.gone.store(true, Ordering::Release);
        let query_failure = self.last_words();
        let failure = error::lost(query_failure, link, self.last_notice.take());
        self.end_with(&failure);
        let Some(shared) = self.shared.upgrade() else {
            return;
        };
        // Whoever takes the session out of the map tells its loss, so that it is told once.
        let session = self.session.take();
        let taken =
            session.and_then(|session| shared.take_session(session).map(|taken| (session, taken)));
        if let Some((session, _)) = &taken {
            let session = *session;
            post(&self.outbox, session::Msg::Lost { session, failure });
        }
        on_end(taken.map(|(_, taken)| taken));
    }

    /// What the statement that ran still says of the end, without waiting.
    fn last_words(&mut self) -> Option<Failure> {
        let Some(
            Job::Run {
                stream, failure, ..
            }
            | Job::Ask {
                stream, failure, ..
            },
        ) = &mut self.job
        else {
            return None;
        };
        let mut context = Context::from_waker(std::task::Waker::noop());
        while let Poll::Ready(Some(answer)) = stream.as_mut().poll_next(&mut context) {
            let Err(error) = answer else { continue };
            if error.is_closed() {
                break;
            }
            let said = error::from_driver(&error);
            // A FATAL after the statement's own error is the one that ended the link.
            *failure = Some(said);
        }
        failure.take()
    }

    /// Ends everything that ran or waited in this failure.
    fn end_with(&mut self, failure: &Failure) {
        let job = self.job.take();
        // Rows that had come before the end are shown.
        drop(locked(&self.learnt).capture.take().map(Capture::finish));
        match job {
            Some(Job::Run { query, started, .. }) => {
                self.lose(query, failure, micros(started.elapsed()))
            }
            Some(Job::Ask { reply: to, .. }) => reply(&to, Err(failure.clone())),
            None => {}
        }
        for command in std::mem::take(&mut self.waiting)
            .into_iter()
            .chain(self.orders_left())
        {
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
        if self
            .shared
            .upgrade()
            .is_some_and(|shared| !shared.forget_query(query))
        {
            // Its end has been told where it was sent from.
            return;
        }
        post(
            &self.outbox,
            query::Msg::Lost {
                query,
                failure: Box::new(failure.clone()),
                elapsed_us,
            },
        );
    }
}

/// A task that is dropped, at the end of the program or by a panic, still sends what it owes.
impl Drop for Driver {
    fn drop(&mut self) {
        if self.on_end.is_some() {
            self.end(Some(abandoned()));
        }
    }
}

fn reply(to: &Sender<Result<Rows, Failure>>, answer: Result<Rows, Failure>) {
    if to.send(answer).is_err() {
        log::trace!("nobody waits for this answer any more");
    }
}

fn micros(elapsed: std::time::Duration) -> u64 {
    u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
}
