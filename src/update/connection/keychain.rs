//! Passwords in the keychain of the operating system; in memory, for this run, where there is none.

use serde::{Deserialize, Serialize};

use crate::{
    base::{
        ids::*,
        secret::{Secret, SecretKind},
    },
    failure::{Category, Failure},
};

/// Why the keychain did not do it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// There is no password for this connection.
    NotFound,
    /// There is no keychain here, or it may not be used, or it did not answer in time.
    Unavailable {
        /// What it said.
        reason: String,
    },
}

impl From<&Refusal> for Failure {
    fn from(refusal: &Refusal) -> Self {
        let message = match refusal {
            Refusal::NotFound => "No matching entry in the keychain.".into(),
            Refusal::Unavailable { reason } => format!("The keychain can't be used ({reason})."),
        };
        Failure::new(Category::Keyring, message)
    }
}

/// What the keychain reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Msg {
    /// Ends [`Effect::Read`].
    Read {
        request: Request,
        connection: ConnectionId,
        kind: SecretKind,
        /// The password.
        result: Result<Secret, Refusal>,
    },
    /// Ends [`Effect::Store`].
    Stored {
        request: Request,
        connection: ConnectionId,
        kind: SecretKind,
        /// Whether it is stored.
        result: Result<(), Refusal>,
    },
    /// Ends [`Effect::Delete`]; one that was not there counts as deleted.
    Deleted {
        request: Request,
        connection: ConnectionId,
        kind: SecretKind,
        /// Whether it is gone.
        result: Result<(), Refusal>,
    },
}

/// What the keychain is asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Read a password. Ends in `Read`.
    Read { request: Request, connection: ConnectionId, kind: SecretKind },
    /// Store a password. Ends in `Stored`.
    Store { request: Request, connection: ConnectionId, kind: SecretKind, password: Secret },
    /// Forget a password. Ends in `Deleted`.
    Delete { request: Request, connection: ConnectionId, kind: SecretKind },
}
