//! Statements that a session is given before those before them have ended.

use super::*;

impl Effects {
    /// Gives statements to a session at once; the first does not follow any.
    fn start_all(&mut self, session: SessionId, statements: &[&str]) -> Vec<QueryId> {
        let mut queries = vec![];
        for sql in statements {
            let query = QueryId::next(&mut self.ids);
            self.owe(format!("query {query}"));
            self.postgres.perform_query(query::Effect::Run {
                query,
                session,
                sql: (*sql).into(),
                copy_data: None,
                granted_rows: u64::MAX,
                follows: (!queries.is_empty()).then_some(BackslashRule::Ordinary),
            });
            queries.push(query);
        }
        queries
    }

    /// How they ended: by the tag, or by the SQLSTATE or the category of the failure.
    fn ends(&mut self, queries: &[QueryId]) -> Vec<String> {
        let end = |query: &QueryId| {
            let ended = self.finish(*query);
            match ended.failure {
                _ if ended.lost => "lost".into(),
                Some(failure) => {
                    failure.sqlstate.unwrap_or_else(|| format!("{:?}", failure.category))
                }
                None => ended.tag,
            }
        };
        queries.iter().map(end).collect()
    }
}

/// Who runs them: a role that may log in and nothing else.
const PLAIN: &str = "plain";

/// A database of a server in which that role may use one table.
struct Place {
    server: &'static TestServer,
    database: String,
}

impl Place {
    fn on(server: &'static TestServer) -> Self {
        let database = server.fresh_database();
        let setup = format!(
            "do $$ begin create role {PLAIN} login; exception when duplicate_object or unique_violation then null; \
             end $$; create table t (n int); grant select, insert on t to {PLAIN}"
        );
        server.psql(&database, &setup);
        Self { server, database }
    }

    fn config(&self) -> Config {
        Config { user: PLAIN.into(), ..on_socket(self.server, &self.database) }
    }

    fn session(&self) -> (Effects, SessionId) {
        let (world, _, session) = Effects::with_session(&self.config());
        (world, session)
    }

    fn rows_of_t(&self) -> String {
        let all = "select string_agg(n::text, ' ' order by n) from t";
        self.server.psql(&self.database, all)
    }
}

/// Does this on the system's own server, and in the long form on one of each version.
fn everywhere(test: fn(&Place)) {
    static SERVERS: [OnceLock<TestServer>; MAJORS.len()] =
        [const { OnceLock::new() }; MAJORS.len()];
    if std::env::var_os("TUSK_LONG").is_none() {
        return test(&Place::on(TestServer::shared()));
    }
    for (major, server) in MAJORS.iter().zip(&SERVERS) {
        let server = server.get_or_init(|| TestServer::start(TestConfig::of_major(*major)));
        println!("PostgreSQL {major}");
        test(&Place::on(server));
    }
}

#[test]
fn they_run_in_order_until_one_fails() {
    everywhere(|place| {
        let (mut world, session) = place.session();
        let mut statements = vec!["insert into t values (0)".to_owned()];
        statements.extend((1..60).map(|n| format!("insert into t values ({n})")));
        statements[40] = "select 1/0".into();
        let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
        let queries = world.start_all(session, &statements);
        let ends = world.ends(&queries);
        assert!(ends[..40].iter().all(|end| end == "INSERT 0 1"), "{ends:?}");
        assert_eq!(ends[40], "22012");
        assert!(ends[41..].iter().all(|end| end == "Cancelled"), "{ends:?}");
        let all: Vec<String> = (0..40).map(|n| n.to_string()).collect();
        assert_eq!(place.rows_of_t(), all.join(" "));
        // What does not follow runs as ever, and what comes too late follows nothing that failed.
        let late = world.start_all(session, &["select 1/0"]);
        assert_eq!(world.ends(&late), ["22012"]);
        let query = QueryId::next(&mut world.ids);
        world.owe(format!("query {query}"));
        world.postgres.perform_query(query::Effect::Run {
            query,
            session,
            sql: "insert into t values (100)".into(),
            copy_data: None,
            granted_rows: u64::MAX,
            follows: Some(BackslashRule::Ordinary),
        });
        assert_eq!(world.ends(&[query]), ["Cancelled"]);
        assert_eq!(world.run(session, "select 1").tag, "SELECT 1");
        world.shut_down();
    });
}

#[test]
fn one_that_was_cut_by_another_rule_is_not_sent() {
    everywhere(|place| {
        let (mut world, session) = place.session();
        let queries = world.start_all(
            session,
            &[
                "insert into t values (1)",
                "set standard_conforming_strings to off",
                "insert into t values (2)",
                "set standard_conforming_strings to on",
                "insert into t values (3)",
            ],
        );
        let ends = world.ends(&queries);
        assert_eq!(ends, ["INSERT 0 1", "SET", "Cancelled", "Cancelled", "Cancelled"]);
        assert_eq!(place.rows_of_t(), "1");
        world.shut_down();
    });
}

#[test]
fn a_cancel_hits_the_one_that_runs_by_then_and_nothing_behind_it_is_sent() {
    everywhere(|place| {
        let (mut world, session) = place.session();
        let mut statements =
            vec!["insert into t values (1)", "insert into t values (2)", "select pg_sleep(3600)"];
        // So many that what the first ones come to is gathered; it has to come while the third runs.
        statements.extend(["insert into t values (3)"; 30]);
        let queries = world.start_all(session, &statements);
        assert_eq!(world.ends(&queries[..2]), ["INSERT 0 1", "INSERT 0 1"]);
        // The loop may know of none of these ends yet.
        world.owe(format!("cancel {}", queries[0]));
        world.postgres.perform_query(query::Effect::Cancel {
            query: queries[0],
            session,
            ahead: queries[1..].to_vec(),
        });
        let ends = world.ends(&queries[2..]);
        assert_eq!(ends[0], "57014");
        assert!(ends[1..].iter().all(|end| end == "Cancelled"), "{ends:?}");
        world.cancelled(queries[0]).unwrap();
        assert_eq!(place.rows_of_t(), "1 2");
        world.shut_down();
    });
}

#[test]
fn the_end_of_their_link_is_the_end_of_all() {
    everywhere(|place| {
        let (mut world, session) = place.session();
        let queries = world.start_all(
            session,
            &[
                "insert into t values (1)",
                "select pg_terminate_backend(pg_backend_pid())",
                "insert into t values (2)",
                "insert into t values (3)",
            ],
        );
        assert_eq!(world.ends(&queries), ["INSERT 0 1", "lost", "lost", "lost"]);
        assert_eq!(place.rows_of_t(), "1");
        world.shut_down();
    });
}

#[test]
fn rows_of_one_that_was_told_to_keep_none_before_it_ran_are_counted() {
    everywhere(|place| {
        let (mut world, session) = place.session();
        let queries =
            world.start_all(session, &["select pg_sleep(0.2)", "select generate_series(1, 1000)"]);
        world.postgres.perform_query(query::Effect::DiscardRows { query: queries[1] });
        let ended = world.finish(queries[1]);
        assert_eq!((ended.rows, ended.discarded), (0, 1_000));
        world.finish(queries[0]);
        world.shut_down();
    });
}

#[test]
fn behind_one_that_ends_well_in_spite_of_its_cancel_nothing_is_sent() {
    everywhere(|place| {
        let (mut world, session) = place.session();
        let survives =
            "do $$ begin perform pg_sleep(3600); exception when query_canceled then null; end $$";
        let statements = ["insert into t values (1)", survives, "insert into t values (2)"];
        let queries = world.start_all(session, &statements);
        assert_eq!(world.ends(&queries[..1]), ["INSERT 0 1"]);
        let sleeps = "select count(*) from pg_stat_activity where query like 'do $$%' and wait_event = 'PgSleep' and \
                  datname = current_database()";
        while place.server.psql(&place.database, sleeps) != "1" {}
        world.owe(format!("cancel {}", queries[0]));
        world.postgres.perform_query(query::Effect::Cancel {
            query: queries[0],
            session,
            ahead: queries[1..].to_vec(),
        });
        assert_eq!(world.ends(&queries[1..]), ["DO", "Cancelled"]);
        world.cancelled(queries[0]).unwrap();
        assert_eq!(place.rows_of_t(), "1");
        world.shut_down();
    });
}

#[test]
fn what_is_taken_back_ends_unsent_before_the_statement_that_runs() {
    everywhere(|place| {
        let (mut world, connection, session) = Effects::with_session(&place.config());
        let (other, _) = world.session(connection).unwrap();
        let lock = "select pg_advisory_lock(7)";
        assert_eq!(world.run(other, lock).tag, "SELECT 1");
        let statements = [
            "insert into t values (1)",
            lock,
            "insert into t values (2)",
            "insert into t values (3)",
        ];
        let queries = world.start_all(session, &statements);
        assert_eq!(world.ends(&queries[..1]), ["INSERT 0 1"]);
        // What does not follow was asked for by itself, and stays.
        let stays = world.start_all(session, &["insert into t values (4)"]);
        for _ in 0..2 {
            let take_back = query::Effect::TakeBack { session };
            world.postgres.perform_query(take_back);
        }
        assert_eq!(world.ends(&queries[2..]), ["Cancelled", "Cancelled"]);
        let unlock = "select pg_advisory_unlock(7)";
        assert_eq!(world.run(other, unlock).tag, "SELECT 1");
        assert_eq!(world.ends(&queries[1..2]), ["SELECT 1"]);
        assert_eq!(world.ends(&stays), ["INSERT 0 1"]);
        assert_eq!(place.rows_of_t(), "1 4");
        // And the session goes on as before.
        let anew = world.start_all(session, &["select 1", "insert into t values (5)"]);
        assert_eq!(world.ends(&anew), ["SELECT 1", "INSERT 0 1"]);
        world.shut_down();
    });
}

#[test]
fn at_the_end_of_the_program_one_cancel_is_sent_however_many_follow() {
    let (mut world, session, cancels) = losing_cancels(0);
    let mut statements = vec![ONE_ROW_THEN_NOTHING];
    statements.extend(["select 1"; 60]);
    let queries = world.start_all(session, &statements);
    world.first_rows(queries[0]);
    let said = world.shut_down();
    for query in &queries {
        let is_end = |msg: &&Msg| ended_by(msg) == Some(format!("query {query}"));
        assert_eq!(said.iter().filter(is_end).count(), 1);
    }
    assert_eq!(cancels.load(Ordering::SeqCst), 1);
}
