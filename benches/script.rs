//! What running a script costs, in CPU, beside psql: 1,000, 8,000 and 64,000 statements.
//!
//! Run it with `cargo bench --no-default-features --bench script`. It starts a PostgreSQL of its own, and runs each
//! script by "Run all" in a program without a window, whose store, history and results work as always, and by
//! `psql -f`. It prints seconds of CPU of each (user and system, all threads, not the server's), their ratio, which is
//! to be at most 3, and the growth from one size to the next, which is to be that of the size. It asserts nothing.

#[path = "../tests/support/server.rs"]
mod server;

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use server::TestServer;
use tusk::{
    effect::Effect,
    effects::{Runner, RunnerOptions},
    model::{Model, Phase},
    msg::{Msg, Stamp},
    update::{app, command::Command, config::Config, editor, store::Edit, update, welcome},
};

const SIZES: [usize; 3] = [1_000, 8_000, 64_000];
const RUNS: usize = 3;

struct Bench {
    model: Model,
    runner: Runner,
    inbox: flume::Receiver<Msg>,
    began: Instant,
}

impl Bench {
    fn take(&mut self, msg: impl Into<Msg>) {
        let at = Stamp {
            unix_us: 0,
            mono_us: self.began.elapsed().as_micros() as u64,
        };
        for effect in update(&mut self.model, at, msg.into()) {
            if !matches!(effect, Effect::Window(_)) {
                self.runner.perform(effect);
            }
        }
    }

    fn settle(&mut self) {
        while self.model.phase != Phase::Ready || self.model.is_busy() {
            let msg = self
                .inbox
                .recv_timeout(Duration::from_secs(60))
                .expect("a message comes");
            self.take(msg);
        }
    }

    fn write(&mut self, sql: &str) {
        let tab = self.model.tabs.active().expect("there is a tab");
        let (tab, buffer) = (tab.id, &tab.editor.buffer);
        let edit = Edit {
            start: 0,
            removed: buffer.text().len(),
            inserted: sql.to_owned(),
        };
        let msg = editor::Msg::Edited {
            base: buffer.revision(),
            edits: vec![edit],
            anchor: sql.len(),
            head: sql.len(),
        };
        self.take(Msg::Editor { tab, msg });
    }
}

/// Seconds of CPU: of this process, and of its children that have ended.
fn cpu() -> (f64, f64) {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux counts CPU");
    let rest = stat.rsplit_once(')').expect("a name in parentheses").1;
    let fields: Vec<f64> = rest
        .split_ascii_whitespace()
        .map(|field| field.parse().unwrap_or(0.0))
        .collect();
    let seconds = |at: usize| (fields[at] + fields[at + 1]) / TICKS_PER_SECOND;
    (seconds(11), seconds(13))
}

fn psql(server: &TestServer, database: &str, file: &std::path::Path) -> f64 {
    let before = cpu().1;
    let status = server
        .psql_command(database)
        .args(["-Xq", "-f"])
        .arg(file)
        .stdout(Stdio::null())
        .status()
        .expect("psql runs");
    assert!(status.success());
    cpu().1 - before
}

fn main() {
    let server = TestServer::shared();
    let database = server.fresh_database();
    server.psql(&database, "create table t (n int)");
    let directory = tempfile::tempdir().expect("a directory for the data");
    let (outbox, inbox) = flume::unbounded();
    let options = RunnerOptions {
        data_dir: directory.path().join("data"),
    };
    let mut bench = Bench {
        model: Model::default(),
        runner: Runner::start(options, outbox),
        inbox,
        began: Instant::now(),
    };
    bench.take(app::Msg::Started {
        seed: 1,
        version: String::new(),
        data_dir: String::new(),
        config_dir: String::new(),
        macos: false,
        recording: false,
    });
    bench.settle();
    let url = server.url_unix(&database);
    let conninfo = Config::parse(&url, &Default::default()).expect("a URL of the tests");
    let target = Box::new(welcome::Target::Conninfo(conninfo));
    bench.take(welcome::Msg::Asked { target });
    bench.settle();
    for form in ["select @;\n", "insert into t values (@);\n"] {
        println!("{}", form.trim());
        let mut before = None;
        for size in SIZES {
            let text: String = (0..size)
                .map(|n| form.replace('@', &n.to_string()))
                .collect();
            let file = directory.path().join("script.sql");
            std::fs::write(&file, &text).expect("the file is written");
            bench.write(&text);
            bench.settle();
            let (mut ours, mut theirs) = (vec![], vec![]);
            for _ in 0..RUNS {
                let began = cpu().0;
                bench.take(Command::QueryRunAll);
                bench.settle();
                ours.push(cpu().0 - began);
                theirs.push(psql(server, &database, &file));
            }
            let (ours, theirs) = (middle(ours), middle(theirs));
            let growth = before.map_or(String::new(), |before: f64| {
                format!(", {:.1} times the size before", ours / before.max(0.01))
            });
            println!(
                "  {size} statements: Tusk {ours:.2} s, psql {theirs:.2} s, ratio {:.1}{growth}",
                ours / theirs.max(0.01)
            );
            before = Some(ours);
        }
    }
    bench.runner.shutdown(Duration::from_secs(2));
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
