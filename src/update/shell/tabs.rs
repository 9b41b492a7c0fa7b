//! The tabs of the window: their order, which one is on screen, and what kind of page each holds.
//!
//! The state of a page is its room's. A tab says where to find it.

use super::{
    dialog::{self, Confirm, Dialog},
    leaving,
};
use crate::{
    base::{ids::*, text::Buffer},
    model::Model,
    update::{
        connection::{self, Connection, Connections},
        cx::Cx,
        files,
        keeping::{self, SavedTab, TabPlace},
        query::{
            editor::{self, Editor, FileLink},
            file,
            page::{self, Ended, Pages},
            run,
        },
        shell::place::Area,
    },
};

use serde::{Deserialize, Serialize};

/// So many closed tabs can be reopened.
const CLOSED_LIMIT: usize = 20;

/// The tabs of the window. There is always one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tabs {
    /// The open ones, from the left.
    pub open: Vec<Tab>,
    /// Closed ones, the last one at the end.
    pub closed: Vec<SavedTab>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tab {
    pub id: TabId,
    pub page: Page,
}

/// What a tab holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Page {
    /// A text and what runs of it: one of the Model's [`Pages`].
    Query,
    /// Every setting.
    Settings,
}

impl Page {
    /// What of it has focus first.
    pub fn area(self) -> Area {
        match self {
            Self::Query => Area::Editor,
            Self::Settings => Area::Settings,
        }
    }
}

/// What the window reports of tabs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// A tab was clicked.
    Chosen { tab: TabId },
    /// A tab's close mark was clicked.
    CloseRequested { tab: TabId },
}

impl Tabs {
    /// One, with an empty query page.
    pub fn new(id: TabId) -> Self {
        Self { open: vec![Tab { id, page: Page::Query }], closed: vec![] }
    }

    /// What a tab holds.
    pub fn page(&self, id: TabId) -> Page {
        self.open.iter().find(|tab| tab.id == id).map_or(Page::Query, |tab| tab.page)
    }

    /// Where a tab stands, from the left.
    pub fn place(&self, id: TabId) -> Option<usize> {
        self.open.iter().position(|tab| tab.id == id)
    }
}

/// Takes in what the window reports of tabs.
pub fn update(model: &mut Model, msg: Msg) {
    match msg {
        Msg::Chosen { tab } => choose(model, tab),
        Msg::CloseRequested { tab } => close(model, tab),
    }
}

/// Opens an empty query tab beside the others, on the same connection.
pub fn open_new(model: &mut Model) {
    let connection = model.pages.active().and_then(|page| page.connection);
    open_on(model, connection)
}

fn open_on(model: &mut Model, connection: Option<ConnectionId>) {
    let id = TabId::next(&mut model.cx.ids);
    model.pages.add(id, connection);
    model.tabs.open.push(Tab { id, page: Page::Query });
    model.pages.active = id;
    model.focus(Area::Editor);
    keep(&model.tabs, &mut model.pages, &mut model.cx, id);
    save_layout(&model.tabs, &model.pages, &mut model.cx);
}

/// Puts a tab on screen.
pub fn choose(model: &mut Model, tab: TabId) {
    if model.tabs.place(tab).is_none() {
        return;
    }
    model.pages.active = tab;
    model.focus(Area::Editor);
    file::check(&mut model.pages, &mut model.cx);
    save_layout(&model.tabs, &model.pages, &mut model.cx);
}

/// Makes the active tab use a connection, and opens it where it is not open.
pub fn connect(model: &mut Model, id: ConnectionId) {
    make_room(model, id);
    let Model { pages, connections, history, defaults, dialog, cx, .. } = model;
    let active = pages.active;
    run::leave_connection(pages, history, cx, active, id);
    let open_already = connections.get(&id).is_some_and(Connection::is_open);
    if let Some(page) = pages.active_mut() {
        page.connection = Some(id);
        page.waits_for_sandbox = false;
        if open_already {
            page.ended = Some(Ended::Well);
        }
    }
    connection::open(connections, defaults, dialog::of_connection(dialog), cx, id);
    model.focus(Area::Editor);
}

/// Goes to the tab that shows the settings, or opens one.
pub fn open_settings(model: &mut Model) {
    let open = model.tabs.open.iter().find(|tab| tab.page == Page::Settings);
    if let Some(id) = open.map(|tab| tab.id) {
        return choose(model, id);
    }
    let id = TabId::next(&mut model.cx.ids);
    model.tabs.open.push(Tab { id, page: Page::Settings });
    choose(model, id);
}

/// What needs a text and a session gets a query tab, where another kind of page is on screen.
pub fn need_query(model: &mut Model) {
    if model.pages.active().is_none() {
        open_new(model);
    }
}

/// A page whose session would lose something stays as it is: the other connection gets a tab of its own.
fn make_room(model: &mut Model, id: ConnectionId) {
    need_query(model);
    let stays = model.pages.active().is_some_and(|page| {
        page.connection.is_some_and(|known| known != id) && !page.would_lose_session().is_empty()
    });
    if !stays {
        return;
    }
    model.cx.notify("The other tab keeps its session, because something is open in it.");
    open_new(model)
}

/// Goes to the next or the previous tab, around the ends.
pub fn step(model: &mut Model, forward: bool) {
    let count = model.tabs.open.len().max(1);
    let place = model.tabs.place(model.pages.active).unwrap_or(0);
    let next = if forward { (place + 1) % count } else { (place + count - 1) % count };
    if let Some(tab) = model.tabs.open.get(next).map(|tab| tab.id) {
        choose(model, tab);
    }
}

/// Closes a tab, asking first where something would be lost.
pub fn close(model: &mut Model, tab: TabId) {
    let Some(place) = model.tabs.place(tab) else {
        return;
    };
    let reasons = match model.tabs.open[place].page {
        Page::Query => model.pages.get(tab).map(page::Page::would_lose).unwrap_or_default(),
        Page::Settings => vec![],
    };
    if reasons.is_empty() {
        return close_now(model, tab);
    }
    if leaving::ask(model, leaving::Scope::Tab(tab), &reasons) {
        return;
    }
    let confirm = Confirm::CloseTab { tab, reasons };
    dialog::show(model, Dialog::Confirm(confirm))
}

/// Closes a tab: its session ends, its text can be reopened.
pub fn close_now(model: &mut Model, tab: TabId) {
    let Some(place) = model.tabs.place(tab) else {
        return;
    };
    let connection = match model.tabs.open[place].page {
        Page::Query => close_query(model, tab, place as u32),
        Page::Settings => None,
    };
    model.tabs.open.remove(place);
    if model.tabs.open.is_empty() {
        open_on(model, connection);
        return;
    }
    let last = model.tabs.open.len() - 1;
    if model.pages.active == tab
        && let Some(neighbour) = model.tabs.open.get(place.min(last)).map(|tab| tab.id)
    {
        model.pages.active = neighbour;
        if !model.welcome.shown {
            model.focus(Area::Editor);
        }
        file::check(&mut model.pages, &mut model.cx);
    }
    save_layout(&model.tabs, &model.pages, &mut model.cx);
}

/// Lets a query page go. Answers with the connection that it used.
fn close_query(model: &mut Model, tab: TabId, place: u32) -> Option<ConnectionId> {
    let Model { tabs, pages, history, cx, .. } = model;
    run::end(pages, history, cx, tab, "The tab was closed.");
    let mut closed = pages.remove(tab)?;
    run::drop_rows(closed.results.drop_all(), cx);
    let request = cx.request();
    cx.ask(keeping::Effect::CloseTab { request, tab, at_us: cx.now.unix_us });
    let connection = closed.connection;
    if !closed.editor.buffer.text().is_empty() {
        tabs.closed.push(saved(&closed, place, tab));
        let past = tabs.closed.len().saturating_sub(CLOSED_LIMIT);
        tabs.closed.drain(..past);
    }
    connection
}

/// Opens the tab that was closed last.
pub fn reopen(model: &mut Model) {
    let Model { tabs, pages, connections, cx, .. } = model;
    let Some(saved) = tabs.closed.pop() else {
        cx.notify("There is no closed tab to reopen.");
        return;
    };
    let place = (saved.place as usize).min(tabs.open.len());
    let id = restore_page(pages, connections, saved);
    tabs.open.insert(place, Tab { id, page: Page::Query });
    pages.active = id;
    model.focus(Area::Editor);
    let Model { tabs, pages, cx, .. } = model;
    keep(tabs, pages, cx, id);
    file::check(pages, cx);
    save_layout(tabs, pages, cx);
}

/// Brings back the tabs of the last time. What was done before they came is kept, in tabs of its own.
pub fn restore(model: &mut Model, saved: Vec<SavedTab>, closed: Vec<SavedTab>) {
    let Model { tabs, pages, connections, cx, .. } = model;
    tabs.closed = closed;
    tabs.closed.retain(|tab| !tab.text.is_empty());
    tabs.closed.reverse();
    if saved.is_empty() {
        return keep_all(tabs, pages, cx);
    }
    let active = pages.active;
    let early = std::mem::take(&mut tabs.open);
    let mut early_pages = std::mem::take(&mut pages.open);
    early_pages.retain(page::Page::is_used);
    pages.renumber();
    for saved in saved {
        if saved.active {
            pages.active = saved.id;
        }
        let id = restore_page(pages, connections, saved);
        tabs.open.push(Tab { id, page: Page::Query });
    }
    pages.open.extend(early_pages);
    let is_used = |tab: &Tab| tab.page != Page::Query || pages.get(tab.id).is_some();
    let used: Vec<Tab> = early.into_iter().filter(is_used).collect();
    for tab in &used {
        pages.number_anew(tab.id);
        if tab.id == active {
            pages.active = active;
        }
        tabs.open.push(*tab);
    }
    if tabs.place(pages.active).is_none()
        && let Some(first) = tabs.open.first()
    {
        pages.active = first.id;
    }
    for tab in &used {
        keep(tabs, pages, cx, tab.id);
    }
    if !used.is_empty() {
        save_layout(tabs, pages, cx);
    }
    file::check(pages, cx);
}

/// Makes a page of what was kept of it.
fn restore_page(pages: &mut Pages, connections: &Connections, saved: SavedTab) -> TabId {
    let SavedTab { id, title, path, form, unsaved, connection, text, revision, cursor, .. } = saved;
    // A connection that was made for another run of the program is not known in this one.
    let connection = connection.filter(|id| connections.contains_key(id));
    let page = pages.add(id, connection);
    page.title = title;
    page.editor = Editor::new(Buffer::restored(text, revision, cursor));
    page.editor.file = path.map(|path| FileLink { path, stamp: None, changed: false, form });
    if unsaved {
        page.editor.saved_revision = revision.wrapping_sub(1);
    }
    id
}

fn place(page: &page::Page, active: TabId) -> TabPlace {
    let file = page.editor.file.as_ref();
    TabPlace {
        id: page.id,
        active: page.id == active,
        title: page.title.clone(),
        path: file.map(|file| file.path.clone()),
        form: file.map(|file| file.form).unwrap_or_default(),
        unsaved: page.editor.is_unsaved(),
        connection: page.connection,
        cursor: page.editor.buffer.head(),
    }
}

fn saved(page: &page::Page, at: u32, active: TabId) -> SavedTab {
    let TabPlace { id, active, title, path, form, unsaved, connection, cursor } =
        place(page, active);
    let text = page.editor.buffer.text().clone();
    let revision = page.editor.buffer.revision();
    SavedTab {
        id,
        place: at,
        active,
        title,
        path,
        form,
        unsaved,
        connection,
        text,
        revision,
        cursor,
    }
}

/// Keeps every open tab whole.
pub fn keep_all(tabs: &Tabs, pages: &mut Pages, cx: &mut Cx) {
    let all: Vec<TabId> = pages.open.iter().map(|page| page.id).collect();
    for tab in all {
        keep(tabs, pages, cx, tab)
    }
}

/// Keeps the closed tabs as closed ones, the oldest first.
pub fn keep_closed(tabs: &Tabs, cx: &mut Cx) {
    let (now_us, count) = (cx.now.unix_us, tabs.closed.len() as i64);
    for (number, tab) in (0..).zip(tabs.closed.clone()) {
        let id = tab.id;
        let request = cx.request();
        let tab = Box::new(tab);
        cx.ask(keeping::Effect::SaveTab { request, tab });
        let request = cx.request();
        let at_us = now_us.saturating_sub(count - number);
        cx.ask(keeping::Effect::CloseTab { request, tab: id, at_us });
    }
}

/// Keeps the tabs in which something was typed since they were kept whole.
pub fn keep_written(tabs: &Tabs, pages: &mut Pages, cx: &mut Cx) {
    keep_journaled(tabs, pages, cx, 1)
}

/// Keeps the tabs whose journal may have a gap, because a write failed.
pub fn keep_doubtful(tabs: &Tabs, pages: &mut Pages, cx: &mut Cx) {
    keep_journaled(tabs, pages, cx, editor::JOURNAL_LIMIT)
}

fn keep_journaled(tabs: &Tabs, pages: &mut Pages, cx: &mut Cx, at_least: u32) {
    let written: Vec<TabId> = pages
        .open
        .iter()
        .filter(|page| page.editor.journaled >= at_least)
        .map(|page| page.id)
        .collect();
    for tab in written {
        keep(tabs, pages, cx, tab)
    }
}

/// Keeps a query tab whole.
pub fn keep(tabs: &Tabs, pages: &mut Pages, cx: &mut Cx, tab: TabId) {
    let request = cx.request();
    let active = pages.active;
    let place = tabs.place(tab).unwrap_or(0);
    let Some(page) = pages.get_mut(tab) else {
        return;
    };
    page.editor.journaled = 0;
    let tab = Box::new(saved(page, place as u32, active));
    cx.ask(keeping::Effect::SaveTab { request, tab });
}

/// Keeps places, titles and cursors. A page without a text is not kept.
pub fn save_layout(tabs: &Tabs, pages: &Pages, cx: &mut Cx) {
    let request = cx.request();
    let queries = tabs.open.iter().filter_map(|tab| pages.get(tab.id));
    let tabs = queries.map(|page| place(page, pages.active)).collect();
    cx.ask(keeping::Effect::SaveLayout { request, tabs });
}

/// Shows a file that was read: in the tab that has it, in the one that is empty, or in a new one.
pub fn show_file(model: &mut Model, path: String, read: files::Read) {
    let has_it =
        |page: &&page::Page| page.editor.file.as_ref().is_some_and(|file| file.path == path);
    if let Some(open) = model.pages.open.iter().find(has_it).map(|page| page.id) {
        return choose(model, open);
    }
    let is_empty =
        |page: &page::Page| page.editor.buffer.text().is_empty() && page.editor.file.is_none();
    if !model.pages.active().is_some_and(is_empty) {
        open_new(model);
    }
    model.focus(Area::Editor);
    let active = model.pages.active;
    editor::load(&mut model.pages, &mut model.cx, active, path, read);
}

#[cfg(test)]
mod tests;
