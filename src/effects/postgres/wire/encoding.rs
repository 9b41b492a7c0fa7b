//! The encoding in which a session's text travels, and its conversion.
//!
//! Tusk asks for UTF-8. A session may leave it: by SET, in a function, by a rollback that restores an earlier value.
//! The server reports that after the rows that are already in the new encoding (from PostgreSQL 14 on; before, at
//! once). So one encoding holds for a whole statement: that of the last report before it was sent. If another is
//! reported before the statement has ended, nobody can tell which rows are in which; they are shown with everything
//! beyond ASCII as bytes.
//!
//! Tusk never sends a character that the encoding does not have, and shows what it does not understand as bytes.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use flume::Receiver;

use super::frames::Frame;
use crate::{
    base::ids::QueryId,
    effects::postgres::{
        error,
        session::capture::{CopyData, CopyPiece},
    },
    failure::{Category, Failure},
    rows::{Cell, Chunk, show::display::bytes_text},
    sql::read::{
        encodings::{bare, canonical},
        lex::{self, Token, TokenKind},
    },
    update::query::{self, read_only::Seal},
};
use charset::Charset;

pub mod charset;

/// The most bytes of notifications that wait for a statement's end; further ones are passed on in the current encoding.
const NOTIFICATIONS_BYTES_MAX: usize = 1 << 20;

/// The longest message that the server accepts.
const WRITTEN_BYTES_MAX: usize = 1 << 30;

/// How text travels on a link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wire {
    /// UTF-8; invalid bytes stay as they are. So do those of an SQL_ASCII database, which may be anything.
    #[default]
    Utf8,
    /// One of PostgreSQL's encodings; only ASCII of one that Tusk does not understand.
    In(Charset),
    /// An encoding that Tusk does not know even by name.
    Unknown(String),
}

/// A character that an encoding does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsayable {
    pub character: char,
    /// Its place in the text, in bytes.
    pub at: usize,
}

impl Wire {
    /// The encoding for these reports of the server. A session in SQL_ASCII gets the database's bytes as they are.
    pub fn of(client: &str, server: Option<&str>) -> Self {
        let name = match (bare(client).as_str(), server) {
            ("sqlascii", Some(server)) => server,
            _ => client,
        };
        match canonical(name).as_str() {
            "utf8" | "sqlascii" | "" => Self::Utf8,
            _ => Charset::named(name).map_or_else(|| Self::Unknown(name.to_owned()), Self::In),
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Utf8 => "UTF8",
            Self::In(charset) => charset.name(),
            Self::Unknown(name) => name,
        }
    }

    /// Whether Tusk understands more than ASCII.
    pub fn is_understood(&self) -> bool {
        match self {
            Self::Utf8 => true,
            Self::In(charset) => charset.is_understood(),
            Self::Unknown(_) => false,
        }
    }

    /// Encodes a text to send.
    pub fn write<'text>(&self, text: &'text str) -> Result<Cow<'text, [u8]>, Unsayable> {
        if *self == Self::Utf8 || text.is_ascii() {
            return Ok(Cow::Borrowed(text.as_bytes()));
        }
        let mut bytes = Vec::with_capacity(text.len());
        for (at, character) in text.char_indices() {
            if !self.write_one(character, &mut bytes) {
                return Err(Unsayable { character, at });
            }
        }
        Ok(Cow::Owned(bytes))
    }

    /// Encodes a piece of COPY data, up to a character that the encoding does not have, and the error that the server
    /// gets about it. The error is in ASCII only, because the server reads it in the session's encoding.
    pub fn piece(&self, text: String) -> (Vec<u8>, Option<String>) {
        let written = match self.write(&text) {
            Ok(Cow::Owned(written)) => written,
            Ok(Cow::Borrowed(_)) => return (text.into_bytes(), None),
            Err(Unsayable { character, at }) => {
                let before = self.write(text.get(..at).unwrap_or_default());
                let before = before.map_or_else(|_| Vec::new(), Cow::into_owned);
                let (name, code) = (self.name(), u32::from(character));
                let reason = if self.is_understood() {
                    format!("the data go in {name}, which has no U+{code:04X}")
                } else {
                    format!("the data go in {name}, of which Tusk knows only ASCII")
                };
                return (before, Some(reason));
            }
        };
        (written, None)
    }

    fn write_one(&self, character: char, to: &mut Vec<u8>) -> bool {
        match self {
            _ if character.is_ascii() => to.push(character as u8),
            Self::Utf8 => to.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            Self::In(charset) => return charset.write(character, to),
            Self::Unknown(_) => return false,
        }
        true
    }

    /// Decodes a value to UTF-8. Writes what it does not understand as `\xNN`; in UTF-8 itself it leaves that as it is.
    pub fn value<'bytes>(&self, bytes: &'bytes [u8]) -> Cow<'bytes, [u8]> {
        if *self == Self::Utf8 || bytes.is_ascii() {
            return Cow::Borrowed(bytes);
        }
        let mut text = String::with_capacity(bytes.len() + bytes.len() / 2);
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            if first.is_ascii() {
                text.push(char::from(*first));
                rest = &rest[1..];
                continue;
            }
            let length = match self {
                Self::In(charset) => charset.length(rest),
                Self::Utf8 | Self::Unknown(_) => 1,
            };
            let (one, after) = rest.split_at(length.clamp(1, rest.len()));
            match self {
                Self::In(charset) => match charset.read(one) {
                    Some(character) => text.push(character),
                    None => one.iter().for_each(|byte| push_byte(&mut text, *byte)),
                },
                Self::Utf8 | Self::Unknown(_) => push_byte(&mut text, *first),
            }
            rest = after;
        }
        Cow::Owned(text.into_bytes())
    }

    /// Decodes a text to show: escapes bytes that it does not understand, as a cell shows them.
    pub fn text<'bytes>(&self, bytes: &'bytes [u8]) -> Cow<'bytes, str> {
        match self.value(bytes) {
            Cow::Borrowed(bytes) => Cell::Value(bytes).text(),
            Cow::Owned(bytes) => Cow::Owned(Cell::Value(&bytes).text().into_owned()),
        }
    }

    /// A value that was decoded this way, with everything beyond ASCII as the original bytes.
    fn as_bytes<'value>(&self, value: &'value [u8]) -> Cow<'value, [u8]> {
        if value.is_ascii() {
            return Cow::Borrowed(value);
        }
        let mut text = String::with_capacity(2 * value.len());
        let mut bytes = Vec::new();
        for part in value.utf8_chunks() {
            for character in part.valid().chars() {
                bytes.clear();
                match character.is_ascii() {
                    true => text.push(character),
                    false => {
                        self.write_one(character, &mut bytes);
                        bytes.iter().for_each(|byte| push_byte(&mut text, *byte));
                    }
                }
            }
            part.invalid().iter().for_each(|byte| push_byte(&mut text, *byte));
        }
        Cow::Owned(text.into_bytes())
    }
}

fn push_byte(text: &mut String, byte: u8) {
    text.push_str(&format!("\\x{byte:02x}"));
}

/// What a link knows about its text's encoding.
#[derive(Default)]
pub struct Texts {
    client: Option<String>,
    server: Option<String>,
    /// The encoding of the last report.
    reported: Wire,
    /// The same, unless a statement fixes it by itself.
    now: Wire,
    /// The user's statement that is running.
    statement: Option<Statement>,
    /// Notifications arrive before the report of their encoding.
    notifications: VecDeque<Vec<u8>>,
    notifications_bytes: usize,
    /// What to write in place of the driver's message.
    substitute: Option<Substitute>,
}

struct Statement {
    sql: Arc<str>,
    from: Wire,
    /// Whether another encoding was reported before a row or before the end.
    is_mixed: bool,
}

/// A statement changed its session's encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The encoding in which it was sent.
    pub from: Wire,
    /// The encoding from now on.
    pub to: Wire,
}

/// A message that the driver can't write, because its text is not UTF-8.
struct Substitute {
    /// How many of the driver's bytes to drop.
    swallowed: usize,
    bytes: Vec<u8>,
    written: usize,
}

impl Change {
    /// The message for the Model.
    pub fn told(self, query: QueryId, reading: Reading) -> query::Msg {
        query::Msg::EncodingChanged {
            query,
            is_understood: self.to.is_understood(),
            from: self.from.name().to_owned(),
            to: self.to.name().to_owned(),
            escaped: reading.as_bytes(),
        }
    }
}

impl Texts {
    pub fn reported(&mut self, name: &str, value: &str) {
        match name {
            "client_encoding" => self.client = Some(value.to_owned()),
            "server_encoding" => self.server = Some(value.to_owned()),
            _ => return,
        }
        let client = self.client.as_deref().unwrap_or("UTF8");
        self.reported = Wire::of(client, self.server.as_deref());
        self.now = self.reported.clone();
    }

    /// The server is ready, and has reported all changes so far.
    pub fn ready(&mut self) {
        self.now = self.reported.clone();
        self.row_came();
    }

    /// Whether text travels in UTF-8, or as the bytes of an SQL_ASCII database.
    pub fn is_straight(&self) -> bool {
        self.now == Wire::Utf8
    }

    /// Encodes a user's statement and its data before it is sent, or says why that is impossible.
    pub fn begin(&mut self, sql: &Arc<str>, data: Option<CopyData>) -> Result<Begun, Failure> {
        let client = self.now.clone();
        let stated = stated_encoding(sql).map(|name| Wire::of(&name, self.server.as_deref()));
        let copied = stated.clone().unwrap_or_else(|| client.clone());
        self.write(sql)?;
        let data = match data {
            Some(CopyData::Text(data)) => Some(Written::Whole(written_data(&copied, data)?)),
            Some(CopyData::Pieces(pieces)) => Some(Written::Pieces(pieces, copied)),
            None => None,
        };
        self.statement =
            Some(Statement { sql: sql.clone(), from: client.clone(), is_mixed: false });
        let reading = Reading::new(client, stated);
        Ok(Begun { data, reading })
    }

    /// The same on a read-only connection, where the wrapper makes sure that the server reads a statement inside a
    /// transaction as UTF-8.
    pub fn begin_sealed(
        &mut self,
        sql: &Arc<str>,
        seal: &Seal,
    ) -> Result<(Begun, Vec<u8>), Failure> {
        match seal {
            Seal::Whole { .. } => self.not_straight().map_or(Ok(()), Err)?,
            Seal::Inside { .. } => self.now = Wire::Utf8,
            Seal::Begins { .. } | Seal::Savepoint | Seal::Ends { .. } => {}
        }
        let begun = self.begin(sql, None)?;
        let written = self.write(sql)?.into_owned();
        Ok((begun, written))
    }

    /// Why a statement in a transaction of its own can't be sent on a read-only connection: the server would not read
    /// it as Tusk did.
    fn not_straight(&self) -> Option<Failure> {
        let message = format!(
            "client_encoding is {} outside a transaction, and a read-only connection sends UTF8. The statement was not \
             sent.",
            self.now.name()
        );
        let failure = || error::plain(Category::Query, message).with_next_step("Reconnect.");
        (self.now != Wire::Utf8).then(failure)
    }

    /// Encodes a text in the current encoding.
    pub fn write<'text>(&self, sql: &'text str) -> Result<Cow<'text, [u8]>, Failure> {
        let written = self.now.write(sql);
        let written = written.map_err(|unsayable| cannot_say(&self.now, sql, unsayable))?;
        if matches!(&written, Cow::Owned(bytes) if bytes.len() > WRITTEN_BYTES_MAX) {
            let message = "The statement is longer than PostgreSQL takes.";
            return Err(error::plain(Category::Query, message));
        }
        Ok(written)
    }

    /// The driver got this text, which travels in another encoding: drops what the driver writes, and writes these
    /// bytes.
    pub fn substitute(&mut self, text: &str, bytes: &[u8]) {
        let mut message = vec![b'Q'];
        // The driver has bounded the text; the message is no longer than it.
        message.extend_from_slice(&(bytes.len() as u32 + 5).to_be_bytes());
        message.extend_from_slice(bytes);
        message.push(0);
        self.substitute =
            Some(Substitute { swallowed: text.len() + 6, bytes: message, written: 0 });
    }

    /// Drops the driver's bytes that something else replaces; returns how many.
    pub fn swallow(&mut self, bytes: usize) -> usize {
        let Some(substitute) = &mut self.substitute else {
            return 0;
        };
        let taken = substitute.swallowed.min(bytes);
        substitute.swallowed -= taken;
        self.wrote(0);
        taken
    }

    /// The replacement's bytes still to write.
    pub fn pending(&self) -> &[u8] {
        let substitute = self.substitute.as_ref();
        substitute.map_or(&[], |it| it.bytes.get(it.written..).unwrap_or_default())
    }

    /// This many of them were written.
    pub fn wrote(&mut self, bytes: usize) {
        if let Some(substitute) = &mut self.substitute {
            substitute.written += bytes;
            if substitute.written >= substitute.bytes.len() && substitute.swallowed == 0 {
                self.substitute = None;
            }
        }
    }

    /// A row of the statement came, or its end.
    #[inline]
    pub fn row_came(&mut self) {
        if let Some(statement) = &mut self.statement
            && !statement.is_mixed
            && statement.from != self.now
        {
            statement.is_mixed = true;
        }
    }

    /// The statement has ended, and the server has reported all its changes.
    pub fn end(&mut self) -> Option<Change> {
        let Statement { from, is_mixed, .. } = self.statement.take()?;
        let to = self.now.clone();
        is_mixed.then_some(Change { from, to })
    }

    /// Converts a message's text to UTF-8, completes its end, and makes its positions count characters. Ignores rows.
    /// `before` is the length of what Tusk put in front of the statement.
    pub fn read<'buffer>(&self, frame: Frame<'buffer>, before: usize) -> Cow<'buffer, [u8]> {
        let body = frame.body();
        let body = match frame.tag() {
            b'E' | b'N' => {
                let mut read = self.read_fields(body, before);
                read.extend_from_slice(end_of_words(&read, frame.left_out).as_bytes());
                read
            }
            b'S' | b'C' => self.now.text(body).into_owned().into_bytes(),
            b'A' => self.read_behind(body, 4),
            b'T' => self.read_description(body),
            _ => return frame.whole.into(),
        };
        if body == frame.body() {
            return frame.whole.into();
        }
        framed(frame.tag(), &body).into()
    }

    /// Converts the text in a row that answers a query of Tusk's own to UTF-8.
    pub fn read_row<'buffer>(&self, frame: Frame<'buffer>) -> Cow<'buffer, [u8]> {
        match self.read_values(frame.body()) {
            Some(body) if body != frame.body() => framed(frame.tag(), &body).into(),
            _ => frame.whole.into(),
        }
    }

    fn read_values(&self, body: &[u8]) -> Option<Vec<u8>> {
        let (count, mut rest) = body.split_first_chunk::<2>()?;
        let mut read = count.to_vec();
        while let Some((length, tail)) = rest.split_first_chunk::<4>() {
            let size = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
            let (value, tail) = tail.split_at_checked(size)?;
            let text = self.now.text(value);
            if i32::from_be_bytes(*length) < 0 {
                read.extend_from_slice(length);
            } else {
                read.extend_from_slice(&u32::try_from(text.len()).ok()?.to_be_bytes());
                read.extend_from_slice(text.as_bytes());
            }
            rest = tail;
        }
        Some(read)
    }

    fn read_behind(&self, body: &[u8], number: usize) -> Vec<u8> {
        let (number, text) = body.split_at(body.len().min(number));
        [number, self.now.text(text).as_bytes()].concat()
    }

    /// Column names come before the statement can have changed anything.
    fn read_description(&self, body: &[u8]) -> Vec<u8> {
        const FACTS: usize = 18;
        let from = self.statement.as_ref().map(|statement| &statement.from);
        let wire = from.unwrap_or(&self.now);
        let (count, mut rest) = body.split_at(body.len().min(2));
        let mut read = count.to_vec();
        while let Some(end) = rest.iter().position(|byte| *byte == 0) {
            let (name, tail) = rest.split_at(end);
            let (facts, tail) = tail.split_at(tail.len().min(1 + FACTS));
            read.extend_from_slice(wire.text(name).as_bytes());
            read.extend_from_slice(facts);
            rest = tail;
        }
        read.extend_from_slice(rest);
        read
    }

    fn read_fields(&self, body: &[u8], before: usize) -> Vec<u8> {
        let fields = || body.split(|byte| *byte == 0);
        let mut internal = fields().find_map(|field| field.strip_prefix(b"q"));
        let mut read = Vec::with_capacity(body.len());
        // There is one position of each kind. With thousands, the text would be counted again for each.
        let mut is_placed = false;
        for (at, field) in fields().enumerate() {
            if at > 0 {
                read.push(0);
            }
            match field.split_first() {
                Some((b'P', position)) if !is_placed => {
                    is_placed = true;
                    read.push(b'P');
                    read.extend(self.placed(position, before).as_bytes());
                }
                Some((b'p', position)) if internal.is_some() => {
                    read.push(b'p');
                    let query = internal.take().unwrap_or_default();
                    read.extend(self.placed_in(position, query).as_bytes());
                }
                _ => read.extend_from_slice(self.now.text(field).as_bytes()),
            }
        }
        read
    }

    /// A position in the statement, in characters of its text. The server counts characters of its own encoding.
    fn placed(&self, position: &[u8], before: usize) -> String {
        let position = String::from_utf8_lossy(position).into_owned();
        let Some(statement) = &self.statement else {
            return position;
        };
        let within = position.parse::<usize>().ok();
        let Some(index) = within.and_then(|at| at.checked_sub(before + 1)) else {
            return position;
        };
        let sizes = statement.sql.chars().map(|character| {
            let mut bytes = Vec::new();
            statement.from.write_one(character, &mut bytes);
            (character, bytes.len())
        });
        (self.characters_before(sizes, index) + before + 1).to_string()
    }

    /// The same in a statement that the server itself made, as it sent it.
    fn placed_in(&self, position: &[u8], query: &[u8]) -> String {
        let position = String::from_utf8_lossy(position).into_owned();
        let Some(index) = position.parse::<usize>().ok().and_then(|at| at.checked_sub(1)) else {
            return position;
        };
        if self.counts_bytes() {
            let shown = self.now.text(query.get(..index).unwrap_or(query));
            return (shown.chars().count() + 1).to_string();
        }
        let text = self.now.text(query);
        let sizes = text.chars().map(|character| (character, 1));
        (self.characters_before(sizes, index) + 1).to_string()
    }

    /// The number of characters before the server's index.
    fn characters_before(&self, sizes: impl Iterator<Item = (char, usize)>, index: usize) -> usize {
        let (bytes, pairs) = (self.counts_bytes(), self.counts_pairs());
        if !bytes && !pairs {
            return index;
        }
        let mut before = None;
        let (mut counted, mut characters) = (0, 0);
        for (character, size) in sizes {
            let joins = pairs && before.take().is_some_and(|first| is_pair(first, character));
            if counted >= index && !joins {
                return characters;
            }
            characters += 1;
            if !joins {
                counted += if bytes { size } else { 1 };
                before = Some(character);
            }
        }
        characters + index.saturating_sub(counted)
    }

    /// In an SQL_ASCII database each byte is a character.
    fn counts_bytes(&self) -> bool {
        self.server.as_deref().is_some_and(|name| bare(name) == "sqlascii")
    }

    /// JIS X 0213 has characters for what Unicode composes of a letter and a mark.
    fn counts_pairs(&self) -> bool {
        self.server.as_deref().is_some_and(|name| bare(name) == "eucjis2004")
    }

    /// Keeps a notification until its statement has ended; false if it must be passed on now.
    pub fn keep_notification(&mut self, frame: Frame<'_>) -> bool {
        let size = frame.whole.len() + size_of::<Vec<u8>>();
        if self.statement.is_none() || self.notifications_bytes + size > NOTIFICATIONS_BYTES_MAX {
            return false;
        }
        self.notifications_bytes += size;
        self.notifications.push_back(frame.whole.to_vec());
        true
    }

    pub fn has_notification(&self) -> bool {
        !self.notifications.is_empty()
    }

    /// The next kept notification, in the current encoding.
    pub fn next_notification(&mut self) -> Option<Vec<u8>> {
        let whole = self.notifications.pop_front()?;
        if self.notifications.is_empty() {
            self.notifications = VecDeque::new();
            self.notifications_bytes = 0;
        }
        let frame = Frame { whole: &whole, left_out: 0 };
        Some(self.read(frame, 0).into_owned())
    }
}

/// The data of COPY … FROM STDIN.
pub enum Written {
    /// All of it, as sent.
    Whole(Arc<[u8]>),
    /// Pieces, and how to encode them.
    Pieces(Receiver<CopyPiece>, Wire),
}

/// A statement that is ready to send.
#[derive(Default)]
pub struct Begun {
    /// The data for COPY … FROM STDIN.
    pub data: Option<Written>,
    /// How to decode what comes back.
    pub reading: Reading,
}

/// How to decode a statement's rows, and what has been decoded.
#[derive(Default)]
pub struct Reading {
    rows: Wire,
    /// The encoding in COPY's own option; none if it follows the session.
    stated: Option<Wire>,
    /// The encoding of the current data; none for binary data.
    current: Option<Wire>,
    is_stated: bool,
    /// The chunks already sent, by result.
    left: Vec<Vec<Arc<Chunk>>>,
}

impl Reading {
    fn new(rows: Wire, stated: Option<Wire>) -> Self {
        Self { rows, stated, ..Self::default() }
    }

    /// A result begins: rows, or the lines or bytes of COPY … TO STDOUT.
    pub fn result_begins(&mut self, copied: Option<&[u8]>) {
        self.left.push(Vec::new());
        self.is_stated = copied.is_some() && self.stated.is_some();
        self.current = match copied {
            None => Some(self.rows.clone()),
            // The message's first byte says whether the data are binary.
            Some([0, ..]) => Some(self.stated.clone().unwrap_or_else(|| self.rows.clone())),
            Some(_) => None,
        };
    }

    /// Decodes a chunk for the Model.
    pub fn read(&mut self, chunk: Chunk) -> Arc<Chunk> {
        let read = self.current.as_ref().and_then(|wire| chunk.mapped(|value| wire.value(value)));
        let chunk = Arc::new(read.unwrap_or(chunk));
        if let (Some(left), false, Some(_)) = (self.left.last_mut(), self.is_stated, &self.current)
        {
            left.push(chunk.clone());
        }
        chunk
    }

    /// Nobody looks at the sent chunks any more.
    pub fn forget(&mut self) {
        self.left.clear();
    }

    /// The sent chunks, by result, with everything beyond ASCII as bytes; nothing if that changes nothing. A result
    /// without chunks is unchanged.
    pub fn as_bytes(self) -> Vec<Vec<Arc<Chunk>>> {
        let mut changes = false;
        let results = self.left.into_iter().map(|chunks| {
            let escaped: Vec<Option<Chunk>> = chunks
                .iter()
                .map(|chunk| chunk.mapped(|value| self.rows.as_bytes(value)))
                .collect();
            if escaped.iter().all(Option::is_none) {
                return vec![];
            }
            changes = true;
            let pairs = chunks.into_iter().zip(escaped);
            pairs.map(|(chunk, escaped)| escaped.map_or(chunk, Arc::new)).collect()
        });
        let results = results.collect();
        if changes { results } else { vec![] }
    }
}

/// The end of a notice or an error whose rest was not kept.
fn end_of_words(read: &[u8], left_out: usize) -> String {
    match left_out {
        0 => String::new(),
        _ if read.ends_with(b"\0") => "\0".into(),
        bytes => format!("… ({} more, not kept)\0\0", bytes_text(bytes as u64)),
    }
}

fn framed(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut whole = vec![tag];
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    whole.extend_from_slice(&length.to_be_bytes());
    whole.extend_from_slice(body);
    whole
}

/// The 25 characters of JIS X 0213 that are two in Unicode.
fn is_pair(first: char, second: char) -> bool {
    match second {
        '\u{309A}' => "かきくけこカキクケコセツトㇷ".contains(first),
        '\u{300}' => "æɔʌəɚ".contains(first),
        '\u{301}' => "ɔʌəɚ".contains(first),
        '\u{2E5}' => first == '\u{2E9}',
        '\u{2E9}' => first == '\u{2E5}',
        _ => false,
    }
}

/// The encoding that a COPY names for its data.
fn stated_encoding(sql: &str) -> Option<String> {
    let tokens = || lex::tokens(sql).filter(|token| !token.is_gap());
    if !tokens().next()?.text(sql).eq_ignore_ascii_case("copy") {
        return None;
    }
    let tokens: Vec<Token> = tokens().collect();
    let is = |at: usize, word: &str| {
        let token = tokens.get(at);
        token.is_some_and(|token| token.text(sql).eq_ignore_ascii_case(word))
    };
    let mut depth = 0_usize;
    let mut options = None;
    for (at, token) in tokens.iter().enumerate() {
        match token.text(sql) {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ if depth == 0 && (is(at, "from") || is(at, "to")) => {
                options = Some(at + 2).filter(|_| is(at + 1, "stdin") || is(at + 1, "stdout"));
            }
            _ => {}
        }
        if options.is_some() {
            break;
        }
    }
    let at = (options?..tokens.len()).find(|at| is(*at, "encoding"))?;
    let value = tokens.get(at + 1)?;
    Some(if matches!(value.kind, TokenKind::Word) {
        value.text(sql).to_owned()
    } else {
        sql.get(value.content(sql))?.to_owned()
    })
}

fn written_data(wire: &Wire, data: Arc<str>) -> Result<Arc<[u8]>, Failure> {
    let written = match wire.write(&data) {
        Ok(Cow::Owned(written)) => Some(written),
        Ok(Cow::Borrowed(_)) => None,
        Err(unsayable) => return Err(cannot_say_data(wire, &data, unsayable)),
    };
    Ok(written.map_or_else(|| data.into(), Arc::from))
}

/// Why a statement can't be sent.
fn cannot_say(wire: &Wire, sql: &str, Unsayable { character, at }: Unsayable) -> Failure {
    let before = sql.get(..at).unwrap_or_default();
    let message =
        format!("{} The statement was not sent.", cannot(wire, character, "client_encoding is"));
    let mut failure = error::plain(Category::Query, message).with_next_step(NEXT_STEP);
    failure.position = u32::try_from(before.chars().count() + 1).ok();
    failure
}

fn cannot_say_data(wire: &Wire, data: &str, Unsayable { character, at }: Unsayable) -> Failure {
    let before = data.get(..at).unwrap_or_default();
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let message = format!(
        "{} It stands in line {line} of the data. The statement was not sent.",
        cannot(wire, character, "The data of COPY go in")
    );
    error::plain(Category::Query, message).with_next_step(NEXT_STEP)
}

fn cannot(wire: &Wire, character: char, is: &str) -> String {
    let (name, code) = (wire.name(), u32::from(character));
    if wire.is_understood() {
        format!("{is} {name}, which has no “{character}” (U+{code:04X}).")
    } else {
        format!(
            "{is} {name}, of which Tusk knows only ASCII, and “{character}” (U+{code:04X}) is none."
        )
    }
}

const NEXT_STEP: &str = "Run SET client_encoding = 'UTF8', then run this again.";

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(client: &str, server: &str) -> Texts {
        let mut texts = Texts::default();
        texts.reported("server_encoding", server);
        texts.reported("client_encoding", client);
        texts
    }

    #[track_caller]
    fn read(texts: &Texts, tag: u8, body: &[u8], expected: &[u8]) {
        let whole = framed(tag, body);
        let read = texts.read(Frame::new(&whole), 0);
        assert_eq!(read, framed(tag, expected));
    }

    #[test]
    fn texts_are_read_and_the_length_of_their_message_follows() {
        let bytes = spoken("SQL_ASCII", "SQL_ASCII");
        read(&bytes, b'S', b"name\0value\0", b"name\0value\0");
        read(&bytes, b'S', b"name\0va\xFFlue\0", b"name\0va\\xfflue\0");
        // A process id and a column's properties are not text.
        read(&bytes, b'A', b"\0\0\xFF\xFEjobs\0\xE9\0", b"\0\0\xFF\xFEjobs\0\\xe9\0");
        let latin1 = spoken("LATIN1", "UTF8");
        let facts = [255; 18];
        let column = |name: &[u8]| [&[0, 1], name, &[0], &facts[..]].concat();
        read(&latin1, b'T', &column(b"\xE9"), &column("é".as_bytes()));
        read(&latin1, b'N', b"SNOTICE\0M\xE9\0\0", "SNOTICE\0Mé\0\0".as_bytes());
        let row = framed(b'D', b"\0\x02\xFF\xFF\xFF\xFF\0\0\0\x01\xE9");
        let read = latin1.read_row(Frame::new(&row));
        let values = [&b"\0\x02\xFF\xFF\xFF\xFF\0\0\0\x02"[..], "é".as_bytes()];
        assert_eq!(read, framed(b'D', &values.concat()));
    }

    #[test]
    fn words_that_are_not_kept_whole_have_an_end() {
        let latin1 = spoken("LATIN1", "UTF8");
        for (body, expected) in [
            (&b"SNOTICE\0M\xE9"[..], "SNOTICE\0Mé… (2 MB more, not kept)\0\0"),
            (b"SNOTICE\0M\xE9\0", "SNOTICE\0Mé\0\0"),
        ] {
            let whole = framed(b'N', body);
            let (whole, left_out) = (&whole[..], 2 << 20);
            let read = latin1.read(Frame { whole, left_out }, 0);
            assert_eq!(read, framed(b'N', expected.as_bytes()));
        }
    }

    #[test]
    fn of_many_places_the_first_is_read() {
        let mut texts = spoken("SQL_ASCII", "SQL_ASCII");
        texts.begin(&"é".repeat(1 << 16).into(), None).unwrap();
        let places = [&b"P5\0p3\0q\xC3\xA9\0"[..], &b"P131072\0p9\0".repeat(50_000)].concat();
        let whole = framed(b'E', &places);
        let read = texts.read(Frame::new(&whole), 0);
        assert!(read.starts_with(&[&read[..5], "P3\0p2\0qé\0P131072\0p9\0".as_bytes()].concat()));
    }

    #[test]
    fn a_piece_of_data_is_written_up_to_what_can_t_be() {
        let latin1 = Wire::of("LATIN1", Some("UTF8"));
        assert_eq!(latin1.piece("é\n".into()), (b"\xE9\n".to_vec(), None));
        let (written, reason) = latin1.piece("é\n5 €\n".into());
        assert_eq!(written, b"\xE9\n5 ");
        let reason = reason.unwrap();
        assert!(reason.contains("LATIN1, which has no U+20AC") && reason.is_ascii());
    }

    #[test]
    fn what_is_broken_off_is_read_without_a_panic() {
        let latin1 = spoken("SJIS", "UTF8");
        for tag in *b"ENSCATD" {
            for body in [&b""[..], b"\0", b"\0\x02", b"\0\x02\0\0\0\x09\x83", b"P\xff\0p9", b"\x83"]
            {
                let whole = framed(tag, body);
                let frame = Frame::new(&whole);
                assert!(latin1.read(frame, 0).len() >= 5 && latin1.read_row(frame).len() >= 5);
            }
        }
    }

    #[test]
    fn a_place_is_in_characters_of_the_text_whatever_the_server_counts() {
        let sql: Arc<str> = "select 'é€', x".into();
        let mut texts = spoken("SQL_ASCII", "SQL_ASCII");
        texts.begin(&sql, None).unwrap();
        read(&texts, b'E', b"P17\0\0", b"P14\0\0");
        read(&texts, b'E', b"P9\0\0", b"P9\0\0");
        // One just after the text, and one that is nowhere.
        read(&texts, b'E', b"P18\0\0", b"P15\0\0");
        read(&texts, b'E', b"P0\0\0", b"P0\0\0");
        read(&texts, b'E', "p9\0q'é€' x\0\0".as_bytes(), "p6\0q'é€' x\0\0".as_bytes());
        let mut texts = spoken("UTF8", "UTF8");
        texts.begin(&sql, None).unwrap();
        read(&texts, b'E', b"P14\0\0", b"P14\0\0");
    }

    #[test]
    fn what_the_driver_writes_is_replaced_and_nothing_behind_it() {
        let mut texts = spoken("LATIN1", "UTF8");
        let sql = "select 'é'";
        let written = texts.write(sql).unwrap().into_owned();
        texts.substitute(sql, &written);
        let of_the_driver = sql.len() + 6;
        assert_eq!(texts.swallow(4), 4);
        assert_eq!(texts.pending(), framed(b'Q', b"select '\xE9'\0"));
        texts.wrote(3);
        assert_eq!(texts.swallow(1_000), of_the_driver - 4);
        assert_eq!((texts.swallow(5), texts.pending().len()), (0, sql.len() - 1 + 6 - 3));
        texts.wrote(texts.pending().len());
        assert!(texts.pending().is_empty() && texts.substitute.is_none());
    }

    #[test]
    fn the_encoding_that_a_copy_states_is_found_and_no_other() {
        for (sql, expected) in [
            ("copy t from stdin (encoding 'latin1')", Some("latin1")),
            ("COPY t (a) TO STDOUT WITH (FORMAT csv, ENCODING 'SJIS')", Some("SJIS")),
            ("copy t to stdout encoding 'koi8'", Some("koi8")),
            ("copy (select 'encoding' from t) to stdout", None),
            ("copy (select a from stdin) to stdout (encoding gbk)", Some("gbk")),
            ("copy \"encoding\" from stdin", None),
            ("copy t to '/file' (encoding 'latin1')", None),
            ("select 'copy t to stdout (encoding 1)'", None),
            ("copy t from stdin (encoding", None),
        ] {
            assert_eq!(stated_encoding(sql).as_deref(), expected, "{sql}");
        }
    }

    #[test]
    fn bytes_in_the_range_of_ascii_are_parts_of_letters() {
        let sjis = Wire::of("SJIS", Some("UTF8"));
        assert_eq!(sjis.text(b"\x83\\a\x95\x5c'"), "ソa表'");
        assert_eq!(sjis.write("ソa表'").unwrap(), &b"\x83\\a\x95\x5c'"[..]);
        // A yen sign would be a backslash to the server.
        assert_eq!(sjis.write("a¥").unwrap_err(), Unsayable { character: '¥', at: 1 });
        assert_eq!(Wire::of("JOHAB", Some("UTF8")).text(b"a\xd9\x31b"), "a\\xd9\\x31b");
        assert_eq!(sjis.text(b"a\x83"), "a\\x83");
    }
}
