//! The settings file: reads it when it changes, and writes it if nobody else changed it first. Also the log that it
//! configures.
//!
//! One thread does this. It checks the file's time and size twice a second, which costs one system call and works on
//! every file system, network drives too; editors that replace a file with another one cause no trouble.

use std::{
    fs::{self, File, Metadata, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant, SystemTime},
};

use flume::{Receiver, RecvTimeoutError, Sender};

use super::{
    files,
    in_order::InOrder,
    log as log_files,
    regular_file::{self, Made, SMALL},
};
use crate::{
    base::ids::Request,
    failure::{Category, Failure},
    update::settings::file::{Effect, Msg, Written},
};

#[derive(Debug)]
pub struct SettingsFiles {
    thread: InOrder<Effect>,
    outbox: Sender<crate::msg::Msg>,
}

/// How often to check the file.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long another Tusk may take to write it.
const LOCK_LIMIT: Duration = Duration::from_secs(5);
const LOCK_POLL: Duration = Duration::from_millis(2);

impl SettingsFiles {
    /// Starts the thread.
    pub fn start(outbox: Sender<crate::msg::Msg>) -> Self {
        let keeper = Keeper { watched: None, outbox: outbox.clone() };
        let thread = InOrder::start("tusk-settings", move |inbox| keeper.run(inbox));
        Self { thread, outbox }
    }

    /// Takes an effect and returns at once; the answer comes through the outbox.
    pub fn perform(&self, effect: Effect) {
        if let Err(effect) = self.thread.ask(effect) {
            send(&self.outbox, refusal(effect));
        }
    }

    /// Does everything requested and ends the thread. False if that takes longer than `within`.
    pub fn flush_and_stop(&self, within: Duration) -> bool {
        self.thread.flush_and_stop(within)
    }
}

struct Keeper {
    watched: Option<Watched>,
    outbox: Sender<crate::msg::Msg>,
}

struct Watched {
    request: Request,
    path: PathBuf,
    /// The file's time and size when it was read.
    seen: Option<(Option<SystemTime>, u64)>,
    /// The last report; none before the first.
    reported: Option<Result<Option<String>, String>>,
}

impl Keeper {
    fn run(mut self, inbox: &Receiver<Effect>) {
        loop {
            // Without a file to watch, there is nothing to check, and the thread sleeps.
            let next = match self.watched {
                Some(_) => inbox.recv_deadline(Instant::now() + LOOK_EVERY),
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match next {
                Ok(effect) => self.perform(effect),
                Err(RecvTimeoutError::Timeout) => self.look(false),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.end_watch();
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Watch { request, path } => {
                self.end_watch();
                self.watched = Some(Watched {
                    request,
                    path: files::absolute(&path),
                    seen: None,
                    reported: None,
                });
                self.look(true);
            }
            Effect::Write { request, path, text, expected } => {
                let path = files::absolute(&path);
                let result = write(&path, &text, expected.as_deref());
                match (&result, &mut self.watched) {
                    (Written::Done, Some(watched)) if watched.path == path => {
                        watched.seen = fs::metadata(&path).ok().map(|found| looks(&found));
                        watched.reported = Some(Ok(Some(text)));
                    }
                    (Written::Conflict, Some(watched)) => watched.reported = None,
                    _ => {}
                }
                let conflict = result == Written::Conflict;
                send(&self.outbox, Msg::Written { request, result });
                if conflict {
                    self.look(true);
                }
            }
            Effect::ConfigureLog { request, data_dir, level, days } => {
                let directory = files::absolute(&data_dir).join(log_files::DIRECTORY);
                let warning = log_files::configure(&directory, level, days);
                send(&self.outbox, Msg::LogConfigured { request, warning });
            }
        }
    }

    fn look(&mut self, anyway: bool) {
        let Some(watched) = &mut self.watched else {
            return;
        };
        let seen = fs::metadata(&watched.path).ok().map(|found| looks(&found));
        if seen == watched.seen && !anyway {
            return;
        }
        watched.seen = seen;
        let found = read(&watched.path).map_err(|error| error.to_string());
        if watched.reported.as_ref() == Some(&found) {
            return;
        }
        watched.reported = Some(found.clone());
        let path = watched.path.display();
        let result = found.map_err(|reason| {
            Failure::new(Category::Storage, format!("{path} can't be read ({reason})"))
        });
        let request = watched.request;
        send(&self.outbox, Msg::Read { request, result });
    }

    fn end_watch(&mut self) {
        if let Some(Watched { request, .. }) = self.watched.take() {
            send(&self.outbox, Msg::WatchEnded { request });
        }
    }
}

fn looks(found: &Metadata) -> (Option<SystemTime>, u64) {
    (found.modified().ok(), found.len())
}

/// The content of a settings file; none if there is no file.
pub fn read(path: &Path) -> io::Result<Option<String>> {
    match regular_file::read_text(path, SMALL) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes the file through another one, so that nobody ever reads half of it. Somebody who writes at the same moment
/// waits, and then finds that the content is not as expected any more.
fn write(path: &Path, text: &str, expected: Option<&str>) -> Written {
    let done = || -> io::Result<bool> {
        // A link to a file elsewhere stays a link.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if read(path)?.as_deref() != expected {
            return Ok(false);
        }
        if let Some(directory) = target.parent() {
            fs::create_dir_all(directory)?;
        }
        let mut aside = target.clone().into_os_string();
        aside.push(".new");
        let aside = PathBuf::from(aside);
        let made = alone(&aside).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", aside.display()))
        })?;
        let written = read(path).and_then(|found| {
            if found.as_deref() != expected {
                return fs::remove_file(&aside).map(|()| false);
            }
            if let Some(found) = regular_file::look(&target)? {
                made.be_like(&found)?;
            }
            made.file().write_all(text.as_bytes())?;
            made.file().sync_all()?;
            fs::rename(&aside, &target).map(|()| true)
        });
        if written.is_err() {
            // The next write removes it.
            fs::remove_file(&aside).unwrap_or_default();
        }
        written
    };
    match done() {
        Ok(true) => Written::Done,
        Ok(false) => Written::Conflict,
        Err(error) => {
            let message = format!("{}: {error}.", path.display());
            Written::Failed(Failure::new(Category::Storage, message))
        }
    }
}

/// A new file with this name that no other Tusk writes until it is closed or renamed. Removes one that was left behind.
fn alone(path: &Path) -> io::Result<Made> {
    loop {
        let made = match regular_file::make_usual(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                take_away(path)?;
                continue;
            }
            made => made?,
        };
        lock(made.file())?;
        // Before it was locked, somebody may have taken it for one that was left behind.
        if regular_file::is_at(made.file(), path) {
            return Ok(made);
        }
    }
}

/// Waits for whoever writes the file, and removes it if it is still there then: nobody will finish it.
fn take_away(path: &Path) -> io::Result<()> {
    let left = match regular_file::existing(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {
            return Ok(());
        }
        left => left?,
    };
    lock(&left)?;
    if regular_file::is_at(&left, path) {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// Waits for the others. On a file system without locks there is nothing to wait for.
fn lock(file: &File) -> io::Result<()> {
    let deadline = Instant::now() + LOCK_LIMIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => {
                log::debug!("the settings' file is not locked: {error}");
                return Ok(());
            }
            Err(TryLockError::WouldBlock) if Instant::now() > deadline => {
                let message = "another Tusk has been writing it for too long";
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_POLL),
        }
    }
}

fn refusal(effect: Effect) -> Msg {
    match effect {
        Effect::Watch { request, .. } => Msg::WatchEnded { request },
        Effect::Write { request, .. } => {
            let failure = Failure::new(Category::Storage, "Tusk is shutting down.");
            let result = Written::Failed(failure);
            Msg::Written { request, result }
        }
        Effect::ConfigureLog { request, .. } => Msg::LogConfigured { request, warning: None },
    }
}

fn send(outbox: &Sender<crate::msg::Msg>, msg: Msg) {
    if outbox.send(msg.into()).is_err() {
        log::debug!("Nobody waits for settings any more");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Generous: only a hang reaches it.
    const PATIENCE: Duration = Duration::from_secs(60);

    struct Fixture {
        files: SettingsFiles,
        inbox: Receiver<crate::msg::Msg>,
        path: PathBuf,
        _directory: tempfile::TempDir,
    }

    impl Fixture {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let (outbox, inbox) = flume::unbounded();
            Self {
                files: SettingsFiles::start(outbox),
                inbox,
                path: directory.path().join("config/settings.toml"),
                _directory: directory,
            }
        }

        fn watch(&self) {
            self.files.perform(Effect::Watch {
                request: Request(1),
                path: self.path.display().to_string(),
            });
        }

        #[track_caller]
        fn answer(&self) -> Msg {
            match self.inbox.recv_timeout(PATIENCE).unwrap() {
                crate::msg::Msg::SettingsFile(msg) => msg,
                other => panic!("{other:?}"),
            }
        }

        #[track_caller]
        fn read(&self) -> Option<String> {
            match self.answer() {
                Msg::Read { request: Request(1), result } => result.unwrap(),
                other => panic!("{other:?}"),
            }
        }

        #[track_caller]
        fn write(&self, text: &str, expected: Option<&str>) -> Written {
            self.files.perform(Effect::Write {
                request: Request(2),
                path: self.path.display().to_string(),
                text: text.into(),
                expected: expected.map(str::to_owned),
            });
            loop {
                match self.answer() {
                    Msg::Written { request: Request(2), result } => return result,
                    // The thread may have checked just before.
                    Msg::Read { .. } => {}
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    #[test]
    fn a_file_is_reported_at_first_and_when_another_program_changes_or_deletes_it() {
        let fixture = Fixture::new();
        fixture.watch();
        assert_eq!(fixture.read(), None);
        fs::create_dir_all(fixture.path.parent().unwrap()).unwrap();
        fs::write(&fixture.path, "size = 110").unwrap();
        // A read may hit the middle of the write; the last one has everything.
        let mut found = fixture.read();
        while found.as_deref() != Some("size = 110") {
            found = fixture.read();
        }
        fs::remove_file(&fixture.path).unwrap();
        assert_eq!(fixture.read(), None);
        assert!(fixture.files.flush_and_stop(PATIENCE));
        let request = Request(1);
        assert_eq!(fixture.answer(), Msg::WatchEnded { request });
        fixture.watch();
        assert_eq!(fixture.answer(), Msg::WatchEnded { request });
    }

    #[test]
    fn what_is_written_is_not_reported_back_and_nothing_is_written_over_anothers_change() {
        let fixture = Fixture::new();
        fixture.watch();
        assert_eq!(fixture.read(), None);
        assert_eq!(fixture.write("size = 110", None), Written::Done);
        assert_eq!(fs::read_to_string(&fixture.path).unwrap(), "size = 110");
        fs::write(&fixture.path, "size = 120 # mine").unwrap();
        assert_eq!(fixture.write("size = 90", Some("size = 110")), Written::Conflict);
        assert_eq!(fixture.read().as_deref(), Some("size = 120 # mine"));
        assert_eq!(fs::read_to_string(&fixture.path).unwrap(), "size = 120 # mine");
    }

    #[test]
    fn a_file_that_is_not_text_is_said_to_be_none() {
        let fixture = Fixture::new();
        fs::create_dir_all(fixture.path.parent().unwrap()).unwrap();
        fs::write(&fixture.path, b"size = \xff").unwrap();
        fixture.watch();
        let Msg::Read { result: Err(failure), .. } = fixture.answer() else {
            panic!("it was read");
        };
        assert!(failure.message.contains("not UTF-8"), "{failure:?}");
    }

    #[test]
    fn of_several_that_write_at_once_one_does_and_the_others_hear_of_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("settings.toml");
        let mut expected = None;
        for round in 0..50 {
            let texts: Vec<String> =
                (1..=4).map(|one| format!("# {round} {one}\n").repeat(one * 1_000)).collect();
            let results: Vec<Written> = thread::scope(|scope| {
                let write_one = |text| write(&path, text, expected.as_deref());
                let writers: Vec<_> =
                    texts.iter().map(|text| scope.spawn(move || write_one(text))).collect();
                let ended = writers.into_iter().map(|writer| writer.join().unwrap());
                ended.collect()
            });
            let done: Vec<usize> = (0..4).filter(|at| results[*at] == Written::Done).collect();
            let [winner] = done[..] else {
                panic!("{results:?}");
            };
            let others = results.iter().filter(|one| **one == Written::Conflict);
            assert_eq!(others.count(), 3, "{results:?}");
            expected = read(&path).unwrap();
            assert_eq!(expected.as_ref(), Some(&texts[winner]));
        }
        let left = fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(left, 1, "nothing is left beside it");
    }

    #[test]
    #[cfg(unix)]
    fn a_file_keeps_its_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("settings.toml");
        fs::write(&path, "size = 90\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(write(&path, "", Some("size = 90\n")), Written::Done);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_its_file_is_written() {
        let fixture = Fixture::new();
        let directory = fixture.path.parent().unwrap();
        fs::create_dir_all(directory).unwrap();
        let kept = directory.join("dotfiles.toml");
        fs::write(&kept, "").unwrap();
        std::os::unix::fs::symlink(&kept, &fixture.path).unwrap();
        assert_eq!(fixture.write("size = 110", Some("")), Written::Done);
        assert_eq!(fs::read_to_string(kept).unwrap(), "size = 110");
        assert!(fixture.path.symlink_metadata().unwrap().is_symlink());
    }
}
