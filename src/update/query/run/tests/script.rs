//! Scripts: what psql's commands in them mean, what follows on an error, and how they are cut.

use super::*;
use crate::{
    effect::Effect as RootEffect,
    settings::toml::{Key, Value},
    update::{
        keeping::{self, HistoryEntry, HistoryOutcome},
        query::{self, editor},
        shell::dialog::Dialog,
    },
};

/// Runs a text and lets each statement end as it is told: well with its tag, or badly. Answers what was sent.
fn play(world: &mut World, text: &str, ends: &[Result<&str, (&str, Transaction)>]) -> Vec<String> {
    let mut all: Vec<String> = sent(&world.run(text)).iter().map(ToString::to_string).collect();
    for end in ends {
        let effects = match end {
            Ok(tag) => world.finish(tag, Transaction::Idle),
            Err((code, transaction)) => world.fail(refusal(code, "no"), *transaction),
        };
        all.extend(sent(&effects).iter().map(ToString::to_string));
    }
    all
}

fn marked(world: &World) -> String {
    let editor = &world.tab().editor;
    let mark = editor.visible_mark().unwrap();
    editor.buffer.text().slice(mark.start..mark.end)
}

#[test]
fn a_plain_dump_runs_between_its_restrict_and_unrestrict() {
    let mut world = World::new().connected();
    let text = "-- dump\n\\restrict aB3\nselect 1;\n\n\\unrestrict aB3\n\n";
    assert_eq!(play(&mut world, text, &[Ok("SELECT 1")]), ["select 1"]);
    assert_eq!(world.messages(), ["SELECT 1 · 0.0 ms"]);
    assert_eq!(world.tab().ended, Some(Ended::Well));
}

#[test]
fn a_refused_command_stops_the_script_before_anything_runs_and_is_marked() {
    for (text, place, reason) in [
        (
            "select 1;\n\\connect b\nselect 2;",
            "\\connect b",
            "\\connect connects elsewhere (line 2)",
        ),
        ("select 1 \\gexec\n", "\\gexec", "runs the rows of a result as statements"),
        ("select 1\\; select 2;", "\\;", "sends several statements as one"),
        ("select 1\n\\i x.sql\n, 2;", "\\i x.sql", "runs another file"),
        ("delete from t\\r\nselect 1;", "\\r", "throws away the statement before it"),
        ("\\restrict a\nselect 1;\n\\x\n", "\\x", "between \\restrict and \\unrestrict"),
        ("\\restrict a\nselect 1;\n\\unrestrict b\n", "\\unrestrict b", "another key"),
        ("\\timing \\d t", "\\d t", "asks the server for a list"),
        ("copy t from stdin; select 'a\n1\n\\.\n';", "select 'a", "begins on the line of a COPY"),
    ] {
        let mut world = World::new().connected();
        world.text(text);
        expect!(world.command(Command::QueryRunAll), []);
        assert_eq!(world.tab().run, Run::Idle, "{text}");
        assert_eq!(marked(&world), place, "{text}");
        let failure = world.tab().failure().unwrap().message.clone();
        assert!(failure.contains(reason) && failure.contains("Nothing was run"), "{failure}");
        assert_eq!(world.messages(), [failure.as_str()]);
        assert_eq!(world.notice(), failure);
        world.command(Command::ErrorGoTo);
        let selection = world.tab().editor.buffer.selection();
        assert_eq!(world.tab().editor.buffer.text().slice(selection), place);
    }
}

#[test]
fn what_only_changes_what_psql_prints_is_skipped_and_named() {
    let mut world = World::new().connected();
    let text = "\\echo hi \\timing\nselect 1\n\\x\n, 2;\n\\pset null 'x'\n";
    assert_eq!(play(&mut world, text, &[Ok("SELECT 1")]), ["select 1\n\n, 2"]);
    assert_eq!(
        world.messages()[0],
        "Skipped, because they only change what psql prints: \\echo (line 1), \\timing (line 1), \\x (line 3), \
         \\pset (line 5)."
    );
    // Alone, there is nothing to run, and that is no failure.
    let mut world = World::new().connected();
    world.text("\\x");
    expect!(world.command(Command::QueryRun), []);
    assert!(world.notice().starts_with("Skipped") && world.tab().failure().is_none());
    let mut world = World::new().connected();
    play(&mut world, &format!("{}select 1;", "\\a\n".repeat(20)), &[]);
    assert!(world.messages()[0].ends_with("\\a (line 12) and 8 more."));
}

#[test]
fn the_commands_that_are_carried_out_are_in_their_order() {
    let mut world = World::new().connected();
    let text =
        "select 1;\n\\encoding latin'1\\''\nselect 2 \\encoding utf8\n;\nselect 3\n\\q\nselect 4;";
    let ends = [Ok("SELECT 1"), Ok("SET"), Ok("SET"), Ok("SELECT 1"), Ok("SELECT 1")];
    assert_eq!(
        play(&mut world, text, &ends),
        [
            "select 1",
            "set client_encoding to 'latin1'''",
            "set client_encoding to 'utf8'",
            "select 2",
            "select 3",
        ]
    );
    // psql leaves in the middle of a statement, and sends what it has of it.
    let mut world = World::new().connected();
    assert_eq!(play(&mut world, "select 1 \\q\n, 2; select 3;", &[Ok("S")]), ["select 1"]);
}

#[test]
fn an_error_is_marked_behind_what_was_cut_out_of_its_statement() {
    let mut world = World::new().connected();
    world.run("select 'é' \\echo 'ü'\n, wrong;");
    let failure = Failure { position: Some(15), ..refusal("42703", "no") };
    world.fail(failure, Transaction::Idle);
    assert_eq!(marked(&world), "wrong");
}

#[test]
fn statements_behind_a_copy_on_its_line_run_after_its_data() {
    let mut world = World::new().connected();
    world.text("copy t from stdin; select 1;\n7\n\\.\nselect 2;");
    world.command(Command::QueryRunAll);
    let effects = world.open_session();
    let data = effects.iter().find_map(|effect| match effect {
        RootEffect::Query(Effect::Run { copy_data, .. }) => copy_data.clone(),
        _ => None,
    });
    assert_eq!(data.as_deref(), Some("7\n"));
    assert_eq!(sent(&world.finish("COPY 1", Transaction::Idle)), ["select 1"]);
    assert_eq!(sent(&world.finish("SELECT 1", Transaction::Idle)), ["select 2"]);
}

const BAD: Result<&str, (&str, Transaction)> = Err(("22012", Transaction::Idle));

#[test]
fn a_run_goes_on_after_an_error_where_that_was_chosen() {
    let text = "select 1; select 2; select 3;";
    let mut world = World::new().connected();
    assert_eq!(play(&mut world, text, &[BAD]), ["select 1"]);
    assert!(world.messages()[1].contains("2 more statements were not run"));
    assert_eq!(world.messages().len(), 2, "one error needs no count");
    play(&mut world, "select 1; select 2;", &[BAD]);
    let last = world.messages().last().unwrap().clone();
    assert_eq!(last, "The script stopped here: 1 more statement was not run.");
    let value = Value::Text("continue".into());
    world.send(crate::update::settings::file::Msg::Asked { key: Key::OnError, value });
    let all = play(&mut world, text, &[BAD, Ok("SELECT 1"), BAD]);
    assert_eq!(all, ["select 1", "select 2", "select 3"]);
    assert_eq!(world.messages().last().unwrap(), "2 of 3 statements failed.");
    assert_eq!(world.notice(), "2 of 3 statements failed.");
    // A choice for this run goes before the setting.
    world.command(Command::QueryRunAllStop);
    world.fail(refusal("22012", "no"), Transaction::Idle);
    assert_eq!(world.tab().run, Run::Idle);
    // And what the script itself says goes before both.
    let all = play(&mut world, "\\set ON_ERROR_STOP on\nselect 1; select 2;", &[BAD]);
    assert_eq!(all, ["select 1"]);
    let text =
        "select 0;\n\\set ON_ERROR_STOP\nselect 1;\\set ON_ERROR_STOP off\nselect 2; select 3;";
    let all = play(&mut world, text, &[BAD, Ok("SELECT 1"), BAD, Ok("SELECT 1")]);
    assert_eq!(all.len(), 4);
    assert_eq!(world.tab().run, Run::Idle);
}

#[test]
fn in_a_failed_transaction_the_run_goes_on_to_its_end_and_the_errors_are_one_line() {
    let mut world = World::new().connected();
    world.text("begin; select 1/0; select 2; select 3; select 4; rollback; select 5;");
    world.command(Command::QueryRunAllContinue);
    world.open_session();
    world.finish("BEGIN", Transaction::Active);
    world.fail(refusal("22012", "division by zero"), Transaction::Failed);
    for _ in 0..3 {
        world.fail(refusal("25P02", "current transaction is aborted"), Transaction::Failed);
    }
    assert_eq!(sent(&world.finish("ROLLBACK", Transaction::Idle)), ["select 5"]);
    world.finish("SELECT 1", Transaction::Idle);
    assert_eq!(
        world.messages(),
        [
            "BEGIN · 0.0 ms",
            "ERROR: division by zero",
            "ERROR: current transaction is aborted × 3",
            "ROLLBACK · 0.0 ms",
            "SELECT 1 · 0.0 ms",
            "4 of 7 statements failed.",
        ]
    );
}

#[test]
fn a_cancel_stops_the_run_whatever_was_chosen() {
    let mut world = World::new().connected();
    world.text("select 1; select 2;");
    world.command(Command::QueryRunAllContinue);
    world.open_session();
    world.command(Command::QueryCancel);
    let effects = world.fail(refusal("22012", "no"), Transaction::Idle);
    assert_eq!(sent(&effects), Vec::<&str>::new());
    assert_eq!(world.tab().run, Run::Idle);
}

/// A script that stands at its first error.
fn asking() -> World {
    let mut world = World::new().connected();
    world.text("select 1; select 2; select 3;");
    world.command(Command::QueryRunAllAsk);
    world.open_session();
    let effects = world.fail(refusal("22012", "no"), Transaction::Idle);
    assert_eq!(sent(&effects), Vec::<&str>::new());
    assert!(matches!(world.model.dialog, Some(Dialog::Query(query::Dialog::GoOn { left: 2, .. }))));
    assert!(!world.is_busy(), "it waits for the user");
    world
}

#[test]
fn where_the_user_is_asked_each_answer_has_a_key() {
    for key in ["enter", "escape"] {
        let mut world = asking();
        assert_eq!(sent(&world.press(key)), Vec::<&str>::new());
        assert_eq!(world.tab().run, Run::Idle, "{key}");
        assert!(world.messages().last().unwrap().contains("2 more statements were not run"));
        assert!(world.model.dialog.is_none());
    }
    let mut world = asking();
    assert_eq!(sent(&world.press("alt-enter")), ["select 2"]);
    world.fail(refusal("22012", "no"), Transaction::Idle);
    assert!(world.model.dialog.is_some(), "it asks again");
    let mut world = asking();
    assert_eq!(sent(&world.press("ctrl-space")), ["select 2"]);
    let effects = world.fail(refusal("22012", "no"), Transaction::Idle);
    assert_eq!(sent(&effects), ["select 3"], "it does not");
    world.fail(refusal("22012", "no"), Transaction::Idle);
    assert_eq!(world.messages().last().unwrap(), "3 of 3 statements failed.");
}

#[test]
fn the_question_waits_for_another_dialog_and_for_its_tab() {
    let mut world = World::new().connected();
    world.text("select 1; select 2;");
    world.command(Command::QueryRunAllAsk);
    world.open_session();
    world.command(Command::PaletteOpen);
    let (query, tab) = (world.query(), world.model.pages.active);
    let failure = Box::new(refusal("22012", "no"));
    let (transaction, elapsed_us) = (Transaction::Idle, 5);
    world.send(Msg::Failed { query, failure, transaction, elapsed_us });
    assert!(matches!(world.model.dialog, Some(Dialog::Palette(_))));
    world.press("escape");
    assert!(matches!(world.model.dialog, Some(Dialog::Query(query::Dialog::GoOn { .. }))));
    world.press("alt-enter");
    world.command(Command::TabNew);
    let query = match &world.model.pages.get_mut(tab).unwrap().run {
        Run::Running(running) => running.query,
        other => panic!("{other:?}"),
    };
    world.send(Msg::Finished { query, tag: "S".into(), transaction, discarded: 0, elapsed_us });
    assert!(world.model.dialog.is_none());
}

fn results_msg() -> crate::update::results::Msg {
    crate::update::results::Msg::Scrolled { first_row: 0 }
}

#[test]
fn a_script_that_stands_at_an_error_is_stopped_by_a_cancel_and_by_its_tab_s_end() {
    let mut world = asking();
    world.model.dialog = None;
    world.command(Command::QueryCancel);
    assert_eq!(world.tab().run, Run::Idle);
    let mut world = asking();
    let connection = world.connection();
    connection_closed(
        &mut world.model.pages,
        &mut world.model.history,
        &mut world.model.cx,
        connection,
    );
    assert_eq!(world.tab().run, Run::Idle);
    let tab = world.model.pages.active;
    world.send(crate::msg::Msg::Grid { tab, msg: results_msg() });
    assert!(world.model.dialog.is_none(), "nothing is asked any more");
    world.press("alt-enter");
    assert_eq!(world.tab().run, Run::Idle);
}

#[test]
fn statements_that_are_refused_before_they_are_sent_do_not_pile_up() {
    let mut world = World::new().connected();
    world.change_config(|config| config.read_only = true);
    world.text(&"commit prepared 'x';\n".repeat(5_000));
    world.command(Command::QueryRunAllContinue);
    world.open_session();
    assert_eq!(world.tab().run, Run::Idle);
    let last = world.messages().last().unwrap().clone();
    assert_eq!(last, "1,000 of 1,000 statements failed.");
}

#[test]
fn a_script_is_cut_as_psql_cuts_it_when_it_switches_its_strings() {
    // On the line of the SET by the old rule, from the next line on by the new one.
    let text = "set standard_conforming_strings = off; select 'a';\nselect 'a\\'; b'; select 2;\n";
    let mut world = World::new().connected();
    assert_eq!(sent(&world.run(text)), ["set standard_conforming_strings = off"]);
    report(&mut world, BackslashRule::Escapes);
    assert_eq!(sent(&world.finish("SET", Transaction::Idle)), ["select 'a'"]);
    assert_eq!(sent(&world.finish("S", Transaction::Idle)), ["select 'a\\'; b'"]);
    assert_eq!(sent(&world.finish("S", Transaction::Idle)), ["select 2"]);
    // What the text does not tell is the server's word, and the rest is cut again.
    let text = "select switch(); select 'a\\';\nselect 'a\\'; b';\n\\q\nx";
    let mut world = World::new().connected();
    world.run(text);
    report(&mut world, BackslashRule::Escapes);
    assert_eq!(sent(&world.finish("S", Transaction::Idle)), ["select 'a\\'"]);
    assert_eq!(sent(&world.finish("S", Transaction::Idle)), ["select 'a\\'; b'"]);
    expect!(world.finish("S", Transaction::Idle)[..0], []);
    assert_eq!(world.tab().run, Run::Idle);
    // The session opened with it: all is cut again, before anything is sent.
    let mut world = World::new().connected();
    world.text(WITH_BACKSLASH);
    world.command(Command::QueryRunAll);
    report(&mut world, BackslashRule::Escapes);
    assert_eq!(sent(&world.open_session()), [WITH_BACKSLASH]);
}

#[test]
fn a_command_that_shows_only_when_the_rest_is_cut_again_stops_the_script_there() {
    let text = "select switch();\nselect 'a\\''; \\connect b '\n;";
    let mut world = World::new().connected();
    world.run(text);
    report(&mut world, BackslashRule::Escapes);
    world.finish("S", Transaction::Idle);
    assert_eq!(world.tab().run, Run::Idle);
    let failure = world.tab().failure().unwrap();
    assert!(failure.message.contains("stopped before it"), "{}", failure.message);
    assert_eq!(marked(&world), "\\connect b '");
}

fn copy_failure(context: &str) -> Failure {
    Failure {
        context: Some(context.into()),
        ..refusal("22P02", "invalid input syntax for type integer: \"x\"")
    }
}

#[test]
fn an_error_of_a_copy_shows_and_marks_its_place_in_the_data() {
    let mut world = World::new().connected();
    world.run("select 1;\ncopy t (a, b) from stdin;\n1\tone\nx\ttwo\n\\.\nselect 2;");
    world.finish("SELECT 1", Transaction::Idle);
    world.fail(copy_failure("COPY t, line 2, column a: \"x\""), Transaction::Idle);
    assert_eq!(marked(&world), "x");
    let said = world.messages()[1].clone();
    assert!(said.ends_with("DATA: line 2, column a (line 4 of the text)"), "{said}");
    world.command(Command::ErrorGoTo);
    assert_eq!(
        world.tab().editor.buffer.selection(),
        world.tab().editor.buffer.string().find("x\ttwo").map(|at| at..at + 1).unwrap()
    );
}

fn entries(effects: &[RootEffect]) -> Vec<HistoryEntry> {
    let entries = effects.iter().filter_map(|effect| match effect {
        RootEffect::Store(keeping::Effect::RecordRuns { entries, .. }) => Some(entries.clone()),
        _ => None,
    });
    entries.flatten().collect()
}

/// Runs a script of so many statements. Answers with all that is asked for meanwhile.
fn long_script(statements: usize) -> (World, Vec<RootEffect>) {
    let mut world = World::new().connected();
    let text: String =
        (0..statements).map(|number| format!("insert into t values ({number});\n")).collect();
    world.text(&text);
    let mut effects = world.command(Command::QueryRunAll);
    effects.extend(world.open_session());
    while let Run::Running(_) = world.tab().run {
        effects.extend(world.finish("INSERT 0 1", Transaction::Idle));
    }
    (world, effects)
}

#[test]
fn a_long_script_asks_for_little_more_than_its_statements() {
    for statements in [1_000, 8_000] {
        let (world, effects) = long_script(statements);
        let kept = entries(&effects);
        let writes = effects.iter().filter(|effect| matches!(effect, RootEffect::Store(_)));
        let (writes, others) = (writes.count(), effects.len() - statements);
        assert_eq!(sent(&effects).len(), statements);
        // A statement that was sent and ended is written once, but for the first ones and those that a write found
        // running.
        let most = statements + statements / 50 + 20;
        assert!(kept.len() <= most, "{} runs are written for {statements}", kept.len());
        assert!(others <= statements / 20 + 80, "{others} effects for {statements}");
        assert!(writes <= statements / 40 + 40, "{writes} writes for {statements}");
        assert!(!world.model.is_busy() || !world.model.writes.is_empty());
        // As it ended it is written last, and none is missing.
        let ends: std::collections::BTreeMap<_, _> =
            kept.iter().map(|entry| (entry.query, &entry.outcome)).collect();
        assert_eq!(ends.len(), statements);
        assert!(ends.values().all(|end| matches!(end, HistoryOutcome::Finished { .. })));
    }
}

#[test]
fn a_statement_that_takes_long_is_in_the_history_while_it_runs() {
    let mut world = World::new().connected();
    world.text(&"select 1;\n".repeat(30));
    world.command(Command::QueryRunAll);
    world.open_session();
    let mut timers = vec![];
    for _ in 0..20 {
        let effects = world.finish("SELECT 1", Transaction::Idle);
        timers.extend(effects.iter().filter_map(|effect| match effect {
            RootEffect::Clock(clock::Effect::Start { timer, after_ms }) => {
                Some((*timer, *after_ms))
            }
            _ => None,
        }));
    }
    let [(timer, after_ms)] = timers[..] else { panic!("{timers:?}") };
    world.pass_ms(after_ms);
    let effects = world.send(clock::Msg::Fired { timer });
    expect!(effects, [Store(RecordRuns { .. })]);
    let kept = entries(&effects);
    assert_eq!(kept.last().unwrap().outcome, HistoryOutcome::Running);
    assert!(kept.len() > 2);
    // The search and the end of the program come behind what is gathered.
    world.finish("SELECT 1", Transaction::Idle);
    let effects = world.command(Command::HistoryOpen);
    expect!(effects, [Store(RecordRuns { .. }), Store(SearchHistory { .. })]);
    world.command(Command::DialogCancel);
    world.finish("SELECT 1", Transaction::Idle);
    let effects = world.asked(crate::update::shell::app::quit);
    expect!(effects, [Store(SaveLayout { .. }), Store(RecordRuns { .. }), Window(Quit)]);
}

#[test]
fn the_end_of_a_statement_is_kept_however_many_ran_meanwhile() {
    let mut world = World::new().connected();
    world.run("select pg_sleep(60)");
    let slow = world.model.history.recent[0].query;
    let began = |world: &mut World| {
        let tab = world.tab().id;
        let query = QueryId::next(&mut world.model.cx.ids);
        let sent = history::Sent { query, text: &"select 1".into(), data: None };
        history::began(
            &mut world.model.pages,
            &world.model.connections,
            &mut world.model.history,
            &mut world.model.cx,
            tab,
            sent,
        );
        let outcome = HistoryOutcome::Finished { tag: String::new(), rows: 0 };
        history::ended(&mut world.model.history, &mut world.model.cx, query, 1, outcome);
    };
    (0..history::RECENT * 2).for_each(|_| began(&mut world));
    world.model.cx.take_asked();
    assert_eq!(world.model.history.recent.len(), history::RECENT);
    let kept = entries(&world.finish("SELECT 1", Transaction::Idle));
    assert_eq!(kept[0].query, slow);
    assert!(matches!(kept[0].outcome, HistoryOutcome::Finished { .. }));
}

#[test]
fn the_history_keeps_the_data_of_a_copy_and_runs_it_again() {
    let mut world = World::new().connected();
    let effects = world.run("copy t from stdin;\n1\n\\.\n");
    let kept = entries(&effects)[0].sql.clone();
    assert_eq!(&*kept, "copy t from stdin;\n1\n\\.");
    world.finish("COPY 1", Transaction::Idle);
    world.text("");
    crate::update::query::history::take(&mut world.model.pages, &mut world.model.cx, &kept);
    let effects = world.command(Command::QueryRun);
    assert_eq!(sent(&effects), ["copy t from stdin"]);
    assert_eq!(entries(&effects)[0].sql, kept);
    world.finish("COPY 1", Transaction::Idle);
    // What is too long, or may hold a password, is not kept, and says so.
    for (text, why) in [
        (format!("copy t from stdin;\n{}\\.", "1\n".repeat(40_000)), "are too long to be kept"),
        ("copy t (a, password) from stdin;\n1\tsecret\n\\.".to_owned(), "may hold passwords"),
    ] {
        let effects = world.run(&text);
        let kept = entries(&effects)[0].sql.clone();
        assert!(kept.ends_with(why) && kept.lines().count() == 1, "{kept}");
        world.finish("COPY 1", Transaction::Idle);
        world.text("");
        crate::update::query::history::take(&mut world.model.pages, &mut world.model.cx, &kept);
        let pieces = world.tab().editor.splits.pieces();
        assert_eq!(pieces.len(), 1);
        assert!(editor::Editor::new(world.tab().editor.buffer.clone()).statement().is_some());
    }
}
