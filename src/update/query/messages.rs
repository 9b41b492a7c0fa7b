//! The Messages pane: what a tab's session said beside rows, in order.
//!
//! Equal lines that follow on each other are one with a count. Warnings and errors have room of their own, so that no
//! number of other messages pushes one out: of more than that, the first and the newest are kept.

use std::collections::VecDeque;

use serde::Serialize;

use crate::{
    base::ids::QueryId,
    failure::{Failure, advice},
    rows::show::display::{duration_text, grouped},
};

/// So many messages are kept that are neither warnings nor errors; the oldest go, and the pane says how many.
pub const LIMIT: usize = 5_000;
/// So many of the first warnings and errors are kept, whatever follows, and so many of the newest.
pub const IMPORTANT: usize = 2_500;
/// Each of these three may hold so many bytes of text.
const BYTES: usize = 16 << 20;
/// A text is kept up to so many bytes.
const TEXT_BYTES: usize = 64 << 10;

/// One entry of the pane.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Message {
    /// When, in unix microseconds.
    pub at_us: i64,
    /// What it is.
    pub kind: Kind,
    pub text: String,
    /// How long what it tells of took.
    pub elapsed_us: Option<u64>,
    /// The query that it belongs to; with a count, the newest one.
    pub query: Option<QueryId>,
    /// How often it came, one after the other.
    pub count: u64,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A statement ended well.
    Done,
    Error,
    /// A notice or info of the server.
    Notice,
    /// A warning, of the server or of Tusk.
    Warning,
    /// A NOTIFY.
    Notification,
    /// Tusk's own word about the session.
    Session,
}

/// The messages of a tab.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Messages {
    /// The first warnings and errors.
    first: Kept,
    /// The newest of the further ones.
    newest: Kept,
    others: Kept,
    /// How many messages came, and how many times the one before was meant.
    came: u64,
    dropped: u64,
    dropped_important: u64,
    unseen: u64,
}

/// Messages with their numbers, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct Kept {
    list: VecDeque<(u64, Message)>,
    bytes: usize,
}

impl Kept {
    fn push(&mut self, number: u64, message: Message) {
        self.bytes += message.text.len();
        self.list.push_back((number, message));
    }

    /// Lets the oldest go until the rest has room; how many.
    fn make_room(&mut self, limit: usize) -> u64 {
        let mut gone = 0;
        while self.list.len() > limit || self.bytes > BYTES && self.list.len() > 1 {
            let oldest = self.list.pop_front();
            self.bytes -= oldest.map_or(0, |(_, message)| message.text.len());
            gone += 1;
        }
        gone
    }

    /// Counts a message that is the same as the last one.
    fn fold(&mut self, last: u64, message: &Message) -> bool {
        let Some((number, same)) = self.list.back_mut() else {
            return false;
        };
        if *number != last || same.kind != message.kind || same.text != message.text {
            return false;
        }
        same.count += message.count;
        same.at_us = message.at_us;
        same.query = message.query;
        same.elapsed_us = match (same.elapsed_us, message.elapsed_us) {
            (Some(before), Some(more)) => Some(before.saturating_add(more)),
            (before, more) => before.or(more),
        };
        true
    }
}

impl Message {
    /// One that came once.
    pub fn new(at_us: i64, kind: Kind, text: String, query: Option<QueryId>) -> Self {
        Self { at_us, kind, text, elapsed_us: None, query, count: 1 }
    }

    /// The text that the pane shows: with how often it came and how long it took behind its first line.
    pub fn shown(&self) -> String {
        let (first, rest) = match self.text.split_once('\n') {
            Some((first, rest)) => (first, Some(rest)),
            None => (self.text.as_str(), None),
        };
        let mut shown = first.to_owned();
        if self.count > 1 {
            shown.push_str(&format!(" × {}", grouped(self.count)));
        }
        if let Some(us) = self.elapsed_us {
            let took = duration_text(std::time::Duration::from_micros(us));
            shown.push_str(&format!(" · {took}"));
        }
        if let Some(rest) = rest {
            shown.push('\n');
            shown.push_str(rest);
        }
        shown
    }
}

impl Messages {
    /// Adds one, or counts the last one up where it is the same.
    pub fn push(&mut self, mut message: Message) {
        if message.kind != Kind::Done {
            self.unseen += 1;
        }
        if message.text.len() > TEXT_BYTES {
            let end = message.text.floor_char_boundary(TEXT_BYTES);
            message.text.truncate(end);
            message.text.push('…');
        }
        let last = self.came;
        self.came += 1;
        let is_important = matches!(message.kind, Kind::Warning | Kind::Error);
        let is_first = is_important
            && self.newest.list.is_empty()
            && self.first.list.len() < IMPORTANT
            && self.first.bytes < BYTES;
        for kept in [&mut self.first, &mut self.newest, &mut self.others] {
            if kept.fold(last, &message) {
                // Its number stays the last one's.
                if let Some((number, _)) = kept.list.back_mut() {
                    *number = self.came;
                }
                return;
            }
        }
        if is_first {
            self.first.push(self.came, message);
        } else if is_important {
            self.newest.push(self.came, message);
            self.dropped_important += self.newest.make_room(IMPORTANT);
        } else {
            self.others.push(self.came, message);
            self.dropped += self.others.make_room(LIMIT);
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.important() + self.others.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn important(&self) -> usize {
        self.first.list.len() + self.newest.list.len()
    }

    fn important_at(&self, index: usize) -> Option<&(u64, Message)> {
        let behind = index.checked_sub(self.first.list.len());
        match behind {
            None => self.first.list.get(index),
            Some(index) => self.newest.list.get(index),
        }
    }

    /// A message by its place, the oldest at 0: found by halving, because the pane asks for one after the other.
    pub fn nth(&self, index: usize) -> Option<&Message> {
        let others = &self.others.list;
        // So many of those up to it are warnings and errors.
        let mut low = index.saturating_sub(others.len());
        let mut high = index.min(self.important());
        while low < high {
            let middle = low.midpoint(high);
            let important = self.important_at(middle).map(|(number, _)| *number);
            let other = others.get(index - middle - 1).map(|(number, _)| *number);
            if important.is_some() && important < other {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let candidates = [self.important_at(low), others.get(index - low)];
        let found = candidates.into_iter().flatten().min_by_key(|(number, _)| *number);
        found.map(|(_, message)| message)
    }

    /// What there is, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Message> {
        (0..self.len()).filter_map(|index| self.nth(index))
    }

    /// How many messages came. It tells one state of the pane from another.
    pub fn came(&self) -> u64 {
        self.came
    }

    /// How many the limits cost that were neither warnings nor errors.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many warnings and errors between the first and the newest are gone.
    pub fn dropped_important(&self) -> u64 {
        self.dropped_important
    }

    /// How many came since the pane was last looked at.
    pub fn unseen(&self) -> u64 {
        self.unseen
    }

    /// The pane was looked at.
    pub fn seen(&mut self) {
        self.unseen = 0;
    }
}

/// A notice or an error as one text: severity, message, then detail and hint on lines of their own.
pub fn text_of(failure: &Failure) -> String {
    let severity = if failure.severity.is_empty() { "ERROR" } else { &failure.severity };
    let mut text = format!("{severity}: {}", failure.message);
    for (name, part) in [("DETAIL", &failure.detail), ("HINT", &failure.hint)] {
        if let Some(part) = part {
            text.push_str(&format!("\n{name}: {part}"));
        }
    }
    text
}

/// Everything that is known of an error, for whoever has to be asked about it.
pub fn report_of(failure: &Failure) -> String {
    let mut report = text_of(failure);
    let sqlstate = failure.sqlstate.as_ref().map(|code| {
        let name = advice::condition(code).map(|name| format!(" ({name})"));
        format!("{code}{}", name.unwrap_or_default())
    });
    let position =
        failure.position.map(|position| format!("character {position} of the statement"));
    let (inside, place_inside) = match &failure.internal {
        Some((place, query)) => {
            (Some(query.clone()), Some(format!("character {place} of the statement inside")))
        }
        None => (None, None),
    };
    let rest = [
        ("SQLSTATE", &sqlstate),
        ("POSITION", &position),
        ("STATEMENT INSIDE", &inside),
        ("POSITION INSIDE", &place_inside),
        ("CONTEXT", &failure.context),
        ("SCHEMA NAME", &failure.schema),
        ("TABLE NAME", &failure.table),
        ("COLUMN NAME", &failure.column),
        ("DATATYPE NAME", &failure.data_type),
        ("CONSTRAINT NAME", &failure.constraint),
        ("LOCATION", &failure.source),
        ("NEXT STEP", &failure.next_step),
    ];
    for (name, part) in rest {
        if let Some(part) = part {
            report.push_str(&format!("\n{name}: {part}"));
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Category;

    fn message(kind: Kind, text: impl ToString) -> Message {
        Message::new(0, kind, text.to_string(), None)
    }

    fn texts(messages: &Messages) -> Vec<String> {
        messages.iter().map(Message::shown).collect()
    }

    #[test]
    fn equal_lines_are_one_with_a_count() {
        let mut messages = Messages::default();
        for us in [400, 600] {
            messages.push(Message { elapsed_us: Some(us), ..message(Kind::Done, "INSERT 0 1") });
        }
        messages.push(message(Kind::Notice, "a\nDETAIL: b"));
        messages.push(message(Kind::Notice, "a\nDETAIL: b"));
        messages.push(message(Kind::Warning, "a\nDETAIL: b"));
        messages.push(message(Kind::Done, "INSERT 0 1"));
        messages.push(message(Kind::Warning, "a\nDETAIL: b"));
        assert_eq!(
            texts(&messages),
            [
                "INSERT 0 1 × 2 · 1 ms",
                "a × 2\nDETAIL: b",
                "a\nDETAIL: b",
                "INSERT 0 1",
                "a\nDETAIL: b"
            ]
        );
        assert_eq!(messages.unseen(), 4);
        let mut many = Messages::default();
        for _ in 0..20_000 {
            many.push(message(Kind::Done, "INSERT 0 1"));
        }
        assert_eq!(texts(&many), ["INSERT 0 1 × 20,000"]);
    }

    #[test]
    fn no_number_of_other_messages_pushes_a_warning_or_an_error_out() {
        let mut messages = Messages::default();
        messages.push(message(Kind::Error, "first"));
        for number in 0..LIMIT + 3 {
            messages.push(message(Kind::Notice, number));
            if number == 7 {
                messages.push(message(Kind::Warning, "second"));
            }
        }
        assert_eq!((messages.len(), messages.dropped()), (LIMIT + 2, 3));
        let texts = texts(&messages);
        assert_eq!(texts[..6], ["first", "3", "4", "5", "6", "7"]);
        assert_eq!(texts[6..8], ["second", "8"]);
        assert_eq!(texts.last(), Some(&(LIMIT + 2).to_string()));
    }

    #[test]
    fn of_too_many_errors_the_first_and_the_newest_are_kept() {
        let mut messages = Messages::default();
        for number in 0..IMPORTANT * 2 + 5 {
            messages.push(message(Kind::Error, number));
        }
        let texts = texts(&messages);
        assert_eq!((texts.len(), messages.dropped_important()), (IMPORTANT * 2, 5));
        assert_eq!(texts[IMPORTANT - 1], (IMPORTANT - 1).to_string());
        assert_eq!(texts[IMPORTANT], (IMPORTANT + 5).to_string());
    }

    #[test]
    fn texts_are_kept_within_bounds() {
        let mut messages = Messages::default();
        for number in 0..600 {
            let text = format!("{number}{}", "é".repeat(100_000));
            messages.push(message(Kind::Notice, &text));
            messages.push(message(Kind::Error, &text));
        }
        let bytes: usize = messages.iter().map(|message| message.text.len()).sum();
        assert!(bytes < 3 * BYTES + 3 * TEXT_BYTES, "{bytes}");
        assert!(messages.nth(0).unwrap().text.starts_with("0é"));
        assert!(messages.dropped() > 0 && messages.dropped_important() > 0);
    }

    #[test]
    fn a_message_is_found_by_its_place_as_if_all_were_in_one_list() {
        let mut messages = Messages::default();
        let mut wanted = Vec::new();
        let mut dice = 7_u32;
        for number in 0..500 {
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let kind = [Kind::Error, Kind::Notice, Kind::Warning][(dice >> 16) as usize % 3];
            messages.push(message(kind, number));
            wanted.push(number.to_string());
        }
        assert_eq!(texts(&messages), wanted);
        assert_eq!(messages.nth(500), None);
    }

    #[test]
    fn a_report_holds_every_field_whole() {
        let long = "x".repeat(10_000);
        let failure = Failure {
            severity: "ERROR".into(),
            sqlstate: Some("23505".into()),
            detail: Some(long.clone()),
            hint: Some("h".into()),
            position: Some(7),
            internal: Some((3, "select inside".into())),
            context: Some("c".into()),
            schema: Some("s".into()),
            table: Some("t".into()),
            column: Some("col".into()),
            data_type: Some("d".into()),
            constraint: Some("k".into()),
            source: Some("here, there.c:1".into()),
            next_step: Some("n".into()),
            ..Failure::new(Category::Query, "one")
        };
        let expected = format!(
            "ERROR: one\nDETAIL: {long}\nHINT: h\nSQLSTATE: 23505 (unique_violation)\n\
             POSITION: character 7 of the statement\nSTATEMENT INSIDE: select inside\n\
             POSITION INSIDE: character 3 of the statement inside\nCONTEXT: c\nSCHEMA NAME: s\nTABLE NAME: t\n\
             COLUMN NAME: col\nDATATYPE NAME: d\nCONSTRAINT NAME: k\nLOCATION: here, there.c:1\nNEXT STEP: n"
        );
        assert_eq!(report_of(&failure), expected);
        let bare = Failure { next_step: None, ..Failure::new(Category::Query, "one") };
        assert_eq!(report_of(&bare), "ERROR: one");
    }

    #[test]
    fn a_notice_shows_its_detail_and_hint() {
        let notice = Failure {
            severity: "NOTICE".into(),
            detail: Some("two".into()),
            hint: Some("three".into()),
            ..Failure::new(Category::Query, "one")
        };
        assert_eq!(text_of(&notice), "NOTICE: one\nDETAIL: two\nHINT: three");
    }
}
