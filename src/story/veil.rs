//! What a failing story may repeat: its line and what was found instead, without the secrets that it knows.
//!
//! An expectation may name a password, and the screen printed in its place may show what a server said about one. The
//! words around them do not reveal them, so this looks for the secrets themselves.

use super::{Action, Stage, Story};
use crate::{
    base::secret::{MASK, Secret},
    conninfo::{Conninfo, EXAMPLE},
    model::Model,
    sql::safety::mask,
    update::{connection, shell::dialog::Dialog},
};

/// A shorter secret would be found in every word.
const LETTERS_MIN: usize = 3;

/// The secrets of a story and of the program that it drives.
pub(super) struct Veil {
    /// The longest first, because a shorter one may be a part of it.
    secrets: Vec<Secret>,
}

impl Veil {
    /// Every secret that is known now.
    pub(super) fn of(story: &Story, stage: &mut impl Stage) -> Self {
        let mut secrets = stage.read(of_model);
        for step in &story.steps {
            if let Action::Connect(opening) = &step.action {
                secrets.extend(opening.secrets());
            }
        }
        secrets.retain(|secret| secret.reveal().chars().count() >= LETTERS_MIN);
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.reveal().len()));
        Self { secrets }
    }

    /// A text without them, and without what looks like one.
    pub(super) fn over(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            // Literally, and as a line of a story or a reason writes it between double quotes.
            let escaped = secret.reveal().replace('\\', "\\\\").replace('"', "\\\"");
            let debugged = format!("{:?}", secret.reveal());
            for form in [secret.reveal(), &escaped, debugged.trim_matches('"')] {
                text = text.replace(form, MASK);
            }
        }
        // The example in an advice has a password, but not a secret one.
        let parts = text.split(EXAMPLE);
        let masked = parts.map(|part| Conninfo::masked_in_words(&mask::passwords_in_words(part)));
        masked.collect::<Vec<_>>().join(EXAMPLE)
    }
}

fn of_model(model: &Model) -> Vec<Secret> {
    let connections = model.connections.values().map(|known| &known.secrets);
    let mut secrets: Vec<Secret> =
        connections.flat_map(|secrets| secrets.iter().map(|(_, secret)| secret.clone())).collect();
    match &model.dialog {
        Some(Dialog::Connection(connection::Dialog::Password(prompt))) => {
            secrets.push(prompt.password.clone());
            secrets.extend(prompt.known.iter().map(|(_, secret)| secret.clone()));
        }
        Some(Dialog::Connection(connection::Dialog::Form(form))) => {
            secrets.extend(form.secrets.values().cloned())
        }
        _ => {}
    }
    secrets.extend(model.defaults.password.clone());
    secrets
}
