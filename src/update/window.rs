//! What only the program around the loop can do: the clipboard, the window itself.

use crate::{base::ids::Request, update::cx::Cx};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What the program around the loop is asked to do. Each ends in [`Msg::Done`], but `Quit`, which ends it all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Put a text on the clipboard.
    WriteClipboard { request: Request, text: Arc<str> },
    /// Stop the program: the runner has been told to finish what it does.
    Quit,
}

/// What the program around the loop answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// It was done, or can't be done here.
    Done { request: Request },
}

/// Puts a text on the clipboard.
pub fn write_clipboard(cx: &mut Cx, text: Arc<str>) {
    let request = cx.request();
    cx.ask(Effect::WriteClipboard { request, text });
}
