//! What follows a scheme: read as libpq does if that is plain, otherwise with the password that was meant.
//!
//! A password with an unencoded `@`, `/` or `?` moves the end of the host: libpq takes a piece of the password for a
//! server. If libpq would refuse such a text, one reading is left; if it would connect, nobody can tell.

use super::super::{Parameters, ParseProblem, clear, text};
use super::names;

/// Characters that a user, host or database in a URL does not contain unencoded.
const ODD: &str = "\"'`“”‘’„‚«»<>{}|^\\;=&";

/// The parameters of a URL without its scheme.
pub(super) fn read(rest: &str, jdbc: bool) -> Result<Parameters, ParseProblem> {
    let rest = rest.trim_end();
    let strict = text::url(rest);
    let mut found = match strict {
        Ok(found) if is_plain(rest) => found,
        strict => {
            let libpq_connects = strict.as_ref().is_ok_and(has_ports);
            let meant = if libpq_connects { None } else { with_password(rest)? };
            match (meant, strict) {
                (Some(found), _) => found,
                (None, Err(problem)) => return Err(problem),
                (None, Ok(_)) => return Err(ParseProblem::Unclear),
            }
        }
    };
    let query = query(rest);
    if jdbc && says_ssl(query) && !query.contains("sslmode") {
        // Another driver's meaning: it checks the certificate and the host's name.
        found.insert("sslmode".into(), "verify-full".into());
    }
    let safe = !query.contains('@') && !query_names(query).any(clear::names_secret);
    names::translate(&mut found)?;
    clear::check(&found, safe)?;
    Ok(found)
}

/// Whether a URL without its scheme has each character where it belongs, so that its user, host, database and query
/// names can't hold a piece of a password.
pub(in crate::conninfo) fn is_plain(rest: &str) -> bool {
    let (user, tail) = match text::user_end(rest) {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => ("", rest),
    };
    let user = user.split_once(':').map_or(user, |(user, _password)| user);
    let (place, query) = tail.split_once('?').unwrap_or((tail, ""));
    is_plain_place(place)
        && !has_odd(user)
        && (!query.contains('@') || query_names(query).all(names::is_known))
}

/// Hosts, ports and a database.
fn is_plain_place(place: &str) -> bool {
    let path = place.find('/').map_or("", |at| &place[at..]);
    !place.contains('@') && !has_odd(place) && !path.contains(':') && !path.contains("//")
}

fn has_odd(text: &str) -> bool {
    text.contains(|c: char| ODD.contains(c) || c.is_whitespace() || c.is_control())
}

/// Reads the password up to the last `@`, if nothing speaks for another reading.
fn with_password(rest: &str) -> Result<Option<Parameters>, ParseProblem> {
    let parts =
        rest.rsplit_once('@').and_then(|(before, tail)| Some((before.split_once(':')?, tail)));
    let Some(((user, password), tail)) = parts else {
        return Ok(None);
    };
    let (place, query) = tail.split_once('?').unwrap_or((tail, ""));
    let host_end = place.find(['/', ':']).unwrap_or(place.len());
    // A host before a second @, and not a piece of the password.
    let second = password.find('@').is_some_and(|at| password[at..].contains(['/', '?']));
    let of_query =
        password.split_once('?').is_some_and(|(_, query)| query_names(query).any(names::is_known));
    let is_sure = !user.is_empty()
        && !user.contains(['/', '?'])
        && !has_odd(user)
        && host_end > 0
        && is_plain_place(place)
        && query_names(query).all(names::is_known)
        && !second
        && !of_query;
    if !is_sure {
        return Ok(None);
    }
    let mut found = text::url(tail)?;
    if !has_ports(&found) {
        return Ok(None);
    }
    found.insert("user".into(), text::decoded(user)?);
    found.insert("password".into(), text::decoded(password)?);
    Ok(Some(found))
}

fn query(rest: &str) -> &str {
    rest.rsplit_once('?').map_or("", |(_, query)| query)
}

/// The names of a query's parameters; a part without `=` is its own name.
fn query_names(query: &str) -> impl Iterator<Item = &str> {
    query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').map_or(part, |(name, _)| name))
}

fn says_ssl(query: &str) -> bool {
    query.split('&').any(|part| part == "ssl=true")
}

/// Whether each port is a number, so that libpq would connect.
fn has_ports(found: &Parameters) -> bool {
    found.get("port").is_none_or(|ports| {
        ports.split(',').all(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
    })
}
