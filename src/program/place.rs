//! Where the program keeps its data, and where the user's own settings and keys are.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::effects::{local_time, regular_file};

/// The variable that names the data directory.
const VARIABLE: &str = "TUSK_DATA_DIR";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// For working on Tusk: it has a directory of its own, so it never touches what its developer keeps in a release.
    Debug,
    /// For working with Tusk.
    Release,
}

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The data: the store, the log, the sandbox.
    pub data_dir: PathBuf,
    /// The user's own settings and keys.
    pub config_dir: PathBuf,
}

/// A data directory that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "The data directory {directory} can't be used: {reason}. Name another one with --data-dir DIR or TUSK_DATA_DIR."
)]
pub struct NoPlace {
    pub directory: String,
    pub reason: String,
}

impl Build {
    /// This build.
    pub const THIS: Build = if cfg!(debug_assertions) { Build::Debug } else { Build::Release };

    /// The default places, from the operating system.
    pub fn places(self) -> Option<Places> {
        self.places_in(dirs::data_dir()?, dirs::config_dir()?)
    }

    fn places_in(self, data: PathBuf, config: PathBuf) -> Option<Places> {
        let name = match self {
            Build::Debug => "tusk-dev",
            Build::Release => "tusk",
        };
        Some(Places { data_dir: data.join(name), config_dir: config.join(name) })
    }
}

/// The places: in the named directory, or else in `TUSK_DATA_DIR`, or else where the system keeps such things. A named
/// directory also holds the settings, so it is self-contained.
pub fn places(named: Option<PathBuf>) -> Result<Places, String> {
    let variable =
        || std::env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    let Some(named) = named.or_else(variable) else {
        return Build::THIS.places().ok_or_else(|| {
            "There is no home directory to keep data in. Name a place with --data-dir DIR or TUSK_DATA_DIR.".into()
        });
    };
    let data_dir = std::path::absolute(&named).unwrap_or(named);
    Ok(Places { config_dir: data_dir.clone(), data_dir })
}

/// Whether the time zone of the environment can be read. Nobody would be told later, and the log would be in another time.
pub fn time_zone() -> Result<(), String> {
    let Some(named) = std::env::var_os("TZ").filter(|_| cfg!(unix)) else {
        return Ok(());
    };
    let named = named.to_string_lossy();
    let zone = named.trim_start_matches(':');
    if zone.is_empty() {
        return Ok(());
    }
    for directory in local_time::ZONES {
        // An absolute name stays as it is.
        let path = Path::new(directory).join(zone);
        let read = regular_file::read(&path, regular_file::SMALL);
        // A directory is not a zone, and does no harm.
        if let Err(error) = read
            && (regular_file::is_unfit(&error) || path.is_file())
            && !path.is_dir()
        {
            let path = path.display();
            return Err(format!(
                "The time zone of the environment, TZ={named}, can't be read: {path}: {error}. Name a time zone, such as TZ=UTC."
            ));
        }
    }
    Ok(())
}

/// Creates the data directory if it is missing, and proves that it can be written.
pub fn data_dir(path: &Path) -> Result<(), NoPlace> {
    made(path).map_err(|error| NoPlace {
        directory: path.display().to_string(),
        reason: error.to_string(),
    })
}

fn made(path: &Path) -> io::Result<()> {
    if !path.is_dir() {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt;
            // What the user types is private.
            builder.mode(0o700);
        }
        builder.create(path)?;
    }
    // Only trying tells whether an existing directory can be written.
    let (probe, _) = regular_file::make_in(path, true)?;
    fs::remove_file(&probe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_made_with_those_above_it_and_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let wanted = directory.path().join("a/b");
        assert_eq!(data_dir(&wanted), Ok(()));
        assert_eq!(wanted.read_dir().unwrap().count(), 0);
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
        let problem = data_dir(&file.join("below")).unwrap_err().to_string();
        for part in ["file/below", "--data-dir DIR", "TUSK_DATA_DIR"] {
            assert!(problem.contains(part), "{problem}");
        }
    }

    #[test]
    fn a_release_is_where_the_system_keeps_such_things_and_a_debug_build_beside_it() {
        let places = |build: Build| build.places_in("/d".into(), "/c".into());
        let expected = |data: &str, config: &str| {
            Some(Places { data_dir: data.into(), config_dir: config.into() })
        };
        assert_eq!(places(Build::Release), expected("/d/tusk", "/c/tusk"));
        assert_eq!(places(Build::Debug), expected("/d/tusk-dev", "/c/tusk-dev"));
    }

    #[test]
    fn a_directory_that_is_named_holds_the_settings_too() {
        let found = places(Some("/somewhere".into())).unwrap();
        assert_eq!(found.data_dir, found.config_dir);
    }
}
