//! What no rollback undoes, as far as a text shows it: functions that it names, and commands and names inside the
//! strings that it runs as SQL.
//!
//! A function is refused wherever the text names it, called or not: `x.setval` is a call, too, for a value `x` of any
//! type, and only the server knows which of the two it is.
//!
//! A string is checked if something runs it: the body of a DO; strings in a body that says EXECUTE; strings beside a
//! function that takes a query as text, such as `query_to_xml`. Each is read again by the same rules, at any depth. Any
//! other string is a value and means nothing, whatever it says. Nobody can tell which of the strings beside EXECUTE or
//! such a function runs, so all of them are checked.

use std::collections::BTreeSet;

use super::{Refusal, has_arguments, is_called, name_of, word_at};
use crate::sql::{
    read::{
        lex::{self, BackslashRule, Token, TokenKind},
        literal,
    },
    statement::classify::Verb,
};

/// The most levels of strings in strings. Nobody writes more, and each level costs a reading of all below it.
const DEPTH_MAX: usize = 16;
/// The most bytes to read in total per byte of the text: each level may have to be read in two ways.
const READINGS_MAX: usize = 48;
/// How far to read a command to find out what it does; many may begin in one text.
const LOOKED_AT_MAX: usize = 300;

/// What was found in a text.
pub(super) struct Found {
    /// Why it must not be sent, if the text shows a reason.
    pub refusal: Option<Refusal>,
    /// Every name in it, and in the strings that it runs: any of them may be a function's.
    pub names: BTreeSet<String>,
}

/// Checks a text whose first word has been judged already.
pub(super) fn look(text: &str, verb: Verb) -> Found {
    let role = match verb {
        Verb::Do => Role::Do,
        _ => Role::Statement,
    };
    let mut reader = Reader {
        names: BTreeSet::new(),
        bytes_left: text.len().saturating_mul(READINGS_MAX).max(1 << 16),
    };
    let refusal = reader.read(text, role, 0);
    Found { refusal, names: reader.names }
}

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// One statement, whose first word has been judged.
    Statement,
    /// The same, and it is a DO: its strings are commands.
    Do,
    /// Commands: the body of a DO, or the argument of EXECUTE in it.
    Commands,
    /// A query that a function runs; the server refuses other commands in it.
    Query,
}

/// Reads a text and the texts in it, and collects the names.
struct Reader {
    names: BTreeSet<String>,
    bytes_left: usize,
}

impl Reader {
    /// Reads a text by both rules for a backslash that a session may have. A statement can switch between them before
    /// it runs a string, so each string is read again by both.
    fn read(&mut self, text: &str, role: Role, depth: usize) -> Option<Refusal> {
        let deep = || Some(Refusal::Unreadable("strings so deep in strings".into()));
        let Some(bytes_left) = self.bytes_left.checked_sub(text.len()) else {
            return deep();
        };
        self.bytes_left = bytes_left;
        if depth > DEPTH_MAX {
            return deep();
        }
        let plain = Reading::new(text, BackslashRule::Ordinary);
        if let Some(refusal) = self.refusal(&plain, role, depth) {
            return Some(refusal);
        }
        if !text.contains('\\') {
            return None;
        }
        let other = Reading::new(text, BackslashRule::Escapes);
        // A whole statement with an unclosed string is not meant this way; a piece of one may be.
        let may_be_meant = depth > 0 || other.tokens.iter().all(|token| token.terminated);
        may_be_meant.then(|| self.refusal(&other, role, depth)).flatten()
    }

    fn refusal(&mut self, reading: &Reading<'_>, role: Role, depth: usize) -> Option<Refusal> {
        let all = 0..reading.tokens.len();
        self.names.extend(all.clone().flat_map(|at| reading.possible_function(at)));
        if let Some(name) = all.clone().find_map(|at| reading.lasting_function(at)) {
            return Some(Refusal::Function(name));
        }
        if let Some(name) = reading.acting_setting(role) {
            return Some(Refusal::Setting(name));
        }
        let found = match role {
            Role::Do => reading.foreign_body(0),
            Role::Commands => all.clone().find_map(|at| reading.command(at)),
            Role::Statement | Role::Query => None,
        };
        if found.is_some() {
            return found;
        }
        let strings = reading.role_of_strings(role)?;
        all.filter_map(|at| literal::string_at(reading.text, &reading.tokens, at))
            .find_map(|inner| self.read(&inner, strings, depth + 1))
    }
}

/// A text and its tokens, without spaces and comments.
struct Reading<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    /// The positions of LANGUAGE and of commands' ends, so that no command is searched to its end separately.
    languages: Vec<usize>,
    ends: Vec<usize>,
}

impl<'a> Reading<'a> {
    fn new(text: &'a str, backslash: BackslashRule) -> Self {
        let tokens: Vec<Token> =
            lex::tokens_under(text, backslash).filter(|token| !token.is_gap()).collect();
        let places = |is_it: &dyn Fn(&Token) -> bool| -> Vec<usize> {
            let all = tokens.iter().enumerate();
            all.filter(|(_, token)| is_it(token)).map(|(at, _)| at).collect()
        };
        let languages = places(&|token| {
            token.kind == TokenKind::Word && token.text(text).eq_ignore_ascii_case("language")
        });
        let ends = places(&|token| token.kind == TokenKind::Semicolon);
        Self { text, tokens, languages, ends }
    }

    fn word(&self, at: usize) -> String {
        word_at(self.text, &self.tokens, at)
    }

    fn kind(&self, at: usize) -> Option<TokenKind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    fn is_string(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(Token::is_string)
    }

    /// The name at this token. Servers before 15 take a number and the letters after it as two tokens.
    fn name(&self, at: usize) -> Option<String> {
        match self.kind(at)? {
            TokenKind::Number | TokenKind::Parameter => {
                let text = self.tokens[at].text(self.text);
                let letters = text.trim_start_matches(|c: char| !c.is_alphabetic());
                (!letters.is_empty()).then(|| letters.to_ascii_lowercase())
            }
            _ => name_of(self.text, &self.tokens, at),
        }
    }

    /// The name of a function, if one may be named by this token. No function is named by a reserved word unless it is
    /// quoted.
    fn possible_function(&self, at: usize) -> Option<String> {
        let name = self.name(at)?;
        let is_reserved = self.kind(at) == Some(TokenKind::Word)
            && RESERVED.binary_search(&name.as_str()).is_ok();
        (!is_reserved).then_some(name)
    }

    /// The role of the text's strings, if something may run them.
    fn role_of_strings(&self, role: Role) -> Option<Role> {
        let says = |words: &[&str]| {
            (0..self.tokens.len()).any(|at| words.contains(&self.word(at).as_str()))
        };
        match role {
            Role::Do => Some(Role::Commands),
            Role::Commands if says(&["execute", "do", "function", "procedure"]) => {
                Some(Role::Commands)
            }
            // EXECUTE of a prepared statement may hand a query to such a function.
            _ if self.runs_a_query() || says(&["execute"]) => Some(Role::Query),
            _ => None,
        }
    }

    fn runs_a_query(&self) -> bool {
        (0..self.tokens.len()).any(|at| {
            name_of(self.text, &self.tokens, at)
                .is_some_and(|name| RUNNING.binary_search(&name.as_str()).is_ok())
                && is_called(self.text, &self.tokens, at)
        })
    }

    /// The name at this token, if it is that of a function whose effect outlives a rollback.
    fn lasting_function(&self, at: usize) -> Option<String> {
        let name = self.name(at)?;
        let is_in_lasting_schema =
            || self.is_in_lasting_schema(at) && has_arguments(self.text, &self.tokens, at);
        (lasts(&name) || is_in_lasting_schema()).then_some(name)
    }

    fn is_in_lasting_schema(&self, at: usize) -> bool {
        at > 1
            && self.kind(at - 1) == Some(TokenKind::Dot)
            && name_of(self.text, &self.tokens, at - 2)
                .is_some_and(|schema| SCHEMAS.contains(&schema.as_str()))
    }

    /// The name of a setting that makes the server write files, if the text may set it: as a word, or as a string for
    /// `set_config`, an UPDATE of `pg_settings` or a command in a body.
    fn acting_setting(&self, role: Role) -> Option<String> {
        let acts = |name: String| {
            let name = name.to_ascii_lowercase();
            ACTING.contains(&name.as_str()).then_some(name)
        };
        let all = 0..self.tokens.len();
        let is_shown = |at: usize| at > 0 && self.word(at - 1) == "show";
        let named = all.clone().filter(|at| !is_shown(*at)).find_map(|at| acts(self.name(at)?));
        let may_set = matches!(role, Role::Do | Role::Commands)
            || all
                .clone()
                .filter_map(|at| self.name(at))
                .any(|name| name == "set_config" || name == "update");
        named.or_else(|| {
            let mut strings = all.filter_map(|at| literal::string_at(self.text, &self.tokens, at));
            may_set.then(|| strings.find_map(acts)).flatten()
        })
    }

    /// A command that begins here and whose effect outlives a rollback. What follows must fit, too, because most of
    /// these words may be names.
    fn command(&self, at: usize) -> Option<Refusal> {
        let word = self.word(at);
        if !KNOWN_COMMANDS.contains(&word.as_str()) {
            return None;
        }
        if let Some(what) = self.making(at, &word).or_else(|| self.catalog_write(at, &word)) {
            return Some(Refusal::Hiding(what));
        }
        if !self.begins_command(at) {
            return None;
        }
        let next = self.word(at + 1);
        let next = next.as_str();
        let ends = matches!(self.kind(at + 1), None | Some(TokenKind::Semicolon));
        let opens = self.opens(at + 1);
        let is_name = !next.is_empty() && !AFTER_VALUE.contains(&next);
        let what = match word.as_str() {
            "analyze" | "analyse" if ends || opens || is_name => "ANALYZE",
            "checkpoint" if ends => "CHECKPOINT",
            "cluster" if ends || opens || is_name => "CLUSTER",
            "reindex" if opens || REINDEXED.contains(&next) => "REINDEX",
            "load" if self.is_string(at + 1) || opens || self.is_cut_off(at) => "LOAD",
            "discard" if DISCARDED.contains(&next) => "DISCARD",
            "copy" if self.is_cut_off(at) => return Some(Refusal::Copy),
            "copy" if (opens || is_name) && self.says_before_end(at, &["to", "from"]) => {
                return Some(Refusal::Copy);
            }
            "do" => return self.foreign_body(at),
            _ => return None,
        };
        Some(Refusal::Command(what.into()))
    }

    /// Whether a name other than a word may begin here: quoted, in parentheses, or filled in by `format`, where `%I`
    /// stands for a name and `%L` for a string.
    fn opens(&self, at: usize) -> bool {
        match self.kind(at) {
            Some(TokenKind::Operator) => self.tokens[at].text(self.text).starts_with('%'),
            Some(TokenKind::OpenParenthesis | TokenKind::QuotedName) => true,
            _ => false,
        }
    }

    /// A CREATE or ALTER: its object can be an operator, a cast or another name for a function that is refused under
    /// its own.
    fn making(&self, at: usize, word: &str) -> Option<String> {
        if !matches!(word, "create" | "alter" | "import") {
            return None;
        }
        let is_format = self.kind(at + 1) == Some(TokenKind::Operator) && self.opens(at + 1);
        let is_piece = at == 0 && self.tokens.len() == 1;
        let mut kinds = (at + 1..at + 5)
            .map(|at| self.word(at))
            .filter(|word| !MODIFIERS.contains(&word.as_str()));
        let kind = kinds.next().unwrap_or_default();
        let is_known = MADE.contains(&kind.as_str());
        let says = |kind: &str| format!("{word} {kind}").trim_end().to_ascii_uppercase();
        (is_known || is_format || is_piece || self.is_cut_off(at))
            .then(|| says(if is_known { &kind } else { "" }))
    }

    /// A change of the system's catalogs by hand, which can rename a function or put it behind an operator.
    fn catalog_write(&self, at: usize, word: &str) -> Option<String> {
        let mut place = match (word, self.word(at + 1).as_str()) {
            ("update", _) => at + 1,
            ("insert" | "merge", "into") | ("delete", "from") => at + 2,
            _ => return None,
        };
        if self.word(place) == "only" {
            place += 1;
        }
        let mut name = self.name(place)?;
        let mut schema = String::new();
        while self.kind(place + 1) == Some(TokenKind::Dot) {
            place += 2;
            schema = std::mem::replace(&mut name, self.name(place)?);
        }
        let is_system = name.starts_with("pg_") || schema == "pg_catalog";
        is_system.then(|| format!("{} of {name}", word.to_ascii_uppercase()))
    }

    /// Whether a command of a body or of a script begins here.
    fn begins_command(&self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1) else {
            return true;
        };
        match self.kind(before) {
            Some(TokenKind::Semicolon) => true,
            // After a label.
            Some(TokenKind::Operator) => self.tokens[before].text(self.text).ends_with(">>"),
            _ => ["begin", "then", "else", "loop"].contains(&self.word(before).as_str()),
        }
    }

    /// The words and signs of the command that begins here.
    fn rest_of_command(&self, at: usize) -> impl Iterator<Item = usize> {
        (at + 1..self.tokens.len()).take_while(|at| self.kind(*at) != Some(TokenKind::Semicolon))
    }

    /// Whether the command that begins here contains one of these words, or is too long to tell.
    fn says_before_end(&self, at: usize, words: &[&str]) -> bool {
        (1..).zip(self.rest_of_command(at)).any(|(looked_at, at)| {
            looked_at > LOOKED_AT_MAX || words.contains(&self.word(at).as_str())
        })
    }

    /// Whether the text ends in the middle of the command's first words: EXECUTE gets it in pieces.
    fn is_cut_off(&self, at: usize) -> bool {
        let is_open = self.text.ends_with(char::is_whitespace)
            || self.tokens.last().is_some_and(|token| !token.terminated);
        at + 2 >= self.tokens.len() && is_open
    }

    /// A DO in a language whose text is not SQL: Tusk can't read it, and some of them bypass the server.
    fn foreign_body(&self, at: usize) -> Option<Refusal> {
        let next = |places: &[usize]| {
            let behind = places.partition_point(|place| *place <= at);
            places.get(behind).copied()
        };
        let place = next(&self.languages)
            .filter(|place| next(&self.ends).is_none_or(|end| *place < end))?;
        let language = name_of(self.text, &self.tokens, place + 1)
            .or_else(|| literal::string_at(self.text, &self.tokens, place + 1))?;
        (language != "plpgsql").then(|| Refusal::Unreadable(format!("a DO in {language}")))
    }
}

#[rustfmt::skip]
const KNOWN_COMMANDS: &[&str] = &[
    "alter", "analyse", "analyze", "checkpoint", "cluster", "copy", "create", "delete", "discard", "do", "import",
    "insert", "load", "merge", "reindex", "update",
];
/// What CREATE, ALTER and IMPORT create or change.
#[rustfmt::skip]
const MADE: &[&str] = &[
    "access", "aggregate", "cast", "collation", "constraint", "conversion", "database", "default", "domain",
    "event", "extension", "foreign", "function", "group", "index", "language", "large", "materialized", "operator",
    "policy", "procedure", "publication", "role", "routine", "rule", "schema", "sequence", "server", "statistics",
    "subscription", "system", "table", "tablespace", "text", "transform", "trigger", "type", "user", "view",
];
/// Words between CREATE and the kind of object.
#[rustfmt::skip]
const MODIFIERS: &[&str] = &[
    "global", "local", "or", "procedural", "recursive", "replace", "temp", "temporary", "trusted", "unique", "unlogged",
];
/// Settings that make the server write files, in its data directory or in its user's home.
const ACTING: &[&str] = &["jit_debugging_support", "jit_dump_bitcode", "jit_profiling_support"];
/// Words that can't be the name of a function.
#[rustfmt::skip]
const RESERVED: &[&str] = &[
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "both", "case", "cast", "check", "column",
    "constraint", "create", "default", "desc", "distinct", "do", "else", "end", "except", "false", "fetch", "for",
    "foreign", "from", "grant", "group", "having", "in", "into", "lateral", "limit", "not", "null", "offset", "on",
    "only", "or", "order", "primary", "references", "returning", "select", "table", "then", "to", "true", "union",
    "unique", "using", "when", "where", "window", "with",
];
/// The objects of DISCARD and REINDEX.
const DISCARDED: &[&str] = &["all", "plans", "sequences", "temp", "temporary"];
const REINDEXED: &[&str] = &["table", "index", "schema", "database", "system"];
/// Words after a value inside CASE, where a command's word is a column's name.
const AFTER_VALUE: &[&str] = &["when", "else", "end", "is", "in", "and", "or", "as"];

/// Whether a rollback leaves what the function of this name does.
fn lasts(name: &str) -> bool {
    let resets = name.starts_with("pg_") && name.contains("_reset");
    let family = ["dblink", "heap_force_", "pg_background_", "pg_buffercache_evict"]
        .iter()
        .any(|start| name.starts_with(start));
    resets || family || LASTING.binary_search(&name).is_ok()
}

/// Functions of PostgreSQL and of known extensions whose effects no rollback undoes: they write files, move sequences,
/// signal processes, reach other servers, or change shared state that is not transactional.
#[rustfmt::skip]
const LASTING: &[&str] = &[
    "autoprewarm_dump_now", "autoprewarm_start_worker",
    "brin_desummarize_range", "brin_summarize_new_values", "brin_summarize_range", "gin_clean_pending_list",
    "http", "http_delete", "http_get", "http_head", "http_patch", "http_post", "http_put", "lo_export",
    "nextval", "oracle_execute", "pg_backup_start", "pg_backup_stop", "pg_cancel_backend",
    "pg_copy_logical_replication_slot", "pg_copy_physical_replication_slot",
    "pg_create_logical_replication_slot", "pg_create_physical_replication_slot",
    "pg_create_restore_point", "pg_drop_replication_slot", "pg_file_rename", "pg_file_sync",
    "pg_file_unlink", "pg_file_write", "pg_log_backend_memory_contexts", "pg_log_standby_snapshot",
    "pg_logfile_rotate", "pg_logical_emit_message", "pg_logical_slot_get_binary_changes",
    "pg_logical_slot_get_changes", "pg_nextoid", "pg_promote", "pg_reload_conf",
    "pg_replication_origin_advance", "pg_replication_origin_create", "pg_replication_origin_drop",
    "pg_replication_origin_session_setup", "pg_replication_origin_xact_setup",
    "pg_replication_slot_advance", "pg_rotate_logfile", "pg_rotate_logfile_old", "pg_start_backup",
    "pg_stop_backup", "pg_stop_making_pinned_objects", "pg_switch_wal", "pg_switch_xlog",
    "pg_sync_replication_slots", "pg_terminate_backend", "pg_truncate_visibility_map",
    "pg_wal_replay_pause", "pg_wal_replay_resume", "pg_xlog_replay_pause", "pg_xlog_replay_resume",
    "query_export_to_s3", "run_command_on_all_nodes", "run_command_on_colocated_placements",
    "run_command_on_coordinator", "run_command_on_placements", "run_command_on_shards",
    "run_command_on_workers", "setval",
];

/// Schemas of extensions whose functions write files, reach other servers or start processes: `utl_file.put_line`.
const SCHEMAS: &[&str] = &[
    "amqp",
    "aws_lambda",
    "dbms_alert",
    "dbms_pipe",
    "squeeze",
    "utl_file",
    "utl_http",
    "utl_mail",
    "utl_smtp",
];

/// Functions of PostgreSQL and its own extensions that run a text as SQL. (`cursor_to_xml` takes the name of a cursor,
/// `table_to_xml` and `database_to_xml` take names, too.)
const RUNNING: &[&str] = &[
    "connectby",
    "crosstab",
    "crosstab2",
    "crosstab3",
    "crosstab4",
    "crosstabn",
    "query_to_xml",
    "query_to_xml_and_xmlschema",
    "query_to_xmlschema",
    "ts_rewrite",
    "ts_stat",
    "xpath_table",
];

#[cfg(test)]
mod tests {
    use super::super::{Passage, passage};
    use super::*;

    #[track_caller]
    fn refused(text: &str, name: &str) {
        let found = match passage(text) {
            Passage::Refused(Refusal::Function(name) | Refusal::Command(name)) => name,
            Passage::Refused(Refusal::Copy) => "COPY".into(),
            Passage::Refused(Refusal::Unreadable(what) | Refusal::Hiding(what)) => what,
            Passage::Refused(Refusal::Setting(name)) => name,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(found, name, "{text}");
    }

    #[track_caller]
    fn passes(text: &str) {
        let passage = passage(text);
        assert!(!matches!(passage, Passage::Refused(_)), "{text}: {passage:?}");
    }

    #[test]
    fn a_command_that_is_too_long_to_be_read_is_taken_for_the_worse() {
        let many = "then copy ".repeat(20_000);
        refused(&format!("do $$ begin if true {many} $$"), "COPY");
        let long = "(1), ".repeat(200);
        passes(&format!("do $$ begin perform a from (values {long} (2)) v(a); end $$"));
    }

    #[test]
    fn the_lists_are_sorted() {
        for list in [LASTING, RUNNING, RESERVED] {
            assert!(list.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }

    #[test]
    fn what_is_run_out_of_a_string_is_seen_at_any_depth_and_in_any_form() {
        for text in [
            "do $$ begin reset transaction_read_only; execute 'select setval(''s'', 99)'; end $$",
            "do 'begin execute ''select setval(''''s'''', 99)''; end'",
            "do $a$ begin execute $b$ do $c$ begin execute $d$ select setval('s', 99) $d$; end $c$ $b$; end $a$",
            "do $$ begin execute e'select set\\166al(''s'', 99)'; end $$",
            "do $$ begin execute U&'select set\\0076al(''s'', 99)'; end $$",
            "do $$ begin execute 'select set'\n'val(''s'', 99)'; end $$",
            "do U&'begin perform set!0076al(''s'', 99); end' uescape '!'",
            "do e'begin perform set\\x76al(\\'s\\', 99); end'",
            "do 'begin perform set'\n  'val(''s'', 99); end'",
            "do $$ declare q text := 'select setval(''s'', 99)'; begin execute q; end $$",
            "do $$ begin for r in execute 'select setval(''s'', 99)' loop end loop; end $$",
            "do $$ begin execute format('select setval(%L, 99)', 's'); end $$",
            "do $$ begin perform query_to_xml('select setval(''s'', 99)', true, true, ''); end $$",
            "select query_to_xml('select setval(''s'', 99)', true, true, '')",
            "select query_to_xml('select query_to_xml(''select setval(''''s'''', 9)'', true, true, '''')', true, true, '')",
            "select pg_catalog.\"query_to_xmlschema\"($$select setval('s', 9)$$, true, true, '')",
            "select query_to_xml_and_xmlschema(q, true, true, '') from (values ('select setval(''s'', 9)')) v(q)",
            "select * from ts_stat('select to_tsvector(setval(''s'', 99)::text)')",
            "select ts_rewrite('a'::tsquery, 'select ''a''::tsquery, ''b''::tsquery where setval(''s'', 9) > 0')",
            "select * from crosstab('select 1, 2, setval(''s'', 99)') as t(a int, b int)",
            "select * from xpath_table('id', 'doc', '(select setval(''s'', 9)) t', '/a', 'true') as t(a int)",
            "explain analyze select query_to_xml('select setval(''s'', 99)', true, true, '')",
            "copy (select query_to_xml('select setval(''s'', 99)', true, true, '')) to stdout",
            "execute p ('select setval(''s'', 99)')",
        ] {
            refused(text, "setval");
        }
        refused(
            "select query_to_xml('select lo_export(4242, ''/x'')', true, true, '')",
            "lo_export",
        );
    }

    #[test]
    fn a_string_that_nothing_runs_is_a_value() {
        for text in [
            "select 'setval'",
            "select 'setval(1)', $$nextval('s')$$, e'nextval(\\'s\\')'",
            "select * from pg_proc where proname = 'pg_terminate_backend'",
            "select * from log where line like '%pg_terminate_backend(%'",
            "insert into t values (1, 'select setval(''s'', 1)')",
            "select query_to_xml('select proname from pg_proc where proname = ''setval''', true, true, '')",
            "select query_to_xml('select ''setval(1)''', true, true, '')",
            "select query_to_xml('select * from events where kind = ''checkpoint''', true, true, '')",
            "select ts_rewrite('a & b'::tsquery, 'select t, s from aliases')",
            "select query_to_xml from t where b = 'nextval(1)'",
            "select count(*) from jit_settings where name = 'jit_dump_bitcode'",
            "show jit_dump_bitcode",
            "do $$ begin raise notice 'setval(1) is not called'; end $$",
            "do $$ begin raise notice '%', (select 'copy t to program ''x'''); end $$",
            "do $$ begin execute 'select count(*) from t where b = ''copy that'''; end $$",
            "do $$ begin execute 'select ''setval(1)'''; end $$",
            "do $$ begin execute 'select 1'; raise notice 'the load is %', 'copy of it'; end $$",
            "do $$ begin if a then load := 1; else cluster := 2; end if; end $$",
            "do $$ begin perform case when a then load else copy end from t; end $$",
            "do $$ begin perform case when a then cluster when b then analyze_it end from t; end $$",
            "do $$ begin for r in explain analyze select 1 loop end loop; end $$",
            "do language plpgsql $$ begin null; end $$",
            "do $$ begin null; end $$ language 'plpgsql'",
            "select 'C:\\', 'nextval(1)'",
            "prepare p as select 'setval(1)'",
        ] {
            passes(text);
        }
    }

    #[test]
    fn commands_inside_a_body_are_seen() {
        for (text, name) in [
            ("do $$ begin copy t to '/tmp/x'; end $$", "COPY"),
            ("do $$ begin copy (select 1) to program 'x'; end $$", "COPY"),
            ("do $$ begin execute 'copy t to program ''x'''; end $$", "COPY"),
            ("do $$ begin execute format('copy %I to %L', 't', 'f'); end $$", "COPY"),
            ("do $$ begin execute 'copy t from program ' || quote_literal(a); end $$", "COPY"),
            ("do $$ begin execute 'copy ' || t || ' to ' || quote_literal(f); end $$", "COPY"),
            ("do $$ begin execute 'copy \"' || t || '\" to ''/tmp/x'''; end $$", "COPY"),
            ("do $$ begin execute 'load ' || quote_literal(f); end $$", "LOAD"),
            ("do $$ begin analyze; end $$", "ANALYZE"),
            ("do $$ begin if true then analyze t (a); end if; end $$", "ANALYZE"),
            ("do $$ begin <<x>> analyze \"T\"; end $$", "ANALYZE"),
            ("do $$ begin execute 'select 1; analyse verbose t'; end $$", "ANALYZE"),
            ("do $$ begin execute format('analyze %I', 't'); end $$", "ANALYZE"),
            ("do $$ begin loop reindex table t; end loop; end $$", "REINDEX"),
            ("do $$ begin cluster t; end $$", "CLUSTER"),
            ("do $$ begin checkpoint; end $$", "CHECKPOINT"),
            ("do $$ begin load 'x'; end $$", "LOAD"),
            ("do $$ begin null; discard plans; end $$", "DISCARD"),
            ("do $$ begin create unique index on t (a); end $$", "CREATE INDEX"),
            ("do $$ begin execute 'create index on t (a)'; end $$", "CREATE INDEX"),
            ("do $$ begin alter table t add primary key (a); end $$", "ALTER TABLE"),
            ("do $$ begin execute 'do $x$ begin analyze t; end $x$'; end $$", "ANALYZE"),
        ] {
            refused(text, name);
        }
    }

    #[test]
    fn what_a_function_can_hide_behind_is_not_made_in_a_body() {
        for (text, name) in [
            ("do $$ begin create operator ## (function = f); end $$", "CREATE OPERATOR"),
            (
                "do $$ begin create or replace function f() returns int language internal as 'be_lo_export'; end $$",
                "CREATE FUNCTION",
            ),
            ("do $$ begin create cast (text as oid) with function f(text); end $$", "CREATE CAST"),
            (
                "do $$ begin execute 'create foreign table f (a text) server s options (program ''x'')'; end $$",
                "CREATE FOREIGN",
            ),
            ("do $$ begin execute 'create temp view v as ' || q; end $$", "CREATE VIEW"),
            ("do $$ begin execute 'create ' || kind || ' f'; end $$", "CREATE"),
            ("do $$ begin execute format('create %s f', kind); end $$", "CREATE"),
            ("do $$ begin alter function harmless() rename to other; end $$", "ALTER FUNCTION"),
            (
                "do $$ begin update pg_proc set proname = 'x' where oid = 1; end $$",
                "UPDATE of pg_proc",
            ),
            (
                "do $$ begin update only pg_catalog.pg_operator set oprcode = 1; end $$",
                "UPDATE of pg_operator",
            ),
            ("do $$ begin insert into \"pg_cast\" select 1; end $$", "INSERT of pg_cast"),
        ] {
            refused(text, name);
        }
    }

    #[test]
    fn a_name_is_refused_however_it_is_called_or_not_called() {
        for text in [
            "select x.setval from text('s') x",
            "select v.a[1].setval from (values (array[1])) v(a)",
            "select (t).\"setval\" from t",
            "select setval from t",
            "select 1 as setval",
            "select t.a from t where U&\"set\\0076al\" is null",
            "select U&\"set!0076al\" uescape E'\\x21' from t",
            "select U&\"set!0076al\" uescape ''\n'!' from t",
            "select U&\"set!0076al\" uescape $$!$$ from t",
            "select 1 where 1=1and x.setval is null",
            "select 1setval",
            "explain analyze select x.setval from text('s') x",
            "prepare p as select x.setval from text('s') x",
            "select x.query_to_xml from (values ('select x.setval from text(''s'') x')) v(x)",
        ] {
            refused(text, "setval");
        }
    }

    #[test]
    fn a_string_that_is_run_is_read_in_both_ways_whatever_holds_around_it() {
        for text in [
            r"do $$ begin set standard_conforming_strings = off; execute 'select ''\'', setval(1), ''\'''; end $$",
            r"do $o$ begin execute $i$ select 'a\', x.setval from text('s') x, '\' $i$; end $o$",
        ] {
            refused(text, "setval");
        }
    }

    #[test]
    fn settings_that_write_files_are_refused_where_they_may_be_set() {
        for text in [
            "set jit_dump_bitcode = on",
            "SET SESSION \"JIT_Dump_Bitcode\" TO on",
            "set local jit_profiling_support = on",
            "select set_config('jit_dump_bitcode', 'on', false)",
            "select pg_catalog.set_config(E'jit\\x5fdump_bitcode', 'on', true)",
            "update pg_settings set setting = 'on' where name = 'jit_dump_bitcode'",
            "do $$ begin set jit_dump_bitcode = on; end $$",
            "do $$ begin perform set_config('jit_dump_bitcode', 'on', false); end $$",
            "do $$ begin execute 'set jit_dump_bitcode = on'; end $$",
        ] {
            let passage = passage(text);
            assert!(
                matches!(passage, Passage::Refused(Refusal::Setting(_))),
                "{text}: {passage:?}"
            );
        }
    }

    #[test]
    fn every_name_that_may_be_a_function_s_is_found() {
        let names = |text| super::super::judge(text).names;
        assert_eq!(
            names("select A.b, \"C d\"(1) from public.t where 'e' = query_to_xml('select f(1)')"),
            ["C d", "a", "b", "e", "f", "public", "query_to_xml", "t"]
        );
        assert_eq!(names("do 'begin perform g(); end'"), ["begin", "g", "perform"]);
        assert_eq!(names("select 1 and (not false)"), Vec::<String>::new());
    }

    #[test]
    fn a_body_that_is_not_sql_is_not_sent() {
        for text in [
            "do language plpython3u $$ open('/tmp/x', 'w') $$",
            "do $$ open('/tmp/x', 'w') $$ language 'plpython3u'",
            "do $$ begin execute 'do language plpython3u $x$ pass $x$'; end $$",
        ] {
            refused(text, "a DO in plpython3u");
        }
        refused("do language \"plperl\" $$ 1 $$", "a DO in plperl");
    }

    #[test]
    fn there_is_an_end_to_strings_in_strings() {
        let nested = |levels: usize| {
            (0..levels).fold("null;".to_owned(), |inner, level| {
                format!("execute $t{level}$ {inner} $t{level}$;")
            })
        };
        passes(&format!("do $$ {} $$", nested(10)));
        refused(&format!("do $$ {} $$", nested(20_000)), "strings so deep in strings");
    }

    #[test]
    fn a_backslash_in_a_plain_string_is_read_both_ways() {
        for text in [
            "select 'a\\'', setval('s', 99), '\\''",
            "select 'a\\' || setval('s', 99) || '\\'",
            "select query_to_xml('select set\\166al(1)', true, true, '')",
        ] {
            refused(text, "setval");
        }
    }

    #[test]
    fn functions_of_extensions_are_known_by_name_or_schema() {
        for (text, name) in [
            ("select http('x')", "http"),
            ("select (http_head('x')).status", "http_head"),
            ("select autoprewarm_dump_now()", "autoprewarm_dump_now"),
            ("select utl_file.put_line(f, 'x')", "put_line"),
            ("select \"utl_file\" . fopen('/', 'x', 'w')", "fopen"),
            ("select aws_lambda.invoke('x', '{}')", "invoke"),
            ("select pg_wait_sampling_reset_profile()", "pg_wait_sampling_reset_profile"),
            ("select run_command_on_workers('x')", "run_command_on_workers"),
        ] {
            refused(text, name);
        }
        for text in [
            "select http_status(200) from t",
            "select utl_file.name from utl_file",
            "select pg_replication_origin_progress('x', false)",
            "select pg_stat_get_numscans(1), pg_stat_clear_snapshot()",
        ] {
            passes(text);
        }
    }
}
