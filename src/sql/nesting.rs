//! Which semicolons end a statement and which stand inside one.
//!
//! Inside stand those between parentheses on PostgreSQL (`CREATE RULE … DO (a; b)`) and those of a
//! body: `BEGIN ATOMIC … END` there, the `BEGIN … END` of a trigger on SQLite. Both grammars demand
//! a semicolon after each statement of a body, so the `END` that closes it is the one right after a
//! semicolon; that of a `CASE`, or a column of that name, never is. On MariaDB and MySQL blocks nest
//! and are counted; a routine without a `BEGIN`, and `DELIMITER`, are not known yet.

use std::ops::Range;

use super::lex::TokenKind;
use crate::dialect::Dialect;

/// How far the beginning of a statement has said what it creates.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Head {
    Start,
    Create,
    /// Creates something that can have a body.
    Routine,
    Plain,
}

/// The state between two tokens of a statement.
pub(super) struct Nesting<'a> {
    dialect: Dialect,
    head: Head,
    parens: usize,
    /// Open blocks; negative for a moment in `END IF` on MariaDB and MySQL.
    blocks: isize,
    /// The token that opened the body.
    opened: Option<Range<usize>>,
    previous: &'a str,
}

impl<'a> Nesting<'a> {
    pub(super) const fn new(dialect: Dialect) -> Self {
        Self { dialect, head: Head::Start, parens: 0, blocks: 0, opened: None, previous: ";" }
    }

    /// Takes the next significant token; says whether it is a semicolon that ends the statement.
    pub(super) fn ends_statement(&mut self, kind: TokenKind, text: &'a str, span: &Range<usize>) -> bool {
        match kind {
            TokenKind::Semicolon if self.blocks <= 0 && self.parens == 0 => return true,
            TokenKind::OpenParen if self.dialect == Dialect::Postgres => self.parens += 1,
            TokenKind::CloseParen => self.parens = self.parens.saturating_sub(1),
            TokenKind::Word if self.head == Head::Routine => self.body_word(text, span),
            TokenKind::Word => self.head = self.head_word(text),
            TokenKind::Other if self.head == Head::Start && text.starts_with("/*") => {}
            _ if self.head == Head::Start => self.head = Head::Plain,
            _ => {}
        }
        self.previous = text;
        false
    }

    /// The token that opened a body which is still open.
    pub(super) fn open_body(&self) -> Option<Range<usize>> {
        self.opened.clone().filter(|_| self.blocks > 0)
    }

    fn head_word(&self, text: &str) -> Head {
        let is_any = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
        let (before, between, routines): (&[&str], &[&str], &[&str]) = match self.dialect {
            Dialect::Postgres => (&[], &["OR", "REPLACE"], &["FUNCTION", "PROCEDURE"]),
            Dialect::Sqlite => (&["EXPLAIN", "QUERY", "PLAN"], &["TEMP", "TEMPORARY"], &["TRIGGER"]),
            Dialect::MariaDb | Dialect::MySql => {
                (&[], &["OR", "REPLACE", "AGGREGATE"], &["FUNCTION", "PROCEDURE", "TRIGGER", "EVENT"])
            }
        };
        match self.head {
            Head::Start if is_any(&["CREATE"]) => Head::Create,
            Head::Start if is_any(before) => Head::Start,
            Head::Create if is_any(routines) => Head::Routine,
            Head::Create if is_any(between) || self.is_definer(text) => Head::Create,
            _ => Head::Plain,
        }
    }

    /// `DEFINER = user@host` stands before the kind of what is created.
    fn is_definer(&self, text: &str) -> bool {
        let mysql = matches!(self.dialect, Dialect::MariaDb | Dialect::MySql);
        mysql && (text.eq_ignore_ascii_case("DEFINER") || matches!(self.previous, "=" | "@"))
    }

    fn body_word(&mut self, text: &str, span: &Range<usize>) {
        let is = |word: &str| text.eq_ignore_ascii_case(word);
        let after = |word: &str| self.previous.eq_ignore_ascii_case(word);
        let in_body = self.opened.is_some();
        match self.dialect {
            Dialect::Postgres => match () {
                () if in_body && is("END") && (after(";") || after("ATOMIC")) => self.blocks = 0,
                () if !in_body && is("ATOMIC") && after("BEGIN") && self.parens == 0 => self.open(span),
                () => {}
            },
            Dialect::Sqlite => match () {
                () if in_body && is("END") && after(";") => self.blocks = 0,
                () if !in_body && is("BEGIN") => self.open(span),
                () => {}
            },
            Dialect::MariaDb | Dialect::MySql => match () {
                () if after(".") => {}
                () if is("END") => self.blocks -= 1,
                () if after("END")
                    && ["IF", "LOOP", "WHILE", "REPEAT", "FOR"].iter().any(|word| is(word)) =>
                {
                    self.blocks += 1;
                }
                () if is("BEGIN") || (is("CASE") && !after("END")) => self.open(span),
                () => {}
            },
        }
    }

    fn open(&mut self, span: &Range<usize>) {
        self.blocks += 1;
        self.opened.get_or_insert_with(|| span.clone());
    }
}
