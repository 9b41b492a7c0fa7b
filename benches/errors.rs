//! How long an error takes from the server's word to a classified failure in the Model, its nearest name included.
//!
//! Run it with `cargo bench --no-default-features --bench errors`. It starts a PostgreSQL of its own with 1,000 tables
//! of 20 columns, loads the schema cache some times, and provokes each kind of error many times. The runner measures
//! from sending to ReadyForQuery; what is printed is the rest: decoding, the way through the queue, and `update` with
//! the look-up of a name. It asserts nothing.

#[path = "../tests/support/server.rs"]
mod server;

use std::time::{Duration, Instant};
use tusk::update::query::page::Ended;

use server::TestServer;
use tusk::{
    base::{stamp::Stamp, text::Edit},
    conninfo::Config,
    effect::Effect,
    effects::{Runner, RunnerOptions},
    model::{Model, Phase},
    msg::Msg,
    update::{
        query::{self, editor},
        shell::{app, command::Command, welcome},
        update,
    },
};

const RUNS: usize = 300;
const TABLES: usize = 1_000;

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

    fn receive(&mut self) -> Msg {
        self.inbox.recv_timeout(Duration::from_secs(60)).expect("a message comes")
    }

    fn settle(&mut self) {
        while self.model.phase != Phase::Ready || self.model.is_busy() {
            let msg = self.receive();
            self.take(msg);
        }
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

    /// The whole time from the key to the Model, and of that what came after the server was ready.
    fn fail_once(&mut self) -> (f64, f64) {
        let sent = Instant::now();
        self.take(Command::QueryRun);
        loop {
            let msg = self.receive();
            let answered = match &msg {
                Msg::Query(query::Msg::Failed { elapsed_us, .. }) => Some(*elapsed_us),
                _ => None,
            };
            self.take(msg);
            if let Some(elapsed_us) = answered {
                let whole = sent.elapsed().as_secs_f64() * 1e3;
                let ended = self.model.pages.active().and_then(|tab| tab.ended.as_ref());
                assert!(matches!(ended, Some(Ended::Badly { .. })));
                return (whole, whole - elapsed_us as f64 / 1e3);
            }
        }
    }
}

fn main() {
    let server = TestServer::shared();
    let database = server.fresh_database();
    server.psql(
        &database,
        &format!(
            "do $$ declare columns text; begin
             select string_agg(format('column_%s text', c), ', ') into columns from generate_series(1, 20) c;
             for i in 1..{TABLES} loop execute format('create table table_%s (%s)', i, columns); end loop; end $$;
             create table customers (id int primary key, email text); insert into customers values (1, 'a')"
        ),
    );
    let directory = tempfile::tempdir().expect("a directory for the data");
    let (outbox, inbox) = flume::unbounded();
    let options = RunnerOptions { data_dir: directory.path().into() };
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
    time_loads(&mut bench);
    time_errors(&mut bench);
    bench.runner.shutdown(Duration::from_secs(2));
}

fn time_loads(bench: &mut Bench) {
    let mut loads = Vec::new();
    for _ in 0..20 {
        let began = Instant::now();
        bench.take(Command::SchemaRefresh);
        bench.settle();
        loads.push(began.elapsed().as_secs_f64() * 1e3);
    }
    print("schema of 1,000 tables", &mut loads);
    let catalog = bench.model.schemas.values().find_map(|schema| schema.catalog());
    if let Some(catalog) = catalog {
        let kilobytes = catalog.heap_bytes() / 1024;
        println!("  {}, {kilobytes} KB", catalog.in_short());
    }
}

fn time_errors(bench: &mut Bench) {
    for sql in [
        "select 1/0",
        "insert into customers values (1, 'b')",
        "select * from custmers",
        "select * from nothing_like_any_table",
        "update customers set emial = ''",
        "select lenght('x')",
    ] {
        bench.write(sql);
        // The first run opens the session.
        bench.fail_once();
        bench.settle();
        let (mut whole, mut after) = (vec![], vec![]);
        for _ in 0..RUNS {
            let (all, rest) = bench.fail_once();
            whole.push(all);
            after.push(rest);
            bench.settle();
        }
        print(&format!("{sql}: from the key"), &mut whole);
        print(&format!("{sql}: after ReadyForQuery"), &mut after);
    }
}

fn print(name: &str, values: &mut [f64]) {
    values.sort_by(f64::total_cmp);
    let at = |part: f64| values[((values.len() - 1) as f64 * part) as usize];
    println!(
        "{name}: p50 {:.3} ms, p90 {:.3} ms, p99 {:.3} ms, highest {:.3} ms",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
}
