//! Our tables on PostgreSQL, and other tools' ones.

use sqlx::Row as _;

use super::{Postgres, quote};
use crate::backend::tables::{is_outdated, known_layout, select};
use crate::backend::{SQLX_COLUMNS, Tables, error, history_row, release, seen, strange};
use crate::database::{
    DatabaseError, FOREIGN_TABLES, ForeignColumn, ForeignColumnKind, ForeignRows, ForeignTable, Stranger,
    foreign_tool,
};
use crate::history::{History, LAYOUT, Partial, Run, StepRow};

/// How a time becomes text, in UTC.
const TIME: &str = "'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'";

/// SQL that makes our tables where they are absent, and gives outdated ones the present layout.
pub(super) fn create(tables: &Tables, outdated: bool) -> String {
    let upgrade = if outdated { upgrade(tables) } else { String::new() };
    let schema = tables.schema().unwrap_or(super::DEFAULT_SCHEMA);
    let schema = if schema == super::DEFAULT_SCHEMA {
        String::new() // a role may be allowed to use `public` and not to create schemas
    } else {
        format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\"; ")
    };
    format!(
        "SET LOCAL client_min_messages = warning; {schema}\
         CREATE TABLE IF NOT EXISTS {} (id text PRIMARY KEY, checksum text, dialect text, kind text NOT NULL, run text NOT NULL, \
         position bigint NOT NULL, executed_at timestamptz NOT NULL, execution_ms bigint); \
         CREATE TABLE IF NOT EXISTS {} (id text PRIMARY KEY, started_at timestamptz NOT NULL, lock_digest text NOT NULL, \
         tool_version text NOT NULL, \"user\" text NOT NULL, verdict text, reason text, release text, \
         layout integer NOT NULL DEFAULT {LAYOUT}); \
         CREATE TABLE IF NOT EXISTS {} (id text NOT NULL, n integer NOT NULL, started_at timestamptz NOT NULL, finished_at timestamptz, \
         prefix_hash text NOT NULL, direction text NOT NULL DEFAULT 'up', fingerprint text, meant text, PRIMARY KEY (id, n)); {upgrade}RESET client_min_messages",
        tables.migrations(),
        tables.runs(),
        tables.steps(),
    )
}

/// SQL that brings tables of layout 1 to ours; once more does nothing.
fn upgrade(tables: &Tables) -> String {
    format!(
        "ALTER TABLE {} ADD COLUMN IF NOT EXISTS layout integer NOT NULL DEFAULT {LAYOUT}; \
         ALTER TABLE {} ADD COLUMN IF NOT EXISTS direction text NOT NULL DEFAULT 'up'; ",
        tables.runs(),
        tables.steps()
    )
}

/// Whether the table of steps has the columns that came after its layout; they are added where they are absent.
pub(super) const STEP_COLUMNS: &str = "attname = 'fingerprint' AND NOT attisdropped";

/// SQL that adds them.
pub(super) fn add_step_columns(tables: &Tables) -> String {
    format!("ALTER TABLE {} ADD COLUMN fingerprint text, ADD COLUMN meant text", tables.steps())
}

/// Reads all three tables in one message; absent ones are empty.
pub(super) async fn read(postgres: &mut Postgres) -> Result<History, DatabaseError> {
    let tables = postgres.tables.clone();
    let layout: i64 = postgres
        .one(format!(
            "SELECT CASE WHEN to_regclass('{}') IS NULL THEN 0 WHEN EXISTS (SELECT FROM pg_attribute \
             WHERE attrelid = to_regclass('{}') AND attname = 'layout' AND NOT attisdropped) THEN {LAYOUT} ELSE 1 END::bigint",
            tables.migrations(),
            tables.runs()
        ))
        .await?;
    if layout == 0 {
        return Ok(History::default());
    }
    postgres.layout = u32::try_from(layout).ok();
    let (direction, layout_column) =
        if is_outdated(postgres.layout) { ("'up'", "1") } else { ("direction", "layout") };
    // a column more or less would be another layout: each kind of row says which it is
    let rows = postgres
        .fetch(format!(
            "SELECT m.id, checksum, dialect, kind, run, position, to_char(executed_at AT TIME ZONE 'UTC', {TIME}), execution_ms, release \
             FROM {} m LEFT JOIN {} r ON r.id = m.run",
            tables.migrations(),
            tables.runs(),
        ))
        .await?;
    let mut history = History::new(rows.iter().map(history_row).collect::<Result<_, _>>()?);
    history.set_releases(rows.iter().filter_map(release));
    history.layout = u32::try_from(layout).ok();
    let rest = postgres
        .fetch(format!(
            "(SELECT 'step', id, (finished_at IS NOT NULL)::text, prefix_hash, n, {direction}, to_jsonb(s) ->> 'fingerprint', to_jsonb(s) ->> 'meant' \
             FROM {} s ORDER BY id, n) UNION ALL \
             (SELECT 'run', id, to_char(started_at AT TIME ZONE 'UTC', {TIME}), verdict, {layout_column}, tool_version, NULL, NULL FROM {} \
             ORDER BY started_at DESC LIMIT 1) UNION ALL \
             (SELECT 'seen', id, release, reason, NULL, NULL, NULL, NULL FROM {} WHERE {} ORDER BY started_at)",
            tables.steps(),
            tables.runs(),
            tables.runs(),
            tables.since_one_lacked(),
        ))
        .await?;
    let (mut steps, mut runs) = (Vec::new(), Vec::new());
    for row in &rest {
        let text = |i: usize| row.try_get::<Option<String>, _>(i).map_err(error);
        let id = text(1)?.unwrap_or_default();
        if text(0)?.as_deref() == Some("seen") {
            runs.push(seen(Some(id), text(2)?, text(3)?.as_deref()));
        } else if text(0)?.as_deref() == Some("step") {
            let n: i32 = row.try_get(4).map_err(error)?;
            steps.push(StepRow {
                id: id.parse().map_err(|_| strange(&id))?,
                n: usize::try_from(n).unwrap_or_default(),
                finished: text(2)?.as_deref() == Some("true"),
                prefix: text(3)?.and_then(|hex| hex.parse().ok()),
                error: None,
                fingerprint: text(6)?.and_then(|hex| hex.parse().ok()),
                undoing: text(5)?.as_deref() == Some("down"),
                meant: text(7)?,
            });
        } else {
            let layout: i32 = row.try_get(4).map_err(error)?;
            history.layout = Some(known_layout(layout.into(), &text(5)?.unwrap_or_default())?);
            history.last_run = Some(Run { id, started_at: text(2)?.unwrap_or_default(), verdict: text(3)? });
        }
    }
    history.set_seen(runs);
    history.set_partial(Partial::collect(steps));
    Ok(history)
}

/// Other tools' tables with rows in them, in any schema that we may read.
pub(super) async fn strangers(postgres: &mut Postgres) -> Result<Vec<Stranger>, DatabaseError> {
    let names: Vec<String> = FOREIGN_TABLES.iter().map(|(table, _)| format!("'{table}'")).collect();
    let found = postgres
        .fetch(format!(
            "SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind = 'r' AND (c.relname IN ({}) OR (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid \
             AND a.attname IN ({})) = 6) AND has_table_privilege(c.oid, 'SELECT') \
             AND has_schema_privilege(n.oid, 'USAGE') ORDER BY 1, 2",
            names.join(", "),
            SQLX_COLUMNS
        ))
        .await?;
    let mut strangers = Vec::new();
    for row in &found {
        let (schema, table): (String, String) =
            (row.try_get(0).map_err(error)?, row.try_get(1).map_err(error)?);
        let qualified = format!("\"{}\".\"{}\"", schema.replace('"', "\"\""), table.replace('"', "\"\""));
        let rows: i64 = postgres.one(format!("SELECT count(*) FROM {qualified}")).await?;
        let tool = foreign_tool(&table);
        if rows > 0 {
            strangers.push(Stranger { tool, table: format!("{schema}.{table}"), rows });
        }
    }
    Ok(strangers)
}

/// Whether there is a table of this name.
pub(super) async fn has_table(
    postgres: &mut Postgres,
    schema: Option<&str>,
    table: &str,
) -> Result<bool, DatabaseError> {
    let schema = quote(schema.unwrap_or(super::DEFAULT_SCHEMA));
    let sql = format!(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {schema} AND c.relname = {})",
        quote(table)
    );
    postgres.one::<bool>(sql).await
}

/// All rows of another tool's table.
pub(super) async fn foreign_rows(
    postgres: &mut Postgres,
    table: ForeignTable<'_>,
) -> Result<ForeignRows, DatabaseError> {
    let ident = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let column = |column: &ForeignColumn| match column.kind {
        ForeignColumnKind::Text => format!("{}::text", column.name),
        ForeignColumnKind::Time => format!("to_char({} AT TIME ZONE 'UTC', {TIME})", column.name),
        ForeignColumnKind::Bytes => format!("encode({}, 'hex')", column.name),
    };
    let from = format!("{}.{}", ident(table.schema.unwrap_or(super::DEFAULT_SCHEMA)), ident(table.table));
    let rows = postgres.fetch(select(table, column, &from)).await?;
    let texts = |row: &sqlx::postgres::PgRow| {
        (0..row.len()).map(|i| row.try_get(i).map_err(error)).collect::<Result<Vec<_>, _>>()
    };
    rows.iter().map(texts).collect()
}
