//! How large tables are: SQLite keeps no count, and the highest row id, which it finds at once, is near it.

use sqlx::Row as _;

use super::Sqlite;
use crate::backend::error;
use crate::database::{DatabaseError, TableSize};

/// Tables without row ids are left out: to count them would mean to read them.
const TABLES: &str = "SELECT name FROM pragma_table_list \
     WHERE schema = 'main' AND type = 'table' AND wr = 0 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";

pub(super) async fn table_sizes(sqlite: &mut Sqlite) -> Result<Vec<TableSize>, DatabaseError> {
    let mut sizes = Vec::new();
    for row in sqlite.fetch(TABLES).await? {
        let table: String = row.try_get(0).map_err(error)?;
        let query = format!("SELECT coalesce(max(_rowid_), 0) FROM \"{}\"", table.replace('"', "\"\""));
        let rows = sqlite.fetch(&query).await?;
        let highest: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0)).map_err(error)?;
        sizes.push(TableSize { schema: None, table, rows: u64::try_from(highest).unwrap_or(0), bytes: None });
    }
    Ok(sizes)
}
