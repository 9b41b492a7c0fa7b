//! The window while a million rows stream in: how long a turn of the loop takes, and how long a key.
//!
//! Run it with `cargo bench --bench window`. A turn is what the loop does between two frames: it drains the queue for
//! at most 4 ms and updates; layout and painting are not counted. A key is counted from the moment when it is pressed
//! to the Model, the frame that is being drawn at that moment included.

#[path = "../tests/support/server.rs"]
mod server;

use std::time::{Duration, Instant};

use server::TestServer;
use tusk::{
    effects::{Runner, RunnerOptions},
    program::{Beginning, begin},
    story::{self, Stage},
    view::{kit::words::Post, shell::window::Desk, stage::Windowed},
};

const ROWS: u64 = 1_000_000;
/// So often the stream is run.
const RUNS: usize = 5;
/// A screen of 60 Hz.
const FRAME: Duration = Duration::from_micros(16_667);
/// A fast hand and then some; no multiple of a frame, so that keys come at every moment of it.
const KEY_PAUSE: Duration = Duration::from_micros(23_456);

/// A text that is longer than most.
const LONG_TEXT_BYTES: usize = 1_000_000;
const LONG_TEXT_KEYS: usize = 300;

/// So often a query is stopped.
const CANCELS: usize = 200;

#[derive(Default)]
struct Measured {
    turns: Vec<Duration>,
    keys: Vec<Duration>,
    frames: Vec<Duration>,
}

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
    let mut measured = Measured::default();
    for _ in 0..RUNS {
        play(
            &mut stage,
            "command focus.editor\ncommand query.run\nwait rows 1 30\ncommand results.fetch-all\n",
        );
        stream(&mut stage, &mut measured);
        play(&mut stage, "wait idle 60\ntext select * from wide\nwait idle\n");
    }
    let mut cancels = Vec::new();
    cancel(&mut stage, &mut cancels);
    let mut long = Measured::default();
    let statement =
        "select id, name, price from wide where id between 1 and 100 and name like 'name%';\n";
    let text = statement.repeat(LONG_TEXT_BYTES / statement.len());
    play(&mut stage, &format!("text <<END\n{text}END\ncommand focus.editor\nwait idle\n"));
    type_into(&mut stage, &mut long);
    stage.finish();
    print("turns of the loop", &mut measured.turns);
    print("keys into the Model", &mut measured.keys);
    print("frames", &mut measured.frames);
    print("cancels from key to 57014", &mut cancels);
    print("keys into a text of 1 MB", &mut long.keys);
    print("frames of it", &mut long.frames);
}

#[track_caller]
fn play(stage: &mut Windowed, lines: &str) {
    story::run(&story::parse(lines).unwrap(), stage, &mut std::io::sink()).unwrap();
}

/// Stops a query that streams, by its key, again and again; what counts is the server's own word that it stopped. The
/// series stands in the list of columns: as a table the server would make all of it before its first row.
fn cancel(stage: &mut Windowed, cancels: &mut Vec<Duration>) {
    play(stage, "text select generate_series(1, 1000000000) as g, repeat('x', 20)\n");
    for _ in 0..CANCELS {
        play(
            stage,
            "command focus.editor\ncommand query.run\ncommand results.fetch-all\nwait rows 1 30\n",
        );
        let began = Instant::now();
        let mut next_frame = began + FRAME;
        stage.keystroke("ctrl-.").unwrap();
        while stage.read(|model| model.pages.open.iter().any(|tab| tab.is_busy())) {
            if stage.turn().is_none() {
                std::thread::yield_now();
            }
            if Instant::now() >= next_frame {
                stage.draw();
                next_frame += FRAME;
            }
        }
        cancels.push(began.elapsed());
        play(stage, "expect error 57014\n");
    }
}

/// Types into a long text while nothing else goes on.
fn type_into(stage: &mut Windowed, measured: &mut Measured) {
    let enough = measured.keys.len() + LONG_TEXT_KEYS;
    let mut next_frame = Instant::now();
    while measured.keys.len() < enough {
        let came = Instant::now();
        let before = length(stage);
        stage.keystroke("x").unwrap();
        while length(stage) == before {
            measured.turns.extend(stage.turn());
        }
        measured.keys.push(came.elapsed());
        if Instant::now() >= next_frame {
            let began = Instant::now();
            stage.draw();
            measured.frames.push(began.elapsed());
            next_frame = began + FRAME;
        }
        while stage.turn().is_some() {}
    }
}

/// Turns the loop until every row is there, as a window does on a screen of 60 Hz: a frame when one is due, and the
/// queue between frames. All the while a hand types: each key comes at its own moment, whatever the window is at then,
/// and it has waited since that moment.
fn stream(stage: &mut Windowed, measured: &mut Measured) {
    let mut next_frame = Instant::now();
    let mut next_key = Instant::now() + KEY_PAUSE;
    let mut typed = length(stage);
    let mut waiting = None;
    while stage.read(|model| model.pages.open.iter().any(|tab| tab.is_busy())) {
        if Instant::now() >= next_frame {
            let began = Instant::now();
            stage.draw();
            measured.frames.push(began.elapsed());
            // A frame that took too long has missed the next one, as on a screen.
            while next_frame <= Instant::now() {
                next_frame += FRAME;
            }
        }
        if waiting.is_none() && Instant::now() >= next_key {
            stage.keystroke("x").unwrap();
            waiting = Some(next_key);
            next_key += KEY_PAUSE;
        }
        match stage.turn() {
            Some(turn) => measured.turns.push(turn),
            None => std::thread::yield_now(),
        }
        let Some(came) = waiting.filter(|_| length(stage) > typed) else {
            continue;
        };
        typed = length(stage);
        waiting = None;
        measured.keys.push(came.elapsed());
    }
}

/// How long the text in the editor is, as the Model has it.
fn length(stage: &mut Windowed) -> usize {
    stage.read(|model| {
        let tab = model.pages.active();
        tab.map_or(0, |tab| tab.editor.buffer.text().len())
    })
}

fn print(what: &str, values: &mut [Duration]) {
    println!("{} {what}: {}", values.len(), percentiles(values));
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
