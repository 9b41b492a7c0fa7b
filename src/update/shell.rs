//! The window as a whole: tabs, focus, dialogs, commands and keys, the sidebar, the welcome screen, the end.

pub mod app;
pub mod command;
pub mod dialog;
pub mod keymap;
pub mod keys;
pub mod leaving;
pub mod palette;
pub mod place;
pub mod routing;
pub mod sidebar;
pub mod sight;
pub mod tabs;
pub mod welcome;
