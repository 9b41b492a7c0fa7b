//! The settings page: every setting with its meaning and its value, to search, to change and to reset.
//!
//! Letters search. Enter takes the next choice of a setting that has choices, and asks for the value of one that is a
//! number; what is typed then is taken with Enter, if it is allowed.

use super::{file, toggle_sidebar};
use crate::{
    base::text::{Buffer, TextKey},
    settings::{
        Settings,
        toml::{Key, Value},
    },
    update::{cx::Cx, settings::file::SettingsFile},
};

use serde::{Deserialize, Serialize};

/// A page of the list.
const PAGE: i64 = 5;

/// The state of the page. It is kept while its tab is closed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Page {
    /// What is searched for.
    pub search: Buffer,
    /// The setting that is chosen, by its place among those that are found.
    pub selected: usize,
    /// What is typed in the place of the chosen one's value, while it is.
    pub typing: Option<Typing>,
}

/// A number that is being typed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Typing {
    pub field: Buffer,
    /// Why it was not taken.
    pub problem: Option<String>,
}

/// What can be changed on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Item {
    /// A setting of the file.
    Setting(Key),
    /// Whether the sidebar is shown, which is kept with the window.
    Sidebar,
}

/// A field of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Field {
    Search,
    /// The chosen setting's value, while it is typed.
    Value,
}

/// What the window reports of the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// The text of a field changed.
    Edited {
        field: Field,
        /// Its whole text.
        text: String,
    },
    /// A setting was clicked.
    RowClicked { row: usize },
    /// A setting's value was clicked: it is to change.
    ValueClicked { row: usize },
    /// A setting is to have its default again.
    ResetClicked { row: usize },
}

impl Item {
    const ALL: [Item; Key::ALL.len() + 1] = {
        let mut all = [Item::Sidebar; Key::ALL.len() + 1];
        let mut place = 0;
        while place < Key::ALL.len() {
            // Beside what is seen: the theme and the size come first.
            let after_sidebar = if place < 2 { place } else { place + 1 };
            all[after_sidebar] = Item::Setting(Key::ALL[place]);
            place += 1;
        }
        all
    };

    /// What a person calls it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Setting(key) => key.title(),
            Self::Sidebar => "Sidebar",
        }
    }

    /// What the file calls it; empty for what is not in the file.
    pub fn name(self) -> String {
        match self {
            Self::Setting(key) => key.full_name(),
            Self::Sidebar => String::new(),
        }
    }

    /// What it does, in a sentence or two.
    pub fn meaning(self) -> String {
        match self {
            Self::Setting(key) => format!("{} Allowed: {}.", key.meaning(), key.allowed()),
            Self::Sidebar => "Shows connections and the newest runs beside the tabs.".into(),
        }
    }

    /// How it stands, in words.
    pub fn value(self, settings: &Settings) -> String {
        match self {
            Self::Setting(key) => match key.value(settings) {
                Value::Text(word) => word,
                Value::Number(number) => number.to_string(),
            },
            Self::Sidebar if settings.sidebar_width > 0 => "shown".into(),
            Self::Sidebar => "hidden".into(),
        }
    }

    /// Whether it stands otherwise than it does by default.
    pub fn is_changed(self, settings: &Settings) -> bool {
        self.value(settings) != self.value(&Settings::default())
    }
}

impl Page {
    /// The settings that have every word that is searched for, in their order.
    pub fn found(&self) -> Vec<Item> {
        let typed = self.search.string().to_lowercase();
        let words: Vec<&str> = typed.split_whitespace().collect();
        let has_words = |item: &Item| {
            let text = [item.title(), &item.name(), &item.meaning()].join(" ").to_lowercase();
            words.iter().all(|word| text.contains(word))
        };
        Item::ALL.into_iter().filter(has_words).collect()
    }

    /// The setting that is chosen.
    pub fn chosen(&self) -> Option<Item> {
        self.found().get(self.selected).copied()
    }

    /// The field that typed text goes to.
    pub fn focused(&self) -> Field {
        if self.typing.is_some() { Field::Value } else { Field::Search }
    }

    /// A field's text.
    pub fn field(&self, field: Field) -> &Buffer {
        match (field, &self.typing) {
            (Field::Value, Some(typing)) => &typing.field,
            (Field::Value, None) | (Field::Search, _) => &self.search,
        }
    }

    /// A field's text, for a widget.
    pub fn field_text(&self, field: Field) -> String {
        self.field(field).string()
    }

    fn field_mut(&mut self) -> &mut Buffer {
        match &mut self.typing {
            Some(typing) => &mut typing.field,
            None => &mut self.search,
        }
    }

    /// What was found may be other settings: the first is chosen. What was wrong with a value may be mended.
    fn edited(&mut self) {
        match &mut self.typing {
            Some(typing) => typing.problem = None,
            None => self.selected = 0,
        }
    }

    fn select(&mut self, row: usize) {
        let row = row.min(self.found().len().saturating_sub(1));
        if row != self.selected {
            self.typing = None;
        }
        self.selected = row;
    }
}

/// Takes in what the window reports.
pub fn update(page: &mut Page, settings_file: &mut SettingsFile, cx: &mut Cx, msg: Msg) {
    match msg {
        Msg::Edited { field, text } => {
            // A field that is gone has nothing more to say.
            if field == page.focused() && page.field(field).string() != text {
                page.field_mut().replace_all(&text);
                page.edited();
            }
        }
        Msg::RowClicked { row } => page.select(row),
        Msg::ValueClicked { row } => {
            page.select(row);
            if page.typing.is_none() {
                change(page, settings_file, cx);
            }
        }
        Msg::ResetClicked { row } => {
            page.select(row);
            reset(page, settings_file, cx);
        }
    }
}

/// A key without a window.
pub fn key(page: &mut Page, key: TextKey, shift: bool) {
    if page.field_mut().key(key, shift).is_some() {
        page.edited();
    }
}

/// Text typed without a window.
pub fn typed(page: &mut Page, text: &str) {
    page.field_mut().insert(text);
    page.edited();
}

/// Where a step through the list goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    By(i64),
    Page(i64),
    First,
    Last,
}

/// Chooses another setting.
pub fn step(page: &mut Page, step: Step) {
    let last = page.found().len().saturating_sub(1) as i64;
    let selected = page.selected as i64;
    let row = match step {
        Step::By(by) => selected.saturating_add(by),
        Step::Page(pages) => selected.saturating_add(pages * PAGE),
        Step::First => 0,
        Step::Last => last,
    };
    page.select(row.clamp(0, last) as usize);
}

/// Enter: the chosen setting's next choice, or the number that was typed for it.
pub fn accept(page: &mut Page, settings_file: &mut SettingsFile, cx: &mut Cx) {
    let chosen = page.chosen();
    let (Some(typing), Some(Item::Setting(key))) = (&mut page.typing, chosen) else {
        return change(page, settings_file, cx);
    };
    match key.value_of(typing.field.string().trim()) {
        Some(value) => {
            page.typing = None;
            file::change(settings_file, cx, key, value);
        }
        None => typing.problem = Some(format!("Type {}.", key.allowed())),
    }
}

fn change(page: &mut Page, settings_file: &mut SettingsFile, cx: &mut Cx) {
    match page.chosen() {
        Some(Item::Setting(key)) => match key.next_choice(&cx.settings) {
            Some(value) => file::change(settings_file, cx, key, value),
            None => {
                let mut field = Buffer::new(&Item::Setting(key).value(&cx.settings));
                field.select(0, field.text().len());
                page.typing = Some(Typing { field, problem: None });
            }
        },
        Some(Item::Sidebar) => toggle_sidebar(settings_file, cx),
        None => {}
    }
}

/// Escape: what is being typed goes, the value first, then what is searched for.
pub fn cancel(page: &mut Page) {
    if page.typing.take().is_none() && !page.search.text().is_empty() {
        page.search.replace_all("");
        page.edited();
    }
}

/// Gives the chosen setting its default again.
pub fn reset(page: &mut Page, settings_file: &mut SettingsFile, cx: &mut Cx) {
    page.typing = None;
    let Some(item) = page.chosen() else {
        return;
    };
    if !item.is_changed(&cx.settings) {
        cx.notify(format!("{} is as it is by default.", item.title()));
        return;
    }
    match item {
        Item::Setting(key) => file::change(settings_file, cx, key, key.value(&Settings::default())),
        Item::Sidebar => toggle_sidebar(settings_file, cx),
    }
}

#[cfg(test)]
mod tests;
