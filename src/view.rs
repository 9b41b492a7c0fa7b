//! The window: GPUI views that draw what the Model's presentation says, and turn keys and clicks into messages.

pub mod fonts;
pub mod grid;
pub mod offscreen;
pub mod platform;
pub mod sql_editor;
pub mod theme;
pub mod widgets;
