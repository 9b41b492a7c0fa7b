//! Read-only connections: whatever a text is, nothing that it wrote remains.
//!
//! READ ONLY alone does not do that: `RESET transaction_read_only`, alone or inside a function, gets out of it. So
//! each statement runs in a transaction that Tusk begins and that ends in ROLLBACK, always. This is where it is
//! decided how: [`prepare`] makes a [`Seal`] for a statement, the runner keeps it, and what it saw comes back as an
//! [`Inspection`]. A rollback takes settings away, too; those that do no harm are kept here, by the tab, and applied
//! again at the beginning of the next transaction.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    base::transaction::Transaction,
    failure::{Category, Failure},
    sql::safety::guard::{self, Judgement, Passage, Refusal},
};

/// A setting of the server and its value, as `pg_settings` writes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// `search_path`
    pub name: String,
    /// `"$user", public`
    pub value: String,
    /// Whether it is the user's own (`app.tenant`): the server and its extensions know nothing of it.
    pub custom: bool,
}

/// How a statement is run, so that nothing of it remains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seal {
    /// In a read-only transaction of its own, which is rolled back.
    Whole {
        /// What is set before it.
        settings: Vec<Setting>,
        /// Whether the server's grammar has to confirm first that it is a query or a change of rows.
        confirm: bool,
        /// Whether the settings that it leaves are asked for; with it, those that the server does not list.
        asks_settings: Option<Vec<String>>,
        /// The names in it: the server is asked first whether one is that of a function which nobody knows.
        names: Vec<String>,
    },
    /// It is Tusk's BEGIN for a transaction of the user's.
    Begins {
        /// What is set after it.
        settings: Vec<Setting>,
    },
    /// In the user's transaction, which is made read-only again before it.
    Inside {
        /// Whether the server's grammar has to confirm first that it is a query or a change of rows.
        confirm: bool,
        /// Whether the settings that it leaves are asked for; with it, those that the server does not list.
        asks_settings: Option<Vec<String>>,
        /// The names in it: the server is asked first whether one is that of a function which nobody knows.
        names: Vec<String>,
    },
    /// It is Tusk's statement on a savepoint.
    Savepoint,
    /// It is Tusk's ROLLBACK of the user's transaction.
    Ends {
        /// The transaction that follows at once, and what is set in it.
        chain: Option<(String, Vec<Setting>)>,
    },
}

/// What the runner saw after a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// What had become of the transaction.
    pub access: Access,
    /// The session's settings, where they were asked for and the server could tell.
    pub settings: Option<Vec<Setting>>,
}

/// What a statement made of its transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// It is as it was, or has failed.
    #[default]
    ReadOnly,
    ReadWrite,
    /// It was over before Tusk rolled it back.
    Over,
}

/// What a tab keeps for its read-only connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// The settings that its transactions begin with.
    pub settings: Vec<Setting>,
    /// The user's transaction.
    pub block: Option<Block>,
}

/// A transaction that the user began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Block {
    /// What it was begun with.
    pub sql: String,
    /// The settings that are kept once it is committed.
    pub settings: Vec<Setting>,
}

/// A statement that is ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// What is sent: the user's text, or Tusk's own in its place.
    pub sql: Arc<str>,
    /// How it is run.
    pub seal: Seal,
    /// What it was taken for.
    pub passage: Passage,
}

/// Decides how a statement is run; why not, where it is not run at all.
pub fn prepare(
    kept: &Kept,
    transaction: Transaction,
    sql: &Arc<str>,
) -> Result<Prepared, Box<Failure>> {
    let inside = transaction != Transaction::Idle;
    let Judgement { passage, names } = guard::judge(sql);
    let as_written = |confirm: bool, asks_settings: bool, settings: &[Setting]| {
        let asks_settings = asks_settings.then(|| kept.custom_settings(sql));
        let names = names.clone();
        let seal = if inside {
            Seal::Inside { confirm, asks_settings, names }
        } else {
            Seal::Whole { settings: settings.to_vec(), confirm, asks_settings, names }
        };
        (sql.clone(), seal)
    };
    let (sql, seal) = match &passage {
        Passage::Query { sets } => as_written(true, *sets, &kept.settings),
        Passage::Utility { sets } => as_written(false, *sets, &kept.settings),
        // What can't be applied any more must not stand in the way of forgetting it.
        Passage::ResetAll => as_written(false, true, &[]),
        Passage::InTransaction { .. } if inside => as_written(false, false, &[]),
        Passage::InTransaction { makes } => return Err(Box::new(ends_at_once(makes))),
        // In a transaction, and outside of one, the server says itself that such a command is out of place.
        Passage::Begin { .. } if inside => (Arc::from("begin"), Seal::Savepoint),
        Passage::Begin { sql, .. } => {
            let settings = kept.settings.clone();
            (Arc::from(sql.as_str()), Seal::Begins { settings })
        }
        Passage::End { chain, .. } => {
            let chain = (*chain && inside).then(|| kept.again(transaction, &passage));
            (Arc::from("rollback"), Seal::Ends { chain })
        }
        Passage::Savepoint { sql } if inside => (Arc::from(sql.as_str()), Seal::Savepoint),
        Passage::Savepoint { .. } => return Err(Box::new(no_transaction())),
        Passage::Refused(refusal) => return Err(Box::new(refused(refusal))),
    };
    Ok(Prepared { sql, seal, passage })
}

impl Kept {
    /// Settings with a dot in their names that are kept, or that a text sets.
    fn custom_settings(&self, sql: &str) -> Vec<String> {
        let kept = self.block.as_ref().map_or(&self.settings, |block| &block.settings);
        let custom = kept.iter().filter(|setting| setting.custom);
        let mut names: Vec<String> = custom.map(|setting| setting.name.clone()).collect();
        for name in guard::custom_settings(sql) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The user's transaction begun once more, with what it leaves behind.
    fn again(&self, transaction: Transaction, passage: &Passage) -> (String, Vec<Setting>) {
        let sql = self.block.as_ref().map_or("begin read only", |block| block.sql.as_str());
        (sql.to_owned(), self.left_by(transaction, passage).to_vec())
    }

    /// The settings that the end of the user's transaction leaves.
    fn left_by(&self, before: Transaction, passage: &Passage) -> &[Setting] {
        match (&self.block, passage) {
            (Some(block), Passage::End { commit: true, .. }) if before == Transaction::Active => {
                &block.settings
            }
            _ => &self.settings,
        }
    }

    /// Takes in how a statement ended; answers with what a person should hear of it.
    pub fn ended(
        &mut self,
        passage: &Passage,
        before: Transaction,
        after: Transaction,
    ) -> Option<&'static str> {
        let word = match passage {
            Passage::Begin { sql, read_write } if before == Transaction::Idle => {
                self.block = Some(Block { sql: sql.clone(), settings: self.settings.clone() });
                read_write.then_some(
                    "This connection is read-only, and so is the transaction. It will end in a rollback.",
                )
            }
            Passage::End { commit, .. } => {
                self.settings = self.left_by(before, passage).to_vec();
                if let Some(block) = &mut self.block {
                    block.settings.clone_from(&self.settings);
                }
                (*commit && before != Transaction::Idle).then_some(
                    "This connection is read-only: COMMIT was answered with a rollback, and nothing remains.",
                )
            }
            _ => None,
        };
        if after == Transaction::Idle {
            self.block = None;
        }
        word
    }

    /// Takes in what was seen after a statement; answers with what a person should hear of it.
    pub fn inspected(&mut self, inspection: &Inspection) -> Vec<String> {
        let mut words = Vec::new();
        match inspection.access {
            Access::ReadOnly => {}
            Access::ReadWrite if self.block.is_some() => words.push(
                "This statement switched its transaction to read-write. Tusk makes it read-only again, \
                 and rolls it back in the end: nothing that it wrote remains."
                    .to_owned(),
            ),
            Access::ReadWrite => words.push(
                "This statement switched its transaction to read-write. Everything was rolled back."
                    .to_owned(),
            ),
            Access::Over => words.push(
                "This statement ended its transaction before Tusk rolled it back. Look whether it changed anything."
                    .to_owned(),
            ),
        }
        if let Some(settings) = &inspection.settings {
            words.extend(self.take(settings));
        }
        words
    }

    fn take(&mut self, settings: &[Setting]) -> Vec<String> {
        let (kept, other): (Vec<Setting>, Vec<Setting>) = settings
            .iter()
            .filter(|setting| !setting.name.starts_with("transaction_") || is_kept(setting))
            .cloned()
            .partition(is_kept);
        let (place, when) = match &mut self.block {
            Some(block) => (&mut block.settings, " once the transaction is committed"),
            None => (&mut self.settings, ""),
        };
        let mut words = Vec::new();
        for setting in &kept {
            if !place.contains(setting) {
                let Setting { name, value, .. } = setting;
                words.push(format!("Tusk keeps {name} = {value} for this tab{when}."));
            }
        }
        for before in place.iter() {
            if !kept.iter().any(|now| now.name == before.name) {
                words.push(format!("Tusk no longer keeps {}{when}.", before.name));
            }
        }
        *place = kept;
        let until = if self.block.is_some() {
            "it ends with this transaction"
        } else {
            "it ended with its statement. Begin a transaction to use it"
        };
        for Setting { name, .. } in other.iter().filter(|setting| setting.name != "client_encoding")
        {
            words.push(format!("A read-only connection does not keep {name}: {until}."));
        }
        words
    }
}

/// Whether a setting is known to do no harm, so that it is kept from one transaction to the next. A setting of the
/// user's own, which no part of the server reads, is among them; one of an extension may do anything.
fn is_kept(setting: &Setting) -> bool {
    let name = setting.name.to_ascii_lowercase();
    setting.custom || HARMLESS.binary_search(&name.as_str()).is_ok()
}

/// The settings of PostgreSQL, 12 to 18, that change how a statement is planned or how long it may take, and how values
/// are read and shown.
#[rustfmt::skip]
pub const HARMLESS: &[&str] = &[
    "application_name", "array_nulls", "bytea_output", "client_min_messages", "constraint_exclusion",
    "cpu_index_tuple_cost", "cpu_operator_cost", "cpu_tuple_cost", "cursor_tuple_fraction", "datestyle",
    "default_statistics_target", "default_text_search_config", "effective_cache_size", "effective_io_concurrency",
    "enable_async_append", "enable_bitmapscan", "enable_distinct_reordering", "enable_gathermerge",
    "enable_group_by_reordering", "enable_hashagg", "enable_hashjoin", "enable_incremental_sort",
    "enable_indexonlyscan", "enable_indexscan", "enable_material", "enable_memoize", "enable_mergejoin",
    "enable_nestloop", "enable_parallel_append", "enable_parallel_hash", "enable_partition_pruning",
    "enable_partitionwise_aggregate", "enable_partitionwise_join", "enable_presorted_aggregate",
    "enable_self_join_elimination", "enable_seqscan", "enable_sort", "enable_tidscan", "extra_float_digits",
    "from_collapse_limit", "geqo", "geqo_effort", "geqo_generations", "geqo_pool_size", "geqo_seed",
    "geqo_selection_bias", "geqo_threshold", "gin_fuzzy_search_limit", "hash_mem_multiplier",
    "idle_in_transaction_session_timeout", "idle_session_timeout", "intervalstyle", "jit", "jit_above_cost",
    "jit_expressions", "jit_inline_above_cost", "jit_optimize_above_cost", "jit_tuple_deforming",
    "join_collapse_limit", "lc_messages", "lc_monetary", "lc_numeric", "lc_time", "lock_timeout",
    "maintenance_work_mem", "max_parallel_workers_per_gather", "min_parallel_index_scan_size",
    "min_parallel_table_scan_size", "parallel_leader_participation", "parallel_setup_cost", "parallel_tuple_cost",
    "plan_cache_mode", "quote_all_identifiers", "random_page_cost", "recursive_worktable_factor", "row_security",
    "search_path", "seq_page_cost", "statement_timeout", "timezone", "timezone_abbreviations",
    "transaction_timeout", "transform_null_equals", "work_mem", "xmlbinary", "xmloption",
];

/// A refusal of Tusk's own, under the code that the server has for it.
fn refusal(sqlstate: &str, message: String, advice: &str) -> Failure {
    Failure { sqlstate: Some(sqlstate.into()), ..Failure::new(Category::Query, message) }
        .with_next_step(advice)
}

/// What to do about a read-only connection.
pub const TO_WRITE: &str = "To do this, use a connection that is not read-only.";

/// What a read-only connection says of a statement that it does not run.
pub fn refused(reason: &Refusal) -> Failure {
    let what = match reason {
        Refusal::Function(name) => {
            format!(", and a rollback does not undo what the function {name} does")
        }
        Refusal::UnknownFunction(name) => format!(
            ", and nothing is known of the function {name}, which is written in C or in an untrusted language: it may \
             do what a rollback does not undo"
        ),
        Refusal::Setting(name) => {
            format!(", and with {name} the server writes files, which a rollback leaves")
        }
        Refusal::Command(name) => format!(", and a rollback does not undo all that {name} does"),
        Refusal::Hiding(what) => format!(
            ", and {what} in a DO can put a function behind another name, where it is not seen"
        ),
        Refusal::Copy => ": COPY may only go TO STDOUT".into(),
        Refusal::NeedsCommit(name) => {
            format!(" and rolls everything back, so that {name} would do nothing")
        }
        Refusal::Unreadable(what) => {
            format!(", and Tusk can't read {what}: it may do what a rollback does not undo")
        }
        Refusal::TwoPhase => ": it prepares, commits and ends no prepared transaction".into(),
    };
    let advice = match reason {
        Refusal::Command(name) if name == "DISCARD" => {
            "RESET ALL forgets the settings of this tab; nothing else outlives a statement here."
                .into()
        }
        Refusal::Function(name) | Refusal::UnknownFunction(name) => other_name(name),
        _ => TO_WRITE.to_owned(),
    };
    let ended = match reason {
        Refusal::UnknownFunction(_) => "The statement names it, and was not run.",
        _ => "It was not sent.",
    };
    let message = format!("This connection is read-only{what}. {ended}");
    refusal("25006", message, &advice)
}

/// How to reach a column that has the name of a function. Quotes do not help: `x."setval"` calls the function, too.
fn other_name(name: &str) -> String {
    format!(
        "If {name} is a column, give the columns other names, in their order: from t as t(a, b). Quotes do not help. \
         {TO_WRITE}"
    )
}

fn ends_at_once(makes: &str) -> Failure {
    let message = format!(
        "This connection is read-only and rolls each statement back: {makes} would be gone at once. It was not sent."
    );
    refusal(
        "25P01",
        message,
        "Begin a transaction first (BEGIN): inside it, it stays until the transaction ends.",
    )
}

fn no_transaction() -> Failure {
    let message = "There is no transaction for a savepoint.".to_owned();
    refusal("25P01", message, "Begin one first (BEGIN).")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(name: &str, value: &str) -> Setting {
        Setting { name: name.into(), value: value.into(), custom: name.starts_with("my.") }
    }

    fn kept(settings: &[(&str, &str)]) -> Kept {
        Kept { settings: settings.iter().map(|(n, v)| setting(n, v)).collect(), block: None }
    }

    #[track_caller]
    fn prepared(kept: &Kept, transaction: Transaction, sql: &str) -> (String, Seal) {
        let prepared = prepare(kept, transaction, &sql.into()).unwrap();
        (prepared.sql.to_string(), prepared.seal)
    }

    fn seen(settings: &[(&str, &str)]) -> Inspection {
        Inspection {
            access: Access::ReadOnly,
            settings: Some(settings.iter().map(|(n, v)| setting(n, v)).collect()),
        }
    }

    const COMMIT: Passage = Passage::End { commit: true, chain: false };
    const ROLLBACK: Passage = Passage::End { commit: false, chain: false };

    #[test]
    fn a_statement_outside_a_transaction_is_sealed_whole_with_the_tab_s_settings() {
        let kept = kept(&[("work_mem", "65536")]);
        for (sql, confirm, asks_settings) in [
            ("select 1", true, None),
            ("show all", false, None),
            ("set a = 1", false, Some(vec![])),
            ("set a.b = 1", false, Some(vec!["a.b".to_owned()])),
        ] {
            let seal = Seal::Whole {
                settings: kept.settings.clone(),
                confirm,
                asks_settings,
                names: guard::judge(sql).names,
            };
            assert_eq!(prepared(&kept, Transaction::Idle, sql), (sql.to_owned(), seal));
        }
        let seal = Seal::Whole {
            settings: vec![],
            confirm: false,
            asks_settings: Some(vec![]),
            names: vec!["reset".into()],
        };
        assert_eq!(prepared(&kept, Transaction::Idle, "reset all").1, seal);
    }

    #[test]
    fn a_transaction_of_the_user_s_is_begun_and_ended_in_tusk_s_words() {
        let mut kept = kept(&[("work_mem", "65536")]);
        let settings = kept.settings.clone();
        let begins =
            prepared(&kept, Transaction::Idle, "begin isolation level serializable read write");
        let sql = "begin isolation level serializable read only".to_owned();
        assert_eq!(begins, (sql.clone(), Seal::Begins { settings: settings.clone() }));
        let begin = Passage::Begin { sql: sql.clone(), read_write: true };
        assert!(
            kept.ended(&begin, Transaction::Idle, Transaction::Active)
                .unwrap()
                .contains("read-only")
        );
        let inside = Seal::Inside { confirm: true, asks_settings: None, names: vec![] };
        assert_eq!(prepared(&kept, Transaction::Active, "select 1").1, inside);
        assert_eq!(
            prepared(&kept, Transaction::Active, "begin read write"),
            ("begin".into(), Seal::Savepoint)
        );
        assert_eq!(
            prepared(&kept, Transaction::Failed, "rollback to a"),
            ("rollback to a".into(), Seal::Savepoint)
        );
        for end in ["commit", "end work", "rollback", "abort"] {
            assert_eq!(
                prepared(&kept, Transaction::Active, end),
                ("rollback".into(), Seal::Ends { chain: None })
            );
        }
        let chain = Some((sql, settings));
        assert_eq!(
            prepared(&kept, Transaction::Active, "commit and chain").1,
            Seal::Ends { chain }
        );
        assert_eq!(
            prepared(&kept, Transaction::Idle, "commit and chain").1,
            Seal::Ends { chain: None }
        );
        assert!(
            kept.ended(&COMMIT, Transaction::Active, Transaction::Idle)
                .unwrap()
                .contains("rollback")
        );
        assert_eq!(kept.block, None);
    }

    #[test]
    fn what_would_be_gone_at_once_is_refused_outside_a_transaction_and_sent_inside() {
        for sql in ["prepare p as select 1", "declare c cursor for select 1", "savepoint a"] {
            let failure = prepare(&Kept::default(), Transaction::Idle, &sql.into()).unwrap_err();
            assert_eq!(failure.sqlstate.as_deref(), Some("25P01"), "{sql}");
            assert!(failure.next_step.unwrap().contains("BEGIN"), "{sql}");
            prepare(&Kept::default(), Transaction::Active, &sql.into()).unwrap();
        }
    }

    #[test]
    fn each_refusal_names_its_reason_and_what_to_do() {
        for (sql, word) in [
            ("select nextval('s')", "nextval"),
            ("checkpoint", "CHECKPOINT"),
            ("copy t from stdin", "COPY"),
            ("listen a", "LISTEN"),
            ("prepare transaction 'x'", "prepared transaction"),
            ("discard all", "DISCARD"),
        ] {
            for transaction in [Transaction::Idle, Transaction::Active, Transaction::Failed] {
                let failure = prepare(&Kept::default(), transaction, &sql.into()).unwrap_err();
                assert!(failure.is("25006") && failure.message.contains(word), "{failure:?}");
                assert!(failure.message.ends_with("It was not sent."), "{failure:?}");
                assert!(failure.next_step.is_some());
            }
        }
    }

    #[test]
    fn harmless_settings_are_kept_and_others_are_said_not_to_be() {
        let mut kept = Kept::default();
        let words = kept.inspected(&seen(&[
            ("search_path", "app"),
            ("transaction_read_only", "on"),
            ("session_replication_role", "replica"),
            ("client_encoding", "SQL_ASCII"),
            ("TimeZone", "UTC"),
            ("my.tenant", "7"),
            ("auto_explain.log_analyze", "on"),
            ("jit_dump_bitcode", "on"),
        ]));
        assert_eq!(
            kept.settings,
            [setting("search_path", "app"), setting("TimeZone", "UTC"), setting("my.tenant", "7")]
        );
        assert_eq!(
            words,
            [
                "Tusk keeps search_path = app for this tab.",
                "Tusk keeps TimeZone = UTC for this tab.",
                "Tusk keeps my.tenant = 7 for this tab.",
                "A read-only connection does not keep session_replication_role: it ended with its statement. Begin a transaction to use it.",
                "A read-only connection does not keep auto_explain.log_analyze: it ended with its statement. Begin a transaction to use it.",
                "A read-only connection does not keep jit_dump_bitcode: it ended with its statement. Begin a transaction to use it.",
            ]
        );
        let words = kept.inspected(&seen(&[("search_path", "app"), ("TimeZone", "UTC")]));
        assert_eq!(words, ["Tusk no longer keeps my.tenant."]);
        assert_eq!(
            kept.inspected(&Inspection { access: Access::ReadOnly, settings: None }),
            Vec::<String>::new()
        );
        assert_eq!(kept.settings.len(), 2);
    }

    #[test]
    fn settings_of_a_transaction_are_kept_when_it_is_committed_and_not_when_it_failed() {
        let begin = Passage::Begin { sql: "begin read only".into(), read_write: false };
        for (passage, before, keeps) in [
            (COMMIT, Transaction::Active, true),
            (ROLLBACK, Transaction::Active, false),
            (COMMIT, Transaction::Failed, false),
        ] {
            let mut kept = Kept::default();
            kept.ended(&begin, Transaction::Idle, Transaction::Active);
            kept.inspected(&seen(&[("search_path", "app")]));
            assert_eq!(kept.settings, []);
            kept.ended(&passage, before, Transaction::Idle);
            assert_eq!(
                kept.settings == [setting("search_path", "app")],
                keeps,
                "{passage:?} {before:?}"
            );
            assert_eq!(kept.block, None);
        }
    }

    #[test]
    fn a_begin_inside_a_transaction_changes_nothing_of_it() {
        let begin = |sql: &str| Passage::Begin { sql: sql.into(), read_write: true };
        let mut kept = Kept::default();
        kept.ended(&begin("begin"), Transaction::Idle, Transaction::Active);
        kept.inspected(&seen(&[("search_path", "app")]));
        let before = kept.clone();
        let again = begin("begin isolation level serializable");
        let word = kept.ended(&again, Transaction::Active, Transaction::Active);
        assert_eq!((word, &kept), (None, &before));
    }

    #[test]
    fn only_a_commit_that_would_have_kept_something_is_explained() {
        for (passage, before, explained) in [
            (COMMIT, Transaction::Active, true),
            (COMMIT, Transaction::Failed, true),
            (COMMIT, Transaction::Idle, false),
            (ROLLBACK, Transaction::Active, false),
            (ROLLBACK, Transaction::Idle, false),
        ] {
            let word = Kept::default().ended(&passage, before, Transaction::Idle);
            assert_eq!(word.is_some(), explained, "{passage:?} {before:?}");
        }
    }

    #[test]
    fn who_discards_is_told_what_forgets_and_who_writes_where_to() {
        let advice = |sql: &str| {
            let refused = prepare(&Kept::default(), Transaction::Idle, &sql.into());
            refused.unwrap_err().next_step.unwrap()
        };
        assert!(advice("discard all").contains("RESET ALL"));
        assert_eq!(advice("checkpoint"), TO_WRITE);
        let of_a_function = advice("select nextval('s')");
        assert!(of_a_function.ends_with(TO_WRITE) && of_a_function.contains("from t as t(a, b)"));
    }

    #[test]
    fn a_statement_that_got_out_is_told_loudly() {
        let mut inside = Kept::default();
        let begin = Passage::Begin { sql: "begin".into(), read_write: false };
        inside.ended(&begin, Transaction::Idle, Transaction::Active);
        let words = inside.inspected(&Inspection { access: Access::ReadWrite, settings: None });
        assert!(words.len() == 1 && words[0].contains("makes it read-only again"), "{words:?}");
        for (access, word) in [
            (Access::ReadWrite, "Everything was rolled back"),
            (Access::Over, "ended its transaction"),
        ] {
            let words = Kept::default().inspected(&Inspection { access, settings: None });
            assert!(words.len() == 1 && words[0].contains(word), "{words:?}");
        }
    }
}
