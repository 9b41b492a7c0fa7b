//! Sessions: each tab has its own server session, a client out of its connection's pool.
//!
//! A session is kept while it holds anything; what it holds is the server's word. The transaction
//! status is the server's own too, out of each ReadyForQuery.

use serde::{Deserialize, Serialize};

use crate::{base::ids::*, failure::Failure, sql::read::lex::BackslashRule};

/// What becomes of a client when its tab lets it go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// It holds nothing: back to the pool.
    Return,
    /// It held something, or failed: closed, not cleaned.
    Close,
}

/// What the runner reports of sessions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// A client came out of the pool. Ends [`Effect::Open`].
    Opened {
        session: SessionId,
        /// The server process that serves it.
        backend_pid: i32,
    },
    /// No client came out of the pool. Ends [`Effect::Open`].
    OpenFailed { session: SessionId, failure: Failure },
    /// The client is back in its pool or closed. Ends [`Effect::End`].
    Ended { session: SessionId },
    /// The server said what the session holds. Ends [`Effect::AskHeld`].
    HeldAnswered {
        session: SessionId,
        /// In words: "a temporary table", "LISTEN on jobs"; none where it holds nothing; on a failure, why not.
        held: Result<Vec<String>, Failure>,
    },
    /// The link is gone. Comes once, whenever it happens, after the end of a query that it took along.
    Lost {
        session: SessionId,
        /// What is known of the reason.
        failure: Failure,
    },
    /// A notice of the server (RAISE NOTICE and the like).
    Noticed {
        session: SessionId,
        /// The query that ran, if one did.
        query: Option<QueryId>,
        /// The notice, in the shape of an error.
        notice: Box<Failure>,
    },
    /// What a backslash in a plain string is to the session: the server reported its `standard_conforming_strings`.
    /// Comes before [`Msg::Opened`] where it is off, and after that before the end of the query that changed it.
    BackslashReported { session: SessionId, backslash: BackslashRule },
    /// A NOTIFY that the session listens to.
    Notified {
        session: SessionId,
        channel: String,
        payload: String,
        /// The process that sent it.
        backend_pid: i32,
    },
    /// The server was asked to terminate the session's process. Ends [`Effect::Terminate`].
    TerminateAnswered {
        session: SessionId,
        /// Whether the server took it; the session's own end follows as `Lost`.
        result: Result<(), Failure>,
    },
}

/// What the runner is asked to do with sessions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Take a client out of the pool. Ends in `Opened` or `OpenFailed`.
    Open {
        /// The session that it becomes.
        session: SessionId,
        /// The connection whose pool it comes from.
        connection: ConnectionId,
    },
    /// Wait no longer for a session that was asked for; its `Open` still ends in its own message. Has no answer of its own.
    Abandon { session: SessionId },
    /// Let it go. Ends in `Ended`.
    End {
        session: SessionId,
        /// Back to the pool, or closed.
        ending: Ending,
    },
    /// Ask the server, in this idle session, what it holds. Ends in `HeldAnswered`.
    AskHeld { session: SessionId },
    /// `pg_terminate_backend` on its process, over another connection. Ends in `TerminateAnswered`.
    Terminate { session: SessionId },
}
