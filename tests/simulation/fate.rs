//! Faults: the ways in which each effect can fail, and who decides which ones do.

use tusk::{
    effect::Effect,
    update::{cells, connection, file, keychain, query, sandbox, session, store},
};

use super::random::Random;

/// Who decides what fails.
pub enum Fate {
    /// Chance.
    Chance,
    /// The n-th effect, counted from 0, fails in one of its forms; nothing else does.
    Nth { n: usize, form: usize },
    /// Nothing fails.
    Well,
}

impl Fate {
    /// The form in which this effect fails, if it does.
    pub fn of(&self, effect: &Effect, number: usize, random: &mut Random) -> Option<usize> {
        let forms = forms(effect);
        match self {
            Fate::Chance if forms > 0 && random.chance(percent(effect)) => {
                Some(random.below(forms))
            }
            Fate::Nth { n, form } if *n == number && *form < forms => Some(*form),
            _ => None,
        }
    }
}

/// In how many ways an effect can fail.
pub fn forms(effect: &Effect) -> usize {
    match effect {
        // Refused, a wrong password, none where one is wanted, a wanted SSH secret, a certificate.
        Effect::Connection(connection::Effect::Open { .. }) => 5,
        Effect::Connection(
            connection::Effect::Test { .. } | connection::Effect::ResolveTypes { .. },
        ) => 1,
        Effect::Connection(
            connection::Effect::Abandon { .. } | connection::Effect::Close { .. },
        ) => 0,
        // The pool is exhausted, or the link can't be made.
        Effect::Session(session::Effect::Open { .. }) => 2,
        Effect::Session(session::Effect::AskHeld { .. } | session::Effect::Terminate { .. }) => 1,
        Effect::Session(session::Effect::End { .. }) => 0,
        // Refused, or the link breaks.
        Effect::Query(query::Effect::Run { .. }) => 2,
        Effect::Query(query::Effect::Cancel { .. }) => 1,
        Effect::Query(query::Effect::GrantRows { .. } | query::Effect::DiscardRows { .. }) => 0,
        Effect::Cells(cells::Effect::Copy { .. }) => 1,
        Effect::Cells(cells::Effect::Summarize { .. } | cells::Effect::Drop { .. }) => 0,
        // A damaged file, or none that can be used.
        Effect::Store(store::Effect::Load { .. }) => 2,
        Effect::Store(_) => 1,
        // Not found, or no keychain.
        Effect::Keychain(keychain::Effect::Read { .. }) => 2,
        Effect::Keychain(_) => 1,
        // Not what it was, or not to be written.
        Effect::File(file::Effect::Save { .. }) => 2,
        Effect::File(_) => 1,
        // A timer that is stopped unasked comes with the end of the program.
        Effect::Clock(_) => 0,
        Effect::Sandbox(sandbox::Effect::Start { .. }) => 1,
        Effect::Discovery(_) | Effect::Window(_) => 0,
    }
}

/// How often an effect fails by chance.
fn percent(effect: &Effect) -> usize {
    match effect {
        Effect::Connection(_) => 25,
        Effect::Session(_) => 10,
        Effect::Query(query::Effect::Run { .. }) => 5,
        Effect::Query(_) => 15,
        Effect::Store(store::Effect::SearchHistory { .. } | store::Effect::Load { .. }) => 20,
        Effect::Store(_) => 2,
        Effect::Keychain(keychain::Effect::Read { .. }) => 60,
        Effect::Keychain(_) | Effect::File(_) | Effect::Sandbox(_) => 30,
        Effect::Cells(_) => 20,
        Effect::Clock(_) | Effect::Discovery(_) | Effect::Window(_) => 0,
    }
}
