//! Where the keyboard is: which keys mean something there, and what the window gives focus to.

use serde::{Deserialize, Serialize};

use crate::model::Model;

/// A part of the window that takes keys, below any dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Area {
    /// The welcome screen.
    Welcome,
    Editor,
    /// The search over the editor.
    Find,
    /// The results: the grid, an error, or the messages.
    Results,
    Sidebar,
    /// The settings page.
    Settings,
}

/// Where the keyboard is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// What lies over the window.
    Dialog,
    Welcome {
        /// Whether its field has the keyboard, and not its list.
        in_field: bool,
        /// Whether Enter means the row that is chosen.
        means_row: bool,
    },
    Editor,
    Find,
    Results,
    Sidebar,
    Settings,
}

impl Place {
    /// Where it is now.
    pub fn of(model: &Model) -> Self {
        if model.dialog.is_some() {
            return Self::Dialog;
        }
        match model.area {
            Area::Welcome => Self::Welcome {
                in_field: model.welcome.in_field,
                means_row: model.welcome.means_row(),
            },
            Area::Editor => Self::Editor,
            Area::Find => Self::Find,
            Area::Results => Self::Results,
            Area::Sidebar => Self::Sidebar,
            Area::Settings => Self::Settings,
        }
    }

    /// The contexts of the keymap that hold here, the innermost first.
    pub fn contexts(self) -> &'static [&'static str] {
        match self {
            Self::Dialog => &["dialog"],
            Self::Welcome { means_row: true, .. } => &["welcome", "global"],
            Self::Welcome { means_row: false, .. } => &["welcome-field", "global"],
            Self::Editor => &["editor", "global"],
            Self::Find => &["find", "global"],
            Self::Results => &["results", "global"],
            Self::Sidebar => &["sidebar", "global"],
            Self::Settings => &["settings", "global"],
        }
    }

    /// The context of the keymap that belongs to it alone.
    pub fn context(self) -> &'static str {
        self.contexts()[0]
    }

    /// What a dump calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Welcome { in_field: true, .. } => "welcome field",
            Self::Welcome { in_field: false, .. } => "welcome list",
            place => place.context(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update::shell::keymap::CONTEXTS;

    #[test]
    fn every_place_has_a_context_of_the_keymap_and_every_context_a_place() {
        let welcome = |means_row| Place::Welcome { in_field: true, means_row };
        let places = [
            Place::Dialog,
            welcome(true),
            welcome(false),
            Place::Editor,
            Place::Find,
            Place::Results,
            Place::Sidebar,
            Place::Settings,
        ];
        let mut contexts: Vec<&str> = places.into_iter().map(Place::context).collect();
        contexts.push("global");
        contexts.sort_unstable();
        let mut known = CONTEXTS.to_vec();
        known.sort_unstable();
        assert_eq!(contexts, known);
    }
}
