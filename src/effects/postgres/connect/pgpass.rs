//! The password file: where it is, and whether Tusk may use it. `conninfo::passfile` knows what its lines mean.
//!
//! A password from it goes from here to the driver and nowhere else: no message and no Model holds it.

use std::{
    io,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::{
    base::secret::Secret,
    conninfo::{
        Config, Endpoint,
        passfile::{self, Found, Listed, Login, NotUtf8},
    },
    effects::{
        regular_file::{self, SMALL, open_to_others},
        services::reason,
    },
    failure::Failure,
};

/// The password for one server, and where it comes from.
pub(in crate::effects) struct Password {
    secret: Option<Secret>,
    /// The file and line that it comes from.
    origin: Option<String>,
    /// Why the password file was unusable.
    pub(in crate::effects) ignored: Option<String>,
}

impl Password {
    /// The known password, or else the password file's for this server.
    pub(in crate::effects) async fn of(
        config: &Config,
        server: &Endpoint,
        known: Option<&Secret>,
    ) -> Self {
        let mut password = Self {
            secret: known.filter(|known| !known.is_empty()).cloned(),
            origin: None,
            ignored: None,
        };
        if password.secret.is_some() {
            return password;
        }
        let home = std::env::home_dir();
        let path = match config.passfile.as_str() {
            "" => usual(&|name| std::env::var(name).ok(), home.as_deref()),
            path => named(path, home.as_deref()),
        };
        let (file, server, config) = (path.clone(), server.clone(), config.clone());
        let answer = smol::unblock(move || {
            let database = [&config.database, &config.user];
            let login = Login {
                host: &server.host,
                port: server.port,
                database: database
                    .into_iter()
                    .find(|name| !name.is_empty())
                    .map_or("", String::as_str),
                user: &config.user,
            };
            find(&file, login)
        });
        match answer.await {
            Answer::Nothing => {}
            Answer::Ignored(sentence) => password.ignored = Some(sentence),
            Answer::Found(found) => {
                password.origin = Some(format!("{}, line {}", path.display(), found.line));
                password.secret = Some(found.password);
            }
        }
        password
    }

    pub(in crate::effects) fn reveal(&self) -> Option<&str> {
        self.secret.as_ref().map(Secret::reveal)
    }

    /// Explains the server's refusal, if the password file has to do with it.
    pub(in crate::effects) fn explain(&self, failure: Failure) -> Failure {
        if !failure.is("28P01") {
            return failure;
        }
        let (detail, next) = match (&self.origin, &self.ignored) {
            (Some(origin), _) => (
                format!("The password came from the password file {origin}."),
                Some("Correct it there, or type another one here."),
            ),
            (None, Some(ignored)) => (ignored.clone(), None),
            (None, None) => return failure,
        };
        let failure = Failure { detail: Some(detail), ..failure };
        match next {
            Some(next) => failure.with_next_step(next),
            None => failure,
        }
    }
}

/// The usual password file: `PGPASSFILE`, or the one in the home directory; empty if there is none.
pub(in crate::effects) fn usual(
    variable: &dyn Fn(&str) -> Option<String>,
    home: Option<&Path>,
) -> PathBuf {
    if let Some(path) = variable("PGPASSFILE").filter(|path| !path.is_empty()) {
        return path.into();
    }
    if cfg!(windows) {
        let data = variable("APPDATA").unwrap_or_default();
        return Path::new(&data).join("postgresql").join("pgpass.conf");
    }
    home.map(|home| home.join(".pgpass")).unwrap_or_default()
}

/// The file of `PGPASSFILE`, if it differs from the one used without the variable; otherwise empty. The path is
/// absolute, so it holds wherever the program starts.
pub(in crate::effects) fn unusual(
    variable: &dyn Fn(&str) -> Option<String>,
    home: Option<&Path>,
) -> String {
    let named = usual(variable, home);
    let other = |name: &str| variable(name).filter(|_| name != "PGPASSFILE");
    if named == usual(&other, home) {
        return String::new();
    }
    let whole = std::path::absolute(&named).unwrap_or(named);
    whole.display().to_string()
}

/// A file that a configuration names; `~/` means the home directory, as in a shell.
fn named(path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => path.into(),
    }
}

/// What a password file says about a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::effects) enum Answer {
    /// There is no file, or no line for it.
    Nothing,
    Found(Found),
    /// The file exists and must not, or can't, be used: why, and what to do.
    Ignored(String),
}

/// Looks for a login's password, by libpq's rules.
pub(in crate::effects) fn find(path: &Path, login: Login) -> Answer {
    match usable(path) {
        Ok(Some(bytes)) => match passfile::find(&bytes, login) {
            Ok(found) => found.map_or(Answer::Nothing, Answer::Found),
            Err(NotUtf8 { line }) => Answer::Ignored(format!(
                "Line {line} of the password file {} is for this login and was not used, because it is not UTF-8. Write it anew as UTF-8.",
                path.display()
            )),
        },
        Ok(None) => Answer::Nothing,
        Err(sentence) => Answer::Ignored(sentence),
    }
}

/// The servers that a password file names; none if Tusk must not use it.
pub(in crate::effects) fn listed(path: &Path) -> Vec<Listed> {
    match usable(path) {
        Ok(Some(bytes)) => passfile::listed(&bytes),
        Ok(None) => Vec::new(),
        Err(sentence) => {
            log::warn!("{sentence}");
            Vec::new()
        }
    }
}

/// The file's content, if there is a file that nobody else may read.
fn usable(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
    let shown = path.display();
    let unused = |error: &io::Error| {
        let reason = reason(error);
        format!("The password file {shown} was not used: {reason}.")
    };
    let file = match regular_file::open(path) {
        Ok(file) => file,
        // A file that does not exist, or that Tusk can't even stat, counts as none, as in libpq.
        Err(_) if std::fs::metadata(path).is_err() => return Ok(None),
        Err(error) => return Err(unused(&error)),
    };
    if let Some(mode) = open_to_others(file.metadata()) {
        return Err(format!(
            "The password file {shown} was not used, because others may read it (its mode is {mode:04o}). Run: chmod 600 {shown}"
        ));
    }
    match file.bytes(SMALL) {
        Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
        Err(error) => Err(unused(&error)),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    const LOGIN: Login = Login { host: "db", port: 5432, database: "shop", user: "app" };

    fn file(text: &(impl AsRef<[u8]> + ?Sized), mode: u32) -> (tempfile::TempDir, PathBuf) {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("passwords");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (place, path)
    }

    #[test]
    fn only_a_file_that_nobody_else_may_touch_is_used() {
        for (mode, used) in [
            (0o600, true),
            (0o400, true),
            (0o700, true),
            (0o640, false),
            (0o604, false),
            (0o610, false),
            (0o602, false),
        ] {
            let (_place, path) = file("db:5432:shop:app:hunter2\n", mode);
            let found = Answer::Found(Found { password: Secret::new("hunter2"), line: 1 });
            let sentence = format!(
                "The password file {0} was not used, because others may read it (its mode is {mode:04o}). Run: chmod 600 {0}",
                path.display()
            );
            let expected = if used { found } else { Answer::Ignored(sentence) };
            assert_eq!(find(&path, LOGIN), expected, "{mode:o}");
            assert_eq!(listed(&path).len(), usize::from(used), "{mode:o}");
        }
    }

    #[test]
    fn a_line_that_is_no_text_is_told_of_where_it_would_have_been_used() {
        let (_place, path) = file(b"h\xe4:*:*:*:x\ndb:5432:shop:app:h\xfcnter2\n", 0o600);
        let said = format!(
            "Line 2 of the password file {} is for this login and was not used, because it is not UTF-8. Write it anew as UTF-8.",
            path.display()
        );
        assert_eq!(find(&path, LOGIN), Answer::Ignored(said));
        let (_place, path) = file(b"h\xe4:*:*:*:x\ndb:5432:shop:app:hunter2\n", 0o600);
        assert!(matches!(find(&path, LOGIN), Answer::Found(Found { line: 2, .. })));
    }

    #[test]
    fn a_directory_is_told_of_and_a_missing_file_is_none() {
        let place = tempfile::tempdir().unwrap();
        let expected = format!(
            "The password file {} was not used: it is a directory; put a regular file in its place, or name another one.",
            place.path().display()
        );
        assert_eq!(find(place.path(), LOGIN), Answer::Ignored(expected));
        assert_eq!(find(&place.path().join("none"), LOGIN), Answer::Nothing);
        assert_eq!(find(Path::new(""), LOGIN), Answer::Nothing);
    }

    #[test]
    fn a_variable_names_the_file_and_the_home_directory_has_it_otherwise() {
        let home = Path::new("/home/ann");
        assert_eq!(usual(&|_| None, Some(home)), Path::new("/home/ann/.pgpass"));
        let named = |name: &str| (name == "PGPASSFILE").then(|| "/srv/passwords".to_owned());
        assert_eq!(usual(&named, Some(home)), Path::new("/srv/passwords"));
        assert_eq!(unusual(&|_| None, Some(home)), "");
        assert_eq!(unusual(&named, Some(home)), "/srv/passwords");
        let same = |name: &str| (name == "PGPASSFILE").then(|| "/home/ann/.pgpass".to_owned());
        assert_eq!(unusual(&same, Some(home)), "");
        let here = |name: &str| (name == "PGPASSFILE").then(|| "passwords".to_owned());
        let here = unusual(&here, Some(home));
        assert!(here.starts_with('/') && here.ends_with("/passwords"), "{here}");
        assert_eq!(super::named("~/p", Some(home)), Path::new("/home/ann/p"));
        assert_eq!(super::named("/~/p", Some(home)), Path::new("/~/p"));
        assert_eq!(usual(&|_| Some(String::new()), Some(home)), Path::new("/home/ann/.pgpass"));
    }
}
