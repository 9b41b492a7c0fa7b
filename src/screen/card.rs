//! Cards: what went wrong, where the rows would be, and what to do about it by key.

use super::{Action, Card, CardKind, CardPart, words};
use crate::{
    failure::{Category, Failure, advice},
    model::Model,
    sql::{read::position, statement::copy},
    update::{
        connection::Connection,
        query::{
            page::Page,
            run::LostSession,
            trouble::{self, Trouble},
        },
        results::{ResultSet, ResultState},
        shell::{command::Command, dialog},
    },
};

/// A title is at most so long; the rest is in the copy.
const TITLE_CHARACTERS: usize = 1_000;
/// Detail, hint and context are each at most so long.
const PART_CHARACTERS: usize = 4_000;
/// In a longer statement a place is not searched for in each frame.
const SQL_BYTES: usize = 64 << 10;

/// What is wrong with the tab's connection or session, which stands above any result.
pub(super) fn trouble(model: &Model, tab: &Page) -> Option<Card> {
    Some(match trouble::trouble(&model.connections, dialog::of_connection(&model.dialog), tab)? {
        Trouble::Lost(lost) => session_lost(model, lost),
        Trouble::NotConnected(known, failure) => not_connected(model, known, failure),
    })
}

/// The card of a result that ended badly.
pub(super) fn of_result(model: &Model, tab: &Page, result: &ResultSet) -> Option<Card> {
    let (kind, failure) = match &result.state {
        ResultState::Failed { failure } => (CardKind::Failed, failure),
        ResultState::Cancelled { failure } => (CardKind::Cancelled, failure),
        ResultState::Lost { failure } => (CardKind::Lost, failure),
        _ => return None,
    };
    let place = place(tab, result, failure);
    let code = join([Some(advice::code_line(failure)), place]);
    let mut actions = Vec::new();
    if kind == CardKind::Failed && marked(tab, failure) {
        let go = words::named(model, words::RESULTS, Command::ErrorGoTo, "Go to it");
        actions.push(go);
    }
    if kind == CardKind::Lost {
        actions.push(reconnect(model, "Reconnect"));
    }
    actions.extend(about(model, failure, !result.rows.is_empty()));
    let mut parts = parts(model, failure);
    if let Some(place) = failure.context.as_deref().and_then(copy::place_in_words) {
        let label = "Data".into();
        parts.insert(0, CardPart { label, text: place });
    }
    if kind == CardKind::Lost {
        parts.push(CardPart {
            label: "Note".into(),
            text: "Whether the server completed the statement is not known.".into(),
        });
    }
    Some(Card {
        kind,
        title: title(failure),
        code,
        parts,
        next_step: failure.next_step.clone(),
        actions,
    })
}

fn title(failure: &Failure) -> String {
    words::cut(&advice::title(failure), TITLE_CHARACTERS)
}

fn join(parts: [Option<String>; 2]) -> String {
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(words::DOT)
}

/// What can be done with an error itself. With rows, copying means the cells: the error has a command of its own then.
fn about(model: &Model, failure: &Failure, rows: bool) -> Vec<Action> {
    let copy = if rows { Command::ErrorCopy } else { Command::ResultsCopy };
    let label = if model.error_details { "Hide details" } else { "Show details" };
    let fold = (!details(failure).is_empty())
        .then(|| words::named(model, words::RESULTS, Command::ErrorDetails, label));
    fold.into_iter().chain([words::named(model, words::RESULTS, copy, "Copy details")]).collect()
}

fn reconnect(model: &Model, label: &str) -> Action {
    words::named(model, words::RESULTS, Command::ConnectionReconnect, label)
}

fn session_lost(model: &Model, lost: &LostSession) -> Card {
    let mut parts = vec![CardPart {
        label: "Reason".into(),
        text: words::cut(&advice::title(&lost.failure), PART_CHARACTERS),
    }];
    parts.push(CardPart {
        label: "Gone with it".into(),
        text: words::cut(&lost.died.join("\n"), PART_CHARACTERS),
    });
    parts.extend(self::parts(model, &lost.failure));
    let mut actions = vec![reconnect(model, "Reconnect")];
    actions.extend(about(model, &lost.failure, has_rows(model)));
    Card {
        kind: CardKind::Lost,
        title: "The session was lost".into(),
        code: advice::code_line(&lost.failure),
        parts,
        next_step: lost.failure.next_step.clone(),
        actions,
    }
}

fn not_connected(model: &Model, known: &Connection, failure: &Failure) -> Card {
    let named = |command, label| words::named(model, words::RESULTS, command, label);
    let again = if failure.category == Category::PoolTimeout {
        // The connection stands: it is the run that is tried again.
        named(Command::QueryRun, "Run again")
    } else {
        reconnect(model, "Try again")
    };
    let mut actions = vec![
        again,
        named(Command::ConnectionEdit, "Edit connection"),
        named(Command::ConnectionChoose, "Connect elsewhere"),
    ];
    actions.extend(about(model, failure, has_rows(model)));
    Card {
        kind: CardKind::NotConnected,
        title: title(failure),
        code: join([Some(advice::code_line(failure)), Some(known.config.address())]),
        parts: parts(model, failure),
        next_step: failure.next_step.clone(),
        actions,
    }
}

/// Whether the active tab shows rows, which a copy means then.
fn has_rows(model: &Model) -> bool {
    let shown = model.pages.active().and_then(|tab| tab.results.visible());
    shown.is_some_and(|result| !result.rows.is_empty())
}

/// What the server said besides its message: its detail and its hint, and all the rest where that is unfolded.
fn parts(model: &Model, failure: &Failure) -> Vec<CardPart> {
    let said = [("Detail", &failure.detail), ("Hint", &failure.hint)];
    let said = said.into_iter().filter_map(|(label, text)| Some((label, text.clone()?)));
    let unfolded = if model.error_details { details(failure) } else { vec![] };
    said.chain(unfolded)
        .map(|(label, text)| CardPart {
            label: label.to_owned(),
            text: words::cut(&text, PART_CHARACTERS),
        })
        .collect()
}

/// What few people want to see at once.
fn details(failure: &Failure) -> Vec<(&'static str, String)> {
    let condition = failure.sqlstate.as_deref().map(|code| {
        let name = advice::condition(code).map(|name| format!(" ({name})"));
        format!("{code}{}", name.unwrap_or_default())
    });
    let severity = Some(failure.severity.clone()).filter(|severity| !severity.is_empty());
    let character = |place: u32| format!("character {place}");
    let (place_inside, inside) = match &failure.internal {
        Some((place, query)) => (Some(character(*place)), Some(query.clone())),
        None => (None, None),
    };
    let named = [
        ("Severity", severity),
        ("SQLSTATE", condition),
        ("Position", failure.position.map(character)),
        ("Schema", failure.schema.clone()),
        ("Table", failure.table.clone()),
        ("Column", failure.column.clone()),
        ("Data type", failure.data_type.clone()),
        ("Constraint", failure.constraint.clone()),
        ("Context", failure.context.clone()),
        ("Statement inside", inside),
        ("Position inside", place_inside),
        ("Reported by", failure.source.clone()),
    ];
    named.into_iter().filter_map(|(label, text)| Some((label, text?))).collect()
}

/// Whether the error's place is marked in the editor.
fn marked(tab: &Page, failure: &Failure) -> bool {
    let mark = tab.editor.visible_mark();
    mark.is_some_and(|mark| mark.message == failure.message)
}

/// Where the error is: in the editor's text while it is still the one that ran, else in the statement.
fn place(tab: &Page, result: &ResultSet, failure: &Failure) -> Option<String> {
    let byte = failure
        .position
        .filter(|_| result.sql.len() <= SQL_BYTES)
        .and_then(|position| position::byte_of_character(&result.sql, position));
    if marked(tab, failure) {
        let mark = tab.editor.visible_mark()?;
        let exact = result.start.zip(byte).map(|(start, byte)| start + byte);
        let text = tab.editor.buffer.text();
        let (line, column) = text.line_and_column(exact.unwrap_or(mark.start));
        return Some(format!("line {line}, column {column}"));
    }
    let (line, column) = position::line_and_column(&result.sql, byte?);
    Some(format!("line {line}, column {column} of the statement"))
}
