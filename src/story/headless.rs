//! The stage without a window.

use super::{
    Stage,
    input::{self, Piece},
};
use crate::{
    base::text::Edit,
    model::Model,
    msg::Msg,
    program::{Program, Surroundings},
    screen::screen,
    update::{
        query::{self, editor},
        shell::{app, command::Command, dialog::Dialog, place::Area},
    },
};

use std::{
    cell::RefCell,
    path::Path,
    rc::Rc,
    time::{Duration, Instant},
};

use flume::Receiver;

/// Draws a Model's screen into a file: builds with a window supply it.
pub type Screenshot = Box<dyn FnMut(&Model, &Path) -> Result<(), String>>;

pub struct Headless {
    program: Program,
    inbox: Receiver<Msg>,
    desk: Desk,
    screenshot: Option<Screenshot>,
    began: Instant,
}

/// Replaces a window: has a clipboard of the story's own.
#[derive(Clone, Default)]
pub struct Desk {
    clipboard: Rc<RefCell<Option<String>>>,
}

impl Surroundings for Desk {
    fn write_clipboard(&mut self, text: &str) {
        *self.clipboard.borrow_mut() = Some(text.to_owned());
    }

    fn quit(&mut self) {
        // The Model knows that it is quitting.
    }
}

impl Headless {
    /// A stage over a program that has begun with this desk.
    pub fn new(
        program: Program,
        inbox: Receiver<Msg>,
        desk: Desk,
        screenshot: Option<Screenshot>,
    ) -> Self {
        Self { program, inbox, desk, screenshot, began: Instant::now() }
    }

    /// Ends the program, as its window's close button does.
    pub fn finish(mut self) {
        self.program.shutdown(&self.inbox);
    }
}

impl Stage for Headless {
    fn send(&mut self, msg: Msg) {
        self.program.take(msg);
    }

    fn replace_text(&mut self, text: &str) {
        for msg in replacing(self.program.model(), text) {
            self.program.take(msg);
        }
    }

    fn type_text(&mut self, text: &str) {
        for piece in input::pieces(text) {
            match piece {
                Piece::Key(key) => self.press(key),
                Piece::Text(text) => {
                    for msg in input::typed(self.program.model(), text) {
                        self.program.take(msg);
                    }
                }
            }
        }
    }

    fn press(&mut self, keystroke: &str) {
        let msg = input::pressed(self.program.model(), keystroke);
        self.program.take(msg);
    }

    fn resize(&mut self, width: u32, height: u32) {
        self.program.take(app::Msg::WindowResized { width, height }.into());
    }

    fn pump(&mut self, at_most: Duration) -> bool {
        if self.inbox.is_empty() && !at_most.is_zero() {
            match self.inbox.recv_timeout(at_most) {
                Ok(msg) => {
                    self.program.take(msg);
                }
                // Nothing came. Only when the runner has ended can nobody send any more.
                Err(_) => return true,
            }
        }
        let slice = self.program.drain(&self.inbox);
        let stands =
            matches!(self.program.model().dialog, Some(Dialog::Query(query::Dialog::GoOn { .. })));
        if stands {
            // Nobody can be asked: a script that waits at an error stops.
            self.program.take(Command::DialogCancel.into());
            return false;
        }
        !slice.more
    }

    fn read<R>(&mut self, look: impl FnOnce(&Model) -> R) -> R {
        look(self.program.model())
    }

    fn screen(&mut self) -> String {
        let now = self.program.now();
        let model = self.program.model();
        screen(model, now).to_text(model)
    }

    fn clipboard(&mut self) -> Option<String> {
        self.desk.clipboard.borrow().clone()
    }

    fn screenshot(&mut self, path: &Path) -> Result<(), String> {
        match &mut self.screenshot {
            Some(screenshot) => screenshot(self.program.model(), path),
            None => Err("this build has no window to draw: build Tusk with its gui feature".into()),
        }
    }

    fn now(&mut self) -> Duration {
        self.began.elapsed()
    }
}

/// The messages that replace the active tab's text and focus its editor.
fn replacing(model: &Model, text: &str) -> Vec<Msg> {
    let Some(tab) = model.pages.active() else {
        return vec![];
    };
    let buffer = &tab.editor.buffer;
    let edit = Edit { start: 0, removed: buffer.text().len(), inserted: text.to_owned() };
    vec![
        app::Msg::AreaFocused { area: Area::Editor }.into(),
        Msg::Editor {
            tab: tab.id,
            msg: editor::Msg::Edited {
                base: buffer.revision(),
                edits: vec![edit],
                anchor: text.len(),
                head: text.len(),
            },
        },
    ]
}
