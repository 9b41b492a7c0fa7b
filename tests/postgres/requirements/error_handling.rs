//! Errors, FR-001 to FR-004, SC-008; and the schema cache, FR-007.
//!
//! Each SQLSTATE is provoked on a real server, through the whole program without a window. What psql prints of the same
//! statement with all its fields says what has to be in the failure.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tusk::update::query::page::Ended;
use tusk::update::query::trouble;

use super::{
    program,
    server::{PASSWORD, ServerCertificate, TestConfig, TestServer, USER},
};
use tusk::{
    base::{ids::ConnectionId, secret::SecretKind, stamp::Stamp, text::Edit},
    conninfo::{Config, Conninfo, SslMode},
    effect::Effect,
    effects::{Runner, RunnerOptions, keychain},
    failure::{Category, Failure},
    model::{Model, Phase},
    msg::Msg,
    update::{
        connection::{Link, keychain as keychain_contract},
        query::{editor, run::Run},
        results::ResultState,
        schema::Schema,
        shell::{app, command::Command, welcome},
        update,
    },
};

/// The whole program without a window.
struct Program {
    model: Model,
    runner: Runner,
    inbox: flume::Receiver<Msg>,
    began: Instant,
    clipboard: Option<String>,
    _data: tempfile::TempDir,
}

impl Program {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let (outbox, inbox) = flume::unbounded();
        let options = RunnerOptions { data_dir: data.path().into() };
        let mut program = Self {
            model: Model::default(),
            runner: Runner::start(options, outbox),
            inbox,
            began: Instant::now(),
            clipboard: None,
            _data: data,
        };
        program.send(app::Msg::Started {
            seed: 1,
            version: String::new(),
            data_dir: String::new(),
            config_dir: String::new(),
            macos: false,
            recording: false,
        });
        program.until(|model| model.phase == Phase::Ready && !model.is_busy());
        program
    }

    /// A program with its tab on an open connection.
    #[track_caller]
    fn on(url: &str) -> Self {
        let mut program = Self::new();
        program.connect(url, |_| {});
        assert!(program.link_failure().is_none(), "{:?}", program.link_failure());
        program
    }

    fn send(&mut self, msg: impl Into<Msg>) {
        let at = Stamp { unix_us: 0, mono_us: self.began.elapsed().as_micros() as u64 };
        for effect in update(&mut self.model, at, msg.into()) {
            if let Effect::Window(tusk::update::window::Effect::WriteClipboard { text, .. }) =
                &effect
            {
                self.clipboard = Some(text.to_string());
            }
            self.runner.perform(effect);
        }
    }

    #[track_caller]
    fn until(&mut self, done: impl Fn(&Model) -> bool) {
        while !done(&self.model) {
            let msg = self.inbox.recv_timeout(Duration::from_secs(60)).expect("a message comes");
            self.send(msg);
        }
    }

    #[track_caller]
    fn settle(&mut self) {
        self.until(|model| !model.is_busy());
    }

    fn connect(&mut self, url: &str, change: impl FnOnce(&mut Config)) {
        let Conninfo { mut config, secrets } = Config::parse(url, &Default::default()).unwrap();
        change(&mut config);
        let conninfo = Conninfo { config, secrets };
        let target = Box::new(welcome::Target::Conninfo(conninfo));
        self.send(welcome::Msg::Asked { target });
        self.settle();
    }

    /// Sends a text of one statement or several.
    fn start(&mut self, sql: &str) {
        let tab = self.model.pages.active().unwrap();
        let (tab, buffer) = (tab.id, &tab.editor.buffer);
        let edit = Edit { start: 0, removed: buffer.text().len(), inserted: sql.to_owned() };
        let msg = editor::Msg::Edited {
            base: buffer.revision(),
            edits: vec![edit],
            anchor: sql.len(),
            head: sql.len(),
        };
        self.send(Msg::Editor { tab, msg });
        self.send(Command::QueryRunAll);
    }

    fn run(&mut self, sql: &str) {
        self.start(sql);
        self.settle();
    }

    fn connection(&self) -> ConnectionId {
        self.model.pages.active().unwrap().connection.unwrap()
    }

    fn link_failure(&self) -> Option<&Failure> {
        match &self.model.connections[&self.connection()].link {
            Link::Failed { failure } => Some(failure),
            _ => None,
        }
    }

    /// How the last thing in the tab failed.
    #[track_caller]
    fn failure(&self) -> Failure {
        match &self.model.pages.active().unwrap().ended {
            Some(Ended::Badly { failure }) => {
                // What is shown may have been completed when the cache came.
                let shown = trouble::shown_failure(
                    &self.model.pages,
                    &self.model.connections,
                    tusk::update::shell::dialog::of_connection(&self.model.dialog),
                );
                shown.unwrap_or(failure).clone()
            }
            other => panic!("nothing failed: {other:?}"),
        }
    }

    /// Waits until the server works on the statement that was started.
    fn wait_active(&mut self, server: &TestServer, like: &str) -> String {
        self.until(|model| matches!(model.pages.active().unwrap().run, Run::Running(_)));
        loop {
            let pid = server.psql(
                "postgres",
                &format!(
                    "select pid from pg_stat_activity where state = 'active' and wait_event is not null and query like '{like}%'"
                ),
            );
            if !pid.is_empty() {
                return pid;
            }
            thread::yield_now();
        }
    }

    fn catalog(&self) -> Option<&Schema> {
        self.model.schemas.get(&self.connection())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.runner.shutdown(Duration::from_secs(2));
    }
}

const SHOP: &str = "
    create schema billing;
    create extension dblink;
    create table billing.invoices (id int primary key, amount numeric);
    create table customers (id int primary key, email text not null unique, age int constraint grown_up check (age >= 0));
    create table orders (id int primary key, customer int references customers);
    insert into customers values (1, 'ada@example.org', 30), (2, 'bob@example.org', 40);
    create role ROLE nologin;
    create domain positive as int constraint above_zero check (value > 0);
    create function broken() returns int language plpgsql as $$ begin return (select count(*) from custmers); end $$";

fn shop(server: &TestServer) -> String {
    let database = server.fresh_database();
    server.psql(&database, &SHOP.replace("ROLE", &format!("reader_{database}")));
    database
}

/// What psql prints of the last error of some texts, with all fields, by their names.
fn psql_says(server: &TestServer, database: &str, texts: &[String]) -> BTreeMap<String, String> {
    let mut psql = server.psql_command(database);
    psql.args(["-X", "-q", "-v", "VERBOSITY=verbose", "-v", "ON_ERROR_STOP=0"]);
    for text in texts {
        psql.args(["-c", text]);
    }
    let output = psql.output().unwrap();
    let printed = String::from_utf8(output.stderr).unwrap();
    let from = printed.rfind("ERROR:  ").unwrap_or_else(|| panic!("{printed}"));
    let mut fields = BTreeMap::new();
    let mut last = String::new();
    for line in printed[from..].lines() {
        let label = line
            .split_once(":  ")
            .filter(|(label, _)| label.chars().all(|c| c.is_ascii_uppercase() || c == ' '));
        match label {
            Some((label, text)) => {
                last = label.to_owned();
                fields.insert(last.clone(), text.to_owned());
            }
            None if line.starts_with("LINE ") => {
                last = "POSITION".into();
                fields.insert(last.clone(), String::new());
            }
            // A field of several lines goes on.
            None if last != "POSITION" => {
                let field = fields.get_mut(&last).unwrap();
                field.push('\n');
                field.push_str(line);
            }
            None => {}
        }
    }
    fields
}

/// The fields of a failure under the names that psql prints them with.
fn fields(failure: &Failure) -> BTreeMap<String, String> {
    let code = failure.sqlstate.clone().unwrap_or_default();
    let context = failure.context.clone();
    let inside = failure.internal.as_ref().map(|(_, query)| query.clone());
    // Where psql shows a line with a mark, the server gave a position; in PL/pgSQL that of the statement inside.
    let place = (failure.position.is_some() || inside.is_some()).then(String::new);
    let found = [
        ("ERROR", Some(format!("{code}: {}", failure.message))),
        ("DETAIL", failure.detail.clone()),
        ("HINT", failure.hint.clone()),
        ("QUERY", inside),
        ("CONTEXT", context),
        ("SCHEMA NAME", failure.schema.clone()),
        ("TABLE NAME", failure.table.clone()),
        ("COLUMN NAME", failure.column.clone()),
        ("DATATYPE NAME", failure.data_type.clone()),
        ("CONSTRAINT NAME", failure.constraint.clone()),
        ("LOCATION", failure.source.clone()),
        ("POSITION", place),
    ];
    found.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?))).collect()
}

/// One way to an error: its code, the texts that are run one after another, its category, words of the next step.
type Row = (&'static str, &'static [&'static str], Category, &'static str);

const STATEMENTS: &[Row] = &[
    (
        "08001",
        &["select dblink_connect('host=127.0.0.1 port=1')"],
        Category::Query,
        "could not reach",
    ),
    ("08003", &["select dblink_exec('select 1')"], Category::Query, "Open it first"),
    (
        "08006",
        &[
            "select dblink_connect('own', format('host=%s port=%s dbname=%s', \
             split_part(current_setting('unix_socket_directories'), ',', 1), \
             current_setting('port'), current_database()))",
            "select pg_terminate_backend(pid, 10000) from dblink('own', 'select pg_backend_pid()') o(pid int)",
            "select dblink_exec('own', 'reset all')",
            "select dblink_exec('own', 'reset all')",
        ],
        Category::Query,
        "the server that it leads to",
    ),
    ("0A000", &["select count(*) from customers for update"], Category::Query, "another way"),
    (
        "22001",
        &["create temp table short (a varchar(2))", "insert into short values ('abc')"],
        Category::Query,
        "longer than the column",
    ),
    ("22003", &["select 300::int2 * 300::int2"], Category::Query, "bigint"),
    ("22012", &["select 1/0"], Category::Query, "nullif"),
    ("22P02", &["select 'x'::int"], Category::Query, "cannot be read"),
    ("23502", &["insert into customers (id) values (7)"], Category::Query, "“email” a value"),
    ("23503", &["insert into orders values (1, 99)"], Category::Query, "no row with customer = 99"),
    (
        "23505",
        &["insert into customers values (3, 'ada@example.org', 1)"],
        Category::Query,
        "email = ada@example.org",
    ),
    ("23514", &["insert into customers values (4, 'x', -1)"], Category::Query, "“grown_up”"),
    ("23514", &["select (-1)::positive"], Category::Query, "“above_zero”"),
    ("25001", &["begin", "vacuum customers"], Category::Query, "Commit or roll back"),
    ("25006", &["begin read only", "delete from customers"], Category::Query, "read-only"),
    ("25P02", &["begin", "select 1/0", "select 1"], Category::Query, "Roll back"),
    ("3D000", &["drop database nowhere"], Category::Query, "in the statement"),
    ("3F000", &["create table nowhere.t (a int)"], Category::Query, "search_path"),
    ("55000", &["select lastval()"], Category::Query, "in one script"),
    ("42501", &["set role READER", "select * from customers"], Category::Query, "GRANT"),
    ("42601", &["selec 1"], Category::Query, "Check the text"),
    ("42703", &["update customers set emial = ''"], Category::Query, "Did you mean email?"),
    (
        "42703",
        &["select customers.emial from customers"],
        Category::Query,
        "Did you mean customers.email?",
    ),
    ("42703", &["alter table customers drop column emial"], Category::Query, "Did you mean email?"),
    ("42883", &["select lenght('x')"], Category::Query, "Did you mean length("),
    (
        "42883",
        &["select lower(1)"],
        Category::Query,
        "There is lower(anymultirange), lower(anyrange) and lower(text)",
    ),
    ("42883", &["select 1 + 'a'::text"], Category::Query, "types"),
    ("42P01", &["select * from custmers"], Category::Query, "Did you mean customers?"),
    (
        "42P01",
        &["select * from invoices"],
        Category::Query,
        "Did you mean billing.invoices? Its schema",
    ),
    ("42P01", &["drop table custmers"], Category::Query, "Did you mean customers?"),
    ("42P01", &["select broken()"], Category::Query, "Did you mean customers?"),
    ("42P01", &["select custs.email from customers c"], Category::Query, "search_path"),
    ("42P07", &["create table customers (a int)"], Category::Query, "IF NOT EXISTS"),
    (
        "53100",
        &["copy (select repeat('x', 1000000)) to '/dev/full'"],
        Category::Query,
        "disk is full",
    ),
    (
        "57014",
        &["set statement_timeout = 20", "select pg_sleep(30)"],
        Category::Query,
        "longer than statement_timeout",
    ),
    (
        "P0001",
        &[
            "do $$ begin raise exception using message = 'all', detail = 'a detail', hint = 'a hint', \
           schema = 's', table = 't', column = 'c', datatype = 'd', constraint = 'k'; end $$",
        ],
        Category::Query,
        "",
    ),
];

#[test]
fn fr_001_fr_002_fr_003_each_error_of_a_statement_is_classified_whole_and_says_what_to_do() {
    let server = TestServer::shared();
    let database = shop(server);
    let url = server.url_unix(&database);
    let mut program = Program::on(&url);
    let mut wrong = vec![];
    for (code, texts, category, words) in STATEMENTS {
        let texts: Vec<String> = texts
            .iter()
            .map(|text| text.replace("READER", &format!("reader_{database}")))
            .collect();
        for text in &texts {
            program.run(text);
        }
        let failure = program.failure();
        let next_step = failure.next_step.clone().unwrap_or_default();
        let right = failure.is(code)
            && failure.category == *category
            && failure.severity == "ERROR"
            && next_step.contains(words);
        let printed = psql_says(server, &database, &texts);
        if !right || fields(&failure) != printed {
            wrong.push(format!("{code}: {failure:#?}\npsql: {printed:#?}"));
        }
        program.run("rollback");
        program.run("reset all; reset role; select dblink_disconnect('own')");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn fr_001_a_cancel_is_told_from_a_timeout_and_from_another_s_cancel() {
    let server = TestServer::shared();
    let database = server.fresh_database();
    let mut program = Program::on(&server.url_unix(&database));
    program.start("select pg_sleep(61)");
    program.wait_active(server, "select pg_sleep(61)");
    program.send(Command::QueryCancel);
    program.settle();
    let cancelled = program.failure();
    assert!(cancelled.is("57014"), "{cancelled:?}");
    assert_eq!(cancelled.category, Category::Cancelled);
    assert!(cancelled.next_step.unwrap().contains("stopped as asked"));

    program.start("select pg_sleep(62)");
    let pid = program.wait_active(server, "select pg_sleep(62)");
    server.psql("postgres", &format!("select pg_cancel_backend({pid})"));
    program.settle();
    let by_another = program.failure();
    assert_eq!(by_another.category, Category::Cancelled);
    assert!(by_another.next_step.unwrap().contains("Somebody else"));
}

#[test]
fn fr_001_fr_003_two_sessions_meet_40001_40p01_and_55p03() {
    let server = TestServer::shared();
    let database = shop(server);
    let url = server.url_unix(&database);
    let (mut one, mut other) = (Program::on(&url), Program::on(&url));
    one.run("begin isolation level repeatable read; select count(*) from customers");
    server.psql(&database, "update customers set age = age + 1");
    one.run("update customers set age = 1");
    let conflict = one.failure();
    assert!(conflict.is("40001"), "{conflict:?}");
    assert_eq!(conflict.category, Category::Query);
    assert!(conflict.next_step.unwrap().contains("Another transaction"));
    one.run("rollback");

    one.run("begin; update customers set age = 1 where id = 1");
    other.run("begin; update customers set age = 2 where id = 2");
    one.start("update customers set age = 1 where id = 2");
    one.wait_active(server, "update customers set age = 1 where id = 2");
    other.start("update customers set age = 2 where id = 1");
    one.settle();
    other.settle();
    let failures: Vec<Failure> = [&one, &other]
        .into_iter()
        .filter_map(|program| match &program.model.pages.active()?.ended {
            Some(Ended::Badly { failure }) => Some((**failure).clone()),
            _ => None,
        })
        .collect();
    let [deadlock] = &failures[..] else {
        panic!("one of the two fails: {failures:?}");
    };
    assert!(deadlock.is("40P01"), "{deadlock:?}");
    assert!(deadlock.detail.as_ref().unwrap().contains("waits for"));
    assert!(deadlock.hint.is_some() && deadlock.context.is_some());
    assert!(deadlock.next_step.as_ref().unwrap().contains("same order"));
    one.run("rollback");
    other.run("rollback");

    other.run("begin; lock table customers");
    one.run("begin; lock table customers nowait");
    let locked = one.failure();
    assert!(locked.is("55P03"), "{locked:?}");
    assert!(locked.next_step.unwrap().contains("pg_locks"));
    one.run("rollback");
    one.run("set lock_timeout = 20; select * from customers");
    assert!(one.failure().is("55P03"), "a lock timeout is none of the statement");
}

#[test]
fn fr_001_fr_002_a_terminated_session_is_a_connection_error_with_its_reason() {
    let server = TestServer::shared();
    let database = server.fresh_database();
    let mut program = Program::on(&server.url_unix(&database));
    program.start("select pg_sleep(63)");
    let pid = program.wait_active(server, "select pg_sleep(63)");
    server.psql("postgres", &format!("select pg_terminate_backend({pid})"));
    program.settle();
    let failure = program.failure();
    assert!(failure.is("57P01"), "{failure:?}");
    assert_eq!(failure.category, Category::Connection);
    assert_eq!(failure.severity, "FATAL");
    assert!(failure.source.unwrap().starts_with("ProcessInterrupts, postgres.c:"));
    assert!(failure.next_step.unwrap().contains("Reconnect"));
    program.run("set idle_in_transaction_session_timeout = 1; begin");
    program.until(|model| {
        matches!(&model.pages.active().unwrap().session, tusk::update::query::run::Session::Lost(_))
    });
    let idle = program.failure_of_session();
    assert!(idle.is("25P03"), "{idle:?}");
    assert_eq!(idle.category, Category::Connection);
}

impl Program {
    #[track_caller]
    fn failure_of_session(&self) -> Failure {
        match &self.model.pages.active().unwrap().session {
            tusk::update::query::run::Session::Lost(lost) => lost.failure.clone(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn fr_001_fr_003_logins_that_are_refused_are_told_apart() {
    let server = TestServer::start(
        TestConfig::default()
            .access_rule("host all stranger 127.0.0.1/32 reject")
            .access_rule("hostssl all secure 127.0.0.1/32 trust"),
    );
    server.psql("postgres", "create role stranger login; create role secure login");
    let table = [
        (
            server.url_tcp("postgres", USER, "wrong"),
            "28P01",
            Category::Authentication,
            "user name and the password",
        ),
        (
            server.url_tcp("postgres", "stranger", "x"),
            "28000",
            Category::Authentication,
            "pg_hba.conf",
        ),
        (server.url_unix("nowhere"), "3D000", Category::Connection, "database name"),
    ];
    for (url, code, category, words) in table {
        let mut program = Program::new();
        program.connect(&url, |config| config.ssl_mode = SslMode::Disable);
        let failure = program.link_failure().unwrap();
        assert!(failure.is(code), "{code}: {failure:?}");
        assert_eq!(failure.severity, "FATAL");
        assert_eq!(failure.category, category, "{code}");
        assert!(failure.source.is_some(), "{code}");
        let next_step = failure.next_step.as_ref().unwrap();
        assert!(next_step.contains(words), "{code}: {next_step}");
    }
    let mut program = Program::new();
    let url = server.url_tcp("postgres", "nobody_at_all", "x");
    program.connect(&url, |config| config.ssl_mode = SslMode::Disable);
    assert_eq!(program.link_failure().unwrap().category, Category::Authentication);
}

#[test]
fn fr_001_fr_003_a_server_without_room_says_53200_and_53300_and_one_that_stops_57p03() {
    let server = TestServer::start(
        TestConfig::default()
            .setting("max_connections", "5")
            .setting("superuser_reserved_connections", "2")
            .setting("max_wal_senders", "0")
            .setting("max_locks_per_transaction", "10"),
    );
    server.psql("postgres", "create role guest login");
    let url = server.url_unix("postgres");
    let mut program = Program::on(&url);
    program.run(
        "do $$ begin for i in 1..100000 loop execute format('create table t_%s (a int)', i); end loop; end $$",
    );
    let memory = program.failure();
    assert!(memory.is("53200"), "{memory:?}");
    assert_eq!(memory.category, Category::Query);
    assert!(memory.hint.unwrap().contains("max_locks_per_transaction"));
    assert!(memory.next_step.unwrap().contains("Do less at once"));

    let guest = url.replace("//postgres@", "//guest@");
    let mut guests = vec![];
    let full = loop {
        let mut program = Program::new();
        program.connect(&guest, |config| config.connect_timeout_s = 5);
        if let Some(failure) = program.link_failure() {
            break failure.clone();
        }
        // A tab that holds something keeps its connection.
        program.run("begin");
        guests.push(program);
        assert!(guests.len() <= 5, "there is no end of room");
    };
    assert!(full.is("53300"), "{full:?}");
    assert_eq!((full.category, full.severity.as_str()), (Category::Connection, "FATAL"));
    assert!(full.next_step.unwrap().contains("max_connections"));
    drop(guests);

    program.run("begin");
    server.begin_stop("smart");
    let stopping = loop {
        let mut late = Program::new();
        late.connect(&url, |config| config.connect_timeout_s = 1);
        if let Some(failure) = late.link_failure() {
            break failure.clone();
        }
    };
    assert!(stopping.is("57P03"), "{stopping:?}");
    assert_eq!(stopping.category, Category::Connection);
    assert!(stopping.next_step.unwrap().contains("Wait a little"));
}

/// Passes bytes on between a client and a server; once told to, it sends the server a byte that means nothing.
fn garbling_proxy(port: u16) -> (u16, Arc<AtomicBool>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let own = listener.local_addr().unwrap().port();
    let garble = Arc::new(AtomicBool::new(false));
    let told = garble.clone();
    thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            pass(client.try_clone().unwrap(), server.try_clone().unwrap(), Some(told.clone()));
            pass(server, client, None);
        }
    });
    (own, garble)
}

fn pass(mut from: TcpStream, mut to: TcpStream, garble: Option<Arc<AtomicBool>>) {
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let garbled = garble.as_ref().is_some_and(|told| told.load(Ordering::SeqCst));
            let sent = if garbled {
                to.write_all(b"\xff\0\0\0\x04")
            } else {
                to.write_all(&buffer[..length])
            };
            if sent.is_err() {
                break;
            }
        }
        // Either side may be gone already.
        to.shutdown(Shutdown::Write).unwrap_or_default();
    });
}

#[test]
fn fr_001_a_link_that_garbles_is_08p01_and_one_that_ends_a_connection_error() {
    let server = TestServer::shared();
    let (port, garble) = garbling_proxy(server.port());
    let url = format!(
        "postgresql://{USER}:correct%20horse%20battery@127.0.0.1:{port}/postgres?sslmode=disable"
    );
    assert_eq!(PASSWORD, "correct horse battery");
    let mut program = Program::on(&url);
    program.run("select 1");
    garble.store(true, Ordering::SeqCst);
    program.run("select 2");
    let failure = program.failure();
    assert!(failure.is("08P01"), "{failure:?}");
    assert_eq!((failure.category, failure.severity.as_str()), (Category::Connection, "FATAL"));
    assert!(failure.next_step.unwrap().contains("misunderstood"));

    // The listener is gone by the time that somebody connects there.
    let closed = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let mut program = Program::new();
    program.connect(&format!("postgresql://{USER}@127.0.0.1:{closed}/postgres"), |_| {});
    let refused = program.failure();
    assert_eq!(refused.category, Category::Connection);
    assert!(refused.next_step.unwrap().contains("listen_addresses"));
}

#[test]
fn fr_001_tls_a_full_pool_files_and_the_keychain_have_categories_of_their_own() {
    let without_tls = TestServer::start(TestConfig::default().certificate(ServerCertificate::None));
    let mut program = Program::new();
    program.connect(&without_tls.url_tcp("postgres", USER, PASSWORD), |config| {
        config.ssl_mode = SslMode::Require;
    });
    let tls = program.failure();
    assert_eq!(tls.category, Category::Ssl, "{tls:?}");
    assert!(tls.next_step.is_some());

    let mut program = Program::new();
    program.connect(&without_tls.url_unix("postgres"), |config| {
        config.pool_size = 1;
        config.pool_timeout_s = 1;
    });
    program.run("begin");
    program.send(Command::TabNew);
    let connection = program.model.connections.keys().next().copied();
    program.model.pages.active_mut().unwrap().connection = connection;
    program.run("select 1");
    let pool = program.failure();
    assert_eq!(pool.category, Category::PoolTimeout, "{pool:?}");
    assert!(pool.next_step.as_ref().unwrap().contains("pool size"));
    assert_eq!(
        trouble::shown_failure(
            &program.model.pages,
            &program.model.connections,
            tusk::update::shell::dialog::of_connection(&program.model.dialog)
        ),
        Some(&pool),
        "the card has all of it"
    );

    let (outbox, inbox) = flume::unbounded();
    let files = tusk::effects::files::Files::start(outbox);
    files.perform(tusk::update::files::Effect::Open {
        request: Default::default(),
        path: "/nowhere/at/all.sql".into(),
        reading: tusk::sql::encoding::Reading::Detect,
    });
    let Msg::File(tusk::update::files::Msg::Opened {
        result: Err(tusk::update::files::Unread::Failed(file)),
        ..
    }) = inbox.recv_timeout(Duration::from_secs(30)).unwrap()
    else {
        panic!("there is no such file");
    };
    assert_eq!(file.category, Category::Storage);
    assert!(file.next_step.unwrap().contains("Check its name"));

    let (outbox, inbox) = flume::unbounded();
    let absent: keychain::Opener = Arc::new(|| Err(keyring_core::Error::NoDefaultStore));
    let keychain = keychain::Keychain::start_with(absent, Duration::from_secs(5), outbox);
    keychain.perform(keychain_contract::Effect::Read {
        request: Default::default(),
        connection: connection.unwrap(),
        kind: SecretKind::Database,
    });
    let Msg::Keychain(keychain_contract::Msg::Read { result: Err(refusal), .. }) =
        inbox.recv_timeout(Duration::from_secs(30)).unwrap()
    else {
        panic!("there is no keychain");
    };
    let refused = Failure::from(&refusal);
    assert_eq!(refused.category, Category::Keyring);
    assert!(refused.next_step.unwrap().contains("kept in memory"));
}

#[test]
fn fr_001_fr_003_the_language_of_the_server_does_not_matter() {
    let server = TestServer::start(TestConfig::default().language("de"));
    let database = shop(&server);
    let mut program = Program::new();
    program.connect(&server.url_unix(&database), |config| config.statement_timeout_ms = 300);
    let table = [
        ("select * from custmers", "42P01", Category::Query, "Did you mean customers?"),
        ("drop table custmers", "42P01", Category::Query, "Did you mean customers?"),
        ("update customers set emial = ''", "42703", Category::Query, "Did you mean email?"),
        (
            "insert into customers values (3, 'ada@example.org', 1)",
            "23505",
            Category::Query,
            "email = ada@example.org",
        ),
        ("select pg_sleep(60)", "57014", Category::Query, "statement_timeout. Raise it"),
    ];
    for (sql, code, category, words) in table {
        program.run(sql);
        let failure = program.failure();
        assert!(failure.is(code), "{failure:?}");
        assert!(
            !failure.message.is_ascii()
                || failure.message.contains(" nicht")
                || failure.message.contains("wegen"),
            "it speaks German: {}",
            failure.message
        );
        assert_eq!((failure.severity.as_str(), failure.category), ("ERROR", category), "{code}");
        let next_step = failure.next_step.unwrap();
        assert!(next_step.contains(words), "{code}: {next_step}");
    }
    program.run("set statement_timeout = 0");
    program.start("select pg_sleep(64)");
    program.wait_active(&server, "select pg_sleep(64)");
    program.send(Command::QueryCancel);
    program.settle();
    let cancelled = program.failure();
    assert!(cancelled.is("57014") && !cancelled.message.contains("user request"));
    assert_eq!(cancelled.category, Category::Cancelled);
}

#[test]
fn fr_002_fr_003_the_details_unfold_on_screen_and_are_copied_whole() {
    let server = TestServer::shared();
    let database = shop(server);
    let mut program = Program::on(&server.url_unix(&database));
    let long = "x".repeat(20_000);
    program.run(&format!("insert into customers values (9, 'y'), (10, '{long}', -1)"));
    program.run(&format!(
        "do $$ begin raise exception 'short' using detail = '{long}', constraint = 'k'; end $$"
    ));
    let screen = |program: &Program| {
        tusk::screen::screen(&program.model, program.model.cx.now).to_text(&program.model)
    };
    assert!(!screen(&program).contains("Constraint: k"));
    program.send(Command::ErrorDetails);
    let unfolded = screen(&program);
    assert!(
        unfolded.contains("Constraint: k")
            && unfolded.contains("SQLSTATE: P0001 (raise_exception)")
    );
    assert!(!unfolded.contains(&long), "a long text is cut on screen");
    program.send(Command::ErrorCopy);
    let copied = program.clipboard.clone().unwrap();
    assert!(
        copied.contains(&long)
            && copied.contains("CONSTRAINT NAME: k")
            && copied.contains("LOCATION: exec_stmt_raise")
    );
}

#[test]
fn fr_004_errors_of_every_part_convert_with_their_category() {
    // Driver, pool, file and keychain have been provoked above on the real parts; here, a file that is no database.
    let data = tempfile::tempdir().unwrap();
    let open = || rusqlite::Connection::open(data.path().join("tusk.sqlite")).unwrap();
    let (ours, other) = (open(), open());
    ours.busy_timeout(Duration::ZERO).unwrap();
    other.execute_batch("create table t (a); begin immediate").unwrap();
    // Another program holds the file.
    let error = ours.execute_batch("insert into t values (1)").unwrap_err();
    let failure = tusk::effects::failure::of_sqlite(&error);
    assert_eq!(failure.category, Category::Storage);
    assert!(failure.detail.unwrap().contains("result code is 5"));
    let next_step = failure.next_step.unwrap();
    assert!(next_step.contains("Another program holds the file"));
}

#[test]
fn fr_007_the_schema_cache_follows_its_connection() {
    let server = TestServer::shared();
    let database = shop(server);
    server.psql(
        &database,
        "do $$ begin for i in 1..1000 loop execute format('create table many_%s (id int, name text, at timestamptz, price numeric(12, 2), tags text[], data jsonb)', i); end loop; end $$",
    );
    server.psql(
        &database,
        "create materialized view stats as select 1 as one; create sequence numbers; create view rich as select * from customers; create table parts (a int) partition by list (a);",
    );
    let url = server.url_unix(&database);
    let mut program = Program::on(&url);
    let Some(Schema::Ready { catalog }) = program.catalog() else {
        panic!("{:?}", program.catalog());
    };
    use tusk::catalog::RelationKind as Kind;
    for (name, kind) in [
        ("customers", Kind::Table),
        ("rich", Kind::View),
        ("stats", Kind::MaterializedView),
        ("numbers", Kind::Sequence),
        ("parts", Kind::PartitionedTable),
    ] {
        assert_eq!(catalog.relation("public", name).unwrap().kind(), kind, "{name}");
    }
    let customers = catalog.relation("public", "customers").unwrap();
    let columns: Vec<(String, String, i16)> = customers
        .columns()
        .map(|column| (column.name.into(), column.type_name.into(), column.position))
        .collect();
    assert_eq!(columns[0], ("id".into(), "integer".into(), 1));
    let price = catalog.relation("public", "many_7").unwrap();
    assert_eq!(price.columns().nth(3).unwrap().type_name, "numeric(12,2)");
    assert_eq!(catalog.search_path().collect::<Vec<_>>(), ["pg_catalog", "public"]);
    assert!(
        catalog
            .functions_named("broken")
            .any(|found| found.schema == "public" && found.arguments.is_empty())
    );
    // A change is read when it is committed; one that is not can't be seen.
    program.run("begin; create table fresh (a int)");
    let has_fresh = |program: &Program| match program.catalog() {
        Some(schema) => schema.catalog().unwrap().relation("public", "fresh").is_some(),
        None => false,
    };
    assert!(!has_fresh(&program));
    program.run("commit");
    assert!(has_fresh(&program));
    // It was never asked in the tab's session.
    program.run("begin; set local statement_timeout = 1234; select 1");
    program.send(Command::SchemaRefresh);
    program.settle();
    let waiting = "select count(*) from pg_stat_activity where state = 'idle in transaction' and query = 'select 1' and datname = current_database()";
    assert_eq!(server.psql(&database, waiting), "1");
    program.run("rollback");
    // It goes with the connection.
    program.send(Command::ConnectionDisconnect);
    program.settle();
    assert_eq!(program.catalog(), None);
}

#[test]
fn fr_007_the_schema_cache_holds_what_the_role_may_see_and_no_more() {
    let server = TestServer::shared();
    let database = shop(server);
    let reader = format!("reader_{database}");
    server.psql(
        &database,
        &format!("grant select (id) on customers to {reader}; grant usage on schema billing to {reader}; alter role {reader} login"),
    );
    let url = server.url_unix(&database);
    let limited = Program::on(&url.replace("//postgres@", &format!("//{reader}@")));
    let catalog = limited.catalog().unwrap().catalog().unwrap();
    let seen = catalog.relation("public", "customers").unwrap();
    assert_eq!(seen.columns().map(|column| column.name).collect::<Vec<_>>(), ["id"]);
    assert!(catalog.relation("public", "orders").is_none());
    assert!(catalog.relation("billing", "invoices").is_none());
    assert!(catalog.schemas().any(|schema| schema == "billing"));
}

#[test]
fn sc_008_passwords_stay_masked_in_what_a_failure_keeps_for_recordings() {
    let server = TestServer::shared();
    let database = server.fresh_database();
    let directory = tempfile::tempdir().unwrap();
    let story = format!(
        "connect {}\nwait idle\ntext <<END\ndo $$ begin execute 'create role x passwort password ''hunter2secret'''; end $$\nEND\n\
         command query.run\nwait idle\nexpect error 42601\ncommand error.details\n",
        server.url_unix(&database)
    );
    let recording = directory.path().join("recording");
    let output = program::with_story(directory.path(), &story)
        .arg("--record")
        .arg(&recording)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", program::err(&output));
    let recorded = std::fs::read_to_string(&recording).unwrap();
    assert!(recorded.contains("42601"));
    assert!(!recorded.contains("hunter2secret"));
}

/// What is shown of a failed result is what is in the Model.
#[test]
fn fr_003_the_card_has_title_sentence_and_next_step() {
    let server = TestServer::shared();
    let database = shop(server);
    let mut program = Program::on(&server.url_unix(&database));
    program.run("select * from custmers");
    let tab = program.model.pages.active().unwrap();
    let ResultState::Failed { failure } = &tab.results.visible().unwrap().state else {
        panic!("it failed");
    };
    assert!(failure.is("42P01"));
    let screen = tusk::screen::screen(&program.model, program.model.cx.now).to_text(&program.model);
    for words in [
        "Relation “custmers” does not exist",
        "ERROR 42P01",
        "Did you mean customers?",
        "Show details",
    ] {
        assert!(screen.contains(words), "{words}\n{screen}");
    }
}
