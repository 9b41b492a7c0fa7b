//! The editors of the open tabs: each edit and each move goes to the Model, and where the Model changed a text, the
//! widget follows. While something that a widget sent is still on its way, it is left alone: the Model's answer to it
//! decides.

use crate::{
    base::{ids::TabId, text::Edit},
    msg::Msg,
    screen,
    update::query::{
        Pages,
        editor::{self, Mark},
        page::Page,
    },
    view::{
        kit::editor::{EditorSelection, SqlEditor, SqlEditorEvent},
        shell::window::TuskWindow,
    },
};
use std::collections::BTreeMap;

use gpui::{App, AppContext, Context, Entity, FocusHandle, Focusable, Subscription, Window};

/// The editor of one tab.
struct Held {
    editor: Entity<SqlEditor>,
    /// Messages that were sent and not yet taken.
    sent: usize,
    /// The error that is underlined.
    mark: Option<Mark>,
    _subscription: Subscription,
}

/// The editors, by tab.
#[derive(Default)]
pub struct Editors {
    held: BTreeMap<TabId, Held>,
}

impl Editors {
    pub fn get(&self, tab: TabId) -> Option<&Entity<SqlEditor>> {
        Some(&self.held.get(&tab)?.editor)
    }

    /// What gives a tab's editor the keyboard.
    pub fn focus_handle(&self, tab: TabId, cx: &App) -> Option<FocusHandle> {
        Some(self.held.get(&tab)?.editor.focus_handle(cx))
    }

    /// A message that an editor sent has been taken.
    pub fn taken(&mut self, msg: &Msg) {
        if let Msg::Editor { tab, .. } = msg
            && let Some(held) = self.held.get_mut(tab)
        {
            held.sent = held.sent.saturating_sub(1);
        }
    }

    /// Makes an editor for each new tab, lets those of closed ones go, and brings each up to its page.
    pub fn follow(
        &mut self,
        pages: &Pages,
        shown: &screen::Editor,
        window: &mut Window,
        cx: &mut Context<TuskWindow>,
    ) {
        let open = |id: &TabId| pages.open.iter().any(|tab| tab.id == *id);
        self.held.retain(|id, _| open(id));
        for tab in &pages.open {
            if tab.id == pages.active && !self.held.contains_key(&tab.id) {
                let editor = make(tab, &shown.placeholder, window, cx);
                self.held.insert(tab.id, editor);
            }
            if let Some(held) = self.held.get_mut(&tab.id) {
                held.follow(tab, window, cx);
            }
        }
        if let Some(held) = self.held.get(&pages.active)
            && held.sent == 0
        {
            let find = shown.find.as_ref();
            let (found, chosen) =
                find.map_or((&[][..], None), |bar| (bar.marks.as_slice(), bar.chosen));
            held.editor.update(cx, |editor, cx| {
                editor.mark_statement(shown.statement.clone(), cx);
                editor.mark_found(found, chosen, cx);
            });
        }
    }

    fn sent(&mut self, tab: TabId) {
        if let Some(held) = self.held.get_mut(&tab) {
            held.sent += 1;
        }
    }
}

impl Held {
    fn follow(&mut self, tab: &Page, window: &mut Window, cx: &mut Context<TuskWindow>) {
        if self.sent > 0 {
            return;
        }
        let buffer = &tab.editor.buffer;
        let wanted = EditorSelection { anchor: buffer.anchor(), head: buffer.head() };
        let (revision, selection) = {
            let editor = self.editor.read(cx);
            (editor.revision(), editor.selection())
        };
        if buffer.revision() > revision {
            let text = buffer.string();
            self.mark = None;
            self.editor.update(cx, |editor, cx| {
                editor.set_text(&text, buffer.revision(), window, cx);
                editor.set_selection(wanted, cx);
                editor.reveal(window, cx);
            });
        } else if selection != wanted {
            self.editor.update(cx, |editor, cx| {
                editor.set_selection(wanted, cx);
                editor.reveal(window, cx);
            });
        }
        let mark = tab.editor.visible_mark();
        if self.mark.as_ref() != mark {
            self.mark = mark.cloned();
            self.editor.update(cx, |editor, cx| match mark {
                Some(mark) => editor.mark_error(mark.start..mark.end, &mark.message, cx),
                None => editor.clear_error(cx),
            });
        }
    }
}

fn make(tab: &Page, placeholder: &str, window: &mut Window, cx: &mut Context<TuskWindow>) -> Held {
    let buffer = &tab.editor.buffer;
    let selection = EditorSelection { anchor: buffer.anchor(), head: buffer.head() };
    let editor = cx.new(|cx| {
        let text = buffer.string();
        let mut editor = SqlEditor::new(&text, buffer.revision(), window, cx);
        editor.set_placeholder(placeholder, window, cx);
        editor.set_selection(selection, cx);
        editor
    });
    let id = tab.id;
    let subscription =
        cx.subscribe_in(&editor, window, move |tusk, _, event: &SqlEditorEvent, window, cx| {
            if let Some(msg) = message(event) {
                tusk.editors_mut().sent(id);
                tusk.post(Msg::Editor { tab: id, msg });
            } else if matches!(event, SqlEditorEvent::Focused) {
                tusk.look_at_focus(window, cx);
            }
        });
    Held { editor, sent: 0, mark: None, _subscription: subscription }
}

/// The message for what a person did in an editor.
fn message(event: &SqlEditorEvent) -> Option<editor::Msg> {
    match event {
        SqlEditorEvent::Edited { revision, changes, selection, .. } => {
            let edits = changes.iter().map(|change| Edit {
                start: change.range.start,
                removed: change.range.len(),
                inserted: change.inserted.clone(),
            });
            Some(editor::Msg::Edited {
                base: revision.saturating_sub(1),
                edits: edits.collect(),
                anchor: selection.anchor,
                head: selection.head,
            })
        }
        SqlEditorEvent::SelectionMoved(selection) => {
            Some(editor::Msg::Selected { anchor: selection.anchor, head: selection.head })
        }
        SqlEditorEvent::Focused | SqlEditorEvent::Blurred => None,
    }
}
