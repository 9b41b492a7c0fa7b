//! What is said, and shown, where a statement changes the encoding of its session.

use super::*;
use crate::{
    effect::Effect as RootEffect,
    rows::{ChunkBuilder, samples::data_row},
};

fn of(values: &[&str]) -> Arc<Chunk> {
    let mut builder = ChunkBuilder::new(1);
    for value in values {
        let row = data_row(&[Some((*value).to_owned())]);
        builder.push_data_row(&row).unwrap();
    }
    Arc::new(builder.finish())
}

fn changes(
    world: &mut World,
    from: &str,
    to: &str,
    escaped: Vec<Vec<Arc<Chunk>>>,
) -> Vec<RootEffect> {
    let msg = Msg::EncodingChanged {
        query: world.query(),
        from: from.into(),
        to: to.into(),
        is_understood: to != "MULE_INTERNAL",
        escaped,
    };
    world.send(msg)
}

fn said(world: &World) -> String {
    let texts = world.tab().messages.iter().map(|message| message.text.clone());
    texts.collect::<Vec<_>>().join("\n")
}

#[test]
fn rows_of_two_encodings_are_shown_as_bytes_and_that_is_said() {
    let mut world = World::new().connected();
    world.run("select a, set_config('client_encoding', 'LATIN1', false) from t");
    world.describe();
    let query = world.query();
    for chunk in [of(&["é", "plain"]), of(&["caf\u{e9}"])] {
        world.send(Msg::RowsArrived { query, chunk });
    }
    let escaped = vec![vec![of(&["\\xc3\\xa9", "plain"]), of(&["caf\\xe9"])]];
    let effects = changes(&mut world, "UTF8", "LATIN1", escaped);
    expect!(effects, [Cells(Drop { .. })]);
    let result = &world.tab().results.list[0];
    let texts: Vec<String> = (0..result.rows.len())
        .map(|row| result.rows.cell(row, 0).unwrap().text().into_owned())
        .collect();
    assert_eq!(texts, ["\\xc3\\xa9", "plain", "caf\\xe9"]);
    assert!(result.note.as_ref().unwrap().contains("shown as bytes"));
    world.finish("SELECT 3", Transaction::Idle);
    assert!(said(&world).contains("client_encoding changed while this ran"));
    assert!(said(&world).contains("client_encoding is LATIN1 now"));
}

#[test]
fn rows_that_can_be_read_stay_and_the_new_encoding_is_said() {
    let mut world = World::new().connected();
    world.run("set client_encoding = 'MULE_INTERNAL'");
    expect!(changes(&mut world, "UTF8", "MULE_INTERNAL", vec![]), []);
    world.finish("SET", Transaction::Idle);
    assert!(world.notice().contains("SET client_encoding = 'UTF8'"));
    assert!(said(&world).contains("can't be sent"));
    world.run("set client_encoding = 'UTF8'");
    expect!(changes(&mut world, "MULE_INTERNAL", "UTF8", vec![]), []);
    world.finish("SET", Transaction::Idle);
    assert!(said(&world).contains("client_encoding is UTF8 now."));
}

#[test]
fn a_change_of_a_query_that_is_over_is_nothing() {
    let mut world = World::new().connected();
    world.run("select 1");
    let query = world.query();
    world.finish("SELECT 1", Transaction::Idle);
    let msg = Msg::EncodingChanged {
        query,
        from: "UTF8".into(),
        to: "LATIN1".into(),
        is_understood: true,
        escaped: vec![vec![of(&["x"])]],
    };
    expect!(world.send(msg), []);
    assert!(!said(&world).contains("LATIN1"));
}
