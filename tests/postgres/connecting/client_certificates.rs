//! The client's own certificate and its key, with a server that lets nobody in without.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::OnceLock;

use super::{
    attempt::{attempt_with, on_tcp, refused},
    server::{PASSPHRASE, PASSWORD, TestConfig, TestServer, USER},
};
use tusk::{
    base::secret::SecretKind,
    conninfo::{Config, SslMode},
    failure::Category,
};

/// A server whose database `postgres` takes certificates alone, and whose `template1` takes plain text too.
fn server() -> &'static TestServer {
    static SERVER: OnceLock<TestServer> = OnceLock::new();
    SERVER.get_or_init(|| {
        let rules = TestConfig::default()
            .access_rule("hostssl postgres all 127.0.0.1/32 cert")
            .access_rule("host postgres all 127.0.0.1/32 reject");
        TestServer::start(rules)
    })
}

/// With the certificate and the key of this name.
fn named(name: &str, ssl_mode: SslMode) -> Config {
    let (certificate, key) = server().client_certificate(name);
    Config {
        ssl_cert: certificate.display().to_string(),
        ssl_key: key.display().to_string(),
        ..on_tcp(server(), ssl_mode)
    }
}

#[test]
fn the_right_certificate_needs_no_password() {
    for ssl_mode in [SslMode::Allow, SslMode::Prefer, SslMode::Require] {
        let info = attempt_with(&named(USER, ssl_mode), &[]).unwrap();
        assert_eq!((info.security.as_str(), info.user.as_str()), ("TLS 1.3", USER));
    }
}

#[test]
fn an_encrypted_key_is_opened_with_its_passphrase_and_else_asks_for_it() {
    let config = named("app-encrypted", SslMode::Require);
    let passphrase = [(SecretKind::SslKey, PASSPHRASE)];
    assert!(attempt_with(&config, &passphrase).is_ok());
    for (known, said) in [
        (vec![], "is encrypted, and its passphrase is not known"),
        (vec![(SecretKind::SslKey, "open barley")], "The passphrase does not open the key file"),
    ] {
        let result = attempt_with(&config, &known);
        let failure = refused(result, Category::Ssl, said, &known);
        assert!(failure.wants_secret(SecretKind::SslKey), "{failure:?}");
        let printed = format!("{failure:?}");
        assert!(!printed.contains("open barley"), "{printed}");
    }
}

#[test]
fn what_the_server_has_against_a_certificate_is_told() {
    let missing = attempt_with(&on_tcp(server(), SslMode::Require), &[]);
    let said = "connection requires a valid client certificate";
    let failure = refused(missing, Category::Authentication, said, &());
    assert!(failure.is("28000"), "{failure:?}");
    let stranger = attempt_with(&named("stranger", SslMode::Require), &[]);
    let said = "certificate authentication failed for user \"app\"";
    refused(stranger, Category::Authentication, said, &());
    // The server says it in an alert after the handshake, which a reset may overtake.
    for name in ["app-other", "app-expired"] {
        let result = attempt_with(&named(name, SslMode::Require), &[]);
        let said = "not accept the client certificate";
        refused(result, Category::Ssl, said, &name);
    }
}

#[test]
fn a_key_that_others_may_read_is_not_used() {
    let directory = tempfile::tempdir().unwrap();
    let (_, key) = server().client_certificate(USER);
    let copy = directory.path().join("client.key");
    fs::copy(key, &copy).unwrap();
    let config = Config { ssl_key: copy.display().to_string(), ..named(USER, SslMode::Require) };
    for (mode, taken) in [(0o600, true), (0o604, false), (0o660, false), (0o644, false)] {
        fs::set_permissions(&copy, fs::Permissions::from_mode(mode)).unwrap();
        let result = attempt_with(&config, &[]);
        if taken {
            assert!(result.is_ok(), "{mode:o}: {result:?}");
        } else {
            let said = "can be read by others, so it is not used";
            refused(result, Category::Ssl, said, &format!("{mode:o}"));
        }
    }
}

#[test]
fn files_that_do_not_go_together_are_told() {
    let (certificate, key) = server().client_certificate(USER);
    let (_, other_key) = server().client_certificate("stranger");
    let path = |path: &std::path::Path| path.display().to_string();
    for (ssl_cert, ssl_key, said) in [
        (path(&certificate), path(&other_key), "does not belong to"),
        (path(&certificate), "/no/such.key".into(), "The key file /no/such.key can't be read"),
        (path(&certificate), path(&certificate), "holds no private key in PEM form"),
        (path(&certificate), String::new(), "no key for it"),
        ("/no/such.crt".into(), path(&key), "The certificate file /no/such.crt can't be read"),
        (path(&key), path(&key), "holds no certificate in PEM form"),
    ] {
        let config = Config { ssl_cert, ssl_key, ..on_tcp(server(), SslMode::Require) };
        refused(attempt_with(&config, &[]), Category::Ssl, said, &config);
    }
}

#[test]
fn with_prefer_a_key_that_can_t_be_used_leaves_plain_text_as_libpq_does() {
    let plain = Config { database: "template1".into(), ..named("app-encrypted", SslMode::Prefer) };
    let info = attempt_with(&plain, &[(SecretKind::Database, PASSWORD)]).unwrap();
    assert_eq!(info.security, "not encrypted");
    // Where plain text is refused, the key is what matters.
    let only_tls = named("app-encrypted", SslMode::Prefer);
    let result = attempt_with(&only_tls, &[(SecretKind::Database, PASSWORD)]);
    let failure = refused(result, Category::Ssl, "its passphrase is not known", &());
    assert!(failure.wants_secret(SecretKind::SslKey), "{failure:?}");
    assert!(failure.detail.unwrap().contains("pg_hba.conf rejects"));
}
