//! How the built program ends when it is not asked kindly: by signals, by limits of the system, and by SIGKILL while
//! somebody types.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use crate::support::{generated, server};
use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use generated::{Random, as_many_as, seed};
use rustix::process::{Pid, Signal, kill_process};
use server::TestServer;

/// Generous: only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program with a story, in a shell that may set limits before.
fn tusk(limits: &str, story: &Path, data: &Path, more: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("{limits} exec \"$@\""))
        .arg("sh")
        .arg(env!("CARGO_BIN_EXE_tusk"))
        .arg("story")
        .arg(story)
        .arg("--data-dir")
        .arg(data)
        .args(more)
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .env("TUSK_LOG", "warn")
        .stdin(Stdio::null());
    command
}

#[track_caller]
fn wait_for(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < PATIENCE, "{what}: it never came");
        std::thread::yield_now();
    }
}

fn is_written(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|metadata| metadata.len() > 0)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn ended_by_itself(what: &str, output: &Output) {
    let said = said(output);
    assert!(output.status.signal().is_none(), "{what}: {}: {said}", output.status);
    assert!(!said.contains("panicked"), "{what}: {said}");
}

#[test]
fn a_signal_ends_what_runs_on_the_server_and_keeps_what_is_typed() {
    let server = TestServer::shared();
    for (signal, name) in
        [(Signal::TERM, "SIGTERM"), (Signal::HUP, "SIGHUP"), (Signal::INT, "SIGINT")]
    {
        let database = server.fresh_database();
        let place = tempfile::tempdir().unwrap();
        let (story, data) = (place.path().join("a.story"), place.path().join("data"));
        let ready = place.path().join("ready");
        let text = format!(
            "connect {}\nwait connected 30\ntext select pg_sleep(1000);\ncommand query.run\nwait running\n\
             command tab.new\ntype typed before {name}\ndump screen {}\nsleep 600\n",
            server.url_unix(&database),
            ready.display()
        );
        fs::write(&story, text).unwrap();
        let child = tusk("", &story, &data, &[]).stderr(Stdio::piped()).spawn().unwrap();
        let mut child = Running(Some(child));
        let active = || {
            let sql = "select count(*) from pg_stat_activity
                where state = 'active' and query like 'select pg_sleep(1000)%' and datname = current_database()";
            server.psql(&database, sql).trim().to_owned()
        };
        wait_for(name, || is_written(&ready));
        wait_for(name, || active() == "1");
        kill_process(child.pid(), signal).unwrap();
        let output = child.wait();
        ended_by_itself(name, &output);
        assert!(said(&output).contains("the program has quit"), "{}", said(&output));
        wait_for(name, || active() == "0");
        let again = format!("wait idle\nexpect screen contains \"typed before {name}\"\n");
        fs::write(&story, again).unwrap();
        let output = tusk("", &story, &data, &[]).output().unwrap();
        assert!(output.status.success(), "{name}: {}", said(&output));
    }
}

/// A program that does not outlive its test.
struct Running(Option<Child>);

impl Running {
    fn pid(&self) -> Pid {
        Pid::from_child(self.0.as_ref().unwrap())
    }

    fn wait(&mut self) -> Output {
        self.0.take().unwrap().wait_with_output().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            child.kill().unwrap_or_default();
            child.wait().unwrap();
        }
    }
}

#[test]
fn few_open_files_are_told_of_and_end_in_no_panic() {
    let server = TestServer::shared();
    let database = server.fresh_database();
    let place = tempfile::tempdir().unwrap();
    let story = place.path().join("a.story");
    let text = format!(
        "connect {}\nwait connected 30\ntext select 1;\ncommand query.run\nwait idle\nexpect result 1 rows 1\n",
        server.url_unix(&database)
    );
    fs::write(&story, text).unwrap();
    for files in [4, 5, 6, 8, 10, 12, 16, 20, 32, 48, 64, 66, 68, 70, 72, 76, 80, 96, 128] {
        let data = place.path().join(format!("data-{files}"));
        let limits = format!("ulimit -n {files} &&");
        let output = tusk(&limits, &story, &data, &[]).output().unwrap();
        let what = format!("{files} open files");
        ended_by_itself(&what, &output);
        // A program needs a few to be loaded at all.
        if !output.status.success() && files >= 10 {
            assert!(said(&output).contains("ulimit -n"), "{what}: {}", said(&output));
            assert!(files < 96, "{what}: {}", said(&output));
        }
    }
    // A limit that the user may raise is raised.
    let data = place.path().join("data");
    let output = tusk("ulimit -S -n 12 &&", &story, &data, &[]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn a_limit_on_the_size_of_files_is_told_of_and_ends_nothing() {
    let place = tempfile::tempdir().unwrap();
    let (story, out) = (place.path().join("a.story"), place.path().join("out"));
    let typed = "select 'a long line that has to be kept';\\n".repeat(40);
    let text = format!(
        "wait idle\ncommand focus.editor\ntype {typed}\nwait idle\ndump model {}\n",
        out.display()
    );
    fs::write(&story, text.repeat(10)).unwrap();
    let mut told = vec![];
    // In blocks of 512 bytes.
    for blocks in [0, 1, 8, 64, 90, 128, 256, 512] {
        let data = place.path().join(format!("data-{blocks}"));
        let limits = format!("ulimit -f {blocks} &&");
        let recording = place.path().join(format!("recording-{blocks}"));
        let more = ["--record", recording.to_str().unwrap()];
        for more in [&more[..], &[]] {
            let output = tusk(&limits, &story, &data, more).output().unwrap();
            ended_by_itself(&format!("{blocks} blocks"), &output);
            if !output.status.success() {
                told.push(said(&output));
            }
        }
    }
    let met = told.iter().any(|said| said.contains("File too large"));
    assert!(met, "no limit was met: {told:?}");
    // Not even what is said can be written.
    let nowhere = fs::File::create(place.path().join("nowhere")).unwrap();
    let output = tusk("ulimit -f 0 &&", &story, &place.path().join("data"), &[])
        .stderr(nowhere)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    // What the disk does not take is said in the window.
    let typed = format!("wait idle\ncommand focus.editor\ntype {typed}\nwait idle\n");
    let told = "expect screen contains \"not on disk yet\"\n";
    fs::write(&story, typed.repeat(30) + told).unwrap();
    let data = place.path().join("data-told");
    let output = tusk("ulimit -f 256 &&", &story, &data, &[]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

/// Somebody who types into three tabs, and what is in them after each step.
struct Typist {
    tabs: Vec<String>,
    active: usize,
    number: usize,
}

impl Typist {
    /// A step, which is one edit at the most, as a line of a story.
    fn step(&mut self, random: &mut Random) -> String {
        let text = &mut self.tabs[self.active];
        match random.below(20) {
            0 | 1 => {
                self.active = (self.active + 1) % self.tabs.len();
                "command tab.next\npress ctrl-end".into()
            }
            2 | 3 => {
                text.pop();
                "press backspace".into()
            }
            4 => {
                text.push('\n');
                "press enter".into()
            }
            5 if text.len() > 200 => {
                self.number += 1;
                *text = format!("anew {};", self.number);
                format!("text {text}")
            }
            _ => {
                self.number += 1;
                let word = format!("wört{};", self.number);
                text.push_str(&word);
                format!("type {word}")
            }
        }
    }
}

#[test]
fn kills_while_typing_lose_nothing() {
    let mut random = Random::new(seed());
    let kills = as_many_as(10, 2_000);
    let mut done = 0;
    while done < kills {
        // A new store now and then, so that texts stay short.
        let place = tempfile::tempdir().unwrap();
        let mut typist = begun(place.path());
        for life in 0..(kills - done).min(50) {
            live_and_die(place.path(), life, &mut typist, &mut random);
            done += 1;
        }
    }
}

/// A store with three tabs.
fn begun(place: &Path) -> Typist {
    let story = place.join("a.story");
    fs::write(
        &story,
        "wait idle\ntext 0;\ncommand tab.new\ntext 1;\ncommand tab.new\ntext 2;\nwait idle\n",
    )
    .unwrap();
    let output = tusk("", &story, &place.join("data"), &[]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    Typist { tabs: vec!["0;".into(), "1;".into(), "2;".into()], active: 2, number: 0 }
}

/// Types, is killed at some moment, and starts again: the tabs are as they were after some step, and none that was
/// waited for is missing.
fn live_and_die(place: &Path, life: usize, typist: &mut Typist, random: &mut Random) {
    const STEPS: usize = 60;
    let (story, data) = (place.join("a.story"), place.join("data"));
    let mark = |step: usize| place.join(format!("mark-{life}-{step}"));
    let mut text = String::from("wait idle\ncommand focus.editor\npress ctrl-end\n");
    // What is in the tabs after each step, and the steps that were waited for.
    let mut states = vec![(typist.tabs.clone(), typist.active)];
    let mut marks: Vec<(usize, PathBuf)> = vec![];
    for step in 1..=STEPS {
        text += &typist.step(random);
        text.push('\n');
        states.push((typist.tabs.clone(), typist.active));
        if random.chance(30) {
            text += "wait idle\n";
            text += &format!("dump screen {}\n", mark(step).display());
            marks.push((step, mark(step)));
        }
    }
    text += &format!("wait idle\ndump screen {}\nsleep 600\n", mark(STEPS + 1).display());
    marks.push((STEPS, mark(STEPS + 1)));
    fs::write(&story, text).unwrap();
    let mut child = Running(Some(tusk("", &story, &data, &[]).spawn().unwrap()));
    let (_, moment) = random.pick(&marks);
    wait_for("a mark", || is_written(moment));
    for _ in 0..random.below(20_000) {
        std::thread::yield_now();
    }
    kill_process(child.pid(), Signal::KILL).unwrap();
    child.wait();
    let waited_for = marks.iter().rev().find(|(_, mark)| is_written(mark)).unwrap().0;

    let model = place.join("model");
    fs::write(&story, format!("wait idle\ndump model {}\n", model.display())).unwrap();
    let output = tusk("", &story, &data, &[]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let found = tabs_in(&model);
    let after = states[waited_for..].iter().position(|(tabs, _)| *tabs == found);
    let Some(after) = after else {
        panic!(
            "life {life}: after step {waited_for} of {STEPS} the tabs were\n{:?}\nand they came back as\n{found:?}",
            states[waited_for].0
        );
    };
    // The layout is kept a moment later than the text: which tab is the active one is asked, not known.
    typist.tabs = found;
    typist.active = active_in(&model);
    assert!(waited_for + after <= STEPS);
}

fn model_in(file: &Path) -> serde_json::Value {
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

fn tabs_in(file: &Path) -> Vec<String> {
    let model = model_in(file);
    let tabs = model["pages"]["open"].as_array().unwrap();
    tabs.iter().map(|tab| tab["editor"]["buffer"]["text"].as_str().unwrap().to_owned()).collect()
}

fn active_in(file: &Path) -> usize {
    let model = model_in(file);
    let active = &model["pages"]["active"];
    let tabs = model["pages"]["open"].as_array().unwrap();
    tabs.iter().position(|tab| tab["id"] == *active).unwrap()
}
