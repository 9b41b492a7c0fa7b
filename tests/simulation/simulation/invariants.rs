//! What holds after every message, each rule in a function of its own. Their words begin with the rule, up to a colon.

use std::collections::BTreeSet;
use tusk::update::query::page::Page;
use tusk::update::shell::{place::Area, tabs};
use tusk::update::{connection, files};

use super::{
    accounts::Key,
    ledger::{Ledger, NOT_SENT, Sent, Told},
    runner::Runner,
};
use tusk::{
    base::{ids::*, transaction::Transaction},
    failure::{Category, Failure},
    model::{Model, Phase as Life},
    sql::safety::guard::{self, Passage},
    update::{
        connection::{
            Connection, Link, PoolStatus, form,
            reconnecting::{Reconnecting, Step},
            sandbox::Sandbox,
        },
        query::run::{self, Run, Running, Session},
        results::{ResultSet, ResultState},
        schema::Schema,
        shell::dialog::Dialog,
    },
};

/// Every rule about the world as a whole.
pub fn check(model: &Model, runner: &Runner, ledger: &mut Ledger) {
    structure(model);
    each_tab_is_there_once(model);
    each_query_is_in_one_state(model, ledger);
    what_is_shown_of_a_query_is_what_was_told(model, ledger);
    one_statement_runs_in_the_session_of_its_tab(model, runner);
    the_transaction_shown_is_the_servers(model, ledger);
    pool_figures_add_up(model, runner, ledger);
    who_is_called_silent_was_told_to_be(model, ledger);
    a_kept_session_makes_room(model);
    what_sequences_gave_stays_with_the_tab_on_screen(model, runner, ledger);
    nothing_waits_in_vain(model, runner);
    what_is_typed_is_kept(model, runner);
    memory_is_bounded(model, runner);
}

/// What holds in any state whatever, also after messages that nobody would send.
pub fn structure(model: &Model) {
    let ids: BTreeSet<TabId> = model.pages.open.iter().map(|tab| tab.id).collect();
    assert!(!model.tabs.open.is_empty(), "there is no tab");
    let active = model.tabs.open.iter().find(|tab| tab.id == model.pages.active);
    let active = active.expect("the active tab is not open").page;
    let queries = model.tabs.open.iter().filter(|tab| tab.page == tabs::Page::Query);
    let queries: BTreeSet<TabId> = queries.map(|tab| tab.id).collect();
    assert_eq!(queries, ids, "a query tab without a page, or a page without a tab");
    assert_eq!(
        model.welcome.shown,
        model.area == Area::Welcome,
        "the welcome screen and the focus disagree"
    );
    let is_known = |id| model.connections.contains_key(id);
    assert!(model.schemas.keys().all(is_known), "a schema cache of a connection that is gone");
    let on_screen = match model.area {
        Area::Find => model.find.open && active == tabs::Page::Query,
        Area::Sidebar => model.cx.settings.sidebar_width > 0,
        Area::Editor | Area::Results => active == tabs::Page::Query,
        Area::Settings => active == tabs::Page::Settings,
        Area::Welcome => true,
    };
    assert!(on_screen, "{:?} has focus and is not shown", model.area);
    for tab in &model.pages.open {
        let buffer = &tab.editor.buffer;
        assert!(
            buffer.text().floor(buffer.head()) == buffer.head()
                && buffer.text().floor(buffer.anchor()) == buffer.anchor(),
            "the cursor is inside a character"
        );
        for result in tab.results.list.iter().chain(&tab.results.previous) {
            let counted: usize = result.rows.chunks().map(|held| held.chunk().rows()).sum();
            assert!(result.rows.len() == counted as u64, "rows are counted wrongly");
        }
        if let Run::Running(run) = &tab.run {
            assert!(
                run.script.next < run.script.statements.len(),
                "a statement runs that is not in its script"
            );
        }
    }
}

/// Ids are the store's word where tabs come from it, so this holds for what a store would say.
fn each_tab_is_there_once(model: &Model) {
    let ids: BTreeSet<TabId> = model.pages.open.iter().map(|tab| tab.id).collect();
    assert!(ids.len() == model.pages.open.len(), "a tab is there twice");
}

/// A query that was sent runs in one tab until its end is told, and in none afterwards.
fn each_query_is_in_one_state(model: &Model, ledger: &mut Ledger) {
    for (query, sent) in &mut ledger.queries {
        let runs = model
            .pages
            .open
            .iter()
            .filter(|tab| matches!(&tab.run, Run::Running(run) if run.query == *query))
            .count();
        let under_way = sent.told.is_none() && !sent.given_up;
        sent.ran |= runs > 0;
        if sent.follows {
            what_followed(model, *query, sent, runs);
            continue;
        }
        assert!(
            runs == usize::from(under_way),
            "a query is not in exactly one state: {query} runs in {runs} tabs, told {:?}, given up {}",
            sent.told,
            sent.given_up
        );
    }
}

/// What was given to a session ahead is known in a tab or not sent; what came to run of it is shown.
fn what_followed(model: &Model, query: QueryId, sent: &Sent, runs: usize) {
    let given = |tab: &&Page| match &tab.run {
        Run::Running(run) => run.script.ahead.queries.contains(&query),
        _ => false,
    };
    let given = model.pages.open.iter().filter(given).count();
    match &sent.told {
        _ if sent.given_up => {
            assert!(runs + given == 0, "{query} is known in {runs} + {given} tabs")
        }
        None => assert!(runs + given <= 1, "{query} is known in {runs} + {given} tabs"),
        Some(Told::NotSent | Told::Lost) => {
            assert!(runs + given == 0, "{query} was not sent or is lost, and is waited for")
        }
        Some(told) => assert!(
            runs + given == 0 && sent.ran,
            "{query} ended, and is waited for or never ran in a tab: {told:?}, {runs} + {given}"
        ),
    }
}

/// A result is open while its query runs; then it shows the end that was told, and that for ever. After a cancel it is
/// the server's word that is shown: cancelled only where the server said 57014.
fn what_is_shown_of_a_query_is_what_was_told(model: &Model, ledger: &mut Ledger) {
    for tab in &model.pages.open {
        for (at, result) in tab.results.list.iter().enumerate() {
            let later = tab.results.list.iter().skip(at + 1);
            let last = later.into_iter().all(|later| later.query != result.query);
            let Some(sent) = ledger.queries.get_mut(&result.query) else {
                refused_by_tusk(model, tab, result, ledger);
                continue;
            };
            if result.state.is_open() {
                assert!(
                    matches!(&tab.run, Run::Running(run) if run.query == result.query),
                    "a result is open and its query does not run: {:?}, told {:?}",
                    result.query,
                    sent.told
                );
                assert!(
                    sent.shown.is_none(),
                    "an ended result was opened again: {:?}",
                    result.query
                );
            } else if last {
                shown_end(&result.state, sent);
            }
        }
    }
}

/// What was never sent is shown only where Tusk refused it on a read-only connection, and as failed.
fn refused_by_tusk(model: &Model, tab: &Page, result: &ResultSet, ledger: &mut Ledger) {
    if let Some(before) = ledger.refused.get(&result.query) {
        assert!(
            same_state(before, &result.state),
            "the end of a query changed: {before:?}, now {:?}",
            result.state
        );
        return;
    }
    let known = tab.connection.and_then(|id| model.connections.get(&id));
    let refuses = matches!(
        guard::passage(&result.sql),
        Passage::Refused(_) | Passage::InTransaction { .. } | Passage::Savepoint { .. }
    );
    assert!(
        refuses
            && known.is_some_and(Connection::is_read_only)
            && matches!(result.state, ResultState::Failed { .. }),
        "a result is shown of a query that was not sent: {:?}",
        result.query
    );
    ledger.refused.insert(result.query, result.state.clone());
}

/// A failure without what the Model adds to it: who stopped it, and what to do next.
fn plain(failure: &Failure) -> Failure {
    Failure { category: Category::Query, next_step: None, ..failure.clone() }
}

fn same_state(one: &ResultState, other: &ResultState) -> bool {
    match (one, other) {
        // A cache that comes later knows the nearest name.
        (ResultState::Failed { failure: one }, ResultState::Failed { failure: other }) => {
            one.category == other.category && plain(one) == plain(other)
        }
        _ => one == other,
    }
}

/// Whether the server stopped it because somebody asked, and not because it took too long.
fn is_cancel(failure: &Failure) -> bool {
    failure.is("57014") && !failure.message.contains("timeout")
}

/// Whether a failure is shown as it was told: its place is counted from the statement's first word, and the server counts
/// from the comments in front of it.
fn is_shown(failure: &Failure, told: &Failure) -> bool {
    let without_place = |failure: &Failure| Failure { position: None, ..plain(failure) };
    let in_place = match (failure.position, told.position) {
        (Some(shown), Some(told)) => 0 < shown && shown <= told,
        (shown, told) => shown == told,
    };
    in_place && without_place(failure) == without_place(told)
}

fn shown_end(state: &ResultState, sent: &mut Sent) {
    let told = &sent.told;
    let right = match (state, told) {
        (ResultState::Finished { tag }, Some(Told::Finished { tag: told })) => tag == told,
        (ResultState::Failed { failure }, Some(Told::Failed { failure: told })) => {
            is_shown(failure, told) && !is_cancel(told)
        }
        (ResultState::Cancelled { failure }, Some(Told::Failed { failure: told })) => {
            is_shown(failure, told) && is_cancel(told)
        }
        (ResultState::Cancelled { failure }, Some(Told::NotSent)) => {
            failure.message.contains(NOT_SENT)
        }
        (ResultState::Closed, Some(Told::Failed { failure })) => is_cancel(failure),
        // Nobody knows how it ended, because the link broke or its tab let the session go.
        (ResultState::Lost { .. }, Some(Told::Lost)) => true,
        (ResultState::Lost { .. }, _) => sent.given_up,
        _ => false,
    };
    assert!(
        right,
        "the end of a query is shown otherwise than it was told: {state:?}, told {told:?}"
    );
    match &sent.shown {
        Some(before) => assert!(
            same_state(before, state),
            "the end of a query changed: {before:?}, now {state:?}"
        ),
        None => sent.shown = Some(state.clone()),
    }
}

/// A tab's statement runs in the tab's own session, and that is what the server knows too.
fn one_statement_runs_in_the_session_of_its_tab(model: &Model, runner: &Runner) {
    let mut sessions = BTreeSet::new();
    for tab in &model.pages.open {
        if let Session::Live(live) = &tab.session {
            assert!(sessions.insert(live.id), "two tabs have one session");
        }
        let Run::Running(run) = &tab.run else {
            continue;
        };
        let Session::Live(live) = &tab.session else {
            panic!("a statement runs without a session: {}", run.planned.sql);
        };
        let backend = &runner.servers.backends[&live.id];
        assert!(
            is_last(&backend.received, run),
            "a statement is shown that is not the last one that its server received: {}",
            run.planned.sql
        );
        if matches!(run.phase, run::Phase::Paused { .. }) {
            assert!(run.may_pause, "what may not pause is paused");
        }
        let (rows, _) = tab.results.of_query(run.query);
        assert!(rows <= run.granted, "more rows came than were granted");
    }
}

/// Whether a session received nothing behind a statement but what was given to it ahead.
fn is_last(received: &[QueryId], run: &Running) -> bool {
    let mut behind = received.iter().skip_while(|query| **query != run.query);
    // A cancel takes back what was given, which is then told.
    let is_cancelled = matches!(run.phase, run::Phase::Cancelling { .. });
    behind.next() == Some(&run.query) && (is_cancelled || behind.eq(&run.script.ahead.queries))
}

/// The transaction status of a session is the server's own last word.
fn the_transaction_shown_is_the_servers(model: &Model, ledger: &Ledger) {
    for tab in &model.pages.open {
        let Session::Live(live) = &tab.session else {
            continue;
        };
        let told = ledger.transactions.get(&live.id).copied();
        assert!(
            Some(live.transaction) == told,
            "the transaction shown is not the server's: {:?} is shown, {told:?} was told",
            live.transaction
        );
        assert!(
            live.transaction_since.is_some() == (live.transaction != Transaction::Idle),
            "a transaction has no beginning, or a beginning is left of none"
        );
    }
}

/// A pool's figures are the last that were told, add up, and are the pool's own where no word of it is under way.
fn pool_figures_add_up(model: &Model, runner: &Runner, ledger: &Ledger) {
    for (id, known) in &model.connections {
        let shown = known.pool;
        let right = match (&known.link, ledger.pools.get(id)) {
            (Link::Closed | Link::Failed { .. }, _) => shown == PoolStatus::default(),
            (Link::Open { .. } | Link::Reconnecting(_), Some(told)) => shown == *told,
            // What a pool before told on its way out is no figure of the next one.
            _ => true,
        };
        assert!(right, "pool figures are not the ones that were told: {shown:?}");
        assert!(
            shown.available <= shown.size && shown.size <= shown.max,
            "pool figures do not add up: {shown:?}"
        );
        let (Link::Open { .. }, Some(pool)) = (&known.link, runner.servers.pools.get(id)) else {
            continue;
        };
        let sessions = runner
            .servers
            .backends
            .values()
            .filter(|backend| backend.connection == *id && backend.open && !backend.let_go)
            .count() as u32;
        assert!(
            pool.lent == sessions,
            "pool figures are not the sessions': {} lent, {sessions} sessions",
            pool.lent
        );
        if !runner.pool_word_under_way(*id) {
            assert!(
                shown == pool.status(),
                "pool figures are not the pool's: {shown:?}, {:?}",
                pool.status()
            );
        }
    }
}

/// What a session is kept for is no reason to let another tab wait. It is kept for a while where its tab was left.
fn a_kept_session_makes_room(model: &Model) {
    for tab in &model.pages.open {
        let Session::Live(live) = &tab.session else {
            continue;
        };
        if live.kept.is_none() {
            continue;
        }
        assert!(
            matches!(tab.run, Run::Idle) && live.holds.is_empty() && !live.unsure,
            "a session is kept for its sequences alone that is used or holds something: {:?}",
            live.holds
        );
        assert!(
            live.idle.is_none() == (tab.id == model.pages.active),
            "a session is kept for another time than its tab is in use"
        );
        let known = model.connections.get(&live.connection);
        let short = known.is_some_and(|known| {
            known.is_open() && known.pool.waiting as usize > known.returning.len()
        });
        assert!(!short, "a session is kept while another tab waits for one");
    }
}

/// `currval` answers where the value was taken: the session does not go back from under the tab on screen, but to who
/// waits for one.
fn what_sequences_gave_stays_with_the_tab_on_screen(
    model: &Model,
    runner: &Runner,
    ledger: &mut Ledger,
) {
    if let Some(session) = ledger.on_screen.take() {
        let taken = model
            .connections
            .values()
            .any(|known| known.returning.contains(&session) && known.pool.waiting == 0);
        assert!(!taken, "a session went back that the tab on screen used");
    }
    let live = model.pages.active().and_then(|tab| match &tab.session {
        Session::Live(live) => Some(live.id),
        _ => None,
    });
    let used = |session: &SessionId| {
        let backend = runner.servers.backends.get(session);
        backend.is_some_and(|backend| backend.used_sequences)
    };
    ledger.on_screen = live.filter(used);
}

/// A server is shown as silent only while that is the watchdog's last word.
fn who_is_called_silent_was_told_to_be(model: &Model, ledger: &Ledger) {
    for (id, known) in &model.connections {
        assert!(
            known.silent_since.is_none() || known.is_open() && ledger.silent.contains(id),
            "a server is called silent that answers: {:?}",
            known.link
        );
    }
}

/// Whatever the Model waits for, the runner still owes an answer for.
fn nothing_waits_in_vain(model: &Model, runner: &Runner) {
    let owes = |what: &str, key: Key| {
        assert!(runner.waits_for(key), "the Model waits in vain: for {what}, {key:?}");
    };
    if let Life::Loading { request } = model.phase {
        owes("what was kept", Key::Store(request));
    }
    for (id, known) in &model.connections {
        match &known.link {
            Link::AskingKeychain { request, kind, .. } => {
                owes("the keychain", Key::Keychain(*request, *kind));
            }
            Link::Opening { attempt, .. } => owes("a connection", Key::Connect(*attempt)),
            Link::Reconnecting(Reconnecting { step, .. }) => match step {
                Step::Pausing { timer, .. } => owes("a pause's timer", Key::Timer(*timer)),
                Step::Trying { attempt, .. } => owes("another try", Key::Connect(*attempt)),
            },
            Link::Closing => owes("a connection to close", Key::Close(*id)),
            Link::Closed | Link::Open { .. } | Link::Failed { .. } => {}
        }
        for session in &known.returning {
            owes("a session on its way back", Key::End(*session));
        }
        if let Some(Schema::Loading { request, .. }) = model.schemas.get(id) {
            owes("a schema", Key::Schema(*request));
        }
    }
    for tab in &model.pages.open {
        waits_of_tab(tab, &owes);
    }
    if let Some(timer) = model.settings_file.timer {
        owes("the settings' timer", Key::Timer(timer));
    }
    for request in &model.writes {
        owes("a write", Key::Store(*request));
    }
    for request in model.files.keys() {
        owes("a file", Key::File(*request));
    }
    if let Some(writing) = &model.settings_file.writing {
        owes("the settings' file", Key::Settings(writing.request));
    }
    if let Some(watch) = model.settings_file.watch {
        owes("a watch", Key::Watch(watch));
    }
    if let Some(request) = model.importing {
        owes("what there is to import", Key::Discovery(request));
    }
    if let Some(request) = model.history.searching {
        owes("a search", Key::Store(request));
    }
    if let Sandbox::Starting { request, .. } = &model.sandbox {
        owes("the sandbox", Key::Sandbox(*request));
    }
    match &model.dialog {
        Some(Dialog::Connection(connection::Dialog::Form(form))) => {
            if let form::Test::Running { attempt, .. } = &form.test {
                // It asks the keychain first.
                let reads =
                    |key: &Key| matches!(key, Key::Keychain(request, _) if request == attempt);
                assert!(
                    runner.waits_for(Key::Test(*attempt)) || runner.accounts.left().any(reads),
                    "the Model waits in vain: for a test, {attempt:?}"
                );
            }
        }
        Some(Dialog::Connection(connection::Dialog::HostKey(prompt))) => {
            if let Some(request) = prompt.writing {
                owes("a host key to be kept", Key::HostKey(request));
            }
        }
        Some(Dialog::DataDirectory(prompt)) => {
            if let Some(request) = prompt.trying {
                owes("a directory", Key::Store(request));
            }
        }
        Some(Dialog::Files(files::Dialog::Path(prompt))) => {
            if let Some(request) = prompt.listing {
                owes("a list of files", Key::File(request));
            }
        }
        _ => {}
    }
}

fn waits_of_tab(tab: &Page, owes: &impl Fn(&str, Key)) {
    match &tab.session {
        Session::Opening { id, .. } => owes("a session", Key::Open(*id)),
        Session::Live(live) => {
            if live.asking {
                owes("what a session holds", Key::AskHeld(live.id));
            }
            if let Some(timer) = live.idle {
                owes("an idle session's timer", Key::Timer(timer));
            }
        }
        Session::Closed | Session::Lost(_) => {}
    }
    if let Run::Running(run) = &tab.run {
        owes("a statement", Key::Run(run.query));
        if let run::Phase::Paused { timer, .. } = &run.phase {
            owes("a pause's timer", Key::Timer(*timer));
        }
    }
    if let Some(request) = tab.results.copying {
        owes("a copy", Key::Cells(request));
    }
    if let Some(request) = tab.results.summing {
        owes("a sum", Key::Cells(request));
    }
    if let Some(request) = tab.editor.checking {
        owes("a look at a file", Key::File(request));
    }
}

/// What is on disk, or will be by the writes under way, is what is shown; but for a tab of which a write failed.
fn what_is_typed_is_kept(model: &Model, runner: &Runner) {
    for tab in &model.pages.open {
        if runner.behind.contains(&tab.id) {
            continue;
        }
        let shown = tab.editor.buffer.text();
        match runner.kept_text(tab.id) {
            Some(kept) => assert!(
                *shown.rope() == *kept,
                "what was typed is not kept: {kept:?} is kept, {:?} is shown",
                shown.to_string()
            ),
            None => assert!(
                shown.is_empty() || tab.editor.journaled == 0,
                "what was typed is not kept: {:?} is in no file",
                shown.to_string()
            ),
        }
    }
}

/// All results together hold no more than the budget and what was on its way when it was used up.
fn memory_is_bounded(model: &Model, runner: &Runner) {
    let running = model.pages.open.iter().filter(|tab| matches!(tab.run, Run::Running(_))).count();
    let held = model.pages.held_bytes();
    let credit = (running + model.pages.open.len()) as u64 * runner.credit_bytes();
    assert!(
        held <= model.cx.settings.memory_bytes() + credit,
        "results hold too much memory: {held} bytes"
    );
}

/// When every answer is there, nothing is under way, and no session is open that no tab knows.
pub fn at_rest(model: &Model, runner: &Runner) {
    // The settings' file is watched until the program ends.
    let watch = model.settings_file.watch.map(Key::Watch);
    let owed: Vec<&Key> = runner.accounts.left().filter(|key| Some(**key) != watch).collect();
    assert!(owed.is_empty(), "effects were never answered: {owed:?}");
    assert!(!model.is_busy(), "something is under way for ever");
    assert!(model.writes.is_empty(), "a write is not accounted for");
    let open: BTreeSet<SessionId> = runner
        .servers
        .backends
        .iter()
        .filter(|(_, backend)| backend.open)
        .map(|(id, _)| *id)
        .collect();
    let known: BTreeSet<SessionId> = model
        .pages
        .open
        .iter()
        .filter_map(|tab| match &tab.session {
            Session::Live(live) => Some(live.id),
            _ => None,
        })
        .collect();
    assert!(open == known, "sessions that no tab knows stay open: {open:?}, {known:?}");
    for id in runner.servers.pools.keys() {
        assert!(
            model.connections.get(id).is_some_and(Connection::is_open),
            "a pool that no connection knows stays open: {id:?}"
        );
    }
    let file = &model.settings_file;
    assert!(
        !file.is_read || file.is_stale || runner.settings_text() == file.text.as_deref(),
        "the settings' file is not what it is taken for: {:?}",
        file.text
    );
    for tab in &model.pages.open {
        assert!(tab.queued.is_none(), "a script waits for ever in the queue");
    }
}
