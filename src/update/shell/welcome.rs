//! The welcome screen: saved connections, servers on this machine, the sandbox, and a field for a URL.

use super::{command::Command, dialog, sidebar, tabs};
use crate::{
    base::{
        ids::*,
        secret::{Secret, Secrets},
        text::TextKey,
    },
    conninfo::{Config, Conninfo, Defaults, Endpoint},
    failure::{Category, Failure},
    model::{Model, Phase},
    update::{
        connection::{self, discovery::LocalServer, form, sandbox},
        shell::place::Area,
    },
};
use serde::{Deserialize, Serialize};

/// The welcome screen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Welcome {
    /// Whether it is on screen.
    pub shown: bool,
    /// Whether Enter means what is in the field, or the row that is chosen. What is typed goes into the field either way.
    pub in_field: bool,
    /// The row that is chosen.
    pub selected: usize,
    /// What is in the field. It may hold a password, so nothing but the field prints it.
    pub typed: Secret,
    /// What is in the field, with a password masked.
    pub masked: String,
    /// What the field means.
    pub parsed: Option<Result<Conninfo, String>>,
    /// Servers found on this machine.
    pub servers: Vec<LocalServer>,
    /// The request that found them: an older one's answer tells nothing.
    pub servers_of: Request,
    /// What was asked for before it was known what was kept: it is connected to then.
    pub asked: Option<Box<Target>>,
}

impl Default for Welcome {
    fn default() -> Self {
        Self {
            shown: false,
            in_field: true,
            selected: 0,
            typed: Secret::default(),
            masked: String::new(),
            parsed: None,
            servers: vec![],
            servers_of: Request::default(),
            asked: None,
        }
    }
}

impl Welcome {
    /// The program ends: no secret stays in the Model.
    pub fn forget_secrets(&mut self) {
        self.typed = Secret::default();
        self.parsed = None;
        self.asked = None;
    }

    /// Whether the row that is chosen is what Enter means: an empty field means nothing.
    pub fn means_row(&self) -> bool {
        !self.in_field || self.typed.reveal().trim().is_empty()
    }
}

/// A row of the list.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    Saved(ConnectionId),
    /// A server on this machine.
    Local(LocalServer),
    Sandbox,
}

/// What the window reports of the welcome screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// The field changed; made by [`edited`], which reads the text, so that no message holds a password.
    Edited {
        /// The text.
        typed: Secret,
        /// The text with a password masked.
        masked: String,
        /// What it means.
        parsed: Option<Result<Conninfo, String>>,
    },
    /// The field was pressed, or the list beside its rows.
    Focused {
        in_field: bool,
    },
    RowClicked {
        row: usize,
    },
    /// A connection was asked for by name or by what a URL says: a story, or the command line.
    Asked {
        /// What to connect to.
        target: Box<Target>,
    },
}

/// What to connect to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Target {
    /// A saved connection, by name.
    Named(String),
    /// What a URL or a `key=value` string says.
    Conninfo(Conninfo),
    Sandbox,
}

/// The message for a changed field.
pub fn edited(text: &str, defaults: &Defaults) -> Msg {
    let trimmed = text.trim();
    let parsed = (!trimmed.is_empty())
        .then(|| Config::parse(trimmed, defaults).map_err(|problem| problem.to_string()));
    Msg::Edited { typed: Secret::new(text), masked: Conninfo::masked(text), parsed }
}

/// The rows of the list, in order.
pub fn rows(model: &Model) -> Vec<Row> {
    let mut saved: Vec<_> = model.connections.iter().filter(|(_, known)| known.saved).collect();
    // Those in no folder first, then folder by folder, as in the sidebar; the ones used last lead.
    saved.sort_by_key(|(_, known)| {
        let used = std::cmp::Reverse(known.last_used_us);
        let Config { group, order, .. } = &known.config;
        (group.clone(), used, *order, known.config.label())
    });
    let mut rows: Vec<Row> = saved.into_iter().map(|(id, _)| Row::Saved(*id)).collect();
    rows.extend(model.welcome.servers.iter().cloned().map(Row::Local));
    rows.push(Row::Sandbox);
    rows
}

/// Shows the screen.
pub fn show(model: &mut Model) {
    model.welcome.in_field = true;
    model.welcome.selected = 0;
    model.focus(Area::Welcome);
    let request = model.cx.request();
    model.cx.ask(crate::update::connection::discovery::Effect::FindServers { request });
}

/// Takes in what the window reports.
pub fn update(model: &mut Model, msg: Msg) {
    match msg {
        Msg::Edited { typed, masked, parsed } => {
            model.welcome.typed = typed;
            model.welcome.masked = masked;
            model.welcome.parsed = parsed;
            model.welcome.in_field = true;
        }
        Msg::Focused { in_field } => {
            model.welcome.in_field = in_field;
            if model.welcome.shown {
                model.focus(Area::Welcome);
            }
        }
        Msg::RowClicked { row } => {
            model.welcome.in_field = false;
            model.welcome.selected = row.min(rows(model).len().saturating_sub(1));
            accept(model)
        }
        Msg::Asked { target } if matches!(model.phase, Phase::Loading { .. }) => {
            model.welcome.asked = Some(target);
        }
        Msg::Asked { target } => connect(model, *target),
    }
}

/// Connects the active tab.
pub fn connect(model: &mut Model, target: Target) {
    match target {
        Target::Sandbox => {
            start_sandbox(model);
        }
        Target::Conninfo(Conninfo { config, secrets }) => {
            let id = sidebar::keeping_choices(model, |model| {
                connection::add_passing(&mut model.connections, &mut model.cx, config, secrets)
            });
            tabs::connect(model, id)
        }
        Target::Named(name) => {
            let known = model
                .connections
                .iter()
                .find(|(_, known)| known.saved && known.config.name == name);
            match known.map(|(id, _)| *id) {
                Some(id) => tabs::connect(model, id),
                None => {
                    let message = format!("There is no saved connection called “{name}”.");
                    if let Some(tab) = model.pages.active_mut() {
                        let failure = Failure::new(Category::Connection, message.as_str())
                            .with_next_step("Check the name, or connect by URL.");
                        tab.ended = Some(crate::update::query::page::Ended::Badly {
                            failure: Box::new(failure),
                        });
                    }
                    model.cx.notify(message);
                }
            }
        }
    }
}

/// Connects the active tab to the sandbox, as soon as that runs: the tab that asked gets it, whichever is on screen by
/// then.
pub fn start_sandbox(model: &mut Model) {
    tabs::need_query(model);
    let Model { pages, sandbox, data_dir, cx, .. } = model;
    if !matches!(sandbox, sandbox::Sandbox::Running { .. })
        && let Some(page) = pages.active_mut()
    {
        page.waits_for_sandbox = true;
    }
    sandbox::start(sandbox, cx, data_dir);
}

/// A command that is meant for the screen.
pub fn command(model: &mut Model, command: Command) -> bool {
    let last = rows(model).len().saturating_sub(1);
    let welcome = &mut model.welcome;
    match command {
        Command::ListUp if welcome.selected == 0 => welcome.in_field = true,
        Command::ListUp => go(welcome, welcome.selected.saturating_sub(1).min(last)),
        // The first step from a text goes to the row that was chosen; an empty field means that row already.
        Command::ListDown if !welcome.means_row() => go(welcome, welcome.selected.min(last)),
        Command::ListDown => go(welcome, (welcome.selected + 1).min(last)),
        Command::ListFirst => go(welcome, 0),
        Command::ListLast => go(welcome, last),
        Command::DialogNext | Command::DialogPrevious => welcome.in_field = !welcome.in_field,
        Command::DialogAccept => accept(model),
        Command::DialogCancel => model.focus(Area::Editor),
        Command::WelcomeSandbox => {
            start_sandbox(model);
        }
        Command::WelcomeLocal => {
            let local = rows(model).iter().position(|row| matches!(row, Row::Local(_)));
            if let Some(row) = local {
                model.welcome.selected = row;
                accept(model)
            }
        }
        _ => return false,
    }
    true
}

fn go(welcome: &mut Welcome, row: usize) {
    welcome.in_field = false;
    welcome.selected = row;
}

fn accept(model: &mut Model) {
    if !model.welcome.means_row() {
        let parsed = model.welcome.parsed.clone();
        return match parsed {
            Some(Ok(conninfo)) => {
                model.welcome.typed = Secret::default();
                model.welcome.masked = String::new();
                model.welcome.parsed = None;
                connect(model, Target::Conninfo(conninfo))
            }
            Some(Err(problem)) => {
                model.cx.notify(problem);
            }
            None => {}
        };
    }
    match rows(model).get(model.welcome.selected) {
        Some(Row::Saved(id)) => tabs::connect(model, *id),
        Some(Row::Local(server)) => {
            let config = local_config(server, &model.defaults);
            let id = sidebar::keeping_choices(model, |model| {
                connection::add_passing(
                    &mut model.connections,
                    &mut model.cx,
                    config,
                    Secrets::default(),
                )
            });
            tabs::connect(model, id)
        }
        Some(Row::Sandbox) => {
            start_sandbox(model);
        }
        None => {}
    }
}

fn local_config(server: &LocalServer, defaults: &Defaults) -> Config {
    let mut config = defaults.config();
    config.set_endpoints(vec![Endpoint {
        host: server.directory.clone(),
        port: server.port,
        hostaddr: String::new(),
    }]);
    config
}

/// Text typed without a window into the field.
pub fn typed(model: &mut Model, text: &str) {
    let whole = Secret::new(format!("{}{text}", model.welcome.typed.reveal()));
    let msg = edited(whole.reveal(), &model.defaults);
    update(model, msg)
}

/// A key that edits the field, without a window: backspace takes a character, everything else leaves it.
pub fn key(model: &mut Model, key: TextKey) {
    if key != TextKey::Backspace {
        return;
    }
    let mut whole = model.welcome.typed.reveal().to_owned();
    whole.pop();
    let msg = edited(&whole, &model.defaults);
    update(model, msg)
}

/// The saved connection that is chosen, for editing and deleting.
pub fn chosen(model: &Model) -> Option<ConnectionId> {
    match rows(model).get(model.welcome.selected) {
        Some(Row::Saved(id)) => Some(*id),
        _ => None,
    }
}

/// Asks before a saved connection is forgotten.
pub fn delete(model: &mut Model, connection: Option<ConnectionId>) {
    let saved = connection.filter(|id| model.connections.get(id).is_some_and(|known| known.saved));
    let Some(connection) = saved else {
        model.cx.notify("There is no saved connection here to delete.");
        return;
    };
    let confirm = connection::Dialog::Delete { connection };
    dialog::show(model, dialog::Dialog::Connection(confirm))
}

/// Opens the dialog over a connection.
pub fn edit(model: &mut Model, connection: Option<ConnectionId>) {
    if let Some(connection) = connection {
        form::open(&model.connections, &model.defaults, &mut model.cx, Some(connection))
    }
}

#[cfg(test)]
mod tests;
