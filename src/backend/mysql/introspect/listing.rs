//! Which objects a database has.
//!
//! Listed is what the session has any right on. Temporary tables, which later versions list, are no schema.

use futures_util::TryStreamExt;
use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, Either, MySqlConnection};

use super::bytes;
use crate::schema::Kind;

/// The database and the settings under which its objects are shown.
const SETTINGS: &str = "SELECT 'SETTINGS', DATABASE(), @@sql_mode, @@time_zone";

/// The other queries answer with rows of (type, name, table, whether an event has no start of its own).
const TABLES: &str = "SELECT TABLE_TYPE, TABLE_NAME, TABLE_NAME, NULL FROM information_schema.TABLES \
     WHERE TABLE_SCHEMA = DATABASE()";

const ROUTINES: &str = "SELECT ROUTINE_TYPE, ROUTINE_NAME, NULL, NULL FROM information_schema.ROUTINES \
     WHERE ROUTINE_SCHEMA = DATABASE()";

/// In the order in which the server runs them.
const TRIGGERS: &str = "SELECT 'TRIGGER', TRIGGER_NAME, EVENT_OBJECT_TABLE, NULL FROM information_schema.TRIGGERS \
     WHERE TRIGGER_SCHEMA = DATABASE() \
     ORDER BY CAST(EVENT_OBJECT_TABLE AS BINARY), ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER";

/// An event whose schedule names no start gets the time at which it was made, or altered.
const EVENTS: &str = "SELECT EVENT_TYPE, EVENT_NAME, NULL, STARTS IN \
     (CONVERT_TZ(CREATED, @@time_zone, TIME_ZONE), CONVERT_TZ(LAST_ALTERED, @@time_zone, TIME_ZONE)) \
     FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()";

/// An object that can be shown.
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) name: String,
    /// Itself, or the one that a trigger belongs to.
    pub(super) table: Option<String>,
    /// An event that the server gave the time of its making as a start.
    pub(super) starts_implicitly: bool,
}

/// What a database has.
#[derive(Default)]
pub(super) struct Listing {
    /// Its name.
    pub(super) database: String,
    /// The session's.
    pub(super) sql_mode: String,
    /// The session's.
    pub(super) time_zone: String,
    /// What can be shown; triggers in the order in which they run.
    pub(super) entries: Vec<Entry>,
    /// What is no schema or cannot be shown, as `kind name`.
    pub(super) others: Vec<String>,
}

pub(super) async fn list(connection: &mut MySqlConnection) -> Result<Listing, sqlx::Error> {
    let mut listing = Listing::default();
    let message = [SETTINGS, TABLES, ROUTINES, TRIGGERS, EVENTS].join(";");
    let mut results = sqlx::raw_sql(AssertSqlSafe(message)).fetch_many(connection);
    while let Some(result) = results.try_next().await? {
        if let Either::Right(row) = result {
            listing.add(&row)?;
        }
    }
    Ok(listing)
}

impl Listing {
    fn add(&mut self, row: &MySqlRow) -> Result<(), sqlx::Error> {
        let text = |at| bytes::cell(row, at);
        let name = text(1)?.unwrap_or_default();
        let tag = text(0)?.unwrap_or_default();
        match kind(&tag) {
            Some(kind) => {
                let starts_implicitly = text(3)?.is_some_and(|yes| yes == "1");
                self.entries.push(Entry { kind, name, table: text(2)?, starts_implicitly });
            }
            None if tag == "SETTINGS" => {
                self.database = name;
                self.sql_mode = text(2)?.unwrap_or_default();
                self.time_zone = text(3)?.unwrap_or_default();
            }
            None if tag == "TEMPORARY" => {}
            None if tag == "ONE TIME" => self.others.push(format!("event {name}")),
            None => self.others.push(format!("{} {name}", tag.to_lowercase())),
        }
        Ok(())
    }
}

fn kind(tag: &str) -> Option<Kind> {
    Some(match tag {
        "BASE TABLE" | "SYSTEM VERSIONED" => Kind::Table,
        "SEQUENCE" => Kind::Sequence,
        "VIEW" => Kind::View,
        "FUNCTION" => Kind::Function,
        "PROCEDURE" => Kind::Procedure,
        "TRIGGER" => Kind::Trigger,
        "RECURRING" => Kind::Event,
        _ => return None,
    })
}
