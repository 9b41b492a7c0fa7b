//! Servers that a test makes up: what they are told, they tell the test.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rcgen::{CertificateParams, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Listens on a port of its own.
pub fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A port that nothing listens on.
pub fn dead_port() -> u16 {
    listen().1
}

/// A server without TLS that sends this after the start-up message, and gives what it is answered.
pub fn says(message: Vec<u8>) -> (u16, JoinHandle<Vec<u8>>) {
    let (listener, port) = listen();
    let heard = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_start_up(&mut stream);
        stream.write_all(&message).unwrap();
        read_all(&mut stream)
    });
    (port, heard)
}

/// A server with TLS that sends this after the start-up message, and gives the message that it is answered with.
pub fn says_in_tls(message: Vec<u8>) -> (u16, JoinHandle<Vec<u8>>) {
    let (listener, port) = listen();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.serialize_der().try_into().unwrap())
        .unwrap();
    let heard = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 8]).unwrap();
        stream.write_all(b"S").unwrap();
        let tls = ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = StreamOwned::new(tls, stream);
        read_start_up(&mut stream);
        stream.write_all(&message).unwrap();
        stream.flush().unwrap();
        let mut header = [0; 5];
        if stream.read_exact(&mut header).is_err() {
            return vec![];
        }
        let [tag, length @ ..] = header;
        let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
        stream.read_exact(&mut body).unwrap();
        [vec![tag], body].concat()
    });
    (port, heard)
}

/// A server that refuses every start with 57P03, as often as it is asked.
pub fn starting_up() -> u16 {
    let (listener, port) = listen();
    thread::spawn(move || {
        for stream in listener.incoming() {
            refuse_start(stream.unwrap());
        }
    });
    port
}

/// A server that refuses one start with 57P03, and then passes one connection on.
pub fn starts_after_one_refusal(behind: u16) -> u16 {
    let (listener, port) = listen();
    thread::spawn(move || {
        refuse_start(listener.accept().unwrap().0);
        let (client, _) = listener.accept().unwrap();
        pass_on(client, behind, |_| true);
    });
    port
}

/// A server as before PostgreSQL 14: it reports neither `in_hot_standby` nor `default_transaction_read_only`.
pub fn old_server(behind: u16) -> u16 {
    let (listener, port) = listen();
    thread::spawn(move || {
        for client in listener.incoming() {
            pass_on(client.unwrap(), behind, |message| {
                let known_since_14: [&[u8]; 2] =
                    [b"in_hot_standby\0", b"default_transaction_read_only\0"];
                message[0] != b'S'
                    || !known_since_14.iter().any(|name| message[5..].starts_with(name))
            });
        }
    });
    port
}

/// One message of the server.
pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap() + 4;
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

/// An authentication request.
pub fn authentication(code: u32, rest: &[u8]) -> Vec<u8> {
    message(b'R', &[&code.to_be_bytes(), rest].concat())
}

fn refuse_start(mut stream: TcpStream) {
    read_start_up(&mut stream);
    let fields = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";
    stream.write_all(&message(b'E', fields)).unwrap();
    read_all(&mut stream);
}

/// Passes bytes on to the server, and back those messages that are wanted.
fn pass_on(client: TcpStream, port: u16, wanted: impl Fn(&[u8]) -> bool) {
    let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (mut from_client, mut to_server) =
        (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || {
        // Either side may hang up first.
        std::io::copy(&mut from_client, &mut to_server).ok();
        to_server.shutdown(std::net::Shutdown::Write).ok();
    });
    let (mut from_server, mut to_client) = (server, client);
    let mut header = [0; 5];
    while from_server.read_exact(&mut header).is_ok() {
        let length = u32::from_be_bytes(header[1..].try_into().unwrap());
        let mut whole = header.to_vec();
        whole.resize(length as usize + 1, 0);
        if from_server.read_exact(&mut whole[5..]).is_err() {
            break;
        }
        if wanted(&whole) && to_client.write_all(&whole).is_err() {
            break;
        }
    }
    to_client.shutdown(std::net::Shutdown::Both).ok();
}

fn read_start_up(stream: &mut impl Read) {
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut rest = vec![0; u32::from_be_bytes(length) as usize - 4];
    stream.read_exact(&mut rest).unwrap();
}

/// What comes until the other side hangs up, however it does.
fn read_all(stream: &mut impl Read) -> Vec<u8> {
    let mut all = vec![];
    stream.read_to_end(&mut all).ok();
    all
}
