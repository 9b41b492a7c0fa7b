//! Where the keyboard is. The Model says it, and GPUI's focus is the same after every message. A press moves GPUI's at
//! once: it is told to the Model, and until the Model has heard of it, it is not moved back.

use super::{Target, TuskWindow};
use crate::{
    model::Model,
    msg::Msg,
    update::{
        query::find,
        shell::{
            app, dialog,
            place::{Area, Place},
            welcome,
        },
    },
    view::{
        kit::fields::FieldId,
        shell::{fields, keys},
    },
};

use gpui::{Bounds, Context, FocusHandle, Pixels, Window};

impl TuskWindow {
    /// What has the keyboard, as the Model says.
    fn wanted_target(&self, model: &Model) -> Target {
        match self.shown.screen.place {
            Place::Dialog => {
                let dialog = model.dialog.as_ref();
                let name = dialog.map_or("", fields::name);
                dialog.and_then(fields::focused).map_or(Target::Dialog(name), Target::Field)
            }
            // The list is chosen from in the field: what is typed goes there, whatever is chosen.
            Place::Welcome { .. } => Target::Field(FieldId::Welcome),
            Place::Find => Target::Field(FieldId::Find(model.find.field)),
            Place::Sidebar => Target::Sidebar,
            Place::Editor => Target::Editor(model.pages.active),
            Place::Results => Target::Results,
            Place::Settings => Target::Field(FieldId::Settings(model.settings_page.focused())),
        }
    }

    fn handle(&self, target: Target, cx: &Context<Self>) -> Option<FocusHandle> {
        match target {
            Target::Editor(tab) => self.editors.focus_handle(tab, cx),
            Target::Results => Some(self.rows.focus_handle(cx)),
            Target::Sidebar => Some(self.handles.sidebar.clone()),
            Target::Field(id) => self.fields.focus_handle(id, cx),
            Target::Dialog(_) => Some(self.handles.dialog.clone()),
        }
    }

    /// What has the keyboard, as GPUI says; none where it is nowhere that Tusk knows.
    fn found_target(&self, model: &Model, window: &Window, cx: &Context<Self>) -> Option<Target> {
        let focused = window.focused(cx)?;
        let name = model.dialog.as_ref().map_or("", fields::name);
        let parts = [
            Target::Editor(model.pages.active),
            Target::Results,
            Target::Sidebar,
            Target::Dialog(name),
        ];
        let fields = self.fields.ids().map(Target::Field);
        parts
            .into_iter()
            .chain(fields)
            .find(|target| self.handle(*target, cx).as_ref() == Some(&focused))
    }

    /// What tells the Model where a press put the keyboard; nothing where nothing can be pressed now, or where a press
    /// means what the Model has already.
    fn report(&self, target: Target, model: &Model) -> Option<Msg> {
        let area = |area| Some(app::Msg::AreaFocused { area }.into());
        let covered = model.dialog.is_some();
        match target {
            Target::Field(FieldId::Dialog { dialog: name, index }) => {
                (model.dialog.as_ref().is_some_and(|dialog| fields::name(dialog) == name))
                    .then(|| dialog::Msg::FieldFocused { field: index }.into())
            }
            _ if covered => None,
            Target::Field(FieldId::Welcome) => {
                model.welcome.shown.then(|| welcome::Msg::Focused { in_field: true }.into())
            }
            _ if model.welcome.shown => None,
            Target::Field(FieldId::Find(field)) => Some(find::Msg::Focused { field }.into()),
            Target::Field(FieldId::Settings(_)) => area(Area::Settings),
            Target::Editor(_) => area(Area::Editor),
            Target::Results => area(Area::Results),
            Target::Sidebar => area(Area::Sidebar),
            Target::Dialog(_) => None,
        }
    }

    /// A message that tells of a press has been taken.
    pub(super) fn heard(&mut self, msg: &Msg) {
        if matches!(
            msg,
            Msg::App(app::Msg::AreaFocused { .. })
                | Msg::Dialog(dialog::Msg::FieldFocused { .. })
                | Msg::Welcome(welcome::Msg::Focused { .. })
                | Msg::Find(find::Msg::Focused { .. })
        ) {
            self.reports = self.reports.saturating_sub(1);
        }
    }

    /// Makes the Model and GPUI agree: where a press moved the keyboard, the Model hears of it; else the keyboard goes
    /// to where the Model has it.
    pub(super) fn settle_focus(&mut self, window: &mut Window, cx: &mut Context<Self>) {
        if self.quitting {
            return;
        }
        let engine = self.parts.engine.clone();
        let engine = engine.borrow();
        let model = engine.model();
        let wanted = self.wanted_target(model);
        let found = self.found_target(model, window, cx);
        if found == Some(wanted) {
            self.target = found;
            self.enter_find(model, window, cx);
            return;
        }
        if let Some(pressed) = found.filter(|_| found != self.target) {
            let told = self.report(pressed, model);
            if let Some(msg) = told {
                self.target = found;
                self.reports += 1;
                self.post(msg);
                return;
            }
        }
        if self.reports > 0 && found.is_some() && found == self.target {
            return;
        }
        if self.in_menu(found, wanted, window) {
            return;
        }
        let Some(handle) = self.handle(wanted, cx) else {
            return;
        };
        window.focus(&handle, cx);
        // A press beside a field took the keyboard from it: what was selected there still is.
        let entered = self.target != Some(wanted);
        self.target = Some(wanted);
        if let (Target::Field(id), true) = (wanted, entered) {
            self.fields.enter(id, window, cx);
        }
        self.entered_find = model.find.entered;
    }

    /// The search was asked for again while its field had the keyboard.
    fn enter_find(&mut self, model: &Model, window: &mut Window, cx: &mut Context<Self>) {
        if self.entered_find == model.find.entered {
            return;
        }
        self.entered_find = model.find.entered;
        if let Some(Target::Field(id @ FieldId::Find(_))) = self.target {
            self.fields.enter(id, window, cx);
        }
    }

    /// Whether the kit's menu of a text (cut, copy, paste) has the keyboard, which gives it back by itself.
    fn in_menu(&self, found: Option<Target>, wanted: Target, window: &Window) -> bool {
        let path = || window.context_stack();
        found.is_none()
            && self.target == Some(wanted)
            && path().iter().any(|part| part.contains("PopupMenu"))
    }

    /// A press may have moved the keyboard: looked at when it has been handled.
    pub(in crate::view) fn look_at_focus(&mut self, window: &mut Window, cx: &mut Context<Self>) {
        cx.defer_in(window, |this, window, cx| this.settle_focus(window, cx));
    }

    /// The text that is edited now, as the widget has it.
    pub fn focused_text(&self, window: &Window, cx: &Context<Self>) -> Option<String> {
        let engine = self.parts.engine.borrow();
        match self.found_target(engine.model(), window, cx)? {
            Target::Editor(tab) => Some(self.editors.get(tab)?.read(cx).text(cx).to_string()),
            Target::Field(id) => self.fields.text(id, cx),
            Target::Results | Target::Sidebar | Target::Dialog(_) => None,
        }
    }

    /// Where the editor's cursor was drawn, and the place that its text is drawn in.
    pub fn caret(&self, cx: &Context<Self>) -> Option<(Bounds<Pixels>, Bounds<Pixels>)> {
        let active = self.parts.engine.borrow().model().pages.active;
        self.editors.get(active)?.read(cx).caret(cx)
    }

    /// How the Model and GPUI disagree about the keyboard, where they do. A press that the Model has not heard of yet is
    /// no disagreement.
    pub fn focus_problem(&self, window: &Window, cx: &Context<Self>) -> Option<String> {
        if self.quitting || self.reports > 0 {
            return None;
        }
        let engine = self.parts.engine.borrow();
        let wanted = self.wanted_target(engine.model());
        let found = self.found_target(engine.model(), window, cx);
        (found != Some(wanted) && !self.in_menu(found, wanted, window))
            .then(|| format!("the Model has the keyboard at {wanted:?}, and GPUI at {found:?}"))
    }

    /// The same of what is drawn: a key pressed now must come to the part of the window that the Model means.
    pub fn drawn_focus_problem(&self, window: &Window, cx: &Context<Self>) -> Option<String> {
        if let Some(problem) = self.focus_problem(window, cx) {
            return Some(problem);
        }
        if self.quitting || self.reports > 0 {
            return None;
        }
        let engine = self.parts.engine.borrow();
        let model = engine.model();
        let place = keys::place(self.shown.screen.place.context()).unwrap_or(keys::WINDOW);
        let takes_text = matches!(self.wanted_target(model), Target::Editor(_) | Target::Field(_));
        let path = window.context_stack();
        if path.iter().any(|part| part.contains("PopupMenu")) {
            return None;
        }
        let has = |context: &str| path.iter().any(|part| part.contains(context));
        (!has(place) || takes_text && !has("Input"))
            .then(|| format!("keys for {place} go to {path:?}"))
    }
}
