//! The window as a whole: its panes, bars, dialogs and keys.

pub mod dialogs;
pub mod fields;
pub mod keys;
pub mod notices;
pub mod panes;
pub mod sidebar;
pub mod status_bar;
pub mod tabs;
pub mod title_bar;
pub mod welcome;
pub mod window;
