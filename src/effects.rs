//! The runner: performs effects and answers with messages. It decides nothing.
//!
//! Handles live here, keyed by the Model's ids. PostgreSQL has a few threads of its own with smol executors; the store,
//! the keychain, files, timers and work on cells have one each, because their calls block. Every answer leaves through
//! one channel.

pub mod cells;
pub mod clock;
pub mod discovery;
pub mod failure;
pub mod files;
mod in_order;
pub mod keychain;
pub mod limits;
pub mod local_time;
pub mod log;
pub mod postgres;
mod private_server;
pub mod regular_file;
pub mod sandbox;
mod services;
pub mod settings;
pub mod signals;
pub mod store;
mod tls_files;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use flume::Sender;

use crate::{
    effect::Effect,
    msg::Msg,
    update::{results, window},
};

#[derive(Clone, Debug)]
pub struct RunnerOptions {
    /// Where the store is.
    pub data_dir: PathBuf,
}

pub struct Runner {
    outbox: Sender<Msg>,
    postgres: postgres::Postgres,
    store: store::Store,
    keychain: keychain::Keychain,
    files: files::Files,
    timers: clock::Timers,
    cells: cells::Cells,
    sandbox: private_server::PrivateServer,
    settings_file: settings::SettingsFiles,
}

impl Runner {
    /// Starts every thread. Answers go to `outbox`, which is unbounded: granted rows bound what is in it.
    pub fn start(options: RunnerOptions, outbox: Sender<Msg>) -> Self {
        let RunnerOptions { data_dir } = options;
        Self {
            postgres: postgres::Postgres::start(outbox.clone(), &data_dir),
            store: store::Store::start(store::Place::Directory(data_dir), outbox.clone()),
            keychain: keychain::Keychain::start(outbox.clone()),
            files: files::Files::start(outbox.clone()),
            timers: clock::Timers::start(outbox.clone()),
            cells: cells::Cells::start(outbox.clone()),
            sandbox: private_server::PrivateServer::new(outbox.clone()),
            settings_file: settings::SettingsFiles::start(outbox.clone()),
            outbox,
        }
    }

    /// Starts an effect; returns at once.
    pub fn perform(&self, effect: Effect) {
        match effect {
            Effect::Connection(effect) => self.postgres.perform_connection(effect),
            Effect::Session(effect) => self.postgres.perform_session(effect),
            Effect::Query(effect) => self.postgres.perform_query(effect),
            Effect::Job(effect) => self.postgres.perform_job(effect),
            Effect::Store(effect) => self.store.perform(effect),
            Effect::SettingsFile(effect) => self.settings_file.perform(effect),
            Effect::Keychain(effect) => self.keychain.perform(effect),
            Effect::File(effect) => self.files.perform(effect),
            Effect::Clock(effect) => self.timers.perform(effect),
            Effect::Discovery(effect) => discovery::perform(effect, self.outbox.clone()),
            Effect::Sandbox(effect) => self.sandbox.perform(effect),
            Effect::Schema(effect) => self.postgres.perform_schema(effect),
            Effect::Cells(effect) => self.perform_cells(effect),
            Effect::Window(effect) => self.nowhere(effect),
        }
    }

    /// Ends everything: cancels statements on their servers, flushes the journal, ends every task.
    pub fn shutdown(&self, within: Duration) {
        let deadline = Instant::now() + within;
        let left = || deadline.saturating_duration_since(Instant::now());
        self.timers.stop();
        // The journal first: it must not be lost.
        if !self.store.flush_and_stop(left()) {
            ::log::error!("the store did not finish in time: the last edits may be missing");
        }
        if !self.settings_file.flush_and_stop(left()) {
            ::log::error!("the settings were still being written when the time was up");
        }
        if !self.files.flush_and_stop(left()) {
            ::log::error!("a file was still being written when the time was up");
        }
        self.postgres.shutdown(left());
        self.keychain.stop(left());
        self.sandbox.stop(left());
    }

    fn perform_cells(&self, effect: results::contract::Effect) {
        let Err(effect) = self.cells.perform(effect) else {
            return;
        };
        let answer = match effect {
            results::contract::Effect::Copy { request, .. } => results::contract::Msg::Copied {
                request,
                text: Err("Copying does not work: its thread is gone. Restart Tusk.".into()),
                cells: 0,
            },
            results::contract::Effect::Summarize { request, .. } => {
                results::contract::Msg::Summarized { request, summary: None }
            }
            results::contract::Effect::Drop { request, .. } => {
                results::contract::Msg::Dropped { request }
            }
        };
        self.answer(answer.into());
    }

    /// The program around the loop performs these itself; here, nobody can.
    fn nowhere(&self, effect: window::Effect) {
        match effect {
            window::Effect::WriteClipboard { request, .. } => {
                self.answer(window::Msg::Done { request }.into());
            }
            window::Effect::Quit => {}
        }
    }

    fn answer(&self, msg: Msg) {
        // The channel closes only when the program ends.
        self.outbox.send(msg).unwrap_or_default();
    }
}
