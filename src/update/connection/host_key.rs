//! Trust in an SSH server that nobody has seen before: its key is shown, and kept only when the user says so.
//!
//! The answer that costs nothing is no: Enter and Escape both refuse. A key that has changed is no question at all; it
//! is refused where it is seen, and never comes here.

use super::{Credentials, Effect, Outcome};
use crate::{
    base::ids::*,
    conninfo::Defaults,
    failure::{Failure, HostKey},
    update::{
        connection::{self, Connections},
        cx::Cx,
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

/// The user trusts it: its key is written down. While that is under way, nothing more is asked for.
pub fn trust(cx: &mut Cx, mut prompt: HostKeyPrompt) -> HostKeyPrompt {
    if prompt.writing.is_none() {
        let request = cx.request();
        let key = Box::new(prompt.key.clone());
        prompt.writing = Some(request);
        prompt.problem = None;
        cx.ask(Effect::TrustHostKey { request, key });
    }
    prompt
}

/// The user does not trust it: what waited for the connection fails.
pub fn refuse(cx: &mut Cx, prompt: HostKeyPrompt) {
    cx.leave(Outcome::Failed { connection: prompt.connection, failure: prompt.failure });
}

/// The key was written down, or not. An answer that comes after the question was taken back changes nothing but what
/// is known.
pub fn trusted(
    connections: &mut Connections,
    defaults: &Defaults,
    cx: &mut Cx,
    prompt: &mut HostKeyPrompt,
    request: Request,
    result: Result<(), Failure>,
) {
    if prompt.writing != Some(request) {
        return;
    }
    match result {
        Ok(()) => {
            let Credentials { secrets, store } = prompt.with.clone();
            cx.leave(Outcome::Answered);
            connection::attempt(connections, defaults, cx, prompt.connection, secrets, store)
        }
        Err(failure) => {
            prompt.writing = None;
            prompt.problem = Some(failure);
        }
    }
}

#[cfg(test)]
mod tests;
