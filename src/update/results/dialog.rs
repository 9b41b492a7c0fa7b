//! What is asked about results, over the window.

use super::{Results, active_value, inspect::Inspect, listed, take_listed};
use crate::{
    base::text::Buffer,
    rows::show::display,
    update::{
        cx::Cx,
        picker::{Field, Picker},
        window,
    },
};

use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Dialog {
    /// The results of a page, by what was run.
    List(Picker),
    /// A value, whole.
    Inspect(Inspect),
}

impl Dialog {
    /// The fields that text is typed into.
    pub fn fields(&self) -> Vec<Field> {
        match self {
            Self::List(picker) => vec![Field::only("results", &picker.field)],
            Self::Inspect(_) => vec![],
        }
    }

    /// Whether it has a field for text.
    pub fn takes_text(&self) -> bool {
        matches!(self, Self::List(_))
    }

    /// The field that typed text goes to.
    pub fn focused_mut(&mut self) -> Option<&mut Buffer> {
        self.picker_mut().map(|picker| &mut picker.field)
    }

    /// The list that is walked with the arrows.
    pub fn picker_mut(&mut self) -> Option<&mut Picker> {
        match self {
            Self::List(picker) => Some(picker),
            Self::Inspect(_) => None,
        }
    }

    /// How many rows its list has.
    pub fn rows(&self, results: &Results) -> usize {
        match self {
            Self::List(picker) => listed(results, &picker.field.string()).len(),
            Self::Inspect(_) => 0,
        }
    }

    /// Enter.
    pub fn accept(self, results: &mut Results, cx: &mut Cx) {
        match self {
            Self::List(picker) => take_listed(results, cx, &picker),
            Self::Inspect(_) => {}
        }
    }

    /// Its other offer: the value is copied, and the dialog stays.
    pub fn alternative(&self, results: &Results, cx: &mut Cx) {
        if let Self::Inspect(inspect) = self {
            // The value itself is copied, not the way in which it is laid out or cut here.
            let text = active_value(results).unwrap_or_else(|| inspect.text.clone());
            cx.notify(format!("Copied {}.", display::bytes_text(text.len() as u64)));
            window::write_clipboard(cx, text.into())
        }
    }
}
