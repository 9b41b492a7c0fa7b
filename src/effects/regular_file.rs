//! The one place that opens files, creates them and gives them permissions: `clippy.toml` forbids it everywhere else.
//!
//! Anything may stand behind a name: a pipe that nobody writes to, a terminal, `/dev/zero`, an endless file of `/proc`.
//! Opening one of these can hang forever, reading it can fill the memory, and a device may act when it is opened. So
//! this checks what has the name, opens it without waiting, and then checks what it opened, because the name may belong
//! to something else by then. Only regular files pass, and whoever reads one says how much it may hold: the length that
//! the system reports is not to be trusted, because a file may grow.
//!
//! Permissions and owners are given only to what was made in the same call, which is what [`Made`] says.

#![allow(clippy::disallowed_methods, reason = "this is the place that the others are sent to")]

use std::{
    fmt,
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

mod database;
#[cfg(all(test, unix))]
mod tests;

pub use database::database;

/// The most bytes that a kind of file may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Limit(u64);

/// Settings, services, passwords, keys: files that people write by hand.
pub const SMALL: Limit = Limit::megabytes(1);

impl Limit {
    /// This many times 1,048,576 bytes.
    pub const fn megabytes(count: u64) -> Self {
        Self(count << 20)
    }

    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MB", self.0 >> 20)
    }
}

/// Why there is no file to open, as the rest of a sentence. It travels in an `io::Error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is not a regular file but this.
    #[error("it is {0}; put a regular file in its place, or name another one")]
    Kind(&'static str),
    /// It is too large.
    #[error("it is larger than {0}, the most that Tusk reads of such a file")]
    Large(Limit),
    /// It delivers bytes only when there are some, as the kernel's log does.
    #[error("it gives what it holds only bit by bit; name a file that is whole")]
    Unready,
    #[error("it is not UTF-8 text")]
    NotText,
}

impl From<Unfit> for io::Error {
    fn from(unfit: Unfit) -> Self {
        let kind = match unfit {
            Unfit::Kind(_) => io::ErrorKind::InvalidInput,
            Unfit::Large(_) => io::ErrorKind::FileTooLarge,
            Unfit::Unready => io::ErrorKind::WouldBlock,
            Unfit::NotText => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, unfit)
    }
}

/// Whether an error says that the name is not a regular file's.
pub fn is_unfit(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Unfit>())
}

/// What has this name, through symbolic links; none if nothing has it. An error for anything but a regular file.
pub fn look(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::metadata(path) {
        Ok(metadata) => regular(&metadata).map(|()| Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(Unfit::Kind(kind(metadata)).into())
}

/// The kind of a thing that is not a regular file.
fn kind(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    if kind.is_dir() {
        return "a directory";
    }
    if kind.is_symlink() {
        return "a symbolic link";
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "a pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    "not a regular file"
}

/// Opens a regular file with these options, without waiting for anybody.
fn opened(path: &Path, options: &mut OpenOptions) -> io::Result<(File, Metadata)> {
    look(path)?;
    opened_through(path, options, true)
}

fn opened_through(
    path: &Path,
    options: &mut OpenOptions,
    links: bool,
) -> io::Result<(File, Metadata)> {
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        // Nobody opens a pipe's other end for us, and no terminal becomes ours.
        let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        flags.set(OFlags::NOFOLLOW, !links);
        options.custom_flags(flags.bits().cast_signed());
    }
    #[cfg(not(unix))]
    log::trace!("{} is opened, links followed: {links}", path.display());
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    regular(&metadata)?;
    Ok((file, metadata))
}

/// Makes a new file private to this user.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// A regular file that is open for reading.
#[derive(Debug)]
pub struct Readable {
    file: File,
    metadata: Metadata,
}

/// Opens a file for reading.
pub fn open(path: &Path) -> io::Result<Readable> {
    let (file, metadata) = opened(path, OpenOptions::new().read(true))?;
    Ok(Readable { file, metadata })
}

impl Readable {
    /// The file's metadata from when it was opened.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Its whole content.
    pub fn bytes(&self, limit: Limit) -> io::Result<Vec<u8>> {
        let mut file = self.within(limit)?;
        // One byte more, so that it meets the end without asking for more memory, which would leave a copy behind.
        let room = usize::try_from(self.metadata.len()).unwrap_or(0) + 1;
        let mut bytes = Vec::new();
        // The file says how much that is, and the machine may not have so much.
        bytes.try_reserve_exact(room)?;
        file.read_to_end(&mut bytes).map_err(unready)?;
        enough(bytes.len() as u64, limit)?;
        Ok(bytes)
    }

    /// Copies its whole content into another file.
    pub fn copy_to(&self, made: &Made, limit: Limit) -> io::Result<()> {
        let copied = io::copy(&mut self.within(limit)?, &mut made.file()).map_err(unready)?;
        enough(copied, limit)
    }

    /// Its bytes as of when it was opened, to be read piece by piece: leaves out what is appended meanwhile.
    pub fn as_opened(self) -> impl Read {
        let length = self.metadata.len();
        self.file.take(length)
    }

    /// Fills a buffer from an offset on, as far as the file goes; returns how far.
    pub fn read_at(&self, place: u64, into: &mut [u8]) -> io::Result<usize> {
        use std::io::{Seek, SeekFrom};
        let mut file = &self.file;
        file.seek(SeekFrom::Start(place))?;
        let mut filled = 0;
        while filled < into.len() {
            match file.read(&mut into[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    /// The same; false if the file does not go so far.
    pub fn read_exact_at(&self, place: u64, into: &mut [u8]) -> io::Result<bool> {
        Ok(self.read_at(place, into)? == into.len())
    }

    /// Its metadata now.
    pub fn metadata_now(&self) -> io::Result<Metadata> {
        self.file.metadata()
    }

    /// Its first bytes, at most `limit`.
    pub fn beginning(&self, limit: Limit) -> impl Read {
        (&self.file).take(limit.bytes())
    }

    /// Its bytes, and the first that would be too many.
    fn within(&self, limit: Limit) -> io::Result<impl Read> {
        enough(self.metadata.len(), limit)?;
        Ok((&self.file).take(limit.bytes() + 1))
    }
}

fn enough(length: u64, limit: Limit) -> io::Result<()> {
    if length > limit.bytes() {
        return Err(Unfit::Large(limit).into());
    }
    Ok(())
}

fn unready(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock {
        return Unfit::Unready.into();
    }
    error
}

/// A file's whole content.
pub fn read(path: &Path, limit: Limit) -> io::Result<Vec<u8>> {
    open(path)?.bytes(limit)
}

/// A text file's whole content.
pub fn read_text(path: &Path, limit: Limit) -> io::Result<String> {
    text(read(path, limit)?)
}

/// Everything from a source that the user named explicitly, such as standard input, which may be anything: waits for
/// it, but still has a limit.
pub fn read_text_from(source: impl Read, limit: Limit) -> io::Result<String> {
    let mut bytes = Vec::new();
    source.take(limit.bytes() + 1).read_to_end(&mut bytes)?;
    enough(bytes.len() as u64, limit)?;
    text(bytes)
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| Unfit::NotText.into())
}

/// A file's last bytes, at most `limit`: for a log, the end is what matters.
pub fn read_end(path: &Path, limit: Limit) -> io::Result<Vec<u8>> {
    use std::io::{Seek, SeekFrom};
    let Readable { mut file, metadata } = open(path)?;
    let past = metadata.len().saturating_sub(limit.bytes());
    file.seek(SeekFrom::Start(past))?;
    let mut bytes = Vec::new();
    file.take(limit.bytes()).read_to_end(&mut bytes).map_err(unready)?;
    Ok(bytes)
}

/// Opens a file of Tusk's own, such as a lock, for reading and writing. Creates a missing one for this user alone; an
/// existing one keeps its permissions.
pub fn own(path: &Path) -> io::Result<File> {
    opened(path, &mut own_options()).map(|(file, _)| file)
}

/// The same, and never through a symbolic link: for a name in a directory that may be somebody else's.
pub fn own_itself(path: &Path) -> io::Result<File> {
    if let Ok(metadata) = fs::symlink_metadata(path) {
        regular(&metadata)?;
    }
    opened_through(path, &mut own_options(), false).map(|(file, _)| file)
}

fn own_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    private(&mut options);
    options
}

/// Opens an existing file for reading and writing.
pub fn existing(path: &Path) -> io::Result<File> {
    opened(path, OpenOptions::new().read(true).write(true)).map(|(file, _)| file)
}

/// Opens a file whose every write goes to its end. Creates a missing one for this user alone.
pub fn appended(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    opened(path, private(&mut options)).map(|(file, _)| file)
}

/// Opens a file to overwrite it in place; creates a missing one with the usual permissions. Empties it only once it is
/// known to be a regular file.
pub fn anew(path: &Path) -> io::Result<File> {
    written_anew(path, &mut OpenOptions::new())
}

/// Overwrites a file in place; creates a missing one for this user alone.
pub fn write_own(path: &Path, text: &[u8]) -> io::Result<()> {
    written_anew(path, private(&mut OpenOptions::new()))?.write_all(text)
}

fn written_anew(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let options = options.write(true).create(true).truncate(false);
    let (file, _) = opened(path, options)?;
    file.set_len(0)?;
    Ok(file)
}

/// Removes a file of Tusk's own. If something else has the name, even a link, leaves it alone and returns an error.
pub fn remove_own(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => regular(&metadata).and_then(|()| fs::remove_file(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
    .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// Whether a file may be written. A rename checks only its directory.
pub fn may_be_written(path: &Path) -> io::Result<()> {
    opened(path, OpenOptions::new().write(true)).map(|_| ())
}

/// A file that this call has created: nobody else's was there before, and no link led to it.
#[derive(Debug)]
pub struct Made(File);

/// Creates a file for this user alone. An existing one is an error.
pub fn make(path: &Path) -> io::Result<Made> {
    let mut options = OpenOptions::new();
    private(&mut options).write(true).create_new(true).open(path).map(Made)
}

/// Creates a file with the user's usual permissions. An existing one is an error.
pub fn make_usual(path: &Path) -> io::Result<Made> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).open(path).map(Made)
}

/// Creates a file with an unused name in a directory, for this user alone if `private`.
pub fn make_in(directory: &Path, private: bool) -> io::Result<(PathBuf, Made)> {
    const NAMES_MAX: u32 = 100;
    let mut number = 0;
    loop {
        let path = directory.join(format!(".tusk-{}-{number}.tmp", std::process::id()));
        let made = if private { make(&path) } else { make_usual(&path) };
        match made {
            Ok(made) => return Ok((path, made)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < NAMES_MAX => {
                number += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

impl Made {
    pub fn file(&self) -> &File {
        &self.0
    }

    /// The file alone: its permissions can't be changed from here on.
    pub fn into_file(self) -> File {
        self.0
    }

    /// Gives it the owner and the permissions of the file that it is about to replace.
    pub fn be_like(&self, other: &Metadata) -> io::Result<()> {
        self.keep_owner(other);
        self.0.set_permissions(other.permissions())
    }

    /// Only an administrator's Tusk can do this, and only that one needs it.
    #[cfg(unix)]
    fn keep_owner(&self, other: &Metadata) {
        use std::os::unix::fs::{MetadataExt, fchown};
        let owner = |metadata: &Metadata| (metadata.uid(), metadata.gid());
        let same = self.0.metadata().is_ok_and(|own| owner(&own) == owner(other));
        if !same && let Err(error) = fchown(&self.0, Some(other.uid()), Some(other.gid())) {
            log::info!("The saved file has another owner than before: {error}");
        }
    }

    #[cfg(not(unix))]
    fn keep_owner(&self, _: &Metadata) {}
}

/// The file that a symbolic link leads to, even if that does not exist yet: links stay links.
pub fn target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    // More links than the system itself would follow are a cycle.
    for _ in 0..40 {
        match fs::read_link(&path) {
            Ok(link) => path = path.parent().unwrap_or(Path::new("/")).join(link),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("its symbolic links go in a circle"))
}

/// Whether a name still leads, through links, to an open file.
#[cfg(unix)]
pub fn is_at(file: &File, path: &Path) -> bool {
    matches!((file.metadata(), fs::metadata(path)), (Ok(one), Ok(other)) if same(&one, &other))
}

/// An open file can't be renamed there, so it is where it was opened.
#[cfg(not(unix))]
pub fn is_at(_: &File, _: &Path) -> bool {
    true
}

#[cfg(unix)]
fn same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Flushes a directory's own changes, such as a rename in it, to the disk. Not every system supports that.
pub fn sync_directory(directory: &Path) {
    let open = || -> io::Result<File> {
        if !fs::metadata(directory)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let mut options = OpenOptions::new();
        #[cfg(unix)]
        {
            use rustix::fs::OFlags;
            use std::os::unix::fs::OpenOptionsExt;
            let flags = OFlags::NONBLOCK | OFlags::DIRECTORY;
            options.custom_flags(flags.bits().cast_signed());
        }
        options.read(true).open(directory)
    };
    if let Ok(directory) = open() {
        directory.sync_all().unwrap_or_default();
    }
}

/// Creates a directory that only its owner may enter, and gives it to another user if one is to own it. False if
/// something of that name exists; leaves it alone then.
pub fn make_directory(path: &Path, owner: Option<(u32, u32)>) -> io::Result<bool> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(error),
    }
    if let Some((user, group)) = owner {
        give_away(path, user, group)?;
    }
    Ok(true)
}

/// The directory's parent may be another user's, who can replace the directory: so this gives away what it opened, an
/// empty directory of our own.
#[cfg(unix)]
fn give_away(path: &Path, user: u32, group: u32) -> io::Result<()> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW;
    let directory =
        OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let metadata = directory.metadata()?;
    let me = rustix::process::geteuid().as_raw();
    if metadata.uid() != me || metadata.mode() & 0o777 != 0o700 {
        return Err(io::Error::other("another directory took its place"));
    }
    fchown(&directory, Some(user), Some(group))
}

#[cfg(not(unix))]
fn give_away(_: &Path, _: u32, _: u32) -> io::Result<()> {
    Ok(())
}

/// One end of a named pipe, without waiting for the other; an error for anything but a pipe.
#[cfg(unix)]
pub fn pipe(path: &Path, access: rustix::fs::OFlags) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    use std::os::unix::fs::FileTypeExt;
    let is_pipe = |metadata: &Metadata| {
        if metadata.file_type().is_fifo() {
            return Ok(());
        }
        Err(io::Error::from(io::ErrorKind::NotFound))
    };
    is_pipe(&fs::symlink_metadata(path)?)?;
    let flags = access | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    is_pipe(&file.metadata()?)?;
    Ok(file)
}

/// The file's mode, if others than the owner have any access.
#[cfg(unix)]
pub fn open_to_others(metadata: &Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o7777;
    (mode & 0o077 != 0).then_some(mode)
}

/// Without modes, the directory belongs to the user.
#[cfg(not(unix))]
pub fn open_to_others(_: &Metadata) -> Option<u32> {
    None
}
