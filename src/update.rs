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
pub mod picker;
pub mod query;
pub mod results;
pub mod schema;
pub mod scroll;
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
    let on_screen = model.pages.active;
    let begun = model.history.begun;
    route(model, msg);
    settle(model);
    run::attend(&mut model.pages, &mut model.cx, on_screen);
    model.pages.see_messages();
    run::take_back_writes(&mut model.pages, &model.connections, &mut model.cx);
    leaving::step(model);
    settle(model);
    history::step(&model.pages, &mut model.history, &mut model.cx);
    run::ask_about_error(&mut model.pages, &mut model.dialog);
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
                &mut model.pages,
                &mut model.connections,
                &mut model.history,
                &mut model.dialog,
                &mut model.cx,
                *dialog,
            ),
            Outcome::Query(outcome) => query_left(model, outcome),
            Outcome::Connection(connection::Outcome::Choose(id)) => tabs::connect(model, id),
            Outcome::Files(files::Outcome::Opened { path, read }) => {
                tabs::show_file(model, path, *read);
            }
            Outcome::Files(files::Outcome::Saved) => {
                tabs::save_layout(&model.tabs, &model.pages, &mut model.cx);
            }
            Outcome::Files(files::Outcome::Run { path }) => {
                let Model { pages, connections, history, jobs, cx, .. } = model;
                jobs::run_file(pages, connections, history, jobs, cx, path);
            }
            Outcome::Settings(settings::Outcome::SidebarChanged) => model.focus_what_is_shown(),
            Outcome::Settings(settings::Outcome::LogChanged) => {
                file::configure_log(&model.data_dir, &mut model.cx);
            }
            Outcome::Results(results::Outcome::EnterResults) => model.focus(Area::Results),
            Outcome::Results(results::Outcome::NearEnd(tab)) => {
                run::fetch_near_end(&mut model.pages, &mut model.cx, tab);
            }
        }
    }
}

fn query_left(model: &mut Model, outcome: query::Outcome) {
    let Model { tabs, pages, connections, history, jobs, defaults, dialog, cx, .. } = model;
    use query::Outcome;
    match outcome {
        // What runs is seen, not hidden behind the welcome screen.
        Outcome::Requested if model.welcome.shown => model.focus(Area::Editor),
        Outcome::Requested => {}
        Outcome::ChooseConnection => welcome::show(model),
        Outcome::NeedsConnection(id) => connection::open(connections, defaults, dialog, cx, id),
        Outcome::NeedsNoConnection(id) => {
            connection::stop_opening(pages, connections, history, cx, id)
        }
        Outcome::Reopen(id) => connection::bounce(pages, connections, history, cx, id),
        Outcome::NothingToCancel(connection) => {
            if !jobs::cancel(jobs, cx)
                && let Some(id) = connection
            {
                connection::stop_opening(pages, connections, history, cx, id);
            }
        }
        Outcome::AskTerminate(tab) => {
            dialog::show(
                pages,
                connections,
                history,
                dialog,
                cx,
                Dialog::Confirm(Confirm::Terminate { tab }),
            );
        }
        Outcome::CancelEnded(ended) => {
            let asks =
                |confirm: &Confirm| matches!(confirm, Confirm::Terminate { tab } if *tab == ended);
            if matches!(dialog, Some(Dialog::Confirm(confirm)) if asks(confirm)) {
                model.dialog = None;
            }
        }
        Outcome::TakeFound => {
            routing::run(model, Command::DialogAccept);
        }
        Outcome::KeepText(tab) => tabs::keep(tabs, pages, cx, tab),
        Outcome::KeepLayout => tabs::save_layout(tabs, pages, cx),
        Outcome::EnterEditor => model.focus(Area::Editor),
        Outcome::EnterSearch => model.focus(Area::Find),
        Outcome::LeaveSearch if model.area == Area::Find => model.focus(Area::Editor),
        Outcome::LeaveSearch => {}
    }
}

fn route(model: &mut Model, msg: Msg) {
    let Model {
        pages,
        connections,
        history,
        find,
        files,
        jobs,
        defaults,
        settings_file,
        keymap,
        dialog,
        cx,
        ..
    } = model;
    match msg {
        Msg::App(msg) => app::update(model, msg),
        Msg::Command(command) => {
            routing::run(model, command);
        }
        Msg::Keys(msg) => keys::update(model, msg),
        Msg::Editor { tab, msg } => editor::update(pages, cx, tab, msg),
        Msg::Grid { msg: results::Msg::RoomChanged { visible_rows }, .. } => {
            model.visible_rows = visible_rows.max(1);
        }
        Msg::Grid { tab, msg } => {
            let visible_rows = model.visible_rows;
            if let Some(page) = pages.get_mut(tab) {
                results::update(&mut page.results, cx, tab, msg, visible_rows);
            }
        }
        Msg::Tabs(msg) => tabs::update(model, msg),
        Msg::Welcome(msg) => welcome::update(model, msg),
        Msg::Sidebar(msg) => sidebar::update(model, msg),
        Msg::Sight(msg) => sight::update(model, msg),
        Msg::Dialog(msg) => dialog::update(model, msg),
        // The welcome screen lies over the search.
        Msg::Find(find::Msg::Focused { .. }) if model.welcome.shown => {}
        Msg::Find(msg) => find::update(pages, find, cx, msg),
        Msg::Connection(msg) => connection_told(model, msg),
        Msg::Session(msg) => run::update_session(pages, connections, history, cx, msg),
        Msg::Query(msg) => run::update(pages, connections, history, cx, msg),
        Msg::Job(msg) => jobs::update(pages, connections, history, jobs, cx, msg),
        Msg::Cells(msg) => {
            let all = pages.open.iter_mut().map(|page| &mut page.results);
            results::update_cells(all, cx, msg);
        }
        Msg::Store(msg) => app::update_store(model, msg),
        Msg::SettingsFile(msg) => file::update(files, settings_file, cx, msg),
        Msg::Keychain(msg) => connection::update_keychain(connections, defaults, dialog, cx, msg),
        Msg::File(msg) => prompt::update(pages, files, keymap, dialog, cx, msg),
        Msg::Clock(msg) => timer_ended(model, msg),
        Msg::Discovery(msg) => app::update_discovery(model, msg),
        Msg::Sandbox(msg) => sandbox_told(model, msg),
        Msg::Schema(msg) => schema::update(pages, connections, cx, msg),
        // A deed of the window has nothing more to say.
        Msg::Window(window::Msg::Done { .. }) => {}
    }
}

/// A timer has fired, or will not: it is one room's.
fn timer_ended(model: &mut Model, msg: clock::Msg) {
    let (clock::Msg::Fired { timer } | clock::Msg::Stopped { timer }) = msg;
    if history::timer_ended(&mut model.history, timer) {
        return;
    }
    if matches!(msg, clock::Msg::Stopped { .. }) {
        return settings::timer_stopped(&mut model.settings_file, timer);
    }
    if settings::timer_fired(&mut model.settings_file, &mut model.cx, timer) {
        return;
    }
    let Model { pages, connections, cx, .. } = model;
    if !connection::reconnecting::timer_fired(connections, cx, timer) {
        run::timer_fired(pages, connections, cx, timer);
    }
}

/// A connection that opens may move in the lists.
fn connection_told(model: &mut Model, msg: connection::Msg) {
    let moves = matches!(msg, connection::Msg::Opened { .. });
    let tell = |model: &mut Model| {
        let Model { pages, connections, history, defaults, dialog, cx, .. } = model;
        connection::update(pages, connections, history, defaults, dialog, cx, msg);
    };
    if moves { sidebar::keeping_choices(model, tell) } else { tell(model) }
}

/// The sandbox is a connection once it runs.
fn sandbox_told(model: &mut Model, msg: sandbox::Msg) {
    sidebar::keeping_choices(model, |model| {
        let Model { pages, connections, defaults, sandbox, dialog, cx, .. } = model;
        sandbox::update(pages, connections, defaults, sandbox, dialog, cx, msg);
    });
}
