//! No secret of a statement is kept: statements are generated from forms, ways to quote and things around them, each with
//! a secret of its own, and run through the built program on a real server; then its history, its recording, its dumps and
//! its output are searched for every one of them. Everyday statements without a secret stay as they are.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use self::{
    generated::{Random, as_many_as, seed},
    server::{TestConfig, TestServer},
    traces::Traces,
};
use crate::support::{generated, server, traces};
use tusk::sql::{Piece, Splits, safety::mask};

/// Where a password stands: `§` is the secret in quotes as SQL has them, `#` the secret as it is.
const FORMS: [&str; 73] = [
    "alter role r password §",
    "alter role r password #",
    "alter role r password \"#\"",
    "alter role nobody_here with encrypted password § login",
    "alter role nobody_here password # valid until 'tomorrow'",
    "alter role r passwrod §",
    "alter role r pasword #",
    "alter role r password = §",
    "create role s login password § password §",
    "create user t identified by #",
    "create user t identified by §",
    "create group g password § nonsense",
    "create user mapping for r server nowhere options (user 'u', password §)",
    "alter server nowhere options (set password §, add api_token §)",
    "create subscription s connection 'host=127.0.0.1 port=1 password=#' publication p",
    "select dblink_connect('host=nowhere password=# user=u')",
    "select * from no_such_table where password = §",
    "select * from no_such_table where password = #",
    "select * from no_such_table where password = \"#\"",
    "select * from no_such_table t where t.\"Password\" in ('a', §)",
    "select * from no_such_table where lower(api_token) like § and name = 'y'",
    "select * from no_such_table where § = secret",
    "select * from no_such_table where password is distinct from §",
    "select crypt(§, no_such_function())",
    "select no_such_table.x = crypt(§, password)",
    "select (§ || 'x')::int as password",
    "select 'password=' || §, 1 / 0",
    "select ('password=' || §)::int",
    "select format('alter role %I password %L', 'r', §)::int",
    "select concat('token=', §)::int",
    "select 'password=#'::int",
    "select 'user=u password=# host=h'::int",
    "select 'postgres://u:#@nowhere/d'::int",
    "select '{\"password\": \"#\", \"a\": oops}'::json",
    "select '{\"password\": \"#\"}'::int",
    "select 'password=>\"#\"'::int",
    "set app.password = §",
    "set app.password to §",
    "set local app.api_token = §; select current_setting('app.api_token')::int",
    "set no_such_secret_setting = §",
    "set no_such_password = #",
    "select set_config('app.password', §, false)::int",
    "select set_config('app.secret', §, false)",
    "insert into no_such_table (name, password) values ('y', §)",
    "insert into accounts (name, password) values ('y', §)",
    "insert into accounts (name, password) values (1 / 0, §)",
    "insert into accounts (password, name) values (#, 'y')",
    "update accounts set password = § where name = 'y'",
    "update accounts set password = #",
    "update accounts set (name, password) = ('y', #)",
    "update accounts set password = § returning *",
    "do $$ begin execute 'alter role nobody_here password ' || quote_literal(§); end $$",
    "do $$ begin execute format('alter role %I password %L', 'nobody_here', §); end $$",
    "do $$ begin alter role nobody_here password §; end $$",
    "do $$ begin alter role nobody_here password #; end $$",
    "do $$ declare v_password text := §; begin raise exception 'oh: %', v_password; end $$",
    "do $$ declare v_password text := §; begin raise notice 'oh: %', v_password; end $$",
    "do $$ begin raise warning 'the password is %', §; end $$",
    "do $x$ begin perform set_config('app.password', §, false)::int; end $x$",
    "copy no_such_table from program 'PGPASSWORD=# psql -h h'",
    "copy accounts from program 'tool --password # >&2; false'",
    "copy accounts from program 'curl -u me:# https://127.0.0.1:1'",
    "copy accounts from program $$PGPASSWORD=# no_such_program$$",
    "notify jobs, 'password=#'",
    "listen jobs; notify jobs, 'password=#'",
    "prepare p as select §::text as password; execute p; deallocate p",
    "execute no_such_statement('password', §)",
    "comment on role nobody_here is 'password=#'",
    "create function f() returns int language sql as $$ select dblink('password=#') $$",
    "create function pg_temp.f() returns int language plpgsql as $$ declare password text := §; begin return password; end $$; select pg_temp.f()",
    "select check_password('a', §)",
    "select pgp_sym_encrypt('a', §)",
    "explain (costs off) select * from accounts where password = §",
];

/// Letters of secrets: those that SQL, URLs, JSON and shells write otherwise, too.
const HARD: [&str; 14] = ["-", ".", "_", "!", "+", "~", "^", "é", "€", "/", "\\", "%", "|", "*"];
const HARDEST: [&str; 5] = ["'", "\"", " ", "@", ";"];

/// A secret that occurs nowhere else.
fn secret(random: &mut Random, number: usize, is_quoted: bool) -> String {
    let mut secret = format!("Zq{}", ["w", "W", "k"][random.below(3)]);
    for _ in 0..random.below(3) {
        secret += HARD[random.below(HARD.len())];
        if is_quoted && random.chance(40) {
            secret += HARDEST[random.below(HARDEST.len())];
        }
    }
    format!("{secret}{}x{number}v", random.below(90) + 10)
}

/// The part of a secret that is looked for: letters and digits that no quoting changes, and that are its alone.
fn kernel(secret: &str) -> &str {
    let tail = secret
        .rfind(|c: char| !c.is_ascii_alphanumeric())
        .map_or(0, |at| at + secret[at..].chars().next().map_or(1, char::len_utf8));
    &secret[tail..]
}

fn quoted(random: &mut Random, secret: &str) -> String {
    match random.below(5) {
        0 => format!("E'{}'", secret.replace('\\', "\\\\").replace('\'', "\\'")),
        1 if !secret.contains('$') => format!("$q${secret}$q$"),
        _ => format!("'{}'", secret.replace('\'', "''")),
    }
}

/// A statement with its secret.
struct Case {
    sql: String,
    secret: String,
}

fn case(random: &mut Random, form: &str, number: usize) -> Case {
    // Inside other quotes a secret is as plain as a person would have to write it there.
    let is_quoted = form.contains('§') && !form.contains('#');
    let secret = secret(random, number, is_quoted);
    let plain = if form.contains('#') {
        secret.replace(['\'', '"', '\\', ' ', ';', '%', '/', '*', '|'], "-")
    } else {
        secret.clone()
    };
    let secret = if form.contains('#') { plain.clone() } else { secret };
    let mut sql = String::new();
    for part in form.split_inclusive(['§', '#']) {
        // In a body between dollars a string has single quotes only.
        let in_body = form.contains("$$") || form.contains("$x$");
        match part.chars().last() {
            Some('§') => {
                sql += part.trim_end_matches('§');
                sql += &if in_body {
                    format!("'{}'", secret.replace('\'', "''"))
                } else {
                    quoted(random, &secret)
                };
            }
            Some('#') => {
                sql += part.trim_end_matches('#');
                sql += &plain;
            }
            _ => sql += part,
        }
    }
    if random.chance(25) {
        sql = sql.replacen(' ', ["\n", "  ", " /* here */ ", "\t"][random.below(4)], 1);
    }
    if random.chance(20) {
        sql = format!("{sql} {}", ["oops", "-- done", ")", "'"][random.below(4)]);
    }
    Case { sql, secret }
}

fn cases(random: &mut Random, count: usize) -> Vec<Case> {
    (0..count).map(|number| case(random, FORMS[number % FORMS.len()], number)).collect()
}

#[test]
fn a_generated_statement_is_masked_and_so_is_what_repeats_it() {
    let mut random = Random::new(seed());
    let mut left = vec![];
    for Case { sql, secret } in cases(&mut random, as_many_as(1_500, 60_000)) {
        let kernel = kernel(&secret).to_lowercase();
        let mut values = mask::Values::default();
        values.learn(&sql);
        let messages = [
            format!("syntax error at or near \"{secret}\""),
            format!("column \"{}\" does not exist", secret.to_lowercase()),
            format!("invalid input syntax for type integer: \"a{secret}\""),
            format!("inline_code_block line 1: {}", secret.replace('\'', "''")),
        ];
        let masked = messages.iter().map(|message| values.mask(message));
        let mut masked = masked.chain([mask::passwords(&sql)]);
        if let Some(masked) = masked.find(|masked| masked.to_lowercase().contains(&kernel)) {
            left.push(format!("{sql}\n{masked}"));
        }
    }
    assert!(
        left.is_empty(),
        "{} are left:\n{}",
        left.len(),
        left[..left.len().min(20)].join("\n\n")
    );
}

#[test]
fn a_generated_statement_leaves_its_secret_nowhere_but_in_the_text_it_was_typed_into() {
    let server = TestServer::start(TestConfig::default());
    server.psql(
        "postgres",
        "create role r login; create table accounts (name text, password text check (password <> 'y'));",
    );
    let mut random = Random::new(seed() ^ 7);
    let count = as_many_as(FORMS.len(), 10 * FORMS.len());
    let urls = ["", "?read_only=1"].map(|more| server.url_unix("postgres") + more);
    for url in urls {
        keeps_no_secret(&url, &cases(&mut random, count));
    }
}

fn keeps_no_secret(url: &str, cases: &[Case]) {
    for part in cases.chunks(FORMS.len()) {
        let mut story = format!("connect {url}\nwait connected 30\n");
        for Case { sql, .. } in part {
            // A line of a story is one line of text.
            let sql = sql.replace('\n', " ");
            story += &format!(
                "text {sql}\ncommand query.run-all\nwait idle 60\ncommand results.messages\ndump screen -\n"
            );
        }
        let dumps = "dump model -\ntext select 1\ncommand history.open\nwait idle\ndump screen -\ncommand dialog.cancel\ndump model -\n";
        let traces = Traces::of(&format!("{story}{dumps}"));
        for Case { sql, secret } in part {
            traces.lack_beside_the_text_as(kernel(secret), sql);
        }
    }
}

/// What makes a secret of these comes behind it: while it is typed nobody can know.
fn is_told_later(form: &str) -> bool {
    ["§ = secret", "§, password", "§ || 'x')::int as", "§::text as"]
        .iter()
        .any(|later| form.contains(later))
}

#[test]
fn a_statement_that_is_typed_letter_by_letter_leaves_its_secret_in_no_recording() {
    let mut random = Random::new(seed() ^ 11);
    let forms: Vec<&str> = FORMS.into_iter().filter(|form| !is_told_later(form)).collect();
    let cases: Vec<Case> = (0..as_many_as(forms.len(), 10 * forms.len()))
        .map(|number| case(&mut random, forms[number % forms.len()], number))
        .collect();
    for part in cases.chunks(forms.len()) {
        let mut story = String::from("wait idle\n");
        for Case { sql, .. } in part {
            let typed = sql.replace('\\', "\\\\").replace(['\n', '\t'], " ");
            story += &format!("command tab.new\nwait idle\ntype {typed}\nwait idle\n");
        }
        let traces = Traces::of(&story);
        for Case { sql, secret } in part {
            traces.lack_beside_the_text_as(kernel(secret), sql);
        }
    }
}

/// What people type every day, and what none of them wants to find changed.
#[test]
fn of_the_regression_suite_few_statements_are_changed_and_none_without_a_word_for_a_secret() {
    let words = [
        "password",
        "passwd",
        "passphrase",
        "passcode",
        "pwd",
        "secret",
        "token",
        "credential",
        "api_key",
        "crypt",
        "hmac",
        "digest",
        "bearer",
        "identified",
        "scram",
        "://",
        "private_key",
        "access_key",
        "_pass",
        "_pw",
    ];
    let (mut statements, mut changed) = (0_u32, vec![]);
    let files = std::fs::read_dir(server::regression_suite())
        .expect("scripts/test fetches PostgreSQL's regression suite");
    for file in files {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        for piece in Splits::new(&text).pieces() {
            let Piece::Statement(statement) = piece else {
                continue;
            };
            let sql = &text[statement.range.clone()];
            statements += 1;
            if mask::passwords(sql) != sql {
                let lower = sql.to_lowercase();
                let about_a_role =
                    ["role", "user", "group"].iter().any(|word| lower.contains(word));
                assert!(
                    about_a_role || words.iter().any(|word| lower.contains(word)),
                    "{sql}\n{}",
                    mask::passwords(sql)
                );
                changed.push(sql.to_owned());
            }
        }
    }
    println!("{} of {statements} statements are changed", changed.len());
    assert!(statements > 20_000, "{statements}");
    assert!(changed.len() * 100 <= statements as usize, "{}", changed.join("\n----\n"));
}
