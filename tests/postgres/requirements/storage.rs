//! Local storage and the data directory, FR-025 to FR-027a.
//!
//! Each test drives the whole program, `update` and the real runner, on a directory of its own. What root would not
//! see, or needs a small disk, runs in this same test binary started again: in a mount namespace, as another user, or
//! to be killed.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use crate::support::program;
use flume::Receiver;
use tusk::{
    effects::{Runner, RunnerOptions},
    model::{Model, Phase},
    msg::Msg,
    program::{Beginning, Program, Surroundings, begin},
    update::{
        connection::{Connection, form::Field, sandbox::Sandbox},
        keeping::storage::Storage,
        shell::{
            command::Command as Deed,
            dialog::{self, Dialog},
            keys,
        },
    },
};

/// What the helper does; set for the helper alone.
const STEP: &str = "TUSK_TEST_STORAGE_STEP";
/// The data directory that the helper does it in.
const DIRECTORY: &str = "TUSK_TEST_STORAGE_DIRECTORY";
/// What the helper prints when it has done it, so that a test can't pass by not running it.
const DONE: &str = "the step is done";

/// Generous: only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(90);

struct NoWindow;

impl Surroundings for NoWindow {
    fn write_clipboard(&mut self, _text: &str) {}
    fn quit(&mut self) {}
}

/// The program on a data directory, up and idle.
struct Tusk {
    program: Program,
    inbox: Receiver<Msg>,
}

impl Tusk {
    #[track_caller]
    fn start(directory: &Path) -> Self {
        let (data_dir, config_dir) = (directory.to_owned(), directory.to_owned());
        let beginning = Beginning {
            data_dir: data_dir.clone(),
            config_dir,
            record: None,
            warnings: vec![],
            surroundings: Box::new(NoWindow),
        };
        let (program, inbox) =
            begin(beginning, |outbox| Box::new(Runner::start(RunnerOptions { data_dir }, outbox)))
                .unwrap();
        let mut tusk = Self { program, inbox };
        tusk.wait("it is up", |model| model.phase == Phase::Ready && model.settings_file.is_read);
        tusk
    }

    fn model(&self) -> &Model {
        self.program.model()
    }

    #[track_caller]
    fn wait(&mut self, what: &str, done: impl Fn(&Model) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !done(self.program.model()) {
            match self.inbox.recv_deadline(until) {
                Ok(msg) => self.program.take(msg),
                Err(_) => panic!("{what} did not come: {:#?}\n{}", self.notices(), self.screen()),
            };
        }
    }

    fn command(&mut self, command: Deed) {
        self.program.take(command.into());
    }

    fn type_text(&mut self, text: &str) {
        let text = text.into();
        self.program.take(keys::Msg::Typed { text }.into());
    }

    /// Types into the editor, and waits until the store has answered for it.
    #[track_caller]
    fn write(&mut self, text: &str) {
        self.command(Deed::FocusEditor);
        self.type_text(text);
        self.wait("the write", |model| model.writes.is_empty());
    }

    fn texts(&self) -> Vec<String> {
        let open = self.model().pages.open.iter();
        open.map(|tab| tab.editor.buffer.string()).collect()
    }

    fn notices(&self) -> Vec<String> {
        let all = self.model().cx.notices.iter();
        all.map(|notice| notice.text.clone()).collect()
    }

    #[track_caller]
    fn said(&self, part: &str) {
        let said = self.notices().iter().any(|text| text.contains(part));
        assert!(said, "{part} is not in {:#?}", self.notices());
    }

    fn screen(&mut self) -> String {
        let now = self.program.now();
        let model = self.program.model();
        tusk::screen::screen(model, now).to_text(model)
    }

    fn quit(mut self) {
        self.program.shutdown(&self.inbox);
    }
}

/// This test binary, to be started again for one step.
fn helper(step: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "--nocapture", "requirements::storage::the_helper_does_its_step"])
        .env(STEP, step)
        .env(DIRECTORY, directory);
    command
}

#[track_caller]
fn done(output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains(DONE), "{text}\n{errors}");
}

/// Runs a step of the helper in a mount namespace of its own, after a shell has prepared it.
#[track_caller]
fn in_namespace(prepare: &str, step: &str, directory: &Path) {
    let inner = helper(step, directory);
    let mut command = Command::new("unshare");
    command
        .args(["-Urm", "sh", "-c"])
        .arg(format!("set -e; {prepare}; exec \"$0\" \"$@\""))
        .arg(inner.get_program())
        .args(inner.get_args())
        .envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("DATA", directory);
    let output = command.output().expect("unshare is needed (util-linux)");
    done(&output);
}

/// Run by the tests below in processes of their own; by itself it has nothing to do.
#[test]
fn the_helper_does_its_step() {
    let (Ok(step), Some(directory)) = (std::env::var(STEP), std::env::var_os(DIRECTORY)) else {
        return;
    };
    let directory = PathBuf::from(directory);
    match step.as_str() {
        "full disk" => full_disk(&directory),
        "read-only" => read_only(&directory),
        "no permission" => no_permission(&directory),
        "type and wait" => type_and_wait(&directory),
        other => panic!("{other} is no step"),
    }
    println!("{DONE}");
}

fn full_disk(directory: &Path) {
    let mut tusk = Tusk::start(directory);
    tusk.write("select 'there is room';\n");
    let filler = directory.join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    while file.write_all(&[7; 4_096]).is_ok() {}
    drop(file);
    // Every key is a write; the first ones may still find room in what the file has already.
    for line in 0..400 {
        tusk.type_text(&format!("select {line}, '{}';\n", "x".repeat(200)));
    }
    tusk.wait("the refusal", |model| matches!(model.storage, Storage::Waiting { .. }));
    tusk.wait("every answer", |model| model.writes.is_empty());
    let told = |tusk: &Tusk| {
        let notices = tusk.notices();
        let told = notices.iter().filter(|text| text.contains("does not take"));
        told.count()
    };
    assert_eq!(told(&tusk), 1, "{:#?}", tusk.notices());
    assert!(tusk.screen().contains("● not on disk yet"));
    let typed = tusk.texts();
    assert!(typed[0].contains("select 399"));
    fs::remove_file(&filler).unwrap();
    tusk.wait("the recovery", |model| model.storage == Storage::OnDisk);
    tusk.said("all of it is written");
    // Killed right after: all of it is on disk.
    std::mem::forget(tusk);
    let seen = fs::read_dir(directory.join("instances")).unwrap().count();
    assert_eq!(seen, 1);
    let copy = tempfile::tempdir().unwrap();
    for name in ["tusk.sqlite", "tusk.sqlite-wal"] {
        fs::copy(directory.join(name), copy.path().join(name)).unwrap();
    }
    assert_eq!(Tusk::start(copy.path()).texts(), typed);
}

fn read_only(directory: &Path) {
    let mut tusk = Tusk::start(directory);
    assert_eq!(tusk.texts(), ["select 'kept';"]);
    assert!(matches!(tusk.model().dialog, Some(Dialog::DataDirectory(_))));
    let screen = tusk.screen();
    assert!(screen.contains("Read-only file system"), "{screen}");
    choose_another(&mut tusk);
    assert_eq!(tusk.texts(), ["select 'kept';-- typed there\n"]);
}

fn no_permission(directory: &Path) {
    let mut tusk = Tusk::start(directory);
    let screen = tusk.screen();
    assert!(screen.contains("Permission denied"), "{screen}");
    choose_another(&mut tusk);
}

/// Types another directory into the dialog; what is written then is there at the next start.
fn choose_another(tusk: &mut Tusk) {
    let other = tempfile::tempdir().unwrap();
    let other = other.path().join("data");
    tusk.program.take(keys::Msg::Pressed { keystroke: "ctrl-a".into() }.into());
    tusk.type_text(&other.display().to_string());
    tusk.command(Deed::DialogAccept);
    tusk.wait("the other directory", |model| {
        model.dialog.is_none() && model.storage == Storage::OnDisk
    });
    tusk.said("--data-dir");
    tusk.write("-- typed there\n");
    let texts = tusk.texts();
    tusk.program.shutdown(&tusk.inbox);
    assert_eq!(Tusk::start(&other).texts(), texts);
}

fn type_and_wait(directory: &Path) {
    let mut tusk = Tusk::start(directory);
    tusk.write("select 'of the other one';");
    println!("typed; tabs: {}", tusk.texts().len());
    // Until it is killed.
    loop {
        std::thread::park();
    }
}

/// A second Tusk in a process of its own, once it has typed.
fn another(directory: &Path) -> Child {
    let mut child = helper("type and wait", directory).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let typed = lines.map_while(Result::ok).find(|line| line.contains("typed; tabs: 1"));
    assert!(typed.is_some(), "it ended, or has another's tabs");
    child
}

#[test]
fn a_full_disk_loses_nothing_that_is_typed_and_what_waits_is_written_when_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let prepare = "mount -t tmpfs -o size=4m tmpfs \"$DATA\"";
    in_namespace(prepare, "full disk", directory.path());
}

#[test]
fn on_a_read_only_file_system_everything_can_be_read_and_another_directory_is_offered() {
    let directory = tempfile::tempdir().unwrap();
    let mut tusk = Tusk::start(directory.path());
    tusk.write("select 'kept';");
    tusk.quit();
    let prepare = "mount --bind \"$DATA\" \"$DATA\"; mount -o remount,bind,ro \"$DATA\" \"$DATA\"";
    in_namespace(prepare, "read-only", directory.path());
}

#[test]
fn fr_027a_without_permission_another_directory_is_offered() {
    let directory = tempfile::tempdir().unwrap();
    let locked = directory.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    // Permissions don't bind root: nobody tries it.
    let mut command = helper("no permission", &locked.join("data"));
    let program = directory.path().join("helper");
    if rustix::process::geteuid().is_root() {
        fs::copy(command.get_program(), &program).unwrap();
        let mut as_nobody = Command::new(&program);
        as_nobody
            .args(command.get_args())
            .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .current_dir("/")
            .uid(65_534)
            .gid(65_534);
        command = as_nobody;
    }
    done(&command.output().unwrap());
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn fr_027a_without_a_window_the_error_names_the_directory_the_reason_and_the_ways_out() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("file"), "").unwrap();
    let wanted = directory.path().join("file/data");
    let output = tusk_story(directory.path(), &["--data-dir", wanted.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    let expected = format!(
        "tusk: The data directory {} can't be used: Not a directory (os error 20). Name another one with --data-dir DIR or TUSK_DATA_DIR.\n",
        wanted.display()
    );
    assert_eq!(said, expected);
}

/// The built program, playing a story that only waits.
fn tusk_story(home: &Path, arguments: &[&str]) -> Output {
    let mut command = program::tusk();
    command
        .args(["story", "-"])
        .args(arguments)
        .current_dir(home)
        .env("HOME", home)
        .env("XDG_DATA_HOME", home.join("share"))
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env_remove("TUSK_DATA_DIR");
    program::fed(&mut command, "wait idle\ncommand view.zoom-in\nwait idle")
}

#[test]
fn fr_025_the_data_directory_is_made_when_it_is_missing_for_its_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let wanted = directory.path().join("a/b");
    let output = tusk_story(directory.path(), &["--data-dir", wanted.to_str().unwrap()]);
    assert!(output.status.success());
    assert!(wanted.join("tusk.sqlite").is_file());
    // Its settings are in it too, so that it is a world of its own.
    let settings = fs::read_to_string(wanted.join("settings.toml")).unwrap();
    assert!(settings.contains("size = 110"), "{settings}");
    let mode = wanted.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn fr_026_and_fr_027_the_build_has_its_own_place_where_the_system_keeps_such_things() {
    let home = tempfile::tempdir().unwrap();
    assert!(tusk_story(home.path(), &[]).status.success());
    let name = if cfg!(debug_assertions) { "tusk-dev" } else { "tusk" };
    assert!(home.path().join("share").join(name).join("tusk.sqlite").is_file());
    assert!(home.path().join("config").join(name).join("settings.toml").is_file());
    let mut made: Vec<_> =
        fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    made.sort();
    assert_eq!(made, ["config", "share"], "something else was written");
}

#[test]
fn two_at_once_have_tabs_of_their_own_and_a_killed_ones_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = Tusk::start(directory.path());
    first.write("select 'of the first one';");
    let mut other = another(directory.path());
    first.write(" -- still here");
    assert_eq!(first.texts().len(), 1);
    other.kill().unwrap();
    other.wait().unwrap();
    // The first one's tabs are left alone, the dead one's are restored.
    let third = Tusk::start(directory.path());
    assert_eq!(third.texts(), ["select 'of the other one';"]);
    third.quit();
    first.quit();
    let mut last = Tusk::start(directory.path()).texts();
    last.sort();
    let expected = ["select 'of the first one'; -- still here", "select 'of the other one';"];
    assert_eq!(last, expected);
}

#[test]
fn two_at_once_share_saved_connections() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = Tusk::start(directory.path());
    let mut second = Tusk::start(directory.path());
    first.wait("the environment", |model| !model.defaults.user.is_empty());
    first.command(Deed::ConnectionNew);
    for (of, text) in [(Field::Name, "production"), (Field::Database, "shop"), (Field::User, "ada")]
    {
        let field = Field::ALL.iter().position(|field| *field == of).unwrap();
        let text = text.into();
        first.program.take(dialog::Msg::FieldEdited { field, text }.into());
    }
    first.command(Deed::DialogAlternative);
    let saved = |model: &Model| {
        let known: Vec<&Connection> = model.connections.values().collect();
        known.len() == 1 && known[0].saved
    };
    first.wait("the connection", saved);
    second.wait("the other one's connection", saved);
    second.quit();
    first.quit();
    assert!(saved(Tusk::start(directory.path()).model()));
}

#[test]
fn one_sandbox_serves_two_at_once_and_ends_with_the_last() {
    let directory = tempfile::tempdir().unwrap();
    let mut started: Vec<(Tusk, String, u16)> = (0..2)
        .map(|_| {
            let mut tusk = Tusk::start(directory.path());
            tusk.command(Deed::SandboxStart);
            tusk.wait("the sandbox", |model| {
                assert!(!matches!(model.sandbox, Sandbox::Failed { .. }), "{:?}", model.sandbox);
                matches!(&model.sandbox, Sandbox::Running { connection }
                    if model.connections[connection].is_open())
            });
            let Sandbox::Running { connection } = tusk.model().sandbox else { unreachable!() };
            let config = &tusk.model().connections[&connection].config;
            let (host, port) = (config.host.clone(), config.port);
            (tusk, host, port)
        })
        .collect();
    let (second, host, port) = started.pop().unwrap();
    let (mut first, first_host, first_port) = started.pop().unwrap();
    assert_eq!((first_host, first_port), (host.clone(), port));
    let socket = Path::new(&host).join(format!(".s.PGSQL.{port}"));
    second.quit();
    assert!(socket.exists(), "the first one still uses it");
    first.command(Deed::FocusEditor);
    first.type_text("select count(*) from orders");
    first.command(Deed::QueryRun);
    first.wait("the rows", |model| {
        let results = &model.pages.active().unwrap().results;
        results.list.first().is_some_and(|result| result.rows.len() == 1)
    });
    first.quit();
    let until = Instant::now() + PATIENCE;
    while socket.exists() {
        assert!(Instant::now() < until, "the sandbox runs on");
        std::thread::yield_now();
    }
}

#[test]
fn a_directory_that_is_deleted_while_it_is_used_is_made_again_with_everything() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("data");
    let mut tusk = Tusk::start(&directory);
    tusk.write("select 1;");
    fs::remove_dir_all(&directory).unwrap();
    tusk.write(" -- and more");
    tusk.wait("the word of it", |model| {
        let mut notices = model.cx.notices.iter();
        notices.any(|notice| notice.text.contains("was lost while Tusk ran"))
    });
    tusk.wait("the writes", |model| model.writes.is_empty());
    assert_eq!(tusk.model().storage, Storage::OnDisk);
    tusk.quit();
    assert_eq!(Tusk::start(&directory).texts(), ["select 1; -- and more"]);
}

/// A directory with a tab of a few pages in its store.
fn used() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut tusk = Tusk::start(directory.path());
    tusk.write(&"select 'a line of many';\n".repeat(2_000));
    tusk.quit();
    directory
}

fn set_aside(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains(".damaged-"))
        .collect()
}

#[test]
fn a_truncated_store_is_kept_aside_and_a_fresh_one_begun() {
    let directory = used();
    let file = directory.path().join("tusk.sqlite");
    let length = fs::metadata(&file).unwrap().len();
    for part in [2, 3] {
        let opened = fs::OpenOptions::new().write(true).open(&file).unwrap();
        opened.set_len(length / part).unwrap();
        let damaged = fs::read(&file).unwrap();
        let before = set_aside(directory.path());
        let mut tusk = Tusk::start(directory.path());
        tusk.said("Tusk's own data was damaged");
        let copies = set_aside(directory.path());
        let new: Vec<_> = copies.iter().filter(|copy| !before.contains(copy)).collect();
        assert!(fs::read(new[0]).unwrap() == damaged, "it is not the file");
        tusk.said(new[0].to_str().unwrap());
        tusk.write(&"select 'again';\n".repeat(4_000));
        tusk.quit();
    }
}

#[test]
fn a_flipped_bit_is_found_or_does_no_harm_wherever_it_is() {
    let directory = used();
    let whole = fs::read(directory.path().join("tusk.sqlite")).unwrap();
    let texts = Tusk::start(directory.path()).texts();
    let (mut found, mut harmless) = (0, 0);
    for step in 0..48 {
        let copy = tempfile::tempdir().unwrap();
        let mut flipped = whole.clone();
        // Over the whole file, at other places of each page.
        let at = step * flipped.len() / 48 + (step * 389) % 1_024;
        flipped[at.min(whole.len() - 1)] ^= 1 << (step % 8);
        fs::write(copy.path().join("tusk.sqlite"), &flipped).unwrap();
        let mut tusk = Tusk::start(copy.path());
        if let [aside] = &set_aside(copy.path())[..] {
            assert!(fs::metadata(aside).unwrap().len() > 0);
            tusk.said("Tusk's own data was damaged");
            found += 1;
        } else if tusk.texts().len() == texts.len() {
            // A letter of a text is not told from another one; nothing else may be changed.
            let (now, before) = (tusk.texts().concat(), texts.concat());
            let differs = now.bytes().zip(before.bytes()).filter(|(a, b)| a != b);
            assert!(differs.count() <= 1 && now.len() == before.len());
            harmless += 1;
        } else {
            assert!(!matches!(tusk.model().storage, Storage::OnDisk), "step {step}");
        }
        tusk.write("-- it works");
        tusk.quit();
    }
    assert!(found > 0 && harmless > 0, "{found} found, {harmless} harmless");
}

#[test]
fn the_store_of_a_newer_version_is_left_alone_and_the_version_to_install_is_named() {
    let directory = used();
    let file = directory.path().join("tusk.sqlite");
    let newer = rusqlite::Connection::open(&file).unwrap();
    newer
        .execute_batch(
            "update setting set value = '7.7.7' where name = 'written_by';
            pragma user_version = 99; pragma journal_mode = delete;",
        )
        .unwrap();
    drop(newer);
    let before = fs::read(&file).unwrap();
    let mut tusk = Tusk::start(directory.path());
    tusk.said("install Tusk 7.7.7 or a later one");
    assert!(matches!(tusk.model().storage, Storage::InMemory { .. }));
    tusk.write("-- for now");
    tusk.quit();
    assert!(fs::read(&file).unwrap() == before, "it was changed");
}

#[test]
fn settings_that_are_edited_by_hand_are_used_at_once_and_a_mistake_is_named_with_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("settings.toml");
    fs::write(&file, "# mine\nsize = 150 # large\n").unwrap();
    let mut tusk = Tusk::start(directory.path());
    assert_eq!(tusk.model().cx.settings.zoom_percent, 150);
    fs::write(&file, "# mine\nsize = 120 # large\n\n[results]\nwindow_rows = 5000\n").unwrap();
    tusk.wait("the new settings", |model| {
        model.cx.settings.zoom_percent == 120 && model.cx.settings.window_rows == 5_000
    });
    fs::write(&file, "# mine\nsize = 120 # large\n\n[results]\nwindow_row = 5000\n").unwrap();
    tusk.wait("the report", |model| {
        let mut notices = model.cx.notices.iter();
        notices.any(|notice| notice.text.contains("Line 5: there is no setting window_row"))
    });
    assert_eq!(tusk.model().cx.settings.window_rows, 5_000);
    fs::write(&file, "# mine\nsize = 120 # large\n").unwrap();
    tusk.wait("the file without it", |model| model.cx.settings.window_rows == 100_000);
    tusk.command(Deed::ViewZoomOut);
    tusk.wait("the write", |model| !model.settings_file.is_busy());
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text, "# mine\nsize = 110 # large\n");
    tusk.quit();
}
