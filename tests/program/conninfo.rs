//! What a connection is made of, beside libpq itself: the same text, variables, service files and password file given
//! to psql and to Tusk, on a real server, and the two asked who they are and where.

use crate::support::{program, server};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use program::said;
use server::{PASSWORD, TestServer, USER};

/// Every way to say what to connect to. `@PORT@`, `@SOCKET@`, `@DATABASE@`, `@PASSWORD@`, `@HOME@`, and the paths of the
/// server's authority `@CA@`, of another one `@OTHER_CA@`, and of a client's `@CERT@` and `@KEY@` are filled in.
#[derive(Default)]
struct Case {
    text: &'static str,
    variables: &'static [(&'static str, &'static str)],
    services: &'static str,
    system_services: &'static str,
    passwords: &'static str,
    /// Files of `.postgresql`, by their names, and whose copies they are.
    tls_files: &'static [(&'static str, &'static str)],
    /// The mode of the password file, and of the client's key; 0600 where it is 0.
    mode: u32,
}

const QUESTION: &str = "select current_user as who, current_database() as database, \
    host(inet_server_addr()) as address, inet_server_port() as port, \
    replace(replace(current_setting('application_name'), 'psql', '-'), 'Tusk', '-') as application, \
    current_setting('statement_timeout') as timeout, \
    current_setting('default_transaction_read_only') as read_only, \
    current_setting('datestyle') as datestyle, current_setting('TimeZone') as zone, \
    current_setting('geqo') as geqo, \
    (select ssl from pg_stat_ssl where pid = pg_backend_pid()) as encrypted, \
    (select version from pg_stat_ssl where pid = pg_backend_pid()) as tls, \
    (select client_dn from pg_stat_ssl where pid = pg_backend_pid()) as client";

/// A directory with a case's files, and the case's words with their places filled in.
struct Laid {
    home: tempfile::TempDir,
    database: String,
    text: String,
    variables: Vec<(String, String)>,
}

/// A text with the places of the server that all cases share.
fn filled(text: &str) -> String {
    let server = TestServer::shared();
    let path = |path: &Path| path.display().to_string();
    let (certificate, key) = server.client_certificate(USER);
    text.replace("@PORT@", &server.port().to_string())
        .replace("@SOCKET@", &path(&server.socket_dir()))
        .replace("@PASSWORD@", PASSWORD)
        .replace("@CA@", &path(&server.ca_path()))
        .replace("@OTHER_CA@", &path(&server.other_ca_path()))
        .replace("@CERT@", &path(&certificate))
        .replace("@KEY@", &path(&key))
}

fn lay(case: &Case, database: &str) -> Laid {
    let home = tempfile::tempdir().unwrap();
    let filled = |text: &str| {
        filled(text)
            .replace("@DATABASE@", database)
            .replace("@HOME@", &home.path().display().to_string())
    };
    let write = |name: &str, text: &str, mode| {
        if !text.is_empty() {
            let path = home.path().join(name);
            fs::write(&path, filled(text)).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    fs::create_dir(home.path().join("etc")).unwrap();
    write(".pg_service.conf", case.services, 0o644);
    write("etc/pg_service.conf", case.system_services, 0o644);
    let mode = if case.mode == 0 { 0o600 } else { case.mode };
    write(".pgpass", case.passwords, mode);
    fs::create_dir(home.path().join(".postgresql")).unwrap();
    for (name, copied) in case.tls_files {
        let mode = if name.ends_with(".key") { mode } else { 0o644 };
        let text = fs::read_to_string(filled(copied)).unwrap();
        write(&format!(".postgresql/{name}"), &text, mode);
    }
    // The usual name too, so that a variable can name it.
    write("others", case.passwords, 0o600);
    Laid {
        text: filled(case.text),
        variables: case
            .variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), filled(value)))
            .collect(),
        database: database.to_owned(),
        home,
    }
}

impl Laid {
    fn path(&self) -> &Path {
        self.home.path()
    }

    /// Adds parameters to the text.
    fn add(&mut self, parameters: &str) {
        self.text = format!("{} {}", self.text, filled(parameters));
    }

    /// A program that sees the case's files and variables, and no others.
    fn surround(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        command
            .env("HOME", self.path())
            // The keychain of whoever runs the tests is none of theirs.
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
            .env("PGSYSCONFDIR", self.path().join("etc"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
    }

    fn psql(&self) -> Output {
        let program = TestServer::shared().psql_command(&self.database).get_program().to_owned();
        let mut command = Command::new(program);
        self.surround(&mut command);
        command.args(["-Xwq", "--csv", "-c", QUESTION, "-d", &self.text]);
        command.output().unwrap()
    }

    /// Tusk's own output, and the rows if it came so far.
    fn tusk(&self, story: &str) -> Output {
        let mut command = program::with_story(self.path(), story);
        self.surround(&mut command);
        command.output().unwrap()
    }

    fn tusk_rows(&self) -> (String, Output) {
        let out = self.path().join("rows.csv");
        let story = format!(
            "connect {}\nwait connected 30\ntext <<END\n{QUESTION}\nEND\ncommand query.run\nwait idle 60\ndump result 1 csv {}\n",
            self.text,
            out.display()
        );
        let output = self.tusk(&story);
        (fs::read_to_string(out).unwrap_or_default(), output)
    }

    /// What Tusk's screen shows, and no word of its log; and all that it said.
    fn tusk_screen(&self) -> (String, String) {
        let story = format!("connect {}\nwait idle 30\ndump screen -\n", self.text);
        let output = self.tusk(&story);
        let screen = String::from_utf8_lossy(&output.stdout).into_owned();
        (screen, said(&output))
    }
}

#[track_caller]
fn same_as_psql(cases: &[Case]) {
    let database = TestServer::shared().fresh_database();
    for case in cases {
        same_rows(&lay(case, &database));
    }
}

#[track_caller]
fn same_rows(laid: &Laid) {
    let psql = laid.psql();
    assert!(psql.status.success(), "{}: {}", laid.text, said(&psql));
    let (rows, tusk) = laid.tusk_rows();
    let expected = String::from_utf8(psql.stdout).unwrap();
    assert_eq!(rows, expected, "{} {:?}: {}", laid.text, laid.variables, said(&tusk));
}

#[test]
fn texts_lead_where_psql_is_led() {
    same_as_psql(&[
        Case {
            text: "postgresql://app:correct%20horse%20battery@127.0.0.1:@PORT@/@DATABASE@?application_name=a%20b",
            ..Case::default()
        },
        Case {
            text: r"host=127.0.0.1 port=@PORT@ user=app password='@PASSWORD@' dbname=@DATABASE@ options='-c statement_timeout=5s -c default_transaction_read_only=on'",
            ..Case::default()
        },
        Case {
            text: "host=@SOCKET@ port=@PORT@ user=postgres dbname=@DATABASE@",
            ..Case::default()
        },
        // The host is only a name here: the address is what is reached.
        Case {
            text: "host=no.such.host hostaddr=127.0.0.1 port=@PORT@ user=app password='@PASSWORD@' dbname=@DATABASE@ sslmode=disable",
            ..Case::default()
        },
        Case {
            text: "host=127.0.0.1 port=@PORT@ user=app password='@PASSWORD@' dbname=@DATABASE@ sslmode=require channel_binding=require connect_timeout=0",
            ..Case::default()
        },
        Case {
            text: "host=127.0.0.1 port=@PORT@ user=app password='@PASSWORD@' dbname=@DATABASE@ ssl_max_protocol_version=tlsv1.2 keepalives_idle=9 tcp_user_timeout=0",
            ..Case::default()
        },
        Case {
            text: "host=127.0.0.1 port=@PORT@ user=app password='@PASSWORD@' dbname=@DATABASE@ ssl_min_protocol_version=TLSv1.3 keepalives=0",
            ..Case::default()
        },
        Case {
            text: "host=127.0.0.1,localhost port=@PORT@ user=app password='@PASSWORD@' dbname=@DATABASE@",
            ..Case::default()
        },
    ]);
}

#[test]
fn variables_lead_where_psql_is_led() {
    same_as_psql(&[
        Case {
            text: "postgresql://",
            variables: &[
                ("PGHOST", "127.0.0.1"),
                ("PGPORT", "@PORT@"),
                ("PGUSER", "app"),
                ("PGPASSWORD", "@PASSWORD@"),
                ("PGDATABASE", "@DATABASE@"),
                ("PGAPPNAME", "of the environment"),
                ("PGSSLMODE", "disable"),
                ("PGCONNECT_TIMEOUT", "20"),
                ("PGOPTIONS", "-c geqo=off"),
                ("PGDATESTYLE", "German, DMY"),
                ("PGTZ", "Asia/Tokyo"),
            ],
            ..Case::default()
        },
        // The text comes first, variable by variable.
        Case {
            text: "user=app dbname=@DATABASE@ password='@PASSWORD@' application_name=text",
            variables: &[
                ("PGHOST", "no.such.host"),
                ("PGHOSTADDR", "127.0.0.1"),
                ("PGPORT", "@PORT@"),
                ("PGUSER", "nobody"),
                ("PGPASSWORD", "wrong"),
                ("PGAPPNAME", "environment"),
                ("PGREQUIRESSL", "1"),
            ],
            ..Case::default()
        },
        Case {
            text: "dbname=@DATABASE@",
            variables: &[
                ("PGHOST", "@SOCKET@"),
                ("PGPORT", "@PORT@"),
                ("PGUSER", "postgres"),
                ("PGGEQO", "off"),
            ],
            ..Case::default()
        },
    ]);
}

#[test]
fn services_lead_where_psql_is_led() {
    const SHOP: &str = "# ours\n[other]\nhost = broken\n[shop]\nhost=127.0.0.1\nport=@PORT@\n  user=app\nuser=late\n\
                        dbname=@DATABASE@\npassword=@PASSWORD@\napplication_name=service\n[shop]\nuser=late\n";
    same_as_psql(&[
        Case {
            text: "service=shop",
            services: SHOP,
            // The service comes before the environment.
            variables: &[
                ("PGUSER", "nobody"),
                ("PGPASSWORD", "wrong"),
                ("PGAPPNAME", "environment"),
            ],
            ..Case::default()
        },
        Case {
            text: "postgresql:///?service=shop&application_name=text&sslmode=disable",
            services: SHOP,
            ..Case::default()
        },
        Case {
            text: "application_name=text",
            services: SHOP,
            variables: &[("PGSERVICE", "shop")],
            ..Case::default()
        },
        Case {
            text: "service=shop",
            services: "[other]\nuser=late",
            system_services: SHOP,
            ..Case::default()
        },
        // The user's own hides the system's.
        Case {
            text: "service=shop",
            services: SHOP,
            system_services: "[shop]\nuser=late",
            ..Case::default()
        },
        Case {
            text: "service=shop",
            system_services: SHOP,
            services: "[shop]\nuser=late",
            variables: &[("PGSERVICEFILE", "@HOME@/etc/pg_service.conf")],
            ..Case::default()
        },
    ]);
}

#[test]
fn the_password_file_is_read_as_psql_reads_it() {
    const ADDRESS: &str = "host=127.0.0.1 port=@PORT@ user=app dbname=@DATABASE@";
    same_as_psql(&[
        Case {
            text: ADDRESS,
            passwords: "#127.0.0.1:@PORT@:@DATABASE@:app:wrong\nlocalhost:*:*:*:wrong\n127.0.0.1:1:*:*:wrong\n\
                        127.0.0.1:@PORT@:@DATABASE@:app:@PASSWORD@\n*:*:*:*:wrong\n",
            ..Case::default()
        },
        Case {
            text: ADDRESS,
            passwords: "*:*:*:app:correct\\ horse\\ batter\\y:more\n",
            mode: 0o400,
            ..Case::default()
        },
        Case {
            text: ADDRESS,
            passwords: "*:*:*:*:@PASSWORD@\n",
            // The usual one would do too, but for its mode.
            mode: 0o644,
            variables: &[("PGPASSFILE", "@HOME@/others")],
            ..Case::default()
        },
        Case {
            text: "host=127.0.0.1 port=@PORT@ user=app dbname=@DATABASE@ passfile=@HOME@/others",
            passwords: "*:*:*:*:@PASSWORD@\n",
            mode: 0o644,
            ..Case::default()
        },
        // It comes last.
        Case {
            text: ADDRESS,
            passwords: "*:*:*:*:wrong\n",
            variables: &[("PGPASSWORD", "@PASSWORD@")],
            ..Case::default()
        },
        Case {
            text: "service=shop",
            services: "[shop]\nhost=127.0.0.1\nport=@PORT@\nuser=app\ndbname=@DATABASE@\npassfile=@HOME@/others\n",
            passwords: "127.0.0.1:*:*:*:@PASSWORD@\n",
            mode: 0o604,
            ..Case::default()
        },
        Case {
            text: "host=name.of.it hostaddr=127.0.0.1 port=@PORT@ user=app dbname=@DATABASE@",
            passwords: "127.0.0.1:*:*:*:wrong\nname.of.it:*:*:*:@PASSWORD@\n",
            ..Case::default()
        },
    ]);
}

#[test]
fn the_usual_files_for_tls_are_used_as_psql_uses_them() {
    const CLIENT: &[(&str, &str)] = &[("postgresql.crt", "@CERT@"), ("postgresql.key", "@KEY@")];
    const ROOT: &[(&str, &str)] = &[("root.crt", "@CA@")];
    const ALL: &[(&str, &str)] = &[CLIENT[0], CLIENT[1], ROOT[0]];
    let ways = [
        ("sslmode=require", CLIENT),
        ("sslmode=prefer", CLIENT),
        ("sslmode=disable", CLIENT),
        ("sslmode=allow", CLIENT),
        ("sslmode=require", ROOT),
        ("sslmode=verify-ca", ROOT),
        ("sslmode=verify-full", ALL),
        // What is named comes first, and may be named by halves.
        ("sslmode=verify-ca sslrootcert=@CA@", &[("root.crt", "@OTHER_CA@")]),
        ("sslmode=require sslcert=@CERT@", &[("postgresql.key", "@KEY@")]),
        ("sslmode=require sslkey=@KEY@", &[("postgresql.crt", "@CERT@")]),
        // A key alone is of no use, and does no harm.
        ("sslmode=require", &[("postgresql.key", "@KEY@")]),
    ];
    let database = TestServer::shared().fresh_database();
    for (way, tls_files) in ways {
        let case = Case {
            text: "host=localhost hostaddr=127.0.0.1 port=@PORT@ user=app password='@PASSWORD@' dbname=@DATABASE@",
            tls_files,
            ..Case::default()
        };
        let mut laid = lay(&case, &database);
        laid.add(way);
        same_rows(&laid);
    }
    // An authority that is not the server's leaves psql's `prefer` without TLS; here it is not looked at.
    let case = Case {
        text: "host=127.0.0.1 port=@PORT@ user=app password='@PASSWORD@' dbname=@DATABASE@",
        tls_files: &[("root.crt", "@OTHER_CA@"), ("root.crl", "@CA@")],
        ..Case::default()
    };
    let (tusk, _) = lay(&case, &database).tusk_screen();
    assert!(tusk.contains("TLS 1.3") && !tusk.contains("revoked"), "{tusk}");
    // Nor does a key that must not be used take TLS away; the user hears of it.
    let case = Case { tls_files: CLIENT, mode: 0o644, ..case };
    let (tusk, _) = lay(&case, &database).tusk_screen();
    assert!(tusk.contains("TLS 1.3"), "{tusk}");
    let tusk = tusk.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(tusk.contains("so it is not used. TLS goes on without it."), "{tusk}");
}

#[test]
fn a_usual_file_that_keeps_a_link_from_being_made_is_named() {
    let address = "host=127.0.0.1 port=@PORT@ user=app password='@PASSWORD@' dbname=@DATABASE@ sslmode=require";
    let table: [(Case, &str, &[&str]); 4] = [
        (
            Case { text: address, tls_files: &[("root.crt", "@OTHER_CA@")], ..Case::default() },
            "certificate verify failed",
            &["is not signed by a trusted authority", "/.postgresql/root.crt is used, as by psql"],
        ),
        (
            Case {
                text: address,
                tls_files: &[("postgresql.crt", "@CERT@"), ("postgresql.key", "@KEY@")],
                mode: 0o644,
                ..Case::default()
            },
            "has group or world access",
            &[
                "/.postgresql/postgresql.key can be read by others",
                "/.postgresql/postgresql.key are used, as by psql",
            ],
        ),
        (
            Case { text: address, tls_files: &[("postgresql.crt", "@CERT@")], ..Case::default() },
            "certificate present, but not private key file",
            &[
                "There is a client certificate but no key for it",
                "/.postgresql/postgresql.crt is used, as by psql",
            ],
        ),
        (
            Case {
                text: "host=127.0.0.1 port=@PORT@ user=app dbname=@DATABASE@ sslmode=verify-ca",
                ..Case::default()
            },
            "root.crt\" does not exist",
            &["the usual one (~/.postgresql/root.crt) is not there"],
        ),
    ];
    let database = TestServer::shared().fresh_database();
    for (case, of_psql, of_tusk) in table {
        let laid = lay(&case, &database);
        let psql = laid.psql();
        assert!(
            !psql.status.success() && said(&psql).contains(of_psql),
            "{}: {}",
            laid.text,
            said(&psql)
        );
        let (tusk, _) = laid.tusk_screen();
        let tusk = tusk.split_whitespace().collect::<Vec<_>>().join(" ");
        for of_tusk in of_tusk {
            assert!(tusk.contains(of_tusk), "{}: {tusk}", laid.text);
        }
    }
}

#[test]
fn a_list_of_revoked_certificates_is_not_read_and_the_user_hears_of_it() {
    let database = TestServer::shared().fresh_database();
    let case = Case {
        text: "host=127.0.0.1 port=@PORT@ user=app password='@PASSWORD@' dbname=@DATABASE@ sslmode=verify-full",
        tls_files: &[("root.crt", "@CA@"), ("root.crl", "@CA@")],
        ..Case::default()
    };
    let (tusk, _) = lay(&case, &database).tusk_screen();
    assert!(tusk.contains("TLS 1.3 verified"), "{tusk}");
    assert!(tusk.contains("does not read lists of revoked certificates"), "{tusk}");
}

#[test]
fn what_psql_refuses_is_refused_with_its_place() {
    let database = TestServer::shared().fresh_database();
    let address = "host=127.0.0.1 port=@PORT@ user=app dbname=@DATABASE@";
    let table = [
        (
            Case { text: address, variables: &[("PGSSLMODE", "must")], ..Case::default() },
            "invalid sslmode value",
            "PGSSLMODE: sslmode cannot be “must”.",
        ),
        (
            Case { text: "host=127.0.0.1,127.0.0.1 port=1,2,3", ..Case::default() },
            "could not match 3 port numbers to 2 hosts",
            "There are 3 ports for 2 hosts.",
        ),
        (
            Case { text: "service=none", services: "[some]\nhost=h\n", ..Case::default() },
            "definition of service \"none\" not found",
            "There is no service “none”.",
        ),
        (
            Case {
                text: "service=some",
                services: "[some]\nhost=h\nport = 1\n",
                ..Case::default()
            },
            "syntax error in service file",
            "Line 3 of ",
        ),
        (
            Case { text: "service=some", services: "[some]\nservice=other\n", ..Case::default() },
            "nested service specifications not supported",
            "A service can't name another one.",
        ),
        (
            Case {
                text: "service=some",
                variables: &[("PGSERVICEFILE", "@HOME@/nowhere")],
                ..Case::default()
            },
            "not found",
            "nowhere can't be read: it is not there.",
        ),
    ];
    for (case, of_psql, of_tusk) in table {
        let laid = lay(&case, &database);
        let psql = laid.psql();
        assert!(
            !psql.status.success() && said(&psql).contains(of_psql),
            "{}: {}",
            laid.text,
            said(&psql)
        );
        let (_, tusk) = laid.tusk_screen();
        assert!(tusk.contains(of_tusk), "{}: {tusk}", laid.text);
    }
}

#[test]
fn the_system_s_authorities_are_taken_only_together_with_the_host_s_name() {
    let database = TestServer::shared().fresh_database();
    for (text, of_tusk) in [
        ("sslrootcert=system", "TLS 1.3 verified"),
        ("sslmode=verify-full", "TLS 1.3 verified"),
        (
            "sslrootcert=system sslmode=verify-ca",
            "with another mode the certificate of any host would do",
        ),
        ("sslmode=verify-ca", "SSL mode verify-ca needs the file of the authority to trust"),
    ] {
        let mut laid = lay(
            &Case {
                text: "host=localhost hostaddr=127.0.0.1 port=@PORT@ user=app password='@PASSWORD@' dbname=@DATABASE@",
                // The tests' authority is one of the system's for once.
                variables: &[("SSL_CERT_FILE", "@CA@")],
                ..Case::default()
            },
            &database,
        );
        laid.add(text);
        let (_, all) = laid.tusk_screen();
        let all = all.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(all.contains(of_tusk), "{text}: {all}");
    }
}

#[test]
fn a_wrong_password_of_the_file_is_told_with_the_file_and_the_prompt_asks() {
    let database = TestServer::shared().fresh_database();
    let case = Case {
        text: "host=127.0.0.1 port=@PORT@ user=app dbname=@DATABASE@",
        passwords: "# first\n*:*:*:*:hunter2\n",
        ..Case::default()
    };
    let laid = lay(&case, &database);
    let file = laid.path().join(".pgpass").display().to_string();
    let psql = said(&laid.psql());
    assert!(psql.contains(&format!("password retrieved from file \"{file}\"")), "{psql}");
    let (tusk, all) = laid.tusk_screen();
    assert!(
        tusk.contains(&format!("The password came from the password file {file}, line 2.")),
        "{tusk}"
    );
    assert!(tusk.contains("Password for app"), "{tusk}");
    assert!(!all.contains("hunter2"), "{all}");
    // No file that Tusk wrote has it.
    for entry in fs::read_dir(laid.path().join("data")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            let found = bytes.windows(7).any(|window| window == b"hunter2");
            assert!(!found, "{}", path.display());
        }
    }
}

#[test]
fn a_password_file_that_others_may_read_is_not_used_and_the_user_hears_of_it() {
    let database = TestServer::shared().fresh_database();
    for mode in [0o640, 0o604, 0o660] {
        let case = Case {
            text: "host=127.0.0.1 port=@PORT@ user=app dbname=@DATABASE@",
            passwords: "*:*:*:*:@PASSWORD@\n",
            mode,
            ..Case::default()
        };
        let laid = lay(&case, &database);
        let psql = laid.psql();
        assert!(!psql.status.success());
        assert!(said(&psql).contains("has group or world access"), "{}", said(&psql));
        let (tusk, _) = laid.tusk_screen();
        assert!(tusk.contains("was not used, because others may read it"), "{tusk}");
        assert!(tusk.contains("Password for app"), "{tusk}");
        // Also where no password turns out to be needed.
        let case =
            Case { text: "host=@SOCKET@ port=@PORT@ user=postgres dbname=@DATABASE@", ..case };
        let laid = lay(&case, &database);
        let psql = laid.psql();
        assert!(psql.status.success() && said(&psql).contains("has group or world access"));
        let (tusk, _) = laid.tusk_screen();
        assert!(tusk.contains("was not used, because others may read it"), "{tusk}");
    }
}

#[test]
fn a_line_of_the_password_file_that_is_no_text_hinders_no_other() {
    let database = TestServer::shared().fresh_database();
    let case = Case {
        text: "host=127.0.0.1 port=@PORT@ user=app dbname=@DATABASE@",
        passwords: "*:*:*:*:@PASSWORD@\n",
        ..Case::default()
    };
    let laid = lay(&case, &database);
    let path = laid.path().join(".pgpass");
    let before = |bytes: &[u8]| {
        let file = [bytes, format!("*:*:*:*:{PASSWORD}\n").as_bytes()].concat();
        fs::write(&path, file).unwrap();
    };
    before(b"# F\xfcr die Kasse\nk\xe4sse:*:*:*:geheim\n");
    same_rows(&laid);
    before(b"127.0.0.1:*:*:app:w\xe4hrung\n");
    assert!(said(&laid.psql()).contains("password authentication failed"));
    let (tusk, _) = laid.tusk_screen();
    let tusk = tusk.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(tusk.contains("is for this login and was not used, because it is not UTF-8"), "{tusk}");
}

#[test]
fn what_the_file_of_a_variable_names_is_found_without_the_variable() {
    let database = TestServer::shared().fresh_database();
    let case = Case {
        passwords: "127.0.0.1:@PORT@:@DATABASE@:app:@PASSWORD@\n",
        variables: &[("PGPASSFILE", "@HOME@/others")],
        ..Case::default()
    };
    let mut laid = lay(&case, &database);
    fs::remove_file(laid.path().join(".pgpass")).unwrap();
    let story = "command connection.import\nwait idle 10\npress enter\nwait idle 10\n\
                 expect screen contains \"Imported 1 connection.\"\n";
    let output = laid.tusk(story);
    assert!(output.status.success(), "{}", said(&output));
    laid.variables.clear();
    let story = "command focus.sidebar\npress end\npress enter\nwait connected 30\n";
    let again = laid.tusk(story);
    assert!(again.status.success(), "{}", said(&again));
}

#[test]
fn what_the_files_name_is_imported_and_no_password_of_theirs_is_written() {
    let database = TestServer::shared().fresh_database();
    let case = Case {
        services: "[shop]\nhost=127.0.0.1\nport=@PORT@\nuser=app\ndbname=@DATABASE@\npassword=hunter2\n",
        passwords: "127.0.0.1:@PORT@:postgres:app:@PASSWORD@\n127.0.0.1:@PORT@:@DATABASE@:app:hunter3\n*:*:*:*:hunter4\n",
        ..Case::default()
    };
    let laid = lay(&case, &database);
    let port = TestServer::shared().port();
    let story = format!(
        "command connection.import\nwait idle 10\nexpect screen contains \"shop · app@127.0.0.1:{port}/{database}\"\n\
         expect screen contains \"app@127.0.0.1:{port}/postgres\"\npress enter\nwait idle 10\n\
         expect screen contains \"Imported 2 connections.\"\ncommand connection.import\nwait idle 10\n\
         expect screen contains \"all that is named there is saved already\"\n"
    );
    let output = laid.tusk(&story);
    assert!(output.status.success(), "{}", said(&output));
    // The next time they are there, and the one of the password file connects with what stands in it.
    let story = "command focus.sidebar\npress end\npress enter\nwait connected 30\nexpect screen contains \"shop\"\n";
    let again = laid.tusk(story);
    assert!(again.status.success(), "{}", said(&again));
    let kept = laid.path().join("data");
    for entry in fs::read_dir(kept).unwrap() {
        let path = entry.unwrap().path();
        let bytes = if path.is_file() { fs::read(&path).unwrap() } else { vec![] };
        for secret in ["hunter2", "hunter3", "hunter4", PASSWORD] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} is in {}", path.display());
        }
    }
}
