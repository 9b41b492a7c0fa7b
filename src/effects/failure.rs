//! Turns errors of SQLite, files, JSON and the keychain into the one shape that a user sees; `postgres/error.rs` does
//! so for errors of the server and the wire.

use std::{io, path::Path};

use crate::{
    failure::{Category, Failure},
    update::connection::keychain::Refusal,
};

/// An error of SQLite, or in what was to be written to it.
pub fn of_sqlite(error: &rusqlite::Error) -> Failure {
    if let rusqlite::Error::ToSqlConversionFailure(inner)
    | rusqlite::Error::FromSqlConversionFailure(_, _, inner) = error
        && let Some(json) = inner.downcast_ref::<serde_json::Error>()
    {
        return of_serialization(json);
    }
    let failure = Failure::new(Category::Storage, format!("Tusk could not keep this: {error}"));
    let code = error.sqlite_error().map(|code| code.extended_code);
    Failure {
        detail: code.map(|code| format!("SQLite's extended result code is {code}.")),
        ..failure
    }
}

/// An error of JSON: a value can't be written, or Tusk did not write it.
pub fn of_serialization(error: &serde_json::Error) -> Failure {
    let failure = Failure::new(
        Category::Storage,
        format!("What is kept can't be read or written as JSON: {error}"),
    );
    failure.with_next_step(
        "If you changed the file by hand, mend that place; else report this with its details.",
    )
}

/// An error of a file or a directory.
pub fn of_file(path: &Path, error: &io::Error) -> Failure {
    let reason = said(error);
    Failure::new(Category::Storage, format!("{}: {reason}", path.display()))
}

/// What the system says about a file; common errors have the same words everywhere.
pub fn said(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or directory".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}

/// An error of the keychain. One that might print a password, or the names of other programs' entries, gets Tusk's own
/// words.
pub fn of_keychain(error: &keyring_core::Error) -> Refusal {
    use keyring_core::Error;
    let unavailable = |reason: String| Refusal::Unavailable { reason };
    match error {
        Error::NoEntry => Refusal::NotFound,
        Error::BadEncoding(_) => unavailable("its entry is not text".into()),
        Error::Ambiguous(_) => unavailable("it has several entries for this connection".into()),
        error => unavailable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_sqlite_have_their_code_and_advice_that_fits() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("kept.db");
        std::fs::write(&file, "no database at all, but long enough to be looked at").unwrap();
        let database = rusqlite::Connection::open(&file).unwrap();
        let error = database.execute("create table t (a)", []).unwrap_err();
        let failure = of_sqlite(&error);
        assert_eq!(failure.category, Category::Storage);
        assert_eq!(failure.detail.as_deref(), Some("SQLite's extended result code is 26."));
        assert!(failure.next_step.unwrap().contains("damaged"));
    }

    #[test]
    fn an_error_of_json_is_told_from_one_of_sqlite() {
        let json = serde_json::from_str::<u32>("{").unwrap_err();
        let error = rusqlite::Error::ToSqlConversionFailure(json.into());
        let failure = of_sqlite(&error);
        assert!(failure.message.contains("as JSON: "), "{failure:?}");
        assert_eq!(failure.category, Category::Storage);
    }

    #[test]
    fn an_error_of_a_file_names_the_file() {
        let error = std::fs::read("/nowhere/at/all").unwrap_err();
        let failure = of_file(Path::new("/nowhere/at/all"), &error);
        assert_eq!(failure.message, "/nowhere/at/all: there is no such file or directory");
        assert!(failure.next_step.unwrap().contains("Check its name"));
    }

    #[test]
    fn what_a_keychain_says_never_holds_a_secret() {
        use keyring_core::Error;
        let secret = Error::BadEncoding(b"hunter2".to_vec());
        let refusal = of_keychain(&secret);
        assert!(!format!("{refusal:?}").contains("hunter2"));
        assert_eq!(of_keychain(&Error::NoEntry), Refusal::NotFound);
        let failure = Failure::from(&of_keychain(&Error::NoDefaultStore));
        assert_eq!(failure.category, Category::Keyring);
        assert!(failure.next_step.unwrap().contains("kept in memory"));
        let missing = Failure::from(&Refusal::NotFound);
        assert!(missing.next_step.unwrap().contains("Type it"));
    }
}
