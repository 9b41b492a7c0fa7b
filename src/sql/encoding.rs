//! The encodings that a file of text may have, by name. What turns bytes into text is `effects/files/encoding.rs`.

use serde::{Deserialize, Serialize};

use crate::sql::read::encodings;

macro_rules! encodings {
    ($($(#[$default:meta])? $name:ident $shown:literal [$($other:literal),*];)*) => {
        /// How a file's text stands in its bytes.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Encoding {
            $(
                $(#[$default])?
                #[doc = $shown]
                #[serde(rename = $shown)]
                $name,
            )*
        }

        impl Encoding {
            /// Every encoding.
            pub const ALL: &'static [Encoding] = &[$(Encoding::$name,)*];

            /// What a person reads.
            pub fn name(self) -> &'static str {
                match self { $(Encoding::$name => $shown,)* }
            }

            /// The encoding that PostgreSQL or an editor calls by this name, whatever its case and its hyphens.
            pub fn named(name: &str) -> Option<Encoding> {
                match encodings::canonical(name).as_str() {
                    $($($other)|* => Some(Encoding::$name),)*
                    _ => None,
                }
            }
        }
    };
}

// Of the names that mean the same to PostgreSQL only the one that it reports is here, and those that only editors know.
encodings! {
    #[default]
    Utf8 "UTF-8" ["utf8", "utf8mb4"];
    Utf16Le "UTF-16 LE" ["utf16le", "ucs2le"];
    Utf16Be "UTF-16 BE" ["utf16be", "ucs2be", "utf16", "ucs2"];
    Windows1252 "Windows-1252" ["win1252", "cp1252"];
    Latin1 "Latin-1" ["latin1", "l1"];
    Latin2 "Latin-2" ["latin2", "l2"];
    Latin3 "Latin-3" ["latin3", "l3"];
    Latin4 "Latin-4" ["latin4", "l4"];
    Latin5 "Latin-5" ["latin5", "l5"];
    Latin6 "Latin-6" ["latin6", "l6"];
    Latin7 "Latin-7" ["latin7", "l7"];
    Latin8 "Latin-8" ["latin8", "l8"];
    Latin9 "Latin-9" ["latin9", "l9"];
    Latin10 "Latin-10" ["latin10", "l10"];
    Iso5 "ISO 8859-5" ["iso88595"];
    Iso6 "ISO 8859-6" ["iso88596"];
    Iso7 "ISO 8859-7" ["iso88597"];
    Iso8 "ISO 8859-8" ["iso88598"];
    Windows874 "Windows-874" ["win874", "cp874"];
    Windows1250 "Windows-1250" ["win1250", "cp1250"];
    Windows1251 "Windows-1251" ["win1251", "cp1251"];
    Windows1253 "Windows-1253" ["win1253", "cp1253"];
    Windows1254 "Windows-1254" ["win1254", "cp1254"];
    Windows1255 "Windows-1255" ["win1255", "cp1255"];
    Windows1256 "Windows-1256" ["win1256", "cp1256"];
    Windows1257 "Windows-1257" ["win1257", "cp1257"];
    Windows1258 "Windows-1258" ["win1258", "cp1258"];
    Ibm866 "IBM 866" ["win866", "ibm866", "cp866"];
    Koi8R "KOI8-R" ["koi8r"];
    Koi8U "KOI8-U" ["koi8u"];
    ShiftJis "Shift JIS" ["sjis", "cp932"];
    EucJp "EUC-JP" ["eucjp"];
    EucKr "EUC-KR" ["euckr", "uhc", "cp949"];
    Gbk "GBK" ["gbk", "euccn", "gb2312", "cp936"];
    Gb18030 "GB 18030" ["gb18030"];
    Big5 "Big5" ["big5", "cp950"];
}

impl Encoding {
    /// Whether ASCII stands in it as itself, byte for byte.
    pub fn is_ascii_based(self) -> bool {
        !matches!(self, Encoding::Utf16Le | Encoding::Utf16Be)
    }
}

/// How a file of text is written: kept from its reading to its writing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    pub encoding: Encoding,
    /// Whether it begins with a byte order mark.
    pub mark: bool,
}

impl Form {
    /// What a person reads; the usual form is not said.
    pub fn shown(self) -> Option<String> {
        match (self.encoding, self.mark) {
            (Encoding::Utf8, false) => None,
            (encoding, false) => Some(encoding.name().to_owned()),
            (encoding, true) => Some(format!("{} with BOM", encoding.name())),
        }
    }

    /// As the store keeps it.
    pub fn kept(self) -> String {
        format!("{}{}", self.encoding.name(), if self.mark { "+" } else { "" })
    }

    /// What the store has kept; what it does not know is the usual form.
    pub fn restored(kept: &str) -> Self {
        let (name, mark) = match kept.strip_suffix('+') {
            Some(name) => (name, true),
            None => (kept, false),
        };
        let encoding = Encoding::ALL.iter().find(|known| known.name() == name);
        Self { encoding: encoding.copied().unwrap_or_default(), mark: mark && encoding.is_some() }
    }
}

/// What is known of a file's encoding before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reading {
    /// Nothing.
    Detect,
    /// It had this one when it was read or written last.
    Known(Encoding),
    /// The user says that it has this one.
    Chosen(Encoding),
}

/// One way in which a file can be read, with a line of it that tells the ways apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    pub encoding: Encoding,
    /// The line, cut.
    pub preview: String,
}

/// A character that an encoding has not, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsayable {
    pub character: char,
    /// Its place in bytes of the text.
    pub at: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_postgresql_and_of_editors_mean_the_same() {
        for (name, encoding) in [
            ("LATIN1", Encoding::Latin1),
            ("iso-8859-1", Encoding::Latin1),
            ("WIN1252", Encoding::Windows1252),
            ("Windows-1252", Encoding::Windows1252),
            ("utf_8", Encoding::Utf8),
            ("EUC_JP", Encoding::EucJp),
        ] {
            assert_eq!(Encoding::named(name), Some(encoding), "{name}");
        }
        assert_eq!(Encoding::named("SQL_ASCII"), None);
        assert_eq!(Encoding::named(""), None);
    }

    #[test]
    fn every_form_is_kept_and_restored() {
        for encoding in Encoding::ALL.iter().copied() {
            for mark in [false, true] {
                let form = Form { encoding, mark };
                assert_eq!(Form::restored(&form.kept()), form);
            }
        }
        assert_eq!(Form::restored("what?+"), Form::default());
    }
}
