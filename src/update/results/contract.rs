//! Work on many cells, off the loop: copying, summing, and letting rows go.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Dialog;
use crate::{
    base::ids::*,
    rows::{Range, Rows, Summary},
};

/// What the runner reports of cells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// The cells as text. Ends [`Effect::Copy`].
    Copied {
        request: Request,
        /// The text; why not, where it is too long.
        text: Result<Arc<str>, String>,
        /// How many cells.
        cells: u64,
    },
    /// What the cells add up to. Ends [`Effect::Summarize`].
    Summarized {
        request: Request,
        /// The sum; none where it was overtaken by another.
        summary: Option<Summary>,
    },
    /// The rows are gone. Ends [`Effect::Drop`].
    Dropped { request: Request },
}

/// What the runner is asked to do with cells.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Effect {
    /// Write a range of cells as text: one column as its lines, several as TSV. Ends in `Copied`.
    Copy {
        request: Request,
        rows: Rows,
        /// The cells.
        range: Range,
        /// Whether the columns' names come first.
        headers: bool,
    },
    /// Add a range of cells up; the newest request wins. Ends in `Summarized`.
    Summarize {
        request: Request,
        rows: Rows,
        /// The cells.
        range: Range,
    },
    /// Let rows go, which takes time where they are many. Ends in `Dropped`.
    Drop { request: Request, rows: Vec<Rows> },
}

/// What results leave to others.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The results want focus.
    EnterResults,
    /// A dialog takes the place of what lies over the window.
    Show(Dialog),
    /// The end of what a tab has is near on screen: more is wanted, where there is more.
    NearEnd(TabId),
}
