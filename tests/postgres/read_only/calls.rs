//! Calls of functions whose effects no rollback undoes, in every form that a call can have, at every place where a value
//! can stand, with the name in every form that a name can have, and the whole as it is or in something that runs it.

use super::generated::Random;

/// A function of PostgreSQL that takes one argument, an argument that harms nobody, and its type.
const OF_ONE: &[(&str, &str, &str)] = &[
    ("nextval", "'s'", "regclass"),
    ("pg_cancel_backend", "0", "int"),
    ("pg_log_backend_memory_contexts", "0", "int"),
    ("pg_drop_replication_slot", "'no_such_slot'", "name"),
    ("pg_replication_origin_create", "'tusk_probe'", "text"),
    ("pg_replication_origin_drop", "'tusk_probe'", "text"),
    ("pg_create_restore_point", "'tusk_probe'", "text"),
    ("pg_stat_reset_single_table_counters", "0", "oid"),
    ("pg_stat_reset_shared", "'bgwriter'", "text"),
    ("pg_stat_reset_slru", "'Notify'", "text"),
    ("brin_summarize_new_values", "'t_pkey'", "regclass"),
    ("gin_clean_pending_list", "'t_pkey'", "regclass"),
    ("pg_create_physical_replication_slot", "'tusk_probe'", "name"),
];

/// Functions that take several arguments, or none.
const OF_SEVERAL: &[(&str, &str)] = &[
    ("setval", "'s', 99"),
    ("lo_export", "4242, 'tusk_probe_of_a_call'"),
    ("pg_terminate_backend", "0, 0"),
    ("pg_stat_reset", ""),
    ("pg_reload_conf", ""),
    ("pg_rotate_logfile", ""),
    ("pg_switch_wal", ""),
    ("pg_logical_emit_message", "false, 'tusk', 'probe'"),
    ("pg_replication_origin_xact_setup", "'0/1', now()"),
];

/// A generated text, and the function that it names.
#[derive(Debug)]
pub struct Call {
    pub function: &'static str,
    pub text: String,
}

/// A call in one of its forms.
pub fn call(random: &mut Random) -> Call {
    let (function, value, from) = if random.chance(60) {
        let (function, argument, type_name) = *random.pick(OF_ONE);
        let (value, from) = of_one(function, argument, type_name, random);
        (function, value, from)
    } else {
        let (function, arguments) = *random.pick(OF_SEVERAL);
        let name = quoted(function, random);
        let schema = *random.pick(&["", "pg_catalog.", "\"pg_catalog\" . "]);
        let gap = *random.pick(&["", " ", "/**/", "\n-- x\n"]);
        (function, format!("{schema}{name}{gap}({arguments})"), None)
    };
    let query = placed(&value, from.as_deref(), random);
    let mut text = query;
    for _ in 0..1 + random.below(2) {
        text = wrapped(&text, random);
    }
    Call { function, text }
}

/// The value, and what stands in FROM for it, if anything has to.
fn of_one(
    function: &str,
    argument: &str,
    type_name: &str,
    random: &mut Random,
) -> (String, Option<String>) {
    let name = quoted(function, random);
    let typed = format!("{argument}::{type_name}");
    match random.below(8) {
        0 => (format!("{name}({typed})"), None),
        1 => (format!("({typed}).{name}"), None),
        2 => (
            format!("x.{name}"),
            Some(format!("(select {typed}) y(z), lateral (select y.z) w(v), unnest(array[w.v]) x")),
        ),
        3 => (format!("x.{name}"), Some(format!("unnest(array[{typed}]) as x"))),
        4 => (format!("v.a[1].{name}"), Some(format!("(values (array[{typed}])) v(a)"))),
        5 => (format!("(v.a).{name}"), Some(format!("(values ({typed})) v(a)"))),
        6 => (format!("((select {typed})).{name}"), None),
        _ => (format!("pg_catalog.{name} /* x */ ({typed})"), None),
    }
}

/// The name in one of the forms of a name.
fn quoted(name: &str, random: &mut Random) -> String {
    let at = random.below(name.len());
    let (before, letter, after) = (&name[..at], name.as_bytes()[at], &name[at + 1..]);
    match random.below(9) {
        0 => format!("\"{name}\""),
        1 => name.to_ascii_uppercase(),
        2 => format!("U&\"{before}\\{letter:04x}{after}\""),
        3 => format!("u&\"{before}\\+{letter:06X}{after}\""),
        4 => format!("U&\"{before}!{letter:04x}{after}\" uescape '!'"),
        5 => format!("U&\"{before}!{letter:04x}{after}\" UESCAPE E'\\x21'"),
        6 => format!("U&\"{before}!{letter:04x}{after}\" uescape ''\n'!'"),
        7 => format!("U&\"{before}!{letter:04x}{after}\" /* x */ uescape $$!$$"),
        _ => name.to_owned(),
    }
}

/// A query with the value in it.
fn placed(value: &str, from: Option<&str>, random: &mut Random) -> String {
    let from = from.unwrap_or("(values (1)) n(i)");
    match random.below(12) {
        0 => format!("select 1 from {from} where {value} is not null"),
        1 => format!("select 1 from {from} order by {value}"),
        2 => format!("select 1 from {from}, lateral (select {value}) l"),
        3 => format!("select case when true then ({value})::text end from {from}"),
        4 => format!("select array[({value})::text] from {from}"),
        5 => format!("select coalesce(null, ({value})::text) from {from}"),
        6 => format!("with c as materialized (select {value} from {from}) select * from c"),
        7 => format!("select (select ({value})::text) from {from}"),
        8 => format!("select 1 from {from} group by {value}"),
        9 => format!("select count(*) filter (where {value} is null) from {from}"),
        10 => format!("select exists (select {value} from {from})"),
        _ => format!("select {value} from {from}"),
    }
}

/// The text as it is, or in something that runs it.
fn wrapped(text: &str, random: &mut Random) -> String {
    if !text.starts_with("select") && !text.starts_with("with") {
        return text.to_owned();
    }
    match random.below(9) {
        0 => format!("explain analyze {text}"),
        1 => format!("copy ({text}) to stdout"),
        2 => format!("select query_to_xml({}, true, true, '')", string(text, random)),
        3 => format!(
            "select query_to_xml(q.t, true, true, '') from (select {}::text) q(t)",
            string(text, random)
        ),
        4 => format!("do $do$ begin execute {}; end $do$", string(text, random)),
        5 => format!(
            "do {}",
            string(&format!("begin execute {}; end", string(text, random)), random)
        ),
        6 => format!("do $do$ declare r record; begin for r in {text} loop end loop; end $do$"),
        7 => format!("select * from ({text}) inner_query(z)"),
        _ => text.to_owned(),
    }
}

/// The text as a string of one of the forms of a string.
fn string(text: &str, random: &mut Random) -> String {
    let doubled = text.replace('\'', "''");
    match random.below(5) {
        0 => format!("E'{}'", doubled.replace('\\', "\\\\")),
        1 if !text.contains("$tag$") => format!("$tag${text}$tag$"),
        2 => {
            let hex: String = text.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
            format!("e'{hex}'")
        }
        3 if !text.contains('!') => format!("U&'{}' uescape '!'", doubled),
        _ => format!("'{doubled}'"),
    }
}
