//! PostgreSQL servers on this machine, and what the environment says of the user: found by looking at
//! socket files and variables, without connecting to anything.

use serde::{Deserialize, Serialize};

use super::ids::Request;

/// A server whose Unix socket is there. Whether it answers is not known before somebody connects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalServer {
    /// The directory of the socket: what a connection takes as its host.
    pub directory: String,
    /// The number in the socket's name.
    pub port: u16,
    /// The major version, as its data directory says it, where that may be read.
    pub version: Option<String>,
}

/// What the environment says that a connection would otherwise ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// The user's name in the operating system; empty where it is not known.
    pub user: String,
    /// The home directory; empty where there is none.
    pub home: String,
    /// `PGHOST`, where it is set and not empty.
    pub pg_host: Option<String>,
    /// `PGPORT`, where it is a port.
    pub pg_port: Option<u16>,
    /// `PGUSER`, where it is set and not empty.
    pub pg_user: Option<String>,
    /// `PGDATABASE`, where it is set and not empty.
    pub pg_database: Option<String>,
}

/// What discovery reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Msg {
    /// The servers and the environment. Ends [`Effect::FindServers`].
    ServersFound {
        /// The request that it answers.
        request: Request,
        /// Servers by port, then by directory.
        servers: Vec<LocalServer>,
        /// What the environment says.
        environment: Environment,
    },
}

/// What discovery is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// List the sockets in the usual places and read the environment. Ends in `ServersFound`, whatever happens.
    FindServers {
        /// This request.
        request: Request,
    },
}
