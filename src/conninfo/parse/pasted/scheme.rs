//! The part before `://`, and people's variants of it.

/// What a text's scheme says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// PostgreSQL's.
    Ours {
        /// Whether JDBC reads it.
        jdbc: bool,
    },
    /// Another program's.
    Foreign(&'static str),
}

/// PostgreSQL, in the words of its drivers and of systems that speak its protocol.
const OURS: [&str; 12] = [
    "postgres",
    "postgresql",
    "postgis",
    "pgsql",
    "psql",
    "pg",
    "cockroachdb",
    "cockroach",
    "timescaledb",
    "timescale",
    "yugabytedb",
    "ecto",
];
/// Names that people misspell.
const SPELT_OUT: [&str; 2] = ["postgres", "postgresql"];
/// Other programs' schemes, which an error may repeat because they can't be passwords.
const FOREIGN: [&str; 22] = [
    "mysql",
    "mysqlx",
    "mariadb",
    "mssql",
    "sqlserver",
    "mongodb",
    "mongodb+srv",
    "redis",
    "rediss",
    "amqp",
    "http",
    "https",
    "ftp",
    "ssh",
    "file",
    "sqlite",
    "oracle",
    "prisma",
    "prisma+postgres",
    "clickhouse",
    "snowflake",
    "redshift",
];
/// What drivers put before the scheme.
const PREFIXES: [&str; 5] = ["url:", "jdbc:", "r2dbc:pool:", "r2dbc:", "vertx-reactive:"];
/// The longest scheme with its prefix.
const BYTES_MAX: usize = 48;

/// The scheme, and what follows it; none if the text has none.
pub(super) fn split(text: &str) -> Option<(Scheme, &str)> {
    let (jdbc, text) = without_prefix(text);
    let in_word = |c: char| c.is_ascii_alphanumeric() || "+.-_".contains(c);
    let end = text.find(|c: char| !in_word(c)).unwrap_or(text.len());
    let (word, tail) = text.split_at(end);
    if word.len() > BYTES_MAX {
        return None;
    }
    let word = word.to_ascii_lowercase();
    if let Some(rest) = tail.strip_prefix("://")
        && !word.is_empty()
    {
        if let Some(name) = FOREIGN.iter().find(|name| **name == word) {
            return Some((Scheme::Foreign(name), rest));
        }
        return is_ours(&word).then(|| (Scheme::Ours { jdbc }, without_second(rest)));
    }
    if jdbc && word == "postgresql" && tail.starts_with(':') && !tail.contains('@') {
        // Only a database, on the default server.
        return Some((Scheme::Ours { jdbc }, tail.get(1..)?));
    }
    let rest = tail.trim_start_matches([':', ';', '/', '\\', ' ']);
    let separator = &tail[..tail.len() - rest.len()];
    let slashes = separator.matches(['/', '\\']).count();
    let colons = separator.matches([':', ';']).count();
    // After a single slash, there may be the password of a user named like a scheme.
    let is_parted = slashes > 1 || colons > 1 && slashes > 0;
    let meant = match word.as_str() {
        // `//user:password@host`, whose scheme was not copied.
        "" => separator == "//" || separator == "://",
        word => is_spelt_out(word) && is_parted,
    };
    let user = rest.split('@').next().filter(|user| user.len() < rest.len());
    let ours = meant && separator.len() < 6 && user.is_some_and(|user| user.contains(':'));
    ours.then_some((Scheme::Ours { jdbc }, rest))
}

/// Whether a word is a scheme of PostgreSQL's.
pub(super) fn is_name(word: &str) -> bool {
    is_ours(&word.to_ascii_lowercase())
}

fn without_prefix(text: &str) -> (bool, &str) {
    let prefix = PREFIXES.iter().find(|prefix| {
        text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    });
    prefix.map_or((false, text), |prefix| (*prefix == "jdbc:", &text[prefix.len()..]))
}

/// Drops a second scheme, pasted after one that was there already.
fn without_second(rest: &str) -> &str {
    let rest = rest.trim_start();
    let second = rest.find("://").filter(|at| is_ours(&rest[..*at].to_ascii_lowercase()));
    second.map_or(rest, |at| &rest[at + 3..])
}

fn is_ours(word: &str) -> bool {
    let plain = word.split_once('+').map_or(word, |(plain, _driver)| plain);
    OURS.contains(&plain) || is_spelt_out(plain)
}

/// `postgres` or `postgresql`, or one of them with up to two letters wrong.
fn is_spelt_out(word: &str) -> bool {
    const LETTERS_MIN: usize = 6;
    let letters = word.len() >= LETTERS_MIN && word.bytes().all(|byte| byte.is_ascii_alphabetic());
    SPELT_OUT.contains(&word)
        || letters && SPELT_OUT.iter().any(|name| strsim::osa_distance(word, name) <= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_is_known_however_it_is_spelt_and_parted() {
        for scheme in [
            "postgres://",
            "POSTGRESQL://",
            "postgresql+psycopg2://",
            "postgis://",
            "pg://",
            "cockroachdb://",
            "r2dbc:pool:postgresql://",
            "postgress://",
            "ostgres://",
            "psotgresql://",
            "postgresql:://",
            "postgres//",
            "postgres:\\\\",
            "postgres: //",
            "postgres ://",
            "postgres://postgres://",
            "//",
            "://",
        ] {
            let text = format!("{scheme}u:p@h/d");
            let expected = Some((Scheme::Ours { jdbc: false }, "u:p@h/d"));
            assert_eq!(split(&text), expected, "{text}");
        }
        let jdbc = Some((Scheme::Ours { jdbc: true }, "h/d"));
        assert_eq!(split("jdbc:postgresql://h/d"), jdbc);
    }

    #[test]
    fn what_may_be_a_user_a_host_or_another_program_is_no_scheme() {
        for text in [
            "postgres:pw@h/d",
            "postgres:/pw@h/d",
            "postgresql:/u:p@h/d",
            "posgres:\\pw@h",
            "postgres//pw@h",
            "postgres:5432/d",
            "postgres/d",
            "pg/d",
            "postgres@h",
            "progress://u:p@h",
            "hunter://u:p@h",
            "/var/run",
            "h",
            "",
        ] {
            assert_eq!(split(text), None, "{text}");
        }
        assert_eq!(split("mysql://h"), Some((Scheme::Foreign("mysql"), "h")));
    }
}
