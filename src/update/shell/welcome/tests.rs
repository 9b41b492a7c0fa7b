//! The welcome screen's flows: the sandbox, local servers, names, and the field.

use super::*;
use crate::{
    base::secret::{Secret, SecretKind},
    failure::{Category, Failure},
    update::{
        connection::{discovery, sandbox::Sandbox},
        query::page::Ended,
        testing::{World, expect},
    },
};

fn starting(world: &World) -> Request {
    match &world.model.sandbox {
        Sandbox::Starting { request, .. } => *request,
        other => panic!("it does not start: {other:?}"),
    }
}

fn started(request: Request) -> sandbox::Msg {
    sandbox::Msg::Started {
        request,
        host: "/sandbox".into(),
        port: 5432,
        user: "tusk".into(),
        database: "shop".into(),
        password: None,
    }
}

#[test]
fn the_sandbox_goes_to_the_tab_that_asked_for_it() {
    let mut world = World::new();
    expect!(world.press("alt-s"), [Sandbox(Start { .. })]);
    let asked = world.model.pages.active;
    world.command(Command::TabNew);
    let request = starting(&world);
    expect!(world.send(started(request)), [Connection(Open { .. })]);
    assert_eq!(world.tab().connection, None);
    assert!(world.model.pages.get_mut(asked).is_some_and(|tab| tab.connection.is_some()));
    expect!(world.send(started(request)), []);
}

#[test]
fn a_sandbox_that_fails_is_the_tabs_last_end() {
    let mut world = World::new();
    world.press("alt-s");
    let request = starting(&world);
    let failure = Failure::new(Category::Internal, "No PostgreSQL was found.");
    expect!(world.send(sandbox::Msg::Failed { request, failure }), []);
    assert!(matches!(world.tab().ended, Some(Ended::Badly { .. })));
    assert!(world.notice().contains("No PostgreSQL was found."));
}

#[test]
fn the_choice_stays_on_its_row_when_servers_are_found() {
    let mut world = World::new();
    assert_eq!(rows(&world.model), [Row::Sandbox]);
    let request = world.model.cx.request();
    let servers =
        vec![LocalServer { directory: "/run/postgresql".into(), port: 5432, version: None }];
    world.send(discovery::Msg::ServersFound {
        request,
        servers,
        environment: discovery::Environment::default(),
    });
    assert_eq!(world.model.welcome.selected, 1, "still the sandbox");
    world.send(discovery::Msg::ServersFound {
        request,
        servers: vec![],
        environment: discovery::Environment::default(),
    });
    assert_eq!(world.model.welcome.selected, 0);
}

#[test]
fn an_unknown_name_is_a_failure_that_says_so() {
    let mut world = World::new();
    let target = Box::new(Target::Named("nowhere".into()));
    expect!(world.send(Msg::Asked { target }), []);
    assert!(world.notice().contains("nowhere"));
    assert!(matches!(world.tab().ended, Some(Ended::Badly { .. })));
}

#[test]
fn the_field_connects_and_forgets_what_was_typed() {
    let mut world = World::new();
    let msg = edited("postgres://ada:hunter2@db:5433/shop", &world.model.defaults);
    world.send(msg);
    assert!(!world.model.welcome.masked.contains("hunter2"));
    expect!(world.press("enter"), [Connection(Open { config, secrets, .. })]);
    assert_eq!((config.port, config.database.as_str()), (5433, "shop"));
    assert_eq!(secrets.get(SecretKind::Database), Some(&Secret::new("hunter2")));
    assert!(world.model.welcome.typed.is_empty());
    let dumped = serde_json::to_string(&world.model).unwrap();
    assert!(!dumped.contains("hunter2"));
}

#[test]
fn a_url_that_means_nothing_is_said() {
    let mut world = World::new();
    let msg = edited("postgres://[", &world.model.defaults);
    world.send(msg);
    expect!(world.press("enter"), []);
    assert!(!world.notice().is_empty());
    assert!(world.model.welcome.shown);
}
