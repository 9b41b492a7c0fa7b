//! No secret is anywhere but where a person put it: whole stories with known secrets, through the built program, and then
//! every file, log line, history row, recording, dump and argument of a child is searched for each of them.
//!
//! The one place that may hold one is the text that a person typed it into: it is theirs, and kept as they wrote it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use crate::support::{password_server, program, server, sshd, traces};
use std::fs;

use password_server::{Asks, PasswordServer};
use server::{PASSPHRASE, PASSWORD, TestConfig, TestServer, USER};
use sshd::Sshd;
use traces::{Traces, base64, files_below, is_absent};

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
const OF_FORGOTTEN_QUOTES: &str = "H0rnbeam58";
const OF_SSH_KEY: &str = "Sp1ndle-Tr33-12";
const WRONG_FOR_SSH: &str = "Bl4ckthorn-86";
const WRITTEN_FIRST: &str = "Y4rrow-Stem-3";

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A role with this password, that may make roles.
fn role(server: &TestServer, name: &str, password: &str) {
    server.psql(
        "postgres",
        &format!("create role {name} login createrole superuser password {}", quoted(password)),
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
        format!("alter role someone password {OF_FORGOTTEN_QUOTES}"),
        format!("select * from pg_authid where rolpassword = {OF_FORGOTTEN_QUOTES}"),
    ];
    let runs: String = statements
        .iter()
        .map(|sql| {
            format!("text {sql}\ncommand query.run\nwait idle 30\ncommand results.messages\n")
        })
        .collect();
    let traces = Traces::of(&format!("connect {url}\nwait connected 30\n{runs}{DUMPS}"));
    for secret in
        [OF_NEW_ROLE, OF_OLD_ROLE, OF_MAPPING, OF_CONNINFO, OF_REFUSED, OF_FORGOTTEN_QUOTES]
    {
        traces.lack_beside_the_text(secret);
    }
    let database = rusqlite::Connection::open(traces.database()).unwrap();
    let runs: u32 = database
        .query_row("select count(*) from run where sql like '%***%'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(runs, 8, "each run is in the history, masked");
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
        program::tusk()
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
    for output in
        [run(&[&url], ""), run(&[], &url), run(&["story", &url], ""), run(&[&url, &url], "")]
    {
        assert!(!output.status.success());
        is_absent(OF_ENVIRONMENT, &output.stdout, "the output");
        is_absent(OF_ENVIRONMENT, &output.stderr, "the output");
    }
    for file in files_below(home.path()) {
        is_absent(OF_ENVIRONMENT, &fs::read(&file).unwrap(), &file.display().to_string());
    }
}
