//! Servers as they are managed: a library is loaded with the server, and the role has LOGIN and nothing else.

use super::{
    Config, Ending, Msg, Transaction, World, config,
    generated::is_long,
    server::{MAJORS, SUPERUSER, TestConfig, TestServer},
    session,
};
use tusk::sql::statement::classify;

/// A role with nothing but LOGIN.
const PLAIN: &str = "plain";

/// How a server has its libraries.
#[derive(Clone, Copy, Debug)]
enum Library {
    None,
    OfTheServer,
    OfTheRole,
}

fn start(major: u32, library: Library) -> TestServer {
    let config = TestConfig::of_major(major);
    let server = TestServer::start(match library {
        Library::OfTheServer => config
            .setting("shared_preload_libraries", "pg_stat_statements")
            .setting("pg_stat_statements.max", "200"),
        Library::None | Library::OfTheRole => config,
    });
    server.psql("postgres", &format!("create role {PLAIN} login"));
    if let Library::OfTheRole = library {
        let sql = "alter role plain set session_preload_libraries = 'auto_explain'";
        server.psql("postgres", sql);
    }
    server
}

fn majors() -> &'static [u32] {
    if is_long() { &MAJORS } else { &[18] }
}

/// Each version with each kind of library, or a fixed slice of them.
fn servers() -> Vec<(u32, Library)> {
    use Library::{None, OfTheRole, OfTheServer};
    if !is_long() {
        return vec![(12, OfTheServer), (15, OfTheRole), (18, None), (18, OfTheServer)];
    }
    let kinds = |major| [None, OfTheServer, OfTheRole].map(|library| (major, library));
    MAJORS.iter().flat_map(|major| kinds(*major)).collect()
}

/// Statements that may hold something and hold nothing.
const HOLD_NOTHING: &[&str] = &[
    "do $$ begin perform 1; end $$",
    "select set_config('work_mem', '5MB', true)",
    "select pg_try_advisory_xact_lock(7)",
    "create temp table basket (id int) on commit drop",
];

#[test]
fn sessions_of_a_role_with_login_alone_go_back_to_the_pool_whatever_is_preloaded() {
    for (major, library) in servers() {
        let server = start(major, library);
        let said = format!("{major}, {library:?}");
        let config =
            Config { pool_size: 2, pool_timeout_s: 5, ..config(&server, "postgres", PLAIN) };
        let mut world = World::new();
        let connection = world.open(&config);
        assert!(world.catalog(connection).relations().count() > 50, "{said}");
        let names = world.names_of(connection, &[(25, -1), (1043, 24)]);
        let expected = [(25, "text".into()), (1043, "character varying(20)".into())];
        assert_eq!(names, expected, "{said}");
        for sql in HOLD_NOTHING {
            assert!(classify::kind_of(sql).may_hold, "{sql}");
            let session = world.session(connection);
            world.run(session, sql);
            assert_eq!(world.held(session), Ok(vec![]), "{said}: {sql}");
            world.end(session, Ending::Return);
        }
        let busy = world.session(connection);
        world.run(busy, "select 1");
        assert_eq!(world.terminate(busy), Ok(()), "{said}");
        if world.lost.is_empty() {
            world.wait(|msg| matches!(msg, Msg::Session(session::Msg::Lost { .. })).then_some(()));
        }
        assert!(world.largest_pool <= 2, "{said}");
        assert_eq!(world.notices, [""; 0], "{said}");
    }
}

#[test]
fn the_server_s_words_about_tusk_s_own_questions_are_no_messages_of_the_user_s() {
    for major in majors() {
        let server = start(*major, Library::OfTheServer);
        let mut world = World::new();
        let connection = world.open(&config(&server, "postgres", PLAIN));
        let session = world.session(connection);
        world.run(session, "set standard_conforming_strings = off");
        world.run(session, "set escape_string_warning = on");
        world.run(session, "set client_min_messages = debug1");
        world.notices.clear();
        let held = world.held(session).unwrap();
        assert!(held.contains(&"the setting standard_conforming_strings".to_owned()), "{held:?}");
        assert_eq!(world.notices, [""; 0], "{major}");
        // Those of the user's own statements still are.
        world.run(session, "select 'a\\\\b'");
        assert_eq!(world.notices.len(), 1, "{:?}", world.notices);
    }
}

#[test]
fn a_library_that_the_user_loads_is_held_beside_those_that_were_there() {
    for major in majors() {
        let server = start(*major, Library::OfTheServer);
        let mut world = World::new();
        let connection = world.open(&config(&server, "postgres", SUPERUSER));
        let session = world.session(connection);
        world.run(session, "load 'auto_explain'");
        let held = world.held(session);
        assert_eq!(held, Ok(vec!["the loaded library auto_explain".into()]));
        world.end(session, Ending::Close);
        let session = world.session(connection);
        assert_eq!(world.held(session), Ok(vec![]), "{major}");
    }
}

#[test]
fn a_question_that_fails_half_way_leaves_its_session_as_it_was() {
    let server = TestServer::shared();
    let database = server.fresh_database();
    let mut world = World::new();
    let connection = world.open(&config(server, &database, SUPERUSER));
    let (session, other) = (world.session(connection), world.session(connection));
    world.run(session, "set lock_timeout = '20ms'");
    world.run(other, "begin");
    world.run(other, "lock pg_catalog.pg_extension in access exclusive mode");
    let failure = world.held(session).unwrap_err();
    assert_eq!(failure.sqlstate.as_deref(), Some("55P03"));
    world.run(session, "select 1");
    assert_eq!(world.transaction, Transaction::Idle);
    world.run(other, "rollback");
    assert_eq!(world.held(session), Ok(vec!["the setting lock_timeout".into()]));
}

#[test]
fn nothing_is_asked_inside_a_transaction_of_the_user_s() {
    let server = TestServer::shared();
    let database = server.fresh_database();
    let mut world = World::new();
    let connection = world.open(&config(server, &database, SUPERUSER));
    let session = world.session(connection);
    world.run(session, "begin");
    world.run(session, "create table kept (id int)");
    let open = Ok(vec!["an open transaction".to_owned()]);
    assert_eq!(world.held(session), open);
    world.run(session, "select from kept");
    assert_eq!(world.transaction, Transaction::Active);
    assert!(world.run_in(session, "select 1/0", None).is_some());
    assert_eq!(world.held(session), open);
    assert_eq!(world.transaction, Transaction::Failed);
}

#[test]
fn what_sessions_have_by_default_bends_no_question() {
    let server = TestServer::shared();
    let database = server.fresh_database();
    server.psql("postgres", "create role odd login");
    for setting in [
        "default_transaction_isolation = 'serializable'",
        "default_transaction_deferrable = on",
        "default_transaction_read_only = on",
        "standard_conforming_strings = off",
        "quote_all_identifiers = on",
        "row_security = off",
        "transform_null_equals = on",
        "array_nulls = off",
        "search_path = ''",
        "datestyle = 'German, DMY'",
        "bytea_output = 'escape'",
        "client_min_messages = debug5",
        "lc_messages = 'C'",
    ] {
        server.psql("postgres", "alter role odd reset all");
        server.psql("postgres", &format!("alter role odd set {setting}"));
        let mut world = World::new();
        let connection = world.open(&config(server, &database, "odd"));
        assert!(world.catalog(connection).relations().count() > 50, "{setting}");
        let session = world.session(connection);
        assert_eq!(world.held(session), Ok(vec![]), "{setting}");
        world.end(session, Ending::Return);
    }
}
