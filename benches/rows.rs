//! The whole program beside psql: every row of a wide table into the Model, in time, memory and allocations.
//!
//! Run it with `cargo bench --no-default-features --bench rows`. It starts a PostgreSQL of its own, makes a table of
//! 1,000,000 rows by 12 mixed types, and runs `psql -At >/dev/null` and a story of the core program in turn. Each
//! figure is a ratio within a pair of runs, because the machines are shared and noisy. The last part runs the loop in
//! this process under a counting allocator.

#![allow(unsafe_code, reason = "a global allocator can only be written so")]

#[path = "../tests/support/server.rs"]
mod server;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    process::{Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use server::{TestServer, USER};
use tusk::{
    base::stamp::Stamp,
    conninfo::Config,
    effect::Effect,
    effects::{Runner, RunnerOptions},
    model::Model,
    msg::Msg,
    update::{
        query,
        shell::{app, command::Command as TuskCommand, welcome},
        update,
    },
};

const ROWS: u64 = 1_000_000;
const PAIRS: usize = 7;

/// Counts what it hands out.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What one run of a program took.
#[derive(Clone, Copy)]
struct Taken {
    wall: f64,
    peak_kb: u64,
}

fn main() {
    let server = TestServer::shared();
    let database = server.fresh_database();
    eprintln!("making the table of {ROWS} rows x 12 columns");
    server.psql(&database, &table());
    server.psql(&database, "vacuum analyze wide");
    let url = server.url_unix(&database);
    let idle = median(&(0..3).map(|_| story(&url, "sleep 0.5").peak_kb as f64).collect::<Vec<_>>());
    let query = "text select * from wide\ncommand query.run\nwait rows 1 30\ncommand results.fetch-all\nwait rows 1000000 300\nwait idle 300";
    let (mut wall, mut memory, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for pair in 0..=PAIRS {
        let psql = run(server.psql_command(&database).args(["-XAt", "-c", "select * from wide"]));
        let tusk = story(&url, query);
        if pair > 0 {
            // The first pair warms the server's cache and is not counted.
            wall.push(tusk.wall / psql.wall);
            memory.push((tusk.peak_kb as f64 - idle) / psql.peak_kb as f64);
            rows.push((psql, tusk));
        }
    }
    for (psql, tusk) in &rows {
        println!(
            "psql {:.3} s, {} MB peak · tusk {:.3} s, {} MB peak ({:.0} MB over idle)",
            psql.wall,
            psql.peak_kb / 1024,
            tusk.wall,
            tusk.peak_kb / 1024,
            (tusk.peak_kb as f64 - idle) / 1024.0
        );
    }
    println!("wall, tusk / psql: {}", spread(&wall));
    println!("memory over idle / psql's peak: {}", spread(&memory));
    allocations(server, &database);
}

/// Runs a story in the core program and takes its time as a whole process.
fn story(url: &str, lines: &str) -> Taken {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bench.story");
    std::fs::write(&file, format!("connect {url}\nwait connected 30\n{lines}\n")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tusk"));
    command.arg("story").arg(&file).arg("--data-dir").arg(directory.path());
    run(&mut command)
}

/// Runs a program with its output thrown away; its peak is read from the kernel while it lives.
fn run(command: &mut Command) -> Taken {
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kb = 0;
    let ended = loop {
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        peak_kb = peak_kb.max(high_water(&status).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(3));
    };
    assert!(ended.success(), "{command:?} failed");
    Taken { wall: began.elapsed().as_secs_f64(), peak_kb }
}

fn high_water(status: &str) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Runs the loop in this process and counts allocations from the first chunk to the last.
fn allocations(server: &TestServer, database: &str) {
    let directory = tempfile::tempdir().unwrap();
    let (outbox, inbox) = flume::unbounded();
    let runner = Runner::start(RunnerOptions { data_dir: directory.path().into() }, outbox);
    let mut model = Model::default();
    let began = Instant::now();
    let take = |model: &mut Model, msg: Msg| {
        let at = Stamp { unix_us: 0, mono_us: began.elapsed().as_micros() as u64 };
        for effect in update(model, at, msg) {
            if !matches!(effect, Effect::Window(_)) {
                runner.perform(effect);
            }
        }
    };
    let started = app::Msg::Started {
        seed: 1,
        version: String::new(),
        data_dir: directory.path().display().to_string(),
        config_dir: String::new(),
        macos: false,
        recording: false,
    };
    take(&mut model, started.into());
    let conninfo = Config::parse(&server.url_unix(database), &Default::default()).unwrap();
    let target = Box::new(welcome::Target::Conninfo(conninfo));
    take(&mut model, welcome::Msg::Asked { target }.into());
    let connected = |model: &Model| model.connections.values().any(|known| known.is_open());
    while !connected(&model) || model.is_busy() {
        take(&mut model, inbox.recv_timeout(Duration::from_secs(30)).unwrap());
    }
    take(
        &mut model,
        tusk::update::shell::keys::Msg::Typed { text: "select * from wide".into() }.into(),
    );
    take(&mut model, TuskCommand::QueryRun.into());
    let (mut first, mut chunks, mut rows) = (None, 0_u64, 0);
    while model.is_busy() {
        let msg = inbox.recv_timeout(Duration::from_secs(60)).unwrap();
        if let Msg::Query(query::Msg::RowsArrived { chunk, .. }) = &msg {
            first.get_or_insert_with(|| ALLOCATIONS.load(Ordering::Relaxed));
            chunks += 1;
            rows += chunk.rows() as u64;
        }
        take(&mut model, msg);
        if chunks == 1 {
            take(&mut model, TuskCommand::ResultsFetchAll.into());
        }
    }
    let counted = ALLOCATIONS.load(Ordering::Relaxed) - first.unwrap_or(0);
    assert_eq!(rows, ROWS, "not every row arrived");
    println!(
        "allocations in the whole process while {rows} rows of 12 cells came in {chunks} chunks: {counted}, \
         {:.1} a chunk, {:.5} a row",
        counted as f64 / chunks as f64,
        counted as f64 / rows as f64
    );
    runner.shutdown(Duration::from_secs(2));
}

fn table() -> String {
    format!(
        "create type mood as enum ('sad', 'ok', 'happy');
         create table wide as select g::int8 as id, 'name of row ' || g as name, (g * 1.37)::numeric(12, 2) as price,
           timestamptz '2026-01-01' + g * interval '17 seconds' as at,
           jsonb_build_object('n', g, 'tags', jsonb_build_array('a', g % 7)) as document,
           md5(g::text)::uuid as reference, g % 3 = 0 as paid, g / 7.0::float8 as ratio,
           decode(md5(g::text), 'hex') as digest, array[g, g + 1, g + 2]::int[] as numbers,
           ('10.' || g % 256 || '.' || g / 256 % 256 || '.1')::inet as address,
           (array['sad', 'ok', 'happy'])[1 + g % 3]::mood as mood
         from generate_series(1, {ROWS}) g;
         grant select on wide to {USER};"
    )
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn spread(values: &[f64]) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(0.0, f64::max);
    format!(
        "median {:.3} (lowest {low:.3}, highest {high:.3}) of {} pairs",
        median(values),
        values.len()
    )
}
