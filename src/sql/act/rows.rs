//! Changes of rows: how many of them a statement touches, as far as its words say.

use super::{Reader, What, name, relation};
use crate::sql::cursor::Piece;
use crate::sql::deed::Object;
use crate::sql::deed::walk::Walk;
use crate::sql::lex::TokenKind;

/// What is done to rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// They come.
    Insert,
    /// They change.
    Update,
    /// They go.
    Delete,
    /// All of them go.
    Truncate,
    /// They come, change or go.
    Merge,
}

/// A change of rows.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what a statement says or does not say")]
pub struct Rows {
    /// What is done.
    pub verb: Verb,
    /// To which table.
    pub table: Object,
    /// `WHERE`, or a join that filters.
    pub filtered: bool,
    /// `LIMIT`.
    pub limited: bool,
    /// The filter names rows by a key: `id = 5`.
    pub by_key: bool,
    /// The columns that an `UPDATE` sets.
    pub sets: Vec<String>,
    /// They come from a query, not from a list of values.
    pub of_rows: bool,
    /// It can run again: `ON CONFLICT`, `IGNORE`, `OR REPLACE`, an update, a deletion.
    pub again: bool,
    /// `CASCADE`.
    pub cascade: bool,
}

impl Reader {
    pub(super) fn rows(&mut self, whole: Walk<'_>) {
        let mut walk = whole;
        let with = walk.eat(&["WITH"]);
        if with {
            self.within(walk);
        }
        if with && !walk.find(&["INSERT", "UPDATE", "DELETE", "MERGE", "SELECT"]) {
            return;
        }
        // behind a `WITH` the word has been stepped over
        let skipped = whole.rest.len() - walk.rest.len();
        let at = if with { skipped - 1 } else { 0 };
        let mut walk = Walk::new(&whole.rest[at..]);
        let Some(word) = walk.next() else { return };
        let rows = self.change(word, walk);
        if let Some(rows) = rows {
            self.push(whole, What::Rows(rows));
        } else if word.is("TRUNCATE") {
            self.truncate(whole, walk);
        }
    }

    /// The changes in the parts of a `WITH` (PostgreSQL).
    fn within(&mut self, walk: Walk<'_>) {
        let before = |at: usize| at > 0 && walk.rest[at - 1].is_any(&["AS", "MATERIALIZED"]);
        for at in 0..walk.rest.len() {
            if walk.rest[at].kind != TokenKind::OpenParen || !before(at) {
                continue;
            }
            let part = part(&walk.rest[at + 1..]);
            let mut inner = part;
            let Some(word) = inner.next().filter(|word| word.is_any(&["INSERT", "UPDATE", "DELETE"])) else {
                continue;
            };
            if let Some(rows) = self.change(word, inner) {
                self.push(part, What::Rows(rows));
            }
        }
    }

    fn change(&self, word: Piece<'_>, mut walk: Walk<'_>) -> Option<Rows> {
        match word.text.to_ascii_uppercase().as_str() {
            "INSERT" | "REPLACE" => insert(walk, word.is("REPLACE")),
            "UPDATE" => self.update(walk),
            "DELETE" => delete(walk),
            "MERGE" if walk.eat(&["INTO"]) => relation(&mut walk).map(|table| Rows {
                filtered: true,
                of_rows: true,
                ..rows(Verb::Merge, table)
            }),
            _ => None,
        }
    }

    fn truncate(&mut self, whole: Walk<'_>, mut walk: Walk<'_>) {
        walk.eat(&["TABLE"]);
        let cascade = walk.has(&["CASCADE"]);
        walk.skip_conditions();
        for table in walk.objects(crate::sql::deed::Kind::Relation) {
            self.push(whole, What::Rows(Rows { cascade, ..rows(Verb::Truncate, table) }));
        }
    }

    fn update(&self, mut walk: Walk<'_>) -> Option<Rows> {
        walk.skip_any(&["LOW_PRIORITY", "IGNORE", "ONLY"]);
        if walk.eat(&["OR"]) {
            walk.next();
        }
        let table = relation(&mut walk)?;
        // a trigger's or a lock's clause, not a statement
        let joined = self.is_mysql() && !before_set(walk);
        if !walk.find(&["SET"]) {
            return None;
        }
        let sets = sets(walk);
        let mut filter = walk;
        let filtered = filter.find(&["WHERE"]);
        let joins = walk.clone().find(&["FROM"]) && filtered;
        Some(Rows {
            filtered: filtered || joined,
            limited: has_outside(walk, "LIMIT"),
            by_key: filtered && !joins && by_key(filter),
            sets,
            ..rows(Verb::Update, table)
        })
    }
}

/// What stands before the parenthesis that closes.
fn part<'a>(pieces: &'a [Piece<'a>]) -> Walk<'a> {
    let mut depth = 0_usize;
    let end = pieces.iter().position(|piece| {
        match piece.kind {
            TokenKind::OpenParen => depth += 1,
            TokenKind::CloseParen if depth == 0 => return true,
            TokenKind::CloseParen => depth -= 1,
            _ => {}
        }
        false
    });
    Walk::new(&pieces[..end.unwrap_or(pieces.len())])
}

/// Whether only a name stands before `SET`, not a join.
fn before_set(walk: Walk<'_>) -> bool {
    let end = walk.rest.iter().position(|piece| piece.is("SET")).unwrap_or(walk.rest.len());
    !walk.rest[..end].iter().any(|piece| piece.is("JOIN") || piece.kind == TokenKind::Comma)
}

const fn rows(verb: Verb, table: Object) -> Rows {
    Rows {
        verb,
        table,
        filtered: false,
        limited: false,
        by_key: false,
        sets: Vec::new(),
        of_rows: false,
        again: true,
        cascade: false,
    }
}

fn insert(mut walk: Walk<'_>, replaces: bool) -> Option<Rows> {
    let ignores = walk.rest.iter().take(4).any(|piece| piece.is("IGNORE"));
    walk.skip_any(&["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE"]);
    let or = walk.eat(&["OR"]) && walk.next().is_some_and(|piece| piece.is_any(&["REPLACE", "IGNORE"]));
    walk.eat(&["INTO"]);
    let table = relation(&mut walk)?;
    let again = replaces
        || ignores
        || or
        || walk.has(&["ON", "CONFLICT"])
        || walk.has(&["ON", "DUPLICATE"])
        || walk.has(&["NOT", "EXISTS"]);
    let values =
        has_outside(walk, "VALUES") || has_outside(walk, "VALUE") || walk.has(&["DEFAULT", "VALUES"]);
    // `SELECT 1, 'x'` without a table gives one row
    let of_rows = !values && walk.has(&["SELECT"]) && walk.has(&["FROM"]);
    Some(Rows { of_rows, again, ..rows(Verb::Insert, table) })
}

fn delete(mut walk: Walk<'_>) -> Option<Rows> {
    walk.skip_any(&["LOW_PRIORITY", "QUICK", "IGNORE"]);
    let joined = !walk.next_is("FROM");
    if joined && !walk.find(&["FROM"]) {
        return None;
    }
    walk.eat(&["FROM"]);
    walk.skip_any(&["ONLY"]);
    let table = relation(&mut walk)?;
    let mut filter = walk;
    let filtered = filter.find(&["WHERE"]);
    Some(Rows {
        filtered: filtered || (joined || walk.has(&["JOIN"])) && is_inner(walk),
        limited: has_outside(walk, "LIMIT"),
        by_key: filtered && by_key(filter),
        ..rows(Verb::Delete, table)
    })
}

/// Whether a join leaves rows out.
fn is_inner(walk: Walk<'_>) -> bool {
    let filters = walk.has(&["ON"]) || walk.has(&["USING"]) || walk.has(&["NATURAL"]);
    walk.has(&["JOIN"]) && filters && !walk.has(&["LEFT"])
}

fn has_outside(mut walk: Walk<'_>, word: &str) -> bool {
    walk.find(&[word])
}

/// The names before `=` in `SET a = 1, b = 2 WHERE …`.
fn sets(walk: Walk<'_>) -> Vec<String> {
    let mut end = walk;
    let found = end.find(&["WHERE", "FROM", "RETURNING", "LIMIT", "ORDER"]);
    let length = walk.rest.len() - if found { end.rest.len() + 1 } else { 0 };
    let list = Walk::new(&walk.rest[..length]);
    let names = list.clauses().into_iter().map(|mut clause| {
        if clause.eat_sign("(") {
            let inner =
                clause.rest.split(|piece| piece.kind == TokenKind::CloseParen).next().unwrap_or_default();
            return inner.iter().filter_map(|piece| name(*piece)).collect::<Vec<_>>();
        }
        let object = relation(&mut clause);
        object.map(|object| object.name).into_iter().collect()
    });
    names.flatten().collect()
}

/// Whether a filter begins with a key that equals a value or is in a list of them.
fn by_key(mut walk: Walk<'_>) -> bool {
    while walk.eat_sign("(") {}
    let Some(column) = relation(&mut walk) else { return false };
    let is_key = matches!(column.name.as_str(), "id" | "uuid" | "key" | "code" | "slug" | "name");
    let value = |piece: Option<&crate::sql::cursor::Piece<'_>>| {
        piece.is_some_and(|piece| matches!(piece.kind, TokenKind::Text | TokenKind::Number))
    };
    if !is_key {
        return false;
    }
    if walk.eat_sign("=") {
        return value(walk.rest.first());
    }
    walk.eat(&["IN"]) && walk.eat_sign("(") && value(walk.rest.first())
}
