//! Service files, from the places where libpq looks for them. `conninfo::service` knows what they mean.

use std::{
    io,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::regular_file::{self, SMALL};
use crate::conninfo::service::{self, ServiceFile};

/// Where builds of libpq look for the system's file: Debian's, Red Hat's, PostgreSQL's own and Homebrew's.
const SYSTEM_DIRECTORIES: [&str; 6] = [
    "/etc/postgresql-common",
    "/etc/sysconfig/pgsql",
    "/etc/postgresql",
    "/usr/local/pgsql/etc",
    "/opt/homebrew/etc/postgresql",
    "/etc",
];
const SYSTEM_NAME: &str = "pg_service.conf";

/// The user's file, then the system's. If a variable names a file that can't be read, reports it; includes a file at a
/// usual place only if it exists.
pub(super) fn read(
    variable: &dyn Fn(&str) -> Option<String>,
    home: Option<&Path>,
) -> Vec<ServiceFile> {
    let own = match variable("PGSERVICEFILE").filter(|path| !path.is_empty()) {
        Some(path) => Some(PathBuf::from(path)),
        None => usual(variable, home).filter(|path| path.exists()),
    };
    let system = match variable("PGSYSCONFDIR").filter(|path| !path.is_empty()) {
        Some(directory) => vec![Path::new(&directory).join(SYSTEM_NAME)],
        None => SYSTEM_DIRECTORIES.map(|directory| Path::new(directory).join(SYSTEM_NAME)).to_vec(),
    };
    let system = system.into_iter().find(|path| path.exists());
    own.into_iter().chain(system).map(|path| file(&path)).collect()
}

/// The user's own file: in the home directory, or in Windows' place for such things.
fn usual(variable: &dyn Fn(&str) -> Option<String>, home: Option<&Path>) -> Option<PathBuf> {
    if cfg!(windows) {
        let data = variable("APPDATA")?;
        return Some(Path::new(&data).join("postgresql").join(".pg_service.conf"));
    }
    Some(home?.join(".pg_service.conf"))
}

fn file(path: &Path) -> ServiceFile {
    // It may hold passwords, so wipe it. It need not be text everywhere.
    let services = regular_file::read(path, SMALL)
        .map(|bytes| service::services(&Zeroizing::new(bytes)))
        .map_err(|error| reason(&error));
    ServiceFile { path: path.display().to_string(), services }
}

/// Why a file can't be read, as the rest of a sentence.
pub(super) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it is not there".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names(files: &[ServiceFile]) -> Vec<Vec<String>> {
        let names = |file: &ServiceFile| match &file.services {
            Ok(services) => services.iter().map(|one| one.name.clone()).collect(),
            Err(reason) => vec![reason.clone()],
        };
        files.iter().map(names).collect()
    }

    #[test]
    fn the_user_s_file_comes_before_the_system_s_and_a_variable_before_the_usual_place() {
        let place = tempfile::tempdir().unwrap();
        let (home, system) = (place.path().join("home"), place.path().join("etc"));
        fs::create_dir(&home).unwrap();
        fs::create_dir(&system).unwrap();
        fs::write(home.join(".pg_service.conf"), "[own]\n").unwrap();
        fs::write(home.join("other"), "[named]\n").unwrap();
        fs::write(system.join("pg_service.conf"), "[system]\n").unwrap();
        let system = system.display().to_string();
        let other = home.join("other").display().to_string();
        let with_system = |name: &str| (name == "PGSYSCONFDIR").then(|| system.clone());
        assert_eq!(names(&read(&with_system, Some(&home))), [["own"], ["system"]]);
        let named = |name: &str| match name {
            "PGSERVICEFILE" => Some(other.clone()),
            name => with_system(name),
        };
        assert_eq!(names(&read(&named, Some(&home))), [["named"], ["system"]]);
        let missing = |name: &str| match name {
            "PGSERVICEFILE" => Some("/nowhere/at/all".into()),
            name => with_system(name),
        };
        assert_eq!(names(&read(&missing, Some(&home))), [["it is not there"], ["system"]]);
        assert_eq!(names(&read(&with_system, Some(Path::new("/nowhere")))), [["system"]]);
    }

    #[test]
    fn a_file_that_is_much_too_large_says_so_and_one_that_is_no_text_everywhere_is_read() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("services");
        fs::write(&path, b"[a]\nhost=\xff\n[b]\nhost=h").unwrap();
        assert_eq!(names(&[file(&path)]), [["a", "b"]]);
        let written = fs::File::options().write(true).open(&path).unwrap();
        written.set_len(SMALL.bytes() + 1).unwrap();
        let said = "it is larger than 1 MB, the most that Tusk reads of such a file".to_owned();
        assert_eq!(file(&path).services, Err(said));
    }
}
