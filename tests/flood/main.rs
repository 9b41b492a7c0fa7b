//! Servers that flood: whatever one says without an end, and whenever it begins, the attempt to connect ends in time
//! with what the server did, a statement can be cancelled, other links have their turns, the program ends, and the
//! memory stays under a bound.
//!
//! Every type of message, at every moment, in every size: a product, of which `scripts/test` runs a slice. They have a
//! process of their own, because their allocator counts what all of it holds.

#![allow(unsafe_code, reason = "a global allocator can only be written so")]
#![allow(clippy::result_large_err, reason = "tests do not mind a large error")]

#[path = "../support/all.rs"]
mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use support::{
    effects::Effects,
    flooding::{FLOOD, Flood, FloodingServer, Phase, described, description, message, row, words},
    generated::{self, Random},
};
use tusk::{
    base::ids::{QueryId, Request, SessionId},
    conninfo::{Config, SshAuth, SshTunnel, SslMode},
    effects::regular_file::{self, Limit},
    failure::{Category, Failure},
    msg::Msg,
    recording,
    update::{
        connection,
        query::{
            self,
            session::{self, Ending},
        },
    },
};

/// Counts what is held, and the most that was.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// An allocation of more than this fails.
static LARGEST: AtomicUsize = AtomicUsize::new(usize::MAX);

fn is_refused(bytes: usize) -> bool {
    bytes > LARGEST.load(Ordering::Relaxed)
}

fn add(bytes: usize) {
    let held = HELD.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(held, Ordering::Relaxed);
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_refused(layout.size()) {
            return std::ptr::null_mut();
        }
        add(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if is_refused(new_size) {
            return std::ptr::null_mut();
        }
        add(new_size);
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One test at a time: what is held is counted for the whole process.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The most that one link may hold: the queue to the loop (32 MB), the message that goes beyond it, and buffers.
const LINK_BYTES_MAX: usize = 64 << 20;
/// The most that one attempt to connect may hold.
const ATTEMPT_BYTES_MAX: usize = 2 << 20;

/// The limit of an attempt; the shortest that can be set.
const TIMEOUT_S: u32 = 1;

/// Every type that the protocol has, and two that it does not have.
const TAGS: &[u8] = b"RKSENZvACDIdcTGHW123nstVx\0";

/// In what form a message comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    /// A valid message of few bytes, again and again.
    Small,
    /// A valid message about as large as its type may be, again and again.
    Large,
    /// A message of no bytes, again and again.
    Empty,
    /// A message of bytes that mean nothing, again and again.
    Noise,
    /// A message of 2 GB, which comes and comes.
    Giant,
}

const SIZES: [Size; 5] = [Size::Small, Size::Large, Size::Empty, Size::Noise, Size::Giant];

fn flood(phase: Phase, tag: u8, size: Size, random: &mut Random) -> Flood {
    let (first, again) = match size {
        Size::Small => (vec![], small(tag)),
        Size::Large => (vec![], large(tag)),
        Size::Empty => (vec![], message(tag, &[])),
        Size::Noise => {
            let noise = (0..random.below(200)).map(|_| random.below(256) as u8);
            (vec![], message(tag, &noise.collect::<Vec<_>>()))
        }
        Size::Giant => (vec![tag, 0x7F, 0xFF, 0xFF, 0xFF], vec![b'x'; 4_096]),
    };
    Flood { phase, first, again, heeds_cancel: true }
}

fn small(tag: u8) -> Vec<u8> {
    match tag {
        b'S' => message(tag, b"application_name\0flood\0"),
        b'N' | b'E' => words(tag, "NOTICE", "00000", "flood"),
        b'R' => message(tag, &[0; 4]),
        b'K' => message(tag, &[0, 0, 0, 7, 0, 0, 0, 9]),
        b'Z' => message(tag, b"I"),
        b'A' => message(tag, b"\0\0\0\x07jobs\0done\0"),
        b'C' => message(tag, b"SELECT 0\0"),
        b'D' => row(b"x"),
        b'd' => message(tag, b"x\n"),
        b'T' => description(),
        b'G' | b'H' | b'W' => message(tag, &[0, 0, 1, 0, 0]),
        b't' => message(tag, &[0, 0]),
        b'V' => message(tag, &[0xFF; 4]),
        b'v' => message(tag, &[0, 3, 0, 0, 0, 0, 0, 0]),
        _ => message(tag, &[]),
    }
}

fn large(tag: u8) -> Vec<u8> {
    let text = "x".repeat(60_000);
    match tag {
        b'S' => message(tag, format!("{text}\0{text}\0").as_bytes()),
        b'N' | b'E' => words(tag, "NOTICE", "00000", &text.repeat(40)),
        b'A' => message(tag, format!("\0\0\0\x07jobs\0{text}\0").as_bytes()),
        b'C' => message(tag, format!("{text}\0").as_bytes()),
        b'D' => row(&vec![b'x'; 3 << 20]),
        b'd' => message(tag, &vec![b'x'; 3 << 20]),
        b'T' => described(&["a"; 65_535]),
        _ => message(tag, text.as_bytes()),
    }
}

/// Runs with a bound on what is held meanwhile.
#[track_caller]
fn within<T>(bytes_max: usize, what: &str, run: impl FnOnce() -> T) -> T {
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let done = run();
    let peak = PEAK.load(Ordering::Relaxed).saturating_sub(before);
    assert!(peak <= bytes_max, "{what}: {peak} bytes were held, {bytes_max} may be");
    done
}

impl Effects {
    /// Starts the statement that is flooded, with data for a COPY.
    fn start_flood(&mut self, session: SessionId) -> QueryId {
        self.start(session, FLOOD, u64::MAX, Some(&"1\n".repeat(1_000)))
    }

    /// Cancels as the Model does it: what comes after a cancel is read and not kept.
    fn cancel(&mut self, query: QueryId, session: SessionId) {
        self.postgres.perform_query(query::Effect::DiscardRows { query });
        self.start_cancel(query, session);
    }
}

/// What became of an attempt to open a connection.
fn opened(msg: &Msg) -> Option<(Request, Result<(), Failure>)> {
    match msg {
        Msg::Connection(connection::Msg::Opened { attempt, .. }) => Some((*attempt, Ok(()))),
        Msg::Connection(connection::Msg::OpenFailed { attempt, failure, .. }) => {
            Some((*attempt, Err(failure.clone())))
        }
        _ => None,
    }
}

/// Waits for something that has to come, however busy the machine is.
#[track_caller]
fn until(is_so: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < limit, "it did not come");
        std::thread::yield_now();
    }
}

/// How a server is reached, with more time than a busy machine needs.
fn config(server: &FloodingServer) -> Config {
    Config {
        host: "127.0.0.1".into(),
        port: server.port,
        user: "ada".into(),
        database: "flood".into(),
        ssl_mode: SslMode::Disable,
        connect_timeout_s: 60,
        ..Config::default()
    }
}

/// What a server did is said as what it did.
#[track_caller]
fn blames_the_server(failure: &Failure, what: &str) {
    let step = failure.next_step.as_deref().unwrap_or_default();
    assert!(
        failure.category != Category::Internal && !step.contains("fault of Tusk"),
        "{what}: {failure:?}"
    );
    assert!(
        !failure.message.contains("driver") && !failure.message.is_empty(),
        "{what}: {failure:?}"
    );
}

/// The product of moments, types and sizes, or a slice of it.
fn product(phases: &[Phase], short: usize) -> Vec<(Phase, u8, Size)> {
    let of_phase = |phase: &Phase| {
        let phase = *phase;
        TAGS.iter().flat_map(move |tag| SIZES.map(move |size| (phase, *tag, size)))
    };
    let mut all: Vec<_> = phases.iter().flat_map(of_phase).collect();
    let mut random = Random::new(generated::seed());
    let wanted = generated::as_many_as(short, all.len());
    while all.len() > wanted {
        all.swap_remove(random.below(all.len()));
    }
    all
}

#[test]
fn every_attempt_ends_in_its_time_and_says_what_the_server_did() {
    let _alone = alone();
    let mut random = Random::new(generated::seed());
    let all = product(&[Phase::Tls, Phase::Authentication, Phase::StartUp], usize::MAX);
    let count = all.len();
    within(count * ATTEMPT_BYTES_MAX, "attempts", || {
        let mut world = Effects::forgetful();
        let mut waiting = BTreeMap::new();
        let mut servers = vec![];
        for (phase, tag, size) in all {
            let server = FloodingServer::start(flood(phase, tag, size, &mut random));
            let mut config = config(&server);
            config.connect_timeout_s = TIMEOUT_S;
            if phase == Phase::Tls {
                config.ssl_mode = SslMode::Prefer;
            }
            waiting.insert(world.start_test(&config), (phase, char::from(tag), size));
            servers.push(server);
        }
        while !waiting.is_empty() {
            let (attempt, result) = world.wait(|msg| match msg {
                Msg::Connection(connection::Msg::Tested { attempt, result }) => {
                    Some((*attempt, result.clone()))
                }
                _ => None,
            });
            let case = format!("{:?}", waiting.remove(&attempt));
            match result {
                Err(failure) => blames_the_server(&failure, &case),
                // A server that says that it is ready is connected to, whatever it says next.
                Ok(_) => assert!(case.contains("'Z'"), "{case}"),
            }
        }
        world.shut_down_after("attempts");
    });
}

#[test]
fn a_server_that_trickles_is_given_up_when_the_time_is_over() {
    let _alone = alone();
    let said = words(b'N', "NOTICE", "00000", "soon").repeat(3);
    let silent = |phase, first| Flood { phase, first, again: vec![], heeds_cancel: true };
    let mut world = Effects::forgetful();
    let mut waiting = BTreeMap::new();
    for (flood, wanted) in [
        (silent(Phase::StartUp, said), "the last was NoticeResponse"),
        (silent(Phase::Authentication, vec![]), "did not answer within 3 s"),
        (silent(Phase::Tls, vec![]), "did not answer within 3 s"),
        // Half a message is none.
        (silent(Phase::StartUp, vec![b'S', 0, 0, 1]), "the last was Authentication"),
    ] {
        let server = FloodingServer::start(flood);
        let mut config = config(&server);
        config.ssl_mode = SslMode::Prefer;
        config.connect_timeout_s = 3;
        waiting.insert(world.start_open(&config, None).1, wanted);
    }
    while !waiting.is_empty() {
        let (attempt, result) = world.wait(opened);
        let (failure, wanted) = (result.unwrap_err(), waiting.remove(&attempt).unwrap());
        assert!(failure.message.contains(wanted), "{wanted}: {failure:?}");
    }
    world.shut_down_after("silent servers");
}

#[test]
fn a_tunnel_s_server_that_floods_is_given_up_in_time() {
    let _alone = alone();
    for said in [&b"hello\r\n"[..], b"x", b"SSH-2.0-flood\r\n", b"\0\0\0\x0c\x0a\x02xxxxxxxxxx"] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                std::thread::spawn(move || {
                    let block = said.repeat(4_096);
                    // It ends when the other side hangs up.
                    while std::io::Write::write_all(&mut stream, &block).is_ok() {}
                });
            }
        });
        let config = Config {
            host: "far".into(),
            user: "ada".into(),
            connect_timeout_s: TIMEOUT_S,
            ssh: Some(SshTunnel {
                host: "127.0.0.1".into(),
                port,
                user: "ada".into(),
                auth: SshAuth::Agent,
            }),
            ..Config::default()
        };
        let case = String::from_utf8_lossy(said).into_owned();
        within(LINK_BYTES_MAX, &case, || {
            let mut world = Effects::forgetful();
            let failure = world.open(&config, None).unwrap_err();
            blames_the_server(&failure, &case);
            world.shut_down_after(&case);
        });
    }
}

#[test]
fn parameters_without_an_end_are_named_as_what_they_are() {
    let _alone = alone();
    let mut random = Random::new(1);
    let server = FloodingServer::start(flood(Phase::StartUp, b'S', Size::Small, &mut random));
    let mut world = Effects::forgetful();
    let failure =
        within(ATTEMPT_BYTES_MAX, "parameters", || world.open(&config(&server), None).unwrap_err());
    let wanted = "before it was ready for a statement, and went on: the last was ParameterStatus";
    assert!(failure.message.contains(wanted), "{failure:?}");
    world.shut_down_after("parameters");
}

#[test]
fn a_flood_in_answer_to_tusk_s_own_question_ends_the_attempt() {
    let _alone = alone();
    let mut random = Random::new(generated::seed());
    let all = product(&[Phase::Question], 40);
    within(all.len() * ATTEMPT_BYTES_MAX, "questions", || {
        let mut world = Effects::forgetful();
        let mut waiting = BTreeMap::new();
        let mut servers = vec![];
        for (phase, tag, size) in all {
            let server = FloodingServer::start(flood(phase, tag, size, &mut random));
            let mut config = config(&server);
            config.connect_timeout_s = TIMEOUT_S;
            let (_, attempt) = world.start_open(&config, None);
            waiting.insert(attempt, (phase, char::from(tag), size));
            servers.push(server);
        }
        while !waiting.is_empty() {
            let (attempt, failure) = world.wait(opened);
            let case = format!("{:?}", waiting.remove(&attempt));
            if let Err(failure) = failure {
                blames_the_server(&failure, &case);
            }
        }
        world.shut_down_after("questions");
    });
}

/// What became of a statement so far.
#[derive(Default)]
struct Seen {
    messages: usize,
    ended: bool,
    lost: bool,
}

impl Seen {
    #[track_caller]
    fn hear(&mut self, msg: &Msg, case: &str) {
        match msg {
            Msg::Query(query::Msg::Failed { failure, .. } | query::Msg::Lost { failure, .. }) => {
                if !failure.is("57014") {
                    blames_the_server(failure, case);
                }
                self.ended = true;
            }
            Msg::Query(query::Msg::Finished { .. }) => self.ended = true,
            Msg::Session(session::Msg::Lost { failure, .. }) => {
                blames_the_server(failure, case);
                self.lost = true;
            }
            _ => self.messages += 1,
        }
    }
}

/// A flood is long enough to be judged.
const ENOUGH_BYTES: u64 = 2 << 20;
const ENOUGH_MESSAGES: usize = 600;
/// Floods at the same time.
const AT_ONCE: usize = 20;

/// A statement under a flood.
struct Case {
    name: String,
    phase: Phase,
    server: FloodingServer,
    session: SessionId,
    query: QueryId,
    seen: Seen,
    cancelled: bool,
}

impl Case {
    /// Sessions on servers of their own, and then a statement in each: a connection is not opened among floods.
    fn start(world: &mut Effects, all: &[(Phase, u8, Size)], random: &mut Random) -> Vec<Self> {
        let open = |(phase, tag, size): &(Phase, u8, Size)| {
            let server = FloodingServer::start(flood(*phase, *tag, *size, random));
            let mut config = config(&server);
            config.read_only = *phase == Phase::Sealed;
            let (connection, _) = world.open(&config, None).unwrap();
            (server, world.session_on(connection))
        };
        let opened: Vec<_> = all.iter().map(open).collect();
        let run = |((server, session), (phase, tag, size)): (_, &(Phase, u8, Size))| Self {
            name: format!("{phase:?} {:?} {size:?}", char::from(*tag)),
            phase: *phase,
            server,
            session,
            query: match phase {
                Phase::Sealed => world.start_read_only(session, FLOOD),
                _ => world.start_flood(session),
            },
            seen: Seen::default(),
            cancelled: false,
        };
        opened.into_iter().zip(all).map(run).collect()
    }

    fn is_mine(&self, msg: &Msg) -> bool {
        match msg {
            Msg::Query(
                query::Msg::Described { query, .. }
                | query::Msg::RowsArrived { query, .. }
                | query::Msg::Failed { query, .. }
                | query::Msg::Lost { query, .. }
                | query::Msg::Finished { query, .. },
            ) => *query == self.query,
            Msg::Session(
                session::Msg::Noticed { session, .. }
                | session::Msg::Notified { session, .. }
                | session::Msg::Lost { session, .. },
            ) => *session == self.session,
            _ => false,
        }
    }

    /// Whether the flood has been long enough to be judged.
    fn is_long(&self) -> bool {
        let bytes = self.server.sent() >= ENOUGH_BYTES || self.phase == Phase::Cancel;
        self.seen.lost || bytes || self.seen.messages >= ENOUGH_MESSAGES
    }

    fn is_over(&self) -> bool {
        self.seen.ended && (self.phase != Phase::Idle || self.is_long())
    }
}

#[test]
fn statements_that_are_flooded_can_be_cancelled_and_their_links_let_go() {
    let _alone = alone();
    let mut random = Random::new(generated::seed());
    let phases = [
        Phase::Query,
        Phase::Sealed,
        Phase::Rows,
        Phase::CopyOut,
        Phase::CopyIn,
        Phase::Idle,
        Phase::Cancel,
    ];
    for batch in product(&phases, 40).chunks(AT_ONCE) {
        within(batch.len() * LINK_BYTES_MAX, "statements", || {
            let mut world = Effects::forgetful();
            let mut cases = Case::start(&mut world, batch, &mut random);
            let limit = Instant::now() + Duration::from_secs(120);
            while !cases.iter().all(Case::is_over) {
                let waits = || cases.iter().filter(|case| !case.is_over());
                let names = || waits().map(|case| &case.name).collect::<Vec<_>>();
                assert!(Instant::now() < limit, "these do not end: {:?}", names());
                if let Ok(msg) = world.inbox.recv_timeout(Duration::from_millis(2)) {
                    world.note(&msg);
                    if let Some(case) = cases.iter_mut().find(|case| case.is_mine(&msg)) {
                        case.seen.hear(&msg, &case.name);
                    }
                }
                for case in &mut cases {
                    if !case.seen.ended && !case.cancelled && case.is_long() {
                        case.cancelled = true;
                        world.cancel(case.query, case.session);
                    }
                }
            }
            let mut left: Vec<SessionId> = cases.iter().map(|case| case.session).collect();
            left.iter().for_each(|session| world.start_end(*session, Ending::Close));
            while !left.is_empty() {
                let gone = world.wait(|msg| match msg {
                    Msg::Session(session::Msg::Ended { session }) => Some(*session),
                    _ => None,
                });
                left.retain(|session| *session != gone);
            }
            world.shut_down_after("statements");
        });
    }
}

#[test]
fn a_program_ends_although_nobody_hears_and_no_cancel_is_heeded() {
    let _alone = alone();
    let mut random = Random::new(generated::seed());
    let all = product(&[Phase::Query, Phase::Rows, Phase::Idle], 24);
    within(all.len() * LINK_BYTES_MAX, "all", || {
        let mut world = Effects::forgetful();
        let mut servers = vec![];
        for (phase, tag, size) in all {
            let mut flood = flood(phase, tag, size, &mut random);
            flood.heeds_cancel = false;
            let server = FloodingServer::start(flood);
            let (connection, _) = world.open(&config(&server), None).unwrap();
            let session = world.session_on(connection);
            servers.push((server, session));
        }
        for (_, session) in &servers {
            world.start_flood(*session);
        }
        // Nothing is taken out of the queue from here on.
        for (server, _) in &servers {
            until(|| server.sent() > 0);
        }
        world.shut_down_after("all");
    });
}

#[test]
fn another_link_has_its_turn_and_its_rows_are_not_far_behind() {
    let _alone = alone();
    let mut random = Random::new(generated::seed());
    for tag in *b"NASITD" {
        let case = format!("{:?}", char::from(tag));
        let server = FloodingServer::start(flood(Phase::Query, tag, Size::Small, &mut random));
        within(4 * LINK_BYTES_MAX, &case, || {
            let mut world = Effects::forgetful();
            let (connection, _) = world.open(&config(&server), None).unwrap();
            // Connections have two threads: one of the others shares the flooded one's.
            let sessions = [(); 3].map(|()| world.session_on(connection));
            let [flooded, others @ ..] = sessions;
            let flooding = world.start_flood(flooded);
            until(|| server.sent() > 0);
            let asked = server.asked();
            let queries =
                others.map(|session| world.start(session, "select three", u64::MAX, None));
            // Both have ended when the question after them is asked. Nothing is taken out of the queue meanwhile.
            for session in others {
                world.owe(format!("held {session}"));
                world.postgres.perform_session(session::Effect::AskHeld { session });
            }
            until(|| server.asked() >= asked + 4);
            let (mut before, mut waiting) = (0, queries.len());
            while waiting > 0 {
                match world.receive() {
                    Msg::Query(query::Msg::Finished { query, .. }) if queries.contains(&query) => {
                        waiting -= 1;
                    }
                    Msg::Query(query::Msg::Failed { query, failure, .. })
                        if queries.contains(&query) =>
                    {
                        panic!("{case}: {failure:?}")
                    }
                    _ => before += 1,
                }
            }
            // 256 messages of the flooded link, and a few of each of the others.
            assert!(before <= 300, "{case}: {before} messages came before");
            world.cancel(flooding, flooded);
            world.shut_down_after(&case);
        });
    }
}

#[test]
fn what_is_left_out_is_counted_and_told() {
    let _alone = alone();
    let mut random = Random::new(1);
    let flood = flood(Phase::Query, b'N', Size::Small, &mut random);
    let bytes = flood.again.len() as u64;
    let server = FloodingServer::start(flood);
    let mut world = Effects::forgetful();
    let (connection, _) = world.open(&config(&server), None).unwrap();
    let session = world.session_on(connection);
    let query = world.start_flood(session);
    // Nothing is taken out of the queue until the statement has ended: the notices that it has room for, and then
    // what was left out, the end and the cancel's own answer.
    const QUEUE: usize = 256;
    until(|| world.inbox.len() >= QUEUE);
    world.cancel(query, session);
    until(|| world.inbox.len() >= QUEUE + 3);
    let (mut shown, mut left_out) = (0, 0);
    loop {
        match world.receive() {
            Msg::Session(session::Msg::Noticed { notice, .. }) if notice.severity == "WARNING" => {
                let number = notice.message.split(' ').next().unwrap().replace(',', "");
                left_out += number.parse::<u64>().unwrap();
            }
            Msg::Session(session::Msg::Noticed { .. }) => shown += 1,
            Msg::Query(query::Msg::Failed { failure, .. }) => {
                assert!(failure.is("57014"), "{failure:?}");
                break;
            }
            _ => {}
        }
    }
    assert!(left_out > 0);
    assert_eq!(shown + left_out, server.sent() / bytes);
    world.shut_down_after("left out");
}

#[test]
fn a_row_that_there_is_no_memory_for_fails_with_a_message() {
    let _alone = alone();
    let value = 24 << 20;
    let first = [description(), row(&vec![b'x'; value])].concat();
    // The row's message is 11 bytes longer than its value; its column wants some more.
    for (largest, wanted) in [
        (value / 2, "There is no memory for what the server sent: DataRow"),
        (value + 11, "there is no memory for a value of this size"),
        (2 * value, "canceling statement due to user request"),
    ] {
        let server = FloodingServer::start(Flood {
            phase: Phase::Query,
            first: first.clone(),
            again: words(b'N', "NOTICE", "00000", "behind it"),
            heeds_cancel: true,
        });
        let mut world = Effects::forgetful();
        let (connection, _) = world.open(&config(&server), None).unwrap();
        let session = world.session_on(connection);
        let query = world.start_flood(session);
        LARGEST.store(largest, Ordering::Relaxed);
        until(|| world.inbox.len() >= 4);
        LARGEST.store(usize::MAX, Ordering::Relaxed);
        world.cancel(query, session);
        let failure = world.wait(|msg| match msg {
            Msg::Query(query::Msg::Failed { failure, .. } | query::Msg::Lost { failure, .. }) => {
                Some(failure.clone())
            }
            _ => None,
        });
        assert!(failure.message.contains(wanted), "{failure:?}");
        world.shut_down_after(wanted);
    }
}

#[test]
fn a_file_that_there_is_no_memory_for_is_an_error() {
    let _alone = alone();
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("large");
    // To a replay it is one line of a recording.
    let mut text = vec![b'x'; 24 << 20];
    text[0] = b'{';
    std::fs::write(&path, text).unwrap();
    let file = regular_file::open(&path).unwrap();
    LARGEST.store(8 << 20, Ordering::Relaxed);
    let read = file.bytes(Limit::megabytes(100)).map(|bytes| bytes.len());
    let replayed = recording::replay(&path, None).map(|_| ());
    LARGEST.store(usize::MAX, Ordering::Relaxed);
    assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::OutOfMemory);
    let problem = replayed.unwrap_err().to_string();
    assert!(problem.contains("memory allocation failed"), "{problem}");
}
