//! Tabs and their texts: a snapshot of each text, and the journal of the edits made to it since.

use ropey::Rope;
use rusqlite::{
    Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params, types::Type,
};
use uuid::Uuid;

use crate::{
    base::{
        ids::{ConnectionId, TabId},
        text::{Edit, RopeText},
    },
    sql::encoding::Form,
    update::keeping::{SavedTab, TabPlace},
};

/// How many closed tabs can be reopened; older ones are deleted with their texts.
const CLOSED_TABS_MAX: u32 = 20;

/// A longer journal is folded into its snapshot, so that neither the file nor the start grows with typing.
const JOURNAL_EDITS_MAX: i64 = 4096;

const COLUMNS: &str = "id, place, active, title, path, unsaved, connection, text, revision, cursor,
    encoding";

/// An instance's open tabs, from the left.
pub(super) fn open(connection: &Connection, owner: Uuid) -> rusqlite::Result<Vec<SavedTab>> {
    let condition = "closed_at_us is null order by place, rowid";
    select(connection, owner, condition)
}

/// An instance's closed tabs, the last one first.
pub(super) fn closed(connection: &Connection, owner: Uuid) -> rusqlite::Result<Vec<SavedTab>> {
    let condition = "closed_at_us is not null order by closed_at_us desc, rowid desc";
    select(connection, owner, condition)
}

/// Stores a whole tab. Its text contains every edit journaled before, so those are deleted; a closed tab is open again.
pub(super) fn save(connection: &Connection, owner: Uuid, tab: &SavedTab) -> rusqlite::Result<()> {
    let id = tab.id.to_string();
    let sql = "insert into tab (id, place, active, title, path, unsaved, connection, text, revision, cursor, owner,
            encoding)
        values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
        on conflict (id) do update set place = excluded.place, active = excluded.active,
            title = excluded.title, path = excluded.path, unsaved = excluded.unsaved,
            connection = excluded.connection, text = excluded.text, revision = excluded.revision,
            cursor = excluded.cursor, owner = excluded.owner, encoding = excluded.encoding,
            closed_at_us = null";
    connection.prepare_cached(sql)?.execute(params![
        id,
        tab.place,
        tab.active,
        tab.title,
        tab.path,
        tab.unsaved,
        tab.connection.map(|id| id.to_string()),
        tab.text.to_string(),
        stored(tab.revision),
        stored(tab.cursor as u64),
        owner.to_string(),
        tab.form.kept(),
    ])?;
    connection.prepare_cached("delete from edit where tab = ?1")?.execute([id])?;
    Ok(())
}

/// Stores the tabs' layout. A tab that was never stored whole begins with an empty text.
pub(super) fn save_layout(
    connection: &Connection,
    owner: Uuid,
    tabs: &[TabPlace],
) -> rusqlite::Result<()> {
    let sql = "insert into tab (id, place, active, title, path, unsaved, connection, cursor, owner, encoding)
        values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
        on conflict (id) do update set place = excluded.place, active = excluded.active,
            title = excluded.title, path = excluded.path, unsaved = excluded.unsaved,
            connection = excluded.connection, cursor = excluded.cursor, owner = excluded.owner,
            encoding = excluded.encoding, closed_at_us = null";
    let mut statement = connection.prepare_cached(sql)?;
    for (place, tab) in tabs.iter().enumerate() {
        statement.execute(params![
            tab.id.to_string(),
            stored(place as u64),
            tab.active,
            tab.title,
            tab.path,
            tab.unsaved,
            tab.connection.map(|id| id.to_string()),
            stored(tab.cursor as u64),
            owner.to_string(),
            tab.form.kept(),
        ])?;
    }
    Ok(())
}

/// Journals edits. Stores what was typed even if the tab itself is not stored yet.
pub(super) fn journal(
    connection: &Connection,
    owner: Uuid,
    tab: TabId,
    revision: u64,
    edits: &[Edit],
) -> rusqlite::Result<()> {
    let id = tab.to_string();
    let sql = "insert or ignore into tab (id, owner, place) values (?1, ?2,
        (select coalesce(max(place) + 1, 0) from tab where owner = ?2 and closed_at_us is null))";
    connection.prepare_cached(sql)?.execute([&id, &owner.to_string()])?;
    let sql = "insert into edit (tab, start, removed, inserted) values (?1, ?2, ?3, ?4)";
    let mut statement = connection.prepare_cached(sql)?;
    for edit in edits {
        let (start, removed) = (stored(edit.start as u64), stored(edit.removed as u64));
        statement.execute(params![id, start, removed, edit.inserted])?;
    }
    let sql = "update tab set revision = ?2, cursor = coalesce(?3, cursor) where id = ?1";
    let cursor = edits.last().map(|edit| stored((edit.start + edit.inserted.len()) as u64));
    connection.prepare_cached(sql)?.execute(params![id, stored(revision), cursor])?;
    let sql = "select count(*) from edit where tab = ?1";
    let waiting: i64 = connection.prepare_cached(sql)?.query_row([&id], |row| row.get(0))?;
    if waiting > JOURNAL_EDITS_MAX { fold(connection, &id) } else { Ok(()) }
}

/// Moves a tab to the closed ones; deletes the oldest of those if there are too many.
pub(super) fn close(
    connection: &Connection,
    owner: Uuid,
    tab: TabId,
    at_us: i64,
) -> rusqlite::Result<()> {
    let sql = "update tab set closed_at_us = ?2, active = 0 where id = ?1";
    connection.execute(sql, params![tab.to_string(), at_us])?;
    trim_closed(connection, owner)
}

/// Deletes an instance's oldest closed tabs if there are too many.
pub(super) fn trim_closed(connection: &Connection, owner: Uuid) -> rusqlite::Result<()> {
    let sql = "delete from tab where id in (select id from tab
        where closed_at_us is not null and owner = ?1
        order by closed_at_us desc, rowid desc limit -1 offset ?2)";
    connection.execute(sql, params![owner.to_string(), CLOSED_TABS_MAX])?;
    Ok(())
}

/// Deletes an instance's open tabs in which nothing was ever written.
pub(super) fn forget_blank(connection: &Connection, owner: Option<&str>) -> rusqlite::Result<()> {
    let sql = "delete from tab where owner is ?1 and closed_at_us is null
        and text = '' and title = '' and path is null
        and not exists (select 1 from edit where edit.tab = tab.id)";
    connection.execute(sql, [owner])?;
    Ok(())
}

/// Folds the journals of an instance's tabs into their snapshots, in one transaction.
pub(super) fn fold_all(connection: &Connection, owner: Uuid) -> rusqlite::Result<()> {
    let sql = "select distinct tab from edit join tab on tab.id = edit.tab where tab.owner = ?1";
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let tabs: Vec<String> = transaction
        .prepare(sql)?
        .query_map([owner.to_string()], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for tab in &tabs {
        fold(&transaction, tab)?;
    }
    transaction.commit()
}

/// The id in a row's text.
pub(super) fn id_from(text: &str) -> Option<Uuid> {
    Uuid::parse_str(text).ok()
}

/// The id in a row. Any other text is damage.
pub(super) fn id_in(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    let text: String = row.get(column)?;
    Uuid::parse_str(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into())
    })
}

/// SQLite's integers are signed; no text is so long and no revision so high that this changes the value.
pub(super) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The reverse. Tusk never wrote a negative number.
pub(super) fn restored(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Whether every journaled edit fits the text in which it was made.
pub(super) fn journals_fit(connection: &Connection) -> rusqlite::Result<bool> {
    let tabs: Vec<String> = connection
        .prepare("select distinct tab from edit")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for tab in &tabs {
        let mut rope = snapshot(connection, tab)?;
        if !edits(connection, tab)?.iter().all(|edit| applied(&mut rope, edit)) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn snapshot(connection: &Connection, tab: &str) -> rusqlite::Result<Rope> {
    let sql = "select text from tab where id = ?1";
    let text: Option<String> = connection.query_row(sql, [tab], |row| row.get(0)).optional()?;
    Ok(Rope::from_str(&text.unwrap_or_default()))
}

fn edits(connection: &Connection, tab: &str) -> rusqlite::Result<Vec<Edit>> {
    let sql = "select start, removed, inserted from edit where tab = ?1 order by sequence";
    let mut statement = connection.prepare(sql)?;
    let edits = statement.query_map([tab], |row| {
        Ok(Edit {
            start: restored(row.get(0)?) as usize,
            removed: restored(row.get(1)?) as usize,
            inserted: row.get(2)?,
        })
    })?;
    edits.collect()
}

fn fold(connection: &Connection, tab: &str) -> rusqlite::Result<()> {
    let mut rope = snapshot(connection, tab)?;
    for edit in edits(connection, tab)? {
        if !applied(&mut rope, &edit) {
            // Only the length: the text is the user's own.
            let (at, inserted) = (edit.start, edit.inserted.len());
            log::warn!("An edit at {at} ({inserted} bytes) of tab {tab} does not fit its text");
            put(&mut rope, &edit);
        }
    }
    connection.execute("update tab set text = ?2 where id = ?1", params![tab, rope.to_string()])?;
    connection.execute("delete from edit where tab = ?1", [tab])?;
    Ok(())
}

pub(super) fn applied(rope: &mut Rope, edit: &Edit) -> bool {
    let Some(end) = edit.start.checked_add(edit.removed) else {
        return false;
    };
    if end > rope.len() || !rope.is_char_boundary(edit.start) || !rope.is_char_boundary(end) {
        return false;
    }
    (edit.removed == 0 || rope.try_remove(edit.start..end).is_ok())
        && rope.try_insert(edit.start, &edit.inserted).is_ok()
}

/// Inserts what was typed as near to its position as possible, and removes nothing.
pub(super) fn put(rope: &mut Rope, edit: &Edit) {
    let mut at = edit.start.min(rope.len());
    while !rope.is_char_boundary(at) {
        at -= 1;
    }
    // A position within the text always works.
    rope.try_insert(at, &edit.inserted).unwrap_or_default();
}

fn select(
    connection: &Connection,
    owner: Uuid,
    condition: &str,
) -> rusqlite::Result<Vec<SavedTab>> {
    let sql = format!("select {COLUMNS} from tab where owner = ?1 and {condition}");
    let mut statement = connection.prepare(&sql)?;
    let tabs = statement.query_map([owner.to_string()], saved_tab)?;
    tabs.collect()
}

fn saved_tab(row: &Row<'_>) -> rusqlite::Result<SavedTab> {
    let text: String = row.get(7)?;
    Ok(SavedTab {
        id: TabId(id_in(row, 0)?),
        place: row.get(1)?,
        active: row.get(2)?,
        title: row.get(3)?,
        path: row.get(4)?,
        form: Form::restored(&row.get::<_, String>(10)?),
        unsaved: row.get(5)?,
        connection: row.get::<_, Option<String>>(6)?.and_then(|id| id_from(&id)).map(ConnectionId),
        text: RopeText::from(text.as_str()),
        revision: restored(row.get(8)?),
        cursor: restored(row.get(9)?) as usize,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(text: &str, start: usize, removed: usize, inserted: &str) -> (bool, String) {
        let mut rope = Rope::from_str(text);
        let fits = applied(&mut rope, &Edit { start, removed, inserted: inserted.into() });
        (fits, rope.to_string())
    }

    #[test]
    fn an_edit_replaces_bytes_by_text() {
        assert_eq!(edited("select 1", 7, 1, "22"), (true, "select 22".into()));
        assert_eq!(edited("é", 2, 0, "!"), (true, "é!".into()));
    }

    #[test]
    fn an_edit_that_does_not_fit_changes_nothing() {
        for (start, removed) in [(2, 1), (0, 3), (1, 0), (0, 1), (usize::MAX, 2)] {
            assert_eq!(edited("é", start, removed, "x"), (false, "é".into()), "{start}, {removed}");
        }
    }
}
