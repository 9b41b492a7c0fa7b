//! The user's own files, one after another on a thread of their own: a disk may be slow, a network share even slower.

use std::{
    fs::{self, Metadata},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use flume::Sender;
use xxhash_rust::xxh3::Xxh3Default;

use super::{
    failure::{of_file, said},
    in_order::InOrder,
    regular_file::{self, Limit, Made, Readable},
};
use crate::{
    base::text::RopeText,
    failure::{Category, Failure},
    sql::encoding::{Encoding, Form, Reading},
    update::files::{
        DirectoryEntry, Effect, Expected, FileStamp, Msg, Read as TextRead, Saved, Unread,
    },
};

pub(super) mod decoder;
pub(super) mod encoding;

#[derive(Debug)]
pub struct Files {
    thread: InOrder<Effect>,
    outbox: Sender<crate::msg::Msg>,
}

/// The largest file to open.
const FILE: Limit = Limit::megabytes(64);

/// How much of a file to check for changes; beyond that, only its length counts.
const HASHED: Limit = Limit::megabytes(1 << 10);

/// The most names in a directory's listing.
const ENTRIES_MAX: usize = 1_000;

const SHUT_DOWN: &str = "Tusk is shutting down";

impl Files {
    /// Starts the thread.
    pub fn start(outbox: Sender<crate::msg::Msg>) -> Files {
        let answers = outbox.clone();
        let thread = InOrder::start("tusk-files", move |inbox| {
            for effect in inbox {
                send(&answers, perform(effect));
            }
        });
        Files { thread, outbox }
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

fn send(outbox: &Sender<crate::msg::Msg>, msg: Msg) {
    if outbox.send(msg.into()).is_err() {
        log::debug!("Nobody waits for files any more");
    }
}

fn perform(effect: Effect) -> Msg {
    match effect {
        Effect::Open { request, path, reading } => {
            let path = absolute(&path);
            let result = open(&path, reading).map(Box::new);
            Msg::Opened { request, path: shown(&path), result }
        }
        Effect::Save { request, path, text, form, expected } => {
            let path = absolute(&path);
            let result = save(&path, &text, form, expected);
            Msg::Saved { request, path: shown(&path), result }
        }
        Effect::Check { request, path, known } => {
            let stamp = check(&absolute(&path), known);
            Msg::Checked { request, path, stamp }
        }
        Effect::List { request, directory } => {
            let directory = absolute(&directory);
            let result = list(&directory).map_err(|error| of_file(&directory, &error));
            Msg::Listed { request, directory: shown(&directory), result }
        }
    }
}

fn refusal(effect: Effect) -> Msg {
    let failure = Failure::new(Category::Storage, SHUT_DOWN);
    match effect {
        Effect::Open { request, path, .. } => {
            Msg::Opened { request, path, result: Err(failure.into()) }
        }
        Effect::Save { request, path, .. } => {
            Msg::Saved { request, path, result: Saved::Failed(failure) }
        }
        // Nothing is known about a change, so report none.
        Effect::Check { request, path, known } => {
            Msg::Checked { request, path, stamp: Some(known) }
        }
        Effect::List { request, directory } => {
            Msg::Listed { request, directory, result: Err(failure) }
        }
    }
}

/// The path from the root, with a `~` at its start replaced by the home directory.
pub(super) fn absolute(path: &str) -> PathBuf {
    let path = match (path.strip_prefix('~'), dirs::home_dir()) {
        (Some(""), Some(home)) => home,
        (Some(rest), Some(home)) if rest.starts_with(std::path::is_separator) => {
            home.join(rest.trim_start_matches(std::path::is_separator))
        }
        _ => PathBuf::from(path),
    };
    std::path::absolute(&path).unwrap_or(path)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn unfit(path: &Path, reason: &str) -> Failure {
    Failure::new(Category::Storage, format!("{}: {reason}", path.display()))
}

fn open(path: &Path, reading: Reading) -> Result<TextRead, Unread> {
    let failed = |error: io::Error| unfit(path, &said(&error));
    let file = regular_file::open(path).map_err(failed)?;
    let length = file.metadata().len();
    if length > FILE.bytes() {
        return Err(Unread::Large { bytes: length });
    }
    let bytes = file.bytes(FILE).map_err(failed)?;
    let metadata = file.metadata_now().map_err(failed)?;
    if encoding::is_archive(&bytes) {
        let reason = "it is an archive of pg_dump and no script; pg_restore reads it";
        return Err(unfit(path, reason).into());
    }
    let mut hash = Xxh3Default::new();
    hash.update(&bytes);
    let stamp = stamp(&metadata, bytes.len() as u64, &hash);
    let (text, form) = encoding::read(&bytes, reading).map_err(Unread::Unclear)?;
    Ok(TextRead { text: RopeText::from(&*text), stamp, form })
}

fn stamp(metadata: &Metadata, length: u64, hash: &Xxh3Default) -> FileStamp {
    FileStamp { modified_us: modified_us(metadata), length, digest: hash.digest() }
}

fn modified_us(metadata: &Metadata) -> i64 {
    let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    match metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH).duration_since(UNIX_EPOCH) {
        Ok(after) => micros(after),
        Err(before) => -micros(before.duration()),
    }
}

/// A file's current stamp, however large it is.
fn stamp_of(path: &Path) -> io::Result<FileStamp> {
    let file = regular_file::open(path)?;
    stamp_of_open(&file)
}

fn stamp_of_open(file: &Readable) -> io::Result<FileStamp> {
    let mut bytes = file.beginning(HASHED);
    let mut hash = Xxh3Default::new();
    let (mut block, mut length) = (vec![0; 64 << 10], 0);
    loop {
        let read = bytes.read(&mut block)?;
        if read == 0 {
            break;
        }
        hash.update(&block[..read]);
        length += read as u64;
    }
    let metadata = file.metadata_now()?;
    let whole = length < HASHED.bytes();
    let length = if whole { length } else { metadata.len() };
    Ok(stamp(&metadata, length, &hash))
}

fn check(path: &Path, known: FileStamp) -> Option<FileStamp> {
    let metadata = regular_file::look(path).ok()??;
    if modified_us(&metadata) == known.modified_us && metadata.len() == known.length {
        return Some(known);
    }
    match stamp_of(path) {
        Ok(stamp) => Some(stamp),
        Err(error) => {
            log::warn!("{} can't be read any more: {error}", path.display());
            None
        }
    }
}

fn save(path: &Path, text: &RopeText, form: Form, expected: Expected) -> Saved {
    if let Err(unsayable) = encodable(text, form.encoding) {
        return unsayable;
    }
    let written = regular_file::target(path).and_then(|target| {
        let there = regular_file::look(&target)?;
        if there.is_some() {
            // A file that may not be written must not be replaced either.
            regular_file::may_be_written(&target)?;
        }
        if !as_expected(&target, there.is_some(), expected)? {
            return Ok(Saved::Conflict);
        }
        write(&target, there.as_ref(), text, form, expected)
    });
    written.unwrap_or_else(|error| Saved::Failed(of_file(path, &error)))
}

/// Whether an encoding has every character of a text: checked before anything is written.
fn encodable(text: &RopeText, encoding: Encoding) -> Result<(), Saved> {
    let mut before = 0;
    let mut bytes = Vec::new();
    for chunk in text.rope().chunks() {
        bytes.clear();
        if let Err(unsayable) = encoding::encode(encoding, chunk, &mut bytes) {
            let at = before + unsayable.at;
            let (line, column) = text.line_and_column(at);
            return Err(Saved::Unsayable {
                encoding,
                character: unsayable.character,
                at,
                line,
                column,
            });
        }
        before += chunk.len();
    }
    Ok(())
}

fn as_expected(target: &Path, there: bool, expected: Expected) -> io::Result<bool> {
    Ok(match expected {
        Expected::Anything => true,
        Expected::Nothing => !there,
        Expected::Unchanged(_) if !there => false,
        // A file that was only touched is still the same; its content decides.
        Expected::Unchanged(known) => {
            let now = stamp_of(target)?;
            (now.length, now.digest) == (known.length, known.digest)
        }
    })
}

/// Writes a file beside the target and renames it, so that one of the two is complete at any moment.
fn write(
    target: &Path,
    there: Option<&Metadata>,
    text: &RopeText,
    form: Form,
    expected: Expected,
) -> io::Result<Saved> {
    let directory = target.parent().unwrap_or(Path::new("/"));
    // If others may not read a file, they may never read what replaces it.
    let (temporary, made) = regular_file::make_in(directory, there.is_some())?;
    let written = fill(&made, there, text, form).and_then(|stamp| {
        let placed = place(&temporary, target, expected)?;
        // The rename itself is on disk only when the directory is.
        regular_file::sync_directory(directory);
        Ok(if placed { Saved::Written(stamp) } else { Saved::Conflict })
    });
    if !matches!(written, Ok(Saved::Written(_)))
        && let Err(error) = fs::remove_file(&temporary)
    {
        log::warn!("{} is left over: {error}", temporary.display());
    }
    written
}

fn fill(
    made: &Made,
    there: Option<&Metadata>,
    text: &RopeText,
    form: Form,
) -> io::Result<FileStamp> {
    if let Some(metadata) = there {
        made.be_like(metadata)?;
    }
    let mut file = made.file();
    let mut hash = Xxh3Default::new();
    let mut length = 0;
    let mut out = io::BufWriter::new(&mut file);
    let mut put = |bytes: &[u8]| {
        hash.update(bytes);
        length += bytes.len() as u64;
        out.write_all(bytes)
    };
    if form.mark {
        put(encoding::mark(form.encoding))?;
    }
    let mut bytes = Vec::new();
    for chunk in text.rope().chunks() {
        bytes.clear();
        encoding::encode(form.encoding, chunk, &mut bytes)
            .map_err(|unsayable| io::Error::other(format!("no {:?}", unsayable.character)))?;
        put(&bytes)?;
    }
    out.flush()?;
    drop(out);
    file.sync_all()?;
    Ok(stamp(&file.metadata()?, length, &hash))
}

/// Puts the new file in its place; false if somebody else has put one there in the meantime.
fn place(temporary: &Path, target: &Path, expected: Expected) -> io::Result<bool> {
    if expected != Expected::Nothing {
        return fs::rename(temporary, target).map(|()| true);
    }
    // A link never replaces anything, but a rename does. Some file systems have no links.
    match fs::hard_link(temporary, target) {
        Ok(()) => fs::remove_file(temporary).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(_) => fs::rename(temporary, target).map(|()| true),
    }
}

fn list(directory: &Path) -> io::Result<Vec<DirectoryEntry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        // A name that is not text could not be requested again.
        if let Ok(name) = entry.file_name().into_string() {
            let directory = fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_dir());
            entries.push(DirectoryEntry { name, directory });
        }
    }
    entries.sort_by(|one, other| (!one.directory, &one.name).cmp(&(!other.directory, &other.name)));
    entries.truncate(ENTRIES_MAX);
    Ok(entries)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::{
        fs::{File, OpenOptions},
        os::unix::fs::{PermissionsExt, symlink},
    };

    use super::*;
    use crate::base::ids::Request;

    const REQUEST: Request = Request(5);

    fn opened(path: &Path) -> Result<(String, FileStamp), String> {
        match perform(Effect::Open {
            request: REQUEST,
            path: shown(path),
            reading: Reading::Detect,
        }) {
            Msg::Opened { request: REQUEST, path: found, result } if found == shown(path) => result
                .map(|read| (read.text.to_string(), read.stamp))
                .map_err(|unread| match unread {
                    Unread::Failed(failure) => failure.message,
                    other => format!("{other:?}"),
                }),
            other => panic!("{other:?}"),
        }
    }

    fn saved(path: &Path, text: &str, expected: Expected) -> Saved {
        let text = RopeText::from(text);
        match perform(Effect::Save {
            request: REQUEST,
            path: shown(path),
            text,
            form: Form::default(),
            expected,
        }) {
            Msg::Saved { request: REQUEST, path: found, result } if found == shown(path) => result,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn written(saved: Saved) -> FileStamp {
        match saved {
            Saved::Written(stamp) => stamp,
            other => panic!("{other:?}"),
        }
    }

    fn names(directory: &Path) -> Vec<String> {
        list(directory).unwrap().into_iter().map(|entry| entry.name).collect()
    }

    #[test]
    fn what_is_saved_is_opened_again_with_the_same_stamp() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.sql");
        let text = "select 'é';\r\n".repeat(50_000);
        let stamp = written(saved(&path, &text, Expected::Nothing));
        assert_eq!(opened(&path), Ok((text, stamp)));
        assert_eq!(stamp_of(&path).unwrap(), stamp);
        assert_eq!(names(directory.path()), ["a.sql"]);
    }

    #[test]
    fn a_file_that_is_not_as_expected_is_not_touched() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.sql");
        let first = written(saved(&path, "one", Expected::Nothing));
        assert_eq!(saved(&path, "two", Expected::Nothing), Saved::Conflict);
        let second = written(saved(&path, "two", Expected::Unchanged(first)));
        assert_eq!(saved(&path, "lost", Expected::Unchanged(first)), Saved::Conflict);
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        written(saved(&path, "forced", Expected::Anything));
        fs::remove_file(&path).unwrap();
        assert_eq!(saved(&path, "gone", Expected::Unchanged(second)), Saved::Conflict);
        assert_eq!(names(directory.path()), [""; 0]);
        written(saved(&path, "back", Expected::Anything));
    }

    #[test]
    fn a_file_that_was_only_touched_is_the_same_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.sql");
        let stamp = written(saved(&path, "one", Expected::Nothing));
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(9)).unwrap();
        written(saved(&path, "two", Expected::Unchanged(stamp)));
    }

    #[test]
    fn a_file_made_in_the_meantime_is_never_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.sql");
        fs::write(&path, "theirs").unwrap();
        let text = RopeText::from("ours");
        assert_eq!(
            write(&path, None, &text, Form::default(), Expected::Nothing).unwrap(),
            Saved::Conflict
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
        assert_eq!(names(directory.path()), ["a.sql"]);
    }

    #[test]
    fn permissions_and_links_stay() {
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("a.sql"), directory.path().join("link.sql"));
        fs::write(&path, "one").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("a.sql", &link).unwrap();
        written(saved(&link, "two", Expected::Anything));
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        fs::remove_file(&path).unwrap();
        written(saved(&link, "three", Expected::Nothing));
        assert_eq!(fs::read_to_string(&path).unwrap(), "three");
        let circle = directory.path().join("circle");
        symlink("circle", &circle).unwrap();
        assert!(matches!(saved(&circle, "x", Expected::Anything), Saved::Failed(_)));
    }

    #[test]
    fn what_cannot_be_opened_says_why() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let reason = |name: &str| {
            let message = opened(&path(name)).unwrap_err();
            message.strip_prefix(&format!("{}: ", shown(&path(name)))).unwrap().to_owned()
        };
        fs::write(path("archive"), b"PGDMP\x01\x0e").unwrap();
        File::create(path("large")).unwrap().set_len(FILE.bytes() + 1).unwrap();
        assert!(reason("archive").contains("pg_restore"));
        assert_eq!(
            opened(&path("large")).unwrap_err(),
            format!("Large {{ bytes: {} }}", FILE.bytes() + 1)
        );
        assert_eq!(reason("missing"), "there is no such file or directory");
        assert_eq!(
            reason(""),
            "it is a directory; put a regular file in its place, or name another one"
        );
        assert!(matches!(saved(directory.path(), "x", Expected::Anything), Saved::Failed(_)));
        assert!(matches!(saved(&path("no/such/a.sql"), "x", Expected::Nothing), Saved::Failed(_)));
    }

    #[test]
    fn a_check_tells_a_changed_file_a_touched_one_and_one_that_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.sql");
        let known = written(saved(&path, "one", Expected::Nothing));
        let check = || match perform(Effect::Check { request: REQUEST, path: shown(&path), known })
        {
            Msg::Checked { request: REQUEST, stamp, .. } => stamp,
            other => panic!("{other:?}"),
        };
        assert_eq!(check(), Some(known));
        fs::write(&path, "other").unwrap();
        assert!(check().is_some_and(|stamp| (stamp.length, stamp.digest) != (3, known.digest)));
        fs::remove_file(&path).unwrap();
        assert_eq!(check(), None);
    }

    #[test]
    fn a_directory_is_listed_with_directories_first() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for name in ["b.sql", "a.sql"] {
            fs::write(root.join(name), "").unwrap();
        }
        fs::create_dir(root.join("z")).unwrap();
        symlink("z", root.join("y")).unwrap();
        assert_eq!(names(root), ["y", "z", "a.sql", "b.sql"]);
        for number in 0..ENTRIES_MAX {
            fs::write(root.join("z").join(number.to_string()), "").unwrap();
        }
        fs::create_dir(root.join("z/last")).unwrap();
        let entries = list(&root.join("z")).unwrap();
        assert_eq!((entries.len(), entries[0].name.as_str()), (ENTRIES_MAX, "last"));
        let Msg::Listed { result, .. } =
            perform(Effect::List { request: REQUEST, directory: shown(&root.join("none")) })
        else {
            panic!("not a list")
        };
        assert!(result.unwrap_err().message.contains("no such file"));
    }

    #[test]
    fn a_tilde_is_the_home_directory() {
        let home = dirs::home_dir().unwrap();
        assert_eq!(absolute("~"), home);
        assert_eq!(absolute("~/a.sql"), home.join("a.sql"));
        assert_eq!(absolute("~//a.sql"), home.join("a.sql"));
        assert_eq!(absolute("/~/a.sql"), PathBuf::from("/~/a.sql"));
        assert!(absolute("~other/a.sql").ends_with("~other/a.sql"));
        assert!(absolute("a.sql").is_absolute());
    }

    #[test]
    fn effects_are_done_in_order_and_refused_after_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = shown(&directory.path().join("a.sql"));
        let (outbox, inbox) = flume::unbounded();
        let files = Files::start(outbox);
        let save = |request, text| Effect::Save {
            request: Request(request),
            path: path.clone(),
            text: RopeText::from(text),
            form: Form::default(),
            expected: Expected::Anything,
        };
        files.perform(save(1, "one"));
        files.perform(save(2, "two"));
        assert!(files.flush_and_stop(Duration::from_secs(60)));
        files.perform(save(3, "three"));
        let requests: Vec<_> = inbox
            .drain()
            .map(|msg| match msg {
                crate::msg::Msg::File(Msg::Saved { request, result, .. }) => {
                    (request, matches!(result, Saved::Written(_)))
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(requests, [(Request(1), true), (Request(2), true), (Request(3), false)]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
    }
}
