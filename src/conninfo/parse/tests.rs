//! libpq's rules in tables; where Tusk differs, the name of the test says so.

use super::*;
use crate::{
    base::secret::{Secret, SecretKind},
    conninfo::{
        ChannelBinding, Keepalive, SshAuth, SshTunnel, SslMode, TargetSession, TlsVersions,
        service::{ServiceFile, services},
    },
};

fn defaults() -> Defaults {
    with([("PGHOST", "/run/pg"), ("PGPORT", "5433")])
}

fn with<const N: usize>(variables: [(&str, &str); N]) -> Defaults {
    Defaults {
        user: "me".into(),
        variables: variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        ..Defaults::default()
    }
}

fn parse(text: &str) -> Result<Conninfo, ParseProblem> {
    Config::parse(text, &defaults())
}

/// User, password, host, port and database, as one line.
#[track_caller]
fn place(text: &str) -> String {
    let found = parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
    let password = found.password().map_or("-", Secret::reveal);
    let Config { user, host, port, database, .. } = &found.config;
    format!("{user} {password} {host} {port} {database}")
}

#[track_caller]
fn config(text: &str) -> Config {
    parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}")).config
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
        ("postgres://u%40x:p%3A%2F%40%25@h/d%20e", "u@x p:/@% h 5433 d e"),
        ("postgres://u:p?w@h/d", "u p?w h 5433 d"),
        ("postgres://u:p:w@h/d", "u p:w h 5433 d"),
        ("postgres://[::1]:1/d", "me - ::1 1 d"),
        ("postgres://u@[fe80::1%25eth0]/d", "u - fe80::1%eth0 5433 d"),
        ("postgres://%2Fvar%2Frun:77/d", "me - /var/run 77 d"),
        ("postgres:///d?host=/tmp&port=77", "me - /tmp 77 d"),
        ("postgres://h:1/d?host=i&port=2&dbname=e&user=v&password=q", "v q i 2 e"),
        ("postgres://h/a/b", "me - h 5433 a/b"),
        ("postgres://h/d?", "me - h 5433 d"),
        ("postgres://h/d?user=x+y%20z&", "x+y z - h 5433 d"),
        ("postgres://h?port=&user=", "me - h 5432 me"),
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
        (r"host=h user='a\'b\\c' password='p w'", r"a'b\c p w h 5433 a'b\c"),
        (r"host=h password=a\ b\'c dbname=d", "me a b'c h 5433 d"),
        ("host='h'port=1", "me - h 1 me"),
        ("host=h port=1 port=2", "me - h 2 me"),
        ("host=h dbname='' user=''", "me - h 5433 me"),
        // The blanks after = are skipped, whatever stands behind them.
        ("host=h dbname= user=u", "me - h 5433 user=u"),
        ("dbname=", "me - /run/pg 5433 me"),
        // What is empty is the usual one, whatever the environment says.
        ("host='' port=''", "me - localhost 5432 me"),
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
    for text in ["app@localhost:5432/shop", "app@/run/pg:5432/shop", "app@[::1]:5432/shop"] {
        assert_eq!(config(text).address(), text);
    }
}

fn counts(what: &str, count: usize, hosts: usize) -> ParseProblem {
    ParseProblem::Counts { what: what.into(), count, hosts }
}

#[test]
fn several_hosts_are_read_as_libpq_reads_them() {
    let table = [
        ("postgres://u@h1:1,h2:2/d", "u@h1:1,h2:2/d"),
        // A list without ports is a list of empty ones: PGPORT is not asked.
        ("postgres://u@h1,h2/d", "u@h1:5432,h2:5432/d"),
        ("postgres://u@h1,h2:2/d", "u@h1:5432,h2:2/d"),
        ("postgres://u@[::1]:1,%2Ftmp:2/d", "u@[::1]:1,/tmp:2/d"),
        ("postgres://u@h1%2Ch2/d", "u@h1:5433,h2:5433/d"),
        ("postgres://u@h1,h2/d?port=7", "u@h1:7,h2:7/d"),
        ("postgres://u@,h2/d", "u@localhost:5432,h2:5432/d"),
        ("host=a,b port=1, user=u", "u@a:1,b:5432/u"),
        ("host=a,b user=u", "u@a:5433,b:5433/u"),
        ("u@h1:1,h2:2/d", "u@h1:1,h2:2/d"),
    ];
    for (text, expected) in table {
        assert_eq!(config(text).address(), expected, "{text}");
        // A socket's directory in a list can't be told from a database.
        if !expected.contains(",/") {
            assert_eq!(config(expected).address(), expected);
        }
    }
    let addresses =
        |text| -> Vec<String> { config(text).endpoints().map(|one| one.hostaddr).collect() };
    assert_eq!(addresses("host=a,b hostaddr=::1,10.0.0.1"), ["::1", "10.0.0.1"]);
    assert_eq!(config("host='' hostaddr=::1,::2 user=u").address(), "u@[::1]:5433,[::2]:5433/u");
}

#[test]
fn a_password_that_nobody_encoded_is_read_where_libpq_would_refuse_it() {
    let table = [
        ("postgres://u:p@ss@h/d", "u p@ss h 5433 d"),
        ("postgres://u:pa/ss@h", "u pa/ss h 5433 u"),
        ("postgres://u:p/a?s#s@h:1/d", "u p/a?s#s h 1 d"),
        ("postgres://u@corp:p@ss@h/d?sslmode=require", "u@corp p@ss h 5433 d"),
        ("u:p@ss@h:1/d", "u p@ss h 1 d"),
    ];
    for (text, expected) in table {
        assert_eq!(place(text), expected, "{text}");
    }
    for text in [
        // libpq goes to the host u.
        "postgres://u:12/ss@h/d",
        "postgres://u:/ss@h/d",
        "postgres://u:p@h/d@x",
        "u:p@/run/x@h/d",
    ] {
        assert_eq!(parse(text), Err(ParseProblem::Unclear), "{text}");
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    use ParseProblem as P;
    let table = [
        (" ", P::Empty),
        ("hello world", P::NotUnderstood),
        ("mysql://h", P::UnknownScheme { scheme: "mysql".into() }),
        ("postgres://h/d%zz", P::Percent),
        ("postgres://h/d%2", P::Percent),
        ("postgres://h/d%é", P::Percent),
        ("postgres://h/d%00", P::Nul),
        ("host=a\0b", P::Nul),
        ("postgres://h/d%ff", P::NotUtf8),
        ("postgres://[::1", P::Brackets),
        ("postgres://[]:1", P::Brackets),
        ("postgres://[::1]x/d", P::Brackets),
        ("postgres://a@b@h/d", P::AtInHost),
        ("host=h port=1,2", counts("ports", 2, 1)),
        ("postgres://h1:1,h2:2/d?port=1,2,3", counts("ports", 3, 2)),
        ("host=h hostaddr=::1,::2", counts("addresses", 2, 1)),
        ("postgres://h1,[::1", P::Brackets),
        ("postgres://h1:1,h2:x/d", P::Port),
        ("postgres://h:0/d", P::Port),
        ("postgres://h:65536/d", P::Port),
        ("postgres://u:pa/ss", P::Port),
        ("postgres://h/d?sslmode", P::MissingEquals),
        ("host=h port 1", P::MissingEquals),
        ("postgres://h/d?sslmode=prefer=x", P::ExtraEquals),
        ("host=h user='a", P::UnterminatedQuote),
        (r"host=h user='a\'", P::UnterminatedQuote),
        ("sslrootcert=system sslmode=require", P::WeakSslMode),
        ("sslrootcert=system sslmode=verify-ca", P::WeakSslMode),
        ("sslrootcert=system sslmode=disable", P::WeakSslMode),
    ];
    for (text, expected) in table {
        assert_eq!(parse(text), Err(expected), "{text}");
    }
    assert_eq!(Config::parse("h", &Defaults::default()), Err(P::NoUser));
}

#[test]
fn an_unknown_parameter_is_named_with_the_nearest_known_one() {
    let table = [
        ("sslmod=require", "“sslmod” is not a connection parameter. Did you mean sslmode?"),
        ("HOST=h", "“HOST” is not a connection parameter. Did you mean host?"),
        ("database=d", "“database” is not a connection parameter. Did you mean dbname?"),
        ("postgres://h?ssl=false", "“ssl” is not a connection parameter. Did you mean sslmode?"),
        (
            "zzzzz=1",
            "“zzzzz” is not a connection parameter. Remove it, or look it up in libpq's documentation.",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(parse(text).unwrap_err().to_string(), expected);
    }
    // What may be the rest of a password is not repeated.
    let problem = parse("host=h password=a hunter-2=b").unwrap_err().to_string();
    assert!(!problem.contains("hunter"), "{problem}");
}

#[test]
fn a_value_that_asks_for_what_tusk_lacks_is_refused_and_any_other_is_accepted() {
    let accepted = [
        "target_session_attrs=any",
        "passfile=''",
        "client_encoding=UTF8",
        "channel_binding=prefer",
        "gssencmode=disable",
        "keepalives=1 keepalives_idle=30 tcp_user_timeout=60000",
        "load_balance_hosts=disable",
        "sslcompression=0",
        "sslcompression=1",
        "krbsrvname=postgres gsslib=gssapi gssdelegation=0",
        "sslcrl=''",
        "ssl_min_protocol_version=TLSv1.1",
        "ssl_min_protocol_version=tlsv1.2 ssl_max_protocol_version=TLSv1.3",
    ];
    for text in accepted {
        assert_eq!(parse(text), parse("port=5433"), "{text}");
    }
    let refused = [
        "client_encoding=LATIN1",
        "ssl_max_protocol_version=TLSv1.1",
        "servicefile=/x",
        "sslcertmode=require",
        "sslcrl=/x",
        "ssh_key=/k",
    ];
    for text in refused {
        let problem = parse(text);
        assert!(matches!(problem, Err(ParseProblem::Unsupported { .. })), "{text}: {problem:?}");
    }
    let bad = [
        "sslmode=Require",
        "target_session_attrs=master",
        "load_balance_hosts=always",
        "ssl_min_protocol_version=1.3",
        "ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2",
        "keepalives=perhaps",
        "channel_binding=Require",
        "allow_cleartext=perhaps",
        "ssh=u:hunter2@h",
        "ssh=u@h:0",
        "ssh=h ssh_auth=key",
        "ssh=h ssh_auth=agent ssh_key=/k",
        "connect_timeout=abc",
        "read_only=perhaps",
        "hostaddr=localhost",
    ];
    for text in bad {
        let problem = parse(text);
        assert!(matches!(problem, Err(ParseProblem::BadValue { .. })), "{text}: {problem:?}");
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
        ("sslrootcert=system", SslMode::VerifyFull, "system"),
        ("sslrootcert=system sslmode=verify-full", SslMode::VerifyFull, "system"),
        ("sslmode=verify-ca", SslMode::VerifyCa, ""),
        ("sslrootcert=/ca sslmode=require", SslMode::VerifyCa, "/ca"),
        ("sslrootcert=/ca sslmode=verify-full", SslMode::VerifyFull, "/ca"),
        ("sslrootcert=/ca", SslMode::Prefer, "/ca"),
    ];
    for (text, mode, root) in table {
        let config = config(text);
        assert_eq!((config.ssl_mode, config.ssl_root_cert.as_str()), (mode, root), "{text}");
    }
}

#[test]
fn one_version_of_tls_may_be_asked_for() {
    for (text, expected) in [
        ("ssl_min_protocol_version=TLSv1.3", TlsVersions::Only13),
        ("ssl_max_protocol_version=TLSv1.2", TlsVersions::Only12),
        ("ssl_min_protocol_version=TLSv1 ssl_max_protocol_version=tlsv1.2", TlsVersions::Only12),
        ("ssl_max_protocol_version=''", TlsVersions::Both),
    ] {
        assert_eq!(config(text).tls_versions, expected, "{text}");
    }
    let problem = parse("ssl_max_protocol_version=TLSv1").unwrap_err();
    assert_eq!(
        problem.to_string(),
        "Tusk does not have ssl_max_protocol_version=TLSv1. Name TLSv1.2 or TLSv1.3: older versions are not safe, and \
         not spoken here."
    );
}

#[test]
fn the_other_parameters_have_their_fields() {
    let text = "sslcert=/c sslkey=/k connect_timeout=' 3 ' application_name=a \
                fallback_application_name=f options='-c statement_timeout=5s -c geqo=off' readonly=1 \
                load_balance_hosts=random keepalives_idle=7 tcp_user_timeout=0";
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
        shuffled: true,
        keepalive: Keepalive { idle_s: 7, user_timeout_ms: 0, ..Keepalive::default() },
        ..Config::default()
    };
    assert_eq!(config(text), expected);
    assert_eq!(config("fallback_application_name=f").application_name, "f");
    assert_eq!(config("host=h").application_name, "Tusk");
    assert!(!config("read_only=0").read_only);
}

#[test]
fn what_only_tusk_has_is_read_too() {
    let tunnel = |text: &str| config(text).ssh.unwrap();
    let expected = SshTunnel {
        host: "jump".into(),
        port: 2222,
        user: "ann".into(),
        auth: SshAuth::Key { path: "/k".into() },
    };
    assert_eq!(tunnel("ssh=ann@jump:2222 ssh_key=/k"), expected);
    let expected =
        SshTunnel { host: "::1".into(), port: 22, user: String::new(), auth: SshAuth::Password };
    assert_eq!(tunnel("ssh=[::1] ssh_auth=password"), expected);
    assert_eq!(tunnel("ssh=jump").auth, SshAuth::Agent);
    assert!(config("allow_cleartext=on").allow_cleartext);
    let found =
        parse("host=h password=one sslpassword=two ssh=j ssh_auth=password ssh_password=three")
            .unwrap();
    let secrets: Vec<_> =
        found.secrets.iter().map(|(kind, secret)| (kind, secret.reveal())).collect();
    assert_eq!(
        secrets,
        [(SecretKind::Database, "one"), (SecretKind::Ssh, "three"), (SecretKind::SslKey, "two"),]
    );
    let problem = parse("ssh=u:hunter2@h").unwrap_err().to_string();
    assert!(!problem.contains("hunter2"), "{problem}");
}

#[test]
fn no_limit_and_negative_limits_are_none() {
    for (text, seconds) in [("0", 0), ("-1", 0), ("1", 1), (" 7 ", 7)] {
        let text = format!("connect_timeout='{text}'");
        assert_eq!(config(&text).connect_timeout_s, seconds, "{text}");
    }
}

fn file(path: &str, text: &str) -> ServiceFile {
    ServiceFile { path: path.into(), services: Ok(services(text)) }
}

/// A service, and an environment that says something of everything.
fn everywhere() -> Defaults {
    Defaults {
        password: Some(Secret::new("of-env")),
        service_files: vec![
            file(
                "/home/me/.pg_service.conf",
                "[s]\nhost=service\nport=1\npassword=of-service\n[half]\nuser=half",
            ),
            file("/etc/pg_service.conf", "[s]\nhost=late\n[system]\nhost=system"),
        ],
        ..with([
            ("PGHOST", "env"),
            ("PGPORT", "2"),
            ("PGDATABASE", "env"),
            ("PGUSER", "env"),
            ("PGAPPNAME", "env"),
        ])
    }
}

#[test]
fn the_text_comes_first_then_the_service_then_the_environment() {
    let table = [
        ("dbname=text", "env of-env env 2 text"),
        ("service=s", "env of-service service 1 env"),
        ("service=s host=text password=p", "env p text 1 env"),
        ("service=half", "half of-env env 2 env"),
        ("service=system", "env of-env system 2 env"),
        ("postgres://u:p@h/d?service=s", "u p h 1 d"),
        ("service=s host=''", "env of-service localhost 1 env"),
        ("postgres:///?service=s", "env of-service service 1 env"),
    ];
    for (text, expected) in table {
        let found = Config::parse(text, &everywhere()).unwrap();
        let password = found.password().map_or("-", Secret::reveal);
        let Config { user, host, port, database, .. } = &found.config;
        assert_eq!(format!("{user} {password} {host} {port} {database}"), expected, "{text}");
    }
    let mut defaults = everywhere();
    defaults.variables.insert("PGSERVICE".into(), "system".into());
    let address =
        |text, defaults: &Defaults| Config::parse(text, defaults).unwrap().config.address();
    assert_eq!(address("dbname=d", &defaults), "env@system:2/d");
    assert_eq!(address("service=s", &defaults), "env@service:1/env");
    assert_eq!(defaults.config().address(), "env@system:2/env");
}

#[test]
fn each_variable_has_its_field() {
    let read = |variables: &[(&str, &str)]| {
        let mut defaults = with([]);
        let pairs = variables.iter();
        defaults.variables =
            pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Config::parse("host=h", &defaults).unwrap().config
    };
    let expected = Config {
        host: "h".into(),
        hostaddr: "10.0.0.1".into(),
        user: "me".into(),
        database: "me".into(),
        ssl_mode: SslMode::VerifyFull,
        ssl_root_cert: "/ca".into(),
        ssl_cert: "/c".into(),
        ssl_key: "/k".into(),
        channel_binding: ChannelBinding::Require,
        target_session: TargetSession::Standby,
        shuffled: true,
        connect_timeout_s: 4,
        application_name: "app".into(),
        options: r"-c geqo=off -c datestyle=ISO,\ YMD -c timezone=Asia/Tokyo".into(),
        ..Config::default()
    };
    let found = read(&[
        ("PGHOSTADDR", "10.0.0.1"),
        ("PGSSLMODE", "verify-full"),
        ("PGSSLROOTCERT", "/ca"),
        ("PGSSLCERT", "/c"),
        ("PGSSLKEY", "/k"),
        ("PGCHANNELBINDING", "require"),
        ("PGTARGETSESSIONATTRS", "standby"),
        ("PGLOADBALANCEHOSTS", "random"),
        ("PGCONNECT_TIMEOUT", "4"),
        ("PGAPPNAME", "app"),
        ("PGOPTIONS", "-c geqo=off"),
        ("PGDATESTYLE", "ISO, YMD"),
        ("PGTZ", "Asia/Tokyo"),
        ("PGGEQO", "default"),
    ]);
    assert_eq!(found, expected);
    assert_eq!(read(&[("PGREQUIRESSL", "1")]).ssl_mode, SslMode::Require);
    let both = read(&[("PGREQUIRESSL", "1"), ("PGSSLMODE", "disable")]);
    assert_eq!(both.ssl_mode, SslMode::Disable);
    assert_eq!(read(&[("PGPORT", "")]).port, 5432);
}

#[test]
fn what_is_wrong_elsewhere_is_told_with_its_place() {
    let table = [
        (
            with([("PGPORT", "many")]),
            "host=h",
            "PGPORT: The port must be a number from 1 to 65535. If it is part of a password, write : / @ there as %3A %2F %40.",
        ),
        (
            with([("PGSSLMODE", "must")]),
            "host=h",
            "PGSSLMODE: sslmode cannot be “must”. It is one of disable, allow, prefer, require, verify-ca, verify-full.",
        ),
        (
            with([("PGDATABASE", "postgres://u:hunter2@h/d")]),
            "host=h",
            "PGDATABASE: This can't be read with certainty. Write postgres://user:password@host:5432/database, with @ : / ? # % in a user name or a password as %40 %3A %2F %3F %23 %25.",
        ),
        (
            with([("PGSSLCRL", "/crl")]),
            "host=h",
            "PGSSLCRL: Tusk does not have sslcrl=/crl. Leave it out: Tusk does not read revocation lists.",
        ),
        (
            Defaults { service_files: vec![file("/f", "[s]\nconnect_timeout=soon")], ..with([]) },
            "service=s",
            "Service “s” in /f: connect_timeout cannot be “soon”. It is a number of seconds; 0 sets no limit.",
        ),
        (
            Defaults { service_files: vec![file("/f", "[s]\nport")], ..with([]) },
            "service=s",
            "Line 2 of /f: A parameter has no value. Write name=value.",
        ),
        (
            Defaults { service_files: vec![file("/f", "[s]")], ..with([("PGSERVICE", "t")]) },
            "host=h",
            "There is no service “t”. Look into /f.",
        ),
        (
            Defaults {
                service_files: vec![ServiceFile {
                    path: "/f".into(),
                    services: Err("permission denied".into()),
                }],
                ..with([])
            },
            "service=s",
            "The service file /f can't be read: permission denied. Name another one in PGSERVICEFILE.",
        ),
    ];
    for (defaults, text, expected) in table {
        let problem = Config::parse(text, &defaults).unwrap_err();
        assert_eq!(problem.to_string(), expected);
        assert_eq!(defaults.config().user, "me");
    }
    // A value of the text hides one that can't be.
    let bad = with([("PGPORT", "many")]);
    assert_eq!(Config::parse("port=1", &bad).unwrap().config.port, 1);
}

#[test]
fn advice_shows_the_example_that_a_story_repeats() {
    for problem in [ParseProblem::Unclear, ParseProblem::TooLong] {
        assert!(problem.to_string().contains(EXAMPLE), "{problem}");
    }
}
