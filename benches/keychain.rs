//! How long the keychain takes to store and to read, on a real Secret Service: from the effect to its answer.
//!
//! Run it with `cargo bench --no-default-features --bench keychain`. It starts a D-Bus session and a gnome-keyring of
//! its own, in a temporary directory; the user's own is never touched. The first call opens the service, too.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use flume::Receiver;
use tusk::{
    base::{
        ids::{ConnectionId, Request},
        secret::{Secret, SecretKind},
    },
    effects::keychain::Keychain,
    msg::Msg,
    update::connection::keychain::Effect,
};

/// Set for the process inside the session alone.
const INSIDE: &str = "TUSK_BENCH_KEYCHAIN";
/// So often each is done.
const RUNS: u64 = 300;

fn main() {
    if std::env::var_os(INSIDE).is_some() {
        measure();
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let script = "printf 'opens\\n' | gnome-keyring-daemon --unlock --components=secrets >/dev/null; exec \"$0\"";
    let status = Command::new("dbus-run-session")
        .args(["--", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .env(INSIDE, "1")
        .env("HOME", home.path())
        .env("XDG_DATA_HOME", home.path().join("data"))
        .env("XDG_RUNTIME_DIR", home.path())
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .status()
        .expect("dbus-run-session is needed (Debian's package dbus)");
    assert!(status.success());
}

fn measure() {
    let (outbox, answers) = flume::unbounded();
    let keychain = Keychain::start(outbox);
    let connection = |number: u64| ConnectionId(uuid::Uuid::from_u128(u128::from(number)));
    let store = |number| Effect::Store {
        request: Request(number),
        connection: connection(number),
        kind: SecretKind::Database,
        password: Secret::new(format!("password of {number}")),
    };
    let read = |number| Effect::Read {
        request: Request(number),
        connection: connection(number),
        kind: SecretKind::Database,
    };
    let first = timed(&keychain, &answers, store(0));
    println!("the first call: {:.2} ms", first.as_secs_f64() * 1e3);
    let mut stored: Vec<_> =
        (1..=RUNS).map(|number| timed(&keychain, &answers, store(number))).collect();
    let mut taken: Vec<_> =
        (1..=RUNS).map(|number| timed(&keychain, &answers, read(number))).collect();
    print("stored", &mut stored);
    print("read", &mut taken);
}

/// From the effect to its answer, which must be a good one.
fn timed(keychain: &Keychain, answers: &Receiver<Msg>, effect: Effect) -> Duration {
    use tusk::update::connection::keychain::Msg as Answer;
    let began = Instant::now();
    keychain.perform(effect);
    let answer = answers.recv().unwrap();
    let took = began.elapsed();
    let Msg::Keychain(Answer::Read { result: Ok(_), .. } | Answer::Stored { result: Ok(()), .. }) =
        answer
    else {
        panic!("{answer:?}")
    };
    took
}

fn print(what: &str, values: &mut [Duration]) {
    values.sort();
    let at = |share: f64| values[((values.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{} {what}: median {:.2} ms, p99 {:.2} ms, longest {:.2} ms",
        values.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}
