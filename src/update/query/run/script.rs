//! A script: what is run of a text, one statement after another, without what is psql's own.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

use crate::{
    base::{
        ids::{Ids, QueryId},
        text::RopeText,
    },
    settings::OnError,
    sql::{
        Kind,
        read::lex::{self, BackslashRule},
        statement::{
            classify::{self, CopyDirection},
            psql::{self, Order, Refusal, Restriction},
            script::{self, Sent, Step},
            split::{self, Pieces, Place, Read},
        },
    },
    update::{query::history, query::page::Page},
};

/// So many of the commands that were skipped are named.
const SKIPPED_NAMED: usize = 12;

/// Statements to run one by one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Script {
    pub statements: Arc<[Planned]>,
    pub next: usize,
    /// Whether all rows shall come, however many: it was said while the script still waited.
    pub fetches_all: bool,
    /// What follows on a statement that fails.
    pub on_error: OnError,
    /// How many statements have failed.
    pub failed: usize,
    /// Whether it stands at one, and the user is asked whether to go on.
    pub asks: bool,
    /// What is said of it as soon as it begins.
    pub note: Option<String>,
    /// The next statements that its session already has, in order.
    pub ahead: Ahead,
    /// Where it runs, as its statements are kept in the history; none before the first of them was sent.
    #[serde(skip)]
    pub place: Option<history::Place>,
    /// The text that it was cut out of, where the rest may have to be cut again.
    #[serde(skip)]
    pub source: Option<Source>,
}

/// Statements that were given to the session before those before them have ended, so that it goes from one to the next
/// without a word of the loop.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Ahead {
    pub queries: VecDeque<QueryId>,
    /// What a backslash was to the session when they were given to it.
    backslash: BackslashRule,
    /// Whether they are on their way back. Those that ran before that are still told of.
    taken_back: bool,
    /// How many statements of the script have ended well since one did not.
    #[serde(skip)]
    went_well: usize,
}

impl Ahead {
    /// Whether there are any that may be taken back.
    pub fn is_given(&self) -> bool {
        !self.taken_back && !self.queries.is_empty()
    }

    /// They are on their way back.
    pub fn take_back(&mut self) {
        self.taken_back = true;
    }

    /// None of them is sent any more: the statement before them has ended, well or not.
    pub fn let_go(&mut self, well: bool) {
        *self = Self { went_well: if well { self.went_well + 1 } else { 0 }, ..Self::default() };
    }

    /// How many the session may have. Where one fails, those behind it are given in vain, so that there are few where
    /// one has just failed.
    fn max(&self) -> usize {
        (AHEAD_FIRST + self.went_well).min(AHEAD_MAX)
    }
}

/// So many statements of a script are given to the session one by one.
const ONE_BY_ONE: usize = 16;

/// Of the others it has so many ahead at first and behind one that failed, one more for each that ends well,
const AHEAD_FIRST: usize = 16;

/// and at most so many; it is given more when it has less than half of them.
const AHEAD_MAX: usize = 256;

/// The text that a script was cut out of.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    text: RopeText,
    range: Range<usize>,
}

/// One statement of a script.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Planned {
    /// The statement, as the user wrote it, with the comments in front of it: a pooler or a proxy may read them.
    pub sql: Arc<str>,
    /// So many bytes of that are the comments.
    pub lead: usize,
    /// Lines for COPY … FROM STDIN.
    pub copy_data: Option<Arc<str>>,
    /// Where it begins in the editor's text; none for one that was not written there.
    pub start: Option<usize>,
    /// What its text tells of it.
    pub kind: Kind,
    /// What psql takes out of it: the byte of `sql` before which that stood, and how long it was.
    pub cuts: Vec<(usize, usize)>,
    /// Where its data begin in the editor's text.
    pub data_start: Option<usize>,
    /// Where the line that it ends on ends, in the editor's text.
    pub line_end: usize,
    /// What a backslash in a plain string was taken for where it was cut.
    pub backslash: BackslashRule,
    /// `\set ON_ERROR_STOP` before it: whether an error stops the script from here on.
    pub stops: Option<bool>,
    /// The `\restrict` that holds behind it.
    #[serde(skip)]
    restriction: Restriction,
}

/// Why there is nothing to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is no statement.
    Nothing,
    /// There are only commands that psql would print something for.
    OnlyPsql { note: String },
    /// Something in it is not run, and what stands behind it would not be what the user wrote.
    Refused {
        /// Where it is, in bytes of the editor's text.
        range: Range<usize>,
        /// What and why.
        reason: String,
    },
}

/// What is to be run of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The selection, or the statement that the cursor means.
    Here,
    /// Everything.
    All,
}

impl Planned {
    /// A statement that nobody wrote into an editor.
    pub fn of_text(sql: &str) -> Self {
        Self {
            sql: sql.into(),
            lead: 0,
            copy_data: None,
            start: None,
            kind: classify::kind_of(sql),
            cuts: vec![],
            data_start: None,
            line_end: 0,
            backslash: BackslashRule::Ordinary,
            stops: None,
            restriction: Restriction::default(),
        }
    }

    /// The statement without the comments in front of it.
    pub fn statement(&self) -> Arc<str> {
        match self.sql.get(self.lead..) {
            Some(statement) if self.lead > 0 => statement.into(),
            _ => self.sql.clone(),
        }
    }

    /// How many bytes of the editor's text the statement without its comments stands for.
    pub fn written(&self) -> usize {
        let cut: usize = self.cuts.iter().map(|(_, bytes)| bytes).sum();
        self.sql.len() - self.lead + cut
    }

    /// The byte of the editor's text, from the statement's beginning on, that a byte of the statement is.
    pub fn in_text(&self, byte: usize) -> usize {
        let before = self.cuts.iter().filter(|(at, _)| *at <= byte + self.lead);
        byte + before.map(|(_, bytes)| bytes).sum::<usize>()
    }

    /// What the editor's text must hold where the statement begins for its places still to be there.
    pub fn is_written(&self, text: &str) -> bool {
        let mut rest = text;
        let mut at = self.lead;
        let cuts = self.cuts.iter().map(|(place, bytes)| (*place, *bytes));
        for (place, bytes) in cuts.chain([(self.sql.len(), 0)]) {
            let Some(part) = self.sql.get(at..place) else {
                return false;
            };
            let Some(behind) = rest.strip_prefix(part) else {
                return false;
            };
            rest = behind.get(bytes..).unwrap_or_default();
            at = place;
        }
        true
    }
}

impl Script {
    /// A script that has not begun.
    pub fn new(statements: Vec<Planned>, on_error: OnError) -> Self {
        Self {
            statements: statements.into(),
            next: 0,
            fetches_all: false,
            on_error,
            failed: 0,
            asks: false,
            note: None,
            ahead: Ahead::default(),
            place: None,
            source: None,
        }
    }

    /// The next statements that may be given to the session while the one before them runs.
    pub fn give_ahead(
        &mut self,
        backslash: BackslashRule,
        ids: &mut Ids,
    ) -> Vec<(QueryId, Arc<str>)> {
        let max = self.ahead.max();
        if self.next < ONE_BY_ONE || self.ahead.queries.len() >= max / 2 {
            return vec![];
        }
        let from = self.next + 1 + self.ahead.queries.len();
        let may_follow = |planned: &&Planned| {
            planned.backslash == backslash && planned.kind.copy != Some(CopyDirection::FromStdin)
        };
        let room = max.saturating_sub(self.ahead.queries.len());
        let rest = self.statements.get(from..).unwrap_or_default();
        let given: Vec<_> = rest
            .iter()
            .take(room)
            .take_while(may_follow)
            .map(|planned| (QueryId::next(ids), planned.sql.clone()))
            .collect();
        self.ahead.backslash = backslash;
        self.ahead.taken_back = false;
        self.ahead.queries.extend(given.iter().map(|(query, _)| *query));
        given
    }

    /// The query of the next statement, where the session has it already and takes it as it was given.
    pub fn take_ahead(&mut self, backslash: BackslashRule) -> Option<QueryId> {
        if self.ahead.backslash != backslash {
            self.ahead.queries.clear();
        }
        let next = self.ahead.queries.pop_front()?;
        self.ahead.went_well += 1;
        Some(next)
    }

    /// A statement that the session had been given was not sent, and so none behind it.
    pub fn not_followed(&mut self, query: QueryId) {
        let queries = &mut self.ahead.queries;
        if let Some(at) = queries.iter().position(|other| *other == query) {
            queries.truncate(at);
        }
    }

    /// The script that a tab's text is. Answers why there is nothing to run.
    pub fn of_tab(tab: &Page, part: Part, on_error: OnError) -> Result<Self, Problem> {
        let buffer = &tab.editor.buffer;
        let selection = buffer.selection();
        let backslash = tab.editor.splits.backslash();
        let (range, planner) = match part {
            Part::Here if selection.is_empty() => (None, statement_at(tab, selection.start)?),
            Part::Here => {
                let text = buffer.text().slice(selection.clone());
                let mut planner = Planner::new(&text, selection.start);
                planner.script(backslash, Restriction::default())?;
                (Some(selection), planner.finish())
            }
            Part::All => {
                let text = buffer.string();
                let mut planner = Planner::new(&text, 0);
                planner.script(backslash, Restriction::default())?;
                (Some(0..text.len()), planner.finish())
            }
        };
        let note = planner.note(buffer.text());
        if planner.statements.is_empty() {
            return Err(note.map_or(Problem::Nothing, |note| Problem::OnlyPsql { note }));
        }
        let mut script = Self::new(planner.statements, on_error);
        script.note = note;
        script.source = range.map(|range| Source { text: buffer.text().clone(), range });
        Ok(script)
    }

    /// Whether the next statement stands on the line of the one before: it was read with that, by the rule of then.
    fn is_on_same_line(&self) -> bool {
        let before = self.next.checked_sub(1).and_then(|at| self.statements.get(at));
        let next = self.statements.get(self.next).and_then(|next| next.start);
        before.zip(next).is_some_and(|(before, start)| start < before.line_end)
    }

    /// The next statement, and whether it is as the session reads it; none behind the last one. Why the rest can't be
    /// run.
    pub fn take_next(
        &mut self,
        backslash: BackslashRule,
    ) -> Result<Option<(Planned, bool)>, Problem> {
        let is_read = self.read_under(backslash)?;
        let Some(planned) = self.statements.get(self.next).cloned() else {
            return Ok(None);
        };
        match planned.stops {
            Some(true) => self.on_error = OnError::Stop,
            Some(false) => self.on_error = OnError::Continue,
            None => {}
        }
        Ok(Some((planned, is_read)))
    }

    /// Cuts what is left again, where the session reads a backslash otherwise than it was taken for: psql asks for the
    /// server's rule at each line. Answers whether the next statement is now as the session reads it; why the rest
    /// can't be run.
    fn read_under(&mut self, backslash: BackslashRule) -> Result<bool, Problem> {
        let Some(next) = self.statements.get(self.next) else {
            return Ok(true);
        };
        if next.backslash == backslash || self.source.is_some() && self.is_on_same_line() {
            return Ok(true);
        }
        let Some(source) = &self.source else {
            return Ok(false);
        };
        let before = self.next.checked_sub(1).and_then(|at| self.statements.get(at));
        let from = before.map_or(source.range.start, |before| before.line_end);
        let restriction = before.map(|before| before.restriction.clone()).unwrap_or_default();
        let text = source.text.slice(from..source.range.end);
        let mut planner = Planner::new(&text, from);
        planner.script(backslash, restriction)?;
        let kept = self.statements[..self.next].iter().cloned();
        self.statements = kept.chain(planner.finish().statements).collect();
        Ok(true)
    }
}

/// The one statement that the cursor means.
fn statement_at(tab: &Page, offset: usize) -> Result<Plan, Problem> {
    let splits = &tab.editor.splits;
    let Some(piece) = splits.at(offset) else {
        return Err(Problem::Nothing);
    };
    let range = piece.range();
    let index = splits.pieces().partition_point(|other| other.range().start < range.start);
    let text = tab.editor.buffer.string();
    let mut planner = Planner::new(&text, 0);
    let read = Read {
        piece: piece.clone(),
        previous: splits.end_before(index),
        backslash: splits.backslash(),
    };
    if let (_, Some(sent)) = planner.piece(&read)? {
        planner.send(sent);
    }
    Ok(planner.finish())
}

/// What was found to run.
struct Plan {
    statements: Vec<Planned>,
    /// Names of psql's commands that are skipped, and where they are in the editor's text.
    skipped: Vec<(String, usize)>,
}

impl Plan {
    /// That something was skipped, with the lines.
    fn note(&self, text: &RopeText) -> Option<String> {
        let named: Vec<String> = self
            .skipped
            .iter()
            .take(SKIPPED_NAMED)
            .map(|(name, at)| format!("\\{name} (line {})", text.line_of(*at) + 1))
            .collect();
        let more = self.skipped.len() - named.len();
        let more = (more > 0).then(|| format!(" and {more} more"));
        (!named.is_empty()).then(|| {
            format!(
                "Skipped, because they only change what psql prints: {}{}.",
                named.join(", "),
                more.unwrap_or_default()
            )
        })
    }
}

/// Makes statements of pieces.
struct Planner<'text> {
    text: &'text str,
    /// Where the text begins in the editor's.
    base: usize,
    plan: Plan,
    restriction: Restriction,
    stops: Option<bool>,
    backslash: BackslashRule,
    /// Where the line ends that the last piece ends on, or the data below it.
    line_end: usize,
}

impl<'text> Planner<'text> {
    fn new(text: &'text str, base: usize) -> Self {
        Self {
            text,
            base,
            plan: Plan { statements: vec![], skipped: vec![] },
            restriction: Restriction::default(),
            stops: None,
            backslash: BackslashRule::Ordinary,
            line_end: 0,
        }
    }

    fn follow(&mut self, place: Place) {
        let is_behind = self.line_end < place.at;
        match place.jump {
            Some((_, to)) => self.line_end = to,
            None if is_behind => {
                self.line_end = lex::find(self.text.as_bytes(), place.at, b'\n');
            }
            None => {}
        }
    }

    fn finish(self) -> Plan {
        self.plan
    }

    /// All of the text.
    fn script(
        &mut self,
        backslash: BackslashRule,
        restriction: Restriction,
    ) -> Result<(), Problem> {
        self.restriction = restriction;
        let mut pieces = Pieces::under(backslash);
        let mut last = None;
        while let Some(read) = pieces.next(self.text) {
            self.follow(pieces.place());
            let (goes_on, sent) = self.piece(&read)?;
            match sent {
                // psql sends it at the end of the text, behind the commands below it.
                Some(sent) if !sent.terminated => last = Some((sent, read.backslash)),
                Some(sent) => {
                    if let Some(rule) = split::rule_set_by(sent.statement()) {
                        pieces.switch(self.text, rule);
                    }
                    self.send(sent);
                }
                None => {}
            }
            if !goes_on {
                break;
            }
        }
        if let Some((sent, backslash)) = last {
            self.line_end = self.text.len();
            self.backslash = backslash;
            self.send(sent);
        }
        Ok(())
    }

    /// Answers whether the script goes on behind it, and what is sent.
    fn piece(&mut self, read: &Read) -> Result<(bool, Option<Sent>), Problem> {
        self.backslash = read.backslash;
        let steps = script::steps(self.text, read, &mut self.restriction);
        let steps = steps.map_err(|Refusal { range, reason }| Problem::Refused {
            range: range.start + self.base..range.end + self.base,
            reason,
        })?;
        let mut found = None;
        for step in steps {
            match step {
                Step::Send(sent) => found = Some(sent),
                Step::Order(range, Order::Skip(name)) => {
                    self.plan.skipped.push((name, self.base + range.start));
                }
                Step::Order(_, Order::OnErrorStop(stops)) => self.stops = Some(stops),
                Step::Order(_, Order::Encoding(name)) => {
                    self.push(Planned::of_text(&psql::encoding_set_to(&name)));
                }
                Step::Order(_, Order::Quit) => return Ok((false, found)),
            }
        }
        Ok((true, found))
    }

    fn push(&mut self, planned: Planned) {
        self.plan.statements.push(Planned {
            stops: self.stops.take(),
            backslash: self.backslash,
            line_end: self.base + self.line_end,
            restriction: self.restriction.clone(),
            ..planned
        });
    }

    fn send(&mut self, sent: Sent) {
        let data = sent.copy_data.clone();
        let copy_data = data.clone().and_then(|data| self.text.get(data));
        self.push(Planned {
            sql: sent.sql,
            lead: sent.lead,
            copy_data: copy_data.map(Into::into),
            start: Some(sent.start + self.base),
            kind: sent.kind,
            cuts: sent.cuts.into_iter().map(|(at, cut)| (at, cut.len())).collect(),
            data_start: data.map(|data| data.start + self.base),
            ..Planned::of_text("")
        });
    }
}

/// The text of a refusal, and what to do.
pub fn refusal(reason: &str, line: usize, sent: bool) -> String {
    let what = if sent { "The script stopped before it" } else { "Nothing was run" };
    format!(
        "{reason} (line {line}). {what}: without it something else would run. Remove it, or run the file with psql."
    )
}

#[cfg(test)]
mod tests;
