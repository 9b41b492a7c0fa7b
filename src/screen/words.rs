//! How numbers, times, texts and keys are written on screen, in one place.

use super::{Action, Span, Tone};
use crate::{
    base::stamp::Stamp,
    model::Model,
    rows::show::display,
    sql::read::lex,
    update::{
        connection::reconnecting::{PAUSES_MS, Reconnecting, Step},
        query::page::Page,
        shell::{command::Command, keymap},
    },
};
use std::time::Duration;

/// Between parts of a line.
pub const DOT: &str = " · ";
/// Keys that work wherever no dialog is open.
pub const GLOBAL: &[&str] = &["global"];
/// Keys of the editor.
pub const EDITOR: &[&str] = &["editor", "global"];
/// Keys of the search over the editor.
pub const FIND: &[&str] = &["find", "global"];
/// Keys of the sidebar.
pub const SIDEBAR: &[&str] = &["sidebar", "global"];
/// Keys of the results.
pub const RESULTS: &[&str] = &["results", "global"];
/// Keys of a dialog.
pub const DIALOG: &[&str] = &["dialog"];
/// Keys of the list of the welcome screen.
pub const WELCOME: &[&str] = &["welcome", "global"];
/// Keys of the field of the welcome screen.
pub const WELCOME_FIELD: &[&str] = &["welcome-field", "global"];

/// Keys of the settings page.
pub const SETTINGS: &[&str] = &["settings", "global"];

/// So much of a text is looked at to find its first line.
const HEAD_BYTES: usize = 600;
/// A tab's label is at most so long.
const LABEL_CHARACTERS: usize = 40;
const SECOND_US: i64 = 1_000_000;
const MINUTE_US: i64 = 60 * SECOND_US;
const HOUR_US: i64 = 60 * MINUTE_US;
const DAY_US: i64 = 24 * HOUR_US;

impl Span {
    pub fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }

    /// A text beside the point.
    pub fn muted(text: impl Into<String>) -> Self {
        Self::new(text, Tone::Muted)
    }
}

/// A command's key in these contexts, the innermost first, as on a key box. A key that means something else there
/// is none.
pub fn key(model: &Model, contexts: &[&str], command: Command) -> Option<String> {
    let keymap = &model.keymap;
    let of_context = |wanted: &&str| {
        keymap
            .bindings()
            .filter(|(context, key, bound)| {
                context == wanted
                    && *bound == command
                    && keymap.command(contexts, key) == Some(command)
            })
            .map(|(_, key, _)| key)
            .min_by_key(|key| key.len())
    };
    contexts.iter().find_map(of_context).map(keymap::shown)
}

/// A command with its key in these contexts, under its own title.
pub fn action(model: &Model, contexts: &[&str], command: Command) -> Action {
    named(model, contexts, command, command.title())
}

/// A command with its key in these contexts, under a name that fits the place.
pub fn named(model: &Model, contexts: &[&str], command: Command, label: &str) -> Action {
    Action { command, label: label.to_owned(), key: key(model, contexts, command) }
}

/// A time that runs: `00:02.4`, `1:02:03`.
pub fn clock(us: u64) -> String {
    let (seconds, tenths) = (us / 1_000_000, us / 100_000 % 10);
    if seconds < 3_600 {
        format!("{:02}:{:02}.{tenths}", seconds / 60, seconds % 60)
    } else {
        slow_clock(us)
    }
}

/// A time that runs, without tenths: `04:12`, `1:02:03`.
pub fn slow_clock(us: u64) -> String {
    let seconds = us / 1_000_000;
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    match seconds / 3_600 {
        0 => format!("{minutes:02}:{rest:02}"),
        hours => format!("{hours}:{minutes:02}:{rest:02}"),
    }
}

/// What a lost connection is at: `Reconnecting to shop, try 2 of 3 in 3 s`.
pub fn reconnecting(label: &str, reconnecting: &Reconnecting, now: Stamp) -> String {
    let (number, tries) = (reconnecting.number, PAUSES_MS.len());
    let text = format!("Reconnecting to {label}, try {number} of {tries}");
    match reconnecting.step {
        // The last part of a second counts as one, so that no try is "in 0 s".
        Step::Pausing { until, .. } => {
            format!("{text} in {} s", until.us_since(now).div_ceil(1_000_000))
        }
        Step::Trying { since, .. } => format!("{text} {}", slow_clock(now.us_since(since))),
    }
}

/// A time that something took: `38 ms`.
pub fn took(us: u64) -> String {
    display::duration_text(Duration::from_micros(us))
}

/// `1 row`, `1,284,096 rows`.
pub fn rows(count: u64) -> String {
    counted(count, "row")
}

/// A number of things, with separators.
pub fn counted(count: u64, thing: &str) -> String {
    display::counted(count, thing)
}

/// Rows in a second, to three digits: `535,000 rows/s`; nothing before it means anything.
pub fn rate(rows: u64, us: u64) -> Option<String> {
    if us < 500_000 || rows == 0 {
        return None;
    }
    let exact = (u128::from(rows) * 1_000_000 / u128::from(us)) as u64;
    let mut step = 1;
    while exact / step >= 1_000 {
        step *= 10;
    }
    Some(format!("{} rows/s", display::grouped(exact / step * step)))
}

/// When something was, seen from now. Times of day would need the time zone, which the Model does not know.
pub fn ago(now: Stamp, at_us: i64) -> String {
    let since = now.unix_us.saturating_sub(at_us);
    match since {
        ..MINUTE_US => "just now".into(),
        MINUTE_US..HOUR_US => format!("{} min ago", since / MINUTE_US),
        HOUR_US..DAY_US => format!("{} h ago", since / HOUR_US),
        _ if since < 2 * DAY_US => "yesterday".into(),
        _ if since < 31 * DAY_US => format!("{} days ago", since / DAY_US),
        _ => date(at_us),
    }
}

/// A day in UTC: `2026-11-23`.
fn date(at_us: i64) -> String {
    // Days are counted in eras of 400 years that begin on a 1st of March, so that leap days come last.
    let days = at_us.div_euclid(DAY_US) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The first line of a text that is not empty, in one space between words; at most so many characters.
pub fn first_line(text: &str, characters_max: usize) -> String {
    let head = head(text, HEAD_BYTES);
    let line = head.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let whole = head.len() == text.len() && head.trim() == line;
    let mut cut = cut(&words, characters_max);
    if !whole && !cut.ends_with('…') {
        cut.push('…');
    }
    cut
}

/// The first line of a statement, behind the comments in front of it.
pub fn statement_line(sql: &str, characters_max: usize) -> String {
    let first = lex::tokens(sql).find(|token| !token.is_gap());
    let start = first.map_or(0, |token| token.start);
    first_line(sql.get(start..).unwrap_or(sql), characters_max)
}

/// At most so many characters of a text, with `…` behind where there are more. Only those are looked at.
pub fn cut(text: &str, characters_max: usize) -> String {
    match text.char_indices().nth(characters_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// At most so many bytes of a text.
pub fn head(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// What a tab is called. A giant first line is not read whole for it.
pub fn tab_label(tab: &Page) -> String {
    let text = tab.editor.buffer.text();
    let first = text.line_range(0);
    let bounded = !tab.title.is_empty() || tab.editor.file.is_some() || first.len() <= HEAD_BYTES;
    if bounded {
        return cut(&tab.label(), LABEL_CHARACTERS);
    }
    let head = text.slice(0..HEAD_BYTES);
    match head.trim().strip_prefix("--").map(str::trim) {
        Some(comment) if !comment.is_empty() => cut(comment, LABEL_CHARACTERS),
        _ => format!("untitled {}", tab.number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_run_in_tenths_up_to_an_hour() {
        assert_eq!(clock(2_449_999), "00:02.4");
        assert_eq!(clock(75_000_000), "01:15.0");
        assert_eq!(clock(3_723_900_000), "1:02:03");
        assert_eq!(slow_clock(252_900_000), "04:12");
    }

    #[test]
    fn a_rate_has_three_digits_and_waits_half_a_second() {
        assert_eq!(rate(1_284_096, 2_400_000).as_deref(), Some("535,000 rows/s"));
        assert_eq!(rate(7, 2_000_000).as_deref(), Some("3 rows/s"));
        assert_eq!(rate(100, 499_999), None);
    }

    #[test]
    fn the_past_is_told_in_words_and_far_away_as_a_day() {
        let now = Stamp {
            // 2026-11-23 12:00 UTC
            unix_us: 1_795_435_200 * SECOND_US,
            mono_us: 0,
        };
        let before = |us: i64| ago(now, now.unix_us - us);
        assert_eq!(before(59 * SECOND_US), "just now");
        assert_eq!(before(-5 * SECOND_US), "just now");
        assert_eq!(before(2 * MINUTE_US), "2 min ago");
        assert_eq!(before(23 * HOUR_US), "23 h ago");
        assert_eq!(before(25 * HOUR_US), "yesterday");
        assert_eq!(before(3 * DAY_US), "3 days ago");
        assert_eq!(before(40 * DAY_US), "2026-10-14");
        assert_eq!(ago(now, 951_782_400 * SECOND_US), "2000-02-29");
        assert_eq!(ago(now, -SECOND_US), "1969-12-31");
    }

    #[test]
    fn the_first_line_is_the_first_with_words_and_says_when_there_is_more() {
        assert_eq!(first_line("\n  select  1 ", 40), "select 1");
        assert_eq!(first_line("select 1\nfrom t", 40), "select 1…");
        assert_eq!(first_line("select 'äöü'", 9), "select 'ä…");
        assert_eq!(first_line("", 9), "");
        assert_eq!(first_line(&"x".repeat(1_000_000), 5), "xxxxx…");
    }
}
