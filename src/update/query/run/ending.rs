//! How a statement ends, and what follows: the next of its script, the error's place, the history.

use super::{
    Ended, Failure, Given, MessageKind, OnError, Phase, Planned, Problem, QueryId, ResultState,
    Run, Running, Script, Session, TabId, Transaction, badly, drop_rows, history, is_cancel,
    over_budget_note, pump, refused, running_tab, say, send_next, sessions, tell,
};
use crate::{
    failure::advice,
    rows::show::display::{counted, counted_with, grouped},
    sql::{TransactionControl, read::position, safety::mask, statement::copy},
    update::{
        clock,
        connection::Connections,
        cx::Cx,
        keeping::HistoryOutcome,
        query::{
            Outcome,
            editor::Mark,
            history::History,
            messages,
            page::{Page, Pages},
            read_only::{self, Inspection},
        },
        schema,
    },
};

use std::ops::Range;

/// A read-only connection tells what a statement left, just before its end.
pub(super) fn inspected(pages: &mut Pages, cx: &mut Cx, query: QueryId, inspection: &Inspection) {
    let now = cx.now;
    let Some(tab) = running_tab(pages, query) else {
        return;
    };
    let kind = match inspection.access {
        read_only::Access::ReadOnly => MessageKind::Session,
        read_only::Access::ReadWrite | read_only::Access::Over => MessageKind::Warning,
    };
    let words: Vec<String> = tab
        .read_only
        .inspected(inspection)
        .iter()
        .map(|words| mask::passwords_in_words(&tab.secrets.mask(words)).into_owned())
        .collect();
    for text in &words {
        say(tab, now, kind, text.clone(), Some(query));
    }
    if let (MessageKind::Warning, Some(text)) = (kind, words.first()) {
        cx.notify(text.clone());
    }
}

/// The end of a query, whatever it is.
#[derive(Clone, Copy)]
pub(super) struct QueryEnd {
    pub(super) query: QueryId,
    /// The transaction status behind it.
    pub(super) transaction: Transaction,
    /// How long it took.
    pub(super) elapsed_us: u64,
}

/// It completed.
pub(super) fn finished(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    cx: &mut Cx,
    end: QueryEnd,
    tag: String,
    discarded: u64,
) {
    let QueryEnd { query, transaction, elapsed_us } = end;
    let now = cx.now;
    let budget = cx.settings.memory_bytes();
    let Some((tab, running)) = take_running(pages, query) else {
        return;
    };
    let id = tab.id;
    let (rows, _) = tab.results.of_query(query);
    let cancelling = matches!(running.phase, Phase::Cancelling { .. });
    let state = ResultState::Finished { tag: tag.clone() };
    tab.results.end(query, &state, elapsed_us);
    if let Some(result) = tab.results.current_mut(query) {
        result.discarded = discarded;
        if discarded > 0 && result.note.is_none() && cancelling {
            result.note = Some(format!(
                "It ended before the cancel arrived: {} read and not kept.",
                counted_with(discarded, "further row", ["was", "were"])
            ));
        } else if discarded > 0 && result.note.is_none() {
            result.note = Some(over_budget_note(rows, budget));
        }
    }
    tell(
        tab,
        messages::Message {
            elapsed_us: Some(elapsed_us),
            ..messages::Message::new(now.unix_us, MessageKind::Done, tag.clone(), Some(query))
        },
    );
    tab.ended = Some(Ended::Well);
    if let Some(words) = not_committed(&running, &tag) {
        say(tab, now, MessageKind::Warning, words.into(), Some(query));
        if let Some(result) = tab.results.current_mut(query) {
            result.note = Some(words.into());
        }
        cx.notify(words);
    }
    session_ready(pages, cx, id, &running, transaction, false);
    if let Some(Session::Live(live)) = pages.get_mut(id).map(|tab| &mut tab.session) {
        live.note_done(&tag);
    }
    let_go(cx, id, &running);
    schema_changed(pages, cx, id);
    let outcome = HistoryOutcome::Finished { tag, rows };
    history::ended(history, cx, query, elapsed_us, outcome);
    let stopped = matches!(running.phase, Phase::Cancelling { asked: true, .. });
    let end = if stopped { End::Stopped } else { End::Well };
    if let Err(running) = followed(pages, connections, history, cx, id, running) {
        next(pages, cx, id, *running, end);
        pump(pages, connections, history, cx, id);
    }
}

/// Goes on to the statement that the session goes on to by itself. A cancel of the one before it is one of this.
fn followed(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    cx: &mut Cx,
    id: TabId,
    mut running: Running,
) -> Result<(), Box<Running>> {
    let since = cx.now;
    let Some(tab) = pages.get_mut(id) else {
        return Err(running.into());
    };
    let Session::Live(live) = &tab.session else {
        return Err(running.into());
    };
    let Some(query) = running.script.take_ahead(live.backslash) else {
        return Err(running.into());
    };
    let (mut script, phase) = (running.script, running.phase);
    script.next += 1;
    tab.run = Run::Waiting { script, since };
    send_next(pages, connections, history, cx, id, Some(Given { query, phase }));
    Ok(())
}

/// How a statement ended, as far as the script goes on behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Well,
    Failed,
    Stopped,
}

/// A transaction that had failed is not committed, and only the command tag says so: ROLLBACK, without an error.
fn not_committed(running: &Running, tag: &str) -> Option<&'static str> {
    let control = running.planned.kind.transaction?;
    // On a read-only connection the ROLLBACK is Tusk's own, which says so itself.
    if tag != "ROLLBACK" || running.passage.is_some() {
        return None;
    }
    match control {
        TransactionControl::Commit { .. } => {
            Some("Nothing was committed: the transaction had failed, so the server rolled it back.")
        }
        TransactionControl::PrepareTransaction => {
            Some("Nothing was prepared: the transaction had failed, so the server rolled it back.")
        }
        _ => None,
    }
}

/// The server refused or stopped it.
pub(super) fn failed(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    cx: &mut Cx,
    end: QueryEnd,
    failure: Failure,
) {
    not_followed(pages, end.query);
    let id = running_tab(pages, end.query).map(|tab| tab.id);
    ended_badly(pages, connections, history, cx, end, failure);
    if let Some(id) = id {
        pump(pages, connections, history, cx, id);
    }
}

/// One that its session had been given ahead ended before the one that it follows: it was not sent.
fn not_followed(pages: &mut Pages, query: QueryId) {
    for tab in &mut pages.open {
        if let Run::Running(running) = &mut tab.run {
            running.script.not_followed(query);
        }
    }
}

/// The same for one that was not sent; whether the next one is to be sent is looked at by who was to send it.
pub(super) fn ended_badly(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    cx: &mut Cx,
    end: QueryEnd,
    failure: Failure,
) {
    let QueryEnd { query, transaction, elapsed_us } = end;
    let now = cx.now;
    let failure = classified(pages, connections, query, failure, elapsed_us);
    let Some((tab, running)) = take_running(pages, query) else {
        return;
    };
    let id = tab.id;
    let made_room =
        is_cancel(&failure) && matches!(running.phase, Phase::Cancelling { asked: false, .. });
    if let Some(result) = tab.results.current_mut(query) {
        let rows = result.rows.len();
        let state = if made_room {
            result.note = Some(format!(
                "The stream was closed: the first {} kept.",
                counted_with(rows, "row", ["is", "are"])
            ));
            ResultState::Closed
        } else if is_cancel(&failure) {
            ResultState::Cancelled { failure: failure.clone() }
        } else {
            ResultState::Failed { failure: failure.clone() }
        };
        tab.results.end(query, &state, elapsed_us);
    }
    if made_room {
        tab.ended = Some(Ended::Well);
    } else {
        let mut text = messages::text_of(&failure);
        if let Some(place) = place_in_data(tab, &running.planned, &failure) {
            text.push_str(&format!("\nDATA: {place}"));
        }
        say(tab, now, MessageKind::Error, text, Some(query));
        tab.ended = Some(badly(&failure));
        mark_error(tab, &running, &failure);
        cx.leave(Outcome::Failed { tab: id, query });
    }
    session_ready(pages, cx, id, &running, transaction, true);
    let_go(cx, id, &running);
    schema_changed(pages, cx, id);
    let outcome = failed_outcome(&failure);
    history::ended(history, cx, query, elapsed_us, outcome);
    let stopped = matches!(running.phase, Phase::Cancelling { .. });
    let end = if stopped { End::Stopped } else { End::Failed };
    next(pages, cx, id, running, end);
}

/// What the Model knows of a failure that the server could not say: who stopped it, and what was meant.
fn classified(
    pages: &mut Pages,
    connections: &Connections,
    query: QueryId,
    failure: Failure,
    elapsed_us: u64,
) -> Failure {
    let Some(tab) = running_tab(pages, query) else {
        return failure;
    };
    let Run::Running(running) = &tab.run else {
        return failure;
    };
    let failure = in_the_statement(failure, &running.planned);
    let asked = matches!(running.phase, Phase::Cancelling { .. });
    let known = tab.connection.and_then(|id| connections.get(&id));
    let limit_ms = known.map_or(0, |known| u64::from(known.config.statement_timeout_ms));
    let over_time = limit_ms > 0 && elapsed_us / 1_000 >= limit_ms;
    advice::stopped(failure, advice::Stop { asked, over_time })
}

/// A tab's session is ready after a statement: what it changed is read once everybody can see it.
fn schema_changed(pages: &mut Pages, cx: &mut Cx, id: TabId) {
    let Some(Session::Live(live)) = pages.get_mut(id).map(|page| &mut page.session) else {
        return;
    };
    if live.transaction == Transaction::Idle && std::mem::take(&mut live.changed_schema) {
        cx.leave(Outcome::SchemaChanged(live.connection));
    }
}

/// The server counts from the comments in front of a statement, and a person from its first word.
fn in_the_statement(failure: Failure, planned: &Planned) -> Failure {
    let lead = planned.sql.get(..planned.lead).unwrap_or("");
    let lead = u32::try_from(lead.chars().count()).unwrap_or(u32::MAX);
    Failure {
        position: failure.position.map(|position| position.saturating_sub(lead).max(1)),
        ..failure
    }
}

/// The link broke while it ran.
pub(super) fn lost(
    pages: &mut Pages,
    history: &mut History,
    cx: &mut Cx,
    query: QueryId,
    failure: Failure,
    elapsed_us: u64,
) {
    not_followed(pages, query);
    let Some((tab, running)) = take_running(pages, query) else {
        return;
    };
    let id = tab.id;
    lose_query(tab, query, &failure, elapsed_us);
    // What was queued behind it is not run on another session unasked.
    tab.queued = None;
    if let Session::Live(live) = &mut tab.session {
        live.broken = true;
    }
    let previous = tab.results.drop_previous();
    let_go(cx, id, &running);
    history::ended(history, cx, query, elapsed_us, failed_outcome(&failure));
    drop_rows(previous, cx);
}

/// Ends what runs in a tab without waiting for the server: its session goes with it.
pub(super) fn abandoned(
    pages: &mut Pages,
    history: &mut History,
    cx: &mut Cx,
    id: TabId,
    failure: &Failure,
) {
    let now = cx.now;
    let Some(tab) = pages.get_mut(id) else {
        return;
    };
    tab.queued = None;
    let Run::Running(running) = std::mem::take(&mut tab.run) else {
        return;
    };
    let elapsed_us = now.us_since(running.sent);
    lose_query(tab, running.query, failure, elapsed_us);
    let previous = tab.results.drop_previous();
    history::ended(history, cx, running.query, elapsed_us, failed_outcome(failure));
    drop_rows(previous, cx);
}

/// Shows a query as lost: nobody knows how it ended.
fn lose_query(tab: &mut Page, query: QueryId, failure: &Failure, elapsed_us: u64) {
    let state = ResultState::Lost { failure: failure.clone() };
    tab.results.end(query, &state, elapsed_us);
    tab.ended = Some(badly(failure));
}

fn failed_outcome(failure: &Failure) -> HistoryOutcome {
    HistoryOutcome::Failed { sqlstate: failure.sqlstate.clone(), message: failure.message.clone() }
}

/// A statement ended: the timer of its pause is let go, and so is the question whether to terminate it.
fn let_go(cx: &mut Cx, id: TabId, running: &Running) {
    match running.phase {
        Phase::Paused { timer, .. } => {
            cx.ask(clock::Effect::Stop { timer });
        }
        Phase::Cancelling { .. } => cx.leave(Outcome::CancelEnded(id)),
        Phase::Running => {}
    }
}

fn take_running(pages: &mut Pages, query: QueryId) -> Option<(&mut Page, Running)> {
    let tab = running_tab(pages, query)?;
    match std::mem::take(&mut tab.run) {
        Run::Running(running) => Some((tab, running)),
        Run::Idle | Run::Waiting { .. } => None,
    }
}

/// The session is ready again: its status is the server's own; what it may hold is asked when it idles.
fn session_ready(
    pages: &mut Pages,
    cx: &mut Cx,
    id: TabId,
    running: &Running,
    transaction: Transaction,
    failed: bool,
) {
    let now = cx.now;
    let Some(tab) = pages.get_mut(id) else {
        return;
    };
    let Session::Live(live) = &mut tab.session else {
        return;
    };
    if transaction == Transaction::Idle {
        live.transaction_since = None;
    } else if live.transaction == Transaction::Idle {
        live.transaction_since = Some(now);
    }
    let before = std::mem::replace(&mut live.transaction, transaction);
    if let Some(passage) = &running.passage {
        // Nothing is left in a session of a read-only connection, whatever ran.
        let word = tab.read_only.ended(passage, before, transaction);
        if let Some(word) = word {
            let query = Some(running.query);
            say(tab, now, MessageKind::Session, word.into(), query);
            if let Some(result) = tab.results.current_mut(running.query) {
                result.note.get_or_insert_with(|| word.to_owned());
            }
        }
        return;
    }
    live.changed_schema |= !failed && schema::may_change(&running.planned().kind);
    // A statement that failed outside a transaction may still have left something behind (a procedure that committed).
    let kind = &running.planned().kind;
    // What a session holds may also go by a statement: `drop table`, `close`, `unlisten`.
    live.used_sequences |= kind.may_use_sequence;
    let may_let_go = !live.holds.is_empty() && !kind.may_pause;
    live.unsure |=
        kind.may_hold || kind.reset.is_some() || may_let_go || (failed && !kind.may_pause);
}

/// Has the script's next statement be due, or the question whether it is; or ends the run.
fn next(pages: &mut Pages, cx: &mut Cx, id: TabId, running: Running, end: End) {
    let now = cx.now;
    let Some(tab) = pages.get_mut(id) else {
        return;
    };
    let mut script = running.script;
    script.next += 1;
    // The session sends none of them behind one that failed.
    script.ahead.let_go(end == End::Well);
    script.failed += usize::from(end == End::Failed);
    let left = script.statements.len().saturating_sub(script.next);
    let goes_on = match (end, script.on_error) {
        (End::Well, _) | (End::Failed, OnError::Continue) => left > 0,
        (End::Failed, OnError::Ask) => {
            script.asks = left > 0;
            script.asks
        }
        (End::Failed, OnError::Stop) | (End::Stopped, _) => false,
    };
    if !goes_on {
        return run_ended(pages, cx, id, script, Some(running.query));
    }
    tab.run = Run::Waiting { script, since: now };
}

/// A run has ended, or does not go on: what was not run and what failed is said.
pub(super) fn run_ended(
    pages: &mut Pages,
    cx: &mut Cx,
    id: TabId,
    script: Script,
    query: Option<QueryId>,
) {
    let now = cx.now;
    let Some(tab) = pages.get_mut(id) else {
        return;
    };
    tab.run = Run::Idle;
    let (ran, failed) = (script.next, script.failed);
    let left = script.statements.len().saturating_sub(ran);
    if left > 0 {
        let rest = counted_with(left as u64, "more statement", ["was", "were"]);
        let text = format!("The script stopped here: {rest} not run.");
        say(tab, now, MessageKind::Session, text, query);
    }
    // That the last statement failed, and the script stopped at it, has been said.
    if failed > 1 || failed == 1 && left == 0 && ran > 1 {
        let text =
            format!("{} of {} failed.", grouped(failed as u64), counted(ran as u64, "statement"));
        say(tab, now, MessageKind::Warning, text.clone(), query);
        cx.notify(text);
    }
    let Some(tab) = pages.get_mut(id) else {
        return;
    };
    let previous = tab.results.drop_previous();
    drop_rows(previous, cx);
    sessions::start_idle_timer(pages, cx, id);
}

/// There is no next statement, or the rest of the script, cut again as the session reads it, can't be run.
pub(super) fn not_sent(
    pages: &mut Pages,
    cx: &mut Cx,
    id: TabId,
    script: Script,
    problem: Option<Problem>,
) {
    let now = cx.now;
    if let Some(tab) = pages.get_mut(id)
        && let Some(Problem::Refused { range, reason }) = problem
    {
        let text = refused(tab, now, range, &reason, script.next > 0);
        cx.notify(text);
    }
    run_ended(pages, cx, id, script, None)
}

/// Marks the error's place in the editor, where the text there is still the one that was run. The first error of a run
/// keeps the mark: the others often follow from it.
fn mark_error(tab: &mut Page, running: &Running, failure: &Failure) {
    if running.script.failed > 0 && tab.editor.visible_mark().is_some() {
        return;
    }
    let planned = running.planned();
    let Some(start) = planned.start else {
        return;
    };
    let text = tab.editor.buffer.text();
    if !planned.is_written(&text.slice(start..start + planned.written())) {
        return;
    }
    let Some(place) = copy_place(tab, planned, failure).or_else(|| {
        let sql = planned.statement();
        let byte = position::byte_of_character(&sql, failure.position?)?;
        let word = position::word_at(&sql, byte);
        Some(start + planned.in_text(word.start)..start + planned.in_text(word.end))
    }) else {
        return;
    };
    tab.editor.mark = Some(Mark {
        start: place.start,
        end: place.end,
        message: failure.message.clone(),
        revision: tab.editor.buffer.revision(),
    });
}

/// The line and the column in the data of a COPY that its error is about, and the line in the editor.
fn place_in_data(tab: &Page, planned: &Planned, failure: &Failure) -> Option<String> {
    planned.copy_data.as_ref()?;
    let words = failure.context.as_deref().and_then(copy::place_in_words)?;
    let line = copy_place(tab, planned, failure)
        .map(|place| tab.editor.buffer.text().line_of(place.start) + 1);
    let here = line.map(|line| format!(" (line {line} of the text)"));
    Some(words + &here.unwrap_or_default())
}

/// The place in the data of a COPY that its error is about, in the editor's text.
fn copy_place(tab: &Page, planned: &Planned, failure: &Failure) -> Option<Range<usize>> {
    let (start, data) = planned.data_start.zip(planned.copy_data.as_ref())?;
    let place = copy::place(failure.context.as_deref()?, &planned.statement(), data)?;
    let range = start + place.start..start + place.end;
    let is_there = tab.editor.buffer.text().slice(range.clone()) == data.get(place)?;
    is_there.then_some(range)
}
