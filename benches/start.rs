//! The start and the log: how long until the state is there (SC-002), and until a line is in its file (SC-007).
//!
//! `cargo bench --no-default-features --bench start`. It prints percentiles over many runs and asserts nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark")]

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use flume::Receiver;
use tusk::{
    base::{
        ids::{QueryId, Request, TabId},
        text::RopeText,
    },
    effects::{
        Runner, RunnerOptions,
        log::{Options, start as start_log},
        store::{Place, Store},
    },
    model::Phase,
    msg::Msg,
    program::{Beginning, Program, Surroundings, begin},
    settings::toml::LogLevel,
    update::keeping::{Effect, HistoryEntry, HistoryOutcome, SavedTab},
};
use uuid::Uuid;

const RUNS: usize = 50;
const LINES: usize = 20_000;
const HISTORY_ROWS: u128 = 1_000;
const TABS: u128 = 20;
const TAB_BYTES: usize = 100_000;

struct NoWindow;

impl Surroundings for NoWindow {
    fn write_clipboard(&mut self, _text: &str) {}
    fn quit(&mut self) {}
}

fn main() {
    let directory = tempfile::tempdir().expect("a directory");
    fill(directory.path());
    let empty = tempfile::tempdir().expect("a directory");
    for (name, place) in
        [("a new directory", empty.path()), ("1,000 runs and 20 tabs of 100 KB", directory.path())]
    {
        let took: Vec<Duration> = (0..RUNS).map(|_| start(place)).collect();
        report(&format!("from the first message to ready, {name}"), took);
    }
    log_lines();
}

/// Keeps the tabs and the runs of somebody who works with it.
fn fill(directory: &Path) {
    let (outbox, inbox) = flume::unbounded();
    let store = Store::start(Place::Directory(directory.into()), outbox);
    let line = "select id, customer, total from orders where total > 100;\n";
    for number in 0..TABS {
        let tab = SavedTab {
            id: TabId(Uuid::from_u128(number)),
            place: number as u32,
            active: number == 0,
            title: String::new(),
            path: None,
            form: Default::default(),
            unsaved: false,
            connection: None,
            text: RopeText::from(line.repeat(TAB_BYTES / line.len()).as_str()),
            revision: 1,
            cursor: 0,
        };
        let (request, tab) = (Request(number as u64), Box::new(tab));
        store.perform(Effect::SaveTab { request, tab });
    }
    for number in 0..HISTORY_ROWS {
        let entry = HistoryEntry {
            query: QueryId(Uuid::from_u128(number)),
            at_us: number as i64,
            connection: "production".into(),
            database: "shop".into(),
            sql: Arc::from(line),
            elapsed_us: Some(1_500),
            outcome: HistoryOutcome::Finished { tag: "SELECT 42".into(), rows: 42 },
        };
        let (request, entries) = (Request(0), vec![entry]);
        store.perform(Effect::RecordRuns { request, entries });
    }
    assert!(store.flush_and_stop(Duration::from_secs(60)));
    drop(inbox);
}

fn start(directory: &Path) -> Duration {
    let data_dir = directory.to_owned();
    let began = Instant::now();
    let beginning = Beginning {
        data_dir: data_dir.clone(),
        config_dir: data_dir.clone(),
        record: None,
        warnings: vec![],
        surroundings: Box::new(NoWindow),
    };
    let (mut program, inbox): (Program, Receiver<Msg>) =
        begin(beginning, |outbox| Box::new(Runner::start(RunnerOptions { data_dir }, outbox)))
            .expect("it begins");
    while program.model().phase != Phase::Ready {
        program.take(inbox.recv().expect("an answer"));
    }
    let took = began.elapsed();
    program.shutdown(&inbox);
    took
}

/// Logs a line and reads the file's length: when the call returns, the line is there.
fn log_lines() {
    let directory = tempfile::tempdir().expect("a directory");
    let options = Options::new(Some("info"), LogLevel::Default, 14);
    assert_eq!(start_log(Some(directory.path()), options), None);
    let file = fs::read_dir(directory.path())
        .expect("the log's directory")
        .next()
        .expect("a file")
        .expect("its name")
        .path();
    let mut length = fs::metadata(&file).expect("the file").len();
    let took = (0..LINES)
        .map(|number| {
            let began = Instant::now();
            log::info!(target: "start", "line {number}, password=hidden");
            let took = began.elapsed();
            let now = fs::metadata(&file).expect("the file").len();
            assert!(now > length, "line {number} is not in the file");
            length = now;
            took
        })
        .collect();
    report("a line, on the console and in its file", took);
}

fn report(what: &str, mut took: Vec<Duration>) {
    took.sort();
    let at = |percent: usize| took[(took.len() - 1) * percent / 100];
    println!(
        "{what}: p50 {:.3?}, p90 {:.3?}, p99 {:.3?}, longest {:.3?} ({} times)",
        at(50),
        at(90),
        at(99),
        at(100),
        took.len()
    );
}
