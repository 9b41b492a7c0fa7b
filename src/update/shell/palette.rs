//! The palette: every command, found by a few letters of its name.

use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{AtomKind, CaseMatching, Normalization, Pattern},
};

use super::command::Command;

/// A command that matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub command: Command,
    /// Which characters of its title matched, in order.
    pub positions: Vec<u32>,
}

/// The commands that match what was typed, the best first; all of them while nothing is typed.
pub fn matches(typed: &str) -> Vec<Found> {
    let listed = Command::ALL.iter().copied().filter(|command| command.in_palette());
    if typed.trim().is_empty() {
        return listed.map(|command| Found { command, positions: vec![] }).collect();
    }
    let pattern =
        Pattern::new(typed.trim(), CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut letters = Vec::new();
    let mut found: Vec<(u32, Found)> = listed
        .filter_map(|command| {
            let mut positions = Vec::new();
            let title = Utf32Str::new(command.title(), &mut letters);
            if let Some(score) = pattern.indices(title, &mut matcher, &mut positions) {
                positions.sort_unstable();
                positions.dedup();
                return Some((score + 1, Found { command, positions }));
            }
            let whole = format!("{} {}", command.group(), command.id());
            let score = pattern.score(Utf32Str::new(&whole, &mut letters), &mut matcher)?;
            Some((score / 2, Found { command, positions: vec![] }))
        })
        .collect();
    // A stable sort: equal scores stay in the palette's own order.
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    found.into_iter().map(|(_, found)| found).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_letters_find_the_command_and_say_which_matched() {
        let found = matches("run");
        assert_eq!(found[0].command, Command::QueryRun);
        assert_eq!(found[0].positions, [0, 1, 2]);
        assert!(found.iter().any(|found| found.command == Command::HistoryOpen));
    }

    #[test]
    fn nothing_typed_lists_everything_and_nonsense_nothing() {
        assert_eq!(
            matches("  ").len(),
            Command::ALL.iter().filter(|command| command.in_palette()).count()
        );
        assert!(matches("qqqzzz").is_empty());
    }

    #[test]
    fn a_stable_id_finds_its_command() {
        assert_eq!(matches("query.run-all")[0].command, Command::QueryRunAll);
    }
}
