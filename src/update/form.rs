//! The connection dialog: a connection's configuration, field by field; test it, save it, open it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    config::{Colour, Config, SslMode},
    connection::{self, ServerInfo},
    connections::{self, Connection},
    dialog::{self, Dialog},
    failure::Failure,
    ids::*,
    keychain,
    secret::{Secret, SecretKind, Secrets},
    text::Buffer,
};
use crate::{effect::Effect as RootEffect, model::Model};

/// A field of the dialog, in the dialog's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Field {
    /// What the user calls it.
    Name,
    /// Host or socket directory.
    Host,
    /// Port.
    Port,
    /// Database.
    Database,
    /// Role.
    User,
    /// Password.
    Password,
    /// Whether the keychain shall have the password.
    Store,
    /// SSL mode.
    SslMode,
    /// CA file.
    RootCert,
    /// Client certificate.
    Cert,
    /// Client key.
    Key,
    /// Colour.
    Colour,
    /// Read-only.
    ReadOnly,
}

impl Field {
    /// Every field, in order.
    pub const ALL: [Field; 13] = [
        Field::Name,
        Field::Host,
        Field::Port,
        Field::Database,
        Field::User,
        Field::Password,
        Field::Store,
        Field::SslMode,
        Field::RootCert,
        Field::Cert,
        Field::Key,
        Field::Colour,
        Field::ReadOnly,
    ];

    /// What a person reads before it.
    pub fn label(self) -> &'static str {
        match self {
            Field::Name => "Name",
            Field::Host => "Host",
            Field::Port => "Port",
            Field::Database => "Database",
            Field::User => "User",
            Field::Password => "Password",
            Field::Store => "Store password",
            Field::SslMode => "SSL mode",
            Field::RootCert => "CA file",
            Field::Cert => "Client certificate",
            Field::Key => "Client key",
            Field::Colour => "Colour",
            Field::ReadOnly => "Read-only",
        }
    }

    /// Its choices, where it is one of few; none for a text.
    pub fn choices(self) -> &'static [&'static str] {
        match self {
            Field::SslMode => &[
                "disable",
                "allow",
                "prefer",
                "require",
                "verify-ca",
                "verify-full",
            ],
            Field::Colour => &["green", "red", "amber", "blue", "violet", "grey"],
            Field::Store => &["in the keychain", "not stored"],
            Field::ReadOnly => &["no", "yes"],
            _ => &[],
        }
    }

    /// Whether it is one of few.
    pub fn is_choice(self) -> bool {
        !self.choices().is_empty()
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
    /// The password; empty where it is left as it is.
    pub password: Secret,
    /// The field that has focus.
    pub focus: Field,
    /// How the last test went.
    pub test: Test,
    /// What is wrong with what was typed.
    pub problem: Option<String>,
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
        /// The attempt.
        attempt: Request,
        /// Since when.
        since: crate::msg::Stamp,
    },
    /// It ended.
    Ended(Result<ServerInfo, Failure>),
}

impl ConnectionForm {
    /// The dialog over a configuration.
    pub fn new(editing: Option<ConnectionId>, config: &Config) -> Self {
        let text = |text: &str| Buffer::new(text);
        let texts = BTreeMap::from([
            (Field::Name, text(&config.name)),
            (Field::Host, text(&config.host)),
            (Field::Port, text(&config.port.to_string())),
            (Field::Database, text(&config.database)),
            (Field::User, text(&config.user)),
            (Field::RootCert, text(&config.ssl_root_cert)),
            (Field::Cert, text(&config.ssl_cert)),
            (Field::Key, text(&config.ssl_key)),
        ]);
        let choices = BTreeMap::from([
            (
                Field::SslMode,
                SSL_MODES
                    .iter()
                    .position(|mode| *mode == config.ssl_mode)
                    .unwrap_or(0),
            ),
            (
                Field::Colour,
                COLOURS
                    .iter()
                    .position(|colour| *colour == config.colour)
                    .unwrap_or(0),
            ),
            (Field::ReadOnly, usize::from(config.read_only)),
            (Field::Store, 0),
        ]);
        Self {
            editing,
            texts,
            choices,
            password: Secret::default(),
            focus: Field::Name,
            test: Test::None,
            problem: None,
            reading: None,
            base: config.clone(),
        }
    }

    /// The text of a field.
    pub fn text(&self, field: Field) -> String {
        self.texts
            .get(&field)
            .map(Buffer::string)
            .unwrap_or_default()
    }

    /// The choice of a field.
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

    /// The password, where it has focus.
    pub fn focused_secret_mut(&mut self) -> Option<&mut Secret> {
        (self.focus == Field::Password).then_some(&mut self.password)
    }

    /// The secrets that were typed.
    fn typed(&self) -> Secrets {
        let typed = (!self.password.is_empty()).then(|| self.password.clone());
        Secrets::with_password(typed)
    }

    /// Gives a field focus, by its place.
    pub fn focus_field(&mut self, field: usize) {
        if let Some(field) = Field::ALL.get(field) {
            self.focus = *field;
        }
    }

    /// Goes to the next or previous field, around the ends.
    pub fn next(&mut self, forward: bool) {
        let count = Field::ALL.len();
        let place = Field::ALL
            .iter()
            .position(|field| *field == self.focus)
            .unwrap_or(0);
        self.focus = Field::ALL[(place + if forward { 1 } else { count - 1 }) % count];
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

    /// The configuration that the fields describe; what is wrong with them.
    pub fn config(&self) -> Result<Config, String> {
        let text = |field| self.text(field).trim().to_owned();
        let port = text(Field::Port);
        let port = if port.is_empty() {
            Ok(5432)
        } else {
            port.parse::<u16>()
        };
        let config = Config {
            name: text(Field::Name),
            host: text(Field::Host),
            port: port
                .ok()
                .filter(|port| *port > 0)
                .ok_or("The port is a number from 1 to 65535.")?,
            database: text(Field::Database),
            user: text(Field::User),
            ssl_root_cert: text(Field::RootCert),
            ssl_cert: text(Field::Cert),
            ssl_key: text(Field::Key),
            ssl_mode: SSL_MODES[self.choice(Field::SslMode).min(SSL_MODES.len() - 1)],
            colour: COLOURS[self.choice(Field::Colour).min(COLOURS.len() - 1)],
            read_only: self.choice(Field::ReadOnly) == 1,
            ..self.base.clone()
        };
        match config.problems().into_iter().next() {
            Some((_, problem)) => Err(problem),
            None => Ok(config),
        }
    }

    /// The answer of a test.
    pub fn tested(&mut self, answered: Request, result: Result<ServerInfo, Failure>) {
        if matches!(self.test, Test::Running { attempt, .. } if attempt == answered) {
            self.test = Test::Ended(result);
        }
    }

    /// The dialog goes: a test that is under way is not waited for.
    pub fn abandon(&self) -> Vec<RootEffect> {
        match self.test {
            Test::Running { attempt, .. } => vec![connection::Effect::Abandon { attempt }.into()],
            Test::None | Test::Ended(_) => vec![],
        }
    }
}

const SSL_MODES: [SslMode; 6] = [
    SslMode::Disable,
    SslMode::Allow,
    SslMode::Prefer,
    SslMode::Require,
    SslMode::VerifyCa,
    SslMode::VerifyFull,
];

const COLOURS: [Colour; 6] = [
    Colour::Green,
    Colour::Red,
    Colour::Amber,
    Colour::Blue,
    Colour::Violet,
    Colour::Grey,
];

/// Opens the dialog for a new connection, or for one that is known.
pub fn open(model: &mut Model, editing: Option<ConnectionId>) -> Vec<RootEffect> {
    let config = match editing.and_then(|id| model.connections.get(&id)) {
        Some(known) => known.config.clone(),
        None => Config {
            host: if model.defaults.host.is_empty() {
                "localhost".into()
            } else {
                model.defaults.host.clone()
            },
            port: if model.defaults.port == 0 {
                5432
            } else {
                model.defaults.port
            },
            user: model.defaults.user.clone(),
            database: model.defaults.database.clone(),
            ..model.settings.new_connections.config()
        },
    };
    let form = ConnectionForm::new(editing, &config);
    dialog::show(model, Dialog::Connection(Box::new(form)))
}

/// Tries the configuration.
pub fn test(model: &mut Model) -> Vec<RootEffect> {
    let since = model.now;
    let Some(Dialog::Connection(form)) = &mut model.dialog else {
        return vec![];
    };
    let config = match form.config() {
        Ok(config) => config,
        Err(problem) => {
            form.problem = Some(problem);
            return vec![];
        }
    };
    let mut effects = form.abandon();
    let attempt = model.ids.request();
    form.test = Test::Running { attempt, since };
    form.reading = None;
    form.problem = None;
    let editing = form.editing;
    let known = editing.and_then(|id| model.connections.get(&id));
    let mut secrets = known.map(|known| known.secrets.clone()).unwrap_or_default();
    for (kind, typed) in form.typed().iter() {
        secrets.set(kind, Some(typed.clone()));
    }
    // What is not typed again is the keychain's.
    let kept = known.is_some_and(|known| known.saved);
    let mut left = config.secrets_used();
    left.retain(|kind| kept && !secrets.has(*kind));
    effects.extend(test_with(model, attempt, secrets, left));
    effects
}

/// Asks the keychain for what is left to ask for, then tries the configuration.
fn test_with(
    model: &mut Model,
    attempt: Request,
    secrets: Secrets,
    mut left: Vec<SecretKind>,
) -> Vec<RootEffect> {
    let Some(Dialog::Connection(form)) = &mut model.dialog else {
        return vec![];
    };
    if let (Some(connection), false) = (form.editing, left.is_empty()) {
        let kind = left.remove(0);
        form.reading = Some(Reading {
            attempt,
            secrets,
            left,
        });
        let request = attempt;
        return vec![
            keychain::Effect::Read {
                request,
                connection,
                kind,
            }
            .into(),
        ];
    }
    match form.config() {
        Ok(config) => {
            let config = Box::new(config);
            vec![
                connection::Effect::Test {
                    attempt,
                    config,
                    secrets,
                }
                .into(),
            ]
        }
        Err(problem) => {
            form.problem = Some(problem);
            form.test = Test::None;
            vec![]
        }
    }
}

/// Whether a test waits for this answer of the keychain.
pub fn waits_for(model: &Model, request: Request) -> bool {
    matches!(&model.dialog, Some(Dialog::Connection(form)) if form.reading.as_ref().is_some_and(|reading| reading.attempt == request))
}

/// The keychain answered: the test goes on with what it had. One that can't be used is not asked again.
pub fn secret_read(
    model: &mut Model,
    attempt: Request,
    kind: SecretKind,
    secret: Option<Secret>,
    usable: bool,
) -> Vec<RootEffect> {
    let Some(Dialog::Connection(form)) = &mut model.dialog else {
        return vec![];
    };
    let Some(Reading {
        mut secrets, left, ..
    }) = form.reading.take()
    else {
        return vec![];
    };
    secrets.set(kind, secret);
    let left = if usable { left } else { vec![] };
    test_with(model, attempt, secrets, left)
}

/// Saves the configuration, and opens it where asked; with a problem the dialog stays and says it.
pub fn accept(model: &mut Model, mut form: Box<ConnectionForm>, open: bool) -> Vec<RootEffect> {
    let config = match form.config() {
        Ok(config) => config,
        Err(problem) => {
            form.problem = Some(problem);
            model.dialog = Some(Dialog::Connection(form));
            return vec![];
        }
    };
    let mut effects = form.abandon();
    let id = form
        .editing
        .unwrap_or_else(|| ConnectionId::next(&mut model.ids));
    let typed = form.typed();
    let moved = super::sidebar::keeping_choices(model, |model| {
        let known = model
            .connections
            .entry(id)
            .or_insert_with(|| Connection::new(config.clone(), true));
        let moved = known.is_open() && known.config != config;
        known.config = config;
        known.saved = true;
        for (kind, secret) in typed.iter() {
            known.secrets.set(kind, Some(secret.clone()));
        }
        moved
    });
    if form.choice(Field::Store) == 0 {
        effects.extend(connections::store_secrets(model, id, &typed));
    }
    effects.push(connections::save(model, id));
    if moved {
        model.notices.push(
            model.now,
            "The change takes effect when you reconnect.".into(),
        );
    }
    if open {
        effects.extend(connections::choose(model, id));
    }
    effects
}
