//! The server's side of our connections: ending what a dropped one left at work, who stands in its way,
//! and whether there is a pooler between.
//!
//! The server does not look at a client while a statement runs. So whoever stops a run ends its sessions
//! from another connection, and what was open is rolled back at once. A process number may be given again:
//! each session is known by the moment of its beginning, too.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

use super::quote;
use crate::database::Holder;

/// Sessions that a connector has opened, and scratch databases that it has made.
#[derive(Debug, Default)]
pub(super) struct Opened(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    sessions: Vec<(i32, String)>,
    scratch: Vec<(PgConnectOptions, String)>,
}

impl Opened {
    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A session was opened; it began then.
    pub(super) fn session(&self, process: i32, began: String) {
        self.with(|inner| inner.sessions.push((process, began)));
    }

    /// A scratch database was made.
    pub(super) fn scratch(&self, admin: &PgConnectOptions, name: &str) {
        self.with(|inner| inner.scratch.push((admin.clone(), name.to_owned())));
    }

    /// The condition of `pg_stat_activity a` that is true of our sessions.
    fn ours(&self) -> String {
        let sessions = self.with(|inner| inner.sessions.clone());
        let one = |(process, began): &(i32, String)| format!("({process}, {}::timestamptz)", quote(began));
        let list: Vec<String> = sessions.iter().map(one).collect();
        if list.is_empty() {
            return "false".to_owned();
        }
        format!("(a.pid, a.backend_start) IN ({})", list.join(", "))
    }

    /// Ends all sessions and drops all scratch databases that are still there; whether no session is left.
    pub(super) async fn end(&self, options: &PgConnectOptions) -> bool {
        let ended = self.terminate(options).await.unwrap_or(false);
        for (admin, name) in self.with(|inner| std::mem::take(&mut inner.scratch)) {
            super::discard(admin, name).await;
        }
        ended
    }

    async fn terminate(&self, options: &PgConnectOptions) -> Result<bool, sqlx::Error> {
        let mut connection = options.connect().await?;
        let ours = self.ours();
        let sql = format!(
            "SELECT count(pg_catalog.pg_terminate_backend(a.pid)) FROM pg_catalog.pg_stat_activity a WHERE {ours}"
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
        let left = format!("SELECT count(*) FROM pg_catalog.pg_stat_activity a WHERE {ours}");
        for _ in 0..150 {
            let row = sqlx::raw_sql(AssertSqlSafe(left.clone())).fetch_one(&mut connection).await?;
            if row.try_get::<i64, _>(0)? == 0 {
                connection.close().await?;
                return Ok(true);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(false)
    }

    /// Who holds locks that one of our sessions waits for.
    pub(super) async fn blockers(&self, options: &PgConnectOptions) -> Result<Vec<Holder>, sqlx::Error> {
        let mut connection = options.connect().await?;
        let sql = format!(
            "SELECT b.pid::text, b.usename::text, coalesce(nullif(b.application_name, ''), 'no name'), \
             coalesce(b.client_addr::text, 'local'), b.state, \
             to_char(coalesce(b.xact_start, b.backend_start) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), left(b.query, 200) \
             FROM pg_catalog.pg_stat_activity b WHERE b.pid IN (SELECT unnest(pg_catalog.pg_blocking_pids(a.pid)) \
             FROM pg_catalog.pg_stat_activity a WHERE {}) ORDER BY b.xact_start LIMIT 5",
            self.ours()
        );
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut connection).await?;
        connection.close().await?;
        rows.iter()
            .map(|row| {
                let text = |i: usize| row.try_get::<Option<String>, _>(i).map(Option::unwrap_or_default);
                Ok(Holder {
                    who: format!(
                        "server process {} of user {} ({}) from {}, {}",
                        text(0)?,
                        text(1)?,
                        text(2)?,
                        text(3)?,
                        text(4)?
                    ),
                    since: Some(text(5)?),
                    query: Some(text(6)?).filter(|query| !query.is_empty()),
                    remedy: Some(format!("SELECT pg_terminate_backend({});", text(0)?)),
                })
            })
            .collect()
    }
}

/// Whether a pooler hands server processes from one client to the next: two connections that are open at
/// once and speak with the same process prove it. Tried some times, since another client may have it. A pool of one
/// gives them none while our own transaction has it. Whoever may not connect twice is no pool.
pub(super) async fn is_pooled(options: &PgConnectOptions) -> bool {
    match tokio::time::timeout(PATIENCE, shares_process(options)).await {
        Ok(shares) => shares.unwrap_or(false),
        Err(_) => true,
    }
}

const PATIENCE: Duration = Duration::from_secs(5);

async fn shares_process(options: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    let mut first = options.connect().await?;
    let mut second = options.connect().await?;
    let mut shares = false;
    for _ in 0..3 {
        let sql = "SELECT pg_catalog.pg_backend_pid()";
        let one: i32 = sqlx::raw_sql(sql).fetch_one(&mut first).await?.try_get(0)?;
        let other: i32 = sqlx::raw_sql(sql).fetch_one(&mut second).await?.try_get(0)?;
        shares |= one == other;
    }
    let _ = first.close().await;
    let _ = second.close().await;
    Ok(shares)
}
