//! Stories on the whole program and a real PostgreSQL, as a user would write them.

use crate::support::{program, server};
use std::path::Path;

use program::{err, play, play_in, with_story};
use server::{PASSWORD, TestServer, USER};

/// Runs a story file with the built program; its places are filled in.
#[track_caller]
fn run(name: &str, database: &str, data: &Path) {
    let server = TestServer::shared();
    let source =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories").join(format!("{name}.story"));
    let url = server.url_unix(database);
    let story = std::fs::read_to_string(source)
        .unwrap()
        .replace("@URL@", &url)
        .replace("@URL_WRONG_PASSWORD@", &server.url_tcp(database, USER, "wrong"))
        .replace("@PASSWORD@", PASSWORD)
        .replace("@DATABASE@", database)
        .replace("@OUT@", &data.display().to_string());
    println!("{name}");
    play_in(data, &story);
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
fn currval_and_lastval_answer_while_their_tab_is_in_use() {
    fresh("sequences");
}

#[test]
fn typing_goes_where_the_screen_says() {
    fresh("typing");
}

#[test]
fn the_grid() {
    let (_, data) = fresh("grid");
    // Rows 3 and 4, columns n and v: the second value of v is NULL, which is nothing in TSV.
    assert_eq!(std::fs::read_to_string(data.path().join("clipboard.txt")).unwrap(), "3\tv3\n4\t");
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
    assert_eq!(std::fs::read(data.path().join("union.csv")).unwrap(), expected);
}

#[test]
fn files_keep_their_encoding_and_their_line_ends() {
    let data = tempfile::tempdir().unwrap();
    let file = |name: &str| data.path().join(name);
    std::fs::write(file("latin.sql"), b"select '\xe9'\r\n-- x\r\n").unwrap();
    std::fs::File::create(file("large.sql")).unwrap().set_len((64 << 20) + 1).unwrap();
    std::fs::write(file("wide.sql"), b"\xff\xfe1\0\n\0").unwrap();
    run("files", "postgres", data.path());
    let latin = std::fs::read(file("latin.sql")).unwrap();
    assert_eq!(latin, b"select '\xe9';\r\nselect 2;\r\n-- x\r\n");
    let wide = std::fs::read(file("wide.sql")).unwrap();
    let text: Vec<u16> = "\u{feff}1\nselect 'я';".encode_utf16().collect();
    let bytes: Vec<u8> = text.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    assert_eq!(wide, bytes);
}

/// A script as pg_dump writes it, with rows as data and as statements.
fn dump() -> String {
    use std::fmt::Write;
    let mut dump = String::from(
        "--\n-- PostgreSQL database dump\n--\n\n\\restrict aB3\n\nSET client_encoding = 'UTF8';\n\
         SET standard_conforming_strings = on;\nSELECT pg_catalog.set_config('search_path', '', false);\n\
         CREATE TABLE public.t (a integer, b text);\n\
         CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;\n\
         COPY public.t (a, b) FROM stdin;\n",
    );
    for row in 0..20_000 {
        writeln!(dump, "{row}\tzeile é \\\\. {row}").unwrap();
    }
    dump.push_str("\\.\n\n\n");
    for row in 0..500 {
        writeln!(dump, "INSERT INTO public.t VALUES ({row}, 'a;\nb');").unwrap();
    }
    dump.push_str("\n--\n-- done\n--\n\n\\unrestrict aB3\n\n");
    dump
}

/// The files that the story runs.
fn write_files_to_run(directory: &Path) {
    let write = |name: &str, text: &[u8]| std::fs::write(directory.join(name), text).unwrap();
    write("dump.sql", dump().as_bytes());
    write(
        "bad.sql",
        b"create table kept (a int);\nbegin;\ncreate table gone (a int);\nselect\n  n\xc3\xb6pe;\nselect 2;\n",
    );
    write("data.sql", b"\ncopy kept from stdin;\n1\n2\nx\n\\.\nselect 1;\n");
    write("meta.sql", b"select 1;\n\\echo hello\n\\! rm -rf /\nselect 2;\n");
    write(
        "latin.sql",
        b"-- -*- coding: latin-1 -*-\ncreate table l (a text);\ncopy l from stdin;\n\xe9\n\\.\ninsert into l values ('\xe9');\n",
    );
    write("sleeps.sql", b"create table slept (a int);\nselect pg_sleep(600);\n");
    write("reads.sql", b"select 1;\nselect 2;\n");
    write(
        "goes-on.sql",
        b"\\set ON_ERROR_STOP off\nselect 1/0;\nbegin;\nselect nope;\nselect 1;\nrollback;\nselect 2;\n",
    );
    write(
        "secret.sql",
        b"create role geheim_user password 'gEh31m-wort';\ndo $$ begin raise notice 'it is gEh31m-wort'; \
          raise exception 'no gEh31m-wort'; end $$;\n",
    );
}

fn job_of(directory: &Path, name: &str) -> serde_json::Value {
    let text = std::fs::read_to_string(directory.join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_file_is_run_without_being_opened() {
    let server = TestServer::shared();
    let (database, data) = (server.fresh_database(), tempfile::tempdir().unwrap());
    write_files_to_run(data.path());
    run("run_file", &database, data.path());

    let file = |name: &str| data.path().join(name);
    let job = |name: &str| job_of(data.path(), name);
    let done = job("dump");
    assert_eq!((&done["state"], &done["failed"]), (&"done".into(), &0.into()), "{done}");
    assert_eq!(done["rows"], 20_501, "{done}");
    // psql runs the same file to the same rows.
    let other = server.fresh_database();
    let plain = dump()
        .lines()
        .filter(|line| !line.contains("restrict "))
        .fold(String::new(), |text, line| text + line + "\n");
    std::fs::write(file("plain.sql"), plain).unwrap();
    let psql = server.psql_command(&other).arg("-f").arg(file("plain.sql")).output().unwrap();
    assert!(psql.status.success());
    let digest = "select md5(string_agg(t::text, ',' order by a, b)) from public.t";
    assert_eq!(server.psql(&database, digest), server.psql(&other, digest));

    each_file_ends_as_it_must(server, &database, data.path());
}

fn each_file_ends_as_it_must(server: &TestServer, database: &str, directory: &Path) {
    let job = |name: &str| job_of(directory, name);
    let bad = job("bad");
    assert_eq!(bad["state"], "failed", "{bad}");
    let error = &bad["errors"][0];
    assert_eq!((&error["line"], &error["column"]), (&5.into(), &3.into()), "{bad}");
    assert_eq!(error["sqlstate"], "42703");
    let there = "select to_regclass('kept') is not null, to_regclass('gone') is null";
    assert_eq!(server.psql(database, there).trim(), "t|t");
    let data_error = job("data");
    assert_eq!(data_error["errors"][0]["line"], 5, "{data_error}");
    assert_eq!(server.psql(database, "select count(*) from kept").trim(), "0");
    let meta = job("meta");
    assert_eq!((&meta["state"], &meta["statements"]), (&"refused".into(), &0.into()), "{meta}");
    assert_eq!(meta["errors"][0]["line"], 3, "{meta}");
    let goes_on = job("goes-on");
    assert_eq!((&goes_on["state"], &goes_on["failed"]), (&"done".into(), &3.into()), "{goes_on}");
    assert_eq!(goes_on["errors"][2]["sqlstate"], "25P02");
    let secret = job("secret");
    assert_eq!(secret["errors"][0]["line"], 2, "{secret}");
    let screen = std::fs::read_to_string(directory.join("secret.txt")).unwrap();
    assert!(!format!("{secret}{screen}").contains("gEh31m"), "{secret}{screen}");
    server.psql(database, "drop role geheim_user");
    assert_eq!(job("latin")["state"], "done", "{}", job("latin"));
    let letters = server.psql(database, "select string_agg(a, '') from l");
    assert_eq!(letters.trim(), "éé");
    assert_eq!(job("sleeps")["state"], "cancelled", "{}", job("sleeps"));
    assert_eq!(job("missing")["state"], "failed", "{}", job("missing"));
    assert_eq!(job("reads")["state"], "done", "{}", job("reads"));
    assert_eq!(job("refused")["state"], "failed", "{}", job("refused"));
}

/// What a file holds is in no recording, and no more of it is in memory than a part: a long run has more than 100 MB.
#[test]
fn a_large_file_is_streamed_and_not_recorded() {
    use std::io::Write;
    let server = TestServer::shared();
    let (database, data) = (server.fresh_database(), tempfile::tempdir().unwrap());
    let rows: u32 = match std::env::var_os("TUSK_LONG") {
        Some(_) => 2_000_000,
        None => 60_000,
    };
    let path = data.path().join("large.sql");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    write!(file, "create table big (a int, b text);\ncopy big from stdin;\n").unwrap();
    for row in 0..rows {
        writeln!(file, "{row}\tUNSEEN{:040}", row % 7).unwrap();
    }
    writeln!(file, "\\.").unwrap();
    for row in 0..rows / 20 {
        writeln!(file, "insert into big values ({row}, 'UNSEEN');").unwrap();
    }
    drop(file);
    let story = format!(
        "connect {}\nwait connected 30\nrun-file {}\nwait idle 500\ndump job -\n",
        server.url_unix(&database),
        path.display()
    );
    let output = with_story(data.path(), &story)
        .arg("--record")
        .arg(data.path().join("record"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("\"state\":\"done\""), "{said}{output:?}");
    let count = server.psql(&database, "select count(*) from big");
    assert_eq!(count.trim(), (rows + rows / 20).to_string());
    let record = std::fs::read(data.path().join("record")).unwrap();
    assert!(!record.is_empty() && record.len() < 1 << 20, "{}", record.len());
    assert!(!record.windows(6).any(|part| part == b"UNSEEN"));
}

#[test]
fn what_was_typed_and_run_is_there_the_next_day() {
    let (database, data) = fresh("keeping-1");
    run("keeping-2", &database, data.path());
}

#[test]
fn after_kill_9_every_text_is_as_it_was_a_tenth_of_a_second_before() {
    let data = tempfile::tempdir().unwrap();
    let typed = data.path().join("typed");
    let story = format!(
        "wait idle\ncommand focus.editor\ntype select 'never saved, never lost'\npress backspace\n\
         command tab.new\ntype grün\nsleep 0.1\ndump screen {}\nsleep 600\n",
        typed.display()
    );
    let mut first = with_story(data.path(), &story).spawn().unwrap();
    while std::fs::read_to_string(&typed).unwrap_or_default().is_empty() {
        assert!(first.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    first.kill().unwrap();
    first.wait().unwrap();
    play_in(
        data.path(),
        "wait idle\nexpect screen contains \"grün\"\ncommand tab.previous\n\
         expect screen contains \"select 'never saved, never lost\"\nexpect screen lacks \"lost'\"\n",
    );
}

/// A result as Tusk dumps it, beside psql's own.
#[track_caller]
fn same_as_psql(database: &str, sql: &str) {
    let expected = TestServer::shared().psql_csv(database, sql);
    assert!(!expected.is_empty(), "{sql}: psql printed nothing");
    let found = dumped(database, sql);
    assert_eq!(String::from_utf8_lossy(&found), String::from_utf8_lossy(&expected), "{sql}");
    assert_eq!(found, expected, "{sql}");
}

/// A result as Tusk dumps it.
#[track_caller]
fn dumped(database: &str, sql: &str) -> Vec<u8> {
    let data = tempfile::tempdir().unwrap();
    let out = data.path().join("out.csv");
    let url = TestServer::shared().url_unix(database);
    let story = format!(
        "connect {url}\nwait connected 30\ntext <<END\n{sql}\nEND\ncommand query.run\nwait idle 60\ndump result 1 csv {}\n",
        out.display()
    );
    play_in(data.path(), &story);
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
    assert!(output.status.success(), "{}", err(&output));
    same_as_psql(&database, "select * from every_type order by 1");
    same_as_psql(&database, "select * from orders order by id limit 2000");
    same_as_psql(&database, "select relname, relacl, reloptions from pg_class order by oid");
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
    let mut story =
        format!("connect {}\nwait connected 30\n", TestServer::shared().url_unix(&database));
    for _ in 0..200 {
        story += "text select generate_series(1, 100000000) as g, repeat('x', 200)\ncommand query.run\nwait rows 1 10\n\
                  command query.cancel\ntext select 1 as one\ncommand query.run\nwait idle 20\n\
                  expect result 1 cell 0 0 is \"1\"\n";
    }
    play(&story);
}
