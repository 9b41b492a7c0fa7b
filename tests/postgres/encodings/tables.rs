//! What Tusk's tables say is what the server says.

use super::{Tab, generated::is_long, literal, server::TestServer, servers};
use tusk::effects::postgres::wire::encoding::{Wire, charset::Charset};

/// Each sequence of bytes that may be one character of such an encoding.
fn sequences(charset: Charset) -> Vec<Vec<u8>> {
    let high = || 128..=255_u8;
    let mut all: Vec<Vec<u8>> = high().map(|a| vec![a]).collect();
    if charset.length(&[0xC4, 0xA1]) == 2 {
        all.extend(high().flat_map(|a| (0x30..=255).map(move |b| vec![a, b])));
    }
    if charset.length(&[0x8F, 0xA1, 0xA1]) == 3 {
        all.extend((0xA1..=0xFE).flat_map(|b| (0xA1..=0xFE).map(move |c| vec![0x8F, b, c])));
    }
    all
}

/// What is read and what is written, as bytes and text.
fn understood(charset: Charset) -> (Vec<u8>, String) {
    let (mut bytes, mut text) = (vec![], String::new());
    for sequence in sequences(charset) {
        if let Some(character) = charset.read(&sequence) {
            bytes.extend(&sequence);
            text.push(character);
        }
    }
    for character in (0x80..=0x10_FFFF_u32).filter_map(char::from_u32) {
        // Beyond the second plane there is nothing but in GB18030, which counts through.
        let code = character as u32;
        if code > 0x2_FFFF && (charset.name() != "GB18030" || !code.is_multiple_of(257)) {
            continue;
        }
        let mut written = vec![];
        if charset.write(character, &mut written) {
            assert_eq!(charset.read(&written), Some(character), "{charset:?} {written:x?}");
            bytes.extend(written);
            text.push(character);
        }
    }
    (bytes, text)
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

fn hex_bytes(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

#[test]
fn every_sequence_that_is_read_or_written_is_the_same_character_to_the_server() {
    let charsets = Charset::all().filter(|charset| charset.is_understood());
    let all: Vec<_> = charsets.map(|charset| (charset, understood(charset))).collect();
    for (major, server) in servers() {
        let mut tab = Tab::open(server, "postgres");
        for (charset, (bytes, text)) in &all {
            assert!(text.chars().count() > 160, "{charset:?}: {}", text.len());
            let name = charset.name();
            let sql = format!("select convert_from('\\x{}', '{name}')", hex(bytes));
            let ended = tab.run(&sql);
            let said = ended.rows.first().map_or("", |row| &row[0]);
            let differs = said.chars().zip(text.chars()).find(|(said, ours)| said != ours);
            assert!(
                said == *text,
                "{major} {name}: {differs:x?} {:?}",
                ended.failure.map(|it| it.message)
            );
            // And a text as a whole is taken apart where the server takes it apart.
            let wire = Wire::of(name, Some("UTF8"));
            assert!(wire.text(bytes) == *text, "{name}");
        }
    }
}

#[test]
fn each_name_means_the_encoding_that_the_server_means() {
    let names = "abc alt big5 euc_cn euc_jis_2004 euc_jp euc_kr euc_tw gb18030 gbk iso-8859-1 iso_8859_10 iso8859-13 \
        iso-8859-14 iso-8859-15 iso-8859-16 iso-8859-2 iso-8859-3 iso-8859-4 iso-8859-5 iso-8859-6 iso-8859-7 iso-8859-8 \
        iso-8859-9 johab koi8 koi8r koi8-u latin1 LATIN-2 latin3 latin4 latin5 latin6 latin7 latin8 latin9 latin10 mskanji \
        mule_internal shift_jis shift_jis_2004 sjis sql_ascii tcvn tcvn5712 uhc unicode UNICODE utf-8 utf8 vscii win \
        win1250 win1251 win1252 win1253 win1254 win1255 win1256 win1257 win1258 win866 win874 win932 win936 win949 win950 \
        windows-1250 windows1251 windows1252 windows1253 windows1254 windows1255 windows1256 windows1257 windows1258 \
        windows866 windows874 windows932 windows936 windows949 windows950";
    let (_, server) = servers()[0];
    let mut tab = Tab::open(server, "postgres");
    for name in names.split_whitespace() {
        let sql = format!("select pg_encoding_to_char(pg_char_to_encoding({}))", literal(name));
        let said = tab.value(&sql);
        let said = if said == "SQL_ASCII" { "UTF8" } else { &said };
        assert_eq!(Wire::of(name, Some("UTF8")).name(), said, "{name}");
    }
    // Each encoding of the server is one that is known at least by name.
    let all = tab.run("select pg_encoding_to_char(n) from generate_series(0, 60) n where pg_encoding_to_char(n) <> ''");
    assert!(all.rows.len() >= 42, "{all:?}");
    for row in &all.rows {
        assert!(!matches!(Wire::of(&row[0], Some("UTF8")), Wire::Unknown(_)), "{row:?}");
    }
}

/// All that the server has in an encoding, by its own word.
const ALL: &str = "create function pg_temp.all_of(name) returns text language plpgsql as $$ \
    declare found text = ''; begin for c in 128..196607 loop continue when c between 55296 and 57343; begin \
    perform convert_to(chr(c), $1); found = found || chr(c); exception when others then null; end; end loop; \
    return found; end $$";

/// What a character is after the server has written it and read it again.
const THERE_AND_BACK: &str = "create function pg_temp.there_and_back(text, name) returns text language plpgsql as $$ \
    begin return convert_from(convert_to($1, $2), $2); exception when others then return ''; end $$";

/// What the server has in an encoding and Tusk does not write, with the bytes that the server writes for it and what
/// it reads them as.
fn left_out(server: &TestServer, charset: Charset) -> Vec<(char, Vec<u8>, String)> {
    let mut tab = Tab::open(server, "postgres");
    tab.ok(ALL);
    tab.ok(THERE_AND_BACK);
    let name = charset.name();
    let all = tab.value(&format!("select pg_temp.all_of('{name}')"));
    let left_out: String =
        all.chars().filter(|character| !charset.write(*character, &mut vec![])).collect();
    let told = tab.run(&format!(
        "select encode(convert_to(c, '{name}'), 'hex'), pg_temp.there_and_back(c, '{name}') \
         from regexp_split_to_table({}, '') with ordinality x (c, n) where c <> '' order by n",
        literal(&left_out)
    ));
    let told = told.rows.into_iter().map(|mut row| {
        let read = row.pop().unwrap();
        (hex_bytes(&row[0]), read)
    });
    let all = left_out.chars().zip(told);
    all.map(|(character, (bytes, read))| (character, bytes, read)).collect()
}

/// What these bytes are to the web, whose tables Tusk's are made from.
fn on_the_web(charset: Charset, bytes: &[u8]) -> Option<String> {
    let label = match charset.name() {
        "EUC_JP" => "euc-jp",
        "SJIS" => "shift_jis",
        "EUC_CN" | "GBK" => "gbk",
        "BIG5" => "big5",
        "UHC" | "EUC_KR" => "euc-kr",
        "GB18030" => "gb18030",
        other => panic!("{other} has all that the server has"),
    };
    let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap();
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
    text.map(std::borrow::Cow::into_owned)
}

/// The counts are those of characters. A character may have several sequences, of which some are left out: of BIG5's,
/// the server reads 267 that Tusk does not, and seven of them as U+FFFD, which makes 261 characters.
#[test]
fn few_characters_of_an_encoding_are_left_out() {
    let known = [
        ("EUC_JP", 2),
        ("SJIS", 8),
        ("EUC_CN", 2),
        ("GBK", 1),
        ("BIG5", 261),
        ("UHC", 189),
        ("EUC_KR", 1),
        ("GB18030", 21),
    ];
    let servers = servers();
    for charset in Charset::all().filter(|charset| charset.is_understood()) {
        if !is_long() && !matches!(charset.name(), "EUC_JP" | "LATIN5" | "KOI8U" | "WIN1255") {
            continue;
        }
        let known = known.iter().find(|(name, _)| *name == charset.name());
        let left_out = left_out(servers[0].1, charset);
        // None that the server reads as what it wrote, and the web as the same.
        for (character, bytes, read) in &left_out {
            let written = character.to_string();
            assert!(
                *read != written || on_the_web(charset, bytes) != Some(written),
                "{charset:?} {bytes:x?} {character:?}"
            );
        }
        assert_eq!(left_out.len(), known.map_or(0, |(_, count)| *count), "{charset:?}");
    }
}
