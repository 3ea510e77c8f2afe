//! A scratch database, and a session that can reach nothing but it.
//!
//! On these servers a qualified name in a migration reaches any database that the account may touch, so
//! an own account is made for each scratch database, with rights on that one only. Where the account of
//! the URL may not make accounts, the URL's (or `scratch-url`'s) own session will do, if the server
//! shows it no other database.

use std::collections::BTreeMap;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::{Connector, MySql, guard_name, quote_name, text};
use crate::database::{BoxFuture, DatabaseError, Scratch};

/// How the names of scratch databases begin; the second of their making follows.
pub(super) const SCRATCH: &str = "db_migrations_scratch_";

/// How the names of their accounts begin.
const ACCOUNT: &str = "dbm_scratch_";

/// Leftovers of killed processes are dropped after so many seconds, if nobody uses them.
const OLD: i64 = 60;

pub(super) async fn scratch(connector: &Connector) -> Result<Scratch, DatabaseError> {
    let base = connector.scratch.as_ref().unwrap_or(&connector.options);
    let mut admin = connector.open(base, true).await?;
    admin.sweep().await;
    let suffix = format!("{}_{}", jiff::Timestamp::now().as_second(), &crate::run_id::random()[..8]);
    let name = format!("{SCRATCH}{suffix}");
    let character_set = match connector.scratch {
        // that account may not see the live database
        Some(_) => {
            let mut live = connector.open(&connector.options, false).await?;
            let clause = live.character_set().await?;
            live.close_quietly().await;
            clause
        }
        None => admin.character_set().await?,
    };
    admin.execute(format!("CREATE DATABASE {}{character_set}", quote_name(&name))).await?;
    let account = admin.account(&name, &suffix).await;
    connector.opened.scratch(base, &name, account.as_ref().map(|account| account.spelled.clone()));
    admin.close_quietly().await;
    let options = match &account {
        Some(account) => base.clone().username(&account.user).password(&account.password),
        None => base.clone(),
    };
    let is_own = account.is_some();
    let discard = discard(base.clone(), name.clone(), account.map(|account| account.spelled));
    match confined(connector, &options.database(&name), &name, is_own).await {
        Ok(mysql) => Ok(Scratch { name, database: Box::new(mysql), discard }),
        Err(error) => {
            discard.await;
            Err(error)
        }
    }
}

/// Connects, and makes sure that no other database is in reach.
async fn confined(
    connector: &Connector,
    options: &MySqlConnectOptions,
    name: &str,
    is_own: bool,
) -> Result<MySql, DatabaseError> {
    let mut mysql = connector.open(options, true).await?;
    let others = mysql
        .one(format!(
            "SELECT CONCAT(MIN(SCHEMA_NAME), IF(COUNT(*) > 1, ', …', '')) FROM information_schema.SCHEMATA \
             WHERE SCHEMA_NAME NOT IN ('information_schema', 'performance_schema', '{name}') \
             AND SCHEMA_NAME NOT LIKE '{SCRATCH}%'"
        ))
        .await?;
    match others {
        None => Ok(mysql),
        Some(others) => {
            mysql.close_quietly().await;
            if is_own {
                return Err(DatabaseError::Unfit(format!(
                    "an account made for it could reach other databases ({others}) by rights that everybody has \
                     (`PUBLIC` or anonymous users): revoke them, or drop what they reach if nobody needs it, such as \
                     the `test` of an installation"
                )));
            }
            Err(DatabaseError::Unfit(format!(
                "the account may not make accounts, and its own session could reach other databases ({others}): \
                 grant it CREATE USER, or name in `database.scratch-url` one that sees no other database"
            )))
        }
    }
}

/// An account for one scratch database.
struct Account {
    user: String,
    password: String,
    /// `'user'@'host'`.
    spelled: String,
}

impl MySql {
    /// The clause that gives a new database the character set of the connected one.
    async fn character_set(&mut self) -> Result<String, DatabaseError> {
        let rows = self.fetch("SELECT @@character_set_database, @@collation_database").await?;
        let Some(row) = rows.first() else { return Ok(String::new()) };
        let (set, collation) = (text(row, 0)?.unwrap_or_default(), text(row, 1)?.unwrap_or_default());
        Ok(format!(" CHARACTER SET {set} COLLATE {collation}"))
    }

    /// Makes an account with rights on one database; `None` where that is not allowed.
    async fn account(&mut self, database: &str, suffix: &str) -> Option<Account> {
        let host = self.one("SELECT SUBSTRING_INDEX(USER(), '@', -1)").await.ok()??;
        let user = format!("{ACCOUNT}{suffix}");
        let password = format!("Aa1-{}{}", crate::run_id::random(), crate::run_id::random());
        let spelled = format!("'{user}'@'{}'", host.replace('\'', "''"));
        self.execute(format!("CREATE USER {spelled} IDENTIFIED BY '{password}'")).await.ok()?;
        // `_` is a wildcard in the name of a database here
        let pattern = quote_name(&database.replace('_', "\\_"));
        if self.execute(format!("GRANT ALL PRIVILEGES ON {pattern}.* TO {spelled}")).await.is_err() {
            let _ = self.execute(format!("DROP USER IF EXISTS {spelled}")).await;
            return None;
        }
        Some(Account { user, password, spelled })
    }

    /// Drops scratch databases and accounts that a killed process left behind: a minute old, and their
    /// guard is free, which a replay holds to its end. Never fails: the run does not depend on it.
    async fn sweep(&mut self) {
        let old = jiff::Timestamp::now().as_second() - OLD;
        let suffix = |name: &str, prefix: &str| {
            let suffix = name.strip_prefix(prefix)?;
            let second: i64 = suffix.split('_').next()?.parse().ok()?;
            (second < old).then(|| suffix.to_owned())
        };
        let mut found: BTreeMap<String, Option<String>> = BTreeMap::new();
        let databases = self.fetch("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA").await;
        for row in databases.unwrap_or_default() {
            let name = text(&row, 0).ok().flatten().unwrap_or_default();
            found.extend(suffix(&name, SCRATCH).map(|suffix| (suffix, None)));
        }
        let users = format!("SELECT User, Host FROM mysql.user WHERE User LIKE '{ACCOUNT}%'");
        for row in self.fetch(users).await.unwrap_or_default() {
            let cell = |column| text(&row, column).ok().flatten().unwrap_or_default();
            let account = format!("'{}'@'{}'", cell(0), cell(1).replace('\'', "''"));
            found.extend(suffix(&cell(0), ACCOUNT).map(|suffix| (suffix, Some(account))));
        }
        for (suffix, account) in found {
            self.discard_if_free(&format!("{SCRATCH}{suffix}"), account).await;
        }
    }

    async fn discard_if_free(&mut self, name: &str, account: Option<String>) {
        let guard = guard_name(name, &self.tables);
        let free = self.one(format!("SELECT IS_FREE_LOCK('{guard}')")).await;
        if free.ok().flatten().as_deref() == Some("1") {
            let _ = self.execute(format!("DROP DATABASE IF EXISTS {}", quote_name(name))).await;
            if let Some(account) = account {
                let _ = self.execute(format!("DROP USER IF EXISTS {account}")).await;
            }
        }
    }
}

/// Drops a scratch database and its account.
pub(super) fn discard(
    admin: MySqlConnectOptions,
    name: String,
    account: Option<String>,
) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let Ok(mut admin) = admin.connect().await else { return };
        let _ = sqlx::raw_sql("SET SESSION lock_wait_timeout = 10").execute(&mut admin).await;
        let drop_user = account.map(|account| format!("DROP USER IF EXISTS {account}"));
        for sql in [format!("DROP DATABASE IF EXISTS {}", quote_name(&name))].into_iter().chain(drop_user) {
            let _ = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut admin).await;
        }
        let _ = admin.close().await;
    })
}
