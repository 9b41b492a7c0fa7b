//! When a silent link counts as dead: libpq's `keepalives` and related parameters, which have no field in the dialog.
//!
//! psql leaves all of it to the system, where a dead link may go unnoticed for two hours. Tusk gives a link one minute.
//! That is longer than a change of networks, a VPN's reconnect or a switch's restart takes, because a session that dies
//! takes its transaction and its temporary tables with it; and it is shorter than routers remember a silent link. Long
//! before, the watchdog reports that the server does not answer, and ends nothing.

use serde::{Deserialize, Serialize};

use super::ParseProblem;
use super::parse::Parameters;

/// How the system watches a TCP link; a 0 leaves that figure to the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Keepalive {
    /// Whether to probe a silent link at all.
    pub on: bool,
    /// Silence before the first probe.
    pub idle_s: u32,
    /// Time between probes.
    pub interval_s: u32,
    /// How many probes may go unanswered before the link is dead.
    pub count: u32,
    /// How long sent data may stay unacknowledged before that ends the link too (on Linux).
    pub user_timeout_ms: u32,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self { on: true, idle_s: 30, interval_s: 10, count: 3, user_timeout_ms: 60_000 }
    }
}

/// A parameter's name, unit, and field.
type Figure = (&'static str, &'static str, fn(&mut Keepalive) -> &mut u32);

const FIGURES: [Figure; 4] = [
    ("keepalives_idle", "seconds", |all| &mut all.idle_s),
    ("keepalives_interval", "seconds", |all| &mut all.interval_s),
    ("keepalives_count", "questions", |all| &mut all.count),
    ("tcp_user_timeout", "milliseconds", |all| &mut all.user_timeout_ms),
];

impl Keepalive {
    /// No probes; then the other limit is the system's too, unless it is named.
    const OFF: Self = Self { on: false, idle_s: 30, interval_s: 10, count: 3, user_timeout_ms: 0 };

    /// The defaults.
    fn usual(on: bool) -> Self {
        if on { Self::default() } else { Self::OFF }
    }

    /// Removes its parameters from the others.
    pub(super) fn of(found: &mut Parameters) -> Result<Self, ParseProblem> {
        let on = match found.remove("keepalives") {
            Some(text) => number("keepalives", &text, "1 or 0")? != 0,
            None => true,
        };
        let mut all = Self::usual(on);
        for (name, unit, place) in FIGURES {
            if let Some(text) = found.remove(name) {
                let expected = format!("a number of {unit}; 0 leaves it to the system");
                // A negative number counts as zero, as in libpq.
                *place(&mut all) = number(name, &text, &expected)?.max(0).unsigned_abs();
            }
        }
        Ok(all)
    }

    /// The parameters that differ from the defaults.
    pub(super) fn parameters(mut self) -> Vec<(&'static str, String)> {
        let mut usual = Self::usual(self.on);
        let mut parameters = Vec::new();
        if !self.on {
            parameters.push(("keepalives", "0".to_owned()));
        }
        for (name, _, place) in FIGURES {
            let figure = *place(&mut self);
            if figure != *place(&mut usual) {
                parameters.push((name, figure.to_string()));
            }
        }
        parameters
    }
}

fn number(name: &str, text: &str, expected: &str) -> Result<i32, ParseProblem> {
    text.trim().parse().map_err(|_| ParseProblem::BadValue {
        name: name.to_owned(),
        value: text.to_owned(),
        expected: expected.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        let pairs = pairs.iter();
        pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_parameters_say_what_they_say_and_are_printed_where_they_are_not_usual() {
        let figures = |on, idle_s, interval_s, count, user_timeout_ms| Keepalive {
            on,
            idle_s,
            interval_s,
            count,
            user_timeout_ms,
        };
        type Written = &'static [(&'static str, &'static str)];
        let table: [(Written, Keepalive, &str); 6] = [
            (&[], Keepalive::default(), ""),
            (&[("keepalives", "1"), ("keepalives_idle", " 30 ")], Keepalive::default(), ""),
            (&[("keepalives", "0")], figures(false, 30, 10, 3, 0), "keepalives=0"),
            (
                &[("keepalives", "0"), ("tcp_user_timeout", "9000")],
                figures(false, 30, 10, 3, 9_000),
                "keepalives=0 tcp_user_timeout=9000",
            ),
            (
                &[
                    ("keepalives_idle", "2"),
                    ("keepalives_interval", "1"),
                    ("keepalives_count", "4"),
                    ("tcp_user_timeout", "5000"),
                ],
                figures(true, 2, 1, 4, 5_000),
                "keepalives_idle=2 keepalives_interval=1 keepalives_count=4 tcp_user_timeout=5000",
            ),
            (
                &[("keepalives_idle", "0"), ("tcp_user_timeout", "-1")],
                figures(true, 0, 10, 3, 0),
                "keepalives_idle=0 tcp_user_timeout=0",
            ),
        ];
        for (written, expected, printed) in table {
            let mut found = parameters(written);
            assert_eq!(Keepalive::of(&mut found), Ok(expected), "{written:?}");
            assert!(found.is_empty());
            let words = expected.parameters().into_iter();
            let words: Vec<String> = words.map(|(name, value)| format!("{name}={value}")).collect();
            assert_eq!(words.join(" "), printed);
            let pairs: Vec<(&str, String)> = expected.parameters();
            let pairs: Vec<(&str, &str)> =
                pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert_eq!(Keepalive::of(&mut parameters(&pairs)), Ok(expected));
        }
    }

    #[test]
    fn what_is_no_number_is_told_with_what_it_may_be() {
        for (name, said) in [
            ("keepalives", "keepalives cannot be “soon”. It is 1 or 0."),
            (
                "keepalives_idle",
                "keepalives_idle cannot be “soon”. It is a number of seconds; 0 leaves it to the system.",
            ),
            (
                "tcp_user_timeout",
                "tcp_user_timeout cannot be “soon”. It is a number of milliseconds; 0 leaves it to the system.",
            ),
        ] {
            let problem = Keepalive::of(&mut parameters(&[(name, "soon")])).unwrap_err();
            assert_eq!(problem.to_string(), said);
        }
    }
}
