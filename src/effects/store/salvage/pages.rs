//! Finds rows in the pages of a damaged file, where SQLite gives up.
//!
//! SQLite reaches a row through the header, the schema and the pages above the row's own, and stops at the first that
//! makes no sense. A row is stored whole in a leaf; the rest of a long one is in a chain of further pages. This reads
//! each page by itself, so damage costs only what it hit. The format is that of
//! <https://www.sqlite.org/fileformat2.html>. Nothing in the file is trusted: no number in it decides how much memory
//! to allocate.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use super::super::super::regular_file::{self, Readable};

/// The page size of every file that Tusk made.
const PAGE: usize = 4096;

const FILE_HEADER: usize = 100;
const JOURNAL_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;
const FRAME: u64 = FRAME_HEADER + PAGE as u64;

/// 1 GB: how much of a file is searched, and of a journal as many pages.
const PAGES_MAX: u32 = 1 << 18;

/// The first byte of a leaf of a table.
const TABLE_LEAF: u8 = 0x0d;
/// A row with more columns is not one of Tusk's.
const COLUMNS_MAX: usize = 16;

/// A value in a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
    /// The beginning of a text or a blob whose rest can't be read; empty if none of it can.
    Cut(Vec<u8>),
}

/// A row in a page.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) number: i64,
    pub(super) values: Vec<Value>,
}

/// A file's pages, each from the journal if that has it.
pub(super) struct Pages {
    file: Option<Readable>,
    count: u32,
    journal: Option<Readable>,
    /// Each page's newest version, as its offset in the journal.
    newer: BTreeMap<u32, u64>,
    /// Whether SQLite would read less of the journal than there is.
    pub(super) journal_is_broken: bool,
}

impl Pages {
    /// Opens a file and its journal. Either may be missing.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        // The journal is beside the file that a link leads to.
        let path = regular_file::target(path)?;
        let file = existing(&path)?;
        let length = file.as_ref().map_or(0, |file| file.metadata().len());
        let mut pages = Self {
            count: u32::try_from(length.div_ceil(PAGE as u64)).unwrap_or(u32::MAX),
            file,
            journal: existing(&journal_of(&path))?,
            newer: BTreeMap::new(),
            journal_is_broken: false,
        };
        pages.read_journal()?;
        Ok(pages)
    }

    /// Whether the header is the same as in every file of Tusk's. SQLite believes what it says.
    pub(super) fn header_is_sound(&self) -> bool {
        let Some(page) = self.page(1) else {
            return false;
        };
        page.starts_with(b"SQLite format 3\0")
            && page[16..18] == [0x10, 0]
            && matches!(page[18..20], [1 | 2, 1 | 2])
            && page[20..24] == [0, 64, 32, 32]
            && page[56..60] == [0, 0, 0, 1]
    }

    /// The pages to search: of a file far larger than any of Tusk's, only the beginning.
    pub(super) fn numbers(&self) -> std::ops::RangeInclusive<u32> {
        let last = self.newer.last_key_value().map_or(0, |(number, _)| *number);
        1..=self.count.max(last).min(PAGES_MAX)
    }

    /// The rows in a page, if it may be the leaf of a table.
    pub(super) fn rows(&self, number: u32) -> Vec<Row> {
        let Some(page) = self.page(number) else {
            return vec![];
        };
        let begin = if number == 1 { FILE_HEADER } else { 0 };
        // Index leaves and inner pages have types of their own; any other type may be a damaged leaf.
        if page[begin] != TABLE_LEAF && matches!(page[begin], 2 | 5 | 10) {
            return vec![];
        }
        let room = (PAGE - begin - 8) / 2;
        let count = usize::from(u16::from_be_bytes([page[begin + 3], page[begin + 4]])).min(room);
        page[begin + 8..][..count * 2]
            .chunks_exact(2)
            .filter_map(|place| {
                let place = usize::from(u16::from_be_bytes([place[0], place[1]]));
                self.row(page.get(place..)?)
            })
            .collect()
    }

    fn page(&self, number: u32) -> Option<[u8; PAGE]> {
        if let (Some(at), Some(journal)) = (self.newer.get(&number), &self.journal) {
            return read_page(journal, *at);
        }
        read_page(self.file.as_ref()?, u64::from(number.checked_sub(1)?) * PAGE as u64)
    }

    fn row(&self, cell: &[u8]) -> Option<Row> {
        let mut rest = cell;
        let length = usize::try_from(varint(&mut rest)?).ok()?;
        let number = varint(&mut rest)?.cast_signed();
        let local = local_part(length);
        // A damaged length may lead out of the page: take what is there.
        let inside = rest.get(..local).unwrap_or(rest).to_vec();
        let payload = match rest.get(local..local + 4) {
            Some(next) if local < length => self.with_overflow(inside, length, be_u32(next)),
            _ => inside,
        };
        let values = values(&payload)?;
        Some(Row { number, values })
    }

    /// Follows the chain of a long row as far as it goes.
    fn with_overflow(&self, mut payload: Vec<u8>, length: usize, first: u32) -> Vec<u8> {
        let (mut next, mut left) = (first, *self.numbers().end());
        while payload.len() < length && next != 0 && left > 0 {
            let Some(page) = self.page(next) else { break };
            let wanted = (length - payload.len()).min(PAGE - 4);
            payload.extend_from_slice(&page[4..4 + wanted]);
            next = be_u32(&page[..4]);
            left -= 1;
        }
        payload
    }

    /// Finds the pages in the journal. Each frame's checksum continues the one before it, so this can skip a damaged
    /// frame and still verify those after it; SQLite forgets them.
    fn read_journal(&mut self) -> io::Result<()> {
        let Some(journal) = &self.journal else {
            return Ok(());
        };
        let mut header = [0; JOURNAL_HEADER as usize];
        if !journal.read_exact_at(0, &mut header)? {
            return Ok(());
        }
        let big = header[3] & 1 == 1;
        let mut sum = (be_u32(&header[24..]), be_u32(&header[28..]));
        let own_sum = sum_up((0, 0), &header[..24], big);
        let mut sound = own_sum == sum && header[..3] == [0x37, 0x7f, 0x06];
        let frames = journal.metadata().len().saturating_sub(JOURNAL_HEADER) / FRAME;
        let frames = frames.min(PAGES_MAX.into());
        let (mut pending, mut frame) = (BTreeMap::new(), vec![0; FRAME as usize]);
        let mut newer = BTreeMap::new();
        let mut salt = header[16..24].to_vec();
        for index in 0..frames {
            let at = JOURNAL_HEADER + index * FRAME;
            if !journal.read_exact_at(at, &mut frame)? {
                break;
            }
            if index == 0 && !sound {
                // The header no longer says whose frames these are.
                salt = frame[8..16].to_vec();
            }
            let number = be_u32(&frame);
            let stored = (be_u32(&frame[16..]), be_u32(&frame[20..]));
            let before = std::mem::replace(&mut sum, stored);
            let is_sound = || sum_up(sum_up(before, &frame[..8], big), &frame[24..], big) == stored;
            // No page has the number 0; a frame of all zeros has a valid checksum.
            if number == 0 || frame[8..16] != salt[..] || !is_sound() {
                // Frames of an earlier round, at the end, are not damage.
                sound = false;
                continue;
            }
            pending.insert(number, at + FRAME_HEADER);
            if be_u32(&frame[4..]) != 0 {
                self.journal_is_broken |= !sound;
                newer.append(&mut pending);
            }
        }
        self.newer = newer;
        Ok(())
    }
}

/// The journal beside a file.
pub(in super::super) fn journal_of(path: &Path) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push("-wal");
    name.into()
}

fn existing(path: &Path) -> io::Result<Option<Readable>> {
    match regular_file::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A page; if the file ends in it, the part that is there.
fn read_page(file: &Readable, at: u64) -> Option<[u8; PAGE]> {
    let mut page = [0; PAGE];
    (file.read_at(at, &mut page).ok()? > 0).then_some(page)
}

/// How much of a row is in its leaf.
fn local_part(length: usize) -> usize {
    const MOST: usize = PAGE - 35;
    const LEAST: usize = (PAGE - 12) * 32 / 255 - 23;
    if length <= MOST {
        return length;
    }
    let fitting = LEAST + (length - LEAST) % (PAGE - 4);
    if fitting <= MOST { fitting } else { LEAST }
}

/// A row's values: first the type of each, then each. Missing ones are cut.
fn values(payload: &[u8]) -> Option<Vec<Value>> {
    let mut rest = payload;
    let header = usize::try_from(varint(&mut rest)?).ok()?;
    let taken = payload.len() - rest.len();
    let mut kinds = payload.get(taken..header)?;
    let mut body = payload.get(header..)?;
    let mut values = Vec::new();
    while !kinds.is_empty() {
        if values.len() == COLUMNS_MAX {
            return None;
        }
        values.push(value(varint(&mut kinds)?, &mut body));
    }
    Some(values)
}

fn value(kind: u64, body: &mut &[u8]) -> Value {
    let length = match kind {
        0 | 8 | 9 | 10 | 11 => 0,
        1..=4 => kind as usize,
        5 => 6,
        6 | 7 => 8,
        _ => usize::try_from((kind - 12) / 2).unwrap_or(usize::MAX),
    };
    let (bytes, whole) = match body.split_at_checked(length) {
        Some((bytes, rest)) => {
            *body = rest;
            (bytes, true)
        }
        None => (std::mem::take(body), false),
    };
    match kind {
        0 | 10 | 11 => Value::Null,
        8 | 9 => Value::Integer((kind - 8).cast_signed()),
        1..=6 if whole => Value::Integer(integer(bytes)),
        7 if whole => Value::Real(f64::from_bits(integer(bytes).cast_unsigned())),
        12.. if whole && kind % 2 == 1 => Value::Text(bytes.to_vec()),
        12.. if whole => Value::Blob(bytes.to_vec()),
        12.. => Value::Cut(bytes.to_vec()),
        _ => Value::Cut(vec![]),
    }
}

fn integer(bytes: &[u8]) -> i64 {
    let sign = if bytes.first().is_some_and(|byte| *byte >= 0x80) { -1 } else { 0 };
    bytes.iter().fold(sign, |number, byte| (number << 8) | i64::from(*byte))
}

/// A number of one to nine bytes: seven bits in each of the first eight, all of the ninth.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for index in 0..9 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if index == 8 {
            return Some((number << 8) | u64::from(*byte));
        }
        number = (number << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(number)
}

fn be_u32(bytes: &[u8]) -> u32 {
    bytes[..4].iter().fold(0, |number, byte| (number << 8) | u32::from(*byte))
}

fn sum_up(seed: (u32, u32), bytes: &[u8], big: bool) -> (u32, u32) {
    bytes.chunks_exact(8).fold(seed, |(one, two), pair| {
        let word = |bytes: &[u8]| {
            if big { be_u32(bytes) } else { be_u32(bytes).swap_bytes() }
        };
        let one = one.wrapping_add(word(pair)).wrapping_add(two);
        (one, two.wrapping_add(word(&pair[4..])).wrapping_add(one))
    })
}
