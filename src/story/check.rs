//! What waits and expectations look for in the Model, and how to say what is there instead.

use super::{Expectation, Until};
use crate::{
    base::transaction::Transaction,
    model::Model,
    rows::{Cell, show::display::counted},
    update::{
        connection::{Link, sandbox::Sandbox},
        query::{
            page::{Ended, Page},
            run::{Phase, Run},
        },
        results::{ResultSet, ResultState},
        shell::dialog,
    },
};

/// Whether the awaited state is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Yes,
    /// Not yet; this is the state so far.
    NotYet(String),
    /// It can't be reached any more.
    Never(String),
}

/// Checks what a line waits for. `quiet`: no answer waits in the queue.
pub fn wait(until: Until, model: &Model, quiet: bool) -> Seen {
    let Some(tab) = model.pages.active() else {
        return Seen::NotYet("there is no tab".into());
    };
    match until {
        Until::Idle if quiet && !model.is_busy() => Seen::Yes,
        Until::Idle => Seen::NotYet(format!("something is still under way: {}", doing(tab))),
        Until::Connected => connected(model, tab),
        Until::Running => match &tab.run {
            Run::Running(running) if !matches!(running.phase, Phase::Paused { .. }) => Seen::Yes,
            _ => Seen::NotYet(format!("no statement runs: {}", doing(tab))),
        },
        Until::Rows(rows) => has_rows(tab, rows, quiet),
    }
}

fn connected(model: &Model, tab: &Page) -> Seen {
    let known = tab.connection.and_then(|id| model.connections.get(&id));
    let asked = tab.connection.zip(dialog::of_connection(&model.dialog));
    let asks_password = asked.is_some_and(|(id, dialog)| dialog.asks_password(id));
    let asks_trust = asked.is_some_and(|(id, dialog)| dialog.asks_trust(id));
    match known.map(|known| &known.link) {
        // The tab goes to the sandbox once it runs; until then it still has its earlier connection.
        Some(_) if matches!(model.sandbox, Sandbox::Starting { .. }) => {
            Seen::NotYet("the sandbox is starting".into())
        }
        Some(Link::Open { .. }) => Seen::Yes,
        Some(Link::Failed { .. }) if asks_password => {
            Seen::NotYet("a password is asked for".into())
        }
        Some(Link::Failed { .. }) if asks_trust => {
            Seen::NotYet("the SSH server's key is not trusted yet".into())
        }
        Some(Link::Failed { failure }) => Seen::Never(format!(
            "the connection failed: {}{}",
            code(failure.sqlstate.as_deref()),
            failure.message
        )),
        Some(_) => Seen::NotYet("the connection is not open".into()),
        None => match (sandbox_failure(model), &model.sandbox, &tab.ended) {
            (Some(reason), ..) => Seen::Never(reason),
            (None, Sandbox::Starting { progress, .. }, _) => {
                Seen::NotYet(format!("the sandbox is starting: {}", progress.step))
            }
            (None, _, Some(Ended::Badly { failure })) => Seen::Never(failure.message.clone()),
            (None, ..) => Seen::NotYet("the tab has no connection".into()),
        },
    }
}

/// Why the sandbox is not running.
pub fn sandbox_failure(model: &Model) -> Option<String> {
    match &model.sandbox {
        Sandbox::Failed { failure } => {
            Some(format!("the sandbox did not start: {}", failure.message))
        }
        _ => None,
    }
}

fn has_rows(tab: &Page, wanted: u64, quiet: bool) -> Seen {
    let begins = tab.queued.is_some() || matches!(tab.run, Run::Waiting { .. });
    let result = tab.results.list.last().filter(|_| !begins);
    let Some(result) = result else {
        return Seen::NotYet(format!("there is no result: {}", doing(tab)));
    };
    let rows = result.rows.len();
    if rows >= wanted {
        return Seen::Yes;
    }
    let there = format!("the result has {}, {}", counted(rows, "row"), state(result));
    // A script may go on to a statement with more rows; a paused result continues only on request.
    let stands = match result.state {
        ResultState::Paused => true,
        ResultState::Running | ResultState::Cancelling => false,
        _ => matches!(tab.run, Run::Idle),
    };
    if stands && quiet { Seen::Never(there) } else { Seen::NotYet(there) }
}

/// Checks what a line expects, in the Model or in the screen's text.
pub fn expect(expectation: &Expectation, model: &Model, screen: &str) -> Result<(), String> {
    match expectation {
        Expectation::ScreenContains(text) if screen.contains(text) => Ok(()),
        Expectation::ScreenContains(_) => {
            Err(format!("the screen lacks it. The screen is:\n{screen}"))
        }
        Expectation::ScreenLacks(text) if !screen.contains(text) => Ok(()),
        Expectation::ScreenLacks(_) => {
            Err(format!("the screen contains it. The screen is:\n{screen}"))
        }
        Expectation::Rows { result, rows } => {
            let number = *result;
            let result = self::result(model, number)?;
            if result.rows.len() == *rows {
                return Ok(());
            }
            Err(format!(
                "result {number} has {}, {}",
                counted(result.rows.len(), "row"),
                state(result)
            ))
        }
        Expectation::Cell { result, row, column, value } => {
            cell(self::result(model, *result)?, *row, *column, value.as_deref())
        }
        Expectation::Error(sqlstate) => error(model, sqlstate),
        Expectation::Transaction(wanted) => transaction(model, *wanted),
    }
}

/// A result of the active tab, counted from 1.
pub fn result(model: &Model, number: usize) -> Result<&ResultSet, String> {
    let list = model.pages.active().map_or(&[][..], |tab| &tab.results.list[..]);
    number.checked_sub(1).and_then(|index| list.get(index)).ok_or_else(|| match list.len() {
        0 => "the tab has no result".to_owned(),
        count => format!("the tab has {}", counted(count as u64, "result")),
    })
}

fn cell(result: &ResultSet, row: u64, column: usize, wanted: Option<&str>) -> Result<(), String> {
    let Some(cell) = result.rows.cell(row, column) else {
        return Err(format!(
            "the result has {} and {}, counted from 0, {}",
            counted(result.rows.len(), "row"),
            counted(result.rows.columns().len() as u64, "column"),
            state(result)
        ));
    };
    match (cell, wanted) {
        (Cell::Null, None) => Ok(()),
        (Cell::Null, Some(_)) => Err("the cell is NULL".into()),
        (Cell::Value(_), Some(wanted)) if cell.text() == wanted => Ok(()),
        (Cell::Value(_), _) => Err(format!("the cell is {:?}", cell.text())),
    }
}

fn error(model: &Model, wanted: &str) -> Result<(), String> {
    let ended = model.pages.active().and_then(|tab| tab.ended.as_ref());
    match ended {
        Some(Ended::Badly { failure }) if failure.is(wanted) => Ok(()),
        Some(Ended::Badly { failure }) => Err(format!(
            "the last thing failed otherwise: {}{}",
            code(failure.sqlstate.as_deref()),
            failure.message
        )),
        Some(Ended::Well) => Err("the last thing ended well".into()),
        None => Err("nothing has ended in this tab".into()),
    }
}

fn transaction(model: &Model, wanted: Option<Transaction>) -> Result<(), String> {
    let found = model.pages.active().and_then(Page::transaction);
    if found == wanted {
        return Ok(());
    }
    Err(match found {
        None => "there is no session, so the transaction is none".to_owned(),
        Some(Transaction::Idle) => "the transaction is idle".to_owned(),
        Some(Transaction::Active) => "the transaction is active".to_owned(),
        Some(Transaction::Failed) => "the transaction is failed".to_owned(),
    })
}

fn code(sqlstate: Option<&str>) -> String {
    sqlstate.map(|state| format!("{state} ")).unwrap_or_default()
}

fn doing(tab: &Page) -> String {
    match &tab.run {
        Run::Idle => tab.results.list.last().map_or_else(|| "nothing was run".to_owned(), state),
        Run::Waiting { .. } => "a run waits for its connection or its session".to_owned(),
        Run::Running(running) => match running.phase {
            Phase::Running => "a statement runs".to_owned(),
            Phase::Paused { .. } => "a statement is paused".to_owned(),
            Phase::Cancelling { .. } => "a statement is being cancelled".to_owned(),
        },
    }
}

fn state(result: &ResultSet) -> String {
    match &result.state {
        ResultState::Running => "still running".to_owned(),
        ResultState::Paused => "paused".to_owned(),
        ResultState::Cancelling => "being cancelled".to_owned(),
        ResultState::Finished { tag } => format!("finished with {tag}"),
        ResultState::Closed => "closed to make room".to_owned(),
        ResultState::Failed { failure }
        | ResultState::Cancelled { failure }
        | ResultState::Lost { failure } => {
            format!("ended with {}{}", code(failure.sqlstate.as_deref()), failure.message)
        }
    }
}
