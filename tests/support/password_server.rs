//! A small SSH server that knows one user by a password, asked for in one of several ways, and forwards like sshd.

use std::net::TcpListener;
use std::sync::Arc;

use async_compat::{Compat, CompatExt as _};
use russh::keys::key::safe_rng;
use russh::keys::{Algorithm, PrivateKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Response, Session};
use russh::{Channel, ChannelOpenFailure, MethodKind, MethodSet};
use smol::Async;

/// How it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// By the method `password`.
    Password,
    /// By `keyboard-interactive`, with one question.
    Question,
    /// By `keyboard-interactive`, with a second question after the password.
    Questions,
    /// For a password, and then for a key as well.
    PasswordAndKey,
}

pub const USER: &str = "ada";
/// Her password.
pub const PASSWORD: &str = "Dorothea 1815";

/// The server, which runs as long as the process.
pub struct PasswordServer {
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// Its key, as known_hosts has it.
    pub key: String,
}

impl PasswordServer {
    pub fn start(asks: Asks) -> Self {
        let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).expect("it is made");
        let public = key.public_key().to_openssh().expect("it has a public half");
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has ports");
        let port = listener.local_addr().expect("it is bound").port();
        let method = match asks {
            Asks::Password | Asks::PasswordAndKey => MethodKind::Password,
            Asks::Question | Asks::Questions => MethodKind::KeyboardInteractive,
        };
        let config = Arc::new(Config {
            keys: vec![key],
            methods: MethodSet::from(&[method][..]),
            auth_rejection_time: std::time::Duration::ZERO,
            ..Config::default()
        });
        let listener = Async::new(listener).expect("it can be waited for");
        std::thread::spawn(move || {
            smol::block_on(Compat::new(async move {
                loop {
                    let (stream, _) = listener.accept().await.expect("it listens");
                    let serving = Knows { asks, asked: 0 };
                    let running =
                        russh::server::run_stream(config.clone(), stream.compat(), serving);
                    smol::spawn(Compat::new(async move {
                        if let Ok(session) = running.await
                            && let Err(error) = session.await
                        {
                            eprintln!("a session ended: {error}");
                        }
                    }))
                    .detach();
                }
            }));
        });
        let key = public.split(' ').take(2).collect::<Vec<_>>().join(" ");
        Self { port, key }
    }
}

struct Knows {
    asks: Asks,
    asked: usize,
}

fn refused() -> Auth {
    Auth::Reject { proceed_with_methods: None, partial_success: false }
}

impl Handler for Knows {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, russh::Error> {
        let right = user == USER && password == PASSWORD;
        Ok(match self.asks {
            Asks::Password if right => Auth::Accept,
            Asks::PasswordAndKey if right => Auth::Reject {
                proceed_with_methods: Some(MethodSet::from(&[MethodKind::PublicKey][..])),
                partial_success: true,
            },
            _ => refused(),
        })
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, russh::Error> {
        let ask = |question: &'static str| Auth::Partial {
            name: "".into(),
            instructions: "".into(),
            prompts: vec![(question.into(), false)].into(),
        };
        let Some(mut response) = response else {
            return Ok(ask("Password: "));
        };
        let answer = response.next().unwrap_or_default();
        if user != USER || answer != PASSWORD.as_bytes() {
            return Ok(refused());
        }
        self.asked += 1;
        Ok(match self.asks {
            Asks::Questions if self.asked == 1 => ask("Code from your phone: "),
            Asks::Question | Asks::Questions => Auth::Accept,
            Asks::Password | Asks::PasswordAndKey => refused(),
        })
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        let port = u16::try_from(port).expect("a port");
        let place = (host.parse::<std::net::IpAddr>().expect("an address"), port);
        match Async::<std::net::TcpStream>::connect(place).await {
            Ok(far) => {
                reply.accept().await;
                let (near_read, near_write) = smol::io::split(channel.into_stream().compat());
                let (far_read, far_write) = smol::io::split(far);
                smol::spawn(Compat::new(async move {
                    let there = smol::io::copy(near_read, far_write);
                    let back = smol::io::copy(far_read, near_write);
                    smol::future::or(there, back).await.unwrap_or_default();
                }))
                .detach();
            }
            Err(_) => reply.reject(ChannelOpenFailure::ConnectFailed).await,
        }
        Ok(())
    }
}
