//! `CREATE …`.

use super::alter::constraint;
use super::{IndexKind, Reader, What, name, relation};
use crate::sql::deed::Kind;
use crate::sql::deed::walk::Walk;
use crate::sql::lex::TokenKind;

/// Words before the thing that is created.
const BEFORE: &[&str] = &[
    "OR",
    "REPLACE",
    "GLOBAL",
    "LOCAL",
    "UNLOGGED",
    "UNIQUE",
    "MATERIALIZED",
    "RECURSIVE",
    "CONSTRAINT",
    "FOREIGN",
    "TRUSTED",
    "PROCEDURAL",
    "AGGREGATE",
    "ONLINE",
    "OFFLINE",
    "EVENT",
];

impl Reader {
    pub(super) fn create(&mut self, whole: Walk<'_>, mut walk: Walk<'_>) {
        let replaces = walk.has(&["OR", "REPLACE"]);
        let (mut temporary, mut kind) = (false, IndexKind::Plain);
        loop {
            walk.skip_any(BEFORE);
            match walk.eat_any(&["TEMP", "TEMPORARY", "FULLTEXT", "SPATIAL", "DEFINER", "SQL", "ALGORITHM"]) {
                Some("TEMP" | "TEMPORARY") => temporary = true,
                Some("FULLTEXT") => kind = IndexKind::FullText,
                Some("SPATIAL") => kind = IndexKind::Spatial,
                Some("DEFINER" | "ALGORITHM") => skip_value(&mut walk),
                Some(_) => _ = walk.eat_any(&["SECURITY"]).and_then(|_| walk.next()),
                None => break,
            }
        }
        let Some(noun) = walk.next().filter(|piece| piece.kind == TokenKind::Word) else { return };
        let concurrently = walk.rest.first().is_some_and(|piece| piece.is("CONCURRENTLY"));
        walk.eat(&["CONCURRENTLY"]);
        let again = walk.eat(&["IF", "NOT", "EXISTS"]) || replaces;
        if noun.is("INDEX") {
            self.options_at_end(walk);
            return self.create_index(whole, walk, (concurrently, again, kind));
        }
        if noun.is("TABLE") {
            if replaces && !temporary && self.is_mysql() {
                let mut ahead = walk;
                if let Some(table) = relation(&mut ahead) {
                    self.push(whole, What::DropTable { table, temporary, again, cascade: false });
                }
            }
            return self.create_table(whole, walk, temporary, again);
        }
        self.create_other(whole, walk, noun.text.to_ascii_uppercase(), again);
    }

    fn create_index(&mut self, whole: Walk<'_>, mut walk: Walk<'_>, how: (bool, bool, IndexKind)) {
        let (concurrently, again, kind) = how;
        let label = if walk.next_is("ON") { None } else { walk.object(Kind::Index).map(|index| index.name) };
        if !walk.find(&["ON"]) {
            return;
        }
        walk.skip_conditions();
        if let Some(table) = relation(&mut walk) {
            self.push(whole, What::CreateIndex { name: label, table, concurrently, again, kind });
        }
    }

    fn create_table(&mut self, whole: Walk<'_>, mut walk: Walk<'_>, temporary: bool, again: bool) {
        let Some(table) = relation(&mut walk) else { return };
        let (mut columns, mut references) = (Vec::new(), Vec::new());
        if walk.peek().is_some_and(|piece| piece.kind == TokenKind::OpenParen) {
            for clause in Walk::new(inside(&mut walk)).clauses() {
                let mut rest = clause;
                let label = if rest.eat(&["CONSTRAINT"]) { rest.next().and_then(name) } else { None };
                match constraint(rest, label) {
                    Some(constraint) => references.extend(constraint.references),
                    None if is_key(rest) => {}
                    None => columns.extend(Self::column(rest)),
                }
            }
            references.extend(columns.iter().filter_map(|column| column.references.clone()));
        }
        let of_rows = walk.has(&["SELECT"]) || walk.has(&["PARTITION", "OF"]);
        self.push(whole, What::CreateTable { table, temporary, again, columns, references, of_rows });
    }

    fn create_other(&mut self, whole: Walk<'_>, mut walk: Walk<'_>, noun: String, again: bool) {
        let kind = match noun.as_str() {
            "VIEW" => Kind::Relation,
            "TYPE" | "DOMAIN" => Kind::Type,
            "FUNCTION" | "PROCEDURE" => Kind::Function,
            "TRIGGER" | "RULE" => Kind::Trigger,
            "SEQUENCE" => Kind::Sequence,
            "SCHEMA" => Kind::Schema,
            _ => Kind::Other,
        };
        let object = walk.object(kind);
        let on = kind == Kind::Trigger && noun == "TRIGGER" && walk.find(&["ON"]);
        let table = if on { relation(&mut walk) } else { None };
        self.push(whole, What::Create { noun, object, table, again });
    }
}

/// `= value` behind `DEFINER` and `ALGORITHM`; a user may have a host.
fn skip_value(walk: &mut Walk<'_>) {
    walk.eat_sign("=");
    walk.next();
    while walk.peek().is_some_and(|piece| piece.text.starts_with('@') || piece.kind == TokenKind::OpenParen) {
        let lone = walk.next().is_some_and(|piece| piece.text == "@");
        if lone || walk.peek().is_some_and(|piece| piece.kind == TokenKind::CloseParen) {
            walk.next();
        }
    }
}

/// What stands in the parentheses that come next.
fn inside<'a>(walk: &mut Walk<'a>) -> &'a [crate::sql::cursor::Piece<'a>] {
    let from = walk.rest;
    let mut depth = 0_usize;
    while let Some(piece) = walk.next() {
        match piece.kind {
            TokenKind::OpenParen => depth += 1,
            TokenKind::CloseParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    &from[1..(from.len() - walk.rest.len()).saturating_sub(1).max(1)]
}

/// An index in the list of a `CREATE TABLE` (MariaDB, MySQL).
fn is_key(walk: Walk<'_>) -> bool {
    let [first, second, rest @ ..] = walk.rest else { return false };
    let opens = |piece: &crate::sql::cursor::Piece<'_>| piece.kind == TokenKind::OpenParen;
    let words = &["INDEX", "KEY", "FULLTEXT", "SPATIAL"];
    first.is_any(words)
        && (opens(second) || second.is_any(&["INDEX", "KEY"]) || rest.first().is_some_and(opens))
        || first.is("LIKE")
        || first.is("PERIOD") && second.is("FOR")
}
