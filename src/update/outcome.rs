//! Every outcome, by room: what a room leaves to those beside and above it, in its own words. `update` alone knows what
//! follows.

use super::{connection, files, jobs, keeping, query, results, schema, settings};

/// What a room leaves to others.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Jobs(jobs::Outcome),
    Query(query::Outcome),
    Results(results::Outcome),
    Schema(schema::Outcome),
    Connection(connection::Outcome),
    Files(files::Outcome),
    Keeping(keeping::Outcome),
    Settings(settings::Outcome),
}

macro_rules! composed {
    ($($variant:ident($outcome:ty)),*) => {$(
        impl From<$outcome> for Outcome {
            fn from(outcome: $outcome) -> Self {
                Self::$variant(outcome)
            }
        }
    )*};
}

composed!(
    Jobs(jobs::Outcome),
    Query(query::Outcome),
    Results(results::Outcome),
    Schema(schema::Outcome),
    Connection(connection::Outcome),
    Files(files::Outcome),
    Keeping(keeping::Outcome),
    Settings(settings::Outcome)
);
