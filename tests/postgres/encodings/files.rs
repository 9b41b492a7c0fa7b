//! Files that are run without being opened, whose sessions have another encoding: their statements and the data of
//! their COPYs are stored as the file has them.

use super::{Tab, servers};
use tusk::{
    msg::Msg,
    settings::OnError,
    sql::encoding::Reading,
    update::jobs::{self, State, Trouble},
};

/// How a run ended, and what went wrong in it.
fn run_file(tab: &mut Tab, bytes: &[u8]) -> (State, String, Vec<Trouble>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.sql");
    std::fs::write(&path, bytes).unwrap();
    tab.postgres.perform_job(jobs::Effect::RunFile {
        job: tab.ids.request(),
        connection: tab.connection,
        path: path.display().to_string(),
        reading: Reading::Detect,
        read_only: false,
        on_error: OnError::Stop,
    });
    let troubles = std::cell::RefCell::new(vec![]);
    let (state, message) = tab.wait(|msg| match msg {
        Msg::Job(jobs::Msg::Troubled { trouble, .. }) => {
            troubles.borrow_mut().push((**trouble).clone());
            None
        }
        Msg::Job(jobs::Msg::Ended { state, message, .. }) => Some((*state, message.clone())),
        _ => None,
    });
    (state, message, troubles.into_inner())
}

/// What is stored, as a session in UTF-8 sees it.
fn stored(tab: &mut Tab) -> String {
    let sql = "select string_agg(w, ' ' order by id) from words";
    let stored = tab.value(sql);
    tab.ok("truncate words");
    stored
}

#[test]
fn what_a_run_file_holds_is_stored_in_any_encoding_of_its_session() {
    for (major, server) in servers() {
        let mut tab = Tab::open(server, &server.fresh_database());
        tab.ok("create table words (id serial, w text)");
        for (file, expected) in [
            (
                &b"set client_encoding = 'LATIN1';\ncopy words (w) from stdin;\nd\xE9j\xE0\n\\.\n\
                   insert into words (w) values ('caf\xE9');\n"[..],
                "déjà café",
            ),
            (
                b"\\encoding LATIN1\ninsert into words (w) values ('\xE9');\ncopy words (w) from stdin;\n\xFC\n\\.\n\
                  set client_encoding = 'UTF8';\ninsert into words (w) values ('\xE9');\n\
                  copy words (w) from stdin;\n\xFC\n\\.\n",
                "é ü é ü",
            ),
            // The second byte of these letters is a backslash in ASCII.
            (
                b"set client_encoding = 'SJIS';\ncopy words (w) from stdin with (format csv);\n\x83\x5C\x95\x5C\n\\.\n\
                  insert into words (w) values ('\x83\x5C');\n",
                "ソ表 ソ",
            ),
            // The session stays in UTF-8, and the file is in another encoding.
            (
                b"-- -*- coding: latin-1 -*-\ncopy words (w) from stdin;\n\xE9\n\\.\n\
                  insert into words (w) values ('\xE9');\n",
                "é é",
            ),
            // The option of a COPY goes before the session's encoding.
            (
                "\u{FEFF}copy words (w) from stdin (encoding 'WIN1252');\n5 €\n\\.\n".as_bytes(),
                "5 €",
            ),
        ] {
            let (state, message, troubles) = run_file(&mut tab, file);
            assert_eq!(state, State::Done, "{major} {message} {troubles:?}");
            assert_eq!(stored(&mut tab), expected, "{major}");
        }
    }
}

#[test]
fn a_character_that_the_session_has_not_is_told_at_its_line_and_nothing_is_kept() {
    for (major, server) in servers() {
        let mut tab = Tab::open(server, &server.fresh_database());
        tab.ok("create table words (id serial, w text)");
        let data = "\u{FEFF}set client_encoding = 'LATIN1';\ncopy words (w) from stdin;\né\n5 €\n\\.\nselect 1;\n";
        let (state, message, troubles) = run_file(&mut tab, data.as_bytes());
        assert_eq!(state, State::Failed, "{major} {message}");
        let [trouble] = &troubles[..] else {
            panic!("{major} {troubles:?}");
        };
        assert_eq!(trouble.line, 4, "{major} {trouble:?}");
        assert!(trouble.message.contains("LATIN1, which has no U+20AC"), "{major} {trouble:?}");
        let statement =
            "\u{FEFF}set client_encoding = 'LATIN1';\ninsert into words (w)\nvalues ('5 €');\n";
        let (_, _, troubles) = run_file(&mut tab, statement.as_bytes());
        let place = troubles.first().map(|at| (at.line, at.column));
        assert_eq!(place, Some((3, 12)), "{major} {troubles:?}");
        assert_eq!(tab.value("select count(*) from words"), "0", "{major}");
    }
}
