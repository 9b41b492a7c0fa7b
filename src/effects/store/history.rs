//! The history: one row for each run of a statement, found again by its words.

use rusqlite::{
    Connection, Row, ToSql, Transaction, TransactionBehavior, params, params_from_iter,
};

use super::tabs::{id_in, restored, stored};
use crate::update::{
    ids::QueryId,
    store::{HistoryEntry, HistoryOutcome},
};

/// So many runs are kept; the oldest go. Numbers have no gaps but at the old end, so this is exact.
pub(super) const RUNS_MAX: i64 = 100_000;

/// The search index knows groups of three characters; a shorter word is found by reading.
const INDEXED_WORD_CHARACTERS_MIN: usize = 3;

const COLUMNS: &str =
    "query, at_us, connection, database, sql, elapsed_us, state, tag, rows, sqlstate, message";

/// Connection, database, text, SQLSTATE and message, by their places in [`COLUMNS`].
const SEARCHED_COLUMNS: [usize; 5] = [2, 3, 4, 9, 10];

/// Adds a run, or how it ended.
pub(super) fn record(connection: &Connection, entry: &HistoryEntry) -> rusqlite::Result<()> {
    let (state, tag, rows, sqlstate, message) = match &entry.outcome {
        HistoryOutcome::Running => ("running", None, None, None, None),
        HistoryOutcome::Finished { tag, rows } => {
            ("finished", Some(tag), Some(stored(*rows)), None, None)
        }
        HistoryOutcome::Failed { sqlstate, message } => {
            ("failed", None, None, sqlstate.as_ref(), Some(message))
        }
    };
    let sql = format!(
        "insert into run ({COLUMNS}) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
        on conflict (query) do update set at_us = excluded.at_us, connection = excluded.connection,
            database = excluded.database, sql = excluded.sql, elapsed_us = excluded.elapsed_us,
            state = excluded.state, tag = excluded.tag, rows = excluded.rows,
            sqlstate = excluded.sqlstate, message = excluded.message"
    );
    connection.prepare_cached(&sql)?.execute(params![
        entry.query.to_string(),
        entry.at_us,
        entry.connection,
        entry.database,
        &*entry.sql,
        entry.elapsed_us.map(stored),
        state,
        tag,
        rows,
        sqlstate,
        message,
    ])?;
    forget_beyond(connection, RUNS_MAX)
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
    // The index is the outer loop, from its end, so that the newest come first without sorting.
    let (from, order, parameters) = if trigrams.is_empty() {
        ("run", "number", Vec::new())
    } else {
        let narrowed = "run_search cross join run on number = run_search.rowid
            where run_search match ?1";
        (narrowed, "run_search.rowid", vec![&trigrams as &dyn ToSql])
    };
    let sql = format!("select {COLUMNS} from {from} order by {order} desc");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(parameters))?;
    let (mut entries, mut haystack) = (Vec::new(), String::new());
    while entries.len() < limit as usize
        && let Some(row) = rows.next()?
    {
        // The index only narrows: it knows neither the order of its groups nor short words.
        if words.is_empty() || contains(row, &words, &mut haystack)? {
            entries.push(entry(row)?);
        }
    }
    Ok(entries)
}

/// Makes the search index again from the runs.
pub(super) fn index_anew(connection: &Connection) -> rusqlite::Result<()> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    transaction.execute_batch(
        "insert into run_search (run_search) values ('delete-all');
        insert into run_search (rowid, words) select number, concat_ws(
            char(10), substr(sql, 1, 65536), connection, database, sqlstate, message) from run;",
    )?;
    transaction.commit()
}

fn forget_beyond(connection: &Connection, runs: i64) -> rusqlite::Result<()> {
    let sql = "delete from run where number <= (select max(number) from run) - ?1";
    connection.prepare_cached(sql)?.execute([runs])?;
    Ok(())
}

/// What the index is asked: every group of three characters of every word.
fn trigrams(words: &[String]) -> String {
    let mut groups: Vec<String> = Vec::new();
    for word in words {
        let characters: Vec<char> = word.chars().collect();
        for group in characters.windows(INDEXED_WORD_CHARACTERS_MIN) {
            let quoted = format!(
                "\"{}\"",
                group.iter().collect::<String>().replace('"', "\"\"")
            );
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
        connection: row.get(2)?,
        database: row.get(3)?,
        sql: row.get::<_, String>(4)?.into(),
        elapsed_us: row.get::<_, Option<i64>>(5)?.map(restored),
        outcome,
    })
}
