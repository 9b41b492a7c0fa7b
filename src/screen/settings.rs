//! The settings page: every setting that is found, with its meaning and value, and what is wrong with their file.

use super::{Action, Field, Span, Tone, dialogs::field, words};
use crate::{
    model::Model,
    update::{
        settings::page::{self, Item},
        shell::{
            command::Command,
            sight::{self, Items},
        },
    },
};

use std::ops::Range;

/// The page.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingsPage {
    pub title: String,
    /// The file that holds them.
    pub path: String,
    pub search: Field,
    /// Whether the search has the keyboard, and no value.
    pub searches: bool,
    /// What is wrong with the file.
    pub problems: Vec<Span>,
    pub rows: Vec<SettingRow>,
    /// Which of the rows are in sight, as far as the window has said.
    pub in_sight: Range<usize>,
    /// What stands in the place of the rows, where nothing is found.
    pub nothing: Option<Span>,
    pub actions: Vec<Action>,
}

/// A setting.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingRow {
    pub title: String,
    /// Its name in the file; empty for what is not in the file.
    pub name: String,
    pub meaning: String,
    pub value: Span,
    /// While its value is being typed: the field, with what is wrong with it.
    pub typing: Option<(Field, Option<Span>)>,
    /// Resets it; none where it is as by default.
    pub reset: Option<String>,
    pub selected: bool,
}

pub(super) fn page(model: &Model) -> SettingsPage {
    let (page, file) = (&model.settings_page, &model.settings_file);
    let rows: Vec<SettingRow> = (page.found().into_iter().enumerate())
        .map(|(place, item)| row(model, item, place == page.selected))
        .collect();
    let in_sight = match sight::items_in_sight(model, Items::Settings) {
        Some(ranges) => ends(ranges, rows.len()),
        None => 0..rows.len(),
    };
    let typed = page.search.string();
    let none = format!("No setting has “{}” in its name or meaning.", typed.trim());
    SettingsPage {
        title: "Settings".into(),
        path: file.path.clone(),
        search: field(&page.search, "Search settings"),
        searches: page.typing.is_none(),
        problems: problems(&file.problems),
        nothing: rows.is_empty().then(|| Span::new(none, Tone::Muted)),
        rows,
        in_sight,
        actions: actions(model),
    }
}

/// From the first to the last row in sight, of so many.
fn ends(in_sight: &[Range<usize>], count: usize) -> Range<usize> {
    let start = in_sight.first().map_or(0, |range| range.start).min(count);
    let end = in_sight.last().map_or(0, |range| range.end).min(count);
    start..end.max(start)
}

fn problems(problems: &[String]) -> Vec<Span> {
    let said = problems.iter().map(|problem| Span::new(problem.clone(), Tone::Error));
    let what = "The file is not used, and the settings stay as they are, until this is mended.";
    let what = (!problems.is_empty()).then(|| Span::new(what, Tone::Warning));
    what.into_iter().chain(said).collect()
}

fn row(model: &Model, item: Item, selected: bool) -> SettingRow {
    let settings = &model.cx.settings;
    let is_changed = item.is_changed(settings);
    let typing = model.settings_page.typing.as_ref().filter(|_| selected).map(|typing| {
        (
            field(&typing.field, ""),
            typing.problem.clone().map(|problem| Span::new(problem, Tone::Error)),
        )
    });
    SettingRow {
        title: item.title().into(),
        name: item.name(),
        meaning: item.meaning(),
        value: Span::new(item.value(settings), if is_changed { Tone::Strong } else { Tone::Plain }),
        typing,
        reset: is_changed.then(|| "Reset".to_owned()),
        selected,
    }
}

fn actions(model: &Model) -> Vec<Action> {
    let page = &model.settings_page;
    let action = |command, title| words::named(model, words::SETTINGS, command, title);
    let is_typing = page.focused() == page::Field::Value;
    let mut actions = match (page.chosen(), is_typing) {
        (_, true) => vec![
            action(Command::DialogAccept, "Take the value"),
            action(Command::DialogCancel, "Leave it as it was"),
        ],
        (Some(_), false) => vec![
            action(Command::DialogAccept, "Change"),
            action(Command::SettingsReset, "Reset to the default"),
        ],
        (None, false) => vec![action(Command::DialogCancel, "Search for something else")],
    };
    actions.push(action(Command::SettingsOpenFile, "Open the file"));
    actions
}
