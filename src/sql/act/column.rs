//! The definition of a column: its type, and what its constraints say.

use super::{Reader, name, relation, spelled};
use crate::sql::cursor::Piece;
use crate::sql::deed::Object;
use crate::sql::deed::walk::Walk;
use crate::sql::lex::TokenKind;

/// A column as a statement defines it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "what a definition says or does not say")]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type in normal form; empty where there is none (SQLite).
    pub ty: String,
    /// `NOT NULL`, or part of the primary key.
    pub not_null: bool,
    /// The text of its default, in normal form.
    pub default: Option<String>,
    /// Whether the default is computed: it calls something, or names something.
    pub computed_default: bool,
    /// Its value is computed and kept: `GENERATED … STORED`, `PERSISTENT`.
    pub stored: bool,
    /// Its value is computed whenever it is read.
    pub virtual_: bool,
    /// It counts: `serial`, identity, `AUTO_INCREMENT`.
    pub counts: bool,
    /// What it points at.
    pub references: Option<Object>,
    /// `UNIQUE` or `PRIMARY KEY`.
    pub unique: bool,
    /// `CHECK`.
    pub check: bool,
}

/// Where the type ends.
const CONSTRAINTS: &[&str] = &[
    "NOT",
    "NULL",
    "DEFAULT",
    "CONSTRAINT",
    "PRIMARY",
    "UNIQUE",
    "REFERENCES",
    "CHECK",
    "GENERATED",
    "AS",
    "COLLATE",
    "COMMENT",
    "AUTO_INCREMENT",
    "AUTOINCREMENT",
    "FIRST",
    "AFTER",
    "ON",
    "KEY",
    "VIRTUAL",
    "STORED",
    "PERSISTENT",
    "STORAGE",
    "COMPRESSION",
    "INVISIBLE",
    "VISIBLE",
    "DEFERRABLE",
];

/// What a default may be besides a literal without being computed.
const CONSTANTS: &[&str] = &["NULL", "TRUE", "FALSE", "ARRAY", "INTERVAL", "DATE", "TIMESTAMP", "TIME"];

impl Reader {
    /// `name [type] [constraint …]`.
    pub(super) fn column(mut walk: Walk<'_>) -> Option<Column> {
        let mut column = Column { name: name(walk.next()?)?, ..Column::default() };
        let ty = until_constraint(&mut walk);
        column.ty = spelled(ty);
        column.counts = ["serial", "bigserial", "smallserial", "serial4", "serial8", "serial2"]
            .contains(&column.ty.as_str());
        while let Some(piece) = walk.next() {
            column.constraint(piece, &mut walk);
        }
        column.not_null |= column.counts && column.ty.ends_with("serial");
        Some(column)
    }
}

impl Column {
    fn constraint(&mut self, piece: Piece<'_>, walk: &mut Walk<'_>) {
        match piece.text.to_ascii_uppercase().as_str() {
            "NOT" => self.not_null |= walk.eat(&["NULL"]),
            "DEFAULT" => self.take_default(walk),
            "PRIMARY" => {
                walk.eat(&["KEY"]);
                (self.unique, self.not_null) = (true, true);
            }
            "UNIQUE" => self.unique = true,
            "REFERENCES" => self.references = relation(walk),
            "CHECK" => {
                self.check = true;
                until_constraint(walk);
            }
            "GENERATED" => {
                walk.skip_any(&["ALWAYS", "BY", "DEFAULT", "ON", "NULL"]);
                if walk.eat(&["AS", "IDENTITY"]) {
                    (self.counts, self.not_null) = (true, true);
                } else if walk.eat(&["AS"]) {
                    self.computed(walk);
                }
            }
            "AS" => self.computed(walk),
            "AUTO_INCREMENT" => self.counts = true,
            "COMMENT" | "COLLATE" | "AFTER" | "CONSTRAINT" => _ = walk.next(),
            "ON" => _ = walk.eat_any(&["UPDATE", "DELETE"]).and_then(|_| walk.next()),
            _ => {}
        }
    }

    fn computed(&mut self, walk: &mut Walk<'_>) {
        until_constraint(walk);
        self.stored = walk.eat_any(&["STORED", "PERSISTENT"]).is_some();
        self.virtual_ = !self.stored;
    }

    fn take_default(&mut self, walk: &mut Walk<'_>) {
        let from = walk.rest;
        walk.next();
        until_constraint(walk);
        let pieces = &from[..from.len() - walk.rest.len()];
        self.default = Some(spelled(pieces));
        self.computed_default = is_computed(pieces);
    }
}

/// Steps over everything before the next constraint.
fn until_constraint<'a>(walk: &mut Walk<'a>) -> &'a [Piece<'a>] {
    let from = walk.rest;
    let mut depth = 0_usize;
    while let Some(piece) = walk.peek() {
        match piece.kind {
            TokenKind::OpenParen => depth += 1,
            TokenKind::CloseParen => depth = depth.saturating_sub(1),
            TokenKind::Semicolon => break,
            _ if depth == 0 && piece.is_any(CONSTRAINTS) => break,
            _ => {}
        }
        walk.next();
    }
    &from[..from.len() - walk.rest.len()]
}

/// Whether a default is more than a literal, with or without a cast.
fn is_computed(pieces: &[Piece<'_>]) -> bool {
    let mut cast = false;
    for piece in pieces {
        match piece.kind {
            TokenKind::Word | TokenKind::QuotedName if !cast && !piece.is_any(CONSTANTS) => return true,
            TokenKind::Other => cast = piece.text.contains(':') || cast && piece.text == ".",
            // what stands behind a cast is a type, up to its end
            _ => {}
        }
    }
    false
}
