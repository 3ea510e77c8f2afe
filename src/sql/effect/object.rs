//! What a statement makes or takes away, as far as the plan must know.

use crate::dialect::Dialect;
use crate::sql::cursor::Cursor;
use crate::sql::lex::TokenKind;

/// The table that a statement drops (`DROP TABLE`) or moves out of its name (`ALTER TABLE … RENAME
/// TO`), unquoted, lower-cased, without its schema. On SQLite foreign keys that point to it must be
/// off then: both are steps of a rebuild, and dropping the old table deletes by cascade.
pub fn dropped_tables(dialect: Dialect, statement: &str) -> Option<String> {
    let mut cursor = Cursor::new(dialect, statement);
    let drops = cursor.eat(&["DROP", "TABLE"]);
    if !drops && !cursor.eat(&["ALTER", "TABLE"]) {
        return None;
    }
    cursor.eat(&["IF", "EXISTS"]);
    let name = cursor.qualified_name()?.pop()?;
    (drops || cursor.eat(&["RENAME", "TO"])).then(|| name.to_lowercase())
}

/// The value that `ALTER TYPE … ADD VALUE` adds to an enum (PostgreSQL); using it in the same
/// transaction is refused there.
pub fn added_enum_value(dialect: Dialect, statement: &str) -> Option<AddedValue> {
    let mut cursor = Cursor::new(dialect, statement);
    if dialect != Dialect::Postgres || !cursor.eat(&["ALTER", "TYPE"]) {
        return None;
    }
    let type_name = cursor.qualified_name()?.pop()?;
    if !cursor.eat(&["ADD", "VALUE"]) {
        return None;
    }
    cursor.eat(&["IF", "NOT", "EXISTS"]);
    let value = cursor.next().filter(|piece| piece.kind == TokenKind::Text)?.unquoted();
    Some(AddedValue { type_name, value })
}

/// A value that a statement adds to an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedValue {
    /// The type, without its schema.
    pub type_name: String,
    /// The value.
    pub value: String,
}

impl AddedValue {
    /// Whether a text uses it, as far as a parse shows that.
    pub fn is_used_in(&self, text: &str) -> bool {
        #[cfg(feature = "postgres")]
        return super::super::postgres::uses_enum_value(text, &self.type_name, &self.value);
        #[cfg(not(feature = "postgres"))]
        return text.contains(&format!("'{}'::", self.value.replace('\'', "''")));
    }
}

/// The lower-cased name of the pragma that a statement of SQLite reads or sets.
pub fn is_pragma(statement: &str) -> Option<String> {
    let mut cursor = Cursor::new(Dialect::Sqlite, statement);
    if !cursor.eat(&["PRAGMA"]) {
        return None;
    }
    Some(cursor.qualified_name()?.pop()?.to_ascii_lowercase())
}

/// Whether a statement sets something for the rest of the session, so that the statements behind it may
/// need it again on another connection.
pub fn sets_session(dialect: Dialect, statement: &str) -> bool {
    let mut cursor = Cursor::new(dialect, statement);
    if !dialect.facts().transactional_ddl && cursor.eat_any(&["USE", "PREPARE"]).is_some() {
        return true;
    }
    if cursor.eat(&["SET"]) {
        if cursor.eat_any(&["PASSWORD", "STATEMENT", "GLOBAL", "DEFAULT"]).is_some() {
            return false;
        }
        return cursor.eat_any(&["LOCAL", "TRANSACTION", "CONSTRAINTS"]).is_none();
    }
    cursor.eat_any(&["RESET", "PRAGMA"]).is_some()
}

/// Whether a statement creates something that lasts only as long as the session.
pub fn creates_temporary(dialect: Dialect, statement: &str) -> bool {
    let mut cursor = Cursor::new(dialect, statement);
    if !cursor.eat(&["CREATE"]) {
        return false;
    }
    cursor.skip_any(&["OR", "REPLACE", "GLOBAL", "LOCAL", "AGGREGATE"]);
    if cursor.eat_any(&["TEMP", "TEMPORARY"]).is_some() {
        return true;
    }
    let schema = match dialect {
        Dialect::Postgres => "pg_temp",
        Dialect::Sqlite => "temp",
        Dialect::MariaDb | Dialect::MySql => return false,
    };
    // the schema of the first qualified name, which is that of the new object
    while let Some(piece) = cursor.next() {
        if cursor.peek().is_some_and(|next| next.text == ".") {
            return piece.unquoted().eq_ignore_ascii_case(schema);
        }
        if piece.kind == TokenKind::OpenParen || piece.is_any(&["AS", "ON"]) {
            return false;
        }
    }
    false
}

/// Whether a statement updates or deletes rows, so that a foreign key's action could follow.
pub fn changes_rows(dialect: Dialect, statement: &str) -> bool {
    let mut cursor = Cursor::new(dialect, statement);
    cursor.eat_any(&["UPDATE", "DELETE", "REPLACE"]).is_some() || cursor.eat(&["INSERT", "OR", "REPLACE"])
}

/// Whether a statement changes rows and nothing else, as far as its words tell.
///
/// ```
/// use db_migrations::{dialect::Dialect, sql::is_data};
/// assert!(is_data(Dialect::Postgres, "WITH a AS (SELECT 1) UPDATE t SET b = 2"));
/// assert!(!is_data(Dialect::Postgres, "WITH a AS (SELECT 1) SELECT 2 INTO t"));
/// assert!(!is_data(Dialect::Postgres, "DROP TABLE t"));
/// ```
pub fn is_data(dialect: Dialect, statement: &str) -> bool {
    let words = ["INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE"];
    let mut cursor = Cursor::new(dialect, statement);
    cursor.eat_any(&words).is_some() || (cursor.eat(&["WITH"]) && cursor.any(|piece| piece.is_any(&words)))
}
