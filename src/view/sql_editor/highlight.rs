//! Colours for SQL, from PostgreSQL's own lexical rules: what a dollar quote or a nested comment
//! holds is never taken for a keyword, and unfinished text is coloured as far as it goes.

use std::ops::Range;
use std::rc::Rc;

use gpui::component::input::{
    EditorState, FoldRange, HighlightStyleResolver, InputEdit, InputHighlighter,
    InputHighlighterFactory, Rope,
};
use gpui::{Context, HighlightStyle, SharedString, Window};
use squawk_lexer::{LiteralKind, Token, TokenKind, tokenize};

/// What a stretch of SQL is, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A word of the language.
    Keyword,
    /// A string of any form.
    Text,
    /// A number, TRUE or FALSE, or a parameter.
    Number,
    /// A comment.
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

/// The coloured stretches of a text, in order; what lies between them is plain.
pub fn coloured(text: &str) -> Vec<Stretch> {
    let mut found = Vec::new();
    read_on(text, 0, |stretch| {
        found.push(stretch);
        true
    });
    found
}

/// Reads tokens from a place between two tokens, and goes on for as long as it is told to.
fn read_on(text: &str, from: usize, mut found: impl FnMut(Stretch) -> bool) {
    let mut start = from;
    let mut after_dot = false;
    let mut tokens = tokenize(text.get(from..).unwrap_or_default()).peekable();
    while let Some(token) = tokens.next() {
        let end = start + token.len as usize;
        let called = tokens
            .peek()
            .is_some_and(|next| next.kind == TokenKind::OpenParen);
        let word = text.get(start..end).unwrap_or_default();
        let kind = kind_of(token, word, called, after_dot);
        if kind != Kind::Plain && !found((start..end, kind)) {
            return;
        }
        after_dot = token.kind == TokenKind::Dot;
        start = end;
    }
}

/// The stretches after an edit. Tokens do not depend on what came long before them, so reading
/// starts a little before the edit and ends where it meets a stretch that was there before.
fn recoloured(old: &[Stretch], edit: &InputEdit, text: &str) -> Vec<Stretch> {
    // A token can depend on the one after it, so one stretch more than was touched is read again.
    let touched = old.partition_point(|(range, _)| range.end < edit.start_byte);
    let kept = touched.saturating_sub(1);
    let mut stretches = old.get(..kept).unwrap_or_default().to_vec();
    let from = stretches.last().map_or(0, |(range, _)| range.end);
    let later = old.partition_point(|(range, _)| range.start < edit.old_end_byte);
    let shifted = |at: usize| at - edit.old_end_byte + edit.new_end_byte;
    let mut rest = old.get(later..).unwrap_or_default().iter().peekable();
    let mut met = false;
    read_on(text, from, |(range, kind)| {
        while rest
            .next_if(|(old, _)| shifted(old.start) < range.start)
            .is_some()
        {}
        met = rest.peek().is_some_and(|(old, old_kind)| {
            (shifted(old.start), shifted(old.end), *old_kind) == (range.start, range.end, kind)
        });
        if !met {
            stretches.push((range, kind));
        }
        !met
    });
    // When reading came to the end without meeting anything, what is left over is gone.
    if met {
        let moved = |(range, kind): &Stretch| (shifted(range.start)..shifted(range.end), *kind);
        stretches.extend(rest.map(moved));
    }
    stretches
}

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
    stretches: Vec<Stretch>,
    /// Bytes in the text that the stretches belong to.
    length: usize,
}

impl SqlHighlighter {
    /// Takes an edit over, or reads the whole text where the edit is not one of the text it knows.
    fn follow(&mut self, edit: Option<InputEdit>, text: &str) {
        let known = edit.filter(|edit| {
            edit.old_end_byte <= self.length
                && self.length - edit.old_end_byte + edit.new_end_byte == text.len()
        });
        self.stretches = match known {
            Some(edit) => recoloured(&self.stretches, &edit, text),
            None => coloured(text),
        };
        self.length = text.len();
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
        self.follow(edit, &text.to_string());
    }

    fn styles(
        &self,
        range: &Range<usize>,
        resolver: &dyn HighlightStyleResolver,
    ) -> Vec<(Range<usize>, HighlightStyle)> {
        let mut runs = Vec::new();
        let mut at = range.start;
        let first = self
            .stretches
            .partition_point(|(stretch, _)| stretch.end <= range.start);
        for (stretch, kind) in self.stretches.iter().skip(first) {
            if stretch.start >= range.end {
                break;
            }
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
const CALLABLE: [&str; 9] = [
    "coalesce",
    "greatest",
    "least",
    "left",
    "normalize",
    "nullif",
    "replace",
    "right",
    "row",
];

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
    use gpui::component::input::Point;

    use super::*;

    #[track_caller]
    fn assert_kinds(sql: &str, expected: &[(&str, Kind)]) {
        let found: Vec<(&str, Kind)> = coloured(sql)
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
        assert_kinds(
            "select 'from here",
            &[("select", Kind::Keyword), ("'from here", Kind::Text)],
        );
    }

    #[test]
    fn a_comment_inside_a_comment_does_not_end_it() {
        assert_kinds(
            "/* a /* b */ select */",
            &[("/* a /* b */ select */", Kind::Comment)],
        );
    }

    #[test]
    fn a_column_that_is_called_like_a_keyword_stays_a_column_after_a_dot() {
        assert_kinds("o.order", &[]);
        assert_kinds(
            "left(a, 1)",
            &[("left", Kind::Function), ("1", Kind::Number)],
        );
    }

    #[test]
    fn styles_cover_any_range_without_gaps() {
        struct Named;
        impl HighlightStyleResolver for Named {
            fn style(&self, name: &str) -> Option<HighlightStyle> {
                (name == "keyword").then(|| HighlightStyle {
                    fade_out: Some(0.5),
                    ..Default::default()
                })
            }
        }
        let highlighter = SqlHighlighter {
            stretches: coloured("select a from b"),
            length: 15,
        };
        let runs = highlighter.styles(&(3..12), &Named);
        let ranges: Vec<Range<usize>> = runs.iter().map(|(range, _)| range.clone()).collect();
        assert_eq!(ranges, [3..6, 6..9, 9..12]);
        assert_eq!(runs[0].1.fade_out, Some(0.5));
        assert_eq!(runs[1].1, HighlightStyle::default());
    }

    /// Every edit of a small text by every snippet that can change how the rest reads.
    #[test]
    fn after_any_edit_the_colours_are_those_of_the_whole_text() {
        let text = "select a.left(x), 'it''s' -- c\n/* b */ from $q$ t $q$ where f (1) = \"i\"(2)";
        let snippets = [
            "", "x", "'", "(", "--", "/*", "*/", "$q$", ".", " ", "\n", "\"", "select",
        ];
        for start in 0..=text.len() {
            for end in start..=text.len().min(start + 3) {
                for snippet in snippets {
                    let after = format!("{}{snippet}{}", &text[..start], &text[end..]);
                    let mut highlighter = SqlHighlighter::default();
                    highlighter.follow(None, text);
                    let edit = InputEdit {
                        start_byte: start,
                        old_end_byte: end,
                        new_end_byte: start + snippet.len(),
                        start_position: Point::new(0, 0),
                        old_end_position: Point::new(0, 0),
                        new_end_position: Point::new(0, 0),
                    };
                    highlighter.follow(Some(edit), &after);
                    assert_eq!(highlighter.stretches, coloured(&after), "{after:?}");
                }
            }
        }
    }
}
