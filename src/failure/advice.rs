//! What a failure means to the user: its title, its code, and what to do next.
//!
//! The advice goes by SQLSTATE, which no language setting of the server changes; the message's words only distinguish
//! failures that share a code, or have none. The advice per code is in `advice/codes.rs`.

mod codes;
mod conditions;
mod stop;

pub use conditions::condition;
pub use stop::{Stop, stopped};

use super::{Category, Failure};

/// What to do about a failure, in one or two sentences; none if there is nothing to do.
pub fn next_step(failure: &Failure) -> Option<String> {
    match failure.sqlstate.as_deref() {
        Some(code) => from_details(code, failure)
            .or_else(|| codes::advice(code).map(str::to_owned))
            .or_else(|| from_words(failure)),
        None => from_words(failure),
    }
}

/// The sentence of the error card: PostgreSQL's message with a capital letter and curly quotes.
pub fn title(failure: &Failure) -> String {
    let message = failure.message.trim();
    if message.is_empty() {
        return kind(failure.category).to_owned();
    }
    capitalised(&curly_quotes(message))
}

/// The line under the title: `ERROR 42703`, or the kind of failure if PostgreSQL gave no code.
pub fn code_line(failure: &Failure) -> String {
    let severity = failure.severity.trim();
    match failure.sqlstate.as_deref() {
        Some(code) if severity.is_empty() => format!("ERROR {code}"),
        Some(code) => format!("{severity} {code}"),
        None => kind(failure.category).to_owned(),
    }
}

/// A category's name on screen.
pub fn kind(category: Category) -> &'static str {
    match category {
        Category::Connection => "Connection error",
        Category::Authentication => "Authentication error",
        Category::Ssl => "TLS error",
        Category::Ssh => "SSH error",
        Category::Query => "Query error",
        Category::Storage => "Storage error",
        Category::Keyring => "Keychain error",
        Category::PoolTimeout => "No free connection",
        Category::Cancelled => "Cancelled",
        Category::Internal => "Internal error",
    }
}

/// Advice that repeats the server's names: the key, the column that it suggested, the constraint.
fn from_details(code: &str, failure: &Failure) -> Option<String> {
    let words = failure.message.to_lowercase();
    match code {
        "42703" | "42P01" | "42883" => meant(failure),
        "23505" => {
            let key = key_of(failure)?;
            Some(format!(
                "Another row has {key}. Change the value, or add ON CONFLICT to the INSERT."
            ))
        }
        "23503" => foreign_key(failure),
        "23502" => failure.column.as_ref().map(|column| {
            format!("Give “{column}” a value in the statement, or a default in the table.")
        }),
        "23514" => failure.constraint.as_ref().map(|constraint| {
            format!("Look up what the constraint “{constraint}” demands, and change the row.")
        }),
        code if failure.severity == "ERROR" && codes::of_statement(code).is_some() => {
            codes::of_statement(code).map(str::to_owned)
        }
        "28000" => codes::refused_login(&words).map(str::to_owned),
        "55000" if is_of_a_sequence(failure) => Some(codes::SEQUENCE.to_owned()),
        "57014" => codes::stopped(&words).map(str::to_owned),
        "53300" => codes::too_many(&words).map(str::to_owned),
        "25006" => codes::read_only(&words).map(str::to_owned),
        _ => None,
    }
}

/// Whether a session was asked for the last value of a sequence that it has not used: `lastval`, `currval`.
fn is_of_a_sequence(failure: &Failure) -> bool {
    let routine = failure.source.as_deref().unwrap_or_default();
    routine.starts_with("lastval") || routine.starts_with("currval")
}

/// The names in PostgreSQL's own "Perhaps you meant": every language puts them in quotes.
pub(crate) fn meant(failure: &Failure) -> Option<String> {
    let hint = failure.hint.as_ref()?;
    let names: Vec<&str> = hint.split('"').skip(1).step_by(2).collect();
    let complete = hint.matches('"').count() == names.len() * 2;
    (complete && !names.is_empty()).then(|| format!("Did you mean {}?", names.join(" or ")))
}

/// `(email)=(a@b.c)` out of the detail, as `email = a@b.c`.
fn key_of(failure: &Failure) -> Option<String> {
    let detail = failure.detail.as_ref()?;
    let start = detail.find('(')?;
    let (columns, tail) = detail[start + 1..].split_once(")=(")?;
    // The value may hold parentheses itself: it ends with the last one.
    let value = &tail[..tail.rfind(')')?];
    Some(format!("{columns} = {value}"))
}

fn foreign_key(failure: &Failure) -> Option<String> {
    let key = key_of(failure)?;
    let detail = failure.detail.as_ref()?;
    if detail.contains("still referenced") {
        let table = failure.table.as_ref().map_or("another table".to_owned(), |t| format!("“{t}”"));
        return Some(format!(
            "Rows of {table} still refer to {key}. Change or delete those rows first."
        ));
    }
    detail.contains("is not present").then(|| {
        format!(
            "There is no row with {key} to refer to. Insert that row first, or change the value."
        )
    })
}

/// Advice for failures without a code, and with unknown codes.
fn from_words(failure: &Failure) -> Option<String> {
    let words = failure.message.to_lowercase();
    let by_words = match failure.category {
        Category::Connection | Category::Authentication | Category::Ssl | Category::Internal => {
            codes::by_words(codes::LINK, &words)
        }
        Category::Storage => codes::by_words(codes::STORAGE, &words),
        Category::Ssh => codes::by_words(codes::SSH, &words),
        Category::Keyring => codes::by_words(codes::KEYRING, &words),
        Category::Query | Category::PoolTimeout | Category::Cancelled => None,
    };
    by_words.or_else(|| codes::by_category(failure.category)).map(str::to_owned)
}

/// A capital first letter, unless the message begins with a name such as `pg_hba.conf`.
fn capitalised(message: &str) -> String {
    let word = message.split_whitespace().next().unwrap_or(message);
    let is_word = word
        .trim_end_matches([',', ':', ';', '.'])
        .chars()
        .all(|c| c.is_alphabetic() || c == '\'' || c == '-');
    let mut characters = message.chars();
    match characters.next() {
        Some(first) if is_word => first.to_uppercase().chain(characters).collect(),
        _ => message.to_owned(),
    }
}

/// Straight quotes around names and values become curly ones; one inside a name stays as it is.
fn curly_quotes(message: &str) -> String {
    let mut curly = String::with_capacity(message.len() + 4);
    let mut open = false;
    let mut characters = message.chars().peekable();
    while let Some(character) = characters.next() {
        let ends_here = characters
            .peek()
            .is_none_or(|next| next.is_whitespace() || ".,;:)]'’”".contains(*next));
        curly.push(match character {
            '"' if !open => '“',
            '"' if ends_here => '”',
            other => other,
        });
        open = if character != '"' { open } else { !open || !ends_here };
    }
    // Unpaired quotes are better left alone.
    if open { message.to_owned() } else { curly }
}

#[cfg(test)]
mod tests;
