//! Stories against scripted effects: what they wait for, what they expect, what they report.

use super::{
    input::{self, Piece},
    *,
};
use crate::{
    base::{
        ids::ConnectionId,
        secret::{Secret, SecretKind, Secrets},
        stamp::Stamp,
        transaction::Transaction,
    },
    effect::Effect,
    model::Model,
    msg::Msg,
    program::Opening,
    settings::{
        self,
        toml::{Key, Value},
    },
    update::{
        connection::{self, discovery, password::PasswordPrompt},
        keeping,
        shell::{app, command::Command, dialog::Dialog, keys, place::Area, welcome},
        update,
    },
};

use std::{cell::RefCell, collections::VecDeque, path::PathBuf, rc::Rc, time::Duration};

/// A stage with a clock of its own: time passes only when nothing happens.
struct Scripted {
    model: Model,
    queue: VecDeque<Msg>,
    /// What comes once nothing else does, each after so long.
    later: VecDeque<(Duration, Msg)>,
    now: Duration,
    clipboard: Rc<RefCell<Option<String>>>,
}

impl Scripted {
    fn new() -> Self {
        let mut stage = Self {
            model: Model::default(),
            queue: VecDeque::new(),
            later: VecDeque::new(),
            now: Duration::ZERO,
            clipboard: Rc::default(),
        };
        stage.send(
            app::Msg::Started {
                seed: 1,
                version: "1".into(),
                data_dir: "/data".into(),
                config_dir: String::new(),
                macos: false,
                recording: false,
            }
            .into(),
        );
        stage
    }

    fn answer(&mut self, effect: Effect) {
        match effect {
            Effect::Store(keeping::Effect::Load { request }) => {
                let kept = Box::new(keeping::Kept {
                    opened: keeping::Opened::OnDisk,
                    connections: vec![],
                    tabs: vec![],
                    closed: vec![],
                    history: vec![],
                    settings: settings::Settings::default(),
                });
                self.queue.push_back(keeping::Msg::Loaded { request, kept }.into());
            }
            Effect::Store(
                keeping::Effect::SaveTab { request, .. }
                | keeping::Effect::JournalEdits { request, .. }
                | keeping::Effect::SaveLayout { request, .. }
                | keeping::Effect::SaveSettings { request, .. },
            ) => self.queue.push_back(keeping::Msg::Wrote { request }.into()),
            Effect::Discovery(discovery::Effect::FindServers { request }) => {
                let environment =
                    discovery::Environment { user: "ann".into(), ..Default::default() };
                self.queue.push_back(
                    discovery::Msg::ServersFound { request, servers: vec![], environment }.into(),
                );
            }
            Effect::File(crate::update::files::Effect::Open { request, path, .. }) => {
                let failure =
                    crate::failure::Failure::new(crate::failure::Category::Storage, "no such file");
                self.queue.push_back(
                    crate::update::files::Msg::Opened {
                        request,
                        path,
                        result: Err(failure.into()),
                    }
                    .into(),
                );
            }
            _ => {}
        }
    }
}

impl Stage for Scripted {
    fn send(&mut self, msg: Msg) {
        let at = Stamp { unix_us: 0, mono_us: self.now.as_micros() as u64 };
        for effect in update(&mut self.model, at, msg) {
            self.answer(effect);
        }
    }

    fn replace_text(&mut self, text: &str) {
        let tab = self.model.pages.active;
        crate::update::query::editor::replace_all(
            &mut self.model.pages,
            &mut self.model.cx,
            tab,
            text,
        );
        self.model.focus(Area::Editor);
    }

    fn type_text(&mut self, text: &str) {
        for piece in input::pieces(text) {
            match piece {
                Piece::Key(key) => self.press(key),
                Piece::Text(text) => {
                    for msg in input::typed(&self.model, text) {
                        self.send(msg);
                    }
                }
            }
        }
    }

    fn press(&mut self, keystroke: &str) {
        let msg = input::pressed(&self.model, keystroke);
        self.send(msg);
    }

    fn resize(&mut self, width: u32, height: u32) {
        self.send(app::Msg::WindowResized { width, height }.into());
    }

    fn pump(&mut self, at_most: Duration) -> bool {
        if self.queue.is_empty() {
            match self.later.front() {
                Some((after, _)) if *after <= at_most => {
                    let (after, msg) = self.later.pop_front().unwrap();
                    self.now += after;
                    self.queue.push_back(msg);
                }
                Some(_) | None => self.now += at_most,
            }
        }
        if let Some(msg) = self.queue.pop_front() {
            self.send(msg);
        }
        self.queue.is_empty()
    }

    fn read<R>(&mut self, look: impl FnOnce(&Model) -> R) -> R {
        look(&self.model)
    }

    fn clipboard(&mut self) -> Option<String> {
        self.clipboard.borrow().clone()
    }

    fn screenshot(&mut self, path: &std::path::Path) -> Result<(), String> {
        Err(format!("no picture for {}", path.display()))
    }

    fn now(&mut self) -> Duration {
        self.now
    }
}

#[track_caller]
fn action(line: &str) -> Action {
    let story = parse(line).unwrap();
    assert_eq!(story.steps.len(), 1, "{line}");
    story.steps[0].action.clone()
}

#[track_caller]
fn problem(text: &str) -> StoryFailure {
    parse(text).unwrap_err()
}

/// Plays a story on a scripted stage.
fn play_on(stage: &mut Scripted, text: &str) -> (Result<(), StoryFailure>, String) {
    let mut out = Vec::new();
    let result = run(&parse(text).unwrap(), stage, &mut out);
    (result, String::from_utf8(out).unwrap())
}

#[track_caller]
fn failure(text: &str) -> StoryFailure {
    play_on(&mut Scripted::new(), text).0.unwrap_err()
}

#[test]
fn every_kind_of_line_is_read() {
    let seconds = Duration::from_secs;
    let wait = |until, within| Action::Wait { until, within };
    assert_eq!(action("size 1280 800"), Action::Size { width: 1280, height: 800 });
    assert_eq!(
        action("connect --read-only postgres://a:b@h/d"),
        Action::Connect(Opening::new("postgres://a:b@h/d", true))
    );
    assert_eq!(
        action("connect host=h  user=u"),
        Action::Connect(Opening::new("host=h user=u", false))
    );
    assert_eq!(action("press ctrl-enter"), Action::Press(vec!["ctrl-enter".into()]));
    assert_eq!(action("command query.run-all"), Action::Command(Command::QueryRunAll));
    assert_eq!(
        action("setting run.on_error continue"),
        Action::Setting { key: Key::OnError, value: Value::Text("continue".into()) }
    );
    assert_eq!(
        action("setting results.window_mb 7"),
        Action::Setting { key: Key::WindowMb, value: Value::Number(7) }
    );
    for (line, reason) in [
        ("setting run.on_error sometimes", "“sometimes” is no value of this setting"),
        ("setting window_mb 7", "there is no setting window_mb"),
        ("setting size", "the line is setting NAME VALUE"),
    ] {
        assert_eq!(parse(line).unwrap_err().reason, reason);
    }
    assert_eq!(action("wait idle"), wait(Until::Idle, seconds(30)));
    assert_eq!(action("wait connected 5"), wait(Until::Connected, seconds(5)));
    assert_eq!(action("wait running 0.5"), wait(Until::Running, Duration::from_millis(500)));
    assert_eq!(action("wait rows 1000 2"), wait(Until::Rows(1000), seconds(2)));
    assert_eq!(action("sleep 0.5"), Action::Sleep(Duration::from_millis(500)));
    assert_eq!(action("screenshot out.png"), Action::Screenshot(PathBuf::from("out.png")));
}

#[test]
fn every_expectation_is_read() {
    let expected = |line: &str| match action(line) {
        Action::Expect(expectation) => expectation,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        expected(r#"expect screen contains "a \"b\"\\""#),
        Expectation::ScreenContains(r#"a "b"\"#.into())
    );
    assert_eq!(expected(r#"expect screen lacks "a\nb""#), Expectation::ScreenLacks("a\nb".into()));
    assert_eq!(expected("expect result 2 rows 10"), Expectation::Rows { result: 2, rows: 10 });
    let cell = |value: Option<&str>| Expectation::Cell {
        result: 1,
        row: 3,
        column: 4,
        value: value.map(str::to_owned),
    };
    assert_eq!(expected(r#"expect result 1 cell 3 4 is "NULL""#), cell(Some("NULL")));
    assert_eq!(expected(r#"expect result 1 cell 3 4 is """#), cell(Some("")));
    assert_eq!(expected("expect result 1 cell 3 4 is NULL"), cell(None));
    assert_eq!(expected("expect error 42P01"), Expectation::Error("42P01".into()));
    for (word, state) in [
        ("idle", Some(Transaction::Idle)),
        ("active", Some(Transaction::Active)),
        ("failed", Some(Transaction::Failed)),
        ("none", None),
    ] {
        let line = format!("expect state transaction is {word}");
        assert_eq!(expected(&line), Expectation::Transaction(state));
    }
}

#[test]
fn every_dump_is_read() {
    let file = || Sink::File(PathBuf::from("a file"));
    for (word, format) in [
        ("csv", Format::Csv),
        ("tsv", Format::Tsv { headers: true }),
        ("json", Format::Json),
        ("jsonl", Format::JsonLines),
    ] {
        let what = Dump::Result { result: 3, format };
        assert_eq!(
            action(&format!("dump result 3 {word} a file")),
            Action::Dump { what, to: file() }
        );
    }
    for (word, what) in
        [("screen", Dump::Screen), ("clipboard", Dump::Clipboard), ("model", Dump::Model)]
    {
        assert_eq!(action(&format!("dump {word} -")), Action::Dump { what, to: Sink::Stdout });
    }
}

#[test]
fn a_text_is_everything_up_to_its_end_as_it_stands() {
    let story = parse("text <<END\n  select 1;\n# no comment\n\nEND \nEND\ntype x").unwrap();
    assert_eq!(story.steps[0].action, Action::Text("  select 1;\n# no comment\n\nEND ".into()));
    assert_eq!((story.steps[0].line, story.steps[1].line), (1, 7));
    assert_eq!(action("text select '\\n'  "), Action::Text("select '\\n'".into()));
    assert_eq!(problem("size 1 1\ntext <<END\nselect 1").line, 2);
}

#[test]
fn what_is_typed_has_enter_tab_and_backslashes() {
    assert_eq!(action(r"type a\n\tb\\n"), Action::Type("a\n\tb\\n".into()));
    assert_eq!(action(r"type  \d+"), Action::Type(r" \d+".into()));
    assert_eq!(
        input::pieces("a\n\tb"),
        [Piece::Text("a"), Piece::Key("enter"), Piece::Key("tab"), Piece::Text("b")]
    );
}

#[test]
fn comments_and_empty_lines_count_but_say_nothing() {
    let story = parse("# one\n\n   # three\n   press a\r\n").unwrap();
    assert_eq!(story.steps.len(), 1);
    assert_eq!(story.steps[0].line, 4);
}

#[test]
fn the_first_line_that_is_none_is_reported_with_its_number() {
    for line in [
        "walk",
        "size 10",
        "size a b",
        "connect",
        "connect --read-only",
        "text",
        "text <<",
        "type",
        "press",
        "command query.walk",
        "wait",
        "wait idle x",
        "wait rows",
        "wait idle 1 2",
        "wait idle -1",
        "wait idle NaN",
        "expect",
        "expect screen contains x",
        "expect screen contains \"x",
        "expect screen contains \"x\" y",
        "expect screen contains \"\\x\"",
        "expect result 0 rows 1",
        "expect result 1 cell 0 0 is null",
        "expect error x",
        "expect state transaction is odd",
        "sleep",
        "dump result 1 xml -",
        "dump result 1 csv",
        "dump window -",
        "screenshot",
    ] {
        let failure = problem(&format!("# one\npress a\n{line}\nwalk"));
        assert_eq!(failure.line, 3, "{line}");
        assert!(!failure.reason.is_empty());
    }
}

#[test]
fn no_report_repeats_a_password() {
    let story = parse(
        "connect postgres://a:hunter2@h/d\ntype hunter2\ntext alter role a password 'hunter2'",
    );
    for step in story.unwrap().steps {
        assert!(!step.text.contains("hunter2"), "{}", step.text);
    }
}

#[test]
fn what_is_there_instead_is_reported() {
    let reason = |line: &str| failure(&format!("# one\n{line}")).to_string();
    assert_eq!(
        reason("expect result 1 rows 3"),
        "line 2: expect result 1 rows 3: the tab has no result"
    );
    assert!(reason("expect error 42P01").contains("nothing has ended"));
    assert!(reason("expect state transaction is idle").contains("none"));
    assert!(reason("dump clipboard -").contains("nothing was put"));
    assert!(reason("screenshot a.png").contains("no picture for a.png"));
    assert!(reason("wait connected 5").contains("after 5 s the tab has no connection"));
    assert!(reason("wait running 5").contains("nothing was run"));
    assert!(reason("connect nowhere\nwait connected").contains("no saved connection called"));
    assert!(reason("connect mysql://h/d").contains("mysql"));
}

#[test]
fn a_wait_takes_as_long_as_it_says_and_no_longer() {
    let mut stage = Scripted::new();
    let (result, _) = play_on(&mut stage, "wait connected 7\n");
    assert!(result.is_err());
    assert_eq!(stage.now, Duration::from_secs(7));
    let mut stage = Scripted::new();
    play_on(&mut stage, "wait idle 7").0.unwrap();
    assert_eq!(stage.now, Duration::ZERO);
    play_on(&mut stage, "sleep 0.5").0.unwrap();
    assert_eq!(stage.now, Duration::from_millis(500));
}

#[test]
fn a_story_types_presses_and_looks_at_the_screen() {
    let mut stage = Scripted::new();
    let story = "text <<END\nselect 1\nEND\ntype ;\\n-- two\npress backspace\nexpect screen contains \"-- tw\"\n\
                 expect screen lacks \"-- two\"\nsize 1000 700\ncommand tab.new\ndump screen -\n";
    let (result, out) = play_on(&mut stage, story);
    assert_eq!(result, Ok(()));
    assert_eq!(stage.model.pages.open[0].editor.buffer.string(), "select 1;\n-- tw");
    assert_eq!(stage.model.pages.open.len(), 2);
    assert_eq!(stage.model.cx.settings.window, (1000, 700));
    assert!(out.contains("untitled"), "{out}");
}

#[test]
fn nothing_is_done_in_a_program_that_has_quit() {
    let mut stage = Scripted::new();
    let (result, _) =
        play_on(&mut stage, "command app.quit\nexpect screen lacks \"xyzzy\"\npress a");
    let failure = result.unwrap_err();
    assert_eq!((failure.line, failure.reason.as_str()), (3, "the program has quit"));
}

#[test]
fn a_password_is_typed_as_a_secret_and_leaves_no_message_with_it() {
    let mut model = Model::default();
    let connection = ConnectionId::next(&mut model.cx.ids);
    model.dialog = Some(Dialog::Connection(connection::Dialog::Password(PasswordPrompt::new(
        connection,
        SecretKind::Database,
        Secrets::default(),
        true,
        None,
    ))));
    let secret = |secret: &str| Msg::Keys(keys::Msg::SecretTyped { secret: Secret::new(secret) });
    assert_eq!(input::typed(&model, "hunter2"), [secret("hunter2")]);
    assert_eq!(input::pressed(&model, "h"), secret("h"));
    assert_eq!(input::pressed(&model, "space"), secret(" "));
    assert!(matches!(input::pressed(&model, "enter"), Msg::Keys(keys::Msg::Pressed { .. })));
}

#[test]
fn the_welcome_field_is_edited_as_a_whole() {
    let mut model = Model::default();
    model.defaults.user = "ann".into();
    model.focus(Area::Welcome);
    model.welcome.in_field = true;
    let msgs = input::typed(&model, "postgres://a:hunter2@h/d");
    assert!(matches!(&msgs[..], [Msg::Welcome(welcome::Msg::Edited { parsed: Some(Ok(_)), .. })]));
    assert!(!format!("{msgs:?}").contains("hunter2"));
    for msg in msgs {
        update(&mut model, Stamp::default(), msg);
    }
    let Msg::Welcome(welcome::Msg::Edited { typed, .. }) = input::pressed(&model, "backspace")
    else {
        panic!("not an edit");
    };
    assert_eq!(typed.reveal(), "postgres://a:hunter2@h/");
}

#[test]
fn where_no_text_goes_each_letter_is_a_key() {
    let mut model = Model::default();
    model.focus(Area::Results);
    let pressed = |key: &str| Msg::Keys(keys::Msg::Pressed { keystroke: key.into() });
    assert_eq!(input::typed(&model, "a b"), [pressed("a"), pressed("space"), pressed("b")]);
}

#[test]
fn a_read_only_sandbox_is_connected_to_once_it_runs() {
    let mut stage = Scripted::new();
    play_on(&mut stage, "wait idle").0.unwrap();
    let request = {
        let mut next = stage.model.cx.ids.clone();
        next.request()
    };
    stage.later.push_back((
        Duration::from_secs(3),
        crate::update::connection::sandbox::Msg::Started {
            request,
            host: "/run/sandbox".into(),
            port: 5432,
            user: "tusk".into(),
            database: "shop".into(),
            password: None,
        }
        .into(),
    ));
    play_on(&mut stage, "connect --read-only sandbox").0.unwrap();
    let active = stage.model.pages.active().unwrap().connection.unwrap();
    assert!(stage.model.connections[&active].config.read_only);
}
