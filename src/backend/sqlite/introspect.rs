//! The schema of an SQLite database: the texts that SQLite itself keeps.
//!
//! Shadow tables of virtual tables, `sqlite_*` and our own tables are left out; indexes that a
//! constraint made have no text. Two queries, however many objects there are.

use std::collections::BTreeSet;

use sqlx::Row as _;

use super::Sqlite;
use crate::backend::error;
use crate::database::{DatabaseError, FOREIGN_TABLES};
use crate::schema::{Kind, Object, Schema};

const OBJECTS: &str = "SELECT type, name, tbl_name, sql FROM sqlite_schema \
     WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
     AND name NOT IN (SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow') ORDER BY type, name";

pub(super) async fn introspect(sqlite: &mut Sqlite) -> Result<Schema, DatabaseError> {
    let own = sqlite.tables.names();
    let left_out = |table: &str| {
        own.iter().any(|name| name == table) || FOREIGN_TABLES.iter().any(|(name, _)| *name == table)
    };
    let mut objects = Vec::new();
    for row in sqlite.fetch(OBJECTS).await? {
        let table: String = row.try_get(2).map_err(error)?;
        if left_out(&table) {
            continue;
        }
        let kind: String = row.try_get(0).map_err(error)?;
        let name: String = row.try_get(1).map_err(error)?;
        let sql: String = row.try_get(3).map_err(error)?;
        objects.extend(object(&kind, &name, &sql));
    }
    objects.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    Ok(Schema::new(objects))
}

fn object(kind: &str, name: &str, sql: &str) -> Option<Object> {
    let kind = match kind {
        "table" if sql.trim_start().get(..14).is_some_and(|s| s.eq_ignore_ascii_case("create virtual")) => {
            Kind::VirtualTable
        }
        "table" => Kind::Table,
        "view" => Kind::View,
        "index" => Kind::Index,
        "trigger" => Kind::Trigger,
        _ => return None,
    };
    // a comment may stand at the end of the kept text: the semicolon must not become part of it
    let end = if sql.lines().last().is_some_and(|line| line.contains("--")) { "\n;" } else { ";" };
    Some(Object { kind, name: name.to_owned(), definition: format!("{}{end}", sql.trim_end()) })
}

/// The tables that a foreign key points at.
pub(super) async fn referenced_tables(sqlite: &mut Sqlite) -> Result<BTreeSet<String>, DatabaseError> {
    let rows = sqlite
        .fetch(
            "SELECT DISTINCT lower(f.\"table\") FROM sqlite_schema m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'",
        )
        .await?;
    rows.iter().map(|row| row.try_get(0).map_err(error)).collect()
}
