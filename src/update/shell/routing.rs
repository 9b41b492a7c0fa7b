//! What each command does: one line for each, so that a key, a button and the palette mean the same.

use super::{
    app,
    command::Command,
    dialog::{self, Dialog},
    leaving, sidebar, tabs, welcome,
};
use crate::{
    base::text::Buffer,
    model::Model,
    settings::{OnError, Theme},
    update::{
        connection::{self, form, import, saved},
        files::prompt,
        picker::Picker,
        query::{
            self, Pages, editor, file, find, history,
            page::Page,
            run::{self, Part},
            trouble,
        },
        results::{self, Move},
        schema,
        settings::{
            self,
            page::{self, Step},
        },
        shell::{command::Room, place::Area},
    },
};

/// Does what a command says. With a dialog open, only the dialog's own commands and quitting mean anything. Whether
/// the command means something here: one that means nothing anywhere is a command that nobody carries out.
pub fn run(model: &mut Model, command: Command) -> bool {
    if model.dialog.is_some() {
        return match command {
            Command::AppQuit => {
                app::quit_asked(model);
                true
            }
            command => dialog::command(model, command),
        };
    }
    if needs_text(command) && model.pages.active().is_none() && !model.welcome.shown {
        model.cx.notify("This tab has no text. Open a query tab first.");
        return true;
    }
    match command.room() {
        Room::Query => query(model, command),
        Room::Results => results(model, command),
        Room::Text => text(model, command),
        Room::Connection => connection(model, command),
        Room::List => list(model, command),
        Room::Window => window(model, command),
    }
}

/// Whether a command means the text of the page on screen, or what runs of it.
fn needs_text(command: Command) -> bool {
    match command.room() {
        // What runs without a page can be cancelled from anywhere.
        Room::Query => command != Command::QueryCancel,
        Room::Results => true,
        Room::Text => !matches!(
            command,
            Command::TabNew
                | Command::TabClose
                | Command::TabReopen
                | Command::TabNext
                | Command::TabPrevious
                | Command::FileOpen
        ),
        Room::Connection => matches!(
            command,
            Command::TransactionBegin
                | Command::TransactionCommit
                | Command::TransactionRollback
                | Command::ConnectionReconnect
                | Command::ConnectionDisconnect
        ),
        Room::List | Room::Window => false,
    }
}

fn query(model: &mut Model, command: Command) -> bool {
    let Model { pages, connections, history, dialog, cx, .. } = model;
    match command {
        Command::QueryRun => run::request(pages, connections, history, cx, Part::Here, None),
        Command::QueryRunAll => run::request(pages, connections, history, cx, Part::All, None),
        Command::QueryRunAllStop => {
            run::request(pages, connections, history, cx, Part::All, Some(OnError::Stop))
        }
        Command::QueryRunAllContinue => {
            run::request(pages, connections, history, cx, Part::All, Some(OnError::Continue))
        }
        Command::QueryRunAllAsk => {
            run::request(pages, connections, history, cx, Part::All, Some(OnError::Ask))
        }
        Command::QueryCancel => run::cancel(pages, connections, history, cx),
        Command::QueryTerminate => {
            let active = pages.active;
            run::ask_to_terminate(pages, cx, active)
        }
        Command::ErrorGoTo => editor::go_to_error(pages, cx),
        Command::ErrorCopy => {
            trouble::copy_error(pages, connections, dialog::of_connection(dialog), cx)
        }
        Command::ErrorDetails => model.error_details = !model.error_details,
        _ => return false,
    }
    true
}

fn results(model: &mut Model, command: Command) -> bool {
    let Model { pages, cx, .. } = model;
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
    let visible_rows = model.visible_rows;
    let tab = pages.active;
    if let Some(page) = pages.active_mut() {
        results::go(&mut page.results, cx, tab, to, extend, visible_rows);
    }
    true
}

fn results_else(model: &mut Model, command: Command) -> bool {
    let Model { pages, connections, dialog, cx, .. } = model;
    match command {
        Command::ResultsFetchMore => run::fetch(pages, cx, false),
        Command::ResultsFetchAll => run::fetch(pages, cx, true),
        Command::ResultsCopy => {
            trouble::copy(pages, connections, dialog::of_connection(dialog), cx, false)
        }
        Command::ResultsCopyWithHeaders => {
            trouble::copy(pages, connections, dialog::of_connection(dialog), cx, true)
        }
        other => return results_shown(model, other),
    }
    true
}

/// What concerns the results of the active page alone.
fn results_shown(model: &mut Model, command: Command) -> bool {
    let Model { pages, cx, .. } = model;
    let Some(Page { results, .. }) = pages.active_mut() else {
        return false;
    };
    match command {
        Command::ResultsInspect => results::inspect(results, cx),
        Command::ResultsNext => results::step(results, cx, true),
        Command::ResultsPrevious => results::step(results, cx, false),
        Command::ResultsMessages => results::show_messages(results),
        Command::ResultsList => results::open_list(results, cx),
        Command::ResultsFitColumn => results::resize_active(results, None),
        Command::ResultsWidenColumn => results::resize_active(results, Some(1)),
        Command::ResultsNarrowColumn => results::resize_active(results, Some(-1)),
        Command::ResultsSelectAll => results::select_all(results, cx),
        _ => return false,
    }
    true
}

fn text(model: &mut Model, command: Command) -> bool {
    let Model { pages, find, files, cx, .. } = model;
    match command {
        Command::TabNew => tabs::open_new(model),
        Command::TabClose => {
            let active = model.pages.active;
            tabs::close(model, active)
        }
        Command::TabReopen => tabs::reopen(model),
        Command::TabNext => tabs::step(model, true),
        Command::TabPrevious => tabs::step(model, false),
        Command::FileOpen => prompt::open(cx, path_at_hand(pages)),
        Command::FileRun => prompt::run(cx, path_at_hand(pages)),
        Command::FileSave => file::save(pages, files, cx),
        Command::FileSaveAs => file::save_as(pages, cx),
        Command::FileReload => file::reload_active(pages, files, cx),
        Command::EditorFind => find::open(pages, find, cx, false),
        Command::EditorReplace => find::open(pages, find, cx, true),
        Command::FindNext => find::step(pages, find, cx, true),
        Command::FindPrevious => find::step(pages, find, cx, false),
        Command::FindReplace => find::replace(pages, find, cx),
        Command::FindReplaceAll => find::replace_all(pages, find, cx),
        Command::FindMatchCase => find::toggle_case(pages, find),
        Command::FindClose => find::close(find, cx),
        Command::EditorComment => editor::toggle_comment(pages, cx),
        Command::EditorGoToLine => {
            dialog::show(model, Dialog::Query(query::Dialog::GoToLine(Buffer::default())))
        }
        _ => return false,
    }
    true
}

fn connection(model: &mut Model, command: Command) -> bool {
    let Model { pages, connections, history, defaults, cx, .. } = model;
    match command {
        Command::TransactionBegin => run::request_text(pages, connections, history, cx, "begin"),
        Command::TransactionCommit => run::request_text(pages, connections, history, cx, "commit"),
        Command::TransactionRollback => {
            run::request_text(pages, connections, history, cx, "rollback")
        }
        Command::ConnectionChoose => welcome::show(model),
        Command::ConnectionNew => form::open(connections, defaults, cx, None),
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
            sidebar::keeping_choices(model, |model| {
                saved::duplicate(&mut model.connections, &mut model.cx, chosen)
            });
        }
        Command::ConnectionMoveUp | Command::ConnectionMoveDown => {
            let chosen = model.chosen_connection();
            let down = command == Command::ConnectionMoveDown;
            sidebar::keeping_choices(model, |model| {
                saved::step(&mut model.connections, &mut model.cx, chosen, down)
            });
        }
        Command::ConnectionImport => import::request(&mut model.importing, &mut model.cx),
        Command::ConnectionDisconnect => disconnect(model),
        Command::ConnectionReconnect => run::reconnect(pages, connections, cx),
        Command::SchemaRefresh => {
            let chosen = model.chosen_connection();
            let Model { connections, schemas, cx, .. } = model;
            schema::refresh_asked(connections, schemas, cx, chosen);
        }
        Command::SandboxStart => {
            welcome::start_sandbox(model);
        }
        _ => return false,
    }
    true
}

/// Closes the active tab's connection, asking first where something would be lost with its sessions.
fn disconnect(model: &mut Model) {
    let Some(connection) = model.pages.active().and_then(|tab| tab.connection) else {
        return;
    };
    let reasons = model.pages.would_lose_on(connection);
    if reasons.is_empty() {
        return connection::close(&mut model.connections, &mut model.cx, connection);
    }
    let place = leaving::Scope::Connection(connection);
    if leaving::ask(model, place, &reasons) {
        return;
    }
    let confirm = connection::Dialog::Disconnect { connection, reasons };
    dialog::show(model, Dialog::Connection(confirm))
}

fn list(model: &mut Model, command: Command) -> bool {
    match model.area {
        Area::Welcome => welcome::command(model, command),
        Area::Sidebar => sidebar::command(model, command),
        Area::Find => find_bar(model, command),
        Area::Settings => settings_page(model, command),
        Area::Editor | Area::Results => false,
    }
}

/// The file of the page on screen, beside which another one is looked for.
fn path_at_hand(pages: &Pages) -> Option<&str> {
    Some(pages.active()?.editor.file.as_ref()?.path.as_str())
}

/// A command that means something in the search over the editor.
fn find_bar(model: &mut Model, command: Command) -> bool {
    let Model { pages, find, cx, .. } = model;
    match command {
        Command::DialogNext | Command::DialogPrevious => return find::other_field(find),
        Command::DialogAccept => find::step(pages, find, cx, true),
        Command::DialogCancel => find::close(find, cx),
        _ => return false,
    }
    true
}

/// A command that means something on the settings page.
fn settings_page(model: &mut Model, command: Command) -> bool {
    let Model { settings_page: page, settings_file, cx, .. } = model;
    match command {
        Command::DialogAccept => page::accept(page, settings_file, cx),
        Command::DialogCancel => page::cancel(page),
        Command::ListUp => page::step(page, Step::By(-1)),
        Command::ListDown => page::step(page, Step::By(1)),
        Command::ListPageUp => page::step(page, Step::Page(-1)),
        Command::ListPageDown => page::step(page, Step::Page(1)),
        Command::ListFirst => page::step(page, Step::First),
        Command::ListLast => page::step(page, Step::Last),
        _ => return false,
    }
    true
}

fn window(model: &mut Model, command: Command) -> bool {
    let Model { pages, history, files, settings_file, cx, .. } = model;
    match command {
        Command::FocusEditor => model.focus(Area::Editor),
        Command::FocusResults => model.focus(Area::Results),
        Command::FocusSidebar => {
            if cx.settings.sidebar_width == 0 {
                settings::toggle_sidebar(settings_file, cx);
            }
            model.focus(Area::Sidebar);
        }
        Command::FocusSwap => {
            if model.area != Area::Editor {
                model.focus(Area::Editor);
            } else if pages.active().is_some_and(Page::has_results) {
                model.focus(Area::Results);
            } else {
                model.cx.notify("Nothing has run in this tab yet.");
            }
        }
        Command::ViewSidebar => settings::toggle_sidebar(settings_file, cx),
        Command::ViewZoomIn => settings::zoom(settings_file, cx, Some(true)),
        Command::ViewZoomOut => settings::zoom(settings_file, cx, Some(false)),
        Command::ViewZoomReset => settings::zoom(settings_file, cx, None),
        Command::ViewThemeLight => settings::set_theme(settings_file, cx, Theme::Light),
        Command::ViewThemeDark => settings::set_theme(settings_file, cx, Theme::Dark),
        Command::ViewThemeSystem => settings::set_theme(settings_file, cx, Theme::System),
        Command::SettingsOpen => tabs::open_settings(model),
        Command::SettingsReset if model.area == Area::Settings => {
            page::reset(&mut model.settings_page, settings_file, cx);
        }
        Command::SettingsReset => tabs::open_settings(model),
        Command::SettingsOpenFile => settings::file::open(files, settings_file, cx),
        Command::PaletteOpen => model.dialog = Some(Dialog::Palette(Picker::default())),
        Command::HistoryOpen => history::open(history, cx),
        Command::AppQuit => app::quit_asked(model),
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests;
