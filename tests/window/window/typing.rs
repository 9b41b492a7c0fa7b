//! What is typed arrives: in every field, however the keyboard came to it, and however fast the keys come.

use super::*;
use gpui::{
    Modifiers, MouseButton, MouseDownEvent, MouseMoveEvent, MouseUpEvent, PlatformInput, point, px,
};
use tusk::update::{connection, files, query, results};
use tusk::{
    base::ids::Ids,
    update::{
        connection::form::Field,
        keeping::{HistoryEntry, HistoryOutcome, SavedConnection},
        query::find,
        shell::{dialog::Dialog, sidebar},
    },
};

/// A place that takes text, and how a person gets there by key from wherever no dialog is open.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Editor,
    Query,
    Replacement,
    Welcome,
    Palette,
    History,
    Results,
    Open,
    SaveAs,
    Line,
    Form(Field),
    Password,
    DataDirectory,
}

impl Place {
    fn all() -> Vec<Place> {
        let mut all = vec![
            Place::Editor,
            Place::Query,
            Place::Replacement,
            Place::Welcome,
            Place::Palette,
            Place::History,
            Place::Results,
            Place::Open,
            Place::SaveAs,
            Place::Line,
            Place::Password,
            Place::DataDirectory,
        ];
        let fields = [
            Field::Name,
            Field::Host,
            Field::Port,
            Field::Database,
            Field::User,
            Field::Password,
            Field::Group,
            Field::Cert,
            Field::Key,
            Field::ConnectTimeout,
            Field::ApplicationName,
            Field::Options,
            Field::Passfile,
        ];
        all.extend(fields.map(Place::Form));
        all
    }

    /// What a press on it is aimed at.
    fn id(self) -> gpui::ElementId {
        match self {
            Place::Editor => "editor".into(),
            Place::Query => "Find".into(),
            Place::Replacement => "Replace with".into(),
            Place::Welcome => "welcome-field".into(),
            Place::Form(field) => ("field", field as usize).into(),
            _ => ("field", 0_usize).into(),
        }
    }
}

impl Tried {
    pub(super) fn act(&mut self, act: impl FnOnce(&mut gpui::Window, &mut gpui::App)) {
        self.stage.pump(Duration::ZERO);
        let window = self.stage.offscreen();
        window.update(act).expect("an open window");
        self.stage.pump(Duration::ZERO);
    }

    pub(super) fn click(&mut self, id: impl Into<gpui::ElementId>) {
        self.clicks(id, 1);
    }

    fn double_click(&mut self, id: impl Into<gpui::ElementId>) {
        self.clicks(id, 2);
    }

    /// Moves the pointer to an element's middle and presses there, each event on its own as the system sends them, and
    /// faster than the window takes its queue.
    fn clicks(&mut self, id: impl Into<gpui::ElementId>, count: usize) {
        let id = id.into();
        self.stage.pump(Duration::ZERO);
        let position = drawn(self, id).expect("it is drawn").center();
        let (button, modifiers) = (MouseButton::Left, Modifiers::default());
        let mut events = vec![PlatformInput::MouseMove(MouseMoveEvent {
            position,
            pressed_button: None,
            modifiers,
        })];
        for click_count in 1..=count {
            events.push(PlatformInput::MouseDown(MouseDownEvent {
                button,
                position,
                modifiers,
                click_count,
                first_mouse: false,
            }));
            events.push(PlatformInput::MouseUp(MouseUpEvent {
                button,
                position,
                modifiers,
                click_count,
            }));
        }
        for event in events {
            let window = self.stage.offscreen();
            window
                .update(|window, cx| {
                    window.dispatch_event(event, cx);
                })
                .expect("an open window");
        }
        self.stage.pump(Duration::ZERO);
    }

    /// Closes what lies over the window.
    pub(super) fn uncover(&mut self) {
        while self.stage.read(|model| model.dialog.is_some()) {
            self.stage.press("escape");
        }
    }

    fn go_to(&mut self, place: Place) {
        self.uncover();
        match place {
            Place::Editor => self.stage.press("ctrl-1"),
            Place::Query => self.stage.press("ctrl-1 ctrl-f"),
            Place::Replacement => self.stage.press("ctrl-1 ctrl-h tab"),
            Place::Welcome => self.stage.press("ctrl-shift-o"),
            Place::Palette => self.stage.press("ctrl-shift-p"),
            Place::History => self.stage.press("ctrl-r"),
            Place::Results => self.stage.press("ctrl-alt-down"),
            Place::Open => self.stage.press("ctrl-o"),
            Place::SaveAs => self.stage.press("ctrl-shift-s"),
            Place::Line => self.stage.press("ctrl-1 ctrl-g"),
            Place::Form(field) => {
                self.stage.press("ctrl-shift-n");
                for _ in 0..Field::ALL.len() {
                    if self.form_focus() == Some(field) {
                        return;
                    }
                    self.stage.press("tab");
                }
                unreachable!("{field:?} is not in the form");
            }
            Place::Password => {
                self.stage.press("ctrl-shift-o");
                self.stage.type_text("postgres://ann@locked.example/shop");
                self.stage.press("enter");
            }
            Place::DataDirectory => {
                let opened = Opened::NoDirectory {
                    directory: "/data".into(),
                    reason: "it is read-only".into(),
                };
                self.stage.send(keeping::Msg::Reopened { opened }.into());
            }
        }
    }

    fn form_focus(&mut self) -> Option<Field> {
        self.stage.read(|model| match &model.dialog {
            Some(Dialog::Connection(connection::Dialog::Form(form))) => Some(form.focus),
            _ => None,
        })
    }

    /// The text that the Model has focus in; none where no text is typed.
    fn focused_text(&mut self) -> Option<String> {
        self.stage.read(|model| match (&model.dialog, model.area) {
            (Some(dialog), _) => match dialog {
                Dialog::Palette(picker)
                | Dialog::Query(query::Dialog::History(picker))
                | Dialog::Results(results::Dialog::List(picker)) => Some(picker.field.string()),
                Dialog::Files(files::Dialog::Path(prompt)) => Some(prompt.field.string()),
                Dialog::DataDirectory(prompt) => Some(prompt.field.string()),
                Dialog::Query(query::Dialog::GoToLine(line)) => Some(line.string()),
                Dialog::Connection(connection::Dialog::Password(prompt)) => {
                    Some(prompt.password.reveal().to_owned())
                }
                Dialog::Connection(connection::Dialog::Form(form)) => {
                    match form.secrets.get(&form.focus) {
                        Some(secret) => Some(secret.reveal().to_owned()),
                        None => form.texts.get(&form.focus).map(|text| text.string()),
                    }
                }
                _ => None,
            },
            (None, Area::Editor) => {
                Some(model.pages.active().expect("a tab").editor.buffer.string())
            }
            (None, Area::Find) => Some(model.find.buffer(model.find.field).string()),
            (None, Area::Settings) => {
                Some(model.settings_page.field_text(model.settings_page.focused()))
            }
            (None, Area::Welcome) => Some(model.welcome.typed.reveal().to_owned()),
            (None, Area::Results | Area::Sidebar) => None,
        })
    }

    /// Types three letters, and finds them where the Model says that the keyboard is.
    #[track_caller]
    fn letters_arrive(&mut self, after: &str) {
        let before = self.focused_text().unwrap_or_else(|| {
            let area = self.stage.read(|model| model.area);
            unreachable!("{after}: no text has the keyboard, but {area:?}")
        });
        self.stage.type_text("xyz");
        let now = self.focused_text().unwrap_or_default();
        let count = |text: &str| text.matches("xyz").count();
        assert!(
            now.contains("xyz") && (count(&now) > count(&before) || count(&before) > 0),
            "{after}: {before:?} became {now:?}"
        );
        assert_eq!(
            self.stage.focused_text().as_deref(),
            Some(now.as_str()),
            "{after}: the window shows something else"
        );
    }
}

pub(super) fn kept_run(at_us: i64, sql: &str) -> HistoryEntry {
    HistoryEntry {
        query: QueryId::next(&mut Ids::seeded(at_us as u64)),
        at_us,
        connection: "shop".into(),
        database: "shop".into(),
        sql: sql.into(),
        elapsed_us: Some(1_000),
        outcome: HistoryOutcome::Finished { tag: "SELECT 1".into(), rows: 1 },
    }
}

/// A window over two connections and three runs that were kept.
fn furnished(at_once: bool) -> Tried {
    let mut ids = Ids::seeded(5);
    let saved = |name: &str, ids: &mut Ids| SavedConnection {
        id: ConnectionId::next(ids),
        config: tusk::conninfo::Config {
            name: name.into(),
            host: format!("{name}.example"),
            user: "ann".into(),
            ..Default::default()
        },
        last_used_us: None,
    };
    let kept = Kept {
        opened: Opened::OnDisk,
        connections: vec![saved("one", &mut ids), saved("two", &mut ids)],
        tabs: vec![],
        closed: vec![],
        history: vec![
            kept_run(3, "select 3"),
            kept_run(2, "select 2\nfrom twos"),
            kept_run(1, "select 1"),
        ],
        settings: dark(),
    };
    let mut tried = begin_with(kept);
    if at_once {
        tried.stage.take_at_once();
    }
    tried.stage.type_text("postgres://ann@db.example/shop");
    tried.stage.press("enter");
    tried.stage.type_text("select * from products");
    tried.stage.press("ctrl-enter");
    tried
}

/// The ways in which the keyboard moves.
type Way = (&'static str, fn(&mut Tried));

const WAYS: [Way; 16] = [
    ("a press on the editor", |tried| {
        tried.uncover();
        tried.stage.press("ctrl-2");
        tried.click("editor");
    }),
    ("a press on a run", |tried| {
        tried.uncover();
        tried.stage.press("ctrl-1");
        tried.click(run_row(1));
    }),
    ("a double press on a run", |tried| {
        tried.uncover();
        tried.stage.press("ctrl-1");
        tried.double_click(run_row(2));
    }),
    ("Enter on a run", |tried| {
        tried.uncover();
        tried.stage.press("ctrl-1");
        tried.click(run_row(0));
        tried.stage.press("enter");
    }),
    ("a run chosen in the dialog", |tried| {
        tried.uncover();
        tried.stage.press("ctrl-r");
        tried.stage.press("enter");
    }),
    ("a press on a connection", |tried| {
        tried.uncover();
        tried.stage.press("ctrl-1");
        tried.click(("sidebar-row", 1_usize));
    }),
    ("a press on a result's tab", |tried| {
        tried.uncover();
        tried.stage.press("ctrl-1");
        tried.click("result-1");
    }),
    ("a press beside a dialog's field", |tried| {
        tried.uncover();
        tried.stage.press("ctrl-o");
        tried.click("dialog");
    }),
    ("a key to the results", |tried| {
        tried.uncover();
        tried.stage.press("f6");
    }),
    ("a key to the sidebar and back", |tried| {
        tried.uncover();
        tried.stage.press("ctrl-0 escape");
    }),
    ("a dialog closed", |tried| {
        tried.uncover();
        tried.stage.press("ctrl-shift-n escape");
    }),
    ("a dialog under a dialog", |tried| {
        tried.uncover();
        tried.stage.press("ctrl-shift-p");
        tried.stage.type_text("open file");
        tried.stage.press("enter");
    }),
    ("a tab closed", |tried| {
        tried.uncover();
        tried.stage.press("ctrl-n");
        tried.stage.type_text("gone");
        tried.stage.press("ctrl-2 ctrl-w");
    }),
    ("a tab restored", |tried| {
        tried.uncover();
        tried.stage.press("ctrl-0 ctrl-shift-t");
    }),
    ("the sidebar hidden", |tried| {
        tried.uncover();
        tried.stage.press("ctrl-0 ctrl-b");
        tried.stage.press("ctrl-b");
    }),
    ("a file dropped", |tried| {
        tried.uncover();
        tried.stage.press("ctrl-0");
        tried.stage.drop_file("/home/ann/dropped.sql");
    }),
];

/// The row of the sidebar, headings counted, of a run that was kept: behind the connections and their headings.
fn run_row(place: usize) -> (&'static str, usize) {
    RUN_ROWS.with(|first| ("sidebar-row", first.get() + place))
}

thread_local! {
    static RUN_ROWS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

impl Tried {
    /// Where the runs that were kept stand in the sidebar now.
    fn find_run_rows(&mut self) {
        let first = self.stage.read(|model| {
            let screen = tusk::screen::screen(model, model.cx.now);
            let tusk::screen::Main::Work(work) = screen.main else {
                return 0;
            };
            let rows = work.sidebar.expect("a sidebar").rows;
            let kept = rows.iter().position(|row| row.label == "select 3");
            kept.unwrap_or(0)
        });
        RUN_ROWS.with(|rows| rows.set(first));
    }
}

/// Whether the long form of a test was asked for.
pub(super) fn is_long() -> bool {
    std::env::var_os("TUSK_LONG").is_some()
}

/// Every way, and after it every field: all of them in the long form of the test, else a few, other ones for each way.
#[test]
fn letters_arrive_in_every_field_however_the_keyboard_came_there() {
    let places = Place::all();
    let mut next = 0;
    for at_once in [false, true] {
        let mut tried = furnished(at_once);
        for (at, (way, go)) in WAYS.into_iter().enumerate() {
            // In the short form a way is gone in one of the two, the ways side by side in different ones.
            let is_due = (at % 2 == 1) == at_once;
            let count = if is_long() { places.len() } else { usize::from(is_due) };
            for _ in 0..count {
                let place = places[next % places.len()];
                next += 1;
                let what = format!("{way}, then {place:?}");
                tried.go_to(Place::Editor);
                tried.find_run_rows();
                go(&mut tried);
                if tried.focused_text().is_some() {
                    tried.letters_arrive(way);
                }
                tried.go_to(place);
                tried.letters_arrive(&what);
                // Once more by the mouse, from wherever it was in the field.
                tried.click(place.id());
                tried.letters_arrive(&format!("{what}, and a press on it"));
            }
        }
    }
}

#[test]
fn two_hundred_keys_arrive_in_every_field_complete_and_in_order() {
    let keys: Vec<char> = (0..200).map(|at| char::from(b'a' + (at * 7 % 26) as u8)).collect();
    let whole: String = keys.iter().collect();
    let mut tried = furnished(true);
    let places = Place::all().into_iter().enumerate();
    for (at, place) in places.filter(|(at, _)| is_long() || *at < 12 || at % 6 == 0) {
        tried.go_to(place);
        let before = tried.focused_text().unwrap_or_default();
        // Nothing is pressed before them: the first key is one of them. Each of the first ones is taken before the next
        // one comes; of the others so many come before the window has time for its queue.
        let (first, others) = keys.split_at(if is_long() { keys.len() } else { 3 });
        let singly = first.chunks(1);
        for part in singly.chain(others.chunks([197, 67, 23][at % 3])) {
            let part: String = part.iter().collect();
            tried.stage.interleave(|offscreen| {
                offscreen.type_text(&part).expect("an open window");
            });
            tried.stage.pump(Duration::ZERO);
        }
        let now = tried.focused_text().unwrap_or_default();
        // They stand in the text's place where it was selected, else beside what was there.
        let kept = now.len() - now.find(&whole).map_or(now.len(), |_| whole.len());
        assert!(
            now.contains(&whole) && (kept == 0 || kept == before.len()),
            "{place:?}: {before:?} became {now:?}"
        );
        let shown = tried.stage.focused_text();
        assert_eq!(shown.as_ref(), Some(&now), "{place:?}");
    }
}

#[test]
fn a_filled_field_is_replaced_when_tab_comes_to_it_and_a_path_is_gone_on_with() {
    let mut tried = furnished(false);
    tried.go_to(Place::Open);
    assert_eq!(tried.focused_text().as_deref(), Some("~/"));
    tried.stage.type_text("de");
    assert_eq!(tried.focused_text().as_deref(), Some("~/de"));
    tried.uncover();
    tried.go_to(Place::Form(Field::Port));
    tried.stage.type_text("6543");
    assert_eq!(tried.focused_text().as_deref(), Some("6543"));
    tried.stage.press("tab");
    tried.stage.type_text("db");
    tried.stage.press("tab shift-tab");
    tried.stage.type_text("alice");
    assert_eq!(tried.focused_text().as_deref(), Some("alice"));
    tried.go_to(Place::Form(Field::Cert));
    tried.stage.type_text("/certs/");
    tried.stage.press("tab shift-tab");
    tried.stage.type_text("ann.pem");
    assert_eq!(tried.focused_text().as_deref(), Some("/certs/ann.pem"));
    tried.go_to(Place::DataDirectory);
    tried.stage.type_text("2");
    assert_eq!(tried.focused_text().as_deref(), Some("/data2"));
}

#[test]
fn a_url_is_typed_and_pasted_on_the_welcome_screen_and_the_list_is_chosen_from_with_arrows() {
    let mut tried = begin(dark());
    assert_eq!(tried.stage.read(|model| model.area), Area::Welcome);
    tried.stage.type_text("postgres://ann@sun.example/shop");
    let typed = "postgres://ann@sun.example/shop";
    assert_eq!(tried.focused_text().as_deref(), Some(typed));
    tried.stage.press("ctrl-a ctrl-x");
    assert_eq!(tried.focused_text().as_deref(), Some(""));
    tried.stage.press("ctrl-v");
    assert_eq!(tried.focused_text().as_deref(), Some(typed));
    let started = |tried: &Tried| {
        let heard = tried.heard.borrow();
        heard.iter().any(|effect| matches!(effect, Effect::Sandbox(_)))
    };
    assert!(!started(&tried));
    // Down leaves the text for the list; a letter goes to the text again.
    tried.stage.press("down");
    assert!(!tried.stage.read(|model| model.welcome.in_field));
    tried.stage.type_text("s");
    assert!(tried.stage.read(|model| model.welcome.in_field));
    assert!(!started(&tried));
    tried.stage.press("down enter");
    assert!(started(&tried), "Enter means the row that is chosen");
}

#[test]
fn a_press_on_a_run_shows_it_and_enter_or_a_double_press_inserts_it() {
    let mut tried = furnished(true);
    tried.find_run_rows();
    let before = tried.text();
    tried.click(run_row(1));
    assert_eq!(tried.text(), before, "a press only chooses");
    assert_eq!(tried.stage.read(|model| model.area), Area::Sidebar);
    let shown = tried.stage.read(|model| sidebar::previewed(model).map(|run| run.sql.clone()));
    assert_eq!(shown.as_deref(), Some("select 2\nfrom twos"));
    tried.stage.press("enter");
    assert!(tried.text().ends_with("select 2\nfrom twos;"));
    assert_eq!(tried.stage.read(|model| model.area), Area::Editor);
    tried.double_click(run_row(2));
    assert!(tried.text().ends_with("select 1;"));
    tried.stage.type_text("!");
    assert!(tried.text().ends_with("select 1;!"), "{}", tried.text());
    // The same in the search over all runs.
    tried.stage.press("ctrl-r");
    let found = vec![kept_run(9, "select 9"), kept_run(8, "select 8")];
    let request = tried.stage.read(|model| model.history.searching);
    let request = request.expect("a search");
    let entries = Ok(found);
    tried.stage.send(keeping::Msg::HistoryFound { request, entries }.into());
    let before = tried.text();
    tried.click(("picker-row", 1_usize));
    assert_eq!(tried.text(), before);
    tried.double_click(("picker-row", 1_usize));
    assert!(tried.text().ends_with("select 8;"), "{}", tried.text());
}

#[test]
fn the_search_keeps_every_letter_and_replaces_what_it_says() {
    let mut tried = furnished(true);
    tried.stage.replace_text("select total, subtotal from t where total > 1");
    tried.stage.press("ctrl-home ctrl-h");
    tried.stage.type_text("total");
    let query = tried.stage.read(|model| model.find.query.string());
    assert_eq!(query, "total");
    tried.stage.press("tab");
    tried.stage.type_text("amount");
    tried.stage.press("alt-shift-enter");
    assert_eq!(tried.text(), "select amount, subamount from t where amount > 1");
    // Again from a word that is selected, and scrolled far away: the word is replaced by what is typed.
    let long = format!("needle\n{}needle", "line\n".repeat(400));
    tried.stage.replace_text(&long);
    tried.stage.press("ctrl-end ctrl-f");
    tried.stage.type_text("needle");
    tried.stage.press("enter");
    tried.stage.press("ctrl-f");
    tried.stage.type_text("line");
    assert_eq!(tried.stage.read(|model| model.find.query.string()), "line");
    assert_eq!(tried.stage.read(|model| model.find.buffer(find::Field::Query).string()), "line");
}

/// Where an element was drawn; none where it was not.
pub(super) fn drawn(
    tried: &mut Tried,
    id: impl Into<gpui::ElementId>,
) -> Option<gpui::Bounds<gpui::Pixels>> {
    let id = id.into();
    let window = tried.stage.offscreen();
    let found = window.update(|window, _| window.try_find(id)).expect("an open window");
    found.map(|found| found.bounds())
}

#[test]
fn the_hint_lies_over_no_text_and_the_editor_follows_its_cursor_sideways() {
    let mut tried = furnished(true);
    let wide = format!("select {} as last_one", "'a very long text', ".repeat(30));
    let seen = |tried: &mut Tried, what: &str| {
        tried.stage.pump(Duration::ZERO);
        tried.stage.pump(Duration::ZERO);
        let (caret, text) = tried.stage.caret().expect("a cursor");
        assert!(
            caret.left() >= text.left() && caret.right() <= text.right(),
            "{what}: the cursor is at {caret:?}, outside of {text:?}"
        );
        let hint = drawn(tried, "editor-query.run").expect("the hint is somewhere");
        assert!(
            !hint.intersects(&caret),
            "{what}: the hint {hint:?} lies over the cursor {caret:?}"
        );
        // The one line of text is the first row, and reaches over the whole width.
        let row = gpui::Bounds::new(text.origin, gpui::size(text.size.width, px(21.0)));
        assert!(!hint.intersects(&row), "{what}: {hint:?} lies over {row:?}");
    };
    // Typed, taken over from a story, from the history, gone to with a key.
    tried.stage.press("ctrl-1 ctrl-a backspace");
    tried.stage.type_text(&wide);
    seen(&mut tried, "typed");
    tried.stage.replace_text("");
    tried.stage.replace_text(&wide);
    seen(&mut tried, "set");
    tried.stage.press("home");
    tried.stage.press("end");
    seen(&mut tried, "end");
    tried.stage.replace_text("");
    tried.stage.press("ctrl-r");
    let request = tried.stage.read(|model| model.history.searching);
    let entries = Ok(vec![kept_run(9, &wide)]);
    let request = request.expect("a search");
    tried.stage.send(keeping::Msg::HistoryFound { request, entries }.into());
    tried.stage.press("enter");
    seen(&mut tried, "from the history");
    // The words in the place of a text are read, too.
    tried.stage.replace_text("");
    for width in (640..1200).step_by(40) {
        tried.stage.resize(width, 700);
        tried.stage.pump(Duration::ZERO);
        let hint = drawn(&mut tried, "editor-query.run").expect("the hint is somewhere");
        let (_, text) = tried.stage.caret().expect("a cursor");
        let words = "Write SQL here. Ctrl ↵ runs the statement under the cursor.".chars();
        let end = text.left() + px(40.0 + 7.5 * words.count() as f32);
        let row = gpui::Bounds::from_corners(text.origin, point(end, text.top() + px(21.0)));
        assert!(!hint.intersects(&row), "at {width}: {hint:?} lies over {row:?}");
    }
    tried.stage.resize(1200, 760);
    // Where every row is full, the hint leaves the editor.
    let full = vec![wide; 60].join("\n");
    tried.stage.replace_text(&full);
    tried.stage.press("ctrl-home end");
    tried.stage.pump(Duration::ZERO);
    let hint = drawn(&mut tried, "editor-query.run").expect("the hint is somewhere");
    let editor = drawn(&mut tried, "editor").expect("the editor");
    assert!(!hint.intersects(&editor), "{hint:?} is in {editor:?}");
}

/// So much more than a quarter of the result bar is left beside its tabs: gaps and what is rounded up.
const SLACK: f32 = 10.0;

/// Whether a quarter of the bar is left for what can be done, or all of that is on it.
fn deeds_have_room(
    tried: &mut Tried,
    deeds: &[Command],
    messages: gpui::Bounds<gpui::Pixels>,
) -> bool {
    let bar = drawn(tried, "editor").expect("the editor is as wide as the bar");
    let zoom = tried.stage.read(|model| model.cx.settings.zoom_percent) as f32 / 100.0;
    let quarter = bar.size.width.as_f32() / 4.0 + SLACK * zoom;
    let is_on_bar = |command: &Command| {
        let id = gpui::SharedString::from(format!("results-{command}"));
        let window = tried.stage.offscreen();
        let found = window.update(|window, _| window.try_find(id));
        let found = found.expect("an open window");
        found.is_some_and(|found| found.visible() && found.bounds().right() <= bar.right())
    };
    (bar.right() - messages.right()).as_f32() >= quarter || deeds.iter().all(is_on_bar)
}

#[test]
fn messages_and_every_tab_that_the_screen_tells_of_are_in_the_window() {
    let mut tried = furnished(true);
    tried.stage.replace_text(&"select 1;\n".repeat(60));
    tried.stage.press("ctrl-shift-enter");
    // Many widths, so that in some of them there is all but room for one tab more.
    let widths = (640..1700).step_by(if is_long() { 7 } else { 53 });
    for (at, width) in widths.enumerate() {
        tried.stage.resize(width, 420 + width / 4);
        let keys = ["ctrl-+", "ctrl--", "ctrl--", "ctrl-+"];
        for key in [keys[at % 4], keys[(at + 1) % 4]] {
            tried.stage.press(key);
            let (tabs, hidden, deeds) = tried.stage.read(|model| {
                let screen = tusk::screen::screen(model, model.cx.now);
                let tusk::screen::Main::Work(work) = screen.main else {
                    unreachable!("no results");
                };
                let bar = work.results_bar;
                let tabs: Vec<usize> = bar.tabs.iter().map(|tab| tab.number).collect();
                let actions = bar.actions.iter().map(|action| action.command);
                let actions: Vec<_> = actions.collect();
                (tabs, bar.hidden_before + bar.hidden_after, actions)
            });
            assert_eq!(tabs.len() + hidden, 60);
            let place = |tried: &mut Tried, id: String| {
                let place = drawn(tried, gpui::SharedString::from(id.clone()));
                place.unwrap_or_else(|| unreachable!("{id} is not drawn"))
            };
            let what = format!("{width} wide, {key}");
            let messages = place(&mut tried, "messages".into());
            assert!(messages.right() <= px(width as f32), "{what}: {messages:?}");
            // As many as fit: what is left is for what can be done, and no more than a tab.
            let shown = place(&mut tried, format!("result-{}", tabs[0]));
            let actions = (width as f32 - messages.right().as_f32()).min(width as f32 / 4.0);
            let free = width as f32 - messages.right().as_f32() - actions;
            assert!(free < 1.5 * shown.size.width.as_f32(), "{what}: {free} is free");
            assert!(
                tabs.len() == 1 || deeds_have_room(&mut tried, &deeds, messages),
                "{what}: a tab too many"
            );
            for number in &tabs {
                let tab = place(&mut tried, format!("result-{number}"));
                // In the narrowest window the one tab that there always is gives way to the messages.
                let whole = tab.right() <= messages.left();
                assert!(whole || tabs.len() == 1, "{what}: {tab:?}, {messages:?}");
                assert!(tab.left() < messages.left(), "{what}: {tab:?}, {messages:?}");
            }
        }
    }
}

#[test]
fn the_wheel_moves_along_the_result_tabs_and_the_list_goes_to_any() {
    let mut tried = furnished(true);
    tried.stage.replace_text(&"select 1;\n".repeat(60));
    tried.stage.press("ctrl-shift-enter");
    tried.stage.resize(1200, 760);
    let first = |tried: &mut Tried| {
        tried.stage.read(|model| {
            let screen = tusk::screen::screen(model, model.cx.now);
            match screen.main {
                tusk::screen::Main::Work(work) => work.results_bar.tabs[0].number,
                tusk::screen::Main::Welcome(_) | tusk::screen::Main::Page(_) => 0,
            }
        })
    };
    tried.stage.press("ctrl-alt-down");
    tried.stage.type_text("30");
    tried.stage.press("enter");
    let shown = tried.stage.read(|model| model.pages.active().expect("a tab").results.shown);
    assert_eq!(shown, Shown::Result(29));
    let before = first(&mut tried);
    assert!((25..=30).contains(&before), "{before}");
    let delta = gpui::ScrollDelta::Pixels(point(px(0.0), px(-40.0)));
    tried.act(|window, cx| window.scroll("result-30", delta, cx));
    assert_eq!(first(&mut tried), before + 1);
    tried.click("messages");
    let shown = tried.stage.read(|model| model.pages.active().expect("a tab").results.shown);
    assert_eq!(shown, Shown::Messages);
}
