//! Each region of the window is drawn where it shows something else, and only there: what a key, a chunk of rows and the
//! clock cost is counted.

use std::sync::Arc;
use std::time::Duration;

use gpui::test::TestWindowExt as _;
use tusk::{
    base::ids::QueryId, effect::Effect, rows::Column, settings::Settings, story::Stage as _,
    update::query, view::shell::panes::Region,
};

use super::{Tried, begin, connected, dark, rows};

/// How often each region was told of another part, and drawn; those that were neither are left out.
type Counts = Vec<(Region, u64, u64)>;

impl Tried {
    /// What something costs that happens now, with all that comes of it.
    fn cost(&mut self, act: impl FnOnce(&mut Self)) -> Counts {
        self.stage.draw();
        while self.stage.turn().is_some() {}
        self.stage.draw();
        let before = self.stage.region_counts();
        act(self);
        while self.stage.turn().is_some() {}
        let after = self.stage.region_counts().into_iter();
        let cost =
            after.zip(before).map(|((region, told, drawn), (_, told_before, drawn_before))| {
                (region, told - told_before, drawn - drawn_before)
            });
        cost.filter(|(_, told, drawn)| *told + *drawn > 0).collect()
    }

    /// What is on screen, and what is after all of it was drawn anew.
    #[track_caller]
    pub(super) fn compare_anew(&mut self, what: &str) {
        let offscreen = self.stage.offscreen();
        let drawn = offscreen.painted().expect("a picture");
        offscreen.update(|window, cx| window.render_frame(cx)).expect("a window");
        let anew = offscreen.painted().expect("a picture");
        // Of all the bytes only the first that differs is worth printing.
        let same = drawn.as_raw() == anew.as_raw();
        let mut pixels =
            drawn.enumerate_pixels().filter(|(x, y, one)| anew.get_pixel(*x, *y) != *one);
        let first = if same { None } else { pixels.next() };
        assert_eq!(first.map(|(x, y, _)| (x, y)), None, "after {what}");
    }

    fn run_for_ever(&mut self) -> QueryId {
        self.stage.type_text("select pg_sleep(1e9)");
        self.stage.press("ctrl-enter");
        let heard = self.heard.borrow();
        let run = heard.iter().rev().find_map(|effect| match effect {
            Effect::Query(query::Effect::Run { query, .. }) => Some(*query),
            _ => None,
        });
        run.expect("a statement that runs")
    }
}

#[test]
fn a_key_draws_the_editor_and_the_place_of_the_cursor() {
    let mut tried = connected(dark());
    tried.stage.type_text("select");
    let cost = tried.cost(|tried| tried.stage.keystroke("x").expect("a key"));
    // The widget draws what was typed, and then the statement that would run.
    assert_eq!(cost, [(Region::Editor, 0, 2), (Region::StatusBar, 1, 1)]);
}

#[test]
fn a_chunk_of_rows_draws_the_rows_and_what_counts_them() {
    let mut tried = connected(dark());
    let query = tried.run_for_ever();
    let columns = ["id", "name", "price"].map(|name| Column::new(name, 25, -1)).to_vec();
    tried.outbox.send(query::Msg::Described { query, columns }.into()).unwrap();
    let chunk = Arc::new(rows(200).finish());
    let arrived = query::Msg::RowsArrived { query, chunk };
    tried.outbox.send(arrived.clone().into()).unwrap();
    let cost = tried.cost(|tried| tried.outbox.send(arrived.into()).unwrap());
    assert_eq!(cost, [(Region::ResultsBar, 1, 1), (Region::Body, 1, 1), (Region::StatusBar, 1, 1)]);
}

#[test]
fn the_clock_draws_what_runs_with_it() {
    let mut tried = connected(dark());
    tried.run_for_ever();
    let cost = tried.cost(|tried| tried.stage.tick(Duration::from_millis(3_400)));
    assert_eq!(
        cost,
        [
            (Region::Tabs, 1, 1),
            (Region::ResultsBar, 1, 1),
            (Region::Body, 1, 1),
            (Region::StatusBar, 1, 1),
        ]
    );
}

#[test]
fn what_shows_the_same_is_not_drawn() {
    let mut tried = connected(dark());
    tried.run_for_ever();
    let later = Duration::from_millis(3_400);
    tried.stage.tick(later);
    let cost = tried.cost(|tried| tried.stage.tick(later));
    assert_eq!(cost, []);
}

#[test]
fn what_is_taken_from_the_frame_before_is_what_would_be_drawn() {
    let mut tried = begin(Settings { window: (720, 480), ..dark() });
    tried.compare_anew("the welcome screen");
    tried.stage.press("tab");
    tried.stage.type_text("postgres://ann@db.example/shop");
    tried.compare_anew("a URL that was typed");
    tried.stage.press("enter");
    let steps = [
        "ctrl-enter ctrl-a",
        "f6 down shift-right",
        "ctrl-right",
        "ctrl-3",
        "ctrl-1",
        "f6 ctrl-f",
        "escape",
        "ctrl-shift-p",
        "down",
        "escape",
        "ctrl-r",
        "escape",
        "ctrl-n",
        "ctrl-b",
        "ctrl-b",
        "ctrl-=",
        "ctrl-0 down",
        "ctrl-1",
    ];
    tried.stage.type_text("select * from products");
    tried.compare_anew("a statement");
    for step in steps {
        tried.stage.press(step);
        tried.compare_anew(step);
    }
    tried.run_for_ever();
    tried.compare_anew("a statement that runs");
    tried.stage.tick(Duration::from_millis(3_400));
    tried.compare_anew("and goes on");
    tried.stage.press("ctrl-.");
    tried.compare_anew("and is cancelled");
}
