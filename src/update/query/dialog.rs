//! What is asked about a page and its text, over the window.

use super::{
    Pages, editor, file,
    history::{self, History},
    run::{self, Answer},
};
use crate::{
    base::{ids::TabId, text::Buffer},
    sql::encoding::Form,
    update::{
        connection::Connections,
        cx::Cx,
        files::Pendings,
        picker::{Field, Picker},
    },
};

use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Dialog {
    /// Every run, by text.
    History(Picker),
    GoToLine(Buffer),
    /// Go on with a script that stands at an error; accepting stops it.
    GoOn {
        tab: TabId,
        /// The error.
        message: String,
        /// How many statements are left.
        left: usize,
    },
    /// End the server process of a tab's session.
    Terminate {
        tab: TabId,
    },
    /// Write over a file that is not what it was.
    Overwrite {
        tab: TabId,
        path: String,
        /// How it is written.
        form: Form,
    },
    /// Save a text as UTF-8, because the encoding that its file had can't hold it.
    OtherEncoding(Box<file::OtherEncoding>),
    /// Read a file that another program changed; accepting reads it, the alternative keeps the text.
    Reload {
        tab: TabId,
        path: String,
    },
}

impl Dialog {
    /// The fields that text is typed into.
    pub fn fields(&self) -> Vec<Field> {
        match self {
            Self::History(picker) => vec![Field::only("history", &picker.field)],
            Self::GoToLine(line) => vec![Field::only("line", line)],
            Self::GoOn { .. }
            | Self::Terminate { .. }
            | Self::Overwrite { .. }
            | Self::OtherEncoding(_)
            | Self::Reload { .. } => vec![],
        }
    }

    /// Whether it has a field for text.
    pub fn takes_text(&self) -> bool {
        matches!(self, Self::History(_) | Self::GoToLine(_))
    }

    /// The field that typed text goes to.
    pub fn focused_mut(&mut self) -> Option<&mut Buffer> {
        match self {
            Self::History(picker) => Some(&mut picker.field),
            Self::GoToLine(field) => Some(field),
            _ => None,
        }
    }

    /// The list that is walked with the arrows.
    pub fn picker_mut(&mut self) -> Option<&mut Picker> {
        match self {
            Self::History(picker) => Some(picker),
            _ => None,
        }
    }

    /// How many rows its list has.
    pub fn rows(&self, history: &History) -> usize {
        match self {
            Self::History(_) => history.found.len(),
            _ => 0,
        }
    }

    /// A field has another text.
    pub fn edited(&mut self, history: &mut History, cx: &mut Cx) {
        if let Self::History(picker) = self {
            picker.selected = 0;
            history::search(history, cx, picker.field.string());
        }
    }

    /// Enter. Answers with the dialog, where it stays.
    pub fn accept(
        self,
        pages: &mut Pages,
        connections: &mut Connections,
        history: &mut History,
        files: &mut Pendings,
        cx: &mut Cx,
    ) -> Option<Self> {
        match self {
            Self::History(picker) => {
                return history::accept(pages, history, cx, picker).map(Self::History);
            }
            Self::GoToLine(field) => {
                let typed = field.string();
                match typed.trim().parse() {
                    Ok(line) => editor::go_to_line(pages, cx, line),
                    Err(_) => cx.notify(format!("“{}” is no line's number.", typed.trim())),
                }
            }
            // A key that is pressed without reading runs nothing more.
            Self::GoOn { tab, .. } => {
                run::answer_error(pages, connections, history, cx, tab, Answer::Stop)
            }
            Self::Terminate { tab } => run::terminate(pages, cx, tab),
            Self::Overwrite { tab, path, form } => {
                file::save_over(pages, files, cx, tab, path, form)
            }
            Self::OtherEncoding(other) => file::save_as_utf8(pages, files, cx, *other),
            Self::Reload { tab, path } => file::reload(pages, files, cx, tab, path),
        }
        None
    }

    /// The answer to a script that stands at an error, where the key for it is not Enter.
    pub fn answer(
        self,
        pages: &mut Pages,
        connections: &mut Connections,
        history: &mut History,
        cx: &mut Cx,
        answer: Answer,
    ) -> Option<Self> {
        match self {
            Self::GoOn { tab, .. } => {
                run::answer_error(pages, connections, history, cx, tab, answer);
                None
            }
            other => Some(other),
        }
    }
}
