//! Jobs: long work that outlives a page. A file is run without being opened, by a session of the job's own, with its
//! progress, its errors and its cancel.
//!
//! The runner reads the file and sends its statements; what comes here is how far it is. No message holds what the file
//! holds, so that no recording does.

use super::{
    keeping::HistoryOutcome,
    query::{
        history,
        messages::{Kind, Message},
    },
};
use crate::{
    base::{ids::*, stamp::Stamp},
    rows::show::display,
    settings::OnError,
    sql::encoding::Reading,
    update::{
        connection::Connections,
        cx::Cx,
        query::{history::History, page::Pages},
    },
};

use serde::{Deserialize, Serialize};

/// So many jobs that have ended are remembered.
const KEPT: usize = 20;

/// Every job of this run of the program, the newest last.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Jobs {
    pub list: Vec<Job>,
}

/// A file that is run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Job {
    pub id: Request,
    /// The tab from which it was begun, which has its messages.
    pub tab: TabId,
    /// The connection that it runs on.
    pub connection: ConnectionId,
    /// Its run in the history.
    pub query: QueryId,
    /// The file.
    pub path: String,
    /// When it was begun.
    pub since: Stamp,
    /// How it stands.
    pub state: State,
    /// How far it is.
    pub progress: Progress,
    /// How it ended, in a sentence.
    pub message: String,
    /// Its first errors.
    pub errors: Vec<Trouble>,
    /// Whether it was asked to stop.
    pub cancelling: bool,
}

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It goes on.
    Running,
    /// It came to its end; statements may have failed where it was to go on behind them.
    Done,
    /// It stopped at an error.
    Failed,
    /// It stopped at something that Tusk does not run.
    Refused,
    Cancelled,
}

/// What a job does with its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It looks through the file for what is not run; nothing was sent yet.
    #[default]
    Reading,
    /// It runs the statements.
    Running,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What it does.
    #[serde(default)]
    pub phase: Phase,
    /// Bytes of the file that were read, in this phase.
    pub bytes: u64,
    /// Bytes that it has.
    pub total: u64,
    /// Statements that were run, the failed ones too.
    pub statements: u64,
    /// Statements that failed.
    pub failed: u64,
    /// Rows that they changed or found.
    pub rows: u64,
}

/// An error and its place in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The column in characters, from 1.
    pub column: u64,
    /// PostgreSQL's code.
    pub sqlstate: Option<String>,
    /// What is wrong.
    pub message: String,
}

/// What the runner reports of jobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// It is so far by now.
    Went {
        job: Request,
        /// How far.
        progress: Progress,
    },
    /// A statement failed. Of many, the first are told.
    Troubled {
        job: Request,
        /// The error.
        trouble: Box<Trouble>,
    },
    /// Something worth a line: a notice of the server, a command of psql that was skipped.
    Noted { job: Request, text: String },
    /// It is over. Ends [`Effect::RunFile`].
    Ended {
        job: Request,
        /// How it ended.
        state: State,
        /// How far it came.
        progress: Progress,
        /// How it ended, in a sentence.
        message: String,
        /// How long it took.
        elapsed_us: u64,
    },
}

/// What jobs leave to others.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A job has ended, and may have changed what is in the database of its connection.
    Ended(ConnectionId),
}

/// What the runner is asked to do for jobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Run a file without opening it: its statements one by one, in a session of their own. Ends in `Ended`.
    RunFile {
        job: Request,
        /// The connection, which is open.
        connection: ConnectionId,
        /// The file; `~` is the home directory.
        path: String,
        /// What is known of its encoding.
        reading: Reading,
        /// Whether nothing may be written.
        read_only: bool,
        /// What follows on a statement that fails.
        on_error: OnError,
    },
    /// Stop it. A word to a running job; it has no answer of its own.
    Cancel { job: Request },
}

impl Job {
    /// Whether it goes on.
    pub fn is_running(&self) -> bool {
        self.state == State::Running
    }

    /// The file's name without its directory.
    pub fn name(&self) -> &str {
        self.path.rsplit(['/', '\\']).next().unwrap_or_default()
    }

    /// How far it is: `34% of 2 MB · 120 statements`; of one that is only read at first, `34% of 2 MB`.
    pub fn shown(&self) -> String {
        let Progress { phase, bytes, total, statements, failed, .. } = self.progress;
        let percent = (bytes.min(total) * 100).checked_div(total).unwrap_or(100);
        let of_file = format!("{percent}% of {}", display::bytes_text(total));
        if phase == Phase::Reading {
            return of_file;
        }
        let mut shown = format!("{of_file} · {}", display::counted(statements, "statement"));
        if failed > 0 {
            shown.push_str(&format!(", {} failed", display::grouped(failed)));
        }
        shown
    }

    /// As a story writes it.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "kind": "run-file",
            "state": self.state,
            "bytes": self.progress.bytes,
            "rows": self.progress.rows,
            "statements": self.progress.statements,
            "failed": self.progress.failed,
            "message": self.message,
            "errors": self.errors,
        })
    }
}

impl Jobs {
    /// The newest job that goes on.
    pub fn running(&self) -> Option<&Job> {
        self.list.iter().rev().find(|job| job.is_running())
    }

    /// What would be lost at the end of the program.
    pub fn would_lose(&self) -> impl Iterator<Item = String> {
        let running = self.list.iter().filter(|job| job.is_running());
        running.map(|job| format!("{} is being run", job.name()))
    }

    fn get_mut(&mut self, id: Request) -> Option<&mut Job> {
        self.list.iter_mut().find(|job| job.id == id)
    }
}

/// Runs a file on the active tab's connection.
pub fn run_file(
    pages: &mut Pages,
    connections: &Connections,
    history: &mut History,
    jobs: &mut Jobs,
    cx: &mut Cx,
    path: String,
) {
    let now = cx.now;
    let Some((tab, connection)) = pages.active().map(|tab| (tab.id, tab.connection)) else {
        return;
    };
    let known = connection.and_then(|id| Some((id, connections.get(&id)?)));
    let Some((connection, known)) = known.filter(|(_, known)| known.is_open()) else {
        let text = "Connect this tab first, then run the file.";
        cx.notify(text);
        return;
    };
    let read_only = known.is_read_only();
    let on_error = cx.settings.on_error;
    let query = QueryId::next(&mut cx.ids);
    let id = cx.request();
    jobs.list.push(Job {
        id,
        tab,
        connection,
        query,
        path: path.clone(),
        since: now,
        state: State::Running,
        progress: Progress::default(),
        message: String::new(),
        errors: vec![],
        cancelling: false,
    });
    let past = jobs.list.len().saturating_sub(KEPT);
    let mut seen = 0;
    jobs.list.retain(|job| {
        seen += 1;
        seen > past || job.is_running()
    });
    let text = format!("-- Ran the file {path}").into();
    history::began(
        pages,
        connections,
        history,
        cx,
        tab,
        history::Sent { query, text: &text, data: None },
    );
    cx.ask(Effect::RunFile {
        job: id,
        connection,
        path,
        reading: Reading::Detect,
        read_only,
        on_error,
    });
}

/// Asks the newest running job to stop. Whether one runs.
pub fn cancel(jobs: &mut Jobs, cx: &mut Cx) -> bool {
    let running = jobs.running().map(|job| job.id);
    let Some(job) = running.and_then(|id| jobs.get_mut(id)) else {
        return false;
    };
    job.cancelling = true;
    cx.ask(Effect::Cancel { job: job.id });
    true
}

/// Takes in what the runner reports of jobs.
pub fn update(pages: &mut Pages, history: &mut History, jobs: &mut Jobs, cx: &mut Cx, msg: Msg) {
    match msg {
        Msg::Went { job, progress } => {
            if let Some(job) = jobs.get_mut(job).filter(|job| job.is_running()) {
                job.progress = progress;
            }
        }
        Msg::Troubled { job, trouble } => {
            let Trouble { file, line, column, sqlstate, message } = &*trouble;
            let code = sqlstate.as_deref().map(|code| format!(" ({code})"));
            let text = format!("{file}:{line}:{column}: {message}{}", code.unwrap_or_default());
            say(pages, jobs, cx, job, Kind::Error, text);
            if let Some(job) = jobs.get_mut(job) {
                job.errors.push(*trouble);
            }
        }
        Msg::Noted { job, text } => {
            say(pages, jobs, cx, job, Kind::Notice, text);
        }
        Msg::Ended { job, state, progress, message, elapsed_us } => {
            ended(pages, history, jobs, cx, job, Ending { state, progress, message, elapsed_us })
        }
    }
}

/// How a job ended.
struct Ending {
    state: State,
    progress: Progress,
    message: String,
    elapsed_us: u64,
}

fn ended(
    pages: &mut Pages,
    history: &mut History,
    jobs: &mut Jobs,
    cx: &mut Cx,
    id: Request,
    ending: Ending,
) {
    let Ending { state, progress, message, elapsed_us } = ending;
    let Some(job) = jobs.get_mut(id).filter(|job| job.is_running()) else {
        return;
    };
    job.state = state;
    job.progress = progress;
    job.message = message.clone();
    let (query, connection) = (job.query, job.connection);
    let sqlstate = job.errors.last().and_then(|error| error.sqlstate.clone());
    let text = format!("{}: {message}", job.path);
    let (kind, outcome) = match state {
        State::Done | State::Running => (
            Kind::Session,
            HistoryOutcome::Finished {
                tag: display::counted(progress.statements, "statement"),
                rows: progress.rows,
            },
        ),
        State::Failed | State::Refused | State::Cancelled => {
            (Kind::Error, HistoryOutcome::Failed { sqlstate, message })
        }
    };
    say(pages, jobs, cx, id, kind, text.clone());
    cx.notify(text);
    history::ended(history, cx, query, elapsed_us, outcome);
    cx.leave(Outcome::Ended(connection));
}

/// A line among the messages of the tab from which the job was begun.
fn say(pages: &mut Pages, jobs: &mut Jobs, cx: &mut Cx, job: Request, kind: Kind, text: String) {
    let at_us = cx.now.unix_us;
    let Some(tab) = jobs.get_mut(job).map(|job| job.tab) else {
        return;
    };
    let Some(tab) = pages.get_mut(tab) else {
        return;
    };
    tab.messages.push(Message { at_us, kind, text, elapsed_us: None, query: None, count: 1 });
}

#[cfg(test)]
mod tests;
