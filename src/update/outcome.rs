//! Every outcome, by room: what a room leaves to those beside and above it, in its own words. `update` alone knows what
//! follows.

use super::{connection, files, query, results, settings, shell::dialog::Dialog};

/// What a room leaves to others.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Of a tab's text and what runs of it.
    Query(query::Outcome),
    /// A dialog wants to be put over the window.
    Show(Box<Dialog>),
    Results(results::Outcome),
    Settings(settings::Outcome),
    Files(files::Outcome),
    Connection(connection::Outcome),
}

impl From<query::Outcome> for Outcome {
    fn from(outcome: query::Outcome) -> Self {
        Self::Query(outcome)
    }
}

impl From<results::Outcome> for Outcome {
    fn from(outcome: results::Outcome) -> Self {
        Self::Results(outcome)
    }
}

impl From<Dialog> for Outcome {
    fn from(dialog: Dialog) -> Self {
        Self::Show(Box::new(dialog))
    }
}

impl From<settings::Outcome> for Outcome {
    fn from(outcome: settings::Outcome) -> Self {
        Self::Settings(outcome)
    }
}

impl From<files::Outcome> for Outcome {
    fn from(outcome: files::Outcome) -> Self {
        Self::Files(outcome)
    }
}

impl From<connection::Outcome> for Outcome {
    fn from(outcome: connection::Outcome) -> Self {
        Self::Connection(outcome)
    }
}
