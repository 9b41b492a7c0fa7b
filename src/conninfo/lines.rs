//! The lines of a file that may not be text everywhere: a bad byte spoils its own line and no other.

use zeroize::Zeroizing;

/// A line without its end.
pub(super) struct Line<'a> {
    /// Its number, from 1.
    pub(super) number: usize,
    text: Text<'a>,
}

enum Text<'a> {
    Whole(&'a str),
    /// With a mark in place of what is not UTF-8. Such a line may still hold a password.
    Mended(Zeroizing<String>),
}

impl Line<'_> {
    /// The text; if the line is not UTF-8, with a mark that no name contains.
    pub(super) fn text(&self) -> &str {
        match &self.text {
            Text::Whole(text) => text,
            Text::Mended(text) => text,
        }
    }

    /// Whether the line was valid UTF-8.
    pub(super) fn is_utf8(&self) -> bool {
        matches!(self.text, Text::Whole(_))
    }
}

pub(super) fn lines(file: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let lines = file.split(|byte| *byte == b'\n').enumerate();
    lines.map(|(index, line)| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = std::str::from_utf8(line).map_or_else(
            |_| Text::Mended(Zeroizing::new(String::from_utf8_lossy(line).into_owned())),
            Text::Whole,
        );
        Line { number: index + 1, text }
    })
}
