//! Turns a configuration into a link that has logged in.
//!
//! The socket is smol's. Tusk sends the SSLRequest itself, so that it keeps each of libpq's modes to the letter. One
//! timeout bounds everything: name lookup, socket, TLS, start-up and password, for all servers and addresses.
//!
//! Each link looks for a server anew: if several will do, the links of one pool may end at different ones. A cancel
//! goes to the server of its own link.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::task::{Poll, ready};
use std::time::Duration;

use async_compat::CompatExt;
use deadpool_postgres::ClientWrapper;
use smol::Async;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::lock::OnceCell;
use tokio::task::{JoinHandle, LocalSet};
use tokio_postgres::config::{
    ChannelBinding as DriverChannelBinding, SslMode as DriverSslMode, SslNegotiation,
};
use tokio_postgres::tls::ChannelBinding as Binding;
use tokio_postgres::{Connection, SimpleQueryMessage};

use self::{
    liveness::{Patience, notice_cut_networks},
    login::Terms,
    servers::{Budget, Next, Question, Reported, Tried},
};
use super::{
    error,
    own_sql::OwnSql,
    ssh::{Backlog, Far, Lane, Surroundings, Way},
    tls::{Secured, Tls},
    wire::{
        paced::Paced,
        socket,
        tap::{AsItIs, Learnt, Tap, Wire},
    },
};
use crate::{
    base::secret::{SecretKind, Secrets},
    conninfo::{ChannelBinding, Config, Endpoint, Keepalive, SslMode, TargetSession},
    effects::{postgres::connect::pgpass::Password, tls_files},
    failure::{Category, Failure},
};

pub mod liveness;
pub(super) mod login;
pub mod pgpass;
pub(super) mod pool;
mod servers;

/// Where and how to connect: a configuration, its secrets, and the certificates in its files.
pub struct Target {
    pub config: Config,
    secrets: Secrets,
    tls: OnceCell<Tls>,
    /// Why the password file was unusable, if Tusk needed it.
    pub warned: Arc<Mutex<Option<String>>>,
    /// The SSH tunnel, if the connection uses one.
    way: Option<Arc<Way>>,
    /// The directory of libpq's usual TLS files.
    tls_files: Option<PathBuf>,
}

/// A link that has logged in and has no task to drive it yet.
pub struct Fresh {
    /// The driver's handle, as deadpool-postgres wraps it.
    pub client: ClientWrapper,
    /// The half of the driver that does the IO.
    pub connection: Connection<Tap, Tap>,
    /// What the tap learns from the stream.
    pub learnt: Arc<Mutex<Learnt>>,
    /// How to reach the same server again, for a cancel.
    pub route: Route,
    /// The link's security, in words.
    pub security: String,
    /// How much data waits unread in a tunnel.
    pub backlog: Option<Backlog>,
}

/// The server and the address that answered, and whether the link uses TLS.
#[derive(Clone, Debug)]
pub struct Route {
    server: Endpoint,
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
    channel_binding: Binding,
    security: String,
    route: Route,
}

/// The pause before Tusk tries a server again that is starting up.
const START_UP_PAUSE: Duration = Duration::from_millis(200);

/// How long Tusk waits for a server that is starting up, if nothing else limits the time.
const START_UP_S_MAX: u32 = 60;

/// The timeout of a cancel, if nothing else limits the time. Meanwhile its session starts nothing new.
const CANCEL_S_MAX: u32 = 10;

/// The most bytes of an answer to a cancel request. PostgreSQL sends none; a server that refuses it may say why.
const CANCEL_ANSWER_BYTES_MAX: usize = 64 << 10;

/// What an attempt's tap has learnt, for whoever gives the attempt up.
type Witness = Mutex<Option<Arc<Mutex<Learnt>>>>;

/// How long an unwanted session has to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

impl Target {
    /// A target that reads its files when it first needs TLS.
    pub fn new(config: Config, secrets: Secrets, surroundings: Arc<Surroundings>) -> Self {
        Self {
            tls_files: surroundings.tls_files.clone(),
            way: Way::of(&config, &secrets, surroundings).map(Arc::new),
            config,
            secrets,
            tls: OnceCell::new(),
            warned: Arc::default(),
        }
    }

    /// The same target again, for a pool of its own.
    pub fn again(&self, surroundings: Arc<Surroundings>) -> Self {
        Self::new(self.config.clone(), self.secrets.clone(), surroundings)
    }

    /// Connects to the first suitable server and logs in, within the configuration's timeout.
    pub async fn connect(&self) -> Result<Fresh, Failure> {
        let budget = Budget::seconds(self.config.connect_timeout_s);
        // Even without a limit, some waits need one: a server can start up, or refuse reads, forever.
        let patience = Budget::seconds(limit_s(self.config.connect_timeout_s, START_UP_S_MAX));
        let mut starting = None;
        loop {
            let mut tried = Vec::new();
            if let Some(fresh) = self.try_servers(budget, &mut tried).await? {
                return Ok(fresh);
            }
            let again = tried.iter().any(|tried| tried.failure.is("57P03"));
            let failure = servers::none_taken(tried);
            if patience.is_below(START_UP_PAUSE) {
                // What a server said before says more than that the time is over.
                return Err(starting.unwrap_or(failure));
            }
            if !again {
                return Err(failure);
            }
            starting = Some(failure);
            smol::Timer::after(START_UP_PAUSE).await;
        }
    }

    /// Prepares a session for use, within the time that connecting may take.
    pub async fn in_time(
        &self,
        work: impl Future<Output = Result<(), Failure>>,
    ) -> Result<(), Failure> {
        let seconds = limit_s(self.config.connect_timeout_s, START_UP_S_MAX);
        within(seconds, work).await.unwrap_or_else(|| {
            Err(error::plain(
                Category::Connection,
                format!(
                    "The server let the user in, and did not answer within {seconds} s after that."
                ),
            ))
        })
    }

    /// Asks the server to cancel what the process runs, over a separate socket that it reads to its end: only then can
    /// the request no longer hit a later statement.
    pub async fn cancel(&self, route: &Route, backend_pid: i32, key: i32) -> Result<(), Failure> {
        let cancelled = async {
            let socket = open(&route.address, self.config.keepalive).await?;
            let want = if route.encrypted { Want::Tls } else { Want::Plain };
            let mut wire = self
                .secure(socket, want, &route.server, route.address.clone())
                .await?
                .wire
                .compat();
            let mut request = [0; 16];
            let words = [16, CANCEL_REQUEST, backend_pid, key];
            for (bytes, word) in request.chunks_exact_mut(4).zip(words) {
                bytes.copy_from_slice(&word.to_be_bytes());
            }
            let written = async {
                wire.write_all(&request).await?;
                wire.flush().await
            };
            written.await.map_err(|cause| error::from_io(&cause))?;
            let sent = async {
                let mut bytes = 0;
                loop {
                    let read = wire.read(&mut request).await?;
                    bytes += read;
                    if read == 0 || bytes > CANCEL_ANSWER_BYTES_MAX {
                        return io::Result::Ok(bytes);
                    }
                }
            };
            let answered = sent.await;
            if let Ok(bytes) = answered
                && bytes > CANCEL_ANSWER_BYTES_MAX
            {
                return Err(error::servers_fault(
                    "The server did not take the cancel request: it answered with something else.",
                ));
            }
            match answered.map(drop) {
                Ok(()) => Ok(()),
                // The server hangs up when it has handled the request; TLS calls that an unexpected end.
                Err(cause) if is_hang_up(&cause) => Ok(()),
                Err(cause) => Err(error::from_io(&cause)),
            }
        };
        let timeout =
            error::plain(Category::Connection, "The server took no cancel request in time.");
        within(limit_s(self.config.connect_timeout_s, CANCEL_S_MAX), cancelled)
            .await
            .unwrap_or(Err(timeout))
    }

    /// Tries each server once, or twice if the first pass only looks for better ones. A refusal is an error.
    async fn try_servers(
        &self,
        budget: Budget,
        tried: &mut Vec<Tried>,
    ) -> Result<Option<Fresh>, Failure> {
        let mut all: Vec<Endpoint> = self.config.endpoints().collect();
        if self.config.shuffled {
            servers::shuffle(&mut all);
        }
        let passes = servers::passes(self.config.target_session);
        let mut left = all.len() * passes.len();
        for wanted in passes {
            tried.clear();
            for server in &all {
                let share = budget.share(left);
                left -= 1;
                let taken = self.try_server(server, *wanted, share, tried).await?;
                if taken.is_some() {
                    return Ok(taken);
                }
            }
        }
        Ok(None)
    }

    /// Tries the addresses of one server, each in its share of the time.
    async fn try_server(
        &self,
        server: &Endpoint,
        wanted: TargetSession,
        budget: Budget,
        tried: &mut Vec<Tried>,
    ) -> Result<Option<Fresh>, Failure> {
        let name = place(server);
        let found = budget.spend(self.addresses(server)).await;
        let addresses = match found.unwrap_or_else(|had| Err(servers::timed_out(had))) {
            Ok(mut addresses) => {
                if self.config.shuffled {
                    servers::shuffle(&mut addresses);
                }
                addresses
            }
            Err(failure) => {
                tried.push(Tried { server: name, address: None, failure });
                return Ok(None);
            }
        };
        for (at, address) in addresses.iter().enumerate() {
            let share = budget.share(addresses.len() - at);
            let witness = Witness::default();
            let attempt = self.try_address(server, address, wanted, &witness);
            let attempt = share.spend(attempt).await.unwrap_or_else(|had| {
                let tunnel = self.way.as_ref().and_then(|way| way.timed_out());
                let witness = super::locked(&witness).take();
                let said = witness.map(|learnt| super::locked(&learnt).start_up);
                Err(match (tunnel, said) {
                    (Some(failure), _) => (failure, Next::Nothing),
                    (None, Some(said)) if said.messages > 0 => {
                        (servers::not_ready(had, said), Next::Address)
                    }
                    (None, _) => (servers::timed_out(had), Next::Address),
                })
            });
            let (failure, next) = match attempt {
                Ok(fresh) => return Ok(Some(fresh)),
                Err((failure, Next::Nothing)) => {
                    return Err(servers::refused(failure, &name, tried));
                }
                Err(other) => other,
            };
            tried.push(Tried { server: name.clone(), address: Some(address.to_string()), failure });
            if next == Next::Server {
                break;
            }
        }
        Ok(None)
    }

    /// Opens a session at this address, if it is a wanted one.
    async fn try_address(
        &self,
        server: &Endpoint,
        address: &Address,
        wanted: TargetSession,
        witness: &Witness,
    ) -> Result<Fresh, (Failure, Next)> {
        let with_next = |failure: Failure| {
            let next = servers::next(&failure);
            (failure, next)
        };
        let connected = self.connect_to(server, address, witness).await;
        let mut fresh = connected.map_err(with_next)?;
        let reported = fresh.reported(wanted).await.map_err(with_next)?;
        let Some(reason) = servers::unfit(wanted, reported) else {
            return Ok(fresh);
        };
        fresh.end().await;
        let failure = servers::unfit_failure(wanted, &self.config, reason);
        Err((failure, Next::Server))
    }

    async fn connect_to(
        &self,
        server: &Endpoint,
        address: &Address,
        witness: &Witness,
    ) -> Result<Fresh, Failure> {
        let (first, second) = match self.config.ssl_mode {
            _ if !address.is_tcp() => (Want::Plain, None),
            SslMode::Disable => (Want::Plain, None),
            SslMode::Allow => (Want::Plain, Some(Want::Tls)),
            SslMode::Prefer => (Want::TlsOrPlain, Some(Want::Plain)),
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => (Want::Tls, None),
        };
        let failure = match self.log_in(server, address, first, witness).await {
            Ok(fresh) => return Ok(fresh),
            Err(failure) => failure,
        };
        // Try the other way if security was the reason: the handshake failed, or pg_hba.conf requires the other way.
        let (true, Some(second)) =
            (failure.category == Category::Ssl || failure.is("28000"), second)
        else {
            return Err(failure);
        };
        let again = self.log_in(server, address, second, witness).await;
        again.map_err(|other| both_ways(failure, other))
    }

    async fn log_in(
        &self,
        server: &Endpoint,
        address: &Address,
        want: Want,
        witness: &Witness,
    ) -> Result<Fresh, Failure> {
        let socket = open(address, self.config.keepalive).await?;
        let (backlog, patience) = (socket.backlog(), socket.patience(self.config.keepalive));
        let raw = self.secure(socket, want, server, address.clone()).await?;
        let encrypted = raw.route.encrypted;
        let bound = self.config.channel_binding == ChannelBinding::Require;
        let private = encrypted || !address.is_tcp();
        let terms = Terms::new(private || self.config.allow_cleartext, bound, encrypted);
        let (tap, learnt) = Tap::new(raw.wire, raw.channel_binding, terms, patience);
        *super::locked(witness) = Some(learnt.clone());
        let password = self.password(server).await;
        let driver = self.driver_config(&password);
        let connected = tokio_postgres::Config::connect_raw(&driver, tap, AsItIs).await;
        let (client, connection) = connected.map_err(|cause| {
            let failure = password.explain(error::from_driver(&cause));
            if encrypted && super::locked(&learnt).start_up.messages == 0 {
                self.after_handshake(failure)
            } else {
                failure
            }
        })?;
        let mut security = raw.security;
        if backlog.is_some() && encrypted {
            security.push_str(" through SSH");
        }
        if !private && super::locked(&learnt).cleartext {
            security.push_str(", password in the clear");
        }
        if bound {
            security.push_str(", channel binding");
        }
        let client = ClientWrapper::new(client, nobodys_task());
        Ok(Fresh { client, connection, learnt, route: raw.route, security, backlog })
    }

    /// With TLS 1.3 a server refuses the client's certificate after the handshake. If it hangs up before Tusk read its
    /// reason, the reason is unknown, but likely.
    fn after_handshake(&self, failure: Failure) -> Failure {
        let hung_up = failure.category == Category::Connection && failure.sqlstate.is_none();
        let tls = self.tls.get().filter(|tls| tls.has_client_certificate());
        let Some(tls) = tls.filter(|_| hung_up) else {
            return failure;
        };
        let message = "The server hung up right after the TLS handshake; it seems that it does not accept the client \
                       certificate.";
        tls.explain(error::plain(Category::Ssl, message))
    }

    async fn secure(
        &self,
        mut socket: Socket,
        want: Want,
        server: &Endpoint,
        address: Address,
    ) -> Result<Raw, Failure> {
        let route =
            |encrypted| Route { server: server.clone(), address: address.clone(), encrypted };
        if want != Want::Plain {
            match socket.ask_for_tls().await.map_err(|cause| error::from_io(&cause))? {
                b'S' => {
                    let Secured { wire, channel_binding, security } =
                        self.shake_hands(socket, server, &address).await?;
                    return Ok(Raw { wire, channel_binding, security, route: route(true) });
                }
                // Servers older than TLS, and those too busy to start a process, answer with an error message.
                b'N' | b'E' if want == Want::Tls => {
                    return Err(error::plain(Category::Ssl, "The server does not offer TLS."));
                }
                b'N' => {}
                b'E' => {
                    return Err(error::plain(Category::Ssl, "The server refused to speak of TLS."));
                }
                _ => {
                    let message =
                        "No PostgreSQL server: what answers there speaks another protocol.";
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
        Ok(Raw {
            wire: socket.wire(),
            channel_binding: Binding::none(),
            security: security.into(),
            route: route(false),
        })
    }

    async fn shake_hands(
        &self,
        socket: Socket,
        server: &Endpoint,
        address: &Address,
    ) -> Result<Secured, Failure> {
        let tls = self.tls.get_or_try_init(|| self.load_tls()).await?;
        let mut host = server.host.clone();
        if rustls_pki_types::ServerName::try_from(host.as_str()).is_err() && !tls.names_host() {
            // A name that no certificate can hold does not matter if names are not compared.
            match address {
                Address::Tcp(address) => host = address.ip().to_string(),
                #[cfg(unix)]
                Address::Unix(_) => {}
                Address::Tunnelled(..) => host = "tunnel.invalid".into(),
            }
        }
        tls.secure(&host, socket.wire()).await
    }

    /// Reads what TLS needs, with libpq's usual files if the configuration names none.
    async fn load_tls(&self) -> Result<Tls, Failure> {
        let (config, secrets) = (self.config.clone(), self.secrets.clone());
        let directory = self.tls_files.clone();
        let loaded = smol::unblock(move || {
            let usual = tls_files::found(directory.as_deref());
            Tls::load(&config, &usual, &secrets)
        });
        let tls = loaded.await?;
        if let Some(unread) = tls.unread() {
            *super::locked(&self.warned) = Some(unread);
        }
        Ok(tls)
    }

    /// A server's addresses. One behind a tunnel has only the address that the SSH server finds.
    async fn addresses(&self, server: &Endpoint) -> Result<Vec<Address>, Failure> {
        let Some(way) = &self.way else {
            return addresses(server).await;
        };
        if server.host.starts_with('@') {
            let message = "SSH does not lead to a socket without a file, and @ stands for one.";
            return Err(error::plain(Category::Connection, message)
                .with_next_step("Name the directory of the server's socket, or its host."));
        }
        let far = if is_socket(&server.host) {
            Far::Unix(socket_path(&server.host, server.port))
        } else if server.hostaddr.is_empty() {
            Far::Tcp(server.host.clone(), server.port)
        } else {
            Far::Tcp(server.hostaddr.clone(), server.port)
        };
        Ok(vec![Address::Tunnelled(way.clone(), far)])
    }

    /// The server's password: the known one, or the password file's.
    async fn password(&self, server: &Endpoint) -> Password {
        let known = self.secrets.get(SecretKind::Database);
        let password = Password::of(&self.config, server, known).await;
        if let Some(ignored) = &password.ignored {
            *super::locked(&self.warned) = Some(ignored.clone());
        }
        password
    }

    fn driver_config(&self, password: &Password) -> tokio_postgres::Config {
        let mut driver = tokio_postgres::Config::new();
        // TLS is done already: "direct" makes the driver skip the SSLRequest and take the link as it is.
        driver
            .ssl_mode(DriverSslMode::Require)
            .ssl_negotiation(SslNegotiation::Direct)
            .channel_binding(match self.config.channel_binding {
                ChannelBinding::Disable => DriverChannelBinding::Disable,
                ChannelBinding::Prefer => DriverChannelBinding::Prefer,
                ChannelBinding::Require => DriverChannelBinding::Require,
            })
            .host("tusk");
        let Config { user, database, application_name, .. } = &self.config;
        if !user.is_empty() {
            driver.user(user);
        }
        if !database.is_empty() {
            driver.dbname(database);
        }
        if !application_name.is_empty() {
            driver.application_name(application_name);
        }
        if let Some(password) = password.reveal() {
            driver.password(password);
        }
        let options = start_up_options(&self.config);
        if !options.is_empty() {
            driver.options(&options);
        }
        driver
    }
}

impl Route {
    pub fn server(&self) -> &Endpoint {
        &self.server
    }
}

impl Fresh {
    /// Finds out what decides whether this session is wanted: from the server's reports, or by asking.
    async fn reported(&mut self, wanted: TargetSession) -> Result<Reported, Failure> {
        let mut reported = {
            let learnt = super::locked(&self.learnt);
            let is_on = |name| learnt.parameters.get(name).map(|value| value == "on");
            Reported {
                standby: is_on("in_hot_standby"),
                read_only: is_on("default_transaction_read_only"),
            }
        };
        match servers::question(wanted, reported) {
            Some(Question::ReadOnly) => {
                let answer = self.ask(&OwnSql::IsReadOnly {}).await?;
                reported.read_only = Some(answer == "on");
            }
            Some(Question::Standby) => {
                let answer = self.ask(&OwnSql::InRecovery {}).await?;
                reported.standby = Some(answer == "t");
            }
            None => {}
        }
        Ok(reported)
    }

    /// Asks for one value before the link has a task to drive it.
    async fn ask(&mut self, own: &OwnSql) -> Result<String, Failure> {
        let connection = &mut self.connection;
        let driven = poll_fn(|context| {
            loop {
                match ready!(connection.poll_message(context)) {
                    Some(Ok(_)) => {}
                    Some(Err(cause)) => return Poll::Ready(Err(error::from_driver(&cause))),
                    None => return Poll::Ready(Err(error::lost(None, None, None))),
                }
            }
        });
        let message = own.message();
        let asked = async {
            #[allow(clippy::disallowed_methods, reason = "it is a text of Tusk's own")]
            let answer = self.client.simple_query(&message).await;
            answer.map_err(|cause| error::from_driver(&cause))
        };
        let answer = smol::future::or(asked, driven).await?;
        let value = answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        Ok(value.unwrap_or_default().to_owned())
    }

    /// Says goodbye to an unwanted session.
    async fn end(self) {
        let Self { client, connection, .. } = self;
        drop(client);
        let timeout = async {
            smol::Timer::after(GOODBYE).await;
            Ok(())
        };
        if let Err(cause) = smol::future::or(connection, timeout).await {
            log::debug!("a session that was not wanted ended badly: {cause}");
        }
    }
}

impl Address {
    /// Whether others may see what goes there. A tunnel ends at the SSH server, and the rest of the path is open.
    fn is_tcp(&self) -> bool {
        matches!(self, Self::Tcp(_) | Self::Tunnelled(_, Far::Tcp(..)))
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(formatter),
            #[cfg(unix)]
            Self::Unix(path) => formatter.write_str(path),
            Self::Tunnelled(_, Far::Tcp(host, port)) => write!(formatter, "{host}:{port}"),
            Self::Tunnelled(_, Far::Unix(path)) => formatter.write_str(path),
        }
    }
}

impl Socket {
    /// Sends the SSLRequest. Reads exactly one byte: what follows belongs to TLS.
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

    /// Lifts the limit on unacknowledged data, if there is one.
    fn patience(&self, keepalive: Keepalive) -> Option<Patience> {
        match self {
            Self::Tcp(stream) => Patience::of(stream, keepalive),
            _ => None,
        }
    }

    /// How much data may pile up in a tunnel.
    fn backlog(&self) -> Option<Backlog> {
        match self {
            Self::Tunnelled(lane) => Some(lane.backlog()),
            _ => None,
        }
    }

    fn wire(self) -> Box<dyn Wire> {
        match self {
            Self::Tcp(stream) => Box::new(Paced::new(socket::Socket::new(stream))),
            #[cfg(unix)]
            Self::Unix(stream) => Box::new(Paced::new(socket::Socket::new(stream))),
            Self::Tunnelled(lane) => Box::new(Paced::new(lane)),
        }
    }
}

const CANCEL_REQUEST: i32 = 80_877_102;

/// What deadpool-postgres takes for the task that drives a client: tokio's, which it aborts when the client goes. Here
/// the link's own task drives it and has to outlive it, for the Terminate message; so this one has ended already. No
/// runtime is needed for it.
fn nobodys_task() -> JoinHandle<()> {
    LocalSet::new().spawn_local(async {})
}

async fn open(address: &Address, keepalive: Keepalive) -> Result<Socket, Failure> {
    match address {
        Address::Tcp(address) => {
            let opened = async {
                let stream = Async::<std::net::TcpStream>::connect(*address).await?;
                notice_cut_networks(&stream, keepalive)?;
                io::Result::Ok(Socket::Tcp(stream))
            };
            opened.await.map_err(|cause| error::from_io(&cause))
        }
        #[cfg(unix)]
        Address::Unix(path) => {
            let stream = match path.strip_prefix('@') {
                Some(name) => abstract_socket(name),
                None => Async::<std::os::unix::net::UnixStream>::connect(path).await,
            };
            stream.map(Socket::Unix).map_err(|cause| match cause.kind() {
                io::ErrorKind::NotFound => {
                    error::plain(Category::Connection, "No server listens on this socket.")
                }
                _ => error::from_io(&cause),
            })
        }
        Address::Tunnelled(way, far) => way.open(far).await.map(Socket::Tunnelled),
    }
}

/// Connects to an abstract socket, which has a name and no file. Only Linux has them; the name begins with a NUL,
/// written as `@`.
#[cfg(unix)]
fn abstract_socket(name: &str) -> io::Result<Async<std::os::unix::net::UnixStream>> {
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&socket2::SockAddr::unix(format!("\0{name}"))?)?;
    Async::new(socket.into())
}

/// The configured timeout, or this one if the configuration sets no limit.
fn limit_s(configured_s: u32, unlimited_s: u32) -> u32 {
    if configured_s == 0 { unlimited_s } else { configured_s }
}

/// Bounds work by a timeout.
async fn within<T>(seconds: u32, work: impl Future<Output = T>) -> Option<T> {
    let timeout = async {
        smol::Timer::after(Duration::from_secs(seconds.into())).await;
        None
    };
    smol::future::or(async { Some(work.await) }, timeout).await
}

fn is_hang_up(cause: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(cause.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}

/// A server's addresses, in the resolver's order.
async fn addresses(server: &Endpoint) -> Result<Vec<Address>, Failure> {
    let Endpoint { host, port, hostaddr } = server;
    if host.starts_with('@') && !cfg!(any(target_os = "linux", target_os = "android")) {
        let message = "Only Linux has sockets without a file, and @ stands for one.";
        return Err(error::plain(Category::Connection, message)
            .with_next_step("Name the directory of the server's socket, or its host."));
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
    let looked_up = if hostaddr.is_empty() { host } else { hostaddr };
    let found = smol::net::resolve((looked_up.as_str(), *port)).await;
    let found = found.map_err(|cause| {
        error::plain(
            Category::Connection,
            format!("The host name could not be looked up: {cause}."),
        )
    })?;
    if found.is_empty() {
        let message = "The host has no address.";
        return Err(error::plain(Category::Connection, message));
    }
    Ok(found.into_iter().map(Address::Tcp).collect())
}

/// Names a server in a sentence.
fn place(server: &Endpoint) -> String {
    let Endpoint { host, port, .. } = server;
    if is_socket(host) {
        format!("The socket {}", socket_path(host, *port))
    } else if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// The failure if the server took the link neither with TLS nor without: shows the failure that the user can do most
/// about, and keeps the other.
fn both_ways(first: Failure, second: Failure) -> Failure {
    if second.category == Category::Ssl {
        // If the server has no TLS to fall back on, its first answer says more.
        return first;
    }
    if first.category != Category::Ssl {
        return second;
    }
    let (shown, detail) = if second.is("28000") {
        let detail = format!("Without TLS the server said: {}", second.message);
        (first, detail)
    } else {
        let detail = format!("TLS was tried first: {}", first.message);
        (second, detail)
    };
    Failure { detail: shown.detail.clone().or(Some(detail)), ..shown }
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
        options.push(format!("-c statement_timeout={}", config.statement_timeout_ms));
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
    fn deadpool_postgres_has_no_task_to_end() {
        assert!(nobodys_task().is_finished());
    }

    #[test]
    fn no_limit_is_one_where_something_may_never_come() {
        assert_eq!(limit_s(0, START_UP_S_MAX), 60);
        assert_eq!(limit_s(0, CANCEL_S_MAX), 10);
        assert_eq!(limit_s(3, CANCEL_S_MAX), 3);
        assert_eq!(limit_s(600, START_UP_S_MAX), 600);
    }

    #[test]
    fn a_socket_s_path_is_its_directory_and_port() {
        assert_eq!(socket_path("/var/run/postgresql/", 5433), "/var/run/postgresql/.s.PGSQL.5433");
        assert!(is_socket("/tmp") && is_socket("@tusk") && !is_socket("localhost"));
    }
}
