//! The SSH tunnel, in parameters of Tusk's own: `ssh=user@host:port`, `ssh_auth`, `ssh_key`.

use super::{
    super::{SshAuth, SshTunnel},
    Parameters, ParseProblem,
    parameters::{bad, shown},
};
use crate::base::secret::MASK;

/// The default port of an SSH server.
pub(in crate::conninfo) const PORT: u16 = 22;

const PLACE: &str = "user@host:port, of which user and port may be left out";

/// The tunnel that the parameters name.
pub(super) fn tunnel(found: &mut Parameters) -> Result<Option<SshTunnel>, ParseProblem> {
    let auth = found.remove("ssh_auth");
    let key = found.remove("ssh_key");
    let Some(place) = found.remove("ssh") else {
        let orphan = [("ssh_auth", auth), ("ssh_key", key)];
        let orphan = orphan.into_iter().find_map(|(name, value)| Some((name, value?)));
        return match orphan {
            Some((name, value)) => Err(ParseProblem::Unsupported {
                name: name.into(),
                value: shown(&value),
                advice: "It belongs to a tunnel: add ssh=user@host:port.".into(),
            }),
            None => Ok(None),
        };
    };
    let (host, port, user) = server(&place)?;
    Ok(Some(SshTunnel { host, port, user, auth: auth_of(auth, key)? }))
}

fn auth_of(auth: Option<String>, key: Option<String>) -> Result<SshAuth, ParseProblem> {
    match (auth.as_deref(), key) {
        (Some("key") | None, Some(path)) => Ok(SshAuth::Key { path }),
        (Some("agent") | None, None) => Ok(SshAuth::Agent),
        (Some("password"), None) => Ok(SshAuth::Password),
        (Some("key"), None) => Err(bad("ssh_auth", "key", "key only with ssh_key=file")),
        (Some(other), Some(_)) => Err(bad("ssh_auth", other, "key where ssh_key names one")),
        (Some(other), None) => Err(bad("ssh_auth", other, "one of agent, key, password")),
    }
}

fn server(place: &str) -> Result<(String, u16, String), ParseProblem> {
    let (user, server) = place.rsplit_once('@').unwrap_or(("", place));
    if user.contains(':') {
        // That is a password, which belongs into a parameter of its own.
        return Err(bad("ssh", MASK, &format!("{PLACE}; the password goes into ssh_password")));
    }
    let (host, port) = match server.strip_prefix('[') {
        Some(inner) => inner
            .split_once(']')
            .and_then(|(host, rest)| match rest.strip_prefix(':') {
                Some(port) => Some((host, port)),
                None => rest.is_empty().then_some((host, "")),
            })
            .ok_or_else(|| bad("ssh", place, PLACE))?,
        None => match server.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') => (host, port),
            _ => (server, ""),
        },
    };
    let port = match port {
        "" => Some(PORT),
        port => port.parse().ok().filter(|port| *port > 0),
    };
    match port {
        Some(port) if !host.is_empty() => Ok((host.to_owned(), port, user.to_owned())),
        _ => Err(bad("ssh", place, PLACE)),
    }
}
