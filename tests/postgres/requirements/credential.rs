//! Credentials, FR-017 to FR-019a, on a real Secret Service: a session bus of the test's own, with a service that is
//! unlocked, locked, dismissed by whom it asks, absent, or that never answers.
//!
//! A bus belongs to a process, so each test runs the helper below, which is this same program, inside one. The keyring
//! lies in a temporary directory: the user's own is never touched. `tests/program/leaks.rs` has the other half of FR-018.
#![cfg(target_os = "linux")]

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::Ordering,
    time::Duration,
};

use super::{prompter, server::TestServer};
use flume::Receiver;
use tusk::{
    base::{
        ids::{ConnectionId, Ids, QueryId, Request, SessionId},
        secret::{Secret, SecretKind, Secrets},
    },
    conninfo::{Config, Defaults},
    effect::Effect as RootEffect,
    effects::{Runner, RunnerOptions, keychain::Keychain},
    msg::Msg as RootMsg,
    settings,
    update::{
        connection::{
            self,
            keychain::{Effect, Msg, Refusal},
        },
        keeping,
        query::{self, session},
    },
};

/// Set for the helper alone: what it is to do.
const STEPS: &str = "TUSK_TEST_CREDENTIAL_STEPS";
/// Set for the helper alone: a server to talk to meanwhile.
const URL: &str = "TUSK_TEST_CREDENTIAL_URL";

/// A daemon returns before the bus knows its name, and this bus starts none by itself.
macro_rules! and_wait {
    ($command:literal) => {
        concat!(
            $command,
            " >/dev/null; for i in $(seq 600); do dbus-send --session --print-reply \
             --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner \
             string:org.freedesktop.secrets | grep -q 'boolean true' && break; sleep 0.05; done"
        )
    };
}

const UNLOCK: &str =
    and_wait!("printf 'opens\\n' | gnome-keyring-daemon --unlock --replace --components=secrets");
const START_LOCKED: &str = and_wait!("gnome-keyring-daemon --start --components=secrets");
const NOTHING: &str = ":";

/// Generous: only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(90);

/// A bus that starts only what is in this directory.
fn bus(home: &Path) -> std::path::PathBuf {
    let services = home.join("services");
    fs::create_dir_all(&services).unwrap();
    let file = home.join("bus.conf");
    fs::write(
        &file,
        format!(
            "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" \
             \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n\
             <busconfig><type>session</type><listen>unix:tmpdir={}</listen><servicedir>{}</servicedir>\
             <policy context=\"default\"><allow send_destination=\"*\"/><allow receive_sender=\"*\"/>\
             <allow own=\"*\"/></policy></busconfig>\n",
            home.display(),
            services.display()
        ),
    )
    .unwrap();
    file
}

/// What the helper saw, one line for each step.
#[track_caller]
fn session(home: &Path, prepare: &str, steps: &str) -> Vec<String> {
    let script = format!(
        "{prepare}; exec \"$0\" --exact requirements::credential::the_helper_does_its_steps --nocapture"
    );
    let output = Command::new("dbus-run-session")
        .arg("--config-file")
        .arg(bus(home))
        .args(["--", "sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(STEPS, steps)
        .env(URL, TestServer::shared().url_unix("postgres"))
        .env("HOME", home)
        .env("XDG_DATA_HOME", home.join("data"))
        .env("XDG_RUNTIME_DIR", home)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .stdin(Stdio::null())
        .output()
        .expect("dbus-run-session is needed (Debian's package dbus)");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    // The harness may have written its own words on the same line.
    let lines = text.lines().filter_map(|line| Some(line.split_once("step: ")?.1.to_owned()));
    lines.collect()
}

fn kind(name: &str) -> SecretKind {
    match name {
        "database" => SecretKind::Database,
        "ssh" => SecretKind::Ssh,
        "ssl-key" => SecretKind::SslKey,
        other => panic!("{other} is no kind of secret"),
    }
}

fn one() -> ConnectionId {
    ConnectionId(uuid::Uuid::from_u128(7))
}

fn effect(step: &[&str], request: Request) -> Effect {
    let connection = one();
    match *step {
        ["read", name] => Effect::Read { request, connection, kind: kind(name) },
        ["store", name, secret] => {
            Effect::Store { request, connection, kind: kind(name), password: Secret::new(secret) }
        }
        ["delete", name] => Effect::Delete { request, connection, kind: kind(name) },
        _ => panic!("{step:?} is no step"),
    }
}

fn answer(inbox: &Receiver<RootMsg>, asked: Request) -> String {
    let shown = |refusal| match refusal {
        Refusal::NotFound => "not found".to_owned(),
        Refusal::Unavailable { reason } => {
            assert!(!reason.is_empty(), "the user is told why");
            "unavailable".to_owned()
        }
    };
    let (request, words) = match inbox.recv_timeout(PATIENCE).unwrap() {
        RootMsg::Keychain(Msg::Read { request, result, .. }) => {
            (request, result.map_or_else(shown, |secret| secret.reveal().to_owned()))
        }
        RootMsg::Keychain(
            Msg::Stored { request, result, .. } | Msg::Deleted { request, result, .. },
        ) => (request, result.map_or_else(shown, |()| "done".to_owned())),
        other => panic!("{other:?}"),
    };
    assert_eq!(request, asked);
    words
}

/// Run by the tests below inside their sessions; by itself it has nothing to do.
#[test]
fn the_helper_does_its_steps() {
    let Ok(steps) = std::env::var(STEPS) else {
        return;
    };
    if steps == "stall" {
        return stall();
    }
    // One keychain for all of them, as the program has one.
    let (outbox, inbox) = flume::unbounded();
    let keychain = Keychain::start(outbox);
    let mut dismissed = None;
    for (number, step) in (1..).zip(steps.split(';')) {
        match step {
            "unlock" => {
                let started = Command::new("sh").args(["-c", UNLOCK]).status().unwrap();
                assert!(started.success());
                continue;
            }
            "dismiss" => {
                dismissed = Some(prompter::dismiss_each());
                continue;
            }
            "dismissed" => {
                let count = dismissed.as_ref().unwrap().load(Ordering::SeqCst);
                println!("step: {count} dismissed");
                continue;
            }
            _ => {}
        }
        let words: Vec<&str> = step.split(' ').collect();
        let request = Request(number);
        keychain.perform(effect(&words, request));
        println!("step: {}", answer(&inbox, request));
    }
}

/// While a call to the keychain is under way, a write of the store lands and a query runs; all of that is told before
/// the keychain has said a word.
fn stall() {
    let directory = tempfile::tempdir().unwrap();
    let (outbox, inbox) = flume::unbounded();
    let data_dir = directory.path().to_owned();
    let runner = Runner::start(RunnerOptions { data_dir }, outbox);
    runner.perform(effect(&["read", "database"], Request(1)).into());
    runner.perform(effect(&["store", "database", "hunter2"], Request(2)).into());
    runner.perform(keeping::Effect::Load { request: Request(3) }.into());
    runner.perform(
        keeping::Effect::SaveSettings {
            request: Request(4),
            settings: settings::Settings::default(),
        }
        .into(),
    );
    let mut seen = write_and_run(&runner, &inbox);
    // At the end the keychain is not waited for either, and is answered for.
    runner.shutdown(Duration::from_millis(200));
    drop(runner);
    let answers = inbox.try_iter().filter(|msg| matches!(msg, RootMsg::Keychain(_))).count();
    println!("step: {answers} answers");
    seen.sort_unstable();
    for what in seen {
        println!("step: {what}");
    }
}

/// Connects and runs a query; answers with what came to its end, which nothing of the keychain did.
fn write_and_run(runner: &Runner, inbox: &Receiver<RootMsg>) -> Vec<&'static str> {
    let mut ids = Ids::seeded(1);
    let mut seen = vec![];
    let url = std::env::var(URL).unwrap();
    let parsed = Config::parse(&url, &Defaults::default()).unwrap();
    let connection = one();
    runner.perform(
        connection::Effect::Open {
            connection,
            attempt: Request(5),
            config: Box::new(parsed.config),
            secrets: Secrets::default(),
        }
        .into(),
    );
    let session = SessionId::next(&mut ids);
    let query = QueryId::next(&mut ids);
    while seen.len() < 3 {
        match inbox.recv_timeout(PATIENCE).unwrap() {
            RootMsg::Keychain(msg) => panic!("the keychain was not to answer: {msg:?}"),
            RootMsg::Store(keeping::Msg::Wrote { request: Request(4) }) => seen.push("written"),
            RootMsg::Connection(connection::Msg::Opened { .. }) => {
                seen.push("connected");
                let open = session::Effect::Open { session, connection };
                runner.perform(open.into());
            }
            RootMsg::Session(session::Msg::Opened { .. }) => {
                let run = query::Effect::Run {
                    query,
                    session,
                    sql: "select 1".into(),
                    copy_data: None,
                    granted_rows: 10,
                    follows: None,
                };
                runner.perform(RootEffect::from(run));
            }
            RootMsg::Query(query::Msg::Finished { .. }) => seen.push("ran"),
            RootMsg::Connection(connection::Msg::OpenFailed { failure, .. }) => {
                panic!("{failure:?}")
            }
            _ => {}
        }
    }
    seen
}

#[test]
fn fr_017_the_secret_service_keeps_each_kind_of_secret_for_itself() {
    let home = tempfile::tempdir().unwrap();
    let steps = "store database one;store ssh two;store ssl-key three;\
                 read database;read ssh;read ssl-key;delete ssh;read database;read ssh;read ssl-key";
    let seen = session(home.path(), UNLOCK, steps);
    let expected =
        ["done", "done", "done", "one", "two", "three", "done", "one", "not found", "three"];
    assert_eq!(seen, expected);
}

#[test]
fn fr_017_a_secret_is_there_in_the_next_session() {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(session(home.path(), UNLOCK, "store ssh hunter2"), ["done"]);
    assert_eq!(session(home.path(), UNLOCK, "read ssh"), ["hunter2"]);
}

/// What this process has in memory at an address, read without touching it.
#[cfg(target_os = "linux")]
fn memory(at: usize, bytes: usize) -> Vec<u8> {
    use std::os::unix::fs::FileExt;
    let mut read = vec![0; bytes];
    let memory = std::fs::File::open("/proc/self/mem").unwrap();
    memory.read_exact_at(&mut read, at as u64).unwrap();
    read
}

#[test]
#[cfg(target_os = "linux")]
fn fr_018_a_secret_that_is_let_go_is_wiped_where_it_was() {
    let text = "Fr0m-The-B0ttom-Of-The-Gard3n".repeat(40);
    let other = "the other one".repeat(40);
    let mut secrets = Secrets::with_password(Some(Secret::new(text.clone())));
    let place = |secrets: &Secrets, kind| {
        let text = secrets.get(kind).unwrap().reveal();
        (text.as_ptr() as usize, text.len())
    };
    let replaced = place(&secrets, SecretKind::Database);
    assert_eq!(memory(replaced.0, replaced.1), text.as_bytes());
    secrets.set(SecretKind::Database, Some(Secret::new(other.clone())));
    secrets.set(SecretKind::Ssh, Some(Secret::new(text.clone())));
    let dropped = place(&secrets, SecretKind::Ssh);
    drop(secrets);
    for (at, length) in [replaced, dropped] {
        let left = memory(at, length);
        let has = |part: &[u8]| left.windows(part.len()).any(|bytes| bytes == part);
        assert!(!has(b"B0ttom") && !has(b"Gard3n"), "a secret was left");
    }
}

#[test]
fn fr_018_what_the_keyring_keeps_on_disk_is_not_in_the_clear() {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(session(home.path(), UNLOCK, "store database correct-horse"), ["done"]);
    let keyrings = home.path().join("data/keyrings");
    let mut files = 0;
    for entry in fs::read_dir(keyrings).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        files += 1;
        assert!(!bytes.windows(13).any(|window| window == b"correct-horse"));
    }
    assert!(files > 0);
}

#[test]
fn fr_019_a_missing_secret_is_not_found_which_is_not_unavailable() {
    let home = tempfile::tempdir().unwrap();
    let steps = "read database;read ssh;read ssl-key;delete database;store database x;delete database;read database";
    let seen = session(home.path(), UNLOCK, steps);
    let expected = ["not found", "not found", "not found", "done", "done", "done", "not found"];
    assert_eq!(seen, expected);
}

#[test]
fn fr_019a_a_locked_service_whose_prompt_nobody_answers_is_unavailable_for_every_kind() {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(session(home.path(), UNLOCK, "store database x"), ["done"]);
    // Nobody can be asked here: the service dismisses its own prompt.
    let steps = "read database;store database y;store ssh y;delete database";
    assert_eq!(
        session(home.path(), START_LOCKED, steps),
        ["unavailable", "unavailable", "unavailable", "unavailable"]
    );
    assert_eq!(session(home.path(), UNLOCK, "read database"), ["x"]);
}

#[test]
fn fr_019a_a_dismissed_prompt_is_unavailable_and_the_next_need_asks_again() {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(session(home.path(), UNLOCK, "store database x"), ["done"]);
    let steps = "dismiss;read database;dismissed;store ssh y;dismissed;read ssh;\
                 unlock;read database;dismissed";
    assert_eq!(
        session(home.path(), START_LOCKED, steps),
        [
            "unavailable",
            "1 dismissed",
            "unavailable",
            "2 dismissed",
            "not found",
            "x",
            "2 dismissed"
        ]
    );
}

#[test]
fn fr_019a_without_a_session_bus_the_keychain_is_unavailable() {
    let home = tempfile::tempdir().unwrap();
    let gone = "export DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent/bus";
    let steps = "read database;store ssh x;delete ssl-key";
    assert_eq!(session(home.path(), gone, steps), ["unavailable", "unavailable", "unavailable"]);
}

#[test]
fn fr_019a_a_bus_without_a_service_is_unavailable_and_a_service_that_appears_is_used_from_then_on()
{
    let home = tempfile::tempdir().unwrap();
    let steps =
        "read database;store database x;unlock;read database;store database y;read database";
    assert_eq!(
        session(home.path(), NOTHING, steps),
        ["unavailable", "unavailable", "not found", "done", "y"]
    );
}

#[test]
fn fr_019a_a_service_that_never_answers_delays_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    bus(home.path());
    // The bus waits for a service that it starts, and so does who calls it.
    fs::write(
        home.path().join("services/org.freedesktop.secrets.service"),
        // It outlives the bus, so it must not hold the pipe that the test reads.
        "[D-BUS Service]\nName=org.freedesktop.secrets\nExec=/bin/sh -c \"exec sleep 45 >/dev/null 2>&1\"\n",
    )
    .unwrap();
    assert_eq!(
        session(home.path(), NOTHING, "stall"),
        ["2 answers", "connected", "ran", "written"]
    );
}
