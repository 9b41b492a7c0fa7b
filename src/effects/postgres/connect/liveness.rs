//! When a TCP link is dead: which limits Tusk sets in the system, and when it lifts one of them.

use std::io;
use std::net::TcpStream;
use std::time::Duration;

use smol::Async;
use socket2::{SockRef, TcpKeepalive};

use crate::conninfo::Keepalive;

/// Linux's maximum.
const SECONDS_MAX: u32 = 32_767;
/// Linux's maximum.
const COUNT_MAX: u32 = 127;

/// Keepalive detects a silent cut, the user timeout a cut with data on the way; neither detects both. Together they
/// detect every cut, even under a paused result, whose socket nobody reads.
pub fn notice_cut_networks(stream: &Async<TcpStream>, keepalive: Keepalive) -> io::Result<()> {
    stream.get_ref().set_nodelay(true)?;
    let socket = SockRef::from(stream.get_ref());
    if keepalive.on {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let mut asked = TcpKeepalive::new();
        if keepalive.idle_s > 0 {
            asked = asked.with_time(seconds(keepalive.idle_s.min(SECONDS_MAX)));
        }
        if keepalive.interval_s > 0 {
            asked = asked.with_interval(seconds(keepalive.interval_s.min(SECONDS_MAX)));
        }
        if keepalive.count > 0 {
            asked = asked.with_retries(keepalive.count.min(COUNT_MAX));
        }
        socket.set_tcp_keepalive(&asked)?;
    }
    limit_unacknowledged(socket, keepalive.user_timeout_ms)
}

/// How long sent data may stay unacknowledged; 0 leaves it to the system. Only Linux has this option.
fn limit_unacknowledged(socket: SockRef, timeout_ms: u32) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if timeout_ms > 0 || socket.tcp_user_timeout()?.is_some() {
        let timeout = (timeout_ms > 0).then(|| Duration::from_millis(timeout_ms.into()));
        return socket.set_tcp_user_timeout(timeout);
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    log::trace!("{socket:?} is not told of a limit of {timeout_ms} ms");
    Ok(())
}

/// Lifts the limit on unacknowledged data while a COPY sends its data. If a server takes nothing for a while, because
/// it waits for a lock or a trigger, Linux counts it as gone, although it acknowledges every probe.
pub struct Patience {
    socket: TcpStream,
    timeout_ms: u32,
    lifted: bool,
}

impl Patience {
    /// For a link with such a limit. Drop it with the link: it holds the same socket.
    pub fn of(stream: &Async<TcpStream>, keepalive: Keepalive) -> Option<Self> {
        let timeout_ms = keepalive.user_timeout_ms;
        if timeout_ms == 0 {
            return None;
        }
        match stream.get_ref().try_clone() {
            Ok(socket) => Some(Self { socket, timeout_ms, lifted: false }),
            Err(error) => {
                log::debug!("the limit of a link can't be lifted: {error}");
                None
            }
        }
    }

    /// Lifts the limit, or sets it again.
    pub fn lift(&mut self, lifted: bool) {
        if self.lifted == lifted {
            return;
        }
        self.lifted = lifted;
        let timeout_ms = if lifted { 0 } else { self.timeout_ms };
        if let Err(error) = limit_unacknowledged(SockRef::from(&self.socket), timeout_ms) {
            log::debug!("the limit of a link was not changed: {error}");
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_watched_as_the_configuration_has_it() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let watched = |keepalive: Keepalive| {
            let connecting = Async::<TcpStream>::connect(address);
            let stream = smol::block_on(connecting).unwrap();
            notice_cut_networks(&stream, keepalive).unwrap();
            let socket = SockRef::from(stream.get_ref());
            let timeout = socket.tcp_user_timeout().unwrap();
            (
                socket.keepalive().unwrap(),
                socket.tcp_keepalive_time().unwrap().as_secs(),
                socket.tcp_keepalive_interval().unwrap().as_secs(),
                socket.tcp_keepalive_retries().unwrap(),
                timeout.map_or(0, |timeout| timeout.as_millis()),
            )
        };
        let all = |on, idle_s, interval_s, count, user_timeout_ms| Keepalive {
            on,
            idle_s,
            interval_s,
            count,
            user_timeout_ms,
        };
        let (_, idle, interval, count, _) = watched(all(false, 1, 1, 1, 0));
        let (system, off) = ((idle, interval, count), watched(all(false, 1, 1, 1, 9)));
        assert_eq!(off, (false, system.0, system.1, system.2, 9));
        assert_eq!(watched(all(true, 0, 0, 0, 0)), (true, system.0, system.1, system.2, 0));
        assert_eq!(watched(Keepalive::default()), (true, 30, 10, 3, 60_000));
        let most = watched(all(true, u32::MAX, 99_999, 999, 7));
        assert_eq!(most, (true, 32_767, 32_767, 127, 7));
    }

    #[test]
    fn the_limit_is_lifted_and_set_again() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let connecting = Async::<TcpStream>::connect(listener.local_addr().unwrap());
        let stream = smol::block_on(connecting).unwrap();
        let usual = Keepalive::default();
        notice_cut_networks(&stream, usual).unwrap();
        let limit = || SockRef::from(stream.get_ref()).tcp_user_timeout().unwrap();
        let mut patience = Patience::of(&stream, usual).unwrap();
        patience.lift(true);
        assert_eq!(limit(), None);
        patience.lift(false);
        assert_eq!(limit(), Some(Duration::from_secs(60)));
        let none = Keepalive { user_timeout_ms: 0, ..usual };
        assert!(Patience::of(&stream, none).is_none());
    }
}
