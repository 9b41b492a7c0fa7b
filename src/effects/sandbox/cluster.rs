//! Makes the sandbox's database files, and writes its settings.
//!
//! Who gets in: the socket's directory admits only the server's user and root, and on the socket itself peer
//! authentication admits the same two (and the user who made it) as the role `tusk`. Every other role that the user
//! makes needs a password. Without Unix sockets, the loopback accepts only passwords.

use std::path::Path;
use std::time::Duration;

use super::binaries::{Binaries, program};
use super::error::SandboxError;
use super::place::Place;
use super::process::{Failure, Task};
use super::{Link, USER};
use crate::effects::regular_file::{self, SMALL};

/// Makes the cluster if there is none. Starts over if one was interrupted: only a complete one gets its name.
pub async fn make(place: &Place, binaries: &Binaries, link: &Link) -> Result<(), SandboxError> {
    let unfinished = place.base.join("cluster.new");
    remove_unfinished(place, &unfinished).await?;
    let mut complaint = String::new();
    for locale in locales(binaries.major) {
        let mut task = place
            .task("making the sandbox's files", &binaries.directory.join(program("initdb")))
            .arguments(["--encoding=UTF8", "--username", USER])
            .arguments(locale.iter().copied())
            .limit(Duration::from_secs(120));
        task = match link {
            Link::Socket => task.arguments(["--auth-local=peer", "--auth-host=scram-sha-256"]),
            Link::Loopback { password } => {
                place.write("password", password).await?;
                task.arguments(["--auth=scram-sha-256", "--pwfile=password"])
            }
        };
        match task.arguments(["-D"]).arguments([&unfinished]).run().await {
            Ok(_) => return finish(place, &unfinished).await,
            Err(Failure::Exit(output)) => {
                let about_locale = output.contains("locale") || output.contains("provider");
                complaint = output;
                if !about_locale {
                    break;
                }
                remove_unfinished(place, &unfinished).await?;
            }
            Err(Failure::Fatal(error)) => return Err(error),
        }
    }
    Err(SandboxError::InitFailed { output: complaint.trim().to_owned() })
}

/// Writes what may differ from start to start: the address, and who may connect.
pub async fn write_settings(place: &Place, link: &Link, port: u16) -> Result<(), SandboxError> {
    let address = match link {
        Link::Socket => format!(
            "listen_addresses = ''\nunix_socket_directories = {}\nunix_socket_permissions = 0700\n",
            quoted_setting(&quoted_in_list(&place.sockets))
        ),
        Link::Loopback { .. } => {
            "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\n".to_owned()
        }
    };
    place.write("cluster/tusk.conf", &format!("{SETTINGS}port = {port}\n{address}")).await?;
    if *link == Link::Socket {
        let rules = format!("local all {USER} peer map=tusk\nlocal all all scram-sha-256\n");
        place.write("cluster/pg_hba.conf", &rules).await?;
        let mut names = vec!["root".to_owned(), current_user_name(place).await?];
        names.extend(place.account.as_ref().map(|account| account.name.clone()));
        names.sort();
        names.dedup();
        let map: String = names.iter().map(|name| format!("tusk \"{name}\" {USER}\n")).collect();
        place.write("cluster/pg_ident.conf", &map).await?;
    }
    Ok(())
}

/// Small, quick to stop, the same everywhere, and quiet about what statements hold.
const SETTINGS: &str = "\
# Written by Tusk at each start of the sandbox; put your own settings into postgresql.conf, after the include.
shared_buffers = 64MB
max_connections = 50
max_wal_size = 512MB
timezone = 'UTC'
log_timezone = 'UTC'
datestyle = 'ISO, MDY'
intervalstyle = 'postgres'
lc_messages = 'C'
log_min_error_statement = panic
log_statement = none
logging_collector = off
log_destination = 'stderr'
";

/// The locales to try in turn: C.UTF-8 sorts by code point on every machine, and knows letters beyond ASCII.
fn locales(major: u32) -> Vec<&'static [&'static str]> {
    let mut locales: Vec<&[&str]> = Vec::new();
    if major >= 17 {
        locales.push(&["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]);
    }
    locales.push(&["--locale=C.UTF-8"]);
    locales.push(&["--locale=C", "--lc-ctype=en_US.UTF-8"]);
    locales.push(&["--locale=C"]);
    locales
}

async fn remove_unfinished(place: &Place, unfinished: &Path) -> Result<(), SandboxError> {
    let path = unfinished.to_owned();
    let removed = smol::unblock(move || match std::fs::remove_dir_all(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(SandboxError::of_file(&path, &error))
        }
        _ => Ok(()),
    });
    log::debug!("making the sandbox's files in {}", place.base.display());
    removed.await
}

async fn finish(place: &Place, unfinished: &Path) -> Result<(), SandboxError> {
    let settings = unfinished.join("postgresql.conf");
    let text = smol::unblock({
        let settings = settings.clone();
        move || regular_file::read_text(&settings, SMALL)
    })
    .await
    .map_err(|error| SandboxError::of_file(&settings, &error))?;
    place.write("cluster.new/tusk.conf", "").await?;
    place.write("cluster.new/postgresql.conf", &format!("{text}\ninclude 'tusk.conf'\n")).await?;
    let (from, to) = (unfinished.to_owned(), place.cluster());
    let named = smol::unblock(move || std::fs::rename(from, to)).await;
    named.map_err(|error| SandboxError::of_file(&place.cluster(), &error))
}

/// The user name that the server will see at the other end of the socket.
async fn current_user_name(place: &Place) -> Result<String, SandboxError> {
    let task = Task::new("asking for the user's name", Path::new("id"), &place.base, None)
        .arguments(["-un"]);
    match task.limit(Duration::from_secs(10)).run().await {
        Ok(name) => Ok(name.trim().to_owned()),
        Err(Failure::Exit(output)) => Err(SandboxError::InitFailed { output }),
        Err(Failure::Fatal(error)) => Err(error),
    }
}

/// A directory as one entry of a list of directories.
fn quoted_in_list(directory: &Path) -> String {
    format!("\"{}\"", directory.display().to_string().replace('"', "\"\""))
}

/// A value in the configuration file's syntax.
fn quoted_setting(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_odd_letters_survives_the_configuration_file() {
        let listed = quoted_in_list(Path::new("/tmp/it's, \"so\" \\ far"));
        assert_eq!(listed, r#""/tmp/it's, ""so"" \ far""#);
        assert_eq!(quoted_setting(&listed), r#"'"/tmp/it''s, ""so"" \\ far"'"#);
    }

    #[test]
    fn the_locale_of_last_resort_is_there_in_every_version() {
        for major in 12..=18 {
            assert_eq!(locales(major).last().copied(), Some(["--locale=C"].as_slice()));
        }
    }
}
