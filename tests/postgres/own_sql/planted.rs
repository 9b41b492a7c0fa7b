//! Namesakes of everything that Tusk's own texts name, planted where the search path finds them first.
//!
//! The names come from the texts themselves; the argument types are those of PostgreSQL's own operators and functions,
//! which a namesake replaces where its schema comes first, and generated ones, which fit better than a conversion
//! wherever they come. Each namesake writes a line into the server's log when it is called, which no rollback undoes.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use super::{
    Config, Ending, Seal, World, config,
    generated::{Random, as_many_as, is_long, seed},
    program::{err, fed},
    server::{MAJORS, SUPERUSER, TestConfig, TestServer},
};
use tusk::{
    conninfo::TargetSession,
    effects::postgres::own_sql::{OwnSql, Way},
    sql::read::lex::{self, Token, TokenKind},
    update::query::read_only::Setting,
};

/// What a trap writes into the log.
const SPRUNG: &str = "a trap was sprung";

/// Types that the arguments of a namesake may have.
const TYPES: &[&str] = &[
    "oid",
    "int2",
    "int4",
    "int8",
    "text",
    "name",
    "\"char\"",
    "bool",
    "oid[]",
    "oidvector",
    "name[]",
    "text[]",
    "\"char\"[]",
    "regclass",
    "anyelement",
    "anyarray",
];

/// The search paths under which the traps lie.
const PATHS: &[&str] = &[
    "trap, pg_catalog, public",
    "pg_temp, trap, pg_catalog",
    "pg_temp, pg_catalog, trap",
    "\"$user\", trap",
];

/// What the texts name.
#[derive(Default)]
struct Names {
    operators: BTreeSet<String>,
    functions: BTreeSet<String>,
    types: BTreeSet<String>,
    relations: BTreeSet<String>,
}

impl Names {
    fn of_own_texts() -> Self {
        let mut names = Self::default();
        for own in OwnSql::examples() {
            names.take(&own.message());
        }
        // What a text might use next.
        let add = |set: &mut BTreeSet<String>, more: &[&str]| {
            set.extend(more.iter().map(|name| (*name).to_owned()));
        };
        add(
            &mut names.operators,
            &["=", "<>", "<", ">", "<=", ">=", "~~", "~", "||", "+", "-", "&&", "@>"],
        );
        add(
            &mut names.functions,
            &["lower", "length", "coalesce_all", "obj_description", "quote_ident", "count"],
        );
        add(&mut names.types, &["text", "name", "oid", "int4", "bool", "regclass", "char"]);
        add(
            &mut names.relations,
            &["pg_class", "pg_type", "pg_namespace", "pg_attribute", "pg_proc", "pg_settings"],
        );
        names
    }

    fn take(&mut self, sql: &str) {
        let tokens: Vec<Token> = lex::tokens(sql).filter(|token| !token.is_gap()).collect();
        let text = |at: Option<usize>| {
            at.and_then(|at| tokens.get(at)).map_or("", |token| token.text(sql))
        };
        for (at, token) in tokens.iter().enumerate() {
            let word = token.text(sql).to_owned();
            let in_catalog =
                text(at.checked_sub(1)) == "." && text(at.checked_sub(2)) == "pg_catalog";
            match (token.kind, text(at.checked_sub(3))) {
                (TokenKind::Operator, _) => self.operators.insert(word),
                (TokenKind::Word, "::") if in_catalog => self.types.insert(word),
                (TokenKind::Word, "from" | "join") if in_catalog && text(Some(at + 1)) != "(" => {
                    self.relations.insert(word)
                }
                (TokenKind::Word, _) if text(Some(at + 1)) == "(" && in_catalog => {
                    self.functions.insert(word)
                }
                _ => false,
            };
        }
    }
}

fn literals(names: &BTreeSet<String>) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    format!("array[{}]::text[]", quoted.join(", "))
}

/// Namesakes in the schema `trap`.
fn plant(names: &Names, random: &mut Random) -> String {
    let pairs: Vec<String> = TYPES
        .iter()
        .flat_map(|left| TYPES.iter().map(move |right| format!("('{left}', '{right}')")))
        .collect();
    let mut signatures = vec![];
    for name in &names.functions {
        signatures.push(format!("('{name}', 'variadic anyarray')"));
        for _ in 0..as_many_as(25, 250) {
            let arguments: Vec<&str> = (0..random.below(5)).map(|_| *random.pick(TYPES)).collect();
            signatures.push(format!("('{name}', '{}')", arguments.join(", ")));
        }
    }
    PLANT
        .replace("@SPRUNG@", SPRUNG)
        .replace("@OPERATORS@", &literals(&names.operators))
        .replace("@FUNCTIONS@", &literals(&names.functions))
        .replace("@TYPES@", &literals(&names.types))
        .replace("@RELATIONS@", &literals(&names.relations))
        .replace("@PAIRS@", &pairs.join(", "))
        .replace("@SIGNATURES@", &signatures.join(", "))
}

const PLANT: &str = r#"
set search_path = pg_catalog;
set check_function_bodies = off;
set client_min_messages = error;
create schema trap;
grant usage on schema trap to public;
create function trap.on_row(what text) returns bool language plpgsql volatile as
  $f$ begin raise log '@SPRUNG@: relation %', what; return true; end $f$;
create function trap.on_value(anyelement) returns bool language plpgsql volatile as
  $f$ begin raise log '@SPRUNG@: type'; return true; end $f$;
create procedure trap.try(sql text) language plpgsql as
  $f$ begin execute sql; exception when others then null; end $f$;
create function trap.body(what text) returns text language sql as
  $f$ select ' language plpgsql volatile as $b$ begin raise log ' || quote_literal('@SPRUNG@: ' || what)
    || '; return null; end $b$' $f$;

do $do$
declare found record; number int := 0;
begin
  for found in
    select o.oprname as name, case when o.oprleft <> 0 then format_type(o.oprleft, null) end as l,
      format_type(o.oprright, null) as r, format_type(o.oprresult, null) as result
    from pg_operator o where o.oprname = any (@OPERATORS@) and o.oprnamespace = 11 and o.oprright <> 0
    union
    select o.name, p.l, p.r, 'bool' from unnest(@OPERATORS@) o(name), (values @PAIRS@) p(l, r)
    where o.name <> '||'
    union
    select '-', null, p.r, p.r from (values @PAIRS@) p(l, r)
  loop
    number := number + 1;
    call trap.try(format('create function trap.operator_%s(%s) returns %s', number, concat_ws(', ', found.l, found.r),
      found.result) || trap.body(format('operator %s (%s, %s)', found.name, found.l, found.r)));
    call trap.try(format('create operator trap.%s (function = trap.operator_%s, %srightarg = %s)', found.name, number,
      'leftarg = ' || found.l || ', ', found.r));
    if found.l is null then
      call trap.try(format('create operator trap.%s (function = trap.operator_%s, rightarg = %s)', found.name, number,
        found.r));
    end if;
  end loop;
  for found in
    select p.proname as name, oidvectortypes(p.proargtypes) as arguments,
      case when p.proretset then 'setof ' else '' end || format_type(p.prorettype, null) as result,
      p.proretset as many
    from pg_proc p where p.proname = any (@FUNCTIONS@) and p.pronamespace = 11
    union all
    select s.name, s.arguments, 'text', false from (values @SIGNATURES@) s(name, arguments)
  loop
    call trap.try(format('create function trap.%I(%s) returns %s', found.name, found.arguments, found.result)
      || replace(trap.body('function ' || found.name), 'return null', case when found.many then 'return' else 'return null' end));
  end loop;
  -- Casts belong to no schema. One that PostgreSQL has can't be replaced; one that it does by text can be.
  for found in select distinct p.l, p.r from (values @PAIRS@) p(l, r) loop
    number := number + 1;
    call trap.try(format('create function trap.cast_%s(%s) returns %s', number, found.l, found.r)
      || trap.body(format('cast (%s as %s)', found.l, found.r)));
    call trap.try(format('create cast (%s as %s) with function trap.cast_%s(%s) as assignment', found.l, found.r, number,
      found.l));
  end loop;
  for found in select unnest(@RELATIONS@) as name loop
    call trap.try(format('create view trap.%I as select * from pg_catalog.%I where trap.on_row(%L)', found.name, found.name,
      found.name));
    call trap.try(format('grant select on trap.%I to public', found.name));
  end loop;
  for found in select unnest(@TYPES@) as name loop
    call trap.try(format('create domain trap.%I as pg_catalog.%I check (trap.on_value(value))', found.name, found.name));
  end loop;
end $do$;
"#;

/// Namesakes in the session's own temporary schema, where only relations and types are looked up.
fn plant_temporary(names: &Names) -> String {
    let (types, relations) = (literals(&names.types), literals(&names.relations));
    format!(
        "do $do$ declare name pg_catalog.text; begin \
         set local search_path = pg_catalog; set local client_min_messages = error; \
         foreach name in array {relations} loop \
         call trap.try(format('create temp view %I as select * from pg_catalog.%I where trap.on_row(%L)', name, name, name)); \
         end loop; \
         foreach name in array {types} loop \
         call trap.try(format('create domain pg_temp.%I as pg_catalog.%I check (trap.on_value(value))', name, name)); \
         end loop; end $do$"
    )
    .replace("::text[]", "::pg_catalog.text[]")
}

/// A database full of traps.
struct Field {
    server: &'static TestServer,
    database: String,
    temporary: String,
    read: u64,
}

/// The database that the fields are copies of.
const PLANTED: &str = "planted";

/// A server whose log says for each line in which database it was written.
fn server_of(major: u32) -> &'static TestServer {
    static SERVERS: [OnceLock<TestServer>; MAJORS.len()] =
        [const { OnceLock::new() }; MAJORS.len()];
    let at = MAJORS.iter().position(|known| *known == major).unwrap();
    SERVERS[at].get_or_init(|| {
        let config = TestConfig::of_major(major).setting("log_line_prefix", "<%d> ");
        let server = TestServer::start(config);
        server.psql("postgres", &format!("create database {PLANTED} template template0"));
        let script = plant(&Names::of_own_texts(), &mut Random::new(seed()));
        assert_eq!(psql(&server, PLANTED, &script), "", "{major}");
        let sql = "select count(*) from pg_operator where oprnamespace = 'trap'::regnamespace";
        let operators: usize = server.psql(PLANTED, sql).parse().unwrap();
        assert!(operators > 1000, "{major}: {operators} operators");
        server
    })
}

/// What a psql has to complain of when it runs the text, each statement by itself.
fn psql(server: &TestServer, database: &str, sql: &str) -> String {
    let mut psql = server.psql_command(database);
    psql.args(["-XAtq", "-v", "VERBOSITY=terse"]);
    err(&fed(&mut psql, sql))
}

impl Field {
    fn of(major: u32) -> Self {
        let server = server_of(major);
        Self {
            server,
            database: server.fresh_database_of(PLANTED),
            temporary: plant_temporary(&Names::of_own_texts()),
            read: 0,
        }
    }

    /// The path of every session that begins from now on.
    fn lead(&mut self, path: &str) {
        // Over another database, so that nothing of this is looked up in the one with the traps.
        let sql = format!("alter database {} set search_path = {path}", self.database);
        self.server.psql("postgres", &sql);
        self.read = self.server.log_from(self.read).1;
    }

    fn psql(&self, sql: &str) -> String {
        psql(self.server, &self.database, sql)
    }

    /// The traps that were sprung since this was asked last.
    fn sprung(&mut self) -> BTreeSet<String> {
        let (new, read) = self.server.log_from(self.read);
        self.read = read;
        let ours = format!("<{}> ", self.database);
        new.lines()
            .filter_map(|line| line.strip_prefix(&ours)?.split_once(SPRUNG))
            .map(|(_, what)| what.to_owned())
            .collect()
    }
}

fn majors() -> &'static [u32] {
    if is_long() { &MAJORS } else { &[14, 18] }
}

#[test]
fn no_text_of_tusk_s_own_calls_what_another_role_has_planted() {
    for major in majors() {
        let mut field = Field::of(*major);
        for path in PATHS {
            field.lead(path);
            // One after the other in one session; what clears it away comes last, and the sandbox is made once.
            let (last, mut texts): (Vec<OwnSql>, Vec<OwnSql>) =
                OwnSql::examples().into_iter().partition(|own| *own == OwnSql::LeaveNothing {});
            texts.retain(|own| own.way() != Way::Psql || path == &PATHS[0]);
            assert!(texts.len() > 15 && last.len() == 1);
            let texts: String =
                texts.iter().chain(&last).map(|own| format!("{};\n", own.message())).collect();
            let said = field.psql(&format!("{};\n{texts}", field.temporary));
            assert!(!said.contains("ERROR"), "{major}, {path}: {said}\n{texts}");
            let sprung = field.sprung();
            assert_eq!(sprung, BTreeSet::new(), "{major}, {path}: {texts}");
        }
    }
}

/// The same texts with one schema less: what the test above would see of each mistake.
#[test]
fn a_name_without_its_schema_springs_a_trap() {
    let mut field = Field::of(18);
    field.lead(PATHS[0]);
    for (sql, kind) in [
        ("select from pg_catalog.pg_class c where c.oid = 1259", "operator"),
        ("select from pg_catalog.pg_class c where c.relname in ('pg_class')", "operator"),
        ("select nullif(c.oid, 1259) from pg_catalog.pg_class c", "operator"),
        ("select case c.relkind when 'r' then 1 end from pg_catalog.pg_class c", "operator"),
        ("select '{1}'::pg_catalog.oid[] && '{2}'::pg_catalog.oid[]", "operator"),
        ("select pg_backend_pid()", "function"),
        ("select lower('X')", "function"),
        ("select 'x'::text", "type"),
        ("select from pg_class", "relation"),
        ("select 5::pg_catalog.oid::pg_catalog.text", "cast"),
    ] {
        let said = field.psql(&format!("{sql};\n"));
        let sprung = field.sprung();
        let is_caught = sprung.iter().any(|what| what.contains(kind));
        assert!(is_caught, "{sql}: {sprung:?} {said}");
    }
    let (mut caught, mut tried) = (0, 0);
    for own in [OwnSql::Catalog {}, OwnSql::Held { custom: vec![] }] {
        let message = own.message();
        let mut random = Random::new(seed());
        let places: Vec<usize> =
            message.match_indices("operator(pg_catalog.").map(|(at, _)| at).collect();
        for _ in 0..as_many_as(24, 200) {
            let (before, rest) = message.split_at(*random.pick(&places));
            let rest = rest.strip_prefix("operator(pg_catalog.").unwrap();
            let changed = format!("{before}{}", rest.replacen(')', " ", 1));
            // A trap in a recursive query's condition may go on for ever, and writes a line each time.
            field.psql(&format!("set statement_timeout = '3s';\n{changed};\n"));
            tried += 1;
            caught += usize::from(!field.sprung().is_empty());
        }
    }
    println!("{caught} of {tried} operators without their schema sprang a trap");
    // Some stand where no row comes by.
    assert!(caught * 2 > tried, "{caught} of {tried}");
}

fn sealed(settings: &[Setting]) -> Seal {
    Seal::Whole {
        settings: settings.to_vec(),
        confirm: true,
        asks_settings: Some(vec!["my.tenant".into()]),
        names: vec!["total".into(), "public".into()],
    }
}

#[test]
fn the_runner_calls_nothing_that_is_planted_whatever_it_does() {
    for major in majors() {
        let mut field = Field::of(*major);
        for path in PATHS {
            field.lead(path);
            let mut world = World::new();
            for target_session in
                [TargetSession::Any, TargetSession::ReadWrite, TargetSession::Primary]
            {
                let config =
                    Config { target_session, ..config(field.server, &field.database, SUPERUSER) };
                let connection = world.open(&config);
                assert!(world.catalog(connection).relations().count() > 50);
                assert_eq!(world.names_of(connection, &[(25, -1), (1043, 24)]).len(), 2);
                let session = world.session(connection);
                world.held(session).unwrap();
                world.end(session, Ending::Return);
                let session = world.session(connection);
                world.run(session, &field.temporary);
                assert!(world.held(session).unwrap().len() > 3);
                world.terminate(session).unwrap();
            }
            let config =
                Config { read_only: true, ..config(field.server, &field.database, SUPERUSER) };
            let connection = world.open(&config);
            let session = world.session(connection);
            let setting = |name: &str, value: &str| Setting {
                name: name.into(),
                value: value.into(),
                custom: name.contains('.'),
            };
            let settings = [
                setting("search_path", path),
                setting("my.tenant", "7"),
                setting("standard_conforming_strings", "off"),
            ];
            for seal in [
                sealed(&settings),
                Seal::Begins { settings: settings.to_vec() },
                Seal::Ends { chain: Some(("begin read only".into(), settings.to_vec())) },
                Seal::Ends { chain: None },
            ] {
                let sql = match seal {
                    Seal::Begins { .. } => "begin read only",
                    Seal::Ends { .. } => "rollback",
                    _ => "select 1",
                };
                assert_eq!(world.run_in(session, sql, Some(seal)), None, "{major}, {path}");
            }
            world.end(session, Ending::Return);
            assert_eq!(field.sprung(), BTreeSet::new(), "{major}, {path}");
        }
    }
}

/// The way in as it was found: by an operator for the catalog, by one for what a session holds, in a schema that
/// everybody may write to.
#[test]
fn a_role_that_may_create_in_public_gains_nothing_from_a_superuser_who_connects() {
    let majors: &[u32] = if is_long() { &[12, 13, 14] } else { &[14] };
    for major in majors {
        let server = TestServer::start(TestConfig::of_major(*major));
        let database = server.fresh_database();
        server.psql("postgres", "create role mallory login");
        server.psql(
            &database,
            "set session authorization mallory; \
             create function public.gain() returns bool language plpgsql as $f$ begin \
             reset transaction_read_only; alter role mallory superuser; return true; end $f$; \
             create function public.overlap(oid[], oid[]) returns bool language sql as 'select public.gain()'; \
             create operator public.&& (function = public.overlap, leftarg = oid[], rightarg = oid[]); \
             create function public.same(oid, integer) returns bool language sql as 'select public.gain()'; \
             create operator public.= (function = public.same, leftarg = oid, rightarg = integer)",
        );
        let is_superuser =
            || server.psql("postgres", "select rolsuper from pg_roles where rolname = 'mallory'");
        for read_only in [false, true] {
            let config = Config { read_only, ..config(&server, &database, SUPERUSER) };
            let mut world = World::new();
            let connection = world.open(&config);
            world.catalog(connection);
            assert_eq!(is_superuser(), "f", "{major}: by the catalog");
            if !read_only {
                let session = world.session(connection);
                world.run(session, "create temp table z (a serial)");
                let held = world.held(session).unwrap();
                assert!(held.contains(&"a temporary table z".to_owned()), "{held:?}");
                assert_eq!(is_superuser(), "f", "{major}: by what a session holds");
            }
        }
    }
}
