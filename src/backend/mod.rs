//! The databases that can be migrated: one folder each, with the same four names.
//!
//! `mod` connects and takes the guard, `session` runs, `history` reads and creates our tables,
//! `introspect` reads the schema. What they share is here and in `tables`.

mod address;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod login;
mod mirror;
#[cfg(feature = "mysql")]
pub mod mysql;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod tables;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod tls;

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::database::{Connect, DatabaseError, SqlError};
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
use crate::history::{Lacks, Seen};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use crate::history::{Row, RowKind};
#[cfg(any(feature = "mysql", feature = "postgres"))]
use crate::secret::Secrets;
use crate::tls::Settings;

pub use address::{address, holds_password, lacks_password};
pub use tables::Tables;

/// The columns of an sqlx history, by which one is known under any name.
const SQLX_COLUMNS: &str =
    "'version', 'description', 'installed_on', 'success', 'checksum', 'execution_time'";

/// The key of the lock that sqlx's `Migrator` takes: `0x3d32ad9e` times the CRC-32 of the database's name.
#[cfg(any(feature = "mysql", feature = "postgres"))]
fn sqlx_key(database: &str) -> i64 {
    0x3d32_ad9e * i64::from(crc32fast::hash(database.as_bytes()))
}

/// How a connection is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// The database, or `None` where a file of it may be absent.
    pub url: SecretString,
    /// Where scratch databases may be made, if not beside it.
    pub scratch_url: Option<SecretString>,
    /// The password where the URL has none. Without one the variables and files of the database's own
    /// clients count (`PGPASSWORD`, `PGPASSFILE`, `MYSQL_PWD`).
    pub password: Option<SecretString>,
    /// How connections are encrypted where the URLs do not say it. By default everything is verified,
    /// unless the server is on this machine.
    pub tls: Settings,
    /// Our tables.
    pub tables: Tables,
    /// Make a database file that is absent.
    pub create: bool,
    /// How long statements may take.
    pub limits: Limits,
    /// The dialects that the configuration names: `mysql://` may mean either of two servers.
    pub dialects: Vec<Dialect>,
}

/// How long statements may take on the live database; none of it holds on a scratch one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a statement waits for a lock that somebody else holds; zero = as long as it takes.
    pub lock: Duration,
    /// How long a statement may run at all (PostgreSQL, MariaDB); zero = as long as it takes.
    pub statement: Duration,
}

/// The dialect that a URL speaks of. Many programs know only the scheme `mysql`: it means MariaDB where
/// `dialects` names MariaDB and not MySQL.
pub fn dialect_of(url: &str, dialects: &[Dialect]) -> Result<Dialect, Diagnostic> {
    let dialect = dialect_of_scheme(url)?;
    let named = |dialect| dialects.contains(&dialect);
    let other = dialect == Dialect::MySql && named(Dialect::MariaDb) && !named(Dialect::MySql);
    Ok(if other { Dialect::MariaDb } else { dialect })
}

fn dialect_of_scheme(url: &str) -> Result<Dialect, Diagnostic> {
    // what is not understood may hold a password: only a scheme is shown
    let scheme =
        url.split_once("://").map(|(scheme, _)| scheme).or_else(|| url.split_once(':').map(|(s, _)| s));
    let scheme = scheme.filter(|s| s.len() < 20 && s.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    scheme.and_then(Dialect::from_scheme).ok_or_else(|| {
        let message = match scheme {
            Some(scheme) => format!("`{scheme}` is not the scheme of a database URL"),
            None => "the database URL does not begin with a scheme".to_owned(),
        };
        Diagnostic::new(message)
            .help("use `sqlite://FILE`, or `postgres://USER@HOST/DATABASE`, `mariadb://…`, `mysql://…`")
    })
}

/// Where connections to this URL come from.
pub fn connector(options: &Options) -> Result<Box<dyn Connect>, Diagnostic> {
    match dialect_of(options.url.expose_secret(), &options.dialects)? {
        #[cfg(feature = "mysql")]
        dialect @ (Dialect::MariaDb | Dialect::MySql) => {
            Ok(Box::new(mysql::Connector::new(options, dialect)?))
        }
        #[cfg(feature = "postgres")]
        Dialect::Postgres => Ok(Box::new(postgres::Connector::new(options)?)),
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => Ok(Box::new(sqlite::Connector::new(options)?)),
        #[expect(clippy::allow_attributes, reason = "which arm is left depends on the features")]
        #[allow(unreachable_patterns)]
        other => {
            Err(Diagnostic::new(format!("this db-migrations was built without {}", other.facts().title))
                .help("build it with its default features"))
        }
    }
}

/// Why a server gave no connection: without the passwords, and with the way out where encryption is the
/// reason.
#[cfg(any(feature = "mysql", feature = "postgres"))]
fn unreachable(fault: sqlx::Error, address: &str, secrets: &Secrets) -> DatabaseError {
    let message = match error(fault) {
        DatabaseError::Sql(error) => error.message,
        DatabaseError::Lost(message) => message,
        other => other.to_string(),
    };
    let message = secrets.scrub(&message);
    let (message, help) = match tls::refusal(&message) {
        Some((message, help)) => (message, Some(help)),
        None => (message, None),
    };
    DatabaseError::Unreachable { address: address.to_owned(), message, help }
}

/// Turns a driver's error into ours. A driver's own text of a database's error is never shown: it
/// speaks of the server's C sources.
fn error(error: sqlx::Error) -> DatabaseError {
    match error {
        sqlx::Error::Database(error) => {
            let sql = sql_error(&*error);
            // the server ends the connection: what it was doing may be done
            let ends = |code: &str| code.starts_with("08") || ["57P01", "57P02", "57P03"].contains(&code);
            match &sql.code {
                Some(code) if code.len() == 5 && ends(code) => DatabaseError::Lost(sql.message),
                _ => DatabaseError::Sql(sql),
            }
        }
        sqlx::Error::Io(error) => DatabaseError::Lost(error.to_string()),
        sqlx::Error::WorkerCrashed => DatabaseError::Lost("the database's thread ended".to_owned()),
        other => DatabaseError::Lost(other.to_string()),
    }
}

fn sql_error(error: &dyn sqlx::error::DatabaseError) -> SqlError {
    #[cfg(feature = "postgres")]
    if let Some(error) = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        let own = |text: Option<&str>| text.map(str::to_owned);
        return SqlError {
            code: Some(error.code().to_owned()),
            message: error.message().to_owned(),
            detail: own(error.detail()),
            hint: own(error.hint()),
            context: own(error.r#where()),
            position: match error.position() {
                Some(sqlx::postgres::PgErrorPosition::Original(at)) => Some(at),
                _ => None,
            },
            number: None,
            lacks_right: error.code() == "42501",
            misses_rows: false,
            transient: postgres::TRANSIENT.contains(&error.code()),
        };
    }
    #[cfg(feature = "mysql")]
    if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return SqlError {
            code: error.code().map(str::to_owned),
            number: Some(error.number()),
            message: error.message().to_owned(),
            lacks_right: mysql::LACKS_RIGHT.contains(&error.number()),
            misses_rows: mysql::MISSES_ROWS.contains(&error.number()),
            transient: mysql::TRANSIENT.contains(&error.number()),
            ..SqlError::default()
        };
    }
    SqlError {
        code: error.code().map(Into::into),
        message: error.message().to_owned(),
        ..SqlError::default()
    }
}

fn strange(what: &str) -> DatabaseError {
    DatabaseError::Unfit(format!("the history table holds `{what}`, which is no migration's id"))
}

/// A row of the history, as both drivers give it: id, checksum, dialect, kind, run, position, time, ms.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
fn history_row<R>(row: &R) -> Result<Row, DatabaseError>
where
    R: sqlx::Row,
    usize: sqlx::ColumnIndex<R>,
    for<'r> String: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
    for<'r> i64: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
{
    let text = |i: usize| row.try_get::<Option<String>, _>(i).map_err(error);
    let id = text(0)?.unwrap_or_default();
    Ok(Row {
        id: id.parse().map_err(|_| strange(&id))?,
        checksum: text(1)?.and_then(|hex| hex.parse().ok()),
        dialect: text(2)?.and_then(|name| Dialect::from_alias(&name)),
        kind: text(3)?.and_then(|name| RowKind::from_name(&name)).unwrap_or(RowKind::Applied),
        run: text(4)?.unwrap_or_default(),
        position: row.try_get(5).map_err(error)?,
        executed_at: text(6)?.unwrap_or_default(),
        execution_ms: row.try_get(7).map_err(error)?,
    })
}

/// A run, as those after it need to know it: its id, its release and its reason.
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
fn seen(run: Option<String>, release: Option<String>, reason: Option<&str>) -> Seen {
    let lacks = reason.map(Lacks::of_reason).unwrap_or_default();
    Seen { run: run.unwrap_or_default(), release, lacks }
}

/// The run of a history row and its release, if that is known.
#[cfg(feature = "postgres")]
fn release(row: &sqlx::postgres::PgRow) -> Option<(String, String)> {
    use sqlx::Row as _;
    let text = |i: usize| row.try_get::<Option<String>, _>(i).ok().flatten();
    Some((text(4)?, text(8)?))
}

/// Rows of any shape as lines of text.
fn lines<R>(rows: &[R]) -> Vec<String>
where
    R: sqlx::Row,
    usize: sqlx::ColumnIndex<R>,
    for<'r> String: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
{
    let cell = |row: &R, i: usize| row.try_get_unchecked::<Option<String>, _>(i).ok().flatten();
    let line = |row: &R| {
        let cells = (0..row.len()).map(|i| cell(row, i).unwrap_or_else(|| "NULL".to_owned()));
        cells.collect::<Vec<_>>().join(", ")
    };
    rows.iter().map(line).collect()
}
