//! A simulated world: a seeded random user, and a runner whose answers come late, in any order, as failures, and
//! some of them twice. After every message the Model is held against what must always be true.
//!
//! A failing seed prints the plan of its last steps; `TUSK_SIM_SEED=<seed>` runs that one alone.

#[path = "simulation/runner.rs"]
mod runner;
#[path = "simulation/user.rs"]
mod user;
#[path = "simulation/world.rs"]
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use world::World;

const SEEDS: u64 = 240;
const STEPS: usize = 1_500;

/// Runs one seed to its end; on a failure the plan that led there.
fn run(seed: u64) -> Result<(), String> {
    let mut world = World::new(seed);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        for _ in 0..STEPS {
            if world.quit {
                return;
            }
            world.step();
        }
        world.settle();
    }));
    outcome.map_err(|panic| {
        let why = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("a panic without words");
        let plan: Vec<&str> = world.plan.iter().map(String::as_str).collect();
        format!(
            "seed {seed} failed after {} messages: {why}\n{}\nTUSK_SIM_SEED={seed} runs it again.",
            world.messages,
            plan.join("\n")
        )
    })
}

#[test]
fn whatever_users_and_runners_do_the_model_stays_sound() {
    let alone = std::env::var("TUSK_SIM_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seeds = alone.map_or(1..SEEDS + 1, |seed: u64| seed..seed + 1);
    for seed in seeds {
        if let Err(failure) = run(seed) {
            panic!("{failure}");
        }
    }
}

#[test]
fn the_simulation_reaches_what_it_is_for() {
    let mut seen = world::Seen::default();
    for seed in 1..60 {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            if world.quit {
                break;
            }
            world.step();
        }
        seen.add(&world.seen);
    }
    assert!(seen.finished > 100, "{seen:?}");
    assert!(seen.failed > 50, "{seen:?}");
    assert!(seen.cancelled > 10, "{seen:?}");
    assert!(seen.lost > 10, "{seen:?}");
    assert!(seen.paused > 10, "{seen:?}");
    assert!(seen.discarded > 10, "{seen:?}");
    assert!(seen.full > 0, "{seen:?}");
    assert!(seen.duplicates > 50, "{seen:?}");
}
