//! Whole scripts, run by Tusk and by psql: the same statements reach the server, and the same database comes out.

mod files;

use crate::support::{generated, program, server};
use std::fmt::Write as _;

use generated::Random;
use program::play;
use server::TestServer;

/// Ends a text in a story; no script has such a line.
const END: &str = "THE-END-OF-THE-SCRIPT";

/// What a run does after an error.
#[derive(Clone, Copy, PartialEq)]
enum OnError {
    Stop,
    Continue,
}

impl OnError {
    /// As the setting has it.
    fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Continue => "continue",
        }
    }
}

/// Runs scripts with the built program, one after the other in one session; answers what it printed.
#[track_caller]
fn tusk(database: &str, scripts: &[(String, OnError)]) -> String {
    let mut story =
        format!("connect {}\nwait connected\n", TestServer::shared().url_unix(database));
    for (text, on_error) in scripts {
        let choice = on_error.name();
        write!(
            story,
            "setting run.on_error {choice}\ntext <<{END}\n{text}\n{END}\ncommand query.run-all\nwait idle 300\n"
        )
        .unwrap();
    }
    play(&story)
}

/// Runs a script with psql. It may fail: that is what some are for.
fn psql(database: &str, text: &str, on_error: OnError) -> String {
    let stop = match on_error {
        OnError::Stop => "ON_ERROR_STOP=1",
        OnError::Continue => "ON_ERROR_STOP=0",
    };
    let mut command = TestServer::shared().psql_command(database);
    command.args(["-Xq", "-v", stop, "-f", "-"]);
    // The same bytes as in the story, whose last line has a line break too.
    program::err(&program::fed(&mut command, format!("{text}\n")))
}

/// A script of what psql knows of itself, of errors, transactions and COPYs.
struct Generator {
    random: Random,
    text: String,
    /// Whether what stands on the line so far may not be left.
    copies_on_line: usize,
    statement: usize,
    in_transaction: bool,
    failed: bool,
    restricted: bool,
    escapes: bool,
}

impl Generator {
    fn script(seed: u64) -> String {
        let mut generator = Self {
            random: Random::new(seed),
            text: String::new(),
            copies_on_line: 0,
            statement: 0,
            in_transaction: false,
            failed: false,
            restricted: false,
            escapes: false,
        };
        for _ in 0..generator.random.below(14) + 3 {
            generator.part();
        }
        generator.line();
        if generator.restricted {
            generator.text.push_str("\\unrestrict Key1\n");
        }
        generator.text
    }

    /// Ends the line, and writes the data of the COPYs on it.
    fn line(&mut self) {
        self.text.push('\n');
        for _ in 0..std::mem::take(&mut self.copies_on_line) {
            for _ in 0..self.random.below(3) {
                let row = *self.random.pick(&["a;'b", "\\N", "\\\\connect x", "$$", "\\.x"]);
                self.text.push_str(row);
                self.text.push('\n');
            }
            self.text.push_str("\\.\n");
        }
    }

    fn gap(&mut self) {
        match self.random.below(6) {
            0 => self.line(),
            1 if !self.restricted => self.command(),
            2 => self.text.push_str(" /* ; ' */ "),
            _ => self.text.push(' '),
        }
    }

    fn command(&mut self) {
        let command = *self.random.pick(&[
            "\\echo a 'b;' \"c",
            "\\qecho -n",
            "\\warn x",
            "\\timing on",
            "\\pset null '\\\\N'",
            "\\x",
            "\\a \\t",
            "\\H\\f ';' \\C 't'",
        ]);
        self.text.push_str(command);
        if self.random.chance(30) && !command.contains('"') {
            self.text.push_str(" \\\\ ");
        } else {
            self.line();
        }
    }

    fn part(&mut self) {
        match self.random.below(12) {
            0 => self.whole_command(),
            1 => self.transaction(),
            2 if !self.in_transaction => self.switch(),
            3 if !self.failed => {
                self.text.push_str("copy rows (a) from stdin;");
                self.copies_on_line += 1;
            }
            4 => {
                self.text.push_str("select 1/0;");
                self.failed |= self.in_transaction;
            }
            _ => self.insert(),
        }
        if self.random.chance(70) {
            self.line();
        } else {
            self.text.push(' ');
        }
    }

    fn whole_command(&mut self) {
        if self.restricted {
            self.line();
            self.text.push_str("\\unrestrict Key1");
            self.restricted = false;
            return;
        }
        match self.random.below(5) {
            0 => {
                self.text.push_str("\\restrict Key1");
                self.restricted = true;
            }
            1 => self.text.push_str("\\set ON_ERROR_STOP off"),
            2 if !self.failed => self.text.push_str("\\encoding utf8"),
            3 if self.random.chance(20) => self.text.push_str("\\q"),
            _ => return self.command(),
        }
        self.line();
    }

    fn transaction(&mut self) {
        if self.in_transaction {
            let end = *self.random.pick(&["commit;", "rollback;"]);
            self.text.push_str(end);
            (self.in_transaction, self.failed) = (false, false);
        } else {
            self.text.push_str("begin;");
            self.in_transaction = true;
        }
    }

    /// Switches the strings; from the next line on, a backslash is another thing.
    fn switch(&mut self) {
        self.escapes = !self.escapes;
        let state = if self.escapes { "off" } else { "on" };
        let form = match self.random.below(3) {
            0 => format!("set standard_conforming_strings = {state};"),
            1 => format!("set session standard_conforming_strings to '{state}';"),
            _ => format!("select set_config('standard_conforming_strings', '{state}', false);"),
        };
        self.text.push_str(&form);
        self.line();
    }

    /// A statement that leaves its own text behind.
    fn insert(&mut self) {
        self.statement += 1;
        let number = self.statement.to_string();
        // A pooler or a proxy may read what stands in front of a statement.
        if self.random.chance(20) {
            self.text.push_str("/*hint*/ ");
        }
        let parts = ["insert into sent (sql)", "values", "(current_query() ||", &number];
        for part in parts {
            self.text.push_str(part);
            self.gap();
        }
        let strings: &[&str] = if self.escapes {
            &["'a'", r"'\'; b'", r"'\\'", "$$;'$$", r"E'\''", "'it''s;'"]
        } else {
            &["'a'", r"'\'", r"'\\'", "$$;'$$", r"E'\''", "'it''s;'"]
        };
        let string = *self.random.pick(strings);
        self.text.push_str(" || ");
        self.text.push_str(string);
        self.gap();
        self.text.push_str(");");
    }
}

/// What psql and Tusk send may differ in spaces and comments where nothing is said with them, and psql sends the
/// semicolon.
const SENT: &str = r"select coalesce(string_agg(replace(regexp_replace(regexp_replace(sql, '/\* ; '' \*/', '', 'g'), '\s+', '', 'g'), ');', ')'), E'\n' order by n), '')
    from sent";

const TABLES: &str = "create table sent (n serial, sql text); create table rows (n serial, a text)";

/// How Tusk runs scripts one after the other.
type Way = fn(&str, &[(String, OnError)]);

#[test]
fn generated_scripts_run_as_psql_runs_them() {
    let run: Way = |database, scripts| drop(tusk(database, scripts));
    are_run_as_psql_runs_them(as_many(60, 1_500), run);
}

/// The same for files that are run without being opened.
#[test]
fn generated_files_run_as_psql_runs_them() {
    are_run_as_psql_runs_them(as_many(40, 1_000), streamed);
}

fn as_many(short: usize, long: usize) -> u64 {
    generated::as_many_as(short, long) as u64
}

/// Runs scripts as files that are not opened, each in a session of its own.
#[track_caller]
fn streamed(database: &str, scripts: &[(String, OnError)]) {
    let place = tempfile::tempdir().unwrap();
    let mut story =
        format!("connect {}\nwait connected\n", TestServer::shared().url_unix(database));
    for (number, (text, on_error)) in scripts.iter().enumerate() {
        let file = place.path().join(format!("{number}.sql"));
        std::fs::write(&file, format!("{text}\n")).unwrap();
        writeln!(
            story,
            "setting run.on_error {}\nrun-file {}\nwait idle 300",
            on_error.name(),
            file.display()
        )
        .unwrap();
    }
    play(&story);
}

#[track_caller]
fn are_run_as_psql_runs_them(count: u64, run: Way) {
    let server = TestServer::shared();
    let seed = generated::seed();
    let (ours, theirs) = (server.fresh_database(), server.fresh_database());
    for database in [&ours, &theirs] {
        server.psql(database, TABLES);
    }
    let end = "rollback; reset all; select setval('sent_n_seq', $, false); select setval('rows_n_seq', $, false);";
    let mut scripts = Vec::new();
    for number in 0..count {
        let text = Generator::script(seed.wrapping_add(number));
        let on_error = if number % 3 == 0 { OnError::Stop } else { OnError::Continue };
        let start = format!("{}", (number + 1) * 1_000);
        let begin = end.replace('$', &start);
        psql(&theirs, &begin, OnError::Continue);
        psql(&theirs, &text, on_error);
        scripts.push((begin, OnError::Continue));
        scripts.push((text, on_error));
    }
    run(&ours, &scripts);
    for number in 0..count {
        let of_script = format!("where n / 1000 = {}", number + 1);
        let text = &scripts[number as usize * 2 + 1].0;
        for sql in [
            format!("{SENT} {of_script}"),
            format!(
                "select coalesce(string_agg(n || ' ' || a, E'\\n' order by n), '') from rows {of_script}"
            ),
        ] {
            let (ours, theirs) = (server.psql(&ours, &sql), server.psql(&theirs, &sql));
            assert_eq!(ours, theirs, "seed {}:\n{text}", seed.wrapping_add(number));
        }
    }
}

#[test]
fn the_rest_of_a_copy_s_line_comes_after_its_data() {
    let server = TestServer::shared();
    let database = server.fresh_database();
    server.psql(&database, TABLES);
    let text = "copy rows (a) from stdin; insert into sent (sql) select 'saw ' || count(*) from rows;\nx\ny\n\\.\n\
        insert into sent (sql) values ('last');";
    tusk(&database, &[(text.into(), OnError::Stop)]);
    let sent = server.psql(&database, "select string_agg(sql, ',' order by n) from sent");
    assert_eq!(sent, "saw 2,last");
}

#[test]
fn a_file_says_its_session_s_encoding_and_where_it_ends() {
    let server = TestServer::shared();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("said.sql");
    let text = "\\encoding LATIN1\n\\echo hello\ncreate table said as select pg_client_encoding();\n\\q\n\
        create table gone ();\n";
    std::fs::write(&file, text).unwrap();
    let file = file.display();
    for way in [
        format!(
            "run-file {file}\nwait idle\ncommand results.messages\nexpect screen contains \"echo was skipped\"\n"
        ),
        format!(
            "open {file}\nwait idle\ncommand query.run-all\nwait idle\ncommand results.messages\n\
            expect screen contains \"Skipped, because they only change what psql prints\"\n"
        ),
    ] {
        let database = server.fresh_database();
        let url = server.url_unix(&database);
        play(&format!("connect {url}\nwait connected\n{way}"));
        let said = server.psql(&database, "select *, to_regclass('gone') is null from said");
        assert_eq!(said, "LATIN1|t", "{way}");
    }
}

/// What a file is refused for stands on its last line, behind much that could have run; Tusk runs nothing, whether it is
/// opened or run by its name.
#[test]
fn a_script_that_connects_elsewhere_leaves_nothing_behind() {
    let server = TestServer::shared();
    let place = tempfile::tempdir().unwrap();
    let database = server.fresh_database();
    let statements = "insert into t values (1);\n".repeat(5_000);
    // A string ends on another line where a backslash escapes; what would be a command stands in a string then.
    let strings = "set standard_conforming_strings = off;\nselect '\\'\n\\connect x\n';\n\
        set standard_conforming_strings = on;\n";
    let data = "copy t from stdin;\n1\n\\connect x\n\\.\n";
    for (number, (before, last, says)) in [
        (statements.as_str(), "\\connect other", "connect connects elsewhere"),
        (strings, "select 1 \\connect other\n;", "connect connects elsewhere"),
        (data, "\\i other.sql\n", "i runs another file"),
        ("", "\\restrict a\n\\q\n", "where psql takes no command"),
    ]
    .into_iter()
    .enumerate()
    {
        let text = format!("create table t (a int);\n{before}{last}");
        let line = text.trim_end().lines().count() - usize::from(last.ends_with(';'));
        let file = place.path().join(format!("{number}.sql"));
        let job = place.path().join("job.json");
        std::fs::write(&file, &text).unwrap();
        let (file, url) = (file.display(), server.url_unix(&database));
        play(&format!(
            "connect {url}\nwait connected\nopen {file}\nwait idle\ncommand query.run-all\nwait idle 60\n\
             expect screen contains \"{says} (line {line})\"\ncommand error.go-to\n\
             expect screen contains \"Ln {line}\"\n",
        ));
        assert_eq!(server.psql(&database, "select to_regclass('t')"), "");
        play(&format!(
            "connect {url}\nwait connected\nrun-file {file}\nwait idle 60\ndump job {}\n\
             expect screen contains \"{says} (line {line}). Nothing was run\"\n",
            job.display()
        ));
        assert_eq!(server.psql(&database, "select to_regclass('t')"), "");
        let job = std::fs::read_to_string(job).unwrap();
        let job: serde_json::Value = serde_json::from_str(&job).unwrap();
        assert_eq!((&job["state"], &job["statements"]), (&"refused".into(), &0.into()));
        assert_eq!(job["errors"][0]["line"], line, "{job}");
    }
}

#[test]
fn a_file_is_cancelled_while_it_is_read() {
    let server = TestServer::shared();
    let (place, database) = (tempfile::tempdir().unwrap(), server.fresh_database());
    let (file, job) = (place.path().join("a.sql"), place.path().join("job.json"));
    // It takes long to read, and the key comes at once.
    let text =
        "create table t ();\n".to_owned() + &"insert into t default values;\n".repeat(1_000_000);
    std::fs::write(&file, &text).unwrap();
    play(&format!(
        "connect {}\nwait connected\nrun-file {}\nexpect screen contains \"Reading a.sql\"\n\
         command query.cancel\nwait idle 60\nexpect screen contains \"Cancelled. Nothing was run.\"\ndump job {}\n",
        server.url_unix(&database),
        file.display(),
        job.display()
    ));
    assert_eq!(server.psql(&database, "select to_regclass('t')"), "");
    let job: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(job).unwrap()).unwrap();
    assert_eq!(job["state"], "cancelled");
    let read = job["bytes"].as_u64().unwrap();
    assert!(read < text.len() as u64, "it was read to its end");
}

/// Between its two readings, or while it runs: what was not looked at is not run. Here its own first statement does it,
/// with a text as long as before or shorter.
#[test]
fn a_file_that_changes_while_it_runs_is_stopped_there() {
    use std::os::unix::fs::PermissionsExt;
    let server = TestServer::shared();
    let place = tempfile::tempdir().unwrap();
    let open_to_all = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    open_to_all(place.path(), 0o755);
    for is_as_long in [true, false] {
        let database = server.fresh_database();
        server.psql(&database, "create table t (n int)");
        let file = place.path().join(format!("{is_as_long}.sql"));
        let job = place.path().join("job.json");
        let rest = "insert into t values (2);\n".repeat(20_000);
        // COPY ends each row with a line break.
        let length = |first: &str| first.len() + rest.len();
        let statement = |bytes: usize| {
            format!(
                "insert into t values (1);\ncopy (select repeat('-', {bytes:9})) to '{}';\n",
                file.display()
            )
        };
        let bytes = if is_as_long { length(&statement(0)) - 1 } else { 70_000 };
        let text = statement(bytes) + &rest;
        assert_eq!(text.len() == bytes + 1, is_as_long);
        std::fs::write(&file, text).unwrap();
        open_to_all(&file, 0o666);
        play(&format!(
            "connect {}\nwait connected\nrun-file {}\nwait idle 60\ndump job {}\n\
             expect screen contains \"The file was changed while it was read. The rest was not run.\"\n",
            server.url_unix(&database),
            file.display(),
            job.display()
        ));
        let told = std::fs::read_to_string(&job).unwrap();
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["state"], "failed");
        let ran = server.psql(&database, "select count(*) from t where n = 2");
        let ran: u64 = ran.parse().unwrap();
        assert!(ran < 10_000, "{ran}");
        assert_eq!(told["statements"], ran + 2);
    }
}

/// Only the session knows what a function does to it: what then shows stops the file where it stands.
#[test]
fn a_command_that_shows_only_when_a_file_runs_stops_it_there() {
    let server = TestServer::shared();
    let (place, database) = (tempfile::tempdir().unwrap(), server.fresh_database());
    let file = place.path().join("a.sql");
    let text = "create function off() returns void language sql as \
        $$select set_config('standard_conforming_strings', 'off', false)$$;\n\
        select off(); select 1;\nselect '\\'';\n\\connect x\n--';\ncreate table t ();\n";
    std::fs::write(&file, text).unwrap();
    play(&format!(
        "connect {}\nwait connected\nrun-file {}\nwait idle 60\n\
         expect screen contains \"connect connects elsewhere (line 4). The script stopped before it\"\n",
        server.url_unix(&database),
        file.display()
    ));
    let said = "select to_regproc('off') is not null, to_regclass('t') is null";
    assert_eq!(server.psql(&database, said), "t|t");
}

/// The place of an error is that in the file, whatever was taken out in front of it.
#[test]
fn an_error_behind_a_command_inside_its_statement_has_its_place() {
    let server = TestServer::shared();
    let (place, database) = (tempfile::tempdir().unwrap(), server.fresh_database());
    let (file, job) = (place.path().join("a.sql"), place.path().join("job.json"));
    std::fs::write(&file, "select 1,\n \\echo é\n 2, \\x \\\\ é.none;\n").unwrap();
    play(&format!(
        "connect {}\nwait connected\nrun-file {}\nwait idle 60\ndump job {}\n",
        server.url_unix(&database),
        file.display(),
        job.display()
    ));
    let job: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(job).unwrap()).unwrap();
    let error = &job["errors"][0];
    assert_eq!(
        (&error["line"], &error["column"], &error["sqlstate"]),
        (&3.into(), &11.into(), &"42P01".into()),
        "{job}"
    );
}

/// The server counts rows, of which one may have several lines. Run from the editor or as a file, the place is the same.
#[test]
fn an_error_behind_lines_of_a_copy_that_go_on_has_its_place() {
    let server = TestServer::shared();
    let (place, database) = (tempfile::tempdir().unwrap(), server.fresh_database());
    server.psql(&database, "create table t (a int, b text)");
    let (file, job) = (place.path().join("a.sql"), place.path().join("job.json"));
    // The rows before it are more than a block of the file.
    let rows = "é\\\nmore\\\\\t1\n\\\n\\\n\t2\n".repeat(10_000);
    for (row, column, state) in
        [("two\\\nmore\tx2\n", 6, "22P02"), ("x2\n", 1, "22P04"), ("two\\\n\tx2\ty\n", 1, "22P04")]
    {
        let text = format!("select 1;\ncopy t (b, a) from stdin;\n{rows}{row}three\t3\n\\.\n");
        let before = text.find(if column == 6 { "x2" } else { row }).unwrap();
        let line = text[..before].matches('\n').count() + 1;
        std::fs::write(&file, &text).unwrap();
        play(&format!(
            "connect {}\nwait connected\nrun-file {file}\nwait idle 60\ndump job {}\nopen {file}\nwait idle\n\
             command query.run-all\nwait idle 60\nexpect error {state}\nexpect screen contains \"line {line}, column {column}\"\n",
            server.url_unix(&database),
            job.display(),
            file = file.display(),
        ));
        let told = std::fs::read_to_string(&job).unwrap();
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        let error = &told["errors"][0];
        assert_eq!((&error["line"], &error["column"]), (&line.into(), &column.into()), "{told}");
    }
}

#[test]
fn an_error_of_a_copy_shows_its_place() {
    let server = TestServer::shared();
    let database = server.fresh_database();
    server.psql(&database, "create table t (a int, b text)");
    let story = format!(
        "connect {}\nwait connected\ntext <<{END}\nselect 1;\ncopy t (b, a) from stdin;\none\t1\ntwo\tx2\n\\.\n{END}\n\
         command query.run-all\nwait idle\nexpect error 22P02\nexpect screen contains \"line 2, column a\"\n\
         expect screen contains \"line 4, column 5\"\ncommand error.go-to\nexpect screen contains \"Ln 4\"\n\
         setting run.on_error ask\ncommand query.run-all\nwait idle\nexpect error 22P02\n",
        server.url_unix(&database)
    );
    play(&story);
}
