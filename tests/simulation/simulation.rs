//! A simulated world: a seeded random user, servers with a truth of their own, and a runner whose answers come late, in
//! any order, as failures, and some of them twice. After every message the Model is held against what must be true.
//!
//! A failing seed is made smaller and printed as a plan. `TUSK_SIM_PLAN=<file>` runs a plan again, step by step aloud;
//! `TUSK_SIM_SEED=<seed>` runs one seed alone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(
    clippy::too_many_lines,
    clippy::enum_variant_names,
    reason = "a match over every effect or message is one table"
)]

mod accounts;
mod fate;
mod invariants;
mod journeys;
mod ledger;
mod nonsense;
mod plan;
mod runner;
mod server;
mod user;
mod world;

use std::{
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use plan::{Broken, Plan};
use world::Seen;

const SEEDS: u64 = 2_000;
const STEPS: usize = 500;
/// So often a failing plan is tried without some of its steps.
const TRIES: usize = 2_000;

/// Says what failed: the plan, made smaller, and the command that runs it again.
fn report(plan: Plan, broken: Broken) -> String {
    let seed = plan.seed;
    let hook = std::panic::take_hook();
    // Each try that fails would print its panic.
    std::panic::set_hook(Box::new(|_| {}));
    let (plan, broken) = plan.smallest(broken, TRIES);
    let told = plan.run_aloud().err().map(|broken| broken.told);
    std::panic::set_hook(hook);
    let text = plan.to_text(&told.unwrap_or_default());
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("plan-{seed}"));
    let kept = std::fs::write(&file, &text);
    let again = match kept {
        Ok(()) => format!("TUSK_SIM_PLAN={}", file.display()),
        Err(_) => format!("TUSK_SIM_SEED={seed}"),
    };
    format!(
        "seed {seed} failed: {}\n{text}\n{again} cargo test --no-default-features --test simulation whatever -- --nocapture",
        broken.why
    )
}

/// Runs seeds on every processor, in order; the first failure ends it.
fn run(seeds: std::ops::Range<u64>) -> Result<Seen, String> {
    let next = AtomicU64::new(seeds.start);
    let failed: Mutex<Option<(Plan, Broken)>> = Mutex::new(None);
    let seen = Mutex::new(Seen::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || failed.lock().unwrap().is_some() {
                        break;
                    }
                    let plan = Plan::of(seed, STEPS);
                    match plan.run() {
                        Ok(world) => seen.lock().unwrap().add(&world.seen),
                        Err(broken) => {
                            failed.lock().unwrap().get_or_insert((plan, broken));
                        }
                    }
                }
            });
        }
    });
    match failed.into_inner().unwrap() {
        Some((plan, broken)) => Err(report(plan, broken)),
        None => Ok(seen.into_inner().unwrap()),
    }
}

#[test]
fn whatever_users_and_runners_do_the_model_stays_sound() {
    if let Ok(file) = std::env::var("TUSK_SIM_PLAN") {
        let text = std::fs::read_to_string(&file).expect("the plan can be read");
        let plan = Plan::read(&text);
        if let Err(broken) = plan.run_aloud() {
            panic!("{}\n{}", broken.why, plan.to_text(&broken.told));
        }
        return;
    }
    let alone: Option<u64> = std::env::var("TUSK_SIM_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = alone.map_or(1..SEEDS + 1, |seed| seed..seed + 1);
    let seen = match run(seeds) {
        Ok(seen) => seen,
        Err(failure) => panic!("{failure}"),
    };
    if alone.is_none() {
        reaches_what_it_is_for(&seen);
    }
}

/// A simulation that never comes to a state says nothing of it.
fn reaches_what_it_is_for(seen: &Seen) {
    assert!(seen.messages > SEEDS * STEPS as u64 / 2, "{seen:?}");
    assert!(seen.finished > 5_000, "{seen:?}");
    assert!(seen.failed > 500, "{seen:?}");
    assert!(seen.cancelled > 200, "{seen:?}");
    assert!(seen.lost > 500, "{seen:?}");
    assert!(seen.terminated > 20, "{seen:?}");
    assert!(seen.paused > 150, "{seen:?}");
    assert!(seen.discarded > 50, "{seen:?}");
    assert!(seen.transactions > 1_000, "{seen:?}");
    assert!(seen.full > 0, "{seen:?}");
    assert!(seen.stale > 10_000, "{seen:?}");
    assert!(seen.waiting > 100, "{seen:?}");
    assert!(seen.deleted > 100, "{seen:?}");
    assert!(seen.quits > 100, "{seen:?}");
    assert!(seen.unkept > 1_000, "{seen:?}");
    assert!(seen.reconnected > 200, "{seen:?}");
    assert!(seen.sealed > 500, "{seen:?}");
    assert!(seen.refused > 20, "{seen:?}");
    assert!(seen.held_up > 0, "{seen:?}");
    assert!(seen.silent > 100, "{seen:?}");
    assert!(seen.held > 200, "{seen:?}");
    assert!(seen.kept > 1_000, "{seen:?}");
    assert!(seen.given_back > 20, "{seen:?}");
}

#[test]
fn a_plan_reads_back_and_runs_to_the_same_end() {
    let plan = Plan::of(7, 200);
    let world = plan.run_aloud().unwrap_or_else(|broken| panic!("{}", broken.why));
    let text = plan.to_text(&world.told);
    assert_eq!(Plan::read(&text), plan);
    let again = plan.run_aloud().unwrap_or_else(|broken| panic!("{}", broken.why));
    assert_eq!(again.told, world.told);
    assert!(again.model == world.model);
}
