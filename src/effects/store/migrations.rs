//! The shape of the store's file, as the steps that lead to it. A step is never changed once released.

use rusqlite::Connection;

/// Each step takes a file from the version before to the next; the file's `user_version` counts them.
const STEPS: [&str; 1] = [FIRST];

/// Ids are UUIDs as text. `run.number` rises with the order of sending, which is the order of the history.
/// The search index holds trigrams without positions: it narrows, and the reader looks for itself.
/// Very long statements are indexed by their first part, so that one of 10 MB does not cost seconds.
const FIRST: &str = "
create table connection (
    id text primary key,
    config text not null,
    last_used_us integer
) strict;

create table setting (
    name text primary key,
    value text not null
) strict;

create table tab (
    id text primary key,
    place integer not null,
    active integer not null default 0,
    title text not null default '',
    path text,
    unsaved integer not null default 0,
    connection text,
    text text not null default '',
    revision integer not null default 0,
    cursor integer not null default 0,
    closed_at_us integer
) strict;

create table edit (
    sequence integer primary key autoincrement,
    tab text not null references tab (id) on delete cascade,
    start integer not null,
    removed integer not null,
    inserted text not null
) strict;
create index edit_by_tab on edit (tab, sequence);

create table run (
    number integer primary key,
    query text not null unique,
    at_us integer not null,
    connection text not null,
    database text not null,
    sql text not null,
    elapsed_us integer,
    state text not null,
    tag text,
    rows integer,
    sqlstate text,
    message text
) strict;

create virtual table run_search using fts5 (
    words, content = '', contentless_delete = 1, tokenize = 'trigram', detail = 'none'
);

create trigger run_added after insert on run begin
    insert into run_search (rowid, words) values (new.number, concat_ws(
        char(10), substr(new.sql, 1, 65536), new.connection, new.database, new.sqlstate, new.message));
end;
create trigger run_removed after delete on run begin
    delete from run_search where rowid = old.number;
end;
create trigger run_changed after update on run
when old.sql is not new.sql or old.connection is not new.connection
    or old.database is not new.database or old.sqlstate is not new.sqlstate
    or old.message is not new.message
begin
    delete from run_search where rowid = old.number;
    insert into run_search (rowid, words) values (new.number, concat_ws(
        char(10), substr(new.sql, 1, 65536), new.connection, new.database, new.sqlstate, new.message));
end;
";

/// The version that this program writes.
pub(super) fn newest() -> i64 {
    STEPS.len() as i64
}

/// The version that a file has; 0 for an empty one.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("pragma user_version", [], |row| row.get(0))
}

/// Takes the file to the newest version, each step in a transaction of its own.
pub(super) fn migrate(connection: &Connection) -> rusqlite::Result<()> {
    let done = usize::try_from(version(connection)?).unwrap_or(0);
    for (index, step) in STEPS.iter().enumerate().skip(done) {
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", index as i64 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}
