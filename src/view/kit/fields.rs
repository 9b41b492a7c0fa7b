//! The text fields of the dialogs and of the welcome screen: the kit's inputs, which report each edit and follow the
//! Model where it changes their text. A password is shown as dots.

use crate::{
    base::secret::Secret,
    msg::Msg,
    update::{
        query::find,
        settings::page,
        shell::{dialog, welcome},
    },
    view::shell::window::TuskWindow,
};

use std::collections::BTreeMap;

use gpui::component::input::{Input, InputEvent, InputState};
use gpui::{
    App, AppContext, Context, Entity, FocusHandle, Focusable, Styled, Subscription, Window,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FieldId {
    /// The field of the welcome screen.
    Welcome,
    /// A field of the search.
    Find(find::Field),
    /// A field of the settings page.
    Settings(page::Field),
    /// A field of a dialog.
    Dialog {
        /// Which dialog, so that another one gets fields of its own.
        dialog: &'static str,
        /// Its number for `dialog::Msg`.
        index: usize,
    },
}

/// One field.
struct Held {
    input: Entity<InputState>,
    /// Edits that were sent and not yet taken: until then the Model's text is older than the field's.
    sent: usize,
    /// Whether a path is typed there.
    is_path: bool,
    _subscription: Subscription,
}

/// Every field that is on screen.
#[derive(Default)]
pub struct Fields {
    held: BTreeMap<FieldId, Held>,
}

/// A field as the Model has it.
pub struct Wanted {
    pub text: Secret,
    pub placeholder: String,
    pub masked: bool,
    pub is_path: bool,
}

impl Fields {
    /// The kit's input of a field, without a frame.
    pub fn input(&self, id: FieldId, label: &str) -> Option<Input> {
        let input = Input::new(&self.held.get(&id)?.input);
        Some(input.appearance(false).bordered(false).px(gpui::px(0.0)).aria_label(label.to_owned()))
    }

    /// What gives a field the keyboard.
    pub fn focus_handle(&self, id: FieldId, cx: &App) -> Option<FocusHandle> {
        Some(self.held.get(&id)?.input.focus_handle(cx))
    }

    /// Every field that is on screen.
    pub fn ids(&self) -> impl Iterator<Item = FieldId> {
        self.held.keys().copied()
    }

    /// The keyboard came to a field by a key, not by the mouse: its text is selected, so that what is typed takes its
    /// place. A path is one to go on from.
    pub fn enter(&self, id: FieldId, window: &mut Window, cx: &mut Context<TuskWindow>) {
        let Some(held) = self.held.get(&id) else {
            return;
        };
        held.input.update(cx, |input, cx| {
            if held.is_path {
                let end = input.text().len();
                input.set_selected_range(end..end, cx);
            } else {
                input.select_all(window, cx);
            }
        });
    }

    /// The text of a field, as it is on screen.
    pub fn text(&self, id: FieldId, cx: &App) -> Option<String> {
        Some(self.held.get(&id)?.input.read(cx).value().to_string())
    }

    /// A message that a field sent has been taken.
    pub fn taken(&mut self, msg: &Msg) {
        let matching = |id: &FieldId| match (msg, id) {
            (Msg::Welcome(welcome::Msg::Edited { .. }), FieldId::Welcome) => true,
            (
                Msg::Dialog(
                    dialog::Msg::FieldEdited { field, .. }
                    | dialog::Msg::Pasted { field, .. }
                    | dialog::Msg::PasteRefused { field, .. },
                ),
                FieldId::Dialog { index, .. },
            ) => field == index,
            (
                Msg::Dialog(dialog::Msg::SecretEdited { field, .. }),
                FieldId::Dialog { index, .. },
            ) => field == index,
            (Msg::Find(find::Msg::Edited { field, .. }), FieldId::Find(of)) => field == of,
            (Msg::SettingsPage(page::Msg::Edited { field, .. }), FieldId::Settings(of)) => {
                field == of
            }
            _ => false,
        };
        for (_, held) in self.held.iter_mut().filter(|(id, _)| matching(id)) {
            held.sent = held.sent.saturating_sub(1);
        }
    }

    fn sent(&mut self, id: FieldId) {
        if let Some(held) = self.held.get_mut(&id) {
            held.sent += 1;
        }
    }

    /// Makes the fields that the Model has now, lets the others go, and gives them its texts.
    pub fn follow(
        &mut self,
        wanted: BTreeMap<FieldId, Wanted>,
        window: &mut Window,
        cx: &mut Context<TuskWindow>,
    ) {
        self.held.retain(|id, _| wanted.contains_key(id));
        for (id, field) in wanted {
            match self.held.get(&id) {
                None => {
                    self.held.insert(id, make(id, &field, window, cx));
                }
                Some(held) if held.sent == 0 => {
                    let text = field.text.reveal();
                    if held.input.read(cx).value().as_ref() != text {
                        held.input.update(cx, |input, cx| {
                            input.set_value(text.to_owned(), window, cx);
                            // The end is where one goes on, and what is to be seen.
                            input.set_selected_range(text.len()..text.len(), cx);
                        });
                    }
                }
                Some(_) => {}
            }
        }
    }
}

fn make(id: FieldId, field: &Wanted, window: &mut Window, cx: &mut Context<TuskWindow>) -> Held {
    let input = cx.new(|cx| {
        InputState::new(window, cx)
            .placeholder(field.placeholder.clone())
            .default_value(field.text.reveal().to_owned())
            .masked(field.masked)
    });
    let masked = field.masked;
    let end = field.text.reveal().len();
    input.update(cx, |input, cx| input.set_selected_range(end..end, cx));
    let subscription =
        cx.subscribe_in(&input, window, move |tusk, input, event: &InputEvent, window, cx| {
            match event {
                InputEvent::Change => {
                    let text = input.read(cx).value();
                    tusk.fields_mut().sent(id);
                    tusk.field_edited(id, text.as_ref(), masked);
                }
                InputEvent::Focus => tusk.look_at_focus(window, cx),
                InputEvent::Blur | InputEvent::PressEnter { .. } => {}
            }
        });
    Held { input, sent: 0, is_path: field.is_path, _subscription: subscription }
}
