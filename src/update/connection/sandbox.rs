//! The sandbox: a private PostgreSQL with a sample database, so that there is always something to connect to.

use crate::{
    base::{
        ids::*,
        secret::{Secret, Secrets},
    },
    conninfo::{Colour, Config, SslMode},
    failure::Failure,
    update::{
        connection::{self, Connections},
        cx::Cx,
    },
};

use serde::{Deserialize, Serialize};

/// The sandbox's place in the Model.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub enum Sandbox {
    /// Nobody asked for it yet.
    #[default]
    Stopped,
    /// It is on its way.
    Starting {
        request: Request,
        /// How far it is.
        progress: Progress,
    },
    /// It runs, and this is its connection.
    Running { connection: ConnectionId },
    /// It did not start.
    Failed { failure: Failure },
}

/// How far the start is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What is being done, for a person: "Loading the sample: orders".
    pub step: String,
    /// Steps done.
    pub done: u64,
    /// Steps in all; 0 where that is not known.
    pub total: u64,
}

/// What the runner reports of the sandbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// The start went on.
    Progressed {
        /// The request that it belongs to.
        request: Request,
        /// How far it is.
        progress: Progress,
    },
    /// The server runs and the sample is loaded. Ends [`Effect::Start`].
    Started {
        request: Request,
        /// A socket's directory, or an address of the loopback.
        host: String,
        port: u16,
        /// The role.
        user: String,
        database: String,
        /// Its password, where there are no sockets.
        password: Option<Secret>,
    },
    /// The server does not run. Ends [`Effect::Start`].
    Failed { request: Request, failure: Failure },
}

/// What the runner is asked to do with the sandbox. It stops with the runner.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Effect {
    /// Start it, or find it running; load the sample once. Ends in `Started` or `Failed`.
    Start {
        request: Request,
        /// The data directory that it is in.
        data_dir: String,
    },
}

/// The user asked for the sandbox.
pub fn start(sandbox: &mut Sandbox, cx: &mut Cx, data_dir: &str) {
    if let Sandbox::Running { connection } = *sandbox {
        cx.leave(connection::Outcome::Choose(connection));
        return;
    }
    match *sandbox {
        Sandbox::Running { .. } | Sandbox::Starting { .. } => {}
        Sandbox::Stopped | Sandbox::Failed { .. } => {
            let request = cx.request();
            let progress = Progress { step: "Looking for PostgreSQL".into(), done: 0, total: 0 };
            *sandbox = Sandbox::Starting { request, progress };
            let data_dir = data_dir.to_owned();
            cx.ask(Effect::Start { request, data_dir });
        }
    }
}

/// Takes in what the runner reports.
pub fn update(connections: &mut Connections, sandbox: &mut Sandbox, cx: &mut Cx, msg: Msg) {
    let Sandbox::Starting { request: waiting, progress: known } = sandbox else {
        return;
    };
    match msg {
        Msg::Progressed { request, progress } if request == *waiting => {
            *known = progress;
        }
        Msg::Started { request, host, port, user, database, password } if request == *waiting => {
            let config = config(host, port, user, database);
            let connection =
                connection::add_passing(connections, cx, config, Secrets::with_password(password));
            *sandbox = Sandbox::Running { connection };
            cx.leave(connection::Outcome::SandboxStarted(connection));
        }
        Msg::Failed { request, failure } if request == *waiting => {
            cx.notify(format!("The sandbox did not start: {}", failure.message));
            cx.leave(connection::Outcome::SandboxFailed(failure.clone()));
            *sandbox = Sandbox::Failed { failure };
        }
        Msg::Progressed { .. } | Msg::Started { .. } | Msg::Failed { .. } => {}
    }
}

fn config(host: String, port: u16, user: String, database: String) -> Config {
    Config {
        name: "sandbox".into(),
        colour: Colour::Blue,
        host,
        port,
        user,
        database,
        ssl_mode: SslMode::Disable,
        ..Config::default()
    }
}
