//! A field over a list: what several rooms ask with.

use serde::Serialize;

use crate::base::text::Buffer;

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Picker {
    /// What was typed.
    pub field: Buffer,
    /// The row that is chosen.
    pub selected: usize,
}
