//! What lies over the window: the palette, the history search, the dialogs. At most one at a time.
//!
//! Each is closed with Escape, accepted with Enter, and walked with Tab and the arrows; typed text goes
//! to the field that has focus, in the window and without one alike.

use super::{command::Command, leaving, palette, sidebar, tabs};
use crate::{
    base::{
        ids::*,
        secret::{Secret, SecretKind, Secrets},
        text::{Buffer, TextKey},
    },
    conninfo::{Conninfo, Defaults},
    failure::Failure,
    model::{Area, Model},
    rows::{Column, show::display},
    sql::encoding::Form,
    update::{
        connection::{
            self, Connections,
            form::{self, ConnectionForm},
            host_key::{self, HostKeyPrompt},
            import::{self, Import},
            keychain,
        },
        cx::Cx,
        files::prompt::{self, EncodingPrompt, OtherEncoding, PathPrompt},
        jobs,
        keeping::{
            self,
            storage::{self, DirectoryPrompt},
        },
        query::{
            editor,
            history::{self, History},
            page::Pages,
            run,
        },
        results, settings, window,
    },
};

use serde::{Deserialize, Serialize};

/// A page of a list.
const PAGE: i64 = 10;
/// The inspector shows at most so many bytes; a longer value is copied whole, and shown cut.
pub const INSPECT_BYTES: usize = 1 << 20;

/// What lies over the window.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Dialog {
    /// Every command, by name.
    Palette(Picker),
    /// Every run, by text.
    History(Picker),
    /// The results of the tab, by what was run.
    Results(Picker),
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
    /// A file whose encoding somebody has to say.
    Encoding(EncodingPrompt),
    GoToLine(Buffer),
    /// The data directory can't be used.
    DataDirectory(DirectoryPrompt),
    Settings {
        /// The row that is chosen.
        selected: usize,
    },
}

/// A field over a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Picker {
    /// What was typed.
    pub field: Buffer,
    /// The row that is chosen.
    pub selected: usize,
}

/// The server wants a password.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PasswordPrompt {
    pub connection: ConnectionId,
    /// Which of its secrets is asked for.
    pub kind: SecretKind,
    /// The secrets that the last attempt had.
    pub known: Secrets,
    /// What was typed.
    pub password: Secret,
    /// Whether the keychain shall have it.
    pub store: bool,
    /// What was typed before it, and goes to the keychain with it.
    pub stored_too: Secrets,
    /// Why the last one was not taken.
    pub failure: Option<Failure>,
}

impl PasswordPrompt {
    /// A prompt for a connection's secret.
    pub fn new(
        connection: ConnectionId,
        kind: SecretKind,
        known: Secrets,
        store: bool,
        failure: Option<Failure>,
    ) -> Self {
        Self {
            connection,
            kind,
            known,
            password: Secret::default(),
            store,
            stored_too: Secrets::default(),
            failure,
        }
    }
}

/// Something that is asked before it is done.
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
    /// Close a connection although something would be lost.
    Disconnect {
        connection: ConnectionId,
        /// What would be lost.
        reasons: Vec<String>,
    },
    /// Leave open transactions; accepting stays, the alternative commits, and the toggle rolls back.
    Leave {
        /// What is left.
        place: leaving::Place,
        /// What would be lost.
        reasons: Vec<String>,
        /// Whether there is something to commit, and nothing is in its way.
        can_commit: bool,
    },
    /// Go on with a script that stands at an error; accepting stops it.
    GoOn {
        tab: TabId,
        /// The error.
        message: String,
        /// How many statements are left.
        left: usize,
    },
    /// End the server process of a tab's session.
    Terminate { tab: TabId },
    /// Forget a saved connection.
    DeleteConnection { connection: ConnectionId },
    /// Save the connections that other files name.
    Import(Box<Import>),
    /// Write over a file that is not what it was.
    Overwrite {
        tab: TabId,
        /// The file.
        path: String,
        /// How it is written.
        form: Form,
    },
    /// Save a text as UTF-8, because the encoding that its file had can't hold it.
    OtherEncoding(Box<OtherEncoding>),
    /// Run a file that is too large to be opened.
    RunLarge {
        /// The file.
        path: String,
        /// Its length in bytes.
        bytes: u64,
    },
    /// Read a file that another program changed; accepting reads it, the alternative keeps the text.
    Reload {
        tab: TabId,
        /// The file.
        path: String,
    },
}

/// A value, whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspect {
    /// The column's name.
    pub column: String,
    /// The column's type.
    pub type_name: String,
    /// The row, from 0.
    pub row: u64,
    /// Its length in bytes; none for NULL.
    pub bytes: Option<u64>,
    /// The value's text, as far as it is shown.
    pub text: String,
    pub cut: bool,
    /// The first line on screen.
    pub first_line: usize,
}

impl Inspect {
    /// The inspector over a value. JSON on one line is laid out.
    pub fn new(column: &Column, row: u64, bytes: Option<u64>, whole: &str) -> Self {
        let cut = whole.len() > INSPECT_BYTES;
        let mut end = whole.len().min(INSPECT_BYTES);
        while !whole.is_char_boundary(end) {
            end -= 1;
        }
        let text = &whole[..end];
        let is_json = matches!(column.type_name.as_str(), "json" | "jsonb");
        let laid_out = (is_json && !cut).then(|| lay_out_json(text)).flatten();
        Self {
            column: column.name.clone(),
            type_name: column.type_name.clone(),
            row,
            bytes,
            text: laid_out.unwrap_or_else(|| text.to_owned()),
            cut,
            first_line: 0,
        }
    }
}

/// Whether the user is being asked for this connection's password.
pub fn asks_password(dialog: &Option<Dialog>, connection: ConnectionId) -> bool {
    matches!(dialog, Some(Dialog::Password(prompt)) if prompt.connection == connection)
}

/// Puts a dialog over the window. One that was there is cancelled first, so that nothing waits for it in vain.
pub fn show(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    dialog: &mut Option<Dialog>,
    cx: &mut Cx,
    shown: Dialog,
) {
    cancel(pages, connections, history, dialog, cx);
    *dialog = Some(shown);
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
    match msg {
        Msg::FieldEdited { field, text } => {
            field_edited(&mut model.history, &mut model.dialog, &mut model.cx, field, &text)
        }
        Msg::Pasted { conninfo, .. } => {
            if let Some(Dialog::Connection(form)) = &mut model.dialog {
                form.fill(*conninfo);
            }
        }
        Msg::PasteRefused { field, problem } => {
            if let Some(Dialog::Connection(form)) = &mut model.dialog {
                form.refuse(field, problem);
            }
        }
        Msg::SecretEdited { field, secret } => match &mut model.dialog {
            Some(Dialog::Connection(form)) => form.set_secret(field, secret),
            Some(Dialog::Password(prompt)) => prompt.password = secret,
            _ => {}
        },
        Msg::FieldFocused { field } => {
            if let Some(Dialog::Connection(form)) = &mut model.dialog {
                form.focus_field(field);
            }
        }
        Msg::ChoiceClicked { field, choice } => match &mut model.dialog {
            Some(Dialog::Connection(form)) => form.choose(field, choice),
            Some(Dialog::Password(prompt)) => prompt.store = choice == 0,
            _ => {}
        },
        Msg::RowClicked { row } => {
            select_row(&model.pages, &model.history, &mut model.dialog, row);
            accept(model)
        }
        Msg::RowChosen { row } => {
            select_row(&model.pages, &model.history, &mut model.dialog, row);
        }
    }
}

/// The message for a field whose whole text changed.
pub fn edited(defaults: &Defaults, dialog: &Option<Dialog>, field: usize, text: &str) -> Msg {
    let pasted = match dialog {
        Some(Dialog::Connection(_)) => form::pasted(field, text, defaults),
        _ => None,
    };
    pasted.unwrap_or_else(|| Msg::FieldEdited { field, text: text.to_owned() })
}

/// The message for text that is typed without a window, where it makes a connection of the field that has focus.
pub fn pasted(defaults: &Defaults, dialog: &Option<Dialog>, text: &str) -> Option<Msg> {
    let Some(Dialog::Connection(form)) = dialog else {
        return None;
    };
    let mut buffer = form.texts.get(&form.focus)?.clone();
    buffer.insert(text);
    form::pasted(form.focus as usize, &buffer.string(), defaults)
}

fn field_edited(
    history: &mut History,
    dialog: &mut Option<Dialog>,
    cx: &mut Cx,
    field: usize,
    text: &str,
) {
    let buffer = match dialog {
        Some(Dialog::Connection(form)) => form.text_mut(field),
        _ => focused_field(dialog),
    };
    let Some(buffer) = buffer else { return };
    if buffer.string() == text {
        return;
    }
    buffer.replace_all(text);
    after_edit(history, dialog, cx)
}

/// The field that typed text goes to.
fn focused_field(dialog: &mut Option<Dialog>) -> Option<&mut Buffer> {
    match dialog.as_mut()? {
        Dialog::Palette(picker) | Dialog::History(picker) | Dialog::Results(picker) => {
            Some(&mut picker.field)
        }
        Dialog::Path(prompt) => Some(&mut prompt.field),
        Dialog::GoToLine(field) => Some(field),
        Dialog::DataDirectory(prompt) => Some(&mut prompt.field),
        Dialog::Connection(form) => form.focused_mut(),
        Dialog::Password(_)
        | Dialog::HostKey(_)
        | Dialog::Confirm(_)
        | Dialog::Inspect(_)
        | Dialog::Encoding(_)
        | Dialog::Settings { .. } => None,
    }
}

fn secret_mut(dialog: &mut Option<Dialog>) -> Option<&mut Secret> {
    match dialog.as_mut()? {
        Dialog::Password(prompt) => Some(&mut prompt.password),
        Dialog::Connection(form) => form.focused_secret_mut(),
        _ => None,
    }
}

/// Whether typed text is a password now: it then travels as a secret.
pub fn takes_secret(dialog: &Dialog) -> bool {
    match dialog {
        Dialog::Password(_) => true,
        Dialog::Connection(form) => form.focus.secret().is_some(),
        _ => false,
    }
}

/// Text typed without a window.
pub fn typed(history: &mut History, dialog: &mut Option<Dialog>, cx: &mut Cx, text: &str) {
    if let Some(Dialog::Connection(form)) = dialog
        && form.focus.is_choice()
    {
        if text == " " {
            form.toggle();
        }
        return;
    }
    if let Some(field) = focused_field(dialog) {
        field.insert(text);
        after_edit(history, dialog, cx)
    }
}

/// A password typed without a window; it comes whole or in pieces.
pub fn secret_typed(dialog: &mut Option<Dialog>, secret: &Secret) {
    if let Some(password) = secret_mut(dialog) {
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
    if let Some(Dialog::Inspect(inspect)) = dialog {
        let last = inspect.text.lines().count().saturating_sub(1);
        inspect.first_line = if key == TextKey::End { last } else { 0 };
        return;
    }
    if let Some(password) = secret_mut(dialog) {
        // A password is not shown: the one thing to do with it by key is to begin again.
        if matches!(key, TextKey::Backspace | TextKey::Delete) {
            *password = Secret::default();
        }
        return;
    }
    if focused_field(dialog).and_then(|field| field.key(key, shift)).is_some() {
        after_edit(history, dialog, cx)
    }
}

/// What follows from an edited field.
fn after_edit(history: &mut History, dialog: &mut Option<Dialog>, cx: &mut Cx) {
    match dialog {
        Some(Dialog::Palette(picker) | Dialog::Results(picker)) => {
            picker.selected = 0;
        }
        Some(Dialog::History(picker)) => {
            picker.selected = 0;
            let text = picker.field.string();
            history::search(history, cx, text)
        }
        Some(Dialog::Path(_)) => prompt::list(dialog, cx),
        Some(Dialog::Connection(form)) => {
            form.problems.clear();
        }
        _ => {}
    }
}

/// A command that is meant for the dialog.
pub fn command(model: &mut Model, command: Command) -> bool {
    match command {
        Command::DialogAccept => accept(model),
        Command::DialogCancel => cancel(
            &mut model.pages,
            &mut model.connections,
            &mut model.history,
            &mut model.dialog,
            &mut model.cx,
        ),
        Command::DialogAlternative => alternative(model),
        Command::DialogTest => {
            form::test(&model.connections, &model.defaults, &mut model.dialog, &mut model.cx)
        }
        Command::DialogNext => {
            next_field(&model.pages, &model.history, &mut model.dialog, &mut model.cx, true)
        }
        Command::DialogPrevious => {
            next_field(&model.pages, &model.history, &mut model.dialog, &mut model.cx, false)
        }
        Command::DialogToggle => toggle(model),
        Command::ListUp => step(&model.pages, &model.history, &mut model.dialog, &mut model.cx, -1),
        Command::ListDown => {
            step(&model.pages, &model.history, &mut model.dialog, &mut model.cx, 1)
        }
        Command::ListPageUp => {
            step(&model.pages, &model.history, &mut model.dialog, &mut model.cx, -PAGE)
        }
        Command::ListPageDown => {
            step(&model.pages, &model.history, &mut model.dialog, &mut model.cx, PAGE)
        }
        Command::ListFirst => {
            step(&model.pages, &model.history, &mut model.dialog, &mut model.cx, i64::MIN / 2)
        }
        Command::ListLast => {
            step(&model.pages, &model.history, &mut model.dialog, &mut model.cx, i64::MAX / 2)
        }
        _ => return false,
    }
    true
}

/// How many rows the dialog's list has.
fn rows(pages: &Pages, history: &History, dialog: &Option<Dialog>) -> usize {
    match dialog {
        Some(Dialog::Palette(picker)) => palette::matches(&picker.field.string()).len(),
        Some(Dialog::History(_)) => history.found.len(),
        Some(Dialog::Results(picker)) => pages
            .active()
            .map_or(0, |page| results::listed(&page.results, &picker.field.string()).len()),
        Some(Dialog::Path(prompt)) => prompt.matching().count(),
        Some(Dialog::Encoding(prompt)) => prompt.choices.len(),
        Some(Dialog::Settings { .. }) => settings::ROWS,
        _ => 0,
    }
}

fn select_row(pages: &Pages, history: &History, dialog: &mut Option<Dialog>, row: usize) {
    let row = row.min(rows(pages, history, dialog).saturating_sub(1));
    match dialog {
        Some(Dialog::Palette(picker) | Dialog::History(picker) | Dialog::Results(picker)) => {
            picker.selected = row;
        }
        Some(Dialog::Path(prompt)) => prompt.selected = Some(row),
        Some(Dialog::Encoding(prompt)) => prompt.selected = row,
        Some(Dialog::Settings { selected }) => *selected = row,
        _ => {}
    }
}

fn step(pages: &Pages, history: &History, dialog: &mut Option<Dialog>, cx: &mut Cx, by: i64) {
    let selected = match dialog {
        Some(Dialog::Palette(picker) | Dialog::History(picker) | Dialog::Results(picker)) => {
            picker.selected
        }
        Some(Dialog::Path(prompt)) => match prompt.selected {
            Some(selected) => selected,
            None if by > 0 => {
                select_row(pages, history, dialog, 0);
                return;
            }
            None => return,
        },
        Some(Dialog::Encoding(prompt)) => prompt.selected,
        Some(Dialog::Settings { selected }) => *selected,
        Some(Dialog::Inspect(inspect)) => {
            let last = inspect.text.lines().count().saturating_sub(1) as i64;
            inspect.first_line =
                (inspect.first_line as i64).saturating_add(by).clamp(0, last) as usize;
            return;
        }
        Some(Dialog::Connection(_)) => return next_field(pages, history, dialog, cx, by > 0),
        _ => return,
    };
    let last = rows(pages, history, dialog).saturating_sub(1) as i64;
    select_row(
        pages,
        history,
        dialog,
        (selected as i64).saturating_add(by).clamp(0, last) as usize,
    );
}

fn next_field(
    pages: &Pages,
    history: &History,
    dialog: &mut Option<Dialog>,
    cx: &mut Cx,
    forward: bool,
) {
    match dialog {
        Some(Dialog::Connection(form)) => {
            form.next(forward);
        }
        Some(Dialog::Path(_)) => prompt::complete(dialog, cx),
        Some(Dialog::Palette(_) | Dialog::History(_) | Dialog::Results(_)) => {
            step(pages, history, dialog, cx, if forward { 1 } else { -1 })
        }
        _ => {}
    }
}

fn toggle(model: &mut Model) {
    match &mut model.dialog {
        Some(Dialog::Connection(form)) => form.toggle(),
        Some(Dialog::Password(prompt)) => prompt.store = !prompt.store,
        Some(Dialog::Confirm(Confirm::Leave { place, .. })) => {
            let place = *place;
            model.dialog = None;
            leaving::roll_back(model, place)
        }
        Some(Dialog::Confirm(Confirm::GoOn { tab, .. })) => {
            let tab = *tab;
            model.dialog = None;
            run::answer_error(
                &mut model.pages,
                &mut model.connections,
                &mut model.history,
                &mut model.cx,
                tab,
                run::Answer::GoOnToTheEnd,
            )
        }
        _ => {}
    }
}

/// Escape: the dialog goes, and nothing was done.
fn cancel(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    dialog: &mut Option<Dialog>,
    cx: &mut Cx,
) {
    match dialog.take() {
        Some(Dialog::Password(prompt)) => {
            let failure = prompt.failure.unwrap_or_else(|| {
                Failure::new(
                    crate::failure::Category::Authentication,
                    "The server wants a password, and none was given.",
                )
            });
            run::connection_failed(pages, cx, prompt.connection, failure)
        }
        Some(Dialog::HostKey(prompt)) => host_key::refuse(pages, cx, prompt),
        Some(Dialog::Connection(form)) => form.abandon(cx),
        Some(Dialog::DataDirectory(_)) => storage::go_on_in_memory(cx),
        Some(Dialog::Confirm(Confirm::GoOn { tab, .. })) => {
            run::answer_error(pages, connections, history, cx, tab, run::Answer::Stop)
        }
        Some(Dialog::Encoding(prompt)) => prompt::encoding_unknown(cx, &prompt),
        _ => {}
    }
}

/// Enter: what the dialog offers is done.
fn accept(model: &mut Model) {
    match model.dialog.take() {
        Some(Dialog::Palette(picker)) => {
            let chosen = palette::matches(&picker.field.string())
                .get(picker.selected)
                .map(|found| found.command);
            if let Some(command) = chosen {
                super::routing::run(model, command);
            }
        }
        Some(Dialog::History(picker)) => {
            if model.history.searching.is_some() {
                // What is listed answers an older question: the choice is made when the answer is there.
                model.history.taking = true;
                model.dialog = Some(Dialog::History(picker));
                return;
            }
            let sql = model.history.found.get(picker.selected).map(|entry| entry.sql.clone());
            model.focus(Area::Editor);
            if let Some(sql) = sql {
                history::take(&mut model.pages, &mut model.cx, &sql)
            }
        }
        Some(Dialog::Results(picker)) => {
            if let Some(page) = model.pages.active_mut() {
                results::take_listed(&mut page.results, &mut model.cx, &picker);
            }
        }
        Some(Dialog::Connection(form)) => save_form(model, form, true),
        Some(Dialog::Password(prompt)) => {
            password_given(&mut model.connections, &model.defaults, &mut model.cx, prompt)
        }
        // Trust is never given by the key that is pressed without reading.
        Some(Dialog::HostKey(prompt)) => host_key::refuse(&mut model.pages, &mut model.cx, prompt),
        Some(Dialog::Confirm(confirm)) => confirmed(model, confirm),
        Some(Dialog::Path(prompt)) => prompt::accept(
            &mut model.pages,
            &mut model.files,
            &mut model.dialog,
            &mut model.cx,
            prompt,
        ),
        Some(Dialog::Encoding(prompt)) => {
            prompt::encoding_chosen(&mut model.files, &mut model.cx, prompt)
        }
        Some(Dialog::DataDirectory(prompt)) => {
            storage::try_directory(&mut model.dialog, &mut model.cx, prompt)
        }
        Some(Dialog::GoToLine(field)) => {
            let typed = field.string();
            match typed.trim().parse() {
                Ok(line) => editor::go_to_line(&mut model.pages, &mut model.cx, line),
                Err(_) => {
                    model.cx.notify(format!("“{}” is no line's number.", typed.trim()));
                }
            }
        }
        Some(Dialog::Settings { selected }) => {
            model.dialog = Some(Dialog::Settings { selected });
            settings::change(&mut model.settings_file, &mut model.cx, selected)
        }
        Some(Dialog::Inspect(_)) | None => {}
    }
}

/// Saves a connection, and opens it where asked. It may move in the lists.
fn save_form(model: &mut Model, form: Box<ConnectionForm>, open: bool) {
    sidebar::keeping_choices(model, |model| {
        let Model { connections, defaults, dialog, cx, .. } = model;
        form::accept(connections, defaults, dialog, cx, form, open);
    });
}

/// The dialog's other offer.
fn alternative(model: &mut Model) {
    match model.dialog.take() {
        Some(Dialog::Connection(form)) => save_form(model, form, false),
        Some(Dialog::HostKey(prompt)) => host_key::trust(&mut model.dialog, &mut model.cx, prompt),
        Some(Dialog::Confirm(Confirm::Leave { place, can_commit: true, .. })) => {
            leaving::commit(model, place)
        }
        Some(Dialog::DataDirectory(_)) => super::app::quit(model),
        Some(Dialog::Confirm(Confirm::GoOn { tab, .. })) => run::answer_error(
            &mut model.pages,
            &mut model.connections,
            &mut model.history,
            &mut model.cx,
            tab,
            run::Answer::GoOn,
        ),
        Some(Dialog::Inspect(inspect)) => {
            // The value itself is copied, not the way in which it is laid out or cut here.
            let text = model
                .pages
                .active()
                .and_then(|page| results::active_value(&page.results))
                .unwrap_or_else(|| inspect.text.clone());
            model.cx.notify(format!("Copied {}.", display::bytes_text(text.len() as u64)));
            model.dialog = Some(Dialog::Inspect(inspect));
            window::write_clipboard(&mut model.cx, text.into())
        }
        other => {
            model.dialog = other;
        }
    }
}

fn password_given(
    connections: &mut Connections,
    defaults: &Defaults,
    cx: &mut Cx,
    prompt: PasswordPrompt,
) {
    let PasswordPrompt {
        connection,
        kind,
        known: mut secrets,
        password,
        store,
        stored_too: mut stored,
        ..
    } = prompt;
    let Some(known) = connections.get_mut(&connection) else {
        return;
    };
    // It stays in memory until the keychain has it; the keychain only takes what belongs to a saved connection, so
    // storing it saves the connection, too, once the server took the password.
    known.secrets.set(kind, Some(password.clone()));
    stored.set(kind, store.then(|| password.clone()));
    secrets.set(kind, Some(password));
    connection::attempt(connections, defaults, cx, connection, secrets, stored)
}

fn confirmed(model: &mut Model, confirm: Confirm) {
    match confirm {
        Confirm::CloseTab { tab, .. } => tabs::close_now(model, tab),
        Confirm::Quit { .. } => super::app::quit(model),
        // Nothing is lost by a key that is pressed without reading.
        Confirm::Leave { .. } => {}
        Confirm::Disconnect { connection, .. } => connection::close(
            &mut model.pages,
            &mut model.connections,
            &mut model.history,
            &mut model.cx,
            connection,
        ),
        // A key that is pressed without reading runs nothing more.
        Confirm::GoOn { tab, .. } => run::answer_error(
            &mut model.pages,
            &mut model.connections,
            &mut model.history,
            &mut model.cx,
            tab,
            run::Answer::Stop,
        ),
        Confirm::Terminate { tab } => run::terminate(&mut model.pages, &mut model.cx, tab),
        Confirm::DeleteConnection { connection } => delete_connection(model, connection),
        Confirm::Import(import) => sidebar::keeping_choices(model, |model| {
            import::accept(&mut model.connections, &mut model.cx, *import)
        }),
        Confirm::Overwrite { tab, path, form } => {
            prompt::save_over(&mut model.pages, &mut model.files, &mut model.cx, tab, path, form)
        }
        Confirm::RunLarge { path, .. } => jobs::run_file(
            &mut model.pages,
            &model.connections,
            &mut model.history,
            &mut model.jobs,
            &mut model.cx,
            path,
        ),
        Confirm::OtherEncoding(other) => {
            prompt::save_as_utf8(&mut model.pages, &mut model.files, &mut model.cx, *other)
        }
        Confirm::Reload { tab, path } => {
            prompt::reload(&mut model.pages, &mut model.files, &mut model.cx, tab, path)
        }
    }
}

fn delete_connection(model: &mut Model, connection: ConnectionId) {
    let in_use = model.pages.open.iter().any(|tab| tab.connection == Some(connection));
    let kinds = model
        .connections
        .get(&connection)
        .map(|known| known.config.secrets_used(&model.defaults.tls_files))
        .unwrap_or_default();
    // A tab that uses it goes on with it; what is forgotten is how to come back.
    if in_use {
    } else {
        connection::close(
            &mut model.pages,
            &mut model.connections,
            &mut model.history,
            &mut model.cx,
            connection,
        )
    }
    sidebar::keeping_choices(model, |model| {
        if in_use {
            if let Some(known) = model.connections.get_mut(&connection) {
                known.saved = false;
            }
        } else {
            model.connections.remove(&connection);
        }
    });
    let request = model.cx.request();
    model.cx.ask(keeping::Effect::DeleteConnection { request, connection });
    for kind in kinds {
        let request = model.cx.request();
        model.cx.ask(keychain::Effect::Delete { request, connection, kind });
    }
}

/// JSON with its structure on lines of their own; the texts of its values stay as they are.
fn lay_out_json(text: &str) -> Option<String> {
    let value: Box<serde_json::value::RawValue> = serde_json::from_str(text).ok()?;
    let mut laid_out = String::with_capacity(text.len() * 2);
    let mut depth: usize = 0;
    let (mut in_string, mut escaped) = (false, false);
    let mut characters = value.get().chars().peekable();
    while let Some(character) = characters.next() {
        if in_string {
            laid_out.push(character);
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
            continue;
        }
        match character {
            '"' => {
                in_string = true;
                laid_out.push(character);
            }
            '{' | '[' => {
                laid_out.push(character);
                while characters.peek().is_some_and(|next| next.is_whitespace()) {
                    characters.next();
                }
                if matches!(characters.peek(), Some('}' | ']')) {
                    laid_out.extend(characters.next());
                } else {
                    depth += 1;
                    break_line(&mut laid_out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                break_line(&mut laid_out, depth);
                laid_out.push(character);
            }
            ',' => {
                laid_out.push(',');
                break_line(&mut laid_out, depth);
            }
            ':' => laid_out.push_str(": "),
            space if space.is_whitespace() => {}
            other => laid_out.push(other),
        }
    }
    Some(laid_out)
}

fn break_line(text: &mut String, depth: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_laid_out_and_its_numbers_keep_their_digits() {
        let laid_out = lay_out_json(r#"{"a": [1.50, {}], "b{": "x\"]", "c": []}"#);
        assert_eq!(
            laid_out.as_deref(),
            Some("{\n  \"a\": [\n    1.50,\n    {}\n  ],\n  \"b{\": \"x\\\"]\",\n  \"c\": []\n}")
        );
        assert_eq!(lay_out_json("{"), None);
    }
}
