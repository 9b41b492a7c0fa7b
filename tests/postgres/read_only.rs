//! Read-only connections against a real server: whatever the text is, nothing that it wrote remains.
//!
//! Each text is prepared as the Model prepares it and run by the real runner, as the superuser and as an ordinary
//! role. After each, another session takes a fingerprint of the whole cluster (rows, catalogs, sequences, large
//! objects, locks, slots, prepared transactions, settings of databases and roles), and the session itself is asked
//! what it still holds.

#![allow(clippy::result_large_err, reason = "tests do not mind a large error")]

mod calls;
mod functions;
mod oracle;
mod texts;

use crate::support::{generated, server};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use self::{
    oracle::{Oracle, Word},
    server::{MAJORS, SUPERUSER, TestConfig, TestServer},
};
use tusk::{
    base::{
        ids::{ConnectionId, Ids, QueryId, SessionId},
        secret::Secrets,
        transaction::Transaction,
    },
    conninfo::{Config, SslMode},
    effects::postgres::{Postgres, ssh::Surroundings},
    failure::{Category, Failure},
    msg::Msg,
    sql::safety::guard::{self, Passage, Refusal, known},
    update::{
        connection,
        query::{
            self,
            read_only::{self, Access, Inspection, Kept, Prepared, Seal, Setting},
            session,
        },
    },
};

/// The role that is no superuser.
const ORDINARY: &str = "ordinary";

/// A tab on a read-only connection, without a window: it decides by the Model's functions and has the real runner.
struct Tab {
    postgres: Postgres,
    inbox: flume::Receiver<Msg>,
    ids: Ids,
    session: SessionId,
    backend_pid: i32,
    kept: Kept,
    transaction: Transaction,
    notified: Vec<String>,
    lost: Option<Failure>,
    read_only: bool,
}

/// How a statement ended.
#[derive(Debug, Default, PartialEq)]
struct Ended {
    columns: Vec<(String, u32)>,
    rows: Vec<Vec<Option<String>>>,
    tag: String,
    failure: Option<Failure>,
    lost: bool,
    inspections: Vec<Inspection>,
    notices: Vec<String>,
    words: Vec<String>,
}

impl Tab {
    fn open(server: &TestServer, database: &str, user: &str, read_only: bool) -> Self {
        Self::connect(Config {
            host: server.socket_dir().display().to_string(),
            port: server.port(),
            user: user.into(),
            database: database.into(),
            read_only,
            ..Config::default()
        })
    }

    fn connect(config: Config) -> Self {
        let (outbox, inbox) = flume::unbounded();
        let mut tab = Self {
            postgres: Postgres::start_in(
                outbox,
                Surroundings::without_tls_files(&std::env::temp_dir()),
            ),
            inbox,
            ids: Ids::seeded(7),
            session: SessionId::next(&mut Ids::seeded(8)),
            backend_pid: 0,
            kept: Kept::default(),
            transaction: Transaction::Idle,
            notified: vec![],
            lost: None,
            read_only: config.read_only,
        };
        let (connection, attempt) = (ConnectionId::next(&mut tab.ids), tab.ids.request());
        tab.postgres.perform_connection(connection::Effect::Open {
            connection,
            attempt,
            config: Box::new(config),
            secrets: Secrets::with_password(None),
        });
        tab.wait(|msg| match msg {
            Msg::Connection(connection::Msg::Opened { .. }) => Some(()),
            Msg::Connection(connection::Msg::OpenFailed { failure, .. }) => {
                panic!("{failure:?}")
            }
            _ => None,
        });
        tab.postgres.perform_session(session::Effect::Open { session: tab.session, connection });
        tab.backend_pid = tab.wait(|msg| match msg {
            Msg::Session(session::Msg::Opened { backend_pid, .. }) => Some(*backend_pid),
            _ => None,
        });
        tab
    }

    #[track_caller]
    fn wait<T>(&mut self, want: impl Fn(&Msg) -> Option<T>) -> T {
        loop {
            let msg = self.inbox.recv_timeout(Duration::from_secs(60)).unwrap();
            if let Some(found) = want(&msg) {
                return found;
            }
            self.hear_session(&msg);
        }
    }

    fn hear_session(&mut self, msg: &Msg) {
        match msg {
            Msg::Session(session::Msg::Notified { payload, .. }) => {
                self.notified.push(payload.clone());
            }
            Msg::Session(session::Msg::Lost { failure, .. }) => self.lost = Some(failure.clone()),
            _ => {}
        }
    }

    /// Sends a statement; none where it is refused, which is what it then ended in.
    fn start(&mut self, sql: &str, granted_rows: u64) -> Result<(QueryId, Passage), Ended> {
        let query = QueryId::next(&mut self.ids);
        let session = self.session;
        if !self.read_only {
            let sql = sql.into();
            self.postgres.perform_query(query::Effect::Run {
                query,
                session,
                sql,
                copy_data: None,
                granted_rows,
                follows: None,
            });
            return Ok((query, Passage::Query { sets: false }));
        }
        let prepared = read_only::prepare(&self.kept, self.transaction, &Arc::from(sql));
        let Prepared { sql, seal, passage } = match prepared {
            Ok(prepared) => prepared,
            Err(failure) => {
                return Err(Ended { failure: Some(*failure), ..Ended::default() });
            }
        };
        self.postgres.perform_query(query::Effect::RunReadOnly {
            query,
            session,
            sql,
            seal,
            granted_rows,
        });
        Ok((query, passage))
    }

    #[track_caller]
    fn finish(&mut self, query: QueryId, passage: &Passage) -> Ended {
        let mut ended = Ended::default();
        loop {
            let msg = self.inbox.recv_timeout(Duration::from_secs(60)).unwrap();
            self.hear_session(&msg);
            let after = match msg {
                Msg::Session(session::Msg::Noticed { notice, .. }) => {
                    ended.notices.push(notice.message);
                    continue;
                }
                Msg::Query(query::Msg::Described { columns, .. }) => {
                    ended.columns = columns
                        .iter()
                        .map(|column| (column.name.clone(), column.type_oid))
                        .collect();
                    continue;
                }
                Msg::Query(query::Msg::RowsArrived { chunk, .. }) => {
                    for row in 0..chunk.rows() {
                        let text = |at| {
                            let bytes = chunk.cell(row, at).bytes()?;
                            Some(String::from_utf8_lossy(bytes).into_owned())
                        };
                        ended.rows.push((0..chunk.columns()).map(text).collect());
                    }
                    continue;
                }
                Msg::Query(query::Msg::Inspected { inspection, .. }) => {
                    ended.words.extend(self.kept.inspected(&inspection));
                    ended.inspections.push(inspection);
                    continue;
                }
                Msg::Query(query::Msg::Finished { query: of, tag, transaction, .. }) => {
                    assert_eq!(of, query);
                    ended.tag = tag;
                    transaction
                }
                Msg::Query(query::Msg::Failed { query: of, failure, transaction, .. }) => {
                    assert_eq!(of, query);
                    ended.failure = Some(*failure);
                    transaction
                }
                Msg::Query(query::Msg::Lost { failure, .. }) => {
                    (ended.failure, ended.lost) = (Some(*failure), true);
                    Transaction::Idle
                }
                _ => continue,
            };
            let word = self.kept.ended(passage, self.transaction, after);
            ended.words.extend(word.map(str::to_owned));
            self.transaction = after;
            return ended;
        }
    }

    #[track_caller]
    fn run(&mut self, sql: &str) -> Ended {
        match self.start(sql, u64::MAX) {
            Ok((query, passage)) => self.finish(query, &passage),
            Err(ended) => ended,
        }
    }

    /// Statements one after the other; then the transaction, if one is left, is ended.
    fn run_all(&mut self, statements: &[&str]) -> Vec<Ended> {
        let mut ended: Vec<Ended> = statements.iter().map(|sql| self.run(sql)).collect();
        if self.transaction != Transaction::Idle {
            ended.push(self.run("commit"));
        }
        ended
    }

    /// The one value of a query.
    #[track_caller]
    fn value(&mut self, sql: &str) -> String {
        let ended = self.run(sql);
        assert_eq!(ended.failure, None, "{sql}");
        ended.rows[0][0].clone().unwrap_or_default()
    }
}

impl Ended {
    fn sqlstate(&self) -> &str {
        self.failure.as_ref().and_then(|failure| failure.sqlstate.as_deref()).unwrap_or_default()
    }

    fn accesses(&self) -> Vec<Access> {
        self.inspections.iter().map(|seen| seen.access).collect()
    }
}

fn cluster() -> &'static TestServer {
    static CLUSTER: OnceLock<TestServer> = OnceLock::new();
    CLUSTER.get_or_init(start)
}

fn start() -> TestServer {
    start_with(TestConfig::default())
}

fn start_with(config: TestConfig) -> TestServer {
    let config = config
        .setting("max_prepared_transactions", "5")
        .setting("wal_level", "logical")
        .setting("autovacuum", "off");
    let server = TestServer::start(config);
    server.psql("postgres", &format!("create role {ORDINARY} login; create role other"));
    server
}

/// A database with something of everything that a text could change, and functions that hide what they do.
fn database() -> String {
    database_in(cluster())
}

fn database_in(server: &TestServer) -> String {
    let name = server.fresh_database();
    server.psql(&name, texts::SCHEMA);
    name
}

/// Another session, on a connection that may write.
fn witness(server: &TestServer, database: &str) -> Tab {
    let mut witness = Tab::open(server, database, SUPERUSER, false);
    // To compile the fingerprint's many parts takes longer than to run them.
    witness.run("set jit = off");
    witness
}

/// What another session sees of the whole cluster.
#[track_caller]
fn fingerprint(witness: &mut Tab, ours: &[i32]) -> String {
    let pids: Vec<String> = ours.iter().map(i32::to_string).collect();
    let seen = witness.run(&texts::FINGERPRINT.replace("@OURS@", &pids.join(", ")));
    assert_eq!(seen.failure, None);
    let facts = seen.rows.into_iter().flatten().flatten();
    facts.map(|fact| fact + "\n").collect()
}

/// What the session itself still holds, besides the settings that its tab keeps.
#[track_caller]
fn held(tab: &mut Tab) -> String {
    let ended = tab.run(texts::HELD);
    assert_eq!(ended.failure, None);
    assert_eq!(ended.accesses(), [Access::ReadOnly]);
    format!("{:?}", ended.rows)
}

fn sealed_texts_leave_nothing(user: &str) {
    let (server, database) = (cluster(), database());
    let mut witness = witness(server, &database);
    witness.run("listen spied");
    let mut tab = Tab::open(server, &database, user, true);
    let ours = [tab.backend_pid];
    let before = fingerprint(&mut witness, &ours);
    let nothing = held(&mut tab);
    assert!(nothing.contains("\"0\""), "{nothing}");
    let mut ran = 0;
    for text in texts::texts() {
        let statements: Vec<&str> = text.split(texts::NEXT).collect();
        let ended = tab.run_all(&statements);
        ran += 1;
        assert!(!ended.iter().any(|one| one.lost), "{text}: {ended:?}");
        assert_eq!(tab.transaction, Transaction::Idle, "{text}");
        let after = fingerprint(&mut witness, &ours);
        assert!(before == after, "{user}: {text}\n{ended:#?}\n{}", difference(&before, &after));
        tab.run("reset all");
        assert_eq!(held(&mut tab), nothing, "{user}: {text}");
    }
    assert!(ran >= 150, "{ran}");
    assert_eq!(tab.backend_pid, ours[0]);
    assert!(tab.lost.is_none());
    server.psql(&database, "notify spied, 'heard'");
    witness.wait(|msg| match msg {
        Msg::Session(session::Msg::Notified { payload, .. }) => {
            assert_eq!(payload, "heard", "a notification got out");
            Some(())
        }
        _ => None,
    });
    assert_eq!(witness.notified, Vec::<String>::new());
}

fn difference(before: &str, after: &str) -> String {
    let (before, after): (Vec<&str>, Vec<&str>) =
        (before.lines().collect(), after.lines().collect());
    let gone = before.iter().filter(|line| !after.contains(line)).map(|line| format!("- {line}\n"));
    let come = after.iter().filter(|line| !before.contains(line)).map(|line| format!("+ {line}\n"));
    gone.chain(come).collect()
}

#[test]
fn nothing_of_any_text_remains_for_the_superuser() {
    sealed_texts_leave_nothing(SUPERUSER);
}

#[test]
fn nothing_of_any_text_remains_for_an_ordinary_role() {
    sealed_texts_leave_nothing(ORDINARY);
}

#[test]
fn the_fingerprint_sees_what_the_texts_would_change() {
    // In a cluster of its own, because some of it shows in every database.
    let server = &start();
    let database = database_in(server);
    let mut witness = witness(server, &database);
    let mut before = fingerprint(&mut witness, &[]);
    for sql in texts::CHANGES {
        server.psql(&database, sql);
        let after = fingerprint(&mut witness, &[]);
        assert_ne!(before, after, "{sql}");
        before = after;
    }
}

#[test]
fn on_a_connection_that_may_write_the_same_texts_do_change_something() {
    // Proof that the texts are worth something: they are tried where only the default is read-only.
    let (server, database) = (cluster(), database());
    let mut witness = witness(server, &database);
    let mut changed = 0;
    for text in [
        "select f_reset()",
        "select f_default()",
        "rollback; insert into t values (77, 'x')",
        "reset transaction_read_only; insert into t values (78, 'x')",
    ] {
        let before = fingerprint(&mut witness, &[]);
        server.psql(&database, &format!("begin read only; select 1; {text}; commit"));
        changed += u32::from(fingerprint(&mut witness, &[]) != before);
    }
    assert_eq!(changed, 4);
}

#[test]
fn random_texts_leave_nothing() {
    let (server, database) = (cluster(), database());
    let mut witness = witness(server, &database);
    let mut tab = Tab::open(server, &database, SUPERUSER, true);
    let ours = [tab.backend_pid];
    let before = fingerprint(&mut witness, &ours);
    let nothing = held(&mut tab);
    let mut random = texts::Random(0x7075_736b);
    for round in 0..30 {
        let mut batch = vec![];
        for _ in 0..20 {
            let text = texts::composed(&mut random);
            let ended = tab.run(&text);
            assert!(!ended.lost, "{text:?}: {ended:?}");
            assert!(!ended.accesses().contains(&Access::Over), "{text:?}: {ended:?}");
            batch.push(text);
        }
        if tab.transaction != Transaction::Idle {
            tab.run("commit");
        }
        let after = fingerprint(&mut witness, &ours);
        assert!(before == after, "round {round}: {batch:#?}\n{}", difference(&before, &after));
        tab.run("reset all");
        assert_eq!(held(&mut tab), nothing, "round {round}: {batch:#?}");
    }
}

#[test]
fn a_function_whose_effect_stays_is_refused_in_every_form_of_a_call() {
    let (server, database) = (cluster(), database());
    let mut oracle = Oracle::connect(server, &database);
    let mut witness = witness(server, &database);
    let mut tab = Tab::open(server, &database, SUPERUSER, true);
    let ours = [tab.backend_pid];
    let before = fingerprint(&mut witness, &ours);
    let resets = "select pg_catalog.concat(stats_reset) from pg_stat_database where datname = current_database()";
    let reset_before = server.psql(&database, resets);
    let mut random = generated::Random::new(generated::seed());
    let count = generated::as_many_as(2_000, 60_000);
    let mut valid = 0;
    for _ in 0..count {
        let calls::Call { function, text } = calls::call(&mut random);
        let ended = tab.run(&text);
        let message = ended.failure.map(|failure| failure.message);
        assert!(
            message.as_ref().is_some_and(
                |message| message.contains(function) && message.ends_with("It was not sent.")
            ),
            "{text}: {message:?}"
        );
        valid += usize::from(oracle.word(&text) == Word::Other);
    }
    println!("{count} calls were refused; {valid} of them are statements to the server");
    assert!(valid * 10 > count * 9, "only {valid} of {count} are statements");
    assert_eq!(difference(&before, &fingerprint(&mut witness, &ours)), "");
    assert_eq!(server.psql(&database, resets), reset_before);
}

#[test]
fn a_function_in_c_that_nothing_is_known_of_is_not_run() {
    let majors: &[u32] = if generated::is_long() { &MAJORS } else { &[12, 18] };
    for major in majors {
        unknown_functions_are_not_run(&start_with(TestConfig::of_major(*major)));
    }
}

fn unknown_functions_are_not_run(server: &TestServer) {
    let database = server.fresh_database();
    server.psql(
        &database,
        "create table t (a int); insert into t values (1); grant select on t to public",
    );
    server.psql(
        &database,
        "create function mystery(int) returns int language internal as 'int4inc'; \
         create function \"it's \\ a \"\"mystery\"\"\"(int, int) returns int language internal as 'int4pl'; \
         create function public.random() returns float8 language internal as 'drandom'; \
         create aggregate mysteries(int) (sfunc = \"it's \\ a \"\"mystery\"\"\", stype = int); \
         create function plain(int) returns int language sql as 'select $1'; \
         create aggregate sums(int) (sfunc = int4pl, stype = int); \
         create extension pg_trgm; grant all on all functions in schema public to public",
    );
    for user in [SUPERUSER, ORDINARY] {
        let mut tab = Tab::open(server, &database, user, true);
        for (sql, name) in [
            ("select mystery(1)", "mystery"),
            ("select x.MYSTERY from unnest(array[1]) x", "mystery"),
            ("explain analyze select a from t where mystery(a) > 1", "mystery"),
            ("copy (select \"mystery\"(1)) to stdout", "mystery"),
            ("do $$ begin perform mystery(1); end $$", "mystery"),
            ("do $$ begin execute 'select myst'\n'ery(1)'; end $$", "mystery"),
            ("select query_to_xml('select U&\"myst\\0065ry\"(1)', true, true, '')", "mystery"),
            ("select \"it's \\ a \"\"mystery\"\"\"(1, 2)", "it's \\ a \"mystery\""),
            ("select mysteries(a) from t", "mysteries"),
            ("select public.random()", "random"),
        ] {
            for inside in [false, true] {
                if inside {
                    tab.run("begin");
                }
                let failure = tab.run(sql).failure.unwrap_or_else(|| panic!("{sql} ran"));
                assert!(
                    failure.is("25006") && failure.message.contains(name),
                    "{user}: {sql}: {failure:?}"
                );
                if inside {
                    tab.run("rollback");
                }
            }
        }
        for sql in [
            "select plain(1), sums(a), array_agg(a) from t",
            "select similarity('a', 'b'), lower('A'), now(), version(), pg_sleep(0)",
            "select count(*) from pg_stat_activity",
            "do $$ begin perform plain(1); end $$",
        ] {
            assert_eq!(tab.run(sql).failure, None, "{user}: {sql}");
        }
    }
}

#[test]
fn a_text_has_one_reading_whatever_encoding_a_transaction_has_set() {
    // In SJIS the last byte of a letter and a backslash behind it may be one character, and a string would end early.
    let (server, database) = (cluster(), database());
    let mut tab = Tab::open(server, &database, SUPERUSER, true);
    for set in ["set client_encoding = 'SJIS'", "set names 'GB18030'"] {
        tab.run("begin");
        assert_eq!(tab.run(set).failure, None);
        assert_eq!(tab.value("select 'é'"), "é");
        tab.run("rollback");
    }
}

#[test]
fn a_column_that_has_the_name_of_such_a_function_is_reached_as_the_message_says() {
    let (server, database) = (cluster(), database());
    let mut tab = Tab::open(server, &database, ORDINARY, true);
    let mut random = generated::Random::new(generated::seed());
    let names = [
        "setval",
        "nextval",
        "http",
        "http_get",
        "lo_export",
        "pg_stat_reset",
        "dblink",
        "pg_promote",
    ];
    for name in names {
        server.psql(
            &database,
            &format!("create table u_{name} (a int, \"{name}\" text, c int); grant all on u_{name} to public; \
                 insert into u_{name} select g, 'v' || g, g % 3 from generate_series(1, 9) g"),
        );
    }
    for _ in 0..500 {
        let name = *random.pick(&names);
        let table = format!("u_{name}");
        let column = *random.pick(&["@", "t.@", "\"@\"", "t.\"@\"", "u_@.@"]);
        let alias = if column.starts_with("u_") { "" } else { " as t" };
        let query = *random.pick(&[
            "select # from %",
            "select a, # from % where # is not null order by #",
            "select c, max(#) from % group by c order by c",
            "select count(distinct #) from %",
            "select upper(#) from % where a > 3 order by 1",
        ]);
        let query = query.replace('#', &column.replace('@', name));
        let refused = tab.run(&query.replace('%', &format!("{table}{alias}"))).failure.unwrap();
        let advice = refused.next_step.unwrap();
        assert!(advice.contains("from t as t(a, b)"), "{advice}");
        // Of the column's own name nothing is left, once the columns have others.
        let bare = query.replace(&column.replace('@', name), "b");
        let works = tab.run(&bare.replace('%', &format!("{table} as t(a, b)")));
        assert_eq!(works.failure, None, "{bare}");
        assert!(!works.rows.is_empty());
    }
}

#[test]
fn of_the_queries_in_postgresql_s_own_tests_only_those_that_name_such_a_function_are_refused() {
    let directory = server::regression_suite();
    let files =
        std::fs::read_dir(&directory).expect("scripts/test fetches PostgreSQL's regression suite");
    let (mut queries, mut refused) = (0, 0);
    for file in files {
        let path = file.unwrap().path();
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        let splits = tusk::sql::statement::split::Splits::new(&text);
        for piece in splits.pieces() {
            let sql = &text[piece.range()];
            let is_query =
                sql.trim_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"));
            if !is_query {
                continue;
            }
            queries += 1;
            if let Passage::Refused(reason) = guard::passage(sql) {
                refused += 1;
                let Refusal::Function(name) = reason else {
                    panic!("{}: {sql}: {reason:?}", path.display());
                };
                assert!(sql.to_ascii_lowercase().contains(&name), "{sql}: {name}");
            }
        }
    }
    println!("{queries} queries, {refused} refused by the function that they name");
    assert!(queries > 10_000 && refused * 20 < queries, "{queries} {refused}");
}

#[test]
fn what_the_server_takes_for_the_end_of_a_transaction_is_never_sent_unconfirmed() {
    let (server, database) = (cluster(), database());
    let mut oracle = Oracle::connect(server, &database);
    let mut random = texts::Random(42);
    let mut exits = 0;
    for _ in 0..6_000 {
        let text = texts::beginning(&mut random);
        let unconfirmed = matches!(
            guard::passage(&text),
            Passage::Utility { .. } | Passage::ResetAll | Passage::InTransaction { .. }
        );
        if oracle.word(&text) != Word::Exit {
            continue;
        }
        exits += 1;
        assert!(!unconfirmed, "{text:?} ends a transaction and would be sent");
        // The confirmation refuses it, too.
        assert_eq!(oracle.word(&format!("prepare tusk as\n{text}")), Word::Refused, "{text:?}");
    }
    assert!(exits > 300, "{exits} texts of the 6,000 end a transaction");
}

#[test]
fn each_volatile_function_of_the_server_is_refused_or_known_to_be_harmless() {
    for major in MAJORS {
        volatile_functions_are_refused_or_harmless(&start_with(TestConfig::of_major(major)));
    }
    for name in [known::READING, known::OF_THE_SESSION, known::UNDONE].concat() {
        let passage = guard::passage(&format!("select {name}()"));
        assert!(matches!(passage, Passage::Query { .. }), "{name}: {passage:?}");
    }
}

fn volatile_functions_are_refused_or_harmless(server: &TestServer) {
    let database = server.fresh_database();
    for extension in functions::EXTENSIONS {
        let there = format!(
            "select count(*) from pg_available_extensions where name = '{extension}' and installed_version is null"
        );
        if server.psql(&database, &there) == "1" {
            server.psql(&database, &format!("create extension \"{extension}\""));
        }
    }
    let names = server.psql(&database, functions::VOLATILE);
    let names: Vec<&str> = names.lines().filter(|name| !functions::is_for_upgrades(name)).collect();
    assert!(names.len() > 200, "{names:?}");
    let unknown: Vec<&str> = names
        .into_iter()
        .filter(|name| {
            let refused = Passage::Refused(Refusal::Function((*name).to_owned()));
            guard::passage(&format!("select pg_catalog.{name}()")) != refused && !is_harmless(name)
        })
        .collect();
    assert!(unknown.is_empty(), "does a rollback undo what these do? {unknown:?}");
}

/// Whether the function was thought about. One that runs a text is harmless where the text is looked into.
fn is_harmless(name: &str) -> bool {
    let looked_into = || {
        let text = format!("select {name}('select nextval(''s'')')");
        guard::passage(&text) == Passage::Refused(Refusal::Function("nextval".into()))
    };
    let runs_a_text = known::RUNNING_A_TEXT.contains(&name);
    known::is_harmless(name) && (!runs_a_text || looked_into())
}

#[test]
fn results_are_byte_for_byte_those_of_a_connection_that_may_write() {
    let (server, database) = (cluster(), database());
    let mut sealed = Tab::open(server, &database, SUPERUSER, true);
    let mut plain = Tab::open(server, &database, SUPERUSER, false);
    for text in texts::READING {
        let (ours, theirs) = (sealed.run(text), plain.run(text));
        assert_eq!(ours.columns, theirs.columns, "{text}");
        assert_eq!(ours.rows, theirs.rows, "{text}");
        assert_eq!(ours.tag, theirs.tag, "{text}");
        // Tusk itself says what nobody has a value for, so that no place in PostgreSQL's source does.
        let shown = |failure: Option<Failure>| match failure {
            Some(failure) if failure.is("42P02") => Some(Failure { source: None, ..failure }),
            other => other,
        };
        assert_eq!(shown(ours.failure), shown(theirs.failure), "{text}");
        assert_eq!(ours.notices, theirs.notices, "{text}");
    }
}

#[test]
fn a_statement_that_gets_out_of_read_only_is_told_loudly_and_rolled_back() {
    let (server, database) = (cluster(), database());
    let mut tab = Tab::open(server, &database, ORDINARY, true);
    for text in [
        "reset transaction_read_only",
        "select f_reset()",
        "select f_default()",
        "set transaction_read_only = default",
    ] {
        let ended = tab.run(text);
        assert_eq!(ended.failure, None, "{text}");
        assert_eq!(ended.accesses(), [Access::ReadWrite], "{text}");
        assert!(
            ended.words.iter().any(|word| word
                .contains("switched its transaction to read-write. Everything was rolled back")),
            "{:?}",
            ended.words
        );
    }
    // In a transaction of the user's the next statement is read-only again.
    tab.run("begin");
    assert_eq!(tab.run("reset transaction_read_only").accesses(), [Access::ReadWrite]);
    assert_eq!(tab.run("insert into t values (5, 'x')").sqlstate(), "25006");
    assert_eq!(tab.run("commit").tag, "ROLLBACK");
}

#[test]
fn what_a_function_hides_and_no_rollback_undoes_is_at_least_told() {
    // One limit that is documented: a function that first gets out, and then calls nextval.
    let (server, database) = (cluster(), database());
    let mut tab = Tab::open(server, &database, SUPERUSER, true);
    let before = server.psql(&database, "select last_value, is_called from s");
    let ended = tab.run("select f_hidden_nextval()");
    assert_eq!(ended.accesses(), [Access::ReadWrite]);
    assert_ne!(server.psql(&database, "select last_value, is_called from s"), before);
    // What is written in place is the other: the size and number of rows that the planner knows of a table.
    let figures = "select relpages, reltuples from pg_class where relname = 'figures'";
    server.psql(&database, "create table figures as select 1 as a");
    let before = server.psql(&database, figures);
    for text in
        ["select f_execute('analyze figures')", "select f_execute('create index on figures (a)')"]
    {
        let ended = tab.run(text);
        assert_eq!(ended.accesses(), [Access::ReadWrite], "{text}");
        assert_ne!(server.psql(&database, figures), before, "{text}");
        server.psql(&database, "drop table figures; create table figures as select 1 as a");
    }
    // Without getting out, the server itself refuses; in plain sight, Tusk does.
    assert_eq!(tab.run("select f_nextval()").sqlstate(), "25006");
    let refused = tab.run("select nextval('s')").failure.unwrap();
    assert!(refused.next_step.unwrap().ends_with(read_only::TO_WRITE));
}

#[test]
fn harmless_settings_hold_from_one_statement_to_the_next_and_others_do_not() {
    let (server, database) = (cluster(), database());
    let mut tab = Tab::open(server, &database, SUPERUSER, true);
    for (sql, name, value) in [
        ("set search_path to app, public", "search_path", "app, public"),
        ("set time zone 'Europe/Berlin'", "TimeZone", "Europe/Berlin"),
        ("set time zone interval '-08:00' hour to minute", "TimeZone", "<-08>+08"),
        ("set datestyle = 'German'", "DateStyle", "German, DMY"),
        ("select set_config('work_mem', '64MB', false)", "work_mem", "64MB"),
        ("set statement_timeout = '5min'", "statement_timeout", "5min"),
        ("set app.tenant = 'it''s \\ 7'", "app.tenant", "it's \\ 7"),
        ("set bytea_output = escape", "bytea_output", "escape"),
    ] {
        let ended = tab.run(sql);
        assert_eq!(ended.failure, None, "{sql}");
        assert!(ended.words.iter().any(|word| word.contains(name)), "{sql}: {:?}", ended.words);
        assert_eq!(tab.value(&format!("show {name}")), value, "{sql}");
    }
    assert_eq!(tab.value("select v from here"), "in app", "the search path counts");
}

#[test]
fn settings_end_where_they_should() {
    let (server, database) = (cluster(), database());
    let mut tab = Tab::open(server, &database, SUPERUSER, true);
    tab.run("set search_path to app, public");
    tab.run("set work_mem = '64MB'");
    tab.run("reset work_mem");
    assert_eq!(tab.value("show work_mem"), "4MB");
    assert_eq!(tab.value("show search_path"), "app, public");
    for sql in [
        "set local work_mem = '1GB'",
        "select set_config('work_mem', '1GB', true)",
        "select f_set_config()",
    ] {
        assert_eq!(tab.run(sql).failure, None, "{sql}");
        assert_eq!(tab.value("show work_mem"), "4MB", "{sql}");
    }
    for (sql, name) in [
        ("set role ordinary", "role"),
        ("set session_replication_role = replica", "session_replication_role"),
        ("set default_transaction_read_only = off", "default_transaction_read_only"),
        ("set session characteristics as transaction read write", "default_transaction_read_only"),
        ("set session authorization ordinary", "session_authorization"),
    ] {
        let before = tab.value(&format!("show {name}"));
        let ended = tab.run(sql);
        assert_eq!(ended.failure, None, "{sql}");
        assert_eq!(tab.value(&format!("show {name}")), before, "{sql}");
        assert!(
            ended.words.iter().any(|word| word.contains(&format!("does not keep {name}"))),
            "{sql}: {:?}",
            ended.words
        );
    }
    tab.run("reset all");
    assert_eq!(tab.value("show search_path"), "\"$user\", public");
    assert_eq!(tab.kept, Kept::default());
}

#[test]
fn a_setting_that_can_t_be_applied_any_more_says_so_and_can_be_forgotten() {
    let (server, database) = (cluster(), database());
    let mut tab = Tab::open(server, &database, SUPERUSER, true);
    tab.kept.settings.push(Setting {
        name: "work_mem".into(),
        value: "far too much".into(),
        custom: false,
    });
    let failure = tab.run("select 1").failure.unwrap();
    assert!(failure.detail.unwrap().contains("RESET ALL"));
    assert_eq!(tab.run("reset all").failure, None);
    assert_eq!(tab.value("select 1"), "1");
}

#[test]
fn a_transaction_of_the_user_s_keeps_its_snapshot_its_cursors_and_its_savepoints() {
    let (server, database) = (cluster(), database());
    let mut tab = Tab::open(server, &database, SUPERUSER, true);
    let begun = tab.run("begin isolation level repeatable read read write");
    assert_eq!((begun.tag.as_str(), tab.transaction), ("BEGIN", Transaction::Active));
    assert!(begun.words[0].contains("read-only"));
    assert_eq!(tab.value("show transaction_isolation"), "repeatable read");
    assert_eq!(tab.value("show transaction_read_only"), "on");
    let rows = tab.value("select count(*) from t");
    server.psql(&database, "insert into t values (999, 'from elsewhere')");
    assert_eq!(tab.value("select count(*) from t"), rows, "the snapshot holds");
    tab.run("declare c cursor for select a from t order by a");
    assert_eq!(tab.run("fetch 2 from c").tag, "FETCH 2");
    tab.run("prepare p (int) as select $1 + 1");
    assert_eq!(tab.value("execute p (41)"), "42");
    assert_eq!(tab.run("savepoint \"A b\"").tag, "SAVEPOINT");
    assert_eq!(tab.run("select 1/0").sqlstate(), "22012");
    assert_eq!(tab.transaction, Transaction::Failed);
    let refused = tab.run("select 1");
    assert_eq!(refused.sqlstate(), "25P02");
    assert_eq!(refused.failure.unwrap().detail, None);
    assert_eq!(tab.run("rollback to \"A b\"").failure, None);
    assert_eq!(tab.transaction, Transaction::Active);
    assert!(tab.run("begin").notices[0].contains("already a transaction"));
    let chained = tab.run("commit and chain");
    assert_eq!((chained.tag.as_str(), tab.transaction), ("ROLLBACK", Transaction::Active));
    assert_eq!(tab.value("show transaction_isolation"), "repeatable read");
    assert_eq!(tab.value("show transaction_read_only"), "on");
    let ended = tab.run("commit");
    assert_eq!((ended.tag.as_str(), tab.transaction), ("ROLLBACK", Transaction::Idle));
    assert!(ended.words[0].contains("COMMIT was answered with a rollback"));
    let rows: i32 = rows.parse().unwrap();
    assert_eq!(tab.value("select count(*) from t"), (rows + 1).to_string());
    server.psql(&database, "delete from t where a = 999");
    assert!(tab.run("commit").notices[0].contains("no transaction in progress"));
    assert_eq!(tab.run("execute p (1)").sqlstate(), "26000");
}

#[test]
fn a_reader_stands_still_at_the_granted_row_and_goes_on() {
    let (server, database) = (cluster(), database());
    let mut tab = Tab::open(server, &database, SUPERUSER, true);
    let (query, passage) = tab.start("select * from generate_series(1, 300000)", 1_000).unwrap();
    let stalled = tab.wait(|msg| match msg {
        Msg::Query(query::Msg::Stalled { rows, .. }) => Some(*rows),
        _ => None,
    });
    assert_eq!(stalled, 1_000);
    tab.postgres.perform_query(query::Effect::GrantRows { query, rows: u64::MAX });
    let ended = tab.finish(query, &passage);
    assert_eq!((ended.tag.as_str(), tab.transaction), ("SELECT 300000", Transaction::Idle));
    assert_eq!(ended.rows.len(), 299_000);
}

#[test]
fn cancels_stop_the_statement_and_leave_the_session_ready() {
    let (server, database) = (cluster(), database());
    let mut tab = Tab::open(server, &database, SUPERUSER, true);
    for turn in 0..120 {
        // Some come while it runs, some at its end, some in the middle of the rollback.
        let sql = if turn % 3 == 0 { "select pg_sleep(600)" } else { "set work_mem = '5MB'" };
        let (query, passage) = tab.start(sql, u64::MAX).unwrap();
        if turn % 3 == 0 {
            wait_until_active(server, tab.backend_pid);
        }
        tab.postgres.perform_query(query::Effect::Cancel {
            query,
            session: tab.session,
            ahead: vec![],
        });
        let ended = tab.finish(query, &passage);
        assert!(!ended.lost && tab.lost.is_none(), "{ended:?}");
        assert_eq!(tab.transaction, Transaction::Idle, "{turn}: {ended:?}");
        if turn % 3 == 0 {
            let failure = ended.failure.unwrap();
            assert_eq!(
                (failure.sqlstate.as_deref(), failure.category),
                (Some("57014"), Category::Cancelled)
            );
        }
        assert_eq!(tab.value("select 'ready'"), "ready");
    }
}

/// Waits until the server says that the process runs a statement.
fn wait_until_active(server: &TestServer, backend_pid: i32) {
    let sql = format!("select wait_event from pg_stat_activity where pid = {backend_pid}");
    while server.psql("postgres", &sql) != "PgSleep" {}
}

#[test]
fn a_lost_link_is_told_and_the_server_rolls_back() {
    let (server, database) = (cluster(), database());
    let mut witness = witness(server, &database);
    let mut tab = Tab::open(server, &database, SUPERUSER, true);
    let before = fingerprint(&mut witness, &[]);
    let (query, passage) = tab.start("select f_reset(), pg_sleep(600)", u64::MAX).unwrap();
    wait_until_active(server, tab.backend_pid);
    server.psql("postgres", &format!("select pg_terminate_backend({}, 60000)", tab.backend_pid));
    let ended = tab.finish(query, &passage);
    assert!(ended.lost, "{ended:?}");
    assert_eq!(ended.sqlstate(), "57P01");
    let after = fingerprint(&mut witness, &[]);
    assert_eq!(difference(&before, &after), "- process 1\n+ process 0\n");
}

#[test]
fn a_statement_without_a_seal_is_not_sent_on_a_read_only_connection() {
    let (server, database) = (cluster(), database());
    let mut tab = Tab::open(server, &database, SUPERUSER, true);
    tab.read_only = false;
    let ended = tab.run("select 1");
    assert!(ended.failure.unwrap().next_step.unwrap().contains("Reconnect"));
    tab.read_only = true;
    assert_eq!(tab.value("select 1"), "1");
    let ended = tab.run("select '\0'");
    assert!(ended.failure.unwrap().message.contains("zero byte"));
}

#[test]
fn a_copy_that_asks_for_data_ends_its_session() {
    // Tusk refuses the text; should one get through to the server, nothing waits for ever.
    let (server, database) = (cluster(), database());
    let mut tab = Tab::open(server, &database, SUPERUSER, true);
    tab.run("begin");
    let query = QueryId::next(&mut tab.ids);
    let seal = Seal::Savepoint;
    let run = |tab: &Tab, query, sql: &str| {
        tab.postgres.perform_query(query::Effect::RunReadOnly {
            query,
            session: tab.session,
            sql: sql.into(),
            seal: seal.clone(),
            granted_rows: u64::MAX,
        });
    };
    run(&tab, query, "reset transaction_read_only");
    tab.finish(query, &Passage::Query { sets: false });
    let query = QueryId::next(&mut tab.ids);
    run(&tab, query, "copy t from stdin");
    let ended = tab.finish(query, &Passage::Query { sets: false });
    assert!(ended.failure.unwrap().message.contains("COPY"));
    tab.wait(|msg| matches!(msg, Msg::Session(session::Msg::Lost { .. })).then_some(()));
    let gone = format!("select count(*) from pg_stat_activity where pid = {}", tab.backend_pid);
    while server.psql("postgres", &gone) != "0" {}
}

#[test]
fn a_session_goes_back_clean_and_serves_again() {
    let (server, database) = (cluster(), database());
    let mut tab = Tab::open(server, &database, SUPERUSER, true);
    tab.run("select pg_advisory_lock(7), pg_advisory_lock_shared(8)");
    let locks = format!("select count(*) from pg_locks where pid = {}", tab.backend_pid);
    assert_eq!(server.psql("postgres", &locks), "0");
    tab.run("begin");
    tab.run("select pg_advisory_lock(7)");
    assert_ne!(server.psql("postgres", &locks), "0", "it holds until the transaction ends");
    tab.run("rollback");
    assert_eq!(server.psql("postgres", &locks), "0");
}

/// A server that says what it is told to say; gives the text of each message that it was sent from then on.
fn scripted_server(answers: Vec<(usize, Vec<u8>)>) -> (u16, std::thread::JoinHandle<Vec<u8>>) {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut length = [0; 4];
        stream.read_exact(&mut length).unwrap();
        let mut start_up = vec![0; u32::from_be_bytes(length) as usize - 4];
        stream.read_exact(&mut start_up).unwrap();
        let mut welcome = frame(b'R', &[0; 4]);
        welcome.extend(frame(b'K', &[0; 8]));
        welcome.extend(frame(b'Z', b"I"));
        stream.write_all(&welcome).unwrap();
        // What libraries there are is asked of every link before it is lent.
        let mut head = [0; 5];
        stream.read_exact(&mut head).unwrap();
        let [_, a, b, c, d] = head;
        let mut question = vec![0; u32::from_be_bytes([a, b, c, d]) as usize - 4];
        stream.read_exact(&mut question).unwrap();
        let mut none = frame(b'C', b"SELECT 0\0");
        none.extend(frame(b'Z', b"I"));
        stream.write_all(&none).unwrap();
        let mut heard = vec![];
        for (syncs, answer) in answers {
            let mut left = syncs;
            while left > 0 {
                let mut head = [0; 5];
                stream.read_exact(&mut head).unwrap();
                let [tag, a, b, c, d] = head;
                let mut body = vec![0; u32::from_be_bytes([a, b, c, d]) as usize - 4];
                stream.read_exact(&mut body).unwrap();
                left -= usize::from(tag == b'S');
                heard.extend(body);
            }
            heard.extend(b" | ");
            stream.write_all(&answer).unwrap();
        }
        // The other side hangs up first.
        stream.read_to_end(&mut vec![]).unwrap_or_default();
        heard
    });
    (port, server)
}

fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut whole = vec![tag];
    whole.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
    whole.extend_from_slice(body);
    whole
}

/// A statement that goes well, whose ROLLBACK is hit by a cancel.
fn answer_with_a_failed_end() -> Vec<u8> {
    let done = |tag: &str| frame(b'C', format!("{tag}\0").as_bytes());
    let cancelled = b"SERROR\0VERROR\0C57014\0Mcanceling statement due to user request\0\0";
    let mut answer = [done("BEGIN"), done("SELECT 1"), done("SELECT 0"), done("SHOW")].concat();
    answer.extend(frame(b'Z', b"T"));
    answer.extend([done("SELECT 1"), frame(b'Z', b"T")].concat());
    answer.extend([frame(b'E', cancelled), frame(b'Z', b"E")].concat());
    answer
}

fn scripted(port: u16) -> Tab {
    Tab::connect(Config {
        host: "127.0.0.1".into(),
        port,
        user: "anybody".into(),
        ssl_mode: SslMode::Disable,
        read_only: true,
        ..Config::default()
    })
}

#[test]
fn a_rollback_that_a_late_cancel_hit_is_sent_once_more() {
    let done = |tag: &str| frame(b'C', format!("{tag}\0").as_bytes());
    let mut second = [done("ROLLBACK"), done("SELECT 1"), done("DEALLOCATE ALL")].concat();
    second.extend(frame(b'Z', b"I"));
    let (port, server) = scripted_server(vec![(3, answer_with_a_failed_end()), (1, second)]);
    let mut tab = scripted(port);
    let ended = tab.run("show all");
    assert_eq!((ended.failure, ended.tag.as_str()), (None, "SHOW"));
    assert_eq!(tab.transaction, Transaction::Idle);
    drop(tab);
    let heard = server.join().unwrap();
    let heard = String::from_utf8_lossy(&heard);
    let parts: Vec<&str> = heard.split(" | ").collect();
    assert!(parts[0].contains("show all") && parts[0].contains("rollback"));
    assert!(parts[1].contains("rollback") && !parts[1].contains("show all"));
}

#[test]
fn where_the_rollback_can_t_be_had_the_link_ends() {
    let cancelled = b"SERROR\0VERROR\0C57014\0Mcanceling statement due to user request\0\0";
    let second = [frame(b'E', cancelled), frame(b'Z', b"E")].concat();
    let (port, server) = scripted_server(vec![(3, answer_with_a_failed_end()), (1, second)]);
    let mut tab = scripted(port);
    tab.run("show all");
    let failure = tab.wait(|msg| match msg {
        Msg::Session(session::Msg::Lost { failure, .. }) => Some(failure.clone()),
        _ => None,
    });
    assert!(failure.message.contains("could not be rolled back otherwise"));
    server.join().unwrap();
}
