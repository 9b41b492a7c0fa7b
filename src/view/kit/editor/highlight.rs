//! Colours for SQL, from PostgreSQL's own lexical rules: what a dollar quote or a nested comment
//! holds is never taken for a keyword, and unfinished text is coloured as far as it goes.

mod blocks;

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use gpui::component::input::{
    EditorState, FoldRange, HighlightStyleResolver, InputEdit, InputHighlighter,
    InputHighlighterFactory, Rope,
};
use gpui::{Context, HighlightStyle, SharedString, Window};
use squawk_lexer::{LiteralKind, Token, TokenKind};

use crate::base::text::RopeText;
use blocks::Blocks;

/// What a stretch of SQL is, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A word of the language.
    Keyword,
    /// A string of any form.
    Text,
    /// A number, TRUE or FALSE, or a parameter.
    Number,
    Comment,
    /// A name that is called.
    Function,
    /// Anything else.
    Plain,
}

impl Kind {
    /// The name that a syntax theme knows it by.
    fn style_name(self) -> Option<&'static str> {
        match self {
            Self::Keyword => Some("keyword"),
            Self::Text => Some("string"),
            Self::Number => Some("number"),
            Self::Comment => Some("comment"),
            Self::Function => Some("function"),
            Self::Plain => None,
        }
    }
}

/// The highlighters that an SQL editor asks for.
pub fn factory() -> InputHighlighterFactory {
    Rc::new(|_| Some(Box::new(SqlHighlighter::default())))
}

/// A coloured stretch: its bytes and what they are.
pub type Stretch = (Range<usize>, Kind);

fn kind_of(token: Token, word: &str, called: bool, after_dot: bool) -> Kind {
    match token.kind {
        TokenKind::LineComment | TokenKind::BlockComment { .. } => Kind::Comment,
        TokenKind::Literal { kind } => match kind {
            LiteralKind::Int { .. } | LiteralKind::Numeric { .. } => Kind::Number,
            _ => Kind::Text,
        },
        TokenKind::PositionalParam { .. } => Kind::Number,
        TokenKind::Ident if after_dot => function_or_plain(called),
        TokenKind::Ident => {
            let lower = word.to_ascii_lowercase();
            let known = |words: &[&str]| words.binary_search(&lower.as_str()).is_ok();
            if lower == "true" || lower == "false" {
                Kind::Number
            } else if known(&KEYWORDS) && !(called && known(&CALLABLE)) {
                Kind::Keyword
            } else {
                function_or_plain(called)
            }
        }
        TokenKind::QuotedIdent { .. } => function_or_plain(called),
        _ => Kind::Plain,
    }
}

fn function_or_plain(called: bool) -> Kind {
    if called { Kind::Function } else { Kind::Plain }
}

#[derive(Default)]
struct SqlHighlighter {
    /// The text that the blocks belong to. It shares its leaves with the editor's.
    text: RopeText,
    /// Read as far as something was painted.
    blocks: RefCell<Blocks>,
}

impl SqlHighlighter {
    /// Takes an edit over; where it is not one of the text that is known, the text is another one. Nothing is read
    /// before it is painted.
    fn follow(&mut self, edit: Option<InputEdit>, text: RopeText) {
        let length = self.text.len();
        let known = edit.filter(|edit| {
            edit.start_byte <= edit.old_end_byte
                && edit.old_end_byte <= length
                && length - edit.old_end_byte + edit.new_end_byte == text.len()
        });
        let blocks = self.blocks.get_mut();
        match known {
            Some(edit) => blocks.edited(&self.text, edit.start_byte..edit.old_end_byte),
            None => *blocks = Blocks::default(),
        }
        self.text = text;
    }
}

impl InputHighlighter for SqlHighlighter {
    fn language(&self) -> SharedString {
        SharedString::new_static("sql")
    }

    fn update(
        &mut self,
        edit: Option<InputEdit>,
        text: &Rope,
        _: bool,
        _: &mut Window,
        _: &mut Context<EditorState>,
    ) {
        self.follow(edit, text.clone().into());
    }

    fn styles(
        &self,
        range: &Range<usize>,
        resolver: &dyn HighlightStyleResolver,
    ) -> Vec<(Range<usize>, HighlightStyle)> {
        let mut blocks = self.blocks.borrow_mut();
        blocks.read_to(&self.text, range.end);
        let mut runs = Vec::new();
        let mut at = range.start;
        for (stretch, kind) in blocks.stretches(range) {
            let (start, end) = (stretch.start.max(at), stretch.end.min(range.end));
            if start > at {
                runs.push((at..start, HighlightStyle::default()));
            }
            let style = kind.style_name().and_then(|name| resolver.style(name));
            runs.push((start..end, style.unwrap_or_default()));
            at = end;
        }
        if at < range.end {
            runs.push((at..range.end, HighlightStyle::default()));
        }
        runs
    }

    fn fold_ranges(&self, _: &Rope) -> Vec<FoldRange> {
        Vec::new()
    }
}

/// Words of the language that are names of functions as well.
const CALLABLE: [&str; 9] =
    ["coalesce", "greatest", "least", "left", "normalize", "nullif", "replace", "right", "row"];

/// Words that read as SQL, in order. Not every word that PostgreSQL's grammar knows: many of those
/// are everyday column names (name, type, value), and a column should not look like a keyword.
const KEYWORDS: [&str; 223] = [
    "add",
    "after",
    "aggregate",
    "all",
    "alter",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "at",
    "atomic",
    "attach",
    "before",
    "begin",
    "between",
    "both",
    "by",
    "call",
    "cascade",
    "case",
    "cast",
    "check",
    "checkpoint",
    "close",
    "cluster",
    "coalesce",
    "collate",
    "collation",
    "column",
    "comment",
    "commit",
    "committed",
    "concurrently",
    "conflict",
    "constraint",
    "copy",
    "create",
    "cross",
    "cube",
    "current",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "cursor",
    "database",
    "deallocate",
    "declare",
    "default",
    "deferrable",
    "deferred",
    "delete",
    "desc",
    "detach",
    "discard",
    "distinct",
    "do",
    "domain",
    "drop",
    "each",
    "else",
    "end",
    "enum",
    "escape",
    "except",
    "exclude",
    "execute",
    "exists",
    "explain",
    "extension",
    "fetch",
    "filter",
    "first",
    "following",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "function",
    "generated",
    "grant",
    "greatest",
    "group",
    "grouping",
    "groups",
    "having",
    "if",
    "ilike",
    "immediate",
    "immutable",
    "in",
    "index",
    "inherits",
    "initially",
    "inner",
    "insert",
    "instead",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "isolation",
    "join",
    "key",
    "language",
    "last",
    "lateral",
    "leading",
    "leakproof",
    "least",
    "left",
    "like",
    "limit",
    "listen",
    "load",
    "localtime",
    "localtimestamp",
    "lock",
    "locked",
    "logged",
    "materialized",
    "merge",
    "natural",
    "not",
    "nothing",
    "notify",
    "notnull",
    "nowait",
    "null",
    "nullif",
    "nulls",
    "of",
    "offset",
    "on",
    "only",
    "operator",
    "or",
    "order",
    "ordinality",
    "outer",
    "over",
    "overlaps",
    "partition",
    "placing",
    "policy",
    "preceding",
    "prepare",
    "primary",
    "procedure",
    "range",
    "reassign",
    "recursive",
    "references",
    "refresh",
    "reindex",
    "release",
    "rename",
    "repeatable",
    "replace",
    "reset",
    "restrict",
    "returning",
    "returns",
    "revoke",
    "right",
    "rollback",
    "rollup",
    "row",
    "rows",
    "savepoint",
    "schema",
    "select",
    "sequence",
    "serializable",
    "session_user",
    "set",
    "show",
    "similar",
    "skip",
    "some",
    "strict",
    "symmetric",
    "table",
    "tablesample",
    "tablespace",
    "temp",
    "temporary",
    "then",
    "timestamp",
    "to",
    "trailing",
    "transaction",
    "trigger",
    "truncate",
    "unbounded",
    "union",
    "unique",
    "unlisten",
    "unlogged",
    "update",
    "user",
    "using",
    "vacuum",
    "values",
    "variadic",
    "verbose",
    "view",
    "volatile",
    "when",
    "where",
    "window",
    "with",
    "within",
    "without",
];

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::cell::Cell;

    use gpui::component::input::Point;
    use squawk_lexer::tokenize;

    use super::{
        blocks::{BLOCK_BYTES, Stretch, WINDOW_BYTES},
        *,
    };
    use crate::{
        generated::{Random, as_many_as, seed},
        sql::statement::split::Source,
    };

    /// The coloured stretches of a text, read from its start to its end.
    fn coloured(text: &str) -> Vec<Stretch> {
        let mut found = Vec::new();
        let (mut start, mut after_dot) = (0, false);
        let mut tokens = tokenize(text).peekable();
        while let Some(token) = tokens.next() {
            let end = start + token.len as usize;
            let next = tokens.peek().map(|next| next.kind);
            let called = next == Some(TokenKind::OpenParen);
            let kind = kind_of(token, &text[start..end], called, after_dot);
            if kind != Kind::Plain {
                found.push((start..end, kind));
            }
            after_dot = token.kind == TokenKind::Dot;
            start = end;
        }
        found
    }

    /// The coloured stretches of a range, as blocks know them.
    fn read(
        blocks: &mut Blocks,
        text: &(impl Source + ?Sized),
        range: Range<usize>,
    ) -> Vec<Stretch> {
        blocks.read_to(text, range.end);
        blocks.stretches(&range).collect()
    }

    #[track_caller]
    fn assert_kinds(sql: &str, expected: &[(&str, Kind)]) {
        let found: Vec<(&str, Kind)> = read(&mut Blocks::default(), sql, 0..sql.len())
            .into_iter()
            .map(|(range, kind)| (&sql[range], kind))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_words_are_in_order() {
        assert!(KEYWORDS.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(CALLABLE.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn a_statement_gets_its_colours() {
        assert_kinds(
            "SELECT count(*), 'x' from t where a = 1.5 -- end",
            &[
                ("SELECT", Kind::Keyword),
                ("count", Kind::Function),
                ("'x'", Kind::Text),
                ("from", Kind::Keyword),
                ("where", Kind::Keyword),
                ("1.5", Kind::Number),
                ("-- end", Kind::Comment),
            ],
        );
    }

    #[test]
    fn what_a_dollar_quote_holds_is_text() {
        assert_kinds(
            "do $x$ select 1 $x$",
            &[("do", Kind::Keyword), ("$x$ select 1 $x$", Kind::Text)],
        );
    }

    #[test]
    fn an_unfinished_string_is_text_to_the_end() {
        assert_kinds("select 'from here", &[("select", Kind::Keyword), ("'from here", Kind::Text)]);
    }

    #[test]
    fn a_comment_inside_a_comment_does_not_end_it() {
        assert_kinds("/* a /* b */ select */", &[("/* a /* b */ select */", Kind::Comment)]);
    }

    #[test]
    fn a_column_that_is_called_like_a_keyword_stays_a_column_after_a_dot() {
        assert_kinds("o.order", &[]);
        assert_kinds("left(a, 1)", &[("left", Kind::Function), ("1", Kind::Number)]);
    }

    #[test]
    fn styles_cover_any_range_without_gaps() {
        struct Named;
        impl HighlightStyleResolver for Named {
            fn style(&self, name: &str) -> Option<HighlightStyle> {
                (name == "keyword")
                    .then(|| HighlightStyle { fade_out: Some(0.5), ..Default::default() })
            }
        }
        let mut highlighter = SqlHighlighter::default();
        highlighter.follow(None, "select a from b".into());
        let runs = highlighter.styles(&(3..12), &Named);
        let ranges: Vec<Range<usize>> = runs.iter().map(|(range, _)| range.clone()).collect();
        assert_eq!(ranges, [3..6, 6..9, 9..12]);
        assert_eq!(runs[0].1.fade_out, Some(0.5));
        assert_eq!(runs[1].1, HighlightStyle::default());
    }

    fn input_edit(replaced: Range<usize>, inserted: usize) -> InputEdit {
        InputEdit {
            start_byte: replaced.start,
            old_end_byte: replaced.end,
            new_end_byte: replaced.start + inserted,
            start_position: Point::new(0, 0),
            old_end_position: Point::new(0, 0),
            new_end_position: Point::new(0, 0),
        }
    }

    /// What can change how the rest reads.
    const SNIPPETS: [&str; 14] =
        ["", "x", "'", "(", "--", "/*", "*/", "$q$", ".", " ", "\n", "\"", "select", "\u{feff}"];

    /// Every edit of a small text by every snippet.
    #[test]
    fn after_any_edit_the_colours_are_those_of_the_whole_text() {
        let text = "select a.left(x), 'it''s' -- c\n/* b */ from $q$ t $q$ where f (1) = \"i\"(2)";
        for start in 0..=text.len() {
            for end in start..=text.len().min(start + 3) {
                for snippet in SNIPPETS {
                    let after = format!("{}{snippet}{}", &text[..start], &text[end..]);
                    let mut highlighter = SqlHighlighter::default();
                    highlighter.follow(None, text.into());
                    read(highlighter.blocks.get_mut(), text, 0..text.len());
                    let edit = input_edit(start..end, snippet.len());
                    highlighter.follow(Some(edit), after.as_str().into());
                    let blocks = highlighter.blocks.get_mut();
                    let found = read(blocks, after.as_str(), 0..after.len());
                    assert_eq!(found, coloured(&after), "{after:?}");
                }
            }
        }
    }

    fn place_in(text: &str, random: &mut Random) -> usize {
        text.floor_char_boundary(random.below(text.len() + 1))
    }

    /// Parts that make tokens of every kind, short ones and some that are longer than a block.
    fn generated(dice: &mut Random, bytes: usize) -> String {
        const PARTS: [&str; 24] = [
            "select ",
            "a.left(x)",
            "count(",
            "'it''s'",
            "E'\\''",
            "\"é\"(",
            "1.5e-3",
            "1..2",
            "$1",
            "$q$ x; $q$",
            "$$'$$",
            "-- ende é\n",
            "/* a /* b */ c */",
            ".",
            ". ",
            "\n",
            " ",
            "  ",
            "U&'d\\0061t'",
            "::",
            "::int",
            ");\n",
            "x'1F'",
            "zürich",
        ];
        let mut text = String::new();
        while text.len() < bytes {
            match dice.below(400) {
                0 => text.push_str(&format!("'{}'", "long ".repeat(dice.below(4_000)))),
                1 => text.push_str(&format!("/*{}*/", "é".repeat(dice.below(9_000)))),
                2 => text.push_str(&" ".repeat(dice.below(20_000))),
                // What opens and does not end.
                3 => text.push_str(["'", "/*", "$x$", "\""][dice.below(4)]),
                _ => text.push_str(PARTS[dice.below(PARTS.len())]),
            }
        }
        text
    }

    /// Random edits anywhere, with paints of random windows between them, some of which never read what was edited.
    #[test]
    fn followed_colours_are_those_of_the_whole_text_wherever_it_is_painted() {
        let mut dice = Random::new(seed());
        for round in 0..as_many_as(30, 2_000) {
            let bytes = dice.below(60_000);
            let mut text = generated(&mut dice, bytes);
            let mut highlighter = SqlHighlighter::default();
            highlighter.follow(None, text.as_str().into());
            for _ in 0..40 {
                for _ in 0..dice.below(3) {
                    let start = place_in(&text, &mut dice);
                    let most = if dice.below(8) == 0 { 9_000 } else { 4 };
                    let end = text.ceil_char_boundary((start + dice.below(most)).min(text.len()));
                    let inserted = match dice.below(8) {
                        0 => generated(&mut dice, 5_000),
                        _ => SNIPPETS[dice.below(SNIPPETS.len())].to_owned(),
                    };
                    text.replace_range(start..end, &inserted);
                    let edit = input_edit(start..end, inserted.len());
                    highlighter.follow(Some(edit), text.as_str().into());
                }
                let (one, other) = (dice.below(text.len() + 1), dice.below(text.len() + 1));
                let range = match dice.below(3) {
                    0 => 0..text.len(),
                    _ => one.min(other)..one.max(other),
                };
                let found = read(highlighter.blocks.get_mut(), text.as_str(), range.clone());
                let whole = coloured(&text);
                // A comment that is long is read as far as it is needed.
                let within = |(stretch, kind): &Stretch| {
                    let cut = stretch.start.max(range.start)..stretch.end.min(range.end);
                    (!cut.is_empty()).then_some((cut, *kind))
                };
                let found: Vec<Stretch> = found.iter().filter_map(within).collect();
                let expected: Vec<Stretch> = whole.iter().filter_map(within).collect();
                assert_eq!(found, expected, "round {round}");
            }
        }
    }

    /// A text that counts what is read of it.
    struct Counted {
        text: RopeText,
        bytes: Cell<usize>,
    }

    impl Source for Counted {
        fn len(&self) -> usize {
            self.text.len()
        }

        fn floor(&self, byte: usize) -> usize {
            self.text.floor(byte)
        }

        fn line_start(&self, byte: usize) -> usize {
            Source::line_start(&self.text, byte)
        }

        fn part(&self, range: Range<usize>) -> Cow<'_, str> {
            self.bytes.set(self.bytes.get() + range.len());
            self.text.part(range)
        }
    }

    /// What keys cost in a text, each with the paint of what is around it: the most bytes that one of them read, and the
    /// blocks that there are behind them.
    fn cost_of_keys(lines: usize) -> (usize, usize) {
        let text = "insert into t values (1, 'a;b', f(x.y)); -- c\n".repeat(lines);
        let mut rope = Rope::from(text.as_str());
        let mut blocks = Blocks::default();
        blocks.read_to(text.as_str(), text.len());
        let mut dice = Random::new(7);
        let mut most = 0;
        for place in 0..40 {
            let mut at = match place {
                0 => 0,
                1 => text.len(),
                _ => dice.below(text.len()),
            };
            // What is opened is closed again: else the rest of the text would be one string.
            for key in ["'", "'", "a", "(", "\n", "/*", "*/", "$$", "x", "$$", "."] {
                let counted =
                    |rope: &Rope| Counted { text: rope.clone().into(), bytes: Cell::default() };
                let before = counted(&rope);
                blocks.edited(&before, at..at);
                rope.insert(at, key);
                at += key.len();
                let counted = counted(&rope);
                let sight = at.saturating_sub(2_000)..(at + 2_000).min(rope.len());
                read(&mut blocks, &counted, sight);
                most = most.max(before.bytes.get() + counted.bytes.get());
            }
        }
        (most, blocks.count() * BLOCK_BYTES / rope.len())
    }

    #[test]
    fn a_key_reads_as_much_of_a_long_text_as_of_a_short_one() {
        for lines in [5_000, 45_000, 450_000] {
            let (bytes, blocks) = cost_of_keys(lines);
            assert!(bytes <= 8 * WINDOW_BYTES, "{bytes} bytes for a key");
            assert!(blocks <= 2, "the blocks became small");
        }
    }
}
