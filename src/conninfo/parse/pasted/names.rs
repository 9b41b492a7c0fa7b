//! Other programs' names for libpq's parameters.

use super::super::parameters;
use super::super::{Parameters, ParseProblem, text};

/// The meaning of another program's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// One of libpq's parameters.
    Is(&'static str),
    /// The schemas to search, which libpq has in `options`.
    SearchPath,
    /// A switch for TLS.
    Ssl,
    /// A whole URL or `key=value` string.
    Url,
    /// A setting of the driver's that makes no difference to Tusk.
    Nothing,
}

/// Ignoring case, blanks, `_`, `-` and `.`.
const MEANINGS: &[(&str, Meaning)] = &[
    ("host", Meaning::Is("host")),
    ("hostname", Meaning::Is("host")),
    ("server", Meaning::Is("host")),
    ("servername", Meaning::Is("host")),
    ("datasource", Meaning::Is("host")),
    ("address", Meaning::Is("host")),
    ("addr", Meaning::Is("host")),
    ("hostaddr", Meaning::Is("hostaddr")),
    ("port", Meaning::Is("port")),
    ("portnumber", Meaning::Is("port")),
    ("user", Meaning::Is("user")),
    ("username", Meaning::Is("user")),
    ("userid", Meaning::Is("user")),
    ("uid", Meaning::Is("user")),
    ("role", Meaning::Is("user")),
    ("login", Meaning::Is("user")),
    ("password", Meaning::Is("password")),
    ("passwd", Meaning::Is("password")),
    ("pass", Meaning::Is("password")),
    ("pwd", Meaning::Is("password")),
    ("pw", Meaning::Is("password")),
    ("database", Meaning::Is("dbname")),
    ("databasename", Meaning::Is("dbname")),
    ("dbname", Meaning::Is("dbname")),
    ("db", Meaning::Is("dbname")),
    ("initialcatalog", Meaning::Is("dbname")),
    ("catalog", Meaning::Is("dbname")),
    ("sslmode", Meaning::Is("sslmode")),
    ("ssl", Meaning::Ssl),
    ("sslrootcert", Meaning::Is("sslrootcert")),
    ("rootcertificate", Meaning::Is("sslrootcert")),
    ("sslcert", Meaning::Is("sslcert")),
    ("sslcertificate", Meaning::Is("sslcert")),
    ("sslkey", Meaning::Is("sslkey")),
    ("sslpassword", Meaning::Is("sslpassword")),
    ("passfile", Meaning::Is("passfile")),
    ("service", Meaning::Is("service")),
    ("options", Meaning::Is("options")),
    ("applicationname", Meaning::Is("application_name")),
    ("appname", Meaning::Is("application_name")),
    ("fallbackapplicationname", Meaning::Is("fallback_application_name")),
    ("connecttimeout", Meaning::Is("connect_timeout")),
    ("logintimeout", Meaning::Is("connect_timeout")),
    ("timeout", Meaning::Is("connect_timeout")),
    ("channelbinding", Meaning::Is("channel_binding")),
    ("targetsessionattrs", Meaning::Is("target_session_attrs")),
    ("targetsessionattributes", Meaning::Is("target_session_attrs")),
    ("currentschema", Meaning::SearchPath),
    ("searchpath", Meaning::SearchPath),
    ("schemasearchpath", Meaning::SearchPath),
    ("schema", Meaning::SearchPath),
    ("url", Meaning::Url),
    ("uri", Meaning::Url),
    ("dsn", Meaning::Url),
    ("connectionstring", Meaning::Url),
    ("connectionuri", Meaning::Url),
    ("connectionurl", Meaning::Url),
    ("connstr", Meaning::Url),
    ("connstring", Meaning::Url),
    ("conninfo", Meaning::Url),
    ("jdbcurl", Meaning::Url),
    ("driver", Meaning::Nothing),
    ("driverclassname", Meaning::Nothing),
    ("adapter", Meaning::Nothing),
    ("provider", Meaning::Nothing),
    ("engine", Meaning::Nothing),
    ("dialect", Meaning::Nothing),
    ("client", Meaning::Nothing),
    ("type", Meaning::Nothing),
    ("pool", Meaning::Nothing),
    ("poolsize", Meaning::Nothing),
    ("pooling", Meaning::Nothing),
    ("pooltimeout", Meaning::Nothing),
    ("minpoolsize", Meaning::Nothing),
    ("maxpoolsize", Meaning::Nothing),
    ("minimumpoolsize", Meaning::Nothing),
    ("maximumpoolsize", Meaning::Nothing),
    ("connectionlimit", Meaning::Nothing),
    ("connectionidlelifetime", Meaning::Nothing),
    ("connectionlifetime", Meaning::Nothing),
    ("maxautoprepare", Meaning::Nothing),
    ("pgbouncer", Meaning::Nothing),
    ("statementcachesize", Meaning::Nothing),
    ("preparedstatementcachesize", Meaning::Nothing),
    ("preparedstatementcachequeries", Meaning::Nothing),
    ("preparethreshold", Meaning::Nothing),
    ("preparedstatements", Meaning::Nothing),
    ("rewritebatchedinserts", Meaning::Nothing),
    ("defaultrowfetchsize", Meaning::Nothing),
    ("binarytransfer", Meaning::Nothing),
    ("stringtype", Meaning::Nothing),
    ("sockettimeout", Meaning::Nothing),
    ("commandtimeout", Meaning::Nothing),
    ("includeerrordetail", Meaning::Nothing),
    ("persistsecurityinfo", Meaning::Nothing),
    ("nolog", Meaning::Nothing),
    ("uselibpqcompat", Meaning::Nothing),
    ("directurl", Meaning::Nothing),
    ("shadowdatabaseurl", Meaning::Nothing),
];
/// Prefixes of names, in the environment and in settings files.
const PREFIXES: [&str; 9] = [
    "springdatasource",
    "datasource",
    "postgresql",
    "postgres",
    "database",
    "rds",
    "pg",
    "db",
    "sql",
];
/// libpq's names for other drivers' modes.
const SSL_MODES: [(&str, &str); 6] = [
    ("true", "require"),
    ("1", "require"),
    ("no-verify", "require"),
    ("verifyca", "verify-ca"),
    ("verifyfull", "verify-full"),
    ("false", "disable"),
];

/// Whether all names are libpq's.
pub(super) fn are_libpqs(found: &Parameters) -> bool {
    found.keys().all(|name| parameters::is_known(name))
}

/// Whether a name, as written in a URL, is libpq's or another program's.
pub(in crate::conninfo) fn is_known(name: &str) -> bool {
    text::decoded(name).is_ok_and(|name| parameters::is_known(&name) || meaning(&name).is_some())
}

/// Whether a text may become a known name when it is typed to its end.
pub(in crate::conninfo) fn begins_known(text: &str) -> bool {
    let begun = plain(text);
    parameters::begins_known(text) || MEANINGS.iter().any(|(name, _)| name.starts_with(&begun))
}

/// A name's meaning; none if nobody knows it.
pub(super) fn meaning(name: &str) -> Option<Meaning> {
    let plain = plain(name);
    let of_prefix = |prefix: &&str| match plain.strip_prefix(*prefix)? {
        // `DB_NAME`, while a name alone may be any name.
        "name" => Some(Meaning::Is("dbname")),
        rest => exact(rest),
    };
    // `SHOP_DATABASE_URL`, of any program.
    let is_variable = !name.contains(|c: char| c.is_ascii_lowercase());
    let of_variable = (is_variable && ["url", "uri", "dsn"].iter().any(|end| plain.ends_with(end)))
        .then_some(Meaning::Url);
    exact(&plain).or_else(|| PREFIXES.iter().find_map(of_prefix)).or(of_variable)
}

fn exact(plain: &str) -> Option<Meaning> {
    let found = MEANINGS.iter().find(|(name, _)| *name == plain);
    found.map(|(_, meaning)| *meaning)
}

fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| !matches!(c, ' ' | '_' | '-' | '.'));
    letters.flat_map(char::to_lowercase).collect()
}

/// Renames other programs' parameters in a URL to libpq's. Leaves unknown names.
pub(super) fn translate(found: &mut Parameters) -> Result<(), ParseProblem> {
    let others: Vec<String> =
        found.keys().filter(|name| !parameters::is_known(name)).cloned().collect();
    for name in others {
        // A URL in a URL, and what may turn TLS off, are for the user to decide.
        let meaning =
            meaning(&name).filter(|meaning| !matches!(meaning, Meaning::Url | Meaning::Ssl));
        if let Some(meaning) = meaning
            && let Some(value) = found.remove(&name)
        {
            put(found, meaning, value)?;
        }
    }
    if let Some(mode) = found.get_mut("sslmode")
        && mode == "no-verify"
    {
        "require".clone_into(mode);
    }
    Ok(())
}

/// Adds a setting; two that contradict each other are unclear.
pub(super) fn put(
    found: &mut Parameters,
    meaning: Meaning,
    value: String,
) -> Result<(), ParseProblem> {
    let (name, value) = match meaning {
        Meaning::Nothing | Meaning::Url => return Ok(()),
        Meaning::Is(name @ "sslmode") => (name, ssl_mode(&value)),
        Meaning::Ssl => ("sslmode", ssl_mode(&value)),
        Meaning::Is(name) => (name, value),
        Meaning::SearchPath => {
            let escaped = value.replace('\\', "\\\\").replace(' ', "\\ ");
            let before = found.remove("options").unwrap_or_default();
            ("options", format!("{before} -c search_path={escaped}").trim_start().to_owned())
        }
    };
    match found.insert(name.to_owned(), value.clone()) {
        Some(before) if before != value => Err(ParseProblem::Unclear),
        _ => Ok(()),
    }
}

fn ssl_mode(value: &str) -> String {
    let lower = value.trim().to_lowercase();
    let known = SSL_MODES.iter().find(|(mode, _)| *mode == lower);
    known.map_or(lower, |(_, mode)| (*mode).to_owned())
}
