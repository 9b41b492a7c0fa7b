//! Reads what is in a database. One statement asks for all of it, so all of it is from one moment.
//!
//! It lists what the role may see: schemas that it may use, relations and columns on which it has any privilege,
//! functions that it may call. It leaves out other sessions' temporary objects, TOAST and functions that SQL can't
//! call. The query is one of Tusk's own texts ([`super::own_sql`]); this module reads the answer.

use super::session::link::Rows;
use crate::catalog::{Catalog, CatalogBuilder, RelationKind};

/// Builds the catalog from the answer. Skips rows of another shape, which no server sends.
pub fn in_order(rows: Rows) -> Catalog {
    let mut builder = CatalogBuilder::default();
    for row in &rows {
        let field = |at: usize| row.get(at).and_then(Option::as_deref);
        let (Some(kind), Some(first)) = (field(0), field(1)) else {
            continue;
        };
        match (kind, field(2), field(3), field(4)) {
            ("p", ..) => builder.search_path(first),
            ("s", ..) => builder.schema(first),
            ("r", Some(schema), Some(name), Some(relkind)) => {
                if let (Ok(oid), Some(kind)) = (first.parse(), relation_kind(relkind)) {
                    builder.relation(oid, schema, name, kind);
                }
            }
            ("c", Some(position), Some(name), Some(type_name)) => {
                if let (Ok(relation), Ok(position)) = (first.parse(), position.parse()) {
                    builder.column(relation, position, name, type_name);
                }
            }
            ("f", Some(name), Some(arguments), _) => builder.function(first, name, arguments),
            _ => {}
        }
    }
    builder.finish()
}

fn relation_kind(relkind: &str) -> Option<RelationKind> {
    Some(match relkind {
        "r" => RelationKind::Table,
        "p" => RelationKind::PartitionedTable,
        "v" => RelationKind::View,
        "m" => RelationKind::MaterializedView,
        "f" => RelationKind::ForeignTable,
        "S" => RelationKind::Sequence,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_a_catalog_and_those_of_no_known_shape_are_left_out() {
        let rows = [
            "p|public",
            "s|public",
            "c|16384|1|id|integer",
            "r|16384|public|customers|r",
            "r|x|public|broken|r",
            "r|16385|public|odd|?",
            "c|16384|first|id|integer",
            "f|public|total|integer, text",
            "z|what",
            "f|public",
        ];
        let rows = rows
            .iter()
            .map(|row| row.split('|').map(|field| Some(field.to_owned())).collect())
            .chain([vec![], vec![None, None]])
            .collect();
        let catalog = in_order(rows);
        let relations: Vec<_> = catalog.relations().collect();
        assert_eq!(relations.len(), 1);
        assert_eq!(relations[0].columns().count(), 1);
        assert_eq!(catalog.functions().count(), 1);
        assert_eq!(catalog.search_path().collect::<Vec<_>>(), ["public"]);
    }
}
