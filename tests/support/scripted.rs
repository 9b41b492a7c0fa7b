//! Scripted effects: a runner that answers at once, the same each time. What a program needs to begin it answers by
//! itself, the rest as a test's script has it.

use std::{cell::RefCell, rc::Rc, time::Duration};

use flume::Sender;
use tusk::{
    effect::Effect,
    msg::Msg,
    program::Perform,
    settings::Settings,
    update::{
        connection::discovery::{self, Environment},
        keeping::{self, Kept, Opened},
    },
};

/// A runner without a world outside.
pub struct Scripted {
    answers: Answers,
    kept: Kept,
    script: fn(&Answers, Effect),
    heard: Heard,
}

/// Where a script puts its answers.
pub struct Answers(Sender<Msg>);

/// Every effect that was asked for.
pub type Heard = Rc<RefCell<Vec<Effect>>>;

impl Scripted {
    /// A store that has this, and a script for everything that is no part of the beginning.
    pub fn new(outbox: Sender<Msg>, kept: Kept, script: fn(&Answers, Effect)) -> Self {
        Self { answers: Answers(outbox), kept, script, heard: Heard::default() }
    }

    pub fn heard(&self) -> Heard {
        self.heard.clone()
    }
}

impl Answers {
    pub fn answer(&self, msg: impl Into<Msg>) {
        self.0.send(msg.into()).expect("the loop listens");
    }
}

impl Perform for Scripted {
    fn perform(&mut self, effect: Effect) {
        self.heard.borrow_mut().push(effect.clone());
        match beginning(&effect, &self.kept) {
            Some(msg) => self.answers.answer(msg),
            None => (self.script)(&self.answers, effect),
        }
    }

    fn shutdown(&mut self, _within: Duration) {}
}

/// The answer to what a program asks when it begins: what was kept, and that no server was found. None for other effects.
pub fn beginning(effect: &Effect, kept: &Kept) -> Option<Msg> {
    match effect {
        Effect::Store(keeping::Effect::Load { request }) => {
            let kept = Box::new(kept.clone());
            Some(keeping::Msg::Loaded { request: *request, kept }.into())
        }
        Effect::Discovery(discovery::Effect::FindServers { request }) => {
            let environment = Environment { user: "ann".into(), ..Environment::default() };
            let found =
                discovery::Msg::ServersFound { request: *request, servers: vec![], environment };
            Some(found.into())
        }
        _ => None,
    }
}

/// What is kept where nothing was.
pub fn nothing_kept() -> Kept {
    Kept {
        opened: Opened::OnDisk,
        connections: vec![],
        tabs: vec![],
        closed: vec![],
        history: vec![],
        settings: Settings::default(),
    }
}
