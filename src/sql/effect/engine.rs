//! Storage engines that a statement of MariaDB or MySQL names, and the tables whose rows it writes.

use crate::dialect::Dialect;
use crate::sql::cursor::{Cursor, Piece};
use crate::sql::lex::TokenKind;

/// Whether an engine takes changes back on a rollback and after a crash.
pub fn recovers(engine: &str) -> bool {
    let known = ["innodb", "rocksdb", "tokudb", "ndb", "ndbcluster", "spider"];
    known.iter().any(|name| engine.eq_ignore_ascii_case(name))
}

/// The lower-cased name of the table that a statement creates or converts, and the engine that it names;
/// `None` for other statements.
pub fn created_with_engine(dialect: Dialect, statement: &str) -> Option<(String, Option<String>)> {
    let mut cursor = Cursor::new(dialect, statement);
    let creates = cursor.eat(&["CREATE"]);
    if !creates && !cursor.eat(&["ALTER"]) {
        return None;
    }
    cursor.skip_any(&["OR", "REPLACE", "ONLINE", "IGNORE"]);
    if !cursor.eat(&["TABLE"]) {
        return None;
    }
    cursor.eat(&["IF", "NOT", "EXISTS"]);
    cursor.eat(&["IF", "EXISTS"]);
    let table = cursor.qualified_name()?.pop()?.to_lowercase();
    let mut engine = None;
    let mut depth = 0_usize;
    while let Some(piece) = cursor.next() {
        match piece.kind {
            TokenKind::OpenParen => depth += 1,
            TokenKind::CloseParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && piece.is("ENGINE") {
            cursor.eat_sign("=");
            engine = cursor.next().map(|name| name.unquoted());
        }
    }
    // an ALTER that names no engine leaves it as it is
    (creates || engine.is_some()).then_some((table, engine))
}

/// Whether a statement creates a table that lasts.
pub fn creates_table(dialect: Dialect, statement: &str) -> bool {
    Cursor::new(dialect, statement).eat(&["CREATE", "TABLE"])
}

/// The lower-cased names of the tables whose rows a statement inserts, updates, deletes or replaces.
pub fn written_tables(dialect: Dialect, statement: &str) -> Vec<String> {
    let mut cursor = Cursor::new(dialect, statement);
    let Some(verb) = cursor.eat_any(&["INSERT", "REPLACE", "UPDATE", "DELETE", "LOAD"]) else {
        return Vec::new();
    };
    let start = match verb {
        "LOAD" => cursor.any(|piece| piece.is("TABLE")),
        "DELETE" => cursor.any(|piece| piece.is("FROM")),
        _ => {
            cursor.skip_any(&["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "QUICK", "IGNORE", "INTO"]);
            true
        }
    };
    if !start {
        return Vec::new();
    }
    let mut tables = Vec::new();
    while let Some(mut name) = cursor.qualified_name() {
        tables.extend(name.pop().map(|name| name.to_lowercase()));
        // `UPDATE a, b SET …`, `UPDATE a JOIN b …`, `DELETE FROM a USING a JOIN b …`
        let next = |piece: Piece<'_>| piece.is_any(&["JOIN", "USING"]) || piece.kind == TokenKind::Comma;
        let end = |piece: &Piece<'_>| {
            piece.is_any(&["SET", "WHERE", "VALUES", "VALUE", "SELECT"]) || piece.text == "("
        };
        let several = matches!(verb, "UPDATE" | "DELETE");
        let more = several && cursor.by_ref().take_while(|piece| !end(piece)).any(next);
        if !more {
            break;
        }
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_and_targets() {
        let created = |statement| created_with_engine(Dialect::MariaDb, statement);
        let pair = |table: &str, engine: &str| Some((table.to_owned(), Some(engine.to_owned())));
        assert_eq!(created("CREATE TABLE T (engine INT) ENGINE=MyISAM"), pair("t", "myisam"));
        assert_eq!(created("ALTER TABLE `T` ADD a INT, ENGINE InnoDB"), pair("t", "innodb"));
        assert_eq!(created("CREATE TABLE IF NOT EXISTS t (a INT)"), Some(("t".to_owned(), None)));
        assert_eq!(created("ALTER TABLE t ADD a INT"), None);
        for (statement, tables) in [
            ("INSERT IGNORE INTO `A` VALUES (1)", &["a"][..]),
            ("REPLACE d.b SELECT 1", &["b"]),
            ("UPDATE a, b SET a.x = 1", &["a", "b"]),
            ("DELETE FROM a WHERE 1", &["a"]),
            ("DELETE x FROM a x JOIN b ON 1 WHERE 1, c", &["a", "b"]),
            ("UPDATE a JOIN b ON a.x = b.x SET a.y = 1, b.y = 2", &["a", "b"]),
            ("LOAD DATA INFILE 'x' INTO TABLE a", &["a"]),
            ("SELECT 1", &[]),
        ] {
            assert_eq!(written_tables(Dialect::MariaDb, statement), tables, "{statement}");
        }
        assert!(recovers("InnoDB") && !recovers("MyISAM"));
    }
}
