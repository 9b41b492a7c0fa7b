//! The window by its keys: what is typed at GPUI ends in the Model, and what the Model says ends on screen. Effects are
//! scripted, the clock is the test's own, and the pictures are compared with those in `tests/screenshots`.

use crate::support::{
    generated,
    scripted::{Answers, Heard, Scripted, nothing_kept},
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tusk::update::shell::place::Area;

use flume::Sender;
use gpui::test::TestWindowExt as _;
use tusk::{
    base::{
        ids::{ConnectionId, QueryId, Request},
        stamp::Stamp,
        transaction::Transaction,
    },
    effect::Effect,
    failure::{Category, Failure},
    model::Phase,
    msg::Msg,
    program::{Clock, Program},
    rows::{ChunkBuilder, Column, Position},
    settings::{Settings, Theme},
    story::Stage,
    update::{
        connection::{self, ServerInfo},
        files,
        keeping::{self, Kept, Opened},
        query::{self, editor, session},
        results::{self, ResultState, Shown},
        shell::{app, command::Command},
    },
    view::{kit::words::Post, shell::window::Desk, stage::Windowed},
};

mod panes;
mod settings;
mod sideways;
mod sight;
mod typing;

/// A clock that goes on by a millisecond with each message.
struct Ticks(u64);

impl Clock for Ticks {
    fn stamp(&mut self) -> Stamp {
        self.0 += 1_000;
        Stamp { unix_us: 1_795_000_000_000_000 + self.0 as i64, mono_us: self.0 }
    }
}

/// What a server, a disk and the grid's helper say.
impl Answers {
    fn connect(&self, connection: ConnectionId, attempt: Request, host: &str) {
        if host == "locked.example" {
            let failure = Failure {
                severity: "FATAL".into(),
                sqlstate: Some("28P01".into()),
                ..Failure::new(Category::Authentication, "password authentication failed")
            };
            return self.answer(connection::Msg::OpenFailed { connection, attempt, failure });
        }
        self.answer(connection::Msg::Opened {
            connection,
            attempt,
            server: ServerInfo {
                version: "17.6".into(),
                security: "TLS 1.3 verified".into(),
                endpoint: None,
                user: "ann".into(),
                database: "shop".into(),
            },
        });
    }

    fn run(&self, query: QueryId, sql: &str) {
        let (transaction, elapsed_us) = (Transaction::Idle, 38_000);
        if sql.contains("pg_sleep") {
            return;
        }
        if sql.contains("emial") {
            let failure = Failure {
                severity: "ERROR".into(),
                sqlstate: Some("42703".into()),
                position: Some(12),
                ..Failure::new(Category::Query, "column \"emial\" does not exist")
            };
            return self.answer(query::Msg::Failed {
                query,
                failure: Box::new(failure),
                transaction,
                elapsed_us,
            });
        }
        let columns = vec![
            Column::new("id", 20, -1),
            Column::new("name", 25, -1),
            Column::new("price", 1700, -1),
        ];
        self.answer(query::Msg::Described { query, columns });
        self.answer(query::Msg::RowsArrived { query, chunk: Arc::new(rows(200).finish()) });
        self.answer(query::Msg::Finished {
            query,
            tag: "SELECT 200".into(),
            transaction,
            discarded: 0,
            elapsed_us,
        });
    }

    fn work(&self, effect: results::contract::Effect) {
        match effect {
            results::contract::Effect::Copy { request, rows, range, .. } => {
                let line = |row| {
                    let cells = range.columns.clone();
                    let text = |column| Some(rows.cell(row, column)?.text().into_owned());
                    cells.filter_map(text).collect::<Vec<_>>().join("\t")
                };
                let text = range.rows.clone().map(line).collect::<Vec<_>>();
                self.answer(results::contract::Msg::Copied {
                    request,
                    text: Ok(text.join("\n").into()),
                    cells: range.cells(),
                });
            }
            results::contract::Effect::Summarize { request, .. } => {
                self.answer(results::contract::Msg::Summarized { request, summary: None })
            }
            results::contract::Effect::Drop { request, .. } => {
                self.answer(results::contract::Msg::Dropped { request })
            }
        }
    }

    fn cancel(&self, query: QueryId) {
        self.answer(query::Msg::CancelSent { query });
        let failure = Failure {
            severity: "ERROR".into(),
            sqlstate: Some("57014".into()),
            ..Failure::new(Category::Cancelled, "canceling statement due to user request")
        };
        self.answer(query::Msg::Failed {
            query,
            failure: Box::new(failure),
            transaction: Transaction::Idle,
            elapsed_us: 2_000_000,
        });
    }
}

/// Rows of a number, a text that is NULL now and then, and a price.
fn rows(count: usize) -> ChunkBuilder {
    let mut builder = ChunkBuilder::new(3);
    for row in 1..=count {
        let name = (row % 3 != 0).then(|| format!("lamp {row}"));
        let cells = [Some(row.to_string()), name, Some(format!("{row}.50"))];
        let mut body = 3_u16.to_be_bytes().to_vec();
        for cell in cells {
            match cell {
                None => body.extend((-1_i32).to_be_bytes()),
                Some(text) => {
                    body.extend((text.len() as i32).to_be_bytes());
                    body.extend(text.into_bytes());
                }
            }
        }
        builder.push_data_row(&body).expect("a whole row");
    }
    builder
}

fn script(answers: &Answers, effect: Effect) {
    match effect {
        Effect::Connection(connection::Effect::Open { connection, attempt, config, .. }) => {
            answers.connect(connection, attempt, &config.host)
        }
        Effect::File(files::Effect::Open { request, path, .. }) => {
            let stamp = files::FileStamp { modified_us: 1, length: 18, digest: 1 };
            answers.answer(files::Msg::Opened {
                request,
                path,
                result: Ok(files::Read::plain("select 'of a file'".into(), stamp)),
            });
        }
        Effect::Session(session::Effect::Open { session, .. }) => {
            answers.answer(session::Msg::Opened { session, backend_pid: 7 });
        }
        Effect::Session(session::Effect::AskHeld { session }) => {
            answers.answer(session::Msg::HeldAnswered { session, held: Ok(vec![]) });
        }
        Effect::Schema(tusk::update::schema::Effect::Load { request, connection }) => answers
            .answer(tusk::update::schema::Msg::Loaded {
                request,
                connection,
                result: Ok(std::sync::Arc::default()),
            }),
        Effect::Query(query::Effect::Run { query, sql, .. }) => answers.run(query, &sql),
        Effect::Query(query::Effect::Cancel { query, .. }) => answers.cancel(query),
        Effect::Cells(effect) => answers.work(effect),
        _ => {}
    }
}

struct Tried {
    stage: Windowed,
    outbox: Sender<Msg>,
    heard: Heard,
}

fn begin(settings: Settings) -> Tried {
    begin_with(Kept { settings, ..nothing_kept() })
}

fn begin_with(kept: Kept) -> Tried {
    let (outbox, inbox) = flume::unbounded();
    let scripted = Scripted::new(outbox.clone(), kept, script);
    let heard = scripted.heard();
    let desk = Desk::default();
    let mut program =
        Program::new(Box::new(scripted), Box::new(desk.clone()), Box::new(Ticks(0)), None);
    let started = app::Msg::Started {
        seed: 7,
        version: "0.1.0".into(),
        data_dir: "/nowhere".into(),
        config_dir: String::new(),
        macos: false,
        recording: false,
    };
    program.take(started.into());
    while let Ok(msg) = inbox.try_recv() {
        program.take(msg);
    }
    assert_eq!(program.model().phase, Phase::Ready);
    let post = Post::new(outbox.clone());
    let stage = Windowed::open(program, inbox, post, desk).expect("a renderer");
    Tried { stage, outbox, heard }
}

fn dark() -> Settings {
    Settings { theme: Theme::Dark, window: (1200, 760), ..Settings::default() }
}

/// A window that is connected through the welcome screen's field.
fn connected(settings: Settings) -> Tried {
    let mut tried = begin(settings);
    tried.stage.press("tab");
    tried.stage.type_text("postgres://ann@db.example/shop");
    tried.stage.press("enter");
    assert_eq!(tried.stage.read(|model| model.area), Area::Editor);
    tried
}

impl Tried {
    fn text(&mut self) -> String {
        self.stage.read(|model| {
            let tab = model.pages.active().expect("there is always a tab");
            tab.editor.buffer.string()
        })
    }

    fn active_cell(&mut self) -> Position {
        self.stage.read(|model| {
            let tab = model.pages.active().expect("there is always a tab");
            tab.results.visible().expect("a result").grid.active
        })
    }

    fn state(&mut self) -> ResultState {
        self.stage.read(|model| {
            let tab = model.pages.active().expect("there is always a tab");
            tab.results.list.last().expect("a result").state.clone()
        })
    }
}

#[test]
fn a_url_that_is_typed_connects_and_a_statement_that_is_typed_shows_rows() {
    let mut tried = connected(dark());
    let opened = |effect: &Effect| matches!(effect, Effect::Connection(connection::Effect::Open { config, .. }) if config.host == "db.example");
    assert!(tried.heard.borrow().iter().any(opened));
    tried.stage.type_text("select * from products");
    tried.stage.press("ctrl-enter");
    assert_eq!(tried.text(), "select * from products");
    assert_eq!(tried.state(), ResultState::Finished { tag: "SELECT 200".into() });
}

#[test]
fn the_grid_is_moved_in_and_copied_from_by_keys() {
    let mut tried = connected(dark());
    tried.stage.type_text("table products");
    tried.stage.press("ctrl-enter");
    tried.stage.press("f6");
    tried.stage.press("down right");
    assert_eq!(tried.active_cell(), Position { row: 1, column: 1 });
    tried.stage.press("shift-down shift-right ctrl-c");
    assert_eq!(tried.stage.clipboard().as_deref(), Some("lamp 2\t2.50\n\t3.50"));
    tried.stage.press("ctrl-end");
    assert_eq!(tried.active_cell(), Position { row: 199, column: 2 });
    let first_row = tried.stage.read(|model| {
        let tab = model.pages.active().expect("there is always a tab");
        tab.results.visible().expect("a result").grid.first_row
    });
    assert!(first_row > 150, "the grid scrolled to the cell: {first_row}");
}

#[test]
fn a_running_statement_is_cancelled_by_key() {
    let mut tried = connected(dark());
    tried.stage.type_text("select pg_sleep(60)");
    tried.stage.press("ctrl-enter");
    assert_eq!(tried.state(), ResultState::Running);
    tried.stage.press("ctrl-.");
    assert!(matches!(tried.state(), ResultState::Cancelled { .. }));
    assert_eq!(tried.text(), "select pg_sleep(60)");
}

#[test]
fn an_error_is_marked_in_the_text_and_gone_to_by_key() {
    let mut tried = connected(dark());
    tried.stage.type_text("select id, emial from customers");
    tried.stage.press("ctrl-enter");
    assert!(matches!(tried.state(), ResultState::Failed { .. }));
    tried.stage.press("f8");
    let selection = tried.stage.read(|model| {
        let tab = model.pages.active().expect("there is always a tab");
        tab.editor.buffer.selection()
    });
    assert_eq!(selection, 11..16);
    // What is typed now goes where the cursor went, in the place of what is marked.
    tried.stage.type_text("email");
    assert_eq!(tried.text(), "select id, email from customers");
}

#[test]
fn a_long_form_in_a_low_window_follows_the_field_with_focus() {
    let mut tried = connected(dark());
    tried.stage.resize(900, 440);
    tried.stage.press("ctrl-shift-n");
    // Two choices: of a tunnel, far down in the form, and of the SSL mode, at its top.
    let seen = |tried: &mut Tried, choice: &'static str| {
        let window = tried.stage.offscreen();
        window.update(|window, _| window.find(choice).visible()).expect("the window is open")
    };
    let (tunnel, ssl_mode) = ("choice-11-0", "choice-17-0");
    assert!(!seen(&mut tried, tunnel));
    for _ in 0..10 {
        tried.stage.press("tab");
    }
    assert!(seen(&mut tried, tunnel));
    for _ in 0..10 {
        tried.stage.press("shift-tab");
    }
    assert!(!seen(&mut tried, tunnel) && seen(&mut tried, ssl_mode));
    tried.stage.press("shift-tab");
    assert!(!seen(&mut tried, ssl_mode), "the last field is in sight");
}

#[test]
fn the_palette_finds_a_command_by_a_few_letters() {
    let mut tried = connected(dark());
    tried.stage.press("ctrl-shift-p");
    tried.stage.type_text("light th");
    tried.stage.press("enter");
    let (theme, open) = tried.stage.read(|model| (model.cx.settings.theme, model.dialog.is_some()));
    assert_eq!((theme, open), (Theme::Light, false));
    // Focus is back where it was, and nothing of it went into the text.
    tried.stage.type_text("x");
    assert_eq!(tried.text(), "x");
}

#[test]
fn a_closed_tab_comes_back_with_its_text() {
    let mut tried = connected(dark());
    tried.stage.type_text("select 'kept'");
    tried.stage.press("ctrl-n");
    tried.stage.type_text("second");
    tried.stage.press("ctrl-w");
    assert_eq!(tried.text(), "select 'kept'");
    tried.stage.press("ctrl-shift-t");
    assert_eq!(tried.text(), "second");
    tried.stage.type_text("!");
    assert!(tried.text().contains('!') && tried.text().contains("second"));
}

#[test]
fn every_key_of_the_keymap_wins_over_the_widgets_own() {
    // Keys that end the test's window or open what takes the next key are pressed last, each in a window of its own.
    let keys: Vec<(String, Command)> = {
        let mut tried = connected(dark());
        tried.stage.read(|model| {
            let bound = model.keymap.bindings();
            let wanted = bound.filter(|(context, ..)| ["global", "editor"].contains(context));
            wanted.map(|(_, key, command)| (key.to_owned(), command)).collect()
        })
    };
    let mut tried = connected(dark());
    tried.stage.type_text("select 1;\nselect 2;");
    for (key, command) in keys {
        if command == Command::AppQuit {
            continue;
        }
        tried.stage.press("ctrl-1");
        let (asked, edits) = tried.asked(&key);
        assert_eq!(asked, [command], "{key}");
        assert_eq!(edits, 0, "{key} also did what the widget does");
        tried.reset("select 1;\nselect 2;");
    }
}

impl Tried {
    /// The commands that a key asks for, and how many edits a widget told of.
    fn asked(&mut self, key: &str) -> (Vec<Command>, usize) {
        self.stage.watch();
        self.stage.press(key);
        let seen = self.stage.watched();
        let edits = seen
            .iter()
            .filter(|msg| matches!(msg, Msg::Editor { msg: editor::Msg::Edited { .. }, .. }));
        let edits = edits.count();
        let asked = seen.into_iter().filter_map(|msg| match msg {
            Msg::Command(command) => Some(command),
            _ => None,
        });
        (asked.collect(), edits)
    }

    /// One tab with this text, no dialog, the editor in focus.
    fn reset(&mut self, text: &str) {
        for _ in 0..2 {
            if self.stage.read(|model| model.dialog.is_some()) {
                self.stage.send(Command::DialogCancel.into());
            }
        }
        while self.stage.read(|model| model.pages.open.len()) > 1 {
            self.stage.send(Command::TabClose.into());
        }
        self.stage.send(Command::ViewZoomReset.into());
        self.stage.replace_text(text);
    }
}

#[test]
fn no_keystroke_is_lost_or_doubled_when_the_text_changes_meanwhile() {
    let mut tried = connected(dark());
    tried.stage.type_text("one");
    // The Model changes the text while keys are on their way to it.
    tried.stage.interleave(|offscreen| {
        offscreen.type_text("a").expect("an open window");
    });
    let comment = Msg::Command(Command::EditorComment);
    tried.outbox.send(comment).expect("the stage listens");
    tried.stage.interleave(|offscreen| {
        offscreen.type_text("b").expect("an open window");
        offscreen.type_text("c").expect("an open window");
    });
    tried.stage.pump(Duration::ZERO);
    let text = tried.text();
    for letter in ["a", "b", "c"] {
        assert_eq!(text.matches(letter).count(), 1, "{letter} in {text:?}");
    }
    assert!(text.starts_with("-- ") && text.len() == "-- oneabc".len(), "{text:?}");
    // And the widget shows what the Model has: the next key goes on from there.
    tried.stage.press("ctrl-end");
    tried.stage.type_text("z");
    assert_eq!(tried.text(), format!("{text}z"));
}

#[test]
fn a_text_from_the_history_can_be_undone_in_the_widget() {
    let mut tried = connected(dark());
    tried.stage.type_text("select 1");
    tried.stage.press("ctrl-/");
    assert_eq!(tried.text(), "-- select 1");
    tried.stage.press("ctrl-z");
    assert_eq!(tried.text(), "select 1");
}

#[test]
fn a_password_goes_as_a_secret_and_into_no_text() {
    let mut tried = connected(dark());
    tried.stage.press("ctrl-shift-n");
    for _ in 0..5 {
        tried.stage.press("tab");
    }
    tried.stage.watch();
    tried.stage.type_text("hunter2");
    let seen = format!("{:?}", tried.stage.watched());
    assert!(!seen.contains("hunter2"), "{seen}");
    let password = tried.stage.read(|model| match &model.dialog {
        Some(tusk::update::shell::dialog::Dialog::Connection(connection::Dialog::Form(form))) => {
            form.secrets[&tusk::update::connection::form::Field::Password].clone()
        }
        other => unreachable!("{other:?}"),
    });
    assert_eq!(password.reveal(), "hunter2");
}

#[test]
fn the_search_opens_over_the_text_and_its_answer_comes_back() {
    let mut tried = connected(dark());
    tried.stage.type_text("select 1");
    tried.stage.watch();
    tried.stage.press("ctrl-f");
    tried.stage.type_text("lect");
    assert_eq!(tried.text(), "select 1", "what is typed goes into the search");
    tried.stage.press("escape");
    tried.stage.type_text("!");
    assert!(tried.text().contains('!'));
}

#[test]
fn messages_are_shown_by_key() {
    let mut tried = connected(dark());
    tried.stage.type_text("select 1");
    tried.stage.press("ctrl-enter ctrl-3");
    let shown = tried.stage.read(|model| {
        let tab = model.pages.active().expect("there is always a tab");
        tab.results.shown
    });
    assert_eq!(shown, Shown::Messages);
}

/// Of all pixels at most so many, in ten thousand, may differ by more than [`SLIGHTLY`] in a channel: other versions of
/// the software renderer round the edges of letters in another way.
const OFTEN: usize = 100;
const SLIGHTLY: u8 = 32;

#[test]
fn the_main_window_looks_as_reviewed_in_both_themes() {
    for theme in [Theme::Dark, Theme::Light] {
        let name = if theme == Theme::Dark { "main-dark" } else { "main-light" };
        let mut tried = connected(Settings { theme, ..dark() });
        tried.stage.type_text("-- products by price\nselect id, name, price from products\nwhere price > 1 order by 1;");
        tried.stage.press("ctrl-enter f6 down down right shift-down shift-down shift-right");
        compare(name, &mut tried.stage);
    }
}

fn compare(name: &str, stage: &mut Windowed) {
    let reviewed =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/screenshots/{name}.png"));
    if std::env::var_os("TUSK_NEW_SCREENSHOTS").is_some() {
        stage.screenshot(&reviewed).expect("a picture");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let drawn: PathBuf = folder.path().join("drawn.png");
    stage.screenshot(&drawn).expect("a picture");
    let (drawn, reviewed) = (picture(&drawn), picture(&reviewed));
    assert_eq!(drawn.dimensions(), reviewed.dimensions(), "{name}");
    let differs = |(one, other): &(&image::Rgba<u8>, &image::Rgba<u8>)| {
        one.0.iter().zip(other.0).any(|(one, other)| one.abs_diff(other) > SLIGHTLY)
    };
    let differing = drawn.pixels().zip(reviewed.pixels()).filter(differs).count();
    let all = (drawn.width() * drawn.height()) as usize;
    assert!(
        differing * 10_000 <= OFTEN * all,
        "{name}: {differing} of {all} pixels differ; look at it, and set TUSK_NEW_SCREENSHOTS=1 to take it over"
    );
}

fn picture(path: &Path) -> image::RgbaImage {
    image::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into_rgba8()
}

#[test]
fn quitting_closes_the_window_only_when_the_model_says_so() {
    let mut tried = connected(dark());
    tried.stage.press("ctrl-q");
    assert_eq!(tried.stage.read(|model| model.phase), Phase::Quitting);
    assert!(!tried.stage.offscreen().is_open());
}
