//! A file that is deleted, replaced or damaged while the program runs.

use super::{sharing::released, *};

#[test]
fn a_file_that_is_deleted_with_its_directory_is_written_again_whole() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("data");
    let mut store = Fixture::at(&directory);
    store.load();
    save_tab(&mut store, tab(1, "before"));
    for number in 1..=300 {
        record(&mut store, run(number, "select 1", finished()));
    }
    fs::remove_dir_all(&directory).unwrap();
    // The thread may notice by itself, or by what it is asked next.
    let request = store.request();
    store.store.perform(Effect::JournalEdits {
        request,
        tab: tab_id(1),
        revision: 4,
        edits: vec![edit(0, 0, "-- ")],
    });
    let Msg::Reopened { opened: Opened::Recreated { file, how } } = store.answer() else {
        panic!("nothing was said of it")
    };
    assert_eq!(how, "it was deleted");
    assert!(Path::new(&file).starts_with(&directory), "{file}");
    assert_eq!(store.answer(), Msg::Wrote { request });
    store.stop();
    let mut next = Fixture::at(&directory);
    let kept = next.load();
    assert_eq!(kept.tabs[0].text.to_string(), "-- before");
    assert_eq!(next.found("select", 1_000).len(), 300, "old runs too");
}

#[test]
fn a_file_that_is_replaced_is_left_for_the_one_that_took_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Fixture::at(directory.path());
    save_tab(&mut store, tab(1, "before"));
    for entry in fs::read_dir(directory.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && path.to_string_lossy().contains(opening::FILE_NAME) {
            fs::remove_file(path).unwrap();
        }
    }
    released(directory.path(), "0.1.0");
    let request = store.request();
    store.store.perform(Effect::SaveTab { request, tab: Box::new(tab(77, "after")) });
    let Msg::Reopened { opened: Opened::Recreated { how, .. } } = store.answer() else {
        panic!("nothing was said of it")
    };
    assert_eq!(how, "another one took its place");
    assert_eq!(store.answer(), Msg::Wrote { request });
    store.stop();
    let kept = Fixture::at(directory.path()).load();
    assert_eq!(kept.tabs.len(), 4, "its own tabs, and ours");
}

#[test]
fn a_file_that_is_damaged_while_it_is_used_is_set_aside_and_a_fresh_one_begun() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Fixture::at(directory.path());
    for number in 1..=40 {
        save_tab(&mut store, tab(number, &"select 1;\n".repeat(2_000)));
    }
    store.stop();
    let mut store = Fixture::at(directory.path());
    assert_eq!(store.load().opened, Opened::OnDisk);
    let file = directory.path().join(opening::FILE_NAME);
    let length = fs::metadata(&file).unwrap().len() as usize;
    // Into the very file: every page but the first, which the program has read.
    let mut inside = fs::OpenOptions::new().write(true).open(&file).unwrap();
    std::io::Seek::seek(&mut inside, std::io::SeekFrom::Start(4_096)).unwrap();
    std::io::Write::write_all(&mut inside, &vec![0xA5; length - 4_096]).unwrap();
    // Another program's write makes this one forget what it has read.
    let other = Connection::open(&file).unwrap();
    other.pragma_update(None, "user_version", 2).unwrap();
    let request = store.request();
    store.store.perform(Effect::SaveTab { request, tab: Box::new(tab(77, "typed")) });
    let Msg::Held { request: held, reason } = store.answer() else { panic!("it was not held") };
    assert!(held == request && reason.contains("malformed"), "{reason}");
    let Msg::Reopened { opened: Opened::Fresh { copy, .. } } = store.answer() else {
        panic!("nothing was said of it")
    };
    assert!(Path::new(&copy).exists());
    save_tab(&mut store, tab(77, "from the Model"));
    store.stop();
    let kept = Fixture::at(directory.path()).load();
    assert_eq!(kept.opened, Opened::OnDisk);
    let mut texts = kept.tabs.iter().map(|tab| tab.text.to_string());
    assert!(texts.any(|text| text == "from the Model"));
}

/// What somebody may do to a file that is in use.
type Damage = fn(&Path, &Path);

#[test]
fn whatever_happens_to_the_file_while_it_is_used_is_noticed_and_all_is_written_again() {
    fn inside(file: &Path, at: u64, bytes: &[u8]) {
        let mut inside = fs::OpenOptions::new().write(true).open(file).unwrap();
        std::io::Seek::seek(&mut inside, std::io::SeekFrom::Start(at)).unwrap();
        std::io::Write::write_all(&mut inside, bytes).unwrap();
    }
    fn cut(file: &Path, length: u64) {
        let file = fs::OpenOptions::new().write(true).open(file).unwrap();
        file.set_len(length).unwrap();
    }
    let damages: [(&str, Damage); 9] = [
        ("emptied", |file, _| cut(file, 0)),
        ("cut off", |file, _| cut(file, 5_000)),
        ("garbage", |file, _| fs::write(file, vec![b'x'; 50_000]).unwrap()),
        ("its header", |file, _| inside(file, 0, &[0; 100])),
        ("its pages", |file, _| inside(file, 4_096, &vec![0xa5; 30_000])),
        ("another store", |file, _| {
            fs::write(file, fs::read(sharing::sample("0.1.0")).unwrap()).unwrap();
        }),
        ("no journal", |_, journal| fs::remove_file(journal).unwrap()),
        ("an empty journal", |_, journal| cut(journal, 0)),
        ("the journal's pages", |_, journal| {
            let length = fs::metadata(journal).unwrap().len() as usize;
            inside(journal, 32, &vec![0xa5; length - 32]);
        }),
    ];
    std::thread::scope(|scope| {
        for (what, damage) in damages {
            scope.spawn(move || is_noticed(what, damage));
        }
    });
}

fn is_noticed(what: &str, damage: Damage) {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Fixture::at(directory.path());
    save_tab(&mut store, tab(1, &"select 1;\n".repeat(5_000)));
    store.stop();
    let mut store = Fixture::at(directory.path());
    store.load();
    save_tab(&mut store, tab(2, "typed"));
    let file = directory.path().join(opening::FILE_NAME);
    let journal = directory.path().join("tusk.sqlite-wal");
    // What will be there: the same is done to copies.
    let copies = tempfile::tempdir().unwrap();
    let there = [&file, &journal].map(|from| {
        let to = copies.path().join(from.file_name().unwrap());
        fs::copy(from, &to).unwrap();
        to
    });
    damage(&there[0], &there[1]);
    let there = there.map(|path| fs::read(path).unwrap_or_default());
    damage(&file, &journal);
    // Nothing is asked of it: it looks by itself.
    let Msg::Reopened { opened } = store.answer() else { panic!("{what}: nothing was said of it") };
    if let Opened::Fresh { copy, .. } = &opened {
        let aside = [copy.clone(), format!("{copy}-wal")];
        let aside = aside.map(|path| fs::read(path).unwrap_or_default());
        assert!(aside == there, "{what}: it was changed on its way");
    }
    assert!(
        matches!(opened, Opened::Fresh { .. } | Opened::Recreated { .. }),
        "{what}: {opened:?}"
    );
    for number in 1..=2 {
        save_tab(&mut store, tab(number, &format!("from the Model {number}")));
    }
    store.stop();
    let kept = Fixture::at(directory.path()).load();
    assert_eq!(kept.opened, Opened::OnDisk, "{what}");
    for number in 1..=2 {
        let text = format!("from the Model {number}");
        let mut texts = kept.tabs.iter().map(|tab| tab.text.to_string());
        assert!(texts.any(|found| found == text), "{what}");
    }
}

#[test]
fn a_damaged_search_index_is_made_anew_from_the_runs() {
    for damage in [
        "delete from run_search_data where id > 10",
        "delete from run_search_data where id = 10",
        "delete from run_search_data where id = 1",
        "delete from run_search_data",
        "update run_search_data set block = x'ff' where id = 10",
        "update run_search_data set block = x'' where id = 10",
        "update run_search_data set block = x'ffffffff' where id = 1",
        "update run_search_data set block = x'ffffffff' where id > 10",
        "update run_search_data set block = zeroblob(length(block))",
        "delete from run_search_idx",
        "delete from run_search_docsize",
        "update run_search_docsize set sz = x'ff'",
        "delete from run_search_config",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Fixture::at(directory.path());
        store.load();
        let runs = |numbers: std::ops::RangeInclusive<u128>| {
            let runs = numbers.map(|number| run(number, "select orders", finished()));
            runs.collect::<Vec<_>>()
        };
        record_all(&mut store, runs(1..=600));
        let file = Connection::open(directory.path().join(opening::FILE_NAME)).unwrap();
        file.execute_batch(damage).unwrap();
        drop(file);
        record_all(&mut store, runs(601..=1_200));
        assert_eq!(store.found("", 9_999).len(), 1_200, "{damage}");
        assert_eq!(store.found("orders", 9_999).len(), 1_200, "{damage}");
    }
}

/// Another Tusk may set the file aside between the look at it and the commit, which then goes where nobody reads.
#[test]
fn a_write_that_was_committed_into_a_file_that_is_gone_is_not_said_to_be_kept() {
    let directory = tempfile::tempdir().unwrap();
    let (outbox, inbox) = flume::unbounded();
    let mut keeper = Keeper::new(Place::Directory(directory.path().into()), outbox);
    keeper.load().unwrap();
    keeper.stay_on_the_file();
    let request = Request(1);
    let write = [Effect::SaveTab { request, tab: Box::new(tab(1, "typed")) }];
    let aside = tempfile::tempdir().unwrap();
    for name in ["tusk.sqlite", "tusk.sqlite-wal", "tusk.sqlite-shm"] {
        fs::rename(directory.path().join(name), aside.path().join(name)).unwrap();
    }
    let instance = keeper.instance;
    transaction(&keeper.opened().unwrap().connection, instance, &write).unwrap();
    keeper.committed(&write);
    let said: Vec<crate::msg::Msg> = inbox.drain().collect();
    assert!(
        matches!(
            &said[..],
            [
                crate::msg::Msg::Store(Msg::Held { request: held, .. }),
                crate::msg::Msg::Store(Msg::Reopened { .. })
            ] if *held == request
        ),
        "{said:?}"
    );
}

#[test]
fn of_two_that_meet_the_same_damage_the_slower_one_takes_the_new_file() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Fixture::at(directory.path());
    save_tab(&mut store, tab(1, "typed"));
    store.stop();
    let place = Place::Directory(directory.path().into());
    let opened = |instance| opening::open(&place, Uuid::from_u128(instance)).unwrap();
    let (first, second) = (opened(1), opened(2));
    let again = |base, instance| {
        opening::begin_again(base, &place, Uuid::from_u128(instance), "it is damaged").unwrap()
    };
    let first = again(first, 1);
    assert!(matches!(first.opened, Opened::Fresh { .. }));
    let second = again(second, 2);
    assert!(matches!(second.opened, Opened::Recreated { .. }), "{:?}", second.opened);
    assert!(first.file.is_some() && first.file == second.file);
    first.close();
    second.close();
}

#[test]
fn another_directory_can_be_used_with_what_is_kept_there() {
    let parent = tempfile::tempdir().unwrap();
    let (one, other) = (parent.path().join("one"), parent.path().join("other"));
    let mut theirs = Fixture::at(&other);
    save_tab(&mut theirs, tab(2, "other"));
    theirs.stop();
    let mut store = Fixture::at(&one);
    store.load();
    let mut used = |directory: &Path| {
        let request = store.request();
        store
            .store
            .perform(Effect::UseDirectory { request, directory: directory.display().to_string() });
        match store.answer() {
            Msg::DirectoryUsed { request: answered, result } if answered == request => result,
            other => panic!("{other:?}"),
        }
    };
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    let reason = used(&file.join("below")).unwrap_err();
    assert!(reason.contains("file/below"), "{reason}");
    assert_eq!(used(&other).unwrap().tabs[0].text.to_string(), "other");
    save_tab(&mut store, tab(3, "typed"));
    store.stop();
    assert_eq!(Fixture::at(&other).load().tabs.len(), 2);
}
