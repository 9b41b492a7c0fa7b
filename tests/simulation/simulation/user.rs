//! The random user: every command, keys, the mouse in places that may not be there, and now and then nonsense.

use super::world::World;
use crate::support::generated::Random;
use tusk::update::connection;
use tusk::update::settings::page;
use tusk::update::shell::place::Area;
use tusk::{
    base::{
        ids::TabId,
        secret::{Secret, Secrets},
        text,
    },
    conninfo::Config,
    msg::Msg,
    rows::Position,
    update::{
        query::{editor, find},
        results,
        shell::{
            app,
            command::Command,
            dialog::{self, Dialog},
            keys, sidebar, sight, tabs, welcome,
        },
    },
};

const SCRIPTS: [&str; 18] = [
    "select 1",
    "select 1",
    "select 1; select 2; insert into t values (1) returning a;",
    "begin",
    "begin; update t set a = 1; select 1/0",
    "commit",
    "insert into t select 1 returning b",
    "update t set a = 1; select 'é'; rollback",
    "\\d t\nselect 1",
    "create temp table x (a int); set search_path to x",
    "drop table x",
    "-- nothing",
    "select pg_advisory_lock(1); commit",
    "insert into twice values (1) returning a",
    "select * from custmers",
    "begin; savepoint a; insert into t values (1); commit and chain",
    "vacuum t",
    "prepare p as select 1",
];

/// What long scripts are made of: most of it ends well, so that much of it is given to the session ahead.
const LONG: [&str; 12] = [
    "select 1",
    "update t set a = 1",
    "update t set a = 2",
    "select 2",
    "insert into t values (1)",
    "select 'é'",
    "delete from t",
    "set search_path to x",
    "begin",
    "commit",
    "select pg_advisory_lock(1)",
    "select * from custmers",
];

fn text(random: &mut Random) -> String {
    if !random.chance(5) {
        return random.pick(&SCRIPTS).to_string();
    }
    // The last ones stop a script or change how it goes on.
    let few = if random.chance(60) { 8 } else { LONG.len() };
    let statements = (0..20 + random.below(100)).map(|_| LONG[random.below(few)]);
    statements.map(|sql| format!("{sql};\n")).collect()
}

const KEYS: [&str; 14] = [
    "a",
    "enter",
    "tab",
    "backspace",
    "delete",
    "up",
    "shift-down",
    "home",
    "ctrl-end",
    "escape",
    "ctrl-a",
    "space",
    "f6",
    "ctrl-enter",
];

/// What the user does next.
pub fn message(world: &mut World) -> Msg {
    if let Some(dialog) = &world.model.dialog
        && world.random.chance(45)
    {
        let wants_secret = dialog.takes_secret();
        if wants_secret && world.random.chance(50) {
            let field = match dialog {
                Dialog::Connection(connection::Dialog::Form(form)) => form.focus as usize,
                _ => 0,
            };
            return Msg::Dialog(dialog::Msg::SecretEdited { field, secret: Secret::new("pw") });
        }
        // Who is asked whether an SSH server is trusted says yes with the other choice.
        let asked = matches!(dialog, Dialog::Connection(connection::Dialog::HostKey(_)))
            && world.random.chance(70);
        return Msg::Command(if asked {
            Command::DialogAlternative
        } else {
            Command::DialogAccept
        });
    }
    // Who has nothing to run, and nowhere to run it, mostly sees to that first.
    let (blank, nowhere) = world.model.pages.active().map_or((true, true), |tab| {
        (tab.editor.buffer.text().is_empty(), tab.connection.is_none())
    });
    if nowhere && world.random.chance(30) {
        return connects(world);
    }
    if blank && world.random.chance(30) {
        return edits(world);
    }
    match world.random.below(100) {
        0..=24 => runs(world),
        25..=54 => command(world),
        55..=66 => edits(world),
        67..=74 => grid(world),
        75..=82 => keyboard(world),
        83..=88 => in_dialog(world),
        89..=94 => connects(world),
        _ => around(world),
    }
}

fn runs(world: &mut World) -> Msg {
    let picked = *world.random.pick(&[
        Command::QueryRun,
        Command::QueryRun,
        Command::QueryRun,
        Command::QueryRunAll,
        Command::QueryRunAll,
        Command::QueryRunAll,
        Command::QueryCancel,
        Command::QueryCancel,
        Command::QueryTerminate,
        Command::ResultsFetchMore,
        Command::ResultsFetchAll,
        Command::TransactionBegin,
        Command::TransactionRollback,
        Command::DialogAccept,
    ]);
    Msg::Command(picked)
}

fn command(world: &mut World) -> Msg {
    let picked = *world.random.pick(Command::ALL);
    // Quitting ends the seed: now and then is enough.
    if picked == Command::AppQuit && !world.random.chance(20) {
        return Msg::Command(Command::DialogCancel);
    }
    Msg::Command(picked)
}

fn some_tab(world: &mut World) -> TabId {
    let open = &world.model.tabs.open;
    open[world.random.below(open.len())].id
}

fn edits(world: &mut World) -> Msg {
    let tab = some_tab(world);
    let found = world.model.pages.open.iter().find(|open| open.id == tab);
    let (revision, length) = found.map_or((0, 0), |tab| {
        let buffer = &tab.editor.buffer;
        (buffer.revision(), buffer.text().len())
    });
    let random = &mut world.random;
    let msg = match random.below(4) {
        0 | 1 => editor::Msg::Edited {
            base: revision,
            edits: vec![text::Edit { start: 0, removed: length, inserted: text(random) }],
            anchor: random.below(40),
            head: random.below(40),
        },
        2 => editor::Msg::Edited {
            base: revision.saturating_sub(random.below(3) as u64),
            edits: (0..random.below(3))
                .map(|_| text::Edit {
                    start: random.below(60),
                    removed: *random.pick(&[0, 1, 5, usize::MAX]),
                    inserted: random.pick(&["", "x", "é;\n", "$$", "'"]).to_string(),
                })
                .collect(),
            anchor: random.below(90),
            head: *random.pick(&[0, 3, usize::MAX]),
        },
        _ => editor::Msg::Selected { anchor: random.below(60), head: random.below(60) },
    };
    Msg::Editor { tab, msg }
}

fn grid(world: &mut World) -> Msg {
    let tab = some_tab(world);
    let random = &mut world.random;
    let row = *random.pick(&[0, 1, 4_000, 99_999, u64::MAX]);
    let column = *random.pick(&[0, 1, 7, usize::MAX]);
    let cell = Position { row, column };
    let shift = random.chance(50);
    let msg = match random.below(9) {
        0 => results::Msg::CellClicked { cell, shift },
        1 => results::Msg::Dragged { cell },
        2 => results::Msg::CellOpened { cell },
        3 => results::Msg::RowClicked { row, shift },
        4 => results::Msg::ColumnClicked { column, shift },
        5 => results::Msg::ColumnResized { column, width: u32::MAX },
        6 => results::Msg::Scrolled { first_row: row },
        7 => results::Msg::RoomChanged { visible_rows: *random.pick(&[0, 20, u32::MAX]) },
        _ => results::Msg::ResultChosen {
            shown: if shift { results::Shown::Messages } else { results::Shown::Result(column) },
        },
    };
    Msg::Grid { tab, msg }
}

fn keyboard(world: &mut World) -> Msg {
    let random = &mut world.random;
    Msg::Keys(match random.below(4) {
        0 => keys::Msg::Typed { text: random.pick(&["select 1;", "é", "\n", "pg"]).to_string() },
        1 => keys::Msg::SecretTyped { secret: Secret::new("pw") },
        _ => keys::Msg::Pressed { keystroke: random.pick(&KEYS).to_string() },
    })
}

fn in_dialog(world: &mut World) -> Msg {
    let random = &mut world.random;
    let field = random.below(33);
    Msg::Dialog(match random.below(6) {
        0 => dialog::Msg::FieldEdited {
            field,
            text: random.pick(&["", "7", "run", "/tmp/a.sql"]).to_string(),
        },
        1 => dialog::Msg::SecretEdited { field, secret: Secret::new("secret") },
        2 => dialog::Msg::FieldFocused { field },
        3 => dialog::Msg::RowChosen { row: *random.pick(&[0, 3, usize::MAX]) },
        4 => dialog::Msg::ChoiceClicked { field, choice: random.below(8) },
        _ => dialog::Msg::RowClicked { row: *random.pick(&[0, 3, usize::MAX]) },
    })
}

fn connects(world: &mut World) -> Msg {
    let random = &mut world.random;
    let port = 5432 + random.below(3) as u16;
    let target = match random.below(4) {
        0 => welcome::Target::Sandbox,
        1 => welcome::Target::Named("saved 0".into()),
        _ => welcome::Target::Conninfo(tusk::conninfo::Conninfo {
            config: Config { port, read_only: port == 5434, ..Config::default() },
            secrets: Secrets::with_password(random.chance(50).then(|| Secret::new("pw"))),
        }),
    };
    Msg::Welcome(welcome::Msg::Asked { target: Box::new(target) })
}

fn around(world: &mut World) -> Msg {
    let tab = some_tab(world);
    let random = &mut world.random;
    let row = *random.pick(&[0, 2, usize::MAX]);
    match random.below(16) {
        15 => Msg::Sight(sight::Msg::Shown {
            items: *random.pick(&[
                sight::Items::Tabs,
                sight::Items::Messages { tab },
                sight::Items::Welcome,
                sight::Items::Fields,
            ]),
            in_sight: random.pick(&[vec![], vec![0..2, 4..5], vec![1..1, 3..usize::MAX]]).clone(),
        }),
        14 => Msg::Sight(sight::Msg::Drawn {
            list: *random.pick(&[
                sight::List::Editor { tab },
                sight::List::Letters { tab },
                sight::List::Columns { tab },
                sight::List::Sidebar,
                sight::List::Dialog,
            ]),
            scrolled: *random.pick(&[0, 500, u64::MAX]),
            room: *random.pick(&[0, 300, u64::MAX]),
        }),
        0 => Msg::App(app::Msg::WindowResized {
            width: random.next() as u32,
            height: random.next() as u32,
        }),
        1 => Msg::App(app::Msg::AppearanceChanged { dark: false }),
        2 => Msg::App(app::Msg::WindowActivated),
        3 => Msg::App(app::Msg::AreaFocused {
            area: *random.pick(&[
                Area::Editor,
                Area::Find,
                Area::Results,
                Area::Sidebar,
                Area::Welcome,
                Area::Settings,
            ]),
        }),
        4 => Msg::App(app::Msg::Warned { text: "a warning".into() }),
        5 => Msg::Tabs(tabs::Msg::Chosen { tab }),
        6 => Msg::Tabs(tabs::Msg::CloseRequested { tab }),
        7 => Msg::Sidebar(sidebar::Msg::RowClicked { row }),
        11 => Msg::Sidebar(sidebar::Msg::RowOpened { row }),
        12 => Msg::App(app::Msg::FilesDropped {
            paths: vec!["/tmp/a.sql".into(), "/tmp/b.sql".into()],
        }),
        13 => Msg::Find(match random.below(3) {
            0 => find::Msg::Focused { field: find::Field::Replacement },
            1 => find::Msg::Edited { field: find::Field::Replacement, text: "2".into() },
            _ => find::Msg::Edited {
                field: find::Field::Query,
                text: random.pick(&["", "s", "SELECT"]).to_string(),
            },
        }),
        8 => Msg::Sidebar(sidebar::Msg::EditorResized { percent: row as u32 }),
        16 => Msg::SettingsPage(match random.below(4) {
            0 => page::Msg::RowClicked { row },
            1 => page::Msg::ValueClicked { row },
            2 => page::Msg::ResetClicked { row },
            _ => page::Msg::Edited {
                field: *random.pick(&[page::Field::Search, page::Field::Value]),
                text: random.pick(&["", "mb", "64", "no such"]).to_string(),
            },
        }),
        9 => Msg::Welcome(welcome::Msg::RowClicked { row }),
        _ => Msg::Welcome(welcome::edited("postgres://ada:pw@localhost/x", &world.model.defaults)),
    }
}
