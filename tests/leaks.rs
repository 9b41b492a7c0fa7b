//! No secret is anywhere but where a person put it: whole stories with known secrets, through the built program, and then
//! every file, log line, history row, recording, dump and argument of a child is searched for each of them.
//!
//! The one place that may hold one is the text that a person typed it into: it is theirs, and kept as they wrote it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

#[path = "support/password_server.rs"]
mod password_server;
#[path = "support/server.rs"]
mod server;
#[path = "support/sshd.rs"]
mod sshd;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use password_server::{Asks, PasswordServer};
use server::{PASSPHRASE, PASSWORD, TestConfig, TestServer, USER};
use sshd::Sshd;
use tempfile::TempDir;

/// Letters that a URL, JSON and base 64 write otherwise than they are.
const OF_URL: &str = "Qu1nce/J4m\"9&x";
const TYPED_AT_PROMPT: &str = "M3dlar\\Tree%7";
const TYPED_IN_DIALOG: &str = "Elder?Fl0wer+8";
const OF_KEY: &str = "R0wan=Berry:5";
const OF_PASSFILE: &str = "Sl0e'Th0rn|2";
const OF_ENVIRONMENT: &str = "Haw~Th0rn#31";
const OF_NEW_ROLE: &str = "D4mson.W00d";
const OF_OLD_ROLE: &str = "B1rch.Wine.44";
const OF_MAPPING: &str = "Al3xanders_61";
const OF_CONNINFO: &str = "C0ltsf00t-17";
const OF_REFUSED: &str = "W00druff-52";
const OF_SSH_KEY: &str = "Sp1ndle-Tr33-12";
const WRONG_FOR_SSH: &str = "Bl4ckthorn-86";
const WRITTEN_FIRST: &str = "Y4rrow-Stem-3";

/// What the program leaves behind.
struct Traces {
    home: TempDir,
    output: Vec<u8>,
    arguments: Vec<u8>,
}

impl Traces {
    /// Plays a story as a user with a home of their own, records it, and watches the children.
    fn of(story: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        Self::at(home, story)
    }

    fn at(home: TempDir, story: &str) -> Self {
        // The story holds secrets, as a person's own file may: it is outside of what is searched.
        let elsewhere = tempfile::tempdir().unwrap();
        let file = elsewhere.path().join("a.story");
        fs::write(&file, story).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_tusk"))
            .arg("story")
            .arg(&file)
            .arg("--data-dir")
            .arg(home.path().join("data"))
            .arg("--record")
            .arg(home.path().join("run.tusk"))
            .current_dir(home.path())
            .env("HOME", home.path())
            .env("XDG_DATA_HOME", home.path().join("xdg"))
            .env("RUST_LOG", "trace")
            // There is no keychain: what would be in it has to stay in memory.
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
            .stdin(Stdio::null())
            .stdout(fs::File::create(home.path().join("stdout")).unwrap())
            .stderr(fs::File::create(home.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        let mut arguments = BTreeSet::new();
        let status = loop {
            arguments.extend(arguments_below(child.id()));
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        let mut output = fs::read(home.path().join("stdout")).unwrap();
        output.extend(fs::read(home.path().join("stderr")).unwrap());
        assert!(status.success(), "{}", String::from_utf8_lossy(&output));
        Self {
            home,
            output,
            arguments: arguments.into_iter().flatten().collect(),
        }
    }

    fn database(&self) -> PathBuf {
        self.home.path().join("data/tusk.sqlite")
    }

    /// A secret is nowhere.
    #[track_caller]
    fn lack(&self, secret: &str) {
        self.lack_beside_the_text(secret);
        for file in files_below(self.home.path()) {
            is_absent(
                secret,
                &fs::read(&file).unwrap(),
                &file.display().to_string(),
            );
        }
    }

    /// A secret is nowhere but in the text of a tab.
    #[track_caller]
    fn lack_beside_the_text(&self, secret: &str) {
        is_absent(secret, &self.output, "the output");
        is_absent(secret, &self.arguments, "a child's arguments");
        for file in files_below(self.home.path()) {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            if !name.starts_with("tusk.sqlite") {
                is_absent(
                    secret,
                    &fs::read(&file).unwrap(),
                    &file.display().to_string(),
                );
            }
        }
        let database = rusqlite::Connection::open(self.database()).unwrap();
        let mut tables = database
            .prepare("select name from sqlite_master where type = 'table'")
            .unwrap();
        let tables: Vec<String> = tables
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert!(tables.len() > 3, "{tables:?}");
        for table in tables {
            for value in values(&database, &table) {
                is_absent(secret, value.as_bytes(), &format!("the table {table}"));
            }
        }
    }
}

/// Every value of a table but the texts of tabs and their journal.
fn values(database: &rusqlite::Connection, table: &str) -> Vec<String> {
    let mut statement = database
        .prepare(&format!("select * from \"{table}\""))
        .unwrap();
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let theirs = |column: &str| matches!((table, column), ("tab", "text") | ("edit", "inserted"));
    let mut rows = statement.query([]).unwrap();
    let mut values = vec![];
    while let Some(row) = rows.next().unwrap() {
        for (at, column) in columns.iter().enumerate() {
            if !theirs(column) {
                values.push(format!("{:?}", row.get_ref(at).unwrap()));
                if let Ok(text) = row.get_ref(at).unwrap().as_bytes() {
                    values.push(String::from_utf8_lossy(text).into_owned());
                }
            }
        }
    }
    values
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        // A password file is a person's own place for a secret.
        if path.file_name().is_some_and(|name| name == ".pgpass") {
            continue;
        }
        if path.is_dir() && !path.is_symlink() {
            found.extend(files_below(&path));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found
}

/// What each process below this one was started with.
fn arguments_below(parent: u32) -> Vec<Vec<u8>> {
    let children = format!("/proc/{parent}/task");
    let Ok(tasks) = fs::read_dir(children) else {
        return vec![];
    };
    let mut found = vec![];
    for task in tasks.flatten() {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|id| id.parse().ok()) {
            found.extend(fs::read(format!("/proc/{child}/cmdline")));
            found.extend(arguments_below(child));
        }
    }
    found
}

#[track_caller]
fn is_absent(secret: &str, bytes: &[u8], place: &str) {
    for form in forms(secret) {
        let found = bytes
            .windows(form.len())
            .position(|window| window == form.as_bytes());
        if let Some(at) = found {
            let around = &bytes[at.saturating_sub(120)..(at + form.len() + 40).min(bytes.len())];
            panic!(
                "{secret} is in {place} as {form}: …{}…",
                String::from_utf8_lossy(around)
            );
        }
    }
}

/// A secret as it is, and as URLs, JSON, SQL, hexadecimal and base 64 write it, the last at each of its three offsets.
fn forms(secret: &str) -> BTreeSet<String> {
    use std::fmt::Write;
    let mut escaped = String::new();
    let mut hexadecimal = String::new();
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").unwrap();
        }
        write!(hexadecimal, "{byte:02x}").unwrap();
    }
    let json = serde_json::to_string(secret).unwrap();
    let json = json.trim_matches('"').to_owned();
    let twice = serde_json::to_string(&json)
        .unwrap()
        .trim_matches('"')
        .to_owned();
    let mut forms = BTreeSet::from([
        secret.to_owned(),
        escaped,
        hexadecimal,
        json,
        twice,
        secret.replace('\'', "''"),
        format!("{secret:?}").trim_matches('"').to_owned(),
    ]);
    for offset in 0..3 {
        let shifted: Vec<u8> = std::iter::repeat_n(0, offset)
            .chain(secret.bytes())
            .collect();
        let digits = base64(&shifted);
        // The first digits hold bits of what is before, the last of what follows.
        forms.insert(digits[[0, 2, 3][offset]..digits.len() - 2].to_owned());
    }
    forms
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut bits = 0_u32;
        for at in 0..3 {
            bits = bits << 8 | u32::from(group.get(at).copied().unwrap_or_default());
        }
        for at in 0..=group.len() {
            let digit = bits >> (18 - 6 * at) & 63;
            text.push(char::from(DIGITS[digit as usize]));
        }
    }
    text
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A role with this password, that may make roles.
fn role(server: &TestServer, name: &str, password: &str) {
    server.psql(
        "postgres",
        &format!(
            "create role {name} login createrole superuser password {}",
            quoted(password)
        ),
    );
}

/// What every story ends with: everything that a person may ask to be written out, on a text without secrets.
const DUMPS: &str = "
text select 1
command results.messages
dump screen -
command history.open
wait idle
dump screen -
command dialog.cancel
dump model -
";

#[test]
fn a_search_finds_a_secret_in_each_of_its_forms() {
    for text in ["Qu1nce/J4m\"9&x", "plain-and-long"] {
        let url: String = text.bytes().fold(String::new(), |url, byte| {
            if byte.is_ascii_alphanumeric() {
                url + &char::from(byte).to_string()
            } else {
                url + &format!("%{byte:02X}")
            }
        });
        let hidden = [
            text.to_owned(),
            url,
            serde_json::to_string(text).unwrap(),
            base64(text.as_bytes()),
            base64(format!("a{text}z").as_bytes()),
            base64(format!("ab{text}").as_bytes()),
            format!("{:?}", Some(text)),
        ];
        for hidden in hidden {
            let found = std::panic::catch_unwind(|| is_absent(text, hidden.as_bytes(), "a text"));
            assert!(found.is_err(), "{hidden}");
        }
        is_absent(text, b"another text altogether", "a text");
    }
}

#[test]
fn fr_018_a_password_in_a_url_is_nowhere() {
    let server = TestServer::start(TestConfig::default());
    role(&server, "of_url", OF_URL);
    let url = server.url_tcp("postgres", "of_url", OF_URL);
    let wrong = server.url_tcp("postgres", "of_url", TYPED_AT_PROMPT);
    let traces = Traces::of(&format!(
        "connect {url}\nwait connected 30\ntext select current_user\ncommand query.run\nwait idle 30\n\
         expect result 1 rows 1\ncommand connection.disconnect\nwait idle\nconnect {wrong}\nwait idle 30\nexpect error 28P01\ncommand dialog.cancel\n{DUMPS}"
    ));
    traces.lack(OF_URL);
    traces.lack(TYPED_AT_PROMPT);
}

#[test]
fn fr_018_a_password_typed_at_the_prompt_is_nowhere() {
    let server = TestServer::start(TestConfig::default());
    role(&server, "of_prompt", TYPED_AT_PROMPT);
    let port = server.port();
    // A backslash in a story's line of typing is written twice.
    let typed = TYPED_AT_PROMPT.replace('\\', "\\\\");
    let traces = Traces::of(&format!(
        "connect postgres://of_prompt@127.0.0.1:{port}/postgres\nwait idle 30\nexpect screen contains \"Password for\"\n\
         type {OF_KEY}\npress enter\nwait idle 30\nexpect error 28P01\n\
         type {typed}\ndump screen -\ndump model -\npress enter\nwait connected 30\n{DUMPS}"
    ));
    traces.lack(TYPED_AT_PROMPT);
    traces.lack(OF_KEY);
}

#[test]
fn fr_018_a_password_typed_into_the_dialog_is_nowhere() {
    let server = TestServer::start(TestConfig::default());
    role(&server, "of_dialog", TYPED_IN_DIALOG);
    let port = server.port();
    let traces = Traces::of(&format!(
        "wait idle\ncommand connection.new\ntype mine\\t\npress ctrl-a\ntype 127.0.0.1\\t\npress ctrl-a\ntype {port}\\t\n\
         press ctrl-a\ntype postgres\\t\npress ctrl-a\ntype of_dialog\\t\ntype {TYPED_IN_DIALOG}\n\
         dump screen -\ndump model -\ncommand dialog.test\nwait idle 30\ndump screen -\n\
         command dialog.accept\nwait connected 30\n{DUMPS}"
    ));
    traces.lack(TYPED_IN_DIALOG);
    let kept = fs::read(traces.database()).unwrap();
    assert!(
        kept.windows(9).any(|window| window == b"of_dialog"),
        "the connection was kept, so that this test looked at something"
    );
}

/// The dialog for a new connection, filled in up to the choice of a tunnel, which has focus.
fn form_up_to_the_tunnel(port: u16, user: &str, password: &str) -> String {
    format!(
        "wait idle\ncommand connection.new\ntype mine\\t\npress ctrl-a\ntype 127.0.0.1\\t\npress ctrl-a\n\
         type {port}\\t\npress ctrl-a\ntype postgres\\t\npress ctrl-a\ntype {user}\\t\ntype {password}\\t\n\
         press tab\npress tab\npress tab\npress tab\n"
    )
}

#[test]
fn fr_018_the_password_of_an_ssh_server_is_nowhere() {
    let server = TestServer::start(TestConfig::default());
    role(&server, "of_tunnel", TYPED_IN_DIALOG);
    let ssh = PasswordServer::start(Asks::Password);
    let form = form_up_to_the_tunnel(server.port(), "of_tunnel", TYPED_IN_DIALOG);
    let (ssh_port, user) = (ssh.port, password_server::USER);
    let traces = Traces::of(&format!(
        "{form}press ctrl-space\npress ctrl-space\npress ctrl-space\npress tab\ntype 127.0.0.1\\t\npress ctrl-a\ntype {ssh_port}\\t\n\
         type {user}\\t\ntype {WRONG_FOR_SSH}\ndump screen -\ndump model -\ncommand dialog.accept\nwait idle 30\n\
         expect screen contains \"SHA256:\"\ndump screen -\npress alt-enter\nwait idle 30\n\
         expect screen contains \"refused this password\"\ntype {}\ndump screen -\ndump model -\npress enter\n\
         wait connected 30\n{DUMPS}",
        password_server::PASSWORD
    ));
    for secret in [TYPED_IN_DIALOG, WRONG_FOR_SSH, password_server::PASSWORD] {
        traces.lack(secret);
    }
}

#[test]
fn fr_018_the_passphrase_of_an_ssh_key_is_nowhere() {
    let server = TestServer::start(TestConfig::default());
    role(&server, "of_tunnel", TYPED_IN_DIALOG);
    let sshd = Sshd::start(&[]);
    let key = sshd.key("user", &["-t", "ed25519", "-N", OF_SSH_KEY]);
    let form = form_up_to_the_tunnel(server.port(), "of_tunnel", TYPED_IN_DIALOG);
    let (ssh_port, user, key) = (sshd.port(), sshd.user(), key.display());
    let traces = Traces::of(&format!(
        "{form}press ctrl-space\npress ctrl-space\npress tab\ntype 127.0.0.1\\t\npress ctrl-a\ntype {ssh_port}\\t\n\
         type {user}\\t\npress ctrl-a\ntype {key}\\t\ntype {OF_SSH_KEY}\ndump screen -\ndump model -\n\
         command dialog.accept\nwait idle 30\nexpect screen contains \"SHA256:\"\npress alt-enter\n\
         wait connected 30\n{DUMPS}"
    ));
    traces.lack(TYPED_IN_DIALOG);
    traces.lack(OF_SSH_KEY);
}

#[test]
fn fr_018_the_passphrase_of_a_client_key_is_nowhere() {
    let server = TestServer::start(
        TestConfig::default().access_rule("hostssl postgres all 127.0.0.1/32 cert"),
    );
    let (certificate, key) = server.client_certificate("app-encrypted");
    let url = format!(
        "postgres://{USER}@127.0.0.1:{}/postgres?sslmode=require&sslcert={}&sslkey={}",
        server.port(),
        certificate.display(),
        key.display()
    );
    let traces = Traces::of(&format!(
        "connect {url}\nwait idle 30\nexpect screen contains \"assphrase\"\ntype {OF_KEY}\npress enter\nwait idle 30\n\
         type {PASSPHRASE}\ndump screen -\ndump model -\npress enter\nwait connected 30\n{DUMPS}"
    ));
    for secret in [OF_KEY, PASSPHRASE, PASSWORD] {
        traces.lack(secret);
    }
}

#[test]
fn fr_018_a_password_in_the_password_file_is_nowhere_else() {
    let server = TestServer::start(TestConfig::default());
    role(&server, "of_file", OF_PASSFILE);
    let home = tempfile::tempdir().unwrap();
    let passfile = home.path().join(".pgpass");
    fs::write(&passfile, format!("127.0.0.1:*:*:of_file:{OF_PASSFILE}\n")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&passfile, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let port = server.port();
    let story =
        format!("connect postgres://of_file@127.0.0.1:{port}/postgres\nwait idle 30\n{DUMPS}");
    let traces = Traces::at(home, &story);
    traces.lack(OF_PASSFILE);
}

#[test]
fn fr_018_a_password_in_a_statement_is_only_in_the_text_that_it_was_typed_into() {
    let server = TestServer::start(TestConfig::default());
    let url = server.url_unix("postgres");
    server.psql("postgres", "create role someone login");
    let statements = [
        format!("create role somebody login password '{OF_NEW_ROLE}'"),
        format!("alter role someone password '{OF_OLD_ROLE}'"),
        format!(
            "create user mapping for someone server nowhere options (user 'a', password '{OF_MAPPING}')"
        ),
        format!("select dblink_connect('host=nowhere password={OF_CONNINFO} user=a')"),
        format!("alter role nobody_at_all password '{OF_REFUSED}' valid until 'no time'"),
        format!("select cast('password={OF_REFUSED}' as integer)"),
    ];
    let runs: String = statements
        .iter()
        .map(|sql| {
            format!("text {sql}\ncommand query.run\nwait idle 30\ncommand results.messages\n")
        })
        .collect();
    let traces = Traces::of(&format!("connect {url}\nwait connected 30\n{runs}{DUMPS}"));
    for secret in [
        OF_NEW_ROLE,
        OF_OLD_ROLE,
        OF_MAPPING,
        OF_CONNINFO,
        OF_REFUSED,
    ] {
        traces.lack_beside_the_text(secret);
    }
    let database = rusqlite::Connection::open(traces.database()).unwrap();
    let runs: u32 = database
        .query_row(
            "select count(*) from run where sql like '%***%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(runs, 6, "each run is in the history, masked");
}

#[test]
fn fr_018_a_string_that_becomes_a_password_by_what_is_typed_before_it_is_in_no_recording() {
    let traces = Traces::of(&format!(
        "wait idle\ncommand tab.new\ntype '{WRITTEN_FIRST}'\npress home\ntype alter role a password \\n\nwait idle\n{DUMPS}"
    ));
    traces.lack_beside_the_text(WRITTEN_FIRST);
}

#[test]
fn fr_018_what_the_sandbox_starts_is_told_no_secret_by_its_arguments() {
    // PostgreSQL refuses root, and so does the sandbox there: what it then says is searched all the same.
    let traces = Traces::of(&format!("connect sandbox\nwait idle 120\n{DUMPS}"));
    for secret in [OF_URL, OF_ENVIRONMENT] {
        traces.lack(secret);
    }
    is_absent("PGPASSWORD", &traces.arguments, "a child's arguments");
}

#[test]
fn fr_018_a_url_on_the_command_line_or_in_the_environment_is_not_repeated() {
    let home = tempfile::tempdir().unwrap();
    let url = format!(
        "postgres://ada:{}@127.0.0.1:1/nowhere",
        OF_ENVIRONMENT.replace('~', "%7E").replace('#', "%23")
    );
    let run = |arguments: &[&str], environment: &str| {
        Command::new(env!("CARGO_BIN_EXE_tusk"))
            .args(arguments)
            .arg("--data-dir")
            .arg(home.path().join("data"))
            .env("TUSK_URL", environment)
            .env("HOME", home.path())
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .output()
            .unwrap()
    };
    for output in [
        run(&[&url], ""),
        run(&[], &url),
        run(&["story", &url], ""),
        run(&[&url, &url], ""),
    ] {
        assert!(!output.status.success());
        is_absent(OF_ENVIRONMENT, &output.stdout, "the output");
        is_absent(OF_ENVIRONMENT, &output.stderr, "the output");
    }
    for file in files_below(home.path()) {
        is_absent(
            OF_ENVIRONMENT,
            &fs::read(&file).unwrap(),
            &file.display().to_string(),
        );
    }
}
