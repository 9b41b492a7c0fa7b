//! Reads libpq's URLs and `key=value` strings, and the short form that people type: `app@host:5432/shop`.
//!
//! The rules are libpq's. Where libpq would do what Tusk cannot, the text is refused with a sentence that
//! says so, because a parameter that is dropped in silence may be the one that kept a link safe.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Config, Conninfo, Defaults};

mod options;
mod parameters;
mod text;

/// Why a text is not a connection, and what to do about it. No sentence repeats a value that may be a
/// password in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ParseProblem {
    /// There is no text.
    #[error("Type a URL, such as postgres://user@host:5432/database.")]
    Empty,
    /// Words that are none of the three forms.
    #[error(
        "This is not a connection. Type postgres://user@host:5432/database, or host=… dbname=…."
    )]
    NotUnderstood,
    /// A URL of something else.
    #[error("Tusk reads postgres:// and postgresql:// URLs, and this one begins with {scheme}://.")]
    UnknownScheme {
        /// What stands before `://`.
        scheme: String,
    },
    /// A `%` without two hexadecimal digits.
    #[error("A % is not followed by two hexadecimal digits. Write a plain % as %25.")]
    Percent,
    /// `%00`, or a NUL itself.
    #[error("A NUL character (%00) cannot be part of a connection. Remove it.")]
    Nul,
    /// Percent-encoded bytes that are no text.
    #[error("The percent-encoded bytes are not UTF-8. Encode the text as UTF-8 first.")]
    NotUtf8,
    /// `[` without `]`, or nothing between them, or something else than a port or path after them.
    #[error(
        "The address in brackets is not complete. Write an IPv6 address as [::1] or [::1]:5432."
    )]
    Brackets,
    /// A host with an `@`, so most likely a password with one.
    #[error("The host holds an @. In a user name or a password, write @ as %40.")]
    AtInHost,
    /// A list of hosts, addresses or ports.
    #[error("Tusk connects to one host at a time. Name one host and one port.")]
    SeveralHosts,
    /// A port that is none.
    #[error(
        "The port must be a number from 1 to 65535. If it is part of a password, write : / @ there as %3A %2F %40."
    )]
    Port,
    /// A word without a value.
    #[error(
        "A parameter has no value. Write name=value, with a value that has spaces in single quotes."
    )]
    MissingEquals,
    /// A second `=` in a parameter of a URL.
    #[error("A parameter of the URL has more than one =. Write = inside a value as %3D.")]
    ExtraEquals,
    /// A quote that nothing closes.
    #[error(
        "A value's closing quote is missing. Add the ', and write a quote inside a value as \\'."
    )]
    UnterminatedQuote,
    /// A name that neither libpq nor Tusk knows.
    #[error("{}", unknown_parameter(name, nearest.as_deref()))]
    UnknownParameter {
        /// The name, or nothing where it does not look like one.
        name: String,
        /// The known name that looks most like it.
        nearest: Option<String>,
    },
    /// A value that the parameter does not have.
    #[error("{name} cannot be “{value}”. It is {expected}.")]
    BadValue {
        /// The parameter.
        name: String,
        /// What was written.
        value: String,
        /// What it may be.
        expected: String,
    },
    /// Something that libpq does and Tusk does not.
    #[error("Tusk does not have {name}={value}. {advice}")]
    Unsupported {
        /// The parameter.
        name: String,
        /// What was written.
        value: String,
        /// What to do.
        advice: String,
    },
    /// The system's CAs, with a mode that checks nothing.
    #[error(
        "sslrootcert=system needs sslmode=verify-full or verify-ca. Change sslmode, or leave it out."
    )]
    WeakSslMode,
    /// Neither the text nor the environment names a role.
    #[error("No user is named. Put it before the host: postgres://user@host/database.")]
    NoUser,
}

impl Config {
    /// Reads a libpq URL, a libpq `key=value` string, or `user@host:port/database`.
    pub fn parse(text: &str, defaults: &Defaults) -> Result<Conninfo, ParseProblem> {
        if text.trim().is_empty() {
            return Err(ParseProblem::Empty);
        }
        if text.contains('\0') {
            return Err(ParseProblem::Nul);
        }
        let found = match Form::of(text) {
            Form::Url { scheme, rest } => {
                text::check_scheme(scheme)?;
                text::url(rest.trim_end())?
            }
            Form::KeyValue(rest) => text::pairs(rest)?,
            Form::Shorthand(rest) => text::shorthand(rest.trim())?,
        };
        parameters::conninfo(found, defaults)
    }
}

/// What the text says, by libpq's names.
type Parameters = BTreeMap<String, String>;

/// The three ways to write a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form<'a> {
    /// `postgres://…`, in two parts.
    Url {
        /// Everything up to and with `://`.
        scheme: &'a str,
        /// What follows.
        rest: &'a str,
    },
    /// `host=… dbname=…`.
    KeyValue(&'a str),
    /// `user@host:port/database`.
    Shorthand(&'a str),
}

impl<'a> Form<'a> {
    /// Which of them a text is, finished or not.
    pub(super) fn of(text: &'a str) -> Self {
        if let Some(at) = text.find("://") {
            let scheme = text[..at].trim_start();
            let scheme = scheme.strip_prefix("jdbc:").unwrap_or(scheme);
            // Another colon would stand between a user and a password.
            let of_scheme = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
            if !scheme.is_empty() && scheme.chars().all(of_scheme) {
                let (scheme, rest) = text.split_at(at + 3);
                return Self::Url { scheme, rest };
            }
        }
        // A name of a parameter has none of the characters that part a URL.
        match text.split_once('=') {
            Some((name, _)) if !name.contains(['@', ':', '/', '?']) => Self::KeyValue(text),
            _ => Self::Shorthand(text),
        }
    }
}

fn unknown_parameter(name: &str, nearest: Option<&str>) -> String {
    let subject = if name.is_empty() {
        "A parameter has a name that is none".to_owned()
    } else {
        format!("“{name}” is not a connection parameter")
    };
    match nearest {
        Some(nearest) => format!("{subject}. Did you mean {nearest}?"),
        None => format!("{subject}. Remove it, or look it up in libpq's documentation."),
    }
}

#[cfg(test)]
mod tests;
