//! Reads libpq's URLs and `key=value` strings, and the short form that people type: `app@host:5432/shop`.
//!
//! The rules are libpq's. If libpq would do what Tusk cannot, Tusk refuses the text with a sentence that says so,
//! because a parameter that is dropped in silence may be the one that kept a link safe. What the text leaves out comes
//! from elsewhere (`parse/sources.rs`).
//!
//! People paste more than these three: `parse/pasted.rs` removes what surrounds a connection, and reads other programs'
//! forms. Nothing that could hold a secret is taken for something to show (`parse/clear.rs`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Config, Conninfo, Defaults};

mod clear;
mod options;
mod parameters;
mod pasted;
mod sources;
mod ssh;
mod text;

pub(super) use clear::{assigns_secret, holds_secret, is_host, names_secret, repeats_secret};
pub(super) use parameters::{is_known as is_parameter, shown, unknown as unknown_parameter};
pub(super) use pasted::{BYTES_MAX, begins_known_name, is_known_name, is_plain_url, trimmed};
pub(super) use sources::is_secret;

/// The example of a connection in Tusk's advice.
pub const EXAMPLE: &str = "postgres://user:password@host:5432/database";

/// Why a text is not a connection, and what to do about it. No sentence repeats a value that may be a
/// password in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ParseProblem {
    #[error("Type a URL, such as postgres://user@host:5432/database.")]
    Empty,
    /// None of the three forms.
    #[error(
        "This is not a connection. Type postgres://user@host:5432/database, or host=… dbname=…."
    )]
    NotUnderstood,
    /// Can be read in two ways, or would show what may be a password.
    #[error(
        "This can't be read with certainty. Write postgres://user:password@host:5432/database, with @ : / ? # % in a \
         user name or a password as %40 %3A %2F %3F %23 %25."
    )]
    Unclear,
    /// Longer than a connection ever is.
    #[error(
        "This is too long for a connection. Write postgres://user:password@host:5432/database."
    )]
    TooLong,
    /// Another kind of URL.
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
    /// Percent-encoded bytes that are not text.
    #[error("The percent-encoded bytes are not UTF-8. Encode the text as UTF-8 first.")]
    NotUtf8,
    /// `[` without `]`, or nothing between them, or something other than a port or path after them.
    #[error(
        "The address in brackets is not complete. Write an IPv6 address as [::1] or [::1]:5432."
    )]
    Brackets,
    /// A host with an `@`: most likely part of a password.
    #[error("The host holds an @. In a user name or a password, write @ as %40.")]
    AtInHost,
    /// Lists of hosts, addresses and ports that don't match.
    #[error("{}", counts_sentence(what, *count, *hosts))]
    Counts {
        /// The list whose length differs.
        what: String,
        count: usize,
        /// How many servers there are.
        hosts: usize,
    },
    /// A service that no file has.
    #[error("There is no service “{name}”. {}", searched(files))]
    NoService {
        name: String,
        /// The files that were searched.
        files: Vec<String>,
    },
    /// A service file that can't be read.
    #[error("The service file {path} can't be read: {reason}. Name another one in PGSERVICEFILE.")]
    ServiceFile {
        /// From PGSERVICEFILE, or a usual place.
        path: String,
        reason: String,
    },
    /// A line of a service that can't be used.
    #[error("Line {line} of {path}: {sentence}")]
    ServiceLine {
        path: String,
        /// The line, from 1.
        line: usize,
        sentence: String,
    },
    /// The problem is not in the text.
    #[error("{place}: {problem}")]
    Elsewhere {
        /// The variable, or the service and its file.
        place: String,
        /// What is wrong there.
        problem: Box<ParseProblem>,
    },
    /// An invalid port.
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
    /// An unclosed quote.
    #[error(
        "A value's closing quote is missing. Add the ', and write a quote inside a value as \\'."
    )]
    UnterminatedQuote,
    /// A name that neither libpq nor Tusk knows.
    #[error("{}", unknown_sentence(name, nearest.as_deref()))]
    UnknownParameter {
        /// The name, or empty if it does not look like one.
        name: String,
        /// The most similar known name.
        nearest: Option<String>,
    },
    /// A value that the parameter does not have.
    #[error("{name} cannot be “{value}”. It is {expected}.")]
    BadValue {
        name: String,
        /// What was written.
        value: String,
        /// What it may be.
        expected: String,
    },
    /// Something that libpq does and Tusk does not.
    #[error("Tusk does not have {name}={value}. {advice}")]
    Unsupported {
        name: String,
        /// What was written.
        value: String,
        /// What to do.
        advice: String,
    },
    /// The system's CAs, with a mode that does not check the host's name: they sign for every host.
    #[error(
        "sslrootcert=system needs sslmode=verify-full: with another mode the certificate of any host would do. \
         Change sslmode, leave it out, or name the file of your own CA in sslrootcert."
    )]
    WeakSslMode,
    /// Neither the text nor the environment names a role.
    #[error("No user is named. Put it before the host: postgres://user@host/database.")]
    NoUser,
}

impl Config {
    /// Reads a libpq URL, a libpq `key=value` string, `user@host:port/database`, or what people paste in their place:
    /// in quotes, in a line of settings, in a command, in another driver's form.
    pub fn parse(text: &str, defaults: &Defaults) -> Result<Conninfo, ParseProblem> {
        if text.contains('\0') {
            return Err(ParseProblem::Nul);
        }
        conninfo(pasted::read(text)?, defaults)
    }
}

/// The meaning of an empty text.
pub(super) fn nothing(defaults: &Defaults) -> Result<Conninfo, ParseProblem> {
    conninfo(Parameters::new(), defaults)
}

/// Understands the text's parameters, completed from elsewhere.
fn conninfo(found: Parameters, defaults: &Defaults) -> Result<Conninfo, ParseProblem> {
    let sources = sources::Sources::of(found, defaults)?;
    if let Some(name) = clear::unclear(&sources.values) {
        return Err(sources.blame_for(name, ParseProblem::Unclear));
    }
    parameters::conninfo(sources.values.clone(), defaults).map_err(|problem| sources.blame(problem))
}

/// The text's parameters, by libpq's names.
pub(super) type Parameters = BTreeMap<String, String>;

/// The three ways to write a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form<'a> {
    /// `postgres://…`, in two parts.
    Url {
        /// Everything up to and including `://`.
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
    /// Which form a text has, finished or not.
    pub(super) fn of(text: &'a str) -> Self {
        if let Some(at) = text.find("://") {
            let scheme = text[..at].trim_start();
            let scheme = scheme.strip_prefix("jdbc:").unwrap_or(scheme);
            // Another colon would be between a user and a password.
            let of_scheme = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
            if !scheme.is_empty() && scheme.chars().all(of_scheme) {
                let (scheme, rest) = text.split_at(at + 3);
                return Self::Url { scheme, rest };
            }
        }
        // A parameter's name contains none of the characters that separate a URL's parts.
        match text.split_once('=') {
            Some((name, _)) if !name.contains(['@', ':', '/', '?']) => Self::KeyValue(text),
            _ => Self::Shorthand(text),
        }
    }
}

fn counts_sentence(what: &str, count: usize, hosts: usize) -> String {
    let servers = if hosts == 1 { "host" } else { "hosts" };
    let remedy =
        if what == "ports" { "Name as many, or one port for all." } else { "Name as many." };
    format!("There are {count} {what} for {hosts} {servers}. {remedy}")
}

fn searched(files: &[String]) -> String {
    if files.is_empty() {
        "Write its parameters to ~/.pg_service.conf, or name a service file in PGSERVICEFILE."
            .into()
    } else {
        format!("Look into {}.", files.join(" and "))
    }
}

impl ParseProblem {
    /// The parameter at fault, if there is one.
    fn parameter(&self) -> Option<&str> {
        match self {
            Self::Port => Some("port"),
            Self::WeakSslMode => Some("sslmode"),
            Self::Counts { what, .. } if what == "ports" => Some("port"),
            Self::Counts { .. } => Some("hostaddr"),
            Self::UnknownParameter { name, .. }
            | Self::BadValue { name, .. }
            | Self::Unsupported { name, .. } => Some(name),
            _ => None,
        }
    }
}

fn unknown_sentence(name: &str, nearest: Option<&str>) -> String {
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
