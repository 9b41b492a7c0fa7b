//! Opening, passwords, closing, and what comes in the wrong order.

use super::*;
use crate::{
    base::transaction::Transaction,
    conninfo::service::{Service, ServiceFile},
    effect::Effect as RootEffect,
    model::Model,
    rows::Column,
    update::{
        connection::{self, discovery::Environment},
        keeping::{Kept, SavedConnection},
        picker::Picker,
        query::{self, page::Ended, run},
        shell::{command::Command, dialog::Dialog, welcome},
        testing::{World, config, expect, nothing_kept, refusal},
    },
};

fn with_saved() -> World {
    with_saved_as(config(7000))
}

fn with_saved_as(config: Config) -> World {
    let mut ids = Ids::seeded(1);
    World::with(Kept {
        connections: vec![SavedConnection {
            id: ConnectionId::next(&mut ids),
            config: Config { name: "shop".into(), ..config },
            last_used_us: None,
        }],
        ..nothing_kept()
    })
}

/// A world that asks the keychain about the secrets of a saved connection with a client key.
fn with_key() -> World {
    let mut world = with_saved_as(Config { ssl_key: "client.key".into(), ..config(7000) });
    expect!(named(&mut world), [Keychain(Read { kind: SecretKind::SslKey, .. })]);
    world
}

fn named(world: &mut World) -> Vec<RootEffect> {
    let target = Box::new(welcome::Target::Named("shop".into()));
    world.send(welcome::Msg::Asked { target })
}

fn read(world: &World) -> Request {
    match world.link() {
        Link::AskingKeychain { request, .. } => *request,
        other => panic!("the keychain is not asked: {other:?}"),
    }
}

fn answer_keychain(world: &mut World, result: Result<Secret, Refusal>) -> Vec<RootEffect> {
    answer_about(world, SecretKind::Database, result)
}

fn answer_about(
    world: &mut World,
    kind: SecretKind,
    result: Result<Secret, Refusal>,
) -> Vec<RootEffect> {
    let (request, connection) = (read(world), world.connection());
    world.send(keychain::Msg::Read { request, connection, kind, result })
}

#[test]
fn a_saved_connection_asks_the_keychain_first() {
    let mut world = with_saved();
    expect!(named(&mut world), [Keychain(Read { kind: SecretKind::Database, .. })]);
    let effects = answer_keychain(&mut world, Ok(Secret::new("pw")));
    assert_eq!(opened_with(&effects), Some("pw"));
    expect!(world.open_link(), [Store(SaveConnection { .. }), Schema(Load { .. })]);
    assert!(world.model.connections[&world.connection()].secrets.is_empty());
}

#[track_caller]
fn opened_with(effects: &[RootEffect]) -> Option<&str> {
    expect!(effects, [Connection(Open { secrets, .. })]);
    secrets.get(SecretKind::Database).map(Secret::reveal)
}

#[test]
fn the_keychain_s_password_comes_before_the_environment_s_and_that_before_none() {
    let environment = Some(Secret::new("of-env"));
    for (kept, of_environment, expected) in [
        (Ok(Secret::new("kept")), environment.clone(), Some("kept")),
        (Err(Refusal::NotFound), environment.clone(), Some("of-env")),
        // Then the runner looks into the password file.
        (Err(Refusal::NotFound), None, None),
    ] {
        let mut world = with_saved();
        world.find(Environment { password: of_environment, ..Environment::default() });
        named(&mut world);
        let effects = answer_keychain(&mut world, kept);
        assert_eq!(opened_with(&effects), expected);
    }
    let mut world = World::new();
    world.find(Environment { password: environment, ..Environment::default() });
    let effects = world.connect_with(5432, Some("typed"));
    assert_eq!(opened_with(&effects), Some("typed"));
}

#[test]
fn a_password_that_nobody_typed_is_refused_with_the_place_where_it_stands() {
    let mut world = World::new();
    world.connect(5432);
    let detail = Some("The password came from the password file /p, line 2.".to_owned());
    let failure = Failure { detail: detail.clone(), ..refusal("28P01", "wrong password") };
    expect!(world.fail_link(failure), []);
    let Some(Dialog::Connection(connection::Dialog::Password(prompt))) = &world.model.dialog else {
        panic!("no prompt");
    };
    assert_eq!(prompt.failure.as_ref().and_then(|failure| failure.detail.clone()), detail);
}

#[test]
fn a_wrong_password_asks_and_the_right_one_is_stored_when_the_server_took_it() {
    let mut world = with_saved();
    named(&mut world);
    answer_keychain(&mut world, Ok(Secret::new("old")));
    expect!(world.fail_link(refusal("28P01", "wrong password")), []);
    assert!(
        matches!(&world.model.dialog, Some(Dialog::Connection(connection::Dialog::Password(prompt))) if prompt.failure.is_some())
    );
    world.type_secret("again");
    expect!(world.command(Command::DialogAccept), [Connection(Open { .. })]);
    expect!(world.fail_link(refusal("28P01", "wrong password")), []);
    world.type_secret("right");
    assert_eq!(opened_with(&world.command(Command::DialogAccept)), Some("right"));
    expect!(
        world.open_link(),
        [
            Store(SaveConnection { .. }),
            Keychain(Store { kind: SecretKind::Database, password, .. }),
            Schema(Load { .. }),
        ]
    );
    assert_eq!(password.reveal(), "right");
}

#[test]
fn a_secret_that_proved_right_is_stored_though_another_one_had_to_be_typed_after_it() {
    let mut world = with_saved();
    named(&mut world);
    answer_keychain(&mut world, Err(Refusal::NotFound));
    let wants = |kind| Failure::new(Category::Ssh, "a secret").wanting(Want::Secret(kind));
    expect!(world.fail_link(wants(SecretKind::Ssh)), []);
    world.type_secret("of the tunnel");
    expect!(world.command(Command::DialogAccept), [Connection(Open { .. })]);
    expect!(world.fail_link(wants(SecretKind::Database)), []);
    world.type_secret("of the role");
    expect!(world.command(Command::DialogAccept), [Connection(Open { .. })]);
    let stored: Vec<_> = world
        .open_link()
        .into_iter()
        .filter_map(|effect| match effect {
            RootEffect::Keychain(keychain::Effect::Store { kind, password, .. }) => {
                Some((kind, password.reveal().to_owned()))
            }
            _ => None,
        })
        .collect();
    let expected = [
        (SecretKind::Database, "of the role".to_owned()),
        (SecretKind::Ssh, "of the tunnel".to_owned()),
    ];
    assert_eq!(stored, expected);
}

#[test]
fn a_login_that_no_password_helps_asks_for_none_and_one_that_is_looked_up_elsewhere_does() {
    for (message, asks) in [
        ("Peer authentication failed for user \"ada\"", false),
        ("no pg_hba.conf entry for host \"10.0.0.7\"", false),
        ("role \"ada\" does not exist", false),
        ("LDAP authentication failed for user \"ada\"", true),
        ("PAM-Authentifizierung für Benutzer »ada« fehlgeschlagen", true),
    ] {
        for password in [None, Some("pw")] {
            let mut world = World::new();
            world.connect_with(5432, password);
            world.fail_link(refusal("28000", message));
            assert_eq!(
                matches!(&world.model.dialog, Some(Dialog::Connection(connection::Dialog::Password(prompt))) if prompt.failure.is_some()),
                asks,
                "{message}"
            );
            assert!(!world.is_busy(), "{message}");
        }
    }
}

#[test]
fn a_keychain_that_is_absent_is_said_and_the_password_asked_for() {
    let mut world = with_saved();
    named(&mut world);
    let absent = Refusal::Unavailable { reason: "no service".into() };
    expect!(answer_keychain(&mut world, Err(absent)), [Connection(Open { .. })]);
    assert!(world.notice().contains("kept in memory"));
    world.fail_link(Failure {
        sqlstate: Some("28P01".into()),
        ..Failure::new(Category::Authentication, "password required")
    });
    assert!(
        matches!(&world.model.dialog, Some(Dialog::Connection(connection::Dialog::Password(prompt))) if prompt.failure.is_none())
    );
}

#[test]
fn a_password_that_is_not_given_fails_what_waits() {
    let mut world = World::new();
    world.connect(5432);
    world.text("select 1");
    world.command(Command::QueryRun);
    world.fail_link(refusal("28P01", "wrong password"));
    assert!(!world.is_busy(), "it waits for the user");
    expect!(world.command(Command::DialogCancel), []);
    assert!(matches!(world.tab().run, run::Run::Idle));
    assert!(matches!(world.tab().ended, Some(Ended::Badly { .. })));
}

#[test]
fn a_dialog_over_the_password_prompt_cancels_it() {
    let mut world = World::new();
    world.connect(5432);
    world.text("select 1");
    world.command(Command::QueryRun);
    world.fail_link(refusal("28P01", "wrong password"));
    let tab = world.model.pages.active;
    world.command(Command::DialogCancel);
    world.command(Command::QueryRun);
    world.fail_link(refusal("28P01", "wrong password"));
    let other = palette();
    world.asked(|model| crate::update::shell::dialog::show(model, other));
    assert!(matches!(world.model.pages.get_mut(tab).map(|tab| &tab.run), Some(run::Run::Idle)));
}

fn palette() -> Dialog {
    Dialog::Palette(Picker::default())
}

#[test]
fn a_url_with_the_password_answers_the_prompt() {
    let mut world = World::new();
    world.connect(5432);
    world.fail_link(refusal("28P01", "wrong password"));
    expect!(world.connect(5432), []);
    assert_eq!(opened_with(&world.connect_with(5432, Some("pw"))), Some("pw"));
    assert_eq!(world.model.dialog, None);
}

#[test]
fn a_connection_that_closes_is_opened_again_when_it_was_asked_for_meanwhile() {
    let mut world = World::new().connected();
    world.command(Command::ConnectionDisconnect);
    expect!(world.connect(5432), []);
    let connection = world.connection();
    let effects = world.send(connection::Msg::Closed { connection });
    expect!(effects, [Connection(Open { connection: opened, .. })] if *opened == connection);
    expect!(world.send(connection::Msg::Closed { connection }), []);
    assert!(world.is_busy());
}

#[test]
fn reconnecting_an_open_connection_closes_it_and_opens_it_again() {
    let mut world = World::new().connected();
    let connection = world.connection();
    let effects = world.command(Command::ConnectionReconnect);
    expect!(effects, [Connection(Close { connection: closed })] if *closed == connection);
    let effects = world.send(connection::Msg::Closed { connection });
    expect!(effects, [Connection(Open { connection: opened, .. })] if *opened == connection);
}

#[test]
fn reconnecting_does_not_end_an_open_transaction() {
    let mut world = World::new().connected();
    world.run("begin");
    world.finish("BEGIN", Transaction::Active);
    expect!(world.command(Command::ConnectionReconnect), []);
    assert!(world.notice().contains("a transaction is open"));
}

#[test]
fn another_connection_leaves_an_open_transaction_in_its_tab() {
    let mut world = World::new().connected();
    world.run("begin");
    world.finish("BEGIN", Transaction::Active);
    let first = world.model.pages.active;
    expect!(
        world.connect(5433),
        [Store(SaveTab { .. }), Store(SaveLayout { .. }), Connection(Open { .. })]
    );
    assert_ne!(world.model.pages.active, first);
    assert_eq!(
        world.model.pages.get_mut(first).and_then(|tab| tab.transaction()),
        Some(Transaction::Active)
    );
}

#[test]
fn a_connection_that_opens_after_it_was_deleted_is_closed() {
    let mut world = World::new().connected();
    let mut ids = Ids::seeded(99);
    let gone = ConnectionId::next(&mut ids);
    let attempt = world.model.cx.request();
    let server = ServerInfo::default();
    assert_eq!(
        world.send(Msg::Opened { connection: gone, attempt, server }),
        [Effect::Close { connection: gone }.into()]
    );
}

/// What goes to the server.
fn sent(mut effects: Vec<RootEffect>) -> Vec<RootEffect> {
    effects.retain(|effect| matches!(effect, RootEffect::Query(_)));
    effects
}

#[test]
fn a_connection_that_becomes_read_only_lets_an_open_transaction_end_and_writes_no_more() {
    let mut world = World::new().connected();
    let set = |world: &mut World, read_only| {
        world.change_config(|config| config.read_only = read_only);
    };
    world.run("begin");
    world.finish("BEGIN", Transaction::Active);
    set(&mut world, true);
    expect!(sent(world.run("commit")), [Query(Run { .. })]);
    world.finish("COMMIT", Transaction::Idle);
    expect!(sent(world.run("begin")), [Query(RunReadOnly { .. })]);
    world.finish("BEGIN", Transaction::Active);
    set(&mut world, false);
    set(&mut world, true);
    expect!(sent(world.run("commit")), [Query(RunReadOnly { .. })]);
}

#[test]
fn a_connection_that_was_opened_read_only_writes_when_it_is_opened_again() {
    let mut world = World::new();
    world.connect(5432);
    world.open_link();
    let connection = world.connection();
    let set = |world: &mut World, read_only| {
        world.change_config(|config| config.read_only = read_only);
    };
    let reopen = |world: &mut World| {
        world.command(Command::ConnectionReconnect);
        world.send(connection::Msg::Closed { connection });
        answer_keychain(world, Err(Refusal::NotFound));
        world.open_link();
    };
    set(&mut world, true);
    reopen(&mut world);
    set(&mut world, false);
    expect!(sent(world.run("select 1")), [Query(RunReadOnly { .. })]);
    world.finish("SELECT 1", Transaction::Idle);
    reopen(&mut world);
    expect!(sent(world.run("select 1")), [Query(Run { .. })]);
}

#[test]
fn disconnecting_asks_where_something_would_be_lost() {
    let mut world = World::new().connected();
    world.run("begin");
    world.finish("BEGIN", Transaction::Active);
    expect!(world.command(Command::ConnectionDisconnect), []);
    expect!(world.command(Command::DialogToggle), [Session(End { .. }), Connection(Close { .. })]);
    assert_eq!(world.link(), &Link::Closing);
    assert!(world.is_busy(), "it still closes");
}

#[test]
fn deleting_a_connection_in_use_keeps_its_sessions() {
    let mut world = with_saved();
    named(&mut world);
    answer_keychain(&mut world, Err(Refusal::NotFound));
    world.open_link();
    expect!(world.command(Command::ConnectionDelete), []);
    expect!(
        world.command(Command::DialogAccept),
        [Store(DeleteConnection { .. }), Keychain(Delete { .. })]
    );
    assert!(world.model.connections[&world.connection()].is_open());
    assert!(!world.model.connections[&world.connection()].saved);
}

#[test]
fn a_test_of_a_saved_connection_takes_the_keychains_password() {
    let mut world = with_saved();
    named(&mut world);
    answer_keychain(&mut world, Err(Refusal::NotFound));
    world.open_link();
    world.command(Command::ConnectionEdit);
    let effects = world.command(Command::DialogTest);
    expect!(effects, [Keychain(Read { request, connection, kind })]);
    let (request, connection, kind) = (*request, *connection, *kind);
    let answer = keychain::Msg::Read { request, connection, kind, result: Ok(Secret::new("pw")) };
    expect!(world.send(answer.clone()), [Connection(Test { secrets, .. })]);
    assert_eq!(secrets.get(SecretKind::Database), Some(&Secret::new("pw")));
    expect!(world.send(answer), []);
}

#[test]
fn the_password_of_a_passing_connection_is_stored_with_the_connection_where_asked() {
    let mut world = World::new();
    world.connect(5432);
    world.fail_link(refusal("28P01", "password required"));
    world.type_secret("pw");
    assert!(!world.model.connections[&world.connection()].saved);
    world.command(Command::DialogToggle);
    expect!(world.command(Command::DialogAccept), [Connection(Open { .. })]);
    expect!(
        world.open_link(),
        [
            Store(SaveConnection { .. }),
            Keychain(Store { kind: SecretKind::Database, password, .. }),
            Schema(Load { .. }),
        ]
    );
    assert_eq!(password.reveal(), "pw");
    assert!(world.model.connections[&world.connection()].saved);
}

#[test]
fn the_password_of_a_passing_connection_is_not_stored_unasked() {
    let mut world = World::new();
    world.connect(5432);
    world.fail_link(refusal("28P01", "password required"));
    world.type_secret("pw");
    world.command(Command::DialogAccept);
    expect!(world.open_link(), [Schema(Load { .. })]);
    assert!(!world.model.connections[&world.connection()].saved);
}

#[test]
fn an_answer_of_the_keychain_to_another_question_changes_nothing() {
    let mut world = with_saved();
    named(&mut world);
    let (connection, request) = (world.connection(), world.model.cx.request());
    let stale = keychain::Msg::Read {
        request,
        connection,
        kind: SecretKind::Database,
        result: Ok(Secret::new("of another time")),
    };
    expect!(world.send(stale), []);
    assert!(matches!(world.link(), Link::AskingKeychain { .. }));
}

#[test]
fn an_answer_to_another_attempt_opens_nothing() {
    let mut world = World::new();
    world.connect(5432);
    let (connection, attempt) = (world.connection(), world.model.cx.request());
    expect!(world.send(Msg::Opened { connection, attempt, server: ServerInfo::default() }), []);
    assert!(matches!(world.link(), Link::Opening { .. }));
}

#[test]
fn a_failure_of_another_attempt_fails_nothing() {
    let mut world = World::new();
    world.connect(5432);
    let (connection, attempt) = (world.connection(), world.model.cx.request());
    let failure = refusal("3D000", "no such database");
    let stale = Msg::OpenFailed { connection, attempt, failure };
    expect!(world.send(stale), []);
    assert!(matches!(world.link(), Link::Opening { .. }));
    assert_eq!(world.tab().ended, None);
}

#[test]
fn the_tabs_of_a_connection_that_was_refused_say_so_and_those_of_another_do_not() {
    let mut world = World::new().connected();
    let other = world.model.pages.active;
    world.command(Command::TabNew);
    world.connect(5433);
    world.fail_link(refusal("28P01", "wrong password"));
    assert!(
        matches!(&world.tab().ended, Some(Ended::Badly { failure }) if failure.is("28P01")),
        "{:?}",
        world.tab().ended
    );
    let other = world.model.pages.get_mut(other).unwrap();
    assert_eq!(other.ended, Some(Ended::Well));
}

#[test]
fn types_that_are_named_later_are_named_in_every_tab_of_their_connection_and_in_no_other() {
    const MOOD: u32 = 99_999;
    let mut world = World::new().connected();
    let mut asked = vec![];
    for port in [5432, 5432, 5433] {
        world.command(Command::TabNew);
        world.connect(port);
        if port == 5433 {
            world.open_link();
        }
        world.run("select a from t");
        let query = world.query();
        let columns = vec![Column::new("a", MOOD, -1)];
        asked.extend(world.send(query::Msg::Described { query, columns }));
        world.finish("SELECT 0", Transaction::Idle);
    }
    let RootEffect::Connection(Effect::ResolveTypes { request, connection, .. }) = asked[0].clone()
    else {
        panic!("{asked:?}");
    };
    world.send(Msg::TypesResolved { request, connection, names: vec![(MOOD, "mood".into())] });
    let named: Vec<_> = world
        .model
        .pages
        .open
        .iter()
        .flat_map(|tab| &tab.results.list)
        .map(|result| result.rows.columns()[0].type_name.as_str())
        .collect();
    assert_eq!(named, ["mood", "mood", ""]);
}

#[test]
fn what_a_connection_is_called_and_where_it_stands_in_the_list_make_no_other_place_of_it() {
    let here = config(5432);
    let looks: [fn(&mut Config); 4] = [
        |config| config.name = "shop".into(),
        |config| config.colour = crate::conninfo::Colour::Red,
        |config| config.group = "live".into(),
        |config| config.order = 7,
    ];
    for change in looks {
        let mut other = here.clone();
        change(&mut other);
        assert_ne!(other, here);
        assert!(same_place(&here, &other), "{other:?}");
    }
    let leads: [fn(&mut Config); 3] = [
        |config| config.port = 5433,
        |config| config.user = "eve".into(),
        |config| config.read_only = true,
    ];
    for change in leads {
        let mut other = here.clone();
        change(&mut other);
        assert!(!same_place(&here, &other), "{other:?}");
    }
}

#[test]
fn each_secret_is_asked_for_in_turn_and_no_more_where_the_keychain_is_absent() {
    let answer = |world: &mut World, result| answer_about(world, SecretKind::SslKey, result);
    let mut world = with_key();
    let found = answer(&mut world, Ok(Secret::new("open sesame")));
    expect!(found, [Keychain(Read { kind: SecretKind::Database, .. })]);
    expect!(answer_keychain(&mut world, Err(Refusal::NotFound)), [Connection(Open { .. })]);
    let mut world = with_key();
    let missing = answer(&mut world, Err(Refusal::NotFound));
    expect!(missing, [Keychain(Read { kind: SecretKind::Database, .. })]);
    let mut world = with_key();
    let absent = Refusal::Unavailable { reason: "no service".into() };
    expect!(answer(&mut world, Err(absent)), [Connection(Open { .. })]);
}

#[test]
fn fr_019a_a_secret_that_no_keychain_takes_is_asked_for_once_and_used_for_the_whole_run() {
    for kind in [SecretKind::Database, SecretKind::Ssh, SecretKind::SslKey] {
        let mut world = with_saved();
        let absent = || Refusal::Unavailable { reason: "no service".into() };
        named(&mut world);
        answer_keychain(&mut world, Err(absent()));
        let wanted = Failure {
            wants: Some(Want::Secret(kind)),
            ..Failure::new(Category::Authentication, "a secret is wanted")
        };
        expect!(world.fail_link(wanted), []);
        world.type_secret("typed");
        let effects = world.command(Command::DialogAccept);
        let has_it = |effects: &[RootEffect]| {
            matches!(effects, [RootEffect::Connection(Effect::Open { secrets, .. })]
                if secrets.get(kind) == Some(&Secret::new("typed")))
        };
        assert!(has_it(&effects), "{effects:?}");
        expect!(
            world.open_link(),
            [Store(SaveConnection { .. }), Keychain(Store { request, .. }), Schema(Load { .. })]
        );
        let (connection, request) = (world.connection(), *request);
        world.send(keychain::Msg::Stored { request, connection, kind, result: Err(absent()) });
        assert!(world.notice().contains("no service"), "{}", world.notice());
        assert!(world.notice().contains("kept in memory until Tusk ends"));
        // The second time neither the keychain nor the user is asked for it.
        world.command(Command::ConnectionDisconnect);
        world.send(Msg::Closed { connection });
        let mut effects = world.command(Command::ConnectionReconnect);
        if kind != SecretKind::Database {
            effects = answer_keychain(&mut world, Err(Refusal::NotFound));
        }
        assert!(has_it(&effects), "{effects:?}");
        assert_eq!(world.model.dialog, None);
    }
}

#[test]
fn fr_019a_a_secret_in_memory_goes_when_the_keychain_has_it_or_the_connection_is_deleted() {
    let mut world = with_saved();
    named(&mut world);
    answer_keychain(&mut world, Err(Refusal::NotFound));
    world.fail_link(refusal("28P01", "no password"));
    world.type_secret("typed");
    world.command(Command::DialogAccept);
    expect!(
        world.open_link(),
        [Store(SaveConnection { .. }), Keychain(Store { request, kind, .. }), Schema(Load { .. })]
    );
    let (connection, request, kind) = (world.connection(), *request, *kind);
    assert!(world.model.connections[&connection].secrets.has(kind));
    world.send(keychain::Msg::Stored { request, connection, kind, result: Ok(()) });
    assert!(world.model.connections[&connection].secrets.is_empty());
}

#[test]
fn fr_019a_at_the_end_of_the_program_no_secret_is_left_in_the_model() {
    let holds = |model: &Model| {
        // Debug prints a secret that is there as three stars.
        format!("{model:?}").contains("***")
    };
    let mut opening = World::new();
    opening.connect_with(5432, Some("pw"));
    let mut asking = with_key();
    answer_about(&mut asking, SecretKind::SslKey, Ok(Secret::new("pw")));
    assert!(matches!(asking.link(), Link::AskingKeychain { .. }));
    let mut prompted = with_saved();
    named(&mut prompted);
    answer_keychain(&mut prompted, Err(Refusal::NotFound));
    prompted.fail_link(refusal("28P01", "no password"));
    prompted.type_secret("typed");
    let mut typing = World::new();
    let defaults = typing.model.defaults.clone();
    typing.send(welcome::edited("postgres://a:pw@h/d", &defaults));
    let mut of_environment = World::new();
    of_environment
        .find(Environment { password: Some(Secret::new("pw")), ..Environment::default() });
    let mut of_service = World::new();
    let secrets = [("password".to_owned(), Secret::new("pw"))];
    let service = Service {
        name: "shop".into(),
        parameters: BTreeMap::new(),
        secrets: secrets.into(),
        mistake: None,
    };
    let file = ServiceFile { path: "/s".into(), services: Ok(vec![service]) };
    of_service.find(Environment { service_files: vec![file], ..Environment::default() });
    for mut world in [opening, asking, prompted, typing, of_environment, of_service] {
        assert!(holds(&world.model), "{:?}", world.model);
        world.send(crate::update::shell::app::Msg::CloseRequested);
        assert_eq!(world.model.phase, crate::model::Phase::Quitting);
        world.model.welcome.masked.clear();
        assert!(!holds(&world.model), "{:?}", world.model);
    }
}
