//! State, FR-005 to FR-009, SC-009.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{server::TestServer, stage::Played};
use crate::support::effects::{Effects, ONE_ROW_THEN_NOTHING, PATIENCE, ended_by, on_socket};
use keyring_core::mock;
use tusk::{
    base::{
        ids::{ConnectionId, QueryId, Request, SessionId},
        secret::{Secret, SecretKind},
    },
    conninfo::Config,
    effects::{
        keychain::Keychain,
        store::{Place, Store},
    },
    msg::Msg,
    update::{
        connection::{self, keychain},
        keeping,
        query::{
            self,
            session::{self, Ending},
        },
        schema,
    },
};

/// Many operations at once, on the parts of the real runner, all answering into one channel.
struct Crowd {
    world: Effects,
    store: Store,
    keychain: Keychain,
    connections: Vec<ConnectionId>,
    /// Whose session, query or request it is.
    sessions: BTreeMap<SessionId, usize>,
    queries: BTreeMap<QueryId, usize>,
    requests: BTreeMap<Request, usize>,
    seen: BTreeMap<usize, Vec<String>>,
    _directory: tempfile::TempDir,
}

/// What an operation is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Query,
    Cancel,
    Types,
    Keychain,
    Write,
    Schema,
}

fn kind(operation: usize) -> Kind {
    [Kind::Query, Kind::Cancel, Kind::Types, Kind::Keychain, Kind::Write, Kind::Schema]
        [operation % 6]
}

/// A connection's id that only this operation has.
fn own_id(operation: usize) -> ConnectionId {
    ConnectionId(uuid::Uuid::from_u128(operation as u128 + 1))
}

impl Crowd {
    fn gather() -> Self {
        let server = TestServer::shared();
        let database = server.fresh_database();
        let (outbox, inbox) = flume::unbounded();
        let directory = tempfile::tempdir().unwrap();
        let passwords = mock::Store::new().unwrap();
        let mut world = Effects::between(outbox.clone(), inbox);
        let schemas: Vec<String> =
            (0..10).map(|number| format!("create schema of_{number};")).collect();
        server.psql(&database, &schemas.concat());
        let connections = (0..10)
            .map(|number| {
                world.connect(&Config {
                    name: format!("connection {number}"),
                    pool_size: 2,
                    // What the catalogs say of its search path is true of this connection alone.
                    options: format!("-c search_path=of_{number}"),
                    ..on_socket(server, &database)
                })
            })
            .collect();
        Self {
            world,
            store: Store::start(Place::Directory(directory.path().to_owned()), outbox.clone()),
            keychain: Keychain::start_with(
                Arc::new(move || Ok(passwords.clone())),
                PATIENCE,
                outbox,
            ),
            connections,
            sessions: BTreeMap::new(),
            queries: BTreeMap::new(),
            requests: BTreeMap::new(),
            seen: BTreeMap::new(),
            _directory: directory,
        }
    }

    fn request(&mut self, operation: usize, owner: &str) -> Request {
        let request = self.world.ids.request();
        self.world.owe(format!("{owner} {request:?}"));
        self.requests.insert(request, operation);
        request
    }

    fn begin(&mut self, operation: usize) {
        let connection = self.connections[operation % 10];
        match kind(operation) {
            Kind::Query | Kind::Cancel => {
                let session = self.world.start_session(connection);
                self.sessions.insert(session, operation);
            }
            Kind::Types => {
                let request = self.request(operation, "types");
                // numeric(200 + operation, 3) has a name of its own.
                let typmod = ((200 + operation as i32) << 16) + 3 + 4;
                let effect = connection::Effect::ResolveTypes {
                    request,
                    connection,
                    oids: vec![(1_700, typmod)],
                };
                self.world.postgres.perform_connection(effect);
            }
            Kind::Schema => {
                let request = self.request(operation, "schema");
                let effect = schema::Effect::Load { request, connection };
                self.world.postgres.perform_schema(effect);
            }
            Kind::Keychain => {
                let request = self.request(operation, "keychain");
                self.keychain.perform(keychain::Effect::Store {
                    request,
                    connection: own_id(operation),
                    kind: SecretKind::Database,
                    password: Secret::new(format!("secret {operation}")),
                });
            }
            Kind::Write => {
                let request = self.request(operation, "store");
                self.store.perform(keeping::Effect::SaveConnection {
                    request,
                    connection: Box::new(keeping::SavedConnection {
                        id: own_id(operation),
                        config: Config { name: format!("saved {operation}"), ..Config::default() },
                        last_used_us: None,
                    }),
                });
            }
        }
    }

    fn note(&mut self, operation: usize, what: impl Into<String>) {
        self.seen.entry(operation).or_default().push(what.into());
    }

    fn hear(&mut self, msg: Msg) {
        match msg {
            Msg::Session(session::Msg::Opened { session, .. }) => {
                let operation = self.sessions[&session];
                let sql = match kind(operation) {
                    Kind::Query => {
                        format!("select 'answer {operation}' from generate_series(1, 9000)")
                    }
                    _ => ONE_ROW_THEN_NOTHING.to_owned(),
                };
                let query = self.world.start(session, &sql, u64::MAX, None);
                self.queries.insert(query, operation);
            }
            Msg::Query(msg) => self.hear_query(msg),
            Msg::Connection(connection::Msg::TypesResolved { request, names, .. }) => {
                self.note(self.requests[&request], names[0].1.clone());
            }
            Msg::Schema(schema::Msg::Loaded { request, result, .. }) => {
                let catalog = result.unwrap();
                let path: Vec<&str> = catalog.search_path().collect();
                self.note(self.requests[&request], path.join(", "));
            }
            Msg::Keychain(keychain::Msg::Stored { request, connection, kind, result }) => {
                result.unwrap();
                let operation = self.requests[&request];
                let request = self.request(operation, "keychain");
                let read = keychain::Effect::Read { request, connection, kind };
                self.keychain.perform(read);
            }
            Msg::Keychain(keychain::Msg::Read { request, result, .. }) => {
                self.note(self.requests[&request], result.unwrap().reveal())
            }
            Msg::Store(keeping::Msg::Wrote { request }) => {
                self.note(self.requests[&request], "written");
            }
            Msg::Store(keeping::Msg::Failed { failure, .. }) => panic!("{failure:?}"),
            Msg::Session(session::Msg::OpenFailed { failure, .. }) => panic!("{failure:?}"),
            _ => {}
        }
    }

    fn hear_query(&mut self, msg: query::Msg) {
        match msg {
            query::Msg::RowsArrived { query, chunk } => {
                let operation = self.queries[&query];
                if kind(operation) == Kind::Cancel {
                    if self.world.owed.contains_key(&format!("cancel {query}")) {
                        return;
                    }
                    let session = self.session_of(operation);
                    self.world.start_cancel(query, session);
                    return;
                }
                for row in 0..chunk.rows() {
                    let text = chunk.cell(row, 0).bytes().map(String::from_utf8_lossy);
                    self.note(operation, text.unwrap().into_owned());
                }
            }
            query::Msg::Finished { query, tag, .. } => {
                let operation = self.queries[&query];
                self.note(operation, tag);
                self.world.start_end(self.session_of(operation), Ending::Return);
            }
            query::Msg::Failed { query, failure, .. } => {
                let operation = self.queries[&query];
                self.note(operation, failure.sqlstate.unwrap_or_default());
                self.world.start_end(self.session_of(operation), Ending::Return);
            }
            _ => {}
        }
    }

    fn session_of(&self, operation: usize) -> SessionId {
        let found = self.sessions.iter().find(|(_, of)| **of == operation);
        *found.unwrap().0
    }

    fn expected(operation: usize) -> Vec<String> {
        match kind(operation) {
            Kind::Query => {
                let mut rows = vec![format!("answer {operation}"); 9_000];
                rows.push("SELECT 9000".into());
                rows
            }
            Kind::Cancel => vec!["57014".into()],
            Kind::Types => vec![format!("numeric({},3)", 200 + operation)],
            Kind::Keychain => vec![format!("secret {operation}")],
            Kind::Write => vec!["written".into()],
            Kind::Schema => vec![format!("pg_catalog, of_{}", operation % 10)],
        }
    }

    /// What the store has of the connections that operations kept, by id.
    fn saved(&mut self) -> Vec<(ConnectionId, String)> {
        let request = self.request(usize::MAX, "store");
        self.store.perform(keeping::Effect::Load { request });
        let kept = self.world.wait(|msg| match msg {
            Msg::Store(keeping::Msg::Loaded { kept, .. }) => Some(kept.clone()),
            _ => None,
        });
        let names = kept.connections.into_iter().map(|saved| (saved.id, saved.config.name));
        names.collect()
    }
}

#[test]
fn sc_009_ten_and_a_hundred_operations_at_once_each_have_their_own_answer() {
    for count in [10, 100] {
        let mut crowd = Crowd::gather();
        for operation in 0..count {
            crowd.begin(operation);
        }
        while !crowd.world.owes_nothing() {
            let msg = crowd.world.receive();
            crowd.hear(msg);
        }
        for operation in 0..count {
            assert_eq!(
                crowd.seen.remove(&operation).unwrap_or_default(),
                Crowd::expected(operation),
                "{operation}, {:?}",
                kind(operation)
            );
        }
        assert!(crowd.seen.is_empty(), "{:?}", crowd.seen);
        let mut wanted: Vec<_> = (0..count)
            .filter(|operation| kind(*operation) == Kind::Write)
            .map(|operation| (own_id(operation), format!("saved {operation}")))
            .collect();
        let mut saved = crowd.saved();
        wanted.sort();
        saved.sort();
        assert_eq!(saved, wanted);
        crowd.keychain.stop(Duration::from_secs(2));
        assert!(crowd.store.flush_and_stop(Duration::from_secs(2)));
        crowd.world.postgres.shutdown(Duration::from_secs(2));
        let late = crowd.world.inbox.try_iter().find_map(|msg| ended_by(&msg));
        assert_eq!(late, None, "an effect ended twice");
    }
}

#[test]
fn fr_006_connections_are_known_and_open_by_their_ids() {
    let server = TestServer::shared();
    let (one, other) = (server.fresh_database(), server.fresh_database());
    let mut played = Played::start();
    let connect = |database: &str| {
        format!(
            "connect {}\nwait connected 30\ntext select current_database()\ncommand query.run\nwait idle 30\nexpect result 1 cell 0 0 is \"{database}\"",
            server.url_unix(database)
        )
    };
    played.play(&connect(&one));
    let first = played.tab(|tab| tab.connection.unwrap());
    played.play(&format!("command tab.new\n{}", connect(&other)));
    let second = played.tab(|tab| tab.connection.unwrap());
    let open = |played: &mut Played| {
        played.read(|model| {
            let known = model.connections.iter();
            let open = known.filter(|(_, known)| known.is_open());
            open.map(|(id, known)| (*id, known.config.database.clone())).collect::<BTreeMap<_, _>>()
        })
    };
    let both = BTreeMap::from([(first, one.clone()), (second, other)]);
    assert_eq!(open(&mut played), both);
    // The one that is closed goes alone.
    played.play("command connection.disconnect\nwait idle 30");
    assert_eq!(open(&mut played), BTreeMap::from([(first, one.clone())]));
    played.play(&format!(
        "command tab.previous\ncommand query.run\nwait idle 30\nexpect result 1 cell 0 0 is \"{one}\""
    ));
}
