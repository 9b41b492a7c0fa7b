//! The volatile functions that a server and PostgreSQL's own extensions have: each is refused by a read-only connection
//! or known to be harmless (`guard::known`), so that the test fails for one that a new server brings.

/// Each function that has an effect or may have one, of the system and of extensions: those that can be called.
pub const VOLATILE: &str = "select distinct p.proname from pg_proc p \
left join pg_depend d on d.objid = p.oid and d.classid = 'pg_proc'::regclass and d.deptype = 'e' \
where p.provolatile = 'v' and (p.pronamespace = 'pg_catalog'::regnamespace or d.objid is not null) \
and p.prorettype::regtype::text !~ 'trigger|handler|internal' \
and 'internal'::regtype <> all (p.proargtypes::regtype[]) order by 1";

/// PostgreSQL's own extensions that have functions with effects; as many of them as the server has are looked at.
pub const EXTENSIONS: &[&str] = &[
    "adminpack",
    "amcheck",
    "dblink",
    "file_fdw",
    "isn",
    "old_snapshot",
    "pageinspect",
    "pg_buffercache",
    "pg_freespacemap",
    "pg_logicalinspect",
    "pg_prewarm",
    "pg_stat_statements",
    "pg_surgery",
    "pg_trgm",
    "pg_visibility",
    "pg_walinspect",
    "pgcrypto",
    "pgrowlocks",
    "pgstattuple",
    "postgres_fdw",
    "sslinfo",
    "tablefunc",
    "uuid-ossp",
    "xml2",
];

/// Whether it is for pg_upgrade, and refuses to work anywhere else.
pub fn is_for_upgrades(name: &str) -> bool {
    name.starts_with("binary_upgrade_")
}
