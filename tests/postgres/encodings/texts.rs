//! Generated texts in generated encodings, in everything that travels.

use super::{
    Tab,
    generated::{Random, as_many_as, seed},
    literal, servers,
};
use tusk::{base::transaction::Transaction, effects::postgres::wire::encoding::charset::Charset};

/// Ways to another encoding, each a list of statements.
fn ways(name: &str) -> Vec<Vec<String>> {
    vec![
        vec![format!("set client_encoding = '{name}'")],
        vec![format!("set names '{name}'")],
        vec![format!("select set_config('client_encoding', '{name}', false)")],
        vec![format!("select change_to('{name}')")],
        vec![format!("do $$ begin perform change_to('{name}'); end $$")],
        vec!["begin".into(), format!("set local client_encoding = '{name}'")],
        vec![
            format!("set client_encoding = '{name}'"),
            "begin".into(),
            "set client_encoding = 'UTF8'".into(),
            "rollback".into(),
        ],
        vec![
            format!("set client_encoding = '{name}'"),
            "begin".into(),
            "set client_encoding = 'LATIN1'".into(),
            "select 1/0".into(),
            "rollback".into(),
        ],
        vec![
            format!("set client_encoding = '{name}'"),
            "begin".into(),
            "savepoint s".into(),
            "set client_encoding = 'WIN1252'".into(),
            "rollback to s".into(),
        ],
        vec![
            format!("set client_encoding = '{name}'"),
            "begin".into(),
            "set local client_encoding = 'KOI8R'".into(),
            "commit".into(),
        ],
    ]
}

const SCHEMA: &str = "create table kept (id serial, a text); \
    create function change_to(name text) returns void language plpgsql as $$ begin \
    perform set_config('client_encoding', name, false); end $$";

/// A text that the encoding has, of letters, ASCII that is dangerous, and ends of lines.
fn text(random: &mut Random, characters: &[char]) -> String {
    const PLAIN: &[char] =
        &['a', ' ', '\'', '\\', '"', '$', ';', '\n', '\t', '|', '~', '{', '[', '@'];
    let length = 1 + random.below(12);
    (0..length)
        .map(|_| {
            let from = if random.chance(30) { PLAIN } else { characters };
            *random.pick(from)
        })
        .collect()
}

/// A line for COPY.
fn line(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    format!("{}\n", text.replace('\t', "\\t"))
}

/// What an encoding has that may be in an identifier or a message as it is.
fn characters_of(charset: Charset) -> Vec<char> {
    let all = (0xA0..=0xFFFF_u32).filter_map(char::from_u32);
    let known = all.filter(|c| charset.write(*c, &mut vec![]));
    // Zero widths and marks of direction are shown escaped, which is another matter.
    known.filter(|c| c.is_alphabetic()).collect()
}

fn trip(
    tab: &mut Tab,
    witness: &mut Tab,
    random: &mut Random,
    (charset, characters): &(Charset, Vec<char>),
) {
    let charset = *charset;
    let way = random.pick(&ways(charset.name())).clone();
    for sql in &way {
        tab.run(sql);
    }
    let told = format!("{} by {way:?}", charset.name());
    assert_eq!(tab.value("show client_encoding"), charset.name(), "{told}");
    for _ in 0..3 {
        let text = text(random, characters);
        let quoted = literal(&text);
        let told = format!("{told}: {text:?}");
        assert_eq!(tab.value(&format!("select {quoted}")), text, "{told}");
        let id = tab.value(&format!("insert into kept (a) values ({quoted}) returning id"));
        if tab.transaction == Transaction::Idle {
            let stored = witness.value(&format!("select a from kept where id = {id}"));
            assert_eq!(stored, text, "{told}");
            says(tab, &text, &told);
        }
        let name: String = text.chars().filter(|c| c.is_alphabetic()).take(15).collect();
        let named = tab.ok(&format!("select 1 as \"x{name}\""));
        assert_eq!(named.columns[0], format!("x{name}"), "{told}");
        let copied = tab.ok(&format!("copy (select a from kept where id = {id}) to stdout"));
        assert_eq!(copied.rows[0][0], line(&text).trim_end_matches('\n'), "{told}");
        let lines = format!("{}{}", line(&text), line(&text));
        let ended = tab.run_with("copy kept (a) from stdin", Some(&lines));
        assert_eq!(ended.tag, "COPY 2", "{told}: {ended:?}");
        let same = format!(
            "select count(*) from (select a from kept order by id desc limit 2) k where a = {quoted}"
        );
        assert_eq!(tab.value(&same), "2", "{told}");
    }
    refuses(tab, charset, &told);
    tab.run("rollback");
    tab.ok("reset client_encoding");
    assert_eq!(tab.value("select 'é€𝄞'"), "é€𝄞");
    assert!(tab.held().unwrap().is_empty(), "{told}");
}

/// Notices, errors with their place, and notifications.
fn says(tab: &mut Tab, text: &str, told: &str) {
    let quoted = literal(text);
    let ended = tab.ok(&format!(
        "do $x$ begin raise notice using message = {quoted}, detail = {quoted}; end $x$"
    ));
    let notice = &ended.notices[0];
    assert_eq!((notice.message.as_str(), notice.detail.as_deref()), (text, Some(text)), "{told}");
    let raise =
        format!("do $x$ begin raise exception using message = {quoted}, hint = {quoted}; end $x$");
    let failure = tab.fails(&raise);
    assert_eq!((failure.message.as_str(), failure.hint.as_deref()), (text, Some(text)), "{told}");
    let wrong = format!("select {quoted}, nowhere");
    let place = wrong.chars().count() - "nowhere".len() + 1;
    let failure = tab.fails(&wrong);
    assert_eq!(failure.position, Some(place as u32), "{told}");
    let inner = format!("do $x$ begin execute $y$select {quoted}, nowhere$y$; end $x$");
    let (position, query) = tab.fails(&inner).internal.unwrap();
    assert_eq!((position as usize, query.as_str()), (place, wrong.as_str()), "{told}");
    tab.notified.clear();
    tab.ok("listen heard");
    tab.ok(&format!("select pg_notify('heard', {quoted})"));
    // It comes with the end of the statement or just after it.
    while tab.notified.is_empty() {
        tab.ok("select 1");
    }
    assert_eq!(tab.notified, [text], "{told}");
    tab.ok("unlisten *");
}

/// What the encoding has not is not sent, and named with its place.
fn refuses(tab: &mut Tab, charset: Charset, told: &str) {
    let mut strange = ['é', '€', 'Ж', '𝄞', '\u{10FFFF}'].into_iter();
    let Some(strange) = strange.find(|c| !charset.write(*c, &mut vec![])) else {
        return;
    };
    let failure = tab.fails(&format!("select 'a{strange}b'"));
    assert!(
        failure.sqlstate.is_none() && failure.message.contains(charset.name()),
        "{told}: {failure:?}"
    );
    assert!(failure.message.contains(strange), "{told}: {failure:?}");
    assert_eq!(failure.position, Some(10), "{told}");
    assert!(failure.next_step.unwrap().contains("SET client_encoding = 'UTF8'"));
    let ended = tab.run_with("copy kept (a) from stdin", Some(&format!("a\nb{strange}\n")));
    assert!(ended.failure.unwrap().message.contains("line 2"), "{told}");
    assert_eq!(tab.value("select 1"), "1");
}

#[test]
fn a_text_is_stored_and_shown_as_it_was_typed_in_every_encoding() {
    let mut random = Random::new(seed());
    let known = Charset::all().filter(|charset| charset.is_understood());
    let charsets: Vec<_> = known.map(|charset| (charset, characters_of(charset))).collect();
    for (_, server) in servers() {
        let database = server.fresh_database();
        let mut witness = Tab::open(server, &database);
        let mut tab = Tab::open(server, &database);
        server.psql(&database, SCHEMA);
        for _ in 0..as_many_as(25, 800) {
            let charset = random.pick(&charsets);
            trip(&mut tab, &mut witness, &mut random, charset);
        }
    }
}
