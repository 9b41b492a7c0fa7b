//! The connections that Tusk knows: saved ones, and those made for this run; each with its link.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    config::Config,
    connection::{Effect, Msg, PoolStatus, ServerInfo},
    dialog::{Dialog, PasswordPrompt},
    failure::{Category, Failure},
    ids::*,
    keychain::{self, Refusal},
    run,
    secret::Secret,
    store::{self, SavedConnection},
    tabs::Ended,
};
use crate::{
    effect::Effect as RootEffect,
    model::{Area, Model},
    msg::Stamp,
};

/// Every connection that Tusk knows, by id.
pub type Connections = BTreeMap<ConnectionId, Connection>;

/// One connection.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Connection {
    /// How to reach it.
    pub config: Config,
    /// Whether it is kept for the next start.
    pub saved: bool,
    /// When it was last opened, in unix microseconds.
    pub last_used_us: Option<i64>,
    /// Whether it is open.
    pub link: Link,
    /// Its password, for this run only: typed in a URL, or not taken by the keychain.
    pub password: Option<Secret>,
    /// How full its pool is.
    pub pool: PoolStatus,
    /// Names of types that are not built in, by oid.
    pub types: BTreeMap<u32, String>,
    /// Whether it is wanted again once it has closed.
    pub reopen: bool,
}

/// The state of a connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub enum Link {
    /// Nobody asked for it, or it was closed.
    #[default]
    Closed,
    /// The keychain is asked for its password.
    AskingKeychain {
        /// The request.
        request: Request,
        /// Since when.
        since: Stamp,
    },
    /// A pool is being made.
    Opening {
        /// The attempt.
        attempt: Request,
        /// Since when.
        since: Stamp,
        /// Whether a password went along, and whether the keychain shall have it afterwards.
        with: Credentials,
    },
    /// Its pool stands.
    Open {
        /// What the server told of itself.
        server: ServerInfo,
    },
    /// Its pool is being closed.
    Closing,
    /// It could not be opened.
    Failed {
        /// Why.
        failure: Failure,
    },
}

/// What an attempt to connect had with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Credentials {
    /// Whether there was a password.
    pub password: bool,
    /// The password to store once the server took it.
    pub store: Option<Secret>,
}

impl Connection {
    /// A connection that was not opened yet.
    pub fn new(config: Config, saved: bool) -> Self {
        Self {
            config,
            saved,
            last_used_us: None,
            link: Link::Closed,
            password: None,
            pool: PoolStatus::default(),
            types: BTreeMap::new(),
            reopen: false,
        }
    }

    /// Whether a pool is being made, or the password is being looked for.
    pub fn is_opening(&self) -> bool {
        matches!(
            self.link,
            Link::Opening { .. } | Link::AskingKeychain { .. }
        )
    }

    /// Whether it is between closed and open, in either direction.
    pub fn is_on_its_way(&self) -> bool {
        self.is_opening() || matches!(self.link, Link::Closing)
    }

    /// Whether its pool stands.
    pub fn is_open(&self) -> bool {
        matches!(self.link, Link::Open { .. })
    }
}

/// Adds a connection for this run; one with the same configuration is used again.
pub fn add_passing(model: &mut Model, config: Config, password: Option<Secret>) -> ConnectionId {
    let known = model
        .connections
        .iter()
        .find(|(_, known)| same_place(&known.config, &config))
        .map(|(id, _)| *id);
    let id = known.unwrap_or_else(|| ConnectionId::next(&mut model.ids));
    super::sidebar::keeping_choices(model, |model| {
        let connection = model
            .connections
            .entry(id)
            .or_insert_with(|| Connection::new(config, false));
        if password.is_some() {
            connection.password = password;
        }
    });
    id
}

/// Makes the active tab use a connection, and opens it where it is not open.
pub fn choose(model: &mut Model, id: ConnectionId) -> Vec<RootEffect> {
    let mut effects = make_room(model, id);
    effects.extend(run::leave_connection(model, model.tabs.active, id));
    let open_already = model.connections.get(&id).is_some_and(Connection::is_open);
    if let Some(tab) = model.tabs.active_mut() {
        tab.connection = Some(id);
        tab.waits_for_sandbox = false;
        if open_already {
            tab.ended = Some(Ended::Well);
        }
    }
    model.focus(Area::Editor);
    effects.extend(open(model, id));
    effects
}

/// A tab whose session would lose something stays where it is: the other connection gets a tab of its own.
fn make_room(model: &mut Model, id: ConnectionId) -> Vec<RootEffect> {
    let stays = model.tabs.active().is_some_and(|tab| {
        tab.connection.is_some_and(|known| known != id) && !tab.would_lose_session().is_empty()
    });
    if !stays {
        return vec![];
    }
    model.notices.push(
        model.now,
        "The other tab keeps its session, because something is open in it.".into(),
    );
    super::tabs::open_new(model)
}

/// Opens a connection that is not open or on its way.
pub fn open(model: &mut Model, id: ConnectionId) -> Vec<RootEffect> {
    let since = model.now;
    let asked = model.dialog_asks_password(id);
    let Some(connection) = model.connections.get_mut(&id) else {
        return vec![];
    };
    if asked && connection.password.is_none() {
        return vec![];
    }
    if asked {
        // What the prompt asks for came another way.
        model.dialog = None;
    }
    match &connection.link {
        Link::Open { .. } | Link::Opening { .. } | Link::AskingKeychain { .. } => vec![],
        Link::Closing => {
            connection.reopen = true;
            vec![]
        }
        Link::Closed | Link::Failed { .. } if connection.saved && connection.password.is_none() => {
            let request = model.ids.request();
            connection.link = Link::AskingKeychain { request, since };
            vec![
                keychain::Effect::Read {
                    request,
                    connection: id,
                }
                .into(),
            ]
        }
        Link::Closed | Link::Failed { .. } => {
            let password = connection.password.clone();
            attempt(model, id, password, None)
        }
    }
}

/// Tries to open a connection with this password, and stores it afterwards where asked.
pub fn attempt(
    model: &mut Model,
    id: ConnectionId,
    password: Option<Secret>,
    store: Option<Secret>,
) -> Vec<RootEffect> {
    let Some(connection) = model.connections.get_mut(&id) else {
        return vec![];
    };
    // At most one attempt is under way for a connection, so that an answer can't be taken for another's.
    if !matches!(connection.link, Link::Closed | Link::Failed { .. }) {
        return vec![];
    }
    let attempt = model.ids.request();
    let with = Credentials {
        password: password.is_some(),
        store,
    };
    connection.link = Link::Opening {
        attempt,
        since: model.now,
        with,
    };
    let config = Box::new(connection.config.clone());
    vec![
        Effect::Open {
            connection: id,
            attempt,
            config,
            password,
        }
        .into(),
    ]
}

/// Closes a connection and every session on it.
pub fn close(model: &mut Model, id: ConnectionId) -> Vec<RootEffect> {
    let Some(connection) = model.connections.get_mut(&id) else {
        return vec![];
    };
    match &connection.link {
        Link::Opening { attempt, .. } => vec![Effect::Abandon { attempt: *attempt }.into()],
        Link::AskingKeychain { .. } | Link::Failed { .. } => {
            connection.link = Link::Closed;
            run::connection_closed(model, id)
        }
        Link::Open { .. } => {
            connection.link = Link::Closing;
            let mut effects = run::connection_closed(model, id);
            effects.push(Effect::Close { connection: id }.into());
            effects
        }
        Link::Closing => {
            connection.reopen = false;
            vec![]
        }
        Link::Closed => vec![],
    }
}

/// Closes an open connection, and opens it again as soon as it has closed.
pub fn bounce(model: &mut Model, id: ConnectionId) -> Vec<RootEffect> {
    let effects = close(model, id);
    if let Some(connection) = model.connections.get_mut(&id) {
        connection.reopen = matches!(connection.link, Link::Closing);
    }
    effects
}

/// Takes in what the runner reports of connections.
pub fn update(model: &mut Model, msg: Msg) -> Vec<RootEffect> {
    match msg {
        Msg::Opened {
            connection,
            attempt,
            server,
        } => opened(model, connection, attempt, server),
        Msg::OpenFailed {
            connection,
            attempt,
            failure,
        } => open_failed(model, connection, attempt, failure),
        Msg::Closed { connection } => closed(model, connection),
        Msg::Tested { attempt, result } => {
            if let Some(Dialog::Connection(form)) = &mut model.dialog {
                form.tested(attempt, result);
            }
            vec![]
        }
        Msg::PoolChanged { connection, status } => {
            if let Some(known) = model.connections.get_mut(&connection) {
                known.pool = status;
            }
            vec![]
        }
        Msg::TypesResolved {
            connection, names, ..
        } => {
            types_resolved(model, connection, names);
            vec![]
        }
    }
}

/// Takes in what the keychain reports.
pub fn update_keychain(model: &mut Model, msg: keychain::Msg) -> Vec<RootEffect> {
    match msg {
        keychain::Msg::Read {
            request,
            connection: id,
            result,
        } => {
            if super::form::waits_for(model, request) {
                let password = read_password(model, result);
                return super::form::password_read(model, request, password);
            }
            let Some(connection) = model.connections.get_mut(&id) else {
                return vec![];
            };
            if !matches!(connection.link, Link::AskingKeychain { request: asked, .. } if asked == request)
            {
                return vec![];
            }
            connection.link = Link::Closed;
            let password = read_password(model, result);
            attempt(model, id, password, None)
        }
        keychain::Msg::Stored {
            result: Err(Refusal::Unavailable { reason }),
            ..
        } => {
            keychain_absent(model, &reason);
            vec![]
        }
        keychain::Msg::Stored {
            connection,
            result: Ok(()),
            ..
        } => {
            // The keychain has it now: it need not stay in memory.
            if let Some(known) = model.connections.get_mut(&connection) {
                known.password = None;
            }
            vec![]
        }
        keychain::Msg::Deleted {
            result: Err(Refusal::Unavailable { reason }),
            ..
        } => {
            model.notices.push(
                model.now,
                format!(
                    "The password may still be in the keychain, which can't be used: {reason}."
                ),
            );
            vec![]
        }
        keychain::Msg::Stored { .. } | keychain::Msg::Deleted { .. } => vec![],
    }
}

fn closed(model: &mut Model, id: ConnectionId) -> Vec<RootEffect> {
    let Some(known) = model.connections.get_mut(&id) else {
        return vec![];
    };
    if !matches!(known.link, Link::Closing) {
        return vec![];
    }
    known.link = Link::Closed;
    known.pool = PoolStatus::default();
    let mut effects = if std::mem::take(&mut known.reopen) {
        open(model, id)
    } else {
        vec![]
    };
    effects.extend(run::pump_all(model));
    effects
}

fn opened(
    model: &mut Model,
    id: ConnectionId,
    attempt: Request,
    server: ServerInfo,
) -> Vec<RootEffect> {
    let now = model.now;
    let Some(connection) = model.connections.get_mut(&id) else {
        // It was deleted meanwhile: its pool must not stay open unseen.
        return vec![Effect::Close { connection: id }.into()];
    };
    let with = match &connection.link {
        Link::Opening {
            attempt: waiting,
            with,
            ..
        } if *waiting == attempt => with.clone(),
        // There is one attempt at a time: this is an answer that came twice.
        _ => return vec![],
    };
    connection.link = Link::Open { server };
    // The same name may lead to another database by now, where an oid is another type.
    connection.types.clear();
    let mut effects = vec![];
    super::sidebar::keeping_choices(model, |model| {
        if let Some(connection) = model.connections.get_mut(&id) {
            connection.last_used_us = Some(now.unix_us);
        }
    });
    let Some(connection) = model.connections.get(&id) else {
        return effects;
    };
    if connection.saved {
        effects.push(save(model, id));
    }
    if let Some(password) = with.store {
        let request = model.ids.request();
        effects.push(
            keychain::Effect::Store {
                request,
                connection: id,
                password,
            }
            .into(),
        );
    }
    for tab in model
        .tabs
        .open
        .iter_mut()
        .filter(|tab| tab.connection == Some(id))
    {
        tab.ended = Some(Ended::Well);
    }
    effects.extend(run::pump_all(model));
    effects
}

fn open_failed(
    model: &mut Model,
    id: ConnectionId,
    attempt: Request,
    failure: Failure,
) -> Vec<RootEffect> {
    let Some(connection) = model.connections.get_mut(&id) else {
        return vec![];
    };
    let with = match &connection.link {
        Link::Opening {
            attempt: waiting,
            with,
            ..
        } if *waiting == attempt => with.clone(),
        _ => return vec![],
    };
    if failure.is("28P01") {
        // It is wrong: the next attempt asks the keychain, or the user.
        connection.password = None;
    }
    connection.link = if failure.category == Category::Cancelled {
        Link::Closed
    } else {
        Link::Failed {
            failure: failure.clone(),
        }
    };
    let ended = Ended::Badly {
        sqlstate: failure.sqlstate.clone(),
        message: failure.message.clone(),
    };
    for tab in model
        .tabs
        .open
        .iter_mut()
        .filter(|tab| tab.connection == Some(id))
    {
        tab.ended = Some(ended.clone());
    }
    let asks =
        failure.is("28P01") || (failure.category == Category::Authentication && !with.password);
    if asks && model.dialog.is_none() {
        // The run that waits for the connection goes on waiting: the password is what it needs.
        model.dialog = Some(Dialog::Password(PasswordPrompt::new(
            id,
            with.password.then_some(failure),
        )));
        return vec![];
    }
    run::connection_failed(model, id, failure)
}

fn types_resolved(model: &mut Model, id: ConnectionId, names: Vec<(u32, String)>) {
    let Some(connection) = model.connections.get_mut(&id) else {
        return;
    };
    connection.types.extend(names);
    let types = &connection.types;
    for tab in model
        .tabs
        .open
        .iter_mut()
        .filter(|tab| tab.connection == Some(id))
    {
        for result in &mut tab.results.list {
            result
                .rows
                .name_types(|column| types.get(&column.type_oid).cloned());
        }
    }
}

/// The effect that keeps a connection.
pub fn save(model: &mut Model, id: ConnectionId) -> RootEffect {
    let request = model.ids.request();
    let (config, last_used_us) = model
        .connections
        .get(&id)
        .map(|known| (known.config.clone(), known.last_used_us))
        .unwrap_or_default();
    let connection = Box::new(SavedConnection {
        id,
        config,
        last_used_us,
    });
    store::Effect::SaveConnection {
        request,
        connection,
    }
    .into()
}

/// What the keychain had; where it can't be used, the user is told.
fn read_password(model: &mut Model, result: Result<Secret, Refusal>) -> Option<Secret> {
    match result {
        Ok(password) => Some(password),
        Err(Refusal::NotFound) => None,
        Err(Refusal::Unavailable { reason }) => {
            keychain_absent(model, &reason);
            None
        }
    }
}

fn keychain_absent(model: &mut Model, reason: &str) {
    model.notices.push(
        model.now,
        format!(
            "The keychain can't be used ({reason}). Passwords are kept in memory until Tusk exits."
        ),
    );
}

/// Whether two configurations lead to the same place as the same user; names and colours don't count.
fn same_place(one: &Config, other: &Config) -> bool {
    let plain = |config: &Config| Config {
        name: String::new(),
        colour: Default::default(),
        group: String::new(),
        ..config.clone()
    };
    plain(one) == plain(other)
}

#[cfg(test)]
mod tests;
