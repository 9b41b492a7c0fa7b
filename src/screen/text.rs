//! The whole screen as text, for stories and `dump screen`: what the window shows, from top to bottom.

use super::{
    Action, Body, Card, Confirm, ConnectionForm, Dialog, Empty, Field, FindBar, FormField,
    FormValue, Grid, GridColumn, HostKeyPrompt, Inspect, Main, Messages, PasswordPrompt,
    PathPrompt, Picker, Preview, ResultMark, ResultsBar, Screen, Segment, Sidebar, SidebarRowKind,
    Span, Tab, TabMark, TitleBar, Welcome, Work, grid, message_row, widths, words,
};
use super::{Page as PageShown, SettingsPage};
use crate::{
    base::secret,
    model::Model,
    rows::{Position, show::display},
    update::{
        query::{find, page::Page},
        shell::sight::{self, Items, List},
    },
};
use std::ops::Range;

/// A line of the editor is written up to so many characters.
const LINE_CHARACTERS: usize = 500;

const RULE: &str = "────────────────────────────────────────────────────────────";

impl Screen {
    /// The whole screen as text: title, sidebar, tabs, editor, results, status, dialog, notices, focus. The Model
    /// gives what a screen only points at: the editor's text, the cells on screen, the messages.
    pub fn to_text(&self, model: &Model) -> String {
        let mut lines = Lines::default();
        lines.add(&self.title);
        lines.add(&title_bar(&self.title_bar));
        match &self.main {
            Main::Welcome(screen) => welcome(&mut lines, screen, model),
            Main::Work(screen) => self.work(&mut lines, screen, model),
            Main::Page(screen) => {
                if let Some(shown) = &screen.sidebar {
                    sidebar(&mut lines, shown);
                }
                lines.rule("");
                tab_row(&mut lines, &screen.tabs, &screen.new_tab, model);
                match &screen.page {
                    PageShown::Settings(shown) => settings(&mut lines, shown),
                }
            }
        }
        lines.rule("");
        let status = [&self.status_bar.left, &self.status_bar.right]
            .map(|part| part.iter().map(segment).collect::<Vec<_>>().join("  |  "));
        lines.add(&status.join("    "));
        if let Some(shown) = &self.dialog {
            dialog(&mut lines, shown, model);
        }
        for notice in &self.notices {
            lines.add(&format!("! {}", notice.text));
        }
        lines.add(&format!("Focus: {}", self.place.name()));
        lines.text
    }

    fn work(&self, lines: &mut Lines, work: &Work, model: &Model) {
        if let Some(shown) = &work.sidebar {
            sidebar(lines, shown);
        }
        lines.rule("");
        tab_row(lines, &work.tabs, &work.new_tab, model);
        let Some(tab) = model.pages.active() else {
            return;
        };
        editor(lines, work, tab, model);
        lines.rule("");
        lines.add(&results_bar(&work.results_bar));
        match &work.body {
            Body::Empty(shown) => empty(lines, shown),
            Body::Card(shown) => card(lines, shown),
            Body::Messages(shown) => messages(lines, shown, tab, model),
            Body::Grid(shown) => {
                if let Some(strip) = &shown.strip {
                    card(lines, strip);
                }
                let part = sight::columns_in_sight(model, tab.id);
                rows(lines, shown, &part, model.visible_rows);
            }
        }
    }
}

/// Text, line by line, without spaces at the ends.
#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn add(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn indented(&mut self, text: &str) {
        for line in text.lines() {
            self.add(&format!("  {line}"));
        }
    }

    /// So many rows of a list are out of sight.
    fn beyond(&mut self, count: usize, thing: &str, side: &str) {
        if count > 0 {
            let count = words::counted(count as u64, thing);
            self.add(&format!("       … {count} {side}"));
        }
    }

    fn rule(&mut self, title: &str) {
        if title.is_empty() {
            self.add(RULE);
        } else {
            self.add(&format!("── {title} {RULE}"));
        }
    }

    fn actions(&mut self, actions: &[Action]) {
        if !actions.is_empty() {
            self.indented(&actions_line(actions));
        }
    }
}

fn action(action: &Action) -> String {
    match &action.key {
        Some(key) => format!("{} [{key}]", action.label),
        None => action.label.clone(),
    }
}

fn actions_line(actions: &[Action]) -> String {
    actions.iter().map(action).collect::<Vec<_>>().join("   ")
}

fn join<'a>(parts: impl IntoIterator<Item = &'a str>, between: &str) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(between)
}

fn dot(filled: bool) -> &'static str {
    if filled { "●" } else { "○" }
}

fn span_text(spans: &[Span]) -> String {
    spans.iter().map(|span| span.text.as_str()).collect()
}

fn title_bar(bar: &TitleBar) -> String {
    let mut parts = vec!["☰".to_owned()];
    if let Some(chip) = &bar.connection {
        let dot = dot(chip.dot.filled);
        let words = [dot, &chip.name, &chip.address, &chip.security.text];
        let words = join(words, " ");
        parts.push(if chip.framed { format!("[{words}]") } else { words });
    }
    if let Some(mode) = &bar.mode {
        parts.push(format!("{} {}", mode.label.text, mode.detail));
    }
    if let Some(recording) = &bar.recording {
        parts.push(recording.text.clone());
    }
    parts.push(actions_line(&bar.actions));
    parts.join("  |  ")
}

fn sidebar(lines: &mut Lines, sidebar: &Sidebar) {
    lines.rule("sidebar");
    let in_sight = sidebar.in_sight.clone();
    lines.beyond(in_sight.start, "row", "above");
    for row in &sidebar.rows[in_sight.clone()] {
        let mark = if row.selected { ">" } else { " " };
        let line = match &row.kind {
            SidebarRowKind::Heading => row.label.to_uppercase(),
            SidebarRowKind::Empty => format!("  {}", row.label),
            SidebarRowKind::Connection { dot: shown, .. } => {
                let words = [dot(shown.filled), &row.label, &row.detail.text];
                format!("{mark} {}", join(words, " "))
            }
            SidebarRowKind::Run { outcome } => {
                let words = [&row.label, &outcome.text, &row.detail.text];
                format!("{mark} {}", join(words.map(String::as_str), "  "))
            }
        };
        lines.add(&line);
    }
    lines.beyond(sidebar.rows.len() - in_sight.end, "row", "below");
    if let Some(shown) = &sidebar.preview {
        preview(lines, shown);
    }
}

fn preview(lines: &mut Lines, preview: &Preview) {
    lines.rule(&action(&preview.action));
    lines.indented(&preview.text);
    lines.indented(preview.more.as_deref().unwrap_or_default());
}

fn find_bar(lines: &mut Lines, bar: &FindBar) {
    let mark = |at| if bar.focused == Some(at) { ">" } else { " " };
    let query = field(&bar.query);
    let at = mark(find::Field::Query);
    lines.add(&format!("{at} Find {query} {}", bar.count.text));
    if let Some(replacement) = &bar.replacement {
        let at = mark(find::Field::Replacement);
        lines.add(&format!("{at} Replace with {}", field(replacement)));
    }
    lines.actions(&bar.actions);
}

fn tab_row(lines: &mut Lines, all: &[Tab], new_tab: &Action, model: &Model) {
    let in_sight = match sight::items_in_sight(model, Items::Tabs) {
        Some(ranges) => ranges.to_vec(),
        None => vec![widths::tabs_in_sight(all, new_tab, sight::main_width(model))],
    };
    let (start, end) = ends(&in_sight, all.len());
    let beyond = |count: usize, side| {
        let tabs = words::counted(count as u64, "tab");
        (count > 0).then(|| format!("… {tabs} {side}"))
    };
    let before = beyond(start, "to the left");
    let after = beyond(all.len() - end, "to the right");
    let tabs = all[start..end].iter().map(tab);
    let parts: Vec<String> = before.into_iter().chain(tabs).chain(after).collect();
    lines.add(&format!("{} | +", parts.join(" | ")));
}

/// The settings page: what the file has wrong, then each setting on a line with its value, and its meaning under it.
fn settings(lines: &mut Lines, page: &SettingsPage) {
    lines.add(&format!("{}  {}", page.title, page.path));
    lines.add(&field(&page.search));
    for problem in &page.problems {
        lines.add(&format!("! {}", problem.text));
    }
    let in_sight = page.in_sight.clone();
    lines.beyond(in_sight.start, "setting", "above");
    for row in &page.rows[in_sight.clone()] {
        let mark = if row.selected { ">" } else { " " };
        let value = match &row.typing {
            Some((typed, _)) => field(typed),
            None => row.value.text.clone(),
        };
        let reset = row.reset.as_ref().map(|words| format!("({words})"));
        let words = [&row.title, &row.name, &value, reset.as_deref().unwrap_or_default()];
        lines.add(&format!("{mark} {}", join(words, "  ")));
        lines.indented(&row.meaning);
        if let Some((_, Some(problem))) = &row.typing {
            lines.indented(&format!("! {}", problem.text));
        }
    }
    lines.beyond(page.rows.len() - in_sight.end, "setting", "below");
    if let Some(nothing) = &page.nothing {
        lines.indented(&nothing.text);
    }
    lines.actions(&page.actions);
}

/// From the first to the last item in sight, of so many.
fn ends(in_sight: &[Range<usize>], count: usize) -> (usize, usize) {
    let start = in_sight.first().map_or(0, |range| range.start).min(count);
    let end = in_sight.last().map_or(0, |range| range.end).min(count);
    (start, end.max(start))
}

fn tab(tab: &Tab) -> String {
    let mark = match tab.mark {
        TabMark::None => "",
        TabMark::Running => "◐",
        TabMark::Paused => "paused",
        TabMark::InTransaction => "in transaction",
        TabMark::Lost => "lost",
    };
    let unsaved = if tab.unsaved { "•" } else { "" };
    let changed = if tab.changed_on_disk { "changed on disk" } else { "" };
    let label = join([tab.label.as_str(), unsaved, mark, changed], " ");
    if tab.active { format!("[{label}]") } else { label }
}

fn editor(lines: &mut Lines, work: &Work, tab: &Page, model: &Model) {
    let columns = sight::in_sight(model, List::Letters { tab: tab.id }, usize::MAX);
    let end = columns.start.saturating_add(LINE_CHARACTERS);
    let columns = columns.start..columns.end.min(end);
    let text = tab.editor.buffer.text();
    let shown = &work.editor;
    lines.rule(&action(&shown.hint));
    if let Some(bar) = &shown.find {
        find_bar(lines, bar);
    }
    if text.is_empty() {
        lines.indented(&shown.placeholder);
    }
    let in_sight = shown.in_sight.clone();
    lines.beyond(in_sight.start, "line", "above");
    for line in in_sight.clone().filter(|_| !text.is_empty()) {
        let range = text.line_range(line);
        // A character has at most four bytes.
        let bytes = columns.end.saturating_add(1).saturating_mul(4);
        let head_end = range.start.saturating_add(bytes);
        let head = text.slice(range.start..range.end.min(head_end));
        let marked = shown.statement_lines.as_ref().is_some_and(|lines| lines.contains(&line));
        let bar = if marked { "▌" } else { " " };
        let seen = letters_in_sight(&head, &columns);
        let before = if seen.start > 0 { "…" } else { "" };
        let is_whole = seen.end == head.len() && head.len() >= range.len();
        let after = if is_whole { "" } else { "…" };
        let line_text = format!("{before}{}{after}", &head[seen.clone()]);
        lines.add(&format!("{:>4} {bar} {line_text}", line + 1));
        if let Some(mark) = shown.mark.as_ref().filter(|mark| mark.line == line) {
            let place = |byte: usize| byte.saturating_sub(range.start).clamp(seen.start, seen.end);
            let (start, end) = (place(mark.range.start), place(mark.range.end));
            let width = |part: &str| display::text_width(part);
            let space = " ".repeat(width(before) + width(&head[seen.start..start]));
            let wave = "~".repeat(width(&head[start..end]).max(1));
            lines.add(&format!("       {space}{wave} {}", mark.message));
        }
    }
    lines.beyond(text.lines() - in_sight.end, "line", "below");
}

/// The part of a line that is in columns of letters, in bytes.
fn letters_in_sight(line: &str, columns: &Range<usize>) -> Range<usize> {
    let (mut start, mut column) = (0, 0);
    for (at, character) in line.char_indices() {
        if column >= columns.end {
            return start..at;
        }
        column += sight::letters_of(character);
        if column <= columns.start {
            start = at + character.len_utf8();
        }
    }
    start..line.len()
}

fn results_bar(bar: &ResultsBar) -> String {
    let mut parts = Vec::new();
    for tab in &bar.tabs {
        let mark = match tab.mark {
            ResultMark::None => "",
            ResultMark::Running => "◐",
            ResultMark::Paused => "‖",
            ResultMark::Failed => "✕",
        };
        let number = tab.number.to_string();
        let words = join([mark, &number, &tab.label.text, &tab.detail], " ");
        parts.push(if tab.active { format!("[{words}]") } else { words });
    }
    let hidden = bar.hidden_before + bar.hidden_after;
    if hidden > 0 {
        parts.push(format!("+{hidden} {}", action(&bar.list)));
    }
    let mut messages = bar.messages.label.clone();
    if bar.messages.unseen > 0 {
        messages.push_str(&format!(" {}", bar.messages.unseen));
    }
    parts.push(if bar.messages.active { format!("[{messages}]") } else { messages });
    let note = bar.note.as_ref().map_or("", |note| note.text.as_str());
    let actions = actions_line(&bar.actions);
    let tabs = parts.join("  ");
    join([tabs.as_str(), note, &actions], "    ")
}

fn empty(lines: &mut Lines, empty: &Empty) {
    let spinner = if empty.spinner { "◐" } else { "" };
    let clock = empty.clock.as_deref().unwrap_or_default();
    lines.indented(&join([spinner, &empty.title.text, clock], " "));
    for line in &empty.lines {
        lines.indented(line);
    }
    lines.actions(&empty.actions);
}

fn card(lines: &mut Lines, card: &Card) {
    lines.indented(&card.title);
    lines.indented(&card.code);
    for part in &card.parts {
        lines.indented(&format!("{}: {}", part.label, part.text));
    }
    if let Some(next_step) = &card.next_step {
        lines.indented(next_step);
    }
    lines.actions(&card.actions);
}

fn messages(lines: &mut Lines, messages: &Messages, tab: &Page, model: &Model) {
    if let Some(note) = &messages.note {
        lines.indented(note);
    }
    if let Some(empty) = &messages.empty {
        lines.indented(empty);
    }
    let items = Items::Messages { tab: tab.id };
    let (start, end) = match sight::items_in_sight(model, items) {
        Some(in_sight) => ends(in_sight, messages.count),
        None => (newest(messages.count, tab, model), messages.count),
    };
    lines.beyond(start, "message", "above");
    for row in (start..end).filter_map(|index| message_row(tab, index, model.cx.now)) {
        lines.indented(&format!("{} · {}", row.kind.text, row.when));
        for line in row.text.lines() {
            lines.indented(&format!("  {line}"));
        }
    }
    lines.beyond(messages.count - end, "message", "below");
}

/// The first of the newest messages that there is room for, by the lines that they have.
fn newest(count: usize, tab: &Page, model: &Model) -> usize {
    let mut room = model.visible_rows.max(1) as usize;
    let mut first = count;
    while let Some(row) =
        first.checked_sub(1).and_then(|index| message_row(tab, index, model.cx.now))
    {
        // In the window its kind and its time stand on its first line.
        let height = row.text.lines().count().max(1);
        if height > room && first < count {
            break;
        }
        room = room.saturating_sub(height);
        first -= 1;
    }
    first
}

/// The rows and the columns on screen, each as wide as what is in sight of it; the active cell in brackets.
fn rows(lines: &mut Lines, shown: &Grid, part: &Range<u64>, visible_rows: u32) {
    let last = shown.rows.len().min(shown.first_row + u64::from(visible_rows));
    let columns = grid::columns_in_sight(shown, part);
    let head = |text: for<'a> fn(&'a GridColumn<'a>) -> &'a str| {
        let texts = columns.iter();
        texts.map(|(_, column, part)| grid::text_in_sight(text(column), column, part)).collect()
    };
    let mut table: Vec<(String, Vec<String>)> = vec![
        (String::new(), head(|column| column.title)),
        (String::new(), head(|column| column.type_name)),
    ];
    for row in shown.first_row..last {
        let cells = columns.iter().map(|(place, column, part)| {
            grid::text_in_sight(&shown.cell(row, *place).text, column, part)
        });
        table.push((display::grouped(row + 1), cells.collect()));
    }
    let width = |column: usize| {
        let cells = table.iter().map(|(_, cells)| display::text_width(&cells[column]));
        cells.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let numbers = table.iter().map(|(number, _)| number.len()).max();
    for (place, (number, cells)) in table.iter().enumerate() {
        let row = (place as u64).checked_sub(2).map(|row| row + shown.first_row);
        let mut line = format!("  {number:>width$}", width = numbers.unwrap_or(0));
        for (at, cell) in cells.iter().enumerate() {
            let space = " ".repeat(widths[at].saturating_sub(display::text_width(cell)));
            let (column, drawn, _) = &columns[at];
            let cell_at = |row| Position { row, column: *column };
            let active = row.is_some_and(|row| shown.active == Some(cell_at(row)));
            let (open, close) = if active { ('[', ']') } else { (' ', ' ') };
            let separator = if at == 0 { "  " } else { "│" };
            let padded = if drawn.right_aligned {
                format!("{separator}{space}{open}{cell}{close}")
            } else {
                format!("{separator}{open}{cell}{close}{space}")
            };
            line.push_str(&padded);
        }
        lines.add(&line);
    }
    let first = columns.first().map_or(0, |(place, ..)| *place);
    let count = shown.rows.columns().len();
    let end = columns.last().map_or(count, |(place, ..)| place + 1);
    lines.beyond(first, "column", "to the left");
    lines.beyond(count - end, "column", "to the right");
    if let Some(empty) = &shown.empty {
        lines.indented(empty);
    }
    if let Some(note) = &shown.note {
        lines.indented(&note.text);
    }
}

fn segment(segment: &Segment) -> String {
    let spinner = if segment.spinner { "◐ " } else { "" };
    format!("{spinner}{}", span_text(&segment.spans))
}

fn welcome(lines: &mut Lines, welcome: &Welcome, model: &Model) {
    let shown = sight::items_in_sight(model, Items::Welcome);
    let is_shown = |row: usize| is_in_sight(shown, row);
    lines.rule("");
    lines.indented(&welcome.title);
    lines.indented(&welcome.tagline);
    let field = &welcome.field;
    let shown = if field.masked.is_empty() { &field.placeholder } else { &field.masked };
    let mark = if field.focused { ">" } else { " " };
    lines.add(&format!("{mark} [ {shown} ] {}", action(&field.action)));
    if let Some(preview) = &field.preview {
        lines.indented(&preview.text);
    }
    for group in &welcome.groups {
        lines.indented(&group.title.to_uppercase());
        for row in group.rows.iter().filter(|row| is_shown(row.index)) {
            let mark = if row.selected { ">" } else { " " };
            let dot = row.dot.map_or("◇", |shown| dot(shown.filled));
            let spinner = if row.spinner { "◐" } else { "" };
            let percent = row.percent.map(|percent| format!("{percent} %"));
            let key = row.key.as_ref().map(|key| format!("[{key}]"));
            let words = [
                dot,
                &row.name,
                &row.detail.text,
                spinner,
                percent.as_deref().unwrap_or_default(),
                &row.when,
                key.as_deref().unwrap_or_default(),
            ];
            lines.add(&format!("{mark} {}", join(words, "  ")));
        }
    }
    let rows = welcome.groups.iter().flat_map(|group| &group.rows);
    let hidden = rows.filter(|row| !is_shown(row.index)).count();
    lines.beyond(hidden, "row", "out of sight");
    lines.actions(&welcome.footer);
}

/// Whether an item is in sight; where no window said it, all are.
fn is_in_sight(shown: Option<&[Range<usize>]>, item: usize) -> bool {
    shown.is_none_or(|shown| shown.iter().any(|range| range.contains(&item)))
}

fn dialog(lines: &mut Lines, dialog: &Dialog, model: &Model) {
    match dialog {
        Dialog::Picker(shown) => picker(lines, shown),
        Dialog::Connection(shown) => connection(lines, shown, model),
        Dialog::Password(shown) => password(lines, shown),
        Dialog::HostKey(shown) => host_key(lines, shown),
        Dialog::Confirm(shown) => confirm(lines, shown),
        Dialog::Inspect(shown) => inspect(lines, shown, model),
        Dialog::Path(shown) => path(lines, shown),
        Dialog::GoToLine(shown) => {
            lines.rule(&shown.title);
            lines.indented(&field(&shown.field));
            lines.actions(&shown.actions);
        }
        Dialog::DataDirectory(shown) => {
            lines.rule(&shown.title);
            for reason in &shown.reasons {
                lines.add(reason);
            }
            lines.indented(&field(&shown.field));
            if let Some(problem) = &shown.problem {
                lines.add(problem);
            }
            lines.actions(&shown.actions);
        }
        Dialog::Choices(shown) => {
            lines.rule(&shown.title);
            for (index, (name, value)) in shown.rows.iter().enumerate() {
                let mark = if index == shown.selected { ">" } else { " " };
                lines.add(&format!("{mark} {name}: {value}"));
            }
            lines.actions(&shown.actions);
        }
    }
}

fn field(field: &Field) -> String {
    if field.text.is_empty() {
        format!("[ {} ]", field.placeholder)
    } else {
        format!("[ {} ]", field.text)
    }
}

fn picker(lines: &mut Lines, picker: &Picker) {
    lines.rule(&field(&picker.field));
    let in_sight = picker.in_sight.clone();
    lines.beyond(in_sight.start, "row", "above");
    for (index, row) in in_sight.clone().zip(&picker.rows[in_sight.clone()]) {
        let mark = if index == picker.selected { ">" } else { " " };
        let key = row.key.as_ref().map(|key| format!("[{key}]"));
        let words = [&row.title, row.detail.text.as_str(), key.as_deref().unwrap_or_default()];
        lines.add(&format!("{mark} {:<12} {}", row.group, join(words, "  ")));
    }
    lines.beyond(picker.rows.len() - in_sight.end, "row", "below");
    if let Some(note) = &picker.note {
        lines.indented(&note.text);
    }
    if let Some(shown) = &picker.preview {
        preview(lines, shown);
    }
}

fn connection(lines: &mut Lines, form: &ConnectionForm, model: &Model) {
    lines.rule(&form.title);
    let in_sight = sight::items_in_sight(model, Items::Fields);
    let is_shown = |field: &&FormField| is_in_sight(in_sight, field.index);
    let mut section = None;
    for shown in form.fields.iter().filter(is_shown) {
        if section != Some(shown.section) {
            section = Some(shown.section);
            lines.add(&format!("  {}", shown.section.title()));
        }
        let mark = if shown.focused { ">" } else { " " };
        let value = match &shown.value {
            FormValue::Text(text) => field(text),
            FormValue::Secret { filled: true, .. } => format!("[ {} ]", secret::MASK),
            FormValue::Secret { placeholder, .. } => format!("[ {placeholder} ]"),
            FormValue::Choice { choices, chosen } => {
                let mark = |(index, choice): (usize, &String)| {
                    if index == *chosen { format!("({choice})") } else { choice.clone() }
                };
                choices.iter().enumerate().map(mark).collect::<Vec<_>>().join(" ")
            }
        };
        lines.add(&format!("{mark} {:<18} {value}", shown.label));
        lines.indented(shown.problem.as_deref().unwrap_or_default());
    }
    let hidden = form.fields.iter().filter(|field| !is_shown(field)).count();
    lines.beyond(hidden, "field", "out of sight");
    if let Some(test) = &form.test {
        let spinner = if test.spinner { "◐" } else { "" };
        lines.indented(&join([spinner, &test.line.text], " "));
        lines.indented(test.next_step.as_deref().unwrap_or_default());
    }
    lines.actions(&form.actions);
}

fn password(lines: &mut Lines, prompt: &PasswordPrompt) {
    lines.rule(&prompt.title);
    lines.indented(&prompt.address);
    lines.indented(prompt.problem.as_deref().unwrap_or_default());
    lines.indented(&format!("[ {} ]", if prompt.filled { secret::MASK } else { "" }));
    if let Some(store) = &prompt.store {
        let on = if store.on { "x" } else { " " };
        lines.indented(&format!("({on}) {}", action(&store.action)));
    }
    lines.actions(&prompt.actions);
}

fn host_key(lines: &mut Lines, prompt: &HostKeyPrompt) {
    lines.rule(&prompt.title);
    for reason in &prompt.reasons {
        lines.indented(reason);
    }
    lines.indented(&format!("{} {}", prompt.algorithm, prompt.fingerprint));
    lines.indented(prompt.problem.as_deref().unwrap_or_default());
    lines.actions(&prompt.actions);
}

fn confirm(lines: &mut Lines, confirm: &Confirm) {
    lines.rule(&confirm.title);
    for reason in &confirm.reasons {
        lines.indented(reason);
    }
    lines.actions(&confirm.actions);
}

fn inspect(lines: &mut Lines, inspect: &Inspect, model: &Model) {
    lines.rule(&join([inspect.title.as_str(), &inspect.detail], " · "));
    let rows = wrapped(&inspect.text, sight::value_columns(model));
    let in_sight = sight::in_sight(model, List::Dialog, rows.len());
    lines.beyond(in_sight.start, "row", "above");
    for row in &rows[in_sight.clone()] {
        lines.add(&format!("  {row}"));
    }
    lines.beyond(rows.len() - in_sight.end, "row", "below");
    if inspect.line_count > 1 {
        let line = inspect.first_line + 1;
        lines.indented(&format!("line {line} of {}", inspect.line_count));
    }
    lines.indented(inspect.note.as_deref().unwrap_or_default());
    lines.actions(&inspect.actions);
}

/// The lines of a text in rows of at most so many letters.
fn wrapped(text: &str, columns: usize) -> Vec<&str> {
    let mut rows = Vec::new();
    for line in text.lines() {
        let (mut start, mut width) = (0, 0);
        for (at, character) in line.char_indices() {
            width += sight::letters_of(character);
            if width > columns && at > start {
                rows.push(&line[start..at]);
                (start, width) = (at, sight::letters_of(character));
            }
        }
        rows.push(&line[start..]);
    }
    rows
}

fn path(lines: &mut Lines, prompt: &PathPrompt) {
    lines.rule(&prompt.title);
    lines.indented(&field(&prompt.field));
    let in_sight = prompt.in_sight.clone();
    lines.beyond(prompt.first + in_sight.start, "file", "above");
    for (index, entry) in in_sight.clone().zip(&prompt.entries[in_sight.clone()]) {
        let chosen = prompt.selected == Some(index + prompt.first);
        let mark = if chosen { ">" } else { " " };
        lines.add(&format!("{mark} {}", entry.name));
    }
    lines.beyond(prompt.entries.len() - in_sight.end, "file", "below");
    if prompt.more {
        lines.indented("There are more.");
    }
    lines.indented(prompt.problem.as_deref().unwrap_or_default());
    lines.actions(&prompt.actions);
}
