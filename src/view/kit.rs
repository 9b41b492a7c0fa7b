//! The kit: what every view is made of, from fonts and colours to the grid and the editor.

pub mod editor;
pub mod fields;
pub mod fonts;
pub mod grid;
pub mod motion;
pub mod places;
pub mod platform;
pub mod theme;
pub mod widgets;
pub mod words;
