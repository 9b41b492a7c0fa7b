//! A job's file, read in blocks, twice.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::{
    effects::{
        failure::said,
        files::{
            decoder::{Decoder, NoText},
            encoding,
        },
        regular_file::{self, Readable},
    },
    sql::{
        encoding::{Encoding, Reading},
        statement::stream::{BLOCK_BYTES, Stream},
    },
    update::jobs::State,
};

/// The longest statement that Tusk sends.
pub(super) const STATEMENT_BYTES_MAX: usize = 64 << 20;

/// A file and its script.
pub(super) struct Input {
    file: Option<Arc<Readable>>,
    encoding: Encoding,
    /// The length of its byte order mark.
    mark: usize,
    decoder: Decoder,
    pub(super) stream: Stream,
    block: Vec<u8>,
    /// The bytes read so far.
    bytes: u64,
    lines: u64,
    /// The same before the last block.
    before: (u64, u64),
}

/// A line of a file from which to read again.
pub(super) struct Bookmark {
    /// Its number, from 1.
    pub(super) line: u64,
    /// The bytes and lines before the block in which it begins.
    before: (u64, u64),
}

/// Why reading stopped, in a sentence.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unread {
    #[error("{}.", said(.0))]
    Failed(#[from] io::Error),
    #[error("It is an archive of pg_dump and no script. Restore it with pg_restore.")]
    Archive,
    #[error(
        "Behind line {line} there are bytes that are not {encoding}. Say at the beginning of the file which encoding it \
         has, as in \\encoding WIN1252."
    )]
    NoText { line: u64, encoding: &'static str },
    #[error("The file was changed while it was read.")]
    Changed,
}

impl Unread {
    pub(super) fn state(&self) -> State {
        match self {
            Self::Failed(_) | Self::Changed => State::Failed,
            Self::Archive | Self::NoText { .. } => State::Refused,
        }
    }
}

impl Default for Input {
    fn default() -> Self {
        Self {
            file: None,
            encoding: Encoding::Utf8,
            mark: 0,
            decoder: Decoder::new(Encoding::Utf8),
            stream: Stream::new(STATEMENT_BYTES_MAX),
            block: Vec::new(),
            bytes: 0,
            lines: 0,
            before: (0, 0),
        }
    }
}

impl Input {
    pub(super) fn open(path: &Path, reading: Reading) -> Result<Self, Unread> {
        let file = regular_file::open(path)?;
        let mut head = vec![0; BLOCK_BYTES];
        let length = file.read_at(0, &mut head)?;
        head.truncate(length);
        if encoding::is_archive(&head) {
            return Err(Unread::Archive);
        }
        let (encoding, mark) = encoding::of_head(&head, reading);
        let mut input = Self { file: Some(Arc::new(file)), encoding, mark, ..Self::default() };
        input.again();
        Ok(input)
    }

    /// Starts over.
    pub(super) fn again(&mut self) {
        self.decoder = Decoder::new(self.encoding);
        self.stream = Stream::new(STATEMENT_BYTES_MAX);
        self.bytes = self.mark as u64;
        self.lines = 0;
        self.before = (self.bytes, 0);
    }

    /// The file's size; leaves out what is appended meanwhile.
    pub(super) fn total(&self) -> u64 {
        let file = self.file.as_ref();
        file.map_or(0, |file| file.metadata().len())
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads the next block.
    pub(super) fn read_on(&mut self) -> Result<(), Unread> {
        let left = self.total().saturating_sub(self.bytes);
        let Some(file) = self.file.as_ref().filter(|_| left > 0) else {
            self.stream.end();
            return Ok(());
        };
        let wanted = usize::try_from(left).unwrap_or(usize::MAX);
        self.block.resize(wanted.min(self.stream.wants()), 0);
        let read = file.read_at(self.bytes, &mut self.block)?;
        if is_changed(file)? || read < self.block.len() {
            return Err(Unread::Changed);
        }
        self.before = (self.bytes, self.lines);
        self.bytes += read as u64;
        let is_last = self.bytes >= self.total();
        let text = self.decoder.text(&self.block, is_last);
        let text = text.map_err(|NoText| Unread::NoText {
            line: self.lines + 1,
            encoding: self.encoding.name(),
        })?;
        self.lines += text.bytes().filter(|byte| *byte == b'\n').count() as u64;
        self.stream.push(&text);
        if is_last {
            self.stream.end();
        }
        // A long statement is read in long blocks.
        self.block.truncate(BLOCK_BYTES);
        self.block.shrink_to_fit();
        Ok(())
    }
}

impl Input {
    /// Marks the line that is read next, if one begins there.
    pub(super) fn bookmark(&self) -> Bookmark {
        let (line, before) = (self.stream.line(), self.before);
        Bookmark { line, before }
    }

    /// The data of a COPY that begin on this line.
    pub(super) fn data_from(&self, mark: &Bookmark) -> Result<Self, Unread> {
        let (bytes, lines) = mark.before;
        let over = (mark.line - 1).checked_sub(lines).ok_or(Unread::Changed)?;
        let bytes = self.behind_lines(bytes, over)?;
        Ok(Self {
            file: self.file.clone(),
            encoding: self.encoding,
            mark: self.mark,
            // A character never crosses a line break.
            decoder: Decoder::new(self.encoding),
            stream: Stream::of_data(mark.line, STATEMENT_BYTES_MAX),
            bytes,
            lines: mark.line - 1,
            ..Self::default()
        })
    }

    /// The byte after this many line breaks from here. In every encoding that includes ASCII, a line break's byte is
    /// nothing else.
    fn behind_lines(&self, from: u64, mut lines: u64) -> Result<u64, Unread> {
        let newline: &[u8] = match self.encoding {
            Encoding::Utf16Le => b"\n\0",
            Encoding::Utf16Be => b"\0\n",
            _ => b"\n",
        };
        let width = newline.len();
        // The block may have split a character.
        let mut at = from - (from - self.mark as u64) % width as u64;
        let mut block = vec![0; BLOCK_BYTES];
        while lines > 0 {
            let file = self.file.as_ref().ok_or(Unread::Changed)?;
            let read = file.read_at(at, &mut block)?;
            if read < width {
                return Err(Unread::Changed);
            }
            for unit in block[..read].chunks_exact(width) {
                at += width as u64;
                lines -= u64::from(unit == newline);
                if lines == 0 {
                    break;
                }
            }
        }
        Ok(at)
    }
}

/// Whether the file differs from the one that was opened.
fn is_changed(file: &Readable) -> io::Result<bool> {
    let (then, now) = (file.metadata(), file.metadata_now()?);
    Ok(then.len() != now.len() || then.modified()? != now.modified()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{
        read::lex::BackslashRule,
        statement::stream::{Data, Next},
    };

    /// All statements of it.
    fn read(input: &mut Input) -> Result<Vec<String>, Unread> {
        let mut found = vec![];
        loop {
            match input.stream.next(BackslashRule::Ordinary) {
                Next::More => input.read_on()?,
                Next::Statement(part) => found.push(part.text.to_string()),
                _ => return Ok(found),
            }
        }
    }

    #[test]
    fn a_file_is_the_same_when_it_is_read_again_and_no_other_one() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.sql");
        for text in ["", "\u{feff}", "\u{feff}select 'é'; select 2"] {
            std::fs::write(&path, text).unwrap();
            let mut input = Input::open(&path, Reading::Detect).unwrap();
            let first = read(&mut input).unwrap();
            input.again();
            assert_eq!(read(&mut input).unwrap(), first, "{text}");
            assert_eq!(first.is_empty(), text.len() < 4, "{text}");
            assert_eq!(input.bytes(), text.len() as u64);
        }
        let mut input = Input::open(&path, Reading::Detect).unwrap();
        assert_eq!(read(&mut input).unwrap().len(), 2);
        // The same length, and a time that a person sees.
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        input.again();
        assert!(matches!(read(&mut input), Err(Unread::Changed)));
        let mut input = Input::open(&path, Reading::Detect).unwrap();
        std::fs::write(&path, "select 1;").unwrap();
        assert!(matches!(read(&mut input), Err(Unread::Changed)));
    }

    /// Data are found again whatever stands before them, and whatever the blocks part.
    #[test]
    fn the_data_of_a_copy_are_read_again_from_their_first_line() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.sql");
        let mut text = String::new();
        for number in 0..60 {
            text += &format!("select '{}';\n", "日本".repeat(number * 7));
            text += &format!(
                "copy t from stdin;{}\n",
                ["", " copy u from stdin; select 1;"][number % 2]
            );
            for _ in 0..=number % 2 {
                text += &format!("é日{number}\\\n\n").repeat(number * number / 3);
                text += "\\.\n";
            }
        }
        text += "copy t from stdin;\nthe last";
        for encoding in [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be, Encoding::Gb18030] {
            let mut bytes = match encoding {
                Encoding::Utf16Le => vec![0xFF, 0xFE],
                Encoding::Utf16Be => vec![0xFE, 0xFF],
                _ => vec![],
            };
            encoding::encode(encoding, &text, &mut bytes).unwrap();
            std::fs::write(&path, bytes).unwrap();
            let reading = match encoding {
                Encoding::Gb18030 => Reading::Chosen(encoding),
                _ => Reading::Detect,
            };
            let mut input = Input::open(&path, reading).unwrap();
            assert_eq!(input.encoding, encoding);
            let mut copies = 0;
            loop {
                match input.stream.next(BackslashRule::Ordinary) {
                    Next::More => input.read_on().unwrap(),
                    Next::Copy(_) => {
                        let mark = input.bookmark();
                        let line = text.lines().nth(mark.line as usize - 1).unwrap_or("");
                        let data = data_of(&mut input);
                        assert!(data.starts_with(line) || data.is_empty() && line == "\\.");
                        let mut again = input.data_from(&mark).unwrap();
                        assert!(data_of(&mut again) == data, "{encoding:?} {}", mark.line);
                        copies += 1;
                    }
                    Next::End => break,
                    Next::Statement(_) => {}
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(copies, 91);
        }
    }

    fn data_of(input: &mut Input) -> String {
        let mut all = String::new();
        loop {
            match input.stream.data() {
                Data::More => input.read_on().unwrap(),
                Data::Some(data) => all += &data,
                Data::End => return all,
            }
        }
    }
}
