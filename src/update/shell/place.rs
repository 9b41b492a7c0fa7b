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
