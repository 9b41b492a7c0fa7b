//! What the commands of psql in a file mean that is run without being opened: a closed list is done, some that only
//! change what psql prints are skipped, and everything else stops the file.

/// What a command is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// It is done already.
    Done,
    /// It only changes what psql prints; the user is told its name.
    Skip(String),
    /// From here on an error stops the file, or does not.
    StopOnError(bool),
    /// The client encoding becomes this one.
    Encoding(String),
    /// The rest of the file is not run.
    Quit,
}

/// The key of the `\restrict` that holds, if one does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restriction(Option<String>);

/// Judges a command; the reason in half a sentence where it is not done.
pub fn order(command: &str, restriction: &mut Restriction) -> Result<Order, String> {
    let command = command.trim();
    let at = command.find('\\').unwrap_or(0);
    let rest = command.get(at + 1..).unwrap_or("");
    let end = rest
        .find(|c: char| c.is_whitespace() || c == '\\')
        .unwrap_or(rest.len());
    let (name, arguments) = rest.split_at(end);
    let arguments = arguments.trim();
    let shown = format!("\\{name}");
    if at > 0 {
        return Err(format!("{shown} stands inside a statement"));
    }
    if let Some(key) = &restriction.0 {
        if name != "unrestrict" {
            return Err(format!("{shown} is not allowed behind \\restrict"));
        }
        if arguments != key {
            return Err("\\unrestrict has another key than \\restrict".into());
        }
        restriction.0 = None;
        return Ok(Order::Done);
    }
    // What psql prints may hold anything; of the others each is one word or two.
    let prints = [
        "echo", "qecho", "warn", "timing", "pset", "x", "a", "t", "H", "f", "C",
    ];
    if prints.contains(&name) && !arguments.contains('`') && !arguments.contains('\\') {
        return Ok(Order::Skip(shown));
    }
    if arguments.contains(['\\', '`', ':']) {
        return Err(format!("{shown} has arguments that only psql can read"));
    }
    let words: Vec<&str> = arguments
        .split_whitespace()
        .map(|word| word.trim_matches('\''))
        .collect();
    match (name, &words[..]) {
        ("restrict", [key]) => {
            restriction.0 = Some((*key).to_owned());
            Ok(Order::Done)
        }
        ("unrestrict", _) => Err("\\unrestrict has no \\restrict before it".into()),
        ("set", ["ON_ERROR_STOP"]) => Ok(Order::StopOnError(true)),
        ("set", ["ON_ERROR_STOP", value]) => match value.to_ascii_lowercase().as_str() {
            "on" | "true" | "yes" | "1" => Ok(Order::StopOnError(true)),
            "off" | "false" | "no" | "0" => Ok(Order::StopOnError(false)),
            _ => Err("\\set ON_ERROR_STOP is on or off".into()),
        },
        ("encoding", [name]) => Ok(Order::Encoding((*name).to_owned())),
        ("q" | "quit", []) => Ok(Order::Quit),
        ("connect" | "c", _) => Err(format!("{shown} connects elsewhere")),
        _ => Err(format!("{shown} is a command of psql, which is not SQL")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_list_is_done_and_the_rest_is_named() {
        let mut none = Restriction::default();
        let mut judge = |command: &str| order(command, &mut none);
        assert_eq!(judge("\\echo a 'b' :c"), Ok(Order::Skip("\\echo".into())));
        assert_eq!(
            judge("\\set ON_ERROR_STOP off"),
            Ok(Order::StopOnError(false))
        );
        assert_eq!(
            judge("\\encoding 'LATIN1'"),
            Ok(Order::Encoding("LATIN1".into()))
        );
        assert_eq!(judge("\\q"), Ok(Order::Quit));
        for command in [
            "\\connect x",
            "\\gexec",
            "\\;",
            "\\if true",
            "\\i a",
            "\\set x 1",
            "\\unrestrict a",
            "\\copy t from 'x'",
            "\\echo `ls`",
            "select 1 \\r",
        ] {
            assert!(judge(command).is_err(), "{command}");
        }
    }

    #[test]
    fn between_restrict_and_unrestrict_nothing_else_is_done() {
        let mut held = Restriction::default();
        assert_eq!(order("\\restrict aB1", &mut held), Ok(Order::Done));
        assert!(order("\\echo x", &mut held).is_err());
        assert!(order("\\restrict aB1", &mut held).is_err());
        assert!(order("\\unrestrict ab1", &mut held).is_err());
        assert_eq!(order("\\unrestrict aB1", &mut held), Ok(Order::Done));
        assert_eq!(
            order("\\echo x", &mut held),
            Ok(Order::Skip("\\echo".into()))
        );
    }
}
