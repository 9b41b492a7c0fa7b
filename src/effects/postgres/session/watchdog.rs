//! The watchdog: checks whether a silent server is still there.
//!
//! If a peer's kernel acknowledges every packet, keepalive does not notice it, however long its processes hang. So
//! while statements run and nothing at all arrives on their links, Tusk sends a small query on a helper connection that
//! does nothing slow. It only reports the result: it never ends anything. One query is on its way at a time.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::{
    effects::postgres::{
        Shared,
        answer::post,
        connect::pool::{Helps, Opened},
        locked,
        own_sql::OwnSql,
    },
    update::connection,
};

/// How often to check a connection while statements run, and the shortest time between two queries.
const EVERY: Duration = Duration::from_secs(5);
/// Silence that is long enough to ask.
const SILENCE: Duration = Duration::from_secs(10);
/// The timeout of the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How soon Tusk notices that a link has spoken again, or that nothing runs any more.
const LOOK: Duration = Duration::from_millis(250);

impl Opened {
    /// Watches while statements run. Does nothing if the watch is on already.
    pub fn watch(self: &Arc<Self>, shared: &Arc<Shared>) {
        if !self.watched.swap(true, Ordering::AcqRel) {
            let (opened, known) = (Arc::downgrade(self), Arc::downgrade(shared));
            shared.threads.control(watch(opened, known));
        }
    }

    /// Asks until the server answers, or there is no need to know any more; reports if that takes long.
    async fn question(self: &Arc<Self>, shared: &Arc<Shared>) {
        let over = async { smol::future::or(self.answered(shared), self.needless(shared)).await };
        let mut over = std::pin::pin!(over);
        let in_time = async {
            over.as_mut().await;
            true
        };
        let late = async {
            smol::Timer::after(PATIENCE).await;
            false
        };
        if smol::future::or(in_time, late).await {
            return;
        }
        let connection = self.connection;
        let silence = shared.silence(self).unwrap_or(PATIENCE);
        let silent_ms = u64::try_from(silence.as_millis()).unwrap_or(u64::MAX);
        post(&shared.outbox, connection::Msg::NotAnswering { connection, silent_ms });
        over.await;
        post(&shared.outbox, connection::Msg::Answering { connection });
    }

    /// Waits for an answer. A refusal counts as one.
    async fn answered(self: &Arc<Self>, shared: &Arc<Shared>) {
        loop {
            let asked = self.ask_helper(shared, Helps::Control, OwnSql::Alive {});
            match asked.await {
                Ok(_) => return,
                Err(failure) if failure.sqlstate.is_some() => return,
                Err(failure) => log::debug!("the watchdog was not answered: {}", failure.message),
            }
            smol::Timer::after(EVERY).await;
        }
    }

    /// Waits until a link speaks, or nothing runs.
    async fn needless(&self, shared: &Shared) {
        while shared.silence(self).is_some_and(|silence| silence >= SILENCE) {
            smol::Timer::after(LOOK).await;
        }
    }
}

async fn watch(opened: Weak<Opened>, shared: Weak<Shared>) {
    loop {
        smol::Timer::after(EVERY).await;
        let (Some(opened), Some(shared)) = (opened.upgrade(), shared.upgrade()) else {
            return;
        };
        match shared.silence(&opened) {
            Some(silence) if silence >= SILENCE => opened.question(&shared).await,
            Some(_) => {}
            None => {
                opened.watched.store(false, Ordering::Release);
                // A statement that began at this moment found the watch on.
                let needed = shared.silence(&opened).is_some();
                if !needed || opened.watched.swap(true, Ordering::AcqRel) {
                    return;
                }
            }
        }
    }
}

impl Shared {
    /// How long no link of the connection with a running statement has heard anything; none if none runs.
    fn silence(&self, opened: &Opened) -> Option<Duration> {
        if opened.is_over() {
            return None;
        }
        let queries = locked(&self.queries);
        let links = queries.values().filter(|link| link.leads_to(&opened.target));
        links.map(|link| link.silence()).min()
    }
}
