//! What a story writes out: rows as they stream, the screen, the clipboard, the Model.

use std::{
    io::{self, BufWriter, Write},
    path::Path,
};

use super::{Dump, Sink, Stage, check};
use crate::{
    conninfo::Conninfo,
    effects::regular_file,
    model::Model,
    recording::redact,
    rows::{export, show::display},
};

/// Writes what a line asks for.
pub fn dump(
    what: Dump,
    to: &Sink,
    stage: &mut impl Stage,
    out: &mut dyn Write,
) -> Result<(), String> {
    match what {
        Dump::Result { result, format } => {
            // A clone shares every chunk.
            let rows = stage.read(|model| {
                let found = check::result(model, result)?;
                if found.described {
                    Ok(found.rows.clone())
                } else {
                    Err(format!("result {result} has no rows to write"))
                }
            })?;
            write(to, out, |out| export::export(&rows, None, format, |block| out.write_all(block)))
        }
        Dump::Screen => {
            // A server's message may repeat a statement's content, and a dump is a file.
            let screen = stage.screen();
            let screen = stage.read(|model| redact::screen(model, &screen));
            let screen = display::printable(&screen);
            write(to, out, |out| out.write_all(screen.as_bytes()))
        }
        Dump::Clipboard => {
            let text = stage.clipboard().ok_or("nothing was put on the clipboard")?;
            write(to, out, |out| out.write_all(text.as_bytes()))
        }
        Dump::Job => {
            let job = stage.read(|model| model.jobs.list.last().map(|job| job.json()));
            let job = job.ok_or("there was no job")?;
            write(to, out, |out| writeln!(out, "{job}"))
        }
        Dump::Model => {
            let model = stage.read(redact::model).map_err(|error| error.to_string())?;
            write(to, out, |out| {
                serde_json::to_writer_pretty(&mut *out, &model)?;
                out.write_all(b"\n")
            })
        }
    }
}

/// The whole screen as text, at the time of the last message.
pub fn screen(model: &Model) -> String {
    crate::screen::screen(model, model.cx.now).to_text(model)
}

fn write(
    to: &Sink,
    out: &mut dyn Write,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), String> {
    match to {
        Sink::Stdout => content(out)
            .and_then(|()| out.flush())
            .map_err(|error| format!("standard output can't be written: {error}")),
        Sink::File(path) => file(path, content),
    }
}

/// Writes a story's output into a file, existing or new.
pub fn file(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), String> {
    // The user may have given a connection in place of a file.
    let shown = path.display().to_string();
    let shown = if Conninfo::may_hold_secret(&shown) { "the file" } else { &shown };
    let failed = |error: io::Error| format!("{shown} can't be written: {error}");
    let mut file = BufWriter::with_capacity(1 << 18, regular_file::anew(path).map_err(failed)?);
    content(&mut file).and_then(|()| file.flush()).map_err(failed)
}
