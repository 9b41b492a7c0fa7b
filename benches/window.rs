//! The window while a million rows stream in: how long a turn of the loop takes, and how long a key.
//!
//! Run it with `cargo bench --bench window`. A turn is what the loop does between two frames: it drains the queue for
//! at most 4 ms and updates; layout and painting are not counted. A key is counted from the keystroke to the Model.

#[path = "../tests/support/server.rs"]
mod server;

use std::time::{Duration, Instant};

use server::TestServer;
use tusk::{
    effects::{Runner, RunnerOptions},
    program::{Beginning, begin},
    story::{self, Stage},
    view::{stage::Windowed, window::Desk, words::Post},
};

const ROWS: u64 = 1_000_000;
/// So often the stream is run.
const RUNS: usize = 5;
/// A key is pressed after so many turns.
const TURNS_PER_KEY: usize = 6;

fn main() {
    let server = TestServer::shared();
    let database = server.fresh_database();
    server.psql(
        &database,
        &format!(
            "create table wide as select g::int8 as id, 'name of row ' || g as name, (g * 1.37)::numeric(12, 2) as price,
               timestamptz '2026-01-01' + g * interval '17 seconds' as at, jsonb_build_object('n', g) as document,
               md5(g::text)::uuid as reference, g % 3 = 0 as paid, g / 7.0::float8 as ratio, array[g, g + 1] as numbers
             from generate_series(1, {ROWS}) g"
        ),
    );
    server.psql(&database, "vacuum analyze wide");
    let data = tempfile::tempdir().unwrap();
    let data_dir = data.path().to_path_buf();
    let desk = Desk::default();
    let beginning = Beginning {
        data_dir: data_dir.clone(),
        config_dir: data_dir.clone(),
        record: None,
        warnings: vec![],
        surroundings: Box::new(desk.clone()),
    };
    let mut post = None;
    let (program, inbox) = begin(beginning, |outbox| {
        post = Some(Post::new(outbox.clone()));
        Box::new(Runner::start(RunnerOptions { data_dir }, outbox))
    })
    .unwrap();
    let mut stage = Windowed::open(program, inbox, post.unwrap(), desk).expect("a renderer");
    let connect = format!(
        "size 1440 900\nconnect {}\nwait connected 30\ntext select * from wide\nwait idle\n",
        server.url_unix(&database)
    );
    play(&mut stage, &connect);
    let (mut turns, mut keys) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        play(
            &mut stage,
            "command focus.editor\ncommand query.run\nwait rows 1 30\ncommand results.fetch-all\n",
        );
        stream(&mut stage, &mut turns, &mut keys);
        play(
            &mut stage,
            "wait idle 60\ntext select * from wide\nwait idle\n",
        );
    }
    stage.finish();
    println!(
        "{} turns of the loop: {}",
        turns.len(),
        percentiles(&mut turns)
    );
    println!(
        "{} keys into the Model: {}",
        keys.len(),
        percentiles(&mut keys)
    );
}

#[track_caller]
fn play(stage: &mut Windowed, lines: &str) {
    story::run(&story::parse(lines).unwrap(), stage, &mut std::io::sink()).unwrap();
}

/// Turns the loop until every row is there, typing all the while.
fn stream(stage: &mut Windowed, turns: &mut Vec<Duration>, keys: &mut Vec<Duration>) {
    let mut since_key = 0;
    while stage.read(|model| model.tabs.open.iter().any(|tab| tab.is_busy())) {
        match stage.turn() {
            Some(turn) => {
                turns.push(turn);
                since_key += 1;
            }
            None => std::thread::yield_now(),
        }
        if since_key == TURNS_PER_KEY {
            since_key = 0;
            keys.push(key(stage, turns));
        }
    }
}

/// Types a letter, and turns the loop until the Model has it.
fn key(stage: &mut Windowed, turns: &mut Vec<Duration>) -> Duration {
    let length = |stage: &mut Windowed| {
        stage.read(|model| {
            model
                .tabs
                .active()
                .map_or(0, |tab| tab.editor.buffer.text().len())
        })
    };
    let before = length(stage);
    let began = Instant::now();
    stage.interleave(|window| window.type_text("x").unwrap());
    while length(stage) == before {
        turns.extend(stage.turn());
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "the key was lost"
        );
    }
    began.elapsed()
}

fn percentiles(values: &mut [Duration]) -> String {
    values.sort();
    let at = |share: f64| values[((values.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    format!(
        "median {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, longest {:.2} ms",
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    )
}
