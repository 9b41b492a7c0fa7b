//! A value on its own: whole, as far as it is shown, and laid out.

use crate::rows::Column;

use serde::Serialize;

/// At most so many bytes are shown; a longer value is copied whole, and shown cut.
pub const INSPECT_BYTES: usize = 1 << 20;

/// A value, whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspect {
    /// The column's name.
    pub column: String,
    /// The column's type.
    pub type_name: String,
    /// The row, from 0.
    pub row: u64,
    /// Its length in bytes; none for NULL.
    pub bytes: Option<u64>,
    /// The value's text, as far as it is shown.
    pub text: String,
    pub cut: bool,
    /// The first line on screen.
    pub first_line: usize,
}

impl Inspect {
    /// Moves by lines.
    pub fn step(&mut self, by: i64) {
        let last = self.text.lines().count().saturating_sub(1) as i64;
        self.first_line = (self.first_line as i64).saturating_add(by).clamp(0, last) as usize;
    }

    /// What is shown of a value. JSON on one line is laid out.
    pub fn new(column: &Column, row: u64, bytes: Option<u64>, whole: &str) -> Self {
        let cut = whole.len() > INSPECT_BYTES;
        let mut end = whole.len().min(INSPECT_BYTES);
        while !whole.is_char_boundary(end) {
            end -= 1;
        }
        let text = &whole[..end];
        let is_json = matches!(column.type_name.as_str(), "json" | "jsonb");
        let laid_out = (is_json && !cut).then(|| lay_out_json(text)).flatten();
        Self {
            column: column.name.clone(),
            type_name: column.type_name.clone(),
            row,
            bytes,
            text: laid_out.unwrap_or_else(|| text.to_owned()),
            cut,
            first_line: 0,
        }
    }
}

/// JSON with its structure on lines of their own; the texts of its values stay as they are.
fn lay_out_json(text: &str) -> Option<String> {
    let value: Box<serde_json::value::RawValue> = serde_json::from_str(text).ok()?;
    let mut laid_out = String::with_capacity(text.len() * 2);
    let mut depth: usize = 0;
    let (mut in_string, mut escaped) = (false, false);
    let mut characters = value.get().chars().peekable();
    while let Some(character) = characters.next() {
        if in_string {
            laid_out.push(character);
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
            continue;
        }
        match character {
            '"' => {
                in_string = true;
                laid_out.push(character);
            }
            '{' | '[' => {
                laid_out.push(character);
                while characters.peek().is_some_and(|next| next.is_whitespace()) {
                    characters.next();
                }
                if matches!(characters.peek(), Some('}' | ']')) {
                    laid_out.extend(characters.next());
                } else {
                    depth += 1;
                    break_line(&mut laid_out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                break_line(&mut laid_out, depth);
                laid_out.push(character);
            }
            ',' => {
                laid_out.push(',');
                break_line(&mut laid_out, depth);
            }
            ':' => laid_out.push_str(": "),
            space if space.is_whitespace() => {}
            other => laid_out.push(other),
        }
    }
    Some(laid_out)
}

fn break_line(text: &mut String, depth: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_laid_out_and_its_numbers_keep_their_digits() {
        let laid_out = lay_out_json(r#"{"a": [1.50, {}], "b{": "x\"]", "c": []}"#);
        assert_eq!(
            laid_out.as_deref(),
            Some("{\n  \"a\": [\n    1.50,\n    {}\n  ],\n  \"b{\": \"x\\\"]\",\n  \"c\": []\n}")
        );
        assert_eq!(lay_out_json("{"), None);
    }
}
