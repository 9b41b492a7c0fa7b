//! The server's own parser, asked: in a failed transaction a Parse message says of a text, without running any of it,
//! whether it is one command, and whether that command would end the transaction.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use super::server::{SUPERUSER, TestServer};

/// What the server takes a text for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// COMMIT, ROLLBACK, PREPARE TRANSACTION or the like; or nothing at all.
    Exit,
    /// Another command.
    Other,
    /// A syntax error, or several commands.
    Refused,
}

/// A connection that speaks the protocol with its own hands.
pub struct Oracle {
    stream: UnixStream,
}

impl Oracle {
    /// Connects and brings the session into a failed transaction.
    pub fn connect(server: &TestServer, database: &str) -> Self {
        let socket = server.socket_dir().join(format!(".s.PGSQL.{}", server.port()));
        let mut oracle = Self { stream: UnixStream::connect(socket).unwrap() };
        let mut start_up = vec![0, 3, 0, 0];
        start_up.extend(format!("user\0{SUPERUSER}\0database\0{database}\0\0").into_bytes());
        oracle.send(None, &start_up);
        oracle.until_ready();
        oracle.send(Some(b'Q'), b"begin\0");
        oracle.until_ready();
        oracle.send(Some(b'Q'), b"select 1/0\0");
        assert_eq!(oracle.until_ready().last(), Some(&(b'Z', b"E".to_vec())));
        oracle
    }

    /// What the server takes the text for.
    pub fn word(&mut self, text: &str) -> Word {
        let mut body = vec![0];
        body.extend_from_slice(text.as_bytes());
        body.extend_from_slice(&[0, 0, 0]);
        self.send(Some(b'P'), &body);
        self.send(Some(b'S'), &[]);
        let answers = self.until_ready();
        let (tag, body) = answers.iter().find(|(tag, _)| matches!(tag, b'1' | b'E')).unwrap();
        let fields: Vec<&[u8]> = body.split(|byte| *byte == 0).collect();
        match tag {
            b'1' => Word::Exit,
            _ if fields.contains(&&b"C25P02"[..]) => Word::Other,
            _ => Word::Refused,
        }
    }

    fn send(&mut self, tag: Option<u8>, body: &[u8]) {
        let mut message: Vec<u8> = tag.into_iter().collect();
        message.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
        message.extend_from_slice(body);
        self.stream.write_all(&message).unwrap();
    }

    fn until_ready(&mut self) -> Vec<(u8, Vec<u8>)> {
        let mut answers = vec![];
        loop {
            let mut head = [0; 5];
            self.stream.read_exact(&mut head).unwrap();
            let [tag, a, b, c, d] = head;
            let mut body = vec![0; u32::from_be_bytes([a, b, c, d]) as usize - 4];
            self.stream.read_exact(&mut body).unwrap();
            answers.push((tag, body));
            if tag == b'Z' {
                return answers;
            }
        }
    }
}
