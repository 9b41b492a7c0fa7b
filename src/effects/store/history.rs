//! The history: one row for each run of a statement, which a search finds by its words.

use std::collections::BTreeSet;

use rusqlite::{
    Connection, OptionalExtension, Row, Statement, Transaction, TransactionBehavior, params,
    types::ToSqlOutput,
};
use uuid::Uuid;

use super::tabs::{id_in, restored, stored};
use crate::{
    base::ids::QueryId,
    update::keeping::{HistoryEntry, HistoryOutcome},
};

/// How many runs to keep; the oldest are deleted. Numbers have no gaps except at the old end, so this is exact.
pub(super) const RUNS_MAX: i64 = 100_000;

/// The search index covers blocks of this many runs, by their numbers. A block is indexed once a run after it exists;
/// until then a search reads it.
const BLOCK: i64 = 256;

/// The search index has groups of three characters; a search finds a shorter word by reading.
const INDEXED_WORD_CHARACTERS_MIN: usize = 3;

const COLUMNS: &str =
    "query, at_us, connection, database, sql, elapsed_us, state, tag, rows, sqlstate, message";

/// Connection, database, text, SQLSTATE and message: their positions in [`COLUMNS`].
const SEARCHED_COLUMNS: [usize; 5] = [2, 3, 4, 9, 10];

/// Adds runs, or their endings.
pub(super) fn record(connection: &Connection, entries: &[HistoryEntry]) -> rusqlite::Result<()> {
    let indexed = last_indexed(connection)?;
    let (mut newest, mut stale) = (None, BTreeSet::new());
    let mut insert = connection.prepare_cached(&insertion())?;
    for entry in entries {
        let block = block_of(record_one(connection, &mut insert, entry)?);
        newest = newest.max(Some(block));
        // The index has its old version.
        stale.extend(indexed.filter(|indexed| block <= *indexed).map(|_| block));
    }
    for block in stale {
        let forget = "delete from run_search where rowid = ?1";
        connection.prepare_cached(forget)?.execute([block])?;
        index(connection, block)?;
    }
    if let Some(newest) = newest {
        index_full(connection, newest)?;
    }
    forget_beyond(connection, RUNS_MAX)
}

/// With `returning`, each row would pass through a table of its own, and with `do update` SQLite notes what to roll
/// back for each: an insert that leaves existing rows alone costs a fraction.
fn insertion() -> String {
    format!(
        "insert into run ({COLUMNS}) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) on conflict (query) do nothing"
    )
}

/// Returns the run's number.
fn record_one(
    connection: &Connection,
    insert: &mut Statement<'_>,
    entry: &HistoryEntry,
) -> rusqlite::Result<i64> {
    let (state, tag, rows, sqlstate, message) = match &entry.outcome {
        HistoryOutcome::Running => ("running", None, None, None, None),
        HistoryOutcome::Finished { tag, rows } => {
            ("finished", Some(tag), Some(stored(*rows)), None, None)
        }
        HistoryOutcome::Failed { sqlstate, message } => {
            ("failed", None, None, sqlstate.as_ref(), Some(message))
        }
    };
    let mut query = Uuid::encode_buffer();
    let query: &str = entry.query.0.hyphenated().encode_lower(&mut query);
    let values = params![
        query,
        entry.at_us,
        &*entry.connection,
        &*entry.database,
        &*entry.sql,
        entry.elapsed_us.map(stored),
        state,
        tag,
        rows,
        sqlstate,
        message,
    ];
    if insert.execute(values)? > 0 {
        return Ok(connection.last_insert_rowid());
    }
    let sql = "update run set at_us = ?2, connection = ?3, database = ?4, sql = ?5, elapsed_us = ?6, state = ?7,
        tag = ?8, rows = ?9, sqlstate = ?10, message = ?11 where query = ?1";
    connection.prepare_cached(sql)?.execute(values)?;
    let sql = "select number from run where query = ?1";
    let mut number = connection.prepare_cached(sql)?;
    number.query_row([query], |row| row.get(0))
}

/// The newest runs, the newest first.
pub(super) fn newest(connection: &Connection, limit: u32) -> rusqlite::Result<Vec<HistoryEntry>> {
    search(connection, "", limit)
}

/// Runs that contain every word, whatever its case, the newest first.
pub(super) fn search(
    connection: &Connection,
    text: &str,
    limit: u32,
) -> rusqlite::Result<Vec<HistoryEntry>> {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let trigrams = trigrams(&words);
    let mut found = Found {
        connection,
        words,
        limit: limit as usize,
        entries: Vec::new(),
        haystack: String::new(),
    };
    if trigrams.is_empty() {
        found.read(i64::MIN, i64::MAX)?;
        return Ok(found.entries);
    }
    // What is not indexed yet is read, and is the newest.
    let indexed = last_indexed(connection)?;
    found.read(indexed.map_or(i64::MIN, |last| (last + 1) * BLOCK), i64::MAX)?;
    let sql = "select rowid from run_search where run_search match ?1 order by rowid desc";
    let mut statement = connection.prepare_cached(sql)?;
    let mut blocks = statement.query([trigrams])?;
    while found.has_room()
        && let Some(block) = blocks.next()?
    {
        let first = block.get::<_, i64>(0)? * BLOCK;
        found.read(first, first + BLOCK - 1)?;
    }
    Ok(found.entries)
}

struct Found<'connection> {
    connection: &'connection Connection,
    words: Vec<String>,
    limit: usize,
    entries: Vec<HistoryEntry>,
    haystack: String,
}

impl Found<'_> {
    fn has_room(&self) -> bool {
        self.entries.len() < self.limit
    }

    /// Reads the runs with these numbers, the newest first, and takes those that have every word: the index knows
    /// neither the run nor the order of its groups, nor short words.
    fn read(&mut self, first: i64, last: i64) -> rusqlite::Result<()> {
        let sql = format!(
            "select {COLUMNS} from run where number between ?1 and ?2 order by number desc"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([first, last])?;
        while self.has_room()
            && let Some(row) = rows.next()?
        {
            if self.words.is_empty() || contains(row, &self.words, &mut self.haystack)? {
                self.entries.push(entry(row)?);
            }
        }
        Ok(())
    }
}

/// Rebuilds the search index from the runs.
pub(super) fn index_anew(connection: &Connection) -> rusqlite::Result<()> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    transaction.execute_batch("insert into run_search (run_search) values ('delete-all')")?;
    index_all(&transaction)?;
    transaction.commit()
}

/// Indexes everything that is not indexed yet, after rows came from elsewhere than [`record`].
pub(super) fn index_all(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "select max(number) from run";
    let newest: Option<i64> = connection.query_row(sql, [], |row| row.get(0))?;
    newest.map_or(Ok(()), |newest| index_full(connection, block_of(newest)))
}

fn block_of(number: i64) -> i64 {
    number.div_euclid(BLOCK)
}

fn last_indexed(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    let sql = "select rowid from run_search order by rowid desc limit 1";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_row([], |row| row.get(0)).optional()
}

/// Indexes the blocks before this one that are not indexed yet.
fn index_full(connection: &Connection, newest: i64) -> rusqlite::Result<()> {
    let sql = "select min(number) from run where number >= ?1";
    let mut next = connection.prepare_cached(sql)?;
    let mut from = last_indexed(connection)?.map_or(i64::MIN, |last| (last + 1) * BLOCK);
    while let Some(number) = next.query_row([from], |row| row.get::<_, Option<i64>>(0))?
        && block_of(number) < newest
    {
        index(connection, block_of(number))?;
        from = (block_of(number) + 1) * BLOCK;
    }
    Ok(())
}

/// Indexes a block that is not in the index. Reads its words into memory first: an `insert` of a `select` would make
/// SQLite write what the index has gathered, so each block would become a separate part of the index.
fn index(connection: &Connection, block: i64) -> rusqlite::Result<()> {
    // Connections repeat over and over. Only the first part of a very long statement is indexed.
    let sql = "select concat_ws(char(10),
            group_concat(concat_ws(char(10), substr(sql, 1, 65536), sqlstate, message), char(10)),
            group_concat(distinct concat_ws(char(10), connection, database)))
        from run where number between ?1 and ?2 having count(*) > 0";
    let first = block * BLOCK;
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query([first, first + BLOCK - 1])?;
    if let Some(row) = found.next()? {
        let words = ToSqlOutput::Borrowed(row.get_ref(0)?);
        let sql = "insert into run_search (rowid, words) values (?1, ?2)";
        let mut insert = connection.prepare_cached(sql)?;
        insert.execute(params![block, words])?;
    }
    Ok(())
}

fn forget_beyond(connection: &Connection, runs: i64) -> rusqlite::Result<()> {
    let oldest = || {
        let sql = "select min(number) from run";
        let mut statement = connection.prepare_cached(sql)?;
        statement.query_row([], |row| row.get::<_, Option<i64>>(0))
    };
    let before = oldest()?.map(block_of);
    let sql = "delete from run where number <= (select max(number) from run) - ?1";
    if connection.prepare_cached(sql)?.execute([runs])? == 0 {
        return Ok(());
    }
    let now = oldest()?.map(block_of);
    if before != now {
        let sql = "delete from run_search where rowid < ?1";
        connection.prepare_cached(sql)?.execute([now])?;
    }
    Ok(())
}

/// The query for the index: every group of three characters of every word.
fn trigrams(words: &[String]) -> String {
    let mut groups: Vec<String> = Vec::new();
    for word in words {
        let characters: Vec<char> = word.chars().collect();
        for group in characters.windows(INDEXED_WORD_CHARACTERS_MIN) {
            let quoted = format!("\"{}\"", group.iter().collect::<String>().replace('"', "\"\""));
            if !groups.contains(&quoted) {
                groups.push(quoted);
            }
        }
    }
    groups.join(" AND ")
}

/// Whether a run holds every word. `haystack` is the caller's, so that a long search allocates once.
fn contains(row: &Row<'_>, words: &[String], haystack: &mut String) -> rusqlite::Result<bool> {
    haystack.clear();
    for column in SEARCHED_COLUMNS {
        if let Some(text) = row.get_ref(column)?.as_str_or_null()? {
            haystack.push_str(text);
            haystack.push('\n');
        }
    }
    if haystack.is_ascii() {
        haystack.make_ascii_lowercase();
    } else {
        *haystack = haystack.to_lowercase();
    }
    Ok(words.iter().all(|word| haystack.contains(word)))
}

fn entry(row: &Row<'_>) -> rusqlite::Result<HistoryEntry> {
    let outcome = match row.get::<_, String>(6)?.as_str() {
        "finished" => HistoryOutcome::Finished {
            tag: row.get::<_, Option<String>>(7)?.unwrap_or_default(),
            rows: restored(row.get::<_, Option<i64>>(8)?.unwrap_or(0)),
        },
        "failed" => HistoryOutcome::Failed {
            sqlstate: row.get(9)?,
            message: row.get::<_, Option<String>>(10)?.unwrap_or_default(),
        },
        _ => HistoryOutcome::Running,
    };
    Ok(HistoryEntry {
        query: QueryId(id_in(row, 0)?),
        at_us: row.get(1)?,
        connection: row.get::<_, String>(2)?.into(),
        database: row.get::<_, String>(3)?.into(),
        sql: row.get::<_, String>(4)?.into(),
        elapsed_us: row.get::<_, Option<i64>>(5)?.map(restored),
        outcome,
    })
}
