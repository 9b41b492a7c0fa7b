//! Connections: the saved ones, and those that are open with a pool each.

use serde::{Deserialize, Serialize};

use super::dialog::Dialog;
use crate::{
    base::{ids::*, secret::Secrets},
    conninfo::{Config, Endpoint},
    failure::{Failure, HostKey},
};

/// What a server told of itself when the pool was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// `server_version`, as the server prints it: `15.18 (Debian 15.18-0+deb12u1)`.
    pub version: String,
    /// How the link is secured: `TLS 1.3`, `TLS 1.3 verified`, `Unix socket`, `not encrypted`; and after a comma
    /// what is worth to know of the login: `password in the clear`, `channel binding`.
    pub security: String,
    /// Which of the configuration's servers answered. Later connections of the pool may have gone to another one.
    #[serde(default)]
    pub endpoint: Option<Endpoint>,
    /// The role that the session has (`session_user`), for configurations that leave it to a default.
    pub user: String,
    /// The database (`current_database()`).
    pub database: String,
}

/// How full a pool is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolStatus {
    /// Connections that exist, lent ones too.
    pub size: u32,
    /// Of these, the ones that nobody uses.
    pub available: u32,
    /// Runs that wait for one.
    pub waiting: u32,
    /// At most so many may exist.
    pub max: u32,
}

/// What the runner reports of connections.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// The pool stands, proven with a real connection. Ends [`Effect::Open`] and [`Effect::Prove`].
    Opened {
        connection: ConnectionId,
        /// The attempt that it answers.
        attempt: Request,
        /// What the server told of itself.
        server: ServerInfo,
    },
    /// There is no pool, or no connection for it. Ends [`Effect::Open`] and [`Effect::Prove`]; also when abandoned.
    OpenFailed {
        connection: ConnectionId,
        /// The attempt that it answers.
        attempt: Request,
        failure: Failure,
    },
    /// The pool and its connections are gone. Ends [`Effect::Close`].
    Closed { connection: ConnectionId },
    /// A configuration was tried and let go. Ends [`Effect::Test`].
    Tested {
        /// The attempt that it answers.
        attempt: Request,
        /// What the server said.
        result: Result<ServerInfo, Failure>,
    },
    /// A connection of the pool was made, lent, returned or closed, or somebody began or ended to wait.
    PoolChanged {
        connection: ConnectionId,
        /// How full it is now.
        status: PoolStatus,
    },
    /// A link of the pool broke by itself, lent or idle. It follows the loss of the session that the link served.
    LinkLost {
        connection: ConnectionId,
        /// How many links of the pool still stand.
        left: u32,
        /// What is known of the reason.
        failure: Failure,
    },
    /// A statement runs, nothing is heard of the server, and it does not answer the watchdog's question either.
    NotAnswering {
        connection: ConnectionId,
        /// How long nothing was heard when this was noticed.
        silent_ms: u64,
    },
    /// The server answers again, or nothing runs there any more. It follows [`Msg::NotAnswering`].
    Answering { connection: ConnectionId },
    /// Names of types that are not built in. Ends [`Effect::ResolveTypes`].
    TypesResolved {
        request: Request,
        /// The connection, whose cache they go to.
        connection: ConnectionId,
        /// Oid and name, as `format_type` prints it; on failure, none.
        names: Vec<(u32, String)>,
    },
    /// The key of an SSH server was added to Tusk's known hosts, or could not be. Ends [`Effect::TrustHostKey`].
    HostKeyTrusted {
        request: Request,
        /// Whether it is known now.
        result: Result<(), Failure>,
    },
}

/// What the runner is asked to do with connections.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Make a pool and prove it with one real connection. Ends in `Opened` or `OpenFailed`.
    Open {
        /// The connection that the pool will belong to.
        connection: ConnectionId,
        attempt: Request,
        /// How to reach it.
        config: Box<Config>,
        /// The secrets that are known.
        secrets: Secrets,
    },
    /// Prove the pool of an open connection again, with a real connection and the secrets that it has. Ends in `Opened`
    /// or `OpenFailed`.
    Prove { connection: ConnectionId, attempt: Request },
    /// Stop an attempt that is under way (open, prove or test); it still ends in its own message. Has no answer of its own.
    Abandon { attempt: Request },
    /// Close the pool and all that came out of it. Ends in `Closed`.
    Close { connection: ConnectionId },
    /// Connect once, ask the version, close. Ends in `Tested`.
    Test {
        attempt: Request,
        /// How to reach it.
        config: Box<Config>,
        /// The secrets that are known.
        secrets: Secrets,
    },
    /// Ask the names of types by oid, over the metadata connection, never a tab's session. Ends in `TypesResolved`.
    ResolveTypes {
        request: Request,
        connection: ConnectionId,
        /// Type oid and typmod of each column to name.
        oids: Vec<(u32, i32)>,
    },
    /// Add the key of an SSH server to Tusk's known hosts: the user said so. Ends in `HostKeyTrusted`.
    TrustHostKey { request: Request, key: Box<HostKey> },
}

/// What connections leave to others.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The tab on screen is to use this connection.
    Choose(ConnectionId),
    /// A dialog takes the place of what lies over the window.
    Show(Box<Dialog>),
    /// An attempt failed for want of an answer: the user is asked, unless something else is being asked already.
    Ask {
        connection: ConnectionId,
        dialog: Box<Dialog>,
        failure: Failure,
        /// Whether it was an attempt to connect again.
        tried: bool,
    },
    /// What the dialog asks for came another way.
    Answered,
    /// It is open.
    Opened(ConnectionId),
    /// It is open again, perhaps to another server.
    Reopened(ConnectionId),
    /// Its sessions end, and its pool with them.
    Closing(ConnectionId),
    /// It is not wanted any more, before it was open.
    GivenUp(ConnectionId),
    /// Its pool has closed: what waits may go on.
    Closed,
    /// An attempt ended badly.
    AttemptFailed {
        connection: ConnectionId,
        failure: Failure,
    },
    /// It can't be opened: what waits for it fails.
    Failed {
        connection: ConnectionId,
        failure: Failure,
    },
    /// It was lost and does not come back: what waits for it fails, and its sessions end.
    Lost {
        connection: ConnectionId,
        failure: Failure,
    },
    /// Its last link broke.
    Unlinked {
        connection: ConnectionId,
        failure: Failure,
    },
    /// There is more or less room in its pool.
    PoolChanged(ConnectionId),
    /// Names of types are known.
    TypesNamed(ConnectionId),
    /// The user wants it to be forgotten.
    Forget(ConnectionId),
    /// The sandbox is a connection now.
    SandboxStarted(ConnectionId),
    SandboxFailed(Failure),
}
