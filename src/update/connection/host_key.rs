//! Trust in an SSH server that nobody has seen before: its key is shown, and kept only when the user says so.
//!
//! The answer that costs nothing is no: Enter and Escape both refuse. A key that has changed is no question at all; it
//! is refused where it is seen, and never comes here.

use super::{Credentials, Effect};
use crate::{
    base::ids::*,
    conninfo::Defaults,
    failure::{Failure, HostKey},
    update::{
        connection::{self, Connections},
        cx::Cx,
        query::{page::Pages, run},
        shell::dialog::Dialog,
    },
};

use serde::Serialize;

/// The question whether an SSH server's key is trusted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HostKeyPrompt {
    /// The connection that its tunnel is for.
    pub connection: ConnectionId,
    pub key: HostKey,
    /// What the last attempt ended in.
    pub failure: Failure,
    /// What the last attempt had with it, for the next one.
    pub with: Credentials,
    /// The write that is under way, once the user has said yes.
    pub writing: Option<Request>,
    /// Why the key could not be kept.
    pub problem: Option<Failure>,
}

impl HostKeyPrompt {
    /// The question after a failed attempt.
    pub fn new(
        connection: ConnectionId,
        key: HostKey,
        failure: Failure,
        with: Credentials,
    ) -> Self {
        Self { connection, key, failure, with, writing: None, problem: None }
    }
}

/// Whether the user is being asked about the SSH server of this connection.
pub fn asks(dialog: &Option<Dialog>, connection: ConnectionId) -> bool {
    matches!(dialog, Some(Dialog::HostKey(prompt)) if prompt.connection == connection)
}

/// Whether a key that the user trusts is being written.
pub fn is_writing(dialog: &Option<Dialog>) -> bool {
    matches!(dialog, Some(Dialog::HostKey(prompt)) if prompt.writing.is_some())
}

/// The user trusts the key: it is kept, and then connecting goes on.
pub fn trust(dialog: &mut Option<Dialog>, cx: &mut Cx, mut prompt: HostKeyPrompt) {
    if prompt.writing.is_some() {
        *dialog = Some(Dialog::HostKey(prompt));
        return;
    }
    let request = cx.request();
    let key = Box::new(prompt.key.clone());
    prompt.writing = Some(request);
    prompt.problem = None;
    *dialog = Some(Dialog::HostKey(prompt));
    cx.ask(Effect::TrustHostKey { request, key });
}

/// The user does not trust it: the attempt has failed.
pub fn refuse(pages: &mut Pages, cx: &mut Cx, prompt: HostKeyPrompt) {
    run::connection_failed(pages, cx, prompt.connection, prompt.failure)
}

/// The key was kept, or could not be.
pub fn trusted(
    connections: &mut Connections,
    defaults: &Defaults,
    dialog: &mut Option<Dialog>,
    cx: &mut Cx,
    request: Request,
    result: Result<(), Failure>,
) {
    // An answer that comes after the question was taken back changes nothing but what is known.
    match dialog.take() {
        Some(Dialog::HostKey(mut prompt)) if prompt.writing == Some(request) => match result {
            Ok(()) => {
                let Credentials { secrets, store } = prompt.with;
                connection::attempt(connections, defaults, cx, prompt.connection, secrets, store)
            }
            Err(failure) => {
                prompt.writing = None;
                prompt.problem = Some(failure);
                *dialog = Some(Dialog::HostKey(prompt));
            }
        },
        other => {
            *dialog = other;
        }
    }
}

#[cfg(test)]
mod tests;
