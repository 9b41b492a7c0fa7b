//! A connection's configuration: what libpq's parameters say, as one type, and how URLs and `key=value` strings become
//! one.
//!
//! `conninfo/parse.rs` reads, `conninfo/print.rs` prints (labels, URLs, masks), and `conninfo/problems.rs` has what the
//! connection dialog says about a field. What libpq takes from elsewhere has a file for each place: the environment
//! (`conninfo/defaults.rs`), service files (`conninfo/service.rs`), password files (`conninfo/passfile.rs`) and the
//! usual files for TLS (`conninfo/tls_files.rs`). `conninfo/keepalive.rs` decides when a silent link is dead.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod defaults;
mod hosts;
mod keepalive;
mod lines;
mod parse;
pub mod passfile;
mod print;
mod problems;
pub mod service;
mod tls_files;

use serde::{Deserialize, Serialize};

use crate::base::secret::{Secret, SecretKind, Secrets};

pub use defaults::{Defaults, VARIABLES};
pub use keepalive::Keepalive;
pub use parse::{EXAMPLE, ParseProblem};
pub use problems::FieldName;
pub use tls_files::TlsFiles;

/// The `application_name` of a configuration that names none.
pub const APPLICATION_NAME: &str = "Tusk";

/// libpq's name, in place of a CA file, for the system's own authorities.
pub const SYSTEM_ROOTS: &str = "system";

/// How the link is secured, as libpq's `sslmode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// Never TLS.
    Disable,
    /// Plain first; TLS if the server insists.
    Allow,
    /// TLS first; plain if the server has none.
    #[default]
    Prefer,
    /// TLS, whatever certificate the server shows.
    Require,
    /// TLS, with a certificate signed by a trusted CA.
    VerifyCa,
    /// TLS, with a trusted certificate that names this host.
    VerifyFull,
}

/// Which versions of TLS to allow: libpq's `ssl_min_protocol_version` and `ssl_max_protocol_version`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsVersions {
    #[default]
    Both,
    Only12,
    Only13,
}

/// How a connection is marked on screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Colour {
    /// The default.
    #[default]
    Green,
    /// Production: red, and framed.
    Red,
    Amber,
    Blue,
    Violet,
    Grey,
}

/// Which of several servers to take, as libpq's `target_session_attrs`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetSession {
    /// The first that answers.
    #[default]
    Any,
    /// One whose sessions may write by default.
    ReadWrite,
    /// One whose sessions may not.
    ReadOnly,
    /// One that is not in hot standby.
    Primary,
    /// One in hot standby.
    Standby,
    /// One in hot standby, or any other if there is none.
    PreferStandby,
}

/// Whether SCRAM binds the password to the TLS link, as libpq's `channel_binding`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// If the server offers it.
    #[default]
    Prefer,
    /// Always; a server that can't is refused.
    Require,
}

/// A further server of a connection, tried in order after the first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// A host name or address, or the directory of a Unix socket.
    pub host: String,
    /// The TCP port, or the number in the socket's name.
    pub port: u16,
    /// The address to connect to instead of the host's own, while the certificate still has to name the host; empty if
    /// the host is looked up.
    #[serde(default)]
    pub hostaddr: String,
}

/// How to log in to the SSH server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SshAuth {
    /// The keys of the running agent.
    #[default]
    Agent,
    /// A private key in a file, whose passphrase is a secret of its own.
    Key {
        path: String,
    },
    Password,
}

/// A tunnel through an SSH server, which looks up and reaches the database's host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshTunnel {
    pub host: String,
    pub port: u16,
    /// The user there; empty for the operating system user's name.
    pub user: String,
    pub auth: SshAuth,
}

/// How to reach a database, without its password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The user's name for it; empty if it was only typed as a URL.
    pub name: String,
    pub colour: Colour,
    /// The folder it is listed under.
    pub group: String,
    /// Its position in that folder, the lowest first.
    pub order: u32,
    /// A host name or address, or the directory of a Unix socket (it starts with `/` or `@`).
    pub host: String,
    /// The TCP port, or the number in the socket's name.
    pub port: u16,
    /// The address to connect to instead of the host's own; empty if the host is looked up.
    pub hostaddr: String,
    /// Further servers, tried in order after the first.
    pub fallbacks: Vec<Endpoint>,
    /// Which of them to take.
    pub target_session: TargetSession,
    /// Whether to try them in a new order each time, as with libpq's `load_balance_hosts=random`.
    pub shuffled: bool,
    pub database: String,
    /// The role.
    pub user: String,
    /// How the link is secured.
    pub ssl_mode: SslMode,
    /// A PEM file with the CAs to trust, or [`SYSTEM_ROOTS`]. If empty, the usual file ([`TlsFiles`]) and, if that does
    /// not exist, the mode's default: the system's own with `verify-full`, none with the others.
    pub ssl_root_cert: String,
    /// A PEM file with the client's certificate; empty for the usual one, if it is there.
    pub ssl_cert: String,
    /// A PEM file with the client's key; empty for the usual one.
    pub ssl_key: String,
    pub tls_versions: TlsVersions,
    /// Whether SCRAM binds the password to the link.
    pub channel_binding: ChannelBinding,
    /// Whether a server may get the password in the clear outside TLS.
    pub allow_cleartext: bool,
    /// A password file to read instead of the usual one; empty for the usual one.
    pub passfile: String,
    /// The tunnel to go through.
    pub ssh: Option<SshTunnel>,
    /// The timeout of connecting and start-up together; 0 for none, as in libpq.
    pub connect_timeout_s: u32,
    /// When a silent link is dead.
    pub keepalive: Keepalive,
    /// The server's `statement_timeout`; 0 for none.
    pub statement_timeout_ms: u32,
    /// The most connections in the pool.
    pub pool_size: u32,
    /// How long a run waits for a connection if the pool is exhausted.
    pub pool_timeout_s: u32,
    /// The server's `application_name`.
    pub application_name: String,
    /// Further start-up options, as libpq's `options`.
    pub options: String,
    /// Whether the connection is read-only: transactions are, by the server's own default.
    pub read_only: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: String::new(),
            colour: Colour::default(),
            group: String::new(),
            order: 0,
            host: "localhost".into(),
            port: 5432,
            hostaddr: String::new(),
            fallbacks: Vec::new(),
            target_session: TargetSession::default(),
            shuffled: false,
            database: String::new(),
            user: String::new(),
            ssl_mode: SslMode::default(),
            ssl_root_cert: String::new(),
            ssl_cert: String::new(),
            ssl_key: String::new(),
            tls_versions: TlsVersions::default(),
            channel_binding: ChannelBinding::default(),
            allow_cleartext: false,
            passfile: String::new(),
            ssh: None,
            connect_timeout_s: 10,
            keepalive: Keepalive::default(),
            statement_timeout_ms: 0,
            pool_size: 10,
            pool_timeout_s: 30,
            application_name: APPLICATION_NAME.into(),
            options: String::new(),
            read_only: false,
        }
    }
}

impl Config {
    /// Every server, in the given order.
    pub fn endpoints(&self) -> impl Iterator<Item = Endpoint> + '_ {
        let first =
            Endpoint { host: self.host.clone(), port: self.port, hostaddr: self.hostaddr.clone() };
        std::iter::once(first).chain(self.fallbacks.iter().cloned())
    }

    /// Sets the servers; with none, keeps the first as it is.
    pub fn set_endpoints(&mut self, endpoints: Vec<Endpoint>) {
        let mut endpoints = endpoints.into_iter();
        if let Some(first) = endpoints.next() {
            (self.host, self.port, self.hostaddr) = (first.host, first.port, first.hostaddr);
        }
        self.fallbacks = endpoints.collect();
    }

    /// The secrets that connecting may need with these usual files, in the order of use.
    pub fn secrets_used(&self, usual: &TlsFiles) -> Vec<SecretKind> {
        let ssh =
            self.ssh.as_ref().filter(|ssh| ssh.auth != SshAuth::Agent).map(|_| SecretKind::Ssh);
        let key = self.clone().with_usual_files(usual).ssl_key;
        let ssl_key = (!key.is_empty()).then_some(SecretKind::SslKey);
        ssh.into_iter().chain(ssl_key).chain([SecretKind::Database]).collect()
    }
}

/// What a URL or a `key=value` string says, completed from libpq's other sources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conninfo {
    pub config: Config,
    /// The secrets, if the text, a service or the environment held any.
    pub secrets: Secrets,
}

impl Conninfo {
    /// The role's password.
    pub fn password(&self) -> Option<&Secret> {
        self.secrets.get(SecretKind::Database)
    }
}
