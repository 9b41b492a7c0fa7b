//! What secrets' names look like.

/// A name that contains one of these is a secret's.
const ROOTS: [&str; 16] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "passwort",
    "pwd",
    "secret",
    "token",
    "credential",
    "apikey",
    "api_key",
    "api-key",
    "access_key",
    "accesskey",
    "private_key",
    "privatekey",
];

/// A name with one of these between its underscores is, too.
const PARTS: [&str; 4] = ["pass", "pw", "psw", "pswd"];

/// Endings of names that say something about a secret and are not the secret.
const ABOUT: [&str; 22] = [
    "encryption",
    "required",
    "at",
    "on",
    "date",
    "time",
    "until",
    "count",
    "length",
    "type",
    "types",
    "id",
    "expires",
    "expiry",
    "changed",
    "age",
    "policy",
    "file",
    "history",
    "attempts",
    "command",
    "valid",
];

/// Other signs of a secret without such a name.
const SIGNS: [&str; 8] =
    ["://", "crypt", "hmac", "digest", "bearer", "identified", "scram-sha-256$", "authorization"];

/// Functions that take a secret.
const FUNCTIONS: [&str; 8] =
    ["crypt", "hmac", "digest", "encrypt", "decrypt", "encrypt_iv", "decrypt_iv", "dearmor"];

/// A role's password may follow a misspelt word, so a text with one of each may hold one; too many words contain `pw`
/// to look for it first.
const ROLES: [&str; 3] = ["role", "user", "group"];
const MADE: [&str; 2] = ["create", "alter"];

/// Which pairs of letters, in any case, begin a word that the quick check looks for. Other pairs may share their slots.
static BEGINNINGS: [bool; 1 << 10] = {
    let table = [false; 1 << 10];
    let table = with_beginnings(table, &ROOTS);
    let table = with_beginnings(table, &SIGNS);
    let table = with_beginnings(table, &PARTS);
    with_beginnings(with_beginnings(table, &ROLES), &MADE)
};

const fn with_beginnings(mut table: [bool; 1 << 10], words: &[&str]) -> [bool; 1 << 10] {
    let mut at = 0;
    while at < words.len() {
        let word = words[at].as_bytes();
        table[place_of(word[0], word[1])] = true;
        at += 1;
    }
    table
}

const fn place_of(first: u8, second: u8) -> usize {
    ((first & 31) as usize) << 5 | (second & 31) as usize
}

/// Whether the text can hold a secret at all: a quick check in one pass.
pub fn is_suspicious(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (mut has_role, mut is_made) = (false, false);
    for (at, pair) in bytes.windows(2).enumerate() {
        if !BEGINNINGS[place_of(pair[0], pair[1])] {
            continue;
        }
        let begins = |word: &&str| {
            let there = bytes.get(at..at + word.len());
            there.is_some_and(|there| there.eq_ignore_ascii_case(word.as_bytes()))
        };
        let stands_alone = |part: &&str| {
            let is_letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
            begins(part)
                && !is_letter(at.checked_sub(1).and_then(|at| bytes.get(at)))
                && !is_letter(bytes.get(at + part.len()))
        };
        has_role |= ROLES.iter().any(begins);
        is_made |= MADE.iter().any(begins);
        if has_role && is_made
            || ROOTS.iter().any(begins)
            || SIGNS.iter().any(begins)
            || PARTS.iter().any(stands_alone)
        {
            return true;
        }
    }
    false
}

/// Whether a name is that of a secret: a column, a setting, an option, a variable of the environment.
pub fn is_secret(name: &str) -> bool {
    // For an endless name, its end decides.
    let mut start = name.len().saturating_sub(128);
    while !name.is_char_boundary(start) {
        start += 1;
    }
    let lower = name[start..].to_ascii_lowercase();
    let mut parts = lower.split(['_', '-', '.', '$']);
    let is_about = lower.rsplit(['_', '-', '.']).next().is_some_and(|last| ABOUT.contains(&last));
    !is_about
        && (ROOTS.iter().any(|root| lower.contains(root))
            || parts.any(|part| PARTS.contains(&part)))
}

/// Whether a word in place of a role's option is PASSWORD, perhaps misspelt.
pub fn is_password_option(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    is_secret(word) || lower.len() >= 5 && strsim::osa_distance(&lower, "password") <= 2
}

/// Whether a function takes a secret.
pub fn is_given_a_secret(function: &str) -> bool {
    let lower = function.to_ascii_lowercase();
    FUNCTIONS.contains(&lower.as_str())
        || ["pgp_sym_", "pgp_pub_"].iter().any(|start| lower.starts_with(start))
        || is_secret(&lower)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::{Random, as_many_as, seed};

    /// The result of the quick check, word by word.
    fn has_a_word(text: &str) -> bool {
        let lower = text.to_ascii_lowercase();
        let has = |word: &&str| lower.contains(*word);
        let alone = |part: &&str| {
            lower.match_indices(*part).any(|(at, _)| {
                let is_letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
                let bytes = lower.as_bytes();
                !is_letter(at.checked_sub(1).and_then(|at| bytes.get(at)))
                    && !is_letter(bytes.get(at + part.len()))
            })
        };
        ROOTS.iter().any(has)
            || SIGNS.iter().any(has)
            || ROLES.iter().any(has) && MADE.iter().any(has)
            || PARTS.iter().any(alone)
    }
    #[test]
    fn the_quick_look_finds_what_a_search_for_each_word_finds() {
        let words: Vec<&str> = [&ROOTS[..], &SIGNS, &PARTS, &ROLES, &MADE].concat();
        let between = ["", "", " ", "_", "é", "İ", "x", "7", ".", "\u{0}", "--", "P", "s"];
        let mut random = Random::new(seed());
        let mut found = 0;
        let texts = as_many_as(20_000, 1_000_000);
        for _ in 0..texts {
            let mut text = String::new();
            for _ in 0..1 + random.below(4) {
                let word = random.pick(&words);
                let (from, to) = match random.below(3) {
                    0 => (0, word.len()),
                    _ => (random.below(2), word.len() - random.below(2)),
                };
                text.push_str(between[random.below(between.len())]);
                for letter in word[from..to].chars() {
                    let is_upper = random.chance(30);
                    text.push(if is_upper { letter.to_ascii_uppercase() } else { letter });
                }
            }
            text.push_str(between[random.below(between.len())]);
            assert_eq!(is_suspicious(&text), has_a_word(&text), "{text:?}");
            found += usize::from(has_a_word(&text));
        }
        assert!((texts / 20..texts - texts / 20).contains(&found), "{found}");
    }
}
