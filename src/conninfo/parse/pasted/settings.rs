//! Names and values as settings files, programs and Windows' drivers write them: `Host=h;Password=p`, `DB_HOST=h` line
//! by line, `host: h`, `{"host": "h"}`, `connect(host="h", password="p")`.
//!
//! One parser takes them all; they differ in what ends a value and in what a backslash means. Each syntax is tried as a
//! whole: if a text has one name that nobody knows, it was not meant that way.

use super::super::{Parameters, ParseProblem, clear};
use super::names::{self, Meaning};

/// What separates the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `;`, as in ADO, ODBC and Npgsql. A quote is doubled, and a backslash is itself.
    Semicolons,
    /// The end of a line.
    Lines,
    /// `,` or the end of a line.
    Commas,
}

/// Words before the name of a variable.
const KEYWORDS: [&str; 14] = [
    "export", "set", "setx", "env", "const", "let", "var", "val", "final", "static", "public",
    "private", "string", "readonly",
];

/// Characters that no shown value contains.
const ODD: [char; 14] = ['=', '"', '\'', '`', '“', '”', ';', '&', '?', '<', '>', '{', '}', '\n'];

/// A name and its value, in order.
type Entries = Vec<(String, String)>;

/// The parameters of a settings text; none if it isn't one. `inner` reads a setting that is a whole connection.
pub(super) fn read(
    text: &str,
    inner: impl Fn(&str) -> Result<Parameters, ParseProblem>,
) -> Option<Result<Parameters, ParseProblem>> {
    let ways = unwrapped(text)
        .map(|inner| (inner, Kind::Commas, true))
        .into_iter()
        .chain([Kind::Semicolons, Kind::Lines, Kind::Commas].map(|kind| (text, kind, false)));
    for (text, kind, is_wrapped) in ways {
        if kind == Kind::Commas && !is_wrapped && text.contains('\n') {
            // Lines for a shell, in which a backslash is itself.
            continue;
        }
        let found = entries(text, kind).and_then(|entries| understood(entries, kind, is_wrapped));
        if let Some(meant) = found {
            return Some(parameters(meant, &inner));
        }
    }
    None
}

/// The names' meanings; none if one of them is unknown, or if together they are not a connection.
fn understood(entries: Entries, kind: Kind, is_wrapped: bool) -> Option<Vec<(Meaning, String)>> {
    if entries.len() == 1 && kind != Kind::Lines && !is_wrapped {
        return None;
    }
    let meant: Option<Vec<(Meaning, String)>> =
        entries.into_iter().map(|(name, value)| Some((names::meaning(&name)?, value))).collect();
    meant.filter(|meant| says_something(meant, kind, is_wrapped))
}

/// Whether it is a connection at all: a place or a URL, and not just one of libpq's settings.
fn says_something(meant: &[(Meaning, String)], kind: Kind, is_wrapped: bool) -> bool {
    let tells = |meaning: &Meaning| {
        matches!(
            meaning,
            Meaning::Url | Meaning::Is("host" | "user" | "password" | "dbname" | "service")
        )
    };
    let has_url = meant.iter().any(|(meaning, _)| *meaning == Meaning::Url);
    meant.iter().any(|(meaning, _)| tells(meaning))
        && (has_url || is_wrapped || meant.len() > 1 || kind != Kind::Lines)
}

fn parameters(
    meant: Vec<(Meaning, String)>,
    inner: &impl Fn(&str) -> Result<Parameters, ParseProblem>,
) -> Result<Parameters, ParseProblem> {
    let mut found = Parameters::new();
    let url = meant.iter().find(|(meaning, _)| *meaning == Meaning::Url);
    if let Some((_, url)) = url {
        found = inner(url)?;
    }
    for (meaning, value) in meant {
        // A quote or an = in a shown value is the next setting, with a typing error in it.
        let is_shown =
            !matches!(meaning, Meaning::Is("password" | "sslpassword" | "options") | Meaning::Url);
        if is_shown && meaning != Meaning::Nothing && value.contains(ODD) {
            return Err(ParseProblem::Unclear);
        }
        names::put(&mut found, meaning, value)?;
    }
    clear::check(&found, false)?;
    Ok(found)
}

/// The text between the brackets of a dictionary or a call, if there is nothing else.
fn unwrapped(text: &str) -> Option<&str> {
    let open = text.find(['{', '('])?;
    let callee = |c: char| c.is_alphanumeric() || "_.$ =:>-\n\t\r".contains(c);
    if !text[..open].chars().all(callee) {
        return None;
    }
    let inner = text[open..].trim_start_matches(['{', '(', ' ', '\n', '\r', '\t', '*']);
    let end = inner.trim_end_matches(['}', ')', ' ', '\n', '\r', '\t', ';', ',']);
    let opened = text[open..].len() - inner.len();
    let (opened, closed) = (&text[open..open + opened], &inner[end.len()..]);
    let count = |text: &str, of: [char; 2]| text.matches(of).count();
    (count(opened, ['{', '(']) == count(closed, ['}', ')'])).then_some(end)
}

/// The settings; none if part of the text isn't one.
fn entries(text: &str, kind: Kind) -> Option<Entries> {
    let mut entries = Entries::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if kind == Kind::Lines && text.contains('\n') && is_heading(first_line(rest)) {
            rest = rest[first_line(rest).len()..].trim_start();
            continue;
        }
        let (name, tail) = name(rest)?;
        let (is_colon, tail) = separator(tail, kind)?;
        let (value, tail) = value(tail, kind, is_colon)?;
        entries.push((name.to_owned(), value));
        rest = tail.trim_start();
    }
    (!entries.is_empty()).then_some(entries)
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// A comment, or the head of a section: `[database]`, `production:`, `datasource db {`.
fn is_heading(line: &str) -> bool {
    let line = line.trim();
    let word = |text: &str| text.chars().all(|c| c.is_alphanumeric() || "_- .&*".contains(c));
    line.starts_with(['#', '}'])
        || line.starts_with("//")
        || line == "---"
        || line.split_once(": ").is_some_and(|(name, value)| {
            // YAML's names for a whole section.
            value.starts_with(['&', '*']) && word(value) && !clear::names_secret(name)
        })
        || line.strip_prefix('[').and_then(|line| line.strip_suffix(']')).is_some_and(word)
        || line.strip_suffix(['{', ':']).is_some_and(word)
            && !clear::names_secret(line.trim_end_matches([':', '{', ' ']))
}

/// A setting's name, quoted or not, without what precedes it.
fn name(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        return text[1..].split_once(quote);
    }
    let text = text.strip_prefix("$env:").unwrap_or(text);
    let text = text.strip_prefix([':', '@', '$']).unwrap_or(text);
    let end = text.find(['=', ':', '\n'])?;
    let (name, rest) = text.split_at(end);
    let mut name = name.trim();
    while let Some((keyword, after)) = name.split_once(' ') {
        if !KEYWORDS.contains(&keyword.to_ascii_lowercase().as_str()) {
            break;
        }
        name = after.trim_start();
    }
    let odd = |c: char| !(c.is_ascii_alphanumeric() || "_-. ".contains(c));
    (!name.is_empty() && !name.contains(odd)).then_some((name, rest))
}

/// The separator between a name and its value, and whether it is a colon.
fn separator(text: &str, kind: Kind) -> Option<(bool, &str)> {
    let text = text.trim_start_matches([' ', '\t', ']']);
    // An arrow is a program's: elsewhere it is an = and a value that begins with >.
    let arrows: &[&str] = match kind {
        Kind::Commas => &["=>", "=", ":"],
        Kind::Semicolons | Kind::Lines => &["=", ":"],
    };
    for separator in arrows.iter().copied() {
        if let Some(rest) = text.strip_prefix(separator) {
            return Some((separator == ":", rest.trim_start_matches([' ', '\t'])));
        }
    }
    None
}

/// The value, and what follows its end.
fn value(text: &str, kind: Kind, is_colon: bool) -> Option<(String, &str)> {
    match text.chars().next() {
        Some(quote @ ('"' | '\'' | '`')) if quote != '`' || kind != Kind::Semicolons => {
            let (value, tail) = quoted(&text[1..], quote, kind, is_colon)?;
            Some((value, ended(tail, kind)?))
        }
        Some('{') if kind == Kind::Semicolons => {
            let (value, tail) = doubled(&text[1..], '}')?;
            Some((value, ended(tail, kind)?))
        }
        _ => bare(text, kind, is_colon),
    }
}

/// What follows the end of a quoted value.
fn ended(tail: &str, kind: Kind) -> Option<&str> {
    let behind = tail;
    let tail = behind.trim_start_matches([' ', '\t', '\r']);
    if tail.is_empty() {
        return Some(tail);
    }
    let is_comment = tail.starts_with('#') && tail.len() < behind.len();
    if kind != Kind::Semicolons && (is_comment || tail.starts_with('\n')) {
        return Some(&tail[first_line(tail).len()..]);
    }
    match kind {
        Kind::Semicolons => tail.strip_prefix(';'),
        Kind::Commas => tail.strip_prefix(','),
        Kind::Lines => {
            let rest = tail.trim_start_matches([',', ';', ' ', '\r']);
            (rest.is_empty() || rest.starts_with('\n')).then_some(rest)
        }
    }
}

/// A value up to its end. If a program would substitute something in it, it is not a value.
fn bare(text: &str, kind: Kind, is_colon: bool) -> Option<(String, &str)> {
    let ends: &[char] = match kind {
        Kind::Semicolons => &[';'],
        Kind::Lines => &['\n'],
        Kind::Commas => &[',', '\n'],
    };
    let end = text.find(ends).unwrap_or(text.len());
    let value = text[..end].trim();
    let rest = text.get(end + 1..).unwrap_or_default();
    if kind == Kind::Semicolons {
        return Some((value.to_owned(), rest));
    }
    let is_variable = value.contains("${") || value.contains("$(") || value.starts_with(['$', '`']);
    let is_code = is_colon && value.starts_with(['&', '*', '!', '|', '>', '%', '@', '[', '{', '#']);
    let is_call = kind == Kind::Commas && value.contains(['(', '[', '{', '"', '\'']);
    let has_comment = value.contains(" #") || value.contains("\t#");
    let has_escape = value.contains('\\');
    let doubtful = is_variable || is_code || is_call || has_comment || has_escape;
    (!doubtful).then(|| (value.to_owned(), rest))
}

fn quoted(text: &str, quote: char, kind: Kind, is_colon: bool) -> Option<(String, &str)> {
    match (kind, quote) {
        (Kind::Semicolons, _) => doubled(text, quote),
        // A shell, YAML and TOML take everything literally; YAML doubles a quote.
        (Kind::Lines, '\'') => {
            let (value, tail) = doubled(text, quote)?;
            (is_colon || !value.contains(quote)).then_some((value, tail))
        }
        _ => escaped(text, quote, kind == Kind::Lines && !is_colon),
    }
}

/// A value in which a quote is doubled.
fn doubled(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        if character != quote {
            value.push(character);
        } else if characters.next_if(|(_, next)| *next == quote).is_some() {
            value.push(quote);
        } else {
            return Some((value, &text[at + quote.len_utf8()..]));
        }
    }
    None
}

/// A value with a program's escapes; none if different programs read one of them differently, or if a shell would
/// insert a variable.
fn escaped(text: &str, quote: char, has_variables: bool) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => match characters.next()?.1 {
                same @ ('\\' | '/' | '"' | '\'' | '`') => value.push(same),
                'u' => {
                    let digits = characters.as_str().get(..4)?;
                    value.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
                    characters.nth(3);
                }
                _ => return None,
            },
            '$' if has_variables || quote == '`' => return None,
            '`' if has_variables => return None,
            character if character == quote => {
                return Some((value, &text[at + quote.len_utf8()..]));
            }
            character => value.push(character),
        }
    }
    None
}
