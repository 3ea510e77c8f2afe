//! Each single change that a statement makes, taken apart: for rules that look at how it is made.
//!
//! A deed (`deed`) says what a person has to agree to; an act says what a linter has to know of it: whether a
//! column may be null, whether an index is built concurrently, whether rows are filtered. Read from tokens, for
//! all databases alike. Bodies of routines and `DO` blocks are not looked into, no name is resolved, and what is
//! not understood is [`What::Other`] or, inside of an `ALTER TABLE`, [`What::AlterTable`].

mod alter;
mod column;
mod create;
mod rows;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::cursor::Piece;
use super::deed::walk::Walk;
use super::deed::{Kind, Object};
use super::lex::{LexError, TokenKind};
use super::split::split;
use crate::dialect::Dialect;

pub use column::Column;
pub use rows::{Rows, Verb};

/// One statement of a text, taken apart.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Its bytes in the text.
    pub span: Range<usize>,
    /// What it does, in its order; at least one.
    pub acts: Vec<Act>,
    /// `ALGORITHM = …` (MariaDB, MySQL), in lower case.
    pub algorithm: Option<String>,
    /// `LOCK = …` (MariaDB, MySQL), in lower case.
    pub lock: Option<String>,
}

/// One change.
#[derive(Clone, Debug)]
pub struct Act {
    /// What is done.
    pub what: What,
    /// The bytes of the text that say it.
    pub span: Range<usize>,
}

/// What kind of index is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexKind {
    /// One of the usual ones.
    Plain,
    /// `FULLTEXT`.
    FullText,
    /// `SPATIAL`.
    Spatial,
}

/// What a constraint demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstraintKind {
    /// `CHECK`.
    Check,
    /// `FOREIGN KEY`.
    Foreign,
    /// `UNIQUE`.
    Unique,
    /// `PRIMARY KEY`.
    Primary,
    /// `EXCLUDE`.
    Exclude,
    /// `NOT NULL`.
    NotNull,
}

/// A constraint of a table.
#[derive(Clone, Debug)]
pub struct Constraint {
    /// What it demands.
    pub kind: ConstraintKind,
    /// Its name.
    pub name: Option<String>,
    /// `NOT VALID`.
    pub not_valid: bool,
    /// `USING INDEX`.
    pub using_index: bool,
    /// What a foreign key points at.
    pub references: Option<Object>,
    /// The column of `CHECK (column IS NOT NULL)`.
    pub not_null: Option<String>,
}

/// What one change does. Names are unquoted, those without quotes in lower case.
#[derive(Clone, Debug)]
pub enum What {
    /// `CREATE TABLE`.
    CreateTable {
        /// Which.
        table: Object,
        /// Gone with the session.
        temporary: bool,
        /// `IF NOT EXISTS` or `OR REPLACE`.
        again: bool,
        /// Its columns.
        columns: Vec<Column>,
        /// What its foreign keys point at.
        references: Vec<Object>,
        /// From a query.
        of_rows: bool,
    },
    /// An index comes, by `CREATE INDEX` or `ALTER TABLE`.
    CreateIndex {
        /// Its name.
        name: Option<String>,
        /// Of which table.
        table: Object,
        /// `CONCURRENTLY`.
        concurrently: bool,
        /// `IF NOT EXISTS` or `OR REPLACE`.
        again: bool,
        /// Of which kind.
        kind: IndexKind,
    },
    /// `DROP INDEX`.
    DropIndex {
        /// Which.
        index: Object,
        /// Of which table, where that is said.
        table: Option<Object>,
        /// `CONCURRENTLY`.
        concurrently: bool,
        /// `IF EXISTS`.
        again: bool,
        /// `CASCADE`.
        cascade: bool,
    },
    /// `DROP TABLE`.
    DropTable {
        /// Which.
        table: Object,
        /// `DROP TEMPORARY TABLE`.
        temporary: bool,
        /// `IF EXISTS`.
        again: bool,
        /// `CASCADE`.
        cascade: bool,
    },
    /// Another `DROP`.
    Drop {
        /// Of what kind: `VIEW`, as the statement says it.
        noun: String,
        /// Which.
        object: Object,
        /// `IF EXISTS`.
        again: bool,
        /// `CASCADE`.
        cascade: bool,
    },
    /// A table has another name.
    RenameTable {
        /// The old one.
        from: Object,
        /// The new one.
        to: Object,
    },
    /// A column comes.
    AddColumn {
        /// Of which table.
        table: Object,
        /// The column.
        column: Column,
        /// `IF NOT EXISTS`.
        again: bool,
    },
    /// A column goes.
    DropColumn {
        /// Of which table.
        table: Object,
        /// Which.
        column: String,
        /// `IF EXISTS`.
        again: bool,
        /// `CASCADE`.
        cascade: bool,
    },
    /// A column has another name.
    RenameColumn {
        /// Of which table.
        table: Object,
        /// The old one.
        from: String,
        /// The new one.
        to: String,
    },
    /// A column has another type.
    SetType {
        /// Of which table.
        table: Object,
        /// Which.
        column: String,
        /// The new one, in its normal form.
        ty: String,
        /// `USING` an expression.
        using: bool,
    },
    /// A column is defined anew: `MODIFY`, or `CHANGE` without another name.
    Redefine {
        /// Of which table.
        table: Object,
        /// The old name.
        old: String,
        /// The column.
        column: Column,
    },
    /// `ALTER COLUMN … SET NOT NULL`.
    SetNotNull {
        /// Of which table.
        table: Object,
        /// Which.
        column: String,
    },
    /// A constraint comes.
    AddConstraint {
        /// Of which table.
        table: Object,
        /// Which.
        constraint: Constraint,
    },
    /// `VALIDATE CONSTRAINT`.
    Validate {
        /// Of which table.
        table: Object,
        /// Its name.
        name: String,
    },
    /// Another clause of an `ALTER TABLE`.
    AlterTable {
        /// Which table.
        table: Object,
        /// Its normal form.
        words: String,
        /// `CASCADE`.
        cascade: bool,
    },
    /// Rows come, change or go.
    Rows(Rows),
    /// `ALTER TYPE … ADD VALUE`.
    AddEnumValue {
        /// Of which type.
        ty: Object,
        /// `IF NOT EXISTS`.
        again: bool,
    },
    /// Something else comes: a view, a type, a trigger.
    Create {
        /// Of what kind: `VIEW`, as the statement says it.
        noun: String,
        /// Which.
        object: Option<Object>,
        /// The table that it is on.
        table: Option<Object>,
        /// `IF NOT EXISTS` or `OR REPLACE`.
        again: bool,
    },
    /// Anything else.
    Other,
}

impl What {
    /// The table that it changes, which must have been there before.
    pub fn table(&self) -> Option<&Object> {
        match self {
            Self::CreateIndex { table, .. }
            | Self::DropTable { table, .. }
            | Self::RenameTable { from: table, .. }
            | Self::AddColumn { table, .. }
            | Self::DropColumn { table, .. }
            | Self::RenameColumn { table, .. }
            | Self::SetType { table, .. }
            | Self::Redefine { table, .. }
            | Self::SetNotNull { table, .. }
            | Self::AddConstraint { table, .. }
            | Self::Validate { table, .. }
            | Self::AlterTable { table, .. } => Some(table),
            Self::DropIndex { table, .. } | Self::Create { table, .. } => table.as_ref(),
            Self::Rows(rows) => Some(&rows.table),
            Self::CreateTable { .. } | Self::Drop { .. } | Self::AddEnumValue { .. } | Self::Other => None,
        }
    }

    /// Whether it changes the definition of a table.
    pub const fn is_schema(&self) -> bool {
        !matches!(self, Self::Rows(_) | Self::Other | Self::Validate { .. })
    }
}

/// Everything that the statements of a text do.
///
/// ```
/// use db_migrations::{dialect::Dialect, sql::{acts, What}};
/// let read = acts(Dialect::Postgres, "ALTER TABLE users ADD age int NOT NULL, DROP nick;").unwrap();
/// assert!(matches!(&read[0].acts[0].what, What::AddColumn { column, .. } if column.not_null));
/// assert!(matches!(&read[0].acts[1].what, What::DropColumn { column, .. } if column == "nick"));
/// ```
pub fn acts(dialect: Dialect, text: &str) -> Result<Vec<Reading>, LexError> {
    let statements = split(dialect, text)?;
    Ok(statements.into_iter().map(|statement| reading(dialect, text, statement.span)).collect())
}

/// The words and names of a statement, without quotes and in lower case.
pub fn words(dialect: Dialect, statement: &str) -> impl Iterator<Item = String> {
    super::cursor::Cursor::new(dialect, statement).map(|piece| piece.unquoted().to_lowercase())
}

/// How deep a statement is nested: parentheses, brackets, `CASE`, and signs and `NOT` before each other; ten links of a
/// chain of operators count as one step.
pub fn nesting(dialect: Dialect, statement: &str) -> usize {
    let (mut depth, mut run, mut chain, mut deepest) = (0_usize, 0_usize, 0_usize, 0_usize);
    for piece in super::cursor::Cursor::new(dialect, statement) {
        let opens = piece.kind == TokenKind::OpenParen || piece.text == "[" || piece.is("CASE");
        let closes = piece.kind == TokenKind::CloseParen || piece.text == "]" || piece.is("END");
        if opens {
            depth += 1;
        } else if closes {
            depth = depth.saturating_sub(1);
        }
        run = if piece.is("NOT") || piece.kind == TokenKind::Other { run + 1 } else { 0 };
        match piece.kind {
            TokenKind::Comma => chain = 0,
            TokenKind::Other => chain += 1,
            _ if piece.is_any(&["AND", "OR", "UNION", "JOIN"]) => chain += 1,
            _ => {}
        }
        deepest = deepest.max(depth + run).max(chain / 10);
    }
    deepest
}

/// Where the first run of these words ends in a text.
pub fn behind(dialect: Dialect, text: &str, wanted: &[&str]) -> Option<usize> {
    let mut cursor = super::cursor::Cursor::new(dialect, text);
    while cursor.peek().is_some() {
        let mut ahead = cursor.clone();
        if ahead.eat(wanted) {
            let last = cursor.nth(wanted.len() - 1)?;
            return Some(last.at + last.text.len());
        }
        cursor.next();
    }
    None
}

fn reading(dialect: Dialect, text: &str, span: Range<usize>) -> Reading {
    let pieces = super::deed::pieces(dialect, &text[span.clone()], span.start);
    let mut reader = Reader { dialect, acts: Vec::new(), algorithm: None, lock: None };
    let mut walk = Walk::new(&pieces);
    // `SET STATEMENT max_statement_time = 0 FOR …` (MariaDB)
    let mut ahead = walk;
    if reader.is_mysql() && ahead.eat(&["SET", "STATEMENT"]) && ahead.find(&["FOR"]) {
        walk = ahead;
    }
    if let Some(first) = walk.peek() {
        let mut rest = walk;
        rest.next();
        match first.text.to_ascii_uppercase().as_str() {
            "CREATE" => reader.create(walk, rest),
            "ALTER" => reader.alter(walk, rest),
            "DROP" => reader.drop(walk, rest),
            "RENAME" => reader.rename_tables(rest),
            "INSERT" | "REPLACE" | "UPDATE" | "DELETE" | "TRUNCATE" | "WITH" | "MERGE" => reader.rows(walk),
            _ => {}
        }
    }
    if reader.acts.is_empty() {
        reader.acts.push(Act { what: What::Other, span: span.clone() });
    }
    Reading { span, acts: reader.acts, algorithm: reader.algorithm, lock: reader.lock }
}

/// Reads one statement.
struct Reader {
    dialect: Dialect,
    acts: Vec<Act>,
    algorithm: Option<String>,
    lock: Option<String>,
}

impl Reader {
    const fn is_mysql(&self) -> bool {
        matches!(self.dialect, Dialect::MariaDb | Dialect::MySql)
    }

    /// What these pieces say.
    fn push(&mut self, walk: Walk<'_>, what: What) {
        self.acts.push(Act { what, span: span(walk) });
    }
}

fn span(walk: Walk<'_>) -> Range<usize> {
    let start = walk.rest.first().map_or(0, |piece| piece.at);
    let last = walk.rest.iter().rev().find(|piece| piece.kind != TokenKind::Semicolon);
    start..last.map_or(start, |piece| piece.at + piece.text.len())
}

/// A name without quotes.
fn name(piece: Piece<'_>) -> Option<String> {
    let is_name = matches!(piece.kind, TokenKind::Word | TokenKind::QuotedName | TokenKind::Text);
    is_name.then(|| piece.unquoted())
}

fn relation(walk: &mut Walk<'_>) -> Option<Object> {
    walk.object(Kind::Relation)
}

/// Tokens in one line: lower-case words, no blank beside parentheses and commas.
fn spelled(pieces: &[Piece<'_>]) -> String {
    let mut text = String::new();
    let mut glued = true;
    for piece in pieces {
        let glue = matches!(piece.kind, TokenKind::OpenParen | TokenKind::CloseParen | TokenKind::Comma)
            || matches!(piece.text, "." | ":");
        if !glued && !glue {
            text.push(' ');
        }
        match piece.kind {
            TokenKind::Word => text.push_str(&piece.text.to_ascii_lowercase()),
            _ => text.push_str(piece.text),
        }
        glued = glue && piece.kind != TokenKind::CloseParen;
    }
    text
}
