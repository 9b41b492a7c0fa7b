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
    shell::{command::Command, dialog::Dialog},
};
use crate::{
    base::{ids::ConnectionId, stamp::Stamp},
    effect::Effect,
    failure::Failure,
    model::{Model, Phase},
    msg::Msg,
    update::{
        connection::{reconnecting, sandbox},
        files::prompt,
        query::{editor, file as page_file, find, history, run},
        schema::Cause,
        settings::file,
        shell::{
            app, dialog, keymap, keys, leaving, place::Area, routing, sidebar, sight, tabs, welcome,
        },
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
    ask_about_error(model);
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
            Outcome::Jobs(jobs::Outcome::Ended(id)) => schema_changed(model, id, Cause::Changed),
            Outcome::Query(outcome) => query_left(model, outcome),
            Outcome::Results(outcome) => results_left(model, outcome),
            Outcome::Schema(schema::Outcome::Came(id)) => {
                run::complete_errors(&mut model.pages, &model.schemas, id);
            }
            Outcome::Connection(outcome) => connection_left(model, outcome),
            Outcome::Files(outcome) => files_left(model, outcome),
            Outcome::Keeping(keeping::Outcome::AskDirectory(prompt)) => {
                dialog::show(model, Dialog::DataDirectory(prompt));
            }
            Outcome::Keeping(keeping::Outcome::WriteDown(text)) => {
                app::write_down(&mut model.pages, &mut model.cx, text);
            }
            Outcome::Settings(settings::Outcome::SidebarChanged) => model.focus_what_is_shown(),
            Outcome::Settings(settings::Outcome::LogChanged) => {
                file::configure_log(&model.data_dir, &mut model.cx);
            }
        }
    }
}

fn schema_changed(model: &mut Model, id: ConnectionId, cause: Cause) {
    let Model { connections, schemas, cx, .. } = model;
    schema::refresh(connections, schemas, cx, id, cause);
}

fn query_left(model: &mut Model, outcome: query::Outcome) {
    let Model { tabs, pages, connections, schemas, jobs, dialog, cx, .. } = model;
    use query::Outcome;
    match outcome {
        // What runs is seen, not hidden behind the welcome screen.
        Outcome::Requested if model.welcome.shown => model.focus(Area::Editor),
        Outcome::Requested => {}
        Outcome::ChooseConnection => welcome::show(model),
        Outcome::NeedsConnection(id) => open_connection(model, id),
        Outcome::NeedsNoConnection(id) => connection::stop_opening(connections, cx, id),
        Outcome::Reopen(id) => connection::bounce(connections, cx, id),
        Outcome::NothingToCancel(connection) => {
            if !jobs::cancel(jobs, cx)
                && let Some(id) = connection
            {
                connection::stop_opening(connections, cx, id);
            }
        }
        Outcome::Show(shown) => dialog::show(model, Dialog::Query(shown)),
        Outcome::CancelEnded(ended) => {
            let asks = |dialog: &query::Dialog| matches!(dialog, query::Dialog::Terminate { tab } if *tab == ended);
            if matches!(dialog, Some(Dialog::Query(dialog)) if asks(dialog)) {
                model.dialog = None;
            }
        }
        Outcome::TakeFound => {
            routing::run(model, Command::DialogAccept);
        }
        Outcome::Failed { tab, query } => {
            run::advise(pages, connections, schemas, cx, tab, query);
        }
        Outcome::SchemaChanged(id) => schema_changed(model, id, Cause::Changed),
        Outcome::KeepText(tab) => tabs::keep(tabs, pages, cx, tab),
        Outcome::KeepLayout => tabs::save_layout(tabs, pages, cx),
        Outcome::EnterEditor => model.focus(Area::Editor),
        Outcome::EnterSearch => model.focus(Area::Find),
        Outcome::LeaveSearch if model.area == Area::Find => model.focus(Area::Editor),
        Outcome::LeaveSearch => {}
    }
}

fn results_left(model: &mut Model, outcome: results::Outcome) {
    use results::Outcome;
    match outcome {
        Outcome::EnterResults => model.focus(Area::Results),
        Outcome::Show(shown) => dialog::show(model, Dialog::Results(shown)),
        Outcome::NearEnd(tab) => run::fetch_near_end(&mut model.pages, &mut model.cx, tab),
    }
}

fn connection_left(model: &mut Model, outcome: connection::Outcome) {
    let Model { pages, connections, schemas, history, dialog, cx, .. } = model;
    use connection::Outcome;
    match outcome {
        Outcome::Choose(id) => tabs::connect(model, id),
        Outcome::Show(shown) => dialog::show(model, Dialog::Connection(*shown)),
        Outcome::Ask { connection, dialog, failure, tried } => {
            ask(model, connection, *dialog, failure, tried)
        }
        Outcome::Answered => {
            if matches!(dialog, Some(Dialog::Connection(_))) {
                model.dialog = None;
            }
        }
        Outcome::Opened(id) => {
            run::connection_opened(pages, connections, history, cx, id);
            // Behind what somebody waits for.
            schema_changed(model, id, Cause::Opened);
        }
        Outcome::Reopened(id) => {
            run::pump_all(pages, connections, history, cx);
            // It may be another server that answers now.
            schema_changed(model, id, Cause::Opened);
        }
        Outcome::Closing(id) => {
            schemas.remove(&id);
            run::connection_closed(pages, history, cx, id);
            connection::close_pool(cx, id);
        }
        Outcome::GivenUp(id) => run::connection_closed(pages, history, cx, id),
        Outcome::Closed => run::pump_all(pages, connections, history, cx),
        Outcome::AttemptFailed { connection, failure } => {
            run::attempt_failed(pages, connection, &failure);
        }
        Outcome::Failed { connection, failure } => {
            run::connection_failed(pages, cx, connection, failure);
        }
        Outcome::Lost { connection, failure } => {
            run::connection_lost(pages, history, cx, connection, failure);
            connection::close_pool(cx, connection);
        }
        Outcome::Unlinked { connection, failure } => {
            if run::holds_nothing(pages, connection) {
                reconnecting::begin(connections, cx, connection, failure);
            }
        }
        Outcome::PoolChanged(id) => run::make_room(pages, connections, cx, id),
        Outcome::TypesNamed(id) => run::name_types(pages, connections, id),
        Outcome::Forget(id) => sidebar::keeping_choices(model, |model| {
            let Model { pages, connections, schemas, defaults, cx, .. } = model;
            let is_used = pages.open.iter().any(|page| page.connection == Some(id));
            connection::forget(connections, defaults, cx, id, is_used);
            schema::forget_unknown(connections, schemas);
        }),
        Outcome::SandboxStarted(id) => sandbox_started(model, id),
        Outcome::SandboxFailed(failure) => pages.sandbox_failed(&failure),
    }
}

/// Asks what an attempt to connect has failed for. Where something else is being asked, it has failed.
fn ask(
    model: &mut Model,
    id: ConnectionId,
    shown: connection::Dialog,
    failure: Failure,
    tried: bool,
) {
    let Model { connections, dialog, cx, .. } = model;
    if dialog.is_some() {
        return connection::not_asked(connections, cx, id, failure, tried);
    }
    *dialog = Some(Dialog::Connection(shown));
    // A pool with the old secret is of no more use.
    if tried {
        connection::close_pool(cx, id);
    }
}

/// The pages that wait for the sandbox get it; the one on screen as if it had been chosen.
fn sandbox_started(model: &mut Model, id: ConnectionId) {
    let waited = model.pages.sandbox_started(id);
    if waited.contains(&model.pages.active) {
        tabs::connect(model, id);
    } else if !waited.is_empty() {
        open_connection(model, id);
    }
}

fn open_connection(model: &mut Model, id: ConnectionId) {
    let Model { connections, defaults, dialog, cx, .. } = model;
    connection::open(connections, defaults, dialog::of_connection(dialog), cx, id);
}

fn files_left(model: &mut Model, outcome: files::Outcome) {
    let is_asking = model.dialog.is_some();
    let Model { pages, connections, history, files, keymap, jobs, cx, .. } = model;
    use files::Outcome;
    match outcome {
        Outcome::Show(shown) => dialog::show(model, Dialog::Files(shown)),
        Outcome::Opened { path, read } => tabs::show_file(model, path, *read),
        Outcome::Reread { tab, path, read } => page_file::reread(pages, cx, tab, path, *read),
        Outcome::Followed { tab, path, result } => {
            page_file::followed(pages, cx, tab, path, result, is_asking);
        }
        Outcome::Saved { write, path, result } => {
            page_file::saved(pages, cx, write, path, result);
        }
        Outcome::SaveTo { tab, path } => {
            page_file::write(pages, files, cx, tab, path, files::Expected::Nothing, None);
        }
        Outcome::Checked { request, stamp } => {
            page_file::checked(pages, files, cx, request, stamp, is_asking);
        }
        Outcome::Run { path } => jobs::run_file(pages, connections, history, jobs, cx, path),
        Outcome::KeymapRead { result, before } => {
            keymap::was_read(files, keymap, cx, result, before);
        }
    }
}

fn route(model: &mut Model, msg: Msg) {
    let Model {
        pages, connections, schemas, history, find, files, jobs, settings_file, cx, ..
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
        Msg::SettingsPage(msg) => {
            settings::page::update(&mut model.settings_page, settings_file, cx, msg)
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
        Msg::Job(msg) => jobs::update(pages, history, jobs, cx, msg),
        Msg::Cells(msg) => {
            let all = pages.open.iter_mut().map(|page| &mut page.results);
            results::update_cells(all, cx, msg);
        }
        Msg::Store(msg) => app::update_store(model, msg),
        Msg::SettingsFile(msg) => file::update(files, settings_file, cx, msg),
        Msg::Keychain(msg) => {
            let Model { connections, defaults, dialog, cx, .. } = model;
            let dialog = dialog::of_connection_mut(dialog);
            connection::update_keychain(connections, defaults, dialog, cx, msg)
        }
        Msg::File(msg) => {
            let list = match &mut model.dialog {
                Some(Dialog::Files(dialog)) => Some(dialog),
                _ => None,
            };
            prompt::update(files, list, cx, msg)
        }
        Msg::Clock(msg) => timer_ended(model, msg),
        Msg::Discovery(msg) => app::update_discovery(model, msg),
        Msg::Sandbox(msg) => sandbox_told(model, msg),
        Msg::Schema(msg) => schema::update(connections, schemas, cx, msg),
        // A deed of the window has nothing more to say.
        Msg::Window(window::Msg::Done { .. }) => {}
    }
}

/// A script that stands at an error asks whether it goes on, once nothing else is asked.
fn ask_about_error(model: &mut Model) {
    let Model { pages, dialog, .. } = model;
    if let Some(Dialog::Query(query::Dialog::GoOn { tab, .. })) = dialog
        && !run::still_asks(pages, *tab)
    {
        *dialog = None;
    }
    if dialog.is_none() {
        *dialog = run::question(pages).map(Dialog::Query);
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
        let Model { connections, defaults, dialog, cx, .. } = model;
        connection::update(connections, defaults, dialog::of_connection_mut(dialog), cx, msg);
    };
    if moves { sidebar::keeping_choices(model, tell) } else { tell(model) }
}

/// The sandbox is a connection once it runs.
fn sandbox_told(model: &mut Model, msg: sandbox::Msg) {
    sidebar::keeping_choices(model, |model| {
        let Model { connections, sandbox, cx, .. } = model;
        sandbox::update(connections, sandbox, cx, msg);
    });
}
