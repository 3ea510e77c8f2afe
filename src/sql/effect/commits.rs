//! Whether a statement of MariaDB or MySQL commits by itself, and how its outcome can be found out
//! after a crash.
//!
//! Every DDL statement commits there, and so do many others. Which objects it changes is read from
//! its tokens; what a procedure, a prepared statement or a block does when it is called is not known
//! here. The list of committing statements was tried against MariaDB 10.11 inside `XA START`, where
//! each of them is refused.

use std::collections::BTreeSet;

use crate::dialect::Dialect;
use crate::sql::cursor::Cursor;

/// What kind of object a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A table or a view.
    Table,
    /// A sequence (MariaDB).
    Sequence,
    /// A trigger.
    Trigger,
    /// A procedure.
    Procedure,
    /// A function.
    Function,
    /// An event.
    Event,
}

/// An object that a statement names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// Of what kind.
    pub kind: ObjectKind,
    /// `[database,] name`, unquoted.
    pub parts: Vec<String>,
}

/// Whether a statement commits by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commits {
    /// It takes part in the open transaction.
    No,
    /// It does; once the definition of one of these objects is another, it has happened.
    Changing(Vec<ObjectName>),
    /// It does, and changes something in the schema.
    Somewhere,
    /// It does, and may run a second time without harm.
    Repeatable,
    /// It may, and no definition tells afterwards whether it has happened; a second time could fail or
    /// do harm.
    Opaque,
}

/// Whether a statement commits by itself; `No` on databases whose DDL takes part in transactions.
///
/// ```
/// use db_migrations::{dialect::Dialect, sql::{Commits, commits}};
/// let of = |text| commits(Dialect::MariaDb, text);
/// assert_eq!(of("UPDATE t SET a = 1"), Commits::No);
/// assert_eq!(of("TRUNCATE t"), Commits::Repeatable);
/// assert_eq!(of("CALL p()"), Commits::Opaque);
/// assert!(matches!(of("ALTER TABLE t ADD a INT"), Commits::Changing(objects) if objects.len() == 1));
/// ```
pub fn commits(dialect: Dialect, statement: &str) -> Commits {
    if dialect.facts().transactional_ddl {
        return Commits::No;
    }
    of(Cursor::new(dialect, statement))
}

const DATA: &[&str] = &[
    "INSERT",
    "UPDATE",
    "DELETE",
    "REPLACE",
    "SELECT",
    "WITH",
    "VALUES",
    "TABLE",
    "DO",
    "HANDLER",
    "SHOW",
    "DESC",
    "DESCRIBE",
    "EXPLAIN",
    "HELP",
    "PREPARE",
    "DEALLOCATE",
    "SIGNAL",
    "RESIGNAL",
    "GET",
    "USE",
];

const REPEATABLE: &[&str] = &[
    "TRUNCATE", "OPTIMIZE", "CHECK", "CHECKSUM", "REPAIR", "CACHE", "FLUSH", "RESET", "GRANT", "REVOKE",
    "PURGE", "CHANGE", "START", "STOP", "KILL", "SHUTDOWN", "BINLOG", "CLONE",
];

fn of(mut cursor: Cursor<'_>) -> Commits {
    let Some(first) = cursor.next() else { return Commits::No };
    if first.text == "(" || first.is_any(DATA) {
        return Commits::No;
    }
    if first.is_any(REPEATABLE) {
        return Commits::Repeatable;
    }
    match first.text.to_ascii_uppercase().as_str() {
        "SET" => set(cursor),
        "ANALYZE" if cursor.eat_any(&["TABLE", "TABLES", "LOCAL", "NO_WRITE_TO_BINLOG"]).is_none() => {
            Commits::No
        }
        "LOAD" if cursor.eat_any(&["DATA", "XML"]).is_some() => Commits::No,
        "CREATE" => create(cursor),
        "ALTER" => alter(cursor),
        "DROP" => drop_statement(cursor),
        "RENAME" if cursor.eat_any(&["TABLE", "TABLES"]).is_some() => match renamed(cursor) {
            // a swap of equal tables looks as before
            Some(objects) if objects.iter().collect::<BTreeSet<_>>().len() < objects.len() => Commits::Opaque,
            objects => changing(objects),
        },
        "ANALYZE" | "LOAD" => Commits::Repeatable,
        "IMPORT" => Commits::Somewhere,
        // CALL, EXECUTE, a block, RENAME USER, INSTALL PLUGIN, and what is not known
        _ => Commits::Opaque,
    }
}

/// `SET STATEMENT a = b FOR …` is the statement behind it; passwords and default roles are stored.
fn set(mut cursor: Cursor<'_>) -> Commits {
    if cursor.eat(&["STATEMENT"]) {
        return if cursor.any(|piece| piece.is("FOR")) { of(cursor) } else { Commits::No };
    }
    let stored = cursor.eat(&["PASSWORD"]) || cursor.eat(&["DEFAULT", "ROLE"]);
    if stored { Commits::Repeatable } else { Commits::No }
}

fn create(mut cursor: Cursor<'_>) -> Commits {
    if cursor.eat(&["OR", "REPLACE"]) {
        let temporary = cursor.eat(&["TEMPORARY"]);
        return if temporary { Commits::No } else { Commits::Repeatable };
    }
    if cursor.eat(&["TEMPORARY"]) {
        return Commits::No;
    }
    cursor.skip_any(&["UNIQUE", "FULLTEXT", "SPATIAL"]);
    if cursor.eat(&["INDEX"]) {
        return indexed(cursor);
    }
    match object_kind(&mut cursor) {
        Some(_) if cursor.clone().any(|piece| piece.is("SONAME")) => Commits::Opaque,
        Some(kind) => named(kind, cursor),
        None => unless(cursor.eat(&["IF", "NOT", "EXISTS"])),
    }
}

/// What creates or drops something beside the schema (users, databases, servers): only what says that it
/// may be there, or not, can run twice.
const fn unless(it_says_so: bool) -> Commits {
    if it_says_so { Commits::Repeatable } else { Commits::Opaque }
}

fn alter(mut cursor: Cursor<'_>) -> Commits {
    cursor.skip_any(&["ONLINE", "OFFLINE", "IGNORE"]);
    let Some(kind) = object_kind(&mut cursor) else { return Commits::Repeatable };
    cursor.eat(&["IF", "EXISTS"]);
    let Some(name) = cursor.qualified_name() else { return Commits::Somewhere };
    let mut objects = vec![ObjectName { kind, parts: name }];
    let mut depth = 0_usize;
    while let Some(piece) = cursor.next() {
        match piece.text {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        // the definitions of both tables stay what they are
        if depth == 0 && piece.is_any(&["EXCHANGE", "IMPORT", "DISCARD"]) {
            return Commits::Opaque;
        }
        if depth == 0 && piece.is("RENAME") {
            let other = cursor.eat_any(&["COLUMN", "INDEX", "KEY"]).is_some();
            cursor.eat_any(&["TO", "AS"]);
            cursor.eat_sign("=");
            if let (false, Some(parts)) = (other, cursor.clone().qualified_name()) {
                objects.push(ObjectName { kind, parts });
            }
        }
    }
    Commits::Changing(objects)
}

fn drop_statement(mut cursor: Cursor<'_>) -> Commits {
    if cursor.eat(&["TEMPORARY"]) {
        return Commits::No;
    }
    if cursor.eat(&["INDEX"]) {
        return indexed(cursor);
    }
    match object_kind(&mut cursor) {
        Some(kind) => {
            cursor.eat(&["IF", "EXISTS"]);
            changing(list(kind, cursor))
        }
        None => unless(cursor.eat(&["IF", "EXISTS"])),
    }
}

/// Steps over the words before the kind and over the kind itself; `None` for what is no object of a
/// database (users, databases, servers).
fn object_kind(cursor: &mut Cursor<'_>) -> Option<ObjectKind> {
    const KINDS: [(&[&str], ObjectKind); 6] = [
        (&["TABLE", "TABLES", "VIEW"], ObjectKind::Table),
        (&["SEQUENCE"], ObjectKind::Sequence),
        (&["TRIGGER"], ObjectKind::Trigger),
        (&["PROCEDURE"], ObjectKind::Procedure),
        (&["FUNCTION"], ObjectKind::Function),
        (&["EVENT"], ObjectKind::Event),
    ];
    const OTHERS: &[&str] = &[
        "DATABASE",
        "SCHEMA",
        "USER",
        "ROLE",
        "SERVER",
        "TABLESPACE",
        "LOGFILE",
        "PACKAGE",
        "RESOURCE",
        "UNDO",
    ];
    // `ALGORITHM = x DEFINER = a@b SQL SECURITY y AGGREGATE` may stand before it
    let mut value = false;
    for piece in cursor.by_ref() {
        // `DEFINER = event@host`
        if std::mem::replace(&mut value, piece.text == "=") {
            continue;
        }
        if let Some((_, kind)) = KINDS.iter().find(|(words, _)| piece.is_any(words)) {
            return Some(*kind);
        }
        if piece.is_any(OTHERS) {
            return None;
        }
    }
    None
}

fn named(kind: ObjectKind, mut cursor: Cursor<'_>) -> Commits {
    cursor.eat(&["IF", "NOT", "EXISTS"]);
    changing(cursor.qualified_name().map(|parts| vec![ObjectName { kind, parts }]))
}

/// `… name ON table`.
fn indexed(mut cursor: Cursor<'_>) -> Commits {
    let found = cursor.any(|piece| piece.is("ON"));
    changing(
        cursor
            .qualified_name()
            .filter(|_| found)
            .map(|parts| vec![ObjectName { kind: ObjectKind::Table, parts }]),
    )
}

fn list(kind: ObjectKind, mut cursor: Cursor<'_>) -> Option<Vec<ObjectName>> {
    let mut objects = vec![ObjectName { kind, parts: cursor.qualified_name()? }];
    while cursor.eat_sign(",") {
        objects.push(ObjectName { kind, parts: cursor.qualified_name()? });
    }
    Some(objects)
}

/// `a TO b, c TO d`.
fn renamed(mut cursor: Cursor<'_>) -> Option<Vec<ObjectName>> {
    cursor.eat(&["IF", "EXISTS"]);
    let mut objects = Vec::new();
    loop {
        objects.push(ObjectName { kind: ObjectKind::Table, parts: cursor.qualified_name()? });
        let waits = cursor.eat_any(&["WAIT", "NOWAIT"]);
        if waits == Some("WAIT") {
            cursor.next();
        }
        if !cursor.eat(&["TO"]) && !cursor.eat_sign(",") {
            return Some(objects);
        }
    }
}

fn changing(objects: Option<Vec<ObjectName>>) -> Commits {
    objects.map_or(Commits::Somewhere, Commits::Changing)
}

/// The statement that completes a `DROP` of several objects which was interrupted between them: the
/// same with `IF EXISTS`. `None` for any other statement.
pub fn completion(dialect: Dialect, statement: &str) -> Option<String> {
    let mut cursor = Cursor::new(dialect, statement);
    if !cursor.eat(&["DROP"]) || cursor.eat_any(&["TABLE", "TABLES", "VIEW"]).is_none() {
        return None;
    }
    if cursor.eat(&["IF", "EXISTS"]) {
        return Some(statement.to_owned());
    }
    let at = cursor.peek()?.at;
    let several = list(ObjectKind::Table, cursor)?.len() > 1;
    several.then(|| format!("{}IF EXISTS {}", &statement[..at], &statement[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named_by(statement: &str) -> Vec<String> {
        match commits(Dialect::MariaDb, statement) {
            Commits::Changing(objects) => objects
                .into_iter()
                .map(|object| format!("{:?} {}", object.kind, object.parts.join(".")))
                .collect(),
            other => panic!("{statement}: {other:?}"),
        }
    }

    #[test]
    fn what_a_statement_changes() {
        for (statement, expected) in [
            ("CREATE TABLE IF NOT EXISTS `a b` (x INT)", &["Table a b"][..]),
            ("create table d.t like u", &["Table d.t"]),
            (
                "/*!50001 CREATE */ /*!50013 DEFINER=`r`@`%` SQL SECURITY DEFINER */ /*!50001 VIEW v AS select 1 */",
                &["Table v"],
            ),
            ("CREATE UNIQUE INDEX IF NOT EXISTS i ON t (a)", &["Table t"]),
            ("DROP INDEX i ON `t`", &["Table t"]),
            ("ALTER TABLE t ADD COLUMN rename_ INT, RENAME COLUMN a TO b", &["Table t"]),
            ("ALTER IGNORE TABLE t RENAME TO u", &["Table t", "Table u"]),
            ("ALTER TABLE t RENAME u", &["Table t", "Table u"]),
            ("RENAME TABLE a TO b, c WAIT 3 TO d.e", &["Table a", "Table b", "Table c", "Table d.e"]),
            ("DROP TABLE IF EXISTS a, `b`, c CASCADE", &["Table a", "Table b", "Table c"]),
            (
                "CREATE DEFINER = CURRENT_USER TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET @a = 1",
                &["Trigger x"],
            ),
            ("CREATE AGGREGATE FUNCTION f(a INT) RETURNS INT BEGIN END", &["Function f"]),
            ("DROP PROCEDURE p", &["Procedure p"]),
            ("CREATE DEFINER=event@x TRIGGER y BEFORE INSERT ON t FOR EACH ROW SET @a = 1", &["Trigger y"]),
            ("ALTER EVENT e DISABLE", &["Event e"]),
            ("CREATE SEQUENCE s", &["Sequence s"]),
            ("SET STATEMENT max_statement_time = 1 FOR DROP VIEW v", &["Table v"]),
        ] {
            assert_eq!(named_by(statement), expected, "{statement}");
        }
    }

    #[test]
    fn what_takes_part_and_what_may_run_again() {
        for statement in [
            "INSERT INTO t VALUES (1)",
            "(SELECT 1) UNION (SELECT 2)",
            "CREATE TEMPORARY TABLE t (a INT)",
            "DROP TEMPORARY TABLE t",
            "SET @a = 1",
            "LOAD DATA INFILE 'x' INTO TABLE t",
            "ANALYZE SELECT 1",
            "",
        ] {
            assert_eq!(commits(Dialect::MariaDb, statement), Commits::No, "{statement}");
        }
        for statement in [
            "TRUNCATE TABLE t",
            "CREATE OR REPLACE TABLE t (a INT)",
            "ANALYZE TABLE t",
            "GRANT SELECT ON t TO u",
            "CREATE USER IF NOT EXISTS u",
        ] {
            assert_eq!(commits(Dialect::MySql, statement), Commits::Repeatable, "{statement}");
        }
        for statement in [
            "CALL p()",
            "EXECUTE s",
            "BEGIN NOT ATOMIC SELECT 1; END",
            "ALTER TABLE t EXCHANGE PARTITION p WITH TABLE u",
            "RENAME TABLE a TO x, b TO a, x TO b",
            "CREATE USER u",
            "l: LOOP LEAVE l; END LOOP",
        ] {
            assert_eq!(commits(Dialect::MariaDb, statement), Commits::Opaque, "{statement}");
        }
        assert_eq!(commits(Dialect::Postgres, "CREATE TABLE t (a int)"), Commits::No);
    }

    #[test]
    fn a_drop_of_several_can_be_completed() {
        let of = |statement| completion(Dialect::MariaDb, statement);
        assert_eq!(of("DROP TABLE a, b").as_deref(), Some("DROP TABLE IF EXISTS a, b"));
        assert_eq!(of("drop view if exists a, b").as_deref(), Some("drop view if exists a, b"));
        assert_eq!(of("DROP TABLE a"), None);
        assert_eq!(of("DROP INDEX a ON b"), None);
    }
}
