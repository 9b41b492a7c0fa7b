//! What is done with the Model, so many times or with so many things.

use std::sync::Arc;

use crate::{
    base::{
        ids::{ConnectionId, TabId},
        transaction::Transaction,
    },
    catalog::{CatalogBuilder, RelationKind},
    failure::Failure,
    rows::Column,
    sql::encoding::Form,
    story,
    update::{
        keeping,
        query::{self, session},
        shell::command::Command,
        testing::{World, chunk, config, nothing_kept, refusal},
    },
};

/// What it is called, how often or with how many it is done (and with ten times as many), and how.
type Use = (&'static str, usize, fn(usize));

pub const USES: &[Use] = &[
    // Each new tab writes the places of all.
    ("a tab beside so many", 100, |count| {
        let tabs = (0..count as u32).map(kept_tab).collect();
        let mut world = World::with(keeping::Kept { tabs, ..nothing_kept() });
        for command in [Command::TabNew, Command::TabPrevious, Command::TabClose] {
            world.command(command);
        }
        look(&world);
    }),
    ("a script's statements", 100, |count| {
        let mut world = World::new().connected();
        run_all(&mut world, count, |world| drop(world.finish("SELECT 1", Transaction::Idle)));
        look(&world);
    }),
    ("a script's results", 50, |count| {
        let mut world = World::new().connected();
        run_all(&mut world, count, |world| {
            world.describe();
            world.rows(3);
            world.finish("SELECT 3", Transaction::Idle);
        });
        look(&world);
    }),
    ("a script's errors", 100, |count| {
        let mut world = World::new().connected();
        world.text(&"select 1;\n".repeat(count));
        world.command(Command::QueryRunAllContinue);
        if count > 0 {
            world.open_session();
        }
        for at in 0..count {
            world.fail(
                refusal("42P01", &format!("relation {at} does not exist")),
                Transaction::Idle,
            );
        }
        look(&world);
    }),
    ("notices", 200, |count| {
        let mut world = World::new().connected();
        world.run("select 1");
        for at in 0..count {
            let (session, query) = (world.session(), Some(world.query()));
            let notice = Box::new(refusal("00000", &format!("notice {at}")));
            world.send(session::Msg::Noticed { session, query, notice });
        }
        world.command(Command::ResultsMessages);
        look(&world);
    }),
    ("chunks of rows", 100, |count| {
        let mut world = World::new().connected();
        world.run("select 1");
        world.describe();
        let (query, chunk) = (world.query(), chunk(10, 1));
        for _ in 0..count {
            world.send(query::Msg::RowsArrived { query, chunk: Arc::clone(&chunk) });
        }
        world.finish("SELECT 1", Transaction::Idle);
        for command in [
            Command::ResultsSelectAll,
            Command::ResultsCopy,
            Command::ResultsLast,
            Command::ResultsFitColumn,
        ] {
            world.command(command);
        }
        look(&world);
    }),
    ("columns", 50, |count| {
        let mut world = World::new().connected();
        world.run("select 1");
        let query = world.query();
        let columns = (0..count.max(1)).map(|at| Column::new(format!("c{at}"), 25, -1)).collect();
        world.send(query::Msg::Described { query, columns });
        world.finish("SELECT 0", Transaction::Idle);
        world.command(Command::ResultsEnd);
        look(&world);
    }),
    // A text in one leaf of its rope costs less.
    ("typed letters", 3_000, |count| {
        let mut world = editing();
        (0..count).for_each(|at| drop(world.type_text(if at % 20 == 19 { ";\n" } else { "a" })));
        look(&world);
    }),
    ("a letter in a text of so many lines", 2_000, |count| {
        let mut world = editing();
        world.text(&"select 1 from t;\n".repeat(count));
        world.type_text("a");
        look(&world);
    }),
    ("places that are found", 200, |count| {
        let mut world = editing();
        world.text(&"select total from t;\n".repeat(count));
        world.command(Command::EditorFind);
        world.type_text("total");
        (0..3).for_each(|_| drop(world.command(Command::FindNext)));
        look(&world);
    }),
    ("places that are replaced", 500, |count| {
        let mut world = editing();
        world.text(&"select total from t;\n".repeat(count));
        world.command(Command::EditorReplace);
        world.type_text("total");
        world.command(Command::FindReplaceAll);
        look(&world);
    }),
    ("connections that were kept", 50, |count| {
        let connections = (0..count as u16).map(|at| saved(at + 1)).collect();
        let mut world = World::with(keeping::Kept { connections, ..nothing_kept() });
        look(&world);
        world.command(Command::ConnectionChoose);
        world.type_text("shop");
        look(&world);
    }),
    ("relations of a schema", 200, |count| {
        let mut world = World::new();
        world.connect(5432);
        world.open_link();
        let mut catalog = CatalogBuilder::default();
        catalog.search_path("public");
        for at in 0..count as u32 {
            catalog.relation(at, "public", &format!("table_{at}"), RelationKind::Table);
            catalog.column(at, 1, &format!("column_{at}"), "text");
        }
        world.load_schema(Arc::new(catalog.finish()));
        world.run("select * from tabel_17");
        world.fail(
            Failure { position: Some(15), ..refusal("42P01", "relation does not exist") },
            Transaction::Idle,
        );
        look(&world);
    }),
];

/// What the window and a recording would say.
fn look(world: &World) {
    assert!(!story::screen_text(&world.model).is_empty());
}

/// A script of so many statements, each of which ends in this way.
fn run_all(world: &mut World, count: usize, mut end: impl FnMut(&mut World)) {
    if count == 0 {
        return;
    }
    world.run(&"select 1;\n".repeat(count));
    (0..count).for_each(|_| end(world));
}

/// A program whose editor has focus.
fn editing() -> World {
    let mut world = World::new().connected();
    world.command(Command::TabNew);
    world
}

fn kept_tab(place: u32) -> keeping::SavedTab {
    keeping::SavedTab {
        id: TabId(uuid::Uuid::from_u128(place.into())),
        place,
        active: place == 0,
        title: String::new(),
        path: None,
        form: Form::default(),
        unsaved: false,
        connection: None,
        text: "select 1".into(),
        revision: 1,
        cursor: 0,
    }
}

fn saved(port: u16) -> keeping::SavedConnection {
    keeping::SavedConnection {
        id: ConnectionId(uuid::Uuid::from_u128(port.into())),
        config: config(port),
        last_used_us: None,
    }
}

/// Work that grows with the square of what it is given.
pub fn square(count: usize) {
    let mut text = String::new();
    for _ in 0..count {
        text.push('a');
        assert!(text.chars().rev().all(|c| c == 'a'));
    }
}
