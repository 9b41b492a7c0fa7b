//! What the settings' file says, what is wrong with it, and what becomes of changes from both sides.

use super::*;
use crate::{
    effect::Effect as RootEffect,
    failure::Category,
    update::{
        keeping::Kept,
        shell::command::Command,
        testing::{World, expect, nothing_kept},
    },
};

fn found(text: &str) -> Settings {
    read(text).unwrap_or_else(|problems| panic!("{problems:?}"))
}

#[track_caller]
fn problems(text: &str) -> Vec<String> {
    let problems = read(text).err().unwrap_or_default();
    problems.iter().map(Problem::to_string).collect()
}

/// The settings' file was read.
fn reads(world: &mut World, text: Option<&str>) -> Vec<RootEffect> {
    let request = world.model.settings_file.watch.unwrap();
    let result = Ok(text.map(str::to_owned));
    world.send(Msg::Read { request, result })
}

/// What the only write among effects writes, and over what.
#[track_caller]
fn writes(effects: &[RootEffect]) -> (String, Option<String>) {
    let [RootEffect::SettingsFile(Effect::Write { text, expected, .. })] = effects else {
        panic!("{effects:?}");
    };
    (text.clone(), expected.clone())
}

fn done(world: &mut World, result: Written) -> Vec<RootEffect> {
    let request = world.model.settings_file.writing.as_ref().unwrap().request;
    world.send(Msg::Written { request, result })
}

#[test]
fn an_empty_file_and_the_template_say_what_is_usual() {
    assert_eq!(found(""), Settings::default());
    assert_eq!(found(&template()), Settings::default());
}

#[test]
fn every_line_of_the_template_is_a_setting_once_its_mark_is_taken_away() {
    let text: String = template()
        .lines()
        .skip(1)
        .map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line)))
        .collect();
    assert_eq!(found(&text), Settings::default());
    for key in Key::ALL {
        let mut changes = BTreeMap::new();
        changes.insert(key, Value::Number(77));
        let changed = toml::edited(&text, &changes).unwrap();
        let differs = changed.lines().zip(text.lines()).filter(|(a, b)| a != b);
        assert_eq!(differs.count(), 1, "{key:?} is not in the template");
    }
}

#[test]
fn every_setting_is_read() {
    let text = "theme = \"dark\"\nsize = 110\n[results]\nwindow_rows = 5000\nwindow_mb = 8\n\
        memory_mb = 64\n[log]\nlevel = \"warn\"\ndays = 3\n[new_connections]\npool_size = 4\n\
        pool_timeout_s = 5\nconnect_timeout_s = 6\nstatement_timeout_ms = 7\n";
    let settings = found(text);
    assert_eq!((settings.theme, settings.zoom_percent), (Theme::Dark, 110));
    assert_eq!(
        (settings.window_rows, settings.window_bytes(), settings.memory_bytes()),
        (5_000, 8 << 20, 64 << 20)
    );
    assert_eq!((settings.log_level, settings.log_days), (LogLevel::Warn, 3));
    let config = settings.new_connections.config();
    assert_eq!(
        (
            config.pool_size,
            config.pool_timeout_s,
            config.connect_timeout_s,
            config.statement_timeout_ms
        ),
        (4, 5, 6, 7)
    );
}

#[test]
fn what_is_wrong_is_said_with_its_line_and_with_what_is_allowed() {
    assert_eq!(
        problems("# mine\ntheme = \"blue\"\nsize = 20\n\n[log]\ndays = \"many\"\n"),
        [
            "Line 2: theme is one of \"system\", \"light\", \"dark\".",
            "Line 3: size is a whole number from 50 to 200.",
            "Line 6: days is a whole number from 1 to 3650.",
        ]
    );
    assert_eq!(
        problems("them = \"dark\"\n[results]\ndays = 3\nzebra = 1\n[colours]\nred = 1\n"),
        [
            "Line 1: there is no setting them at the top of the file; theme is at the top of the file.",
            "Line 3: there is no setting days under [results]; days is under [log].",
            "Line 4: there is no setting zebra under [results].",
            "Line 5: there is no setting colours at the top of the file.",
        ]
    );
    assert_eq!(
        problems("log = 3"),
        ["Line 1: write [log] on a line of its own, and its settings under it."]
    );
    let broken = problems("size = 100\ntheme = \"dark\n");
    assert!(broken.len() == 1 && broken[0].starts_with("Line 2: it is not TOML: "), "{broken:?}");
    assert!(problems("size = 1\nsize = 2")[0].starts_with("Line 2: it is not TOML"));
}

#[test]
fn a_change_keeps_comments_order_and_everything_else() {
    let text = "# my own\nsize = 100 # as printed\n\n[log]\n# long\ndays = 30\n";
    let mut changes = BTreeMap::new();
    changes.insert(Key::Size, Value::Number(125));
    changes.insert(Key::Theme, toml::theme(Theme::Dark));
    assert_eq!(
        toml::edited(text, &changes).unwrap(),
        "# my own\nsize = 125 # as printed\ntheme = \"dark\"\n\n[log]\n# long\ndays = 30\n"
    );
    let mut changes = BTreeMap::new();
    changes.insert(Key::PoolSize, Value::Number(3));
    let changed = toml::edited(text, &changes).unwrap();
    assert!(changed.starts_with(text) && changed.ends_with("[new_connections]\npool_size = 3\n"));
}

#[test]
fn a_change_in_a_file_of_comments_alone_is_read_back() {
    let mut changes = BTreeMap::new();
    changes.insert(Key::Size, Value::Number(125));
    changes.insert(Key::LogDays, Value::Number(3));
    let text = toml::edited(&template(), &changes).unwrap();
    let settings = found(&text);
    assert_eq!((settings.zoom_percent, settings.log_days), (125, 3));
    for line in template().lines() {
        assert!(text.contains(line), "{line} is gone from\n{text}");
    }
}

#[test]
fn the_file_is_watched_from_the_start_and_its_settings_are_used_at_once() {
    let mut world = World::new();
    expect!(
        reads(&mut world, Some("size = 150\n[log]\ndays = 3")),
        [SettingsFile(ConfigureLog { .. })]
    );
    assert_eq!(world.model.cx.settings.zoom_percent, 150);
    // Changed by another program: what is not there any more is as usual again.
    expect!(reads(&mut world, Some("[log]\ndays = 3")), []);
    assert_eq!(world.model.cx.settings.zoom_percent, 100);
}

#[test]
fn a_file_with_a_mistake_is_reported_and_the_last_good_settings_stay() {
    let mut world = World::new();
    reads(&mut world, Some("size = 150"));
    expect!(reads(&mut world, Some("size = 10")), []);
    assert_eq!(world.model.cx.settings.zoom_percent, 150);
    assert_eq!(
        world.notice(),
        "/data/settings.toml is not used, and the settings stay as they are. Line 1: size is a whole number from 50 to 200."
    );
}

#[test]
fn a_file_that_cannot_be_read_is_reported() {
    let mut world = World::new();
    let request = world.model.settings_file.watch.unwrap();
    let result = Err(Failure::new(Category::Storage, "it can't be read"));
    expect!(world.send(Msg::Read { request, result }), []);
    assert!(world.notice().contains("stay as they are: it can't be read"));
}

#[test]
fn what_the_user_changes_is_written_into_the_file_as_it_is() {
    let mut world = World::new();
    reads(&mut world, Some("# mine\nsize = 100\n"));
    let effects = world.command(Command::ViewZoomIn);
    let old = Some("# mine\nsize = 100\n".to_owned());
    assert_eq!(writes(&effects), ("# mine\nsize = 110\n".into(), old));
    assert!(world.is_busy());
    // A second change waits for the first to be written.
    expect!(world.command(Command::ViewThemeDark), []);
    let effects = done(&mut world, Written::Done);
    let written = Some("# mine\nsize = 110\n".to_owned());
    assert_eq!(writes(&effects), ("# mine\nsize = 110\ntheme = \"dark\"\n".into(), written));
    expect!(done(&mut world, Written::Done), []);
    assert!(!world.is_busy());
}

#[test]
fn a_change_by_somebody_else_in_between_is_kept_and_so_is_the_users() {
    let mut world = World::new();
    reads(&mut world, Some("size = 100\n"));
    world.command(Command::ViewZoomIn);
    expect!(done(&mut world, Written::Conflict), []);
    let effects = reads(&mut world, Some("size = 100\ntheme = \"light\"\n"));
    let theirs = Some("size = 100\ntheme = \"light\"\n".to_owned());
    assert_eq!(writes(&effects), ("size = 110\ntheme = \"light\"\n".into(), theirs));
    let settings = &world.model.cx.settings;
    assert_eq!((settings.zoom_percent, settings.theme), (110, Theme::Light));
}

#[test]
fn a_change_is_not_written_into_a_file_with_a_mistake() {
    let mut world = World::new();
    reads(&mut world, Some("size = \n"));
    expect!(world.command(Command::ViewThemeDark), []);
    assert_eq!(world.model.cx.settings.theme, Theme::Dark);
    assert!(world.notice().contains("until Tusk ends"), "{}", world.notice());
    assert!(world.notice().contains("Line 1"), "{}", world.notice());
}

#[test]
fn a_write_that_fails_is_said_and_the_change_holds() {
    let mut world = World::new();
    reads(&mut world, None);
    world.command(Command::ViewThemeDark);
    let failure = Failure::new(Category::Storage, "No space left.");
    expect!(done(&mut world, Written::Failed(failure)), []);
    assert!(world.notice().ends_with("not written. No space left."));
    assert_eq!(world.model.cx.settings.theme, Theme::Dark);
}

#[test]
fn what_an_earlier_version_kept_in_the_store_goes_to_the_file() {
    let kept = || Kept {
        settings: Settings { theme: Theme::Dark, zoom_percent: 125, ..Settings::default() },
        ..nothing_kept()
    };
    let mut world = World::loading();
    let watch = world.model.settings_file.watch;
    // Before the file is read they are already used.
    world.load(kept());
    assert_eq!(world.model.cx.settings.zoom_percent, 125);
    expect!(
        reads(&mut world, None),
        [
            SettingsFile(Write { text, .. }),
            Store(SaveSettings { .. }),
            SettingsFile(ConfigureLog { .. })
        ]
    );
    let settings = found(text);
    assert_eq!((settings.theme, settings.zoom_percent), (Theme::Dark, 125));
    assert_eq!(world.model.settings_file.watch, watch);

    // Where there is a file, it is right.
    let mut world = World::loading();
    reads(&mut world, Some("size = 90"));
    expect!(world.load(kept()), [Store(SaveSettings { .. }), Store(SaveTab { .. })]);
    let settings = &world.model.cx.settings;
    assert_eq!((settings.zoom_percent, settings.theme), (90, Theme::System));
}

#[test]
fn the_file_opens_in_a_tab_and_is_made_where_there_is_none() {
    let mut world = World::new();
    reads(&mut world, None);
    let effects = world.command(Command::SettingsOpenFile);
    assert_eq!(writes(&effects), (template(), None));
    let file = world.model.settings_file.path.clone();
    expect!(done(&mut world, Written::Done), [File(Open { path, .. })] if *path == file);
    expect!(world.command(Command::SettingsOpenFile), [File(Open { path, .. })] if *path == file);
}

#[test]
fn an_answer_of_another_watch_or_write_changes_nothing() {
    let mut world = World::new();
    reads(&mut world, Some("size = 150"));
    let before = world.model.cx.settings.clone();
    let stale = Request(9_999);
    let result = Ok(Some("size = 90".to_owned()));
    expect!(world.send(Msg::Read { request: stale, result }), []);
    let result = Written::Done;
    expect!(world.send(Msg::Written { request: stale, result }), []);
    expect!(world.send(Msg::WatchEnded { request: stale }), []);
    assert_eq!(world.model.cx.settings, before);
}
