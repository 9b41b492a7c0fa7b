//! The schema cache: what is in the database of an open connection, for the nearest names and whoever needs names.
//!
//! It is loaded when a connection opens, behind whatever runs first, over the connection for metadata and never in
//! a tab's session. A statement that may have changed it has it loaded again as soon as its session is outside a
//! transaction, because before nobody else sees the change. One load is under way at a time, and one more may be
//! owed. It goes with the connection.

use crate::{
    base::ids::*,
    catalog::{self, Catalog},
    failure::Failure,
    sql::{Kind, Verb},
    update::{
        connection::{Connection, Connections},
        cx::Cx,
    },
};

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize, Serializer};

mod nearest;

pub use nearest::nearest_in;

/// The caches of the open connections.
pub type Schemas = BTreeMap<ConnectionId, Schema>;

/// What the runner reports of schema caches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// The objects that the role may see. Ends [`Effect::Load`].
    Loaded {
        request: Request,
        connection: ConnectionId,
        /// The objects, or why they are not known.
        result: Result<Arc<Catalog>, Box<Failure>>,
    },
}

/// What the runner is asked to do for schema caches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// List the objects of the database over the connection for metadata. Ends in `Loaded`.
    Load { request: Request, connection: ConnectionId },
}

/// What schema caches leave to others.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A cache has come: errors that wait for a name get it.
    Came(ConnectionId),
}

/// Why a cache is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The connection opened.
    Opened,
    /// A statement may have changed the schema.
    Changed,
    /// The user asked for it.
    Asked,
    /// An error named something that is not there, and no cache is.
    Missing,
}

/// The cache of a connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub enum Schema {
    /// Nobody asked for it.
    #[default]
    Idle,
    /// It is being loaded.
    Loading {
        request: Request,
        cause: Cause,
        /// What was known before.
        #[serde(serialize_with = "in_short")]
        previous: Option<Arc<Catalog>>,
        /// Why it has to be loaded once more when this load has ended.
        again: Option<Cause>,
    },
    /// It is there.
    Ready {
        /// The objects.
        #[serde(serialize_with = "one_in_short")]
        catalog: Arc<Catalog>,
    },
    /// It could not be loaded.
    Failed {
        failure: Box<Failure>,
        /// What was known before.
        #[serde(serialize_with = "in_short")]
        previous: Option<Arc<Catalog>>,
    },
}

impl Schema {
    /// What is known, be it older than what is being loaded.
    pub fn catalog(&self) -> Option<&Arc<Catalog>> {
        match self {
            Self::Idle => None,
            Self::Loading { previous, .. } | Self::Failed { previous, .. } => previous.as_ref(),
            Self::Ready { catalog } => Some(catalog),
        }
    }

    /// Whether a load is under way.
    pub fn is_loading(&self) -> bool {
        matches!(self, Self::Loading { .. })
    }
}

/// Loads the cache of an open connection. While it is being loaded, it is loaded once more afterwards.
pub fn refresh(
    connections: &Connections,
    schemas: &mut Schemas,
    cx: &mut Cx,
    id: ConnectionId,
    cause: Cause,
) {
    let request = cx.request();
    if !connections.get(&id).is_some_and(Connection::is_open) {
        return;
    }
    let schema = schemas.entry(id).or_default();
    if let Schema::Loading { again, .. } = schema {
        *again = Some(cause);
        return;
    }
    let previous = schema.catalog().cloned();
    *schema = Schema::Loading { request, cause, previous, again: None };
    let connection = id;
    cx.ask(Effect::Load { request, connection });
}

/// The user wants the cache of the chosen connection to be loaded anew.
pub fn refresh_asked(
    connections: &Connections,
    schemas: &mut Schemas,
    cx: &mut Cx,
    chosen: Option<ConnectionId>,
) {
    let is_open = |id: &ConnectionId| connections.get(id).is_some_and(Connection::is_open);
    match chosen.filter(is_open) {
        Some(id) => refresh(connections, schemas, cx, id, Cause::Asked),
        None => {
            let text = "There is no open connection whose schema could be read. Connect first.";
            cx.notify(text);
        }
    }
}

/// Connections have gone: so do their caches.
pub fn forget_unknown(connections: &Connections, schemas: &mut Schemas) {
    schemas.retain(|id, _| connections.contains_key(id));
}

/// Takes in what the runner reports.
pub fn update(connections: &Connections, schemas: &mut Schemas, cx: &mut Cx, msg: Msg) {
    let Msg::Loaded { request, connection: id, result } = msg;
    let Some(schema) = schemas.get_mut(&id) else {
        return;
    };
    let (cause, previous, again) = match std::mem::take(schema) {
        Schema::Loading { request: asked, cause, previous, again } if asked == request => {
            (cause, previous, again)
        }
        other => {
            // The answer of a load before the connection closed.
            *schema = other;
            return;
        }
    };
    match result {
        Ok(catalog) => {
            let cut = catalog.is_cut();
            let counts = catalog.in_short();
            *schema = Schema::Ready { catalog };
            cx.leave(Outcome::Came(id));
            if cut && matches!(cause, Cause::Opened | Cause::Asked) {
                notice_cut(cx);
            } else if cause == Cause::Asked {
                let counts = counts.rsplit_once(", ").map_or("", |(counts, _)| counts);
                let text = format!("The schema was read anew: {counts}.");
                cx.notify(text);
            }
        }
        Err(failure) => {
            if cause == Cause::Asked {
                let text = format!("The schema could not be read: {}", failure.message);
                cx.notify(text);
            }
            *schema = Schema::Failed { failure, previous };
        }
    }
    if let Some(cause) = again {
        refresh(connections, schemas, cx, id, cause)
    }
}

fn notice_cut(cx: &mut Cx) {
    let text = format!(
        "The database has more objects than the schema cache holds: {} columns are kept, and what lies past them is not suggested.",
        crate::rows::show::display::grouped(catalog::COLUMNS_MAX as u64)
    );
    cx.notify(text);
}

/// The nearest name for a failed statement, out of the cache of its connection. Where there is no cache, it is loaded,
/// and the name comes later.
pub fn advice(
    connections: &Connections,
    schemas: &mut Schemas,
    cx: &mut Cx,
    id: ConnectionId,
    sql: &str,
    failure: &Failure,
) -> Option<String> {
    if !nearest::wants_nearest(failure) {
        return None;
    }
    match schemas.get(&id) {
        Some(schema) if schema.catalog().is_some() || schema.is_loading() => {
            nearest_in(schema.catalog()?, failure, sql)
        }
        _ => {
            refresh(connections, schemas, cx, id, Cause::Missing);
            None
        }
    }
}

/// Whether a statement that completed may have changed what is in the schema.
pub fn may_change(kind: &Kind) -> bool {
    match kind.verb {
        Verb::Create
        | Verb::Alter
        | Verb::Drop
        | Verb::Grant
        | Verb::Revoke
        | Verb::Import
        | Verb::Reassign
        | Verb::Do
        | Verb::Call => true,
        // `SELECT … INTO` makes a table.
        Verb::Select => !kind.may_pause,
        _ => false,
    }
}

fn one_in_short<S: Serializer>(catalog: &Arc<Catalog>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&catalog.in_short())
}

fn in_short<S: Serializer>(
    catalog: &Option<Arc<Catalog>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match catalog {
        Some(catalog) => one_in_short(catalog, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests;
