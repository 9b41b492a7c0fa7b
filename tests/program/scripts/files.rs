//! Real files, run whole: dumps of databases, and what people wrote for programs of their own. psql runs each into one
//! database, Tusk into two others, opened and without being opened; the databases and the errors are the same.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::{generated, play, server};
use server::{TestConfig, TestServer};

/// A server, with client programs of its own version.
struct Place<'server> {
    server: &'server TestServer,
    clients: PathBuf,
}

/// A file to be run.
struct Script {
    bytes: Vec<u8>,
    /// What psql takes the file to be written in, unless the file says so itself.
    encoding: &'static str,
    /// What Tusk, which asks, is answered.
    answer: Option<&'static str>,
}

/// An error of a statement: its SQLSTATE and its message.
type Errors = Vec<(String, String)>;

impl Script {
    fn utf8(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), encoding: "UTF8", answer: None }
    }
}

impl Place<'static> {
    fn shared() -> Self {
        Self { server: TestServer::shared(), clients: server::clients_of(None) }
    }
}

impl Place<'_> {
    fn client(&self, program: &str, database: &str) -> Command {
        let like = self.server.psql_command(database);
        let mut command = Command::new(self.clients.join(program));
        for (name, value) in like.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
            .args(["-U", server::SUPERUSER, "-d", database, "-h"])
            .arg(self.server.socket_dir())
            .args(["-p", &self.server.port().to_string()]);
        command
    }

    #[track_caller]
    fn dump(&self, database: &str, arguments: &[&str]) -> Vec<u8> {
        let output = self.client("pg_dump", database).args(arguments).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", lossy(&output.stderr));
        output.stdout
    }

    /// Runs a file with psql, which goes on after errors; the errors.
    #[track_caller]
    fn psql(&self, database: &str, file: &Path, encoding: &str) -> Errors {
        let output = self
            .client("psql", database)
            .args(["-Xq", "-v", "ON_ERROR_STOP=0", "-v", "VERBOSITY=verbose"])
            .env("PGCLIENTENCODING", encoding)
            .arg("-f")
            .arg(file)
            .output();
        errors_of_psql(&output.unwrap())
    }

    /// Runs a file as one who opens it; how many statements failed, and the errors of a file that is not long.
    #[track_caller]
    fn opened(&self, database: &str, file: &Path, answer: Option<&str>) -> (usize, Errors) {
        let mut story = self.connected(database);
        write!(story, "open {}\nwait idle\n", file.display()).unwrap();
        if let Some(answer) = answer {
            write!(story, "answer \"{answer}\"\nwait idle\n").unwrap();
        }
        let out = file.with_extension("out");
        // Of hundreds of thousands of results a dump takes longer than the run.
        let is_long = fs::metadata(file).unwrap().len() > 4 << 20;
        let what = if is_long { "screen" } else { "model" };
        write!(
            story,
            "command query.run-all-continue\nwait idle 2000\ncommand results.messages\ndump {what} {}\n",
            out.display()
        )
        .unwrap();
        play(&story);
        if is_long {
            return (failed_on(&fs::read_to_string(&out).unwrap()), vec![]);
        }
        let model = json(&out);
        let tabs = model["pages"]["open"].as_array().unwrap();
        let tab = tabs.iter().find(|tab| tab["id"] == model["pages"]["active"]).unwrap();
        let results = tab["results"]["list"].as_array().unwrap();
        assert!(!results.is_empty(), "nothing was run: {}", tab["messages"]);
        let failures = results.iter().map(|result| &result["state"]["Failed"]["failure"]);
        let errors: Errors = failures.filter(|failure| !failure.is_null()).map(error_of).collect();
        (errors.len(), errors)
    }

    /// Runs a file without opening it; how many statements failed, and the first errors.
    #[track_caller]
    fn streamed(&self, database: &str, file: &Path) -> (usize, Errors) {
        let mut story = self.connected(database);
        let job = file.with_extension("job");
        write!(
            story,
            "setting run.on_error continue\nrun-file {}\nwait idle 2000\ndump job {}\n",
            file.display(),
            job.display()
        )
        .unwrap();
        play(&story);
        let job = json(&job);
        // A script may say itself that it stops.
        assert_ne!(job["state"], "refused", "{job}");
        let errors = job["errors"].as_array().unwrap().iter().map(error_of);
        (job["failed"].as_u64().unwrap() as usize, errors.collect::<Vec<_>>())
    }

    fn connected(&self, database: &str) -> String {
        format!("connect {}\nwait connected\n", self.server.url_unix(database))
    }

    /// A file run by Tusk and by psql makes the same database, with the same errors on the way. What was dumped is
    /// answered, and the number of the errors.
    #[track_caller]
    fn runs_whole(&self, name: &str, script: &Script) -> (String, usize) {
        println!("{name}");
        let today = || self.server.psql("postgres", "select current_date");
        let mut days = vec![today()];
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("script.sql");
        fs::write(&file, &script.bytes).unwrap();
        let database = || self.server.fresh_database();
        let (theirs, opened, streamed) = (database(), database(), database());

        let errors = self.psql(&theirs, &file, script.encoding);
        let (failed, ours) = self.opened(&opened, &file, script.answer);
        assert_eq!(failed, errors.len(), "{name}: statements that failed");
        let told = as_told(&ours, &errors);
        same(name, "the errors of the opened file", &ours, &told);
        days.push(today());
        let expected = comparable(&self.dump(&theirs, &[]), &days);
        let ours = comparable(&self.dump(&opened, &[]), &days);
        same(name, "the opened file", &lines(&ours), &lines(&expected));

        // Where the file says nothing of its encoding, nobody can be asked.
        if script.answer.is_none() {
            let (failed, ours) = self.streamed(&streamed, &file);
            assert_eq!(failed, errors.len(), "{name}: statements that failed");
            let told = as_told(&ours, &errors);
            assert!(ours.len() == errors.len() || ours.len() == 100, "{name}");
            same(name, "the errors of the streamed file", &ours, &told);
            days.push(today());
            let ours = comparable(&self.dump(&streamed, &[]), &days);
            same(name, "the streamed file", &lines(&ours), &lines(&expected));
        }
        for database in [theirs, opened, streamed] {
            self.server.psql("postgres", &format!("drop database {database}"));
        }
        (expected, errors.len())
    }

    /// Dumps of a database, as rows and as statements, run whole.
    #[track_caller]
    fn dumps_run_whole(&self, database: &str, arguments: &[&str]) {
        for form in [&[][..], &["--inserts"]] {
            let dump = self.dump(database, &[arguments, form].concat());
            let name = format!("a dump {form:?}");
            let (made, _) = self.runs_whole(&name, &Script::utf8(dump));
            assert!(made.lines().count() > 500, "something was dumped");
        }
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// How many statements the messages on the screen say have failed: `8 of 416,859 statements failed.`
#[track_caller]
fn failed_on(screen: &str) -> usize {
    let Some((before, rest)) = screen.split_once(" statements failed.") else {
        return 0;
    };
    let (before, _) = before.rsplit_once(" of ").expect(rest);
    let digits = before.rsplit(|letter: char| !letter.is_ascii_digit() && letter != ',');
    let count = digits.map(|digits| digits.replace(',', "")).next();
    count.and_then(|count| count.parse().ok()).expect(before)
}

#[track_caller]
fn json(file: &Path) -> serde_json::Value {
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// An error as Tusk keeps it.
#[track_caller]
fn error_of(error: &serde_json::Value) -> (String, String) {
    let text = |name: &str| error[name].as_str().unwrap_or_default();
    (text("sqlstate").to_owned(), plain(text("message")))
}

/// The errors that psql printed: `psql:FILE:LINE: ERROR:  SQLSTATE: MESSAGE`.
fn errors_of_psql(output: &Output) -> Errors {
    let said = lossy(&output.stderr);
    let errors = said.lines().filter_map(|line| {
        let (place, rest) = line.split_once(": ERROR:  ")?;
        let (sqlstate, message) = rest.split_once(": ")?;
        place.starts_with("psql:").then(|| (sqlstate.to_owned(), plain(message)))
    });
    errors.collect()
}

/// As many errors of psql as Tusk has told. A dump masks what may be a secret, also where it is none.
fn as_told(ours: &Errors, theirs: &Errors) -> Errors {
    let pairs = ours.iter().zip(theirs);
    let told = pairs.map(|(our, their)| match our.1.contains("***") {
        true => (their.0.clone(), our.1.clone()),
        false => their.clone(),
    });
    told.collect()
}

/// The first line of a message, without what the encodings of two programs may print in two ways.
fn plain(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    first.chars().filter(char::is_ascii).collect()
}

/// A dump without what is another one each time: its key, and the moment at which a row was made.
fn comparable(dump: &[u8], days: &[String]) -> String {
    let text = lossy(dump);
    let is_key = |line: &&str| line.starts_with("\\restrict") || line.starts_with("\\unrestrict");
    let kept = text.lines().filter(|line| !is_key(line));
    kept.map(|line| without_moments(line, days) + "\n").collect()
}

/// Without the times of day of these days.
fn without_moments(line: &str, days: &[String]) -> String {
    let mut line = line.to_owned();
    for day in days {
        let mut from = 0;
        while let Some(found) = line[from..].find(&format!("{day} ")) {
            let start = from + found + day.len();
            let time = line[start + 1..]
                .find(|letter: char| !letter.is_ascii_digit() && !":.".contains(letter))
                .map_or(line.len(), |length| start + 1 + length);
            line.replace_range(start..time, "");
            from = start;
        }
    }
    line
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

/// The first that differs says more than two whole lists.
#[track_caller]
fn same<T: PartialEq + std::fmt::Debug>(name: &str, what: &str, ours: &[T], theirs: &[T]) {
    for (number, (our, their)) in ours.iter().zip(theirs).enumerate() {
        assert_eq!(our, their, "{name}: {what}, number {}", number + 1);
    }
    assert_eq!(ours.len(), theirs.len(), "{name}: {what}");
}

#[test]
fn a_dump_of_the_sandbox_runs_whole_in_either_form() {
    let place = Place::shared();
    let sandbox = place.server.fresh_database();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/sample.sql");
    assert_eq!(place.psql(&sandbox, &sample, "UTF8"), vec![]);
    // Without its largest tables, whose foreign keys then fail, for Tusk as for psql.
    let mut arguments = vec![];
    if !generated::is_long() {
        for table in ["order_items", "orders", "customers", "payments*", "price_history", "reviews"]
        {
            arguments.push(format!("--exclude-table-data=*.{table}"));
        }
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    place.dumps_run_whole(&sandbox, &arguments);
}

/// PostgreSQL's own tests leave every kind of object behind. Many of their statements fail by intent, and what needs
/// a library of the tests' own is not there.
#[test]
fn a_dump_of_the_regression_database_runs_whole() {
    if !generated::is_long() {
        return;
    }
    let place = Place::shared();
    let database = regression_database(&place);
    place.dumps_run_whole(&database, &[]);
}

/// The same with a newer PostgreSQL, whose dumps and whose psql are others.
#[test]
fn a_dump_of_a_newer_server_runs_whole() {
    if !generated::is_long() {
        return;
    }
    let server = TestServer::start(TestConfig::of_major(17));
    let place = Place { server: &server, clients: server::clients_of(Some(17)) };
    let database = regression_database(&place);
    place.dumps_run_whole(&database, &[]);
}

/// What PostgreSQL's own tests leave behind.
#[track_caller]
fn regression_database(place: &Place) -> String {
    let database = place.server.fresh_database();
    let data = server::regression_data();
    let schedule = fs::read_to_string(data.join("parallel_schedule"))
        .expect("scripts/test-long fetches PostgreSQL's regression suite");
    let names = schedule.lines().filter_map(|line| line.strip_prefix("test:"));
    for name in names.flat_map(str::split_whitespace) {
        // They are about the cluster, or wait for others.
        if ["tablespace", "publication", "subscription", "stats"].contains(&name) {
            continue;
        }
        let file = server::regression_suite().join(format!("{name}.sql"));
        let output = place
            .client("psql", &database)
            .args(["-Xq", "-v", "ON_ERROR_STOP=0", "-f"])
            .arg(file)
            .env("PG_ABS_SRCDIR", &data)
            .env("PG_ABS_BUILDDIR", &data)
            .env("PG_LIBDIR", "/nowhere")
            .env("PG_DLSUFFIX", ".so")
            .output();
        assert!(output.unwrap().status.success(), "{name}");
    }
    let rows = place.server.psql(&database, "select count(*) from tenk1");
    assert_eq!(rows, "10000", "the rows of the suite were loaded");
    database
}

/// A file of a package, or several after each other; of a directory all, in the order of their names.
#[track_caller]
fn public(before: &str, names: &[&str]) -> Vec<u8> {
    let mut bytes = before.as_bytes().to_vec();
    for name in names {
        let path = server::public_sql().join(name);
        let mut files = vec![path.clone()];
        if path.is_dir() {
            let entries = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
            files = entries.filter(|path| path.is_file()).collect();
            files.sort();
        }
        for file in files {
            let read = fs::read(&file);
            let read = read
                .unwrap_or_else(|error| panic!("scripts/test fetches {}: {error}", file.display()));
            bytes.extend(read);
            bytes.push(b'\n');
        }
    }
    bytes
}

/// A file of the charts of accounts of SQL-Ledger, which are in the encodings of their countries.
#[track_caller]
fn accounts(before: &str, chart: &str) -> Vec<u8> {
    const SQL_LEDGER: &str = "sql-ledger/usr/share/sql-ledger/sql";
    let names = ["Pg-tables.sql", chart].map(|name| format!("{SQL_LEDGER}/{name}"));
    public(before, &names.each_ref().map(String::as_str))
}

#[test]
fn public_files_run_whole() {
    let place = Place::shared();
    // Migrations, one after the other.
    let migrations = public("", &["procrastinate/procrastinate/sql/migrations"]);
    let (made, errors) = place.runs_whole("procrastinate", &Script::utf8(migrations));
    assert!(made.contains("procrastinate_jobs") && errors == 0);
    // A library in PL/pgSQL.
    let library = "postgresql-15-pgtap/usr/share/postgresql/15/extension/pgtap--1.2.0.sql";
    let (made, errors) = place.runs_whole("pgTAP", &Script::utf8(public("", &[library])));
    assert!(made.contains("FUNCTION public.throws_ok") && errors == 0);
    // Rows of which some don't fit, in lines that end in CRLF.
    let rows = accounts("", "Slovak-Republic-UTF8-chart.sql");
    let (made, errors) = place.runs_whole("SQL-Ledger, CRLF", &Script::utf8(rows));
    assert!(made.contains("Drobný nehmotný") && errors > 20, "{errors}");
    // Rows in Latin-1, which the file says.
    let said = accounts("\\encoding LATIN1\n", "Swiss-German-chart.sql");
    let (made, errors) = place.runs_whole("SQL-Ledger", &Script::utf8(said));
    assert!(made.contains("Büromaterial") || made.contains("ü"), "{made}");
    assert_eq!(errors, 0);
    // The same where it does not say so.
    let asked = Script {
        bytes: accounts("", "Swiss-German-chart.sql"),
        encoding: "LATIN1",
        answer: Some("Latin-1"),
    };
    assert_eq!(place.runs_whole("SQL-Ledger, asked", &asked).0, made);
}

#[test]
fn more_public_files_run_whole() {
    if !generated::is_long() {
        return;
    }
    let place = Place::shared();
    let charts = [
        ("LATIN1", "Belgium-chart.sql"),
        ("LATIN2", "Czech-Republic-chart.sql"),
        ("GBK", "Simplified-Chinese_Default-chart.sql"),
        ("BIG5", "Traditional-Chinese_Default-chart.sql"),
    ];
    for (encoding, chart) in charts {
        let said = format!("\\encoding {encoding}\n");
        place.runs_whole(encoding, &Script::utf8(accounts(&said, chart)));
    }
    let in_schema = "create schema musicbrainz; set search_path = musicbrainz, public;\n";
    let synapse = "matrix-synapse/synapse/storage/schema/main/full_schemas/72";
    let pgq = "postgresql-15-pgq3/usr/share/postgresql/15/contrib";
    let zabbix = "zabbix-server-pgsql/usr/share/zabbix-server-pgsql";
    let zabbix = public_in("", zabbix, &["schema.sql", "images.sql", "data.sql"]);
    let scripts = [
        ("Synapse", public_in("", synapse, &["full.sql.postgres"])),
        ("MusicBrainz", musicbrainz(in_schema)),
        ("MusicBrainz without its schema", musicbrainz("")),
        ("Message DB", message_db()),
        ("PgQ", public_in("", pgq, &["pgq_pl_only.sql"])),
        ("PgSTAC without PostGIS", pgstac()),
        ("DAViCal", davical()),
        ("LedgerSMB", ledgersmb()),
        ("SQL-Ledger's migrations, most of which fail", upgrades()),
        ("Zabbix", zabbix),
    ];
    for (name, bytes) in scripts {
        place.runs_whole(name, &Script::utf8(bytes));
    }
}

/// Files of one directory, after each other.
#[track_caller]
fn public_in(before: &str, directory: &str, names: &[&str]) -> Vec<u8> {
    let paths = names.iter().map(|name| format!("{directory}/{name}"));
    let paths: Vec<String> = paths.collect();
    public(before, &paths.iter().map(String::as_str).collect::<Vec<_>>())
}

#[track_caller]
fn musicbrainz(before: &str) -> Vec<u8> {
    let names = [
        "Extensions.sql",
        "CreateCollations.sql",
        "CreateSearchConfiguration.sql",
        "CreateTypes.sql",
        "CreateTables.sql",
        "CreateFunctions.sql",
        "CreatePrimaryKeys.sql",
        "CreateFKConstraints.sql",
        "CreateIndexes.sql",
        "CreateConstraints.sql",
        "CreateViews.sql",
        "CreateTriggers.sql",
    ];
    public_in(before, "mbslave/mbslave/sql", &names)
}

#[track_caller]
fn message_db() -> Vec<u8> {
    let names = ["schema", "types", "tables", "functions", "indexes", "views"];
    public_in("", "message-db/database", &names)
}

#[track_caller]
fn pgstac() -> Vec<u8> {
    public("", &["pypgstac/pypgstac/migrations/pgstac.0.10.0.sql"])
}

#[track_caller]
fn davical() -> Vec<u8> {
    let names = [
        "davical.sql",
        "base-data.sql",
        "caldav_functions.sql",
        "rrule_functions.sql",
        "views",
        "patches",
    ];
    public_in("", "davical/usr/share/davical/dba", &names)
}

/// LedgerSMB's schema with its modules, in the order that it names.
#[track_caller]
fn ledgersmb() -> Vec<u8> {
    let place = "ledgersmb/usr/share/ledgersmb/sql";
    let order = public("", &[&format!("{place}/modules/LOADORDER")]);
    let order = lossy(&order);
    let modules = order
        .lines()
        .filter(|line| line.ends_with(".sql") && !line.starts_with('#'))
        // It runs another file.
        .filter(|line| *line != "Duplicates_Functions.sql");
    let mut names = vec![format!("{place}/Pg-database.sql")];
    names.extend(modules.map(|module| format!("{place}/modules/{module}")));
    public("", &names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The tables of SQL-Ledger's newest version, and every step that leads to them from older ones.
#[track_caller]
fn upgrades() -> Vec<u8> {
    let mut bytes = accounts("", "Pg-indices.sql");
    let place = "sql-ledger/usr/share/sql-ledger/sql";
    let files = fs::read_dir(server::public_sql().join(place)).unwrap();
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("Pg-upgrade"))
        .map(|name| format!("{place}/{name}"))
        .collect();
    names.sort();
    bytes.extend(public("", &names.iter().map(String::as_str).collect::<Vec<_>>()));
    bytes
}
