//! Stories in a window that nobody sees: typed at through GPUI's own keys, drawn by its own renderer. The same file
//! plays here and with no window. Pictures are the same each time: time stands still, and the fonts are Tusk's own.

use super::{
    kit::{theme::Appearance, words::Post},
    offscreen::{Offscreen, OffscreenError},
    shell::{
        panes::Region,
        window::{Desk, Pace, Parts, Still, TuskWindow},
    },
};
use crate::{
    base::text::Edit,
    model::Model,
    msg::Msg,
    program::Program,
    story::Stage,
    update::{
        query::editor,
        shell::{app, place::Area},
    },
};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use flume::Receiver;
use gpui::{
    AppContext, Bounds, Entity, ExternalPaths, FileDropEvent, Pixels, PlatformInput, point, px,
};

/// So often what came of messages is taken in one go.
const DRAIN_ROUNDS: usize = 8;

/// The program in a window offscreen.
pub struct Windowed {
    program: Rc<RefCell<Program>>,
    inbox: Receiver<Msg>,
    window: Entity<TuskWindow>,
    offscreen: Offscreen,
    began: Instant,
    watched: Option<Vec<Msg>>,
    at_once: bool,
}

impl Windowed {
    /// A stage over a program that has begun with this desk. `post` is the sending end of `inbox`.
    ///
    /// # Errors
    /// When there is no renderer.
    pub fn open(
        program: Program,
        inbox: Receiver<Msg>,
        post: Post,
        desk: Desk,
    ) -> Result<Self, OffscreenError> {
        let program = Rc::new(RefCell::new(program));
        let (width, height) = program.borrow().model().cx.settings.window;
        let parts = Parts { engine: program.clone(), desk, post, pace: Pace::Still, quit: |_| {} };
        let (offscreen, window) = opened(parts, width, height)?;
        Ok(Self {
            program,
            inbox,
            window,
            offscreen,
            began: Instant::now(),
            watched: None,
            at_once: false,
        })
    }

    /// Ends the program, as its window's close button does.
    pub fn finish(self) {
        self.program.borrow_mut().shutdown(&self.inbox);
    }

    /// The window, for what a story can't say.
    pub fn offscreen(&mut self) -> &mut Offscreen {
        &mut self.offscreen
    }

    /// Does something in the window whose messages stay in the queue for now: what a person does while the program is
    /// at something else.
    pub fn interleave(&mut self, act: impl FnOnce(&mut Offscreen)) {
        act(&mut self.offscreen);
    }

    /// Keeps the messages that are taken from now on.
    pub fn watch(&mut self) {
        self.watched = Some(Vec::new());
    }

    /// The messages that were taken since.
    pub fn watched(&mut self) -> Vec<Msg> {
        self.watched.take().unwrap_or_default()
    }

    /// Takes a slice of the queue as the window does, and draws nothing: a window draws when a frame is due. Answers
    /// how long the slice took; nothing where the queue was empty. Benchmarks ask.
    pub fn turn(&mut self) -> Option<Duration> {
        let msg = self.inbox.try_recv().ok()?;
        let (window, inbox) = (self.window.clone(), self.inbox.clone());
        let taken = self.offscreen.update(|handle, cx| {
            window.update(cx, |window, cx| {
                let began = Instant::now();
                window.slice(msg, &inbox, handle, cx);
                began.elapsed()
            })
        });
        taken.ok()
    }

    /// Presses a key, in GPUI's notation, and draws nothing but what GPUI itself draws before it.
    ///
    /// # Errors
    /// For a keystroke that does not exist, and after the window was closed.
    pub fn keystroke(&mut self, keystroke: &str) -> Result<(), OffscreenError> {
        self.offscreen.keystroke(keystroke)
    }

    /// Lays out and paints the frame that is due.
    pub fn draw(&mut self) {
        self.offscreen.settle();
    }

    /// Takes what is in the queue and what comes of it, and draws. A stream of rows may always bring more: it is left
    /// there after some rounds, so that a story can act while it runs. Answers whether there was anything.
    fn drain(&mut self) -> bool {
        let mut taken = false;
        for _ in 0..DRAIN_ROUNDS {
            self.offscreen.settle();
            if self.at_once && !self.inbox.is_empty() {
                taken = true;
                if !self.take_all() {
                    return taken;
                }
                self.offscreen.settle();
            }
            for msg in self.inbox.drain().collect::<Vec<_>>() {
                taken = true;
                if !self.take(msg) {
                    return taken;
                }
                self.offscreen.settle();
                self.check_focus();
            }
            if self.inbox.is_empty() {
                self.check_focus();
                return taken;
            }
        }
        taken
    }

    /// Lets the window take what is in the queue as it does where it is busy: in one slice.
    fn take_all(&mut self) -> bool {
        let Ok(first) = self.inbox.try_recv() else {
            return true;
        };
        let (window, inbox) = (self.window.clone(), self.inbox.clone());
        let taken = self.offscreen.update(|handle, cx| {
            window.update(cx, |window, cx| window.slice(first, &inbox, handle, cx));
        });
        taken.is_ok()
    }

    /// The Model and GPUI agree about the keyboard, after every message and in every frame.
    fn check_focus(&mut self) {
        let window = self.window.clone();
        let problem = self.offscreen.update(|handle, cx| {
            window.update(cx, |window, cx| window.drawn_focus_problem(handle, cx))
        });
        // Every story in a window, and every test in one, is a test of this.
        assert_eq!(problem.ok().flatten(), None, "after a message");
    }

    /// Shows what the window would show this long after the last message.
    pub fn tick(&mut self, since: Duration) {
        let window = self.window.clone();
        self.offscreen.update_app(|cx| window.update(cx, |window, cx| window.ticked(since, cx)));
    }

    /// How often each region was told that it shows something else, and how often it was drawn.
    pub fn region_counts(&mut self) -> Vec<(Region, u64, u64)> {
        let window = self.window.clone();
        self.offscreen.update_app(|cx| window.read(cx).region_counts(cx))
    }

    /// Where the editor's cursor was drawn, and the place that its text is drawn in.
    pub fn caret(&mut self) -> Option<(Bounds<Pixels>, Bounds<Pixels>)> {
        let window = self.window.clone();
        let caret = self.offscreen.update(|_, cx| window.update(cx, |window, cx| window.caret(cx)));
        caret.ok().flatten()
    }

    /// From now on what is in the queue is taken in one slice, as a window does that had no time for it earlier.
    pub fn take_at_once(&mut self) {
        self.at_once = true;
    }

    /// The text of the field that has the keyboard, as the widget has it.
    pub fn focused_text(&mut self) -> Option<String> {
        let window = self.window.clone();
        let text = self
            .offscreen
            .update(|handle, cx| window.update(cx, |window, cx| window.focused_text(handle, cx)));
        text.ok().flatten()
    }

    /// Lets the window take one message, as a slice of its own. Answers whether it is still open.
    fn take(&mut self, msg: Msg) -> bool {
        if let Some(watched) = &mut self.watched {
            watched.push(msg.clone());
        }
        let window = self.window.clone();
        let (_, nothing) = flume::bounded(0);
        let taken = self.offscreen.update(|handle, cx| {
            window.update(cx, |window, cx| window.slice(msg, &nothing, handle, cx));
        });
        if let Err(error) = &taken {
            log::debug!("a message came after the window's end: {error}");
        }
        taken.is_ok()
    }
}

impl Stage for Windowed {
    fn send(&mut self, msg: Msg) {
        if self.take(msg) {
            self.drain();
        }
    }

    fn replace_text(&mut self, text: &str) {
        let msgs = {
            let program = self.program.borrow();
            let Some(tab) = program.model().pages.active() else {
                return;
            };
            let buffer = &tab.editor.buffer;
            let edit = Edit { start: 0, removed: buffer.text().len(), inserted: text.to_owned() };
            let edited = editor::Msg::Edited {
                base: buffer.revision(),
                edits: vec![edit],
                anchor: text.len(),
                head: text.len(),
            };
            [
                app::Msg::AreaFocused { area: Area::Editor }.into(),
                Msg::Editor { tab: tab.id, msg: edited },
            ]
        };
        for msg in msgs {
            self.send(msg);
        }
    }

    fn type_text(&mut self, text: &str) {
        self.drain();
        for part in text.split_inclusive(['\n', '\t']) {
            let words = part.trim_end_matches(['\n', '\t']);
            if !words.is_empty()
                && let Err(error) = self.offscreen.type_text(words)
            {
                log::error!("the text could not be typed: {error}");
            }
            self.drain();
            match part.chars().next_back() {
                Some('\n') => self.press("enter"),
                Some('\t') => self.press("tab"),
                _ => {}
            }
        }
    }

    fn press(&mut self, keystroke: &str) {
        self.drain();
        // The answers to a key are taken before the next one comes.
        for keystroke in keystroke.split_whitespace() {
            if let Err(error) = self.offscreen.press(keystroke) {
                log::error!("the key could not be pressed: {error}");
            }
            self.drain();
        }
    }

    fn resize(&mut self, width: u32, height: u32) {
        if let Err(error) = self.offscreen.resize(width as f32, height as f32) {
            log::error!("the window could not be resized: {error}");
        }
        self.send(app::Msg::WindowResized { width, height }.into());
    }

    fn drop_file(&mut self, path: &str) {
        self.drain();
        let paths = ExternalPaths([PathBuf::from(path)].into_iter().collect());
        let position = point(px(20.0), px(20.0));
        let events = [
            FileDropEvent::Entered { position, paths },
            FileDropEvent::Pending { position },
            FileDropEvent::Submit { position },
        ];
        for event in events {
            let dropped = self.offscreen.update(|window, cx| {
                window.dispatch_event(PlatformInput::FileDrop(event), cx);
            });
            if let Err(error) = dropped {
                log::error!("the file could not be dropped: {error}");
            }
            self.drain();
        }
    }

    fn pump(&mut self, at_most: Duration) -> bool {
        // What was taken may be what the story waits for: then there is nothing more to wait for here.
        let taken = self.drain();
        if !taken
            && !at_most.is_zero()
            && let Ok(msg) = self.inbox.recv_timeout(at_most)
        {
            self.send(msg);
        }
        self.inbox.is_empty()
    }

    fn read<R>(&mut self, look: impl FnOnce(&Model) -> R) -> R {
        look(self.program.borrow().model())
    }

    fn clipboard(&mut self) -> Option<String> {
        self.offscreen.update_app(|cx| cx.read_from_clipboard()).and_then(|item| item.text())
    }

    fn screenshot(&mut self, path: &Path) -> Result<(), String> {
        self.drain();
        self.offscreen.screenshot(path).map_err(|error| error.to_string())
    }

    fn now(&mut self) -> Duration {
        self.began.elapsed()
    }
}

/// Draws the window as it would be over a Model, at the size that the Model has, into a file. What stories without a
/// window take their pictures with.
///
/// # Errors
/// When there is no renderer, or the file can't be written, in a sentence.
pub fn screenshot(model: &Model, path: &Path) -> Result<(), String> {
    let (outbox, _) = flume::unbounded();
    let (width, height) = model.cx.settings.window;
    let parts = Parts {
        engine: Rc::new(RefCell::new(Still(model.clone()))),
        desk: Desk::default(),
        post: Post::new(outbox),
        pace: Pace::Still,
        quit: |_| {},
    };
    let (mut offscreen, _window) =
        opened(parts, width, height).map_err(|error| error.to_string())?;
    offscreen.screenshot(path).map_err(|error| error.to_string())
}

fn opened(
    parts: Parts,
    width: u32,
    height: u32,
) -> Result<(Offscreen, Entity<TuskWindow>), OffscreenError> {
    let appearance =
        if parts.engine.borrow().model().is_dark() { Appearance::Dark } else { Appearance::Light };
    Offscreen::open(width as f32, height as f32, appearance, |window, cx| {
        cx.new(|cx| TuskWindow::new(parts, window, cx))
    })
}
