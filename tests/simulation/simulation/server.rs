//! The simulated servers: each session has a backend with a truth of its own, each connection a pool with a maximum.
//!
//! What is here is what happened on the servers, whether or not anybody was told of it yet. The Model is held against it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::support::generated::Random;
use tusk::{
    base::{ids::*, transaction::Transaction},
    failure::{Category, Failure},
    update::{connection::PoolStatus, query::read_only::Seal},
};

/// A chunk that is full.
pub const FULL: u64 = 4_096;

/// The server process of a session.
pub struct Backend {
    pub connection: ConnectionId,
    pub transaction: Transaction,
    /// Whether its link stands.
    pub open: bool,
    /// Whether its tab let it go.
    pub let_go: bool,
    /// What it works on.
    pub runs: Option<QueryId>,
    /// What follows that, in order.
    pub ahead: VecDeque<(QueryId, Statement)>,
    /// Whether the last statement ended well.
    pub goes_on: bool,
    /// Each statement that it received, in order.
    pub received: Vec<QueryId>,
    /// What outlives its transactions, in the words of the answer to what a session holds.
    pub holds: Vec<String>,
    /// Whether a value of a sequence was taken in it.
    pub used_sequences: bool,
}

/// A statement that a backend works on.
pub struct Statement {
    pub session: SessionId,
    pub sql: Arc<str>,
    pub granted: u64,
    pub sent: u64,
    pub total: u64,
    pub results: u32,
    pub described: bool,
    pub discard: bool,
    pub discarded: u64,
    /// Whether the server was told to cancel it.
    pub cancelled: bool,
    /// Whether the reader stands still at what it was granted.
    pub stalled: bool,
    /// Whether it waits for a lock that nobody gives back.
    pub waits: bool,
    /// How it is sealed, on a read-only connection.
    pub seal: Option<Seal>,
    /// Whether it was told what it left in its transaction.
    pub inspected: bool,
    /// How the fault that was planned for it shows.
    pub fault: Option<Fault>,
}

/// A fault that was planned for a statement.
#[derive(Clone)]
pub enum Fault {
    Refused(Failure),
    Broken(Failure),
}

/// How a statement ended on its server.
pub enum End {
    Finished { tag: String },
    Failed(Failure),
}

/// A connection's pool.
#[derive(Default)]
pub struct Pool {
    pub max: u32,
    /// Links that nobody uses.
    pub idle: u32,
    /// Links that sessions have.
    pub lent: u32,
    pub waiting: VecDeque<SessionId>,
}

impl Pool {
    pub fn status(&self) -> PoolStatus {
        PoolStatus {
            size: self.idle + self.lent,
            available: self.idle,
            waiting: self.waiting.len() as u32,
            max: self.max,
        }
    }

    /// Lends a link, where there is one or room for one.
    pub fn lend(&mut self) -> bool {
        let lends = self.idle > 0 || self.idle + self.lent < self.max;
        if lends {
            self.idle = self.idle.saturating_sub(1);
            self.lent += 1;
        }
        lends
    }
}

#[derive(Default)]
pub struct Servers {
    pub backends: BTreeMap<SessionId, Backend>,
    pub statements: BTreeMap<QueryId, Statement>,
    pub pools: BTreeMap<ConnectionId, Pool>,
}

/// What becomes of a statement that is given to a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    Runs,
    /// It follows the one that runs.
    Follows,
    /// The one before it has ended badly.
    Refused,
    /// The link is gone.
    Lost,
}

impl Servers {
    /// A backend takes a statement, or keeps it for later.
    pub fn receive(&mut self, query: QueryId, statement: Statement, follows: bool) -> Received {
        let session = statement.session;
        let backend = self
            .backends
            .get_mut(&session)
            .expect("an unknown session was given a statement: it has to be opened first");
        assert!(
            !backend.let_go,
            "a statement went to a session that was let go: {}",
            statement.sql
        );
        assert!(
            follows || backend.runs.is_none() && backend.ahead.is_empty(),
            "a session carries two statements: {}",
            statement.sql
        );
        assert!(
            !backend.received.contains(&query),
            "a statement was sent twice: {}",
            statement.sql
        );
        backend.received.push(query);
        if !backend.open {
            return Received::Lost;
        }
        if backend.runs.is_some() {
            backend.ahead.push_back((query, statement));
            return Received::Follows;
        }
        if follows && !backend.goes_on {
            return Received::Refused;
        }
        backend.runs = Some(query);
        self.statements.insert(query, statement);
        Received::Runs
    }

    /// The statement that follows the one that has ended, if it ended well.
    pub fn follow(&mut self, session: SessionId) -> Option<QueryId> {
        let backend = self.backends.get_mut(&session)?;
        if !backend.goes_on {
            return None;
        }
        let (query, statement) = backend.ahead.pop_front()?;
        backend.runs = Some(query);
        self.statements.insert(query, statement);
        Some(query)
    }

    /// Takes back what follows the statement that runs.
    pub fn withdraw(&mut self, session: SessionId) -> Vec<QueryId> {
        let backend = self.backends.get_mut(&session);
        let ahead = backend.map(|backend| std::mem::take(&mut backend.ahead));
        ahead.into_iter().flatten().map(|(query, _)| query).collect()
    }

    /// A statement ends; what it did to its session stays there.
    pub fn end(
        &mut self,
        query: QueryId,
        cancelled: bool,
    ) -> Option<(Statement, End, Transaction)> {
        let statement = self.statements.remove(&query)?;
        let backend = self.backends.get_mut(&statement.session)?;
        backend.runs = None;
        let failure = if cancelled {
            Some(refusal("canceling statement due to user request", "57014"))
        } else {
            match &statement.fault {
                Some(Fault::Refused(failure)) => Some(failure.clone()),
                _ => refused_by(backend.transaction, &statement.sql),
            }
        };
        let end = match failure {
            Some(failure) => {
                if backend.transaction == Transaction::Active {
                    backend.transaction = Transaction::Failed;
                }
                End::Failed(failure)
            }
            None => End::Finished {
                tag: match &statement.seal {
                    None => done(backend, &statement.sql),
                    Some(seal) => done_sealed(backend, &statement.sql, seal),
                },
            },
        };
        backend.goes_on = matches!(end, End::Finished { .. });
        let transaction = backend.transaction;
        Some((statement, end, transaction))
    }

    /// The link of a session breaks; answers with what ran in it, and what followed that.
    pub fn break_link(&mut self, session: SessionId) -> Vec<QueryId> {
        let Some(backend) = self.backends.get_mut(&session) else {
            return vec![];
        };
        backend.open = false;
        let runs = backend.runs.take();
        if let Some(query) = &runs {
            self.statements.remove(query);
        }
        let ahead = self.withdraw(session);
        runs.into_iter().chain(ahead).collect()
    }
}

pub fn refusal(message: &str, sqlstate: &str) -> Failure {
    Failure {
        sqlstate: Some(sqlstate.to_owned()),
        severity: "ERROR".into(),
        position: Some(3),
        ..Failure::new(Category::Query, message)
    }
}

/// Why a server refuses a statement by itself.
fn refused_by(transaction: Transaction, sql: &str) -> Option<Failure> {
    let ends = sql.starts_with("commit") || sql.starts_with("rollback");
    if transaction == Transaction::Failed && !ends {
        return Some(refusal(
            "current transaction is aborted, commands ignored until end of transaction block",
            "25P02",
        ));
    }
    if sql.contains("custmers") {
        return Some(refusal("relation \"custmers\" does not exist", "42P01"));
    }
    sql.contains("1/0").then(|| refusal("division by zero", "22012"))
}

/// Does a statement to a backend; answers with its tag.
fn done(backend: &mut Backend, sql: &str) -> String {
    let word = sql.split_whitespace().next().unwrap_or_default();
    match word {
        "begin" => {
            backend.transaction = Transaction::Active;
            "BEGIN".into()
        }
        "insert" => {
            backend.used_sequences = true;
            "INSERT 0 1".into()
        }
        "commit" if backend.transaction == Transaction::Failed => {
            backend.transaction = Transaction::Idle;
            "ROLLBACK".into()
        }
        "commit" | "rollback" => {
            backend.transaction = Transaction::Idle;
            word.to_uppercase()
        }
        "create" if sql.starts_with("create temp table") => {
            backend.holds.push("a temporary table".into());
            "CREATE TABLE".into()
        }
        "drop" => {
            backend.holds.clear();
            "DROP TABLE".into()
        }
        _ => word.to_uppercase(),
    }
}

/// Does a statement of a read-only connection: nothing of it remains in its session but a transaction that Tusk began.
fn done_sealed(backend: &mut Backend, sql: &str, seal: &Seal) -> String {
    match seal {
        Seal::Begins { .. } | Seal::Ends { chain: None } => done(backend, sql),
        Seal::Ends { chain: Some(_) } => {
            let tag = done(backend, sql);
            backend.transaction = Transaction::Active;
            tag
        }
        Seal::Whole { .. } | Seal::Inside { .. } | Seal::Savepoint => {
            sql.split_whitespace().next().unwrap_or_default().to_uppercase()
        }
    }
}

/// How many rows a statement has.
pub fn rows_of(sql: &str, big: bool, plain: bool, random: &mut Random) -> u64 {
    match returns_rows(sql) {
        true if plain => {
            if sql.contains("large") {
                250_000
            } else {
                3
            }
        }
        true if big => *random.pick(&[0, 3 * FULL, 20 * FULL, 40 * FULL]),
        true => *random.pick(&[0, 1, 3, 5_000, 20_000, 150_000, 450_000]),
        false => 0,
    }
}

/// Whether a statement has rows at all.
pub fn returns_rows(sql: &str) -> bool {
    sql.contains("select") || sql.contains("returning") || sql.starts_with("values")
}
