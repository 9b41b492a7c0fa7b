//! What the system asks of the program: to end, when somebody logs out, closes the terminal or stops the service.
//!
//! It ends as by its close button, only that nobody is asked anything. And a limit on the size of files is an error to
//! who writes, not the end of the program, which is what the system makes of it by itself.

use std::{io, process, thread, time::Duration};

use async_signal::{Signal, Signals};
use flume::Sender;
use futures_util::StreamExt;

use crate::{msg::Msg, update::shell::app};

/// A program that does not come to its end within this is ended: longer than a shutdown may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes a write beyond the limit on the size of files fail.
pub fn survive_file_limit() {
    #[cfg(unix)]
    {
        match Signals::new([Signal::Xfsz]) {
            // As long as the program runs.
            Ok(signals) => std::mem::forget(signals),
            Err(error) => log::warn!("A limit on the size of files would end the program: {error}"),
        }
    }
}

/// Tells the program when it is asked to end. Answers why it can't be told.
pub fn listen(outbox: Sender<Msg>) -> io::Result<()> {
    #[cfg(unix)]
    let asked = [Signal::Term, Signal::Hup, Signal::Int];
    #[cfg(not(unix))]
    let asked = [Signal::Int];
    let mut signals = Signals::new(asked)?;
    let listening = move || {
        let Some(Ok(signal)) = smol::block_on(signals.next()) else {
            return;
        };
        log::info!("The system asks the program to end: {signal:?}");
        if outbox.send(app::Msg::EndRequested.into()).is_err() {
            log::debug!("The program is ending already");
        }
        thread::sleep(PATIENCE);
        log::error!("The program did not end within {PATIENCE:?} and is ended");
        process::exit(1);
    };
    thread::Builder::new().name("tusk-signals".into()).spawn(listening).map(drop)
}
