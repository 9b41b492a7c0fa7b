//! Cancels a query with a request over a separate socket, which can hit no other query.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::link::Link;
use crate::{
    base::ids::{QueryId, SessionId},
    effects::postgres::{Shared, answer::Answer, error, locked},
    failure::{Category, Failure},
    update::query,
};

/// The pauses before Tusk repeats a request that may have come too early.
const AGAIN: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
];

/// The server has begun a statement that was sent this long ago, or it hears nothing.
const YOUNG: Duration = Duration::from_secs(1);

/// If a request's own connection breaks, Tusk repeats it within this time.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the server to cancel. If the request's own connection breaks before the server took it, it has hit nothing,
/// whatever broke it: a busy server may hang up in the middle of the handshake.
async fn request(link: &Link) -> Result<(), Failure> {
    let began = Instant::now();
    let mut result = link.cancel().await;
    for pause in AGAIN {
        let broke = |failure: &Failure| {
            matches!(failure.category, Category::Connection | Category::Ssl)
                && failure.sqlstate.is_none()
        };
        if began.elapsed() > PATIENCE || !result.as_ref().is_err_and(broke) {
            break;
        }
        smol::Timer::after(pause).await;
        result = link.cancel().await;
    }
    result
}

impl Shared {
    /// Cancels a query, or the one of its followers that runs by now, and nothing else.
    pub(in crate::effects::postgres) fn cancel(
        self: &Arc<Self>,
        query: QueryId,
        ahead: &[QueryId],
        session: SessionId,
    ) {
        let answer = Answer::new(&self.outbox, move |failure| {
            query::Msg::CancelFailed { query, failure: Box::new(failure) }.into()
        });
        let running = {
            let queries = locked(&self.queries);
            let mut all = [query].into_iter().chain(ahead.iter().copied());
            all.find_map(|one| Some((one, queries.get(&one)?.clone())))
        };
        let Some((running, link)) = running else {
            let known = self.link_of(session).is_some();
            let message =
                if known { "The statement had already ended." } else { "The session is gone." };
            return answer.failed(error::plain(Category::Cancelled, message));
        };
        // From now on the session starts nothing new, so the request can hit nothing else.
        let hold = link.hold(running);
        let (asked_at, shared) = (Instant::now(), Arc::downgrade(self));
        self.threads.control(async move {
            let result = request(&link).await;
            drop(hold);
            drop(link);
            match result {
                Ok(()) => answer.with(query::Msg::CancelSent { query }),
                Err(failure) => return answer.failed(failure),
            }
            for pause in AGAIN {
                smol::Timer::after(pause).await;
                let Some(shared) = shared.upgrade() else {
                    return;
                };
                if !shared.cancel_again(running, asked_at).await {
                    return;
                }
            }
        });
    }

    /// A cancel that overtook its statement has hit nothing, so Tusk sends another while a young statement says
    /// nothing. Returns whether one more may be needed.
    async fn cancel_again(&self, query: QueryId, asked_at: Instant) -> bool {
        let link = locked(&self.queries).get(&query).cloned();
        let Some((link, unheard)) = link.and_then(|link| {
            let unheard = link.unheard_for(query)?;
            Some((link, unheard))
        }) else {
            return false;
        };
        if unheard.saturating_sub(asked_at.elapsed()) > YOUNG {
            return false;
        }
        let hold = link.hold(query);
        let sent = link.cancel().await;
        drop(hold);
        sent.is_ok()
    }
}
