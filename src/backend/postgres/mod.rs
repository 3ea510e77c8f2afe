//! PostgreSQL: connecting, and a guard that lives on the connection that does the work.
//!
//! The guard is an advisory lock, polled with `pg_try_advisory_xact_lock` (a blocked waiter would
//! deadlock `CREATE INDEX CONCURRENTLY`), each poll in a new transaction, so that the history read
//! under it is not stale. A plan that splits takes the session-level lock on the same connection.

mod alone;
mod catch_up;
mod history;
mod introspect;
mod login;
mod passfile;
mod session;
mod sessions;
mod sizes;
mod unfinished;

use std::collections::BTreeSet;
use std::time::Duration;

use sha2::{Digest, Sha256};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

use secrecy::ExposeSecret;

use super::address::is_loopback;
use super::login::{Account, Logins, logins};
use super::{Limits, Options, Tables, address, error, lines};
use crate::database::{
    Attempt, BoxFuture, Connect, Contents, Database, DatabaseError, FOREIGN_TABLES, ForeignRows,
    ForeignTable, Holder, Read, Scratch, Server, Stranger, TableSize, Written,
};
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::fault::fault_point;
use crate::history::History;
use crate::schema::Schema;
use crate::secret::Secrets;

use login::login;

use session::Scope;
use sessions::Opened;

const DEFAULT_SCHEMA: &str = "public";

/// Errors that another session caused: a lock was not to be had in time, a deadlock, a serialization failure.
pub(super) const TRANSIENT: [&str; 3] = ["55P03", "40P01", "40001"];

/// Makes connections to one database.
pub struct Connector {
    options: PgConnectOptions,
    scratch: Option<PgConnectOptions>,
    tables: Tables,
    address: String,
    limits: Limits,
    opened: Opened,
    /// That of scratch databases, where they have their own.
    scratch_address: Option<String>,
    warnings: Vec<String>,
    secrets: Secrets,
}

impl Connector {
    pub(super) fn new(options: &Options) -> Result<Self, Diagnostic> {
        let schema = options.tables.schema().unwrap_or(DEFAULT_SCHEMA);
        let tables = Tables::new(Some(schema), &options.tables.names()[0])
            .map_err(|error| Diagnostic::new(format!("`database.history-table`: {error}")))?;
        let mut secrets = Secrets::default();
        let Logins { main, scratch, warnings } =
            logins(options, |url, password| login(url, password, &options.tls, &mut secrets))?;
        Ok(Self {
            options: main,
            scratch,
            tables,
            limits: options.limits,
            opened: Opened::default(),
            address: address(options.url.expose_secret()),
            scratch_address: options.scratch_url.as_ref().map(|url| address(url.expose_secret())),
            warnings,
            secrets,
        })
    }

    /// Where these options lead, for people.
    fn address_of(&self, options: &PgConnectOptions) -> &str {
        let is_main = options.account() == self.options.account();
        self.scratch_address.as_deref().filter(|_| !is_main).unwrap_or(&self.address)
    }

    async fn open(&self, options: &PgConnectOptions, scratch: bool) -> Result<Postgres, DatabaseError> {
        let unreachable = |error| super::unreachable(error, self.address_of(options), &self.secrets);
        let mut connection = options.connect().await.map_err(unreachable)?;
        fault_point!("connection.made");
        let row = sqlx::raw_sql(ABOUT).fetch_one(&mut connection).await.map_err(unreachable)?;
        let version: String = row.try_get(0).map_err(error)?;
        if connection.server_version_num().is_some_and(|number| number < 130_000) {
            return Err(DatabaseError::Unfit(format!(
                "PostgreSQL {version} is too old: 13 or newer is needed"
            )));
        }
        let server = Server {
            dialect: Dialect::Postgres,
            version: version.split(' ').next().unwrap_or_default().to_owned(),
            address: self.address.clone(),
            read_only: read_only(row.try_get(1).map_err(error)?, row.try_get(2).map_err(error)?),
        };
        fault_point!("connection.set");
        self.opened.session(row.try_get(3).map_err(error)?, row.try_get(4).map_err(error)?);
        let key = guard_key(&self.tables.guard_name(DEFAULT_SCHEMA));
        Ok(Postgres {
            connection,
            server,
            tables: self.tables.clone(),
            key,
            guard: Held::Not,
            locked_out: None,
            open: false,
            pooled: None,
            again: options.clone(),
            limits: if scratch { SCRATCH_LIMITS } else { self.limits },
            said: Said { deferrable: true, prepares: false },
            transaction: None,
            layout: None,
        })
    }
}

/// What is asked of a server first. It sets nothing: behind a pooler a setting of the session would reach others.
const ABOUT: &str = "SELECT pg_catalog.current_setting('server_version'), pg_catalog.pg_is_in_recovery(), \
     pg_catalog.current_setting('default_transaction_read_only')::bool, pg_catalog.pg_backend_pid(), \
     coalesce((SELECT a.backend_start::text FROM pg_catalog.pg_stat_activity a WHERE a.pid = pg_catalog.pg_backend_pid()), 'epoch')";

const fn read_only(recovers: bool, by_default: bool) -> Option<&'static str> {
    match (recovers, by_default) {
        (true, _) => {
            Some("the server is a replica (it is in recovery): name the primary in the database URL")
        }
        (_, true) => Some(
            "the session is read-only (`default_transaction_read_only` is on for the server, the database or the role)",
        ),
        _ => None,
    }
}

/// Nothing on a scratch database may wait for the run that it belongs to.
const SCRATCH_LIMITS: Limits = Limits { lock: Duration::from_secs(10), statement: Duration::ZERO };

/// The first 8 bytes of the name's SHA-256, big-endian.
fn guard_key(name: &str) -> i64 {
    let digest = Sha256::digest(name.as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(bytes)
}

impl Connect for Connector {
    fn connect(&self) -> BoxFuture<'_, Result<Box<dyn Database>, DatabaseError>> {
        Box::pin(async move { Ok(Box::new(self.open(&self.options, false).await?) as Box<dyn Database>) })
    }

    fn scratch(&self) -> BoxFuture<'_, Result<Scratch, DatabaseError>> {
        Box::pin(async move {
            let base = self.scratch.as_ref().unwrap_or(&self.options);
            let mut admin = self.open(base, false).await?;
            admin.sweep().await;
            let now = jiff::Timestamp::now().as_second();
            let name = format!("{SCRATCH}{now}_{}", crate::run_id::random());
            let create = format!(
                "SELECT format('CREATE DATABASE {name} TEMPLATE template0 ENCODING %L LC_COLLATE %L LC_CTYPE %L', \
                 pg_encoding_to_char(encoding), datcollate, datctype) FROM pg_database WHERE datname = current_database()"
            );
            let create: String = admin.one(create).await?;
            admin.execute(create).await?;
            self.opened.scratch(base, &name);
            admin.close_quietly().await;
            let discard = discard(base.clone(), name.clone());
            match self.open(&base.clone().database(&name), true).await {
                Ok(scratch) => Ok(Scratch { name, database: Box::new(scratch), discard }),
                Err(error) => {
                    discard.await;
                    Err(error)
                }
            }
        })
    }

    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn is_local(&self) -> bool {
        login::is_socket(&self.options) || is_loopback(self.options.get_host())
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn end_sessions(&self) -> BoxFuture<'_, bool> {
        Box::pin(self.opened.end(&self.options))
    }

    fn blockers(&self) -> BoxFuture<'_, Vec<Holder>> {
        Box::pin(async move { self.opened.blockers(&self.options).await.unwrap_or_default() })
    }

    fn contents(&self) -> BoxFuture<'_, Result<Contents, DatabaseError>> {
        Box::pin(async move {
            let mut postgres = self.open(&self.options, false).await?;
            let rows = postgres.fetch(CONTENTS).await?;
            let objects = rows.iter().map(|row| row.try_get(0).map_err(error)).collect::<Result<_, _>>()?;
            postgres.close_quietly().await;
            Ok(Contents { address: self.address.clone(), objects })
        })
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), DatabaseError>> {
        Box::pin(async move {
            let database = Box::new(self.open(&self.options, false).await?);
            let Attempt::Held(guard) = database.guard().await? else {
                return Err(DatabaseError::Unfit("a run is going on".to_owned()));
            };
            guard.free().await?.close().await;
            let mut postgres = self.open(&self.options, false).await?;
            postgres.execute(CLEAR).await?;
            postgres.close_quietly().await;
            Ok(())
        })
    }
}

/// How the names of scratch databases begin; the second of their making follows.
const SCRATCH: &str = "db_migrations_scratch_";

const CONTENTS: &str = "SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view' \
     WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' ELSE 'foreign table' END || ' ' || c.oid::regclass::text \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') \
     AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' \
     UNION ALL SELECT 'type ' || format_type(t.oid, NULL) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace \
     WHERE t.typtype IN ('e', 'd') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' \
     UNION ALL SELECT 'function ' || p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
     WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' \
     UNION ALL SELECT 'extension ' || extname FROM pg_extension WHERE extname <> 'plpgsql' \
     UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' \
     AND nspname NOT IN ('information_schema', 'public')";

/// Drops all schemas with what is in them, and makes `public` again as `initdb` does.
const CLEAR: &str = "DO $db_migrations$ DECLARE s record; BEGIN \
     FOR s IN SELECT extname FROM pg_extension WHERE extname <> 'plpgsql' LOOP \
     EXECUTE format('DROP EXTENSION IF EXISTS %I CASCADE', s.extname); END LOOP; \
     FOR s IN SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' LOOP \
     EXECUTE format('DROP SCHEMA %I CASCADE', s.nspname); END LOOP; \
     CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC; \
     IF current_setting('server_version_num')::int < 150000 THEN GRANT CREATE ON SCHEMA public TO PUBLIC; END IF; \
     COMMENT ON SCHEMA public IS 'standard public schema'; END $db_migrations$";

/// Drops a scratch database.
fn discard(admin: PgConnectOptions, name: String) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        if let Ok(mut admin) = admin.connect().await {
            let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            let _ = sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut admin).await;
            let _ = admin.close().await;
        }
    })
}

/// How the guard is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// It is not.
    Not,
    /// By the open transaction.
    Transaction,
    /// By the session.
    Session,
}

/// What migrations may have left, by what they and the database say.
#[derive(Clone, Copy, Debug)]
struct Said {
    /// Something in the database may be deferred to the end of a transaction.
    deferrable: bool,
    /// A statement may have been prepared.
    prepares: bool,
}

/// A connection, with or without guard and transaction.
pub(super) struct Postgres {
    connection: PgConnection,
    server: Server,
    tables: Tables,
    key: i64,
    guard: Held,
    /// The key of sqlx's lock, where that is held, too.
    locked_out: Option<i64>,
    /// Whether a transaction is open.
    open: bool,
    /// Whether a pooler is between, once that was asked.
    pooled: Option<bool>,
    /// How another connection to the same place is made.
    again: PgConnectOptions,
    limits: Limits,
    /// What must be tidied up behind each migration.
    said: Said,
    /// The id of the open transaction of a group.
    transaction: Option<String>,
    /// The oldest layout that our tables can have, as they were last read.
    layout: Option<u32>,
}

impl Postgres {
    async fn execute(&mut self, sql: impl Into<String>) -> Result<(), DatabaseError> {
        sqlx::raw_sql(AssertSqlSafe(sql.into()))
            .execute(&mut self.connection)
            .await
            .map(|_| ())
            .map_err(error)
    }

    async fn fetch(&mut self, sql: impl Into<String>) -> Result<Vec<PgRow>, DatabaseError> {
        sqlx::raw_sql(AssertSqlSafe(sql.into())).fetch_all(&mut self.connection).await.map_err(error)
    }

    /// The first column of the first row.
    async fn one<T>(&mut self, sql: impl Into<String>) -> Result<T, DatabaseError>
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        let row =
            sqlx::raw_sql(AssertSqlSafe(sql.into())).fetch_one(&mut self.connection).await.map_err(error)?;
        row.try_get(0).map_err(error)
    }

    async fn close_quietly(self) {
        let _ = self.connection.close().await;
    }

    /// Drops scratch databases that a killed process left behind: older than an hour, and unused (one in
    /// use is refused by the server). Never fails: the run does not depend on it.
    async fn sweep(&mut self) {
        let sql = format!(
            "SELECT datname::text FROM pg_database WHERE datname LIKE '{SCRATCH}%' \
             AND split_part(substr(datname, {}), '_', 1) ~ '^[0-9]{{1,18}}$' \
             AND split_part(substr(datname, {}), '_', 1)::bigint < extract(epoch FROM now()) - 3600",
            SCRATCH.len() + 1,
            SCRATCH.len() + 1
        );
        for row in self.fetch(sql).await.unwrap_or_default() {
            if let Ok(name) = row.try_get::<String, _>(0) {
                let _ =
                    self.execute(format!("DROP DATABASE IF EXISTS \"{}\"", name.replace('"', "\"\""))).await;
            }
        }
    }

    /// Whether a pooler is between.
    async fn is_pooled(&mut self) -> Result<bool, DatabaseError> {
        if let Some(known) = self.pooled {
            return Ok(known);
        }
        let pooled = sessions::is_pooled(&self.again).await;
        self.pooled = Some(pooled);
        Ok(pooled)
    }

    async fn find_holder(&mut self) -> Result<Option<Holder>, DatabaseError> {
        let key = self.key.cast_unsigned();
        let (high, low) = (key >> 32, key & 0xffff_ffff);
        let rows = self
            .fetch(format!(
                "SELECT a.pid::text, a.usename::text, coalesce(a.client_addr::text, 'local'), \
                 to_char(coalesce(a.xact_start, a.backend_start) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), \
                 left(a.query, 200) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid \
                 WHERE l.locktype = 'advisory' AND l.granted AND l.classid = {high} AND l.objid = {low} AND l.objsubid = 1 \
                 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            ))
            .await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let text =
            |i: usize| row.try_get::<Option<String>, _>(i).map_err(error).map(Option::unwrap_or_default);
        let pid = text(0)?;
        Ok(Some(Holder {
            who: format!("server process {pid} of user {} from {}", text(1)?, text(2)?),
            since: Some(text(3)?),
            // what we append to a migration is nobody's concern
            query: text(4)?.split("\n;").next().map(str::to_owned).filter(|query| !query.is_empty()),
            remedy: Some(format!("SELECT pg_terminate_backend({pid});")),
        }))
    }
}

impl Read for Postgres {
    fn server(&self) -> &Server {
        &self.server
    }

    fn history(&mut self) -> BoxFuture<'_, Result<History, DatabaseError>> {
        Box::pin(history::read(self))
    }

    fn strangers(&mut self) -> BoxFuture<'_, Result<Vec<Stranger>, DatabaseError>> {
        Box::pin(history::strangers(self))
    }

    fn introspect(&mut self) -> BoxFuture<'_, Result<Schema, DatabaseError>> {
        Box::pin(async move {
            let own = self.tables.names();
            let left_out: Vec<&str> = own
                .iter()
                .map(String::as_str)
                .chain(FOREIGN_TABLES.iter().map(|(table, _)| *table))
                .collect();
            introspect::introspect(&mut self.connection, &left_out).await.map_err(error)
        })
    }

    fn not_covered(&mut self) -> BoxFuture<'_, Result<Vec<String>, DatabaseError>> {
        Box::pin(async move { introspect::not_covered(&mut self.connection).await.map_err(error) })
    }

    fn referenced_tables(&mut self) -> BoxFuture<'_, Result<BTreeSet<String>, DatabaseError>> {
        Box::pin(async { Ok(BTreeSet::new()) })
    }

    fn table_sizes(&mut self) -> BoxFuture<'_, Result<Vec<TableSize>, DatabaseError>> {
        Box::pin(sizes::table_sizes(self))
    }

    fn violations(&mut self) -> BoxFuture<'_, Result<BTreeSet<String>, DatabaseError>> {
        Box::pin(async { Ok(BTreeSet::new()) })
    }

    fn holder(&mut self) -> BoxFuture<'_, Result<Option<Holder>, DatabaseError>> {
        Box::pin(self.find_holder())
    }

    fn query<'a>(&'a mut self, sql: &'a str) -> BoxFuture<'a, Result<Vec<String>, DatabaseError>> {
        Box::pin(async move {
            let rows = self.fetch(sql).await?;
            Ok(lines(&rows))
        })
    }

    fn has_table<'a>(
        &'a mut self,
        schema: Option<&'a str>,
        table: &'a str,
    ) -> BoxFuture<'a, Result<bool, DatabaseError>> {
        Box::pin(history::has_table(self, schema, table))
    }

    fn foreign_rows<'a>(
        &'a mut self,
        table: ForeignTable<'a>,
    ) -> BoxFuture<'a, Result<ForeignRows, DatabaseError>> {
        Box::pin(history::foreign_rows(self, table))
    }

    fn written(&self, part: Written<'_>) -> String {
        self.text_of(part)
    }
}

impl Database for Postgres {
    fn guard(mut self: Box<Self>) -> BoxFuture<'static, Result<Attempt, DatabaseError>> {
        Box::pin(async move {
            if let Some(why) = self.server.read_only {
                return Err(DatabaseError::Unfit(why.to_owned()));
            }
            let settings = self.settings(Scope::Transaction);
            let sql = format!(
                "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_try_advisory_xact_lock({}), {settings}",
                self.key
            );
            if self.one::<bool>(sql).await? {
                self.guard = Held::Transaction;
                self.open = true;
                fault_point!("guard.taken");
                return Ok(Attempt::Held(self));
            }
            self.execute("ROLLBACK").await?;
            let holder = self.find_holder().await?;
            Ok(Attempt::Busy(self, holder))
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(self.close_quietly())
    }
}

/// A text as an SQL literal, whatever `standard_conforming_strings` is.
fn quote(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard_key_is_for_ever() {
        assert_eq!(guard_key("db-migrations:public.db_migrations"), -4_281_799_553_845_862_698);
    }

    #[test]
    fn quoting_stands_backslashes() {
        assert_eq!(quote("a\\'b"), "E'a\\\\''b'");
    }
}
