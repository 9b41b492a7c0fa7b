//! Every message, by feature; and the stamp that each one carries.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use serde::{Deserialize, Serialize};

use crate::{
    base::ids::TabId,
    update::{
        clock,
        connection::{self, discovery, keychain, sandbox},
        files, jobs, keeping,
        query::{self, editor, find, session},
        results, schema,
        settings::{self, file},
        shell::{app, command::Command, dialog, keys, sidebar, sight, tabs, welcome},
        window,
    },
};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// To the program as a whole.
    App(app::Msg),
    /// The user asked for an action, by key, button or palette.
    Command(Command),
    /// Keys without a window.
    Keys(keys::Msg),
    /// In a tab's editor.
    Editor {
        tab: TabId,
        msg: editor::Msg,
    },
    /// In a tab's grid.
    Grid {
        tab: TabId,
        msg: results::Msg,
    },
    /// On the settings page.
    SettingsPage(settings::page::Msg),
    /// On the row of tabs.
    Tabs(tabs::Msg),
    /// On the welcome screen.
    Welcome(welcome::Msg),
    Sidebar(sidebar::Msg),
    /// From the window, of what is in sight.
    Sight(sight::Msg),
    Dialog(dialog::Msg),
    /// In the search over the editor.
    Find(find::Msg),
    /// From the runner, of connections.
    Connection(connection::Msg),
    /// From the runner, of sessions.
    Session(session::Msg),
    /// From the runner, of statements.
    Query(query::Msg),
    /// From the runner, of jobs.
    Job(jobs::Msg),
    /// From the runner, of work on cells.
    Cells(results::contract::Msg),
    /// From the store.
    Store(keeping::Msg),
    /// From the runner, of the settings' file.
    SettingsFile(file::Msg),
    /// From the keychain.
    Keychain(keychain::Msg),
    /// From the runner, of the user's files.
    File(files::Msg),
    /// From the runner, of timers.
    Clock(clock::Msg),
    /// From the runner, of servers on this machine.
    Discovery(discovery::Msg),
    /// From the runner, of the sandbox.
    Sandbox(sandbox::Msg),
    /// From the runner, of schema caches.
    Schema(schema::Msg),
    /// From the program around the loop.
    Window(window::Msg),
}

macro_rules! from {
    ($($variant:ident($inner:ty);)*) => {
        $(impl From<$inner> for Msg {
            fn from(msg: $inner) -> Self {
                Msg::$variant(msg)
            }
        })*
    };
}

from! {
    App(app::Msg);
    Command(Command);
    Keys(keys::Msg);
    SettingsPage(settings::page::Msg);
    Tabs(tabs::Msg);
    Welcome(welcome::Msg);
    Sidebar(sidebar::Msg);
    Sight(sight::Msg);
    Dialog(dialog::Msg);
    Find(find::Msg);
    Connection(connection::Msg);
    Session(session::Msg);
    Query(query::Msg);
    Job(jobs::Msg);
    Cells(results::contract::Msg);
    Store(keeping::Msg);
    SettingsFile(file::Msg);
    Keychain(keychain::Msg);
    File(files::Msg);
    Clock(clock::Msg);
    Discovery(discovery::Msg);
    Sandbox(sandbox::Msg);
    Schema(schema::Msg);
    Window(window::Msg);
}
