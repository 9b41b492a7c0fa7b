//! Stories against scripted effects: the whole program but for the world outside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use crate::support::scripted::{Answers, Scripted, nothing_kept};
use std::{path::PathBuf, sync::Arc};

use tusk::{
    base::{secret::SecretKind, transaction},
    conninfo::Config,
    effect::Effect,
    failure::{Category, Failure},
    msg::Msg,
    program::{Beginning, begin},
    recording,
    rows::{ChunkBuilder, Column},
    story::{Desk, Headless, parse, run},
    update::{
        clock,
        connection::{self, keychain},
        files, keeping,
        query::{self, session},
        results, schema,
    },
};

const PASSWORD: &str = "correct-horse-battery";
const NEW_PASSWORD: &str = "staple-of-hay";

/// What a server, a keychain and a disk say. The server takes [`PASSWORD`] alone.
fn script(answers: &Answers, effect: Effect) {
    for msg in said_of(effect) {
        answers.answer(msg);
    }
}

fn said_of(effect: Effect) -> Vec<Msg> {
    match effect {
        Effect::Store(effect) => store(effect),
        Effect::File(files::Effect::Open { request, path, .. }) => vec![
            files::Msg::Opened {
                request,
                path,
                result: Err(Failure::new(Category::Storage, "There is no such file.").into()),
            }
            .into(),
        ],
        Effect::Keychain(effect) => vec![keychain_answer(effect).into()],
        Effect::Connection(effect) => connection_answers(effect),
        Effect::Session(session::Effect::Open { session, .. }) => {
            vec![session::Msg::Opened { session, backend_pid: 4711 }.into()]
        }
        Effect::Schema(schema::Effect::Load { request, connection }) => {
            vec![schema::Msg::Loaded { request, connection, result: Ok(Arc::default()) }.into()]
        }
        Effect::Query(query::Effect::Run { query, sql, .. }) => statement(query, &sql),
        Effect::Cells(results::contract::Effect::Copy { request, .. }) => vec![
            results::contract::Msg::Copied {
                request,
                text: Ok(Arc::from("copied\tcells")),
                cells: 2,
            }
            .into(),
        ],
        Effect::Clock(clock::Effect::Stop { timer }) => {
            vec![clock::Msg::Stopped { timer }.into()]
        }
        _ => vec![],
    }
}

fn store(effect: keeping::Effect) -> Vec<Msg> {
    use keeping::Effect as Asked;
    let msg = match effect {
        Asked::Load { .. } => return vec![],
        Asked::UseDirectory { request, .. } => {
            keeping::Msg::DirectoryUsed { request, result: Err("there is one already".into()) }
        }
        Asked::SearchHistory { request, .. } => {
            keeping::Msg::HistoryFound { request, entries: Ok(vec![]) }
        }
        Asked::SaveConnection { request, .. }
        | Asked::DeleteConnection { request, .. }
        | Asked::JournalEdits { request, .. }
        | Asked::SaveTab { request, .. }
        | Asked::SaveLayout { request, .. }
        | Asked::CloseTab { request, .. }
        | Asked::RecordRuns { request, .. }
        | Asked::SaveSettings { request, .. } => keeping::Msg::Wrote { request },
    };
    vec![msg.into()]
}

fn keychain_answer(effect: keychain::Effect) -> keychain::Msg {
    match effect {
        keychain::Effect::Read { request, connection, kind } => keychain::Msg::Read {
            request,
            connection,
            kind,
            result: Err(keychain::Refusal::NotFound),
        },
        keychain::Effect::Store { request, connection, kind, .. } => {
            keychain::Msg::Stored { request, connection, kind, result: Ok(()) }
        }
        keychain::Effect::Delete { request, connection, kind } => {
            keychain::Msg::Deleted { request, connection, kind, result: Ok(()) }
        }
    }
}

fn connection_answers(effect: connection::Effect) -> Vec<Msg> {
    match effect {
        connection::Effect::Open { connection, attempt, secrets, .. }
            if secrets
                .get(SecretKind::Database)
                .is_some_and(|password| password.reveal() == PASSWORD) =>
        {
            vec![
                connection::Msg::Opened {
                    connection,
                    attempt,
                    server: connection::ServerInfo::default(),
                }
                .into(),
            ]
        }
        connection::Effect::Open { connection, attempt, .. } => vec![
            connection::Msg::OpenFailed {
                connection,
                attempt,
                failure: Failure {
                    sqlstate: Some("28P01".into()),
                    ..Failure::new(Category::Authentication, "password authentication failed")
                },
            }
            .into(),
        ],
        connection::Effect::Close { connection } => {
            vec![connection::Msg::Closed { connection }.into()]
        }
        _ => vec![],
    }
}

/// What the server makes of a statement: `rows N` gives N rows, `boom` fails, `hang` never ends, all else completes.
fn statement(query: tusk::base::ids::QueryId, sql: &str) -> Vec<Msg> {
    let finished = |tag: &str, transaction| {
        Msg::from(query::Msg::Finished {
            query,
            tag: tag.into(),
            transaction,
            discarded: 0,
            elapsed_us: 10,
        })
    };
    if sql == "hang" {
        return vec![];
    }
    if sql == "boom" || sql.contains(NEW_PASSWORD) && sql.contains("boom") {
        let failure = Failure {
            sqlstate: Some("42P01".into()),
            context: Some(format!("SQL statement \"{sql}\"")),
            ..Failure::new(Category::Query, "relation \"boom\" does not exist")
        };
        return vec![
            query::Msg::Failed {
                query,
                failure: Box::new(failure),
                transaction: transaction::Transaction::Failed,
                elapsed_us: 10,
            }
            .into(),
        ];
    }
    let Some(rows) = sql.strip_prefix("rows ") else {
        return vec![finished("DONE", transaction::Transaction::Active)];
    };
    let rows: u32 = rows.parse().unwrap();
    let mut builder = ChunkBuilder::new(2);
    for row in 0..rows {
        let text = row.to_string();
        let mut body = vec![0, 2];
        body.extend((text.len() as i32).to_be_bytes());
        body.extend(text.as_bytes());
        body.extend((-1_i32).to_be_bytes());
        builder.push_data_row(&body).unwrap();
    }
    vec![
        query::Msg::Described {
            query,
            columns: vec![Column::new("n", 23, -1), Column::new("nothing", 25, -1)],
        }
        .into(),
        query::Msg::RowsArrived { query, chunk: Arc::new(builder.finish()) }.into(),
        finished(&format!("SELECT {rows}"), transaction::Transaction::Idle),
    ]
}

/// What a story came to.
struct Played {
    result: Result<(), String>,
    out: String,
}

fn play_with(story: &str, saved: Vec<keeping::SavedConnection>, record: Option<PathBuf>) -> Played {
    let desk = Desk::default();
    let beginning = Beginning {
        data_dir: "/data".into(),
        config_dir: "/data".into(),
        record,
        warnings: vec![],
        surroundings: Box::new(desk.clone()),
    };
    let (program, inbox) = begin(beginning, |outbox| {
        let kept = keeping::Kept { connections: saved, ..nothing_kept() };
        Box::new(Scripted::new(outbox, kept, script))
    })
    .unwrap();
    let mut stage = Headless::new(program, inbox, desk, None);
    let mut out = Vec::new();
    let result = run(&parse(story).unwrap(), &mut stage, &mut out);
    stage.finish();
    Played {
        result: result.map_err(|failure| failure.to_string()),
        out: String::from_utf8(out).unwrap(),
    }
}

fn play(story: &str) -> Played {
    play_with(story, vec![], None)
}

/// Plays a story on an open connection.
#[track_caller]
fn connected(story: &str) -> String {
    let story = format!("connect postgres://ann:{PASSWORD}@h/d\nwait connected\n{story}");
    let played = play(&story);
    assert_eq!(played.result, Ok(()));
    played.out
}

#[track_caller]
fn fails(story: &str) -> String {
    let story = format!("connect postgres://ann:{PASSWORD}@h/d\nwait connected\n{story}");
    play(&story).result.unwrap_err()
}

#[test]
fn a_statement_runs_and_its_cells_are_what_they_are() {
    connected(
        "text rows 3\npress ctrl-enter\nwait rows 3\nwait idle\nexpect result 1 rows 3\n\
         expect result 1 cell 2 0 is \"2\"\nexpect result 1 cell 0 1 is NULL\nexpect state transaction is idle",
    );
}

#[test]
fn an_expectation_that_fails_says_what_is_there() {
    let run = "text rows 3\ncommand query.run\nwait idle\n";
    let reason = |line: &str| fails(&format!("{run}{line}"));
    assert_eq!(
        reason("expect result 1 rows 4"),
        "line 6: expect result 1 rows 4: result 1 has 3 rows, finished with SELECT 3"
    );
    assert!(reason("expect result 2 rows 3").ends_with("the tab has 1 result"));
    assert!(reason("expect result 1 cell 1 0 is \"7\"").ends_with("the cell is \"1\""));
    assert!(reason("expect result 1 cell 1 0 is NULL").ends_with("the cell is \"1\""));
    assert!(reason("expect result 1 cell 1 1 is \"\"").ends_with("the cell is NULL"));
    assert!(reason("expect result 1 cell 3 0 is \"\"").contains("3 rows and 2 columns"));
    assert!(reason("expect error 42P01").ends_with("the last thing ended well"));
    assert!(reason("expect state transaction is none").ends_with("the transaction is idle"));
}

#[test]
fn an_error_is_expected_by_its_sqlstate() {
    let run = "text boom\ncommand query.run\nwait idle\n";
    connected(&format!("{run}expect error 42P01\nexpect state transaction is failed"));
    assert!(fails(&format!("{run}expect error 22012")).contains("42P01 relation"));
}

#[test]
fn rows_that_can_not_come_any_more_are_not_waited_for() {
    let reason = fails("text rows 3\ncommand query.run\nwait rows 4 3600");
    assert!(reason.ends_with("the result has 3 rows, finished with SELECT 3"), "{reason}");
}

#[test]
fn a_statement_that_runs_is_waited_for_and_is_not_idle() {
    connected("text hang\ncommand query.run\nwait running 5");
    let reason = fails("text hang\ncommand query.run\nwait running\nwait idle 0.01");
    assert!(reason.contains("after 0.01 s something is still under way: a statement runs"));
}

#[test]
fn a_result_is_dumped_in_every_format_to_standard_output_and_to_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("out.csv");
    let out = connected(&format!(
        "text rows 2\ncommand query.run\nwait idle\ndump result 1 csv -\ndump result 1 tsv -\n\
         dump result 1 json -\ndump result 1 jsonl -\ndump result 1 csv {}",
        file.display()
    ));
    let csv = "n,nothing\n0,\n1,\n";
    assert_eq!(std::fs::read_to_string(file).unwrap(), csv);
    assert_eq!(
        out,
        format!(
            "{csv}n\tnothing\n0\t\n1\t\n[\n{{\"n\":0,\"nothing\":null}},\n{{\"n\":1,\"nothing\":null}}\n]\n\
             {{\"n\":0,\"nothing\":null}}\n{{\"n\":1,\"nothing\":null}}\n"
        )
    );
}

#[test]
fn what_was_copied_is_dumped() {
    let out = connected(
        "text rows 2\ncommand query.run\nwait idle\ncommand focus.results\npress ctrl-c\nwait idle\ndump clipboard -",
    );
    assert_eq!(out, "copied\tcells");
}

#[test]
fn a_file_that_can_not_be_written_fails_its_line() {
    let reason = fails("dump model /nowhere/at/all");
    assert!(reason.contains("line 3") && reason.contains("/nowhere/at/all can't be written"));
}

#[test]
fn a_build_without_a_window_says_that_it_draws_nothing() {
    assert!(fails("screenshot a.png").contains("no window to draw"));
}

#[test]
fn a_saved_connection_is_named_and_read_only_is_said_beside_it() {
    let mut ids = tusk::base::ids::Ids::seeded(99);
    let saved = keeping::SavedConnection {
        id: tusk::base::ids::ConnectionId::next(&mut ids),
        config: Config { name: "production".into(), user: "ann".into(), ..Config::default() },
        last_used_us: None,
    };
    let story = format!(
        "connect --read-only production\nwait idle\ntype {PASSWORD}\npress enter\nwait connected\ndump model -"
    );
    let played = play_with(&story, vec![saved], None);
    assert_eq!(played.result, Ok(()));
    assert_eq!(played.out.matches("\"read_only\": true").count(), 1);
}

#[test]
fn no_password_of_a_session_is_in_its_recording_or_its_dumps() {
    let directory = tempfile::tempdir().unwrap();
    let (file, model) = (directory.path().join("run.tusk"), directory.path().join("model"));
    let story = format!(
        "connect postgres://ann:wrong-password@h/d\nwait idle\nexpect error 28P01\ntype {PASSWORD}\npress enter\n\
         wait connected\n\
         text <<END\nalter role ann password '{NEW_PASSWORD}';\nEND\ntype \\n-- {{password={NEW_PASSWORD}}}\n\
         press ctrl-home\ncommand query.run\nwait idle\n\
         text alter role boom password '{NEW_PASSWORD}'\ncommand query.run\nwait idle\nexpect error 42P01\n\
         command results.messages\ncommand tab.new\n\
         type alter role ann password '{NEW_PASSWORD}'\ncommand history.open\nwait idle\n\
         type password={NEW_PASSWORD}\npress escape\n\
         connect postgres://ann:{PASSWORD}@other/d\nwait connected\ndump model {}\ndump screen -\n",
        model.display()
    );
    let played = play_with(&story, vec![], Some(file.clone()));
    assert_eq!(played.result, Ok(()));
    let model = std::fs::read_to_string(model).unwrap();
    let recording = std::fs::read_to_string(&file).unwrap();
    for secret in [PASSWORD, NEW_PASSWORD, "wrong-password"] {
        assert!(!model.contains(secret), "the model holds {secret}");
        let line = recording.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "the recording holds {secret}");
    }
    assert!(recording.contains("alter role ann password '*"));
    let replayed = recording::replay(&file, None).unwrap();
    assert_eq!(replayed.model.connections.len(), 2);
    assert!(!format!("{:?}", replayed.model).contains(NEW_PASSWORD));
}

#[test]
fn a_story_that_fails_leaves_a_whole_recording() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("run.tusk");
    let played = play_with("press a\nexpect result 1 rows 1", vec![], Some(file.clone()));
    assert!(played.result.is_err());
    assert!(recording::replay(&file, None).is_ok());
}
