//! A wrapped statement on a read-only connection, on the wire: what Tusk sends before and after it, and what comes
//! back.
//!
//! Everything goes out at once, in messages of the extended protocol, so it costs one round trip like any other
//! statement: BEGIN and the settings, the statement, a Sync; an inspection of what it left, a Sync; ROLLBACK, a Sync.
//! The statement travels in a Parse message, with which the server itself makes sure that it is one command, and an
//! error skips everything up to the next Sync, so nothing runs if BEGIN failed. Tusk asks for results as text, which is
//! byte for byte what a simple query gives. tokio-postgres speaks none of this: the tap writes it while the driver
//! idles, and takes the answers out of the stream.

use std::collections::VecDeque;

use super::capture::{Capture, Verdict};
use crate::{
    effects::postgres::{
        error,
        own_sql::{OwnSql, UNKNOWN_FUNCTION},
        wire::frames::Frame,
    },
    failure::{Category, Failure, advice},
    sql::{
        read::lex::{self, TokenKind},
        safety::guard::Refusal,
    },
    update::query::read_only::{self, Access, Inspection, Seal, Setting},
};

/// Precedes a statement that the server must confirm to be a query or a change of rows: its grammar has no other
/// statement in this place. It is only parsed, never executed.
const CONFIRMATION: &str = "prepare tusk as\n";

/// The most bytes of an inspection's answer; a server has some hundred settings, and a session few custom ones.
const LOOK_BYTES_MAX: usize = 256 << 10;

/// Cleans up what a rollback leaves behind in a session.
const LEFT_OVER: [OwnSql; 2] = [OwnSql::Unlock {}, OwnSql::Deallocate {}];

/// A wrapped statement under way.
pub struct Sealed {
    out: Vec<u8>,
    written: usize,
    /// The answers still to come: one queue for each Sync.
    segments: VecDeque<VecDeque<Unit>>,
    /// Whether the statement itself has ended.
    ended: bool,
    failure: Option<Failure>,
    inspection: Inspection,
    looks: bool,
    looked_bytes: usize,
    idle_at_end: bool,
    broken: bool,
    unclean: bool,
    /// The statement's first parameter and its position in characters: nobody has a value for it.
    parameter: Option<(String, u32)>,
}

/// One statement of the wrapper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// Tusk's own: its answer does not matter, unless it fails.
    Own,
    /// The check of the functions that the statement names, which fails if one is unknown.
    Functions,
    /// The confirmation: only parsed.
    Confirmation,
    /// The user's statement, or Tusk's in its place.
    Statement,
    /// The inspection of what it left.
    Look,
}

impl Sealed {
    /// A statement with its whole wrapper. Its text is written as these bytes.
    pub fn new(sql: &str, written: &[u8], seal: &Seal) -> Self {
        let mut sealed = Self::empty();
        sealed.parameter = first_parameter(sql);
        match seal {
            Seal::Whole { settings, confirm, asks_settings, names } => {
                sealed.own(&OwnSql::BeginReadOnly {});
                sealed.apply(settings);
                sealed.known_functions(names);
                sealed.statement(written, *confirm);
                sealed.look(asks_settings.as_deref());
                sealed.end();
            }
            Seal::Begins { settings } => {
                sealed.statement(written, false);
                sealed.apply(settings);
                sealed.sync();
            }
            Seal::Inside { confirm, asks_settings, names } => {
                sealed.own(&OwnSql::ReadOnlyAgain {});
                sealed.own(&OwnSql::Straighten {});
                sealed.known_functions(names);
                sealed.statement(written, *confirm);
                sealed.look(asks_settings.as_deref());
            }
            Seal::Savepoint => {
                sealed.statement(written, false);
                sealed.sync();
            }
            Seal::Ends { chain } => {
                sealed.statement(written, false);
                sealed.end_rest();
                if let Some((begin, settings)) = chain {
                    let begin = begin.clone();
                    sealed.own(&OwnSql::BeginAgain { begin });
                    sealed.apply(settings);
                    sealed.sync();
                    sealed.idle_at_end = false;
                }
            }
        }
        sealed
    }

    /// The end once more, after a late cancel hit it: with ROLLBACK, if the transaction is still open.
    pub fn end_again(failure: Option<Failure>, inspection: Inspection, is_open: bool) -> Self {
        let mut sealed = Self::empty();
        sealed.ended = true;
        sealed.failure = failure;
        sealed.inspection = inspection;
        if is_open {
            sealed.own(&OwnSql::SealedRollBack {});
        }
        sealed.end_rest();
        sealed
    }

    fn empty() -> Self {
        Self {
            out: Vec::new(),
            written: 0,
            segments: VecDeque::from([VecDeque::new()]),
            ended: false,
            failure: None,
            inspection: Inspection { access: Access::ReadOnly, settings: None },
            looks: false,
            looked_bytes: 0,
            idle_at_end: false,
            broken: false,
            unclean: false,
            parameter: None,
        }
    }

    fn own(&mut self, own: &OwnSql) {
        self.parse(own.text().as_bytes());
        self.execute(false);
        self.expect(Unit::Own);
    }

    /// Checks before the statement whether it names an unknown function.
    fn known_functions(&mut self, names: &[String]) {
        if names.is_empty() {
            return;
        }
        let names = names.to_vec();
        self.parse(OwnSql::KnownFunctions { names }.text().as_bytes());
        self.execute(false);
        self.expect(Unit::Functions);
    }

    fn apply(&mut self, settings: &[Setting]) {
        let settings = settings.to_vec();
        self.own(&OwnSql::Apply { settings });
    }

    fn statement(&mut self, sql: &[u8], confirm: bool) {
        if confirm {
            self.parse(&[CONFIRMATION.as_bytes(), sql].concat());
            self.expect(Unit::Confirmation);
        }
        self.parse(sql);
        self.execute(true);
        self.expect(Unit::Statement);
    }

    fn look(&mut self, at_settings: Option<&[String]>) {
        self.sync();
        let custom = at_settings.map(<[String]>::to_vec);
        self.parse(OwnSql::Look { custom }.text().as_bytes());
        self.execute(false);
        self.expect(Unit::Look);
        self.sync();
        self.looks = at_settings.is_some();
    }

    fn end(&mut self) {
        self.own(&OwnSql::SealedRollBack {});
        self.end_rest();
    }

    fn end_rest(&mut self) {
        for own in &LEFT_OVER {
            self.own(own);
        }
        self.sync();
        self.idle_at_end = true;
    }

    fn expect(&mut self, unit: Unit) {
        if let Some(segment) = self.segments.back_mut() {
            segment.push_back(unit);
        }
    }

    fn parse(&mut self, sql: &[u8]) {
        self.message(b'P', &[b"\0", sql, b"\0\0\0"]);
    }

    /// Binds and executes the parsed statement: no parameters, every column as text.
    fn execute(&mut self, describe: bool) {
        self.message(b'B', &[&[0; 8]]);
        if describe {
            self.message(b'D', &[b"P\0"]);
        }
        self.message(b'E', &[&[0; 5]]);
    }

    fn sync(&mut self) {
        self.message(b'S', &[]);
        self.segments.push_back(VecDeque::new());
    }

    fn message(&mut self, tag: u8, parts: &[&[u8]]) {
        let length = 4 + parts.iter().map(|part| part.len()).sum::<usize>();
        self.out.push(tag);
        // The driver has the same bound: it refuses a text that is longer than a length can say.
        self.out.extend_from_slice(&(length as u32).to_be_bytes());
        parts.iter().for_each(|part| self.out.extend_from_slice(part));
    }

    /// The bytes to write next; empty once everything has been written.
    pub fn pending(&self) -> &[u8] {
        self.out.get(self.written..).unwrap_or_default()
    }

    /// This many of them were written.
    pub fn wrote(&mut self, bytes: usize) {
        self.written += bytes;
        if self.written >= self.out.len() {
            self.out = Vec::new();
            self.written = 0;
        }
    }

    pub fn is_done(&self) -> bool {
        // The last queue is the one that no Sync ended.
        self.segments.len() <= 1
    }

    /// Whether the server waits for something that it does not get: the link is useless now.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether part of the end failed.
    pub fn is_unclean(&self) -> bool {
        self.unclean
    }

    /// Whether the wrapper must leave no transaction.
    pub fn must_be_idle(&self) -> bool {
        self.idle_at_end
    }

    /// Why the statement failed, so far.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// What is known at the end.
    pub fn finish(self) -> (Option<Failure>, Inspection) {
        (self.failure, self.inspection)
    }

    /// How many characters precede the user's statement where the server reads it now.
    pub fn before(&self) -> usize {
        match self.unit() {
            Some(Unit::Confirmation) => CONFIRMATION.len(),
            _ => 0,
        }
    }

    /// Whether the next message belongs to the statement itself, so that its rows wait for a grant.
    pub fn is_at_statement(&self) -> bool {
        self.unit() == Some(Unit::Statement)
    }

    fn unit(&self) -> Option<Unit> {
        self.segments.front()?.front().copied()
    }

    fn unit_ended(&mut self) {
        if let Some(segment) = self.segments.front_mut() {
            segment.pop_front();
        }
    }

    /// Takes one message of the server. The statement's own messages go to its capture.
    pub fn take(&mut self, frame: Frame<'_>, capture: Option<&mut Capture>) -> Verdict {
        let unit = self.unit();
        match (frame.tag(), unit) {
            // What the server says about Tusk's own statements is not for the user, and it says everything about a
            // confirmation twice.
            (b'N', Some(Unit::Own | Unit::Functions | Unit::Look | Unit::Confirmation)) => {
                let notice = error::from_fields(frame.body());
                // Don't log its text: it may repeat what the user ran.
                log::debug!("a notice about a statement of Tusk's own: {}", notice.code());
            }
            (b'N' | b'S' | b'A', _) => return Verdict::Pass,
            (b'1', Some(Unit::Confirmation)) => self.unit_ended(),
            (b'E', _) => self.failed(frame, unit),
            (b'Z', _) => self.ready(frame, capture),
            (b'G' | b'W', _) => {
                self.broken = true;
                self.failure.get_or_insert_with(copy_from);
            }
            (b'C' | b'I', unit) => {
                if let (Some(Unit::Statement), Some(capture), b'C') = (unit, capture, frame.tag()) {
                    capture.take(frame);
                }
                self.unit_ended();
            }
            (b'T' | b'D' | b'H' | b'd' | b'c', Some(Unit::Statement)) => {
                if let Some(capture) = capture {
                    capture.take(frame);
                }
            }
            (b'D', Some(Unit::Look)) => self.looked(frame.body()),
            _ => {}
        }
        Verdict::Swallow
    }

    fn failed(&mut self, frame: Frame<'_>, unit: Option<Unit>) {
        // The server skips the rest up to the next Sync.
        if let Some(segment) = self.segments.front_mut() {
            segment.clear();
        }
        let mut failure = error::from_fields(frame.body());
        match unit {
            Some(Unit::Look) => {
                log::debug!("what a statement left can't be seen: {}", failure.code());
                self.inspection.settings = None;
                return;
            }
            Some(Unit::Own) if self.ended => {
                log::debug!("a read-only transaction did not end: {}", failure.code());
                self.unclean = true;
                return;
            }
            Some(Unit::Own | Unit::Functions) => {
                if let Some(name) = unknown_function(&failure.message) {
                    let refusal = Refusal::UnknownFunction(name.to_owned());
                    self.failure.get_or_insert(read_only::refused(&refusal));
                    return;
                }
                failure.position = None;
                // A failed transaction and a cancel hit Tusk's statement in place of the user's.
                if !failure.is("25P02") && !failure.is("57014") {
                    failure.detail.get_or_insert_with(|| OWN.to_owned());
                }
            }
            Some(Unit::Confirmation) => {
                let before = CONFIRMATION.len() as u32;
                let position = failure.position.and_then(|at| at.checked_sub(before));
                failure.position = position.filter(|at| *at > 0);
            }
            Some(Unit::Statement) if failure.is("08P01") => {
                failure = self.parameter.take().map_or(failure, no_parameter);
            }
            Some(Unit::Statement) | None => {}
        }
        self.failure.get_or_insert(failure);
    }

    fn ready(&mut self, frame: Frame<'_>, capture: Option<&mut Capture>) {
        self.segments.pop_front();
        if self.ended {
            return;
        }
        self.ended = true;
        if let Some(capture) = capture {
            capture.take(frame);
        }
        let goes_on = self.segments.len() > 1 && self.looks_next();
        if goes_on && frame.body() == b"I" {
            self.inspection.access = Access::Over;
        }
    }

    fn looks_next(&self) -> bool {
        self.unit() == Some(Unit::Look)
    }

    fn looked(&mut self, body: &[u8]) {
        let Some([name, value, kind]) = three_texts(body) else {
            return;
        };
        if self.looks {
            self.looked_bytes += body.len();
            if self.looked_bytes > LOOK_BYTES_MAX {
                // The transaction's state is unknown now: the link ends with it.
                self.broken = true;
                self.failure.get_or_insert_with(|| {
                    error::servers_fault(
                        "The server lists more settings of the transaction than any server has.",
                    )
                });
                return;
            }
            let settings = self.inspection.settings.get_or_insert_default();
            let is_known = settings.iter().any(|setting| setting.name == name);
            // A setting with a dot that is not set is empty.
            let is_set = !name.contains('.') || !value.is_empty();
            if !is_known && is_set && (name != "transaction_read_only" || value != "on") {
                settings.push(Setting {
                    name: name.clone(),
                    value: value.clone(),
                    custom: kind == "custom",
                });
            }
        }
        if name == "transaction_read_only"
            && value == "off"
            && self.inspection.access == Access::ReadOnly
        {
            self.inspection.access = Access::ReadWrite;
        }
    }
}

const OWN: &str = "It came from what Tusk sends before a statement on a read-only connection: BEGIN and the settings \
that it keeps for this tab. RESET ALL forgets those settings.";

/// The name in the error that reports an unknown function.
fn unknown_function(message: &str) -> Option<&str> {
    let [before, after] = UNKNOWN_FUNCTION;
    let start = message.find(before)? + before.len();
    let end = message.rfind(after)?;
    message.get(start..end)
}

fn copy_from() -> Failure {
    error::plain(
        Category::Query,
        "This connection is read-only: COPY may only go TO STDOUT. The session was closed.",
    )
}

fn first_parameter(sql: &str) -> Option<(String, u32)> {
    let token = lex::tokens(sql).find(|token| token.kind == TokenKind::Parameter)?;
    let before = sql.get(..token.start)?.chars().count();
    Some((token.text(sql).to_owned(), u32::try_from(before + 1).ok()?))
}

/// What the server says about a parameter in a simple query; here it would speak of messages.
fn no_parameter((name, position): (String, u32)) -> Failure {
    let mut failure = Failure::new(Category::Query, format!("there is no parameter {name}"));
    failure.severity = "ERROR".into();
    failure.sqlstate = Some("42P02".into());
    failure.position = Some(position);
    failure.next_step = advice::next_step(&failure);
    failure
}

/// The three columns of a DataRow.
fn three_texts(body: &[u8]) -> Option<[String; 3]> {
    let (count, mut rest) = body.split_first_chunk::<2>()?;
    if *count != [0, 3] {
        return None;
    }
    let mut next = || {
        let (length, tail) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
        let (value, tail) = tail.split_at_checked(length)?;
        rest = tail;
        Some(String::from_utf8_lossy(value).into_owned())
    };
    Some([next()?, next()?, next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(settings: &[(&str, &str)], confirm: bool, asks: bool) -> Seal {
        let settings = settings.iter().map(|(name, value)| Setting {
            name: (*name).into(),
            value: (*value).into(),
            custom: name.contains('.'),
        });
        Seal::Whole {
            settings: settings.collect(),
            confirm,
            asks_settings: asks.then(Vec::new),
            names: vec![],
        }
    }

    fn sealed_of(sql: &str, seal: &Seal) -> Sealed {
        Sealed::new(sql, sql.as_bytes(), seal)
    }

    /// The tags of the messages, and the texts of the parsed ones.
    fn written(sealed: &Sealed) -> (String, Vec<String>) {
        let (mut tags, mut texts, mut rest) = (String::new(), vec![], sealed.pending());
        while let [tag, a, b, c, d, tail @ ..] = rest {
            let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize - 4;
            tags.push(char::from(*tag));
            if *tag == b'P' {
                texts.push(String::from_utf8(tail[1..length - 3].to_vec()).unwrap());
            }
            rest = &tail[length..];
        }
        (tags, texts)
    }

    fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
        let mut whole = vec![tag];
        whole.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
        whole.extend_from_slice(body);
        whole
    }

    fn hear(sealed: &mut Sealed, frames: &[(u8, &[u8])]) {
        for (tag, body) in frames {
            let bytes = frame(*tag, body);
            assert_eq!(sealed.take(Frame::new(&bytes), None), Verdict::Swallow);
        }
    }

    fn row(name: &str, value: &str) -> Vec<u8> {
        let kind = if name.contains('.') { "custom" } else { "server" };
        let mut body = vec![0, 3];
        for text in [name, value, kind] {
            body.extend_from_slice(&(text.len() as u32).to_be_bytes());
            body.extend_from_slice(text.as_bytes());
        }
        body
    }

    #[test]
    fn a_statement_is_written_between_begin_and_rollback_in_one_piece() {
        let sealed = sealed_of("select 1", &whole(&[("a.b", "it's \\")], true, true));
        let (tags, texts) = written(&sealed);
        assert_eq!(tags, "PBEPBEPPBDESPBESPBEPBEPBES");
        let applied = "select pg_catalog.set_config(E'a.b', E'it''s \\\\', true)";
        let custom = Some(vec![]);
        let look = OwnSql::Look { custom }.text();
        let expected = [
            "begin read only",
            applied,
            "prepare tusk as\nselect 1",
            "select 1",
            &look,
            "rollback",
            "select pg_catalog.pg_advisory_unlock_all()",
            "deallocate all",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn in_a_transaction_of_the_user_s_nothing_begins_or_ends() {
        let seal = Seal::Inside { confirm: false, asks_settings: None, names: vec![] };
        let look = OwnSql::Look { custom: None }.text();
        assert_eq!(
            written(&sealed_of("show all", &seal)).1,
            ["set transaction read only", &OwnSql::Straighten {}.text(), "show all", look.as_str()]
        );
        let seal = Seal::Begins { settings: vec![] };
        assert_eq!(
            written(&sealed_of("begin read only", &seal)).1,
            ["begin read only", "select 1"]
        );
        let chain = Some(("begin read only".to_owned(), vec![]));
        let sealed = sealed_of("rollback", &Seal::Ends { chain });
        assert_eq!(written(&sealed).0, "PBDEPBEPBESPBEPBES");
        assert!(!sealed.must_be_idle());
        assert!(sealed_of("rollback", &Seal::Ends { chain: None }).must_be_idle());
    }

    #[test]
    fn the_answers_are_told_apart_and_the_settings_read() {
        let mut sealed = sealed_of("set a.b = 1", &whole(&[], false, true));
        hear(
            &mut sealed,
            &[
                (b'1', b""),
                (b'2', b""),
                (b'C', b"BEGIN\0"),
                (b'1', b""),
                (b'2', b""),
                (b'D', b""),
                (b'C', b"SELECT 1\0"),
            ],
        );
        assert!(sealed.is_at_statement() && !sealed.is_done());
        hear(&mut sealed, &[(b'1', b""), (b'2', b""), (b'n', b""), (b'C', b"SET\0"), (b'Z', b"T")]);
        hear(
            &mut sealed,
            &[
                (b'1', b""),
                (b'2', b""),
                (b'D', &row("transaction_read_only", "on")),
                (b'D', &row("a.b", "1")),
                (b'C', b"\0"),
                (b'Z', b"T"),
            ],
        );
        hear(&mut sealed, &[(b'1', b""), (b'2', b""), (b'C', b"\0"), (b'C', b"\0"), (b'C', b"\0")]);
        assert!(!sealed.is_done());
        hear(&mut sealed, &[(b'Z', b"I")]);
        assert!(sealed.is_done() && sealed.must_be_idle());
        let settings = Some(vec![Setting { name: "a.b".into(), value: "1".into(), custom: true }]);
        assert_eq!(sealed.finish(), (None, Inspection { access: Access::ReadOnly, settings }));
    }

    #[test]
    fn an_error_of_the_confirmation_is_placed_in_the_user_s_text() {
        let mut sealed = sealed_of("selct 1", &whole(&[], true, false));
        hear(&mut sealed, &[(b'C', b"BEGIN\0"), (b'C', b"SELECT 1\0")]);
        hear(
            &mut sealed,
            &[
                (b'E', b"SERROR\0VERROR\0C42601\0Msyntax error at or near \"selct\"\0P17\0\0"),
                (b'Z', b"E"),
            ],
        );
        hear(
            &mut sealed,
            &[(b'E', b"SERROR\0VERROR\0C25P02\0Mcurrent transaction is aborted\0\0"), (b'Z', b"E")],
        );
        hear(
            &mut sealed,
            &[
                (b'C', b"ROLLBACK\0"),
                (b'C', b"SELECT 1\0"),
                (b'C', b"DEALLOCATE ALL\0"),
                (b'Z', b"I"),
            ],
        );
        let (failure, inspection) = sealed.finish();
        let failure = failure.unwrap();
        assert_eq!((failure.sqlstate.as_deref(), failure.position), (Some("42601"), Some(1)));
        assert_eq!(inspection, Inspection { access: Access::ReadOnly, settings: None });
    }

    #[test]
    fn a_statement_that_left_its_transaction_is_seen() {
        let mut over = sealed_of("x", &whole(&[], false, false));
        hear(&mut over, &[(b'C', b"\0"), (b'C', b"\0"), (b'C', b"COMMIT\0"), (b'Z', b"I")]);
        assert_eq!(over.finish().1.access, Access::Over);
        let mut switched = sealed_of("x", &whole(&[], false, false));
        hear(
            &mut switched,
            &[
                (b'C', b"\0"),
                (b'C', b"\0"),
                (b'C', b"SELECT 1\0"),
                (b'Z', b"T"),
                (b'D', &row("transaction_read_only", "off")),
            ],
        );
        assert_eq!(switched.finish().1, Inspection { access: Access::ReadWrite, settings: None });
    }

    #[test]
    fn a_failure_of_what_tusk_sends_itself_says_so() {
        let mut sealed = sealed_of("select 1", &whole(&[("search_path", "x")], true, false));
        hear(
            &mut sealed,
            &[(b'C', b"\0"), (b'E', b"SERROR\0C22023\0Minvalid value\0P8\0\0"), (b'Z', b"E")],
        );
        let failure = sealed.finish().0.unwrap();
        assert_eq!(failure.position, None);
        assert!(failure.detail.unwrap().contains("RESET ALL"));
    }

    #[test]
    fn an_end_that_was_hit_by_a_late_cancel_is_said_again() {
        let mut sealed = sealed_of("x", &whole(&[], false, false));
        let cancelled = b"SERROR\0C57014\0Mcanceling statement due to user request\0\0";
        hear(&mut sealed, &[(b'C', b""), (b'C', b""), (b'C', b""), (b'Z', b"T")]);
        hear(&mut sealed, &[(b'C', b""), (b'Z', b"T"), (b'C', b"ROLLBACK\0")]);
        hear(&mut sealed, &[(b'E', cancelled), (b'Z', b"I")]);
        assert!(sealed.is_done() && sealed.is_unclean());
        let (failure, inspection) = sealed.finish();
        assert_eq!(failure, None, "the statement itself went well");
        let again = Sealed::end_again(failure, inspection, false);
        assert_eq!(written(&again).1, LEFT_OVER.map(|own| own.text()));
        assert!(again.must_be_idle() && !again.is_unclean());
    }

    #[test]
    fn a_parameter_that_nobody_gives_is_told_as_anywhere_else() {
        let mut sealed = sealed_of("select 'ü', $1", &whole(&[], false, false));
        hear(&mut sealed, &[(b'C', b""), (b'C', b""), (b'1', b"")]);
        hear(&mut sealed, &[(b'E', b"SERROR\0C08P01\0Mbind message supplies 0 parameters\0\0")]);
        let failure = sealed.finish().0.unwrap();
        assert_eq!((failure.sqlstate.as_deref(), failure.position), (Some("42P02"), Some(13)));
    }

    #[test]
    fn a_copy_that_waits_for_data_breaks_the_link() {
        let mut sealed = sealed_of("x", &whole(&[], false, false));
        hear(&mut sealed, &[(b'C', b"\0"), (b'C', b"\0"), (b'G', &[0, 0, 0])]);
        assert!(sealed.is_broken() && sealed.failure().is_some());
    }
}
