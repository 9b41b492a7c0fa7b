//! Settings: what the user fixed, kept for the next start.

use super::store::{self, Settings, Theme};
use crate::{effect::Effect as RootEffect, model::Model};

/// How many rows the settings dialog has.
pub const ROWS: usize = 3;
/// The size of everything goes by these steps, in percent.
const ZOOM: [u32; 11] = [50, 67, 75, 80, 90, 100, 110, 125, 150, 175, 200];

/// The rows of the settings dialog: what it is, and how it stands.
pub fn rows(settings: &Settings) -> [(&'static str, String); ROWS] {
    let theme = match settings.theme {
        Theme::System => "as the system has it",
        Theme::Light => "light",
        Theme::Dark => "dark",
    };
    let sidebar = if settings.sidebar_width > 0 {
        "shown"
    } else {
        "hidden"
    };
    [
        ("Theme", theme.into()),
        ("Size", format!("{} %", settings.zoom_percent)),
        ("Sidebar", sidebar.into()),
    ]
}

/// Enter on a row: its next choice.
pub fn change(model: &mut Model, row: usize) -> Vec<RootEffect> {
    match row {
        0 => {
            let next = match model.settings.theme {
                Theme::System => Theme::Light,
                Theme::Light => Theme::Dark,
                Theme::Dark => Theme::System,
            };
            set_theme(model, next)
        }
        1 => {
            let at = ZOOM
                .iter()
                .position(|zoom| *zoom == model.settings.zoom_percent)
                .unwrap_or(0);
            model.settings.zoom_percent = ZOOM[(at + 1) % ZOOM.len()];
            save(model)
        }
        _ => toggle_sidebar(model),
    }
}

/// Fixes the theme, or lets it follow the system.
pub fn set_theme(model: &mut Model, theme: Theme) -> Vec<RootEffect> {
    model.settings.theme = theme;
    save(model)
}

/// Larger, smaller, or, with none, the usual size.
pub fn zoom(model: &mut Model, larger: Option<bool>) -> Vec<RootEffect> {
    let percent = model.settings.zoom_percent;
    model.settings.zoom_percent = match larger {
        Some(true) => ZOOM
            .iter()
            .copied()
            .find(|zoom| *zoom > percent)
            .unwrap_or(percent),
        Some(false) => ZOOM
            .iter()
            .rev()
            .copied()
            .find(|zoom| *zoom < percent)
            .unwrap_or(percent),
        None => 100,
    };
    save(model)
}

/// Shows or hides the sidebar.
pub fn toggle_sidebar(model: &mut Model) -> Vec<RootEffect> {
    model.settings.sidebar_width = if model.settings.sidebar_width == 0 {
        Settings::default().sidebar_width
    } else {
        0
    };
    if model.settings.sidebar_width == 0 && model.area == crate::model::Area::Sidebar {
        model.focus(crate::model::Area::Editor);
    }
    save(model)
}

/// The effect that keeps the settings.
pub fn save(model: &mut Model) -> Vec<RootEffect> {
    let request = model.ids.request();
    vec![
        store::Effect::SaveSettings {
            request,
            settings: model.settings.clone(),
        }
        .into(),
    ]
}
