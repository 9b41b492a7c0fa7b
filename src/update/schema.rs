//! The schema cache: what is in the database of an open connection, for the nearest names and whoever needs names.
//!
//! It is loaded when a connection opens, behind whatever runs first, over the connection for metadata and never in
//! a tab's session. A statement that may have changed it has it loaded again as soon as its session is outside a
//! transaction, because before nobody else sees the change. One load is under way at a time, and one more may be
//! owed. It goes with the connection.

use super::{connection::Link, query::run::Session, results::ResultState};
use crate::{
    base::{ids::*, transaction::Transaction},
    catalog::{self, Catalog},
    failure::Failure,
    sql::{Kind, Verb},
    update::{connection::Connections, cx::Cx, query::page::Pages},
};

use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

mod nearest;

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
pub fn refresh(connections: &mut Connections, cx: &mut Cx, id: ConnectionId, cause: Cause) {
    let request = cx.request();
    let Some(known) = connections.get_mut(&id) else {
        return;
    };
    if !known.is_open() {
        return;
    }
    if let Schema::Loading { again, .. } = &mut known.schema {
        *again = Some(cause);
        return;
    }
    let previous = known.schema.catalog().cloned();
    known.schema = Schema::Loading { request, cause, previous, again: None };
    let connection = id;
    cx.ask(Effect::Load { request, connection });
}

/// The user wants the cache of the chosen connection to be loaded anew.
pub fn refresh_asked(connections: &mut Connections, cx: &mut Cx, chosen: Option<ConnectionId>) {
    let open = chosen.filter(|id| {
        let known = connections.get(id);
        known.is_some_and(|known| matches!(known.link, Link::Open { .. }))
    });
    match open {
        Some(id) => refresh(connections, cx, id, Cause::Asked),
        None => {
            let text = "There is no open connection whose schema could be read. Connect first.";
            cx.notify(text);
        }
    }
}

/// Takes in what the runner reports.
pub fn update(pages: &mut Pages, connections: &mut Connections, cx: &mut Cx, msg: Msg) {
    let Msg::Loaded { request, connection: id, result } = msg;
    let Some(known) = connections.get_mut(&id) else {
        return;
    };
    let (cause, previous, again) = match std::mem::take(&mut known.schema) {
        Schema::Loading { request: asked, cause, previous, again } if asked == request => {
            (cause, previous, again)
        }
        other => {
            // The answer of a load before the connection closed.
            known.schema = other;
            return;
        }
    };
    match result {
        Ok(catalog) => {
            let cut = catalog.is_cut();
            let counts = catalog.in_short();
            known.schema = Schema::Ready { catalog: catalog.clone() };
            complete(pages, id, &catalog);
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
            known.schema = Schema::Failed { failure, previous };
        }
    }
    if let Some(cause) = again {
        refresh(connections, cx, id, cause)
    }
}

fn notice_cut(cx: &mut Cx) {
    let text = format!(
        "The database has more objects than the schema cache holds: {} columns are kept, and what lies past them is not suggested.",
        crate::rows::show::display::grouped(catalog::COLUMNS_MAX as u64)
    );
    cx.notify(text);
}

/// A cache has come: errors that wait for a name get it.
fn complete(pages: &mut Pages, id: ConnectionId, catalog: &Catalog) {
    let open = pages.open.iter_mut();
    for tab in open.filter(|tab| tab.connection == Some(id)) {
        for result in &mut tab.results.list {
            if let ResultState::Failed { failure } = &mut result.state
                && let Some(advice) = nearest::nearest_in(catalog, failure, &result.sql)
            {
                failure.next_step = Some(advice);
            }
        }
    }
}

/// The failure of a statement with the nearest name that the cache has; where there is no cache, it is loaded, and
/// the name comes later.
pub fn advised(
    connections: &mut Connections,
    cx: &mut Cx,
    connection: Option<ConnectionId>,
    sql: &str,
    failure: Failure,
) -> Failure {
    let known = connection.and_then(|id| Some((id, connections.get(&id)?)));
    let Some((id, known)) = known.filter(|_| nearest::wants_nearest(&failure)) else {
        return failure;
    };
    match (known.schema.catalog(), &known.schema) {
        (Some(catalog), _) => {
            let advice = nearest::nearest_in(catalog, &failure, sql);
            let next_step = advice.or(failure.next_step);
            Failure { next_step, ..failure }
        }
        (None, Schema::Loading { .. }) => failure,
        (None, _) => {
            refresh(connections, cx, id, Cause::Missing);
            failure
        }
    }
}

/// A tab's session is ready after a statement: what it changed is read once everybody can see it.
pub fn session_ready(pages: &mut Pages, connections: &mut Connections, cx: &mut Cx, id: TabId) {
    let Some(tab) = pages.get_mut(id) else {
        return;
    };
    let Session::Live(live) = &mut tab.session else {
        return;
    };
    if live.transaction != Transaction::Idle || !std::mem::take(&mut live.changed_schema) {
        return;
    }
    let connection = live.connection;
    refresh(connections, cx, connection, Cause::Changed)
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
