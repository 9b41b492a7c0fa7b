//! libpq's service files, purely: named sections of parameters.
//!
//! The rules are libpq's. A blank or a mistake in a section does not matter until the section is used, and the first
//! section of a name counts, like the first line of a parameter.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    lines::lines,
    parse::{is_parameter, is_secret},
};
use crate::base::secret::Secret;

/// A service file, as far as it could be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceFile {
    pub path: String,
    /// Its services, in order; or why it can't be read.
    pub services: Result<Vec<Service>, String>,
}

/// A section of a service file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// The text in its brackets.
    pub name: String,
    /// Its parameters, by libpq's names.
    pub parameters: BTreeMap<String, String>,
    /// Its secret parameters.
    pub secrets: BTreeMap<String, Secret>,
    /// The first line that can't be used.
    pub mistake: Option<Mistake>,
}

/// A line that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// The error, in a sentence that does not repeat the line.
    pub sentence: String,
}

pub fn services(file: &(impl AsRef<[u8]> + ?Sized)) -> Vec<Service> {
    let mut services: Vec<Service> = Vec::new();
    let mut in_section = false;
    for read in lines(file.as_ref()) {
        let line = read.text().trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(heading) = line.strip_prefix('[') {
            // Whatever follows the bracket does not matter, and an unclosed one begins nothing.
            in_section = heading.contains(']');
            services.extend(heading.split_once(']').map(|(name, _)| Service {
                name: name.to_owned(),
                parameters: BTreeMap::new(),
                secrets: BTreeMap::new(),
                mistake: None,
            }));
            continue;
        }
        // Lines before the first section belong to none, and those after a mistake are not read.
        let service = services.last_mut().filter(|one| one.mistake.is_none());
        let Some(service) = service.filter(|_| in_section) else {
            continue;
        };
        let taken = if read.is_utf8() {
            read_line(service, line)
        } else {
            Err("This line is not UTF-8. Write it anew as UTF-8.".into())
        };
        service.mistake = taken.err().map(|sentence| Mistake { line: read.number, sentence });
    }
    let mut seen = std::collections::BTreeSet::new();
    services.retain(|service| seen.insert(service.name.clone()));
    services
}

fn read_line(service: &mut Service, line: &str) -> Result<(), String> {
    if line.starts_with("ldap") {
        return Err("Tusk does not look services up in LDAP. Write its parameters here.".into());
    }
    let Some((name, value)) = line.split_once('=') else {
        return Err("A parameter has no value. Write name=value.".into());
    };
    if matches!(name, "service" | "servicefile") {
        return Err("A service can't name another one. Write its parameters here.".into());
    }
    if !is_parameter(name) {
        return Err(unknown(name));
    }
    if is_secret(name) {
        let secrets = &mut service.secrets;
        secrets.entry(name.to_owned()).or_insert_with(|| Secret::new(value));
    } else {
        let parameters = &mut service.parameters;
        parameters.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }
    Ok(())
}

fn unknown(name: &str) -> String {
    let blank = name.ends_with(char::is_whitespace) && is_parameter(name.trim_end());
    if blank {
        return format!("A service file has no blanks around =. Write {}=….", name.trim_end());
    }
    super::parse::unknown_parameter(name).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &(impl AsRef<[u8]> + ?Sized)) -> Vec<String> {
        let one = |service: Service| {
            let mut words = vec![format!("[{}]", service.name)];
            words.extend(service.parameters.iter().map(|(name, value)| format!("{name}={value}")));
            words.extend(
                service.secrets.iter().map(|(name, value)| format!("{name}={}", value.reveal())),
            );
            words.extend(service.mistake.map(|one| format!("{}: {}", one.line, one.sentence)));
            words.join("|")
        };
        services(text).into_iter().map(one).collect()
    }

    #[test]
    fn sections_comments_and_blanks_are_read_as_libpq_reads_them() {
        let text = "host=nobody\n# a comment\n  [shop] # main\n\thost=db.example  \nport=5433\r\n\n\
                    host=late\npassword= hunter2 \n application_name=a b=c\n[other]\n[open\nuser=nobody's\n\
                    [shop]\nuser=late\n";
        assert_eq!(
            read(text),
            [
                "[shop]|application_name=a b=c|host=db.example|port=5433|password= hunter2",
                "[other]",
            ]
        );
    }

    #[test]
    fn a_line_that_cannot_be_used_is_told_with_its_number_and_ends_its_section() {
        let table = [
            ("[a]\nhost", "[a]|2: A parameter has no value. Write name=value."),
            (
                "[a]\nhost = h\nport=1",
                "[a]|2: A service file has no blanks around =. Write host=….",
            ),
            (
                "[a]\nport=1\nhots=h",
                "[a]|port=1|3: “hots” is not a connection parameter. Did you mean host?",
            ),
            (
                "[a]\nservice=b",
                "[a]|2: A service can't name another one. Write its parameters here.",
            ),
            (
                "[a]\nldap://h/x?y",
                "[a]|2: Tusk does not look services up in LDAP. Write its parameters here.",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(read(text), [expected], "{text}");
        }
    }

    #[test]
    fn a_byte_that_is_no_text_spoils_its_own_service_alone() {
        let file =
            b"# \xfcber uns\n[a]\nuser=m\xfcller\nport=1\n[b]\n# \xff\nhost=h\n[\xff]\nhost=h";
        assert_eq!(
            read(file),
            [
                "[a]|3: This line is not UTF-8. Write it anew as UTF-8.",
                "[b]|host=h",
                "[\u{fffd}]|host=h",
            ]
        );
    }

    #[test]
    fn nothing_prints_a_service_s_password() {
        let service = services("[a]\npassword=hunter2\nsslpassword=hunter3");
        let printed = format!("{service:?} {}", serde_json::to_string(&service).unwrap());
        assert!(!printed.contains("hunter"), "{printed}");
    }
}
