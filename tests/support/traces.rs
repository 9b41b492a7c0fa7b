//! What the built program leaves behind when it plays a story, and whether a secret is in it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use super::program;
use tempfile::TempDir;

/// What the program leaves behind.
pub struct Traces {
    pub home: TempDir,
    pub output: Vec<u8>,
    pub arguments: Vec<u8>,
}

impl Traces {
    /// Plays a story as a user with a home of their own, records it, and watches the children.
    pub fn of(story: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        Self::at(home, story)
    }

    pub fn at(home: TempDir, story: &str) -> Self {
        // The story holds secrets, as a person's own file may: it is outside of what is searched.
        let elsewhere = tempfile::tempdir().unwrap();
        let file = elsewhere.path().join("a.story");
        fs::write(&file, story).unwrap();
        let mut child = program::tusk()
            .arg("story")
            .arg(&file)
            .arg("--data-dir")
            .arg(home.path().join("data"))
            .arg("--record")
            .arg(home.path().join("run.tusk"))
            .current_dir(home.path())
            .env("HOME", home.path())
            .env("XDG_DATA_HOME", home.path().join("xdg"))
            .env("RUST_LOG", "trace")
            // There is no keychain: what would be in it has to stay in memory.
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
            .stdin(Stdio::null())
            .stdout(fs::File::create(home.path().join("stdout")).unwrap())
            .stderr(fs::File::create(home.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        let mut arguments = BTreeSet::new();
        let status = loop {
            arguments.extend(arguments_below(child.id()));
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        let mut output = fs::read(home.path().join("stdout")).unwrap();
        output.extend(fs::read(home.path().join("stderr")).unwrap());
        assert!(status.success(), "{}", String::from_utf8_lossy(&output));
        Self { home, output, arguments: arguments.into_iter().flatten().collect() }
    }

    pub fn database(&self) -> PathBuf {
        self.home.path().join("data/tusk.sqlite")
    }

    /// A secret is nowhere.
    #[track_caller]
    pub fn lack(&self, secret: &str) {
        self.lack_beside_the_text(secret);
        for file in files_below(self.home.path()) {
            is_absent(secret, &fs::read(&file).unwrap(), &file.display().to_string());
        }
    }

    /// A secret is nowhere but in the text of a tab.
    #[track_caller]
    pub fn lack_beside_the_text(&self, secret: &str) {
        self.lack_beside_the_text_as(secret, "");
    }

    /// The same for a secret in a form of its own, which a failure names.
    #[track_caller]
    pub fn lack_beside_the_text_as(&self, secret: &str, context: &str) {
        let is_absent = |secret: &str, bytes: &[u8], place: &str| {
            is_absent(secret, bytes, &format!("{place} {context}"));
        };
        is_absent(secret, &self.output, "the output");
        is_absent(secret, &self.arguments, "a child's arguments");
        for file in files_below(self.home.path()) {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            if !name.starts_with("tusk.sqlite") {
                is_absent(secret, &fs::read(&file).unwrap(), &file.display().to_string());
            }
        }
        let database = rusqlite::Connection::open(self.database()).unwrap();
        let mut tables =
            database.prepare("select name from sqlite_master where type = 'table'").unwrap();
        let tables: Vec<String> =
            tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert!(tables.len() > 3, "{tables:?}");
        for table in tables {
            for value in values(&database, &table) {
                is_absent(secret, value.as_bytes(), &format!("the table {table}"));
            }
        }
    }
}

/// Every value of a table but the texts of tabs and their journal.
fn values(database: &rusqlite::Connection, table: &str) -> Vec<String> {
    let mut statement = database.prepare(&format!("select * from \"{table}\"")).unwrap();
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let theirs = |column: &str| matches!((table, column), ("tab", "text") | ("edit", "inserted"));
    let mut rows = statement.query([]).unwrap();
    let mut values = vec![];
    while let Some(row) = rows.next().unwrap() {
        for (at, column) in columns.iter().enumerate() {
            if !theirs(column) {
                values.push(format!("{:?}", row.get_ref(at).unwrap()));
                if let Ok(text) = row.get_ref(at).unwrap().as_bytes() {
                    values.push(String::from_utf8_lossy(text).into_owned());
                }
            }
        }
    }
    values
}

pub fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        // A password file is a person's own place for a secret.
        if path.file_name().is_some_and(|name| name == ".pgpass") {
            continue;
        }
        if path.is_dir() && !path.is_symlink() {
            found.extend(files_below(&path));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found
}

/// What each process below this one was started with.
fn arguments_below(parent: u32) -> Vec<Vec<u8>> {
    let children = format!("/proc/{parent}/task");
    let Ok(tasks) = fs::read_dir(children) else {
        return vec![];
    };
    let mut found = vec![];
    for task in tasks.flatten() {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|id| id.parse().ok()) {
            found.extend(fs::read(format!("/proc/{child}/cmdline")));
            found.extend(arguments_below(child));
        }
    }
    found
}

#[track_caller]
pub fn is_absent(secret: &str, bytes: &[u8], place: &str) {
    for form in forms(secret) {
        let found = bytes.windows(form.len()).position(|window| window == form.as_bytes());
        if let Some(at) = found {
            let around = &bytes[at.saturating_sub(120)..(at + form.len() + 40).min(bytes.len())];
            panic!("{secret} is in {place} as {form}: …{}…", String::from_utf8_lossy(around));
        }
    }
}

/// A secret as it is, and as URLs, JSON, SQL, hexadecimal and base 64 write it, the last at each of its three offsets.
fn forms(secret: &str) -> BTreeSet<String> {
    use std::fmt::Write;
    let mut escaped = String::new();
    let mut hexadecimal = String::new();
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").unwrap();
        }
        write!(hexadecimal, "{byte:02x}").unwrap();
    }
    let json = serde_json::to_string(secret).unwrap();
    let json = json.trim_matches('"').to_owned();
    let twice = serde_json::to_string(&json).unwrap().trim_matches('"').to_owned();
    let mut forms = BTreeSet::from([
        secret.to_owned(),
        escaped,
        hexadecimal,
        json,
        twice,
        secret.replace('\'', "''"),
        format!("{secret:?}").trim_matches('"').to_owned(),
    ]);
    for offset in 0..3 {
        let shifted: Vec<u8> = std::iter::repeat_n(0, offset).chain(secret.bytes()).collect();
        let digits = base64(&shifted);
        // The first digits hold bits of what is before, the last of what follows.
        forms.insert(digits[[0, 2, 3][offset]..digits.len() - 2].to_owned());
    }
    forms
}

pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut bits = 0_u32;
        for at in 0..3 {
            bits = bits << 8 | u32::from(group.get(at).copied().unwrap_or_default());
        }
        for at in 0..=group.len() {
            let digit = bits >> (18 - 6 * at) & 63;
            text.push(char::from(DIGITS[digit as usize]));
        }
    }
    text
}
