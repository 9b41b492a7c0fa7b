//! The names of PostgreSQL's encodings: those that the server reports, and their aliases.

/// Aliases, reduced to letters and digits, and the server's own name for each.
#[rustfmt::skip]
const ALIASES: &[(&str, &str)] = &[
    ("abc", "win1258"), ("alt", "win866"), ("iso88591", "latin1"), ("iso885910", "latin6"), ("iso885913", "latin7"),
    ("iso885914", "latin8"), ("iso885915", "latin9"), ("iso885916", "latin10"), ("iso88592", "latin2"),
    ("iso88593", "latin3"), ("iso88594", "latin4"), ("iso88599", "latin5"), ("koi8", "koi8r"), ("mskanji", "sjis"),
    ("shiftjis", "sjis"), ("tcvn", "win1258"), ("tcvn5712", "win1258"), ("unicode", "utf8"), ("vscii", "win1258"),
    ("win", "win1251"), ("win932", "sjis"), ("win936", "gbk"), ("win949", "uhc"), ("win950", "big5"),
    ("windows1250", "win1250"), ("windows1251", "win1251"), ("windows1252", "win1252"), ("windows1253", "win1253"),
    ("windows1254", "win1254"), ("windows1255", "win1255"), ("windows1256", "win1256"), ("windows1257", "win1257"),
    ("windows1258", "win1258"), ("windows866", "win866"), ("windows874", "win874"), ("windows932", "sjis"),
    ("windows936", "gbk"), ("windows949", "uhc"), ("windows950", "big5"),
];

/// A name as the server compares it.
pub fn bare(name: &str) -> String {
    let kept = name.chars().filter(char::is_ascii_alphanumeric);
    kept.map(|c| c.to_ascii_lowercase()).collect()
}

/// The same for the name that the server reports; an unknown name is only reduced.
pub fn canonical(name: &str) -> String {
    let bare = bare(name);
    let known = ALIASES.iter().find(|(alias, _)| *alias == bare);
    known.map_or(bare, |(_, name)| (*name).to_owned())
}

/// Every name that the server accepts for one of its own.
pub fn aliases() -> impl Iterator<Item = &'static str> {
    ALIASES.iter().map(|(alias, _)| *alias)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_whatever_its_case_and_its_signs() {
        for (name, wanted) in [
            ("ISO-8859-1", "latin1"),
            ("iso_8859_15", "latin9"),
            ("Windows-1252", "win1252"),
            ("UNICODE", "utf8"),
            ("utf-8", "utf8"),
            ("Shift_JIS", "sjis"),
            ("EUC_JP", "eucjp"),
            ("Klingon-1", "klingon1"),
            ("", ""),
        ] {
            assert_eq!(canonical(name), wanted, "{name}");
        }
    }

    #[test]
    fn no_alias_leads_to_another() {
        for alias in aliases() {
            let name = canonical(alias);
            assert_ne!(name, alias);
            assert_eq!(canonical(&name), name);
        }
    }
}
