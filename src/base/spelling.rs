//! Finds almost correct names.

/// The candidate that the user most likely meant by `name`: the one with the fewest typing errors, at most one in three
/// letters. The first of equals.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let length = name.chars().count();
    let letters = letters_of(&name);
    let allowed = (length / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        // A single letter says nothing, and each difference in length is an error.
        if length < 2 || candidate.chars().count().abs_diff(length) > allowed {
            continue;
        }
        let candidate_folded = candidate.to_lowercase();
        // An error changes the set of letters by at most two, so only few of many candidates are compared letter by
        // letter.
        let others = (letters_of(&candidate_folded) ^ letters).count_ones() as usize;
        if others > allowed * 2 {
            continue;
        }
        let distance = strsim::osa_distance(&name, &candidate_folded);
        if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// The letters of a name as a set of 64.
fn letters_of(name: &str) -> u64 {
    name.chars().fold(0, |set, letter| set | 1 << (u32::from(letter) % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_mistakes_as_are_allowed_may_all_be_other_letters() {
        assert_eq!(nearest("abcdefghi", ["abcdefxyz"]), Some("abcdefxyz"));
        assert_eq!(nearest("abcdefghi", ["abcdewxyz"]), None);
    }

    #[test]
    fn the_nearest_name_is_the_one_with_the_fewest_mistakes() {
        let table = [
            ("emial", vec!["id", "email", "emails"], Some("email")),
            ("EMAIL", vec!["mail", "email"], Some("email")),
            ("custmers", vec!["orders", "customers"], Some("customers")),
            ("id", vec!["is", "in"], Some("is")),
            ("x", vec!["y"], None),
            ("orders", vec!["payments"], None),
            ("größe", vec!["grösse", "größen"], Some("größen")),
        ];
        for (name, candidates, expected) in table {
            assert_eq!(nearest(name, candidates), expected, "{name}");
        }
    }
}
