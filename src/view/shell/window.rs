//! The window itself: it draws what the Screen says, sends what a person does, and follows the Model where the Model
//! decides: focus, texts, the grid, the theme. Everything goes through the program's one queue.

use super::{
    dialogs::FormScroll,
    keys,
    panes::{Panes, Region, Shown},
};
use crate::{
    base::{ids::TabId, stamp::Stamp, transaction::Transaction},
    model::Model,
    msg::Msg,
    program::{Program, SLICE, Surroundings},
    screen::{Body, Dialog, Main, Screen, screen},
    update::{
        query::run::Run,
        shell::{
            app,
            keymap::Keymap,
            sidebar,
            sight::{self, Items, Known, List},
        },
    },
    view::{
        kit::{
            fields::{FieldId, Fields},
            places::{self, Places},
            theme::{self, Appearance},
            widgets,
            words::Post,
        },
        query::editors::Editors,
        results::rows::Rows,
        shell::fields,
    },
};
use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;
use std::time::{Duration, Instant};

use flume::Receiver;
use gpui::{
    App, Bounds, ClipboardItem, Context, FocusHandle, FollowMode, ListAlignment, ListState, Pixels,
    ScrollHandle, ScrollStrategy, Subscription, Task, UniformListScrollHandle, Window,
    base::VirtualListScrollHandle, px,
};

mod focus;
mod render;

/// A list that stays at its end while more comes, unless somebody scrolled it up.
fn tail() -> ListState {
    let list = ListState::new(0, ListAlignment::Top, px(400.0));
    list.set_follow_mode(FollowMode::Tail);
    list
}

/// How often what runs by itself (a clock, a spinner, a notice that passes) is drawn anew.
const TICK: Duration = Duration::from_millis(100);
/// A key waits at most so long for what is in the queue before it.
const PATIENCE: Duration = Duration::from_millis(50);
/// How often a clock without a spinner is.
const SLOW_TICK: Duration = Duration::from_secs(1);

/// What holds the Model behind a window.
pub trait Engine {
    /// The state.
    fn model(&self) -> &Model;
    /// Takes a message; answers whether the screen may look different.
    fn take(&mut self, msg: Msg) -> bool;
}

impl Engine for Program {
    fn model(&self) -> &Model {
        Program::model(self)
    }

    fn take(&mut self, msg: Msg) -> bool {
        Program::take(self, msg)
    }
}

/// A Model that nothing happens to: what a picture is made of.
pub struct Still(pub Model);

impl Engine for Still {
    fn model(&self) -> &Model {
        &self.0
    }

    fn take(&mut self, _: Msg) -> bool {
        false
    }
}

/// Something that the loop asked of the window.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wish {
    Copy(String),
    Quit,
}

/// What surrounds the loop in a window. The loop's wishes lie here until the slice is over.
#[derive(Clone, Default)]
pub struct Desk {
    wishes: Rc<RefCell<Vec<Wish>>>,
}

impl Surroundings for Desk {
    fn write_clipboard(&mut self, text: &str) {
        self.wishes.borrow_mut().push(Wish::Copy(text.to_owned()));
    }

    fn quit(&mut self) {
        self.wishes.borrow_mut().push(Wish::Quit);
    }
}

/// Whether time goes on in the window. In a picture it stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Clocks run and spinners turn.
    Running,
    /// It is always the moment of the last message.
    Still,
}

/// What a window is made with.
pub struct Parts {
    /// What holds the Model.
    pub engine: Rc<RefCell<dyn Engine>>,
    /// Where the loop's wishes lie.
    pub desk: Desk,
    /// The queue's sending end.
    pub post: Post,
    /// Whether time goes on.
    pub pace: Pace,
    /// What ends the application.
    pub quit: fn(&mut App),
}

/// What has the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Editor(TabId),
    Results,
    Sidebar,
    Field(FieldId),
    Dialog(&'static str),
}

/// A border that is being dragged, and where it is now: a width at 100%, or a share in percent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Grip {
    Sidebar(f32),
    Editor(f32),
}

/// The parts of the window that take keys without a text field.
struct Handles {
    sidebar: FocusHandle,
    dialog: FocusHandle,
}

/// Where the lists are scrolled to.
struct Scrolls {
    sidebar: VirtualListScrollHandle,
    /// The row that is chosen, and how many rows of it are shown under the list, and under them.
    sidebar_selected: Option<(usize, Option<(usize, bool)>)>,
    tabs: ScrollHandle,
    tab: Option<usize>,
    picker: UniformListScrollHandle,
    picked: Option<usize>,
    /// What the Model was last told of each list, and what it knew then.
    told: Vec<(sight::Msg, Known)>,
    path: ScrollHandle,
    value: ScrollHandle,
    path_row: Option<usize>,
    form: FormScroll,
    form_focus: Option<usize>,
    messages: ListState,
    messages_of: Option<(TabId, u64)>,
    welcome: Places,
    settings: (Places, ScrollHandle),
    setting: Option<usize>,
}

impl Scrolls {
    /// The setting that is chosen is brought into sight, where another one is.
    fn follow_settings(&mut self, main: &Main, window: &Window) {
        let chosen = match main {
            Main::Page(paged) => {
                let crate::screen::Page::Settings(page) = &paged.page;
                page.rows.iter().position(|row| row.selected)
            }
            Main::Welcome(_) | Main::Work(_) => None,
        };
        if self.setting == chosen {
            return;
        }
        self.setting = chosen;
        if let Some(place) = chosen {
            // A line stands before each but the first. A list that is new has its places only after the next frame.
            let scroll = self.settings.1.clone();
            window.on_next_frame(move |window, _| {
                scroll.scroll_to_item(2 * place);
                window.refresh();
            });
        }
    }

    /// The tabs of which at least half is in sight.
    fn tabs_in_sight(&self, count: usize) -> Vec<Range<usize>> {
        let (area, offset) = (self.tabs.bounds(), self.tabs.offset());
        let is_seen = |tab: &usize| {
            let bounds = self.tabs.bounds_for_item(*tab);
            bounds.is_some_and(|bounds| {
                let middle = bounds.center().x + offset.x;
                middle >= area.left() && middle < area.right()
            })
        };
        places::ranges((0..count).filter(is_seen))
    }

    /// The messages of which at least half is in sight, or which fill half of the pane.
    fn messages_in_sight(&self, count: usize) -> Vec<Range<usize>> {
        let area = self.messages.viewport_bounds();
        let first = self.messages.logical_scroll_top().item_ix;
        let drawn = (first..count).map_while(|index| {
            let bounds = self.messages.bounds_for_item(index)?;
            (bounds.top() < area.bottom()).then_some((index, bounds))
        });
        let is_seen = |(_, bounds): &(usize, Bounds<Pixels>)| {
            let height = bounds.intersect(&area).size.height;
            height * 2.0 >= bounds.size.height.min(area.size.height)
        };
        places::ranges(drawn.filter(is_seen).map(|(index, _)| index))
    }
}

fn after(stamp: Stamp, since: Duration) -> Stamp {
    let since = u64::try_from(since.as_micros()).unwrap_or(0);
    Stamp {
        unix_us: stamp.unix_us.saturating_add_unsigned(since),
        mono_us: stamp.mono_us.saturating_add(since),
    }
}

/// What a window shows at this moment.
fn shown(model: &Model, now: Stamp, cx: &App) -> Shown {
    Shown {
        screen: Rc::new(screen(model, now)),
        means_row: model.welcome.means_row(),
        dialog_name: model.dialog.as_ref().map_or("", fields::name),
        now,
        phase: widgets::phase(now.mono_us, cx),
    }
}

/// The window's root view.
pub struct TuskWindow {
    parts: Parts,
    inbox: Option<Receiver<Msg>>,
    shown: Shown,
    panes: Panes,
    /// How far down the editor there was room for the hint.
    hint: Option<Pixels>,
    keymap: Option<Keymap>,
    look: Option<(bool, u32)>,
    title: String,
    editors: Editors,
    fields: Fields,
    rows: Rows,
    handles: Handles,
    scrolls: Scrolls,
    target: Option<Target>,
    /// Presses that moved the keyboard, and that the Model has not heard of yet.
    reports: usize,
    /// How often the search had been gone to when its field was last selected.
    entered_find: u64,
    grip: Option<Grip>,
    seen: Instant,
    ticker: Option<Task<()>>,
    quitting: bool,
    _subscriptions: Vec<Subscription>,
}

impl TuskWindow {
    /// A window over a program. Its loop is started by [`TuskWindow::listen`].
    pub fn new(parts: Parts, window: &mut Window, cx: &mut Context<Self>) -> Self {
        let first = {
            let engine = parts.engine.borrow();
            shown(engine.model(), engine.model().cx.now, cx)
        };
        let rows = Rows::new(&parts.post, cx);
        let handles = Handles { sidebar: cx.focus_handle(), dialog: cx.focus_handle() };
        let subscriptions = vec![
            cx.observe_window_bounds(window, Self::resized),
            cx.observe_window_appearance(window, Self::appearance_changed),
            cx.on_focus(&handles.sidebar, window, Self::look_at_focus),
            cx.on_focus(&handles.dialog, window, Self::look_at_focus),
            cx.on_focus(&rows.focus_handle(cx), window, Self::look_at_focus),
            cx.observe_window_activation(window, |this, window, _| {
                if window.is_window_active() {
                    this.post(app::Msg::WindowActivated);
                }
            }),
        ];
        let mut this = Self {
            parts,
            inbox: None,
            shown: first,
            panes: Panes::new(cx),
            hint: None,
            keymap: None,
            look: None,
            title: String::new(),
            editors: Editors::default(),
            fields: Fields::default(),
            rows,
            handles,
            scrolls: Scrolls {
                sidebar: VirtualListScrollHandle::new(),
                sidebar_selected: None,
                tabs: ScrollHandle::new(),
                tab: None,
                picker: UniformListScrollHandle::new(),
                picked: None,
                told: Vec::new(),
                path: ScrollHandle::new(),
                value: ScrollHandle::new(),
                path_row: None,
                form: FormScroll::default(),
                form_focus: None,
                messages: tail(),
                messages_of: None,
                welcome: Places::default(),
                settings: Default::default(),
                setting: None,
            },
            target: None,
            reports: 0,
            entered_find: 0,
            grip: None,
            seen: Instant::now(),
            ticker: None,
            quitting: false,
            _subscriptions: subscriptions,
        };
        this.appearance_changed(window, cx);
        this.follow(window, cx);
        this.settle_focus(window, cx);
        this
    }

    /// Takes what comes through the queue, in slices, for as long as the window lives.
    pub fn listen(&mut self, inbox: Receiver<Msg>, window: &Window, cx: &mut Context<Self>) {
        self.inbox = Some(inbox.clone());
        let listening = cx.spawn_in(window, async move |this, cx| {
            while let Ok(first) = inbox.recv_async().await {
                let going = this.update_in(cx, |this, window, cx| {
                    this.slice(first, &inbox, window, cx);
                    !this.quitting
                });
                if !going.unwrap_or(false) {
                    break;
                }
                // The window paints between two slices, however much is in the queue.
                smol::future::yield_now().await;
            }
        });
        listening.detach();
    }

    /// Takes a message and what follows in the queue, for at most one slice of time; then draws once.
    pub fn slice(
        &mut self,
        first: Msg,
        inbox: &Receiver<Msg>,
        window: &mut Window,
        cx: &mut Context<Self>,
    ) {
        let began = Instant::now();
        let mut next = Some(first);
        let mut changed = false;
        while let Some(msg) = next.take() {
            self.editors.taken(&msg);
            self.fields.taken(&msg);
            self.heard(&msg);
            changed |= self.parts.engine.borrow_mut().take(msg);
            if began.elapsed() < SLICE {
                next = inbox.try_recv().ok();
            }
        }
        self.seen = Instant::now();
        if changed && !self.follow(window, cx) {
            // Nothing is drawn, and what is in sight may be news to the Model all the same.
            self.tell_sights(window, cx);
        }
        self.grant(window, cx);
        self.settle_focus(window, cx);
        debug_assert_eq!(self.focus_problem(window, cx), None);
    }

    /// Takes everything that is in the queue now. After a command the next key may be meant for another part of the
    /// window: it must not come before the command has been done, however slowly the window is painted.
    pub(in crate::view) fn catch_up(&mut self, window: &mut Window, cx: &mut Context<Self>) {
        let Some(inbox) = self.inbox.clone() else {
            return;
        };
        let until = Instant::now() + PATIENCE;
        while let Ok(msg) = inbox.try_recv() {
            self.slice(msg, &inbox, window, cx);
            if self.quitting || Instant::now() > until {
                return;
            }
        }
    }

    /// The state behind the window.
    pub fn engine(&self) -> &Rc<RefCell<dyn Engine>> {
        &self.parts.engine
    }

    /// Whether the program has ended.
    pub fn is_quitting(&self) -> bool {
        self.quitting
    }

    /// What the window shows.
    pub fn screen(&self) -> &Screen {
        &self.shown.screen
    }

    /// How often each region was told that it shows something else, and how often it was drawn. Tests ask.
    pub fn region_counts(&self, cx: &App) -> Vec<(Region, u64, u64)> {
        self.panes.counts(cx)
    }

    /// Puts a message into the queue.
    pub(in crate::view) fn post(&self, msg: impl Into<Msg>) {
        self.parts.post.post(msg);
    }

    pub(in crate::view) fn editors_mut(&mut self) -> &mut Editors {
        &mut self.editors
    }

    pub(in crate::view) fn fields_mut(&mut self) -> &mut Fields {
        &mut self.fields
    }

    pub(in crate::view) fn field_edited(&self, id: FieldId, text: &str, masked: bool) {
        let msg = fields::edited(id, text, masked, self.parts.engine.borrow().model());
        self.post(msg);
    }

    /// This moment, on the clock of the messages.
    fn now(&self) -> Stamp {
        let last = self.parts.engine.borrow().model().cx.now;
        if self.parts.pace == Pace::Still {
            return last;
        }
        after(last, self.seen.elapsed())
    }

    /// Brings everything that the window keeps for itself up to the Model. Whether a frame shows something else.
    fn follow(&mut self, window: &mut Window, cx: &mut Context<Self>) -> bool {
        let engine = self.parts.engine.clone();
        let engine = engine.borrow();
        let model = engine.model();
        let differs = self.look_at(model, self.now(), cx);
        self.follow_look(model, cx);
        if self.keymap.as_ref() != Some(&model.keymap) {
            keys::bind(&model.keymap, cx);
            self.keymap = Some(model.keymap.clone());
        }
        self.follow_texts(model, window, cx);
        if let Main::Work(work) = &self.shown.screen.main
            && let Body::Grid(shown) = &work.body
        {
            self.rows.follow(work.editor.tab, shown, cx);
        } else {
            self.rows.clear(cx);
        }
        self.follow_lists(model, window);
        if self.title != self.shown.screen.title {
            self.title.clone_from(&self.shown.screen.title);
            window.set_window_title(&self.title);
        }
        self.tick(window, cx);
        differs
    }

    /// The clock has gone on: what runs with it is shown as it is this long after the last message.
    pub fn ticked(&mut self, since: Duration, cx: &mut Context<Self>) {
        let engine = self.parts.engine.clone();
        let engine = engine.borrow();
        let now = after(engine.model().cx.now, since);
        self.look_at(engine.model(), now, cx);
    }

    /// Looks at what is on screen then, and has those regions drawn that show something else. Whether there are any.
    fn look_at(&mut self, model: &Model, now: Stamp, cx: &mut Context<Self>) -> bool {
        let now = shown(model, now, cx);
        let before = std::mem::replace(&mut self.shown, now);
        self.panes.follow(&before, &self.shown, cx)
    }

    fn follow_look(&mut self, model: &Model, cx: &mut Context<Self>) {
        let wanted = (model.is_dark(), model.cx.settings.zoom_percent);
        if self.look == Some(wanted) {
            return;
        }
        self.look = Some(wanted);
        let appearance = if wanted.0 { Appearance::Dark } else { Appearance::Light };
        theme::apply(cx, appearance, wanted.1 as f32 / 100.0);
        cx.refresh_windows();
    }

    fn follow_texts(&mut self, model: &Model, window: &mut Window, cx: &mut Context<Self>) {
        let screen = self.shown.screen.clone();
        if let Main::Work(work) = &screen.main {
            self.editors.follow(&model.pages, &work.editor, window, cx);
        }
        let placeholders = |id| render::placeholder(&screen, id);
        let wanted = fields::wanted(model, &placeholders);
        self.fields.follow(wanted, window, cx);
    }

    /// Scrolls the list of the dialog to what is chosen in it.
    fn follow_dialog_list(&mut self) {
        let scrolls = &mut self.scrolls;
        let picked = match &self.shown.screen.dialog {
            Some(Dialog::Picker(picker)) => Some(picker.selected),
            _ => None,
        };
        if scrolls.picked != picked {
            scrolls.picked = picked;
            // Another list begins where its choice is, wherever the last one was left.
            match picked {
                Some(row) => scrolls.picker.scroll_to_item(row, ScrollStrategy::Nearest),
                None => scrolls.picker = UniformListScrollHandle::new(),
            }
        }
        let path_row = match &self.shown.screen.dialog {
            Some(Dialog::Path(prompt)) => {
                prompt.selected.map(|row| row.saturating_sub(prompt.first))
            }
            _ => None,
        };
        if scrolls.path_row != path_row {
            scrolls.path_row = path_row;
            scrolls.path.scroll_to_item(path_row.unwrap_or(0));
        }
    }

    /// Scrolls the lists to what is chosen in them.
    fn follow_lists(&mut self, model: &Model, window: &Window) {
        self.follow_dialog_list();
        let scrolls = &mut self.scrolls;
        let focused = match &self.shown.screen.dialog {
            Some(Dialog::Connection(form)) => {
                let field = form.fields.iter().find(|field| field.focused);
                field.map(|field| field.index)
            }
            _ => None,
        };
        if scrolls.form_focus != focused {
            scrolls.form_focus = focused;
            // The field has its place only after the next frame.
            let form = scrolls.form.clone();
            window.on_next_frame(move |window, _| {
                if form.reveal() {
                    window.refresh();
                }
            });
        }
        let screen = self.shown.screen.clone();
        let active = screen.main.tabs().map(|(tabs, _)| tabs);
        let active = active.and_then(|tabs| tabs.iter().position(|tab| tab.active));
        if scrolls.tab != active {
            scrolls.tab = active;
            if let Some(tab) = active {
                // A tab that is new has its place only after the next frame.
                let tabs = scrolls.tabs.clone();
                tabs.scroll_to_item(tab);
                window.on_next_frame(move |window, _| {
                    tabs.scroll_to_item(tab);
                    window.refresh();
                });
            }
        }
        let selected = screen.main.sidebar().and_then(|sidebar| {
            let row = sidebar.rows.iter().position(|row| row.selected)?;
            let preview = sidebar.preview.as_ref();
            let rows = preview.map(|of| (of.text.lines().count(), of.more.is_some()));
            Some((row, rows))
        });
        if scrolls.sidebar_selected != selected {
            scrolls.sidebar_selected = selected;
            if let Some((row, _)) = selected {
                scrolls.sidebar.scroll_to_item(row, ScrollStrategy::Top);
            }
        }
        scrolls.follow_settings(&screen.main, window);
        let (Some(work), Some(tab)) = (screen.main.work(), model.pages.active()) else {
            return;
        };
        if let Body::Messages(messages) = &work.body {
            let gone = tab.messages.dropped() + tab.messages.dropped_important();
            let of = Some((tab.id, gone));
            let known = scrolls.messages.item_count();
            if scrolls.messages_of != of || known > messages.count {
                scrolls.messages_of = of;
                scrolls.messages.reset(messages.count);
            } else if known < messages.count {
                scrolls.messages.splice(known..known, messages.count - known);
            }
        }
    }

    /// Tells the Model which rows of the lists were drawn, where it does not know it.
    fn tell_sights(&mut self, window: &Window, cx: &App) {
        let engine = self.parts.engine.clone();
        let engine = engine.borrow();
        let model = engine.model();
        let drawn = self.drawn_lists(window, cx);
        let told = std::mem::take(&mut self.scrolls.told);
        for msg in drawn {
            let Some(known) = sight::before(model, &msg) else {
                continue;
            };
            let told_now = (msg, known);
            // What the Model heard of, or will, is not told again in each frame.
            if !told.contains(&told_now) {
                self.parts.post.post(told_now.0.clone());
            }
            self.scrolls.told.push(told_now);
        }
    }

    /// Where the lists were drawn that are on screen.
    fn drawn_lists(&self, window: &Window, cx: &App) -> Vec<sight::Msg> {
        let zoom = theme::Look::of(cx).zoom;
        // A row is whole pixels high, so that rows say it better than pixels do.
        let in_rows = |list, [above, room]: [f32; 2], height: f32| {
            let logical = |rows: f32| (rows * height).round() as u64;
            sight::Msg::Drawn { list, scrolled: logical(above), room: logical(room) }
        };
        let mut lists = Vec::new();
        if let Main::Work(work) = &self.shown.screen.main {
            let tab = work.editor.tab;
            if let Some(editor) = self.editors.get(tab)
                && let Some([lines, letters]) = editor.read(cx).drawn(window, cx)
            {
                lists.push(in_rows(List::Editor { tab }, lines, sight::EDITOR_LINE as f32));
                let letter = sight::LETTER_TENTHS as f32 / 10.0;
                lists.push(in_rows(List::Letters { tab }, letters, letter));
            }
            if let (Body::Grid(_), Some(columns)) = (&work.body, self.rows.drawn(cx)) {
                lists.push(in_rows(List::Columns { tab }, columns, 1.0));
            }
            if work.sidebar.is_some() {
                let handle = &self.scrolls.sidebar;
                let room =
                    handle.bounds().size.height / px(zoom) - 2.0 * sight::SIDEBAR_PADDING as f32;
                lists.push(in_rows(List::Sidebar, [-handle.offset().y / px(zoom), room], 1.0));
            }
        }
        if let Some(Dialog::Picker(picker)) = &self.shown.screen.dialog
            && !picker.rows.is_empty()
        {
            let list = self.scrolls.picker.0.borrow();
            let (offset, room) = (list.base_handle.offset(), list.base_handle.bounds().size);
            if let Some(drawn) = list.last_item_size {
                let row = drawn.contents.height / picker.rows.len() as f32;
                lists.push(in_rows(
                    List::Dialog,
                    [-offset.y / row, room.height / row],
                    sight::PICKER_ROW as f32,
                ));
            }
        }
        let path = &self.scrolls.path;
        if matches!(&self.shown.screen.dialog, Some(Dialog::Path(_)))
            && let Some(first) = path.bounds_for_item(0)
        {
            let row = first.size.height;
            let rows = [-path.offset().y / row, path.bounds().size.height / row];
            lists.push(in_rows(List::Dialog, rows, sight::ENTRY as f32));
        }
        if let Some(Dialog::Inspect(_)) = &self.shown.screen.dialog {
            let (value, row) = (&self.scrolls.value, px(sight::VALUE_ROW as f32 * zoom));
            // Its rows have a space over and under them.
            let room = value.bounds().size.height - px(24.0 * zoom);
            let rows = [-value.offset().y / row, room / row];
            lists.push(in_rows(List::Dialog, rows, sight::VALUE_ROW as f32));
        }
        lists.extend(self.drawn_items());
        lists
    }

    /// Which items of those on screen were drawn in sight.
    fn drawn_items(&self) -> Vec<sight::Msg> {
        let scrolls = &self.scrolls;
        let mut drawn = Vec::new();
        match &self.shown.screen.main {
            Main::Welcome(_) => drawn.push((Items::Welcome, scrolls.welcome.in_sight())),
            Main::Page(paged) => {
                drawn.push((Items::Tabs, scrolls.tabs_in_sight(paged.tabs.len())));
                drawn.push((Items::Settings, scrolls.settings.0.in_sight()));
            }
            Main::Work(work) => {
                drawn.push((Items::Tabs, scrolls.tabs_in_sight(work.tabs.len())));
                if let Body::Messages(messages) = &work.body {
                    let items = Items::Messages { tab: work.editor.tab };
                    drawn.push((items, scrolls.messages_in_sight(messages.count)));
                }
            }
        }
        if let Some(Dialog::Connection(_)) = &self.shown.screen.dialog {
            drawn.push((Items::Fields, scrolls.form.places.in_sight()));
        }
        let shown = |(items, in_sight)| sight::Msg::Shown { items, in_sight };
        drawn.into_iter().map(shown).collect()
    }

    /// Does what the loop asked for.
    fn grant(&mut self, window: &mut Window, cx: &mut Context<Self>) {
        let wishes: Vec<Wish> = self.parts.desk.wishes.borrow_mut().drain(..).collect();
        for wish in wishes {
            match wish {
                Wish::Copy(text) => cx.write_to_clipboard(ClipboardItem::new_string(text)),
                Wish::Quit => {
                    self.quitting = true;
                    self.ticker = None;
                    window.remove_window();
                    let quit = self.parts.quit;
                    cx.defer(quit);
                }
            }
        }
    }

    /// Draws anew by itself, as long as something on screen runs with the clock.
    fn tick(&mut self, window: &mut Window, cx: &mut Context<Self>) {
        if self.parts.pace == Pace::Still || self.ticker.is_some() || self.quitting {
            return;
        }
        let Some(every) = self.waits() else {
            return;
        };
        self.ticker = Some(cx.spawn_in(window, async move |this, cx| {
            cx.background_executor().timer(every).await;
            let ticked = this.update_in(cx, |this, window, cx| {
                this.ticker = None;
                this.ticked(this.seen.elapsed(), cx);
                this.tick(window, cx);
            });
            if let Err(error) = ticked {
                log::debug!("the window went before its clock: {error}");
            }
        }));
    }

    /// How often the clocks on screen want to be drawn; none where nothing runs.
    fn waits(&self) -> Option<Duration> {
        let engine = self.parts.engine.borrow();
        let model = engine.model();
        let runs = model.pages.open.iter().any(|tab| {
            matches!(&tab.run, Run::Waiting { .. } | Run::Running(_)) || tab.queued.is_some()
        });
        if model.is_busy() || runs || !self.shown.screen.notices.is_empty() {
            return Some(TICK);
        }
        let transaction = model.pages.active().and_then(|tab| tab.transaction());
        matches!(transaction, Some(Transaction::Active | Transaction::Failed)).then_some(SLOW_TICK)
    }

    fn resized(&mut self, window: &mut Window, _: &mut Context<Self>) {
        let size = window.viewport_size();
        let (width, height) = (f32::from(size.width) as u32, f32::from(size.height) as u32);
        let known = self.parts.engine.borrow().model().cx.settings.window;
        if known != (width, height) && width > 0 && height > 0 {
            self.post(app::Msg::WindowResized { width, height });
        }
    }

    fn appearance_changed(&mut self, window: &mut Window, _: &mut Context<Self>) {
        let dark = Appearance::of_system(window.appearance()) == Appearance::Dark;
        if self.parts.engine.borrow().model().dark_system != dark {
            self.post(app::Msg::AppearanceChanged { dark });
        }
    }

    fn dragged(&mut self, at: gpui::Point<gpui::Pixels>, window: &Window, cx: &mut Context<Self>) {
        let look = theme::Look::of(cx);
        self.grip = match self.grip {
            Some(Grip::Sidebar(_)) => {
                let width = (f32::from(at.x) / look.zoom).clamp(160.0, 600.0);
                Some(Grip::Sidebar(width))
            }
            Some(Grip::Editor(_)) => {
                let top = px(2.0) + look.title_bar() + look.tab_bar();
                let room = window.viewport_size().height - top - look.status_bar();
                let share = (at.y - top) / room * 100.0;
                Some(Grip::Editor(share.clamp(10.0, 85.0)))
            }
            None => return,
        };
        cx.notify();
    }

    fn let_go(&mut self, cx: &mut Context<Self>) {
        match self.grip.take() {
            Some(Grip::Sidebar(width)) => {
                self.post(sidebar::Msg::Resized { width: width.round() as u32 })
            }
            Some(Grip::Editor(percent)) => {
                self.post(sidebar::Msg::EditorResized { percent: percent.round() as u32 })
            }
            None => {}
        }
        cx.notify();
    }
}
