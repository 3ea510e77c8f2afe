//! Rows for the proof of a migration: made up from what the texts of a schema say, and read back.
//!
//! Two rows a table, parents first, with values that fit the columns' types, the labels of enums, lists
//! in checks, and foreign keys. A table may refuse what is made up here; then it stays empty, and whoever
//! tries says so. Nothing here runs anything.

mod shape;
mod value;

use std::collections::BTreeMap;

use crate::dialect::Dialect;
use crate::schema::{Kind, Schema};

pub(crate) use shape::key;
use shape::{Column, Table, tables};
use value::value;

/// How much is put into a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fill {
    /// A row with all its values, and one without those that may be absent.
    #[default]
    Sparse,
    /// Rows with all their values.
    Full,
    /// Nothing.
    Nothing,
}

impl Fill {
    /// What asks less of a migration.
    #[must_use]
    pub const fn less(self) -> Self {
        match self {
            Self::Sparse => Self::Full,
            Self::Full | Self::Nothing => Self::Nothing,
        }
    }
}

/// A statement that adds a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insert {
    /// The table, as [`crate::schema::Object::name`] has it.
    pub table: String,
    /// Its text.
    pub sql: String,
}

/// The rows of a schema, in the order in which they can be added.
pub fn inserts(dialect: Dialect, schema: &Schema, fill: &BTreeMap<String, Fill>) -> Vec<Insert> {
    let tables = tables(dialect, schema);
    let labels = value::labels(dialect, schema);
    let mut inserts = Vec::new();
    for table in ordered(&tables) {
        let fill = fill.get(&table.name).copied().unwrap_or_default();
        let numbers = if fill == Fill::Nothing { 0..0 } else { 1..3 };
        inserts.extend(numbers.map(|n| Insert {
            table: table.name.clone(),
            sql: insert(dialect, &tables, table, &labels, n, fill),
        }));
    }
    inserts
}

/// Parents before children; a circle is cut somewhere.
fn ordered(tables: &[Table]) -> Vec<&Table> {
    fn visit<'a>(tables: &'a [Table], at: usize, seen: &mut [bool], order: &mut Vec<&'a Table>) {
        if std::mem::replace(&mut seen[at], true) {
            return;
        }
        for parent in tables[at].parents.iter().filter_map(|parent| place(tables, &parent.table)) {
            visit(tables, parent, seen, order);
        }
        order.push(&tables[at]);
    }
    let mut seen = vec![false; tables.len()];
    let mut order = Vec::with_capacity(tables.len());
    for at in 0..tables.len() {
        visit(tables, at, &mut seen, &mut order);
    }
    order
}

fn place(tables: &[Table], key: &str) -> Option<usize> {
    tables.iter().position(|table| table.key == key)
}

fn insert(
    dialect: Dialect,
    tables: &[Table],
    table: &Table,
    labels: &BTreeMap<String, Vec<String>>,
    n: usize,
    fill: Fill,
) -> String {
    let mut names = Vec::new();
    let mut values = Vec::new();
    for column in &table.columns {
        let has_own = column.has_default || column.always_identity;
        if column.generated || column.always_identity || (has_own && n == 1) {
            continue;
        }
        let may_lack = !column.not_null && n == 2 && fill == Fill::Sparse && !column.has_default;
        names.push(column.sql.clone());
        values.push(match parent_value(tables, table, column, n) {
            _ if may_lack => "NULL".to_owned(),
            Some(value) => value,
            None => value(dialect, table, column, labels, n),
        });
    }
    if names.is_empty() {
        return match dialect {
            Dialect::MariaDb | Dialect::MySql => format!("INSERT INTO {} () VALUES ();", table.sql),
            Dialect::Postgres | Dialect::Sqlite => format!("INSERT INTO {} DEFAULT VALUES;", table.sql),
        };
    }
    format!("INSERT INTO {} ({}) VALUES ({});", table.sql, names.join(", "), values.join(", "))
}

/// The value of a row that a foreign key points at.
fn parent_value(tables: &[Table], table: &Table, column: &Column, n: usize) -> Option<String> {
    let (parent, at) = table.parents.iter().find_map(|parent| {
        let at = parent.columns.iter().position(|name| *name == column.key)?;
        Some((parent, at))
    })?;
    if parent.table == table.key {
        return (!column.not_null).then(|| "NULL".to_owned());
    }
    let there = &tables[place(tables, &parent.table)?];
    let sql = |key: &String| {
        let column = there.columns.iter().find(|column| column.key == *key);
        column.map_or_else(|| key.clone(), |column| column.sql.clone())
    };
    let pointed = if parent.pointed.is_empty() { &there.key_columns } else { &parent.pointed };
    let pointed: Vec<String> = pointed.iter().map(sql).collect();
    let wanted = pointed.get(at)?;
    let (order, there) = (pointed.join(", "), &there.sql);
    Some(format!("(SELECT {wanted} FROM {there} ORDER BY {order} LIMIT 1 OFFSET {})", n - 1))
}

/// What of a table must be the same before and after a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The table, by its name afterwards.
    pub table: String,
    /// Reads it before.
    pub before: String,
    /// Reads it afterwards.
    pub after: String,
}

/// The tables that are there before and after, with the columns that stay what they are; `table` and `column`
/// answer with the new name of a table, and of its column.
pub fn kept(
    dialect: Dialect,
    from: &Schema,
    to: &Schema,
    table: impl Fn(&str) -> String,
    column: impl Fn(&str, &str) -> String,
) -> Vec<Kept> {
    let after = tables(dialect, to);
    let mut kept = Vec::new();
    for was in tables(dialect, from) {
        let name = table(&was.name);
        let Some(is) = after.iter().find(|table| table.name == name) else { continue };
        let pairs: Vec<(&Column, &Column)> = was
            .columns
            .iter()
            .filter_map(|old| {
                let key = column(&name, &old.key);
                let new = is.columns.iter().find(|new| new.key == key)?;
                let same = new.kind == old.kind && !new.generated && !old.generated;
                same.then_some((old, new))
            })
            .collect();
        let select = |sql: &str, columns: Vec<&Column>| {
            let columns: Vec<String> = columns.into_iter().map(|c| readable(dialect, &c.sql)).collect();
            let what = if columns.is_empty() { "1".to_owned() } else { columns.join(", ") };
            format!("SELECT {what} FROM {sql}")
        };
        kept.push(Kept {
            before: select(&was.sql, pairs.iter().map(|pair| pair.0).collect()),
            after: select(&is.sql, pairs.iter().map(|pair| pair.1).collect()),
            table: name,
        });
    }
    kept
}

/// A value as a text that shows every byte of it.
fn readable(dialect: Dialect, column: &str) -> String {
    match dialect {
        Dialect::MariaDb | Dialect::MySql => format!("HEX({column})"),
        Dialect::Postgres => format!("{column}::text"),
        Dialect::Sqlite => format!("quote({column})"),
    }
}

/// What reads all of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// The table, as [`crate::schema::Object::name`] has it; or a sequence.
    pub table: String,
    /// The names of the columns that are read, those that are computed from others left out.
    pub columns: Vec<String>,
    /// The query: each value is a text of hexadecimal digits, or null.
    pub sql: String,
}

/// What reads every table of a schema, and the state of every sequence that has a name of its own.
pub fn readers(dialect: Dialect, schema: &Schema) -> Vec<Reader> {
    let select = |sql: &str, columns: &[String]| {
        let columns: Vec<String> = columns.iter().map(|column| in_digits(dialect, column)).collect();
        format!("SELECT {} FROM {sql}", columns.join(", "))
    };
    let mut readers = Vec::new();
    for table in tables(dialect, schema) {
        let own = table.columns.iter().filter(|column| !column.generated);
        let columns: Vec<String> = own.map(|column| column.sql.clone()).collect();
        if !columns.is_empty() {
            let sql = select(&table.sql, &columns);
            let names = columns.iter().map(|name| name.trim_matches(['`', '"']).to_owned());
            readers.push(Reader { sql, table: table.name, columns: names.collect() });
        }
    }
    if dialect == Dialect::Postgres {
        let columns = ["last_value".to_owned(), "is_called".to_owned()];
        for object in schema.objects.iter().filter(|object| object.kind == Kind::Sequence) {
            let sql = select(&object.name, &columns);
            readers.push(Reader { table: object.name.clone(), columns: columns.to_vec(), sql });
        }
    }
    readers
}

/// A value, whatever its type, as a text that shows every byte of it and holds no comma.
fn in_digits(dialect: Dialect, column: &str) -> String {
    match dialect {
        // of a number `HEX` would show the integer part only
        Dialect::MariaDb | Dialect::MySql => format!("HEX(CONCAT({column}))"),
        Dialect::Postgres => format!("encode(convert_to({column}::text, 'UTF8'), 'hex')"),
        Dialect::Sqlite => format!("CASE WHEN {column} IS NOT NULL THEN hex(quote({column})) END"),
    }
}

/// The tables of these that a statement speaks of.
pub fn mentioned<'a>(
    dialect: Dialect,
    schema: &Schema,
    names: impl Iterator<Item = &'a String>,
    statement: &str,
) -> Vec<String> {
    let words = shape::names_in(dialect, statement);
    let tables = tables(dialect, schema);
    let key = |name: &String| {
        let table = tables.iter().find(|table| table.name == *name)?;
        words.contains(table.key.rsplit('.').next()?).then(|| name.clone())
    };
    names.filter_map(key).collect()
}

#[cfg(test)]
mod tests;
