//! The pool of an open connection, and the helper connections beside it.
//!
//! deadpool makes, lends and bounds the links. Its counts include waits and half-made links, so this module counts what
//! the screen shows, at the moments when it changes: a link occupies its place from its login to its end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{self, Manager, Metrics, Object, RecycleError, RecycleResult};
use flume::Sender;

use super::Target;
use crate::{
    base::ids::ConnectionId,
    effects::postgres::{
        GOODBYE, Session, Shared,
        answer::post,
        error, locked,
        own_sql::OwnSql,
        session::link::{Command, Link, Rows},
    },
    failure::{Category, Failure},
    msg::Msg,
    update::connection::{self, PoolStatus, ServerInfo},
};

/// How long an unused helper connection is kept.
const HELPER_IDLE: Duration = Duration::from_secs(60);

/// What an open connection consists of.
pub struct Opened {
    pub connection: ConnectionId,
    pub target: Arc<Target>,
    /// Whether the watchdog is on.
    pub watched: AtomicBool,
    pool: managed::Pool<Maker>,
    pool_timeout_s: u32,
    counts: Mutex<Counts>,
    outbox: Sender<Msg>,
    helpers: [smol::lock::Mutex<Helper>; 2],
}

/// The purpose of a helper connection: each has its own, because a link does one thing at a time.
#[derive(Clone, Copy, Debug)]
pub enum Helps {
    /// Reads the catalogs, which may take long.
    Catalogs,
    /// Checks whether the server answers, and ends its processes, which must not wait for anything.
    Control,
}

/// A link on loan to a session.
pub struct Lent {
    object: Object<Maker>,
    link: Arc<Link>,
}

/// A link that the pool owns; the pool drops it to close it.
pub struct Pooled {
    link: Arc<Link>,
    place: PlaceId,
}

/// Makes the pool's links.
pub struct Maker {
    shared: Weak<Shared>,
    target: Arc<Target>,
    opened: OnceLock<Weak<Opened>>,
}

/// Identifies a link's place.
type PlaceId = u64;

/// The place of a live link.
#[derive(Default)]
struct Place {
    lent: bool,
    link: Weak<Link>,
}

#[derive(Default)]
struct Counts {
    places: BTreeMap<PlaceId, Place>,
    next_place: PlaceId,
    asking: u32,
    max: u32,
    shown: Option<PoolStatus>,
    /// Another pool has replaced this one, or none has: it reports nothing more.
    over: bool,
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
                error::plain(Category::Internal, format!("The pool could not be made: {error}."))
            })?;
        let opened = Arc::new(Self {
            connection,
            target,
            watched: AtomicBool::new(false),
            pool,
            pool_timeout_s,
            counts: Mutex::new(Counts { max, ..Counts::default() }),
            outbox: shared.outbox.clone(),
            helpers: Default::default(),
        });
        opened.pool.manager().opened.get_or_init(|| Arc::downgrade(&opened));
        Ok(opened)
    }

    /// Takes a link out, makes one, or waits until one comes back.
    pub async fn lend(self: &Arc<Self>) -> Result<Lent, Failure> {
        self.change(|counts| counts.asking += 1);
        let mut asking = Asking { opened: self, got: None };
        let got = self.pool.get().await;
        asking.got = got.as_ref().ok().map(|object| object.place);
        drop(asking);
        let object = got.map_err(|error| error::from_pool(error, self.pool_timeout_s))?;
        Ok(Lent { link: object.link.clone(), object })
    }

    /// Proves the pool with a real connection.
    pub async fn prove(self: &Arc<Self>) -> Result<ServerInfo, Failure> {
        let lent = self.lend().await?;
        let server = server_info(&self.target, &lent.link);
        self.take_back(lent);
        Ok(server)
    }

    /// Cleans a link and puts it back for the next session; closes one that it can't clean.
    pub async fn clean_and_take_back(&self, lent: Lent) {
        let cleaned = async {
            lent.link.ask(OwnSql::LeaveNothing {}).await?;
            speak_straight(&lent.link).await
        };
        match cleaned.await {
            Ok(()) => self.take_back(lent),
            Err(failure) => {
                log::info!("a session is closed, not kept: {}", failure.message);
                self.end(lent, GOODBYE).await;
            }
        }
    }

    /// Puts back a link in which nothing ran.
    fn take_back(&self, lent: Lent) {
        // Report it before the next session can have it.
        self.change(|counts| counts.set_lent(lent.object.place, false));
        drop(lent);
    }

    /// Drops a link that has ended.
    pub fn forget(&self, lent: Lent) {
        self.change(|counts| counts.leave(lent.object.place));
        drop(Object::take(lent.object));
    }

    /// Ends a link with a Terminate message; its place is free once the link is gone.
    pub async fn end(&self, lent: Lent, within: Duration) {
        lent.link.tell(Command::Close);
        ended_within(&lent.link, within).await;
        self.forget(lent);
    }

    /// A link of the pool ended: with the session that had it, if any, and with the reason if it broke.
    fn link_ended(&self, place: PlaceId, lent: Option<Lent>, broke: Option<Failure>) {
        self.change(|counts| counts.leave(place));
        if let Some(lent) = lent {
            drop(Object::take(lent.object));
        }
        let idle = self.pool.retain(|pooled, _| !pooled.link.is_gone());
        drop(idle);
        let counts = locked(&self.counts);
        if let (Some(failure), false) = (broke, counts.over) {
            let msg = connection::Msg::LinkLost {
                connection: self.connection,
                left: counts.size(),
                failure,
            };
            post(&self.outbox, msg);
        }
    }

    /// Ends every link and accepts no new requests. After a while it leaves the remaining links to themselves; it
    /// reports nothing more about them.
    pub async fn close(&self) {
        // Taken before the pool drops them, so that we can wait for their end.
        let links: Vec<Arc<Link>> = {
            let counts = locked(&self.counts);
            let links = counts.places.values().map(|place| place.link.upgrade());
            links.flatten().collect()
        };
        self.pool.close();
        for helper in &self.helpers {
            if let Some(link) = helper.lock().await.link.take() {
                link.tell(Command::Close);
            }
        }
        let ends = links.iter().map(|link| async {
            link.tell(Command::Close);
            ended_within(link, GOODBYE).await;
        });
        futures_util::future::join_all(ends).await;
        self.silence();
    }

    /// Reports nothing more: its connection is closed, or has another pool.
    pub fn silence(&self) {
        locked(&self.counts).over = true;
    }

    /// Whether it reports nothing more.
    pub fn is_over(&self) -> bool {
        locked(&self.counts).over
    }

    /// Asks one of Tusk's own queries beside the pool, never in a session.
    pub async fn ask_helper(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        helps: Helps,
        own: OwnSql,
    ) -> Result<Rows, Failure> {
        let link = {
            let mut helper = self.helper(helps).lock().await;
            helper.uses += 1;
            match helper.link.clone().filter(|link| !link.is_gone()) {
                Some(link) => link,
                None => {
                    let fresh = self.target.connect().await?;
                    let link = Link::start(shared, fresh, self.target.clone(), Box::new(|_, _| {}));
                    helper.link = Some(link.clone());
                    link
                }
            }
        };
        let answer = link.ask(own).await;
        self.close_helper_later(shared, helps);
        answer
    }

    /// Stops a helper's work that nobody waits for any more: the next query gets a link of its own.
    pub async fn stop_helper(&self, helps: Helps) {
        let Some(link) = self.helper(helps).lock().await.link.take() else {
            return;
        };
        link.tell(Command::Close);
        if let Err(failure) = link.cancel().await {
            log::debug!("a helper was not cancelled: {}", failure.message);
        }
    }

    fn helper(&self, helps: Helps) -> &smol::lock::Mutex<Helper> {
        let [catalogs, control] = &self.helpers;
        match helps {
            Helps::Catalogs => catalogs,
            Helps::Control => control,
        }
    }

    fn close_helper_later(self: &Arc<Self>, shared: &Shared, helps: Helps) {
        let opened = Arc::downgrade(self);
        shared.threads.control(async move {
            let Some(uses) = (match opened.upgrade() {
                Some(opened) => Some(opened.helper(helps).lock().await.uses),
                None => None,
            }) else {
                return;
            };
            smol::Timer::after(HELPER_IDLE).await;
            if let Some(opened) = opened.upgrade() {
                let mut helper = opened.helper(helps).lock().await;
                if helper.uses == uses {
                    helper.link = None;
                }
            }
        });
    }

    /// Changes the counts, and reports them if they differ from the last report.
    fn change(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = locked(&self.counts);
        change(&mut counts);
        let status = counts.status();
        if counts.shown != Some(status) && !counts.over {
            counts.shown = Some(status);
            // Sent under the lock, so that the counts arrive in the order of the changes.
            post(
                &self.outbox,
                connection::Msg::PoolChanged { connection: self.connection, status },
            );
        }
    }
}

impl Counts {
    /// A new place, not on loan yet.
    fn enter(&mut self) -> PlaceId {
        self.next_place += 1;
        self.places.insert(self.next_place, Place::default());
        self.next_place
    }

    fn set_lent(&mut self, place: PlaceId, lent: bool) {
        if let Some(place) = self.places.get_mut(&place) {
            place.lent = lent;
        }
    }

    fn leave(&mut self, place: PlaceId) {
        self.places.remove(&place);
    }

    fn size(&self) -> u32 {
        u32::try_from(self.places.len()).unwrap_or(u32::MAX)
    }

    fn lent(&self) -> u32 {
        let lent = self.places.values().filter(|place| place.lent).count();
        u32::try_from(lent).unwrap_or(u32::MAX)
    }

    fn status(&self) -> PoolStatus {
        PoolStatus {
            size: self.size(),
            available: self.size().saturating_sub(self.lent()),
            // A request gets a link at once while there is room; only the others wait.
            waiting: self.asking.saturating_sub(self.max.saturating_sub(self.lent())),
            max: self.max,
        }
    }
}

impl Lent {
    pub fn link(&self) -> &Arc<Link> {
        &self.link
    }
}

/// Counts a request until it has an answer or is dropped.
struct Asking<'opened> {
    opened: &'opened Opened,
    got: Option<PlaceId>,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.opened.change(|counts| {
            counts.asking = counts.asking.saturating_sub(1);
            if let Some(place) = self.got {
                counts.set_lent(place, true);
            }
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
        // A link gets its place when it can be lent, so a link whose maker gives up before never had one.
        let entered = Arc::new(AtomicU64::new(0));
        let left = entered.clone();
        let on_end = move |session: Option<Session>, broke| {
            if let Some(opened) = weak.upgrade() {
                let place = left.load(Ordering::Acquire);
                opened.link_ended(place, session.map(|session| session.lent), broke);
            }
        };
        let link = Link::start(&shared, fresh, self.target.clone(), Box::new(on_end));
        // Made before the first wait: a maker that gives up drops it, which closes the link.
        let mut pooled = Pooled { link, place: 0 };
        let prepared = async {
            speak_straight(&pooled.link).await?;
            pooled.link.note_libraries().await;
            Ok(())
        };
        self.target.in_time(prepared).await?;
        opened.change(|counts| {
            let place = counts.enter();
            if let Some(place) = counts.places.get_mut(&place) {
                place.link = Arc::downgrade(&pooled.link);
            }
            pooled.place = place;
            entered.store(place, Ordering::Release);
        });
        if pooled.link.is_gone() {
            // It may have ended before it had a place to leave.
            opened.change(|counts| counts.leave(pooled.place));
        }
        Ok(pooled)
    }

    async fn recycle(&self, pooled: &mut Pooled, _metrics: &Metrics) -> RecycleResult<Failure> {
        if pooled.link.is_gone() { Err(RecycleError::message("the link is gone")) } else { Ok(()) }
    }
}

/// Each session begins in UTF-8. An SQL_ASCII database holds bytes of any kind, and a server that is asked for UTF-8
/// refuses to send them, so Tusk asks for them as they are.
async fn speak_straight(link: &Link) -> Result<(), Failure> {
    if link.parameter("server_encoding").as_deref() == Some("SQL_ASCII") {
        link.ask(OwnSql::BytesAsTheyAre {}).await?;
    } else if !link.speaks_utf8() {
        link.ask(OwnSql::SpeakUtf8 {}).await?;
    }
    Ok(())
}

async fn ended_within(link: &Link, within: Duration) {
    let timeout = async {
        smol::Timer::after(within).await;
    };
    smol::future::or(link.ended(), timeout).await;
}

/// What a server reports about itself over a link, in its parameters.
pub fn server_info(target: &Target, link: &Link) -> ServerInfo {
    let user =
        link.parameter("session_authorization").unwrap_or_else(|| target.config.user.clone());
    // Without a database name, the server takes the one named like the user.
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
        let mut counts = Counts { asking, max: 2, ..Counts::default() };
        for at in 0..size {
            let place = counts.enter();
            counts.set_lent(place, at < lent);
        }
        counts.status()
    }

    #[test]
    fn a_link_that_ended_is_not_lent_any_more_whatever_comes_after() {
        let mut counts = Counts::default();
        let place = counts.enter();
        counts.leave(place);
        counts.set_lent(place, true);
        assert_eq!((counts.size(), counts.lent()), (0, 0));
    }

    #[test]
    fn who_asks_waits_only_when_all_places_are_lent() {
        assert_eq!(counts(0, 0, 1), PoolStatus { size: 0, available: 0, waiting: 0, max: 2 });
        assert_eq!(counts(2, 1, 1), PoolStatus { size: 2, available: 1, waiting: 0, max: 2 });
        assert_eq!(counts(2, 2, 1), PoolStatus { size: 2, available: 0, waiting: 1, max: 2 });
        assert_eq!(counts(1, 1, 3), PoolStatus { size: 1, available: 0, waiting: 2, max: 2 });
    }
}
