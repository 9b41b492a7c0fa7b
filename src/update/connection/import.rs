//! Importing: what service files and the password file name becomes saved connections, after a look at the list.
//!
//! No password of the password file is copied: its connections go on finding it there. A service's password goes
//! to the keychain.

use super::{Connection, Connections, discovery, saved};
use crate::{
    base::{
        ids::{Request, *},
        secret::Secrets,
    },
    conninfo::{Config, Defaults, Endpoint, passfile::Listed},
    rows::show::display::counted,
    update::{
        connection::{self, Outcome, dialog::Dialog},
        cx::Cx,
    },
};

use serde::Serialize;

/// At most so many are imported at a time.
const IMPORTED: usize = 500;
/// So many are listed; the others are counted.
const LISTED: usize = 12;

/// What would be imported.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Import {
    /// The connections that are new.
    pub new: Vec<Candidate>,
    /// How many are saved already.
    pub known: usize,
    /// What is wrong with services that can't be imported.
    pub problems: Vec<String>,
}

/// A connection that would be imported.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// How to reach it.
    pub config: Config,
    /// What its service says in secret.
    pub secrets: Secrets,
}

/// Looks for what there is to import; the answer asks.
pub fn request(importing: &mut Option<Request>, cx: &mut Cx) {
    let request = cx.request();
    *importing = Some(request);
    cx.ask(discovery::Effect::FindServers { request });
}

/// Service files and the password file were read: where that was for an import, the user is asked.
/// Where the password file is not the usual one, its path comes along.
pub fn found(
    connections: &Connections,
    defaults: &Defaults,
    importing: &mut Option<Request>,
    cx: &mut Cx,
    answered: Request,
    passfile: &[Listed],
    path: &str,
) {
    if *importing != Some(answered) {
        return;
    }
    *importing = None;
    let import = candidates(connections, defaults, passfile, path);
    if !import.new.is_empty() {
        cx.leave(Outcome::Show(Box::new(Dialog::Import(Box::new(import)))));
        return;
    }
    let notice = match (import.known, import.problems.first()) {
        (_, Some(problem)) => format!("Nothing was imported. {problem}"),
        (0, None) => {
            "There is nothing to import: neither the password file nor a service file names a server."
                .into()
        }
        (_, None) => "There is nothing to import: all that is named there is saved already.".into(),
    };
    cx.notify(notice);
}

fn candidates(
    connections: &Connections,
    defaults: &Defaults,
    passfile: &[Listed],
    path: &str,
) -> Import {
    let mut import = Import::default();
    for service in services(defaults) {
        match service {
            Ok(candidate) => import.add(connections, candidate),
            Err(problem) if import.problems.len() < LISTED => import.problems.push(problem),
            Err(_) => {}
        }
    }
    for listed in passfile {
        let mut config = Config {
            database: listed.database.clone(),
            user: listed.user.clone(),
            // The variable that names the file may not be there the next time.
            passfile: path.to_owned(),
            ..Config::default()
        };
        config.set_endpoints(vec![Endpoint {
            host: listed.host.clone(),
            port: listed.port,
            hostaddr: String::new(),
        }]);
        let secrets = Secrets::default();
        import.add(connections, Candidate { config, secrets });
    }
    import
}

/// Each service by itself: what the environment says today belongs to none of them.
fn services(defaults: &Defaults) -> impl Iterator<Item = Result<Candidate, String>> {
    let alone = Defaults { variables: Default::default(), password: None, ..defaults.clone() };
    let files = defaults.service_files.iter();
    let services = files.filter_map(|file| file.services.as_ref().ok()).flatten();
    services.map(move |service| {
        let name = service.name.replace('\\', "\\\\").replace('\'', "\\'");
        let read = Config::parse(&format!("service='{name}'"), &alone);
        let found = read.map_err(|problem| format!("“{}”: {problem}", service.name))?;
        let config = Config { name: service.name.clone(), ..found.config };
        let secrets = found.secrets;
        Ok(Candidate { config, secrets })
    })
}

impl Import {
    fn add(&mut self, connections: &Connections, candidate: Candidate) {
        let place = |config: &Config| {
            let Config { user, database, .. } = config;
            let servers: Vec<Endpoint> = config.endpoints().collect();
            (servers, user.clone(), database.clone())
        };
        let new = place(&candidate.config);
        let saved = connections.values().filter(|known| known.saved);
        if saved.map(|known| &known.config).any(|known| place(known) == new) {
            self.known += 1;
        } else if self.new.len() < IMPORTED
            && !self.new.iter().any(|other| place(&other.config) == new)
        {
            self.new.push(candidate);
        }
    }

    /// What is asked: each name and address, and what becomes of the passwords.
    pub fn reasons(&self) -> Vec<String> {
        let one = |candidate: &Candidate| match candidate.config.name.as_str() {
            "" => candidate.config.address(),
            name => format!("{name} · {}", candidate.config.address()),
        };
        let mut reasons: Vec<String> = self.new.iter().take(LISTED).map(one).collect();
        let more = self.new.len().saturating_sub(LISTED);
        if more > 0 {
            reasons.push(format!("… and {more} more"));
        }
        if self.known > 0 {
            reasons.push(format!("{} more are saved already, and stay as they are.", self.known));
        }
        reasons.extend(self.problems.iter().map(|problem| format!("Not imported: {problem}")));
        let in_service = self.new.iter().any(|one| !one.secrets.is_empty());
        reasons.push(if in_service {
            "Passwords of services go to the keychain; those of the password file stay there and are used from there.".into()
        } else {
            "Passwords stay in the password file and are used from there.".into()
        });
        reasons
    }
}

/// The user agreed: they are saved.
pub fn accept(connections: &mut Connections, cx: &mut Cx, import: Import) {
    let count = import.new.len();
    for Candidate { config, secrets } in import.new {
        let id = ConnectionId::next(&mut cx.ids);
        let order = saved::last_place(connections, &config.group);
        let mut connection = Connection::new(Config { order, ..config }, true);
        connection.secrets = secrets.clone();
        connections.insert(id, connection);
        connection::save(connections, cx, id);
        connection::store_secrets(connections, cx, id, &secrets);
    }
    let what = counted(count as u64, "connection");
    cx.notify(format!("Imported {what}."));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::secret::SecretKind,
        conninfo::service::{ServiceFile, services},
        effect::Effect as RootEffect,
        update::{
            connection::discovery::Environment,
            shell::{command::Command, dialog::Dialog},
            testing::{World, expect},
        },
    };

    fn listed(host: &str) -> Listed {
        Listed { host: host.into(), port: 5433, database: "shop".into(), user: "app".into() }
    }

    fn answer(world: &mut World, services_text: &str, passfile: Vec<Listed>) -> Vec<RootEffect> {
        answer_from(world, services_text, passfile, "")
    }

    fn answer_from(
        world: &mut World,
        services_text: &str,
        passfile: Vec<Listed>,
        passfile_path: &str,
    ) -> Vec<RootEffect> {
        let request = world.model.importing.unwrap_or(Request(0));
        world.send(discovery::Msg::ServersFound {
            request,
            servers: vec![],
            environment: Environment {
                user: "ann".into(),
                variables: [("PGHOST".to_owned(), "of-today".to_owned())].into(),
                service_files: vec![ServiceFile {
                    path: "/f".into(),
                    services: Ok(services(services_text)),
                }],
                passfile,
                passfile_path: passfile_path.into(),
                ..Environment::default()
            },
        })
    }

    fn asked(world: &World) -> Vec<String> {
        match &world.model.dialog {
            Some(Dialog::Connection(connection::Dialog::Import(import))) => import.reasons(),
            other => panic!("nothing is asked: {other:?}"),
        }
    }

    #[test]
    fn an_import_ends_although_a_newer_answer_came_first() {
        let mut world = World::new();
        world.command(Command::ConnectionImport);
        let (request, servers) = (Request(u64::MAX), vec![]);
        let environment = Environment::default();
        world.send(discovery::Msg::ServersFound { request, servers, environment });
        expect!(answer(&mut world, "", vec![]), []);
        assert!(world.notice().contains("nothing to import"));
        assert!(!world.is_busy());
        assert_ne!(world.model.defaults.user, "ann", "what is newer stays");
    }

    #[test]
    fn what_would_be_imported_is_listed_and_saved_after_a_yes() {
        let mut world = World::new();
        expect!(world.command(Command::ConnectionImport), [Discovery(FindServers { .. })]);
        assert!(world.is_busy());
        let text = "[it's]\nhost=db\nport=5433\nuser=app\ndbname=shop\npassword=hunter2\n[bad]\nport=x\n[plain]";
        let same = Listed { host: "db".into(), ..listed("db") };
        expect!(answer(&mut world, text, vec![listed("other"), same]), []);
        assert_eq!(
            asked(&world),
            [
                "it's · app@db:5433/shop",
                "plain · ann@localhost:5432/ann",
                "app@other:5433/shop",
                "Not imported: “bad”: Service “bad” in /f: The port must be a number from 1 to 65535. If it is part of a password, write : / @ there as %3A %2F %40.",
                "Passwords of services go to the keychain; those of the password file stay there and are used from there.",
            ]
        );
        let effects = world.press("enter");
        expect!(
            effects,
            [
                Store(SaveConnection { connection: first, .. }),
                Keychain(Store { connection, kind: SecretKind::Database, password, .. }),
                Store(SaveConnection { .. }),
                Store(SaveConnection { .. }),
            ]
        );
        assert_eq!((*connection, password.reveal()), (first.id, "hunter2"));
        assert!(!format!("{effects:?}").contains("hunter2"));
        assert_eq!(world.notice(), "Imported 3 connections.");
        world.command(Command::ConnectionImport);
        expect!(answer(&mut world, text, vec![listed("other"), listed("new")]), []);
        assert_eq!(
            asked(&world)[..2],
            ["app@new:5433/shop", "3 more are saved already, and stay as they are."]
        );
    }

    #[test]
    fn a_long_list_is_counted_and_an_empty_one_is_said() {
        let mut world = World::new();
        world.command(Command::ConnectionImport);
        let many = (0..15).map(|number| listed(&format!("h{number}"))).collect();
        answer(&mut world, "", many);
        assert_eq!(asked(&world)[LISTED], "… and 3 more");
        world.press("escape");
        world.command(Command::ConnectionImport);
        expect!(answer(&mut world, "", vec![]), []);
        assert!(world.notice().starts_with("There is nothing to import"));
        assert_eq!(world.model.dialog, None);
    }

    #[test]
    fn what_an_unusual_password_file_names_goes_on_using_that_file() {
        let mut world = World::new();
        world.command(Command::ConnectionImport);
        let text = "[s]\nhost=h\nuser=u";
        answer_from(&mut world, text, vec![listed("db")], "/srv/passwords");
        world.press("enter");
        let connections = world.model.connections.values();
        let files: std::collections::BTreeSet<(&str, &str)> = connections
            .map(|known| (known.config.host.as_str(), known.config.passfile.as_str()))
            .collect();
        assert_eq!(files, [("db", "/srv/passwords"), ("h", "")].into());
    }

    #[test]
    fn a_search_for_servers_that_nobody_asked_an_import_of_asks_nothing() {
        let mut world = World::new();
        expect!(answer(&mut world, "[a]\nhost=h", vec![listed("h")]), []);
        assert_eq!(world.model.dialog, None);
    }
}
