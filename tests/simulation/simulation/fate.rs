//! Faults: the ways in which each effect can fail, and who decides which ones do.

use crate::support::generated::Random;
use tusk::{
    effect::Effect,
    update::{
        connection::{self, keychain, sandbox},
        files, jobs, keeping,
        query::{self, session},
        results,
        settings::file,
    },
};

/// The form in which a connection meets an SSH server that nobody has seen before.
pub const UNKNOWN_HOST_KEY: usize = 5;
/// The form in which the store has no directory to work in.
pub const NO_DIRECTORY: usize = 2;

/// Who decides what fails.
pub enum Fate {
    Chance,
    /// The n-th effect, counted from 0, fails in one of its forms; nothing else does.
    Nth {
        n: usize,
        form: usize,
    },
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
        // Refused, a wrong password, none where one is wanted, a wanted SSH secret, a certificate, an unknown host key.
        Effect::Connection(connection::Effect::Open { .. }) => 6,
        // The server is still down, or takes the password no more.
        Effect::Connection(connection::Effect::Prove { .. }) => 2,
        Effect::Connection(
            connection::Effect::Test { .. }
            | connection::Effect::ResolveTypes { .. }
            | connection::Effect::TrustHostKey { .. },
        ) => 1,
        Effect::Connection(
            connection::Effect::Abandon { .. } | connection::Effect::Close { .. },
        ) => 0,
        // The pool is exhausted, or the link can't be made.
        Effect::Session(session::Effect::Open { .. }) => 2,
        Effect::Session(session::Effect::AskHeld { .. } | session::Effect::Terminate { .. }) => 1,
        Effect::Session(session::Effect::End { .. } | session::Effect::Abandon { .. }) => 0,
        // Refused, the link breaks, or it takes too long.
        Effect::Query(query::Effect::Run { .. } | query::Effect::RunReadOnly { .. }) => 3,
        Effect::Query(query::Effect::Cancel { .. }) => 1,
        Effect::Query(
            query::Effect::TakeBack { .. }
            | query::Effect::GrantRows { .. }
            | query::Effect::DiscardRows { .. },
        ) => 0,
        // A statement fails, or the file is refused.
        Effect::Job(jobs::Effect::RunFile { .. }) => 2,
        Effect::Job(jobs::Effect::Cancel { .. }) => 0,
        Effect::Cells(results::contract::Effect::Copy { .. }) => 1,
        Effect::Cells(
            results::contract::Effect::Summarize { .. } | results::contract::Effect::Drop { .. },
        ) => 0,
        // A damaged file, none that can be used, or no directory for it.
        Effect::Store(keeping::Effect::Load { .. }) => 3,
        Effect::Store(
            keeping::Effect::SearchHistory { .. } | keeping::Effect::UseDirectory { .. },
        ) => 1,
        // Not written, or held in memory for a while.
        Effect::Store(_) => 2,
        // Not found, or no keychain.
        Effect::Keychain(keychain::Effect::Read { .. }) => 2,
        Effect::Keychain(_) => 1,
        // Not what it was, not to be written, or with a character that its encoding has not.
        Effect::File(files::Effect::Save { .. }) => 3,
        // Not to be read, in an encoding that somebody has to name, or too large.
        Effect::File(files::Effect::Open { .. }) => 3,
        Effect::File(_) => 1,
        // A timer that is stopped unasked comes with the end of the program.
        Effect::Clock(_) => 0,
        Effect::Sandbox(sandbox::Effect::Start { .. }) => 1,
        Effect::Schema(_) => 1,
        // Not to be read, not to be written, no log.
        Effect::SettingsFile(
            file::Effect::Watch { .. }
            | file::Effect::Write { .. }
            | file::Effect::ConfigureLog { .. },
        ) => 1,
        Effect::Discovery(_) | Effect::Window(_) => 0,
    }
}

/// How often an effect fails by chance.
fn percent(effect: &Effect) -> usize {
    match effect {
        Effect::Connection(_) => 25,
        Effect::Session(_) => 10,
        Effect::Query(query::Effect::Run { .. } | query::Effect::RunReadOnly { .. }) => 5,
        Effect::Query(_) => 15,
        Effect::Store(
            keeping::Effect::SearchHistory { .. }
            | keeping::Effect::Load { .. }
            | keeping::Effect::UseDirectory { .. },
        ) => 20,
        Effect::Store(_) => 2,
        Effect::Keychain(keychain::Effect::Read { .. }) => 60,
        Effect::Keychain(_) | Effect::File(_) | Effect::Sandbox(_) => 30,
        Effect::Cells(_) | Effect::Job(_) | Effect::Schema(_) | Effect::SettingsFile(_) => 20,
        Effect::Clock(_) | Effect::Discovery(_) | Effect::Window(_) => 0,
    }
}
