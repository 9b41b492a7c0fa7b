//! What a session holds, asked of the server: only it knows, because functions hide such things.

use super::link::Rows;

/// One statement that lists what the session holds, each row a kind and a name.
///
/// Everything is named with its schema, because the session's search path is the user's.
pub const QUESTION: &str = "\
select 'temporary ' || case c.relkind when 'v' then 'view' when 'm' then 'view' when 'S' then 'sequence' \
when 'c' then 'type' else 'table' end, c.relname::pg_catalog.text \
from pg_catalog.pg_class c where c.relnamespace = pg_catalog.pg_my_temp_schema() \
and c.relkind in ('r', 'p', 'v', 'm', 'f', 'c', 'S') and not exists (select from pg_catalog.pg_depend d \
where d.classid = 1259 and d.objid = c.oid and d.deptype in ('a', 'i') \
and d.refclassid = 1259) \
union all select 'temporary function', p.proname::pg_catalog.text from pg_catalog.pg_proc p \
where p.pronamespace = pg_catalog.pg_my_temp_schema() \
union all select 'prepared statement', s.name from pg_catalog.pg_prepared_statements s where s.from_sql \
union all select 'cursor', c.name from pg_catalog.pg_cursors c where c.is_holdable \
union all select 'advisory lock', case l.objsubid when 1 \
then ((l.classid::pg_catalog.int8 << 32) | l.objid::pg_catalog.int8)::pg_catalog.text \
else pg_catalog.concat(l.classid, ', ', l.objid) end \
from pg_catalog.pg_locks l where l.locktype = 'advisory' and l.granted \
and l.pid = pg_catalog.pg_backend_pid() \
union all select 'LISTEN on', c from pg_catalog.pg_listening_channels() c \
union all select 'setting', s.name from pg_catalog.pg_settings s where s.source = 'session' \
and not (s.name = 'client_encoding' and s.setting = 'SQL_ASCII' \
and pg_catalog.current_setting('server_encoding') = 'SQL_ASCII') \
union all select 'role', pg_catalog.current_setting('role') \
where pg_catalog.current_setting('role') <> 'none'";

/// What an open transaction is called.
pub const TRANSACTION: &str = "an open transaction";

/// The answer in words. What Tusk itself sets goes with the start-up message, which the server does not count as the
/// session's settings; so whatever it lists is the user's. The one exception, no conversion for SQL_ASCII, is left out
/// of the question.
pub fn in_words(rows: &Rows, authorization_changed: bool) -> Vec<String> {
    let mut held = Vec::new();
    for row in rows {
        let [Some(kind), Some(name), ..] = row.as_slice() else {
            continue;
        };
        held.push(match kind.as_str() {
            "setting" => format!("the setting {name}"),
            "role" => format!("the role {name} (SET ROLE)"),
            "LISTEN on" => format!("LISTEN on {name}"),
            kind @ "advisory lock" => format!("an {kind} on {name}"),
            kind => format!("a {kind} {name}"),
        });
    }
    if authorization_changed {
        held.push("another session authorization".into());
    }
    held
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: &str, name: &str) -> Vec<Option<String>> {
        vec![Some(kind.into()), Some(name.into())]
    }

    #[test]
    fn the_answer_is_in_words() {
        let rows = vec![
            row("temporary table", "basket"),
            row("LISTEN on", "jobs"),
            row("advisory lock", "42"),
            row("setting", "work_mem"),
        ];
        let expected = [
            "a temporary table basket",
            "LISTEN on jobs",
            "an advisory lock on 42",
            "the setting work_mem",
        ];
        assert_eq!(in_words(&rows, false), expected);
        assert_eq!(in_words(&vec![], true), ["another session authorization"]);
    }
}
