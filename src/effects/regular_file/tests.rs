//! Every kind of thing under a name, behind links, by every way in which a file is opened.

use std::{
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    os::unix::net::UnixListener,
    time::{Duration, Instant},
};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

/// Generous: only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(20);

const LIMIT: Limit = Limit::megabytes(1);

/// What is no regular file, by the word that says so.
fn things(directory: &Path) -> Vec<(&'static str, PathBuf)> {
    let path = |name: &str| directory.join(name);
    mknodat(CWD, path("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    drop(UnixListener::bind(path("socket")).unwrap());
    fs::create_dir(path("directory")).unwrap();
    let device = |name: &str| PathBuf::from("/dev").join(name);
    vec![
        ("a pipe", path("pipe")),
        ("a socket", path("socket")),
        ("a directory", path("directory")),
        ("a device", device("zero")),
        ("a device", device("full")),
        ("a device", device("null")),
        ("a device", device("tty")),
    ]
}

/// The same thing under other names: the number says through how many links.
fn names(directory: &Path, thing: &Path, number: usize) -> Vec<PathBuf> {
    let mut names = vec![thing.to_owned()];
    for link in 0..2 {
        let name = directory.join(format!("link-{number}-{link}"));
        symlink(&names[link], &name).unwrap();
        names.push(name);
    }
    names
}

/// How files are opened: the name, and the way.
type Way = (&'static str, fn(&Path) -> io::Result<()>);

fn ways() -> Vec<Way> {
    vec![
        ("look", |path| look(path).map(|_| ())),
        ("open", |path| open(path).map(|_| ())),
        ("read", |path| read(path, LIMIT).map(|_| ())),
        ("read_text", |path| read_text(path, LIMIT).map(|_| ())),
        ("read_end", |path| read_end(path, LIMIT).map(|_| ())),
        ("own", |path| own(path).map(|_| ())),
        ("own_itself", |path| own_itself(path).map(|_| ())),
        ("existing", |path| existing(path).map(|_| ())),
        ("appended", |path| appended(path).map(|_| ())),
        ("anew", |path| anew(path).map(|_| ())),
        ("write_own", |path| write_own(path, b"text")),
        ("may_be_written", may_be_written),
        ("make", |path| make(path).map(|_| ())),
        ("make_usual", |path| make_usual(path).map(|_| ())),
        ("database", |path| {
            database(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE)
                .map(|_| ())
                .map_err(io::Error::other)
        }),
    ]
}

fn state(path: &Path) -> (u32, u32, u32, u64) {
    let found = fs::symlink_metadata(path).unwrap();
    (found.mode(), found.uid(), found.gid(), found.rdev())
}

#[test]
fn no_way_opens_another_thing_waits_for_it_or_changes_it() {
    let directory = tempfile::tempdir().unwrap();
    for (number, (word, thing)) in things(directory.path()).into_iter().enumerate() {
        let before = state(&thing);
        for name in names(directory.path(), &thing, number) {
            for (way, open) in ways() {
                let began = Instant::now();
                let error = open(&name).expect_err(way);
                assert!(began.elapsed() < PATIENCE, "{way}: {}", name.display());
                let makes = error.kind() == io::ErrorKind::AlreadyExists;
                let linked = way == "own_itself" && error.to_string().contains("a symbolic link");
                assert!(
                    makes || linked || error.to_string().contains(&format!("it is {word}")),
                    "{way}: {}: {error}",
                    name.display()
                );
            }
        }
        assert_eq!(state(&thing), before, "{}", thing.display());
    }
}

/// The name may be another thing's once it was looked at: what was opened is what counts.
#[test]
fn what_is_opened_is_looked_at_again() {
    let directory = tempfile::tempdir().unwrap();
    for (_, thing) in things(directory.path()) {
        for options in [OpenOptions::new().read(true), OpenOptions::new().read(true).write(true)] {
            let began = Instant::now();
            assert!(opened_through(&thing, options, true).is_err());
            assert!(began.elapsed() < PATIENCE, "{}", thing.display());
        }
    }
}

#[test]
fn a_file_has_a_limit_whatever_its_length_says() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let write = |length: u64| File::create(&path).unwrap().set_len(length).unwrap();
    write(LIMIT.bytes());
    assert_eq!(read(&path, LIMIT).unwrap().len() as u64, LIMIT.bytes());
    for length in [LIMIT.bytes() + 1, 8 << 30] {
        write(length);
        let error = read(&path, LIMIT).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert!(error.to_string().contains("larger than 1 MB"), "{error}");
        assert_eq!(read_end(&path, LIMIT).unwrap().len() as u64, LIMIT.bytes());
    }
    // It grows after it was opened.
    write(10);
    let file = open(&path).unwrap();
    write(LIMIT.bytes() + 1);
    assert!(file.bytes(LIMIT).is_err());
    assert_eq!(
        read_text_from(io::repeat(0), LIMIT).unwrap_err().kind(),
        io::ErrorKind::FileTooLarge
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_of_the_kernel_ends_or_is_an_error() {
    for name in ["self/mem", "self/pagemap", "kmsg", "kcore", "self/status", "kpagecount"] {
        let began = Instant::now();
        let read = read(&Path::new("/proc").join(name), LIMIT);
        assert!(began.elapsed() < PATIENCE, "{name}");
        assert!(read.is_err() || name == "self/status", "{name}");
    }
}

#[test]
fn only_what_was_made_is_given_permissions_and_what_is_there_keeps_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let mode = |name: &str| fs::metadata(path(name)).unwrap().mode() & 0o7777;
    for name in ["own", "appended", "anew", "written"] {
        fs::write(path(name), "old").unwrap();
        fs::set_permissions(path(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
    own(&path("own")).unwrap();
    appended(&path("appended")).unwrap();
    anew(&path("anew")).unwrap();
    write_own(&path("written"), b"new").unwrap();
    for name in ["own", "appended", "anew", "written"] {
        assert_eq!(mode(name), 0o644, "{name}");
    }
    own(&path("own new")).unwrap();
    appended(&path("appended new")).unwrap();
    write_own(&path("written new"), b"new").unwrap();
    let made = make(&path("made")).unwrap();
    for name in ["own new", "appended new", "written new", "made"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    made.be_like(&fs::metadata(path("own")).unwrap()).unwrap();
    assert_eq!(mode("made"), 0o644);
    // A link that leads nowhere yet is followed, but by what makes.
    symlink(path("beyond"), path("dangling")).unwrap();
    assert!(make(&path("dangling")).is_err() && !path("beyond").exists());
    assert!(own_itself(&path("dangling")).is_err() && !path("beyond").exists());
    own(&path("dangling")).unwrap();
    assert_eq!(mode("beyond"), 0o600);
}

#[test]
fn a_directory_that_is_there_is_never_changed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("made");
    assert!(make_directory(&path, None).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let before = state(&path);
    assert!(!make_directory(&path, Some((12345, 12345))).unwrap());
    assert_eq!(state(&path), before);
    if rustix::process::geteuid().is_root() {
        let given = directory.path().join("given");
        assert!(make_directory(&given, Some((12345, 12346))).unwrap());
        let found = fs::metadata(&given).unwrap();
        assert_eq!((found.uid(), found.gid()), (12345, 12346));
    }
}

#[test]
fn a_pipe_is_opened_only_as_a_pipe() {
    use rustix::fs::OFlags;
    let directory = tempfile::tempdir().unwrap();
    for (word, thing) in things(directory.path()) {
        assert_eq!(pipe(&thing, OFlags::RDONLY).is_ok(), word == "a pipe");
    }
}

/// What SQLite would give to a file beside the database: the test of this kind of input is not to need a root's rights.
#[test]
fn what_is_beside_a_database_is_refused_where_sqlite_would_change_or_wait_for_it() {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
    for suffix in ["-wal", "-shm", "-journal"] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kept");
        let beside = directory.path().join(format!("kept{suffix}"));
        own(&path).unwrap();
        database(&path, flags).unwrap();
        fs::write(&beside, "").unwrap();
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o644)).unwrap();
        let error = database(&path, flags).unwrap_err().to_string();
        let command = format!("Run: chmod 600 {}", beside.display());
        assert!(error.ends_with(&command), "{error}");
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o600)).unwrap();
        database(&path, flags).unwrap();
        fs::remove_file(&beside).unwrap();
        for (word, thing) in things(directory.path()) {
            if thing.starts_with("/dev") {
                continue;
            }
            fs::rename(&thing, &beside).unwrap();
            let error = database(&path, flags).unwrap_err().to_string();
            assert!(error.contains(&format!("it is {word}")), "{error}");
            fs::rename(&beside, directory.path().join("away")).unwrap();
            let away = directory.path().join("away");
            if away.is_dir() {
                fs::remove_dir(away).unwrap()
            } else {
                fs::remove_file(away).unwrap()
            }
        }
        symlink("/dev/zero", &beside).unwrap();
        let error = database(&path, flags).unwrap_err().to_string();
        assert!(error.contains("it is a symbolic link"), "{error}");
    }
}
