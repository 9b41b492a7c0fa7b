//! Damage of every kind: what SQLite can still read comes back, nothing sound goes with what is not, the damaged file
//! is kept, and the user is told.

use std::collections::BTreeSet;

use super::*;
use crate::generated::{Random, as_many_as, seed};
use rusqlite::types::Value;

const WORDS: [&str; 5] = ["alpha ", "beta ", "gamma ", "delta ", "epsilon "];

/// A store with something of everything, as the first one leaves it.
struct Sample {
    directory: tempfile::TempDir,
    texts: Vec<String>,
}

fn config(name: &str) -> Config {
    Config { name: name.into(), host: "db.example".into(), ..Config::default() }
}

impl Sample {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Fixture::at(directory.path());
        store.load();
        let long: String = (0..400).map(|line| format!("select {line};\n")).collect();
        let texts = vec![
            "select 'first';".to_owned(),
            long,
            "-- grün\nselect 3;".to_owned(),
            "closed".to_owned(),
        ];
        for (number, text) in (1..).zip(&texts) {
            save_tab(&mut store, tab(number, text));
        }
        store.write(|request| Effect::CloseTab { request, tab: tab_id(4), at_us: 7 });
        for (number, name) in [(1, "production"), (2, "staging")] {
            let connection = Box::new(SavedConnection {
                id: ConnectionId(Uuid::from_u128(number)),
                config: config(name),
                last_used_us: Some(5),
            });
            store.write(|request| Effect::SaveConnection { request, connection });
        }
        let settings = Settings { window: (900, 700), ..Settings::default() };
        store.write(|request| Effect::SaveSettings { request, settings });
        for number in 1..=12 {
            record(&mut store, run(number, &format!("select {number}"), finished()));
        }
        save_tab(&mut store, tab(5, ""));
        let mut at = 0;
        for word in WORDS {
            journal(&mut store, tab_id(5), 9, vec![edit(at, 0, word)]);
            at += word.len();
        }
        store.stop();
        Self { directory, texts }
    }

    fn file(&self) -> std::path::PathBuf {
        self.directory.path().join(opening::FILE_NAME)
    }

    /// A data directory with a file that has these bytes.
    fn with(bytes: &[u8]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(opening::FILE_NAME), bytes).unwrap();
        directory
    }
}

/// What a start finds in a directory, and whether it says of what it found that it was damaged.
fn started(directory: &Path) -> Kept {
    let (outbox, _inbox) = flume::unbounded();
    let mut keeper = Keeper::new(Place::Directory(directory.into()), outbox);
    let kept = keeper.load().unwrap();
    keeper.base.take().unwrap().close();
    kept
}

fn texts_of(kept: &Kept) -> Vec<String> {
    let tabs = kept.tabs.iter().chain(&kept.closed);
    tabs.map(|tab| tab.text.to_string()).collect()
}

/// Holds for every damage. Answers with what was found.
#[track_caller]
fn survives(what: &str, bytes: &[u8]) -> Kept {
    let directory = Sample::with(bytes);
    let kept = started(directory.path());
    match &kept.opened {
        Opened::OnDisk => {}
        Opened::Fresh { copy, salvage, .. } => {
            assert!(fs::read(copy).unwrap() == bytes, "{what}: it was changed");
            // Of several owners' tabs, those with nothing in them go.
            let (tabs, runs) = (texts_of(&kept).len() as u64, kept.history.len() as u64);
            assert!(salvage.tabs.back >= tabs, "{what}");
            assert_eq!(salvage.runs.back, runs, "{what}");
            let connections = kept.connections.len() as u64;
            assert_eq!(salvage.connections.back, connections, "{what}");
        }
        // Where the version was hit and what could tell so too, the file may be a later Tusk's, and is left alone.
        Opened::InMemory { reason }
            if reason.contains("newer Tusk") && bytes[60..64] != [0, 0, 0, 2] =>
        {
            let file = directory.path().join(opening::FILE_NAME);
            assert!(fs::read(file).unwrap() == bytes, "{what}: it was changed");
            return kept;
        }
        other => panic!("{what}: {other:?}"),
    }
    let again = started(directory.path());
    assert_eq!(again.opened, Opened::OnDisk, "{what}");
    let next = Kept { opened: kept.opened.clone(), ..again };
    assert!(next == kept, "{what}: the next start finds something else");
    kept
}

/// Changes a value to one that no table takes.
fn change(file: &Path, table: &str, column: &str, value: &str) -> usize {
    let tables = "('connection', 'setting', 'tab', 'edit', 'run')";
    let open = || {
        let connection = Connection::open(file).unwrap();
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        connection.pragma_update(None, "journal_mode", "delete").unwrap();
        connection.pragma_update(None, "writable_schema", true).unwrap();
        connection
    };
    let connection = open();
    let before: Vec<(String, String)> = connection
        .prepare(&format!("select name, sql from sqlite_schema where name in {tables}"))
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let loose =
        "update sqlite_schema set sql = replace(replace(sql, ' not null', ''), ' strict', '')";
    connection.execute(&format!("{loose} where name in {tables}"), []).unwrap();
    drop(connection);
    let connection = open();
    let one = match table {
        "sqlite_sequence" => "name = 'edit'",
        "setting" => "name = 'settings'",
        "run" => "rowid = 12",
        _ => "rowid = 2",
    };
    let sql = format!("update or ignore {table} set {column} = {value} where {one}");
    let changed = connection.execute(&sql, []).unwrap_or(0);
    for (name, sql) in before {
        let restore = "update sqlite_schema set sql = ?2 where name = ?1";
        connection.execute(restore, [name, sql]).unwrap();
    }
    changed
}

#[test]
fn any_value_in_any_column_costs_no_more_than_itself() {
    const COLUMNS: [(&str, &str); 6] = [
        (
            "tab",
            "id place active title path unsaved connection text revision cursor closed_at_us owner",
        ),
        ("edit", "sequence tab start removed inserted"),
        ("connection", "id config last_used_us"),
        ("setting", "name value"),
        (
            "run",
            "number query at_us connection database sql elapsed_us state tag rows sqlstate message",
        ),
        ("sqlite_sequence", "seq"),
    ];
    const VALUES: [&str; 12] = [
        "null",
        "5",
        "-1",
        "1.5",
        "9e999",
        "'x'",
        "''",
        "x'ff41'",
        "cast(x'ff41' as text)",
        "9223372036854775807",
        "-9223372036854775808",
        "4294967296",
    ];
    let mut random = Random::new(seed());
    let sample = Sample::new();
    for (table, column) in COLUMNS
        .iter()
        .flat_map(|(table, columns)| columns.split(' ').map(move |column| (*table, column)))
    {
        let mut values = VALUES.to_vec();
        while values.len() > as_many_as(3, VALUES.len()) {
            values.remove(random.below(values.len()));
        }
        for value in values {
            let what = format!("{table}.{column} = {value}");
            let directory = Sample::with(&fs::read(sample.file()).unwrap());
            let file = directory.path().join(opening::FILE_NAME);
            if change(&file, table, column, value) == 0 {
                // Another value's name, or no number where there are only numbers.
                continue;
            }
            let kept = survives(&what, &fs::read(&file).unwrap());
            is_whole_but_for(&sample, table, column, &what, &kept);
        }
    }
}

/// All is there but the one value.
#[track_caller]
fn is_whole_but_for(sample: &Sample, table: &str, column: &str, what: &str, kept: &Kept) {
    let texts = texts_of(kept);
    for (index, text) in sample.texts.iter().enumerate() {
        let spared = (table, column, index) == ("tab", "text", 1);
        assert!(spared || texts.contains(text), "{what}: {text} is lost");
    }
    let typed = WORDS.iter().enumerate().filter(|(index, _)| {
        // The second edit is the one that was changed.
        (table, column, *index) != ("edit", "inserted", 1)
    });
    for (_, word) in typed {
        assert!(texts.iter().any(|text| text.contains(word.trim())), "{what}: {word} is lost");
    }
    if table != "edit" && table != "tab" {
        assert!(texts.contains(&WORDS.concat()), "{what}");
    }
    assert!(texts.len() >= 5, "{what}: {} tabs", texts.len());
    assert_eq!(kept.connections.len(), 2, "{what}");
    assert_eq!(kept.connections[0].config, config("production"), "{what}");
    assert_eq!(kept.history.len(), 12, "{what}");
    let runs: BTreeSet<String> = kept.history.iter().map(|run| run.sql.to_string()).collect();
    for number in 1..12 {
        assert!(runs.contains(&format!("select {number}")), "{what}");
    }
    if table != "setting" {
        assert_eq!(kept.settings.window, (900, 700), "{what}");
    }
}

/// The texts of tabs that SQLite reads from a file, one by one.
fn readable(bytes: &[u8]) -> Vec<String> {
    let directory = Sample::with(bytes);
    let file = directory.path().join(opening::FILE_NAME);
    let Ok(connection) = Connection::open(file) else {
        return vec![];
    };
    let read = |number: i64| -> rusqlite::Result<Option<String>> {
        let sql = "select text from tab where rowid = ?1 and not exists (select 1 from edit where edit.tab = tab.id)";
        connection.query_row(sql, [number], |row| match row.get::<_, Value>(0)? {
            // One with nothing in it may have had edits that do not find it any more.
            Value::Text(text) if !text.is_empty() => Ok(Some(text)),
            _ => Ok(None),
        })
    };
    (1..=5).filter_map(|number| read(number).ok().flatten()).collect()
}

/// How many of the five tabs are just as they were.
fn unharmed(sample: &Sample, kept: &Kept) -> usize {
    let texts = texts_of(kept);
    let whole = sample.texts.iter().filter(|text| texts.contains(text)).count();
    whole + usize::from(texts.contains(&WORDS.concat()))
}

/// Damages a file again and again; answers how many tabs came back unharmed, of how many.
fn batter(
    count: usize,
    mut damage: impl FnMut(&mut Random, &mut Vec<u8>) -> String,
) -> (usize, usize) {
    let mut random = Random::new(seed());
    let sample = Sample::new();
    let bytes = fs::read(sample.file()).unwrap();
    let mut back = 0;
    for _ in 0..count {
        let mut damaged = bytes.clone();
        let what = damage(&mut random, &mut damaged);
        let kept = survives(&what, &damaged);
        if matches!(kept.opened, Opened::InMemory { .. }) {
            continue;
        }
        let texts = texts_of(&kept);
        for text in readable(&damaged) {
            assert!(
                texts.contains(&text),
                "{what}: SQLite reads {text:?}: {:?} {texts:?}",
                kept.opened
            );
        }
        back += unharmed(&sample, &kept);
    }
    (back, count * 5)
}

#[test]
fn one_flipped_bit_costs_hardly_anything() {
    let (back, of) = batter(as_many_as(60, 4_000), |random, bytes| {
        let (at, bit) = (random.below(bytes.len()), random.below(8));
        bytes[at] ^= 1 << bit;
        format!("bit {bit} of byte {at}")
    });
    assert!(back * 100 >= of * 95, "{back} of {of} tabs came back unharmed");
}

#[test]
fn pages_that_are_gone_cost_what_was_in_them() {
    let (back, of) = batter(as_many_as(30, 1_000), |random, bytes| {
        let page = random.below(bytes.len() / 4096);
        let fill = random.next() as u8 * u8::from(random.chance(50));
        bytes[page * 4096..][..4096].fill(fill);
        format!("page {page} is full of {fill}")
    });
    assert!(back * 100 >= of * 80, "{back} of {of} tabs came back unharmed");
}

#[test]
fn a_file_that_is_cut_off_gives_what_is_left_of_it() {
    batter(as_many_as(20, 500), |random, bytes| {
        let length = random.below(bytes.len());
        bytes.truncate(length);
        format!("the first {length} bytes")
    });
}

#[test]
fn many_flipped_bits_end_nothing() {
    batter(as_many_as(10, 500), |random, bytes| {
        let count = 1 << random.below(10);
        for _ in 0..count {
            let (at, bit) = (random.below(bytes.len()), random.below(8));
            bytes[at] ^= 1 << bit;
        }
        format!("{count} bits")
    });
}

#[test]
fn an_empty_file_is_told_of() {
    let kept = survives("nothing", b"");
    let Opened::Fresh { reason, salvage, .. } = kept.opened else {
        panic!("nothing was said of it")
    };
    assert!(reason.contains("0 bytes"), "{reason}");
    assert!(salvage.tabs.perhaps_more && salvage.tabs.back == 0);
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(started(directory.path()).opened, Opened::OnDisk, "a first start");
}

#[test]
fn a_start_that_died_while_it_salvaged_is_taken_up_by_the_next() {
    let sample = Sample::new();
    let directory = sample.directory.path();
    // Set aside, and not yet begun.
    salvage::set_aside(directory, "it was hit".into()).unwrap();
    fs::write(directory.join("tusk.sqlite.new"), "half of it").unwrap();
    let kept = started(directory);
    let Opened::Fresh { reason, .. } = &kept.opened else { panic!("{:?}", kept.opened) };
    assert_eq!(reason, "it was hit");
    assert_eq!(unharmed(&sample, &kept), 5);
    assert_eq!(started(directory).opened, Opened::OnDisk);
    // Noted, and nothing else done.
    fs::write(directory.join("tusk.salvage"), "x\ny").unwrap();
    assert_eq!(started(directory).opened, Opened::OnDisk);
}

#[test]
fn a_damaged_journal_costs_the_pages_that_were_hit() {
    let sample = Sample::new();
    let mut random = Random::new(seed());
    for _ in 0..as_many_as(12, 300) {
        let mut store = Fixture::at(sample.directory.path());
        store.load();
        for number in 10..14 {
            save_tab(&mut store, tab(number, &format!("in the journal {number}")));
        }
        // As after a kill: the journal is beside the file.
        let killed = Sample::with(&fs::read(sample.file()).unwrap());
        let mut bytes = fs::read(sample.directory.path().join("tusk.sqlite-wal")).unwrap();
        store.stop();
        let (at, bit) = (random.below(bytes.len()), random.below(8));
        bytes[at] ^= 1 << bit;
        fs::write(killed.path().join("tusk.sqlite-wal"), &bytes).unwrap();
        let kept = started(killed.path());
        let texts = texts_of(&kept);
        let back = texts.iter().filter(|text| text.starts_with("in the journal")).count();
        // A page of small tabs has been written several times; a bit of the last time costs what came with it.
        let whole = unharmed(&sample, &kept);
        assert!(whole >= 4, "bit {bit} of byte {at}: {whole} of 5");
        assert!(back >= 2, "bit {bit} of byte {at} of {}: {back} of 4", bytes.len());
    }
}
