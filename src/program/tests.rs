//! The loop around `update`: the queue, its slices, and its end.

use std::{cell::RefCell, path::PathBuf, rc::Rc, sync::Arc};

use flume::Sender;

use super::*;
use crate::{
    base::ids::Request,
    failure, settings,
    update::{
        connection::{self, Link, discovery},
        files, keeping,
        query::session,
        shell::command::Command,
    },
};

/// A runner that answers at once what a healthy world would, and remembers what it was asked.
struct Script {
    outbox: Sender<Msg>,
    log: Rc<RefCell<Vec<String>>>,
}

impl Perform for Script {
    fn perform(&mut self, effect: Effect) {
        self.log.borrow_mut().push(format!("{effect:?}"));
        let answer: Option<Msg> = match effect {
            Effect::Store(keeping::Effect::Load { request }) => {
                let kept = Box::new(keeping::Kept {
                    opened: keeping::Opened::OnDisk,
                    connections: vec![],
                    tabs: vec![],
                    closed: vec![],
                    history: vec![],
                    settings: settings::Settings::default(),
                });
                Some(keeping::Msg::Loaded { request, kept }.into())
            }
            Effect::Store(
                keeping::Effect::SaveTab { request, .. }
                | keeping::Effect::JournalEdits { request, .. }
                | keeping::Effect::SaveLayout { request, .. }
                | keeping::Effect::RecordRuns { request, .. },
            ) => Some(keeping::Msg::Wrote { request }.into()),
            Effect::Discovery(discovery::Effect::FindServers { request }) => Some(
                discovery::Msg::ServersFound {
                    request,
                    servers: vec![],
                    environment: discovery::Environment {
                        user: "ann".into(),
                        ..Default::default()
                    },
                }
                .into(),
            ),
            Effect::File(files::Effect::Open { request, path, .. }) => Some(
                files::Msg::Opened {
                    request,
                    path,
                    result: Err(failure::Failure::new(failure::Category::Storage, "none").into()),
                }
                .into(),
            ),
            Effect::Connection(connection::Effect::Open { connection, attempt, .. }) => Some(
                connection::Msg::Opened { connection, attempt, server: Default::default() }.into(),
            ),
            Effect::Session(session::Effect::Open { session, .. }) => {
                Some(session::Msg::Opened { session, backend_pid: 1 }.into())
            }
            _ => None,
        };
        if let Some(answer) = answer {
            self.outbox.send(answer).unwrap();
        }
    }

    fn shutdown(&mut self, _within: Duration) {
        self.log.borrow_mut().push("shutdown".into());
        self.outbox.send(keeping::Msg::Wrote { request: Request(0) }.into()).unwrap();
    }
}

#[derive(Clone, Default)]
struct Around(Rc<RefCell<Vec<String>>>);

impl Surroundings for Around {
    fn write_clipboard(&mut self, text: &str) {
        self.0.borrow_mut().push(format!("clipboard {text}"));
    }

    fn quit(&mut self) {
        self.0.borrow_mut().push("quit".into());
    }
}

struct Steps(u64);

impl Clock for Steps {
    fn stamp(&mut self) -> Stamp {
        self.0 += 1;
        Stamp { unix_us: self.0 as i64, mono_us: self.0 }
    }
}

struct World {
    program: Program,
    inbox: Receiver<Msg>,
    log: Rc<RefCell<Vec<String>>>,
    around: Around,
}

fn world(record: Option<PathBuf>) -> World {
    let (log, around) = (Rc::default(), Around::default());
    let beginning = Beginning {
        data_dir: "/data".into(),
        config_dir: "/data".into(),
        record,
        warnings: vec!["no log".into()],
        surroundings: Box::new(around.clone()),
    };
    let theirs = Rc::clone(&log);
    let (program, inbox) = beginning::begin_with(beginning, Box::new(Steps(0)), 1, |outbox| {
        Box::new(Script { outbox, log: theirs })
    })
    .unwrap();
    World { program, inbox, log, around }
}

#[test]
fn it_begins_with_its_data_and_what_went_before() {
    let mut world = world(None);
    let model = world.program.model();
    assert_eq!(model.data_dir, "/data");
    assert!(model.cx.notices.iter().any(|notice| notice.text == "no log"));
    assert!(world.program.drain(&world.inbox).changed);
    assert_eq!(world.program.model().phase, crate::model::Phase::Ready);
}

#[test]
fn what_the_window_must_do_is_done_here_and_answered() {
    let mut world = world(None);
    world.program.drain(&world.inbox);
    let asked =
        |world: &World| world.log.borrow().iter().any(|effect| effect.starts_with("Window"));
    assert!(!asked(&world));
    let text = Arc::from("words");
    let effect = window::Effect::WriteClipboard { request: Request(9), text };
    let answer = world.program.surround(effect);
    assert_eq!(answer, Some(window::Msg::Done { request: Request(9) }.into()));
    assert_eq!(world.around.0.borrow()[..], ["clipboard words"]);
}

#[test]
fn what_only_ends_something_paints_nothing() {
    let mut world = world(None);
    world.program.drain(&world.inbox);
    assert!(!world.program.take(keeping::Msg::Wrote { request: Request(3) }.into()));
    assert!(world.program.take(Command::TabNew.into()));
}

#[test]
fn a_shutdown_quits_even_where_something_would_be_lost_and_takes_the_last_answers() {
    let mut world = world(None);
    world.program.drain(&world.inbox);
    let connect = Opening::new("postgres://a@h/d", false).message(world.program.model());
    world.program.take(connect.unwrap());
    for letter in "select 1".chars() {
        world.program.take(crate::update::shell::keys::Msg::Typed { text: letter.into() }.into());
    }
    world.program.take(Command::QueryRun.into());
    world.program.drain(&world.inbox);
    let open = world.program.model().connections.values().next();
    assert!(open.is_some_and(|known| matches!(known.link, Link::Open { .. })));
    world.program.shutdown(&world.inbox);
    assert_eq!(world.program.model().phase, crate::model::Phase::Quitting);
    assert_eq!(world.around.0.borrow().iter().filter(|deed| *deed == "quit").count(), 1);
    assert_eq!(world.log.borrow().last().map(String::as_str), Some("shutdown"));
    assert!(world.inbox.is_empty());
}

#[test]
fn a_recorded_program_replays_to_its_own_state() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.tusk");
    let mut world = world(Some(path.clone()));
    world.program.drain(&world.inbox);
    world.program.take(Command::TabNew.into());
    world.program.take(crate::update::shell::keys::Msg::Typed { text: "select 1".into() }.into());
    world.program.shutdown(&world.inbox);
    let replayed = crate::recording::replay(&path, None).unwrap();
    assert_eq!(
        crate::recording::of_model(&replayed.model).unwrap(),
        crate::recording::of_model(world.program.model()).unwrap()
    );
    assert!(replayed.model.recording);
}
