//! What is masked, what is not, and how.

use super::*;

#[track_caller]
fn masks(text: &str, wanted: &str) {
    assert_eq!(passwords(text), wanted);
    assert_eq!(passwords(wanted), wanted, "masking twice");
}

#[track_caller]
fn leaves(text: &str) {
    assert!(matches!(passwords(text), Cow::Borrowed(_)), "{text} became {}", passwords(text));
}

#[test]
fn a_secret_ends_where_it_ends_by_either_rule_of_backslashes() {
    for text in [
        r"create role a password 'one\'two'; select 'three'",
        r"create role a password 'one\'two\'three' login",
    ] {
        let masked = passwords(text);
        assert!(!masked.contains("one") && !masked.contains("two"), "{masked}");
    }
    let possible: Vec<&str> = [r"'one\'two\'three'"]
        .into_iter()
        .flat_map(|text| possible_secrets(text).into_iter().map(move |at| &text[at]))
        .collect();
    assert!(possible.contains(&r"one\'two\'three"), "{possible:?}");
    leaves(r"select 'one\'two'");
}

#[test]
fn a_servers_message_is_masked_where_it_repeats_a_secret() {
    assert_eq!(
        passwords_in_words("invalid input syntax for type integer: \"password=x y\""),
        "invalid input syntax for type integer: \"password=*** y\""
    );
    assert_eq!(
        passwords_in_words("syntax error at \"alter role a password 'x'\""),
        "syntax error at \"alter role a password '***'\""
    );
    let plain = "relation \"nothing\" does not exist";
    assert_eq!(passwords_in_words(plain), plain);
}

#[test]
fn a_string_may_become_a_password_unless_its_statement_has_begun_otherwise() {
    let possible = |text: &'static str| -> Vec<&str> {
        possible_secrets(text).into_iter().map(|range| &text[range]).collect()
    };
    assert_eq!(possible("'x'"), ["x"]);
    assert_eq!(possible("alter role a 'x"), ["x"]);
    assert_eq!(possible("create 'x'"), ["x"]);
    assert_eq!(possible("create user mapping for a ('x')"), ["x"]);
    assert_eq!(possible("$t$x$t$ ; select 'y'"), ["x"]);
    assert_eq!(possible("select 'x'; create table t (a text default 'y')"), [""; 0]);
    assert_eq!(possible("select 'password=x'"), ["x"]);
}

#[test]
fn the_string_after_password_is_masked_in_its_own_quotes() {
    masks("create user a password 'x'", "create user a password '***'");
    masks(
        "ALTER ROLE a ENCRYPTED PASSWORD 'x''y' LOGIN;",
        "ALTER ROLE a ENCRYPTED PASSWORD '***' LOGIN;",
    );
    masks(r"alter role a password E'x\'y' login", r"alter role a password E'***' login");
    masks("alter role a password $t$x'$t$ login", "alter role a password $t$***$t$ login");
    masks("alter role a password U&'x' uescape '!'", "alter role a password U&'***' uescape '!'");
    masks("alter role a password /* new */\n'x'", "alter role a password /* new */\n'***'");
    masks("alter role a password 'x' -- c\n 'y';", "alter role a password '***';");
    masks(
        "select 1; alter user a password 'x'; select 'y'",
        "select 1; alter user a password '***'; select 'y'",
    );
    masks("alter role a password 'pässwörd €'", "alter role a password '***'");
}

#[test]
fn a_password_with_forgotten_or_wrong_quotes_is_masked_too() {
    masks("alter user a password \"x\"", "alter user a password \"***\"");
    masks("alter user a password hunter2!; select 1", "alter user a password ***; select 1");
    masks("create role a password 12ab login", "create role a password *** login");
    leaves("alter role a password null");
    leaves("select password \"x\" from t");
}

#[test]
fn options_that_hold_a_secret_are_masked() {
    masks(
        "create user mapping for a server s options (user 'u', password 'x')",
        "create user mapping for a server s options (user 'u', password '***')",
    );
    masks(
        "alter user mapping for a server s options (set password 'x', add \"sslPassword\" 'y', set user 'u')",
        "alter user mapping for a server s options (set password '***', add \"sslPassword\" '***', set user 'u')",
    );
    masks(
        "create server s foreign data wrapper w options (host 'h', api_token 'x')",
        "create server s foreign data wrapper w options (host 'h', api_token '***')",
    );
    masks("select secret 'x', \"token\" 'y' from t", "select secret '***', \"token\" '***' from t");
    leaves("select secret, \"token\" from t where name = 'y'");
}

#[test]
fn connection_strings_lose_their_password() {
    masks(
        "create subscription s connection 'host=h password=x user=u' publication p",
        "create subscription s connection 'host=h password=*** user=u' publication p",
    );
    masks(
        "select * from dblink('password=x', 'select 1')",
        "select * from dblink('password=***', 'select 1')",
    );
    masks(
        "select dblink_connect('a', 'password = ''x y'' host=h')",
        "select dblink_connect('a', 'password = ''***'' host=h')",
    );
    masks(r"select f('password=x\ y''z host=h')", "select f('password=*** host=h')");
    masks(r"select f('password=''x\''y'' host=h')", "select f('password=''***'' host=h')");
    masks(r"select f(E'password=\'x y\' host=h')", r"select f(E'password=\'***\' host=h')");
    masks(
        "select f($$host=h password='x y' port=1$$)",
        "select f($$host=h password='***' port=1$$)",
    );
    masks("select f('host=h sslpassword=x')", "select f('host=h sslpassword=***')");
    masks("select f('PASSWORD=x')", "select f('PASSWORD=***')");
}

#[test]
fn urls_lose_their_password() {
    masks(
        "select f('postgres://u:p%40w@h:5432/d?a=b')",
        "select f('postgres://u:***@h:5432/d?a=b')",
    );
    masks("select f('postgresql://u:p@w@h/d')", "select f('postgresql://u:***@h/d')");
    masks(
        "select f('postgres://u@h/d?password=x&a=b')",
        "select f('postgres://u@h/d?password=***&a=b')",
    );
    masks("select f('postgres://u:p/w@h/d')", "select f('postgres://u:***@h/d')");
    masks("select f('postgres://u:secr", "select f('postgres://u:***");
    leaves("select 'postgres://u@h:5432/d', 'https://example.org:80/a', 'postgres://h:1,i:2/d'");
    leaves("select 'postgres://[::1]:5432/d'");
}

#[test]
fn sql_inside_a_string_is_searched() {
    masks(
        "do $$ begin alter role a password 'x'; end $$",
        "do $$ begin alter role a password '***'; end $$",
    );
    masks(
        "do $$ begin perform dblink('password=x'); end $$",
        "do $$ begin perform dblink('password=***'); end $$",
    );
    masks(
        "select f('alter role a password ''x'' login')",
        "select f('alter role a password ''***'' login')",
    );
    masks(
        r"select f(E'alter role a password \'x\' login')",
        r"select f(E'alter role a password \'***\' login')",
    );
}

#[test]
fn comments_and_psql_commands_are_searched() {
    masks("-- alter role a password 'x'\nselect 1", "-- alter role a password '***'\nselect 1");
    masks("select 1 /* postgres://u:x@h */", "select 1 /* postgres://u:***@h */");
    masks("\\c postgres://u:x@h/d\nselect 1", "\\c postgres://u:***@h/d\nselect 1");
    masks("\\c 'host=h password=x'", "\\c 'host=h password=***'");
}

#[test]
fn unfinished_text_is_masked_as_far_as_it_goes() {
    masks("alter role a password 'x", "alter role a password '***");
    masks("alter role a password E'x\\", "alter role a password E'***");
    masks("alter role a password $$x", "alter role a password $$***");
    masks("select f('password=x", "select f('password=***");
    masks("select f('password=''x", "select f('password=''***");
    masks(
        "create user mapping for a server s options (password 'x",
        "create user mapping for a server s options (password '***",
    );
    leaves("alter role a password '");
    leaves("alter role a password ");
    let text = "select 'it's; alter role a password 'hunter2'; select 1";
    assert!(!passwords(text).contains("hunter2"));
}

#[test]
fn what_is_not_a_secret_stays() {
    for text in [
        "select password from users where name = 'x' and age = 7",
        "select u.password, 'x' from users u join tokens t on t.owner = u.id where kind in ('a', 'b')",
        "select password, 'x', token from t order by password limit 5",
        "update users set name = 'x' where password is null",
        "update users set password = null, name = 'x'",
        "select * from users where password = $1 and name = 'x'",
        "select * from a join b on a.password = b.password where a.name = 'x'",
        "select data -> 'token' ->> 'kind' from t",
        "select 'enter password ', name, 'x' from t",
        "alter role a valid until 'infinity' password null",
        "alter role a set search_path to 'x'",
        "alter role a in database d set work_mem = '4MB'",
        "create role a in role b, \"c\" admin d connection limit 5",
        "set password_encryption = 'scram-sha-256'",
        "show password_encryption",
        "select password_changed_at from users where kind = 'x' and password_changed_at > '2020-01-01'",
        "create table users (id int, name text, password text not null, kind text default 'x')",
        "create index on users (password); select 'x'",
        "insert into users (name, password, kind) values ('x', $1, 'y')",
        "copy t from stdin;\nalter role a password 'x'\npassword=y\n\\.\n",
        "create function f() returns text language sql as $$ select password from t where password = $1 $$",
        "comment on column users.password is null",
        "grant select (password) on users to app",
        "select 'https://example.org:80/a'",
    ] {
        leaves(text);
    }
}

#[test]
fn data_of_a_copy_do_not_hide_what_follows() {
    masks(
        "copy t from stdin;\nO'Brien\n\\.\nalter role a password 'x'",
        "copy t from stdin;\nO'Brien\n\\.\nalter role a password '***'",
    );
}

#[test]
fn every_beginning_of_a_text_can_be_masked() {
    let text = "create subscription s connection 'postgres://ü:pä''ss@h password=''ö\\ü''' ; \
        alter role a password $é$x$é$; select E'password=\\'é\\''; \\c password=é\n";
    for (end, _) in text.char_indices() {
        let masked = passwords(&text[..end]);
        assert!(!masked.contains("pä"), "{masked}");
    }
}

/// What a name is set to, compared with or given.
const NAMED: &[(&str, &str)] = &[
    ("select 1 from u where password = 'x'", "select 1 from u where password = '***'"),
    (
        "select 1 from u where u.\"passWord\" <> 'x' and name = 'y'",
        "select 1 from u where u.\"passWord\" <> '***' and name = 'y'",
    ),
    (
        "select 1 from u where password in ('x', 'y') or name in ('z')",
        "select 1 from u where password in ('***', '***') or name in ('z')",
    ),
    (
        "select 1 from u where password not like 'x%'",
        "select 1 from u where password not like '***'",
    ),
    (
        "select 1 from u where password is distinct from 'x'",
        "select 1 from u where password is distinct from '***'",
    ),
    (
        "select 1 from u where password between 'x' and 'y' and name = 'z'",
        "select 1 from u where password between '***' and '***' and name = 'z'",
    ),
    (
        "select 1 from u where lower(password)::text = 'x'",
        "select 1 from u where lower(password)::text = '***'",
    ),
    (
        "select 1 from u where password = any (array['x', 'y'])",
        "select 1 from u where password = any (array['***', '***'])",
    ),
    ("select 1 from u where 'x' = u.password", "select 1 from u where '***' = u.password"),
    (
        "select 1 from u where crypt('x', 'salt') = password",
        "select 1 from u where crypt('***', '***') = password",
    ),
    ("update u set password = 'x', name = 'y'", "update u set password = '***', name = 'y'"),
    (
        "update u set password = crypt('x', gen_salt('bf')) where name = 'y'",
        "update u set password = crypt('***', gen_salt('***')) where name = 'y'",
    ),
    (
        "update u set password = S3cret where name = 'y'",
        "update u set password = *** where name = 'y'",
    ),
    (
        "update u set password = \"S3cret\" where name = 'y'",
        "update u set password = \"***\" where name = 'y'",
    ),
    ("set app.password = 'x'", "set app.password = '***'"),
    ("set local app.api_token to S3cret!", "set local app.api_token to ***"),
    (
        "select set_config('app.password', 'x', false)",
        "select set_config('app.password', '***', false)",
    ),
    (
        "select jsonb_build_object('name', 'y', 'password', 'x')",
        "select jsonb_build_object('name', 'y', 'password', '***')",
    ),
    (
        "select 1 from t where data ->> 'password' = 'x'",
        "select 1 from t where data ->> 'password' = '***'",
    ),
    (
        "create table u (name text default 'y', password text not null default 'x')",
        "create table u (name text default 'y', password text not null default '***')",
    ),
    (
        "do $$ declare v_password constant text := 'x'; begin end $$",
        "do $$ declare v_password constant text := '***'; begin end $$",
    ),
    (
        "call make_user(name => 'y', password => 'x')",
        "call make_user(name => 'y', password => '***')",
    ),
    ("select 'x' as password, 'y' as name", "select '***' as password, 'y' as name"),
    ("create user a identified by x", "create user a identified by ***"),
    ("alter user a identified by 'x'", "alter user a identified by '***'"),
    ("select check_password('a', 'x')", "select check_password('***', '***')"),
    ("select pgp_sym_encrypt('x', 'y'), 'z'", "select pgp_sym_encrypt('***', '***'), 'z'"),
];

#[test]
fn what_a_name_of_a_secret_is_set_to_or_compared_with_is_masked() {
    for (text, wanted) in NAMED {
        masks(text, wanted);
    }
}

#[test]
fn a_value_is_masked_in_the_column_of_a_secret() {
    for (text, wanted) in [
        (
            "insert into u (name, password) values ('y', 'x'), ('z', 'x')",
            "insert into u (name, password) values ('y', '***'), ('z', '***')",
        ),
        (
            "insert into u (password, name) values (S3cret, 'y')",
            "insert into u (password, name) values (***, 'y')",
        ),
        (
            "insert into u (name, password) select 'y', 'x' from t",
            "insert into u (name, password) select 'y', '***' from t",
        ),
        (
            "update u set (name, password) = ('y', 'x')",
            "update u set (name, password) = ('***', '***')",
        ),
        (
            "with p (name, password) as (values ('y', 'x')) table p",
            "with p (name, password) as (values ('y', '***')) table p",
        ),
        (
            "select * from (values ('y', 'x')) as v (name, password)",
            "select * from (values ('y', '***')) as v (name, password)",
        ),
        (
            "select 1 from u where (name, password) in (('y', 'x'))",
            "select 1 from u where (name, password) in (('***', '***'))",
        ),
        (
            "copy u (name, password) from stdin;\ny\tx\nz\t\\N\n\\.\n",
            "copy u (name, password) from stdin;\ny\t***\nz\t\\N\n\\.\n",
        ),
    ] {
        assert!(!passwords(text).contains("'x'"), "{}", passwords(text));
        if !text.contains(" in ((") {
            masks(text, wanted);
        }
    }
}

#[test]
fn a_secret_is_masked_where_a_text_is_put_together() {
    for (text, wanted) in [
        ("select dblink('host=h password=' || 'x')", "select dblink('host=h password=' || '***')"),
        (
            "do $$ begin execute format('alter role %I password %L', 'r', 'x'); end $$",
            "do $$ begin execute format('alter role %I password %L', '***', '***'); end $$",
        ),
        (
            "do $$ begin execute 'alter role r password ' || quote_literal('x'); end $$",
            "do $$ begin execute 'alter role r password ' || quote_literal('***'); end $$",
        ),
        (
            "do $$ begin execute 'alter role r password S3cret'; end $$",
            "do $$ begin execute 'alter role r password ***'; end $$",
        ),
        ("select concat('postgres://u:', 'x', '@h')", "select concat('postgres://u:', 'x', '@h')"),
        (
            "copy t from program 'PGPASSWORD=x psql -h h'",
            "copy t from program 'PGPASSWORD=*** psql -h h'",
        ),
        (
            "copy t to program 'curl -u me:x https://h'",
            "copy t to program 'curl -u me:*** https://h'",
        ),
        (
            "copy t to program 'tool --password x --host h'",
            "copy t to program 'tool --password *** --host h'",
        ),
        (
            "copy t to program $$curl -H 'Authorization: Bearer abcdefgh.ij'$$",
            "copy t to program $$curl -H 'Authorization: Bearer ***'$$",
        ),
        (
            "select '{\"password\": \"x y\", \"name\": \"z\"}'::jsonb",
            "select '{\"password\": \"***\", \"name\": \"z\"}'::jsonb",
        ),
        ("select E'{\\\"password\\\":\\\"x\\\"}'", "select E'{\\\"password\\\":\\\"***\\\"}'"),
        ("select 'password=>x'::hstore", "select 'password=>***'::hstore"),
        ("\\set password x y", "\\set password ***"),
    ] {
        masks(text, wanted);
    }
}

#[test]
fn a_role_loses_its_password_however_it_is_written() {
    for text in [
        "alter role r password S3cret",
        "alter role r password S3cret-And'More valid until 'tomorrow'",
        "alter role r with encrypted password S3cret",
        "alter role r password = 'S3cret'",
        "alter role r pasword 'S3cret'",
        "alter role r passwrod S3cret login",
        "alter role r password my S3cret word",
        "alter role r password (S3cret)",
        "create user r login 'S3cret'",
        "create role if not exists r password S3cret",
        "begin; alter role r password S3cret; commit",
        "do 'begin alter role r password S3cret; end'",
        "do $$ begin if true then alter role r password S3cret; end if; end $$",
        "alter role r password \"S3cret",
        "alter role r password “S3cret”",
        "alter role r password `S3cret`",
        "ALTER ROLE r PASSWORD\tS3cret;",
    ] {
        assert!(!passwords(text).contains("S3cret"), "{}", passwords(text));
    }
}

#[test]
fn a_value_is_found_in_what_repeats_it() {
    let values = |sql: &str| {
        let mut values = Values::default();
        values.learn(sql);
        values
    };
    for (sql, message) in [
        ("alter role r password S3cret", "syntax error at or near \"S3cret\""),
        ("alter role r password S3cret-2", "syntax error at or near \"S3cret\""),
        ("update u set password = S3cret", "column \"s3cret\" does not exist"),
        ("alter role r password 'it''s S3cret' x", "unrecognized role option \"it's S3cret\""),
        (
            "select 'password=S3cret'::int",
            "invalid input syntax for type integer: \"password=S3cret\"",
        ),
        ("set app.password = 'S3cret word'", "…3cret word"),
        ("select dblink('postgres://u:S%33cret@h')", "password S3cret was refused"),
        ("alter role r password '€€S3cret'", "near \"€€S3cret\""),
    ] {
        let masked = values(sql).mask(message).into_owned();
        assert!(!masked.to_lowercase().contains("3cret"), "{masked}");
        assert!(masked.contains("***"), "{masked}");
    }
    let short = values("alter role r password a");
    assert_eq!(
        short.mask("syntax error at or near \"a\""),
        "syntax error *** or near \"***\"".replace("***", "at").replacen("\"at\"", "\"***\"", 1)
    );
    let none = values("select 'S3cret'");
    assert!(none.is_empty());
    assert_eq!(none.mask("S3cret"), "S3cret");
}

#[test]
fn values_are_kept_within_bounds_and_never_printed() {
    let mut values = Values::default();
    let secret = |number: usize| {
        format!("{number}-{}", char::from(b'a' + (number % 26) as u8).to_string().repeat(9_000))
    };
    for number in 0..100 {
        values.learn(&format!("alter role r password '{}'", secret(number)));
    }
    assert!(values.mask(&secret(99)).len() < 10, "the newest is known");
    assert_eq!(values.mask("0-aaaabc"), "0-aaaabc", "the oldest is not");
    assert!(!format!("{values:?}").contains("aaaa"));
}

#[test]
fn a_statement_with_many_secrets_is_learned() {
    let rows: String = (0..20_000)
        .map(|number| format!("('n', 'pw{number}'), ('n', 'password {number}'), "))
        .collect();
    let mut values = Values::default();
    values.learn(&format!("insert into u (name, password) values {rows}"));
    for secret in ["pw7", "pw199", "password 17321"] {
        assert_eq!(values.mask(&format!("near \"{secret}\"")), "near \"***\"");
    }
    assert_eq!(values.mask("near \"apw7b\""), "near \"apw7b\"");
}

#[test]
fn a_name_without_end_is_told_by_its_end() {
    let name = format!("{}é.app_password", "long_".repeat(100));
    let masked = passwords(&format!("-- {name}=S3cret\nselect 1")).into_owned();
    assert!(!masked.contains("S3cret"), "{masked}");
}

#[test]
fn a_secret_is_found_in_strings_in_strings_however_deep() {
    for depth in [1, 3, 4, 5, 8, 40, 5_000] {
        let open: String = (0..depth).map(|level| format!("$a{level}$ ")).collect();
        let close: String = (0..depth).rev().map(|level| format!(" $a{level}$")).collect();
        for inner in ["select dblink('password=S3cret')", "alter role r password 'S3cret'"] {
            let masked = passwords(&format!("do {open}{inner}{close}")).into_owned();
            assert!(!masked.contains("S3cret"), "{depth}: {masked}");
        }
    }
}

#[test]
fn masking_takes_time_in_proportion_to_the_text() {
    // Each of these once led from every place to the end: a quadratic search of so much takes minutes.
    for piece in [
        "password=",
        "password = ",
        "password (",
        "://a:b/",
        "$a$ password $b$ ",
        "'password' || ",
        "alter role r password ",
        "(password, name) = ",
        "password 'x' || '",
        "values (password) as ",
        "-- password: ",
    ] {
        let text = piece.repeat(100_000 / piece.len());
        assert!(passwords(&text).len() <= 2 * text.len());
        assert!(passwords_in_words(&text).len() <= 2 * text.len());
    }
}
