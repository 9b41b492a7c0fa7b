//! Inputs that are generated: from which seed, and how many.
//!
//! `scripts/test` runs a fixed slice of each generator, `scripts/test-long` all of it from a new seed; both print the
//! seed, and `TUSK_SEED` runs it again.

#![allow(dead_code, reason = "each test binary uses its own part of it")]

#[path = "random.rs"]
mod random;

#[allow(unused_imports, reason = "each test binary uses its own part of it")]
pub use random::Random;

/// The seed of this run: `TUSK_SEED`, or 1. It is printed, and so is in the output of a test that fails.
#[track_caller]
pub fn seed() -> u64 {
    let seed = match std::env::var("TUSK_SEED") {
        Ok(text) => text.parse().expect("TUSK_SEED is a number"),
        Err(_) => 1,
    };
    println!("Seed: {seed} (TUSK_SEED={seed} runs it again)");
    seed
}

/// Whether everything is tried, however long that takes.
pub fn is_long() -> bool {
    std::env::var_os("TUSK_LONG").is_some()
}

/// One figure for `scripts/test`, another one for `scripts/test-long`.
pub fn as_many_as(short: usize, long: usize) -> usize {
    if is_long() { long } else { short }
}
