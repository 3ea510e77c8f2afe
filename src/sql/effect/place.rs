//! Statements whose effect is not confined to the connected database.

use crate::dialect::Dialect;
use crate::sql::cursor::Cursor;
use crate::sql::lex::TokenKind;

/// What a statement reaches beyond its database, if it does: roles, other databases, tablespaces,
/// settings of the server, other files. Such a statement is not replayed on a scratch database,
/// where it would wait for our own transaction or change the real thing.
pub fn beyond_database(dialect: Dialect, statement: &str) -> Option<&'static str> {
    let cursor = Cursor::new(dialect, statement);
    match dialect {
        Dialect::Postgres => postgres(cursor),
        Dialect::Sqlite => sqlite(cursor),
        Dialect::MariaDb | Dialect::MySql => mysql(cursor),
    }
}

/// One row per thing: its keywords, then the labels of creating, altering and dropping it.
type Labels = (&'static str, [&'static str; 3]);

const POSTGRES: &[Labels] = &[
    ("ROLE", ["CREATE ROLE", "ALTER ROLE", "DROP ROLE"]),
    ("USER", ["CREATE USER", "ALTER USER", "DROP USER"]),
    ("GROUP", ["CREATE GROUP", "ALTER GROUP", "DROP GROUP"]),
    ("DATABASE", ["CREATE DATABASE", "ALTER DATABASE", "DROP DATABASE"]),
    ("TABLESPACE", ["CREATE TABLESPACE", "ALTER TABLESPACE", "DROP TABLESPACE"]),
    ("SUBSCRIPTION", ["CREATE SUBSCRIPTION", "ALTER SUBSCRIPTION", "DROP SUBSCRIPTION"]),
    ("SYSTEM", ["", "ALTER SYSTEM", ""]),
];

const MYSQL: &[Labels] = &[
    ("ROLE", ["CREATE ROLE", "", "DROP ROLE"]),
    ("USER", ["CREATE USER", "ALTER USER", "DROP USER"]),
    ("DATABASE", ["CREATE DATABASE", "ALTER DATABASE", "DROP DATABASE"]),
    ("SCHEMA", ["CREATE SCHEMA", "ALTER SCHEMA", "DROP SCHEMA"]),
    ("TABLESPACE", ["CREATE TABLESPACE", "ALTER TABLESPACE", "DROP TABLESPACE"]),
    ("SERVER", ["CREATE SERVER", "ALTER SERVER", "DROP SERVER"]),
];

/// What `CREATE`, `ALTER` or `DROP` is followed by.
fn labelled(mut cursor: Cursor<'_>, things: &[Labels]) -> Option<&'static str> {
    let verb = cursor.eat_any(&["CREATE", "ALTER", "DROP"])?;
    cursor.eat(&["OR", "REPLACE"]);
    let (thing, labels) = things.iter().find(|(thing, _)| cursor.next_is(thing))?;
    // a user mapping is an object of the database
    if *thing == "USER" && cursor.eat(&["USER", "MAPPING"]) {
        return None;
    }
    let verb = ["CREATE", "ALTER", "DROP"].iter().position(|known| *known == verb)?;
    Some(labels[verb]).filter(|label| !label.is_empty())
}

fn postgres(mut cursor: Cursor<'_>) -> Option<&'static str> {
    const SHARED: &[&str] = &["DATABASE", "TABLESPACE", "PARAMETER"];
    match cursor.eat_any(&["GRANT", "REVOKE", "COMMENT"]) {
        Some("COMMENT") => {
            let shared = cursor.eat(&["ON"]) && cursor.eat_any(&["DATABASE", "TABLESPACE", "ROLE"]).is_some();
            shared.then_some("COMMENT ON DATABASE")
        }
        // `GRANT privilege ON object TO role`, or `GRANT role TO role`
        Some(verb) => {
            let end = cursor.find(|piece| piece.is_any(&["ON", "TO", "FROM"]))?;
            let object = end.is("ON");
            match verb {
                "GRANT" if !object => Some("GRANT role"),
                "GRANT" => cursor.eat_any(SHARED).map(|_| "GRANT ON DATABASE"),
                _ if !object => Some("REVOKE role"),
                _ => cursor.eat_any(SHARED).map(|_| "REVOKE ON DATABASE"),
            }
        }
        None => labelled(cursor, POSTGRES),
    }
}

fn sqlite(mut cursor: Cursor<'_>) -> Option<&'static str> {
    match cursor.eat_any(&["ATTACH", "DETACH", "VACUUM"])? {
        "VACUUM" => cursor.any(|piece| piece.is("INTO")).then_some("VACUUM INTO"),
        word => Some(word),
    }
}

fn mysql(mut cursor: Cursor<'_>) -> Option<&'static str> {
    if let Some(database) = other_database(cursor.clone()) {
        return Some(database);
    }
    if let Some(word) = cursor.eat_any(&[
        "GRANT",
        "REVOKE",
        "USE",
        "FLUSH",
        "RESET",
        "PURGE",
        "INSTALL",
        "UNINSTALL",
        "KILL",
        "SHUTDOWN",
        "CHANGE",
        "STOP",
        "CLONE",
        "BACKUP",
    ]) {
        return Some(word);
    }
    if cursor.eat(&["START", "SLAVE"]) || cursor.eat(&["START", "REPLICA"]) {
        return Some("START REPLICA");
    }
    if cursor.eat(&["RENAME", "USER"]) {
        return Some("RENAME USER");
    }
    if cursor.eat(&["SET"]) {
        if cursor.eat(&["STATEMENT"]) {
            return cursor.any(|piece| piece.is("FOR")).then(|| mysql(cursor)).flatten();
        }
        let words = &["GLOBAL", "PERSIST", "PERSIST_ONLY", "PASSWORD"];
        let stored = cursor.eat(&["DEFAULT", "ROLE"]) || cursor.any(|piece| piece.is_any(words));
        return stored.then_some("SET GLOBAL");
    }
    // without a name it is the connected one's: its default character set decides about later tables
    let mut own = cursor.clone();
    let options = &["DEFAULT", "CHARACTER", "CHARSET", "COLLATE", "COMMENT"];
    if own.eat(&["ALTER"]) && own.eat_any(&["DATABASE", "SCHEMA"]).is_some() && own.eat_any(options).is_some()
    {
        return None;
    }
    labelled(cursor, MYSQL)
}

/// Whether a table or routine of another database is named: `database.table` where only such a name
/// can stand. The schemas that every server has to look into do not count.
fn other_database(mut cursor: Cursor<'_>) -> Option<&'static str> {
    const BEFORE: &[&str] = &[
        "FROM",
        "JOIN",
        "INTO",
        "UPDATE",
        "TABLE",
        "TABLES",
        "REFERENCES",
        "VIEW",
        "TRIGGER",
        "PROCEDURE",
        "FUNCTION",
        "EVENT",
        "SEQUENCE",
        "CALL",
        "TRUNCATE",
    ];
    const BETWEEN: &[&str] = &["IF", "NOT", "EXISTS", "ONLY", "LOW_PRIORITY", "IGNORE", "TABLE"];
    const SEEN: [&str; 3] = ["information_schema", "performance_schema", "sys"];
    // `EXTRACT(YEAR FROM t.c)`: what stands behind this FROM is a column
    const CALLS: &[&str] = &["EXTRACT", "TRIM", "SUBSTRING", "SUBSTR", "MID"];
    let mut parens: Vec<bool> = Vec::new();
    let (mut calls, mut after_key) = (false, false);
    while let Some(piece) = cursor.next() {
        match piece.kind {
            TokenKind::OpenParen => parens.push(calls),
            TokenKind::CloseParen => _ = parens.pop(),
            _ => {}
        }
        calls = piece.is_any(CALLS);
        // `ON DUPLICATE KEY UPDATE t.a = 1`
        let after = std::mem::replace(&mut after_key, piece.is("KEY"));
        let names = piece.is_any(BEFORE) && !(after && piece.is("UPDATE"));
        if !names || parens.last() == Some(&true) {
            continue;
        }
        let mut ahead = cursor.clone();
        ahead.skip_any(BETWEEN);
        let Some(name) =
            ahead.peek().filter(|name| matches!(name.kind, TokenKind::Word | TokenKind::QuotedName))
        else {
            continue;
        };
        ahead.next();
        if ahead.eat_sign(".") && !SEEN.contains(&name.unquoted().to_ascii_lowercase().as_str()) {
            return Some("a name in another database");
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_other_databases() {
        for yes in [
            "INSERT INTO d.t VALUES (1)",
            "CREATE TABLE IF NOT EXISTS `d`.`t` (a INT)",
            "SELECT * FROM t JOIN mysql.user u ON 1",
            "UPDATE d.t SET a = 1",
            "CALL d.p()",
            "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES d.t (a)",
        ] {
            assert_eq!(beyond_database(Dialect::MariaDb, yes), Some("a name in another database"), "{yes}");
        }
        for no in [
            "SELECT t.a, EXTRACT(YEAR FROM t.b), TRIM(LEADING 'x' FROM t.c) FROM t WHERE t.a = 1.5",
            "SELECT * FROM information_schema.tables",
            "UPDATE t SET t.a = 1 WHERE b LIKE t.c",
            "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE t.a = 2",
            "ALTER DATABASE CHARACTER SET utf8mb4",
            "SET @a = 1",
        ] {
            assert_eq!(beyond_database(Dialect::MariaDb, no), None, "{no}");
        }
        assert_eq!(
            beyond_database(Dialect::MariaDb, "ALTER DATABASE d CHARACTER SET x"),
            Some("ALTER DATABASE")
        );
        assert_eq!(beyond_database(Dialect::MariaDb, "SET @@global.x = 1"), Some("SET GLOBAL"));
    }
}
