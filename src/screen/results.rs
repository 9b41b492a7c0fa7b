//! The results area: the bar with a tab for each result, and the grid, the card or the words under it.

use super::{
    Action, Body, Empty, MessageRow, Messages, MessagesTab, ResultMark, ResultTab, ResultsBar,
    Span, Tone, card, grid, title, welcome,
    widths::{PART_GAP, key_width, text_width},
    words,
};
use crate::{
    base::stamp::Stamp,
    model::Model,
    rows::show::display,
    update::{
        connection::{Connection, Link, sandbox::Sandbox},
        query::{
            messages::Kind,
            page::{Ended, Page},
            run::{PAUSE_LIMIT_MS, Phase, Run, Running, Session, holders},
        },
        results::{ResultSet, ResultState, Results, Shown},
        shell::{command::Command, dialog},
    },
};

/// At most so many results have a tab at a time.
const TABS: usize = 40;
/// What the bar and its parts take beside their texts, in logical pixels at 100 %: its own padding, the gap between
/// parts, a part's padding and frame.
const BAR_PADDING: u32 = 20;
const GAP: u32 = 6;
const PART: u32 = 22;
/// The sign of a result that is under way or went wrong.
const SIGN: u32 = 16;
/// A message is shown up to so many characters.
const MESSAGE_CHARACTERS: usize = 4_000;

/// Whether what is on screen is of the run before.
fn is_stale(results: &Results) -> bool {
    let Shown::Result(index) = results.shown else {
        return results.list.is_empty();
    };
    !results.previous.is_empty() && !results.list.get(index).is_some_and(ResultSet::shows)
}

/// The bar over the results.
pub(super) fn bar(model: &Model, tab: &Page, now: Stamp) -> ResultsBar {
    let results = &tab.results;
    let stale = results.list.is_empty();
    let (list, at) = match (stale, results.shown) {
        (true, _) => (&results.previous, results.previous_shown),
        (false, Shown::Result(index)) => (&results.list, index),
        (false, Shown::Messages) => (&results.list, results.list.len() - 1),
    };
    let in_messages = results.shown == Shown::Messages;
    let messages = MessagesTab {
        label: "Messages".into(),
        unseen: tab.messages.unseen(),
        active: in_messages,
        key: words::key(model, words::RESULTS, Command::ResultsMessages),
    };
    let one = |index: usize, result: &ResultSet| ResultTab {
        active: index == at && !in_messages,
        stale,
        ..result_tab(tab, index, result, now)
    };
    let scrolled = results.scrolled.filter(|(shown, _)| *shown == results.shown && !stale);
    let note = note(tab, model.cx.settings.window_rows, now).map(Span::muted);
    let actions = actions(model, tab);
    let beside = width_beside(note.as_ref(), &actions);
    let room = room_for_tabs(model, &messages, beside);
    let (first, tabs) = fitting(list, at, scrolled.map(|(_, first)| first), room, &one);
    ResultsBar {
        hidden_before: first,
        hidden_after: list.len() - first - tabs.len(),
        tabs,
        list: words::named(model, words::RESULTS, Command::ResultsList, "List"),
        messages,
        note,
        actions,
    }
}

/// The tabs that there is room for: from the one that the bar was scrolled to, else around the result that is shown.
/// There is always one. Answers with the place of the first, too.
fn fitting(
    list: &[ResultSet],
    at: usize,
    from: Option<usize>,
    room: u32,
    one: &dyn Fn(usize, &ResultSet) -> ResultTab,
) -> (usize, Vec<ResultTab>) {
    let all = list.len() <= TABS && from.is_none();
    let width = |(index, result)| i64::from(tab_width(&one(index, result)));
    if all && list.iter().enumerate().map(width).sum::<i64>() <= i64::from(room) {
        let tabs = list.iter().enumerate();
        return (0, tabs.map(|(index, result)| one(index, result)).collect());
    }
    let start = from.unwrap_or(at).min(list.len().saturating_sub(1));
    let mut tabs = std::collections::VecDeque::new();
    let mut left = i64::from(room) - i64::from(width_of_hidden(list.len()));
    let mut take = |index: usize, tabs: &mut std::collections::VecDeque<ResultTab>, front| {
        let Some(result) = list.get(index).filter(|_| tabs.len() < TABS) else {
            return false;
        };
        let tab = one(index, result);
        left -= i64::from(tab_width(&tab));
        if left < 0 && !tabs.is_empty() {
            return false;
        }
        if front {
            tabs.push_front(tab);
        } else {
            tabs.push_back(tab);
        }
        true
    };
    let (mut first, mut next) = (start, start);
    if from.is_none() {
        // A few before it, so that it is seen where it stands; then as many as fit behind it.
        while next < list.len() && next < start + 2 && take(next, &mut tabs, false) {
            next += 1;
        }
        while first > 0 && first + 2 > start && take(first - 1, &mut tabs, true) {
            first -= 1;
        }
    }
    while take(next, &mut tabs, false) {
        next += 1;
    }
    while first > 0 && next >= list.len() && take(first - 1, &mut tabs, true) {
        first -= 1;
    }
    (first, tabs.into())
}

/// Room for the results' tabs, in logical pixels at 100 %: the window draws exactly the tabs that are said to be there.
/// `beside` is what would be at the bar's right end; more than a quarter of the bar is not kept for it.
fn room_for_tabs(model: &Model, messages: &MessagesTab, beside: u32) -> u32 {
    let settings = &model.cx.settings;
    let window = settings.window.0 * 100 / settings.zoom_percent.max(1);
    let sidebar = settings.sidebar_width.min(window * 6 / 10);
    let bar = window.saturating_sub(sidebar + BAR_PADDING);
    let unseen = match messages.unseen {
        0 => 0,
        unseen => PART_GAP + text_width(&unseen.to_string()),
    };
    let key = key_width(messages.key.as_deref());
    let messages = PART + text_width(&messages.label) + unseen + key;
    bar.saturating_sub(messages + 3 * GAP + beside.min(bar / 4))
}

/// What is at the right end: the note and what can be done.
fn width_beside(note: Option<&Span>, actions: &[Action]) -> u32 {
    let note = note.map_or(0, |note| GAP + text_width(&note.text));
    let action =
        |action: &Action| text_width(&action.label) + key_width(action.key.as_deref()) + 14;
    PART_GAP + note + actions.iter().map(action).sum::<u32>()
}

/// Room for the button that lists the results without a tab.
fn width_of_hidden(count: usize) -> u32 {
    GAP + PART + text_width(&format!("+{count}"))
}

/// How wide a tab is, with the gap behind it, in logical pixels at 100 %.
fn tab_width(tab: &ResultTab) -> u32 {
    let sign = match tab.mark {
        ResultMark::None => 0,
        ResultMark::Running | ResultMark::Paused | ResultMark::Failed => PART_GAP + SIGN,
    };
    let texts = [&tab.number.to_string(), &tab.label.text, &tab.detail];
    let texts: u32 = texts.map(|text| text_width(text)).iter().sum();
    PART + GAP + sign + 2 * PART_GAP + texts
}

pub(super) fn result_tab(tab: &Page, index: usize, result: &ResultSet, now: Stamp) -> ResultTab {
    let so_far = || {
        let label =
            if result.described { words::rows(result.rows.len()) } else { "running".into() };
        Span::new(label, Tone::Plain)
    };
    let took = result.elapsed_us.map(words::took).unwrap_or_default();
    let (mark, label, detail) = match &result.state {
        ResultState::Running => {
            let detail = words::took(now.us_since(result.sent) / 100_000 * 100_000);
            (ResultMark::Running, so_far(), detail)
        }
        ResultState::Cancelling => {
            (ResultMark::Running, so_far(), format!("cancelling {}", cancelling_since(tab, now)))
        }
        ResultState::Paused => (ResultMark::Paused, so_far(), "paused".to_owned()),
        ResultState::Finished { tag } => {
            let tag = if tag.is_empty() { "done" } else { tag };
            (ResultMark::None, Span::new(tag, Tone::Plain), took)
        }
        ResultState::Closed => (ResultMark::None, so_far(), "closed".to_owned()),
        ResultState::Failed { .. } => (ResultMark::Failed, Span::new("failed", Tone::Error), took),
        ResultState::Cancelled { .. } => {
            (ResultMark::Failed, Span::new("cancelled", Tone::Warning), took)
        }
        ResultState::Lost { .. } => (ResultMark::Failed, Span::new("lost", Tone::Error), took),
    };
    ResultTab {
        shown: Shown::Result(index),
        number: index + 1,
        mark,
        label,
        detail,
        active: false,
        stale: false,
    }
}

fn cancelling_since(tab: &Page, now: Stamp) -> String {
    match &tab.run {
        Run::Running(Running { phase: Phase::Cancelling { since, .. }, .. }) => {
            words::clock(now.us_since(*since))
        }
        _ => String::new(),
    }
}

/// What is said of a result that is under way: its rate, its size, where its window ends.
fn note(tab: &Page, window_rows: u32, now: Stamp) -> Option<String> {
    let running = match &tab.run {
        Run::Running(running) => running,
        Run::Waiting { script, .. } if script.asks || tab.results.previous.is_empty() => {
            return None;
        }
        Run::Waiting { since, .. } => {
            return Some(format!("waiting {}", words::clock(now.us_since(*since))));
        }
        Run::Idle => return None,
    };
    let result = tab.results.list.iter().rev().find(|result| result.query == running.query)?;
    let rows = result.rows.len();
    let bytes = (rows > 0).then(|| display::bytes_text(result.rows.heap_bytes()));
    let window_rows = u64::from(window_rows);
    let window = display::grouped(window_rows);
    let parts = match running.phase {
        Phase::Running => {
            let passed = rows > window_rows;
            let window = match (running.discarding, running.window_end, passed) {
                (true, _, _) => Some("memory is used up, the rest is not kept".to_owned()),
                (false, None, true) => Some(format!("window {window} passed, fetching all")),
                (false, Some(_), true) if !running.may_pause => {
                    Some(format!("window {window} passed, this run can't pause"))
                }
                _ => None,
            };
            let rate = words::rate(rows, now.us_since(result.sent));
            vec![rate, bytes, window]
        }
        Phase::Paused { since, .. } => {
            let left = (PAUSE_LIMIT_MS * 1_000).saturating_sub(now.us_since(since));
            let closes = format!("the stream closes in {}", words::slow_clock(left));
            vec![bytes, Some("more to fetch".into()), Some(closes)]
        }
        Phase::Cancelling { .. } => vec![bytes],
    };
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(words::DOT))
}

fn actions(model: &Model, tab: &Page) -> Vec<Action> {
    let named = |command, label| words::named(model, words::RESULTS, command, label);
    let mut actions = match &tab.run {
        Run::Running(Running { phase: Phase::Paused { .. }, .. }) => vec![
            named(Command::ResultsFetchMore, "Fetch more"),
            named(Command::ResultsFetchAll, "Fetch all"),
        ],
        Run::Running(_) | Run::Waiting { .. } => return vec![],
        Run::Idle => vec![],
    };
    let rows = tab.results.visible().is_some_and(|r| !r.rows.is_empty());
    if rows {
        actions.push(named(Command::ResultsCopy, "Copy"));
        actions.push(named(Command::ResultsCopyWithHeaders, "Copy with headers"));
        actions.push(named(Command::ResultsInspect, "Inspect"));
    }
    actions
}

/// What the results area shows.
pub(super) fn body(model: &Model, tab: &Page, now: Stamp) -> Body {
    if tab.results.shown == Shown::Messages {
        return Body::Messages(messages(tab));
    }
    let trouble = card::trouble(model, tab);
    let stale = is_stale(&tab.results);
    let Some(result) = tab.results.visible() else {
        return trouble.map_or_else(|| Body::Empty(nothing(model, tab, now)), Body::Card);
    };
    let own = card::of_result(model, tab, result).filter(|_| !stale);
    let has_rows = result.described && (!result.rows.is_empty() || own.is_none());
    if has_rows {
        let mut grid = grid::grid(result, stale);
        grid.strip = trouble.or(own);
        return Body::Grid(grid);
    }
    match trouble.or(own) {
        Some(card) => Body::Card(card),
        None => Body::Empty(without_rows(model, tab, result, now)),
    }
}

/// A result without rows: a statement that runs, or one that has none to give.
fn without_rows(model: &Model, tab: &Page, result: &ResultSet, now: Stamp) -> Empty {
    match (&tab.run, &result.state) {
        (Run::Idle, ResultState::Finished { tag }) => Empty {
            title: Span::new(if tag.is_empty() { "Done" } else { tag }, Tone::Ok),
            clock: result.elapsed_us.map(words::took),
            lines: result.note.clone().into_iter().collect(),
            ..empty("")
        },
        (Run::Idle, _) => {
            Empty { lines: result.note.clone().into_iter().collect(), ..empty("No rows") }
        }
        (Run::Waiting { .. } | Run::Running(_), ResultState::Finished { tag })
            if !is_stale(&tab.results) =>
        {
            Empty {
                title: Span::new(tag, Tone::Ok),
                clock: result.elapsed_us.map(words::took),
                ..empty("")
            }
        }
        _ => nothing(model, tab, now),
    }
}

fn empty(title: &str) -> Empty {
    Empty {
        title: Span::new(title, Tone::Strong),
        spinner: false,
        clock: None,
        lines: vec![],
        actions: vec![],
    }
}

/// Something is under way, since then.
fn under_way(model: &Model, title: String, since: Stamp, now: Stamp, cancel: &str) -> Empty {
    Empty {
        title: Span::new(title, Tone::Strong),
        spinner: true,
        clock: Some(words::clock(now.us_since(since))),
        lines: vec![],
        actions: vec![words::named(model, words::RESULTS, Command::QueryCancel, cancel)],
    }
}

/// No result: what goes on, or what to do.
fn nothing(model: &Model, tab: &Page, now: Stamp) -> Empty {
    let Some((id, known)) = title::current(model) else {
        return unconnected(model);
    };
    let label = known.config.label();
    match &known.link {
        Link::Closed | Link::Failed { .. }
            if dialog::of_connection(&model.dialog)
                .is_some_and(|dialog| dialog.asks_password(id)) =>
        {
            empty(&format!("{label} wants a password"))
        }
        Link::AskingKeychain { since, .. } => {
            let title = "Asking the keychain for the password".to_owned();
            under_way(model, title, *since, now, "Cancel")
        }
        Link::Opening { since, .. } => {
            let title = format!("Connecting to {}", known.config.address());
            under_way(model, title, *since, now, "Cancel")
        }
        Link::Reconnecting(reconnecting) => Empty {
            title: Span::new(words::reconnecting(&label, reconnecting, now), Tone::Strong),
            spinner: true,
            lines: vec![
                reconnecting.failure.message.clone(),
                "What waits here goes on when the server is back. Nothing is run again.".into(),
            ],
            actions: vec![
                words::named(model, words::RESULTS, Command::QueryCancel, "Stop"),
                words::named(model, words::RESULTS, Command::ConnectionReconnect, "Try now"),
            ],
            ..empty("")
        },
        Link::Closing => {
            Empty { spinner: true, ..empty(&format!("Closing the connection to {label}")) }
        }
        Link::Closed | Link::Failed { .. } => closed(model, tab, &label),
        Link::Open { .. } => open(model, tab, known, now),
    }
}

fn unconnected(model: &Model) -> Empty {
    let named = |command, label| words::named(model, words::RESULTS, command, label);
    if let Sandbox::Starting { progress, .. } = &model.sandbox {
        let percent = welcome::percent(progress.done, progress.total);
        return Empty {
            spinner: true,
            clock: percent.map(|percent| format!("{percent} %")),
            lines: vec![progress.step.clone()],
            ..empty("Starting the sandbox")
        };
    }
    let actions = vec![
        named(Command::ConnectionChoose, "Connect to…"),
        named(Command::ConnectionNew, "New connection"),
        named(Command::SandboxStart, "Open the sandbox"),
    ];
    if let Sandbox::Failed { failure } = &model.sandbox {
        return Empty {
            title: Span::new("The sandbox did not start", Tone::Error),
            lines: [Some(failure.message.clone()), failure.next_step.clone()]
                .into_iter()
                .flatten()
                .collect(),
            actions,
            ..empty("")
        };
    }
    Empty {
        lines: vec!["Choose where to connect, then run a statement.".into()],
        actions,
        ..empty("Not connected")
    }
}

fn closed(model: &Model, tab: &Page, label: &str) -> Empty {
    let named = |command, label| words::named(model, words::RESULTS, command, label);
    let said = match &tab.ended {
        Some(Ended::Badly { failure }) if tab.results.list.is_empty() => {
            Some(failure.message.clone())
        }
        _ => None,
    };
    let usual = "Running a statement connects again.".to_owned();
    Empty {
        lines: said.into_iter().chain([usual]).collect(),
        actions: vec![
            named(Command::ConnectionReconnect, "Connect"),
            named(Command::ConnectionChoose, "Connect elsewhere"),
        ],
        ..empty(&format!("Not connected to {label}"))
    }
}

fn open(model: &Model, tab: &Page, known: &Connection, now: Stamp) -> Empty {
    let named = |command, label| words::named(model, words::RESULTS, command, label);
    match (&tab.run, &tab.session) {
        (Run::Waiting { .. }, Session::Opening { since, .. }) => {
            let waits = known.pool.waiting > 0;
            let title = if waits {
                "Waiting for a free connection of the pool"
            } else {
                "Opening a session"
            };
            let holders = tab.connection.filter(|_| waits);
            Empty {
                lines: holders
                    .map(|id| holders::of_connection(&model.pages, id, now))
                    .unwrap_or_default(),
                ..under_way(model, title.into(), *since, now, "Cancel")
            }
        }
        (Run::Waiting { since, .. }, _) => {
            under_way(model, "Waiting for the session".into(), *since, now, "Cancel")
        }
        (Run::Running(Running { phase: Phase::Cancelling { since, .. }, .. }), _) => Empty {
            lines: vec![
                "The server was asked to cancel. Its own answer says how the statement ends."
                    .into(),
            ],
            ..under_way(model, "Cancelling".into(), *since, now, "Terminate the session")
        },
        (Run::Running(running), _) => {
            under_way(model, "Running".into(), running.sent, now, "Cancel")
        }
        (Run::Idle, _) => Empty {
            lines: vec![server(known), "Write a statement in the editor and run it.".into()],
            actions: vec![
                named(Command::QueryRun, "Run statement"),
                named(Command::QueryRunAll, "Run all"),
                named(Command::HistoryOpen, "Search runs"),
                named(Command::FocusSwap, "Swap editor and results"),
            ],
            ..empty(&format!("Connected to {}", known.config.label()))
        },
    }
}

/// `PostgreSQL 15.18, TLS 1.3 verified`
fn server(known: &Connection) -> String {
    let Link::Open { server } = &known.link else {
        return String::new();
    };
    let version = server.version.split(' ').next().unwrap_or_default();
    [format!("PostgreSQL {version}"), server.security.clone()]
        .into_iter()
        .map(|part| part.trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(", ")
}

fn messages(tab: &Page) -> Messages {
    let messages = &tab.messages;
    let gone = [
        (messages.dropped(), "older message"),
        (messages.dropped_important(), "further warning or error"),
    ];
    let gone: Vec<String> = gone
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| match (count, *what) {
            (2.., "further warning or error") => {
                format!("{} further warnings and errors", display::grouped(*count))
            }
            (count, what) => words::counted(*count, what),
        })
        .collect();
    Messages {
        count: messages.len(),
        came: messages.came(),
        note: (!gone.is_empty()).then(|| format!("{} are gone.", gone.join(" and "))),
        empty: messages.is_empty().then(|| {
            "No messages yet: notices, notifications and the end of each run arrive here.".into()
        }),
    }
}

/// A message as it is shown, the oldest at 0; none behind the last.
pub fn message_row(tab: &Page, index: usize, now: Stamp) -> Option<MessageRow> {
    let message = tab.messages.nth(index)?;
    let (kind, tone) = match message.kind {
        Kind::Done => ("Done", Tone::Ok),
        Kind::Error => ("Error", Tone::Error),
        Kind::Notice => ("Notice", Tone::Accent),
        Kind::Warning => ("Warning", Tone::Warning),
        Kind::Notification => ("Notification", Tone::Accent),
        Kind::Session => ("Session", Tone::Muted),
    };
    Some(MessageRow {
        when: words::ago(now, message.at_us),
        kind: Span::new(kind, tone),
        text: words::cut(&message.shown(), MESSAGE_CHARACTERS),
    })
}
