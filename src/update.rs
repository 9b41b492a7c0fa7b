//! The pure heart: a message and the Model in, the changed Model and effects out.
//!
//! This file only routes. It never fails or panics, on any message in any state; a message that comes in
//! the wrong state is ignored by the feature that it belongs to.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod app;
pub mod cells;
pub mod clock;
pub mod command;
pub mod commands;
pub mod connection;
pub mod connections;
pub mod dialog;
pub mod discovery;
pub mod editor;
pub mod file;
pub mod file_prompt;
pub mod find;
pub mod form;
pub mod history;
pub mod host_key;
pub mod import;
pub mod job;
pub mod keychain;
pub mod keymap;
pub mod keys;
pub mod leaving;
pub mod messages;
pub mod notices;
pub mod palette;
pub mod query;
pub mod read_only;
pub mod results;
pub mod run;
pub mod sandbox;
pub mod saved;
pub mod schema;
pub mod session;
pub mod settings;
pub mod settings_file;
pub mod sidebar;
pub mod sight;
pub mod storage;
pub mod store;
pub mod tabs;
#[cfg(test)]
pub mod testing;
pub mod welcome;
pub mod window;

use crate::{
    base::stamp::Stamp,
    effect::Effect,
    model::{Model, Phase},
    msg::Msg,
};

/// Takes in one message. The same Model, stamp and message give the same Model and effects, everywhere.
pub fn update(model: &mut Model, at: Stamp, msg: Msg) -> Vec<Effect> {
    model.now = at;
    if model.phase == Phase::Quitting && !matches!(msg, Msg::App(app::Msg::Started { .. })) {
        // The runner ends all that is under way: nothing new is begun.
        return vec![];
    }
    let on_screen = model.tabs.active;
    let mut effects = route(model, msg);
    effects.extend(run::attend(model, on_screen));
    effects.extend(run::take_back_writes(model));
    effects.extend(leaving::step(model));
    effects.extend(history::step(model));
    run::ask_about_error(model);
    store::note_writes(model, &effects);
    sight::follow(model);
    effects
}

fn route(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::App(msg) => app::update(model, msg),
        Msg::Command(command) => commands::run(model, command),
        Msg::Keys(msg) => keys::update(model, msg),
        Msg::Editor { tab, msg } => editor::update(model, tab, msg),
        Msg::Grid { tab, msg } => results::update(model, tab, msg),
        Msg::Tabs(msg) => tabs::update(model, msg),
        Msg::Welcome(msg) => welcome::update(model, msg),
        Msg::Sidebar(msg) => sidebar::update(model, msg),
        Msg::Sight(msg) => sight::update(model, msg),
        Msg::Dialog(msg) => dialog::update(model, msg),
        Msg::Find(msg) => find::update(model, msg),
        Msg::Connection(msg) => connections::update(model, msg),
        Msg::Session(msg) => run::update_session(model, msg),
        Msg::Query(msg) => run::update(model, msg),
        Msg::Job(msg) => job::update(model, msg),
        Msg::Cells(msg) => results::update_cells(model, msg),
        Msg::Store(msg) => app::update_store(model, msg),
        Msg::SettingsFile(msg) => settings_file::update(model, msg),
        Msg::Keychain(msg) => connections::update_keychain(model, msg),
        Msg::File(msg) => file_prompt::update(model, msg),
        Msg::Clock(clock::Msg::Fired { timer } | clock::Msg::Stopped { timer })
            if history::timer_ended(model, timer) =>
        {
            vec![]
        }
        Msg::Clock(clock::Msg::Fired { timer }) => settings::timer_fired(model, timer)
            .or_else(|| connections::reconnecting::timer_fired(model, timer))
            .unwrap_or_else(|| run::timer_fired(model, timer)),
        Msg::Clock(clock::Msg::Stopped { timer }) => {
            settings::timer_stopped(model, timer);
            vec![]
        }
        Msg::Discovery(msg) => app::update_discovery(model, msg),
        Msg::Sandbox(msg) => sandbox::update(model, msg),
        Msg::Schema(msg) => schema::update(model, msg),
        // A deed of the window has nothing more to say.
        Msg::Window(window::Msg::Done { .. }) => vec![],
    }
}
