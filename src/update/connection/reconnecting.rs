//! Connecting again by itself: when the last link of a connection broke, and no session that held anything went with it.
//!
//! A server that restarts and a network that comes back are waited for: three tries, each after a longer pause, shown
//! and stoppable. Only the pool is proven again. No statement is sent again, and no session that held something is
//! replaced: where one was lost, the user says when to go on.

use super::{Connection, Link, wanted_secret};
use crate::{
    base::{ids::*, stamp::Stamp},
    failure::{Category, Failure},
    update::{
        clock,
        connection::{Connections, Effect, Outcome, PoolStatus},
        cx::Cx,
    },
};

use serde::Serialize;

/// The pause before each try.
pub const PAUSES_MS: [u64; 3] = [1_000, 3_000, 9_000];

/// A connection that is tried again by itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reconnecting {
    /// Which try is next or under way, from 1.
    pub number: usize,
    /// What it is at.
    pub step: Step,
    /// Why the last link broke, or the last try failed.
    pub failure: Failure,
}

/// What a reconnecting connection is at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Step {
    /// It waits before the try.
    Pausing {
        timer: Request,
        /// When the try begins.
        until: Stamp,
    },
    /// The try is under way.
    Trying { attempt: Request, since: Stamp },
}

impl Reconnecting {
    /// Whether a try is under way.
    pub fn is_trying(&self) -> bool {
        matches!(self.step, Step::Trying { .. })
    }
}

impl Connection {
    /// Whether this attempt is a try to reconnect.
    pub(super) fn tries(&self, wanted: Request) -> bool {
        matches!(&self.link, Link::Reconnecting(Reconnecting { step: Step::Trying { attempt, .. }, .. })
            if *attempt == wanted)
    }
}

/// A session could not be opened, for this reason. Whether that is the connection's affair, and what waits for the
/// session goes on to wait for the connection.
pub fn waits_for(
    connections: &Connections,
    id: ConnectionId,
    failure: &Failure,
    holds_nothing: bool,
) -> bool {
    let Some(known) = connections.get(&id) else {
        return false;
    };
    match known.link {
        // Where a secret is no longer right, the try finds the same, and asks for it.
        Link::Reconnecting(_) => may_pass(failure) || wanted_secret(failure).is_some(),
        Link::Open { .. } => known.pool.size == 0 && may_pass(failure) && holds_nothing,
        _ => false,
    }
}

/// Begins to reconnect, unless that is under way.
pub fn begin(connections: &mut Connections, cx: &mut Cx, id: ConnectionId, failure: Failure) {
    let Some(known) = connections.get(&id) else {
        return;
    };
    if !known.is_open() {
        return;
    }
    let text = format!(
        "The connection to {} was lost: {}. Tusk tries to connect again.",
        known.config.label(),
        failure.message.trim_end_matches('.')
    );
    cx.notify(text);
    pause(connections, cx, id, 1, failure)
}

/// Whether the same attempt may go well a little later: the server is down, starts up, or can't be reached.
fn may_pass(failure: &Failure) -> bool {
    let refuses = matches!(failure.sqlstate.as_deref(), Some("3D000" | "53300"));
    failure.category == Category::Connection && !refuses
}

fn pause(
    connections: &mut Connections,
    cx: &mut Cx,
    id: ConnectionId,
    number: usize,
    failure: Failure,
) {
    let Some(after_ms) = PAUSES_MS.get(number - 1).copied() else {
        return give_up(connections, cx, id, failure);
    };
    let (timer, now) = (cx.request(), cx.now);
    let Some(known) = connections.get_mut(&id) else {
        return;
    };
    let until = Stamp {
        unix_us: now.unix_us.saturating_add_unsigned(after_ms * 1_000),
        mono_us: now.mono_us.saturating_add(after_ms * 1_000),
    };
    known.silent_since = None;
    known.link =
        Link::Reconnecting(Reconnecting { number, step: Step::Pausing { timer, until }, failure });
    cx.ask(clock::Effect::Start { timer, after_ms });
}

/// A pause is over: the try begins. Whether the timer was a pause's.
pub fn timer_fired(connections: &mut Connections, cx: &mut Cx, fired: Request) -> bool {
    let waits = |known: &Connection| {
        matches!(&known.link,
        Link::Reconnecting(Reconnecting { step: Step::Pausing { timer, .. }, .. }) if *timer == fired)
    };
    let waiting = connections.iter().find(|(_, known)| waits(known)).map(|(id, _)| *id);
    if let Some(id) = waiting {
        attempt(connections, cx, id);
    }
    waiting.is_some()
}

/// The user does not want to wait for the pause to end.
pub fn try_now(connections: &mut Connections, cx: &mut Cx, id: ConnectionId) {
    match connections.get(&id).map(|known| &known.link) {
        Some(Link::Reconnecting(Reconnecting { step: Step::Pausing { timer, .. }, .. })) => {
            cx.ask(clock::Effect::Stop { timer: *timer });
        }
        _ => return,
    }
    attempt(connections, cx, id);
}

fn attempt(connections: &mut Connections, cx: &mut Cx, id: ConnectionId) {
    let (attempt, since) = (cx.request(), cx.now);
    let Some(Connection { link: Link::Reconnecting(reconnecting), .. }) = connections.get_mut(&id)
    else {
        return;
    };
    reconnecting.step = Step::Trying { attempt, since };
    cx.ask(Effect::Prove { connection: id, attempt });
}

/// A try failed: another one follows where that may help.
pub(super) fn failed(
    connections: &mut Connections,
    cx: &mut Cx,
    id: ConnectionId,
    failure: Failure,
) {
    let Some(Connection { link: Link::Reconnecting(Reconnecting { number, .. }), .. }) =
        connections.get(&id)
    else {
        return;
    };
    let next = number + 1;
    if may_pass(&failure) {
        pause(connections, cx, id, next, failure)
    } else {
        give_up(connections, cx, id, failure)
    }
}

/// The user stops it: the connection stays lost, for the reason that it was.
pub fn stop(connections: &mut Connections, cx: &mut Cx, id: ConnectionId) {
    let Some(Connection { link: Link::Reconnecting(reconnecting), .. }) = connections.get(&id)
    else {
        return;
    };
    let failure = reconnecting.failure.clone();
    let_go(reconnecting, cx);
    give_up(connections, cx, id, failure);
}

/// Ends the pause or the try.
pub(super) fn let_go(reconnecting: &Reconnecting, cx: &mut Cx) {
    match reconnecting.step {
        Step::Pausing { timer, .. } => {
            cx.ask(clock::Effect::Stop { timer });
        }
        Step::Trying { attempt, .. } => {
            cx.ask(Effect::Abandon { attempt });
        }
    }
}

/// It stays lost: what waits for it fails, and its pool goes.
pub(super) fn give_up(
    connections: &mut Connections,
    cx: &mut Cx,
    id: ConnectionId,
    failure: Failure,
) {
    if let Some(known) = connections.get_mut(&id) {
        known.pool = PoolStatus::default();
        known.link = Link::Failed { failure: failure.clone() };
    }
    cx.leave(Outcome::Lost { connection: id, failure });
}

#[cfg(test)]
mod tests;
