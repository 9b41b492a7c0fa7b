//! A command line of psql's or a program like it: `PGPASSWORD=p psql -h h -U u d`, `psql "postgres://…"`.

use super::super::{Parameters, ParseProblem, clear};
use super::names::{self, Meaning};

/// Programs that take psql's options.
const PROGRAMS: [&str; 8] =
    ["psql", "pgcli", "pg_dump", "pg_restore", "pg_isready", "usql", "createdb", "dropdb"];
/// What may stand before the program.
const BEFORE: [&str; 6] = ["$", ">", "%", "exec", "env", "export"];
/// Options whose value does not matter here.
const WITH_VALUE: [&str; 22] = [
    "-c",
    "-f",
    "-v",
    "-P",
    "-F",
    "-R",
    "-T",
    "-o",
    "-L",
    "-j",
    "-n",
    "-t",
    "--command",
    "--file",
    "--set",
    "--variable",
    "--pset",
    "--output",
    "--log-file",
    "--field-separator",
    "--format",
    "--jobs",
];

/// A command's parameters; none if the text isn't one. `inner` reads the text that names a database.
pub(super) fn read(
    text: &str,
    inner: impl Fn(&str) -> Result<Parameters, ParseProblem>,
) -> Option<Result<Parameters, ParseProblem>> {
    if !PROGRAMS.iter().any(|program| text.contains(program)) {
        return None;
    }
    let first = text.split_whitespace().find(|word| !BEFORE.contains(word) && !is_assignment(word));
    let words = words(text);
    let start = match &words {
        Ok(words) => words
            .iter()
            .position(|word| !BEFORE.contains(&word.as_str()) && !is_assignment(word))?,
        Err(_) => {
            // Even if a shell would not take it as it is, it is recognisably meant for one.
            return first.filter(|word| is_program(word)).map(|_| Err(ParseProblem::Unclear));
        }
    };
    let words = words.ok()?;
    let program = words.get(start)?;
    is_program(program).then(|| command(&words[..start], &words[start + 1..], program, &inner))
}

fn is_program(word: &str) -> bool {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    PROGRAMS.contains(&name.strip_suffix(".exe").unwrap_or(name))
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map(|(name, _)| name);
    name.is_some_and(|name| {
        !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    })
}

fn command(
    before: &[String],
    after: &[String],
    program: &str,
    inner: &impl Fn(&str) -> Result<Parameters, ParseProblem>,
) -> Result<Parameters, ParseProblem> {
    let mut found = Parameters::new();
    for word in before {
        if let Some((name, value)) = word.split_once('=')
            && let Some(meaning @ Meaning::Is(_)) = name.strip_prefix("PG").and_then(names::meaning)
        {
            names::put(&mut found, meaning, value.to_owned())?;
        }
    }
    // The command's text hides the environment, and the connection in it hides the options.
    let (mut said, names) = options(after, program)?;
    for value in names {
        // As psql does: a bare word is whatever no option has said yet.
        let free = ["dbname", "user"].into_iter().find(|name| !said.contains_key(*name));
        said.insert(free.ok_or(ParseProblem::Unclear)?.to_owned(), value);
    }
    found.extend(said);
    if let Some(database) = found.get("dbname").filter(|database| database.contains(['=', ':'])) {
        let said = inner(database)?;
        if found.contains_key("user") && said.contains_key("user") {
            // A URL that was broken in two.
            return Err(ParseProblem::Unclear);
        }
        found.remove("dbname");
        found.extend(said);
    }
    clear::check(&found, false)?;
    Ok(found)
}

/// The options' parameters, and the words that are not options.
fn options(words: &[String], program: &str) -> Result<(Parameters, Vec<String>), ParseProblem> {
    let (mut found, mut names) = (Parameters::new(), Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            names.push(word.clone());
            continue;
        }
        let (option, joined) = match word.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, Some(value)),
            _ if word.starts_with("--") => (word.as_str(), None),
            _ => {
                let end = word.char_indices().nth(2).map_or(word.len(), |(at, _)| at);
                (&word[..end], word.get(end..).filter(|value| !value.is_empty()))
            }
        };
        let name = match option {
            "-h" | "--host" => "host",
            "-p" | "--port" => "port",
            "-U" | "--username" => "user",
            "-d" | "--dbname" => "dbname",
            option if WITH_VALUE.contains(&option) => {
                if joined.is_none() {
                    words.next();
                }
                continue;
            }
            // A flag, or several in one word.
            _ => continue,
        };
        let value = joined.or_else(|| words.next().map(String::as_str));
        let value = value.ok_or(ParseProblem::Unclear)?;
        found.insert(name.to_owned(), value.to_owned());
    }
    if names.len() > 2 || program.contains("restore") && !names.is_empty() {
        return Err(ParseProblem::Unclear);
    }
    Ok((found, names))
}

/// Splits words as a shell does. If a shell would substitute something, nobody can tell what.
fn words(text: &str) -> Result<Vec<String>, ParseProblem> {
    let (mut words, mut word): (Vec<String>, Option<String>) = (Vec::new(), None);
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('\''), plain) => word.get_or_insert_default().push(plain),
            (_, '`') => return Err(ParseProblem::Unclear),
            (_, '$') => {
                let next = characters.clone().next();
                if next.is_some_and(|c| c.is_alphanumeric() || "_{('\"".contains(c)) {
                    return Err(ParseProblem::Unclear);
                }
                word.get_or_insert_default().push('$');
            }
            (Some(_), '\\') => match characters.next() {
                Some('\n') => {}
                Some(same @ ('$' | '"' | '\\' | '`')) => word.get_or_insert_default().push(same),
                Some(other) => word.get_or_insert_default().extend(['\\', other]),
                None => return Err(ParseProblem::Unclear),
            },
            (Some(_), plain) => word.get_or_insert_default().push(plain),
            (None, '\\') => match characters.next() {
                Some('\n') | None => {}
                Some('\r') => {
                    characters.next();
                }
                Some(escaped) => word.get_or_insert_default().push(escaped),
            },
            (None, open @ ('"' | '\'')) => {
                word.get_or_insert_default();
                quote = Some(open);
            }
            (None, '\n' | '\r') => return Err(ParseProblem::Unclear),
            (None, blank) if blank.is_whitespace() => words.extend(word.take()),
            // Another command follows, or its input and output. A shell would end the command there, but a URL goes on.
            (None, '&') if word.as_ref().is_some_and(|word| word.contains("://")) => {
                word.get_or_insert_default().push('&');
            }
            (None, ';' | '|' | '&' | '<' | '>') if word.is_some() || !words.is_empty() => {
                let is_end = character == ';' && characters.as_str().trim().is_empty();
                if !is_end {
                    return Err(ParseProblem::Unclear);
                }
            }
            (None, plain) => word.get_or_insert_default().push(plain),
        }
    }
    if quote.is_some() {
        return Err(ParseProblem::Unclear);
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use crate::conninfo::{Config, Defaults};

    #[test]
    fn a_word_says_what_no_option_has_said() {
        let defaults = Defaults::default();
        for (text, user, database) in [
            ("psql d u", "u", "d"),
            ("psql -d d u", "u", "d"),
            ("psql -U u d", "u", "d"),
            ("psql -d postgres://h/d u", "u", "d"),
            ("psql -h h -U u --dbname=d", "u", "d"),
        ] {
            let config = Config::parse(text, &defaults).unwrap().config;
            assert_eq!(
                (config.user.as_str(), config.database.as_str()),
                (user, database),
                "{text}"
            );
        }
        for text in [
            "psql -d d -U u x",
            "psql d u x",
            "psql -d postgres://u:hun ter2@h/d",
            "psql --dbname=postgres://u:hun ter2@h/d -c 'select 1'",
        ] {
            assert!(Config::parse(text, &defaults).is_err(), "{text}");
        }
    }
}
