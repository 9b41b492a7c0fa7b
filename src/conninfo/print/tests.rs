//! Labels, URLs and masks in tables.

use super::*;
use crate::{base::secret::Secrets, conninfo::Keepalive};

fn shop() -> Config {
    Config { user: "app".into(), database: "shop".into(), ..Config::default() }
}

#[test]
fn a_label_is_the_name_or_the_address() {
    assert_eq!(shop().label(), "app@localhost:5432/shop");
    assert_eq!(Config { name: " prod ".into(), ..shop() }.label(), "prod");
    assert_eq!(Config { name: " ".into(), ..shop() }.label(), "app@localhost:5432/shop");
    let socket = Config { host: "/run/pg".into(), ..shop() };
    assert_eq!(socket.label(), "app@/run/pg:5432/shop");
    assert_eq!(Config { host: "::1".into(), ..shop() }.label(), "app@[::1]:5432/shop");
}

#[test]
fn a_url_is_what_libpq_reads() {
    let full = Config {
        host: "/run/pg".into(),
        user: "a@b".into(),
        ssl_mode: SslMode::VerifyFull,
        statement_timeout_ms: 5,
        read_only: true,
        ..shop()
    };
    assert_eq!(
        full.url(),
        "postgres://a%40b@%2Frun%2Fpg:5432/shop?sslmode=verify-full\
         &options=-c%20statement_timeout%3D5%20-c%20default_transaction_read_only%3Don"
    );
    assert_eq!(shop().url(), "postgres://app@localhost:5432/shop");
}

/// Several servers, the tunnel, and what only Tusk has.
fn newer(odd: &str) -> Vec<Config> {
    vec![
        Config {
            host: "::1".into(),
            port: 1,
            fallbacks: vec![
                Endpoint { host: "/run/pg 1".into(), port: 2, hostaddr: String::new() },
                Endpoint { host: "db".into(), port: 3, hostaddr: "fe80::1%eth0".into() },
            ],
            target_session: TargetSession::PreferStandby,
            shuffled: true,
            tls_versions: TlsVersions::Only13,
            keepalive: Keepalive {
                idle_s: 1,
                interval_s: 2,
                count: 0,
                user_timeout_ms: 3,
                on: true,
            },
            ..shop()
        },
        Config {
            hostaddr: "10.0.0.1".into(),
            tls_versions: TlsVersions::Only12,
            passfile: odd.to_owned(),
            channel_binding: ChannelBinding::Require,
            allow_cleartext: true,
            connect_timeout_s: 0,
            keepalive: Keepalive { on: false, user_timeout_ms: 0, ..Keepalive::default() },
            ..shop()
        },
        tunnelled("::1", "", SshAuth::Agent),
        tunnelled("jump", "ann@home", SshAuth::Password),
        tunnelled("jump", "ann", SshAuth::Key { path: odd.to_owned() }),
    ]
}

fn tunnelled(host: &str, user: &str, auth: SshAuth) -> Config {
    Config {
        ssh: Some(SshTunnel { host: host.into(), port: 2222, user: user.into(), auth }),
        ..shop()
    }
}

#[test]
fn a_url_reads_back_as_the_same_configuration() {
    let odd = "a b/c?d&e=f%20'é\\@:[]".to_owned();
    let mut table = vec![
        shop(),
        Config { host: "/run/pg 1".into(), ..shop() },
        Config { host: "@abstract".into(), ..shop() },
        Config { host: "fe80::1%eth0".into(), ..shop() },
        Config {
            user: odd.clone(),
            database: odd.clone(),
            application_name: odd.clone(),
            ..shop()
        },
        Config {
            ssl_cert: odd.clone(),
            ssl_key: odd.clone(),
            ssl_root_cert: odd.clone(),
            ..shop()
        },
        Config { ssl_mode: SslMode::VerifyFull, ssl_root_cert: "system".into(), ..shop() },
        Config { options: r"-c search_path=a,\ b".into(), read_only: true, ..shop() },
        Config {
            connect_timeout_s: 3,
            statement_timeout_ms: 2_147_483_647,
            port: 65_535,
            ..shop()
        },
    ];
    table.extend(newer(&odd));
    table.extend(SslMode::ALL.map(|ssl_mode| Config { ssl_mode, ..shop() }));
    for config in table {
        let url = config.url();
        let read = Config::parse(&url, &Defaults::default());
        assert_eq!(read, Ok(Conninfo { config, secrets: Secrets::default() }), "{url}");
    }
}

#[test]
fn a_typed_text_is_shown_without_its_password() {
    let table = [
        ("postgres://u:hunter2@h:5432/d", "postgres://u:***@h:5432/d"),
        ("postgres://u:hun/t@er?2@h/d", "postgres://u:***@h/d"),
        ("postgres://h:1/d?user=u&pas(sword=Zy%60%@E6%BC%A2Zy", "***"),
        ("postgres://u:hunter2@h%zz/d", "***"),
        (
            "postgres://u:hunter2@%2Frun:5432,[::1]:5433/d",
            "postgres://u:***@%2Frun:5432,[::1]:5433/d",
        ),
        ("postgres://u@server:hunter2@h/d", "postgres://u@server:***@h/d"),
        ("postgres://u:@h/d", "postgres://u:@h/d"),
        ("postgres://u@h:5432/d", "postgres://u@h:5432/d"),
        ("postgres://u@[::1]:5432/d", "postgres://u@[::1]:5432/d"),
        ("postgres://[::1]:5432/d", "postgres://[::1]:5432/d"),
        ("postgres://h:5432/d?user=a@b", "postgres://h:5432/d?user=a@b"),
        ("postgres:///d?password=hunter2&user=u", "postgres:///d?password=***&user=u"),
        ("postgres:///d?user=u&pass%77ord=hunt&er", "***"),
        ("postgres:///d?sslpassword=hunter2", "postgres:///d?sslpassword=***"),
        (
            "postgres:///d?ssh=u:hunter2@h&ssh_password=hunter2",
            "postgres:///d?ssh=***&ssh_password=***",
        ),
        ("postgres:///d?ssh=u%3Ahunter2@h:22", "postgres:///d?ssh=***"),
        ("postgres:///d?ssh=u@h:22", "postgres:///d?ssh=u@h:22"),
        ("ssh=u:hunter2@h user=u", "ssh=*** user=u"),
        ("ssh=u@h:22 ssh_key=k", "ssh=u@h:22 ssh_key=k"),
        ("postgres://h1:5432,h2:5433/d", "postgres://h1:5432,h2:5433/d"),
        ("postgres://u:hunter2@h1:5432,h2:5433/d", "postgres://u:***@h1:5432,h2:5433/d"),
        ("u:hunter2@h", "u:***@h"),
        ("u:hun=ter2@h", "u:***@h"),
        ("u:hunter2://@h", "***"),
        ("h:5432/d", "h:5432/d"),
        ("h/d", "h/d"),
        ("host=h password=hunter2 user=u", "host=h password=*** user=u"),
        ("password = 'hun\\'t er2' user=u", "password = *** user=u"),
        ("password=hun\\ ter2", "password=***"),
        ("password=hun ter2 user=u", "password=*** *** user=u"),
        ("password= user=u", "password= ***"),
        ("", ""),
    ];
    for (text, expected) in table {
        assert_eq!(Conninfo::masked(text), expected, "{text}");
    }
}

#[test]
fn no_moment_of_typing_shows_the_password() {
    for text in [
        "postgres://u:73519@h/d",
        "postgres://u:hunter2@h/d",
        "u:7hunter@h",
        "postgres://h/d?password=hunter2",
        "host=h password='hunter2'",
        "host=h password = hunter2",
    ] {
        let start = text.find("73519").or_else(|| text.find("hunter")).unwrap();
        for end in start + 2..=text.len() {
            let shown = Conninfo::masked(&text[..end]);
            assert!(!shown.contains(&text[start..start + 2]), "{} → {shown}", &text[..end]);
        }
    }
}
