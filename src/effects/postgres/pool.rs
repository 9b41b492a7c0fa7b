//! The pool of an open connection, and the helper connection beside it.
//!
//! deadpool makes, lends and bounds the links. What it counts includes waits and half-made links, so the figures that
//! are shown are counted here, at the moments when they change.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{self, Manager, Metrics, Object, RecycleError, RecycleResult};
use flume::Sender;

use super::answer::post;
use super::connect::Target;
use super::link::{Command, Link, Rows};
use super::{Session, Shared, error, locked};
use crate::msg::Msg;
use crate::update::connection::{self, PoolStatus, ServerInfo};
use crate::update::failure::{Category, Failure};
use crate::update::ids::ConnectionId;

/// How long the helper connection is kept without use.
const HELPER_IDLE: Duration = Duration::from_secs(60);

/// What an open connection consists of.
pub struct Opened {
    /// Its id.
    pub connection: ConnectionId,
    target: Arc<Target>,
    pool: managed::Pool<Maker>,
    pool_timeout_s: u32,
    counts: Mutex<Counts>,
    outbox: Sender<Msg>,
    helper: smol::lock::Mutex<Helper>,
}

/// A link that is lent to a session.
pub struct Lent {
    object: Object<Maker>,
    link: Arc<Link>,
}

/// A link in the pool's hands; the pool lets go of it by closing it.
pub struct Pooled {
    link: Arc<Link>,
    /// Whether the figures still count it.
    counted: Arc<AtomicBool>,
}

/// Makes the pool's links.
pub struct Maker {
    shared: Weak<Shared>,
    target: Arc<Target>,
    opened: OnceLock<Weak<Opened>>,
}

#[derive(Default)]
struct Counts {
    size: u32,
    lent: u32,
    asking: u32,
    max: u32,
    shown: Option<PoolStatus>,
}

#[derive(Default)]
struct Helper {
    link: Option<Arc<Link>>,
    uses: u64,
}

impl Opened {
    /// A pool without links.
    pub fn new(
        shared: &Arc<Shared>,
        connection: ConnectionId,
        target: Target,
    ) -> Result<Arc<Self>, Failure> {
        let max = target.config.pool_size.max(1);
        let pool_timeout_s = target.config.pool_timeout_s;
        let target = Arc::new(target);
        let maker = Maker {
            shared: Arc::downgrade(shared),
            target: target.clone(),
            opened: OnceLock::new(),
        };
        let pool = managed::Pool::builder(maker)
            .max_size(max as usize)
            .wait_timeout((pool_timeout_s > 0).then(|| Duration::from_secs(pool_timeout_s.into())))
            .runtime(Runtime::Smol2)
            .build()
            .map_err(|error| {
                error::plain(
                    Category::Internal,
                    format!("The pool could not be made: {error}."),
                )
            })?;
        let opened = Arc::new(Self {
            connection,
            target,
            pool,
            pool_timeout_s,
            counts: Mutex::new(Counts {
                max,
                ..Counts::default()
            }),
            outbox: shared.outbox.clone(),
            helper: smol::lock::Mutex::default(),
        });
        opened
            .pool
            .manager()
            .opened
            .get_or_init(|| Arc::downgrade(&opened));
        Ok(opened)
    }

    /// Takes a link out, or makes one, or waits until one comes back.
    pub async fn lend(self: &Arc<Self>) -> Result<Lent, Failure> {
        self.change(|counts| counts.asking += 1);
        let mut asking = Asking {
            opened: self,
            lent: 0,
        };
        let got = self.pool.get().await;
        asking.lent = u32::from(got.is_ok());
        drop(asking);
        let object = got.map_err(|error| error::from_pool(error, self.pool_timeout_s))?;
        Ok(Lent {
            link: object.link.clone(),
            object,
        })
    }

    /// Puts a link back for the next one.
    pub fn take_back(&self, lent: Lent) {
        self.change(|counts| counts.lent = counts.lent.saturating_sub(1));
        drop(lent);
    }

    /// Ends a link with a Terminate message; its place is free when the link is gone.
    pub async fn end(&self, lent: Lent, within: Duration) {
        self.leave(&lent.object.counted, 1);
        lent.link.tell(Command::Close);
        let timeout = async {
            smol::Timer::after(within).await;
        };
        smol::future::or(lent.link.ended(), timeout).await;
        drop(Object::take(lent.object));
    }

    /// A link of the pool is gone, with the session that had it, if one did.
    fn link_ended(&self, counted: &AtomicBool, lent: Option<Lent>) {
        self.leave(counted, u32::from(lent.is_some()));
        if let Some(lent) = lent {
            drop(Object::take(lent.object));
        }
        let idle = self.pool.retain(|pooled, _| !pooled.link.is_gone());
        drop(idle);
    }

    /// A link leaves the figures, which it does once.
    fn leave(&self, counted: &AtomicBool, lent: u32) {
        let size = u32::from(counted.swap(false, Ordering::AcqRel));
        self.change(|counts| {
            counts.size = counts.size.saturating_sub(size);
            counts.lent = counts.lent.saturating_sub(lent);
        });
    }

    /// Ends every idle link and takes no new wish.
    pub async fn close(&self) {
        self.pool.close();
        if let Some(link) = self.helper.lock().await.link.take() {
            link.tell(Command::Close);
        }
    }

    /// Runs statements of Tusk's own beside the pool, never in a session.
    pub async fn ask_helper(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        sql: String,
    ) -> Result<Rows, Failure> {
        let link = {
            let mut helper = self.helper.lock().await;
            helper.uses += 1;
            match helper.link.clone().filter(|link| !link.is_gone()) {
                Some(link) => link,
                None => {
                    let fresh = self.target.connect().await?;
                    let link = Link::start(shared, fresh, self.target.clone(), Box::new(|_| {}));
                    helper.link = Some(link.clone());
                    link
                }
            }
        };
        let answer = link.ask(sql).await;
        self.close_helper_later(shared);
        answer
    }

    /// What the server tells of itself over this link.
    pub fn server_info(&self, link: &Link) -> ServerInfo {
        server_info(&self.target, link)
    }

    fn close_helper_later(self: &Arc<Self>, shared: &Shared) {
        let opened = Arc::downgrade(self);
        shared.threads.control(async move {
            let Some(uses) = (match opened.upgrade() {
                Some(opened) => Some(opened.helper.lock().await.uses),
                None => None,
            }) else {
                return;
            };
            smol::Timer::after(HELPER_IDLE).await;
            if let Some(opened) = opened.upgrade() {
                let mut helper = opened.helper.lock().await;
                if helper.uses == uses {
                    helper.link = None;
                }
            }
        });
    }

    /// Changes the figures, and tells them if they are others than those told last.
    fn change(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = locked(&self.counts);
        change(&mut counts);
        let status = counts.status();
        if counts.shown != Some(status) {
            counts.shown = Some(status);
            // Sent under the lock, so that the figures arrive in the order of the changes.
            post(
                &self.outbox,
                connection::Msg::PoolChanged {
                    connection: self.connection,
                    status,
                },
            );
        }
    }
}

impl Counts {
    fn status(&self) -> PoolStatus {
        PoolStatus {
            size: self.size,
            available: self.size.saturating_sub(self.lent),
            // Who asks while there is room is given a link at once; only the others wait.
            waiting: self
                .asking
                .saturating_sub(self.max.saturating_sub(self.lent)),
            max: self.max,
        }
    }
}

impl Lent {
    /// The link itself.
    pub fn link(&self) -> &Arc<Link> {
        &self.link
    }
}

/// Counts one who asks, until it has an answer or is dropped.
struct Asking<'opened> {
    opened: &'opened Opened,
    lent: u32,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.opened.change(|counts| {
            counts.asking = counts.asking.saturating_sub(1);
            counts.lent += self.lent;
        });
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        self.link.tell(Command::Close);
    }
}

impl Manager for Maker {
    type Type = Pooled;
    type Error = Failure;

    async fn create(&self) -> Result<Pooled, Failure> {
        let closed = || error::plain(Category::Connection, "This connection is closed.");
        let fresh = self.target.connect().await?;
        let shared = self.shared.upgrade().ok_or_else(closed)?;
        let weak = self.opened.get().cloned().ok_or_else(closed)?;
        let opened = weak.upgrade().ok_or_else(closed)?;
        opened.change(|counts| counts.size += 1);
        let counted = Arc::new(AtomicBool::new(true));
        let counts_it = counted.clone();
        let on_end = move |session: Option<Session>| {
            if let Some(opened) = weak.upgrade() {
                opened.link_ended(&counts_it, session.map(|session| session.lent));
            }
        };
        let link = Link::start(&shared, fresh, self.target.clone(), Box::new(on_end));
        // Such a database holds bytes of any kind, and a server that is asked for UTF-8 refuses to send them.
        if link.parameter("server_encoding").as_deref() == Some("SQL_ASCII") {
            link.ask("set client_encoding = 'SQL_ASCII'").await?;
        }
        Ok(Pooled { link, counted })
    }

    async fn recycle(&self, pooled: &mut Pooled, _metrics: &Metrics) -> RecycleResult<Failure> {
        if pooled.link.is_gone() {
            Err(RecycleError::message("the link is gone"))
        } else {
            Ok(())
        }
    }
}

/// What a server tells of itself over a link, in the parameters that it reports.
pub fn server_info(target: &Target, link: &Link) -> ServerInfo {
    let user = link
        .parameter("session_authorization")
        .unwrap_or_else(|| target.config.user.clone());
    // Without a database's name the server takes the one that is called like the user.
    let database = Some(target.config.database.clone()).filter(|name| !name.is_empty());
    ServerInfo {
        version: link.parameter("server_version").unwrap_or_default(),
        security: link.security.clone(),
        endpoint: Some(link.endpoint()),
        database: database.unwrap_or_else(|| user.clone()),
        user,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(size: u32, lent: u32, asking: u32) -> PoolStatus {
        Counts {
            size,
            lent,
            asking,
            max: 2,
            shown: None,
        }
        .status()
    }

    #[test]
    fn who_asks_waits_only_when_all_places_are_lent() {
        assert_eq!(
            counts(0, 0, 1),
            PoolStatus {
                size: 0,
                available: 0,
                waiting: 0,
                max: 2
            }
        );
        assert_eq!(
            counts(2, 1, 1),
            PoolStatus {
                size: 2,
                available: 1,
                waiting: 0,
                max: 2
            }
        );
        assert_eq!(
            counts(2, 2, 1),
            PoolStatus {
                size: 2,
                available: 0,
                waiting: 1,
                max: 2
            }
        );
        assert_eq!(
            counts(1, 1, 3),
            PoolStatus {
                size: 1,
                available: 0,
                waiting: 2,
                max: 2
            }
        );
    }
}
