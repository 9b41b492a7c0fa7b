//! Every statement that Tusk sends by itself.
//!
//! A user who connects has typed nothing yet, and must not run anybody else's code. If an operator, function, type or
//! relation is written without its schema, PostgreSQL looks it up along the session's `search_path` and takes the one
//! whose argument types fit best, from any schema: anybody who may create objects there, or set the path, could have
//! theirs called. So these texts qualify everything with `pg_catalog`, operators and types too, and use no syntax that
//! looks up an operator by itself (`in`, `like`, `between`, `nullif`, `case x when`, `is distinct from`, `using`). A
//! cast that would use the type's output function is written as `concat`, which no planted cast can replace. The path
//! itself stays the user's, because it decides how type names are written.
//!
//! What only reads does so in a read-only transaction that is rolled back. Strings hold no backslash, which would cause
//! a warning if `standard_conforming_strings` is off.
//!
//! [`OwnSql`] is the only type that links and helpers accept for a query of Tusk's own. Each text is declared below,
//! once, with an example for the tests that plant namesakes; a text from anywhere else does not compile:
//!
//! ```compile_fail
//! use tusk::effects::postgres::own_sql::OwnSql;
//! let sql: OwnSql = "select 1".into();
//! ```
//!
//! ```compile_fail
//! use tusk::effects::postgres::own_sql::OwnSql;
//! let sql = OwnSql::from(String::from("select 1"));
//! ```

use crate::{
    catalog::{COLUMNS_MAX, FUNCTIONS_MAX, RELATIONS_MAX},
    sql::{read::lex, safety::guard::known},
    update::query::read_only::Setting,
};

/// How Tusk sends a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Between a BEGIN and a ROLLBACK in the same message, so that it can't change anything.
    Read,
    /// As it is, because it changes the session, or ends what the session is in.
    Alone,
    /// As part of the wrapper of a statement on a read-only connection, inside its transaction.
    Sealed,
    /// Through psql, to the sandbox.
    Psql,
}

/// Declares the texts. The macro keeps the enum, the examples and the texts together, so that no text can be forgotten.
macro_rules! own_sql {
    ($(
        $(#[$doc:meta])*
        $name:ident { $( $(#[$field_doc:meta])* $field:ident: $type:ty = $example:expr ),* } $way:ident => $text:expr;
    )*) => {
        /// A statement of Tusk's own.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum OwnSql {
            $( $(#[$doc])* $name { $( $(#[$field_doc])* $field: $type ),* }, )*
        }

        impl OwnSql {
            /// One of each, for the tests.
            pub fn examples() -> Vec<Self> {
                vec![$( Self::$name { $( $field: $example ),* } ),*]
            }

            pub fn way(&self) -> Way {
                match self {
                    $( Self::$name { .. } => Way::$way, )*
                }
            }

            /// The text without its wrapper.
            pub(in crate::effects) fn text(&self) -> String {
                match self {
                    $( Self::$name { $( $field ),* } => $text.into(), )*
                }
            }
        }
    };
}

own_sql! {
    /// What is in a database that the role may see. Each row is a kind and up to four fields.
    Catalog {} Read => catalog();
    /// Type names, by oid and modifier.
    TypeNames {
        /// Oids and modifiers; at least one.
        types: Vec<(u32, i32)> = vec![(25, -1), (1043, 24), (u32::MAX, 7)]
    } Read => type_names(types);
    /// What a session holds: each row is a kind and a name.
    Held {
        /// Custom settings (with a dot) that the session's statements named: the server does not list them.
        custom: Vec<String> = vec!["my.tenant".into(), "my.ünit$".into()]
    } Read => held(custom);
    /// The libraries whose settings a session has at its start.
    Libraries {} Read => LIBRARIES;
    Alive {} Read => "select 1";
    /// Terminates a process.
    Terminate {
        backend_pid: i32 = i32::MAX
    } Read => format!("select pg_catalog.pg_terminate_backend({backend_pid})");
    InRecovery {} Read => "select pg_catalog.pg_is_in_recovery()";
    /// Whether the session's transactions are read-only. Not inside a transaction of Tusk's own, which always is.
    IsReadOnly {} Alone => "show transaction_read_only";
    /// Leaves nothing behind in a session that goes back to the pool: sequence values, custom settings that a function
    /// set and the like, which the server does not list.
    LeaveNothing {} Alone => "discard all";
    /// An SQL_ASCII database holds bytes of any kind, and a server that is asked for UTF-8 refuses to send them.
    BytesAsTheyAre {} Alone => "set client_encoding = 'SQL_ASCII'";
    /// A session begins in UTF-8, whatever a pooler or a login trigger has set.
    SpeakUtf8 {} Alone => "set client_encoding = 'UTF8'";
    /// Ends a read that failed half-way.
    RollBack {} Alone => "rollback";
    BeginReadOnly {} Sealed => BEGIN_READ_ONLY;
    /// The same, with the modes of the transaction before it (`COMMIT AND CHAIN`).
    BeginAgain {
        /// The BEGIN of that transaction, as `guard` wrote it. Another text begins without modes.
        begin: String = "begin isolation level serializable read only deferrable".into()
    } Sealed => begin_again(begin);
    /// Makes a user's transaction read-only once more.
    ReadOnlyAgain {} Sealed => "set transaction read only";
    /// Applies settings and always takes the transaction's snapshot, after which no statement can ask to make it
    /// read-write.
    Apply {
        settings: Vec<Setting> = vec![Setting { name: "a.b".into(), value: "it's \\".into(), custom: true }]
    } Sealed => application(settings);
    /// Resets what would make the server read the transaction's next statement differently from Tusk, or write files
    /// for it.
    Straighten {} Sealed => STRAIGHTEN;
    /// Fails if one of the names is that of an unknown function in C or in an untrusted language.
    KnownFunctions {
        /// Names from the user's statement.
        names: Vec<String> = vec!["total".into(), "it's \\ \"x\"".into()]
    } Sealed => known_functions(names);
    /// What a statement did to its transaction and, if `custom` is some, to the session's settings.
    Look {
        /// Settings with a dot, which are asked for by name.
        custom: Option<Vec<String>> = Some(vec!["my.tenant".into()])
    } Sealed => look(custom.as_deref());
    /// Rolls back the transaction of a wrapped statement.
    SealedRollBack {} Sealed => "rollback";
    /// Releases advisory locks, which a rollback leaves behind.
    Unlock {} Sealed => "select pg_catalog.pg_advisory_unlock_all()";
    /// Drops prepared statements, which a rollback leaves behind.
    Deallocate {} Sealed => "deallocate all";
    /// A server's files and version.
    SandboxFiles {} Psql => "select pg_catalog.current_setting('data_directory'), \
        pg_catalog.current_setting('server_version')";
    /// Whether the sandbox has its sample.
    SandboxSample {} Psql => format!("select pg_catalog.count(*) from pg_catalog.pg_database d \
        where d.datname operator(pg_catalog.=) '{SAMPLE_DATABASE}'");
    /// Creates an empty database for the sample, in place of one that was never finished.
    SandboxCreate {} Psql => format!("select pg_catalog.pg_terminate_backend(a.pid) from pg_catalog.pg_stat_activity a \
        where a.datname operator(pg_catalog.=) '{UNFINISHED_SAMPLE}';\n\
        drop database if exists {UNFINISHED_SAMPLE};\n\
        create database {UNFINISHED_SAMPLE} template template0;\n\
        comment on database {UNFINISHED_SAMPLE} is 'Tusk''s sample: a small shop';\n");
    /// Names the sample, which is now whole. Loading it did not wait for the disk; this does, for all of it.
    SandboxFinish {} Psql => format!("set synchronous_commit = on;\n\
        alter database {UNFINISHED_SAMPLE} rename to {SAMPLE_DATABASE};\n");
}

pub const SAMPLE_DATABASE: &str = "shop";
/// The sample's name while it loads.
pub const UNFINISHED_SAMPLE: &str = "shop_loading";

const BEGIN_READ_ONLY: &str = "begin read only";

impl OwnSql {
    /// The text of the simple query. States the transaction's modes, because the session may have others by default: a
    /// standby refuses serializable, and a deferrable transaction waits.
    pub fn message(&self) -> String {
        let text = self.text();
        match self.way() {
            Way::Read => format!(
                "begin isolation level read committed, read only, not deferrable; {text}; rollback"
            ),
            Way::Alone | Way::Sealed | Way::Psql => text,
        }
    }

    /// The most memory that the rows of the answer may take.
    pub fn answer_bytes_max(&self) -> usize {
        match self {
            // A database holds as much as somebody has put there; the statement has limits of its own.
            Self::Catalog {} => 1 << 30,
            _ => 16 << 20,
        }
    }
}

fn catalog() -> String {
    let (relations, columns, functions) = (RELATIONS_MAX + 1, COLUMNS_MAX + 1, FUNCTIONS_MAX + 1);
    let with = format!("{SCHEMAS}{VISIBLE_RELATIONS} order by s.system, c.oid limit {relations})");
    // One row beyond each kind's limit shows that there is more. The user's own objects come first.
    format!(
        "{with}{NAMES_OF_TYPES} {SEARCH_PATH} union all select 's', s.nspname, null, null, null from s \
         union all select 'r', pg_catalog.concat(r.oid), r.nspname, r.relname, r.relkind::pg_catalog.text from r \
         union all ({VISIBLE_COLUMNS} order by r.system, a.attrelid limit {columns}) \
         union all ({FUNCTIONS} order by s.system limit {functions})"
    )
}

const SCHEMAS: &str = "\
with s as materialized (select n.oid, n.nspname, \
n.nspname operator(pg_catalog.=) any ('{pg_catalog,information_schema}') as system \
from pg_catalog.pg_namespace n where n.nspname operator(pg_catalog.!~) '^pg_(toast|temp)' \
and pg_catalog.has_schema_privilege(n.oid, 'USAGE'))";

const VISIBLE_RELATIONS: &str = "\
, r as materialized (select c.oid, s.nspname, s.system, c.relname, c.relkind, \
pg_catalog.pg_has_role(c.relowner, 'USAGE') or case when c.relkind operator(pg_catalog.=) 'S' \
then pg_catalog.has_sequence_privilege(c.oid, 'USAGE, SELECT, UPDATE') \
else pg_catalog.has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') end as whole \
from pg_catalog.pg_class c join s on s.oid operator(pg_catalog.=) c.relnamespace \
where c.relkind operator(pg_catalog.=) any ('{r,p,v,m,f,S}') and (pg_catalog.pg_has_role(c.relowner, 'USAGE') \
or case when c.relkind operator(pg_catalog.=) 'S' \
then pg_catalog.has_sequence_privilege(c.oid, 'USAGE, SELECT, UPDATE') \
else pg_catalog.has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') \
or pg_catalog.has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES') end)";

const NAMES_OF_TYPES: &str = "\
, t as materialized (select d.a, d.m, \
pg_catalog.format_type(d.a, case when d.m operator(pg_catalog.<>) -1 then d.m end) as name \
from (select distinct a.atttypid, a.atttypmod from pg_catalog.pg_attribute a \
where a.attnum operator(pg_catalog.>) 0) d(a, m))";

const SEARCH_PATH: &str = "\
select 'p', p, null, null, null from pg_catalog.unnest(pg_catalog.current_schemas(true)) with ordinality u(p, o) \
where p operator(pg_catalog.!~) '^pg_(toast|temp)'";

const VISIBLE_COLUMNS: &str = "\
select 'c', pg_catalog.concat(a.attrelid), pg_catalog.concat(a.attnum), a.attname, t.name \
from r join pg_catalog.pg_attribute a on a.attrelid operator(pg_catalog.=) r.oid \
join t on t.a operator(pg_catalog.=) a.atttypid and t.m operator(pg_catalog.=) a.atttypmod \
where r.relkind operator(pg_catalog.<>) 'S' and a.attnum operator(pg_catalog.>) 0 and not a.attisdropped \
and (r.whole or pg_catalog.has_column_privilege(r.oid, a.attnum, 'SELECT, INSERT, UPDATE, REFERENCES'))";

/// Leaves out functions that SQL can't call: they take or return `cstring` or `internal`. PostgreSQL lists no cast from
/// `oidvector` to an array, so a planted one would be used; hence the text.
const FUNCTIONS: &str = "\
select 'f', s.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes), null \
from pg_catalog.pg_proc p join s on s.oid operator(pg_catalog.=) p.pronamespace \
where p.prorettype operator(pg_catalog.<>) all ('{2275,2281}') \
and pg_catalog.concat(' ', p.proargtypes, ' ') operator(pg_catalog.!~) ' (2275|2281) ' \
and pg_catalog.has_function_privilege(p.oid, 'EXECUTE')";

fn type_names(types: &[(u32, i32)]) -> String {
    let wanted: Vec<String> = types
        .iter()
        .map(|(oid, modifier)| format!("({oid}::pg_catalog.oid, {modifier})"))
        .collect();
    format!(
        "select pg_catalog.concat(t.o), \
         pg_catalog.format_type(t.o, case when t.m operator(pg_catalog.<>) -1 then t.m end) \
         from (values {}) t(o, m)",
        wanted.join(", ")
    )
}

fn held(custom: &[String]) -> String {
    let mut question = HELD.to_owned();
    for name in custom.iter().map(|name| literal(name)) {
        question.push_str(&format!(
            " union all select 'setting', {name} \
             where pg_catalog.current_setting({name}, true) operator(pg_catalog.<>) '' \
             and not exists (select from pg_catalog.pg_settings s where s.name operator(pg_catalog.=) {name})"
        ));
    }
    question
}

/// Its transaction's modes are Tusk's own.
const HELD: &str = "\
select pg_catalog.concat('temporary ', case when c.relkind operator(pg_catalog.=) any ('{v,m}') then 'view' \
when c.relkind operator(pg_catalog.=) 'S' then 'sequence' \
when c.relkind operator(pg_catalog.=) 'c' then 'type' else 'table' end), c.relname::pg_catalog.text \
from pg_catalog.pg_class c where c.relnamespace operator(pg_catalog.=) pg_catalog.pg_my_temp_schema() \
and c.relkind operator(pg_catalog.=) any ('{r,p,v,m,f,c,S}') and not exists (select from pg_catalog.pg_depend d \
where d.classid operator(pg_catalog.=) 1259 and d.objid operator(pg_catalog.=) c.oid \
and d.deptype operator(pg_catalog.=) any ('{a,i}') and d.refclassid operator(pg_catalog.=) 1259) \
union all select 'temporary type', t.typname::pg_catalog.text from pg_catalog.pg_type t \
where t.typnamespace operator(pg_catalog.=) pg_catalog.pg_my_temp_schema() \
and t.typtype operator(pg_catalog.=) any ('{e,d,r}') \
union all select 'temporary function', p.proname::pg_catalog.text from pg_catalog.pg_proc p \
where p.pronamespace operator(pg_catalog.=) pg_catalog.pg_my_temp_schema() \
union all select 'prepared statement', s.name from pg_catalog.pg_prepared_statements s where s.from_sql \
union all select 'cursor', c.name from pg_catalog.pg_cursors c where c.is_holdable \
union all select 'advisory lock', case when l.objsubid operator(pg_catalog.=) 1 \
then pg_catalog.concat((l.classid::pg_catalog.int8 operator(pg_catalog.<<) 32) \
operator(pg_catalog.|) l.objid::pg_catalog.int8) else pg_catalog.concat(l.classid, ', ', l.objid) end \
from pg_catalog.pg_locks l where l.locktype operator(pg_catalog.=) 'advisory' and l.granted \
and l.pid operator(pg_catalog.=) pg_catalog.pg_backend_pid() \
union all select 'LISTEN on', c from pg_catalog.pg_listening_channels() c \
union all select 'setting', s.name from pg_catalog.pg_settings s where s.source operator(pg_catalog.=) 'session' \
and s.name operator(pg_catalog.<>) all ('{transaction_isolation,transaction_read_only,transaction_deferrable}') \
and not (s.name operator(pg_catalog.=) 'client_encoding' and s.setting operator(pg_catalog.=) \
case when pg_catalog.current_setting('server_encoding') operator(pg_catalog.=) 'SQL_ASCII' \
then 'SQL_ASCII' else 'UTF8' end) \
union all select distinct 'loaded library', l.name from (select pg_catalog.split_part(s.name, '.', 1) as name \
from pg_catalog.pg_settings s where pg_catalog.strpos(s.name, '.') operator(pg_catalog.>) 0) l \
where not exists (select from pg_catalog.pg_extension e where e.extname operator(pg_catalog.=) l.name) \
union all select 'role', pg_catalog.current_setting('role') \
where pg_catalog.current_setting('role') operator(pg_catalog.<>) 'none'";

/// A role that may not read `shared_preload_libraries` sees from their settings which libraries there are. All settings
/// of libraries have a dot in their names, and no others do.
const LIBRARIES: &str = "\
select distinct pg_catalog.split_part(s.name, '.', 1) from pg_catalog.pg_settings s \
where pg_catalog.strpos(s.name, '.') operator(pg_catalog.>) 0";

fn application(settings: &[Setting]) -> String {
    let calls: Vec<String> = settings
        .iter()
        .map(|Setting { name, value, .. }| {
            let (name, value) = (literal(name), literal(value));
            format!("pg_catalog.set_config({name}, {value}, true)")
        })
        .collect();
    if calls.is_empty() { "select 1".to_owned() } else { format!("select {}", calls.join(", ")) }
}

fn look(custom: Option<&[String]>) -> String {
    let mut sql = LOOK.to_owned();
    if let Some(custom) = custom {
        sql.push_str(LOOK_AT_SETTINGS);
        for name in custom.iter().map(|name| literal(name)) {
            sql.push_str(&format!(
                " union all select {name}, pg_catalog.current_setting({name}, true), 'custom' \
                 where not exists (select from pg_catalog.pg_settings s \
                 where pg_catalog.lower(s.name) operator(pg_catalog.=) pg_catalog.lower({name})) \
                 and not exists (select from pg_catalog.pg_available_extensions x where x.name::pg_catalog.text \
                 operator(pg_catalog.=) pg_catalog.lower(pg_catalog.split_part({name}, '.', 1))) \
                 and not exists (select from pg_catalog.pg_language l where l.lanname::pg_catalog.text \
                 operator(pg_catalog.=) pg_catalog.lower(pg_catalog.split_part({name}, '.', 1)))"
            ));
        }
    }
    sql
}

const LOOK: &str =
    "select 'transaction_read_only', pg_catalog.current_setting('transaction_read_only'), 'server'";
const LOOK_AT_SETTINGS: &str = " union all select s.name, s.setting, 'server' from pg_catalog.pg_settings s \
where s.source operator(pg_catalog.=) 'session' \
union all select 'role', pg_catalog.current_setting('role'), 'server' \
where pg_catalog.current_setting('role') operator(pg_catalog.<>) 'none' \
union all select 'session_authorization', session_user::pg_catalog.text, 'server' \
from pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) a \
join pg_catalog.pg_roles r on r.oid operator(pg_catalog.=) a.usesysid \
where r.rolname operator(pg_catalog.<>) session_user";

/// The text is in UTF-8, as Tusk reads it, and not in an encoding in which a letter or a backslash is part of the
/// character before it. A database in SQL_ASCII takes bytes as they are.
const STRAIGHTEN: &str = "\
select pg_catalog.set_config('client_encoding', \
case when pg_catalog.current_setting('server_encoding') operator(pg_catalog.=) 'SQL_ASCII' \
then 'SQL_ASCII' else 'UTF8' end, true), \
case when pg_catalog.current_setting('jit_dump_bitcode', true) operator(pg_catalog.=) 'on' \
then pg_catalog.set_config('jit_dump_bitcode', 'off', true) end";

/// What surrounds the name of an unknown function in the error that reports it.
pub const UNKNOWN_FUNCTION: [&str; 2] = ["<tusk: ", " :tusk>"];

/// The known functions are PostgreSQL's own that are not volatile, those that `guard::known` lists, and the same of the
/// extensions listed there. An aggregate is known if the functions that it is made of are known. The error says that
/// there is no setting of this name, because that needs no cast of a text.
fn known_functions(names: &[String]) -> String {
    let strange: Vec<String> =
        names.iter().filter(|name| !known::is_harmless(name)).cloned().collect();
    let extensions: Vec<String> = known::EXTENSIONS.iter().map(|it| (*it).into()).collect();
    let (names, strange, extensions) = (array(names), array(&strange), array(&extensions));
    let [before, after] = UNKNOWN_FUNCTION;
    format!(
        "select pg_catalog.current_setting(pg_catalog.concat('{before}', p.proname, '{after}')) \
         from pg_catalog.pg_proc p cross join lateral (select p.oid where p.prokind operator(pg_catalog.<>) 'a' \
         union all select u.oid from pg_catalog.pg_aggregate a cross join lateral (values \
         (a.aggtransfn::pg_catalog.oid), (a.aggfinalfn::pg_catalog.oid), (a.aggcombinefn::pg_catalog.oid), \
         (a.aggserialfn::pg_catalog.oid), (a.aggdeserialfn::pg_catalog.oid), (a.aggmtransfn::pg_catalog.oid), \
         (a.aggminvtransfn::pg_catalog.oid), (a.aggmfinalfn::pg_catalog.oid)) u(oid) \
         where a.aggfnoid::pg_catalog.oid operator(pg_catalog.=) p.oid) s(oid) \
         join pg_catalog.pg_proc f on f.oid operator(pg_catalog.=) s.oid \
         join pg_catalog.pg_language l on l.oid operator(pg_catalog.=) f.prolang and not l.lanpltrusted \
         where p.proname operator(pg_catalog.=) any ({names}) and case \
         when f.oid operator(pg_catalog.<) 16384::pg_catalog.oid then f.provolatile operator(pg_catalog.=) 'v' \
         and (f.oid operator(pg_catalog.<>) p.oid or f.proname operator(pg_catalog.=) any ({strange})) \
         else not exists (select from pg_catalog.pg_depend d join pg_catalog.pg_extension e \
         on e.oid operator(pg_catalog.=) d.refobjid where d.classid operator(pg_catalog.=) 1255::pg_catalog.oid \
         and d.objid operator(pg_catalog.=) f.oid and d.refclassid operator(pg_catalog.=) 3079::pg_catalog.oid \
         and d.deptype operator(pg_catalog.=) 'e' and e.extname operator(pg_catalog.=) any ({extensions}) \
         and (f.provolatile operator(pg_catalog.<>) 'v' or f.proname operator(pg_catalog.<>) all ({strange}))) end"
    )
}

/// An array of names, as a constant.
fn array(names: &[String]) -> String {
    let quoted: Vec<String> = names
        .iter()
        .map(|name| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")))
        .collect();
    format!("{}::pg_catalog.name[]", literal(&format!("{{{}}}", quoted.join(","))))
}

/// A BEGIN of `guard`'s, which consists of these words alone.
fn begin_again(begin: &str) -> String {
    #[rustfmt::skip]
    const WORDS: &[&str] = &[
        "begin", "isolation", "level", "serializable", "repeatable", "read", "committed", "uncommitted", "only",
        "not", "deferrable",
    ];
    let tokens = lex::tokens(begin).filter(|token| !token.is_gap());
    let words: Option<Vec<&str>> =
        tokens.map(|token| Some(token.text(begin)).filter(|word| WORDS.contains(word))).collect();
    words
        .filter(|words| words.first() == Some(&"begin"))
        .filter(|words| words.windows(2).any(|pair| pair == ["read", "only"]))
        .map_or(BEGIN_READ_ONLY.to_owned(), |words| words.join(" "))
}

/// A string that means the same whatever `standard_conforming_strings` says.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests;
