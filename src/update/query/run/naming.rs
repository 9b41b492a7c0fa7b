//! Names that come later than what they belong to: the nearest name for an error, and the names of types.

use super::{Ended, Pages};
use crate::{
    base::ids::*,
    failure::Failure,
    update::{
        connection::Connections,
        cx::Cx,
        results::{ResultSet, ResultState},
        schema::{self, Schema, Schemas},
    },
};

/// A statement has failed: its error gets the nearest name, if the schema cache has it by now.
pub fn advise(
    pages: &mut Pages,
    connections: &Connections,
    schemas: &mut Schemas,
    cx: &mut Cx,
    tab: TabId,
    query: QueryId,
) {
    let Some(page) = pages.get_mut(tab) else {
        return;
    };
    let (Some(id), Some(result)) = (page.connection, page.results.current_mut(query)) else {
        return;
    };
    let sql = result.sql.clone();
    let Some(failure) = failure_mut(result) else {
        return;
    };
    let Some(advice) = schema::advice(connections, schemas, cx, id, &sql, failure) else {
        return;
    };
    failure.next_step = Some(advice.clone());
    if let Some(Ended::Badly { failure }) = &mut page.ended {
        failure.next_step = Some(advice);
    }
}

/// A schema cache has come: errors on its connection that wait for a name get it.
pub fn complete_errors(pages: &mut Pages, schemas: &Schemas, id: ConnectionId) {
    let Some(catalog) = schemas.get(&id).and_then(Schema::catalog) else {
        return;
    };
    for page in pages.open.iter_mut().filter(|page| page.connection == Some(id)) {
        for result in &mut page.results.list {
            let sql = result.sql.clone();
            if let Some(failure) = failure_mut(result)
                && let Some(advice) = schema::nearest_in(catalog, failure, &sql)
            {
                failure.next_step = Some(advice);
            }
        }
    }
}

fn failure_mut(result: &mut ResultSet) -> Option<&mut Failure> {
    match &mut result.state {
        ResultState::Failed { failure } => Some(failure),
        _ => None,
    }
}

/// Names of types have come: the columns on their connection get them.
pub fn name_types(pages: &mut Pages, connections: &Connections, id: ConnectionId) {
    let Some(known) = connections.get(&id) else {
        return;
    };
    for page in pages.open.iter_mut().filter(|page| page.connection == Some(id)) {
        for result in &mut page.results.list {
            result.rows.name_types(|column| known.types.get(&column.type_oid).cloned());
        }
    }
}
