//! libpq's password file, purely: which line is for a server, and which servers it has lines for.
//!
//! A line is `host:port:database:user:password`; each of the first four may be `*`, and `\` escapes the next character.
//! The first line that matches counts.

use serde::{Deserialize, Serialize};

use super::lines::lines;
use crate::base::secret::Secret;

/// The default socket directories of builds of libpq; a password file calls their sockets `localhost`.
const SOCKET_DIRECTORIES: [&str; 3] = ["/var/run/postgresql", "/run/postgresql", "/tmp"];

/// The login that needs a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Login<'a> {
    /// A host name or address, or the directory of a Unix socket.
    pub host: &'a str,
    pub port: u16,
    pub database: &'a str,
    /// The role.
    pub user: &'a str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub password: Secret,
    /// The line, from 1.
    pub line: usize,
}

/// The line that matches is not UTF-8, and so can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotUtf8 {
    /// The line, from 1.
    pub line: usize,
}

/// A server that a password file has a line for, without the password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// A host name or address, or the directory of a Unix socket.
    pub host: String,
    /// The port; 5432 if the line allows any.
    pub port: u16,
    /// The database; the role's name if the line allows any.
    pub database: String,
    /// The role.
    pub user: String,
}

/// The password of the first line that matches. An empty one counts as none, but ends the search. A line whose names
/// hold invalid UTF-8 matches nothing, because no name to look for holds that.
pub fn find(file: &(impl AsRef<[u8]> + ?Sized), login: Login) -> Result<Option<Found>, NotUtf8> {
    for line in lines(file.as_ref()) {
        let Some(password) = password_in(line.text(), login) else {
            continue;
        };
        if !line.is_utf8() {
            return Err(NotUtf8 { line: line.number });
        }
        let password = Secret::new(field(password).0);
        return Ok((!password.is_empty()).then_some(Found { password, line: line.number }));
    }
    Ok(None)
}

/// The part after the names, if the line is for this login.
fn password_in<'a>(line: &'a str, login: Login) -> Option<&'a str> {
    if line.starts_with('#') {
        return None;
    }
    let local = SOCKET_DIRECTORIES.contains(&login.host.trim_end_matches('/'));
    let after_host = [login.host, "localhost"]
        .into_iter()
        .take(if local { 2 } else { 1 })
        .find_map(|host| matched(line, host))?;
    let rest = matched(after_host, &login.port.to_string())?;
    let rest = matched(rest, login.database)?;
    matched(rest, login.user)
}

/// The servers that the lines name. A line for any host or any role names none.
pub fn listed(file: &(impl AsRef<[u8]> + ?Sized)) -> Vec<Listed> {
    let mut list: Vec<Listed> = Vec::new();
    for line in lines(file.as_ref()).filter(|line| line.is_utf8()) {
        let text = line.text();
        let Some(one) = listed_line(text).filter(|_| !text.starts_with('#')) else {
            continue;
        };
        if !list.contains(&one) {
            list.push(one);
        }
    }
    list
}

fn listed_line(line: &str) -> Option<Listed> {
    let mut fields = Vec::new();
    let mut rest = line;
    for _ in 0..4 {
        let any = rest.starts_with("*:");
        let (text, tail) = field(rest);
        rest = tail?;
        fields.push((!any).then_some(text));
    }
    let [host, port, database, user] = <[Option<String>; 4]>::try_from(fields).ok()?;
    let (host, user) = (host?, user?);
    if host.is_empty() || user.is_empty() {
        return None;
    }
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port > 0)?,
        None => super::hosts::PORT,
    };
    Some(Listed { host, port, database: database.unwrap_or_else(|| user.clone()), user })
}

/// A field without its escapes, and what follows its colon, if there is one.
fn field(text: &str) -> (String, Option<&str>) {
    let mut plain = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            ':' => return (plain, Some(&text[index + 1..])),
            // A backslash at the end stands for itself.
            '\\' => plain.push(characters.next().map_or('\\', |(_, escaped)| escaped)),
            character => plain.push(character),
        }
    }
    (plain, None)
}

/// What follows the first field, if that matches this value.
fn matched<'a>(text: &'a str, value: &str) -> Option<&'a str> {
    if let Some(rest) = text.strip_prefix("*:") {
        return Some(rest);
    }
    let (field, rest) = field(text);
    rest.filter(|_| field == value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login<'a>(host: &'a str, database: &'a str, user: &'a str) -> Login<'a> {
        Login { host, port: 5432, database, user }
    }

    fn is_found(file: &str, login: Login) -> bool {
        find(file, login).unwrap().is_some()
    }

    #[test]
    fn the_first_line_that_matches_has_the_password() {
        let table: [(&str, Option<(&str, usize)>); 16] = [
            ("db:5432:shop:app:one", Some(("one", 1))),
            ("*:*:*:*:any\ndb:5432:shop:app:late", Some(("any", 1))),
            ("db:5433:*:*:other\ndb:*:shop:*:two", Some(("two", 2))),
            ("#db:5432:shop:app:no\ndb:5432:shop:app:yes", Some(("yes", 2))),
            ("\n\r\ndb:5432:shop:app:crlf\r\n", Some(("crlf", 3))),
            (r"db:5432:shop:app:a\:b\\c\d", Some((r"a:b\cd", 1))),
            ("db:5432:shop:app:one:two", Some(("one", 1))),
            (r"d\b:5432:s\hop:app:escaped", Some(("escaped", 1))),
            (r"\*:5432:shop:app:no", None),
            ("db:5432:shop:app:\ndb:5432:shop:app:late", None),
            ("db:5432:shop:app", None),
            ("db:5432:shop", None),
            (" db:5432:shop:app:no", None),
            ("dbx:5432:shop:app:no", None),
            ("**:5432:shop:app:no", None),
            (r"db:5432:shop:app:end\", Some((r"end\", 1))),
        ];
        for (text, expected) in table {
            let found = find(text, login("db", "shop", "app")).unwrap();
            let found = found.map(|found| (found.password.reveal().to_owned(), found.line));
            let expected = expected.map(|(password, line)| (password.to_owned(), line));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_comment_is_one_also_where_it_would_match() {
        assert_eq!(find("#db:*:*:*:no", login("#db", "shop", "app")), Ok(None));
        assert!(is_found(r"\#db:*:*:*:yes", login("#db", "shop", "app")));
        assert_eq!(listed("#db:5432:shop:app:no"), []);
    }

    #[test]
    fn a_line_may_be_as_long_as_it_likes() {
        let long = "p".repeat(100_000);
        let text = format!("db:5432:shop:app:{long}");
        let found = find(&text, login("db", "shop", "app")).unwrap();
        assert_eq!(found.unwrap().password.reveal().len(), 100_000);
    }

    #[test]
    fn names_with_colons_and_backslashes_are_escaped() {
        let found = find(r"\:\:1:5432:a\\b:c\:d:pw", login("::1", r"a\b", "c:d"));
        assert_eq!(found.unwrap().unwrap().password.reveal(), "pw");
    }

    #[test]
    fn the_usual_socket_is_localhost_and_another_one_its_directory() {
        let localhost = "localhost:5432:shop:app:pw";
        for usual in ["/var/run/postgresql", "/tmp", "/run/postgresql/"] {
            assert!(is_found(localhost, login(usual, "shop", "app")), "{usual}");
        }
        assert!(!is_found(localhost, login("/srv/pg", "shop", "app")));
        let own = "/srv/pg:5432:shop:app:pw";
        assert!(is_found(own, login("/srv/pg", "shop", "app")));
        assert!(!is_found(own, login("localhost", "shop", "app")));
    }

    #[test]
    fn a_byte_that_is_no_text_spoils_its_own_line_alone() {
        let table: [(&[u8], Result<&str, usize>); 4] = [
            (b"other:1:d:u:p\xe4ss\ndb:5432:shop:app:pw", Ok("pw")),
            (b"# \xfcber\r\ndb:5432:shop:app:pw\r\n", Ok("pw")),
            // A name that is not text is nobody's.
            (b"*:*:*:\xe4pp:no\n*:*:*:*:pw", Ok("pw")),
            (b"\ndb:*:*:*:p\xe4ss\n*:*:*:*:late", Err(2)),
        ];
        for (file, expected) in table {
            let found = find(file, login("db", "shop", "app"));
            let found = found.map(|found| found.unwrap().password.reveal().to_owned());
            let expected = expected.map(str::to_owned).map_err(|line| NotUtf8 { line });
            assert_eq!(found, expected, "{file:?}");
        }
        let file = b"d\xfc:1:a:b:c\nh:2:a:b:\xff\nk:3:a:b:c";
        let hosts: Vec<String> = listed(file).into_iter().map(|one| one.host).collect();
        assert_eq!(hosts, ["k"]);
    }

    #[test]
    fn what_is_listed_names_its_server_and_no_password() {
        let text = "# mine\ndb:5433:shop:app:pw\n*:*:*:*:pw\ndb:*:*:app:pw\n\\:\\:1:1:d:u:pw\n\
                    db:5433:shop:app:again\nh:many:d:u:pw\nh:1:d\n";
        let one = |host: &str, port, database: &str, user: &str| Listed {
            host: host.into(),
            port,
            database: database.into(),
            user: user.into(),
        };
        let expected = [
            one("db", 5433, "shop", "app"),
            one("db", 5432, "app", "app"),
            one("::1", 1, "d", "u"),
        ];
        assert_eq!(listed(text), expected);
    }
}
