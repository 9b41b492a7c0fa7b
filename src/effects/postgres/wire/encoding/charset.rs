//! The encodings that a session's `client_encoding` may name, as PostgreSQL itself converts them.
//!
//! The tables are those of `encoding_rs`, which are the web's. If PostgreSQL, 12 to 18, reads a sequence of bytes
//! differently or not at all, Tusk leaves the sequence out: it shows it as bytes, and never sends it. So what Tusk
//! sends means the same to the server. `tests/postgres/encodings.rs` asks real servers about every sequence.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

use encoding_rs as web;

use crate::sql::read::encodings::{bare, canonical};

/// One of PostgreSQL's encodings beside UTF8 and SQL_ASCII.
#[derive(Clone, Copy)]
pub struct Charset {
    known: &'static Known,
    table: &'static OnceLock<Table>,
}

/// An encoding's properties.
struct Known {
    /// Its name in the server's reports.
    name: &'static str,
    /// The lengths of its characters.
    shape: Shape,
    /// The table that it uses; none if Tusk understands only ASCII.
    source: Source,
    /// Characters that differ from that table.
    instead: &'static [(u8, char)],
    /// Sequences that the server reads differently, or not at all.
    without: &'static [(u32, u32)],
    /// Three-byte characters that are missing there, consecutive from this code on.
    more: Option<(u32, &'static str)>,
}

#[derive(Clone, Copy)]
enum Source {
    /// Each byte is the code point.
    Latin1,
    Web(&'static web::Encoding),
    None,
}

/// How many bytes a character beyond ASCII has, by its first bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Single,
    /// Two bytes.
    Double,
    /// Two bytes, both beyond ASCII.
    Euc,
    /// The same; three after 8F.
    EucJp,
    /// Two bytes, except for half-width katakana, which have one.
    Sjis,
    /// Two bytes, or four if the second is a digit.
    Gb18030,
}

/// What an encoding's sequences mean.
struct Table {
    single: [Option<char>; 128],
    /// By both bytes less 128 and 0.
    double: Vec<Option<char>>,
    /// By the second and the third byte less 161.
    triple: Vec<Option<char>>,
    back: BTreeMap<char, u32>,
}

const fn known(name: &'static str, shape: Shape, source: Source) -> Known {
    Known { name, shape, source, instead: &[], without: &[], more: None }
}

const fn web_of(name: &'static str, source: &'static web::Encoding) -> Known {
    known(name, Shape::Single, Source::Web(source))
}

static KNOWN: [Known; 40] = [
    known("LATIN1", Shape::Single, Source::Latin1),
    web_of("LATIN2", web::ISO_8859_2),
    web_of("LATIN3", web::ISO_8859_3),
    web_of("LATIN4", web::ISO_8859_4),
    Known {
        instead: &[(0xD0, 'Ğ'), (0xDD, 'İ'), (0xDE, 'Ş'), (0xF0, 'ğ'), (0xFD, 'ı'), (0xFE, 'ş')],
        ..known("LATIN5", Shape::Single, Source::Latin1)
    },
    web_of("LATIN6", web::ISO_8859_10),
    web_of("LATIN7", web::ISO_8859_13),
    web_of("LATIN8", web::ISO_8859_14),
    web_of("LATIN9", web::ISO_8859_15),
    web_of("LATIN10", web::ISO_8859_16),
    web_of("ISO_8859_5", web::ISO_8859_5),
    web_of("ISO_8859_6", web::ISO_8859_6),
    web_of("ISO_8859_7", web::ISO_8859_7),
    web_of("ISO_8859_8", web::ISO_8859_8),
    web_of("WIN1250", web::WINDOWS_1250),
    web_of("WIN1251", web::WINDOWS_1251),
    web_of("WIN1252", web::WINDOWS_1252),
    web_of("WIN1253", web::WINDOWS_1253),
    web_of("WIN1254", web::WINDOWS_1254),
    Known { without: &[(0xCA, 0xCA)], ..web_of("WIN1255", web::WINDOWS_1255) },
    web_of("WIN1256", web::WINDOWS_1256),
    web_of("WIN1257", web::WINDOWS_1257),
    web_of("WIN1258", web::WINDOWS_1258),
    web_of("WIN866", web::IBM866),
    web_of("WIN874", web::WINDOWS_874),
    web_of("KOI8R", web::KOI8_R),
    Known { instead: &[(0xAE, '╝'), (0xBE, '╬')], ..web_of("KOI8U", web::KOI8_U) },
    Known {
        without: &[(0xF9A1, 0xFCFE), (0x8F_A2B7, 0x8F_A2B7), (0x8F_A2C3, 0x8F_A2C3)],
        more: Some((0x8F_F3F3, EUC_JP_MORE)),
        ..known("EUC_JP", Shape::EucJp, Source::Web(web::EUC_JP))
    },
    Known {
        without: &[(0x80, 0x80), (0xF040, 0xF9FC)],
        ..known("SJIS", Shape::Sjis, Source::Web(web::SHIFT_JIS))
    },
    Known { without: EUC_CN_WITHOUT, ..known("EUC_CN", Shape::Euc, Source::Web(web::GBK)) },
    Known { without: GBK_WITHOUT, ..known("GBK", Shape::Double, Source::Web(web::GBK)) },
    Known { without: BIG5_WITHOUT, ..known("BIG5", Shape::Double, Source::Web(web::BIG5)) },
    Known { without: &[(0xADA1, 0xAFFE)], ..known("EUC_KR", Shape::Euc, Source::Web(web::EUC_KR)) },
    known("UHC", Shape::Double, Source::Web(web::EUC_KR)),
    Known {
        without: GB18030_WITHOUT,
        ..known("GB18030", Shape::Gb18030, Source::Web(web::GB18030))
    },
    known("EUC_TW", Shape::Single, Source::None),
    known("EUC_JIS_2004", Shape::EucJp, Source::None),
    known("SHIFT_JIS_2004", Shape::Sjis, Source::None),
    known("JOHAB", Shape::Double, Source::None),
    known("MULE_INTERNAL", Shape::Single, Source::None),
];
static TABLES: [OnceLock<Table>; KNOWN.len()] = [const { OnceLock::new() }; KNOWN.len()];

#[rustfmt::skip]
const EUC_CN_WITHOUT: &[(u32, u32)] = &[
    (0xA1A4, 0xA1A4), (0xA1AA, 0xA1AA), (0xA2A1, 0xA2B0), (0xA2E3, 0xA2E4), (0xA2EF, 0xA2F0), (0xA2FD, 0xA2FE),
    (0xA4F4, 0xA4FE), (0xA5F7, 0xA5FE), (0xA6B9, 0xA6C0), (0xA6D9, 0xA6FE), (0xA7C2, 0xA7D0), (0xA7F2, 0xA7FE),
    (0xA8BB, 0xA8C4), (0xA8EA, 0xA9A3), (0xA9F0, 0xAFFE), (0xD7FA, 0xD7FE), (0xF8A1, 0xFEFE),
];
#[rustfmt::skip]
const GBK_WITHOUT: &[(u32, u32)] = &[
    (0x80, 0x80), (0xA140, 0xA1A0), (0xA240, 0xA2A0), (0xA2AB, 0xA2B0), (0xA2E3, 0xA2E4), (0xA2EF, 0xA2F0),
    (0xA2FD, 0xA3A0), (0xA440, 0xA4A0), (0xA4F4, 0xA5A0), (0xA5F7, 0xA6A0), (0xA6B9, 0xA6C0), (0xA6D9, 0xA6DF),
    (0xA6EC, 0xA6ED), (0xA6F3, 0xA6F3), (0xA6F6, 0xA7A0), (0xA7C2, 0xA7D0), (0xA7F2, 0xA7FE), (0xA896, 0xA8A0),
    (0xA8BC, 0xA8BC), (0xA8BF, 0xA8BF), (0xA8C1, 0xA8C4), (0xA8EA, 0xA8FE), (0xA958, 0xA958), (0xA95B, 0xA95B),
    (0xA95D, 0xA95F), (0xA989, 0xA995), (0xA997, 0xA9A3), (0xA9F0, 0xA9FE), (0xAAA1, 0xAAFE), (0xABA1, 0xABFE),
    (0xACA1, 0xACFE), (0xADA1, 0xADFE), (0xAEA1, 0xAEFE), (0xAFA1, 0xAFFE), (0xD7FA, 0xD7FE), (0xF8A1, 0xF8FE),
    (0xF9A1, 0xF9FE), (0xFAA1, 0xFAFE), (0xFBA1, 0xFBFE), (0xFCA1, 0xFCFE), (0xFDA1, 0xFDFE), (0xFE50, 0xFEFE),
];
#[rustfmt::skip]
const BIG5_WITHOUT: &[(u32, u32)] = &[
    (0x8740, 0xA0FE), (0xA145, 0xA145), (0xA14E, 0xA14E), (0xA15A, 0xA15A), (0xA1C2, 0xA1C3), (0xA1C5, 0xA1C5),
    (0xA1E3, 0xA1E3), (0xA1F2, 0xA1F3), (0xA1FE, 0xA242), (0xA244, 0xA244), (0xA246, 0xA247), (0xA2CC, 0xA2CC),
    (0xA2CE, 0xA2CE), (0xA3C0, 0xA3E1), (0xC6A1, 0xC8FE), (0xF9DD, 0xFEFE),
];
#[rustfmt::skip]
const GB18030_WITHOUT: &[(u32, u32)] = &[
    (0x80, 0x80), (0xA3A0, 0xA3A0), (0xA6D9, 0xA6DF), (0xA6EC, 0xA6ED), (0xA6F3, 0xA6F3), (0xA8BC, 0xA8BC),
    (0xFE59, 0xFE59), (0xFE61, 0xFE61), (0xFE66, 0xFE67), (0xFE6D, 0xFE6D), (0xFE7E, 0xFE7E), (0xFE90, 0xFE90),
    (0xFEA0, 0xFEA0), (0x8135F437, 0x8135F437),
];
/// What IBM added to JIS X 0208 and 0212.
const EUC_JP_MORE: &str = "\
ⅰⅱⅲⅳⅴⅵⅶⅷⅸⅹⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩ＇＂㈱№℡炻仼僴凬匇匤﨎咊坙﨏塚增寬峵嵓﨑德悅愠敎昻晥晴朗栁﨓﨔橫櫢淸淲瀨凞猪甁\
皂皞益礰礼神祥福竧靖精綠緖羽荢﨟薰蘒﨡蠇諸譿賴赶﨣﨤逸郞都鄕﨧﨨閒隆﨩霻靍靑飯飼館馞髙魲鶴黑";

/// The number of four-byte sequences in GB18030 for characters below U+10000.
const FOURS_OF_THE_FIRST_PLANE: u32 = 39_420;

impl Charset {
    pub fn named(name: &str) -> Option<Self> {
        let wanted = canonical(name);
        let mut all = Self::all();
        all.find(|charset| bare(charset.known.name) == wanted)
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let all = KNOWN.iter().zip(&TABLES);
        all.map(|(known, table)| Self { known, table })
    }

    /// Its name, as the server reports it.
    pub fn name(self) -> &'static str {
        self.known.name
    }

    /// Whether Tusk understands more than its ASCII.
    pub fn is_understood(self) -> bool {
        !matches!(self.known.source, Source::None)
    }

    /// The length of the first character in bytes; at least one, and no more than there are.
    pub fn length(self, bytes: &[u8]) -> usize {
        let (Some(first), second) = (bytes.first(), bytes.get(1)) else {
            return 0;
        };
        let length = match (self.known.shape, first) {
            (_, 0..0x80) | (Shape::Single, _) | (Shape::Sjis, 0xA1..=0xDF) => 1,
            (Shape::EucJp, 0x8F) => 3,
            (Shape::Gb18030, _) if second.is_some_and(u8::is_ascii_digit) => 4,
            _ => 2,
        };
        length.min(bytes.len())
    }

    /// Decodes these bytes, which are one character beyond ASCII.
    pub fn read(self, bytes: &[u8]) -> Option<char> {
        let table = self.table();
        match *bytes {
            [a] => *table.single.get(usize::from(a.checked_sub(128)?))?,
            [a, b] => *table.double.get(usize::from(a.checked_sub(128)?) << 8 | usize::from(b))?,
            [0x8F, b, c] => *table.triple.get(place_of_triple(b, c)?)?,
            [_, _, _, _] if self.known.shape == Shape::Gb18030 => self.known.read(bytes),
            _ => None,
        }
    }

    /// Appends the bytes that the server reads as this character; false if there are none.
    pub fn write(self, character: char, to: &mut Vec<u8>) -> bool {
        if let Some(code) = self.table().back.get(&character) {
            to.extend(code.to_be_bytes().into_iter().skip_while(|byte| *byte == 0));
            return true;
        }
        if self.known.shape != Shape::Gb18030 {
            return false;
        }
        let mut text = [0; 4];
        let (bytes, ..) = web::GB18030.encode(character.encode_utf8(&mut text));
        let is_right = bytes.len() == 4 && self.read(&bytes) == Some(character);
        if is_right {
            to.extend_from_slice(&bytes);
        }
        is_right
    }

    fn table(self) -> &'static Table {
        self.table.get_or_init(|| Table::of(self.known))
    }
}

impl fmt::Debug for Charset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.known.name)
    }
}

impl PartialEq for Charset {
    fn eq(&self, other: &Self) -> bool {
        self.known.name == other.known.name
    }
}

impl Eq for Charset {}

impl Known {
    /// What the server reads these bytes as, which are one character.
    fn read(&self, bytes: &[u8]) -> Option<char> {
        let code = bytes.iter().fold(0_u32, |code, byte| code << 8 | u32::from(*byte));
        let is_without = |(first, last): &(u32, u32)| (*first..=*last).contains(&code);
        if self.without.iter().any(is_without) {
            return None;
        }
        let mut instead = self.instead.iter();
        if let Some((_, character)) = instead.find(|(byte, _)| u32::from(*byte) == code) {
            return Some(*character);
        }
        let encoding = match self.source {
            Source::None => return None,
            Source::Latin1 => return bytes.first().map(|byte| char::from(*byte)),
            Source::Web(encoding) => encoding,
        };
        let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
        let mut characters = text.chars();
        let character = characters.next().filter(|_| characters.next().is_none())?;
        // What Windows leaves undefined is a control character to the web, and nothing to PostgreSQL.
        let is_undefined = self.name.starts_with("WIN") && character.is_control();
        (!is_undefined).then_some(character)
    }
}

impl Table {
    fn of(known: &Known) -> Self {
        let mut table = Self {
            single: [None; 128],
            double: Vec::new(),
            triple: Vec::new(),
            back: BTreeMap::new(),
        };
        let (first_of_two, second) = match known.shape {
            Shape::Euc => (0xA1..=0xFE, 0xA1..=0xFE),
            Shape::EucJp => (0x8E..=0xFE, 0xA1..=0xFE),
            Shape::Single | Shape::Double | Shape::Sjis | Shape::Gb18030 => {
                (0x81..=0xFE, 0x40..=0xFE)
            }
        };
        let two_bytes = known.shape != Shape::Single;
        let one_byte = matches!(known.shape, Shape::Single | Shape::Sjis);
        for byte in (128..=255_u8).filter(|_| one_byte) {
            let read = known.read(&[byte]);
            table.single[usize::from(byte - 128)] = read;
            table.note(read, u32::from(byte));
        }
        table.double = vec![None; if two_bytes { 128 << 8 } else { 0 }];
        for a in first_of_two.filter(|_| two_bytes) {
            for b in second.clone() {
                let read = known.read(&[a, b]);
                table.double[usize::from(a - 128) << 8 | usize::from(b)] = read;
                table.note(read, u32::from_be_bytes([0, 0, a, b]));
            }
        }
        if known.shape == Shape::EucJp {
            table.read_triples(known);
        }
        if known.shape == Shape::Gb18030 {
            table.note_fours(known);
        }
        table
    }

    fn read_triples(&mut self, known: &Known) {
        self.triple = vec![None; 94 * 94];
        let (from, more) = known.more.unwrap_or((u32::MAX, ""));
        let mut more = more.chars();
        for b in 0xA1..=0xFE {
            for c in 0xA1..=0xFE {
                let code = u32::from_be_bytes([0, 0x8F, b, c]);
                let beyond = (code >= from).then(|| more.next()).flatten();
                let read = beyond.or_else(|| known.read(&[0x8F, b, c]));
                if let Some(place) = place_of_triple(b, c) {
                    self.triple[place] = read;
                    self.note(read, code);
                }
            }
        }
    }

    /// The server may read the web's two-byte sequence differently, while the four-byte one means the same to both.
    fn note_fours(&mut self, known: &Known) {
        let digit = |number: u32| 0x30 + (number % 10) as u8;
        for number in 0..FOURS_OF_THE_FIRST_PLANE {
            let a = 0x81 + (number / 12_600) as u8;
            let b = digit(number / 1_260);
            let c = 0x81 + (number / 10 % 126) as u8;
            let bytes = [a, b, c, digit(number)];
            let read = known.read(&bytes).filter(|character| {
                let mut text = [0; 4];
                let (written, ..) = web::GB18030.encode(character.encode_utf8(&mut text));
                written.len() == 2
            });
            self.note(read, u32::from_be_bytes(bytes));
        }
    }

    /// If there are several sequences for one character, any will do: the server reads all of them as it.
    fn note(&mut self, character: Option<char>, code: u32) {
        if let Some(character) = character {
            self.back.entry(character).or_insert(code);
        }
    }
}

fn place_of_triple(b: u8, c: u8) -> Option<usize> {
    let (b, c) = (b.checked_sub(0xA1)?, c.checked_sub(0xA1)?);
    (c < 94).then_some(usize::from(b) * 94 + usize::from(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{encoding::Encoding, read::encodings::aliases};

    /// Any encoding that a session can speak, a file can be written in, under the same names.
    #[test]
    fn a_file_may_have_every_encoding_that_is_understood() {
        let names = Charset::all().filter(|charset| charset.is_understood());
        let names: Vec<&str> = names.map(Charset::name).chain(aliases()).collect();
        assert!(names.len() > 70, "{names:?}");
        for name in names {
            assert!(Encoding::named(name).is_some(), "{name}");
            assert!(name == "unicode" || Charset::named(name).is_some(), "{name}");
        }
    }
}
