//! The store: one SQLite file, written by one thread, in the order of the requests.
//!
//! Callers never wait. The thread takes everything that waits for it and commits it in one transaction, so a burst of
//! keystrokes costs one commit, and a single edit is on disk as soon as the thread is free. The file is in WAL mode
//! with `synchronous = NORMAL`: a commit outlives the program, killed or not.
//!
//! Several Tusks may share the file (`sharing`). Once a second the thread checks whether the file is still the one that
//! it opened, whether somebody else wrote into it, whether the disk now takes what it refused, and what others changed.
//! It sets a damaged file aside and begins the next one with what it can read of it (`salvage`).

mod backlog;
mod history;
mod migrations;
mod opening;
mod salvage;
mod settings;
mod sharing;
mod tabs;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use flume::{Receiver, RecvTimeoutError, Sender};
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use uuid::Uuid;

use self::{
    backlog::Backlog,
    opening::{Base, Seen, Touched},
};
use super::in_order::InOrder;
use crate::{
    base::ids::Request,
    failure::{Category, Failure},
    settings::Settings,
    update::keeping::{Effect, HistoryEntry, Kept, Msg, Opened, SavedConnection},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this directory, created if it is missing.
    Directory(PathBuf),
    /// Nowhere: in memory, for this run.
    Memory,
}

/// The store, as the runner holds it. When dropped, lets the thread finish its work.
#[derive(Debug)]
pub struct Store {
    thread: InOrder<Effect>,
    outbox: Sender<crate::msg::Msg>,
}

/// What to tell the user about a data directory whose store is open to others.
pub fn open_to_others(directory: &Path) -> Option<String> {
    opening::open_to_others(directory)
}

/// The most effects in one transaction, so that the first does not wait forever.
const BATCH_EFFECTS_MAX: usize = 1024;

/// How many runs to load at the start.
const HISTORY_AT_START: u32 = 200;

/// If other Tusks write to the file all the time, it is checked no more often than this.
const VERIFY_EVERY: Duration = Duration::from_secs(60);

/// How often the thread checks the file.
const LOOK_EVERY: Duration = Duration::from_secs(1);

struct Keeper {
    place: Place,
    /// Whose tabs these are: this run of the program's.
    instance: Uuid,
    base: Option<Base>,
    backlog: Backlog,
    shared: Shared,
    /// How the file looked when it was last known to be sound.
    seen: Seen,
    /// Whether somebody wrote to it who may not be another Tusk.
    doubtful: bool,
    /// When it was last checked.
    verified: Instant,
    /// Whether it has tabs of this run.
    has_tabs: bool,
    outbox: Sender<crate::msg::Msg>,
}

/// What others may change, as last seen.
#[derive(Default)]
struct Shared {
    data_version: i64,
    connections: Vec<SavedConnection>,
}

impl Store {
    /// Starts the thread, which does not touch the file before the first effect.
    pub fn start(place: Place, outbox: Sender<crate::msg::Msg>) -> Store {
        let keeper = Keeper::new(place, outbox.clone());
        let thread = InOrder::start("tusk-store", move |inbox| keeper.run(inbox));
        Store { thread, outbox }
    }

    /// Takes an effect and returns at once; the answer comes through the outbox.
    pub fn perform(&self, effect: Effect) {
        if let Err(effect) = self.thread.ask(effect) {
            refuse(&self.outbox, &effect, "the store has shut down");
        }
    }

    /// Writes everything requested, closes the file and ends the thread. False if that takes longer than `within`; the
    /// thread then continues by itself.
    pub fn flush_and_stop(&self, within: Duration) -> bool {
        self.thread.flush_and_stop(within)
    }
}

impl Keeper {
    fn new(place: Place, outbox: Sender<crate::msg::Msg>) -> Self {
        Self {
            place,
            instance: Uuid::from_bytes(random_bytes()),
            base: None,
            backlog: Backlog::default(),
            shared: Shared::default(),
            seen: Seen::default(),
            doubtful: false,
            verified: Instant::now(),
            has_tabs: false,
            outbox,
        }
    }

    fn run(mut self, inbox: &Receiver<Effect>) {
        let mut next_look = Instant::now() + LOOK_EVERY;
        loop {
            match inbox.recv_deadline(next_look) {
                Ok(first) => {
                    let waiting = inbox.try_iter().take(BATCH_EFFECTS_MAX - 1);
                    let effects: Vec<Effect> = std::iter::once(first).chain(waiting).collect();
                    self.perform_in_order(&effects);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if Instant::now() >= next_look {
                self.look_around();
                next_look = Instant::now() + LOOK_EVERY;
            }
        }
        self.look_around();
        if let Some(base) = self.base.take() {
            base.close();
        }
    }

    /// Consecutive writes share a transaction; a read sees every write before it.
    fn perform_in_order(&mut self, effects: &[Effect]) {
        for group in effects.chunk_by(|one, other| is_write(one) && is_write(other)) {
            let done = match group {
                [Effect::Load { request }] => self.load().map(|kept| {
                    let kept = Box::new(kept);
                    let request = *request;
                    self.send(Msg::Loaded { request, kept });
                }),
                [Effect::UseDirectory { request, directory }] => {
                    let result =
                        self.use_directory(super::files::absolute(directory)).map(Box::new);
                    let request = *request;
                    self.send(Msg::DirectoryUsed { request, result });
                    Ok(())
                }
                [Effect::SearchHistory { request, text, limit }] => {
                    self.search(text, *limit).map(|entries| {
                        let (request, entries) = (*request, Ok(entries));
                        self.send(Msg::HistoryFound { request, entries });
                    })
                }
                writes => self.write(writes),
            };
            // When the whole group fails, none of them has been answered.
            if let Err(error) = done {
                for effect in group {
                    refuse(&self.outbox, effect, &error.to_string());
                }
            }
        }
    }

    /// Loads everything, from the file or its replacement.
    fn load(&mut self) -> rusqlite::Result<Kept> {
        let instance = self.instance;
        let error = match read_all(self.opened()?, instance) {
            Ok(kept) => return Ok(self.noted(kept)),
            Err(error) => error,
        };
        log::error!("The store can't be read: {error}");
        let reason = error.to_string();
        if let Some(base) = self.base.take() {
            // The check at opening looks at the structure; anything else that can't be read is damage too.
            self.base = Some(match &self.place {
                Place::Directory(directory) if opening::is_refusal(&error) => {
                    base.close();
                    opening::unwritable(directory, instance, reason)?
                }
                place => opening::begin_again(base, place, instance, &reason)?,
            });
        }
        let kept = read_all(self.opened()?, instance)?;
        Ok(self.noted(kept))
    }

    fn noted(&mut self, kept: Kept) -> Kept {
        self.shared.connections.clone_from(&kept.connections);
        self.shared.data_version = self.base.as_ref().map_or(0, data_version);
        self.has_tabs = !kept.tabs.is_empty();
        self.note_looks();
        kept
    }

    /// Continues in another directory, with what is stored there; if that can't be used, everything stays as it is.
    fn use_directory(&mut self, directory: PathBuf) -> Result<Kept, String> {
        let place = Place::Directory(directory);
        let mut base = opening::open(&place, self.instance).map_err(|error| error.to_string())?;
        match &base.opened {
            Opened::InMemory { reason } | Opened::NoDirectory { reason, .. } => {
                return Err(reason.clone());
            }
            Opened::OnDisk | Opened::Fresh { .. } | Opened::Recreated { .. } => {}
        }
        let kept = read_all(&mut base, self.instance).map_err(|error| error.to_string())?;
        if let Some(old) = self.base.replace(base) {
            old.close();
        }
        self.place = place;
        // The Model has all of it, and writes it again to the new file.
        self.backlog.clear();
        Ok(self.noted(kept))
    }

    fn search(&mut self, text: &str, limit: u32) -> rusqlite::Result<Vec<HistoryEntry>> {
        self.stay_on_the_file();
        let connection = &self.opened()?.connection;
        let found = history::search(connection, text, limit).or_else(|error| {
            if !opening::is_damage(&error) {
                return Err(error);
            }
            // The index is made from the runs, so it can be rebuilt.
            log::warn!("The history's index is damaged and made anew: {error}");
            history::index_anew(connection)?;
            history::search(connection, text, limit)
        });
        match found {
            Err(error) if opening::is_damage(&error) => {
                self.give_up(&error.to_string())?;
                history::search(&self.opened()?.connection, text, limit)
            }
            found => found,
        }
    }

    fn write(&mut self, writes: &[Effect]) -> rusqlite::Result<()> {
        self.stay_on_the_file();
        if !self.backlog.is_empty() {
            self.hold(writes, "the disk does not take it yet");
            return Ok(());
        }
        let instance = self.instance;
        let connection = &self.opened()?.connection;
        match transaction(connection, instance, writes) {
            Ok(()) => self.committed(writes),
            Err(error) if opening::is_refusal(&error) => self.refused(writes, &error),
            Err(error) if opening::is_damage(&error) => return self.recover(writes, &error),
            // One of them failed and took the others with it: give each a transaction, and an answer, of its own.
            Err(_) => {
                for write in writes {
                    self.write_alone(write)?;
                }
            }
        }
        Ok(())
    }

    fn write_alone(&mut self, write: &Effect) -> rusqlite::Result<()> {
        let instance = self.instance;
        let one = std::slice::from_ref(write);
        match transaction(&self.opened()?.connection, instance, one) {
            Ok(()) => self.committed(one),
            Err(error) if opening::is_refusal(&error) => self.refused(one, &error),
            Err(error) if opening::is_damage(&error) => return self.recover(one, &error),
            // A search index that has lost its content says that its first block exists already.
            Err(error)
                if matches!(write, Effect::RecordRuns { .. })
                    && opening::is_constraint(&error)
                    && self.index_anew_and_write(one)? =>
            {
                log::warn!("The search index was made anew: {error}");
                self.committed(one);
            }
            Err(error) => {
                log::warn!("A write to the store failed: {error}");
                let failure = crate::effects::failure::of_sqlite(&error);
                let request = request_of(write);
                self.send(Msg::Failed { request, failure });
            }
        }
        Ok(())
    }

    /// A commit counts only if the file is still the one that the next start reads: another Tusk may have set it aside
    /// meanwhile.
    fn committed(&mut self, writes: &[Effect]) {
        if self.touched() == Touched::Gone {
            self.answer_held(writes, "the store's file was replaced meanwhile");
            self.stay_on_the_file();
            return;
        }
        self.note_looks();
        self.wrote(writes);
    }

    fn wrote(&mut self, writes: &[Effect]) {
        self.has_tabs |= writes.iter().any(|write| {
            matches!(
                write,
                Effect::SaveTab { .. } | Effect::SaveLayout { .. } | Effect::JournalEdits { .. }
            )
        });
        for write in writes {
            let request = request_of(write);
            self.send(Msg::Wrote { request });
        }
        let shared = |write: &Effect| {
            matches!(write, Effect::SaveConnection { .. } | Effect::DeleteConnection { .. })
        };
        if writes.iter().any(shared)
            && let Some(base) = &self.base
            && let Ok(connections) = settings::connections(&base.connection)
        {
            self.shared.connections = connections;
        }
    }

    fn refused(&mut self, writes: &[Effect], error: &rusqlite::Error) {
        // A failing disk may have failed earlier, too.
        self.doubtful |= error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure);
        self.hold(writes, &error.to_string());
    }

    /// Keeps writes in memory until the disk takes them.
    fn hold(&mut self, writes: &[Effect], reason: &str) {
        if self.backlog.is_empty() {
            log::error!("The store can't be written, and what there is to write waits: {reason}");
        }
        for write in writes {
            self.backlog.push(write.clone());
        }
        self.answer_held(writes, reason);
    }

    fn answer_held(&self, writes: &[Effect], reason: &str) {
        for write in writes {
            let (request, reason) = (request_of(write), reason.to_owned());
            self.send(Msg::Held { request, reason });
        }
    }

    /// The file turned out to be damaged while it was written. Rebuilds the search index if that is what is damaged;
    /// otherwise sets the file aside, and the Model's content begins the next one.
    fn recover(&mut self, writes: &[Effect], error: &rusqlite::Error) -> rusqlite::Result<()> {
        if self.index_anew_and_write(writes)? {
            self.committed(writes);
            return Ok(());
        }
        let reason = error.to_string();
        self.answer_held(writes, &reason);
        self.give_up(&reason)
    }

    /// Whether the writes succeed once the search index is rebuilt.
    fn index_anew_and_write(&mut self, writes: &[Effect]) -> rusqlite::Result<bool> {
        let instance = self.instance;
        let connection = &self.opened()?.connection;
        Ok(history::index_anew(connection).is_ok()
            && transaction(connection, instance, writes).is_ok())
    }

    /// The file is damaged: sets it aside, and begins the next one with what can be read of it and what the Model has.
    fn give_up(&mut self, reason: &str) -> rusqlite::Result<()> {
        log::error!("The store is damaged: {reason}");
        if let Some(base) = self.base.take() {
            self.change_to(opening::begin_again(base, &self.place, self.instance, reason)?);
        }
        Ok(())
    }

    /// Writes another file from now on. Tells the Model, which writes everything to it.
    fn change_to(&mut self, base: Base) {
        let opened = base.opened.clone();
        self.shared.data_version = data_version(&base);
        self.base = Some(base);
        self.has_tabs = false;
        self.note_looks();
        self.backlog.clear();
        self.send(Msg::Reopened { opened });
    }

    /// A file that was deleted or replaced would take every write and keep none; one that was cut off or overwritten
    /// would lose what was stored.
    fn stay_on_the_file(&mut self) {
        match self.touched() {
            Touched::Not => {}
            Touched::Written => {
                self.doubtful = true;
                self.note_looks();
            }
            Touched::CutOff => {
                self.note_looks();
                self.verify();
            }
            Touched::Gone => self.reopen(),
        }
    }

    fn touched(&self) -> Touched {
        match &self.place {
            Place::Directory(directory) if self.is_on_disk() => {
                self.seen.since(&Seen::now(directory))
            }
            Place::Directory(_) | Place::Memory => Touched::Not,
        }
    }

    fn is_on_disk(&self) -> bool {
        self.base.as_ref().is_some_and(|base| base.file.is_some())
    }

    fn note_looks(&mut self) {
        if let Place::Directory(directory) = &self.place {
            self.seen = Seen::now(directory);
        }
    }

    fn reopen(&mut self) {
        let Place::Directory(directory) = &self.place else {
            return;
        };
        let shown = opening::file_in(directory);
        log::error!("{} or its journal is not there any more", shown.display());
        let Some(old) = self.base.take() else { return };
        match opening::reopen(old, &directory.clone(), self.instance) {
            Ok(base) => self.change_to(base),
            // The next effect opens it again, or says why it can't.
            Err(error) => log::error!("The store can't be opened again: {error}"),
        }
    }

    /// Checks whether the file is still sound.
    fn verify(&mut self) {
        let Place::Directory(directory) = &self.place else {
            return;
        };
        self.verified = Instant::now();
        match opening::verify(directory, self.instance, self.has_tabs) {
            Ok(None) => self.doubtful = false,
            Ok(Some(reason)) => {
                self.doubtful = false;
                if let Err(error) = self.give_up(&reason) {
                    log::error!("The store can't be opened again: {error}");
                }
            }
            Err(reason) => log::warn!("The store can't be looked at: {reason}"),
        }
    }

    /// Another Tusk's writes are no reason to read the whole file again and again.
    fn verify_where_doubtful(&mut self) {
        let Some(base) = self.base.as_ref().filter(|base| base.file.is_some()) else {
            return;
        };
        let others_wrote = data_version(base) != self.shared.data_version;
        if self.doubtful && (!others_wrote || self.verified.elapsed() > VERIFY_EVERY) {
            self.verify();
        }
    }

    fn look_around(&mut self) {
        self.stay_on_the_file();
        self.verify_where_doubtful();
        self.write_backlog();
        self.report_changes();
    }

    fn write_backlog(&mut self) {
        let Some(base) = self.base.as_ref().filter(|_| !self.backlog.is_empty()) else {
            return;
        };
        match transaction(&base.connection, self.instance, self.backlog.writes()) {
            Ok(()) => {}
            Err(error) if opening::is_refusal(&error) => return,
            Err(error) if opening::is_damage(&error) => {
                if let Err(error) = self.give_up(&error.to_string()) {
                    log::error!("The store can't be opened again: {error}");
                }
                return;
            }
            Err(_) => {
                for write in self.backlog.writes() {
                    let one = std::slice::from_ref(write);
                    if let Err(error) = transaction(&base.connection, self.instance, one) {
                        log::error!("A write that waited failed: {error}");
                    }
                }
            }
        }
        self.backlog.clear();
        self.note_looks();
        log::info!("What waited for the disk is written");
        self.send(Msg::CaughtUp);
    }

    /// Reports which connections another Tusk saved or deleted.
    fn report_changes(&mut self) {
        let Some(base) = self.base.as_ref().filter(|base| base.file.is_some()) else {
            return;
        };
        let version = data_version(base);
        if version == self.shared.data_version {
            return;
        }
        let Ok(now) = settings::connections(&base.connection) else {
            return;
        };
        self.shared.data_version = version;
        let before = std::mem::replace(&mut self.shared.connections, now);
        let now = &self.shared.connections;
        let changed: Vec<_> = now.iter().filter(|saved| !before.contains(saved)).cloned().collect();
        let deleted: Vec<_> = before
            .iter()
            .map(|saved| saved.id)
            .filter(|id| now.iter().all(|saved| saved.id != *id))
            .collect();
        if !changed.is_empty() || !deleted.is_empty() {
            self.send(Msg::ConnectionsChanged { changed, deleted });
        }
    }

    fn opened(&mut self) -> rusqlite::Result<&mut Base> {
        if self.base.is_none() {
            self.base = Some(opening::open(&self.place, self.instance)?);
            self.note_looks();
        }
        self.base.as_mut().ok_or(rusqlite::Error::InvalidQuery)
    }

    fn send(&self, msg: Msg) {
        send(&self.outbox, msg);
    }
}

/// It changes whenever somebody else wrote to the file.
fn data_version(base: &Base) -> i64 {
    base.connection.query_row("pragma data_version", [], |row| row.get(0)).unwrap_or_default()
}

/// The keys of the standard library's hash maps come from the system's random source.
fn random_bytes() -> [u8; 16] {
    use std::hash::{BuildHasher, RandomState};
    let half = || RandomState::new().hash_one(0_u8);
    ((u128::from(half()) << 64) | u128::from(half())).to_be_bytes()
}

fn read_all(base: &mut Base, instance: Uuid) -> rusqlite::Result<Kept> {
    let connection = &base.connection;
    tabs::fold_all(connection, instance)?;
    Ok(Kept {
        opened: base.opened.clone(),
        connections: settings::connections(connection)?,
        tabs: tabs::open(connection, instance)?,
        closed: tabs::closed(connection, instance)?,
        history: history::newest(connection, HISTORY_AT_START)?,
        settings: settings::settings(connection)?,
    })
}

fn transaction(connection: &Connection, instance: Uuid, writes: &[Effect]) -> rusqlite::Result<()> {
    // When dropped unfinished, it rolls back. It asks for the right to write at once, so it waits for other writers.
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    for effect in writes {
        apply(&transaction, instance, effect)?;
    }
    transaction.commit()
}

fn apply(connection: &Connection, instance: Uuid, effect: &Effect) -> rusqlite::Result<()> {
    match effect {
        // Reads never come here: they are alone in their group.
        Effect::Load { .. } | Effect::SearchHistory { .. } | Effect::UseDirectory { .. } => Ok(()),
        Effect::SaveConnection { connection: saved, .. } => {
            settings::save_connection(connection, saved)
        }
        Effect::DeleteConnection { connection: id, .. } => {
            settings::delete_connection(connection, *id)
        }
        Effect::JournalEdits { tab, revision, edits, .. } => {
            tabs::journal(connection, instance, *tab, *revision, edits)
        }
        Effect::SaveTab { tab, .. } => tabs::save(connection, instance, tab),
        Effect::SaveLayout { tabs, .. } => tabs::save_layout(connection, instance, tabs),
        Effect::CloseTab { tab, at_us, .. } => tabs::close(connection, instance, *tab, *at_us),
        Effect::RecordRuns { entries, .. } => history::record(connection, entries),
        Effect::SaveSettings { settings, .. } => settings::save_settings(connection, settings),
    }
}

fn is_write(effect: &Effect) -> bool {
    effect.write_request().is_some()
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
        | Effect::RecordRuns { request, .. }
        | Effect::SearchHistory { request, .. }
        | Effect::UseDirectory { request, .. }
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
                    opened: Opened::InMemory { reason: reason.into() },
                    connections: Vec::new(),
                    tabs: Vec::new(),
                    closed: Vec::new(),
                    history: Vec::new(),
                    settings: Settings::default(),
                }),
            },
            Effect::SearchHistory { .. } => Msg::HistoryFound { request, entries: Err(failure) },
            Effect::UseDirectory { .. } => {
                Msg::DirectoryUsed { request, result: Err(reason.into()) }
            }
            _ => Msg::Failed { request, failure },
        },
    );
}

fn send(outbox: &Sender<crate::msg::Msg>, msg: Msg) {
    if outbox.send(msg.into()).is_err() {
        log::debug!("Nobody listens to the store any more");
    }
}
