//! The connection dialog: a connection's configuration, field by field; test it, save it, open it.

use super::{Connection, ServerInfo, dialog::Dialog, discovery, keychain, saved};
use crate::{
    base::{
        ids::*,
        secret::{Secret, SecretKind, Secrets},
        text::{Buffer, TextKey},
    },
    conninfo::{Config, Conninfo, Defaults, FieldName, ParseProblem, TlsFiles},
    failure::Failure,
    update::{
        connection::{self, Connections},
        cx::Cx,
        picker,
    },
};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

mod fields;

/// A field of the dialog, in the dialog's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Field {
    /// What the user calls it.
    Name,
    /// Hosts or socket directories.
    Host,
    Port,
    Database,
    /// Role.
    User,
    Password,
    /// Whether the keychain shall have the secrets.
    Store,
    /// Which of several servers is wanted.
    TargetSession,
    ReadOnly,
    /// The folder.
    Group,
    Colour,
    /// Whether there is an SSH tunnel, and how its server knows the user.
    Tunnel,
    /// The SSH server.
    SshHost,
    SshPort,
    /// The user there.
    SshUser,
    /// The private key there.
    SshKey,
    /// The key's passphrase, or the user's password there.
    SshSecret,
    SslMode,
    /// CA file.
    RootCert,
    /// Client certificate.
    Cert,
    /// Client key.
    Key,
    /// The client key's passphrase.
    KeyPassphrase,
    ChannelBinding,
    /// Whether the password may go in the clear.
    Cleartext,
    ConnectTimeout,
    StatementTimeout,
    PoolSize,
    /// How long to wait for a connection of the pool.
    PoolTimeout,
    /// The server's `application_name`.
    ApplicationName,
    /// Start-up options.
    Options,
    /// The password file.
    Passfile,
}

/// A part of the dialog, under a heading of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Where, and as whom.
    Connection,
    /// How Tusk lists it.
    List,
    /// Through which SSH server.
    Tunnel,
    /// How the link is secured.
    Security,
    /// What the sessions are like.
    Session,
}

impl Section {
    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Section::Connection => "Connection",
            Section::List => "In the list",
            Section::Tunnel => "SSH tunnel",
            Section::Security => "Encryption",
            Section::Session => "Sessions",
        }
    }

    /// Whether it stands in the dialog's second column, where there is room for two.
    pub fn is_beside(self) -> bool {
        matches!(self, Section::Security | Section::Session)
    }
}

impl Field {
    /// Every field, in order.
    pub const ALL: [Field; 31] = [
        Field::Name,
        Field::Host,
        Field::Port,
        Field::Database,
        Field::User,
        Field::Password,
        Field::Store,
        Field::TargetSession,
        Field::ReadOnly,
        Field::Group,
        Field::Colour,
        Field::Tunnel,
        Field::SshHost,
        Field::SshPort,
        Field::SshUser,
        Field::SshKey,
        Field::SshSecret,
        Field::SslMode,
        Field::RootCert,
        Field::Cert,
        Field::Key,
        Field::KeyPassphrase,
        Field::ChannelBinding,
        Field::Cleartext,
        Field::ConnectTimeout,
        Field::StatementTimeout,
        Field::PoolSize,
        Field::PoolTimeout,
        Field::ApplicationName,
        Field::Options,
        Field::Passfile,
    ];

    /// The part of the dialog that it belongs to.
    pub fn section(self) -> Section {
        match self {
            Field::Group | Field::Colour => Section::List,
            field if field < Field::Group => Section::Connection,
            field if field < Field::SslMode => Section::Tunnel,
            field if field < Field::ConnectTimeout => Section::Security,
            _ => Section::Session,
        }
    }

    /// Its choices, where it is one of few; none for a text.
    pub fn choices(self) -> &'static [&'static str] {
        match self {
            Field::SslMode => {
                &["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
            }
            Field::Colour => &["green", "red", "amber", "blue", "violet", "grey"],
            Field::Store => &["in the keychain", "not stored"],
            Field::ReadOnly | Field::Cleartext => &["no", "yes"],
            Field::TargetSession => {
                &["any", "read-write", "read-only", "primary", "standby", "prefer-standby"]
            }
            Field::ChannelBinding => &["disable", "prefer", "require"],
            Field::Tunnel => &["none", "agent", "key", "password"],
            _ => &[],
        }
    }

    /// Whether it is one of few.
    pub fn is_choice(self) -> bool {
        !self.choices().is_empty()
    }

    /// Whether a file's path is typed there.
    pub fn is_path(self) -> bool {
        matches!(self, Field::SshKey | Field::RootCert | Field::Cert | Field::Key | Field::Passfile)
    }

    /// Which secret is typed there, if one is.
    pub fn secret(self) -> Option<SecretKind> {
        match self {
            Field::Password => Some(SecretKind::Database),
            Field::SshSecret => Some(SecretKind::Ssh),
            Field::KeyPassphrase => Some(SecretKind::SslKey),
            _ => None,
        }
    }

    /// The field of a part of the configuration.
    fn of(name: FieldName) -> Self {
        match name {
            FieldName::Name => Field::Name,
            FieldName::Group => Field::Group,
            FieldName::Host => Field::Host,
            FieldName::Port => Field::Port,
            FieldName::Database => Field::Database,
            FieldName::User => Field::User,
            FieldName::Password => Field::Password,
            FieldName::SslMode => Field::SslMode,
            FieldName::SslRootCert => Field::RootCert,
            FieldName::SslCert => Field::Cert,
            FieldName::SslKey => Field::Key,
            FieldName::ConnectTimeout => Field::ConnectTimeout,
            FieldName::StatementTimeout => Field::StatementTimeout,
            FieldName::PoolSize => Field::PoolSize,
            FieldName::PoolTimeout => Field::PoolTimeout,
            FieldName::ApplicationName => Field::ApplicationName,
            FieldName::Options => Field::Options,
            FieldName::Passfile => Field::Passfile,
            FieldName::SshHost => Field::SshHost,
            FieldName::SshPort => Field::SshPort,
            FieldName::SshKey => Field::SshKey,
        }
    }
}

/// The dialog.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConnectionForm {
    /// The connection that is edited; none for a new one.
    pub editing: Option<ConnectionId>,
    /// What was typed.
    pub texts: BTreeMap<Field, Buffer>,
    /// What was chosen.
    pub choices: BTreeMap<Field, usize>,
    /// The secrets that were typed, by their fields; an empty one is left as it is.
    pub secrets: BTreeMap<Field, Secret>,
    /// The field that has focus.
    pub focus: Field,
    /// How the last test went.
    pub test: Test,
    /// What is wrong with what was typed, field by field.
    pub problems: Vec<(Field, String)>,
    /// The files for TLS that are used where none is named.
    pub usual: TlsFiles,
    /// The question to the keychain that a test waits for.
    reading: Option<Reading>,
    /// What the fields do not show is kept from here.
    base: Config,
}

/// A question to the keychain, for a test.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Reading {
    attempt: Request,
    secrets: Secrets,
    left: Vec<SecretKind>,
}

/// A test of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub enum Test {
    /// None yet.
    #[default]
    None,
    /// Under way.
    Running {
        attempt: Request,
        since: crate::base::stamp::Stamp,
    },
    Ended(Result<ServerInfo, Failure>),
}

impl ConnectionForm {
    /// The dialog over a configuration.
    pub fn new(editing: Option<ConnectionId>, config: &Config) -> Self {
        let secrets = Field::ALL.into_iter().filter(|field| field.secret().is_some());
        let mut form = Self {
            editing,
            texts: fields::texts(config),
            choices: fields::choices(config),
            secrets: secrets.map(|field| (field, Secret::default())).collect(),
            focus: Field::Name,
            test: Test::None,
            problems: Vec::new(),
            usual: TlsFiles::default(),
            reading: None,
            base: config.clone(),
        };
        form.enter(Field::Name);
        form
    }

    /// Whether a field matters with what is chosen; one that says something is never hidden.
    pub fn shows(&self, field: Field) -> bool {
        let tls = self.choice(Field::SslMode) > 0;
        let tunnel = self.choice(Field::Tunnel);
        let filled = |field| !self.text(field).trim().is_empty();
        match field {
            Field::TargetSession => self.text(Field::Host).contains(',') || self.choice(field) > 0,
            Field::SshHost | Field::SshPort | Field::SshUser => tunnel > 0,
            Field::SshKey => tunnel == TUNNEL_KEY,
            Field::SshSecret => tunnel >= TUNNEL_KEY,
            // The weaker modes look at no certificate of the server's.
            Field::RootCert => self.choice(Field::SslMode) >= VERIFY_CA || filled(field),
            Field::Cert | Field::Key => tls || filled(field),
            Field::KeyPassphrase => {
                filled(Field::Key) || tls && self.usual_file(Field::Key) != NO_FILE
            }
            Field::ChannelBinding => tls,
            Field::Cleartext => self.choice(Field::SslMode) < REQUIRE || self.choice(field) > 0,
            _ => true,
        }
    }

    /// What is used where no file is named.
    pub fn usual_file(&self, field: Field) -> &str {
        let usual = match field {
            Field::RootCert => &self.usual.root_cert,
            Field::Cert => &self.usual.cert,
            Field::Key if !(self.usual.cert.is_empty() && self.text(Field::Cert).is_empty()) => {
                &self.usual.key
            }
            _ => "",
        };
        match self.choice(Field::SslMode) {
            _ if !usual.is_empty() => usual,
            _ if field != Field::RootCert => NO_FILE,
            VERIFY_CA => "the file of the CA to trust",
            mode if mode > VERIFY_CA => "the system's own",
            _ => NO_FILE,
        }
    }

    /// What a person reads before a field.
    pub fn label(&self, field: Field) -> &'static str {
        fields::label(field, self.choice(Field::Tunnel) == TUNNEL_KEY)
    }

    /// What is wrong with a field.
    pub fn problem(&self, field: Field) -> Option<&str> {
        let found = self.problems.iter().find(|(other, _)| *other == field);
        found.map(|(_, sentence)| sentence.as_str())
    }

    pub fn text(&self, field: Field) -> String {
        self.texts.get(&field).map(Buffer::string).unwrap_or_default()
    }

    pub fn choice(&self, field: Field) -> usize {
        self.choices.get(&field).copied().unwrap_or(0)
    }

    /// A text field by its place, for the window; it gets focus.
    pub fn text_mut(&mut self, field: usize) -> Option<&mut Buffer> {
        self.focus_field(field);
        self.texts.get_mut(Field::ALL.get(field)?)
    }

    /// The text field that has focus.
    pub fn focused_mut(&mut self) -> Option<&mut Buffer> {
        self.texts.get_mut(&self.focus)
    }

    /// The secret that has focus.
    pub fn focused_secret_mut(&mut self) -> Option<&mut Secret> {
        self.secrets.get_mut(&self.focus)
    }

    /// The secrets that were typed and matter.
    fn typed(&self) -> Secrets {
        let mut typed = Secrets::default();
        for (field, secret) in &self.secrets {
            if let Some(kind) = field.secret().filter(|_| self.shows(*field) && !secret.is_empty())
            {
                typed.set(kind, Some(secret.clone()));
            }
        }
        typed
    }

    /// Gives a field focus as a key does: its text is selected, so that what is typed takes its place. A path is one to
    /// go on from.
    fn enter(&mut self, field: Field) {
        self.focus = field;
        let key = if field.is_path() { TextKey::TextEnd } else { TextKey::SelectAll };
        if let Some(buffer) = self.texts.get_mut(&field) {
            buffer.key(key, false);
        }
    }

    /// Takes the whole text of a secret's field, which gets focus.
    pub fn set_secret(&mut self, field: usize, secret: Secret) {
        let Some(place) = Field::ALL.get(field).copied().filter(|place| self.shows(*place)) else {
            return;
        };
        if let Some(known) = self.secrets.get_mut(&place) {
            *known = secret;
            self.focus = place;
        }
    }

    /// Gives a field focus, by its place.
    pub fn focus_field(&mut self, field: usize) {
        if let Some(field) = Field::ALL.get(field).filter(|field| self.shows(**field)) {
            self.focus = *field;
        }
    }

    /// Goes to the next or previous field that is shown, around the ends.
    pub fn next(&mut self, forward: bool) {
        let shown: Vec<Field> = Field::ALL.into_iter().filter(|field| self.shows(*field)).collect();
        let place = shown.iter().position(|field| *field == self.focus).unwrap_or(0);
        let count = shown.len();
        self.enter(shown[(place + if forward { 1 } else { count - 1 }) % count]);
    }

    /// Takes the next choice of the field that has focus.
    pub fn toggle(&mut self) {
        let count = self.focus.choices().len();
        if count > 0 {
            let next = (self.choice(self.focus) + 1) % count;
            self.choices.insert(self.focus, next);
        }
    }

    /// Takes a choice.
    pub fn choose(&mut self, field: usize, choice: usize) {
        let Some(field) = Field::ALL.get(field).copied() else {
            return;
        };
        if choice < field.choices().len() {
            self.focus = field;
            self.choices.insert(field, choice);
        }
    }

    /// The configuration that the fields describe; or what is wrong with them, field by field.
    pub fn config(&self) -> Result<Config, Vec<(Field, String)>> {
        let mut problems = Vec::new();
        let config = fields::config(self, &self.base, &mut problems);
        for (name, sentence) in config.problems(&self.usual) {
            let field = Field::of(name);
            if !problems.iter().any(|(other, _)| *other == field) {
                problems.push((field, sentence));
            }
        }
        if problems.is_empty() {
            return Ok(config);
        }
        problems.sort_by_key(|(field, _)| *field);
        Err(problems)
    }

    /// Says what is wrong, and goes to the first field of these.
    fn complain(&mut self, problems: Vec<(Field, String)>) {
        if let Some((field, _)) = problems.first() {
            self.enter(*field);
        }
        self.problems = problems;
    }

    /// Takes the fields from a connection that was pasted. What Tusk alone knows of one stays.
    pub(crate) fn fill(&mut self, conninfo: Conninfo) {
        let Conninfo { config, secrets } = conninfo;
        let config = Config {
            name: self.text(Field::Name),
            group: self.text(Field::Group),
            pool_size: self.base.pool_size,
            pool_timeout_s: self.base.pool_timeout_s,
            ..config
        };
        let kept = [Field::Colour, Field::Store].map(|field| (field, self.choice(field)));
        self.texts = fields::texts(&config);
        self.choices = fields::choices(&config);
        self.choices.extend(kept);
        for (field, secret) in &mut self.secrets {
            let said = field.secret().and_then(|kind| secrets.get(kind));
            *secret = said.cloned().unwrap_or_default();
        }
        self.base = Config {
            name: self.base.name.clone(),
            group: self.base.group.clone(),
            order: self.base.order,
            colour: self.base.colour,
            ..config
        };
        self.problems.clear();
    }

    /// Says why a field can't have what was pasted.
    pub(crate) fn refuse(&mut self, field: usize, problem: String) {
        if let Some(buffer) = self.text_mut(field) {
            buffer.replace_all("");
            self.problems = vec![(self.focus, problem)];
        }
    }

    pub fn tested(&mut self, answered: Request, result: Result<ServerInfo, Failure>) {
        if matches!(self.test, Test::Running { attempt, .. } if attempt == answered) {
            self.test = Test::Ended(result);
        }
    }

    /// The fields that text is typed into, of those that are shown.
    pub fn fields(&self) -> Vec<picker::Field> {
        let shown = Field::ALL.iter().enumerate().filter(|(_, field)| self.shows(**field));
        let typed = shown.filter(|(_, field)| !field.is_choice());
        typed
            .map(|(index, field)| {
                let secret = self.secrets.get(field);
                picker::Field {
                    dialog: "connection",
                    index,
                    text: secret.cloned().unwrap_or_else(|| Secret::new(self.text(*field))),
                    is_masked: secret.is_some(),
                    is_path: field.is_path(),
                }
            })
            .collect()
    }

    pub fn is_testing(&self) -> bool {
        matches!(self.test, Test::Running { .. })
    }

    /// Whether a test waits for this answer of the keychain.
    pub fn waits_for(&self, request: Request) -> bool {
        self.reading.as_ref().is_some_and(|reading| reading.attempt == request)
    }

    /// The dialog goes: a test that is under way is not waited for.
    pub fn abandon(&self, cx: &mut Cx) {
        match self.test {
            Test::Running { attempt, .. } => {
                cx.ask(connection::Effect::Abandon { attempt });
            }
            Test::None | Test::Ended(_) => {}
        }
    }
}

/// The places of the choices that others depend on.
const REQUIRE: usize = 3;
const VERIFY_CA: usize = 4;
const TUNNEL_KEY: usize = 2;
/// That no file is used.
const NO_FILE: &str = "none";

/// What a field says that has a whole connection for its text; nothing where it has what belongs there. A host
/// has no password, and the other fields may hold anything that is no URL and no `password=`.
pub(crate) fn pasted(
    field: usize,
    text: &str,
    defaults: &Defaults,
) -> Option<Result<Box<Conninfo>, String>> {
    let place = *Field::ALL.get(field)?;
    if place.secret().is_some() || place.is_choice() || place == Field::Options {
        return None;
    }
    let may_hold_secret = match place {
        Field::Host => Conninfo::may_hold_secret(text),
        _ => Conninfo::may_hold_secret(text) && Conninfo::is_whole(text),
    };
    if !may_hold_secret {
        return None;
    }
    Some(Config::parse(text, defaults).map(Box::new).map_err(|problem| problem.to_string()))
}

/// What a new connection begins with: what the environment says, and the settings where it says nothing.
fn new_config(defaults: &Defaults, cx: &Cx) -> Config {
    fn or<T: PartialEq>(said: T, usual: &T, setting: T) -> T {
        if said == *usual { setting } else { said }
    }
    let usual = Config::default();
    let setting = cx.settings.new_connections.config();
    let said = defaults.config();
    Config {
        pool_size: or(said.pool_size, &usual.pool_size, setting.pool_size),
        pool_timeout_s: or(said.pool_timeout_s, &usual.pool_timeout_s, setting.pool_timeout_s),
        connect_timeout_s: or(
            said.connect_timeout_s,
            &usual.connect_timeout_s,
            setting.connect_timeout_s,
        ),
        statement_timeout_ms: or(
            said.statement_timeout_ms,
            &usual.statement_timeout_ms,
            setting.statement_timeout_ms,
        ),
        ..said
    }
}

/// Opens the dialog for a new connection, or for one that is known.
pub fn open(
    connections: &Connections,
    defaults: &Defaults,
    cx: &mut Cx,
    editing: Option<ConnectionId>,
) {
    if let (None, Err(problem @ ParseProblem::Elsewhere { .. })) = (editing, defaults.conninfo()) {
        let notice = format!("The environment does not fill this in. {problem}");
        cx.notify(notice);
    }
    let config = match editing.and_then(|id| connections.get(&id)) {
        Some(known) => known.config.clone(),
        None => new_config(defaults, cx),
    };
    let mut form = ConnectionForm::new(editing, &config);
    form.usual.clone_from(&defaults.tls_files);
    cx.leave(connection::Outcome::Show(Box::new(Dialog::Form(Box::new(form)))));
    // What services say may have changed since it was read: the next text that names one shall find it.
    let request = cx.request();
    cx.ask(discovery::Effect::FindServers { request });
}

/// Tries the configuration.
pub fn test(
    connections: &Connections,
    defaults: &Defaults,
    cx: &mut Cx,
    form: &mut ConnectionForm,
) {
    let since = cx.now;
    let config = match form.config() {
        Ok(config) => config,
        Err(problems) => {
            form.complain(problems);
            return;
        }
    };
    form.abandon(cx);
    let attempt = cx.request();
    form.test = Test::Running { attempt, since };
    form.reading = None;
    form.problems.clear();
    let editing = form.editing;
    let known = editing.and_then(|id| connections.get(&id));
    let mut secrets = known.map(|known| known.secrets.clone()).unwrap_or_default();
    for (kind, typed) in form.typed().iter() {
        secrets.set(kind, Some(typed.clone()));
    }
    // What is not typed again is the keychain's.
    let kept = known.is_some_and(|known| known.saved);
    let mut left = config.secrets_used(&defaults.tls_files);
    left.retain(|kind| kept && !secrets.has(*kind));
    test_with(defaults, cx, form, attempt, secrets, left);
}

/// Asks the keychain for what is left to ask for, then tries the configuration.
fn test_with(
    defaults: &Defaults,
    cx: &mut Cx,
    form: &mut ConnectionForm,
    attempt: Request,
    mut secrets: Secrets,
    mut left: Vec<SecretKind>,
) {
    let of_environment = defaults.password.clone();
    if let (Some(connection), false) = (form.editing, left.is_empty()) {
        let kind = left.remove(0);
        form.reading = Some(Reading { attempt, secrets, left });
        let request = attempt;
        cx.ask(keychain::Effect::Read { request, connection, kind });
        return;
    }
    match form.config() {
        Ok(config) => {
            let config = Box::new(config);
            if !secrets.has(SecretKind::Database) {
                secrets.set(SecretKind::Database, of_environment);
            }
            cx.ask(connection::Effect::Test { attempt, config, secrets });
        }
        Err(problems) => {
            form.complain(problems);
            form.test = Test::None;
        }
    }
}

/// The keychain answered: the test goes on with what it had. One that can't be used is not asked again.
pub fn secret_read(
    defaults: &Defaults,
    cx: &mut Cx,
    form: &mut ConnectionForm,
    attempt: Request,
    kind: SecretKind,
    secret: Option<Secret>,
    usable: bool,
) {
    let Some(Reading { mut secrets, left, .. }) = form.reading.take() else {
        return;
    };
    secrets.set(kind, secret);
    let left = if usable { left } else { vec![] };
    test_with(defaults, cx, form, attempt, secrets, left)
}

/// Saves the configuration, and opens it where asked. With a problem the dialog stays and says it.
pub fn accept(
    connections: &mut Connections,
    defaults: &Defaults,
    cx: &mut Cx,
    mut form: Box<ConnectionForm>,
    open: bool,
) -> Option<Box<ConnectionForm>> {
    let mut config = match form.config() {
        Ok(config) => config,
        Err(problems) => {
            form.complain(problems);
            return Some(form);
        }
    };
    form.abandon(cx);
    if form.editing.is_none() || form.base.group != config.group {
        config.order = saved::last_place(connections, &config.group);
    }
    let id = form.editing.unwrap_or_else(|| ConnectionId::next(&mut cx.ids));
    let typed = form.typed();
    forget_unused(connections, defaults, cx, id, &config);
    let known = connections.entry(id).or_insert_with(|| Connection::new(config.clone(), true));
    let moved = known.is_open() && !connection::same_place(&known.config, &config);
    known.config = config;
    known.saved = true;
    for (kind, secret) in typed.iter() {
        known.secrets.set(kind, Some(secret.clone()));
    }
    if form.choice(Field::Store) == 0 {
        connection::store_secrets(connections, cx, id, &typed);
    }
    connection::save(connections, cx, id);
    if moved {
        cx.notify("The change takes effect when you reconnect.");
    }
    if open {
        cx.leave(connection::Outcome::Choose(id));
    }
    None
}

/// Secrets that a changed configuration has no use for any more leave the keychain, and the memory.
fn forget_unused(
    connections: &mut Connections,
    defaults: &Defaults,
    cx: &mut Cx,
    id: ConnectionId,
    config: &Config,
) {
    let usual = &defaults.tls_files;
    let used = config.secrets_used(usual);
    let Some(known) = connections.get_mut(&id).filter(|known| known.saved) else {
        return;
    };
    let mut unused = known.config.secrets_used(usual);
    unused.retain(|kind| !used.contains(kind));
    for kind in &unused {
        known.secrets.set(*kind, None);
    }
    for kind in unused {
        let request = cx.request();
        cx.ask(keychain::Effect::Delete { request, connection: id, kind });
    }
}

#[cfg(test)]
mod tests;
