//! The bar at the top, the window's title and the row of tabs.

use super::{ConnectionChip, Dot, ModeChip, Span, Tab, TabMark, TitleBar, Tone, words};
use crate::{
    base::{ids::ConnectionId, transaction::Transaction},
    conninfo::Colour,
    model::Model,
    update::{
        connection::{Connection, Link},
        query::{
            page::Page,
            run::{self, Phase, Run, Running, Session},
        },
        shell::{command::Command, tabs},
    },
};

/// The active tab's connection.
pub(super) fn current(model: &Model) -> Option<(ConnectionId, &Connection)> {
    let id = model.pages.active()?.connection?;
    Some((id, model.connections.get(&id)?))
}

/// The window's title.
pub(super) fn window(model: &Model) -> String {
    if model.welcome.shown {
        return "Tusk".into();
    }
    let active = model.pages.active;
    let tab = tabs(model).into_iter().find(|tab| tab.id == active).map(|tab| tab.label);
    let connection = current(model).map(|(_, known)| known.config.label());
    let parts: Vec<String> = tab.into_iter().chain(connection).collect();
    format!("{} — Tusk", parts.join(" — "))
}

/// The bar at the top.
pub(super) fn bar(model: &Model) -> TitleBar {
    let connection = current(model).filter(|_| !model.welcome.shown);
    TitleBar {
        menu: words::named(model, words::GLOBAL, Command::PaletteOpen, "Menu"),
        connection: connection.map(|(id, known)| chip(id, known)),
        mode: connection.and_then(|(_, known)| mode(model, known)),
        recording: model.recording.then(|| Span::new("recording", Tone::Error)),
        actions: vec![words::action(model, words::GLOBAL, Command::PaletteOpen)],
    }
}

/// A connection's dot.
pub(super) fn dot(known: &Connection) -> Dot {
    Dot { colour: known.config.colour, filled: known.is_open() }
}

/// Who is connected where, in the server's own word where it gave one.
pub(super) fn address(known: &Connection) -> String {
    let mut config = known.config.clone();
    if let Link::Open { server } = &known.link {
        if !server.user.is_empty() {
            config.user.clone_from(&server.user);
        }
        if let Some(answered) = &server.endpoint {
            config.host.clone_from(&answered.host);
            config.port = answered.port;
        }
        if !server.database.is_empty() {
            config.database.clone_from(&server.database);
        }
    }
    config.address()
}

/// How the link is secured, or how far it is.
pub(super) fn security(known: &Connection) -> Span {
    match &known.link {
        Link::Closed => Span::new("not connected", Tone::Faint),
        Link::AskingKeychain { .. } | Link::Opening { .. } => Span::new("opening…", Tone::Accent),
        Link::Reconnecting(_) => Span::new("reconnecting…", Tone::Warning),
        Link::Closing => Span::muted("closing…"),
        Link::Failed { .. } => Span::new("failed", Tone::Error),
        Link::Open { server } => Span::muted(&server.security),
    }
}

fn chip(id: ConnectionId, known: &Connection) -> ConnectionChip {
    let address = address(known);
    let named = !known.config.name.trim().is_empty();
    let (name, address) =
        if named { (known.config.label(), address) } else { (address, String::new()) };
    ConnectionChip {
        id,
        dot: dot(known),
        name,
        address,
        security: security(known),
        framed: known.config.colour == Colour::Red,
    }
}

/// Whether it may write, where a person should know: on read-only connections and in production.
fn mode(model: &Model, known: &Connection) -> Option<ModeChip> {
    let tab = model.pages.active();
    let read_only = tab.is_some_and(|tab| run::is_read_only(&model.connections, tab));
    let label = match (read_only, known.config.colour) {
        (true, _) => Span::new("read-only", Tone::Ok),
        (false, Colour::Red) => Span::new("read-write", Tone::Warning),
        (false, _) => return None,
    };
    let detail = match tab.and_then(Page::transaction) {
        Some(Transaction::Active) => "in a transaction",
        Some(Transaction::Failed) => "in a failed transaction",
        Some(Transaction::Idle) | None if read_only => "always rolled back",
        Some(Transaction::Idle) | None => "autocommit",
    };
    let kept = tab.map_or(0, |tab| tab.read_only.settings.len() as u64);
    let detail = if read_only && kept > 0 {
        let settings = words::counted(kept, "setting");
        format!("{detail}{}keeps {settings}", words::DOT)
    } else {
        detail.to_owned()
    };
    Some(ModeChip { label, detail })
}

/// The tabs from the left.
pub(super) fn tabs(model: &Model) -> Vec<Tab> {
    let query = |page: &Page| Tab {
        id: page.id,
        label: words::tab_label(page),
        active: page.id == model.pages.active,
        unsaved: page.editor.is_unsaved(),
        changed_on_disk: page.editor.file.as_ref().is_some_and(|file| file.changed),
        mark: mark(page),
    };
    let shown = |tab: &tabs::Tab| match tab.page {
        tabs::Page::Query => model.pages.get(tab.id).map(query),
        tabs::Page::Settings => Some(Tab {
            id: tab.id,
            label: "Settings".into(),
            active: tab.id == model.pages.active,
            unsaved: false,
            changed_on_disk: false,
            mark: TabMark::None,
        }),
    };
    model.tabs.open.iter().filter_map(shown).collect()
}

fn mark(tab: &Page) -> TabMark {
    match (&tab.run, &tab.session) {
        (Run::Running(Running { phase: Phase::Paused { .. }, .. }), _) => TabMark::Paused,
        (Run::Running(_) | Run::Waiting { .. }, _) => TabMark::Running,
        (Run::Idle, Session::Lost(lost)) if !lost.died.is_empty() => TabMark::Lost,
        (Run::Idle, Session::Live(live)) if live.transaction != Transaction::Idle => {
            TabMark::InTransaction
        }
        (Run::Idle, _) => TabMark::None,
    }
}
