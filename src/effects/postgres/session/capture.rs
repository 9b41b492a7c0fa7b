//! What a user's statement sends back while it runs: rows go into chunks, everything else into notes.
//!
//! This is the part of the wire tap that knows what the messages mean. It does no IO on the link; its findings leave
//! through the outbox. Rows never reach the driver, so a row costs no allocation, cells may hold any bytes, and the
//! reader can stop at exactly the granted row.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use flume::Receiver;
use futures_util::StreamExt;

use crate::{
    base::ids::QueryId,
    effects::postgres::{
        error,
        wire::{
            encoding::{Begun, Reading, Wire, Written},
            frames::Frame,
            outflow::Outflow,
        },
    },
    failure::{Category, Failure},
    rows::{ChunkBuilder, Column, MalformedRow, show::display::grouped},
    update::query,
};

/// Rows that have waited this long are sent, even as a small chunk.
pub const ROWS_WAIT_MAX: Duration = Duration::from_millis(50);

/// How often to check a socket that nobody reads: a cut network shows there, and nothing wakes its reader.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The most rows of the first chunk, so that something shows at once.
const FIRST_ROWS_MAX: usize = 256;

/// A grant of rows ends at this many bytes, however many of its rows are left: 16,384 rows can have 16 TB.
const GRANT_BYTES: usize = 64 << 20;

/// The most results of one statement. PostgreSQL sends one; rules and other servers send more.
const RESULTS_MAX: u64 = 1_000;

/// The most bytes of all column descriptions of one statement's results.
const DESCRIPTIONS_BYTES_MAX: usize = 8 << 20;

/// What to do with a message of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The driver needs it.
    Pass,
    /// The tap has dealt with it.
    Swallow,
}

/// A statement's incoming rows.
pub struct Capture {
    outflow: Outflow,
    query: QueryId,
    since: Instant,
    builder: ChunkBuilder,
    described: bool,
    results: u64,
    descriptions_bytes: usize,
    granted: u64,
    /// The bytes left before the grant lapses.
    bytes_left: usize,
    /// Rows taken so far, whether sent or still in the builder.
    taken: u64,
    discarding: bool,
    /// Whether a cancel is on its way; the server hears it the sooner the less it has to wait.
    cancelling: bool,
    discarded: u64,
    stalled: bool,
    /// When the socket was last checked while nobody reads it.
    looked_at: Option<Instant>,
    first_left: bool,
    rows_wait_since: Option<Instant>,
    tag: String,
    fault: Option<Failure>,
    copy_data: Option<Written>,
    copy_in: Option<CopyIn>,
    reading: Reading,
    ready_at: Option<Instant>,
}

/// A statement's outcome.
#[derive(Default)]
pub struct Outcome {
    /// The last command's tag.
    pub tag: String,
    /// Rows that were read and dropped.
    pub discarded: u64,
    /// What went wrong on Tusk's side.
    pub fault: Option<Failure>,
    /// When the server said that it was ready.
    pub ready_at: Option<Instant>,
    /// How to read its rows.
    pub reading: Reading,
}

impl Capture {
    /// Prepares for what the server sends for this query.
    pub fn new(
        outflow: Outflow,
        query: QueryId,
        granted: u64,
        Begun { data, reading }: Begun,
    ) -> Self {
        Self {
            outflow,
            query,
            since: Instant::now(),
            builder: ChunkBuilder::new(0),
            described: false,
            results: 0,
            descriptions_bytes: 0,
            granted,
            bytes_left: bytes_of_grant(granted),
            taken: 0,
            discarding: false,
            cancelling: false,
            discarded: 0,
            stalled: false,
            looked_at: None,
            first_left: false,
            rows_wait_since: None,
            tag: String::new(),
            fault: None,
            copy_data: data,
            copy_in: None,
            reading,
            ready_at: None,
        }
    }

    pub fn query(&self) -> QueryId {
        self.query
    }

    /// How long nothing at all has been heard of it, or none if something has: the server may not have begun it.
    pub fn unheard_for(&self, now: Instant) -> Option<Duration> {
        let is_heard = self.described
            || self.copy_in.is_some()
            || !self.tag.is_empty()
            || self.ready_at.is_some();
        (!is_heard).then(|| now.saturating_duration_since(self.since))
    }

    /// The row at which it has stopped, if it has.
    pub fn stands_at(&self) -> Option<u64> {
        self.stalled.then_some(self.taken)
    }

    /// Grants this many more rows.
    pub fn grant(&mut self, rows: u64) {
        self.granted = self.granted.saturating_add(rows);
        self.bytes_left = bytes_of_grant(self.granted);
        self.stalled &= self.taken >= self.granted;
    }

    /// Counts and drops all rows from now on.
    pub fn discard(&mut self) {
        self.flush();
        self.discarding = true;
        self.stalled = false;
    }

    /// Whether it reads everything to the end and keeps nothing.
    pub fn is_discarding(&self) -> bool {
        self.discarding
    }

    /// A cancel is on its way.
    pub fn cancel(&mut self) {
        self.cancelling = true;
    }

    /// Whether to read on whatever the server says beside the rows, however much it is.
    pub fn hurries(&self) -> bool {
        self.discarding || self.cancelling
    }

    /// Whether no row waits to be sent with later ones.
    pub fn is_between_chunks(&self) -> bool {
        self.builder.is_empty()
    }

    /// Whether a message of this type is a row to drop.
    pub fn drops(&self, tag: u8) -> bool {
        self.discarding && matches!(tag, b'D' | b'd')
    }

    /// Counts a row that was dropped.
    pub fn dropped(&mut self) {
        self.discarded += 1;
    }

    /// Nobody looks at its rows any more.
    pub fn abandon(&mut self) {
        self.discard();
        self.reading.forget();
    }

    /// Whether the next message may be taken. A row beyond the grant may not, and the capture reports that once.
    pub fn may_take(&mut self, tag: u8) -> bool {
        let is_granted = self.taken < self.granted;
        let is_row = matches!(tag, b'D' | b'd');
        if !is_row || self.discarding || is_granted && self.bytes_left > 0 {
            return true;
        }
        if !self.stalled {
            self.stalled = true;
            self.looked_at = Some(Instant::now());
            self.flush();
            let (query, rows) = (self.query, self.taken);
            let msg = if is_granted {
                self.granted = self.taken;
                query::Msg::GrantLapsed { query, rows }
            } else {
                query::Msg::Stalled { query, rows }
            };
            self.outflow.post(msg, 0);
        }
        false
    }

    #[inline]
    pub fn take(&mut self, frame: Frame<'_>) -> Verdict {
        match frame.tag() {
            b'D' => self.row(frame.body(), false),
            b'd' => self.row(frame.body(), true),
            _ => return self.other(frame),
        }
        Verdict::Swallow
    }

    /// The link has no more data now: sends the first rows at once, later ones when they have waited long enough.
    pub fn quiet(&mut self, now: Instant) {
        if self.builder.is_empty() {
            return;
        }
        let since = *self.rows_wait_since.get_or_insert(now);
        if !self.first_left || now.saturating_duration_since(since) >= ROWS_WAIT_MAX {
            self.flush();
        }
    }

    /// When waiting rows must be sent.
    pub fn deadline(&self) -> Option<Instant> {
        let look = self.looked_at.filter(|_| self.stalled);
        let rows = self.rows_wait_since.map(|since| since + ROWS_WAIT_MAX);
        rows.or(look.map(|at| at + LOOK_EVERY))
    }

    /// Sends the rows collected so far.
    pub fn flush(&mut self) {
        self.rows_wait_since = None;
        self.looked_at = self.looked_at.map(|_| Instant::now());
        if !self.builder.is_empty() {
            self.first_left = true;
            let (query, chunk) = (self.query, self.reading.read(self.builder.finish()));
            let bytes = chunk.heap_bytes();
            self.outflow.post(query::Msg::RowsArrived { query, chunk }, bytes);
        }
    }

    /// The data to send for COPY … FROM STDIN, while it runs.
    pub fn copy_in(&mut self) -> Option<&mut CopyIn> {
        self.copy_in.as_mut()
    }

    /// The statement or its link has ended.
    pub fn finish(mut self) -> Outcome {
        self.flush();
        Outcome {
            tag: self.tag,
            discarded: self.discarded,
            fault: self.fault,
            ready_at: self.ready_at,
            reading: self.reading,
        }
    }

    #[inline]
    fn row(&mut self, body: &[u8], is_line: bool) {
        if self.discarding {
            self.discarded += 1;
            return;
        }
        let pushed =
            if is_line { self.builder.push_line(body) } else { self.builder.push_data_row(body) };
        if let Err(malformed) = pushed {
            let message = format!("A row could not be read: {malformed}.");
            self.give_up(match malformed {
                MalformedRow::NoMemory => error::plain(Category::Query, message).with_next_step(
                    "Close results that are not needed, or select less of the value.",
                ),
                _ => error::servers_fault(message),
            });
            self.discarded += 1;
            return;
        }
        self.taken += 1;
        self.bytes_left = self.bytes_left.saturating_sub(body.len());
        if self.builder.is_full() || (!self.first_left && self.builder.rows() >= FIRST_ROWS_MAX) {
            self.flush();
        }
    }

    fn other(&mut self, frame: Frame<'_>) -> Verdict {
        match frame.tag() {
            b'T' => self.describe(columns(frame.body()), frame.body().len(), None),
            // COPY … TO STDOUT: shows its lines as the rows of one column.
            b'H' => {
                let column = Some(vec![Column::new("copy", 25, -1)]);
                self.describe(column, 0, Some(frame.body()));
            }
            b'c' => {}
            b'G' => self.begin_copy_in(),
            b'C' => {
                self.tag = text(frame.body());
                return Verdict::Pass;
            }
            b'E' => {
                if let Some(copy) = &mut self.copy_in {
                    copy.abandon();
                }
                return Verdict::Pass;
            }
            b'Z' => {
                self.flush();
                self.ready_at = Some(Instant::now());
                self.copy_in = None;
                return Verdict::Pass;
            }
            _ => return Verdict::Pass,
        }
        Verdict::Swallow
    }

    fn describe(&mut self, columns: Option<Vec<Column>>, bytes: usize, copied: Option<&[u8]>) {
        let Some(columns) = columns else {
            let message = "The columns of the result could not be read.";
            return self.give_up(error::servers_fault(message));
        };
        self.results += 1;
        self.descriptions_bytes += bytes;
        if self.results > RESULTS_MAX || self.descriptions_bytes > DESCRIPTIONS_BYTES_MAX {
            return self.give_up(error::servers_fault(format!(
                "The server sent more results for one statement than Tusk keeps: the first {} are shown.",
                grouped((self.results - 1).min(RESULTS_MAX))
            )));
        }
        self.flush();
        if self.described {
            // A further result shows its own first rows at once.
            self.first_left = false;
        }
        self.described = true;
        self.reading.result_begins(copied);
        self.builder = ChunkBuilder::new(columns.len());
        let (query, width) = (self.query, size_of_val(columns.as_slice()));
        self.outflow.post(query::Msg::Described { query, columns }, bytes + width);
    }

    /// Fails the statement on Tusk's side; the rest is read to its end.
    fn give_up(&mut self, failure: Failure) {
        self.fault.get_or_insert(failure);
        self.discard();
    }

    fn begin_copy_in(&mut self) {
        if self.copy_data.is_none() {
            // The server answers a refused COPY with the code of a cancel, but nobody cancelled.
            self.fault = Some(
                error::plain(
                    Category::Query,
                    "COPY … FROM STDIN needs its data, and there is none.",
                )
                .with_next_step(
                    "Put the lines below the statement, ended by a line with \\. alone.",
                ),
            );
        }
        self.copy_in = Some(CopyIn::new(self.copy_data.take()));
    }
}

/// The data of a COPY … FROM STDIN.
pub enum CopyData {
    /// All of it.
    Text(Arc<str>),
    /// Pieces, as they are read.
    Pieces(Receiver<CopyPiece>),
}

/// A piece of the data of COPY … FROM STDIN.
pub enum CopyPiece {
    /// Data, to be written in the encoding that the server expects.
    Data(String),
    /// The end of the data.
    End,
}

/// The data of COPY … FROM STDIN on their way to the server.
pub struct CopyIn {
    data: Option<Arc<[u8]>>,
    at: usize,
    /// Where further data come from, and how to write them.
    pieces: Option<(flume::r#async::RecvStream<'static, CopyPiece>, Wire)>,
    /// Why the data end early; sent after them.
    failing: Option<String>,
    frame: Vec<u8>,
    written: usize,
    ended: bool,
}

impl CopyIn {
    /// Bytes of data per message.
    const PIECE_BYTES: usize = 32 << 10;

    fn new(data: Option<Written>) -> Self {
        let (data, pieces) = match data {
            Some(Written::Whole(data)) => (Some(data), None),
            Some(Written::Pieces(pieces, wire)) => {
                (Some(Arc::from([])), Some((pieces.into_stream(), wire)))
            }
            None => (None, None),
        };
        Self { data, at: 0, pieces, failing: None, frame: Vec::new(), written: 0, ended: false }
    }

    /// The bytes to write next; empty once everything available has been written.
    pub fn pending(&mut self, context: &mut Context<'_>) -> &[u8] {
        if self.written == self.frame.len() && !self.ended {
            self.frame.clear();
            self.written = 0;
            if self.has_more(context) {
                self.next_frame();
            }
        }
        &self.frame[self.written..]
    }

    /// This many of them were written.
    pub fn wrote(&mut self, bytes: usize) {
        self.written += bytes;
    }

    /// The server has refused the rest: completes only the half-written message.
    fn abandon(&mut self) {
        self.ended = true;
        if self.written == 0 {
            self.frame.clear();
        }
    }

    /// Whether what comes next is known. Pieces wake their reader when they arrive.
    fn has_more(&mut self, context: &mut Context<'_>) -> bool {
        let is_used_up = self.data.as_ref().is_some_and(|data| self.at == data.len());
        let Some((pieces, wire)) = self.pieces.as_mut().filter(|_| is_used_up) else {
            return true;
        };
        match pieces.poll_next_unpin(context) {
            Poll::Ready(Some(CopyPiece::Data(text))) if text.is_empty() => {
                return self.has_more(context);
            }
            Poll::Ready(Some(CopyPiece::Data(text))) => {
                let (bytes, reason) = wire.piece(text);
                (self.data, self.at) = (Some(bytes.into()), 0);
                if let Some(reason) = reason {
                    self.fail(reason);
                }
            }
            Poll::Ready(Some(CopyPiece::End)) => self.pieces = None,
            Poll::Ready(None) => self.fail("the data were not read to their end".into()),
            Poll::Pending => return false,
        }
        true
    }

    /// There are no more data, and the server must not keep what was sent.
    fn fail(&mut self, reason: String) {
        (self.pieces, self.failing) = (None, Some(reason + "\0"));
    }

    fn next_frame(&mut self) {
        let rest = self.data.as_ref().and_then(|data| data.get(self.at..));
        let (tag, body) = match (rest, &self.failing) {
            (Some(rest @ [_, ..]), _) => (b'd', &rest[..rest.len().min(Self::PIECE_BYTES)]),
            (_, Some(reason)) => (b'f', reason.as_bytes()),
            (Some([]), None) => (b'c', &b""[..]),
            (None, None) => (b'f', &b"there is no data for it\0"[..]),
        };
        // A piece is far smaller than the largest length.
        self.frame.push(tag);
        self.frame.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
        self.frame.extend_from_slice(body);
        self.at += body.len();
        self.ended = tag != b'd';
    }
}

/// The bytes of a grant. A grant without end has no limit in bytes either.
fn bytes_of_grant(rows: u64) -> usize {
    if rows == u64::MAX { usize::MAX } else { GRANT_BYTES }
}

/// The columns of a RowDescription.
fn columns(body: &[u8]) -> Option<Vec<Column>> {
    let (count, mut rest) = body.split_first_chunk::<2>()?;
    let mut columns = Vec::with_capacity(usize::from(u16::from_be_bytes(*count)));
    for _ in 0..columns.capacity() {
        let end = rest.iter().position(|byte| *byte == 0)?;
        let (facts, tail) = rest.get(end + 1..)?.split_first_chunk::<18>()?;
        // Table's oid (4), column's number (2), type's oid (4), type's length (2), modifier (4), format (2).
        let [_, _, _, _, _, _, a, b, c, d, _, _, e, f, g, h, _, _] = *facts;
        let name = String::from_utf8_lossy(&rest[..end]).into_owned();
        columns.push(Column::new(
            name,
            u32::from_be_bytes([a, b, c, d]),
            i32::from_be_bytes([e, f, g, h]),
        ));
        rest = tail;
    }
    Some(columns)
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body.strip_suffix(b"\0").unwrap_or(body)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{base::ids::Ids, msg::Msg};

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let mut whole = vec![tag];
        whole.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
        whole.extend_from_slice(body);
        whole
    }

    fn row_of_one(value: &[u8]) -> Vec<u8> {
        let mut body = vec![0, 1];
        body.extend_from_slice(&(value.len() as u32).to_be_bytes());
        body.extend_from_slice(value);
        message(b'D', &body)
    }

    fn description() -> Vec<u8> {
        let mut body = vec![0, 1];
        body.extend_from_slice(b"price\0");
        body.extend_from_slice(&[0, 0, 64, 1, 0, 2, 0, 0, 6, 164, 255, 255, 0, 10, 0, 6, 0, 0]);
        message(b'T', &body)
    }

    /// What was sent.
    struct Told(Outflow, flume::Receiver<Msg>);

    impl Told {
        fn all(&self) -> Vec<Msg> {
            self.0.release();
            self.1.drain().collect()
        }
    }

    fn capture(granted: u64, copy_data: Option<&str>) -> (Capture, Told) {
        let (outbox, inbox) = flume::unbounded();
        let query = QueryId::next(&mut Ids::seeded(1));
        let begun = Begun {
            data: copy_data.map(|data| Written::Whole(data.as_bytes().into())),
            ..Begun::default()
        };
        let outflow = Outflow::new(&outbox, &Arc::default());
        let capture = Capture::new(outflow.clone(), query, granted, begun);
        (capture, Told(outflow, inbox))
    }

    #[track_caller]
    fn shown(told: &Told) -> Vec<String> {
        let name = |msg| match msg {
            Msg::Query(query::Msg::Described { columns, .. }) => {
                format!("described {}", columns.len())
            }
            Msg::Query(query::Msg::RowsArrived { chunk, .. }) => format!("rows {}", chunk.rows()),
            Msg::Query(query::Msg::Stalled { rows, .. }) => format!("stalled {rows}"),
            other => panic!("{other:?}"),
        };
        told.all().into_iter().map(name).collect()
    }

    fn give(capture: &mut Capture, whole: &[u8]) -> Verdict {
        assert!(capture.may_take(whole[0]));
        capture.take(Frame::new(whole))
    }

    #[test]
    fn columns_carry_name_type_and_modifier() {
        let (mut capture, told) = capture(1, None);
        assert_eq!(give(&mut capture, &description()), Verdict::Swallow);
        let all = told.all();
        let [Msg::Query(query::Msg::Described { columns, .. })] = all.as_slice() else { panic!() };
        assert_eq!(*columns, [Column::new("price", 1_700, (10 << 16) + 6)]);
    }

    #[test]
    fn the_reader_stands_still_at_the_granted_row_and_says_so_once() {
        let (mut capture, told) = capture(2, None);
        give(&mut capture, &description());
        give(&mut capture, &row_of_one(b"1"));
        give(&mut capture, &row_of_one(b"2"));
        assert!(!capture.may_take(b'D') && !capture.may_take(b'D'));
        assert_eq!(shown(&told), ["described 1", "rows 2", "stalled 2"]);
        capture.grant(0);
        assert!(!capture.may_take(b'D'));
        assert!(shown(&told).is_empty());
        capture.grant(1);
        give(&mut capture, &row_of_one(b"3"));
        assert!(!capture.may_take(b'D'));
        assert!(capture.may_take(b'C') && capture.may_take(b'E'));
        assert_eq!(shown(&told), ["rows 1", "stalled 3"]);
    }

    #[test]
    fn a_grant_lapses_when_its_rows_are_large() {
        let (mut capture, told) = capture(1_000, None);
        give(&mut capture, &description());
        let row = row_of_one(&vec![b'x'; 1 << 20]);
        let mut given = 0;
        while capture.may_take(b'D') {
            capture.take(Frame::new(&row));
            given += 1;
        }
        assert_eq!(given, 64);
        assert!(!capture.may_take(b'D'));
        let query = capture.query();
        let lapsed = query::Msg::GrantLapsed { query, rows: 64 };
        assert_eq!(told.all().pop(), Some(lapsed.into()));
        // After this grant nothing is left.
        capture.grant(1);
        give(&mut capture, &row);
        assert!(!capture.may_take(b'D'));
        let stalled = query::Msg::Stalled { query, rows: 65 };
        assert_eq!(told.all().pop(), Some(stalled.into()));
    }

    #[test]
    fn discarded_rows_are_counted_and_not_sent() {
        let (mut capture, told) = capture(1, None);
        give(&mut capture, &description());
        give(&mut capture, &row_of_one(b"1"));
        assert!(!capture.may_take(b'D'));
        capture.discard();
        give(&mut capture, &row_of_one(b"2"));
        give(&mut capture, &row_of_one(b"3"));
        assert_eq!(give(&mut capture, &message(b'C', b"SELECT 3\0")), Verdict::Pass);
        assert_eq!(give(&mut capture, &message(b'Z', b"I")), Verdict::Pass);
        let outcome = capture.finish();
        assert_eq!((outcome.tag.as_str(), outcome.discarded), ("SELECT 3", 2));
        assert!(outcome.ready_at.is_some() && outcome.fault.is_none());
        assert_eq!(shown(&told), ["described 1", "rows 1", "stalled 1"]);
    }

    #[test]
    fn the_first_rows_leave_at_once_and_later_ones_after_a_wait_or_a_full_chunk() {
        let (mut capture, told) = capture(u64::MAX, None);
        let now = Instant::now();
        give(&mut capture, &description());
        give(&mut capture, &row_of_one(b"1"));
        capture.quiet(now);
        assert_eq!(shown(&told), ["described 1", "rows 1"]);
        give(&mut capture, &row_of_one(b"2"));
        capture.quiet(now);
        assert_eq!((shown(&told).len(), capture.deadline()), (0, Some(now + ROWS_WAIT_MAX)));
        capture.quiet(now + ROWS_WAIT_MAX);
        assert_eq!((shown(&told), capture.deadline()), (vec!["rows 1".to_owned()], None));
        for _ in 0..4_097 {
            give(&mut capture, &row_of_one(b"3"));
        }
        assert_eq!(shown(&told), ["rows 4096"]);
    }

    #[test]
    fn a_stream_without_a_pause_shows_its_first_256_rows_alone() {
        let (mut capture, told) = capture(u64::MAX, None);
        give(&mut capture, &description());
        for _ in 0..300 {
            give(&mut capture, &row_of_one(b"x"));
        }
        assert_eq!(shown(&told), ["described 1", "rows 256"]);
        assert_eq!(capture.finish().discarded, 0);
        assert_eq!(shown(&told), ["rows 44"]);
    }

    #[test]
    fn lines_of_copy_out_are_rows_of_one_column() {
        let (mut capture, told) = capture(u64::MAX, None);
        for whole in [message(b'H', &[0, 0, 1, 0, 0]), message(b'd', b"a\tb\n"), message(b'c', b"")]
        {
            assert_eq!(give(&mut capture, &whole), Verdict::Swallow);
        }
        give(&mut capture, &message(b'Z', b"I"));
        assert_eq!(shown(&told), ["described 1", "rows 1"]);
    }

    fn written(copy: &mut CopyIn) -> Vec<u8> {
        let mut all = vec![];
        loop {
            // Odd pieces, as a busy socket takes them.
            let pending = copy.pending(&mut Context::from_waker(std::task::Waker::noop()));
            let size = pending.len().min(1_001);
            if size == 0 {
                return all;
            }
            all.extend_from_slice(&pending[..size]);
            copy.wrote(size);
        }
    }

    #[test]
    fn copy_in_sends_its_data_in_pieces_and_then_the_end() {
        let data = "line\n".repeat(20_000);
        let (mut capture, _told) = capture(0, Some(&data));
        assert_eq!(give(&mut capture, &message(b'G', &[0, 0, 1, 0, 0])), Verdict::Swallow);
        let sent = written(capture.copy_in().unwrap());
        let mut rest = sent.as_slice();
        let mut received = vec![];
        while let Some(([tag, a, b, c, d], tail)) = rest.split_first_chunk::<5>() {
            let (body, tail) = tail.split_at(u32::from_be_bytes([*a, *b, *c, *d]) as usize - 4);
            assert_eq!(*tag, if tail.is_empty() { b'c' } else { b'd' });
            received.extend_from_slice(body);
            rest = tail;
        }
        assert_eq!(received, data.as_bytes());
    }

    #[test]
    fn copy_in_without_data_fails_with_a_sentence() {
        let (mut capture, _told) = capture(0, None);
        give(&mut capture, &message(b'G', &[0, 0, 1, 0, 0]));
        assert_eq!(written(capture.copy_in().unwrap())[0], b'f');
        assert_eq!(capture.finish().fault.unwrap().category, Category::Query);
    }

    #[test]
    fn copy_in_stops_at_a_message_s_end_when_the_server_refuses() {
        let (mut capture, _told) = capture(0, Some(&"x".repeat(100_000)));
        give(&mut capture, &message(b'G', &[0, 0, 1, 0, 0]));
        let copy = capture.copy_in().unwrap();
        let length = copy.pending(&mut Context::from_waker(std::task::Waker::noop())).len();
        copy.wrote(10);
        give(&mut capture, &message(b'E', b"\0"));
        assert_eq!(written(capture.copy_in().unwrap()).len(), length - 10);
    }

    #[test]
    fn a_malformed_row_fails_the_statement_and_not_the_link() {
        let (mut capture, _told) = capture(u64::MAX, None);
        give(&mut capture, &description());
        give(&mut capture, &message(b'D', &[0, 2]));
        give(&mut capture, &row_of_one(b"1"));
        let outcome = capture.finish();
        assert_eq!((outcome.discarded, outcome.fault.unwrap().category), (2, Category::Connection));
    }
}
