//! Fields for text, and lists with a field over them: what rooms ask with.

use serde::Serialize;

use crate::base::{secret::Secret, text::Buffer};

/// A field of a dialog that text is typed into, as a window needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Of which dialog, by a name that no other has.
    pub dialog: &'static str,
    /// Its place, counted in the dialog's order.
    pub index: usize,
    pub text: Secret,
    /// Whether what is typed is not shown.
    pub is_masked: bool,
    pub is_path: bool,
}

impl Field {
    /// A dialog's only field.
    pub fn only(dialog: &'static str, text: &Buffer) -> Self {
        let text = Secret::new(text.string());
        Self { dialog, index: 0, text, is_masked: false, is_path: false }
    }
}

/// A list with a field over it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Picker {
    /// What was typed.
    pub field: Buffer,
    /// The row that is chosen.
    pub selected: usize,
}
