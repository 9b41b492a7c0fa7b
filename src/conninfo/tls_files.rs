//! libpq's usual files for TLS, used if a configuration names none: `root.crt`, `postgresql.crt` and `postgresql.key`
//! in the user's `.postgresql`. An effect checks whether they exist.

use serde::{Deserialize, Serialize};

use super::{Config, SslMode};

/// The paths of the usual files; empty for one that does not exist.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TlsFiles {
    /// The CAs to trust.
    pub root_cert: String,
    /// The client's certificate.
    pub cert: String,
    /// The client's key.
    pub key: String,
    /// A list of revoked certificates, which Tusk does not read.
    pub revoked: String,
}

impl Config {
    /// The configuration, completed with the usual files. A CA file makes `require` check the server's certificate, as
    /// in libpq; the weaker modes check none.
    pub fn with_usual_files(mut self, usual: &TlsFiles) -> Self {
        if self.ssl_mode == SslMode::Disable {
            return self;
        }
        if self.ssl_root_cert.is_empty() && self.ssl_mode >= SslMode::Require {
            self.ssl_root_cert.clone_from(&usual.root_cert);
        }
        if self.ssl_cert.is_empty() {
            self.ssl_cert.clone_from(&usual.cert);
        }
        if self.ssl_key.is_empty() && !self.ssl_cert.is_empty() {
            self.ssl_key.clone_from(&usual.key);
        }
        self
    }

    /// A sentence that names the usual files in use, if any are.
    pub fn usual_files_used(&self, usual: &TlsFiles) -> Option<String> {
        let whole = self.clone().with_usual_files(usual);
        let used: Vec<&str> = [
            (&self.ssl_root_cert, &whole.ssl_root_cert),
            (&self.ssl_cert, &whole.ssl_cert),
            (&self.ssl_key, &whole.ssl_key),
        ]
        .into_iter()
        .filter(|(named, used)| named != used)
        .map(|(_, used)| used.as_str())
        .collect();
        match used.as_slice() {
            [] => None,
            [only] => Some(format!(
                "The connection names no other file, so that {only} is used, as by psql."
            )),
            several => Some(format!(
                "The connection names no other files, so that {} are used, as by psql.",
                several.join(", ")
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> TlsFiles {
        TlsFiles {
            root_cert: "/h/root.crt".into(),
            cert: "/h/postgresql.crt".into(),
            key: "/h/postgresql.key".into(),
            revoked: String::new(),
        }
    }

    fn named(ssl_mode: SslMode, root: &str, cert: &str, key: &str) -> Config {
        Config {
            ssl_mode,
            ssl_root_cert: root.into(),
            ssl_cert: cert.into(),
            ssl_key: key.into(),
            ..Config::default()
        }
    }

    #[test]
    fn the_usual_files_stand_in_for_those_that_nobody_named() {
        use SslMode::{Allow, Disable, Prefer, Require, VerifyCa, VerifyFull};
        const ALL: [&str; 3] = ["/h/root.crt", "/h/postgresql.crt", "/h/postgresql.key"];
        let own = ["", ALL[1], ALL[2]];
        let table = [
            (named(Disable, "", "", ""), ["", "", ""]),
            (named(Allow, "", "", ""), own),
            (named(Prefer, "", "", ""), own),
            (named(Require, "", "", ""), ALL),
            (named(VerifyCa, "", "", ""), ALL),
            (named(VerifyFull, "", "", ""), ALL),
            (named(VerifyFull, "system", "", ""), ["system", ALL[1], ALL[2]]),
            (named(Require, "/ca", "/c", "/k"), ["/ca", "/c", "/k"]),
            (named(Require, "", "/c", ""), [ALL[0], "/c", ALL[2]]),
            (named(Require, "", "", "/k"), [ALL[0], ALL[1], "/k"]),
        ];
        for (config, expected) in table {
            let whole = config.clone().with_usual_files(&usual());
            let files = [&whole.ssl_root_cert, &whole.ssl_cert, &whole.ssl_key];
            assert_eq!(files, expected, "{config:?}");
            assert_eq!(config.clone().with_usual_files(&TlsFiles::default()), config);
        }
    }

    #[test]
    fn a_sentence_names_the_usual_files_that_are_used() {
        let said = |config: Config| config.usual_files_used(&usual());
        assert_eq!(said(named(SslMode::Require, "/ca", "/c", "/k")), None);
        assert_eq!(
            said(named(SslMode::Require, "", "/c", "/k")).unwrap(),
            "The connection names no other file, so that /h/root.crt is used, as by psql."
        );
        assert_eq!(
            said(named(SslMode::Prefer, "", "", "")).unwrap(),
            "The connection names no other files, so that /h/postgresql.crt, /h/postgresql.key are used, as by psql."
        );
    }
}
