//! The server's side of our connections: ending what a dropped one left at work, and who stands in its way.
//!
//! The server does not look at a client while a statement runs. So whoever stops a run ends its connections
//! from another one. Their numbers are given once only.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::{confine, text};
use crate::database::Holder;

/// A scratch database: how it is reached, its name, its account.
type Made = (MySqlConnectOptions, String, Option<String>);

/// Connections that a connector has opened, and scratch databases that it has made.
#[derive(Debug, Default)]
pub(super) struct Opened(Mutex<(Vec<String>, Vec<Made>)>);

impl Opened {
    fn with<T>(&self, work: impl FnOnce(&mut (Vec<String>, Vec<Made>)) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A connection was opened.
    pub(super) fn connection(&self, id: String) {
        self.with(|inner| inner.0.push(id));
    }

    /// A scratch database was made.
    pub(super) fn scratch(&self, admin: &MySqlConnectOptions, name: &str, account: Option<String>) {
        self.with(|inner| inner.1.push((admin.clone(), name.to_owned(), account)));
    }

    fn ids(&self) -> String {
        let ids = self.with(|inner| inner.0.join(", "));
        if ids.is_empty() { "0".to_owned() } else { ids }
    }

    /// Ends all connections and drops all scratch databases that are still there; whether no connection is left.
    pub(super) async fn end(&self, options: &MySqlConnectOptions) -> bool {
        let ended = self.kill(options).await.unwrap_or(false);
        for (admin, name, account) in self.with(|inner| std::mem::take(&mut inner.1)) {
            confine::discard(admin, name, account).await;
        }
        ended
    }

    async fn kill(&self, options: &MySqlConnectOptions) -> Result<bool, sqlx::Error> {
        let mut connection = options.connect().await?;
        let living = format!(
            "SELECT CAST(ID AS CHAR) FROM information_schema.PROCESSLIST WHERE ID IN ({}) AND ID <> CONNECTION_ID()",
            self.ids()
        );
        for _ in 0..150 {
            let rows = fetch(&mut connection, &living).await?;
            if rows.is_empty() {
                connection.close().await?;
                return Ok(true);
            }
            for id in rows.iter().filter_map(|row| text(row, 0).ok().flatten()) {
                // it may have ended meanwhile
                let _ = sqlx::raw_sql(AssertSqlSafe(format!("KILL {id}"))).execute(&mut connection).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(false)
    }

    /// Who may hold what one of our connections waits for: the server does not say whose a lock is, so these are
    /// the open transactions, and the statements at work in the same database.
    pub(super) async fn blockers(&self, options: &MySqlConnectOptions) -> Result<Vec<Holder>, sqlx::Error> {
        let mut connection = options.connect().await?;
        let ids = self.ids();
        let sql = format!(
            "SELECT CAST(p.ID AS CHAR), p.USER, p.HOST, p.COMMAND, \
             DATE_FORMAT(COALESCE(t.trx_started, NOW() - INTERVAL p.TIME SECOND), '%Y-%m-%dT%H:%i:%s'), LEFT(COALESCE(p.INFO, ''), 200) \
             FROM information_schema.PROCESSLIST p LEFT JOIN information_schema.INNODB_TRX t ON t.trx_mysql_thread_id = p.ID \
             WHERE p.ID NOT IN ({ids}) AND p.ID <> CONNECTION_ID() AND p.COMMAND NOT IN ('Daemon', 'Binlog Dump') \
             AND (t.trx_id IS NOT NULL OR (p.DB = DATABASE() AND p.COMMAND <> 'Sleep')) \
             AND EXISTS (SELECT 1 FROM information_schema.PROCESSLIST w LEFT JOIN information_schema.INNODB_TRX x \
             ON x.trx_mysql_thread_id = w.ID WHERE w.ID IN ({ids}) AND (w.STATE LIKE 'Waiting for%lock%' OR x.trx_state = 'LOCK WAIT')) \
             ORDER BY t.trx_started IS NULL, t.trx_started LIMIT 5"
        );
        let rows = fetch(&mut connection, &sql).await?;
        connection.close().await?;
        Ok(rows.iter().map(holder).collect())
    }
}

fn holder(row: &MySqlRow) -> Holder {
    let cell = |i| text(row, i).ok().flatten().unwrap_or_default();
    let state = if cell(3) == "Sleep" { "idle in a transaction" } else { "at work" };
    Holder {
        who: format!("connection {} of user {} from {}, {state}", cell(0), cell(1), cell(2)),
        since: Some(cell(4)),
        query: Some(cell(5)).filter(|query| !query.is_empty()),
        remedy: Some(format!("KILL {};", cell(0))),
    }
}

async fn fetch(connection: &mut MySqlConnection, sql: &str) -> Result<Vec<MySqlRow>, sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(connection).await
}
