//! What each command does: one line for each, so that a key, a button and the palette mean the same.

use super::{
    app,
    command::Command,
    dialog::{self, Confirm, Dialog},
    leaving, sidebar, tabs, welcome,
};
use crate::{
    base::text::Buffer,
    model::{Area, Model},
    settings::{OnError, Theme},
    update::{
        connection::{self, form, import, sandbox, saved},
        files::prompt,
        query::{
            editor, find, history,
            run::{self, Part},
        },
        results::{self, Move},
        schema,
        settings::{self, file},
    },
};

/// Does what a command says. With a dialog open, only the dialog's own commands and quitting mean anything.
pub fn run(model: &mut Model, command: Command) {
    if model.dialog.is_some() {
        return match command {
            Command::AppQuit => app::quit_asked(model),
            command => dialog::command(model, command),
        };
    }
    match command.group() {
        "Query" => query(model, command),
        "Results" => results(model, command),
        "Tab" | "File" | "Editor" => text(model, command),
        "Transaction" | "Connection" => connection(model, command),
        "Dialog" | "List" | "Welcome" => list(model, command),
        _ => window(model, command),
    }
}

fn query(model: &mut Model, command: Command) {
    match command {
        Command::QueryRun => run::request(model, Part::Here, None),
        Command::QueryRunAll => run::request(model, Part::All, None),
        Command::QueryRunAllStop => run::request(model, Part::All, Some(OnError::Stop)),
        Command::QueryRunAllContinue => run::request(model, Part::All, Some(OnError::Continue)),
        Command::QueryRunAllAsk => run::request(model, Part::All, Some(OnError::Ask)),
        Command::QueryCancel => run::cancel(model),
        Command::QueryTerminate => {
            let active = model.tabs.active;
            run::ask_to_terminate(model, active)
        }
        Command::ErrorGoTo => editor::go_to_error(model),
        Command::ErrorCopy => results::copy_error(model),
        Command::ErrorDetails => results::toggle_error_details(model),
        _ => {}
    }
}

fn results(model: &mut Model, command: Command) {
    let (to, extend) = match command {
        Command::ResultsUp => (Move::By(-1, 0), false),
        Command::ResultsDown => (Move::By(1, 0), false),
        Command::ResultsLeft => (Move::By(0, -1), false),
        Command::ResultsRight => (Move::By(0, 1), false),
        Command::ResultsHome => (Move::Home, false),
        Command::ResultsEnd => (Move::End, false),
        Command::ResultsPageUp => (Move::Page(-1), false),
        Command::ResultsPageDown => (Move::Page(1), false),
        Command::ResultsFirst => (Move::First, false),
        Command::ResultsLast => (Move::Last, false),
        Command::ResultsExtendUp => (Move::By(-1, 0), true),
        Command::ResultsExtendDown => (Move::By(1, 0), true),
        Command::ResultsExtendLeft => (Move::By(0, -1), true),
        Command::ResultsExtendRight => (Move::By(0, 1), true),
        Command::ResultsExtendHome => (Move::Home, true),
        Command::ResultsExtendEnd => (Move::End, true),
        Command::ResultsExtendPageUp => (Move::Page(-1), true),
        Command::ResultsExtendPageDown => (Move::Page(1), true),
        Command::ResultsExtendFirst => (Move::First, true),
        Command::ResultsExtendLast => (Move::Last, true),
        other => return results_else(model, other),
    };
    results::go(model, to, extend)
}

fn results_else(model: &mut Model, command: Command) {
    match command {
        Command::ResultsFetchMore => run::fetch(model, false),
        Command::ResultsFetchAll => run::fetch(model, true),
        Command::ResultsCopy => results::copy(model, false),
        Command::ResultsCopyWithHeaders => results::copy(model, true),
        Command::ResultsInspect => results::inspect(model),
        Command::ResultsNext => results::step(model, true),
        Command::ResultsPrevious => results::step(model, false),
        Command::ResultsMessages => results::show_messages(model),
        Command::ResultsList => results::open_list(model),
        Command::ResultsFitColumn => results::resize_active(model, None),
        Command::ResultsWidenColumn => results::resize_active(model, Some(1)),
        Command::ResultsNarrowColumn => results::resize_active(model, Some(-1)),
        Command::ResultsSelectAll => results::select_all(model),
        _ => {}
    }
}

fn text(model: &mut Model, command: Command) {
    match command {
        Command::TabNew => tabs::open_new(model),
        Command::TabClose => {
            let active = model.tabs.active;
            tabs::close(model, active)
        }
        Command::TabReopen => tabs::reopen(model),
        Command::TabNext => tabs::step(model, true),
        Command::TabPrevious => tabs::step(model, false),
        Command::FileOpen => prompt::open(model),
        Command::FileRun => prompt::run(model),
        Command::FileSave => prompt::save(model),
        Command::FileSaveAs => prompt::save_as(model),
        Command::FileReload => prompt::reload_active(model),
        Command::EditorFind => find::open(model, false),
        Command::EditorReplace => find::open(model, true),
        Command::FindNext => find::step(model, true),
        Command::FindPrevious => find::step(model, false),
        Command::FindReplace => find::replace(model),
        Command::FindReplaceAll => find::replace_all(model),
        Command::FindMatchCase => find::toggle_case(model),
        Command::FindClose => find::close(model),
        Command::EditorComment => editor::toggle_comment(model),
        Command::EditorGoToLine => dialog::show(model, Dialog::GoToLine(Buffer::default())),
        _ => {}
    }
}

fn connection(model: &mut Model, command: Command) {
    match command {
        Command::TransactionBegin => run::request_text(model, "begin"),
        Command::TransactionCommit => run::request_text(model, "commit"),
        Command::TransactionRollback => run::request_text(model, "rollback"),
        Command::ConnectionChoose => welcome::show(model),
        Command::ConnectionNew => form::open(model, None),
        Command::ConnectionEdit => {
            let chosen = model.chosen_connection();
            welcome::edit(model, chosen)
        }
        Command::ConnectionDelete => {
            let chosen = model.chosen_connection();
            welcome::delete(model, chosen)
        }
        Command::ConnectionDuplicate => {
            let chosen = model.chosen_connection();
            saved::duplicate(model, chosen)
        }
        Command::ConnectionMoveUp | Command::ConnectionMoveDown => {
            let chosen = model.chosen_connection();
            saved::step(model, chosen, command == Command::ConnectionMoveDown)
        }
        Command::ConnectionImport => import::request(model),
        Command::ConnectionDisconnect => disconnect(model),
        Command::ConnectionReconnect => run::reconnect(model),
        Command::SchemaRefresh => schema::refresh_asked(model),
        Command::SandboxStart => sandbox::start(model),
        _ => {}
    }
}

/// Closes the active tab's connection, asking first where something would be lost with its sessions.
fn disconnect(model: &mut Model) {
    let Some(connection) = model.tabs.active().and_then(|tab| tab.connection) else {
        return;
    };
    let reasons = model.tabs.would_lose_on(connection);
    if reasons.is_empty() {
        return connection::close(model, connection);
    }
    let place = leaving::Place::Connection(connection);
    if leaving::ask(model, place, &reasons) {
        return;
    }
    let confirm = Confirm::Disconnect { connection, reasons };
    dialog::show(model, Dialog::Confirm(confirm))
}

fn list(model: &mut Model, command: Command) {
    match model.area {
        Area::Welcome => welcome::command(model, command),
        Area::Sidebar => sidebar::command(model, command),
        Area::Find => find::command(model, command),
        Area::Editor | Area::Results => {}
    }
}

fn window(model: &mut Model, command: Command) {
    match command {
        Command::FocusEditor => model.focus(Area::Editor),
        Command::FocusResults => model.focus(Area::Results),
        Command::FocusSidebar => {
            if model.cx.settings.sidebar_width == 0 {
                settings::toggle_sidebar(model);
                model.focus(Area::Sidebar);
                return;
            }
            model.focus(Area::Sidebar);
        }
        Command::FocusSwap => {
            if model.area != Area::Editor {
                model.focus(Area::Editor);
            } else if results::has_something(model) {
                model.focus(Area::Results);
            } else {
                model.cx.notify("Nothing has run in this tab yet.");
            }
        }
        Command::ViewSidebar => return settings::toggle_sidebar(model),
        Command::ViewZoomIn => return settings::zoom(model, Some(true)),
        Command::ViewZoomOut => return settings::zoom(model, Some(false)),
        Command::ViewZoomReset => return settings::zoom(model, None),
        Command::ViewThemeLight => return settings::set_theme(model, Theme::Light),
        Command::ViewThemeDark => return settings::set_theme(model, Theme::Dark),
        Command::ViewThemeSystem => return settings::set_theme(model, Theme::System),
        Command::SettingsOpen => model.dialog = Some(Dialog::Settings { selected: 0 }),
        Command::SettingsOpenFile => return file::open(model),
        Command::PaletteOpen => model.dialog = Some(Dialog::Palette(dialog::Picker::default())),
        Command::HistoryOpen => return history::open(model),
        Command::AppQuit => return app::quit_asked(model),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
