//! The keychain on a real Secret Service: a D-Bus session and a gnome-keyring-daemon of the test's own.
//!
//! Each test runs the helper below, which is this same program, inside a session. The keyring lies in a
//! temporary directory: the user's own is never touched.
#![cfg(target_os = "linux")]
// All of this file is a test, helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{path::Path, process::Command, time::Duration};

use tusk::{
    base::{
        ids::{ConnectionId, Request},
        secret::{Secret, SecretKind},
    },
    effects::keychain::Keychain,
    msg::Msg as RootMsg,
    update::connection::keychain::{Effect, Msg, Refusal},
};

/// Set for the helper alone: what it is to do.
const STEPS: &str = "TUSK_TEST_KEYCHAIN_STEPS";

const UNLOCK: &str =
    "printf 'opens\\n' | gnome-keyring-daemon --unlock --components=secrets >/dev/null";
const START_LOCKED: &str = "gnome-keyring-daemon --start --components=secrets >/dev/null";

/// Generous: only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(90);

/// What the helper saw, one line for each step.
#[track_caller]
fn session(home: &Path, prepare: &str, steps: &str) -> Vec<String> {
    let script =
        format!("{prepare}; exec \"$0\" --exact keychain::the_helper_does_its_steps --nocapture");
    let output = Command::new("dbus-run-session")
        .args(["--", "sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(STEPS, steps)
        .env("HOME", home)
        .env("XDG_DATA_HOME", home.join("data"))
        .env("XDG_RUNTIME_DIR", home)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .output()
        .expect("dbus-run-session is needed (Debian's package dbus)");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    // The harness may have written its own words on the same line.
    let lines = text.lines().filter_map(|line| Some(line.split_once("step: ")?.1.to_owned()));
    lines.collect()
}

fn perform(step: &str) -> String {
    let (outbox, inbox) = flume::unbounded();
    let keychain = Keychain::start(outbox);
    let request = Request(1);
    let connection = ConnectionId(uuid::Uuid::from_u128(7));
    keychain.perform(match step.split_once(' ') {
        Some((_, password)) => Effect::Store {
            request,
            connection,
            kind: SecretKind::Database,
            password: Secret::new(password),
        },
        None if step == "delete" => {
            Effect::Delete { request, connection, kind: SecretKind::Database }
        }
        None => Effect::Read { request, connection, kind: SecretKind::Database },
    });
    let shown = |refusal| match refusal {
        Refusal::NotFound => "not found".to_owned(),
        Refusal::Unavailable { .. } => "unavailable".to_owned(),
    };
    match inbox.recv_timeout(PATIENCE).unwrap() {
        RootMsg::Keychain(Msg::Read { result, .. }) => {
            result.map_or_else(shown, |secret| secret.reveal().to_owned())
        }
        RootMsg::Keychain(Msg::Stored { result, .. } | Msg::Deleted { result, .. }) => {
            result.map_or_else(shown, |()| "done".to_owned())
        }
        other => panic!("{other:?}"),
    }
}

/// Run by the tests below inside their sessions; by itself it has nothing to do.
#[test]
fn the_helper_does_its_steps() {
    let Ok(steps) = std::env::var(STEPS) else {
        return;
    };
    for step in steps.split(';') {
        println!("step: {}", perform(step));
    }
}

#[test]
fn an_unlocked_service_stores_reads_and_deletes() {
    let home = tempfile::tempdir().unwrap();
    let steps = "read;store hunter2;read;store pass wörd;read;delete;delete;read";
    let seen = session(home.path(), UNLOCK, steps);
    let expected =
        ["not found", "done", "hunter2", "done", "pass wörd", "done", "done", "not found"];
    assert_eq!(seen, expected);
}

#[test]
fn a_password_is_there_in_the_next_session_and_unavailable_while_it_is_locked() {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(session(home.path(), UNLOCK, "store hunter2"), ["done"]);
    assert_eq!(session(home.path(), START_LOCKED, "read"), ["unavailable"]);
    assert_eq!(session(home.path(), UNLOCK, "read"), ["hunter2"]);
}

#[test]
fn without_a_session_bus_the_keychain_is_unavailable() {
    let home = tempfile::tempdir().unwrap();
    let gone = "export DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent/bus";
    assert_eq!(session(home.path(), gone, "read;store x"), ["unavailable", "unavailable"]);
}
