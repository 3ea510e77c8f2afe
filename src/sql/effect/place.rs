//! Statements whose effect is not confined to the connected database.

use crate::dialect::Dialect;
use crate::sql::cursor::Cursor;

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
    if let Some(word) = cursor.eat_any(&["GRANT", "REVOKE", "USE"]) {
        return Some(word);
    }
    if cursor.eat(&["RENAME", "USER"]) {
        return Some("RENAME USER");
    }
    if cursor.eat(&["SET"]) {
        return cursor.eat_any(&["GLOBAL", "PERSIST"]).map(|_| "SET GLOBAL");
    }
    labelled(cursor, MYSQL)
}
