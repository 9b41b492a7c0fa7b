//! Stories on the whole program and a real PostgreSQL, as a user would write them.

#[path = "support/server.rs"]
mod server;

use std::{path::Path, process::Command};

use server::{PASSWORD, TestServer, USER};

/// Runs a story file with the built program; its places are filled in.
#[track_caller]
fn run(name: &str, database: &str, data: &Path) {
    let server = TestServer::shared();
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/stories")
        .join(format!("{name}.story"));
    let url = server.url_unix(database);
    let story = std::fs::read_to_string(source)
        .unwrap()
        .replace("@URL@", &url)
        .replace(
            "@URL_WRONG_PASSWORD@",
            &server.url_tcp(database, USER, "wrong"),
        )
        .replace("@PASSWORD@", PASSWORD)
        .replace("@DATABASE@", database)
        .replace("@OUT@", &data.display().to_string());
    let file = data.join(format!("{name}.story"));
    std::fs::write(&file, story).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tusk"))
        .arg("story")
        .arg(&file)
        .arg("--data-dir")
        .arg(data.join("data"))
        .output()
        .unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{name}: {said}");
}

fn fresh(name: &str) -> (String, tempfile::TempDir) {
    let data = tempfile::tempdir().unwrap();
    let database = TestServer::shared().fresh_database();
    run(name, &database, data.path());
    (database, data)
}

#[test]
fn connecting() {
    fresh("connecting");
}

#[test]
fn writing_and_running() {
    fresh("running");
}

#[test]
fn the_grid() {
    let (_, data) = fresh("grid");
    // Rows 3 and 4, columns n and v: the second value of v is NULL, which is nothing in TSV.
    assert_eq!(
        std::fs::read_to_string(data.path().join("clipboard.txt")).unwrap(),
        "3\tv3\n4\t"
    );
}

#[test]
fn errors() {
    fresh("errors");
}

#[test]
fn the_nearest_name_and_the_details_of_an_error() {
    let (_, data) = fresh("names");
    let copied = std::fs::read_to_string(data.path().join("error.txt")).unwrap();
    for part in [
        "ERROR: relation \"supliers\" does not exist\n",
        "\nSQLSTATE: 42P01 (undefined_table)\n",
        "\nNEXT STEP: Did you mean suppliers?",
    ] {
        assert!(copied.contains(part), "{copied}");
    }
}

#[test]
fn reading_only() {
    fresh("read_only");
}

#[test]
fn another_encoding() {
    fresh("encodings");
}

#[test]
fn cancelling() {
    fresh("cancelling");
}

#[test]
fn the_main_job() {
    let (database, data) = fresh("done");
    let expected = TestServer::shared().psql_csv(&database, "select 'a' union all select null");
    assert_eq!(
        std::fs::read(data.path().join("union.csv")).unwrap(),
        expected
    );
}

#[test]
fn what_was_typed_and_run_is_there_the_next_day() {
    let (database, data) = fresh("keeping-1");
    run("keeping-2", &database, data.path());
}

#[test]
fn after_kill_9_every_text_is_as_it_was_a_tenth_of_a_second_before() {
    let data = tempfile::tempdir().unwrap();
    let (typed, file) = (data.path().join("typed"), data.path().join("first.story"));
    let story = format!(
        "wait idle\ncommand focus.editor\ntype select 'never saved, never lost'\npress backspace\n\
         command tab.new\ntype grün\nsleep 0.1\ndump screen {}\nsleep 600\n",
        typed.display()
    );
    std::fs::write(&file, story).unwrap();
    let mut first = Command::new(env!("CARGO_BIN_EXE_tusk"))
        .arg("story")
        .arg(&file)
        .arg("--data-dir")
        .arg(data.path().join("data"))
        .spawn()
        .unwrap();
    while std::fs::read_to_string(&typed)
        .unwrap_or_default()
        .is_empty()
    {
        assert!(first.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    first.kill().unwrap();
    first.wait().unwrap();
    std::fs::write(
        &file,
        "wait idle\nexpect screen contains \"grün\"\ncommand tab.previous\n\
         expect screen contains \"select 'never saved, never lost\"\nexpect screen lacks \"lost'\"\n",
    )
    .unwrap();
    let second = Command::new(env!("CARGO_BIN_EXE_tusk"))
        .arg("story")
        .arg(&file)
        .arg("--data-dir")
        .arg(data.path().join("data"))
        .output()
        .unwrap();
    assert!(
        second.status.success(),
        "{}",
        String::from_utf8_lossy(&second.stderr)
    );
}

/// A result as Tusk dumps it, beside psql's own.
#[track_caller]
fn same_as_psql(database: &str, sql: &str) {
    let expected = TestServer::shared().psql_csv(database, sql);
    assert!(!expected.is_empty(), "{sql}: psql printed nothing");
    let found = dumped(database, sql);
    assert_eq!(
        String::from_utf8_lossy(&found),
        String::from_utf8_lossy(&expected),
        "{sql}"
    );
    assert_eq!(found, expected, "{sql}");
}

/// A result as Tusk dumps it.
#[track_caller]
fn dumped(database: &str, sql: &str) -> Vec<u8> {
    let data = tempfile::tempdir().unwrap();
    let (out, file) = (data.path().join("out.csv"), data.path().join("csv.story"));
    let url = TestServer::shared().url_unix(database);
    let story = format!(
        "connect {url}\nwait connected 30\ntext <<END\n{sql}\nEND\ncommand query.run\nwait idle 60\ndump result 1 csv {}\n",
        out.display()
    );
    std::fs::write(&file, story).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tusk"))
        .arg("story")
        .arg(&file)
        .arg("--data-dir")
        .arg(data.path().join("data"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{sql}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    std::fs::read(&out).unwrap()
}

#[test]
fn every_built_in_type_is_dumped_as_psql_prints_it() {
    let server = TestServer::shared();
    let database = server.fresh_database();
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/sample.sql");
    let output = server
        .psql_command(&database)
        .args(["-Xq", "-v", "ON_ERROR_STOP=1", "-f", sample])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    same_as_psql(&database, "select * from every_type order by 1");
    same_as_psql(&database, "select * from orders order by id limit 2000");
    same_as_psql(
        &database,
        "select relname, relacl, reloptions from pg_class order by oid",
    );
    server.psql(
        &database,
        "create extension if not exists hstore; create extension if not exists citext;
         create type pair as (a int, b text); create domain positive as int check (value > 0);
         create type mood as enum ('sad', 'ok', 'very happy')",
    );
    same_as_psql(
        &database,
        "select array[1, null, 3] as a, array[['x', 'y,z'], ['\"q\"', null]] as b, row(1, 'b \"c\", d')::pair as c,
           7::positive as d, 'very happy'::mood as e, array['sad', 'ok']::mood[] as f, int4range(1, 5) as g,
           'a=>1, b=>NULL'::hstore as h, 'CiText'::citext as i, array[row(1, null)::pair] as j,
           tstzrange('2026-01-01', null) as k, e'line\\nbreak' as l, '' as m, null as n, e'\\\\.' as o",
    );
}

#[test]
fn bytes_that_are_not_utf8_never_fail_a_result() {
    let server = TestServer::shared();
    let database = server.fresh_database_with("encoding 'SQL_ASCII' locale 'C'");
    let sql = "select e'caf\\xe9' as word, 1 as one";
    // psql, too, has to be told not to insist on UTF-8.
    let expected = server
        .psql_command(&database)
        .env("PGCLIENTENCODING", "SQL_ASCII")
        .args(["-X", "--csv", "-c", sql])
        .output()
        .unwrap()
        .stdout;
    assert_eq!(expected, b"word,one\ncaf\xe9,1\n");
    assert_eq!(dumped(&database, sql), expected);
}

#[test]
fn two_hundred_cancels_never_hit_the_next_statement() {
    let database = TestServer::shared().fresh_database();
    let data = tempfile::tempdir().unwrap();
    let mut story = format!(
        "connect {}\nwait connected 30\n",
        TestServer::shared().url_unix(&database)
    );
    for _ in 0..200 {
        story += "text select generate_series(1, 100000000) as g, repeat('x', 200)\ncommand query.run\nwait rows 1 10\n\
                  command query.cancel\ntext select 1 as one\ncommand query.run\nwait idle 20\n\
                  expect result 1 cell 0 0 is \"1\"\n";
    }
    let file = data.path().join("cancels.story");
    std::fs::write(&file, story).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tusk"))
        .arg("story")
        .arg(&file)
        .arg("--data-dir")
        .arg(data.path().join("data"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
