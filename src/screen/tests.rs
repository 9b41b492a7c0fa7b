//! What each state shows: Models are made by messages alone, as in the program, and looked at as data and as text.

use super::*;
use crate::{
    base::{
        ids::{QueryId, Request, SessionId},
        secret::Secret,
        text::RopeText,
        transaction::Transaction,
    },
    conninfo::{Config, Conninfo},
    effect::Effect,
    failure::{Category, Failure},
    generated::{Random, seed},
    msg::Msg,
    rows::{Chunk, ChunkBuilder, Column, Position},
    update::{
        self,
        connection::{self, PoolStatus, ServerInfo, discovery, form, sandbox},
        files,
        keeping::{self, HistoryEntry, HistoryOutcome, Kept, Opened, SavedConnection},
        query::{
            self, editor,
            read_only::{Access, Inspection, Setting},
            run, session,
        },
        results::{self, contract},
        shell::{app, dialog, keys, place::Place, welcome},
    },
};
use std::sync::Arc;

const DAY_US: i64 = 24 * 3_600 * 1_000_000;
const INT8: u32 = 20;
const TEXT: u32 = 25;

/// A row as a test writes it.
type Row<'row> = &'row [Option<&'row [u8]>];

/// A chunk of these rows, by way of the wire's DataRow.
fn chunk_of(rows: &[Row<'_>]) -> Chunk {
    let mut builder = ChunkBuilder::new(rows.first().map_or(0, |row| row.len()));
    for row in rows {
        let mut body = u16::try_from(row.len()).unwrap().to_be_bytes().to_vec();
        for cell in *row {
            let length = cell.map_or(-1, |bytes| i32::try_from(bytes.len()).unwrap());
            body.extend(length.to_be_bytes());
            body.extend(cell.unwrap_or_default());
        }
        builder.push_data_row(&body).unwrap();
    }
    builder.finish()
}

/// A program that only tests drive, with a clock that only they move.
struct World {
    model: Model,
    now: Stamp,
}

impl World {
    /// Started, with these connections saved.
    fn with(saved: Vec<SavedConnection>) -> Self {
        let mut world = Self {
            model: Model::default(),
            now: Stamp { unix_us: 1_795_435_200_000_000, mono_us: 1_000_000 },
        };
        let effects = world.tell(app::Msg::Started {
            seed: 7,
            version: "0.1.0".into(),
            data_dir: "/data".into(),
            config_dir: String::new(),
            macos: false,
            recording: false,
        });
        for effect in effects {
            if let Effect::Store(keeping::Effect::Load { request }) = effect {
                world.tell(keeping::Msg::Loaded { request, kept: Box::new(kept(saved.clone())) });
            }
        }
        world
    }

    fn new() -> Self {
        Self::with(vec![])
    }

    /// Connected to a shop, with nothing run.
    fn connected() -> Self {
        Self::connected_as(shop())
    }

    fn connected_as(config: Config) -> Self {
        let mut world = Self::new();
        let (connection, attempt) = world.connecting(config);
        world.tell(connection::Msg::Opened { connection, attempt, server: server() });
        world.tell(connection::Msg::PoolChanged {
            connection,
            status: PoolStatus { size: 2, available: 1, waiting: 0, max: 10 },
        });
        world
    }

    fn connecting(&mut self, config: Config) -> (ConnectionId, Request) {
        let target = welcome::Target::Conninfo(Conninfo { config, secrets: Default::default() });
        let effects = self.tell(welcome::Msg::Asked { target: Box::new(target) });
        let open = effects.into_iter().find_map(|effect| match effect {
            Effect::Connection(connection::Effect::Open { connection, attempt, .. }) => {
                Some((connection, attempt))
            }
            _ => None,
        });
        open.unwrap()
    }

    fn tell(&mut self, msg: impl Into<Msg>) -> Vec<Effect> {
        update::update(&mut self.model, self.now, msg.into())
    }

    fn press(&mut self, keystroke: &str) -> Vec<Effect> {
        self.tell(keys::Msg::Pressed { keystroke: keystroke.into() })
    }

    fn write(&mut self, text: &str) {
        self.tell(keys::Msg::Typed { text: text.into() });
    }

    fn wait_ms(&mut self, ms: u64) {
        self.now.mono_us += ms * 1_000;
        self.now.unix_us += ms as i64 * 1_000;
    }

    /// Writes a statement and runs it; the server has it now.
    fn run(&mut self, sql: &str) -> QueryId {
        self.write(sql);
        let effects = self.press("ctrl-enter");
        self.sent(effects)
    }

    /// Answers for a session where one is asked for, until a statement is sent.
    fn sent(&mut self, mut effects: Vec<Effect>) -> QueryId {
        loop {
            let session = effects.iter().find_map(|effect| match effect {
                Effect::Session(session::Effect::Open { session, .. }) => Some(*session),
                _ => None,
            });
            let sent = effects.iter().find_map(|effect| match effect {
                Effect::Query(
                    query::Effect::Run { query, .. } | query::Effect::RunReadOnly { query, .. },
                ) => Some(*query),
                _ => None,
            });
            match (sent, session) {
                (Some(query), _) => return query,
                (None, Some(session)) => {
                    effects = self.tell(session::Msg::Opened { session, backend_pid: 4711 });
                }
                (None, None) => panic!("nothing is sent: {effects:?}"),
            }
        }
    }

    fn session(&self) -> SessionId {
        match &self.model.pages.active().unwrap().session {
            run::Session::Live(live) => live.id,
            other => panic!("{other:?}"),
        }
    }

    fn describe(&mut self, query: QueryId, columns: &[(&str, u32)]) {
        let columns = columns.iter().map(|(name, oid)| Column::new(*name, *oid, -1));
        self.tell(query::Msg::Described { query, columns: columns.collect() });
    }

    fn rows(&mut self, query: QueryId, rows: &[Row<'_>]) {
        self.tell(query::Msg::RowsArrived { query, chunk: Arc::new(chunk_of(rows)) });
    }

    fn finish(&mut self, query: QueryId, tag: &str) -> Vec<Effect> {
        self.tell(query::Msg::Finished {
            query,
            tag: tag.into(),
            transaction: Transaction::Idle,
            discarded: 0,
            elapsed_us: 38_000,
        })
    }

    fn fail(&mut self, query: QueryId, failure: Failure, transaction: Transaction) {
        self.tell(query::Msg::Failed {
            query,
            failure: Box::new(failure),
            transaction,
            elapsed_us: 3_000,
        });
    }

    fn screen(&self) -> Screen {
        screen(&self.model, self.now)
    }

    fn text(&self) -> String {
        self.screen().to_text(&self.model)
    }

    fn work(&self) -> Work {
        match self.screen().main {
            Main::Work(work) => *work,
            other => panic!("no work is shown: {other:?}"),
        }
    }

    fn welcome(&self) -> Welcome {
        match self.screen().main {
            Main::Welcome(welcome) => welcome,
            other => panic!("the welcome screen is not shown: {other:?}"),
        }
    }

    fn grid(&self) -> Grid {
        match self.work().body {
            Body::Grid(grid) => grid,
            other => panic!("{other:?}"),
        }
    }

    fn card(&self) -> Card {
        match self.work().body {
            Body::Card(card) => card,
            other => panic!("{other:?}"),
        }
    }

    fn empty(&self) -> Empty {
        match self.work().body {
            Body::Empty(empty) => empty,
            other => panic!("{other:?}"),
        }
    }

    fn status(&self, name: SegmentName) -> Option<String> {
        let bar = self.screen().status_bar;
        let found = bar.left.into_iter().chain(bar.right).find(|segment| segment.name == name)?;
        Some(found.spans.iter().map(|span| span.text.as_str()).collect())
    }
}

fn kept(connections: Vec<SavedConnection>) -> Kept {
    Kept {
        opened: Opened::OnDisk,
        connections,
        tabs: vec![],
        closed: vec![],
        history: vec![],
        settings: Default::default(),
    }
}

fn shop() -> Config {
    Config { name: "shop".into(), user: "app".into(), database: "shop".into(), ..Config::default() }
}

fn production() -> Config {
    Config { name: "production".into(), host: "db1.internal".into(), colour: Colour::Red, ..shop() }
}

fn server() -> ServerInfo {
    ServerInfo {
        version: "15.18 (Debian 15.18-0+deb12u1)".into(),
        security: "TLS 1.3 verified".into(),
        endpoint: None,
        user: "app".into(),
        database: "shop".into(),
    }
}

fn saved(id: u128, config: Config, last_used_us: Option<i64>) -> SavedConnection {
    SavedConnection { id: ConnectionId(uuid::Uuid::from_u128(id)), config, last_used_us }
}

fn refused(sqlstate: &str, message: &str) -> Failure {
    Failure {
        severity: "ERROR".into(),
        sqlstate: Some(sqlstate.into()),
        next_step: None,
        ..Failure::new(Category::Query, message)
    }
}

fn cancelled() -> Failure {
    refused("57014", "canceling statement due to user request")
}

fn keys_of(actions: &[Action]) -> Vec<(&str, Option<&str>)> {
    actions.iter().map(|action| (action.label.as_str(), action.key.as_deref())).collect()
}

fn assert_shows(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn the_welcome_screen_lists_what_there_is_to_connect_to_with_keys() {
    let now = World::new().now.unix_us;
    let read_only = Config { read_only: true, ..production() };
    let mut world = World::with(vec![
        saved(1, shop(), Some(now - DAY_US - 1)),
        saved(2, read_only, Some(now - 3 * DAY_US)),
    ]);
    world.tell(discovery::Msg::ServersFound {
        request: Request(0),
        servers: vec![discovery::LocalServer {
            directory: "/run/postgresql".into(),
            port: 5432,
            version: Some("15".into()),
        }],
        environment: Default::default(),
    });
    let screen = world.screen();
    assert_eq!((screen.title.as_str(), screen.colour), ("Tusk", None));
    assert_eq!((screen.place.name(), screen.dialog), ("welcome field", None));
    assert_eq!(screen.title_bar.connection, None);
    assert_eq!(keys_of(&screen.title_bar.actions), [("Commands", Some("Ctrl Shift P"))]);
    let rows: Vec<_> = world.welcome().groups;
    let shown: Vec<_> = rows
        .iter()
        .flat_map(|group| &group.rows)
        .map(|row| {
            (row.name.as_str(), row.detail.text.as_str(), row.when.as_str(), row.key.as_deref())
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("shop", "app@localhost:5432/shop", "yesterday", Some("↵")),
            ("production", "app@db1.internal:5432/shop · read-only", "3 days ago", None),
            ("PostgreSQL 15", "socket, port 5432", "", Some("Alt L")),
            (
                "Sandbox",
                "a private server with a sample shop: 100,000 orders, nothing to set up",
                "",
                Some("Alt S")
            ),
        ]
    );
    assert_eq!(rows[0].rows[1].dot.unwrap().colour, Colour::Red);
    assert_shows(
        &world.text(),
        &["tusk", "SAVED", "ON THIS MACHINE", "> ○  shop", "not connected", "Tusk 0.1.0"],
    );
}

#[test]
fn the_field_tells_what_it_means_and_hides_its_password() {
    let mut world = World::new();
    world.press("tab");
    world.write("postgres://app:hunter2@db1:5433/shop?sslmode=require");
    let field = world.welcome().field;
    assert!(field.focused);
    // A letter belongs to the field, whatever is chosen.
    assert_eq!(
        field.preview.unwrap().text,
        "Connects to app@db1:5433/shop, SSL require, with a password"
    );
    assert_eq!(keys_of(&[field.action]), [("Connect", Some("↵"))]);
    let text = world.text();
    assert_shows(&text, &["app:***@db1", "Focus: welcome field"]);
    assert!(!text.contains("hunter2"));
    // Enter means the field now, and no row of the list.
    let rows = world.welcome().groups.remove(0).rows;
    assert!(rows.iter().all(|row| !row.selected && row.key.as_deref() != Some("↵")));

    world.write("&nonsense=1");
    let preview = world.welcome().field.preview.unwrap();
    assert_eq!(preview.tone, Tone::Error);
    assert_shows(&preview.text, &["nonsense"]);
}

#[test]
fn the_sandbox_says_how_far_it_is_and_why_it_failed() {
    let mut world = World::new();
    let effects = world.press("alt-s");
    let Effect::Sandbox(sandbox::Effect::Start { request, .. }) = effects[0] else {
        panic!("{effects:?}");
    };
    let progress =
        sandbox::Progress { step: "Loading the sample: orders".into(), done: 3, total: 4 };
    world.tell(sandbox::Msg::Progressed { request, progress });
    let row = world.welcome().groups[0].rows[0].clone();
    assert!(row.spinner);
    assert_eq!(row.detail.text, "Loading the sample: orders");
    assert_eq!(row.percent, Some(75));
    world.press("escape");
    let empty = world.empty();
    assert_eq!(empty.title.text, "Starting the sandbox");
    assert_eq!(empty.clock.as_deref(), Some("75 %"));

    let failure = Failure::new(Category::Internal, "There is no PostgreSQL here.")
        .with_next_step("Install postgresql.");
    world.tell(sandbox::Msg::Failed { request, failure });
    let empty = world.empty();
    assert_eq!(empty.title.tone, Tone::Error);
    assert_eq!(empty.lines, ["There is no PostgreSQL here.", "Install postgresql."]);
}

#[test]
fn without_a_connection_it_says_how_to_get_one() {
    let mut world = World::new();
    world.press("escape");
    let empty = world.empty();
    assert_eq!(empty.title.text, "Not connected");
    assert_eq!(
        keys_of(&empty.actions),
        [
            ("Connect to…", Some("Ctrl Shift O")),
            ("New connection", Some("Ctrl Shift N")),
            ("Open the sandbox", None)
        ]
    );
    assert_eq!(world.screen().title, "untitled 1 — Tusk");
    assert_eq!(world.status(SegmentName::Connection).unwrap(), "not connected");
    assert_eq!(world.status(SegmentName::Pool), None);
    assert_shows(
        &world.text(),
        &["CONNECTIONS", "None yet", "RUNS", "No runs yet", "Write SQL here. Ctrl ↵"],
    );
}

#[test]
fn connecting_has_a_clock_and_a_key_that_stops_it() {
    let mut world = World::new();
    world.connecting(shop());
    world.wait_ms(2_430);
    let empty = world.empty();
    assert!(empty.spinner);
    assert_eq!(empty.title.text, "Connecting to app@localhost:5432/shop");
    assert_eq!(empty.clock.as_deref(), Some("00:02.4"));
    assert_eq!(keys_of(&empty.actions), [("Cancel", Some("Ctrl ."))]);
    let chip = world.screen().title_bar.connection.unwrap();
    assert_eq!((chip.dot.filled, chip.security.text.as_str()), (false, "opening…"));
    assert_eq!(
        world.status(SegmentName::Connection).unwrap(),
        "shop · app@localhost/shop · opening…"
    );
}

#[test]
fn a_connection_that_failed_has_a_card_with_what_to_do() {
    let mut world = World::new();
    let (connection, attempt) = world.connecting(shop());
    let failure = Failure::new(Category::Connection, "connection refused");
    let next_step = failure.next_step.clone();
    world.tell(connection::Msg::OpenFailed { connection, attempt, failure });
    let card = world.card();
    assert_eq!(card.kind, CardKind::NotConnected);
    assert_eq!(card.title, "Connection refused");
    assert_eq!(card.code, "Connection error · app@localhost:5432/shop");
    assert!(next_step.is_some());
    assert_eq!(card.next_step, next_step);
    assert_eq!(
        keys_of(&card.actions),
        [
            ("Try again", Some("Ctrl Shift R")),
            ("Edit connection", None),
            ("Connect elsewhere", Some("Ctrl Shift O")),
            ("Copy details", Some("Ctrl C"))
        ]
    );
    // Once, beside the connection; nothing ran that could have failed.
    assert!(world.status(SegmentName::Connection).unwrap().ends_with("failed"));
    assert_eq!(world.status(SegmentName::State), None);
}

#[test]
fn connected_with_nothing_run_it_says_where_and_what_to_press() {
    let world = World::connected();
    let screen = world.screen();
    assert_eq!(screen.title, "untitled 1 — shop — Tusk");
    assert_eq!((screen.colour, screen.place), (Some(Colour::Green), Place::Editor));
    let chip = screen.title_bar.connection.unwrap();
    assert_eq!(chip.address, "app@localhost:5432/shop");
    assert_eq!(chip.security.text, "TLS 1.3 verified");
    assert!(chip.dot.filled && !chip.framed);
    assert_eq!(screen.title_bar.mode, None);
    let empty = world.empty();
    assert_eq!(empty.title.text, "Connected to shop");
    assert_eq!(empty.lines[0], "PostgreSQL 15.18, TLS 1.3 verified");
    assert_eq!(
        keys_of(&empty.actions),
        [
            ("Run statement", Some("Ctrl ↵")),
            ("Run all", Some("Ctrl Shift ↵")),
            ("Search runs", Some("Ctrl R")),
            ("Swap editor and results", Some("F6"))
        ]
    );
    assert_eq!(world.status(SegmentName::Pool).unwrap(), "pool 2/10 · 1 idle");
    assert_eq!(world.status(SegmentName::Transaction).unwrap(), "no session");
    assert_eq!(world.status(SegmentName::State), None);
}

#[test]
fn runs_that_wait_for_the_pool_are_counted() {
    let mut world = World::connected();
    let connection = world.screen().title_bar.connection.unwrap().id;
    world.write("select 1");
    world.press("ctrl-enter");
    world.tell(connection::Msg::PoolChanged {
        connection,
        status: PoolStatus { size: 10, available: 0, waiting: 3, max: 10 },
    });
    world.wait_ms(1_200);
    assert_eq!(world.status(SegmentName::Pool).unwrap(), "pool 10/10 · 0 idle · 3 waiting");
    assert_eq!(
        world.status(SegmentName::State).unwrap(),
        "waiting for the pool 00:01.2 · Ctrl . cancels"
    );
    let empty = world.empty();
    assert_eq!(empty.title.text, "Waiting for a free connection of the pool");
    assert_eq!(keys_of(&[world.work().editor.hint]), [("Cancel", Some("Ctrl ."))]);
}

#[test]
fn the_statement_that_would_run_is_marked_with_its_lines() {
    let mut world = World::connected();
    world.write("-- two\nselect 1;\n\nselect\n  'ä';");
    let editor = world.work().editor;
    assert_eq!(editor.statement, Some(18..32));
    assert_eq!(editor.statement_lines, Some(3..5));
    assert_eq!(editor.cursor_line, 4);
    assert_eq!(keys_of(&[editor.hint]), [("Run statement", Some("Ctrl ↵"))]);
    assert_eq!(world.status(SegmentName::Cursor).unwrap(), "Ln 5, Col 7");
    assert_shows(&world.text(), &["   4 ▌ select", "   3   \n".trim_end()]);

    let tab = editor.tab;
    let msg = editor::Msg::Selected { anchor: 7, head: 15 };
    world.tell(Msg::Editor { tab, msg });
    let editor = world.work().editor;
    assert_eq!((editor.statement, editor.statement_lines), (None, None));
    assert_eq!(editor.hint.label, "Run selection");
}

#[test]
fn a_statement_that_runs_has_a_clock_and_a_key_that_stops_it() {
    let mut world = World::connected();
    world.run("select pg_sleep(9)");
    world.wait_ms(62_450);
    let work = world.work();
    assert_eq!(keys_of(&[work.editor.hint]), [("Cancel", Some("Ctrl ."))]);
    assert_eq!(work.tabs[0].mark, TabMark::Running);
    let tab = &work.results_bar.tabs[0];
    assert_eq!(tab.mark, ResultMark::Running);
    assert_eq!((tab.label.text.as_str(), tab.detail.as_str()), ("running", "01:02.4"));
    let empty = world.empty();
    assert!(empty.spinner);
    assert_eq!(empty.clock.as_deref(), Some("01:02.4"));
    assert_eq!(world.status(SegmentName::State).unwrap(), "running 01:02.4");
    assert_shows(&world.text(), &["◐ running 01:02.4", "select pg_sleep(9)  running  1 min ago"]);
}

#[test]
fn rows_that_come_are_counted_with_their_rate() {
    let mut world = World::connected();
    let query = world.run("select g from generate_series(1, 3) g");
    world.describe(query, &[("g", INT8)]);
    assert_eq!(world.grid().empty.as_deref(), Some("No rows yet"));
    world.rows(query, &[&[Some(b"1")], &[Some(b"2")], &[Some(b"3")]]);
    world.wait_ms(1_500);
    let bar = world.work().results_bar;
    assert_eq!(bar.tabs[0].label.text, "3 rows");
    assert_eq!(bar.tabs[0].detail, "1.5 s");
    let note = bar.note.unwrap().text;
    assert!(note.starts_with("2 rows/s · "), "{note}");
    assert_eq!(bar.actions, []);
    assert_eq!(world.status(SegmentName::Rows).unwrap(), "3 rows");
}

#[test]
fn past_the_window_it_says_that_everything_is_fetched() {
    let mut world = World::connected();
    let query = world.run("select g from generate_series(1, 300000) g");
    world.describe(query, &[("g", INT8)]);
    world.press("f6");
    world.press("ctrl-shift-m");
    let row: Row<'_> = &[Some(b"7")];
    let chunk = Arc::new(chunk_of(&vec![row; 4_096]));
    for _ in 0..25 {
        let chunk = chunk.clone();
        world.tell(query::Msg::RowsArrived { query, chunk });
    }
    world.wait_ms(1_000);
    let bar = world.work().results_bar;
    assert_eq!(bar.tabs[0].label.text, "102,400 rows");
    let note = bar.note.unwrap().text;
    assert!(note.starts_with("102,000 rows/s · "), "{note}");
    assert!(note.ends_with(" · window 100,000 passed, fetching all"), "{note}");
}

#[test]
fn a_paused_result_offers_more_and_says_when_it_closes() {
    let mut world = World::connected();
    let query = world.run("select g from generate_series(1, 9) g");
    world.describe(query, &[("g", INT8)]);
    world.rows(query, &[&[Some(b"1")]]);
    world.tell(query::Msg::Stalled { query, rows: 1_000_000 });
    world.wait_ms(48_000);
    let work = world.work();
    assert_eq!(work.tabs[0].mark, TabMark::Paused);
    let tab = &work.results_bar.tabs[0];
    assert_eq!((tab.mark, tab.detail.as_str()), (ResultMark::Paused, "paused"));
    let note = work.results_bar.note.unwrap().text;
    assert!(note.ends_with("more to fetch · the stream closes in 04:12"), "{note}");
    assert_eq!(
        keys_of(&work.results_bar.actions)[..2],
        [("Fetch more", Some("Ctrl M")), ("Fetch all", Some("Ctrl Shift M"))]
    );
    assert_eq!(world.status(SegmentName::State).unwrap(), "paused");
    assert_eq!(work.editor.hint.label, "Run statement");
}

#[test]
fn cancelling_is_shown_until_the_server_answers_and_then_cancelled() {
    let mut world = World::connected();
    let query = world.run("select pg_sleep(9)");
    world.press("ctrl-.");
    world.wait_ms(200);
    let empty = world.empty();
    assert_eq!(empty.title.text, "Cancelling");
    assert_eq!(empty.clock.as_deref(), Some("00:00.2"));
    assert_eq!(empty.actions[0].label, "Terminate the session");
    assert_eq!(world.work().results_bar.tabs[0].detail, "cancelling 00:00.2");
    assert_eq!(world.status(SegmentName::State).unwrap(), "cancelling 00:00.2");
    assert!(!world.text().contains("57014"));

    world.fail(query, cancelled(), Transaction::Idle);
    let card = world.card();
    assert_eq!(card.kind, CardKind::Cancelled);
    assert_eq!(card.code, "ERROR 57014");
    assert_eq!(world.work().results_bar.tabs[0].label.text, "cancelled");
    assert_eq!(world.status(SegmentName::State).unwrap(), "cancelled");
    assert_eq!(world.status(SegmentName::Rows).unwrap(), "3 ms");
}

#[test]
fn rows_are_a_grid_with_null_unlike_empty_and_cut_values_marked() {
    let mut world = World::connected();
    let query = world.run("select * from t");
    world.describe(query, &[("id", INT8), ("name", TEXT)]);
    let long = "x".repeat(1_000_000);
    world.rows(
        query,
        &[
            &[Some(b"1"), Some("Walnut desk".as_bytes())],
            &[Some(b"22"), None],
            &[None, Some(b"")],
            &[Some(b"4"), Some(long.as_bytes())],
        ],
    );
    world.finish(query, "SELECT 4");
    let grid = world.grid();
    assert_eq!((grid.rows.len(), grid.first_row, grid.stale), (4, 0, false));
    assert_eq!((&grid.empty, &grid.note, &grid.strip), (&None, &None, &None));
    assert_eq!(grid.active, Some(Position::default()));
    let (id, name) = (grid.column(0).unwrap(), grid.column(1).unwrap());
    assert_eq!((id.title, id.type_name, id.right_aligned), ("id", "int8", true));
    assert_eq!((name.title, name.type_name, name.right_aligned), ("name", "text", false));
    assert_eq!(grid.column(2), None);
    let cell = |row, column| grid.cell(row, column);
    assert_eq!((cell(0, 1).text.as_ref(), cell(0, 1).null), ("Walnut desk", false));
    assert_eq!((cell(1, 1).text.as_ref(), cell(1, 1).null), ("NULL", true));
    assert_eq!((cell(2, 1).text.as_ref(), cell(2, 1).null), ("", false));
    assert!(cell(2, 0).null);
    assert!(cell(3, 1).cut && cell(3, 1).text.ends_with('…'));
    assert!(cell(3, 1).text.chars().count() < 60);
    assert_eq!(cell(9, 9), GridCell::default());
    assert_eq!(world.status(SegmentName::Rows).unwrap(), "38 ms · 4 rows");
    assert_eq!(world.status(SegmentName::State).unwrap(), "done");
    assert_eq!(
        keys_of(&world.work().results_bar.actions),
        [
            ("Copy", Some("Ctrl C")),
            ("Copy with headers", Some("Ctrl Shift C")),
            ("Inspect", Some("↵"))
        ]
    );
}

#[test]
fn the_range_and_its_sum_are_shown() {
    let mut world = World::connected();
    let query = world.run("select * from t");
    world.describe(query, &[("n", INT8)]);
    world.rows(query, &[&[Some(b"1")], &[Some(b"2")]]);
    world.finish(query, "SELECT 2");
    world.press("f6");
    let effects = world.press("shift-down");
    assert_eq!(world.grid().range.cells(), 2);
    assert_eq!(world.status(SegmentName::Summary).unwrap(), "2 cells · adding up…");
    let Effect::Cells(contract::Effect::Summarize { request, rows, range }) = effects[0].clone()
    else {
        panic!("{effects:?}");
    };
    let summary = crate::rows::show::summary::summarise(&rows, &range, &|| false);
    world.tell(contract::Msg::Summarized { request, summary });
    assert_eq!(world.status(SegmentName::Summary).unwrap(), "2 cells · sum 3 · avg 1.50");
}

#[test]
fn statements_without_rows_show_their_tag_and_time() {
    let mut world = World::connected();
    let query = world.run("create table t ()");
    world.finish(query, "CREATE TABLE");
    let empty = world.empty();
    assert_eq!((empty.title.text.as_str(), empty.title.tone), ("CREATE TABLE", Tone::Ok));
    assert_eq!(empty.clock.as_deref(), Some("38 ms"));
    let tab = &world.work().results_bar.tabs[0];
    assert_eq!((tab.mark, tab.label.text.as_str()), (ResultMark::None, "CREATE TABLE"));
    assert_eq!(world.status(SegmentName::Rows).unwrap(), "38 ms");

    world.write(";\n");
    let query = world.run("select from t where false");
    world.describe(query, &[]);
    world.finish(query, "SELECT 0");
    assert_eq!(world.grid().empty.as_deref(), Some("No rows"));
    assert_eq!(world.grid().active, None);
}

#[test]
fn an_error_is_a_card_with_its_place_in_the_editor() {
    let mut world = World::connected();
    world.write("select 1;\n");
    let query = world.run("select id, emial, 'ä'\nfrom customers");
    let failure = Failure {
        position: Some(12),
        hint: Some("Perhaps you meant to reference the column \"customers.email\".".into()),
        next_step: Some("Did you mean customers.email?".into()),
        ..refused("42703", "column \"emial\" does not exist")
    };
    world.fail(query, failure, Transaction::Idle);
    let card = world.card();
    assert_eq!(card.kind, CardKind::Failed);
    assert_eq!(card.title, "Column “emial” does not exist");
    assert_eq!(card.code, "ERROR 42703 · line 2, column 12");
    assert_eq!(card.parts[0].label, "Hint");
    assert_eq!(card.next_step.as_deref(), Some("Did you mean customers.email?"));
    assert_eq!(
        keys_of(&card.actions),
        [("Go to it", Some("F8")), ("Show details", Some("F7")), ("Copy details", Some("Ctrl C"))]
    );
    let mark = world.work().editor.mark.unwrap();
    assert_eq!((mark.range, mark.line), (21..26, 1));
    let tab = &world.work().results_bar.tabs[0];
    assert_eq!((tab.mark, tab.label.tone), (ResultMark::Failed, Tone::Error));
    assert_shows(
        &world.text(),
        &["✕ 1 failed 3 ms", "                  ~~~~~ column \"emial\" does not exist"],
    );

    // Once the text is another one, the place is the statement's own.
    world.write(" ");
    let card = world.card();
    assert_eq!(card.code, "ERROR 42703 · line 1, column 12 of the statement");
    assert_eq!(
        keys_of(&card.actions),
        [("Show details", Some("F7")), ("Copy details", Some("Ctrl C"))]
    );
    assert_eq!(world.work().editor.mark, None);
}

#[test]
fn rows_before_an_error_stay_and_the_error_is_a_strip_over_them() {
    let mut world = World::connected();
    let query = world.run("select 1 / (3 - g) from generate_series(1, 9) g");
    world.describe(query, &[("n", INT8)]);
    world.rows(query, &[&[Some(b"0")], &[Some(b"1")]]);
    world.fail(query, refused("22012", "division by zero"), Transaction::Idle);
    let grid = world.grid();
    assert_eq!(grid.rows.len(), 2);
    let strip = grid.strip.unwrap();
    assert_eq!(strip.title, "Division by zero");
    // Ctrl C copies the cells here.
    assert_eq!(strip.actions[0].command, Command::ErrorDetails);
    assert_eq!(strip.actions[1].command, Command::ErrorCopy);
    assert_shows(&world.text(), &["ERROR 22012", "1     [0]"]);
}

#[test]
fn old_rows_stay_on_screen_while_the_next_run_has_nothing_to_show() {
    let mut world = World::connected();
    let query = world.run("select 1");
    world.describe(query, &[("n", INT8)]);
    world.rows(query, &[&[Some(b"1")]]);
    world.finish(query, "SELECT 1");
    let effects = world.press("ctrl-enter");
    let query = world.sent(effects);
    assert!(world.grid().stale);
    assert_shows(&world.text(), &["◐ 1 running", "These are the rows of the run before."]);
    world.describe(query, &[("n", INT8)]);
    assert!(!world.grid().stale);
}

#[test]
fn an_old_error_does_not_stand_for_the_run_that_goes_on() {
    let mut world = World::connected();
    let query = world.run("select 1/0");
    world.fail(query, refused("22012", "division by zero"), Transaction::Idle);
    let effects = world.press("ctrl-enter");
    world.sent(effects);
    assert_eq!(world.empty().title.text, "Running");
    assert!(!world.text().contains("Division by zero"));
}

#[test]
fn a_transaction_is_shown_with_its_clock_and_what_became_of_it() {
    let mut world = World::connected_as(production());
    let chip = world.screen().title_bar.connection.unwrap();
    assert!(chip.framed);
    let mode = world.screen().title_bar.mode.unwrap();
    assert_eq!((mode.label.text.as_str(), mode.detail.as_str()), ("read-write", "autocommit"));
    let query = world.run("begin");
    world.tell(query::Msg::Finished {
        query,
        tag: "BEGIN".into(),
        transaction: Transaction::Active,
        discarded: 0,
        elapsed_us: 100,
    });
    world.wait_ms(252_000);
    assert_eq!(world.status(SegmentName::Transaction).unwrap(), "transaction active 04:12");
    assert_eq!(world.status(SegmentName::Connection).unwrap(), "production · app@db1/shop");
    assert_eq!(world.screen().title_bar.mode.unwrap().detail, "in a transaction");
    assert_eq!(world.work().tabs[0].mark, TabMark::InTransaction);

    world.write(";\n");
    let query = world.run("select 1/0");
    world.fail(query, refused("22012", "division by zero"), Transaction::Failed);
    assert_eq!(world.status(SegmentName::Transaction).unwrap(), "transaction failed 04:12");
}

#[test]
fn the_details_of_an_error_unfold_by_key_and_stay_so() {
    let mut world = World::connected();
    let query = world.run("insert into customers values (1)");
    let failure = Failure {
        detail: Some("Key (id)=(1) already exists.".into()),
        position: Some(3),
        internal: Some((7, "select inside".into())),
        context: Some("PL/pgSQL function f()".into()),
        schema: Some("public".into()),
        table: Some("customers".into()),
        column: Some("id".into()),
        data_type: Some("integer".into()),
        constraint: Some("customers_pkey".into()),
        source: Some("_bt_check_unique, nbtinsert.c:666".into()),
        ..refused("23505", "duplicate key")
    };
    world.fail(query, failure, Transaction::Idle);
    let labels = |card: &Card| -> Vec<(String, String)> {
        let parts = card.parts.iter();
        parts.map(|part| (part.label.clone(), part.text.clone())).collect()
    };
    let detail = ("Detail", "Key (id)=(1) already exists.");
    let owned = |parts: &[(&str, &str)]| -> Vec<(String, String)> {
        let parts = parts.iter();
        parts.map(|(label, text)| (label.to_string(), text.to_string())).collect()
    };
    assert_eq!(labels(&world.card()), owned(&[detail]));
    world.tell(Command::ErrorDetails);
    let unfolded = [
        detail,
        ("Severity", "ERROR"),
        ("SQLSTATE", "23505 (unique_violation)"),
        ("Position", "character 3"),
        ("Schema", "public"),
        ("Table", "customers"),
        ("Column", "id"),
        ("Data type", "integer"),
        ("Constraint", "customers_pkey"),
        ("Context", "PL/pgSQL function f()"),
        ("Statement inside", "select inside"),
        ("Position inside", "character 7"),
        ("Reported by", "_bt_check_unique, nbtinsert.c:666"),
    ];
    assert_eq!(labels(&world.card()), owned(&unfolded));
    assert_shows(&world.text(), &["SQLSTATE: 23505 (unique_violation)", "Hide details"]);
    world.tell(Command::ErrorDetails);
    assert_eq!(labels(&world.card()), owned(&[detail]));
}

#[test]
fn a_pool_without_a_free_connection_is_shown_as_fully_as_any_error() {
    let mut world = World::connected();
    world.write("select 1");
    world.tell(Command::QueryRun);
    let run::Session::Opening { id: session, .. } = world.model.pages.active().unwrap().session
    else {
        panic!("no session was asked for");
    };
    let failure = Failure {
        detail: Some("Ten wait.".into()),
        ..Failure::new(Category::PoolTimeout, "No connection came free within 30 s.")
    };
    world.tell(session::Msg::OpenFailed { session, failure });
    let card = world.card();
    assert_eq!(card.kind, CardKind::NotConnected);
    assert!(card.code.starts_with("No free connection"), "{}", card.code);
    assert_eq!(card.parts[0].text, "Ten wait.");
    assert!(card.next_step.unwrap().contains("pool size"));
}

#[test]
fn a_read_only_connection_says_so() {
    let mut world = World::connected_as(Config { read_only: true, ..shop() });
    let shown = |world: &World| {
        let mode = world.screen().title_bar.mode.unwrap();
        format!("{} {}", mode.label.text, mode.detail)
    };
    assert_eq!(shown(&world), "read-only always rolled back");
    let query = world.run("set work_mem = '5MB'");
    let setting = Setting { name: "work_mem".into(), value: "5120".into(), custom: false };
    let inspection = Inspection { access: Access::ReadOnly, settings: Some(vec![setting]) };
    world.tell(query::Msg::Inspected { query, inspection });
    assert_eq!(shown(&world), "read-only always rolled back · keeps 1 setting");
}

#[test]
fn a_lost_session_says_what_died_and_how_to_go_on() {
    let mut world = World::connected();
    let query = world.run("begin");
    world.tell(query::Msg::Finished {
        query,
        tag: "BEGIN".into(),
        transaction: Transaction::Active,
        discarded: 0,
        elapsed_us: 100,
    });
    let failure = Failure {
        sqlstate: Some("57P01".into()),
        severity: "FATAL".into(),
        ..Failure::new(Category::Connection, "terminating connection")
    };
    let session = world.session();
    world.tell(session::Msg::Lost { session, failure });
    let card = world.card();
    assert_eq!(card.kind, CardKind::Lost);
    assert_eq!(card.title, "The session was lost");
    assert_eq!(card.code, "FATAL 57P01");
    assert_eq!(card.parts[1].label, "Gone with it");
    assert!(card.parts[1].text.starts_with("its open transaction"));
    assert_eq!(
        keys_of(&card.actions),
        [
            ("Reconnect", Some("Ctrl Shift R")),
            ("Show details", Some("F7")),
            ("Copy details", Some("Ctrl C"))
        ]
    );
    assert_eq!(world.status(SegmentName::Transaction).unwrap(), "session lost");
    assert_eq!(world.work().tabs[0].mark, TabMark::Lost);
}

#[test]
fn a_connection_that_is_tried_again_says_when_and_how_to_stop_it() {
    let mut world = World::connected();
    let connection = world.screen().title_bar.connection.unwrap().id;
    let effects = world.tell(connection::Msg::LinkLost {
        connection,
        left: 0,
        failure: Failure::new(Category::Connection, "The server closed the connection."),
    });
    let [Effect::Clock(update::clock::Effect::Start { timer, .. })] = effects[..] else {
        panic!("{effects:?}");
    };
    world.wait_ms(200);
    let state = |world: &World| world.status(SegmentName::State).unwrap();
    assert_eq!(state(&world), "Reconnecting to shop, try 1 of 3 in 1 s · Ctrl . stops");
    let empty = world.empty();
    assert_eq!(empty.title.text, "Reconnecting to shop, try 1 of 3 in 1 s");
    assert_eq!(empty.lines[0], "The server closed the connection.");
    assert_eq!(
        keys_of(&empty.actions),
        [("Stop", Some("Ctrl .")), ("Try now", Some("Ctrl Shift R"))]
    );
    let connection_segment = world.status(SegmentName::Connection).unwrap();
    assert!(connection_segment.ends_with("reconnecting…"), "{connection_segment}");
    world.tell(update::clock::Msg::Fired { timer });
    world.wait_ms(2_000);
    assert_eq!(state(&world), "Reconnecting to shop, try 1 of 3 00:02 · Ctrl . stops");
    // A run that waits does not hide it.
    world.write("select 1");
    world.press("ctrl-enter");
    assert!(state(&world).starts_with("Reconnecting to shop"));
}

#[test]
fn a_server_that_does_not_answer_is_told_while_something_runs() {
    let mut world = World::connected();
    let connection = world.screen().title_bar.connection.unwrap().id;
    let query = world.run("select pg_sleep(100)");
    world.wait_ms(15_000);
    world.tell(connection::Msg::NotAnswering { connection, silent_ms: 15_000 });
    world.wait_ms(2_000);
    assert_eq!(
        world.status(SegmentName::State).unwrap(),
        "running 00:17.0 · not answering for 17 s"
    );
    world.tell(connection::Msg::Answering { connection });
    assert_eq!(world.status(SegmentName::State).unwrap(), "running 00:17.0");
    world.finish(query, "SELECT 1");
}

#[test]
fn a_pool_timeout_says_who_holds_the_sessions() {
    let mut world = World::connected();
    let query = world.run("-- orders\nbegin");
    world.tell(query::Msg::Finished {
        query,
        tag: "BEGIN".into(),
        transaction: Transaction::Active,
        discarded: 0,
        elapsed_us: 1,
    });
    let connection = world.screen().title_bar.connection.unwrap().id;
    world.wait_ms(180_000);
    world.tell(Command::TabNew);
    crate::update::shell::tabs::connect(&mut world.model, connection);
    world.write("select 1");
    let effects = world.press("ctrl-enter");
    world.tell(connection::Msg::PoolChanged {
        connection,
        status: PoolStatus { size: 1, available: 0, waiting: 1, max: 1 },
    });
    let waiting = world.empty();
    assert_eq!(waiting.lines, ["orders: in a transaction for 3 min"]);
    let Effect::Session(session::Effect::Open { session, .. }) = effects[0] else {
        panic!("{effects:?}");
    };
    let failure =
        Failure::new(Category::PoolTimeout, "No connection of the pool came free within 30 s.");
    world.tell(session::Msg::OpenFailed { session, failure });
    let card = world.card();
    assert_eq!(card.parts[0].label, "Detail");
    assert!(card.parts[0].text.contains("orders: in a transaction for 3 min"));
    assert!(card.next_step.unwrap().contains("pool size of the connection (1 now)"));
    assert_eq!(card.actions[0].label, "Run again");
}

#[test]
fn a_session_that_never_came_says_why() {
    let mut world = World::connected();
    world.write("select 1");
    let effects = world.press("ctrl-enter");
    let Effect::Session(session::Effect::Open { session, .. }) = effects[0] else {
        panic!("{effects:?}");
    };
    let failure = Failure::new(Category::PoolTimeout, "no connection came free in 30 s");
    world.tell(session::Msg::OpenFailed { session, failure });
    assert_eq!(world.card().title, "No connection came free in 30 s");
    assert_eq!(world.status(SegmentName::State).unwrap(), "failed");
}

#[test]
fn messages_are_counted_until_they_are_looked_at() {
    let mut world = World::connected();
    let query = world.run("do $$ begin raise notice 'hello'; end $$");
    let notice = Failure {
        severity: "NOTICE".into(),
        detail: Some("from a block".into()),
        ..Failure::new(Category::Query, "hello")
    };
    let session = world.session();
    world.tell(session::Msg::Noticed { session, query: Some(query), notice: Box::new(notice) });
    world.finish(query, "DO");
    assert_eq!(world.work().results_bar.messages.unseen, 1);
    world.press("ctrl-3");
    let work = world.work();
    assert!(work.results_bar.messages.active && !work.results_bar.tabs[0].active);
    assert_eq!(work.results_bar.messages.unseen, 0);
    let Body::Messages(messages) = work.body else {
        panic!("{:?}", work.body);
    };
    assert_eq!(messages.count, 2);
    let tab = world.model.pages.active().unwrap();
    let row = message_row(tab, 0, world.now).unwrap();
    assert_eq!((row.kind.text.as_str(), row.when.as_str()), ("Notice", "just now"));
    assert_eq!(row.text, "NOTICE: hello\nDETAIL: from a block");
    assert_eq!(message_row(tab, 2, world.now), None);
    assert_shows(&world.text(), &["[Messages]", "NOTICE: hello", "DO · 38 ms"]);
}

#[test]
fn the_screen_s_text_has_the_messages_that_the_window_shows() {
    let mut world = World::connected();
    let query = world.run("do $$ begin raise notice 'many'; end $$");
    let session = world.session();
    for number in 0..300 {
        let notice = Box::new(Failure {
            severity: "NOTICE".into(),
            detail: Some("two lines".into()),
            ..Failure::new(Category::Query, format!("number {number}"))
        });
        let query = Some(query);
        world.tell(session::Msg::Noticed { session, query, notice });
    }
    world.press("ctrl-3");
    let text = world.text();
    let room = world.model.visible_rows as usize;
    let shown = text.matches("NOTICE: number").count();
    assert!(shown > 0 && shown <= room / 2, "{shown} of {room}");
    assert!(text.contains("number 299") && !text.contains("number 0\n"), "{text}");
}

#[test]
fn of_many_results_the_bar_has_those_around_the_one_on_screen() {
    let mut world = World::connected();
    world.write(&"select 1;\n".repeat(100));
    let effects = world.press("ctrl-shift-enter");
    world.sent(effects);
    while let run::Run::Running(running) = &world.model.pages.active().unwrap().run {
        let query = running.query;
        world.describe(query, &[("n", INT8)]);
        world.finish(query, "SELECT 0");
    }
    let bar = world.work().results_bar;
    let numbers = |bar: &ResultsBar| -> Vec<usize> {
        assert_eq!(bar.hidden_before + bar.tabs.len() + bar.hidden_after, 100);
        bar.tabs.iter().map(|tab| tab.number).collect()
    };
    assert_eq!((numbers(&bar).last(), bar.hidden_after), (Some(&100), 0));
    assert!(bar.tabs.len() > 1);
    let tab = world.model.pages.active;
    let msg = results::Msg::ResultChosen { shown: Shown::Result(50) };
    world.tell(Msg::Grid { tab, msg });
    let bar = world.work().results_bar;
    assert_eq!(bar.tabs.iter().find(|tab| tab.active).unwrap().number, 51);
    assert!(numbers(&bar)[0] < 51, "what is before it is seen, too");
    // The wheel moves along them until another result is shown; the list finds one by its number.
    let msg = results::Msg::BarScrolled { first: 9 };
    world.tell(Msg::Grid { tab, msg });
    let bar = world.work().results_bar;
    assert_eq!(numbers(&bar)[0], 10);
    assert!(bar.tabs.iter().all(|tab| !tab.active));
    world.press("ctrl-alt-down");
    world.write("77");
    assert_shows(&world.text(), &["> 77", "select 1"]);
    world.press("enter");
    let bar = world.work().results_bar;
    assert_eq!(bar.tabs.iter().find(|tab| tab.active).unwrap().number, 77);
    // In a wide window more of them have room; in a narrow one there is still the one that is shown.
    let shown = bar.tabs.len();
    world.tell(app::Msg::WindowResized { width: 2_400, height: 900 });
    assert!(world.work().results_bar.tabs.len() > shown);
    world.tell(app::Msg::WindowResized { width: 640, height: 420 });
    let bar = world.work().results_bar;
    assert!(bar.tabs.iter().any(|tab| tab.active));
}

#[test]
fn tabs_show_their_names_and_what_their_files_lack() {
    let mut world = World::connected();
    world.write("-- revenue by month\nselect 1");
    world.press("ctrl-n");
    world.write(&format!("-- {}", "long ".repeat(10_000)));
    let labels: Vec<String> = world.work().tabs.into_iter().map(|tab| tab.label).collect();
    assert_eq!(labels[0], "revenue by month");
    assert_eq!(labels[1].chars().count(), 41);
    assert!(labels[1].starts_with("long long"));

    world.press("ctrl-o");
    world.write("q.sql");
    let effects = world.press("enter");
    let Some(Effect::File(files::Effect::Open { request, .. })) = effects.last().cloned() else {
        panic!("{effects:?}");
    };
    world.tell(files::Msg::Opened {
        request,
        path: "/home/u/q.sql".into(),
        result: Ok(files::Read::plain(
            RopeText::from("select 1"),
            files::FileStamp { modified_us: 1, length: 8, digest: 1 },
        )),
    });
    let active = |world: &World| world.work().tabs.into_iter().find(|tab| tab.active).unwrap();
    assert_eq!((active(&world).label.as_str(), active(&world).unsaved), ("q.sql", false));
    world.write("x");
    assert!(active(&world).unsaved);
    assert_shows(&world.text(), &["[q.sql •]"]);
}

#[test]
fn the_sidebar_shows_how_each_run_ended() {
    let mut world = World::connected();
    let entry = |sql: &str, outcome| HistoryEntry {
        query: QueryId(uuid::Uuid::from_u128(9)),
        at_us: world.now.unix_us - 2 * DAY_US,
        connection: "shop".into(),
        database: "shop".into(),
        sql: sql.into(),
        elapsed_us: Some(5_000),
        outcome,
    };
    let failed = |sqlstate: &str| HistoryOutcome::Failed {
        sqlstate: Some(sqlstate.into()),
        message: String::new(),
    };
    let finished = HistoryOutcome::Finished { tag: "SELECT 1".into(), rows: 1 };
    let runs = [
        entry("select 1\nfrom t", finished),
        entry("select 2", failed("42P01")),
        entry("select 3", failed("57014")),
        entry("select 4", HistoryOutcome::Running),
    ];
    world.model.history.recent.extend(runs);
    let rows = world.work().sidebar.unwrap().rows;
    let outcomes: Vec<_> = rows
        .iter()
        .filter_map(|row| match &row.kind {
            SidebarRowKind::Run { outcome } => Some((row.label.as_str(), outcome.text.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(
        outcomes,
        [
            ("select 1…", "SELECT 1 · 5 ms"),
            ("select 2", "failed 42P01 · 5 ms"),
            ("select 3", "cancelled · 5 ms"),
            ("select 4", "end unknown")
        ]
    );
    assert_eq!(rows[1].label, "shop");
    assert_eq!(rows[1].index, Some(0));
    assert_eq!(rows[2].index, None);
    assert_eq!(rows[3].detail.text, "2 days ago");
    assert!(rows[1].selected);
    world.press("ctrl-b");
    assert_eq!(world.work().sidebar, None);
}

#[test]
fn the_palette_shows_groups_matches_and_keys() {
    let mut world = World::connected();
    world.press("ctrl-shift-p");
    world.write("run");
    let Some(Dialog::Picker(picker)) = world.screen().dialog else {
        panic!("no palette");
    };
    assert_eq!((picker.kind, picker.field.text.as_str()), (PickerKind::Palette, "run"));
    let first = &picker.rows[0];
    assert_eq!((first.group.as_str(), first.title.as_str()), ("Query", "Run statement"));
    assert_eq!(first.matched, [0, 1, 2]);
    assert_eq!(first.key.as_deref(), Some("Ctrl ↵"));
    assert_eq!(world.screen().place, Place::Dialog);
    assert_shows(&world.text(), &["> Query        Run statement  [Ctrl ↵]"]);
    world.write("qqq");
    assert_shows(&world.text(), &["No command has these letters."]);
}

#[test]
fn the_history_search_shows_runs_with_their_ends() {
    let mut world = World::connected();
    let effects = world.press("ctrl-r");
    let Effect::Store(keeping::Effect::SearchHistory { request, .. }) = effects[0].clone() else {
        panic!("{effects:?}");
    };
    assert_shows(&world.text(), &["Searching…"]);
    let entry = HistoryEntry {
        query: QueryId(uuid::Uuid::from_u128(9)),
        at_us: world.now.unix_us,
        connection: "shop".into(),
        database: "shop".into(),
        sql: "select 42".into(),
        elapsed_us: Some(5_000),
        outcome: HistoryOutcome::Finished { tag: "SELECT 1".into(), rows: 1 },
    };
    world.tell(keeping::Msg::HistoryFound { request, entries: Ok(vec![entry]) });
    let Some(Dialog::Picker(picker)) = world.screen().dialog else {
        panic!("no search");
    };
    assert_eq!(picker.rows[0].title, "select 42");
    assert_eq!(picker.rows[0].detail.text, "shop · SELECT 1 · 5 ms");
    assert_eq!(picker.note, None);
}

#[test]
fn the_connection_dialog_shows_its_fields_the_test_and_no_password() {
    let mut world = World::connected();
    world.press("ctrl-shift-n");
    let place = |which| form::Field::ALL.iter().position(|field| *field == which).unwrap();
    world.tell(dialog::Msg::FieldEdited { field: place(form::Field::Name), text: "mine".into() });
    world.tell(dialog::Msg::FieldFocused { field: place(form::Field::Password) });
    world.tell(dialog::Msg::SecretEdited {
        field: place(form::Field::Password),
        secret: Secret::new("hunter2"),
    });
    world.tell(dialog::Msg::FieldEdited { field: place(form::Field::User), text: "app".into() });
    world.tell(dialog::Msg::FieldEdited {
        field: place(form::Field::Database),
        text: "shop".into(),
    });
    let effects = world.press("ctrl-t");
    let Some(Effect::Connection(connection::Effect::Test { attempt, .. })) =
        effects.last().cloned()
    else {
        panic!("{effects:?} {}", world.text());
    };
    world.wait_ms(1_200);
    let text = world.text();
    assert_shows(
        &text,
        &["New connection", "[ mine ]", "Password           [ *** ]", "◐ Connecting 00:01.2"],
    );
    assert!(!text.contains("hunter2"));
    assert_shows(&text, &["Save and connect [↵]   Save [Alt ↵]   Test [Ctrl T]   Cancel [Esc]"]);
    world.tell(connection::Msg::Tested { attempt, result: Ok(server()) });
    let Some(Dialog::Connection(form)) = world.screen().dialog else {
        panic!("no form");
    };
    let test = form.test.unwrap();
    assert_eq!(
        test.line,
        Span::new("It works: PostgreSQL 15.18, TLS 1.3 verified, as app", Tone::Ok)
    );
}

#[test]
fn the_connection_dialog_has_sections_and_says_a_mistake_below_its_field() {
    let mut world = World::connected();
    world.press("ctrl-shift-n");
    let place = |which| form::Field::ALL.iter().position(|field| *field == which).unwrap();
    world.tell(dialog::Msg::ChoiceClicked { field: place(form::Field::Tunnel), choice: 3 });
    world.tell(dialog::Msg::FieldEdited { field: place(form::Field::PoolSize), text: "0".into() });
    world.press("enter");
    let text = world.text();
    assert_shows(
        &text,
        &[
            "  Connection\n  Name ",
            "  In the list\n  Group ",
            "  SSH tunnel\n  SSH login          none agent key (password)\n  SSH host ",
            "  Name the SSH server.\n  SSH port           [ 22 ]",
            "  SSH password       [ asked for when it is needed ]",
            "  Encryption\n  SSL mode ",
            "  Sessions\n  Connect, s         [ 10 ]",
            "  Pool size          [ 0 ]\n  The pool has room for 1 to 1000 connections.",
        ],
    );
    assert!(!text.contains("SSH key"), "{text}");
}

#[test]
fn folders_are_headings_in_the_sidebar_and_on_the_welcome_screen() {
    let in_folder = |group: &str, config: Config| Config { group: group.into(), ..config };
    let now = World::new().now.unix_us;
    let mut world = World::with(vec![
        saved(1, in_folder("work", shop()), Some(now - DAY_US)),
        saved(2, in_folder("", production()), None),
        saved(3, in_folder("work", Config { name: "a".into(), ..shop() }), None),
    ]);
    let shown = |world: &World| -> Vec<(String, Vec<String>)> {
        let groups = world.welcome().groups.into_iter();
        let names = |group: WelcomeGroup| group.rows.into_iter().map(|row| row.name).collect();
        groups.map(|group| (group.title.clone(), names(group))).collect()
    };
    let expected = [
        ("Saved", vec!["production"]),
        ("work", vec!["shop", "a"]),
        ("On this machine", vec!["Sandbox"]),
    ];
    let expected: Vec<(String, Vec<String>)> = expected
        .into_iter()
        .map(|(title, rows)| (title.to_owned(), rows.into_iter().map(String::from).collect()))
        .collect();
    assert_eq!(shown(&world), expected);
    world.press("ctrl-1");
    let sidebar = world.work().sidebar.unwrap();
    let labels: Vec<&str> = sidebar.rows.iter().map(|row| row.label.as_str()).collect();
    assert_eq!(labels[..5], ["Connections", "production", "work", "a", "shop"]);
    assert_eq!(sidebar.rows[2].kind, SidebarRowKind::Heading);
}

#[test]
fn a_field_of_few_choices_shows_them_all_and_the_one_that_is_chosen() {
    let mut world = World::connected();
    world.press("ctrl-shift-n");
    let Some(Dialog::Connection(form)) = world.screen().dialog else {
        panic!("no form");
    };
    let ssl_mode = form.fields.iter().find(|field| field.label == "SSL mode");
    assert_eq!(
        ssl_mode.unwrap().value,
        FormValue::Choice {
            choices: ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
                .map(String::from)
                .to_vec(),
            chosen: 2,
        }
    );
}

#[test]
fn the_password_prompt_says_for_whom_and_why_again() {
    let mut world = World::new();
    let (connection, attempt) = world.connecting(shop());
    let failure = Failure {
        sqlstate: Some("28P01".into()),
        severity: "FATAL".into(),
        ..Failure::new(Category::Authentication, "password authentication failed for user \"app\"")
    };
    world.tell(connection::Msg::OpenFailed {
        connection,
        attempt,
        failure: Failure { severity: String::new(), ..failure.clone() },
    });
    let prompt = |world: &World| match world.screen().dialog {
        Some(Dialog::Password(prompt)) => prompt,
        other => panic!("{other:?}"),
    };
    assert_eq!(prompt(&world).title, "Password for app");
    assert_eq!(prompt(&world).address, "shop · app@localhost:5432/shop");
    assert_eq!((prompt(&world).problem, prompt(&world).filled), (None, false));
    // Only a saved connection has a place in the keychain: storing is asked for, and saves it.
    let store = prompt(&world).store.unwrap();
    assert_eq!(
        (store.action.label.as_str(), store.on),
        ("Save this connection, and the password in the keychain", false)
    );
    assert_eq!(world.empty().title.text, "shop wants a password");

    world.tell(keys::Msg::SecretTyped { secret: Secret::new("hunter2") });
    assert!(prompt(&world).filled);
    assert!(!world.text().contains("hunter2"));
    let effects = world.press("enter");
    let Effect::Connection(connection::Effect::Open { attempt, .. }) = effects[0].clone() else {
        panic!("{effects:?}");
    };
    world.tell(connection::Msg::OpenFailed { connection, attempt, failure });
    assert_eq!(prompt(&world).problem.unwrap(), "Password authentication failed for user “app”");
}

#[test]
fn a_question_says_what_would_be_lost_and_which_key_does_what() {
    let mut world = World::connected();
    world.run("select pg_sleep(9)");
    world.press("ctrl-w");
    let Some(Dialog::Confirm(confirm)) = world.screen().dialog else {
        panic!("no question");
    };
    assert_eq!(confirm.title, "Close “untitled 1”?");
    assert_eq!(confirm.reasons, ["a statement is running"]);
    assert_eq!(
        keys_of(&confirm.actions),
        [("Close the tab", Some("↵")), ("Keep it open", Some("Esc"))]
    );
    world.press("escape");
    world.press("ctrl-.");
    world.press("ctrl-.");
    assert_shows(
        &world.text(),
        &["Terminate the session of “untitled 1”?", "Its server process 4711 is ended."],
    );
    world.press("escape");
    world.press("ctrl-q");
    assert_shows(&world.text(), &["Quit Tusk?", "untitled 1: a statement is running"]);
}

#[test]
fn the_inspector_shows_a_value_whole() {
    let mut world = World::connected();
    let query = world.run("select * from t");
    world.describe(query, &[("doc", 3802)]);
    world.rows(query, &[&[Some(br#"{"a": 1, "b": [2]}"#)], &[None]]);
    world.finish(query, "SELECT 2");
    world.press("f6");
    world.press("enter");
    let Some(Dialog::Inspect(value)) = world.screen().dialog else {
        panic!("no inspector");
    };
    assert_eq!((value.title.as_str(), value.detail.as_str()), ("doc", "jsonb · row 1 · 18 B"));
    assert!(value.text.starts_with("{\n  \"a\": 1,"));
    assert_eq!((value.line_count, value.first_line, value.null), (6, 0, false));
    world.press("down");
    assert_shows(&world.text(), &["line 2 of 6"]);
    world.press("escape");
    world.press("down");
    world.press("enter");
    let Some(Dialog::Inspect(value)) = world.screen().dialog else {
        panic!("no inspector");
    };
    assert!(value.null);
    assert_eq!(value.detail, "jsonb · row 2 · NULL");
}

#[test]
fn the_path_prompt_lists_what_goes_on_from_the_typed_name() {
    let mut world = World::connected();
    let effects = world.press("ctrl-o");
    let Some(Effect::File(files::Effect::List { request, .. })) = effects.last().cloned() else {
        panic!("{effects:?}");
    };
    let Some(Dialog::Path(prompt)) = world.screen().dialog else {
        panic!("no prompt");
    };
    assert!(prompt.listing && prompt.entries.is_empty());
    assert_eq!(prompt.title, "Open file");
    let entries = (0..500)
        .map(|number| files::DirectoryEntry {
            name: format!("{number:03}"),
            directory: number == 0,
        })
        .collect();
    world.tell(files::Msg::Listed { request, directory: "~".into(), result: Ok(entries) });
    let prompt = |world: &World| match world.screen().dialog {
        Some(Dialog::Path(prompt)) => prompt,
        other => panic!("{other:?}"),
    };
    let shown = prompt(&world);
    assert_eq!((shown.first, shown.entries.len(), shown.more), (0, 300, true));
    assert_eq!((shown.entries[0].name.as_str(), shown.selected), ("000/", None));
    for _ in 0..30 {
        world.press("pagedown");
    }
    let shown = prompt(&world);
    let selected = shown.selected.unwrap();
    assert!(shown.first <= selected && selected < shown.first + shown.entries.len());
}

#[test]
fn a_line_has_its_dialog_and_settings_their_page() {
    let mut world = World::connected();
    world.press("ctrl-g");
    world.write("12");
    assert_shows(&world.text(), &["Go to line", "[ 12 ]", "Go [↵]   Cancel [Esc]"]);
    world.press("escape");
    world.press("ctrl-,");
    let shown = ["> Theme  theme  system", "  Size of everything  size  100", "Change [↵]"];
    assert_shows(&world.text(), &shown);
    world.press("down");
    world.press("enter");
    world.write("9");
    world.press("enter");
    let refused = ["> Size of everything  size  [ 9 ]", "! Type a whole number from 50 to 200."];
    assert_shows(&world.text(), &refused);
    world.write("0");
    world.press("enter");
    assert_shows(&world.text(), &["> Size of everything  size  90  (Reset)"]);
    world.press("alt-r");
    world.write("nothing like it");
    assert_shows(&world.text(), &["No setting has “nothing like it” in its name or meaning."]);
}

#[test]
fn notices_pass_and_a_recording_is_named() {
    let mut world = World::connected();
    world.tell(app::Msg::Warned { text: "Take care.".into() });
    assert_eq!(world.screen().notices[0].text, "Take care.");
    assert_shows(&world.text(), &["! Take care."]);
    world.wait_ms(6_001);
    assert_eq!(world.screen().notices, []);
    assert_eq!(world.status(SegmentName::Recording), None);
    world.model.recording = true;
    assert_eq!(world.status(SegmentName::Recording).unwrap(), "● recording");
    assert_eq!(world.screen().title_bar.recording.unwrap().tone, Tone::Error);
}

#[test]
fn a_key_that_the_user_took_away_is_shown_nowhere() {
    let mut world = World::connected();
    let keymap = r#"{"global": {"ctrl-enter": null, "f5": "query.run"}}"#;
    assert_eq!(world.model.keymap.lay_over(keymap, false), Vec::<String>::new());
    assert_eq!(world.work().editor.hint.key.as_deref(), Some("F5"));
    // A key that means something else where focus is does not count.
    let keymap = r#"{"editor": {"f5": "editor.find"}}"#;
    assert_eq!(world.model.keymap.lay_over(keymap, false), Vec::<String>::new());
    assert_eq!(world.work().editor.hint.key, None);
}

#[test]
fn the_whole_screen_reads_well_as_text() {
    let mut world = World::connected();
    let query = world.run("-- two people\nselect * from people;");
    world.describe(query, &[("id", INT8), ("name", TEXT)]);
    world.rows(query, &[&[Some(b"7"), Some("Ada 漢".as_bytes())], &[Some(b"42"), None]]);
    world.finish(query, "SELECT 2");
    let expected = "\
two people — shop — Tusk
☰  |  ● shop app@localhost:5432/shop TLS 1.3 verified  |  Commands [Ctrl Shift P]
── sidebar ────────────────────────────────────────────────────────────
CONNECTIONS
> ● shop TLS 1.3 verified
RUNS
  select * from people  SELECT 2 · 38 ms  just now
────────────────────────────────────────────────────────────
[two people] | +
── Run statement [Ctrl ↵] ────────────────────────────────────────────────────────────
   1   -- two people
   2 ▌ select * from people;
────────────────────────────────────────────────────────────
[1 SELECT 2 38 ms]  Messages    Copy [Ctrl C]   Copy with headers [Ctrl Shift C]   Inspect [↵]
        id │ name
      int8 │ text
  1     [7]│ Ada 漢
  2     42 │ NULL
────────────────────────────────────────────────────────────
shop · app@localhost/shop  |  transaction idle  |  pool 2/10 · 1 idle  |  done  |  38 ms · 2 rows    Ln 2, Col 22
Focus: editor
";
    assert_eq!(world.text(), expected, "\n{}", world.text());
}

/// Texts and windows of random sizes, and random keys: what is written of a list is a piece of it as long as its room,
/// has the row that is chosen, and says how many rows are beyond it.
#[test]
fn what_is_written_of_a_list_is_what_a_window_has_room_for() {
    let mut random = Random::new(seed());
    let keys = ["down", "up", "pagedown", "pageup", "ctrl-end", "ctrl-home"];
    let beyond = |list: &str, side: &str| -> usize {
        let said = list.lines().filter_map(|line| {
            let said = line.trim().strip_prefix("… ")?.strip_suffix(side)?;
            said.split(' ').next()?.parse::<usize>().ok()
        });
        said.sum()
    };
    for _ in 0..40 {
        let mut world = World::connected();
        let (width, height) = (640 + random.below(900), 400 + random.below(1_000));
        world.tell(app::Msg::WindowResized { width: width as u32, height: height as u32 });
        let count = random.below(120) + 1;
        let text: Vec<String> = (1..=count).map(|line| format!("-- line {line}.")).collect();
        world.write(&text.join("\n"));
        world.press("ctrl-1");
        for _ in 0..6 {
            world.press(keys[random.below(6)]);
            let editor = world.work().editor;
            let shown = editor.in_sight.clone();
            assert!(shown.contains(&editor.cursor_line), "{shown:?} at {height}");
            let room = (height - 101) * editor.percent as usize / 100;
            assert!(shown.len() <= room.max(66) / 22 + 1, "{shown:?} at {height}");
            let dumped = world.text();
            let written = (0..count).filter(|line| dumped.contains(&text[*line]));
            assert_eq!(written.collect::<Vec<_>>(), shown.clone().collect::<Vec<_>>());
            let beyond = [" lines above", " line above", " lines below", " line below"]
                .map(|side| beyond(&dumped, side));
            assert_eq!(beyond.iter().sum::<usize>() + shown.len(), count, "{dumped}");
        }
        world.press("ctrl-shift-p");
        for _ in 0..6 {
            world.press(keys[random.below(4)]);
            let Some(Dialog::Picker(picker)) = world.screen().dialog else {
                unreachable!("the palette is open");
            };
            let shown = picker.in_sight.clone();
            assert!(shown.contains(&picker.selected) && shown.len() <= 10);
            let dumped = world.text();
            let list = dumped.rsplit("──").next().unwrap_or_default();
            let marked = list.lines().filter(|line| line.starts_with("> ")).count();
            assert_eq!(marked, 1, "{list}");
            let beyond = [" rows above", " row above", " rows below", " row below"]
                .map(|side| beyond(list, side));
            let all = beyond.iter().sum::<usize>() + shown.len();
            assert_eq!(all, picker.rows.len(), "{list}");
        }
    }
}
