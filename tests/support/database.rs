//! A database for one test: an own file, or an own database on the test server.

use std::io::{Seek, Write};
use std::path::PathBuf;
use std::process::Command;

use sqlx::{AssertSqlSafe, Column, Connection, PgConnection, Row, SqliteConnection, ValueRef};
use tempfile::TempDir;

use super::{block_on, mariadb, postgres};

/// An empty database with a name of its own, gone when this is dropped.
pub(crate) struct Db {
    url: String,
    place: Place,
}

enum Place {
    Sqlite(TempDir),
    Postgres {
        server: &'static postgres::Server,
        name: String,
    },
    /// A database that somebody else made, and that stays.
    Given(&'static postgres::Server),
    MariaDb {
        server: &'static mariadb::Server,
        name: String,
    },
}

/// Runs a test on each database that is there.
pub(crate) fn each_database(test: impl Fn(&Db)) {
    test(&Db::sqlite());
    for database in [Db::postgres(), Db::mariadb()].into_iter().flatten() {
        test(&database);
    }
}

impl Db {
    /// A file that does not exist yet.
    pub(crate) fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite://{}", folder.path().join("app.db").display());
        Self { url, place: Place::Sqlite(folder) }
    }

    /// A new database; `None` where there is no PostgreSQL.
    pub(crate) fn postgres() -> Option<Self> {
        let server = postgres::server()?;
        let name = format!("test_{}", super::random());
        administer(server, &format!("CREATE DATABASE {name} TEMPLATE template0"));
        let mut url = url::Url::parse(&server.url).unwrap();
        url.set_path(&name);
        Some(Self { url: url.into(), place: Place::Postgres { server, name } })
    }

    /// A database of another PostgreSQL server, which stays.
    pub(crate) fn on(url: &str) -> Self {
        let server = postgres::server().expect("the programs of PostgreSQL");
        Self { url: url.to_owned(), place: Place::Given(server) }
    }

    /// A new database; `None` where there is no MariaDB.
    pub(crate) fn mariadb() -> Option<Self> {
        let server = mariadb::server()?;
        let name = format!("test_{}", super::random());
        mariadb::execute(&server.url, &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4")).unwrap();
        let url = mariadb::with_database(&server.url, &name);
        Some(Self { url, place: Place::MariaDb { server, name } })
    }

    /// Another empty one of the same kind.
    pub(crate) fn another(&self) -> Self {
        match &self.place {
            Place::Sqlite(_) => Self::sqlite(),
            Place::Postgres { .. } | Place::Given(_) => Self::postgres().unwrap(),
            Place::MariaDb { .. } => Self::mariadb().unwrap(),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The URL with another role, as PostgreSQL calls it, or user.
    pub(crate) fn url_as(&self, role: &str) -> String {
        let mut url = url::Url::parse(&self.url).unwrap();
        url.set_username(role).unwrap();
        let _ = url.set_password(None);
        url.into()
    }

    /// As in file names: `sqlite`, `postgres` or `mariadb`.
    pub(crate) fn dialect(&self) -> &'static str {
        match self.place {
            Place::Sqlite(_) => "sqlite",
            Place::Postgres { .. } | Place::Given(_) => "postgres",
            Place::MariaDb { .. } => "mariadb",
        }
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.dialect() == "sqlite"
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.dialect() == "postgres"
    }

    pub(crate) fn is_mariadb(&self) -> bool {
        self.dialect() == "mariadb"
    }

    /// The file (SQLite).
    pub(crate) fn path(&self) -> Option<PathBuf> {
        self.url.strip_prefix("sqlite://").map(PathBuf::from)
    }

    /// Runs statements; what fails fails the test.
    #[track_caller]
    pub(crate) fn execute(&self, sql: &str) {
        if let Err(error) = self.try_query(sql) {
            panic!("{error}\nin {sql}");
        }
    }

    /// Runs a script by the database's own client, where there is a server: it may hold what only that understands.
    #[track_caller]
    pub(crate) fn load(&self, script: &str) {
        if let Err(error) = self.try_load(script) {
            panic!("{error}\nin {script}");
        }
    }

    /// The same, or what the database says.
    pub(crate) fn try_load(&self, script: &str) -> Result<(), String> {
        let mut client = match &self.place {
            Place::MariaDb { server, name } => {
                let mut client = server.client("mariadb");
                // without `--comments` it takes them out of bodies
                client.args(["--comments", name]);
                client
            }
            Place::Postgres { server, .. } | Place::Given(server) => {
                let mut client = Command::new(server.program("psql"));
                client.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &self.url]);
                client
            }
            Place::Sqlite(_) => {
                return self.try_query(script).map(|_| ()).map_err(|error| error.to_string());
            }
        };
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(script.as_bytes()).unwrap();
        file.rewind().unwrap();
        let output = client.stdin(file).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(()) } else { Err(error.into_owned()) }
    }

    /// Another one with all that is in this one.
    pub(crate) fn copy(&self) -> Self {
        match &self.place {
            Place::Sqlite(_) => {
                let copy = Self::sqlite();
                std::fs::copy(self.path().unwrap(), copy.path().unwrap()).unwrap();
                copy
            }
            Place::Postgres { server, name: original } => {
                let name = format!("test_{}", super::random());
                administer(server, &format!("CREATE DATABASE {name} TEMPLATE {original}"));
                let mut url = url::Url::parse(&server.url).unwrap();
                url.set_path(&name);
                Self { url: url.into(), place: Place::Postgres { server, name } }
            }
            Place::Given(_) | Place::MariaDb { .. } => {
                let copy = self.another();
                copy.load(&self.dump());
                copy
            }
        }
    }

    /// The first column of all rows as text, NULL as `NULL`.
    #[track_caller]
    pub(crate) fn query(&self, sql: &str) -> Vec<String> {
        self.try_query(sql).unwrap_or_else(|error| panic!("{error}\nin {sql}"))
    }

    /// The same, asked of a PostgreSQL server by another way.
    #[track_caller]
    pub(crate) fn query_at(&self, url: &str, sql: &str) -> Vec<String> {
        assert!(self.is_postgres());
        let rows = block_on(async {
            let options: sqlx::postgres::PgConnectOptions = url.parse()?;
            let mut connection = PgConnection::connect_with(&options.extra_float_digits(None)).await?;
            let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await?;
            connection.close().await?;
            rows.iter().map(|row| text(row, |row| row.try_get_unchecked(0))).collect::<Result<Vec<_>, _>>()
        });
        rows.unwrap_or_else(|error| panic!("{error}\nin {sql}"))
    }

    /// The first column of the first row as a number.
    #[track_caller]
    pub(crate) fn count(&self, sql: &str) -> i64 {
        self.query(sql)[0].parse().unwrap()
    }

    pub(crate) fn try_query(&self, sql: &str) -> Result<Vec<String>, sqlx::Error> {
        let sql = || sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        block_on(async {
            match &self.place {
                Place::Sqlite(_) => {
                    let options = self.sqlite_options().create_if_missing(true);
                    let mut connection = SqliteConnection::connect_with(&options).await?;
                    let rows = sql().fetch_all(&mut connection).await?;
                    connection.close().await?;
                    rows.iter().map(|row| text(row, |row| row.try_get_unchecked(0))).collect()
                }
                Place::Postgres { .. } | Place::Given(_) => {
                    let mut connection = PgConnection::connect(&self.url).await?;
                    let rows = sql().fetch_all(&mut connection).await?;
                    connection.close().await?;
                    // the simple protocol sends every value as text
                    rows.iter().map(|row| text(row, |row| row.try_get_unchecked(0))).collect()
                }
                Place::MariaDb { .. } => {
                    let mut connection = mariadb::connect(&self.url).await?;
                    let rows = sql().fetch_all(&mut connection).await?;
                    connection.close().await?;
                    // every value comes as text here too
                    rows.iter().map(|row| text(row, |row| row.try_get_unchecked(0))).collect()
                }
            }
        })
    }

    fn sqlite_options(&self) -> sqlx::sqlite::SqliteConnectOptions {
        let options: sqlx::sqlite::SqliteConnectOptions = self.url.parse().unwrap();
        options.busy_timeout(std::time::Duration::from_secs(30))
    }

    /// Everything in the database: schema, rows, history. Equal dumps mean equal databases.
    pub(crate) fn dump(&self) -> String {
        match &self.place {
            Place::Sqlite(_) => self.sqlite_dump(),
            Place::Postgres { server, .. } | Place::Given(server) => pg_dump(server, &self.url, &[]),
            Place::MariaDb { server, name } => mariadb_dump(server, name, &[]),
        }
    }

    /// The schema alone, in the words of the database's own tool, without our tables.
    pub(crate) fn dump_schema(&self) -> String {
        match &self.place {
            Place::Sqlite(_) => self
                .query("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND tbl_name NOT LIKE 'db\\_migrations%' ESCAPE '\\' ORDER BY type, name")
                .join(";\n"),
            Place::Postgres { server, .. } | Place::Given(server) => {
                pg_dump(server, &self.url, &["--schema-only", "--exclude-table=db_migrations*"])
            }
            Place::MariaDb { server, name } => {
                let ours = ["db_migrations", "db_migrations_run", "db_migrations_step"];
                let without = ours.map(|table| format!("--ignore-table={name}.{table}"));
                let dump = mariadb_dump(server, name, &[&["--no-data".to_owned()], &without[..]].concat());
                dump.lines().map(without_auto_increment).collect::<Vec<_>>().join("\n")
            }
        }
    }

    fn sqlite_dump(&self) -> String {
        let Some(path) = self.path().filter(|path| path.exists()) else { return String::new() };
        assert!(path.is_file());
        let mut dump = self
            .query("SELECT type||' '||name||': '||coalesce(sql, '') FROM sqlite_schema ORDER BY type, name");
        let tables = self.query("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow') ORDER BY name");
        for table in tables {
            let quoted = table.replace('"', "\"\"");
            let columns = self.query(&format!(
                "SELECT group_concat('quote(\"'||replace(name, '\"', '\"\"')||'\")', '||'', ''||') FROM pragma_table_xinfo('{}')",
                table.replace('\'', "''")
            ));
            let rows = self.query(&format!("SELECT {} FROM \"{quoted}\"", columns[0]));
            dump.extend(rows.into_iter().map(|row| format!("{table}: {row}")));
        }
        dump.join("\n")
    }

    /// Whether there is nothing at all in it.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.place {
            Place::Sqlite(_) => {
                self.path().is_some_and(|path| !path.exists())
                    || self.count("SELECT count(*) FROM sqlite_schema") == 0
            }
            Place::Postgres { .. } | Place::Given(_) => {
                self.count(
                    "WITH n AS (SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema')
                     SELECT (SELECT count(*) FROM pg_class WHERE relnamespace IN (TABLE n))
                          + (SELECT count(*) FROM pg_proc WHERE pronamespace IN (TABLE n))
                          + (SELECT count(*) FROM pg_type WHERE typnamespace IN (TABLE n))
                          + (SELECT count(*) FROM pg_extension WHERE extname <> 'plpgsql')
                          + (SELECT count(*) - 1 FROM n)",
                ) == 0
            }
            // views and sequences are among the tables
            Place::MariaDb { .. } => {
                self.count(
                    "SELECT (SELECT count(*) FROM information_schema.tables WHERE table_schema = database())
                          + (SELECT count(*) FROM information_schema.routines WHERE routine_schema = database())
                          + (SELECT count(*) FROM information_schema.triggers WHERE trigger_schema = database())
                          + (SELECT count(*) FROM information_schema.events WHERE event_schema = database())",
                ) == 0
            }
        }
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        match &self.place {
            Place::Sqlite(_) | Place::Given(_) => {}
            Place::Postgres { server, name } => {
                administer(server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
            }
            Place::MariaDb { server, name } => {
                let done = mariadb::execute(&server.url, &format!("DROP DATABASE IF EXISTS {name}"));
                assert!(done.is_ok() || std::thread::panicking(), "{done:?}");
            }
        }
    }
}

fn text<R: Row>(
    row: &R,
    get: impl Fn(&R) -> Result<Option<String>, sqlx::Error>,
) -> Result<String, sqlx::Error>
where
    usize: sqlx::ColumnIndex<R>,
{
    if row.columns().is_empty() || row.try_get_raw(0)?.is_null() {
        return Ok("NULL".to_owned());
    }
    debug_assert!(row.column(0).ordinal() == 0);
    Ok(get(row)?.unwrap_or_default())
}

fn administer(server: &postgres::Server, sql: &str) {
    let done: Result<(), sqlx::Error> = block_on(async {
        let mut connection = PgConnection::connect(&server.url).await?;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
        connection.close().await
    });
    if let Err(error) = done
        && !std::thread::panicking()
    {
        panic!("{error}\nin {sql}");
    }
}

fn pg_dump(server: &postgres::Server, url: &str, options: &[&str]) -> String {
    let output = Command::new(server.program("pg_dump"))
        .arg("--no-owner")
        .args(options)
        .arg("--dbname")
        .arg(url)
        .output()
        .unwrap();
    assert!(output.status.success(), "pg_dump: {}", String::from_utf8_lossy(&output.stderr));
    let dump = String::from_utf8(output.stdout).unwrap();
    // these carry a new random word each time
    let random = |line: &&str| line.starts_with("\\restrict ") || line.starts_with("\\unrestrict ");
    dump.lines().filter(|line| !random(line)).collect::<Vec<_>>().join("\n")
}

fn mariadb_dump(server: &mariadb::Server, database: &str, options: &[String]) -> String {
    let mut command = server.client("mariadb-dump");
    command.args(["--routines", "--events", "--triggers", "--single-transaction", "--hex-blob"]);
    command.args(["--skip-dump-date", "--skip-comments"]).args(options).arg(database);
    // some expressions of views name it, so that a dump could not be restored elsewhere
    mariadb::output(&mut command).replace(&format!("`{database}`."), "")
}

/// A table's options without the next number, which depends on the rows.
fn without_auto_increment(line: &str) -> String {
    match line.split_once(" AUTO_INCREMENT=") {
        Some((before, after)) => {
            format!("{before}{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        None => line.to_owned(),
    }
}
