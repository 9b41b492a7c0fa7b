//! `dump screen` prints what the window shows from left to right too: the columns of a grid, the letters of a line, the
//! tabs; and of messages, of the welcome screen and of a form what is in sight.

use std::ops::Range;

use super::{
    generated::{Random, seed},
    typing::{drawn, is_long},
    *,
};
use gpui::{Bounds, Pixels, ScrollDelta, SharedString, point, px};
use tusk::{
    base::ids::Ids,
    screen::{Dialog, Main},
    update::{keeping::SavedConnection, query::run::Session},
};

/// So near to an edge it is a matter of rounding what is in sight.
const NEAR: f32 = 3.0;

impl Tried {
    fn scroll(&mut self, id: &'static str, along: f32, down: f32) {
        let delta = ScrollDelta::Pixels(point(px(along), px(down)));
        self.act(|window, cx| window.scroll(id, delta, cx));
        self.stage.pump(Duration::ZERO);
    }

    fn scale(&mut self) -> f32 {
        self.stage.read(|model| model.cx.settings.zoom_percent) as f32 / 100.0
    }

    fn random_size(&mut self, random: &mut Random) {
        if random.chance(25) {
            let (width, height) = (640 + random.below(900), 420 + random.below(500));
            self.stage.resize(width as u32, height as u32);
        }
        if random.chance(20) {
            self.stage.press(["ctrl-+", "ctrl--"][random.below(2)]);
        }
    }

    /// The names of the columns that the dump prints: the line under the results' tabs.
    fn printed_columns(&mut self) -> String {
        let dump = self.stage.screen();
        let mut lines = dump.lines().skip_while(|line| !line.contains("  Messages "));
        lines.nth(1).expect("names").to_owned()
    }

    fn compare_columns(&mut self, what: &str) {
        let zoom = self.scale();
        let grid = drawn(self, "grid").expect("a grid");
        let active = drawn(self, "active-cell").expect("an active cell");
        let (column, widths) = self.stage.read(|model| {
            let result = model.pages.active().and_then(|tab| tab.results.visible());
            let grid = &result.expect("a result").grid;
            (grid.active.column, grid.widths.clone())
        });
        // Up to three digits fit in the least width that the numbers of rows have.
        let area = grid.left().as_f32() + 56.0 * zoom..grid.right().as_f32();
        let before: u32 = widths[..column].iter().sum();
        let mut left = active.left().as_f32() - before as f32 * zoom;
        let printed = self.printed_columns();
        for (at, width) in widths.iter().enumerate() {
            let right = left + *width as f32 * zoom;
            // The name stands at the column's left edge: ten letters of it are seen, or none.
            let name = left + 11.0 * zoom..left + 11.0 * zoom + 7.5 * zoom * NAME as f32;
            let whole = name.start > area.start + NEAR && name.end < area.end - NEAR;
            let gone = right < area.start - NEAR || left > area.end + NEAR;
            let is_printed = printed.contains(&name_of(at));
            assert!(
                (is_printed || !whole) && !(is_printed && gone),
                "{what}: column {at} at {left}..{right} in {area:?}\n{printed}"
            );
            left = right;
        }
    }

    fn compare_letters(&mut self, what: &str) {
        let zoom = self.scale();
        let (caret, area) = self.stage.caret().expect("a cursor");
        let (line, head, lines) = self.stage.read(|model| {
            let buffer = &model.pages.active().expect("a tab").editor.buffer;
            let (text, head) = (buffer.text(), buffer.head());
            let line = text.line_of(head);
            let before = text.slice(text.line_range(line).start..head);
            (line, before.chars().count(), text.lines())
        });
        let letter = 7.5 * zoom;
        let digits = lines.to_string().len().max(3) as f32;
        let area = area.left().as_f32() + 38.0 + digits * letter..area.right().as_f32();
        let dump = self.stage.screen();
        let start = format!("{:>4} ", line + 1);
        let printed = dump.lines().find(|printed| {
            let rest = printed.strip_prefix(&start);
            rest.is_some_and(|rest| rest.contains("¶"))
        });
        let printed = printed.unwrap_or_else(|| panic!("{what}: no line {}\n{dump}", line + 1));
        for number in 0..40 {
            let word = word_of(number);
            // Where each of its letters stands.
            let left = caret.left().as_f32() + (number as f32 * 10.0 - head as f32) * letter;
            let right = left + 10.0 * letter;
            let whole = left > area.start + NEAR && right < area.end - NEAR;
            let gone = right < area.start - NEAR || left > area.end + NEAR;
            let is_printed = printed.contains(word.trim());
            assert!(
                (is_printed || !whole) && !(is_printed && gone),
                "{what}: {word} at {left}..{right} in {area:?}\n{printed}"
            );
        }
    }

    fn compare_tabs(&mut self, what: &str) {
        let area = drawn(self, "tabs-scroll").expect("tabs");
        let tabs = self.stage.read(|model| {
            let Main::Work(work) = tusk::screen::screen(model, model.cx.now).main else {
                unreachable!("there are tabs");
            };
            work.tabs
        });
        let dump = self.stage.screen();
        let row = dump.lines().find(|line| line.ends_with("| +"));
        let row = row.unwrap_or_else(|| panic!("{what}: no tabs\n{dump}"));
        let row = row.replace(['[', ']'], "");
        let printed: Vec<&str> = row.split(" | ").collect();
        for tab in tabs {
            let id = SharedString::from(format!("tab-{}", tab.id));
            let bounds = drawn(self, id).expect("a tab");
            let area = area.left().as_f32()..area.right().as_f32();
            let Some(is_seen) = is_inside(bounds.center().x.as_f32(), &area) else {
                continue;
            };
            assert_eq!(
                printed.contains(&tab.label.as_str()),
                is_seen,
                "{what}: {} at {bounds:?} in {area:?}\n{row}",
                tab.label
            );
        }
    }
}

/// Whether a place is inside; nothing where that is a matter of rounding.
fn is_inside(place: f32, area: &Range<f32>) -> Option<bool> {
    let nearest = (place - area.start).abs().min((place - area.end).abs());
    (nearest > NEAR).then(|| area.contains(&place))
}

fn middle_is_inside(bounds: Bounds<Pixels>, area: Bounds<Pixels>) -> Option<bool> {
    let area = area.top().as_f32()..area.bottom().as_f32();
    is_inside(bounds.center().y.as_f32(), &area)
}

/// Letters of a column's name.
const NAME: usize = 7;

fn name_of(column: usize) -> String {
    format!("col_{column:03}")
}

fn word_of(number: usize) -> String {
    format!("¶{number:03}_five ")
}

/// A result of so many columns, some of them wide.
fn wide(columns: usize, random: &mut Random) -> (Vec<Column>, ChunkBuilder) {
    let described = (0..columns).map(|at| Column::new(name_of(at), [20, 25][at % 2], -1));
    let described = described.collect();
    let mut builder = ChunkBuilder::new(columns);
    for row in 0..9 {
        let mut body = (columns as u16).to_be_bytes().to_vec();
        for at in 0..columns {
            let text =
                if at % 2 == 0 { format!("{row}{at}") } else { "x".repeat(random.below(40)) };
            body.extend((text.len() as i32).to_be_bytes());
            body.extend(text.into_bytes());
        }
        builder.push_data_row(&body).expect("a whole row");
    }
    (described, builder)
}

#[test]
fn a_dump_has_the_columns_that_the_window_shows() {
    let mut random = Random::new(seed());
    for window in 0..if is_long() { 20 } else { 2 } {
        let mut tried = connected(dark());
        tried.stage.type_text("select pg_sleep(1)");
        tried.stage.press("ctrl-enter");
        let query = tried.stage.read(|model| {
            let tab = model.pages.active().expect("a tab");
            tab.results.list.last().expect("a result").query
        });
        let (columns, mut rows) = wide(3 + random.below(25), &mut random);
        tried.stage.send(query::Msg::Described { query, columns }.into());
        let chunk = Arc::new(rows.finish());
        tried.stage.send(query::Msg::RowsArrived { query, chunk }.into());
        tried.stage.press("f6");
        for round in 0..if is_long() { 60 } else { 12 } {
            tried.random_size(&mut random);
            match random.below(3) {
                0 => tried.scroll("grid", [-500.0, -70.0, 33.0, 300.0][random.below(4)], 0.0),
                _ => tried
                    .stage
                    .press(["right right", "left", "end", "home", "right"][random.below(5)]),
            }
            tried.stage.pump(Duration::ZERO);
            tried.compare_columns(&format!("window {window}, round {round}"));
        }
    }
}

#[test]
fn a_dump_has_the_letters_that_the_window_shows() {
    let mut random = Random::new(seed());
    let mut tried = connected(dark());
    let line: String = (0..40).map(word_of).collect();
    tried.stage.replace_text(&[line.as_str(); 3].join("\n"));
    tried.stage.press("ctrl-home");
    for round in 0..if is_long() { 200 } else { 20 } {
        tried.random_size(&mut random);
        match random.below(3) {
            0 => tried.scroll("editor", [-500.0, -70.0, 33.0, 300.0][random.below(4)], 0.0),
            _ => tried.stage.press(
                ["ctrl-right ctrl-right ctrl-right", "end", "home", "left", "down"]
                    [random.below(5)],
            ),
        }
        tried.stage.pump(Duration::ZERO);
        tried.compare_letters(&format!("round {round}"));
    }
}

#[test]
fn a_dump_has_the_tabs_that_the_window_shows() {
    let mut random = Random::new(seed());
    let mut tried = connected(dark());
    for round in 0..if is_long() { 100 } else { 25 } {
        tried.random_size(&mut random);
        match random.below(4) {
            0 | 1 => {
                tried.stage.press("ctrl-n");
                let words = "a tab with a name ".repeat(1 + random.below(2));
                tried.stage.type_text(&format!("-- {round} {}", words.trim()));
            }
            2 => tried.scroll("tabs-scroll", [-400.0, -60.0, 60.0, 500.0][random.below(4)], 0.0),
            _ => tried.stage.press(["ctrl-tab", "ctrl-shift-tab"][random.below(2)]),
        }
        tried.stage.pump(Duration::ZERO);
        tried.compare_tabs(&format!("round {round}"));
    }
}

#[test]
fn a_dump_has_the_rows_of_the_welcome_screen_that_the_window_shows() {
    let mut random = Random::new(seed());
    let mut ids = Ids::seeded(5);
    let saved = |at: usize| SavedConnection {
        id: ConnectionId::next(&mut ids),
        config: tusk::conninfo::Config {
            name: format!("base {at:02}"),
            host: "db.example".into(),
            ..Default::default()
        },
        last_used_us: None,
    };
    let connections = (0..20).map(saved).collect();
    let mut tried = begin_with(Kept { connections, settings: dark(), ..nothing_kept() });
    for round in 0..if is_long() { 60 } else { 12 } {
        tried.random_size(&mut random);
        tried.scroll("welcome", 0.0, [-300.0, -40.0, 40.0, 700.0][random.below(4)]);
        let area = drawn(&mut tried, "welcome").expect("the welcome screen");
        let dump = tried.stage.screen();
        for at in 0..20_usize {
            let row = drawn(&mut tried, ("welcome-row", at)).expect("a row");
            let Some(is_seen) = middle_is_inside(row, area) else {
                continue;
            };
            let is_printed = dump.contains(&format!("base {at:02}"));
            assert_eq!(is_printed, is_seen, "round {round}: row {at} {row:?}\n{dump}");
        }
    }
}

#[test]
fn a_dump_has_the_fields_that_a_low_window_shows() {
    let mut random = Random::new(seed());
    let mut tried = begin(dark());
    tried.stage.press("ctrl-shift-n");
    for round in 0..if is_long() { 100 } else { 20 } {
        tried.random_size(&mut random);
        match random.below(2) {
            0 => tried.scroll("connection-form", 0.0, [-200.0, 90.0][random.below(2)]),
            _ => tried.stage.press(["tab", "shift-tab"][random.below(2)]),
        }
        tried.stage.pump(Duration::ZERO);
        let area = drawn(&mut tried, "connection-form").expect("a form");
        let fields =
            tried.stage.read(|model| match tusk::screen::screen(model, model.cx.now).dialog {
                Some(Dialog::Connection(form)) => form.fields,
                other => unreachable!("{other:?}"),
            });
        let dump = tried.stage.screen();
        let mut compared = 0;
        for field in fields {
            let Some(place) = drawn(&mut tried, ("field", field.index)) else {
                continue;
            };
            let Some(is_seen) = middle_is_inside(place, area) else {
                continue;
            };
            compared += 1;
            let start = [" ", ">"].map(|mark| format!("{mark} {:<18} ", field.label));
            let is_printed =
                dump.lines().any(|line| start.iter().any(|start| line.starts_with(start)));
            assert_eq!(
                is_printed, is_seen,
                "round {round}: {} {place:?} in {area:?}\n{dump}",
                field.label
            );
        }
        assert!(compared > 3, "{compared}");
    }
}

#[test]
fn a_dump_has_the_messages_that_the_window_shows() {
    let mut random = Random::new(seed());
    let mut tried = connected(dark());
    tried.stage.type_text("select pg_sleep(1)");
    tried.stage.press("ctrl-enter");
    let session = tried.stage.read(|model| {
        let tab = model.pages.active().expect("a tab");
        match &tab.session {
            Session::Live(live) => live.id,
            other => unreachable!("{other:?}"),
        }
    });
    for at in 0..30 {
        let lines = " and a word".repeat(1 + random.below(30));
        let failure = Failure {
            severity: "NOTICE".into(),
            ..Failure::new(Category::Query, format!("notice {at:02}{lines}"))
        };
        tried
            .stage
            .send(session::Msg::Noticed { session, query: None, notice: Box::new(failure) }.into());
    }
    tried.stage.press("ctrl-3");
    for round in 0..if is_long() { 100 } else { 20 } {
        tried.random_size(&mut random);
        match random.below(2) {
            0 => tried.scroll("messages-pane", 0.0, [-200.0, -30.0, 90.0, 400.0][random.below(4)]),
            _ => tried.stage.press(["up", "down", "pageup", "pagedown", "home"][random.below(5)]),
        }
        tried.stage.pump(Duration::ZERO);
        let area = drawn(&mut tried, "messages-pane").expect("messages");
        let dump = tried.stage.screen();
        for at in 0..30_usize {
            let is_printed = dump.contains(&format!("notice {at:02}"));
            let is_seen = match drawn(&mut tried, ("message", at)) {
                Some(place) if place.size.height < area.size.height => {
                    middle_is_inside(place, area)
                }
                Some(_) => None,
                None => Some(false),
            };
            if let Some(is_seen) = is_seen {
                assert_eq!(is_printed, is_seen, "round {round}: notice {at}\n{dump}");
            }
        }
    }
}
