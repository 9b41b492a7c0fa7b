//! What may have the name of a file: every kind of thing, with what a test needs to keep it going, and its state.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::fs::{CWD, FileType, Mode, OFlags, makedev, mknodat};

/// A kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    PipeWithoutWriter,
    PipeWithSilentWriter,
    PipeWithEndlessWriter,
    Zero,
    Full,
    Null,
    Terminal,
    Multiplexer,
    Socket,
    Directory,
    LinkToNothing,
    LinkCircle,
    InClosedDirectory,
    Unreadable,
    Huge,
    Growing,
    Memory,
    PageMap,
    Empty,
    NotText,
    Holes,
}

pub const KINDS: [Kind; 21] = [
    Kind::PipeWithoutWriter,
    Kind::PipeWithSilentWriter,
    Kind::PipeWithEndlessWriter,
    Kind::Zero,
    Kind::Full,
    Kind::Null,
    Kind::Terminal,
    Kind::Multiplexer,
    Kind::Socket,
    Kind::Directory,
    Kind::LinkToNothing,
    Kind::LinkCircle,
    Kind::InClosedDirectory,
    Kind::Unreadable,
    Kind::Huge,
    Kind::Growing,
    Kind::Memory,
    Kind::PageMap,
    Kind::Empty,
    Kind::NotText,
    Kind::Holes,
];

impl Kind {
    /// Whether it is no regular file, which no place may take.
    pub fn is_no_file(self) -> bool {
        self.is_pipe() || self.is_device() || matches!(self, Self::Socket | Self::Directory)
    }

    /// Whether it is a regular file, whatever is in it.
    pub fn is_file(self) -> bool {
        let files =
            [Self::Unreadable, Self::Huge, Self::Growing, Self::Empty, Self::NotText, Self::Holes];
        files.contains(&self)
    }

    pub fn is_pipe(self) -> bool {
        matches!(
            self,
            Self::PipeWithoutWriter | Self::PipeWithSilentWriter | Self::PipeWithEndlessWriter
        )
    }

    pub fn is_device(self) -> bool {
        self.numbers().is_some()
    }

    /// Whether it is a file of the system's, which is only linked to.
    pub fn system_file(self) -> Option<&'static Path> {
        match self {
            Self::Memory => Some(Path::new("/proc/self/mem")),
            Self::PageMap => Some(Path::new("/proc/self/pagemap")),
            _ => None,
        }
    }

    /// A device's numbers, and the name of the machine's own one.
    fn numbers(self) -> Option<(u32, u32, &'static str)> {
        match self {
            Self::Null => Some((1, 3, "null")),
            Self::Zero => Some((1, 5, "zero")),
            Self::Full => Some((1, 7, "full")),
            Self::Terminal => Some((5, 0, "tty")),
            Self::Multiplexer => Some((5, 2, "ptmx")),
            _ => None,
        }
    }
}

/// A thing, while it is there: its writers end with it.
pub struct Thing {
    /// What the place's name, or the last link in front of it, leads to.
    pub path: PathBuf,
    held: Option<File>,
    writer: Option<Child>,
    growing: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
    /// A directory that is opened again before it is removed.
    closed: Option<PathBuf>,
}

impl Drop for Thing {
    fn drop(&mut self) {
        if let Some(writer) = &mut self.writer {
            writer.kill().expect("it is ours");
            writer.wait().expect("it is ours");
        }
        if let Some((stop, thread)) = self.growing.take() {
            stop.store(true, Ordering::Relaxed);
            thread.join().expect("it does not panic");
        }
        if let Some(closed) = &self.closed {
            mode(closed, 0o700);
        }
        self.held = None;
    }
}

/// What a test may not find changed of a thing, whatever its name is later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    mode: u32,
    owner: (u32, u32),
    device: u64,
}

/// Holds a thing by what it is and not by its name, without opening it.
pub struct Held(rustix::fd::OwnedFd);

impl Held {
    pub fn of(path: &Path) -> Option<Self> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::open(path, flags, Mode::empty()).ok().map(Self)
    }

    pub fn state(&self) -> State {
        let found = rustix::fs::fstat(&self.0).expect("it is open");
        State { mode: found.st_mode, owner: (found.st_uid, found.st_gid), device: found.st_rdev }
    }

    /// Whether a name is still its.
    pub fn is_at(&self, path: &Path) -> bool {
        let found = rustix::fs::fstat(&self.0).expect("it is open");
        fs::symlink_metadata(path)
            .is_ok_and(|other| (other.dev(), other.ino()) == (found.st_dev, found.st_ino))
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}

/// A device of the test's own, where this user may make one; the machine's where that one can't be harmed.
fn device(path: &Path, (major, minor, name): (u32, u32, &str)) -> Option<PathBuf> {
    let read_write = Mode::from_raw_mode(0o666);
    let made = mknodat(CWD, path, FileType::CharacterDevice, read_write, makedev(major, minor));
    if made.is_ok() {
        mode(path, 0o666);
        return Some(path.to_owned());
    }
    let of_machine = Path::new("/dev").join(name);
    (!rustix::process::geteuid().is_root() && of_machine.exists()).then_some(of_machine)
}

/// Makes a thing of the name; none where this user can't have one.
pub fn make(kind: Kind, path: &Path) -> Option<Thing> {
    let mut thing =
        Thing { path: path.to_owned(), held: None, writer: None, growing: None, closed: None };
    if let Some(numbers) = kind.numbers() {
        thing.path = device(path, numbers)?;
        return Some(thing);
    }
    if let Some(file) = kind.system_file() {
        thing.path = file.to_owned();
        return Some(thing);
    }
    let write = |bytes: &[u8]| fs::write(path, bytes).expect("it can be written");
    let length = |length: u64| {
        let file = File::create(path).expect("it can be made");
        file.set_len(length).expect("it takes no room");
    };
    match kind {
        Kind::PipeWithoutWriter | Kind::PipeWithSilentWriter | Kind::PipeWithEndlessWriter => {
            pipe(kind, path, &mut thing);
        }
        Kind::Socket => drop(UnixListener::bind(path).expect("its name is short")),
        Kind::Directory => fs::create_dir(path).expect("it can be made"),
        Kind::LinkToNothing => symlink("nothing-of-this-name", path).expect("it can be made"),
        Kind::LinkCircle => circle(path),
        Kind::InClosedDirectory => {
            let closed = path.with_extension("closed");
            fs::create_dir(&closed).expect("it can be made");
            fs::write(closed.join("file"), "").expect("it can be written");
            symlink(closed.join("file"), path).expect("it can be made");
            mode(&closed, 0o000);
            thing.closed = Some(closed);
        }
        Kind::Unreadable => {
            write(b"nobody reads this");
            mode(path, 0o000);
        }
        Kind::Huge => length(8 << 30),
        Kind::Growing => {
            length(512 << 10);
            grow(path, &mut thing);
        }
        Kind::NotText => write(b"\xff\xfe\x00 = \xc3(\n"),
        Kind::Holes => {
            write(b"{\"tusk\":\"0.1.0\",\"format\":1");
            let file = OpenOptions::new().write(true).open(path).expect("it is ours");
            file.set_len(8 << 30).expect("it takes no room");
        }
        _ => write(b""),
    }
    Some(thing)
}

fn pipe(kind: Kind, path: &Path, thing: &mut Thing) {
    let private = Mode::from_raw_mode(0o600);
    mknodat(CWD, path, FileType::Fifo, private, 0).expect("it can be made");
    if kind == Kind::PipeWithoutWriter {
        return;
    }
    // Who opens both ends waits for nobody.
    let both = OpenOptions::new().read(true).write(true).open(path);
    let both = both.expect("it is ours");
    if kind == Kind::PipeWithEndlessWriter {
        let end = both.try_clone().expect("there are few files");
        let mut writer = Command::new("cat");
        writer.arg("/dev/zero").stdout(end).stderr(Stdio::null());
        thing.writer = Some(writer.spawn().expect("there is a cat"));
    }
    thing.held = Some(both);
}

fn circle(path: &Path) {
    let other = path.with_extension("circle");
    symlink(&other, path).expect("it can be made");
    symlink(path, other).expect("it can be made");
}

/// A file that gets longer and longer; what is added takes no room on the disk.
fn grow(path: &Path, thing: &mut Thing) {
    let file = OpenOptions::new().write(true).open(path);
    let file = file.expect("it is ours");
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let thread = thread::spawn(move || {
        let mut length = 512 << 10;
        while !stopped.load(Ordering::Relaxed) {
            length += 256 << 10;
            let grown: io::Result<()> = file.set_len(length);
            grown.expect("it takes no room");
            thread::sleep(Duration::from_millis(1));
        }
    });
    thing.growing = Some((stop, thread));
}
