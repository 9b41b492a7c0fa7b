//! `dump screen` prints what the window shows, and nothing else of it: the lines of the editor, the rows of the sidebar
//! and of a list in a dialog, wherever they are scrolled to and however large the window is.

use std::ops::Range;
use tusk::update::files;

use super::{
    generated::{Random, seed},
    typing::{drawn, is_long, kept_run},
    *,
};
use gpui::{Bounds, Pixels, ScrollDelta, point, px};
use tusk::{
    base::ids::Ids,
    model::Model,
    screen::{Dialog, Main, SidebarRowKind},
    story::screen_text,
    update::keeping::SavedConnection,
};

/// A window over so many connections, in groups, and so many runs that were kept.
fn with(connections: usize, runs: usize, random: &mut Random) -> Tried {
    let mut ids = Ids::seeded(5);
    let saved = |at: usize| SavedConnection {
        id: ConnectionId::next(&mut ids),
        config: tusk::conninfo::Config {
            name: format!("base {at}"),
            host: "db.example".into(),
            group: ["", "north", "south"][at % 3].into(),
            ..Default::default()
        },
        last_used_us: None,
    };
    let lines =
        |random: &mut Random| "from a_table_with_a_name where a > b\n".repeat(random.below(20));
    let kept = Kept {
        opened: Opened::OnDisk,
        connections: (0..connections).map(saved).collect(),
        tabs: vec![],
        closed: vec![],
        history: (0..runs)
            .map(|at| kept_run((runs - at) as i64, &format!("select {at}\n{}", lines(random))))
            .collect(),
        settings: Settings {
            editor_percent: 10 + random.below(75) as u32,
            sidebar_width: 160 + random.below(300) as u32,
            ..dark()
        },
    };
    let mut tried = begin_with(kept);
    tried.stage.type_text("postgres://ann@db.example/shop");
    tried.stage.press("enter ctrl-1");
    tried
}

/// The rows of the dump behind a rule that begins with these words, up to the next rule.
fn section<'dump>(dump: &'dump str, rule: &str) -> Vec<&'dump str> {
    let lines = dump.lines().skip_while(|line| !line.starts_with(rule));
    let rows = lines.skip(1).take_while(|line| !line.starts_with("──"));
    rows.collect()
}

/// How many rows of a list are said to be out of sight on a side, and the rows that are in sight.
fn counted<'dump>(rows: &[&'dump str]) -> (usize, Vec<&'dump str>, usize) {
    let count = |side: &str| {
        let said = rows.iter().find_map(|row| {
            let said = row.trim().strip_prefix("… ")?.strip_suffix(side)?;
            said.split(' ').next()?.parse().ok()
        });
        said.unwrap_or(0)
    };
    let others = rows.iter().filter(|row| !row.trim().starts_with("… "));
    (count(" above"), others.copied().collect(), count(" below"))
}

/// Whether at least half of a row lies within a place; nothing where that is a matter of rounding.
fn is_seen(row: Bounds<Pixels>, place: &Range<f32>) -> Option<bool> {
    let middle = row.center().y.as_f32();
    let nearest = (middle - place.start).abs().min((middle - place.end).abs());
    (nearest > 1.0).then(|| place.contains(&middle))
}

fn height(place: Bounds<Pixels>) -> Range<f32> {
    place.top().as_f32()..place.bottom().as_f32()
}

impl Tried {
    fn zoom(&mut self) -> f32 {
        let percent = self.stage.read(|model| model.cx.settings.zoom_percent);
        percent as f32 / 100.0
    }

    /// The lines of the editor that were drawn, by where its cursor was.
    fn compare_editor(&mut self, what: &str) {
        // There words stand in the place of a text.
        if self.text().is_empty() {
            return;
        }
        let place = height(drawn(self, "editor").expect("the editor"));
        let (caret, _) = self.stage.caret().expect("a cursor");
        let (cursor, count) = self.stage.read(|model| {
            let buffer = &model.pages.active().expect("a tab").editor.buffer;
            (buffer.text().line_of(buffer.head()), buffer.text().lines())
        });
        // A line is whole pixels high.
        let line_height = (22.0 * self.zoom()).round();
        let dump = self.stage.screen();
        let mut rows = section(&dump, "── Run");
        // A search over the text is not of it.
        rows.retain(|row| {
            let first = row.split_whitespace().next();
            first.is_some_and(|first| first == "…" || first.parse::<usize>().is_ok())
        });
        let (above, rows, below) = counted(&rows);
        let is_printed = |line: usize| {
            let number = (line + 1).to_string();
            let mut printed = rows.iter().map(|row| row.split_whitespace().next());
            printed.any(|first| first == Some(&number))
        };
        assert_eq!(above + rows.len() + below, count, "{what}: lines\n{dump}");
        for line in 0..count {
            let away = (line as f32 - cursor as f32) * line_height;
            let mut row = caret;
            row.origin.y += px(away);
            let Some(is_seen) = is_seen(row, &place) else {
                continue;
            };
            assert_eq!(is_printed(line), is_seen, "{what}: line {} of {count}\n{dump}", line + 1);
        }
    }

    /// The numbers of the lines are painted, and nothing under the last one.
    fn compare_picture(&mut self, what: &str) {
        self.uncover();
        let lines = self.stage.read(|model| {
            let Main::Work(work) = tusk::screen::screen(model, model.cx.now).main else {
                unreachable!("the editor is shown");
            };
            work.editor.in_sight
        });
        let place = drawn(self, "editor").expect("the editor");
        let (caret, _) = self.stage.caret().expect("a cursor");
        let cursor = self.stage.read(|model| {
            let buffer = &model.pages.active().expect("a tab").editor.buffer;
            buffer.text().line_of(buffer.head())
        });
        let zoom = self.zoom();
        let picture = self.stage.offscreen().picture().expect("a picture");
        let is_painted = |line: usize| {
            let away = (line as f32 - cursor as f32) * (22.0 * zoom).round();
            let middle = caret.center().y.as_f32() + away;
            let rows = (middle - 2.0 * zoom) as u32..(middle + 2.0 * zoom) as u32;
            let left = place.left().as_f32() as u32 + 6;
            let columns = left..left + (40.0 * zoom) as u32;
            let dark = |x: u32, y: u32| {
                let ground = picture.get_pixel(left, y).0;
                let pixel = picture.get_pixel(x, y).0;
                pixel.iter().zip(ground).any(|(one, other)| one.abs_diff(other) > 40)
            };
            let mut rows = rows.filter(|y| *y < picture.height());
            rows.any(|y| columns.clone().any(|x| dark(x, y)))
        };
        for line in lines.clone() {
            assert!(is_painted(line), "{what}: line {} is not painted", line + 1);
        }
    }

    /// The rows of the sidebar that can be pressed and were drawn.
    fn compare_sidebar(&mut self, what: &str) {
        let Some(all) = drawn(self, "sidebar-grip") else {
            return;
        };
        let mut place = height(all);
        if let Some(preview) = drawn(self, "sidebar-preview") {
            place.end = preview.top().as_f32() - 8.0 * self.zoom();
        }
        let known = self.stage.read(|model| {
            let Main::Work(work) = tusk::screen::screen(model, model.cx.now).main else {
                unreachable!("the sidebar is shown");
            };
            work.sidebar.expect("a sidebar")
        });
        if let Some(shown) = &known.preview {
            self.compare_preview("sidebar-preview", &shown.text, what);
        }
        let known = known.rows;
        let dump = self.stage.screen();
        let rows = section(&dump, "── sidebar");
        let (above, rows, below) = counted(&rows);
        assert_eq!(above + rows.len() + below, known.len(), "{what}: rows\n{dump}");
        let printed = above..above + rows.len();
        for (at, row) in known.iter().enumerate() {
            if printed.contains(&at) {
                let line = rows[at - above].to_lowercase();
                assert!(line.contains(&row.label.to_lowercase()), "{what}: {line}");
            }
            if matches!(row.kind, SidebarRowKind::Heading | SidebarRowKind::Empty) {
                continue;
            }
            let row = drawn(self, ("sidebar-row", at));
            let is_seen = row.map_or(Some(false), |row| is_seen(row, &place));
            let Some(is_seen) = is_seen else { continue };
            assert_eq!(
                printed.contains(&at),
                is_seen,
                "{what}: row {at}, {row:?}, {place:?}\n{dump}"
            );
        }
    }

    /// The rows of the dialog's list that were drawn.
    fn compare_dialog(&mut self, what: &str) {
        let place = drawn(self, "picker-rows").map_or(0.0..0.0, height);
        let (title, known, preview) =
            self.stage.read(|model| match tusk::screen::screen(model, model.cx.now).dialog {
                Some(Dialog::Picker(picker)) => {
                    let typed = &picker.field;
                    let title = [&typed.text, &typed.placeholder];
                    let title = title.into_iter().find(|text| !text.is_empty()).cloned();
                    (title.unwrap_or_default(), picker.rows, picker.preview.map(|shown| shown.text))
                }
                other => unreachable!("{other:?}"),
            });
        if known.is_empty() {
            return;
        }
        let dump = self.stage.screen();
        let rows = section(&dump, &format!("── [ {title} ]"));
        let notes = ["Focus:", "  The first", "! "];
        let end = rows.iter().position(|row| notes.iter().any(|note| row.starts_with(note)));
        let (above, rows, below) = counted(&rows[..end.unwrap_or(rows.len())]);
        assert_eq!(above + rows.len() + below, known.len(), "{what}: rows of {title}\n{dump}");
        let printed = above..above + rows.len();
        for (at, row) in known.iter().enumerate() {
            if printed.contains(&at) {
                assert!(rows[at - above].contains(&row.title), "{what}: {}", row.title);
            }
            let row = drawn(self, ("picker-row", at));
            let is_seen = row.map_or(Some(false), |row| is_seen(row, &place));
            let Some(is_seen) = is_seen else { continue };
            assert_eq!(
                printed.contains(&at),
                is_seen,
                "{what}: row {at} of {title}, {row:?}, {place:?}\n{dump}"
            );
        }
        if let Some(text) = preview {
            self.compare_preview("run-preview", &text, what);
        }
    }

    /// All rows of a run that is shown are in sight, with no others under them.
    fn compare_preview(&mut self, id: &'static str, text: &str, what: &str) {
        let place = drawn(self, id).expect("a run");
        let rows = text.lines().count() as f32;
        // A row is whole pixels high.
        let expected = rows * 19.0 * self.zoom();
        let height = place.size.height.as_f32();
        assert!(
            (height - expected).abs() < 0.5 * rows + 1.0,
            "{what}: {id} of {rows} rows is {height} high"
        );
        let window = self.stage.read(|model| model.cx.settings.window.1) as f32;
        assert!(place.bottom().as_f32() <= window, "{what}: {id} is at {place:?}");
    }

    fn wheel(&mut self, id: impl Into<gpui::ElementId>, by: f32) {
        let id = id.into();
        let delta = ScrollDelta::Pixels(point(px(0.0), px(by)));
        self.act(|window, cx| window.scroll(id, delta, cx));
    }
}

/// Random moves in each list, in windows of several sizes.
#[test]
fn a_dump_has_the_rows_that_the_window_shows() {
    let mut random = Random::new(seed());
    let (windows, rounds) = if is_long() { (40, 60) } else { (3, 8) };
    for window in 0..windows {
        let (connections, runs) = (random.below(30), random.below(120));
        let mut tried = with(connections, runs, &mut random);
        let text: Vec<String> = (1..=80).map(|line| format!("-- {line}.")).collect();
        tried.stage.replace_text(&text.join("\n"));
        for round in 0..rounds {
            let mut what = format!("window {window}, round {round}");
            if random.chance(30) {
                let (width, height) = (640 + random.below(1_000), 400 + random.below(700));
                tried.stage.resize(width as u32, height as u32);
                what += &format!(", {width} x {height}");
            }
            if random.chance(20) {
                tried.stage.press(["ctrl-+", "ctrl--"][random.below(2)]);
            }
            what += &format!(", at {}, ", tried.zoom());
            what += &tried.moved(&mut random, true);
            tried.compare(&what);
            if round == 0 {
                tried.compare_picture(&what);
            }
        }
    }
}

impl Tried {
    /// Does something to one of the lists.
    fn moved(&mut self, random: &mut Random, wheel: bool) -> String {
        let keys = [
            "down",
            "up",
            "pagedown",
            "pageup",
            "down down down",
            "up up up",
            "end",
            "home",
            "ctrl-right ctrl-right ctrl-right",
        ];
        let key = *random.pick(&keys);
        let by = [-700.0, -90.0, -13.0, 13.0, 250.0][random.below(5)];
        let is_wheel = wheel && random.chance(60);
        match random.below(4) {
            0 => {
                self.uncover();
                self.stage.press("ctrl-1");
                match random.below(6) {
                    0 => {
                        let count = 1 + random.below(300);
                        let line = |line| {
                            let words = " word".repeat([0, 3, random.below(80)][line % 3]);
                            format!("-- {line}.{words}")
                        };
                        let text: Vec<String> = (1..=count).map(line).collect();
                        self.stage.replace_text(&text.join("\n"));
                        if !wheel {
                            // The kit scrolls to a text's end by what was drawn before it.
                            self.stage.press("ctrl-home");
                        }
                        return format!("a text of {count} lines");
                    }
                    1 => self.stage.press("ctrl-home"),
                    2 => self.stage.press("ctrl-end enter"),
                    3 if is_wheel => self.stage.press("ctrl-f"),
                    _ if is_wheel => self.wheel("editor", by),
                    _ => self.stage.press(key),
                }
                format!("editor, {key}, wheel {is_wheel} {by}")
            }
            1 => {
                self.uncover();
                self.stage.press("ctrl-0");
                if is_wheel {
                    self.wheel("sidebar-grip", by);
                } else {
                    self.stage.press(key);
                }
                format!("sidebar, {key}, wheel {is_wheel} {by}")
            }
            which => {
                let is_list = self.stage.read(|model| model.dialog.is_some());
                if !is_list || random.chance(30) {
                    self.uncover();
                    self.stage.press(if which == 2 { "ctrl-shift-p" } else { "ctrl-r" });
                    self.found();
                }
                if random.chance(20) {
                    self.stage.type_text(["a", "t", "se"][random.below(3)]);
                }
                if is_wheel && drawn(self, "picker-rows").is_some() {
                    self.wheel("picker-rows", by);
                } else {
                    self.stage.press(key);
                }
                format!("dialog, {key}, wheel {is_wheel} {by}")
            }
        }
    }

    /// The store answers a search over the runs with all that it has.
    fn found(&mut self) {
        let (request, found) = self.stage.read(|model| {
            let found: Vec<_> = model.history.recent.iter().cloned().collect();
            (model.history.searching, found)
        });
        if let Some(request) = request {
            let entries = Ok(found);
            let msg = keeping::Msg::HistoryFound { request, entries };
            self.stage.send(msg.into());
        }
    }

    /// What is on screen against what is written of it.
    fn compare(&mut self, what: &str) {
        self.stage.pump(Duration::ZERO);
        self.compare_editor(what);
        self.compare_sidebar(what);
        let is_list = self.stage.read(|model| model.dialog.is_some());
        if is_list {
            self.compare_dialog(what);
        }
    }
}

/// What a window was told and did is told to a Model that has none.
fn told(tried: &mut Tried, alone: &mut Model) {
    for msg in tried.stage.watched() {
        if !matches!(msg, Msg::Sight(_)) {
            let at = alone.cx.now;
            tusk::update::update(alone, at, msg);
        }
    }
}

/// The same keys without a window, in the room that a window of that size has: the same is written.
#[test]
fn a_dump_without_a_window_has_the_rows_that_a_window_would_show() {
    let mut random = Random::new(seed());
    let (windows, rounds) = if is_long() { (20, 80) } else { (2, 20) };
    for window in 0..windows {
        let (connections, runs) = (random.below(30), random.below(120));
        let mut tried = with(connections, runs, &mut random);
        let mut alone = tried.stage.read(Model::clone);
        alone.sights = Default::default();
        if let Some(tab) = alone.pages.active_mut() {
            tab.editor.sight = Default::default();
            tab.editor.letters = Default::default();
        }
        for round in 0..rounds {
            tried.stage.watch();
            let mut what = format!("window {window}, round {round}, ");
            if random.chance(20) {
                let (width, height) = (640 + random.below(1_000), 400 + random.below(700));
                tried.stage.resize(width as u32, height as u32);
                what += &format!("{width} x {height}, ");
            }
            what += &tried.moved(&mut random, false);
            tried.stage.pump(Duration::ZERO);
            told(&mut tried, &mut alone);
            let [mut shown, mut written] = [tried.stage.screen(), screen_text(&alone)];
            // Which half of a row is in sight can be a matter of rounding, in windows of one size.
            for _ in 0..2 {
                if shown != written {
                    let (width, height) = tried.stage.read(|model| model.cx.settings.window);
                    tried.stage.watch();
                    tried.stage.resize(width + 3, height + 5);
                    tried.stage.pump(Duration::ZERO);
                    told(&mut tried, &mut alone);
                    [shown, written] = [tried.stage.screen(), screen_text(&alone)];
                }
            }
            assert_eq!(shown, written, "{what}\n{shown}\n{written}");
        }
    }
}

#[test]
fn an_entry_of_a_directory_that_is_chosen_is_in_sight() {
    let mut tried = connected(dark());
    tried.stage.press("ctrl-o");
    let request = tried.stage.read(|model| match &model.dialog {
        Some(tusk::update::shell::dialog::Dialog::Files(files::Dialog::Path(prompt))) => {
            prompt.listing
        }
        other => unreachable!("{other:?}"),
    });
    let entries = (0..60)
        .map(|at| files::DirectoryEntry { name: format!("file {at:02}.sql"), directory: false });
    let msg = files::Msg::Listed {
        request: request.expect("a listing"),
        directory: "/home/ann".into(),
        result: Ok(entries.collect()),
    };
    tried.stage.send(msg.into());
    for press in 0..45 {
        tried.stage.press("down");
        tried.stage.pump(Duration::ZERO);
        let row =
            tried.stage.read(|model| match tusk::screen::screen(model, model.cx.now).dialog {
                Some(Dialog::Path(prompt)) => {
                    prompt.selected.map(|row| row.saturating_sub(prompt.first))
                }
                other => unreachable!("{other:?}"),
            });
        let Some(row) = row else { continue };
        let place = height(drawn(&mut tried, "path-rows").expect("the entries"));
        let dump = tried.stage.screen();
        for row in 0..60_usize {
            let drawn = drawn(&mut tried, ("path-row", row));
            let Some(is_seen) = drawn.map_or(Some(false), |drawn| is_seen(drawn, &place)) else {
                continue;
            };
            let is_printed = dump.contains(&format!("file {row:02}.sql"));
            assert_eq!(is_printed, is_seen, "after {press} presses: row {row}\n{dump}");
        }
        let window = tried.stage.offscreen();
        let is_seen = window.update(|window, _| window.find(("path-row", row)).visible());
        assert!(is_seen.expect("an open window"), "after {press} presses: row {row}");
    }
}
