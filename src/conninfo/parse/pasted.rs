//! Understands a text that a user pasted.
//!
//! People copy a connection with the text around it: quotes, a variable's name, a line of a settings file, a command.
//! They copy it from other programs, which write it in their own form. This turns it into libpq's parameters. It
//! refuses what can be read in two ways, because the wrong reading connects elsewhere or shows a password; and whatever
//! it read, it shows nothing that could hold one (`parse/clear.rs`).

use super::{Form, Parameters, ParseProblem, clear, text};

mod command;
mod names;
mod quotes;
mod scheme;
mod settings;
mod url;

pub(in crate::conninfo) use names::{begins_known as begins_known_name, is_known as is_known_name};
pub(in crate::conninfo) use url::is_plain as is_plain_url;

use scheme::Scheme;

/// A longer text is not a connection: it is not parsed.
pub(in crate::conninfo) const BYTES_MAX: usize = 16 * 1024;
/// How many nested wrappings to remove.
const DEPTH_MAX: usize = 6;

pub(super) fn read(text: &str) -> Result<Parameters, ParseProblem> {
    if text.len() > BYTES_MAX {
        return Err(ParseProblem::TooLong);
    }
    meant(text, 0)
}

/// A text without blanks, byte order marks and invisible characters at its ends.
pub(in crate::conninfo) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{00ad}' | '\u{202a}'..='\u{202e}'
            )
    })
}

fn meant(text: &str, depth: usize) -> Result<Parameters, ParseProblem> {
    let text = trimmed(text);
    if text.is_empty() {
        return Err(ParseProblem::Empty);
    }
    if depth > DEPTH_MAX {
        return Err(ParseProblem::Unclear);
    }
    if let Some(inner) = quotes::taken_off(text)? {
        return meant(&inner, depth + 1);
    }
    match scheme::split(text) {
        Some((Scheme::Foreign(scheme), _)) => {
            return Err(ParseProblem::UnknownScheme { scheme: scheme.to_owned() });
        }
        Some((Scheme::Ours { jdbc }, rest)) => return url::read(rest, jdbc),
        None => {}
    }
    if let Some(found) = command::read(text, |text| meant(text, depth + 1)) {
        return found;
    }
    let pairs = match Form::of(text) {
        Form::KeyValue(pairs) => Some(text::pairs(pairs)),
        Form::Url { .. } | Form::Shorthand(_) => None,
    };
    if let Some(Ok(found)) = &pairs
        && names::are_libpqs(found)
        && clear::is_clear_of_secrets(found)
        && (found.len() > 1 || !text.contains(';'))
    {
        return Ok(found.clone());
    }
    if is_credentials(text) {
        return shorthand(text);
    }
    if let Some(found) = settings::read(text, |text| meant(text, depth + 1)) {
        return found;
    }
    let of_libpq = matches!(&pairs, Some(Ok(found)) if names::are_libpqs(found));
    if let Some(inner) = embedded(text).filter(|_| !of_libpq) {
        return meant(inner, depth + 1);
    }
    match pairs {
        Some(found) => {
            let found = found?;
            let holds_secret = found.keys().any(|name| clear::names_secret(name));
            // Another program's syntax may end a value elsewhere, and the rest of the value is not a name.
            let is_libpqs = !text.contains([';', '"', '{', '`']);
            let is_safe = is_libpqs && !holds_secret && !clear::holds_secret(text);
            clear::check(&found, is_safe)?;
            Ok(found)
        }
        None => shorthand(text),
    }
}

/// `dsn:password@host`: one word without a scheme is not a name with its value, whatever stands before its colon.
fn is_credentials(text: &str) -> bool {
    let is_one_word = !text.contains(|c: char| c.is_whitespace() || "=\"'`".contains(c));
    is_one_word && !text.contains("://") && clear::holds_credentials(text)
}

/// `user@host:port/database`.
fn shorthand(text: &str) -> Result<Parameters, ParseProblem> {
    // `postgres:user:password@host` is a scheme without its slashes, or a password with a colon.
    let has_scheme = scheme::is_name(text.split(':').next().unwrap_or(text))
        && text.split('@').next().is_some_and(|user| user.matches(':').count() > 1);
    if clear::assigns_secret(text) || has_scheme {
        return Err(ParseProblem::Unclear);
    }
    if text.contains(char::is_whitespace) && !text.contains('/') {
        return Err(ParseProblem::NotUnderstood);
    }
    if text::is_socket(text) {
        return text::shorthand(text);
    }
    url::read(text, false)
}

/// The one URL inside another text: `create_engine("postgres://…")`, `the database is postgres://…`.
fn embedded(text: &str) -> Option<&str> {
    let colon = text.find("://")?;
    let word = |c: char| c.is_ascii_alphanumeric() || "+.-:".contains(c);
    let start = text[..colon].trim_end_matches(word).len();
    scheme::split(&text[start..])?;
    let before = &text[..start];
    let end = match before.chars().next_back() {
        None => return None,
        Some(quote @ ('"' | '\'' | '`')) => text[start..].find(quote)?,
        Some('<') => text[start..].find('>')?,
        Some('(') => text[start..].find(')')?,
        Some('[') => text[start..].find(']')?,
        Some(blank) if blank.is_whitespace() || blank == '=' => {
            text[start..].find(char::is_whitespace).unwrap_or(text.len() - start)
        }
        Some(_) => return None,
    };
    let after = &text[start + end..];
    let odd = |text: &str| text.contains('@') || clear::holds_secret(text);
    (!odd(before) && !odd(after)).then(|| &text[start..start + end])
}
