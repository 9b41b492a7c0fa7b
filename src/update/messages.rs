//! The Messages pane: what a tab's session said beside rows, in order.

use serde::Serialize;

use super::{failure::Failure, hints, ids::QueryId};

/// At most so many messages are kept in a tab; the oldest go, and the pane says how many.
pub const LIMIT: usize = 10_000;

/// One entry of the pane.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Message {
    /// When, in unix microseconds.
    pub at_us: i64,
    /// What it is.
    pub kind: Kind,
    /// The text that the pane shows.
    pub text: String,
    /// The query that it belongs to.
    pub query: Option<QueryId>,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A statement began.
    Statement,
    /// A statement ended well.
    Done,
    /// An error.
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
    list: std::collections::VecDeque<Message>,
    dropped: u64,
    unseen: u64,
}

impl Messages {
    /// Adds one; past the limit the oldest goes.
    pub fn push(&mut self, message: Message) {
        if self.list.len() == LIMIT {
            self.list.pop_front();
            self.dropped += 1;
        }
        if !matches!(message.kind, Kind::Statement | Kind::Done) {
            self.unseen += 1;
        }
        self.list.push_back(message);
    }

    /// What there is, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Message> + ExactSizeIterator {
        self.list.iter()
    }

    /// How many the limit cost.
    pub fn dropped(&self) -> u64 {
        self.dropped
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
    let severity = if failure.severity.is_empty() {
        "ERROR"
    } else {
        &failure.severity
    };
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
        let name = hints::condition(code).map(|name| format!(" ({name})"));
        format!("{code}{}", name.unwrap_or_default())
    });
    let position = failure
        .position
        .map(|position| format!("character {position} of the statement"));
    let (inside, place_inside) = match &failure.internal {
        Some((place, query)) => (
            Some(query.clone()),
            Some(format!("character {place} of the statement inside")),
        ),
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
    use crate::update::failure::Category;

    #[test]
    fn past_the_limit_the_oldest_go_and_are_counted() {
        let mut messages = Messages::default();
        for at_us in 0..LIMIT as i64 + 3 {
            messages.push(Message {
                at_us,
                kind: Kind::Notice,
                text: String::new(),
                query: None,
            });
        }
        assert_eq!((messages.iter().len(), messages.dropped()), (LIMIT, 3));
        assert_eq!(messages.iter().next().map(|message| message.at_us), Some(3));
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
        let bare = Failure {
            next_step: None,
            ..Failure::new(Category::Query, "one")
        };
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
