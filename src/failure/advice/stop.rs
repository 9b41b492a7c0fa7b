//! Why a statement was stopped: PostgreSQL gives a cancel and a timeout the same code, 57014.
//!
//! What Tusk itself did and how long the statement took distinguish them in every language. The server's words do so
//! only in English, and they are the only way to know that somebody else cancelled it.

use super::codes;
use crate::failure::{Category, Failure};

/// What Tusk knows about a stopped statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stop {
    /// Whether Tusk asked the server to cancel it.
    pub asked: bool,
    /// Whether it took at least as long as the connection's statement timeout.
    pub over_time: bool,
}

/// The failure with its category and advice, given what stopped it; any but 57014 stays as it is.
pub fn stopped(failure: Failure, stop: Stop) -> Failure {
    if !failure.is("57014") {
        return failure;
    }
    let words = failure.message.to_lowercase();
    let (category, advice) = if words.contains("statement timeout") {
        (Category::Query, codes::TIMED_OUT)
    } else if let Some(advice) = codes::stopped(&words) {
        (Category::Query, advice)
    } else if stop.asked {
        (Category::Cancelled, codes::STOPPED_AS_ASKED)
    } else if words.contains("user request") {
        (Category::Cancelled, codes::STOPPED_BY_ANOTHER)
    } else if stop.over_time {
        (Category::Query, codes::TIMED_OUT)
    } else {
        (Category::Query, codes::STOPPED_SOMEHOW)
    };
    Failure { category, next_step: Some(advice.to_owned()), ..failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancel_and_a_timeout_are_told_apart_in_every_language() {
        use Category::{Cancelled, Query};
        let english = "canceling statement due to";
        let by_user = format!("{english} user request");
        let by_time = format!("{english} statement timeout");
        let german = "storniere Anfrage wegen Zeitüberschreitung der Anfrage";
        let table = [
            (by_user.as_str(), true, false, Cancelled, "as asked"),
            (&by_user, false, true, Cancelled, "Somebody else"),
            (&by_time, false, true, Query, "statement_timeout"),
            (&by_time, true, false, Query, "statement_timeout"),
            (german, true, false, Cancelled, "as asked"),
            (german, false, true, Query, "statement_timeout. Raise"),
            (german, false, false, Query, "or somebody"),
            ("canceling autovacuum task", false, false, Query, "Autovacuum"),
        ];
        for (message, asked, over_time, category, words) in table {
            let failure = Failure {
                sqlstate: Some("57014".into()),
                ..Failure::new(Category::Query, message)
            };
            let found = stopped(failure, Stop { asked, over_time });
            assert_eq!(found.category, category, "{message} {asked} {over_time}");
            let advice = found.next_step.unwrap();
            assert!(advice.contains(words), "{message}: {advice}");
        }
        let other = Failure::new(Category::Query, "canceling statement due to user request");
        assert_eq!(stopped(other.clone(), Stop::default()), other);
    }
}
