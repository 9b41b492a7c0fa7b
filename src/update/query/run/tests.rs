//! A query's life, message by message.

use super::*;
use crate::{
    effect::Effect as RootEffect,
    update::{
        query::{
            self,
            read_only::{Access, Inspection, Seal, Setting},
            session::Ending,
        },
        shell::{
            command::Command,
            dialog::{Confirm, Dialog},
        },
        testing::{World, broken, chunk, count, expect, refusal},
    },
};

mod encoding;
mod following;
mod idling;
mod script;
mod secrets;
mod window;

fn phase(world: &World) -> &Phase {
    match &world.tab().run {
        Run::Running(running) => &running.phase,
        other => panic!("nothing runs: {other:?}"),
    }
}

fn sent(effects: &[RootEffect]) -> Vec<&str> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            RootEffect::Query(Effect::Run { sql, .. }) => Some(&**sql),
            _ => None,
        })
        .collect()
}

#[test]
fn a_run_opens_a_session_and_then_sends_the_statement_once() {
    let mut world = World::new().connected();
    world.text("select 1");
    expect!(world.command(Command::QueryRun), [Session(Open { .. })]);
    assert!(world.is_busy());
    expect!(
        world.open_session(),
        [Query(Run { session, sql, follows: None, .. }), Store(RecordRuns { .. })]
    );
    assert_eq!((*session, &**sql), (world.session(), "select 1"));
    expect!(world.open_session(), []);
}

#[test]
fn a_run_while_connecting_is_sent_when_the_connection_is_open() {
    let mut world = World::new();
    world.connect(5432);
    world.text("select 1");
    expect!(world.command(Command::QueryRun), []);
    expect!(world.open_link(), [Session(Open { .. }), Schema(Load { .. })]);
    expect!(world.open_session(), [Query(Run { .. }), Store(RecordRuns { .. })]);
}

#[test]
fn a_run_of_a_closed_connection_opens_it_first() {
    let mut world = World::new().connected();
    expect!(world.command(Command::ConnectionDisconnect), [Connection(Close { .. })]);
    world.text("select 1");
    expect!(world.command(Command::QueryRun), []);
    assert!(world.is_busy(), "it still closes");
    let connection = world.connection();
    expect!(world.send(connection::Msg::Closed { connection }), [Connection(Open { .. })]);
    expect!(world.open_link(), [Session(Open { .. }), Schema(Load { .. })]);
}

#[test]
fn without_a_connection_a_run_asks_where_to() {
    let mut world = World::new();
    world.text("select 1");
    world.command(Command::FocusEditor);
    expect!(world.command(Command::QueryRun), [Discovery(FindServers { .. })]);
    assert!(world.model.welcome.shown);
    assert!(matches!(world.tab().run, Run::Idle));
}

#[test]
fn a_failed_connect_fails_the_run_and_is_the_last_end() {
    let mut world = World::new();
    world.connect(5432);
    world.text("select 1");
    world.command(Command::QueryRun);
    let failure = Failure {
        detail: Some("with all that it says".into()),
        ..refusal("3D000", "no such database")
    };
    expect!(world.fail_link(failure.clone()), []);
    assert!(matches!(world.tab().run, Run::Idle));
    assert!(matches!(world.link(), Link::Failed { .. }));
    assert_eq!(world.tab().ended, Some(Ended::Badly { failure: Box::new(failure) }));
    assert!(!world.is_busy());
}

#[test]
fn rows_are_granted_as_they_arrive_and_the_end_is_shown() {
    let mut world = World::new().connected();
    world.run("select 1");
    expect!(world.describe(), []);
    let effects = world.rows(4_096);
    assert_eq!(effects, [Effect::GrantRows { query: world.query(), rows: 4_096 }.into()]);
    let effects = world.finish("SELECT 4096", Transaction::Idle);
    expect!(effects, [Store(RecordRuns { .. }), Clock(Start { .. })]);
    let result = &world.tab().results.list[0];
    assert_eq!(result.rows.len(), 4_096);
    assert_eq!(result.state, ResultState::Finished { tag: "SELECT 4096".into() });
    assert_eq!(world.tab().ended, Some(Ended::Well));
}

#[test]
fn answers_of_a_statement_that_ended_change_nothing() {
    let mut world = World::new().connected();
    world.run("select 1");
    let query = world.query();
    world.finish("SELECT 0", Transaction::Idle);
    let before = world.model.tabs.clone();
    let late = [
        Msg::Described { query, columns: vec![] },
        Msg::RowsArrived { query, chunk: chunk(1, 1) },
        Msg::Stalled { query, rows: 0 },
        Msg::HeldUp { query, bytes: 1 },
        Msg::Finished {
            query,
            tag: "X".into(),
            transaction: Transaction::Active,
            discarded: 0,
            elapsed_us: 1,
        },
        Msg::Failed {
            query,
            failure: Box::new(broken()),
            transaction: Transaction::Failed,
            elapsed_us: 1,
        },
        Msg::Lost { query, failure: Box::new(broken()), elapsed_us: 1 },
        Msg::CancelSent { query },
        Msg::CancelFailed { query, failure: Box::new(broken()) },
    ];
    for msg in late {
        expect!(world.send(msg), []);
    }
    assert_eq!(world.model.tabs, before);
}

#[test]
fn a_full_window_pauses_and_fetch_more_reads_another() {
    let mut world = World::new().connected().paused();
    assert!(!world.is_busy(), "a paused result does not count");
    let effects = world.command(Command::ResultsFetchMore);
    expect!(effects, [Clock(Stop { .. }), Query(GrantRows { query, rows: CREDIT_ROWS })]);
    assert!(matches!(phase(&world), Phase::Running));
    assert_eq!(*query, world.query());
}

#[test]
fn all_rows_asked_for_while_the_run_waits_for_its_session_are_fetched_when_it_runs() {
    let mut world = World::new().connected();
    world.text("select 1");
    world.command(Command::QueryRun);
    expect!(world.command(Command::ResultsFetchAll), []);
    world.open_session();
    let Run::Running(running) = &world.tab().run else { panic!("nothing runs") };
    assert_eq!((running.window_end, running.window_bytes), (None, u64::MAX));
}

#[test]
fn fetch_all_reads_past_every_window() {
    let mut world = World::new().connected().paused();
    world.command(Command::ResultsFetchAll);
    for _ in 0..40 {
        world.rows(4_096);
    }
    assert!(matches!(
        &world.tab().run,
        Run::Running(running) if running.granted > 200_000
    ));
}

#[test]
fn fetching_where_nothing_is_paused_says_so() {
    let mut world = World::new().connected();
    expect!(world.command(Command::ResultsFetchMore), []);
    assert_eq!(world.notice(), "There are no more rows to fetch.");
    world.run("select 1");
    expect!(world.command(Command::ResultsFetchMore), []);
    assert_eq!(world.notice(), "Rows are still coming in.");
    expect!(world.command(Command::ResultsFetchAll), []);
    assert!(matches!(&world.tab().run, Run::Running(running) if running.window_end.is_none()));
}

#[test]
fn a_result_that_reaches_the_budget_stops_and_says_so() {
    let mut world = World::new().connected();
    world.run("select 1");
    world.describe();
    world.command(Command::ResultsFetchAll);
    let big = chunk(4_096, 16_000);
    let query = world.query();
    for _ in 0..8 {
        world.send(Msg::RowsArrived { query, chunk: big.clone() });
    }
    let full = world.send(Msg::RowsArrived { query, chunk: big });
    assert!(world.model.pages.held_bytes() >= world.model.cx.settings.memory_bytes());
    expect!(full, []);
    let (rows, _) = world.tab().results.of_query(query);
    expect!(world.send(Msg::GrantLapsed { query, rows }), [Clock(Start { .. })]);
    let note = world.tab().results.list[0].note.clone();
    assert!(note.is_some_and(|note| note.contains("memory")));
    expect!(world.command(Command::ResultsFetchAll), []);
    assert!(world.notice().contains("memory"));
}

#[test]
fn what_may_not_pause_is_read_to_its_end_and_not_kept_past_the_budget() {
    let mut world = World::new().connected();
    world.run("insert into t select 1 returning a");
    world.describe();
    let big = chunk(4_096, 16_000);
    let query = world.query();
    let mut all = vec![];
    for _ in 0..9 {
        let chunk = big.clone();
        all.extend(world.send(Msg::RowsArrived { query, chunk }));
    }
    assert_eq!(count!(all, Query(DiscardRows { .. })), 1);
    expect!(world.stall(), []);
    assert!(matches!(phase(&world), Phase::Running));
}

#[test]
fn a_run_into_full_memory_is_granted_nothing() {
    let mut world = World::new().connected();
    world.run("insert into t select 1 returning a");
    world.describe();
    let query = world.query();
    let big = chunk(4_096, 16_000);
    for _ in 0..9 {
        let chunk = big.clone();
        world.send(Msg::RowsArrived { query, chunk });
    }
    world.finish("INSERT 0 1", Transaction::Idle);
    world.command(Command::TabNew);
    let effects = world.run("insert into t select 2 returning a");
    expect!(
        effects,
        [Query(Run { granted_rows: 0, .. }), Query(DiscardRows { .. }), Store(RecordRuns { .. }),]
    );
}

#[test]
fn rows_of_a_second_result_are_granted_behind_those_of_the_first() {
    let mut world = World::new().connected();
    world.run("insert into t select 1 returning a");
    world.describe();
    for _ in 0..8 {
        world.rows(4_096);
    }
    world.describe();
    assert_eq!(world.tab().results.list.len(), 2);
    expect!(world.rows(4_096), [Query(GrantRows { .. })]);
    world.finish("INSERT 0 1", Transaction::Idle);
    let tag = "INSERT 0 1".to_owned();
    for result in &world.tab().results.list {
        assert_eq!(result.state, ResultState::Finished { tag: tag.clone() });
    }
}

#[test]
fn a_stale_word_that_rows_stand_still_changes_nothing() {
    let mut world = World::new().connected();
    world.run("select 1");
    world.describe();
    let query = world.query();
    world.finish("SELECT 0", Transaction::Idle);
    let mut before = world.model.clone();
    expect!(world.send(Msg::Stalled { query, rows: 0 }), []);
    before.cx.now = world.model.cx.now;
    assert!(world.model == before);
}

#[test]
fn names_of_types_that_were_asked_for_before_a_reconnect_are_not_believed() {
    let mut world = World::new().connected();
    world.run("select a from t");
    let column = Column::new("a", 99_999, -1);
    let described = |query| Msg::Described { query, columns: vec![column.clone()] };
    let effects = world.send(described(world.query()));
    let [RootEffect::Connection(connection::Effect::ResolveTypes { request, .. })] = effects[..]
    else {
        panic!("{effects:?}");
    };
    let connection = world.connection();
    world.finish("SELECT 0", Transaction::Idle);
    world.command(Command::ConnectionDisconnect);
    world.send(connection::Msg::Closed { connection });
    world.command(Command::ConnectionReconnect);
    world.open_link();
    let names = vec![(99_999, "mood".to_owned())];
    let resolved = connection::Msg::TypesResolved { request, connection, names };
    expect!(world.send(resolved), []);
    assert!(world.model.connections[&connection].types.is_empty());
}

#[test]
fn an_answer_that_nobody_waits_for_says_nothing_of_what_a_session_holds() {
    let mut world = World::new().connected();
    world.run("create temp table x (a int)");
    world.finish("CREATE TABLE", Transaction::Idle);
    assert!(world.live().unsure);
    let session = world.session();
    let held = Ok(vec![]);
    expect!(world.send(session::Msg::HeldAnswered { session, held }), []);
    assert!(world.live().unsure, "the server was not asked since");
}

#[test]
fn a_stream_that_is_paused_too_long_is_closed_and_says_so() {
    let mut world = World::new().connected().paused();
    let Phase::Paused { timer, .. } = *phase(&world) else { unreachable!() };
    let effects = world.send(clock::Msg::Fired { timer });
    expect!(
        effects,
        [Clock(Stop { timer: stopped }), Query(Cancel { .. }), Query(DiscardRows { .. })]
    );
    assert_eq!(*stopped, timer);
    world.fail(refusal("57014", "canceling statement"), Transaction::Idle);
    let result = &world.tab().results.list[0];
    assert_eq!(result.state, ResultState::Closed);
    assert_eq!(
        result.note.as_deref(),
        Some("The stream was closed: the first 100,000 rows are kept.")
    );
    assert_eq!(world.tab().ended, Some(Ended::Well));
    expect!(world.send(clock::Msg::Fired { timer }), []);
}

#[test]
fn a_paused_stream_that_fills_its_tunnel_is_closed_and_says_so() {
    let mut world = World::new().connected();
    world.run("select 1");
    let (query, bytes) = (world.query(), 33 << 20);
    expect!(world.send(Msg::HeldUp { query, bytes }), []);
    world.finish("SELECT 0", Transaction::Idle);
    let mut world = world.paused();
    let query = world.query();
    expect!(
        world.send(Msg::HeldUp { query, bytes }),
        [Clock(Stop { .. }), Query(Cancel { .. }), Query(DiscardRows { .. })]
    );
    assert!(world.messages().iter().any(|text| text.contains("can't make the server wait")));
    expect!(world.send(Msg::HeldUp { query, bytes }), []);
    world.fail(refusal("57014", "canceling statement"), Transaction::Idle);
    let result = world.tab().results.list.last().unwrap();
    assert_eq!(result.state, ResultState::Closed);
    assert_eq!(world.tab().ended, Some(Ended::Well));
}

#[test]
fn a_run_over_a_paused_result_waits_for_its_end() {
    let mut world = World::new().connected().paused();
    let effects = world.command(Command::QueryRun);
    expect!(effects, [Clock(Stop { .. }), Query(Cancel { .. }), Query(DiscardRows { .. })]);
    let effects = world.fail(refusal("57014", "canceling statement"), Transaction::Idle);
    assert_eq!(sent(&effects), ["select 1"]);
}

#[test]
fn cancel_is_sent_once_and_the_second_press_offers_to_terminate() {
    let mut world = World::new().connected();
    world.run("select 1");
    expect!(world.command(Command::QueryCancel), [Query(Cancel { query, session, ahead })]);
    assert_eq!((*query, *session, &ahead[..]), (world.query(), world.session(), &[][..]));
    assert!(matches!(phase(&world), Phase::Cancelling { asked: true, .. }));
    expect!(world.command(Command::QueryCancel), []);
    assert!(matches!(world.model.dialog, Some(Dialog::Query(query::Dialog::Terminate { .. }))));
    expect!(world.command(Command::DialogAccept), [Session(Terminate { session })]);
    assert_eq!(*session, world.session());
}

#[test]
fn the_question_whether_to_terminate_goes_with_the_statement() {
    let mut world = World::new().connected();
    world.run("select 1");
    world.command(Command::QueryCancel);
    world.command(Command::QueryCancel);
    world.fail(refusal("57014", "canceling statement"), Transaction::Idle);
    assert_eq!(world.model.dialog, None);
}

#[test]
fn a_query_that_ended_before_its_cancel_shows_its_rows() {
    let mut world = World::new().connected();
    world.run("select 1; select 2");
    world.describe();
    world.rows(3);
    world.command(Command::QueryCancel);
    let effects = world.finish("SELECT 3", Transaction::Idle);
    assert_eq!(sent(&effects), Vec::<&str>::new(), "the script was stopped");
    let result = &world.tab().results.list[0];
    assert!(matches!(result.state, ResultState::Finished { .. }));
    assert_eq!(result.rows.len(), 3);
    assert!(world.messages().iter().any(|text| text.contains("1 more")));
}

#[test]
fn only_the_servers_word_makes_a_statement_cancelled() {
    let mut world = World::new().connected();
    world.run("select 1");
    world.command(Command::QueryCancel);
    let query = world.query();
    expect!(world.send(Msg::CancelSent { query }), []);
    assert!(world.tab().results.list[0].state.is_open());
    world.fail(refusal("57014", "canceling statement"), Transaction::Idle);
    assert!(matches!(world.tab().results.list[0].state, ResultState::Cancelled { .. }));
}

#[test]
fn cancelling_what_makes_room_for_another_run_drops_that_run_too() {
    let mut world = World::new().connected().paused();
    world.command(Command::QueryRun);
    expect!(world.command(Command::QueryCancel), []);
    let effects = world.fail(refusal("57014", "canceling statement"), Transaction::Idle);
    assert_eq!(sent(&effects), Vec::<&str>::new());
}

#[test]
fn cancel_while_connecting_gives_the_attempt_up() {
    let mut world = World::new();
    world.connect(5432);
    world.text("select 1");
    world.command(Command::QueryRun);
    let under_way = world.attempt();
    let effects = world.command(Command::QueryCancel);
    expect!(effects, [Connection(Abandon { attempt })] if *attempt == under_way);
    expect!(world.fail_link(Failure::new(Category::Cancelled, "given up")), []);
    assert_eq!(world.link(), &Link::Closed);
    assert!(!world.is_busy());
}

#[test]
fn an_error_stops_the_script_and_is_marked_in_its_own_statement() {
    let mut world = World::new().connected();
    world.run("select 'é';\nselect wrong, 'x'; select 3");
    let effects = world.finish("SELECT 1", Transaction::Idle);
    assert_eq!(sent(&effects), ["select wrong, 'x'"]);
    let failure =
        Failure { position: Some(8), ..refusal("42703", "column \"wrong\" does not exist") };
    let effects = world.fail(failure, Transaction::Idle);
    assert_eq!(sent(&effects), Vec::<&str>::new());
    let editor = &world.tab().editor;
    let mark = editor.visible_mark().unwrap();
    let marked = editor.buffer.text().slice(mark.start..mark.end);
    assert_eq!(marked, "wrong");
    world.command(Command::ErrorGoTo);
    let selection = world.tab().editor.buffer.selection();
    assert_eq!(world.tab().editor.buffer.text().slice(selection), "wrong");
}

#[test]
fn the_place_of_an_error_in_a_selection_is_found_after_multi_byte_text() {
    let mut world = World::new().connected();
    world.text("select 1; -- é€\nselect 'ü', wrong");
    let start = world.tab().editor.buffer.string().find("select 'ü'").unwrap();
    let end = world.tab().editor.buffer.text().len();
    let tab = world.model.pages.active;
    world.send(crate::msg::Msg::Editor {
        tab,
        msg: crate::update::query::editor::Msg::Selected { anchor: start, head: end },
    });
    world.command(Command::QueryRun);
    let effects = world.open_session();
    assert_eq!(sent(&effects), ["select 'ü', wrong"]);
    let failure = Failure { position: Some(13), ..refusal("42703", "no") };
    world.fail(failure, Transaction::Idle);
    let mark = world.tab().editor.visible_mark().cloned().unwrap();
    assert_eq!(world.tab().editor.buffer.text().slice(mark.start..mark.end), "wrong");
    world.type_text("x");
    assert_eq!(world.tab().editor.visible_mark(), None);
}

#[test]
fn an_empty_text_runs_nothing_and_is_no_failure() {
    let mut world = World::new().connected();
    expect!(world.command(Command::QueryRunAll), []);
    assert_eq!(world.notice(), "There is no statement here to run.");
    assert_eq!(world.tab().ended, Some(Ended::Well));
}

#[test]
fn the_transaction_is_the_servers_word_and_forbids_a_pause() {
    let mut world = World::new().connected();
    world.run("begin");
    expect!(world.finish("BEGIN", Transaction::Active), [Store(RecordRuns { .. })]);
    assert_eq!(world.tab().transaction(), Some(Transaction::Active));
    world.run("select 1");
    assert!(matches!(&world.tab().run, Run::Running(running) if !running.may_pause));
    world.fail(refusal("42P01", "no"), Transaction::Failed);
    assert_eq!(world.tab().transaction(), Some(Transaction::Failed));
}

#[test]
fn a_session_that_holds_nothing_goes_back_when_it_idles() {
    let mut world = World::new().connected();
    world.run("select 1");
    world.finish("SELECT 1", Transaction::Idle);
    let timer = world.live().idle.unwrap();
    let session = world.session();
    assert_eq!(
        world.send(clock::Msg::Fired { timer }),
        [session::Effect::End { session, ending: Ending::Return }.into()]
    );
    assert_eq!(world.tab().session, Session::Closed);
}

#[test]
fn the_server_is_asked_what_a_session_holds_where_the_text_does_not_tell() {
    let mut world = World::new().connected();
    world.run("select set_config('a.b', 'c', false)");
    world.finish("SELECT 1", Transaction::Idle);
    let (timer, session) = (world.live().idle.unwrap(), world.session());
    expect!(world.send(clock::Msg::Fired { timer }), [Session(AskHeld { .. })]);
    world.text("select 2");
    expect!(world.command(Command::QueryRun), []);
    let effects =
        world.send(session::Msg::HeldAnswered { session, held: Ok(vec!["a setting".into()]) });
    assert_eq!(sent(&effects), ["select 2"]);
    world.finish("SELECT 1", Transaction::Idle);
    let timer = world.live().idle.unwrap();
    expect!(world.send(clock::Msg::Fired { timer }), []);
    assert_eq!(world.live().holds, ["a setting"]);
}

#[test]
fn a_lost_session_says_what_died_and_is_not_replaced_in_silence() {
    let mut world = World::new().connected();
    world.run("begin");
    world.finish("BEGIN", Transaction::Active);
    let session = world.session();
    let failure = broken();
    expect!(world.send(session::Msg::Lost { session, failure }), []);
    assert!(world.messages().last().unwrap().contains("its open transaction"));
    world.text("select 1");
    expect!(world.command(Command::QueryRun), []);
    assert!(matches!(world.tab().run, Run::Idle));
    expect!(world.command(Command::ConnectionReconnect), []);
    expect!(world.command(Command::QueryRun), [Session(Open { .. })]);
}

#[test]
fn a_run_between_a_lost_statement_and_its_lost_session_is_not_sent_into_it() {
    let mut world = World::new().connected();
    world.run("begin");
    world.finish("BEGIN", Transaction::Active);
    world.run("select 1");
    let (query, session) = (world.query(), world.session());
    let lost = Msg::Lost { query, failure: Box::new(broken()), elapsed_us: 1 };
    expect!(world.send(lost), [Store(RecordRuns { .. })]);
    expect!(world.command(Command::QueryRun), []);
    let failure = broken();
    expect!(world.send(session::Msg::Lost { session, failure }), []);
    assert!(matches!(world.tab().run, Run::Idle));
    assert!(matches!(world.tab().ended, Some(Ended::Badly { .. })));
}

#[test]
fn a_session_that_held_nothing_is_replaced_by_the_next_run() {
    let mut world = World::new().connected();
    world.run("select 1");
    world.finish("SELECT 1", Transaction::Idle);
    let session = world.session();
    let failure = broken();
    expect!(world.send(session::Msg::Lost { session, failure }), [Clock(Stop { .. })]);
    world.text("select 2");
    expect!(world.command(Command::QueryRun), [Session(Open { .. })]);
}

#[test]
fn closing_a_tab_with_a_running_statement_cancels_closes_and_tells_the_history() {
    let mut world = World::new().connected();
    world.run("select 1");
    let (runs, of, closed) = (world.query(), world.session(), world.tab().id);
    expect!(world.command(Command::TabClose), []);
    assert!(matches!(world.model.dialog, Some(Dialog::Confirm(Confirm::CloseTab { .. }))));
    expect!(
        world.command(Command::DialogAccept),
        [
            Query(Cancel { query, .. }),
            Session(End { session, ending: Ending::Close }),
            Store(RecordRuns { entries, .. }),
            Store(CloseTab { tab, .. }),
            Store(SaveTab { .. }),
            Store(SaveLayout { .. }),
        ]
    );
    assert_eq!((*query, *session, *tab), (runs, of, closed));
    assert_eq!(entries.len(), 1);
    assert!(world.model.history.recent[0].elapsed_us.is_some());
}

#[test]
fn notices_and_notifications_come_in_order() {
    let mut world = World::new().connected();
    world.run("select 1");
    let (session, query) = (world.session(), Some(world.query()));
    let notice =
        Box::new(Failure { severity: "NOTICE".into(), ..Failure::new(Category::Query, "one") });
    world.send(session::Msg::Noticed { session, query, notice });
    world.send(session::Msg::Notified {
        session,
        channel: "jobs".into(),
        payload: "7".into(),
        backend_pid: 9,
    });
    assert_eq!(world.messages(), ["NOTICE: one", "NOTIFY jobs from process 9: 7"]);
    assert_eq!(world.tab().messages.unseen(), 2);
    world.command(Command::ResultsMessages);
    assert_eq!(world.tab().messages.unseen(), 0);
}

const WITH_BACKSLASH: &str = r"select 'a\'; drop table t; --'";

fn report(world: &mut World, backslash: BackslashRule) {
    let session = world.session();
    world.send(session::Msg::BackslashReported { session, backslash });
}

#[test]
fn the_text_is_cut_as_the_session_reads_its_backslashes() {
    let mut world = World::new().connected();
    world.run("set standard_conforming_strings = off");
    report(&mut world, BackslashRule::Escapes);
    world.finish("SET", Transaction::Idle);
    assert_eq!(sent(&world.run(WITH_BACKSLASH)), [WITH_BACKSLASH]);
    world.finish("SELECT 1", Transaction::Idle);
    // Edits go on by the same rule, and so does a selection.
    world.type_text("; select 2");
    assert_eq!(world.tab().editor.splits.pieces().len(), 2);
    let tab = world.model.pages.active;
    world.send(crate::msg::Msg::Editor {
        tab,
        msg: crate::update::query::editor::Msg::Selected { anchor: 0, head: WITH_BACKSLASH.len() },
    });
    assert_eq!(sent(&world.command(Command::QueryRun)), [WITH_BACKSLASH]);
    report(&mut world, BackslashRule::Ordinary);
    assert_eq!(world.tab().editor.splits.pieces().len(), 2);
    assert_eq!(world.tab().editor.splits.at(0).unwrap().range(), 0.."select 'a\\';".len());
}

#[test]
fn a_statement_that_was_cut_by_another_rule_than_the_session_s_is_not_sent() {
    // The session opens with the setting off; until then nobody could know, and another statement may be meant now.
    let mut world = World::new().connected();
    world.text(WITH_BACKSLASH);
    world.command(Command::QueryRun);
    report(&mut world, BackslashRule::Escapes);
    assert_eq!(sent(&world.open_session()), Vec::<&str>::new());
    assert!(world.messages()[0].contains("standard_conforming_strings is off"));
    assert_eq!(world.tab().run, Run::Idle);
    assert_eq!(sent(&world.command(Command::QueryRun)), [WITH_BACKSLASH], "it is cut anew");
}

#[test]
fn what_a_session_reports_after_its_tab_let_it_go_changes_nothing() {
    let mut world = World::new().connected();
    world.run("select 1");
    let session = SessionId::next(&mut world.model.cx.ids);
    let before = world.model.tabs.clone();
    let backslash = BackslashRule::Escapes;
    let effects = world.send(session::Msg::BackslashReported { session, backslash });
    expect!(effects, []);
    assert_eq!(world.model.tabs, before);
}

#[test]
fn old_rows_stay_on_screen_until_the_new_run_has_something_to_show() {
    let mut world = World::new().connected();
    world.run("select 1");
    world.describe();
    world.rows(2);
    world.finish("SELECT 2", Transaction::Idle);
    world.run("select 2");
    assert_eq!(world.tab().results.visible().map(|result| result.rows.len()), Some(2));
    expect!(world.describe(), [Cells(Drop { .. })]);
    assert_eq!(world.tab().results.visible().map(|result| result.rows.len()), Some(0));
}

#[test]
fn a_session_for_a_tab_that_is_gone_goes_back() {
    let mut world = World::new().connected();
    world.text("select 1");
    world.command(Command::QueryRun);
    let session = world.session();
    world.command(Command::TabClose);
    assert_eq!(
        world.send(session::Msg::Opened { session, backend_pid: 1 }),
        [session::Effect::End { session, ending: Ending::Return }.into()]
    );
}

#[test]
fn a_cancelled_wait_for_the_pool_ends_in_the_runner_too() {
    let mut world = World::new().connected();
    world.text("select 1");
    world.command(Command::QueryRun);
    let session = world.session();
    assert_eq!(world.command(Command::QueryCancel), [session::Effect::Abandon { session }.into()]);
    assert!(matches!(world.tab().run, Run::Idle));
    assert_eq!(world.tab().session, Session::Closed);
    assert!(!world.is_busy());
    let failure = Failure::new(Category::Cancelled, "stopped");
    expect!(world.send(session::Msg::OpenFailed { session, failure }), []);
    // The next run asks for another one; one that came all the same goes back.
    expect!(world.command(Command::QueryRun), [Session(Open { .. })]);
    assert_ne!(world.session(), session);
    let backend_pid = 1;
    let effects = world.send(session::Msg::Opened { session, backend_pid });
    expect!(effects, [Session(End { session: ended, ending: Ending::Return })]);
    assert_eq!(*ended, session);
}

#[test]
fn a_pool_that_gives_no_session_fails_the_run() {
    let mut world = World::new().connected();
    world.text("select 1");
    world.command(Command::QueryRun);
    let session = world.session();
    let failure = Failure::new(Category::PoolTimeout, "no connection came free");
    expect!(world.send(session::Msg::OpenFailed { session, failure }), []);
    assert!(matches!(world.tab().ended, Some(Ended::Badly { .. })));
    assert!(!world.is_busy());
}

/// A world whose connection is read-only.
fn reading() -> World {
    let mut world = World::new().connected();
    world.change_config(|config| config.read_only = true);
    world
}

fn nothing_seen() -> Inspection {
    Inspection { access: Access::ReadOnly, settings: None }
}

#[test]
fn a_read_only_connection_seals_what_it_sends_and_keeps_its_session_clean() {
    let mut world = reading();
    world.text("select 1");
    world.command(Command::QueryRun);
    let effects = world.open_session();
    expect!(effects, [Query(RunReadOnly { .. }), Store(RecordRuns { .. })]);
    let query = world.query();
    let sealed = Effect::RunReadOnly {
        query,
        session: session_of(&world),
        sql: "select 1".into(),
        seal: Seal::Whole { settings: vec![], confirm: true, asks_settings: None, names: vec![] },
        granted_rows: CREDIT_ROWS,
    };
    assert_eq!(effects[0], sealed.into());
    let inspection = nothing_seen();
    expect!(world.send(Msg::Inspected { query, inspection }), []);
    let effects = world.finish("SELECT 1", Transaction::Idle);
    expect!(effects, [Store(RecordRuns { .. }), Clock(Start { .. })]);
    let Session::Live(live) = &world.tab().session else {
        panic!("it stands");
    };
    assert!(!live.unsure && live.holds.is_empty());
}

fn session_of(world: &World) -> SessionId {
    match &world.tab().session {
        Session::Live(live) => live.id,
        other => panic!("no session: {other:?}"),
    }
}

#[test]
fn what_a_rollback_would_not_undo_fails_without_being_sent() {
    let mut world = reading();
    world.text("select nextval('s')");
    world.command(Command::QueryRun);
    let effects = world.open_session();
    expect!(effects, [Store(RecordRuns { .. }), Store(RecordRuns { .. }), Clock(Start { .. })]);
    assert!(matches!(world.tab().run, Run::Idle));
    let failure = world.tab().failure().unwrap();
    assert!(failure.is("25006"), "{failure:?}");
    assert!(failure.message.contains("nextval"));
}

#[test]
fn settings_that_a_read_only_connection_keeps_begin_the_next_statement() {
    let mut world = reading();
    world.text("set work_mem = '5MB'");
    world.command(Command::QueryRun);
    world.open_session();
    let setting = Setting { name: "work_mem".into(), value: "5120".into(), custom: false };
    let query = world.query();
    world.send(Msg::Inspected {
        query,
        inspection: Inspection { access: Access::ReadOnly, settings: Some(vec![setting.clone()]) },
    });
    world.finish("SET", Transaction::Idle);
    world.text("select 1");
    let effects = world.command(Command::QueryRun);
    let seals = effects.iter().filter_map(|effect| match effect {
        RootEffect::Query(Effect::RunReadOnly { seal, .. }) => Some(seal.clone()),
        _ => None,
    });
    let expected =
        Seal::Whole { settings: vec![setting], confirm: true, asks_settings: None, names: vec![] };
    assert_eq!(seals.collect::<Vec<_>>(), [expected]);
}

#[test]
fn a_statement_that_switched_to_read_write_is_a_warning_and_a_notice() {
    let mut world = reading();
    world.text("select f()");
    world.command(Command::QueryRun);
    world.open_session();
    let query = world.query();
    world.send(Msg::Inspected {
        query,
        inspection: Inspection { access: Access::ReadWrite, settings: None },
    });
    let said = world.tab().messages.iter().last().unwrap();
    assert_eq!(said.kind, MessageKind::Warning);
    assert!(said.text.contains("Everything was rolled back"));
    assert_eq!(world.model.cx.notices.iter().last().unwrap().text, said.text);
}

#[test]
fn a_late_inspection_of_another_query_changes_nothing() {
    let mut world = reading();
    let before = world.model.clone();
    let query = QueryId::next(&mut Ids::seeded(99));
    let inspection = Inspection { access: Access::Over, settings: Some(vec![]) };
    expect!(world.send(Msg::Inspected { query, inspection }), []);
    assert_eq!(world.model.tabs, before.tabs);
    assert!(world.model.cx.notices.iter().eq(before.cx.notices.iter()));
}

#[test]
fn a_lost_session_takes_the_transaction_with_it_and_leaves_the_settings() {
    let mut world = reading();
    world.run("set work_mem = '5MB'");
    let setting = Setting { name: "work_mem".into(), value: "5120".into(), custom: false };
    let query = world.query();
    let settings = Some(vec![setting.clone()]);
    let inspection = Inspection { access: Access::ReadOnly, settings };
    world.send(Msg::Inspected { query, inspection });
    world.finish("SET", Transaction::Idle);
    world.run("begin");
    world.finish("BEGIN", Transaction::Active);
    assert!(world.tab().read_only.block.is_some());
    let session = session_of(&world);
    world.send(session::Msg::Lost { session, failure: broken() });
    assert_eq!(world.tab().read_only.block, None);
    assert_eq!(world.tab().read_only.settings, [setting]);
}

#[test]
fn a_commit_of_a_failed_transaction_says_that_nothing_was_committed() {
    let warned = |world: &World| {
        let is_said = world.notice().starts_with("Nothing was committed")
            || world.notice().starts_with("Nothing was prepared");
        assert_eq!(
            is_said,
            world.messages().iter().any(|text| text.starts_with("Nothing was")),
            "in the messages, too"
        );
        is_said
    };
    for (sql, tag, expected) in [
        ("commit", "ROLLBACK", true),
        ("END;", "ROLLBACK", true),
        ("commit and chain", "ROLLBACK", true),
        ("prepare transaction 'x'", "ROLLBACK", true),
        ("commit", "COMMIT", false),
        ("rollback", "ROLLBACK", false),
        ("rollback to a", "ROLLBACK", false),
    ] {
        let mut world = World::new().connected();
        world.run("begin");
        world.finish("BEGIN", Transaction::Active);
        world.run("nonsense");
        world.fail(refusal("42601", "syntax error"), Transaction::Failed);
        world.run(sql);
        world.finish(tag, Transaction::Idle);
        assert_eq!(warned(&world), expected, "{sql}");
    }
}

#[test]
fn the_comments_in_front_of_a_statement_are_sent_with_it() {
    let text = "/*NO LOAD BALANCE*/ select 1; -- of the first\n-- a\n/* b */\nselect 2;;; /* c */ select 3";
    let all = ["/*NO LOAD BALANCE*/ select 1", "-- a\n/* b */\nselect 2", "/* c */ select 3"];
    let mut world = World::new().connected();
    let mut effects = world.run(text);
    for _ in 1..all.len() {
        effects.extend(world.finish("SELECT 1", Transaction::Idle));
    }
    assert_eq!(sent(&effects), all);
    world.finish("SELECT 1", Transaction::Idle);
    for (sql, expected) in ["select 1", "select 2", "select 3"].into_iter().zip(all) {
        let place = text.find(sql).unwrap();
        world.text(text);
        let (tab, anchor, head) = (world.tab().id, place + 3, place + 3);
        let msg = query::editor::Msg::Selected { anchor, head };
        world.send(crate::msg::Msg::Editor { tab, msg });
        let effects = world.command(Command::QueryRun);
        assert_eq!(sent(&effects), [expected], "the one under the cursor");
        world.finish("SELECT 1", Transaction::Idle);
    }
}

#[test]
fn an_error_is_where_it_is_behind_the_comments_in_front_of_a_statement() {
    let text = "select 1;\n-- é\nselect nonsense";
    let mut world = World::new().connected();
    world.run(text);
    world.finish("SELECT 1", Transaction::Idle);
    let position = Some("-- é\nselect nonsense".chars().count() as u32 - 7);
    let failure = Failure { position, ..refusal("42703", "column \"nonsense\" does not exist") };
    world.fail(failure, Transaction::Idle);
    let mark = world.tab().editor.mark.as_ref().unwrap();
    assert_eq!(&text[mark.start..mark.end], "nonsense");
    let failure = world.tab().failure().unwrap();
    assert_eq!(failure.position, Some(8), "counted from the first word");
}

#[test]
fn a_script_s_statements_are_shared_and_its_results_counted_as_they_come() {
    let mut world = World::new().connected();
    let statements = 300;
    world.run(&"select 1;\n".repeat(statements));
    let shared = |world: &World| match &world.tab().run {
        Run::Running(running) => Arc::as_ptr(&running.script.statements),
        other => panic!("{other:?}"),
    };
    let first = shared(&world);
    let mut bytes = 0;
    for number in 1..=statements {
        assert!(std::ptr::addr_eq(first, shared(&world)), "{number}");
        world.describe();
        world.rows(number % 7);
        bytes += world.tab().results.list.last().unwrap().rows.heap_bytes();
        assert_eq!(world.model.pages.held_bytes(), bytes, "{number}");
        world.finish("SELECT 1", Transaction::Idle);
    }
    assert_eq!(world.tab().results.list.len(), statements);
    // Those of the run before count until the new one has something to show, and are let go with its end.
    world.run("select 2");
    assert_eq!(world.tab().results.previous_bytes(), bytes);
    world.describe();
    world.finish("SELECT 0", Transaction::Idle);
    let rows = &world.tab().results.list[0].rows;
    assert_eq!(world.model.pages.held_bytes(), rows.heap_bytes());
}
