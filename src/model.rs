//! The Model: everything that a decision or a test needs, in one place. Only `update` writes it.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use serde::Serialize;

use crate::{
    base::{
        ids::{ConnectionId, Request, TabId},
        stamp::Stamp,
    },
    conninfo::Defaults,
    update::{
        connection::{Connections, sandbox::Sandbox},
        cx::Cx,
        files::prompt::Pendings,
        jobs::Jobs,
        keeping::{Writes, storage::Storage},
        query::{find::Find, history::History, page::Pages},
        schema::{Schema, Schemas},
        settings::{self, file::SettingsFile},
        shell::{
            dialog::{self, Dialog},
            keymap::Keymap,
            leaving::Leaving,
            place::Area,
            sidebar::{self, Sidebar},
            sight::Sights,
            tabs::{self, Tabs},
            welcome::{self, Welcome},
        },
    },
};

/// The whole state of the program.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Model {
    /// What every room may use.
    #[serde(flatten)]
    pub cx: Cx,
    /// The program's version.
    pub version: String,
    /// Where the program keeps its data.
    pub data_dir: String,
    /// Where the user's own settings and keys are.
    pub config_dir: String,
    /// Whether what is done is kept.
    pub storage: Storage,
    /// Starting, ready, quitting.
    pub phase: Phase,
    /// Whether the messages are being recorded.
    pub recording: bool,
    /// Whether the system's appearance is dark.
    pub dark_system: bool,
    /// The page that lists the settings, whether a tab shows it or not.
    pub settings_page: settings::Page,
    /// The file of the user's own settings.
    pub settings_file: SettingsFile,
    /// Which key means which command.
    pub keymap: Keymap,
    /// What the environment says where a configuration says nothing.
    pub defaults: Defaults,
    /// The connections that Tusk knows.
    pub connections: Connections,
    /// What is in the databases of the open ones.
    pub schemas: Schemas,
    /// The private server.
    pub sandbox: Sandbox,
    pub tabs: Tabs,
    /// The query pages that the tabs hold.
    pub pages: Pages,
    pub history: History,
    /// The search for what there is to import.
    pub importing: Option<Request>,
    /// The welcome screen.
    pub welcome: Welcome,
    pub sidebar: Sidebar,
    /// What is left when it has committed.
    pub leaving: Option<Leaving>,
    /// What lies over the window.
    pub dialog: Option<Dialog>,
    /// The search in the editor.
    pub find: Find,
    /// The area of the window that has focus, below any dialog.
    pub area: Area,
    /// Rows of the grid that fit on screen.
    pub visible_rows: u32,
    /// Where the lists are scrolled to.
    pub sights: Sights,
    /// Whether the details of an error are unfolded.
    pub error_details: bool,
    /// Writes of the store that are under way.
    pub writes: Writes,
    /// File effects that are under way.
    pub files: Pendings,
    /// Long work that outlives a page.
    pub jobs: Jobs,
}

/// How far the program's life is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Phase {
    /// The first message has not come.
    Blank,
    /// What was kept is being read.
    Loading { request: Request },
    /// It is up.
    Ready,
    /// It ends.
    Quitting,
}

impl Default for Model {
    fn default() -> Self {
        Self::new(0, false, Stamp::default())
    }
}

impl Model {
    /// A Model before anything was read.
    pub fn new(seed: u64, macos: bool, now: Stamp) -> Self {
        let mut cx = Cx::new(seed, now);
        let first = TabId::next(&mut cx.ids);
        Self {
            cx,
            version: String::new(),
            data_dir: String::new(),
            config_dir: String::new(),
            storage: Storage::default(),
            phase: Phase::Blank,
            recording: false,
            dark_system: true,
            settings_page: settings::Page::default(),
            settings_file: SettingsFile::default(),
            keymap: Keymap::shipped(macos),
            defaults: Defaults::default(),
            connections: Connections::new(),
            schemas: Schemas::new(),
            sandbox: Sandbox::default(),
            tabs: Tabs::new(first),
            pages: Pages::new(first),
            history: History::default(),
            importing: None,
            welcome: Welcome::default(),
            sidebar: Sidebar::default(),
            leaving: None,
            dialog: None,
            find: Find::default(),
            area: Area::Editor,
            visible_rows: 18,
            sights: Sights::default(),
            error_details: false,
            writes: Writes::new(),
            files: Pendings::new(),
            jobs: Jobs::default(),
        }
    }

    /// Gives an area focus. The welcome screen lies over everything else: it goes when anything else is wanted. What
    /// is not on screen gets no focus; the page has it then.
    pub fn focus(&mut self, area: Area) {
        let page = self.tabs.page(self.pages.active);
        let on_screen = match area {
            Area::Sidebar => self.cx.settings.sidebar_width > 0,
            Area::Find => page == tabs::Page::Query && self.find.open,
            Area::Editor | Area::Results => page == tabs::Page::Query,
            Area::Settings => page == tabs::Page::Settings,
            Area::Welcome => true,
        };
        self.area = if on_screen { area } else { page.area() };
        self.welcome.shown = self.area == Area::Welcome;
    }

    /// What was shown may be hidden now: focus does not stay on it.
    pub fn focus_what_is_shown(&mut self) {
        self.focus(self.area);
    }

    /// Whether the colours are dark now.
    pub fn is_dark(&self) -> bool {
        use crate::settings::Theme;
        match self.cx.settings.theme {
            Theme::System => self.dark_system,
            Theme::Light => false,
            Theme::Dark => true,
        }
    }

    /// The connection that a command on connections means: the chosen row, or the active tab's.
    pub fn chosen_connection(&self) -> Option<ConnectionId> {
        let chosen = match self.area {
            Area::Welcome => welcome::chosen(self),
            Area::Sidebar => sidebar::chosen(self),
            Area::Editor | Area::Find | Area::Results | Area::Settings => None,
        };
        chosen.or_else(|| self.pages.active()?.connection)
    }

    /// Whether something is under way that a story waits for: a load, a connect, a run, a write, a file, a search. Timers, pools,
    /// probes and paused results don't count.
    pub fn is_busy(&self) -> bool {
        matches!(self.phase, Phase::Blank | Phase::Loading { .. })
            || self.schemas.values().any(Schema::is_loading)
            || matches!(self.sandbox, Sandbox::Starting { .. })
            || self.connections.values().any(|known| known.is_on_its_way())
            || self.pages.open.iter().any(|tab| {
                (tab.is_busy() && !self.waits_for_password(tab.connection))
                    || tab.results.copying.is_some()
                    || tab.results.summing.is_some()
            })
            || self.importing.is_some()
            || self.history.searching.is_some()
            || !self.files.is_empty()
            || self.jobs.running().is_some()
            || !self.writes.is_empty()
            || self.settings_file.is_busy()
            || self.dialog.as_ref().is_some_and(Dialog::is_busy)
    }

    /// A run that waits for a password, or for trust in a server, waits for the user, not for the program.
    fn waits_for_password(&self, connection: Option<ConnectionId>) -> bool {
        let asks = |id| {
            let dialog = dialog::of_connection(&self.dialog);
            dialog.is_some_and(|dialog| dialog.asks_password(id) || dialog.asks_trust(id))
        };
        connection.is_some_and(asks)
    }
}
