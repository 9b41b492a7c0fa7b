//! The cache's life: loaded once, refreshed after changes, gone with its connection; and errors that wait for it.

use super::*;
use crate::{
    base::transaction::Transaction,
    catalog::{CatalogBuilder, RelationKind},
    effect::Effect as RootEffect,
    failure::Category,
    update::{
        connection,
        shell::command::Command,
        testing::{World, count, expect, refusal},
    },
};

fn shop(names: &[&str]) -> Arc<Catalog> {
    let mut builder = CatalogBuilder::default();
    builder.search_path("public");
    builder.schema("public");
    for (oid, name) in names.iter().enumerate() {
        builder.relation(oid as u32, "public", name, RelationKind::Table);
        builder.column(oid as u32, 1, "email", "text");
    }
    Arc::new(builder.finish())
}

impl World {
    fn opened() -> Self {
        let mut world = Self::new();
        world.connect(5432);
        world.open_link();
        world
    }

    fn schema(&self) -> &Schema {
        self.model.schemas.get(&self.connection()).unwrap_or(&Schema::Idle)
    }

    fn load_of(&self) -> Request {
        match self.schema() {
            Schema::Loading { request, .. } => *request,
            other => panic!("nothing is being loaded: {other:?}"),
        }
    }

    fn loaded(&mut self, result: Result<Arc<Catalog>, Box<Failure>>) -> Vec<RootEffect> {
        let (request, connection) = (self.load_of(), self.connection());
        self.send(Msg::Loaded { request, connection, result })
    }

    fn advice(&self) -> Option<&str> {
        let result = self.tab().results.visible()?;
        result.state.failure()?.next_step.as_deref()
    }
}

fn unknown_table() -> Failure {
    Failure {
        position: Some(15),
        next_step: Some("Check the table's name.".into()),
        ..refusal("42P01", "relation \"custmers\" does not exist")
    }
}

#[test]
fn a_connection_that_opens_has_its_schema_loaded_after_what_somebody_waits_for() {
    let mut world = World::new();
    world.connect(5432);
    world.text("select 1");
    world.command(Command::QueryRun);
    let effects = world.open_link();
    expect!(effects, [Session(Open { .. }), Schema(Load { .. })]);
    assert!(world.is_busy());
    world.open_session();
    world.finish("SELECT 1", Transaction::Idle);
    assert!(world.is_busy(), "a story waits for the load");
    expect!(world.loaded(Ok(shop(&["customers"]))), []);
    assert!(!world.is_busy());
    assert_eq!(world.schema().catalog().unwrap().relations().count(), 1);
}

#[test]
fn a_change_is_read_once_its_transaction_has_ended() {
    let mut world = World::opened();
    world.loaded(Ok(shop(&[])));
    world.run("begin; create table t (a int); select 1; commit");
    world.finish("BEGIN", Transaction::Active);
    let in_transaction = world.finish("CREATE TABLE", Transaction::Active);
    expect!(
        in_transaction,
        [Store(RecordRuns { .. }), Query(Run { .. }), Store(RecordRuns { .. })]
    );
    world.finish("SELECT 1", Transaction::Active);
    let committed = world.finish("COMMIT", Transaction::Idle);
    assert_eq!(count!(committed, Schema(Load { .. })), 1);
    // What was known stays known while it is read.
    assert!(world.schema().catalog().is_some());
    world.loaded(Ok(shop(&["t"])));
    world.run("select 1");
    world.finish("SELECT 1", Transaction::Idle);
    assert!(!world.schema().is_loading(), "a query changes nothing");
    world.run("create table u (a int)");
    world.fail(refusal("42P07", "there"), Transaction::Idle);
    assert!(!world.schema().is_loading(), "what failed changed nothing");
}

#[test]
fn one_load_is_under_way_and_one_more_is_owed() {
    let mut world = World::opened();
    let first = world.load_of();
    expect!(world.command(Command::SchemaRefresh), []);
    expect!(world.command(Command::SchemaRefresh), []);
    assert_eq!(world.load_of(), first);
    let again = world.loaded(Ok(shop(&["customers"])));
    expect!(again, [Schema(Load { request, .. })]);
    assert_eq!(*request, world.load_of());
    assert_ne!(*request, first);
    expect!(world.loaded(Ok(shop(&["customers"]))), []);
    assert!(world.notice().starts_with("The schema was read anew: 1 relations, 1 columns"));
}

#[test]
fn an_answer_that_nobody_waits_for_is_dropped() {
    let mut world = World::opened();
    let (request, connection) = (world.load_of(), world.connection());
    let effects = world.command(Command::ConnectionDisconnect);
    expect!(effects, [Connection(Close { .. })]);
    assert_eq!(*world.schema(), Schema::Idle, "the cache goes with the connection");
    let late = || Msg::Loaded { request, connection, result: Ok(shop(&["old"])) };
    expect!(world.send(late()), []);
    assert_eq!(*world.schema(), Schema::Idle);
    world.send(connection::Msg::Closed { connection });
    world.command(Command::ConnectionReconnect);
    world.open_link();
    expect!(world.send(late()), []);
    assert!(world.schema().catalog().is_none(), "it is of the connection before");
    assert!(world.schema().is_loading());
    world.model.connections.remove(&connection);
    expect!(world.send(late()), []);
}

#[test]
fn an_error_has_the_nearest_name_at_once_or_when_the_cache_comes() {
    let mut world = World::opened();
    world.loaded(Ok(shop(&["customers"])));
    world.run("select * from custmers");
    world.fail(unknown_table(), Transaction::Idle);
    assert_eq!(world.advice(), Some("Did you mean customers?"));

    let mut world = World::opened();
    world.run("select * from custmers");
    world.fail(unknown_table(), Transaction::Idle);
    assert_eq!(world.advice(), Some("Check the table's name."));
    world.loaded(Ok(shop(&["customers"])));
    assert_eq!(world.advice(), Some("Did you mean customers?"));
    // The table is made: the card of the error before is not changed into nonsense.
    world.command(Command::SchemaRefresh);
    world.loaded(Ok(shop(&["custmers"])));
    assert_eq!(world.advice(), Some("Did you mean customers?"));
}

#[test]
fn a_cache_that_could_not_be_loaded_is_loaded_when_an_error_needs_it() {
    let mut world = World::opened();
    let refused = Failure::new(Category::Connection, "gone");
    expect!(world.loaded(Err(Box::new(refused.clone()))), []);
    assert_eq!(world.notice(), "", "nobody asked");
    world.run("select * from custmers");
    let effects = world.fail(unknown_table(), Transaction::Idle);
    assert_eq!(count!(effects, Schema(Load { .. })), 1);
    world.loaded(Ok(shop(&["customers"])));
    assert_eq!(world.advice(), Some("Did you mean customers?"));
    world.command(Command::SchemaRefresh);
    world.loaded(Err(Box::new(refused)));
    assert_eq!(world.notice(), "The schema could not be read: gone");
    assert!(world.schema().catalog().is_some(), "the older one serves on");
}

#[test]
fn a_schema_that_is_too_large_is_cut_and_says_so() {
    let mut world = World::opened();
    let mut builder = CatalogBuilder::default();
    builder.relation(1, "public", "wide", RelationKind::Table);
    for at in 0..=catalog::COLUMNS_MAX {
        builder.column(1, (at % 1_000) as i16, "c", "text");
    }
    world.loaded(Ok(Arc::new(builder.finish())));
    assert!(world.notice().contains("100,000 columns are kept"), "{}", world.notice());
}

#[test]
fn without_a_connection_a_refresh_says_what_is_missing() {
    let mut world = World::new();
    expect!(world.command(Command::SchemaRefresh), []);
    assert!(world.notice().contains("Connect first"));
}

#[test]
fn a_dump_has_the_cache_in_a_line() {
    let mut world = World::opened();
    world.loaded(Ok(shop(&["customers"])));
    let dump = serde_json::to_string(&world.model).unwrap();
    assert!(dump.contains("1 relations, 1 columns, 0 functions, "));
    assert!(!dump.contains("\"customers\""));
}
