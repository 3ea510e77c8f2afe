//! What definitions are made of: words with their depth, names, and the clauses of a column.
//!
//! Texts are as a database spells them. Nothing here resolves a name: that a text mentions one is all
//! that is known.

use std::ops::Range;

use crate::dialect::Dialect;
use crate::sql::{self, TokenKind};

/// A significant token of a definition.
#[derive(Clone, Debug)]
pub(crate) struct Word<'a> {
    pub(crate) kind: TokenKind,
    pub(crate) text: &'a str,
    pub(crate) span: Range<usize>,
    /// How many parentheses are open around it; of a parenthesis, around what it opens.
    pub(crate) depth: usize,
}

impl Word<'_> {
    /// Whether it is this unquoted word, in any case.
    pub(crate) fn is(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub(crate) fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    /// The same, outside of parentheses.
    pub(crate) fn is_outer(&self, words: &[&str]) -> bool {
        self.depth == 0 && self.is_any(words)
    }

    fn names(&self, dialect: Dialect, name: &str) -> bool {
        match self.kind {
            TokenKind::Word if dialect == Dialect::Postgres => self.text == name,
            TokenKind::Word => self.text.eq_ignore_ascii_case(name),
            TokenKind::QuotedName => unquoted(self.text) == name,
            _ => false,
        }
    }

    /// The name that it stands for, in its own case.
    pub(crate) fn name(&self) -> String {
        unquoted(self.text)
    }
}

/// The significant tokens of a text; the marks of MySQL's executable comments are none.
pub(crate) fn words(dialect: Dialect, text: &str) -> Vec<Word<'_>> {
    let tokens = sql::tokens(dialect, text).unwrap_or_default();
    let mut depth = 0_usize;
    let mut words = Vec::with_capacity(tokens.len());
    for token in tokens.into_iter().filter(|token| token.kind.is_significant()) {
        let spelled = &text[token.span.clone()];
        if token.kind == TokenKind::Other && (spelled.starts_with("/*") || spelled == "*/") {
            continue;
        }
        depth += usize::from(token.kind == TokenKind::OpenParen);
        words.push(Word { kind: token.kind, text: spelled, span: token.span, depth });
        depth = depth.saturating_sub(usize::from(token.kind == TokenKind::CloseParen));
    }
    words
}

/// A name without its quotes, whichever they are.
pub(crate) fn unquoted(text: &str) -> String {
    let quote = match text.as_bytes().first() {
        Some(b'[') if text.len() > 1 => return text[1..text.len() - 1].to_owned(),
        Some(quote @ (b'"' | b'`' | b'\'')) if text.len() > 1 => char::from(*quote),
        _ => return text.to_owned(),
    };
    text[1..text.len() - 1].replace(&format!("{quote}{quote}"), &quote.to_string())
}

/// Whether a text names something of this (unquoted) name, whatever it is.
pub(crate) fn mentions(dialect: Dialect, text: &str, name: &str) -> bool {
    words(dialect, text).iter().any(|word| word.names(dialect, name))
}

/// A name in this database's quotes.
pub(crate) fn quoted(dialect: Dialect, name: &str) -> String {
    match dialect {
        Dialect::MariaDb | Dialect::MySql => format!("`{}`", name.replace('`', "``")),
        Dialect::Postgres | Dialect::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// `public."Odd.one"` → `public` and `"Odd.one"`, as they are spelled; no schema where there is none.
pub(crate) fn qualified(name: &str) -> (Option<&str>, &str) {
    let mut inside = false;
    let mut dot = None;
    for (at, c) in name.char_indices() {
        match c {
            '"' => inside = !inside,
            '.' if !inside => dot = dot.or(Some(at)),
            _ => {}
        }
    }
    dot.map_or((None, name), |at| (Some(&name[..at]), &name[at + 1..]))
}

/// Whether a comment, by its name (`column public.users.id`), is on something or a part of it.
pub(crate) fn concerns(comment: &str, target: &str) -> bool {
    let at = comment.find(&format!(" {target}"));
    at.is_some_and(|at| {
        let rest = &comment[at + 1 + target.len()..];
        rest.is_empty() || rest.starts_with(['.', '(']) || rest.starts_with(" on ")
    }) || comment.ends_with(&format!(" on {target}"))
}

/// The name of an object without the names of its arguments: those do not tell two functions apart.
pub(crate) fn bare_arguments(name: &str) -> String {
    const TYPES: [&str; 7] = [
        "double precision",
        "character varying",
        "bit varying",
        "timestamp with time zone",
        "timestamp without time zone",
        "time with time zone",
        "time without time zone",
    ];
    let Some((base, arguments)) = name.strip_suffix(')').and_then(|name| name.split_once('(')) else {
        return name.to_owned();
    };
    let kind = |argument: &str| {
        let argument = argument.trim();
        let long = TYPES.iter().find(|kind| argument.trim_end_matches("[]").ends_with(**kind));
        match long {
            Some(kind) => argument[argument.trim_end_matches("[]").len() - kind.len()..].to_owned(),
            None => argument.rsplit(' ').next().unwrap_or_default().to_owned(),
        }
    };
    format!("{base}({})", arguments.split(',').map(kind).collect::<Vec<_>>().join(", "))
}

/// Words that end the type of a column.
const AFTER_TYPE: [&str; 23] = [
    "COLLATE",
    "GENERATED",
    "DEFAULT",
    "NOT",
    "NULL",
    "PRIMARY",
    "UNIQUE",
    "CHECK",
    "REFERENCES",
    "CONSTRAINT",
    "AS",
    "COMMENT",
    "AUTO_INCREMENT",
    "ON",
    "INVISIBLE",
    "VISIBLE",
    "STORED",
    "VIRTUAL",
    "PERSISTENT",
    "KEY",
    "CHARSET",
    "SRID",
    "REF_SYSTEM_ID",
];

/// A column's name and type, as they are spelled.
pub(crate) struct Clauses<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: &'a str,
}

/// Takes the text of a column apart.
pub(crate) fn clauses(dialect: Dialect, column: &str) -> Option<Clauses<'_>> {
    let words = words(dialect, column);
    let name = words.first()?;
    let rest = words.iter().skip(1).enumerate().find(|(at, word)| {
        let character_set =
            word.is_outer(&["CHARACTER"]) && words.get(at + 2).is_some_and(|next| next.is_outer(&["SET"]));
        word.is_outer(&AFTER_TYPE) || character_set
    });
    let end = rest.map_or(column.len(), |(_, word)| word.span.start);
    Some(Clauses { name: name.text, kind: column[name.span.end..end].trim() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_quotes() {
        for (text, name) in
            [("\"A\"\"b\"", "A\"b"), ("[A b]", "A b"), ("`a``b`", "a`b"), ("'x'", "x"), ("Ab", "Ab")]
        {
            assert_eq!(unquoted(text), name);
        }
    }

    #[test]
    fn parentheses_are_counted() {
        let depths: Vec<_> = words(Dialect::Sqlite, "a (b, (c)) d")
            .iter()
            .map(|word| (word.text.to_owned(), word.depth))
            .collect();
        let expected =
            [("a", 0), ("(", 1), ("b", 1), (",", 1), ("(", 2), ("c", 2), (")", 2), (")", 1), ("d", 0)];
        assert_eq!(depths, expected.map(|(text, depth)| (text.to_owned(), depth)));
    }

    #[test]
    fn names() {
        assert_eq!(qualified("public.users"), (Some("public"), "users"));
        assert_eq!(qualified("\"a.b\".\"c\"\"d\""), (Some("\"a.b\""), "\"c\"\"d\""));
        assert_eq!(qualified("t"), (None, "t"));
        assert_eq!(
            bare_arguments("s.f(a integer, \"B\" double precision, text[])"),
            "s.f(integer, double precision, text[])"
        );
        assert_eq!(bare_arguments("s.t"), "s.t");
        let on = ["table s.t", "column s.t.a", "constraint c on s.t"];
        assert!(on.iter().all(|comment| concerns(comment, "s.t")));
        assert!(!concerns("table s.tt", "s.t") && !concerns("column s.tt.a", "s.t"));
        assert_eq!(unquoted("\"a\"\"b\""), "a\"b");
        assert!(mentions(Dialect::Postgres, "SELECT t.\"A\" FROM t", "A"));
        assert!(!mentions(Dialect::Postgres, "SELECT 'a' AS b", "a"));
    }

    #[test]
    fn a_column_is_taken_apart() {
        for (dialect, text, expected) in [
            (
                Dialect::Postgres,
                "a character varying(20) DEFAULT 'x' NOT NULL",
                ("a", "character varying(20)"),
            ),
            (Dialect::Postgres, "\"a b\" integer", ("\"a b\"", "integer")),
            (Dialect::MariaDb, "`a` varchar(2) CHARACTER SET utf8mb4 NOT NULL", ("`a`", "varchar(2)")),
            (Dialect::Sqlite, "a", ("a", "")),
            (Dialect::Sqlite, "a PRIMARY KEY", ("a", "")),
        ] {
            let clauses = clauses(dialect, text).unwrap();
            assert_eq!((clauses.name, clauses.kind), expected);
        }
    }
}
