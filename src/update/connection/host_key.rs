//! Trust in an SSH server that nobody has seen before: its key is shown, and kept only when the user says so.
//!
//! The answer that costs nothing is no: Enter and Escape both refuse. A key that has changed is no question at all; it
//! is refused where it is seen, and never comes here.

use serde::Serialize;

use super::{Credentials, Effect};
use crate::update::connection;
use crate::{
    base::ids::*,
    failure::{Failure, HostKey},
    model::Model,
    update::{query::run, shell::dialog::Dialog},
};

/// The question whether an SSH server's key is trusted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HostKeyPrompt {
    /// The connection that its tunnel is for.
    pub connection: ConnectionId,
    /// The key.
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
pub fn asks(model: &Model, connection: ConnectionId) -> bool {
    matches!(&model.dialog, Some(Dialog::HostKey(prompt)) if prompt.connection == connection)
}

/// Whether a key that the user trusts is being written.
pub fn is_writing(model: &Model) -> bool {
    matches!(&model.dialog, Some(Dialog::HostKey(prompt)) if prompt.writing.is_some())
}

/// The user trusts the key: it is kept, and then connecting goes on.
pub fn trust(model: &mut Model, mut prompt: HostKeyPrompt) {
    if prompt.writing.is_some() {
        model.dialog = Some(Dialog::HostKey(prompt));
        return;
    }
    let request = model.cx.request();
    let key = Box::new(prompt.key.clone());
    prompt.writing = Some(request);
    prompt.problem = None;
    model.dialog = Some(Dialog::HostKey(prompt));
    model.cx.ask(Effect::TrustHostKey { request, key });
}

/// The user does not trust it: the attempt has failed.
pub fn refuse(model: &mut Model, prompt: HostKeyPrompt) {
    run::connection_failed(model, prompt.connection, prompt.failure)
}

/// The key was kept, or could not be.
pub fn trusted(model: &mut Model, request: Request, result: Result<(), Failure>) {
    // An answer that comes after the question was taken back changes nothing but what is known.
    match model.dialog.take() {
        Some(Dialog::HostKey(mut prompt)) if prompt.writing == Some(request) => match result {
            Ok(()) => {
                let Credentials { secrets, store } = prompt.with;
                connection::attempt(model, prompt.connection, secrets, store)
            }
            Err(failure) => {
                prompt.writing = None;
                prompt.problem = Some(failure);
                model.dialog = Some(Dialog::HostKey(prompt));
            }
        },
        other => {
            model.dialog = other;
        }
    }
}

#[cfg(test)]
mod tests;
