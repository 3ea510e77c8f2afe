//! `SHOW CREATE` of many objects, with few round trips.
//!
//! A message ends at the first object that the server refuses to show; the next one goes on behind
//! it. A view that is no longer valid is shown with a warning, so each is asked for.

use futures_util::TryStreamExt;
use sqlx::mysql::{MySqlDatabaseError, MySqlRow};
use sqlx::{AssertSqlSafe, Either, MySqlConnection, Row as _};

use super::bytes;
use super::listing::Entry;
use crate::schema::Kind;

/// How many objects one message asks for.
const BATCH: usize = 100;

/// The object is gone, or the session may not see it, or the server cannot open it: access denied to
/// the database (1044), to the table (1142), a column (1143), the routine (1370) or in general (1227);
/// no table (1146, 1932), routine (1305), trigger (1360), event (1539); merge table of other
/// tables (1168), unknown engine (1286), no such user (1449); invalid view (1356).
const REFUSED: [u16; 13] = [1044, 1142, 1143, 1146, 1168, 1227, 1286, 1305, 1356, 1360, 1370, 1539, 1932];

/// The warning of a view that names what is not there, or what its definer may not use.
const INVALID_VIEW: &str = "1356";

/// What the server shows of an object.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) text: String,
    /// The mode that is stored with it, if one is.
    pub(super) sql_mode: Option<String>,
    /// The time zone that is stored with it, if one is.
    pub(super) time_zone: Option<String>,
}

/// What the server shows of each; nothing for those that it does not show.
pub(super) async fn show(
    connection: &mut MySqlConnection,
    entries: &[Entry],
) -> Result<Vec<Option<Shown>>, sqlx::Error> {
    let mut shown = Vec::with_capacity(entries.len());
    while shown.len() < entries.len() {
        let rest = &entries[shown.len()..];
        show_batch(connection, &rest[..rest.len().min(BATCH)], &mut shown).await?;
    }
    Ok(shown)
}

/// Adds what is shown of a batch, at least one; not all of it if one is refused.
async fn show_batch(
    connection: &mut MySqlConnection,
    batch: &[Entry],
    shown: &mut Vec<Option<Shown>>,
) -> Result<(), sqlx::Error> {
    let whole = shown.len() + batch.len();
    let message: String = batch.iter().map(statement).collect();
    let mut results = sqlx::raw_sql(AssertSqlSafe(message)).fetch_many(connection);
    loop {
        match results.try_next().await {
            Ok(Some(Either::Right(row))) if is_warning(&row) => {
                if bytes::cell(&row, 1)?.as_deref() == Some(INVALID_VIEW)
                    && let Some(view) = shown.last_mut()
                {
                    *view = None;
                }
            }
            Ok(Some(Either::Right(row))) => shown.push(read(&row)?),
            Ok(Some(Either::Left(_))) => {}
            Ok(None) if shown.len() == whole => return Ok(()),
            Ok(None) => return Err(sqlx::Error::RowNotFound),
            Err(error) if is_refusal(&error) => {
                shown.push(None);
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
}

fn statement(entry: &Entry) -> String {
    let name = entry.name.replace('`', "``");
    match entry.kind {
        Kind::Sequence => format!("SHOW CREATE SEQUENCE `{name}`;"),
        Kind::Function => format!("SHOW CREATE FUNCTION `{name}`;"),
        Kind::Procedure => format!("SHOW CREATE PROCEDURE `{name}`;"),
        Kind::View => format!("SHOW CREATE VIEW `{name}`;SHOW WARNINGS;"),
        Kind::Trigger => format!("SHOW CREATE TRIGGER `{name}`;"),
        Kind::Event => format!("SHOW CREATE EVENT `{name}`;"),
        _ => format!("SHOW CREATE TABLE `{name}`;"),
    }
}

/// A row of `SHOW WARNINGS`: (level, code, message).
fn is_warning(row: &MySqlRow) -> bool {
    row.len() == 3
}

/// Nothing where the session may know of a routine, but not its body.
fn read(row: &MySqlRow) -> Result<Option<Shown>, sqlx::Error> {
    let first = row.columns().get(2).map_or("", sqlx::Column::name);
    let (text, sql_mode, time_zone) = match first {
        // (event, mode, zone, text, …)
        "time_zone" => (3, Some(1), Some(2)),
        // (table or view, text, …)
        "" | "character_set_client" => (1, None, None),
        // (routine or trigger, mode, text, …)
        _ => (2, Some(1), None),
    };
    let cell = |at: Option<usize>| at.map_or(Ok(None), |at| bytes::cell(row, at));
    let Some(text) = cell(Some(text))? else { return Ok(None) };
    Ok(Some(Shown { text, sql_mode: cell(sql_mode)?, time_zone: cell(time_zone)? }))
}

fn is_refusal(error: &sqlx::Error) -> bool {
    let error = error.as_database_error().and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>());
    error.is_some_and(|error| REFUSED.contains(&error.number()))
}
