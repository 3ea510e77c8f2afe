//! Whose rows a statement of MariaDB or MySQL may change, for who must say that none were lost.
//!
//! What is not known to be harmless is not called harmless: the answer errs towards `Any`. Whether a
//! table was there before, and whether the database has functions and triggers, the caller knows.

use super::place::beyond_database;
use super::{created_with_engine, written_tables};
use crate::dialect::Dialect;
use crate::sql::cursor::Cursor;

/// Whose rows a statement may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Nobody's.
    Never,
    /// Only those that a function changes which it calls.
    ByFunctions,
    /// Those of these tables (lower-cased), and what functions and triggers change.
    Of(Vec<String>),
    /// All of these tables (lower-cased), which are dropped; no trigger fires.
    Gone(Vec<String>),
    /// Not known.
    Any,
}

/// Which way a script goes: what an up script adds and its down script removes loses no rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// An up script.
    Up,
    /// A down script.
    Down,
}

/// Whose rows a statement may change.
///
/// ```
/// use db_migrations::{dialect::Dialect, sql::{Rows, Way, rows}};
/// let of = |text| rows(Dialect::MariaDb, text, Way::Up);
/// assert_eq!(of("ALTER TABLE t ADD a INT"), Rows::Never);
/// assert_eq!(of("ALTER TABLE t DROP a"), Rows::Of(vec!["t".to_owned()]));
/// assert_eq!(of("CALL p()"), Rows::Any);
/// ```
pub fn rows(dialect: Dialect, statement: &str, way: Way) -> Rows {
    if beyond_database(dialect, statement).is_some() {
        return Rows::Any;
    }
    let mut cursor = Cursor::new(dialect, statement);
    let Some(first) = cursor.next() else { return Rows::Never };
    match first.text.to_ascii_uppercase().as_str() {
        "INSERT" | "REPLACE" | "UPDATE" | "DELETE" | "LOAD" => named(written_tables(dialect, statement)),
        "SET" if !cursor.next_is("STATEMENT") => Rows::ByFunctions,
        "SELECT" | "DO" | "SHOW" | "PREPARE" | "DEALLOCATE" => Rows::ByFunctions,
        "CREATE" => create(dialect, statement, cursor, way),
        "ALTER" if cursor.eat(&["TABLE"]) => alter(cursor, way),
        "DROP" => match cursor.eat_any(&["INDEX", "TRIGGER", "VIEW", "FUNCTION", "PROCEDURE", "TABLE"]) {
            Some("TABLE") => Rows::Gone(dropped(cursor)),
            Some(_) => Rows::Never,
            None => Rows::Any,
        },
        _ => Rows::Any,
    }
}

fn named(tables: Vec<String>) -> Rows {
    if tables.is_empty() { Rows::Any } else { Rows::Of(tables) }
}

fn dropped(mut cursor: Cursor<'_>) -> Vec<String> {
    cursor.eat(&["IF", "EXISTS"]);
    let mut tables = Vec::new();
    while let Some(name) = cursor.qualified_name() {
        tables.extend(name.last().map(|name| name.to_lowercase()));
        cursor.eat_sign(",");
    }
    tables
}

fn create(dialect: Dialect, statement: &str, mut cursor: Cursor<'_>, way: Way) -> Rows {
    let replaces = cursor.eat(&["OR", "REPLACE"]);
    if let Some((table, _)) = created_with_engine(dialect, statement) {
        let from_rows = selects(dialect, statement);
        let plain = way == Way::Up && !replaces && !from_rows;
        return if plain { Rows::Never } else { Rows::Of(vec![table]) };
    }
    let kind = cursor.find(|piece| {
        piece.is_any(&["TABLE", "SEQUENCE", "EVENT", "INDEX", "TRIGGER", "VIEW", "FUNCTION", "PROCEDURE"])
    });
    match kind {
        Some(kind) if !kind.is_any(&["TABLE", "SEQUENCE", "EVENT"]) => Rows::Never,
        _ => Rows::Any,
    }
}

/// Whether a statement creates a function or a trigger, which may change rows when others run.
pub fn creates_code(dialect: Dialect, statement: &str) -> bool {
    let mut cursor = Cursor::new(dialect, statement);
    cursor.eat(&["CREATE"]) && cursor.any(|piece| piece.is_any(&["FUNCTION", "TRIGGER"]))
}

/// Whether a `CREATE TABLE` fills its table (`VALUES LESS THAN` and `VALUES IN` are of partitions).
pub fn selects(dialect: Dialect, statement: &str) -> bool {
    let mut cursor = Cursor::new(dialect, statement);
    if !cursor.eat(&["CREATE"]) {
        return false;
    }
    while let Some(piece) = cursor.next() {
        let values = piece.is("VALUES") && cursor.peek().is_some_and(|next| next.text == "(");
        if values || piece.is("SELECT") {
            return true;
        }
    }
    false
}

/// Only `ADD` upwards, only `DROP` downwards: with the same schema before and after, nothing was lost.
fn alter(mut cursor: Cursor<'_>, way: Way) -> Rows {
    cursor.eat(&["IF", "EXISTS"]);
    let Some(table) = cursor.qualified_name().and_then(|mut name| name.pop()) else { return Rows::Any };
    let harmless = if way == Way::Up { "ADD" } else { "DROP" };
    let (mut depth, mut begins, mut gentle) = (0_usize, true, true);
    for piece in cursor {
        if piece.is_any(&["EXCHANGE", "REFERENCES"]) && (way == Way::Up || piece.is("EXCHANGE")) {
            return Rows::Any;
        }
        if std::mem::take(&mut begins) && !piece.is_any(&[harmless, "ALGORITHM", "LOCK"]) {
            gentle = false;
        }
        match piece.text {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "," => begins = depth == 0,
            _ => {}
        }
    }
    if gentle { Rows::Never } else { Rows::Of(vec![table.to_lowercase()]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(statement: &str, way: Way) -> Rows {
        rows(Dialect::MariaDb, statement, way)
    }

    #[test]
    fn what_is_surely_harmless() {
        for statement in [
            "CREATE TABLE t (a INT, b INT AS (a + 1))",
            "CREATE UNIQUE INDEX i ON t (a)",
            "CREATE OR REPLACE VIEW v AS SELECT 1",
            "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1",
            "ALTER TABLE t ADD a INT, ADD UNIQUE (a, b), ALGORITHM = INSTANT",
            "DROP VIEW v",
        ] {
            assert_eq!(of(statement, Way::Up), Rows::Never, "{statement}");
        }
        assert_eq!(of("ALTER TABLE t DROP COLUMN a, DROP KEY b", Way::Down), Rows::Never);
        assert_eq!(of("SELECT f(1)", Way::Up), Rows::ByFunctions);
    }

    #[test]
    fn what_may_lose_rows() {
        let t = Rows::Of(vec!["t".to_owned()]);
        for statement in [
            "CREATE TABLE t AS SELECT 1",
            "CREATE OR REPLACE TABLE T (a INT)",
            "ALTER TABLE t ADD a INT, DROP b",
            "ALTER TABLE t MODIFY a TINYINT",
            "DELETE FROM t",
        ] {
            assert_eq!(of(statement, Way::Up), t, "{statement}");
        }
        let gone = Rows::Gone(vec!["t".to_owned(), "u".to_owned()]);
        assert_eq!(of("DROP TABLE IF EXISTS t, `U`", Way::Up), gone);
        assert_eq!(of("CREATE TABLE t (a INT)", Way::Down), t);
        assert_eq!(of("ALTER TABLE t ADD a INT", Way::Down), t);
        for statement in [
            "TRUNCATE t",
            "CALL p()",
            "EXECUTE IMMEDIATE 'DELETE FROM t'",
            "RENAME TABLE t TO u",
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t",
            "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u (a) ON DELETE CASCADE",
            "ALTER TABLE t EXCHANGE PARTITION p WITH TABLE u",
            "INSERT INTO other.t VALUES (1)",
            "ALTER IGNORE TABLE t ADD UNIQUE (a)",
            "SET STATEMENT max_statement_time = 1 FOR DELETE FROM t",
        ] {
            assert_eq!(of(statement, Way::Up), Rows::Any, "{statement}");
        }
    }
}
