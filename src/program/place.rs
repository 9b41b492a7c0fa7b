//! Where the program keeps its data.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The variable that names the data directory.
const VARIABLE: &str = "TUSK_DATA_DIR";

/// The data directory, made where it is missing: the one that is named, else `TUSK_DATA_DIR`, else the usual one. Where
/// it can't be made, a sentence that says what to do.
pub fn data_dir(named: Option<PathBuf>) -> Result<PathBuf, String> {
    let variable = || {
        std::env::var_os(VARIABLE)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let path = named
        .or_else(variable)
        .or_else(usual)
        .ok_or("There is no home directory to keep data in. Name a place with --data-dir DIR.")?;
    made(&path).map_err(|error| {
        format!(
            "The data directory {} can't be used: {error}. Name another one with --data-dir DIR.",
            path.display()
        )
    })
}

/// Debug builds keep their data beside the work on them, so that they never touch what a user keeps.
fn usual() -> Option<PathBuf> {
    if cfg!(debug_assertions) {
        return Some(PathBuf::from(".tusk"));
    }
    dirs::data_dir().map(|directory| directory.join("tusk"))
}

fn made(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    if !path.is_dir() {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt;
            // What is typed is the user's own.
            builder.mode(0o700);
        }
        builder.create(&path)?;
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_made_with_those_above_it_and_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let wanted = directory.path().join("a/b");
        assert_eq!(data_dir(Some(wanted.clone())), Ok(wanted.clone()));
        assert!(wanted.is_dir());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = wanted.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_a_sentence_that_offers_another() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        let problem = data_dir(Some(file.join("below"))).unwrap_err();
        assert!(problem.contains("file/below") && problem.contains("--data-dir"));
    }
}
