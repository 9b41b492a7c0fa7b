//! PostgreSQL servers on this machine, and what the environment says of the user: found by looking at
//! socket files and variables, without connecting to anything.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    base::{ids::Request, secret::Secret},
    conninfo::{TlsFiles, passfile::Listed, service::ServiceFile},
};

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
#[serde(default)]
pub struct Environment {
    /// The user's name in the operating system; empty where it is not known.
    pub user: String,
    /// The home directory; empty where there is none.
    pub home: String,
    /// libpq's variables ([`VARIABLES`](super::config::VARIABLES)) that are set, by name.
    pub variables: BTreeMap<String, String>,
    /// `PGPASSWORD`, where it is set and not empty.
    pub password: Option<Secret>,
    /// The service files, in the order in which libpq searches them.
    pub service_files: Vec<ServiceFile>,
    /// Which of libpq's usual files for TLS are there.
    pub tls_files: TlsFiles,
    /// The servers that the password file has lines for, without the passwords.
    pub passfile: Vec<Listed>,
    /// Where the password file is, if `PGPASSFILE` names another one than the usual.
    pub passfile_path: String,
}

/// What discovery reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Msg {
    /// The servers and the environment. Ends [`Effect::FindServers`].
    ServersFound {
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
    /// List the sockets in the usual places and read the environment, the service files and which servers the
    /// password file names. Ends in `ServersFound`, whatever happens.
    FindServers { request: Request },
}
