//! Settings: what the user fixed, kept for the next start. The window and its parts are kept in the store, the
//! user's own choices in the settings' file.

pub mod file;
pub mod page;

pub use page::Page;

use super::{clock, keeping};
use crate::{
    base::ids::Request,
    settings::{
        Settings, Theme,
        toml::{Key, Value},
    },
    update::{cx::Cx, settings::file::SettingsFile},
};

/// What settings leave to others.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The sidebar was shown or hidden: focus may be on what is not there.
    SidebarChanged,
    /// What is logged, or for how long, has changed.
    LogChanged,
}

/// What the mouse drags is kept once for so long a time, not once for each pixel.
const SAVE_AFTER_MS: u64 = 500;
/// The size of everything goes by these steps, in percent.
const ZOOM: [u32; 11] = [50, 67, 75, 80, 90, 100, 110, 125, 150, 175, 200];

/// Fixes the theme, or lets it follow the system.
pub fn set_theme(settings_file: &mut SettingsFile, cx: &mut Cx, theme: Theme) {
    file::change(settings_file, cx, Key::Theme, file::theme(theme))
}

/// Larger, smaller, or, with none, the usual size.
pub fn zoom(settings_file: &mut SettingsFile, cx: &mut Cx, larger: Option<bool>) {
    let percent = cx.settings.zoom_percent;
    let percent = match larger {
        Some(true) => ZOOM.iter().copied().find(|zoom| *zoom > percent).unwrap_or(percent),
        Some(false) => ZOOM.iter().rev().copied().find(|zoom| *zoom < percent).unwrap_or(percent),
        None => 100,
    };
    set_zoom(settings_file, cx, percent)
}

fn set_zoom(settings_file: &mut SettingsFile, cx: &mut Cx, percent: u32) {
    file::change(settings_file, cx, Key::Size, Value::Number(percent.into()))
}

/// Shows or hides the sidebar.
pub fn toggle_sidebar(settings_file: &mut SettingsFile, cx: &mut Cx) {
    cx.settings.sidebar_width =
        if cx.settings.sidebar_width == 0 { Settings::default().sidebar_width } else { 0 };
    cx.leave(Outcome::SidebarChanged);
    save(settings_file, cx)
}

/// Keeps the window and its parts.
pub fn save(settings_file: &mut SettingsFile, cx: &mut Cx) {
    let waiting = settings_file.timer.take();
    if let Some(timer) = waiting {
        cx.ask(clock::Effect::Stop { timer });
    }
    write(cx);
}

/// Keeps the window and its parts a little later, once for all that changes until then.
pub fn save_soon(settings_file: &mut SettingsFile, cx: &mut Cx) {
    if settings_file.timer.is_some() {
        return;
    }
    let timer = cx.request();
    settings_file.timer = Some(timer);
    let after_ms = SAVE_AFTER_MS;
    cx.ask(clock::Effect::Start { timer, after_ms });
}

/// A timer fired: the settings are kept where it was theirs. Whether it was.
pub fn timer_fired(settings_file: &mut SettingsFile, cx: &mut Cx, timer: Request) -> bool {
    if settings_file.timer != Some(timer) {
        return false;
    }
    settings_file.timer = None;
    write(cx);
    true
}

/// A timer will not fire: what it stood for waits for the next change, or for the end of the program.
pub fn timer_stopped(settings_file: &mut SettingsFile, timer: Request) {
    if settings_file.timer == Some(timer) {
        settings_file.timer = None;
    }
}

/// Draws settings that were kept into what makes sense.
pub fn sane(settings: Settings) -> Settings {
    let (width, height) = settings.window;
    Settings {
        zoom_percent: settings.zoom_percent.clamp(ZOOM[0], ZOOM[ZOOM.len() - 1]),
        window: window_size(width, height),
        sidebar_width: match settings.sidebar_width {
            0 => 0,
            width => width.clamp(160, 600),
        },
        editor_percent: settings.editor_percent.clamp(10, 85),
        ..settings
    }
}

/// A window's size, drawn into what a screen can have.
pub fn window_size(width: u32, height: u32) -> (u32, u32) {
    (width.clamp(200, 30_000), height.clamp(150, 30_000))
}

fn write(cx: &mut Cx) {
    let request = cx.request();
    let settings = cx.settings.clone();
    cx.ask(keeping::Effect::SaveSettings { request, settings });
}
