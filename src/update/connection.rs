//! The connections that Tusk knows: saved ones, and those made for this run; each with its link.

pub mod contract;
pub mod dialog;
pub mod discovery;
pub mod form;
pub mod host_key;
pub mod import;
pub mod keychain;
pub mod password;
pub mod reconnecting;
pub mod sandbox;
pub mod saved;

pub use contract::{Effect, Msg, Outcome, PoolStatus, ServerInfo};
pub use dialog::Dialog;

use self::{
    host_key::HostKeyPrompt, keychain::Refusal, password::PasswordPrompt,
    reconnecting::Reconnecting,
};
use super::keeping::{self, SavedConnection};
use crate::{
    base::{
        ids::*,
        secret::{Secret, SecretKind, Secrets},
        stamp::Stamp,
    },
    conninfo::{Config, Defaults},
    failure::{Category, Failure, Want},
    update::cx::Cx,
};

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// Every connection that Tusk knows, by id.
pub type Connections = BTreeMap<ConnectionId, Connection>;

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
    /// Its secrets, for this run only: typed in a URL, or not taken by the keychain.
    pub secrets: Secrets,
    /// Which of them the keychain is being given: an older answer forgets no newer secret.
    pub storing: BTreeMap<SecretKind, Request>,
    /// How full its pool is.
    pub pool: PoolStatus,
    /// Sessions that are on their way back into the pool.
    pub returning: BTreeSet<SessionId>,
    /// Since when its server has said nothing, where it does not answer the watchdog either.
    pub silent_since: Option<Stamp>,
    /// Names of types that are not built in, by oid.
    pub types: BTreeMap<u32, String>,
    /// Questions for such names that are under way, since it is open.
    pub naming: BTreeSet<Request>,
    /// Whether it is wanted again once it has closed.
    pub reopen: bool,
    /// Whether its pool was made for reading alone. The configuration may have changed since.
    pub made_read_only: bool,
}

/// The state of a connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub enum Link {
    /// Nobody asked for it, or it was closed.
    #[default]
    Closed,
    /// The keychain is asked for its password.
    AskingKeychain {
        request: Request,
        since: Stamp,
        /// The secret that is asked for.
        kind: SecretKind,
        /// Those that are asked for after it.
        left: Vec<SecretKind>,
        /// What is known so far.
        secrets: Secrets,
    },
    /// A pool is being made.
    Opening {
        attempt: Request,
        since: Stamp,
        /// The secrets that went along, and those that the keychain shall have afterwards.
        with: Credentials,
    },
    /// Its pool stands.
    Open {
        /// What the server told of itself.
        server: ServerInfo,
    },
    /// Its last link broke, and it is tried again by itself.
    Reconnecting(Reconnecting),
    /// Its pool is being closed.
    Closing,
    /// It could not be opened.
    Failed { failure: Failure },
}

/// What an attempt to connect had with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Credentials {
    pub secrets: Secrets,
    /// Those to store once they proved right.
    pub store: Secrets,
}

impl Connection {
    /// A connection that was not opened yet.
    pub fn new(config: Config, saved: bool) -> Self {
        Self {
            config,
            saved,
            last_used_us: None,
            link: Link::Closed,
            secrets: Secrets::default(),
            storing: BTreeMap::new(),
            pool: PoolStatus::default(),
            returning: BTreeSet::new(),
            silent_since: None,
            types: BTreeMap::new(),
            naming: BTreeSet::new(),
            reopen: false,
            made_read_only: false,
        }
    }

    /// Whether nothing more is written over it: its configuration says so, or its pool was made so.
    pub fn is_read_only(&self) -> bool {
        let stands = matches!(
            self.link,
            Link::Opening { .. } | Link::Open { .. } | Link::Reconnecting(_) | Link::Closing
        );
        self.config.read_only || stands && self.made_read_only
    }

    /// The same name may lead to another database by now, where an oid is another type.
    fn forget_types(&mut self) {
        self.types.clear();
        self.naming.clear();
    }

    /// Whether a pool is being made, the password is being looked for, or a lost connection is tried again.
    pub fn is_opening(&self) -> bool {
        matches!(
            self.link,
            Link::Opening { .. } | Link::AskingKeychain { .. } | Link::Reconnecting(_)
        )
    }

    /// Whether it is between closed and open, in either direction. The pause before a try is only a timer.
    pub fn is_on_its_way(&self) -> bool {
        match &self.link {
            Link::Reconnecting(reconnecting) => reconnecting.is_trying(),
            Link::Closing => true,
            _ => self.is_opening(),
        }
    }

    /// Whether its pool stands.
    pub fn is_open(&self) -> bool {
        matches!(self.link, Link::Open { .. })
    }
}

/// Adds a connection for this run; one with the same configuration is used again.
pub fn add_passing(
    connections: &mut Connections,
    cx: &mut Cx,
    config: Config,
    secrets: Secrets,
) -> ConnectionId {
    let known =
        connections.iter().find(|(_, known)| same_place(&known.config, &config)).map(|(id, _)| *id);
    let id = known.unwrap_or_else(|| ConnectionId::next(&mut cx.ids));
    let connection = connections.entry(id).or_insert_with(|| Connection::new(config, false));
    for (kind, secret) in secrets.iter() {
        connection.secrets.set(kind, Some(secret.clone()));
    }
    id
}

/// Opens a connection that is not open or on its way.
pub fn open(
    connections: &mut Connections,
    defaults: &Defaults,
    dialog: Option<&Dialog>,
    cx: &mut Cx,
    id: ConnectionId,
) {
    let since = cx.now;
    if dialog.is_some_and(|dialog| dialog.asks_trust(id)) {
        return;
    }
    let Some(connection) = connections.get_mut(&id) else {
        return;
    };
    if dialog.is_some_and(|dialog| dialog.asks_password(id)) {
        if !connection.secrets.has(SecretKind::Database) {
            return;
        }
        // What the prompt asks for came another way.
        cx.leave(Outcome::Answered);
    }
    match &connection.link {
        Link::Open { .. } | Link::Opening { .. } | Link::AskingKeychain { .. } => {}
        Link::Reconnecting(_) => reconnecting::try_now(connections, cx, id),
        Link::Closing => {
            connection.reopen = true;
        }
        Link::Closed | Link::Failed { .. } => {
            let secrets = connection.secrets.clone();
            let mut left = connection.config.secrets_used(&defaults.tls_files);
            left.retain(|kind| connection.saved && !secrets.has(*kind));
            connection.link = Link::Closed;
            ask_keychain(connections, defaults, cx, id, since, secrets, left)
        }
    }
}

/// Asks the keychain for the next secret that is not known; when all are, or it has none, tries to connect.
fn ask_keychain(
    connections: &mut Connections,
    defaults: &Defaults,
    cx: &mut Cx,
    id: ConnectionId,
    since: Stamp,
    secrets: Secrets,
    mut left: Vec<SecretKind>,
) {
    if left.is_empty() {
        return attempt(connections, defaults, cx, id, secrets, Secrets::default());
    }
    let kind = left.remove(0);
    let request = cx.request();
    let Some(connection) = connections.get_mut(&id) else {
        return;
    };
    connection.link = Link::AskingKeychain { request, since, kind, left, secrets };
    cx.ask(keychain::Effect::Read { request, connection: id, kind });
}

/// Tries to open a connection with these secrets, and stores afterwards those that shall be stored.
pub fn attempt(
    connections: &mut Connections,
    defaults: &Defaults,
    cx: &mut Cx,
    id: ConnectionId,
    mut secrets: Secrets,
    store: Secrets,
) {
    // A password of the connection's own, typed or kept, comes before the environment's; the runner looks into
    // the password file where there is neither.
    if !secrets.has(SecretKind::Database) {
        secrets.set(SecretKind::Database, defaults.password.clone());
    }
    let Some(connection) = connections.get_mut(&id) else {
        return;
    };
    // At most one attempt is under way for a connection, so that an answer can't be taken for another's.
    if !matches!(connection.link, Link::Closed | Link::Failed { .. }) {
        return;
    }
    let attempt = cx.request();
    let with = Credentials { secrets: secrets.clone(), store };
    connection.link = Link::Opening { attempt, since: cx.now, with };
    connection.made_read_only = connection.config.read_only;
    let config = Box::new(connection.config.clone());
    cx.ask(Effect::Open { connection: id, attempt, config, secrets });
}

/// Closes a connection and every session on it.
pub fn close(connections: &mut Connections, cx: &mut Cx, id: ConnectionId) {
    let Some(connection) = connections.get_mut(&id) else {
        return;
    };
    match &connection.link {
        Link::Opening { attempt, .. } => {
            cx.ask(Effect::Abandon { attempt: *attempt });
        }
        Link::AskingKeychain { .. } | Link::Failed { .. } => {
            // A pool that went may have told its figures once more since.
            connection.pool = PoolStatus::default();
            connection.link = Link::Closed;
            cx.leave(Outcome::GivenUp(id));
        }
        Link::Open { .. } | Link::Reconnecting(_) => {
            let link = std::mem::replace(&mut connection.link, Link::Closing);
            if let Link::Reconnecting(reconnecting) = link {
                reconnecting::let_go(&reconnecting, cx);
            }
            connection.silent_since = None;
            cx.leave(Outcome::Closing(id));
        }
        Link::Closing => {
            connection.reopen = false;
        }
        Link::Closed => {}
    }
}

/// Its sessions have been told to end: its pool closes behind them.
pub fn close_pool(cx: &mut Cx, id: ConnectionId) {
    cx.ask(Effect::Close { connection: id });
}

/// Stops what is under way to open a connection.
pub fn stop_opening(connections: &mut Connections, cx: &mut Cx, id: ConnectionId) {
    match connections.get(&id).map(|known| &known.link) {
        Some(Link::Reconnecting(_)) => reconnecting::stop(connections, cx, id),
        Some(Link::Opening { .. } | Link::AskingKeychain { .. }) => close(connections, cx, id),
        _ => {}
    }
}

/// Closes an open connection, and opens it again as soon as it has closed.
pub fn bounce(connections: &mut Connections, cx: &mut Cx, id: ConnectionId) {
    close(connections, cx, id);
    if let Some(connection) = connections.get_mut(&id) {
        connection.reopen = matches!(connection.link, Link::Closing);
    }
}

/// The user agreed that a saved connection is forgotten. Where a tab uses it, that goes on with it; what is forgotten
/// is how to come back.
pub fn forget(
    connections: &mut Connections,
    defaults: &Defaults,
    cx: &mut Cx,
    id: ConnectionId,
    is_used: bool,
) {
    let Some(known) = connections.get_mut(&id) else {
        return;
    };
    let kinds = known.config.secrets_used(&defaults.tls_files);
    if is_used {
        known.saved = false;
    } else {
        close(connections, cx, id);
        connections.remove(&id);
    }
    let request = cx.request();
    cx.ask(keeping::Effect::DeleteConnection { request, connection: id });
    for kind in kinds {
        let request = cx.request();
        cx.ask(keychain::Effect::Delete { request, connection: id, kind });
    }
}

/// Takes in what the runner reports of connections.
pub fn update(
    connections: &mut Connections,
    defaults: &Defaults,
    dialog: Option<&mut Dialog>,
    cx: &mut Cx,
    msg: Msg,
) {
    match msg {
        Msg::Opened { connection, attempt, server } => {
            opened(connections, cx, connection, attempt, server)
        }
        Msg::OpenFailed { connection, attempt, failure } => {
            open_failed(connections, cx, connection, attempt, failure)
        }
        Msg::Closed { connection } => {
            closed(connections, defaults, dialog.as_deref(), cx, connection)
        }
        Msg::Tested { attempt, result } => {
            if let Some(Dialog::Form(form)) = dialog {
                form.tested(attempt, result);
            }
        }
        Msg::PoolChanged { connection, status } => {
            if let Some(known) = connections.get_mut(&connection)
                && !matches!(known.link, Link::Closed | Link::Failed { .. })
            {
                known.pool = status;
            }
            cx.leave(Outcome::PoolChanged(connection));
        }
        Msg::LinkLost { connection, left: 0, failure } => {
            cx.leave(Outcome::Unlinked { connection, failure });
        }
        Msg::LinkLost { .. } => {}
        Msg::NotAnswering { connection, silent_ms } => {
            let since = cx.now.before_ms(silent_ms);
            if let Some(known) = connections.get_mut(&connection)
                && known.is_open()
            {
                known.silent_since = Some(since);
            }
        }
        Msg::Answering { connection } => {
            if let Some(known) = connections.get_mut(&connection) {
                known.silent_since = None;
            }
        }
        Msg::TypesResolved { request, connection, names } => {
            types_resolved(connections, cx, request, connection, names);
        }
        Msg::HostKeyTrusted { request, result } => {
            if let Some(Dialog::HostKey(prompt)) = dialog {
                host_key::trusted(connections, defaults, cx, prompt, request, result);
            }
        }
    }
}

/// Takes in what the keychain reports.
pub fn update_keychain(
    connections: &mut Connections,
    defaults: &Defaults,
    dialog: Option<&mut Dialog>,
    cx: &mut Cx,
    msg: keychain::Msg,
) {
    match msg {
        keychain::Msg::Read { request, connection: id, kind: answered, result } => {
            if let Some(Dialog::Form(form)) = dialog
                && form.waits_for(request)
            {
                let (secret, usable) = read_secret(cx, result);
                return form::secret_read(defaults, cx, form, request, answered, secret, usable);
            }
            let Some(connection) = connections.get_mut(&id) else {
                return;
            };
            let (since, mut left, mut secrets) = match &connection.link {
                Link::AskingKeychain { request: asked, since, left, secrets, .. }
                    if *asked == request =>
                {
                    (*since, left.clone(), secrets.clone())
                }
                _ => return,
            };
            connection.link = Link::Closed;
            let (secret, usable) = read_secret(cx, result);
            secrets.set(answered, secret);
            if !usable {
                left.clear();
            }
            ask_keychain(connections, defaults, cx, id, since, secrets, left)
        }
        keychain::Msg::Stored { result: Err(Refusal::Unavailable { reason }), .. } => {
            keychain_absent(cx, &reason);
        }
        keychain::Msg::Stored { request, connection, kind, result: Ok(()) } => {
            // The keychain has it now: it need not stay in memory.
            if let Some(known) = connections.get_mut(&connection)
                && known.storing.get(&kind) == Some(&request)
            {
                known.storing.remove(&kind);
                known.secrets.set(kind, None);
            }
        }
        keychain::Msg::Deleted { result: Err(Refusal::Unavailable { reason }), .. } => {
            cx.notify(format!(
                "The password may still be in the keychain, which can't be used: {reason}."
            ));
        }
        keychain::Msg::Stored { .. } | keychain::Msg::Deleted { .. } => {}
    }
}

fn closed(
    connections: &mut Connections,
    defaults: &Defaults,
    dialog: Option<&Dialog>,
    cx: &mut Cx,
    id: ConnectionId,
) {
    let Some(known) = connections.get_mut(&id) else {
        return;
    };
    if !matches!(known.link, Link::Closing) {
        return;
    }
    known.link = Link::Closed;
    known.silent_since = None;
    known.pool = PoolStatus::default();
    if std::mem::take(&mut known.reopen) {
        open(connections, defaults, dialog, cx, id)
    }
    cx.leave(Outcome::Closed);
}

fn opened(
    connections: &mut Connections,
    cx: &mut Cx,
    id: ConnectionId,
    attempt: Request,
    server: ServerInfo,
) {
    let now = cx.now;
    let Some(connection) = connections.get_mut(&id) else {
        // It was deleted meanwhile: its pool must not stay open unseen.
        cx.ask(Effect::Close { connection: id });
        return;
    };
    if connection.tries(attempt) {
        return reopened(connection, cx, id, server);
    }
    let with = match &connection.link {
        Link::Opening { attempt: waiting, with, .. } if *waiting == attempt => with.clone(),
        // There is one attempt at a time: this is an answer that came twice.
        _ => return,
    };
    connection.link = Link::Open { server };
    connection.forget_types();

    connection.last_used_us = Some(now.unix_us);
    connection.saved |= !with.store.is_empty();
    if connection.saved {
        save(connections, cx, id);
    }
    store_secrets(connections, cx, id, &with.store);
    cx.leave(Outcome::Opened(id));
}

/// The server is back: what waited for it goes on. How things in its tabs ended before stays said.
fn reopened(connection: &mut Connection, cx: &mut Cx, id: ConnectionId, server: ServerInfo) {
    connection.link = Link::Open { server };
    connection.forget_types();
    let text = format!("Connected to {} again.", connection.config.label());
    cx.notify(text);
    cx.leave(Outcome::Reopened(id));
}

/// The secret that the attempt failed for, which was wrong or not there. A login that no password helps (peer, a
/// rejecting line of pg_hba.conf, a role that is not there) is refused with 28000 as well, and asks for nothing.
fn wanted_secret(failure: &Failure) -> Option<SecretKind> {
    // In whatever language: the methods that look a password up elsewhere have names that are not translated.
    let looked_up = || {
        let methods = ["LDAP", "PAM", "RADIUS", "BSD"];
        methods.iter().any(|name| failure.message.contains(name))
    };
    match &failure.wants {
        Some(Want::Secret(kind)) => Some(*kind),
        None if failure.is("28P01") || failure.is("28000") && looked_up() => {
            Some(SecretKind::Database)
        }
        _ => None,
    }
}

fn open_failed(
    connections: &mut Connections,
    cx: &mut Cx,
    id: ConnectionId,
    attempt: Request,
    failure: Failure,
) {
    let Some(connection) = connections.get_mut(&id) else {
        return;
    };
    let tried = connection.tries(attempt);
    let with = match &connection.link {
        Link::Opening { attempt: waiting, with, .. } if *waiting == attempt => with.clone(),
        _ if tried => {
            Credentials { secrets: connection.secrets.clone(), store: Secrets::default() }
        }
        _ => return,
    };
    let wanted = wanted_secret(&failure);
    let saved = connection.saved;
    if let Some(kind) = wanted {
        // It is wrong: the next attempt asks the keychain, or the user.
        connection.secrets.set(kind, None);
    } else if tried {
        return reconnecting::failed(connections, cx, id, failure);
    }
    connection.pool = PoolStatus::default();
    connection.link = if failure.category == Category::Cancelled {
        Link::Closed
    } else {
        Link::Failed { failure: failure.clone() }
    };
    cx.leave(Outcome::AttemptFailed { connection: id, failure: failure.clone() });
    // The run that waits for the connection goes on waiting for what the user says.
    let dialog = if let Some(Want::HostKey(key)) = &failure.wants {
        Dialog::HostKey(HostKeyPrompt::new(id, key.clone(), failure.clone(), with))
    } else if let Some(kind) = wanted {
        // That one is needed is said by the question itself; what the server refused is said with it.
        let said = tried || with.secrets.has(kind) || !failure.severity.is_empty();
        let refused = said.then(|| failure.clone());
        let mut prompt = PasswordPrompt::new(id, kind, with.secrets, saved, refused);
        prompt.stored_too = with.store;
        Dialog::Password(prompt)
    } else {
        return cx.leave(Outcome::Failed { connection: id, failure });
    };
    cx.leave(Outcome::Ask { connection: id, dialog: Box::new(dialog), failure, tried });
}

/// The user could not be asked for what an attempt failed for: it has failed.
pub fn not_asked(
    connections: &mut Connections,
    cx: &mut Cx,
    id: ConnectionId,
    failure: Failure,
    tried: bool,
) {
    if tried {
        reconnecting::give_up(connections, cx, id, failure);
    } else {
        cx.leave(Outcome::Failed { connection: id, failure });
    }
}

fn types_resolved(
    connections: &mut Connections,
    cx: &mut Cx,
    request: Request,
    id: ConnectionId,
    names: Vec<(u32, String)>,
) {
    let Some(connection) = connections.get_mut(&id) else {
        return;
    };
    if !connection.naming.remove(&request) {
        // It was asked before the connection was opened again: its oids may be other types by now.
        return;
    }
    connection.types.extend(names);
    cx.leave(Outcome::TypesNamed(id));
}

/// The program ends: no secret stays in the Model. What the driver and the keychain's library copied into their own
/// memory is theirs, and goes with the process.
pub fn forget_secrets(connections: &mut Connections, defaults: &mut Defaults) {
    for known in connections.values_mut() {
        known.secrets = Secrets::default();
        match &mut known.link {
            Link::AskingKeychain { secrets, .. } => *secrets = Secrets::default(),
            Link::Opening { with, .. } => *with = Credentials::default(),
            Link::Closed
            | Link::Open { .. }
            | Link::Reconnecting(_)
            | Link::Closing
            | Link::Failed { .. } => {}
        }
    }
    defaults.password = None;
    for file in &mut defaults.service_files {
        for service in file.services.iter_mut().flatten() {
            service.secrets.clear();
        }
    }
}

/// Keeps a connection.
pub fn save(connections: &Connections, cx: &mut Cx, id: ConnectionId) {
    let request = cx.request();
    let (config, last_used_us) = connections
        .get(&id)
        .map(|known| (known.config.clone(), known.last_used_us))
        .unwrap_or_default();
    let connection = Box::new(SavedConnection { id, config, last_used_us });
    cx.ask(keeping::Effect::SaveConnection { request, connection });
}

/// Puts secrets into the keychain.
pub fn store_secrets(
    connections: &mut Connections,
    cx: &mut Cx,
    id: ConnectionId,
    secrets: &Secrets,
) {
    for (kind, secret) in secrets.iter() {
        let request = cx.request();
        if let Some(known) = connections.get_mut(&id) {
            known.storing.insert(kind, request);
        }
        let password = secret.clone();
        cx.ask(keychain::Effect::Store { request, connection: id, kind, password });
    }
}

/// What the keychain had, and whether it can be used; where it can't, the user is told.
fn read_secret(cx: &mut Cx, result: Result<Secret, Refusal>) -> (Option<Secret>, bool) {
    match result {
        Ok(password) => (Some(password), true),
        Err(Refusal::NotFound) => (None, true),
        Err(Refusal::Unavailable { reason }) => {
            keychain_absent(cx, &reason);
            (None, false)
        }
    }
}

fn keychain_absent(cx: &mut Cx, reason: &str) {
    let failure = Failure::from(&Refusal::Unavailable { reason: reason.to_owned() });
    let next_step = failure.next_step.unwrap_or_default();
    let text = format!("{} {next_step}", failure.message);
    cx.notify(text);
}

/// Whether two configurations lead to the same place as the same user; names, colours and folders don't count.
pub fn same_place(one: &Config, other: &Config) -> bool {
    let plain = |config: &Config| Config {
        name: String::new(),
        colour: Default::default(),
        group: String::new(),
        order: 0,
        ..config.clone()
    };
    plain(one) == plain(other)
}

#[cfg(test)]
mod tests;
