//! The window: GPUI views that draw what the Model's presentation says, and turn keys and clicks into messages.

pub mod dialogs;
pub mod editors;
pub mod fields;
pub mod fonts;
pub mod grid;
pub mod keys;
pub mod messages;
pub mod notices;
pub mod offscreen;
pub mod platform;
pub mod results;
pub mod rows;
pub mod sidebar;
pub mod sql_editor;
pub mod status_bar;
pub mod tabs;
pub mod theme;
pub mod title_bar;
pub mod welcome;
pub mod widgets;
pub mod window;
pub mod words;
