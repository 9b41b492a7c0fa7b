//! From a configuration to a link that has logged in.
//!
//! The socket is smol's, the SSLRequest is sent here, so that every one of libpq's modes is kept to the letter, and
//! the whole of it (name, socket, TLS, start-up, password) is bounded by one timeout.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_compat::CompatExt;
use smol::Async;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::lock::OnceCell;
use socket2::{SockRef, TcpKeepalive};
use tokio_postgres::config::{SslMode as DriverSslMode, SslNegotiation};
use tokio_postgres::tls::ChannelBinding;
use tokio_postgres::{Client, Connection};

use super::error;
use super::ssh::{Backlog, Far, Lane, Surroundings, Way};
use super::tap::{AsItIs, Learnt, Tap, Wire};
use super::tls::{Secured, Tls};
use crate::update::config::{Config, SslMode};
use crate::update::failure::{Category, Failure};
use crate::update::secret::{SecretKind, Secrets};

/// Where and how to connect: a configuration, its password, and the certificates of its files.
pub struct Target {
    /// The configuration.
    pub config: Config,
    secrets: Secrets,
    tls: OnceCell<Tls>,
    /// The tunnel to go through.
    way: Option<Arc<Way>>,
}

/// A link that has logged in, not yet driven.
pub struct Fresh {
    /// The driver's handle.
    pub client: Client,
    /// The driver's half that does the IO.
    pub connection: Connection<Tap, Tap>,
    /// What the tap learns.
    pub learnt: Arc<Mutex<Learnt>>,
    /// How the same server is reached again, for a cancel.
    pub route: Route,
    /// How the link is secured, in words.
    pub security: String,
    /// How much waits unread in a tunnel.
    pub backlog: Option<Backlog>,
}

/// The address that answered, and whether TLS was spoken.
#[derive(Clone, Debug)]
pub struct Route {
    address: Address,
    encrypted: bool,
}

#[derive(Clone, Debug)]
enum Address {
    Tcp(SocketAddr),
    #[cfg(unix)]
    Unix(String),
    /// Behind the SSH server, which looks it up.
    Tunnelled(Arc<Way>, Far),
}

/// One way to secure a link.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Want {
    Plain,
    TlsOrPlain,
    Tls,
}

/// A socket before TLS.
enum Socket {
    Tcp(Async<std::net::TcpStream>),
    #[cfg(unix)]
    Unix(Async<std::os::unix::net::UnixStream>),
    Tunnelled(Lane),
}

/// A link before the start-up message.
struct Raw {
    wire: Box<dyn Wire>,
    channel_binding: ChannelBinding,
    security: String,
    route: Route,
}

/// How long until a server that is starting up is asked again.
const START_UP_PAUSE: Duration = Duration::from_millis(200);

impl Target {
    /// A target whose files are read when TLS is first needed.
    pub fn new(config: Config, secrets: Secrets, surroundings: Arc<Surroundings>) -> Self {
        Self {
            way: Way::of(&config, &secrets, surroundings).map(Arc::new),
            config,
            secrets,
            tls: OnceCell::new(),
        }
    }

    /// Connects and logs in, within the configuration's timeout.
    pub async fn connect(&self) -> Result<Fresh, Failure> {
        let starting = Mutex::new(None);
        let connected = async {
            loop {
                match self.connect_once().await {
                    Err(failure) if failure.is("57P03") => {
                        *super::locked(&starting) = Some(failure);
                        smol::Timer::after(START_UP_PAUSE).await;
                    }
                    other => return other,
                }
            }
        };
        let seconds = self.config.connect_timeout_s;
        let connected = within(seconds, connected).await;
        connected.unwrap_or_else(|| {
            let message = format!("{} did not answer within {seconds} s.", self.place());
            let tunnel = self.way.as_ref().and_then(|way| way.timed_out());
            Err(super::locked(&starting)
                .take()
                .or(tunnel)
                .unwrap_or_else(|| error::plain(Category::Connection, message)))
        })
    }

    /// Asks the server to cancel what the process does, over a socket of its own that is read to its end: only then
    /// can the request no longer hit what comes next.
    pub async fn cancel(&self, route: &Route, backend_pid: i32, key: i32) -> Result<(), Failure> {
        let cancelled = async {
            let socket = open(&route.address).await?;
            let want = if route.encrypted {
                Want::Tls
            } else {
                Want::Plain
            };
            let mut wire = self
                .secure(socket, want, route.address.clone())
                .await?
                .wire
                .compat();
            let mut request = [0; 16];
            let words = [16, CANCEL_REQUEST, backend_pid, key];
            for (bytes, word) in request.chunks_exact_mut(4).zip(words) {
                bytes.copy_from_slice(&word.to_be_bytes());
            }
            let sent = async {
                wire.write_all(&request).await?;
                wire.flush().await?;
                while wire.read(&mut request).await? > 0 {}
                io::Result::Ok(())
            };
            match sent.await {
                Ok(()) => Ok(()),
                // The server hangs up when it has handled the request; TLS calls that an unexpected end.
                Err(cause) if is_hang_up(&cause) => Ok(()),
                Err(cause) => Err(error::from_io(&cause)),
            }
        };
        let timeout = error::plain(
            Category::Connection,
            "The server took no cancel request in time.",
        );
        within(self.config.connect_timeout_s, cancelled)
            .await
            .unwrap_or(Err(timeout))
    }

    /// The server in words, for sentences.
    pub fn place(&self) -> String {
        let Config { host, port, .. } = &self.config;
        if is_socket(host) {
            format!("The socket {}", socket_path(host, *port))
        } else {
            format!("{host}:{port}")
        }
    }

    async fn connect_once(&self) -> Result<Fresh, Failure> {
        let encrypted = !is_socket(&self.config.host);
        let (first, second) = match self.config.ssl_mode {
            _ if !encrypted => (Want::Plain, None),
            SslMode::Disable => (Want::Plain, None),
            SslMode::Allow => (Want::Plain, Some(Want::Tls)),
            SslMode::Prefer => (Want::TlsOrPlain, Some(Want::Plain)),
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => (Want::Tls, None),
        };
        let failure = match self.log_in(first).await {
            Ok(fresh) => return Ok(fresh),
            Err(failure) => failure,
        };
        // Another way is tried where security was the reason: the handshake failed, or pg_hba.conf wants it otherwise.
        let (true, Some(second)) = (
            failure.category == Category::Ssl || failure.is("28000"),
            second,
        ) else {
            return Err(failure);
        };
        let again = self.log_in(second).await;
        // Where the server has no TLS to fall back on, its first word says more.
        again.map_err(|other| {
            if other.category == Category::Ssl {
                failure
            } else {
                other
            }
        })
    }

    async fn log_in(&self, want: Want) -> Result<Fresh, Failure> {
        let (raw, backlog) = self.reach(want).await?;
        let (tap, learnt) = Tap::new(raw.wire, raw.channel_binding);
        let connected =
            tokio_postgres::Config::connect_raw(&self.driver_config(), tap, AsItIs).await;
        let (client, connection) = connected.map_err(|cause| error::from_driver(&cause))?;
        Ok(Fresh {
            client,
            connection,
            learnt,
            route: raw.route,
            security: raw.security,
            backlog,
        })
    }

    /// A secured link to the first address that answers.
    async fn reach(&self, want: Want) -> Result<(Raw, Option<Backlog>), Failure> {
        let addresses = self.addresses().await?;
        let share = self.config.connect_timeout_s as f64 / addresses.len().max(1) as f64;
        let mut last = None;
        for address in &addresses {
            let opened = if addresses.len() > 1 && share > 0.0 {
                let timeout = async {
                    smol::Timer::after(Duration::from_secs_f64(share)).await;
                    Err(error::from_io(&io::ErrorKind::TimedOut.into()))
                };
                smol::future::or(open(address), timeout).await
            } else {
                open(address).await
            };
            match opened {
                Ok(socket) => {
                    let backlog = socket.backlog();
                    let mut raw = self.secure(socket, want, address.clone()).await?;
                    if backlog.is_some() && raw.route.encrypted {
                        raw.security.push_str(" through SSH");
                    }
                    return Ok((raw, backlog));
                }
                Err(failure) => last = Some(failure),
            }
        }
        let failure =
            last.unwrap_or_else(|| error::plain(Category::Connection, "The host has no address."));
        if self.way.is_some() {
            // What the tunnel says names the place already.
            return Err(failure);
        }
        let message = format!("{}: {}", self.place(), failure.message);
        Err(Failure { message, ..failure })
    }

    async fn addresses(&self) -> Result<Vec<Address>, Failure> {
        let Config { host, port, .. } = &self.config;
        if let Some(way) = &self.way {
            let far = if is_socket(host) {
                Far::Unix(socket_path(host, *port))
            } else {
                Far::Tcp(host.clone(), *port)
            };
            return Ok(vec![Address::Tunnelled(way.clone(), far)]);
        }
        if is_socket(host) {
            #[cfg(unix)]
            return Ok(vec![Address::Unix(socket_path(host, *port))]);
            #[cfg(not(unix))]
            return Err(error::plain(
                Category::Connection,
                "This system has no Unix sockets for PostgreSQL.",
            ));
        }
        let found = smol::net::resolve((host.as_str(), *port))
            .await
            .map_err(|cause| {
                error::plain(
                    Category::Connection,
                    format!("The host name {host} could not be looked up: {cause}."),
                )
            })?;
        Ok(found.into_iter().map(Address::Tcp).collect())
    }

    async fn secure(
        &self,
        mut socket: Socket,
        want: Want,
        address: Address,
    ) -> Result<Raw, Failure> {
        if want != Want::Plain {
            match socket
                .ask_for_tls()
                .await
                .map_err(|cause| error::from_io(&cause))?
            {
                b'S' => {
                    let Secured {
                        wire,
                        channel_binding,
                        security,
                    } = self.shake_hands(socket, &address).await?;
                    let route = Route {
                        address,
                        encrypted: true,
                    };
                    return Ok(Raw {
                        wire,
                        channel_binding,
                        security,
                        route,
                    });
                }
                // Servers older than TLS, and those too busy to start a process, answer with an error message.
                b'N' | b'E' if want == Want::Tls => {
                    return Err(error::plain(
                        Category::Ssl,
                        "The server does not offer TLS.",
                    ));
                }
                b'N' => {}
                b'E' => {
                    return Err(error::plain(
                        Category::Ssl,
                        "The server refused to speak of TLS.",
                    ));
                }
                _ => {
                    let message = format!(
                        "No PostgreSQL server: {} speaks another protocol.",
                        self.place()
                    );
                    return Err(error::plain(Category::Connection, message));
                }
            }
        }
        let security = match &address {
            Address::Tcp(_) => "not encrypted",
            #[cfg(unix)]
            Address::Unix(_) => "Unix socket",
            Address::Tunnelled(..) => "SSH tunnel",
        };
        let route = Route {
            address,
            encrypted: false,
        };
        Ok(Raw {
            wire: socket.wire(),
            channel_binding: ChannelBinding::none(),
            security: security.into(),
            route,
        })
    }

    async fn shake_hands(&self, socket: Socket, address: &Address) -> Result<Secured, Failure> {
        let config = self.config.clone();
        let tls = self
            .tls
            .get_or_try_init(|| smol::unblock(move || Tls::load(&config)))
            .await?;
        let mut host = self.config.host.clone();
        if rustls_pki_types::ServerName::try_from(host.as_str()).is_err() && !tls.names_host() {
            // A name that no certificate can hold is of no matter where names are not compared.
            match address {
                Address::Tcp(address) => host = address.ip().to_string(),
                #[cfg(unix)]
                Address::Unix(_) => {}
                Address::Tunnelled(..) => host = "tunnel.invalid".into(),
            }
        }
        tls.secure(&host, socket.wire()).await
    }

    fn driver_config(&self) -> tokio_postgres::Config {
        let mut driver = tokio_postgres::Config::new();
        // TLS has been dealt with: "direct" makes the driver ask nothing and take the link as it is.
        driver
            .ssl_mode(DriverSslMode::Require)
            .ssl_negotiation(SslNegotiation::Direct)
            .host("tusk");
        let Config {
            user,
            database,
            application_name,
            ..
        } = &self.config;
        if !user.is_empty() {
            driver.user(user);
        }
        if !database.is_empty() {
            driver.dbname(database);
        }
        if !application_name.is_empty() {
            driver.application_name(application_name);
        }
        if let Some(password) = self.secrets.get(SecretKind::Database) {
            driver.password(password.reveal());
        }
        let options = start_up_options(&self.config);
        if !options.is_empty() {
            driver.options(&options);
        }
        driver
    }
}

impl Socket {
    /// Sends the SSLRequest. Exactly one byte is read: what follows belongs to TLS.
    async fn ask_for_tls(&mut self) -> io::Result<u8> {
        const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
        let mut answer = [0];
        match self {
            Self::Tcp(stream) => {
                stream.write_all(&SSL_REQUEST).await?;
                stream.read_exact(&mut answer).await?;
            }
            #[cfg(unix)]
            Self::Unix(stream) => {
                stream.write_all(&SSL_REQUEST).await?;
                stream.read_exact(&mut answer).await?;
            }
            Self::Tunnelled(lane) => {
                let mut stream = lane.compat_mut();
                stream.write_all(&SSL_REQUEST).await?;
                stream.read_exact(&mut answer).await?;
            }
        }
        Ok(answer[0])
    }

    /// What may come to wait in a tunnel.
    fn backlog(&self) -> Option<Backlog> {
        match self {
            Self::Tunnelled(lane) => Some(lane.backlog()),
            _ => None,
        }
    }

    fn wire(self) -> Box<dyn Wire> {
        match self {
            Self::Tcp(stream) => Box::new(stream.compat()),
            #[cfg(unix)]
            Self::Unix(stream) => Box::new(stream.compat()),
            Self::Tunnelled(lane) => Box::new(lane),
        }
    }
}

const CANCEL_REQUEST: i32 = 80_877_102;

async fn open(address: &Address) -> Result<Socket, Failure> {
    match address {
        Address::Tcp(address) => {
            let opened = async {
                let stream = Async::<std::net::TcpStream>::connect(*address).await?;
                notice_cut_networks(&stream)?;
                io::Result::Ok(Socket::Tcp(stream))
            };
            opened.await.map_err(|cause| error::from_io(&cause))
        }
        #[cfg(unix)]
        Address::Unix(path) => {
            let stream = Async::<std::os::unix::net::UnixStream>::connect(path).await;
            stream
                .map(Socket::Unix)
                .map_err(|cause| match cause.kind() {
                    io::ErrorKind::NotFound => {
                        error::plain(Category::Connection, "No server listens on this socket.")
                    }
                    _ => error::from_io(&cause),
                })
        }
        Address::Tunnelled(way, far) => way.open(far).await.map(Socket::Tunnelled),
    }
}

/// Keepalive sees a silent cut, the user timeout one with data on the way; neither alone sees both.
pub fn notice_cut_networks(stream: &Async<std::net::TcpStream>) -> io::Result<()> {
    stream.get_ref().set_nodelay(true)?;
    let socket = SockRef::from(stream.get_ref());
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(5))
        .with_interval(Duration::from_secs(2))
        .with_retries(3);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(Duration::from_secs(11)))?;
    Ok(())
}

/// Bounds a piece of work; 0 seconds bound nothing, as in libpq.
async fn within<T>(seconds: u32, work: impl Future<Output = T>) -> Option<T> {
    if seconds == 0 {
        return Some(work.await);
    }
    let timeout = async {
        smol::Timer::after(Duration::from_secs(seconds.into())).await;
        None
    };
    smol::future::or(async { Some(work.await) }, timeout).await
}

fn is_hang_up(cause: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(
        cause.kind(),
        UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe
    )
}

fn is_socket(host: &str) -> bool {
    host.starts_with(['/', '@'])
}

fn socket_path(directory: &str, port: u16) -> String {
    format!("{}/.s.PGSQL.{port}", directory.trim_end_matches('/'))
}

/// The user's own options, then Tusk's, which win.
fn start_up_options(config: &Config) -> String {
    let mut options = vec![config.options.clone()];
    if config.statement_timeout_ms > 0 {
        options.push(format!(
            "-c statement_timeout={}",
            config.statement_timeout_ms
        ));
    }
    if config.read_only {
        options.push("-c default_transaction_read_only=on".into());
    }
    options.retain(|option| !option.is_empty());
    options.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_up_options_end_with_those_that_must_win() {
        let config = Config {
            options: "-c default_transaction_read_only=off".into(),
            statement_timeout_ms: 1_500,
            read_only: true,
            ..Config::default()
        };
        let expected = "-c default_transaction_read_only=off -c statement_timeout=1500 -c default_transaction_read_only=on";
        assert_eq!(start_up_options(&config), expected);
        assert_eq!(start_up_options(&Config::default()), "");
    }

    #[test]
    fn a_socket_s_path_is_its_directory_and_port() {
        assert_eq!(
            socket_path("/var/run/postgresql/", 5433),
            "/var/run/postgresql/.s.PGSQL.5433"
        );
        assert!(is_socket("/tmp") && is_socket("@tusk") && !is_socket("localhost"));
    }
}
