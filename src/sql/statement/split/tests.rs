//! Tests of the splitter, as tables of text and pieces.

use super::*;

/// The pieces as text: a statement as it is sent, `…` after one that is not ended; a command of psql
/// in brackets.
#[track_caller]
fn pieces(text: &str) -> Vec<String> {
    let splits = Splits::new(text);
    splits
        .pieces()
        .iter()
        .map(|piece| match piece {
            Piece::Statement(statement) => {
                let mark = if statement.terminated { "" } else { "…" };
                format!("{}{mark}", &text[statement.range.clone()])
            }
            Piece::PsqlCommand { range, .. } => format!("[{}]", &text[range.clone()]),
            Piece::AcrossData { range } => format!("<{}>", &text[range.clone()]),
        })
        .collect()
}

#[track_caller]
fn check(text: &str, wanted: &[&str]) {
    assert_eq!(pieces(text), wanted, "in {text:?}");
}

#[track_caller]
fn statement(text: &str) -> Statement {
    let splits = Splits::new(text);
    splits.pieces()[0].statement().unwrap().clone()
}

#[test]
fn semicolons_end_statements() {
    check("select 1; select 2;", &["select 1", "select 2"]);
    check("select 1; select 2", &["select 1", "select 2…"]);
    check(" ;; select 1 ;;\n; ", &["select 1"]);
    check("", &[]);
    check(" -- only\n/* comments */ ", &[]);
}

#[test]
fn the_text_to_send_begins_after_comments_and_ends_before_the_semicolon() {
    check("-- a\n/* b */ select 1 /* c */ ; -- d", &["select 1 /* c */"]);
    check("select 1 -- c\n;", &["select 1 -- c"]);
    check("select 1 -- c\n\n-- other\n", &["select 1 -- c…"]);
    check("/*+ SeqScan(t) */ select 1;", &["/*+ SeqScan(t) */ select 1"]);
    check("/*+ a */ ; select 1", &["select 1…"]);
    let text = "  select 1  ; ";
    assert_eq!(statement(text).range, 2..10);
    assert_eq!(statement(text).whole, 2..13);
}

#[test]
fn quotes_hide_semicolons() {
    check("select 'a;b'; x", &["select 'a;b'", "x…"]);
    check("select 'a'';b'; x", &["select 'a'';b'", "x…"]);
    check(r"select 'a\'; x", &[r"select 'a\'", "x…"]);
    check(r"select E'a\';b'; x", &[r"select E'a\';b'", "x…"]);
    check("select E'a'\n'\\';b'; x", &["select E'a'\n'\\';b'", "x…"]);
    check("select U&'a;\\'; x", &["select U&'a;\\'", "x…"]);
    check("select b'1;', x';', n';'; x", &["select b'1;', x';', n';'", "x…"]);
    check("select \"a;\"\"b\"; x", &["select \"a;\"\"b\"", "x…"]);
    check("select U&\"a;\" uescape '!'; x", &["select U&\"a;\" uescape '!'", "x…"]);
    check("select $$a;'$$, $t$;$$;$t$; x", &["select $$a;'$$, $t$;$$;$t$", "x…"]);
    check("select a$b$c;$b$; x", &["select a$b$c", "$b$; x…"]);
    check("select $1; x", &["select $1", "x…"]);
    check("select 1e5;x", &["select 1e5", "x…"]);
}

#[test]
fn comments_hide_semicolons_and_quotes() {
    check("select 1 -- ; '\n, 2; x", &["select 1 -- ; '\n, 2", "x…"]);
    check("select 1 /* ; ' /* ; */ ; */; x", &["select 1 /* ; ' /* ; */ ; */", "x…"]);
    check("select 1+--;\n2; x", &["select 1+--;\n2", "x…"]);
    check("select 1*/*;*/2; x", &["select 1*/*;*/2", "x…"]);
    check("select 1 @-- ;\n 2; x", &["select 1 @-- ;\n 2", "x…"]);
}

#[test]
fn parentheses_hide_semicolons() {
    check(
        "create rule r as on insert to t do also (delete from u; delete from v); x",
        &["create rule r as on insert to t do also (delete from u; delete from v)", "x…"],
    );
    check("select ); x", &["select )", "x…"]);
    check("select [1;2]; x", &["select [1", "2]", "x…"]);
    check("select '(' ; x", &["select '('", "x…"]);
}

#[test]
fn the_body_of_an_sql_function_is_one_statement() {
    let body = "begin atomic select 1; select case when a then 1 else 2 end; select 3; end";
    for head in [
        "create function f() returns int",
        "CREATE OR REPLACE FUNCTION f()",
        "create procedure p()",
        "create /* x */ or -- y\n replace procedure s.p(a int default 1)",
    ] {
        let text = format!("{head} {body}; x");
        check(&text, &[&format!("{head} {body}"), "x…"]);
    }
    check(
        "create function f() begin atomic select ( case when a then 1 end ); end; x",
        &["create function f() begin atomic select ( case when a then 1 end ); end", "x…"],
    );
    check(
        "create function f() begin atomic begin; end; end; x",
        &["create function f() begin atomic begin; end; end", "x…"],
    );
}

#[test]
fn begin_elsewhere_is_a_word() {
    check("begin; select 1; end;", &["begin", "select 1", "end"]);
    check("create table begin (a int); x", &["create table begin (a int)", "x…"]);
    check(
        "create view function as select 1 begin; x",
        &["create view function as select 1 begin", "x…"],
    );
    check(
        "create function f() as $$ begin; $$ language plpgsql; x",
        &["create function f() as $$ begin; $$ language plpgsql", "x…"],
    );
    check("create function \"begin\"() as 'x'; y", &["create function \"begin\"() as 'x'", "y…"]);
}

#[test]
fn unfinished_text_is_one_statement_to_the_end() {
    for text in [
        "select 'a; b",
        "select E'a\\'; b",
        "select U&'a; b",
        "select \"a; b",
        "select U&\"a; b",
        "select $$a; b",
        "select $t$a; $$ b",
        "select 1 /* a; b",
        "select 1 /* a /* ; */ b",
        "select (1; b",
        "create function f() begin atomic select 1; b",
        "create function f() begin atomic select case; end; b",
        "select 'a'\n'b; c",
        "select -",
        "select $",
    ] {
        check(text, &[&format!("{text}…")]);
    }
}

#[test]
fn an_unclosed_comment_before_a_statement_hides_it() {
    check("select 1; /* select 2;", &["select 1"]);
}

#[test]
fn commands_of_psql_are_not_sql() {
    check("\\d t\nselect 1;", &["[\\d t]", "select 1"]);
    check("\\echo it's; here\nselect 1;", &["[\\echo it's; here]", "select 1"]);
    check("  \\timing on \r\nselect 1;", &["[\\timing on]", "select 1"]);
    check("select 1; \\echo a\nselect 2;", &["select 1", "[\\echo a]", "select 2"]);
    check("\\echo a \\\\ select 1;", &["[\\echo a \\\\]", "select 1"]);
    check("\\echo 'a \\\\ b' \\\\ select 1;", &["[\\echo 'a \\\\ b' \\\\]", "select 1"]);
    check("\\! echo \\\\ select 1;\nselect 2;", &["[\\! echo \\\\ select 1;]", "select 2"]);
    check("\\echo a \\echo b\nselect 1;", &["[\\echo a \\echo b]", "select 1"]);
    check("\\", &["[\\]"]);
    check("\\unheard \\\\ of;\nselect 1;", &["[\\unheard \\\\ of;]", "select 1"]);
    check("select 1 \\unheard \\g\n;", &["select 1"]);
    check("select '\n\\d t\n';", &["select '\n\\d t\n'"]);
    check("/*\n\\d t\n*/ select 1;", &["select 1"]);
}

#[test]
fn commands_that_send_end_the_statement() {
    for command in [
        "\\g",
        "\\gx",
        "\\g out.txt",
        "\\gset",
        "\\gexec",
        "\\gdesc",
        "\\watch 1",
        "\\crosstabview",
        "\\bind 1 2 \\g",
        "\\g | sort \\\\ x",
    ] {
        let text = format!("select 1 {command}\nselect 2;");
        check(&text, &["select 1", &format!("[{command}]"), "select 2"]);
    }
    check("select (1 \\g\nselect 2;", &["select (1", "[\\g]", "select 2"]);
    check("select 1\n\\g\nselect 2;", &["select 1", "[\\g]", "select 2"]);
    check("select 1 \\gset a_ \\\\ select 2;", &["select 1", "[\\gset a_ \\\\]", "select 2"]);
    assert!(statement("select 1 \\g").kind.may_pause);
    assert_eq!(statement("select 1 \\g").whole, 0..8);
}

#[test]
fn a_backslash_with_a_semicolon_separates() {
    check("select 1\\; select 2;", &["select 1", "[\\;]", "select 2"]);
    check("select (1 \\; 2);", &["select (1 \\; 2)"]);
}

#[test]
fn a_reset_throws_the_text_before_it_away() {
    check("select 'a' + \\r\nselect 2;", &["[select 'a' + \\r]", "select 2"]);
    check("delete from t\n\\reset\nselect 2;", &["[delete from t\n\\reset]", "select 2"]);
}

#[track_caller]
fn cuts(text: &str) -> Vec<(usize, usize)> {
    let cuts = statement(text).cuts.into_iter();
    cuts.map(|cut| (cut.start, cut.end)).collect()
}

#[test]
fn a_statement_goes_on_behind_other_commands_and_is_not_cut_in_two() {
    let text = "delete from t \\echo it's\nwhere a = 1; x";
    check(text, &["delete from t \\echo it's\nwhere a = 1", "x…"]);
    assert_eq!(cuts(text), [(14, 24)]);
    assert_eq!(cuts("select 1 \\x\n, 2"), [(9, 11)]);
    assert!(!statement("select 1 \\x\n, 2").kind.may_pause);
    assert_eq!(cuts("select 1;"), []);
    assert_eq!(cuts("select 1 \\x\n;"), [(9, 11)]);
    assert_eq!(statement("select 1 \\x\n;").range, 0..8);
    assert_eq!(cuts("select \\x \\\\ 1 \\t\n + 2;"), [(7, 12), (15, 17)]);
}

#[test]
fn a_command_below_an_unended_statement_is_a_piece_of_its_own() {
    check("select 1 -- one\n\n\\d t\n\\d u\n", &["select 1 -- one…", "[\\d t]", "[\\d u]"]);
    assert_eq!(cuts("select 1\n\\d t"), []);
}

#[test]
fn copy_takes_the_lines_up_to_backslash_dot_as_data() {
    let text = "copy t from stdin; -- rows\n1\tit's\n2\t;\n\\.\nselect 1;";
    check(text, &["copy t from stdin", "select 1"]);
    let found = statement(text);
    assert_eq!(&text[found.copy_data.clone().unwrap()], "1\tit's\n2\t;\n");
    assert_eq!(&text[found.whole.clone()], &text[..text.find("\nselect 1").unwrap()]);
    assert!(found.terminated);
}

#[test]
fn copy_data_end_as_psql_ends_them() {
    let data = |text: &str| {
        let found = statement(text);
        found.copy_data.map(|range| text[range].to_string())
    };
    let some = |text: &str| Some(text.to_string());
    assert_eq!(data("copy t from stdin;\r\n1\r\n\\.\r\nx"), some("1\r\n"));
    assert_eq!(data("copy t from stdin;\n\\.\n"), some(""));
    assert_eq!(data("copy t from stdin;\n\\.x\n \\.\n\\.\n"), some("\\.x\n \\.\n"));
    assert_eq!(data("copy t from stdin;\n1\n2"), some("1\n2"));
    assert_eq!(data("copy t from stdin;\n1\n\\."), some("1\n"));
    assert_eq!(data("copy t from stdin;\n"), some(""));
    assert_eq!(data("copy t from stdin; /* a */ -- b\n1\n\\.\n"), some("1\n"));
    assert_eq!(data("copy t from stdin \\g\n1\n\\.\n"), some("1\n"));
    assert_eq!(data("copy t from stdin;"), None);
    assert_eq!(data("copy t from stdin"), None);
    assert_eq!(data("copy t from '/x';\n1\n\\.\n"), None);
    assert_eq!(data("copy t to stdout;\n1\n\\.\n"), None);
    assert_eq!(data("insert into t values (1);\n1\n\\.\n"), None);
}

/// The pieces, and the data of each COPY in braces behind it.
#[track_caller]
fn with_data(text: &str, wanted: &[&str]) {
    let splits = Splits::new(text);
    let shown = splits.pieces().iter().flat_map(|piece| {
        let data = piece.statement().and_then(|found| found.copy_data.clone());
        let range = piece.statement().map_or(piece.range(), |found| found.range.clone());
        let mut sent = text[range.clone()].to_owned();
        for cut in piece.statement().iter().flat_map(|found| found.cuts.iter().rev()) {
            if cut.end <= range.end {
                sent.replace_range(cut.start - range.start..cut.end - range.start, "|");
            }
        }
        [Some(sent), data.map(|data| format!("{{{}}}", &text[data]))]
    });
    let shown: Vec<String> = shown.flatten().collect();
    assert_eq!(shown, wanted, "in {text:?}");
    let mut one_by_one = Pieces::default();
    let read: Vec<Piece> =
        std::iter::from_fn(|| one_by_one.next(text).map(|read| read.piece)).collect();
    assert_eq!(read, splits.pieces(), "one by one, in {text:?}");
}

#[test]
fn what_stands_behind_a_copy_on_its_line_comes_after_its_data() {
    with_data(
        "copy t from stdin; select 1;\n1\n\\.\nselect 2;",
        &["copy t from stdin", "{1\n}", "select 1", "select 2"],
    );
    with_data(
        "copy t from stdin; copy u from stdin;copy v from stdin; -- c\n1\n\\.\n\\.\n3\n\\.\nx",
        &[
            "copy t from stdin",
            "{1\n}",
            "copy u from stdin",
            "{}",
            "copy v from stdin",
            "{3\n}",
            "x",
        ],
    );
    with_data(
        "copy t from stdin; select a,\n;\n\\.\n b;\nselect 2;",
        &["copy t from stdin", "{;\n}", "select a,|\n b", "select 2"],
    );
    with_data(
        "copy t from stdin; \\echo a \\\\ select 1\n'\n\\.",
        &["copy t from stdin", "{'\n}", "\\echo a \\\\", "select 1"],
    );
    // One that is not ended is sent behind the commands below it; the data are still data.
    with_data(
        "copy t from stdin; select 1 \\echo a\n'\n\\.\n\\echo b",
        &["copy t from stdin", "{'\n}", "select 1", "\\echo a", "\\echo b"],
    );
    with_data(
        "copy t from stdin \\g a \\\\ select 1;\n'\n\\.\nselect 2",
        &["copy t from stdin", "{'\n}", "\\g a \\\\", "select 1", "select 2"],
    );
    // On the last line there are none.
    with_data(
        "copy t from stdin; copy t from stdin; select '",
        &["copy t from stdin", "copy t from stdin", "select '"],
    );
}

#[test]
fn what_is_open_where_the_data_begin_is_told() {
    for (open, text) in [
        ("select 'a", "copy t from stdin; select 'a\n1\n\\.\nb';"),
        ("/* a", "copy t from stdin; /* a\n1\n\\.\n*/ select 1;"),
        ("select 1 /* a", "copy t from stdin; select 1 /* a\n1\n\\.\n*/;"),
        ("do $$", "copy t from stdin;do $$\n1\n\\.\n$$;"),
    ] {
        assert_eq!(pieces(text)[..2], ["copy t from stdin".into(), format!("<{open}>")]);
    }
}

#[test]
fn the_comments_in_front_of_a_statement_are_found_behind_data() {
    let text = "copy t from stdin; select 1;\n1\n\\.\n-- two\nselect 2;";
    let splits = Splits::new(text);
    let start = splits.pieces()[2].range().start;
    let lead = lead(text, splits.end_before(2), start);
    assert_eq!(&text[lead], "-- two\n");
}

#[test]
fn the_cursor_in_data_means_their_copy() {
    cursor("copy t from stdin; select 1;\n1|2\n\\.\nselect 2;", "copy t from stdin;");
    cursor("copy t from stdin; sel|ect 1;\n1\n\\.\nselect 2;", "select 1;");
}

#[test]
fn another_rule_holds_from_the_next_line_on() {
    let text = "set standard_conforming_strings = off; select 'a\\';\n\
        select 'a\\'; b'; set SESSION standard_conforming_strings to on; select 'x';\n\
        select '\\';";
    let mut pieces = Pieces::default();
    let mut found = Vec::new();
    while let Some(read) = pieces.next(text) {
        let sql = &text[read.piece.statement().unwrap().range.clone()];
        found.push((sql, read.backslash));
        if let Some(rule) = rule_set_by(sql) {
            pieces.switch(text, rule);
        }
    }
    use BackslashRule::{Escapes, Ordinary};
    assert_eq!(
        found,
        [
            ("set standard_conforming_strings = off", Ordinary),
            ("select 'a\\'", Ordinary),
            ("select 'a\\'; b'", Escapes),
            ("set SESSION standard_conforming_strings to on", Escapes),
            ("select 'x'", Escapes),
            ("select '\\'", Ordinary),
        ]
    );
    for sets in [
        "select set_config('standard_conforming_strings', 'off', false)",
        "SELECT pg_catalog . set_config('standard_conforming_strings', 'no', true)",
        "/* a */ set local \"standard_conforming_strings\" to 'off'",
    ] {
        assert_eq!(rule_set_by(sets), Some(Escapes), "{sets}");
    }
    for other in [
        "select set_config('x', 'off', false)",
        "select f('standard_conforming_strings', 'off', false)",
        "select set_config('standard_conforming_strings', x, false)",
        "set standard_conforming_strings",
        "set standard_conforming_strings = default",
        "reset standard_conforming_strings",
        "set x.standard_conforming_strings = on",
        "select 1",
    ] {
        assert_eq!(rule_set_by(other), None, "{other}");
    }
}

#[test]
fn backslash_copy_takes_its_data_with_it() {
    check(
        "\\copy t from stdin\n1;\n\\.\nselect 1;",
        &["[\\copy t from stdin\n1;\n\\.]", "select 1"],
    );
    check("\\copy t from 'x;y'\nselect 1;", &["[\\copy t from 'x;y']", "select 1"]);
    check("\\copy t to stdout\nselect 1;", &["[\\copy t to stdout]", "select 1"]);
    check(
        "\\copy (select 1 from stdin) to 'x'\nselect 1;",
        &["[\\copy (select 1 from stdin) to 'x']", "select 1"],
    );
}

#[test]
fn each_statement_knows_its_kind() {
    let text = "begin; select 1; insert into t values (1);";
    let splits = Splits::new(text);
    let verbs: Vec<&str> = splits
        .pieces()
        .iter()
        .filter_map(Piece::statement)
        .map(|statement| statement.kind.leading_verb())
        .collect();
    assert_eq!(verbs, ["BEGIN", "SELECT", "INSERT"]);
}

/// The piece that the cursor, written as `|`, means.
#[track_caller]
fn cursor(text: &str, wanted: &str) {
    let offset = text.find('|').unwrap();
    let text = text.replace('|', "");
    let splits = Splits::new(&text);
    let found = splits.at(offset).map_or("", |piece| &text[piece.range()]);
    assert_eq!(found, wanted, "in {text:?} at {offset}");
}

#[test]
fn the_cursor_inside_a_statement_means_it() {
    cursor("|select 1; select 2;", "select 1;");
    cursor("select 1|; select 2;", "select 1;");
    cursor("select 1; sel|ect 2;", "select 2;");
    cursor("select 1;|select 2;", "select 2;");
    cursor("copy t from stdin;\n1|\n\\.\nselect 2;", "copy t from stdin;\n1\n\\.");
    cursor("select 1;\n\\d| t\nselect 2;", "\\d t");
}

#[test]
fn the_cursor_behind_a_statement_on_its_line_means_it() {
    cursor("select 1;| select 2;", "select 1;");
    cursor("select 1; | select 2;", "select 1;");
    cursor("select 1; -- no|te\nselect 2;", "select 1;");
    cursor("select 1; -- note|\nselect 2;", "select 1;");
    cursor("select 1;|\nselect 2;", "select 1;");
    cursor("\\d t|\nselect 2;", "\\d t");
}

#[test]
fn the_cursor_between_statements_means_the_next_one() {
    cursor("select 1;\n|\nselect 2;", "select 2;");
    cursor("select 1;\n-- about| two\nselect 2;", "select 2;");
    cursor("| \n select 1;", "select 1;");
    cursor("select 1; /* a\n| */ select 2;", "select 2;");
}

#[test]
fn the_cursor_behind_everything_means_the_last_one() {
    cursor("select 1;\nselect 2;\n\n|", "select 2;");
    cursor("select 1;\nselect 2\n\n|", "select 2");
    cursor("|", "");
    cursor(" -- a|", "");
}

#[test]
fn a_range_overlaps_the_pieces_that_it_touches() {
    let text = "select 1; select 2; select 3;";
    let splits = Splits::new(text);
    let found = |range| splits.overlapping(range).len();
    assert_eq!(found(0..text.len()), 3);
    assert_eq!(found(0..1), 1);
    assert_eq!(found(8..11), 2);
    assert_eq!(found(9..10), 0);
    assert_eq!(found(11..12), 1);
    assert_eq!(splits.overlapping(12..13)[0].range(), 10..19);
    assert_eq!(found(100..200), 0);
}

#[test]
fn pieces_survive_serde() {
    let splits = Splits::new("select 1; \\d\ncopy t from stdin;\n1\n\\.\n");
    let json = serde_json::to_string(&splits).unwrap();
    assert_eq!(serde_json::from_str::<Splits>(&json).unwrap(), splits);
}

/// A small generator of its own, so that a failing seed fails everywhere.
struct Dice(u64);

impl Dice {
    const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn text(&mut self, parts: usize) -> String {
        const PARTS: &[&str] = &[
            "select 1",
            ";",
            ";",
            ";\n",
            ";\n",
            "\n",
            "\n",
            " ",
            "'",
            "''",
            "E'",
            "\\'",
            "\"",
            "$$",
            "$t$",
            "$",
            "--",
            "-",
            "/*",
            "*/",
            "/",
            "*",
            "(",
            ")",
            "\\",
            "\\g",
            "\\;",
            "\\d x\n",
            "\\\\",
            "\\r",
            "\\echo a",
            "copy t from stdin;\n",
            "copy t from stdin",
            "\\copy t from stdin\n",
            "\\.\n",
            "\\.",
            "\r\n",
            "create function f() ",
            "begin ",
            "case ",
            "end ",
            "é",
            "\u{feff}",
            "a",
            "U&",
            "/*+ h */",
            "1",
            "\t",
            "e",
            "from stdin",
        ];
        (0..parts).map(|_| PARTS[self.roll(PARTS.len())]).collect()
    }

    /// A byte of the text at which a character starts.
    fn place(&mut self, text: &str) -> usize {
        let mut at = self.roll(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

#[test]
fn following_edits_is_the_same_as_reading_anew() {
    for seed in 1..=1500 {
        let mut dice = Dice(Dice::SEED.wrapping_mul(seed));
        let parts = dice.roll(60);
        let mut text = dice.text(parts);
        let mut splits = Splits::new(&text);
        for _ in 0..20 {
            let (a, b) = (dice.place(&text), dice.place(&text));
            let length = if dice.roll(3) == 0 { a.abs_diff(b) } else { 0 };
            let mut end = (a + length).min(text.len());
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            let parts = dice.roll(4);
            let inserted = dice.text(parts);
            let before = text.clone();
            text.replace_range(a..end, &inserted);
            // A window of a few letters cuts everything there is to cut.
            let window = [1, 3, 17, follow::WINDOW_BYTES][dice.roll(4)];
            splits.follow(text.as_str(), a..end, inserted.len(), window);
            let message = format!("seed {seed}: {before:?} with {a}..{end} now {inserted:?}");
            assert_eq!(splits, Splits::new(&text), "{message}");
        }
    }
}

#[test]
fn an_edit_keeps_what_stands_far_from_it() {
    // An edit that says nothing of what changed shows that the rest is not read again: the second
    // statement became another one behind the edit's back, and is still the old one.
    let mut splits = Splits::new("select 1;\nselect 2;\nselect 3;\nselect 4;");
    splits.edit("table a;;\nselect 22;\nselect 3;\ntable bb;", 17..18, 2);
    let verbs: Vec<&str> = splits
        .pieces()
        .iter()
        .filter_map(Piece::statement)
        .map(|statement| statement.kind.leading_verb())
        .collect();
    assert_eq!(verbs, ["SELECT", "SELECT", "SELECT", "SELECT"]);
    assert_eq!(splits.pieces()[3].range(), 31..40);
}

#[test]
fn pieces_are_in_order_and_nothing_but_spaces_and_comments_is_between_them() {
    for seed in 1..=crate::generated::as_many_as(3_000, 100_000) as u64 {
        let mut dice = Dice(Dice::SEED.wrapping_mul(seed));
        let parts = dice.roll(40);
        let text = dice.text(parts);
        let splits = Splits::new(&text);
        let text = without_data(&text, &splits);
        let mut at = 0;
        for piece in splits.pieces() {
            let range = piece.range();
            assert!(at <= range.start && range.start < range.end, "{text:?}");
            assert_gap(&text, at..range.start);
            if let Some(statement) = piece.statement() {
                assert_eq!(statement.range.start, statement.whole.start);
                assert!(statement.range.end <= statement.whole.end);
                assert!(!statement.range.is_empty());
                let data = statement.copy_data.clone().unwrap_or(range.end..range.end);
                assert!(statement.range.end <= data.start);
                for cut in &statement.cuts {
                    assert!(range.start < cut.start && cut.end <= range.end);
                }
            }
            at = range.end;
        }
        assert_gap(&text, at..text.len());
    }
}

/// The text with spaces for the data that are not in the piece of their COPY.
fn without_data(text: &str, splits: &Splits) -> String {
    let mut text = text.to_owned();
    for found in splits.pieces().iter().filter_map(Piece::statement) {
        if let Some(data) = &found.copy_data
            && data.start >= found.whole.end
        {
            let is_ended = text[data.end..].starts_with("\\.");
            let data = data.start..data.end + if is_ended { 2 } else { 0 };
            text.replace_range(data.clone(), &" ".repeat(data.len()));
        }
    }
    text
}

#[track_caller]
fn assert_gap(text: &str, range: Range<usize>) {
    let end = range.end;
    let mut at = range.start;
    while at < end {
        let token = lex::token_at(text, at).unwrap();
        let stray = token.kind == TokenKind::Semicolon;
        assert!(token.is_gap() || stray, "{text:?} at {at}");
        at = token.end;
    }
}

#[test]
fn every_beginning_of_a_text_can_be_cut() {
    let text = "select E'a\\'é' /* é /* ; */ */, $é$;$é$ \\echo 'é\n; copy t from stdin;\né\n\\.\n\\copy u \
        from stdin\né\n\\.\ncreate function f() begin atomic select case when é then 1 end; end; \\g\n";
    for (end, _) in text.char_indices() {
        let splits = Splits::new(&text[..end]);
        for piece in splits.pieces() {
            assert!(text.is_char_boundary(piece.range().end));
        }
        assert!(splits.at(end).is_some() || splits.pieces().is_empty());
    }
}

/// A text that counts what is read of it.
struct Counted<'a> {
    text: &'a str,
    bytes: std::cell::Cell<usize>,
}

impl Source for Counted<'_> {
    fn len(&self) -> usize {
        self.text.len()
    }

    fn floor(&self, byte: usize) -> usize {
        Source::floor(self.text, byte)
    }

    fn line_start(&self, byte: usize) -> usize {
        Source::line_start(self.text, byte)
    }

    fn part(&self, range: Range<usize>) -> std::borrow::Cow<'_, str> {
        self.bytes.set(self.bytes.get() + range.len());
        Source::part(self.text, range)
    }
}

#[test]
fn a_key_in_a_long_text_reads_the_part_around_it() {
    let text = "insert into t values (1, 'a;b'); -- c\n".repeat(50_000);
    let mut splits = Splits::new(&text);
    let mut dice = Dice(Dice::SEED);
    for _ in 0..50 {
        let at = dice.place(&text);
        let text = format!("{} {}", &text[..at], &text[at..]);
        let counted = Counted { text: &text, bytes: 0.into() };
        let mut splits = splits.clone();
        splits.edit(&counted, at..at, 1);
        // A key in the space between two statements, or one that makes nothing of a quote.
        assert!(
            counted.bytes.get() <= 2 * follow::WINDOW_BYTES,
            "{} bytes for a key at {at}",
            counted.bytes.get()
        );
    }
    let counted = Counted { text: &text, bytes: 0.into() };
    splits.edit(&counted, 0..0, 0);
    assert!(counted.bytes.get() > 0);
}

/// What opens something, and what may stand in it without closing it.
const OPEN: &[(&str, &[&str])] = &[
    ("'", &["a", "''", "\\", "é", "\n", "\"", "$$", "/*", "' -- c\n '", "; "]),
    ("E'", &["a", "''", "\\'", "\\\\", "\\é", "\n", "'\n'", "; "]),
    ("\"", &["a", "\"\"", "'", "\\", "é", "\n", "; "]),
    ("$$", &["a", "$", "$a$", "'", "é", "\n", "; "]),
    ("$tag$", &["a", "$", "$$", "$tag", "tag$", "é", "\n", "; "]),
    ("/*", &["a", "/* */", "* ", "/ ", "/*", "'", "é", "\n", "; "]),
];

/// An open quote, its parts, and what is in front of it on its line and above.
fn open(dice: &mut Dice, parts: usize) -> (String, usize, &'static [&'static str]) {
    const BEFORE: &[&str] = &[
        "",
        "select 1; ",
        "select 1;\n",
        "select ",
        "\\echo a\n",
        "select 1 \\x \\\\ ",
        "\\x\n",
        "select 1 \\; ",
        "-- c\n",
        "copy t from stdin;",
        "copy t from stdin;\n1\n\\.\n",
        "\\g ",
        "x",
    ];
    let before = BEFORE[dice.roll(BEFORE.len())];
    let second = BEFORE[dice.roll(BEFORE.len())];
    let (opening, inside) = OPEN[dice.roll(OPEN.len())];
    let body: String = (0..parts).map(|_| inside[dice.roll(inside.len())]).collect();
    let start = before.len() + second.len();
    (format!("{before}{second}{opening}{body}"), start, inside)
}

#[test]
fn following_edits_of_an_open_quote_is_the_same_as_reading_anew() {
    let mut stays = 0;
    for seed in 1..=crate::generated::as_many_as(3_000, 100_000) as u64 {
        let mut dice = Dice(Dice::SEED.wrapping_mul(seed));
        let parts = dice.roll(40);
        let (mut text, start, inside) = open(&mut dice, parts);
        let mut splits = Splits::new(&text);
        for _ in 0..20 {
            let from = if dice.roll(5) == 0 { 0 } else { start.min(text.len()) };
            let a = text.ceil_char_boundary(from + dice.roll(text.len() + 1 - from));
            let length = [0, 0, 1, 2, 9][dice.roll(5)];
            let end = text.floor_char_boundary(a + length).max(a);
            let inserted = match dice.roll(8) {
                0 => dice.text(1),
                1 => String::new(),
                _ => inside[dice.roll(inside.len())].to_owned(),
            };
            let before = text.clone();
            text.replace_range(a..end, &inserted);
            let window = [1, 5, 17, follow::WINDOW_BYTES][dice.roll(4)];
            splits.follow(text.as_str(), a..end, inserted.len(), window);
            let message = format!("seed {seed}: {before:?} with {a}..{end} now {inserted:?}");
            assert_eq!(splits, Splits::new(&text), "{message}");
            let is_open = |end: &End| end.unclosed.is_some();
            stays += usize::from(splits.ends.last().is_some_and(is_open));
        }
    }
    assert!(stays > 10_000, "{stays}");
}

/// Who types a quote has the rest of the text in it until the second one is there, and each key looks at no more than
/// what is around it.
#[test]
fn a_key_inside_an_open_quote_looks_at_the_part_around_it() {
    use crate::{generated::is_long, sql::growth};
    const LOOKS_MAX: usize = 64 * 1024;
    let sizes = [200_000, 2_000_000, 20_000_000];
    for (opening, inside) in OPEN {
        for bytes in &sizes[..if is_long() { 3 } else { 2 }] {
            let line = inside.concat() + " some more words of it\n";
            let head = "select 1;\nselect 2, ";
            let mut text = format!("{head}{opening}{}", line.repeat(bytes / line.len()));
            let mut splits = Splits::new(&text);
            // The first key inside it reads it once.
            let end = text.len();
            text.push('x');
            splits.edit(text.as_str(), end..end, 1);
            let mut dice = Dice(Dice::SEED);
            for key in 0..30 {
                let after = text.floor_char_boundary(text.len() / 30 * key);
                let words = text[after..].find("words").map_or(end, |at| after + at);
                // A letter that is typed, or taken away; one in front of the quote, in its statement.
                let (at, gone, typed) = match dice.roll(4) {
                    0 => (words, 1, ""),
                    1 => (head.len() - 3, 0, "4"),
                    _ => (words, 0, "y"),
                };
                text.replace_range(at..at + gone, typed);
                let looks = growth::looked_while(|| {
                    splits.edit(text.as_str(), at..at + gone, typed.len());
                });
                assert!(
                    looks < LOOKS_MAX,
                    "{looks} bytes are looked at for a key at {at} of {bytes} inside {opening}"
                );
            }
            assert_eq!(splits, Splits::new(&text), "{opening}");
        }
    }
}
