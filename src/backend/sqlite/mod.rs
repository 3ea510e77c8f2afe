//! SQLite: connecting, and a guard that holds between processes.
//!
//! `BEGIN IMMEDIATE` alone cannot tell another run from an application that writes, so the guard is
//! an operating system lock on a file beside the database (`app.db-guard`), freed by the system when
//! its process dies. The file stays; only the lock on it means anything.

mod catch_up;
mod history;
mod introspect;
mod session;
mod settings;
mod sizes;

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use secrecy::ExposeSecret;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

use super::{Options, Tables, address, error, lines};
use crate::database::{
    Attempt, BoxFuture, Connect, Contents, Database, DatabaseError, ForeignRows, ForeignTable, Holder, Read,
    Scratch, Server, SqlError, Stranger, TableSize, Written,
};
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::fault::fault_point;
use crate::history::History;
use crate::schema::Schema;

const HELP: &str = "write `sqlite://path/to/file.db`, or `sqlite::memory:`";

/// Makes connections to one database file.
pub struct Connector {
    options: SqliteConnectOptions,
    path: Option<PathBuf>,
    tables: Tables,
    create: bool,
    address: String,
}

impl Connector {
    pub(super) fn new(options: &Options) -> Result<Self, Diagnostic> {
        let url = options.url.expose_secret();
        let parsed = SqliteConnectOptions::from_str(url).map_err(|error| {
            Diagnostic::new(format!("`{}` is no SQLite URL", address(url))).cause(error).help(HELP)
        })?;
        let in_memory = url.contains(":memory:") || url.contains("mode=memory");
        // SQLite itself would make a temporary database, which is gone at the end
        if !in_memory && parsed.get_filename().as_os_str().is_empty() {
            let fault = Diagnostic::new(format!("`{}` names no database file", address(url)));
            return Err(fault.help(HELP));
        }
        let path = (!in_memory).then(|| parsed.get_filename().to_owned());
        let address = match &path {
            Some(path) => format!("sqlite://{}", path.display()),
            None => "sqlite::memory:".to_owned(),
        };
        let tables = Tables::new(Some("main"), &options.tables.names()[0])
            .map_err(|error| Diagnostic::new(format!("`database.history-table`: {error}")))?;
        Ok(Self {
            options: parsed
                .create_if_missing(options.create)
                .busy_timeout(options.limits.lock)
                .disable_statement_logging(),
            path,
            tables,
            create: options.create,
            address,
        })
    }

    async fn open(
        &self,
        options: &SqliteConnectOptions,
        path: Option<PathBuf>,
    ) -> Result<Sqlite, DatabaseError> {
        let unreachable = |error: sqlx::Error| match super::error(error) {
            DatabaseError::Sql(error) if is_busy(&error) => busy(path.as_deref().map(guard_path).as_deref()),
            error => DatabaseError::Unreachable {
                address: self.address.clone(),
                message: match error {
                    DatabaseError::Sql(error) => error.message,
                    other => other.to_string(),
                },
                help: None,
            },
        };
        let mut connection = options.connect().await.map_err(unreachable)?;
        fault_point!("connection.made");
        let row =
            sqlx::raw_sql("SELECT sqlite_version()").fetch_one(&mut connection).await.map_err(unreachable)?;
        let server = Server {
            dialect: Dialect::Sqlite,
            version: row.try_get(0).map_err(error)?,
            address: self.address.clone(),
            read_only: None,
        };
        fault_point!("connection.set");
        Ok(Sqlite {
            connection,
            server,
            tables: self.tables.clone(),
            guard_path: path.as_deref().map(guard_path),
            guard: None,
            layout: None,
            baseline: None,
            may_commit: Arc::new(AtomicBool::new(true)),
        })
    }
}

fn guard_path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-guard");
    name.into()
}

impl Connect for Connector {
    fn connect(&self) -> BoxFuture<'_, Result<Box<dyn Database>, DatabaseError>> {
        Box::pin(async move {
            let sqlite = if self.absent_file().is_some() && !self.create {
                // nothing is created by looking: an absent file is an empty database
                self.open(&memory(), None).await?
            } else {
                self.open(&self.options, self.path.clone()).await?
            };
            Ok(Box::new(sqlite) as Box<dyn Database>)
        })
    }

    fn scratch(&self) -> BoxFuture<'_, Result<Scratch, DatabaseError>> {
        Box::pin(async move {
            let database = Box::new(self.open(&memory(), None).await?);
            Ok(Scratch { name: String::new(), database, discard: Box::pin(async {}) })
        })
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn is_local(&self) -> bool {
        true
    }

    fn absent_file(&self) -> Option<&Path> {
        self.path.as_deref().filter(|path| !path.exists())
    }

    fn contents(&self) -> BoxFuture<'_, Result<Contents, DatabaseError>> {
        Box::pin(async move {
            let exists = self.path.as_ref().is_some_and(|path| path.exists());
            let mut objects = Vec::new();
            if exists {
                let mut sqlite = self.open(&self.options, self.path.clone()).await?;
                for row in sqlite
                    .fetch("SELECT type || ' ' || name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'")
                    .await?
                {
                    objects.push(row.try_get(0).map_err(error)?);
                }
            }
            Ok(Contents { address: self.address.clone(), objects })
        })
    }

    /// Everything in the file is gone, the file stays.
    fn clear(&self) -> BoxFuture<'_, Result<(), DatabaseError>> {
        Box::pin(async move {
            let mut sqlite = self.open(&self.options, self.path.clone()).await?;
            if let Some(holder) = sqlite.try_guard()? {
                return Err(DatabaseError::Unfit(format!("a run is going on ({})", holder.who)));
            }
            let mut handle = sqlite.connection.lock_handle().await.map_err(error)?;
            handle.remove_commit_hook();
            drop(handle);
            sqlite.drop_all().await?;
            Box::new(sqlite).close().await;
            Ok(())
        })
    }
}

fn memory() -> SqliteConnectOptions {
    SqliteConnectOptions::new().in_memory(true).disable_statement_logging()
}

/// A connection, with or without guard and transaction.
pub(super) struct Sqlite {
    connection: SqliteConnection,
    server: Server,
    tables: Tables,
    guard_path: Option<PathBuf>,
    guard: Option<File>,
    /// The oldest layout that our tables can have, as they were last read.
    layout: Option<u32>,
    /// How the connection was before a migration changed it.
    baseline: Option<settings::Baseline>,
    /// What the commit hook answers.
    may_commit: Arc<AtomicBool>,
}

impl Sqlite {
    async fn execute(&mut self, sql: impl Into<String>) -> Result<(), DatabaseError> {
        sqlx::raw_sql(AssertSqlSafe(sql.into()))
            .execute(&mut self.connection)
            .await
            .map(|_| ())
            .map_err(error)
    }

    async fn fetch(&mut self, sql: impl Into<String>) -> Result<Vec<sqlx::sqlite::SqliteRow>, DatabaseError> {
        sqlx::raw_sql(AssertSqlSafe(sql.into())).fetch_all(&mut self.connection).await.map_err(error)
    }

    /// Drops every object in one transaction; shadow tables go with their virtual table.
    async fn drop_all(&mut self) -> Result<(), DatabaseError> {
        self.execute("PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE").await?;
        let rows = self
            .fetch(
                "SELECT type, name FROM sqlite_schema WHERE type IN ('view', 'table') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
                 ORDER BY type = 'table', sql NOT LIKE 'CREATE VIRTUAL%'",
            )
            .await?;
        for row in rows {
            let (kind, name): (String, String) =
                (row.try_get(0).map_err(error)?, row.try_get(1).map_err(error)?);
            self.execute(format!("DROP {kind} IF EXISTS \"{}\"", name.replace('"', "\"\""))).await?;
        }
        self.execute("COMMIT; VACUUM").await
    }

    fn try_guard(&mut self) -> Result<Option<Holder>, DatabaseError> {
        let Some(path) = &self.guard_path else { return Ok(None) };
        let unfit = |error: std::io::Error| {
            DatabaseError::Unfit(format!("the guard file `{}` cannot be used: {error}", path.display()))
        };
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(unfit)?;
        match file.try_lock() {
            Ok(()) => {
                fault_point!(now "guard.locked", unfit);
                file.set_len(0).map_err(unfit)?;
                let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
                let holder = format!("process {}\n{now}\n", std::process::id());
                file.write_all(holder.as_bytes()).map_err(unfit)?;
                self.guard = Some(file);
                Ok(None)
            }
            Err(TryLockError::WouldBlock) => Ok(Some(read_holder(&mut file))),
            Err(TryLockError::Error(error)) => Err(unfit(error)),
        }
    }
}

/// Whether another connection has the file to itself.
fn is_busy(error: &SqlError) -> bool {
    matches!(error.code.as_deref(), Some("5" | "261" | "517"))
}

/// A large write transaction keeps even readers out: who it is, if it is a run of ours.
fn busy(guard: Option<&Path>) -> DatabaseError {
    DatabaseError::Busy(guard.and_then(seen_holder))
}

/// Who holds the guard; looks with a shared lock, so that looking never keeps a run out.
fn seen_holder(guard: &Path) -> Option<Holder> {
    let mut file = File::open(guard).ok()?;
    file.try_lock_shared().is_err().then(|| read_holder(&mut file))
}

fn read_holder(file: &mut File) -> Holder {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    let mut lines = text.lines();
    let who = lines.next().filter(|_| read.is_ok()).unwrap_or("another process").to_owned();
    let remedy = who.strip_prefix("process ").map(|pid| format!("kill {pid}"));
    Holder { who, since: lines.next().map(str::to_owned), query: None, remedy }
}

impl Read for Sqlite {
    fn server(&self) -> &Server {
        &self.server
    }

    fn history(&mut self) -> BoxFuture<'_, Result<History, DatabaseError>> {
        Box::pin(async move {
            history::read(self).await.map_err(|error| match error {
                DatabaseError::Sql(sql) if is_busy(&sql) => busy(self.guard_path.as_deref()),
                other => other,
            })
        })
    }

    fn strangers(&mut self) -> BoxFuture<'_, Result<Vec<Stranger>, DatabaseError>> {
        Box::pin(history::strangers(self))
    }

    fn introspect(&mut self) -> BoxFuture<'_, Result<Schema, DatabaseError>> {
        Box::pin(introspect::introspect(self))
    }

    fn not_covered(&mut self) -> BoxFuture<'_, Result<Vec<String>, DatabaseError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn referenced_tables(&mut self) -> BoxFuture<'_, Result<BTreeSet<String>, DatabaseError>> {
        Box::pin(introspect::referenced_tables(self))
    }

    fn table_sizes(&mut self) -> BoxFuture<'_, Result<Vec<TableSize>, DatabaseError>> {
        Box::pin(sizes::table_sizes(self))
    }

    fn violations(&mut self) -> BoxFuture<'_, Result<BTreeSet<String>, DatabaseError>> {
        Box::pin(async move {
            let rows = self.fetch("PRAGMA foreign_key_check").await?;
            let text = |row: &sqlx::sqlite::SqliteRow| {
                let (child, parent): (String, String) = (row.try_get(0)?, row.try_get(2)?);
                let rowid: Option<i64> = row.try_get(1)?;
                Ok(format!("row {} of `{child}` points at no row of `{parent}`", rowid.unwrap_or_default()))
            };
            rows.iter().map(|row| text(row).map_err(error)).collect()
        })
    }

    fn holder(&mut self) -> BoxFuture<'_, Result<Option<Holder>, DatabaseError>> {
        Box::pin(async move { Ok(self.guard_path.as_deref().and_then(seen_holder)) })
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

impl Database for Sqlite {
    fn guard(mut self: Box<Self>) -> BoxFuture<'static, Result<Attempt, DatabaseError>> {
        Box::pin(async move {
            match self.try_guard()? {
                None => {
                    fault_point!("guard.taken");
                    Ok(Attempt::Held(self))
                }
                Some(holder) => Ok(Attempt::Busy(self, Some(holder))),
            }
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let _ = self.connection.close().await;
        })
    }
}

/// A text as an SQL literal.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
