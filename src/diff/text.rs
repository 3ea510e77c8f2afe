//! What definitions are made of: words with their depth, names, and the clauses of a column.
//!
//! Texts are as a database spells them. Nothing here resolves a name: that a text mentions one is all
//! that is known.

use crate::dialect::Dialect;
use crate::sql::{self, TokenKind};

/// A significant token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    pub(super) kind: TokenKind,
    pub(super) text: &'a str,
    /// Where it begins.
    pub(super) at: usize,
    /// How many parentheses are open; those themselves count as outside.
    pub(super) depth: usize,
}

impl Word<'_> {
    /// Whether it is one of these unquoted words, outside of parentheses.
    pub(super) fn is_any(&self, words: &[&str]) -> bool {
        let is = |word: &&str| self.text.eq_ignore_ascii_case(word);
        self.kind == TokenKind::Word && self.depth == 0 && words.iter().any(is)
    }

    pub(super) const fn end(&self) -> usize {
        self.at + self.text.len()
    }

    fn names(&self, dialect: Dialect, name: &str) -> bool {
        match self.kind {
            TokenKind::Word if dialect == Dialect::Postgres => self.text == name,
            TokenKind::Word => self.text.eq_ignore_ascii_case(name),
            TokenKind::QuotedName => unquoted(self.text) == name,
            _ => false,
        }
    }
}

/// The significant tokens of a text.
pub(super) fn words(dialect: Dialect, text: &str) -> Vec<Word<'_>> {
    let mut depth = 0_usize;
    let mut words = Vec::new();
    for token in sql::tokens(dialect, text).unwrap_or_default() {
        if !token.kind.is_significant() {
            continue;
        }
        if token.kind == TokenKind::CloseParen {
            depth = depth.saturating_sub(1);
        }
        words.push(Word { kind: token.kind, text: &text[token.span.clone()], at: token.span.start, depth });
        if token.kind == TokenKind::OpenParen {
            depth += 1;
        }
    }
    words
}

/// Whether a text names something of this (unquoted) name, whatever it is.
pub(super) fn mentions(dialect: Dialect, text: &str, name: &str) -> bool {
    words(dialect, text).iter().any(|word| word.names(dialect, name))
}

/// A name without its quotes.
pub(super) fn unquoted(name: &str) -> String {
    for (open, close) in [('"', '"'), ('`', '`'), ('[', ']')] {
        if let Some(inner) = name.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)) {
            return inner.replace(&format!("{close}{close}"), &close.to_string());
        }
    }
    name.to_owned()
}

/// A name in this database's quotes.
pub(super) fn quoted(dialect: Dialect, name: &str) -> String {
    match dialect {
        Dialect::MariaDb | Dialect::MySql => format!("`{}`", name.replace('`', "``")),
        Dialect::Postgres | Dialect::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// `public."Odd.one"` → `public` and `"Odd.one"`, as they are spelled; no schema where there is none.
pub(super) fn qualified(name: &str) -> (Option<&str>, &str) {
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

/// The name of an object without the names of its arguments: those do not tell two functions apart.
pub(super) fn bare_arguments(name: &str) -> String {
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
pub(super) struct Clauses<'a> {
    pub(super) name: &'a str,
    pub(super) kind: &'a str,
}

/// Takes the text of a column apart.
pub(super) fn clauses(dialect: Dialect, column: &str) -> Option<Clauses<'_>> {
    let words = words(dialect, column);
    let name = words.first()?;
    let rest = words.iter().skip(1).enumerate().find(|(at, word)| {
        let character_set =
            word.is_any(&["CHARACTER"]) && words.get(at + 2).is_some_and(|next| next.is_any(&["SET"]));
        word.is_any(&AFTER_TYPE) || character_set
    });
    let end = rest.map_or(column.len(), |(_, word)| word.at);
    Some(Clauses { name: name.text, kind: column[name.end()..end].trim() })
}

#[cfg(test)]
mod tests {
    use super::*;

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
