//! What the window says: every text, format, mark and tone on it, as plain data without a pixel.
//!
//! [`screen`] looks at the Model and answers with a [`Screen`]. The window paints it and `dump screen`
//! prints it ([`Screen::to_text`]), so that a story about the screen is a story about the window. It is
//! made for every frame: nothing in it costs more for a larger result or a longer text. Cells, messages
//! and the lines of a value are asked for one by one, and only where they are on screen.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod card;
mod dialogs;
mod editor;
mod grid;
mod results;
pub mod settings;
mod sidebar;
mod status;
mod text;
mod title;
mod welcome;
mod widths;
pub(crate) mod words;

#[cfg(test)]
mod tests;

use std::{ops::Range, sync::Arc};

pub use self::results::message_row;
use crate::{
    base::{
        ids::{ConnectionId, QueryId, TabId},
        stamp::Stamp,
    },
    conninfo::Colour,
    model::Model,
    rows,
    update::{
        connection::form::Section,
        files::prompt::Purpose,
        query::find,
        results::Shown,
        shell::{command::Command, place::Place, tabs},
    },
};

pub use settings::SettingsPage;

/// Everything on screen.
#[derive(Clone, Debug, PartialEq)]
pub struct Screen {
    /// The window's title: `revenue by month — shop — Tusk`.
    pub title: String,
    /// The colour of the line along the top edge: that of the connection; none without one.
    pub colour: Option<Colour>,
    /// Where focus is.
    pub place: Place,
    /// The bar at the top.
    pub title_bar: TitleBar,
    /// What fills the window between the bars.
    pub main: Main,
    /// The bar at the bottom.
    pub status_bar: StatusBar,
    /// What lies over the window.
    pub dialog: Option<Dialog>,
    /// Short words to the user, the oldest first.
    pub notices: Vec<Notice>,
}

/// What is on screen now. `now` only moves clocks and lets notices pass: everything else is in the Model.
pub fn screen(model: &Model, now: Stamp) -> Screen {
    let current = title::current(model).filter(|_| !model.welcome.shown);
    Screen {
        title: title::window(model),
        colour: current.map(|(_, known)| known.config.colour),
        place: Place::of(model),
        title_bar: title::bar(model),
        main: main(model, now),
        status_bar: status::bar(model, now),
        dialog: dialogs::dialog(model, now),
        notices: model
            .cx
            .notices
            .shown(now)
            .map(|notice| Notice { at: notice.at, text: notice.text.clone() })
            .collect(),
    }
}

fn main(model: &Model, now: Stamp) -> Main {
    if model.welcome.shown {
        return Main::Welcome(welcome::welcome(model, now));
    }
    let sidebar = sidebar::sidebar(model, now);
    let tabs = title::tabs(model);
    let new_tab = words::action(model, words::GLOBAL, Command::TabNew);
    match (model.tabs.page(model.pages.active), model.pages.active()) {
        (tabs::Page::Query, Some(page)) => Main::Work(Box::new(Work {
            sidebar,
            tabs,
            new_tab,
            editor: editor::editor(model, page),
            results_bar: results::bar(model, page, now),
            body: results::body(model, page, now),
        })),
        // There is always a tab, and a query tab has a page.
        (tabs::Page::Query, None) => Main::Welcome(welcome::welcome(model, now)),
        (tabs::Page::Settings, _) => Main::Page(Box::new(Paged {
            sidebar,
            tabs,
            new_tab,
            page: Page::Settings(settings::page(model)),
        })),
    }
}

/// How a text is meant; the theme knows what it looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// As text is.
    #[default]
    Plain,
    /// The word that counts.
    Strong,
    /// Beside the point.
    Muted,
    /// Hardly there: hints, NULL.
    Faint,
    /// Under way, or where the eye shall go.
    Accent,
    /// It went well.
    Ok,
    /// Take care.
    Warning,
    /// It went wrong.
    Error,
}

/// A piece of text in one tone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
}

/// Something to do: a button, a menu item or a hint, with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// The command that it means.
    pub command: Command,
    /// What a person reads.
    pub label: String,
    /// Its key as on a key box: `Ctrl Shift P`; none where the keymap has none that works here.
    pub key: Option<String>,
}

/// A connection's dot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dot {
    pub colour: Colour,
    /// Whether it is filled: the connection is open.
    pub filled: bool,
}

/// The bar at the top. At its left end is the mark of the menu, which opens the palette.
#[derive(Clone, Debug, PartialEq)]
pub struct TitleBar {
    /// The menu's mark.
    pub menu: Action,
    /// The tab's connection; none without one, and on the welcome screen.
    pub connection: Option<ConnectionChip>,
    /// Whether it may write: shown for read-only and for production.
    pub mode: Option<ModeChip>,
    /// Says that the messages are being recorded.
    pub recording: Option<Span>,
    /// At the right end.
    pub actions: Vec<Action>,
}

/// The connection in the title bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionChip {
    pub id: ConnectionId,
    pub dot: Dot,
    /// Its name, or its address where it has none.
    pub name: String,
    /// `app@localhost:5432/shop`; empty where the name says it already.
    pub address: String,
    /// `TLS 1.3 verified`, or how far the connection is: `opening…`, `not connected`, `failed`.
    pub security: Span,
    /// Whether it is framed: production.
    pub framed: bool,
}

/// Whether the connection may write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeChip {
    /// `read-only` or `read-write`.
    pub label: Span,
    /// `autocommit`, `in a transaction`, …
    pub detail: String,
}

/// What is between the bars.
#[derive(Clone, Debug, PartialEq)]
pub enum Main {
    /// The welcome screen.
    Welcome(Welcome),
    /// Sidebar, tabs, editor and results.
    Work(Box<Work>),
    /// Sidebar, tabs and a page of another kind.
    Page(Box<Paged>),
}

impl Main {
    /// The sidebar, where it is shown.
    pub fn sidebar(&self) -> Option<&Sidebar> {
        match self {
            Self::Welcome(_) => None,
            Self::Work(work) => work.sidebar.as_ref(),
            Self::Page(paged) => paged.sidebar.as_ref(),
        }
    }

    /// The tabs, and the `+` behind them; none on the welcome screen.
    pub fn tabs(&self) -> Option<(&[Tab], &Action)> {
        match self {
            Self::Welcome(_) => None,
            Self::Work(work) => Some((&work.tabs, &work.new_tab)),
            Self::Page(paged) => Some((&paged.tabs, &paged.new_tab)),
        }
    }

    /// What is worked on, where a query is.
    pub fn work(&self) -> Option<&Work> {
        match self {
            Self::Work(work) => Some(work),
            Self::Welcome(_) | Self::Page(_) => None,
        }
    }
}

/// A page that has no text and no results, under the tabs.
#[derive(Clone, Debug, PartialEq)]
pub struct Paged {
    /// The sidebar; none while it is hidden.
    pub sidebar: Option<Sidebar>,
    /// The tabs from the left.
    pub tabs: Vec<Tab>,
    /// The `+` behind the tabs.
    pub new_tab: Action,
    pub page: Page,
}

/// A page that is no query.
#[derive(Clone, Debug, PartialEq)]
pub enum Page {
    Settings(SettingsPage),
}

/// The place to work in.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// The sidebar; none while it is hidden.
    pub sidebar: Option<Sidebar>,
    /// The tabs from the left.
    pub tabs: Vec<Tab>,
    /// The `+` behind the tabs.
    pub new_tab: Action,
    /// The active tab's editor.
    pub editor: Editor,
    /// The bar over the results.
    pub results_bar: ResultsBar,
    /// What is under that bar.
    pub body: Body,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tab {
    pub id: TabId,
    /// What it is called.
    pub label: String,
    /// Whether it is the one on screen.
    pub active: bool,
    /// Whether its file lacks edits.
    pub unsaved: bool,
    /// Whether another program changed its file.
    pub changed_on_disk: bool,
    /// What is going on in it.
    pub mark: TabMark,
}

/// What is going on in a tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TabMark {
    /// Nothing.
    None,
    /// A statement runs, or waits for its connection.
    Running,
    /// A result is paused.
    Paused,
    /// It is idle in an open transaction.
    InTransaction,
    /// Its session was lost with what it held.
    Lost,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Sidebar {
    /// Its width in logical pixels at 100 %.
    pub width: u32,
    /// Its rows, headings included.
    pub rows: Vec<SidebarRow>,
    /// The rows that are in sight as a whole.
    pub in_sight: Range<usize>,
    /// The run that is chosen, while the sidebar has focus.
    pub preview: Option<Preview>,
}

/// A run, whole, beside the list that it is chosen in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// Its text, as far as there is room, in the rows that there is room for.
    pub text: String,
    /// Says how many lines are not shown.
    pub more: Option<String>,
    /// What puts it into the editor.
    pub action: Action,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SidebarRow {
    /// Its place for `sidebar::Msg::RowClicked`; none for a heading.
    pub index: Option<usize>,
    /// What it is.
    pub kind: SidebarRowKind,
    /// The connection's name, or the first line of the run's SQL.
    pub label: String,
    /// At the right: `TLS 1.3`, `opening…`; `2 min ago`.
    pub detail: Span,
    /// Whether it is chosen.
    pub selected: bool,
}

/// What a row of the sidebar is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SidebarRowKind {
    /// A heading over rows.
    Heading,
    /// Words where rows would be: `No runs yet`.
    Empty,
    Connection {
        dot: Dot,
        /// Whether it is on its way.
        opening: bool,
        /// Whether the active tab uses it.
        current: bool,
    },
    /// A run of the history.
    Run {
        /// How it ended: `SELECT 14 · 38 ms`, `42P01`, `running`.
        outcome: Span,
    },
}

/// The editor, but for its text.
#[derive(Clone, Debug, PartialEq)]
pub struct Editor {
    pub tab: TabId,
    /// The statement that would run, in bytes of the text; none where a selection would.
    pub statement: Option<Range<usize>>,
    /// Its lines, from 0: those with the bar in the gutter.
    pub statement_lines: Option<Range<usize>>,
    /// The place of the last error.
    pub mark: Option<Mark>,
    /// The line, from 0, that the cursor is on.
    pub cursor_line: usize,
    /// The lines, from 0, that are in sight as a whole.
    pub in_sight: Range<usize>,
    /// At the upper right: what the key would do now.
    pub hint: Action,
    /// What is shown in an empty editor.
    pub placeholder: String,
    /// The search over it.
    pub find: Option<FindBar>,
    /// Its share of the height, in percent.
    pub percent: u32,
}

/// The search over the editor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindBar {
    /// What is searched for.
    pub query: Field,
    /// What is put in its place; none where nothing is replaced.
    pub replacement: Option<Field>,
    /// The field that has focus, if one of them has.
    pub focused: Option<find::Field>,
    /// `3 of 17`, `no match`.
    pub count: Span,
    /// The places that are marked, in bytes of the text.
    pub marks: Vec<Range<usize>>,
    /// Which of them is the one that is chosen.
    pub chosen: Option<usize>,
    /// What to do next, by key.
    pub actions: Vec<Action>,
}

/// The place of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Where it is, in bytes of the text.
    pub range: Range<usize>,
    /// Its line, from 0.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

/// The bar over the results.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultsBar {
    /// One for each result, those around the one on screen where they are many.
    pub tabs: Vec<ResultTab>,
    /// So many results are before the first tab.
    pub hidden_before: usize,
    /// So many results are behind the last tab.
    pub hidden_after: usize,
    /// What lists them all.
    pub list: Action,
    /// The Messages pane's tab.
    pub messages: MessagesTab,
    /// At the right: `535,000 rows/s · 61 MB · window 100,000 passed, fetching all`.
    pub note: Option<Span>,
    /// At the right end.
    pub actions: Vec<Action>,
}

/// A result's tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultTab {
    /// What `results::Msg::ResultChosen` takes.
    pub shown: Shown,
    /// Its number, from 1.
    pub number: usize,
    /// How it stands.
    pub mark: ResultMark,
    /// `SELECT 14`, `1,284,096 rows`, `failed`.
    pub label: Span,
    /// `38 ms`, `paused`.
    pub detail: String,
    /// Whether it is on screen.
    pub active: bool,
    /// Whether it is of the run before, kept until the new one has something to show.
    pub stale: bool,
}

/// How a result stands, as a small sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultMark {
    /// It completed: no sign.
    None,
    /// Under way: the spinner.
    Running,
    Paused,
    /// Failed, cancelled or lost: a cross.
    Failed,
}

/// The tab of the Messages pane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessagesTab {
    /// `Messages`
    pub label: String,
    /// Messages that were not looked at yet.
    pub unseen: u64,
    /// Whether it is on screen.
    pub active: bool,
    pub key: Option<String>,
}

/// What the results area shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// No rows: what goes on, and what to do.
    Empty(Empty),
    /// Rows.
    Grid(Grid),
    /// Something went wrong.
    Card(Card),
    /// The Messages pane.
    Messages(Messages),
}

/// A place without rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Empty {
    /// What it is about: `Connected to shop`, `CREATE TABLE`.
    pub title: Span,
    /// Whether something is under way: the spinner.
    pub spinner: bool,
    /// How long it has been: `00:02.4`, or how long it took: `12 ms`.
    pub clock: Option<String>,
    /// Sentences.
    pub lines: Vec<String>,
    /// What to do.
    pub actions: Vec<Action>,
}

/// A grid over rows. Its columns and its cells are asked for one by one ([`Grid::column`], [`Grid::cell`]).
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// The query whose rows these are.
    pub query: QueryId,
    /// The columns and the rows so far.
    pub rows: rows::Rows,
    /// The widths of the columns, in logical pixels at 100 %.
    pub widths: Arc<[u32]>,
    /// The first row on screen, from 0.
    pub first_row: u64,
    /// How far the columns are scrolled to the right, in logical pixels at 100 %.
    pub left: u64,
    /// It rises when the active cell must be brought into view.
    pub reveal: u64,
    /// The active cell; none without rows.
    pub active: Option<rows::Position>,
    /// The selected cells, the active one included.
    pub range: rows::Range,
    /// Whether these are the rows of the run before.
    pub stale: bool,
    /// What is said where rows would be: `No rows`.
    pub empty: Option<String>,
    /// What a person has to know of these rows.
    pub note: Option<Span>,
    /// What went wrong after them: a strip over the grid.
    pub strip: Option<Card>,
}

/// How a column is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GridColumn<'column> {
    pub title: &'column str,
    /// Its type, in small under the name.
    pub type_name: &'column str,
    /// Whether its values are aligned right.
    pub right_aligned: bool,
    /// Its width in logical pixels at 100 %.
    pub width: u32,
}

/// How a cell is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GridCell<'chunk> {
    /// Its text, one line; `NULL` for NULL.
    pub text: std::borrow::Cow<'chunk, str>,
    /// Whether it is NULL: faint and italic.
    pub null: bool,
    /// Whether the value goes on behind the text, which then ends in `…`.
    pub cut: bool,
}

/// What went wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    pub kind: CardKind,
    /// What happened, in words.
    pub title: String,
    /// In muted type: `ERROR 42703 · line 1, column 12`.
    pub code: String,
    /// What the server said besides: detail, hint, context.
    pub parts: Vec<CardPart>,
    /// What to do next, in words.
    pub next_step: Option<String>,
    /// What to do next, by key.
    pub actions: Vec<Action>,
}

/// What kind of card it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardKind {
    /// The server refused or stopped the statement.
    Failed,
    /// The server cancelled it, as asked.
    Cancelled,
    /// The session broke.
    Lost,
    /// The connection could not be opened.
    NotConnected,
}

/// One of the things that the server said besides its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardPart {
    /// `Detail`, `Hint`, `Context`, …
    pub label: String,
    /// The text; it may have several lines.
    pub text: String,
}

/// The Messages pane. Its rows are asked for one by one ([`message_row`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Messages {
    /// How many there are.
    pub count: usize,
    /// How many came: a line that is counted up is another one.
    pub came: u64,
    /// Says how many are gone.
    pub note: Option<String>,
    /// What is said where there are none.
    pub empty: Option<String>,
}

/// A message as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRow {
    /// When: `2 min ago`.
    pub when: String,
    /// What it is: `Notice`, `Error`.
    pub kind: Span,
    /// Its text; it may have several lines.
    pub text: String,
}

/// The bar at the bottom.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusBar {
    /// The connection's dot, at the very left.
    pub dot: Option<Dot>,
    /// From the left.
    pub left: Vec<Segment>,
    pub right: Vec<Segment>,
}

/// A part of the status bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// What it is about, for tests and for accessibility.
    pub name: SegmentName,
    /// Whether the spinner is before it.
    pub spinner: bool,
    pub spans: Vec<Span>,
}

/// What a part of the status bar is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentName {
    /// The connection: `shop · app@localhost/shop`, `not connected`.
    Connection,
    /// The transaction: `transaction active 04:12`.
    Transaction,
    /// The pool: `pool 2/10 · 1 idle`.
    Pool,
    /// How the last run stands: `running 00:02.4`, `done`.
    State,
    /// Its time and rows: `42 ms · 14 rows`.
    Rows,
    /// A file that is run: `dump.sql 34% of 2 MB · 120 statements 00:02.4`.
    Job,
    /// What is done is not on disk: `● not on disk yet`, `● in memory only`.
    Storage,
    /// A recording is written.
    Recording,
    /// What the selected cells add up to.
    Summary,
    /// `Ln 8, Col 24`
    Cursor,
    /// `Tusk 0.1.0`
    Version,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// When it was given: it is shown for `notices::SHOWN_MS` from then.
    pub at: Stamp,
    /// What it says.
    pub text: String,
}

/// The welcome screen.
#[derive(Clone, Debug, PartialEq)]
pub struct Welcome {
    /// `tusk`
    pub title: String,
    /// The line under it.
    pub tagline: String,
    /// The field for a URL.
    pub field: WelcomeField,
    /// The groups of rows.
    pub groups: Vec<WelcomeGroup>,
    /// The line under the groups.
    pub footer: Vec<Action>,
}

/// The field of the welcome screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WelcomeField {
    /// What was typed, with a password masked. (The widget shows the typed text itself.)
    pub masked: String,
    /// What is shown while it is empty.
    pub placeholder: String,
    /// Whether it has focus.
    pub focused: bool,
    /// Under the field: what the text means, or what is wrong with it.
    pub preview: Option<Span>,
    /// The key that goes to it, or that connects.
    pub action: Action,
}

/// A group of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WelcomeGroup {
    /// `Saved`, `On this machine`
    pub title: String,
    pub rows: Vec<WelcomeRow>,
}

/// A row of the welcome screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WelcomeRow {
    /// Its place for `welcome::Msg::RowClicked`.
    pub index: usize,
    /// A saved connection's dot; none for a server that was found.
    pub dot: Option<Dot>,
    pub name: String,
    /// What it is: `app@localhost:5432/shop · read-only`.
    pub detail: Span,
    /// At the right: `yesterday`.
    pub when: String,
    pub key: Option<String>,
    /// Whether it is chosen.
    pub selected: bool,
    /// Whether it is on its way: the spinner.
    pub spinner: bool,
    /// How far it is, in percent, where that is known.
    pub percent: Option<u32>,
}

/// What lies over the window.
#[derive(Clone, Debug, PartialEq)]
pub enum Dialog {
    /// The palette, the search over the history, or the list of results.
    Picker(Picker),
    /// A connection's configuration.
    Connection(Box<ConnectionForm>),
    /// The server wants a password.
    Password(PasswordPrompt),
    /// An SSH server shows a key that is not known.
    HostKey(HostKeyPrompt),
    /// Something would be lost.
    Confirm(Confirm),
    /// A value, whole.
    Inspect(Inspect),
    /// A file to open or to save to.
    Path(PathPrompt),
    GoToLine(GoToLine),
    /// The data directory can't be used.
    DataDirectory(DataDirectory),
    Choices(Choices),
}

impl Dialog {
    /// Its buttons.
    pub fn actions(&self) -> &[Action] {
        match self {
            Dialog::Picker(_) => &[],
            Dialog::Connection(of) => &of.actions,
            Dialog::Password(of) => &of.actions,
            Dialog::HostKey(of) => &of.actions,
            Dialog::Confirm(of) => &of.actions,
            Dialog::Inspect(of) => &of.actions,
            Dialog::Path(of) => &of.actions,
            Dialog::GoToLine(of) => &of.actions,
            Dialog::DataDirectory(of) => &of.actions,
            Dialog::Choices(of) => &of.actions,
        }
    }

    /// The rows of a list that is chosen from, by what they begin with.
    pub fn rows(&self) -> Vec<&str> {
        match self {
            Dialog::Choices(of) => of.rows.iter().map(|(name, _)| name.as_str()).collect(),
            _ => vec![],
        }
    }
}

/// A text field of a dialog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    pub text: String,
    /// Where the selection began, in bytes.
    pub anchor: usize,
    /// Where the cursor is, in bytes.
    pub head: usize,
    /// It rises when the text changes: a widget takes the text over where this is newer than its own.
    pub revision: u64,
    /// What is shown while it is empty.
    pub placeholder: String,
}

/// A field over a list: the palette or the history.
#[derive(Clone, Debug, PartialEq)]
pub struct Picker {
    /// What it is.
    pub kind: PickerKind,
    pub field: Field,
    /// The rows, the best first.
    pub rows: Vec<PickerRow>,
    /// The rows that are in sight.
    pub in_sight: Range<usize>,
    /// The row that is chosen.
    pub selected: usize,
    /// What is said where there are no rows, or what went wrong.
    pub note: Option<Span>,
    /// The run that is chosen.
    pub preview: Option<Preview>,
}

/// What a picker picks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PickerKind {
    /// Commands.
    Palette,
    /// Runs.
    History,
    Results,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PickerRow {
    /// In front, muted: the command's group, or when the run was.
    pub group: String,
    /// The command's title, or the first line of the run's SQL.
    pub title: String,
    /// Which characters of the title matched, counted from 0, in order.
    pub matched: Vec<u32>,
    /// Behind, muted: where the run was and how it ended.
    pub detail: Span,
    /// The command's key.
    pub key: Option<String>,
}

/// The connection dialog.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionForm {
    /// `New connection`, `Edit connection`
    pub title: String,
    /// The fields that matter, section by section, in the order of their numbers.
    pub fields: Vec<FormField>,
    /// How the last test stands.
    pub test: Option<FormTest>,
    /// The buttons.
    pub actions: Vec<Action>,
}

/// How a test of a configuration stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormTest {
    /// Whether it is under way.
    pub spinner: bool,
    /// `It works: PostgreSQL 15.18, …`, `Connecting 00:01.2`, or what went wrong.
    pub line: Span,
    /// What to do next.
    pub next_step: Option<String>,
}

/// A field of the connection dialog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormField {
    /// Its number for `dialog::Msg`.
    pub index: usize,
    /// The part of the dialog that it stands in.
    pub section: Section,
    /// What it is.
    pub label: String,
    /// What is in it.
    pub value: FormValue,
    /// Whether it has focus.
    pub focused: bool,
    /// What is wrong with it.
    pub problem: Option<String>,
}

/// What is in a field of the connection dialog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormValue {
    Text(Field),
    /// A password, of which nothing is told but whether it is there.
    Secret {
        /// Whether something was typed.
        filled: bool,
        /// What is shown while nothing was.
        placeholder: String,
    },
    /// One of few.
    Choice {
        choices: Vec<String>,
        chosen: usize,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordPrompt {
    /// `Password for app`
    pub title: String,
    /// Where it goes: `shop · app@localhost:5432/shop`.
    pub address: String,
    /// Why the last one was not taken.
    pub problem: Option<String>,
    /// Whether something was typed.
    pub filled: bool,
    /// Whether the keychain shall have it; none where it can't.
    pub store: Option<StoreChoice>,
    /// The buttons.
    pub actions: Vec<Action>,
}

/// Whether the keychain shall have a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreChoice {
    /// `Store it in the keychain`
    pub action: Action,
    /// Whether it shall.
    pub on: bool,
}

/// The question whether an SSH server's key is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostKeyPrompt {
    /// `Trust the SSH server bastion.example?`
    pub title: String,
    /// What is known of the server, and what to do before saying yes.
    pub reasons: Vec<String>,
    /// `ssh-ed25519`
    pub algorithm: String,
    /// As `ssh-keygen -l` prints it.
    pub fingerprint: String,
    /// Why the key could not be kept.
    pub problem: Option<String>,
    /// The buttons, the one that trusts nobody first.
    pub actions: Vec<Action>,
}

/// A question before something is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Confirm {
    /// The question.
    pub title: String,
    /// What would be lost, or what follows.
    pub reasons: Vec<String>,
    /// The buttons, the one that does it first.
    pub actions: Vec<Action>,
    /// Whether doing it loses something.
    pub tone: Tone,
}

/// A value, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspect {
    /// The column's name.
    pub title: String,
    /// `jsonb · row 3 · 1.2 kB`
    pub detail: String,
    pub null: bool,
    /// The lines from the first one on screen, as far as a screen may need them.
    pub text: String,
    /// The first line on screen, from 0.
    pub first_line: usize,
    /// How many lines there are.
    pub line_count: usize,
    /// Says that the value is shown cut.
    pub note: Option<String>,
    /// The buttons.
    pub actions: Vec<Action>,
}

/// A file to open or to save to.
#[derive(Clone, Debug, PartialEq)]
pub struct PathPrompt {
    /// What it is for.
    pub purpose: Purpose,
    /// `Open file`, `Save as`
    pub title: String,
    /// The path.
    pub field: Field,
    /// The entries that go on from what was typed; of many, those around the chosen one.
    pub entries: Vec<PathEntry>,
    /// The place of the first of them, for `dialog::Msg::RowClicked`.
    pub first: usize,
    /// Whether there are more behind them.
    pub more: bool,
    /// The listed entries that are in sight.
    pub in_sight: Range<usize>,
    /// The place of the entry that is chosen, counted as `first` is; none while the field itself is meant.
    pub selected: Option<usize>,
    /// Whether the directory is being read.
    pub listing: bool,
    /// Why the directory could not be listed, or the file not used.
    pub problem: Option<String>,
    /// The buttons.
    pub actions: Vec<Action>,
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathEntry {
    /// Its name; a directory's ends in `/`.
    pub name: String,
    pub directory: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoToLine {
    /// `Go to line`
    pub title: String,
    /// The number.
    pub field: Field,
    /// The buttons.
    pub actions: Vec<Action>,
}

/// The data directory can't be used, and another one is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDirectory {
    /// `Tusk can't keep its data in …`
    pub title: String,
    /// Why, and what can be done.
    pub reasons: Vec<String>,
    /// The directory that is typed.
    pub field: Field,
    /// Why the last one was not taken, or that it is being tried.
    pub problem: Option<String>,
    /// The buttons.
    pub actions: Vec<Action>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices {
    /// What is to choose.
    pub title: String,
    /// What it is, and how it stands.
    pub rows: Vec<(String, String)>,
    /// The row that is chosen.
    pub selected: usize,
    /// The buttons.
    pub actions: Vec<Action>,
}
