//! What is in a database, asked of the server in one statement, so that all of it is of one moment.
//!
//! It lists what the role may see: schemas that it may use, relations and columns that it has any privilege on,
//! functions that it may call. Other sessions' temporary objects, TOAST and functions that SQL can't call are left
//! out. Everything is named with its schema, because the search path is the user's.

use super::link::Rows;
use crate::update::schema::{
    Catalog, CatalogBuilder, RelationKind,
    catalog::{COLUMNS_MAX, FUNCTIONS_MAX, RELATIONS_MAX},
};

/// The statement. Each row is a kind and up to four fields; past the limits one more row of each kind shows that there
/// is more. The user's own objects come before the server's.
pub fn question() -> String {
    let (relations, columns, functions) = (RELATIONS_MAX + 1, COLUMNS_MAX + 1, FUNCTIONS_MAX + 1);
    format!(
        "with s as materialized (select n.oid, n.nspname, n.nspname in ('pg_catalog', 'information_schema') as system \
from pg_catalog.pg_namespace n where n.nspname !~ '^pg_(toast|temp)' \
and pg_catalog.has_schema_privilege(n.oid, 'USAGE')), \
r as materialized (select c.oid, s.nspname, s.system, c.relname, c.relkind, \
pg_catalog.pg_has_role(c.relowner, 'USAGE') or case when c.relkind = 'S' \
then pg_catalog.has_sequence_privilege(c.oid, 'USAGE, SELECT, UPDATE') \
else pg_catalog.has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') end as whole \
from pg_catalog.pg_class c join s on s.oid = c.relnamespace \
where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and (pg_catalog.pg_has_role(c.relowner, 'USAGE') \
or case when c.relkind = 'S' then pg_catalog.has_sequence_privilege(c.oid, 'USAGE, SELECT, UPDATE') \
else pg_catalog.has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') \
or pg_catalog.has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES') end) \
order by s.system, c.oid limit {relations}), \
t as materialized (select d.a, d.m, pg_catalog.format_type(d.a, nullif(d.m, -1)) as name \
from (select distinct a.atttypid, a.atttypmod from pg_catalog.pg_attribute a where a.attnum > 0) d(a, m)) \
select 'p', p, null, null, null from pg_catalog.unnest(pg_catalog.current_schemas(true)) with ordinality u(p, o) \
where p::pg_catalog.text !~ '^pg_(toast|temp)' \
union all select 's', s.nspname, null, null, null from s \
union all select 'r', r.oid::pg_catalog.text, r.nspname, r.relname, r.relkind::pg_catalog.text from r \
union all (select 'c', a.attrelid::pg_catalog.text, a.attnum::pg_catalog.text, a.attname, t.name \
from r join pg_catalog.pg_attribute a on a.attrelid = r.oid join t on t.a = a.atttypid and t.m = a.atttypmod \
where r.relkind <> 'S' and a.attnum > 0 and not a.attisdropped \
and (r.whole or pg_catalog.has_column_privilege(r.oid, a.attnum, 'SELECT, INSERT, UPDATE, REFERENCES')) \
order by r.system, a.attrelid limit {columns}) \
union all (select 'f', s.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes), null \
from pg_catalog.pg_proc p join s on s.oid = p.pronamespace \
where p.prorettype not in (2275, 2281) and not (p.proargtypes::pg_catalog.oid[] && array[2275, 2281]::pg_catalog.oid[]) \
and pg_catalog.has_function_privilege(p.oid, 'EXECUTE') order by s.system limit {functions})"
    )
}

/// The catalog out of the answer. Rows of another shape, which no server sends, are left out.
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
