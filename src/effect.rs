//! Every effect, by feature: what `update` wants done. The runner does it and answers with messages.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use serde::Serialize;

use crate::update::{
    clock,
    connection::{self, discovery, keychain, sandbox},
    files, jobs, keeping,
    query::{self, session},
    results, schema,
    settings::file,
    window,
};

/// Something to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Effect {
    Connection(connection::Effect),
    Session(session::Effect),
    /// To the statements.
    Query(query::Effect),
    Job(jobs::Effect),
    /// On many cells.
    Cells(results::contract::Effect),
    Store(keeping::Effect),
    SettingsFile(file::Effect),
    Keychain(keychain::Effect),
    /// On the user's files.
    File(files::Effect),
    /// To the timers.
    Clock(clock::Effect),
    /// To find servers on this machine.
    Discovery(discovery::Effect),
    Sandbox(sandbox::Effect),
    /// To the schema caches.
    Schema(schema::Effect),
    /// To the program around the loop.
    Window(window::Effect),
}

macro_rules! from {
    ($($variant:ident($inner:ty);)*) => {
        $(impl From<$inner> for Effect {
            fn from(effect: $inner) -> Self {
                Effect::$variant(effect)
            }
        })*
    };
}

from! {
    Connection(connection::Effect);
    Session(session::Effect);
    Query(query::Effect);
    Job(jobs::Effect);
    Cells(results::contract::Effect);
    Store(keeping::Effect);
    SettingsFile(file::Effect);
    Keychain(keychain::Effect);
    File(files::Effect);
    Clock(clock::Effect);
    Discovery(discovery::Effect);
    Sandbox(sandbox::Effect);
    Schema(schema::Effect);
    Window(window::Effect);
}
