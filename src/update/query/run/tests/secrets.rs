//! What a server says of a statement comes back without its secrets.

use super::*;
use crate::effect::Effect as RootEffect;

const SECRET: &str = "S3cret-Word";

/// A failure that repeats a text in each of its parts.
fn repeating(text: &str) -> Failure {
    let part = Some(format!("near \"{text}\""));
    Failure {
        sqlstate: Some("42601".into()),
        severity: "ERROR".into(),
        detail: part.clone(),
        hint: part.clone(),
        internal: Some((1, format!("select '{text}'"))),
        context: part.clone(),
        schema: part.clone(),
        table: part.clone(),
        column: part.clone(),
        data_type: part.clone(),
        constraint: part.clone(),
        next_step: part,
        ..Failure::new(Category::Query, format!("syntax error at or near \"{text}\""))
    }
}

/// What would be kept or shown: everything but the text that it was typed into.
fn all_that_is_kept(world: &World, effects: &[RootEffect]) -> String {
    let tab = world.tab();
    format!(
        "{:?} {:?} {:?} {:?} {:?} {effects:?}",
        tab.messages, tab.ended, tab.editor.mark, world.model.history, world.model.cx.notices
    )
}

#[test]
fn no_part_of_a_failure_or_a_notice_repeats_a_secret() {
    let mut world = World::new().connected();
    let mut effects = world.run(&format!("alter role r password {SECRET}"));
    let (session, query) = (world.session(), world.query());
    let notice = Box::new(repeating(SECRET));
    effects.extend(world.send(session::Msg::Noticed { session, query: Some(query), notice }));
    effects.extend(world.fail(repeating(SECRET), Transaction::Idle));
    // A function that was made with it may say it later.
    effects.extend(world.run("select f()"));
    effects.extend(world.send(session::Msg::Notified {
        session,
        channel: "jobs".into(),
        payload: SECRET.into(),
        backend_pid: 1,
    }));
    effects.extend(world.fail(repeating(&SECRET.to_lowercase()), Transaction::Idle));
    let sent = sent(&effects).join(" ");
    assert!(sent.contains(SECRET), "the server is sent what was written");
    effects.retain(|effect| !matches!(effect, RootEffect::Query(Effect::Run { .. })));
    let kept = all_that_is_kept(&world, &effects);
    assert!(kept.contains("syntax error at or near \\\"***\\\""), "{kept}");
    assert!(!kept.to_lowercase().contains("s3cret"), "{kept}");
}

#[test]
fn what_is_no_secret_is_repeated() {
    let mut world = World::new().connected();
    let mut effects = world.run("select 'S3cret-Word' from t");
    effects.extend(world.fail(repeating(SECRET), Transaction::Idle));
    let kept = all_that_is_kept(&world, &effects);
    assert!(kept.contains(SECRET) && !kept.contains("***"), "{kept}");
}

#[test]
fn a_short_secret_hides_no_word_of_another_statement() {
    let mut world = World::new().connected();
    world.run("alter role r password at");
    world.fail(repeating("at"), Transaction::Idle);
    assert!(!world.messages().join(" ").contains("\"at\""));
    world.run("select 1");
    world.fail(repeating("x"), Transaction::Idle);
    let messages = world.messages().join("\n");
    assert!(messages.contains("syntax error at or near \"x\""), "{messages}");
}
