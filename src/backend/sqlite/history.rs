//! Our tables on SQLite, and other tools' ones.

use sqlx::Row as _;

use super::{Sqlite, quote};
use crate::database::{
    DatabaseError, FOREIGN_TABLES, ForeignColumn, ForeignColumnKind, ForeignRows, ForeignTable, Stranger,
    foreign_tool,
};
use crate::history::{History, LAYOUT, Partial, Run, StepRow};

use crate::backend::tables::{is_outdated, known_layout, select};
use crate::backend::{SQLX_COLUMNS, Tables, error, history_row, seen, strange};

/// The server's clock, in milliseconds since 1970.
pub(super) const NOW_MS: &str = "CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER)";
/// The server's clock, as text.
pub(super) const NOW: &str = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";

/// SQL that makes our tables where they are absent.
pub(super) fn create(tables: &Tables) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {} (id TEXT NOT NULL PRIMARY KEY, checksum TEXT, dialect TEXT, kind TEXT NOT NULL, \
         run TEXT NOT NULL, position INTEGER NOT NULL, executed_at TEXT NOT NULL, execution_ms INTEGER) WITHOUT ROWID;\n\
         CREATE TABLE IF NOT EXISTS {} (id TEXT NOT NULL PRIMARY KEY, started_at TEXT NOT NULL, lock_digest TEXT NOT NULL, \
         tool_version TEXT NOT NULL, \"user\" TEXT NOT NULL, verdict TEXT, reason TEXT, release TEXT, \
         layout INTEGER NOT NULL DEFAULT {LAYOUT});\n\
         CREATE TABLE IF NOT EXISTS {} (id TEXT NOT NULL, n INTEGER NOT NULL, started_at TEXT NOT NULL, finished_at TEXT, \
         prefix_hash TEXT NOT NULL, direction TEXT NOT NULL DEFAULT 'up', PRIMARY KEY (id, n)) WITHOUT ROWID;",
        tables.migrations(),
        tables.runs(),
        tables.steps(),
    )
}

/// SQL that brings tables of layout 1 to ours.
pub(super) fn upgrade(tables: &Tables) -> String {
    format!(
        "ALTER TABLE {} ADD COLUMN layout INTEGER NOT NULL DEFAULT {LAYOUT}; \
         ALTER TABLE {} ADD COLUMN direction TEXT NOT NULL DEFAULT 'up';",
        tables.runs(),
        tables.steps()
    )
}

/// The oldest layout that our tables can have; `None` where they are absent.
pub(super) async fn layout(sqlite: &mut Sqlite) -> Result<Option<u32>, DatabaseError> {
    let [migrations, runs, _] = sqlite.tables.names();
    let sql = format!(
        "SELECT (SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '{migrations}'), \
         (SELECT count(*) FROM pragma_table_info('{runs}') WHERE name = 'layout')"
    );
    let rows = sqlite.fetch(sql).await?;
    let counted = |i: usize| rows.first().map_or(Ok(0), |row| row.try_get::<i64, _>(i)).map_err(error);
    Ok((counted(0)? > 0).then_some(if counted(1)? > 0 { LAYOUT } else { 1 }))
}

/// Reads all three tables; absent ones are empty.
pub(super) async fn read(sqlite: &mut Sqlite) -> Result<History, DatabaseError> {
    let Some(layout) = layout(sqlite).await? else { return Ok(History::default()) };
    sqlite.layout = Some(layout);
    let tables = sqlite.tables.clone();
    let rows = sqlite
        .fetch(format!(
            "SELECT id, checksum, dialect, kind, run, position, executed_at, execution_ms FROM {} ORDER BY position",
            tables.migrations()
        ))
        .await?;
    let mut history = History::new(rows.iter().map(history_row).collect::<Result<_, _>>()?);
    // one look at the few runs: a join would look them up once for each of the many rows
    let runs = format!("SELECT id, release, reason FROM {} ORDER BY started_at, rowid", tables.runs());
    let runs = sqlite.fetch(runs).await?;
    let release = |row: &sqlx::sqlite::SqliteRow| Some((row.try_get(0).ok()?, row.try_get(1).ok()?));
    history.set_releases(runs.iter().filter_map(release));
    let text = |row: &sqlx::sqlite::SqliteRow, i: usize| row.try_get::<Option<String>, _>(i).map_err(error);
    let runs = runs.iter().map(|row| Ok(seen(text(row, 0)?, text(row, 1)?, text(row, 2)?.as_deref())));
    history.set_seen(runs.collect::<Result<Vec<_>, DatabaseError>>()?);
    history.layout = Some(layout);
    let direction = if is_outdated(sqlite.layout) { "'up'" } else { "direction" };
    let steps = sqlite
        .fetch(format!(
            "SELECT id, n, finished_at IS NOT NULL, prefix_hash, {direction} FROM {} ORDER BY id, n",
            tables.steps()
        ))
        .await?;
    let step = |row: &sqlx::sqlite::SqliteRow| {
        let (id, hash): (String, String) = (row.try_get(0).map_err(error)?, row.try_get(3).map_err(error)?);
        let n: i64 = row.try_get(1).map_err(error)?;
        Ok(StepRow {
            id: id.parse().map_err(|_| strange(&id))?,
            n: usize::try_from(n).unwrap_or_default(),
            finished: row.try_get(2).map_err(error)?,
            prefix: hash.parse().ok(),
            error: None,
            fingerprint: None,
            undoing: row.try_get::<String, _>(4).map_err(error)? == "down",
            meant: None,
        })
    };
    history.set_partial(Partial::collect(steps.iter().map(step).collect::<Result<Vec<_>, DatabaseError>>()?));
    let runs = sqlite
        .fetch(format!(
            "SELECT id, started_at, verdict, tool_version, {} FROM {} ORDER BY started_at DESC, rowid DESC LIMIT 1",
            if is_outdated(sqlite.layout) { "1" } else { "layout" },
            tables.runs()
        ))
        .await?;
    if let Some(run) = runs.first() {
        let (tool, layout): (String, i64) = (run.try_get(3).map_err(error)?, run.try_get(4).map_err(error)?);
        history.layout = Some(known_layout(layout, &tool)?);
        history.last_run = Some(Run {
            id: run.try_get(0).map_err(error)?,
            started_at: run.try_get(1).map_err(error)?,
            verdict: run.try_get(2).map_err(error)?,
        });
    }
    Ok(history)
}

/// Other tools' tables with rows in them.
pub(super) async fn strangers(sqlite: &mut Sqlite) -> Result<Vec<Stranger>, DatabaseError> {
    let names: Vec<String> = FOREIGN_TABLES.iter().map(|(table, _)| format!("'{table}'")).collect();
    let found = sqlite
        .fetch(format!(
            "SELECT m.name FROM sqlite_schema m WHERE m.type = 'table' AND (m.name IN ({}) OR \
             (SELECT count(*) FROM pragma_table_info(m.name) c WHERE c.name IN ({SQLX_COLUMNS})) = 6) ORDER BY m.name",
            names.join(", "),
        ))
        .await?;
    let mut strangers = Vec::new();
    for row in &found {
        let table: String = row.try_get(0).map_err(error)?;
        let counted =
            sqlite.fetch(format!("SELECT count(*) FROM \"{}\"", table.replace('"', "\"\""))).await?;
        let rows: i64 = counted.first().map_or(Ok(0), |row| row.try_get(0)).map_err(error)?;
        if rows > 0 {
            strangers.push(Stranger { tool: foreign_tool(&table), table, rows });
        }
    }
    Ok(strangers)
}

/// Whether there is a table of this name.
pub(super) async fn has_table(
    sqlite: &mut Sqlite,
    schema: Option<&str>,
    table: &str,
) -> Result<bool, DatabaseError> {
    let sql = format!(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name = {} COLLATE NOCASE",
        quote(table)
    );
    Ok(schema.is_none() && !sqlite.fetch(sql).await?.is_empty())
}

/// All rows of another tool's table.
pub(super) async fn foreign_rows(
    sqlite: &mut Sqlite,
    table: ForeignTable<'_>,
) -> Result<ForeignRows, DatabaseError> {
    if let Some(schema) = table.schema {
        return Err(DatabaseError::Unfit(format!("SQLite has no schema `{schema}`")));
    }
    let column = |column: &ForeignColumn| match column.kind {
        ForeignColumnKind::Text | ForeignColumnKind::Time => format!("CAST({} AS TEXT)", column.name),
        ForeignColumnKind::Bytes => format!("lower(hex({}))", column.name),
    };
    let rows =
        sqlite.fetch(select(table, column, &format!("\"{}\"", table.table.replace('"', "\"\"")))).await?;
    let texts = |row: &sqlx::sqlite::SqliteRow| {
        (0..row.len()).map(|i| row.try_get(i).map_err(error)).collect::<Result<Vec<_>, _>>()
    };
    rows.iter().map(texts).collect()
}
