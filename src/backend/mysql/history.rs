//! Our tables on MariaDB and MySQL, and other tools' ones.

use sqlx::Row as _;
use sqlx::mysql::MySqlRow;

use super::{MySql, quote, quote_name, text};
use crate::backend::tables::{is_outdated, known_layout, select};
use crate::backend::{SQLX_COLUMNS, Tables, seen, strange};
use crate::database::{
    DatabaseError, FOREIGN_TABLES, ForeignColumn, ForeignColumnKind, ForeignRows, ForeignTable, Stranger,
    foreign_tool,
};
use crate::dialect::Dialect;
use crate::history::{History, LAYOUT, Partial, Row, RowKind, Run, StepRow};

/// The server's clock, in UTC.
pub(super) const NOW: &str = "UTC_TIMESTAMP(6)";

/// SQL that brings tables of layout 1 to ours.
pub(super) fn upgrade(tables: &Tables) -> String {
    format!("ALTER TABLE {} ADD COLUMN layout int NOT NULL DEFAULT {LAYOUT}", tables.runs())
}

/// SQL that makes our tables where they are absent, one statement each.
pub(super) fn create(tables: &Tables) -> [String; 3] {
    let id = "id varchar(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL";
    let end = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";
    // that of the migrations last: while it is absent, nothing has run
    [
        format!(
            "CREATE TABLE IF NOT EXISTS {} ({id}, started_at datetime(6) NOT NULL, lock_digest char(64) NOT NULL, \
             tool_version varchar(64) NOT NULL, `user` text NOT NULL, verdict text, reason text, `release` text, \
             layout int NOT NULL DEFAULT {LAYOUT}, PRIMARY KEY (id)) {end}",
            tables.runs()
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {} ({id}, n int NOT NULL, started_at datetime(6) NOT NULL, finished_at datetime(6), \
             prefix_hash char(64) NOT NULL, fingerprint char(64), meant mediumtext, error text, direction varchar(4) NOT NULL DEFAULT 'up', \
             PRIMARY KEY (id, n)) {end}",
            tables.steps()
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {} ({id}, checksum char(64), dialect varchar(16), kind varchar(16) NOT NULL, \
             run varchar(64) NOT NULL, position bigint NOT NULL, executed_at datetime(6) NOT NULL, execution_ms bigint, \
             PRIMARY KEY (id)) {end}",
            tables.migrations()
        ),
    ]
}

/// How a time becomes text.
fn time(column: &str) -> String {
    format!("CONCAT(LEFT(DATE_FORMAT({column}, '%Y-%m-%dT%H:%i:%s.%f'), 23), 'Z')")
}

/// Reads all three tables; absent ones are empty.
pub(super) async fn read(mysql: &mut MySql) -> Result<History, DatabaseError> {
    let names = mysql.tables.names();
    let exist = format!(
        "SELECT CONCAT(COUNT(*), IF(SUM(TABLE_NAME = '{runs}') > (SELECT COUNT(*) FROM information_schema.COLUMNS \
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{runs}' AND COLUMN_NAME = 'layout'), ' outdated', '')) \
         FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ('{}')",
        names.join("', '"),
        runs = names[1],
    );
    let found = mysql.one(exist).await?.unwrap_or_default();
    let count = found.trim_end_matches(" outdated");
    mysql.layout = Some(if count == found { LAYOUT } else { 1 });
    match count {
        "3" => {}
        // one that a crash or a hand has taken away comes back empty with the next run
        "1" | "2" => return read_what_is_there(mysql).await,
        _ => return Ok(History::default()),
    }
    read_all(mysql).await
}

/// The history where not all tables are there.
async fn read_what_is_there(mysql: &mut MySql) -> Result<History, DatabaseError> {
    let tables = mysql.tables.clone();
    let alone = format!(
        "SELECT id, checksum, dialect, kind, run, position, {}, execution_ms FROM {} ORDER BY position",
        time("executed_at"),
        tables.migrations()
    );
    let rows = match mysql.fetch(alone).await {
        Ok(rows) => rows,
        Err(DatabaseError::Sql(error)) if error.number == Some(1146) => return Ok(History::default()),
        Err(error) => return Err(error),
    };
    Ok(History::new(rows.iter().map(row).collect::<Result<_, _>>()?))
}

/// All rows, with the release of their run.
fn migrations(tables: &Tables) -> String {
    format!(
        "SELECT m.id, checksum, dialect, kind, run, position, {}, execution_ms, `release` FROM {} m LEFT JOIN {} r ON r.id = m.run \
         ORDER BY position",
        time("executed_at"),
        tables.migrations(),
        tables.runs()
    )
}

async fn read_all(mysql: &mut MySql) -> Result<History, DatabaseError> {
    let tables = mysql.tables.clone();
    let rows = mysql.fetch(migrations(&tables)).await?;
    let mut history = History::new(rows.iter().map(row).collect::<Result<_, _>>()?);
    history.set_releases(
        rows.iter().filter_map(|row| Some((text(row, 4).ok().flatten()?, text(row, 8).ok().flatten()?))),
    );
    let steps = mysql
        .fetch(format!(
            "SELECT id, n, finished_at IS NOT NULL, prefix_hash, error, fingerprint, direction, meant FROM {} ORDER BY id, n",
            tables.steps()
        ))
        .await?;
    history.layout = mysql.layout;
    history.set_partial(Partial::collect(steps.iter().map(step).collect::<Result<Vec<_>, DatabaseError>>()?));
    let runs = mysql
        .fetch(format!(
            "SELECT id, {}, verdict, tool_version, {} FROM {} ORDER BY started_at DESC LIMIT 1",
            time("started_at"),
            if is_outdated(mysql.layout) { "1" } else { "layout" },
            tables.runs()
        ))
        .await?;
    let seen_runs = format!(
        "SELECT id, `release`, reason FROM {} WHERE {} ORDER BY started_at",
        tables.runs(),
        tables.since_one_lacked()
    );
    let seen_runs = mysql.fetch(seen_runs).await?;
    let seen_runs =
        seen_runs.iter().map(|row| Ok(seen(text(row, 0)?, text(row, 1)?, text(row, 2)?.as_deref())));
    history.set_seen(seen_runs.collect::<Result<Vec<_>, DatabaseError>>()?);
    if let Some(run) = runs.first() {
        let layout = text(run, 4)?.and_then(|layout| layout.parse().ok()).unwrap_or(1);
        history.layout = Some(known_layout(layout, &text(run, 3)?.unwrap_or_default())?);
        history.last_run = Some(Run {
            id: text(run, 0)?.unwrap_or_default(),
            started_at: text(run, 1)?.unwrap_or_default(),
            verdict: text(run, 2)?,
        });
    }
    Ok(history)
}

fn row(row: &MySqlRow) -> Result<Row, DatabaseError> {
    let id = text(row, 0)?.unwrap_or_default();
    let number = |column| Ok::<_, DatabaseError>(text(row, column)?.and_then(|number| number.parse().ok()));
    Ok(Row {
        id: id.parse().map_err(|_| strange(&id))?,
        checksum: text(row, 1)?.and_then(|hex| hex.parse().ok()),
        dialect: text(row, 2)?.and_then(|name| Dialect::from_alias(&name)),
        kind: text(row, 3)?.and_then(|name| RowKind::from_name(&name)).unwrap_or(RowKind::Applied),
        run: text(row, 4)?.unwrap_or_default(),
        position: number(5)?.unwrap_or_default(),
        executed_at: text(row, 6)?.unwrap_or_default(),
        execution_ms: number(7)?,
    })
}

fn step(row: &MySqlRow) -> Result<StepRow, DatabaseError> {
    let id = text(row, 0)?.unwrap_or_default();
    let hash = |column| Ok::<_, DatabaseError>(text(row, column)?.and_then(|hex| hex.parse().ok()));
    Ok(StepRow {
        id: id.parse().map_err(|_| strange(&id))?,
        n: text(row, 1)?.and_then(|n| n.parse().ok()).unwrap_or_default(),
        finished: text(row, 2)?.as_deref() == Some("1"),
        prefix: hash(3)?,
        error: text(row, 4)?,
        fingerprint: hash(5)?,
        undoing: text(row, 6)?.as_deref() == Some("down"),
        meant: text(row, 7)?,
    })
}

/// Other tools' tables with rows in them.
pub(super) async fn strangers(mysql: &mut MySql) -> Result<Vec<Stranger>, DatabaseError> {
    let names: Vec<String> = FOREIGN_TABLES.iter().map(|(table, _)| format!("'{table}'")).collect();
    let query = format!(
        "SELECT t.TABLE_NAME FROM information_schema.TABLES t WHERE t.TABLE_SCHEMA = DATABASE() \
         AND t.TABLE_TYPE = 'BASE TABLE' AND (t.TABLE_NAME IN ({}) OR (SELECT COUNT(*) FROM information_schema.COLUMNS c \
         WHERE c.TABLE_SCHEMA = DATABASE() AND c.TABLE_NAME = t.TABLE_NAME AND c.COLUMN_NAME IN ({SQLX_COLUMNS})) = 6) \
         ORDER BY t.TABLE_NAME",
        names.join(", ")
    );
    let found = mysql.fetch(mysql.unwaiting(&query)).await?;
    let mut strangers = Vec::new();
    for row in &found {
        let table = text(row, 0)?.unwrap_or_default();
        let counted = mysql.one(format!("SELECT COUNT(*) FROM {}", quote_name(&table))).await?;
        let rows = counted.and_then(|count| count.parse().ok()).unwrap_or_default();
        if rows > 0 {
            strangers.push(Stranger { tool: foreign_tool(&table), table, rows });
        }
    }
    Ok(strangers)
}

/// Whether there is a table of this name.
pub(super) async fn has_table(
    mysql: &mut MySql,
    schema: Option<&str>,
    table: &str,
) -> Result<bool, DatabaseError> {
    let schema = schema.map_or_else(|| "DATABASE()".to_owned(), quote);
    let sql = format!(
        "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = {schema} AND TABLE_NAME = {}",
        quote(table)
    );
    Ok(mysql.one(sql).await?.is_some_and(|count| count != "0"))
}

/// All rows of another tool's table, in the connected database or in another one.
pub(super) async fn foreign_rows(
    mysql: &mut MySql,
    table: ForeignTable<'_>,
) -> Result<ForeignRows, DatabaseError> {
    let schema = table.schema.unwrap_or(&mysql.database).to_owned();
    let column = |column: &ForeignColumn| match column.kind {
        ForeignColumnKind::Text => format!("CAST({} AS CHAR)", quote_name(column.name)),
        ForeignColumnKind::Time => {
            time(&format!("CONVERT_TZ({}, @@session.time_zone, '+00:00')", quote_name(column.name)))
        }
        ForeignColumnKind::Bytes => format!("LOWER(HEX({}))", quote_name(column.name)),
    };
    let from = format!("{}.{}", quote_name(&schema), quote_name(table.table));
    let rows = mysql.fetch(select(table, column, &from)).await?;
    rows.iter().map(|row| (0..row.len()).map(|i| text(row, i)).collect()).collect()
}
