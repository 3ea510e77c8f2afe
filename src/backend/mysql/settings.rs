//! Settings of the session: ours, those that a migration asks for, and what one migration leaves that
//! the next must not see.
//!
//! The server can reset a connection, but then the guard is gone. So the settings are remembered
//! before the first migration that may change any, compared behind each such one, and set again.

use std::collections::BTreeMap;

use super::session::set_session;
use super::{MySql, quote, quote_name, text};
use crate::backend::Limits;
use crate::database::{DatabaseError, SqlError};
use crate::dialect::Dialect;
use crate::sql::Leftovers;

/// How a session was before a migration changed it.
#[derive(Clone, Debug)]
pub(super) struct Baseline {
    variables: BTreeMap<String, String>,
    role: Option<String>,
}

/// Settings that change by themselves, or follow the last statement or the database.
const VOLATILE: [&str; 13] = [
    "character_set_database",
    "collation_database",
    "error_count",
    "identity",
    "in_transaction",
    "insert_id",
    "last_gtid",
    "last_insert_id",
    "pseudo_thread_id",
    "rand_seed1",
    "rand_seed2",
    "timestamp",
    "warning_count",
];

/// Our own settings: the server's `sql_mode`, which the driver changes; no limit that ends a run in its
/// middle; a table that somebody uses is waited for, but not for a day; a connection that nobody uses
/// any more ends, and frees the guard.
pub(super) fn own(dialect: Dialect, limits: Limits, scratch: bool) -> String {
    // nothing on a scratch database may wait for the run that it belongs to
    let wait = match limits.lock.as_secs() {
        _ if scratch => 10,
        0 => 31_536_000, // a year, the longest that the server takes
        seconds => seconds,
    };
    let mut settings = vec![
        "sql_mode = @@GLOBAL.sql_mode".to_owned(),
        "autocommit = 1".to_owned(),
        format!("lock_wait_timeout = {wait}"),
        format!("innodb_lock_wait_timeout = {wait}"),
        "wait_timeout = 3600".to_owned(),
    ];
    if dialect == Dialect::MariaDb {
        let statement = if scratch { 0 } else { limits.statement.as_secs() };
        settings.push(format!("max_statement_time = {statement}"));
        settings.push("idle_transaction_timeout = 0".to_owned());
    }
    format!("SET SESSION {}", settings.join(", SESSION "))
}

impl MySql {
    /// Remembers how the session is, once.
    async fn remember_settings(&mut self) -> Result<(), DatabaseError> {
        if self.baseline.is_none() {
            self.baseline = Some(self.read_settings().await?);
        }
        Ok(())
    }

    async fn read_settings(&mut self) -> Result<Baseline, DatabaseError> {
        let rows = self.fetch("SHOW SESSION VARIABLES").await?;
        let mut variables = BTreeMap::new();
        for row in &rows {
            variables.insert(text(row, 0)?.unwrap_or_default(), text(row, 1)?.unwrap_or_default());
        }
        for name in VOLATILE {
            variables.remove(name);
        }
        let role = self.one("SELECT CURRENT_ROLE()").await?;
        Ok(Baseline { variables, role })
    }

    /// Before a migration: what it asks for, after remembering what it may change.
    pub(super) async fn prepare_session(
        &mut self,
        settings: &BTreeMap<String, String>,
        leftovers: &Leftovers,
    ) -> Result<(), DatabaseError> {
        if leftovers.settings || !settings.is_empty() {
            self.remember_settings().await?;
        }
        if settings.is_empty() {
            return Ok(());
        }
        self.execute(set_session(settings, literal)).await
    }

    /// Behind a migration: nothing of its session reaches the next one.
    pub(super) async fn tidy(
        &mut self,
        settings: &BTreeMap<String, String>,
        leftovers: &Leftovers,
    ) -> Result<(), DatabaseError> {
        self.prepared.clear();
        for name in &leftovers.prepared {
            // it may be gone already
            let _ = self.execute(format!("DEALLOCATE PREPARE {}", quote_name(name))).await;
        }
        for name in &leftovers.handlers {
            // the same
            let _ = self.execute(format!("HANDLER {} CLOSE", quote_name(name))).await;
        }
        let mut statements = Vec::new();
        if !leftovers.temporary.is_empty() {
            let names: Vec<String> = leftovers.temporary.iter().map(|name| quote_name(name)).collect();
            statements.push(format!("DROP TEMPORARY TABLE IF EXISTS {}", names.join(", ")));
        }
        if !leftovers.variables.is_empty() {
            let names: Vec<String> =
                leftovers.variables.iter().map(|name| format!("@{} = NULL", quote_name(name))).collect();
            statements.push(format!("SET {}", names.join(", ")));
        }
        self.send(&statements).await.map_err(|failed| failed.error)?;
        if leftovers.settings || !settings.is_empty() {
            self.restore_settings().await?;
            self.forget_variables().await?;
            self.keep_guard().await?;
        }
        Ok(())
    }

    /// Variables that a procedure has set, and no text names; only MariaDB lists them.
    async fn forget_variables(&mut self) -> Result<(), DatabaseError> {
        if self.server.dialect != Dialect::MariaDb {
            return Ok(());
        }
        let rows = self.fetch("SELECT VARIABLE_NAME FROM information_schema.USER_VARIABLES").await?;
        let mut names = Vec::new();
        for row in &rows {
            names.extend(text(row, 0)?.map(|name| format!("@{} = NULL", quote_name(&name))));
        }
        if names.is_empty() { Ok(()) } else { self.execute(format!("SET {}", names.join(", "))).await }
    }

    async fn restore_settings(&mut self) -> Result<(), DatabaseError> {
        let Some(baseline) = self.baseline.clone() else { return Ok(()) };
        self.execute(format!("USE {}", quote_name(&self.database))).await?;
        // these would hide most of the settings
        let all =
            "SET SESSION sql_select_limit = DEFAULT, max_join_size = DEFAULT, sql_big_selects = DEFAULT";
        self.execute(all).await?;
        let now = self.read_settings().await?;
        if now.role != baseline.role {
            let role = baseline.role.as_deref().filter(|role| *role != "NONE").map(quote_name);
            self.execute(format!("SET ROLE {}", role.as_deref().unwrap_or("NONE"))).await?;
        }
        for (name, value) in &baseline.variables {
            if now.variables.get(name) == Some(value) {
                continue;
            }
            match self.execute(format!("SET SESSION {name} = {}", literal(value))).await {
                // a global setting, or one that nobody can set: not the session's
                Err(DatabaseError::Sql(SqlError { number: Some(1229 | 1238), .. })) => {}
                other => other?,
            }
        }
        // the one stands still once it is set, the other waits for the next row (MySQL has no default for it)
        let maria = self.server.dialect == Dialect::MariaDb;
        self.execute(if maria {
            "SET timestamp = DEFAULT, insert_id = DEFAULT"
        } else {
            "SET timestamp = DEFAULT"
        })
        .await
    }
}

/// A value as `SET` takes it: numbers bare, since a text is no number there.
pub(super) fn literal(value: &str) -> String {
    let number = !value.is_empty()
        && value.strip_prefix('-').unwrap_or(value).bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && value.parse::<f64>().is_ok();
    if number || value.eq_ignore_ascii_case("default") { value.to_owned() } else { quote(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_settings() {
        assert_eq!((literal("0").as_str(), literal("-1.5").as_str()), ("0", "-1.5"));
        assert_eq!((literal("DEFAULT").as_str(), literal("ON").as_str()), ("DEFAULT", "_utf8mb4 X'4f4e'"));
        assert_eq!(
            (literal("").as_str(), literal("1.1.1").as_str()),
            ("_utf8mb4 X''", "_utf8mb4 X'312e312e31'")
        );
    }
}
