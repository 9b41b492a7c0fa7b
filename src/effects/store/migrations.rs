//! The schema of the store's file, as the steps that lead to it. Never change a released step.
//!
//! Before a step changes a file that holds something, the file is copied to `backups/`; a file that can't be copied is
//! not changed.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{
    super::{local_time, regular_file},
    sharing::make_directory,
};

/// Each step takes a file from one version to the next; the file's `user_version` counts them.
const STEPS: [&str; 4] = [FIRST, SECOND, THIRD, FOURTH];

/// How many backups to keep; the oldest are deleted.
const BACKUPS_MAX: usize = 3;

const BACKUPS_NAME: &str = "backups";

/// The row of `setting` that names the Tusk that brought the file to its version.
const WRITTEN_BY: &str = "written_by";

/// Ids are UUIDs as text. `run.number` rises with the order of sending, which is the order of the history. The search
/// index holds trigrams without positions: it narrows, and the reader checks. Only the first part of a very long
/// statement is indexed, so that one of 10 MB does not cost seconds.
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

/// Tabs belong to the running Tusk that shows them; to nobody if they come from a version without several instances.
const SECOND: &str = "
alter table tab add column owner text;
create index tab_by_owner on tab (owner);
";

/// A tab's file is saved in its original encoding, stored by name, with a `+` if it begins with a byte order mark.
const THIRD: &str = "
alter table tab add column encoding text not null default 'UTF-8';
";

/// The search index covers blocks of 256 runs instead of single runs: most runs share most of their words with their
/// neighbours, and indexing each was most of a long script's cost. `history` indexes a block when it is full; triggers
/// do not.
const FOURTH: &str = "
drop trigger run_added;
drop trigger run_removed;
drop trigger run_changed;
drop table run_search;
create virtual table run_search using fts5 (
    words, content = '', contentless_delete = 1, tokenize = 'trigram', detail = 'none'
);
insert into run_search (rowid, words)
    select number / 256, group_concat(concat_ws(
            char(10), substr(sql, 1, 65536), connection, database, sqlstate, message), char(10))
        from run group by number / 256 having number / 256 < (select max(number) from run) / 256;
";

/// Why a file was not brought up to date. It is as it was before the step that failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum MigrationError {
    /// There is no backup to go back to.
    #[error("it can't be backed up to {path} before it is brought up to date: {reason}")]
    Backup { path: String, reason: String },
    /// The step itself failed.
    #[error(transparent)]
    Step(#[from] rusqlite::Error),
}

/// The version that this program writes.
pub(super) fn newest() -> i64 {
    STEPS.len() as i64
}

/// The version that a file has; 0 for an empty one.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("pragma user_version", [], |row| row.get(0))
}

/// The Tusk that brought the file to its version, if it is recorded.
pub(super) fn written_by(connection: &Connection) -> Option<String> {
    let sql = "select value from setting where name = ?1";
    connection.query_row(sql, [WRITTEN_BY], |row| row.get(0)).optional().unwrap_or_default()
}

/// Whether a version is no later than this one, so that this one knows what it writes.
pub(super) fn is_known(written_by: &str) -> bool {
    let parts = |version: &str| -> Option<Vec<u32>> {
        version.split('.').map(|part| part.parse().ok()).collect()
    };
    match (parts(written_by), parts(env!("CARGO_PKG_VERSION"))) {
        (Some(other), Some(own)) => other <= own,
        _ => false,
    }
}

/// What a file lacks of the newest version's schema, or has differently. Anything besides is the user's.
pub(super) fn missing(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let found = schema(connection)?;
    let missing = usual_schema()?.into_iter().find(|entry| !found.contains(entry));
    Ok(missing.map(|(name, _)| name))
}

/// Whether a file has the newest version's schema and no more.
pub(super) fn is_newest(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(schema(connection)? == usual_schema()?)
}

fn usual_schema() -> rusqlite::Result<Vec<(String, String)>> {
    let usual = Connection::open_in_memory()?;
    for step in STEPS {
        usual.execute_batch(step)?;
    }
    schema(&usual)
}

/// Names and definitions, ordered by name.
fn schema(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let sql = "select name, coalesce(sql, '') from sqlite_schema order by 1";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// Takes the file to the newest version, each step in a transaction of its own, after a backup to `directory` if there
/// is one and the file holds something.
pub(super) fn migrate(
    connection: &Connection,
    directory: Option<&Path>,
) -> Result<(), MigrationError> {
    let done = usize::try_from(version(connection)?).unwrap_or(0);
    for (index, step) in STEPS.iter().enumerate().skip(done) {
        if let Some(directory) = directory.filter(|_| index > 0 && done > 0) {
            back_up(connection, directory, index)?;
        }
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        let sql = "insert into setting (name, value) values (?1, ?2)
            on conflict (name) do update set value = excluded.value";
        transaction.execute(sql, params![WRITTEN_BY, env!("CARGO_PKG_VERSION")])?;
        transaction.pragma_update(None, "user_version", index as i64 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Copies the file at `version`, whole and including its journal, and deletes the oldest backups.
fn back_up(
    connection: &Connection,
    directory: &Path,
    version: usize,
) -> Result<(), MigrationError> {
    let backups = directory.join(BACKUPS_NAME);
    let now = local_time::now();
    let time = now.strftime("%Y%m%d-%H%M%S%3f");
    let path = backups.join(format!("tusk-v{version}-{time}.sqlite"));
    let failed =
        |reason: String| MigrationError::Backup { path: path.display().to_string(), reason };
    // SQLite writes into an empty file with the permissions it has: the user's alone.
    make_directory(&backups)
        .and_then(|()| regular_file::make(&path))
        .map_err(|error| failed(error.to_string()))?;
    connection
        .execute("vacuum into ?1", [path.to_string_lossy()])
        .map_err(|error| failed(error.to_string()))?;
    log::info!("The store was backed up to {}", path.display());
    if let Err(error) = forget_oldest(&backups) {
        log::warn!("Old backups are left in {}: {error}", backups.display());
    }
    Ok(())
}

fn forget_oldest(backups: &Path) -> io::Result<()> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for entry in fs::read_dir(backups)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let time = name.and_then(|name| {
            let (version, time) = name.strip_prefix("tusk-v")?.split_once('-')?;
            version.parse::<u32>().ok()?;
            time.strip_suffix(".sqlite").map(str::to_owned)
        });
        found.extend(time.map(|time| (time, path)));
    }
    found.sort();
    let past = found.len().saturating_sub(BACKUPS_MAX);
    found.iter().take(past).try_for_each(|(_, path)| fs::remove_file(path))
}
