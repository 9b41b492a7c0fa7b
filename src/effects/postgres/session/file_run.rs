//! Runs a file without opening it: reads it in blocks, splits it into statements, and sends them one by one in a
//! session of its own. It reads the file twice. The first pass looks for what Tusk does not run, so that nothing is
//! sent of a file that contains it.
//!
//! A job has a runner of its own, with one link to the same server, so nothing that this link hears becomes a message
//! of the program: only the job's progress and what went wrong. It works on a thread of its own, because file reads
//! block.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use flume::{Receiver, RecvTimeoutError, Sender};

use super::{
    capture::CopyPiece,
    link::{Command, CopyData, Run},
};
use crate::{
    base::{
        ids::{ConnectionId, Ids, QueryId, Request, SessionId},
        transaction::Transaction,
    },
    effects::{
        files::absolute,
        postgres::{
            Postgres, Shared,
            answer::{Answer, post},
            connect::pool::Opened,
            locked,
        },
    },
    failure::{Category, Failure},
    msg::Msg,
    rows::show::display::{counted, counted_with, grouped},
    settings::OnError,
    sql::{
        encoding::Reading,
        read::{lex::BackslashRule, position},
        safety::mask::Values,
        statement::{
            copy,
            psql::{self, Order},
            split,
            stream::{Data, Next, Part, Spot},
        },
    },
    update::{
        jobs::{self, Phase, Progress, State, Trouble},
        query::{
            self,
            read_only::{self, Kept, Prepared},
            run::script,
            session::{self, Ending},
        },
    },
};
use input::{Bookmark, Input, STATEMENT_BYTES_MAX};

mod input;

/// How often a wait checks for a cancel and reports progress.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The most errors, and the most notices, that are reported one by one.
const TOLD_MAX: u64 = 100;

/// How long a job may take to end its session.
const GOODBYE: Duration = Duration::from_secs(2);

/// A running job, as the runner holds it.
pub struct Control {
    cancelled: AtomicBool,
    /// What runs now.
    current: Mutex<Option<(QueryId, SessionId)>>,
    own: Postgres,
    ended: Receiver<()>,
}

impl Control {
    /// Starts nothing more, and cancels what runs.
    pub fn cancel(&self) {
        let current = locked(&self.current);
        self.cancelled.store(true, Ordering::Release);
        if let Some((query, session)) = *current {
            self.own.shared.cancel(query, &[], session);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Waits for its end; false if that takes longer.
    pub fn ended_within(&self, within: Duration) -> bool {
        self.ended.recv_timeout(within) != Err(RecvTimeoutError::Timeout)
    }
}

/// What to run, and how.
struct Wish {
    job: Request,
    connection: ConnectionId,
    path: PathBuf,
    reading: Reading,
    read_only: bool,
    on_error: OnError,
}

struct End {
    state: State,
    message: String,
}

fn end(state: State, message: impl Into<String>) -> End {
    let message = message.into();
    End { state, message }
}

impl Postgres {
    pub fn perform_job(&self, effect: jobs::Effect) {
        match effect {
            jobs::Effect::RunFile { job, connection, path, reading, read_only, on_error } => {
                self.shared.run_file(Wish {
                    job,
                    connection,
                    path: absolute(&path),
                    reading,
                    read_only,
                    on_error,
                })
            }
            jobs::Effect::Cancel { job } => {
                let control = locked(&self.shared.file_runs).get(&job).cloned();
                if let Some(control) = control {
                    control.cancel();
                }
            }
        }
    }
}

impl Shared {
    fn run_file(self: &Arc<Self>, wish: Wish) {
        let job = wish.job;
        let answer = Answer::new(&self.outbox, move |failure: Failure| {
            let cancelled = failure.category == Category::Cancelled;
            jobs::Msg::Ended {
                job,
                state: if cancelled { State::Cancelled } else { State::Failed },
                progress: Progress::default(),
                message: failure.message,
                elapsed_us: 0,
            }
            .into()
        });
        let Some(target) = locked(&self.open)
            .get(&wish.connection)
            .map(|opened| opened.target.again(self.ssh.clone()))
        else {
            return answer.failed(crate::effects::postgres::unknown_connection());
        };
        let (outbox, inbox) = flume::unbounded();
        let own = Postgres::with(outbox, self.ssh.clone());
        let opened = match Opened::new(&own.shared, wish.connection, target) {
            Ok(opened) => opened,
            Err(failure) => return answer.failed(failure),
        };
        locked(&own.shared.open).insert(wish.connection, opened);
        let (ending, ended) = flume::bounded::<()>(0);
        let control = Arc::new(Control {
            cancelled: AtomicBool::new(false),
            current: Mutex::default(),
            own,
            ended,
        });
        locked(&self.file_runs).insert(job, control.clone());
        let (shared, outbox) = (Arc::downgrade(self), self.outbox.clone());
        let started = thread::Builder::new().name("tusk-run-file".into()).spawn(move || {
            let since = Instant::now();
            let mut run = FileRun::new(wish, &control, inbox, outbox);
            let End { state, message } = run.run();
            run.leave();
            let progress = run.progress;
            if let Some(shared) = shared.upgrade() {
                locked(&shared.file_runs).remove(&job);
            }
            answer.with(jobs::Msg::Ended {
                job,
                state,
                progress,
                message,
                elapsed_us: super::link::micros(since.elapsed()),
            });
            drop(ending);
        });
        if let Err(error) = started {
            locked(&self.file_runs).remove(&job);
            log::error!("The thread of a job did not start: {error}");
        }
    }

    /// Stops every job; they end within this time, or by themselves later.
    pub(in crate::effects::postgres) fn stop_file_runs(&self, within: Duration) {
        let deadline = Instant::now() + within;
        let running: Vec<_> = locked(&self.file_runs).values().cloned().collect();
        for control in &running {
            control.cancel();
        }
        for control in running {
            let left = deadline.saturating_duration_since(Instant::now());
            if !control.ended_within(left) {
                log::warn!("a job did not end in time");
            }
        }
    }
}

/// The work itself.
struct FileRun<'control> {
    wish: Wish,
    control: &'control Control,
    inbox: Receiver<Msg>,
    outbox: Sender<Msg>,
    session: SessionId,
    ids: Ids,
    input: Input,
    progress: Progress,
    told_at: Instant,
    notices: u64,
    transaction: Transaction,
    kept: Kept,
    secrets: Values,
    stops: bool,
}

enum Outcome {
    Finished { tag: String },
    Failed(Failure),
    Lost(Failure),
}

impl<'control> FileRun<'control> {
    fn new(
        wish: Wish,
        control: &'control Control,
        inbox: Receiver<Msg>,
        outbox: Sender<Msg>,
    ) -> Self {
        // Nobody else sees these ids: they only need to differ from each other.
        let mut ids = Ids::seeded(wish.job.0);
        // A job has nobody to ask: "ask" stops there too.
        let stops = wish.on_error != OnError::Continue;
        Self {
            wish,
            control,
            inbox,
            outbox,
            session: SessionId::next(&mut ids),
            ids,
            input: Input::default(),
            progress: Progress::default(),
            told_at: Instant::now(),
            notices: 0,
            transaction: Transaction::Idle,
            kept: Kept::default(),
            secrets: Values::default(),
            stops,
        }
    }

    fn run(&mut self) -> End {
        match self.all() {
            Ok(()) => self.done(),
            Err(end) => end,
        }
    }

    fn all(&mut self) -> Result<(), End> {
        self.begin()?;
        self.look_through()?;
        self.statements()
    }

    fn done(&self) -> End {
        let Progress { statements, failed, .. } = self.progress;
        let mut message = match failed {
            0 => format!("{} run.", counted_with(statements, "statement", ["was", "were"])),
            failed => {
                let all = counted(statements, "statement");
                format!("{} of {all} failed.", grouped(failed))
            }
        };
        if self.transaction != Transaction::Idle {
            message.push_str(" The transaction that the file left open was rolled back.");
        }
        end(State::Done, message)
    }

    /// Opens the file and the session.
    fn begin(&mut self) -> Result<(), End> {
        let input = Input::open(&self.wish.path, self.wish.reading);
        self.input = input.map_err(|error| end(error.state(), error.to_string()))?;
        self.progress.total = self.input.total();
        let own = &self.control.own.shared;
        own.open_session(self.session, self.wish.connection);
        loop {
            match self.hear()? {
                Some(Msg::Session(session::Msg::Opened { session, .. }))
                    if session == self.session =>
                {
                    return Ok(());
                }
                Some(Msg::Session(session::Msg::OpenFailed { failure, .. })) => {
                    return Err(end(State::Failed, failure.message));
                }
                _ => self.not_cancelled()?,
            }
        }
    }

    /// Reads more of the file.
    fn read_on(&mut self) -> Result<(), End> {
        let read = self.input.read_on();
        self.progress.bytes = self.input.bytes();
        self.tell(false);
        read.map_err(|error| {
            let what = match self.progress.phase {
                Phase::Reading => "Nothing",
                Phase::Running => "The rest",
            };
            let was = if what == "Nothing" { "was" } else { "was not" };
            end(error.state(), format!("{error} {what} {was} run."))
        })
    }

    /// What a backslash means to the session.
    fn backslash(&self) -> Result<BackslashRule, End> {
        match self.control.own.shared.link_of(self.session) {
            Some(link) => Ok(link.backslash()),
            None => Err(end(State::Failed, "The session is gone.")),
        }
    }

    fn not_cancelled(&self) -> Result<(), End> {
        match (self.control.is_cancelled(), self.progress.phase) {
            (false, _) => Ok(()),
            (true, Phase::Reading) => Err(end(State::Cancelled, "Cancelled. Nothing was run.")),
            (true, Phase::Running) => Err(cancelled()),
        }
    }

    /// Checks the file for what Tusk does not run, before anything runs.
    fn look_through(&mut self) -> Result<(), End> {
        let mut backslash = self.backslash()?;
        loop {
            self.not_cancelled()?;
            match self.input.stream.next(backslash) {
                Next::More => self.read_on()?,
                Next::End => break,
                Next::Statement(part) => {
                    // Nothing else shows how the session will read it.
                    backslash = split::rule_set_by(part.statement()).unwrap_or(backslash);
                }
                Next::Copy(_) => self.data_gone_by()?,
                Next::Order(..) => {}
                Next::Refused(spot, reason) => return Err(self.refused(spot, &reason)),
                Next::TooLong(part) => return Err(self.too_long(&part)),
            }
        }
        self.input.again();
        self.progress.phase = Phase::Running;
        Ok(())
    }

    fn statements(&mut self) -> Result<(), End> {
        loop {
            self.not_cancelled()?;
            let backslash = self.backslash()?;
            match self.input.stream.next(backslash) {
                Next::More => self.read_on()?,
                Next::End => return Ok(()),
                Next::Statement(part) => self.statement(&part, None)?,
                Next::Copy(part) => self.copy(&part)?,
                Next::Order(spot, order) => self.order(spot, order)?,
                Next::Refused(spot, reason) => return Err(self.refused(spot, &reason)),
                Next::TooLong(part) => return Err(self.too_long(&part)),
            }
        }
    }

    fn refused(&self, spot: Spot, reason: &str) -> End {
        self.trouble(spot, None, reason);
        let is_sent = self.progress.phase == Phase::Running;
        let line = usize::try_from(spot.line).unwrap_or(usize::MAX);
        end(State::Refused, script::refusal(reason, line, is_sent))
    }

    fn too_long(&self, part: &Part) -> End {
        let text = format!(
            "The statement on line {} ({} …) is longer than {}, the most that is run of a file. {} run.",
            part.spot.line,
            part.name(),
            crate::rows::show::display::bytes_text(STATEMENT_BYTES_MAX as u64),
            match self.progress.phase {
                Phase::Reading => "Nothing was",
                Phase::Running => "The rest was not",
            }
        );
        end(State::Refused, text)
    }

    /// Executes a psql command.
    fn order(&mut self, spot: Spot, order: Order) -> Result<(), End> {
        match order {
            Order::Skip(name) => {
                let Spot { line, column } = spot;
                let file = self.wish.path.display();
                self.note(format!("{file}:{line}:{column}: \\{name} was skipped."));
            }
            Order::OnErrorStop(stops) => self.stops = stops,
            Order::Encoding(name) => {
                let part = Part::of_text(&psql::encoding_set_to(&name), spot);
                self.statement(&part, None)?;
            }
            // The stream ends with it.
            Order::Quit => {}
        }
        Ok(())
    }

    /// Runs a COPY with the data that follow it.
    fn copy(&mut self, part: &Part) -> Result<(), End> {
        let begins = self.input.bookmark();
        let (data, source) = flume::bounded(4);
        self.statement(part, Some((data, source, begins)))?;
        // Data that the server did not want are no statements either.
        self.data_gone_by()
    }

    /// Skips the data of a COPY that nobody takes.
    fn data_gone_by(&mut self) -> Result<(), End> {
        loop {
            match self.input.stream.data() {
                Data::More => self.read_on()?,
                Data::Some(_) => {}
                Data::End => return Ok(()),
            }
            self.not_cancelled()?;
        }
    }

    fn statement(&mut self, part: &Part, copy: Option<Copy>) -> Result<(), End> {
        self.learn(part);
        let prepared = self
            .wish
            .read_only
            .then(|| read_only::prepare(&self.kept, self.transaction, &part.text))
            .transpose();
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(failure) => {
                self.progress.statements += 1;
                return self.failed(part, None, *failure);
            }
        };
        let before = self.transaction;
        let passage = prepared.as_ref().map(|prepared| prepared.passage.clone());
        let query = QueryId::next(&mut self.ids);
        let (feed, source, data) = match copy {
            Some((feed, source, begins)) => (Some(feed), Some(source), Some(begins)),
            None => (None, None, None),
        };
        self.send(query, part, prepared, source)?;
        let outcome = self.outcome(query, feed)?;
        *locked(&self.control.current) = None;
        self.progress.statements += 1;
        if let Some(passage) = passage
            && let Some(word) = self.kept.ended(&passage, before, self.transaction)
        {
            self.note(word.to_owned());
        }
        match outcome {
            Outcome::Finished { tag } => {
                let rows = tag.rsplit(' ').next().and_then(|rows| rows.parse().ok());
                self.progress.rows += rows.unwrap_or(0_u64);
                self.tell(false);
                Ok(())
            }
            Outcome::Failed(failure) => self.failed(part, data.as_ref(), failure),
            Outcome::Lost(failure) => {
                self.progress.failed += 1;
                let spot = part.place(part.lead);
                self.trouble(spot, failure.sqlstate.clone(), &failure.message);
                let text = format!("The session was lost: {}", failure.message);
                Err(end(State::Failed, text))
            }
        }
    }

    /// Sends a statement to the session.
    fn send(
        &self,
        query: QueryId,
        part: &Part,
        prepared: Option<Prepared>,
        source: Option<Receiver<CopyPiece>>,
    ) -> Result<(), End> {
        let (sql, seal) = match prepared {
            Some(prepared) => (prepared.sql, Some(prepared.seal)),
            None => (part.text.clone(), None),
        };
        let run = Run {
            query,
            sql,
            copy_data: source.map(CopyData::Pieces),
            seal,
            granted: u64::MAX,
            follows: None,
            discards: false,
        };
        let mut current = locked(&self.control.current);
        if self.control.is_cancelled() {
            return Err(cancelled());
        }
        *current = Some((query, self.session));
        let own = &self.control.own.shared;
        own.run(self.session, run);
        // Nobody looks at the rows of a file.
        own.tell(query, Command::Discard(query));
        Ok(())
    }

    /// Waits for a statement's end, and feeds it its data meanwhile.
    fn outcome(
        &mut self,
        query: QueryId,
        mut feed: Option<Sender<CopyPiece>>,
    ) -> Result<Outcome, End> {
        let mut waiting: Option<CopyPiece> = None;
        loop {
            if let Some(to) = &feed {
                match self.next_piece(&mut waiting)? {
                    Some(piece) => {
                        let is_end = !matches!(piece, CopyPiece::Data(_));
                        match to.send_timeout(piece, LOOK_EVERY) {
                            Ok(()) if is_end => feed = None,
                            Ok(()) => {}
                            Err(flume::SendTimeoutError::Timeout(piece)) => waiting = Some(piece),
                            Err(flume::SendTimeoutError::Disconnected(_)) => feed = None,
                        }
                    }
                    None => feed = None,
                }
                self.tell(false);
                if self.inbox.is_empty() {
                    continue;
                }
            }
            let Some(msg) = self.hear()? else {
                continue;
            };
            match msg {
                Msg::Query(query::Msg::Inspected { query: of, inspection }) if of == query => {
                    for word in self.kept.inspected(&inspection) {
                        self.note(word);
                    }
                }
                Msg::Query(query::Msg::Finished { query: of, tag, transaction, .. })
                    if of == query =>
                {
                    self.transaction = transaction;
                    return Ok(Outcome::Finished { tag });
                }
                Msg::Query(query::Msg::Failed { query: of, failure, transaction, .. })
                    if of == query =>
                {
                    self.transaction = transaction;
                    return Ok(Outcome::Failed(*failure));
                }
                Msg::Query(query::Msg::Lost { query: of, failure, .. }) if of == query => {
                    return Ok(Outcome::Lost(*failure));
                }
                _ => {}
            }
        }
    }

    /// The next piece of a COPY's data, which the link writes in the encoding that the server expects; none if the file
    /// can't be read on.
    fn next_piece(&mut self, waiting: &mut Option<CopyPiece>) -> Result<Option<CopyPiece>, End> {
        if let Some(piece) = waiting.take() {
            return Ok(Some(piece));
        }
        loop {
            if self.control.is_cancelled() {
                return Ok(None);
            }
            match self.input.stream.data() {
                Data::More => self.read_on()?,
                Data::End => return Ok(Some(CopyPiece::End)),
                Data::Some(text) => return Ok(Some(CopyPiece::Data(text))),
            }
        }
    }

    /// The session's next message; none if nothing came for a moment.
    fn hear(&mut self) -> Result<Option<Msg>, End> {
        match self.inbox.recv_timeout(LOOK_EVERY) {
            Ok(Msg::Session(session::Msg::Noticed { notice, .. })) => {
                let severity = notice.severity.clone();
                self.note(format!("{severity}: {}", notice.message));
                Ok(None)
            }
            Ok(msg) => Ok(Some(msg)),
            Err(RecvTimeoutError::Timeout) => {
                self.tell(false);
                Ok(None)
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(end(State::Failed, "The connection to the server is gone."))
            }
        }
    }

    /// A statement failed: decides what follows.
    fn failed(
        &mut self,
        part: &Part,
        data: Option<&Bookmark>,
        failure: Failure,
    ) -> Result<(), End> {
        if self.control.is_cancelled() && failure.category == Category::Cancelled {
            return Err(cancelled());
        }
        self.progress.failed += 1;
        let place = match (failure.position, data) {
            (Some(position), _) => position::byte_of_character(&part.text, position),
            (None, _) => None,
        };
        let of_data = data.and_then(|data| self.place_in_data(data, part, &failure));
        let spot = of_data.unwrap_or_else(|| part.place(place.unwrap_or(part.lead)));
        self.trouble(spot, failure.sqlstate.clone(), &failure.message);
        if !self.stops {
            return Ok(());
        }
        let mut message = format!(
            "Stopped at line {}: {} The rest was not run.",
            spot.line,
            self.hidden(&failure.message)
        );
        if self.transaction != Transaction::Idle {
            message.push_str(" Its open transaction was rolled back.");
        }
        Err(end(State::Failed, message))
    }

    /// Finds an error's place in a COPY's data. Reads them again up to there, because the server counts rows, and a row
    /// may have several lines.
    fn place_in_data(&self, data: &Bookmark, part: &Part, failure: &Failure) -> Option<Spot> {
        let mut search = copy::Search::new(failure.context.as_deref()?, &part.text)?;
        let begins = Spot { line: data.line, column: 1 };
        if self.progress.failed > TOLD_MAX && !self.stops {
            return Some(begins);
        }
        let mut again = self.input.data_from(data).ok()?;
        while !self.control.is_cancelled() {
            match again.stream.data() {
                Data::More => again.read_on().ok()?,
                Data::Some(text) if !search.push(&text) => {}
                Data::Some(_) | Data::End => break,
            }
        }
        let found = search.found().map(|(lines, column)| Spot { line: data.line + lines, column });
        Some(found.unwrap_or(begins))
    }

    fn trouble(&self, spot: Spot, sqlstate: Option<String>, message: &str) {
        if self.progress.failed > TOLD_MAX {
            return;
        }
        let trouble = Trouble {
            file: self.wish.path.display().to_string(),
            line: spot.line,
            column: spot.column,
            sqlstate,
            message: self.hidden(message),
        };
        let msg = jobs::Msg::Troubled { job: self.wish.job, trouble: Box::new(trouble) };
        post(&self.outbox, msg);
    }

    fn note(&mut self, text: String) {
        self.notices += 1;
        let text = match self.notices {
            ..=TOLD_MAX => self.hidden(&text),
            // The server says more than anybody reads.
            number if number == TOLD_MAX + 1 => "Further notices are not shown.".to_owned(),
            _ => return,
        };
        let job = self.wish.job;
        post(&self.outbox, jobs::Msg::Noted { job, text });
    }

    /// Remembers a statement's secrets.
    fn learn(&mut self, part: &Part) {
        let may_hold = ["password", "PASSWORD", "://", "secret", "SECRET"];
        if may_hold.iter().any(|word| part.text.contains(word)) {
            self.secrets.learn(&part.text);
        }
    }

    /// A text without the secrets of the statements so far.
    fn hidden(&self, text: &str) -> String {
        let mut text = text.to_owned();
        crate::update::query::run::secrets::hide(&self.secrets, &mut text);
        text
    }

    /// Reports progress, now and then.
    fn tell(&mut self, now: bool) {
        if now || self.told_at.elapsed() >= LOOK_EVERY {
            self.told_at = Instant::now();
            let (job, progress) = (self.wish.job, self.progress);
            post(&self.outbox, jobs::Msg::Went { job, progress });
        }
    }

    /// Ends the session; the server rolls back what it left open.
    fn leave(&mut self) {
        self.control.own.shared.end_session(self.session, Ending::Close);
        self.control.own.shutdown(GOODBYE);
    }
}

/// The two ends of the channel for a COPY's data, and where the data begin.
type Copy = (Sender<CopyPiece>, Receiver<CopyPiece>, Bookmark);

fn cancelled() -> End {
    end(
        State::Cancelled,
        "Cancelled. What was committed stays; an open transaction was rolled back.",
    )
}
