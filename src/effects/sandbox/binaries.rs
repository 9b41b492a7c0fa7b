//! Finds PostgreSQL's programs: on PATH and where each system's packages put them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::SandboxError;
use super::process::{Failure, Task};
use super::system;

/// One installation of PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    /// Where `postgres`, `initdb` and `pg_ctl` are.
    pub directory: PathBuf,
    /// The psql to load with.
    pub psql: Option<PathBuf>,
    /// The major version, as in a cluster's PG_VERSION.
    pub major: u32,
}

/// Where to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchPlaces {
    /// The directories of PATH, which win in their order.
    pub path: Vec<PathBuf>,
    /// Package directories, where the newest version wins. A component may hold one `*`.
    pub patterns: Vec<PathBuf>,
}

impl SearchPlaces {
    /// This machine's.
    pub fn of_this_system() -> Self {
        let path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect());
        let patterns: &[&str] = if cfg!(windows) {
            &[
                "C:\\Program Files\\PostgreSQL\\*\\bin",
                "C:\\Program Files (x86)\\PostgreSQL\\*\\bin",
            ]
        } else if cfg!(target_os = "macos") {
            &[
                "/opt/homebrew/opt/postgresql*/bin",
                "/usr/local/opt/postgresql*/bin",
                "/Applications/Postgres.app/Contents/Versions/*/bin",
                "/Library/PostgreSQL/*/bin",
                "/opt/local/lib/postgresql*/bin",
            ]
        } else {
            &[
                "/usr/lib/postgresql/*/bin",
                "/usr/pgsql-*/bin",
                "/usr/lib/postgresql*/bin",
                "/usr/libexec/postgresql*",
                "/usr/local/pgsql/bin",
                "/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
            ]
        };
        Self {
            path: path.unwrap_or_default(),
            patterns: patterns.iter().map(PathBuf::from).collect(),
        }
    }
}

/// Every installation, the preferred first: PATH in its order, then the newest.
pub async fn find_all(places: SearchPlaces) -> Result<Vec<Binaries>, SandboxError> {
    let searched = places.clone();
    let (on_path, packaged, psql) = smol::unblock(move || {
        let on_path = server_directories(&places.path);
        let expanded: Vec<PathBuf> =
            places.patterns.iter().flat_map(|pattern| expand(pattern)).collect();
        let psql = places
            .path
            .iter()
            .map(|directory| directory.join(program("psql")))
            .find(|file| file.is_file());
        (on_path, server_directories(&expanded), psql)
    })
    .await;
    let mut found = with_versions(on_path, psql.as_ref()).await;
    let mut others = with_versions(packaged, psql.as_ref()).await;
    others.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
    found.extend(others);
    if found.is_empty() {
        let searched = searched.path.iter().chain(&searched.patterns);
        return Err(SandboxError::NoBinaries {
            searched: searched.map(|path| path.display().to_string()).collect(),
            advice: system::installation_advice(),
        });
    }
    Ok(found)
}

/// A program's file name on this system.
pub fn program(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}

/// The directories that really hold a server: follows links, because a link in a bin directory may be one program of
/// several.
fn server_directories(places: &[PathBuf]) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for place in places {
        let Ok(server) = place.join(program("postgres")).canonicalize() else {
            continue;
        };
        let Some(directory) = server.parent() else {
            continue;
        };
        let complete =
            ["initdb", "pg_ctl"].iter().all(|name| directory.join(program(name)).is_file());
        if complete && !found.iter().any(|known| known == directory) {
            found.push(directory.to_owned());
        }
    }
    found
}

/// The directories that a pattern stands for.
fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        let text = component.as_os_str().to_string_lossy();
        found = match text.split_once('*') {
            None => found.into_iter().map(|base| base.join(component)).collect(),
            Some((start, end)) => {
                found.iter().flat_map(|base| matching_entries(base, start, end)).collect()
            }
        };
    }
    found
}

fn matching_entries(base: &Path, start: &str, end: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(base) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        })
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

async fn with_versions(directories: Vec<PathBuf>, psql_on_path: Option<&PathBuf>) -> Vec<Binaries> {
    let mut found = Vec::new();
    for directory in directories {
        let server = directory.join(program("postgres"));
        let task =
            Task::new("asking PostgreSQL for its version", &server, &std::env::temp_dir(), None)
                .arguments(["--version"])
                .limit(Duration::from_secs(10));
        let printed = match task.run().await {
            Ok(printed) => printed,
            Err(Failure::Exit(output)) => {
                log::warn!("{} does not tell its version: {output}", server.display());
                continue;
            }
            Err(Failure::Fatal(error)) => {
                log::warn!("{error}");
                continue;
            }
        };
        let Some(major) = major_version(&printed) else {
            continue;
        };
        let beside = Some(directory.join(program("psql"))).filter(|file| file.is_file());
        found.push(Binaries { directory, psql: beside.or_else(|| psql_on_path.cloned()), major });
    }
    found
}

/// The major version in `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` or `… 18beta1`.
fn major_version(printed: &str) -> Option<u32> {
    let version = printed.split_once("PostgreSQL) ")?.1;
    let digits = version.len() - version.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    version[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_every_form() {
        assert_eq!(
            major_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major_version("something else 3"), None);
    }

    #[test]
    fn no_installation_says_where_it_looked_and_what_to_install() {
        let places = SearchPlaces {
            path: vec![PathBuf::from("/nowhere/bin")],
            patterns: vec![PathBuf::from("/nowhere/postgresql/*/bin")],
        };
        let Err(SandboxError::NoBinaries { searched, advice }) = smol::block_on(find_all(places))
        else {
            panic!("found PostgreSQL nowhere");
        };
        assert_eq!(searched, ["/nowhere/bin", "/nowhere/postgresql/*/bin"]);
        assert!(advice.contains("Install"), "{advice}");
    }
}
