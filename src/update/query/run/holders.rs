//! Who holds the sessions of a connection, in words: what a person needs to know where the pool has none to give.

use super::{Phase, Run, Session};
use crate::{
    base::{ids::ConnectionId, stamp::Stamp, transaction::Transaction},
    failure::Failure,
    update::{
        connection::Connections,
        cx::Cx,
        query::page::{Page, Pages},
        query::run::{Live, Running},
    },
};

/// So many are named; the others are counted.
const NAMED_MAX: usize = 12;

/// One line for each tab that has a session of the connection: what it runs, what it holds, for how long.
pub fn of_connection(pages: &Pages, connection: ConnectionId, now: Stamp) -> Vec<String> {
    let lines = pages.open.iter().filter_map(|tab| match &tab.session {
        Session::Live(live) if live.connection == connection => {
            Some(format!("{}: {}", tab.label(), occupation(tab, live, now)))
        }
        _ => None,
    });
    let mut lines: Vec<String> = lines.collect();
    let more = lines.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        lines.truncate(NAMED_MAX);
        lines.push(format!("and {more} more"));
    }
    lines
}

/// The failure of a pool that gave no session in time, with who holds them and what to do.
pub(super) fn explain(
    pages: &Pages,
    connections: &Connections,
    cx: &Cx,
    connection: ConnectionId,
    failure: Failure,
) -> Failure {
    let holders = of_connection(pages, connection, cx.now);
    if holders.is_empty() {
        return failure;
    }
    let max = connections.get(&connection).map_or(0, |known| {
        if known.pool.max > 0 { known.pool.max } else { known.config.pool_size }
    });
    let advice = format!(
        "Commit, roll back or cancel in one of these tabs, or close it; or raise the pool size of the connection ({max} now)."
    );
    Failure {
        detail: Some(format!("The sessions are held by:\n{}", holders.join("\n"))),
        ..failure.with_next_step(advice)
    }
}

fn occupation(tab: &Page, live: &Live, now: Stamp) -> String {
    let mut parts = Vec::new();
    if let Run::Running(running) = &tab.run {
        parts.push(work(running, now));
    }
    let transaction = match live.transaction {
        Transaction::Idle => None,
        Transaction::Active => Some("in a transaction"),
        Transaction::Failed => Some("in a failed transaction"),
    };
    parts.extend(transaction.map(|words| match live.transaction_since {
        Some(since) => format!("{words} for {}", span(now, since)),
        None => words.to_owned(),
    }));
    if !live.holds.is_empty() {
        parts.push(format!("holds {}", live.holds.join(", ")));
    }
    if parts.is_empty() {
        let words = if live.kept.is_some() {
            "kept for currval and lastval while its tab is in use"
        } else if live.unsure || live.spoiled || live.asking {
            "idle; it may hold something"
        } else if live.used_sequences {
            "idle; it is looked at in a few seconds"
        } else {
            "idle; it goes back in a few seconds"
        };
        parts.push(words.to_owned());
    }
    parts.join(", ")
}

fn work(running: &Running, now: Stamp) -> String {
    match running.phase {
        Phase::Running => format!("running for {}", span(now, running.sent)),
        Phase::Paused { since, .. } => format!("a result paused for {}", span(now, since)),
        Phase::Cancelling { since, .. } => format!("being cancelled for {}", span(now, since)),
    }
}

/// A time in words, as exact as a person wants it: `12 s`, `3 min`, `2 h`.
fn span(now: Stamp, since: Stamp) -> String {
    let seconds = now.us_since(since) / 1_000_000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        failure::Category,
        update::{
            query::session,
            shell::command::Command,
            testing::{World, expect},
        },
    };

    /// The session that a run of the active tab waits for gets none.
    fn refuse(world: &mut World) {
        let session = world.session();
        let failure = Failure::new(Category::PoolTimeout, "No connection came free.");
        expect!(world.send(session::Msg::OpenFailed { session, failure }), []);
    }

    #[test]
    fn fr_013a_a_pool_timeout_names_who_holds_the_sessions_and_what_to_do() {
        let mut world = World::new().connected();
        let connection = world.connection();
        world.run("-- orders\nbegin");
        world.finish("BEGIN", Transaction::Active);
        world.pass_ms(185_000);
        world.command(Command::TabNew);
        world.choose(connection);
        world.run("-- report\nselect pg_sleep(600)");
        world.pass_ms(12_000);
        world.command(Command::TabNew);
        world.choose(connection);
        world.text("select 1");
        expect!(world.command(Command::QueryRun), [Session(Open { .. })]);
        refuse(&mut world);
        let failure = world.tab().failure().cloned().unwrap();
        assert_eq!(failure.category, Category::PoolTimeout);
        assert_eq!(
            failure.detail.as_deref(),
            Some(
                "The sessions are held by:\norders: in a transaction for 3 min\nreport: running for 12 s"
            )
        );
        let advice = failure.next_step.unwrap();
        assert!(advice.contains("Commit, roll back or cancel") && advice.contains("(10 now)"));
        assert!(world.messages().last().unwrap().contains("orders: in a"));
        // The next run has its own fate.
        world.command(Command::QueryRun);
        assert!(
            crate::update::query::trouble::trouble(
                &world.model.connections,
                crate::update::shell::dialog::of_connection(&world.model.dialog),
                world.tab()
            )
            .is_none()
        );
    }

    #[test]
    fn what_a_holder_does_is_in_words() {
        let mut world = World::new().connected();
        let connection = world.connection();
        let words =
            |world: &World| of_connection(&world.model.pages, connection, world.model.cx.now);
        assert!(words(&world).is_empty());
        world.run("select 1");
        world.finish("SELECT 1", Transaction::Idle);
        assert_eq!(words(&world), ["untitled 1: idle; it goes back in a few seconds"]);
        world.run("create temp table basket ()");
        world.finish("CREATE TABLE", Transaction::Idle);
        assert_eq!(words(&world), ["untitled 1: idle; it may hold something"]);
        let timer = world.live().idle.unwrap();
        world.send(crate::update::clock::Msg::Fired { timer });
        let session = world.session();
        let held = Ok(vec!["a temporary table basket".into()]);
        world.send(session::Msg::HeldAnswered { session, held });
        assert_eq!(words(&world), ["untitled 1: holds a temporary table basket"]);
        let mut paused = World::new().connected().paused();
        paused.pass_ms(7_400_000);
        let connection = paused.connection();
        let words = of_connection(&paused.model.pages, connection, paused.model.cx.now);
        assert_eq!(words, ["untitled 1: a result paused for 2 h"]);
    }

    #[test]
    fn only_a_connection_s_own_holders_are_named_and_no_more_than_a_dozen() {
        let mut world = World::new().connected();
        let connection = world.connection();
        for _ in 0..NAMED_MAX {
            world.run("begin");
            world.finish("BEGIN", Transaction::Active);
            world.command(Command::TabNew);
            world.choose(connection);
        }
        let lines =
            |world: &World| of_connection(&world.model.pages, connection, world.model.cx.now);
        assert_eq!(lines(&world).len(), NAMED_MAX);
        assert!(lines(&world).iter().all(|line| !line.contains("more")));
        world.run("begin");
        let lines = lines(&world);
        assert_eq!(lines.len(), NAMED_MAX + 1);
        assert_eq!(lines[NAMED_MAX], "and 1 more");
        let another = ConnectionId::next(&mut world.model.cx.ids);
        assert!(of_connection(&world.model.pages, another, world.model.cx.now).is_empty());
    }

    #[test]
    fn a_session_that_may_hold_something_is_not_said_to_go_back() {
        let marks: [fn(&mut Live); 3] =
            [|live| live.unsure = true, |live| live.spoiled = true, |live| live.asking = true];
        for mark in marks {
            let mut world = World::new().connected();
            world.run("select 1");
            world.finish("SELECT 1", Transaction::Idle);
            match world.model.pages.active_mut().map(|tab| &mut tab.session) {
                Some(Session::Live(live)) => mark(live),
                other => panic!("no session: {other:?}"),
            }
            let lines = of_connection(&world.model.pages, world.connection(), world.model.cx.now);
            assert_eq!(lines, ["untitled 1: idle; it may hold something"]);
        }
    }
}
