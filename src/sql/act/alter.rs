//! `ALTER …`, `DROP …`, `RENAME TABLE …`.

use super::{Constraint, ConstraintKind, IndexKind, Reader, What, name, relation, spelled};
use crate::sql::cursor::Piece;
use crate::sql::deed::walk::Walk;
use crate::sql::deed::{Kind, Object};
use crate::sql::lex::TokenKind;

impl Reader {
    pub(super) fn alter(&mut self, whole: Walk<'_>, mut walk: Walk<'_>) {
        walk.skip_any(&["ONLINE", "OFFLINE", "IGNORE", "FOREIGN"]);
        if walk.eat(&["TABLE"]) {
            return self.alter_table(whole, walk);
        }
        if walk.eat(&["TYPE"])
            && let Some(ty) = walk.object(Kind::Type)
            && walk.eat(&["ADD", "VALUE"])
        {
            let again = walk.eat(&["IF", "NOT", "EXISTS"]);
            self.push(whole, What::AddEnumValue { ty, again });
        }
    }

    fn alter_table(&mut self, whole: Walk<'_>, mut walk: Walk<'_>) {
        walk.skip_conditions();
        let Some(table) = relation(&mut walk) else { return };
        if walk.peek().is_some_and(|piece| piece.text == "*") {
            walk.next();
        }
        walk.skip_any(&["NOWAIT"]);
        if walk.eat(&["WAIT"]) {
            walk.next();
        }
        let clauses = walk.clauses();
        let only = clauses.len() == 1;
        for clause in clauses {
            let clause = Walk { rest: without_end(clause.rest) };
            if clause.rest.is_empty() || self.option(clause) {
                continue;
            }
            let what = self.clause(&table, clause);
            self.push(if only { whole } else { clause }, what);
        }
    }

    /// `ALGORITHM = …`, `LOCK = …`.
    fn option(&mut self, mut walk: Walk<'_>) -> bool {
        let Some(word) = walk.eat_any(&["ALGORITHM", "LOCK"]) else { return false };
        walk.eat_sign("=");
        let value = walk.next().map(|piece| piece.unquoted());
        let place = if word == "LOCK" { &mut self.lock } else { &mut self.algorithm };
        *place = value;
        true
    }

    /// The two where they stand behind a `CREATE INDEX`, without commas.
    pub(super) fn options_at_end(&mut self, walk: Walk<'_>) {
        for at in 0..walk.rest.len() {
            if walk.rest[at].is_any(&["ALGORITHM", "LOCK"]) {
                self.option(Walk::new(&walk.rest[at..]));
            }
        }
    }

    fn clause(&mut self, table: &Object, walk: Walk<'_>) -> What {
        let mut rest = walk;
        let word = rest.next().map(|piece| piece.text.to_ascii_uppercase()).unwrap_or_default();
        let what = match word.as_str() {
            "ADD" => self.add(table, rest),
            "DROP" => drop_clause(table, rest),
            "RENAME" => rename_clause(table, rest),
            "ALTER" => alter_column(table, rest),
            "MODIFY" => {
                rest.eat(&["COLUMN"]);
                rest.eat(&["IF", "EXISTS"]);
                let column = Self::column(rest);
                column.map(|column| What::Redefine { table: table.clone(), old: column.name.clone(), column })
            }
            "CHANGE" => {
                rest.eat(&["COLUMN"]);
                rest.eat(&["IF", "EXISTS"]);
                change(table, rest)
            }
            "VALIDATE" if rest.eat(&["CONSTRAINT"]) => {
                rest.next().and_then(name).map(|name| What::Validate { table: table.clone(), name })
            }
            _ => None,
        };
        what.unwrap_or_else(|| What::AlterTable {
            table: table.clone(),
            words: spelled(walk.rest),
            cascade: walk.has(&["CASCADE"]),
        })
    }

    fn add(&mut self, table: &Object, mut walk: Walk<'_>) -> Option<What> {
        let table = table.clone();
        let named = walk.eat(&["CONSTRAINT"]);
        if named {
            walk.skip_conditions();
        }
        let is_kind = |piece: Option<&Piece<'_>>| piece.is_some_and(|piece| piece.is_any(KINDS));
        let label = (named && !is_kind(walk.rest.first())).then(|| walk.next().and_then(name)).flatten();
        if let Some(constraint) = constraint(walk, label) {
            return Some(What::AddConstraint { table, constraint });
        }
        if self.is_mysql()
            && walk.peek().is_some_and(|piece| piece.is_any(&["INDEX", "KEY", "FULLTEXT", "SPATIAL"]))
        {
            let kind = match walk.eat_any(&["FULLTEXT", "SPATIAL"]) {
                Some("FULLTEXT") => IndexKind::FullText,
                Some(_) => IndexKind::Spatial,
                None => IndexKind::Plain,
            };
            walk.skip_any(&["INDEX", "KEY"]);
            let again = walk.eat(&["IF", "NOT", "EXISTS"]);
            let name = walk.peek().filter(|piece| piece.kind != TokenKind::OpenParen).and_then(name);
            return Some(What::CreateIndex { name, table, concurrently: false, again, kind });
        }
        if walk.peek().is_some_and(|piece| piece.is_any(&["PARTITION", "PERIOD", "SYSTEM"]))
            && self.is_mysql()
        {
            return None;
        }
        walk.eat(&["COLUMN"]);
        let again = walk.eat(&["IF", "NOT", "EXISTS"]);
        if walk.peek()?.kind == TokenKind::OpenParen {
            // `ADD (a int, b int)`: the columns become acts of their own
            let inner = walk.rest.get(1..walk.rest.len() - 1).unwrap_or_default();
            let inner = Walk::new(inner);
            let mut columns: Vec<_> = inner.clauses().into_iter().filter_map(Self::column).collect();
            let last = columns.pop()?;
            for column in columns {
                self.push(walk, What::AddColumn { table: table.clone(), column, again });
            }
            return Some(What::AddColumn { table, column: last, again });
        }
        Some(What::AddColumn { table, column: Self::column(walk)?, again })
    }

    pub(super) fn drop(&mut self, whole: Walk<'_>, mut walk: Walk<'_>) {
        let temporary = walk.eat_any(&["TEMPORARY"]).is_some();
        walk.skip_any(&["FOREIGN", "MATERIALIZED"]);
        let Some(noun) = walk.next().filter(|piece| piece.kind == TokenKind::Word) else { return };
        let concurrently = walk.rest.first().is_some_and(|piece| piece.is("CONCURRENTLY"));
        let again = walk.has(&["IF", "EXISTS"]);
        walk.skip_conditions();
        let cascade = walk.has(&["CASCADE"]);
        let kind = match noun.text.to_ascii_uppercase().as_str() {
            "TABLE" | "TABLES" | "VIEW" => Kind::Relation,
            "INDEX" => Kind::Index,
            "SEQUENCE" => Kind::Sequence,
            "FUNCTION" | "PROCEDURE" => Kind::Function,
            "TYPE" | "DOMAIN" => Kind::Type,
            "TRIGGER" => Kind::Trigger,
            "SCHEMA" | "DATABASE" => Kind::Schema,
            _ => Kind::Other,
        };
        let objects = walk.objects(kind);
        self.options_at_end(walk);
        let table = if walk.eat(&["ON"]) { relation(&mut walk) } else { None };
        for object in objects {
            let what = match kind {
                Kind::Relation if noun.is_any(&["TABLE", "TABLES"]) => {
                    What::DropTable { table: object, temporary, again, cascade }
                }
                Kind::Index => {
                    What::DropIndex { index: object, table: table.clone(), concurrently, again, cascade }
                }
                _ => What::Drop { noun: noun.text.to_ascii_uppercase(), object, again, cascade },
            };
            self.push(whole, what);
        }
    }

    /// `RENAME TABLE a TO b, c TO d`.
    pub(super) fn rename_tables(&mut self, mut walk: Walk<'_>) {
        if walk.eat_any(&["TABLE", "TABLES"]).is_none() {
            return;
        }
        for clause in walk.clauses() {
            let mut rest = clause;
            rest.skip_conditions();
            let Some(from) = relation(&mut rest) else { continue };
            rest.skip_any(&["NOWAIT"]);
            if rest.eat(&["TO"])
                && let Some(to) = relation(&mut rest)
            {
                self.push(clause, What::RenameTable { from, to });
            }
        }
    }
}

const KINDS: &[&str] = &["CHECK", "FOREIGN", "UNIQUE", "PRIMARY", "EXCLUDE"];

fn without_end<'a>(pieces: &'a [Piece<'a>]) -> &'a [Piece<'a>] {
    match pieces.split_last() {
        Some((last, rest)) if last.kind == TokenKind::Semicolon => rest,
        _ => pieces,
    }
}

/// A constraint behind its name.
pub(super) fn constraint(walk: Walk<'_>, name: Option<String>) -> Option<Constraint> {
    let first = walk.peek()?;
    let second = walk.rest.get(1);
    let opens = |at: usize| walk.rest.get(at).is_some_and(|piece| piece.kind == TokenKind::OpenParen);
    let kind = if first.is("CHECK") && opens(1) {
        ConstraintKind::Check
    } else if first.is("FOREIGN") {
        ConstraintKind::Foreign
    } else if first.is("UNIQUE") {
        ConstraintKind::Unique
    } else if first.is("PRIMARY") && second.is_some_and(|piece| piece.is("KEY")) {
        ConstraintKind::Primary
    } else if first.is("EXCLUDE") && (opens(1) || second.is_some_and(|piece| piece.is("USING"))) {
        ConstraintKind::Exclude
    } else if first.is("NOT") && name.is_some() {
        ConstraintKind::NotNull
    } else {
        return None;
    };
    let mut ahead = walk;
    let found = ahead.find(&["REFERENCES"]);
    let references = if found { relation(&mut ahead) } else { None };
    Some(Constraint {
        kind,
        name,
        not_valid: walk.has(&["NOT", "VALID"]),
        using_index: walk.has(&["USING", "INDEX"]) && !walk.has(&["USING", "INDEX", "TABLESPACE"]),
        references,
        not_null: not_null(walk),
    })
}

/// The column of `CHECK (column IS NOT NULL)`.
fn not_null(walk: Walk<'_>) -> Option<String> {
    let mut inner: Vec<&Piece<'_>> = walk.rest.iter().skip(1).collect();
    inner.retain(|piece| !matches!(piece.kind, TokenKind::OpenParen | TokenKind::CloseParen));
    let [column, is, not, null, ..] = inner.as_slice() else { return None };
    let alone = inner.get(4).is_none_or(|next| next.is_any(&["NOT", "NO"]));
    (is.is("IS") && not.is("NOT") && null.is("NULL") && alone).then(|| name(**column)).flatten()
}

/// What else an `ALTER TABLE` drops.
const OTHERS: &[&str] = &["CONSTRAINT", "PRIMARY", "FOREIGN", "CHECK", "PARTITION", "PERIOD", "SYSTEM"];

fn drop_clause(table: &Object, mut walk: Walk<'_>) -> Option<What> {
    let table = table.clone();
    let cascade = walk.has(&["CASCADE"]);
    if walk.peek()?.is_any(&["INDEX", "KEY"]) && walk.rest.len() > 1 {
        walk.next();
        let again = walk.eat(&["IF", "EXISTS"]);
        let index = walk.object(Kind::Index)?;
        return Some(What::DropIndex { index, table: Some(table), concurrently: false, again, cascade });
    }
    // a column may have such a name: then nothing stands behind it
    if walk.peek()?.is_any(OTHERS) && walk.rest.len() > 1 {
        return None;
    }
    walk.eat(&["COLUMN"]);
    let again = walk.eat(&["IF", "EXISTS"]);
    let column = name(walk.next()?)?;
    Some(What::DropColumn { table, column, again, cascade })
}

fn rename_clause(table: &Object, mut walk: Walk<'_>) -> Option<What> {
    let from = table.clone();
    if walk.eat_any(&["TO", "AS"]).is_some() {
        let mut to = relation(&mut walk)?;
        to.schema = to.schema.or_else(|| from.schema.clone());
        return Some(What::RenameTable { from, to });
    }
    if walk.peek()?.is_any(&["INDEX", "KEY", "CONSTRAINT"]) && walk.rest.len() > 3 {
        return None;
    }
    walk.eat(&["COLUMN"]);
    walk.eat(&["IF", "EXISTS"]);
    let old = walk.next()?;
    if walk.eat(&["TO"]) {
        let to = name(walk.next()?)?;
        return Some(What::RenameColumn { table: from, from: name(old)?, to });
    }
    // MariaDB and MySQL take the new name of the table at once
    let to = Object { kind: Kind::Relation, schema: None, name: name(old)? };
    walk.rest.is_empty().then_some(What::RenameTable { from, to })
}

fn alter_column(table: &Object, mut walk: Walk<'_>) -> Option<What> {
    const OTHERS: &[&str] = &["CONSTRAINT", "INDEX", "KEY", "CHECK"];
    if walk.peek()?.is_any(OTHERS) {
        return None;
    }
    walk.eat(&["COLUMN"]);
    walk.eat(&["IF", "EXISTS"]);
    let table = table.clone();
    let column = name(walk.next()?)?;
    if walk.eat(&["SET", "NOT", "NULL"]) {
        return Some(What::SetNotNull { table, column });
    }
    let typed = walk.eat(&["TYPE"]) || walk.eat(&["SET", "DATA", "TYPE"]);
    if !typed {
        return None;
    }
    let end = walk.rest.iter().position(|piece| piece.is_any(&["USING", "COLLATE", "CASCADE", "RESTRICT"]));
    let (ty, rest) = walk.rest.split_at(end.unwrap_or(walk.rest.len()));
    let using = rest.iter().any(|piece| piece.is_any(&["USING", "COLLATE"]));
    Some(What::SetType { table, column, ty: spelled(ty), using })
}

fn change(table: &Object, mut walk: Walk<'_>) -> Option<What> {
    let old = name(walk.next()?)?;
    let column = Reader::column(walk)?;
    let table = table.clone();
    if column.name.eq_ignore_ascii_case(&old) {
        return Some(What::Redefine { table, old, column });
    }
    Some(What::RenameColumn { table, from: old, to: column.name })
}
