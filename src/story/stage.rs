//! The stage on which a story is played: the program without a window, or in one.

use std::{path::Path, time::Duration};

use crate::{model::Model, msg::Msg, update::shell::app};

/// The program, as a story sees it.
pub trait Stage {
    /// Lets the program take a message.
    fn send(&mut self, msg: Msg);
    /// Replaces the text of the active tab and gives its editor focus.
    fn replace_text(&mut self, text: &str);
    /// Types into whatever has focus; a line feed is Enter, a tab is Tab.
    fn type_text(&mut self, text: &str);
    /// Presses a keystroke, in GPUI's notation.
    fn press(&mut self, keystroke: &str);
    /// Gives the window a size.
    fn resize(&mut self, width: u32, height: u32);
    /// Drops a file onto the window.
    fn drop_file(&mut self, path: &str) {
        let paths = vec![path.to_owned()];
        self.send(app::Msg::FilesDropped { paths }.into());
    }
    /// Waits at most this long for answers, and processes a slice of them. Returns true if nothing more is in the
    /// queue.
    fn pump(&mut self, at_most: Duration) -> bool;
    fn read<R>(&mut self, look: impl FnOnce(&Model) -> R) -> R;
    /// The whole screen as text, as it is now.
    fn screen(&mut self) -> String {
        self.read(super::screen_text)
    }
    /// What the program last put on the clipboard.
    fn clipboard(&mut self) -> Option<String>;
    /// Draws the window into a file.
    fn screenshot(&mut self, path: &Path) -> Result<(), String>;
    /// The time since the stage began.
    fn now(&mut self) -> Duration;
}
