//! The pure heart: a message and the Model in, the changed Model and effects out.
//!
//! This file only routes. It never fails or panics, on any message in any state; a message that comes in
//! the wrong state is ignored by the feature that it belongs to.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod clock;
pub mod connection;
pub mod cx;
pub mod files;
pub mod jobs;
pub mod keeping;
pub mod notices;
pub mod outcome;
pub mod query;
pub mod results;
pub mod schema;
pub mod settings;
pub mod shell;
#[cfg(test)]
pub mod testing;
pub mod window;

use self::{
    outcome::Outcome,
    shell::{
        command::Command,
        dialog::{Confirm, Dialog},
    },
};
use crate::{
    base::stamp::Stamp,
    effect::Effect,
    model::{Area, Model, Phase},
    msg::Msg,
    update::{
        connection::sandbox,
        files::prompt,
        query::{editor, find, history, run},
        settings::file,
        shell::{app, dialog, keys, leaving, routing, sidebar, sight, tabs, welcome},
    },
};

/// Takes in one message. The same Model, stamp and message give the same Model and effects, everywhere.
pub fn update(model: &mut Model, at: Stamp, msg: Msg) -> Vec<Effect> {
    model.cx.now = at;
    if model.phase == Phase::Quitting && !matches!(msg, Msg::App(app::Msg::Started { .. })) {
        // The runner ends all that is under way: nothing new is begun.
        return vec![];
    }
    let on_screen = model.tabs.active;
    let begun = model.history.begun;
    route(model, msg);
    settle(model);
    run::attend(&mut model.tabs, &mut model.cx, on_screen);
    run::take_back_writes(&mut model.tabs, &model.connections, &mut model.cx);
    leaving::step(model);
    settle(model);
    history::step(&model.tabs, &mut model.history, &mut model.cx);
    run::ask_about_error(&mut model.tabs, &mut model.dialog);
    let added = model.history.begun.saturating_sub(begun);
    sidebar::runs_were_added(model, added);
    let effects = model.cx.take_asked();
    keeping::note_writes(&mut model.writes, &effects);
    sight::follow(model);
    effects
}

/// Takes up what rooms have left to others, until nothing is left.
fn settle(model: &mut Model) {
    while let Some(outcome) = model.cx.take_outcome() {
        match outcome {
            Outcome::Show(dialog) => dialog::show(
                &mut model.tabs,
                &mut model.connections,
                &mut model.history,
                &mut model.dialog,
                &mut model.cx,
                *dialog,
            ),
            Outcome::Query(outcome) => query_left(model, outcome),
            Outcome::Results(results::Outcome::EnterResults) => model.focus(Area::Results),
        }
    }
}

fn query_left(model: &mut Model, outcome: query::Outcome) {
    use query::Outcome;
    match outcome {
        // What runs is seen, not hidden behind the welcome screen.
        Outcome::Requested if model.welcome.shown => model.focus(Area::Editor),
        Outcome::Requested => {}
        Outcome::ChooseConnection => welcome::show(model),
        Outcome::NeedsConnection(id) => connection::open(
            &mut model.connections,
            &model.defaults,
            &mut model.dialog,
            &mut model.cx,
            id,
        ),
        Outcome::NeedsNoConnection(id) => connection::stop_opening(
            &mut model.tabs,
            &mut model.connections,
            &mut model.history,
            &mut model.cx,
            id,
        ),
        Outcome::Reopen(id) => connection::bounce(
            &mut model.tabs,
            &mut model.connections,
            &mut model.history,
            &mut model.cx,
            id,
        ),
        Outcome::NothingToCancel(connection) => {
            if !jobs::cancel(&mut model.jobs, &mut model.cx)
                && let Some(id) = connection
            {
                connection::stop_opening(
                    &mut model.tabs,
                    &mut model.connections,
                    &mut model.history,
                    &mut model.cx,
                    id,
                );
            }
        }
        Outcome::AskTerminate(tab) => {
            dialog::show(
                &mut model.tabs,
                &mut model.connections,
                &mut model.history,
                &mut model.dialog,
                &mut model.cx,
                Dialog::Confirm(Confirm::Terminate { tab }),
            );
        }
        Outcome::CancelEnded(ended) => {
            let asks =
                |confirm: &Confirm| matches!(confirm, Confirm::Terminate { tab } if *tab == ended);
            if matches!(&model.dialog, Some(Dialog::Confirm(confirm)) if asks(confirm)) {
                model.dialog = None;
            }
        }
        Outcome::TakeFound => routing::run(model, Command::DialogAccept),
        Outcome::EnterEditor => model.focus(Area::Editor),
        Outcome::EnterSearch => model.focus(Area::Find),
    }
}

fn route(model: &mut Model, msg: Msg) {
    match msg {
        Msg::App(msg) => app::update(model, msg),
        Msg::Command(command) => routing::run(model, command),
        Msg::Keys(msg) => keys::update(model, msg),
        Msg::Editor { tab, msg } => editor::update(&mut model.tabs, &mut model.cx, tab, msg),
        Msg::Grid { tab, msg } => results::update(model, tab, msg),
        Msg::Tabs(msg) => tabs::update(model, msg),
        Msg::Welcome(msg) => welcome::update(model, msg),
        Msg::Sidebar(msg) => sidebar::update(model, msg),
        Msg::Sight(msg) => sight::update(model, msg),
        Msg::Dialog(msg) => dialog::update(model, msg),
        Msg::Find(msg) => find::update(model, msg),
        Msg::Connection(msg) => connection::update(model, msg),
        Msg::Session(msg) => run::update_session(
            &mut model.tabs,
            &mut model.connections,
            &mut model.history,
            &mut model.cx,
            msg,
        ),
        Msg::Query(msg) => run::update(
            &mut model.tabs,
            &mut model.connections,
            &mut model.history,
            &mut model.cx,
            msg,
        ),
        Msg::Job(msg) => jobs::update(
            &mut model.tabs,
            &mut model.connections,
            &mut model.history,
            &mut model.jobs,
            &mut model.cx,
            msg,
        ),
        Msg::Cells(msg) => results::update_cells(&mut model.tabs, &mut model.cx, msg),
        Msg::Store(msg) => app::update_store(model, msg),
        Msg::SettingsFile(msg) => file::update(model, msg),
        Msg::Keychain(msg) => connection::update_keychain(
            &mut model.connections,
            &model.defaults,
            &mut model.dialog,
            &mut model.cx,
            msg,
        ),
        Msg::File(msg) => prompt::update(model, msg),
        Msg::Clock(clock::Msg::Fired { timer } | clock::Msg::Stopped { timer })
            if history::timer_ended(&mut model.history, timer) => {}
        Msg::Clock(clock::Msg::Fired { timer }) => {
            let is_taken = settings::timer_fired(model, timer)
                || connection::reconnecting::timer_fired(
                    &mut model.connections,
                    &mut model.cx,
                    timer,
                );
            if !is_taken {
                run::timer_fired(&mut model.tabs, &mut model.connections, &mut model.cx, timer);
            }
        }
        Msg::Clock(clock::Msg::Stopped { timer }) => settings::timer_stopped(model, timer),
        Msg::Discovery(msg) => app::update_discovery(model, msg),
        Msg::Sandbox(msg) => sandbox::update(model, msg),
        Msg::Schema(msg) => {
            schema::update(&mut model.tabs, &mut model.connections, &mut model.cx, msg)
        }
        // A deed of the window has nothing more to say.
        Msg::Window(window::Msg::Done { .. }) => {}
    }
}
