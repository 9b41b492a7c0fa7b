//! Running a file, its progress, its errors and its end.

use super::*;
use crate::update::{
    shell::command::Command,
    testing::{World, expect},
};

const PROGRESS: Progress =
    Progress { phase: Phase::Running, bytes: 50, total: 200, statements: 3, failed: 1, rows: 7 };

fn begun() -> (World, Request) {
    let mut world = World::new().connected();
    let effects = world.asked(|model| {
        run_file(
            &mut model.pages,
            &model.connections,
            &mut model.history,
            &mut model.jobs,
            &mut model.cx,
            "/d/dump.sql".into(),
        )
    });
    expect!(
        effects,
        [Store(RecordRuns { .. }), Job(RunFile { job, connection, path, read_only: false, .. })]
    );
    assert_eq!((*connection, path.as_str()), (world.connection(), "/d/dump.sql"));
    (world, *job)
}

#[test]
fn a_file_needs_a_connection() {
    let mut world = World::new();
    expect!(
        world.asked(|model| {
            run_file(
                &mut model.pages,
                &model.connections,
                &mut model.history,
                &mut model.jobs,
                &mut model.cx,
                "/d/dump.sql".into(),
            )
        }),
        []
    );
    assert!(world.notice().contains("Connect this tab first"));
    assert_eq!(world.model.jobs.list, []);
}

#[test]
fn a_job_says_how_far_it_is_and_how_it_ended() {
    let (mut world, job) = begun();
    assert!(world.model.is_busy());
    let progress = Progress { phase: Phase::Reading, ..PROGRESS };
    expect!(world.send(Msg::Went { job, progress }), []);
    let shown = world.model.jobs.list[0].shown();
    assert_eq!(shown, "25% of 200 B");
    let progress = PROGRESS;
    expect!(world.send(Msg::Went { job, progress }), []);
    let shown = world.model.jobs.list[0].shown();
    assert_eq!(shown, "25% of 200 B · 3 statements, 1 failed");
    let trouble = Box::new(Trouble {
        file: "/d/dump.sql".into(),
        line: 4,
        column: 2,
        sqlstate: Some("42703".into()),
        message: "no such column".into(),
    });
    expect!(world.send(Msg::Troubled { job, trouble }), []);
    assert!(world.messages().contains(&"/d/dump.sql:4:2: no such column (42703)".to_owned()));
    let effects = world.send(Msg::Ended {
        job,
        state: State::Failed,
        progress,
        message: "Stopped at line 4.".into(),
        elapsed_us: 9,
    });
    expect!(effects, [Store(RecordRuns { .. }), Schema(Load { .. })]);
    assert_eq!(world.model.jobs.running(), None);
    assert_eq!(world.notice(), "/d/dump.sql: Stopped at line 4.");
    let json = world.model.jobs.list[0].json();
    assert_eq!(json["state"], "failed");
    assert_eq!(json["errors"][0]["line"], 4);
    // What comes after the end changes nothing.
    let before = world.model.jobs.clone();
    world.send(Msg::Went { job, progress: Progress::default() });
    assert_eq!(world.model.jobs, before);
}

#[test]
fn the_usual_key_cancels_a_job_where_no_statement_runs() {
    let (mut world, job) = begun();
    let effects = world.command(Command::QueryCancel);
    expect!(effects, [Job(Cancel { job: cancelled })] if *cancelled == job);
    assert!(world.model.jobs.list[0].cancelling);
    world.send(Msg::Ended {
        job,
        state: State::Cancelled,
        progress: PROGRESS,
        message: "Cancelled.".into(),
        elapsed_us: 9,
    });
    expect!(world.command(Command::QueryCancel), []);
}

#[test]
fn a_job_is_cancelled_from_a_page_that_is_no_query_too() {
    let (mut world, job) = begun();
    world.command(Command::SettingsOpen);
    let effects = world.command(Command::QueryCancel);
    expect!(effects, [Job(Cancel { job: cancelled })] if *cancelled == job);
}

#[test]
fn what_runs_is_named_before_the_program_ends() {
    let (mut world, _) = begun();
    let effects = world.command(Command::AppQuit);
    expect!(effects, []);
    let screen = crate::story::screen_text(&world.model);
    assert!(screen.contains("dump.sql is being run"), "{screen}");
}
