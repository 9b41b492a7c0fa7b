//! The same stories as in `tests/program/stories.rs`, in an offscreen window: typed at through GPUI's keys, on the real
//! runner and a real PostgreSQL.

use crate::support::server;
use std::path::Path;

use server::TestServer;
use tusk::{
    effects::{Runner, RunnerOptions},
    program::{Beginning, begin},
    story,
    view::{kit::words::Post, shell::window::Desk, stage::Windowed},
};

/// Plays a story file in a window.
#[track_caller]
fn play(name: &str) -> tempfile::TempDir {
    let server = TestServer::shared();
    let data = tempfile::tempdir().unwrap();
    let database = server.fresh_database();
    let source =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories").join(format!("{name}.story"));
    let text = std::fs::read_to_string(source)
        .unwrap()
        .replace("@URL@", &server.url_unix(&database))
        .replace("@OUT@", &data.path().display().to_string());
    let story = story::parse(&text).unwrap();
    let desk = Desk::default();
    let data_dir = data.path().join("data");
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
    let played = story::run(&story, &mut stage, &mut std::io::sink());
    stage.finish();
    if let Err(failure) = played {
        panic!("{name}, {failure}");
    }
    data
}

#[test]
fn writing_and_running_in_a_window() {
    play("running");
}

#[test]
fn typing_goes_where_the_screen_says_in_a_window() {
    play("typing");
}

#[test]
fn the_grid_in_a_window() {
    let data = play("grid");
    assert_eq!(std::fs::read_to_string(data.path().join("clipboard.txt")).unwrap(), "3\tv3\n4\t");
}

#[test]
fn errors_in_a_window() {
    play("errors");
}

#[test]
fn cancelling_in_a_window() {
    play("cancelling");
}

#[test]
fn the_main_job_in_a_window() {
    play("done");
}
