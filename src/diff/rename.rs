//! Renames: how they are written, which ones two schemas suggest, and which ones a declared text says.

use crate::dialect::Dialect;
use crate::schema::Schema;

/// Something that gets another name and keeps its rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rename {
    /// A table; names as in [`crate::schema::Object::name`].
    Table {
        /// Its name before.
        from: String,
        /// Its name afterwards.
        to: String,
    },
    /// A column, after tables were renamed.
    Column {
        /// The table, by its name afterwards.
        table: String,
        /// Its name before, as in a table's text.
        from: String,
        /// Its name afterwards.
        to: String,
    },
}

/// The statement that does it.
pub fn statement(dialect: Dialect, rename: &Rename) -> String {
    let _ = (dialect, rename);
    String::new()
}

/// What two schemas suggest: a table or column that went, and one that came at the same place with the same type.
pub fn suggested(dialect: Dialect, from: &Schema, to: &Schema) -> Vec<Rename> {
    let _ = (dialect, from, to);
    Vec::new()
}
