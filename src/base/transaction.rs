//! A session's transaction status, in the server's own terms.

use serde::{Deserialize, Serialize};

/// A session's transaction status, from ReadyForQuery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transaction {
    /// No transaction block (`I`).
    #[default]
    Idle,
    /// In a transaction block (`T`).
    Active,
    /// In a failed transaction block: the server refuses everything until it ends (`E`).
    Failed,
}
