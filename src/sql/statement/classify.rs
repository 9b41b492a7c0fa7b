//! What kind of statement a text is, judged only by its tokens: it asks no server and looks up no name.
//!
//! Each answer errs on the safe side: a statement that might change something does not pause, and one that might leave
//! something in its session says so, so that Tusk asks the server. The splitter feeds each statement's tokens as it
//! reads them.

use crate::sql::read::lex::{Token, TokenKind};
use serde::{Deserialize, Serialize};

/// A statement's kind, as far as its text shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kind {
    pub verb: Verb,
    /// Whether reading its rows may stop half-way: it is a plain query that writes and locks nothing.
    pub may_pause: bool,
    /// What it does to the transaction.
    pub transaction: Option<TransactionControl>,
    /// Whether it copies between the server and this client.
    pub copy: Option<CopyDirection>,
    /// Whether it may leave something in the session (a setting, a temporary table, a prepared statement, a cursor, a
    /// lock, a LISTEN), so that Tusk must ask the server.
    pub may_hold: bool,
    /// Whether it may use a sequence, after which `currval` and `lastval` answer in its session. Defaults, triggers and
    /// functions do that, and the text shows none of them.
    pub may_use_sequence: bool,
    /// Whether it resets something that the session had.
    pub reset: Option<SessionReset>,
}

impl Kind {
    /// The statement's first word, for display; empty if PostgreSQL does not know it.
    pub fn leading_verb(&self) -> &'static str {
        self.verb.as_str()
    }
}

/// What a statement does to the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransactionControl {
    /// `BEGIN`, `START TRANSACTION`.
    Begin,
    /// `COMMIT`, `END`.
    Commit {
        /// `AND CHAIN`: another transaction begins at once.
        chain: bool,
    },
    /// `ROLLBACK`, `ABORT`.
    Rollback {
        /// `AND CHAIN`: another transaction begins at once.
        chain: bool,
    },
    /// `SAVEPOINT`.
    Savepoint,
    /// `RELEASE`.
    Release,
    /// `ROLLBACK TO`.
    RollbackTo,
    /// `PREPARE TRANSACTION`.
    PrepareTransaction,
    /// `COMMIT PREPARED`.
    CommitPrepared,
    /// `ROLLBACK PREPARED`.
    RollbackPrepared,
}

/// The direction of a COPY that goes through the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CopyDirection {
    /// `COPY … FROM STDIN`: the client sends the data.
    FromStdin,
    /// `COPY … TO STDOUT`: the client receives the data.
    ToStdout,
}

/// What a statement resets in its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionReset {
    /// `DISCARD ALL`: everything, including the driver's own prepared statements.
    DiscardAll,
    /// `DISCARD` of plans, sequences or temporary tables.
    Discard,
    /// `DEALLOCATE ALL`: all prepared statements, including the driver's own.
    DeallocateAll,
    /// `RESET` of one setting or of all.
    Reset,
}

macro_rules! verbs {
    ($($name:ident $text:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Verb {
            $(#[doc = concat!("`", $text, "`")] $name,)*
            /// Anything else.
            Other,
        }

        impl Verb {
            /// The word as PostgreSQL's manual writes it; empty for `Other`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Verb::$name => $text,)*
                    Verb::Other => "",
                }
            }

            fn from_word(word: &str) -> Verb {
                $(if word.eq_ignore_ascii_case($text) { return Verb::$name; })*
                Verb::Other
            }
        }
    };
}

verbs! {
    Select "SELECT", Insert "INSERT", Update "UPDATE", Delete "DELETE", Create "CREATE",
    Alter "ALTER", Drop "DROP", With "WITH", Set "SET", Show "SHOW", Begin "BEGIN",
    Commit "COMMIT", Rollback "ROLLBACK", Copy "COPY", Explain "EXPLAIN", Values "VALUES",
    Table "TABLE", Comment "COMMENT", Grant "GRANT", Revoke "REVOKE", Truncate "TRUNCATE",
    Merge "MERGE", Call "CALL", Do "DO", Abort "ABORT", Analyze "ANALYZE", Analyse "ANALYSE",
    Checkpoint "CHECKPOINT", Close "CLOSE", Cluster "CLUSTER", Deallocate "DEALLOCATE",
    Declare "DECLARE", Discard "DISCARD", End "END", Execute "EXECUTE", Fetch "FETCH",
    Import "IMPORT", Listen "LISTEN", Load "LOAD", Lock "LOCK", Move "MOVE", Notify "NOTIFY",
    Prepare "PREPARE", Reassign "REASSIGN", Refresh "REFRESH", Reindex "REINDEX",
    Release "RELEASE", Reset "RESET", Savepoint "SAVEPOINT", Security "SECURITY",
    Start "START", Unlisten "UNLISTEN", Vacuum "VACUUM", Wait "WAIT",
}

/// The kind of a text's first statement, for a text that is one statement.
pub fn kind_of(text: &str) -> Kind {
    let mut classifier = Classifier::new();
    crate::sql::read::lex::tokens(text)
        .filter(|token| !token.is_gap())
        .take_while(|token| token.kind != TokenKind::Backslash)
        .for_each(|token| classifier.feed(text, token));
    classifier.finish(text)
}

/// Collects what a statement's tokens say. Feed it every token except spaces and comments.
#[derive(Clone, Debug)]
pub struct Classifier {
    heads: [Option<Token>; HEADS],
    head_count: usize,
    verb: Option<Verb>,
    parenthesised: bool,
    depth: usize,
    recent: [Option<Token>; 4],
    seen: Seen,
}

impl Default for Classifier {
    fn default() -> Self {
        Self::new()
    }
}

impl Classifier {
    pub fn new() -> Classifier {
        Classifier {
            heads: [None; HEADS],
            head_count: 0,
            verb: None,
            parenthesised: false,
            depth: 0,
            recent: [None; 4],
            seen: Seen::default(),
        }
    }

    /// Takes the next token of the statement.
    pub fn feed(&mut self, text: &str, token: Token) {
        match self.verb {
            None if token.kind == TokenKind::OpenParenthesis => self.parenthesised = true,
            None => self.verb = Some(self.first_verb(text, token)),
            Some(_) => {}
        }
        if self.head_count < HEADS && token.kind != TokenKind::OpenParenthesis {
            self.heads[self.head_count] = Some(token);
            self.head_count += 1;
        }
        if !self.verb.is_none_or(reads_on) {
            return;
        }
        match token.kind {
            TokenKind::Word => self.word(text, token),
            TokenKind::OpenParenthesis => {
                self.depth += 1;
                self.seen.strange_call |= self.calls_something_unknown(text);
            }
            TokenKind::CloseParenthesis => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.recent = [Some(token), self.recent[0], self.recent[1], self.recent[2]];
    }

    /// The statement's kind, once all of its tokens have been fed.
    pub fn finish(&self, text: &str) -> Kind {
        let verb = self.verb.unwrap_or(Verb::Other);
        Kind {
            verb,
            may_pause: self.may_pause(verb),
            transaction: self.transaction(text, verb),
            copy: self.seen.copy.filter(|_| verb == Verb::Copy),
            may_hold: self.may_hold(text, verb),
            may_use_sequence: self.may_use_sequence(text, verb),
            reset: self.reset(text, verb),
        }
    }

    fn first_verb(&self, text: &str, token: Token) -> Verb {
        let verb = if token.kind == TokenKind::Word {
            Verb::from_word(token.text(text))
        } else {
            Verb::Other
        };
        let fits = matches!(verb, Verb::Select | Verb::Values | Verb::Table | Verb::With);
        if self.parenthesised && !fits { Verb::Other } else { verb }
    }

    fn word(&mut self, text: &str, token: Token) {
        if self.recent[0].is_some_and(|last| last.kind == TokenKind::Dot) {
            // After a dot, even a reserved word is a column's name.
            return;
        }
        let word = token.text(text);
        if !matches!(word.len(), 2..=7 | 9) {
            return;
        }
        let last = self.recent[0]
            .filter(|last| last.kind == TokenKind::Word)
            .map_or("", |last| last.text(text));
        let is = |wanted: &str| word.eq_ignore_ascii_case(wanted);
        let follows = |wanted: &str| last.eq_ignore_ascii_case(wanted);
        match word.len() {
            2 => {
                self.seen.locks |= is("no") && follows("for");
                self.seen.names_query |= is("as");
            }
            3 => self.seen.locks |= is("key") && follows("for"),
            4 => {
                self.seen.into |= is("into");
                self.seen.with |= is("with");
                self.seen.temporary |= is("temp");
            }
            5 => {
                self.seen.writes |= is("merge");
                self.seen.locks |= is("share") && follows("for");
                if is("stdin") {
                    self.copy(last);
                }
            }
            6 => {
                self.seen.writes |= is("insert") || is("update") || is("delete");
                self.seen.locks |= is("update") && follows("for");
                self.seen.runs_other |= is("create");
                if is("stdout") {
                    self.copy(last);
                }
            }
            7 => {
                self.seen.analyzes |= is("analyze") || is("analyse");
                self.seen.temporary |= is("pg_temp");
                self.seen.runs_other |= is("execute") || is("declare") || is("refresh");
            }
            9 => self.seen.temporary |= is("temporary"),
            _ => {}
        }
    }

    /// The server takes STDIN and STDOUT for the same word: FROM and TO decide the direction.
    fn copy(&mut self, last: &str) {
        if self.depth > 0 {
            // A table of this name in a query that is copied.
        } else if last.eq_ignore_ascii_case("from") {
            self.seen.copy = Some(CopyDirection::FromStdin);
        } else if last.eq_ignore_ascii_case("to") {
            self.seen.copy = Some(CopyDirection::ToStdout);
        }
    }

    /// Whether the parenthesis that opens now holds the arguments of a function that is not known to be harmless.
    fn calls_something_unknown(&self, text: &str) -> bool {
        let Some(name) = self.recent[0] else {
            return false;
        };
        if !matches!(name.kind, TokenKind::Word | TokenKind::QuotedName) {
            return false;
        }
        let qualified = self.recent[1].is_some_and(|token| token.kind == TokenKind::Dot);
        let before = if qualified { self.recent[3] } else { self.recent[1] };
        let is_alias_or_type = before.is_some_and(|token| {
            token.kind == TokenKind::Cast
                || (token.kind == TokenKind::Word
                    && ["as", "with", "recursive"]
                        .iter()
                        .any(|word| token.text(text).eq_ignore_ascii_case(word)))
        });
        if is_alias_or_type {
            return false;
        }
        let in_catalog = qualified
            && self.recent[2].is_some_and(|schema| {
                let schema = schema.text(text);
                schema.eq_ignore_ascii_case("pg_catalog") || schema == "\"pg_catalog\""
            });
        let known = name.kind == TokenKind::Word
            && (!qualified || in_catalog)
            && is_harmless(name.text(text));
        !known
    }

    fn may_pause(&self, verb: Verb) -> bool {
        let seen = &self.seen;
        match verb {
            Verb::Show => true,
            Verb::Select | Verb::Values | Verb::Table | Verb::With => {
                !(seen.into || seen.locks || seen.with && seen.writes)
            }
            _ => false,
        }
    }

    fn transaction(&self, text: &str, verb: Verb) -> Option<TransactionControl> {
        let second = self.head(text, 1);
        let is = |wanted: &str| second.eq_ignore_ascii_case(wanted);
        // WORK and TRANSACTION are noise after COMMIT and ROLLBACK.
        let noise = usize::from(is("work") || is("transaction"));
        let after = self.head(text, 1 + noise);
        let chain = after.eq_ignore_ascii_case("and")
            && self.head(text, 2 + noise).eq_ignore_ascii_case("chain");
        match verb {
            Verb::Begin => Some(TransactionControl::Begin),
            Verb::Start if is("transaction") => Some(TransactionControl::Begin),
            Verb::Commit if is("prepared") => Some(TransactionControl::CommitPrepared),
            Verb::Commit | Verb::End => Some(TransactionControl::Commit { chain }),
            Verb::Rollback if is("prepared") => Some(TransactionControl::RollbackPrepared),
            Verb::Rollback if after.eq_ignore_ascii_case("to") => {
                Some(TransactionControl::RollbackTo)
            }
            Verb::Rollback | Verb::Abort => Some(TransactionControl::Rollback { chain }),
            Verb::Savepoint => Some(TransactionControl::Savepoint),
            Verb::Release => Some(TransactionControl::Release),
            Verb::Prepare if is("transaction") => Some(TransactionControl::PrepareTransaction),
            _ => None,
        }
    }

    fn may_hold(&self, text: &str, verb: Verb) -> bool {
        let seen = &self.seen;
        let second = self.head(text, 1);
        let is = |wanted: &str| second.eq_ignore_ascii_case(wanted);
        match verb {
            Verb::Select | Verb::Values | Verb::Table | Verb::With => {
                seen.strange_call || seen.into || (seen.with && seen.writes)
            }
            Verb::Explain => {
                seen.analyzes && (seen.strange_call || seen.into || seen.writes || seen.runs_other)
            }
            // A setting for the transaction ends with it.
            Verb::Set => !(is("local") || is("transaction") || is("constraints")),
            Verb::Prepare => !is("transaction"),
            Verb::Create => seen.temporary || seen.strange_call && self.creates_from_query(text),
            Verb::Copy => {
                seen.copy != Some(CopyDirection::ToStdout) || seen.strange_call || seen.writes
            }
            Verb::Show | Verb::Begin | Verb::Start | Verb::Commit | Verb::End => false,
            Verb::Rollback | Verb::Abort | Verb::Savepoint | Verb::Release => false,
            Verb::Close | Verb::Deallocate | Verb::Discard | Verb::Unlisten => false,
            Verb::Alter | Verb::Drop | Verb::Comment | Verb::Grant | Verb::Revoke => false,
            Verb::Analyze | Verb::Analyse | Verb::Vacuum | Verb::Checkpoint => false,
            Verb::Cluster | Verb::Reindex | Verb::Refresh | Verb::Reassign => false,
            Verb::Lock | Verb::Notify | Verb::Security | Verb::Wait => false,
            // Triggers, defaults and prepared text run functions that the statement does not name.
            _ => true,
        }
    }

    fn may_use_sequence(&self, text: &str, verb: Verb) -> bool {
        let seen = &self.seen;
        match verb {
            Verb::Select | Verb::Values | Verb::Table | Verb::With => {
                seen.strange_call || seen.with && seen.writes
            }
            Verb::Create => seen.strange_call && self.creates_from_query(text),
            // A new column has its default in every row, and the view's query may be anything.
            Verb::Alter => self.head(text, 1).eq_ignore_ascii_case("table"),
            Verb::Refresh => true,
            Verb::Set | Verb::Reset | Verb::Prepare | Verb::Listen | Verb::Load => false,
            _ => self.may_hold(text, verb),
        }
    }

    /// Whether it is CREATE TABLE or CREATE MATERIALIZED VIEW, which run a query if they have one.
    fn creates_from_query(&self, text: &str) -> bool {
        let makes_rows = (1..4).any(|at| {
            let head = self.head(text, at);
            head.eq_ignore_ascii_case("table") || head.eq_ignore_ascii_case("materialized")
        });
        makes_rows && self.seen.names_query
    }

    fn reset(&self, text: &str, verb: Verb) -> Option<SessionReset> {
        let all = |at: usize| self.head(text, at).eq_ignore_ascii_case("all");
        match verb {
            Verb::Discard if all(1) => Some(SessionReset::DiscardAll),
            Verb::Discard => Some(SessionReset::Discard),
            Verb::Deallocate => {
                let noise = usize::from(self.head(text, 1).eq_ignore_ascii_case("prepare"));
                all(1 + noise).then_some(SessionReset::DeallocateAll)
            }
            Verb::Reset => Some(SessionReset::Reset),
            _ => None,
        }
    }

    /// One of the first words; empty if the token is something else.
    fn head<'a>(&self, text: &'a str, at: usize) -> &'a str {
        match self.heads.get(at).copied().flatten() {
            Some(token) if token.kind == TokenKind::Word => token.text(text),
            _ => "",
        }
    }
}

/// How many tokens at the beginning are kept.
const HEADS: usize = 6;

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    into: bool,
    locks: bool,
    with: bool,
    writes: bool,
    analyzes: bool,
    temporary: bool,
    runs_other: bool,
    names_query: bool,
    strange_call: bool,
    copy: Option<CopyDirection>,
}

/// Whether more than the first words of such a statement matters. The first word decides for the long ones, INSERT
/// above all.
fn reads_on(verb: Verb) -> bool {
    matches!(
        verb,
        Verb::Select
            | Verb::Values
            | Verb::Table
            | Verb::With
            | Verb::Explain
            | Verb::Create
            | Verb::Copy
    )
}

/// Whether a word before a parenthesis is a keyword, a type, or a function of PostgreSQL's own that leaves nothing in
/// the session.
fn is_harmless(word: &str) -> bool {
    let mut lower = [0_u8; 32];
    let Some(buffer) = lower.get_mut(..word.len()) else {
        return false;
    };
    buffer.copy_from_slice(word.as_bytes());
    buffer.make_ascii_lowercase();
    let lower = &*buffer;
    [KEYWORDS, TYPES, FUNCTIONS]
        .iter()
        .any(|list| list.binary_search_by(|known| known.as_bytes().cmp(lower)).is_ok())
}

/// Keywords that a parenthesis may follow.
#[rustfmt::skip]
const KEYWORDS: &[&str] = &[
    "all", "analyse", "analyze", "and", "any", "array", "as", "between", "by", "case", "check",
    "columns", "copy", "cube", "default", "distinct", "else", "end", "except", "exclude",
    "exists", "explain", "false", "filter", "first", "force_quote", "from", "group", "having",
    "ilike", "in", "include", "index", "inner", "intersect", "is", "join", "key", "lateral",
    "left", "like", "limit", "materialized", "next", "not", "null", "offset", "on", "only",
    "options", "or", "over", "partition", "references", "returning", "right", "rollup", "row",
    "rows", "select", "sets", "similar", "some", "tablesample", "then", "true", "union",
    "unique", "using", "values", "when", "where", "with", "within",
];

/// Types whose name a parenthesis may follow.
#[rustfmt::skip]
const TYPES: &[&str] = &[
    "bit", "bpchar", "char", "character", "dec", "decimal", "float", "interval", "numeric",
    "time", "timestamp", "timestamptz", "timetz", "varbit", "varchar", "varying",
];

/// Functions of PostgreSQL that many queries call and that leave nothing in the session.
#[rustfmt::skip]
const FUNCTIONS: &[&str] = &[
    "abs", "acos", "age", "array_agg", "array_append", "array_cat", "array_dims",
    "array_length", "array_lower", "array_ndims", "array_position", "array_positions",
    "array_prepend", "array_remove", "array_replace", "array_to_json", "array_to_string",
    "array_upper", "ascii", "asin", "atan", "atan2", "avg", "bit_and", "bit_length", "bit_or",
    "bool_and", "bool_or", "btrim", "cardinality", "cast", "cbrt", "ceil", "ceiling",
    "char_length", "character_length", "chr", "clock_timestamp", "coalesce", "col_description",
    "concat", "concat_ws", "convert_from", "convert_to", "corr", "cos", "cot", "count",
    "covar_pop", "covar_samp", "cume_dist", "current_database", "current_query",
    "current_schema", "current_schemas", "current_setting", "current_time", "current_timestamp",
    "date", "date_bin", "date_part", "date_trunc", "decode", "degrees", "dense_rank", "div",
    "encode", "every", "exp", "extract", "factorial", "first_value", "floor", "format",
    "format_type", "gcd", "gen_random_uuid", "generate_series", "generate_subscripts",
    "greatest", "grouping", "has_column_privilege", "has_database_privilege",
    "has_function_privilege", "has_schema_privilege", "has_table_privilege", "host", "initcap",
    "isfinite", "json_agg", "json_array", "json_array_elements", "json_array_elements_text",
    "json_array_length", "json_build_array", "json_build_object", "json_each", "json_each_text",
    "json_object", "json_object_agg", "json_object_keys", "json_populate_record", "json_query",
    "json_strip_nulls", "json_table", "json_to_record", "json_to_recordset", "json_typeof",
    "json_value", "jsonb_agg", "jsonb_array_elements", "jsonb_array_elements_text",
    "jsonb_array_length", "jsonb_build_array", "jsonb_build_object", "jsonb_each",
    "jsonb_each_text", "jsonb_insert", "jsonb_object", "jsonb_object_agg", "jsonb_object_keys",
    "jsonb_path_exists", "jsonb_path_query", "jsonb_path_query_array", "jsonb_path_query_first",
    "jsonb_populate_record", "jsonb_pretty", "jsonb_set", "jsonb_strip_nulls",
    "jsonb_to_record", "jsonb_to_recordset", "jsonb_typeof", "justify_days", "justify_hours",
    "justify_interval", "lag", "last_value", "lcm", "lead", "least", "left", "length", "ln",
    "localtime", "localtimestamp", "log", "log10", "lower", "lpad", "ltrim", "make_date",
    "make_interval", "make_time", "make_timestamp", "make_timestamptz", "masklen", "max", "md5",
    "min", "mod", "mode", "network", "normalize", "now", "nth_value", "ntile", "nullif",
    "num_nonnulls", "num_nulls", "obj_description", "octet_length", "overlay", "percent_rank",
    "percentile_cont", "percentile_disc", "pg_backend_pid", "pg_blocking_pids",
    "pg_column_size", "pg_database_size", "pg_get_constraintdef", "pg_get_expr",
    "pg_get_functiondef", "pg_get_indexdef", "pg_get_triggerdef", "pg_get_userbyid",
    "pg_get_viewdef", "pg_indexes_size", "pg_is_in_recovery", "pg_postmaster_start_time",
    "pg_relation_size", "pg_size_bytes", "pg_size_pretty", "pg_sleep", "pg_table_is_visible",
    "pg_table_size", "pg_total_relation_size", "pg_typeof", "pi", "position", "power",
    "quote_ident", "quote_literal", "quote_nullable", "radians", "random", "range_agg", "rank",
    "regexp_count", "regexp_instr", "regexp_like", "regexp_match", "regexp_matches",
    "regexp_replace", "regexp_split_to_array", "regexp_split_to_table", "regexp_substr",
    "repeat", "replace", "reverse", "right", "round", "row_number", "row_to_json", "rpad",
    "rtrim", "sha224", "sha256", "sha384", "sha512", "sign", "sin", "split_part", "sqrt",
    "starts_with", "statement_timestamp", "stddev", "stddev_pop", "stddev_samp", "string_agg",
    "string_to_array", "string_to_table", "strpos", "substr", "substring", "sum", "tan",
    "timeofday", "to_char", "to_date", "to_hex", "to_json", "to_jsonb", "to_number",
    "to_timestamp", "to_tsquery", "to_tsvector", "transaction_timestamp", "translate", "treat",
    "trim", "trim_array", "trunc", "ts_rank", "unnest", "upper", "var_pop", "var_samp",
    "variance", "version", "width_bucket", "xmlagg", "xmlelement", "xmlforest",
];

#[cfg(test)]
mod tests {
    use super::*;
    use TransactionControl::*;

    #[test]
    fn the_lists_of_harmless_words_are_sorted() {
        for list in [KEYWORDS, TYPES, FUNCTIONS] {
            for pair in list.windows(2) {
                assert!(pair[0] < pair[1], "{} {}", pair[0], pair[1]);
            }
            assert!(list.iter().all(|word| word.len() <= 32));
        }
    }

    #[test]
    fn plain_queries_may_pause() {
        for text in [
            "select 1",
            "SELECT * FROM t WHERE a = 'for update'",
            "values (1), (2)",
            "table t",
            "show all",
            "with a as (select 1) select * from a",
            "with recursive a(n) as (values (1) union all select n + 1 from a) table a",
            "(select 1) union (select 2)",
            "((select 1))",
            "(with a as (select 1) table a)",
            "select t.into, t.update from t",
            "select \"into\" from t",
            "select substring(a for 3) from t",
            "/* why */ select 1 -- into",
            "select update from t",
        ] {
            assert!(kind_of(text).may_pause, "{text}");
        }
    }

    #[test]
    fn a_query_that_writes_or_locks_does_not_pause() {
        for text in [
            "",
            "select * into t from u",
            "select 1 into temp t",
            "select * from t for update",
            "select * from t for no key update skip locked",
            "select * from t FOR SHARE",
            "select * from t for key share of t",
            "select * from (select * from t for update) x",
            "with d as (delete from t returning *) select * from d",
            "with d as not materialized (update t set a = 1 returning *) table d",
            "(with i as (insert into t values (1) returning *) select * from i)",
            "with a as (select 1) insert into t table a",
            "with a as (select 1) merge into t using a on true when matched then do nothing",
            "insert into t values (1) returning *",
            "update t set a = 1 returning *",
            "explain select 1",
            "explain analyze select 1",
            "execute p",
            "fetch all in c",
            "call p()",
            "(insert into t values (1))",
            "copy t to stdout",
            "\"select\" 1",
        ] {
            assert!(!kind_of(text).may_pause, "{text}");
        }
    }

    #[test]
    fn transaction_control_is_told_with_its_noise_words() {
        for (text, wanted) in [
            ("begin", Begin),
            ("BEGIN ISOLATION LEVEL SERIALIZABLE", Begin),
            ("begin work", Begin),
            ("start transaction read only", Begin),
            ("commit", Commit { chain: false }),
            ("commit work and chain", Commit { chain: true }),
            ("commit and no chain", Commit { chain: false }),
            ("end transaction", Commit { chain: false }),
            ("rollback", Rollback { chain: false }),
            ("abort work", Rollback { chain: false }),
            ("rollback /* x */ transaction and chain", Rollback { chain: true }),
            ("savepoint a", Savepoint),
            ("release savepoint a", Release),
            ("rollback to a", RollbackTo),
            ("rollback transaction to savepoint a", RollbackTo),
            ("prepare transaction 'x'", PrepareTransaction),
            ("commit prepared 'x'", CommitPrepared),
            ("rollback prepared 'x'", RollbackPrepared),
        ] {
            assert_eq!(kind_of(text).transaction, Some(wanted), "{text}");
            assert!(!kind_of(text).may_hold, "{text}");
        }
        for text in ["select 1", "prepare p as select 1", "start", "set transaction read only"] {
            assert_eq!(kind_of(text).transaction, None, "{text}");
        }
    }

    #[test]
    fn copy_through_the_client_is_told_from_copy_on_the_server() {
        for (text, wanted) in [
            ("copy t from stdin", Some(CopyDirection::FromStdin)),
            ("COPY s.t (a, \"from\") FROM STDIN WITH (format csv)", Some(CopyDirection::FromStdin)),
            ("copy t from stdout", Some(CopyDirection::FromStdin)),
            ("copy t to stdout", Some(CopyDirection::ToStdout)),
            ("copy (select a from stdin) to stdout csv", Some(CopyDirection::ToStdout)),
            ("copy (select a from stdin) to '/x'", None),
            ("copy t from '/stdin'", None),
            ("copy t from program 'cat'", None),
            ("select a from stdin", None),
            ("copy t from", None),
        ] {
            assert_eq!(kind_of(text).copy, wanted, "{text}");
        }
    }

    #[test]
    fn what_may_leave_something_in_the_session_says_so() {
        for text in [
            "set search_path to x",
            "set session characteristics as transaction read only",
            "set role x",
            "reset all",
            "declare c cursor for select 1",
            "prepare p as select 1",
            "execute p",
            "listen x",
            "create temp table t (a int)",
            "create or replace temporary view v as select 1",
            "create local temporary sequence s",
            "create table pg_temp.t (a int)",
            "create table t as select lock_it()",
            "load 'x'",
            "do $$ begin end $$",
            "call p()",
            "select set_config('a', 'b', false)",
            "select pg_advisory_lock(1)",
            "select pg_catalog.pg_advisory_lock (1)",
            "select app.count(1)",
            "select \"Count\"(1)",
            "select 1 where exists (select my_function /* x */ (1))",
            "select nextval('s')",
            "select * into temp t from u",
            "values (f(1))",
            "insert into t values (1)",
            "with d as (delete from t returning *) select * from d",
            "explain analyze select f(1)",
            "explain (analyze) delete from t",
            "explain analyze execute p",
            "copy t from stdin",
            "copy (select f(1)) to stdout",
            "copy (insert into t values (1) returning a) to stdout",
            "unheard of",
            "fetch 1 from c",
        ] {
            assert!(kind_of(text).may_hold, "{text}");
        }
    }

    #[test]
    fn what_may_use_a_sequence_says_so() {
        for text in [
            "insert into t values (1)",
            "with i as (insert into t values (1) returning a) select a from i",
            "update t set a = default",
            "delete from t",
            "merge into t using u on true when not matched then insert default values",
            "truncate t",
            "copy t from stdin",
            "copy (delete from t returning a) to stdout",
            "select nextval('s')",
            "select \"setval\"('s', 1)",
            "select ('s'::regclass).nextval, app.next_number(1)",
            "values (next_number(1))",
            "create table t as select next_number(1)",
            "alter table t add id bigserial",
            "refresh materialized view v",
            "declare c cursor with hold for select nextval('s')",
            "fetch 1 from c",
            "execute p",
            "call p()",
            "do $$ begin end $$",
            "explain analyze insert into t values (1)",
            "unheard of",
        ] {
            assert!(kind_of(text).may_use_sequence, "{text}");
        }
        for text in [
            "select 1",
            "select count(*) from t",
            "select a into u from t",
            "table t",
            "set search_path to x",
            "prepare p as insert into t values (1)",
            "listen x",
            "create temp table t (a serial)",
            "create sequence s",
            "alter sequence s restart",
            "drop table t",
            "explain insert into t values (1)",
            "copy t to stdout",
            "begin",
            "commit",
            "discard sequences",
            "vacuum t",
        ] {
            assert!(!kind_of(text).may_use_sequence, "{text}");
        }
    }

    #[test]
    fn what_can_leave_nothing_in_the_session_says_so() {
        for text in [
            "select 1",
            "select * from t where a in (1, 2) and (b or c) order by (a)",
            "select count(*), sum(a) filter (where b) over (partition by c) from t",
            "select pg_catalog.count(*) from t group by (a) having (true)",
            "SELECT Coalesce(a, Now()) FROM t",
            "select a::numeric(10, 2), cast(b as my_type(3)), c::s.t(1) from t",
            "with t(a) as (values (1)) select * from t as u(b)",
            "with t as (select 1) select * from t join u using (a)",
            "select * from t for update",
            "table t",
            "values (1, (2))",
            "show search_path",
            "set local a to b",
            "set transaction read only",
            "set constraints all deferred",
            "create table t (a numeric(10, 2) default f(1))",
            "create index on t (lower(a))",
            "create function f() returns int language sql as 'select 1'",
            "explain select f(1)",
            "explain (costs off) delete from t",
            "explain analyze select 1",
            "copy t to stdout",
            "vacuum t",
            "notify x",
            "unlisten *",
            "deallocate all",
            "discard all",
            "alter table t add a int",
        ] {
            assert!(!kind_of(text).may_hold, "{text}");
        }
    }

    #[test]
    fn what_takes_from_the_session_is_noted() {
        for (text, wanted) in [
            ("discard all", Some(SessionReset::DiscardAll)),
            ("discard plans", Some(SessionReset::Discard)),
            ("deallocate all", Some(SessionReset::DeallocateAll)),
            ("DEALLOCATE PREPARE ALL", Some(SessionReset::DeallocateAll)),
            ("deallocate p", None),
            ("deallocate \"all\"", None),
            ("reset all", Some(SessionReset::Reset)),
            ("select 1", None),
        ] {
            assert_eq!(kind_of(text).reset, wanted, "{text}");
        }
    }

    #[test]
    fn the_leading_verb_is_written_as_in_the_manual() {
        for (text, wanted) in [
            ("select 1", "SELECT"),
            ("  -- why\n((Values (1)))", "VALUES"),
            ("with a as (select 1) delete from t", "WITH"),
            ("refresh materialized view v", "REFRESH"),
            ("\"select\"", ""),
            ("selects", ""),
            ("(drop table t)", ""),
            ("", ""),
        ] {
            assert_eq!(kind_of(text).leading_verb(), wanted, "{text}");
        }
    }
}
