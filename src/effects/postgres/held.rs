//! What a session holds, asked of the server: only it knows, because functions hide such things.

use super::link::Rows;
use crate::sql::lex::{self, Token, TokenKind};

/// One statement that lists what the session holds, each row a kind and a name.
///
/// Everything is named with its schema, because the session's search path is the user's. The server lists no custom
/// setting (`my.setting`), so those that the session's statements have named are asked one by one. Libraries show in the
/// settings that they bring; those of the server's own list, and of the database's extensions, are not the session's.
pub fn question(named_settings: &[String]) -> String {
    let mut question = QUESTION.to_owned();
    for name in named_settings.iter().filter(|name| is_setting(name)) {
        question.push_str(&format!(
            " union all select 'setting', '{name}' where pg_catalog.current_setting('{name}', true) <> '' \
             and not exists (select from pg_catalog.pg_settings s where s.name = '{name}')"
        ));
    }
    question
}

const QUESTION: &str = "\
select 'temporary ' || case c.relkind when 'v' then 'view' when 'm' then 'view' when 'S' then 'sequence' \
when 'c' then 'type' else 'table' end, c.relname::pg_catalog.text \
from pg_catalog.pg_class c where c.relnamespace = pg_catalog.pg_my_temp_schema() \
and c.relkind in ('r', 'p', 'v', 'm', 'f', 'c', 'S') and not exists (select from pg_catalog.pg_depend d \
where d.classid = 1259 and d.objid = c.oid and d.deptype in ('a', 'i') \
and d.refclassid = 1259) \
union all select 'temporary type', t.typname::pg_catalog.text from pg_catalog.pg_type t \
where t.typnamespace = pg_catalog.pg_my_temp_schema() and t.typtype in ('e', 'd', 'r') \
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
union all select distinct 'loaded library', l.name from (select pg_catalog.split_part(s.name, '.', 1) as name \
from pg_catalog.pg_settings s where s.category = 'Customized Options' and s.source = 'default') l \
where not exists (select from pg_catalog.pg_extension e where e.extname = l.name) \
and not exists (select from pg_catalog.regexp_split_to_table(pg_catalog.concat_ws(',', \
pg_catalog.current_setting('shared_preload_libraries'), pg_catalog.current_setting('session_preload_libraries'), \
pg_catalog.current_setting('local_preload_libraries')), '\\s*,\\s*') p where pg_catalog.btrim(p, ' \"') ~ ('(^|/)' || l.name || '$')) \
union all select 'role', pg_catalog.current_setting('role') \
where pg_catalog.current_setting('role') <> 'none'";

/// What leaves nothing behind in a session that goes back: the values of sequences, custom settings that a function set
/// and the like, which the server does not list.
pub const LEAVE_NOTHING: &str = "discard all";

/// Custom settings that a statement may set: `set my.setting = …`, `set_config('my.setting', …)`, also in the body of
/// a block.
pub fn named_settings(sql: &str) -> Vec<String> {
    let tokens: Vec<Token> = lex::tokens(sql).filter(|token| !token.is_gap()).collect();
    let word = |at: usize, wanted: &str| {
        let token = tokens.get(at);
        token.is_some_and(|token| token.text(sql).eq_ignore_ascii_case(wanted))
    };
    let mut names = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.kind == TokenKind::DollarString {
            names.extend(named_settings(&sql[token.content(sql)]));
        } else if word(at, "set_config") && tokens.get(at + 2).is_some_and(Token::is_string) {
            names.push(sql[tokens[at + 2].content(sql)].to_owned());
        } else if word(at, "set") {
            let first = at + 1 + usize::from(word(at + 1, "session") && !word(at + 2, "."));
            let dotted = word(first + 1, ".").then(|| tokens.get(first).zip(tokens.get(first + 2)));
            if let Some((schema, name)) = dotted.flatten() {
                names.push(format!("{}.{}", name_in(sql, schema), name_in(sql, name)));
            }
        }
    }
    names.retain(|name| is_setting(name));
    names
}

fn name_in<'sql>(sql: &'sql str, token: &Token) -> &'sql str {
    match token.kind {
        TokenKind::QuotedName => &sql[token.content(sql)],
        _ => token.text(sql),
    }
}

/// Whether it is the name of a custom setting, which may stand in a string as it is.
fn is_setting(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '.');
    name.len() <= 200 && name.contains('.') && name.chars().all(plain)
}

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
            "loaded library" => format!("the loaded library {name}"),
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
    fn custom_settings_are_known_from_the_text_that_names_them() {
        for (sql, wanted) in [
            ("set my.tenant = '7'", vec!["my.tenant"]),
            ("SET SESSION my.tenant TO 7", vec!["my.tenant"]),
            ("set session.tenant = 7", vec!["session.tenant"]),
            (
                "select set_config('my.tenant', '7', false)",
                vec!["my.tenant"],
            ),
            (
                "do $$ begin perform set_config('my.tenant', '7', false); end $$",
                vec!["my.tenant"],
            ),
            ("set work_mem = '4MB'", vec![]),
            ("update t set a.b = 1", vec!["a.b"]),
            ("select set_config('my.x'' or true', '', false)", vec![]),
            ("set my.\"a'b\" = 1", vec![]),
        ] {
            assert_eq!(named_settings(sql), wanted, "{sql}");
        }
        let question = question(&["my.tenant".into(), "my.'".into()]);
        assert!(question.contains("'my.tenant'") && !question.contains("my.''"));
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
