//! The texts that try to get out of a read-only connection, by class, and the pieces that random ones are made of.

/// Separates the statements of a text that are sent one after the other.
pub const NEXT: &str = " §§ ";

/// A database with something of everything, and functions that hide what they do. Everybody may do everything in it,
/// so that nothing but the connection stands in the way.
pub const SCHEMA: &str = r"
create schema app;
create table app.here (v text); insert into app.here values ('in app');
create table t (a int primary key, b text);
insert into t select g, 'row ' || g from generate_series(1, 20) g;
create table part (a int) partition by list (a); create table part_1 partition of part for values in (1);
create sequence s; create table serial (id serial, v int);
create view v as select * from t;
create rule v_insert as on insert to v do instead insert into t values (new.a, new.b) returning *;
create table audited (a int);
create function audit() returns trigger language plpgsql as $$ begin
  reset transaction_read_only; insert into t values (501, 'by a trigger'); return new; end $$;
create trigger audit before insert on audited for each row execute function audit();
create materialized view m as select count(*) from t;
create function f_reset() returns int language plpgsql as $$ begin
  reset transaction_read_only; insert into t values (1001, 'f_reset'); return 1; end $$;
create function f_default() returns int language plpgsql as $$ begin
  set transaction_read_only = default; insert into t values (1002, 'f_default'); return 1; end $$;
create function f_attribute() returns int language plpgsql set transaction_read_only = off as $$ begin
  insert into t values (1003, 'f_attribute'); return 1; end $$;
create function f_attribute_default() returns int language plpgsql set default_transaction_read_only = off as $$ begin
  reset transaction_read_only; insert into t values (1004, 'x'); return 1; end $$;
create function f_set_config_off() returns int language plpgsql as $$ begin
  perform set_config('transaction_read_only', 'off', false); insert into t values (1005, 'x'); return 1; end $$;
create function f_insert() returns int language sql as $$ insert into t values (1006, 'f_insert') returning a $$;
create function f_immutable() returns int immutable language plpgsql as $$ begin
  reset transaction_read_only; return 1; end $$;
create function f_nextval() returns bigint language sql as $$ select nextval('s') $$;
create function f_hidden_nextval() returns bigint language plpgsql as $$ begin
  reset transaction_read_only; return nextval('s'); end $$;
create function f_lo() returns oid language plpgsql as $$ begin
  reset transaction_read_only; return lo_from_bytea(0, 'x'); end $$;
create function f_notify() returns int language plpgsql as $$ begin
  perform pg_notify('spied', 'got out'); return 1; end $$;
create function f_temp() returns int language plpgsql as $$ begin
  reset transaction_read_only; create temp table gone (a int); insert into gone values (1); return 1; end $$;
create function f_ddl() returns int language plpgsql as $$ begin
  reset transaction_read_only; create table made (a int); drop table app.here; alter table t add c int; return 1; end $$;
create function f_prepare() returns int language plpgsql as $$ begin
  execute 'prepare hidden as insert into t values (1007)'; return 1; end $$;
create function f_listen() returns int language plpgsql as $$ begin execute 'listen spied'; return 1; end $$;
create function f_lock() returns int language plpgsql as $$ begin
  perform pg_advisory_lock(4711); perform pg_advisory_lock_shared(4, 7); perform pg_advisory_xact_lock(9); return 1; end $$;
create function f_set_config() returns text language sql as $$ select set_config('work_mem', '1GB', false) $$;
create function f_role() returns int language plpgsql as $$ begin execute 'set role other'; return 1; end $$;
create function f_execute(text) returns int language plpgsql as $$ begin
  reset transaction_read_only; execute $1; return 1; end $$;
create function f_savepoint() returns int language plpgsql as $$ begin
  begin reset transaction_read_only; insert into t values (1008, 'x'); exception when others then null; end;
  return 1; end $$;
create function f_truncate() returns int language plpgsql as $$ begin
  reset transaction_read_only; truncate t; return 1; end $$;
create procedure p_commit() language plpgsql as $$ begin
  reset transaction_read_only; insert into t values (1009, 'x'); commit; end $$;
create procedure p_rollback() language plpgsql as $$ begin
  rollback; insert into t values (1010, 'x'); commit; end $$;
create procedure p_insert() language plpgsql as $$ begin
  reset transaction_read_only; insert into t values (1011, 'x'); end $$;
create procedure p_attribute() language plpgsql set work_mem = '1GB' as $$ begin
  set transaction_read_only = default; insert into t values (1012, 'x'); end $$;
create view v_writes as select f_reset() as a;
create type pair as (a int, b int);
create function writes(pair) returns int language plpgsql as $$ begin
  reset transaction_read_only; insert into t values ($1.a + 2000, 'x'); return 1; end $$;
create function op_writes(int, int) returns int language plpgsql as $$ begin
  reset transaction_read_only; insert into t values ($1 + 3000, 'x'); return 1; end $$;
create operator <!> (function = op_writes, leftarg = int, rightarg = int);
create aggregate agg_writes(int) (sfunc = op_writes, stype = int, initcond = '1');
create domain guarded as int check (f_immutable() = 1 and value > 0);
select lo_create(4242);
grant all on all tables in schema public, app to public; grant all on all sequences in schema public to public;
grant all on schema public, app to public; grant all on large object 4242 to public;
alter table t enable row level security; create policy everything on t using (true) with check (true);
do $$ begin execute format('grant all on database %I to public', current_database()); end $$;
";

/// What another session sees, one fact a line.
pub const FINGERPRINT: &str = r#"
select fact from (
select 'rows ' || c.oid::regclass || ' ' || md5(query_to_xml(format('select * from %s x order by x::text', c.oid::regclass), true, true, '')::text)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'm', 'p') and n.nspname not like 'pg\_%' and n.nspname <> 'information_schema'
union all select 'sequence ' || c.oid::regclass || ' ' || query_to_xml(format('select last_value, is_called from %s', c.oid::regclass), true, true, '')::text
  from pg_class c where c.relkind = 'S'
union all select 'class ' || concat_ws(' ', oid, relname, relnamespace, relkind, relowner, relacl, relfilenode, relpages, reltuples, relallvisible, relhasindex, relhassubclass, relispopulated, relreplident, relnatts, relchecks, relfrozenxid, relminmxid, relhasrules, relhastriggers, relrowsecurity, reloptions) from pg_class where relkind <> 't'
union all select 'attributes ' || concat_ws(' ', count(*), sum(attrelid::bigint), sum(xmin::text::bigint)) from pg_attribute
union all select 'proc ' || concat_ws(' ', count(*), sum(oid::bigint), sum(xmin::text::bigint)) from pg_proc
union all select 'type ' || concat_ws(' ', count(*), sum(oid::bigint), sum(xmin::text::bigint)) from pg_type
union all select 'operator ' || concat_ws(' ', count(*), sum(oid::bigint), sum(xmin::text::bigint)) from pg_operator
union all select 'constraint ' || concat_ws(' ', count(*), sum(oid::bigint), sum(xmin::text::bigint)) from pg_constraint
union all select 'trigger ' || concat_ws(' ', count(*), sum(oid::bigint), sum(xmin::text::bigint)) from pg_trigger
union all select 'rewrite ' || concat_ws(' ', count(*), sum(oid::bigint), sum(xmin::text::bigint)) from pg_rewrite
union all select 'policy ' || concat_ws(' ', count(*), sum(oid::bigint), sum(xmin::text::bigint)) from pg_policy
union all select 'index ' || count(*) || ' ' || md5(string_agg(concat_ws(' ', indexrelid, indisvalid, indisready, indislive, indcheckxmin, indisclustered), '|' order by indexrelid)) from pg_index
union all select 'namespace ' || p::text from pg_namespace p
union all select 'extension ' || p::text from pg_extension p
union all select 'language ' || p::text from pg_language p
union all select 'event trigger ' || p::text from pg_event_trigger p
union all select 'publication ' || p::text from pg_publication p
union all select 'subscription ' || count(*)::text from pg_subscription
union all select 'server ' || p::text from pg_foreign_server p
union all select 'wrapper ' || p::text from pg_foreign_data_wrapper p
union all select 'user mapping ' || p::text from pg_user_mapping p
union all select 'default acl ' || p::text from pg_default_acl p
union all select 'description ' || concat_ws(' ', count(*), sum(xmin::text::bigint)) from pg_description
union all select 'shared description ' || md5(string_agg(p::text, '|' order by p::text)) from pg_shdescription p
union all select 'label ' || count(*)::text from pg_seclabel
union all select 'statistics ' || count(*)::text from pg_statistic
union all select 'extended statistics ' || p.oid::text from pg_statistic_ext p
union all select 'cast ' || count(*)::text from pg_cast
union all select 'configuration ' || p::text from pg_ts_config p
union all select 'collation ' || count(*)::text from pg_collation
union all select 'large object ' || p::text from pg_largeobject_metadata p
union all select 'large object page ' || md5(p::text) from pg_largeobject p
union all select 'role ' || concat_ws(' ', p.oid, p.rolname, p.rolsuper, p.rolcanlogin, p.rolcreatedb, p.rolconnlimit, p.rolpassword) from pg_authid p
union all select 'member ' || p::text from pg_auth_members p
union all select 'database ' || concat_ws(' ', p.oid, p.datname, p.datdba, p.datconnlimit, p.datacl, p.datfrozenxid, p.datminmxid) from pg_database p where p.datname in ('postgres', 'template1', current_database(), 'made')
union all select 'tablespace ' || p::text from pg_tablespace p
union all select 'setting of a role ' || p::text from pg_db_role_setting p
union all select 'setting of a file ' || p.name || ' ' || p.setting from pg_file_settings p
union all select 'prepared transaction ' || p.gid from pg_prepared_xacts p where p.database = current_database()
union all select 'slot ' || concat_ws(' ', p.slot_name, p.confirmed_flush_lsn) from pg_replication_slots p where p.database is null or p.database = current_database()
union all select 'origin ' || p::text from pg_replication_origin p
union all select 'lock ' || concat_ws(' ', p.locktype, p.classid, p.objid, p.mode) from pg_locks p where p.locktype = 'advisory' and p.database = (select oid from pg_database where datname = current_database())
union all select 'our lock ' || concat_ws(' ', p.locktype, p.relation, p.mode) from pg_locks p where p.pid = any (array[@OURS@]::int[])
union all select 'our state ' || concat_ws(' ', p.pid, p.state, p.backend_xid, p.backend_xmin, p.usename) from pg_stat_activity p where p.pid = any (array[@OURS@]::int[])
union all select 'process ' || count(*)::text from pg_stat_activity p where p.datname = current_database() and p.pid <> pg_backend_pid() and p.backend_type = 'client backend'
union all select 'notifications ' || pg_notification_queue_usage()
union all select 'file ' || f.file || ' ' || coalesce((pg_stat_file(f.file, true)).size::text, 'none') from (values ('tusk_probe'), ('base/tusk_probe'), ('/dev/shm/tusk_probe_of_a_read_only_test')) f(file)
union all select 'entry of the data directory ' || f from pg_ls_dir('.') f
union all select 'temporary file ' || f from pg_ls_dir('/tmp') f where f like '%probe%'
union all select 'reset ' || concat_ws(' ', p.datname, p.stats_reset) from pg_stat_database p where p.datname = current_database()
union all select 'reset of the background writer ' || concat_ws(' ', p.stats_reset) from pg_stat_bgwriter p
union all select 'reset of the archiver ' || concat_ws(' ', p.stats_reset) from pg_stat_archiver p
union all select 'checkpoint timeout ' || setting from pg_settings where name = 'checkpoint_timeout'
) facts(fact) order by fact collate "C""#;

/// What the session itself holds: all of it nothing.
pub const HELD: &str = "select (select count(*) from pg_catalog.pg_prepared_statements where name <> '')::text, \
(select count(*) from pg_catalog.pg_cursors where name <> '')::text, \
(select count(*) from pg_catalog.pg_listening_channels())::text, \
(select count(*) from pg_catalog.pg_class where relnamespace = pg_catalog.pg_my_temp_schema())::text, \
(select coalesce(string_agg(name || '=' || setting, ', '), '') from pg_catalog.pg_settings \
 where source = 'session' and name not like 'transaction\\_%'), \
pg_catalog.current_setting('role'), session_user::text, current_user::text, \
pg_catalog.current_setting('default_transaction_read_only')";

/// Changes that the fingerprint must see.
pub const CHANGES: &[&str] = &[
    "insert into t values (600, 'x')",
    "update t set b = b || '!' where a = 1",
    "delete from t where a = 2",
    "select nextval('s')",
    "create table made (a int)",
    "create function made() returns int language sql as 'select 1'",
    "create or replace function made() returns int language sql as 'select 2'",
    "alter table t add c int",
    "create index made_index on t (b)",
    "comment on table t is 'x'",
    "grant select on t to other",
    "select lo_create(4243)",
    "select lo_put(4242, 0, 'x')",
    "drop view v",
    "create schema made",
    "do $$ begin execute format('alter database %I set work_mem = %L', current_database(), '5MB'); end $$",
    "begin; insert into t values (601, 'x'); prepare transaction 'control'",
    "select pg_create_physical_replication_slot('control')",
    "analyze t",
    "select pg_stat_reset()",
    "select pg_stat_reset_shared('archiver')",
    "do $$ begin execute format('copy (select 1) to %L', current_setting('data_directory') || '/made'); end $$",
    "delete from t where a = 3",
    "vacuum (analyze) t",
    "create index figures_index on app.here (v)",
    "refresh materialized view m",
];

/// Statements that read, whose results must be the same on any connection.
pub const READING: &[&str] = &[
    "select 1",
    "select a, b from t order by a",
    "select null::int, '', 'ü', 1.50::numeric, now() is null, '{1,2}'::int[], row(1, 'x'), '\\x00ff'::bytea, '{\"a\": 1}'::jsonb",
    "select relname, relacl, relkind, oid from pg_class where relname in ('pg_class', 't', 'v') order by 1",
    "select 'a'::text as \"größe\", interval '1 day 2 hours', timestamptz '2024-02-29 12:00+00', point(1, 2), 'x'::\"char\", 1::money, inet '::1'",
    "select",
    "select from t limit 3",
    "values (1, 'a'), (2, null)",
    "table app.here",
    "with recursive n(i) as (values (1) union all select i + 1 from n where i < 5) select sum(i) from n",
    "(select 1) union all (select 2) order by 1",
    "show server_version",
    "explain (costs off) select * from t where a = 1",
    "explain (costs off, analyze, timing off, summary off) select count(*) from t",
    "copy t (a, b) to stdout",
    "copy (select a from t order by a desc) to stdout with (format csv, header)",
    "select a from t where a > 1000",
    "select generate_series(1, 10000) g",
    "select 1 as x; ",
    "/* a /* nested */ comment */ select 'it''s' -- at the end",
    "select $1",
    "select nothing_here from t",
    "selct 1",
    "select 'ü', 1/0",
    "select 'unfinished",
    "select 1 from",
    "select * from no_such_table",
    "do $$ begin raise notice 'heard'; raise warning 'heard too'; end $$",
    "select 1 -- \r\n, 2",
    "/* never closed",
];

/// Every class of way around, with its variants.
pub fn texts() -> Vec<String> {
    let mut texts: Vec<String> = TEXTS.iter().map(|text| (*text).to_owned()).collect();
    // Each way to end a transaction, before and after a write, in one text and in several.
    for end in ENDS {
        texts.push(format!("{end}; insert into t values (700, 'x')"));
        texts.push(format!(
            "begin{NEXT}reset transaction_read_only{NEXT}insert into t values (701, 'x'){NEXT}{end}"
        ));
        texts.push(format!("begin{NEXT}select f_reset(){NEXT}{end}"));
        texts.push(format!("select f_reset(); {end}"));
    }
    for gap in GAPS {
        texts.push(format!("{gap}commit{gap}"));
        texts.push(format!(
            "{gap}rollback{gap};{gap}insert into t values (702, 'x'){gap};{gap}commit"
        ));
        texts.push(format!("begin{NEXT}select f_reset(){NEXT}{gap}commit{gap}"));
        texts.push(format!("select f_reset(){gap};{gap}commit"));
    }
    for command in WRITES {
        texts.push((*command).to_owned());
        texts.push(format!("explain analyze {command}"));
        texts.push(format!("begin{NEXT}reset transaction_read_only{NEXT}{command}{NEXT}commit"));
        texts.push(format!("begin{NEXT}savepoint a{NEXT}set transaction_read_only = default{NEXT}{command}{NEXT}release a{NEXT}end"));
        // What a function does in place stays; the test of the documented limits has that.
        if !IN_PLACE.contains(command) {
            texts.push(format!("select f_execute({})", literal(command)));
        }
        texts.push(format!(
            "do $outer$ begin reset transaction_read_only; execute {}; end $outer$",
            literal(command)
        ));
    }
    texts
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

const ENDS: &[&str] = &[
    "commit",
    "COMMIT WORK",
    "end",
    "end transaction",
    "commit and chain",
    "end and no chain",
    "rollback",
    "abort",
    "rollback and chain",
    "commit prepared 'x'",
    "rollback prepared 'x'",
    "prepare transaction 'remains'",
    "rollback to a",
    "release a",
    "savepoint a",
    "begin",
    "begin read write",
    "start transaction read write",
];

const GAPS: &[&str] = &[
    " ",
    "\n",
    "\t\r\n\x0c",
    "/**/",
    "/* /* nested */ */",
    "-- a line\n",
    "-- a line\r",
    ";",
    ";;",
    " ; -- x\n",
    "/* -- */",
    "-- /*\n",
    "\u{feff}",
    "\u{a0}",
    "\x0b",
];

const WRITES: &[&str] = &[
    "insert into t values (800, 'x')",
    "insert into t select a + 800, b from t returning *",
    "insert into v values (801, 'x')",
    "insert into audited values (1)",
    "update t set b = 'x' where a = 1 returning *",
    "delete from t",
    "merge into t using (values (1), (802)) n(a) on t.a = n.a when matched then delete when not matched then insert values (n.a, 'x')",
    "truncate t",
    "with d as (delete from t returning *) select * from d",
    "with i as (insert into t values (803, 'x') returning a), u as (update t set b = 'y' where a = 2) select * from i",
    "select * into made from t",
    "create table made as select * from t",
    "create table made (a int)",
    "create temp table made (a int)",
    "create unlogged table made (a int)",
    "create view made as select 1",
    "create materialized view made as select 1",
    "refresh materialized view m",
    "create function made() returns int language sql as 'select 1'",
    "create index on t (b)",
    "alter table t add c int",
    "drop table t cascade",
    "comment on table t is 'x'",
    "grant all on t to other",
    "create role made",
    "alter role other set work_mem = '7MB'",
    "copy t from '/dev/null'",
    "import foreign schema public from server no_such into public",
    "create extension hstore",
    "create schema made create table inside (a int)",
    "notify spied, 'got out'",
    "select lo_create(4300)",
    "select lo_unlink(4242)",
    "call p_insert()",
    "reassign owned by other to postgres",
    "analyze t",
    "reindex table t",
    "cluster t using t_pkey",
    "vacuum t",
    "alter table t add unique (b)",
];

/// Those of these commands that change `pg_class` in place, which no rollback undoes.
const IN_PLACE: &[&str] =
    &["create index on t (b)", "analyze t", "reindex table t", "alter table t add unique (b)"];

const TEXTS: &[&str] = &[
    // Settings: SET, RESET, set_config, function attributes.
    "reset transaction_read_only",
    "RESET TRANSACTION_READ_ONLY; insert into t values (900, 'x')",
    "set transaction_read_only = default",
    "set transaction_read_only to off",
    "set local transaction_read_only = default",
    "set session transaction_read_only = default",
    "set transaction read write",
    "set transaction isolation level serializable, read write",
    "set session characteristics as transaction read write",
    "set default_transaction_read_only = off",
    "set session_replication_role = replica",
    "set role other",
    "set session authorization other",
    "set local role other",
    "reset role",
    "reset session authorization",
    "reset all",
    "set work_mem = '64MB'",
    "set search_path = app",
    "set time zone 'Asia/Tokyo'",
    "set names 'LATIN1'",
    "set client_encoding = 'SQL_ASCII'",
    "set standard_conforming_strings = off",
    "set standard_conforming_strings = off §§ select '\\'; commit; --'",
    "begin §§ set standard_conforming_strings = off §§ select '\\'' ; reset transaction_read_only; commit; --'",
    "set xmloption = document",
    "set constraints all deferred",
    "set app.anything = 'x'",
    "select set_config('transaction_read_only', 'off', false)",
    "select set_config('transaction_read_only', null, false), f_insert()",
    "select set_config('default_transaction_read_only', 'off', false)",
    "select pg_catalog.set_config('work_mem', '64MB', false)",
    "update pg_settings set setting = 'off' where name = 'transaction_read_only'",
    "update pg_settings set setting = '64MB' where name = 'work_mem'",
    "alter system set checkpoint_timeout = '17min'",
    "alter system reset all",
    "alter database postgres set work_mem = '7MB'",
    "alter role current_user set default_transaction_read_only = off",
    // Functions, views, operators, casts, aggregates.
    "select f_reset()",
    "select f_default()",
    "select f_attribute()",
    "select f_attribute_default()",
    "select f_set_config_off()",
    "select f_insert()",
    "select f_immutable(), f_insert()",
    "select f_savepoint()",
    "select f_truncate()",
    "select f_ddl()",
    "select f_temp()",
    "select f_lo()",
    "select f_notify()",
    "select f_prepare()",
    "select f_prepare() §§ execute hidden",
    "select f_listen()",
    "select f_lock()",
    "select f_role()",
    "select f_set_config()",
    "select f_nextval()",
    "select f_execute('commit')",
    "select f_execute('create database made')",
    "select f_execute('vacuum t')",
    "select f_execute('set role other')",
    "select f_execute('listen spied')",
    "select f_execute('declare c cursor with hold for select 1')",
    "select f_execute('alter system set checkpoint_timeout = ''17min''')",
    "select f_execute('copy t to program ''cat >/dev/shm/tusk_probe_of_a_read_only_test''') where false",
    "select * from v_writes",
    "select a from v_writes union all select f_default()",
    "select (row(1, 2)::pair).writes",
    "select writes(row(1, 2)::pair)",
    "select 1 <!> 2",
    "select agg_writes(a) from t",
    "select 5::guarded",
    "select cast('5' as guarded), f_insert()",
    "values (f_reset())",
    "select * from t where f_reset() = 1 limit 1",
    "select * from t order by f_default() limit 1",
    "select * from generate_series(1, f_reset())",
    "select case when f_reset() = 1 then f_insert() end",
    "select query_to_xml('select f_reset()', true, true, '')",
    "select query_to_xml('insert into t values (901)', true, true, '')",
    "select ts_stat('select to_tsvector(b) from t where f_reset() = 1')",
    "table v_writes",
    "explain analyze select f_reset()",
    "explain (analyze, format json) select f_default()",
    "explain analyze verbose select * from v_writes",
    // Several commands in one text.
    "insert into t values (902, 'x'); commit",
    "select 1; insert into t values (903, 'x'); commit",
    "select 1; reset transaction_read_only; insert into t values (904, 'x'); commit; select 1",
    "rollback; insert into t values (905, 'x')",
    "rollback;insert into t values (906, 'x');begin",
    "select 1; select 2",
    ";;select 1;;",
    ";",
    "",
    "  -- nothing",
    "select 1;\0",
    "commit;;;",
    "begin; commit; insert into t values (907, 'x')",
    "set transaction_read_only = default; insert into t values (908, 'x'); commit",
    "select $$;commit;$$; rollback; insert into t values (909, 'x')",
    "create function made() returns int begin atomic select 1; end; commit",
    "select 'a' \n 'b'; commit",
    "select 1 /* ; */ ; /* ; */ commit",
    "select U&'\\0041' ; commit",
    "select E'\\'; commit; --'; commit",
    // DO and procedures.
    "do $$ begin reset transaction_read_only; insert into t values (910, 'x'); end $$",
    "do $$ begin commit; end $$",
    "do $$ begin rollback; insert into t values (911, 'x'); commit; end $$",
    "do $$ begin perform f_reset(); commit and chain; end $$",
    "do 'begin reset transaction_read_only; execute ''insert into t values (912)''; end' language plpgsql",
    "call p_commit()",
    "call p_rollback()",
    "call p_insert()",
    "call p_attribute()",
    "begin §§ call p_commit() §§ commit",
    "begin §§ call p_insert() §§ commit and chain §§ insert into t values (913, 'x') §§ commit",
    // Prepared statements.
    "prepare p as insert into t values (914, 'x')",
    "prepare p as insert into t values (914, 'x') §§ execute p",
    "begin §§ prepare p as insert into t values (914, 'x') §§ reset transaction_read_only §§ execute p §§ commit §§ execute p",
    "begin §§ prepare p as select f_reset() §§ execute p §§ explain analyze execute p §§ commit",
    "begin §§ create table made as execute p §§ commit",
    "begin §§ prepare p as select 1 §§ deallocate p §§ deallocate all §§ commit",
    "deallocate all",
    "deallocate prepare all",
    // Cursors.
    "declare c cursor with hold for select * from t",
    "begin §§ declare c cursor with hold for select f_reset() §§ commit §§ fetch all from c",
    "begin §§ declare c cursor for select f_reset() §§ fetch all from c §§ move all in c §§ close c §§ commit",
    "begin §§ declare c cursor for select * from t for update §§ fetch 1 from c §§ commit",
    "begin §§ reset transaction_read_only §§ declare c cursor for select * from t for update §§ fetch 1 from c §§ delete from t where current of c §§ commit",
    "close all",
    "fetch all from \"<unnamed portal 1>\"",
    // Two-phase commit.
    "begin §§ select f_reset() §§ prepare transaction 'remains' §§ commit prepared 'remains'",
    "prepare transaction 'remains'",
    "prepare/**/transaction 'remains'",
    "prepare -- \n transaction 'remains'",
    "begin §§ prepare transaction 'remains'; §§ commit",
    "commit prepared 'remains'",
    "rollback prepared 'remains'",
    // COPY.
    "copy t from stdin",
    "copy t from '/etc/hostname'",
    "copy t from program 'echo 915'",
    "copy t to '/dev/shm/tusk_probe_of_a_read_only_test'",
    "copy (select 1) to program 'cat > tusk_probe'",
    "copy (select f_reset()) to stdout",
    "copy (insert into t values (916, 'x') returning *) to stdout",
    "copy (with d as (delete from t returning *) select * from d) to stdout",
    "begin §§ reset transaction_read_only §§ copy t from stdin §§ commit",
    "begin §§ reset transaction_read_only §§ copy (insert into t values (917, 'x') returning *) to stdout §§ commit",
    // Temporary and large objects.
    "create temp table made on commit preserve rows as select 1",
    "select 1 as a into temp made",
    "create temp view made as select 1",
    "create function pg_temp.made() returns int language sql as 'select 1'",
    "select lo_create(0)",
    "select lo_create(4301)",
    "select lo_from_bytea(4302, 'x')",
    "select lo_put(4242, 0, 'changed')",
    "select lo_unlink(4242)",
    "select lowrite(lo_open(4242, 131072), 'changed')",
    "begin §§ select lowrite(lo_open(4242, 131072), 'changed') §§ commit",
    "select lo_import('/etc/hostname')",
    "select lo_import('/etc/hostname', 4303)",
    "select lo_export(4242, '/dev/shm/tusk_probe_of_a_read_only_test')",
    "select lo_truncate(lo_open(4242, 131072), 10)",
    "alter large object 4242 owner to other",
    "comment on large object 4242 is 'x'",
    // What no rollback undoes: refused in plain sight.
    "select nextval('s')",
    "select pg_catalog.nextval('s'::regclass)",
    "select \"nextval\"('s')",
    "select U&\"\\006eextval\"('s')",
    "select U&\"!006eextval\" UESCAPE '!' ('s')",
    "select ('s'::regclass).nextval",
    "select setval('s', 100)",
    "select setval('s', 100, false)",
    "begin §§ reset transaction_read_only §§ select nextval('s') §§ select setval('s', 99) §§ commit",
    "insert into serial default values",
    "explain analyze insert into serial default values",
    "begin §§ reset transaction_read_only §§ insert into serial default values §§ commit",
    "select pg_create_physical_replication_slot('remains')",
    "select pg_create_logical_replication_slot('remains', 'test_decoding')",
    "select pg_drop_replication_slot('remains')",
    "select pg_logical_emit_message(false, 'x', 'y')",
    "select pg_replication_origin_create('remains')",
    "select pg_switch_wal()",
    "select pg_create_restore_point('x')",
    "select pg_stat_reset()",
    "select pg_stat_reset_shared('bgwriter')",
    "select pg_reload_conf()",
    "select pg_rotate_logfile()",
    "select pg_terminate_backend(pg_backend_pid())",
    "select pg_cancel_backend(pg_backend_pid())",
    "select dblink_exec('dbname=postgres', 'create table made (a int)')",
    "select pg_file_write('tusk_probe', 'x', false)",
    "do $$ begin reset transaction_read_only; perform nextval('s'); end $$",
    // The same in strings that are run.
    "do $$ begin reset transaction_read_only; execute 'select setval(''s'', 99)'; end $$",
    "do 'begin reset transaction_read_only; execute ''select setval(''''s'''', 99)''; end'",
    "do $a$ begin execute $b$ do $c$ begin reset transaction_read_only; execute $d$ select setval('s', 99) $d$; end $c$ $b$; end $a$",
    "do $$ begin reset transaction_read_only; execute e'select set\\166al(''s'', 99)'; end $$",
    "do $$ begin reset transaction_read_only; execute U&'select set\\0076al(''s'', 99)'; end $$",
    "do $$ begin reset transaction_read_only; execute 'select set'\n'val(''s'', 99)'; end $$",
    "do U&'begin reset transaction_read_only; perform set!0076al(''s'', 99); end' uescape '!'",
    "do e'begin reset transaction_read_only; perform set\\x76al(\\'s\\', 99); end'",
    "do $$ declare q text := 'select setval(''s'', 99)'; begin reset transaction_read_only; execute q; end $$",
    "do $$ begin reset transaction_read_only; execute format('select setval(%L, 99)', 's'); end $$",
    "do $$ begin reset transaction_read_only; perform query_to_xml('select setval(''s'', 99)', true, true, ''); end $$",
    "do $$ begin reset transaction_read_only; create function pg_temp.f() returns bigint language sql as 'select setval(''s'', 99)'; perform pg_temp.f(); end $$",
    "select f_reset(), query_to_xml('select setval(''s'', 99)', true, true, '')",
    "select query_to_xml('select lo_export(4242, ''/dev/shm/tusk_probe_of_a_read_only_test'')', true, true, '')",
    "select query_to_xmlschema('select lo_export(4242, ''/dev/shm/tusk_probe_of_a_read_only_test'')', true, true, '')",
    "select query_to_xml_and_xmlschema(q, true, true, '') from (values ('select lo_export(4242, ''/dev/shm/tusk_probe_of_a_read_only_test'')')) v(q)",
    "select query_to_xml('select query_to_xml(''select lo_export(4242, ''''/dev/shm/tusk_probe_of_a_read_only_test'''')'', true, true, '''')', true, true, '')",
    "select * from ts_stat('select to_tsvector(lo_export(4242, ''/dev/shm/tusk_probe_of_a_read_only_test'')::text)')",
    "select ts_rewrite('a'::tsquery, 'select ''a''::tsquery, ''b''::tsquery where lo_export(4242, ''/dev/shm/tusk_probe_of_a_read_only_test'') > 0')",
    "explain analyze select query_to_xml('select lo_export(4242, ''/dev/shm/tusk_probe_of_a_read_only_test'')', true, true, '')",
    "begin §§ prepare p (text) as select query_to_xml($1, true, true, '') §§ execute p ('select lo_export(4242, ''/dev/shm/tusk_probe_of_a_read_only_test'')') §§ commit",
    "begin §§ set standard_conforming_strings = off §§ select 'a\\'', lo_export(4242, '/dev/shm/tusk_probe_of_a_read_only_test'), '\\'' §§ commit",
    // Commands in a body.
    "do $$ begin copy t to '/dev/shm/tusk_probe_of_a_read_only_test'; end $$",
    "do $$ begin copy (select 1) to program 'cat > tusk_probe'; end $$",
    "do $$ begin execute 'copy t to ''/dev/shm/tusk_probe_of_a_read_only_test'''; end $$",
    "do $$ begin execute 'copy ' || 't' || ' to ' || quote_literal('/dev/shm/tusk_probe_of_a_read_only_test'); end $$",
    "do $$ begin execute format('copy %I to %L', 't', '/dev/shm/tusk_probe_of_a_read_only_test'); end $$",
    "do $$ begin reset transaction_read_only; execute 'copy app.here from program ''echo x | tee /dev/shm/tusk_probe_of_a_read_only_test'''; end $$",
    "do $$ begin checkpoint; load 'auto_explain'; end $$",
    "do $$ begin if true then analyze t; end if; end $$",
    "do $$ begin execute 'do $x$ begin analyze t; end $x$'; end $$",
    "do $$ begin execute format('analyze %I', 't'); reindex table t; end $$",
    "do language plperl $$ 1 $$",
    // Nothing of these is a call, or is undone.
    "select 'setval(1)', $$nextval('s')$$, e'nextval(\\'s\\')'",
    "select pg_import_system_collations('public'::regnamespace)",
    "begin §§ select pg_export_snapshot() §§ commit",
    "analyze",
    "analyze (verbose) t",
    "analyse t",
    "begin §§ analyze t §§ commit",
    "reindex index t_pkey",
    "begin §§ reindex table t §§ cluster t using t_pkey §§ commit",
    "vacuum (analyze) t",
    "checkpoint",
    "load 'auto_explain'",
    "discard all",
    "discard temp",
    "discard plans",
    // Locks, notifications.
    "select pg_advisory_lock(1)",
    "select pg_advisory_lock(1, 2), pg_advisory_lock_shared(3)",
    "select pg_try_advisory_lock(4), pg_advisory_xact_lock(5)",
    "begin §§ select pg_advisory_lock(6) §§ commit",
    "begin §§ select pg_advisory_lock(7) §§ select 1/0 §§ commit",
    "select pg_advisory_lock(8), 1/0",
    "lock table t",
    "lock table t in access exclusive mode nowait",
    "begin §§ lock table t in access share mode §§ commit",
    "select * from t for update",
    "select * from t for key share",
    "listen spied",
    "unlisten *",
    "notify spied, 'got out'",
    "select pg_notify('spied', 'got out')",
    "begin §§ select pg_notify('spied', 'got out') §§ commit",
    "begin §§ reset transaction_read_only §§ select pg_notify('spied', 'got out') §§ end",
    // Roles, databases and the rest of DDL.
    "create database made",
    "drop database if exists made",
    "alter database postgres connection limit 5",
    "create tablespace made location '/dev/shm'",
    "vacuum t",
    "vacuum full",
    "cluster",
    "reindex table t",
    "reindex table concurrently t",
    "create index concurrently made on t (b)",
    "drop index concurrently t_pkey",
    "create subscription made connection 'dbname=postgres' publication p with (connect = false)",
    "create publication made for table t",
    "create user made password 'x'",
    "alter role current_user password 'x'",
    "drop role other",
    "grant other to current_user",
    "create event trigger made on ddl_command_end execute function audit()",
    "create server made foreign data wrapper no_such",
    "alter default privileges grant all on tables to public",
    "security label on table t is 'x'",
    "create rule made as on insert to t do also notify spied",
    "create or replace view v as select * from t where f_reset() = 1",
    "create cast (pair as int) with function writes(pair)",
    "create statistics made on a, b from t",
    "do $$ begin execute 'create role made'; end $$",
    // Chains of transactions.
    "begin §§ select f_reset() §§ savepoint a §§ select f_default() §§ release a §§ commit",
    "begin §§ savepoint a §§ select 1/0 §§ rollback to a §§ select f_reset() §§ end",
    "begin §§ select f_reset() §§ rollback to \"; commit; --\" §§ commit",
    "savepoint \"; commit\"",
    "release a; commit",
    "rollback to a; commit",
    "begin; §§ insert into t values (918, 'x'); §§ commit;",
    "begin isolation level serializable read write deferrable §§ reset transaction_read_only §§ insert into t values (919, 'x') §§ commit",
    "begin §§ begin read write §§ insert into t values (920, 'x') §§ commit",
    "begin §§ set transaction read write §§ insert into t values (921, 'x') §§ commit",
    "begin §§ commit and chain §§ set transaction read write §§ insert into t values (922, 'x') §§ commit and chain §§ insert into t values (923, 'x') §§ commit",
    "begin §§ reset transaction_read_only §§ rollback and chain §§ insert into t values (924, 'x') §§ commit",
    "begin §§ select 1/0 §§ commit §§ insert into t values (925, 'x')",
    "commit §§ insert into t values (926, 'x') §§ commit",
    "begin §§ select f_attribute() §§ commit",
    "begin §§ set local transaction_read_only to default §§ with i as (insert into t values (927, 'x') returning *) table i §§ end transaction",
    "\\q",
    "commit\\g",
    "select 1 \\; commit",
];

/// A small generator of numbers (xorshift), so that a failing text is the same everywhere.
pub struct Random(pub u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const PIECES: &[&str] = &[
    "commit",
    "rollback",
    "begin",
    "end",
    "abort",
    "prepare transaction 'remains'",
    "savepoint a",
    "rollback to a",
    "release a",
    "insert into t values (950, 'x')",
    "select f_reset()",
    "select f_default()",
    "select 1",
    "reset transaction_read_only",
    "set transaction_read_only = default",
    "select f_execute('insert into t values (951)')",
    "call p_insert()",
    "call p_commit()",
    "do $$ begin reset transaction_read_only; insert into t values (952, 'x'); end $$",
    "set search_path = app",
    "set role other",
    "select set_config('transaction_read_only', null, false)",
    "select pg_advisory_lock(1)",
    "prepare p as select f_reset()",
    "execute p",
    "declare c cursor for select f_reset()",
    "fetch all from c",
    "copy (select f_default()) to stdout",
    "create table made (a int)",
    "select lo_create(4400)",
    "explain analyze insert into t values (953, 'x')",
    "set standard_conforming_strings = off",
    "show all",
    "with i as (insert into t values (954, 'x') returning *) table i",
    "reset all",
    "commit and chain",
    "start transaction",
];

/// Statements, gaps and separators thrown together.
pub fn composed(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..=random.below(3) {
        if random.below(4) == 0 {
            text.push_str(random.pick(GAPS));
        }
        let piece = random.pick(PIECES);
        match random.below(8) {
            0 => text.push_str(&piece.to_uppercase().replace("F_", "f_").replace("P_", "p_")),
            1 => text.push_str(
                &piece.replace(' ', random.pick(&["/**/", "\n", " -- x\n ", "\t", "\r"])),
            ),
            2 => text.push_str(&piece[..random.below(piece.len())]),
            _ => text.push_str(piece),
        }
        text.push_str(
            random
                .pick(&["", ";", "; ", " ;;", "\n", " -- ", "/*", "*/", "'", "\"", "$$", ";\r\n"]),
        );
    }
    text
}

const BITS: &[&str] = &[
    " ",
    "\n",
    "\r",
    "\t",
    "\x0b",
    "\x0c",
    "--",
    "-- x\n",
    "-- x\r",
    "--\r\n",
    "/*",
    "*/",
    "/**/",
    "/*/**/*/",
    "/*/",
    "*/*",
    "/***/",
    ";",
    "(",
    ")",
    "'",
    "\"",
    "$$",
    "$a$",
    "-",
    "/",
    "*",
    "U&",
    "E'",
    "\u{feff}",
    "\u{a0}",
    "\\",
    "x",
    "show all",
    "set a = 1",
    "reset all",
    "reset x",
    "prepare p as select 1",
    "explain",
    "declare c cursor for",
    "lock t",
    "prepare",
    "transaction",
    "'x'",
    "as",
    "and",
    "chain",
    "no",
    "work",
    "to",
    "a",
    "prepared",
    "create",
    "fetch",
    "drop",
    "do",
    "call",
];
const LAST: &[&str] = &[
    "commit",
    "COMMIT",
    "commit;",
    "end",
    "rollback",
    "abort",
    "prepare transaction 'x'",
    "commit prepared 'x'",
    "rollback to a",
    "commit and chain",
    "end -- x",
    "rollback /* y */",
    "COMMIT WORK;",
    "prepare /* a */ transaction -- b\n 'x'",
];

/// Beginnings that could mislead about the first word.
pub fn beginning(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..random.below(5) {
        text.push_str(random.pick(BITS));
    }
    if random.below(5) > 0 {
        text.push_str(random.pick(LAST));
    }
    for _ in 0..random.below(3) {
        text.push_str(random.pick(BITS));
    }
    text
}
