//! The welcome screen: a field for a URL, saved connections, servers on this machine, the sandbox.

use super::{Action, Span, Tone, Welcome, WelcomeField, WelcomeGroup, WelcomeRow, title, words};
use crate::{
    base::{ids::ConnectionId, stamp::Stamp},
    model::Model,
    update::{
        connection::{Link, discovery::LocalServer, sandbox::Sandbox},
        shell::{
            command::Command,
            welcome::{self, Row},
        },
    },
};

/// The welcome screen.
pub(super) fn welcome(model: &Model, now: Stamp) -> Welcome {
    let rows = welcome::rows(model);
    let (mut groups, mut here): (Vec<WelcomeGroup>, _) = (Vec::new(), Vec::new());
    let first_local = rows.iter().position(|row| matches!(row, Row::Local(_)));
    for (index, row) in rows.iter().enumerate() {
        match row {
            Row::Saved(id) => {
                let group = model.connections.get(id).map(|known| &known.config.group);
                let title = group.filter(|group| !group.is_empty()).map_or("Saved", |group| group);
                // The rows come folder by folder.
                if groups.last().is_none_or(|last| last.title != title) {
                    groups.push(WelcomeGroup { title: title.to_owned(), rows: Vec::new() });
                }
                let last = groups.last_mut();
                let row = saved_row(model, index, *id, now);
                if let (Some(last), Some(row)) = (last, row) {
                    last.rows.push(row);
                }
            }
            Row::Local(server) => here.push(local_row(model, index, server, first_local)),
            Row::Sandbox => here.push(sandbox_row(model, index)),
        }
    }
    groups.push(WelcomeGroup { title: "On this machine".into(), rows: here });
    Welcome {
        title: "tusk".into(),
        tagline: "PostgreSQL, at the speed of thought.".into(),
        field: field(model),
        groups,
        footer: footer(model),
    }
}

fn contexts(model: &Model) -> &'static [&'static str] {
    if model.welcome.means_row() { words::WELCOME } else { words::WELCOME_FIELD }
}

fn field(model: &Model) -> WelcomeField {
    let welcome = &model.welcome;
    let preview = welcome.parsed.as_ref().map(|parsed| match parsed {
        Ok(conninfo) => {
            let config = &conninfo.config;
            let password = if conninfo.password().is_some() { ", with a password" } else { "" };
            let ssl = if config.is_socket() {
                String::new()
            } else {
                format!(", SSL {}", config.ssl_mode.name())
            };
            Span::muted(format!("Connects to {}{ssl}{password}", config.address()))
        }
        Err(problem) => Span::new(problem, Tone::Error),
    });
    let action = if welcome.means_row() {
        words::named(model, contexts(model), Command::ListDown, "Choose")
    } else {
        words::named(model, contexts(model), Command::DialogAccept, "Connect")
    };
    WelcomeField {
        masked: welcome.masked.clone(),
        placeholder: "postgres://user@host:5432/database".into(),
        focused: welcome.in_field,
        preview,
        action,
    }
}

fn footer(model: &Model) -> Vec<Action> {
    let mut commands = vec![Command::ConnectionNew, Command::PaletteOpen];
    if model.welcome.means_row() && welcome::chosen(model).is_some() {
        commands.splice(1..1, [Command::ConnectionEdit, Command::ConnectionDelete]);
    }
    commands
        .into_iter()
        .map(|command| {
            let title = command.title().trim_end_matches('…');
            words::named(model, contexts(model), command, title)
        })
        .collect()
}

/// A row without anything but its name, with the key of the chosen one.
fn bare(model: &Model, index: usize, own: Option<Command>) -> WelcomeRow {
    let selected = model.welcome.selected == index && model.welcome.means_row();
    let command = if selected { Some(Command::DialogAccept) } else { own };
    WelcomeRow {
        index,
        dot: None,
        name: String::new(),
        detail: Span::default(),
        when: String::new(),
        key: command.and_then(|command| words::key(model, contexts(model), command)),
        selected,
        spinner: false,
        percent: None,
    }
}

fn saved_row(model: &Model, index: usize, id: ConnectionId, now: Stamp) -> Option<WelcomeRow> {
    let known = model.connections.get(&id)?;
    let mut detail = known.config.address();
    if known.config.read_only {
        detail.push_str(" · read-only");
    }
    let (detail, when) = match &known.link {
        Link::Open { .. } => (Span::muted(detail), "open".to_owned()),
        Link::Closed | Link::Closing => {
            let used = known.last_used_us.map(|at_us| words::ago(now, at_us));
            (Span::muted(detail), used.unwrap_or_default())
        }
        Link::AskingKeychain { .. } | Link::Opening { .. } => {
            (Span::muted(detail), "opening…".to_owned())
        }
        Link::Reconnecting(_) => (Span::muted(detail), "reconnecting…".to_owned()),
        Link::Failed { failure } => {
            let why = words::first_line(&failure.message, 100);
            (Span::new(why, Tone::Error), "failed".to_owned())
        }
    };
    Some(WelcomeRow {
        dot: Some(title::dot(known)),
        name: known.config.label(),
        detail,
        when,
        spinner: known.is_opening(),
        ..bare(model, index, None)
    })
}

fn local_row(
    model: &Model,
    index: usize,
    server: &LocalServer,
    first: Option<usize>,
) -> WelcomeRow {
    let own = (first == Some(index)).then_some(Command::WelcomeLocal);
    let name = match &server.version {
        Some(version) => format!("PostgreSQL {version}"),
        None => "PostgreSQL".into(),
    };
    let alone = model.welcome.servers.iter().filter(|other| other.port == server.port).count() == 1;
    let detail = if alone {
        format!("socket, port {}", server.port)
    } else {
        format!("socket in {}, port {}", server.directory, server.port)
    };
    WelcomeRow { name, detail: Span::muted(detail), ..bare(model, index, own) }
}

fn sandbox_row(model: &Model, index: usize) -> WelcomeRow {
    let row =
        WelcomeRow { name: "Sandbox".into(), ..bare(model, index, Some(Command::WelcomeSandbox)) };
    match &model.sandbox {
        Sandbox::Stopped => WelcomeRow {
            detail: Span::muted(
                "a private server with a sample shop: 100,000 orders, nothing to set up",
            ),
            ..row
        },
        Sandbox::Starting { progress, .. } => WelcomeRow {
            detail: Span::new(&progress.step, Tone::Accent),
            spinner: true,
            percent: percent(progress.done, progress.total),
            ..row
        },
        Sandbox::Running { .. } => WelcomeRow {
            detail: Span::muted("a private server with a sample shop"),
            when: "running".into(),
            ..row
        },
        Sandbox::Failed { failure } => {
            let next = failure.next_step.as_deref().unwrap_or_default();
            WelcomeRow {
                detail: Span::new(format!("{} {next}", failure.message).trim(), Tone::Error),
                when: "failed".into(),
                ..row
            }
        }
    }
}

/// How far something is, where that is known.
pub(super) fn percent(done: u64, total: u64) -> Option<u32> {
    let percent = (u128::from(done) * 100).checked_div(u128::from(total))?;
    Some(percent.min(100) as u32)
}
