//! What each of libpq's parameters means to Tusk.

use super::{
    super::{
        APPLICATION_NAME, ChannelBinding, Config, Conninfo, Defaults, Keepalive, SYSTEM_ROOTS,
        SslMode, TargetSession, TlsVersions, defaults::SESSION_VARIABLES, hosts,
    },
    Parameters, ParseProblem, clear,
    options::{Options, switch},
    ssh,
};
use crate::base::{
    secret::{MASK, Secret, SecretKind, Secrets},
    spelling::nearest,
};

/// Parameters with a field, or a meaning of their own.
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
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "application_name",
    "fallback_application_name",
    "options",
    "target_session_attrs",
    "load_balance_hosts",
    "channel_binding",
    "passfile",
    "service",
    "sslpassword",
    "read_only",
    "readonly",
    "allow_cleartext",
    "ssh",
    "ssh_auth",
    "ssh_key",
    "ssh_password",
];

/// Parameters that only say how to use Kerberos. They don't matter, because Tusk refuses a server that asks for it,
/// with a message.
const OF_KERBEROS: &[&str] = &["krbsrvname", "gsslib", "gssdelegation"];

/// Parameters with the values that ask for nothing that Tusk lacks, and what to do about any other value.
const ONLY: &[(&str, &[&str], &str)] = &[
    (
        "client_encoding",
        &["utf8", "utf-8", "unicode", "auto"],
        "Leave it out: Tusk speaks UTF8 with every server.",
    ),
    ("gssencmode", &["disable", "prefer"], "Leave it out, and use sslmode to encrypt the link."),
    ("sslnegotiation", &["postgres"], "Leave it out."),
    (
        // TLS data is never compressed, because that reveals secrets; libpq's OpenSSL can't either.
        "sslcompression",
        &["0", "1"],
        "Leave it out.",
    ),
    ("sslsni", &["1"], "Leave it out: Tusk always names the host."),
    (
        "sslcertmode",
        &["allow"],
        "Leave it out: the server gets a client certificate where it asks for one and there is one.",
    ),
    ("min_protocol_version", &["3.0"], "Leave it out: Tusk speaks protocol 3.0."),
    ("max_protocol_version", &["3.0", "3.2", "latest"], "Leave it out: Tusk speaks protocol 3.0."),
    ("sslcrl", &[], "Leave it out: Tusk does not read revocation lists."),
    ("sslcrldir", &[], "Leave it out: Tusk does not read revocation lists."),
    ("require_auth", &[], "Leave it out."),
    ("requirepeer", &[], "Leave it out."),
    ("servicefile", &[], "Leave it out, and name the file in PGSERVICEFILE before Tusk starts."),
    ("replication", &["0", "false", "off", "no"], "Leave it out: Tusk runs SQL, not replication."),
];

/// Names that people bring from other clients, and libpq's names for them.
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
    let user = or(found.remove("user"), &defaults.user).ok_or(ParseProblem::NoUser)?;
    let (ssl_mode, ssl_root_cert) = security(&mut found)?;
    let options = Options::of(&options(&mut found, defaults));
    let mut take = |name: &str| found.remove(name).unwrap_or_default();
    let (host, hostaddr, port) = (take("host"), take("hostaddr"), take("port"));
    let mut config = Config {
        ssl_mode,
        ssl_root_cert,
        ssl_cert: take("sslcert"),
        ssl_key: take("sslkey"),
        passfile: take("passfile"),
        target_session: one_of(
            &mut found,
            "target_session_attrs",
            &TargetSession::ALL,
            TargetSession::name,
        )?,
        channel_binding: one_of(
            &mut found,
            "channel_binding",
            &ChannelBinding::ALL,
            ChannelBinding::name,
        )?,
        shuffled: shuffled(&mut found)?,
        keepalive: Keepalive::of(&mut found)?,
        tls_versions: tls_versions(&mut found)?,
        allow_cleartext: on(&mut found, "allow_cleartext")?,
        ssh: ssh::tunnel(&mut found)?,
        database: found.remove("dbname").unwrap_or_else(|| user.clone()),
        user,
        connect_timeout_s: connect_timeout(found.remove("connect_timeout"))?,
        statement_timeout_ms: options.statement_timeout_ms,
        application_name: found
            .remove("application_name")
            .or_else(|| found.remove("fallback_application_name"))
            .unwrap_or_else(|| APPLICATION_NAME.to_owned()),
        options: options.rest,
        read_only: options.read_only | on(&mut found, "read_only")? | on(&mut found, "readonly")?,
        ..Config::default()
    };
    config.set_endpoints(hosts::endpoints(&host, &hostaddr, &port, defaults)?);
    let secrets = secrets(&mut found);
    Ok(Conninfo { config, secrets })
}

fn secrets(found: &mut Parameters) -> Secrets {
    let mut secrets = Secrets::default();
    for (name, kind) in SECRETS {
        secrets.set(kind, found.remove(name).map(Secret::new));
    }
    secrets
}

/// The secret parameters.
pub(super) const SECRETS: [(&str, SecretKind); 3] = [
    ("password", SecretKind::Database),
    ("sslpassword", SecretKind::SslKey),
    ("ssh_password", SecretKind::Ssh),
];

/// `options`, followed by the settings from variables: the server takes those last.
fn options(found: &mut Parameters, defaults: &Defaults) -> String {
    let mut options = found.remove("options").unwrap_or_default();
    for (variable, setting) in SESSION_VARIABLES {
        let Some(value) = defaults.variable(variable).filter(|value| *value != "default") else {
            continue;
        };
        let escaped = value.replace('\\', "\\\\").replace(' ', "\\ ");
        let blank = if options.is_empty() { "" } else { " " };
        options.push_str(&format!("{blank}-c {setting}={escaped}"));
    }
    options
}

/// Whether libpq knows the name, whatever Tusk does with its value.
pub(in crate::conninfo) fn is_known(name: &str) -> bool {
    KNOWN.contains(&name)
        || OF_KERBEROS.contains(&name)
        || ONLY.iter().any(|(known, _, _)| *known == name)
}

/// Whether a parameter's name begins with this text.
pub(super) fn begins_known(text: &str) -> bool {
    let only = ONLY.iter().map(|(name, _, _)| name);
    let names = KNOWN.iter().chain(OF_KERBEROS).chain(only);
    names.into_iter().any(|name| name.starts_with(text))
}

/// Whether a name is another client's, or libpq's in capital letters: no piece of a password is.
pub(super) fn is_alias(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    is_known(&lower) || ALIASES.iter().any(|(alias, _)| *alias == lower)
}

/// Refuses unknown names, and values that ask for what Tusk does not do.
fn check(name: &str, value: &str) -> Result<(), ParseProblem> {
    if KNOWN.contains(&name) || OF_KERBEROS.contains(&name) {
        return Ok(());
    }
    let Some((_, accepted, advice)) = ONLY.iter().find(|(known, _, _)| *known == name) else {
        return Err(unknown(name));
    };
    if value.is_empty() || accepted.iter().any(|accepted| accepted.eq_ignore_ascii_case(value)) {
        return Ok(());
    }
    Err(ParseProblem::Unsupported {
        name: name.to_owned(),
        value: shown(value),
        advice: (*advice).to_owned(),
    })
}

/// What to say of a name that nobody knows.
pub(in crate::conninfo) fn unknown(name: &str) -> ParseProblem {
    // What does not look like a name may be a piece of a password: don't repeat it.
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return ParseProblem::UnknownParameter { name: String::new(), nearest: None };
    }
    let lower = name.to_ascii_lowercase();
    let alias = ALIASES.iter().find(|(alias, _)| *alias == lower).map(|(_, known)| *known);
    let known = KNOWN.iter().chain(OF_KERBEROS).copied();
    let candidates = known.chain(ONLY.iter().map(|(name, _, _)| *name));
    ParseProblem::UnknownParameter {
        name: name.to_owned(),
        nearest: alias.or_else(|| nearest(name, candidates)).map(str::to_owned),
    }
}

fn or(found: Option<String>, default: &str) -> Option<String> {
    found.or_else(|| (!default.is_empty()).then(|| default.to_owned()))
}

pub(super) fn bad(name: &str, value: &str, expected: &str) -> ParseProblem {
    ParseProblem::BadValue {
        name: name.to_owned(),
        value: shown(value),
        expected: expected.to_owned(),
    }
}

/// A value as a sentence may repeat it. Anything beyond a short word may be a password in the wrong place.
pub(in crate::conninfo) fn shown(value: &str) -> String {
    if clear::is_harmless(value) { value } else { MASK }.to_owned()
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
    if root == SYSTEM_ROOTS {
        let mode = mode.unwrap_or(SslMode::VerifyFull);
        return if mode < SslMode::VerifyFull {
            Err(ParseProblem::WeakSslMode)
        } else {
            Ok((mode, root))
        };
    }
    let mode = mode.unwrap_or_default();
    // With a CA file, libpq checks the certificate with `require` too.
    if mode == SslMode::Require && !root.is_empty() {
        return Ok((SslMode::VerifyCa, root));
    }
    Ok((mode, root))
}

const LEAST: &str = "ssl_min_protocol_version";
const MOST: &str = "ssl_max_protocol_version";

/// The versions from the lowest to the highest named. Tusk does not speak those before 1.2.
fn tls_versions(found: &mut Parameters) -> Result<TlsVersions, ParseProblem> {
    let least = tls_version(found, LEAST)?.unwrap_or(2).max(2);
    let most = tls_version(found, MOST)?.unwrap_or(3);
    match (least, most) {
        (2, 2) => Ok(TlsVersions::Only12),
        (2, 3) => Ok(TlsVersions::Both),
        (3, 3) => Ok(TlsVersions::Only13),
        (_, 2) => Err(bad(LEAST, "TLSv1.3", &format!("not above {MOST}"))),
        (_, old) => Err(ParseProblem::Unsupported {
            name: MOST.to_owned(),
            value: TLS_NAMES[old].to_owned(),
            advice: "Name TLSv1.2 or TLSv1.3: older versions are not safe, and not spoken here."
                .to_owned(),
        }),
    }
}

/// The versions' names, indexed by the digit after the point.
const TLS_NAMES: [&str; 4] = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];

fn tls_version(found: &mut Parameters, name: &str) -> Result<Option<usize>, ParseProblem> {
    let Some(text) = found.remove(name) else {
        return Ok(None);
    };
    let known = TLS_NAMES.iter().position(|version| version.eq_ignore_ascii_case(&text));
    let expected = format!("one of {}", TLS_NAMES.join(", "));
    known.map(Some).ok_or_else(|| bad(name, &text, &expected))
}

fn connect_timeout(found: Option<String>) -> Result<u32, ParseProblem> {
    let Some(text) = found else {
        return Ok(Config::default().connect_timeout_s);
    };
    // Zero and less mean no limit, as in libpq.
    let seconds: Result<i32, _> = text.trim().parse();
    seconds
        .map(|seconds| seconds.max(0).unsigned_abs())
        .map_err(|_| bad("connect_timeout", &text, "a number of seconds; 0 sets no limit"))
}

/// A value out of a few names, or the default.
fn one_of<T: Copy + Default>(
    found: &mut Parameters,
    name: &str,
    all: &[T],
    name_of: fn(T) -> &'static str,
) -> Result<T, ParseProblem> {
    let Some(text) = found.remove(name) else {
        return Ok(T::default());
    };
    let one = all.iter().copied().find(|one| name_of(*one) == text);
    one.ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|one| name_of(*one)).collect();
        bad(name, &text, &format!("one of {}", names.join(", ")))
    })
}

/// Whether to try the servers in a new order each time.
fn shuffled(found: &mut Parameters) -> Result<bool, ParseProblem> {
    match found.remove("load_balance_hosts").as_deref() {
        None | Some("disable") => Ok(false),
        Some("random") => Ok(true),
        Some(other) => Err(bad("load_balance_hosts", other, "one of disable, random")),
    }
}

fn on(found: &mut Parameters, name: &str) -> Result<bool, ParseProblem> {
    let Some(text) = found.remove(name) else {
        return Ok(false);
    };
    switch(&text).ok_or_else(|| bad(name, &text, "1 or 0"))
}
