//! Statements that change the encoding, databases that have another one, and sessions that begin in another one.

use super::server::{TestConfig, TestServer};
use super::{Tab, config, servers};

type Escaped = (String, String, Vec<Vec<String>>);

fn changed(from: &str, to: &str, rows: &[&[&str]]) -> Option<Escaped> {
    let row = |row: &&[&str]| row.iter().map(|cell| (*cell).to_owned()).collect();
    Some((from.into(), to.into(), rows.iter().map(row).collect()))
}

#[test]
fn the_rows_of_the_statement_that_changes_the_encoding_are_shown_as_bytes() {
    for (major, server) in servers() {
        let mut tab = Tab::open(server, &server.fresh_database());
        // In LATIN1 the second is, as it comes, the UTF-8 of another one.
        let to_latin1 = "select set_config('client_encoding', 'LATIN1', false), 'café', 'Ã©'";
        let ended = tab.ok(to_latin1);
        let row: &[&str] = &["LATIN1", r"caf\xe9", r"\xc3\xa9"];
        assert_eq!(ended.changed, changed("UTF8", "LATIN1", &[row]), "{major}");
        assert_eq!(tab.value("select 'Ã©'"), "Ã©");
        // Of what was sent in LATIN1 the bytes are shown that came.
        let sql = "select set_config('client_encoding', 'SJIS', false), '°'";
        let ended = tab.ok(sql);
        assert_eq!(ended.changed, changed("LATIN1", "SJIS", &[&["SJIS", r"\x81\x8b"]]), "{major}");
        assert_eq!(tab.value("select 'ソ表'"), "ソ表");
        let sql = "select set_config('client_encoding', 'UTF8', false), 'ソ'";
        let ended = tab.ok(sql);
        assert_eq!(
            ended.changed,
            changed("SJIS", "UTF8", &[&["UTF8", r"\xe3\x82\xbd"]]),
            "{major}"
        );
        // Where all is ASCII there is nothing that could be read otherwise.
        let ended = tab.ok("select set_config('client_encoding', 'WIN1252', false)");
        assert_eq!(ended.changed, changed("UTF8", "WIN1252", &[]), "{major}");
        let ended = tab.ok("set client_encoding = 'UTF8'");
        assert_eq!(ended.changed, changed("WIN1252", "UTF8", &[]), "{major}");
        // Rows of before the change and of after it are one result, and as many chunks as it takes.
        let many = "select 'é' || g, case g when 9000 then set_config('client_encoding', 'LATIN1', false) end \
                    from generate_series(1, 10000) g";
        let ended = tab.ok(many);
        let (_, _, rows) = ended.changed.unwrap();
        assert_eq!((ended.rows.len(), rows.len()), (10_000, 10_000));
        assert_eq!([&rows[0][0], &rows[9_999][0]], [r"\xc3\xa91", r"\xe910000"], "{major}");
        // COPY's output is decided when it begins, by its option if it has one.
        tab.ok("set client_encoding = 'UTF8'");
        let copy = "copy (select 'é', set_config('client_encoding', 'WIN1251', false)) to stdout";
        let ended = tab.ok(copy);
        assert_eq!(ended.changed.unwrap().2, [[r"\xc3\xa9\tWIN1251".replace(r"\t", "\t")]]);
    }
}

#[test]
fn an_error_that_takes_the_change_back_leaves_what_was_before() {
    for (_, server) in servers() {
        let mut tab = Tab::open(server, &server.fresh_database());
        tab.ok("begin");
        tab.ok("set client_encoding = 'LATIN1'");
        let failure = tab.fails("select 'é' from \"größe\"");
        assert!(failure.message.contains("größe"), "{failure:?}");
        assert_eq!(tab.run("rollback").failure, None);
        assert_eq!(tab.value("select 'é€'"), "é€");
        // A function that sets it for itself alone changes nothing.
        tab.ok(
            "create function quiet() returns text language plpgsql set client_encoding = 'LATIN1' \
             as $$ begin raise notice 'heard'; return 'é€'; end $$",
        );
        assert_eq!(tab.value("select quiet()"), "é€");
        assert_eq!(tab.value("select 'é€'"), "é€");
    }
}

#[test]
fn a_notification_is_read_as_it_is_sent() {
    for (_, server) in servers() {
        let mut tab = Tab::open(server, &server.fresh_database());
        tab.ok("listen heard");
        // It comes before the report of the change, and is in the new encoding.
        tab.ok("do $$ begin perform pg_notify('heard', 'Ã©'); perform set_config('client_encoding', 'LATIN1', false); end $$");
        while tab.notified.is_empty() {
            tab.ok("select 1");
        }
        assert_eq!(tab.notified, ["Ã©"]);
    }
}

#[test]
fn the_data_of_copy_are_in_the_encoding_that_it_states() {
    let (_, server) = servers()[0];
    let mut tab = Tab::open(server, &server.fresh_database());
    tab.ok("create table stdin (a text)");
    for option in [
        "(encoding 'latin1')",
        "with (format text, encoding 'LATIN-1')",
        "encoding 'iso-8859-1'",
        "(ENCODING latin1)",
    ] {
        tab.ok("truncate stdin");
        let ended = tab.run_with(&format!("copy stdin from stdin {option}"), Some("café\n"));
        assert_eq!(ended.tag, "COPY 1", "{option}: {ended:?}");
        assert_eq!(tab.value("select a from stdin"), "café", "{option}");
        let ended = tab.ok(&format!("copy (select 'encoding', a from stdin) to stdout {option}"));
        assert_eq!(ended.rows, [["encoding\tcafé"]], "{option}");
        let ended = tab.run_with(&format!("copy stdin from stdin {option}"), Some("5 €\n"));
        assert!(ended.failure.unwrap().message.contains("LATIN1, which has no “€” (U+20AC)"));
    }
    let ended = tab.ok("copy (select 'é') to stdout (format binary)");
    assert!(!ended.rows.is_empty());
}

#[test]
fn what_is_not_understood_is_shown_as_bytes_and_not_sent() {
    for (_, server) in servers() {
        let database = server.fresh_database();
        server.psql(&database, "create table t (a text); insert into t values ('漢 é'), ('plain')");
        let mut tab = Tab::open(server, &database);
        for (name, bytes) in [
            ("EUC_TW", None),
            ("JOHAB", None),
            ("EUC_JIS_2004", Some(r"\xb4\xc1 \xa9\xdf")),
            ("SHIFT_JIS_2004", Some(r"\x8a\xbf \x85\x7e")),
        ] {
            tab.ok(&format!("set client_encoding = '{name}'"));
            let failure = tab.fails("select 'é'");
            assert!(failure.message.contains(name) && failure.position == Some(9), "{failure:?}");
            assert_eq!(tab.value("select a from t where a < 'q'"), "plain");
            let shown = tab.run("select a from t where a > 'q'");
            if let Some(bytes) = bytes {
                assert_eq!(shown.rows, [[bytes]], "{name}");
            }
            tab.ok("set client_encoding = 'UTF8'");
            assert_eq!(tab.value("select a from t where a > 'q'"), "漢 é");
        }
        let database = server.fresh_database_with("encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'");
        let mut tab = Tab::open(server, &database);
        tab.ok("create table t as select 'café'::text as a");
        tab.ok("set client_encoding = 'MULE_INTERNAL'");
        assert_eq!(tab.value("select a from t"), r"caf\x81\xe9");
        assert!(tab.fails("select 'é'").message.contains("MULE_INTERNAL"));
        // A session that asks for no conversion is sent what the database has.
        tab.ok("set client_encoding = 'SQL_ASCII'");
        tab.ok("insert into t values ('Ã©')");
        assert_eq!(tab.run("select a from t").rows, [["café"], ["Ã©"]]);
        tab.ok("reset client_encoding");
        assert_eq!(tab.run("select a from t").rows, [["café"], ["Ã©"]]);
    }
}

#[test]
fn in_an_sql_ascii_database_places_are_characters_and_messages_show_bytes() {
    for (_, server) in servers() {
        let database =
            server.fresh_database_with("encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'");
        let mut tab = Tab::open(server, &database);
        for (sql, place) in [
            ("select 'é€𝄞', nowhere", 15),
            ("-- größe\nselect nowhere", 17),
            ("select 1 +", 11),
            ("select 'é' +", 13),
        ] {
            assert_eq!(tab.fails(sql).position, Some(place), "{sql}");
        }
        let failure = tab.fails("do $x$ begin execute 'select ''é€'', nowhere'; end $x$");
        assert_eq!(failure.internal, Some((14, "select 'é€', nowhere".into())));
        let failure = tab.fails(r"do $x$ begin execute E'select ''\xff\xe9é'', nowhere'; end $x$");
        let shown = r"select '\xff\xe9é', nowhere";
        assert_eq!(failure.internal, Some((21, shown.into())));
        let failure = tab.fails(
            r"do $x$ begin raise exception using message = E'a\xffé', hint = E'\xfe'; end $x$",
        );
        assert_eq!((failure.message.as_str(), failure.hint.as_deref()), (r"a\xffé", Some(r"\xfe")));
        let ended = tab.ok(r"do $x$ begin raise notice '%', E'caf\xe9'; end $x$");
        assert_eq!(ended.notices[0].message, r"caf\xe9");
        let failure = tab.fails(r#"do $x$ begin execute E'select 1 as "a\xe9", 1/0'; end $x$"#);
        assert!(failure.message.contains("division"), "{failure:?}");
        // A client that says what the bytes are has them read and counted so.
        tab.ok("set client_encoding = 'LATIN1'");
        assert_eq!(tab.value(r"select E'caf\xe9'"), "café");
        assert_eq!(tab.value("select octet_length('é')"), "1");
        assert_eq!(tab.fails("select 'é', nowhere").position, Some(13));
        tab.ok("set client_encoding = 'SQL_ASCII'");
        assert_eq!(tab.value("select octet_length('é')"), "2");
    }
}

#[test]
fn a_character_of_the_server_s_may_be_two_in_unicode() {
    for (_, server) in servers() {
        let database =
            server.fresh_database_with("encoding 'EUC_JIS_2004' lc_collate 'C' lc_ctype 'C'");
        let mut tab = Tab::open(server, &database);
        for (text, characters) in
            [("か\u{309A}", 1), ("か\u{309A}ク\u{309A}か", 3), ("æ\u{300}ə\u{301}", 2), ("ア", 1)]
        {
            assert_eq!(tab.value(&format!("select length('{text}')")), characters.to_string());
            let sql = format!("select '{text}', nowhere");
            let place = sql.chars().count() - 6;
            assert_eq!(tab.fails(&sql).position, Some(place as u32), "{text}");
        }
    }
}

#[test]
fn a_session_begins_in_utf_8_whatever_was_set_for_it() {
    for (major, server) in servers() {
        let database = server.fresh_database();
        server.psql(
            &database,
            &format!("create role latin superuser login; alter role latin set client_encoding = 'LATIN1'; \
                alter database {database} set client_encoding = 'WIN1252'; create table t (a text)"),
        );
        let mut config = config(server, &database);
        config.user = "latin".into();
        config.options = "-c client_encoding=KOI8R".into();
        let mut tab = Tab::connect(config.clone());
        for sql in ["select 1", "reset client_encoding", "reset all", "discard all"] {
            tab.ok(sql);
            assert_eq!(tab.value("show client_encoding"), "UTF8", "{sql}");
            assert_eq!(tab.value("select 'é€'"), "é€", "{sql}");
        }
        if major >= 17 {
            let trigger = "create function at_login() returns event_trigger language plpgsql as $$ begin \
                perform set_config('client_encoding', 'LATIN1', false); end $$";
            server.psql(&database, trigger);
            server.psql(
                &database,
                "create event trigger at_login on login execute function at_login()",
            );
            let mut tab = Tab::connect(config.clone());
            for _ in 0..2 {
                assert_eq!(tab.value("show client_encoding"), "UTF8");
                tab.ok("insert into t values ('é€')");
                assert_eq!(tab.value("select a from t"), "é€");
                assert!(tab.held().unwrap().is_empty());
                tab.renew_session();
            }
            config.read_only = true;
            assert_eq!(Tab::connect(config).value("select a from t"), "é€");
        }
    }
}

#[test]
fn a_session_that_was_in_another_encoding_is_asked_and_cleaned() {
    for (_, server) in servers() {
        let mut tab = Tab::open(server, &server.fresh_database());
        tab.ok("set client_encoding = 'LATIN1'");
        tab.ok("select set_config('my.grün', 'é', false)");
        tab.ok("create temp table größe (a int)");
        let held = tab.held().unwrap();
        for word in
            ["the setting client_encoding", "the setting my.grün", "a temporary table größe"]
        {
            assert!(held.iter().any(|held| held == word), "{held:?}");
        }
        // In KOI8R nobody can ask for it, which is said and loses nothing.
        tab.ok("set client_encoding = 'KOI8R'");
        assert!(tab.held().unwrap_err().message.contains("KOI8R"));
        tab.renew_session();
        assert_eq!(tab.value("show client_encoding"), "UTF8");
        assert_eq!(tab.value("select 'é'"), "é");
    }
}

#[test]
fn a_read_only_connection_reads_each_statement_as_utf_8() {
    for (major, server) in servers() {
        let database = server.fresh_database();
        server.psql(&database, "create table t (a text); insert into t values ('Ã©')");
        let mut config = config(server, &database);
        config.read_only = true;
        let mut tab = Tab::connect(config);
        let sql = "select set_config('client_encoding', 'LATIN1', false), a from t";
        let ended = tab.ok(sql);
        assert_eq!(ended.changed.unwrap().2, [["LATIN1", r"\xc3\xa9"]], "{major}");
        assert_eq!(tab.value("select a from t"), "Ã©");
        for set in ["set client_encoding = 'LATIN1'", "set client_encoding = 'SJIS'"] {
            tab.ok("begin");
            // Twice: the second one changes nothing that the server would report.
            tab.ok(set);
            tab.ok(set);
            assert_eq!(tab.value("select a || 'é' from t"), "Ã©é", "{major} {set}");
            tab.ok(set);
            tab.ok("savepoint s");
            let failure = tab.fails("select 'é' from nowhere");
            assert_eq!(failure.position, Some(17), "{major} {set}");
            tab.ok("-- ü\nrollback");
        }
        tab.ok("begin");
        tab.ok("set client_encoding = 'LATIN1'");
        tab.ok("savepoint \"é\"");
        tab.ok("rollback to savepoint \"é\"");
        tab.ok("rollback");
    }
}

#[test]
fn a_server_in_another_language_and_encoding_is_read() {
    let config = TestConfig::default().language("de");
    let server = TestServer::start(config);
    let database = server.fresh_database();
    let mut tab = Tab::open(&server, &database);
    let utf8 = tab.fails("select * from größe").message;
    tab.ok("set client_encoding = 'LATIN1'");
    assert_eq!(tab.fails("select * from größe").message, utf8);
    assert!(utf8.contains("größe"), "{utf8}");
}

#[test]
fn many_notifications_of_one_statement_all_come() {
    for (major, server) in servers() {
        let mut tab = Tab::open(server, &server.fresh_database());
        tab.ok("listen jobs");
        tab.ok("set client_encoding = 'LATIN1'");
        tab.ok("select pg_notify('jobs', 'é' || g) from generate_series(1, 5000) g");
        tab.ok("select 1");
        let all: Vec<String> = (1..=5_000).map(|at| format!("é{at}")).collect();
        assert!(tab.notified == all, "{major} {}", tab.notified.len());
    }
}
