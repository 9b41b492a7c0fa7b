//! What a server says beside its answers: notices and notifications, on their way to the session.
//!
//! The tap takes them out of the stream, in the order in which they come among the rows, because the driver would queue
//! them without a limit. If the loop has not taken the queued ones, the link stops before the next. If it may not stop,
//! because the running statement is read to its end, it counts them and reports the number.

use crate::{
    base::ids::{QueryId, SessionId},
    effects::postgres::{
        error,
        ssh::Backlog,
        wire::{frames::Frame, outflow::Outflow},
    },
    failure::{Category, Failure},
    rows::show::display::{bytes_text, grouped},
    update::query::session,
};

/// A link's notices and notifications, and where they go.
#[derive(Default)]
pub struct Words {
    /// The link's outflow to the loop, once the link is driven.
    pub outflow: Option<Outflow>,
    /// The session that the link serves. Nobody gets what is said outside a session.
    pub session: Option<SessionId>,
    /// Whether a query of Tusk's own runs: what the server says about that is not for the user.
    pub is_own: bool,
    /// Whether the link is closing, and stops for nothing.
    pub is_closing: bool,
    /// Data waiting unread in a tunnel, which can't make the server wait.
    pub backlog: Option<Backlog>,
    /// The last notice, which may tell why a link ends.
    pub last_notice: Option<Failure>,
    left_out: LeftOut,
}

/// What was read and is not shown.
#[derive(Default)]
struct LeftOut {
    messages: u64,
    bytes: u64,
}

impl Words {
    /// Whether the link has a task that drives it.
    pub fn is_driven(&self) -> bool {
        self.outflow.is_some()
    }

    /// Whether one more message would be more than the loop can hold now.
    pub fn is_full(&self) -> bool {
        self.outflow.as_ref().is_some_and(Outflow::is_full)
    }

    /// Whether the next notice has to wait until the loop has taken the queued ones. `reads_on`: the statement is read
    /// to its end whatever comes.
    pub fn must_wait(&self, reads_on: bool) -> bool {
        let is_told = self.session.is_some() && !self.is_own;
        let reads_on = reads_on || self.is_closing;
        is_told
            && !reads_on
            && self.is_full()
            && !self.backlog.as_ref().is_some_and(Backlog::is_large)
    }

    /// Takes a NoticeResponse with its text converted.
    pub fn notice(&mut self, frame: Frame<'_>, query: Option<QueryId>) {
        if self.leaves_out(frame) {
            return;
        }
        let mut notice = error::from_fields(frame.body());
        if notice.severity.is_empty() {
            notice.severity = "NOTICE".into();
        }
        self.last_notice = Some(notice.clone());
        if self.is_own {
            log::debug!("a notice about a question of Tusk's own: {}", notice.code());
            return;
        }
        self.tell(query, notice, frame.whole.len());
    }

    /// Takes a NotificationResponse; an incomplete one is just a fault of the server.
    pub fn notification(&mut self, frame: Frame<'_>) {
        if self.leaves_out(frame) {
            return;
        }
        let (Some(session), Some(outflow)) = (self.session, &self.outflow) else {
            return;
        };
        let Some((pid, rest)) = frame.body().split_first_chunk() else {
            return log::warn!("a notification was too short to be one");
        };
        let mut texts = rest.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        let (Some(channel), Some(payload)) = (texts.next(), texts.next()) else {
            return log::warn!("a notification had no payload");
        };
        let msg = session::Msg::Notified {
            session,
            channel: channel.into_owned(),
            payload: payload.into_owned(),
            backend_pid: i32::from_be_bytes(*pid),
        };
        outflow.post(msg, frame.whole.len());
    }

    /// Reports how much was left out, if anything, at the latest when the statement has ended.
    pub fn tell_left_out(&mut self, query: Option<QueryId>) {
        let LeftOut { messages, bytes } = std::mem::take(&mut self.left_out);
        if messages == 0 {
            return;
        }
        let s = if messages == 1 { "" } else { "s" };
        let mut notice = Failure::new(
            Category::Query,
            format!(
                "{} message{s} of the server ({}) came faster than Tusk could take them, and are not shown.",
                grouped(messages),
                bytes_text(bytes)
            ),
        );
        notice.severity = "WARNING".into();
        self.tell(query, notice, 0);
    }

    fn tell(&self, query: Option<QueryId>, notice: Failure, bytes: usize) {
        if let (Some(session), Some(outflow)) = (self.session, &self.outflow) {
            let notice = Box::new(notice);
            let msg = session::Msg::Noticed { session, query, notice };
            outflow.post(msg, bytes);
        }
    }

    /// Counts a message that there is no room for.
    fn leaves_out(&mut self, frame: Frame<'_>) -> bool {
        let is_full = self.is_full() && !self.is_own;
        if is_full {
            self.left_out.messages += 1;
            self.left_out.bytes += (frame.whole.len() + frame.left_out) as u64;
        }
        is_full
    }
}
