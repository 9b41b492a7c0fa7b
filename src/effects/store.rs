//! Keeping: one SQLite file, written by one thread, in the order in which it was asked.
//!
//! Callers never wait. The thread takes everything that waits for it and commits it in one transaction,
//! so a burst of keystrokes costs one commit, and a single edit is on disk as soon as the thread is free.
//! The file is in WAL mode with `synchronous = NORMAL`: a commit outlives the program, killed or not.

mod history;
mod migrations;
mod opening;
mod settings;
mod tabs;
#[cfg(test)]
mod tests;

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use flume::{Receiver, Sender};
use rusqlite::Connection;

use self::opening::Base;
use crate::update::{
    failure::{Category, Failure},
    ids::Request,
    store::{Effect, HistoryEntry, Kept, Msg, Opened, Settings},
};

/// Where things are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this directory, which is made when it is missing.
    Directory(PathBuf),
    /// Nowhere: in memory, for this run.
    Memory,
}

/// The store, as the runner holds it. Dropping it lets the thread finish what it was given.
#[derive(Debug)]
pub struct Store {
    // None once it was told to stop: the thread ends when it has done what was sent before.
    effects: Mutex<Option<Sender<Effect>>>,
    stopped: Receiver<()>,
    outbox: Sender<crate::msg::Msg>,
}

/// The most effects that share a transaction, so that the first of them does not wait for ever.
const BATCH_EFFECTS_MAX: usize = 1024;

/// How many runs the program starts with.
const HISTORY_AT_START: u32 = 200;

struct Keeper {
    place: Place,
    base: Option<Base>,
    outbox: Sender<crate::msg::Msg>,
}

impl Store {
    /// Starts the thread. The file is not touched before the first effect.
    pub fn start(place: Place, outbox: Sender<crate::msg::Msg>) -> Store {
        let (effects, inbox) = flume::unbounded();
        let (ended, stopped) = flume::bounded(1);
        let keeper = Keeper {
            place,
            base: None,
            outbox: outbox.clone(),
        };
        let started = thread::Builder::new()
            .name("tusk-store".into())
            .spawn(move || {
                keeper.run(&inbox);
                drop(ended);
            });
        // Without a thread the inbox is gone, and every effect is answered by `perform`.
        if let Err(error) = started {
            log::error!("The store's thread did not start: {error}");
        }
        Store {
            effects: Mutex::new(Some(effects)),
            stopped,
            outbox,
        }
    }

    /// Takes an effect and returns at once; the answer comes through the outbox.
    pub fn perform(&self, effect: Effect) {
        let refused = match &*self.effects() {
            Some(effects) => effects.send(effect).err().map(|error| error.0),
            None => Some(effect),
        };
        if let Some(effect) = refused {
            refuse(&self.outbox, &effect, "the store has shut down");
        }
    }

    /// Writes everything that was asked for, closes the file and ends the thread. False when that took
    /// longer than `within`; the thread then goes on by itself.
    pub fn flush_and_stop(&self, within: Duration) -> bool {
        drop(self.effects().take());
        !matches!(
            self.stopped.recv_timeout(within),
            Err(flume::RecvTimeoutError::Timeout)
        )
    }

    fn effects(&self) -> MutexGuard<'_, Option<Sender<Effect>>> {
        self.effects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeper {
    fn run(mut self, inbox: &Receiver<Effect>) {
        while let Ok(first) = inbox.recv() {
            let waiting = inbox.try_iter().take(BATCH_EFFECTS_MAX - 1);
            let effects: Vec<Effect> = std::iter::once(first).chain(waiting).collect();
            self.perform_in_order(&effects);
        }
        if let Some(base) = self.base.take() {
            base.close();
        }
    }

    /// Writes that follow each other share a transaction; a read sees all that was asked before it.
    fn perform_in_order(&mut self, effects: &[Effect]) {
        for group in effects.chunk_by(|one, other| is_write(one) && is_write(other)) {
            let done = match group {
                [Effect::Load { request }] => self.load().map(|kept| {
                    let kept = Box::new(kept);
                    send(
                        &self.outbox,
                        Msg::Loaded {
                            request: *request,
                            kept,
                        },
                    );
                }),
                [
                    Effect::SearchHistory {
                        request,
                        text,
                        limit,
                    },
                ] => self.search(text, *limit).map(|entries| {
                    let entries = Ok(entries);
                    send(
                        &self.outbox,
                        Msg::HistoryFound {
                            request: *request,
                            entries,
                        },
                    );
                }),
                writes => self.write(writes),
            };
            // None of them has been answered when the whole group fails.
            if let Err(error) = done {
                for effect in group {
                    refuse(&self.outbox, effect, &error.to_string());
                }
            }
        }
    }

    /// Everything, from the file or from what takes its place.
    fn load(&mut self) -> rusqlite::Result<Kept> {
        let base = opened(&mut self.base, &self.place)?;
        let error = match read_all(base) {
            Ok(kept) => return Ok(kept),
            Err(error) => error,
        };
        // The check at opening looks at the structure; what can't be read all the same is damage too.
        log::error!("The store can't be read: {error}");
        if let Some(base) = self.base.take() {
            self.base = Some(opening::begin_again(base, &self.place, &error)?);
        }
        read_all(opened(&mut self.base, &self.place)?)
    }

    fn search(&mut self, text: &str, limit: u32) -> rusqlite::Result<Vec<HistoryEntry>> {
        history::search(
            &opened(&mut self.base, &self.place)?.connection,
            text,
            limit,
        )
    }

    fn write(&mut self, writes: &[Effect]) -> rusqlite::Result<()> {
        let base = opened(&mut self.base, &self.place)?;
        if transaction(&base.connection, writes).is_ok() {
            for effect in writes {
                send(
                    &self.outbox,
                    Msg::Wrote {
                        request: request_of(effect),
                    },
                );
            }
            return Ok(());
        }
        // One of them failed and took the others with it: each gets a transaction, and an answer, of its own.
        for effect in writes {
            let request = request_of(effect);
            let answer = match transaction(&base.connection, std::slice::from_ref(effect)) {
                Ok(()) => Msg::Wrote { request },
                Err(error) => {
                    log::warn!("A write to the store failed: {error}");
                    Msg::Failed {
                        request,
                        failure: crate::effects::failure::of_sqlite(&error),
                    }
                }
            };
            send(&self.outbox, answer);
        }
        Ok(())
    }
}

fn opened<'a>(base: &'a mut Option<Base>, place: &Place) -> rusqlite::Result<&'a mut Base> {
    match base {
        Some(base) => Ok(base),
        None => Ok(base.insert(opening::open(place)?)),
    }
}

fn read_all(base: &mut Base) -> rusqlite::Result<Kept> {
    tabs::fold_all(&base.connection)?;
    Ok(Kept {
        opened: base.opened.clone(),
        connections: settings::connections(&base.connection)?,
        tabs: tabs::open(&base.connection)?,
        closed: tabs::closed(&base.connection)?,
        history: history::newest(&base.connection, HISTORY_AT_START)?,
        settings: settings::settings(&base.connection)?,
    })
}

fn transaction(connection: &Connection, writes: &[Effect]) -> rusqlite::Result<()> {
    // Dropping it unfinished rolls it back.
    let transaction = connection.unchecked_transaction()?;
    for effect in writes {
        apply(&transaction, effect)?;
    }
    transaction.commit()
}

fn apply(connection: &Connection, effect: &Effect) -> rusqlite::Result<()> {
    match effect {
        // Reads never come here: they stand alone in their group.
        Effect::Load { .. } | Effect::SearchHistory { .. } => Ok(()),
        Effect::SaveConnection {
            connection: saved, ..
        } => settings::save_connection(connection, saved),
        Effect::DeleteConnection { connection: id, .. } => {
            settings::delete_connection(connection, *id)
        }
        Effect::JournalEdits {
            tab,
            revision,
            edits,
            ..
        } => tabs::journal(connection, *tab, *revision, edits),
        Effect::SaveTab { tab, .. } => tabs::save(connection, tab),
        Effect::SaveLayout { tabs, .. } => tabs::save_layout(connection, tabs),
        Effect::CloseTab { tab, at_us, .. } => tabs::close(connection, *tab, *at_us),
        Effect::RecordRun { entry, .. } => history::record(connection, entry),
        Effect::SaveSettings { settings, .. } => settings::save_settings(connection, settings),
    }
}

fn is_write(effect: &Effect) -> bool {
    !matches!(effect, Effect::Load { .. } | Effect::SearchHistory { .. })
}

fn request_of(effect: &Effect) -> Request {
    match effect {
        Effect::Load { request }
        | Effect::SaveConnection { request, .. }
        | Effect::DeleteConnection { request, .. }
        | Effect::JournalEdits { request, .. }
        | Effect::SaveTab { request, .. }
        | Effect::SaveLayout { request, .. }
        | Effect::CloseTab { request, .. }
        | Effect::RecordRun { request, .. }
        | Effect::SearchHistory { request, .. }
        | Effect::SaveSettings { request, .. } => *request,
    }
}

fn refuse(outbox: &Sender<crate::msg::Msg>, effect: &Effect, reason: &str) {
    let request = request_of(effect);
    let failure = Failure::new(Category::Storage, reason);
    send(
        outbox,
        match effect {
            Effect::Load { .. } => Msg::Loaded {
                request,
                kept: Box::new(Kept {
                    opened: Opened::InMemory {
                        reason: reason.into(),
                    },
                    connections: Vec::new(),
                    tabs: Vec::new(),
                    closed: Vec::new(),
                    history: Vec::new(),
                    settings: Settings::default(),
                }),
            },
            Effect::SearchHistory { .. } => Msg::HistoryFound {
                request,
                entries: Err(failure),
            },
            _ => Msg::Failed { request, failure },
        },
    );
}

fn send(outbox: &Sender<crate::msg::Msg>, msg: Msg) {
    if outbox.send(msg.into()).is_err() {
        log::debug!("Nobody listens to the store any more");
    }
}
