//! Logs the user in to the SSH server: with the agent's keys, a key file, or a password.
//!
//! A refusal says what was tried and what the server would still accept. If a password or passphrase may help, Tusk
//! asks for it.

#[cfg(unix)]
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::{Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg, decode_secret_key};
use russh::{MethodKind, MethodSet};
use zeroize::Zeroizing;

use super::{super::error, Watcher, host_keys::Server, lane::Traffic};
use crate::{
    base::secret::{Secret, SecretKind},
    conninfo::SshAuth,
    effects::regular_file::{self, SMALL},
    failure::{Category, Failure, Want},
};

pub struct Login<'way> {
    pub server: &'way Server,
    /// The user there.
    pub user: &'way str,
    /// How to log in.
    pub auth: &'way SshAuth,
    /// The password or the passphrase, if known.
    pub secret: Option<&'way Secret>,
    /// The agent's socket.
    pub agent: Option<&'way Path>,
    /// Knows when and why the session ended.
    pub traffic: &'way Traffic,
}

type Session = Handle<Watcher>;

/// The server's answer.
enum Asked {
    Taken,
    Refused(MethodSet, bool),
}

impl Login<'_> {
    pub async fn log_in(&self, session: &mut Session) -> Result<(), Failure> {
        if self.user.is_empty() {
            return Err(error::plain(
                Category::Ssh,
                "The tunnel names no user, and the operating system tells none.",
            )
            .with_next_step("Give the SSH tunnel a user."));
        }
        match self.auth {
            SshAuth::Agent => self.with_agent(session).await,
            SshAuth::Key { path } => self.with_key(session, path).await,
            SshAuth::Password => self.with_password(session).await,
        }
    }

    async fn with_key(&self, session: &mut Session, path: &str) -> Result<(), Failure> {
        let (file, secret) = (in_home(path), self.secret.cloned());
        let key = smol::unblock(move || read_key(&file, secret.as_ref())).await?;
        let hash = self.hash(session, &key.algorithm()).await?;
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
        let answer = session.authenticate_publickey(self.user, key).await;
        match self.answered(answer).await? {
            Asked::Taken => Ok(()),
            Asked::Refused(offers, partly) => {
                let failure = self.refused(&format!("the key {path}"), &offers, partly);
                Err(if partly {
                    failure
                } else {
                    failure.with_next_step(
                        "Add its public half to authorized_keys there, or choose another key or user for the tunnel.",
                    )
                })
            }
        }
    }

    async fn with_password(&self, session: &mut Session) -> Result<(), Failure> {
        let answer = session.authenticate_none(self.user).await;
        let Asked::Refused(offers, _) = self.answered(answer).await? else {
            return Ok(());
        };
        let Some(secret) = self.secret else {
            let message =
                format!("The SSH server {} wants a password for {}.", self.server, self.user);
            return Err(error::plain(Category::Ssh, message)
                .with_next_step("Type it when connecting asks for it.")
                .wanting(Want::Secret(SecretKind::Ssh)));
        };
        let mut last = (offers, false);
        if last.0.contains(&MethodKind::Password) {
            let answer = session.authenticate_password(self.user, secret.reveal()).await;
            match self.answered(answer).await? {
                Asked::Taken => return Ok(()),
                Asked::Refused(offers, partly) => last = (offers, partly),
            }
        } else if last.0.contains(&MethodKind::KeyboardInteractive) {
            match self.in_dialogue(session, secret).await? {
                Asked::Taken => return Ok(()),
                Asked::Refused(offers, partly) => last = (offers, partly),
            }
        } else {
            let failure = self.refused("a password", &last.0, false);
            return Err(
                failure.with_next_step("It takes no password: choose a key for the tunnel.")
            );
        }
        let (offers, partly) = last;
        let failure = self.refused("this password", &offers, partly);
        Err(if partly {
            failure
        } else {
            failure
                .with_next_step("Check the user and the password of the SSH tunnel.")
                .wanting(Want::Secret(SecretKind::Ssh))
        })
    }

    /// If the server asks for the password in a dialogue of its own, gives it once.
    async fn in_dialogue(&self, session: &mut Session, secret: &Secret) -> Result<Asked, Failure> {
        let mut given = false;
        let mut answer = session.authenticate_keyboard_interactive_start(self.user, None).await;
        loop {
            let prompts = match answer {
                Ok(KeyboardInteractiveAuthResponse::Success) => return Ok(Asked::Taken),
                Ok(KeyboardInteractiveAuthResponse::Failure {
                    remaining_methods,
                    partial_success,
                }) => return Ok(Asked::Refused(remaining_methods, partial_success)),
                Ok(KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. }) => prompts,
                Err(_) => return Err(self.traffic.until_end().await),
            };
            let responses = match prompts.as_slice() {
                [] => vec![],
                [prompt] if !prompt.echo && !given => {
                    given = true;
                    vec![secret.reveal().to_owned()]
                }
                [prompt, ..] => {
                    let message = format!(
                        "The SSH server {} asks “{}”, which Tusk has no answer to.",
                        self.server,
                        prompt.prompt.trim()
                    );
                    return Err(error::plain(Category::Ssh, message).with_next_step(
                        "A tunnel logs in with one password, a key or the agent. Choose a key, or have the password \
                         checked again.",
                    )
                    .wanting(Want::Secret(SecretKind::Ssh)));
                }
            };
            answer = session.authenticate_keyboard_interactive_respond(responses).await;
        }
    }

    /// RSA keys sign with SHA-2; the server says with which.
    async fn hash(
        &self,
        session: &Session,
        algorithm: &Algorithm,
    ) -> Result<Option<HashAlg>, Failure> {
        if !matches!(algorithm, Algorithm::Rsa { .. }) {
            return Ok(None);
        }
        match session.best_supported_rsa_hash().await {
            Ok(best) => Ok(Some(best.flatten().unwrap_or(HashAlg::Sha512))),
            Err(_) => Err(self.traffic.until_end().await),
        }
    }

    /// Reads the server's answer. If it hangs up instead, it has said why in `traffic`.
    async fn answered(&self, answer: Result<AuthResult, russh::Error>) -> Result<Asked, Failure> {
        match answer {
            Ok(AuthResult::Success) => Ok(Asked::Taken),
            Ok(AuthResult::Failure { remaining_methods, partial_success }) => {
                match self.traffic.end() {
                    // If the server accepts nothing more, the end merely follows from the refusal.
                    Some(failure) if !remaining_methods.is_empty() => Err(failure),
                    Some(_) | None => Ok(Asked::Refused(remaining_methods, partial_success)),
                }
            }
            Err(_) => Err(self.traffic.until_end().await),
        }
    }

    fn refused(&self, with: &str, offers: &MethodSet, partly: bool) -> Failure {
        let (server, user) = (self.server, self.user);
        let names: Vec<String> = offers.iter().map(String::from).collect();
        if partly {
            let message = format!(
                "The SSH server {server} took {with} of {user}, and wants {} as well.",
                names.join(", ")
            );
            return error::plain(Category::Ssh, message).with_next_step(
                "A tunnel logs in with one thing alone. Ask the server's administrator.",
            );
        }
        let message = format!("The SSH server {server} refused {with} for {user}.");
        let mut failure = error::plain(Category::Ssh, message);
        failure.detail = (!names.is_empty()).then(|| format!("It takes: {}.", names.join(", ")));
        failure
    }
}

#[cfg(unix)]
impl Login<'_> {
    async fn with_agent(&self, session: &mut Session) -> Result<(), Failure> {
        use async_compat::CompatExt as _;
        use russh::keys::agent::client::AgentClient;

        let Some(socket) = self.agent else {
            return Err(error::plain(
                Category::Ssh,
                "There is no SSH agent: SSH_AUTH_SOCK is not set.",
            )
            .with_next_step(
                "Start an agent (ssh-agent), give it a key (ssh-add), and start Tusk from there; or choose a key file \
                 for the tunnel.",
            ));
        };
        let stream = smol::Async::<std::os::unix::net::UnixStream>::connect(socket).await;
        let stream = stream.map_err(|cause| no_agent(socket, &cause))?;
        let mut agent = AgentClient::connect(stream.compat());
        if let Some(binding) = session.agent_session_binding()
            && agent.bind_session(binding, false).await.is_err()
        {
            // Only keys that are bound to certain servers need this, and only newer agents support it.
            log::debug!("the SSH agent does not bind sessions");
        }
        let identities = agent.request_identities().await.map_err(|cause| {
            let message = format!("The SSH agent does not tell its keys: {cause}.");
            error::plain(Category::Ssh, message)
        })?;
        if identities.is_empty() {
            return Err(error::plain(Category::Ssh, "The SSH agent has no key.")
                .with_next_step("Give it one: ssh-add."));
        }
        let mut offers = MethodSet::empty();
        let mut unwilling = None;
        for identity in &identities {
            let answer = match identity {
                russh::keys::agent::AgentIdentity::PublicKey { key, .. } => {
                    let hash = self.hash(session, &key.algorithm()).await?;
                    session
                        .authenticate_publickey_with(self.user, key.clone(), hash, &mut agent)
                        .await
                }
                russh::keys::agent::AgentIdentity::Certificate { certificate, .. } => {
                    let hash = self.hash(session, &certificate.algorithm()).await?;
                    let certificate = certificate.clone();
                    session
                        .authenticate_certificate_with(self.user, certificate, hash, &mut agent)
                        .await
                }
            };
            match answer {
                Ok(answer) => match self.answered(Ok(answer)).await? {
                    Asked::Taken => return Ok(()),
                    Asked::Refused(offered, true) => {
                        return Err(self.refused("a key of the agent", &offered, true));
                    }
                    Asked::Refused(offered, false) => offers = offered,
                },
                Err(cause) => match self.traffic.end() {
                    Some(failure) => return Err(failure),
                    None => unwilling = Some(cause.to_string()),
                },
            }
        }
        let mut failure = self.refused("every key of the agent", &offers, false);
        if let Some(cause) = unwilling {
            failure.detail = Some(format!("The agent did not sign with one of them: {cause}."));
        }
        Err(failure.with_next_step(
            "Give the agent the right key (ssh-add), add its public half to authorized_keys there, or choose a key \
             file for the tunnel.",
        ))
    }
}

#[cfg(not(unix))]
impl Login<'_> {
    async fn with_agent(&self, _: &mut Session) -> Result<(), Failure> {
        Err(error::plain(Category::Ssh, "Tusk speaks to no SSH agent on this system.")
            .with_next_step("Choose a key file for the tunnel."))
    }
}

#[cfg(unix)]
fn no_agent(socket: &Path, cause: &io::Error) -> Failure {
    let message = format!("The SSH agent at {} can't be reached: {cause}.", socket.display());
    error::plain(Category::Ssh, message).with_next_step(
        "SSH_AUTH_SOCK may be of an agent that has ended. Start Tusk where one runs.",
    )
}

/// Expands `~/` to the user's home directory.
fn in_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), dirs::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

/// Reads a private key in OpenSSH's own form, PEM, PKCS #8 or PuTTY's.
fn read_key(file: &Path, passphrase: Option<&Secret>) -> Result<PrivateKey, Failure> {
    let place = file.display();
    let text = match regular_file::read(file, SMALL).map(Zeroizing::new) {
        Ok(bytes) => Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()),
        Err(cause) => {
            let message = format!("The SSH key {place} can't be read: {cause}.");
            return Err(error::plain(Category::Ssh, message)
                .with_next_step("Check the path of the tunnel's key file and its permissions."));
        }
    };
    let is_encrypted = is_encrypted(&text);
    let passphrase = passphrase.filter(|secret| is_encrypted && !secret.is_empty());
    if is_encrypted && passphrase.is_none() {
        let message = format!("The SSH key {place} is encrypted.");
        return Err(error::plain(Category::Ssh, message)
            .with_next_step("Type its passphrase when connecting asks for it.")
            .wanting(Want::Secret(SecretKind::Ssh)));
    }
    decode_secret_key(&text, passphrase.map(Secret::reveal)).map_err(|cause| {
        let cause = error::chain(&cause);
        if is_encrypted {
            let message = format!("The passphrase does not open the SSH key {place}.");
            let mut failure = error::plain(Category::Ssh, message)
                .with_next_step(format!(
                    "Type the key's passphrase again. One that is encrypted in an old way is rewritten by: ssh-keygen \
                     -p -f {place}"
                ))
                .wanting(Want::Secret(SecretKind::Ssh));
            failure.detail = Some(format!("{cause}."));
            failure
        } else {
            let message = format!("The file {place} holds no SSH key that Tusk can read: {cause}.");
            error::plain(Category::Ssh, message)
                .with_next_step("Name a private key (not the .pub file) in OpenSSH or PEM form.")
        }
    })
}

fn is_encrypted(text: &str) -> bool {
    let openssh = PrivateKey::from_openssh(text);
    openssh.is_ok_and(|key| key.is_encrypted())
        || text.contains("ENCRYPTED")
        || (text.starts_with("PuTTY-User-Key-File-") && !text.contains("Encryption: none"))
}

#[cfg(test)]
mod tests;
