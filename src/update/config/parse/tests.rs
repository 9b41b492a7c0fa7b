//! libpq's rules in tables; where Tusk differs, the name of the test says so.

use super::*;
use crate::update::config::SslMode;
use crate::update::secret::Secret;

fn defaults() -> Defaults {
    Defaults {
        user: "me".into(),
        host: "/run/pg".into(),
        port: 5433,
        database: String::new(),
    }
}

fn parse(text: &str) -> Result<Conninfo, ParseProblem> {
    Config::parse(text, &defaults())
}

/// User, password, host, port and database, as one line.
#[track_caller]
fn place(text: &str) -> String {
    let found = parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
    let password = found.password.as_ref().map_or("-", Secret::reveal);
    let Config {
        user,
        host,
        port,
        database,
        ..
    } = &found.config;
    format!("{user} {password} {host} {port} {database}")
}

#[track_caller]
fn config(text: &str) -> Config {
    parse(text)
        .unwrap_or_else(|problem| panic!("{text}: {problem}"))
        .config
}

#[test]
fn urls_are_read_as_libpq_reads_them() {
    let table = [
        ("postgres://", "me - /run/pg 5433 me"),
        ("postgresql://h", "me - h 5433 me"),
        ("  postgres://u:p@h:1/d\n", "u p h 1 d"),
        ("POSTGRES://u@h", "u - h 5433 u"),
        ("postgres://u@h:/", "u - h 5433 u"),
        ("postgres://:p@h/d", "me p h 5433 d"),
        ("postgres://u:@h/d", "u - h 5433 d"),
        (
            "postgres://u%40x:p%3A%2F%40%25@h/d%20e",
            "u@x p:/@% h 5433 d e",
        ),
        ("postgres://u:p?w@h/d", "u p?w h 5433 d"),
        ("postgres://u:p:w@h/d", "u p:w h 5433 d"),
        ("postgres://[::1]:1/d", "me - ::1 1 d"),
        ("postgres://u@[fe80::1%25eth0]/d", "u - fe80::1%eth0 5433 d"),
        ("postgres://%2Fvar%2Frun:77/d", "me - /var/run 77 d"),
        ("postgres:///d?host=/tmp&port=77", "me - /tmp 77 d"),
        (
            "postgres://h:1/d?host=i&port=2&dbname=e&user=v&password=q",
            "v q i 2 e",
        ),
        ("postgres://h/a/b", "me - h 5433 a/b"),
        ("postgres://h/d?", "me - h 5433 d"),
        ("postgres://h/d?user=x+y%20z&", "x+y z - h 5433 d"),
        ("postgres://h?port=&user=", "me - h 5433 me"),
        ("jdbc:postgresql://h/d?user=u&password=p", "u p h 5433 d"),
        ("postgresql+asyncpg://u@h/d", "u - h 5433 d"),
    ];
    for (text, expected) in table {
        assert_eq!(place(text), expected, "{text}");
    }
}

#[test]
fn an_at_sign_in_the_query_is_no_end_of_a_user_though_libpq_takes_it_for_one() {
    assert_eq!(place("postgres://h?user=a@b"), "a@b - h 5433 a@b");
}

#[test]
fn key_value_strings_are_read_as_libpq_reads_them() {
    let table = [
        ("host=h", "me - h 5433 me"),
        ("host = h port\t=  1\nuser=u", "u - h 1 u"),
        (
            r"host=h user='a\'b\\c' password='p w'",
            r"a'b\c p w h 5433 a'b\c",
        ),
        (r"host=h password=a\ b\'c dbname=d", "me a b'c h 5433 d"),
        ("host='h'port=1", "me - h 1 me"),
        ("host=h port=1 port=2", "me - h 2 me"),
        ("host=h dbname='' user=''", "me - h 5433 me"),
        // The blanks after = are skipped, whatever stands behind them.
        ("host=h dbname= user=u", "me - h 5433 user=u"),
        ("dbname=", "me - /run/pg 5433 me"),
        ("host=h port=' 1 '", "me - h 1 me"),
        ("hostaddr=::1 user=u", "u - ::1 5433 u"),
        ("hostaddr=10.0.0.1 host=10.0.0.1", "me - 10.0.0.1 5433 me"),
        ("host=h password=a=b", "me a=b h 5433 me"),
        ("host=h password=é%20", "me é%20 h 5433 me"),
        ("host=@abstract", "me - @abstract 5433 me"),
    ];
    for (text, expected) in table {
        assert_eq!(place(text), expected, "{text}");
    }
}

#[test]
fn the_short_form_is_read() {
    let table = [
        ("h", "me - h 5433 me"),
        ("h:1/d", "me - h 1 d"),
        ("u@h/d", "u - h 5433 d"),
        ("u:p@h:1", "u p h 1 u"),
        ("u:p=w@h", "u p=w h 5433 u"),
        ("h/d?sslmode=require", "me - h 5433 d"),
        ("::1", "me - ::1 5433 me"),
        ("[::1]:1/d", "me - ::1 1 d"),
        ("/var/run", "me - /var/run 5433 me"),
        ("u:p@/var/run:1/d", "u p /var/run 1 d"),
        ("/odd:name/dir", "me - /odd:name/dir 5433 me"),
    ];
    for (text, expected) in table {
        assert_eq!(place(text), expected, "{text}");
    }
}

#[test]
fn every_label_without_a_name_reads_back() {
    for text in [
        "app@localhost:5432/shop",
        "app@/run/pg:5432/shop",
        "app@[::1]:5432/shop",
    ] {
        assert_eq!(config(text).address(), text);
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    use ParseProblem as P;
    let table = [
        (" ", P::Empty),
        ("hello world", P::NotUnderstood),
        (
            "mysql://h",
            P::UnknownScheme {
                scheme: "mysql".into(),
            },
        ),
        ("postgres://h/d%zz", P::Percent),
        ("postgres://h/d%2", P::Percent),
        ("postgres://h/d%é", P::Percent),
        ("postgres://h/d%00", P::Nul),
        ("host=a\0b", P::Nul),
        ("postgres://h/d%ff", P::NotUtf8),
        ("postgres://[::1", P::Brackets),
        ("postgres://[]:1", P::Brackets),
        ("postgres://[::1]x/d", P::Brackets),
        ("postgres://u:p@ss@h/d", P::AtInHost),
        ("postgres://h1:1,h2:2/d", P::SeveralHosts),
        ("postgres://h1,h2/d", P::SeveralHosts),
        ("postgres://h1%2Ch2/d", P::SeveralHosts),
        ("host=/a,/b", P::SeveralHosts),
        ("hostaddr=::1,::2", P::SeveralHosts),
        ("host=h port=1,2", P::SeveralHosts),
        ("postgres://h:0/d", P::Port),
        ("postgres://h:65536/d", P::Port),
        ("postgres://u:pa/ss@h", P::Port),
        ("postgres://h/d?sslmode", P::MissingEquals),
        ("host=h port 1", P::MissingEquals),
        ("postgres://h/d?sslmode=prefer=x", P::ExtraEquals),
        ("host=h user='a", P::UnterminatedQuote),
        (r"host=h user='a\'", P::UnterminatedQuote),
        ("sslrootcert=system sslmode=require", P::WeakSslMode),
    ];
    for (text, expected) in table {
        assert_eq!(parse(text), Err(expected), "{text}");
    }
    assert_eq!(Config::parse("h", &Defaults::default()), Err(P::NoUser));
}

#[test]
fn an_unknown_parameter_is_named_with_the_nearest_known_one() {
    let table = [
        (
            "sslmod=require",
            "“sslmod” is not a connection parameter. Did you mean sslmode?",
        ),
        (
            "HOST=h",
            "“HOST” is not a connection parameter. Did you mean host?",
        ),
        (
            "database=d",
            "“database” is not a connection parameter. Did you mean dbname?",
        ),
        (
            "postgres://h?ssl=false",
            "“ssl” is not a connection parameter. Did you mean sslmode?",
        ),
        (
            "zzzzz=1",
            "“zzzzz” is not a connection parameter. Remove it, or look it up in libpq's documentation.",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(parse(text).unwrap_err().to_string(), expected);
    }
    // What may be the rest of a password is not repeated.
    let problem = parse("host=h password=a hunter-2=b")
        .unwrap_err()
        .to_string();
    assert!(!problem.contains("hunter"), "{problem}");
}

#[test]
fn a_value_that_asks_for_what_tusk_lacks_is_refused_and_any_other_is_accepted() {
    let accepted = [
        "target_session_attrs=any",
        "client_encoding=UTF8",
        "channel_binding=prefer",
        "gssencmode=disable",
        "keepalives=0 keepalives_idle=5 keepalives_interval=1 keepalives_count=2",
        "sslcrl=''",
        "ssl_min_protocol_version=TLSv1.2",
    ];
    for text in accepted {
        assert_eq!(parse(text), parse("port=5433"), "{text}");
    }
    let refused = [
        "target_session_attrs=read-write",
        "client_encoding=LATIN1",
        "channel_binding=require",
        "ssl_min_protocol_version=TLSv1.3",
        "service=x",
        "sslcrl=/x",
        "host=h hostaddr=::1",
    ];
    for text in refused {
        let problem = parse(text);
        assert!(
            matches!(problem, Err(ParseProblem::Unsupported { .. })),
            "{text}: {problem:?}"
        );
    }
    let bad = [
        "sslmode=Require",
        "connect_timeout=0",
        "connect_timeout=abc",
        "read_only=perhaps",
        "hostaddr=localhost",
    ];
    for text in bad {
        let problem = parse(text);
        assert!(
            matches!(problem, Err(ParseProblem::BadValue { .. })),
            "{text}: {problem:?}"
        );
    }
}

#[test]
fn each_ssl_mode_is_read_and_a_ca_makes_require_check_it() {
    for mode in SslMode::ALL {
        assert_eq!(config(&format!("sslmode={}", mode.name())).ssl_mode, mode);
    }
    let table = [
        ("host=h", SslMode::Prefer, ""),
        ("postgres://h?ssl=true", SslMode::Require, ""),
        ("sslrootcert=system", SslMode::VerifyFull, ""),
        (
            "sslrootcert=system sslmode=verify-ca",
            SslMode::VerifyCa,
            "",
        ),
        ("sslrootcert=/ca sslmode=require", SslMode::VerifyCa, "/ca"),
        (
            "sslrootcert=/ca sslmode=verify-full",
            SslMode::VerifyFull,
            "/ca",
        ),
        ("sslrootcert=/ca", SslMode::Prefer, "/ca"),
    ];
    for (text, mode, root) in table {
        let config = config(text);
        assert_eq!(
            (config.ssl_mode, config.ssl_root_cert.as_str()),
            (mode, root),
            "{text}"
        );
    }
}

#[test]
fn the_other_parameters_have_their_fields() {
    let text = "sslcert=/c sslkey=/k connect_timeout=' 3 ' application_name=a \
                fallback_application_name=f options='-c statement_timeout=5s -c geqo=off' readonly=1";
    let expected = Config {
        host: "/run/pg".into(),
        port: 5433,
        user: "me".into(),
        database: "me".into(),
        ssl_cert: "/c".into(),
        ssl_key: "/k".into(),
        connect_timeout_s: 3,
        application_name: "a".into(),
        statement_timeout_ms: 5_000,
        options: "-c geqo=off".into(),
        read_only: true,
        ..Config::default()
    };
    assert_eq!(config(text), expected);
    assert_eq!(config("fallback_application_name=f").application_name, "f");
    assert_eq!(config("host=h").application_name, "Tusk");
    assert!(!config("read_only=0").read_only);
}

#[test]
fn the_environment_fills_in_what_the_text_leaves_out() {
    let defaults = Defaults {
        database: "work".into(),
        port: 0,
        host: String::new(),
        ..defaults()
    };
    let found = Config::parse("user=u", &defaults).unwrap().config;
    assert_eq!(found.address(), "u@localhost:5432/work");
}
