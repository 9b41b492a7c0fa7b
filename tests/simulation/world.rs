//! The world: the Model and its twin, the runner's work under way, and what must hold after each message.

use std::collections::{BTreeSet, VecDeque};

use tusk::{
    effect::Effect,
    model::Model,
    msg::{Msg, Stamp},
    update::{
        app, clock,
        command::Command,
        ids::TabId,
        query,
        run::{self, Run, Session},
        update,
    },
};

use super::runner::Runner;

/// A small generator of pseudo-random numbers (SplitMix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'list, T>(&mut self, list: &'list [T]) -> &'list T {
        &list[self.below(list.len())]
    }
}

/// How often the simulation came to what it is for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    pub finished: u64,
    pub failed: u64,
    pub cancelled: u64,
    pub lost: u64,
    pub paused: u64,
    pub discarded: u64,
    pub full: u64,
    pub duplicates: u64,
}

impl Seen {
    pub fn add(&mut self, other: &Seen) {
        self.finished += other.finished;
        self.failed += other.failed;
        self.cancelled += other.cancelled;
        self.lost += other.lost;
        self.paused += other.paused;
        self.discarded += other.discarded;
        self.full += other.full;
        self.duplicates += other.duplicates;
    }
}

pub struct World {
    pub model: Model,
    twin: Model,
    pub random: Random,
    pub runner: Runner,
    now: Stamp,
    pub quit: bool,
    pub messages: u64,
    pub plan: VecDeque<String>,
    pub seen: Seen,
    users: bool,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut world = Self {
            model: Model::default(),
            twin: Model::default(),
            random: Random::new(seed),
            runner: Runner::default(),
            now: Stamp::default(),
            quit: false,
            messages: 0,
            plan: VecDeque::new(),
            seen: Seen::default(),
            users: true,
        };
        world.runner.big = world.random.chance(25);
        world.feed(Msg::App(app::Msg::Started {
            seed,
            version: "0.0.0".into(),
            data_dir: "/data".into(),
            config_dir: String::new(),
            macos: seed.is_multiple_of(5),
            recording: false,
        }));
        world
    }

    /// One message: of the user, or an answer.
    pub fn step(&mut self) {
        let users = self.random.chance(45);
        if users {
            let msg = super::user::message(self);
            self.feed(msg);
        } else {
            self.answer(true);
        }
    }

    /// Nothing more is asked for: when every answer is there, nothing may be under way.
    pub fn settle(&mut self) {
        self.users = false;
        for _ in 0..20_000 {
            if self.quit {
                return;
            }
            if !self.answer(false) {
                if self.model.dialog.is_none() {
                    break;
                }
                self.feed(Msg::Command(Command::DialogCancel));
            }
        }
        assert!(!self.model.is_busy(), "something is under way for ever");
        assert!(self.model.writes.is_empty(), "a write is not accounted for");
        let open: BTreeSet<_> = self.runner.open_sessions().collect();
        let known: BTreeSet<_> = self
            .model
            .tabs
            .open
            .iter()
            .filter_map(|tab| match &tab.session {
                Session::Live(live) => Some(live.id),
                _ => None,
            })
            .collect();
        assert_eq!(open, known, "sessions that no tab knows stay open");
    }

    fn answer(&mut self, timers: bool) -> bool {
        let Some(msg) = self.runner.answer(&mut self.random, timers, &mut self.seen) else {
            return false;
        };
        // Rows come once and in order; every end may be told again.
        let streams = matches!(
            msg,
            Msg::Query(
                query::Msg::Described { .. }
                    | query::Msg::RowsArrived { .. }
                    | query::Msg::Stalled { .. }
            )
        );
        let again = self.users && self.random.chance(3) && !streams;
        if again {
            self.seen.duplicates += 1;
            self.runner.duplicated = true;
            self.feed(msg.clone());
        }
        self.feed(msg);
        true
    }

    /// Feeds a message to the Model and to its twin, takes the effects over, and looks at everything.
    pub fn feed(&mut self, msg: Msg) {
        if self.quit {
            return;
        }
        self.messages += 1;
        if self.plan.len() == 40 {
            self.plan.pop_front();
        }
        let mut line = format!("{msg:?}");
        if line.len() > 300 {
            let mut end = 300;
            while !line.is_char_boundary(end) {
                end -= 1;
            }
            line.truncate(end);
        }
        self.plan.push_back(format!("{:>6} {line}", self.messages));
        let later = self.random.below(400_000) as u64;
        self.now.mono_us += later;
        self.now.unix_us += later as i64;
        let effects = update(&mut self.model, self.now, msg.clone());
        let twins = update(&mut self.twin, self.now, msg);
        assert!(effects == twins, "the same message gave other effects");
        for effect in &effects {
            if matches!(effect, Effect::Window(tusk::update::window::Effect::Quit)) {
                self.quit = true;
            }
            self.runner.take(effect, &mut self.random);
        }
        self.check();
    }

    #[expect(clippy::too_many_lines, reason = "every invariant in one place")]
    fn check(&mut self) {
        let model = &self.model;
        let ids: BTreeSet<TabId> = model.tabs.open.iter().map(|tab| tab.id).collect();
        assert!(!ids.is_empty(), "there is no tab");
        assert_eq!(ids.len(), model.tabs.open.len(), "a tab is there twice");
        assert!(
            ids.contains(&model.tabs.active),
            "the active tab is not open"
        );
        assert_eq!(
            model.welcome.shown,
            model.area == tusk::model::Area::Welcome
                || model.welcome.shown && model.area == tusk::model::Area::Sidebar,
            "the welcome screen and the focus disagree"
        );
        let mut running = 0;
        for tab in &model.tabs.open {
            if let Run::Running(run) = &tab.run {
                running += 1;
                let Session::Live(live) = &tab.session else {
                    panic!("a statement runs without a session");
                };
                assert_eq!(
                    self.runner.session_of(run.query),
                    Some(live.id),
                    "a statement runs in another session than its tab has"
                );
                if matches!(run.phase, run::Phase::Paused { .. }) {
                    self.seen.paused += 1;
                    assert!(run.may_pause, "what may not pause is paused");
                }
                let (rows, _) = tab.results.of_query(run.query);
                assert!(rows <= run.granted, "more rows than were granted");
                assert!(run.script.next < run.script.statements.len());
            }
            for result in tab.results.list.iter().chain(&tab.results.previous) {
                let counted: usize = result
                    .rows
                    .chunks()
                    .iter()
                    .map(|held| held.chunk().rows())
                    .sum();
                assert_eq!(result.rows.len(), counted as u64);
                if !result.state.is_open() {
                    continue;
                }
                assert!(
                    matches!(&tab.run, Run::Running(run) if run.query == result.query),
                    "a result is open and nothing runs"
                );
            }
            if let Some(kept) = self.runner.kept_text(tab.id) {
                assert_eq!(
                    kept,
                    tab.editor.buffer.string(),
                    "what is kept is not what is shown"
                );
            } else {
                assert!(tab.editor.buffer.text().is_empty() || tab.editor.journaled == 0);
            }
            let buffer = &tab.editor.buffer;
            assert_eq!(buffer.text().floor(buffer.head()), buffer.head());
            assert_eq!(buffer.text().floor(buffer.anchor()), buffer.anchor());
        }
        let held = model.held_bytes();
        if held >= self.model.settings.memory_bytes() {
            self.seen.full += 1;
        }
        let credit = (running + model.tabs.open.len() as u64) * self.runner.credit_bytes();
        assert!(
            held <= self.model.settings.memory_bytes() + credit,
            "{held} bytes are held"
        );
        if self.messages.is_multiple_of(64) {
            self.compare();
        }
    }

    fn compare(&self) {
        assert!(
            self.model == self.twin,
            "the same messages gave another Model"
        );
        let one = serde_json::to_string(&self.model).expect("the Model serialises");
        let other = serde_json::to_string(&self.twin).expect("the Model serialises");
        assert!(one == other, "the same Model serialises otherwise");
    }
}

/// The timer of a message, where it is one's.
pub fn timer_of(msg: &Msg) -> Option<tusk::update::ids::Request> {
    match msg {
        Msg::Clock(clock::Msg::Fired { timer } | clock::Msg::Stopped { timer }) => Some(*timer),
        _ => None,
    }
}
