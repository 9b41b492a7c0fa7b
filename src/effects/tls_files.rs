//! libpq's usual files for TLS: where they are, and which of them exist. `conninfo` knows what they are for.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::conninfo::TlsFiles;

/// Their directory: `.postgresql` in the home directory, or Windows' place for such things.
pub(super) fn directory(
    variable: &dyn Fn(&str) -> Option<String>,
    home: Option<&Path>,
) -> Option<PathBuf> {
    if cfg!(windows) {
        return Some(Path::new(&variable("APPDATA")?).join("postgresql"));
    }
    Some(home?.join(".postgresql"))
}

/// Which of the files exist; none without a directory.
pub(super) fn found(directory: Option<&Path>) -> TlsFiles {
    let found = |name: &str| {
        let path = directory.map(|directory| directory.join(name));
        let path = path.filter(|path| is_there(path));
        path.map(|path| path.display().to_string()).unwrap_or_default()
    };
    TlsFiles {
        root_cert: found("root.crt"),
        cert: found("postgresql.crt"),
        key: found("postgresql.key"),
        revoked: found("root.crl"),
    }
}

/// A file that can't be examined counts as existing: its use reports why it can't be read.
fn is_there(path: &Path) -> bool {
    match fs::metadata(path) {
        Ok(_) => true,
        Err(error) => {
            !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_that_are_there_are_found_in_the_home_directory() {
        let home = tempfile::tempdir().unwrap();
        let directory = directory(&|_| None, Some(home.path())).unwrap();
        assert_eq!(directory, home.path().join(".postgresql"));
        assert_eq!(found(None), TlsFiles::default());
        assert_eq!(found(Some(&directory)), TlsFiles::default());
        fs::create_dir(&directory).unwrap();
        for name in ["root.crt", "postgresql.key"] {
            fs::write(directory.join(name), "").unwrap();
        }
        let path = |name: &str| directory.join(name).display().to_string();
        let expected = TlsFiles {
            root_cert: path("root.crt"),
            key: path("postgresql.key"),
            ..TlsFiles::default()
        };
        assert_eq!(found(Some(&directory)), expected);
        // A file in place of the directory holds nothing.
        assert_eq!(found(Some(&directory.join("root.crt"))), TlsFiles::default());
    }
}
