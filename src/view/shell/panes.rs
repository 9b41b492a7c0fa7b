//! The regions of the window. Each is an entity of its own, drawn anew only where its part of the Screen is another one
//! than before: a clock that goes on in the status bar draws the status bar.

use std::rc::Rc;

use gpui::{
    AnyElement, App, AppContext, Context, Empty, Entity, IntoElement, ParentElement, Refineable,
    Render, StyleRefinement, Styled, WeakEntity, Window, div,
};

use super::window::TuskWindow;
use crate::{
    base::stamp::Stamp,
    screen::{Body, Dialog, Main, ResultMark, Screen, SidebarRowKind, Tab, TabMark, Welcome, Work},
};

/// A region of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    TitleBar,
    Welcome,
    Sidebar,
    Tabs,
    Editor,
    ResultsBar,
    /// What is under the bar of the results.
    Body,
    /// A page that is no query.
    Page,
    StatusBar,
    Dialog,
    Notices,
}

const REGIONS: [Region; 11] = [
    Region::TitleBar,
    Region::Welcome,
    Region::Sidebar,
    Region::Tabs,
    Region::Editor,
    Region::ResultsBar,
    Region::Body,
    Region::Page,
    Region::StatusBar,
    Region::Dialog,
    Region::Notices,
];

/// What the window shows: the Screen, and what is drawn beside it.
#[derive(Clone)]
pub struct Shown {
    pub screen: Rc<Screen>,
    /// Whether Enter means the chosen row of the welcome screen.
    pub means_row: bool,
    /// Which dialog it is, for its fields.
    pub dialog_name: &'static str,
    /// When it was looked at.
    pub now: Stamp,
    /// How far a spinner has turned then.
    pub phase: usize,
}

impl Shown {
    /// The work that is shown in both; none where one of them is the welcome screen. A region that comes on screen is
    /// drawn because it does.
    fn work<'shown>(&'shown self, other: &'shown Self) -> Option<(&'shown Work, &'shown Work)> {
        self.screen.main.work().zip(other.screen.main.work())
    }

    fn welcome<'shown>(
        &'shown self,
        other: &'shown Self,
    ) -> Option<(&'shown Welcome, &'shown Welcome)> {
        match (&self.screen.main, &other.screen.main) {
            (Main::Welcome(one), Main::Welcome(other)) => Some((one, other)),
            _ => None,
        }
    }

    /// Whether the regions lie elsewhere than before, or the window itself looks different.
    fn lies_elsewhere(&self, before: &Self) -> bool {
        let (was, is) = (&before.screen, &self.screen);
        let at_work = before.work(self).is_some_and(|(was, is)| {
            let (one, other) = (&was.editor, &is.editor);
            (one.tab, one.percent) != (other.tab, other.percent)
        });
        let width = |screen: &Screen| screen.main.sidebar().map(|sidebar| sidebar.width);
        let kind = |screen: &Screen| std::mem::discriminant(&screen.main);
        was.colour != is.colour
            || was.dialog.is_some() != is.dialog.is_some()
            || kind(was) != kind(is)
            || width(was) != width(is)
            || at_work
    }
}

impl Region {
    /// Whether it shows something else now than before.
    fn differs(self, before: &Shown, now: &Shown) -> bool {
        let turned = before.phase != now.phase;
        self.has_other_part(before, now) || turned && self.has_spinner(&now.screen)
    }

    fn has_other_part(self, before: &Shown, now: &Shown) -> bool {
        let (was, is) = (&*before.screen, &*now.screen);
        let refocused = was.place != is.place;
        let at_work = |differs: &dyn Fn(&Work, &Work) -> bool| {
            before.work(now).is_some_and(|(was, is)| differs(was, is))
        };
        match self {
            Self::TitleBar => was.title_bar != is.title_bar,
            Self::StatusBar => was.status_bar != is.status_bar,
            Self::Notices => was.notices != is.notices,
            Self::Dialog => (&was.dialog, before.dialog_name) != (&is.dialog, now.dialog_name),
            Self::Welcome => before
                .welcome(now)
                .is_some_and(|(was, is)| (was, before.means_row) != (is, now.means_row)),
            Self::Sidebar => refocused || was.main.sidebar() != is.main.sidebar(),
            // Where the editor has no room for its hint, it stands behind the tabs.
            Self::Tabs => {
                was.main.tabs() != is.main.tabs()
                    || at_work(&|was, is| was.editor.hint != is.editor.hint)
            }
            Self::Page => match (&was.main, &is.main) {
                (Main::Page(was), Main::Page(is)) => was.page != is.page,
                _ => false,
            },
            // What is in the text and around its cursor, the editor itself tells. Its scrollbar comes with the frame
            // after the one that scrolled.
            Self::Editor => at_work(&|was, is| {
                let (one, other) = (&was.editor, &is.editor);
                (one.tab, &one.find, &one.hint, &one.in_sight)
                    != (other.tab, &other.find, &other.hint, &other.in_sight)
            }),
            Self::ResultsBar => at_work(&|was, is| {
                (was.editor.tab, &was.results_bar) != (is.editor.tab, &is.results_bar)
            }),
            Self::Body => at_work(&|was, is| {
                let second = |shown: &Shown| shown.now.unix_us / 1_000_000;
                let messages = matches!(is.body, Body::Messages(_));
                let aged = messages && second(before) != second(now);
                let part = (was.editor.tab, &was.body) != (is.editor.tab, &is.body);
                refocused || aged || part
            }),
        }
    }

    fn has_spinner(self, screen: &Screen) -> bool {
        let work = screen.main.work();
        match self {
            Self::TitleBar | Self::Editor | Self::Page | Self::Notices => false,
            Self::StatusBar => {
                let bar = &screen.status_bar;
                bar.left.iter().chain(&bar.right).any(|part| part.spinner)
            }
            Self::Dialog => match &screen.dialog {
                Some(Dialog::Connection(form)) => form.test.as_ref().is_some_and(|it| it.spinner),
                _ => false,
            },
            Self::Welcome => match &screen.main {
                Main::Welcome(welcome) => {
                    welcome.groups.iter().flat_map(|group| &group.rows).any(|row| row.spinner)
                }
                Main::Work(_) | Main::Page(_) => false,
            },
            Self::Sidebar => {
                let mut rows = screen.main.sidebar().into_iter().flat_map(|it| &it.rows);
                rows.any(|row| matches!(row.kind, SidebarRowKind::Connection { opening: true, .. }))
            }
            Self::Tabs => {
                let runs =
                    |(tabs, _): (&[Tab], _)| tabs.iter().any(|tab| tab.mark == TabMark::Running);
                screen.main.tabs().is_some_and(runs)
            }
            Self::ResultsBar => work.is_some_and(|it| {
                it.results_bar.tabs.iter().any(|tab| tab.mark == ResultMark::Running)
            }),
            Self::Body => {
                work.is_some_and(|it| matches!(&it.body, Body::Empty(empty) if empty.spinner))
            }
        }
    }
}

/// One region. What it is drawn with is the window's.
struct Pane {
    region: Region,
    window: WeakEntity<TuskWindow>,
    drawn: u64,
}

impl Render for Pane {
    fn render(&mut self, window: &mut Window, cx: &mut Context<Self>) -> impl IntoElement {
        self.drawn += 1;
        let region = self.region;
        let drawn = self.window.update(cx, |tusk, cx| tusk.region(region, window, cx));
        drawn.unwrap_or_else(|_| Empty.into_any_element())
    }
}

/// The regions' entities.
pub struct Panes {
    panes: [Entity<Pane>; REGIONS.len()],
    told: [u64; REGIONS.len()],
}

impl Panes {
    pub fn new(cx: &mut Context<TuskWindow>) -> Self {
        let window = cx.entity().downgrade();
        let panes = REGIONS.map(|region| {
            let window = window.clone();
            cx.new(|_| Pane { region, window, drawn: 0 })
        });
        Self { panes, told: [0; REGIONS.len()] }
    }

    /// Has each region drawn that shows something else than before, and the window where they lie elsewhere. Whether
    /// anything is drawn.
    pub fn follow(&mut self, before: &Shown, now: &Shown, cx: &mut Context<TuskWindow>) -> bool {
        let others = REGIONS.into_iter().filter(|region| region.differs(before, now));
        let others = others.collect::<Vec<_>>();
        let elsewhere = now.lies_elsewhere(before);
        if elsewhere {
            cx.notify();
        }
        others.iter().for_each(|region| self.tell(*region, cx));
        elsewhere || !others.is_empty()
    }

    /// Has a region drawn anew.
    pub fn tell(&mut self, region: Region, cx: &mut App) {
        self.told[region as usize] += 1;
        cx.notify(self.panes[region as usize].entity_id());
    }

    /// A region as an element of this style, which says its size. It is taken from the frame before where it shows the
    /// same, unless it is to be `fresh`.
    pub fn element(&self, region: Region, style: StyleRefinement, fresh: bool) -> AnyElement {
        let pane = self.panes[region as usize].clone();
        if fresh {
            let mut place = div();
            place.style().refine(&style);
            return place.child(pane).into_any_element();
        }
        pane.cached(style).into_any_element()
    }

    /// How often each region was told that it shows something else, and how often it was drawn. Tests ask.
    pub fn counts(&self, cx: &App) -> Vec<(Region, u64, u64)> {
        let count = |region: Region| {
            let at = region as usize;
            (region, self.told[at], self.panes[at].read(cx).drawn)
        };
        REGIONS.into_iter().map(count).collect()
    }
}
