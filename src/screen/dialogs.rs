//! What lies over the window, in words: each dialog with its fields, its rows and its buttons with keys.

use super::{
    Action, Choices, Confirm, ConnectionForm, DataDirectory, Dialog, Field, FormField, FormTest,
    FormValue, GoToLine, HostKeyPrompt, Inspect, PasswordPrompt, PathEntry, PathPrompt, Picker,
    PickerKind, PickerRow, Span, StoreChoice, Tone, results::result_tab, sidebar, words,
};
use crate::{
    base::{
        ids::{ConnectionId, TabId},
        secret::SecretKind,
        stamp::Stamp,
        text::Buffer,
    },
    conninfo::SshAuth,
    failure::{Failure, advice},
    model::Model,
    rows::show::display,
    update::{
        connection::{
            self, Connection,
            form::{self, Test},
            host_key, password,
        },
        files::{
            self,
            prompt::{self, EncodingPrompt, Purpose},
        },
        keeping::storage::DirectoryPrompt,
        picker,
        query::{self, file::OtherEncoding, run::Session},
        results,
        shell::{command::Command, dialog, leaving::Scope, palette, sight},
    },
};

/// A run's first line is cut after so many characters.
const LINE_CHARACTERS: usize = 160;
/// So many entries of a directory are listed at a time.
const ENTRIES: usize = 300;
/// So much of a value is shown at a time.
/// An error in a question is at most so long.
const CONFIRM_CHARACTERS: usize = 1_000;
const INSPECT_LINES: usize = 200;
const INSPECT_CHARACTERS: usize = 20_000;

/// What lies over the window.
pub(super) fn dialog(model: &Model, now: Stamp) -> Option<Dialog> {
    Some(match model.dialog.as_ref()? {
        dialog::Dialog::Palette(picker) => Dialog::Picker(commands(model, picker)),
        dialog::Dialog::Confirm(question) => Dialog::Confirm(on_leaving(model, question)),
        dialog::Dialog::DataDirectory(prompt) => {
            Dialog::DataDirectory(data_directory(model, prompt))
        }
        dialog::Dialog::Query(dialog) => on_query(model, dialog, now),
        dialog::Dialog::Results(results::Dialog::List(picker)) => {
            Dialog::Picker(result_list(model, picker, now))
        }
        dialog::Dialog::Results(results::Dialog::Inspect(value)) => {
            Dialog::Inspect(inspect(model, value))
        }
        dialog::Dialog::Connection(dialog) => on_connection(model, dialog, now),
        dialog::Dialog::Files(dialog) => on_files(model, dialog),
    })
}

/// A question that Enter says yes to and Escape no.
fn confirm(model: &Model, title: String, reasons: Vec<String>, yes: &str, no: &str) -> Confirm {
    let actions = vec![accept(model, yes), cancel(model, no)];
    Confirm { title, reasons, actions, tone: Tone::Warning }
}

/// What is asked before a tab or the program is left.
fn on_leaving(model: &Model, question: &dialog::Confirm) -> Confirm {
    match question {
        dialog::Confirm::CloseTab { tab, reasons } => {
            let title = format!("Close “{}”?", tab_label(model, *tab));
            confirm(model, title, reasons.clone(), "Close the tab", "Keep it open")
        }
        dialog::Confirm::Quit { reasons } => {
            confirm(model, "Quit Tusk?".into(), reasons.clone(), "Quit", "Stay")
        }
        dialog::Confirm::Leave { place, reasons, can_commit } => {
            let (title, stay) = leave(model, *place);
            let mut asked = confirm(model, title, reasons.clone(), stay, stay);
            asked.actions.truncate(1);
            asked.actions.extend(can_commit.then(|| alternative(model, "Commit")));
            let key = words::named(model, words::DIALOG, Command::DialogToggle, "Roll back");
            asked.actions.push(key);
            asked
        }
    }
}

/// What is asked about a page and its text.
fn on_query(model: &Model, dialog: &query::Dialog, now: Stamp) -> Dialog {
    match dialog {
        query::Dialog::History(picker) => Dialog::Picker(runs(model, picker, now)),
        query::Dialog::GoToLine(line) => Dialog::GoToLine(GoToLine {
            title: "Go to line".into(),
            field: field(line, "the line's number"),
            actions: vec![accept(model, "Go"), cancel(model, "Cancel")],
        }),
        query::Dialog::GoOn { message, left, .. } => {
            let title = "A statement failed. Go on with the script?".into();
            let reasons = at_an_error(message, *left);
            let mut asked = confirm(model, title, reasons, "Stop here", "Stop");
            let rest = "Go on, and don't ask again";
            let rest = words::named(model, words::DIALOG, Command::DialogToggle, rest);
            asked.actions.splice(1..1, [alternative(model, "Go on"), rest]);
            Dialog::Confirm(asked)
        }
        query::Dialog::Terminate { tab } => {
            let title = format!("Terminate the session of “{}”?", tab_label(model, *tab));
            let reasons = vec![terminated(model, *tab)];
            Dialog::Confirm(confirm(model, title, reasons, "Terminate", "Wait on"))
        }
        query::Dialog::Overwrite { path, .. } => {
            let title = format!("Overwrite {path}?");
            let reason = "The file is there already, or another program changed it.";
            Dialog::Confirm(confirm(model, title, vec![reason.into()], "Overwrite", "Cancel"))
        }
        query::Dialog::OtherEncoding(other) => {
            let (title, reasons) = other_encoding(other);
            Dialog::Confirm(confirm(model, title, reasons, "Save as UTF-8", "Don't save"))
        }
        query::Dialog::Reload { path, .. } => {
            let title = format!("Read {path} again?");
            let reason = "Another program changed it. Its text takes the place of this tab's.";
            let reasons = vec![reason.into()];
            Dialog::Confirm(confirm(model, title, reasons, "Read it again", "Keep this text"))
        }
    }
}

/// What is asked about connections.
fn on_connection(model: &Model, dialog: &connection::Dialog, now: Stamp) -> Dialog {
    match dialog {
        connection::Dialog::Form(form) => {
            Dialog::Connection(Box::new(connection_form(model, form, now)))
        }
        connection::Dialog::Password(prompt) => Dialog::Password(password(model, prompt)),
        connection::Dialog::HostKey(prompt) => Dialog::HostKey(host_key(model, prompt)),
        connection::Dialog::Disconnect { connection, reasons } => {
            let title = format!("Disconnect from {}?", connection_label(model, *connection));
            let reasons = reasons.clone();
            Dialog::Confirm(confirm(model, title, reasons, "Disconnect", "Stay connected"))
        }
        connection::Dialog::Delete { connection } => {
            let title = format!("Delete the connection {}?", connection_label(model, *connection));
            let reason =
                "Its passwords are deleted from the keychain too. The history stays.".into();
            Dialog::Confirm(confirm(model, title, vec![reason], "Delete", "Keep it"))
        }
        connection::Dialog::Import(import) => {
            let title = "Import these connections?".into();
            Dialog::Confirm(confirm(model, title, import.reasons(), "Import", "Cancel"))
        }
    }
}

/// What is asked about files.
fn on_files(model: &Model, dialog: &files::Dialog) -> Dialog {
    match dialog {
        files::Dialog::Path(prompt) => Dialog::Path(path(model, prompt)),
        files::Dialog::Encoding(prompt) => Dialog::Choices(encoding(model, prompt)),
        files::Dialog::RunLarge { path, bytes } => {
            let (title, reasons) = run_large(path, *bytes);
            Dialog::Confirm(confirm(model, title, reasons, "Run the file", "Cancel"))
        }
    }
}

fn encoding(model: &Model, prompt: &EncodingPrompt) -> Choices {
    let name = prompt.path.rsplit(['/', '\\']).next().unwrap_or_default();
    Choices {
        title: format!("{name} does not say what encoding it has. Which line is right?"),
        rows: prompt
            .choices
            .iter()
            .map(|choice| (choice.encoding.name().to_owned(), choice.preview.clone()))
            .collect(),
        selected: prompt.selected,
        actions: vec![accept(model, "Open"), cancel(model, "Cancel")],
    }
}

fn run_large(path: &str, bytes: u64) -> (String, Vec<String>) {
    let reason = format!(
        "It is {}, and files of up to 64 MB are opened. Its statements are run one by one on this tab's connection, in \
         a session of their own.",
        display::bytes_text(bytes)
    );
    (format!("Run {path} without opening it?"), vec![reason])
}

fn other_encoding(other: &OtherEncoding) -> (String, Vec<String>) {
    let encoding = other.encoding.name();
    let OtherEncoding { path, character, line, column, .. } = other;
    let title = format!("{path} is {encoding}, which has no “{character}”");
    let reasons = vec![
        format!(
            "It stands on line {line}, column {column} (U+{:04X}). Nothing was written yet.",
            u32::from(*character)
        ),
        "As UTF-8 the file can hold it. Where the file itself names its encoding, change that too."
            .into(),
    ];
    (title, reasons)
}

fn data_directory(model: &Model, prompt: &DirectoryPrompt) -> DataDirectory {
    let trying = prompt.trying.map(|_| "Trying it…".to_owned());
    DataDirectory {
        title: format!("Tusk can't keep its data in {}", prompt.directory),
        reasons: vec![
            format!("{}.", prompt.reason),
            "Name another directory, or go on in memory: nothing of this run is kept then.".into(),
        ],
        field: field(&prompt.field, "a directory"),
        problem: trying.or_else(|| prompt.problem.clone()),
        actions: vec![
            accept(model, "Use this directory"),
            cancel(model, "Go on in memory"),
            alternative(model, "Quit"),
        ],
    }
}

fn accept(model: &Model, label: &str) -> Action {
    words::named(model, words::DIALOG, Command::DialogAccept, label)
}

fn cancel(model: &Model, label: &str) -> Action {
    words::named(model, words::DIALOG, Command::DialogCancel, label)
}

fn alternative(model: &Model, label: &str) -> Action {
    words::named(model, words::DIALOG, Command::DialogAlternative, label)
}

pub(super) fn field(buffer: &Buffer, placeholder: &str) -> Field {
    Field {
        text: buffer.string(),
        anchor: buffer.anchor(),
        head: buffer.head(),
        revision: buffer.revision(),
        placeholder: placeholder.to_owned(),
    }
}

fn commands(model: &Model, picker: &picker::Picker) -> Picker {
    let found = palette::matches(&picker.field.string());
    let rows: Vec<PickerRow> = found
        .into_iter()
        .map(|found| PickerRow {
            group: found.command.group().to_owned(),
            title: found.command.title().to_owned(),
            matched: found.positions,
            detail: Span::default(),
            key: model.keymap.key_of(found.command).map(crate::update::shell::keymap::shown),
        })
        .collect();
    let note = rows.is_empty().then(|| Span::muted("No command has these letters."));
    Picker {
        kind: PickerKind::Palette,
        field: field(&picker.field, "Type a command"),
        in_sight: sight::in_sight(model, sight::List::Dialog, rows.len()),
        rows,
        selected: picker.selected,
        note,
        preview: None,
    }
}

fn runs(model: &Model, picker: &picker::Picker, now: Stamp) -> Picker {
    let running = sidebar::running(model);
    let typed = picker.field.string();
    let history = &model.history;
    let rows: Vec<PickerRow> = history
        .found
        .iter()
        .map(|entry| {
            let title = words::statement_line(&entry.sql, LINE_CHARACTERS);
            let outcome = sidebar::outcome(entry, &running);
            let detail = format!("{}{}{}", entry.connection, words::DOT, outcome.text);
            PickerRow {
                group: words::ago(now, entry.at_us),
                matched: matched(&title, &typed),
                title,
                detail: Span::new(detail, outcome.tone),
                key: None,
            }
        })
        .collect();
    let note = match (&history.problem, history.searching) {
        (Some(problem), _) => Some(Span::new(problem, Tone::Error)),
        (None, Some(_)) if rows.is_empty() => Some(Span::muted("Searching…")),
        (None, _) if rows.is_empty() && typed.trim().is_empty() => {
            Some(Span::muted("Nothing was run yet."))
        }
        (None, _) if rows.is_empty() => Some(Span::muted("No run has all these words.")),
        (None, _) => None,
    };
    Picker {
        kind: PickerKind::History,
        field: field(&picker.field, "Search every run by words"),
        in_sight: sight::in_sight(model, sight::List::Dialog, rows.len()),
        rows,
        selected: picker.selected,
        note,
        preview: history
            .found
            .get(picker.selected)
            .map(|entry| sight::picker_preview(model, &entry.sql))
            .map(|shown| sidebar::preview(model, words::DIALOG, shown)),
    }
}

/// The results of the tab, with what was run for each.
fn result_list(model: &Model, picker: &picker::Picker, now: Stamp) -> Picker {
    let typed = picker.field.string();
    let active = model.pages.active();
    let listed = active.map_or(vec![], |page| results::listed(&page.results, &typed));
    let rows: Vec<PickerRow> = active
        .into_iter()
        .flat_map(|tab| listed.iter().map(move |place| (tab, *place)))
        .filter_map(|(tab, place)| Some((tab, place, tab.results.list.get(place)?)))
        .map(|(tab, place, result)| {
            let shown = result_tab(tab, place, result, now);
            let title = words::statement_line(&result.sql, LINE_CHARACTERS);
            let detail = [shown.label.text, shown.detail];
            PickerRow {
                group: shown.number.to_string(),
                matched: matched(&title, &typed),
                title,
                detail: Span::new(detail.join(words::DOT), shown.label.tone),
                key: None,
            }
        })
        .collect();
    let held = model.pages.active().map_or(0, |tab| tab.results.list.len());
    let note = if listed.len() == results::LISTED && held > listed.len() {
        let count = display::grouped(held as u64);
        Some(Span::muted(format!(
            "The first {} of {count}. A word of a statement or its number finds the others.",
            listed.len()
        )))
    } else {
        rows.is_empty().then(|| {
            Span::muted(if typed.trim().is_empty() {
                "Nothing has run in this tab yet."
            } else {
                "No statement has all these words."
            })
        })
    };
    Picker {
        kind: PickerKind::Results,
        field: field(&picker.field, "Search the results by words of their statements"),
        in_sight: sight::in_sight(model, sight::List::Dialog, rows.len()),
        rows,
        selected: picker.selected,
        note,
        preview: None,
    }
}

/// Which characters of a line belong to the typed words, whatever their case.
fn matched(line: &str, typed: &str) -> Vec<u32> {
    let lower: Vec<char> = line.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut positions = std::collections::BTreeSet::new();
    for word in typed.split_whitespace() {
        let word: Vec<char> = word.chars().map(|c| c.to_ascii_lowercase()).collect();
        for start in 0..(lower.len() + 1).saturating_sub(word.len()) {
            if lower[start..start + word.len()] == word[..] {
                positions.extend((start..start + word.len()).map(|at| at as u32));
            }
        }
    }
    positions.into_iter().collect()
}

fn connection_form(model: &Model, form: &form::ConnectionForm, now: Stamp) -> ConnectionForm {
    let fields = form::Field::ALL
        .into_iter()
        .enumerate()
        .filter(|(_, which)| form.shows(*which))
        .map(|(index, which)| FormField {
            index,
            section: which.section(),
            label: form.label(which).to_owned(),
            value: value(form, which),
            focused: form.focus == which,
            problem: form.problem(which).map(str::to_owned),
        })
        .collect();
    let mut actions = vec![
        accept(model, "Save and connect"),
        alternative(model, "Save"),
        words::named(model, words::DIALOG, Command::DialogTest, "Test"),
        cancel(model, "Cancel"),
    ];
    if form.focus.is_choice() {
        let toggle = words::named(model, words::DIALOG, Command::DialogToggle, "Change choice");
        actions.push(toggle);
    }
    ConnectionForm {
        title: if form.editing.is_some() {
            "Edit connection".into()
        } else {
            "New connection".into()
        },
        fields,
        test: test(&form.test, now),
        actions,
    }
}

fn value(form: &form::ConnectionForm, which: form::Field) -> FormValue {
    if which.is_choice() {
        return FormValue::Choice {
            choices: which.choices().iter().map(|c| (*c).to_owned()).collect(),
            chosen: form.choice(which),
        };
    }
    let placeholder = match which {
        form::Field::Password | form::Field::SshSecret | form::Field::KeyPassphrase
            if form.editing.is_some() =>
        {
            "unchanged"
        }
        form::Field::Password => "asked for when the server wants one",
        form::Field::SshSecret | form::Field::KeyPassphrase => "asked for when it is needed",
        form::Field::Name => "the address, where it has no name",
        form::Field::Host => "localhost, a:5432,b:5433, or a socket's directory",
        form::Field::Port => "5432",
        form::Field::Group => "none",
        form::Field::RootCert | form::Field::Cert | form::Field::Key => form.usual_file(which),
        form::Field::Options => "none",
        form::Field::SshUser => "the user's name here",
        form::Field::SshPort => "22",
        form::Field::SshKey => "~/.ssh/id_ed25519",
        form::Field::ConnectTimeout => "10",
        form::Field::StatementTimeout => "0 for no limit",
        form::Field::PoolSize => "10",
        form::Field::PoolTimeout => "30",
        form::Field::Passfile => "~/.pgpass",
        _ => "",
    };
    match form.texts.get(&which) {
        Some(buffer) => FormValue::Text(field(buffer, placeholder)),
        None => FormValue::Secret {
            filled: form.secrets.get(&which).is_some_and(|typed| !typed.is_empty()),
            placeholder: placeholder.to_owned(),
        },
    }
}

fn test(test: &Test, now: Stamp) -> Option<FormTest> {
    let (spinner, line, next_step) = match test {
        Test::None => return None,
        Test::Running { since, .. } => {
            let clock = words::clock(now.us_since(*since));
            (true, Span::new(format!("Connecting {clock}"), Tone::Accent), None)
        }
        Test::Ended(Ok(server)) => {
            let version = server.version.split(' ').next().unwrap_or_default();
            let line =
                format!("It works: PostgreSQL {version}, {}, as {}", server.security, server.user);
            (false, Span::new(line, Tone::Ok), None)
        }
        Test::Ended(Err(failure)) => {
            let line = format!("{} ({})", advice::title(failure), advice::code_line(failure));
            let line = Span::new(words::cut(&line, 1_000), Tone::Error);
            (false, line, failure.next_step.clone())
        }
    };
    Some(FormTest { spinner, line, next_step })
}

fn password(model: &Model, prompt: &password::PasswordPrompt) -> PasswordPrompt {
    let known = model.connections.get(&prompt.connection);
    let user = known.map(|known| known.config.user.clone()).unwrap_or_default();
    let address = known.map(|known| match known.config.name.trim() {
        "" => known.config.address(),
        name => format!("{name}{}{}", words::DOT, known.config.address()),
    });
    let toggle = words::named(
        model,
        words::DIALOG,
        Command::DialogToggle,
        // The keychain only takes what belongs to a saved connection.
        if known.is_some_and(|known| known.saved) {
            "Store it in the keychain"
        } else {
            "Save this connection, and the password in the keychain"
        },
    );
    let store = known.map(|_| StoreChoice { action: toggle, on: prompt.store });
    PasswordPrompt {
        title: secret_title(known, prompt.kind, &user),
        address: address.unwrap_or_default(),
        problem: prompt.failure.as_ref().map(refused),
        filled: !prompt.password.is_empty(),
        store,
        actions: vec![accept(model, "Connect"), cancel(model, "Cancel")],
    }
}

/// Why the last one was not taken, and where that one came from if it was not typed.
fn refused(failure: &Failure) -> String {
    let title = advice::title(failure);
    match &failure.detail {
        Some(detail) => format!("{title}. {detail}"),
        None => title,
    }
}

/// What is asked for, by whose it is.
fn secret_title(known: Option<&Connection>, kind: SecretKind, user: &str) -> String {
    let config = known.map(|known| &known.config);
    let ssh = config.and_then(|config| config.ssh.as_ref());
    match (kind, ssh) {
        (SecretKind::Database, _) => format!("Password for {user}"),
        (SecretKind::SslKey, _) => format!(
            "Passphrase of {}",
            config.map(|config| config.ssl_key.as_str()).unwrap_or_default()
        ),
        (SecretKind::Ssh, Some(tunnel)) => match &tunnel.auth {
            SshAuth::Key { path } => format!("Passphrase of {path}"),
            SshAuth::Agent | SshAuth::Password => {
                format!("SSH password for {}@{}", tunnel.user, tunnel.host)
            }
        },
        (SecretKind::Ssh, None) => "SSH password".into(),
    }
}

fn host_key(model: &Model, prompt: &host_key::HostKeyPrompt) -> HostKeyPrompt {
    let key = &prompt.key;
    let server = match key.port {
        22 => key.host.clone(),
        port => format!("{}:{port}", key.host),
    };
    let mut reasons = vec![
        "Nobody has seen its key before, so this may be another server that poses as it."
            .to_owned(),
        "Compare the fingerprint with one that its administrator gave you.".to_owned(),
    ];
    reasons.extend(prompt.failure.detail.clone());
    HostKeyPrompt {
        title: format!("Trust the SSH server {server}?"),
        reasons,
        algorithm: key.algorithm.clone(),
        fingerprint: key.fingerprint.clone(),
        problem: prompt.problem.as_ref().map(advice::title),
        actions: vec![
            accept(model, "Don't connect"),
            alternative(model, "Trust this key and connect"),
            cancel(model, "Cancel"),
        ],
    }
}

fn connection_label(model: &Model, id: ConnectionId) -> String {
    let known = model.connections.get(&id);
    known.map(|known| known.config.label()).unwrap_or_default()
}

fn at_an_error(message: &str, left: usize) -> Vec<String> {
    let left = words::counted(left as u64, "statement");
    vec![words::cut(message, CONFIRM_CHARACTERS), format!("{left} left.")]
}

/// What is asked before a place with open transactions is left, and what staying there is called.
fn leave(model: &Model, place: Scope) -> (String, &'static str) {
    match place {
        Scope::Tab(tab) => {
            (format!("Close “{}” with a transaction open?", tab_label(model, tab)), "Keep it open")
        }
        Scope::Connection(_) => ("Disconnect with a transaction open?".into(), "Stay connected"),
        Scope::Program => ("Quit Tusk with a transaction open?".into(), "Stay"),
    }
}

fn tab_label(model: &Model, id: TabId) -> String {
    let tab = model.pages.open.iter().find(|tab| tab.id == id);
    tab.map(words::tab_label).unwrap_or_default()
}

fn terminated(model: &Model, id: TabId) -> String {
    let tab = model.pages.open.iter().find(|tab| tab.id == id);
    let process = match tab.map(|tab| &tab.session) {
        Some(Session::Live(live)) => format!("Its server process {}", live.backend_pid),
        _ => "Its server process".into(),
    };
    format!(
        "{process} is ended. The statement, an open transaction, temporary tables, settings and locks go with it."
    )
}

fn inspect(model: &Model, value: &results::inspect::Inspect) -> Inspect {
    let size = value.bytes.map_or("NULL".into(), display::bytes_text);
    let row = display::grouped(value.row + 1);
    let text: Vec<&str> =
        value.text.split('\n').skip(value.first_line).take(INSPECT_LINES).collect();
    let text = words::cut(&text.join("\n"), INSPECT_CHARACTERS);
    let parts = [value.type_name.clone(), format!("row {row}"), size];
    Inspect {
        title: value.column.clone(),
        detail: parts
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(words::DOT),
        null: value.bytes.is_none(),
        text,
        first_line: value.first_line,
        line_count: value.text.bytes().filter(|byte| *byte == b'\n').count() + 1,
        note: value.cut.then(|| {
            format!("Only the first {} are shown.", display::bytes_text(value.text.len() as u64))
        }),
        actions: vec![alternative(model, "Copy"), cancel(model, "Close")],
    }
}

fn path(model: &Model, prompt: &prompt::PathPrompt) -> PathPrompt {
    let (title, yes) = match prompt.purpose {
        Purpose::Open => ("Open file", "Open"),
        Purpose::Run => ("Run a file", "Run"),
        Purpose::Save { .. } => ("Save as", "Save"),
    };
    let first = prompt.first();
    let mut entries = prompt.matching().skip(first).map(|entry| PathEntry {
        name: if entry.directory { format!("{}/", entry.name) } else { entry.name.clone() },
        directory: entry.directory,
    });
    let listed: Vec<PathEntry> = entries.by_ref().take(ENTRIES).collect();
    PathPrompt {
        purpose: prompt.purpose,
        title: title.into(),
        field: field(&prompt.field, "~/"),
        first,
        more: entries.next().is_some(),
        in_sight: sight::in_sight(model, sight::List::Dialog, listed.len()),
        entries: listed,
        selected: prompt.selected,
        listing: prompt.listing.is_some(),
        problem: prompt.problem.clone(),
        actions: vec![
            accept(model, yes),
            words::named(model, words::DIALOG, Command::DialogNext, "Complete"),
            cancel(model, "Cancel"),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_words_are_marked_wherever_they_stand() {
        assert_eq!(matched("Select 1, sel", "SEL 1"), [0, 1, 2, 7, 10, 11, 12]);
        assert_eq!(matched("ab", "abc"), Vec::<u32>::new());
        assert_eq!(matched("", ""), Vec::<u32>::new());
    }
}
