//! What the name of a secret looks like.

/// A name that contains one of these names a secret.
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

/// A name with one of these between its underscores does.
const PARTS: [&str; 4] = ["pass", "pw", "psw", "pswd"];

/// What a name ends with that tells something about a secret and not the secret.
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

/// What else a text has that holds a secret without such a name.
const SIGNS: [&str; 8] = [
    "://",
    "crypt",
    "hmac",
    "digest",
    "bearer",
    "identified",
    "scram-sha-256$",
    "authorization",
];

/// Functions that are given a secret.
const FUNCTIONS: [&str; 8] = [
    "crypt",
    "hmac",
    "digest",
    "encrypt",
    "decrypt",
    "encrypt_iv",
    "decrypt_iv",
    "dearmor",
];

/// Whether there can be a secret in the text at all: a quick look.
pub fn is_suspicious(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let has = |word: &&str| lower.contains(*word);
    ROOTS.iter().any(has)
        || SIGNS.iter().any(has)
        // A role's password may follow a misspelt word; `pw` is part of too many words to look for it first.
        || ["role", "user", "group"].iter().any(has) && ["create", "alter"].iter().any(has)
        || PARTS.iter().any(|part| {
            lower.match_indices(part).any(|(at, _)| {
                let is_letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
                let bytes = lower.as_bytes();
                !is_letter(at.checked_sub(1).and_then(|at| bytes.get(at)))
                    && !is_letter(bytes.get(at + part.len()))
            })
        })
}

/// Whether a name is that of a secret: a column, a setting, an option, a variable of the environment.
pub fn is_secret(name: &str) -> bool {
    // Of a name without end its end tells.
    let mut start = name.len().saturating_sub(128);
    while !name.is_char_boundary(start) {
        start += 1;
    }
    let lower = name[start..].to_ascii_lowercase();
    let mut parts = lower.split(['_', '-', '.', '$']);
    let is_about = lower
        .rsplit(['_', '-', '.'])
        .next()
        .is_some_and(|last| ABOUT.contains(&last));
    !is_about
        && (ROOTS.iter().any(|root| lower.contains(root))
            || parts.any(|part| PARTS.contains(&part)))
}

/// Whether a word where an option of a role belongs is PASSWORD, also with a slip of the finger.
pub fn is_password_option(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    is_secret(word) || lower.len() >= 5 && strsim::osa_distance(&lower, "password") <= 2
}

/// Whether a function is given a secret.
pub fn is_given_a_secret(function: &str) -> bool {
    let lower = function.to_ascii_lowercase();
    FUNCTIONS.contains(&lower.as_str())
        || ["pgp_sym_", "pgp_pub_"]
            .iter()
            .any(|start| lower.starts_with(start))
        || is_secret(&lower)
}
