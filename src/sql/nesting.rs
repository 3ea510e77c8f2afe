//! Which semicolons end a statement and which stand inside one.
//!
//! Inside stand those between parentheses on PostgreSQL (`CREATE RULE … DO (a; b)`) and those of a
//! body: `BEGIN ATOMIC … END` there, the `BEGIN … END` of a trigger on SQLite. Both grammars demand
//! a semicolon after each statement of a body, so the `END` that closes it is the one right after a
//! semicolon; that of a `CASE`, or a column of that name, never is. On MariaDB and MySQL blocks nest
//! and need more than that: see `program`.

mod program;

use std::ops::Range;

use super::cursor::Piece;
use super::lex::TokenKind;
use crate::dialect::Dialect;
use program::Program;

/// The state between two tokens of a statement.
pub(super) enum Nesting<'a> {
    /// PostgreSQL and SQLite.
    Body(Body<'a>),
    /// MariaDB and MySQL.
    Program(Program<'a>),
}

impl<'a> Nesting<'a> {
    pub(super) const fn new(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Postgres => Self::Body(Body::new(true)),
            Dialect::Sqlite => Self::Body(Body::new(false)),
            Dialect::MariaDb | Dialect::MySql => Self::Program(Program::new()),
        }
    }

    /// Takes the next significant token; says whether it is a semicolon that ends the statement.
    pub(super) fn ends_statement(&mut self, piece: Piece<'a>) -> bool {
        match self {
            Self::Body(body) => body.ends_statement(piece),
            Self::Program(program) => program.ends_statement(piece),
        }
    }

    /// Whether semicolons may stand inside of the statement (MariaDB, MySQL).
    pub(super) const fn is_program(&self) -> bool {
        match self {
            Self::Body(_) => false,
            Self::Program(program) => program.is_program(),
        }
    }

    /// The token that opened a body which is still open.
    pub(super) fn open_body(&self) -> Option<Range<usize>> {
        match self {
            Self::Body(body) => body.opened.clone(),
            Self::Program(program) => program.open_body(),
        }
    }
}

/// How far the beginning of a statement has said what it creates.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Head {
    Start,
    Create,
    /// Creates something that can have a body.
    Routine,
    Plain,
}

/// A body that does not nest.
pub(super) struct Body<'a> {
    postgres: bool,
    head: Head,
    parens: usize,
    /// The token that opened it, as long as it is open.
    opened: Option<Range<usize>>,
    previous: &'a str,
}

impl<'a> Body<'a> {
    const fn new(postgres: bool) -> Self {
        Self { postgres, head: Head::Start, parens: 0, opened: None, previous: ";" }
    }

    fn ends_statement(&mut self, piece: Piece<'a>) -> bool {
        match piece.kind {
            TokenKind::Semicolon if self.opened.is_none() && self.parens == 0 => return true,
            TokenKind::OpenParen if self.postgres => self.parens += 1,
            TokenKind::CloseParen => self.parens = self.parens.saturating_sub(1),
            TokenKind::Word if self.head == Head::Routine => self.body_word(piece),
            TokenKind::Word => self.head = self.head_word(piece),
            _ if self.head == Head::Start => self.head = Head::Plain,
            _ => {}
        }
        self.previous = piece.text;
        false
    }

    fn head_word(&self, piece: Piece<'a>) -> Head {
        let (before, between, routines): (&[&str], &[&str], &[&str]) = if self.postgres {
            (&[], &["OR", "REPLACE"], &["FUNCTION", "PROCEDURE"])
        } else {
            (&["EXPLAIN", "QUERY", "PLAN"], &["TEMP", "TEMPORARY"], &["TRIGGER"])
        };
        match self.head {
            Head::Start if piece.is("CREATE") => Head::Create,
            Head::Start if piece.is_any(before) => Head::Start,
            Head::Create if piece.is_any(routines) => Head::Routine,
            Head::Create if piece.is_any(between) => Head::Create,
            _ => Head::Plain,
        }
    }

    fn body_word(&mut self, piece: Piece<'a>) {
        let after = |word: &str| self.previous.eq_ignore_ascii_case(word);
        let in_body = self.opened.is_some();
        let (opens, closes) = if self.postgres {
            let opens = piece.is("ATOMIC") && after("BEGIN") && self.parens == 0;
            (opens, after(";") || after("ATOMIC"))
        } else {
            (piece.is("BEGIN"), after(";"))
        };
        if in_body && closes && piece.is("END") {
            self.head = Head::Plain;
            self.opened = None;
        } else if !in_body && opens {
            self.opened = Some(piece.at..piece.at + piece.text.len());
        }
    }
}
