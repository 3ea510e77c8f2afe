//! The tables of other tools, written as those tools write them.
//!
//! Layouts of sqlx 0.9, refinery 0.10 and diesel 2, as they make them themselves. Only what is new is inserted;
//! what is there is left alone.

use crate::database::{MirrorRow, MirrorTable};
use crate::dialect::Dialect;
use crate::tool::Tool;

use super::tables::Words;

/// How a database spells what a table of another tool needs.
struct Types {
    time: &'static str,
    now: &'static str,
    bytes: &'static str,
}

fn types(dialect: Dialect) -> Types {
    match dialect {
        Dialect::Postgres => Types { time: "TIMESTAMPTZ", now: "now()", bytes: "BYTEA" },
        Dialect::Sqlite | Dialect::MariaDb | Dialect::MySql => {
            Types { time: "TIMESTAMP", now: "CURRENT_TIMESTAMP", bytes: "BLOB" }
        }
    }
}

/// Its name, quoted.
fn name(dialect: Dialect, table: &MirrorTable) -> String {
    let mark = if matches!(dialect, Dialect::MariaDb | Dialect::MySql) { '`' } else { '"' };
    let quoted = format!("{mark}{}{mark}", table.name.replace(mark, &format!("{mark}{mark}")));
    if dialect == Dialect::Postgres { format!("public.{quoted}") } else { quoted }
}

/// SQL that makes the table where it is absent.
pub(super) fn create(dialect: Dialect, table: &MirrorTable) -> String {
    let Types { time, now, bytes } = types(dialect);
    let columns = match table.tool {
        Tool::Refinery => {
            let version = if table.wide { "BIGINT" } else { "INTEGER" };
            format!(
                "version {version} PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255)"
            )
        }
        Tool::Diesel => {
            // without a time zone, as diesel reads it
            "version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP"
                .to_owned()
        }
        _ => format!(
            "version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on {time} NOT NULL DEFAULT {now}, \
             success BOOLEAN NOT NULL, checksum {bytes} NOT NULL, execution_time BIGINT NOT NULL"
        ),
    };
    format!("CREATE TABLE IF NOT EXISTS {} ({columns})", name(dialect, table))
}

/// SQL that writes rows; one that is there stays.
pub(super) fn insert(
    dialect: Dialect,
    words: &Words,
    table: &MirrorTable,
    rows: &[MirrorRow],
) -> Vec<String> {
    let quote = words.quote;
    let row = |row: &MirrorRow| {
        let (columns, values) = match table.tool {
            Tool::Refinery => (
                "version, name, applied_on, checksum",
                format!(
                    "{}, {}, {}, {}",
                    row.version,
                    quote(&row.name),
                    quote(&row.at),
                    quote(&row.checksum)
                ),
            ),
            Tool::Diesel => {
                ("version, run_on", format!("{}, {}", quote(&row.version), local(dialect, words, &row.at)))
            }
            _ => (
                "version, description, installed_on, success, checksum, execution_time",
                format!(
                    "{}, {}, {}, TRUE, {}, {}",
                    row.version,
                    quote(&row.name),
                    if dialect == Dialect::Postgres {
                        (words.timestamp)(&row.at)
                    } else {
                        local(dialect, words, &row.at)
                    },
                    bytes(dialect, &row.checksum),
                    row.nanoseconds
                ),
            ),
        };
        let (ignore, end) = words.once;
        format!("INSERT {ignore}INTO {} ({columns}) VALUES ({values}){end}", name(dialect, table))
    };
    rows.chunks(200).map(|chunk| chunk.iter().map(row).collect::<Vec<_>>().join(";\n")).collect()
}

/// SQL that takes the rows of versions away.
pub(super) fn delete(
    dialect: Dialect,
    words: &Words,
    table: &MirrorTable,
    versions: &[String],
) -> Vec<String> {
    let literal = |version: &String| match table.tool {
        Tool::Diesel => (words.quote)(version),
        _ => version.clone(),
    };
    let one = |version: &String| {
        format!("DELETE FROM {} WHERE version = {}", name(dialect, table), literal(version))
    };
    versions.iter().map(one).collect()
}

/// A time for a column without zone, which is that of the session in MariaDB and UTC elsewhere.
fn local(dialect: Dialect, words: &Words, at: &str) -> String {
    let text = (words.quote)(&at.replace('T', " ").replace('Z', ""));
    match dialect {
        Dialect::MariaDb | Dialect::MySql => format!("CONVERT_TZ({text}, '+00:00', @@session.time_zone)"),
        Dialect::Postgres | Dialect::Sqlite => text,
    }
}

fn bytes(dialect: Dialect, hex: &str) -> String {
    if dialect == Dialect::Postgres { format!("decode('{hex}', 'hex')") } else { format!("X'{hex}'") }
}
