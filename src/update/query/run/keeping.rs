//! Sessions that are kept for what their sequences gave: `currval` and `lastval` answer only where the value was taken.
//!
//! The server has no question for it. `lastval()` fails where nothing was used, which is an error in the server's log for
//! each look, it knows nothing of `setval`, and where something was used it waits for whoever alters the sequence. So what
//! may have used one (`Kind::may_use_sequence`) is taken for it. That costs no more than a link that would idle in the pool:
//! such a session goes back as before as soon as somebody waits for one, or its tab is not used any more.

use super::{MessageKind, Run, Session, pump, say};
use crate::{
    base::ids::*,
    update::{
        clock,
        connection::Connections,
        cx::Cx,
        query::page::Pages,
        query::{
            history::History,
            session::{Effect, Ending},
        },
    },
};

/// A tab is in use while it is on screen, and so long after that.
pub const IN_USE_MS: u64 = 10 * 60 * 1000;

/// What goes with such a session, in words.
pub(super) const VALUES: &str = "the last values of its sequences (currval, lastval)";

/// What becomes of an idle session that holds nothing.
pub(super) fn settle(pages: &mut Pages, connections: &mut Connections, cx: &mut Cx, id: TabId) {
    let now = cx.now;
    let found = pages.get(id);
    let Some(Session::Live(live)) = found.map(|tab| &tab.session) else {
        return;
    };
    let connection = live.connection;
    if live.kept.is_some() {
        let reason = "because this tab was not in use for 10 minutes";
        return go_back(pages, connections, cx, id, Some(reason));
    }
    if !live.used_sequences {
        return go_back(pages, connections, cx, id, None);
    }
    if is_wanted(connections, connection) {
        return go_back(pages, connections, cx, id, Some(WANTED));
    }
    if let Some(Session::Live(live)) = pages.get_mut(id).map(|tab| &mut tab.session) {
        live.kept = Some(now);
    }
    if pages.active == id {
    } else {
        left(pages, cx, id)
    }
}

const WANTED: &str = "because another tab waits for one";

/// Puts a session back into its pool. Where it was, or would be, kept, the tab says why.
fn go_back(
    pages: &mut Pages,
    connections: &mut Connections,
    cx: &mut Cx,
    id: TabId,
    reason: Option<&str>,
) {
    let now = cx.now;
    let Some(tab) = pages.get_mut(id) else {
        return;
    };
    let Session::Live(live) = std::mem::take(&mut tab.session) else {
        return;
    };
    if let Some(reason) = reason {
        let text = format!("The session went back to the pool, {reason}. With it went {VALUES}.");
        say(tab, now, MessageKind::Session, text, None);
    }
    let session = live.id;
    if let Some(known) = connections.get_mut(&live.connection) {
        known.returning.insert(session);
    }
    if let Some(timer) = live.idle {
        cx.ask(clock::Effect::Stop { timer });
    }
    cx.ask(Effect::End { session, ending: Ending::Return });
}

/// Whether somebody waits for a session of the pool and no session is on its way back for them.
fn is_wanted(connections: &Connections, connection: ConnectionId) -> bool {
    let known = connections.get(&connection);
    known.is_some_and(|known| known.pool.waiting as usize > known.returning.len())
}

/// The pool told how full it is: who waits there is given what is kept.
pub fn make_room(
    pages: &mut Pages,
    connections: &mut Connections,
    cx: &mut Cx,
    connection: ConnectionId,
) {
    while is_wanted(connections, connection)
        && let Some(tab) = to_spare(pages, connection)
    {
        go_back(pages, connections, cx, tab, Some(WANTED));
    }
}

/// The server has no room for another session of the connection: what is kept goes back, to be used instead. Whether
/// there is something to wait for.
pub(super) fn make_room_at_server(
    pages: &mut Pages,
    connections: &mut Connections,
    cx: &mut Cx,
    connection: ConnectionId,
) -> bool {
    let known = connections.get(&connection);
    if known.is_some_and(|known| !known.returning.is_empty()) {
        return true;
    }
    let spare = to_spare(pages, connection);
    if let Some(tab) = spare {
        go_back(pages, connections, cx, tab, Some(WANTED));
    }
    spare.is_some()
}

/// The tab whose kept session is missed least: the one that was left first, and the one on screen last of all.
fn to_spare(pages: &Pages, connection: ConnectionId) -> Option<TabId> {
    let kept = pages.open.iter().filter_map(|tab| match &tab.session {
        Session::Live(live) if live.connection == connection && matches!(tab.run, Run::Idle) => {
            let used = live.kept?;
            Some((tab.id == pages.active, used, tab.id))
        }
        _ => None,
    });
    kept.min().map(|(_, _, tab)| tab)
}

/// A session is back in its pool: who was refused one by the server asks again.
pub(super) fn came_back(
    pages: &mut Pages,
    connections: &mut Connections,
    history: &mut History,
    cx: &mut Cx,
    session: SessionId,
) {
    let mut known = connections.iter_mut();
    let Some((connection, known)) = known.find(|(_, known)| known.returning.contains(&session))
    else {
        return;
    };
    known.returning.remove(&session);
    let connection = *connection;
    let waits = pages.open.iter().filter(|tab| {
        tab.connection == Some(connection)
            && matches!(tab.run, Run::Waiting { .. })
            && matches!(tab.session, Session::Closed)
    });
    let waiting: Vec<TabId> = waits.map(|tab| tab.id).collect();
    for tab in waiting {
        pump(pages, connections, history, cx, tab)
    }
}

/// After each message: where another tab came on screen, the use of its session goes on, and that of the one before ends
/// in a while.
pub fn attend(pages: &mut Pages, cx: &mut Cx, before: TabId) {
    if pages.active == before {
        return;
    }
    left(pages, cx, before);
    if let Some(Session::Live(live)) = pages.active_mut().map(|tab| &mut tab.session)
        && live.kept.is_some()
        && let Some(timer) = live.idle.take()
    {
        cx.ask(clock::Effect::Stop { timer });
    }
}

/// A tab is not on screen: if its session is kept, it is for so long from now.
fn left(pages: &mut Pages, cx: &mut Cx, id: TabId) {
    let now = cx.now;
    let Some(Session::Live(live)) = pages.get_mut(id).map(|tab| &mut tab.session) else {
        return;
    };
    if live.kept.is_none() {
        return;
    }
    let timer = cx.request();
    live.kept = Some(now);
    live.idle = Some(timer);
    let after_ms = IN_USE_MS;
    cx.ask(clock::Effect::Start { timer, after_ms });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::transaction::Transaction,
        effect::Effect as RootEffect,
        update::{
            clock,
            connection::{self, PoolStatus},
            query::{run::SESSION_IDLE_MS, session},
            shell::command::Command,
            testing::{World, expect, refusal},
        },
    };

    /// The session of the active tab has been idle for as long as its timer waits.
    fn idles(world: &mut World) -> Vec<RootEffect> {
        let timer = world.live().idle.unwrap();
        world.send(clock::Msg::Fired { timer })
    }

    fn answers(world: &mut World) -> Vec<RootEffect> {
        let (session, held) = (world.session(), Ok(vec![]));
        world.send(session::Msg::HeldAnswered { session, held })
    }

    /// A tab whose session has run this and is kept for it.
    fn kept(sql: &str) -> World {
        let mut world = World::new().connected();
        keep(&mut world, sql);
        world
    }

    fn keep(world: &mut World, sql: &str) {
        world.run(sql);
        world.finish("SELECT 1", Transaction::Idle);
        expect!(idles(world), [Session(AskHeld { .. })]);
        expect!(answers(world), []);
        assert!(world.live().kept.is_some() && world.live().idle.is_none());
    }

    fn pool(world: &mut World, waiting: u32) -> Vec<RootEffect> {
        let connection = world.connection();
        let status = PoolStatus { size: 1, available: 0, waiting, max: 1 };
        world.send(connection::Msg::PoolChanged { connection, status })
    }

    /// Another tab on the same connection, on screen.
    fn another(world: &mut World) -> Vec<RootEffect> {
        let connection = world.connection();
        let effects = world.command(Command::TabNew);
        world.choose(connection);
        effects
    }

    #[test]
    fn a_session_that_may_have_used_a_sequence_stays_with_the_tab_on_screen() {
        for sql in ["insert into t values (1)", "select nextval('s')", "call p()"] {
            let mut world = kept(sql);
            let session = world.session();
            world.run("select currval('s')");
            assert!(world.live().kept.is_none(), "{sql}");
            world.finish("SELECT 1", Transaction::Idle);
            // It calls what is not known, so the server is asked again.
            expect!(idles(&mut world), [Session(AskHeld { .. })]);
            expect!(answers(&mut world), []);
            world.run("select 1");
            world.finish("SELECT 1", Transaction::Idle);
            expect!(idles(&mut world), []);
            assert_eq!(world.session(), session, "{sql}");
            assert_eq!(world.live().kept_for().unwrap(), "kept for currval and lastval");
        }
    }

    #[test]
    fn what_failed_or_was_rolled_back_used_its_sequences_too() {
        let mut world = World::new().connected();
        world.run("insert into t values (1)");
        world.fail(refusal("23505", "no"), Transaction::Idle);
        idles(&mut world);
        expect!(answers(&mut world), []);
        assert!(world.live().kept.is_some());
    }

    #[test]
    fn discarded_sequences_are_nothing_to_keep_a_session_for() {
        for tag in ["DISCARD ALL", "DISCARD SEQUENCES"] {
            let mut world = kept("insert into t values (1)");
            world.run("discard sequences");
            world.finish(tag, Transaction::Idle);
            expect!(idles(&mut world), [Session(AskHeld { .. })]);
            expect!(answers(&mut world), [Session(End { ending: Ending::Return, .. })]);
            assert!(!world.messages().last().unwrap().contains("went back"));
        }
    }

    #[test]
    fn a_tab_that_was_left_is_in_use_for_a_while() {
        let mut world = kept("insert into t values (1)");
        let first = world.model.pages.active;
        let effects = another(&mut world);
        let started = effects.iter().find_map(|effect| match effect {
            RootEffect::Clock(clock::Effect::Start { timer, after_ms }) => {
                Some((*timer, *after_ms))
            }
            _ => None,
        });
        let (timer, after_ms) = started.unwrap();
        assert_eq!(after_ms, IN_USE_MS);
        // Who comes back in time finds it.
        let effects = world.command(Command::TabPrevious);
        assert!(effects.contains(&clock::Effect::Stop { timer }.into()));
        assert!(world.live().kept.is_some() && world.live().idle.is_none());
        // A timer that fired at the same moment changes nothing any more.
        expect!(world.send(clock::Msg::Fired { timer }), []);
        assert!(world.live().kept.is_some());
        world.command(Command::TabNext);
        let tab = world.model.pages.get_mut(first).unwrap();
        let Session::Live(live) = &tab.session else { panic!("{:?}", tab.session) };
        let timer = live.idle.unwrap();
        expect!(
            world.send(clock::Msg::Fired { timer }),
            [Session(End { ending: Ending::Return, .. })]
        );
        world.command(Command::TabPrevious);
        assert_eq!(world.tab().session, Session::Closed);
        let said = world.messages();
        let said = said.last().unwrap();
        assert!(said.contains("not in use for 10 minutes") && said.contains("currval"), "{said}");
    }

    #[test]
    fn a_session_that_idles_in_a_tab_that_was_left_is_kept_for_the_same_while() {
        let mut world = World::new().connected();
        world.run("insert into t values (1)");
        let query = world.query();
        let first = world.model.pages.active;
        another(&mut world);
        let tag = "INSERT 0 1".to_owned();
        world.send(crate::update::query::Msg::Finished {
            query,
            tag,
            transaction: Transaction::Idle,
            discarded: 0,
            elapsed_us: 5,
        });
        let live = |world: &mut World| match &world.model.pages.get_mut(first).unwrap().session {
            Session::Live(live) => live.clone(),
            other => panic!("{other:?}"),
        };
        let (timer, session) = (live(&mut world).idle.unwrap(), live(&mut world).id);
        world.send(clock::Msg::Fired { timer });
        let held = Ok(vec![]);
        let effects = world.send(session::Msg::HeldAnswered { session, held });
        let timer = live(&mut world).idle.unwrap();
        let after_ms = IN_USE_MS;
        assert_eq!(effects, [clock::Effect::Start { timer, after_ms }.into()]);
        assert!(live(&mut world).kept.is_some() && IN_USE_MS > SESSION_IDLE_MS);
    }

    #[test]
    fn who_waits_for_the_pool_is_given_what_is_kept_and_no_more_than_that() {
        let mut world = kept("insert into t values (1)");
        let first = world.session();
        another(&mut world);
        keep(&mut world, "select nextval('s')");
        let second = world.session();
        another(&mut world);
        world.text("select 1");
        expect!(world.command(Command::QueryRun), [Session(Open { .. })]);
        expect!(
            pool(&mut world, 1),
            [Clock(Stop { .. }), Session(End { session, ending: Ending::Return })]
        );
        assert_eq!(*session, first, "the one that was left first");
        // It is on its way: the next word of the pool is about the same wait.
        expect!(pool(&mut world, 1), []);
        expect!(
            pool(&mut world, 2),
            [Clock(Stop { .. }), Session(End { session, ending: Ending::Return })]
        );
        assert_eq!(*session, second);
        expect!(world.send(session::Msg::Ended { session: first }), []);
        expect!(world.send(session::Msg::Ended { session: second }), []);
        expect!(pool(&mut world, 1), []);
        world.command(Command::TabPrevious);
        let said = world.messages();
        assert!(said.last().unwrap().contains("another tab waits"), "{said:?}");
    }

    #[test]
    fn a_session_is_not_kept_from_who_waits_already() {
        let mut world = World::new().connected();
        world.run("insert into t values (1)");
        world.finish("INSERT 0 1", Transaction::Idle);
        expect!(pool(&mut world, 1), []);
        expect!(idles(&mut world), [Session(AskHeld { .. })]);
        expect!(answers(&mut world), [Session(End { ending: Ending::Return, .. })]);
        assert!(world.messages().last().unwrap().contains("another tab waits"));
    }

    #[test]
    fn where_the_server_has_no_room_the_kept_session_is_used_instead() {
        let mut world = kept("insert into t values (1)");
        let first = world.session();
        another(&mut world);
        world.text("select 1");
        expect!(world.command(Command::QueryRun), [Session(Open { .. })]);
        let session = world.session();
        let failure = refusal("53300", "too many connections for role \"ada\"");
        let refused = session::Msg::OpenFailed { session, failure };
        let effects = world.send(refused);
        expect!(effects, [Clock(Stop { .. }), Session(End { session, ending: Ending::Return })]);
        assert_eq!(*session, first);
        assert!(matches!(world.tab().run, Run::Waiting { .. }));
        let ended = session::Msg::Ended { session: first };
        expect!(world.send(ended), [Session(Open { .. })]);
        // With nothing left to give back the refusal is the end of it.
        let session = world.session();
        let failure = refusal("53300", "too many connections for role \"ada\"");
        expect!(world.send(session::Msg::OpenFailed { session, failure }), []);
        assert!(matches!(world.tab().run, Run::Idle));
        assert!(world.tab().failure().unwrap().is("53300"));
    }

    #[test]
    fn a_lost_one_is_told_and_may_be_replaced() {
        let mut world = kept("insert into t values (1)");
        let (session, failure) = (world.session(), crate::update::testing::broken());
        expect!(world.send(session::Msg::Lost { session, failure }), []);
        let said = world.messages();
        assert!(said.last().unwrap().contains(VALUES), "{said:?}");
        world.text("select 1");
        expect!(world.command(Command::QueryRun), [Session(Open { .. })]);
    }

    #[test]
    fn a_tab_that_closes_returns_it_to_the_pool() {
        let mut world = kept("insert into t values (1)");
        let session = world.session();
        let effects = world.command(Command::TabClose);
        let ending = Ending::Return;
        assert!(effects.contains(&Effect::End { session, ending }.into()));
    }
}
