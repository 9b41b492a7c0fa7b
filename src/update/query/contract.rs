//! A query's life: from a run that was asked for to the server's own word on how it ended.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Dialog,
    read_only::{Inspection, Seal},
};
use crate::{
    base::{ids::*, transaction::Transaction},
    failure::Failure,
    rows::{Chunk, Column},
    sql::read::lex::BackslashRule,
};

/// What the runner reports of a running statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// The server described the rows that will come. At most once for most statements; a second one begins a further result.
    Described { query: QueryId, columns: Vec<Column> },
    /// Rows, in order.
    RowsArrived {
        query: QueryId,
        /// Up to 4,096 of them.
        chunk: Arc<Chunk>,
    },
    /// The reader has a further row in hand and stands still at what it was granted.
    Stalled {
        query: QueryId,
        /// Rows sent so far.
        rows: u64,
    },
    /// The rows that came were so large that the reader stands still before it has sent all that were granted. The
    /// rest of the grant is void.
    GrantLapsed {
        query: QueryId,
        /// Rows sent so far.
        rows: u64,
    },
    /// What a statement on a read-only connection left in its transaction, just before its end.
    Inspected {
        query: QueryId,
        /// What was seen.
        inspection: Inspection,
    },
    /// The statement changed the encoding of its session (`client_encoding`). Comes behind its rows, just before its
    /// end.
    EncodingChanged {
        query: QueryId,
        /// What it was sent in.
        from: String,
        /// What is spoken from now on.
        to: String,
        /// Whether more than ASCII is understood of that.
        is_understood: bool,
        /// Its results' chunks with all that is not ASCII as bytes: they came in the one or the other. None for a
        /// result that stays as it is, and no results where all do.
        escaped: Vec<Vec<Arc<Chunk>>>,
    },
    /// The reader stands still, and what the server sends all the same fills up the link's tunnel, which can't make it
    /// wait. Told once for each standstill.
    HeldUp {
        query: QueryId,
        /// So much has come and is not read.
        bytes: u64,
    },
    /// It completed, and the session is ready. Ends [`Effect::Run`].
    Finished {
        query: QueryId,
        /// The command tag: `SELECT 42`.
        tag: String,
        /// The session's status now.
        transaction: Transaction,
        /// Rows that were read and, as asked, not kept.
        discarded: u64,
        /// From sending to ReadyForQuery.
        elapsed_us: u64,
    },
    /// The server refused or stopped it, and the session is ready. Ends [`Effect::Run`].
    Failed {
        query: QueryId,
        /// Why; a cancel is SQLSTATE 57014.
        failure: Box<Failure>,
        /// The session's status now.
        transaction: Transaction,
        /// From sending to ReadyForQuery.
        elapsed_us: u64,
    },
    /// The link broke while it ran: nobody knows how it ended. Ends [`Effect::Run`].
    Lost {
        query: QueryId,
        /// What is known of the reason.
        failure: Box<Failure>,
        /// From sending to the loss.
        elapsed_us: u64,
    },
    /// The cancel request was handed to the server and its socket read to the end. Ends [`Effect::Cancel`]. It says nothing of the query.
    CancelSent { query: QueryId },
    /// The cancel request did not reach the server. Ends [`Effect::Cancel`].
    CancelFailed { query: QueryId, failure: Box<Failure> },
}

/// What the runner is asked to do for a statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Send the statement as it is written. Ends in `Finished`, `Failed` or `Lost`.
    Run {
        query: QueryId,
        /// The session, which is ready, or runs the statement that this one follows.
        session: SessionId,
        /// One statement.
        sql: Arc<str>,
        /// Lines for COPY … FROM STDIN.
        copy_data: Option<Arc<str>>,
        /// So many rows may be sent before more are granted.
        granted_rows: u64,
        /// Given before the one before it in the session has ended, with what a backslash is to the session. It is
        /// sent when that one has ended well, and the backslash still is the same. Else, and where a cancel comes
        /// first, it ends in `Failed`, and the server never sees it.
        follows: Option<BackslashRule>,
    },
    /// Run the statement on a read-only connection, sealed in a transaction that is rolled back. Ends in `Finished`,
    /// `Failed` or `Lost`.
    RunReadOnly {
        query: QueryId,
        /// The session, which is ready.
        session: SessionId,
        /// One statement.
        sql: Arc<str>,
        /// How it is sealed.
        seal: Seal,
        /// So many rows may be sent before more are granted.
        granted_rows: u64,
    },
    /// What follows the statement that runs in a session is not sent. A word to the session; it has no answer of its
    /// own, and each of them ends in `Failed` before the statement that runs does.
    TakeBack { session: SessionId },
    /// So many further rows may be sent. A word to a running query; it has no answer of its own.
    GrantRows {
        query: QueryId,
        /// How many more.
        rows: u64,
    },
    /// Read the rest to its end and keep none of it. A word to a running query; it has no answer of its own.
    DiscardRows { query: QueryId },
    /// Ask the server to cancel it, over an own socket, read to its end. Ends in `CancelSent` or `CancelFailed`.
    Cancel {
        query: QueryId,
        session: SessionId,
        /// Those that follow it. The one that runs by then is cancelled, and the others are not sent.
        ahead: Vec<QueryId>,
    },
}

/// What a tab's text and its runs leave to others.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A run was asked for, and shall be seen.
    Requested,
    /// There is no connection to run on: one has to be chosen.
    ChooseConnection,
    /// A run waits for this connection to be opened.
    NeedsConnection(ConnectionId),
    /// Nothing of the tab waits for this connection any more.
    NeedsNoConnection(ConnectionId),
    /// An open connection is to be closed and opened again.
    Reopen(ConnectionId),
    /// A cancel was asked for in a tab where nothing runs, on this connection.
    NothingToCancel(Option<ConnectionId>),
    /// A dialog takes the place of what lies over the window.
    Show(Dialog),
    /// A statement has failed: its error may have meant another name.
    Failed { tab: TabId, query: QueryId },
    /// What is in the database of a connection may have changed.
    SchemaChanged(ConnectionId),
    /// A statement that was asked to end has ended.
    CancelEnded(TabId),
    /// What was searched for in the history is there, and the choice was made before.
    TakeFound,
    /// A page is kept whole.
    KeepText(TabId),
    /// What is kept of the tabs beside their texts has changed.
    KeepLayout,
    /// The editor wants focus.
    EnterEditor,
    /// The search in the editor wants focus.
    EnterSearch,
    /// The search has closed: what focus it had is the editor's.
    LeaveSearch,
}
