//! Several servers in one text: libpq's comma-separated lists, and the `a:5432,b:5433` that people type.

use super::{Config, Defaults, Endpoint, ParseProblem};

/// The default port.
pub(super) const PORT: u16 = 5432;

/// The servers in libpq's `host`, `hostaddr` and `port`. If there are addresses, their number is the number of servers,
/// otherwise that of the hosts; one port is for all, and more must be as many as the servers.
pub(super) fn endpoints(
    host: &str,
    hostaddr: &str,
    port: &str,
    defaults: &Defaults,
) -> Result<Vec<Endpoint>, ParseProblem> {
    let (hosts, addresses, ports) = (elements(host), elements(hostaddr), elements(port));
    let count = addresses.len().max(hosts.len()).max(1);
    if !addresses.is_empty() && !hosts.is_empty() && addresses.len() != hosts.len() {
        return Err(counts("addresses", addresses.len(), hosts.len()));
    }
    if ports.len() > 1 && ports.len() != count {
        return Err(counts("ports", ports.len(), count));
    }
    let nth = |list: &[&str], index: usize| list.get(index).map_or("", |one| *one).to_owned();
    (0..count)
        .map(|index| {
            let written = ports.get(if ports.len() == 1 { 0 } else { index });
            let port = port_of(written.copied().unwrap_or_default())?;
            let hostaddr = checked_address(nth(&addresses, index))?;
            let host = nth(&hosts, index);
            Ok(match (host.is_empty(), hostaddr.is_empty()) {
                (true, true) => Endpoint { host: defaults.host(port), port, hostaddr },
                // An address alone is the host, even if the environment names a socket; one that equals the host says
                // nothing new.
                (_, false) if host.is_empty() || host.starts_with(['/', '@']) => {
                    Endpoint { host: hostaddr, port, hostaddr: String::new() }
                }
                _ => Endpoint {
                    hostaddr: if hostaddr == host { String::new() } else { hostaddr },
                    host,
                    port,
                },
            })
        })
        .collect()
}

/// The servers in the dialog's field: `localhost`, `a:5432,b:5433`, `[::1]:5432`, `/run/postgresql`; those without a
/// port get the one in the port's field.
fn typed(text: &str, port: u16) -> Result<Vec<Endpoint>, &'static str> {
    text.split(',')
        .map(|one| {
            let (host, own) = host_and_port(one.trim())?;
            let port = match own {
                "" => port,
                own => port_of(own).map_err(|_| PORT_SENTENCE)?,
            };
            Ok(Endpoint { host: host.to_owned(), port, hostaddr: String::new() })
        })
        .collect()
}

const PORT_SENTENCE: &str = "A host's port is a number from 1 to 65535: a:5432,b:5433.";
const BRACKETS_SENTENCE: &str = "Write an IPv6 address with a port as [::1]:5432.";

fn host_and_port(one: &str) -> Result<(&str, &str), &'static str> {
    if let Some(inner) = one.strip_prefix('[') {
        let (host, rest) = inner.split_once(']').ok_or(BRACKETS_SENTENCE)?;
        let port = match rest.strip_prefix(':') {
            Some(port) => port,
            None if rest.is_empty() => "",
            None => return Err(BRACKETS_SENTENCE),
        };
        return Ok((host, port));
    }
    Ok(match one.rsplit_once(':') {
        // A second colon means an IPv6 address without its brackets; // means a URL, about which the host's own check
        // says more.
        Some((host, port)) if !host.contains(':') && !port.starts_with("//") => (host, port),
        _ => (one, ""),
    })
}

impl Config {
    /// The servers in the dialog's field; those without a port get this one.
    pub fn read_hosts(text: &str, port: u16) -> Result<Vec<Endpoint>, &'static str> {
        typed(text, port)
    }

    /// The servers for the dialog's field, with the port if there are several.
    pub fn typed_hosts(&self) -> String {
        if self.fallbacks.is_empty() {
            return self.host.clone();
        }
        let shown: Vec<String> = self.endpoints().map(|one| one.shown()).collect();
        shown.join(",")
    }
}

impl Endpoint {
    /// Host and port, `localhost:5432`, `[::1]:5432`.
    pub fn shown(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port)
    }

    /// Whether the host is the directory of a Unix socket (or an abstract one).
    pub fn is_socket(&self) -> bool {
        self.host.starts_with(['/', '@'])
    }

    fn bracketed(&self) -> String {
        if self.host.contains(':') && !self.is_socket() {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        }
    }
}

fn elements(list: &str) -> Vec<&str> {
    if list.is_empty() { Vec::new() } else { list.split(',').collect() }
}

fn counts(what: &str, count: usize, hosts: usize) -> ParseProblem {
    ParseProblem::Counts { what: what.into(), count, hosts }
}

fn port_of(text: &str) -> Result<u16, ParseProblem> {
    if text.is_empty() {
        return Ok(PORT);
    }
    let port: u16 = text.trim().parse().map_err(|_| ParseProblem::Port)?;
    if port == 0 { Err(ParseProblem::Port) } else { Ok(port) }
}

fn checked_address(address: String) -> Result<String, ParseProblem> {
    let plain = address.split_once('%').map_or(address.as_str(), |(plain, _zone)| plain);
    if address.is_empty() || plain.parse::<core::net::IpAddr>().is_ok() {
        return Ok(address);
    }
    Err(ParseProblem::BadValue {
        name: "hostaddr".into(),
        value: super::parse::shown(&address),
        expected: "an IP address; a name goes into host".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(host: &str, hostaddr: &str, port: &str) -> String {
        match endpoints(host, hostaddr, port, &Defaults::default()) {
            Ok(list) => {
                let one = |one: &Endpoint| match one.hostaddr.as_str() {
                    "" => one.shown(),
                    address => format!("{}={address}", one.shown()),
                };
                list.iter().map(one).collect::<Vec<_>>().join(" ")
            }
            Err(problem) => problem.to_string(),
        }
    }

    #[test]
    fn hosts_addresses_and_ports_are_matched_as_libpq_matches_them() {
        let table = [
            ("", "", "", "localhost:5432"),
            ("", "", "6000", "localhost:6000"),
            ("a,b", "", "", "a:5432 b:5432"),
            ("a,b", "", "1", "a:1 b:1"),
            ("a,b", "", "1,2", "a:1 b:2"),
            ("a,b", "", "1,", "a:1 b:5432"),
            ("a,,/tmp", "", ",2,", "a:5432 localhost:2 /tmp:5432"),
            ("", "::1,10.0.0.1", "1", "[::1]:1 10.0.0.1:1"),
            ("a,b", "::1,10.0.0.1", "", "a:5432=::1 b:5432=10.0.0.1"),
            ("a,b", "::1,", "", "a:5432=::1 b:5432"),
            (
                "a,b",
                "",
                "1,2,3",
                "There are 3 ports for 2 hosts. Name as many, or one port for all.",
            ),
            ("a", "", "1,2", "There are 2 ports for 1 host. Name as many, or one port for all."),
            ("a,b,c", "::1,::2", "", "There are 2 addresses for 3 hosts. Name as many."),
            ("a", "::1,::2", "", "There are 2 addresses for 1 host. Name as many."),
        ];
        for (host, hostaddr, port, expected) in table {
            assert_eq!(shown(host, hostaddr, port), expected, "{host} {hostaddr} {port}");
        }
    }

    #[test]
    fn the_socket_of_a_local_server_is_the_host_that_nobody_named() {
        let defaults =
            Defaults { sockets: vec![("/run/postgresql".into(), 5433)], ..Defaults::default() };
        let host = |port| endpoints("", "", port, &defaults).unwrap().remove(0).shown();
        assert_eq!(host("5433"), "/run/postgresql:5433");
        assert_eq!(host("5432"), "localhost:5432");
    }

    #[test]
    fn the_field_of_the_dialog_takes_one_server_or_several() {
        let read = |text| {
            typed(text, 7)
                .map(|list| list.iter().map(Endpoint::shown).collect::<Vec<_>>().join(" "))
        };
        let table = [
            ("db", Ok("db:7")),
            ("db:8", Ok("db:8")),
            (" a:1 , b ", Ok("a:1 b:7")),
            ("::1", Ok("[::1]:7")),
            ("[::1]:9,x", Ok("[::1]:9 x:7")),
            ("/run/pg,/tmp:9", Ok("/run/pg:7 /tmp:9")),
            ("a:", Ok("a:7")),
            ("a:b", Err(PORT_SENTENCE)),
            ("a:0", Err(PORT_SENTENCE)),
            ("[::1", Err(BRACKETS_SENTENCE)),
            ("[::1]5", Err(BRACKETS_SENTENCE)),
        ];
        for (text, expected) in table {
            assert_eq!(read(text), expected.map(String::from), "{text}");
        }
        let mut config = Config::default();
        config.set_endpoints(typed("a:1,[::1]:2", 7).unwrap());
        assert_eq!(config.typed_hosts(), "a:1,[::1]:2");
    }
}
