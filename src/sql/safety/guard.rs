//! What a read-only connection may do with a statement, judged by its tokens.
//!
//! A read-only connection runs each statement inside a transaction that Tusk begins and rolls back. So nothing that
//! could end that transaction may reach the server as written: Tusk handles it. And nothing that a rollback does not
//! undo should reach it at all, if the text shows it. Everything that is not certainly another kind of statement is a
//! [`Passage::Query`], and the server's own grammar must confirm that before it runs; so an error in here ends in a
//! syntax error, never in a COMMIT.

pub mod known;
mod lasting;

use crate::sql::{
    read::{
        lex::{self, Token, TokenKind},
        literal::{self, name_at as name_of},
    },
    statement::classify::{self, CopyDirection, Kind, TransactionControl, Verb},
};
use serde::{Deserialize, Serialize};

/// The verdict: how a statement reaches the server on a read-only connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Passage {
    /// As written, once the server has confirmed that it is SELECT, VALUES, TABLE, INSERT, UPDATE, DELETE or MERGE and
    /// nothing more.
    Query {
        /// Whether it calls `set_config` for the session.
        sets: bool,
    },
    /// As written: its first word belongs to no command that could end a transaction.
    Utility {
        /// Whether it may change a setting for the session.
        sets: bool,
    },
    /// `RESET ALL`, as written; Tusk forgets the settings that it keeps.
    ResetAll,
    /// Not at all: a transaction begins.
    Begin {
        /// In Tusk's own words: `begin isolation level serializable read only`.
        sql: String,
        /// Whether the user asked for READ WRITE.
        read_write: bool,
    },
    /// Not at all: the transaction ends.
    End {
        /// Whether the user asked for COMMIT, which no read-only connection does.
        commit: bool,
        /// `AND CHAIN`: another one begins at once.
        chain: bool,
    },
    /// `SAVEPOINT`, `RELEASE` or `ROLLBACK TO`, in Tusk's own words.
    Savepoint {
        /// The command with the user's savepoint name.
        sql: String,
    },
    /// As written, and only inside a transaction that the user began: what it makes ends with that.
    InTransaction {
        /// What it makes: `a prepared statement`.
        makes: &'static str,
    },
    /// Not at all: no rollback undoes what it does.
    Refused(Refusal),
}

/// The verdict on a text, and the names in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub passage: Passage,
    /// Every name in it that may be a function's, in order: only the server knows which are functions, and what they
    /// do.
    pub names: Vec<String>,
}

/// Why a statement is not sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// It names this function, whose effect outlives a rollback.
    Function(String),
    /// It names this function, which is written in C or in an untrusted language, and which Tusk does not know.
    UnknownFunction(String),
    /// It names this setting, with which the server writes files.
    Setting(String),
    /// Its body makes or changes this, behind which a function can hide: `CREATE OPERATOR`.
    Hiding(String),
    /// It is this command, whose effect outlives a rollback.
    Command(String),
    /// It is a COPY that reads or writes files, or writes rows.
    Copy,
    /// It needs a commit to do anything at all.
    NeedsCommit(String),
    /// It is for prepared transactions.
    TwoPhase,
    /// It contains this, which Tusk can't read: `a DO in plpython3u`.
    Unreadable(String),
}

/// The verdict on a text.
pub fn passage(text: &str) -> Passage {
    judge(text).passage
}

/// The verdict on a text, and the names in it.
pub fn judge(text: &str) -> Judgement {
    let kind = classify::kind_of(text);
    let tokens: Vec<Token> = lex::tokens(text).filter(|token| !token.is_gap()).collect();
    let found = lasting::look(text, kind.verb);
    let passage = match (kind.transaction, found.refusal) {
        (Some(control), _) => control_of(text, &tokens, control),
        (None, Some(refusal)) => Passage::Refused(refusal),
        (None, None) => by_verb(text, &tokens, &kind),
    };
    Judgement { passage, names: found.names.into_iter().collect() }
}

fn by_verb(text: &str, tokens: &[Token], kind: &Kind) -> Passage {
    let refused = |refusal| Passage::Refused(refusal);
    let word = |at: usize| word_at(text, tokens, at);
    match kind.verb {
        Verb::Show | Verb::Explain | Verb::Fetch | Verb::Move | Verb::Close | Verb::Lock => {
            Passage::Utility { sets: false }
        }
        Verb::Do | Verb::Call | Verb::Execute | Verb::Deallocate => {
            Passage::Utility { sets: false }
        }
        Verb::Reset if word(1) == "all" => Passage::ResetAll,
        Verb::Reset => Passage::Utility { sets: true },
        Verb::Set => Passage::Utility {
            sets: !matches!(word(1).as_str(), "local" | "transaction" | "constraints"),
        },
        Verb::Copy if kind.copy == Some(CopyDirection::ToStdout) => {
            Passage::Utility { sets: false }
        }
        Verb::Copy => refused(Refusal::Copy),
        Verb::Prepare => Passage::InTransaction { makes: "a prepared statement" },
        Verb::Declare => Passage::InTransaction { makes: "a cursor" },
        Verb::Checkpoint | Verb::Load | Verb::Discard => {
            refused(Refusal::Command(kind.leading_verb().to_owned()))
        }
        // The server allows these in a read-only transaction, and changes some things in place.
        Verb::Analyze | Verb::Analyse | Verb::Cluster | Verb::Reindex | Verb::Vacuum => {
            refused(Refusal::Command(kind.leading_verb().to_owned()))
        }
        Verb::Listen | Verb::Notify => {
            refused(Refusal::NeedsCommit(kind.leading_verb().to_owned()))
        }
        // The server refuses these itself, each with its own message.
        Verb::Create | Verb::Alter | Verb::Drop | Verb::Comment | Verb::Grant | Verb::Revoke => {
            Passage::Utility { sets: false }
        }
        Verb::Truncate | Verb::Import | Verb::Reassign | Verb::Refresh | Verb::Security => {
            Passage::Utility { sets: false }
        }
        Verb::Unlisten => Passage::Utility { sets: false },
        _ => Passage::Query { sets: sets_by_function(text, tokens) },
    }
}

fn control_of(text: &str, tokens: &[Token], control: TransactionControl) -> Passage {
    // If a command continues with another one, the server's grammar refuses it.
    let unsure = Passage::Query { sets: false };
    let tokens = without_end(tokens);
    if tokens.iter().any(|token| token.kind == TokenKind::Semicolon) {
        return unsure;
    }
    match control {
        TransactionControl::Begin => begin(text, tokens).unwrap_or(unsure),
        TransactionControl::Commit { chain } => end(text, tokens, true, chain).unwrap_or(unsure),
        TransactionControl::Rollback { chain } => end(text, tokens, false, chain).unwrap_or(unsure),
        TransactionControl::Savepoint => savepoint(text, tokens, "savepoint").unwrap_or(unsure),
        TransactionControl::Release => savepoint(text, tokens, "release").unwrap_or(unsure),
        TransactionControl::RollbackTo => savepoint(text, tokens, "rollback to").unwrap_or(unsure),
        TransactionControl::PrepareTransaction
        | TransactionControl::CommitPrepared
        | TransactionControl::RollbackPrepared => Passage::Refused(Refusal::TwoPhase),
    }
}

/// A transaction's modes, with READ ONLY added.
fn begin(text: &str, tokens: &[Token]) -> Option<Passage> {
    let words: Vec<String> = tokens
        .iter()
        .filter(|token| token.kind != TokenKind::Comma)
        .map(|token| token.text(text).to_ascii_lowercase())
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut rest = match words.as_slice() {
        ["begin", "work" | "transaction", rest @ ..] | ["start", "transaction", rest @ ..] => rest,
        ["begin", rest @ ..] => rest,
        _ => return None,
    };
    let (mut isolation, mut deferrable, mut read_write) = (None, None, false);
    while !rest.is_empty() {
        rest = match rest {
            ["isolation", "level", level @ "serializable", rest @ ..] => {
                isolation = Some((*level).to_owned());
                rest
            }
            ["isolation", "level", first @ ("repeatable" | "read"), second, rest @ ..]
                if matches!(*second, "read" | "committed" | "uncommitted") =>
            {
                isolation = Some(format!("{first} {second}"));
                rest
            }
            ["read", "only", rest @ ..] => {
                read_write = false;
                rest
            }
            ["read", "write", rest @ ..] => {
                read_write = true;
                rest
            }
            ["not", "deferrable", rest @ ..] => {
                deferrable = Some(" not deferrable");
                rest
            }
            ["deferrable", rest @ ..] => {
                deferrable = Some(" deferrable");
                rest
            }
            _ => return None,
        };
    }
    let isolation = isolation.map_or(String::new(), |level| format!(" isolation level {level}"));
    let deferrable = deferrable.unwrap_or_default();
    Some(Passage::Begin { sql: format!("begin{isolation} read only{deferrable}"), read_write })
}

fn end(text: &str, tokens: &[Token], commit: bool, chain: bool) -> Option<Passage> {
    const WORDS: &[&str] =
        &["commit", "end", "rollback", "abort", "work", "transaction", "and", "no", "chain"];
    let known = (0..tokens.len()).all(|at| WORDS.contains(&word_at(text, tokens, at).as_str()));
    known.then_some(Passage::End { commit, chain })
}

/// The savepoint's name is the only part that is passed on: it is one token, which the lexer saw whole.
fn savepoint(text: &str, tokens: &[Token], command: &str) -> Option<Passage> {
    let (name, words) = tokens.split_last()?;
    let fits = matches!(name.kind, TokenKind::Word | TokenKind::QuotedName) && name.terminated;
    let known = |at| {
        let word = word_at(text, tokens, at);
        ["savepoint", "release", "rollback", "work", "transaction", "to"].contains(&word.as_str())
    };
    (fits && !words.is_empty() && (0..words.len()).all(known))
        .then(|| Passage::Savepoint { sql: format!("{command} {}", name.text(text)) })
}

fn without_end(mut tokens: &[Token]) -> &[Token] {
    while let [rest @ .., last] = tokens
        && last.kind == TokenKind::Semicolon
    {
        tokens = rest;
    }
    tokens
}

/// A word in lower case; empty if the token is something else.
fn word_at(text: &str, tokens: &[Token], at: usize) -> String {
    match tokens.get(at) {
        Some(token) if token.kind == TokenKind::Word => token.text(text).to_ascii_lowercase(),
        _ => String::new(),
    }
}

/// Whether the name may be a function's that is called: arguments follow, or it is written like a field, as in
/// `x.nextval` and `('s').nextval`.
fn is_called(text: &str, tokens: &[Token], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| tokens.get(at));
    let like_a_field = before.is_some_and(|token| token.kind == TokenKind::Dot);
    like_a_field || has_arguments(text, tokens, at)
}

/// Whether a function's arguments follow the name.
fn has_arguments(text: &str, tokens: &[Token], at: usize) -> bool {
    let after = if word_at(text, tokens, at + 1) == "uescape" { at + 3 } else { at + 1 };
    let after = tokens.get(after).map(|token| token.kind);
    after == Some(TokenKind::OpenParenthesis)
}

/// The settings with a dot in their names that a text sets: the server does not list them.
pub fn custom_settings(text: &str) -> Vec<String> {
    let tokens: Vec<Token> = lex::tokens(text).filter(|token| !token.is_gap()).collect();
    let tokens = tokens.as_slice();
    if matches!(word_at(text, tokens, 0).as_str(), "set" | "reset") {
        let session = usize::from(word_at(text, tokens, 1) == "session");
        let name = dotted_name(text, tokens, 1 + session);
        return name.into_iter().collect();
    }
    let named = |at: usize| {
        let is_it = name_of(text, tokens, at).as_deref() == Some("set_config");
        let name = is_it.then(|| literal::string_at(text, tokens, at + 2))??;
        name.contains('.').then_some(name)
    };
    (0..tokens.len()).filter_map(named).collect()
}

/// `app.tenant`, whose parts may be quoted.
fn dotted_name(text: &str, tokens: &[Token], from: usize) -> Option<String> {
    let mut name = name_of(text, tokens, from)?;
    let mut at = from + 1;
    while tokens.get(at).is_some_and(|token| token.kind == TokenKind::Dot) {
        name = format!("{name}.{}", name_of(text, tokens, at + 1)?);
        at += 2;
    }
    (at > from + 1).then_some(name)
}

/// Whether it calls `set_config` for longer than the transaction.
fn sets_by_function(text: &str, tokens: &[Token]) -> bool {
    // Whether the next arguments are such a call's, and for each open parenthesis, whether it is.
    let (mut named, mut open) = (false, Vec::new());
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::OpenParenthesis => open.push(std::mem::take(&mut named)),
            TokenKind::CloseParenthesis => {
                // With `true` as its last argument, it sets for the transaction.
                let is_local = at > 0 && word_at(text, tokens, at - 1) == "true";
                if open.pop() == Some(true) && !is_local {
                    return true;
                }
            }
            _ => {
                named |= name_of(text, tokens, at).as_deref() == Some("set_config")
                    && is_called(text, tokens, at);
            }
        }
    }
    // A call that never closes counts.
    named || open.contains(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Passage {
        passage(text)
    }

    #[test]
    fn queries_are_confirmed_by_the_server() {
        for text in [
            "select 1",
            "with a as (select 1) table a",
            "values (1)",
            "table t",
            "(select 1)",
            "insert into t values (1)",
            "merge into t using u on true when matched then delete",
            "",
            ";commit",
            "unheard of",
            "\"commit\"",
            "(commit)",
            "commitx",
            "commit; select 1",
            "rollback; insert into t values (1)",
            "begin; select 1",
            "begin read nothing",
            "commit and chain and chain 1",
            "savepoint",
            "release",
            "rollback to a b; commit",
            "u&\"commit\"",
            "start",
        ] {
            assert_eq!(of(text), Passage::Query { sets: false }, "{text}");
        }
    }

    #[test]
    fn a_transaction_begins_read_only_whatever_was_asked() {
        for (text, sql, read_write) in [
            ("begin", "begin read only", false),
            ("BEGIN WORK;", "begin read only", false),
            ("start transaction read write", "begin read only", true),
            (
                "begin transaction isolation level serializable, read write, deferrable",
                "begin isolation level serializable read only deferrable",
                true,
            ),
            (
                "begin isolation level repeatable read read only not deferrable",
                "begin isolation level repeatable read read only not deferrable",
                false,
            ),
            (
                "begin /* x */ isolation -- y\n level read uncommitted",
                "begin isolation level read uncommitted read only",
                false,
            ),
        ] {
            let expected = Passage::Begin { sql: sql.into(), read_write };
            assert_eq!(of(text), expected, "{text}");
        }
    }

    #[test]
    fn the_end_of_a_transaction_is_never_sent_as_it_is_written() {
        for (text, commit, chain) in [
            ("commit", true, false),
            ("END", true, false),
            ("commit work and chain;", true, true),
            ("commit and no chain", true, false),
            ("rollback", false, false),
            ("abort transaction and chain", false, true),
            ("/**/ -- \r commit", true, false),
        ] {
            assert_eq!(of(text), Passage::End { commit, chain }, "{text}");
        }
        for text in
            ["prepare transaction 'x'", "commit prepared 'x'", "rollback /* */ prepared 'x'"]
        {
            assert_eq!(of(text), Passage::Refused(Refusal::TwoPhase), "{text}");
        }
    }

    #[test]
    fn savepoints_are_said_again_with_their_name_alone() {
        for (text, sql) in [
            ("savepoint a", "savepoint a"),
            ("release savepoint \"A b\";", "release \"A b\""),
            ("rollback work to savepoint a", "rollback to a"),
        ] {
            assert_eq!(of(text), Passage::Savepoint { sql: sql.into() }, "{text}");
        }
    }

    #[test]
    fn what_no_rollback_undoes_is_seen_however_it_is_written() {
        for (text, name) in [
            ("select nextval('s')", "nextval"),
            ("select pg_catalog . NEXTVAL ('s')", "nextval"),
            ("select \"pg_catalog\".\"setval\"('s', 1)", "setval"),
            ("select U&\"\\006eextval\"('s')", "nextval"),
            ("select u&\"!+00006eextval\" uescape '!' ('s')", "nextval"),
            ("select ('s'::regclass).nextval", "nextval"),
            ("select 1 where exists (select pg_terminate_backend(1))", "pg_terminate_backend"),
            ("explain analyze select dblink_exec('x')", "dblink_exec"),
            ("select pg_stat_reset_shared('bgwriter')", "pg_stat_reset_shared"),
            ("select pg_stat_statements_reset()", "pg_stat_statements_reset"),
            ("do $$ begin perform setval('s', 3); end $$", "setval"),
            ("set application_name to 'a' /**/; select nextval('s')", "nextval"),
            ("call pg_switch_wal()", "pg_switch_wal"),
        ] {
            assert_eq!(of(text), Passage::Refused(Refusal::Function(name.into())), "{text}");
        }
        for text in
            ["select 'nextval(1)'", "select \"NEXTVAL\"('s')", "select currval('s'), lastval()"]
        {
            assert_eq!(of(text), Passage::Query { sets: false }, "{text}");
        }
    }

    #[test]
    fn commands_whose_effect_stays_or_never_comes_are_refused() {
        for (text, refusal) in [
            ("checkpoint", Refusal::Command("CHECKPOINT".into())),
            ("load 'x'", Refusal::Command("LOAD".into())),
            ("discard all", Refusal::Command("DISCARD".into())),
            ("analyze", Refusal::Command("ANALYZE".into())),
            ("ANALYSE verbose t", Refusal::Command("ANALYSE".into())),
            ("reindex table t", Refusal::Command("REINDEX".into())),
            ("cluster t", Refusal::Command("CLUSTER".into())),
            ("vacuum (analyze) t", Refusal::Command("VACUUM".into())),
            ("listen a", Refusal::NeedsCommit("LISTEN".into())),
            ("notify a", Refusal::NeedsCommit("NOTIFY".into())),
            ("copy t from stdin", Refusal::Copy),
            ("copy t to '/tmp/x'", Refusal::Copy),
            ("copy (select 1) to program 'cat'", Refusal::Copy),
        ] {
            assert_eq!(of(text), Passage::Refused(refusal), "{text}");
        }
    }

    #[test]
    fn what_sets_for_the_session_is_told_from_what_sets_for_the_transaction() {
        for text in ["set a to b", "set session a = b", "reset a", "set time zone 'UTC'"] {
            assert_eq!(of(text), Passage::Utility { sets: true }, "{text}");
        }
        for text in [
            "set local a to b",
            "set transaction read write",
            "explain analyze select 1",
            "explain (analyze) select 1",
            "show a",
            "copy t to stdout",
        ] {
            assert_eq!(of(text), Passage::Utility { sets: false }, "{text}");
        }
        assert_eq!(of("reset all"), Passage::ResetAll);
        for (text, sets) in [
            ("select set_config('a', 'b', false)", true),
            ("select \"set_config\"('a', upper('b'), (1 = 1))", true),
            ("select set_config('a', lower('b'), true)", false),
            ("select 'set_config(1)'", false),
        ] {
            assert_eq!(of(text), Passage::Query { sets }, "{text}");
        }
    }

    #[test]
    fn settings_of_the_user_s_own_are_known_by_the_dot_in_their_names() {
        for (text, names) in [
            ("set app.tenant = 7", vec!["app.tenant"]),
            ("SET SESSION App.\"Tenant\" to 7", vec!["app.Tenant"]),
            ("reset a.b.c", vec!["a.b.c"]),
            ("set search_path = app.x", vec![]),
            ("set local a.b = 1", vec![]),
            (
                "select set_config('a.b', '1', false), set_config($$c.d$$, '', false), set_config('e', '.', false)",
                vec!["a.b", "c.d"],
            ),
            ("select set_config", vec![]),
        ] {
            assert_eq!(custom_settings(text), names, "{text}");
        }
    }
}
