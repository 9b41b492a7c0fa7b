//! What lies over the window: at most one dialog at a time. Each is its room's; here are the keys that all have.
//!
//! Each is closed with Escape, accepted with Enter, and walked with Tab and the arrows; typed text goes
//! to the field that has focus, in the window and without one alike.

use super::{command::Command, leaving, palette, sidebar, tabs};
use crate::{
    base::{
        ids::*,
        secret::Secret,
        text::{Buffer, TextKey},
    },
    conninfo::{Conninfo, Defaults},
    model::Model,
    update::{
        connection::{self, form},
        cx::Cx,
        files,
        keeping::storage::{self, DirectoryPrompt},
        picker::{Field, Picker},
        query::{self, history::History, run},
        results,
    },
};

use serde::{Deserialize, Serialize};

/// A page of a list.
const PAGE: i64 = 10;

/// What lies over the window.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Dialog {
    /// Every command, by name.
    Palette(Picker),
    /// Something would be lost.
    Confirm(Confirm),
    /// The data directory can't be used.
    DataDirectory(DirectoryPrompt),
    Query(query::Dialog),
    Results(results::Dialog),
    Connection(connection::Dialog),
    Files(files::Dialog),
}

/// Something that is asked before a tab or the program is left.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Confirm {
    /// Close a tab that would lose something.
    CloseTab {
        tab: TabId,
        /// What would be lost.
        reasons: Vec<String>,
    },
    /// Close the window although something would be lost.
    Quit {
        /// What would be lost.
        reasons: Vec<String>,
    },
    /// Leave open transactions; accepting stays, the alternative commits, and the toggle rolls back.
    Leave {
        /// What is left.
        place: leaving::Scope,
        /// What would be lost.
        reasons: Vec<String>,
        /// Whether there is something to commit, and nothing is in its way.
        can_commit: bool,
    },
}

impl Dialog {
    /// The field that typed text goes to.
    fn focused_mut(&mut self) -> Option<&mut Buffer> {
        match self {
            Self::Palette(picker) => Some(&mut picker.field),
            Self::DataDirectory(prompt) => Some(&mut prompt.field),
            Self::Query(dialog) => dialog.focused_mut(),
            Self::Results(dialog) => dialog.focused_mut(),
            Self::Connection(dialog) => dialog.focused_mut(),
            Self::Files(dialog) => dialog.focused_mut(),
            Self::Confirm(_) => None,
        }
    }

    /// The list with a field over it.
    fn picker_mut(&mut self) -> Option<&mut Picker> {
        match self {
            Self::Palette(picker) => Some(picker),
            Self::Query(dialog) => dialog.picker_mut(),
            Self::Results(dialog) => dialog.picker_mut(),
            Self::Connection(_) | Self::Files(_) | Self::DataDirectory(_) | Self::Confirm(_) => {
                None
            }
        }
    }

    /// The fields that text is typed into.
    pub fn fields(&self) -> Vec<Field> {
        match self {
            Self::Palette(picker) => vec![Field::only("palette", &picker.field)],
            Self::DataDirectory(prompt) => {
                vec![Field { is_path: true, ..Field::only("directory", &prompt.field) }]
            }
            Self::Query(dialog) => dialog.fields(),
            Self::Results(dialog) => dialog.fields(),
            Self::Connection(dialog) => dialog.fields(),
            Self::Files(dialog) => dialog.fields(),
            Self::Confirm(_) => vec![],
        }
    }

    /// The place of the field that has the keyboard; none where no text is typed.
    pub fn focused(&self) -> Option<usize> {
        match self {
            Self::Connection(connection::Dialog::Form(form)) => {
                (!form.focus.is_choice()).then_some(form.focus as usize)
            }
            dialog => dialog.fields().first().map(|field| field.index),
        }
    }

    /// Whether it has a field for text. In one without, each letter is a key.
    pub fn takes_text(&self) -> bool {
        match self {
            Self::Palette(_) | Self::DataDirectory(_) => true,
            Self::Query(dialog) => dialog.takes_text(),
            Self::Results(dialog) => dialog.takes_text(),
            Self::Connection(dialog) => dialog.takes_text(),
            Self::Files(dialog) => dialog.takes_text(),
            Self::Confirm(_) => false,
        }
    }

    /// Whether typed text is a password now: it then travels as a secret.
    pub fn takes_secret(&self) -> bool {
        matches!(self, Self::Connection(dialog) if dialog.takes_secret())
    }

    /// Whether an effect that was asked for is on its way back to it.
    pub fn is_busy(&self) -> bool {
        match self {
            Self::DataDirectory(prompt) => prompt.trying.is_some(),
            Self::Connection(dialog) => dialog.is_busy(),
            Self::Files(dialog) => dialog.is_busy(),
            Self::Palette(_) | Self::Query(_) | Self::Results(_) | Self::Confirm(_) => false,
        }
    }
}

/// The dialog on connections, if one is open.
pub fn of_connection(dialog: &Option<Dialog>) -> Option<&connection::Dialog> {
    match dialog {
        Some(Dialog::Connection(dialog)) => Some(dialog),
        _ => None,
    }
}

/// The same, to change it.
pub fn of_connection_mut(dialog: &mut Option<Dialog>) -> Option<&mut connection::Dialog> {
    match dialog {
        Some(Dialog::Connection(dialog)) => Some(dialog),
        _ => None,
    }
}

/// Puts a dialog over the window. One that was there is cancelled first, so that nothing waits for it in vain.
pub fn show(model: &mut Model, shown: Dialog) {
    cancel(model);
    model.dialog = Some(shown);
}

/// What the window reports of a dialog.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// The text of a field changed.
    FieldEdited {
        /// The field, counted in the dialog's order.
        field: usize,
        /// Its whole text.
        text: String,
    },
    /// A connection was pasted into a field of the connection dialog; made by [`edited`], which reads it, so that no
    /// message holds a password.
    Pasted {
        /// The field, counted in the dialog's order.
        field: usize,
        /// What it says.
        conninfo: Box<Conninfo>,
    },
    /// The same, where it can't be read. What was pasted may hold a password: the field does not keep it.
    PasteRefused {
        /// The field, counted in the dialog's order.
        field: usize,
        /// Why, and what to write.
        problem: String,
    },
    /// The text of a password field changed.
    SecretEdited {
        /// The field, counted in the dialog's order.
        field: usize,
        /// Its whole text.
        secret: Secret,
    },
    /// A field got focus.
    FieldFocused { field: usize },
    /// A choice of a field was clicked.
    ChoiceClicked { field: usize, choice: usize },
    /// A row of the list was clicked, and what it stands for is meant.
    RowClicked { row: usize },
    /// A row of the list was clicked to be looked at: a run.
    RowChosen { row: usize },
}

/// Takes in what the window reports of the dialog.
pub fn update(model: &mut Model, msg: Msg) {
    let Model { history, dialog, cx, .. } = model;
    match msg {
        Msg::FieldEdited { field, text } => field_edited(history, dialog, cx, field, &text),
        Msg::RowClicked { row } => {
            select_row(model, row);
            accept(model)
        }
        Msg::RowChosen { row } => select_row(model, row),
        Msg::Pasted { .. }
        | Msg::PasteRefused { .. }
        | Msg::SecretEdited { .. }
        | Msg::FieldFocused { .. }
        | Msg::ChoiceClicked { .. } => {
            if let Some(dialog) = of_connection_mut(dialog) {
                connection_edited(dialog, msg);
            }
        }
    }
}

fn connection_edited(dialog: &mut connection::Dialog, msg: Msg) {
    match (dialog, msg) {
        (connection::Dialog::Form(form), Msg::Pasted { conninfo, .. }) => form.fill(*conninfo),
        (connection::Dialog::Form(form), Msg::PasteRefused { field, problem }) => {
            form.refuse(field, problem);
        }
        (connection::Dialog::Form(form), Msg::FieldFocused { field }) => form.focus_field(field),
        (dialog, Msg::SecretEdited { field, secret }) => dialog.set_secret(field, secret),
        (dialog, Msg::ChoiceClicked { field, choice }) => dialog.choose(field, choice),
        _ => {}
    }
}

/// The message for a field whose whole text changed.
pub fn edited(defaults: &Defaults, dialog: &Option<Dialog>, field: usize, text: &str) -> Msg {
    let pasted = match dialog {
        Some(Dialog::Connection(connection::Dialog::Form(_))) => {
            form::pasted(field, text, defaults).map(|read| read_in(field, read))
        }
        _ => None,
    };
    pasted.unwrap_or_else(|| Msg::FieldEdited { field, text: text.to_owned() })
}

/// The message for text that is typed without a window, where it makes a connection of the field that has focus.
pub fn pasted(defaults: &Defaults, dialog: &Option<Dialog>, text: &str) -> Option<Msg> {
    let Some(Dialog::Connection(connection::Dialog::Form(form))) = dialog else {
        return None;
    };
    let mut buffer = form.texts.get(&form.focus)?.clone();
    buffer.insert(text);
    let field = form.focus as usize;
    let read = form::pasted(field, &buffer.string(), defaults)?;
    Some(read_in(field, read))
}

/// The message for what was read of a text that was pasted into a field.
fn read_in(field: usize, read: Result<Box<Conninfo>, String>) -> Msg {
    match read {
        Ok(conninfo) => Msg::Pasted { field, conninfo },
        Err(problem) => Msg::PasteRefused { field, problem },
    }
}

fn field_edited(
    history: &mut History,
    dialog: &mut Option<Dialog>,
    cx: &mut Cx,
    field: usize,
    text: &str,
) {
    let buffer = match dialog {
        Some(Dialog::Connection(dialog)) => dialog.text_mut(field),
        _ => dialog.as_mut().and_then(Dialog::focused_mut),
    };
    let Some(buffer) = buffer else { return };
    if buffer.string() == text {
        return;
    }
    buffer.replace_all(text);
    after_edit(history, dialog, cx)
}

/// Text typed without a window.
pub fn typed(history: &mut History, dialog: &mut Option<Dialog>, cx: &mut Cx, text: &str) {
    if let Some(Dialog::Connection(connection::Dialog::Form(form))) = dialog
        && form.focus.is_choice()
    {
        if text == " " {
            form.toggle();
        }
        return;
    }
    if let Some(field) = dialog.as_mut().and_then(Dialog::focused_mut) {
        field.insert(text);
        after_edit(history, dialog, cx)
    }
}

/// A password typed without a window; it comes whole or in pieces.
pub fn secret_typed(dialog: &mut Option<Dialog>, secret: &Secret) {
    if let Some(password) = of_connection_mut(dialog).and_then(connection::Dialog::secret_mut) {
        *password = Secret::new(format!("{}{}", password.reveal(), secret.reveal()));
    }
}

/// A key that edits, without a window.
pub fn key(
    history: &mut History,
    dialog: &mut Option<Dialog>,
    cx: &mut Cx,
    key: TextKey,
    shift: bool,
) {
    if let Some(Dialog::Results(results::Dialog::Inspect(inspect))) = dialog {
        inspect.step(if key == TextKey::End { i64::MAX / 2 } else { i64::MIN / 2 });
        return;
    }
    if let Some(password) = of_connection_mut(dialog).and_then(connection::Dialog::secret_mut) {
        // A password is not shown: the one thing to do with it by key is to begin again.
        if matches!(key, TextKey::Backspace | TextKey::Delete) {
            *password = Secret::default();
        }
        return;
    }
    let field = dialog.as_mut().and_then(Dialog::focused_mut);
    if field.and_then(|field| field.key(key, shift)).is_some() {
        after_edit(history, dialog, cx)
    }
}

/// What follows from an edited field.
fn after_edit(history: &mut History, dialog: &mut Option<Dialog>, cx: &mut Cx) {
    match dialog {
        Some(Dialog::Query(dialog)) => dialog.edited(history, cx),
        Some(Dialog::Files(dialog)) => dialog.edited(cx),
        Some(Dialog::Connection(connection::Dialog::Form(form))) => form.problems.clear(),
        Some(Dialog::Palette(picker) | Dialog::Results(results::Dialog::List(picker))) => {
            picker.selected = 0;
        }
        _ => {}
    }
}

/// A command that is meant for the dialog.
pub fn command(model: &mut Model, command: Command) -> bool {
    match command {
        Command::DialogAccept => accept(model),
        Command::DialogCancel => cancel(model),
        Command::DialogAlternative => alternative(model),
        Command::DialogTest => {
            let Model { connections, defaults, dialog, cx, .. } = model;
            if let Some(connection::Dialog::Form(form)) = of_connection_mut(dialog) {
                form::test(connections, defaults, cx, form);
            }
        }
        Command::DialogNext => next_field(model, true),
        Command::DialogPrevious => next_field(model, false),
        Command::DialogToggle => toggle(model),
        Command::ListUp => step(model, -1),
        Command::ListDown => step(model, 1),
        Command::ListPageUp => step(model, -PAGE),
        Command::ListPageDown => step(model, PAGE),
        Command::ListFirst => step(model, i64::MIN / 2),
        Command::ListLast => step(model, i64::MAX / 2),
        _ => return false,
    }
    true
}

/// How many rows the dialog's list has.
fn rows(model: &Model) -> usize {
    match &model.dialog {
        Some(Dialog::Palette(picker)) => palette::matches(&picker.field.string()).len(),
        Some(Dialog::Query(dialog)) => dialog.rows(&model.history),
        Some(Dialog::Results(dialog)) => {
            model.pages.active().map_or(0, |page| dialog.rows(&page.results))
        }
        Some(Dialog::Files(dialog)) => dialog.rows(),
        Some(Dialog::Connection(_) | Dialog::DataDirectory(_) | Dialog::Confirm(_)) | None => 0,
    }
}

fn select_row(model: &mut Model, row: usize) {
    let row = row.min(rows(model).saturating_sub(1));
    match &mut model.dialog {
        Some(Dialog::Files(dialog)) => dialog.select(row),
        Some(dialog) => {
            if let Some(picker) = dialog.picker_mut() {
                picker.selected = row;
            }
        }
        None => {}
    }
}

fn step(model: &mut Model, by: i64) {
    let selected = match &mut model.dialog {
        Some(Dialog::Connection(connection::Dialog::Form(form))) => return form.next(by > 0),
        Some(Dialog::Results(results::Dialog::Inspect(inspect))) => return inspect.step(by),
        Some(Dialog::Files(dialog)) => match dialog.selected() {
            Some(selected) => selected,
            None if by > 0 => return select_row(model, 0),
            None => return,
        },
        Some(dialog) => match dialog.picker_mut() {
            Some(picker) => picker.selected,
            None => return,
        },
        None => return,
    };
    let last = rows(model).saturating_sub(1) as i64;
    select_row(model, (selected as i64).saturating_add(by).clamp(0, last) as usize);
}

fn next_field(model: &mut Model, forward: bool) {
    match &mut model.dialog {
        Some(Dialog::Connection(connection::Dialog::Form(form))) => form.next(forward),
        Some(Dialog::Files(dialog)) => dialog.next(&mut model.cx),
        Some(dialog) => {
            let is_list = dialog.picker_mut().is_some();
            if is_list {
                step(model, if forward { 1 } else { -1 });
            }
        }
        None => {}
    }
}

fn toggle(model: &mut Model) {
    match model.dialog.take() {
        Some(Dialog::Connection(mut dialog)) => {
            dialog.toggle();
            model.dialog = Some(Dialog::Connection(dialog));
        }
        Some(Dialog::Confirm(Confirm::Leave { place, .. })) => leaving::roll_back(model, place),
        Some(Dialog::Query(dialog)) => answer(model, dialog, run::Answer::GoOnToTheEnd),
        other => model.dialog = other,
    }
}

/// Says what becomes of a script that stands at an error.
fn answer(model: &mut Model, dialog: query::Dialog, answer: run::Answer) {
    let Model { pages, connections, history, cx, .. } = model;
    model.dialog = dialog.answer(pages, connections, history, cx, answer).map(Dialog::Query);
}

/// Escape: the dialog goes, and nothing was done.
fn cancel(model: &mut Model) {
    let cx = &mut model.cx;
    match model.dialog.take() {
        Some(Dialog::Connection(dialog)) => dialog.cancel(cx),
        Some(Dialog::Files(dialog)) => dialog.cancel(cx),
        Some(Dialog::DataDirectory(_)) => storage::go_on_in_memory(cx),
        Some(Dialog::Query(dialog)) => {
            answer(model, dialog, run::Answer::Stop);
            model.dialog = None;
        }
        Some(Dialog::Palette(_) | Dialog::Results(_) | Dialog::Confirm(_)) | None => {}
    }
}

/// Enter: what the dialog offers is done.
fn accept(model: &mut Model) {
    let Some(dialog) = model.dialog.take() else {
        return;
    };
    if matches!(dialog, Dialog::Query(query::Dialog::History(_))) {
        tabs::need_query(model);
    }
    let Model { pages, connections, history, files, cx, .. } = model;
    match dialog {
        Dialog::Palette(picker) => {
            let matches = palette::matches(&picker.field.string());
            if let Some(found) = matches.get(picker.selected) {
                super::routing::run(model, found.command);
            }
        }
        Dialog::Query(dialog) => {
            let stays = dialog.accept(pages, connections, history, files, cx);
            model.dialog = stays.map(Dialog::Query);
        }
        Dialog::Results(dialog) => {
            if let Some(page) = pages.active_mut() {
                dialog.accept(&mut page.results, cx);
            }
        }
        Dialog::Connection(dialog) => {
            sidebar::keeping_choices(model, |model| {
                let Model { connections, defaults, cx, .. } = model;
                model.dialog = dialog.accept(connections, defaults, cx).map(Dialog::Connection);
            });
        }
        Dialog::Files(dialog) => model.dialog = dialog.accept(files, cx).map(Dialog::Files),
        Dialog::DataDirectory(prompt) => {
            model.dialog = Some(Dialog::DataDirectory(storage::try_directory(cx, prompt)));
        }
        Dialog::Confirm(confirm) => confirmed(model, confirm),
    }
}

/// The dialog's other offer.
fn alternative(model: &mut Model) {
    match model.dialog.take() {
        Some(Dialog::Connection(dialog)) => {
            sidebar::keeping_choices(model, |model| {
                let Model { connections, defaults, cx, .. } = model;
                let stays = dialog.alternative(connections, defaults, cx);
                model.dialog = stays.map(Dialog::Connection);
            });
        }
        Some(Dialog::Confirm(Confirm::Leave { place, can_commit: true, .. })) => {
            leaving::commit(model, place)
        }
        Some(Dialog::DataDirectory(_)) => super::app::quit(model),
        Some(Dialog::Query(dialog)) => answer(model, dialog, run::Answer::GoOn),
        Some(Dialog::Results(dialog)) => {
            if let Some(page) = model.pages.active() {
                dialog.alternative(&page.results, &mut model.cx);
            }
            model.dialog = Some(Dialog::Results(dialog));
        }
        other => model.dialog = other,
    }
}

fn confirmed(model: &mut Model, confirm: Confirm) {
    match confirm {
        Confirm::CloseTab { tab, .. } => tabs::close_now(model, tab),
        Confirm::Quit { .. } => super::app::quit(model),
        // Nothing is lost by a key that is pressed without reading.
        Confirm::Leave { .. } => {}
    }
}
