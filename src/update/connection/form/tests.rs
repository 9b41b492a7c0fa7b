//! Every field there and back, what is shown when, and what is said of a mistake.

use super::*;
use crate::{
    conninfo::{
        ChannelBinding, Colour, Endpoint, Keepalive, SshAuth, SshTunnel, SslMode, TargetSession,
        TlsFiles, TlsVersions,
    },
    effect::Effect as RootEffect,
    update::{
        connection::{self, discovery::Environment},
        keeping::{self, Kept, SavedConnection},
        shell::{
            command::Command,
            dialog::{self, Dialog},
        },
        testing::{World, config, expect, nothing_kept},
    },
};

fn full() -> Config {
    Config {
        name: "shop".into(),
        colour: Colour::Violet,
        group: "work".into(),
        order: 3,
        host: "a".into(),
        port: 1,
        hostaddr: "10.0.0.1".into(),
        fallbacks: vec![Endpoint { host: "::1".into(), port: 2, hostaddr: String::new() }],
        target_session: TargetSession::Standby,
        shuffled: true,
        database: "shop".into(),
        user: "app".into(),
        ssl_mode: SslMode::VerifyFull,
        ssl_root_cert: "/ca".into(),
        ssl_cert: "/c".into(),
        ssl_key: "/k".into(),
        tls_versions: TlsVersions::Only13,
        channel_binding: ChannelBinding::Require,
        allow_cleartext: true,
        passfile: "/p".into(),
        ssh: Some(SshTunnel {
            host: "jump".into(),
            port: 2222,
            user: "ann".into(),
            auth: SshAuth::Key { path: "/id".into() },
        }),
        connect_timeout_s: 0,
        keepalive: Keepalive { on: false, idle_s: 1, interval_s: 2, count: 3, user_timeout_ms: 4 },
        statement_timeout_ms: 5,
        pool_size: 6,
        pool_timeout_s: 7,
        application_name: "me".into(),
        options: "-c geqo=off".into(),
        read_only: true,
    }
}

fn place(field: Field) -> usize {
    Field::ALL.iter().position(|other| *other == field).unwrap()
}

fn set(form: &mut ConnectionForm, field: Field, text: &str) {
    form.texts.insert(field, Buffer::new(text));
}

fn shown(form: &ConnectionForm) -> Vec<Field> {
    let shown = Field::ALL.into_iter().filter(|field| form.shows(*field));
    shown.collect()
}

fn sane() -> Config {
    Config { database: "shop".into(), user: "app".into(), ..Config::default() }
}

#[test]
fn a_configuration_comes_out_of_the_dialog_as_it_went_in() {
    for config in [full(), sane()] {
        assert_eq!(ConnectionForm::new(None, &config).config(), Ok(config));
    }
    for auth in [SshAuth::Agent, SshAuth::Password] {
        let mut config = full();
        config.ssh.as_mut().unwrap().auth = auth;
        assert_eq!(ConnectionForm::new(None, &config).config(), Ok(config));
    }
}

#[test]
fn every_field_is_listed_once_and_section_by_section() {
    let mut sorted = Field::ALL.to_vec();
    sorted.sort();
    assert_eq!(sorted, Field::ALL);
    let mut sections: Vec<Section> = Field::ALL.map(Field::section).to_vec();
    sections.dedup();
    assert_eq!(
        sections,
        [Section::Connection, Section::List, Section::Tunnel, Section::Security, Section::Session]
    );
    let form = ConnectionForm::new(None, &full());
    for field in Field::ALL {
        let kinds = [
            field.is_choice() && form.choices.contains_key(&field),
            form.texts.contains_key(&field),
            field.secret().is_some() && form.secrets.contains_key(&field),
        ];
        assert_eq!(kinds.into_iter().filter(|kind| *kind).count(), 1, "{field:?}");
    }
}

#[test]
fn fields_show_where_they_matter() {
    let form = ConnectionForm::new(None, &sane());
    let hidden = [
        Field::TargetSession,
        Field::SshHost,
        Field::SshPort,
        Field::SshUser,
        Field::SshKey,
        Field::SshSecret,
        Field::RootCert,
        Field::KeyPassphrase,
    ];
    let expected: Vec<Field> =
        Field::ALL.into_iter().filter(|field| !hidden.contains(field)).collect();
    assert_eq!(shown(&form), expected);
}

/// What a change shows, and what it hides.
fn changes(form: &mut ConnectionForm, change: fn(&mut ConnectionForm)) -> (Vec<Field>, Vec<Field>) {
    let before = shown(form);
    change(form);
    let after = shown(form);
    let only = |these: &[Field], those: &[Field]| {
        let fields = these.iter().copied();
        fields.filter(|field| !those.contains(field)).collect()
    };
    (only(&after, &before), only(&before, &after))
}

#[test]
fn a_choice_shows_what_belongs_to_it_and_hides_what_does_not() {
    let mut form = ConnectionForm::new(None, &sane());
    use Field as F;
    type Step = (fn(&mut ConnectionForm), Vec<Field>, Vec<Field>);
    let steps: Vec<Step> = vec![
        (|form| set(form, F::Host, "a,b"), vec![F::TargetSession], vec![]),
        (|form| form.choose(place(F::Tunnel), 1), vec![F::SshHost, F::SshPort, F::SshUser], vec![]),
        (|form| form.choose(place(F::Tunnel), 2), vec![F::SshKey, F::SshSecret], vec![]),
        (|form| form.choose(place(F::Tunnel), 3), vec![], vec![F::SshKey]),
        (|form| set(form, F::Key, "/k"), vec![F::KeyPassphrase], vec![]),
        (|form| form.choose(place(F::SslMode), 5), vec![F::RootCert], vec![F::Cleartext]),
        // What says something stays in sight.
        (
            |form| form.choose(place(F::SslMode), 0),
            vec![F::Cleartext],
            vec![F::RootCert, F::Cert, F::ChannelBinding],
        ),
    ];
    for (change, new, gone) in steps {
        assert_eq!(changes(&mut form, change), (new, gone));
    }
    assert_eq!((form.label(F::SshSecret), form.shows(F::Key)), ("SSH password", true));
}

#[test]
fn tab_walks_the_fields_that_are_shown_and_comes_around() {
    let mut form = ConnectionForm::new(None, &sane());
    let mut walked = vec![form.focus];
    for _ in 1..shown(&form).len() {
        form.next(true);
        walked.push(form.focus);
    }
    assert_eq!(walked, shown(&form));
    form.next(true);
    assert_eq!(form.focus, Field::Name);
    form.next(false);
    assert_eq!(form.focus, Field::Passfile);
    form.focus_field(place(Field::SshHost));
    assert_eq!(form.focus, Field::Passfile, "a hidden field takes no focus");
}

#[test]
fn each_mistake_is_said_at_its_field_and_the_first_has_focus() {
    let mut world = World::new();
    world.find(Environment { user: "ann".into(), ..Environment::default() });
    world.command(Command::ConnectionNew);
    let edits = [
        (Field::Host, "a:x"),
        (Field::Port, "many"),
        (Field::Database, ""),
        (Field::PoolSize, "0"),
        (Field::PoolTimeout, "soon"),
        (Field::StatementTimeout, "5s"),
        (Field::SshPort, "0"),
    ];
    world.send(dialog::Msg::ChoiceClicked { field: place(Field::Tunnel), choice: 2 });
    for (field, text) in edits {
        let (field, text) = (place(field), text.to_owned());
        world.send(dialog::Msg::FieldEdited { field, text });
    }
    expect!(world.command(Command::DialogAccept), []);
    let Some(Dialog::Connection(connection::Dialog::Form(form))) = &world.model.dialog else {
        panic!("the dialog went");
    };
    let said: Vec<(Field, &str)> =
        form.problems.iter().map(|(field, sentence)| (*field, sentence.as_str())).collect();
    assert_eq!(
        said,
        [
            (Field::Host, "A host's port is a number from 1 to 65535: a:5432,b:5433."),
            (Field::Port, "The port is a number from 1 to 65535."),
            (Field::Database, "Name the database."),
            (Field::SshHost, "Name the SSH server."),
            (Field::SshPort, "The port is a number from 1 to 65535."),
            (Field::SshKey, "Name the file with the private key, such as ~/.ssh/id_ed25519."),
            (Field::StatementTimeout, "This is a whole number, without a unit."),
            (Field::PoolSize, "The pool has room for 1 to 1000 connections."),
            (Field::PoolTimeout, "This is a whole number, without a unit."),
        ]
    );
    assert_eq!(form.focus, Field::Host);
    // An edit takes the sentences back.
    world.send(dialog::Msg::FieldEdited { field: place(Field::Host), text: "a".into() });
    assert!(
        matches!(&world.model.dialog, Some(Dialog::Connection(connection::Dialog::Form(form))) if form.problems.is_empty())
    );
}

#[test]
fn the_hosts_of_a_url_keep_their_addresses_as_long_as_they_are_the_same() {
    let mut form = ConnectionForm::new(None, &full());
    set(&mut form, Field::Host, "a:5,c");
    let config = form.config().unwrap();
    let servers: Vec<(String, String)> =
        config.endpoints().map(|one| (one.shown(), one.hostaddr)).collect();
    let expected = [("a:5", "10.0.0.1"), ("c:1", "")]
        .map(|(one, address)| (one.to_owned(), address.to_owned()));
    assert_eq!(servers, expected);
}

#[test]
fn the_usual_files_stand_in_the_fields_that_are_empty_and_a_missing_one_is_said() {
    let usual = TlsFiles {
        root_cert: "/h/root.crt".into(),
        cert: "/h/postgresql.crt".into(),
        key: "/h/postgresql.key".into(),
        revoked: String::new(),
    };
    let files = [Field::RootCert, Field::Cert, Field::Key];
    let verify_ca = Config { ssl_mode: SslMode::VerifyCa, ..sane() };
    let mut form = ConnectionForm::new(None, &verify_ca);
    let shown = files.map(|field| form.usual_file(field).to_owned());
    assert_eq!(shown, ["the file of the CA to trust", "none", "none"]);
    assert!(!form.shows(Field::KeyPassphrase));
    let problems = form.config().unwrap_err();
    assert_eq!(
        problems,
        [(
            Field::RootCert,
            "Name the file of the CA to trust, or choose verify-full, which takes the system's authorities.".into()
        )]
    );
    form.usual = usual.clone();
    let shown = files.map(|field| form.usual_file(field).to_owned());
    assert_eq!(shown, [usual.root_cert, usual.cert, usual.key]);
    assert!(form.shows(Field::KeyPassphrase));
    assert_eq!(form.config(), Ok(verify_ca));
    form.usual = TlsFiles::default();
    form.choose(place(Field::SslMode), 5);
    assert_eq!(form.usual_file(Field::RootCert), "the system's own");
}

fn editing(known: Config) -> World {
    let mut ids = Ids::seeded(1);
    let mut world = World::with(Kept {
        connections: vec![SavedConnection {
            id: ConnectionId::next(&mut ids),
            config: known,
            last_used_us: None,
        }],
        ..nothing_kept()
    });
    world.command(Command::FocusSidebar);
    world.command(Command::ConnectionEdit);
    world
}

#[test]
fn each_secret_goes_to_the_keychain_by_its_kind() {
    let mut world = editing(full());
    for (field, secret) in
        [(Field::Password, "one"), (Field::SshSecret, "two"), (Field::KeyPassphrase, "three")]
    {
        let field = place(field);
        world.send(dialog::Msg::FieldFocused { field });
        world.type_secret(secret);
    }
    let effects = world.command(Command::DialogAlternative);
    let stored: Vec<(SecretKind, &str)> = effects
        .iter()
        .filter_map(|effect| match effect {
            RootEffect::Keychain(keychain::Effect::Store { kind, password, .. }) => {
                Some((*kind, password.reveal()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        stored,
        [(SecretKind::Database, "one"), (SecretKind::Ssh, "two"), (SecretKind::SslKey, "three"),]
    );
    assert_eq!(effects.len(), 4, "{effects:?}");
}

#[test]
fn a_secret_that_is_of_no_use_any_more_leaves_the_keychain() {
    let mut world = editing(full());
    world.send(dialog::Msg::ChoiceClicked { field: place(Field::Tunnel), choice: 0 });
    let effects = world.command(Command::DialogAlternative);
    expect!(
        effects,
        [Keychain(Delete { kind: SecretKind::Ssh, .. }), Store(SaveConnection { .. })]
    );
}

#[test]
fn another_folder_takes_a_connection_in_at_its_end() {
    let mut world = editing(Config { group: "work".into(), order: 4, ..config(7000) });
    let order = |effects: &[RootEffect]| match effects.last() {
        Some(RootEffect::Store(keeping::Effect::SaveConnection { connection, .. })) => {
            connection.config.order
        }
        other => panic!("{other:?}"),
    };
    let effects = world.command(Command::DialogAlternative);
    assert_eq!(order(&effects), 4);
    world.command(Command::ConnectionEdit);
    world.send(dialog::Msg::FieldEdited { field: place(Field::Group), text: "home".into() });
    let effects = world.command(Command::DialogAlternative);
    assert_eq!(order(&effects), 0);
}

#[test]
fn a_new_connection_begins_with_what_the_environment_says() {
    let mut world = World::new();
    let environment = |variables: &[(&str, &str)]| Environment {
        user: "ann".into(),
        variables: variables
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
        ..Environment::default()
    };
    world.find(environment(&[("PGHOST", "a,b"), ("PGPORT", "1,2"), ("PGSSLMODE", "require")]));
    world.command(Command::ConnectionNew);
    let Some(Dialog::Connection(connection::Dialog::Form(form))) = &world.model.dialog else {
        panic!("no dialog");
    };
    assert_eq!((form.text(Field::Host), form.choice(Field::SslMode)), ("a:1,b:2".into(), REQUIRE));
    // What can't be is said, and the usual takes its place.
    world.command(Command::DialogCancel);
    world.find(environment(&[("PGPORT", "many")]));
    world.command(Command::ConnectionNew);
    assert!(world.notice().contains("PGPORT: The port must be a number"));
    let Some(Dialog::Connection(connection::Dialog::Form(form))) = &world.model.dialog else {
        panic!("no dialog");
    };
    assert_eq!(form.text(Field::Port), "5432");
}
