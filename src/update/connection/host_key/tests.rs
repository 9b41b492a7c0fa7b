//! The question about an SSH server's key: what asks it, what answers it, and what comes too late.

use super::*;
use crate::{
    base::secret::{Secret, SecretKind},
    failure::{Category, Want},
    screen::screen,
    update::{
        connection::{self, Link},
        query::{page::Ended, run},
        shell::{
            command::Command,
            dialog::{self, Dialog},
        },
        testing::{World, expect, refusal},
    },
};

fn key() -> HostKey {
    HostKey {
        host: "bastion.example".into(),
        port: 2222,
        algorithm: "ssh-ed25519".into(),
        fingerprint: "SHA256:2GhzWzBAqCRWLyB7yTDAZ4cZvV7gnGDKzS1s1xJ+2YQ".into(),
        key: "AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ".into(),
    }
}

fn unknown() -> Failure {
    let mut failure = Failure::new(Category::Ssh, "the key is not known");
    failure.detail = Some("Another key of this server is known.".into());
    failure.wanting(Want::HostKey(key()))
}

fn asks(world: &World) -> bool {
    let dialog = dialog::of_connection(&world.model.dialog);
    dialog.is_some_and(|dialog| dialog.asks_trust(world.connection()))
}

/// A tab whose run waits for a connection that met an unknown server.
fn asked() -> World {
    let mut world = World::new();
    world.connect_with(5432, Some("pw"));
    world.text("select 1");
    world.command(Command::QueryRun);
    expect!(world.fail_link(unknown()), []);
    assert!(asks(&world));
    world
}

fn write(world: &mut World) -> Request {
    let effects = world.command(Command::DialogAlternative);
    expect!(effects, [Connection(TrustHostKey { request, key: written })]);
    assert_eq!(**written, key());
    *request
}

#[test]
fn the_question_shows_the_server_its_algorithm_and_its_fingerprint() {
    let world = asked();
    let now = world.model.cx.now;
    let text = screen(&world.model, now).to_text(&world.model);
    for part in [
        "Trust the SSH server bastion.example:2222?",
        "ssh-ed25519 SHA256:2GhzWzBAqCRWLyB7yTDAZ4cZvV7gnGDKzS1s1xJ+2YQ",
        "Another key of this server is known.",
        "Don't connect",
        "Trust this key and connect",
    ] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

#[test]
fn a_key_that_is_trusted_is_kept_and_then_connecting_goes_on_with_what_it_had() {
    let mut world = asked();
    assert!(!world.is_busy(), "it waits for the user");
    let request = write(&mut world);
    assert!(world.is_busy());
    let effects = world.send(connection::Msg::HostKeyTrusted { request, result: Ok(()) });
    expect!(effects, [Connection(Open { secrets, .. })]);
    assert_eq!(secrets.get(SecretKind::Database), Some(&Secret::new("pw")));
    assert_eq!(world.model.dialog, None);
    expect!(world.open_link(), [Session(Open { .. }), Schema(Load { .. })]);
}

#[test]
fn enter_and_escape_trust_nobody() {
    for refusing in [Command::DialogAccept, Command::DialogCancel] {
        let mut world = asked();
        expect!(world.command(refusing), []);
        assert_eq!(world.model.dialog, None);
        assert!(matches!(world.tab().run, run::Run::Idle));
        assert!(matches!(world.tab().ended, Some(Ended::Badly { .. })));
        assert!(matches!(world.link(), Link::Failed { .. }));
    }
}

#[test]
fn trust_is_written_once() {
    let mut world = asked();
    write(&mut world);
    expect!(world.command(Command::DialogAlternative), []);
}

#[test]
fn a_key_that_could_not_be_kept_is_not_trusted_and_says_why() {
    let mut world = asked();
    let request = write(&mut world);
    let result = Err(Failure::new(Category::Storage, "the disk is full"));
    expect!(world.send(connection::Msg::HostKeyTrusted { request, result }), []);
    let now = world.model.cx.now;
    let text = screen(&world.model, now).to_text(&world.model);
    assert!(text.contains("The disk is full"), "{text}");
    write(&mut world);
}

#[test]
fn an_answer_after_the_question_was_taken_back_connects_nothing() {
    let mut world = asked();
    let request = write(&mut world);
    world.command(Command::DialogCancel);
    let late = connection::Msg::HostKeyTrusted { request, result: Ok(()) };
    expect!(world.send(late.clone()), []);
    let mut world = asked();
    expect!(world.send(late), []);
    assert!(asks(&world));
}

#[test]
fn asking_for_the_connection_again_leaves_the_question_open() {
    let mut world = asked();
    expect!(world.connect_with(5432, Some("pw")), []);
    assert!(asks(&world));
}

#[test]
fn a_question_that_can_t_be_asked_now_fails_what_waits() {
    let mut world = World::new();
    world.connect(5432);
    world.text("select 1");
    world.command(Command::QueryRun);
    world.command(Command::PaletteOpen);
    expect!(world.fail_link(unknown()), []);
    assert!(matches!(world.tab().run, run::Run::Idle));
    assert!(matches!(world.model.dialog, Some(Dialog::Palette(_))));
}

#[test]
fn a_key_that_changed_is_no_question() {
    let mut world = World::new();
    world.connect(5432);
    expect!(world.fail_link(Failure::new(Category::Ssh, "the key has changed")), []);
    assert_eq!(world.model.dialog, None);
    expect!(world.command(Command::DialogAlternative), []);
}

#[test]
fn a_password_that_was_typed_before_is_stored_when_the_server_is_trusted() {
    let mut world = World::new();
    world.connect_with(5432, Some("old"));
    world.change_config(|_| ());
    world.fail_link(refusal("28P01", "wrong password"));
    world.type_secret("new");
    expect!(world.command(Command::DialogAccept), [Connection(Open { .. })]);
    expect!(world.fail_link(unknown()), []);
    let request = write(&mut world);
    let result = Ok(());
    expect!(
        world.send(connection::Msg::HostKeyTrusted { request, result }),
        [Connection(Open { .. })]
    );
    expect!(
        world.open_link(),
        [
            Store(SaveConnection { .. }),
            Keychain(Store { kind: SecretKind::Database, password, .. }),
            Schema(Load { .. }),
        ]
    );
    assert_eq!(password.reveal(), "new");
}
