//! Extracts the settings that have a field of their own from libpq's `options`.

use super::super::print::{READ_ONLY_SETTING, TIMEOUT_SETTING};

/// PostgreSQL's timeouts are signed 32-bit milliseconds.
const TIMEOUT_MS_MAX: f64 = i32::MAX as f64;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// The settings without a field of their own, as written.
    pub(super) rest: String,
    /// `statement_timeout`; 0 for none.
    pub(super) statement_timeout_ms: u32,
    /// `default_transaction_read_only`.
    pub(super) read_only: bool,
}

impl Options {
    /// Parses them. If a setting is there twice, the last one counts, as in the server. A setting that is switched off
    /// stays in the text, because it may override the role's or the database's own.
    pub(super) fn of(text: &str) -> Self {
        let mut timeout = None;
        let mut read_only = None;
        let mut rest: Vec<String> = Vec::new();
        let mut words = words(text).into_iter();
        while let Some(word) = words.next() {
            let (raw, setting) = match word {
                "-c" => match words.next() {
                    Some(setting) => (format!("-c {setting}"), setting),
                    None => (word.to_owned(), ""),
                },
                _ => (word.to_owned(), inline_setting(word)),
            };
            let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
            match name.replace('-', "_").to_ascii_lowercase().as_str() {
                TIMEOUT_SETTING if milliseconds(value).is_some() => timeout = milliseconds(value),
                READ_ONLY_SETTING if switch(value).is_some() => read_only = switch(value),
                _ => rest.push(raw),
            }
        }
        if timeout == Some(0) {
            rest.push(format!("-c {TIMEOUT_SETTING}=0"));
        }
        if read_only == Some(false) {
            rest.push(format!("-c {READ_ONLY_SETTING}=off"));
        }
        Self {
            rest: rest.join(" "),
            statement_timeout_ms: timeout.unwrap_or(0),
            read_only: read_only.unwrap_or(false),
        }
    }
}

/// A switch in any of PostgreSQL's spellings.
pub(super) fn switch(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "on" | "true" | "yes" | "t" | "y" => Some(true),
        "0" | "off" | "false" | "no" | "f" | "n" => Some(false),
        _ => None,
    }
}

/// The words of the text; a blank after a backslash is part of a word.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = None;
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        if character.is_whitespace() {
            words.extend(start.take().map(|start| &text[start..index]));
            continue;
        }
        start = start.or(Some(index));
        if character == '\\' {
            characters.next();
        }
    }
    words.extend(start.map(|start| &text[start..]));
    words
}

/// The setting in `-cname=value` or `--name=value`; empty for any other word.
fn inline_setting(word: &str) -> &str {
    word.strip_prefix("--").or_else(|| word.strip_prefix("-c")).unwrap_or("")
}

/// A time in PostgreSQL's syntax: milliseconds, or a number with a unit.
fn milliseconds(value: &str) -> Option<u32> {
    let unit_start = value.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(value.len());
    let (number, unit) = value.split_at(unit_start);
    let factor = match unit {
        "" | "ms" => 1.0,
        "us" => 0.001,
        "s" => 1_000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    let milliseconds = (number.parse::<f64>().ok()? * factor).round();
    (0.0..=TIMEOUT_MS_MAX).contains(&milliseconds).then_some(milliseconds as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_with_a_field_are_taken_out_and_the_others_stay_as_written() {
        let table = [
            ("", "", 0, false),
            ("-c geqo=off", "-c geqo=off", 0, false),
            ("-c statement_timeout=5000", "", 5_000, false),
            ("-cstatement_timeout=5s", "", 5_000, false),
            ("--statement-timeout=2min", "", 120_000, false),
            ("-c statement_timeout=1.5h", "", 5_400_000, false),
            ("-c statement_timeout=1d", "", 86_400_000, false),
            ("-c statement_timeout=1500us", "", 2, false),
            ("-c statement_timeout=99d", "-c statement_timeout=99d", 0, false),
            ("-c statement_timeout=soon", "-c statement_timeout=soon", 0, false),
            ("-c statement_timeout=-1", "-c statement_timeout=-1", 0, false),
            ("-c statement_timeout=5s -c statement_timeout=0", "-c statement_timeout=0", 0, false),
            ("-c default_transaction_read_only=on", "", 0, true),
            ("-c Default_Transaction_Read_Only=TRUE  -c geqo=off", "-c geqo=off", 0, true),
            (
                "-c default_transaction_read_only=off",
                "-c default_transaction_read_only=off",
                0,
                false,
            ),
            (r"-c search_path=a,\ b -c", r"-c search_path=a,\ b -c", 0, false),
            ("-d 2", "-d 2", 0, false),
        ];
        for (text, rest, statement_timeout_ms, read_only) in table {
            let expected = Options { rest: rest.into(), statement_timeout_ms, read_only };
            assert_eq!(Options::of(text), expected, "{text}");
        }
    }
}
