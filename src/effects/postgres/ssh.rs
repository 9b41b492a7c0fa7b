//! The SSH tunnel: one session with an SSH server, and through it a channel for each link of a connection.
//!
//! The SSH server looks up and reaches the database's host. russh speaks the protocol, on the runtime that async-compat
//! has anyway; the socket is smol's. `host_keys` decides which server is the right one, `login` authenticates the user,
//! `lane` carries the bytes. When the tunnel ends, each of its channels ends with the tunnel's own reason.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_compat::Compat;
use russh::client::{self, DisconnectReason, Handle, Session};
use russh::keys::PublicKeyOrCertificate;
use russh::{Channel, ChannelId, ChannelOpenFailure, Disconnect, Preferred};
use smol::Async;

use self::{
    host_keys::{Known, Server},
    lane::{Socket, Traffic, closed_by_server},
};
use super::{connect::liveness::notice_cut_networks, error, locked};
use crate::{
    base::secret::{Secret, SecretKind, Secrets},
    conninfo::{Config, Keepalive, SshTunnel},
    effects::tls_files,
    failure::{Category, Failure},
};

pub use host_keys::KnownHosts;
pub use lane::{Backlog, Ended, Lane};

mod host_keys;
mod lane;
mod login;

/// What this machine offers for connections: for SSH, known servers, an agent, a user name; for TLS, the user's own
/// files.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The files of known hosts.
    pub known_hosts: KnownHosts,
    /// The agent's socket.
    pub agent: Option<PathBuf>,
    /// The user, if the tunnel names none.
    pub user: String,
    /// How long the server may be silent before Tusk probes it. After three probes, each this long after the one
    /// before, it counts as gone.
    pub keepalive: Duration,
    /// The directory of libpq's usual files for TLS.
    pub tls_files: Option<PathBuf>,
}

/// How many probes a silent server gets.
const KEEPALIVES: usize = 3;
/// How long a dropped tunnel has to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

impl Surroundings {
    /// This process's surroundings. Tusk's own known hosts are in its data directory.
    pub fn of_system(data_dir: &Path) -> Self {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let user = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(set);
        Self {
            known_hosts: KnownHosts::of_system(data_dir),
            agent: set("SSH_AUTH_SOCK").map(PathBuf::from),
            user: user.map(|user| user.to_string_lossy().into_owned()).unwrap_or_default(),
            keepalive: Duration::from_secs(15),
            tls_files: tls_files::directory(
                &|name| std::env::var(name).ok(),
                std::env::home_dir().as_deref(),
            ),
        }
    }

    /// The same without the user's own TLS files: for tests, which must run alike for everybody.
    pub fn without_tls_files(data_dir: &Path) -> Self {
        Self { tls_files: None, ..Self::of_system(data_dir) }
    }
}

/// A place behind the SSH server.
#[derive(Clone, Debug)]
pub enum Far {
    /// A host and a port.
    Tcp(String, u16),
    /// A Unix socket.
    Unix(String),
}

impl std::fmt::Display for Far {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(host, port) => write!(formatter, "{host}:{port}"),
            Self::Unix(path) => write!(formatter, "the socket {path}"),
        }
    }
}

/// A connection's route through its SSH server: makes the tunnel when it is first needed, and again when it has ended.
pub struct Way {
    tunnel: SshTunnel,
    server: Server,
    secret: Option<Secret>,
    surroundings: Arc<Surroundings>,
    connect_timeout_s: u32,
    keepalive: Keepalive,
    standing: smol::lock::Mutex<Option<Arc<Tunnel>>>,
}

impl std::fmt::Debug for Way {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Way").field(&self.server).finish()
    }
}

impl Way {
    /// The route for a configuration, if it uses a tunnel.
    pub fn of(config: &Config, secrets: &Secrets, surroundings: Arc<Surroundings>) -> Option<Self> {
        let tunnel = config.ssh.clone()?;
        Some(Self {
            server: Server { host: tunnel.host.clone(), port: tunnel.port },
            secret: secrets.get(SecretKind::Ssh).cloned(),
            surroundings,
            connect_timeout_s: config.connect_timeout_s,
            keepalive: config.keepalive,
            standing: smol::lock::Mutex::new(None),
            tunnel,
        })
    }

    /// Opens a channel to a place behind the server.
    pub async fn open(&self, far: &Far) -> Result<Lane, Failure> {
        self.tunnel().await?.open(far).await
    }

    /// The timeout's failure, if it is the SSH server that has not answered.
    pub fn timed_out(&self) -> Option<Failure> {
        let standing = self.standing.try_lock();
        let stands = standing.is_some_and(|tunnel| tunnel.is_some());
        (!stands).then(|| {
            let message = format!(
                "The SSH server {} did not answer within {} s.",
                self.server, self.connect_timeout_s
            );
            error::plain(Category::Ssh, message)
                .with_next_step("Check its host and port, the network and the VPN.")
        })
    }

    /// The tunnel. Callers wait while it is being made.
    async fn tunnel(&self) -> Result<Arc<Tunnel>, Failure> {
        let mut standing = self.standing.lock().await;
        let stands = |tunnel: &&Arc<Tunnel>| tunnel.traffic.end().is_none();
        if let Some(tunnel) = standing.as_ref().filter(stands) {
            return Ok(tunnel.clone());
        }
        *standing = None;
        // Boxed: russh keeps much state during the handshake, and every caller's future would be as large.
        let tunnel = Arc::new(Compat::new(Box::pin(self.establish())).await?);
        *standing = Some(tunnel.clone());
        Ok(tunnel)
    }

    /// Connects to the server, makes sure that it is the right one, and logs in. Must run on tokio's runtime.
    async fn establish(&self) -> Result<Tunnel, Failure> {
        let (known_hosts, server) = (self.surroundings.known_hosts.clone(), self.server.clone());
        let known = smol::unblock(move || known_hosts.of(&server)).await?;
        let traffic = Arc::new(Traffic::default());
        let mut guard = CutOnDrop(Some(traffic.clone()));
        let socket = Socket::new(self.reach().await?, traffic.clone());
        let preferred = Preferred {
            key: known.preferred(&Preferred::DEFAULT.key).into(),
            ..Preferred::DEFAULT
        };
        let config = client::Config {
            preferred,
            keepalive_interval: Some(self.surroundings.keepalive),
            keepalive_max: KEEPALIVES,
            ..client::Config::default()
        };
        let judged = Arc::new(Mutex::new(None));
        let watcher = Watcher { known, judged: judged.clone(), traffic: traffic.clone() };
        let connecting = client::connect_stream(Arc::new(config), socket, watcher);
        let connected = Box::pin(connecting).await;
        let mut session = connected.map_err(|cause| {
            let judged = locked(&judged).take();
            judged.unwrap_or_else(|| no_session(&self.server, &cause))
        })?;
        let login = login::Login {
            server: &self.server,
            user: match self.tunnel.user.as_str() {
                "" => &self.surroundings.user,
                user => user,
            },
            auth: &self.tunnel.auth,
            secret: self.secret.as_ref(),
            agent: self.surroundings.agent.as_deref(),
            traffic: &traffic,
        };
        Box::pin(login.log_in(&mut session)).await?;
        guard.0 = None;
        Ok(Tunnel {
            session: Arc::new(session),
            traffic,
            runtime: tokio::runtime::Handle::current(),
            server: self.server.clone(),
        })
    }

    /// Connects to the first of the server's addresses that answers.
    async fn reach(&self) -> Result<Async<std::net::TcpStream>, Failure> {
        let Server { host, port } = &self.server;
        let found = smol::net::resolve((host.as_str(), *port)).await;
        let addresses = found.map_err(|cause| {
            let message = format!("The SSH server {host} could not be looked up: {cause}.");
            error::plain(Category::Ssh, message)
                .with_next_step("Check the name of the tunnel's host, the network and the VPN.")
        })?;
        let share = f64::from(self.connect_timeout_s) / addresses.len().max(1) as f64;
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in &addresses {
            let connecting = Async::<std::net::TcpStream>::connect(*address);
            let connected = if addresses.len() > 1 && share > 0.0 {
                let timeout = async {
                    smol::Timer::after(Duration::from_secs_f64(share)).await;
                    Err(io::ErrorKind::TimedOut.into())
                };
                smol::future::or(connecting, timeout).await
            } else {
                connecting.await
            };
            let watched = connected.and_then(|stream| {
                notice_cut_networks(&stream, self.keepalive)?;
                Ok(stream)
            });
            match watched {
                Ok(stream) => return Ok(stream),
                Err(cause) => last = cause,
            }
        }
        let reason = error::from_io(&last).message;
        let message = format!("The SSH server {} can't be reached. {reason}", self.server);
        Err(error::plain(Category::Ssh, message)
            .with_next_step("Check the tunnel's host and port, the network and the VPN."))
    }
}

/// A session with an SSH server that knows the user. Dropping the last handle ends it.
pub struct Tunnel {
    session: Arc<Handle<Watcher>>,
    traffic: Arc<Traffic>,
    runtime: tokio::runtime::Handle,
    server: Server,
}

impl Tunnel {
    async fn open(self: &Arc<Self>, far: &Far) -> Result<Lane, Failure> {
        let (reply, answer) = flume::bounded(1);
        let (tunnel, far) = (self.clone(), far.clone());
        // The opening goes on when nobody waits for it any more: a channel that comes too late is closed again.
        self.runtime.spawn(async move {
            if reply.send(tunnel.open_here(&far).await).is_err() {
                log::debug!("a lane through the tunnel was opened too late");
            }
        });
        let answer = answer.recv_async().await;
        answer.unwrap_or_else(|_| Err(closed_by_server(&self.server)))
    }

    async fn open_here(self: &Arc<Self>, far: &Far) -> Result<Lane, Failure> {
        let opened = match far {
            Far::Tcp(host, port) => {
                let port = u32::from(*port);
                let opening = self.session.channel_open_direct_tcpip(host, port, "127.0.0.1", 0);
                opening.await
            }
            Far::Unix(path) => self.session.channel_open_direct_streamlocal(path).await,
        };
        match opened {
            Ok(channel) => Ok(Lane::new(channel, self.clone())),
            Err(russh::Error::ChannelOpenFailure(reason)) => Err(self.refused(far, &reason).await),
            Err(_) => Err(self.traffic.until_end().await),
        }
    }

    /// Why the server opened no channel. Its own message comes a moment after its refusal, in any case before its
    /// answer to what is sent now.
    async fn refused(&self, far: &Far, reason: &ChannelOpenFailure) -> Failure {
        if self.session.send_ping().await.is_err() {
            log::debug!("the tunnel ended with the refusal of a channel");
        }
        let words = self.traffic.refusal();
        let words = words.unwrap_or_else(|| reason.description().to_owned());
        let server = &self.server;
        match reason {
            ChannelOpenFailure::AdministrativelyProhibited => error::plain(
                Category::Ssh,
                format!("The SSH server {server} does not allow a tunnel to {far}: {words}."),
            )
            .with_next_step(
                "Its administrator can allow it: AllowTcpForwarding and PermitOpen in sshd_config, and the options of \
                 the key in authorized_keys.",
            ),
            ChannelOpenFailure::ConnectFailed => error::plain(
                Category::Connection,
                format!("The SSH server {server} could not reach {far}: {words}."),
            )
            .with_next_step(
                "The tunnel itself works. Check the database's host and port as the SSH server sees them; the host \
                 is looked up there.",
            ),
            _ => error::plain(
                Category::Ssh,
                format!("The SSH server {server} opened no way to {far}: {words}."),
            ),
        }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        let message = format!("The SSH tunnel to {} was closed.", self.server);
        let (session, traffic) = (self.session.clone(), self.traffic.clone());
        self.runtime.spawn(async move {
            let told = session.disconnect(Disconnect::ByApplication, "", "").await;
            if told.is_ok() {
                let timeout = async {
                    smol::Timer::after(GOODBYE).await;
                    error::plain(Category::Ssh, message)
                };
                smol::future::or(traffic.until_end(), timeout).await;
            }
            traffic.cut();
        });
    }
}

/// Drops the socket of a tunnel that was not finished.
struct CutOnDrop(Option<Arc<Traffic>>);

impl Drop for CutOnDrop {
    fn drop(&mut self) {
        if let Some(traffic) = &self.0 {
            traffic.cut();
        }
    }
}

/// Receives russh's events for the session.
struct Watcher {
    known: Known,
    judged: Arc<Mutex<Option<Failure>>>,
    traffic: Arc<Traffic>,
}

impl Watcher {
    fn ended(&self, cause: &russh::Error) {
        self.traffic.ended(lost(self.known.server(), cause));
    }
}

/// Refuses a channel that the server opens by itself: Tusk asked for none.
macro_rules! refuse {
    ($($name:ident($($argument:ty),*);)*) => {
        $(async fn $name(
            &mut self,
            _: Channel<client::Msg>,
            $(_: $argument,)*
            reply: client::ChannelOpenHandle,
            _: &mut Session,
        ) -> Result<(), russh::Error> {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
            Ok(())
        })*
    };
}

impl client::Handler for Watcher {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        let judgement = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => self.known.judge(key),
            // Tusk asked for no certificate.
            PublicKeyOrCertificate::Certificate(_) => {
                Err(no_session(self.known.server(), &russh::Error::UnknownAlgo))
            }
        };
        let trusted = judgement.is_ok();
        *locked(&self.judged) = judgement.err();
        Ok(trusted)
    }

    async fn channel_open_confirmation(
        &mut self,
        id: ChannelId,
        _: u32,
        _: u32,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        self.traffic.opened(id);
        Ok(())
    }

    async fn channel_open_failure(
        &mut self,
        _: ChannelId,
        _: ChannelOpenFailure,
        words: &str,
        _: &str,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        self.traffic.refused(words);
        Ok(())
    }

    async fn data(
        &mut self,
        id: ChannelId,
        bytes: &[u8],
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        self.traffic.arrived(id, bytes).await;
        Ok(())
    }

    async fn channel_eof(&mut self, id: ChannelId, _: &mut Session) -> Result<(), russh::Error> {
        self.traffic.complete(id);
        Ok(())
    }

    async fn channel_close(&mut self, id: ChannelId, _: &mut Session) -> Result<(), russh::Error> {
        self.traffic.complete(id);
        Ok(())
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<russh::Error>,
    ) -> Result<(), russh::Error> {
        match reason {
            DisconnectReason::ReceivedDisconnect(said) => {
                self.traffic.ended(said_goodbye(self.known.server(), &said.message));
                Ok(())
            }
            DisconnectReason::Error(cause) => {
                self.ended(&cause);
                Err(cause)
            }
        }
    }

    refuse! {
        server_channel_open_forwarded_tcpip(&str, u32, &str, u32);
        server_channel_open_forwarded_streamlocal(&str);
        server_channel_open_agent_forward();
        server_channel_open_session();
        server_channel_open_direct_tcpip(&str, u32, &str, u32);
        server_channel_open_direct_streamlocal(&str);
        server_channel_open_x11(&str, u32);
    }
}

/// The session's task drops this before it drops the channels, however it ends.
impl Drop for Watcher {
    fn drop(&mut self) {
        self.traffic.ended(closed_by_server(self.known.server()));
    }
}

fn said_goodbye(server: &Server, words: &str) -> Failure {
    match words.trim() {
        "" => closed_by_server(server),
        words => error::plain(
            Category::Ssh,
            format!(
                "The SSH tunnel to {server} was closed by the server: {}.",
                words.trim_end_matches('.')
            ),
        ),
    }
}

/// Why a working tunnel has ended.
fn lost(server: &Server, cause: &russh::Error) -> Failure {
    use io::ErrorKind::{BrokenPipe, TimedOut, UnexpectedEof};
    let message = match cause {
        russh::Error::KeepaliveTimeout => {
            format!("The SSH tunnel to {server} timed out: the server does not answer any more.")
        }
        russh::Error::IO(cause) if cause.kind() == TimedOut => {
            format!("The SSH tunnel to {server} timed out: the network is cut.")
        }
        russh::Error::HUP | russh::Error::Disconnect => return closed_by_server(server),
        russh::Error::IO(cause) if matches!(cause.kind(), UnexpectedEof | BrokenPipe) => {
            return closed_by_server(server);
        }
        russh::Error::IO(cause) => {
            format!("The SSH tunnel to {server} broke. {}", error::from_io(cause).message)
        }
        other => format!("The SSH tunnel to {server} broke: {}.", error::chain(other)),
    };
    error::plain(Category::Ssh, message)
}

/// Why a session with the server could not be established.
fn no_session(server: &Server, cause: &russh::Error) -> Failure {
    use io::ErrorKind::{InvalidData, UnexpectedEof};
    let message = match cause {
        russh::Error::NoCommonAlgo { kind, theirs, .. } => format!(
            "The SSH server {server} and Tusk have no {kind:?} algorithm in common; it offers {}.",
            theirs.join(", ")
        ),
        russh::Error::Version => format!("No SSH server: {server} speaks another protocol."),
        russh::Error::IO(cause) if cause.kind() == InvalidData => {
            format!("No SSH server: {server} speaks another protocol.")
        }
        russh::Error::HUP | russh::Error::Disconnect => {
            format!("The SSH server {server} closed the connection at once.")
        }
        russh::Error::IO(cause) if cause.kind() == UnexpectedEof => {
            format!("The SSH server {server} closed the connection at once.")
        }
        russh::Error::IO(cause) => {
            format!("The SSH server {server} can't be reached. {}", error::from_io(cause).message)
        }
        russh::Error::WrongServerSig => {
            format!("The SSH server {server} does not have the key that it shows.")
        }
        other => format!("No SSH session with {server} came about: {}.", error::chain(other)),
    };
    error::plain(Category::Ssh, message)
        .with_next_step("Check the tunnel's host and port. The server may also have refused this address for a while.")
}
