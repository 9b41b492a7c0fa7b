//! Titles, codes and advice in tables.

use super::*;

fn server(code: &str, message: &str) -> Failure {
    Failure {
        severity: "ERROR".into(),
        sqlstate: Some(code.into()),
        ..Failure::new(Category::Query, message)
    }
}

#[track_caller]
fn says(failure: &Failure, words: &str) {
    let advice = next_step(failure).unwrap_or_else(|| panic!("no advice: {failure:?}"));
    assert!(advice.contains(words), "{}: {advice}", failure.message);
}

#[test]
fn a_title_reads_like_a_sentence() {
    let table = [
        (r#"column "emial" does not exist"#, "Column “emial” does not exist"),
        (r#"syntax error at or near ",""#, "Syntax error at or near “,”"),
        (
            r#"invalid input syntax for type integer: """#,
            "Invalid input syntax for type integer: “”",
        ),
        (r#"type integer: " 12 ""#, "Type integer: “ 12 ”"),
        (r#""a" is a view"#, "“a” is a view"),
        (r#"unpaired " quote"#, r#"Unpaired " quote"#),
        (r#"relation "a"b" is odd"#, "Relation “a\"b” is odd"),
        ("élan", "Élan"),
        ("can't go on", "Can't go on"),
        ("pg_hba.conf is odd", "pg_hba.conf is odd"),
        ("", "Query error"),
    ];
    for (message, expected) in table {
        assert_eq!(title(&server("42703", message)), expected);
    }
}

#[test]
fn the_code_line_has_severity_and_code_or_the_kind() {
    assert_eq!(code_line(&server("42703", "x")), "ERROR 42703");
    assert_eq!(
        code_line(&Failure { severity: "FATAL".into(), ..server("57P01", "x") }),
        "FATAL 57P01"
    );
    assert_eq!(
        code_line(&Failure { severity: String::new(), ..server("57P01", "x") }),
        "ERROR 57P01"
    );
    assert_eq!(code_line(&Failure::new(Category::Ssl, "x")), "TLS error");
}

#[test]
fn the_codes_that_people_meet_have_advice_of_their_own() {
    let table = "08001 08003 08006 08P01 0A000 22001 22003 22012 22P02 23502 23503 23505 23514 25001 \
                 25006 25P02 28000 28P01 3D000 3F000 40001 40P01 42501 42601 42703 42704 42710 42804 \
                 42883 42P01 42P07 53100 53200 53300 55006 55P03 57014 57P01 57P02 57P03 58P01 XX000";
    let mut seen = std::collections::BTreeMap::new();
    for code in table.split_whitespace() {
        let advice = codes::advice(code).unwrap();
        let ended = Failure { severity: "FATAL".into(), ..server(code, "x") };
        assert_eq!(next_step(&ended).as_deref(), Some(advice));
        // A class's own sentence would be the same for an unknown code of the class.
        if let Some(other) = seen.insert(advice, code) {
            panic!("{other} and {code} say the same: {advice}");
        }
    }
}

#[test]
fn a_statement_s_own_links_and_databases_are_not_the_connection_s() {
    for code in ["08000", "08001", "08003", "08004", "08006", "3D000"] {
        let advice = next_step(&server(code, "x")).unwrap();
        assert!(advice.contains("statement"), "{code}: {advice}");
        assert!(!advice.contains("Reconnect"), "{code}: {advice}");
    }
}

#[test]
fn every_class_of_errors_has_advice_and_success_has_none() {
    let classes = "03 08 09 0A 0B 0F 0L 0P 0Z 10 20 21 22 23 24 25 26 27 28 2B 2D 2F 34 38 39 3B 3D 3F \
                   40 42 44 53 54 55 57 58 72 F0 HV P0 XX";
    for class in classes.split_whitespace() {
        assert!(next_step(&server(&format!("{class}ZZZ"), "x")).is_some(), "{class}");
    }
    for class in ["00", "01", "02", "QQ"] {
        assert_eq!(next_step(&server(&format!("{class}000"), "x")), None, "{class}");
    }
    assert_eq!(next_step(&server("é", "x")), None);
}

#[test]
fn what_the_server_names_is_in_the_advice() {
    let hinted = Failure {
        hint: Some(
            r#"Perhaps you meant to reference the column "c.email" or the column "o.email"."#
                .into(),
        ),
        ..server("42703", "x")
    };
    assert_eq!(next_step(&hinted).as_deref(), Some("Did you mean c.email or o.email?"));
    let detailed = |code: &str, detail: &str| Failure {
        detail: Some(detail.into()),
        table: Some("orders".into()),
        ..server(code, "x")
    };
    says(&detailed("23505", "Key (email)=(a (b)) already exists."), "has email = a (b).");
    says(&detailed("23503", r#"Key (id)=(1) is not present in table "c"."#), "no row with id = 1");
    says(
        &detailed("23503", r#"Key (id)=(1) is still referenced from table "orders"."#),
        "“orders” still",
    );
    says(&detailed("23503", "Schlüssel (id)=(1) …"), "Insert the row that is referred to");
    says(&Failure { column: Some("tier".into()), ..server("23502", "x") }, "“tier”");
    says(
        &Failure { constraint: Some("price_check".into()), ..server("23514", "x") },
        "“price_check”",
    );
}

#[test]
fn failures_that_share_a_code_are_told_apart() {
    let table = [
        ("28000", "no pg_hba.conf entry for host \"h\", no encryption", "SSL mode to require"),
        ("28000", "no pg_hba.conf entry for host \"h\", SSL encryption", "no line for this user"),
        ("28000", "Peer authentication failed for user \"a\"", "operating system's user"),
        ("28000", "role \"a\" does not exist", "no such role"),
        ("28000", "role \"a\" is not permitted to log in", "LOGIN"),
        ("57014", "canceling statement due to statement timeout", "statement_timeout"),
        ("57014", "canceling statement due to user request", "stopped as asked"),
        ("53300", "too many connections for role \"a\"", "ALTER ROLE"),
        ("53300", "sorry, too many clients already", "max_connections"),
        ("25006", "cannot execute INSERT during recovery", "standby"),
        ("25006", "cannot execute INSERT in a read-only transaction", "Switch read-only off"),
        ("25P02", "current transaction is aborted", "Roll back in the palette"),
    ];
    for (code, message, words) in table {
        says(&server(code, message), words);
    }
}

#[test]
fn failures_without_a_code_are_known_by_their_words() {
    use Category as C;
    let table = [
        (C::Connection, "Connection refused (os error 111)", "listen_addresses"),
        (
            C::Connection,
            "failed to lookup address information: Name or service not known",
            "spelling",
        ),
        (C::Connection, "the server did not answer in 10 s", "connect timeout"),
        (
            C::Connection,
            "error communicating: bytes remaining on stream",
            "not a PostgreSQL server",
        ),
        (C::Connection, "No such file or directory (os error 2)", "socket"),
        (C::Connection, "No route to host", "VPN"),
        (C::Connection, "connection closed", "Nothing was run again"),
        (C::Connection, "something else", "Check host and port"),
        (C::Ssl, "server does not support TLS", "has no TLS"),
        (C::Ssl, "invalid peer certificate: Expired", "has expired"),
        (C::Ssl, "invalid peer certificate: UnknownIssuer", "CA"),
        (C::Ssl, "invalid peer certificate: NotValidForName", "names another host"),
        (C::Ssl, "something else", "SSL mode"),
        (C::Authentication, "password missing", "password of the connection"),
        (C::Keyring, "no D-Bus session", "kept in memory"),
        (C::Keyring, "No matching entry found", "Type it"),
        (C::PoolTimeout, "x", "pool size"),
        (C::Storage, "No space left on device", "disk is full"),
        (C::Storage, "database disk image is malformed", "damaged"),
        (C::Ssh, "authentication failed", "SSH server refused"),
        (C::Internal, "x", "fault of Tusk"),
    ];
    for (category, message, words) in table {
        says(&Failure::new(category, message), words);
    }
    assert_eq!(next_step(&Failure::new(C::Cancelled, "x")), None);
}

#[test]
fn a_hint_that_names_nothing_is_no_guess() {
    for hint in ["Try again.", "Perhaps \"one"] {
        let failure = Failure { hint: Some(hint.into()), ..server("42703", "x") };
        let advice = next_step(&failure).unwrap();
        assert!(!advice.contains("Did you mean"), "{hint}: {advice}");
    }
}
