//! The question for a secret that an attempt to connect has failed for.

use crate::{
    base::{
        ids::ConnectionId,
        secret::{Secret, SecretKind, Secrets},
    },
    conninfo::Defaults,
    failure::Failure,
    update::{
        connection::{self, Connections},
        cx::Cx,
    },
};

use serde::Serialize;

/// The server wants a password.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PasswordPrompt {
    pub connection: ConnectionId,
    /// Which of its secrets is asked for.
    pub kind: SecretKind,
    /// The secrets that the last attempt had.
    pub known: Secrets,
    /// What was typed.
    pub password: Secret,
    /// Whether the keychain shall have it.
    pub store: bool,
    /// What was typed before it, and goes to the keychain with it.
    pub stored_too: Secrets,
    /// Why the last one was not taken.
    pub failure: Option<Failure>,
}

impl PasswordPrompt {
    /// A prompt for a connection's secret.
    pub fn new(
        connection: ConnectionId,
        kind: SecretKind,
        known: Secrets,
        store: bool,
        failure: Option<Failure>,
    ) -> Self {
        Self {
            connection,
            kind,
            known,
            password: Secret::default(),
            store,
            stored_too: Secrets::default(),
            failure,
        }
    }
}

/// The user typed it: the next attempt has it.
pub(super) fn given(
    connections: &mut Connections,
    defaults: &Defaults,
    cx: &mut Cx,
    prompt: PasswordPrompt,
) {
    let PasswordPrompt {
        connection,
        kind,
        known: mut secrets,
        password,
        store,
        stored_too: mut stored,
        ..
    } = prompt;
    let Some(known) = connections.get_mut(&connection) else {
        return;
    };
    // It stays in memory until the keychain has it; the keychain only takes what belongs to a saved connection, so
    // storing it saves the connection, too, once the server took the password.
    known.secrets.set(kind, Some(password.clone()));
    stored.set(kind, store.then(|| password.clone()));
    secrets.set(kind, Some(password));
    connection::attempt(connections, defaults, cx, connection, secrets, stored)
}
