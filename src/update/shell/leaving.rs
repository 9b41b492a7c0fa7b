//! Leaving open transactions: whoever closes a tab, a connection or the program is asked whether to commit them, to roll
//! them back, or to stay, which is what the key does that is pressed without reading.
//!
//! To roll back is to leave: the server does it as soon as the session is gone. To commit takes a statement in each tab,
//! and only when every one of them has committed is what was asked for done.

use super::{
    app,
    dialog::{self, Confirm, Dialog},
    tabs,
};
use crate::{
    base::{
        ids::{ConnectionId, TabId},
        transaction::Transaction,
    },
    model::Model,
    update::{
        connection,
        query::{
            page::{Ended, Page},
            run::{self, Run, Session},
        },
    },
};
use std::collections::BTreeSet;

use serde::Serialize;

/// What is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Scope {
    /// A tab is closed.
    Tab(TabId),
    /// A connection is closed.
    Connection(ConnectionId),
    /// The program ends.
    Program,
}

/// What is left as soon as these tabs have committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leaving {
    place: Scope,
    tabs: BTreeSet<TabId>,
}

impl Scope {
    fn holds(self, tab: &Page) -> bool {
        match self {
            Scope::Tab(id) => tab.id == id,
            Scope::Connection(id) => tab.connection == Some(id),
            Scope::Program => true,
        }
    }
}

/// Asks before a place with open transactions is left; whether it has any.
pub fn ask(model: &mut Model, place: Scope, reasons: &[String]) -> bool {
    let tabs: Vec<&Page> = open_transactions(model, place).collect();
    if tabs.is_empty() {
        return false;
    }
    let can_commit = tabs.iter().any(|tab| tab.transaction() == Some(Transaction::Active))
        && tabs.iter().all(|tab| matches!(tab.run, Run::Idle));
    let confirm = Confirm::Leave { place, reasons: reasons.to_vec(), can_commit };
    dialog::show(model, Dialog::Confirm(confirm));
    true
}

fn open_transactions(model: &Model, place: Scope) -> impl Iterator<Item = &Page> {
    let tabs = model.pages.open.iter();
    tabs.filter(move |tab| {
        place.holds(tab) && tab.transaction().is_some_and(|of| of != Transaction::Idle)
    })
}

/// The user chose to commit: a failed transaction has nothing to commit, and goes.
pub fn commit(model: &mut Model, place: Scope) {
    let tabs: BTreeSet<TabId> = open_transactions(model, place)
        .filter(|tab| tab.transaction() == Some(Transaction::Active))
        .map(|tab| tab.id)
        .collect();
    model.leaving = Some(Leaving { place, tabs: tabs.clone() });
    for tab in tabs {
        run::request_text_in(
            &mut model.pages,
            &mut model.connections,
            &mut model.history,
            &mut model.cx,
            tab,
            "commit",
        );
    }
}

/// The user chose to roll back, which the server does by itself when the sessions end.
pub fn roll_back(model: &mut Model, place: Scope) {
    match place {
        Scope::Tab(tab) => tabs::close_now(model, tab),
        Scope::Connection(connection) => {
            connection::close(&mut model.connections, &mut model.cx, connection)
        }
        Scope::Program => app::quit(model),
    }
}

/// Leaves, when all that was to be committed is. Called after each message.
pub fn step(model: &mut Model) {
    let Some(leaving) = &model.leaving else {
        return;
    };
    let tabs = || {
        let open = model.pages.open.iter();
        open.filter(|tab| leaving.tabs.contains(&tab.id))
    };
    if tabs().any(Page::is_busy) {
        return;
    }
    let place = leaving.place;
    let kept = tabs().find(|tab| !has_committed(tab));
    let kept = kept.map(|tab| (tab.id, tab.label()));
    model.leaving = None;
    let Some((tab, label)) = kept else {
        return roll_back(model, place);
    };
    let text = format!("“{label}” could not commit, so nothing was closed.");
    model.cx.notify(text);
    tabs::choose(model, tab)
}

fn has_committed(tab: &Page) -> bool {
    let is_idle = match &tab.session {
        Session::Live(live) => live.transaction == Transaction::Idle,
        Session::Closed => true,
        Session::Opening { .. } | Session::Lost(_) => false,
    };
    is_idle && matches!(tab.ended, Some(Ended::Well))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        failure::{Category, Failure},
        update::{
            query::session::Ending,
            shell::command::Command,
            testing::{World, expect},
        },
    };

    fn in_transaction() -> World {
        let mut world = World::new().connected();
        world.run("begin");
        world.finish("BEGIN", Transaction::Active);
        world.run("insert into t values (1)");
        world.finish("INSERT 0 1", Transaction::Active);
        world.run("insert into t values (1)");
        world.finish("INSERT 0 1", Transaction::Active);
        world.run("update t set a = 2");
        world.finish("UPDATE 3", Transaction::Active);
        world
    }

    fn question(world: &World) -> (&[String], bool) {
        match &world.model.dialog {
            Some(Dialog::Confirm(Confirm::Leave { reasons, can_commit, .. })) => {
                (reasons, *can_commit)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_would_be_lost_is_named_and_enter_stays() {
        for command in [Command::TabClose, Command::AppQuit, Command::ConnectionDisconnect] {
            let mut world = in_transaction();
            expect!(world.command(command), []);
            let (reasons, can_commit) = question(&world);
            assert!(can_commit);
            assert!(
                reasons[0].ends_with("a transaction is open: INSERT 0 1 (2 times), UPDATE 3"),
                "{reasons:?}"
            );
            expect!(world.command(Command::DialogAccept), []);
            assert_eq!(world.model.dialog, None);
            assert_eq!(world.tab().transaction(), Some(Transaction::Active));
        }
    }

    #[test]
    fn rolling_back_leaves_at_once() {
        let mut world = in_transaction();
        world.command(Command::TabClose);
        let effects = world.command(Command::DialogToggle);
        expect!(
            effects,
            [
                Session(End { ending: Ending::Close, .. }),
                Store(CloseTab { .. }),
                Store(SaveTab { .. }),
                Store(SaveLayout { .. })
            ]
        );
        let mut world = in_transaction();
        world.command(Command::AppQuit);
        let effects = world.command(Command::DialogToggle);
        expect!(effects, [Store(SaveLayout { .. }), Window(Quit)]);
    }

    #[test]
    fn a_commit_is_sent_and_what_was_asked_for_follows_it() {
        let mut world = in_transaction();
        world.command(Command::AppQuit);
        let effects = world.command(Command::DialogAlternative);
        expect!(effects, [Query(Run { sql, .. }), Store(RecordRuns { .. })] if &**sql == "commit");
        assert!(world.model.leaving.is_some());
        let effects = world.finish("COMMIT", Transaction::Idle);
        expect!(
            effects,
            [Store(RecordRuns { .. }), Clock(Start { .. }), Store(SaveLayout { .. }), Window(Quit),]
        );
    }

    #[test]
    fn a_commit_that_fails_closes_nothing() {
        let mut world = in_transaction();
        let tab = world.tab().id;
        world.command(Command::TabClose);
        world.command(Command::DialogAlternative);
        world.fail(Failure::new(Category::Query, "a deferred constraint"), Transaction::Idle);
        assert_eq!(world.model.leaving, None);
        assert_eq!(world.tab().id, tab);
        assert_eq!(world.notice(), "“untitled 1” could not commit, so nothing was closed.");
    }

    #[test]
    fn where_a_statement_runs_in_the_transaction_nothing_can_be_committed() {
        let mut world = in_transaction();
        world.run("select pg_sleep(9)");
        world.command(Command::TabClose);
        assert!(!question(&world).1);
        expect!(world.command(Command::DialogAlternative), []);
        assert!(world.model.dialog.is_some(), "the question stays");
        let mut world = in_transaction();
        world.run("select 1/0");
        world.fail(Failure::new(Category::Query, "division by zero"), Transaction::Failed);
        world.command(Command::TabClose);
        let (reasons, can_commit) = question(&world);
        assert!(!can_commit);
        assert!(reasons[0].contains("can only be rolled back"), "{reasons:?}");
    }
}
