//! Which keys of SSH servers are known: from the user's own known_hosts files, which Tusk only reads, and from Tusk's
//! own.
//!
//! Reads the files as OpenSSH does: hashed names, patterns, exclusions, ports; revoked keys; a host with several keys.
//! Lines for authorities vouch for certificates, which Tusk asks no server for, so they neither make a key known nor
//! another one changed. Skips a line that can't be read.

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use russh::keys::{Algorithm, HashAlg, PublicKey};
use sha1::Sha1;

use super::super::error;
use crate::{
    effects::regular_file::{self, Limit},
    failure::{Category, Failure, HostKey, Want},
};

/// A large company's file has a few megabytes.
const KNOWN_HOSTS: Limit = Limit::megabytes(64);

/// The files of known hosts.
#[derive(Clone, Debug, Default)]
pub struct KnownHosts {
    /// The user's and the system's, which Tusk never writes.
    pub theirs: Vec<PathBuf>,
    /// Tusk's own; without it, Tusk can trust no new key.
    pub own: Option<PathBuf>,
}

/// An SSH server, as the user calls it.
#[derive(Clone, Debug)]
pub struct Server {
    pub host: String,
    pub port: u16,
}

/// What is known about one server's keys.
pub struct Known {
    server: Server,
    entries: Vec<Entry>,
}

/// A line about the server.
struct Entry {
    file: PathBuf,
    line: usize,
    mark: Mark,
    algorithm: String,
    key: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Key,
    Authority,
    Revoked,
}

/// The port of a name without one.
const USUAL_PORT: u16 = 22;

impl Server {
    /// The name in known_hosts' form.
    fn name(&self) -> String {
        let host = self.host.to_lowercase();
        match self.port {
            USUAL_PORT => host,
            port => format!("[{host}]:{port}"),
        }
    }
}

impl std::fmt::Display for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.port {
            USUAL_PORT => formatter.write_str(&self.host),
            port => write!(formatter, "{}:{port}", self.host),
        }
    }
}

impl KnownHosts {
    /// The files of the user's OpenSSH, those of the system, and Tusk's own in this directory.
    pub fn of_system(data_dir: &Path) -> Self {
        let user = dirs::home_dir().map(|home| home.join(".ssh"));
        let mut directories: Vec<(PathBuf, &str)> =
            user.into_iter().map(|directory| (directory, "")).collect();
        if cfg!(unix) {
            directories.push((PathBuf::from("/etc/ssh"), "ssh_"));
        }
        let theirs = directories.into_iter().flat_map(|(directory, prefix)| {
            ["known_hosts", "known_hosts2"].map(|name| directory.join(format!("{prefix}{name}")))
        });
        Self { theirs: theirs.collect(), own: Some(data_dir.join("known_hosts")) }
    }

    /// What the files say about a server. A file that exists and can't be read might hold a warning, so it is an error.
    pub fn of(&self, server: &Server) -> Result<Known, Failure> {
        let name = server.name();
        let mut entries = Vec::new();
        for file in self.theirs.iter().chain(&self.own) {
            let text = match regular_file::read(file, KNOWN_HOSTS) {
                Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => continue,
                Err(cause) => return Err(unreadable(file, &cause)),
            };
            let lines = text.lines().enumerate();
            entries.extend(lines.filter_map(|(at, text)| entry(file, at + 1, text, &name)));
        }
        Ok(Known { server: server.clone(), entries })
    }

    /// Adds a key to Tusk's own file, as a whole line.
    pub fn learn(&self, key: &HostKey) -> Result<(), Failure> {
        let Some(file) = &self.own else {
            return Err(error::plain(
                Category::Storage,
                "There is no data directory to keep the key of the SSH server in.",
            ));
        };
        let server = Server { host: key.host.clone(), port: key.port };
        let line = format!("{} {} {}\n", server.name(), key.algorithm, key.key);
        let spoken_of =
            |character: char| character.is_alphanumeric() || ".-_:%".contains(character);
        if key.host.is_empty() || !key.host.chars().all(spoken_of) || !is_key(key) {
            return Err(error::plain(
                Category::Internal,
                "This is no key of an SSH server that could be kept.",
            ));
        }
        append(file, &line).map_err(|cause| {
            error::plain(
                Category::Storage,
                format!(
                    "The key of the SSH server could not be written to {}: {cause}.",
                    file.display()
                ),
            )
        })
    }
}

impl Known {
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Algorithms to ask the server for; first those for which it has a known key.
    pub fn preferred(&self, usual: &[Algorithm]) -> Vec<Algorithm> {
        let is_known = |algorithm: &Algorithm| {
            let name = key_type(algorithm);
            let mut keys = self.entries.iter().filter(|entry| entry.mark == Mark::Key);
            keys.any(|entry| entry.algorithm == name)
        };
        let mut preferred: Vec<Algorithm> = usual
            .iter()
            // RSA with SHA-1 no longer proves anything.
            .filter(|algorithm| !matches!(algorithm, Algorithm::Rsa { hash: None }))
            .cloned()
            .collect();
        preferred.sort_by_key(|algorithm| !is_known(algorithm));
        preferred
    }

    /// Whether to trust the key that the server shows; if not, why.
    pub fn judge(&self, shown: &PublicKey) -> Result<(), Failure> {
        let blob = shown.to_bytes().map_err(|cause| {
            error::plain(
                Category::Ssh,
                format!("The key of the SSH server {} can't be read: {cause}.", self.server),
            )
        })?;
        let marked = |mark: Mark| self.entries.iter().filter(move |entry| entry.mark == mark);
        if let Some(entry) = marked(Mark::Revoked).find(|entry| entry.key == blob) {
            return Err(self.revoked(entry, shown));
        }
        if marked(Mark::Key).any(|entry| entry.key == blob) {
            return Ok(());
        }
        let algorithm = key_type(&shown.algorithm());
        let (same, others): (Vec<_>, Vec<_>) =
            marked(Mark::Key).partition(|entry| entry.algorithm == algorithm);
        match same.first() {
            Some(entry) => Err(self.changed(entry, shown)),
            None => Err(self.unknown(&others, shown, &blob)),
        }
    }

    fn revoked(&self, entry: &Entry, shown: &PublicKey) -> Failure {
        let message =
            format!("The SSH server {} shows a key that is marked as revoked.", self.server);
        let mut failure = error::plain(Category::Ssh, message).with_next_step(
            "Don't connect: somebody else may have this key. Ask the server's administrator.",
        );
        failure.detail = Some(format!(
            "{} {} is revoked in {}.",
            key_type(&shown.algorithm()),
            fingerprint(shown),
            entry.place()
        ));
        failure
    }

    fn changed(&self, entry: &Entry, shown: &PublicKey) -> Failure {
        let message = format!("The key of the SSH server {} has changed.", self.server);
        let known = PublicKey::from_bytes(&entry.key).map(|key| fingerprint(&key));
        let mut failure = error::plain(Category::Ssh, message).with_next_step(format!(
            "Somebody may be between you and the server, or it was set up anew. Ask its administrator for the \
             fingerprint. If the new one is right, remove line {} of {}, and connect again.",
            entry.line,
            entry.file.display()
        ));
        failure.detail = Some(format!(
            "It shows {} {}; {} has {}.",
            key_type(&shown.algorithm()),
            fingerprint(shown),
            entry.place(),
            known.unwrap_or_else(|_| "another one".into())
        ));
        failure
    }

    fn unknown(&self, others: &[&Entry], shown: &PublicKey, blob: &[u8]) -> Failure {
        let algorithm = key_type(&shown.algorithm());
        let key = HostKey {
            host: self.server.host.clone(),
            port: self.server.port,
            algorithm: algorithm.clone(),
            fingerprint: fingerprint(shown),
            key: BASE64.encode(blob),
        };
        let message = format!(
            "The key of the SSH server {} is not known: {algorithm} {}.",
            self.server, key.fingerprint
        );
        let mut failure = error::plain(Category::Ssh, message)
            .with_next_step(
                "Connecting asks whether to trust it. Compare the fingerprint with one that the server's \
                 administrator gave you.",
            )
            .wanting(Want::HostKey(key));
        failure.detail = others.first().map(|entry| {
            format!(
                "Another key of this server is known, of the kind {}, in {}; the server does not show that one.",
                entry.algorithm,
                entry.place()
            )
        });
        failure
    }
}

impl Entry {
    fn place(&self) -> String {
        format!("{}:{}", self.file.display(), self.line)
    }
}

/// In the form of `ssh-keygen -l`.
fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// The key's type, which for RSA is the same whatever hash it signs with.
fn key_type(algorithm: &Algorithm) -> String {
    match algorithm {
        Algorithm::Rsa { .. } => "ssh-rsa".into(),
        other => other.as_str().into(),
    }
}

fn is_key(key: &HostKey) -> bool {
    let blob = BASE64.decode(key.key.as_bytes()).ok();
    let parsed = blob.and_then(|blob| PublicKey::from_bytes(&blob).ok());
    parsed.is_some_and(|parsed| {
        key_type(&parsed.algorithm()) == key.algorithm && fingerprint(&parsed) == key.fingerprint
    })
}

fn unreadable(file: &Path, cause: &io::Error) -> Failure {
    let message = format!("The known SSH servers in {} can't be read: {cause}.", file.display());
    error::plain(Category::Ssh, message)
        .with_next_step("Tusk needs them to know the SSH server. Make the file readable.")
}

/// Reads a line, if it is about this name.
fn entry(file: &Path, line: usize, text: &str, name: &str) -> Option<Entry> {
    let mut words = text.split_ascii_whitespace().peekable();
    let mark = match *words.peek()? {
        word if word.starts_with('#') => return None,
        "@revoked" => Mark::Revoked,
        "@cert-authority" => Mark::Authority,
        word if word.starts_with('@') => return None,
        _ => Mark::Key,
    };
    if mark != Mark::Key {
        words.next();
    }
    let (names, algorithm, key) = (words.next()?, words.next()?, words.next()?);
    if !matches(names, name) {
        return None;
    }
    Some(Entry {
        file: file.to_owned(),
        line,
        mark,
        algorithm: algorithm.to_owned(),
        key: BASE64.decode(key.as_bytes()).ok()?,
    })
}

/// Whether a list of patterns matches this name. An exclusion wins, wherever it stands.
fn matches(names: &str, name: &str) -> bool {
    let mut found = false;
    for pattern in names.split(',') {
        match pattern.strip_prefix('!') {
            Some(excluded) if is_like(name, excluded) => return false,
            Some(_) => {}
            None => found |= is_hash_of(pattern, name).unwrap_or_else(|| is_like(name, pattern)),
        }
    }
    found
}

/// `|1|salt|HMAC-SHA1(salt, name)`; none where the pattern is not hashed.
fn is_hash_of(pattern: &str, name: &str) -> Option<bool> {
    let (salt, digest) = pattern.strip_prefix("|1|")?.split_once('|')?;
    let (Ok(salt), Ok(digest)) = (BASE64.decode(salt.as_bytes()), BASE64.decode(digest.as_bytes()))
    else {
        return Some(false);
    };
    let hmac = Hmac::<Sha1>::new_from_slice(&salt).ok()?;
    Some(hmac.chain_update(name).verify_slice(&digest).is_ok())
}

/// Whether a name matches a pattern: `*` is anything, `?` one character, case does not count.
fn is_like(name: &str, pattern: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let (mut at, mut next) = (0, 0);
    // The last star, and how much of the name it covers.
    let mut star: Option<(usize, usize)> = None;
    while at < name.len() {
        match pattern.get(next) {
            Some('*') => {
                star = Some((next, at));
                next += 1;
            }
            Some(character) if *character == '?' || *character == name[at] => {
                at += 1;
                next += 1;
            }
            _ => match star {
                Some((place, end)) => {
                    star = Some((place, end + 1));
                    at = end + 1;
                    next = place + 1;
                }
                None => return false,
            },
        }
    }
    pattern[next..].iter().all(|character| *character == '*')
}

/// Appends a line, on a line of its own even if the last one was cut off.
fn append(path: &Path, line: &str) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut file = regular_file::appended(path)?;
    let mut text = String::new();
    if file.seek(SeekFrom::End(0))? > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            text.push('\n');
        }
    }
    text.push_str(line);
    // One write to a file opened for appending: no other line gets into the middle.
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
