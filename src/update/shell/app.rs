//! The program as a whole: its start, the window's size and colours, and its end.

use super::{
    dialog::{self, Confirm, Dialog},
    leaving, sidebar, sight, tabs, welcome,
};
use crate::{
    base::ids::*,
    conninfo::Defaults,
    model::{Model, Phase},
    settings::Settings,
    update::{
        connection::{self, Connection, discovery, import, saved},
        cx::Cx,
        files::prompt,
        keeping::{self, storage},
        query::{
            editor, file, history,
            messages::{Kind, Message},
            page::Pages,
        },
        schema,
        settings::{self, file as settings_file},
        shell::place::Area,
        window,
    },
};

use serde::{Deserialize, Serialize};

/// So many files are opened at a time.
const DROPPED: usize = 20;

/// What the program around the loop reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// The first message of every run. It seeds the Model's ids.
    Started {
        /// Where the ids come from.
        seed: u64,
        /// The program's version.
        version: String,
        /// Where the program keeps its data.
        data_dir: String,
        /// Where the user's own settings and keys are; empty where they are with the data.
        #[serde(default)]
        config_dir: String,
        /// Whether it runs on macOS, where Cmd takes Ctrl's place.
        macos: bool,
        /// Whether the messages are being recorded.
        recording: bool,
    },
    /// The window got this size, in logical pixels.
    WindowResized { width: u32, height: u32 },
    /// The system's appearance changed, or was first seen.
    AppearanceChanged { dark: bool },
    /// The window became the active one: files may have changed meanwhile.
    WindowActivated,
    /// An area of the window got focus by mouse.
    AreaFocused { area: Area },
    /// Files were dropped on the window.
    FilesDropped { paths: Vec<String> },
    /// The window's close button was pressed.
    CloseRequested,
    /// The system wants the program to end: a signal came, or the user logs out. Nobody is there to answer a question.
    EndRequested,
    /// Something that a person should know happened around the loop (the log, the recording, the data directory).
    Warned { text: String },
    /// The recording ended before the program did.
    RecordingEnded { reason: String },
}

/// Takes in what the program around the loop reports.
pub fn update(model: &mut Model, msg: Msg) {
    match msg {
        Msg::Started { seed, version, data_dir, config_dir, macos, recording } => {
            *model = Model::new(seed, macos, model.cx.now);
            model.version = version;
            model.config_dir = if config_dir.is_empty() { data_dir.clone() } else { config_dir };
            model.data_dir = data_dir;
            model.recording = recording;
            started(model)
        }
        Msg::WindowResized { width, height } => {
            let size = settings::window_size(width, height);
            if model.cx.settings.window == size {
                return;
            }
            model.cx.settings.window = size;
            model.visible_rows = sight::grid_rows(model);
            settings::save_soon(&mut model.settings_file, &mut model.cx)
        }
        Msg::AppearanceChanged { dark } => {
            model.dark_system = dark;
        }
        Msg::WindowActivated => file::check(&mut model.pages, &mut model.cx),
        Msg::AreaFocused { area } => {
            model.focus(area);
        }
        Msg::FilesDropped { paths } => files_dropped(model, paths),
        Msg::CloseRequested => quit_asked(model),
        Msg::EndRequested => quit(model),
        Msg::Warned { text } => {
            model.cx.notify(text);
        }
        Msg::RecordingEnded { reason } => {
            model.recording = false;
            model.cx.notify(format!("The recording ended here: {reason}"));
        }
    }
}

/// Each file is opened in a tab of its own.
fn files_dropped(model: &mut Model, paths: Vec<String>) {
    let left = paths.len().saturating_sub(DROPPED);
    if left > 0 {
        let notice = format!("Only the first {DROPPED} files were opened; {left} were not.");
        model.cx.notify(notice);
    }
    let paths = paths.into_iter().take(DROPPED);
    for path in paths {
        prompt::open_path(&mut model.files, &mut model.cx, path)
    }
}

fn started(model: &mut Model) {
    let load = model.cx.request();
    let find = model.cx.request();
    model.phase = Phase::Loading { request: load };
    let config_dir = model.config_dir.clone();
    let keymap = |directory: &str| format!("{directory}/keymap.json");
    let before = (config_dir != model.data_dir).then(|| keymap(&model.data_dir));
    model.cx.ask(keeping::Effect::Load { request: load });
    model.cx.ask(discovery::Effect::FindServers { request: find });
    settings_file::watch(&mut model.settings_file, &mut model.cx, &config_dir);
    prompt::read_keymap(&mut model.files, &mut model.cx, keymap(&config_dir), before);
}

/// Takes in what the store reports.
pub fn update_store(model: &mut Model, msg: keeping::Msg) {
    match msg {
        keeping::Msg::Loaded { request, kept } => loaded(model, request, *kept),
        keeping::Msg::Wrote { request } => {
            model.writes.remove(&request);
        }
        keeping::Msg::Failed { request, failure } => {
            if !model.writes.remove(&request) {
                return;
            }
            // Edits that are journaled behind lost ones would be of another text: the next one keeps the text whole.
            for tab in &mut model.pages.open {
                tab.editor.journaled = editor::JOURNAL_LIMIT;
            }
            model.cx.notify(format!("Not saved: {}", failure.message));
        }
        keeping::Msg::Held { request, reason } => {
            storage::held(&mut model.storage, &mut model.writes, &mut model.cx, request, reason)
        }
        keeping::Msg::CaughtUp => storage::caught_up(&mut model.storage, &mut model.cx),
        keeping::Msg::Reopened { opened } => {
            let is_ready = model.phase == Phase::Ready;
            let Model { storage, cx, .. } = model;
            storage::reopened(storage, cx, opened, is_ready);
            if is_ready {
                // The other file is given all that there is.
                keep_everything(model);
            }
        }
        keeping::Msg::ConnectionsChanged { changed, deleted } => {
            sidebar::keeping_choices(model, |model| {
                let Model { pages, connections, schemas, .. } = model;
                let is_used = |id| pages.open.iter().any(|page| page.connection == Some(id));
                saved::changed_elsewhere(connections, changed, deleted, is_used);
                schema::forget_unknown(connections, schemas);
            })
        }
        keeping::Msg::DirectoryUsed { request, result } => directory_used(model, request, result),
        keeping::Msg::HistoryFound { request, entries } => {
            let Model { history, dialog, cx, .. } = model;
            let list = match dialog {
                Some(Dialog::Query(dialog)) => Some(dialog),
                _ => None,
            };
            history::found(history, list, cx, request, entries)
        }
    }
}

fn loaded(model: &mut Model, answered: Request, kept: keeping::Kept) {
    if !matches!(model.phase, Phase::Loading { request } if request == answered) {
        return;
    }
    model.phase = Phase::Ready;
    take_kept(model, kept);
    let blank = model.pages.open.iter().all(|tab| tab.editor.buffer.text().is_empty());
    let asked = model.welcome.asked.take();
    let connected = model.pages.active().is_some_and(|tab| {
        tab.connection.is_some_and(|id| {
            model.connections.get(&id).is_some_and(|known| known.is_open() || known.is_opening())
        })
    });
    let starting =
        matches!(model.sandbox, crate::update::connection::sandbox::Sandbox::Starting { .. });
    if let Some(target) = asked {
        welcome::connect(model, *target);
    } else if blank && !connected && !starting {
        model.focus(Area::Welcome);
    }
}

/// Takes what was kept beside what is there.
pub(crate) fn take_kept(model: &mut Model, kept: keeping::Kept) {
    let keeping::Kept {
        opened,
        connections,
        tabs: saved,
        closed,
        history,
        settings: saved_settings,
    } = kept;
    let saved_settings = settings::sane(saved_settings);
    model.cx.settings = Settings {
        window: saved_settings.window,
        sidebar_width: saved_settings.sidebar_width,
        editor_percent: saved_settings.editor_percent,
        ..model.cx.settings.clone()
    };
    model.focus_what_is_shown();
    model.visible_rows = sight::grid_rows(model);
    model.history.recent.extend(history);
    model.history.recent.truncate(history::RECENT);
    for saved in connections {
        let known = model
            .connections
            .entry(saved.id)
            .or_insert_with(|| Connection::new(saved.config, true));
        known.saved = true;
        known.last_used_us = saved.last_used_us;
    }
    let damaged = matches!(opened, keeping::Opened::Fresh { .. });
    storage::came_up(&mut model.storage, &mut model.cx, opened);
    let loss = model.cx.notices.iter().last().filter(|_| damaged);
    let loss = loss.map(|notice| notice.text.clone());
    settings_file::inherit(&mut model.settings_file, &mut model.cx, &saved_settings);
    tabs::restore(model, saved, closed);
    if let Some(text) = loss {
        write_down(&mut model.pages, &mut model.cx, text);
    }
}

/// A notice passes; what was lost, and where the damaged file is, stays in the messages of the page.
pub fn write_down(pages: &mut Pages, cx: &mut Cx, text: String) {
    let at_us = cx.now.unix_us;
    if let Some(page) = pages.active_mut() {
        page.messages.push(Message::new(at_us, Kind::Warning, text, None));
    }
}

/// Keeps all that the Model has: the store begins on another file.
fn keep_everything(model: &mut Model) {
    let Model { tabs, pages, connections, history, settings_file, cx, .. } = model;
    saved::keep_all(connections, cx);
    history::keep_all(history, cx);
    tabs::keep_closed(tabs, cx);
    tabs::keep_all(tabs, pages, cx);
    tabs::save_layout(tabs, pages, cx);
    settings::save(settings_file, cx);
}

/// A typed directory was tried.
pub fn directory_used(
    model: &mut Model,
    request: Request,
    result: Result<Box<keeping::Kept>, String>,
) {
    let Some(Dialog::DataDirectory(prompt)) = &mut model.dialog else {
        return;
    };
    if prompt.trying != Some(request) {
        return;
    }
    prompt.trying = None;
    let directory = prompt.field.string().trim().to_owned();
    let kept = match result {
        Ok(kept) => *kept,
        Err(reason) => {
            prompt.problem = Some(format!("{directory} can't be used either: {reason}."));
            return;
        }
    };
    model.dialog = None;
    if model.config_dir == model.data_dir {
        model.config_dir.clone_from(&directory);
    }
    model.data_dir.clone_from(&directory);
    let text = format!(
        "Tusk keeps its data in {directory} until it ends. Start it with --data-dir {directory} to use it again."
    );
    model.cx.notify(text);
    take_kept(model, kept);
    keep_everything(model);
    let config_dir = model.config_dir.clone();
    if model.settings_file.path != format!("{config_dir}/{}", settings_file::FILE_NAME) {
        settings_file::watch(&mut model.settings_file, &mut model.cx, &config_dir);
    }
    settings_file::configure_log(&model.data_dir, &mut model.cx);
}

/// Takes in which servers there are, and what the environment says.
pub fn update_discovery(model: &mut Model, msg: discovery::Msg) {
    let discovery::Msg::ServersFound { request, servers, environment } = msg;
    if model.phase == Phase::Quitting {
        // What was wiped stays so.
        return;
    }
    // Of two answers the one that was asked for later is newer; an import goes on with the one that it asked for.
    if request >= model.welcome.servers_of {
        model.welcome.servers_of = request;
        let socket = |server: &discovery::LocalServer| (server.directory.clone(), server.port);
        model.defaults = Defaults {
            user: environment.user,
            variables: environment.variables,
            password: environment.password,
            service_files: environment.service_files,
            tls_files: environment.tls_files,
            sockets: servers.iter().map(socket).collect(),
        };
        sidebar::keeping_choices(model, |model| model.welcome.servers = servers);
    }
    import::found(
        &model.connections,
        &model.defaults,
        &mut model.importing,
        &mut model.cx,
        request,
        &environment.passfile,
        &environment.passfile_path,
    )
}

/// The user wants to quit: asked first where something would be lost.
pub fn quit_asked(model: &mut Model) {
    let mut reasons: Vec<String> = model
        .pages
        .open
        .iter()
        .flat_map(|tab| {
            let label = tab.label();
            tab.would_lose_session().into_iter().map(move |reason| format!("{label}: {reason}"))
        })
        .collect();
    reasons.extend(model.jobs.would_lose());
    reasons.extend(storage::would_lose(&model.storage));
    if reasons.is_empty() || matches!(model.dialog, Some(Dialog::Confirm(Confirm::Quit { .. }))) {
        return quit(model);
    }
    if leaving::ask(model, leaving::Scope::Program, &reasons) {
        return;
    }
    dialog::show(model, Dialog::Confirm(Confirm::Quit { reasons }))
}

/// Ends the program: what is typed is kept, and the runner ends what it does.
pub fn quit(model: &mut Model) {
    if model.phase == Phase::Quitting {
        return;
    }
    if model.phase == Phase::Ready {
        let Model { tabs, pages, cx, .. } = model;
        tabs::keep_doubtful(tabs, pages, cx);
        tabs::save_layout(tabs, pages, cx);
    } else {
        // What was kept is not known yet: only what was typed is added to it.
        tabs::keep_written(&model.tabs, &mut model.pages, &mut model.cx)
    }
    history::write(&mut model.history, &mut model.cx);
    if model.settings_file.timer.is_some() {
        settings::save(&mut model.settings_file, &mut model.cx);
    }
    model.phase = Phase::Quitting;
    model.dialog = None;
    connection::forget_secrets(&mut model.connections, &mut model.defaults);
    model.welcome.forget_secrets();
    model.cx.ask(window::Effect::Quit);
}

#[cfg(test)]
mod tests;
