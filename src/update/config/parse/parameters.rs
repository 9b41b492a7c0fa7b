//! What each of libpq's parameters means to Tusk.

use super::super::{APPLICATION_NAME, Config, Conninfo, Defaults, SslMode};
use super::options::{Options, switch};
use super::{Parameters, ParseProblem};
use crate::update::{hints::nearest, secret::Secret};

/// The parameters that have a field, or a meaning of their own.
const KNOWN: &[&str] = &[
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "connect_timeout",
    "application_name",
    "fallback_application_name",
    "options",
    "read_only",
    "readonly",
];

/// The parameters that only steer what Tusk does in its own way, whatever they say.
const STEERED_BY_TUSK: &[&str] = &[
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "sslcompression",
    "krbsrvname",
    "gsslib",
    "gssdelegation",
    "load_balance_hosts",
];

/// The parameters with values that ask for nothing that Tusk lacks; with any other value, what to do.
const ONLY: &[(&str, &[&str], &str)] = &[
    (
        "target_session_attrs",
        &["any"],
        "Leave it out, and name the host of the server you mean.",
    ),
    (
        "client_encoding",
        &["utf8", "utf-8", "unicode", "auto"],
        "Leave it out: Tusk speaks UTF8 with every server.",
    ),
    (
        "channel_binding",
        &["disable", "prefer"],
        "Leave it out: Tusk binds the channel wherever the server offers it. sslmode=verify-full makes sure of the server.",
    ),
    (
        "gssencmode",
        &["disable", "prefer"],
        "Leave it out, and use sslmode to encrypt the link.",
    ),
    ("sslnegotiation", &["postgres"], "Leave it out."),
    (
        "sslsni",
        &["1"],
        "Leave it out: Tusk always names the host.",
    ),
    (
        "sslcertmode",
        &["allow"],
        "Leave it out, and name sslcert and sslkey where they are needed.",
    ),
    (
        "ssl_min_protocol_version",
        &["TLSv1", "TLSv1.1", "TLSv1.2"],
        "Leave it out: Tusk speaks TLS 1.2 and 1.3.",
    ),
    (
        "ssl_max_protocol_version",
        &["TLSv1.3"],
        "Leave it out: Tusk speaks TLS 1.2 and 1.3.",
    ),
    (
        "min_protocol_version",
        &["3.0"],
        "Leave it out: Tusk speaks protocol 3.0.",
    ),
    (
        "max_protocol_version",
        &["3.0", "3.2", "latest"],
        "Leave it out: Tusk speaks protocol 3.0.",
    ),
    (
        "sslpassword",
        &[],
        "Leave it out, and name an sslkey without a passphrase.",
    ),
    (
        "sslcrl",
        &[],
        "Leave it out: Tusk does not read revocation lists.",
    ),
    (
        "sslcrldir",
        &[],
        "Leave it out: Tusk does not read revocation lists.",
    ),
    ("require_auth", &[], "Leave it out."),
    ("requirepeer", &[], "Leave it out."),
    (
        "passfile",
        &[],
        "Leave it out: Tusk asks for the password and keeps it in the keychain.",
    ),
    (
        "service",
        &[],
        "Leave it out, and write the service's host, port, dbname and user here.",
    ),
    (
        "servicefile",
        &[],
        "Leave it out, and write the service's host, port, dbname and user here.",
    ),
    (
        "replication",
        &["0", "false", "off", "no"],
        "Leave it out: Tusk runs SQL, not replication.",
    ),
];

/// What people write for one of libpq's names when they come from another client.
const ALIASES: &[(&str, &str)] = &[
    ("username", "user"),
    ("database", "dbname"),
    ("db", "dbname"),
    ("pass", "password"),
    ("passwd", "password"),
    ("pwd", "password"),
    ("hostname", "host"),
    ("server", "host"),
    ("ssl", "sslmode"),
    ("sslca", "sslrootcert"),
    ("timeout", "connect_timeout"),
    ("schema", "options"),
    ("currentschema", "options"),
    ("search_path", "options"),
    ("statement_timeout", "options"),
];

/// The configuration that the parameters describe.
pub(super) fn conninfo(
    mut found: Parameters,
    defaults: &Defaults,
) -> Result<Conninfo, ParseProblem> {
    for (name, value) in &found {
        check(name, value)?;
    }
    // An empty value means the default, as in libpq.
    found.retain(|_, value| !value.is_empty());
    let usual = Config::default();
    let user = or(found.remove("user"), &defaults.user).ok_or(ParseProblem::NoUser)?;
    let (ssl_mode, ssl_root_cert) = security(&mut found)?;
    let options = Options::of(&found.remove("options").unwrap_or_default());
    let config = Config {
        host: host(&mut found, defaults)?,
        port: port(found.remove("port"), defaults.port, usual.port)?,
        database: or(found.remove("dbname"), &defaults.database).unwrap_or_else(|| user.clone()),
        user,
        ssl_mode,
        ssl_root_cert,
        ssl_cert: found.remove("sslcert").unwrap_or_default(),
        ssl_key: found.remove("sslkey").unwrap_or_default(),
        connect_timeout_s: connect_timeout(found.remove("connect_timeout"))?,
        statement_timeout_ms: options.statement_timeout_ms,
        application_name: found
            .remove("application_name")
            .or_else(|| found.remove("fallback_application_name"))
            .unwrap_or_else(|| APPLICATION_NAME.to_owned()),
        options: options.rest,
        read_only: options.read_only | read_only(&mut found)?,
        ..usual
    };
    Ok(Conninfo {
        config,
        password: found.remove("password").map(Secret::new),
    })
}

/// Refuses names that nobody knows, and values that ask for what Tusk does not do.
fn check(name: &str, value: &str) -> Result<(), ParseProblem> {
    if KNOWN.contains(&name) || STEERED_BY_TUSK.contains(&name) {
        return Ok(());
    }
    let Some((_, accepted, advice)) = ONLY.iter().find(|(known, _, _)| *known == name) else {
        return Err(unknown(name));
    };
    if value.is_empty()
        || accepted
            .iter()
            .any(|accepted| accepted.eq_ignore_ascii_case(value))
    {
        return Ok(());
    }
    let value = if name == "sslpassword" {
        crate::update::secret::MASK
    } else {
        value
    };
    Err(ParseProblem::Unsupported {
        name: name.to_owned(),
        value: value.to_owned(),
        advice: (*advice).to_owned(),
    })
}

fn unknown(name: &str) -> ParseProblem {
    // What does not look like a name may be a piece of a password: it is not repeated.
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return ParseProblem::UnknownParameter {
            name: String::new(),
            nearest: None,
        };
    }
    let lower = name.to_ascii_lowercase();
    let alias = ALIASES
        .iter()
        .find(|(alias, _)| *alias == lower)
        .map(|(_, known)| *known);
    let known = KNOWN.iter().chain(STEERED_BY_TUSK).copied();
    let candidates = known.chain(ONLY.iter().map(|(name, _, _)| *name));
    ParseProblem::UnknownParameter {
        name: name.to_owned(),
        nearest: alias
            .or_else(|| nearest(name, candidates))
            .map(str::to_owned),
    }
}

fn or(found: Option<String>, default: &str) -> Option<String> {
    found.or_else(|| (!default.is_empty()).then(|| default.to_owned()))
}

fn bad(name: &str, value: &str, expected: &str) -> ParseProblem {
    ParseProblem::BadValue {
        name: name.to_owned(),
        value: value.to_owned(),
        expected: expected.to_owned(),
    }
}

fn host(found: &mut Parameters, defaults: &Defaults) -> Result<String, ParseProblem> {
    let host = match (found.remove("host"), found.remove("hostaddr")) {
        (host, None) => or(host, &defaults.host).unwrap_or_else(|| Config::default().host),
        (Some(host), Some(address)) if host != address => {
            return Err(ParseProblem::Unsupported {
                name: "hostaddr".into(),
                value: address,
                advice: "Leave it out: Tusk looks the address of host up by itself.".into(),
            });
        }
        (_, Some(address)) => address_of(address)?,
    };
    if host.contains(',') {
        Err(ParseProblem::SeveralHosts)
    } else {
        Ok(host)
    }
}

fn address_of(address: String) -> Result<String, ParseProblem> {
    if address.contains(',') {
        return Err(ParseProblem::SeveralHosts);
    }
    let plain = address
        .split_once('%')
        .map_or(address.as_str(), |(plain, _zone)| plain);
    if plain.parse::<core::net::IpAddr>().is_err() {
        return Err(bad(
            "hostaddr",
            &address,
            "an IP address; a name goes into host",
        ));
    }
    Ok(address)
}

fn port(found: Option<String>, default: u16, usual: u16) -> Result<u16, ParseProblem> {
    let Some(text) = found else {
        return Ok(if default == 0 { usual } else { default });
    };
    if text.contains(',') {
        return Err(ParseProblem::SeveralHosts);
    }
    let port: u16 = text.trim().parse().map_err(|_| ParseProblem::Port)?;
    if port == 0 {
        Err(ParseProblem::Port)
    } else {
        Ok(port)
    }
}

fn security(found: &mut Parameters) -> Result<(SslMode, String), ParseProblem> {
    let mode = match found.remove("sslmode") {
        Some(text) => {
            let mode = SslMode::ALL.into_iter().find(|mode| mode.name() == text);
            let names = SslMode::ALL.map(SslMode::name).join(", ");
            Some(mode.ok_or_else(|| bad("sslmode", &text, &format!("one of {names}")))?)
        }
        None => None,
    };
    let root = found.remove("sslrootcert").unwrap_or_default();
    if root == "system" {
        let mode = mode.unwrap_or(SslMode::VerifyFull);
        let weak = mode < SslMode::VerifyCa;
        return if weak {
            Err(ParseProblem::WeakSslMode)
        } else {
            Ok((mode, String::new()))
        };
    }
    let mode = mode.unwrap_or_default();
    // libpq checks the certificate with `require` too when it is told of a CA.
    if mode == SslMode::Require && !root.is_empty() {
        return Ok((SslMode::VerifyCa, root));
    }
    Ok((mode, root))
}

fn connect_timeout(found: Option<String>) -> Result<u32, ParseProblem> {
    let Some(text) = found else {
        return Ok(Config::default().connect_timeout_s);
    };
    let seconds: Option<u32> = text.trim().parse().ok().filter(|seconds| *seconds > 0);
    seconds.ok_or_else(|| {
        bad(
            "connect_timeout",
            &text,
            "a number of seconds from 1: Tusk never waits for ever",
        )
    })
}

fn read_only(found: &mut Parameters) -> Result<bool, ParseProblem> {
    let mut read_only = false;
    for name in ["read_only", "readonly"] {
        if let Some(text) = found.remove(name) {
            read_only |= switch(&text).ok_or_else(|| bad(name, &text, "1 or 0"))?;
        }
    }
    Ok(read_only)
}
