//! Decides what may be shown. A badly pasted text has a password where a host, a database or a value belongs, and those
//! are on screen, in the title and in recordings: this never takes a piece that could hold a secret for one of them.

use super::parameters::{is_alias, is_known};
use super::sources::is_secret;
use super::{Parameters, ParseProblem};

/// Words in the names of secret settings.
const SECRET_WORDS: [&str; 6] = ["password", "passwd", "passphrase", "passwort", "secret", "token"];
/// The same, as the whole name.
const SECRET_NAMES: [&str; 3] = ["pass", "pw", "pwd"];

/// Refuses parameters if a shown one could hold a secret, or if a name could be the rest of a password.
/// `names_are_safe`: that can't be.
pub(super) fn check(found: &Parameters, names_are_safe: bool) -> Result<(), ParseProblem> {
    for (name, value) in found {
        if !is_clear(name, value) {
            return Err(ParseProblem::Unclear);
        }
        let is_safe = names_are_safe && looks_like_a_name(name);
        if !is_safe && !is_known(name) && !is_alias(name) {
            return Err(ParseProblem::UnknownParameter { name: String::new(), nearest: None });
        }
    }
    Ok(())
}

/// Whether a text is written like a parameter's name, so that an error may repeat it even if it isn't one: pieces of
/// passwords have digits, capitals and symbols.
fn looks_like_a_name(name: &str) -> bool {
    let of_name = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    name.bytes().all(of_name)
}

/// Whether no shown parameter could hold a secret.
pub(super) fn is_clear_of_secrets(found: &Parameters) -> bool {
    unclear(found).is_none()
}

/// The first shown parameter that could hold a secret.
pub(super) fn unclear(found: &Parameters) -> Option<&str> {
    let mut unclear = found.iter().filter(|(name, value)| !is_clear(name, value));
    unclear.next().map(|(name, _)| name.as_str())
}

fn is_clear(name: &str, value: &str) -> bool {
    match name {
        // A tunnel with a password has a sentence of its own, and the others are never repeated literally.
        "ssh" | "hostaddr" | "port" => true,
        secret if is_secret(secret) => true,
        "host" => value.split(',').all(is_host),
        "user" | "dbname" => !holds_secret(value),
        _ => !(assigns_secret(value) || value.contains("://") && holds_credentials(value)),
    }
}

/// Whether a text could hold a secret: it has `://`, `user:password@`, or something like `password=`.
pub(in crate::conninfo) fn holds_secret(text: &str) -> bool {
    text.contains("://") || holds_credentials(text) || assigns_secret(text)
}

/// The same for a word in a sentence, which may name a scheme.
pub(in crate::conninfo) fn repeats_secret(word: &str) -> bool {
    holds_credentials(word) || assigns_secret(word)
}

/// Whether a name is a secret's, in any program's words.
pub(in crate::conninfo) fn names_secret(name: &str) -> bool {
    let name = name.trim().to_lowercase();
    let parts = || name.split(['_', '-', '.', ' ']);
    let joined = parts().collect::<String>();
    SECRET_WORDS.iter().any(|word| joined.contains(word))
        || parts().any(|part| SECRET_NAMES.contains(&part))
}

/// Whether a sentence may safely repeat a value: it is one short word.
pub(in crate::conninfo) fn is_harmless(value: &str) -> bool {
    const BYTES_MAX: usize = 32;
    value.len() <= BYTES_MAX && value.chars().all(|c| c.is_alphanumeric() || "-_.+/ ".contains(c))
}

/// `user:password@`, anywhere.
pub(super) fn holds_credentials(text: &str) -> bool {
    let colon = text.find(':');
    colon.is_some_and(|colon| text.rfind('@').is_some_and(|at| at > colon + 1))
}

/// `password=…`, `"pwd": …` and the like.
pub(in crate::conninfo) fn assigns_secret(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let words = SECRET_WORDS.iter().map(|word| (word, false));
    words.chain(SECRET_NAMES.iter().map(|word| (word, true))).any(|(word, whole)| {
        lower.match_indices(*word).any(|(at, _)| {
            let (before, after) = (&lower[..at], &lower[at + word.len()..]);
            let part = |c: char| c.is_alphanumeric() || c == '_';
            let joined = whole && before.ends_with(char::is_alphanumeric);
            let after = if whole { after } else { after.trim_start_matches(part) };
            let after =
                after.trim_start_matches(|c: char| c.is_whitespace() || "\"'`])\\".contains(c));
            !joined && after.starts_with([':', '='])
        })
    })
}

/// A host's name or address, or a socket's directory, and nothing that holds anything else.
pub(in crate::conninfo) fn is_host(host: &str) -> bool {
    let name = |text: &str| text.chars().all(|c| c.is_alphanumeric() || "._-".contains(c));
    if host.starts_with('/') {
        let odd = |c: char| c.is_control() || "@\"'`“”‘’„‚«»;=<>{}|".contains(c);
        return !host.contains(odd) && !host.contains("//") && !assigns_secret(host);
    }
    if let Some(socket) = host.strip_prefix('@') {
        return name(&socket.replace('/', ""));
    }
    let (address, zone) = host.split_once('%').unwrap_or((host, ""));
    name(host) || address.parse::<core::net::Ipv6Addr>().is_ok() && name(zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_hold_a_secret_is_told_from_odd_names() {
        for text in [
            "postgres://h",
            "u:p@h",
            "u:p@ss@h",
            "password=x",
            "a PGPASSWORD = x",
            "\"password\": \"x\"",
            "my_pwd:x",
            "pass=x",
            ";PWD=x",
            "client_secret=x",
            "DB_PASS=x",
            "{\\\"password\\\": 1}",
        ] {
            assert!(holds_secret(text), "{text}");
        }
        for text in [
            "",
            "alice@corp",
            "a:b",
            "a b/c?d&e=f%20'é\\@:[]",
            "user=u",
            "passengers",
            "compass=north",
            "jpwdraibk:x",
            "passwords",
            "my-password",
        ] {
            assert!(!holds_secret(text), "{text}");
        }
    }

    #[test]
    fn a_host_is_a_name_an_address_or_a_directory() {
        for host in [
            "",
            "h",
            "db-1.example.com",
            "bücher.example",
            "10.0.0.1",
            "::1",
            "fe80::1%eth0",
            "/run/pg 1",
            "@abstract",
            "/odd:name/dir",
            "_srv",
        ] {
            assert!(is_host(host), "{host}");
        }
        for host in [
            "a b",
            "u:p",
            "a@b",
            "h;x",
            "\"h",
            "h\"",
            "h/d",
            "a=b",
            "h?x",
            "/a@b",
            "//a/b",
            "@a@b",
            "fe80::1%a b",
            "/a;password=x",
            "/assword='x' dbname=d",
            "h:5432",
            "(h)",
            "h#x",
        ] {
            assert!(!is_host(host), "{host}");
        }
    }
}
