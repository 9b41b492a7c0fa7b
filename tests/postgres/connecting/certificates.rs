//! The server's certificate: each SSL mode with each certificate.

use super::{
    attempt::{attempt, on_tcp, refused},
    peer,
    server::{ServerCertificate, TestConfig, TestServer},
};
use tusk::{
    conninfo::{Config, SslMode, TlsVersions},
    failure::Category,
};

/// What a mode makes of a certificate: taken, or refused with these words.
type Verdict = Result<(), &'static str>;

/// A certificate, and the verdicts of verify-ca, of verify-full on `localhost`, and of verify-full on 127.0.0.1.
const TABLE: &[(ServerCertificate, Verdict, Verdict, Verdict)] = {
    use ServerCertificate::{
        Address, CommonName, Expired, NotYetValid, OtherAuthority, Right, SelfSigned, Version1,
        Wildcard, WrongHost,
    };
    const SELF: Verdict = Err("is not signed by a trusted authority: it is self-signed");
    const OTHER: Verdict = Err("is not signed by a trusted authority, but by “Another authority”");
    const PAST: Verdict = Err("has expired: it was valid until 2021-01-01");
    const FUTURE: Verdict = Err("is not valid yet, but from 3000-01-01 on");
    const OLD: Verdict = Err("is not signed by a trusted authority, but by “Tusk's old authority”");
    &[
        (Right, Ok(()), Ok(()), Ok(())),
        (SelfSigned, SELF, SELF, SELF),
        (OtherAuthority, OTHER, OTHER, OTHER),
        (Expired, PAST, PAST, PAST),
        (NotYetValid, FUTURE, FUTURE, FUTURE),
        (
            WrongHost,
            Ok(()),
            Err("it names elsewhere.example, not localhost"),
            Err("it names elsewhere.example, not 127.0.0.1"),
        ),
        (Address, Ok(()), Err("it names 127.0.0.1, not localhost"), Ok(())),
        (
            Wildcard,
            Ok(()),
            Err("it names *.example.com, not localhost"),
            Err("it names *.example.com, not 127.0.0.1"),
        ),
        (CommonName, Ok(()), Ok(()), Err("it names localhost, not 127.0.0.1")),
        (Version1, OLD, OLD, OLD),
    ]
};

#[test]
fn each_mode_takes_and_refuses_each_certificate_as_it_should() {
    let server = TestServer::start(TestConfig::default());
    let ca = server.ca_path().display().to_string();
    for (certificate, verify_ca, localhost, loopback) in TABLE {
        server.show_certificate(*certificate);
        let with = |ssl_mode, host: &str, ca: &str| Config {
            host: host.into(),
            ssl_root_cert: ca.into(),
            ..on_tcp(&server, ssl_mode)
        };
        for ssl_mode in [SslMode::Prefer, SslMode::Require] {
            let info = attempt(&with(ssl_mode, "127.0.0.1", ""));
            let info = info.unwrap_or_else(|failure| panic!("{certificate:?}: {failure:?}"));
            assert_eq!(info.security, "TLS 1.3", "{certificate:?} {ssl_mode:?}");
        }
        for (ssl_mode, host, verdict) in [
            (SslMode::Require, "127.0.0.1", verify_ca),
            (SslMode::VerifyCa, "127.0.0.1", verify_ca),
            (SslMode::VerifyFull, "localhost", localhost),
            (SslMode::VerifyFull, "127.0.0.1", loopback),
        ] {
            let case = (certificate, ssl_mode, host);
            match (attempt(&with(ssl_mode, host, &ca)), verdict) {
                (Ok(info), Ok(())) => assert_eq!(info.security, "TLS 1.3 verified", "{case:?}"),
                (result, Err(said)) => {
                    refused(result, Category::Ssl, said, &case);
                }
                (Err(failure), Ok(())) => panic!("{case:?} was refused: {failure:?}"),
            }
        }
    }
}

#[test]
fn a_certificate_of_x_509_version_1_is_trusted_with_its_authority() {
    let server = TestServer::start(TestConfig::default().certificate(ServerCertificate::Version1));
    let full = |host: &str| Config {
        host: host.into(),
        ssl_root_cert: server.version_1_ca_path().display().to_string(),
        ..on_tcp(&server, SslMode::VerifyFull)
    };
    let info = attempt(&full("localhost")).unwrap();
    assert_eq!(info.security, "TLS 1.3 verified");
    let other = attempt(&full("127.0.0.1"));
    refused(other, Category::Ssl, "it names localhost, not 127.0.0.1", &());
}

#[test]
fn a_ca_file_that_is_missing_empty_or_another_one_trusts_nobody() {
    let server = TestServer::shared();
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty.crt");
    std::fs::write(&empty, "no certificate\n").unwrap();
    let cases = [
        (server.other_ca_path().display().to_string(), "but by “Tusk test authority”"),
        ("/no/such/file".into(), "/no/such/file can't be read"),
        (empty.display().to_string(), "holds no certificate in PEM form"),
        // The system's own authorities know nothing of the tests' one, and would know anybody's.
        (String::new(), ""),
        ("system".into(), ""),
    ];
    for ssl_mode in [SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull] {
        for (ca, said) in &cases {
            let config = Config { ssl_root_cert: ca.clone(), ..on_tcp(server, ssl_mode) };
            if ca.is_empty() && ssl_mode == SslMode::Require {
                assert!(attempt(&config).is_ok());
                continue;
            }
            let said = match (ssl_mode, ca.as_str()) {
                (SslMode::VerifyCa, "") => "SSL mode verify-ca needs the file of the authority",
                (SslMode::VerifyCa, "system") => "verify-ca would take the certificate of any host",
                (SslMode::Require, "system") => "require would take the certificate of any host",
                _ => said,
            };
            refused(attempt(&config), Category::Ssl, said, &(ssl_mode, ca));
        }
    }
}

#[test]
fn the_modes_choose_between_plain_and_tls() {
    let without = TestServer::start(TestConfig::default().certificate(ServerCertificate::None));
    let rules = TestConfig::default()
        .access_rule("hostssl template1 all 127.0.0.1/32 scram-sha-256")
        .access_rule("host template1 all 127.0.0.1/32 reject");
    let insists = TestServer::start(rules);
    use SslMode::{Allow, Disable, Prefer, Require, VerifyCa, VerifyFull};
    for (ssl_mode, security) in [
        (Disable, Ok("not encrypted")),
        (Allow, Ok("not encrypted")),
        (Prefer, Ok("not encrypted")),
        (Require, Err("The server does not offer TLS.")),
        (VerifyCa, Err("The server does not offer TLS.")),
        (VerifyFull, Err("The server does not offer TLS.")),
    ] {
        let config = Config {
            ssl_root_cert: without.ca_path().display().to_string(),
            ..on_tcp(&without, ssl_mode)
        };
        match (attempt(&config), security) {
            (Ok(info), Ok(security)) => assert_eq!(info.security, security, "{ssl_mode:?}"),
            (result, Err(said)) => {
                refused(result, Category::Ssl, said, &ssl_mode);
            }
            (Err(failure), Ok(_)) => panic!("{ssl_mode:?} was refused: {failure:?}"),
        }
    }
    for (ssl_mode, security) in [
        (Disable, None),
        (Allow, Some("TLS 1.3")),
        (Prefer, Some("TLS 1.3")),
        (Require, Some("TLS 1.3")),
    ] {
        let config = Config { database: "template1".into(), ..on_tcp(&insists, ssl_mode) };
        match (attempt(&config), security) {
            (Ok(info), Some(security)) => assert_eq!(info.security, security),
            (result, None) => {
                let failure = refused(result, Category::Authentication, "no encryption", &ssl_mode);
                assert!(failure.is("28000"), "{failure:?}");
            }
            (Err(failure), Some(_)) => panic!("{ssl_mode:?} was refused: {failure:?}"),
        }
    }
}

#[test]
fn a_connection_may_want_one_version_of_tls() {
    let old = TestConfig::default().setting("ssl_max_protocol_version", "TLSv1.2");
    let new = TestConfig::default().setting("ssl_min_protocol_version", "TLSv1.3");
    let (old, new) = (TestServer::start(old), TestServer::start(new));
    use TlsVersions::{Both, Only12, Only13};
    for (server, tls_versions, security) in [
        (&old, Both, Ok("TLS 1.2")),
        (&old, Only12, Ok("TLS 1.2")),
        (&old, Only13, Err("does not speak TLS 1.3")),
        (&new, Both, Ok("TLS 1.3")),
        (&new, Only12, Err("does not speak TLS 1.2")),
        (&new, Only13, Ok("TLS 1.3")),
        (TestServer::shared(), Only12, Ok("TLS 1.2")),
        (TestServer::shared(), Only13, Ok("TLS 1.3")),
    ] {
        let config = Config { tls_versions, ..on_tcp(server, SslMode::Require) };
        match (attempt(&config), security) {
            (Ok(info), Ok(security)) => assert_eq!(info.security, security, "{tls_versions:?}"),
            (result, Err(said)) => {
                refused(result, Category::Ssl, said, &tls_versions);
            }
            (Err(failure), Ok(_)) => panic!("{tls_versions:?} was refused: {failure:?}"),
        }
    }
}

#[test]
fn a_handshake_that_fails_is_followed_by_plain_text_only_in_prefer() {
    // It says that it speaks TLS, and does not.
    let (listener, port) = peer::listen();
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 8];
            stream.read_exact(&mut request).unwrap();
            if request[4..] == 80_877_103_i32.to_be_bytes() {
                stream.write_all(b"Sthis is no TLS").unwrap();
            } else {
                let fields = b"SFATAL\0VFATAL\0C28000\0Mthis was plain text\0\0";
                stream.write_all(&peer::message(b'E', fields)).unwrap();
            }
        }
    });
    let config = |ssl_mode| Config {
        host: "127.0.0.1".into(),
        port,
        user: "u".into(),
        ssl_mode,
        ..Config::default()
    };
    let preferred = attempt(&config(SslMode::Prefer));
    let failure = refused(preferred, Category::Ssl, "TLS could not be agreed on", &());
    let detail = failure.detail.unwrap();
    assert_eq!(detail, "Without TLS the server said: this was plain text");
    let required = attempt(&config(SslMode::Require));
    let failure = refused(required, Category::Ssl, "TLS could not be agreed on", &());
    assert_eq!(failure.detail, None);
}
