//! What to connect to, as given on the command line or in a story.

use crate::{
    base::secret::{Secret, SecretKind, Secrets},
    conninfo::{Config, Conninfo, Defaults},
    model::{Model, Phase},
    msg::Msg,
    update::{
        connection::sandbox::Sandbox,
        shell::welcome::{self, Target},
    },
};

/// A requested connection: a URL, a `key=value` string, a saved connection's name, or `sandbox`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The text. A URL may hold a password, so it is kept as one.
    text: Secret,
    /// Whether `--read-only` was given.
    read_only: bool,
}

impl Opening {
    pub fn new(text: impl Into<String>, read_only: bool) -> Self {
        Self { text: Secret::new(text), read_only }
    }

    pub fn sandbox() -> Self {
        Self::new("sandbox", false)
    }

    /// The text with its password masked.
    pub fn masked(&self) -> String {
        Conninfo::masked(self.text.reveal())
    }

    /// Whether the text shows a password to everybody.
    pub fn shows_password(&self) -> bool {
        Conninfo::text_holds_secret(self.text.reveal())
    }

    /// The secrets in the text.
    pub fn secrets(&self) -> Vec<Secret> {
        let anybody = Defaults { user: "anybody".into(), ..Defaults::default() };
        let read = Config::parse(self.text.reveal(), &anybody);
        let secrets = read.map(|found| found.secrets).unwrap_or_default();
        secrets.iter().map(|(_, secret)| secret.clone()).collect()
    }

    /// Whether it is the sandbox.
    pub fn is_sandbox(&self) -> bool {
        self.text.reveal() == "sandbox"
    }

    /// Whether it needs a second message once the sandbox runs.
    pub fn needs_running_sandbox(&self, model: &Model) -> bool {
        self.read_only && self.is_sandbox() && !matches!(model.sandbox, Sandbox::Running { .. })
    }

    /// Whether the Model has loaded what it needs to understand the text: its stored data and the environment.
    pub fn is_due(&self, model: &Model) -> bool {
        matches!(model.phase, Phase::Ready) && !model.defaults.user.is_empty()
    }

    /// The message that connects the active tab. A read-only sandbox has to run first: until it does, the message
    /// starts it.
    pub fn message(&self, model: &Model) -> Result<Msg, String> {
        let target = self.target(model)?;
        Ok(welcome::Msg::Asked { target: Box::new(target) }.into())
    }

    fn target(&self, model: &Model) -> Result<Target, String> {
        let text = self.text.reveal().trim();
        if self.is_sandbox() {
            let running = match model.sandbox {
                Sandbox::Running { connection } => model.connections.get(&connection),
                _ => None,
            };
            return Ok(match running {
                Some(known) if self.read_only => {
                    self.read_only(&known.config, known.secrets.get(SecretKind::Database).cloned())
                }
                _ => Target::Sandbox,
            });
        }
        let saved =
            model.connections.values().find(|known| known.saved && known.config.name == text);
        match saved {
            Some(known) if self.read_only && !known.config.read_only => {
                Ok(self.read_only(&known.config, known.secrets.get(SecretKind::Database).cloned()))
            }
            Some(_) => Ok(Target::Named(text.to_owned())),
            None if is_name(text) => Ok(Target::Named(text.to_owned())),
            None => {
                let mut conninfo =
                    Config::parse(text, &model.defaults).map_err(|problem| problem.to_string())?;
                conninfo.config.read_only |= self.read_only;
                Ok(Target::Conninfo(conninfo))
            }
        }
    }

    fn read_only(&self, config: &Config, password: Option<Secret>) -> Target {
        let config = Config { read_only: true, ..config.clone() };
        Target::Conninfo(Conninfo { config, secrets: Secrets::with_password(password) })
    }
}

/// Whether a text can be a saved connection's name and not a connection itself. An error repeats an unknown name, so
/// this must accept nothing that a user may have pasted as something else.
fn is_name(text: &str) -> bool {
    const BYTES_MAX: usize = 64;
    let odd = |c: char| "@=/:\"`'“”‘’«»<>{}\\;".contains(c) || c.is_control();
    text.len() <= BYTES_MAX && !text.contains(odd) && !text.starts_with("psql ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Model {
        let mut model = Model::default();
        model.defaults.user = "ann".into();
        model
    }

    fn target(opening: Opening, model: &Model) -> Target {
        match opening.message(model) {
            Ok(Msg::Welcome(welcome::Msg::Asked { target })) => *target,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_url_is_read_and_read_only_is_added_to_it() {
        let Target::Conninfo(conninfo) =
            target(Opening::new("postgres://app:hunter2@db.example:5433/shop", true), &model())
        else {
            panic!("not a URL");
        };
        assert_eq!(conninfo.config.host, "db.example");
        assert_eq!(conninfo.config.port, 5433);
        assert!(conninfo.config.read_only);
        assert_eq!(conninfo.password(), Some(&Secret::new("hunter2")));
    }

    #[test]
    fn a_word_is_a_saved_name_and_sandbox_is_the_sandbox() {
        assert_eq!(
            target(Opening::new("production", false), &model()),
            Target::Named("production".into())
        );
        assert_eq!(target(Opening::sandbox(), &model()), Target::Sandbox);
    }

    #[test]
    fn a_saved_name_may_look_like_a_url() {
        let mut model = model();
        let config = Config { name: "a@b".into(), ..Config::default() };
        let id = crate::base::ids::ConnectionId::next(&mut model.cx.ids);
        model.connections.insert(id, crate::update::connection::Connection::new(config, true));
        assert_eq!(target(Opening::new("a@b", false), &model), Target::Named("a@b".into()));
        assert!(matches!(
            target(Opening::new("a@b", true), &model),
            Target::Conninfo(Conninfo { config, .. }) if config.read_only
        ));
    }

    #[test]
    fn only_a_url_with_a_password_shows_one_and_nothing_prints_it() {
        let opening = Opening::new("postgres://app:hunter2@h/d", false);
        assert!(opening.shows_password());
        assert!(!format!("{opening:?} {}", opening.masked()).contains("hunter2"));
        assert!(!Opening::new("postgres://app@h/d", false).shows_password());
        assert!(!Opening::new("localhost:5433", false).shows_password());
        assert!(Opening::new("host=h user=u password=hunter2", false).shows_password());
    }

    #[test]
    fn nothing_is_due_before_the_environment_is_known() {
        let mut model = model();
        let opening = Opening::sandbox();
        assert!(!opening.is_due(&model));
        model.phase = Phase::Ready;
        assert!(opening.is_due(&model));
        model.defaults.user = String::new();
        assert!(!opening.is_due(&model));
    }

    #[test]
    fn what_is_no_connection_is_said_in_a_sentence() {
        let error = Opening::new("mysql://h/d", false).message(&model());
        assert!(error.is_err_and(|problem| problem.contains("mysql")));
    }
}
