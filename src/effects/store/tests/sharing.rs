//! Several programs on one data directory, and files of earlier versions.

use super::*;
use crate::effects::store::sharing::LOCK_NAME;

fn texts(kept: &Kept) -> Vec<String> {
    kept.tabs.iter().map(|tab| tab.text.to_string()).collect()
}

#[test]
fn two_programs_share_a_file_and_each_has_tabs_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = Fixture::at(directory.path());
    first.load();
    save_tab(&mut first, tab(1, "the first one's"));
    record(&mut first, run(1, "select 1", finished()));

    let mut second = Fixture::at(directory.path());
    let kept = second.load();
    assert_eq!((kept.opened, kept.tabs.len()), (Opened::OnDisk, 0));
    assert_eq!(second.found("select", 9), [1]);
    save_tab(&mut second, tab(2, "the second one's"));
    record(&mut second, run(2, "select 2", finished()));
    journal(&mut first, tab_id(1), 4, vec![edit(0, 0, "-- ")]);
    journal(&mut second, tab_id(2), 4, vec![edit(0, 0, "-- ")]);
    assert_eq!(first.found("select", 9), [2, 1]);
    assert_eq!(texts(&first.load()), ["-- the first one's"]);
    first.stop();

    // The tabs of the one that ended are the next one's; the other's stay the other's.
    let mut third = Fixture::at(directory.path());
    assert_eq!(texts(&third.load()), ["-- the first one's"]);
    assert_eq!(texts(&second.load()), ["-- the second one's"]);
    second.stop();
    third.stop();
    let kept = Fixture::at(directory.path()).load();
    assert_eq!(texts(&kept), ["-- the first one's", "-- the second one's"]);
    assert_eq!(kept.tabs.iter().filter(|tab| tab.active).count(), 1);
}

/// Asks until it is written: what the Model does when another file is used from then on.
fn keep_at_last(fixture: &mut Fixture, tab: &SavedTab) {
    loop {
        let request = fixture.request();
        fixture.store.perform(Effect::SaveTab { request, tab: Box::new(tab.clone()) });
        loop {
            match fixture.answer() {
                Msg::Wrote { request: written } if written == request => return,
                Msg::Held { request: held, .. } if held == request => break,
                Msg::Reopened { .. } | Msg::ConnectionsChanged { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn of_two_programs_one_salvages_and_the_other_goes_on_with_all_that_it_has() {
    let directory = tempfile::tempdir().unwrap();
    let mut old = Fixture::at(directory.path());
    for number in 1..=40 {
        let text = format!("select {number};\n").repeat(500);
        save_tab(&mut old, tab(number, &text));
    }
    old.stop();
    let (mut first, mut second) = (Fixture::at(directory.path()), Fixture::at(directory.path()));
    assert_eq!(first.load().tabs.len(), 40);
    assert_eq!(second.load().tabs.len(), 0);
    save_tab(&mut first, tab(100, "the first one's"));
    save_tab(&mut second, tab(101, "the second one's"));
    // A page that holds a piece of a text and nothing else, once it is in the file itself.
    let file = directory.path().join(opening::FILE_NAME);
    let other = Connection::open(&file).unwrap();
    other.query_row("pragma wal_checkpoint(passive)", [], |_| Ok(())).unwrap();
    let bytes = fs::read(&file).unwrap();
    let pieces = bytes.chunks(4_096).enumerate().filter(|(_, page)| {
        page[0] == 0 && String::from_utf8_lossy(page).contains("select 20;\nselect 20;")
    });
    let mut inside = fs::OpenOptions::new().write(true).open(&file).unwrap();
    for (page, _) in pieces {
        std::io::Seek::seek(&mut inside, std::io::SeekFrom::Start(page as u64 * 4_096)).unwrap();
        std::io::Write::write_all(&mut inside, &[0xa5; 4_096]).unwrap();
    }
    drop((inside, other));
    // One of them notices, and both come to the same new file.
    let opened: Vec<Opened> = [&first, &second]
        .map(|fixture| {
            loop {
                if let Msg::Reopened { opened } = fixture.answer() {
                    return opened;
                }
            }
        })
        .into();
    let salvaged = opened.iter().filter(|opened| matches!(opened, Opened::Fresh { .. }));
    assert_eq!(salvaged.count(), 1, "{opened:?}");
    keep_at_last(&mut first, &tab(100, "the first one's, typed on"));
    keep_at_last(&mut second, &tab(101, "the second one's, typed on"));
    first.stop();
    second.stop();
    let kept = Fixture::at(directory.path()).load();
    assert_eq!(kept.opened, Opened::OnDisk);
    let texts = texts(&kept);
    for text in ["the first one's, typed on", "the second one's, typed on"] {
        assert!(texts.contains(&text.into()), "{text}");
    }
    let whole =
        (1..=40).filter(|number| texts.contains(&format!("select {number};\n").repeat(500)));
    assert!(whole.count() >= 39);
}

#[test]
fn blank_tabs_of_several_programs_do_not_pile_up() {
    let directory = tempfile::tempdir().unwrap();
    let fixtures: Vec<Fixture> = (1..=3)
        .map(|number| {
            let mut fixture = Fixture::at(directory.path());
            fixture.load();
            let text = if number == 2 { "select 2" } else { "" };
            let untitled = SavedTab { title: String::new(), path: None, ..tab(number, text) };
            save_tab(&mut fixture, untitled);
            fixture
        })
        .collect();
    fixtures.into_iter().for_each(Fixture::stop);
    let kept = Fixture::at(directory.path()).load();
    let ids: Vec<_> = kept.tabs.iter().map(|tab| tab.id).collect();
    assert_eq!(ids, [tab_id(2)]);
}

#[test]
fn connections_that_another_program_saves_or_deletes_are_reported() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = Fixture::at(directory.path());
    first.load();
    let mut second = Fixture::at(directory.path());
    second.load();
    let saved = SavedConnection {
        id: ConnectionId(Uuid::from_u128(1)),
        config: Config::default(),
        last_used_us: None,
    };
    let connection = Box::new(saved.clone());
    second.write(|request| Effect::SaveConnection { request, connection });
    let (changed, deleted) = (vec![saved.clone()], vec![]);
    assert_eq!(first.answer(), Msg::ConnectionsChanged { changed, deleted });
    let id = saved.id;
    first.write(|request| Effect::DeleteConnection { request, connection: id });
    let (changed, deleted) = (vec![], vec![id]);
    assert_eq!(second.answer(), Msg::ConnectionsChanged { changed, deleted });
    first.stop();
    second.stop();
}

#[test]
fn a_program_that_wants_the_directory_for_itself_is_not_disturbed() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = Fixture::at(directory.path());
    save_tab(&mut first, tab(1, "the first one's"));
    record(&mut first, run(1, "select 1", finished()));
    first.stop();
    // As 0.1.0 does it, for all its life.
    let lock = fs::File::open(directory.path().join(LOCK_NAME)).unwrap();
    lock.lock().unwrap();
    let mut second = Fixture::at(directory.path());
    let kept = second.load();
    let Opened::InMemory { reason } = kept.opened else { panic!("not in memory") };
    assert!(reason.contains("does not share it"), "{reason}");
    assert_eq!((kept.history.len(), kept.tabs.len()), (1, 0));
    second.stop();
    drop(lock);
    assert_eq!(Fixture::at(directory.path()).load().tabs.len(), 1);
}

#[test]
fn a_program_that_shares_keeps_out_one_that_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Fixture::at(directory.path());
    store.load();
    let lock = fs::File::open(directory.path().join(LOCK_NAME)).unwrap();
    assert!(lock.try_lock().is_err());
    store.stop();
    assert!(lock.try_lock().is_ok());
}

#[test]
fn a_file_is_not_brought_up_to_date_under_another_program() {
    let directory = tempfile::tempdir().unwrap();
    let file = released(directory.path(), "0.1.0");
    let before = fs::read(&file).unwrap();
    let lock = fs::File::create(directory.path().join(LOCK_NAME)).unwrap();
    lock.lock_shared().unwrap();
    let mut store = Fixture::at(directory.path());
    let Opened::InMemory { reason } = store.load().opened else { panic!("not in memory") };
    assert!(reason.contains("an older Tusk uses it"), "{reason}");
    store.stop();
    assert_eq!(fs::read(&file).unwrap(), before);
}

/// The store of a released version, in a data directory.
pub(super) fn released(directory: &Path, version: &str) -> std::path::PathBuf {
    let file = directory.join(opening::FILE_NAME);
    fs::copy(sample(version), &file).unwrap();
    file
}

/// The store of a released version, where it is kept.
pub(super) fn sample(version: &str) -> std::path::PathBuf {
    let stores = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores");
    stores.join(format!("{version}.sqlite"))
}

fn backups(directory: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = fs::read_dir(directory.join("backups")) else {
        return vec![];
    };
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

#[test]
fn the_store_of_every_released_version_is_brought_forward_with_nothing_lost() {
    let directory = tempfile::tempdir().unwrap();
    released(directory.path(), "0.1.0");
    let mut store = Fixture::at(directory.path());
    let kept = store.load();
    assert_eq!(kept.opened, Opened::OnDisk);
    assert_eq!(
        texts(&kept),
        [
            "select 42;\nselect 2;\n",
            "-- Übersicht\nselect * from orders;\n",
            "delete from orders where id = 7;\n"
        ]
    );
    let second = &kept.tabs[1];
    assert_eq!((second.title.as_str(), second.active), ("report", true));
    assert_eq!(kept.tabs[2].path.as_deref(), Some("/home/ada/orders.sql"));
    assert!(kept.tabs[2].unsaved);
    let production = ConnectionId(Uuid::from_u128(100));
    assert_eq!(kept.tabs[0].connection, Some(production));
    assert_eq!(kept.closed[0].text.to_string(), "select 'closed';\n");
    let names: Vec<_> = kept
        .connections
        .iter()
        .map(|saved| (saved.config.name.as_str(), saved.config.read_only))
        .collect();
    assert_eq!(names, [("production", true), ("staging", false)]);
    assert_eq!(kept.connections[0].last_used_us, Some(1_700_000_000_000_000));
    let outcomes: Vec<_> = kept.history.iter().map(|run| run.outcome.clone()).collect();
    let failed = HistoryOutcome::Failed {
        sqlstate: Some("22012".into()),
        message: "division by zero".into(),
    };
    assert_eq!(outcomes, [HistoryOutcome::Running, failed, finished()]);
    let expected = Settings {
        theme: Theme::Dark,
        zoom_percent: 125,
        window: (1200, 800),
        sidebar_width: 300,
        editor_percent: 45,
        ..Settings::default()
    };
    assert_eq!(kept.settings, expected);
    assert_eq!(store.found("orders", 9), [200]);
    store.stop();

    // The backup is the file as it was.
    let found = backups(directory.path());
    let is_first = |path: &&std::path::PathBuf| path.to_string_lossy().contains("tusk-v1-");
    let Some(backup) = found.iter().find(is_first) else {
        panic!("no backup");
    };
    let name = backup.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("tusk-v1-20"), "{name}");
    let backup = Connection::open(backup).unwrap();
    assert_eq!(migrations::version(&backup).unwrap(), 1);
    let count = |sql| backup.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("select count(*) from tab"), 4);
    assert_eq!(count("select count(*) from edit"), 2);

    // It is made once, not at each start.
    Fixture::at(directory.path()).load();
    assert_eq!(backups(directory.path()), found);
}

#[test]
fn a_file_that_cannot_be_backed_up_is_not_changed() {
    let directory = tempfile::tempdir().unwrap();
    let file = released(directory.path(), "0.1.0");
    fs::write(directory.path().join("backups"), "in the way").unwrap();
    let mut store = Fixture::at(directory.path());
    let Opened::InMemory { reason } = store.load().opened else { panic!("not in memory") };
    assert!(reason.contains("can't be backed up"), "{reason}");
    store.stop();
    let file = Connection::open(file).unwrap();
    assert_eq!(migrations::version(&file).unwrap(), 1);
}

#[test]
fn three_backups_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    released(directory.path(), "0.1.0");
    let old = directory.path().join("backups");
    fs::create_dir(&old).unwrap();
    let names = [
        "tusk-v1-20250101-000000000.sqlite",
        "tusk-v2-20240101-000000000.sqlite",
        "tusk-v3-20250202-000000000.sqlite",
        "mine.sqlite",
    ];
    for name in names {
        fs::write(old.join(name), "").unwrap();
    }
    Fixture::at(directory.path()).load();
    let left: Vec<String> = backups(directory.path())
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(left.len(), 4, "{left:?}");
    assert!(!left.contains(&names[1].to_owned()), "the oldest is kept");
    assert!(left.contains(&names[3].to_owned()), "it is the user's own");
}
