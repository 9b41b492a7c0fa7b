//! Moves, ranges, copying and looking at a value; also where there is nothing.

use super::*;
use crate::{
    base::transaction::Transaction,
    rows::Column,
    update::{
        query, results,
        shell::{command::Command, dialog::Dialog},
        testing::{World, expect},
    },
};

fn with_rows(rows: usize) -> World {
    let mut world = World::new().connected();
    world.run("select 1");
    let query = world.query();
    let columns = ["a", "b", "c"].map(|name| Column::new(name, 25, -1)).to_vec();
    world.send(query::Msg::Described { query, columns });
    let mut builder = crate::rows::ChunkBuilder::new(3);
    for row in 0..rows {
        let values = [Some(row.to_string()), None, Some("é\nx".to_owned())];
        builder.push_data_row(&crate::rows::samples::data_row(&values)).unwrap();
    }
    let chunk = Arc::new(builder.finish());
    world.send(query::Msg::RowsArrived { query, chunk });
    world.finish("SELECT", Transaction::Idle);
    world.command(Command::FocusResults);
    world
}

fn active(world: &World) -> (u64, usize) {
    let grid = &world.tab().results.visible().unwrap().grid;
    (grid.active.row, grid.active.column)
}

#[test]
fn the_active_cell_moves_within_the_result() {
    let mut world = with_rows(100);
    let page = u64::from(world.model.visible_rows) - 1;
    for (command, wanted) in [
        (Command::ResultsUp, (0, 0)),
        (Command::ResultsDown, (1, 0)),
        (Command::ResultsRight, (1, 1)),
        (Command::ResultsEnd, (1, 2)),
        (Command::ResultsRight, (1, 2)),
        (Command::ResultsHome, (1, 0)),
        (Command::ResultsPageDown, (1 + page, 0)),
        (Command::ResultsPageUp, (1, 0)),
        (Command::ResultsLast, (99, 2)),
        (Command::ResultsDown, (99, 2)),
        (Command::ResultsFirst, (0, 0)),
        (Command::ResultsLeft, (0, 0)),
    ] {
        expect!(world.command(command), []);
        assert_eq!(active(&world), wanted, "{command}");
    }
}

#[test]
fn every_move_is_harmless_where_there_is_nothing() {
    for command in Command::ALL.iter().filter(|command| command.group() == "Results") {
        let mut world = World::new();
        world.command(*command);
        let mut world = with_rows(0);
        world.command(*command);
        let shown = world.tab().results.visible();
        assert!(
            shown.is_none_or(|result| result.grid.active.row == 0 && result.grid.active.column < 3),
            "{command}"
        );
    }
}

#[test]
fn a_range_is_extended_and_summed_and_only_the_newest_sum_counts() {
    let mut world = with_rows(10);
    expect!(world.command(Command::ResultsExtendDown), [Cells(Summarize { request: old, .. })]);
    expect!(world.command(Command::ResultsExtendRight), [Cells(Summarize { .. })]);
    assert_eq!(world.tab().results.visible().unwrap().range().cells(), 4);
    let summary = None;
    world.send(contract::Msg::Summarized { request: *old, summary });
    assert!(world.tab().results.summing.is_some());
    assert!(world.is_busy());
    expect!(world.command(Command::ResultsDown), []);
    assert_eq!(world.tab().results.summing, None);
}

#[test]
fn copied_cells_go_to_the_clipboard_and_a_stale_copy_does_not() {
    let mut world = with_rows(3);
    world.command(Command::ResultsSelectAll);
    let effects = world.command(Command::ResultsCopy);
    expect!(effects, [Cells(Copy { request: stale, headers: false, .. })]);
    let effects = world.command(Command::ResultsCopyWithHeaders);
    expect!(effects, [Cells(Copy { request, headers: true, .. })]);
    let answer = |request: &Request| contract::Msg::Copied {
        request: *request,
        text: Ok("0\t".into()),
        cells: 9,
    };
    expect!(world.send(answer(stale)), []);
    expect!(world.send(answer(request)), [Window(WriteClipboard { text, .. })] if &**text == "0\t");
    assert_eq!(world.notice(), "Copied 9 cells.");
    expect!(world.send(answer(request)), []);
}

#[test]
fn enter_shows_a_value_whole_and_copies_it_as_it_is() {
    let mut world = with_rows(3);
    world.command(Command::ResultsEnd);
    expect!(world.press("enter"), []);
    let Some(Dialog::Results(results::Dialog::Inspect(inspect))) = &world.model.dialog else {
        panic!("no value is shown");
    };
    assert_eq!((inspect.column.as_str(), inspect.bytes), ("c", Some(4)));
    expect!(world.command(Command::DialogAlternative), [Window(WriteClipboard { text, .. })]);
    assert_eq!(&**text, "é\nx");
}

#[test]
fn the_mouse_outside_the_result_is_drawn_in() {
    let mut world = with_rows(3);
    let tab = world.model.pages.active;
    let far = Position { row: u64::MAX, column: usize::MAX };
    for msg in [
        Msg::CellClicked { cell: far, shift: true },
        Msg::Dragged { cell: far },
        Msg::RowClicked { row: u64::MAX, shift: true },
        Msg::ColumnClicked { column: usize::MAX, shift: true },
        Msg::ColumnResized { column: usize::MAX, width: 0 },
        Msg::ColumnFitted { column: usize::MAX },
        Msg::Scrolled { first_row: u64::MAX },
        Msg::ResultChosen { shown: Shown::Result(usize::MAX) },
    ] {
        world.send(crate::msg::Msg::Grid { tab, msg });
    }
    let result = world.tab().results.visible().unwrap();
    assert!(result.grid.first_row < 3);
    assert!(result.range().cells() <= 9);
}

#[test]
fn a_column_is_widened_by_key_and_bounded() {
    let mut world = with_rows(3);
    let before = world.tab().results.visible().unwrap().grid.widths[0];
    world.command(Command::ResultsWidenColumn);
    let after = world.tab().results.visible().unwrap().grid.widths[0];
    assert_eq!(after, before + 24);
    for _ in 0..100 {
        world.command(Command::ResultsNarrowColumn);
    }
    assert_eq!(world.tab().results.visible().unwrap().grid.widths[0], WIDTH_MIN);
}

#[test]
fn moving_past_the_end_of_a_paused_result_fetches_more() {
    let mut world = World::new().connected().paused();
    expect!(world.command(Command::ResultsLast), [Clock(Stop { .. }), Query(GrantRows { .. })]);
    expect!(world.command(Command::ResultsDown), []);
}

#[test]
fn results_and_messages_are_walked_around() {
    let mut world = with_rows(1);
    world.command(Command::ResultsNext);
    assert_eq!(world.tab().results.shown, Shown::Messages);
    world.command(Command::ResultsNext);
    assert_eq!(world.tab().results.shown, Shown::Result(0));
    world.command(Command::ResultsPrevious);
    assert_eq!(world.tab().results.shown, Shown::Messages);
}
