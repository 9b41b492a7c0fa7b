//! What the tests of pools share: the whole program, and what stops a server.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tusk::update::query::page::Page;

use crate::support::{
    effects::PATIENCE,
    server::{PASSWORD, TestServer, USER},
};
use tusk::{
    base::{
        secret::{Secret, Secrets},
        stamp::Stamp,
    },
    conninfo::{Config, Conninfo},
    effect::Effect,
    effects::{Runner, RunnerOptions},
    model::Model,
    msg::Msg,
    update::{
        connection::{self, Connection},
        query,
        shell::{app, command::Command, keys, welcome},
        update,
    },
};

/// A configuration over TCP.
pub fn on_tcp(server: &TestServer, database: &str) -> Config {
    Config {
        host: "127.0.0.1".into(),
        port: server.port(),
        user: USER.into(),
        database: database.into(),
        ..Config::default()
    }
}

/// The whole program with no window: the Model, `update` and the real runner.
pub struct App {
    pub model: Model,
    runner: Runner,
    inbox: flume::Receiver<Msg>,
    began: Instant,
    /// Every statement that went to a server, and every effect that tries to connect.
    pub sent: Vec<String>,
    _directory: tempfile::TempDir,
}

impl App {
    /// A program that has started and connected.
    #[track_caller]
    pub fn connected(config: Config) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (outbox, inbox) = flume::unbounded();
        let data_dir = directory.path().to_owned();
        let mut app = Self {
            model: Model::default(),
            runner: Runner::start(RunnerOptions { data_dir }, outbox),
            inbox,
            began: Instant::now(),
            sent: vec![],
            _directory: directory,
        };
        app.send(app::Msg::Started {
            seed: 1,
            version: String::new(),
            data_dir: String::new(),
            config_dir: String::new(),
            macos: false,
            recording: false,
        });
        app.until("the program has started", |app| !app.model.is_busy());
        let secrets = Secrets::with_password(Some(Secret::new(PASSWORD)));
        let target = Box::new(welcome::Target::Conninfo(Conninfo { config, secrets }));
        app.send(welcome::Msg::Asked { target });
        app.until("the connection is open", |app| app.known().is_open());
        app
    }

    pub fn send(&mut self, msg: impl Into<Msg>) {
        let at =
            Stamp { unix_us: 0, mono_us: u64::try_from(self.began.elapsed().as_micros()).unwrap() };
        for effect in update(&mut self.model, at, msg.into()) {
            match &effect {
                Effect::Query(query::Effect::Run { sql, .. }) => self.sent.push(sql.to_string()),
                Effect::Connection(connection::Effect::Prove { .. }) => {
                    self.sent.push("prove".into());
                }
                _ => {}
            }
            if !matches!(effect, Effect::Window(_)) {
                self.runner.perform(effect);
            }
        }
    }

    /// Takes messages until something is true.
    #[track_caller]
    pub fn until(&mut self, what: &str, mut is_true: impl FnMut(&Self) -> bool) {
        while !is_true(self) {
            let Ok(msg) = self.inbox.recv_timeout(PATIENCE) else {
                panic!(
                    "it never came to this: {what}\n{:#?}\n{:#?}",
                    self.known().link,
                    self.tab().session
                );
            };
            self.send(msg);
        }
    }

    pub fn command(&mut self, command: Command) {
        self.send(command);
    }

    /// Puts a text into the active tab and runs it.
    pub fn run(&mut self, sql: &str) {
        self.command(Command::FocusEditor);
        self.send(keys::Msg::Pressed { keystroke: "ctrl-a".into() });
        self.send(keys::Msg::Typed { text: sql.into() });
        self.command(Command::QueryRunAll);
    }

    pub fn schema_is_loading(&self) -> bool {
        self.model.schemas.values().any(tusk::update::schema::Schema::is_loading)
    }

    /// The active tab's connection.
    pub fn known(&self) -> &Connection {
        &self.model.connections[&self.tab().connection.unwrap()]
    }

    /// The active tab.
    pub fn tab(&self) -> &Page {
        self.model.pages.active().unwrap()
    }

    /// How often this was sent.
    pub fn times_sent(&self, sql: &str) -> usize {
        self.sent.iter().filter(|sent| *sent == sql).count()
    }

    pub fn shut_down(self) {
        self.runner.shutdown(Duration::from_secs(2));
    }
}

/// The process that started another one.
fn parent(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold spaces.
    let fields = stat.rsplit_once(')')?.1;
    fields.split_whitespace().nth(1)?.parse().ok()
}

/// Processes that stand still until this is dropped, however the test ends.
pub struct Frozen(BTreeSet<i32>);

impl Frozen {
    /// A whole server, by one of its backends: first the process that starts the others, so that none is started
    /// while they are looked for.
    #[track_caller]
    pub fn server_of(backend_pid: i32) -> Self {
        let postmaster = parent(backend_pid).unwrap();
        signal("STOP", [postmaster]);
        let mut frozen = Self(BTreeSet::from([postmaster]));
        let all = std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
        let started: Vec<i32> = all.filter(|pid| parent(*pid) == Some(postmaster)).collect();
        frozen.0.extend(&started);
        signal("STOP", started);
        frozen
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        signal("CONT", self.0.iter().copied());
    }
}

/// Sends a signal to processes that the test's own server started.
#[track_caller]
pub fn signal(name: &str, processes: impl IntoIterator<Item = i32>) {
    let processes = processes.into_iter().map(|pid| pid.to_string());
    let status =
        std::process::Command::new("kill").arg(format!("-{name}")).args(processes).status();
    assert!(status.unwrap().success());
}
