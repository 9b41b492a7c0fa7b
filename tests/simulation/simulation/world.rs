//! The world: the Model and its twin, a virtual clock, the runner with its servers, and the books about it all.

use super::{
    accounts::answered,
    fate::Fate,
    invariants,
    ledger::{Ledger, asks_to_run},
    nonsense,
    plan::{Actor, Step},
    runner::Runner,
    user,
};
use crate::support::generated::Random;
use tusk::update::query::page::Page;
use tusk::{
    base::{ids::TabId, stamp::Stamp, transaction},
    effect::Effect,
    model::Model,
    msg::Msg,
    screen::screen,
    update::{
        clock,
        connection::{self, Connection, Link},
        keeping,
        query::{self, editor, run::Session, session},
        shell::{app, command::Command},
        update, window,
    },
};

/// So many answers are remembered, to be given again.
const REMEMBERED: usize = 60;

/// How often the simulation came to what it is for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    pub messages: u64,
    pub finished: u64,
    pub failed: u64,
    pub cancelled: u64,
    pub lost: u64,
    pub paused: u64,
    pub discarded: u64,
    pub full: u64,
    pub stale: u64,
    pub waiting: u64,
    pub terminated: u64,
    pub transactions: u64,
    pub deleted: u64,
    pub quits: u64,
    pub unkept: u64,
    pub reconnected: u64,
    pub sealed: u64,
    pub refused: u64,
    pub held_up: u64,
    pub silent: u64,
    pub held: u64,
    pub kept: u64,
    pub given_back: u64,
}

impl Seen {
    pub fn add(&mut self, other: &Seen) {
        self.messages += other.messages;
        self.finished += other.finished;
        self.failed += other.failed;
        self.cancelled += other.cancelled;
        self.lost += other.lost;
        self.paused += other.paused;
        self.discarded += other.discarded;
        self.full += other.full;
        self.stale += other.stale;
        self.waiting += other.waiting;
        self.terminated += other.terminated;
        self.transactions += other.transactions;
        self.deleted += other.deleted;
        self.quits += other.quits;
        self.unkept += other.unkept;
        self.reconnected += other.reconnected;
        self.sealed += other.sealed;
        self.refused += other.refused;
        self.held_up += other.held_up;
        self.silent += other.silent;
        self.held += other.held;
        self.kept += other.kept;
        self.given_back += other.given_back;
    }
}

pub struct World {
    pub model: Model,
    twin: Model,
    pub random: Random,
    pub runner: Runner,
    pub ledger: Ledger,
    pub now: Stamp,
    pub quit: bool,
    pub seen: Seen,
    pub tells: bool,
    pub told: Vec<(usize, String)>,
    pub keeps_effects: bool,
    pub effects: Vec<Effect>,
    at: usize,
    remembered: Vec<Msg>,
    corpus: Vec<Msg>,
}

impl World {
    /// The world of a seed, where chance rules.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x5EED);
        let big = random.chance(12);
        let mut world = Self::with(Runner::new(Fate::Chance, big), random);
        world.begin(seed, seed.is_multiple_of(5));
        world
    }

    /// A world in which nothing has happened yet.
    pub fn with(runner: Runner, random: Random) -> Self {
        Self {
            model: Model::default(),
            twin: Model::default(),
            random,
            runner,
            ledger: Ledger::default(),
            now: Stamp::default(),
            quit: false,
            seen: Seen::default(),
            tells: false,
            told: vec![],
            keeps_effects: false,
            effects: vec![],
            at: 0,
            remembered: vec![],
            corpus: vec![],
        }
    }

    /// The first message of every run.
    pub fn begin(&mut self, seed: u64, macos: bool) {
        self.users(
            app::Msg::Started {
                seed,
                version: "0.0.0".into(),
                data_dir: "/data".into(),
                config_dir: "/config".into(),
                macos,
                recording: false,
            }
            .into(),
        );
    }

    /// One thing happens.
    pub fn step(&mut self, at: usize, step: Step) {
        self.at = at;
        self.random = Random::new(step.seed);
        if self.quit {
            return;
        }
        match step.actor {
            Actor::User => {
                self.pass(400_000);
                let msg = user::message(self);
                self.users(msg);
            }
            Actor::Answer => {
                self.answer();
            }
            Actor::Again => self.again(),
            Actor::Nonsense => self.nonsense(),
        }
    }

    /// Nothing more is asked for: when every answer is there, nothing may be under way.
    pub fn settle(&mut self) {
        self.runner.fate = Fate::Well;
        self.runner.prompt = true;
        for _ in 0..20_000 {
            if !self.answer() && !self.runner.let_locks_go(&mut self.random) {
                if self.model.dialog.is_none() || self.quit {
                    break;
                }
                self.users(Msg::Command(Command::DialogCancel));
            }
        }
        if !self.quit {
            invariants::at_rest(&self.model, &self.runner);
        }
        self.compare();
    }

    /// The servers go away, with every link.
    pub fn outage(&mut self) {
        self.runner.outage(self.now.mono_us, &mut self.random);
    }

    fn pass(&mut self, at_most_us: usize) {
        let us = self.random.below(at_most_us) as u64;
        self.until(self.now.mono_us + us);
    }

    fn until(&mut self, mono_us: u64) {
        let mono_us = mono_us.max(self.now.mono_us + 1);
        self.now.unix_us += (mono_us - self.now.mono_us) as i64;
        self.now.mono_us = mono_us;
    }

    /// The runner gives the answer that is due next; false where there is none.
    pub fn answer(&mut self) -> bool {
        let Some((at_us, msg)) = self.runner.answer(self.now.mono_us, &mut self.random) else {
            return false;
        };
        self.until(at_us);
        self.ledger.told(&msg);
        self.remember(&msg);
        self.count(&msg);
        self.feed(msg, None);
        true
    }

    fn remember(&mut self, msg: &Msg) {
        let is_answer = answered(msg).is_some();
        let is_row = matches!(msg, Msg::Query(query::Msg::RowsArrived { .. }));
        let of_query = matches!(
            msg,
            Msg::Query(
                query::Msg::Described { .. }
                    | query::Msg::Stalled { .. }
                    | query::Msg::GrantLapsed { .. }
                    | query::Msg::Inspected { .. }
                    | query::Msg::HeldUp { .. }
            )
        );
        let lost = matches!(msg, Msg::Session(session::Msg::Lost { .. }));
        if is_answer || is_row || of_query || lost {
            if self.remembered.len() == REMEMBERED {
                let place = self.random.below(REMEMBERED);
                self.remembered.swap_remove(place);
            }
            self.remembered.push(msg.clone());
        }
    }

    /// An answer of before comes again: it changes nothing, and nothing is done. What may come again are notices, and
    /// the word that a client must go back to its pool where nobody waits for it.
    fn again(&mut self) {
        if self.remembered.is_empty() {
            return;
        }
        let msg = self.random.pick(&self.remembered).clone();
        let of_running = match &msg {
            Msg::Query(
                query::Msg::Described { query, .. }
                | query::Msg::RowsArrived { query, .. }
                | query::Msg::Stalled { query, .. }
                | query::Msg::GrantLapsed { query, .. }
                | query::Msg::Inspected { query, .. }
                | query::Msg::HeldUp { query, .. },
            ) => self.ledger.queries[query].told.is_none(),
            _ => false,
        };
        // Where the same is asked again (of a session, to close a connection) nobody could tell this answer from the new one.
        let asked_again = answered(&msg).is_some_and(|key| self.runner.waits_for(key));
        if of_running || asked_again {
            return;
        }
        self.seen.stale += 1;
        self.pass(1_000);
        self.tell("again", &msg);
        let effects = update(&mut self.model, self.now, msg.clone());
        let let_go = |effect: &Effect| {
            matches!(
                (effect, &msg),
                (
                    Effect::Session(session::Effect::End { .. }),
                    Msg::Session(session::Msg::Opened { .. })
                ) | (
                    Effect::Connection(connection::Effect::Close { .. }),
                    Msg::Connection(connection::Msg::Opened { .. })
                )
            )
        };
        assert!(effects.iter().all(let_go), "a stale answer has effects: {msg:?}, {effects:?}");
        self.twin.cx.now = self.model.cx.now;
        self.twin.cx.notices = self.model.cx.notices.clone();
        assert!(self.model == self.twin, "a stale answer changes something: {msg:?}");
    }

    /// Messages that nobody would send, to a copy of the Model: nothing panics, and what holds in any state holds.
    fn nonsense(&mut self) {
        let mut model = self.model.clone();
        let mut now = self.now;
        for _ in 0..12 {
            let msg = nonsense::message(&model, &self.corpus, &mut self.random);
            self.tell("nonsense", &msg);
            now.mono_us += 1 + self.random.below(10_000_000) as u64;
            let effects = update(&mut model, now, msg);
            invariants::structure(&model);
            assert!(effects.len() < 10_000);
        }
        assert!(!screen(&model, now).to_text(&model).is_empty());
        serde_json::to_writer(std::io::sink(), &model.dialog).expect("a dialog serialises");
    }

    /// Gives the Model a user's message.
    pub fn users(&mut self, msg: Msg) {
        let wanted = typed(&self.model, &msg);
        let asks = (asks_to_run(&self.model, &msg), self.model.pages.active);
        if matches!(&msg, Msg::Command(Command::ConnectionDelete)) {
            self.seen.deleted += 1;
        }
        self.feed(msg, Some(asks));
        if let Some((tab, text)) = wanted {
            let found = self.model.pages.open.iter().find(|open| open.id == tab);
            let shown = found.map(|tab| tab.editor.buffer.string());
            assert!(
                shown.as_ref() == Some(&text),
                "what was typed is not in the text: {shown:?} instead of {text:?}"
            );
        }
    }

    fn tell(&mut self, who: &str, msg: &Msg) {
        if !self.tells {
            return;
        }
        let mut line = match msg {
            Msg::Query(query::Msg::RowsArrived { query, chunk }) => {
                format!("{who}: {query} {} rows", chunk.rows())
            }
            msg => format!("{who}: {msg:?}"),
        };
        line = line.replace(['\n', '#'], " ");
        if let Some((end, _)) = line.char_indices().nth(180) {
            line.truncate(end);
        }
        self.told.push((self.at, line));
    }

    /// Gives a message to the Model and to its twin, takes the effects over, and looks at everything.
    fn feed(&mut self, msg: Msg, users: Option<(bool, TabId)>) {
        self.tell(if users.is_some() { "user" } else { "runner" }, &msg);
        self.seen.messages += 1;
        nonsense::learn(&mut self.corpus, &msg, &mut self.random);
        let effects = update(&mut self.model, self.now, msg.clone());
        let twins = update(&mut self.twin, self.now, msg);
        assert!(effects == twins, "the same message has other effects");
        assert!(effects.is_empty() || !self.quit, "something is begun after the end: {effects:?}");
        let (asks, before) = users.unwrap_or((false, self.model.pages.active));
        self.ledger.ask(&self.model, asks, before);
        for effect in &effects {
            self.ledger.effect(effect, &self.model);
            self.runner.take(effect, self.now.mono_us, &mut self.random);
        }
        if self.keeps_effects {
            self.effects.extend(effects.iter().cloned());
        }
        if self.quit {
            return;
        }
        let quits = |effect: &Effect| matches!(effect, Effect::Window(window::Effect::Quit));
        if effects.iter().any(quits) {
            // The runner ends what is under way; the Model has nothing more to say.
            self.quit = true;
            self.seen.quits += 1;
            let open = |tab: &TabId| self.model.pages.open.iter().any(|open| open.id == *tab);
            assert!(
                !self.runner.gaps.iter().any(open),
                "the program ends with a text that it knows not to be kept: {:?}",
                self.runner.gaps
            );
        }
        if self.quit {
            return;
        }
        invariants::check(&self.model, &self.runner, &mut self.ledger);
        self.seen.refused = self.ledger.refused.len() as u64;
        self.look();
    }

    fn look(&mut self) {
        if self.model.pages.held_bytes() >= self.model.cx.settings.memory_bytes() {
            self.seen.full += 1;
        }
        if !self.runner.behind.is_empty() {
            self.seen.unkept += 1;
        }
        let waiting = |pool: &super::server::Pool| !pool.waiting.is_empty();
        if self.runner.servers.pools.values().any(waiting) {
            self.seen.waiting += 1;
        }
        let kept = |tab: &Page| matches!(&tab.session, Session::Live(live) if live.kept.is_some());
        self.seen.kept += u64::from(self.model.pages.open.iter().any(kept));
        let gives = |known: &Connection| known.pool.waiting > 0 && !known.returning.is_empty();
        self.seen.given_back += u64::from(self.model.connections.values().any(gives));
        if self.seen.messages.is_multiple_of(32) {
            let text = screen(&self.model, self.now).to_text(&self.model);
            assert!(!text.is_empty());
            self.compare();
        }
    }

    fn count(&mut self, msg: &Msg) {
        let seen = &mut self.seen;
        match msg {
            Msg::Query(query::Msg::Finished { discarded, transaction, .. }) => {
                seen.finished += 1;
                seen.discarded += u64::from(*discarded > 0);
                seen.transactions += u64::from(*transaction != transaction::Transaction::Idle);
            }
            Msg::Query(query::Msg::Failed { failure, .. })
                if failure.is("57014") && !failure.message.contains("timeout") =>
            {
                seen.cancelled += 1;
            }
            Msg::Query(query::Msg::Failed { .. }) => seen.failed += 1,
            Msg::Query(query::Msg::Lost { failure, .. }) => {
                seen.lost += 1;
                seen.terminated += u64::from(failure.is("57P01"));
            }
            Msg::Query(query::Msg::Stalled { .. }) => seen.paused += 1,
            Msg::Query(query::Msg::Inspected { .. }) => seen.sealed += 1,
            Msg::Query(query::Msg::HeldUp { .. }) => seen.held_up += 1,
            Msg::Connection(connection::Msg::NotAnswering { .. }) => seen.silent += 1,
            Msg::Connection(connection::Msg::Opened { connection, .. }) => {
                let known = self.model.connections.get(connection);
                let again = known.is_some_and(|known| matches!(known.link, Link::Reconnecting(_)));
                seen.reconnected += u64::from(again);
            }
            Msg::Store(keeping::Msg::Held { .. }) => seen.held += 1,
            Msg::Clock(clock::Msg::Fired { .. }) => {}
            _ => {}
        }
    }

    /// The same messages make the same Model.
    fn compare(&self) {
        assert!(self.model == self.twin, "the same messages make another Model");
    }
}

/// The text that an edit of the user's makes, where it is plain what that is.
fn typed(model: &Model, msg: &Msg) -> Option<(TabId, String)> {
    let Msg::Editor { tab, msg: editor::Msg::Edited { base, edits, .. } } = msg else {
        return None;
    };
    let found = model.pages.open.iter().find(|open| open.id == *tab)?;
    let ([edit], true) = (&edits[..], *base == found.editor.buffer.revision()) else {
        return None;
    };
    let mut text = found.editor.buffer.string();
    let end = edit.start.checked_add(edit.removed)?;
    text.get(edit.start..end)?;
    text.replace_range(edit.start..end, &edit.inserted);
    Some((*tab, text))
}
