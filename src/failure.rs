//! Errors as data: one shape for every error that a user may see.
//!
//! The effects turn driver, pool, SQLite, keychain and I/O errors into a [`Failure`]; the screen shows its message, its
//! SQLSTATE and place, and what to do next.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod advice;

use serde::{Deserialize, Serialize};

use crate::base::secret::SecretKind;

/// The part that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Category {
    /// The server could not be reached, or the link broke.
    Connection,
    /// The server refused the user or the password.
    Authentication,
    /// TLS could not be negotiated, or a certificate was not accepted.
    Ssl,
    /// The SSH tunnel.
    Ssh,
    /// The server refused or stopped a statement.
    Query,
    /// Tusk's own SQLite, or the user's files.
    Storage,
    /// The keychain of the operating system.
    Keyring,
    /// No connection in the pool came free in time.
    PoolTimeout,
    /// Somebody asked for it to stop.
    Cancelled,
    /// A fault of Tusk itself.
    Internal,
}

/// What the user could provide so that the same attempt may succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Want {
    /// A secret that is unknown or wrong.
    Secret(SecretKind),
    /// Trust in the key of an SSH server that nobody has seen before.
    HostKey(HostKey),
}

/// The key that an SSH server showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostKey {
    /// The server's host.
    pub host: String,
    pub port: u16,
    /// `ssh-ed25519` and the like.
    pub algorithm: String,
    /// `SHA256:` and the digest in base 64, as `ssh-keygen -l` prints it.
    pub fingerprint: String,
    /// The key itself, in OpenSSH's base 64.
    pub key: String,
}

/// An error with everything that PostgreSQL says about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Which part failed.
    pub category: Category,
    /// The primary message.
    pub message: String,
    /// ERROR, FATAL, PANIC or, for notices, NOTICE, WARNING, …; empty if it is not PostgreSQL's.
    pub severity: String,
    /// PostgreSQL's five-character code.
    pub sqlstate: Option<String>,
    /// PostgreSQL's DETAIL.
    pub detail: Option<String>,
    /// PostgreSQL's HINT.
    pub hint: Option<String>,
    /// Where in the statement, in characters from 1.
    pub position: Option<u32>,
    /// The statement that PostgreSQL itself was running when it failed (functions), and where in it.
    pub internal: Option<(u32, String)>,
    /// PostgreSQL's CONTEXT.
    pub context: Option<String>,
    /// The schema that the error is about.
    pub schema: Option<String>,
    /// The table that the error is about.
    pub table: Option<String>,
    /// The column that the error is about.
    pub column: Option<String>,
    /// The data type that the error is about.
    pub data_type: Option<String>,
    /// The constraint that the error is about.
    pub constraint: Option<String>,
    /// Where in PostgreSQL's own source it was reported: `parserOpenTable, parse_relation.c:1381`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What to do next, in Tusk's words.
    pub next_step: Option<String>,
    /// What the user could provide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wants: Option<Want>,
}

impl Failure {
    /// A failure with only a message; looks up its next step.
    pub fn new(category: Category, message: impl Into<String>) -> Self {
        let bare = Self {
            category,
            message: message.into(),
            severity: String::new(),
            sqlstate: None,
            detail: None,
            hint: None,
            position: None,
            internal: None,
            context: None,
            schema: None,
            table: None,
            column: None,
            data_type: None,
            constraint: None,
            source: None,
            next_step: None,
            wants: None,
        };
        Self { next_step: crate::failure::advice::next_step(&bare), ..bare }
    }

    /// The same failure with this advice instead of the default.
    pub fn with_next_step(self, advice: impl Into<String>) -> Self {
        Self { next_step: Some(advice.into()), ..self }
    }

    /// The same failure, which could succeed with this.
    pub fn wanting(self, want: Want) -> Self {
        Self { wants: Some(want), ..self }
    }

    pub fn wants_secret(&self, kind: SecretKind) -> bool {
        self.wants == Some(Want::Secret(kind))
    }

    /// The SQLSTATE, or a note that there is none: all that a log may say of the server's message about a user's
    /// statement.
    pub fn code(&self) -> &str {
        self.sqlstate.as_deref().unwrap_or("no SQLSTATE")
    }

    /// Whether the server reported this SQLSTATE.
    pub fn is(&self, sqlstate: &str) -> bool {
        self.sqlstate.as_deref() == Some(sqlstate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_wants_the_secret_that_it_names_and_no_other() {
        let failure = Failure::new(Category::Ssh, "refused");
        assert!(!failure.wants_secret(SecretKind::Ssh));
        let failure = failure.wanting(Want::Secret(SecretKind::Ssh));
        assert!(failure.wants_secret(SecretKind::Ssh));
        assert!(!failure.wants_secret(SecretKind::Database));
    }
}
