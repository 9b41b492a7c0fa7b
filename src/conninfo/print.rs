//! How to show a configuration: a connection's label, its URL, and a typed text without its password.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{
    APPLICATION_NAME, ChannelBinding, Config, Conninfo, Defaults, Endpoint, SshAuth, SshTunnel,
    SslMode, TargetSession, TlsVersions,
    parse::{self, Form},
};
use crate::base::secret::MASK;

/// What a URL leaves as it is; everything else is percent-encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same inside the brackets of an IPv6 address.
const ENCODED_ADDRESS: &AsciiSet = &ENCODED.remove(b':');
/// Characters that no unquoted value contains.
const QUOTES_AND_BRACKETS: &str = "'`“”‘’„‚«»<>{}|";
/// The start-up option that makes the server's transactions read-only.
pub(super) const READ_ONLY_SETTING: &str = "default_transaction_read_only";
/// The start-up option for a statement's timeout.
pub(super) const TIMEOUT_SETTING: &str = "statement_timeout";

impl SslMode {
    /// Every mode, the weakest first.
    pub const ALL: [Self; 6] =
        [Self::Disable, Self::Allow, Self::Prefer, Self::Require, Self::VerifyCa, Self::VerifyFull];

    /// The mode as libpq spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

impl TargetSession {
    /// Every one, in libpq's order.
    pub const ALL: [Self; 6] = [
        Self::Any,
        Self::ReadWrite,
        Self::ReadOnly,
        Self::Primary,
        Self::Standby,
        Self::PreferStandby,
    ];

    /// As libpq spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::ReadWrite => "read-write",
            Self::ReadOnly => "read-only",
            Self::Primary => "primary",
            Self::Standby => "standby",
            Self::PreferStandby => "prefer-standby",
        }
    }
}

impl ChannelBinding {
    /// Every one, the weakest first.
    pub const ALL: [Self; 3] = [Self::Disable, Self::Prefer, Self::Require];

    /// As libpq spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
        }
    }
}

impl Endpoint {
    /// Host and port in a URL's form.
    fn encoded(&self) -> String {
        let host = if self.host.contains(':') && !self.is_socket() {
            format!("[{}]", utf8_percent_encode(&self.host, ENCODED_ADDRESS))
        } else {
            encoded(&self.host)
        };
        format!("{host}:{}", self.port)
    }
}

impl SshTunnel {
    /// `user@host:port`, as in the parameter `ssh`.
    fn place(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let at = if self.user.is_empty() { "" } else { "@" };
        format!("{}{at}{host}:{}", self.user, self.port)
    }
}

impl Config {
    /// The connection's name on screen: its own, or its address if it has none.
    pub fn label(&self) -> String {
        if self.name.trim().is_empty() { self.address() } else { self.name.trim().to_owned() }
    }

    /// Who is connected where: `app@localhost:5432/shop`, `app@/run/postgresql:5432/shop`, `app@a:1,b:2/shop`.
    pub fn address(&self) -> String {
        let servers: Vec<String> = self.endpoints().map(|one| one.shown()).collect();
        format!("{}@{}/{}", self.user, servers.join(","), self.database)
    }

    /// Whether the host is the directory of a Unix socket (or an abstract one).
    pub fn is_socket(&self) -> bool {
        self.host.starts_with(['/', '@'])
    }

    /// The configuration as a URL. libpq reads it too, unless it holds parameters that only Tusk has (a tunnel, a
    /// password in the clear). It holds no secret, and nothing that is not a parameter (name, colour, group, pool).
    pub fn url(&self) -> String {
        let servers: Vec<String> = self.endpoints().map(|one| one.encoded()).collect();
        let (user, database) = (encoded(&self.user), encoded(&self.database));
        let mut url = format!("postgres://{user}@{}/{database}", servers.join(","));
        for (index, (name, value)) in self.url_parameters().iter().enumerate() {
            url.push(if index == 0 { '?' } else { '&' });
            url.push_str(name);
            url.push('=');
            url.push_str(&encoded(value));
        }
        url
    }

    fn url_parameters(&self) -> Vec<(&'static str, String)> {
        let usual = Self::default();
        let mut parameters = Vec::new();
        let addresses: Vec<String> = self.endpoints().map(|one| one.hostaddr).collect();
        if addresses.iter().any(|address| !address.is_empty()) {
            parameters.push(("hostaddr", addresses.join(",")));
        }
        if self.target_session != usual.target_session {
            parameters.push(("target_session_attrs", self.target_session.name().to_owned()));
        }
        if self.shuffled {
            parameters.push(("load_balance_hosts", "random".to_owned()));
        }
        if self.ssl_mode != usual.ssl_mode {
            parameters.push(("sslmode", self.ssl_mode.name().to_owned()));
        }
        for (name, value) in [
            ("sslrootcert", &self.ssl_root_cert),
            ("sslcert", &self.ssl_cert),
            ("sslkey", &self.ssl_key),
            ("passfile", &self.passfile),
        ] {
            if !value.is_empty() {
                parameters.push((name, value.clone()));
            }
        }
        match self.tls_versions {
            TlsVersions::Both => {}
            TlsVersions::Only12 => {
                parameters.push(("ssl_max_protocol_version", "TLSv1.2".to_owned()));
            }
            TlsVersions::Only13 => {
                parameters.push(("ssl_min_protocol_version", "TLSv1.3".to_owned()));
            }
        }
        if self.channel_binding != usual.channel_binding {
            parameters.push(("channel_binding", self.channel_binding.name().to_owned()));
        }
        if self.connect_timeout_s != usual.connect_timeout_s {
            parameters.push(("connect_timeout", self.connect_timeout_s.to_string()));
        }
        parameters.extend(self.keepalive.parameters());
        if self.application_name != APPLICATION_NAME {
            parameters.push(("application_name", self.application_name.clone()));
        }
        let options = self.startup_options();
        if !options.is_empty() {
            parameters.push(("options", options));
        }
        parameters.extend(self.own_parameters());
        parameters
    }

    /// The parameters that libpq does not have.
    fn own_parameters(&self) -> Vec<(&'static str, String)> {
        let mut parameters = Vec::new();
        if self.allow_cleartext {
            parameters.push(("allow_cleartext", "1".to_owned()));
        }
        if let Some(tunnel) = &self.ssh {
            parameters.push(("ssh", tunnel.place()));
            match &tunnel.auth {
                SshAuth::Agent => {}
                SshAuth::Key { path } => parameters.push(("ssh_key", path.clone())),
                SshAuth::Password => parameters.push(("ssh_auth", "password".to_owned())),
            }
        }
        parameters
    }

    /// The start-up options in the form of libpq's `options`, including those with a field of their own.
    pub fn startup_options(&self) -> String {
        let timeout = (self.statement_timeout_ms > 0)
            .then(|| format!("-c {TIMEOUT_SETTING}={}", self.statement_timeout_ms));
        let read_only = self.read_only.then(|| format!("-c {READ_ONLY_SETTING}=on"));
        let own = (!self.options.is_empty()).then(|| self.options.clone());
        let options: Vec<String> = own.into_iter().chain(timeout).chain(read_only).collect();
        options.join(" ")
    }
}

impl Conninfo {
    /// Whether a text holds a secret by itself, whatever services and the environment add to it. If it can't be
    /// understood without them, it counts as holding one as soon as anything in it is masked.
    pub fn text_holds_secret(text: &str) -> bool {
        let anybody = Defaults { user: "anybody".into(), ..Defaults::default() };
        match Config::parse(text, &anybody) {
            Ok(conninfo) => !conninfo.secrets.is_empty(),
            Err(_) => Self::masked(text) != text,
        }
    }

    /// The typed text with its password replaced by `***`. Unfinished text, and text with mistakes, is masked rather
    /// too much than too little: `app:1234` may be a port or half a password. A text that is none of libpq's forms may
    /// have a password anywhere, so it is masked whole.
    pub fn masked(text: &str) -> String {
        if text.len() > parse::BYTES_MAX {
            return MASK.to_owned();
        }
        let is_one_word =
            !parse::trimmed(text).contains(|c: char| c.is_whitespace() || "\"'".contains(c));
        let shown = match Form::of(text) {
            Form::KeyValue(rest) => masked_pairs(rest),
            Form::Url { scheme, rest } if is_one_word && is_scheme(scheme) => {
                masked_url(rest).map(|rest| format!("{scheme}{rest}"))
            }
            Form::Shorthand(rest) if is_one_word && !rest.contains("://") => masked_url(rest),
            Form::Url { .. } | Form::Shorthand(_) => None,
        };
        shown.unwrap_or_else(|| MASK.to_owned())
    }

    /// A text to show to the user, with every word masked that is a connection with a password, or part of one, in any
    /// form.
    pub fn masked_in_words(text: &str) -> String {
        let words = text.split_inclusive(char::is_whitespace);
        let masked = words.map(|word| {
            let bare = word.trim_end();
            if parse::repeats_secret(bare) && Self::text_holds_secret(bare) {
                format!("{MASK}{}", &word[bare.len()..])
            } else {
                word.to_owned()
            }
        });
        masked.collect()
    }

    /// Whether a text can only be a connection: it has a scheme, or a secret's name with its value.
    pub fn is_whole(text: &str) -> bool {
        text.contains("://") || parse::assigns_secret(text)
    }

    /// Whether a text holds what looks like a secret in any form: `user:password@`, `password=…`.
    pub fn may_hold_secret(text: &str) -> bool {
        parse::holds_secret(text)
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// PostgreSQL's scheme, with drivers' additions.
fn is_scheme(scheme: &str) -> bool {
    let scheme = scheme.trim().trim_end_matches("://").to_ascii_lowercase();
    let plain = scheme.strip_prefix("jdbc:").unwrap_or(&scheme);
    let plain = plain.split_once('+').map_or(plain, |(plain, _)| plain);
    matches!(plain, "postgres" | "postgresql")
}

fn is_secret(name: &str) -> bool {
    parse::names_secret(&percent_decode_str(name).decode_utf8_lossy())
}

/// Whether a value that should not be a secret holds one anyway: `ssh=user:password@host`.
fn holds_secret(name: &str, value: &str) -> bool {
    let value = percent_decode_str(value).decode_utf8_lossy();
    if name.trim() != "ssh" {
        return parse::holds_secret(&value);
    }
    let colon = value.find(':');
    let ends_in_port = value.rsplit_once(':').is_some_and(|(_, port)| {
        !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
    });
    colon.is_some() && (!ends_in_port || value.find('@') > colon)
}

/// Masks what follows the scheme: the password before `@`, and the secret parameters. None if that is not enough,
/// because a character is where it does not belong.
fn masked_url(rest: &str) -> Option<String> {
    let (start, end) = password_place(rest).unwrap_or_default();
    let (user, tail) = (&rest[..start], &rest[end..]);
    let secret = if start == end { "" } else { MASK };
    let hidden = &rest[start..end];
    let holds_query = hidden.split_once('?').is_some_and(|(_, query)| query.contains('='));
    if holds_query || parse::assigns_secret(hidden) || !names_hosts(tail) {
        // The last @ may belong to a password in the query, and not end the first one.
        return None;
    }
    let tail = masked_query(tail)?;
    let query = tail.split_once('?').map_or("", |(_, query)| query);
    if query.contains(MASK) && !has_known_names(query) {
        // An & in the password cuts it, and its rest is not a parameter.
        return None;
    }
    // The rest must be plain by itself, with a user before it and without.
    let bare = tail.strip_prefix('@').unwrap_or(&tail);
    let is_plain = parse::is_plain_url(parse::trimmed(bare))
        && parse::is_plain_url(&format!("{}@", user.trim_start().replace('@', "")))
        && !parse::holds_secret(bare.split('?').next().unwrap_or(bare));
    is_plain.then(|| format!("{user}{secret}{tail}"))
}

/// Finds the password in `user:password@host…`, even if it holds characters that should have been percent-encoded, or
/// if the text stops in the middle of it.
fn password_place(rest: &str) -> Option<(usize, usize)> {
    let colon = rest.find(':')?;
    let before = &rest[..colon];
    if rest.starts_with(['[', '/']) || before.contains('?') {
        // The colon belongs to an IPv6 address, a socket's path or the query.
        return None;
    }
    let after = colon + 1;
    let segment_end = rest[after..].find(['/', '?', '@']).map_or(rest.len(), |at| after + at);
    let segment = &rest[after..segment_end];
    let is_number = is_digits(segment);
    let is_port = (is_number || is_port_list(segment))
        && matches!(rest.as_bytes().get(segment_end), Some(b'/' | b'?'));
    let query = rest[after..].find('?').map_or(rest.len(), |at| after + at);
    match rest.rfind('@').filter(|at| *at > colon) {
        // An @ in the query, after a host with a port.
        Some(at) if is_port && at > query && has_known_names(&rest[query..]) => None,
        Some(at) => Some((after, at)),
        None if is_port => None,
        None if before.ends_with("@[") || (is_number && before.contains('@')) => None,
        None => Some((after, rest.len())),
    }
}

/// Whether the `@` at the start of a text, if any, is followed by hosts and nothing else, such as a piece of a
/// password.
fn names_hosts(tail: &str) -> bool {
    let Some(after) = tail.strip_prefix('@') else {
        return true;
    };
    let end = after.find(['/', '?']).unwrap_or(after.len());
    after[..end].split(',').all(|server| {
        let host = match server.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => host,
            _ => server,
        };
        let bare =
            host.strip_prefix('[').map_or(host, |host| host.strip_suffix(']').unwrap_or(host));
        percent_decode_str(bare).decode_utf8().is_ok_and(|host| parse::is_host(&host))
    })
}

/// Whether a query is one, and not a piece of a password with a question mark.
fn has_known_names(query: &str) -> bool {
    let parts = query.trim_start_matches('?').split('&');
    parts.map(|part| part.split_once('=').map_or("", |(name, _)| name)).all(parse::is_known_name)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text is the rest of a list of hosts, each with its port: `5432,b:5433`.
fn is_port_list(text: &str) -> bool {
    let mut servers = text.split(',');
    servers.next().is_some_and(is_digits)
        && servers.all(|one| {
            let port = one.rsplit_once(':').map(|(_, port)| port);
            port.is_some_and(|port| !port.is_empty() && is_digits(port))
        })
}

/// Masks the query; none if a name or an `@` in it may be a piece of a password.
fn masked_query(text: &str) -> Option<String> {
    let Some(question) = text.find('?') else {
        return Some(text.to_owned());
    };
    let mut secret = false;
    let has_at = text[question..].contains('@');
    let mut parts = Vec::new();
    for part in text[question + 1..].split('&') {
        parts.push(match part.split_once('=') {
            Some((name, value)) => {
                let after_secret = secret;
                let is_known = parse::is_known_name(name);
                secret = is_secret(name) || holds_secret(name, value) || value.contains('=');
                match (is_known || secret, value.is_empty()) {
                    (true, true) => part.to_owned(),
                    (true, false) if secret => format!("{name}={MASK}"),
                    (true, false) => part.to_owned(),
                    (false, _) if has_at => return None,
                    (false, _) if after_secret => MASK.to_owned(),
                    (false, _) => format!("{name}={MASK}"),
                }
            }
            // Not a name: what follows a raw & in a password, or a name that is being typed.
            None if secret && !part.is_empty() => MASK.to_owned(),
            None if part.contains('@') => return None,
            None if part.is_empty() || parse::begins_known_name(part) => part.to_owned(),
            None => MASK.to_owned(),
        });
    }
    Some(format!("{}{}", &text[..=question], parts.join("&")))
}

/// Masks the secrets of a `key=value` string, even with mistakes in it; none if it isn't one.
fn masked_pairs(text: &str) -> Option<String> {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    let mut secret = false;
    loop {
        let trimmed = rest.trim_start();
        shown.push_str(&rest[..rest.len() - trimmed.len()]);
        if trimmed.is_empty() {
            return Some(shown);
        }
        let name_end =
            trimmed.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(trimmed.len());
        let (name, tail) = trimmed.split_at(name_end);
        let Some(value) = tail.trim_start().strip_prefix('=') else {
            // After a password, a word without a value is the rest of a password without quotes.
            let is_begun = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !secret && !is_begun {
                return None;
            }
            shown.push_str(if secret { MASK } else { name });
            rest = tail;
            continue;
        };
        if !parse::is_parameter(name) {
            return None;
        }
        shown.push_str(name);
        let value = value.trim_start();
        shown.push_str(&tail[..tail.len() - value.len()]);
        let end = value_end(value);
        secret = is_secret(name) || holds_secret(name, &value[..end]);
        if !secret && is_run_together(name, &value[..end]) {
            return None;
        }
        shown.push_str(if secret && end > 0 { MASK } else { &value[..end] });
        rest = &value[end..];
    }
}

/// Whether a shown value holds a character that none contains, so that it may have run into the next one:
/// `user=ann“password='…'`.
fn is_run_together(name: &str, value: &str) -> bool {
    let inside = value.strip_prefix('\'').map(|rest| rest.strip_suffix('\'').unwrap_or(rest));
    let assigned = value.matches('=').count();
    // Each setting in a start-up option has its own: `-c search_path=app --jit=off`.
    let expected = match name {
        "options" => value.matches("-c").count() + value.matches("--").count(),
        _ => 0,
    };
    value.contains([';', '"'])
        || inside.is_none() && value.contains(|c: char| QUOTES_AND_BRACKETS.contains(c))
        || assigned > expected
}

/// Where a value ends: after its closing quote, before the next blank, or with the text.
fn value_end(value: &str) -> usize {
    let quoted = value.starts_with('\'');
    let mut characters = value.char_indices().skip(usize::from(quoted));
    while let Some((index, character)) = characters.next() {
        match character {
            '\\' => {
                characters.next();
            }
            '\'' if quoted => return index + 1,
            c if !quoted && c.is_whitespace() => return index,
            _ => {}
        }
    }
    value.len()
}

#[cfg(test)]
mod tests;
