//! Splits the three written forms into libpq's parameters.

use percent_encoding::percent_decode_str;

use super::sources::is_secret;
use super::{Parameters, ParseProblem};

/// What follows `postgres://`.
pub(super) fn url(rest: &str) -> Result<Parameters, ParseProblem> {
    let mut found = Parameters::new();
    let rest = match user_end(rest) {
        Some(at) => {
            credentials(&rest[..at], &mut found)?;
            &rest[at + 1..]
        }
        None => rest,
    };
    let rest = hosts(rest, &mut found)?;
    let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    store(&mut found, "dbname", path.strip_prefix('/').unwrap_or(path))?;
    query(parameters, &mut found)?;
    Ok(found)
}

/// `host`, `user@host:port/database`, `/socket/directory:port/database`.
pub(super) fn shorthand(text: &str) -> Result<Parameters, ParseProblem> {
    let mut found = Parameters::new();
    if text.parse::<core::net::Ipv6Addr>().is_ok() {
        found.insert("host".into(), text.to_owned());
        return Ok(found);
    }
    let (user, place) = match text.find("@/") {
        Some(at) if !text[..at].contains(['/', '?']) => (&text[..at], &text[at + 1..]),
        _ => ("", text),
    };
    if !place.starts_with('/') {
        return url(text);
    }
    credentials(user, &mut found)?;
    let (place, parameters) = place.split_once('?').unwrap_or((place, ""));
    let (directory, port, database) = socket(place);
    for (name, value) in [("host", directory), ("port", port), ("dbname", database)] {
        if !value.is_empty() {
            found.insert(name.into(), value.to_owned());
        }
    }
    query(parameters, &mut found)?;
    Ok(found)
}

/// Whether the short form is not a URL's host: an address without its brackets, or a socket's directory.
pub(super) fn is_socket(text: &str) -> bool {
    let text = text.split_once("@/").map_or(text, |(user, _)| match user {
        user if user.contains(['/', '?']) => text,
        _ => "/",
    });
    text.starts_with('/') || text.parse::<core::net::Ipv6Addr>().is_ok()
}

/// libpq's `key=value` string: blanks around `=`, quotes, and a backslash before any character.
pub(super) fn pairs(text: &str) -> Result<Parameters, ParseProblem> {
    let mut found = Parameters::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let (name, tail) = rest.split_at(end);
        let value = tail.trim_start().strip_prefix('=').ok_or(ParseProblem::MissingEquals)?;
        let written = value.trim_start();
        let (value, tail) = pair_value(written)?;
        let is_bare = !written.starts_with('\'');
        if is_bare && !is_secret(name) && value.contains('=') && value.contains('\'') {
            // The next parameter, with a typing error in it.
            return Err(ParseProblem::Unclear);
        }
        found.insert(name.to_owned(), value);
        rest = tail.trim_start();
    }
    Ok(found)
}

/// The `@` that ends the user and the password: libpq looks for it up to the first `/`.
/// A `?` before any password begins the query, so that its values may hold an `@`.
pub(super) fn user_end(rest: &str) -> Option<usize> {
    let at = rest.find(['@', '/']).filter(|at| rest[*at..].starts_with('@'))?;
    let user = rest[..at].split_once(':').map_or(&rest[..at], |(user, _)| user);
    (!user.contains('?')).then_some(at)
}

fn credentials(text: &str, found: &mut Parameters) -> Result<(), ParseProblem> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    store(found, "user", user)?;
    store(found, "password", password)
}

/// Reads hosts and ports, and returns what follows them. They become libpq's lists, in which a server without a port
/// has an empty one.
fn hosts<'a>(mut rest: &'a str, found: &mut Parameters) -> Result<&'a str, ParseProblem> {
    let (mut names, mut ports) = (String::new(), String::new());
    loop {
        let (name, tail) = host(rest)?;
        names.push_str(name);
        rest = tail;
        if let Some(tail) = rest.strip_prefix(':') {
            let (port, tail) = tail.split_at(tail.find(['/', '?', ',']).unwrap_or(tail.len()));
            ports.push_str(port);
            rest = tail;
        }
        let Some(tail) = rest.strip_prefix(',') else {
            break;
        };
        names.push(',');
        ports.push(',');
        rest = tail;
    }
    store(found, "host", &names)?;
    store(found, "port", &ports)?;
    Ok(rest)
}

/// One host, and what follows it.
fn host(rest: &str) -> Result<(&str, &str), ParseProblem> {
    let (name, rest) = match rest.strip_prefix('[') {
        Some(inner) => {
            let (name, rest) = inner.split_once(']').ok_or(ParseProblem::Brackets)?;
            if name.is_empty() || !(rest.is_empty() || rest.starts_with([':', '/', '?', ','])) {
                return Err(ParseProblem::Brackets);
            }
            (name, rest)
        }
        None => rest.split_at(rest.find([':', '/', '?', ',']).unwrap_or(rest.len())),
    };
    if name.contains('@') {
        return Err(ParseProblem::AtInHost);
    }
    Ok((name, rest))
}

fn query(text: &str, found: &mut Parameters) -> Result<(), ParseProblem> {
    for part in text.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').ok_or(ParseProblem::MissingEquals)?;
        if value.contains('=') {
            return Err(ParseProblem::ExtraEquals);
        }
        let (name, value) = (decoded(name)?, decoded(value)?);
        // JDBC's form, which libpq reads too.
        if name == "ssl" && value == "true" {
            found.insert("sslmode".into(), "require".into());
        } else {
            found.insert(name, value);
        }
    }
    Ok(())
}

/// A directory, perhaps followed by `:port` and `/database`.
fn socket(place: &str) -> (&str, &str, &str) {
    let Some((directory, tail)) = place.rsplit_once(':') else {
        return (place, "", "");
    };
    let (port, database) = tail.split_once('/').unwrap_or((tail, ""));
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if is_port && !database.contains('/') { (directory, port, database) } else { (place, "", "") }
}

fn pair_value(text: &str) -> Result<(String, &str), ParseProblem> {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut characters = text.char_indices().skip(usize::from(quoted));
    while let Some((index, character)) = characters.next() {
        match character {
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            '\'' if quoted => return Ok((value, &text[index + 1..])),
            blank if !quoted && blank.is_whitespace() => return Ok((value, &text[index..])),
            plain => value.push(plain),
        }
    }
    if quoted { Err(ParseProblem::UnterminatedQuote) } else { Ok((value, "")) }
}

/// Stores a part of the URL; an empty part says nothing.
fn store(found: &mut Parameters, name: &str, text: &str) -> Result<(), ParseProblem> {
    if !text.is_empty() {
        found.insert(name.to_owned(), decoded(text)?);
    }
    Ok(())
}

pub(super) fn decoded(text: &str) -> Result<String, ParseProblem> {
    for tail in text.split('%').skip(1) {
        let digits = tail.bytes().take(2).filter(u8::is_ascii_hexdigit).count();
        if digits < 2 {
            return Err(ParseProblem::Percent);
        }
        if tail.starts_with("00") {
            return Err(ParseProblem::Nul);
        }
    }
    let text = percent_decode_str(text).decode_utf8().map_err(|_| ParseProblem::NotUtf8)?;
    Ok(text.into_owned())
}
