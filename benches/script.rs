//! What running a script costs, in CPU, beside psql: 1,000, 8,000 and 64,000 statements.
//!
//! Run it with `cargo bench --no-default-features --bench script`, of one size with `-- 8000` behind it, and of inserts
//! alone with `insert`. It starts a PostgreSQL of its own, and runs each script by "Run all" in a program without a
//! window, whose store, history and results work as always, and by `psql -f`, in turn. The history is filled to its
//! limit first: so it costs most, and all sizes meet the same. It prints seconds of CPU for one run of each (user and
//! system, all threads, not the server's), their ratio, which is to be at most 3, the share of each thread, and the
//! growth from one size to the next, which is to be that of the size. It asserts nothing.

#[path = "../tests/support/server.rs"]
mod server;

use std::{
    collections::BTreeMap,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use server::TestServer;
use tusk::{
    base::{stamp::Stamp, text::Edit},
    conninfo::Config,
    effect::Effect,
    effects::{Runner, RunnerOptions},
    model::{Model, Phase},
    msg::Msg,
    update::{
        query::editor,
        shell::{app, command::Command, welcome},
        update,
    },
};

/// How many statements, and how often they are run: the system counts CPU in hundredths of a second.
const SIZES: [(usize, u32); 3] = [(1_000, 48), (8_000, 12), (64_000, 4)];

/// So many statements fill the history.
const FILLING: usize = 110_000;

struct Bench {
    model: Model,
    runner: Runner,
    inbox: flume::Receiver<Msg>,
    began: Instant,
}

impl Bench {
    fn take(&mut self, msg: impl Into<Msg>) {
        let at = Stamp { unix_us: 0, mono_us: self.began.elapsed().as_micros() as u64 };
        for effect in update(&mut self.model, at, msg.into()) {
            if !matches!(effect, Effect::Window(_)) {
                self.runner.perform(effect);
            }
        }
    }

    fn settle(&mut self) {
        while self.model.phase != Phase::Ready || self.model.is_busy() {
            let msg = self.inbox.recv_timeout(Duration::from_secs(60)).expect("a message comes");
            self.take(msg);
        }
    }

    fn run_all(&mut self) {
        self.take(Command::QueryRunAll);
        self.settle();
    }

    /// Runs a script so often, in turn with psql: the CPU of both in all, and of this program's threads.
    fn beside_psql(
        &mut self,
        server: &TestServer,
        database: &str,
        script: &str,
        runs: u32,
    ) -> (f64, f64, BTreeMap<String, f64>) {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(&file, script).expect("the file is written");
        self.write(script);
        self.settle();
        let (mut ours, mut theirs) = (0.0, 0.0);
        let mut threads = BTreeMap::<String, f64>::new();
        for _ in 0..runs {
            let (began, began_by) = (cpu().0, by_thread());
            self.run_all();
            ours += cpu().0 - began;
            for (name, spent) in by_thread() {
                let before = began_by.get(&name).copied().unwrap_or_default();
                *threads.entry(name).or_default() += spent - before;
            }
            theirs += psql(server, database, file.path());
        }
        (ours, theirs, threads)
    }

    fn write(&mut self, sql: &str) {
        let tab = self.model.pages.active().expect("there is a tab");
        let (tab, buffer) = (tab.id, &tab.editor.buffer);
        let edit = Edit { start: 0, removed: buffer.text().len(), inserted: sql.to_owned() };
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
    let (_, spent) = spent(Path::new("/proc/self")).expect("Linux counts CPU");
    spent
}

/// Seconds of CPU of each thread of this process, by its name.
fn by_thread() -> BTreeMap<String, f64> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux lists threads");
    let mut all = BTreeMap::new();
    // One that ends in this moment is gone.
    for (name, (own, _)) in tasks.flatten().filter_map(|task| spent(&task.path())) {
        *all.entry(name).or_default() += own;
    }
    all
}

fn spent(task: &Path) -> Option<(String, (f64, f64))> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string(task.join("stat")).ok()?;
    let (name, rest) = stat.rsplit_once(')')?;
    let fields: Vec<f64> =
        rest.split_ascii_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect();
    let seconds = |at: usize| (fields[at] + fields[at + 1]) / TICKS_PER_SECOND;
    let name = name.split_once('(')?.1.to_owned();
    Some((name, (seconds(11), seconds(13))))
}

fn psql(server: &TestServer, database: &str, file: &Path) -> f64 {
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
    let asked: Vec<usize> = std::env::args().flat_map(|word| word.parse()).collect();
    let server = TestServer::shared();
    let database = server.fresh_database();
    server.psql(&database, "create table t (n int)");
    let directory = tempfile::tempdir().expect("a directory for the data");
    let (outbox, inbox) = flume::unbounded();
    let options = RunnerOptions { data_dir: directory.path().join("data") };
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
    bench.write(&script("select @;\n", FILLING));
    bench.run_all();
    for form in ["select @;\n", "insert into t values (@);\n"] {
        if std::env::args().any(|word| word == "insert") && !form.starts_with("insert") {
            continue;
        }
        println!("{}", form.trim());
        let mut before = None;
        for (size, runs) in SIZES {
            if !asked.is_empty() && !asked.contains(&size) {
                continue;
            }
            let text = script(form, size);
            let (ours, theirs, threads) = bench.beside_psql(server, &database, &text, runs);
            let shares: Vec<String> = threads
                .iter()
                .filter(|(_, spent)| **spent >= theirs / 100.0)
                .map(|(name, spent)| format!("{name} {:.2}", spent / theirs))
                .collect();
            let (ours, theirs) = (ours / f64::from(runs), theirs / f64::from(runs));
            let growth = before.map_or(String::new(), |before| {
                format!(", {:.1} times the size before", ours / before)
            });
            println!(
                "  {size} statements: Tusk {ours:.3} s, psql {theirs:.3} s, ratio {:.2} ({}){growth}",
                ours / theirs,
                shares.join(", ")
            );
            before = Some(ours);
        }
    }
    bench.runner.shutdown(Duration::from_secs(2));
}

fn script(form: &str, size: usize) -> String {
    (0..size).map(|n| form.replace('@', &n.to_string())).collect()
}
