//! How a user logs in: what is sent, and what never is.

use std::sync::OnceLock;

use super::{
    attempt::{attempt, attempt_with, on_tcp, refused},
    peer,
    server::{PASSWORD, TestConfig, TestServer},
};
use tusk::{
    base::secret::SecretKind,
    conninfo::{ChannelBinding, Config, SslMode},
    failure::Category,
};

/// A server with a database for each method.
fn server() -> &'static TestServer {
    static SERVER: OnceLock<TestServer> = OnceLock::new();
    SERVER.get_or_init(|| {
        let mut rules = TestConfig::default().access_rule("local cleartext all password");
        for (database, method) in [("cleartext", "password"), ("md5", "md5"), ("trusted", "trust")]
        {
            rules = rules.access_rule(&format!("host {database} all 127.0.0.1/32 {method}"));
        }
        let server = TestServer::start(rules);
        for database in ["cleartext", "md5", "trusted", "scram"] {
            server.psql("postgres", &format!("create database {database}"));
        }
        server.psql(
            "postgres",
            &format!("set password_encryption = md5; create role old login password '{PASSWORD}'"),
        );
        server
    })
}

fn config(database: &str, ssl_mode: SslMode) -> Config {
    let user = if database == "md5" { "old" } else { "app" };
    Config { database: database.into(), user: user.into(), ..on_tcp(server(), ssl_mode) }
}

#[test]
fn each_method_works_where_it_may() {
    use SslMode::{Disable, Require};
    for (database, ssl_mode, security) in [
        ("cleartext", Require, "TLS 1.3"),
        ("md5", Disable, "not encrypted"),
        ("md5", Require, "TLS 1.3"),
        ("scram", Disable, "not encrypted"),
        ("scram", Require, "TLS 1.3"),
        ("trusted", Disable, "not encrypted"),
    ] {
        let case = (database, ssl_mode);
        let info = attempt(&config(database, ssl_mode));
        let info = info.unwrap_or_else(|failure| panic!("{case:?}: {failure:?}"));
        assert_eq!(info.security, security, "{case:?}");
        if database == "trusted" {
            continue;
        }
        let wrong = [(SecretKind::Database, "wrong")];
        let wrong = attempt_with(&config(database, ssl_mode), &wrong);
        let said = "password authentication failed";
        let failure = refused(wrong, Category::Authentication, said, &case);
        assert!(failure.is("28P01"), "{failure:?}");
        let none = attempt_with(&config(database, ssl_mode), &[]);
        let failure = refused(none, Category::Authentication, "password required", &case);
        assert!(failure.is("28P01"), "{failure:?}");
    }
}

#[test]
fn a_password_goes_out_in_the_clear_only_where_the_user_allows_it_or_nobody_listens() {
    for ssl_mode in [SslMode::Disable, SslMode::Allow] {
        let closed = config("cleartext", ssl_mode);
        let said =
            "wants the password in the clear, and the link is not encrypted: nothing was sent";
        let failure = refused(attempt(&closed), Category::Authentication, said, &ssl_mode);
        let advice = failure.next_step.unwrap();
        assert!(advice.contains("Use TLS") && advice.contains("allow passwords in the clear"));
        let allowed = Config { allow_cleartext: true, ..closed };
        let info = attempt(&allowed).unwrap();
        assert_eq!(info.security, "not encrypted, password in the clear");
    }
    let socket = Config {
        host: server().socket_dir().display().to_string(),
        ..config("cleartext", SslMode::Prefer)
    };
    assert_eq!(attempt(&socket).unwrap().security, "Unix socket");
    let wrong = attempt_with(&socket, &[(SecretKind::Database, "wrong")]);
    assert!(wrong.unwrap_err().is("28P01"));
}

#[test]
fn no_byte_of_the_password_leaves_before_the_refusal() {
    let asks_for_cleartext = peer::authentication(3, b"");
    for (allow_cleartext, heard_password) in [(false, false), (true, true)] {
        let (port, heard) = peer::says(asks_for_cleartext.clone());
        let config = Config {
            host: "127.0.0.1".into(),
            port,
            user: "app".into(),
            ssl_mode: SslMode::Disable,
            connect_timeout_s: 1,
            allow_cleartext,
            ..Config::default()
        };
        assert!(attempt(&config).is_err());
        let heard = heard.join().unwrap();
        let password = PASSWORD.as_bytes();
        let leaked = heard.windows(password.len()).any(|part| part == password);
        assert_eq!(leaked, heard_password, "{heard:?}");
        if !allow_cleartext {
            assert_eq!(heard, b"", "nothing at all is answered");
        }
    }
}

#[test]
fn required_channel_binding_takes_scram_inside_tls_and_nothing_else() {
    let bound = |database, ssl_mode| Config {
        channel_binding: ChannelBinding::Require,
        allow_cleartext: true,
        ..config(database, ssl_mode)
    };
    let info = attempt(&bound("scram", SslMode::Require)).unwrap();
    assert_eq!(info.security, "TLS 1.3, channel binding");
    for (database, ssl_mode, said) in [
        ("scram", SslMode::Disable, "has no TLS on this link"),
        ("trusted", SslMode::Require, "let the user in without it"),
        ("cleartext", SslMode::Require, "asked for the password in the clear"),
        ("md5", SslMode::Require, "asked for an MD5 password"),
    ] {
        let result = attempt(&bound(database, ssl_mode));
        let case = (database, ssl_mode);
        let said = format!("requires channel binding, but the server {said}");
        refused(result, Category::Authentication, &said, &case);
    }
    let disabled =
        Config { channel_binding: ChannelBinding::Disable, ..config("scram", SslMode::Require) };
    assert_eq!(attempt(&disabled).unwrap().security, "TLS 1.3");
}

#[test]
fn the_password_is_bound_to_the_link_unless_that_is_switched_off() {
    let both = b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0";
    for (channel_binding, chosen, header) in [
        (ChannelBinding::Prefer, "SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,"),
        (ChannelBinding::Require, "SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,"),
        (ChannelBinding::Disable, "SCRAM-SHA-256", "n,,"),
    ] {
        let (port, heard) = peer::says_in_tls(peer::authentication(10, both));
        let config = Config {
            host: "127.0.0.1".into(),
            port,
            user: "app".into(),
            ssl_mode: SslMode::Require,
            channel_binding,
            connect_timeout_s: 5,
            ..Config::default()
        };
        assert!(attempt(&config).is_err());
        let heard = heard.join().unwrap();
        let expected = [b"p", chosen.as_bytes(), b"\0"].concat();
        assert!(heard.starts_with(&expected), "{channel_binding:?}");
        let message = String::from_utf8_lossy(&heard[expected.len() + 4..]).into_owned();
        assert!(message.starts_with(header), "{channel_binding:?}: {message}");
    }
}

#[test]
fn a_method_that_tusk_does_not_speak_is_named() {
    for (request, name) in [
        (peer::authentication(7, b""), "GSSAPI"),
        (peer::authentication(10, b"OAUTHBEARER\0\0"), "OAUTHBEARER"),
    ] {
        let (port, heard) = peer::says(request);
        let config = Config {
            host: "127.0.0.1".into(),
            port,
            user: "app".into(),
            ssl_mode: SslMode::Disable,
            ..Config::default()
        };
        let said = format!("log in by {name}, which Tusk does not speak");
        refused(attempt(&config), Category::Authentication, &said, &name);
        assert_eq!(heard.join().unwrap(), b"");
    }
}
