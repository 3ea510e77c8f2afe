//! How large tables are, as the planner knows it.

use sqlx::Row as _;

use super::Postgres;
use crate::backend::error;
use crate::database::{DatabaseError, TableSize};

/// A table that was never analysed has -1 rows (before PostgreSQL 14: 0): what its pages can hold is a better guess
/// than none. A partitioned one has what its partitions have; where one is on another server, that cannot be told.
const SIZES: &str = "SELECT n.nspname::text, c.relname::text, \
     CASE WHEN c.relkind = 'p' THEN coalesce(parts.amount, 0) \
     WHEN c.reltuples <= 0 THEN pg_relation_size(c.oid) / 64 ELSE c.reltuples::bigint END, \
     CASE WHEN c.relkind = 'p' THEN coalesce(parts.bytes, 0) ELSE pg_total_relation_size(c.oid) END \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     LEFT JOIN LATERAL (SELECT sum(CASE WHEN p.reltuples <= 0 THEN pg_relation_size(p.oid) / 64 ELSE p.reltuples::bigint END)::bigint AS amount, \
     sum(pg_total_relation_size(p.oid))::bigint AS bytes, bool_or(p.relkind = 'f') AS elsewhere \
     FROM pg_partition_tree(c.oid) t JOIN pg_class p ON p.oid = t.relid WHERE t.isleaf AND p.relkind <> 'p') parts \
     ON c.relkind = 'p' \
     WHERE c.relkind IN ('r', 'm', 'p') AND parts.elsewhere IS NOT TRUE AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
     ORDER BY n.nspname <> 'public', n.nspname, c.relname";

pub(super) async fn table_sizes(postgres: &mut Postgres) -> Result<Vec<TableSize>, DatabaseError> {
    let number = |value: i64| u64::try_from(value).unwrap_or(0);
    let size = |row: &sqlx::postgres::PgRow| -> Result<TableSize, sqlx::Error> {
        let schema: String = row.try_get(0)?;
        Ok(TableSize {
            schema: Some(schema).filter(|schema| schema != "public"),
            table: row.try_get(1)?,
            rows: number(row.try_get(2)?),
            bytes: Some(number(row.try_get(3)?)),
        })
    };
    let rows = postgres.fetch(SIZES).await?;
    rows.iter().map(|row| size(row).map_err(error)).collect()
}
