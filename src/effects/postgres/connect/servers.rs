//! Several servers: how they share the time, which session is suitable, and what Tusk says when none is.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use super::super::{
    error,
    wire::{frames, tap::StartUp},
};
use crate::{
    conninfo::{Config, TargetSession},
    failure::{Category, Failure},
    rows::show::display::{bytes_text, grouped},
};

/// The time left for an attempt, or no limit at all.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    ends: Option<Instant>,
}

/// What to try after a server was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The address could not be reached: try the server's next address, then the next server.
    Address,
    /// The server was reached, and is unsuitable now: try the next server.
    Server,
    /// The server refused this user, or could not be trusted; another server would do the same.
    Nothing,
}

/// A server that was tried, and why it was not taken.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The server, as `host:port`.
    pub server: String,
    pub address: Option<String>,
    pub failure: Failure,
}

/// What a server reported about itself; nothing if it is older than PostgreSQL 14.
#[derive(Clone, Copy, Debug)]
pub struct Reported {
    /// `in_hot_standby`
    pub standby: Option<bool>,
    /// `default_transaction_read_only`
    pub read_only: Option<bool>,
}

/// What Tusk has to ask before it takes a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// `show transaction_read_only`
    ReadOnly,
    /// `select pg_is_in_recovery()`
    Standby,
}

impl Budget {
    /// This many seconds from now; 0 for no limit, as in libpq.
    pub fn seconds(seconds: u32) -> Self {
        let whole = Duration::from_secs(seconds.into());
        Self { ends: (seconds > 0).then(|| Instant::now() + whole) }
    }

    /// One of this many equal parts of what is left.
    pub fn share(self, parts: usize) -> Self {
        let now = Instant::now();
        let parts = u32::try_from(parts).unwrap_or(u32::MAX).max(1);
        Self { ends: self.ends.map(|ends| now + ends.saturating_duration_since(now) / parts) }
    }

    /// Whether less than this is left.
    pub fn is_below(self, time: Duration) -> bool {
        self.ends.is_some_and(|ends| Instant::now() + time >= ends)
    }

    /// Does work within this time; otherwise returns how much time it had.
    pub async fn spend<T>(self, work: impl Future<Output = T>) -> Result<T, Duration> {
        let Some(ends) = self.ends else {
            return Ok(work.await);
        };
        let had = ends.saturating_duration_since(Instant::now());
        let timeout = async {
            smol::Timer::at(ends).await;
            Err(had)
        };
        smol::future::or(async { Ok(work.await) }, timeout).await
    }
}

/// Shuffles servers or addresses, each order as likely as any other.
pub fn shuffle<T>(all: &mut [T]) {
    // A new hasher's keys are the standard library's only source of randomness.
    let chance = RandomState::new();
    for end in (1..all.len()).rev() {
        let other = chance.hash_one(end) % (end as u64 + 1);
        all.swap(end, usize::try_from(other).unwrap_or(end));
    }
}

/// What to do after a failure, as in libpq: try the next server if this one can't be reached or is starting up, and
/// never after a refusal.
pub fn next(failure: &Failure) -> Next {
    match (failure.category, failure.sqlstate.as_deref()) {
        (Category::Connection, None) => Next::Address,
        (_, Some("57P03")) => Next::Server,
        _ => Next::Nothing,
    }
}

/// The sessions to look for, in passes over all servers.
pub fn passes(wanted: TargetSession) -> &'static [TargetSession] {
    use TargetSession::{Any, PreferStandby, Primary, ReadOnly, ReadWrite, Standby};
    match wanted {
        Any => &[Any],
        ReadWrite => &[ReadWrite],
        ReadOnly => &[ReadOnly],
        Primary => &[Primary],
        Standby => &[Standby],
        PreferStandby => &[Standby, Any],
    }
}

/// What Tusk has to ask, because the server did not report it.
pub fn question(wanted: TargetSession, reported: Reported) -> Option<Question> {
    use TargetSession::{Any, PreferStandby, Primary, ReadOnly, ReadWrite, Standby};
    match wanted {
        Any | PreferStandby => None,
        ReadWrite | ReadOnly => (reported.standby.is_none() || reported.read_only.is_none())
            .then_some(Question::ReadOnly),
        Primary | Standby => reported.standby.is_none().then_some(Question::Standby),
    }
}

/// What makes a session unsuitable, if anything does.
pub fn unfit(wanted: TargetSession, reported: Reported) -> Option<&'static str> {
    use TargetSession::{Any, PreferStandby, Primary, ReadOnly, ReadWrite, Standby};
    let standby = reported.standby == Some(true);
    let read_only = standby || reported.read_only == Some(true);
    match wanted {
        ReadWrite if read_only => {
            Some("The session is read-only, and one that can write is wanted.")
        }
        ReadOnly if !read_only => Some("The session can write, and a read-only one is wanted."),
        Primary if standby => Some("The server is a hot standby, and a primary is wanted."),
        Standby if !standby => Some("The server is not a hot standby, and one is wanted."),
        Any | PreferStandby | ReadWrite | ReadOnly | Primary | Standby => None,
    }
}

/// The failure for an unsuitable session.
pub fn unfit_failure(wanted: TargetSession, config: &Config, reason: &str) -> Failure {
    let advice = if config.read_only && wanted == TargetSession::ReadWrite {
        "This connection is marked as read-only, so all of its sessions are. Take the mark away, or look for a primary \
         (target_session_attrs=primary)."
    } else {
        "Add the server that is wanted to the hosts of the connection, or look for any session (target_session_attrs=any)."
    };
    error::plain(Category::Connection, reason).with_next_step(advice)
}

pub fn timed_out(had: Duration) -> Failure {
    let tenths = (had.as_secs_f64() * 10.0).round() / 10.0;
    error::plain(Category::Connection, format!("It did not answer within {tenths} s."))
}

/// The failure for a server that kept talking and was never ready.
pub fn not_ready(had: Duration, said: StartUp) -> Failure {
    let tenths = (had.as_secs_f64() * 10.0).round() / 10.0;
    let StartUp { messages, bytes, last } = said;
    let s = if messages == 1 { "" } else { "s" };
    error::plain(
        Category::Connection,
        format!(
            "It was not ready for a statement within {tenths} s: it sent {} message{s} ({}), the last was {}.",
            grouped(messages),
            bytes_text(bytes as u64),
            frames::name(last)
        ),
    )
}

/// Why no server was taken.
pub fn none_taken(tried: Vec<Tried>) -> Failure {
    let Some(last) = tried.last().cloned() else {
        return error::plain(Category::Connection, "There is no server to connect to.");
    };
    let starting = tried.iter().find(|one| one.failure.is("57P03"));
    let telling = starting.unwrap_or(&last);
    let reasons = reasons(&tried);
    let message = match reasons.as_slice() {
        // A server's own message stands alone, as everywhere.
        [_] if telling.failure.sqlstate.is_some() => return telling.failure.clone(),
        [only] => only.clone(),
        several => format!("No server could be used. {}", several.join(" ")),
    };
    Failure { message, ..telling.failure.clone() }
}

/// A refusal, with the servers that were tried before.
pub fn refused(failure: Failure, server: &str, before: &[Tried]) -> Failure {
    if before.is_empty() {
        return failure;
    }
    let before =
        format!("This is the answer of {server}. Before that: {}", reasons(before).join(" "));
    let detail = match &failure.detail {
        Some(detail) => format!("{detail} {before}"),
        None => before,
    };
    Failure { detail: Some(detail), ..failure }
}

/// One sentence for each server; names addresses separately only if they failed differently.
fn reasons(tried: &[Tried]) -> Vec<String> {
    let mut reasons = Vec::new();
    for of_server in tried.chunk_by(|one, other| one.server == other.server) {
        let said = |one: &Tried| one.failure.message.trim_end_matches('.').to_owned();
        let same = of_server.windows(2).all(|two| said(&two[0]) == said(&two[1]));
        let shown = if same { &of_server[..1] } else { of_server };
        for one in shown {
            let address = one.address.as_ref().filter(|_| !same);
            let address = address.map(|address| format!(" ({address})"));
            let address = address.unwrap_or_default();
            // A tunnel's message names the server already.
            if one.failure.message.contains(&one.server) {
                reasons.push(format!("{}.", said(one)));
                continue;
            }
            reasons.push(format!("{}{address}: {}.", one.server, said(one)));
        }
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(server: &str, address: &str, failure: Failure) -> Tried {
        Tried { server: server.into(), address: Some(address.into()), failure }
    }

    fn unreachable(message: &str) -> Failure {
        error::plain(Category::Connection, message)
    }

    fn starting() -> Failure {
        let mut failure = unreachable("the database system is starting up");
        failure.sqlstate = Some("57P03".into());
        failure
    }

    #[test]
    fn sessions_are_judged_as_libpq_s_manual_has_it() {
        use TargetSession::{Any, PreferStandby, Primary, ReadOnly, ReadWrite, Standby};
        let all = [Any, ReadWrite, ReadOnly, Primary, Standby, PreferStandby];
        for (standby, read_only, taken) in [
            (false, false, vec![Any, ReadWrite, Primary, PreferStandby]),
            (false, true, vec![Any, ReadOnly, Primary, PreferStandby]),
            (true, false, vec![Any, ReadOnly, Standby, PreferStandby]),
            (true, true, vec![Any, ReadOnly, Standby, PreferStandby]),
        ] {
            let reported = Reported { standby: Some(standby), read_only: Some(read_only) };
            let fit = |wanted: &TargetSession| unfit(*wanted, reported).is_none();
            let found: Vec<_> = all.into_iter().filter(fit).collect();
            assert_eq!(found, taken, "{reported:?}");
        }
    }

    #[test]
    fn what_an_old_server_does_not_report_is_asked() {
        let silent = Reported { standby: None, read_only: None };
        for (wanted, asked) in [
            (TargetSession::Any, None),
            (TargetSession::ReadWrite, Some(Question::ReadOnly)),
            (TargetSession::ReadOnly, Some(Question::ReadOnly)),
            (TargetSession::Primary, Some(Question::Standby)),
            (TargetSession::Standby, Some(Question::Standby)),
        ] {
            assert_eq!(question(wanted, silent), asked);
            let reported = Reported { standby: Some(false), read_only: Some(false) };
            assert_eq!(question(wanted, reported), None);
        }
    }

    #[test]
    fn one_message_names_each_server_and_why() {
        let failure = none_taken(vec![
            tried("a:1", "10.0.0.1:1", unreachable("Refused.")),
            tried("a:1", "10.0.0.2:1", unreachable("Refused.")),
            tried("b:2", "10.0.0.3:2", unreachable("Refused.")),
            tried("b:2", "10.0.0.4:2", unreachable("Cut.")),
            tried("c:3", "10.0.0.5:3", starting()),
        ]);
        assert_eq!(
            failure.message,
            "No server could be used. a:1: Refused. b:2 (10.0.0.3:2): Refused. b:2 (10.0.0.4:2): Cut. \
             c:3: the database system is starting up."
        );
        assert!(failure.is("57P03"));
        let alone = none_taken(vec![tried("a:1", "10.0.0.1:1", unreachable("Refused."))]);
        assert_eq!(alone.message, "a:1: Refused.");
        let alone = none_taken(vec![tried("a:1", "10.0.0.1:1", starting())]);
        assert_eq!(alone, starting());
    }

    #[test]
    fn a_new_order_keeps_everybody_and_puts_each_first_at_times() {
        let mut first = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let mut all = ["a", "b", "c"];
            shuffle(&mut all);
            first.insert(all[0]);
            all.sort_unstable();
            assert_eq!(all, ["a", "b", "c"]);
        }
        assert_eq!(first.len(), 3);
        shuffle::<u8>(&mut []);
    }

    #[test]
    fn a_share_of_no_bound_is_no_bound_and_of_a_bound_is_a_part() {
        let none = Budget::seconds(0).share(3);
        assert!(none.ends.is_none() && !none.is_below(Duration::MAX / 4));
        let third = Budget::seconds(30).share(3);
        assert!(third.is_below(Duration::from_secs(11)));
        assert!(!third.is_below(Duration::from_secs(8)));
    }
}
