//! The work of the pure rooms grows as what they are given does: ten times the input costs at most eleven times the
//! instructions, from one size to the next or from that one on. Valgrind counts them, each case in a process of its own, so that no clock and no other program has a
//! part in it.

mod readers;
mod uses;

use std::process::Command;

use crate::{
    generated::{Random, as_many_as, is_long, seed},
    sql::growth,
};

use readers::READERS;
use uses::{USES, square};

/// Ten times the input may cost so many times the instructions.
const GROWTH_MAX: f64 = 11.0;
/// A text that costs so few instructions was refused before it was read.
const NEXT_TO_NOTHING: u64 = 2_000_000;
/// What sorts costs more by the logarithm, and so do keys in a text that grows with them: a rope is a tree.
const SORTED_MAX: f64 = 14.0;
const SORTING: [&str; 2] = ["relations of a schema", "typed letters"];
/// A case that has to be found.
const SQUARE: &str = "a square";
/// How a case is handed to the process that is counted.
const CASE: &str = "TUSK_COUNTED_CASE";

/// One case: what is done, which of its texts is read, and how large that is.
struct Case {
    name: &'static str,
    shape: u64,
    size: usize,
}

impl Case {
    /// As it is written in the environment.
    fn written(&self) -> String {
        format!("{}\n{}\n{}", self.name, self.shape, self.size)
    }

    /// Does it.
    fn run(&self) {
        if let Some((_, read, fragments)) = READERS.iter().find(|(name, ..)| *name == self.name) {
            let text = growth::text(&mut Random::new(self.shape), fragments, self.size);
            return read(&text);
        }
        if self.name == SQUARE {
            return square(self.size);
        }
        let (_, _, act) = USES.iter().find(|(name, ..)| *name == self.name).unwrap();
        act(self.size);
    }

    /// So many instructions a process takes that does it.
    fn instructions(&self) -> u64 {
        let output = Command::new("valgrind")
            .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
            .arg(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "instructions::a_case_that_is_counted",
                "--ignored",
                "--test-threads=1",
            ])
            .env(CASE, self.written())
            .output()
            .expect("valgrind is there: scripts/test-long installs it");
        let report = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}:\n{report}", self.written());
        let counted = report.lines().find_map(|line| line.split_once("refs:"));
        let counted = counted.unwrap_or_else(|| panic!("no count:\n{report}")).1;
        counted.trim().replace(',', "").parse().unwrap()
    }
}

/// The environment says which.
#[test]
#[ignore = "run by the test below, under valgrind"]
fn a_case_that_is_counted() {
    let case = std::env::var(CASE).unwrap();
    let mut lines = case.lines();
    let (name, shape, size) = (lines.next().unwrap(), lines.next().unwrap(), lines.next().unwrap());
    let names = READERS
        .iter()
        .map(|(name, ..)| *name)
        .chain(USES.iter().map(|(name, ..)| *name))
        .chain([SQUARE]);
    let name = names.into_iter().find(|known| *known == name).unwrap();
    Case { name, shape: shape.parse().unwrap(), size: size.parse().unwrap() }.run();
}

/// The instructions that a size costs and ten times the size, with what any size costs left out.
fn costs(name: &'static str, shape: u64, size: usize) -> (u64, u64) {
    let cost = |size| Case { name, shape, size }.instructions();
    let nothing = cost(0);
    (cost(size).saturating_sub(nothing), cost(10 * size).saturating_sub(nothing))
}

/// Whether the work grows faster than what is given. What costs next to nothing has no growth: a text may be refused at
/// its first byte.
fn grows_too_fast(name: &str, (once, ten_times): (u64, u64)) -> bool {
    let most = if SORTING.contains(&name) { SORTED_MAX } else { GROWTH_MAX };
    ten_times > NEXT_TO_NOTHING && ten_times as f64 > most * once as f64
}

#[test]
fn ten_times_the_input_costs_at_most_eleven_times_the_instructions() {
    let mut random = Random::new(seed());
    let mut cases = vec![];
    for _ in 0..as_many_as(1, 6) {
        cases.extend(READERS.iter().map(|(name, ..)| (*name, random.next(), readers::BYTES)));
    }
    cases.extend(USES.iter().map(|(name, size, _)| (*name, 0, *size)));
    if !is_long() {
        // Each can be run; counting them all takes minutes.
        for (name, shape, size) in &cases {
            Case { name, shape: *shape, size: size / 10 }.run();
        }
        cases.truncate(READERS.len());
        cases = (0..5).map(|_| *random.pick(&cases)).collect();
    }
    let mut failures = vec![];
    for (name, shape, size) in cases {
        let costs = costs(name, shape, size);
        let told = format!("{name}, shape {shape}: {} and {} instructions", costs.0, costs.1);
        println!("{told}");
        if grows_too_fast(name, costs) {
            // What reads in blocks, or does without something for a little, has a step there and no growth behind it.
            let further = self::costs(name, shape, 10 * size);
            if grows_too_fast(name, further) {
                failures.push(format!("{told}; then {} and {}", further.0, further.1));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn work_that_grows_with_the_square_is_found() {
    assert!(grows_too_fast(SQUARE, costs(SQUARE, 0, 200)));
}
