//! Cards: what went wrong, where the rows would be, and what to do about it by key.

use super::{Action, Card, CardKind, CardPart, words};
use crate::{
    model::Model,
    sql::position,
    update::{
        command::Command,
        connections::{Connection, Link},
        failure::{Category, Failure},
        hints,
        results::{ResultSet, ResultState},
        run::{LostSession, Run, Session},
        tabs::{Ended, Tab},
    },
};

/// A title is at most so long; the rest is in the copy.
const TITLE_CHARACTERS: usize = 1_000;
/// Detail, hint and context are each at most so long.
const PART_CHARACTERS: usize = 4_000;
/// In a longer statement a place is not searched for in each frame.
const SQL_BYTES: usize = 64 << 10;

/// What is wrong with the tab's connection or session, which stands above any result.
pub(super) fn trouble(model: &Model, tab: &Tab) -> Option<Card> {
    if let Session::Lost(lost) = &tab.session
        && !lost.died.is_empty()
    {
        return Some(session_lost(model, lost));
    }
    let id = tab.connection?;
    let known = model.connections.get(&id)?;
    // While a password is asked for, nothing has failed yet.
    if !matches!(tab.run, Run::Idle) || model.dialog_asks_password(id) {
        return None;
    }
    match (&known.link, &tab.ended) {
        (Link::Failed { failure }, _) => Some(not_connected(model, known, failure)),
        // A run that never got a session: nothing of it is in the list of results.
        (Link::Open { .. }, Some(Ended::Badly { sqlstate, message }))
            if tab.results.list.is_empty() =>
        {
            let failure = tab.refusal.clone().unwrap_or_else(|| Failure {
                sqlstate: sqlstate.clone(),
                ..Failure::new(Category::Connection, message)
            });
            Some(not_connected(model, known, &failure))
        }
        _ => None,
    }
}

/// The card of a result that ended badly.
pub(super) fn of_result(model: &Model, tab: &Tab, result: &ResultSet) -> Option<Card> {
    let (kind, failure) = match &result.state {
        ResultState::Failed { failure } => (CardKind::Failed, failure),
        ResultState::Cancelled { failure } => (CardKind::Cancelled, failure),
        ResultState::Lost { failure } => (CardKind::Lost, failure),
        _ => return None,
    };
    let place = place(tab, result, failure);
    let code = join([Some(hints::code_line(failure)), place]);
    let mut actions = Vec::new();
    if kind == CardKind::Failed && marked(tab, failure) {
        let go = words::named(model, words::RESULTS, Command::ErrorGoTo, "Go to it");
        actions.push(go);
    }
    if kind == CardKind::Lost {
        actions.push(reconnect(model, "Reconnect"));
    }
    actions.push(copy(model, result));
    let mut parts = parts(failure);
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
    words::cut(&hints::title(failure), TITLE_CHARACTERS)
}

fn join(parts: [Option<String>; 2]) -> String {
    parts
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(words::DOT)
}

/// With rows, copying means the cells: the error has a command of its own then.
fn copy(model: &Model, result: &ResultSet) -> Action {
    let command = if result.rows.is_empty() {
        Command::ResultsCopy
    } else {
        Command::ErrorCopy
    };
    words::named(model, words::RESULTS, command, "Copy details")
}

fn reconnect(model: &Model, label: &str) -> Action {
    words::named(model, words::RESULTS, Command::ConnectionReconnect, label)
}

fn session_lost(model: &Model, lost: &LostSession) -> Card {
    let mut parts = vec![CardPart {
        label: "Reason".into(),
        text: words::cut(&hints::title(&lost.failure), PART_CHARACTERS),
    }];
    parts.push(CardPart {
        label: "Gone with it".into(),
        text: words::cut(&lost.died.join("\n"), PART_CHARACTERS),
    });
    Card {
        kind: CardKind::Lost,
        title: "The session was lost".into(),
        code: hints::code_line(&lost.failure),
        parts,
        next_step: lost.failure.next_step.clone(),
        actions: vec![reconnect(model, "Reconnect")],
    }
}

fn not_connected(model: &Model, known: &Connection, failure: &Failure) -> Card {
    let named = |command, label| words::named(model, words::RESULTS, command, label);
    Card {
        kind: CardKind::NotConnected,
        title: title(failure),
        code: join([
            Some(hints::code_line(failure)),
            Some(known.config.address()),
        ]),
        parts: parts(failure),
        next_step: failure.next_step.clone(),
        actions: vec![
            if failure.category == Category::PoolTimeout {
                // The connection stands: it is the run that is tried again.
                named(Command::QueryRun, "Run again")
            } else {
                reconnect(model, "Try again")
            },
            named(Command::ConnectionEdit, "Edit connection"),
            named(Command::ConnectionChoose, "Connect elsewhere"),
        ],
    }
}

/// What the server said besides its message.
fn parts(failure: &Failure) -> Vec<CardPart> {
    let internal = failure.internal.as_ref().map(|(_, query)| query);
    let named = [
        ("Detail", &failure.detail),
        ("Hint", &failure.hint),
        ("Context", &failure.context),
        ("Schema", &failure.schema),
        ("Table", &failure.table),
        ("Column", &failure.column),
        ("Data type", &failure.data_type),
        ("Constraint", &failure.constraint),
    ];
    let said = named
        .into_iter()
        .filter_map(|(label, text)| Some((label, text.as_ref()?)));
    said.chain(internal.map(|query| ("Statement inside", query)))
        .map(|(label, text)| CardPart {
            label: label.to_owned(),
            text: words::cut(text, PART_CHARACTERS),
        })
        .collect()
}

/// Whether the error's place is marked in the editor.
fn marked(tab: &Tab, failure: &Failure) -> bool {
    let mark = tab.editor.visible_mark();
    mark.is_some_and(|mark| mark.message == failure.message)
}

/// Where the error is: in the editor's text while it is still the one that ran, else in the statement.
fn place(tab: &Tab, result: &ResultSet, failure: &Failure) -> Option<String> {
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
