//! A server that floods: it speaks the protocol up to a moment, and from then on says one thing without an end.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

/// When it begins to flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// As the answer to the SSLRequest, or to the start-up message where there is none.
    Tls,
    /// In the place of an authentication request.
    Authentication,
    /// Between AuthenticationOk and the first ReadyForQuery.
    StartUp,
    /// In answer to a question of Tusk's own.
    Question,
    /// In answer to a statement.
    Query,
    /// In answer to a statement on a read-only connection.
    Sealed,
    /// Among the rows of a statement.
    Rows,
    /// Among the lines of COPY … TO STDOUT.
    CopyOut,
    /// After CopyInResponse.
    CopyIn,
    /// When the statement has ended.
    Idle,
    /// On the socket of a cancel request.
    Cancel,
}

/// What it says.
#[derive(Clone, Debug)]
pub struct Flood {
    pub phase: Phase,
    /// Is sent once.
    pub first: Vec<u8>,
    /// Is sent again and again.
    pub again: Vec<u8>,
    /// Whether a cancel request ends the flood, as PostgreSQL would have it.
    pub heeds_cancel: bool,
}

/// The server, which listens as long as the process.
pub struct FloodingServer {
    /// Its port on 127.0.0.1.
    pub port: u16,
    told: Arc<Told>,
}

/// What the server tells the test.
#[derive(Default)]
struct Told {
    /// Bytes of the flood that were written.
    sent: AtomicU64,
    cancelled: AtomicBool,
    /// Statements and questions that came on links that do not flood.
    asked: AtomicU64,
}

/// The statement in answer to which it floods.
pub const FLOOD: &str = "select flood";

/// One message of the server.
pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap() + 4;
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

/// The description of one column of text.
pub fn description() -> Vec<u8> {
    described(&["a"])
}

/// The description of these columns of text.
pub fn described(names: &[&str]) -> Vec<u8> {
    let mut body = u16::try_from(names.len()).unwrap().to_be_bytes().to_vec();
    for name in names {
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(&[
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 255, 255, 255, 255, 255, 255, 0, 0,
        ]);
    }
    message(b'T', &body)
}

pub fn row(value: &[u8]) -> Vec<u8> {
    let length = u32::try_from(value.len()).unwrap().to_be_bytes();
    message(b'D', &[&[0, 1][..], &length, value].concat())
}

/// ErrorResponse or NoticeResponse.
pub fn words(tag: u8, severity: &str, code: &str, text: &str) -> Vec<u8> {
    let fields = format!("S{severity}\0V{severity}\0C{code}\0M{text}\0\0");
    message(tag, fields.as_bytes())
}

fn stopped() -> Vec<u8> {
    let text = "canceling statement due to user request";
    words(b'E', "ERROR", "57014", text)
}

impl FloodingServer {
    pub fn start(flood: Flood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let told = Arc::<Told>::default();
        let (shared, flood) = (told.clone(), Arc::new(flood));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (flood, told) = (flood.clone(), shared.clone());
                let serve = move || {
                    let mut one = One { stream: stream.unwrap(), flood, told };
                    // The client hangs up when it has had enough.
                    one.serve().unwrap_or_default();
                };
                thread::spawn(serve);
            }
        });
        Self { port, told }
    }

    /// Bytes of the flood that were written.
    pub fn sent(&self) -> u64 {
        self.told.sent.load(Ordering::Acquire)
    }

    /// Statements and questions so far that it did not answer with a flood.
    pub fn asked(&self) -> u64 {
        self.told.asked.load(Ordering::Acquire)
    }
}

/// One connection.
struct One {
    stream: TcpStream,
    flood: Arc<Flood>,
    told: Arc<Told>,
}

impl One {
    fn serve(&mut self) -> io::Result<()> {
        loop {
            let start_up = self.start_up()?;
            match start_up.first_chunk::<4>() {
                Some([4, 210, 22, 47]) => {
                    if self.flood.phase == Phase::Tls {
                        return self.pour();
                    }
                    self.stream.write_all(b"N")?;
                }
                Some([4, 210, 22, 46]) => {
                    self.told.cancelled.store(true, Ordering::Release);
                    return match self.flood.phase {
                        Phase::Cancel => self.pour(),
                        _ => Ok(()),
                    };
                }
                _ => break,
            }
        }
        if matches!(self.flood.phase, Phase::Tls | Phase::Authentication) {
            return self.pour();
        }
        self.stream.write_all(&message(b'R', &[0; 4]))?;
        if self.flood.phase == Phase::StartUp {
            return self.pour();
        }
        let ready = [
            message(b'S', b"server_version\x0017.0\0"),
            message(b'S', b"server_encoding\0UTF8\0"),
            message(b'S', b"client_encoding\0UTF8\0"),
            message(b'S', b"standard_conforming_strings\0on\0"),
            message(b'S', b"session_authorization\0ada\0"),
            message(b'K', &[0, 0, 0, 7, 0, 0, 0, 9]),
            message(b'Z', b"I"),
        ];
        self.stream.write_all(&ready.concat())?;
        self.answer_all()
    }

    fn answer_all(&mut self) -> io::Result<()> {
        loop {
            let mut header = [0; 5];
            self.stream.read_exact(&mut header)?;
            let [tag, length @ ..] = header;
            let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
            self.stream.read_exact(&mut body)?;
            let text = String::from_utf8_lossy(&body).into_owned();
            if tag == b'P' && text.contains(FLOOD) {
                self.pour()?;
                // The statement, the look at what it left, and the end.
                let ready = message(b'Z', b"I").repeat(3);
                self.stream.write_all(&[stopped(), ready].concat())?;
                continue;
            }
            if tag != b'Q' {
                continue;
            }
            if text.starts_with(FLOOD) {
                self.answer_with_flood()?;
                continue;
            }
            self.told.asked.fetch_add(1, Ordering::AcqRel);
            if self.flood.phase == Phase::Question {
                self.pour()?;
                continue;
            }
            let rows: Vec<u8> = (0..3).flat_map(|_| row(b"x")).collect();
            let answer = [
                description(),
                // What Tusk asks for itself has no rows here.
                if text.starts_with("begin ") { vec![] } else { rows },
                message(b'C', b"SELECT 3\0"),
                message(b'Z', b"I"),
            ];
            self.stream.write_all(&answer.concat())?;
        }
    }

    fn answer_with_flood(&mut self) -> io::Result<()> {
        let before = match self.flood.phase {
            Phase::Rows => [description(), row(b"x")].concat(),
            Phase::CopyOut => message(b'H', &[0, 0, 1, 0, 0]),
            Phase::CopyIn => message(b'G', &[0, 0, 1, 0, 0]),
            Phase::Idle => {
                [description(), message(b'C', b"SELECT 0\0"), message(b'Z', b"I")].concat()
            }
            // On the socket of the cancel it floods; the statement lasts until then.
            Phase::Cancel => {
                self.stream.write_all(&description())?;
                while !self.told.cancelled.load(Ordering::Acquire) {
                    thread::yield_now();
                }
                vec![]
            }
            _ => vec![],
        };
        self.stream.write_all(&before)?;
        if self.flood.phase != Phase::Cancel {
            self.pour()?;
        }
        self.stream.write_all(&[stopped(), message(b'Z', b"I")].concat())
    }

    /// Floods until a cancel that it heeds, or until nobody takes it any more.
    fn pour(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.flood.first)?;
        self.told.sent.fetch_add(self.flood.first.len() as u64, Ordering::AcqRel);
        if self.flood.again.is_empty() {
            // It has nothing more to say, and says nothing more.
            return self.stream.read_to_end(&mut vec![]).map(drop);
        }
        // What is large is not copied, because a test counts what is held.
        let times = 32_768 / self.flood.again.len();
        let small = self.flood.again.repeat(times);
        let block = match times {
            0 => &self.flood.again,
            _ => &small,
        };
        while !(self.flood.heeds_cancel && self.told.cancelled.load(Ordering::Acquire)) {
            self.stream.write_all(block)?;
            self.told.sent.fetch_add(block.len() as u64, Ordering::AcqRel);
        }
        Ok(())
    }

    /// The body of a message without a tag.
    fn start_up(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
        self.stream.read_exact(&mut body)?;
        Ok(body)
    }
}
