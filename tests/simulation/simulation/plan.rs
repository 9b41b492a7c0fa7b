//! Plans: what happens in a simulated world, as a list of steps that can be run again, cut down, and kept in a file.
//!
//! A step says who acts and holds the seed of all its choices. So a step that is left out takes nothing of the others'
//! chance with it, and a failing plan can be made smaller by leaving out whatever it fails without.

use std::{
    fmt::Write,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::world::World;
use crate::support::generated::Random;

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    User,
    /// The runner: the answer, or the timer, that is due next.
    Answer,
    /// The runner gives an answer of before a second time.
    Again,
    /// Nobody would: messages of any kind, on a copy of the world.
    Nonsense,
}

impl Actor {
    const ALL: [Actor; 4] = [Actor::User, Actor::Answer, Actor::Again, Actor::Nonsense];

    fn name(self) -> &'static str {
        match self {
            Actor::User => "user",
            Actor::Answer => "answer",
            Actor::Again => "again",
            Actor::Nonsense => "nonsense",
        }
    }
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub actor: Actor,
    pub seed: u64,
}

/// A world and what happens in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub seed: u64,
    pub steps: Vec<Step>,
}

/// How a plan failed.
pub struct Broken {
    pub why: String,
    /// The step, counted from 0; the number of steps where it failed in settling.
    pub at: usize,
    /// What each step came to, in words.
    pub told: Vec<(usize, String)>,
}

impl Plan {
    /// The plan that follows from a seed.
    pub fn of(seed: u64, length: usize) -> Self {
        let mut random = Random::new(seed);
        let steps = (0..length)
            .map(|_| Step {
                actor: match random.below(100) {
                    0..=41 => Actor::User,
                    42..=93 => Actor::Answer,
                    94..=97 => Actor::Again,
                    _ => Actor::Nonsense,
                },
                seed: random.next() >> 16,
            })
            .collect();
        Self { seed, steps }
    }

    /// Lets it happen. Answers with the world that is left.
    pub fn run(&self) -> Result<World, Broken> {
        let mut world = World::new(self.seed);
        self.run_in(&mut world).map(|()| world)
    }

    /// The same, with words for each step.
    pub fn run_aloud(&self) -> Result<World, Broken> {
        let mut world = World::new(self.seed);
        world.tells = true;
        self.run_in(&mut world).map(|()| world)
    }

    fn run_in(&self, world: &mut World) -> Result<(), Broken> {
        let mut at = 0;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            for step in &self.steps {
                world.step(at, *step);
                at += 1;
            }
            world.settle();
        }));
        outcome.map_err(|panic| Broken {
            why: words_of(&*panic),
            at,
            told: std::mem::take(&mut world.told),
        })
    }

    /// The smallest plan that was found in so many tries to break the same rule.
    pub fn smallest(self, broken: Broken, tries: usize) -> (Plan, Broken) {
        let mut best = (self, broken);
        best.0.steps.truncate(best.1.at + 1);
        let mut tries = tries;
        let mut size = best.0.steps.len() / 2;
        while size > 0 {
            let mut start = 0;
            while start < best.0.steps.len() && tries > 0 {
                let mut fewer = best.0.clone();
                let end = (start + size).min(fewer.steps.len());
                fewer.steps.drain(start..end);
                tries -= 1;
                match fewer.run() {
                    Err(broken) if rule(&broken.why) == rule(&best.1.why) => {
                        fewer.steps.truncate(broken.at + 1);
                        best = (fewer, broken);
                    }
                    _ => start += size,
                }
            }
            size /= 2;
        }
        best
    }

    /// As a file has it: a line for each step, with what it came to as a comment.
    pub fn to_text(&self, told: &[(usize, String)]) -> String {
        let mut text = format!("seed {}\n", self.seed);
        for (at, step) in self.steps.iter().enumerate() {
            write!(text, "{} {:x}", step.actor.name(), step.seed).unwrap();
            let said: Vec<&str> = told
                .iter()
                .filter(|(step, _)| *step == at)
                .map(|(_, line)| line.as_str())
                .collect();
            if !said.is_empty() {
                write!(text, "  # {}", said.join(" | ")).unwrap();
            }
            text.push('\n');
        }
        text
    }

    /// Reads what [`Plan::to_text`] wrote.
    pub fn read(text: &str) -> Self {
        let mut lines = text
            .lines()
            .map(|line| line.split_once('#').map_or(line, |(before, _)| before).trim())
            .filter(|line| !line.is_empty());
        let seed = lines
            .next()
            .and_then(|line| line.strip_prefix("seed "))
            .and_then(|seed| seed.parse().ok())
            .expect("a plan begins with its seed");
        let steps = lines
            .map(|line| {
                let (name, seed) = line.split_once(' ').expect("a step has a seed");
                let actor = Actor::ALL
                    .into_iter()
                    .find(|actor| actor.name() == name)
                    .expect("a step says who acts");
                let seed = u64::from_str_radix(seed, 16).expect("a seed is hexadecimal");
                Step { actor, seed }
            })
            .collect();
        Self { seed, steps }
    }
}

/// The rule that was broken: the words before the first colon, without what differs from world to world.
fn rule(why: &str) -> &str {
    let line = why.lines().next().unwrap_or_default();
    line.split_once(':').map_or(line, |(rule, _)| rule)
}

/// Does something that may panic; answers with the words of the panic.
pub fn caught<T>(does: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(does)).map_err(|panic| words_of(&*panic))
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|&words| words.to_owned()))
        .unwrap_or_else(|| "a panic without words".to_owned())
}
