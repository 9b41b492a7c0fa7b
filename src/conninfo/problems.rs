//! What is wrong with a configuration, field by field, for the connection dialog.

use super::parse::is_host;
use super::{Config, Endpoint, SYSTEM_ROOTS, SslMode, TlsFiles};

/// A field of the connection dialog.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum FieldName {
    /// What the user calls the connection.
    Name,
    /// The folder that it is listed under.
    Group,
    /// Host, address or socket directory.
    Host,
    Port,
    Database,
    /// The role.
    User,
    Password,
    /// How the link is secured.
    SslMode,
    /// The file with the CAs to trust.
    SslRootCert,
    /// The file with the client's certificate.
    SslCert,
    /// The file with the client's key.
    SslKey,
    /// The time to connect.
    ConnectTimeout,
    /// The time of a statement.
    StatementTimeout,
    /// How many connections.
    PoolSize,
    /// How long to wait for one of them.
    PoolTimeout,
    /// The server's `application_name`.
    ApplicationName,
    /// Further start-up options.
    Options,
    /// The password file.
    Passfile,
    /// The SSH server.
    SshHost,
    SshPort,
    /// The private key there.
    SshKey,
}

/// The longest path of a Unix socket that every operating system accepts.
const SOCKET_PATH_BYTES_MAX: usize = 103;
/// PostgreSQL cuts off names after this many bytes.
const NAME_BYTES_MAX: usize = 63;
/// PostgreSQL's time limits are signed 32-bit milliseconds.
const TIMEOUT_MS_MAX: u32 = i32::MAX as u32;
/// The same for `connect_timeout`, in seconds.
const CONNECT_TIMEOUT_S_MAX: u32 = TIMEOUT_MS_MAX / 1000;
/// A larger pool is a typing error: by default, servers accept 100 connections.
const POOL_SIZE_MAX: u32 = 1000;

impl Config {
    /// Everything that keeps this configuration from working with these usual files, in the order of the dialog's
    /// fields. A saved connection also needs a name, which the dialog offers by itself.
    pub fn problems(&self, usual: &TlsFiles) -> Vec<(FieldName, String)> {
        let mut problems = Vec::new();
        let mut say = |field, sentence: Option<String>| {
            problems.extend(sentence.map(|sentence| (field, sentence)));
        };
        say(FieldName::Host, self.host_problem());
        say(
            FieldName::Port,
            self.endpoints().find_map(|one| {
                at_least_one(one.port.into(), "The port is a number from 1 to 65535.")
            }),
        );
        say(FieldName::Database, name_problem("database", &self.database));
        say(FieldName::User, name_problem("user", &self.user));
        let files = self.clone().with_usual_files(usual);
        say(FieldName::SslRootCert, files.root_cert_problem());
        let (certificate, key) = files.client_certificate_problems();
        say(FieldName::SslCert, certificate);
        say(FieldName::SslKey, key);
        for (field, sentence) in self.tunnel_problems() {
            say(field, Some(sentence));
        }
        let sentence = format!("At most {CONNECT_TIMEOUT_S_MAX} s (24 days); 0 sets no limit.");
        say(
            FieldName::ConnectTimeout,
            (self.connect_timeout_s > CONNECT_TIMEOUT_S_MAX).then_some(sentence),
        );
        let sentence =
            format!("PostgreSQL takes at most {TIMEOUT_MS_MAX} ms (24 days); 0 is none.");
        say(
            FieldName::StatementTimeout,
            (self.statement_timeout_ms > TIMEOUT_MS_MAX).then_some(sentence),
        );
        let sentence = format!("The pool has room for 1 to {POOL_SIZE_MAX} connections.");
        let sane = (1..=POOL_SIZE_MAX).contains(&self.pool_size);
        say(FieldName::PoolSize, (!sane).then_some(sentence));
        let sentence = "Wait at least one second for a connection.";
        say(FieldName::PoolTimeout, at_least_one(self.pool_timeout_s, sentence));
        say(FieldName::ApplicationName, application_name_problem(&self.application_name));
        say(FieldName::Options, nul_problem(&self.options));
        say(FieldName::Passfile, file_problem(&self.passfile));
        problems
    }

    fn tunnel_problems(&self) -> Vec<(FieldName, String)> {
        let Some(tunnel) = &self.ssh else {
            return Vec::new();
        };
        let mut problems = Vec::new();
        if tunnel.host.trim().is_empty() {
            problems.push((FieldName::SshHost, "Name the SSH server.".to_owned()));
        } else if tunnel.host.contains(char::is_whitespace) || tunnel.host.contains('@') {
            let sentence = "Only the host's name: the user has a field of its own.";
            problems.push((FieldName::SshHost, sentence.to_owned()));
        }
        if tunnel.port == 0 {
            let sentence = "The port is a number from 1 to 65535.";
            problems.push((FieldName::SshPort, sentence.to_owned()));
        }
        match &tunnel.auth {
            super::SshAuth::Key { path } if path.trim().is_empty() => {
                let sentence = "Name the file with the private key, such as ~/.ssh/id_ed25519.";
                problems.push((FieldName::SshKey, sentence.to_owned()));
            }
            _ => {}
        }
        problems
    }

    fn host_problem(&self) -> Option<String> {
        self.endpoints().find_map(|one| host_problem(&one))
    }

    /// The system's authorities sign for every host, so they prove something only together with the host's name.
    fn root_cert_problem(&self) -> Option<String> {
        let mode = self.ssl_mode;
        let sentence = match self.ssl_root_cert.as_str() {
            SYSTEM_ROOTS if mode != SslMode::VerifyFull => {
                "With the system's authorities the certificate of any host would do: choose verify-full, or name \
                 the file of your own CA."
            }
            "" if mode == SslMode::VerifyCa => {
                "Name the file of the CA to trust, or choose verify-full, which takes the system's authorities."
            }
            path => return file_problem(path),
        };
        Some(sentence.to_owned())
    }

    fn client_certificate_problems(&self) -> (Option<String>, Option<String>) {
        let (certificate, key) = (self.ssl_cert.is_empty(), self.ssl_key.is_empty());
        if self.ssl_mode == SslMode::Disable && !(certificate && key) {
            let sentence = "A client certificate needs TLS: choose another SSL mode, or clear it.";
            return (Some(sentence.to_owned()), None);
        }
        match (certificate, key) {
            (true, false) => (Some("Name the certificate that this key belongs to.".into()), None),
            (false, true) => (None, Some("Name the file with the certificate's key.".into())),
            _ => (file_problem(&self.ssl_cert), file_problem(&self.ssl_key)),
        }
    }
}

fn host_problem(server: &Endpoint) -> Option<String> {
    let host = server.host.as_str();
    let sentence = if host.trim().is_empty() {
        "Name the host, or the directory of a Unix socket: localhost, /var/run/postgresql."
    } else if host.contains("://") {
        "This is a URL: paste it where a URL is asked for, or keep only its host here."
    } else if host.contains(',') {
        "A host's name has no comma."
    } else if server.is_socket() {
        let path = format!("{host}/.s.PGSQL.{}", server.port);
        if path.len() <= SOCKET_PATH_BYTES_MAX {
            return nul_problem(host);
        }
        "The path of the socket is too long for the operating system: use a shorter directory."
    } else if host.contains(char::is_whitespace) {
        "A host name has no spaces."
    } else if !is_host(host) {
        // It would be shown, and may be a piece of a password.
        "A host name has letters, digits, dots and hyphens: the user and the password have fields of their own."
    } else {
        return nul_problem(host);
    };
    Some(sentence.to_owned())
}

fn at_least_one(number: u32, sentence: &str) -> Option<String> {
    (number == 0).then(|| sentence.to_owned())
}

fn name_problem(what: &str, name: &str) -> Option<String> {
    if name.is_empty() {
        return Some(format!("Name the {what}."));
    }
    if name.len() > NAME_BYTES_MAX {
        return Some(format!("PostgreSQL's names have at most {NAME_BYTES_MAX} bytes."));
    }
    nul_problem(name)
}

fn application_name_problem(name: &str) -> Option<String> {
    let too_long = name.len() > NAME_BYTES_MAX;
    too_long
        .then(|| format!("PostgreSQL shows at most {NAME_BYTES_MAX} bytes of it: make it shorter."))
        .or_else(|| nul_problem(name))
}

fn file_problem(path: &str) -> Option<String> {
    let blank = !path.is_empty() && path.trim().is_empty();
    blank.then(|| "Name a file, or leave this empty.".to_owned()).or_else(|| nul_problem(path))
}

fn nul_problem(text: &str) -> Option<String> {
    text.contains('\0').then(|| "This holds a NUL character: type it anew.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conninfo::{SshAuth, SshTunnel};

    fn good() -> Config {
        Config { database: "shop".into(), user: "app".into(), ..Config::default() }
    }

    fn server(host: &str, port: u16) -> Endpoint {
        Endpoint { host: host.into(), port, hostaddr: String::new() }
    }

    fn tunnel(host: &str, port: u16, key: &str) -> Option<SshTunnel> {
        Some(SshTunnel {
            host: host.into(),
            port,
            user: "ann".into(),
            auth: SshAuth::Key { path: key.into() },
        })
    }

    fn fields(config: &Config) -> Vec<FieldName> {
        config.problems(&TlsFiles::default()).into_iter().map(|(field, _)| field).collect()
    }

    #[test]
    fn a_configuration_that_can_work_has_no_problem() {
        for ssl_mode in SslMode::ALL {
            let needs_ca = ssl_mode == SslMode::VerifyCa;
            let ssl_root_cert = if needs_ca { "/ca" } else { "" }.into();
            let config = Config { ssl_mode, ssl_root_cert, ..good() };
            assert_eq!(fields(&config), vec![]);
        }
        let system =
            Config { ssl_mode: SslMode::VerifyFull, ssl_root_cert: SYSTEM_ROOTS.into(), ..good() };
        assert_eq!(fields(&system), vec![]);
        let socket = Config { host: "/var/run/postgresql".into(), ..good() };
        assert_eq!(fields(&socket), vec![]);
    }

    #[test]
    fn each_field_that_cannot_work_is_named() {
        use FieldName as F;
        type Break = fn(&mut Config);
        let table: [(Break, &[F]); 28] = [
            (|config| config.host = "u:pw@h".into(), &[F::Host]),
            (|config| config.fallbacks = vec![server("b", 0), server("", 1)], &[F::Host, F::Port]),
            (|config| config.ssh = tunnel("", 22, "/k"), &[F::SshHost]),
            (|config| config.ssh = tunnel("a@b", 22, "/k"), &[F::SshHost]),
            (|config| config.ssh = tunnel("h", 0, "/k"), &[F::SshPort]),
            (|config| config.ssh = tunnel("h", 22, " "), &[F::SshKey]),
            (|config| config.pool_size = 1001, &[F::PoolSize]),
            (|config| config.passfile = " ".into(), &[F::Passfile]),
            (|config| config.connect_timeout_s = u32::MAX, &[F::ConnectTimeout]),
            (|config| config.host = " ".into(), &[F::Host]),
            (|config| config.host = "a b".into(), &[F::Host]),
            (|config| config.host = "a,b".into(), &[F::Host]),
            (|config| config.host = "postgres://a".into(), &[F::Host]),
            (|config| config.host = format!("/{}", "d".repeat(90)), &[F::Host]),
            (|config| config.port = 0, &[F::Port]),
            (|config| config.database.clear(), &[F::Database]),
            (|config| config.database = "é".repeat(32), &[F::Database]),
            (|config| config.user.clear(), &[F::User]),
            (|config| config.user = "a\0b".into(), &[F::User]),
            (|config| config.ssl_root_cert = " ".into(), &[F::SslRootCert]),
            (|config| config.ssl_cert = "/c".into(), &[F::SslKey]),
            (|config| config.ssl_key = "/k".into(), &[F::SslCert]),
            (|config| config.statement_timeout_ms = u32::MAX, &[F::StatementTimeout]),
            (|config| config.pool_size = 0, &[F::PoolSize]),
            (|config| config.pool_timeout_s = 0, &[F::PoolTimeout]),
            (|config| config.application_name = "é".repeat(32), &[F::ApplicationName]),
            (|config| config.options = "\0".into(), &[F::Options]),
            (|config| (config.port, config.user) = (0, String::new()), &[F::Port, F::User]),
        ];
        for (breaks, expected) in table {
            let mut config = good();
            breaks(&mut config);
            assert_eq!(fields(&config), expected, "{config:?}");
        }
    }

    #[test]
    fn without_a_ca_of_one_s_own_only_the_host_s_name_tells_who_is_at_the_other_end() {
        for (ssl_mode, ssl_root_cert) in [
            (SslMode::VerifyCa, ""),
            (SslMode::VerifyCa, SYSTEM_ROOTS),
            (SslMode::Require, SYSTEM_ROOTS),
            (SslMode::Prefer, SYSTEM_ROOTS),
        ] {
            let config = Config { ssl_mode, ssl_root_cert: ssl_root_cert.into(), ..good() };
            assert_eq!(fields(&config), vec![FieldName::SslRootCert], "{config:?}");
        }
    }

    #[test]
    fn a_usual_file_is_enough_where_one_is_needed() {
        let usual = TlsFiles {
            root_cert: "/h/root.crt".into(),
            cert: "/h/postgresql.crt".into(),
            key: "/h/postgresql.key".into(),
            revoked: String::new(),
        };
        for (ssl_mode, ssl_cert, ssl_key) in [
            (SslMode::VerifyCa, "", ""),
            (SslMode::Prefer, "/c", ""),
            (SslMode::Prefer, "", "/k"),
            (SslMode::Disable, "", ""),
        ] {
            let config =
                Config { ssl_mode, ssl_cert: ssl_cert.into(), ssl_key: ssl_key.into(), ..good() };
            assert_eq!(config.problems(&usual), vec![], "{config:?}");
        }
    }

    #[test]
    fn a_client_certificate_needs_its_key_and_tls() {
        let both = Config { ssl_cert: "/c".into(), ssl_key: "/k".into(), ..good() };
        assert_eq!(fields(&both), vec![]);
        let without_tls = Config { ssl_mode: SslMode::Disable, ..both };
        assert_eq!(fields(&without_tls), vec![FieldName::SslCert]);
    }
}
