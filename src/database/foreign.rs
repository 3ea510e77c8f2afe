//! What passes the ports of the tables by which other tools remember.
//!
//! How those tables look and what their rows mean is `adopt`'s.

use crate::tool::Tool;

/// The table of another migration tool, with rows in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stranger {
    /// The tool's name: `sqlx`.
    pub tool: &'static str,
    /// The table, qualified where that says more.
    pub table: String,
    /// How many rows.
    pub rows: i64,
}

/// The tables by which other tools remember, for [`Stranger`] and to leave them out of the schema.
pub const FOREIGN_TABLES: [(&str, &str); 10] = [
    ("_sqlx_migrations", "sqlx"),
    ("refinery_schema_history", "refinery"),
    ("__diesel_schema_migrations", "diesel"),
    ("seaql_migrations", "sea-orm"),
    ("schema_migrations", "dbmate or golang-migrate"),
    ("goose_db_version", "goose"),
    ("flyway_schema_history", "flyway"),
    ("doctrine_migration_versions", "doctrine"),
    ("django_migrations", "django"),
    ("alembic_version", "alembic"),
];

/// The tool that remembers in a table of this name; one of any other name was found by sqlx's columns.
pub fn foreign_tool(table: &str) -> &'static str {
    FOREIGN_TABLES.iter().find(|(name, _)| *name == table).map_or("sqlx", |(_, tool)| tool)
}

/// The table by which another tool remembers.
#[derive(Clone, Copy, Debug)]
pub struct ForeignTable<'a> {
    /// Its schema, where it is not the usual one.
    pub schema: Option<&'a str>,
    /// Its name.
    pub table: &'a str,
    /// What is read of it.
    pub columns: &'a [ForeignColumn],
    /// The columns that put its rows in order, in SQL.
    pub order: &'a str,
}

/// A column of it.
#[derive(Clone, Copy, Debug)]
pub struct ForeignColumn {
    /// Its name.
    pub name: &'static str,
    /// What is in it.
    pub kind: ForeignColumnKind,
}

/// What is in a column of another tool's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignColumnKind {
    /// What is taken as the text that it is.
    Text,
    /// A time; as text in UTC.
    Time,
    /// Bytes; as text in hex.
    Bytes,
}

/// The rows of another tool's table, each column as text.
pub type ForeignRows = Vec<Vec<Option<String>>>;

/// The table of another tool that is kept up to date beside ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorTable {
    /// Whose it is.
    pub tool: Tool,
    /// Its name.
    pub name: String,
    /// Its versions have eight bytes (refinery).
    pub wide: bool,
}

/// A row of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorRow {
    /// As the tool spells it.
    pub version: String,
    /// What it calls the migration.
    pub name: String,
    /// When it ran, in RFC 3339.
    pub at: String,
    /// The tool's checksum, in hex or as it writes numbers.
    pub checksum: String,
    /// How long it took; -1 where that is not known.
    pub nanoseconds: i64,
}
