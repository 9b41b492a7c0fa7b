//! Where a session stands in a transaction, in the server's own word.

use serde::{Deserialize, Serialize};

/// The transaction status of a session, as ReadyForQuery says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transaction {
    /// No transaction block (`I`).
    #[default]
    Idle,
    /// In a transaction block (`T`).
    Active,
    /// In a failed transaction block: everything is refused until it ends (`E`).
    Failed,
}
