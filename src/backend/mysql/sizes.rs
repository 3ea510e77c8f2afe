//! How large tables are, as the storage engine estimates it.

use sqlx::Row as _;

use super::{MySql, text};
use crate::backend::error;
use crate::database::{DatabaseError, TableSize};

const SIZES: &str = "SELECT table_name, CAST(coalesce(table_rows, 0) AS SIGNED), \
     CAST(coalesce(data_length, 0) + coalesce(index_length, 0) AS SIGNED) \
     FROM information_schema.tables WHERE table_schema = database() AND table_type = 'BASE TABLE' ORDER BY table_name";

pub(super) async fn table_sizes(mysql: &mut MySql) -> Result<Vec<TableSize>, DatabaseError> {
    let rows = mysql.fetch(mysql.unwaiting(SIZES)).await?;
    let mut sizes = Vec::with_capacity(rows.len());
    for row in &rows {
        let number = |column: usize| -> Result<u64, DatabaseError> {
            let value: i64 = row.try_get(column).map_err(error)?;
            Ok(u64::try_from(value).unwrap_or(0))
        };
        let table = text(row, 0)?.unwrap_or_default();
        sizes.push(TableSize { schema: None, table, rows: number(1)?, bytes: Some(number(2)?) });
    }
    Ok(sizes)
}
