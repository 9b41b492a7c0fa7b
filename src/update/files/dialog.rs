//! What is asked about files, over the window.

use super::{
    Outcome, Pendings,
    prompt::{self, EncodingPrompt, PathPrompt},
};
use crate::{
    base::text::Buffer,
    update::{cx::Cx, picker::Field},
};

use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Dialog {
    /// A file to open, to run or to save to.
    Path(PathPrompt),
    /// A file whose encoding somebody has to say.
    Encoding(EncodingPrompt),
    /// Run a file that is too large to be opened.
    RunLarge {
        path: String,
        /// Its length in bytes.
        bytes: u64,
    },
}

impl Dialog {
    /// The fields that text is typed into.
    pub fn fields(&self) -> Vec<Field> {
        match self {
            Self::Path(prompt) => {
                vec![Field { is_path: true, ..Field::only("path", &prompt.field) }]
            }
            Self::Encoding(_) | Self::RunLarge { .. } => vec![],
        }
    }

    /// Whether it has a field for text.
    pub fn takes_text(&self) -> bool {
        matches!(self, Self::Path(_))
    }

    /// The field that typed text goes to.
    pub fn focused_mut(&mut self) -> Option<&mut Buffer> {
        match self {
            Self::Path(prompt) => Some(&mut prompt.field),
            Self::Encoding(_) | Self::RunLarge { .. } => None,
        }
    }

    /// Whether an effect that was asked for is on its way back to it.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Path(prompt) if prompt.listing.is_some())
    }

    /// How many rows its list has.
    pub fn rows(&self) -> usize {
        match self {
            Self::Path(prompt) => prompt.matching().count(),
            Self::Encoding(prompt) => prompt.choices.len(),
            Self::RunLarge { .. } => 0,
        }
    }

    /// The row that is chosen.
    pub fn selected(&self) -> Option<usize> {
        match self {
            Self::Path(prompt) => prompt.selected,
            Self::Encoding(prompt) => Some(prompt.selected),
            Self::RunLarge { .. } => None,
        }
    }

    /// Chooses one of its rows.
    pub fn select(&mut self, row: usize) {
        match self {
            Self::Path(prompt) => prompt.selected = Some(row),
            Self::Encoding(prompt) => prompt.selected = row,
            Self::RunLarge { .. } => {}
        }
    }

    /// A field has another text.
    pub fn edited(&mut self, cx: &mut Cx) {
        if let Self::Path(prompt) = self {
            prompt.list(cx);
        }
    }

    /// Tab.
    pub fn next(&mut self, cx: &mut Cx) {
        if let Self::Path(prompt) = self {
            prompt.complete(cx);
        }
    }

    /// Enter. Answers with the dialog, where it stays.
    pub fn accept(self, files: &mut Pendings, cx: &mut Cx) -> Option<Self> {
        match self {
            Self::Path(prompt) => return prompt::accept(files, cx, prompt).map(Self::Path),
            Self::Encoding(prompt) => prompt::encoding_chosen(files, cx, prompt),
            Self::RunLarge { path, .. } => cx.leave(Outcome::Run { path }),
        }
        None
    }

    /// Escape: nothing was done.
    pub fn cancel(self, cx: &mut Cx) {
        if let Self::Encoding(prompt) = self {
            prompt::encoding_unknown(cx, &prompt);
        }
    }
}
