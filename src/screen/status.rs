//! The bar at the bottom: connection, transaction, pool, the run with its clock, the sum, the cursor.

use super::{Segment, SegmentName, Span, StatusBar, Tone, title, words};
use crate::{
    base::{stamp::Stamp, transaction::Transaction},
    model::Model,
    rows::show::display,
    update::{
        connection::{Connection, Link, reconnecting::Reconnecting},
        jobs,
        keeping::storage::Storage,
        query::{
            page::{Ended, Page},
            run::{Live, Phase, Run, Running, Session},
        },
        results::{ResultSet, ResultState},
        shell::command::Command,
    },
};

pub(super) fn bar(model: &Model, now: Stamp) -> StatusBar {
    let current = title::current(model);
    StatusBar {
        dot: current.map(|(_, known)| title::dot(known)),
        left: left(model, current.map(|(_, known)| known), now),
        right: right(model),
    }
}

/// Of the reason why a session is kept no more is shown.
const WHY_KEPT_MAX: usize = 48;

fn segment(name: SegmentName, spans: Vec<Span>) -> Segment {
    Segment { name, spinner: false, spans }
}

fn left(model: &Model, known: Option<&Connection>, now: Stamp) -> Vec<Segment> {
    let mut left = Vec::new();
    match known {
        Some(known) => left.push(segment(SegmentName::Connection, connection(known))),
        None => left.push(segment(SegmentName::Connection, vec![Span::muted("not connected")])),
    }
    if let (Some(known), Some(tab), false) = (known, model.pages.active(), model.welcome.shown) {
        if known.is_open() {
            left.push(segment(SegmentName::Transaction, transaction(tab, now)));
            left.push(segment(SegmentName::Pool, pool(known)));
        }
        // How the connection stands is said before: it is not said twice.
        let nothing_ran = matches!(tab.run, Run::Idle) && tab.results.list.is_empty();
        if let Link::Reconnecting(reconnecting) = &known.link {
            left.push(trying_again(model, known, reconnecting, now));
        } else if known.is_open() || !nothing_ran {
            left.extend(state(model, known, tab, now));
        }
        left.extend(time_and_rows(tab).map(|span| segment(SegmentName::Rows, vec![span])));
    }
    left.extend(job(model, now));
    let unkept = match model.storage {
        Storage::OnDisk => None,
        Storage::Waiting { .. } => Some("● not on disk yet"),
        Storage::InMemory { .. } => Some("● in memory only"),
    };
    if let Some(words) = unkept {
        let span = Span::new(words, Tone::Warning);
        left.push(segment(SegmentName::Storage, vec![span]));
    }
    if model.recording {
        left.push(segment(SegmentName::Recording, vec![Span::new("● recording", Tone::Error)]));
    }
    left
}

/// `Running dump.sql 34% of 2 MB · 120 statements 00:02.4 · Ctrl . cancels`
fn job(model: &Model, now: Stamp) -> Option<Segment> {
    let job = model.jobs.running()?;
    let verb = match job.progress.phase {
        _ if job.cancelling => "Cancelling",
        jobs::Phase::Reading => "Reading",
        jobs::Phase::Running => "Running",
    };
    let clock = words::clock(now.us_since(job.since));
    let text = format!("{verb} {} {} {clock}", job.name(), job.shown());
    let mut spans = vec![Span::new(text, Tone::Accent)];
    spans.extend(stopper(model, "cancels"));
    Some(Segment { name: SegmentName::Job, spinner: true, spans })
}

/// `shop · app@localhost/shop`; of a host only its first name, because the title bar has it whole.
fn connection(known: &Connection) -> Vec<Span> {
    let config = &known.config;
    let (user, database) = match &known.link {
        Link::Open { server } if !server.user.is_empty() => (&server.user, &server.database),
        _ => (&config.user, &config.database),
    };
    let host = if config.is_socket() {
        "socket"
    } else if config.host.contains(':') || config.host.starts_with(|c: char| c.is_ascii_digit()) {
        &config.host
    } else {
        config.host.split('.').next().unwrap_or_default()
    };
    let place = format!("{user}@{host}/{database}");
    let mut spans = if config.name.trim().is_empty() {
        vec![Span::new(place, Tone::Strong)]
    } else {
        vec![
            Span::new(config.name.trim(), Tone::Strong),
            Span::muted(format!("{}{place}", words::DOT)),
        ]
    };
    match &known.link {
        Link::Open { .. } => {}
        _ => {
            let security = title::security(known);
            spans.push(Span::new(format!("{}{}", words::DOT, security.text), security.tone));
        }
    }
    spans
}

fn transaction(tab: &Page, now: Stamp) -> Vec<Span> {
    match &tab.session {
        Session::Live(live) => live_transaction(live, now),
        Session::Closed => vec![Span::muted("no session")],
        Session::Opening { .. } => vec![Span::muted("session opening")],
        Session::Lost(_) => vec![Span::new("session lost", Tone::Error)],
    }
}

fn live_transaction(live: &Live, now: Stamp) -> Vec<Span> {
    let (word, tone, rest) = match live.transaction {
        Transaction::Idle => {
            let mut spans = vec![Span::muted("transaction "), Span::new("idle", Tone::Strong)];
            spans.extend(live.kept_for().map(|why| {
                let why = words::cut(&why, WHY_KEPT_MAX);
                Span::muted(format!("{}{why}", words::DOT))
            }));
            return spans;
        }
        Transaction::Active => ("active", Tone::Warning, Tone::Strong),
        Transaction::Failed => ("failed", Tone::Error, Tone::Error),
    };
    let mut spans = vec![Span::new("transaction ", tone), Span::new(word, rest)];
    if let Some(since) = live.transaction_since {
        let clock = words::slow_clock(now.us_since(since));
        spans.push(Span::new(format!(" {clock}"), tone));
    }
    spans
}

fn pool(known: &Connection) -> Vec<Span> {
    let pool = known.pool;
    let max = if pool.max == 0 { known.config.pool_size } else { pool.max };
    let mut spans = vec![
        Span::muted("pool "),
        Span::new(pool.size.to_string(), Tone::Strong),
        Span::muted(format!("/{max}{}{} idle", words::DOT, pool.available)),
    ];
    if pool.waiting > 0 {
        let waiting = format!("{}{} waiting", words::DOT, pool.waiting);
        spans.push(Span::new(waiting, Tone::Warning));
    }
    spans
}

/// `Reconnecting to shop, try 2 of 3 in 3 s · Ctrl . stops`
fn trying_again(
    model: &Model,
    known: &Connection,
    reconnecting: &Reconnecting,
    now: Stamp,
) -> Segment {
    let text = words::reconnecting(&known.config.label(), reconnecting, now);
    let mut spans = vec![Span::new(text, Tone::Warning)];
    spans.extend(stopper(model, "stops"));
    Segment { name: SegmentName::State, spinner: true, spans }
}

/// ` · Ctrl . stops`: the key that ends what is under way.
fn stopper(model: &Model, verb: &str) -> Option<Span> {
    let key = words::key(model, words::RESULTS, Command::QueryCancel)?;
    Some(Span::muted(format!("{}{key} {verb}", words::DOT)))
}

/// ` · not answering for 12 s`: the watchdog's verdict, while something runs.
fn verdict(known: &Connection, now: Stamp) -> Option<Span> {
    let seconds = now.us_since(known.silent_since?) / 1_000_000;
    let text = format!("{}not answering for {seconds} s", words::DOT);
    Some(Span::new(text, Tone::Warning))
}

fn state(model: &Model, known: &Connection, tab: &Page, now: Stamp) -> Option<Segment> {
    let mut more = vec![];
    let (text, tone, spinner) = match &tab.run {
        Run::Waiting { script, .. } if script.asks => {
            ("stands at an error".to_owned(), Tone::Warning, false)
        }
        Run::Waiting { since, .. } => {
            let pool = known.pool.waiting > 0 && matches!(tab.session, Session::Opening { .. });
            let what = if pool { "waiting for the pool" } else { "waiting" };
            let clock = words::clock(now.us_since(*since));
            if pool {
                more.extend(stopper(model, "cancels"));
            }
            (format!("{what} {clock}"), Tone::Accent, true)
        }
        Run::Running(running) => {
            more.extend(verdict(known, now));
            under_way(running, now)
        }
        Run::Idle => {
            let (text, tone) = ended(tab)?;
            (text.to_owned(), tone, false)
        }
    };
    Some(Segment {
        name: SegmentName::State,
        spinner,
        spans: std::iter::once(Span::new(text, tone)).chain(more).collect(),
    })
}

fn under_way(running: &Running, now: Stamp) -> (String, Tone, bool) {
    let since = |since: Stamp| words::clock(now.us_since(since));
    match running.phase {
        Phase::Running => (format!("running {}", since(running.sent)), Tone::Accent, true),
        Phase::Paused { .. } => ("paused".into(), Tone::Muted, false),
        Phase::Cancelling { since: asked, .. } => {
            (format!("cancelling {}", since(asked)), Tone::Warning, true)
        }
    }
}

/// How the last run ended: as its last result did, or as the connection that it waited for.
fn ended(tab: &Page) -> Option<(&'static str, Tone)> {
    let Some(last) = tab.results.list.last() else {
        return match tab.ended {
            Some(Ended::Badly { .. }) => Some(("failed", Tone::Error)),
            Some(Ended::Well) | None => None,
        };
    };
    Some(match last.state {
        ResultState::Running => ("running", Tone::Accent),
        ResultState::Paused => ("paused", Tone::Muted),
        ResultState::Cancelling => ("cancelling", Tone::Warning),
        ResultState::Finished { .. } => ("done", Tone::Ok),
        ResultState::Closed => ("closed", Tone::Muted),
        ResultState::Failed { .. } => ("failed", Tone::Error),
        ResultState::Cancelled { .. } => ("cancelled", Tone::Warning),
        ResultState::Lost { .. } => ("lost", Tone::Error),
    })
}

/// The time of the whole run, and the rows of the result on screen.
fn time_and_rows(tab: &Page) -> Option<Span> {
    let results = &tab.results;
    let rows = results
        .visible()
        .or(results.list.last())
        .filter(|result| result.described)
        .map(|result| words::rows(result.rows.len()));
    let ended = matches!(tab.run, Run::Idle) && !results.list.is_empty();
    let time = ended.then(|| words::took(results.list.iter().filter_map(time_of).sum()));
    let parts: Vec<String> = time.into_iter().chain(rows).collect();
    (!parts.is_empty()).then(|| Span::muted(parts.join(words::DOT)))
}

fn time_of(result: &ResultSet) -> Option<u64> {
    result.elapsed_us
}

fn right(model: &Model) -> Vec<Segment> {
    if model.welcome.shown {
        let version = format!("Tusk {}", model.version);
        return vec![segment(SegmentName::Version, vec![Span::muted(version.trim_end())])];
    }
    let Some(tab) = model.pages.active() else {
        return vec![];
    };
    let mut right = Vec::new();
    if let Some(result) = tab.results.visible() {
        right.extend(summary(tab, result).map(|spans| segment(SegmentName::Summary, spans)));
    }
    let buffer = &tab.editor.buffer;
    let (line, column) = buffer.text().line_and_column(buffer.head());
    let mut cursor = format!("Ln {line}, Col {column}");
    let selected = buffer.selection().len();
    if selected > 0 {
        cursor.push_str(&format!(" ({} selected)", display::bytes_text(selected as u64)));
    }
    let form = tab.editor.file.as_ref().and_then(|file| file.form.shown());
    let crlf = buffer.text().has_crlf_at(buffer.head()) == Some(true);
    let unusual = form.into_iter().chain(crlf.then(|| "CRLF".to_owned()));
    let words: Vec<String> = unusual.chain([cursor]).collect();
    let span = Span::muted(words.join(words::DOT));
    right.push(segment(SegmentName::Cursor, vec![span]));
    right
}

/// What the range adds up to; while that is being found out, how many cells it has.
fn summary(tab: &Page, result: &ResultSet) -> Option<Vec<Span>> {
    if let Some(summary) = &result.grid.summary {
        return Some(vec![Span::new(summary.text(), Tone::Plain)]);
    }
    let cells = result.range().cells();
    (cells > 1 && tab.results.summing.is_some()).then(|| {
        let cells = words::counted(cells, "cell");
        vec![Span::muted(format!("{cells}{}adding up…", words::DOT))]
    })
}
