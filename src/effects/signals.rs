//! The system's requests to the program: to end, when somebody logs out, closes the terminal or stops the service.
//!
//! It ends as through its close button, except that it asks the user nothing. And exceeding the limit on the size of
//! files becomes an error for the writer, not the end of the program, which is the system's default.

use std::{io, process, thread, time::Duration};

use async_signal::{Signal, Signals};
use flume::Sender;
use futures_util::StreamExt;

use crate::{msg::Msg, update::shell::app};

/// A program that does not end within this time is killed: longer than a shutdown may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes a write beyond the limit on the size of files fail.
pub fn survive_file_limit() {
    #[cfg(unix)]
    {
        match Signals::new([Signal::Xfsz]) {
            // Keep it for as long as the program runs.
            Ok(signals) => std::mem::forget(signals),
            Err(error) => log::warn!("A limit on the size of files would end the program: {error}"),
        }
    }
}

/// Tells the program when it is asked to end. Returns why that is impossible.
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
