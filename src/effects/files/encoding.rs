//! Converts between a file's bytes and its text: detects its encoding, decodes and encodes.
//!
//! A text counts only if it encodes back to the very same bytes, so that opening and saving leaves the file unchanged.

use std::{borrow::Cow, ops::Range};

use crate::sql::{
    Piece, Splits,
    encoding::{Choice, Encoding, Form, Reading, Unsayable},
    read::lex,
};

/// A file declares its encoding within its first bytes.
const HEAD_BYTES: usize = 64 << 10;

/// Editors look for their own line in this many lines at the start.
const MODE_LINES: usize = 5;

/// A preview line is cut off after this many characters.
const PREVIEW_CHARACTERS: usize = 100;

/// The encodings to offer for a file that does not declare one; the likely ones first.
const OFFERED: &[Encoding] = &[
    Encoding::Utf8,
    Encoding::Windows1252,
    Encoding::Latin1,
    Encoding::Latin9,
    Encoding::Windows1250,
    Encoding::Latin2,
    Encoding::Windows1251,
    Encoding::Koi8R,
    Encoding::Ibm866,
    Encoding::Windows1253,
    Encoding::Windows1254,
    Encoding::ShiftJis,
    Encoding::EucJp,
    Encoding::EucKr,
    Encoding::Gb18030,
    Encoding::Big5,
];

/// A file's text and its encoding; or the ways in which it can be read.
pub(in crate::effects) fn read<'bytes>(
    bytes: &'bytes [u8],
    reading: Reading,
) -> Result<(Cow<'bytes, str>, Form), Vec<Choice>> {
    let (marked, rest) = unmarked(bytes);
    if let Reading::Chosen(encoding) = reading {
        let mark = marked == Some(encoding);
        let text = decode(encoding, if mark { rest } else { bytes });
        let form = Form { encoding, mark };
        return text.map(|text| (text, form)).ok_or_else(|| choices(bytes, &[]));
    }
    if let Some(encoding) = marked {
        let form = Form { encoding, mark: true };
        let text = decode(encoding, rest).filter(|text| !text.contains('\0'));
        return text.map(|text| (text, form)).ok_or_else(|| choices(bytes, &[]));
    }
    let wide = wide(bytes);
    let mut likely: Vec<Encoding> = Vec::new();
    let found = match (wide, reading) {
        (Some(wide), Reading::Known(known)) if wide == known => Some(wide),
        (Some(wide), _) => {
            likely.push(wide);
            let head = &bytes[..bytes.len().min(HEAD_BYTES) & !1];
            let said = decode(wide, head).and_then(|head| said_in_words(&head));
            said.filter(|said| !said.is_ascii_based()).map(|_| wide)
        }
        (None, reading) => narrow(bytes, reading, &mut likely),
    };
    let text = found.and_then(|encoding| Some((decode(encoding, bytes)?, encoding)));
    match text {
        Some((text, encoding)) => Ok((text, Form { encoding, mark: false })),
        None => Err(choices(bytes, &likely)),
    }
}

/// The encoding of bytes that are not UTF-16; none if the user has to say.
fn narrow(bytes: &[u8], reading: Reading, likely: &mut Vec<Encoding>) -> Option<Encoding> {
    let said = said_in_head(bytes);
    let known = match reading {
        Reading::Known(known) if known.is_ascii_based() => Some(known),
        _ => None,
    };
    if bytes.is_ascii() {
        return Some(said.or(known).unwrap_or_default());
    }
    let is_utf8 = std::str::from_utf8(bytes).is_ok();
    match (said, known) {
        (None | Some(Encoding::Utf8), _) if is_utf8 => Some(Encoding::Utf8),
        (_, Some(known)) if known != Encoding::Utf8 || is_utf8 => Some(known),
        // The declaration contradicts the content: nobody can know which of the two is right.
        (Some(said), _) => {
            likely.push(said);
            (said != Encoding::Utf8 && !is_utf8).then_some(said)
        }
        (None, _) => None,
    }
}

/// The encoding whose byte order mark a file begins with, and what follows the mark.
fn unmarked(bytes: &[u8]) -> (Option<Encoding>, &[u8]) {
    for encoding in [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be] {
        if let Some(rest) = bytes.strip_prefix(mark(encoding)) {
            return (Some(encoding), rest);
        }
    }
    (None, bytes)
}

/// An encoding's byte order mark; single-byte encodings have none.
pub(in crate::effects) fn mark(encoding: Encoding) -> &'static [u8] {
    match encoding {
        Encoding::Utf8 => b"\xef\xbb\xbf",
        Encoding::Utf16Le => b"\xff\xfe",
        Encoding::Utf16Be => b"\xfe\xff",
        _ => b"",
    }
}

/// SQL is mostly ASCII, which has a zero byte in every pair of UTF-16: that reveals the encoding and its byte order.
fn wide(bytes: &[u8]) -> Option<Encoding> {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    if !bytes.len().is_multiple_of(2) || !head.contains(&0) {
        return None;
    }
    let zeros = |place: usize| head.iter().skip(place).step_by(2).filter(|byte| **byte == 0);
    let (even, odd) = (zeros(0).count(), zeros(1).count());
    let most = head.len() / 4;
    match (even, odd) {
        (even, odd) if odd > most && odd > even => Some(Encoding::Utf16Le),
        (even, _) if even > most => Some(Encoding::Utf16Be),
        _ => None,
    }
}

/// The ways in which a file can be read, the likely ones first.
fn choices(bytes: &[u8], likely: &[Encoding]) -> Vec<Choice> {
    let wide = [Encoding::Utf16Le, Encoding::Utf16Be];
    let has_zeros = bytes.contains(&0);
    let mut tried: Vec<Encoding> = likely.to_vec();
    tried.extend(wide.into_iter().filter(|_| has_zeros));
    tried.extend(OFFERED);
    let mut choices: Vec<Choice> = Vec::new();
    for encoding in tried {
        let is_new = choices.iter().all(|choice| choice.encoding != encoding);
        let (marked, rest) = unmarked(bytes);
        let bytes = if marked == Some(encoding) { rest } else { bytes };
        if is_new && let Some(text) = decode(encoding, bytes) {
            // Text has no zero bytes: a file that has them, read this way, is something else.
            if !text.contains('\0') {
                let preview = preview(&text);
                choices.push(Choice { encoding, preview });
            }
        }
    }
    choices
}

/// The line that best distinguishes the ways of reading a file: one with a character on which few of them agree.
fn preview(text: &str) -> String {
    let first = |wanted: fn(char) -> bool| text.find(wanted);
    let at = first(|c| ('\u{80}'..'\u{a0}').contains(&c) || c > '\u{2000}')
        .or_else(|| first(|c| !c.is_ascii()))
        .unwrap_or(0);
    let start = text[..at].rfind(['\n', '\r']).map_or(0, |newline| newline + 1);
    let before = text[start..at].chars().count();
    let from = before.saturating_sub(PREVIEW_CHARACTERS / 2);
    let line = text[start..].split(['\n', '\r']).next().unwrap_or("");
    let shown = line.chars().skip(from).take(PREVIEW_CHARACTERS);
    let mut preview = String::new();
    for letter in shown {
        if letter.is_control() && letter != '\t' {
            preview.extend(letter.escape_unicode());
        } else {
            preview.push(letter);
        }
    }
    preview
}

/// The beginning of an archive of pg_dump, which is not a script.
const ARCHIVE: &[u8] = b"PGDMP";

/// Whether a file is an archive of pg_dump, and not text.
pub(in crate::effects) fn is_archive(head: &[u8]) -> bool {
    head.starts_with(ARCHIVE)
}

/// The encoding of a file that is read in blocks, and the length of its byte order mark.
pub(in crate::effects) fn of_head(head: &[u8], reading: Reading) -> (Encoding, usize) {
    if let (Some(encoding), rest) = unmarked(head) {
        return (encoding, head.len() - rest.len());
    }
    let known = match reading {
        Reading::Detect => None,
        Reading::Known(known) | Reading::Chosen(known) => Some(known),
    };
    let even = &head[..head.len() & !1];
    let found = wide(even).or_else(|| said_in_head(head)).or(known);
    (found.unwrap_or_default(), 0)
}

/// The encoding that a file declares.
pub(in crate::effects) fn said_in_head(bytes: &[u8]) -> Option<Encoding> {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    let head = encoding_rs::mem::decode_latin1(head);
    said_in_words(&head)
}

/// What the server is told comes first: the bytes were written for it.
fn said_in_words(head: &str) -> Option<Encoding> {
    said_to_server(head).or_else(|| said_to_editors(head))
}

/// The encoding named by the settings at the start of a script: `SET client_encoding = 'LATIN1'`, `SET NAMES`,
/// `set_config`, `\encoding`.
fn said_to_server(head: &str) -> Option<Encoding> {
    let mut said = None;
    for piece in Splits::new(head).pieces() {
        let found = match piece {
            Piece::AcrossData { .. } => break,
            Piece::PsqlCommand { command, .. } => {
                let command = head.get(command.clone()).unwrap_or("");
                let mut words = command.split_ascii_whitespace();
                match (words.next(), words.next()) {
                    (Some(r"\encoding"), name) => name.map(str::to_owned),
                    _ => None,
                }
            }
            Piece::Statement(statement) => {
                match client_encoding(head.get(statement.range.clone()).unwrap_or("")) {
                    Setting::Encoding(name) => Some(name),
                    Setting::Other => None,
                    Setting::None => break,
                }
            }
        };
        if let Some(name) = found {
            said = Encoding::named(name.trim_matches(['\'', '"']));
        }
    }
    said
}

enum Setting {
    /// It names the encoding.
    Encoding(String),
    /// It sets something else.
    Other,
    /// It does something: the start of the script ends here.
    None,
}

fn client_encoding(statement: &str) -> Setting {
    let words: Vec<String> = lex::tokens(statement)
        .filter(|token| !token.is_gap())
        .take(16)
        .map(|token| {
            let range = if token.is_string() || token.text(statement).starts_with('"') {
                token.content(statement)
            } else {
                token.range()
            };
            statement[range].to_ascii_lowercase()
        })
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let words = match &words[..] {
        ["set", "session" | "local", rest @ ..] | ["set", rest @ ..] => rest,
        ["select", rest @ ..] => {
            let rest = rest.strip_prefix(&["pg_catalog", "."]).unwrap_or(rest);
            return match rest {
                ["set_config", "(", "client_encoding", ",", name, ..] => {
                    Setting::Encoding((*name).to_owned())
                }
                ["set_config", ..] => Setting::Other,
                _ => Setting::None,
            };
        }
        ["begin" | "start", ..] => return Setting::Other,
        _ => return Setting::None,
    };
    match words {
        ["client_encoding", "=" | "to", name] | ["names", name] => {
            Setting::Encoding((*name).to_owned())
        }
        _ => Setting::Other,
    }
}

/// The encoding in an editor's mode line: `-*- coding: latin-1 -*-`, `vim: set fileencoding=latin1:`.
fn said_to_editors(head: &str) -> Option<Encoding> {
    let names = ["fileencoding", "fenc", "coding"];
    let lines = head.split(['\n', '\r']).filter(|line| !line.is_empty());
    for line in lines.take(MODE_LINES) {
        let line = line.to_ascii_lowercase();
        let is_for_editors = line.contains("-*-") || line.contains("vim:") || line.contains("vi:");
        for name in names.iter().filter(|_| is_for_editors) {
            let Some((before, rest)) = line.split_once(name) else {
                continue;
            };
            let value = rest.trim_start().strip_prefix([':', '=']);
            let is_word = !before.ends_with(|c: char| c.is_alphanumeric());
            if let Some(value) = value.filter(|_| is_word) {
                let value = value.trim_start();
                let is_part = |c: char| c.is_alphanumeric() || "-_.".contains(c);
                let end = value.find(|c| !is_part(c)).unwrap_or(value.len());
                // Emacs appends the line ends to the encoding.
                let value = &value[..end];
                let ends = ["-unix", "-dos", "-mac"];
                let plain = ends.iter().find_map(|end| value.strip_suffix(end));
                return Encoding::named(plain.unwrap_or(value));
            }
        }
    }
    None
}

/// Decodes bytes; none if they are not in the encoding, or if the text would encode to other bytes.
pub(in crate::effects) fn decode(encoding: Encoding, bytes: &[u8]) -> Option<Cow<'_, str>> {
    if encoding == Encoding::Utf8 {
        return std::str::from_utf8(bytes).ok().map(Cow::Borrowed);
    }
    if encoding.is_ascii_based() && bytes.is_ascii() {
        return std::str::from_utf8(bytes).ok().map(Cow::Borrowed);
    }
    let table = table(encoding);
    let text = table.decode_without_bom_handling_and_without_replacement(bytes)?;
    let text = if has_control_codes(encoding) {
        controls_from(&text, bytes, table)?
    } else {
        text.into_owned()
    };
    let is_exact = table.is_single_byte() || !encoding.is_ascii_based() || {
        let mut again = Vec::with_capacity(bytes.len());
        encode(encoding, &text, &mut again).is_ok() && again == bytes
    };
    is_exact.then_some(Cow::Owned(text))
}

/// An encoding's table. The two Latin ones use Windows' tables, which have letters in place of control codes.
pub(super) fn table(encoding: Encoding) -> &'static encoding_rs::Encoding {
    use encoding_rs as tables;
    match encoding {
        Encoding::Utf8 => tables::UTF_8,
        Encoding::Utf16Le => tables::UTF_16LE,
        Encoding::Utf16Be => tables::UTF_16BE,
        Encoding::Windows1252 | Encoding::Latin1 => tables::WINDOWS_1252,
        Encoding::Latin2 => tables::ISO_8859_2,
        Encoding::Latin3 => tables::ISO_8859_3,
        Encoding::Latin4 => tables::ISO_8859_4,
        Encoding::Windows1254 | Encoding::Latin5 => tables::WINDOWS_1254,
        Encoding::Latin6 => tables::ISO_8859_10,
        Encoding::Latin7 => tables::ISO_8859_13,
        Encoding::Latin8 => tables::ISO_8859_14,
        Encoding::Latin9 => tables::ISO_8859_15,
        Encoding::Latin10 => tables::ISO_8859_16,
        Encoding::Iso5 => tables::ISO_8859_5,
        Encoding::Iso6 => tables::ISO_8859_6,
        Encoding::Iso7 => tables::ISO_8859_7,
        Encoding::Iso8 => tables::ISO_8859_8,
        Encoding::Windows874 => tables::WINDOWS_874,
        Encoding::Windows1250 => tables::WINDOWS_1250,
        Encoding::Windows1251 => tables::WINDOWS_1251,
        Encoding::Windows1253 => tables::WINDOWS_1253,
        Encoding::Windows1255 => tables::WINDOWS_1255,
        Encoding::Windows1256 => tables::WINDOWS_1256,
        Encoding::Windows1257 => tables::WINDOWS_1257,
        Encoding::Windows1258 => tables::WINDOWS_1258,
        Encoding::Ibm866 => tables::IBM866,
        Encoding::Koi8R => tables::KOI8_R,
        Encoding::Koi8U => tables::KOI8_U,
        Encoding::ShiftJis => tables::SHIFT_JIS,
        Encoding::EucJp => tables::EUC_JP,
        Encoding::EucKr => tables::EUC_KR,
        Encoding::Gbk => tables::GBK,
        Encoding::Gb18030 => tables::GB18030,
        Encoding::Big5 => tables::BIG5,
    }
}

/// The codes that are control codes in these encodings, and letters in Windows' tables.
const CONTROL_CODES: Range<u8> = 0x80..0xa0;

fn has_control_codes(encoding: Encoding) -> bool {
    matches!(encoding, Encoding::Latin1 | Encoding::Latin5)
}

fn controls_from(
    text: &str,
    bytes: &[u8],
    table: &'static encoding_rs::Encoding,
) -> Option<String> {
    debug_assert!(table.is_single_byte());
    let mut letters = text.chars();
    let fixed: String = bytes
        .iter()
        .zip(letters.by_ref())
        .map(|(byte, letter)| if CONTROL_CODES.contains(byte) { char::from(*byte) } else { letter })
        .collect();
    letters.next().is_none().then_some(fixed)
}

/// Encodes a text into `out`; the first character that the encoding does not have is an error, with its position.
pub(in crate::effects) fn encode(
    encoding: Encoding,
    text: &str,
    out: &mut Vec<u8>,
) -> Result<(), Unsayable> {
    match encoding {
        Encoding::Utf8 => out.extend_from_slice(text.as_bytes()),
        Encoding::Utf16Le => out.extend(text.encode_utf16().flat_map(u16::to_le_bytes)),
        Encoding::Utf16Be => out.extend(text.encode_utf16().flat_map(u16::to_be_bytes)),
        _ if text.is_ascii() => out.extend_from_slice(text.as_bytes()),
        _ => return encode_by_table(encoding, text, out),
    }
    Ok(())
}

fn encode_by_table(encoding: Encoding, text: &str, out: &mut Vec<u8>) -> Result<(), Unsayable> {
    let table = table(encoding);
    let controls = has_control_codes(encoding);
    let mut one = [0; 4];
    for (at, character) in text.char_indices() {
        if character.is_ascii() {
            out.push(character as u8);
            continue;
        }
        let code = u8::try_from(u32::from(character)).ok();
        if let Some(code) = code.filter(|code| controls && CONTROL_CODES.contains(code)) {
            out.push(code);
            continue;
        }
        let (bytes, _, replaced) = table.encode(character.encode_utf8(&mut one));
        let is_letter_of_windows =
            controls && bytes.iter().any(|byte| CONTROL_CODES.contains(byte));
        if replaced || is_letter_of_windows {
            return Err(Unsayable { character, at });
        }
        out.extend_from_slice(&bytes);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
