//! What a server may ask for before it lets a user in, and what Tusk does not give it.
//!
//! The tap shows each authentication request to the [`Terms`] before the driver sees it, so the driver never writes an
//! answer that Tusk must not give.

use std::fmt;

use crate::{
    failure::{Category, Failure},
    rows::show::display::grouped,
};

/// The terms on which the user logs in over one link.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Whether the server may get the password in the clear.
    pub cleartext: bool,
    /// Whether the login must be bound to the TLS link.
    pub bound: bool,
    /// Whether there is TLS to bind it to.
    pub encrypted: bool,
    /// Whether the server made a request with channel binding.
    agreed: bool,
}

/// A login that Tusk gave up before it answered anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The password would have gone over the network in the clear.
    Cleartext,
    /// The login would not have been bound to the link. Says what the server did instead, as the end of a sentence.
    Unbound(&'static str),
    /// The server wants a method that Tusk does not speak.
    Method(String),
    /// The server wants so many rounds of hashing that it would take forever.
    Rounds(u64),
}

/// The most rounds of SCRAM's hash: about a second's work. PostgreSQL's default is 4,096.
const ROUNDS_MAX: u64 = 1_000_000;

const OK: u32 = 0;
const CLEARTEXT: u32 = 3;
const MD5: u32 = 5;
const SASL: u32 = 10;
const SASL_CONTINUE: u32 = 11;
const SASL_FINAL: u32 = 12;

impl Terms {
    /// Terms for a new link, on which nothing was said yet.
    pub fn new(cleartext: bool, bound: bool, encrypted: bool) -> Self {
        Self { cleartext, bound, encrypted, agreed: false }
    }

    /// Judges an authentication request by its body; true if it asks for the password in the clear.
    pub fn judge(&mut self, body: &[u8]) -> Result<bool, Refused> {
        let Some((code, rest)) = body.split_first_chunk() else {
            return Ok(false);
        };
        let instead = match u32::from_be_bytes(*code) {
            OK => "let the user in without it",
            CLEARTEXT if !self.cleartext => return Err(Refused::Cleartext),
            CLEARTEXT => "asked for the password in the clear",
            MD5 => "asked for an MD5 password",
            SASL => {
                let (scram, plus) = mechanisms(rest);
                if !scram && !plus {
                    let names = String::from_utf8_lossy(rest);
                    let names: Vec<&str> = names.split('\0').filter(|n| !n.is_empty()).collect();
                    return Err(Refused::Method(names.join(", ")));
                }
                self.agreed = plus && self.encrypted;
                if self.encrypted {
                    "offered SCRAM without it"
                } else {
                    "has no TLS on this link to bind it to"
                }
            }
            SASL_CONTINUE => {
                return match rounds(rest) {
                    Some(rounds) if rounds > ROUNDS_MAX => Err(Refused::Rounds(rounds)),
                    _ => Ok(false),
                };
            }
            SASL_FINAL => return Ok(false),
            code => return Err(Refused::Method(method(code))),
        };
        if self.bound && !self.agreed {
            return Err(Refused::Unbound(instead));
        }
        Ok(*code == CLEARTEXT.to_be_bytes())
    }
}

impl Refused {
    pub fn failure(&self) -> Failure {
        let failure = Failure::new(Category::Authentication, format!("{self}."));
        failure.with_next_step(match self {
            Self::Cleartext => {
                "Use TLS (SSL mode require or better), have the server ask for scram-sha-256 (pg_hba.conf), or allow \
                 passwords in the clear for this connection if the network is trusted."
            }
            Self::Unbound(_) => {
                "Check that this is the right server, with TLS and scram-sha-256 (pg_hba.conf), or set the channel \
                 binding of this connection to prefer."
            }
            Self::Rounds(_) => {
                "Check that this is the right server. If it is, have its scram_iterations made smaller, and the password \
                 set again."
            }
            Self::Method(_) => {
                "Have the server ask this user for scram-sha-256, or a client certificate (pg_hba.conf)."
            }
        })
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cleartext => formatter.write_str(
                "The server wants the password in the clear, and the link is not encrypted: nothing was sent",
            ),
            Self::Unbound(instead) => write!(
                formatter,
                "This connection requires channel binding, but the server {instead}"
            ),
            Self::Rounds(rounds) => write!(
                formatter,
                "The server wants the password hashed {} times, and Tusk does that {} times at most",
                grouped(*rounds),
                grouped(ROUNDS_MAX)
            ),
            Self::Method(name) => write!(
                formatter,
                "The server wants the user to log in by {name}, which Tusk does not speak"
            ),
        }
    }
}

impl std::error::Error for Refused {}

/// Whether the server offers SCRAM-SHA-256, and whether with channel binding.
fn mechanisms(list: &[u8]) -> (bool, bool) {
    let offers = |wanted: &[u8]| list.split(|byte| *byte == 0).any(|name| name == wanted);
    (offers(b"SCRAM-SHA-256"), offers(b"SCRAM-SHA-256-PLUS"))
}

/// The number of rounds in a SCRAM challenge: `r=…,s=…,i=4096`.
fn rounds(challenge: &[u8]) -> Option<u64> {
    let parts = challenge.split(|byte| *byte == b',');
    let number = parts.filter_map(|part| part.strip_prefix(b"i=")).next()?;
    let digits = number.iter().take_while(|byte| byte.is_ascii_digit());
    // A number with too many digits is too many rounds, too.
    Some(
        digits.fold(0, |all: u64, digit| {
            all.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
        }),
    )
}

fn method(code: u32) -> String {
    match code {
        2 => "Kerberos V5".into(),
        6 => "SCM credentials".into(),
        7 | 8 => "GSSAPI".into(),
        9 => "SSPI".into(),
        code => format!("method {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(code: u32, rest: &[u8]) -> Vec<u8> {
        [&code.to_be_bytes(), rest].concat()
    }

    #[test]
    fn a_password_in_the_clear_is_given_only_where_that_is_allowed() {
        let request = asked(CLEARTEXT, b"");
        let refused = Terms::new(false, false, false).judge(&request);
        assert_eq!(refused, Err(Refused::Cleartext));
        assert_eq!(Terms::new(true, false, true).judge(&request), Ok(true));
    }

    #[test]
    fn required_channel_binding_takes_scram_plus_inside_tls_and_nothing_else() {
        let both = asked(SASL, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
        let plain = asked(SASL, b"SCRAM-SHA-256\0\0");
        let mut required = Terms::new(true, true, true);
        for (request, instead) in [
            (asked(OK, b""), "let the user in without it"),
            (asked(CLEARTEXT, b""), "asked for the password in the clear"),
            (asked(MD5, b"salt"), "asked for an MD5 password"),
            (plain.clone(), "offered SCRAM without it"),
        ] {
            assert_eq!(required.judge(&request), Err(Refused::Unbound(instead)));
            assert!(Terms::new(true, false, true).judge(&request).is_ok());
        }
        assert_eq!(required.judge(&both), Ok(false));
        for then in [SASL_CONTINUE, SASL_FINAL, OK] {
            assert_eq!(required.judge(&asked(then, b"")), Ok(false));
        }
        let outside = Terms::new(true, true, false).judge(&both);
        assert!(matches!(outside, Err(Refused::Unbound(_))), "{outside:?}");
    }

    #[test]
    fn a_password_is_not_hashed_for_ever() {
        let mut terms = Terms::new(true, false, true);
        for (rounds, is_taken) in [
            ("1", true),
            ("4096", true),
            ("1000000", true),
            ("1000001", false),
            ("4294967295", false),
            ("99999999999999999999999999", false),
        ] {
            let challenge = format!("r=abc,s=c2FsdA==,i={rounds}");
            let judged = terms.judge(&asked(SASL_CONTINUE, challenge.as_bytes()));
            assert_eq!(judged.is_ok(), is_taken, "{rounds}: {judged:?}");
        }
    }

    #[test]
    fn a_method_that_is_not_spoken_is_named() {
        let mut terms = Terms::new(true, false, true);
        for (request, name) in [
            (asked(7, b""), "GSSAPI"),
            (asked(9, b""), "SSPI"),
            (asked(SASL, b"OAUTHBEARER\0\0"), "OAUTHBEARER"),
            (asked(99, b""), "method 99"),
        ] {
            let refused = terms.judge(&request).unwrap_err();
            assert!(refused.failure().message.contains(name), "{refused}");
        }
    }
}
