//! Files that are not files: whatever has the name of a file that Tusk opens, it ends or goes on within a bounded time and
//! memory, says what was wrong with a file that it needs, and changes neither the permissions nor the owner of anything.
//!
//! Each run is the built program, with a home and a data directory of its own: a place, a kind of thing, and up to two
//! links in front of it.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod places;
mod things;

use crate::support::generated;
use std::{
    ffi::OsString,
    fs,
    io::{Read, Write},
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use generated::{Random, as_many_as, is_long, seed};
use places::{Need, PLACES, Place, Run, World};
use things::{Held, KINDS, Kind};

/// Generous: only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A run takes a tenth of it.
const MEMORY_MAX_KB: u64 = 600 << 10;

/// What the shell lets a run have at the most, so that the machine outlives a run that takes all. Most of it is only
/// set aside and never used.
const ADDRESSES_MAX_KB: u64 = 3 << 20;

const LINKS_MAX: usize = 2;

/// A run that is tried.
#[derive(Clone, Copy)]
struct Case {
    place: Place,
    kind: Kind,
    links: usize,
}

/// What a run came to.
struct Ended {
    status: Option<ExitStatus>,
    said: String,
    memory_kb: u64,
}

/// The program: another one is tried by its name in `TUSK_FILES_PROGRAM`, so that this test is seen to fail on it.
fn program() -> OsString {
    std::env::var_os("TUSK_FILES_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_tusk").into())
}

fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for place in PLACES {
        for kind in KINDS {
            all.extend((0..=LINKS_MAX).map(|links| Case { place, kind, links }));
        }
    }
    all.retain(|case| case.makes_sense());
    all
}

impl Case {
    /// A file of the system's can only be linked to. Who names a pipe as the standard input wants it to be waited for.
    /// With a lock that is one, a sandbox would start.
    fn makes_sense(&self) -> bool {
        let waits = matches!(
            self.kind,
            Kind::PipeWithoutWriter
                | Kind::PipeWithSilentWriter
                | Kind::Terminal
                | Kind::Multiplexer
                | Kind::Socket
                | Kind::LinkToNothing
                | Kind::LinkCircle
                | Kind::Unreadable
                | Kind::InClosedDirectory
        );
        let of_system = self.kind.system_file().is_some() && self.links == 0;
        let starts = self.links == 0 && self.kind.is_file();
        match self.place.0 {
            "story of standard input" => !of_system && !waits,
            "sandbox's lock" | "sandbox's users" => !of_system && !starts,
            _ => !of_system,
        }
    }

    fn name(&self) -> String {
        format!("{}: {:?} behind {} links", self.place.0, self.kind, self.links)
    }

    /// Why it is not as it has to be; none where it is, or where this user can't have the thing.
    fn problem(&self) -> Option<String> {
        let world = World::new();
        let run = (self.place.2)(&world);
        let (thing, names) = self.lay(&world, &run.place)?;
        let held: Vec<(PathBuf, Held)> =
            names.iter().filter_map(|name| Some((name.clone(), Held::of(name)?))).collect();
        let before: Vec<_> = held.iter().map(|(_, held)| held.state()).collect();
        let ended = ended(&run);
        let after: Vec<_> = held.iter().map(|(_, held)| held.state()).collect();
        let moved = self.kind.is_no_file() && held.iter().any(|(name, held)| !held.is_at(name));
        drop(thing);
        let place = run.place.display().to_string();
        let needed = self.place.1 == Need::Needed && self.kind.is_no_file();
        let names_it = ended.said.contains(&place) || !needed || self.is_fine();
        match ended.status {
            None => Some("it did not end".into()),
            Some(status) if status.code().is_none() => {
                Some(format!("it ended by a signal: {status}"))
            }
            Some(status) if status.code().is_some_and(|code| code > 100) => {
                Some(format!("it ended with {status}"))
            }
            _ if ended.memory_kb > MEMORY_MAX_KB => Some(format!("it took {} kB", ended.memory_kb)),
            _ if before != after => Some(format!("{before:?} became {after:?}")),
            _ if moved => Some("it was moved away".into()),
            _ if !names_it => Some(format!("it does not name {place}")),
            _ => None,
        }
        .map(|problem| format!("{}: {problem}\n{}", self.name(), ended.said))
    }

    /// A directory is what some places want, and a directory that is none of a file's is found out by nobody.
    fn is_fine(&self) -> bool {
        self.kind == Kind::Directory && ["data directory", "time zone"].contains(&self.place.0)
    }

    /// Puts the thing in its place, behind its links: the names of all of them, and what the thing leads through.
    fn lay(&self, world: &World, place: &Path) -> Option<(things::Thing, Vec<PathBuf>)> {
        let link = |number: usize| world.root().join(format!("link-{number}"));
        let mut names: Vec<PathBuf> = vec![place.to_owned()];
        names.extend((1..self.links).map(link));
        let at = match self.links {
            0 => place.to_owned(),
            _ => world.root().join("thing"),
        };
        let thing = things::make(self.kind, &at)?;
        if self.links == 0 {
            // The machine's own device can only be linked to.
            return (thing.path == at).then_some((thing, names));
        }
        for (number, name) in names.iter().enumerate() {
            let to = names.get(number + 1).unwrap_or(&thing.path);
            symlink(to, name).unwrap();
        }
        names.push(thing.path.clone());
        Some((thing, names))
    }
}

/// Runs the program until it ends, or is ended because it does not.
fn ended(run: &Run) -> Ended {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -v {ADDRESSES_MAX_KB}; exec \"$0\" \"$@\"")])
        .arg(program())
        .args(&run.arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("TZ", "UTC")
        .envs(run.variables.iter().cloned())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let input = match &run.story {
        Some(_) => Stdio::piped(),
        None => fs::File::open(&run.place).unwrap().into(),
    };
    let mut child = command.stdin(input).spawn().unwrap();
    if let (Some(story), Some(mut input)) = (&run.story, child.stdin.take()) {
        // It may have ended before it read anything.
        input.write_all(format!("{story}dump screen -\n").as_bytes()).unwrap_or_default();
    }
    let said = [reader(child.stdout.take().unwrap()), reader(child.stderr.take().unwrap())];
    let (status, memory_kb) = watched(&mut child);
    let said = said.map(|thread| thread.join().unwrap()).concat();
    Ended { status, said, memory_kb }
}

fn reader(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// How it ended, none where it had to be ended, and the most memory that it was seen to have.
fn watched(child: &mut Child) -> (Option<ExitStatus>, u64) {
    let began = Instant::now();
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut memory_kb = 0;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse().ok());
        memory_kb = memory_kb.max(peak.unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            return (Some(status), memory_kb);
        }
        if began.elapsed() > PATIENCE || memory_kb > 2 * MEMORY_MAX_KB {
            child.kill().unwrap();
            child.wait().unwrap();
            return (None, memory_kb);
        }
        thread::sleep(Duration::from_millis(3));
    }
}

/// A part of the cases in which every place and every kind is.
fn slice(mut cases: Vec<Case>, random: &mut Random, count: usize) -> Vec<Case> {
    for last in (1..cases.len()).rev() {
        cases.swap(last, random.below(last + 1));
    }
    let mut chosen: Vec<Case> = Vec::new();
    for number in 0..count {
        let place = PLACES[number % PLACES.len()].0;
        let kind = KINDS[number % KINDS.len()];
        let of_place = |case: &Case| case.place.0 == place;
        let found = cases
            .iter()
            .position(|case| of_place(case) && case.kind == kind)
            .or_else(|| cases.iter().position(of_place));
        chosen.extend(found.map(|at| cases.swap_remove(at)));
    }
    chosen
}

/// The devices of the machine, whose permissions no run may change either.
fn machine() -> Vec<(u32, u32, u32)> {
    ["null", "zero", "full", "tty", "ptmx"]
        .iter()
        .filter_map(|name| fs::metadata(Path::new("/dev").join(name)).ok())
        .map(|found| (found.mode(), found.uid(), found.gid()))
        .collect()
}

/// What is wrong with any of these.
fn problems(cases: &[Case]) -> Vec<String> {
    let before = machine();
    let next = AtomicUsize::new(0);
    let problems = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    problems.lock().unwrap().extend(case.problem());
                }
            });
        }
    });
    assert_eq!(machine(), before, "a device of the machine was changed");
    problems.into_inner().unwrap()
}

#[test]
fn whatever_has_the_name_of_a_file_does_no_harm() {
    let mut random = Random::new(seed());
    let all = cases();
    let (total, count) = (all.len(), as_many_as(252, usize::MAX));
    let tried = if is_long() { all } else { slice(all, &mut random, count) };
    let problems = problems(&tried);
    println!("{} of {total} runs, {} of them bad", tried.len(), problems.len());
    assert!(
        problems.is_empty(),
        "{} of {}:\n{}",
        problems.len(),
        tried.len(),
        problems.join("\n\n")
    );
}

#[test]
fn eight_gigabytes_in_any_place_are_read_in_part() {
    let mut all = cases();
    all.retain(|case| case.links == 0 && matches!(case.kind, Kind::Huge | Kind::Holes));
    let problems = problems(&all);
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

#[test]
fn a_store_that_others_may_read_is_told_of_with_the_command_and_stays_as_it_is() {
    let world = World::new();
    let run = world.at("data/tusk.sqlite");
    assert!(ended(&run).status.is_some_and(|status| status.success()));
    for (mode, told) in [(0o644, true), (0o640, true), (0o600, false), (0o400, false)] {
        fs::set_permissions(&run.place, fs::Permissions::from_mode(mode)).unwrap();
        let ended = ended(&run);
        let command = format!("chmod 600 {}*", run.place.display());
        assert_eq!(ended.said.contains(&command), told, "{mode:o}: {}", ended.said);
        assert_eq!(fs::metadata(&run.place).unwrap().mode() & 0o7777, mode);
    }
}

/// Whoever may read the file of an earlier run does not read this one.
#[test]
fn a_recording_takes_the_place_of_another_as_a_new_file_of_its_owners_alone() {
    let world = World::new();
    let run = world.at("named").option("--record");
    assert!(ended(&run).status.is_some_and(|status| status.success()));
    fs::set_permissions(&run.place, fs::Permissions::from_mode(0o644)).unwrap();
    let other = Held::of(&run.place).unwrap();
    let before = other.state();
    assert!(ended(&run).status.is_some_and(|status| status.success()));
    assert_eq!(other.state(), before);
    assert!(!other.is_at(&run.place));
    assert_eq!(fs::metadata(&run.place).unwrap().mode() & 0o7777, 0o600);
}
