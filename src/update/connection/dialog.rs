//! What is asked about connections, over the window.

use super::{
    Connections, Outcome, close,
    form::{self, ConnectionForm},
    host_key::{self, HostKeyPrompt},
    import::{self, Import},
    password::{self, PasswordPrompt},
};
use crate::{
    base::{ids::ConnectionId, secret::Secret, text::Buffer},
    conninfo::Defaults,
    failure::{Category, Failure},
    update::{cx::Cx, picker::Field},
};

use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Dialog {
    /// A connection's configuration.
    Form(Box<ConnectionForm>),
    /// The server wants a password.
    Password(PasswordPrompt),
    /// An SSH server shows a key that is not known.
    HostKey(HostKeyPrompt),
    /// Close a connection although something would be lost.
    Disconnect {
        connection: ConnectionId,
        /// What would be lost.
        reasons: Vec<String>,
    },
    /// Forget a saved connection.
    Delete { connection: ConnectionId },
    /// Save the connections that other files name.
    Import(Box<Import>),
}

impl Dialog {
    /// Whether the user is being asked for this connection's password.
    pub fn asks_password(&self, id: ConnectionId) -> bool {
        matches!(self, Self::Password(prompt) if prompt.connection == id)
    }

    /// Whether the user is being asked about a server on the way to this connection.
    pub fn asks_trust(&self, id: ConnectionId) -> bool {
        matches!(self, Self::HostKey(prompt) if prompt.connection == id)
    }

    /// Whether an effect that was asked for is on its way back to it.
    pub fn is_busy(&self) -> bool {
        match self {
            Self::Form(form) => form.is_testing(),
            Self::HostKey(prompt) => prompt.writing.is_some(),
            Self::Password(_) | Self::Disconnect { .. } | Self::Delete { .. } | Self::Import(_) => {
                false
            }
        }
    }

    /// A field, counted in the dialog's order.
    pub fn text_mut(&mut self, field: usize) -> Option<&mut Buffer> {
        match self {
            Self::Form(form) => form.text_mut(field),
            _ => None,
        }
    }

    /// The fields that text is typed into.
    pub fn fields(&self) -> Vec<Field> {
        match self {
            Self::Form(form) => form.fields(),
            Self::Password(prompt) => {
                let text = prompt.password.clone();
                let field = Field::only("password", &Buffer::default());
                vec![Field { text, is_masked: true, ..field }]
            }
            Self::HostKey(_) | Self::Disconnect { .. } | Self::Delete { .. } | Self::Import(_) => {
                vec![]
            }
        }
    }

    /// Whether it has a field for text.
    pub fn takes_text(&self) -> bool {
        matches!(self, Self::Form(form) if !form.focus.is_choice())
    }

    /// The field that typed text goes to.
    pub fn focused_mut(&mut self) -> Option<&mut Buffer> {
        match self {
            Self::Form(form) => form.focused_mut(),
            _ => None,
        }
    }

    /// The password that typed text goes to.
    pub fn secret_mut(&mut self) -> Option<&mut Secret> {
        match self {
            Self::Password(prompt) => Some(&mut prompt.password),
            Self::Form(form) => form.focused_secret_mut(),
            _ => None,
        }
    }

    pub fn set_secret(&mut self, field: usize, secret: Secret) {
        match self {
            Self::Form(form) => form.set_secret(field, secret),
            Self::Password(prompt) => prompt.password = secret,
            _ => {}
        }
    }

    /// Whether typed text is a password now: it then travels as a secret.
    pub fn takes_secret(&self) -> bool {
        match self {
            Self::Password(_) => true,
            Self::Form(form) => form.focus.secret().is_some(),
            _ => false,
        }
    }

    /// A choice of a field was clicked.
    pub fn choose(&mut self, field: usize, choice: usize) {
        match self {
            Self::Form(form) => form.choose(field, choice),
            Self::Password(prompt) => prompt.store = choice == 0,
            _ => {}
        }
    }

    /// The choice that has focus changes.
    pub fn toggle(&mut self) {
        match self {
            Self::Form(form) => form.toggle(),
            Self::Password(prompt) => prompt.store = !prompt.store,
            _ => {}
        }
    }

    /// Enter. Answers with the dialog, where it stays.
    pub fn accept(
        self,
        connections: &mut Connections,
        defaults: &Defaults,
        cx: &mut Cx,
    ) -> Option<Self> {
        match self {
            Self::Form(form) => {
                return form::accept(connections, defaults, cx, form, true).map(Self::Form);
            }
            Self::Password(prompt) => password::given(connections, defaults, cx, prompt),
            // Trust is never given by the key that is pressed without reading.
            Self::HostKey(prompt) => host_key::refuse(cx, prompt),
            Self::Disconnect { connection, .. } => close(connections, cx, connection),
            Self::Delete { connection } => cx.leave(Outcome::Forget(connection)),
            Self::Import(import) => import::accept(connections, cx, *import),
        }
        None
    }

    /// Its other offer. Answers with the dialog, where it stays.
    pub fn alternative(
        self,
        connections: &mut Connections,
        defaults: &Defaults,
        cx: &mut Cx,
    ) -> Option<Self> {
        match self {
            Self::Form(form) => {
                form::accept(connections, defaults, cx, form, false).map(Self::Form)
            }
            Self::HostKey(prompt) => Some(Self::HostKey(host_key::trust(cx, prompt))),
            other => Some(other),
        }
    }

    /// Escape: nothing was done.
    pub fn cancel(self, cx: &mut Cx) {
        match self {
            Self::Password(prompt) => {
                let failure = prompt.failure.unwrap_or_else(|| {
                    Failure::new(
                        Category::Authentication,
                        "The server wants a password, and none was given.",
                    )
                });
                cx.leave(Outcome::Failed { connection: prompt.connection, failure });
            }
            Self::HostKey(prompt) => host_key::refuse(cx, prompt),
            Self::Form(form) => form.abandon(cx),
            Self::Disconnect { .. } | Self::Delete { .. } | Self::Import(_) => {}
        }
    }
}
