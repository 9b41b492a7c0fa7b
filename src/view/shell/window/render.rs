//! What the window looks like: each part of the Screen in its place.

use super::{Grip, TuskWindow};
use crate::{
    msg::Msg,
    screen::{self, Body, Dialog, FormValue, Main, Screen, Work, message_row},
    update::{
        connection,
        settings::page as settings_page,
        shell::{
            app,
            command::Command,
            dialog as dialog_room,
            dialog::Dialog as ModelDialog,
            keys as keys_room,
            place::{Area, Place},
        },
    },
    view::{
        kit::{fields::FieldId, fonts, theme::Look, widgets, words},
        query::{find, messages},
        results, settings,
        shell::{
            dialogs::{self, Tools},
            keys::{self, RunCommand},
            notices,
            panes::Region,
            sidebar,
            status_bar::status_bar,
            tabs::tab_row,
            title_bar::title_bar,
            welcome,
        },
    },
};

use gpui::prelude::FluentBuilder;
use gpui::{
    AnyElement, Context, Div, Entity, ExternalPaths, Focusable, InteractiveElement, IntoElement,
    KeyDownEvent, MouseButton, MouseMoveEvent, ParentElement, Pixels, Render, StyleRefinement,
    Styled, TestSupportExt, Window, base::v_virtual_list, canvas, div, list, px, relative,
};

impl Render for TuskWindow {
    fn render(&mut self, window: &mut Window, cx: &mut Context<Self>) -> impl IntoElement {
        let look = Look::of(cx);
        // Whatever moved GPUI's focus has the window drawn anew.
        if self.focus_problem(window, cx).is_some() {
            self.look_at_focus(window, cx);
        }
        let screen = self.shown.screen.clone();
        let line =
            screen.colour.map_or(look.palette.surface, |of| words::colour(of, &look.palette));
        let main = match &screen.main {
            Main::Welcome(_) => self.pane(Region::Welcome, full(), window),
            Main::Work(work) => self.work(work, window, cx).into_any_element(),
            Main::Page(_) => {
                let page = self.pane(Region::Page, full(), window);
                self.beside_the_sidebar(false, page, window, cx).into_any_element()
            }
        };
        div()
            .id("tusk")
            .relative()
            .size_full()
            .overflow_hidden()
            .font_family(fonts::UI)
            .text_size(look.text_size())
            .line_height(look.px(19.0))
            .text_color(look.palette.text)
            .bg(look.palette.background)
            .on_action(cx.listener(Self::asked))
            .capture_any_mouse_down(
                cx.listener(|this, _, window, cx| this.look_at_focus(window, cx)),
            )
            .capture_any_mouse_up(cx.listener(|this, _, window, cx| this.look_at_focus(window, cx)))
            .on_drop(cx.listener(|this, files: &ExternalPaths, _, _| {
                let paths = files.paths().iter();
                let paths = paths.map(|path| path.to_string_lossy().into_owned());
                this.post(app::Msg::FilesDropped { paths: paths.collect() });
            }))
            .when(self.grip.is_some(), |root| {
                root.on_mouse_move(cx.listener(|this, event: &MouseMoveEvent, window, cx| {
                    this.dragged(event.position, window, cx);
                }))
                .on_mouse_up(MouseButton::Left, cx.listener(|this, _, _, cx| this.let_go(cx)))
                .on_mouse_up_out(MouseButton::Left, cx.listener(|this, _, _, cx| this.let_go(cx)))
            })
            .child(
                div()
                    .key_context(keys::WINDOW)
                    .flex()
                    .flex_col()
                    .size_full()
                    .child(widgets::connection_line(line))
                    .child(self.pane(Region::TitleBar, row(look.title_bar()), window))
                    .child(div().relative().flex_1().min_h_0().w_full().child(main))
                    .child(self.pane(Region::StatusBar, row(look.status_bar()), window)),
            )
            .children(screen.dialog.is_some().then(|| self.pane(Region::Dialog, over(), window)))
            .child(self.pane(Region::Notices, over(), window))
            .child(Self::told_when_drawn(cx))
    }
}

impl TuskWindow {
    /// Nothing to see: behind everything else, it tells the Model what was drawn.
    fn told_when_drawn(cx: &mut Context<Self>) -> impl IntoElement + use<> {
        let this = cx.entity();
        canvas(
            |_, _, _| (),
            move |_, (), window, cx| this.update(cx, |this, cx| this.tell_sights(window, cx)),
        )
        .absolute()
        .size_0()
    }

    /// A key, a button or the palette asked for a command.
    fn asked(&mut self, action: &RunCommand, window: &mut Window, cx: &mut Context<Self>) {
        let Some(command) = action.command() else {
            return;
        };
        if !self.scrolled_messages(command, cx) {
            self.post(command);
            self.catch_up(window, cx);
        }
    }

    /// The Messages pane has no cells to move in: the same keys scroll it.
    fn scrolled_messages(&mut self, command: Command, cx: &mut Context<Self>) -> bool {
        let Main::Work(work) = &self.shown.screen.main else {
            return false;
        };
        if !matches!(work.body, Body::Messages(_)) || self.shown.screen.place != Place::Results {
            return false;
        }
        let list = &self.scrolls.messages;
        let page = list.viewport_bounds().size.height - px(30.0);
        match command {
            Command::ResultsUp => list.scroll_by(px(-30.0)),
            Command::ResultsDown => list.scroll_by(px(30.0)),
            Command::ResultsPageUp => list.scroll_by(-page),
            Command::ResultsPageDown => list.scroll_by(page),
            Command::ResultsFirst | Command::ResultsHome => list.scroll_to_reveal_item(0),
            Command::ResultsLast | Command::ResultsEnd => list.scroll_to_end(),
            _ => return false,
        }
        self.panes.tell(Region::Body, cx);
        true
    }

    /// A region in its place. For a screen reader each frame says everything, so that none is taken from the one before.
    fn pane(&self, region: Region, style: StyleRefinement, window: &Window) -> AnyElement {
        self.panes.element(region, style, window.is_a11y_active())
    }

    /// A region that shows the hint, or not.
    fn pane_of_hint(
        &self,
        region: Region,
        style: StyleRefinement,
        moved: bool,
        window: &Window,
    ) -> AnyElement {
        self.panes.element(region, style, moved || window.is_a11y_active())
    }

    /// What a region shows.
    pub(in crate::view::shell) fn region(
        &mut self,
        region: Region,
        window: &mut Window,
        cx: &mut Context<Self>,
    ) -> AnyElement {
        let (shown, post) = (self.shown.clone(), self.parts.post.clone());
        let (screen, mono_us) = (&shown.screen, shown.now.mono_us);
        let main = &screen.main;
        let drawn = match (region, main.work()) {
            (Region::TitleBar, _) => {
                Some(title_bar(&screen.title_bar, &post, cx).into_any_element())
            }
            (Region::StatusBar, _) => {
                Some(status_bar(&screen.status_bar, mono_us, cx).into_any_element())
            }
            (Region::Notices, _) => {
                let notices = notices::notices(&screen.notices, cx);
                Some(div().size_full().child(notices).into_any_element())
            }
            (Region::Dialog, _) => screen.dialog.as_ref().map(|of| self.over(of, mono_us, cx)),
            (Region::Welcome, _) => match &screen.main {
                Main::Welcome(welcome) => Some(self.welcome(welcome, mono_us, cx)),
                Main::Work(_) | Main::Page(_) => None,
            },
            (Region::Sidebar, _) => main
                .sidebar()
                .map(|of| self.sidebar(of, screen.place, mono_us, cx).into_any_element()),
            (Region::Tabs, _) => self.tabs(main, mono_us, cx),
            (Region::Page, _) => match main {
                Main::Page(paged) => Some(self.page(&paged.page, cx)),
                Main::Work(_) | Main::Welcome(_) => None,
            },
            (Region::Editor, Some(work)) => Some(self.editor(work, cx).into_any_element()),
            (Region::ResultsBar, Some(work)) => {
                let (bar, tab) = (&work.results_bar, work.editor.tab);
                Some(results::results_bar(bar, tab, mono_us, &post, cx).into_any_element())
            }
            (Region::Body, Some(work)) => {
                Some(self.body(screen, work, mono_us, window, cx).into_any_element())
            }
            (_, None) => None,
        };
        drawn.unwrap_or_else(|| div().into_any_element())
    }

    fn welcome(&self, shown: &screen::Welcome, mono_us: u64, cx: &mut Context<Self>) -> AnyElement {
        let input = div()
            .id("welcome-field")
            .test_support()
            .key_context(keys::welcome(self.shown.means_row))
            .children(self.fields.input(FieldId::Welcome, "Connection URL"))
            .into_any_element();
        let list = div();
        let (places, post) = (&self.scrolls.welcome, &self.parts.post);
        welcome::welcome(shown, input, list, places, mono_us, post, cx).into_any_element()
    }

    fn work(&mut self, work: &Work, window: &Window, cx: &mut Context<Self>) -> Div {
        let width = self.hint_width(work, window, cx);
        let editor = self.editors.get(work.editor.tab);
        let hint = editor.and_then(|editor| editor.read(cx).free_row(width, window, cx));
        // Where there is room for the hint is known only now.
        let moved = std::mem::replace(&mut self.hint, hint) != hint;
        let page = self.editor_and_results(work, moved, window, cx).into_any_element();
        self.beside_the_sidebar(moved, page, window, cx)
    }

    /// The sidebar, where it is shown, and the tabs over a page.
    fn beside_the_sidebar(
        &self,
        moved: bool,
        page: AnyElement,
        window: &Window,
        cx: &Context<Self>,
    ) -> Div {
        let look = Look::of(cx);
        let side = self.shown.screen.main.sidebar().map(|shown| {
            let width = match self.grip {
                Some(Grip::Sidebar(width)) => width,
                _ => shown.width as f32,
            };
            div().flex_none().w(look.px(width)).max_w(relative(0.6)).h_full().child(self.pane(
                Region::Sidebar,
                full(),
                window,
            ))
        });
        let right = div()
            .flex()
            .flex_col()
            .flex_1()
            .min_w_0()
            .h_full()
            .child(self.pane_of_hint(Region::Tabs, row(look.tab_bar()), moved, window))
            .child(page);
        div().flex().size_full().children(side).child(right)
    }

    /// A page that is no query.
    fn page(&self, page: &screen::Page, cx: &Context<Self>) -> AnyElement {
        let screen::Page::Settings(shown) = page;
        let input = |field, label| self.fields.input(FieldId::Settings(field), label);
        let search = input(settings_page::Field::Search, "Search settings");
        let value = input(settings_page::Field::Value, "Value");
        let (places, scroll) = &self.scrolls.settings;
        let post = &self.parts.post;
        let search = div().children(search).into_any_element();
        let value = value.map(IntoElement::into_any_element);
        div()
            .id("settings")
            .test_support()
            .key_context(keys::SETTINGS)
            .flex_1()
            .min_h_0()
            .size_full()
            .child(settings::page(shown, search, value, places, scroll, post, cx))
            .into_any_element()
    }

    fn tabs(&self, main: &Main, mono_us: u64, cx: &mut Context<Self>) -> Option<AnyElement> {
        let (tabs, new_tab) = main.tabs()?;
        let work = main.work().filter(|_| self.hint.is_none());
        let hint = work.map(|work| self.run_hint(work, None, cx));
        let (scroll, post) = (&self.scrolls.tabs, &self.parts.post);
        Some(tab_row(tabs, new_tab, scroll, mono_us, hint, post, cx).into_any_element())
    }

    fn sidebar(
        &self,
        shown: &screen::Sidebar,
        place: Place,
        mono_us: u64,
        cx: &mut Context<Self>,
    ) -> Div {
        let look = Look::of(cx);
        let width = shown.width as f32;
        let focused = place == Place::Sidebar;
        div()
            .key_context(keys::SIDEBAR)
            .track_focus(&self.handles.sidebar)
            .relative()
            .flex()
            .flex_col()
            .size_full()
            .bg(look.palette.surface)
            .border_r_1()
            .border_color(look.palette.border)
            .child(
                v_virtual_list(
                    cx.entity(),
                    "sidebar-rows",
                    sidebar::heights(shown, look),
                    move |this, places, _, cx| {
                        let post = &this.parts.post;
                        this.shown.screen.main.sidebar().map_or_else(Vec::new, |shown| {
                            sidebar::rows(shown, places, focused, mono_us, post, cx)
                        })
                    },
                )
                .track_scroll(&self.scrolls.sidebar)
                .flex_1()
                .min_h_0()
                .py(look.px(6.0)),
            )
            .children(
                shown
                    .preview
                    .as_ref()
                    .map(|preview| sidebar::preview(preview, &self.parts.post, cx)),
            )
            .child(results::grip("sidebar-grip", true).test_support().on_mouse_down(
                MouseButton::Left,
                cx.listener(move |this, _, _, cx| {
                    cx.stop_propagation();
                    this.grip = Some(Grip::Sidebar(width));
                    cx.notify();
                }),
            ))
    }

    fn editor_and_results(
        &self,
        work: &Work,
        moved: bool,
        window: &Window,
        cx: &mut Context<Self>,
    ) -> Div {
        let look = Look::of(cx);
        let percent = match self.grip {
            Some(Grip::Editor(percent)) => percent,
            _ => work.editor.percent as f32,
        };
        let post = self.parts.post.clone();
        let rest = StyleRefinement::default().flex_1().min_h_0().w_full();
        let results = div()
            .key_context(keys::RESULTS)
            .relative()
            .flex()
            .flex_col()
            .flex_1()
            .min_h_0()
            .w_full()
            .on_mouse_down(MouseButton::Left, move |_, _, _| {
                let area = Area::Results;
                post.post(app::Msg::AreaFocused { area });
            })
            .child(self.pane(Region::ResultsBar, row(look.result_bar()), window))
            .child(self.pane(Region::Body, rest, window))
            .child(results::grip("editor-grip", false).test_support().on_mouse_down(
                MouseButton::Left,
                cx.listener(move |this, _, _, cx| {
                    cx.stop_propagation();
                    this.grip = Some(Grip::Editor(percent));
                    cx.notify();
                }),
            ));
        let editor = StyleRefinement::default()
            .flex_none()
            .w_full()
            .h(relative(percent / 100.0))
            .min_h(look.px(66.0));
        div()
            .flex()
            .flex_col()
            .flex_1()
            .min_h_0()
            .w_full()
            .child(self.pane_of_hint(Region::Editor, editor, moved, window))
            .child(results)
    }

    /// The editor of the tab, with the search over it and the hint in it.
    fn editor(&self, work: &Work, cx: &mut Context<Self>) -> Div {
        let find = work.editor.find.as_ref();
        let editor = self.editors.get(work.editor.tab).cloned();
        div()
            .flex()
            .flex_col()
            .size_full()
            .children(find.map(|bar| find::bar(bar, &self.fields, &self.parts.post, cx)))
            .child(
                div()
                    .id("editor")
                    .test_support()
                    .key_context(keys::EDITOR)
                    .relative()
                    .flex_1()
                    .min_h_0()
                    .w_full()
                    .children(editor)
                    .children(self.hint.map(|top| self.run_hint(work, Some(top), cx))),
            )
    }

    /// So much room the hint takes in the editor, guessed on the safe side.
    fn hint_width(&self, work: &Work, window: &Window, cx: &mut Context<Self>) -> Pixels {
        let look = Look::of(cx);
        let system = window.text_system();
        let size = look.px(12.0);
        let letter = system.em_advance(system.resolve_font(&fonts::mono()), size).unwrap_or(size);
        let hint = &work.editor.hint;
        let key = hint.key.as_ref().map_or(0, |key| key.chars().count());
        let letters = hint.label.chars().count() + key;
        letter * letters as f32 + look.px(60.0)
    }

    /// What the key would do now: in the editor at the right, where no text is, else at the end of the row of tabs.
    fn run_hint(&self, work: &Work, top: Option<Pixels>, cx: &mut Context<Self>) -> Div {
        let look = Look::of(cx);
        let place = match top {
            Some(top) => div().absolute().top(top).right(look.px(14.0)),
            None => div().flex_none().mr(look.px(14.0)),
        };
        place
            .h(look.editor_line())
            .flex()
            .items_center()
            .px(look.px(6.0))
            .rounded(look.px(4.0))
            .font_family(fonts::MONO)
            .text_size(look.px(12.0))
            .child(words::hint(&work.editor.hint, "editor", &self.parts.post, cx))
    }

    fn body(
        &self,
        screen: &Screen,
        work: &Work,
        mono_us: u64,
        window: &Window,
        cx: &mut Context<Self>,
    ) -> Div {
        let look = Look::of(cx);
        let post = &self.parts.post;
        let focus = self.rows.grid().focus_handle(cx);
        let focused = screen.place == Place::Results && focus.is_focused(window);
        let place = div().relative().size_full();
        // Where there is no cell to be outlined, the whole place is.
        let outlined = |place: Div| {
            place.track_focus(&focus).border_1().border_color(if focused {
                look.palette.accent
            } else {
                look.palette.background
            })
        };
        match &work.body {
            Body::Grid(shown) => {
                place.flex().flex_col().children(results::grid_notes(shown, post, cx)).child(
                    div()
                        .relative()
                        .flex_1()
                        .min_h_0()
                        .w_full()
                        .child(self.rows.grid().clone())
                        .children(shown.empty.as_ref().map(|words| results::no_rows(words, cx))),
                )
            }
            Body::Card(card) => outlined(place).child(results::card_page(card, post, cx)),
            Body::Empty(empty) => outlined(place).child(results::empty(empty, mono_us, post, cx)),
            Body::Messages(shown) => outlined(place).child(self.messages(shown, cx)),
        }
    }

    fn messages(&self, shown: &screen::Messages, cx: &mut Context<Self>) -> Div {
        let this: Entity<Self> = cx.entity();
        let rows = list(self.scrolls.messages.clone(), move |index, _, cx| {
            let row = {
                let this = this.read(cx);
                let engine = this.parts.engine.borrow();
                let tab = engine.model().pages.active();
                tab.and_then(|tab| message_row(tab, index, this.now()))
            };
            match row {
                Some(row) => messages::message(&row, index, cx),
                None => div().into_any_element(),
            }
        });
        div()
            .flex()
            .flex_col()
            .size_full()
            .children(shown.note.as_ref().map(|note| messages::note(note, cx)))
            .children(shown.empty.as_ref().map(|note| messages::note(note, cx)))
            .child(
                div()
                    .id("messages-pane")
                    .test_support()
                    .flex()
                    .flex_1()
                    .min_h_0()
                    .w_full()
                    .child(rows.size_full()),
            )
    }

    /// A dialog over a veil. A press beside it closes what asks nothing.
    fn over(&self, of: &Dialog, mono_us: u64, cx: &mut Context<Self>) -> AnyElement {
        let look = Look::of(cx);
        let light = matches!(of, Dialog::Picker(_) | Dialog::Inspect(_) | Dialog::Choices(_));
        let post = self.parts.post.clone();
        let tools = Tools {
            fields: &self.fields,
            name: self.shown.dialog_name,
            scroll: &self.scrolls.picker,
            path: &self.scrolls.path,
            value: &self.scrolls.value,
            form: &self.scrolls.form,
            mono_us,
            post: &self.parts.post,
        };
        let sheet = dialogs::dialog(of, &tools, cx);
        div()
            .id("veil")
            .absolute()
            .top_0()
            .left_0()
            .size_full()
            .occlude()
            .bg(look.palette.veil)
            .flex()
            .flex_col()
            .items_center()
            .pt(look.px(if matches!(of, Dialog::Picker(_)) { 96.0 } else { 64.0 }))
            .pb(look.px(40.0))
            .px(look.px(24.0))
            .when(light, |veil| {
                veil.on_mouse_down(MouseButton::Left, move |_, _, _| {
                    post.post(Command::DialogCancel);
                })
            })
            .child(
                div()
                    .id("dialog")
                    .key_context(keys::DIALOG)
                    .track_focus(&self.handles.dialog)
                    .test_support()
                    .flex()
                    .flex_col()
                    .min_h_0()
                    .max_w_full()
                    .on_mouse_down(MouseButton::Left, |_, _, cx| cx.stop_propagation())
                    .on_key_down(cx.listener(Self::pressed_in_dialog))
                    .child(sheet),
            )
            .into_any_element()
    }

    /// Keys that no binding has, where no text field has the keyboard: a space or an arrow changes a choice, Home and
    /// End move in a value.
    fn pressed_in_dialog(&mut self, event: &KeyDownEvent, _: &mut Window, _: &mut Context<Self>) {
        let engine = self.parts.engine.borrow();
        let key = event.keystroke.key.as_str();
        let by = match key {
            "right" => 1,
            "left" => -1,
            _ => 0,
        };
        match &engine.model().dialog {
            Some(ModelDialog::Connection(connection::Dialog::Form(form)))
                if form.focus.is_choice() =>
            {
                if key == "space" {
                    self.post(Command::DialogToggle);
                } else if by != 0 {
                    let count = form.focus.choices().len() as i64;
                    let choice = (form.choice(form.focus) as i64 + by).rem_euclid(count.max(1));
                    let field = crate::update::connection::form::Field::ALL
                        .iter()
                        .position(|field| *field == form.focus);
                    if let Some(field) = field {
                        let choice = choice as usize;
                        self.post(dialog_room::Msg::ChoiceClicked { field, choice });
                    }
                }
            }
            Some(ModelDialog::Results(crate::update::results::Dialog::Inspect(_)))
                if matches!(key, "home" | "end") =>
            {
                let keystroke = key.to_owned();
                self.post(Msg::Keys(keys_room::Msg::Pressed { keystroke }));
            }
            _ => {}
        }
    }
}

/// Everything that there is.
fn full() -> StyleRefinement {
    StyleRefinement::default().size_full()
}

/// Over everything.
fn over() -> StyleRefinement {
    full().absolute().top_0().left_0()
}

/// A row as wide as there is room.
fn row(height: Pixels) -> StyleRefinement {
    StyleRefinement::default().flex_none().w_full().h(height)
}

/// What is shown in a field while it is empty.
pub(super) fn placeholder(screen: &Screen, id: FieldId) -> String {
    let index = match (id, &screen.main) {
        (FieldId::Welcome, Main::Welcome(welcome)) => return welcome.field.placeholder.clone(),
        (FieldId::Settings(settings_page::Field::Search), Main::Page(paged)) => {
            let screen::Page::Settings(shown) = &paged.page;
            return shown.search.placeholder.clone();
        }
        (FieldId::Settings(_), _) => return String::new(),
        (FieldId::Welcome, Main::Work(_) | Main::Page(_)) => return String::new(),
        (FieldId::Find(field), Main::Work(work)) => {
            let bar = work.editor.find.as_ref();
            let shown = match field {
                crate::update::query::find::Field::Query => bar.map(|bar| &bar.query),
                crate::update::query::find::Field::Replacement => {
                    bar.and_then(|bar| bar.replacement.as_ref())
                }
            };
            return shown.map_or_else(String::new, |field| field.placeholder.clone());
        }
        (FieldId::Find(_), Main::Welcome(_) | Main::Page(_)) => return String::new(),
        (FieldId::Dialog { index, .. }, _) => index,
    };
    match &screen.dialog {
        Some(Dialog::Picker(picker)) => picker.field.placeholder.clone(),
        Some(Dialog::Path(path)) => path.field.placeholder.clone(),
        Some(Dialog::GoToLine(line)) => line.field.placeholder.clone(),
        Some(Dialog::DataDirectory(asked)) => asked.field.placeholder.clone(),
        Some(Dialog::Connection(form)) => {
            let shown = form.fields.iter().find(|field| field.index == index);
            match shown.map(|field| &field.value) {
                Some(FormValue::Text(field)) => field.placeholder.clone(),
                Some(FormValue::Secret { placeholder, .. }) => placeholder.clone(),
                _ => String::new(),
            }
        }
        _ => String::new(),
    }
}
