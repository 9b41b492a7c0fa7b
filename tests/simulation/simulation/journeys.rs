//! Journeys: a few fixed ways through the program, in which the n-th effect fails, for every n and in every form.
//!
//! Whatever fails, the rules hold, everything comes to rest, and the user is told on screen.

use super::{
    fate::{self, Fate, forms},
    plan,
    runner::{IsIt, Runner},
    world::World,
};
use crate::support::generated::Random;
use tusk::{
    base::{
        secret::{Secret, Secrets},
        text,
    },
    conninfo::{Config, Conninfo},
    effect::Effect,
    msg::Msg,
    screen::screen,
    update::{
        connection::{self, form::Field, keychain},
        keeping,
        query::{self, editor, session},
        settings::file,
        shell::{command::Command, dialog, welcome},
    },
};

/// A step of a journey.
enum Do {
    /// The program starts.
    Start,
    /// The first of such effects fails in this form.
    FailsFirst(IsIt, usize),
    Msg(fn(&World) -> Msg),
    /// Takes in answers until nothing is due within so many seconds.
    Wait(u64),
    /// The servers go away, with every link.
    Outage,
}

fn connects(_: &World) -> Msg {
    Msg::Welcome(welcome::Msg::Asked {
        target: Box::new(welcome::Target::Conninfo(Conninfo {
            config: Config { user: "ada".into(), ..Config::default() },
            secrets: Secrets::with_password(Some(Secret::new("pw"))),
        })),
    })
}

fn write(world: &World, text: &str) -> Msg {
    let tab = world.model.pages.active().unwrap();
    Msg::Editor {
        tab: tab.id,
        msg: editor::Msg::Edited {
            base: tab.editor.buffer.revision(),
            edits: vec![text::Edit {
                start: 0,
                removed: tab.editor.buffer.text().len(),
                inserted: text.into(),
            }],
            anchor: 0,
            head: 0,
        },
    }
}

macro_rules! command {
    ($name:ident) => {
        Do::Msg(|_| Msg::Command(Command::$name))
    };
}

macro_rules! text {
    ($text:literal) => {
        Do::Msg(|world| write(world, $text))
    };
}

/// Connect, run, look at pages, cancel, close.
fn pages() -> Vec<Do> {
    vec![
        Do::Start,
        Do::Wait(1),
        Do::Msg(connects),
        Do::Wait(1),
        text!("select 1 from large"),
        command!(QueryRun),
        Do::Wait(1),
        command!(ResultsFetchMore),
        Do::Wait(1),
        command!(ResultsSelectAll),
        command!(ResultsCopy),
        Do::Wait(1),
        command!(QueryCancel),
        Do::Wait(1),
        command!(ConnectionDisconnect),
        Do::Wait(1),
        command!(TabClose),
        Do::Wait(1),
        command!(TabReopen),
        Do::Wait(10),
    ]
}

/// A transaction in a script, what a session holds, its end.
fn transaction() -> Vec<Do> {
    vec![
        Do::Start,
        Do::Wait(1),
        Do::Msg(connects),
        Do::Wait(1),
        text!("begin; create temp table x (a int); commit"),
        command!(QueryRunAll),
        Do::Wait(30),
        text!("drop table x"),
        command!(QueryRun),
        Do::Wait(30),
        text!("select pg_advisory_lock(1)"),
        command!(QueryRun),
        Do::Wait(1),
        command!(QueryCancel),
        command!(QueryCancel),
        command!(DialogAccept),
        Do::Wait(30),
        command!(HistoryOpen),
        Do::Wait(1),
        command!(DialogCancel),
    ]
}

/// The sandbox, a connection of one's own with its password, its end.
fn connections() -> Vec<Do> {
    fn place(field: Field) -> usize {
        Field::ALL.iter().position(|other| *other == field).unwrap()
    }
    fn field(field: Field, text: &str) -> Msg {
        Msg::Dialog(dialog::Msg::FieldEdited { field: place(field), text: text.into() })
    }
    vec![
        Do::Start,
        Do::Wait(1),
        command!(SandboxStart),
        Do::Wait(1),
        command!(ConnectionNew),
        Do::Msg(|_| field(Field::Name, "mine")),
        Do::Msg(|_| field(Field::Database, "shop")),
        Do::Msg(|_| field(Field::User, "ada")),
        command!(DialogTest),
        Do::Wait(1),
        Do::Msg(|_| Msg::Dialog(dialog::Msg::FieldFocused { field: place(Field::Password) })),
        Do::Msg(|_| {
            Msg::Dialog(dialog::Msg::SecretEdited {
                field: place(Field::Password),
                secret: Secret::new("pw"),
            })
        }),
        command!(DialogTest),
        Do::Wait(1),
        command!(DialogAccept),
        Do::Wait(10),
        command!(ConnectionReconnect),
        Do::Wait(10),
        command!(ConnectionDelete),
        command!(DialogAccept),
        Do::Wait(10),
        command!(ViewThemeDark),
        Do::Wait(10),
    ]
}

/// The servers go away and come back, while nothing is held and with a transaction open.
fn outage() -> Vec<Do> {
    vec![
        Do::Start,
        Do::Wait(1),
        Do::Msg(connects),
        Do::Wait(1),
        text!("select 1"),
        command!(QueryRun),
        Do::Wait(1),
        Do::Outage,
        Do::Wait(1),
        command!(QueryRun),
        Do::Wait(20),
        text!("begin"),
        command!(QueryRun),
        Do::Wait(1),
        Do::Outage,
        Do::Wait(20),
        command!(ConnectionReconnect),
        command!(QueryRun),
        Do::Wait(20),
    ]
}

/// A read-only connection: a statement, a transaction, one that is refused.
fn read_only() -> Vec<Do> {
    vec![
        Do::Start,
        Do::Wait(1),
        Do::Msg(|_| {
            Msg::Welcome(welcome::Msg::Asked {
                target: Box::new(welcome::Target::Conninfo(Conninfo {
                    config: Config { user: "ada".into(), read_only: true, ..Config::default() },
                    secrets: Secrets::with_password(Some(Secret::new("pw"))),
                })),
            })
        }),
        Do::Wait(1),
        text!("select 1; begin; insert into t values (1) returning a; commit"),
        command!(QueryRunAll),
        Do::Wait(10),
        text!("vacuum t"),
        command!(QueryRun),
        Do::Wait(10),
    ]
}

/// An SSH server that nobody has seen before: its key is trusted, and connecting goes on.
fn host_key() -> Vec<Do> {
    vec![
        Do::Start,
        Do::Wait(1),
        Do::FailsFirst(
            |effect| matches!(effect, Effect::Connection(connection::Effect::Open { .. })),
            fate::UNKNOWN_HOST_KEY,
        ),
        text!("select 1"),
        Do::Msg(connects),
        command!(QueryRun),
        Do::Wait(1),
        command!(DialogAlternative),
        Do::Wait(1),
        command!(DialogAlternative),
        Do::Wait(30),
    ]
}

/// A data directory that can't be used: another one is typed, and one more.
fn directory() -> Vec<Do> {
    fn typed(text: &str) -> Msg {
        Msg::Dialog(dialog::Msg::FieldEdited { field: 0, text: text.into() })
    }
    vec![
        Do::FailsFirst(
            |effect| matches!(effect, Effect::Store(keeping::Effect::Load { .. })),
            fate::NO_DIRECTORY,
        ),
        Do::Start,
        Do::Wait(1),
        Do::Msg(|_| typed("/elsewhere")),
        command!(DialogAccept),
        Do::Wait(1),
        command!(DialogAccept),
        Do::Wait(1),
        command!(DialogCancel),
        Do::Msg(connects),
        Do::Wait(1),
        text!("select 1"),
        command!(QueryRun),
        Do::Wait(30),
    ]
}

struct Went {
    effects: Vec<Effect>,
    screens: Vec<String>,
    struck: bool,
}

fn travel(journey: &[Do], fate: Fate) -> Went {
    let mut runner = Runner::new(fate, false);
    runner.prompt = true;
    let mut world = World::with(runner, Random::new(1));
    world.keeps_effects = true;
    let mut screens = vec![];
    for step in journey {
        match step {
            Do::Msg(make) => {
                let msg = make(&world);
                world.users(msg);
                look(&world, &mut screens);
            }
            Do::Start => world.begin(1, false),
            Do::FailsFirst(is, form) => world.runner.at_first = Some((*is, *form)),
            Do::Outage => world.outage(),
            Do::Wait(seconds) => {
                let until = world.now.mono_us + seconds * 1_000_000;
                while world.runner.next_us().is_some_and(|at_us| at_us <= until) && world.answer() {
                    look(&world, &mut screens);
                }
            }
        }
    }
    world.settle();
    look(&world, &mut screens);
    let effects = std::mem::take(&mut world.effects);
    Went { effects, screens, struck: world.runner.struck }
}

fn look(world: &World, screens: &mut Vec<String>) {
    let text = screen(&world.model, world.now).to_text(&world.model);
    if screens.last() != Some(&text) {
        screens.push(text);
    }
}

/// Whether a fault of this effect is nobody's business: it is made up for, or was only a question.
fn is_silent(effect: &Effect, form: usize) -> bool {
    match effect {
        // Not to know is to keep: the session is closed instead of returned.
        Effect::Session(session::Effect::AskHeld { .. }) => true,
        // Another try follows; the last one says why it failed.
        Effect::Connection(connection::Effect::Prove { .. }) => form == 0,
        // The type keeps its number.
        Effect::Connection(connection::Effect::ResolveTypes { .. }) => true,
        // There is none: the user is asked where one is needed.
        Effect::Keychain(keychain::Effect::Read { .. }) => form == 0,
        // The user's own keymap need not be there.
        Effect::File(_) => true,
        // Who does not ask for a schema is not told of it; a name that is not there is said without its like.
        Effect::Schema(_) => true,
        _ => false,
    }
}

/// Whether a screen asks for what an attempt to connect lacked, which says that it failed.
fn asks(effect: &Effect, screen: &str) -> bool {
    matches!(
        effect,
        Effect::Connection(connection::Effect::Open { .. } | connection::Effect::Prove { .. })
    ) && ["Password for ", "SSH password", "Passphrase of ", "Trust the SSH server "]
        .iter()
        .any(|title| screen.contains(title))
}

fn every_fault_is_survived_and_told(name: &str, journey: fn() -> Vec<Do>) {
    let went = travel(&journey(), Fate::Well);
    let mut problems = vec![];
    for (n, effect) in went.effects.iter().enumerate() {
        for form in 0..forms(effect) {
            let steps = journey();
            let outcome = plan::caught(|| travel(&steps, Fate::Nth { n, form }));
            match outcome {
                Err(why) => {
                    problems.push(format!("{name}, effect {n}, form {form}, {effect:?}: {why}"))
                }
                Ok(went) => {
                    let marker = format!("(fault {n})");
                    let told = went
                        .screens
                        .iter()
                        .any(|screen| screen.contains(&marker) || asks(effect, screen));
                    if !told && went.struck && !is_silent(effect, form) {
                        problems.push(format!("{name}, effect {n}, form {form}: the user is not told of {effect:?}\n{}", went.screens.last().unwrap()));
                    }
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn any_effect_of_reading_pages_may_fail() {
    every_fault_is_survived_and_told("pages", pages);
}

#[test]
fn any_effect_of_a_transaction_may_fail() {
    every_fault_is_survived_and_told("transaction", transaction);
}

#[test]
fn any_effect_of_managing_connections_may_fail() {
    every_fault_is_survived_and_told("connections", connections);
}

#[test]
fn any_effect_after_an_outage_may_fail() {
    every_fault_is_survived_and_told("outage", outage);
}

#[test]
fn any_effect_of_a_read_only_connection_may_fail() {
    every_fault_is_survived_and_told("read-only", read_only);
}

#[test]
fn any_effect_of_trusting_an_ssh_server_may_fail() {
    every_fault_is_survived_and_told("host key", host_key);
}

#[test]
fn any_effect_of_going_to_another_directory_may_fail() {
    every_fault_is_survived_and_told("directory", directory);
}

#[test]
fn the_journeys_come_by_every_kind_of_effect_that_can_fail() {
    const ALL: [fn() -> Vec<Do>; 7] =
        [pages, transaction, connections, outage, read_only, host_key, directory];
    let mut kinds: Vec<&str> = ALL
        .into_iter()
        .flat_map(|journey| travel(&journey(), Fate::Well).effects)
        .filter(|effect| forms(effect) > 0)
        .map(|effect| match effect {
            Effect::Connection(connection::Effect::Open { .. }) => "connect",
            Effect::Connection(connection::Effect::Test { .. }) => "test",
            Effect::Connection(connection::Effect::Prove { .. }) => "prove",
            Effect::Connection(connection::Effect::TrustHostKey { .. }) => "host key",
            Effect::Connection(_) => "types",
            Effect::Session(session::Effect::Open { .. }) => "session",
            Effect::Session(session::Effect::AskHeld { .. }) => "held",
            Effect::Session(_) => "terminate",
            Effect::Query(query::Effect::Run { .. }) => "run",
            Effect::Query(query::Effect::RunReadOnly { .. }) => "sealed run",
            Effect::Query(_) => "cancel",
            Effect::Job(_) => "job",
            Effect::Cells(_) => "copy",
            Effect::Store(keeping::Effect::Load { .. }) => "load",
            Effect::Store(keeping::Effect::UseDirectory { .. }) => "directory",
            Effect::Store(keeping::Effect::SearchHistory { .. }) => "search",
            Effect::Store(_) => "write",
            Effect::Keychain(_) => "keychain",
            Effect::File(_) => "file",
            Effect::Sandbox(_) => "sandbox",
            Effect::Schema(_) => "schema",
            Effect::SettingsFile(file::Effect::Watch { .. }) => "watch",
            Effect::SettingsFile(file::Effect::Write { .. }) => "settings",
            Effect::SettingsFile(file::Effect::ConfigureLog { .. }) => "log",
            Effect::Clock(_) | Effect::Discovery(_) | Effect::Window(_) => "cannot fail",
        })
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(
        kinds,
        [
            "cancel",
            "connect",
            "copy",
            "directory",
            "file",
            "held",
            "host key",
            "keychain",
            "load",
            "log",
            "prove",
            "run",
            "sandbox",
            "schema",
            "sealed run",
            "search",
            "session",
            "settings",
            "terminate",
            "test",
            "watch",
            "write"
        ]
    );
}
