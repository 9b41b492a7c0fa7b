//! What applies if a text says nothing: the environment's variables, service files, the usual files for TLS and local
//! sockets. An effect brings them as plain data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Config, Conninfo, ParseProblem, TlsFiles, service::ServiceFile};
use crate::base::secret::Secret;

/// libpq's variables and the parameters that they set. `PGPASSWORD` is not among them, because it is a secret;
/// `PGPASSFILE` is read together with its file; `PGCLIENTENCODING` means nothing to a client that starts every session
/// in UTF-8.
pub const VARIABLES: &[(&str, &str)] = &[
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGPORT", "port"),
    ("PGDATABASE", "dbname"),
    ("PGUSER", "user"),
    ("PGSERVICE", "service"),
    ("PGOPTIONS", "options"),
    ("PGAPPNAME", "application_name"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
    ("PGSSLCRL", "sslcrl"),
    ("PGSSLCRLDIR", "sslcrldir"),
    ("PGSSLSNI", "sslsni"),
    ("PGSSLCERTMODE", "sslcertmode"),
    ("PGSSLNEGOTIATION", "sslnegotiation"),
    ("PGSSLMINPROTOCOLVERSION", "ssl_min_protocol_version"),
    ("PGSSLMAXPROTOCOLVERSION", "ssl_max_protocol_version"),
    ("PGGSSENCMODE", "gssencmode"),
    ("PGREQUIREPEER", "requirepeer"),
    ("PGREQUIREAUTH", "require_auth"),
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGLOADBALANCEHOSTS", "load_balance_hosts"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    // These set session settings, for which there is no parameter.
    ("PGREQUIRESSL", ""),
    ("PGDATESTYLE", ""),
    ("PGTZ", ""),
    ("PGGEQO", ""),
];

/// The session settings that variables set; the server takes them after `options`.
pub(super) const SESSION_VARIABLES: [(&str, &str); 3] =
    [("PGDATESTYLE", "datestyle"), ("PGTZ", "timezone"), ("PGGEQO", "geqo")];

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defaults {
    /// The user's name in the operating system: the role if nothing else names one.
    pub user: String,
    /// Those of [`VARIABLES`] that are set, by name.
    pub variables: BTreeMap<String, String>,
    /// `PGPASSWORD`, if it is set and not empty.
    pub password: Option<Secret>,
    /// The service files, in search order.
    pub service_files: Vec<ServiceFile>,
    /// Which of libpq's usual files for TLS exist.
    pub tls_files: TlsFiles,
    /// Directory and port of each local server's socket: if a text names no host, the one with its port is the host, or
    /// else `localhost`.
    pub sockets: Vec<(String, u16)>,
}

impl Defaults {
    /// A variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The connection for an empty text.
    pub fn conninfo(&self) -> Result<Conninfo, ParseProblem> {
        super::parse::nothing(self)
    }

    /// The configuration for an empty text; the default one if the environment has a wrong value.
    pub fn config(&self) -> Config {
        let usual =
            || Config { user: self.user.clone(), database: self.user.clone(), ..Config::default() };
        self.conninfo().map_or_else(|_| usual(), |found| found.config)
    }

    /// The host for a text that names none.
    pub(super) fn host(&self, port: u16) -> String {
        let local = self.sockets.iter().find(|(_, other)| *other == port);
        local.map_or_else(|| Config::default().host, |(directory, _)| directory.clone())
    }
}
