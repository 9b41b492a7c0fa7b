//! The store on real files: what is asked for is there after a close, a kill, damage and a rival.

mod damage;
mod faults;
mod sharing;

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command as Process, Stdio},
    sync::Arc,
};

use uuid::Uuid;

use super::*;
use crate::{
    base::{
        ids::{ConnectionId, QueryId, TabId},
        text::{Edit, RopeText},
    },
    conninfo::Config,
    settings::Theme,
    update::keeping::{HistoryOutcome, SavedConnection, SavedTab, TabPlace},
};

/// The directory that the child of the kill test writes to; the child is this test binary.
const CHILD_DIRECTORY: &str = "TUSK_TEST_STORE_DIRECTORY";

/// Generous: only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(60);

struct Fixture {
    store: Store,
    inbox: Receiver<crate::msg::Msg>,
    requests: u64,
}

impl Fixture {
    fn new(place: Place) -> Self {
        let (outbox, inbox) = flume::unbounded();
        Self { store: Store::start(place, outbox), inbox, requests: 0 }
    }

    fn at(directory: &Path) -> Self {
        Self::new(Place::Directory(directory.into()))
    }

    fn request(&mut self) -> Request {
        self.requests += 1;
        Request(self.requests)
    }

    #[track_caller]
    fn answer(&self) -> Msg {
        match self.inbox.recv_timeout(PATIENCE).unwrap() {
            crate::msg::Msg::Store(msg) => msg,
            other => panic!("not the store's: {other:?}"),
        }
    }

    #[track_caller]
    fn write(&mut self, effect: impl FnOnce(Request) -> Effect) {
        let request = self.request();
        self.store.perform(effect(request));
        assert_eq!(self.answer(), Msg::Wrote { request });
    }

    #[track_caller]
    fn load(&mut self) -> Kept {
        let request = self.request();
        self.store.perform(Effect::Load { request });
        match self.answer() {
            Msg::Loaded { request: answered, kept } if answered == request => *kept,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn found(&mut self, text: &str, limit: u32) -> Vec<u128> {
        let request = self.request();
        self.store.perform(Effect::SearchHistory { request, text: text.into(), limit });
        match self.answer() {
            Msg::HistoryFound { request: answered, entries } if answered == request => {
                entries.unwrap().iter().map(|entry| entry.query.0.as_u128()).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn stop(self) {
        assert!(self.store.flush_and_stop(PATIENCE));
    }
}

/// Ids that differ as much as those that Tusk gives.
fn tab_id(number: u128) -> TabId {
    TabId(Uuid::from_u128(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)))
}

fn tab(number: u128, text: &str) -> SavedTab {
    SavedTab {
        id: tab_id(number),
        place: number as u32,
        active: number == 1,
        title: format!("tab {number}"),
        path: Some("/home/me/a.sql".into()),
        form: crate::sql::encoding::Form::restored("UTF-16 LE+"),
        unsaved: true,
        connection: Some(ConnectionId(Uuid::from_u128(99))),
        text: RopeText::from(text),
        revision: 3,
        cursor: 1,
    }
}

fn run(number: u128, sql: &str, outcome: HistoryOutcome) -> HistoryEntry {
    HistoryEntry {
        query: QueryId(Uuid::from_u128(number)),
        at_us: number as i64,
        connection: "production".into(),
        database: "shop".into(),
        sql: Arc::from(sql),
        elapsed_us: (outcome != HistoryOutcome::Running).then_some(1_500),
        outcome,
    }
}

fn finished() -> HistoryOutcome {
    HistoryOutcome::Finished { tag: "SELECT 42".into(), rows: 42 }
}

fn edit(start: usize, removed: usize, inserted: &str) -> Edit {
    Edit { start, removed, inserted: inserted.into() }
}

fn save_tab(fixture: &mut Fixture, tab: SavedTab) {
    fixture.write(|request| Effect::SaveTab { request, tab: Box::new(tab) });
}

fn journal(fixture: &mut Fixture, tab: TabId, revision: u64, edits: Vec<Edit>) {
    fixture.write(|request| Effect::JournalEdits { request, tab, revision, edits });
}

fn record(fixture: &mut Fixture, entry: HistoryEntry) {
    record_all(fixture, vec![entry]);
}

fn record_all(fixture: &mut Fixture, entries: Vec<HistoryEntry>) {
    fixture.write(|request| Effect::RecordRuns { request, entries });
}

#[test]
fn everything_kept_is_there_at_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = Fixture::at(directory.path());
    let empty = first.load();
    assert_eq!(empty.opened, Opened::OnDisk);
    assert_eq!((empty.tabs, empty.settings), (vec![], Settings::default()));
    let connection = SavedConnection {
        id: ConnectionId(Uuid::from_u128(1)),
        config: Config { name: "production".into(), read_only: true, ..Config::default() },
        last_used_us: Some(5),
    };
    let other = SavedConnection { id: ConnectionId(Uuid::from_u128(2)), ..connection.clone() };
    for saved in [&connection, &other] {
        let connection = Box::new(saved.clone());
        first.write(|request| Effect::SaveConnection { request, connection });
    }
    first.write(|request| Effect::DeleteConnection { request, connection: other.id });
    let settings = Settings {
        window: (900, 700),
        sidebar_width: 0,
        editor_percent: 50,
        ..Settings::default()
    };
    let mut more = settings.clone();
    // The user's own choices are in a file of theirs.
    more.theme = Theme::Dark;
    first.write(|request| Effect::SaveSettings { request, settings: more });
    save_tab(&mut first, tab(1, "select '\u{0}é'"));
    let lost = run(7, "select pg_sleep(9)", HistoryOutcome::Running);
    record(&mut first, run(6, "select 1", finished()));
    record(&mut first, lost.clone());
    first.stop();

    let kept = Fixture::at(directory.path()).load();
    assert_eq!(
        kept,
        Kept {
            opened: Opened::OnDisk,
            connections: vec![connection],
            tabs: vec![tab(1, "select '\u{0}é'")],
            closed: vec![],
            history: vec![lost, run(6, "select 1", finished())],
            settings,
        }
    );
}

#[test]
fn journaled_edits_are_in_the_text_and_a_save_takes_their_place() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = Fixture::at(directory.path());
    save_tab(&mut first, tab(1, "select 1"));
    journal(&mut first, tab_id(1), 5, vec![edit(7, 1, "zwölf"), edit(0, 6, "SELECT")]);
    let kept = first.load();
    assert_eq!(kept.tabs[0].text.to_string(), "SELECT zwölf");
    assert_eq!((kept.tabs[0].revision, kept.tabs[0].cursor), (5, 6));
    journal(&mut first, tab_id(1), 6, vec![edit(0, 0, "x")]);
    save_tab(&mut first, tab(1, "saved"));
    first.stop();
    assert_eq!(Fixture::at(directory.path()).load().tabs, [tab(1, "saved")]);
}

#[test]
fn an_edit_that_does_not_fit_is_put_as_near_as_can_be_and_takes_nothing_out() {
    let mut store = Fixture::new(Place::Memory);
    save_tab(&mut store, tab(1, "ab"));
    journal(&mut store, tab_id(1), 4, vec![edit(9, 0, "lost"), edit(2, 0, "c"), edit(0, 9, "")]);
    assert_eq!(store.load().tabs[0].text.to_string(), "abclost");
}

#[test]
fn what_is_typed_into_a_tab_that_was_never_kept_is_kept() {
    let mut store = Fixture::new(Place::Memory);
    journal(&mut store, tab_id(8), 1, vec![edit(0, 0, "first")]);
    let kept = store.load();
    assert_eq!((kept.tabs[0].id, kept.tabs[0].text.to_string()), (tab_id(8), "first".into()));
}

#[test]
fn a_long_journal_is_folded_and_the_text_is_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Fixture::at(directory.path());
    save_tab(&mut store, tab(1, ""));
    let letters: String = ('a'..='z').cycle().take(9_000).collect();
    for (start, chunk) in letters.as_bytes().chunks(500).enumerate() {
        let edits = chunk
            .iter()
            .enumerate()
            .map(|(index, letter)| edit(start * 500 + index, 0, &char::from(*letter).to_string()));
        journal(&mut store, tab_id(1), 10 + start as u64, edits.collect());
    }
    let file = Connection::open(directory.path().join(opening::FILE_NAME)).unwrap();
    let waiting: i64 = file.query_row("select count(*) from edit", [], |row| row.get(0)).unwrap();
    assert!(waiting <= 4_096, "{waiting}");
    assert_eq!(store.load().tabs[0].text.to_string(), letters);
}

#[test]
fn the_layout_moves_tabs_and_leaves_their_texts() {
    let mut store = Fixture::new(Place::Memory);
    save_tab(&mut store, tab(1, "one"));
    save_tab(&mut store, tab(2, "two"));
    let place = |number: u128, active| TabPlace {
        id: tab_id(number),
        active,
        title: "moved".into(),
        path: None,
        form: crate::sql::encoding::Form::restored("UTF-16 LE+"),
        unsaved: false,
        connection: None,
        cursor: 2,
    };
    let tabs = vec![place(2, true), place(1, false)];
    store.write(|request| Effect::SaveLayout { request, tabs });
    let kept = store.load();
    let seen: Vec<_> =
        kept.tabs.iter().map(|tab| (tab.id, tab.text.to_string(), tab.active)).collect();
    assert_eq!(seen, [(tab_id(2), "two".into(), true), (tab_id(1), "one".into(), false)]);
    assert_eq!((kept.tabs[0].path.clone(), kept.tabs[0].cursor), (None, 2));
}

#[test]
fn the_last_twenty_closed_tabs_can_be_reopened() {
    let mut store = Fixture::new(Place::Memory);
    for number in 1..=23 {
        save_tab(&mut store, tab(number, "text"));
        let at_us = number as i64;
        store.write(|request| Effect::CloseTab { request, tab: tab_id(number), at_us });
    }
    let kept = store.load();
    let closed: Vec<_> = kept.closed.iter().map(|tab| tab.id).collect();
    assert_eq!(closed, (4..=23).rev().map(tab_id).collect::<Vec<_>>());
    assert_eq!((kept.tabs.len(), kept.closed[0].text.to_string()), (0, "text".into()));
    save_tab(&mut store, tab(23, "text"));
    let kept = store.load();
    assert_eq!((kept.tabs[0].id, kept.closed.len()), (tab_id(23), 19));
}

#[test]
fn a_run_is_recorded_once_and_shows_how_it_ended() {
    let mut store = Fixture::new(Place::Memory);
    record(&mut store, run(1, "select 1/0", HistoryOutcome::Running));
    record(&mut store, run(2, "select 2", finished()));
    let failed = run(
        1,
        "select 1/0",
        HistoryOutcome::Failed {
            sqlstate: Some("22012".into()),
            message: "division by zero".into(),
        },
    );
    record(&mut store, failed.clone());
    assert_eq!(store.load().history, [run(2, "select 2", finished()), failed]);
    assert_eq!(store.found("division", 9), [1]);
    assert_eq!(store.found("22012", 9), [1]);
}

#[test]
fn a_search_finds_every_word_in_any_case_the_newest_first() {
    let mut store = Fixture::new(Place::Memory);
    record(&mut store, run(1, "select * from Bücher where \"name\" = 'x'", finished()));
    record(&mut store, run(2, "delete from bücher", finished()));
    record(&mut store, run(3, "select xyz_abc, abc_def", finished()));
    assert_eq!(store.found("", 9), [3, 2, 1]);
    assert_eq!(store.found("  ", 2), [3, 2]);
    assert_eq!(store.found("BÜCHER", 9), [2, 1]);
    assert_eq!(store.found("bücher SELECT", 9), [1]);
    assert_eq!(store.found("\"name\"", 9), [1]);
    assert_eq!(store.found("ü", 9), [2, 1]);
    assert_eq!(store.found("PRODUCTION shop", 1), [3]);
    assert_eq!(store.found("xyz_def", 9), [] as [u128; 0], "its groups are there, the word is not");
    assert_eq!(store.found("OR NOT *", 9), [] as [u128; 0]);
}

#[test]
fn runs_are_found_wherever_the_index_ends() {
    let mut store = Fixture::new(Place::Memory);
    store.load();
    let (mut recorded, mut size) = (0, 1);
    // Pieces of all sizes, so that the blocks of the index end anywhere in them.
    while recorded < 2_000 {
        let entries = (recorded + 1..=recorded + size)
            .map(|number| run(number, &format!("select word_{number}_ from t"), finished()));
        record_all(&mut store, entries.collect());
        recorded += size;
        size = size * 2 + 1;
        for number in [1, 255, 256, 257, 511, 512, 513, recorded] {
            let found = store.found(&format!("word_{number}_"), 9);
            let wanted: &[u128] = if number <= recorded { &[number] } else { &[] };
            assert_eq!(found, wanted, "of {recorded}");
        }
        assert_eq!(store.found("PRODUCTION _from", 9), [] as [u128; 0]);
    }
    assert_eq!(store.found("production word_", 3), [recorded, recorded - 1, recorded - 2]);
    // One that ends when its block is indexed is found by how it ended.
    let message = "duplicate key violates \"orders_pkey\"";
    let failed = HistoryOutcome::Failed { sqlstate: Some("23505".into()), message: message.into() };
    record(&mut store, run(300, "select word_300_ from t", failed));
    assert_eq!(store.found("orders_pkey", 9), [300]);
    assert_eq!(store.found("word_301_", 9), [301]);
}

#[test]
fn many_runs_cost_the_index_few_rows_also_where_the_history_is_at_its_limit() {
    const ROUND: u128 = 8_000;
    let base = opening::open(&Place::Memory, Uuid::from_u128(1)).unwrap();
    let connection = &base.connection;
    let mut number = 0;
    let mut round = || {
        let mut begin = || {
            number += 1;
            let sql = format!("insert into t values ({number})");
            run(number, &sql, finished())
        };
        let entries: Vec<HistoryEntry> = (0..ROUND).map(|_| begin()).collect();
        let count = "select count(*) from run";
        let runs = || connection.query_row(count, [], |row| row.get::<_, i64>(0));
        let (before, changes) = (runs().unwrap() as u64, connection.total_changes());
        for some in entries.chunks(2_000) {
            let transaction = connection.unchecked_transaction().unwrap();
            history::record(&transaction, some).unwrap();
            transaction.commit().unwrap();
        }
        // All that is not a run that comes or goes.
        let gone = before + ROUND as u64 - runs().unwrap() as u64;
        connection.total_changes() - changes - ROUND as u64 - gone
    };
    let rounds_to_limit = history::RUNS_MAX as u64 / ROUND as u64;
    let growing: u64 = (0..rounds_to_limit).map(|_| round()).sum();
    let full: u64 = (0..rounds_to_limit).map(|_| round()).sum();
    let runs = rounds_to_limit * ROUND as u64;
    assert!(growing < runs / 50, "{growing} rows for {runs} runs");
    // Blocks go, too, and what is left of them is put together.
    assert!(full < runs / 20, "{full} rows for {runs} runs at the limit");
}

#[test]
fn the_oldest_runs_go_when_they_are_too_many() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Fixture::at(directory.path());
    store.load();
    let file = Connection::open(directory.path().join(opening::FILE_NAME)).unwrap();
    let sql = "with recursive n (n) as (select 1 union all select n + 1 from n where n < ?1)
        insert into run (query, at_us, connection, database, sql, state)
        select printf('00000000-0000-0000-0000-%012x', n), n, 'c', 'd', 'old', 'running' from n";
    file.execute(sql, [history::RUNS_MAX]).unwrap();
    record(&mut store, run(u128::from(u64::MAX), "new", finished()));
    let count = |sql| file.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("select count(*) from run"), history::RUNS_MAX);
    assert_eq!(count("select min(number) from run"), 2);
    assert_eq!(store.found("old", 200_000).len() as i64, history::RUNS_MAX - 1);
}

#[test]
fn writes_that_wait_share_one_transaction_and_each_is_answered() {
    let mut store = Fixture::new(Place::Memory);
    let requests: Vec<Request> = (0..3_000).map(|_| store.request()).collect();
    for request in &requests {
        let edits = vec![edit(0, 0, "x")];
        store.store.perform(Effect::JournalEdits {
            request: *request,
            tab: tab_id(1),
            revision: request.0,
            edits,
        });
    }
    for request in requests {
        assert_eq!(store.answer(), Msg::Wrote { request });
    }
    assert_eq!(store.load().tabs[0].text.len(), 3_000);
}

#[test]
fn a_write_that_fails_does_not_take_its_neighbours_with_it() {
    let keeper = |effects: &[Effect]| {
        let base = opening::open(&Place::Memory, Uuid::from_u128(1)).unwrap();
        base.connection
            .execute_batch(
                "create trigger refuse before insert on setting begin select raise(abort, 'no'); end",
            )
            .unwrap();
        let (outbox, inbox) = flume::unbounded();
        let mut keeper = Keeper::new(Place::Memory, outbox);
        keeper.base = Some(base);
        keeper.perform_in_order(effects);
        inbox.drain().collect::<Vec<_>>()
    };
    let answers = keeper(&[
        Effect::SaveTab { request: Request(1), tab: Box::new(tab(1, "kept")) },
        Effect::SaveSettings { request: Request(2), settings: Settings::default() },
        Effect::CloseTab { request: Request(3), tab: tab_id(1), at_us: 1 },
    ]);
    let failure = Failure {
        detail: Some("SQLite's extended result code is 1811.".into()),
        ..Failure::new(Category::Storage, "Tusk could not keep this: no")
    };
    let expected = [
        Msg::Wrote { request: Request(1) },
        Msg::Failed { request: Request(2), failure },
        Msg::Wrote { request: Request(3) },
    ];
    assert_eq!(answers, expected.map(crate::msg::Msg::Store));
}

#[test]
fn an_effect_after_the_end_is_refused() {
    let mut store = Fixture::new(Place::Memory);
    store.load();
    assert!(store.store.flush_and_stop(PATIENCE));
    assert!(store.store.flush_and_stop(PATIENCE), "a second time is no harm");
    store.store.perform(Effect::DeleteConnection {
        request: Request(50),
        connection: ConnectionId(Uuid::from_u128(1)),
    });
    store.store.perform(Effect::SearchHistory { request: Request(51), text: "".into(), limit: 1 });
    let failure = Failure::new(Category::Storage, "the store has shut down");
    assert_eq!(store.answer(), Msg::Failed { request: Request(50), failure: failure.clone() });
    let entries = Err(failure);
    assert_eq!(store.answer(), Msg::HistoryFound { request: Request(51), entries });
    assert!(matches!(store.load().opened, Opened::InMemory { .. }));
}

#[cfg(unix)]
#[test]
fn the_file_is_the_users_alone() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("new/tusk");
    let mut store = Fixture::at(&directory);
    store.load();
    save_tab(&mut store, tab(1, "x"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), wanted, "{}", path.display());
    }
    assert!(directory.join("tusk.sqlite-wal").exists());
}

#[test]
fn a_damaged_file_is_set_aside_and_a_fresh_one_begun() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(opening::FILE_NAME);
    let garbage = vec![b'x'; 9_000];
    fs::write(&file, &garbage).unwrap();
    let mut store = Fixture::at(directory.path());
    let Opened::Fresh { copy, reason, .. } = store.load().opened else { panic!("not fresh") };
    assert_eq!(fs::read(&copy).unwrap(), garbage);
    assert!(copy.contains("tusk.sqlite.damaged-"), "{copy}");
    assert!(reason.contains("not a database"), "{reason}");
    save_tab(&mut store, tab(1, "new"));
    store.stop();
    let kept = Fixture::at(directory.path()).load();
    assert_eq!((kept.opened, kept.tabs.len()), (Opened::OnDisk, 1));
}

#[test]
fn damage_in_the_middle_of_the_file_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Fixture::at(directory.path());
    save_tab(&mut store, tab(1, &"select 1;\n".repeat(20_000)));
    store.stop();
    let file = directory.path().join(opening::FILE_NAME);
    let mut bytes = fs::read(&file).unwrap();
    // Every page but the first, which holds the header and the schema.
    bytes[4_096..].fill(0xA5);
    fs::write(&file, &bytes).unwrap();
    let opened = Fixture::at(directory.path()).load().opened;
    let Opened::Fresh { copy, .. } = opened else { panic!("{opened:?}") };
    assert_eq!(fs::read(copy).unwrap(), bytes);
}

#[test]
fn the_file_of_a_newer_program_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(opening::FILE_NAME);
    let newer = Connection::open(&file).unwrap();
    newer
        .execute_batch(
            "create table setting (name, value); insert into setting values ('written_by', '9.8.7');
            pragma user_version = 77",
        )
        .unwrap();
    drop(newer);
    let before = fs::read(&file).unwrap();
    let mut store = Fixture::at(directory.path());
    let Opened::InMemory { reason } = store.load().opened else { panic!("not in memory") };
    assert!(reason.contains("newer Tusk") && reason.contains("install Tusk 9.8.7"), "{reason}");
    save_tab(&mut store, tab(1, "for now"));
    assert_eq!(store.load().tabs.len(), 1);
    store.stop();
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn where_no_directory_can_be_made_the_store_works_in_memory() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let mut store = Fixture::at(&file.join("data"));
    let Opened::NoDirectory { directory, reason } = store.load().opened else {
        panic!("not in memory")
    };
    assert!(directory.ends_with("file/data"), "{directory}");
    assert!(reason.contains("file/data"), "{reason}");
    save_tab(&mut store, tab(1, "for now"));
    assert_eq!(store.load().tabs[0].text.to_string(), "for now");
}

/// Run by the test below in a process of its own; by itself it has nothing to do.
#[test]
fn a_child_types_until_it_is_killed() {
    let Some(directory) = std::env::var_os(CHILD_DIRECTORY) else {
        return;
    };
    let mut store = Fixture::at(Path::new(&directory));
    store.load();
    for number in 0.. {
        journal(
            &mut store,
            tab_id(1),
            number,
            vec![edit(number as usize * 5, 0, &format!("{number:04};"))],
        );
        // Only what the store has answered for is promised.
        println!("typed {number}");
    }
}

#[test]
fn after_a_kill_every_answered_edit_is_in_the_text() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Process::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "effects::store::tests::a_child_types_until_it_is_killed"])
        .env(CHILD_DIRECTORY, directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let promised = lines.by_ref().find(|line| line.as_ref().unwrap().ends_with("typed 300"));
    assert!(promised.is_some(), "the child ended too soon");
    child.kill().unwrap();
    child.wait().unwrap();
    let promised =
        301 + lines.map_while(Result::ok).filter(|line| line.starts_with("typed ")).count();

    let kept = Fixture::at(directory.path()).load();
    let text = kept.tabs[0].text.to_string();
    let typed = text.len() / 5;
    // The one in flight may have arrived; none that was answered may be missing.
    assert!(typed >= promised - 1 && typed <= promised + 1, "{typed} of {promised}");
    let whole: String = (0..typed).map(|number| format!("{number:04};")).collect();
    assert_eq!((kept.opened, text), (Opened::OnDisk, whole));
}
